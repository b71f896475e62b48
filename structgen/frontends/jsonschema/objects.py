"""Objects as networks: declared properties in schema order and then other keys, or all keys in any order.

In schema order, for n declared properties, of which those before i are settled:

    C i   a key must follow: property i, or (where i is optional) one of the later ones, or at C n another key
    M i   after a property: a comma and then C i, or the closing brace where nothing required is left

With bounds on the number of properties or with obligations, C and M also carry the count and the obligations left. In any order, a rule
for each set of declared properties that are there (made when a text comes to it) says the same.

Not here: which keys there are (`keys`), what a value is (`emit`).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

from structgen.errors import BudgetExceeded
from structgen.frontends.jsonschema.keys import Member, Others, can_finish, plan
from structgen.frontends.jsonschema.shapes import Obj
from structgen.frontends.jsonschema.site import Site
from structgen.frontends.jsonschema.spell import any_string, string_leaf, string_literal
from structgen.frontends.jsonschema.style import JsonStyle
from structgen.ir.expr import NEVER, Expr, Lit, Minus, Net, Rule, alt, repeat, seq

if TYPE_CHECKING:
    from structgen.frontends.jsonschema.algebra import Algebra

MAX_STATES: Final = 50_000
"""The most nodes of one object with counts or obligations."""

_OPEN, _CLOSE = "{", "}"


class Table(NamedTuple):
    """What an object may hold: members and other keys that have values, with their texts (key, colon, value), and the counts asked for."""

    members: Sequence[Member]
    texts: Sequence[Expr]
    classes: Sequence[Others]
    others: Sequence[Expr]
    low: int
    high: int | None
    duties: int


def object_expr(shape: Obj, site: Site, algebra: Algebra) -> Expr:
    """The texts of a shape that has values."""
    style, live, value = site.style, site.live, site.value
    keys = plan(shape, algebra)
    colon = style.colon()
    members = [one for one in keys.members if one.required or live(one.goal)]
    literals = {one.name: string_literal(one.name, style) for one in members}
    texts = [seq(literals[one.name], colon, value(one.goal)) for one in members]
    classes = [one for one in keys.others if live(one.goal)]
    others = [seq(_key(one, style, literals), colon, value(one.goal)) for one in classes]
    low = 0 if shape.low <= sum(one.required for one in members) else shape.low
    high = shape.high
    if high is not None and not classes and high >= len(members):
        high = None
    table = Table(members, texts, classes, others, low, high, (1 << len(shape.some)) - 1)
    if site.order == "any":
        return _AnyOrder(table, site).expr()
    if low or high is not None or shape.some:
        return _Counted(table, site).expr()
    return _plain(members, texts, alt(others) if others else None, site)


def _key(one: Others, style: JsonStyle, literals: dict[str, Lit]) -> Expr:
    if one.dfa is not None:
        return string_leaf(one.dfa, style)
    if not one.taken:
        return any_string(style)
    return Minus(any_string(style), alt([literals.get(name) or string_literal(name, style) for name in one.taken]))


def _plain(members: Sequence[Member], texts: Sequence[Expr], other: Expr | None, site: Site) -> Expr:
    """Without counts and obligations: about 2 n nodes. C i is node i + 1 (node 0 stands before the brace), M i is node after + i."""
    size = len(members)
    settled = max([i + 1 for i, one in enumerate(members) if one.required], default=0)  # from here on everything is optional
    opening, comma, closing, empty = site.frame(_OPEN, _CLOSE)
    last = size if other is not None else size - 1  # the last i with a C i
    if last < 0:
        return empty
    after, end = last + 1, last + size + 2
    edges: list[tuple[int, Expr | None, int]] = [(0, opening, 1)]
    if not settled:
        edges.append((0, empty, end))
    for i in range(size):
        edges.append((i + 1, texts[i], after + i + 1))
        if i < last and not members[i].required:
            edges.append((i + 1, None, i + 2))
    edges += [(after + i, comma, i + 1) for i in range(1, last + 1)]
    edges += [(after + i, closing, end) for i in range(max(settled, 1), size + 1)]
    if other is None:
        return Net(end + 1, edges, (end,))
    if size:
        edges.append((size + 1, other, after + size))
        return Net(end + 1, edges, (end,))
    edges += [(1, other, end + 1), (end + 1, comma, 1), (end + 1, closing, end)]  # other keys only: M 0 is a node of its own
    return Net(end + 2, edges, (end,))


State = tuple[int, int, int]
"""(the next property, or the set of those that are there; members so far; obligations left)."""


class _Counted:
    """The network with counts and obligations, in schema order."""

    def __init__(self, table: Table, site: Site) -> None:
        self.table = table
        self.opening, self.comma, self.closing, self.empty = site.frame(_OPEN, _CLOSE)
        self.settled = max([i + 1 for i, one in enumerate(table.members) if one.required], default=0)
        self.nodes: dict[object, int] = {"start": 0, "end": 1}
        self.edges: list[tuple[int, Expr | None, int]] = []
        self.todo: list[tuple[str, State]] = []

    def node(self, kind: str, state: State) -> int:
        """The number of a node, made at the first call."""
        key = (kind, state)
        found = self.nodes.get(key)
        if found is None:
            if len(self.nodes) >= MAX_STATES:
                raise BudgetExceeded(f"an object with minProperties or maxProperties has more than {MAX_STATES:,} states")
            found = self.nodes[key] = len(self.nodes)
            self.todo.append(key)
        return found

    def expr(self) -> Expr:
        """The network, without its dead ends."""
        first = (0, 0, self.table.duties)
        if self.table.high != 0:
            self.edges.append((0, self.opening, self.node("C", first)))
        if self._may_end(first):
            self.edges.append((0, self.empty, 1))
        while self.todo:
            kind, state = self.todo.pop()
            at = self.nodes[(kind, state)]
            if self._tail(kind, state, at):
                continue
            if kind == "C":
                self._keys(state, at)
            else:
                if self.table.high is None or state[1] < self.table.high:
                    self.edges.append((at, self.comma, self.node("C", state)))
                if self._may_end(state):
                    self.edges.append((at, self.closing, 1))
        return self._trimmed()

    def _may_end(self, state: State) -> bool:
        return state[0] >= self.settled and state[1] >= self.table.low and not state[2]

    def _keys(self, state: State, at: int) -> None:
        i, count, duties = state
        table = self.table
        more = _counted(count, table)
        if i < len(table.members):
            one = table.members[i]
            self.edges.append((at, table.texts[i], self.node("M", (i + 1, more, duties & ~one.covers))))
            if not one.required:
                self.edges.append((at, None, self.node("C", (i + 1, count, duties))))
            return
        for other, text in zip(table.classes, table.others, strict=True):
            self.edges.append((at, text, self.node("M", (i, more, duties & ~other.covers))))

    def _tail(self, kind: str, state: State, at: int) -> bool:
        """Other keys up to a bound, with no obligation left: a counted repeat instead of a node for each count."""
        i, count, duties = state
        table = self.table
        if i < len(table.members) or duties or table.high is None or not table.others:
            return False
        other, low, high = alt(table.others), max(table.low - count, 0), table.high - count
        if kind == "M":
            self.edges.append((at, seq(repeat(seq(self.comma, other), low, high), self.closing), 1))
        elif high:
            self.edges.append((at, seq(other, repeat(seq(self.comma, other), max(low - 1, 0), high - 1), self.closing), 1))
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


def _counted(count: int, table: Table) -> int:
    """One more member, counted only as far as it matters."""
    return count + 1 if table.high is not None else min(count + 1, table.low)


class _AnyOrder:
    """Rules for any order of keys. A state is (the members that are there, as bits; how many members; obligations left)."""

    def __init__(self, table: Table, site: Site) -> None:
        self.table = table
        self.opening, self.comma, self.closing, self.empty = site.frame(_OPEN, _CLOSE)
        self.required = sum(1 << i for i, one in enumerate(table.members) if one.required)
        self.counting = bool(table.low or table.high is not None or table.duties)
        group: list[Rule] = []
        self.members = [Rule(partial(_same, text), "member", group) for text in table.texts]
        self.others = [Rule(partial(_same, text), "member", group) for text in table.others]
        group += [*self.members, *self.others]
        self.rules: dict[tuple[str, State], Rule] = {}

    def expr(self) -> Expr:
        """The object."""
        first = (0, 0, self.table.duties)
        some = seq(self.opening, self._keys(first))
        return alt([self.empty, some]) if self._may_end(first) else some

    def _may_end(self, state: State) -> bool:
        there, count, duties = state
        return not self.required & ~there and count >= self.table.low and not duties

    def _after(self, state: State) -> Rule:
        found = self.rules.get(("after", state))
        if found is None:
            found = self.rules["after", state] = Rule(partial(self._made_after, state), "members")
        return found

    def _made_after(self, state: State) -> Expr:
        more = seq(self.comma, self._keys(state))
        return alt([self.closing, more]) if self._may_end(state) else more

    def _keys(self, state: State) -> Expr:
        """A key that may come next, its value, and what may follow: two calls a member, whose texts are written once for all sets."""
        there, count, duties = state
        table = self.table
        more = _counted(count, table)
        edges: list[tuple[int, Expr | None, int]] = []
        node = 1
        for i, one in enumerate(table.members):
            if not there >> i & 1:
                after = (there | 1 << i, more, duties & ~one.covers)
                if self._can_finish(after):
                    node += 1
                    edges += [(0, self.members[i], node), (node, self._after(after), 1)]
        for other, rule in zip(table.classes, self.others, strict=True):
            after = (there, more, duties & ~other.covers)
            if self._can_finish(after):
                node += 1
                edges += [(0, rule, node), (node, self._after(after), 1)]
        return Net(node + 1, edges, (1,)) if edges else NEVER

    def _can_finish(self, state: State) -> bool:
        if not self.counting:
            return True
        there, count, duties = state
        table = self.table
        left = [one for i, one in enumerate(table.members) if not there >> i & 1]
        high = None if table.high is None else table.high - count
        return (high is None or high >= 0) and can_finish(left, table.classes, duties, table.low - count, high)


def _same(expr: Expr) -> Expr:
    return expr
