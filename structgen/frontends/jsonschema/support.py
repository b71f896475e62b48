"""Which parts of a schema a text automaton cannot follow exactly, beyond single keywords: negations, and counts of keys that may repeat.

Every item of a node has an exact negation but these:

    patternProperties {p: S}, additionalProperties S     "some other key has a value that is not S" is only known when the last of equal
    keys was read minProperties (maxProperties where negated)          distinct keys must be counted, and only declared keys are kept from
    repeating

Literals (a node, or its negation) form a graph: what does the meaning of one ask for? Only literals that the root can reach matter. A
`oneOf` asks for the negation of a branch only where branches can hold together.

Not here: keywords that are refused wherever they stand (`read`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from structgen.frontends.jsonschema.algebra import Algebra
from structgen.frontends.jsonschema.load import pointer
from structgen.frontends.jsonschema.node import FALSE, Node, goal_of
from structgen.frontends.jsonschema.overlap import WHOLE
from structgen.ir.report import Finding, Verdict

Trouble = tuple[str, str]
"""(keyword, why)."""

_NEGATIVE: Final = frozenset(("not", "one", "if", "contains"))

_KEYS: Final = "equal keys may repeat in a text, and the last one counts"


def suspects(nodes: Sequence[Node]) -> bool:
    """True where a schema has anything that this module must look at. Cheap, for most schemas have not."""
    return any(kind in _NEGATIVE or kind == "minprops" for node in nodes for kind, _, _ in node.items)


def problems(root: Node, algebra: Algebra, *, relax: bool) -> list[Finding]:
    """What cannot be compiled exactly for these reasons."""
    verdict: Verdict = "relaxed" if relax else "refused"
    found: list[Finding] = []
    seen: set[int] = set()
    later: list[Node] = []  # oneOf nodes that hold: their branches are denied only where they overlap

    def walk(start: int) -> None:
        todo = [start]
        while todo:
            literal = todo.pop()
            if literal in seen or literal < 4:
                continue
            seen.add(literal)
            node = algebra.nodes[literal >> 1].canon
            negated = bool(literal & 1)
            trouble = _trouble(node, negated)
            if trouble is not None:
                found.append(Finding(pointer(node.cell), trouble[0], verdict, trouble[1]))
            if not negated and any(kind == "one" for kind, _, _ in node.items):
                later.append(node)
            todo.extend(one for one in _asked(node, negated))

    walk(2 * root.index)
    deniable = _Deniable(algebra)
    while later:
        node = later.pop()
        for kind, _, children in node.items:
            if kind != "one" or all(deniable(2 * child.canon.index + 1) for child in children):
                continue
            for index in _overlapping(children, algebra):
                walk(2 * children[index].canon.index + 1)
    return found


def _overlapping(children: Sequence[Node], algebra: Algebra) -> list[int]:
    """The branches of a oneOf that are denied somewhere."""
    forms = [algebra.of(child) for child in children]
    denied: dict[int, None] = {}
    for field in ("number", "string", "array", "object"):
        shapes = [getattr(form, field) for form in forms]
        if sum(map(bool, shapes)) > 1 and sum(WHOLE[field] in one for one in shapes) < 2:
            for _, others, _ in algebra.overlap.rivals(shapes):
                denied.update(dict.fromkeys(others))
    return list(denied)


def _trouble(node: Node, negated: bool) -> Trouble | None:
    """What is wrong with a literal itself."""
    items = {kind: (payload, children) for kind, payload, children in node.items}
    if negated:
        if "object" in items:
            (names, patterns, has_rest), children = items["object"]
            later = children[len(names) :]
            for child, keyword in zip(later, ["patternProperties"] * len(patterns) + ["additionalProperties"], strict=False):
                goal = goal_of(child)
                if goal != FALSE and goal:
                    return keyword, f"its negation cannot be followed exactly: {_KEYS}"
        if "maxprops" in items and items["maxprops"][0] >= 1:
            return "maxProperties", f"its negation counts distinct keys: {_KEYS}"
        return None
    if "minprops" in items and items["minprops"][0] >= 2:
        required = len(items["required"][0]) if "required" in items else 0
        if required >= items["minprops"][0] - 1:
            return None
        if "object" in items:
            (_, patterns, has_rest), children = items["object"]
            if has_rest and goal_of(children[-1]) == FALSE and not patterns:
                return None
        return "minProperties", f"it counts distinct keys: {_KEYS}"
    return None


def _asked(node: Node, negated: bool) -> Iterator[int]:
    """The literals that the meaning of a literal asks for."""
    for kind, payload, children in node.items:
        for i, child in enumerate(children):
            literal = 2 * child.canon.index
            if kind == "not":
                yield literal | (not negated)
            elif kind == "one":
                yield literal
                if negated:
                    yield literal | 1
            elif (kind == "if" and i == 0) or (kind == "contains" and (negated or payload[1] is not None)):
                yield literal
                yield literal | 1
            else:
                yield literal | negated


class _Deniable:
    """Tells whether a literal asks for nothing troublesome, however deep; remembered for all literals at once."""

    def __init__(self, algebra: Algebra) -> None:
        self._algebra = algebra
        self._bad: set[int] | None = None

    def __call__(self, literal: int) -> bool:
        if self._bad is None:
            self._bad = self._reach()
        return literal not in self._bad

    def _reach(self) -> set[int]:
        back: dict[int, list[int]] = {}
        todo: list[int] = []
        for node in self._algebra.nodes:
            if node.canon is not node:
                continue
            for negated in (False, True):
                literal = 2 * node.index + negated
                if _trouble(node, negated) is not None:
                    todo.append(literal)
                for one in _asked(node, negated):
                    back.setdefault(one, []).append(literal)
        bad = set(todo)
        while todo:
            for one in back.get(todo.pop(), ()):
                if one not in bad:
                    bad.add(one)
                    todo.append(one)
        return bad
