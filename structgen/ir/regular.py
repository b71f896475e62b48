"""Regular languages over characters: `CharDFA`, a minimal deterministic automaton with all Boolean operations.

A `CharDFA` is always trimmed (every state is reachable and leads to an end), minimal and numbered canonically (states breadth first from
0, classes by first occurrence over the code points). So equal languages are equal objects: `==`, `hash` and `key` compare languages.

Texts are strings of Unicode scalar values: surrogates are matched by nothing, and complements are taken within the other texts.

Data, for those who run automata (all read-only arrays; K intervals, C classes, Q states):

    bounds: int32[K]     interval k is [bounds[k], bounds[k+1]), the last ends at 0x110000; bounds[0] == 0; neighbours differ in class
    classes: int32[K]    the class of interval k, 0..C-1
    table: int32[Q, C]   the next state, or -1
    accepting: bool[Q]   state 0 is the start; the empty language has Q == C == 1 and no accepting state

Every construction takes `budget`, the most states of any table on the way, and raises `BudgetExceeded` beyond. Operators use `BUDGET`.

Not here: how texts become bytes (`automata`), how patterns are read (`frontends/regex`).

>>> word, short = CharDFA.of_chars([(97, 122)]).repeat(1, None), CharDFA.any().with_lengths(0, 2)
>>> (word & ~short).matches("abc"), (word & short).strings(3), word & short == word - ~short
(True, ['a', 'b', 'c'], True)
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import Final

import numpy as np
import numpy.typing as npt

from structgen.errors import EmptyLanguage, OptionError
from structgen.ir import regular_tables as tables
from structgen.ir.chars import ANY, ONE_CLASS, Alphabet, CharSet, align, coarsen, normal, partition
from structgen.ir.regular_strings import table_of, texts_of
from structgen.ir.regular_tables import Row

BUDGET: Final = 20_000
"""The default budget: the most states of one automaton, also on the way to it."""


def _frozen(values: object, dtype: type) -> npt.NDArray[np.generic]:
    array: npt.NDArray[np.generic] = np.array(values, dtype=dtype)
    array.setflags(write=False)
    return array


class CharDFA:
    """A regular language over characters. Immutable and canonical; make one with the class methods, operators, or `from_table`."""

    __slots__ = ("_all", "_arrays", "_key", "alphabet", "finals", "rows")

    alphabet: Alphabet
    """The cut of the code points into classes."""
    rows: tuple[Row, ...]
    """`table` as tuples, for loops in Python."""
    finals: tuple[bool, ...]
    """`accepting` as a tuple."""

    def __init__(self, alphabet: Alphabet, rows: Iterable[Row], finals: Iterable[bool]) -> None:
        # Private: the parts must be canonical already.
        self.alphabet, self.rows, self.finals = alphabet, tuple(rows), tuple(finals)
        self._arrays: dict[str, npt.NDArray[np.generic]] = {}
        self._key: bytes | None = None
        self._all: int | None = None

    @classmethod
    def from_table(cls, alphabet: Alphabet, rows: list[Row], finals: list[bool]) -> CharDFA:
        """The canonical automaton of any table: `rows[q][c]` a state or -1, `finals[q]`, start 0, every state reachable.

        Classes of surrogates must be dead (no edges).
        """
        (rows, finals), back = tables.trim(rows, finals)
        return cls._quotient(alphabet, rows, finals, *tables.minimise(rows, finals, back))

    @classmethod
    def _quotient(cls, alphabet: Alphabet, rows: list[Row], finals: list[bool], block: list[int], count: int) -> CharDFA:
        """The canonical automaton of a trimmed table and its blocks of equal states."""
        if count < len(rows):
            sample = dict(zip(block, range(len(rows)), strict=False))  # any state of a block stands for it
            columns = list(zip(*[rows[q] for q in sample.values()], strict=True))
            columns = [tuple([block[t] for t in column]) for column in columns]
        else:
            columns = list(zip(*rows, strict=True))
        group: dict[Row, int] = {}
        groups = tuple([group.setdefault(column, len(group)) for column in columns])
        if len(group) < alphabet.size:
            alphabet, kept = coarsen(alphabet, groups)
            pick = tables.picker(kept)
            rows = [pick(row) for row in rows]
        rows, finals = tables.quotient(rows, finals, block, count)
        return cls(alphabet, rows, finals)

    # ---- making ----

    @staticmethod
    def empty() -> CharDFA:
        """The language of no text."""
        return _EMPTY

    @staticmethod
    def epsilon() -> CharDFA:
        """The language of the empty text alone."""
        return _EPSILON

    @staticmethod
    def any() -> CharDFA:
        """The language of all texts."""
        return _ANY

    @staticmethod
    def of_chars(ranges: Iterable[tuple[int, int]]) -> CharDFA:
        """The texts of one character out of these code point ranges (both ends included; surrogates are left out)."""
        return _one_char(normal(ranges))

    @staticmethod
    def of_string(text: str) -> CharDFA:
        """The language of this text alone. Raises GrammarError for surrogates."""
        return CharDFA.of_strings([text])

    @staticmethod
    def of_strings(texts: Iterable[str], *, budget: int = BUDGET) -> CharDFA:
        """The finite language of these texts. Raises GrammarError for surrogates, BudgetExceeded for too many."""
        texts = list(texts)
        if not texts:
            return _EMPTY
        alphabet, rows, finals = table_of(texts, budget)  # trimmed and minimal
        return CharDFA._quotient(alphabet, rows, finals, [*range(len(rows)), -1], len(rows))

    @staticmethod
    def of_sets(sets: Sequence[CharSet]) -> CharDFA:
        """The texts with one character of each of these sets (`ir.chars`), in turn."""
        if not all(sets):
            return _EMPTY
        kinds = {chars: i for i, chars in enumerate(dict.fromkeys(sets))}
        alphabet, masks = partition(tuple(kinds))
        rows = [tuple([q if mask >> kinds[chars] & 1 else -1 for mask in masks]) for q, chars in enumerate(sets, 1)]
        return CharDFA(alphabet, [*rows, (-1,) * alphabet.size], [*[False] * len(rows), True])  # a chain is canonical

    # ---- data ----

    def _array(self, name: str, values: object, dtype: type) -> npt.NDArray[np.generic]:
        found = self._arrays.get(name)
        if found is None:
            found = self._arrays[name] = _frozen(values, dtype)
        return found

    @property
    def bounds(self) -> npt.NDArray[np.int32]:
        """int32[K]: where the intervals begin."""
        return self._array("bounds", self.alphabet.bounds, np.int32)  # type: ignore[return-value]

    @property
    def classes(self) -> npt.NDArray[np.int32]:
        """int32[K]: the class of each interval."""
        return self._array("classes", self.alphabet.classes, np.int32)  # type: ignore[return-value]

    @property
    def table(self) -> npt.NDArray[np.int32]:
        """int32[Q, C]: the next state, or -1."""
        return self._array("table", self.rows, np.int32)  # type: ignore[return-value]

    @property
    def accepting(self) -> npt.NDArray[np.bool_]:
        """bool[Q]: where a text may end."""
        return self._array("accepting", self.finals, np.bool_)  # type: ignore[return-value]

    @property
    def key(self) -> bytes:
        """32 bytes that name the language: equal languages have equal keys, in every process."""
        if self._key is None:
            head = f"{len(self.rows)} {self.alphabet.size} {len(self.alphabet.bounds)};".encode()
            parts = (self.bounds, self.classes, self.table, self.accepting)
            self._key = blake2b(head + b"".join(part.tobytes() for part in parts), digest_size=32).digest()
        return self._key

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, CharDFA):
            return NotImplemented
        return self.rows == other.rows and self.finals == other.finals and self.alphabet == other.alphabet

    def __hash__(self) -> int:
        return hash((len(self.rows), self.rows[0], self.finals[:8], self.alphabet))

    def __repr__(self) -> str:
        shown = ", ".join(map(repr, self.strings(3)))
        return f"CharDFA({len(self.rows)} states, {self.alphabet.size} classes: {shown}{', …' if not self.is_finite else ''})"

    # ---- Boolean operations ----

    def _combine(self, other: CharDFA, keep: Callable[[bool, bool], bool], budget: int) -> CharDFA:
        alphabet, left, right = align(self.alphabet, other.alphabet)
        a = _spread(self, left) if self.alphabet is not alphabet else list(self.rows)
        b = _spread(other, right) if other.alphabet is not alphabet else list(other.rows)
        rows, finals = tables.product((a, list(self.finals)), (b, list(other.finals)), keep, budget)
        return CharDFA.from_table(alphabet, rows, finals)

    def intersection(self, other: CharDFA, *, budget: int = BUDGET) -> CharDFA:
        """The texts of both."""
        if self == other or other is _ANY or self.is_empty:
            return self
        if self is _ANY or other.is_empty:
            return other
        return self._combine(other, _both, budget)

    def union(self, other: CharDFA, *, budget: int = BUDGET) -> CharDFA:
        """The texts of either."""
        if self == other or other.is_empty:
            return self
        return other if self.is_empty else self._combine(other, _either, budget)

    def difference(self, other: CharDFA, *, budget: int = BUDGET) -> CharDFA:
        """The texts of this one that the other does not have."""
        if self.is_empty or other.is_empty:
            return self
        return _EMPTY if self == other else self._combine(other, _first_only, budget)

    def complement(self, *, budget: int = BUDGET) -> CharDFA:
        """All other texts."""
        return _ANY.difference(self, budget=budget)

    def __and__(self, other: CharDFA) -> CharDFA:
        return self.intersection(other)

    def __or__(self, other: CharDFA) -> CharDFA:
        return self.union(other)

    def __sub__(self, other: CharDFA) -> CharDFA:
        return self.difference(other)

    def __invert__(self) -> CharDFA:
        return self.complement()

    def __le__(self, other: CharDFA) -> bool:
        """Whether every text of this one is a text of the other."""
        return self.difference(other).is_empty

    def isdisjoint(self, other: CharDFA) -> bool:
        """Whether no text is in both."""
        return self.intersection(other).is_empty

    # ---- concatenation and repetition ----

    def __add__(self, other: CharDFA) -> CharDFA:
        return self.concat(other)

    def concat(self, other: CharDFA, *, budget: int = BUDGET) -> CharDFA:
        """A text of this one followed by a text of the other."""
        if self.is_empty or other.is_empty:
            return _EMPTY
        if self.is_epsilon or other.is_epsilon:
            return other if self.is_epsilon else self
        alphabet, left, right = align(self.alphabet, other.alphabet)
        shift = len(self.rows)
        begin = 1 << shift
        enter = [1 << q | (begin if final else 0) for q, final in enumerate(self.finals)]
        rows = [[enter[t] if t >= 0 else 0 for t in row] for row in _spread(self, left)]
        rows += [[1 << shift + t if t >= 0 else 0 for t in row] for row in _spread(other, right)]
        finals = _mask(other.finals) << shift
        if other.finals[0]:
            finals |= _mask(self.finals)
        return CharDFA.from_table(alphabet, *tables.determinise(enter[0], rows, finals, budget))

    def repeat(self, low: int = 0, high: int | None = None, *, budget: int = BUDGET) -> CharDFA:
        """At least `low` and at most `high` (None: any number) texts of this one, one after the other.

        Raises OptionError unless 0 <= low <= high.
        """
        _check_counts(low, high)
        if high == 0 or self.is_epsilon:
            return _EPSILON
        if self.is_empty:
            return _EPSILON if low == 0 else _EMPTY
        if (low, high) == (1, 1):
            return self
        copies = max(low, 1) if high is None else high
        size = len(self.rows)
        if copies > budget or copies * size > 4 * budget:
            raise tables.exceeded(budget)
        if self.finals[0]:  # counts below `low` are reached with empty texts
            low, copies = 0, (1 if high is None else copies)
        rows: list[list[int]] = []
        finals = 0
        for copy in range(copies):
            base = copy * size
            after = base + size if copy + 1 < copies else base if high is None else -1
            enter = [1 << base + q | (1 << after if final and after >= 0 else 0) for q, final in enumerate(self.finals)]
            rows += [[enter[t] if t >= 0 else 0 for t in row] for row in self.rows]
            if copy + 1 >= low:
                finals |= _mask(self.finals) << base
        start = 1
        if low == 0:  # a state of its own, as the first copy's start may be met again inside it
            start = 1 << len(rows)
            rows.append(rows[0])
            finals |= start
        return CharDFA.from_table(self.alphabet, *tables.determinise(start, rows, finals, budget))

    def optional(self) -> CharDFA:
        """A text of this one, or the empty text."""
        return self if self.finals[0] else self.union(_EPSILON)

    def with_lengths(self, low: int = 0, high: int | None = None, *, budget: int = BUDGET) -> CharDFA:
        """The texts of at least `low` and at most `high` (None: any number) characters."""
        _check_counts(low, high)
        if (high is None and low == 0) or (self.min_length() >= low and high is None):
            return self
        longest = self.max_length()
        if longest is not None and (high is None or longest <= high):
            high = longest
            if self.min_length() >= low:
                return self
        if (low if high is None else high) >= budget:
            raise tables.exceeded(budget)
        return self.intersection(_lengths(low, high), budget=budget)

    def reversed(self, *, budget: int = BUDGET) -> CharDFA:
        """The texts read backwards."""
        rows = [[0] * self.alphabet.size for _ in self.rows]
        for q, row in enumerate(self.rows):
            for c, target in enumerate(row):
                if target >= 0:
                    rows[target][c] |= 1 << q
        return CharDFA.from_table(self.alphabet, *tables.determinise(_mask(self.finals), rows, 1, budget))

    # ---- questions ----

    def step(self, state: int, code: int) -> int:
        """The state after the character `code`, or -1; -1 stays -1."""
        return -1 if state < 0 else self.rows[state][self.alphabet.class_of(code)]

    def residual(self, state: int) -> CharDFA:
        """The language of what may follow once `state` is reached."""
        number = {state: 0}
        order = [state]
        for q in order:
            for target in self.rows[q]:
                if target >= 0 and target not in number:
                    number[target] = len(order)
                    order.append(target)
        number[-1] = -1
        rows = [tuple([number[t] for t in self.rows[q]]) for q in order]
        return CharDFA.from_table(self.alphabet, rows, [self.finals[q] for q in order])

    def accepts_all_from(self, state: int) -> bool:
        """Whether every text may follow once `state` is reached."""
        if self._all is None:  # as the automaton is minimal, at most one state is like that
            one = _ANY.alphabet.bounds[1:]
            at = bisect_right(self.alphabet.bounds, one[0]) - 1
            only_surrogates = self.alphabet.bounds[at : at + 2] == one and self.alphabet.classes.count(self.alphabet.classes[at]) == 1
            alike = [q for q, row in enumerate(self.rows) if self.finals[q] and row.count(q) == len(row) - 1]
            self._all = alike[0] if only_surrogates and alike else -1
        return state == self._all

    def matches(self, text: str) -> bool:
        """Whether the text is in the language."""
        bounds, classes, rows, state = self.alphabet.bounds, self.alphabet.classes, self.rows, 0
        for char in text:
            state = rows[state][classes[bisect_right(bounds, ord(char)) - 1]]
            if state < 0:
                return False
        return self.finals[state]

    @property
    def is_empty(self) -> bool:
        """Whether no text is in the language."""
        return len(self.rows) == 1 and not self.finals[0] and self.alphabet.size == 1

    @property
    def is_epsilon(self) -> bool:
        """Whether only the empty text is in the language."""
        return len(self.rows) == 1 and self.finals[0] and self.alphabet.size == 1

    @property
    def is_universal(self) -> bool:
        """Whether every text is in the language."""
        return self == _ANY

    @property
    def is_prefix_free(self) -> bool:
        """Whether no text of the language continues another one."""
        return not any(final and any(t >= 0 for t in row) for row, final in zip(self.rows, self.finals, strict=True))

    @property
    def is_finite(self) -> bool:
        """Whether the language has finitely many texts."""
        return len(self._order()) == len(self.rows)

    def _order(self) -> list[int]:
        """The states that lead to no cycle, so that edges lead from later to earlier ones."""
        left = [len({*row, -1}) - 1 for row in self.rows]
        order = [q for q, count in enumerate(left) if not count]
        back = tables.predecessors(self.rows)
        for q in order:
            for p in back[q]:
                left[p] -= 1
                if not left[p]:
                    order.append(p)
        return order

    def distances(self) -> list[int]:
        """For each state the fewest characters to an accepting one (the empty language: [-1])."""
        far = [-1] * len(self.rows)
        work = [q for q, final in enumerate(self.finals) if final]
        for q in work:
            far[q] = 0
        back = tables.predecessors(self.rows)
        for q in work:
            for p in back[q]:
                if far[p] < 0:
                    far[p] = far[q] + 1
                    work.append(p)
        return far

    def rest(self, state: int, most: int) -> tuple[object, ...] | None:
        """What follows a state, in a form that is the same for equal languages; None where that has more than `most` states."""
        number, todo = {state: 0}, [state]
        found: list[object] = []
        for q in todo:  # which grows
            row, last = self.rows[q], -2
            steps: list[tuple[int, int]] = []
            for bound, cls in zip(self.alphabet.bounds, self.alphabet.classes, strict=True):
                to = row[cls]
                if to == last:
                    continue
                last = to
                if to >= 0 and to not in number:
                    if len(number) == most:
                        return None
                    number[to] = len(number)
                    todo.append(to)
                steps.append((bound, number.get(to, -1)))
            found.append((self.finals[q], tuple(steps)))
        return tuple(found)

    def min_length(self) -> int:
        """The characters of a shortest text; 0 for the empty language."""
        return 0 if self.finals[0] else max(self.distances()[0], 0)

    def farthest(self) -> list[int | None]:
        """For each state the most characters to an accepting one; None if there is no bound."""
        most: list[int | None] = [None] * len(self.rows)
        for q in self._order():
            most[q] = max([most[t] + 1 for t in {*self.rows[q]} if t >= 0], default=0)  # type: ignore[operator]
        return most

    def max_length(self) -> int | None:
        """The characters of a longest text; None if there is no bound; 0 for the empty language."""
        return self.farthest()[0]

    def count(self) -> int | None:
        """How many texts the language has; None if infinitely many."""
        order = self._order()
        if len(order) < len(self.rows):
            return None
        sizes = [sum(high - low + 1 for low, high in chars) for chars in self.alphabet.chars_of(range(self.alphabet.size))]
        ways = [0] * len(self.rows)
        for q in order:
            ways[q] = int(self.finals[q]) + sum(sizes[c] * ways[t] for c, t in enumerate(self.rows[q]) if t >= 0)
        return ways[0]

    def strings(self, limit: int) -> list[str]:
        """Up to `limit` texts, shortest first: all of a finite language, else one character standing for each class."""
        if limit <= 0 or self.is_empty:
            return []
        return texts_of(self.alphabet, self.rows, self.finals, self.max_length(), limit)

    def shortest(self) -> str:
        """A shortest text: the first that `strings` lists. Raises EmptyLanguage if there is none."""
        if self.is_empty:
            raise EmptyLanguage("the language has no text at all, so no shortest one")
        return self.strings(1)[0]


def _both(a: bool, b: bool) -> bool:
    return a and b


def _either(a: bool, b: bool) -> bool:
    return a or b


def _first_only(a: bool, b: bool) -> bool:
    return a and not b


def _mask(finals: Iterable[bool]) -> int:
    return sum(1 << q for q, final in enumerate(finals) if final)


def _spread(dfa: CharDFA, columns: tuple[int, ...]) -> list[Row]:
    """The rows over a finer alphabet: new class c was class `columns[c]`."""
    pick = tables.picker(columns)
    return [pick(row) for row in dfa.rows]


def _check_counts(low: int, high: int | None) -> None:
    if low < 0 or (high is not None and high < low):
        raise OptionError(f"a repetition from {low} to {high} times is impossible", where="low, high", hint="counts need 0 <= low <= high")


@lru_cache(maxsize=256)
def _one_char(chars: CharSet) -> CharDFA:
    if not chars:
        return _EMPTY
    alphabet, masks = partition((chars,))
    return CharDFA.from_table(alphabet, [tuple(1 if m else -1 for m in masks), (-1,) * alphabet.size], [False, True])


@lru_cache(maxsize=256)
def _lengths(low: int, high: int | None) -> CharDFA:
    """All texts with so many characters."""
    alphabet, masks = partition((ANY,))
    last = low if high is None else high
    targets = [*range(1, last + 1), last if high is None else -1]
    rows = [tuple(t if m else -1 for m in masks) for t in targets]
    return CharDFA(alphabet, rows, [q >= low for q in range(last + 1)])


_EMPTY: Final = CharDFA(ONE_CLASS, [(-1,)], [False])
_EPSILON: Final = CharDFA(ONE_CLASS, [(-1,)], [True])
_ANY: Final = CharDFA(partition((ANY,))[0], [tuple(0 if m else -1 for m in partition((ANY,))[1])], [True])
