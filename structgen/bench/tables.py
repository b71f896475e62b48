"""Tables of a run as Markdown that can be read as it is: columns are aligned.

Not here: the figures (`summary`), curves (`plots`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from structgen.bench import summary
from structgen.bench.outcomes import VERDICTS, Sitting, in_pass
from structgen.bench.summary import COLUMNS, Common

_UNITS: Final = ((1e6, "s"), (1e3, "ms"), (1.0, "µs"))
_MEASURES: Final = {"first": "first mask", "mask": "mask + commit"}
_FEW: Final = ("mean", "p50", "p99")
_FEW_OF_EACH: Final = [f"{measure} {column}" for measure in _MEASURES for column in _FEW]


def shown(microseconds: float | None) -> str:
    """A time for people: three digits and a unit."""
    if microseconds is None:
        return "-"
    size, unit = next((one for one in _UNITS if microseconds >= one[0]), _UNITS[-1])
    value = microseconds / size
    return f"{value:.{0 if value >= 100 else 1 if value >= 10 else 2}f} {unit}"


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; its first column is aligned left, the others right."""
    lines = [list(columns), *map(list, rows)]
    widths = [max(3, *(len(line[k]) for line in lines)) for k in range(len(columns))]
    cells = [[cell.ljust(w) if k == 0 else cell.rjust(w) for k, (cell, w) in enumerate(zip(line, widths, strict=True))] for line in lines]
    rule = ["-" * w if k == 0 else "-" * (w - 1) + ":" for k, w in enumerate(widths)]
    return "\n".join("| " + " | ".join(line) + " |" for line in [cells[0], rule, *cells[1:]])


def report(sittings: Sequence[Sitting], timeout: float, base: str) -> str:
    """All tables of a run: verdicts and memory, times, times over what engines pass in common, and the same by split.

    "first mask" is compiling and one mask, "mask + commit" what each token takes.
    """
    many = len({one.engine for one in sittings}) > 1
    found, splits = summary.commons(sittings, base), summary.by_split(sittings)
    parts = [_verdicts(sittings, timeout)]
    parts += [_times(sittings, timeout, measure) for measure in _MEASURES]
    if many:
        parts += [_beside(found, measure, turn) for turn in sorted({one.turn for one in found}) for measure in _MEASURES]
    if len(splits) > 1:
        parts += [_splits(splits, timeout), *([_split_ratios(splits, base)] if many else [])]
    return "\n\n".join(parts)


def _verdicts(sittings: Sequence[Sitting], timeout: float) -> str:
    rows = []
    for one in sittings:
        found = summary.summarize(one, timeout)
        memory = [f"{size:.0f} MB" for size in (found.start_mb, found.end_mb, found.peak_mb)]
        rows.append(
            [one.name, *(f"{found.verdicts[v]:,}" for v in VERDICTS), f"{found.start_seconds:.1f} s", *memory, str(found.processes)]
        )
    return table([f"{len(sittings[0].outcomes):,} schemas", *VERDICTS, "start", "memory then", "in the end", "peak", "processes"], rows)


def _times(sittings: Sequence[Sitting], timeout: float, measure: str) -> str:
    found = [(one.name, getattr(summary.summarize(one, timeout), measure)) for one in sittings]
    return table([_MEASURES[measure], "count", *COLUMNS], [[name, f"{one.count:,}", *_shown(one.values)] for name, one in found])


def _beside(found: Sequence[Common], measure: str, turn: int) -> str:
    """Engines over the schemas that they pass in common, and what each takes for one microsecond of the base."""
    rows = []
    for one in found:
        if one.turn == turn:
            by_engine = getattr(one, measure)
            who = " and ".join(by_engine) if len(by_engine) == 2 else "all"
            rows.append([f"**{who}**", f"{one.schemas:,}", *[""] * len(COLUMNS)])
            for name, figures in by_engine.items():
                rows.append([name, "", *_shown(figures.values)])
                if name != one.base:
                    rows.append([f"divided by {one.base}", "", *_ratios(one.ratios(name)[measure])])
    return table([f"{_MEASURES[measure]}, over what both or all pass{in_pass(turn)}", "schemas", *COLUMNS], rows)


def _splits(splits: dict[str, list[Sitting]], timeout: float) -> str:
    rows = []
    for name, sittings in splits.items():
        for one in sittings:
            found = summary.summarize(one, timeout)
            times = [*_shown(found.first.values, _FEW), *_shown(found.mask.values, _FEW)]
            rows.append([f"{name or '-'}, {one.name}", str(found.schemas), str(found.verdicts["pass"]), *times])
    return table(["split, engine", "schemas", "pass", *_FEW_OF_EACH], rows)


def _split_ratios(splits: dict[str, list[Sitting]], base: str) -> str:
    rows = []
    for name, sittings in splits.items():
        for found in summary.commons(sittings, base):
            if len(found.mask) == 2:
                engine = next(one for one in found.mask if one != base)
                ratios = found.ratios(engine)
                few = [cell for measure in _MEASURES for cell in _ratios(ratios[measure], _FEW)]
                rows.append([f"{name or '-'}, {engine}{in_pass(found.turn)}", str(found.schemas), *few])
    return table([f"over what both pass, divided by {base}", "schemas", *_FEW_OF_EACH], rows)


def _shown(values: dict[str, float], columns: Sequence[str] = COLUMNS) -> list[str]:
    return [shown(values.get(name)) for name in columns]


def _ratios(values: dict[str, float], columns: Sequence[str] = COLUMNS) -> list[str]:
    found = [values.get(name) for name in columns]
    return ["-" if one is None else f"{one:,.{2 if one < 10 else 1 if one < 100 else 0}f}" for one in found]
