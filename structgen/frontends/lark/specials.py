"""Special tokens in Lark grammars, written as llguidance writes them, in rules only.

    <|tool_call|>  <think>      the special or added token with this spelling
    <[100]>  <[100-200,205]>    one of these token ids
    <[^100-200]>  <[*]>         any token but these, any token (but those that end a text)

Lark's loader does not know them, so names of declared terminals take their places, as long as they are: all places stay what they were.
"""

from __future__ import annotations

import re
from itertools import product
from string import ascii_uppercase, digits
from typing import Final

from structgen.errors import LarkError, Place
from structgen.ir.expr import Special

SKIPPED: Final = r'"(?:\\"|\\\\|[^"\n])*?"i?|/(?!/)(?:\\/|\\\\|[^/])*?/[imslux]*|//[^\n]*|#[^\n]*'
"""Strings, regexes and comments, as a regex."""

WRITTEN: Final = r"<[^<>\s]+>"
"""A special token, as a regex."""

_PARTS: Final = re.compile(rf"{SKIPPED}|({WRITTEN})")
_IDS: Final = re.compile(r"<\[(?:\*|(\^?)(\d+(?:-\d+)?(?:,\d+(?:-\d+)?)*))\]>")


def without_specials(text: str) -> tuple[str, dict[str, Special]]:
    """The grammar with names of terminals instead of special tokens, and what they stand for. Raises LarkError for ids that cannot be
    read."""
    names: dict[str, str] = {}
    taken = set(re.findall(r"\w+", text))
    parts: list[str] = []
    end = 0
    for found in _PARTS.finditer(text):
        written = found.group(1)
        if written is not None:
            if written not in names:
                names[written] = _free_name(len(written), taken)
            parts += text[end : found.start()], names[written]
            end = found.end()
    specials = {name: _special(written, text) for written, name in names.items()}
    return "".join([*parts, text[end:]]), specials


def _special(written: str, text: str) -> Special:
    if not written.startswith("<["):
        return Special(written)
    ids = _IDS.match(written)
    if ids is None or ids.end() < len(written):
        raise LarkError(
            f"{written} names no token ids",
            where=Place(text, text.index(written)),
            hint="write <[100]>, <[100-200,205]>, <[^100]> or <[*]>",
        )
    runs = [[int(bound) for bound in run.split("-")] for run in (ids[2] or "").split(",") if run]
    for run in runs:
        if run[0] > run[-1]:
            raise LarkError(f"{written} has a range that ends before it begins", where=Place(text, text.index(written)))
    return Special(*(range(run[0], run[-1] + 1) for run in runs), others=bool(ids[1]) or not runs)


def _free_name(length: int, taken: set[str]) -> str:
    """A name of that length, at least 3, which no terminal has."""
    head = "S" * (length - 3)
    name = next(
        head + "".join(tail) for tail in product(ascii_uppercase, *[ascii_uppercase + digits] * 2) if head + "".join(tail) not in taken
    )
    taken.add(name)
    return name
