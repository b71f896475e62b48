"""`structgen bench masks`: engines over a file of schemas, as tables and as JSON."""

from __future__ import annotations

import json
import platform
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rich.progress import TaskID
from rich.table import Table
from rich.text import Text

from structgen.cli.screen import bar, busy, note, out
from structgen.errors import OptionError

if TYPE_CHECKING:
    from structgen.bench.masks import Sitting

_UNITS: Final = ((1e6, "s"), (1e3, "ms"), (1.0, "µs"))


def bench_masks(data: str, tokenizer: str, engines: str, *, limit: int | None, timeout: float, output: str | None, jobs: int) -> int:
    """Run, print the tables, write `output`. Raises `OptionError`, `VocabularyError`, `ModelError` where that cannot be done."""
    from structgen.bench import masks, summary
    from structgen.bench.cases import read_cases
    from structgen.bench.engines import checked_engines

    names = checked_engines(engines.split(","))
    if output is not None and not Path(output).resolve().parent.is_dir():
        raise OptionError(f"there is no folder for {output!r}", where="--out")
    with busy("reading schemas and tokenizer"):
        cases = read_cases(data, limit)
        if not cases:
            raise OptionError(f"{data} has no cases", where="--data")
        work = masks.workload_of(cases, tokenizer)
    progress = bar()
    tasks: dict[str, TaskID] = {name: progress.add_task(name, total=len(cases), note="waiting") for name in names}

    def tell(name: str, done: int, outcome: masks.Outcome | None) -> None:
        progress.update(
            tasks[name], completed=done, note="starting" if outcome is None else "" if outcome.verdict == "pass" else outcome.verdict
        )

    with progress:
        sittings = masks.run_engines(names, work, timeout=timeout, jobs=jobs, progress=tell)
    _show(sittings, timeout)
    if output is not None:
        facts = {
            "data": Path(data).name,
            "tokenizer": "/".join(Path(tokenizer).parts[-2:]),
            "machine": f"{platform.machine()} {platform.system()}",
            "jobs": jobs,
        }
        document = summary.document(sittings, timeout, **facts)
        Path(output).write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
        note(f"wrote {output}")
    return 0


def _show(sittings: list[Sitting], timeout: float) -> None:
    """Verdicts, times, memory, and times beside the engine that others are compared with."""
    from structgen.bench import masks, summary

    screen, found = out(), [summary.summarize(one, timeout) for one in sittings]
    table = _table(f"{found[0].schemas} schemas", "", *[f"{one.engine}\n{one.version}" for one in found])
    for verdict in masks.VERDICTS:
        table.add_row(verdict, *[str(one.verdicts[verdict]) for one in found])
    table.add_row("memory, at most", *[f"{one.memory_mb:.0f} MB" for one in found])
    table.add_row("and before the first schema", *[f"{one.idle_mb:.0f} MB" for one in found])
    table.add_row("start", *[f"{one.start_seconds:.1f} s" for one in found])
    screen.print(table)
    for title, field in (("first mask: compiling and one mask", "first"), ("mask + commit, a token", "mask")):
        table = _table(title, "engine", "count", *summary.COLUMNS)
        for one in found:
            values = getattr(one, field)
            table.add_row(one.engine, f"{values.count:,}", *[shown(values.values.get(name)) for name in summary.COLUMNS])
        screen.print(table)
    base = summary.base_of(sittings)
    if base is None:
        return
    table = _table(f"times {base.engine}'s, over the schemas that both pass", "engine", "schemas", "of", *summary.COLUMNS)
    for sitting in sittings:
        if sitting is not base:
            beside = summary.ratio(sitting, base)
            for of, ratios in (("first mask", beside.first), ("mask + commit", beside.mask)):
                table.add_row(beside.engine, str(beside.schemas), of, *[_times(ratios.get(name)) for name in summary.COLUMNS])
    screen.print(table)


def shown(microseconds: float | None) -> str:
    """A time for people: three digits and a unit."""
    if microseconds is None:
        return "-"
    size, unit = next((one for one in _UNITS if microseconds >= one[0]), _UNITS[-1])
    value = microseconds / size
    return f"{value:.{0 if value >= 100 else 1 if value >= 10 else 2}f} {unit}"


def _times(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _table(title: str, *columns: str) -> Table:
    table = Table(title=Text(title, style="bold"), title_justify="left", box=None, header_style="dim", pad_edge=False)
    for k, name in enumerate(columns):
        table.add_column(name, justify="left" if k == 0 or name == "of" else "right", no_wrap=True)
    return table
