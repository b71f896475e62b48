"""The automaton table of JSON numbers without exponent: signs and phases around the machine that reads digits.

A state is a tuple, found breadth first and numbered in that order:

    ()                                           before the number
    (-1,)                                        after a minus sign
    (sign, phase, count, plain)                  in the mantissa: digits in this part (where limited), state of the machine; sign 0 where
                                                 it does not matter any more
    ("e", ...)                                   in an exponent, where every one is allowed (`numbers_power`)

Not here: what is counted while digits are read (`numbers_plain`), limits and conditions (`numbers`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from structgen.frontends.jsonschema.numbers_plain import LESS, OK, ZEROS, Plain, State, alike
from structgen.frontends.jsonschema.numbers_power import DIGIT, DOT, MINUS, POWER, explored, power_edges
from structgen.ir.chars import Alphabet
from structgen.ir.regular_tables import Row

ZERO, WHOLE, POINT, PART = range(4)
"""Phases of a mantissa: after the whole part "0"; in another whole part; after the point; in the fraction."""

Edges = Iterable[tuple[Sequence[int], Any]]
"""Pairs of columns and the state that they lead to; other columns are dead."""


@dataclass(frozen=True, slots=True, eq=False)
class Branch:
    """The machine for one sign. `powers`: whether every exponent may follow every number. `bare`: no decimal point."""

    plain: Plain
    powers: bool
    bare: bool


def table(
    branches: dict[int, Branch], limits: tuple[int | None, int | None], exponents: int | None, budget: int
) -> tuple[Alphabet, list[Row], list[bool]]:
    """The table for `CharDFA.from_table`. `branches`: by sign; `limits`: the most digits before and after the point (None: no limit).

    Where both signs have the same branch, they share its states. Raises BudgetExceeded where there are more than `budget` states.
    """
    return explored((), _Walk(branches, limits, exponents).edges, budget)


class _Walk:
    """The transitions of signs and mantissas."""

    def __init__(self, branches: dict[int, Branch], limits: tuple[int | None, int | None], exponents: int | None) -> None:
        self.branches, self.limits, self.exponents = branches, limits, exponents
        self.shared = branches.get(-1) is branches.get(1)
        self.units = {sign: tuple([m.unit for m in branch.plain.moduli]) for sign, branch in branches.items()}
        some = next(iter(branches.values()))
        self.branches = {**branches, 0: Branch(some.plain, False, some.bare)}  # for what does not depend on a sign any more
        self.units[0] = self.units[1 if 1 in branches else -1]

    def edges(self, state: Any) -> tuple[Edges, bool]:
        """The edges of a state, and whether a number may end there."""
        if len(state) < 2:
            return self._sign(state), False
        if not isinstance(state[0], int):
            return power_edges(state, self.exponents)
        sign, phase, count, plain = state
        branch = self.branches[sign]
        after = branch.plain.point(plain) if phase <= WHOLE else plain
        final = phase != POINT and after is not None and branch.plain.ends(after)
        found: list[tuple[Sequence[int], Any]] = []
        if phase <= WHOLE and after is not None and not branch.bare:
            found.append(((DOT,), self._state(sign, POINT, 0, after)))
        if branch.powers and final:
            found.append(((POWER,), ("e", None, None)))
        limit = self.limits[phase != WHOLE]
        if phase != ZERO and (limit is None or count < limit):
            found += self._digits(state)
        return found, final

    def _sign(self, state: tuple[int, ...]) -> Edges:
        """From the states before a number and after a minus sign."""
        found: list[tuple[Sequence[int], Any]] = []
        if not state and -1 in self.branches:
            found.append(((MINUS,), (-1,)))
        sign = -1 if state else 1
        if sign in self.branches:
            start = self.branches[sign].plain.start
            sign = 1 if self.shared else sign
            found.append(((DIGIT,), self._state(sign, ZERO, 0, start)))
            found += self._digits((sign, WHOLE, 0, start), first=True)
        return found

    def _state(self, sign: int, phase: int, count: int, plain: State) -> Any:
        """The state, without the sign where it does not matter."""
        if not self.branches[sign].powers and (plain == ZEROS or (plain[1] == OK and plain[2] in (LESS, OK))):
            sign = 0
        return sign, phase, count, plain

    def _digits(self, state: Any, *, first: bool = False) -> list[tuple[Sequence[int], Any]]:
        """The edges of digits. `first`: without "0"."""
        sign, phase, count, plain = state
        machine = self.branches[sign].plain
        whole = phase == WHOLE
        step = machine.whole if whole else machine.part
        phase = WHOLE if whole else PART
        count = 0 if self.limits[not whole] is None else count + 1
        marks = machine.marks(plain, not whole)
        groups = _places((0, *marks), self.units[sign])[1:] if first else _places(marks, self.units[sign])
        return [(places, self._state(sign, phase, count, after)) for d, places in groups if (after := step(plain, d)) is not None]


@lru_cache(maxsize=1024)
def _places(marks: tuple[int, ...], units: tuple[int, ...]) -> list[tuple[int, tuple[int, ...]]]:
    """The digits that are alike: the first of them and the columns of all."""
    return [(group[0], tuple([DIGIT + d for d in group])) for group in alike(marks, units)]
