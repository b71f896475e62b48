"""Objects: declared properties in schema order, then other keys, as networks of linear size.

The keys fall into declared names, each with its own goal, and classes of other keys: all keys that match exactly the same patterns. Nodes of the
network, for n declared properties, of which those before i are settled:

    C i   a key must follow: property i, or (where i is optional) one of the later ones, or at C n another key
    M i   after a property: a comma and then C i, or the closing brace where nothing required is left

With bounds on the number of properties or with obligations, C and M also carry the count and the obligations left.

Not here: what a value is (`emit`), other orders of keys.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from structgen.errors import BudgetExceeded
from structgen.frontends.jsonschema.node import FALSE, TRUE, Goal, join
from structgen.frontends.jsonschema.shapes import Obj, Some
from structgen.frontends.jsonschema.spell import any_string, string_leaf, string_literal
from structgen.frontends.jsonschema.strings import atom_dfa, has_string, matches, shape_dfa
from structgen.frontends.jsonschema.style import JsonStyle
from structgen.ir.expr import Expr, Lit, Minus, Net, alt, repeat, seq
from structgen.ir.regular import CharDFA

if TYPE_CHECKING:
    from structgen.frontends.jsonschema.algebra import Algebra

MAX_STATES: Final = 50_000
"""The most nodes of one object with counts or obligations."""

MAX_PATTERNS: Final = 12
"""The most different patterns of property names in one object: they cut the keys into up to 2**n classes."""

_OPEN, _CLOSE = Lit(b"{"), Lit(b"}")


class Member(NamedTuple):
    """A declared property. `covers`: the obligations that its presence meets, as bits."""

    name: str
    goal: Goal
    required: bool
    covers: int


class Others(NamedTuple):
    """A class of other keys: `dfa` without the declared names `taken` (None: all strings); `most`: how many there are (None: no bound)."""

    dfa: CharDFA | None
    taken: tuple[str, ...]
    goal: Goal
    covers: int
    most: int | None


class Plan(NamedTuple):
    """An object shape with its keys worked out. `possible` is False where a required name is not allowed as a key."""

    members: list[Member]
    others: list[Others]
    possible: bool


def plan(shape: Obj, algebra: Algebra) -> Plan:
    """The keys of a shape: declared names in order, classes of others."""
    names: dict[str, None] = {}
    for layer in shape.layers:
        names.update(dict.fromkeys(layer.properties))
    names.update(dict.fromkeys(shape.required))
    required = frozenset(shape.required)
    keys = None if shape.names == TRUE else algebra.form(shape.names).string
    members: list[Member] = []
    single = shape.layers[0] if len(shape.layers) == 1 and not shape.layers[0].patterns else None
    for name in names:
        goal = shape.goal(name) if single is None else single.properties.get(name, single.rest)
        if keys is not None and not any(has_string(one, name) for one in keys):
            goal = FALSE
        if goal != FALSE:
            members.append(Member(name, goal, name in required, _covers(shape, name, algebra) if shape.some else 0))
        elif name in required:
            return Plan(members, [], False)
    return Plan(members, _others(shape, tuple(names), algebra), True)


def _covers(shape: Obj, name: str, algebra: Algebra) -> int:
    covers = 0
    for bit, one in enumerate(shape.some):
        if one.layer is not None:
            met = not one.layer.declares(name)
        elif one.pattern is not None:
            met = matches(one.pattern, name)
        else:
            met = any(has_string(string, name) for string in algebra.form(one.names).string)
        covers |= met << bit
    return covers


def _others(shape: Obj, names: tuple[str, ...], algebra: Algebra) -> list[Others]:
    """The classes of keys that are no declared names."""
    patterns = list(dict.fromkeys(pattern for layer in shape.layers for pattern, _ in layer.patterns))
    patterns += [one.pattern for one in shape.some if one.pattern is not None and one.pattern not in patterns]
    patterns += [p for one in shape.some if one.layer is not None for p, _ in one.layer.patterns if p not in patterns]
    if shape.names == TRUE and not patterns and all(one.names == TRUE for one in shape.some):
        goal = TRUE
        for layer in shape.layers:
            goal = join(goal, layer.rest)
        return [] if goal == FALSE else [Others(None, names, goal, _covers_class(shape, frozenset(), {}), None)]
    if len(patterns) > MAX_PATTERNS:
        raise BudgetExceeded(f"more than {MAX_PATTERNS} patterns of property names in one object")
    named = {one.names: _names_dfa(one.names, algebra) for one in shape.some if one.names != TRUE}
    whole = CharDFA.any() if shape.names == TRUE else _names_dfa(shape.names, algebra)
    classes: list[tuple[CharDFA, frozenset[object]]] = [(whole, frozenset())]
    cuts: list[tuple[object, CharDFA]] = [(pattern, atom_dfa(("pattern", pattern))) for pattern in patterns]
    for key, dfa in (*cuts, *named.items()):
        halves = [(one & dfa, hits | {key}) for one, hits in classes] + [(one - dfa, hits) for one, hits in classes]
        classes = [(one, hits) for one, hits in halves if not one.is_empty]
    found: list[Others] = []
    for dfa, hits in classes:
        goal = TRUE
        for layer in shape.layers:
            own = [one for pattern, one in layer.patterns if pattern in hits]
            for one in own or [layer.rest]:
                goal = join(goal, one)
        taken = tuple([name for name in names if dfa.matches(name)])
        left = dfa if dfa.is_universal or not taken else dfa - CharDFA.of_strings(taken)
        if goal != FALSE and not left.is_empty:
            free = dfa.is_universal
            found.append(Others(None if free else left, taken if free else (), goal, _covers_class(shape, hits, named), left.count()))
    return found


def _covers_class(shape: Obj, hits: frozenset[object], named: dict[Goal, CharDFA]) -> int:
    covers = 0
    for bit, one in enumerate(shape.some):
        if one.layer is not None:
            met = not any(pattern in hits for pattern, _ in one.layer.patterns)
        else:
            met = (one.pattern if one.pattern is not None else one.names) in hits
        covers |= met << bit
    return covers


def _names_dfa(goal: Goal, algebra: Algebra) -> CharDFA:
    found = CharDFA.empty()
    for one in algebra.form(goal).string:
        found |= shape_dfa(one)
    return found


# ---- is there any ----


def need(shape: Obj, algebra: Algebra) -> tuple[Callable[[Callable[[Goal], bool]], bool], Sequence[Goal]]:
    """Whether some object satisfies the shape, as a test of the goals that it names."""
    if shape.names == TRUE and not shape.some and shape.low <= len(shape.required):
        goals = list(dict.fromkeys(shape.goal(name) for name in shape.required))
        return (lambda live: all(live(goal) for goal in goals)), goals
    keys = plan(shape, algebra)
    goals = list(dict.fromkeys([*(one.goal for one in keys.members), *(one.goal for one in keys.others)]))
    return (lambda live: keys.possible and _feasible(shape, keys, live)), goals if keys.possible else []


def _feasible(shape: Obj, keys: Plan, live: Callable[[Goal], bool]) -> bool:
    if not all(live(one.goal) for one in keys.members if one.required):
        return False
    there = [one for one in keys.members if one.required]
    free = [one for one in keys.members if not one.required and live(one.goal)]
    classes = [one for one in keys.others if live(one.goal)]
    most = None if any(one.most is None for one in classes) else sum(one.most or 0 for one in classes)
    if most is not None and len(there) + len(free) + most < shape.low:
        return False
    left = (1 << len(shape.some)) - 1
    for one in there:
        left &= ~one.covers
    fewest = {left: 0}  # obligations left -> the fewest further members that leave them
    for cover in dict.fromkeys([*(one.covers for one in free), *(one.covers for one in classes)]):
        for open_, count in list(fewest.items()):
            after = open_ & ~cover
            fewest[after] = min(fewest.get(after, count + 1), count + 1)
    return 0 in fewest and (shape.high is None or len(there) + fewest[0] <= shape.high)


# ---- texts ----


def object_expr(
    shape: Obj, style: JsonStyle, depth: int, algebra: Algebra, live: Callable[[Goal], bool], value: Callable[[Goal], Expr]
) -> Expr:
    """The texts of a shape that has values. `value` makes the expression of a property's value."""
    keys = plan(shape, algebra)
    colon = style.colon()
    members = [one for one in keys.members if one.required or live(one.goal)]
    literals = {one.name: string_literal(one.name, style) for one in members}
    texts = [seq(literals[one.name], colon, value(one.goal)) for one in members]
    classes = [one for one in keys.others if live(one.goal)]
    others = [seq(_key(one, style, literals), colon, value(one.goal)) for one in classes]
    count = sum(one.required for one in members)
    low = 0 if shape.low <= count else shape.low
    high = shape.high
    if high is not None and not classes and high >= len(members):
        high = None
    if low or high is not None or shape.some:
        return _Counted(members, classes, texts, others, low, high, len(shape.some)).expr(style, depth)
    return _plain(members, texts, alt(others) if others else None, style, depth)


