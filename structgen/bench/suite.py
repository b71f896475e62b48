"""The official JSON Schema Test Suite: its groups, its remote documents, and what a verdict on an instance is called.

A suite is the folder or the (compressed) tar archive of json-schema-org/JSON-Schema-Test-Suite, with `tests/` and `remotes/` in it.

Not here: running engines (`masks`).
"""

from __future__ import annotations

import json
import tarfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from random import Random
from typing import Any, Final, Literal

from structgen.bench.cases import Case, spelled
from structgen.bench.outcomes import Outcome, Workload, workload_of
from structgen.bench.tables import table
from structgen.errors import OptionError

DRAFTS: Final = ("draft4", "draft6", "draft7", "draft2019-09", "draft2020-12")

Mark = Literal["pass", "refused, none valid", "refused", "time-out", "false negative", "crash", "false positive"]
MARKS: Final[tuple[Mark, ...]] = ("pass", "refused, none valid", "refused", "time-out", "false negative", "crash", "false positive")
"""From best to worst. refused: the schema was not compiled (none valid: and no instance in the suite is valid, so this may be right, as
for `false`); negative: a valid instance was rejected; positive: an invalid one was accepted."""

_HOST: Final = "http://localhost:1234/"
_SHARED: Final = ("draft2019-09", "draft2020-12", "draft7")  # their remotes serve the tests of other drafts too


@dataclass(frozen=True, slots=True)
class Group:
    """A schema with its instances: (description, value, whether it is valid). `file`: "not", "optional/format/date", ..."""

    draft: str
    file: str
    name: str
    schema: Any
    tests: tuple[tuple[str, Any, bool], ...]

    @property
    def formats(self) -> Literal["assert", "annotation"]:
        """What `format` means here: the suite asserts it in these files only."""
        return "assert" if self.file.startswith("optional/format/") else "annotation"


def mark_of(accepted: bool, valid: bool) -> Mark:
    """What a verdict on an instance is called."""
    return "pass" if accepted == valid else "false negative" if valid else "false positive"


def read_suite(path: str | Path, draft: str, *, optional: bool = True) -> list[Group]:
    """The groups of a draft, by file. Raises OptionError where `path` is no suite or has no such draft."""
    found = []
    for name, text in sorted(_documents(Path(path)).items()):
        folder, _, rest = name.partition("/")
        one, _, file = rest.removesuffix(".json").partition("/")
        if folder == "tests" and one == draft and (optional or not file.startswith("optional/")):
            for group in json.loads(text):
                tests = tuple((test["description"], test["data"], test["valid"]) for test in group["tests"])
                found.append(Group(draft, file, group["description"], group["schema"], tests))
    if not found:
        raise OptionError(f"{path} has no tests of {draft!r}", where="--suite", hint=f"drafts are {', '.join(DRAFTS)}")
    return found


@lru_cache(maxsize=8)
def remotes(path: str | Path, draft: str) -> Any:
    """The remote documents as a `referencing.Registry`, under the addresses that the schemas of a draft use."""
    from referencing import Registry, Resource
    from referencing import jsonschema as drafts

    default = getattr(drafts, draft.upper().replace("-", ""))
    pairs = []
    for name, text in _documents(Path(path)).items():
        folder, _, rest = name.partition("/")
        owner = rest.partition("/")[0]
        if folder == "remotes" and (not owner.startswith("draft") or owner == draft or owner in _SHARED):
            pairs.append((_HOST + rest, Resource.from_contents(json.loads(text), default_specification=default)))
    return Registry().with_resources(pairs)


@lru_cache(maxsize=2)
def _documents(path: Path) -> dict[str, bytes]:
    """The JSON documents by their places below the root of the suite."""
    hint = "the folder or tar archive of json-schema-org/JSON-Schema-Test-Suite"
    if not path.exists():
        raise OptionError(f"there is no suite at {str(path)!r}", where="--suite", hint=hint)
    try:
        found = {_place(name): data for name, data in (_in_folder(path) if path.is_dir() else _in_archive(path))}
    except (OSError, tarfile.TarError, EOFError) as error:
        raise OptionError(f"{path} cannot be read: {error}", where="--suite", hint=hint) from error
    found.pop("", None)
    return found


def _place(name: str) -> str:
    parts = Path(name).parts
    root = next((i for i, part in enumerate(parts) if part in ("tests", "remotes")), len(parts))
    return "/".join(parts[root:])


def _in_folder(path: Path) -> Iterator[tuple[str, bytes]]:
    for file in path.rglob("*.json"):
        yield str(file.relative_to(path)), file.read_bytes()


def _in_archive(path: Path) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(path) as tar:
        for member in tar:
            data = tar.extractfile(member) if member.name.endswith(".json") else None
            if data is not None:
                yield member.name, data.read()


# ---- other spellings ----


def respelled(value: Any, random: Random, *, floats: bool = True) -> str:
    """Another JSON text of the same value: shuffled members, escapes, whitespace, and (`floats`) `1.0` for `1`."""
    blank = random.choice(("", " ", "\n\t", " \r\n"))
    return blank + _text(value, random, floats) + blank


def _text(value: Any, random: Random, floats: bool) -> str:
    def gap() -> str:
        return random.choice(("", "", " ", "\n  ", "\t"))

    if isinstance(value, str):
        return '"' + "".join(_escape(char) if random.random() < 0.4 else json.dumps(char, ensure_ascii=False)[1:-1] for char in value) + '"'
    if isinstance(value, dict):
        items = list(value.items())
        random.shuffle(items)
        parts = [f"{gap()}{_text(key, random, floats)}{gap()}:{gap()}{_text(one, random, floats)}{gap()}" for key, one in items]
        return "{" + (",".join(parts) or gap()) + "}"
    if isinstance(value, list):
        return "[" + (",".join(gap() + _text(one, random, floats) + gap() for one in value) or gap()) + "]"
    if floats and type(value) is int:
        return f"{value}.0"
    return json.dumps(value)


def _escape(char: str) -> str:
    units = char.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[i : i + 4]}" for i in range(0, len(units), 4))


# ---- engines beside each other ----


def workload(groups: Sequence[Group], suite: str | Path, tokenizer: str) -> Workload:
    """The groups as requests to engines."""
    cases = [
        Case(f"{group.file}: {group.name}", json.dumps(group.schema), tuple((spelled(value), valid) for _, value, valid in group.tests))
        for group in groups
    ]
    place = str(Path(suite).resolve())
    return workload_of(cases, tokenizer, [{"draft": one.draft, "formats": one.formats, "suite": place} for one in groups])


def marks_of(outcome: Outcome, group: Group) -> list[Mark]:
    """What an engine's outcome means for each instance of a group."""
    if len(outcome.read) == len(group.tests):
        return ["crash" if one is None else mark_of(one, valid) for one, (_, _, valid) in zip(outcome.read, group.tests, strict=True)]
    for_all: Mark = "time-out" if outcome.verdict == "timeout" else "crash"
    if outcome.verdict == "refused":
        for_all = "refused" if any(valid for _, _, valid in group.tests) else "refused, none valid"
    return [for_all] * len(group.tests)


def markdown(rows: Sequence[tuple[str, str, Sequence[Mark]]]) -> str:
    """A table with a row for each (draft, engine with version, marks): how many cases have each mark."""
    columns = ["draft and engine", "cases", *MARKS]
    found = [(f"{draft}, {engine}", len(marks), Counter(marks)) for draft, engine, marks in rows]
    return table(columns, [[name, f"{cases:,}", *(f"{count[mark]:,}" for mark in MARKS)] for name, cases, count in found])
