"""What a frontend hands over: a start expression, the support report, and how to turn text back into a value."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from structgen.ir.expr import Expr, Special
from structgen.ir.regular import CharDFA
from structgen.ir.report import SupportReport


@dataclass(slots=True)
class Language:
    """A language as a frontend reads it.

    `decode` turns a complete text into a value (None: the text itself is the value). `regular` is the whole language as an automaton over
    characters, where the notation is regular (it makes `&` and `~` possible). `source` is what the user wrote, for messages. `notation` is
    what the language was read from, in the frontend's own copy, where that is data. `specials` are all special tokens in it.
    """

    start: Expr
    report: SupportReport = field(default_factory=SupportReport)
    decode: Callable[[str], Any] | None = None
    regular: CharDFA | None = None
    source: str = ""
    notation: Any = None
    specials: tuple[Special, ...] = ()
