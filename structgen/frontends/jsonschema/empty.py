"""Emptiness: which goals have a value at all, decided over required parts only.

A goal has a value when one of its shapes has. A scalar shape tells by itself. An array needs values for the items that must be there, an
object for its required properties: these needs make a graph, and the goals with values are its least fixpoint. So a list whose every
element needs another element is found empty, and a tree with optional children is not. The graph is explored only as far as the question
needs, without recursion.

Not here: the quick test that prunes alternatives (`overlap`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from structgen.errors import BudgetExceeded, UnsupportedFeature
from structgen.frontends.jsonschema import arrays, keys, scalars, strings
from structgen.frontends.jsonschema.algebra import Algebra
from structgen.frontends.jsonschema.load import located
from structgen.frontends.jsonschema.node import FALSE, TRUE, Goal
from structgen.frontends.jsonschema.shapes import Arr, Form, Obj

Live = Callable[[Goal], bool]

TooMuch = BudgetExceeded | UnsupportedFeature
TOO_MUCH: Final = (BudgetExceeded, UnsupportedFeature)
"""What is raised where something cannot be worked out, and a superset will do for those who relax."""


class Need(NamedTuple):
    """One way to have a value: `test` says whether it is open, given which goals have values. It asks about `goals` only."""

    test: Callable[[Live], bool]
    goals: Sequence[Goal]


ALWAYS: Final = Need(lambda _: True, ())


class Emptiness:
    """Answers for the goals of one algebra; all are remembered.

    `relax`: goals that cannot be worked out are taken to have values, and kept in `dark`.
    """

    def __init__(self, algebra: Algebra, *, relax: bool = False) -> None:
        self.algebra, self.relax = algebra, relax
        self.dark: dict[Goal, TooMuch] = {}
        self._known: dict[Goal, bool] = {TRUE: True, FALSE: False}
        self._needs: dict[Goal, list[Need] | None] = {}  # None: has a value at once

    def live(self, goal: Goal) -> bool:
        """True where some value satisfies the goal."""
        found = self._known.get(goal)
        if found is None:
            if self.needs(goal) is None:
                return True
            try:
                self._search(goal)
            except TOO_MUCH as error:
                self._darken(goal, error)
                self._known[goal] = True
            found = self._known[goal]
        return found

    def shape_live(self, shape: Arr | Obj) -> bool:
        """True where some array or object satisfies the shape."""
        need = self._need(shape)
        return need is ALWAYS or need.test(self.live)

    def needs(self, goal: Goal) -> list[Need] | None:
        """What a goal needs; None where it has a value without needing anything."""
        if goal in self._needs:
            return self._needs[goal]
        found: list[Need] | None = None
        try:
            found = self._explore(self.algebra.form(goal))
        except TOO_MUCH as error:
            self._darken(goal, error)
        if found is None:
            self._known[goal] = True
        self._needs[goal] = found
        return found

    def _darken(self, goal: Goal, error: TooMuch) -> None:
        if not self.relax:
            raise located(error, self.algebra.nodes[goal[0] >> 1].cell) if isinstance(error, BudgetExceeded) else error
        self.dark[goal] = error

    def _is_open(self, goal: Goal, needs: Sequence[Need], live: Live) -> bool:
        """Whether one of the needs of a goal is met."""
        try:
            return any(need.test(live) for need in needs)
        except TOO_MUCH as error:
            self._darken(goal, error)
            return True

    def _explore(self, form: Form) -> list[Need] | None:
        if form.null or form.boolean:
            return None
        if any(scalars.is_live(one) for one in form.number) or any(strings.is_live(one) for one in form.string):
            return None
        found: list[Need] = []
        shapes: list[Arr | Obj] = [*form.array, *form.object]
        for shape in shapes:
            need = self._need(shape)
            if need is ALWAYS:
                return None
            found.append(need)
        return found

    def _need(self, shape: Arr | Obj) -> Need:
        if shape.among is not None:
            return ALWAYS if self.algebra.census.has_constant(shape) else Need(_never, ())
        if isinstance(shape, Arr):
            if not shape.low and not shape.contains and not shape.apart and shape.unique is not False:
                return ALWAYS
            test, goals = arrays.need(shape, self.algebra)
        else:
            if not shape.required and not shape.low and not shape.some and not shape.apart:
                return ALWAYS
            test, goals = keys.need(shape, self.algebra)
        return Need(test, goals) if goals or not test(_nothing) else ALWAYS

    def _search(self, root: Goal) -> None:
        known = self._known
        waiting: dict[Goal, list[Goal]] = {}  # a goal -> the goals that may profit when it turns out to have a value
        seen, todo = {root}, [root]
        holds = known.get

        def live(goal: Goal) -> bool:
            return holds(goal) is True

        while todo and root not in known:
            goal = todo.pop()
            if goal in known:
                continue
            needs = self.needs(goal)
            if needs is None:
                continue
            asked = dict.fromkeys(one for need in needs for one in need.goals)
            for one in asked:
                if one not in known:
                    self.needs(one)  # most have a value at once
            if self._is_open(goal, needs, live):
                self._settle(goal, waiting, live)
                continue
            for one in asked:
                if one not in known:
                    waiting.setdefault(one, []).append(goal)
                    if one not in seen:
                        seen.add(one)
                        todo.append(one)
        if root not in known:
            for goal in seen:  # everything they need was looked at
                known.setdefault(goal, False)

    def _settle(self, goal: Goal, waiting: dict[Goal, list[Goal]], live: Live) -> None:
        """Notes that a goal has a value, and what follows from that."""
        todo = [goal]
        while todo:
            one = todo.pop()
            if self._known.get(one) is not None:
                continue
            self._known[one] = True
            for other in waiting.pop(one, ()):
                if other not in self._known and self._is_open(other, self._needs[other] or (), live):
                    todo.append(other)


def _nothing(_: Goal) -> bool:
    return False


def _never(_: Live) -> bool:
    return False
