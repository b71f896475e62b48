"""`structgen bench suite`: engines over the official JSON Schema Test Suite, as a table in Markdown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from structgen.cli.screen import bar, busy, note, plain
from structgen.errors import OptionError

if TYPE_CHECKING:
    from structgen.bench.suite import Mark


def bench_suite(suite: str, tokenizer: str, engines: str, drafts: str, *, optional: bool, timeout: float, output: str | None) -> int:
    """Run, print the table, write every mark to `output`. Raises `OptionError`, `VocabularyError`, `ModelError`."""
    from structgen.bench import masks
    from structgen.bench.engines import checked_engines, engine_version
    from structgen.bench.suite import DRAFTS, markdown, marks_of, read_suite, workload

    names = checked_engines(engines.split(","))
    wanted = list(DRAFTS) if drafts == "all" else [one.strip() for one in drafts.split(",") if one.strip()]
    if output is not None and not Path(output).resolve().parent.is_dir():
        raise OptionError(f"there is no folder for {output!r}", where="--out")
    rows: list[tuple[str, str, list[Mark]]] = []
    details: list[dict[str, Any]] = []
    for draft in wanted:
        with busy(f"reading {draft}"):
            groups = read_suite(suite, draft, optional=optional)
            work = workload(groups, suite, tokenizer)
        progress = bar()
        for name in names:
            task = progress.add_task(f"{draft} {name}", total=len(groups), note="starting")

            def tell(_: str, done: int, outcome: masks.Outcome | None, task: Any = task) -> None:
                progress.update(task, completed=done, note="" if outcome is None else outcome.verdict)  # noqa: B023 - used at once

            with progress:
                sitting = masks.run_engine(name, work, timeout=timeout, progress=tell)
            marks = [marks_of(outcome, group) for outcome, group in zip(sitting.outcomes, groups, strict=True)]
            engine = f"{name} {engine_version(name)}".strip()
            rows.append((draft, engine, [mark for some in marks for mark in some]))
            for group, some, outcome in zip(groups, marks, sitting.outcomes, strict=True):
                where = {"draft": draft, "engine": engine, "file": group.file, "group": group.name, "why": outcome.why}
                details += [
                    {**where, "test": test[0], "mark": mark} for test, mark in zip(group.tests, some, strict=True) if mark != "pass"
                ]
    plain(markdown(rows))
    if output is not None:
        Path(output).write_text(json.dumps(details, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        note(f"wrote {output}")
    return 0
