"""Cumulative distributions of times, over all schemas and by split: pictures (PNG) and a page (HTML) that needs nothing else.

Both axes are logarithmic: times to the right, and upwards the share of times that are shorter, as nines. So the slow tail, which is what
stalls a batch, takes as much room as the rest. matplotlib and plotly are imported when plots are made.

Not here: tables (`tables`).
"""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import numpy as np

from structgen.bench.outcomes import Sitting
from structgen.bench.summary import by_split, first_times, mask_times
from structgen.bench.tables import shown
from structgen.errors import OptionError

_POINTS: Final = 300  # of a curve: what a screen can show
_WIDE: Final = 4  # panels beside each other
_COLOURS: Final = ("#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd", "#8c564b")


@dataclass(frozen=True, slots=True)
class Curve:
    """A sitting's times: `longer[k]` is the share of them that are at least `times[k]` (microseconds, ascending)."""

    name: str
    engine: str
    turn: int
    times: list[float]
    longer: list[float]


@dataclass(frozen=True, slots=True)
class Panel:
    """Curves over the same schemas."""

    title: str
    curves: list[Curve]


@dataclass(frozen=True, slots=True)
class Chart:
    """A measure: a panel for all schemas, and one for each split where there are several."""

    name: str
    title: str
    panels: list[Panel]


def check_plots() -> None:
    """Raises `OptionError` where a package that draws is missing."""
    missing = [name for name in ("matplotlib", "plotly") if find_spec(name) is None]
    if missing:
        raise OptionError(f"{' and '.join(missing)} cannot be imported", where="--plots", hint=f"pip install {' '.join(missing)}")


def charts(sittings: Sequence[Sitting], timeout: float) -> list[Chart]:
    """What is to be drawn."""
    splits = by_split(sittings)
    parts = {"all": sittings, **(splits if len(splits) > 1 else {})}
    measures: tuple[tuple[str, str, Callable[[Sitting], Iterable[float]]], ...] = (
        ("masks", "mask + commit, a token", lambda one: mask_times(one.outcomes)),
        ("first", "first mask: compiling and one mask", lambda one: first_times(one.outcomes, timeout)),
    )
    found = []
    for name, title, times in measures:
        panels = []
        for part, some in parts.items():
            count = len(some[0].outcomes)
            panels.append(Panel(f"{part or '-'} ({count:,} schemas)", [curve for one in some if (curve := _curve(one, times(one)))]))
        found.append(Chart(name, title, panels))
    return found


def _curve(sitting: Sitting, taken: Iterable[float]) -> Curve | None:
    array = np.sort(np.fromiter(taken, np.float64))
    n = array.size
    if not n:
        return None
    left = np.arange(1, n + 1) if n <= _POINTS else np.unique(np.geomspace(1, n, _POINTS).astype(np.int64))
    left = left[::-1]  # so many times are at least this long
    return Curve(
        sitting.name, sitting.engine, sitting.turn, [round(float(t), 3) for t in array[n - left]], [float(one) for one in left / n]
    )


def write_plots(folder: Path, sittings: Sequence[Sitting], timeout: float, notes: str) -> list[Path]:
    """Write a PNG for each measure and the page with both into a folder, with the tables (`notes`). Returns the files."""
    found = charts(sittings, timeout)
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for chart in found:
        files.append(folder / f"{chart.name}.png")
        _draw(chart, files[-1])
    files.append(folder / "index.html")
    files[-1].write_text(_page(found, notes), encoding="utf-8")
    return files


def _colours(chart: Chart) -> dict[str, str]:
    engines = list(dict.fromkeys(curve.engine for panel in chart.panels for curve in panel.curves))
    return {name: _COLOURS[k % len(_COLOURS)] for k, name in enumerate(engines)}


def _nines(chart: Chart) -> list[tuple[float, str]]:
    """Where the upward axis has marks, and their names: 0 %, 50 %, 90 %, 99 %, ..."""
    least = min((curve.longer[-1] for panel in chart.panels for curve in panel.curves), default=1.0)
    deep = max(1, math.ceil(-math.log10(least)))
    shares = sorted((0.5, *(10.0**-k for k in range(deep + 1))), reverse=True)
    return [(share, f"{100 - 100 * share:.{max(0, round(-math.log10(share)) - 2)}f} %") for share in shares]


def _decades(chart: Chart) -> list[tuple[float, str]]:
    """Where the time axis has marks, and their names."""
    times = [t for panel in chart.panels for curve in panel.curves for t in (curve.times[0], curve.times[-1]) if t > 0]
    low, high = (math.floor(math.log10(min(times))), math.ceil(math.log10(max(times)))) if times else (0, 1)
    return [(10.0**k, _decade(k)) for k in range(low, high + 1)]


