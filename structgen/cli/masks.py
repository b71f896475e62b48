"""`structgen bench masks`: engines over a file of schemas, as tables, JSON and plots."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.progress import TaskID

from structgen.cli.screen import bar, busy, note, plain
from structgen.errors import OptionError

if TYPE_CHECKING:
    from structgen.bench.masks import Plan
    from structgen.bench.outcomes import Outcome, Workload
    from structgen.bench.record import Record


@dataclass(frozen=True, slots=True)
class Files:
    """What is read and written: the schemas and the tokenizer; results as they come, everything as JSON, a folder of plots."""

    data: str
    tokenizer: str
    results: str | None = None
    output: str | None = None
    plots: str | None = None


def bench_masks(files: Files, engines: str, plan: Plan, *, against: str | None, limit: int | None) -> int:
    """Run, print the tables, write the files. Raises `OptionError`, `VocabularyError`, `ModelError` where that cannot be done."""
    from structgen.bench import plots, summary, tables
    from structgen.bench.process import checked_engines
    from structgen.bench.record import Record

    chosen = checked_engines(engines.split(","), plan.python)
    base = summary.base_of(list(chosen), against)
    check_parent(files.output, "--out")
    check_parent(files.results, "--results")
    if files.plots is not None:
        plots.check_plots()
    work = _workload(files, limit)
    record = Record(chosen, _setup(files, work, plan), path=None if files.results is None else Path(files.results))
    run_shown(work, record, plan)
    sittings = record.sittings()
    text = _heading(record) + "\n\n" + tables.report(sittings, plan.timeout, base)
    plain(text)
    if files.output is not None:
        document = summary.document(sittings, plan.timeout, base, begun=record.begun, setup=record.setup)
        Path(files.output).write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
        note(f"wrote {files.output}")
    if files.plots is not None:
        for file in plots.write_plots(Path(files.plots), sittings, plan.timeout, text):
            note(f"wrote {file}")
    return 0


def check_parent(file: str | None, option: str) -> None:
    """Raises `OptionError` where the folder of a file does not exist."""
    if file is not None and not Path(file).resolve().parent.is_dir():
        raise OptionError(f"there is no folder for {file!r}", where=option)


def _workload(files: Files, limit: int | None) -> Workload:
    from structgen.bench.cases import read_cases
    from structgen.bench.outcomes import workload_of

    with busy("reading schemas and tokenizer"):
        cases = read_cases(files.data, limit)
        if not cases:
            raise OptionError(f"{files.data} has no cases", where="--data")
        return workload_of(cases, files.tokenizer)


def _setup(files: Files, work: Workload, plan: Plan) -> dict[str, Any]:
    from structgen.bench.machine import machine

    return {
        "data": Path(files.data).name,
        "tokenizer": "/".join(Path(files.tokenizer).resolve().parts[-2:]),
        "vocabulary": work.size,
        "schemas": len(work.requests),
        "workload": work.digest,
        "timeout": plan.timeout,
        "passes": plan.passes,
        "keep": plan.keep,
        "jobs": plan.jobs,
        "interleave": plan.interleave,
        "machine": machine(),
    }


def _heading(record: Record) -> str:
    """What stands above every table: what was run, when, on what."""
    from structgen.bench.machine import described

    of = record.setup
    order = "schema by schema" if of["interleave"] else "one engine after the other"
    engines = ", ".join(f"{name} {version}" for name, version in record.engines.items())
    lines = [
        f"{of['data']}, {of['schemas']:,} schemas; {of['tokenizer']}, {of['vocabulary']:,} tokens; {record.begun}",
        f"{engines}; {order}, {of['jobs']} at a time, at most {of['timeout']:g} s each",
        described(of["machine"]),
        "first mask: compiling and one mask; mask + commit: each token",
    ]
    if of["passes"] > 1:
        lines.append(f"pass 1: new schemas; later: schemas that a process has met, {'kept' if of['keep'] else 'compiled anew'}")
    return "\n".join(lines)


def run_shown(work: Workload, record: Record, plan: Plan, title: str = "") -> None:
    """Run, with a bar for each engine that is called `title` and its name."""
    from structgen.bench.masks import run_engines

    progress = bar()
    tasks: dict[str, TaskID] = {
        name: progress.add_task(title + name, total=len(work.requests) * plan.passes, completed=record.done(name), note="waiting")
        for name in record.engines
    }

    def tell(name: str, done: int, outcome: Outcome | None) -> None:
        said = "starting" if outcome is None else "" if outcome.verdict == "pass" else outcome.verdict
        progress.update(tasks[name], completed=done, note=said)

    with progress:
        run_engines(work, record, plan, tell)
