"""Values of a goal, one by one: is a value among them, and what are they, up to a limit.

Unique items need both: so many different values must be there, and which are left depends on those that came. Values are counted by the
depth of their nesting, from scalars up, until there are enough or nothing new can come (the least fixpoint, as in `empty`).

Not here: the texts of values.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import combinations, count, islice
from typing import TYPE_CHECKING, Any, Final

from structgen.errors import BudgetExceeded
from structgen.frontends.jsonschema import keys, scalars, strings
from structgen.frontends.jsonschema.constants import ARRAY, BOOLEAN, OBJECT, Constant, Rational
from structgen.frontends.jsonschema.contains import State, Steps
from structgen.frontends.jsonschema.node import FALSE, Goal
from structgen.frontends.jsonschema.shapes import Arr, Form, Num, Obj, has_number, is_constant, only

if TYPE_CHECKING:
    from structgen.frontends.jsonschema.algebra import Algebra

LONGEST: Final = 300
"""The most items of an array that is put together from values."""

MAX_STEPS: Final = 200_000
"""The most values that are put together for one answer."""


Values = tuple[Constant, ...]


class Census:
    """Answers for the goals of one algebra."""

    def __init__(self, algebra: Algebra) -> None:
        self.algebra = algebra
        self._has: dict[tuple[Goal, Constant], bool] = {}
        self._values: dict[tuple[Goal, int], tuple[Constant, ...]] = {}
        self._settled: dict[Arr | Obj, tuple[Constant, ...]] = {}
        self._steps = 0

    # ---- is it one ----

    def has(self, goal: Goal, value: Constant) -> bool:
        """Whether the value satisfies the goal."""
        if not goal or goal == FALSE:
            return not goal
        key = (goal, value)
        found = self._has.get(key)
        if found is None:
            found = self._has[key] = self._holds(self.algebra.form(goal), value)
        return found

    def _holds(self, form: Form, value: Constant) -> bool:
        if value is None:
            return form.null
        if isinstance(value, str):
            return any(strings.has_string(one, value) for one in form.string)
        if isinstance(value, Rational):
            return any(has_number(one, value) for one in form.number)
        assert isinstance(value, tuple)
        if value[0] == BOOLEAN:
            return bool(form.boolean & (2 if value[1] else 1))
        if value[0] == ARRAY:
            return any(self._is_array(one, value) for one in form.array)
        return any(self._is_object(one, value) for one in form.object)

    def _is_array(self, shape: Arr, value: tuple[Constant, ...]) -> bool:
        items = value[1:]
        if shape.among is not None and value not in shape.among.values:
            return False
        if len(items) < shape.low or (shape.high is not None and len(items) > shape.high) or value in shape.apart:
            return False
        if shape.unique is not None and (len(set(items)) == len(items)) is not shape.unique:
            return False
        if not all(self.has(shape.item(i), one) for i, one in enumerate(items)):
            return False
        for one in shape.contains:
            hits = sum(self.has(one.goal, item) for item in items[one.start :])
            if hits < one.low or (one.high is not None and hits > one.high):
                return False
        return True

    def _is_object(self, shape: Obj, value: tuple[Constant, ...]) -> bool:
        if shape.among is not None and value not in shape.among.values:
            return False
        members = keys.members_of(value)
        if len(members) < shape.low or (shape.high is not None and len(members) > shape.high) or value in shape.apart:
            return False
        if not all(name in members for name in shape.required):
            return False
        if any(all(name in members for name in names) and not all(name in members for name in others) for names, others in shape.needs):
            return False
        if not all(self.has(shape.goal(name), one) and self.has(shape.names, name) for name, one in members.items()):
            return False
        return all(
            any(keys.meets(one, name, self.algebra) and self.has(one.value, item) for name, item in members.items()) for one in shape.some
        )

    def settled(self, shape: Arr | Obj) -> tuple[Constant, ...]:
        """The constants of a shape `among` some that satisfy what else it asks for."""
        assert shape.among is not None
        if is_constant(shape):
            return tuple(shape.among.values)
        found = self._settled.get(shape)
        if found is None:
            values: Any = shape.among.values
            holds = [one for one in values if (self._is_array(shape, one) if isinstance(shape, Arr) else self._is_object(shape, one))]
            found = self._settled[shape] = tuple(holds)
        return found

    def has_constant(self, shape: Arr | Obj) -> bool:
        """Whether there are such constants."""
        return is_constant(shape) or bool(self.settled(shape))

    # ---- which are there ----

    def values(self, goal: Goal, limit: int) -> Values:
        """At least `limit` values (some more); where there are fewer, these are all. Raises BudgetExceeded."""
        limit = 1 << max(limit - 1, 1).bit_length()  # few different limits
        found = self._values.get((goal, limit))
        if found is None:
            found = self._values[(goal, limit)] = self._counted(self.algebra.form(goal), limit)
        return found

    def has_array(self, shape: Arr) -> bool:
        """Whether some array satisfies the shape. Raises BudgetExceeded."""
        if shape.among is not None:
            return self.has_constant(shape)
        if shape.unique and not shape.contains and not shape.apart and (shape.high is None or shape.low <= shape.high):
            goals = {shape.item(i): None for i in range(min(shape.low, len(shape.prefix) + 1))}
            values = {goal: self.values(goal, shape.low) for goal in goals}
            return has_representatives([values[shape.item(i)] for i in range(shape.low)])
        return bool(self._counted(only("array", (shape,)), 1))

    def _counted(self, form: Form, limit: int) -> Values:
        width = limit
        while True:
            try:
                return self._fixpoint(form, limit, width)
            except _Wider as wider:
                width = limit + wider.extra

    def _fixpoint(self, form: Form, limit: int, width: int) -> Values:
        self._steps, before, root = 0, _Table(width, limit), None
        for depth in count():
            table = _Table(width, limit, before)
            found = tuple(islice(dict.fromkeys(self._of(form, table)), limit))
            if len(found) >= limit:
                return found
            done = 0
            while done < len(table.asked):  # it grows meanwhile
                for goal in list(table.asked)[done:]:
                    self._at(goal, before)
                    done += 1
            if depth and found == root and before.below is not None and before.rows == before.below.rows:
                return found
            before, root = table, found
        raise AssertionError

    def _at(self, goal: Goal, table: _Table) -> Values:
        found = table.rows.get(goal)
        if found is None:
            table.asked.setdefault(goal)
            found = table.rows[goal] = tuple(islice(dict.fromkeys(self._of(self.algebra.form(goal), table)), table.width))
        return found

    def _of(self, form: Form, table: _Table) -> Iterator[Constant]:
        """As many values of each alternative as the table is wide, containers made of values of the table below."""
        limit = table.width
        if form.null:
            yield None
        for bit, value in ((1, False), (2, True)):
            if form.boolean & bit:
                yield (BOOLEAN, value)
        for number in form.number:
            yield from islice(numbers(number), limit)
        for string in form.string:
            yield from strings.some(string, limit)
        shapes: list[Arr | Obj] = [*form.array, *form.object]
        for shape in shapes:
            if shape.among is not None:
                yield from self.settled(shape)[:limit]
            elif table.below is not None:
                made = self._arrays(shape, table.below) if isinstance(shape, Arr) else self._objects(shape, table.below)
                yield from islice(made, limit)

    def _step(self) -> None:
        self._steps += 1
        if self._steps > MAX_STEPS:
            raise BudgetExceeded(
                "whether there are enough different values takes too long to find out", hint="Make the items less entangled."
            )

    def _arrays(self, shape: Arr, below: _Table) -> Iterator[Constant]:
        steps = Steps(shape, self.algebra)
        least = max(len(shape.prefix), shape.low, *(one.start for one in shape.contains), 0) + sum(one.low for one in shape.contains)
        below.need(least + len(shape.apart) + 1)
        longest = least + len(shape.apart) + below.width if shape.high is None else shape.high  # a longer one could do without an item
        if shape.low > LONGEST:
            raise BudgetExceeded(
                f"an array with contains, constants or repetitions has {shape.low:,} items", hint=f"Lower minItems to {LONGEST}."
            )
        for size in range(shape.low, longest + 1):
            if size and not self._at(shape.item(size - 1), below):
                return
            for lists in self._ways(steps, size, below):
                for items in self._chosen(lists, shape.unique):
                    value: Values = (ARRAY, *items)
                    if self._is_array(shape, value):
                        yield value

    def _ways(self, steps: Steps, size: int, below: _Table) -> Iterator[tuple[Values, ...]]:
        """What the items of an array of this size may be: values for each place, one way for every choice of what an item counts for."""
        todo: list[tuple[State, tuple[Values, ...]]] = [(steps.start, ())]
        while todo:
            self._step()
            state, so_far = todo.pop()
            left = size - len(so_far)
            if not left:
                if steps.may_end(state):
                    yield so_far
            elif all(one.low - hits <= left for one, hits in zip(steps.shape.contains, state.hits, strict=True)):
                ways = [(after, (*so_far, some)) for goal, after in steps.steps(state) if (some := self._at(goal, below))]
                todo += reversed(ways)

    def _chosen(self, lists: Sequence[Values], unique: bool | None) -> Iterator[Values]:
        """One value from each list; all different, or not all, where that is asked for."""
        if unique is False:
            for i, j in combinations(range(len(lists)), 2):
                for value in lists[i]:
                    if value in lists[j]:
                        yield from self._chosen([(value,) if k in (i, j) else one for k, one in enumerate(lists)], None)
            return
        todo: list[Values] = [()]
        while todo:
            so_far = todo.pop()
            self._step()
            if len(so_far) == len(lists):
                yield so_far
            elif not unique:
                todo += [(*so_far, value) for value in reversed(lists[len(so_far)])]
            else:
                rest = [tuple([value for value in one if value not in so_far]) for one in lists[len(so_far) :]]
                if has_representatives(rest):
                    todo += [(*so_far, value) for value in reversed(rest[0])]

    def _objects(self, shape: Obj, below: _Table) -> Iterator[Constant]:
        plan = keys.plan(shape, self.algebra)
        if not plan.possible:
            return
        below.need(len(shape.apart) + 1)
        members = [(one.name, self._at(one.goal, below), one.required) for one in plan.members]
        for other in plan.others:
            values = self._at(other.goal, below)
            names = other.names(shape.low + below.width + len(other.taken))
            members += [(name, values, False) for name in names if name not in other.taken]
        yield from self._joined(shape, [one for one in members if one[1] or one[2]])

    def _joined(self, shape: Obj, members: Sequence[tuple[str, Values, bool]]) -> Iterator[Constant]:
        """Objects of some of the members (all that are required), those with few first."""
        todo: list[Iterator[tuple[int, dict[str, Constant]]]] = [iter([(0, {})])]
        while todo:
            found = next(todo[-1], None)
            if found is None:
                todo.pop()
                continue
            self._step()
            at, so_far = found
            left = len(so_far) + len(members) - at
            if left < shape.low or (shape.high is not None and len(so_far) > shape.high):
                continue
            if at < len(members):
                todo.append(_with(members[at], at, so_far, may_skip=left > shape.low))
                continue
            value: Values = (OBJECT, *((key, so_far[key]) for key in sorted(so_far)))
            if self._is_object(shape, value):
                yield value


def _with(
    member: tuple[str, Values, bool], at: int, so_far: dict[str, Constant], *, may_skip: bool
) -> Iterator[tuple[int, dict[str, Constant]]]:
    """An object without one more member, where it is not required, and with each of its values."""
    name, values, required = member
    if not required and may_skip:
        yield at + 1, so_far
    for one in values:
        yield at + 1, {**so_far, name: one}


class _Wider(Exception):
    """The lists of values are too short: `extra` more are needed than the answer is to have."""

    def __init__(self, extra: int) -> None:
        self.extra = extra


class _Table:
    """The values of goals up to some depth of nesting, `width` of each; `below`: those of one level less; `asked`: goals of all levels."""

    def __init__(self, width: int, limit: int, below: _Table | None = None) -> None:
        self.width, self.limit, self.below = width, limit, below
        self.rows: dict[Goal, Values] = {}
        self.asked: dict[Goal, None] = {} if below is None else below.asked

    def need(self, extra: int) -> None:
        """Have lists that are longer than the answer by so much."""
        if self.width < self.limit + extra:
            raise _Wider(1 << extra.bit_length())


def has_representatives(lists: Sequence[Sequence[Constant]]) -> bool:
    """Whether a different value can be taken from each list (Hall's condition, by augmenting paths)."""
    small = [one for one in lists if len(one) < len(lists)]  # from the others, something is always left
    owner: dict[Constant, int] = {}
    taken: dict[int, Constant] = {}

    def place(first: int) -> bool:
        came: dict[Constant, int] = {}
        todo = [first]
        for i in todo:  # it grows meanwhile
            for value in small[i]:
                if value not in came:
                    came[value] = i
                    if value not in owner:
                        hand_on(value, came, first)
                        return True
                    todo.append(owner[value])
        return False

    def hand_on(free: Constant, came: dict[Constant, int], first: int) -> None:
        """Each list on the way takes the next one's value, and the last the free one."""
        i = came[free]
        while i != first:
            old, taken[i], owner[free] = taken[i], free, i
            free, i = old, came[old]
        taken[i], owner[free] = free, i

    return all(place(i) for i in range(len(small)))


def numbers(shape: Num) -> Iterator[Rational]:
    """The numbers of a shape; those that are dense come in ever smaller steps."""
    if shape.values is not None:
        yield from shape.values
        return
    step = scalars.step_of(shape)
    if step is not None:
        yield from (one for one in _multiples(shape, step) if has_number(shape, one))
        return
    if shape.low is not None and shape.low == shape.high:
        if has_number(shape, shape.low):
            yield shape.low
        return
    for digits in range(60):
        grain = Fraction(1, 10**digits)
        yield from (one for one in islice(_multiples(shape, grain), 100) if has_number(shape, one))


def _multiples(shape: Num, step: Fraction) -> Iterator[Fraction]:
    if shape.low is None and shape.high is None:
        yield Fraction(0)
        for k in count(1):
            yield k * step
            yield -k * step
    if shape.low is None:
        assert shape.high is not None
        yield from (k * step for k in count(math.floor(shape.high / step), -1))
    first = math.ceil(shape.low / step) if shape.low is not None else 0
    yield from (k * step for k in (count(first) if shape.high is None else range(first, math.floor(shape.high / step) + 1)))
