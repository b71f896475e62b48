"""What a run comes to: verdict counts, percentiles, and ratios over the schemas that engines pass in common.

Times are microseconds. Not here: how they were measured (`masks`), how they are shown (`tables`, `plots`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

import numpy as np

from structgen.bench.outcomes import VERDICTS, Outcome, Sitting
from structgen.errors import OptionError

QUANTILES: Final[tuple[tuple[str, float], ...]] = (("p50", 50.0), ("p90", 90.0), ("p99", 99.0), ("p99.9", 99.9), ("max", 100.0))
COLUMNS: Final = ("mean", *(name for name, _ in QUANTILES))


@dataclass(frozen=True, slots=True)
class Stats:
    """`count` times, and their mean and percentiles by name (`COLUMNS`); no names where there are no times."""

    count: int
    values: dict[str, float]


@dataclass(frozen=True, slots=True)
class Summary:
    """One engine in one pass. `first`: compiling and the first mask, of the schemas that it took; a schema that ran out of time before its
    first mask counts with the limit. `mask`: mask + commit, of every token. `start_seconds`, `start_mb`: until its first process was ready,
    and what that held then; `end_mb`: what the last one held in the end; `peak_mb`: the most that any held; `processes`: how many."""

    engine: str
    version: str
    turn: int
    schemas: int
    verdicts: dict[str, int]
    first: Stats
    mask: Stats
    start_seconds: float
    start_mb: float
    end_mb: float
    peak_mb: float
    processes: int


@dataclass(frozen=True, slots=True)
class Common:
    """Engines over the `schemas` that all of them pass, so with the same tokens: their figures, and those of each divided by those of
    `base` (0.5 is twice as fast)."""

    base: str
    turn: int
    schemas: int
    first: dict[str, Stats]
    mask: dict[str, Stats]

    def ratios(self, engine: str) -> dict[str, dict[str, float]]:
        """The first masks ("first") and the masks ("mask") of an engine beside those of the base."""
        return {"first": _divided(self.first[engine], self.first[self.base]), "mask": _divided(self.mask[engine], self.mask[self.base])}


def stats(times: Iterable[float]) -> Stats:
    """The figures of some times."""
    array = np.fromiter(times, np.float64)
    if not array.size:
        return Stats(0, {})
    found = np.percentile(array, [q for _, q in QUANTILES])
    return Stats(array.size, {"mean": float(array.mean()), **{name: float(v) for (name, _), v in zip(QUANTILES, found, strict=True)}})


def first_times(outcomes: Iterable[Outcome], timeout: float) -> list[float]:
    """Microseconds to the first masks; the limit where a schema ran out of time before that."""
    return [timeout * 1e6 if o.first_us is None else o.first_us for o in outcomes if o.first_us is not None or o.verdict == "timeout"]


def mask_times(outcomes: Iterable[Outcome]) -> Iterable[float]:
    """Microseconds of every mask + commit."""
    return (time for outcome in outcomes for time in outcome.us)


def summarize(sitting: Sitting, timeout: float) -> Summary:
    """The figures of one engine in one pass."""
    count = Counter(outcome.verdict for outcome in sitting.outcomes)
    start = sitting.starts[0] if sitting.starts else None
    return Summary(
        engine=sitting.engine,
        version=sitting.version,
        turn=sitting.turn,
        schemas=len(sitting.outcomes),
        verdicts={name: count[name] for name in VERDICTS},
        first=stats(first_times(sitting.outcomes, timeout)),
        mask=stats(mask_times(sitting.outcomes)),
        start_seconds=start.seconds if start else 0.0,
        start_mb=start.memory_mb if start else 0.0,
        end_mb=next((one.memory_mb for one in reversed(sitting.outcomes) if one.memory_mb), 0.0),
        peak_mb=sitting.peak_mb,
        processes=len(sitting.starts),
    )


def common(sittings: Sequence[Sitting], base: str) -> Common:
    """The sittings of a pass over the schemas that all of them pass. Outcomes are matched by position."""
    rows = [row for row in zip(*(one.outcomes for one in sittings), strict=True) if all(o.verdict == "pass" for o in row)]
    columns = {one.engine: [row[k] for row in rows] for k, one in enumerate(sittings)}
    return Common(
        base=base,
        turn=sittings[0].turn,
        schemas=len(rows),
        first={name: stats(first_times(outcomes, 0.0)) for name, outcomes in columns.items()},
        mask={name: stats(mask_times(outcomes)) for name, outcomes in columns.items()},
    )


def commons(sittings: Sequence[Sitting], base: str) -> list[Common]:
    """Pass by pass: each engine beside the base; then all together where they are more than two."""
    found = []
    for turn in sorted({one.turn for one in sittings}):
        now = [one for one in sittings if one.turn == turn]
        first = next(one for one in now if one.engine == base)
        found += [common([one, first], base) for one in now if one is not first]
        found += [common(now, base)] if len(now) > 2 else []
    return found


def base_of(engines: Sequence[str], wanted: str | None = None) -> str:
    """The engine that others are compared with: the wanted one, else llguidance, else the first. Raises `OptionError`."""
    if wanted is not None and wanted not in engines:
        raise OptionError(f"{wanted!r} is not among the engines", where="--against", hint=f"they are {', '.join(engines)}")
    return wanted or ("llguidance" if "llguidance" in engines else engines[0])


def by_split(sittings: Sequence[Sitting]) -> dict[str, list[Sitting]]:
    """The sittings cut along the splits of the file, in alphabetic order."""
    names = sorted({outcome.split for one in sittings for outcome in one.outcomes})
    return {name: [replace(one, outcomes=[o for o in one.outcomes if o.split == name]) for one in sittings] for name in names}


def document(sittings: Sequence[Sitting], timeout: float, base: str, **facts: Any) -> dict[str, Any]:
    """Everything as JSON values: `facts`, the summaries, the ratios, both also by split, and the outcomes (their times as sums)."""
    return {
        **facts,
        **_figures(sittings, timeout, base),
        "splits": {name: _figures(some, timeout, base) for name, some in by_split(sittings).items()},
        "outcomes": [{"engine": one.engine, "turn": one.turn, "outcomes": [_row(outcome) for outcome in one.outcomes]} for one in sittings],
    }


def _figures(sittings: Sequence[Sitting], timeout: float, base: str) -> dict[str, Any]:
    return {
        "engines": [asdict(summarize(one, timeout)) for one in sittings],
        "common": [{**asdict(one), "ratios": {name: one.ratios(name) for name in one.mask}} for one in commons(sittings, base)],
    }


def _row(outcome: Outcome) -> dict[str, Any]:
    row = asdict(outcome)
    times = row.pop("us")
    del row["read"]
    return {**row, "tokens": len(times), "us": round(sum(times), 1)}


def _divided(mine: Stats, others: Stats) -> dict[str, float]:
    return {name: mine.values[name] / others.values[name] for name in COLUMNS if others.values.get(name)} if mine.count else {}
