"""What a frontend hands over: a start expression, the support report, and how to turn text back into values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from structgen.ir.expr import Expr, Special
from structgen.ir.regular import CharDFA
from structgen.ir.report import SupportReport

Path = tuple[str | int, ...]
"""Where in a value another one is: keys and indices, from the root on."""


@dataclass(frozen=True, slots=True)
class Output:
    """What was generated: `pieces` of text, and the ids of special tokens that were read as such. `vocabulary`: whose ids these are; None
    where there can be none, of a text alone."""

    pieces: tuple[bytes | int, ...]
    vocabulary: Any = None

    @property
    def text(self) -> str:
        """The text; special tokens are left out."""
        return b"".join(piece for piece in self.pieces if isinstance(piece, bytes)).decode("utf-8", "replace")


Decode = Callable[[Output], Any]


def of_text(decode: Callable[[str], Any]) -> Decode:
    """A decoder of outputs, made of one that looks at the text alone."""
    return lambda output: decode(output.text)


@dataclass(frozen=True, slots=True)
class Closed:
    """A value that is complete while the text still goes on: its path, and the value itself."""

    path: Path
    value: Any


class Scanner(Protocol):
    """Reads one text piece by piece, and says which values close."""

    def feed(self, text: str) -> list[Closed]:
        """The values that close within `text`, inner ones first."""

    def finish(self) -> list[Closed]:
        """Those that the end of the text closes."""


@dataclass(slots=True)
class Language:
    """A language as a frontend reads it.

    `decode` turns a complete output into a value (None: its text is the value); `scanner` begins to read a text for the values within
    it (None: there are none). `regular` is the whole language as an automaton over
    characters, where the notation is regular (it makes `&` and `~` possible). `source` is what the user wrote, for messages. `notation` is
    what the language was read from, in the frontend's own copy, where that is data. `specials` are all special tokens in it.
    """

    start: Expr
    report: SupportReport = field(default_factory=SupportReport)
    decode: Decode | None = None
    regular: CharDFA | None = None
    source: str = ""
    notation: Any = None
    specials: tuple[Special, ...] = ()
    scanner: Callable[[], Scanner] | None = None
