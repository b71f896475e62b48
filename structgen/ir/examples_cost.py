"""How a text can be brought to an end: an upper bound of what each expression costs at least, found by unfolding as few rules as needed.

Families of rules may be infinite, so nothing is computed ahead. Where the cost of an expression is asked for, rules are unfolded, by
turns the one found first (ends are mostly near) and the one found last (some lie at the end of a long chain), until one way to the end
is known. It need not be the shortest. A way once found stays: following the cheapest choices spends cost at every step, so it ends.

Costs count characters and rules.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from heapq import heappop, heappush
from math import inf
from typing import Final

from structgen.errors import BudgetExceeded, EmptyLanguage, UnsupportedFeature
from structgen.ir.expr import Alt, Bind, Expr, Leaf, Lit, Minus, Net, Repeat, Rule, Seq, Special, Strings

_MOST: Final = 20_000
"""The most rules that are unfolded in search of one end."""


class Costs:
    """Costs of the expressions of one language, as far as they were asked for. Bodies of rules are made once and kept."""

    def __init__(self) -> None:
        self._bodies: dict[int, tuple[Rule, Expr]] = {}
        self._known: dict[int, tuple[Expr, float]] = {}  # finite costs only; expressions are kept, so that an id stays its own
        self._far: dict[int, tuple[Net, list[float]]] = {}

    def body(self, rule: Rule) -> Expr:
        """What a rule stands for."""
        found = self._bodies.get(id(rule))
        if found is None:
            found = self._bodies[id(rule)] = rule, rule.make()
        return found[1]

    def of(self, expr: Expr) -> float:
        """The cost as far as rules have been unfolded; infinite where no end is known."""
        known = self._known.get(id(expr))
        if known is not None:
            return known[1]
        if isinstance(expr, Rule):
            return inf
        # Children before parents, on an explicit stack: expressions may nest deeply.
        costs: dict[int, float] = {}
        todo: list[tuple[Expr, bool]] = [(expr, False)]
        while todo:
            one, is_ready = todo.pop()
            if id(one) in costs:
                continue
            known = self._known.get(id(one))
            if known is not None or isinstance(one, Rule):
                costs[id(one)] = inf if known is None else known[1]
            elif is_ready:
                cost = costs[id(one)] = self._sum(one, costs)
                if cost < inf:
                    self._known[id(one)] = one, cost
            else:
                todo.append((one, True))
                todo += [(part, False) for part in _parts(one)]
        return costs[id(expr)]

    def settle(self, expr: Expr) -> float:
        """The cost, after unfolding as many rules as it takes.

        Raises EmptyLanguage or UnsupportedFeature (special tokens) where nothing can be spelled, BudgetExceeded where the end is too far.
        """
        return self._search([expr], lambda: self.of(expr))

    def _search(self, roots: list[Expr], cost_of: Callable[[], float]) -> float:
        """Unfold rules of `roots` until `cost_of` is finite."""
        cost = cost_of()
        if cost < inf:
            return cost
        found = deque(rule for root in roots for rule in _rules(root))
        opened: dict[int, Rule] = {}
        more = 8
        while found:
            for turn in range(more):
                rule = found.pop() if turn % 2 else found.popleft()
                if id(rule) not in opened and id(rule) not in self._known:
                    opened[id(rule)] = rule
                    # Of those found together, the one written first is tried first; one that was found before moves up.
                    found += [one for one in reversed(_rules(self.body(rule))) if id(one) not in opened and id(one) not in self._known]
                if not found:
                    break
            self._propagate(list(opened.values()))
            if (cost := cost_of()) < inf:
                return cost
            if len(opened) > _MOST:
                raise BudgetExceeded(f"no end of a text was found within {_MOST:,} rules", hint="the shortest texts are very large")
            more *= 2
        if any(_needs_special(expr) for expr in (*roots, *map(self.body, opened.values()))):
            raise UnsupportedFeature(
                "every text of the grammar has a special token, which has no spelling", hint="examples are plain texts"
            )
        raise EmptyLanguage("the grammar allows no text at all")

    def _propagate(self, opened: list[Rule]) -> None:
        """Note the costs of unfolded rules, until nothing new comes of it."""
        changed = True
        while changed:
            changed = False
            for rule in reversed(opened):
                if id(rule) not in self._known and (cost := self.of(self.body(rule))) < inf:
                    self._known[id(rule)] = rule, cost + 1
                    changed = True

    def far(self, net: Net, node: int) -> list[float]:
        """For each node of a network, the cost to an end as far as it is known; for `node` it is made known. Raises like `settle`."""
        found = self._far.get(id(net))
        if found is None or found[1][node] == inf:
            self._search(_ahead(net, node), lambda: self._distances(net)[node])
            found = self._far[id(net)] = net, self._distances(net)
        return found[1]

    def _distances(self, net: Net) -> list[float]:
        into: dict[int, list[tuple[int, float]]] = {}
        for source, label, target in net.edges:
            cost = 0.0 if label is None else self.of(label)
            if cost < inf:
                into.setdefault(target, []).append((source, cost))
        far = [inf] * net.size
        todo = [(0.0, node) for node in net.accepting]
        for _, node in todo:
            far[node] = 0.0
        while todo:
            cost, node = heappop(todo)
            if cost > far[node]:
                continue
            for source, more in into.get(node, ()):
                if cost + more < far[source]:
                    far[source] = cost + more
                    heappush(todo, (cost + more, source))
        return far

    def _sum(self, expr: Expr, costs: dict[int, float]) -> float:
        match expr:
            case Lit():
                return len(expr.data)
            case Strings():
                return min(map(len, expr.items[:100]), default=inf)
            case Leaf():
                return inf if expr.dfa.is_empty else max(expr.dfa.min_length(), expr.low)
            case Special():
                return inf
            case Alt():
                return min([costs[id(part)] for part in expr.parts], default=inf)
            case Repeat():
                return costs[id(expr.body)] * expr.low if expr.low else 0
            case Net():
                return self._distances(expr)[0]
        return sum([costs[id(part)] for part in _parts(expr)])


def _parts(expr: Expr) -> list[Expr]:
    """The expressions that a text of `expr` may need a text of."""
    match expr:
        case Seq() | Alt():
            return list(expr.parts)
        case Repeat():
            return [expr.body] if expr.low else []
        case Net():
            return [label for _, label, _ in expr.edges if label is not None]
        case Minus():
            return [expr.leaf]
        case Bind():  # what follows a text is not known yet; it is about as far from the end as what may follow any text
            return [expr.inner, expr.unknown]
    return []


def _ahead(net: Net, node: int) -> list[Expr]:
    """The labels of a network that may come behind a node."""
    leaving: dict[int, list[tuple[Expr | None, int]]] = {}
    for source, label, target in net.edges:
        leaving.setdefault(source, []).append((label, target))
    found: list[Expr] = []
    todo, seen = [node], {node}
    while todo:
        for label, target in leaving.get(todo.pop(), ()):
            if label is not None:
                found.append(label)
            if target not in seen:
                seen.add(target)
                todo.append(target)
    return found


def _within(expr: Expr) -> Iterator[Expr]:
    """`expr` and all its parts in the order in which they are written, rules not unfolded."""
    todo, seen = [expr], set[int]()
    while todo:
        one = todo.pop()
        if id(one) not in seen:
            seen.add(id(one))
            yield one
            todo += reversed(_parts(one))


def _rules(expr: Expr) -> list[Rule]:
    return [one for one in _within(expr) if isinstance(one, Rule)]


def _needs_special(expr: Expr) -> bool:
    return any(isinstance(one, Special) for one in _within(expr))
