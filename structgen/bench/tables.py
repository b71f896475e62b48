"""Tables of a run as Markdown that can be read as it is: columns are aligned.

Not here: the figures (`summary`), curves (`plots`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from structgen.bench import summary
from structgen.bench.outcomes import VERDICTS, Sitting
from structgen.bench.summary import COLUMNS, Common

_UNITS: Final = ((1e6, "s"), (1e3, "ms"), (1.0, "µs"))
_FEW: Final = ("mean", "p50", "p99")


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
    """All tables of a run: verdicts and memory, times, times over what engines pass in common, and the same by split."""
    many = len({one.engine for one in sittings}) > 1
    parts = [_verdicts(sittings, timeout), *_times(sittings, timeout)]
    if many:
        parts += [_beside(one) for one in summary.commons(sittings, base)]
    splits = summary.by_split(sittings)
    if len(splits) > 1:
        parts.append(_splits(splits, timeout))
        parts += [_split_ratios(splits, base)] if many else []
    return "\n\n".join(parts)


def _verdicts(sittings: Sequence[Sitting], timeout: float) -> str:
    found = [summary.summarize(one, timeout) for one in sittings]
    rows = [[verdict, *(f"{one.verdicts[verdict]:,}" for one in found)] for verdict in VERDICTS]
    rows.append(["memory, at most", *(f"{one.memory_mb:.0f} MB" for one in found)])
    rows.append(["before the first schema", *(f"{one.idle_mb:.0f} MB" for one in found)])
    rows.append(["start", *(f"{one.start_seconds:.1f} s" for one in found)])
    rows.append(["processes", *(f"{one.processes}" for one in found)])
    return table([f"of {found[0].schemas:,} schemas", *(one.name for one in sittings)], rows)


def _times(sittings: Sequence[Sitting], timeout: float) -> list[str]:
    parts = []
    for title, field in (("first mask: compiling and one mask", "first"), ("mask + commit, a token", "mask")):
        found = [(one.name, getattr(summary.summarize(one, timeout), field)) for one in sittings]
        parts.append(table([title, "count", *COLUMNS], [[name, f"{one.count:,}", *_shown(one.values)] for name, one in found]))
    return parts


def _beside(found: Common) -> str:
    """The engines of a comparison, and what each takes for one microsecond of the base."""
    who = "both" if len(found.mask) == 2 else "all"
    turn = "" if found.turn == 1 else f", turn {found.turn}"
    rows = []
    for of, by_engine, k in (("first mask", found.first, 0), ("mask + commit", found.mask, 1)):
        for name, one in by_engine.items():
            rows.append([f"{of}, {name}", *_shown(one.values)])
            if name != found.base:
                rows.append([f"... divided by {found.base}", *_ratios(found.ratios(name)[k])])
    return table([f"over the {found.schemas:,} schemas that {who} pass{turn}", *COLUMNS], rows)


def _splits(splits: dict[str, list[Sitting]], timeout: float) -> str:
    columns = ["split, engine", "schemas", "pass", *(f"first {one}" for one in _FEW), *(f"mask {one}" for one in _FEW)]
    rows = []
    for name, sittings in splits.items():
        for one in sittings:
            found = summary.summarize(one, timeout)
            times = [*_shown(found.first.values, _FEW), *_shown(found.mask.values, _FEW)]
            rows.append([f"{name or '-'}, {one.name}", str(found.schemas), str(found.verdicts["pass"]), *times])
    return table(columns, rows)


def _split_ratios(splits: dict[str, list[Sitting]], base: str) -> str:
    columns = [f"over what both pass, divided by {base}", "schemas", *(f"first {one}" for one in _FEW), *(f"mask {one}" for one in _FEW)]
    rows = []
    for name, sittings in splits.items():
        for found in summary.commons(sittings, base):
            if len(found.mask) == 2:
                engine = next(one for one in found.mask if one != base)
                first, mask = found.ratios(engine)
                turn = "" if found.turn == 1 else f", turn {found.turn}"
                rows.append([f"{name or '-'}, {engine}{turn}", str(found.schemas), *_ratios(first, _FEW), *_ratios(mask, _FEW)])
    return table(columns, rows)


def _shown(values: dict[str, float], columns: Sequence[str] = COLUMNS) -> list[str]:
    return [shown(values.get(name)) for name in columns]


def _ratios(values: dict[str, float], columns: Sequence[str] = COLUMNS) -> list[str]:
    return [f"{values[name]:.2f}" if name in values else "-" for name in columns]
