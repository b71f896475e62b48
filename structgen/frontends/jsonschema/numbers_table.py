"""The automaton table of JSON numbers: signs, phases and exponents around the machines that read digits.

A state is a tuple, found breadth first and numbered in that order:

    ()                                           before the number
    (-1,)                                        after a minus sign
    (sign, phase, count, plain, scientific)      in the mantissa: digits in this part (where limited), states of the machines or None
    ("e", window)                                after the letter e; window: the least and the greatest exponent
    ("s", low, high)                             after the sign of the exponent; low..high: its magnitudes
    ("d", low, high, value, left)                in the exponent: the value so far, the digits that may still come
    ("f", flags, limited)                        in the exponent, where only the number of further digits matters: flags[n] after n more

Not here: what is counted while digits are read (`numbers_plain`, `numbers_exponent`), limits and conditions (`numbers`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from structgen.frontends.jsonschema.numbers_exponent import Scientific
from structgen.frontends.jsonschema.numbers_plain import Plain
from structgen.ir.chars import Alphabet, partition
from structgen.ir.regular_tables import Row, exceeded

ZERO, WHOLE, POINT, PART = range(4)
"""Phases of a mantissa: after the whole part "0"; in a whole part; after the point; in the fraction."""

MINUS, PLUS, DOT, POWER, DIGIT = 0, 1, 2, 3, 4
"""Columns, before they are put into the order of the alphabet; digit d is DIGIT + d."""

Edges = Iterable[tuple[Sequence[int], Any]]
"""Pairs of columns and the state that they lead to; other columns are dead."""


@dataclass(frozen=True, slots=True, eq=False)
class Branch:
    """The machines for one sign. `scientific` None: no exponents. `bare`: no decimal point."""

    plain: Plain
    scientific: Scientific | None
    bare: bool


@lru_cache(maxsize=1)
def _alphabet() -> tuple[Alphabet, tuple[int, ...]]:
    """The alphabet of numbers, and for each of its classes the column (-1: no number has such a character)."""
    sets = [((ord(c), ord(c)),) for c in "-+."] + [((69, 69), (101, 101))] + [((d, d),) for d in range(48, 58)]
    alphabet, masks = partition(tuple(sets))
    return alphabet, tuple(mask.bit_length() - 1 for mask in masks)


@lru_cache(maxsize=4096)
def _groups(marks: frozenset[int], units: tuple[int, ...]) -> tuple[tuple[int, ...], ...]:
    """The digits in groups: those that compare alike with each of the marks and have the same residues; "0" alone first."""
    groups: dict[tuple[Any, ...], list[int]] = {}
    for d in range(10):
        sides = [(d > mark) - (d < mark) for mark in sorted(marks | {0})]
        groups.setdefault((*sides, *[d % unit for unit in units]), []).append(d)
    return tuple(map(tuple, groups.values()))


def table(
    branches: dict[int, Branch], limits: tuple[int | None, int | None], exponents: int | None, budget: int
) -> tuple[Alphabet, list[Row], list[bool]]:
    """The table for `CharDFA.from_table`. `branches`: by sign; `limits`: the most digits before and after the point (None: no limit).

    Where both signs have the same branch, they share its states. Raises BudgetExceeded where there are more than `budget` states.
    """
    alphabet, columns = _alphabet()
    walk = _Walk(branches, limits, exponents)
    index: dict[Any, int] = {(): 0}
    order: list[Any] = [()]
    rows: list[Row] = []
    finals: list[bool] = []
    for state in order:
        numbers = [-1] * (DIGIT + 11)  # the last one for characters outside numbers
        mantissa = len(state) == 5 and state[0] != "d"
        if mantissa:
            edges, final = walk.mantissa(state), walk.final(state)
        elif len(state) < 2:
            edges, final = walk.sign(state), False
        else:
            edges, final = _exponent(state, exponents)
        for places, target in edges:
            found = index.get(target)
            if found is None:
                found = index[target] = len(order)
                order.append(target)
            for place in places:
                numbers[place] = found
        if len(order) > budget:
            raise exceeded(budget)
        rows.append(tuple([numbers[c] for c in columns]))
        finals.append(final)
    return alphabet, rows, finals


class _Walk:
    """The transitions of signs and mantissas."""

    def __init__(self, branches: dict[int, Branch], limits: tuple[int | None, int | None], exponents: int | None) -> None:
        self.branches, self.limits, self.exponents = branches, limits, exponents
        self.shared = branches.get(-1) is branches.get(1)
        self.units = {sign: tuple([m.unit for m in branch.plain.moduli]) for sign, branch in branches.items()}

    def sign(self, state: tuple[int, ...]) -> Edges:
        """From the states before a number and after a minus sign."""
        if not state and -1 in self.branches:
            yield (MINUS,), (-1,)
        sign = -1 if state else 1
        if sign in self.branches:
            branch = self.branches[sign]
            sign = 1 if self.shared else sign
            scientific = branch.scientific
            yield (DIGIT,), (sign, ZERO, 0, branch.plain.start, None if scientific is None else scientific.start)
            yield from self._digits((sign, WHOLE, 0, branch.plain.start, None if scientific is None else scientific.start), first=True)

    def final(self, state: Any) -> bool:
        """Whether a number may end in a mantissa."""
        sign, phase, _, plain, _ = state
        return phase != POINT and plain is not None and self.branches[sign].plain.ends(plain, phase == PART)

    def mantissa(self, state: Any) -> Edges:
        """From a state in a mantissa."""
        sign, phase, count, plain, mantissa = state
        branch = self.branches[sign]
        scientific = branch.scientific
        if phase <= WHOLE and not branch.bare:
            after = None if plain is None else branch.plain.point(plain)
            if after is not None or mantissa is not None:
                yield (DOT,), (sign, POINT, 0, after, mantissa)
        if phase != POINT and mantissa is not None and scientific is not None:
            window = scientific.window(mantissa)
            if window is not None:
                yield (POWER,), ("e", window)
        limit = self.limits[phase != WHOLE]
        if phase != ZERO and (limit is None or count < limit):
            yield from self._digits(state)

    def _digits(self, state: Any, *, first: bool = False) -> Edges:
        """The edges of digits. `first`: without "0"."""
        sign, phase, count, plain, mantissa = state
        branch = self.branches[sign]
        scientific = branch.scientific
        more = 0 if self.limits[phase != WHOLE] is None else count + 1
        marks: list[int] = []
        if plain is not None:
            marks += branch.plain.marks(plain, phase != WHOLE)
        if mantissa is not None and scientific is not None:
            marks += scientific.marks(mantissa)
        for group in _groups(frozenset(marks), self.units[sign])[first:]:
            after = then = None
            d = group[0]
            if plain is not None:
                after = branch.plain.whole(plain, d) if phase == WHOLE else branch.plain.part(plain, d)
            if mantissa is not None and scientific is not None:
                then = scientific.whole(mantissa, d) if phase == WHOLE else scientific.part(mantissa, d)
            if after is not None or then is not None:
                yield [DIGIT + d for d in group], (sign, WHOLE if phase == WHOLE else PART, more, after, then)


@lru_cache(maxsize=8192)
def _exponent(state: Any, exponents: int | None) -> tuple[list[tuple[Sequence[int], Any]], bool]:
    """The edges of a state in the exponent, and whether a number may end there."""
    edges: list[tuple[Sequence[int], Any]] = []
    kind = state[0]
    if kind == "e":
        least, most = state[1]
        if least is None or least <= 0:
            edges.append(((MINUS,), ("s", max(0 if most is None else -most, 0), None if least is None else -least)))
        if most is None or most >= 0:
            after = ("s", max(least or 0, 0), most)
            edges = [((PLUS,), after), *edges, *_exponent(after, exponents)[0]]
        return edges, False
    if kind == "f":
        _, flags, limited = state
        rest = flags[1:] or (() if limited else flags)
        return [(range(DIGIT, DIGIT + 10), ("f", rest, limited))] if any(rest) else [], flags[0]
    low, high, value, left = state[1:] if kind == "d" else (*state[1:], 0, exponents)
    if left != 0:
        left = None if left is None else left - 1
        targets: dict[Any, list[int]] = {}
        for d in range(10):
            targets.setdefault(_exponent_digit(low, high, 10 * value + d, left), []).append(DIGIT + d)
        edges = [(places, target) for target, places in targets.items() if target is not None]
    return edges, kind == "d" and low <= value and (high is None or value <= high)


def _exponent_digit(low: int, high: int | None, value: int, left: int | None) -> Any:
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
