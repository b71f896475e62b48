"""Where a schema without any value is to blame: a place, as deep as can be, that has none, and that every value would need.

Not here: whether there are values (`empty`).
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from structgen.frontends.jsonschema.empty import TOO_MUCH, Emptiness, Test
from structgen.frontends.jsonschema.load import Cell, pointer
from structgen.frontends.jsonschema.node import FALSE, Goal, Node, goal_of

Part = tuple[Node, Cell | str]
"""A sub-schema, and where it stands."""


def to_blame(root: Node, emptiness: Emptiness) -> str:
    """The JSON Pointer of the place."""
    node, cell = root.canon, root.canon.cell
    seen = {node}
    while True:
        found = _dead(chain(_alone(node), _needed(node)), emptiness)
        if found is None or found[0] in seen:
            break
        node, cell = found
        seen.add(node)
    return _goal_to_blame(goal_of(node), cell, emptiness)


def _goal_to_blame(goal: Goal, cell: Cell | str, emptiness: Emptiness) -> str:
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
    return pointer(cell if goal == start else emptiness.algebra.nodes[goal[0] >> 1].cell)


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
