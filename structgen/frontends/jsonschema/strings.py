"""Strings: patterns, formats and lengths as one regular language over characters.

Patterns are ECMA-262 and searched for, as JSON Schema says. Lengths stay counts for as long as a plain count says the same as the automaton
would (`Leaf` counts without a state for each length). Everything is kept for the process, because the same patterns come again.

Some atoms have no exact automaton: they have one inside and one around (`inner`, `outer`). Whatever is asked for is taken from the inside,
whatever is taken away goes by the outside, so that no wrong text gets through; a question whether two conditions may hold together goes the
other way (`loose`). A language that is not regular (`ContextFree`) is exact where it stands alone.

Not here: how characters are escaped in JSON (`spell`).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from structgen.errors import BudgetExceeded, RegexError, UnsupportedFeature
from structgen.frontends.jsonschema import formats
from structgen.frontends.jsonschema.formats import ContextFree
from structgen.frontends.regex import regex_dfa
from structgen.frontends.regex.parse import parse
from structgen.ir.regular import CharDFA
from structgen.ir.shortest import shortest

if TYPE_CHECKING:
    from structgen.frontends.jsonschema.shapes import Str

Atom = tuple[str, Any]
"""("pattern", text), ("format", name), ("language", CharDFA) or ("grammar", ContextFree)."""

PRODUCT: Final = 64
"""Up to so many states, lengths are multiplied into the automaton even where counting would do: 0.5 ms, and tables of counts take 2."""

# Patterns of letters, simple classes and counted repeats: certainly well formed, and certainly matched by something.
_ATOM = r"[A-Za-z0-9 _,:;@#%&=~<>!'\"-]|\\[dswDSW.]|\[(?:[A-Za-z0-9](?:-[A-Za-z0-9])?|[ _.,:@/]|\\[dsw.])+-?\]"
_PLAIN: Final = re.compile(rf"\^?(?:(?:{_ATOM})(?:[*+?]|\{{[0-9]{{1,3}}\}})?)*\$?")
_RANGE: Final = re.compile(r"(.)-(.)")


def is_plain(pattern: str) -> bool:
    """True for a pattern that certainly is well formed and matches something. Says nothing about others."""
    if len(pattern) > 200 or _PLAIN.fullmatch(pattern) is None:
        return False
    return "[" not in pattern or all(a <= b for a, b in _RANGE.findall(pattern))


class Problem(NamedTuple):
    """What is wrong with a pattern: it is `malformed`, or cannot be compiled."""

    malformed: bool
    why: str
    hint: str


@lru_cache(maxsize=512)
def check_pattern(pattern: str) -> Problem | None:
    """What is wrong with a pattern; None where it can be used."""
    if is_plain(pattern):
        return None
    try:
        parse(pattern, "ecma")
    except (RegexError, UnsupportedFeature) as error:
        why = error.why if error.where is None else f"{error.why}\n  at {error.where}"
        return Problem(isinstance(error, RegexError), why, error.hint or "")
    return None


def inner(atom: Atom) -> CharDFA:
    """Only texts of an atom; all of them where it is regular.

    Raises BudgetExceeded, UnsupportedFeature where there is no such automaton.
    """
    return _side(atom, "inner")


def outer(atom: Atom) -> CharDFA:
    """All texts of an atom, and no others where it is regular.

    Raises BudgetExceeded, UnsupportedFeature where there is no such automaton.
    """
    return _side(atom, "outer")


_MISSING: Final = {
    "inner": ("nothing else can be asked of the same string", "Leave out the pattern, length or second format beside it."),
    "outer": ("its negation is not known", "Look for not, oneOf, if and contains."),
}


def _side(atom: Atom, side: Literal["inner", "outer"]) -> CharDFA:
    kind, what = atom
    if kind != "grammar":
        return _dfa(atom, wide=side == "outer")
    make: Callable[[], CharDFA] | None = getattr(what, side)
    if make is None:
        why, hint = _MISSING[side]
        raise UnsupportedFeature(f"{what.name} is no regular language, so {why}", hint=hint)
    return make()


@lru_cache(maxsize=256)
def _dfa(atom: Atom, wide: bool) -> CharDFA:
    kind, what = atom
    if kind == "pattern":
        return regex_dfa(what, syntax="ecma", search=True)
    if kind == "language":
        assert isinstance(what, CharDFA)
        return what
    found = formats.format_dfa(what, wide=wide)
    assert found is not None
    return found


def _holds(atom: Atom, text: str) -> bool:
    """True where the text is certainly one of the atom's."""
    return atom[1].accepts(text) is True if atom[0] == "grammar" else inner(atom).matches(text)


