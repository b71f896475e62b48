"""Nodes: sub-schemas after reading, and goals: what a value has to satisfy.

A `Node` is one sub-schema as a tuple of items `(kind, payload, children)`; a value satisfies the node when it satisfies every item:

    type      (mask of NULL..OBJ, only integers, spelled as such)    ()
    enum      (null, booleans, numbers, strings, arrays and objects as constants)    a node for each constant that nests too deep for that
    min, max  (Fraction, exclusive)                 ()          multiple   Fraction
    minlen, maxlen, minitems, maxitems, minprops, maxprops      int
    pattern, format   str                           ()
    text      a condition on strings (`strings.Atom`)           ()
    array     (how many prefix items, has a rest)   (*prefix, rest)
    contains  (low, high or None)                   (item,)
    unique    None                                  ()
    object    (names, patterns, has a rest)         (*properties, *pattern properties, rest)
    required  names                                 ()
    names     None                                  (key,)
    needs     ((name, (other names)), ...)          ()          dependentRequired
    shapes    names                                 schemas     dependentSchemas
    all, any, one, not, ref                         schemas
    if        (has then, has else)                  (if, then, else) as far as there
    unprops   None                                  (rest,)     unevaluatedProperties
    unitems   None                                  (rest,)     unevaluatedItems
    marks     None                                  (item,)     allows all; items that satisfy it count as evaluated (`contains`)
    tried     None                                  (if,)       allows all; what it evaluates counts (`if` without then and else)
    open      mask of types                         ()          a constraint that was relaxed: unknown, under `not` too
    never     None                                  ()
    among     set of constants                      ()          made by the algebra only

Equal nodes are one node: `canon` is the first node with the same items. Annotations are no items, so `{}` and `{"title": "x"}` are equal.

A *literal* is a node or its negation as an int: `2 * index`, plus 1 where negated. A *goal* is a tuple of literals, all of which must
hold, in the order in which they were met (the order of properties follows it). TRUE is the empty goal, FALSE the goal `(1,)`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from structgen.frontends.jsonschema.load import Cell

NULL, BOOL, NUM, STR, ARR, OBJ = 1, 2, 4, 8, 16, 32
ALL: Final = 63

Item = tuple[str, Any, "tuple[Node, ...]"]
Goal = tuple[int, ...]

TRUE: Final[Goal] = ()
FALSE: Final[Goal] = (1,)


class Node:
    """One sub-schema. `cell` is its place (of the first of equal ones, in `canon`); `state`: 0 unread, 1 being read, 2 read."""

    __slots__ = ("canon", "cell", "index", "items", "state")

    def __init__(self, index: int, cell: Cell | str) -> None:
        self.index, self.cell = index, cell
        self.items: tuple[Item, ...] = ()
        self.canon: Node = self
        self.state = 0


def join(first: Goal, second: Goal) -> Goal:
    """Both goals; FALSE where they contradict each other at sight."""
    if not second or first is second:
        return first
    return join_all((first, second)) if first else second


def join_all(goals: Iterable[Goal]) -> Goal:
    """All of the goals; FALSE where they contradict each other at sight."""
    several = [goal for goal in goals if goal]
    if len(several) < 2:
        return several[0] if several else TRUE
    kept = dict.fromkeys(several[0])
    for goal in several[1:]:
        for literal in goal:
            if literal ^ 1 in kept:
                return FALSE
            kept[literal] = None
    return FALSE if 1 in kept else tuple(kept)


def goal_of(node: Node, *, negated: bool = False) -> Goal:
    """The goal of one node, reduced: references and single `not` and `allOf` are looked through."""
    seen: set[int] = set()
    while True:
        node = node.canon
        if node.index == 0:
            return FALSE if negated else TRUE
        if len(node.items) == 1:
            kind, _, children = node.items[0]
            if kind == "never":
                return TRUE if negated else FALSE
            if kind in ("ref", "not") and node.index not in seen:
                seen.add(node.index)
                negated ^= kind == "not"
                node = children[0]
                continue
        return (2 * node.index + negated,)
