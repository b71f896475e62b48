"""Tables: their form, and that their cells are the figures."""

from __future__ import annotations

import pytest

from structgen.bench.outcomes import Outcome, Sitting, Start
from structgen.bench.tables import report, shown, table


@pytest.mark.parametrize(
    ("time", "text"),
    [(None, "-"), (0.351, "0.35 µs"), (12.34, "12.3 µs"), (123.4, "123 µs"), (1500.0, "1.50 ms"), (2.5e6, "2.50 s"), (0.0, "0.00 µs")],
)
def test_times_for_people(time: float | None, text: str) -> None:
    assert shown(time) == text


def test_columns_are_aligned() -> None:
    assert table(["name", "n"], [["a", "1"], ["long name", "1,000"]]).splitlines() == [
        "| name      |     n |",
        "| --------- | ----: |",
        "| a         |     1 |",
        "| long name | 1,000 |",
    ]
    assert table(["n"], []).splitlines() == ["| n   |", "| --- |"]


def sittings(*engines: str, passes: int = 1) -> list[Sitting]:
    """The k-th engine takes k + 1 times as long as the first."""
    found = []
    for turn in range(1, passes + 1):
        for k, name in enumerate(engines, 1):
            outcomes = [
                Outcome(str(n), "pass", first_us=1000.0 * k, us=[10.0 * k], split=f"s{n % 2}", memory_mb=7.0, peak_mb=8.0) for n in range(4)
            ]
            found.append(Sitting(name, "1", turn, outcomes, [Start(1.5, 5.0, 6.0)]))
    return found


def cells(text: str, row: str) -> list[list[str]]:
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines()]
    return [line[1:] for line in lines if line and line[0] == row]


def test_the_report_of_one_engine() -> None:
    text = report(sittings("a"), 30.0, "a")
    assert cells(text, "a") == [
        ["4", "0", "0", "0", "0", "0", "1.5 s", "5 MB", "7 MB", "8 MB", "1"],
        ["4", *["1.00 ms"] * 6],
        ["4", *["10.0 µs"] * 6],
    ]
    assert cells(text, "s1, a") == [["2", "2", *["1.00 ms"] * 3, *["10.0 µs"] * 3]]
    assert "divided" not in text


def test_the_report_of_several_engines_and_passes() -> None:
    text = report(sittings("a", "b", "c", passes=2), 30.0, "b")
    assert [row[0] for row in cells(text, "**a and b**")] == ["4"] * 4
    assert len(cells(text, "**all**")) == 4
    assert len(cells(text, "mask + commit, over what both or all pass, pass 2")) == 1
    assert [row[1] for row in cells(text, "divided by b")] == ["0.50", "1.50", "0.50", "1.50"] * 4
    assert cells(text, "s0, a, pass 2") == [["2", "2", *["1.00 ms"] * 3, *["10.0 µs"] * 3], ["2", *["0.50"] * 6]]
    for part in text.split("\n\n"):
        assert len({line.count("|") for line in part.splitlines()}) == 1


def test_an_engine_that_takes_nothing() -> None:
    none = Sitting("none", "1", 1, [Outcome("1", "refused", split="s0")], [])
    text = report([none, Sitting("b", "1", 1, [Outcome("1", "pass", first_us=1.0, us=[2.0], split="s0")])], 30.0, "b")
    assert cells(text, "none")[1] == ["0", *["-"] * 6]
    assert cells(text, "divided by b") == [["", *["-"] * 6]] * 2
