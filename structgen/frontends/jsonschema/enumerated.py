"""Sets of constants, arrays and objects among them, as texts: a trie over members, however many constants there are.

A *rest* is what is left of one constant behind some of its members; constants with the same rest behind a value are one from there on. A
value that decides between many rests is a `Bind`: all values that may stand there are one expression, built in bulk, and the text of the
value says which rests are left. Rules are made when a text comes to them.

Not here: which constants satisfy a schema (`census`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Final

from structgen.frontends.jsonschema import constants
from structgen.frontends.jsonschema.constants import ARRAY, BOOLEAN, WRITTEN, Constant, plain
from structgen.frontends.jsonschema.site import Rules, Site
from structgen.frontends.jsonschema.spell import string_literal, values_expr
from structgen.ir.expr import EPSILON, Bind, Expr, Rule, alt, seq

FEW: Final = 4
"""Up to so many different rests behind a value, they are alternatives."""

Member = tuple[str | None, Constant]
Rest = tuple[bool, tuple[Member, ...]]
"""(whether the members come in this order, the members); items of arrays are members without keys."""

Rests = frozenset[Rest]


def constants_expr(values: Iterable[Constant], site: Site) -> Expr:
    """The texts of some constants, at the place of `site`. NEVER for none."""
    scalars: list[object] = []
    arrays: dict[Rest, None] = {}
    objects: dict[Rest, None] = {}
    for one in values:
        if not isinstance(one, tuple):
            scalars.append(one)
        elif one[0] == BOOLEAN:
            scalars.append(one[1])
        elif one[0] == ARRAY:
            arrays[True, tuple([(None, item) for item in one[1:]])] = None
        else:
            objects[one[0] == WRITTEN and site.order == "schema", one[1:]] = None
    parts = [values_expr(scalars, site.style)]
    if arrays:
        parts.append(_Family("[", "]", site).expr(frozenset(arrays)))
    if objects:
        parts.append(_Family("{", "}", site).expr(frozenset(objects)))
    return alt(parts)


class _Family:
    """The rules of sets of arrays, or of objects, in one place."""

    def __init__(self, left: str, right: str, site: Site) -> None:
        self.site, self.inside = site, site._replace(depth=site.style.level(site.depth + 1))
        self.opening, self.comma, self.closing, self.empty = site.frame(left, right)
        self.rule = Rules(site.lock)

    def expr(self, rests: Rests) -> Expr:
        """Whole containers."""
        return alt(([self.empty] if _may_end(rests) else []) + [seq(self.opening, one) for one in self.members(rests, sure=True)])

    def after(self, rests: Rests, *, sure: bool) -> Rule:
        """Behind a member. Where not `sure`, the value of an earlier one is not known, and rests are left that it may exclude."""
        return self.rule("constants", (rests, sure), partial(self._after, rests, sure))

    def _after(self, rests: Rests, sure: bool) -> Expr:
        parts = [self.closing] if _may_end(rests) else []
        return alt(parts + [seq(self.comma, one) for one in self.members(rests, sure=sure)])

    def members(self, rests: Rests, *, sure: bool) -> list[Expr]:
        """The next member and what follows, for each key that may come next."""
        keys: dict[str | None, dict[Constant, dict[Rest, None]]] = {}  # the rests behind each value
        for ordered, left in rests:
            for i, (key, value) in enumerate(left[:1] if ordered else left):
                keys.setdefault(key, {}).setdefault(value, {})[ordered, left[:i] + left[i + 1 :]] = None
        return [seq(self.key(key), self.value({v: frozenset(one) for v, one in behind.items()}, sure=sure)) for key, behind in keys.items()]

    def key(self, key: str | None) -> Expr:
        return EPSILON if key is None else seq(string_literal(key, self.site.style), self.site.style.colon())

    def value(self, behind: dict[Constant, Rests], *, sure: bool) -> Expr:
        """A value and what follows it."""
        groups: dict[Rests, list[Constant]] = {}
        for value, rests in behind.items():
            groups.setdefault(rests, []).append(value)
        if len(groups) <= FEW:
            return alt([seq(constants_expr(values, self.inside), self.after(rests, sure=sure)) for rests, values in groups.items()])
        then: Callable[[bytes], Expr] | None = None
        if sure:
            known: dict[Constant, Rests] = {}
            for value, rests in behind.items():
                known[plain(value)] = known.get(plain(value), rests) | rests
            then = partial(self.then, known)
        return Bind(constants_expr(behind, self.inside), then, self.after(frozenset().union(*groups), sure=False), sure=False)

    def then(self, known: dict[Constant, Rests], text: bytes) -> Expr:
        return self.after(known[constants.read(text)], sure=True)


def _may_end(rests: Rests) -> bool:
    return any(not left for _, left in rests)
