"""Files of results: what was written is read, cut lines are dropped, other setups are refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from structgen.bench.outcomes import Outcome, Start
from structgen.bench.record import Record
from structgen.errors import OptionError

ENGINES = {"a": "1", "b": "2"}
SETUP = {"timeout": 3.0, "machine": {"cpu": "x", "cores": 2}}
SLOW = Outcome("two", "timeout", "why \n?", None, 7.0, split="s")
FAST = Outcome("one", "pass", first_us=1.5, us=[1.0, 2.5], read=[True, None], memory_mb=3.0)


def filled(path: Path) -> Record:
    record = Record(ENGINES, SETUP, path)
    record.started("a", Start(1.0, 2.0, 3.0))
    assert [record.add("a", 1, 1, SLOW), record.add("a", 1, 0, FAST), record.add("a", 2, 0, FAST), record.add("b", 1, 0, SLOW)] == [
        1,
        2,
        3,
        1,
    ]
    return record


def test_what_was_written_is_read(tmp_path: Path) -> None:
    record = filled(tmp_path / "r")
    again = Record(ENGINES, SETUP, tmp_path / "r")
    assert again.sittings() == record.sittings()
    assert [(one.name, one.version, one.outcomes) for one in again.sittings()] == [
        ("a", "1", [FAST, SLOW]),
        ("b", "2", [SLOW]),
        ("a, pass 2", "1", [FAST]),
        ("b, pass 2", "2", []),
    ]
    assert again.sitting("a").starts == [Start(1.0, 2.0, 3.0)]
    assert (again.begun, again.done("a"), again.done("b")) == (record.begun, 3, 1)
    assert (again.get("a", 1, 1), again.get("a", 2, 1)) == (SLOW, None)


def test_a_file_that_was_cut_anywhere_can_be_used(tmp_path: Path) -> None:
    whole = filled(tmp_path / "r")
    text = (tmp_path / "r").read_bytes()
    for cut in range(text.index(b"\n") + 1, len(text), 7):
        (tmp_path / "cut").write_bytes(text[:cut])
        record = Record(ENGINES, SETUP, tmp_path / "cut")
        lines = text[:cut].count(b"\n")
        assert record.done("a") + record.done("b") == max(0, lines - 2)
        assert (tmp_path / "cut").read_bytes() == text[: text[:cut].rindex(b"\n") + 1]
    assert Record(ENGINES, SETUP, tmp_path / "r").sittings() == whole.sittings()


@pytest.mark.parametrize(
    ("engines", "setup", "words"),
    [
        ({"a": "1", "b": "3"}, SETUP, "engines is a 1, b 2 there, a 1, b 3 now"),
        ({"a": "1"}, SETUP, "engines is"),
        (ENGINES, {**SETUP, "timeout": 4.0}, "timeout is 3.0 there, 4.0 now"),
        (ENGINES, {"timeout": 3.0, "machine": {"cpu": "y", "cores": 2}}, "machine is cpu x"),
        (ENGINES, {**SETUP, "passes": 2}, "passes is None there"),
    ],
)
def test_another_setup_is_refused(tmp_path: Path, engines: dict[str, str], setup: dict[str, object], words: str) -> None:
    filled(tmp_path / "r")
    before = (tmp_path / "r").read_text()
    with pytest.raises(OptionError, match=words) as caught:
        Record(engines, setup, tmp_path / "r")
    assert caught.value.where == "--results"
    assert (tmp_path / "r").read_text() == before


@pytest.mark.parametrize(
    "text", ["{}\n", "notes\n", "[1]\n", '{"setup": {}}\n', "\xff\n", "my only notes", '{"setup": {}, "beg', json.dumps({"data": 1}) + "\n"]
)
def test_other_files_are_refused_and_left_alone(tmp_path: Path, text: str) -> None:
    (tmp_path / "r").write_bytes(text.encode("latin-1"))
    with pytest.raises(OptionError) as caught:
        Record(ENGINES, SETUP, tmp_path / "r")
    assert caught.value.where == "--results"
    assert (tmp_path / "r").read_bytes() == text.encode("latin-1")


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(OptionError):
        Record(ENGINES, SETUP, tmp_path)
