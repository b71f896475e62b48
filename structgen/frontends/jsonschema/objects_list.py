"""Objects as one network: declared properties in schema order and then other keys, or all keys in any order. Keys are unique.

In schema order, for n declared properties, of which those before i are settled:

    C i   a key must follow: property i, or (where i is optional) one of the later ones, or at C n another key
    M i   after a property: a comma and then C i, or the closing brace where nothing required is left

Other keys, and all keys in any order, are a list of `Entries`, with their number where that is bounded; what keys there were is the
kernels' business.

Not here: objects that take a rule for each state that a text comes to (`objects_states`), which keys there are (`keys`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from structgen.frontends.jsonschema.keys import Member, Rest
from structgen.frontends.jsonschema.site import Site
from structgen.frontends.jsonschema.spell import any_string, string_leaf, string_literal, strings_expr
from structgen.frontends.jsonschema.style import JsonStyle
from structgen.ir.expr import NEVER, Entries, Expr, Known, Leaf, Lit, Minus, Net, Other, alt, seq

MANY: Final = 2000
"""From so many members on, their names are a tree of rules."""

Edge = tuple[int, Expr | None, int]


class Lists:
    """An object whose members have values. In schema order it has no counts, nor obligations; in any order it may have counts."""

    def __init__(self, keys: Rest, site: Site) -> None:
        self.site, self.low, self.high, self.classes = site, keys.low, keys.high, keys.others
        loose = [one for one in keys.members if one.loose]
        self.members = [*(one for one in keys.members if not one.loose), *loose] if loose else keys.members
        self.ordered = 0 if site.order == "any" else len(keys.members) - len(loose)
        self.settled = self.required = 0  # the members before that one are settled where the last required one is; those behind, as bits
        for i, one in enumerate(self.members):
            if one.required and i < self.ordered:
                self.settled = i + 1
            elif one.required:
                self.required |= 1 << i
        self.opening, self.comma, self.closing, self.empty = site.frame("{", "}")
        self.colon = site.style.colon()

    def chain(self) -> Expr:
        """Schema order without counts and obligations: about 2 n nodes. C i is node i + 1 (node 0 stands before the brace), M i is node
        n + 1 + i."""
        size, settled = self.ordered, self.settled
        tail = bool(self.classes) or size < len(self.members)
        last = size if tail else size - 1  # the last i with a C i
        if last < 0:
            return self.empty
        after, end = last + 1, last + size + 2
        edges: list[Edge] = [(0, self.opening, 1)]
        if not settled and not self.required:
            edges.append((0, self.empty, end))
        for i in range(size):
            edges.append((i + 1, seq(self.key_of(self.members[i]), self.colon, self.site.value(self.members[i].goal)), after + i + 1))
            if i < last and not self.members[i].required:
                edges.append((i + 1, None, i + 2))
        edges += [(after + i, self.comma, i + 1) for i in range(1, last + 1)]
        if not self.required:
            edges += [(after + i, self.closing, end) for i in range(max(settled, 1), size + 1)]
        if not tail:
            return Net(end + 1, edges, (end,))
        nodes, more = self.tail(size + 1, end)
        return Net(nodes, [*edges, *more], (end,))

    def tail(self, at: int, end: int) -> tuple[int, list[Edge]]:
        """Keys without order, from node `at` to `end`, the last one so far; and the number of nodes then."""
        return end + 2, [(at, self.entries(self.members[self.ordered :]), end + 1), (end + 1, self.closing, end)]

    def free(self) -> Expr:
        """Any order, with no more than a number to keep count of."""
        some = NEVER if self.high == 0 or not (self.members or self.classes) else self.entries(self.members)
        return alt([*([] if self.low or self.required else [self.empty]), seq(self.opening, some, self.closing)])

    def entries(self, members: Sequence[Member]) -> Expr:
        """Members in any order, and other keys."""
        value, colon = self.site.value, self.colon
        known = [Known(string_literal(one.name, self.site.style), seq(colon, value(one.goal)), one.required) for one in members]
        others = [Other(self.key(k), seq(colon, value(one.goal))) for k, one in enumerate(self.classes)]
        return Entries(known, others, self.comma, self.low, self.high)

    def key_of(self, one: Member) -> Lit:
        """The name of a member."""
        return string_literal(one.name, self.site.style)

    def key(self, k: int) -> Expr:
        """The texts of the keys of class k."""
        one, leaf = self.classes[k], self.leaf(k)
        return Minus(leaf, self.literal(one.taken)) if one.taken else leaf

    def leaf(self, k: int) -> Leaf:
        """The same with the declared names."""
        one = self.classes[k]
        return any_string(self.site.style) if one.dfa is None else string_leaf(one.dfa, self.site.style, one.low, one.high)

    def literal(self, names: Sequence[str]) -> Expr:
        """Any of these keys, however it is spelled."""
        return strings_expr(names, self.spelled)

    @property
    def spelled(self) -> JsonStyle:
        """The style in which keys are denied: another spelling of a declared key is that key."""
        style = self.site.style
        return style if style.constants == "any" else replace(style, constants="any")
