"""Arrays and objects that are put together from lists of values of their parts.

Whatever a shape asks for is asked of the parts beforehand: an item that counts for an obligation is taken from the values that do, two
equal items from the values that both may be, and no item or member is taken that leaves nothing for what must still come. So nothing is
made in vain, and where a list has been cut short after n values, n containers come of it.

Not here: how many values there have to be (`census`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import product
from typing import TYPE_CHECKING, Final

from structgen.errors import BudgetExceeded
from structgen.frontends.jsonschema import keys
from structgen.frontends.jsonschema.constants import ARRAY, OBJECT, Constant
from structgen.frontends.jsonschema.contains import SETTLED, TWINS, State, Steps, Twins, moves
from structgen.frontends.jsonschema.keys import Group, Member, Others
from structgen.frontends.jsonschema.node import Goal
from structgen.frontends.jsonschema.shapes import Arr, Obj, met_needs

if TYPE_CHECKING:
    from structgen.frontends.jsonschema.algebra import Algebra

LONGEST: Final = 300
"""The most items that an array must have if it is put together from values."""

Values = tuple[Constant, ...]

Row = Callable[[Goal], Values]
"""The values of a goal, the first of them where there are many."""

Key = tuple[State, Twins, tuple[Goal, ...]]
"""Where the items so far have led: the state, the twins, and (where all must differ) what those are of which there are only a few."""

Way = list[tuple[Goal, bool]]
"""What each item is, and whether it is one of two that are equal."""


class Ways:
    """The ways to choose what each item of an array is, item after item.

    `live`: which goals have values; `few`: all values of a goal, None where some are left over whatever other items take. `step` is called
    for each move.
    """

    def __init__(self, shape: Arr, algebra: Algebra, live: Callable[[Goal], bool], few: Callable[[Goal], Values | None]) -> None:
        self.steps, self.unique, self.live, self.few = Steps(shape, algebra), bool(shape.unique), live, few
        start: Key = (self.steps.start, TWINS if shape.unique is False else SETTLED, ())
        self.layers: list[dict[Key, list[tuple[Key, Goal]]]] = [{start: []}]
        if max([shape.low, *(one.low for one in shape.contains)]) > LONGEST:
            raise BudgetExceeded(
                f"an array with contains, constants or repetitions has more than {LONGEST} items", hint=f"Lower minItems to {LONGEST}."
            )

    def ends(self, step: Callable[[], None]) -> Iterator[Key]:
        """Where arrays may end, the shortest first; `ways` tells how to get there until the next one is asked for."""
        longest = self.steps.least + 2  # a longer one could do without one of its items
        while self.layers[-1]:
            found = [key for key in self.layers[-1] if not key[1][0] and self.steps.may_end(key[0]) and self._differ(key[2])]
            if not found and len(self.layers) > longest + 1:
                return
            yield from found
            self._grow(step)

    def _grow(self, step: Callable[[], None]) -> None:
        layer: dict[Key, list[tuple[Key, Goal]]] = {}
        for key in self.layers[-1]:
            state, twins, scarce = key
            for goal, to, left in moves(self.steps.steps(state), twins, self.live):
                step()
                values = self.few(goal) if self.unique else None
                after = scarce if values is None else tuple(sorted((*scarce, goal)))
                if values is None or after.count(goal) <= len(values):
                    layer.setdefault((to, left, after), []).append((key, goal))
        self.layers.append(layer)

    def _differ(self, scarce: tuple[Goal, ...]) -> bool:
        return has_representatives([self.few(goal) or () for goal in scarce])

    def ways(self, end: Key, step: Callable[[], None]) -> Iterator[Way]:
        """All ways to an end in the last layer."""
        todo: list[tuple[int, Key, tuple[tuple[Goal, bool], ...]]] = [(len(self.layers) - 1, end, ())]
        while todo:
            step()
            size, key, items = todo.pop()
            if not size:
                yield list(items)
            todo += [(size - 1, before, ((goal, before[1] != key[1]), *items)) for before, goal in self.layers[size][key]]


def arrays(shape: Arr, algebra: Algebra, row: Row, width: int, step: Callable[[], None]) -> Iterator[Constant]:
    """The arrays of a shape, each once, of the first `width` values of each goal (`row`)."""

    def few(goal: Goal) -> Values | None:
        return None if len(row(goal)) >= width else row(goal)

    seen: set[Constant] = set()
    ways = Ways(shape, algebra, lambda goal: bool(row(goal)), few)
    for end in ways.ends(step):
        for way in ways.ways(end, step):
            lists = [row(goal) for goal, _ in way]
            for items in _different(lists, step) if shape.unique else _equal(lists, [i for i, (_, twin) in enumerate(way) if twin]):
                step()
                value: Values = (ARRAY, *items)
                if value not in seen:
                    seen.add(value)
                    yield value


def _equal(lists: list[Values], twins: Sequence[int]) -> Iterator[Values]:
    """One value from each list; the twins, where there are any, have both the value of the second one."""
    if not twins:
        yield from product(*lists)
        return
    first, second = twins
    for items in product(*lists[:first], *lists[first + 1 :]):
        yield (*items[:first], items[second - 1], *items[first:])


def _different(lists: Sequence[Values], step: Callable[[], None]) -> Iterator[Values]:
    """One value from each list, all different."""
    scarce = [i for i, one in enumerate(lists) if len(one) < len(lists)]  # of the others, something is always left
    todo: list[Values] = [()]
    while todo:
        step()
        so_far = todo.pop()
        size, taken = len(so_far), set(so_far)
        if size == len(lists):
            yield so_far
        elif has_representatives([[value for value in lists[i] if value not in taken] for i in scarce if i >= size]):
            todo += [(*so_far, value) for value in reversed(lists[size]) if value not in taken]


def has_representatives(lists: Sequence[Sequence[Constant]]) -> bool:
    """Whether a different value can be taken from each list (Hall's condition, by augmenting paths)."""
    small = [one for one in lists if len(one) < len(lists)]  # from the others, something is always left
    if len({value for one in {id(one): one for one in small}.values() for value in one}) < len(small):
        return False
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


# ---- objects ----


class Objects:
    """The objects of a shape but for its `apart`, each once, of the first `width` values of each goal, and as many names of each class."""

    def __init__(self, shape: Obj, algebra: Algebra, row: Row, width: int, step: Callable[[], None]) -> None:
        self.shape, self.row, self.has, self.step = shape, row, algebra.census.has, step
        self.duties = (1 << len(shape.some)) - 1
        self.members: list[tuple[Member, list[tuple[Constant, int]]]] = []
        self._values: dict[object, list[tuple[Constant, int]]] = {}
        self._fits: dict[tuple[int, int, int], bool] = {}
        plan = keys.plan(shape, algebra)
        self.possible = plan.possible
        for one in plan.members:
            self._add(one)
        for other in plan.others:
            if self.values(other):
                for name in other.names(shape.low + len(shape.some) + width + len(other.taken)):
                    if name not in other.taken:
                        self._add(Member(name, other.goal, False, other.covers, other.more))
        self.places = {one.name: i for i, (one, _) in enumerate(self.members)}
        self.groups = self._grouped()

    def _add(self, one: Member) -> None:
        values = self.values(one)
        if values or one.required:
            self.members.append((one, values))

    def values(self, one: Member | Others) -> list[tuple[Constant, int]]:
        """The values of a member, each with the obligations that it meets."""
        key = (one.goal, one.covers, one.more)
        found = self._values.get(key)
        if found is None:
            goals = [goal for goal, _ in keys.options(one, lambda goal: bool(self.row(goal)), self.duties)]
            every = dict.fromkeys(value for goal in goals for value in self.row(goal))
            found = self._values[key] = [
                (value, one.covers | sum(bit for bit, goal in one.more if self.has(goal, value))) for value in every
            ]
        return found

    def _grouped(self) -> list[tuple[Group, ...]]:
        """The members from each one on, by kind."""
        kinds: Counter[tuple[bool, keys.Ways]] = Counter()
        found: list[tuple[Group, ...]] = [()]
        for one, values in reversed(self.members):
            kinds[one.required, tuple(dict.fromkeys(covers for _, covers in values))] += 1
            found.append(tuple([(required, ways, count) for (required, ways), count in kinds.items()]))
        return found[::-1]

    def fits(self, at: int, names: Collection[str], duties: int) -> bool:
        """Whether an object with members of these names can become one of the shape by members from `at` on."""
        key = (at, len(names), duties)
        found = self._fits.get(key)
        if found is None:
            high = None if self.shape.high is None else self.shape.high - len(names)
            found = self._fits[key] = keys.can_finish(self.groups[at], (), duties, self.shape.low - len(names), high)
        if not self.shape.needs:
            return found
        wanted, _ = met_needs((*self.shape.required, *names), self.shape.needs)
        return found and all(name in names or self.places.get(name, -1) >= at for name in wanted)

    def __iter__(self) -> Iterator[Constant]:
        """Those with few members first."""
        if not self.possible or not self.fits(0, (), self.duties):
            return
        todo: list[Iterator[tuple[int, dict[str, Constant], int]]] = [iter([(0, {}, self.duties)])]
        while todo:
            found = next(todo[-1], None)
            if found is None:
                todo.pop()
                continue
            self.step()
            at, so_far, duties = found
            if at < len(self.members):
                todo.append(self._from(at, so_far, duties))
            else:
                yield (OBJECT, *((name, so_far[name]) for name in sorted(so_far)))

    def _from(self, at: int, so_far: dict[str, Constant], duties: int) -> Iterator[tuple[int, dict[str, Constant], int]]:
        """Without one more member, where it is not required, and with each of its values."""
        one, values = self.members[at]
        if not one.required and self.fits(at + 1, so_far, duties):
            yield at + 1, so_far, duties
        for value, covers in values:
            if self.fits(at + 1, {*so_far, one.name}, duties & ~covers):
                yield at + 1, {**so_far, one.name: value}, duties & ~covers
