"""How the characters of a text become bytes. There are six ways, each one object, compared by identity.

    BYTES                a byte for each code point 0..255
    UTF8                 UTF-8
    JSON[escapes]        a JSON string with its quotation marks
    JSON_INNER[escapes]  the inside of a JSON string

`escapes`: "any" (every legal escape of every character) or "minimal" (only where JSON demands one, in the shortest form).

Not here: the automata that read a character (`ir.spelling`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, eq=False)
class Encoding:
    """One of the ways above. `escapes`: which ones are read, None outside JSON; `is_quoted`: with quotation marks."""

    name: str
    escapes: str | None = None
    is_quoted: bool = False

    @property
    def inner(self) -> Encoding:
        """The encoding of what stands between the quotation marks; itself where there are none."""
        return JSON_INNER[self.escapes] if self.is_quoted and self.escapes is not None else self

    def __repr__(self) -> str:
        return self.name


BYTES: Final = Encoding("bytes")
UTF8: Final = Encoding("utf8")
JSON: Final[Mapping[str, Encoding]] = {one: Encoding(f"json, {one} escapes", one, is_quoted=True) for one in ("any", "minimal")}
JSON_INNER: Final[Mapping[str, Encoding]] = {one: Encoding(f"json-inner, {one} escapes", one) for one in ("any", "minimal")}
