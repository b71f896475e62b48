"""From expressions to nodes: the bodies of rules are written into the arrays of a machine.

Thompson's construction, with free steps, on an explicit stack (expressions may nest deeply). One call of `Assembler.body` writes one
rule body: parts go to Python lists first and reach the arrays in a few slices.

Not here: running them (`machine`, `kernels.step`).
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

from structgen.automata.bulk import write_trie
from structgen.automata.letters import FREE, FRESH, letters_of
from structgen.errors import BudgetExceeded
from structgen.ir.expr import Alt, Bind, Entries, Expr, Leaf, Lit, Minus, Net, Repeat, Rule, Seq, Special, Strings
from structgen.kernels import tables as t
from structgen.kernels.calls import END
from structgen.kernels.tables import BIND, CALLS, EDGES, FLAG, NO_BOUND
from structgen.vocab.trie import trie_of

if TYPE_CHECKING:
    from structgen.automata.leaves import LeafPool
    from structgen.ir.regular import CharDFA
    from structgen.kernels.arena import Arena

CHUNK: Final = 256
"""Counted repetitions unfold this many at a time."""

_TRIE_FROM: Final = 8  # alternatives of plain literals become a trie from this many on

_WORDS_MAX: Final = 128  # strings up to so many are written one by one (30 take 0.4 ms, in bulk 1.6; 250 take 3.3, in bulk 2.1)

_NOWHERE: Final = -2  # what is called for an expression without texts
_ENDS: Final = FRESH + array("i", (-1, 0, 1, -1, -1))  # the first and the last node of a body


class Assembler:
    """Writes rule bodies into `arena` (the arrays of one machine), whose leaves are in `pool`.

    `counted(node, low, high)` and `minus(node, taken)` make nodes of those kinds, `special(token)` gives the runs of symbols of special
    tokens, `bind(bind)` binds, `key(key, node, alike)` keys that are new in a list and lead to `node`, `scope(required, low, high, node)`
    lists that begin at `node`.
    """

    def __init__(
        self,
        arena: Arena,
        pool: LeafPool,
        *,
        counted: Callable[[int, int, int], int],
        minus: Callable[[int, Expr], int],
        special: Callable[[Special], list[tuple[int, int]]],
        bind: Callable[[Bind], int],
        key: Callable[[Expr, int, str], int],
        scope: Callable[[int, int, int, int], int],
        max_nodes: int,
    ) -> None:
        self.arena, self.pool, self.max_nodes = arena, pool, max_nodes
        self.letters = letters_of(pool)
        self.rules: list[Rule] = []
        self.targets: dict[Expr, int] = {}  # of expressions that are one call edge: what it leads to
        self._counted, self._minus, self._special, self._bind = counted, minus, special, bind
        self._key, self._scope = key, scope
        self.nodes, self.edges, self.calls = 1, 0, 0  # how many are in use; node 0 is `calls.END`
        self._look()
        self._wrapped: dict[Expr, Rule] = {}
        self.detours: dict[int, tuple[Leaf, list[tuple[int, int, int]]]] = {}  # by leaf: the leaf, and its first steps

    def body(self, expr: Expr) -> int:
        """Write a rule body; the node where it starts (perhaps one of a leaf)."""
        if type(expr) is Minus:
            return self._minus(self.leaf(expr.leaf), expr.taken)
        body = _Body(self)
        start = body.add(expr)
        body.finish()
        return start

    def bodies(self, exprs: Sequence[Expr]) -> list[int]:
        """Write several rule bodies at once, which costs little more than one. The nodes where they start."""
        # The taken texts of a minus get bodies too: those first, one set of lists is pending at a time.
        made = [self.body(expr) if type(expr) is Minus else None for expr in exprs]
        body = _Body(self)
        starts = [body.add(expr) if start is None else start for expr, start in zip(exprs, made, strict=True)]
        body.finish()
        return starts

    def target(self, expr: Expr) -> int:
        """What the call edge of an expression leads to that is one."""
        found = self.targets.get(expr)
        if found is None:
            if isinstance(expr, Rule):
                found = len(self.rules)
                self.rules.append(expr)
                self.arena.reserve("rule_start", found + 1, fill=-1)
            elif isinstance(expr, Leaf):
                start = self.leaf(expr)
                found = start if start >= 0 else _NOWHERE
            elif isinstance(expr, Bind):
                found = BIND + self._bind(expr)
            elif isinstance(expr, Minus):  # a rule of its own: its taken texts get a body too, and one body is written at a time
                found = self.target(self.wrapped(expr))
            else:
                raise TypeError(f"not an expression: {expr!r}")
            self.targets[expr] = found
        return found

    def leaf(self, leaf: Leaf) -> int:
        """The start node of a leaf; -1 where nothing matches."""
        node, low, high = self.pool.start(leaf)
        return node if high is None and low == 0 else self._counted(node, low, NO_BOUND if high is None else high)

    def atom(self, expr: Expr) -> Expr:
        """`expr` itself if it costs one edge, else a rule around it, so that a repetition holds its body once."""
        if isinstance(expr, (Leaf, Rule, Special)) or (isinstance(expr, Lit) and len(expr.data) == 1):
            return expr
        return self.wrapped(expr)

    def wrapped(self, expr: Expr) -> Rule:
        """A rule whose body is `expr`, the same one for the same expression."""
        found = self._wrapped.get(expr)
        if found is None:
            found = self._wrapped[expr] = Rule(lambda: expr, "part")
        return found

    def claim(self, nodes: int, edges: int, calls: int) -> None:
        """Make room for that many in all."""
        room = self._room
        if nodes <= room[0] and edges <= room[1] and calls <= room[2]:
            return
        if nodes > self.max_nodes:
            raise BudgetExceeded(
                f"the grammar unfolds to more than {self.max_nodes:,} nodes", hint="raise budget= or make the grammar smaller"
            )
        for name, size in (("node", 5 * nodes), ("edge", 5 * edges), ("call", 3 * calls)):
            self.arena.reserve(name, size)
        self._look()

    def _look(self) -> None:
        """Take the arrays as they are now; views of them, for to write to an array takes 2 us."""
        node, edge, call = self.views = [memoryview(self.arena[name]) for name in ("node", "edge", "call")]
        self._room = min(len(node) // 5, self.max_nodes), len(edge) // 5, len(call) // 3


class _Body:
    """Bodies being written: the records of `kernels.tables`, flat, from node `base` on."""

    def __init__(self, to: Assembler) -> None:
        self.to = to
        self.base = self.next = to.nodes
        self.nodes = array("i")
        self.edges: list[int] = []
        self.calls: list[int] = []
        self.edge, self.called = to.edges, to.calls  # the numbers of the next byte edge and the next call edge
        self.ends: set[int] = set()  # accepting nodes without edges: a call that returns there is a tail call
        self.todo: list[tuple[Expr, int, int]] = []  # what has parts, and the nodes between which it is to be written
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
            start, end = self.next, self.next + 1
            self.nodes += _ENDS
            self.next += 2
            self.ends.add(end)
            self.chain((expr,), start, end)
        while self.todo:
            part, a, b = self.todo.pop()
            _WRITERS[type(part)](self, part, a, b)
        return start

    def finish(self) -> None:
        """Copy everything into the arrays."""
        to = self.to
        to.claim(self.next, self.edge, self.called)
        node, edge, call = to.views
        node[5 * self.base : 5 * self.next] = self.nodes
        if self.edges:
            edge[5 * to.edges : 5 * self.edge] = array("i", self.edges)
        if self.calls:
            call[3 * to.calls : 3 * self.called] = array("i", self.calls)
        to.nodes, to.edges, to.calls = self.next, self.edge, self.called
        if self.detours:
            to.detours.update(self.detours)
        for strings, a, b in self.bulk:
            self.strings(strings, a, b)

    def strings(self, expr: Strings, a: int, b: int) -> None:
        """Write a trie in bulk, when everything before is in the arrays."""
        trie, other = trie_of(expr.items), expr.respelling
        behind: dict[int, int] = {}
        if other is not None:
            body = _Body(self.to)
            for byte in other.bytes & {*trie.byte.tolist()}:
                ((_, _, behind[byte]),) = body.detour(other.leaf_of(byte))
            body.finish()
        write_trie(self.to, trie, a, b, empty=b"" in expr.items, escape=0 if other is None else other.first, behind=behind)

    def node(self) -> int:
        self.nodes += FRESH
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

    def chain(self, parts: Sequence[Any], a: int, b: int) -> None:
        """Write parts one after the other from node a to node b: now those that are an edge or a literal, later those that have parts of
        their own, for expressions may nest deeply. A number is what a call edge leads to. Nothing else may lead into a or out of b.

        Most of what is written is written here, so it calls as little as it can."""
        nodes, calls, base, targets, left = self.nodes, self.calls, self.base, self.to.targets, len(parts)
        for part in parts:
            left -= 1
            if left:
                after = self.next
                nodes += FRESH
                self.next += 1
            else:
                after = b
            to = targets.get(part, part)
            if type(to) is not int:
                if type(to) is Lit:
                    self.literal(to, a, after)
                    a = after
                    continue
                if type(to) in _WRITERS:
                    self.todo.append((to, a, after))
                    a = after
                    continue
                to = self.to.target(to)
            if to != _NOWHERE:
                head = 5 * (a - base) + CALLS
                calls += (to, -1 if after in self.ends and to != FREE else after, nodes[head])
                nodes[head] = self.called
                self.called += 1
            a = after

    def sequence(self, expr: Seq, a: int, b: int) -> None:
        self.chain(expr.parts or (FREE,), a, b)

    def entries(self, expr: Entries, a: int, b: int) -> None:
        """From node `begin` an entry begins, at node `behind` it is complete."""
        begin, behind = self.node(), self.node()
        known = [*(one for one in expr.known if one.required), *(one for one in expr.known if not one.required)]
        high = NO_BOUND if expr.high is None else expr.high
        if not expr.others:
            high = min(high, len(known))
        scope = self.to._scope(len([one for one in known if one.required]), expr.low, high, begin)
        self.call(a, _deed(t.OPEN, scope), b)
        once, take = _deed(t.ONCE, 0), _deed(t.TAKE, 0)
        for number, one in enumerate(known):
            self.chain((once + number, one.key, take + number, *_parts(one.value)), begin, behind)
        room, more = begin, behind
        if high != NO_BOUND:
            room, more = self.node(), self.node()
            self.call(begin, _deed(t.ROOM, 0), room)
            self.call(behind, _deed(t.MORE, 0), more)
        for other in expr.others:
            value = self.node()
            self.call(room, BIND + self.to._key(other.key, value, expr.alike), FREE)
            self.chain(_parts(other.value), value, behind)
        self.chain(_parts(expr.separator), more, begin)
        self.call(behind, _deed(t.DONE, 0), FREE)

    def words(self, expr: Strings, a: int, b: int) -> None:
        """A trie, in which what one string alone has is a literal."""
        if len(expr.items) > _WORDS_MAX:
            self.bulk.append((expr, a, b))
            return
        items, other = sorted(set(expr.items)), expr.respelling
        todo = [(items, 0, a)] if items else []  # strings, how many bytes they share, and the node behind those
        while todo:
            some, depth, node = todo.pop()
            if len(some[0]) == depth:
                self.call(node, FREE, b)
                some = some[1:]
            for byte, group in groupby(some, itemgetter(depth)):
                same, to = [*group], self.next
                if len(same) == 1:
                    self.nodes += self.to.letters.nodes(same[0][depth + 1 :], other)
                    self.next += len(same[0]) - depth
                    self.call(self.next - 1, FREE, b)
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
        data, nodes, behind = expr.data, self.nodes, self.next  # nodes behind all bytes but the last
        if len(data) < 2:
            if data:
                self.read(a, data[0], data[0], b)
            else:
                self.call(a, FREE, b)
        else:
            head = 5 * (a - self.base) + EDGES
            self.edges += (data[0], data[0], behind, -1, nodes[head], data[-1], data[-1], b, -1, -1)
            nodes[head] = self.edge
            nodes += self.to.letters.nodes(data[1:-1], expr.respelling)
            nodes[-5 + EDGES] = self.edge + 1
            self.edge += 2
            self.next += len(data) - 1
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
        parts = expr.parts
        plain = [p for p in parts if type(p) is Lit and p.is_plain and p.data] if len(parts) >= _TRIE_FROM else []
        if len(plain) >= _TRIE_FROM:
            self.words(Strings([p.data for p in plain]), a, b)
            parts = tuple([p for p in parts if p not in set(plain)])
        for part in parts:
            if type(part) is Lit:
                self.literal(part, a, b)
            else:
                self.chain(_parts(part), a, b)

    def repeat(self, expr: Repeat, a: int, b: int) -> None:
        low, high = expr.low, expr.high
        body = self.to.atom(expr.body) if (low, high) not in ((0, 1), (1, 1), (0, None)) else expr.body
        inline = min(CHUNK, low if high is None else high)
        here = a
        for i in range(inline):
            if i >= low:
                self.call(here, FREE, b)
            last = i == inline - 1 and high == inline
            after = b if last else self.node()
            self.chain((body,), here, after)
            here = after
        if high is not None and high > inline:
            rest = Repeat(body, max(0, low - inline), high - inline)
            self.call(here, self.to.target(Rule(lambda: rest, "repeated")), b)
        elif high is None and low > inline:
            rest = Repeat(body, low - inline, None)
            self.call(here, self.to.target(Rule(lambda: rest, "repeated")), b)
        elif high is None:
            loop = self.node()
            self.call(here, FREE, loop)
            self.chain((body,), loop, loop)
            self.call(loop, FREE, b)
        elif inline == 0:
            self.call(a, FREE, b)

    def net(self, expr: Net, between: tuple[int, int] | None) -> int:
        first = self.next
        self.nodes += FRESH * expr.size
        self.next += expr.size
        if between is None:
            leaving = {a for a, _, _ in expr.edges}
            for k in expr.accepting:
                self.nodes[5 * (first + k - self.base) + FLAG] = 1
                if k not in leaving:
                    self.ends.add(first + k)
        else:
            self.call(between[0], FREE, first)
            for k in expr.accepting:
                self.call(first + k, FREE, between[1])
        for a, part, b in expr.edges:
            self.chain((FREE,) if part is None else _parts(part), first + a, first + b)
        return first


def _parts(expr: Expr) -> Sequence[Expr]:
    """What stands one behind the other in an expression."""
    return expr.parts if type(expr) is Seq and expr.parts else (expr,)


@lru_cache(maxsize=512)
def _steps(dfa: CharDFA) -> list[list[tuple[int, int, int]]]:
    """For each state, where ranges of characters lead: (first, last, state)."""
    chars = dfa.alphabet.chars_of(range(dfa.alphabet.size))
    return [[(low, high, to) for to, ranges in zip(row, chars, strict=True) if to >= 0 for low, high in ranges] for row in dfa.rows]


def _deed(kind: int, argument: int) -> int:
    return t.DEED + (kind << t.DEED_KIND) + argument


_WRITERS: Final[dict[type, Callable[[_Body, Any, int, int], None]]] = {
    Seq: _Body.sequence,
    Alt: _Body.choice,
    Repeat: _Body.repeat,
    Net: _Body.inner_net,
    Entries: _Body.entries,
    Strings: _Body.words,
    Special: _Body.special,
}
"""How expressions of several edges are written; literals and those of one edge are `_Body.place`'s."""
