"""Where a format that is a grammar, without any regular part, meets other conditions on the same string.

Not here: what several conditions on a string mean together (`strings`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from structgen.errors import UnsupportedFeature
from structgen.frontends.jsonschema.algebra import Algebra
from structgen.frontends.jsonschema.load import pointer
from structgen.frontends.jsonschema.node import STR, Goal, Node, goal_of
from structgen.frontends.jsonschema.shapes import goals_in
from structgen.frontends.jsonschema.strings import Atom, solve
from structgen.ir.report import Finding

LOOKED: Final = 2000
"""How many goals are looked at for what cannot be compiled; what lies deeper is found when a text gets there."""


def crowded(root: Node, nodes: Sequence[Node], *, relax: bool) -> list[Finding]:
    """The places of such formats, where one of them meets something among the first `LOOKED` goals below the root.

    With `relax` such a format asks for nothing any more, wherever it stands.
    """
    atoms = {item[1] for node in nodes for item in node.items if item[0] == "text" and item[1][0] == "grammar"}
    reasons = _reasons(root, nodes, {atom for atom in atoms if atom[1].inner is None or atom[1].outer is None})
    found: list[Finding] = []
    for node in nodes:
        bad = [item[1] for item in node.items if item[0] == "text" and item[1] in reasons]
        if bad and node.canon is node:
            error = reasons[bad[0]]
            where = f"{pointer(node.cell)}/format"
            found.append(Finding(where, "format", "relaxed" if relax else "refused", error.why, error.hint or ""))
        if bad and relax:
            node.items = tuple([("open", STR, ()) if item[1] in bad else item for item in node.items])
    return found


def _reasons(root: Node, nodes: Sequence[Node], own: set[Atom]) -> dict[Atom, UnsupportedFeature]:
    """What is wrong with which format."""
    found: dict[Atom, UnsupportedFeature] = {}
    algebra = Algebra(list(nodes))
    seen: set[Goal] = set()
    todo = [goal_of(root)] if own else []
    while todo and len(seen) < LOOKED:
        goal = todo.pop()
        if goal in seen:
            continue
        seen.add(goal)
        form = algebra.form(goal)
        for one in form.string:
            mine = [atom for atom in own if atom in one.has or atom in one.lacks]
            if not mine or one.values is not None:
                continue
            try:
                solve(one)
            except UnsupportedFeature as error:
                found[mine[0]] = error
        todo += goals_in(form)
    return found