def _key(one: Others, style: JsonStyle, literals: dict[str, Lit]) -> Expr:
    if one.dfa is not None:
        return string_leaf(one.dfa, style)
    if not one.taken:
        return any_string(style)
    return Minus(any_string(style), alt([literals.get(name) or string_literal(name, style) for name in one.taken]))


def _plain(members: Sequence[Member], texts: Sequence[Expr], other: Expr | None, style: JsonStyle, depth: int) -> Expr:
    """Without counts and obligations: 2 n + 3 nodes."""
    size = len(members)
    settled = 0  # from here on everything is optional
    for i, one in enumerate(members):
        if one.required:
            settled = i + 1
    empty = seq(_OPEN, style.empty_gap(), _CLOSE)
    last = size if other is not None else size - 1  # the last i with a C i
    if last < 0:
        return empty
    comma, closing = style.item_gap(depth), seq(style.close_gap(depth), _CLOSE)
    after, end = last + 1, last + size + 2  # C i is node i + 1 (0 stands before the brace), M i is node after + i
    edges: list[tuple[int, Expr | None, int]] = [(0, seq(_OPEN, style.open_gap(depth)), 1)]
    if not settled:
        edges.append((0, empty, end))
    for i in range(size):
        edges.append((i + 1, texts[i], after + i + 1))
        if i < last and not members[i].required:
            edges.append((i + 1, None, i + 2))
    if other is not None:
        edges.append((size + 1, other, after + size if size else end + 1))
    edges += [(after + i, comma, i + 1) for i in range(1, last + 1)]
    edges += [(after + i, closing, end) for i in range(max(settled, 1), size + 1)]
    if other is not None and not size:
        edges += [(end + 1, comma, 1), (end + 1, closing, end)]
        return Net(end + 2, edges, (end,))
    return Net(end + 1, edges, (end,))