def _fails(atom: Atom, text: str) -> bool:
    """True where the text is certainly none of the atom's."""
    return atom[1].accepts(text) is False if atom[0] == "grammar" else not outer(atom).matches(text)


@lru_cache(maxsize=4096)
def matches(pattern: str, name: str) -> bool:
    """True where the pattern is found in the name."""
    return inner(("pattern", pattern)).matches(name)


class Solved(NamedTuple):
    """A string shape worked out: a finite set, an automaton (None: any string) with counts, a pattern too large for one, or a grammar."""

    values: tuple[str, ...] | None = None
    dfa: CharDFA | None = None
    low: int = 0
    high: int | None = None
    pattern: str | None = None
    grammar: ContextFree | None = None

    @property
    def is_empty(self) -> bool:
        """True where no string is left."""
        if self.values is not None:
            return not self.values
        return self.dfa is not None and self.dfa.is_empty


def is_live(shape: Str, *, loose: bool = False) -> bool:
    """True where some string satisfies the shape; without building automata in the plain cases.

    `loose`: true as well where some text might, of which the automata on the inside know nothing.
    """
    if shape.values is not None and not shape.has and not shape.lacks:
        return bool(shape.values)
    if not shape.has and not shape.lacks and not shape.but:
        return True  # lengths were compared when they met
    if len(shape.has) == 1 and not shape.lacks and not shape.but and shape.values is None:
        kind, text = shape.has[0]
        bounds = (shape.low, shape.high)
        if kind == "grammar":
            if _alone(shape) is not None:
                return True
        elif bounds == formats.format_lengths(text) if kind == "format" else bounds == (0, None) and kind == "pattern" and is_plain(text):
            return True
    if shape.but and shape.values is None and not loose and _alone(shape._replace(but=frozenset())) is None:
        return bool(some(shape, 1))
    return _may_live(shape) if loose else not solve(shape).is_empty


@lru_cache(maxsize=512)
def _may_live(shape: Str) -> bool:
    """False where certainly no string satisfies the shape."""
    if shape.values is not None:
        return any(_may_satisfy(shape, text) for text in shape.values)
    found = CharDFA.any()
    for atom in shape.has:
        if not (atom[0] == "grammar" and atom[1].outer is None):
            found = found & outer(atom)
    for atom in shape.lacks:
        if not (atom[0] == "grammar" and atom[1].inner is None):
            found = found - inner(atom)
    if shape.but:
        found = found - CharDFA.of_strings(sorted(shape.but))
    return not counted(found, shape.low, shape.high).is_empty


@lru_cache(maxsize=512)
def solve(shape: Str) -> Solved:
    """The shape as a finite set, an automaton or a grammar.

    Raises BudgetExceeded where the automaton is too large, UnsupportedFeature where there is none.
    """
    if shape.values is not None:
        asks = shape.has or shape.lacks
        return Solved(values=tuple([text for text in shape.values if _satisfies(shape, text)]) if asks else shape.values)
    grammar = _alone(shape)
    if grammar is not None:
        return Solved(grammar=grammar)
    try:
        found = language(shape)
    except BudgetExceeded:
        if len(shape.has) == 1 and shape.has[0][0] == "pattern" and shape == type(shape)(has=shape.has):
            return Solved(pattern=shape.has[0][1])
        raise
    return counted(found, shape.low, shape.high)


