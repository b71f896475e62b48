"""Exponents: the automata of `[+-]?[0-9]+` within intervals, and the leaves that numbers are made of.

A state is a tuple, found breadth first and numbered in that order:

    ("e", low, high)                             after the letter e; the least and the greatest exponent
    ("s", low, high)                             after the sign of the exponent; low..high: its magnitudes
    ("d", low, high, value, left)                in the exponent: the value so far, the digits that may still come
    ("f", flags, limited)                        in the exponent, where only the number of further digits matters: flags[n] after n more

Not here: which exponents a mantissa may have (`numbers_exponent`).

>>> [text for text in ("5", "+05", "-3", "-4", "6", "") if power_dfa(((-3, 5),), None).matches(text)]
['5', '+05', '-3']
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, Final

from structgen.ir.chars import Alphabet, partition
from structgen.ir.expr import Leaf
from structgen.ir.regular import CharDFA
from structgen.ir.regular_tables import Row

Powers = tuple[tuple[int | None, int | None], ...]
"""Exponents: disjoint intervals, both ends included; None: no limit."""

EVERY: Final[Powers] = ((None, None),)

MINUS, PLUS, DOT, POWER, DIGIT = 0, 1, 2, 3, 4
"""Columns, before they are put into the order of the alphabet; digit d is DIGIT + d."""

Edges = Iterable[tuple[Sequence[int], Any]]
"""Pairs of columns and the state that they lead to; other columns are dead."""


@lru_cache(maxsize=8192)
def number_leaf(dfa: CharDFA) -> Leaf:
    """The texts of a number language. The same object for equal languages."""
    return Leaf(dfa)


@lru_cache(maxsize=2048)
def char_leaf(chars: str) -> Leaf:
    """Any one of these characters."""
    return number_leaf(CharDFA.of_chars([(ord(c), ord(c)) for c in chars]))


@lru_cache(maxsize=8192)
def power_leaf(powers: Powers, digits: int | None) -> Leaf:
    """The letter e and one of these exponents, as in `power_dfa`. The same object for equal arguments."""
    return number_leaf(CharDFA.of_strings(["e", "E"]) + power_dfa(powers, digits))


@lru_cache(maxsize=8192)
def power_dfa(powers: Powers, digits: int | None) -> CharDFA:
    """All texts of the exponents in these intervals, of at most so many digits (None: no limit), zeros in front among them."""
    found = CharDFA.empty()
    for low, high in powers:
        found |= CharDFA.from_table(*_table(low, high, digits))
    return found


@lru_cache(maxsize=1)
def columns() -> tuple[Alphabet, tuple[int, ...]]:
    """The alphabet of numbers, and for each of its classes the column (-1: no number has such a character)."""
    sets = [((ord(c), ord(c)),) for c in "-+."] + [((69, 69), (101, 101))] + [((d, d),) for d in range(48, 58)]
    alphabet, masks = partition(tuple(sets))
    return alphabet, tuple(mask.bit_length() - 1 for mask in masks)


def _table(low: int | None, high: int | None, digits: int | None) -> tuple[Alphabet, list[Row], list[bool]]:
    alphabet, places = columns()
    start = ("e", low, high)
    index: dict[Any, int] = {start: 0}
    order: list[Any] = [start]
    rows: list[Row] = []
    finals: list[bool] = []
    for state in order:
        numbers = [-1] * (DIGIT + 11)  # the last one for characters outside numbers
        edges, final = power_edges(state, digits)
        for group, target in edges:
            found = index.get(target)
            if found is None:
                found = index[target] = len(order)
                order.append(target)
            for place in group:
                numbers[place] = found
        rows.append(tuple([numbers[c] for c in places]))
        finals.append(final)
    return alphabet, rows, finals


@lru_cache(maxsize=8192)
def power_edges(state: Any, digits: int | None) -> tuple[list[tuple[Sequence[int], Any]], bool]:
    """The edges of a state, and whether an exponent may end there."""
    edges: list[tuple[Sequence[int], Any]] = []
    kind = state[0]
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
