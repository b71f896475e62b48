"""Where a schema without any value is to blame: a place, as deep as can be, that has none, and that every value would need; and which of
its keywords clash.

Not here: whether there are values (`empty`).
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import chain
from typing import Any, Final

from structgen.errors import SchemaError
from structgen.frontends.jsonschema.empty import TOO_MUCH, Emptiness, Test
from structgen.frontends.jsonschema.load import Cell, pointer
from structgen.frontends.jsonschema.node import FALSE, Goal, Item, Node, goal_of

MAX_ITEMS: Final = 30
"""The most keywords of a schema that are left out one by one."""

Part = tuple[Node, Cell | str]
"""A sub-schema, and where it stands."""


_KEYWORDS: Final = {
    "min": "minimum", "max": "maximum", "multiple": "multipleOf", "minlen": "minLength", "maxlen": "maxLength", "minitems": "minItems",
    "maxitems": "maxItems", "minprops": "minProperties", "maxprops": "maxProperties", "text": "pattern or format", "array": "items",
    "unique": "uniqueItems", "object": "properties", "names": "propertyNames", "needs": "dependentRequired", "shapes": "dependentSchemas",
    "all": "allOf", "any": "anyOf", "one": "oneOf", "ref": "$ref", "unprops": "unevaluatedProperties", "unitems": "unevaluatedItems",
}  # fmt: skip
"""The keywords of items whose kind has another name."""


def to_blame(root: Node, emptiness: Emptiness) -> tuple[str, str]:
    """The JSON Pointer of the place, and why it has no value."""
    node, cell = root.canon, root.canon.cell
    seen = {node}
    while True:
        found = _dead(chain(_alone(node), _needed(node)), emptiness)
        if found is None or found[0] in seen:
            break
        node, cell = found
        seen.add(node)
    goal, cell = _goal_to_blame(goal_of(node), cell, emptiness)
    return pointer(cell), _clash(goal, emptiness)


def _clash(goal: Goal, emptiness: Emptiness) -> str:
    """The fewest keywords of one schema that have no value together: each is left out that can be."""
    node = emptiness.algebra.nodes[goal[0] >> 1]
    if goal == FALSE or len(goal) > 1 or goal[0] & 1 or len(node.items) > MAX_ITEMS:
        return "It is false, which allows nothing." if goal == FALSE else ""
    core = list(node.items)
    for item in node.items:
        rest = [one for one in core if one is not item]
        if not _lives(rest, node, emptiness):
            core = rest
    names = [_said(*item[:2]) for item in core]
    if len(names) == 1:
        return f"Its {names[0]} allows nothing."
    endless = ", or require themselves without end" if any(children for _, _, children in core) else ""
    return f"Its {', '.join(names[:-1])} and {names[-1]} contradict each other{endless}."


def _lives(items: list[Item], node: Node, emptiness: Emptiness) -> bool:
    """Whether some value satisfies the items; True where that is not easily known."""
    nodes = emptiness.algebra.nodes
    part = Node(len(nodes), node.cell)
    part.items, part.state = tuple(items), 2
    nodes.append(part)
    try:
        return emptiness.live(goal_of(part))
    except (*TOO_MUCH, SchemaError):
        return True


def _said(kind: str, payload: Any) -> str:
    """A keyword, with its value where that is a number."""
    if kind in ("min", "max"):
        limit, exclusive = payload
        name = _KEYWORDS[kind]
        return f"{f'exclusive{name.capitalize()}' if exclusive else name} {_number(limit)}"
    name = _KEYWORDS.get(kind, kind)
    return f"{name} {_number(payload)}" if isinstance(payload, int | Fraction) else name


def _number(value: Fraction | int) -> str:
    return f"{float(value):g}" if value == Fraction(f"{float(value):g}") else str(value)


def _goal_to_blame(goal: Goal, cell: Cell | str, emptiness: Emptiness) -> tuple[Goal, Cell | str]:
    """Goes on where several schemas speak of one value, of which each alone has some."""
    start = goal
    seen: set[Goal] = set()
    while goal not in seen and goal != FALSE:
        seen.add(goal)
        needs = emptiness.needs(goal) or []
        bad = _missing(needs[0], emptiness) if len(needs) == 1 else []
        if len(bad) != 1 or bad[0] == FALSE:
            break
        goal = bad[0]
    return goal, cell if goal == start else emptiness.algebra.nodes[goal[0] >> 1].cell


def _missing(need: Test, emptiness: Emptiness) -> list[Goal]:
    """The goals without values that a need fails for."""
    found: dict[Goal, None] = {}

    def live(goal: Goal) -> bool:
        is_live = emptiness.live(goal)
        if not is_live:
            found[goal] = None
        return is_live

    need(live)
    return list(found)


def _dead(parts: Iterator[Part], emptiness: Emptiness) -> Part | None:
    """The first part without values; None where there is none that is easily known."""
    for node, cell in parts:
        try:
            if not emptiness.live(goal_of(node)):
                return node.canon, cell
        except TOO_MUCH:
            continue
    return None


def _place(node: Node, otherwise: Cell | str) -> Cell | str:
    """Where a node stands; `false` is one node, wherever it stands."""
    return otherwise if goal_of(node) == FALSE and not node.cell else node.cell


def _alone(node: Node) -> Iterator[Part]:
    """Sub-schemas that must hold for the same value."""
    for kind, _, children in node.items:
        if kind == "ref":
            yield children[0], _place(children[0], (node.cell, "$ref"))
        elif kind == "all" or (kind in ("any", "one") and len(children) == 1):
            for i, child in enumerate(children):
                yield child, ((node.cell, f"{kind}Of"), str(i))


def _needed(node: Node) -> Iterator[Part]:
    """Sub-schemas of members and items that must be there."""
    together = list(_together(node))
    required = {name for one in together for kind, names, _ in one.items if kind == "required" for name in names}
    low = max([0, *(count for one in together for kind, count, _ in one.items if kind == "minitems")])
    for one in together:
        for kind, payload, children in one.items:
            if kind == "object":
                members = zip(payload[0], children, strict=False)
                yield from ((child, ((one.cell, "properties"), name)) for name, child in members if name in required)
            elif kind == "array":
                size, has_rest = payload
                there = children[: min(size, low)] + (children[-1:] if has_rest and low > size else ())
                yield from ((child, _place(child, one.cell)) for child in there)
            elif kind == "contains" and payload[0]:
                yield children[0], (one.cell, "contains")


def _together(node: Node) -> Iterator[Node]:
    """A node and all that hold with it."""
    seen: set[Node] = set()
    todo = [node]
    while todo:
        one = todo.pop().canon
        if one not in seen:
            seen.add(one)
            yield one
            todo += [part for part, _ in _alone(one)]
