"""Which engine is asked what, in which order: interleaved or not, passes, jobs, and going on with a record."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from fakes import TOKENIZER, fake_command, fake_work

from structgen.bench import process
from structgen.bench.cases import Case
from structgen.bench.masks import Plan, run_engines
from structgen.bench.outcomes import Outcome, Sitting, Workload, workload_of
from structgen.bench.record import Record
from structgen.errors import ModelError, VocabularyError
from structgen.vocab.vocabulary import Vocabulary

CASES = [
    Case("yes", '{"type": "integer"}', (("12", True), ('"a"', False))),
    Case("bad", '{"type": 5}', ()),
    Case("wrong label", '{"type": "integer"}', (("12", False),)),
    Case("other label", '{"type": "integer"}', (('"a"', True),)),
]
Calls = list[tuple[str, int, Outcome | None]]


@pytest.fixture
def _fakes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "command", fake_command)


def ran(names: str, work: Workload, plan: Plan | None = None, record: Record | None = None) -> tuple[Record, Calls]:
    """The record of a run over engines with names of one letter, and the calls of its progress."""
    calls: Calls = []
    record = record or Record(dict.fromkeys(names, "1"))
    run_engines(work, record, plan, lambda *call: calls.append(call))
    return record, calls


def order(calls: Calls) -> str:
    """Engine and case of every outcome, in the order in which they came."""
    return " ".join(f"{name}{outcome.id}" for name, _, outcome in calls if outcome is not None)


def test_verdicts_in_the_order_of_the_cases() -> None:
    record, calls = Record({"structgen": "1"}), Calls()
    run_engines(workload_of(CASES, TOKENIZER), record, progress=lambda *call: calls.append(call))
    sitting = record.sitting("structgen")
    assert [(o.id, o.verdict, o.test) for o in sitting.outcomes] == [
        ("yes", "pass", None),
        ("bad", "refused", None),
        ("wrong label", "accepts invalid", 0),
        ("other label", "rejects valid", 0),
    ]
    assert [(name, k, o and o.id) for name, k, o in calls] == [
        ("structgen", 0, None),
        *(("structgen", k, case.id) for k, case in enumerate(CASES, 1)),
    ]
    assert sitting.outcomes[1].first_us is None
    assert "/type" in sitting.outcomes[1].why
    assert all(o.first_us is not None and o.first_us > 0 for o in sitting.outcomes if o.verdict != "refused")
    assert len(sitting.outcomes[2].us) == len(Vocabulary.from_tokenizer(TOKENIZER).encode("12"))
    assert [start.seconds > 0 for start in sitting.starts] == [True]


@pytest.mark.usefixtures("_fakes")
@pytest.mark.parametrize(
    ("plan", "expected"),
    [
        (Plan(), "a0 b0 a1 b1 a2 b2"),
        (Plan(interleave=False), "a0 a1 a2 b0 b1 b2"),
        (Plan(passes=2), "a0 b0 a1 b1 a2 b2 a0 b0 a1 b1 a2 b2"),
        (Plan(passes=2, interleave=False), "a0 a1 a2 a0 a1 a2 b0 b1 b2 b0 b1 b2"),
    ],
    ids=str,
)
def test_order(plan: Plan, expected: str) -> None:
    record, calls = ran("ab", fake_work("ok", "ok", "ok"), plan)
    assert order(calls) == expected
    assert {len(sitting.starts) for sitting in record.sittings()} == {1}
    assert [(one.engine, one.turn) for one in record.sittings()] == [(name, turn) for turn in range(1, plan.passes + 1) for name in "ab"]


@pytest.mark.usefixtures("_fakes")
def test_several_schemas_at_a_time() -> None:
    record, calls = ran("abc", fake_work(*["ok"] * 5), Plan(jobs=3))
    assert [[o.id for o in one.outcomes] for one in record.sittings()] == [list("01234")] * 3
    assert Counter(name for name, _, outcome in calls if outcome) == dict.fromkeys("abc", 5)
    assert {len(one.starts) for one in record.sittings()} == {3}


@pytest.mark.usefixtures("_fakes")
def test_an_engine_that_runs_out_of_time_is_started_again() -> None:
    record, _ = ran("a", fake_work("ok", "hang", "ok", "hang later", "ok"), Plan(timeout=0.5))
    sitting = record.sitting("a")
    assert [o.verdict for o in sitting.outcomes] == ["pass", "timeout", "pass", "timeout", "pass"]
    assert [o.first_us for o in sitting.outcomes] == [5.0, None, 5.0, 7.0, 5.0]
    assert [o.split for o in sitting.outcomes] == ["even", "odd", "even", "odd", "even"]
    assert len(sitting.starts) == 3


@pytest.mark.usefixtures("_fakes")
def test_memory_is_the_most_of_all_processes() -> None:
    sitting = ran("a", fake_work("ok", "ok", "abort", "ok"))[0].sitting("a")
    assert [start.peak_mb for start in sitting.starts] == [10.0, 10.0]  # the warm-up request is number 0
    assert sitting.peak_mb == 12.0


@pytest.mark.usefixtures("_fakes")
def test_later_passes_ask_processes_that_have_met_the_schema() -> None:
    """A fake says how many requests came before, in its memory: a new process is asked twice, what ran out of time not at all."""
    record, _ = ran("a", fake_work("ok", "abort", "hang"), Plan(passes=2, timeout=0.5))
    first, second = (record.sitting("a", turn).outcomes for turn in (1, 2))
    assert [o.verdict for o in first] == [o.verdict for o in second] == ["pass", "crash", "timeout"]
    assert [o.peak_mb for o in first] == [11.0, 0.0, 0.0]
    assert second[0].peak_mb == 12.0
    assert len(record.sitting("a").starts) == 3  # at first, behind the crash, behind the time-out


@pytest.mark.usefixtures("_fakes")
@pytest.mark.parametrize(("plan", "keeps"), [(Plan(), ""), (Plan(passes=2), "keep"), (Plan(passes=2, keep=False), "")])
def test_processes_keep_what_later_passes_use(plan: Plan, keeps: str) -> None:
    record, _ = ran("a", fake_work("ok"), plan)
    assert {outcome.why for one in record.sittings() for outcome in one.outcomes} == {keeps}


@pytest.mark.usefixtures("_fakes")
def test_one_engine_that_does_not_start_stops_the_run() -> None:
    record = Record({"a": "1", "failing": "1"})
    with pytest.raises(ModelError, match="failing"):
        run_engines(fake_work(*["slow"] * 1000), record, Plan(jobs=2))
    assert record.done("a") < 1000


@pytest.mark.usefixtures("_fakes")
def test_a_run_goes_on_where_it_was_broken_off(tmp_path: Path) -> None:
    """Broken off behind each outcome in turn: together as if at once, and nothing is asked for twice."""
    work, plan, engines = fake_work("ok", "hang later", "ok"), Plan(timeout=0.5, passes=2), {"a": "1", "b": "2"}
    whole, _ = ran("ab", work, plan, Record(engines))
    calls, path = Calls(), tmp_path / "results.jsonl"

    def interrupted(*call: object) -> None:
        calls.append(call)  # type: ignore[arg-type]
        if call[2] is not None:
            raise KeyboardInterrupt

    for _ in range(12):
        with pytest.raises(KeyboardInterrupt):
            run_engines(work, Record(engines, path=path), plan, interrupted)
    record = Record(engines, path=path)
    assert [said(one) for one in record.sittings()] == [said(one) for one in whole.sittings()]
    assert order(calls) == "a0 b0 a1 b1 a2 b2 a0 b0 a1 b1 a2 b2"
    calls.clear()
    run_engines(work, record, plan, lambda *call: calls.append(call))
    assert calls == []


def said(one: Sitting) -> tuple[object, ...]:
    """All but the memory, which tells processes apart."""
    return one.name, [(o.id, o.split, o.verdict, o.why, o.first_us, o.us, o.read) for o in one.outcomes]


def test_all_engines_get_the_same_tokens() -> None:
    text = '{"a": "é \\n 12"}'
    loaded = workload_of([Case("x", "true", ((text, True),))], TOKENIZER)
    tokens, valid = json.loads(loaded.requests[0].line)["tests"][0]
    assert Vocabulary.from_tokenizer(TOKENIZER).decode(tokens).decode() == text
    assert valid is True
    with pytest.raises(VocabularyError):
        workload_of([], "/no/such/tokenizer.json")


def test_the_digest_of_a_workload_is_that_of_what_is_asked() -> None:
    assert workload_of(CASES, TOKENIZER).digest == workload_of(CASES, TOKENIZER).digest
    other = Case("yes", CASES[0].schema, (("12", True), ('"b"', False)))
    digests = {workload_of(cases, TOKENIZER).digest for cases in (CASES, CASES[:-1], CASES[::-1], [other, *CASES[1:]], [])}
    assert len(digests) == 5


def test_nothing_to_do() -> None:
    record = Record({"structgen": "1"})
    run_engines(workload_of([], TOKENIZER), record)
    assert record.sitting("structgen") == Sitting("structgen", "1")
