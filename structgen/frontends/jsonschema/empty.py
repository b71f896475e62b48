"""Emptiness: which goals have a value at all, decided over required parts only.

A goal has a value when one of its shapes has. A scalar shape tells by itself. An array needs values for the items that must be there, an
object for its required properties: these needs make a graph, and the goals with values are its least fixpoint. So a list whose every
element needs another element is found empty, and a tree with optional children is not. The graph is explored only as far as the question
needs, without recursion.

Not here: the quick test that prunes alternatives (`overlap`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from structgen.errors import BudgetExceeded, UnsupportedFeature
from structgen.frontends.jsonschema import arrays, keys, scalars, strings
from structgen.frontends.jsonschema.algebra import Algebra
from structgen.frontends.jsonschema.load import located
from structgen.frontends.jsonschema.node import ALL, FALSE, OBJ, STR, TRUE, Goal, goal_of
from structgen.frontends.jsonschema.shapes import Arr, Form, Obj

Live = Callable[[Goal], bool]

DEPTH: Final = 8
"""How many levels of required properties are looked through at sight."""

TooMuch = BudgetExceeded | UnsupportedFeature
TOO_MUCH: Final = (BudgetExceeded, UnsupportedFeature)
"""What is raised where something cannot be worked out, and a superset will do for those who relax."""


Test = Callable[[Live], bool]
"""Whether one way to have a value is open, given which goals have values."""


def always(_: Live) -> bool:
    """Open whatever has values."""
    return True


class Emptiness:
    """Answers for the goals of one algebra; all are remembered.

    `dark`: goals that cannot be worked out. With `relax` they are taken to have values; else the error is raised whenever somebody asks.
    """

    def __init__(self, algebra: Algebra, *, relax: bool = False) -> None:
        self.algebra, self.relax = algebra, relax
        self.dark: dict[Goal, TooMuch] = {}
        self._failed: dict[Arr | Obj, TooMuch] = {}
        self._known: dict[Goal, bool] = {TRUE: True, FALSE: False}
        self._tests: dict[Arr | Obj, Test] = {}
        self._needs: dict[Goal, list[Test] | None] = {}  # None: has a value at once

    def live(self, goal: Goal) -> bool:
        """True where some value satisfies the goal."""
        found = self._known.get(goal)
        if found is None:
            if goal in self.dark:
                raise self.dark[goal].with_traceback(None)
            if self._surely(goal, DEPTH) or self.needs(goal) is None:
                return True
            try:
                self._search(goal)
            except TOO_MUCH as error:
                self._darken(goal, error)
                self._known[goal] = True
            found = self._known[goal]
        return found

    def _surely(self, goal: Goal, depth: int) -> bool:
        """True where a look at keywords tells that a goal has a value, as mostly; its form need not be made for that."""
        if self._known.get(goal):
            return True
        if len(goal) != 1 or goal[0] & 1:
            return False
        mask, required, said, strings = ALL, (), None, None
        for kind, payload, children in self.algebra.nodes[goal[0] >> 1].canon.items:
            if kind == "type":
                mask &= payload[0]
            elif kind == "object":
                said = payload, children
            elif kind == "required":
                required = payload
            elif kind == "enum" and strings is None:  # there may be a const, too
                strings = payload[3]
            elif kind != "array":
                return False
        if strings is not None:
            mask = mask & STR if strings else 0
        if required and mask == OBJ and said is not None:
            (names, patterns, has_rest), children = said
            if patterns or not depth:
                return False
            declared, rest = dict(zip(names, children, strict=False)), children[-1] if has_rest else None
            for name in required:
                child = declared.get(name, rest)
                if child is not None and not self._surely(goal_of(child), depth - 1):
                    return False
        if mask:
            self._known[goal] = True
        return bool(mask)

    def shape_live(self, shape: Arr | Obj) -> bool:
        """True where some array or object satisfies the shape."""
        if shape in self._failed:
            raise self._failed[shape].with_traceback(None)
        try:
            return self._need(shape)(self.live)
        except TOO_MUCH as error:
            self._failed[shape] = error
            raise

    def needs(self, goal: Goal) -> list[Test] | None:
        """What a goal needs; None where it has a value without needing anything."""
        if goal in self._needs:
            return self._needs[goal]
        found: list[Test] | None = None
        try:
            found = self._explore(self.algebra.form(goal))
        except TOO_MUCH as error:
            self._darken(goal, error)
        if found is None:
            self._known[goal] = True
        self._needs[goal] = found
        return found

    def _darken(self, goal: Goal, error: TooMuch) -> None:
        if self.relax:
            self.dark[goal] = error
            return
        self.dark[goal] = located(error, self.algebra.nodes[goal[0] >> 1].cell) if isinstance(error, BudgetExceeded) else error
        raise self.dark[goal]

    def _is_open(self, goal: Goal, needs: Sequence[Test], live: Live) -> bool:
        """Whether one of the needs of a goal is met."""
        try:
            return any(need(live) for need in needs)
        except TOO_MUCH as error:
            self._darken(goal, error)
            return True

    def _explore(self, form: Form) -> list[Test] | None:
        if form.null or form.boolean:
            return None
        for number in form.number:
            if scalars.is_live(number):
                return None
        for string in form.string:
            if strings.is_live(string):
                return None
        found: list[Test] = []
        shapes: list[Arr | Obj] = [*form.array, *form.object]
        for shape in shapes:
            need = self._need(shape)
            if need is always:
                return None
            found.append(need)
        return found

    def _need(self, shape: Arr | Obj) -> Test:
        found = self._tests.get(shape)
        if found is None:
            found = self._tests[shape] = self._test(shape)
        return found

    def _test(self, shape: Arr | Obj) -> Test:
        if shape.among is not None:
            return always if self.algebra.census.has_constant(shape) else _never
        if isinstance(shape, Arr):
            if not shape.low and not shape.contains and not shape.apart and shape.unique is not False:
                return always
            test = arrays.need(shape, self.algebra)
        else:
            if not shape.required and not shape.low and not shape.some and not shape.apart:
                return always
            test = keys.need(shape, self.algebra)
        return always if test(_nothing) else test

    def _search(self, root: Goal) -> None:
        known = self._known
        waiting: dict[Goal, list[Goal]] = {}  # a goal -> the goals that may profit when it turns out to have a value
        asked: dict[Goal, None] = {}
        seen, todo = {root}, [root]

        def live(goal: Goal) -> bool:
            if goal not in known:
                self.needs(goal)  # most have a value at once
            found = known.get(goal)
            if found is None:
                asked[goal] = None
            return found is True

        while todo and root not in known:
            goal = todo.pop()
            needs = None if goal in known else self.needs(goal)
            if needs is None:
                continue
            asked.clear()
            if self._is_open(goal, needs, live):
                known[goal] = True
                todo += waiting.pop(goal, ())
                continue
            for one in asked:
                waiting.setdefault(one, []).append(goal)
                if one not in seen:
                    seen.add(one)
                    todo.append(one)
        if root not in known:
            for goal in seen:  # everything they need was looked at
                known.setdefault(goal, False)


def _nothing(_: Goal) -> bool:
    return False


def _never(_: Live) -> bool:
    return False
