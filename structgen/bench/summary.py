"""What a sitting comes to: verdict counts, percentiles, and ratios over the schemas that two engines both pass.

Times are microseconds. Not here: how they were measured (`masks`), how they are shown (`cli`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from structgen.bench.masks import VERDICTS, Outcome, Sitting

QUANTILES: Final[tuple[tuple[str, float], ...]] = (("p50", 50.0), ("p90", 90.0), ("p99", 99.0), ("p99.9", 99.9))
COLUMNS: Final = ("mean", *(name for name, _ in QUANTILES))


@dataclass(frozen=True, slots=True)
class Stats:
    """`count` times, and their mean and percentiles by name (`COLUMNS`); no names where there are no times."""

    count: int
    values: dict[str, float]


@dataclass(frozen=True, slots=True)
class Summary:
    """One engine. `first`: compiling and the first mask, of the schemas that it took; a schema that ran out of time before its first
    mask counts with the limit. `mask`: mask + commit, of every token."""

    engine: str
    version: str
    schemas: int
    verdicts: dict[str, int]
    first: Stats
    mask: Stats
    start_seconds: float
    idle_mb: float
    memory_mb: float
    restarts: int


@dataclass(frozen=True, slots=True)
class Ratio:
    """Times of `engine` divided by those of `base`, over the `schemas` that both pass: 0.5 is twice as fast. Same tokens in both."""

    engine: str
    base: str
    schemas: int
    first: dict[str, float]
    mask: dict[str, float]


def stats(times: Iterable[float]) -> Stats:
    """The figures of some times."""
    array = np.fromiter(times, np.float64)
    if not array.size:
        return Stats(0, {})
    found = np.percentile(array, [q for _, q in QUANTILES])
    return Stats(array.size, {"mean": float(array.mean()), **{name: float(v) for (name, _), v in zip(QUANTILES, found, strict=True)}})


def summarize(sitting: Sitting, timeout: float) -> Summary:
    """The figures of one engine."""
    count = Counter(outcome.verdict for outcome in sitting.outcomes)
    first = [
        timeout * 1e6 if o.first_us is None else o.first_us for o in sitting.outcomes if o.first_us is not None or o.verdict == "timeout"
    ]
    return Summary(
        engine=sitting.engine,
        version=sitting.version,
        schemas=len(sitting.outcomes),
        verdicts={name: count[name] for name in VERDICTS},
        first=stats(first),
        mask=stats(_times(sitting.outcomes)),
        start_seconds=sitting.start_seconds,
        idle_mb=sitting.idle_mb,
        memory_mb=sitting.memory_mb,
        restarts=sitting.restarts,
    )


def ratio(sitting: Sitting, base: Sitting) -> Ratio:
    """How long `sitting` took beside `base`. Outcomes are matched by position."""
    pairs = [(a, b) for a, b in zip(sitting.outcomes, base.outcomes, strict=True) if a.verdict == b.verdict == "pass"]
    mine, others = [a for a, _ in pairs], [b for _, b in pairs]
    return Ratio(
        engine=sitting.engine,
        base=base.engine,
        schemas=len(pairs),
        first=_divided(stats(o.first_us or 0.0 for o in mine), stats(o.first_us or 0.0 for o in others)),
        mask=_divided(stats(_times(mine)), stats(_times(others))),
    )


def base_of(sittings: Sequence[Sitting]) -> Sitting | None:
    """The engine that others are compared with: llguidance, else the first; None where there is only one."""
    if len(sittings) < 2:
        return None
    return next((s for s in sittings if s.engine == "llguidance"), sittings[0])


def document(sittings: Sequence[Sitting], timeout: float, **facts: Any) -> dict[str, Any]:
    """Everything as JSON values: `facts`, the summaries, the ratios, and the outcomes (their times as sums)."""
    base = base_of(sittings)
    return {
        **facts,
        "timeout_s": timeout,
        "engines": [asdict(summarize(one, timeout)) for one in sittings],
        "ratios": [asdict(ratio(one, base)) for one in sittings if base is not None and one is not base],
        "outcomes": {one.engine: [_row(outcome) for outcome in one.outcomes] for one in sittings},
    }


def _row(outcome: Outcome) -> dict[str, Any]:
    row = asdict(outcome)
    times = row.pop("us")
    del row["read"]
    return {**row, "tokens": len(times), "us": round(sum(times), 1)}


def _times(outcomes: Iterable[Outcome]) -> Iterable[float]:
    return (time for outcome in outcomes for time in outcome.us)


def _divided(mine: Stats, others: Stats) -> dict[str, float]:
    return {name: mine.values[name] / others.values[name] for name in COLUMNS if others.values.get(name)} if mine.count else {}
