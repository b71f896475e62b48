"""Multiples of numbers with more remainders than an automaton holds: a rule for each state of a spelling and each remainder.

Let a divisor be t * M, M coprime to 10, t with no other factors than 2 and 5 (0.123456789: M = 123456789, t = 10**-9). Let D be all digits
of a text before its exponent, read as one whole number. The value is D times a power of ten, so it is a multiple of the divisor where

    M divides D                  counted here, digit by digit, modulo M
    it is a multiple of t        known to the automaton of the spelling (`numbers`), as are bounds, limits and exponents

A text is read as a pair of a state of that automaton and a remainder. Pairs are made when they are reached; one is offered only where some
digits lead from it to an end, which is found out by arithmetic. Let V be the numbers that n digits from a state spell. From remainder r
there is a way to the end if some v in V is -r * 10**n modulo M. V is a few arithmetic progressions (bounds cut them off, t sets their
gap), so that this is one modular inverse each. Of two texts that differ by zeros at the end, it does not matter which one is counted.

Not here: when that is needed (`scalars`).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from math import gcd
from threading import RLock
from typing import Final
from weakref import WeakValueDictionary

from structgen.errors import BudgetExceeded
from structgen.frontends.jsonschema.numbers_power import number_leaf
from structgen.ir.expr import NEVER, Expr, Lit, Net, Rule, seq
from structgen.ir.regular import CharDFA

MAX_DIGITS: Final = 250
"""The most digits of a divisor, and how many more digits are looked ahead."""

Run = tuple[int, int, int]
"""The progression first, first + gap, ..., last; a single number has gap 1."""


def check_modulus(modulus: int) -> None:
    """Raises BudgetExceeded for a modulus of too many digits."""
    if modulus >= 10**MAX_DIGITS:
        raise BudgetExceeded(
            f"multiples of a number of {len(str(modulus))} digits",
            hint=f"divisors without their factors 2 and 5 may have up to {MAX_DIGITS} digits",
        )


class Far:
    """The texts of `spelling` whose digits are a multiple of `modulus` (coprime to 10), or with `wanted` False: are none.

    `spelling` allows all digits beyond its bounds and limits, but for those that a divisor (of 2 and 5, or a small one) forbids, and single
    numbers. Raises BudgetExceeded where it is too large to look ahead in.
    """

    def __init__(self, spelling: CharDFA, modulus: int, *, wanted: bool = True) -> None:
        check_modulus(modulus)
        self.spelling, self.modulus, self.wanted = spelling, modulus, wanted
        rows, of = spelling.rows, spelling.alphabet.class_of
        places = [of(48 + d) for d in range(10)]
        self.digits = [[row[c] for c in places] for row in rows]
        self.minus, self.point = ([row[of(ord(c))] for row in rows] for c in "-.")
        self._still = self._stillness()
        self._closes = self._closing()
        self._whole = self._longest()
        self._part = self._longest_part()
        self._runs: dict[tuple[int, int, int], list[Run]] = {}
        self._inverse: dict[int, tuple[int, int]] = {}
        self._always: set[int] = set()
        self._rules: WeakValueDictionary[tuple[int, int], Rule] = WeakValueDictionary()
        self._lock = RLock()  # rules are unfolded by whichever thread comes first
        for q in range(len(rows)):
            if self._whole[q] is None and not self._is_open(q):  # better found out now than within a text
                raise BudgetExceeded(f"multiples of {modulus}: no end within {MAX_DIGITS} digits", hint="choose a smaller divisor")

    # ---- the spelling ----

    def _stillness(self) -> list[bool]:
        """The states from which all digits are zeros."""
        still = [row[1:].count(-1) == 9 and minus < 0 for row, minus in zip(self.digits, self.minus, strict=True)]
        changed = True
        while changed:
            changed = False
            for q in range(len(still)):
                if still[q] and any(t >= 0 and not still[t] for t in (self.digits[q][0], self.point[q])):
                    still[q], changed = False, True
        return still

    def _closing(self) -> list[bool]:
        """The states from which zeros at most lead to the end of the digits."""
        closes = list(self.spelling.finals)
        changed = True
        while changed:
            changed = False
            for q in range(len(closes)):
                if not closes[q] and any(t >= 0 and closes[t] for t in (self.digits[q][0], self.point[q])):
                    closes[q] = changed = True
        return closes

    def _longest(self) -> list[int | None]:
        """The most digits that can follow, up to where only zeros do; None: no limit."""
        targets = [[] if still else sorted({t for t in row if t >= 0}) for row, still in zip(self.digits, self._still, strict=True)]
        back: list[list[int]] = [[] for _ in targets]
        for q, row in enumerate(targets):
            for t in row:
                back[t].append(q)
        left = [len(row) for row in targets]
        longest: list[int | None] = [None] * len(targets)
        work = [q for q, n in enumerate(left) if not n]
        for q in work:
            longest[q] = max([(longest[t] or 0) + 1 for t in targets[q]], default=0)
            for p in back[q]:
                left[p] -= 1
                if not left[p]:
                    work.append(p)
        return longest

    def _longest_part(self) -> int | None:
        """The most digits behind a point that matter."""
        longest = 0
        for t in self.point:
            if t >= 0:
                more = self._whole[t]
                if more is None:
                    return None
                longest = max(longest, more)
        return longest

    # ---- is there a way to the end ----

    def runs(self, q: int, n: int, part: int) -> list[Run]:
        """The numbers spelled by n digits from a state and then, where `part` > 0, a point and so many digits; to the end but for zeros."""
        key = (q, n, part)
        found = self._runs.get(key)
        if found is not None:
            return found
        if self._still[q]:
            found = [(0, 1, 0)] if self._closes[q] else []
        elif n == 0:
            found = (self.runs(self.point[q], part, 0) if self.point[q] >= 0 else []) if part else [(0, 1, 0)] if self._closes[q] else []
        else:
            found = [(0, 1, 0)] if self._closes[q] else []
            unit = 10 ** (n + part - 1)
            for d, t in enumerate(self.digits[q]):
                if t >= 0:
                    for first, gap, last in self.runs(t, n - 1, part):
                        _append(found, (first + d * unit, gap, last + d * unit))
        self._runs[key] = found
        return found

    def _shapes(self, q: int) -> Iterator[tuple[int, int]]:
        """How many digits may follow before the point and after it."""
        whole, part = self._whole[q], self._part
        here = MAX_DIGITS + 50 if whole is None else whole
        for n in range(here + 1):
            yield n, 0
        for behind in range(1, (MAX_DIGITS + 50 if part is None else part) + 1):
            for n in range(here + 1):
                yield n, behind

    def way(self, q: int, r: int) -> str | None:
        """A way to the end from a state and a remainder, but for zeros behind it; None if there is none."""
        if self._closes[q] and self.hits(r):
            return ""
        if self._still[q]:
            return None
        modulus = self.modulus
        for n, part in self._shapes(q):
            wanted = -r * 10 ** (n + part) % modulus
            for run in self.runs(q, n, part):
                v = self._hit(run, wanted)
                if v is not None:
                    if self._covers(run):
                        self._always.add(q)
                    text = f"{v:0{n + part}d}" if n + part else ""
                    return f"{text[:n]}.{text[n:]}" if part else text
        return None

    def _is_open(self, q: int) -> bool:
        """Whether there is a way from every remainder, as far as looked ahead."""
        if not any(self._covers(run) for n in range(MAX_DIGITS + 50) for run in self.runs(q, n, 0)):
            return False
        self._always.add(q)
        return True

    def hits(self, r: int) -> bool:
        """Whether a text may end with this remainder."""
        return (r == 0) is self.wanted

    def is_live(self, q: int, r: int) -> bool:
        """Whether there is a way to the end."""
        if q in self._always or (self._closes[q] and self.hits(r)):
            return True
        if self.minus[q] >= 0 and self.is_live(self.minus[q], r):
            return True
        return self.way(q, r) is not None

    def _step(self, gap: int) -> tuple[int, int]:
        """The common divisor of a gap and the modulus, and the inverse of the gap without it."""
        found = self._inverse.get(gap)
        if found is None:
            common = gcd(gap, self.modulus)
            found = self._inverse[gap] = common, pow(gap // common, -1, self.modulus // common)
        return found

    def _hit(self, run: Run, wanted: int) -> int | None:
        """A number of the run that is `wanted` modulo M, or is not."""
        first, gap, last = run
        modulus = self.modulus
        if not self.wanted:
            if first % modulus != wanted:
                return first
            return first + gap if last > first and gap % modulus else None
        common, inverse = self._step(gap)
        distance = wanted - first
        if distance % common:
            return None
        v = first + distance // common * inverse % (modulus // common) * gap
        return v if v <= last else None

    def _covers(self, run: Run) -> bool:
        """Whether some number of the run is right for every remainder."""
        first, gap, last = run
        if not self.wanted:
            return last > first and gap % self.modulus != 0
        return self._step(gap)[0] == 1 and last - first >= (self.modulus - 1) * gap

    # ---- expressions ----

    def expr(self) -> Expr:
        """All the texts; NEVER if there are none."""
        return self.rule(0, 0) if self.is_live(0, 0) else NEVER

    def rule(self, q: int, r: int) -> Rule:
        """What follows in a state and with a remainder that have a way to the end."""
        found = self._rules.get((q, r))
        if found is None:
            found = self._rules[(q, r)] = Rule(partial(self._made, q, r), "multiple")
        return found

    def _made(self, q: int, r: int) -> Expr:
        with self._lock:
            return self._body(q, r)

    def _body(self, q: int, r: int) -> Expr:
        """The ends, the moves, and once more, as one literal, a way to the end: who looks for an end need not unfold others."""
        if self._still[q]:
            return number_leaf(self.spelling.residual(q))
        edges: list[tuple[int, Expr | None, int]] = []
        if self.hits(r) and self.spelling.finals[q]:
            edges.append((0, None, 1))
        moves = [(str(d), t, (10 * r + d) % self.modulus) for d, t in enumerate(self.digits[q])]
        moves += [(".", self.point[q], r), ("-", self.minus[q], r)]
        edges += [(0, seq(Lit(c.encode()), self.rule(t, after)), 1) for c, t, after in moves if t >= 0 and self.is_live(t, after)]
        text, t, after = self._ending(q, r)
        if len(text) > 1:
            last = () if self.spelling.finals[t] else (self.rule(t, after),)
            edges.append((0, seq(Lit(text.encode()), *last), 1))
        return Net(2, edges, (1,))

    def _ending(self, q: int, r: int) -> tuple[str, int, int]:
        """A way to the end, the state and the remainder there; behind it are zeros at most."""
        way = self.way(q, r) or ""
        for i, c in enumerate(way):
            if self._closes[q] and self.hits(r):
                return way[:i], q, r
            q, r = (self.point[q], r) if c == "." else (self.digits[q][int(c)], (10 * r + int(c)) % self.modulus)
        return way, q, r


def _append(runs: list[Run], run: Run) -> None:
    """Adds a run behind the others, as one with the last of them where they are one progression."""
    first, gap, last = run
    if runs:
        begin, before, end = runs[-1]
        between = first - end
        if between <= 0:  # zero again
            if last == end:
                return
            first, between = first + gap, first + gap - end
            if first == last:
                gap = 1
        if (begin == end or before == between) and (first == last or gap == between):
            runs[-1] = (begin, between, last)
            return
        if end != begin and first != last and begin + before == end and gap == between:
            runs[-1] = (begin, 1, begin)  # of two numbers the second goes with those behind it
            runs.append((end, gap, last))
            return
    runs.append((first, gap, last))
