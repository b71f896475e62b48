"""Figures of several measurements in one table, each beside what it should be.

Not here: measuring (`bench/`, beside the package).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import isfinite
from pathlib import Path

from structgen.bench.tables import table
from structgen.errors import OptionError


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure: `line` says which aim it is about, `what` was measured, and it should be at most `most`, or at least `least` (neither:
    it is only reported). `beside`: what the same is elsewhere, in words."""

    line: str
    what: str
    value: float
    unit: str = ""
    most: float | None = None
    least: float | None = None
    beside: str = ""

    @property
    def met(self) -> bool | None:
        """Whether it is as it should be; None where nothing says how it should be. What is not a number never is."""
        if self.most is None and self.least is None:
            return None
        return (self.most is None or self.value <= self.most) and (self.least is None or self.value >= self.least)

    @property
    def ratio(self) -> float | None:
        """The figure in parts of what it should be; None where there is nothing to divide by."""
        goal = self.least if self.most is None else self.most
        return self.value / goal if goal else None


def markdown(figures: Sequence[Figure]) -> str:
    """The table: a row for each figure, under a heading for each line."""
    rows, line = [], ""
    for one in figures:
        if one.line != line:
            line = one.line
            rows.append([f"**{line}**", *[""] * 5])
        goal = "" if one.met is None else f"≤ {said(one.most)}" if one.most is not None else f"≥ {said(one.least)}"
        verdict = "" if one.met is None else "met" if one.met else "**not met**"
        ratio = "" if one.ratio is None else f"{one.ratio:.2f}"
        rows.append([one.what, f"{said(one.value)} {one.unit}".rstrip(), goal, ratio, verdict, one.beside])
    return table(["", "figure", "aim", "of the aim", "", "beside"], rows)


def said(value: float | None) -> str:
    """A number for people: three digits, or all of a larger one."""
    if value is None or not isfinite(value):
        return "-"
    if abs(value) >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.{1 if abs(value) >= 10 else 2 if abs(value) >= 0.1 else 4}f}"


def write_figures(path: Path, figures: Sequence[Figure]) -> None:
    """Write figures as JSON; the file appears whole."""
    partial = path.with_suffix(".part")
    partial.write_text(json.dumps([asdict(one) for one in figures], indent=1) + "\n", encoding="utf-8")
    partial.replace(path)


def read_figures(path: Path) -> list[Figure]:
    """What `write_figures` wrote. Raises `OptionError` for another file."""
    try:
        return [Figure(**one) for one in json.loads(path.read_text(encoding="utf-8"))]
    except (OSError, ValueError, TypeError) as error:
        raise OptionError(f"{path} has no figures: {error}", where="--results", hint="delete it, and it is measured anew") from error
