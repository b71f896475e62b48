"""The official JSON Schema Test Suite, required and optional, of every draft: no case gets worse than the files in `suite/` say.

Order and spelling are free here (`order="any"`, style "any"), because the suite has no opinion about them; formats are asserted in
`optional/format` only, as the suite has it. How the marks are made and kept stands in `ratchet.py`.
"""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path

import pytest

from structgen.bench.cases import spelled
from structgen.bench.suite import DRAFTS, MARKS, Mark, mark_of, read_suite, remotes
from structgen.errors import EmptyLanguage, StructgenError
from structgen.frontends.jsonschema import json_schema

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[2] / "reference"))
import ratchet
from recognize import accepts

pytestmark = pytest.mark.skipif(not ratchet.SUITE.exists(), reason=f"the official suite is not there: {ratchet.SUITE.name}")


@cache
def marks(draft: str) -> dict[ratchet.Case, Mark]:
    return ratchet.judge(draft)


@pytest.mark.parametrize("draft", DRAFTS)
def test_no_case_gets_worse(draft: str) -> None:
    worse, better = ratchet.compare(marks(draft), ratchet.read(draft))
    assert not worse, "cases that got worse (if that is right: make ratchet, and say why in the commit):\n" + "\n".join(worse)
    if better:
        print(f"{draft}: {len(better)} cases got better; keep them with: make ratchet\n" + "\n".join(better))


@pytest.mark.parametrize("draft", DRAFTS)
def test_the_file_lists_cases_of_the_suite(draft: str) -> None:
    groups = {key[:2] for key in marks(draft)}
    for file, group, test in ratchet.read(draft):
        assert (file, group) in groups
        assert test == "*" or (file, group, test) in marks(draft)


@pytest.mark.slow
def test_the_slow_twin_agrees() -> None:
    """The recogniser without automata gives the same verdicts on the required files of the newest draft."""
    registry = remotes(ratchet.SUITE, DRAFTS[-1])
    for group in read_suite(ratchet.SUITE, DRAFTS[-1], optional=False):
        try:
            start = json_schema(group.schema, style="any", order="any", draft=group.draft, registry=registry, formats=group.formats).start
        except EmptyLanguage:
            start = None
        except StructgenError:
            continue
        for name, value, valid in group.tests:
            mark = mark_of(start is not None and accepts(start, spelled(value)), valid)
            key = ratchet.plain(group.file), ratchet.plain(group.name), ratchet.plain(name)
            assert MARKS.index(mark) <= MARKS.index(marks(DRAFTS[-1])[key]), key


def test_what_gets_worse_and_better_is_told() -> None:
    before: dict[ratchet.Case, Mark] = {("not", "g", "*"): "refused", ("not", "h", "b"): "false negative"}
    now: dict[ratchet.Case, Mark] = {("not", "g", "a"): "pass", ("not", "h", "b"): "false positive", ("not", "h", "c"): "pass"}
    worse, better = ratchet.compare(now, before)
    assert worse == ["not | h | b: false negative -> false positive"]
    assert better == ["not | g | a: refused -> pass"]
    assert ratchet.lines({("f", "g", "a"): "refused", ("f", "g", "b"): "refused", ("f", "h", "c"): "crash", ("f", "h", "d"): "pass"}) == [
        "f | g | * | refused",
        "f | h | c | crash",
    ]


def test_a_group_that_takes_too_long_is_stopped() -> None:
    def never() -> None:
        with ratchet.limit(0.05):
            while True:
                pass

    with pytest.raises(TimeoutError):
        never()
