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
from structgen.ir.expr import Alt, Bind, Entries, Expr, Leaf, Lit, Minus, Net, Repeat, Rule, Seq, Special, Strings, made

_MOST: Final = 20_000
"""The most rules that are unfolded in search of one end."""


_BIND: Final = 1e6
"""The cost of a bind itself: more than all else, so that fewer of them always win. What follows one is only known when it is read."""


class Costs:
    """Costs of the expressions of one language, as far as they were asked for. Bodies of rules are made once and kept."""

    def __init__(self) -> None:
        self._bodies: dict[int, tuple[Rule, Expr]] = {}
        # Finite costs of ways without binds, and of others. Expressions are kept, so that an id stays its own.
        self._known: tuple[dict[int, tuple[Expr, float]], dict[int, tuple[Expr, float]]] = {}, {}
        self._far: dict[int, tuple[Net, list[float]]] = {}

    def body(self, rule: Rule) -> Expr:
        """What a rule stands for."""
        found = self._bodies.get(id(rule))
        if found is None:
            found = self._bodies[id(rule)] = rule, made(rule)
        return found[1]

    def of(self, expr: Expr) -> float:
        """The cost as far as rules have been unfolded; infinite where no end is known."""
        cost = self._of(expr, 0)
        return cost if cost < inf else self._of(expr, 1)

    def _look_up(self, expr: Expr, binds: int) -> float | None:
        found = self._known[0].get(id(expr)) or (self._known[1].get(id(expr)) if binds else None)
        return None if found is None else found[1]

    def _of(self, expr: Expr, binds: int) -> float:
        """The cost of ways without binds (0) or of all (1). Children before parents, on an explicit stack: expressions may nest deeply."""
        costs: dict[int, float] = {}
        todo: list[tuple[Expr, bool]] = [(expr, False)]
        while todo:
            one, is_ready = todo.pop()
            if id(one) in costs:
                continue
            known = self._look_up(one, binds)
            if known is not None or isinstance(one, Rule):
                costs[id(one)] = inf if known is None else known
            elif is_ready:
                cost = costs[id(one)] = self._sum(one, costs, binds)
                if cost < inf:
                    self._known[binds][id(one)] = one, cost
            else:
                todo.append((one, True))
                todo += [(part, False) for part in _parts(one, binds)]
        return costs[id(expr)]

    def settle(self, expr: Expr) -> None:
        """Unfold as many rules as it takes to know the cost.

        Raises EmptyLanguage or UnsupportedFeature (special tokens) where nothing can be spelled, BudgetExceeded where the end is too far.
        """
        self._search([expr], lambda: self.of(expr))

    def _search(self, roots: list[Expr], cost_of: Callable[[], float]) -> None:
        """Unfold rules of `roots` until `cost_of` is finite: first without binds, then with them."""
        if cost_of() < inf:
            return
        opened: dict[int, Rule] = {}
        for binds in (0, 1):
            opened = {}
            found = deque(rule for root in roots for rule in _rules(root, binds))
            more = 8
            while found and len(opened) <= _MOST:
                for turn in range(more):
                    rule = found.pop() if turn % 2 else found.popleft()
                    if id(rule) not in opened and self._look_up(rule, binds) is None:
                        opened[id(rule)] = rule
                        # Of those found together, the one written first is tried first; one that was found before moves up.
                        new = [one for one in _rules(self.body(rule), binds) if id(one) not in opened]
                        found += [one for one in reversed(new) if self._look_up(one, binds) is None]
                    if not found:
                        break
                self._propagate(list(opened.values()), binds)
                if cost_of() < inf:
                    return
                more *= 2
        if len(opened) > _MOST:
            raise BudgetExceeded(f"no end of a text was found within {_MOST:,} rules", hint="the shortest texts are very large")
        if any(_needs_special(expr) for expr in (*roots, *map(self.body, opened.values()))):
            raise UnsupportedFeature(
                "every text of the grammar has a special token, which has no spelling", hint="examples are plain texts"
            )
        raise EmptyLanguage("the grammar allows no text at all")

    def _propagate(self, opened: list[Rule], binds: int) -> None:
        """Note the costs of unfolded rules, until nothing new comes of it."""
        changed = True
        while changed:
            changed = False
            for rule in reversed(opened):
                if self._look_up(rule, binds) is None and (cost := self._of(self.body(rule), binds)) < inf:
                    self._known[binds][id(rule)] = rule, cost + 1
                    changed = True

    def far(self, net: Net, node: int) -> list[float]:
        """For each node of a network, the cost to an end as far as it is known; for `node` it is made known. Raises like `settle`."""
        found = self._far.get(id(net))
        if found is None or found[1][node] >= _BIND:
            self._search(_ahead(net, node), lambda: self._distances(net, self.of)[node])
            found = self._far[id(net)] = net, self._distances(net, self.of)
        return found[1]

    def _distances(self, net: Net, cost_of: Callable[[Expr], float]) -> list[float]:
        into: dict[int, list[tuple[int, float]]] = {}
        for source, label, target in net.edges:
            cost = 0.0 if label is None else cost_of(label)
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

    def _sum(self, expr: Expr, costs: dict[int, float], binds: int) -> float:
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
                return self._distances(expr, lambda label: costs[id(label)])[0]
            case Entries():
                known = [(one.required, costs[id(one.key)] + costs[id(one.value)]) for one in expr.known]
                needed = [cost for required, cost in known if required]
                more = max(expr.low - len(needed), 0)
                spare = sorted(cost for required, cost in known if not required)
                spare += [min([costs[id(one.key)] + costs[id(one.value)] for one in expr.others], default=inf)] * more
                between = costs[id(expr.separator)] * (len(needed) + more - 1)
                return sum(needed) + sum(sorted(spare)[:more]) + between
            case Bind():
                return _BIND + costs[id(expr.inner)] + costs[id(expr.unknown)] if binds else inf
        return sum([costs[id(part)] for part in _parts(expr, binds)])


def _parts(expr: Expr, binds: int) -> list[Expr]:
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
        case Entries():
            known, others = [(one.key, one.value) for one in expr.known], [(one.key, one.value) for one in expr.others]
            return [expr.separator, *(part for one in (*known, *others) for part in one)]
        case Bind():  # what follows a text is not known yet; it is about as far from the end as what may follow any text
            return [expr.inner, expr.unknown] if binds else []
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


def _within(expr: Expr, binds: int) -> Iterator[Expr]:
    """`expr` and all its parts in the order in which they are written, rules not unfolded."""
    todo, seen = [expr], set[int]()
    while todo:
        one = todo.pop()
        if id(one) not in seen:
            seen.add(id(one))
            yield one
            todo += reversed(_parts(one, binds))


def _rules(expr: Expr, binds: int) -> list[Rule]:
    return [one for one in _within(expr, binds) if isinstance(one, Rule)]


def _needs_special(expr: Expr) -> bool:
    return any(isinstance(one, Special) for one in _within(expr, 1))
