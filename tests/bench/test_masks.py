"""Processes of engines: order, time limits that nothing can ignore, crashes, engines that do not start."""

from __future__ import annotations

import json
import sys
from collections import Counter

import pytest

from structgen.bench import masks
from structgen.bench.cases import Case
from structgen.bench.masks import Outcome, Sitting, Workload, run_engine, run_engines, workload_of
from structgen.errors import ModelError, VocabularyError
from structgen.tiny import path
from structgen.vocab.vocabulary import Vocabulary

TOKENIZER = str(path() / "tokenizer.json")
CASES = [
    Case("yes", '{"type": "integer"}', (("12", True), ('"a"', False))),
    Case("bad", '{"type": 5}', ()),
    Case("wrong label", '{"type": "integer"}', (("12", False),)),
    Case("other label", '{"type": "integer"}', (('"a"', True),)),
]

# A worker that does as the schema of a case says. It ignores polite signals, as native code does.
FAKE = """
import json, os, signal, sys, time
for name in ("SIGTERM", "SIGINT", "SIGALRM"):
    signal.signal(getattr(signal, name), signal.SIG_IGN)
def tell(**answer):
    print(json.dumps(answer), flush=True)
if sys.argv[1] == "silent":
    print("no licence", file=sys.stderr); sys.exit(3)
if sys.argv[1] == "failing":
    tell(at="failed", why="it is Tuesday"); sys.exit(0)
tell(at="ready")
for number, line in enumerate(sys.stdin):
    schema = json.loads(line)["schema"]
    if schema == '"hang"':
        time.sleep(3600)
    if schema == '"hang later"':
        tell(at="first", us=7.0); time.sleep(3600)
    if schema == '"slow"':
        time.sleep(0.05)
    if schema == '"abort"':
        print("assertion failed", file=sys.stderr, flush=True); os.abort()
    tell(at="first", us=5.0)
    tell(at="done", verdict="pass", why="", test=None, us=[1.0, 2.0], memory=10.0 + number)
"""


@pytest.fixture
def fakes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(masks, "command", lambda engine, tokenizer: [sys.executable, "-c", FAKE, engine, tokenizer])


def work(*schemas: str) -> Workload:
    return workload_of([Case(f"{k}", json.dumps(schema), ()) for k, schema in enumerate(schemas)], TOKENIZER)


def test_verdicts_in_the_order_of_the_cases() -> None:
    seen: list[tuple[str, int, str | None]] = []
    sitting = run_engine("structgen", workload_of(CASES, TOKENIZER), progress=lambda name, k, o: seen.append((name, k, o and o.id)))
    assert [(o.id, o.verdict, o.test) for o in sitting.outcomes] == [
        ("yes", "pass", None),
        ("bad", "refused", None),
        ("wrong label", "accepts invalid", 0),
        ("other label", "rejects valid", 0),
    ]
    assert seen == [("structgen", 0, None), *[("structgen", k, case.id) for k, case in enumerate(CASES, 1)]]
    assert sitting.outcomes[1].first_us is None
    assert "/type" in sitting.outcomes[1].why
    assert all(o.first_us is not None and o.first_us > 0 for o in sitting.outcomes if o.verdict != "refused")
    vocabulary = Vocabulary.from_tokenizer(TOKENIZER)
    assert len(sitting.outcomes[2].us) == len(vocabulary.encode("12"))
    assert sitting.start_seconds > 0
    assert sitting.restarts == 0


@pytest.mark.usefixtures("fakes")
def test_a_time_limit_that_nothing_can_ignore() -> None:
    sitting = run_engine("fake", work("ok", "hang", "ok", "hang later", "ok"), timeout=0.5)
    assert [o.verdict for o in sitting.outcomes] == ["pass", "timeout", "pass", "timeout", "pass"]
    assert [o.first_us for o in sitting.outcomes] == [5.0, None, 5.0, 7.0, 5.0]
    assert sitting.restarts == 2


@pytest.mark.usefixtures("fakes")
def test_a_crash_is_told_and_the_next_schema_is_measured() -> None:
    sitting = run_engine("fake", work("abort", "ok"), timeout=20)
    assert [o.verdict for o in sitting.outcomes] == ["crash", "pass"]
    assert "assertion failed" in sitting.outcomes[0].why
    assert sitting.outcomes[1].us == [1.0, 2.0]


@pytest.mark.usefixtures("fakes")
def test_memory_is_the_most_of_all_processes() -> None:
    sitting = run_engine("fake", work("ok", "ok", "abort", "ok"), timeout=20)
    assert (sitting.idle_mb, sitting.memory_mb) == (10.0, 12.0)  # the warm-up request is number 0


@pytest.mark.usefixtures("fakes")
@pytest.mark.parametrize(("engine", "words"), [("silent", "no licence"), ("failing", "it is Tuesday")])
def test_an_engine_that_does_not_start(engine: str, words: str) -> None:
    with pytest.raises(ModelError, match=words):
        run_engine(engine, work("ok"))


@pytest.mark.usefixtures("fakes")
@pytest.mark.parametrize("jobs", [1, 3])
def test_several_engines(jobs: int) -> None:
    seen: list[tuple[str, int, Outcome | None]] = []
    sittings = run_engines(["a", "b", "c"], work("ok", "ok"), timeout=20, jobs=jobs, progress=lambda *call: seen.append(call))
    assert [(one.engine, len(one.outcomes)) for one in sittings] == [("a", 2), ("b", 2), ("c", 2)]
    assert Counter(name for name, _, _ in seen) == {"a": 3, "b": 3, "c": 3}
    if jobs == 1:
        assert [name for name, _, _ in seen] == sorted(name for name, _, _ in seen)


@pytest.mark.usefixtures("fakes")
def test_one_engine_that_does_not_start_stops_the_sitting() -> None:
    seen: list[str] = []
    with pytest.raises(ModelError, match="failing"):
        run_engines(["a", "failing"], work(*["slow"] * 1000), timeout=20, jobs=2, progress=lambda name, k, o: seen.append(name))
    assert seen.count("a") < 1000


def test_all_engines_get_the_same_tokens() -> None:
    text = '{"a": "é \\n 12"}'
    loaded = workload_of([Case("x", "true", ((text, True),))], TOKENIZER)
    tokens, valid = json.loads(loaded.requests[0].line)["tests"][0]
    assert Vocabulary.from_tokenizer(TOKENIZER).decode(tokens).decode() == text
    assert valid is True
    with pytest.raises(VocabularyError):
        workload_of([], "/no/such/tokenizer.json")


def test_nothing_to_do() -> None:
    assert run_engine("structgen", workload_of([], TOKENIZER)) == Sitting("structgen", masks.engine_version("structgen"))
