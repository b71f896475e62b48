"""Arrays that must contain something, or must not be some constants: what the next item may be, and whether the array can still end.

A `State` is (items so far, matches so far for each obligation, constants that the array still could be). Each item is chosen to count for
some obligations, where it must satisfy their goals, and (where there is an upper bound) not to count for others, where it must not; and it
either is what some of the constants have there, or none of that.

States are never listed. Behind the prefix, the constants and the places where obligations begin, all places are alike: there it is enough
to know, for the matches so far, how many more items can lead to an end (`Ends`), and those numbers are a few intervals.

Not here: texts (`arrays`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sized
from itertools import product
from typing import TYPE_CHECKING, Final, NamedTuple

from structgen.errors import BudgetExceeded
from structgen.frontends.jsonschema.constants import Constant
from structgen.frontends.jsonschema.node import FALSE, TRUE, Goal, join_all
from structgen.frontends.jsonschema.shapes import Arr, Contains

if TYPE_CHECKING:
    from structgen.frontends.jsonschema.algebra import Algebra

MAX_STATES: Final = 20_000
"""The most states that are looked at to find out whether an array can end."""

Live = Callable[[Goal], bool]

Spans = tuple[tuple[int, int | None], ...]
"""Numbers of items as intervals in order, without touching each other; None: without end."""


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

    def goals(self) -> list[Goal]:
        """All goals that items may have to satisfy, and perhaps more."""
        shape = self.shape
        found: dict[Goal, None] = {}
        level = {shape.apart}
        for at in range(self.alike + 1):
            said = [(TRUE,) if at < one.start else (one.goal, TRUE if one.high is None else one.other) for one in shape.contains]
            parts = [part for alive in {*level, frozenset()} for part in self._parts(State(at, (), alive))]
            found.update((join_all([shape.item(at), same, *picked]), None) for same, _ in parts for picked in product(*said))
            level = {alive for _, alive in parts}
        return list(found)


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
        self._known: dict[State, bool] = {}
        self._spans: dict[tuple[int, ...], Spans] = {}
        self._kinds: list[tuple[bool, ...]] | None = None

    def can_end(self, state: State) -> bool:
        """Whether some items lead from here to the end of the array. Raises BudgetExceeded."""
        steps, known = self.steps, self._known
        todo = [state]
        while todo:
            one = todo[-1]
            if one in known:
                todo.pop()
            elif one.at >= steps.alike:
                known[one] = self._fits(one)
            elif steps.may_end(one):
                known[one] = True
            else:
                after = [to for goal, to in steps.steps(one) if self.live(goal)]
                missing = [to for to in after if to not in known]
                if not missing or any(known.get(to) for to in after):
                    known[one] = any(known.get(to) for to in after)
                    _check(known)
                else:
                    todo.append(missing[0])
        return known[state]

    def _fits(self, state: State) -> bool:
        """Whether one of the numbers of items that may follow is within the bounds of the array."""
        low, high = self.steps.shape.low - state.at, self.steps.shape.high
        most = None if high is None else high - state.at
        spans = self._after(state.hits)
        return any((last is None or last >= low) and (most is None or first <= most) for first, last in spans)

    def _after(self, hits: tuple[int, ...]) -> Spans:
        """How many items may follow so many matches, where all places are alike."""
        known = self._spans
        todo = [hits]
        while todo:
            one = todo[-1]
            if one in known:
                todo.pop()
                continue
            after = self._next(one)
            missing = [to for to in after if to not in known and to != one]
            if missing:
                todo += missing
                continue
            enough = all(n >= duty.low for n, duty in zip(one, self.steps.shape.contains, strict=True))
            spans = [(first + 1, None if last is None else last + 1) for to in after if to != one for first, last in known[to]]
            found = _joined([*spans, *([(0, 0)] if enough else [])])
            known[one] = ((found[0][0], None),) if found and one in after else found
            _check(known)
        return known[hits]

    def _next(self, hits: tuple[int, ...]) -> set[tuple[int, ...]]:
        """The matches behind one more item, as `Steps.steps` has them."""
        duties = self.steps.shape.contains
        found: set[tuple[int, ...]] = set()
        for kind in self._kinds if self._kinds is not None else self._live_kinds():
            if not any(more and n >= (one.low if one.high is None else one.high) for more, n, one in zip(kind, hits, duties, strict=True)):
                found.add(tuple([n + more for n, more in zip(hits, kind, strict=True)]))
        return found

    def _live_kinds(self) -> list[tuple[bool, ...]]:
        """For which obligations an item can count, all at once, where all places are alike."""
        shape, at = self.steps.shape, self.steps.alike
        self._kinds = []
        for kind in product((True, False), repeat=len(shape.contains)) if shape.high is None or at < shape.high else ():
            goals = [one.goal if more else TRUE if one.high is None else one.other for more, one in zip(kind, shape.contains, strict=True)]
            goal = join_all([shape.item(at), *goals])
            if goal != FALSE and self.live(goal):
                self._kinds.append(kind)
        return self._kinds


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
