"""Finished rows of masks: remembered, bounded in memory, and their memory used again.

A row of 152k tokens has 19 KB; most allow a few tokens only. Those are kept as lists of ids, and as words only as long as they were made
lately. New memory is dear (a row of it costs 20 us on a virtual machine, most of a cold mask; one used before 1 us), so what nobody
else holds is written again.

Not here: how rows are made (`automaton`).
"""

from __future__ import annotations

import os
import sys
import threading
from collections import deque
from functools import lru_cache
from itertools import count
from typing import Any, Final, NamedTuple
from weakref import WeakSet, ref

import numpy as np
import numpy.typing as npt

from structgen.kernels import JIT
from structgen.kernels.rows import LONG, are_same, expand, tell

Words = npt.NDArray[np.uint32]
Doubts = tuple[npt.NDArray[np.int32], ...]

_ENTRY: Final = 200  # bytes that it takes to remember a row for a state
_ROW: Final = 300  # bytes of a row beside its words or ids
_FREE_MAX: Final = 64  # lines that wait for use


class Line(NamedTuple):
    """The memory of a row: uint32[words], read-only, and for kernels its address (to ask numpy takes longer than to copy a row)."""

    words: Words
    into: Any

    @classmethod
    def of(cls, words: Words) -> Line:
        """That of an array, which is read-only from now on."""
        into, seen = (words.ctypes.data, words) if JIT else (words, words.view())
        seen.setflags(write=False)
        return cls(seen, into)


def _counts() -> tuple[int, int]:
    """What getrefcount says of what only a variable holds, and only an attribute: which depends on the version of Python."""
    alone, line = object(), Line(np.zeros(1, np.uint32), 0)
    return sys.getrefcount(alone), sys.getrefcount(line.words)


_COUNTS: Final = _counts() if JIT and getattr(sys, "_is_gil_enabled", lambda: True)() else (-1, -1)
"""Without a global lock counts say nothing: no line is used again."""


class Row:
    """A finished row, which nobody changes from now on: `line`, or None while only the ids are kept. Equal ones are one object.

    `doubts`: in the row of a twin, the tokens that only the states themselves can judge, and the keys in them. Such a row has neither line
    nor ids, but those of the row with the same tokens, `like`.
    """

    __slots__ = ("__weakref__", "doubts", "ids", "like", "line")

    def __init__(self, line: Line | None, ids: Words | None = None, doubts: Doubts | None = None, like: Row | None = None) -> None:
        self.line, self.ids, self.doubts, self.like = line, ids, doubts, like


class Rows(dict[int, Row]):
    """The rows of an automaton, by state, the oldest first. They go with it: the store knows them weakly."""

    __slots__ = ("__weakref__", "owner")

    owner: _Held


class _Held(ref[Any]):
    """A weak reference, and what is to be taken back when nobody has its object any more."""

    __slots__ = ("key", "nbytes", "rows")

    key: Any  # of a row
    nbytes: int
    rows: int  # how many an automaton has


class _Scratch(threading.local):
    """Rows that kernels use while they make one: uint32[3, words], a thread's own."""

    def __init__(self, words: int) -> None:
        self.rows = np.zeros((3, words), np.uint32)


