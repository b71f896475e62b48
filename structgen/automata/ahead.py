"""How far the end of a text is, in bytes: estimates for the states of a byte automaton, by Knuth's shortest derivations.

An item needs the shortest way from its node to the end of its rule, and then what its context needs. Ways are found by Dijkstra's
algorithm over the nodes of a rule, in which a call costs what its rule costs. Rules unfold lazily and families of them may be infinite:
so a way is looked for up to a bound, less what was read before each call, and the bound doubles until there is one. In a list of entries,
those that are required and missing count.

Leaves count characters, and what only texts can tell (binds, keys that differ) is left out. So these are estimates that guide a search
(`constraint.distance`), no bounds.
"""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heappop, heappush
from math import inf
from typing import TYPE_CHECKING, Any, Final

from structgen.kernels import tables as t

if TYPE_CHECKING:
    from structgen.automata.machine import ByteAutomaton

_FAR: Final = 1 << 13  # bytes: what is farther has no estimate
_FIRST: Final = 2
_WORK: Final = 1 << 15  # edges that one estimate may look at, 50 ms
_NESTED: Final = 100  # calls within calls that a way may begin with
_MEMO_MAX: Final = 1 << 17

_END: Final = -3  # a node behind all others
_NONE: Final = -1  # no entry is completed on a way to the end of a list
_OTHER: Final = -2  # one that is not among the known ones is

Ways = dict[int, float]
"""The costs of the shortest ways to the end of a list without a further entry, by the entry that is completed on them."""