class _Counted:
    """The network with counts and obligations. A state is (property, members so far, obligations left)."""

    def __init__(
        self,
        members: Sequence[Member],
        classes: Sequence[Others],
        texts: Sequence[Expr],
        others: Sequence[Expr],
        low: int,
        high: int | None,
        duties: int,
    ) -> None:
        self.members, self.classes, self.texts, self.others = members, classes, texts, others
        self.low, self.high = low, high
        self.settled = max([i + 1 for i, one in enumerate(members) if one.required], default=0)
        self.first = (0, 0, (1 << duties) - 1)
        self.nodes: dict[object, int] = {"start": 0, "end": 1}
        self.edges: list[tuple[int, Expr | None, int]] = []
        self.todo: list[tuple[str, tuple[int, int, int]]] = []

    def node(self, kind: str, state: tuple[int, int, int]) -> int:
        """The number of a node, made at the first call."""
        key = (kind, state)
        found = self.nodes.get(key)
        if found is None:
            if len(self.nodes) >= MAX_STATES:
                raise BudgetExceeded(f"an object with minProperties or maxProperties has more than {MAX_STATES:,} states")
            found = self.nodes[key] = len(self.nodes)
            self.todo.append(key)
        return found

    def expr(self, style: JsonStyle, depth: int) -> Expr:
        """The network, without its dead ends."""
        comma, closing = style.item_gap(depth), seq(style.close_gap(depth), _CLOSE)
        self.edges.append((0, seq(_OPEN, style.open_gap(depth)), self.node("C", self.first)))
        if self._may_end(self.first):
            self.edges.append((0, seq(_OPEN, style.empty_gap(), _CLOSE), 1))
        while self.todo:
            kind, state = self.todo.pop()
            at = self.nodes[(kind, state)]
            if self._tail(kind, state, at, comma, closing):
                continue
            if kind == "C":
                self._keys(state, at)
            else:
                if self.high is None or state[1] < self.high:
                    self.edges.append((at, comma, self.node("C", state)))
                if self._may_end(state):
                    self.edges.append((at, closing, 1))
        return self._trimmed()

    def _may_end(self, state: tuple[int, int, int]) -> bool:
        return state[0] >= self.settled and state[1] >= self.low and not state[2]

    def _count(self, count: int) -> int:
        return count + 1 if self.high is not None else min(count + 1, self.low)

    def _keys(self, state: tuple[int, int, int], at: int) -> None:
        i, count, duties = state
        if i < len(self.members):
            one = self.members[i]
            self.edges.append((at, self.texts[i], self.node("M", (i + 1, self._count(count), duties & ~one.covers))))
            if not one.required:
                self.edges.append((at, None, self.node("C", (i + 1, count, duties))))
            return
        for other, text in zip(self.classes, self.others, strict=True):
            self.edges.append((at, text, self.node("M", (i, self._count(count), duties & ~other.covers))))

    def _tail(self, kind: str, state: tuple[int, int, int], at: int, comma: Expr, closing: Expr) -> bool:
        """Other keys up to a bound, with no obligation left: a counted repeat instead of a node for each count."""
        i, count, duties = state
        if i < len(self.members) or duties or self.high is None or not self.others:
            return False
        other, low, high = alt(self.others), max(self.low - count, 0), self.high - count
        if kind == "M":
            self.edges.append((at, seq(repeat(seq(comma, other), low, high), closing), 1))
        elif high:
            self.edges.append((at, seq(other, repeat(seq(comma, other), max(low - 1, 0), high - 1), closing), 1))
        return True

    def _trimmed(self) -> Net:
        back: dict[int, list[int]] = {}
        for source, _, target in self.edges:
            back.setdefault(target, []).append(source)
        kept, todo = {1}, [1]
        while todo:
            for source in back.get(todo.pop(), ()):
                if source not in kept:
                    kept.add(source)
                    todo.append(source)
        return Net(len(self.nodes), [edge for edge in self.edges if edge[2] in kept and edge[0] in kept], (1,))
