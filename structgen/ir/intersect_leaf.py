"""A regular condition on texts, read byte by byte, and what the texts of one terminal do to it.

The states of a `Condition` are numbers, q * places + e: state q of its automaton over characters, place e inside the UTF-8 of a character.
`ways` takes a terminal and a state, and says which texts of the terminal lead to which state. Where these are all of its texts it stays the
object it was, so that what automata share stays shared.

Terminals are compared as one of two forms: UTF-8 texts as automata over characters, JSON strings among them, with their marks and escapes
written out; what has bytes of its own (leaves of bytes, literals with other spellings, `Minus`) as automata over bytes.

Not here: expressions with parts (`ir.intersect`).

>>> done = Condition(CharDFA.any() + CharDFA.of_string("ab"))
>>> [(state, leaf.dfa.strings(2)) for state, leaf in done.ways(Leaf(CharDFA.of_chars([(97, 99)])), 0).items()]
[(0, ['b', 'c']), (4, ['a'])]
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, Final, TypeVar

import numpy as np

from structgen.errors import BudgetExceeded
from structgen.ir import regular_tables as tables
from structgen.ir.chars import Alphabet, align, cut, partition
from structgen.ir.encoding import BYTES, UTF8, Encoding
from structgen.ir.expr import Alt, Expr, Leaf, Lit, Minus, Rule, Seq, Special, Strings, alt
from structgen.ir.regular import BUDGET, CharDFA
from structgen.ir.spelling import spelling

if TYPE_CHECKING:
    from structgen.ir.regular_tables import Row

TERMINALS: Final = (Lit, Leaf, Minus, Special, Strings)
"""The kinds of expressions that `Condition.ways` knows."""

_State = TypeVar("_State", bound=Hashable)

_BYTES: Final = CharDFA.of_chars([(0, 255)]).repeat()


class Condition:
    """A regular language over characters that reads bytes; see the head of the module."""

    def __init__(self, dfa: CharDFA) -> None:
        self.dfa = dfa
        self._reader = _Utf8(dfa)
        self.places = self._reader.places
        self._ways: dict[tuple[int, int], tuple[Expr, dict[int, Expr]]] = {}
        self._products: dict[tuple[CharDFA, bool, int], dict[int, CharDFA]] = {}

    def is_end(self, state: int) -> bool:
        """Whether a text may end here."""
        return state % self.places == 0 and self.dfa.finals[state // self.places]

    def is_met(self, state: int) -> bool:
        """Whether any text may follow."""
        return state % self.places == 0 and self.dfa.accepts_all_from(state // self.places)

    def ways(self, terminal: Expr, state: int) -> dict[int, Expr]:
        """The states that texts of the terminal lead to from `state`, with an expression of the texts that lead there, none of them empty.

        Special tokens have no text and change nothing. Raises BudgetExceeded.
        """
        key = id(terminal), state
        found = self._ways.get(key)
        if found is None:
            try:
                found = self._ways[key] = terminal, self._found(terminal, state)  # kept, so that its id stays its own
            except BudgetExceeded as error:
                raise BudgetExceeded(
                    f"under the condition, a part of the grammar needs more than {BUDGET:,} states",
                    hint="a JSON string of up to so many characters is written out there: a lower bound, or a smaller condition",
                ) from error
        return found[1]

    def _found(self, terminal: Expr, state: int) -> dict[int, Expr]:
        match terminal:
            case Special():
                return {state: terminal}
            case Lit() if terminal.is_plain:
                to = self._read(state, terminal.data)
                return {to: terminal} if to >= 0 else {}
            case Lit():
                return self._cut(terminal, state, _spellings(terminal), in_bytes=True)
            case Strings():
                return self._strings(terminal, state)
            case Minus():
                return self._cut(terminal, state, _difference(terminal), in_bytes=True)
            case Leaf():
                return self._leaf(terminal, state)
        raise TypeError(f"{type(terminal).__name__} is no terminal")

    def _leaf(self, leaf: Leaf, state: int) -> dict[int, Expr]:
        if leaf.encoding is BYTES:
            return self._cut(leaf, state, leaf.dfa.with_lengths(leaf.low, leaf.high), in_bytes=True)
        if leaf.encoding is UTF8:
            found = self._cut(leaf, state, leaf.dfa, in_bytes=False)
            if leaf.low == 0 and leaf.high is None:
                return found
            return {
                to: one if one is leaf else Leaf(one.dfa, low=leaf.low, high=leaf.high)
                for to, one in found.items()
                if isinstance(one, Leaf) and _has_length(one.dfa, leaf.low, leaf.high)
            }
        found = self._cut(leaf, state, _written(leaf.dfa, leaf.encoding), in_bytes=False)
        if (leaf.low == 0 and leaf.high is None) or leaf in found.values():
            return found
        counted = leaf.dfa.with_lengths(leaf.low, leaf.high)  # a count of characters says nothing of those that spell them
        return self._cut(leaf, state, _written(counted, leaf.encoding), in_bytes=False)

    def _cut(self, terminal: Expr, state: int, whole: CharDFA, *, in_bytes: bool) -> dict[int, Expr]:
        """The texts of a terminal, which are those of `whole`, by the states that they lead to."""
        found = self._product(whole, in_bytes, state)
        return {to: terminal if part == whole else Leaf(part, BYTES if in_bytes else UTF8) for to, part in found.items()}

    def _product(self, whole: CharDFA, in_bytes: bool, state: int) -> dict[int, CharDFA]:
        key = whole, in_bytes, state
        found = self._products.get(key)
        if found is None:
            found = self._products[key] = self._multiplied(whole, in_bytes, state)
        return found

    def _multiplied(self, whole: CharDFA, in_bytes: bool, state: int) -> dict[int, CharDFA]:
        if in_bytes:
            return _parts(whole, self._reader.alphabet, self._reader.row, state)
        q, inside = divmod(state, self.places)
        if inside:  # no character begins inside another
            return {state: CharDFA.epsilon()} if whole.finals[0] else {}
        return {to * self.places: part for to, part in _parts(whole, self.dfa.alphabet, self.dfa.rows.__getitem__, q).items()}

    def _strings(self, expr: Strings, state: int) -> dict[int, Expr]:
        same: dict[int, list[bytes]] = {}
        others: dict[int, list[Expr]] = {}
        for item in expr.items:
            to = self._read(state, item)
            if expr.respelling is not None:
                one = expr.literal(item)
                found = self._found(one, state)
                if found.get(to) is not one:
                    for other, part in found.items():
                        others.setdefault(other, []).append(part)
                    continue
            if to >= 0:
                same.setdefault(to, []).append(item)
        if not others and len(same) == 1 and sum(map(len, same.values())) == len(expr.items):
            return dict.fromkeys(same, expr)
        plain = {to: [Strings(items, expr.respelling)] for to, items in same.items()}
        return {to: alt([*plain.get(to, ()), *others.get(to, ())]) for to in {**same, **others}}

    def _read(self, state: int, data: bytes) -> int:
        for byte in data:
            if state < 0:
                break
            state = self._reader.step(state, byte)
        return state


class _Utf8:
    """An automaton over characters, read byte by byte."""

    def __init__(self, dfa: CharDFA) -> None:
        spell = spelling(dfa.alphabet, UTF8)
        self._rows, self._classes = dfa.rows, spell.cls.tolist()
        self._next: list[list[int]] = spell.enc.tolist()
        self.places = len(self._next)
        self.alphabet, self._columns = cut(range(257), [*self._classes, -1])
        self._known: dict[int, Row] = {}

    def step(self, state: int, byte: int) -> int:
        """The state after a byte, or -1."""
        return self._after(state, self._classes[byte])

    def row(self, state: int) -> Row:
        """The states after each class of `alphabet`."""
        found = self._known.get(state)
        if found is None:
            found = self._known[state] = tuple([-1 if cls < 0 else self._after(state, cls) for cls in self._columns])
        return found

    def _after(self, state: int, cls: int) -> int:
        q, inside = divmod(state, self.places)
        to = self._next[inside][cls]
        if to >= 0:
            return q * self.places + to
        after = -1 if to == -1 else self._rows[q][-2 - to]
        return after * self.places if after >= 0 else -1


def _explored(start: _State, after: Callable[[_State], Iterable[_State | None]]) -> tuple[list[_State], list[Row]]:
    """All states from `start` on, and a table of them."""
    number, order = {start: 0}, [start]
    rows: list[Row] = []
    for state in order:
        row: list[int] = []
        for to in after(state):
            if to is not None and to not in number:
                number[to] = len(order)
                order.append(to)
            row.append(-1 if to is None else number[to])
        rows.append(tuple(row))
        if len(order) > BUDGET:
            raise tables.exceeded(BUDGET)
    return order, rows


def _parts(whole: CharDFA, alphabet: Alphabet, row: Callable[[int], Row], state: int) -> dict[int, CharDFA]:
    """The texts of `whole` by the states that they lead to from `state`, where `row` says what follows each state."""
    both, left, right = align(whole.alphabet, alphabet)
    columns = list(zip(left, right, strict=True))

    def after(pair: tuple[int, int]) -> list[tuple[int, int] | None]:
        mine, other = whole.rows[pair[0]], row(pair[1])
        return [(mine[a], other[b]) if mine[a] >= 0 and other[b] >= 0 else None for a, b in columns]

    order, rows = _explored((0, state), after)
    ends = dict.fromkeys(to for q, to in order if whole.finals[q])
    return {end: CharDFA.from_table(both, rows, [to == end and whole.finals[q] for q, to in order]) for end in ends}


@lru_cache(maxsize=256)
def _written(dfa: CharDFA, encoding: Encoding) -> CharDFA:
    """JSON strings, or what stands inside them, as texts with their marks and escapes."""
    spell = spelling(dfa.alphabet, encoding.inner)
    inside, classes = spell.enc.tolist(), spell.cls.tolist()
    intervals = [(low, c) for low, c in zip(dfa.alphabet.bounds, dfa.alphabet.classes, strict=True) if low > 0x80]
    bounds = [*range(0x81), *(low for low, _ in intervals)]
    raw = [dfa.alphabet.class_of(0x80), *(c for _, c in intervals)]
    alphabet, labels = cut(bounds, [*((cls, -1) for cls in classes[:0x80]), *((-1, c) for c in raw)])

    def after(state: tuple[int, int]) -> list[tuple[int, int] | None]:
        q, e = state
        found: list[tuple[int, int] | None] = []
        for cls, c in labels:
            to = -2 - c if cls < 0 and e == 0 else inside[e][cls] if cls >= 0 else -1
            if to < -1:
                q_after = dfa.rows[q][-2 - to]
                found.append((q_after, 0) if q_after >= 0 else None)
            else:
                found.append((q, to) if to >= 0 else None)
        return found

    order, rows = _explored((0, 0), after)
    inner = CharDFA.from_table(alphabet, rows, [e == 0 and dfa.finals[q] for q, e in order])
    mark = CharDFA.of_string('"')
    return mark + inner + mark if encoding.is_quoted else inner


@lru_cache(maxsize=256)
def _in_bytes(dfa: CharDFA) -> CharDFA:
    """The UTF-8 of the texts, as an automaton over bytes."""
    reader = _Utf8(dfa)
    order, rows = _explored(0, lambda state: [to if to >= 0 else None for to in reader.row(state)])
    return CharDFA.from_table(reader.alphabet, rows, [s % reader.places == 0 and dfa.finals[s // reader.places] for s in order])


def _difference(minus: Minus) -> CharDFA:
    leaf = minus.leaf
    dfa = leaf.dfa.with_lengths(leaf.low, leaf.high)
    whole = dfa if leaf.encoding is BYTES else _in_bytes(dfa if leaf.encoding is UTF8 else _written(dfa, leaf.encoding))
    return whole - (_spellings(minus.taken) + _BYTES)


class _Spellings:
    """The finitely many texts of an expression without recursion, as a nondeterministic automaton over bytes without free steps."""

    def __init__(self) -> None:
        self.size = 1
        self.edges: list[tuple[int, int, int, int]] = []  # source, first byte, last byte, target

    def nodes(self, count: int) -> range:
        self.size += count
        return range(self.size - count, self.size)

    def write(self, expr: Expr, starts: frozenset[int]) -> frozenset[int]:
        """Where texts end that begin at any of `starts`."""
        match expr:
            case Lit():
                return self.literal(expr, starts)
            case Strings():
                return frozenset().union(*[self.literal(expr.literal(item), starts) for item in expr.items])
            case Alt():
                return frozenset().union(*[self.write(part, starts) for part in expr.parts])
            case Seq():
                for part in expr.parts:
                    starts = self.write(part, starts)
                return starts
            case Rule():
                return self.write(expr.make(), starts)
            case Leaf(low=0, high=None) if expr.encoding is BYTES:
                return self.leaf(expr, starts)
        raise TypeError(f"{type(expr).__name__} is no finite set of texts")

    def literal(self, lit: Lit, starts: frozenset[int]) -> frozenset[int]:
        nodes = self.nodes(len(lit.data))
        reached = [starts, *(frozenset((node,)) for node in nodes)]
        ways: dict[int, list[tuple[int, Leaf]]] = {}
        for i, j, leaf in lit.ways:
            ways.setdefault(i, []).append((j, leaf))
        for i, byte in enumerate(lit.data):
            self.edges += [(a, byte, byte, nodes[i]) for a in reached[i]]
            for j, leaf in ways.get(i, ()):
                reached[j] |= self.leaf(leaf, reached[i])
        return reached[-1]

    def leaf(self, leaf: Leaf, starts: frozenset[int]) -> frozenset[int]:
        dfa = leaf.dfa
        nodes, chars = self.nodes(len(dfa.rows)), dfa.alphabet.chars_of(range(dfa.alphabet.size))
        for q, row in enumerate(dfa.rows):
            sources = (nodes[q], *starts) if q == 0 else (nodes[q],)
            steps = [(low, high, nodes[to]) for to, ranges in zip(row, chars, strict=True) if to >= 0 for low, high in ranges]
            self.edges += [(a, low, high, b) for a in sources for low, high, b in steps]
        ends = frozenset(nodes[q] for q, final in enumerate(dfa.finals) if final)
        return ends | starts if dfa.finals[0] else ends


def _spellings(expr: Expr) -> CharDFA:
    """The texts of a literal, or of what a `Minus` takes away, as an automaton over bytes."""
    writer = _Spellings()
    ends = writer.write(expr, frozenset((0,)))
    ranges = list(dict.fromkeys((low, high) for _, low, high, _ in writer.edges))
    alphabet, masks = partition(tuple((pair,) for pair in ranges))
    columns = {pair: [c for c, mask in enumerate(masks) if mask >> i & 1] for i, pair in enumerate(ranges)}
    rows = [[0] * alphabet.size for _ in range(writer.size)]
    for source, low, high, target in writer.edges:
        for c in columns[low, high]:
            rows[source][c] |= 1 << target
    return CharDFA.from_table(alphabet, *tables.determinise(1, rows, sum(1 << end for end in ends), BUDGET))


def _has_length(dfa: CharDFA, low: int, high: int | None) -> bool:
    """Whether some text has so many characters; from `low` on a shortest one is found within as many more as there are states."""
    table = dfa.table
    sources, classes = np.nonzero(table >= 0)
    targets = table[sources, classes]
    now = np.zeros(len(table), np.bool_)
    now[0] = True
    last = low + len(table) if high is None else min(high, low + len(table))
    for count in range(last + 1):
        if count >= low and (now & dfa.accepting).any():
            return True
        after = np.zeros_like(now)
        after[targets[now[sources]]] = True
        now = after
    return False
