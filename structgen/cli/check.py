"""`structgen check`: what of a schema is compiled exactly, and what is refused and why."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import Final

from rich.padding import Padding
from rich.text import Text

from structgen.cli.inputs import SchemaOptions, in_file, schema_text
from structgen.cli.screen import BAD_INPUT, out, plain, spoken
from structgen.errors import EmptyLanguage, GrammarError, UnsupportedFeature
from structgen.frontends.jsonschema.crowded import LOOKED
from structgen.frontends.jsonschema.load import load
from structgen.frontends.jsonschema.mistakes import mistakes
from structgen.frontends.jsonschema.resources import References
from structgen.ir.report import Finding, SupportReport

EXACT, REFUSED = 0, 1
_COLOURS: Final = {"exact": "green", "narrower": "yellow", "relaxed": "yellow", "ignored": "yellow", "refused": "red", "empty": "red"}


def check(given: str, options: SchemaOptions, *, as_json: bool) -> int:
    """Print the support report of a schema; the exit status. Raises `SchemaError` where it is malformed, but as JSON says so there."""
    try:
        with in_file(given):
            verdict, report, hint = judge(schema_text(given), options)
    except GrammarError as error:
        if not as_json:
            raise
        finding = Finding(str(error.where or ""), "schema", "refused", error.why, spoken(error.hint or ""))
        verdict, report, hint = "malformed", SupportReport([finding]), ""
    if as_json:
        findings = [asdict(finding) for finding in report.findings]
        said = {"verdict": verdict, "findings": findings, "complete": report.complete, "hint": hint}
        plain(json.dumps(said, ensure_ascii=False, indent=2))
    else:
        _show(verdict, report, hint)
    return {"refused": REFUSED, "empty": REFUSED, "malformed": BAD_INPUT}.get(verdict, EXACT)


def judge(text: str, options: SchemaOptions) -> tuple[str, SupportReport, str]:
    """A verdict (exact, relaxed, refused, empty), the findings, and a hint. Raises `SchemaError`, `OptionError`, `BudgetExceeded`."""
    try:
        report = options.grammar(text).report
    except UnsupportedFeature as error:
        report = error.report or SupportReport([Finding(str(error.where or ""), "schema", "refused", error.why, error.hint or "")])
        return "refused", report, _relaxed_hint(text, options)
    except EmptyLanguage as error:
        where = error.where if isinstance(error.where, str) else ""
        return "empty", SupportReport([Finding(where, "schema", "refused", error.why, error.hint or "")]), error.hint or ""
    report.findings += mistakes(References(load(text), options.draft))
    deep = [] if options.relax else _when_reached(text, options, report)
    report.findings += deep
    return report.verdict, report, _relaxed_hint(text, options) if deep else ""


def _when_reached(text: str, options: SchemaOptions, report: SupportReport) -> list[Finding]:
    """What is too large in the depth of a schema, which is refused once a text gets there: the same schema relaxed, which looks for it."""
    relaxed = replace(options, relax=True).grammar(text).report
    report.complete = relaxed.complete
    return [replace(one, verdict="refused", why=f"{one.why} (met when a text gets there)") for one in relaxed.relaxed]


def _relaxed_hint(text: str, options: SchemaOptions) -> str:
    """What `relax=True` would make of a schema that is refused."""
    try:
        relaxed = replace(options, relax=True).grammar(text).report.relaxed
    except (UnsupportedFeature, EmptyLanguage):
        return "--relax does not compile it either."
    places = "1 place" if len(relaxed) == 1 else f"{len(relaxed)} places"
    return f"--relax compiles the nearest superset, which allows more in {places}."


def _show(verdict: str, report: SupportReport, hint: str) -> None:
    screen = out()
    screen.print(Text(verdict, style=f"bold {_COLOURS[verdict]}"), Text(_SAID[verdict]))
    for finding in report.findings:
        where = Text(f"{finding.verdict:8} ", style=_COLOURS[finding.verdict])
        where.append(finding.where or "the root", style="bold default")
        screen.print(where, soft_wrap=True)  # a pointer is to be copied: it stays on one line
        why = f"{finding.feature}: {finding.why}" + (f"\nhint: {spoken(finding.hint)}" if finding.hint and finding.hint != hint else "")
        screen.print(Padding(Text(why), (0, 0, 0, 9)))
    for line in [hint, "" if report.complete else f"Only the first {LOOKED:,} parts were looked at for what is too large."]:
        if line:
            screen.print(Text(line, style="dim"))


_SAID: Final = {
    "exact": "every keyword is compiled exactly",
    "narrower": "the grammar leaves out some texts of the schema, and lets no other in",
    "relaxed": "the grammar allows more than the schema",
    "refused": "some of it cannot be compiled exactly",
    "empty": "no value satisfies the schema",
}
