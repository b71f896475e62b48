"""Reading files of schemas and instances."""

from __future__ import annotations

import gzip
import json
import lzma
from pathlib import Path

import pytest

from structgen.bench.cases import read_cases, spelled
from structgen.errors import OptionError

ROWS = [
    {"id": "a", "schema": {"type": "string"}, "tests": [{"data": "é", "valid": True}, {"data": 3, "valid": False}]},
    {"schema": True, "tests": []},
    {"id": 7, "schema": {"const": "\ud800"}, "tests": [{"data": "\ud800", "valid": True}]},
]
TEXT = "\n".join(map(json.dumps, ROWS)) + "\n\n"


@pytest.mark.parametrize("name", ["plain.jsonl", "packed.jsonl.xz", "packed.jsonl.gz"])
def test_plain_and_compressed_files(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    opened = {".xz": lzma.open, ".gz": gzip.open}.get(file.suffix, open)
    with opened(file, "wt", encoding="utf-8") as out:
        out.write(TEXT)
    cases = read_cases(file)
    assert [case.id for case in cases] == ["a", "2", "7"]
    assert [json.loads(case.schema) for case in cases] == [row["schema"] for row in ROWS]
    assert cases[0].tests == (('"é"', True), ("3", False))
    assert cases[2].tests == (('"\\ud800"', True),)
    assert [case.id for case in read_cases(file, 1)] == ["a"]


def test_splits(tmp_path: Path) -> None:
    named = [{"id": "Github_easy---o1", "split": "mine"}, {"id": "Github_easy---o1---x"}, {"id": "plain"}]
    file = tmp_path / "cases.jsonl"
    file.write_text("".join(json.dumps({**one, "schema": True, "tests": []}) + "\n" for one in named))
    assert [case.split for case in read_cases(file)] == ["mine", "Github_easy", ""]


@pytest.mark.parametrize("value", ["é", "\ud800", "\U0001f600", {"a": [1.5, None, True, "\n"]}, 10**30])
def test_texts_are_utf8_and_say_the_value(value: object) -> None:
    assert json.loads(spelled(value).encode().decode()) == value


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{", "line 2"),
        ("[]", "line 2"),
        ('{"schema": {}}', "tests"),
        ('{"schema": {}, "tests": [{"data": 1}]}', "valid"),
        ("[" * 100_000, "line 2"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, line: str, words: str) -> None:
    file = tmp_path / "cases.jsonl"
    file.write_text(json.dumps(ROWS[0]) + "\n" + line + "\n")
    with pytest.raises(OptionError, match=words):
        read_cases(file)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="no file"):
        read_cases(tmp_path / "absent.jsonl")
    for name in ("bad.jsonl.xz", "bad.jsonl.gz", "bad.jsonl"):
        (tmp_path / name).write_bytes(b"\xff\x00 no archive")
        with pytest.raises(OptionError, match="cannot be read"):
            read_cases(tmp_path / name)
