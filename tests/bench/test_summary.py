"""Percentiles against the standard library's, ratios against sums by hand."""

from __future__ import annotations

import json
import statistics
from random import Random

import pytest

from structgen.bench.outcomes import Outcome, Sitting, Start
from structgen.bench.summary import COLUMNS, base_of, by_split, common, commons, document, stats, summarize
from structgen.errors import OptionError


def sitting(engine: str, *outcomes: Outcome, turn: int = 1) -> Sitting:
    return Sitting(engine, "1", turn, list(outcomes), [Start(1.0, 5.0, 6.0), Start(2.0, 9.0, 10.0)])


@pytest.mark.parametrize("count", [2, 3, 10, 999, 5000])
def test_percentiles(count: int) -> None:
    rng = Random(count)
    times = [rng.expovariate(1.0) for _ in range(count)]
    cuts = statistics.quantiles(times, n=1000, method="inclusive")
    found = stats(times)
    assert found.count == count
    assert found.values == pytest.approx(
        {"mean": statistics.fmean(times), "p50": cuts[499], "p90": cuts[899], "p99": cuts[989], "p99.9": cuts[998], "max": max(times)}
    )
    assert tuple(found.values) == COLUMNS


def test_no_times_no_figures() -> None:
    assert stats([]).values == {}
    assert summarize(Sitting("a", "1"), 1.0).verdicts["pass"] == 0


def test_memory_and_starts() -> None:
    found = summarize(sitting("a", Outcome("1", "pass", memory_mb=9.0, peak_mb=11.0), Outcome("2", "crash")), 1.0)
    assert (found.start_seconds, found.start_mb, found.end_mb, found.peak_mb, found.processes) == (1.0, 5.0, 9.0, 11.0, 2)


def test_a_schema_that_never_had_a_mask_counts_with_the_limit() -> None:
    one = sitting(
        "a",
        Outcome("1", "pass", first_us=10.0, us=[1.0]),
        Outcome("2", "timeout"),
        Outcome("3", "refused"),
        Outcome("4", "timeout", first_us=20.0),
    )
    summary = summarize(one, 2.0)
    assert summary.first.count == 3
    assert summary.first.values["mean"] == pytest.approx((10 + 2e6 + 20) / 3)
    assert summary.mask.count == 1
    assert summary.verdicts == {"pass": 1, "refused": 1, "accepts invalid": 0, "rejects valid": 0, "timeout": 2, "crash": 0}


MINE = sitting(
    "structgen",
    Outcome("1", "pass", first_us=10.0, us=[1.0, 3.0], split="x"),
    Outcome("2", "pass", first_us=1e9, us=[1e9], split="x"),
    Outcome("3", "refused", split="y"),
)
OTHERS = sitting(
    "llguidance",
    Outcome("1", "pass", first_us=20.0, us=[4.0, 4.0], split="x"),
    Outcome("2", "accepts invalid", first_us=1.0, us=[1.0], split="x"),
    Outcome("3", "pass", first_us=1.0, us=[1.0], split="y"),
)
NONE = sitting("never", *(Outcome(str(k), "refused", split=split) for k, split in ((1, "x"), (2, "x"), (3, "y"))))


def test_ratios_are_over_what_both_pass() -> None:
    found = common([MINE, OTHERS], "llguidance")
    assert found.schemas == 1
    mask = found.ratios("structgen")["mask"]
    assert found.ratios("structgen")["first"] == pytest.approx(dict.fromkeys(COLUMNS, 0.5))
    assert mask["mean"] == mask["p50"] == pytest.approx(0.5)
    assert mask["max"] == pytest.approx(0.75)
    assert found.mask["llguidance"].count == 2
    assert common([NONE, OTHERS], "llguidance").ratios("never") == {"first": {}, "mask": {}}


def test_each_pass_is_compared_in_pairs_and_as_a_whole() -> None:
    again = sitting("structgen", *MINE.outcomes, turn=2), sitting("llguidance", *OTHERS.outcomes, turn=2)
    found = commons([MINE, OTHERS, NONE, *again], "llguidance")
    assert [(one.turn, list(one.mask), one.schemas) for one in found] == [
        (1, ["structgen", "llguidance"], 1),
        (1, ["never", "llguidance"], 0),
        (1, ["structgen", "llguidance", "never"], 0),
        (2, ["structgen", "llguidance"], 1),
    ]


def test_engines_are_compared_with_llguidance_else_with_the_first() -> None:
    assert base_of(["a", "b"]) == "a"
    assert base_of(["a", "b", "llguidance"]) == "llguidance"
    assert base_of(["a", "b", "llguidance"], "b") == "b"
    with pytest.raises(OptionError):
        base_of(["a"], "llguidance")


def test_splits_hold_all_outcomes_once() -> None:
    found = by_split([MINE, OTHERS])
    assert {name: [[o.id for o in one.outcomes] for one in some] for name, some in found.items()} == {
        "x": [["1", "2"]] * 2,
        "y": [["3"]] * 2,
    }
    assert len(MINE.outcomes) == 3


def test_the_document_is_json() -> None:
    read = json.loads(json.dumps(document([MINE, OTHERS], 3.0, "llguidance", begun="now")))
    assert read["begun"] == "now"
    assert read["outcomes"][0]["engine"] == "structgen"
    assert read["outcomes"][0]["outcomes"][0] == {
        "id": "1",
        "verdict": "pass",
        "why": "",
        "test": None,
        "first_us": 10.0,
        "memory_mb": 0.0,
        "peak_mb": 0.0,
        "split": "x",
        "tokens": 2,
        "us": 4.0,
    }
    assert read["common"][0]["ratios"]["structgen"]["mask"]["mean"] == pytest.approx(0.5)
    assert list(read["splits"]) == ["x", "y"]
    assert [one["schemas"] for one in read["splits"]["x"]["engines"]] == [2, 2]
