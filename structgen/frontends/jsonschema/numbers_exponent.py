"""Numbers with exponent: the machine that reads a mantissa and then knows which exponents are allowed.

Let the mantissa's digits, read as one whole number, be D, its fraction have f digits, its first significant digit count 10**p. Then the
number with exponent e

    lies above a bound of leading power q      where e > q - p, or e = q - p and the digits are not smaller than the bound's
    is a multiple of unit / 10**scale          where e >= f - scale + n; n zeros after D make it one (n < 0: D ends in zeros to spare)

so every condition is a lower or an upper limit on e, and a mantissa comes down to a window of exponents. p, f and n would have to be
counted without bound, which no finite automaton can do, so they are counted up to `Caps`; a mantissa beyond may have no exponent. Where no
condition needs them they are not counted, and every mantissa and exponent is allowed. So the language is never too large, and too small
only for spellings that nobody writes: printers put one digit before the point and end in a significant one.

Not here: exponents of constrained numbers beyond `Caps`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from structgen.frontends.jsonschema.numbers_plain import OK, Bound, Modulus, compare

Window = tuple[int | None, int | None]
"""The least and the greatest exponent; None: no limit."""


@dataclass(frozen=True, slots=True)
class Caps:
    """What a machine counts before it forbids the exponent.

    whole: significant digits before the point, where there are bounds
    zeros: zeros between the point and the first significant digit, where there are bounds
    part: digits of the fraction, where there are moduli
    spare: zeros at the end of the whole part that a negative exponent may use up, where there are moduli
    loose: digits of the fraction up to which zeros at its end are counted too, where there are moduli
    """

    whole: int = 1
    zeros: int = 0
    part: int = 16
    spare: int = 0
    loose: int = 0


SCIENTIFIC: Final = Caps()
"""One digit before the point and up to 16 behind it, the last not zero: what Python, JavaScript and C print."""

WIDE: Final = Caps(whole=6, zeros=5, part=16, spare=6, loose=6)
"""What is counted under one kind of condition in the style "any"."""

MEDIUM: Final = Caps(whole=3, zeros=2, part=16, spare=3, loose=3)
"""What is counted under bounds and multiples together in the style "any"."""

Tail = tuple[int, int | None]
"""For a modulus: the residue of the digits, and the least exponent (None: no exponent can be allowed)."""

HOPELESS: Final = 10**9
"""The least exponent of a mantissa that no exponent makes a multiple."""

State = tuple[int | None, int, int, int, int, bool, tuple[Tail, ...]]
"""Power of the first significant digit (None: only zeros so far), significant digits read, verdicts on the lower and the upper bound,
digits of the fraction, whether one of them is significant, tails. What no condition needs stays 0."""


class Scientific:
    """Reads the mantissa of a magnitude. `low`, `high`: bounds > 0 or None; `zero`, `nonzero`: whether such numbers are allowed."""

    def __init__(
        self, low: Bound | None, high: Bound | None, moduli: tuple[Modulus, ...], *, caps: Caps, zero: bool, nonzero: bool
    ) -> None:
        self.low, self.high, self.moduli, self.caps, self.zero, self.nonzero = low, high, moduli, caps, zero, nonzero
        self.start: State = (None, 0, OK if low is None else 0, OK if high is None else 0, 0, False, ((0, None),) * len(moduli))
        self._bounded = low is not None or high is not None
        self._low = () if low is None else low.digits
        self._high = () if high is None else high.digits
        self._longest = max(len(self._low), len(self._high))
        self._shift = min((m.scale for m in moduli if m.wanted), default=HOPELESS)

    def whole(self, state: State, d: int) -> State | None:
        """After one more digit of the whole part."""
        lead = state[0]
        if d and lead is None:
            if not self.nonzero:
                return None
            lead = 0
        elif lead is not None and self._bounded:
            lead += 1
            if lead >= self.caps.whole:
                return None
        n, low, high = self._digit(state, d)
        tails = []
        for m, (r, least) in zip(self.moduli, state[6], strict=True):
            r = m.canonical(10 * r + d)  # noqa: PLW2901
            if d:
                least = self._least(m, r, 0)  # noqa: PLW2901
            elif least is not None and least != HOPELESS:
                least -= 1  # noqa: PLW2901
                if least < -m.scale - self.caps.spare:  # not counted further: too strict for a multiple, too lax for its opposite
                    least = least + 1 if m.wanted else None  # noqa: PLW2901
            tails.append((r, least))
        return lead, n, low, high, 0, False, tuple(tails)

    def marks(self, state: State) -> list[int]:
        """The digits that the next digit is compared with."""
        _, n, low, high = state[:4]
        found = []
        for digits, verdict in ((self._low, low), (self._high, high)):
            if verdict == 0:
                found.append(digits[n] if n < len(digits) else 0)
        return found

    def part(self, state: State, d: int) -> State | None:
        """After one more digit of the fraction."""
        lead, _, _, _, f, significant, old = state
        caps = self.caps
        f += 1
        if d and old and f > caps.part:
            return None
        if d and lead is None:
            if not self.nonzero or (self._bounded and f > caps.zeros + 1):
                return None
            lead = -f if self._bounded else 0
        if d and self.high is not None and lead is not None and f - self._shift > self.high.lead - lead:
            return None  # no exponent can be large enough for a multiple and small enough for the bound
        n, low, high = self._digit((lead, *state[1:]), d)
        significant = significant or bool(d)
        tails = []
        for m, (r, least) in zip(self.moduli, old, strict=True):
            r = m.canonical(10 * r + d)  # noqa: PLW2901
            if d:
                least = self._least(m, r, f)  # noqa: PLW2901
            elif significant and f > caps.loose:
                least = None  # noqa: PLW2901
            tails.append((r, least))
        count = min(f, caps.part) if old else min(f, caps.zeros + 1) if self._bounded and lead is None else 0
        return lead, n, low, high, count, significant and bool(old), tuple(tails)

    def _digit(self, state: State, d: int) -> tuple[int, int, int]:
        """How many significant digits there are and how they compare, after one more."""
        lead, n, low, high = state[:4]
        if lead is None and not d:
            return n, low, high
        low = low or compare(d, self._low, n)
        high = high or compare(d, self._high, n)
        return (0 if low and high else min(n + 1, self._longest)), low, high

    @staticmethod
    def _least(m: Modulus, residue: int, f: int) -> int:
        zeros = m.zeros(residue)
        return HOPELESS if zeros is None else f - m.scale + zeros

    def window(self, state: State) -> Window | None:
        """Which exponents may follow this mantissa; None if none."""
        lead, n, below, above, _, _, tails = state
        if lead is None:
            return (None, None) if self.zero and all(m.wanted for m in self.moduli) else None
        least: int | None = None
        most: int | None = None
        if self.low is not None:
            least = self.low.lead - lead + (below < 0 or (below == 0 and (n < len(self._low) or self.low.strict)))
        if self.high is not None:
            most = self.high.lead - lead - (above == 1 or (above == 0 and n >= len(self._high) and self.high.strict))
        for m, (_, limit) in zip(self.moduli, tails, strict=True):
            if limit is None or (m.wanted and limit == HOPELESS):
                return None
            if m.wanted:
                least = limit if least is None else max(least, limit)
            elif limit != HOPELESS:
                most = limit - 1 if most is None else min(most, limit - 1)
        return None if least is not None and most is not None and least > most else (least, most)
