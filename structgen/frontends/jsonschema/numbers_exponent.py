"""Numbers with exponent: a rule for each state of a mantissa, made when a text gets there.

What the digits so far allow, as intervals of exponents, is told by `numbers_window`. There are infinitely many states, but only those that
a text gets to are ever made. A state is offered only where some text leads from it to an end. Digits D, and more of them behind, spell all
the numbers from D * 10**i up to (D + 1) * 10**i, for any i: so this is to find a number of the language in one of these intervals.

A style that limits digits has exponents only behind mantissas as printers write them, with one digit before the point.

Not here: conditions (`numbers_window`), numbers without exponent (`numbers_plain`), signs (`numbers`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from functools import cache, partial
from typing import Any, Final, NamedTuple
from weakref import WeakValueDictionary

from structgen.frontends.jsonschema.numbers_plain import scale_of
from structgen.frontends.jsonschema.numbers_power import EVERY, Powers, char_leaf, power_leaf
from structgen.ir.expr import NEVER, Expr, Lit, Net, Rule

START, ZERO, WHOLE, POINT, PART = range(5)
"""Phases: before the first digit; after the whole part "0"; in another one; after the point (no state of its own); in the fraction."""


KEPT: Final = 1 << 16
"""So many answers are kept whether a state leads to an end."""


class Limits(NamedTuple):
    """What a style limits: digits of the fraction (and then one digit before the point), digits of the exponent. None: no limit."""

    digits: int | None
    powers: int | None

    @property
    def most(self) -> int | None:
        """The greatest exponent that can be written."""
        return None if self.powers is None else 10**self.powers - 1


class At(NamedTuple):
    """Where a text is. `kept`: what the conditions need to know of the digits.

    `digits`, `part`: all digits as one whole number, and how many of them are in the fraction, in the first text that came here; another
    one has others, unless `kept` or a limit needs them, but may go on in the same ways.
    """

    phase: int
    kept: Any
    digits: int
    part: int


class Mantissas:
    """Magnitudes with exponent. `zero`: whether 0 is among them. What the others must meet is the business of subclasses."""

    first: Any
    """What is kept of no digits."""

    def __init__(self, limits: Limits, *, zero: bool) -> None:
        self.limits, self.zero = limits, zero
        self._rules: WeakValueDictionary[Any, Rule] = WeakValueDictionary()
        self._live: dict[Any, bool] = {}

    # ---- what subclasses say ----

    def keep(self, at: At, digit: int) -> Any:
        """What is kept after one more digit; None where no number has it. `at` has that digit already, `at.kept` has not."""
        raise NotImplementedError

    def counts(self, kept: Any) -> bool:
        """Whether the digits of the fraction matter."""
        raise NotImplementedError

    def alike(self, kept: Any) -> Iterable[tuple[int, ...]]:
        """The digits in groups that lead to the same state; "0" alone first."""
        raise NotImplementedError

    def powers(self, at: At) -> Powers:
        """The exponents that may follow a mantissa other than zero, as if a style had no limits."""
        raise NotImplementedError

    def shifts(self, digits: int, low: int | None, high: int | None, room: int | None) -> Iterator[int]:
        """The i from `low` to `high` where there may be a number from digits * 10**i up to (digits + 1) * 10**i, `room` more digits long
        (None: any number); some of them, where the others are like these."""
        raise NotImplementedError

    def pick(self, low: Fraction, high: Fraction | None, grain: int | None) -> Fraction | None:
        """A number > 0, at least `low` and below `high`, a multiple of 10**grain (None: of any power of ten); None if there is none."""
        raise NotImplementedError

    # ---- states ----

    def _key(self, at: At) -> Any:
        counted = self.limits != (None, None) or self.counts(at.kept)
        return at.phase, at.kept, at.part if counted else 0

    def _digits(self, at: At) -> list[tuple[str, At]]:
        """The digits that may follow, and where they lead, dead ends left out."""
        phase, kept, digits, part = at
        limit, inside = self.limits.digits, phase >= POINT
        if phase == ZERO or (limit is not None and (part >= limit if inside else phase != START)):
            return []
        found: list[tuple[str, At]] = []
        for group in self.alike(kept):
            d = group[0]
            if d and inside and limit is not None and not digits:
                break
            if phase == START and not d:
                to = At(ZERO, kept, 0, 0)
            else:
                to = At(PART if inside else WHOLE, kept, 10 * digits + d, part + inside)
                then = self.keep(to, d)
                if then is None:
                    continue
                to = to._replace(kept=then)
            if self.is_live(to):
                found.append(("".join(map(str, group)), to))
        return found

    def exponents(self, at: At) -> Powers:
        """The exponents that may follow here; none where the mantissa may not end here."""
        if at.phase == START:
            return ()
        found = self.powers(at) if at.digits else EVERY if self.zero else ()
        most = self.limits.most
        if most is None:
            return found
        clipped = [(-most if low is None else max(low, -most), most if high is None else min(high, most)) for low, high in found]
        return tuple([(low, high) for low, high in clipped if low <= high])

    def is_live(self, at: At) -> bool:
        """Whether some text leads to an end."""
        key = self._key(at)
        found = self._live.get(key)
        if found is None:
            if len(self._live) >= KEPT:
                self._live.clear()
            found = self._live[key] = bool(self.exponents(at)) or self._witness(at) is not None
        return found

    def way(self, at: At) -> str:
        """A text that leads from a live state to an end, behind at least one digit."""
        found = self._witness(at)
        assert found is not None
        return self._spelled(at, *found)

    def _witness(self, at: At) -> tuple[Fraction, int | None] | None:
        """A number that the digits and some more spell, and what the last of the former counts as a power of ten (None: anything)."""
        phase, _, digits, part = at
        limit, most = self.limits.digits, self.limits.most
        if not digits and limit is not None:
            return None
        low = None if most is None else -most - part
        high = None if most is None or (phase == WHOLE and limit is None) else most - part
        room = None if limit is None else limit - part
        for i in self.shifts(digits, low, high, room) if digits else (high,):
            value = self._above(digits, i, room)
            if value is not None:
                return value, i
        return None

    def _above(self, digits: int, i: int | None, room: int | None) -> Fraction | None:
        """A number that `digits` and up to `room` more spell, the last of the former counting 10**i."""
        if i is None:
            return self.pick(Fraction(0), None, None)
        one = ten_to(i)
        return self.pick(digits * one, (digits + 1) * one, None if room is None else i - room)

    def _spelled(self, at: At, value: Fraction, i: int | None) -> str:
        """How a number goes on from here, its last digit so far counting 10**i (no digits so far: at most that)."""
        phase, _, digits, part = at
        most = self.limits.most
        if not digits:
            size = magnitude(value) + 1
            i = size if i is None else min(i, size)
            i = i if most is None else max(i, -most - part)
        assert i is not None
        rest = value / ten_to(i) - digits
        places = scale_of(rest.denominator) or 0
        more = f"{int(rest * 10**places):0{places}d}" if places else ""
        if phase == PART:
            return f"{more}e{i + part}"
        whole = max(i - most, 0) if most is not None and phase == WHOLE else 0
        more = more.ljust(whole, "0")
        return more[:whole] + ("." + more[whole:] if more[whole:] else "") + f"e{i - whole}"

    # ---- expressions ----

    def expr(self) -> Expr:
        """All the texts; NEVER if there are none."""
        start = At(START, self.first, 0, 0)
        return self._rule(start) if self._digits(start) else NEVER

    def _rule(self, at: At) -> Rule:
        key = self._key(at)
        found = self._rules.get(key)
        if found is None:
            found = self._rules[key] = Rule(cache(partial(self._body, at)), "number")  # schemas share it
        return found

    def _body(self, at: At) -> Expr:
        edges: list[tuple[int, Expr | None, int]] = []
        powers = self.exponents(at)
        if powers:
            edges.append((0, power_leaf(powers, self.limits.powers), 1))
        elif at.phase != START:  # who looks for an end need not unfold others
            edges.append((0, Lit(self.way(at).encode()), 1))
        moves = [(0, chars, to) for chars, to in self._digits(at)]
        size = 2
        if at.phase in (ZERO, WHOLE):
            behind = self._digits(at._replace(phase=POINT))
            if behind:
                edges.append((0, char_leaf("."), size))
                moves += [(size, chars, to) for chars, to in behind]
                size += 1
        for source, chars, to in moves:
            edges += [(source, char_leaf(chars), size), (size, self._rule(to), 1)]
            size += 1
        return Net(size, edges, (1,))


def ten_to(power: int) -> Fraction:
    """10**power."""
    return Fraction(10**power) if power >= 0 else Fraction(1, 10**-power)


def magnitude(value: Fraction) -> int:
    """The greatest n with 10**n <= value, for a value > 0."""
    n = len(str(value.numerator)) - len(str(value.denominator))
    return n if ten_to(n) <= value else n - 1