class RowStore:
    """The finished rows of all automata with rows of so many words. Past `limit` bytes the oldest are forgotten (and made again when asked
    for); past `dense` bytes the oldest lines of those that have ids."""

    def __init__(self, words: int, *, limit: int = 64 << 20, dense: int = 16 << 20) -> None:
        self.limit, self.scratch = limit, _Scratch(words)
        self._words, self._lines_max = words, max(1, dense // (4 * words))
        self._lock = threading.Lock()  # automata have locks of their own
        self._known: dict[Any, _Held] = {}  # rows by what is in them
        self._unlike = count()  # keys of those that are not shared
        self._order: deque[_Held] = deque()  # whose rows were remembered, the oldest first
        self._dead: deque[_Held] = deque()  # what is gone, and still to be taken back
        self._rows = self._bytes = 0  # that are remembered; in all that are known
        self._lines: deque[Row] = deque()  # rows that have ids and a line
        self._free: list[Line] = []
        _STORES.add(self)

    @property
    def used(self) -> int:
        """Bytes in use, lines of rows that have ids not counted."""
        return self._bytes + _ENTRY * self._rows

    def rows(self) -> Rows:
        """Where an automaton keeps its rows."""
        made = Rows()
        made.owner = _Held(made, self._dead.append)
        made.owner.key, made.owner.nbytes, made.owner.rows = None, 0, 0
        return made

    def blank(self) -> Line:
        """A line to be written. What it holds is undefined."""
        try:
            return self._free.pop()
        except IndexError:
            return Line.of(np.empty(self._words, np.uint32))

    def give_back(self, line: Line) -> None:
        """A line that came to nothing."""
        if _COUNTS[0] > 0 and len(self._free) < _FREE_MAX:
            self._free.append(line)

    def told(self, line: Line) -> int:
        """What `kernels.rows.told` says of a line; its tokens come into scratch."""
        return int(tell(line.words, self.scratch.rows[2]))

    def keep(self, rows: Rows, state: int, line: Line, told: int, doubts: Doubts | None = None) -> Row:
        """Remember a line, which is not written any more, as `rows[state]`. `told`: what `kernels.rows.told` says of it."""
        with self._lock:
            row = self._shared(line, told)
            if doubts is not None:
                row = Row(None, None, doubts, row)
                self._note(row, next(self._unlike), sum(some.nbytes for some in doubts))
            self._enter(rows, state, row)
        return row

    def _shared(self, line: Line, told: int) -> Row:
        """The row with these tokens: of 13,000 for 100 schemas 2,200 were different."""
        key: Any = told if told >= LONG else self.scratch.rows[2, :told].tobytes()
        held = self._known.get(key)
        row: Row | None = None if held is None else held()
        if row is not None:
            if row.line is None:
                row.line = line
                self._hold(row)
                return row
            if told < LONG or are_same(row.line.into, line.into, self._words):
                self.give_back(line)
                return row
            key = next(self._unlike)
        row = Row(line, self.scratch.rows[2, :told].copy() if told < LONG else None)
        self._note(row, key, 4 * min(told, self._words))
        if told < LONG:
            self._hold(row)
        return row

    def _note(self, row: Row, key: Any, nbytes: int) -> None:
        """Know a new row as long as there is it."""
        held = self._known[key] = _Held(row, self._dead.append)
        held.key, held.nbytes = key, _ROW + nbytes
        self._bytes += held.nbytes

    def line_of(self, row: Row) -> Line:
        """The line of a row."""
        row = row.like or row
        line = row.line
        if line is not None:
            return line
        with self._lock:
            line = row.line
            if line is None:
                line = self.blank()
                expand(row.ids, line.into, self._words)
                row.line = line
                self._hold(row)
            return line

    def add(self, rows: Rows, state: int, row: Row) -> None:
        """Remember a row for one more state."""
        with self._lock:
            self._enter(rows, state, row)

    def _enter(self, rows: Rows, state: int, row: Row) -> None:
        """Remember a row, and forget old ones where there are too many."""
        if state in rows:  # two threads made it
            return
        rows[state] = row
        rows.owner.rows += 1
        self._rows += 1
        self._order.append(rows.owner)
        if self._dead:
            self._take_back()
        while self.used > self.limit and self._rows > 1:
            self._forget()

    def _forget(self) -> None:
        """Forget the oldest row."""
        owner = self._order.popleft()
        rows = owner()
        if rows:
            del rows[next(iter(rows))]
            owner.rows -= 1
            self._rows -= 1
        self._take_back()

    def _take_back(self) -> None:
        """Count what is gone no more."""
        while self._dead:
            held = self._dead.popleft()
            self._bytes -= held.nbytes
            if held.key is None:
                self._rows -= held.rows
            elif self._known.get(held.key) is held:
                del self._known[held.key]
        if len(self._order) > 2 * self._rows + _FREE_MAX:  # most is of automata that are gone
            self._order = deque(owner for owner in self._order if owner() is not None)

    def _hold(self, row: Row) -> None:
        """Note a row with ids and a line, and drop the oldest lines."""
        self._lines.append(row)
        while len(self._lines) > self._lines_max:
            old = self._lines.popleft()
            self._drop(old)

    def _drop(self, row: Row) -> None:
        """Take the line of a row, to be written again if nobody holds it."""
        line, row.line = row.line, None
        if line is not None and (sys.getrefcount(line), sys.getrefcount(line.words)) == _COUNTS and len(self._free) < _FREE_MAX:
            self._free.append(line)


_STORES: Final[WeakSet[RowStore]] = WeakSet()


def _unlock() -> None:
    for store in _STORES:
        store._lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_unlock)  # a child has none of the threads that may have held them


@lru_cache(maxsize=8)
def store_of(words: int) -> RowStore:
    """Where all automata with rows of so many words keep those that are finished, whichever tables they were made with."""
    return RowStore(words)