def _decade(exponent: int) -> str:
    return f"{10.0**exponent:g} µs" if exponent < 0 else shown(10.0**exponent).replace(".00", "").replace(".0", "")


def _draw(chart: Chart, file: Path) -> None:
    """One measure as a picture."""
    from matplotlib.figure import Figure

    tall = math.ceil(len(chart.panels) / _WIDE)
    wide = min(_WIDE, len(chart.panels))
    figure = Figure(figsize=(4.2 * wide, 3.2 * tall + 0.8), dpi=110, layout="constrained")
    figure.suptitle(chart.title)
    colours, nines, decades = _colours(chart), _nines(chart), _decades(chart)
    axes = figure.subplots(tall, wide, squeeze=False)
    lines: dict[str, Any] = {}
    for axis, panel in zip(axes.flat, chart.panels, strict=False):
        for curve in panel.curves:
            style = "-" if curve.turn == 1 else "--"
            (lines[curve.name],) = axis.plot(curve.times, curve.longer, style, color=colours[curve.engine], linewidth=1.4)
        axis.set(xscale="log", yscale="log", xlim=(decades[0][0], decades[-1][0]), ylim=(1.0, nines[-1][0]))
        axis.set_title(panel.title, fontsize=9)
        axis.set_xticks([x for x, _ in decades], [text for _, text in decades], fontsize=7, rotation=45)
        axis.set_yticks([y for y, _ in nines], [text for _, text in nines], fontsize=7)
        axis.minorticks_off()
        axis.grid(visible=True, color="#dddddd", linewidth=0.5)
    for axis in axes.flat[len(chart.panels) :]:
        axis.set_visible(False)
    if lines:
        figure.legend(list(lines.values()), list(lines), loc="outside lower center", ncols=min(2 * wide, len(lines)), fontsize=9)
    figure.savefig(file)


def _page(found: Sequence[Chart], notes: str) -> str:
    """The page: tables, then a figure for each measure; the script that draws stands in it."""
    parts = []
    for k, chart in enumerate(found):
        drawn = _figure(chart).to_html(full_html=False, include_plotlyjs=k == 0, config={"displaylogo": False})
        parts.append(f"<h2>{html.escape(chart.title)}</h2>\n{drawn}")
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>Token masks</title>\n'
        "<style>body { font: 15px/1.4 sans-serif; margin: 2em } pre { font-size: 12px; overflow-x: auto }</style></head><body>\n"
        f"<h1>Token masks</h1>\n<pre>{html.escape(notes)}</pre>\n" + "\n".join(parts) + "\n</body></html>\n"
    )


def _figure(chart: Chart) -> Any:
    """One measure as a figure of plotly."""
    from plotly.subplots import make_subplots

    tall, wide = math.ceil(len(chart.panels) / _WIDE), min(_WIDE, len(chart.panels))
    figure = make_subplots(rows=tall, cols=wide, subplot_titles=[panel.title for panel in chart.panels])
    colours, nines, decades, seen = _colours(chart), _nines(chart), _decades(chart), set[str]()
    for k, panel in enumerate(chart.panels):
        row, column = k // _WIDE + 1, k % _WIDE + 1
        for curve in panel.curves:
            figure.add_scatter(
                x=curve.times,
                y=curve.longer,
                name=curve.name,
                legendgroup=curve.name,
                showlegend=curve.name not in seen,
                mode="lines",
                line={"color": colours[curve.engine], "dash": "solid" if curve.turn == 1 else "dash", "width": 1.6},
                hovertemplate="%{y:.3%} take %{x:,.1f} µs or longer<extra>" + html.escape(curve.name) + "</extra>",
                row=row,
                col=column,
            )
            seen.add(curve.name)
    ends = [math.log10(decades[0][0]), math.log10(decades[-1][0])]
    figure.update_xaxes(type="log", range=ends, tickvals=[x for x, _ in decades], ticktext=[text for _, text in decades])
    figure.update_yaxes(
        type="log", range=[0, math.log10(nines[-1][0])], tickvals=[y for y, _ in nines], ticktext=[text for _, text in nines]
    )
    figure.update_layout(height=320 * tall + 120, template="plotly_white", margin={"t": 100})
    figure.update_layout(legend={"orientation": "h", "yref": "container", "y": 1, "yanchor": "top"})
    return figure
