"""The automaton table of JSON numbers without exponent: signs and phases around the machine that reads digits.

A state is a tuple, found breadth first and numbered in that order:

    ()                                           before the number
    (-1,)                                        after a minus sign
    (sign, phase, count, plain)                  in the mantissa: digits in this part (where limited), state of the machine
    ("e", ...)                                   in an exponent, where every one is allowed (`numbers_power`)

Not here: what is counted while digits are read (`numbers_plain`), limits and conditions (`numbers`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from structgen.frontends.jsonschema.numbers_plain import Plain, alike
from structgen.frontends.jsonschema.numbers_power import DIGIT, DOT, MINUS, POWER, columns, power_edges
from structgen.ir.chars import Alphabet
from structgen.ir.regular_tables import Row, exceeded

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
    alphabet, places = columns()
    walk = _Walk(branches, limits)
    index: dict[Any, int] = {(): 0}
    order: list[Any] = [()]
    rows: list[Row] = []
    finals: list[bool] = []
    for state in order:
        numbers = [-1] * (DIGIT + 11)  # the last one for characters outside numbers
        edges: Edges
        if len(state) < 2:
            edges, final = walk.sign(state), False
        elif isinstance(state[0], int):
            edges, final = walk.mantissa(state), walk.final(state)
        else:
            edges, final = power_edges(state, exponents)
        for group, target in edges:
            found = index.get(target)
            if found is None:
                found = index[target] = len(order)
                order.append(target)
            for place in group:
                numbers[place] = found
        if len(order) > budget:
            raise exceeded(budget)
        rows.append(tuple([numbers[c] for c in places]))
        finals.append(final)
    return alphabet, rows, finals


class _Walk:
    """The transitions of signs and mantissas."""

    def __init__(self, branches: dict[int, Branch], limits: tuple[int | None, int | None]) -> None:
        self.branches, self.limits = branches, limits
        self.shared = branches.get(-1) is branches.get(1)
        self.units = {sign: tuple([m.unit for m in branch.plain.moduli]) for sign, branch in branches.items()}

    def sign(self, state: tuple[int, ...]) -> Edges:
        """From the states before a number and after a minus sign."""
        if not state and -1 in self.branches:
            yield (MINUS,), (-1,)
        sign = -1 if state else 1
        if sign in self.branches:
            start = self.branches[sign].plain.start
            sign = 1 if self.shared else sign
            yield (DIGIT,), (sign, ZERO, 0, start)
            yield from self._digits((sign, WHOLE, 0, start), first=True)

    def final(self, state: Any) -> bool:
        """Whether a number may end in a mantissa."""
        sign, phase, _, plain = state
        return phase != POINT and self.branches[sign].plain.ends(plain, phase == PART)

    def mantissa(self, state: Any) -> Edges:
        """From a state in a mantissa."""
        sign, phase, count, plain = state
        branch = self.branches[sign]
        if phase <= WHOLE and not branch.bare:
            after = branch.plain.point(plain)
            if after is not None:
                yield (DOT,), (sign, POINT, 0, after)
        if branch.powers and self.final(state):
            yield (POWER,), ("e", None, None)
        limit = self.limits[phase != WHOLE]
        if phase != ZERO and (limit is None or count < limit):
            yield from self._digits(state)

    def _digits(self, state: Any, *, first: bool = False) -> Edges:
        """The edges of digits. `first`: without "0"."""
        sign, phase, count, plain = state
        machine = self.branches[sign].plain
        whole = phase == WHOLE
        more = 0 if self.limits[not whole] is None else count + 1
        for group in alike(frozenset(machine.marks(plain, not whole)), self.units[sign])[first:]:
            after = machine.whole(plain, group[0]) if whole else machine.part(plain, group[0])
            if after is not None:
                yield [DIGIT + d for d in group], (sign, WHOLE if whole else PART, more, after)
