"""Every error that structgen raises, in one tree.

    StructgenError
    ├── GrammarError(ValueError)         what was written is not a grammar of that notation
    │   ├── RegexError                   a regular expression
    │   ├── SchemaError                  a JSON Schema document (or a reference inside it)
    │   ├── LarkError                    a Lark grammar
    │   └── TypeUnsupported(TypeError)   a Python type that has no JSON form
    ├── UnsupportedFeature(ValueError)   right notation, but a part that cannot be compiled exactly
    ├── EmptyLanguage(ValueError)        the grammar is well formed and allows no text at all
    ├── BudgetExceeded(RuntimeError)     a limit on states, nodes or time was reached
    ├── VocabularyError(ValueError)      a tokenizer whose bytes cannot be explained, or a bad token id
    │   └── DeadEnd                      a vocabulary that cannot spell what must come next
    ├── ModelError(ValueError)           a model that cannot be loaded or called
    ├── PromptError(ValueError)          a prompt that cannot be used
    ├── TokenRefused(ValueError)         a token that the grammar forbids here
    ├── IncompleteOutput(ValueError)     a text that ended before the grammar did
    ├── ValueMismatch(ValueError)        a value, or a text, that is not of the type
    └── OptionError(ValueError)          an option with an impossible value

Each has `.where` (a JSON Pointer, or `Place` with line, column and a caret, or the name of an option), `.why`, `.hint`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a text: `offset` in characters, shown as line, column and a caret below the line, with the name of its `file`."""

    text: str
    offset: int
    file: str = ""

    @property
    def line(self) -> int:
        """The line number, from 1."""
        return self.text.count("\n", 0, self.offset) + 1

    @property
    def column(self) -> int:
        """The column, from 1."""
        return self.offset - (self.text.rfind("\n", 0, self.offset) + 1) + 1

    def __str__(self) -> str:
        start = self.text.rfind("\n", 0, self.offset) + 1
        end = self.text.find("\n", start)
        shown = self.text[start : end if end >= 0 else len(self.text)]
        at = self.offset - start
        if len(shown) > 100:  # a window around the place, so that a minified file stays readable
            low = max(0, at - 50)
            shown, at = ("…" if low else "") + shown[low : low + 100], at - low + bool(low)
        file = f"{self.file}, " if self.file else ""
        return f"{file}line {self.line}, column {self.column}:\n    {shown}\n    {' ' * at}^"


class StructgenError(Exception):
    """The root of the tree. `where`, `why` and `hint` are also joined into the message."""

    def __init__(self, why: str, *, where: str | Place | None = None, hint: str | None = None) -> None:
        self.why, self.where, self.hint = why, where, hint
        message = why
        if where is not None:
            first, *block = why.split("\n", 1)  # a place in the schema stands before the caret below a pattern in it
            message = f"{why}\n  at {where}" if isinstance(where, Place) else "\n".join([f"{first} (at {where or 'the root'})", *block])
        if hint:
            message += f"\n  hint: {hint}"
        super().__init__(message)


class GrammarError(StructgenError, ValueError):
    """What was written is not a grammar of that notation."""


class RegexError(GrammarError):
    """A regular expression that cannot be read."""


class SchemaError(GrammarError):
    """A JSON Schema document that breaks the rules of its draft, or a reference that leads nowhere."""


class LarkError(GrammarError):
    """A Lark grammar that cannot be read."""


class TypeUnsupported(GrammarError, TypeError):
    """A Python type that has no JSON form."""


class UnsupportedFeature(StructgenError, ValueError):
    """The notation is right, but a part of it cannot be compiled exactly. Nothing is ever dropped silently.

    `report`: the support report with every refused place, where the notation has one (JSON Schema); else None.
    """

    report: Any = None


class EmptyLanguage(StructgenError, ValueError):
    """The grammar is well formed and allows no text at all."""


class BudgetExceeded(StructgenError, RuntimeError):
    """A limit on states, nodes or time was reached."""


class VocabularyError(StructgenError, ValueError):
    """A tokenizer whose bytes cannot be explained, or a token id that does not exist."""


class DeadEnd(VocabularyError):
    """A text that cannot go on, or cannot be encoded: no token of the vocabulary spells what must come next."""


class ModelError(StructgenError, ValueError):
    """A model that cannot be loaded or called."""


class PromptError(StructgenError, ValueError):
    """A prompt that cannot be used."""


class TokenRefused(StructgenError, ValueError):
    """A token that the grammar forbids at this place."""


class IncompleteOutput(StructgenError, ValueError):
    """A text that ended before the grammar did."""


class ValueMismatch(StructgenError, ValueError):
    """A JSON value, or a text, that is not of the type. `.where` is a JSON Pointer into the value."""


class OptionError(StructgenError, ValueError):
    """An option with an impossible value."""
