"""From expressions to nodes: the bodies of rules are written into the arrays of a machine.

Thompson's construction, with free steps, on an explicit stack (expressions may nest deeply). One call of `Assembler.body` writes one
rule body: parts go to Python lists first and reach the arrays in a few slices.

Not here: running them (`machine`, `kernels.step`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import chain, groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from structgen.errors import BudgetExceeded
from structgen.ir.expr import Alt, Bind, Entries, Expr, Leaf, Lit, Minus, Net, Repeat, Respelling, Rule, Seq, Special, Strings
from structgen.kernels import tables as t
from structgen.kernels.calls import END
from structgen.kernels.tables import BIND, CALLS, EDGES, FLAG, HIGH, LOW, NEXT, NO_BOUND, PUSH, TO
from structgen.vocab.trie import Trie, trie_of

if TYPE_CHECKING:
    from structgen.automata.leaves import LeafPool
    from structgen.ir.regular import CharDFA
    from structgen.kernels.arena import Arena

Nodes = npt.NDArray[np.int32]

CHUNK: Final = 256
"""Counted repetitions unfold this many at a time."""

_TRIE_FROM: Final = 8  # alternatives of plain literals become a trie from this many on

_WORDS_MAX: Final = 128  # strings up to so many are written one by one (30 take 0.4 ms, in bulk 1.6; 250 take 3.3, in bulk 2.1)

FREE: Final = -1
_FRESH: Final = [-1, 0, 0, -1, -1]


class Assembler:
    """Writes rule bodies into `arena` (the arrays of one machine), whose leaves are in `pool`.

    `rule_id(rule)` numbers rules, `counted(node, low, high)` and `minus(node, taken)` make nodes of those kinds, `special(token)`
    gives the runs of symbols of special tokens, `bind(bind)` binds, `key(key, node, alike)` keys that are new in a list and lead to `node`,
    `scope(required, low, high, node)` lists that begin at `node`.
    """

    def __init__(
        self,
        arena: Arena,
        pool: LeafPool,
        *,
        rule_id: Callable[[Rule], int],
        counted: Callable[[int, int, int], int],
        minus: Callable[[int, Expr], int],
        special: Callable[[Special], list[tuple[int, int]]],
        bind: Callable[[Bind], int],
        key: Callable[[Expr, int, str], int],
        scope: Callable[[int, int, int, int], int],
        max_nodes: int,
    ) -> None:
        self.arena, self.pool, self.max_nodes = arena, pool, max_nodes
        self.letters = _LETTERS.setdefault(pool, {})
        self._rule_id, self._counted, self._minus, self._special, self._bind = rule_id, counted, minus, special, bind
        self._key, self._scope = key, scope
        self.nodes, self.edges, self.calls = 1, 0, 0  # how many are in use; node 0 is `calls.END`
        self._wrapped: dict[int, Rule] = {}
        self._kept: list[Expr] = []
        self.detours: dict[int, tuple[Leaf, list[tuple[int, int, int]]]] = {}  # by leaf: the leaf, and its first steps

    def body(self, expr: Expr) -> int:
        """Write a rule body; the node where it starts (perhaps one of a leaf)."""
        return self.bodies([expr])[0]

    def bodies(self, exprs: Sequence[Expr]) -> list[int]:
        """Write several rule bodies at once, which costs little more than one. The nodes where they start."""
        # The taken texts of a minus get bodies too: those first, one set of lists is pending at a time.
        made = {id(expr): self._minus(self.leaf(expr.leaf), expr.taken) for expr in exprs if isinstance(expr, Minus)}
        body = _Body(self)
        return body.finish([made[id(expr)] if id(expr) in made else body.add(expr) for expr in exprs])

    def leaf(self, leaf: Leaf) -> int:
        """The start node of a leaf; -1 where nothing matches."""
        node, low, high = self.pool.start(leaf)
        return node if high is None and low == 0 else self._counted(node, low, NO_BOUND if high is None else high)

    def letters_of(self, respelling: Respelling | None) -> Letters:
        """How literals with another spelling are written."""
        found = self.letters.get(respelling)
        if found is None:
            doors = [0] * 256 if respelling is None else self.pool.doors(respelling)
            found = self.letters[respelling] = [(byte, door, 0, -1, -1) for byte, door in enumerate(doors)]
        return found

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
    """Bodies being written: the records of `kernels.tables`, flat, from node `base` on."""

    def __init__(self, to: Assembler) -> None:
        self.to = to
        self.base = self.next = to.nodes
        self.nodes: list[int] = []
        self.edges: list[int] = []
        self.calls: list[int] = []
        self.edge, self.called = to.edges, to.calls  # the numbers of the next byte edge and the next call edge
        self.ends: set[int] = set()  # accepting nodes without edges: a call that returns there is a tail call
        self.todo: list[tuple[Expr, int, int]] = []
        self.detours: dict[int, tuple[Leaf, list[tuple[int, int, int]]]] = {}  # those that are not in the arrays yet
        self.bulk: list[tuple[Strings, int, int]] = []

    def add(self, expr: Expr) -> int:
        """Begin one more body; the node where it starts."""
        if type(expr) is Leaf:
            start = self.to.leaf(expr)
            if start >= 0:
                return start
        if type(expr) is Net:
            start = self.net(expr, None)
        else:
            start = self.node()
            end = self.node()
            self.nodes[-5 + FLAG] = 1
            self.ends.add(end)
            self.place(expr, start, end)
        while self.todo:
            self.connect(*self.todo.pop())
        return start

    def finish(self, starts: list[int]) -> list[int]:
        """Copy everything into the arrays."""
        to, arena = self.to, self.to.arena
        count = self.next - self.base
        self.claim(count, self.edge - to.edges, self.called - to.calls)
        if self.nodes:
            arena["node"][5 * self.base : 5 * self.next] = self.nodes
        if self.edges:
            arena["edge"][5 * to.edges : 5 * self.edge] = self.edges
        if self.calls:
            arena["call"][3 * to.calls : 3 * self.called] = self.calls
        to.nodes, to.edges, to.calls = self.next, self.edge, self.called
        to.detours.update(self.detours)
        for strings, a, b in self.bulk:
            self.strings(strings, a, b)
        return starts

    def node(self) -> int:
        self.nodes += _FRESH
        self.next += 1
        return self.next - 1

    def read(self, a: int, low: int, high: int, b: int, push: int = -1) -> None:
        """A byte edge."""
        head = 5 * (a - self.base) + EDGES
        self.edges += (low, high, b, push, self.nodes[head])
        self.nodes[head] = self.edge
        self.edge += 1

    def call(self, a: int, to: int, b: int) -> None:
        """A call edge; a free step is one to FREE."""
        head = 5 * (a - self.base) + CALLS
        self.calls += (to, -1 if to != FREE and b in self.ends else b, self.nodes[head])
        self.nodes[head] = self.called
        self.called += 1

    def free(self, a: int, b: int) -> None:
        self.call(a, FREE, b)

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
        elif type(expr) is Rule:
            self.call(a, self.to._rule_id(expr), b)
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

    def bind(self, expr: Bind, a: int, b: int) -> None:
        self.call(a, BIND + self.to._bind(expr), b)

    def entries(self, expr: Entries, a: int, b: int) -> None:
        """From node `begin` an entry begins, at node `behind` it is complete."""
        begin, behind = self.node(), self.node()
        known = sorted(expr.known, key=lambda entry: not entry.required)
        high = NO_BOUND if expr.high is None else expr.high
        if not expr.others:
            high = min(high, len(known))
        scope = self.to._scope(sum(one.required for one in known), expr.low, high, begin)
        self.call(a, _deed(t.OPEN, scope), b)
        first = self.next
        self.nodes += 3 * len(known) * _FRESH
        self.next += 3 * len(known)
        for number, one in enumerate(known):
            key = first + 3 * number
            value, read = key + 1, key + 2
            self.call(begin, _deed(t.ONCE, number), key)
            self.place(one.key, key, read)
            self.call(read, _deed(t.TAKE, number), value)
            self.place(one.value, value, behind)
        room, more = begin, behind
        if high != NO_BOUND:
            room, more = self.node(), self.node()
            self.call(begin, _deed(t.ROOM, 0), room)
            self.call(behind, _deed(t.MORE, 0), more)
        for other in expr.others:
            value = self.node()
            self.call(room, BIND + self.to._key(other.key, value, expr.alike), FREE)
            self.place(other.value, value, behind)
        self.place(expr.separator, more, begin)
        self.call(behind, _deed(t.DONE, 0), FREE)

    def words(self, expr: Strings, a: int, b: int) -> None:
        """A trie, in which what one string alone has is a literal."""
        if len(expr.items) > _WORDS_MAX:
            self.bulk.append((expr, a, b))
            return
        items, other, letters = sorted(set(expr.items)), expr.respelling, self.to.letters_of(expr.respelling)
        todo = [(items, 0, a)] if items else []  # strings, how many bytes they share, and the node behind those
        while todo:
            some, depth, node = todo.pop()
            if len(some[0]) == depth:
                self.free(node, b)
                some = some[1:]
            for byte, group in groupby(some, itemgetter(depth)):
                same, to = [*group], self.next
                if len(same) == 1:
                    self.nodes += chain.from_iterable(map(letters.__getitem__, same[0][depth + 1 :]))
                    self.next += len(same[0]) - depth - 1
                    self.free(self.node(), b)
                else:
                    todo.append((same, depth + 1, self.node()))
                self.read(node, byte, byte, to)
                if other is not None and byte in other.bytes:
                    for low, high, first in self.detour(other.leaf_of(byte)):
                        self.read(node, low, high, first, to)

    def inner_net(self, expr: Net, a: int, b: int) -> None:
        self.net(expr, (a, b))

    def special(self, expr: Special, a: int, b: int) -> None:
        for low, high in self.to._special(expr):
            self.read(a, low, high, b)

    def literal(self, expr: Lit, a: int, b: int) -> None:
        data = expr.data
        if len(data) < 2:
            if data:
                self.read(a, data[0], data[0], b)
            else:
                self.free(a, b)
        behind = self.next  # nodes behind all bytes but the last
        if len(data) > 1:
            self.read(a, data[0], data[0], behind)
            self.nodes += chain.from_iterable(map(self.to.letters_of(expr.respelling).__getitem__, data[1:-1]))
            self.nodes += _FRESH
            self.next += len(data) - 1
            self.read(self.next - 1, data[-1], data[-1], b)
        for i, j, leaf in expr.detours:
            source = behind + i - 1 if i else a
            back = behind + j - 1 if j < len(data) else b
            for low, high, node in self.detour(leaf):
                self.read(source, low, high, node, back)

    def detour(self, leaf: Leaf) -> list[tuple[int, int, int]]:
        """The first steps of a detour: (low byte, high byte, node).

        Its states are plain nodes: there is one for every character of a text, and as leaves they cost 0.6 ms each.
        """
        found = self.to.detours.get(id(leaf)) or self.detours.get(id(leaf))
        if found is None:
            steps, finals = _steps(leaf.dfa), leaf.dfa.finals
            nodes = [END if final and not some else self.node() for some, final in zip(steps, finals, strict=True)]
            for node, some, final in zip(nodes, steps, finals, strict=True):
                if node != END:
                    self.nodes[5 * (node - self.base) + FLAG] = int(final)
                for low, high, to in some:
                    self.read(node, low, high, nodes[to])
            found = self.detours[id(leaf)] = leaf, [(low, high, nodes[to]) for low, high, to in steps[0]]
        return found[1]

    def choice(self, expr: Alt, a: int, b: int) -> None:
        plain = [p.data for p in expr.parts if isinstance(p, Lit) and p.is_plain and p.data]
        if len(plain) >= _TRIE_FROM:
            self.words(Strings(plain), a, b)
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
        first = self.next
        self.nodes += _FRESH * expr.size
        self.next += expr.size
        if between is None:
            leaving = {a for a, _, _ in expr.edges}
            for k in expr.accepting:
                self.nodes[5 * (first + k - self.base) + FLAG] = 1
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

    def claim(self, nodes: int, edges: int, calls: int) -> None:
        to, arena = self.to, self.to.arena
        if to.nodes + nodes > to.max_nodes:
            raise BudgetExceeded(
                f"the grammar unfolds to more than {to.max_nodes:,} nodes", hint="raise budget= or make the grammar smaller"
            )
        arena.reserve("node", 5 * (to.nodes + nodes))
        arena.reserve("edge", 5 * (to.edges + edges))
        arena.reserve("call", 3 * (to.calls + calls))

    def strings(self, expr: Strings, a: int, b: int) -> None:
        """Write a trie in bulk: trie node i becomes node base + i, and edge at + i leads there."""
        to, arena = self.to, self.to.arena
        trie = trie_of(expr.items)
        n = len(trie.byte)
        other, behind = expr.respelling, np.full(256, -1, np.int32)
        if other is not None:
            body = _Body(to)
            for byte in other.bytes & {*trie.byte.tolist()}:
                ((_, _, behind[byte]),) = body.detour(other.leaf_of(byte))
            body.finish([])
        ends = np.flatnonzero(trie.first[1:] > trie.first[:-1])
        self.claim(n, 2 * n, len(ends) + 1)
        base, at, call = to.nodes, to.edges, to.calls
        index = np.arange(n)
        every, edge, calls = (arena[name].reshape(-1, width) for name, width in (("node", 5), ("edge", 5), ("call", 3)))
        nodes, edges = every[base : base + n], edge[at : at + n]
        nodes[:] = _FRESH
        nodes[:, EDGES] = np.where(trie.end > index + 1, at + index + 1, -1)
        nodes[ends, CALLS] = call + np.arange(len(ends))
        edges[:, LOW] = edges[:, HIGH] = trie.byte
        edges[:, TO] = base + index
        edges[:, PUSH] = -1
        has_next = (trie.end < n) & (trie.depth[np.minimum(trie.end, n - 1)] == trie.depth)
        edges[:, NEXT] = np.where(has_next, at + trie.end, -1)
        if n:  # the edges of the root continue the list of node a
            tops = np.flatnonzero(trie.depth == 0)
            edges[tops[-1], NEXT] = every[a, EDGES]
            every[a, EDGES] = at
        calls[call : call + len(ends)] = FREE, b, -1
        if other is not None:
            at += self.respell(other.first, behind[trie.byte], trie, at, a)
        to.nodes, to.edges, to.calls = base + n, at + n, call + len(ends)
        if b"" in expr.items:
            calls[to.calls] = FREE, b, every[a, CALLS]
            every[a, CALLS] = to.calls
            to.calls += 1

    def respell(self, first: int, behind: Nodes, trie: Trie, at: int, a: int) -> int:
        """Beside each edge of a trie, one for the byte `first` to the node `behind` it (-1: none), behind the `at` + n edges there are.

        How many edges these are.
        """
        every, edge = (self.to.arena[name].reshape(-1, 5) for name in ("node", "edge"))
        n, base = len(trie.byte), self.to.nodes
        child = np.flatnonzero(behind >= 0)
        parent = np.where(trie.depth[child] == 0, a, 0)
        for depth in range(1, int(trie.depth.max(initial=0)) + 1):
            above = np.flatnonzero(trie.depth == depth - 1)
            here = np.flatnonzero(trie.depth[child] == depth)
            parent[here] = base + above[np.searchsorted(above, child[here]) - 1]
        order = np.argsort(parent, kind="stable")
        child, parent = child[order], parent[order]
        new = edge[at + n : at + n + len(child)]
        new[:, LOW] = new[:, HIGH] = first
        new[:, TO] = behind[child]
        new[:, PUSH] = base + child
        last = np.append(parent[1:] != parent[:-1], True) if len(parent) else np.zeros(0, np.bool_)
        new[:, NEXT] = np.where(last, every[parent, EDGES], at + n + np.arange(1, len(child) + 1))
        heads = np.append(True, last[:-1]) if len(parent) else last
        every[parent[heads], EDGES] = at + n + np.flatnonzero(heads)
        return len(child)


Letters = list[tuple[int, ...]]
"""For each byte, the node of a literal that reads it."""

_LETTERS: Final[WeakKeyDictionary[LeafPool, dict[Respelling | None, Letters]]] = WeakKeyDictionary()


@lru_cache(maxsize=4096)
def _steps(dfa: CharDFA) -> list[list[tuple[int, int, int]]]:
    """For each state, where ranges of characters lead: (first, last, state)."""
    chars = dfa.alphabet.chars_of(range(dfa.alphabet.size))
    return [[(low, high, to) for to, ranges in zip(row, chars, strict=True) if to >= 0 for low, high in ranges] for row in dfa.rows]


def _deed(kind: int, argument: int) -> int:
    return t.DEED + (kind << t.DEED_KIND) + argument


_WRITERS: Final[dict[type, Callable[[_Body, Any, int, int], None]]] = {
    Lit: _Body.literal,
    Seq: _Body.sequence,
    Alt: _Body.choice,
    Rule: _Body.rule,
    Leaf: _Body.leaf,
    Repeat: _Body.repeat,
    Net: _Body.inner_net,
    Minus: _Body.minus,
    Bind: _Body.bind,
    Entries: _Body.entries,
    Strings: _Body.words,
    Special: _Body.special,
}
_COMPOUND: Final = frozenset((Seq, Alt, Repeat, Net, Entries))
