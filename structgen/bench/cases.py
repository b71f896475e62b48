"""The schemas and instances that engines are measured on.

A file has one JSON object a line, `{"id", "split", "schema", "tests": [{"data", "valid"}]}`, plain or compressed (`.jsonl`, `.jsonl.xz`,
`.jsonl.gz`): the layout of MaskBench. The split names a part of the file; where there is none, what stands before `---` in the id does.

Not here: running engines (`masks`).
"""

from __future__ import annotations

import gzip
import json
import lzma
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from structgen.errors import OptionError

_HINT = 'a line is {"id": ..., "schema": ..., "tests": [{"data": ..., "valid": true}]}, as in MaskBench'


@dataclass(frozen=True, slots=True)
class Case:
    """A schema as JSON text, and texts of instances with whether the schema calls them valid."""

    id: str
    schema: str
    tests: tuple[tuple[str, bool], ...]
    split: str = ""


def read_cases(path: str | Path, limit: int | None = None) -> list[Case]:
    """The first `limit` cases of a file (None: all). Raises `OptionError` where it cannot be read, with the line."""
    return list(_cases(Path(path), limit))


def _cases(path: Path, limit: int | None) -> Iterator[Case]:
    if not path.is_file():
        raise OptionError(f"there is no file {str(path)!r}", where="--data", hint=_HINT)
    try:
        with _opened(path) as lines:
            for number, line in enumerate(lines, 1):
                if limit is not None and number > limit:
                    return
                if line.strip():
                    yield _case(line, number)
    except (OSError, EOFError, UnicodeDecodeError, lzma.LZMAError) as error:
        raise OptionError(f"{path} cannot be read: {error}", where="--data", hint=_HINT) from error


def _opened(path: Path) -> IO[str]:
    if path.suffix == ".xz":
        return lzma.open(path, "rt", encoding="utf-8")
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8")
    return path.open(encoding="utf-8")


def _case(line: str, number: int) -> Case:
    try:
        read = json.loads(line)
        tests = tuple((spelled(test["data"]), bool(test["valid"])) for test in read["tests"])
        name = str(read.get("id", number))
        return Case(name, json.dumps(read["schema"]), tests, str(read.get("split", name.partition("---")[0] if "---" in name else "")))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise OptionError(f"line {number} is not a case: {type(error).__name__}: {error}", where="--data", hint=_HINT) from error


def spelled(value: Any) -> str:
    """The JSON text of a value as people write it: characters as they are, escapes only where UTF-8 has no spelling."""
    text = json.dumps(value, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair
        return json.dumps(value)
    return text
