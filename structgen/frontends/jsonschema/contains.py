"""Arrays that must contain something, or must not be some constants: what the next item may be, and whether the array can still end.

A `State` is (items so far, matches so far for each obligation, constants that the array still could be). Each item is chosen to count for
some obligations, where it must satisfy their goals, and (where there is an upper bound) not to count for others, where it must not; and it
either is what some of the constants have there, or none of that.

States are never listed. Behind the prefix, the constants and the places where obligations begin, all places are alike: there it is enough
to know, for the matches so far, how many more items can lead to an end (`Ends`), and those numbers are a few intervals.

Items that must not all differ have *twins*: two of them are equal. Some value can be both where it satisfies both goals, so that is a
question about one goal, and no values need to be known.

Not here: texts (`arrays`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sized
from itertools import product
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

from structgen.errors import BudgetExceeded
from structgen.frontends.jsonschema.constants import Constant
from structgen.frontends.jsonschema.node import FALSE, TRUE, Goal, join, join_all
from structgen.frontends.jsonschema.shapes import Arr, Contains

if TYPE_CHECKING:
    from structgen.frontends.jsonschema.algebra import Algebra

MAX_STATES: Final = 20_000
"""The most states that are looked at to find out whether an array can end."""

Live = Callable[[Goal], bool]

Spans = tuple[tuple[int, int | None], ...]
"""Numbers of items as intervals in order, without touching each other; None: without end."""


Twins = tuple[int, Goal]
"""How many of two equal items are still to come, and what is known of them."""

SETTLED: Final[Twins] = (0, TRUE)
TWINS: Final[Twins] = (2, TRUE)


class State(NamedTuple):
    """Items so far and matches of each obligation, each counted only as far as it matters, and the constants that the array still could
    be."""

    at: int
    hits: tuple[int, ...]
    alive: frozenset[Constant]


class Steps:
    """From state to state of a shape, uniqueness left out."""

    def __init__(self, shape: Arr, algebra: Algebra) -> None:
        self.shape, self.algebra = shape, algebra
        longest = [len(one) for one in shape.apart if isinstance(one, tuple)]  # one more than items
        self.alike = max([len(shape.prefix), *(one.start for one in shape.contains), *longest])  # from here on all places are
        self.cap = max(self.alike, shape.low) if shape.high is None else shape.high
        self.least = max(self.alike, shape.low) + sum(one.low for one in shape.contains)  # so many items are enough, or none are
        self._goals: dict[tuple[int, frozenset[Constant]], list[Goal]] = {}
        self.start = State(0, (0,) * len(shape.contains), shape.apart)

    def may_end(self, state: State) -> bool:
        """Whether the array may end here."""
        if state.at < self.shape.low or any(n < one.low for n, one in zip(state.hits, self.shape.contains, strict=True)):
            return False
        return not any(isinstance(one, tuple) and len(one) - 1 == state.at for one in state.alive)

    def steps(self, state: State) -> Iterator[tuple[Goal, State]]:
        """Every choice of what the next item is: what it must satisfy, and the state behind it. Matches first."""
        for same, alive in self._parts(state):
            yield from self.choices(state, same, alive)

    def choices(self, state: State, same: Goal, alive: frozenset[Constant]) -> Iterator[tuple[Goal, State]]:
        """The same for an item that satisfies `same` and leaves these constants."""
        if self.shape.high is not None and state.at >= self.shape.high:
            return
        choices = [_choices(one, state.at, count) for one, count in zip(self.shape.contains, state.hits, strict=True)]
        for picked in product(*choices):
            goal = join_all([self.shape.item(state.at), same, *(one for one, _ in picked)])
            if goal != FALSE:
                yield goal, State(min(state.at + 1, self.cap), tuple([count for _, count in picked]), alive)

    def groups(self, state: State) -> dict[Constant, frozenset[Constant]]:
        """The constants that have a next item, by that item."""
        groups: dict[Constant, list[Constant]] = {}
        for one in state.alive:
            if isinstance(one, tuple) and len(one) - 1 > state.at:
                groups.setdefault(one[state.at + 1], []).append(one)
        return {value: frozenset(group) for value, group in groups.items()}

    def _parts(self, state: State) -> list[tuple[Goal, frozenset[Constant]]]:
        """What the next item may be with regard to the constants: each of their items there, or none of them."""
        groups = self.groups(state)
        if not groups:
            return [(TRUE, frozenset())]
        found = [(self.algebra.among((value,)), group) for value, group in groups.items()]
        return [*found, (self.algebra.apart(groups), frozenset())]

    def goals(self, state: State) -> list[Goal]:
        """All goals that the items to come may have to satisfy, and perhaps more."""
        shape, key = self.shape, (min(state.at, self.alike), state.alive)
        found = self._goals.get(key)
        if found is None:
            every: dict[Goal, None] = {}
            level = {state.alive}
            for at in range(key[0], self.alike + 1 if shape.high is None else min(self.alike + 1, shape.high)):
                said = [(TRUE,) if at < one.start else (one.goal, TRUE if one.high is None else one.other) for one in shape.contains]
                parts = [part for alive in {*level, frozenset()} for part in self._parts(State(at, (), alive))]
                every.update((join_all([shape.item(at), same, *picked]), None) for same, _ in parts for picked in product(*said))
                level = {alive for _, alive in parts}
            found = self._goals[key] = list(every)
        return found


def _choices(one: Contains, at: int, count: int) -> list[tuple[Goal, int]]:
    """(what the item must satisfy, matches afterwards) for one obligation."""
    if at < one.start or (one.high is None and count >= one.low):
        return [((), count)]
    if one.high is None:
        return [(one.goal, count + 1), ((), count)]
    return [*([(one.goal, count + 1)] if count < one.high else []), (one.other, count)]


class Ends:
    """Which states can end, where `live` says which goals have values."""

    def __init__(self, steps: Steps, live: Live) -> None:
        self.steps, self.live = steps, live
        self._known: dict[tuple[State, Twins], bool] = {}
        self._spans: dict[tuple[int, ...], Spans] = {}
        self._kinds: list[tuple[tuple[bool, ...], Goal]] | None = None

    def can_end(self, state: State, twins: Twins = SETTLED) -> bool:
        """Whether some items lead from here to the end of the array, twins among them. Raises BudgetExceeded."""
        known = self._known
        todo = [(state, twins)]
        while todo:
            one = todo[-1]
            if one in known:
                todo.pop()
            elif one[0].at >= self.steps.alike:
                known[one] = self._fits(*one)
            elif not one[1][0] and self.steps.may_end(one[0]):
                known[one] = True
            else:
                after = [(to, left) for _, to, left in moves(self.steps.steps(one[0]), one[1], self.live)]
                missing = [to for to in after if to not in known]
                if not missing or any(known.get(to) for to in after):
                    known[one] = any(known.get(to) for to in after)
                    _check(known)
                else:
                    todo.append(missing[0])
        return known[state, twins]

    def to_come(self, state: State) -> list[Goal]:
        """What some item to come may be, so that the array can still end."""
        found: dict[Goal, None] = {}
        seen = {state: None}
        todo = [state]
        for one in todo:  # it grows meanwhile
            for goal, to in self.steps.steps(one):
                if goal not in found and self.live(goal) and self.can_end(to):
                    found[goal] = None
                if one.at < self.steps.alike and to not in seen and self.live(goal):  # further on, it may just as well come at once
                    seen[to] = None
                    todo.append(to)
                    _check(seen)
        return list(found)

    def _fits(self, state: State, twins: Twins) -> bool:
        """Whether one of the numbers of items that may follow is within the bounds of the array."""
        low, high = self.steps.shape.low - state.at, self.steps.shape.high
        most = None if high is None else high - state.at
        spans = self._behind(state.hits, twins)
        return any((last is None or last >= low) and (most is None or first <= most) for first, last in spans)

    def _behind(self, hits: tuple[int, ...], twins: Twins) -> Spans:
        """How many items may follow so many matches, where all places are alike: the twins first, as the order does not matter."""
        if not twins[0]:
            return self._after(hits)
        found: list[tuple[int, int | None]] = []
        for _, to, left in moves(self._next(hits), twins, self.live):
            if left != twins:
                found += _longer(self._behind(to, left))
        return _joined(found)

    def _after(self, hits: tuple[int, ...]) -> Spans:
        """How many items may follow so many matches."""
        if len(hits) == 1:
            return self._after_one(*hits)
        known = self._spans
        todo = [hits]
        while todo:
            one = todo[-1]
            if one in known:
                todo.pop()
                continue
            after = {to for _, to in self._next(one)}
            missing = [to for to in after if to not in known and to != one]
            if missing:
                todo += missing
                continue
            enough = all(n >= duty.low for n, duty in zip(one, self.steps.shape.contains, strict=True))
            spans = [span for to in after if to != one for span in _longer(known[to])]
            found = _joined([*spans, *([(0, 0)] if enough else [])])
            known[one] = ((found[0][0], None),) if found and one in after else found
            _check(known)
        return known[hits]

    def _after_one(self, hits: int) -> Spans:
        """The same where there is one obligation: nothing needs to be counted."""
        (duty,) = self.steps.shape.contains
        kinds = [kind for kind, _ in self._live_kinds()]
        least = max(duty.low - hits, 0)
        most = 0 if (True,) not in kinds else least if duty.high is None else duty.high - hits
        return ((least, None if (False,) in kinds else most),) if least <= most else ()

    def _next(self, hits: tuple[int, ...]) -> Iterator[tuple[Goal, tuple[int, ...]]]:
        """What one more item is, and the matches behind it, as `Steps.steps` has them."""
        duties = self.steps.shape.contains
        for kind, goal in self._live_kinds():
            if not any(more and n >= (one.low if one.high is None else one.high) for more, n, one in zip(kind, hits, duties, strict=True)):
                yield goal, tuple([n + more for n, more in zip(hits, kind, strict=True)])

    def _live_kinds(self) -> list[tuple[tuple[bool, ...], Goal]]:
        """For which obligations an item can count, all at once, where all places are alike; and what it is then."""
        if self._kinds is not None:
            return self._kinds
        shape, at = self.steps.shape, self.steps.alike
        self._kinds = []
        for kind in product((True, False), repeat=len(shape.contains)) if shape.high is None or at < shape.high else ():
            goals = [one.goal if more else TRUE if one.high is None else one.other for more, one in zip(kind, shape.contains, strict=True)]
            goal = join_all([shape.item(at), *goals])
            if goal != FALSE and self.live(goal):
                self._kinds.append((kind, goal))
        return self._kinds


_To = TypeVar("_To")


def moves(steps: Iterable[tuple[Goal, _To]], twins: Twins, live: Live) -> Iterator[tuple[Goal, _To, Twins]]:
    """What the next item is where it has a value, and what is behind it: each item may be one of the twins."""
    left, same = twins
    for goal, to in steps:
        if live(goal):
            yield goal, to, twins
            both = join(goal, same)
            if left and live(both):
                yield both, to, (1, both) if left == 2 else SETTLED


def _longer(spans: Spans) -> list[tuple[int, int | None]]:
    """One more."""
    return [(first + 1, None if last is None else last + 1) for first, last in spans]


def _check(known: Sized) -> None:
    if len(known) > MAX_STATES:
        raise BudgetExceeded(
            f"an array with contains has more than {MAX_STATES:,} states", hint="Lower minContains and maxContains, or have fewer of them."
        )


def _joined(spans: Iterable[tuple[int, int | None]]) -> Spans:
    """The union of intervals."""
    found: list[tuple[int, int | None]] = []
    for first, last in sorted(spans, key=lambda span: span[0]):
        if found and (found[-1][1] is None or first <= found[-1][1] + 1):
            before = found[-1][1]
            found[-1] = (found[-1][0], None if before is None or last is None else max(before, last))
        else:
            found.append((first, last))
    return tuple(found)
