"""Exponents: the automata of `[eE][+-]?[0-9]+` within intervals, and the leaves that numbers are made of.

A state is a tuple, found breadth first and numbered in that order:

    ("E", low, high)                             before the letter e; the least and the greatest exponent
    ("e", low, high)                             after the letter e; the least and the greatest exponent
    ("s", low, high)                             after the sign of the exponent; low..high: its magnitudes
    ("d", low, high, value, left)                in the exponent: the value so far, the digits that may still come
    ("f", flags, limited)                        in the exponent, where only the number of further digits matters: flags[n] after n more

Not here: which exponents a mantissa may have (`numbers_exponent`).

>>> [text for text in ("e5", "E+05", "e-3", "e-4", "e6", "e", "5") if power_dfa(((-3, 5),), None).matches(text)]
['e5', 'E+05', 'e-3']
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache, partial
from typing import Any, Final

from structgen.ir.chars import Alphabet, partition
from structgen.ir.expr import Leaf
from structgen.ir.regular import BUDGET, CharDFA
from structgen.ir.regular_tables import Row, exceeded

Powers = tuple[tuple[int | None, int | None], ...]
"""Exponents: disjoint intervals, both ends included; None: no limit."""

EVERY: Final[Powers] = ((None, None),)

MINUS, PLUS, DOT, POWER, DIGIT = 0, 1, 2, 3, 4
"""Columns, before they are put into the order of the alphabet; digit d is DIGIT + d."""

Edges = Iterable[tuple[Sequence[int], Any]]
"""Pairs of columns and the state that they lead to; other columns are dead."""


@lru_cache(maxsize=256)
def number_leaf(dfa: CharDFA) -> Leaf:
    """The texts of a number language. The same object for equal languages."""
    return Leaf(dfa)


@lru_cache(maxsize=256)
def char_leaf(chars: str) -> Leaf:
    """Any one of these characters."""
    return number_leaf(CharDFA.of_chars([(ord(c), ord(c)) for c in chars]))


@lru_cache(maxsize=256)
def power_leaf(powers: Powers, digits: int | None) -> Leaf:
    """The texts of `power_dfa`. The same object for equal arguments."""
    return number_leaf(power_dfa(powers, digits))


def power_dfa(powers: Powers, digits: int | None) -> CharDFA:
    """The letter e and all spellings of the exponents in these intervals, of at most so many digits (None: no limit)."""
    found = CharDFA.empty()
    for low, high in powers:
        found |= CharDFA.from_table(*explored(("E", low, high), partial(power_edges, digits=digits), BUDGET))
    return found


@lru_cache(maxsize=1)
def columns() -> tuple[Alphabet, tuple[int, ...]]:
    """The alphabet of numbers, and for each column its class there."""
    sets = [((ord(c), ord(c)),) for c in "-+."] + [((69, 69), (101, 101))] + [((d, d),) for d in range(48, 58)]
    alphabet, masks = partition(tuple(sets))
    return alphabet, tuple([masks.index(1 << i) for i in range(len(sets))])


def explored(start: Any, edges_of: Callable[[Any], tuple[Edges, bool]], budget: int) -> tuple[Alphabet, list[Row], list[bool]]:
    """The table for `CharDFA.from_table`, states numbered as they are found. `edges_of(state)`: its edges, and whether it is final.

    Raises BudgetExceeded where there are more than `budget` states.
    """
    alphabet, places = columns()
    dead = [-1] * alphabet.size
    index: dict[Any, int] = {start: 0}
    order: list[Any] = [start]
    rows: list[Row] = []
    finals: list[bool] = []
    for state in order:
        row = dead.copy()
        edges, final = edges_of(state)
        for group, target in edges:
            found = index.get(target)
            if found is None:
                found = index[target] = len(order)
                order.append(target)
            for column in group:
                row[places[column]] = found
        if len(order) > budget:
            raise exceeded(budget)
        rows.append(tuple(row))
        finals.append(final)
    return alphabet, rows, finals


@lru_cache(maxsize=1024)
def power_edges(state: Any, digits: int | None) -> tuple[list[tuple[Sequence[int], Any]], bool]:
    """The edges of a state, and whether an exponent may end there."""
    edges: list[tuple[Sequence[int], Any]] = []
    kind = state[0]
    if kind == "E":
        return [((POWER,), ("e", *state[1:]))], False
    if kind == "e":
        least, most = state[1:]
        if least is None or least <= 0:
            edges.append(((MINUS,), ("s", max(0 if most is None else -most, 0), None if least is None else -least)))
        if most is None or most >= 0:
            after = ("s", max(least or 0, 0), most)
            edges = [((PLUS,), after), *edges, *power_edges(after, digits)[0]]
        return edges, False
    if kind == "f":
        _, flags, limited = state
        rest = flags[1:] or (() if limited else flags)
        return [(range(DIGIT, DIGIT + 10), ("f", rest, limited))] if any(rest) else [], flags[0]
    low, high, value, left = state[1:] if kind == "d" else (*state[1:], 0, digits)
    if left != 0:
        left = None if left is None else left - 1
        targets: dict[Any, list[int]] = {}
        for d in range(10):
            targets.setdefault(_after_digit(low, high, 10 * value + d, left), []).append(DIGIT + d)
        edges = [(places, target) for target, places in targets.items() if target is not None]
    return edges, kind == "d" and low <= value and (high is None or value <= high)


def _after_digit(low: int, high: int | None, value: int, left: int | None) -> Any:
    """The state after digits of an exponent that read `value`, with `left` digits to come at most; None where dead.

    As soon as only the number of further digits matters, the state says just that, so that a limit of 300 needs a few states, not 300.
    """
    if high is not None and value > high:
        return None
    if high is None and value >= low:
        return ("f", (True,), False) if left is None else ("f", (True,) * (left + 1), True)
    if value == 0 and left is None:
        return ("d", low, high, 0, None)
    most = low if high is None else high
    flags: list[bool] = []
    first, last = value, value
    while left is None or len(flags) <= left:
        inside = low <= first and (high is None or last <= high)
        if not inside and last >= low and (high is None or first <= high):
            return ("d", low, high, value, left)
        flags.append(inside)
        if left is None and first > most:
            break
        first, last = 10 * first, 10 * last + 9
    return ("f", tuple(flags), left is not None) if any(flags) else None
