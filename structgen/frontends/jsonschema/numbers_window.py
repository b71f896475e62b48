"""Which exponents may follow a mantissa: intervals, from what its digits are.

Let the digits, read as one whole number, be D, f of them in the fraction, and the first significant one count 10**p. Then the number with
exponent e is D * 10**(e - f). It

    lies above a bound of leading power q      where e > q - p, or e = q - p and the digits are not smaller than the bound's
    is a multiple of unit / 10**scale          where e >= f - scale + n; n zeros after D make it one (n < 0: D ends in zeros to spare)
    is a certain number                        for one e at most

p, f and n have no bound. What no condition needs is not counted, so that texts share states.

Not here: rules and limits (`numbers_exponent`).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from fractions import Fraction
from itertools import chain, count
from math import ceil, floor, gcd, lcm
from typing import Final, NamedTuple

from structgen.frontends.jsonschema.numbers_exponent import PART, At, Limits, Mantissas, magnitude, ten_to
from structgen.frontends.jsonschema.numbers_plain import OK, Bound, Modulus, alike, compare, rest_of, scale_of
from structgen.frontends.jsonschema.numbers_power import Powers

TRIES: Final = 20
"""So many numbers of one unit are looked at before a smaller unit is taken."""


class Kept(NamedTuple):
    """What conditions need of a mantissa. What none needs stays 0.

    lead: the power of the first significant digit, None for zero
    read, low, high: significant digits that are compared, verdicts on the lower and the upper bound
    tails: for each modulus the residue of the digits, and the least exponent (None for zero, HOPELESS where no exponent helps)
    digits: all of them, while they may be those of an excluded number; else -1
    """

    lead: int | None
    read: int
    low: int
    high: int
    tails: tuple[tuple[int, int | None], ...]
    digits: int


HOPELESS: Final = 10**9
"""The least exponent of a mantissa that no exponent makes a multiple."""


class Ranged(Mantissas):
    """Magnitudes between bounds (None, or > 0), multiples of `step` and of none of `nots`, not in `but`."""

    def __init__(
        self,
        low: Bound | None,
        high: Bound | None,
        limits: Limits,
        *,
        step: Fraction | None,
        nots: Iterable[Fraction],
        but: Iterable[Fraction],
        zero: bool,
    ) -> None:
        super().__init__(limits, zero=zero)
        self.low, self.high, self.step, self.nots, self.but = low, high, step, tuple(nots), frozenset(but)
        self.moduli = (*([] if step is None else [Modulus(step, True)]), *[Modulus(one, False) for one in self.nots])
        self._scale = self.moduli[0].scale if step is not None else 0
        self._tens = max([scale_of(m.unit // rest_of(m.unit)) or 0 for m in self.moduli], default=0)
        self._units = tuple([m.unit for m in self.moduli])
        self._low = () if low is None else low.digits
        self._high = () if high is None else high.digits
        self._longest = max(len(self._low), len(self._high))
        self._lowest = Fraction(0) if low is None else low.value
        self._highest = None if high is None else high.value
        self._without = Powered(self.but)
        self.first = Kept(None, 0, OK if low is None else 0, OK if high is None else 0, ((0, None),) * len(self.moduli), 0 if but else -1)

    def counts(self, kept: Kept) -> bool:
        """Whether the digits of the fraction matter."""
        return kept.lead is None or bool(self.moduli) or kept.digits >= 0

    def alike(self, kept: Kept) -> Iterable[tuple[int, ...]]:
        """The digits in groups that lead to the same state; "0" alone first."""
        if kept.digits >= 0:
            return [(d,) for d in range(10)]
        marks = [0]
        for digits, verdict in ((self._low, kept.low), (self._high, kept.high)):
            if verdict == 0:
                marks.append(digits[kept.read] if kept.read < len(digits) else 0)
        return alike(tuple(marks), self._units)

    def keep(self, at: At, digit: int) -> Kept | None:
        """What is kept after one more digit; None where no number has it."""
        lead, read, low, high, tails, digits = at.kept
        inside = at.phase == PART
        if lead is None:
            lead = None if not digit else -at.part if inside and self._is_bounded(low) else 0
        elif not inside and self._is_bounded(low):
            lead += 1
        if lead is not None:
            low = low or compare(digit, self._low, read)
            high = high or compare(digit, self._high, read)
            read = 0 if low and high else min(read + 1, self._longest)
        after = []
        for m, (residue, least) in zip(self.moduli, tails, strict=True):
            now = m.canonical(10 * residue + digit)
            if digit:
                zeros = m.zeros(now)
                least = HOPELESS if zeros is None else at.part - m.scale + zeros  # noqa: PLW2901
            elif least is not None and least != HOPELESS and not inside:
                least -= 1  # noqa: PLW2901
            after.append((now, least))
        if lead is not None and self._is_implied(lead, low, after, at.part):
            low, lead, read = OK, 0, 0
        if digits >= 0:
            digits = at.digits if self._without.has(at.digits) else -1
        return Kept(lead, read, low, high, tuple(after), digits)

    def _is_bounded(self, low: int) -> bool:
        return self.high is not None or (self.low is not None and low != OK)

    def _is_implied(self, lead: int, low: int, tails: list[tuple[int, int | None]], part: int) -> bool:
        """Whether what is a multiple is above the lower bound, now and after any digits."""
        if self.low is None or self.high is not None or low == OK or self.step is None:
            return False
        least = tails[0][1]
        above = self.low.lead - lead + 1
        return least is not None and above <= least and above <= part - self._scale + 1

    def powers(self, at: At) -> Powers:
        """The exponents that may follow a mantissa other than zero."""
        lead, read, below, above, tails, digits = at.kept
        least: int | None = None
        most: int | None = None
        if self.low is not None and below != OK:
            least = self.low.lead - lead + (below < 0 or (below == 0 and (read < len(self._low) or self.low.strict)))
        if self.high is not None:
            most = self.high.lead - lead - (above == 1 or (above == 0 and read >= len(self._high) and self.high.strict))
        for m, (_, limit) in zip(self.moduli, tails, strict=True):
            if m.wanted:
                if limit == HOPELESS:
                    return ()
                least = limit if least is None else max(least, limit)
            elif limit != HOPELESS:
                most = limit - 1 if most is None else min(most, limit - 1)
        if least is not None and most is not None and least > most:
            return ()
        return without(least, most, self._without.powers(at) if digits >= 0 else [])

    def shifts(self, digits: int, low: int | None, high: int | None, room: int | None) -> Iterator[int]:
        """From where there surely are some, as far as bounds go."""
        least = max(self._lowest, self.step or Fraction(0))
        if least:
            first = magnitude(least / (digits + 1)) + 1
            low = first if low is None else max(low, first)
        if self._highest is not None:
            last = magnitude(self._highest / digits)
            high = last if high is None else min(high, last)
            return iter(count(high, -1) if low is None else range(high, low - 1, -1))
        start = 0 if self.step is None else magnitude(self.step) + 1
        start = start if low is None else max(low, start)
        if room is not None:  # beyond, all but the size of the numbers is the same
            end = max(start + 1, room + self._tens)
            high = end if high is None else min(high, end)
        start = start if high is None else min(high, start)
        below = count(start - 1, -1) if low is None else range(start - 1, low - 1, -1)
        return chain(count(start) if high is None else range(start, high + 1), below)

    def pick(self, low: Fraction, high: Fraction | None, grain: int | None) -> Fraction | None:
        """A number within the bounds that meets all conditions."""
        strict, open_ = not low, True
        if self.low is not None and (self._lowest > low or (self._lowest == low and self.low.strict)):
            low, strict = self._lowest, self.low.strict
        if self._highest is not None and self.high is not None and (high is None or self._highest < high):
            high, open_ = self._highest, self.high.strict
        if high is not None and (low > high or (low == high and (strict or open_))):
            return None
        if low == high and self.step is None and grain is None:
            return low if self._fits(low) else None
        for unit, tries in self._grains(low if low else high, grain):
            if any(unit % one == 0 for one in self.nots):
                continue
            n = floor(low / unit) + 1 if strict else ceil(low / unit)
            for k in range(n, n + tries) if tries else count(n):
                value = k * unit
                if high is not None and (value > high or (open_ and value == high)):
                    break
                if self._fits(value):
                    return value
        return None

    def _grains(self, near: Fraction | None, grain: int | None) -> Iterator[tuple[Fraction, int]]:
        """The units of numbers to look at, and how many of each (0: all)."""
        if self.step is not None or grain is not None:
            units = [one for one in (self.step, None if grain is None else ten_to(grain)) if one is not None]
            yield common(units), 0
            return
        for i in count(0 if near is None else magnitude(near), -1):
            yield ten_to(i), TRIES

    def _fits(self, value: Fraction) -> bool:
        return value not in self.but and all((value / one).denominator != 1 for one in self.nots)


# ---- single numbers ----


class Powered:
    """A set of numbers > 0 as whole numbers without zeros at the end, each with the powers of ten that make it numbers of the set."""

    def __init__(self, values: Iterable[Fraction]) -> None:
        self._powers: dict[int, list[int]] = {}
        self._beginnings: set[int] = {0}
        for value in values:
            bound = Bound.of(value, False)
            text = "".join(map(str, bound.digits))
            self._powers.setdefault(int(text), []).append(bound.lead - len(text) + 1)
            self._beginnings.update(int(text[:n]) for n in range(1, len(text)))

    def has(self, digits: int) -> bool:
        """Whether digits are, or may become, those of a number of the set."""
        return digits in self._beginnings or split(digits)[0] in self._powers

    def powers(self, at: At) -> list[int]:
        """The exponents that make a mantissa a number of the set."""
        digits, zeros = split(at.digits)
        return [power - zeros + at.part for power in self._powers.get(digits, ())]


class Listed(Mantissas):
    """The magnitudes of a finite set."""

    first = 0

    def __init__(self, values: Iterable[Fraction], limits: Limits, *, zero: bool) -> None:
        super().__init__(limits, zero=zero)
        self.values = sorted(values)
        self._powered = Powered(self.values)
        self._sizes = sorted({magnitude(value) for value in self.values})

    def keep(self, at: At, digit: int) -> int | None:
        """The digits."""
        return at.digits if self._powered.has(at.digits) else None

    def counts(self, kept: int) -> bool:
        """Always."""
        return True

    def alike(self, kept: int) -> Iterable[tuple[int, ...]]:
        """No digits are alike."""
        return [(d,) for d in range(10)]

    def powers(self, at: At) -> Powers:
        """The exponents that make a mantissa a number of the set."""
        return tuple([(one, one) for one in sorted(self._powered.powers(at))])

    def shifts(self, digits: int, low: int | None, high: int | None, room: int | None) -> Iterator[int]:
        """Where the numbers have as many digits."""
        size = magnitude(Fraction(digits))
        for i in self._sizes:
            if (low is None or i - size >= low) and (high is None or i - size <= high):
                yield i - size

    def pick(self, low: Fraction, high: Fraction | None, grain: int | None) -> Fraction | None:
        """The least that there is."""
        for at in range(bisect_left(self.values, low), len(self.values)):
            value = self.values[at]
            if high is not None and value >= high:
                break
            if grain is None or (value / ten_to(grain)).denominator == 1:
                return value
        return None


# ---- arithmetic ----


def split(digits: int) -> tuple[int, int]:
    """A whole number without the zeros at its end, and how many they are."""
    zeros = 0
    while digits and digits % 10 == 0:
        digits, zeros = digits // 10, zeros + 1
    return digits, zeros


def common(units: Iterable[Fraction]) -> Fraction:
    """The least common multiple."""
    found, *others = units
    for one in others:
        found = Fraction(lcm(found.numerator, one.numerator), gcd(found.denominator, one.denominator))
    return found


def without(low: int | None, high: int | None, others: Iterable[int]) -> Powers:
    """The whole numbers from `low` to `high` but for some."""
    found: list[tuple[int | None, int | None]] = []
    for one in sorted(others):
        if (low is None or low <= one) and (high is None or one <= high):
            if low is None or low < one:
                found.append((low, one - 1))
            low = one + 1
    return tuple(found) if low is not None and high is not None and low > high else (*found, (low, high))