class Ahead:
    """Estimates for one automaton. Hold its `turn`."""

    def __init__(self, machine: ByteAutomaton) -> None:
        self._machine = machine
        self._states: dict[int, float] = {}
        self._near: dict[int, float] = {}  # by node: the way to the end of its rule
        self._beyond: dict[int, float] = {}  # by node: a bound up to which there is no way
        self._ways: dict[int, tuple[float, Ways]] = {}  # by node of a list, with the bound up to which they were looked for
        self._after: dict[int, float] = {}  # by context: the way to the end of the text, once it is returned to
        self._work = self._depth = 0
        self._last = _FIRST  # the last estimate: neighbours are about as far

    def bytes_to_end(self, state: int) -> float:
        """About how many bytes a text still needs; infinite where no end is in sight."""
        found = self._states.get(state)
        if found is None:
            for memo in (self._states, self._near, self._beyond, self._ways, self._after):
                if len(memo) > _MEMO_MAX:
                    memo.clear()
            found = self._states[state] = 0.0 if self._machine.is_final(state) else self._estimate(state)
        return found

    def _estimate(self, state: int) -> float:
        items = self._machine.items(state)
        best, bound, self._work = inf, self._last, 0
        while bound <= _FAR and self._work <= _WORK:
            best = min((self._item(node, ctx, self._settle(ctx, bound), bound) for node, ctx in items), default=inf)
            if best <= bound:  # nothing nearer was left out
                break
            bound = bound * 3 // 2
        if best <= _FAR:
            self._last = max(int(best), _FIRST)
        return best

    # ---- contexts ----

    def _pairs(self, ctx: int) -> list[tuple[int, int]]:
        a = self._machine.arena
        first, end = a["ctx_off"][ctx : ctx + 2]
        return [(int(node), int(outer)) for node, outer in a["ctx_pair"][2 * first : 2 * end].reshape(-1, 2)]

    def _settle(self, top: int, bound: float) -> dict[int, float]:
        """The costs of the contexts around a context and of itself. Outer ones first, on an explicit stack: they may nest deeply."""
        costs: dict[int, float] = {}
        todo = [top]
        while todo:
            ctx = todo[-1]
            if ctx in costs or ctx in self._after:
                costs[ctx] = costs.get(ctx, self._after.get(ctx, inf))
                todo.pop()
                continue
            pairs = self._pairs(ctx)
            waiting = [outer for _, outer in pairs if outer and outer not in costs]
            todo += waiting
            if not waiting:
                costs[ctx] = min(self._returned(node, outer, costs, bound) for node, outer in pairs)
                if costs[ctx] <= bound and pairs[0][0] < t.FRAME:  # of a frame the outer ones are still to be settled
                    self._after[ctx] = costs[ctx]
        return costs

    def _returned(self, node: int, outer: int, costs: dict[int, float], bound: float) -> float:
        """The cost once a pair of a context is returned to."""
        if node < 0 or node >= t.FRAME:  # inside a list, items look at the frames themselves
            return 0
        if node < t.BIND:
            return self._item(node, outer, costs, bound)
        mark = int(self._machine.arena["mark"][2 * (node & t.INDEX) + t.MARK_BIND])
        _, after, flags = map(int, self._machine.arena["bind"][3 * mark : 3 * mark + 3])
        return self._item(after, outer, costs, bound, 1) if flags & t.FRESH else self._rule(after, bound) + costs[outer]

    def _item(self, node: int, ctx: int, costs: dict[int, float], bound: float, begun: int = 0) -> float:
        """The cost from a node in a context on, `costs` those of contexts. `begun`: 1 where the list has one more entry by then."""
        pairs = self._pairs(ctx)
        if not pairs or pairs[0][0] < t.FRAME:
            return self._way(node, bound) + costs[ctx]
        return min(self._in_list(node, frame & t.INDEX, bound, begun) + self._around(outer, costs, bound) for frame, outer in pairs)

    def _around(self, outer: int, costs: dict[int, float], bound: float) -> float:
        return costs[outer] if outer in costs else self._settle(outer, bound)[outer]

    # ---- lists ----

    def _in_list(self, node: int, frame: int, bound: float, begun: int) -> float:
        """The cost from a node to the end of a list of which a frame says what has been read."""
        a = self._machine.arena
        scope, known, _, size, _ = map(int, a["frame"][5 * frame : 5 * frame + 5])
        return self._list(node, scope, known, size + begun, bound)

    def _list(self, node: int, scope: int, known: int, size: int, bound: float) -> float:
        required, low, _, start = map(int, self._machine.arena["scope"][4 * scope : 4 * scope + 4])
        costs = self._ways_of(start, bound)  # of whole entries
        missing = {i for i in range(required) if not self._has(known, i)}
        if not missing <= costs.keys():
            return inf
        more = max(0, low - size - len(missing))
        cheapest = min(costs.values(), default=inf)
        total = sum(costs[i] + 1 for i in missing) + (more and more * (cheapest + 1))
        best = inf
        for entry, cost in self._ways_of(node, bound).items():
            if entry < 0 or not self._has(known, entry):
                saved = costs[entry] + 1 if entry in missing else cheapest + 1 if more and entry != _NONE else 0
                best = min(best, cost + total - saved)
        return best

    def _has(self, known: int, entry: int) -> bool:
        """Whether a set (see `kernels.sets`) has an element."""
        sets = self._machine.arena["set"]
        height = int(sets[17 * known]) if known else 0
        if not known or entry >> (8 + 4 * height):
            return False
        while height and known:
            known = int(sets[17 * known + 1 + (entry >> (4 + 4 * height) & 15)])
            height -= 1
        return bool(known) and bool(sets[17 * known + 1 + (entry >> 4)] >> (entry & 15) & 1)

    def _ways_of(self, node: int, bound: float) -> Ways:
        count, node = self._literal(node)
        if count:
            return {entry: cost + count for entry, cost in self._ways_of(node, bound).items()}
        found = self._ways.get(node)
        if found is None or found[0] < bound:
            ways, is_complete = self._search(node, bound)
            found = self._ways[node] = _FAR if is_complete else bound, ways
        return found[1]

    # ---- rules ----

    def _rule(self, rule: int, bound: float) -> float:
        """The cost of a rule (-1: there is no text)."""
        if rule < 0:
            return inf
        machine = self._machine
        if machine.arena["rule_start"][rule] < 0:
            machine.n[t.ARG] = rule
            machine.help(t.NEED_RULE)
        return self._way(int(machine.arena["rule_start"][rule]), bound)

    def _way(self, node: int, bound: float) -> float:
        """The cost from a node to the end of its rule; infinite where it is beyond the bound."""
        if node >= t.LEAF:
            return self._in_leaf(node)
        count, node = self._literal(node)
        if count:
            return count + self._way(node, bound)
        found = self._near.get(node)
        if found is None and self._beyond.get(node, -1) < bound:
            self._beyond[node] = bound  # also while it is being looked for: what comes back to itself is no shortest way
            self._depth += 1
            found = self._search(node, bound)[0].get(_END) if self._depth <= _NESTED else None
            self._depth -= 1
            if found is not None:
                self._near[node] = found
        return inf if found is None else found

    def _literal(self, node: int) -> tuple[int, int]:
        """How many bytes follow a node that leave no choice, as far as one literal goes, and the node behind them."""
        nodes = self._machine.arena["node"]
        count = 0
        while node < t.LEAF and nodes[5 * node] >= 0 and not nodes[5 * node + t.FLAG] and max(nodes[5 * node + t.EDGES : 5 * node + 5]) < 0:
            count, node = count + 1, node + 1
        return count, node

    def _search(self, start: int, bound: float) -> tuple[Ways, bool]:
        """Dijkstra's algorithm from a node: the cost of the end of its rule (by _END), or inside a list the ways to its end; and whether
        there are no others beyond the bound."""
        found: Ways = {}
        is_complete = True
        todo = [(0.0, start, _NONE)]  # ends come first among equal costs
        seen: set[tuple[int, int]] = set()
        while todo:
            cost, node, entry = heappop(todo)
            if self._work > _WORK:
                return found, False
            if node == _END and entry == _END:
                return {_END: cost}, True
            if node == _END:
                found.setdefault(entry, cost)
            elif node >= t.LEAF or node in self._near:
                heappush(todo, (cost + self._way(node, bound), _END, _END))
            elif (node, entry) not in seen:
                seen.add((node, entry))
                for after in self._onward(cost, node, entry, bound):
                    self._work += 1
                    if after[0] > bound:
                        is_complete = False
                        continue
                    heappush(todo, after)
                    if after[1:] == (_END, _END):
                        bound = after[0]
        return found, is_complete

    def _onward(self, cost: float, node: int, entry: int, bound: float) -> Iterator[tuple[float, int, int]]:
        """Where edges lead from a plain node, with costs."""
        a = self._machine.arena
        literal, _, flag, edge, call = map(int, a["node"][5 * node : 5 * node + 5])
        if flag & 1:
            yield cost, _END, _END
        if literal >= 0:
            yield cost + 1, node + 1, entry
        while edge >= 0:
            _, _, to, push, edge = map(int, self._machine.arena["edge"][5 * edge : 5 * edge + 5])
            yield (cost + 1, to, entry) if push < 0 else (cost + 1 + self._way(to, bound - cost - 1), push, entry)
        while call >= 0:
            to, back, call = map(int, self._machine.arena["call"][3 * call : 3 * call + 3])
            if to >= t.DEED:
                yield from self._deed(cost, to & t.INDEX, back, entry, bound)
            elif to >= t.BIND:
                yield from self._bind(cost, to & t.INDEX, back, entry, bound)
            elif to < 0:
                yield cost, back, entry
            else:
                way = self._rule(to, bound - cost) if to < t.LEAF else self._in_leaf(to)
                yield _behind(cost + way, back, entry)

    def _bind(self, cost: float, bind: int, back: int, entry: int, bound: float) -> Iterator[tuple[float, int, int]]:
        inner, after, flags = map(int, self._machine.arena["bind"][3 * bind : 3 * bind + 3])
        cost += self._rule(inner, bound - cost)
        if not flags & t.FRESH:
            yield _behind(cost + self._rule(after, bound - cost), back, entry)
        elif entry == _NONE:
            yield cost, after, _OTHER

    def _deed(self, cost: float, deed: int, back: int, entry: int, bound: float) -> Iterator[tuple[float, int, int]]:
        kind, argument = divmod(deed, 1 << t.DEED_KIND)
        if kind == t.OPEN:
            start = int(self._machine.arena["scope"][4 * argument + t.SCOPE_START])
            yield _behind(cost + self._list(start, argument, 0, 0, bound - cost), back, entry)
        elif kind == t.DONE:
            yield cost, _END, entry
        elif kind == t.MORE or entry == _NONE:  # no second entry begins
            yield cost, back, argument if kind == t.TAKE else entry

    def _in_leaf(self, node: int) -> float:
        """Characters from a node inside a leaf to its end."""
        a, pool, need = self._machine.arena, self._machine.pool.arena, 0
        if node >> 28 == t.MINUS >> 28:
            node = int(a["minus"][2 * (node & t.INDEX) + t.MINUS_FROM])
        g = node & t.INDEX
        if node >> 28 == t.COUNTED >> 28:
            g, bounds, done = map(int, a["count"][3 * g : 3 * g + 3])
            need = int(a["low"][bounds]) - done
        leaf: Any = pool["desc"][12 * int(pool["block"][g >> t.BLOCK]) :]
        local, shift = g - int(leaf[t.BASE]), int(leaf[t.SHIFT])
        ends = not local & ((1 << shift) - 1) and int(pool["acc"][int(leaf[t.ACC]) + (local >> shift)]) & 1
        marks = 0 if ends or not leaf[t.STRUCT] else 1 + (not local)  # quotation marks are no characters of the text
        return max(int(pool["dist"][int(leaf[t.LIVE]) + local]), need) + marks


def _behind(cost: float, back: int, entry: int) -> tuple[float, int, int]:
    """Behind a call: the node to return to, or the end of the rule, for it was a tail call."""
    return (cost, back, entry) if back >= 0 else (cost, _END, _END)
