"""The official suite as the bench reads it: groups, remote documents, marks, the table. Judged with a small suite made here."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path
from random import Random
from typing import Any

import pytest

from structgen.bench.masks import run_engines
from structgen.bench.outcomes import Outcome
from structgen.bench.record import Record
from structgen.bench.suite import Group, mark_of, markdown, marks_of, read_suite, remotes, respelled, workload
from structgen.errors import OptionError
from structgen.tiny import path

TOKENIZER = str(path() / "tokenizer.json")
GROUPS: dict[str, Any] = {
    "tests/draft7/type.json": [
        {
            "description": "numbers",
            "schema": {"type": "integer"},
            "tests": [{"description": "one", "data": 1, "valid": True}, {"description": "text", "data": "x", "valid": False}],
        },
        {"description": "broken", "schema": {"type": 5}, "tests": [{"description": "any", "data": 1, "valid": True}]},
    ],
    "tests/draft7/optional/format/date.json": [
        {
            "description": "dates",
            "schema": {"$ref": "http://localhost:1234/draft7/date.json"},
            "tests": [{"description": "no date", "data": "x", "valid": False}],
        }
    ],
    "remotes/draft7/date.json": {"format": "date"},
    "remotes/draft4/other.json": {},
}


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    root = tmp_path / "json-schema-test-suite"
    for name, content in GROUPS.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(json.dumps(content))
    return root


def test_groups_from_a_folder_and_from_an_archive(suite: Path, tmp_path: Path) -> None:
    groups = read_suite(suite, "draft7")
    assert [(one.file, one.name, one.formats) for one in groups] == [
        ("optional/format/date", "dates", "assert"),
        ("type", "numbers", "annotation"),
        ("type", "broken", "annotation"),
    ]
    assert groups[1].tests == (("one", 1, True), ("text", "x", False))
    with tarfile.open(tmp_path / "suite.tar.xz", "w:xz") as tar:
        tar.add(suite, "json-schema-test-suite")
    assert read_suite(tmp_path / "suite.tar.xz", "draft7") == groups
    assert [one.file for one in read_suite(suite, "draft7", optional=False)] == ["type", "type"]


def test_remote_documents(suite: Path) -> None:
    assert list(remotes(suite, "draft7")) == ["http://localhost:1234/draft7/date.json"]


def test_bad_input(suite: Path, tmp_path: Path) -> None:
    for place, draft in ((suite, "draft4"), (tmp_path / "absent", "draft7"), (Path(__file__), "draft7")):
        with pytest.raises(OptionError) as caught:
            read_suite(place, draft)
        assert caught.value.where == "--suite"


def test_marks() -> None:
    assert [mark_of(a, v) for a in (True, False) for v in (True, False)] == ["pass", "false positive", "false negative", "pass"]
    group = Group("draft7", "type", "g", True, (("a", 1, True), ("b", 2, False), ("c", 3, False)))
    assert marks_of(Outcome("g", "crash", read=[True, None, True]), group) == ["pass", "crash", "false positive"]
    assert marks_of(Outcome("g", "timeout"), group) == ["time-out"] * 3
    assert marks_of(Outcome("g", "refused"), group) == ["refused"] * 3
    assert marks_of(Outcome("g", "refused"), Group("draft7", "type", "g", False, group.tests[1:])) == ["refused, none valid"] * 2
    assert marks_of(Outcome("g", "crash"), group) == ["crash"] * 3


def test_an_engine_over_the_suite(suite: Path) -> None:
    groups = read_suite(suite, "draft7")
    record = Record({"structgen": "1"})
    run_engines(workload(groups, suite, TOKENIZER), record)
    marks = [marks_of(outcome, group) for outcome, group in zip(record.sitting("structgen").outcomes, groups, strict=True)]
    assert marks == [["pass"], ["pass", "pass"], ["refused"]]
    table = markdown([("draft7", "structgen 1", [mark for some in marks for mark in some])])
    assert [cell.strip() for cell in table.splitlines()[-1].split("|")][1:-1] == ["draft7, structgen 1", *"43010000"]
    assert len({line.count("|") for line in table.splitlines()}) == 1


def test_other_spellings_are_of_the_same_value() -> None:
    value = {"a\n": [1, 2.5, True, None, "é😀\\"], "b": {}, "": []}
    texts = {respelled(value, Random(seed)) for seed in range(50)}
    assert len(texts) == 50
    assert all(json.loads(text) == value for text in texts)
    assert respelled([1], Random(0), floats=False).strip().count(".") == 0
