"""Percentiles against the standard library's, ratios against sums by hand."""

from __future__ import annotations

import json
import statistics
from random import Random

import pytest

from structgen.bench.masks import Outcome, Sitting
from structgen.bench.summary import COLUMNS, base_of, document, ratio, stats, summarize
from structgen.cli.masks import shown


def sitting(engine: str, *outcomes: Outcome) -> Sitting:
    return Sitting(engine, "1", list(outcomes), 1.0, 5.0, 9.0, 0)


@pytest.mark.parametrize("count", [2, 3, 10, 999, 5000])
def test_percentiles(count: int) -> None:
    rng = Random(count)
    times = [rng.expovariate(1.0) for _ in range(count)]
    cuts = statistics.quantiles(times, n=1000, method="inclusive")
    found = stats(times)
    assert found.count == count
    assert found.values == pytest.approx(
        {"mean": statistics.fmean(times), "p50": cuts[499], "p90": cuts[899], "p99": cuts[989], "p99.9": cuts[998]}
    )
    assert tuple(found.values) == COLUMNS


def test_no_times_no_figures() -> None:
    assert stats([]).values == {}
    assert summarize(sitting("a"), 1.0).verdicts["pass"] == 0


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


def test_ratios_are_over_what_both_pass() -> None:
    mine = sitting(
        "structgen",
        Outcome("1", "pass", first_us=10.0, us=[1.0, 3.0]),
        Outcome("2", "pass", first_us=1e9, us=[1e9]),
        Outcome("3", "refused"),
    )
    others = sitting(
        "llguidance",
        Outcome("1", "pass", first_us=20.0, us=[4.0, 4.0]),
        Outcome("2", "accepts invalid", first_us=1.0, us=[1.0]),
        Outcome("3", "pass", first_us=1.0, us=[1.0]),
    )
    found = ratio(mine, others)
    assert found.schemas == 1
    assert found.first == pytest.approx(dict.fromkeys(COLUMNS, 0.5))
    assert found.mask["mean"] == found.mask["p50"] == pytest.approx(0.5)
    assert ratio(sitting("a", Outcome("1", "refused")), sitting("b", Outcome("1", "pass"))).mask == {}


def test_engines_are_compared_with_llguidance_else_with_the_first() -> None:
    a, b, c = sitting("a"), sitting("b"), sitting("llguidance")
    assert base_of([a]) is None
    assert base_of([a, b]) is a
    assert base_of([a, b, c]) is c


def test_the_document_is_json() -> None:
    both = [sitting("a", Outcome("1", "pass", first_us=1.0, us=[1.0, 2.5])), sitting("b", Outcome("1", "timeout"))]
    read = json.loads(json.dumps(document(both, 3.0, data="d")))
    assert (read["data"], read["timeout_s"]) == ("d", 3.0)
    assert read["outcomes"]["a"][0] == {"id": "1", "verdict": "pass", "why": "", "test": None, "first_us": 1.0, "tokens": 2, "us": 3.5}
    assert [(one["engine"], one["base"]) for one in read["ratios"]] == [("b", "a")]


@pytest.mark.parametrize(
    ("time", "text"),
    [(None, "-"), (0.351, "0.35 µs"), (12.34, "12.3 µs"), (123.4, "123 µs"), (1500.0, "1.50 ms"), (2.5e6, "2.50 s"), (0.0, "0.00 µs")],
)
def test_times_for_people(time: float | None, text: str) -> None:
    assert shown(time) == text
