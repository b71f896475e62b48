"""Numbers without exponent: bounds, multiples, and the machine that reads digits against them.

Magnitudes only: a minus sign turns a range around, which is `numbers`' business. A machine is a set of pure functions on small tuples
(its states), which `numbers_table` explores into an automaton. It has

    start                    after no digit; also the state after the whole part "0"
    whole(state, d)          after one more digit of the whole part
    point(state)             after the decimal point
    part(state, d)           after one more digit of the fraction
    marks(state)             the digits with which the next one is compared

each returning the next state, or None where no number of the language continues so.

Not here: signs, exponents, limits on the number of digits.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any, Final

from structgen.errors import OptionError

OK: Final = 2
"""The verdict of a comparison that no further digit can change. Else -1, 0, 1: smaller, equal, greater so far."""

KEPT: Final = 1 << 16
"""So many residues are kept in canonical form."""

LESS: Final = -1
"""The verdict on what is smaller so far."""

NEVER: Final = -1
"""The residue of a number that no zero can make a multiple any more."""


@dataclass(frozen=True, slots=True)
class Bound:
    """A bound on a magnitude, as digits. `strict`: the bound itself is outside.

    whole: the digits before the point, without leading zeros; part: those after it, without trailing zeros
    digits: the significant digits; lead: the power of ten of the first of them (0 for zero)
    """

    whole: tuple[int, ...]
    part: tuple[int, ...]
    strict: bool

    @property
    def value(self) -> Fraction:
        """The number."""
        return Fraction(int("0" + "".join(map(str, self.whole + self.part))), 10 ** len(self.part))

    @property
    def digits(self) -> tuple[int, ...]:
        """The significant digits: no zeros in front or behind."""
        text = "".join(map(str, self.whole + self.part)).strip("0")
        return tuple(map(int, text))

    @property
    def lead(self) -> int:
        """The power of ten that the first significant digit counts."""
        if self.whole:
            return len(self.whole) - 1
        return -1 - next((i for i, d in enumerate(self.part) if d), -1)

    @staticmethod
    def of(value: Fraction, strict: bool) -> Bound:
        """The bound `value` >= 0. Raises OptionError unless it is a decimal fraction."""
        scale = scale_of(value.denominator)
        if scale is None:
            raise OptionError(f"{value} has no finite decimal form", where="number", hint="bounds of a JSON Schema are decimal numbers")
        whole, part = divmod(value.numerator * 10**scale // value.denominator, 10**scale)
        text = f"{part:0{scale}d}".rstrip("0") if scale else ""
        return Bound(tuple(map(int, str(whole))) if whole else (), tuple(map(int, text)), strict)


def scale_of(denominator: int) -> int | None:
    """The fewest decimal places that a fraction with this denominator needs; None if no number of them is enough."""
    twos = fives = 0
    while denominator % 2 == 0:
        denominator, twos = denominator // 2, twos + 1
    while denominator % 5 == 0:
        denominator, fives = denominator // 5, fives + 1
    return max(twos, fives) if denominator == 1 else None


def rest_of(number: int) -> int:
    """A whole number without its factors 2 and 5."""
    for prime in (2, 5):
        while number % prime == 0:
            number //= prime
    return number


class Modulus:
    """Divisibility by the decimal number `unit / 10**scale`. `wanted`: multiples are asked for; else they are forbidden.

    Residues are those of the digits read as one whole number. They are kept in canonical form: two residues that no further digits tell
    apart are one, so that multiples of 10**12 need 13 states, not 10**12.
    """

    def __init__(self, step: Fraction, wanted: bool) -> None:
        self.scale = scale_of(step.denominator) or 0
        self.unit = step.numerator * 10**self.scale // step.denominator
        self.wanted = wanted
        self._canonical: dict[int, int] = {}
        self._by_future: dict[tuple[int, ...], int] = {}
        self._reach = len(str(self.unit))

    def canonical(self, residue: int) -> int:
        """The residue that stands for all with the same future."""
        residue %= self.unit
        found = self._canonical.get(residue)
        if found is None:
            if len(self._canonical) >= KEPT:  # texts may go on for ever; residues that are told apart needlessly do no harm
                self._canonical.clear()
                self._by_future.clear()
            future, r, room = [], residue, 1
            for _ in range(self._reach + 1):  # which n more digits complete a multiple? At most one choice while 10**n <= unit
                missing = -r % self.unit
                future.append(missing if missing < room else NEVER)
                r, room = r * 10 % self.unit, room * 10
            found = self._canonical[residue] = self._by_future.setdefault(tuple(future), residue)
        return found

    def zeros(self, residue: int) -> int | None:
        """How many zeros after the digits complete a multiple; None if no number of them does."""
        for n in range(4 * self._reach + 1):
            if residue % self.unit == 0:
                return n
            residue = residue * 10 % self.unit
        return None


def compare(d: int, digits: tuple[int, ...], at: int) -> int:
    """-1, 0, 1: the digit against digit `at` of a bound (0 beyond its end)."""
    other = digits[at] if at < len(digits) else 0
    return (d > other) - (d < other)


@lru_cache(maxsize=1024)
def alike(marks: tuple[int, ...], units: tuple[int, ...]) -> tuple[tuple[int, ...], ...]:
    """The digits in groups: those that compare alike with each of the marks and have the same residues. With mark 0, "0" alone first."""
    groups: dict[tuple[Any, ...], list[int]] = {}
    for d in range(10):
        sides = [(d > mark) - (d < mark) for mark in marks]
        groups.setdefault((*sides, *[d % unit for unit in units]), []).append(d)
    return tuple(map(tuple, groups.values()))


State = tuple[int, int, int, tuple[int, ...]]
"""Digits read (as far as they matter), verdict on the lower bound, verdict on the upper bound, residues.

