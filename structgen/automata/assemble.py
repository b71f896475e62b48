"""From expressions to nodes: the bodies of rules are written into the arrays of a machine.

Thompson's construction, with free steps, on an explicit stack (expressions may nest deeply). One call of `Assembler.body` writes one
rule body: parts go to Python lists first and reach the arrays in a few slices.

Not here: running them (`machine`, `kernels.step`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from structgen.automata.leaves import POOL
from structgen.errors import BudgetExceeded
from structgen.ir.expr import Alt, Expr, Leaf, Lit, Minus, Net, Repeat, Rule, Seq, Special, Strings
from structgen.kernels.tables import NO_BOUND
from structgen.vocab.trie import subtrie

if TYPE_CHECKING:
    from structgen.kernels.arena import Arena

CHUNK: Final = 256
"""Counted repetitions unfold this many at a time."""

_TRIE_FROM: Final = 8  # alternatives of plain literals become a trie from this many on

FREE: Final = -1


class Assembler:
    """Writes rule bodies into `arena` (the arrays of one machine).

    `rule_id(rule)` numbers rules, `counted(node, low, high)` and `minus(node, taken)` make nodes of those kinds, `special(name)`
    numbers special symbols.
    """

    def __init__(
        self,
        arena: Arena,
        *,
        rule_id: Callable[[Rule], int],
        counted: Callable[[int, int, int], int],
        minus: Callable[[int, Expr], int],
        special: Callable[[str], int],
        max_nodes: int,
    ) -> None:
        self.arena, self.max_nodes = arena, max_nodes
        self._rule_id, self._counted, self._minus, self._special = rule_id, counted, minus, special
        self.nodes = self.bytes = self.calls = 0  # how many are in use
        self._wrapped: dict[int, Rule] = {}
        self._kept: list[Expr] = []

    def body(self, expr: Expr) -> int:
        """Write a rule body; the node where it starts (perhaps one of a leaf)."""
        if isinstance(expr, Leaf):
            start = self.leaf(expr)
            if start >= 0:
                return start
        elif isinstance(expr, Minus):
            return self._minus(self.leaf(expr.leaf), expr.taken)
        return _Body(self, expr).start

    def leaf(self, leaf: Leaf) -> int:
        """The start node of a leaf; -1 where nothing matches."""
        node, low, high = POOL.start(leaf)
        return node if high is None and low == 0 else self._counted(node, low, NO_BOUND if high is None else high)

    def atom(self, expr: Expr) -> Expr:
        """`expr` itself if it costs one edge, else a rule around it, so that a repetition holds its body once."""
        if isinstance(expr, (Leaf, Rule, Special)) or (isinstance(expr, Lit) and len(expr.data) == 1):
            return expr
        return self.wrapped(expr)

    def wrapped(self, expr: Expr) -> Rule:
        """A rule whose body is `expr`, the same one for the same expression."""
        found = self._wrapped.get(id(expr))
        if found is None:
            found = self._wrapped[id(expr)] = Rule(lambda: expr, "part")
            self._kept.append(expr)
        return found


class _Body:
    """The lists of one rule body."""

    def __init__(self, to: Assembler, expr: Expr) -> None:
        self.to = to
        self.base = to.nodes
        self.lit: list[int] = []
        self.door: list[int] = []
        self.flag: list[int] = []
        self.edges: list[tuple[int, int, int, int, int]] = []  # (source, low, high, target, push)
        self.calls: list[tuple[int, int, int]] = []  # (source, to, ret)
        self.ends: set[int] = set()  # accepting nodes without edges: a call that returns there is a tail call
        self.todo: list[tuple[Expr, int, int]] = []
        self.bulk: list[tuple[Strings, int, int]] = []
        if isinstance(expr, Net):
            self.start = self.net(expr, None)
        else:
            self.start = self.node()
            end = self.node()
            self.flag[end - self.base] = 1
            self.ends.add(end)
            self.todo.append((expr, self.start, end))
        while self.todo:
            self.connect(*self.todo.pop())
        self.write()
        for strings, a, b in self.bulk:
            self.strings(strings, a, b)

    def node(self) -> int:
        self.lit.append(-1)
        self.door.append(0)
        self.flag.append(0)
        return self.base + len(self.lit) - 1

    def call(self, a: int, to: int, b: int) -> None:
        self.calls.append((a, to, -1 if b in self.ends else b))

    def free(self, a: int, b: int) -> None:
        self.calls.append((a, FREE, b))

    def connect(self, expr: Expr, a: int, b: int) -> None:
        """Write `expr` between nodes a and b. Nothing may lead into a or out of b that belongs to the expression."""
        write = _WRITERS.get(type(expr))
        if write is None:
            raise TypeError(f"not an expression: {expr!r}")
        write(self, expr, a, b)

    def sequence(self, expr: Seq, a: int, b: int) -> None:
        if not expr.parts:
            self.free(a, b)
            return
        for part in expr.parts[:-1]:
            mid = self.node()
            self.place(part, a, mid)
            a = mid
        self.place(expr.parts[-1], a, b)

    def place(self, expr: Expr, a: int, b: int) -> None:
        """Write a part now if it is an atom, later if it has parts of its own: expressions may nest deeply."""
        if type(expr) in _COMPOUND:
            self.todo.append((expr, a, b))
        else:
            self.connect(expr, a, b)

    def rule(self, expr: Rule, a: int, b: int) -> None:
        self.call(a, self.to._rule_id(expr), b)

    def leaf(self, expr: Leaf, a: int, b: int) -> None:
        start = self.to.leaf(expr)
        if start >= 0:
            self.call(a, start, b)

    def minus(self, expr: Minus, a: int, b: int) -> None:
        # A rule of its own: its taken texts get a body too, and one body is written at a time.
        self.call(a, self.to._rule_id(self.to.wrapped(expr)), b)

    def later(self, expr: Strings, a: int, b: int) -> None:
        self.bulk.append((expr, a, b))

    def inner_net(self, expr: Net, a: int, b: int) -> None:
        self.net(expr, (a, b))

    def special(self, expr: Special, a: int, b: int) -> None:
        symbol = self.to._special(expr.name)
        self.edges.append((a, symbol, symbol, b, -1))

    def literal(self, expr: Lit, a: int, b: int) -> None:
        data = expr.data
        if not data:
            self.free(a, b)
            return
        chain = self.base + len(self.lit)  # nodes behind the bytes but the last; all but the last of them are one byte and one door wide
        if len(data) > 1:
            self.edges.append((a, data[0], data[0], chain, -1))
            self.lit.extend(data[1:-1])
            self.lit.append(-1)
            self.flag.extend([0] * (len(data) - 1))
            if expr.respelling is None:
                self.door.extend([0] * (len(data) - 1))
            else:
                doors = POOL.doors(expr.respelling)
                self.door.extend([doors[byte] for byte in data[1:-1]])
                self.door.append(0)
            self.edges.append((chain + len(data) - 2, data[-1], data[-1], b, -1))
        else:
            self.edges.append((a, data[0], data[0], b, -1))
        for i, j, leaf in expr.detours:
            source = chain + i - 1 if i else a
            back = chain + j - 1 if j < len(data) else b
            for low, high, node in POOL.first_steps(POOL.start(leaf)[0]):
                self.edges.append((source, low, high, node, back))

    def choice(self, expr: Alt, a: int, b: int) -> None:
        plain = [p.data for p in expr.parts if isinstance(p, Lit) and p.is_plain and p.data]
        if len(plain) >= _TRIE_FROM:
            self.bulk.append((Strings(sorted(set(plain))), a, b))
            rest = [p for p in expr.parts if not (isinstance(p, Lit) and p.is_plain and p.data)]
        else:
            rest = list(expr.parts)
        for part in rest:
            self.place(part, a, b)

    def repeat(self, expr: Repeat, a: int, b: int) -> None:
        low, high = expr.low, expr.high
        body = self.to.atom(expr.body) if (low, high) not in ((0, 1), (1, 1), (0, None)) else expr.body
        inline = min(CHUNK, low if high is None else high)
        here = a
        for i in range(inline):
            if i >= low:
                self.free(here, b)
            last = i == inline - 1 and high == inline
            after = b if last else self.node()
            self.todo.append((body, here, after))
            here = after
        if high is not None and high > inline:
            rest = Repeat(body, max(0, low - inline), high - inline)
            self.call(here, self.to._rule_id(Rule(lambda: rest, "repeated")), b)
        elif high is None and low > inline:
            rest = Repeat(body, low - inline, None)
            self.call(here, self.to._rule_id(Rule(lambda: rest, "repeated")), b)
        elif high is None:
            loop = self.node()
            self.free(here, loop)
            self.todo.append((body, loop, loop))
            self.free(loop, b)
        elif inline == 0:
            self.free(a, b)

    def net(self, expr: Net, between: tuple[int, int] | None) -> int:
        first = self.base + len(self.lit)
        self.lit.extend([-1] * expr.size)
        self.door.extend([0] * expr.size)
        self.flag.extend([0] * expr.size)
        if between is None:
            leaving = {a for a, _, _ in expr.edges}
            for k in expr.accepting:
                self.flag[first + k - self.base] = 1
                if k not in leaving:
                    self.ends.add(first + k)
        else:
            self.free(between[0], first)
            for k in expr.accepting:
                self.free(first + k, between[1])
        for a, part, b in expr.edges:
            if part is None:
                self.free(first + a, first + b)
            elif isinstance(part, Rule):  # the common case, without the detour over the stack
                self.call(first + a, self.to._rule_id(part), first + b)
            else:
                self.place(part, first + a, first + b)
        return first

    def write(self) -> None:
        """Copy the lists into the arrays."""
        to, arena = self.to, self.to.arena
        self.claim(len(self.lit), len(self.edges), len(self.calls))
        base, n = self.base, len(self.lit)
        arena["lit"][base : base + n] = self.lit
        arena["door"][base : base + n] = self.door
        arena["flag"][base : base + n] = self.flag
        for rows, head_name, names, at in (
            (self.edges, "byte_head", ("byte_low", "byte_high", "byte_to", "byte_push", "byte_next"), to.bytes),
            (self.calls, "call_head", ("call_to", "call_ret", "call_next"), to.calls),
        ):
            head = [-1] * n
            chain = []
            for k, row in enumerate(rows, at):
                source = row[0] - base
                chain.append(head[source])
                head[source] = k
            arena[head_name][base : base + n] = head
            if rows:
                columns = [*list(zip(*rows, strict=True))[1:], chain]
                for name, column in zip(names, columns, strict=True):
                    arena[name][at : at + len(rows)] = column
        to.nodes += n
        to.bytes += len(self.edges)
        to.calls += len(self.calls)

    def claim(self, nodes: int, edges: int, calls: int) -> None:
        to, arena = self.to, self.to.arena
        if to.nodes + nodes > to.max_nodes:
            raise BudgetExceeded(
                f"the grammar unfolds to more than {to.max_nodes:,} nodes", hint="raise budget= or make the grammar smaller"
            )
        for name in ("lit", "door", "flag", "byte_head", "call_head"):
            arena.reserve(name, to.nodes + nodes)
        for name in ("byte_low", "byte_high", "byte_to", "byte_push", "byte_next"):
            arena.reserve(name, to.bytes + edges)
        for name in ("call_to", "call_ret", "call_next"):
            arena.reserve(name, to.calls + calls)

    def strings(self, expr: Strings, a: int, b: int) -> None:
        """Write a trie in bulk: trie node i becomes node base + i, and edge at + i leads there."""
        to, arena = self.to, self.to.arena
        trie = subtrie((s, 0) for s in expr.items)
        n = len(trie.byte)
        ends = np.flatnonzero(trie.first[1:] > trie.first[:-1])
        self.claim(n, n + 1, len(ends) + 1)
        base, at, call = to.nodes, to.bytes, to.calls
        index = np.arange(n)
        arena["lit"][base : base + n] = -1
        arena["door"][base : base + n] = 0
        arena["flag"][base : base + n] = 0
        arena["byte_low"][at : at + n] = trie.byte
        arena["byte_high"][at : at + n] = trie.byte
        arena["byte_to"][at : at + n] = base + index
        arena["byte_push"][at : at + n] = -1
        has_next = (trie.end < n) & (trie.depth[np.minimum(trie.end, n - 1)] == trie.depth)
        arena["byte_next"][at : at + n] = np.where(has_next, at + trie.end, -1)
        arena["byte_head"][base : base + n] = np.where(trie.end > index + 1, at + index + 1, -1)
        arena["call_head"][base : base + n] = -1
        if n:  # the edges of the root continue the list of node a
            tops = np.flatnonzero(trie.depth == 0)
            arena["byte_next"][at + tops[-1]] = arena["byte_head"][a]
            arena["byte_head"][a] = at
        arena["call_head"][base + ends] = call + np.arange(len(ends))
        arena["call_to"][call : call + len(ends)] = FREE
        arena["call_ret"][call : call + len(ends)] = b
        arena["call_next"][call : call + len(ends)] = -1
        to.nodes, to.bytes, to.calls = base + n, at + n, call + len(ends)
        if any(not s for s in expr.items):
            arena["call_to"][to.calls], arena["call_ret"][to.calls] = FREE, b
            arena["call_next"][to.calls], arena["call_head"][a] = arena["call_head"][a], to.calls
            to.calls += 1


_WRITERS: Final[dict[type, Callable[[_Body, Any, int, int], None]]] = {
    Lit: _Body.literal,
    Seq: _Body.sequence,
    Alt: _Body.choice,
    Rule: _Body.rule,
    Leaf: _Body.leaf,
    Repeat: _Body.repeat,
    Net: _Body.inner_net,
    Minus: _Body.minus,
    Strings: _Body.later,
    Special: _Body.special,
}
_COMPOUND: Final = frozenset((Seq, Alt, Repeat, Net))
