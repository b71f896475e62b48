"""From a tree to the automaton of whole texts: conditions that the context decides are resolved, the rest goes to `looks.py`.

At the start of the text `^` is true and `\\b` half decided; in a search, anything before `^` is nothing at all; a look-ahead that begins
the pattern is an intersection. After these steps most patterns of the world have no conditions left and take the short way (`build.py`).
"""

from __future__ import annotations

from functools import lru_cache

from structgen.frontends.regex.build import plain_dfa
from structgen.frontends.regex.looks import dfa_with_looks
from structgen.frontends.regex.nodes import ANYTHING, EMPTY, NEVER, Cat, Look, Node, Or, Rep, cat, either, has_looks, nullable, rep
from structgen.ir.regular import CharDFA


def searching(node: Node) -> Node:
    """The tree of all texts in which the tree is found."""
    return _reach(_reach(node, ahead=False), ahead=True)


def _reach(node: Node, *, ahead: bool) -> Node:
    """Anything, then the tree (or, `ahead`, the tree and then anything); anchors at that end take the place of "anything"."""
    if isinstance(node, Or) and has_looks(node):
        return either(_reach(part, ahead=ahead) for part in node.parts)
    if isinstance(node, Cat) and node.parts and has_looks(node.parts[-1 if ahead else 0]):
        if ahead:
            return cat([*node.parts[:-1], _reach(node.parts[-1], ahead=True)])
        return cat([_reach(node.parts[0], ahead=False), *node.parts[1:]])
    if isinstance(node, Look) and node.ahead is ahead and node.whole and not node.negative:
        return node.body
    return cat([node, ANYTHING] if ahead else [ANYTHING, node])


def settle(node: Node, *, end: bool) -> Node:
    """The tree with the conditions decided that stand at the very start of the text (or, `end`, at its very end)."""
    if not has_looks(node):
        return node
    if isinstance(node, Look):
        if node.ahead is not end or has_looks(node.body):
            return node
        return EMPTY if nullable(node.body) != node.negative else NEVER
    if isinstance(node, Or):
        return either(settle(part, end=end) for part in node.parts)
    if isinstance(node, Rep):
        return rep(settle(node.body, end=end), node.low, node.high) if node.high == 1 else node
    assert isinstance(node, Cat)
    parts = list(node.parts)
    for i in range(len(parts) - 1, -1, -1) if end else range(len(parts)):
        parts[i] = settle(parts[i], end=end)
        if not (parts[i] == EMPTY or isinstance(parts[i], Look)):
            break
    return cat(parts)


@lru_cache(maxsize=256)
def language(node: Node, budget: int) -> CharDFA:
    """The automaton of the texts that match as a whole; remembered. Raises BudgetExceeded."""
    node = settle(settle(node, end=False), end=True)
    if not has_looks(node):
        return plain_dfa(node, budget)
    if isinstance(node, Look):
        node = Cat((node,))
    if isinstance(node, Or):
        found = plain_dfa(either(part for part in node.parts if not has_looks(part)), budget)
        for part in node.parts:
            if has_looks(part):
                found = found.union(language(part, budget), budget=budget)
        return found
    if isinstance(node, Cat):
        for at, rest in ((0, node.parts[1:]), (-1, node.parts[:-1])):
            look = node.parts[at]
            if isinstance(look, Look) and look.ahead is (at == 0):
                sides = [look.body, ANYTHING] if look.ahead else [ANYTHING, look.body]
                told = language(look.body if look.whole else cat(sides), budget)
                others = language(cat(rest), budget)
                return others.difference(told, budget=budget) if look.negative else others.intersection(told, budget=budget)
    return dfa_with_looks(node, budget)