def _alone(shape: Str) -> ContextFree | None:
    """The grammar that is all a shape asks for; None where there is more, or something else."""
    if len(shape.has) != 1 or shape.has[0][0] != "grammar" or shape.low or shape.lacks or shape.but or shape.values is not None:
        return None
    found: ContextFree = shape.has[0][1]
    return found if shape.high is None or (found.longest is not None and found.longest <= shape.high) else None


def _satisfies(shape: Str, text: str) -> bool:
    """True where the text certainly satisfies the atoms of a shape."""
    return all(_holds(one, text) for one in shape.has) and all(_fails(one, text) for one in shape.lacks)


def _may_satisfy(shape: Str, text: str) -> bool:
    """False where the text certainly does not satisfy the atoms of a shape."""
    return not any(_fails(one, text) for one in shape.has) and not any(_holds(one, text) for one in shape.lacks)


def language(shape: Str) -> CharDFA | None:
    """Patterns, formats and exceptions of a shape without `values`, lengths left out. None: any string."""
    found: CharDFA | None = None
    for atom in shape.has:
        dfa = inner(atom)
        found = dfa if found is None else found & dfa
    for atom in shape.lacks:
        found = (CharDFA.any() if found is None else found) - outer(atom)
    if shape.but:
        found = (CharDFA.any() if found is None else found) - CharDFA.of_strings(sorted(shape.but))
    return found


def counted(dfa: CharDFA | None, low: int, high: int | None) -> Solved:
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
    if high is not None and dfa.min_length() > high:
        return Solved(dfa=CharDFA.empty())
    size = len(dfa.rows) * max(low, high or 0)
    if high is not None and dfa.min_length() > high:
        return Solved(dfa=CharDFA.empty())
    if size > PRODUCT and _countable(dfa):
        return Solved(dfa=dfa, low=low, high=high)
    if size > PRODUCT and high is not None:  # an upper bound and the distance to the end say all
        dfa = dfa.with_lengths(low)
        return Solved(dfa=dfa, high=high) if dfa.min_length() <= high else Solved(dfa=CharDFA.empty())
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


def is_roomy(dfa: CharDFA) -> bool:
    """Whether infinitely many texts begin with each prefix of a text: no state is without moves."""
    return all(any(to >= 0 for to in row) for row in dfa.rows)


def has_string(shape: Str, text: str) -> bool:
    """True where the text satisfies the shape."""
    if shape.values is not None:
        return text in shape.values and text in (solve(shape).values or ())
    if len(text) < shape.low or (shape.high is not None and len(text) > shape.high) or text in shape.but:
        return False
    return _satisfies(shape, text)


@lru_cache(maxsize=512)
def some(shape: Str, limit: int) -> list[str]:
    """Up to `limit` strings of a shape, all where there are fewer. Raises BudgetExceeded."""
    if shape.values is not None:
        return list(solve(shape).values or ())[:limit]
    dfa = language(shape._replace(but=frozenset())) or CharDFA.any()
    if shape.low > dfa.min_length():
        dfa = dfa.with_lengths(shape.low)
    texts, count = shortest(dfa, shape.high), limit
    while True:
        first = texts.first(count)
        found = [text for text in first if text not in shape.but]
        if len(found) >= limit or len(first) < count:
            return found[:limit]
        count *= 4  # most exceptions are far from the first texts


def is_endless(shape: Str) -> bool:
    """True where there certainly are infinitely many strings. Raises BudgetExceeded."""
    if shape.values is not None or shape.high is not None:
        return False
    dfa = language(shape._replace(but=frozenset()))
    return dfa is None or not dfa.is_finite


def shape_dfa(shape: Str) -> CharDFA:
    """The shape as one automaton, lengths included. Raises BudgetExceeded."""
    if shape.values is not None:
        return CharDFA.of_strings(solve(shape).values or ())
    found = language(shape)
    return (CharDFA.any() if found is None else found).with_lengths(shape.low, shape.high)
