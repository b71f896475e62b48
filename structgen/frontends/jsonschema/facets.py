"""Facets: the keywords of one node that speak of one JSON type each, as shapes, and their negations.

Not here: keywords that speak of several types, and the negations of those about objects, which need layers (`algebra`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from structgen.frontends.jsonschema.formats import format_lengths
from structgen.frontends.jsonschema.node import ALL, ARR, BOOL, FALSE, NULL, NUM, OBJ, STR, TRUE, Item, Node, goal_of
from structgen.frontends.jsonschema.shapes import (
    ANY_ARR,
    ANY_NUM,
    ANY_OBJ,
    ANY_STR,
    BOTTOM,
    ONE,
    Arr,
    Contains,
    Form,
    Layer,
    Need,
    Num,
    Obj,
    Str,
    meet_arr,
    meet_num,
    meet_str,
    met_needs,
    only,
)

if TYPE_CHECKING:
    from structgen.frontends.jsonschema.algebra import Algebra

_INTEGER: Final = frozenset((ONE,))
_NUMBER: Final = frozenset(("min", "max", "multiple"))
_STRING: Final = frozenset(("minlen", "maxlen", "pattern", "format", "text"))
_ARRAY: Final = frozenset(("array", "minitems", "maxitems", "contains", "unique"))


class Facets:
    """The keywords of one node that speak of one type each, gathered into one shape per type."""

    mask, dead = ALL, 0  # what no keyword has spoken of is the class's
    number, string, array = ANY_NUM, ANY_STR, ANY_ARR
    layers: tuple[Layer, ...] = ()
    required: tuple[str, ...] = ()
    low, names = 0, TRUE
    high: int | None = None
    needs: tuple[Need, ...] = ()

    def __init__(self, algebra: Algebra) -> None:
        self.algebra = algebra

    def take(self, node: Node, item: Item) -> bool:
        """True where the item was such a keyword."""
        kind, payload, children = item
        if kind == "type":
            self.mask &= payload[0]
            if payload[1]:
                self._number(Num(divisors=_INTEGER, bare=payload[2]))
        elif kind == "object":
            self.layers += (self.algebra.layer(node, payload, children),)
        elif kind == "required":
            self.required = payload
        elif kind in _NUMBER:
            self._number(_number(kind, payload))
        elif kind in _STRING:
            string = meet_str(self.string, _string(kind, payload))
            self.string, self.dead = (self.string, self.dead | STR) if string is None else (string, self.dead)
        elif kind in _ARRAY:
            array = meet_arr(self.array, _array(kind, payload, children), self.algebra.overlap.void)
            self.array, self.dead = (self.array, self.dead | ARR) if array is None else (array, self.dead)
        elif kind == "minprops":
            self.low = payload
        elif kind == "maxprops":
            self.high = payload
        elif kind == "names":
            self.names = goal_of(children[0])
        elif kind == "needs":
            self.needs += tuple([((name,), others) for name, others in payload])
        else:
            return False
        return True

    def _number(self, one: Num) -> None:
        number = meet_num(self.number, one)
        self.number, self.dead = (self.number, self.dead | NUM) if number is None else (number, self.dead)

    def form(self) -> Form:
        """The conjunction."""
        high = self.high
        if self.needs:
            self.required, self.needs = met_needs(self.required, self.needs)
        if high is not None and (self.low > high or len(self.required) > high):
            self.dead |= OBJ
        mask = self.mask & ~self.dead
        shape = ANY_OBJ
        if self.layers or self.required or self.low or high is not None or self.names or self.needs:
            shape = Obj(self.layers, self.required, self.low, high, self.names, needs=self.needs)
        return Form(
            bool(mask & NULL),
            3 if mask & BOOL else 0,
            (self.number,) if mask & NUM else (),
            (self.string,) if mask & STR else (),
            (self.array,) if mask & ARR else (),
            (shape,) if mask & OBJ else (),
        )


def denied(item: Item) -> Form | None:
    """The negation of one keyword about numbers, strings or arrays; None for any other."""
    kind, payload, children = item
    if kind in _NUMBER:
        return only("number", (_not_number(kind, payload),))
    if kind in _STRING:
        return _not_string(kind, payload)
    return _not_array(kind, payload, children) if kind in _ARRAY else None


def _number(kind: str, payload: Any) -> Num:
    if kind == "multiple":
        return Num(divisors=frozenset((payload,)))
    limit, exclusive = payload
    return Num(low=limit, low_open=exclusive) if kind == "min" else Num(high=limit, high_open=exclusive)


def _not_number(kind: str, payload: Any) -> Num:
    if kind == "multiple":
        return Num(others=frozenset((payload,)))
    limit, exclusive = payload
    return Num(high=limit, high_open=not exclusive) if kind == "min" else Num(low=limit, low_open=not exclusive)


def _string(kind: str, payload: Any) -> Str:
    if kind == "minlen":
        return Str(low=payload)
    if kind == "maxlen":
        return Str(high=payload)
    if kind == "text":
        return Str(has=(payload,))
    low, high = format_lengths(payload) if kind == "format" else (0, None)
    return Str(low, high, has=((kind, payload),))


def _not_string(kind: str, payload: Any) -> Form:
    if kind == "minlen":
        return only("string", (Str(high=payload - 1),)) if payload else BOTTOM
    if kind == "maxlen":
        return only("string", (Str(low=payload + 1),))
    if kind == "text":
        return only("string", (Str(lacks=(payload,)),))
    low, high = format_lengths(payload) if kind == "format" else (0, None)
    shapes = [Str(lacks=((kind, payload),))]
    if low:
        shapes.append(Str(high=low - 1))
    if high is not None:
        shapes.append(Str(low=high + 1))
    return only("string", tuple(shapes))


def _array(kind: str, payload: Any, children: Sequence[Node]) -> Arr:
    if kind == "minitems":
        return Arr(low=payload)
    if kind == "maxitems":
        return Arr(high=payload)
    if kind == "unique":
        return Arr(unique=True)
    if kind == "contains":
        low, high = payload
        goal = goal_of(children[0])
        return Arr(contains=(Contains(goal, goal_of(children[0], negated=True), low, high),))
    size, has_rest = payload
    goals = tuple([goal_of(child) for child in children])
    return Arr(prefix=goals[:size], rest=goals[-1] if has_rest else TRUE)


def _not_array(kind: str, payload: Any, children: Sequence[Node]) -> Form:
    if kind == "minitems":
        return only("array", (Arr(high=payload - 1),)) if payload else BOTTOM
    if kind == "maxitems":
        return only("array", (Arr(low=payload + 1),))
    if kind == "unique":
        return only("array", (Arr(unique=False),))
    if kind == "contains":
        goal, other = goal_of(children[0]), goal_of(children[0], negated=True)
        low, high = payload
        shapes = [Arr(contains=(Contains(goal, other, 0, low - 1),))] if low else []
        if high is not None:
            shapes.append(Arr(contains=(Contains(goal, other, high + 1, None),)))
        return only("array", tuple(shapes))
    size, has_rest = payload
    shapes = []
    for i, child in enumerate(children[:size]):
        bad = goal_of(child, negated=True)
        if bad != FALSE:
            shapes.append(Arr(prefix=(TRUE,) * i + (bad,), low=i + 1))
    if has_rest:
        bad, good = goal_of(children[-1], negated=True), goal_of(children[-1])
        if bad == TRUE:
            shapes.append(Arr(low=size + 1))
        elif bad != FALSE:
            shapes.append(Arr(contains=(Contains(bad, good, 1, None, size),)))
    return only("array", tuple(shapes))
