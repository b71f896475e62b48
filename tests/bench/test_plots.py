"""Curves against shares counted by hand; the files that are drawn."""

from __future__ import annotations

import re
from pathlib import Path
from random import Random

import pytest

from structgen.bench.outcomes import Outcome, Sitting
from structgen.bench.plots import charts, check_plots, write_plots
from structgen.errors import OptionError


def sitting(engine: str, turn: int = 1, schemas: int = 40) -> Sitting:
    rng = Random(engine)
    outcomes = [
        Outcome(str(k), "pass", first_us=rng.uniform(1, 1e4), us=[rng.uniform(0, 1e3) for _ in range(50)], split=f"<s{k % 3}>")
        for k in range(schemas)
    ]
    return Sitting(engine, "1", turn, outcomes)


def test_curves_are_the_shares_of_times() -> None:
    both = [sitting("a"), sitting("b", 2)]
    masks, first = charts(both, 30.0)
    assert [panel.title for panel in masks.panels] == ["all (40 schemas)", "<s0> (14 schemas)", "<s1> (13 schemas)", "<s2> (13 schemas)"]
    for one, curve in zip(both, masks.panels[0].curves, strict=True):
        times = [round(t, 3) for outcome in one.outcomes for t in outcome.us]
        assert (curve.engine, curve.turn) == (one.engine, one.turn)
        assert curve.longer == pytest.approx([sum(t >= at for t in times) / len(times) for at in curve.times])
        assert (curve.times[0], curve.times[-1]) == (min(times), max(times))
        assert len(curve.times) <= 300
    assert len(first.panels[1].curves[0].times) == 14


def test_there_is_no_curve_without_times() -> None:
    masks, first = charts([Sitting("a", "1", 1, [Outcome("1", "timeout")])], 2.0)
    assert masks.panels[0].curves == []
    assert first.panels[0].curves[0].times == [2e6]
    assert len(masks.panels) == 1


def test_files(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    pytest.importorskip("plotly")
    files = write_plots(tmp_path / "new", [sitting("a"), sitting("b"), sitting("a", 2)], 30.0, "notes & <figures>")
    assert [file.name for file in files] == ["masks.png", "first.png", "index.html"]
    assert all(file.read_bytes().startswith(b"\x89PNG") for file in files[:2])
    page = files[2].read_text()
    assert "notes &amp; &lt;figures&gt;" in page
    assert "a, pass 2" in page
    assert not re.search(r"<(script|link|img)[^>]+(src|href)=", page)  # it needs nothing else
    assert page.count("Plotly.newPlot(") >= 2


def test_nothing_to_draw(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    pytest.importorskip("plotly")
    assert len(write_plots(tmp_path, [Sitting("a", "1", 1, [Outcome("1", "refused")])], 30.0, "")) == 3


def test_what_draws_is_named_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    check_plots()
    monkeypatch.setattr("structgen.bench.plots.find_spec", lambda name: None)
    with pytest.raises(OptionError, match="pip install matplotlib plotly"):
        check_plots()
