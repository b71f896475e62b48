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

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from structgen.frontends.jsonschema.numbers_exponent import Scientific, Window
from structgen.frontends.jsonschema.numbers_plain import Plain, compare
from structgen.ir.chars import Alphabet, partition
from structgen.ir.regular_tables import Row, exceeded

ZERO, WHOLE, POINT, PART = range(4)
"""Phases of a mantissa: after the whole part "0"; in a whole part; after the point; in the fraction."""

MINUS, PLUS, DOT, POWER, DIGIT = 0, 1, 2, 3, 4
"""Columns, before they are put into the order of the alphabet; digit d is DIGIT + d."""


@dataclass(frozen=True, slots=True, eq=False)
class Branch:
    """The machines for one sign. `scientific` None: no exponents. `bare`: no decimal point."""

    plain: Plain
    scientific: Scientific | None
    bare: bool

    def digits(self) -> list[list[int]]:
        """The digits in groups that no condition tells apart, "0" alone first."""
        marks = {0}
        for bound in (self.plain.low, self.plain.high):
            if bound is not None:
                marks.update(bound.whole, bound.part)
        groups: dict[tuple[Any, ...], list[int]] = {}
        for d in range(10):
            sides = tuple([compare(d, (mark,), 0) for mark in sorted(marks)])
            groups.setdefault((sides, *(d % m.unit for m in self.plain.moduli)), []).append(d)
        return list(groups.values())


@lru_cache(maxsize=1)
def _alphabet() -> tuple[Alphabet, tuple[int, ...]]:
    """The alphabet of numbers, and for each of its classes the column (-1: no number has such a character)."""
    sets = [((ord(c), ord(c)),) for c in "-+."] + [((69, 69), (101, 101))] + [((d, d),) for d in range(48, 58)]
    alphabet, masks = partition(tuple(sets))
    return alphabet, tuple(mask.bit_length() - 1 for mask in masks)


def table(
    branches: dict[int, Branch], limits: tuple[int | None, int | None], exponents: int | None, budget: int
) -> tuple[Alphabet, list[Row], list[bool]]:
    """The table for `CharDFA.from_table`. `branches`: by sign; `limits`: the most digits before and after the point (None: no limit).

    Raises BudgetExceeded where it has more than `budget` states.
    """
    alphabet, columns = _alphabet()
    walk = _Walk(branches, limits, exponents)
    index: dict[Any, int] = {None: -1, (): 0}
    order: list[Any] = [()]
    rows: list[Row] = []
    finals: list[bool] = []
    for state in order:
        targets = walk.row(state)
        numbers = []
        for target in targets:
            found = index.get(target)
            if found is None:
                found = index[target] = len(order)
                order.append(target)
            numbers.append(found)
        if len(order) > budget:
            raise exceeded(budget)
        numbers.append(-1)
        rows.append(tuple([numbers[c] for c in columns]))
        finals.append(walk.final(state))
    return alphabet, rows, finals


_NOTHING: Final[list[Any]] = [None] * (DIGIT + 10)


class _Walk:
    """The transitions of the states above."""

    def __init__(self, branches: dict[int, Branch], limits: tuple[int | None, int | None], exponents: int | None) -> None:
        self.branches, self.limits, self.exponents = branches, limits, exponents
        self.digits = {sign: branch.digits() for sign, branch in branches.items()}

    def row(self, state: Any) -> list[Any]:
        """The next state for each column, None where dead."""
        row = _NOTHING.copy()
        if len(state) < 2:
            sign = -1 if state else 1
            if not state and -1 in self.branches:
                row[MINUS] = (-1,)
            if sign in self.branches:
                self._begin(row, sign)
        elif len(state) == 5 and state[0] != "d":
            self._mantissa(row, state)
        elif state[0] == "e":
            self._after_letter(row, state[1])
        elif state[0] == "f":
            rest = state[1][1:] or (() if state[2] else state[1])
            row[DIGIT:] = [("f", rest, state[2]) if any(rest) else None] * 10
        else:
            low, high, value, left = state[1:] if state[0] == "d" else (*state[1:], 0, self.exponents)
            if left != 0:
                left = None if left is None else left - 1
                row[DIGIT:] = [_exponent_digit(low, high, 10 * value + d, left) for d in range(10)]
        return row

    def final(self, state: Any) -> bool:
        """Whether a number may end here."""
        if not state or len(state) == 1 or state[0] in ("e", "s"):
            return False
        if state[0] == "f":
            return bool(state[1][0])
        if state[0] == "d":
            return state[1] <= state[3] and (state[2] is None or state[3] <= state[2])
        sign, phase, _, plain, _ = state
        return phase != POINT and plain is not None and self.branches[sign].plain.ends(plain, phase == PART)

    def _begin(self, row: list[Any], sign: int) -> None:
        """The first digit."""
        branch = self.branches[sign]
        scientific = branch.scientific
        row[DIGIT] = (sign, ZERO, 0, branch.plain.start, None if scientific is None else scientific.start)
        count = 0 if self.limits[0] is None else 1
        for group in self.digits[sign][1:]:
            plain = branch.plain.whole(branch.plain.start, group[0])
            mantissa = None if scientific is None else scientific.whole(scientific.start, group[0])
            if plain is not None or mantissa is not None:
                for d in group:
                    row[DIGIT + d] = (sign, WHOLE, count, plain, mantissa)

    def _mantissa(self, row: list[Any], state: Any) -> None:
        sign, phase, count, plain, mantissa = state
        branch = self.branches[sign]
        scientific = branch.scientific
        if phase <= WHOLE and not branch.bare:
            after = None if plain is None else branch.plain.point(plain)
            then = None if mantissa is None or scientific is None else scientific.point(mantissa)
            if after is not None or then is not None:
                row[DOT] = (sign, POINT, 0, after, then)
        if phase != POINT and mantissa is not None and scientific is not None:
            window = scientific.window(mantissa)
            if window is not None:
                row[POWER] = ("e", window)
        limit = self.limits[phase != WHOLE]
        if phase == ZERO or (limit is not None and count >= limit):
            return
        more = 0 if limit is None else count + 1
        next_phase = WHOLE if phase == WHOLE else PART
        for group in self.digits[sign]:
            after = then = None
            if plain is not None:
                after = branch.plain.whole(plain, group[0]) if phase == WHOLE else branch.plain.part(plain, group[0])
            if mantissa is not None and scientific is not None:
                then = scientific.whole(mantissa, group[0]) if phase == WHOLE else scientific.part(mantissa, group[0])
            if after is not None or then is not None:
                target = (sign, next_phase, more, after, then)
                for d in group:
                    row[DIGIT + d] = target

    def _after_letter(self, row: list[Any], window: Window) -> None:
        least, most = window
        up = None if most is not None and most < 0 else ("s", max(least or 0, 0), most)
        down = None if least is not None and least > 0 else ("s", max(0 if most is None else -most, 0), None if least is None else -least)
        row[PLUS], row[MINUS] = up, down
        if up is not None:
            row[DIGIT:] = self.row(up)[DIGIT:]


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
