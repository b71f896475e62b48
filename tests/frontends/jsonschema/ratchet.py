"""Our verdicts on the official JSON Schema Test Suite, and the files that hold them: `suite/DRAFT.txt`.

A file lists what does not pass, a line a case: `file | group | instance | mark`; `*` stands for all instances of a group. To write the
files anew, after cases got better:

    make ratchet        or        PYTHONPATH=. python tests/frontends/jsonschema/ratchet.py
"""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import structgen as sg
from structgen.bench.cases import spelled
from structgen.bench.suite import DRAFTS, MARKS, Group, Mark, mark_of, read_suite, remotes, respelled
from structgen.constraint.grammar import Grammar
from structgen.errors import EmptyLanguage, StructgenError

SUITE = Path(__file__).parents[4] / "shared/data/jsonschema_suite/json-schema-test-suite.tar.xz"
FILES = Path(__file__).parent / "suite"
SECONDS = 10.0
"""The most time for one group."""

Case = tuple[str, str, str]
"""(file, group, instance)."""


def judge(draft: str) -> dict[Case, Mark]:
    """The mark of every case of a draft. Each valid instance is also read in another spelling."""
    registry = remotes(SUITE, draft)
    marks: dict[Case, Mark] = {}
    for group in read_suite(SUITE, draft):
        given = marks_of(group, registry)
        for (name, _, _), mark in zip(group.tests, given, strict=True):
            key = (plain(group.file), plain(group.name), plain(name))
            marks[key] = max(mark, marks.get(key, mark), key=MARKS.index)
    return marks


def plain(text: str) -> str:
    """A description on one line, without the separator."""
    return " ".join(text.replace("|", "/").split())


def marks_of(group: Group, registry: Any) -> list[Mark]:
    """The marks of the instances of one group."""
    found: list[Mark] = []
    rest = len(group.tests)
    try:
        with limit(SECONDS):
            grammar: Grammar | None = None
            try:
                grammar = sg.json_schema(
                    group.schema, style="any", order="any", draft=group.draft, registry=registry, formats=group.formats
                )
                grammar.automaton  # noqa: B018 - compiled now, so that a refusal is one of the schema
            except EmptyLanguage:
                grammar = None
            for _, value, valid in group.tests:
                found.append(mark_of(accepted(grammar, value, valid, group.draft), valid))
    except TimeoutError:
        return found + ["time-out"] * (rest - len(found))
    except StructgenError:
        return found + ["refused"] * (rest - len(found))
    except Exception:
        return found + ["crash"] * (rest - len(found))
    return found


def accepted(grammar: Grammar | None, value: Any, valid: bool, draft: str) -> bool:
    """Whether an instance is accepted: a valid one in two spellings. In draft 4, 1.0 is no integer."""
    if grammar is None:
        return False
    text = spelled(value)
    return grammar.accepts(text) and (not valid or grammar.accepts(respelled(value, Random(text), floats=draft != "draft4")))


@contextmanager
def limit(seconds: float) -> Iterator[None]:
    """Raise TimeoutError when the time is up."""

    def end(*_: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


# ---- files ----


def lines(marks: dict[Case, Mark]) -> list[str]:
    """What does not pass; a group whose instances have one mark takes one line."""
    groups: dict[tuple[str, str], dict[str, Mark]] = {}
    for (file, group, test), mark in marks.items():
        groups.setdefault((file, group), {})[test] = mark
    found = []
    for (file, group), tests in groups.items():
        if len(set(tests.values())) == 1 and len(tests) > 1:
            tests = {"*": next(iter(tests.values()))}  # noqa: PLW2901
        found += [f"{file} | {group} | {test} | {mark}" for test, mark in tests.items() if mark != "pass"]
    return sorted(found)


def write(draft: str, marks: dict[Case, Mark]) -> None:
    """Write the file of a draft."""
    count = Counter(marks.values())
    totals = ", ".join(f"{count[mark]} {mark}" for mark in MARKS if count[mark])
    FILES.mkdir(exist_ok=True)
    (FILES / f"{draft}.txt").write_text("\n".join([f"# {draft}: {len(marks)} cases: {totals}", *lines(marks), ""]), encoding="utf-8")


def read(draft: str) -> dict[Case, Mark]:
    """What the file of a draft says does not pass."""
    found: dict[Case, Mark] = {}
    for line in (FILES / f"{draft}.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            file, group, test, mark = line.split(" | ")
            found[file, group, test] = mark  # type: ignore[assignment]
    return found


def compare(marks: dict[Case, Mark], known: dict[Case, Mark]) -> tuple[list[str], list[str]]:
    """The cases that are worse, and those that are better than the file says."""
    worse, better = [], []
    for (file, group, test), mark in marks.items():
        before = known.get((file, group, test)) or known.get((file, group, "*"), "pass")
        if mark != before:
            said = f"{file} | {group} | {test}: {before} -> {mark}"
            (worse if MARKS.index(mark) > MARKS.index(before) else better).append(said)
    return worse, better


def main() -> None:
    for draft in DRAFTS:
        marks = judge(draft)
        worse, better = compare(marks, read(draft)) if (FILES / f"{draft}.txt").exists() else ([], [])
        write(draft, marks)
        print(draft, dict(Counter(marks.values())), f"{len(better)} better, {len(worse)} worse")
        print(*worse, sep="\n", end="\n" if worse else "")


if __name__ == "__main__":
    main()
