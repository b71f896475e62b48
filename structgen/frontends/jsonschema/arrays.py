"""Arrays: prefix items, the rest, counts, and obligations to contain, as networks.

A plain array is a chain with a repeated tail. With `contains`, a state is (items so far, matches so far for each obligation): each item
is chosen to count for some obligations, where it must satisfy their goals, and (where there is an upper bound) not to count for others,
where it must not.

Not here: what an item is (`emit`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import product
from typing import Final

from structgen.errors import BudgetExceeded
from structgen.frontends.jsonschema.node import FALSE, Goal, join
from structgen.frontends.jsonschema.shapes import Arr, Contains
from structgen.frontends.jsonschema.site import Site
from structgen.ir.expr import Expr, Net, alt, repeat, seq

MAX_STATES: Final = 20_000
"""The most states of one array with obligations."""

_OPEN, _CLOSE = "[", "]"

State = tuple[int, ...]
"""(items so far, matches of each obligation), each counted only as far as it matters."""


class Graph:
    """States of an array with obligations. `edges`: (from, goal of the item, to); state 0 is the start."""

    def __init__(self, shape: Arr) -> None:
        self.shape = shape
        self.states: dict[State, int] = {}
        self.edges: list[tuple[int, Goal, int]] = []
        starts = [one.start for one in shape.contains]
        self.cap = max([len(shape.prefix), shape.low, *starts]) if shape.high is None else shape.high
        todo = [(0,) * (1 + len(shape.contains))]
        self.states[todo[0]] = 0
        while todo:
            state = todo.pop()
            for goal, after in self._steps(state):
                if after not in self.states:
                    if len(self.states) >= MAX_STATES:
                        raise BudgetExceeded(
                            f"an array with contains has more than {MAX_STATES:,} states", hint="Lower maxItems or minContains."
                        )
                    self.states[after] = len(self.states)
                    todo.append(after)
                self.edges.append((self.states[state], goal, self.states[after]))
        self.ends = [self.states[state] for state in self.states if self._may_end(state)]

    def _may_end(self, state: State) -> bool:
        return state[0] >= self.shape.low and all(n >= one.low for n, one in zip(state[1:], self.shape.contains, strict=True))

    def _steps(self, state: State) -> Iterator[tuple[Goal, State]]:
        """Every choice of what the next item counts for."""
        shape, at = self.shape, state[0]
        if shape.high is not None and at >= shape.high:
            return
        item = shape.prefix[at] if at < len(shape.prefix) else shape.rest
        choices = [self._choices(one, at, count) for one, count in zip(shape.contains, state[1:], strict=True)]
        for picked in product(*choices):
            goal = item
            for one, _ in picked:
                goal = join(goal, one)
            if goal != FALSE:
                yield goal, (min(at + 1, self.cap), *(count for _, count in picked))

    def _choices(self, one: Contains, at: int, count: int) -> list[tuple[Goal, int]]:
        """(what the item must satisfy, matches afterwards) for one obligation."""
        if at < one.start or (one.high is None and count >= one.low):
            return [((), count)]
        if one.high is None:
            return [((), count), (one.goal, count + 1)]
        return [(one.other, count), *([(one.goal, count + 1)] if count < one.high else [])]

    def live_states(self, live: Callable[[Goal], bool]) -> set[int]:
        """The states from which an end can be reached."""
        back: dict[int, list[int]] = {}
        for source, goal, target in self.edges:
            if live(goal):
                back.setdefault(target, []).append(source)
        found, todo = set(self.ends), list(self.ends)
        while todo:
            for source in back.get(todo.pop(), ()):
                if source not in found:
                    found.add(source)
                    todo.append(source)
        return found


def need(shape: Arr) -> tuple[Callable[[Callable[[Goal], bool]], bool], Sequence[Goal]]:
    """Whether some array satisfies the shape, as a test of the goals that it names."""
    if shape.contains:
        graph = Graph(shape)
        return (lambda live: 0 in graph.live_states(live)), list(dict.fromkeys(goal for _, goal, _ in graph.edges))
    goals = list(dict.fromkeys(shape.prefix[: shape.low]))
    if shape.low > len(shape.prefix):
        goals.append(shape.rest)
    return (lambda live: all(live(goal) for goal in goals)), goals


def array_expr(shape: Arr, site: Site) -> Expr:
    """The texts of a shape that has values."""
    live, value = site.live, site.value
    if shape.contains:
        return _with_obligations(shape, site)
    prefix, high = shape.prefix, shape.high
    for i, goal in enumerate(prefix):
        if not live(goal):
            prefix, high = prefix[:i], i if high is None else min(high, i)
            break
    if high is not None:
        prefix = prefix[:high]
    size = len(prefix)
    more = (high is None or high > size) and live(shape.rest)
    opening, comma, closing, empty = site.frame(_OPEN, _CLOSE)
    low = shape.low
    rest = value(shape.rest) if more else None
    if not prefix:
        if rest is None:
            return empty
        tail = repeat(seq(comma, rest), max(low - 1, 0), None if high is None else high - 1)
        some = seq(opening, rest, tail, closing)
        return some if low else alt([empty, some])
    end = size + 1
    edges: list[tuple[int, Expr | None, int]] = [(0, seq(opening, value(prefix[0])), 1)]
    edges += [(i, seq(comma, value(prefix[i])), i + 1) for i in range(1, size)]
    edges += [(i, closing, end) for i in range(max(low, 1), size)]
    if rest is not None:
        tail = repeat(seq(comma, rest), max(low - size, 0), None if high is None else high - size)
        edges.append((size, seq(tail, closing), end))
    else:
        edges.append((size, closing, end))
    if not low:
        edges.append((0, empty, end))
    return Net(end + 1, edges, (end,))


def _with_obligations(shape: Arr, site: Site) -> Expr:
    graph, live, value = Graph(shape), site.live, site.value
    kept = graph.live_states(live)
    opening, comma, closing, empty = site.frame(_OPEN, _CLOSE)
    end = len(graph.states) + 1  # node 0 is before the bracket, node s + 1 is state s after an item
    edges: list[tuple[int, Expr | None, int]] = []
    for source, goal, target in graph.edges:
        if target in kept and live(goal):
            item = value(goal)
            edges.append((source + 1, seq(comma, item), target + 1))
            if source == 0:
                edges.append((0, seq(opening, item), target + 1))
    edges += [(state + 1, closing, end) for state in graph.ends]
    if 0 in graph.ends:
        edges.append((0, empty, end))
    return Net(end + 1, edges, (end,))
