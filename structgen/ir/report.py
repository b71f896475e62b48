"""The support report: for each place of a grammar, whether it is compiled exactly, and if not, why."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Verdict = Literal["exact", "ignored", "narrower", "relaxed", "refused"]
"""Ignored: it constrains nothing, as the notation says, and was probably meant to. Narrower: some texts that are asked for are left out,
none is let in. Relaxed: more is let in."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report. `where` is a JSON Pointer (or rule name), `feature` the keyword or construct."""

    where: str
    feature: str
    verdict: Verdict
    why: str = ""
    hint: str = ""

    def __str__(self) -> str:
        text = f"{self.verdict:8} {self.where or '/'} {self.feature}"
        return f"{text}: {self.why}" if self.why else text


@dataclass(slots=True)
class SupportReport:
    """What was compiled exactly, narrower, relaxed or refused. `findings` lists everything that is not exact.

    `complete`: False where only the first parts of the grammar were looked at for what is too large.
    """

    findings: list[Finding] = field(default_factory=list)
    complete: bool = True

    @property
    def verdict(self) -> Verdict:
        """The worst verdict of all."""
        verdicts = {f.verdict for f in self.findings}
        worst: tuple[Verdict, ...] = ("refused", "relaxed", "narrower")
        return next((one for one in worst if one in verdicts), "exact")

    @property
    def refused(self) -> list[Finding]:
        """The findings that stop a compilation."""
        return [f for f in self.findings if f.verdict == "refused"]

    @property
    def relaxed(self) -> list[Finding]:
        """The findings where more is allowed than was asked for."""
        return [f for f in self.findings if f.verdict == "relaxed"]

    def __str__(self) -> str:
        return "\n".join(map(str, self.findings)) or "exact"
