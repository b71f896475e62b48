"""`structgen bench suite`: engines over the official JSON Schema Test Suite, as a table in Markdown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from structgen.cli.masks import check_parent, run_shown
from structgen.cli.screen import busy, note, plain

if TYPE_CHECKING:
    from structgen.bench.masks import Plan
    from structgen.bench.suite import Mark


def bench_suite(suite: str, tokenizer: str, engines: str, drafts: str, plan: Plan, *, optional: bool, output: str | None) -> int:
    """Run, print the table, write every mark to `output`. Raises `OptionError`, `VocabularyError`, `ModelError`."""
    from structgen.bench.process import checked_engines
    from structgen.bench.record import Record
    from structgen.bench.suite import DRAFTS, markdown, marks_of, read_suite, workload

    chosen = checked_engines(engines.split(","), plan.python)
    wanted = list(DRAFTS) if drafts == "all" else [one.strip() for one in drafts.split(",") if one.strip()]
    check_parent(output, "--out")
    rows: list[tuple[str, str, list[Mark]]] = []
    details: list[dict[str, Any]] = []
    for draft in wanted:
        with busy(f"reading {draft}"):
            groups = read_suite(suite, draft, optional=optional)
            work = workload(groups, suite, tokenizer)
        record = Record(chosen)
        run_shown(work, record, plan, f"{draft} ")
        for sitting in record.sittings():
            marks = [marks_of(outcome, group) for outcome, group in zip(sitting.outcomes, groups, strict=True)]
            engine = f"{sitting.engine} {sitting.version}".strip()
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
