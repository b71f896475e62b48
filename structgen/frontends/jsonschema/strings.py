"""Strings: patterns, formats and lengths as one regular language over characters.

Patterns are ECMA-262 and searched for, as JSON Schema says. Lengths stay counts for as long as a plain count says the same as the automaton
would (`Leaf` counts without a state for each length). Everything is kept for the process, because the same patterns come again.

Not here: how characters are escaped in JSON (`spell`).
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from structgen.errors import BudgetExceeded, RegexError, UnsupportedFeature
from structgen.frontends.jsonschema import formats
from structgen.frontends.regex import regex_dfa
from structgen.frontends.regex.parse import parse
from structgen.ir.regular import CharDFA

if TYPE_CHECKING:
    from structgen.frontends.jsonschema.shapes import Str

Atom = tuple[str, str]
"""("pattern", text) or ("format", name)."""

PRODUCT: Final = 4000
"""Up to so many states, lengths are multiplied into the automaton even where counting would do."""

# Patterns of letters, simple classes and counted repeats: certainly well formed, and certainly matched by something.
_ATOM = r"[A-Za-z0-9 _,:;@#%&=~<>!'\"-]|\\[dswDSW.]|\[(?:[A-Za-z0-9](?:-[A-Za-z0-9])?|[ _.,:@/]|\\[dsw.])+-?\]"
_PLAIN: Final = re.compile(rf"\^?(?:(?:{_ATOM})(?:[*+?]|\{{[0-9]{{1,3}}\}})?)*\$?")
_RANGE: Final = re.compile(r"(.)-(.)")


def is_plain(pattern: str) -> bool:
    """True for a pattern that certainly is well formed and matches something. Says nothing about others."""
    if len(pattern) > 200 or _PLAIN.fullmatch(pattern) is None:
        return False
    return "[" not in pattern or all(a <= b for a, b in _RANGE.findall(pattern))


@lru_cache(maxsize=4096)
def check_pattern(pattern: str) -> tuple[bool, str] | None:
    """None where the pattern can be used; else (it is malformed, why)."""
    if is_plain(pattern):
        return None
    try:
        parse(pattern, "ecma")
    except RegexError as error:
        return True, str(error)
    except UnsupportedFeature as error:
        return False, str(error)
    return None


def format_kind(name: str) -> Literal["exact", "refused", "comment"]:
    """How a format is taken: as an automaton, not at all yet, or (names that no draft defines) as a comment."""
    return "exact" if name in formats.SUPPORTED else "refused" if name in formats.KNOWN else "comment"


@lru_cache(maxsize=4096)
def atom_dfa(atom: Atom) -> CharDFA:
    """The language of a pattern or a format. Raises BudgetExceeded."""
    kind, text = atom
    if kind == "pattern":
        return regex_dfa(text, syntax="ecma", search=True)
    found = formats.format_dfa(text)
    assert found is not None
    return found


@lru_cache(maxsize=65536)
def matches(pattern: str, name: str) -> bool:
    """True where the pattern is found in the name."""
    return atom_dfa(("pattern", pattern)).matches(name)


class Solved(NamedTuple):
    """A string shape worked out: a finite set, or an automaton (None: any string) with counts, or a pattern too large for an automaton."""

    values: tuple[str, ...] | None = None
    dfa: CharDFA | None = None
    low: int = 0
    high: int | None = None
    pattern: str | None = None

    @property
    def is_empty(self) -> bool:
        """True where no string is left."""
        if self.values is not None:
            return not self.values
        return self.dfa is not None and self.dfa.is_empty


def is_live(shape: Str) -> bool:
    """True where some string satisfies the shape; without building automata in the plain cases."""
    if shape.values is not None and not shape.has and not shape.lacks:
        return bool(shape.values)
    if not shape.has and not shape.lacks and not shape.but:
        return True  # lengths were compared when they met
    if len(shape.has) == 1 and not shape.lacks and not shape.but and shape.values is None:
        kind, text = shape.has[0]
        bounds = (shape.low, shape.high)
        if bounds == formats.format_lengths(text) if kind == "format" else bounds == (0, None) and is_plain(text):
            return True
    return not solve(shape).is_empty


@lru_cache(maxsize=8192)
def solve(shape: Str) -> Solved:
    """The shape as a finite set or an automaton. Raises BudgetExceeded where the automaton is too large."""
    if shape.values is not None:
        kept = shape.values
        for wanted, atoms in ((True, shape.has), (False, shape.lacks)):
            for atom in atoms:
                dfa = atom_dfa(atom)
                kept = tuple([text for text in kept if dfa.matches(text) is wanted])
        return Solved(values=kept)
    try:
        found = language(shape)
    except BudgetExceeded:
        if len(shape.has) == 1 and shape.has[0][0] == "pattern" and shape == type(shape)(has=shape.has):
            return Solved(pattern=shape.has[0][1])
        raise
    return _counted(found, shape.low, shape.high)


def language(shape: Str) -> CharDFA | None:
    """Patterns, formats and exceptions of a shape without `values`, lengths left out. None: any string."""
    found: CharDFA | None = None
    for atom in shape.has:
        dfa = atom_dfa(atom)
        found = dfa if found is None else found & dfa
    for atom in shape.lacks:
        found = (CharDFA.any() if found is None else found) - atom_dfa(atom)
    if shape.but:
        found = (CharDFA.any() if found is None else found) - CharDFA.of_strings(sorted(shape.but))
    return found


def _counted(dfa: CharDFA | None, low: int, high: int | None) -> Solved:
    """The automaton with bounds on the length, as counts where that leaves no dead ends."""
    if dfa is None:
        return Solved(low=low, high=high)
    if dfa.is_empty:
        return Solved(dfa=dfa)
    longest = dfa.max_length()
    if low <= dfa.min_length():
        low = 0
    if high is not None and longest is not None and longest <= high:
        high = None
    if low == 0 and high is None:
        return Solved(dfa=dfa)
    size = len(dfa.rows) * max(low, high or 0)
    if size > PRODUCT and (low == 0 or _countable(dfa)):  # an upper bound and the distance to the end say all
        return Solved(dfa=dfa, low=low, high=high)
    return Solved(dfa=dfa.with_lengths(low, high))


def _countable(dfa: CharDFA) -> bool:
    """True where from every state the nearest end can go on at will, so that a lower bound is no trap."""
    distances = dfa.distances()
    for state in range(len(dfa.rows)):
        at = state
        while distances[at]:
            at = next(to for to in dfa.rows[at] if to >= 0 and distances[to] < distances[at])
        if at not in dfa.rows[at]:
            return False
    return True


def has_string(shape: Str, text: str) -> bool:
    """True where the text satisfies the shape."""
    if shape.values is not None:
        return text in shape.values and text in (solve(shape).values or ())
    if len(text) < shape.low or (shape.high is not None and len(text) > shape.high) or text in shape.but:
        return False
    if any(not atom_dfa(atom).matches(text) for atom in shape.has):
        return False
    return not any(atom_dfa(atom).matches(text) for atom in shape.lacks)


def shape_dfa(shape: Str) -> CharDFA:
    """The shape as one automaton, lengths included. Raises BudgetExceeded."""
    if shape.values is not None:
        return CharDFA.of_strings(solve(shape).values or ())
    found = language(shape)
    return (CharDFA.any() if found is None else found).with_lengths(shape.low, shape.high)
