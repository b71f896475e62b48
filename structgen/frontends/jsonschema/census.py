"""Values of a goal, one by one: is a value among them, and what are they, up to a limit.

Unique items need both: so many different values must be there, and which are left depends on those that came. Values are counted by the
depth of their nesting, from scalars up, until there are enough or nothing new can come (the least fixpoint, as in `empty`).

Not here: the texts of values.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import partial
from itertools import count, islice
from typing import TYPE_CHECKING, Any, Final, TypeVar

from structgen.errors import BudgetExceeded
from structgen.frontends.jsonschema import keys, scalars, strings
from structgen.frontends.jsonschema.constants import ARRAY, BOOLEAN, Constant, Rational
from structgen.frontends.jsonschema.contains import Ends, Steps
from structgen.frontends.jsonschema.listing import Objects, Values, Ways, arrays, has_representatives
from structgen.frontends.jsonschema.node import FALSE, Goal
from structgen.frontends.jsonschema.shapes import Arr, Form, Num, Obj, has_number, is_constant, only

if TYPE_CHECKING:
    from structgen.frontends.jsonschema.algebra import Algebra

MAX_STEPS: Final = 200_000
"""The most values that are put together for one answer."""


class Census:
    """Answers for the goals of one algebra."""

    def __init__(self, algebra: Algebra) -> None:
        self.algebra = algebra
        self._has: dict[tuple[Goal, Constant], bool] = {}
        self._values: dict[tuple[Goal, int], Values | BudgetExceeded] = {}
        self._arrays: dict[tuple[Arr, frozenset[Constant]], bool | BudgetExceeded] = {}
        self._endless: dict[Goal, bool] = {}
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
        return _remembered(self._values, (goal, limit), lambda: self._counted(self.algebra.form(goal), limit))

    def has_many(self, goal: Goal, count: int) -> bool:
        """Whether there are at least so many values. Raises BudgetExceeded."""
        form = self.algebra.form(goal)
        found = self._endless.get(goal)
        if found is None:
            found = self._endless[goal] = self._is_endless(form)
        return found or any(_number_count(one) >= count for one in form.number) or len(self.values(goal, count)) >= count

    def _is_endless(self, form: Form) -> bool:
        """True where there certainly are infinitely many values."""
        if any(_number_count(one) == math.inf for one in form.number) or any(strings.is_endless(one) for one in form.string):
            return True
        return any(self._endless_object(one) for one in form.object if one.among is None and one.high is None)

    def _endless_object(self, shape: Obj) -> bool:
        """Whether one more member may always follow."""
        others = [one for one in keys.plan(shape, self.algebra).others if one.most is None and self.values(one.goal, 1)]
        return bool(others) and bool(self._counted(only("object", (shape,)), 1))

    def has_array(self, shape: Arr, taken: frozenset[Constant] = frozenset()) -> bool:
        """Whether some array of different items satisfies the shape, and none of them is `taken`. Raises BudgetExceeded."""
        return _remembered(self._arrays, (shape, taken), lambda: self._has_array(shape, taken))

    def _has_array(self, shape: Arr, taken: frozenset[Constant]) -> bool:
        if shape.high is not None and shape.low > shape.high:
            return False
        steps = Steps(shape, self.algebra)
        count = steps.least + len(taken) + 1
        known: dict[Goal, Values | None] = {}

        def few(goal: Goal) -> Values | None:
            if goal not in known:
                many = self.has_many(goal, count)
                known[goal] = None if many else tuple([value for value in self.values(goal, count) if value not in taken])
            return known[goal]

        if not shape.contains and not shape.apart:
            lists = [few(shape.item(i)) for i in range(shape.low)]
            return has_representatives([one for one in lists if one is not None])
        if all(few(goal) in (None, ()) for goal in steps.goals(steps.start)):  # whatever is there can differ
            return Ends(steps, lambda goal: few(goal) is None).can_end(steps.start)
        self._steps = 0
        ways = Ways(shape, self.algebra, lambda goal: few(goal) != (), few)
        return next(ways.ends(self._step), None) is not None

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
                yield from islice(self._made(shape, table.below), limit)

    def _step(self) -> None:
        self._steps += 1
        if self._steps > MAX_STEPS:
            raise BudgetExceeded(
                "whether there are enough different values takes too long to find out", hint="Make the items less entangled."
            )

    def _made(self, shape: Arr | Obj, below: _Table) -> Iterator[Constant]:
        """The containers of one shape, of values of the table below."""
        row = partial(self._at, table=below)
        if isinstance(shape, Arr):
            below.need(Steps(shape, self.algebra).least + 3)
            return arrays(shape, self.algebra, row, below.width, self._step)
        below.need(len(shape.apart) + 1)
        every = Objects(shape, self.algebra, row, below.width, self._step)
        return (one for one in every if one not in shape.apart)


_K = TypeVar("_K")
_T = TypeVar("_T")


def _remembered(known: dict[_K, _T | BudgetExceeded], key: _K, work_out: Callable[[], _T]) -> _T:
    """The answer to a question, or the error that came of it, which may have taken seconds."""
    if key not in known:
        try:
            known[key] = work_out()
        except BudgetExceeded as error:
            known[key] = error
    found = known[key]
    if isinstance(found, BudgetExceeded):
        raise found.with_traceback(None)
    return found


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


def _number_count(shape: Num) -> float:
    """How many numbers there are at least."""
    if shape.values is not None or (shape.low is not None and shape.low == shape.high) or not scalars.is_live(shape):
        return 0
    step = scalars.step_of(shape)
    if step is None or shape.low is None or shape.high is None:
        return math.inf
    return 0 if shape.others else math.floor((shape.high - shape.low) / step) - 1 - len(shape.but)


def numbers(shape: Num) -> Iterator[Rational]:
    """The numbers of a shape; those that are dense come in ever smaller steps."""
    if shape.values is not None:
        yield from shape.values
        return
    if not scalars.is_live(shape):
        return
    step = scalars.step_of(shape)
    if step is not None:
        yield from (one for one in _multiples(shape, step) if has_number(shape, one))
        return
    if shape.low is not None and shape.low == shape.high:
        if has_number(shape, shape.low):
            yield shape.low
        return
    seen: set[Fraction] = set()
    for digits in count():
        for one in islice(_multiples(shape, Fraction(1, 10**digits)), 100):
            if one not in seen and has_number(shape, one):
                seen.add(one)
                yield one


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