Where the lower bound is decided and the number smaller than the upper one, the first is minus the digits that may still come before the
point. Such states, and those that no bound matters to, mean the same to every machine with the same moduli.
"""

ZEROS: Final[State] = (-1, OK, OK, ())
"""The value is known: only zeros may follow."""


class Plain:
    """Reads a magnitude without exponent. `low`, `high`: bounds or None. Exact for numbers of any length."""

    def __init__(self, low: Bound | None, high: Bound | None, moduli: tuple[Modulus, ...]) -> None:
        self.low, self.high, self.moduli = low, high, moduli
        self.start: State = (0, OK if low is None else 0, OK if high is None else 0, (0,) * len(moduli))
        self._divides = any(m.unit > 1 for m in moduli)
        self._scale = max((m.scale for m in moduli), default=0)
        self._parts = max((len(b.part) for b in (low, high) if b is not None), default=0)

    def whole(self, state: State, d: int) -> State | None:
        """After one more digit of the whole part."""
        i, low, high, residues = state
        if self._divides:
            residues = tuple([m.canonical(10 * r + d) for m, r in zip(self.moduli, residues, strict=True)])
        if low == OK and high in (LESS, OK):
            return None if high == LESS and i >= 0 else (i + (high == LESS), low, high, residues)
        if low != OK and self.low is not None:
            low = OK if i >= len(self.low.whole) else low or compare(d, self.low.whole, i)
        if high != OK and self.high is not None:
            if i >= len(self.high.whole):
                return None
            high = high or compare(d, self.high.whole, i)
            if low == OK and high != 0:  # only how many digits may come matters: for a greater number one less
                i += (high > 0) - len(self.high.whole)
                return (i + 1, low, LESS, residues) if i < 0 else None
        return (0 if low == high == OK else i + 1), low, high, residues

    def point(self, state: State) -> State | None:
        """After the decimal point: a whole part shorter than a bound is smaller."""
        i, low, high, residues = state
        if low == OK and high == LESS:
            high = OK
        if low != OK and self.low is not None:
            if i < len(self.low.whole) or low < 0:
                return None
            low = OK if low > 0 else 0
        if high != OK and self.high is not None:
            if i >= len(self.high.whole) and high > 0:
                return None
            high = 0 if i >= len(self.high.whole) and high == 0 else OK
        return self._settle(0, low, high, residues)

    def part(self, state: State, d: int) -> State | None:
        """After one more digit of the fraction."""
        if state == ZEROS:
            return None if d else ZEROS
        j, low, high, residues = state
        if low == 0 and self.low is not None:
            verdict = compare(d, self.low.part, j)
            if verdict < 0:
                return None
            low = OK if verdict else 0
        if high == 0 and self.high is not None:
            verdict = compare(d, self.high.part, j)
            if verdict > 0:
                return None
            high = OK if verdict else 0
        after = []
        for m, r in zip(self.moduli, residues, strict=True):
            if j < m.scale and r != NEVER:
                after.append(m.canonical(10 * r + d))
            elif d and m.wanted:
                return None
            else:
                after.append(NEVER if d else r)
        return self._settle(j + 1, low, high, tuple(after))

    def _settle(self, j: int, low: int, high: int, residues: tuple[int, ...]) -> State | None:
        """Decides residues once all the digits that matter are read, and forgets what cannot matter any more."""
        closed = high == 0 and self.high is not None and j >= len(self.high.part)
        settled = []
        for m, r in zip(self.moduli, residues, strict=True):
            over = j >= m.scale
            closed = closed or (over and m.wanted)
            settled.append(NEVER if over and r not in (0, NEVER) else r)
        if closed:
            return ZEROS if self._meets(j, low, high, residues) else None
        return min(j, self._scale if low == high == OK else max(self._scale, self._parts)), low, high, tuple(settled)

    def marks(self, state: State, in_part: bool) -> tuple[int, ...]:
        """The digits that the next digit is compared with."""
        i, low, high, _ = state
        if state == ZEROS:
            return (0,)
        found = [0] if self.moduli else []
        for bound, verdict in ((self.low, low), (self.high, high)):
            if bound is not None and verdict == 0:
                digits = bound.part if in_part else bound.whole
                found.append(digits[i] if i < len(digits) else 0)
        return tuple(found)

    def ends(self, state: State) -> bool:
        """Whether the number may end in its fraction, or without one if this is the state after the decimal point."""
        return state == ZEROS or self._meets(*state)

    def _meets(self, j: int, low: int, high: int, residues: tuple[int, ...]) -> bool:
        """Whether a number that ends with j digits in its fraction meets the conditions."""
        if low == 0 and self.low is not None and (j < len(self.low.part) or self.low.strict):
            return False
        if high == 0 and self.high is not None and j >= len(self.high.part) and self.high.strict:
            return False
        for m, r in zip(self.moduli, residues, strict=True):
            if (r != NEVER and r * 10 ** max(m.scale - j, 0) % m.unit == 0) != m.wanted:
                return False
        return True
