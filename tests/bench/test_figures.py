"""Figures: whether they are as they should be, as a table, and through a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from structgen.bench.figures import Figure, markdown, read_figures, said, write_figures
from structgen.errors import OptionError

FIGURES = [
    Figure("masks", "median", 0.06, "x", most=0.25, beside="2 µs"),
    Figure("masks", "slowest", 21.5, "ms", most=20),
    Figure("threads", "two at once", 1.9, "x", least=1.5),
    Figure("threads", "crashes", 0, most=0),
    Figure("forced", "share", 0.4),
]


def test_figures_are_met_or_not() -> None:
    assert [one.met for one in FIGURES] == [True, False, True, True, None]
    assert [one.ratio and round(one.ratio, 2) for one in FIGURES] == [0.24, 1.07, 1.27, None, None]
    assert Figure("masks", "nothing measured", float("nan"), most=1).met is False


def test_the_table_says_all_of_it() -> None:
    lines = markdown(FIGURES).splitlines()
    assert [line.split("|")[1].strip() for line in lines[2:]] == [
        *("**masks**", "median", "slowest", "**threads**", "two at once", "crashes", "**forced**", "share")
    ]
    assert [cell.strip() for cell in lines[4].split("|")[2:-1]] == ["21.5 ms", "≤ 20", "1.07", "**not met**", ""]
    assert [cell.strip() for cell in lines[3].split("|")[2:-1]] == ["0.0600 x", "≤ 0.25", "0.24", "met", "2 µs"]
    assert [cell.strip() for cell in lines[6].split("|")[2:-1]] == ["1.90 x", "≥ 1.50", "1.27", "met", ""]


@pytest.mark.parametrize(("value", "text"), [(None, "-"), (0.0, "0"), (12.345, "12.3"), (1234.5, "1,234"), (3.0, "3"), (0.5, "0.50")])
def test_numbers_for_people(value: float | None, text: str) -> None:
    assert said(value) == text


def test_a_file_gives_the_figures_back(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    write_figures(file, FIGURES)
    assert read_figures(file) == FIGURES
    assert [one.name for one in tmp_path.iterdir()] == ["figures.json"]


@pytest.mark.parametrize("text", ["", "{}x", '[{"odd": 1}]', "[1]"])
def test_other_files_are_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "figures.json"
    file.write_text(text)
    with pytest.raises(OptionError, match="no figures"):
        read_figures(file)
