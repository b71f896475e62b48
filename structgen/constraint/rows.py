"""Finished rows of masks: remembered, bounded in memory, and their memory used again.

A row of 152k tokens has 19 KB; most allow a few tokens only. Those are kept as lists of ids, and as words only as long as they were made
lately. New memory is dear (a row of it costs 20 us on a virtual machine, most of a cold mask; one used before 1 us), so what nobody
else holds is written again.

Not here: how rows are made (`automaton`).
"""

from __future__ import annotations

import sys
import threading
from collections import deque
from functools import lru_cache
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from structgen.kernels import JIT
from structgen.kernels.rows import LONG, are_same, expand, tell

Words = npt.NDArray[np.uint32]
Doubts = tuple[npt.NDArray[np.int32], ...]

_ENTRY: Final = 500  # bytes of a remembered row beside its words and ids
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
    """A finished row, which nobody changes from now on: `line`, or None while only the ids are kept.

    `key`: of a long line, which rows share, or 0. `doubts`: in the row of a twin, the tokens that only the states themselves can judge, and
    the keys in them; empty where they were judged.
    """

    __slots__ = ("doubts", "ids", "key", "line")

    def __init__(self, line: Line, ids: Words | None = None, key: int = 0, doubts: Doubts | None = None) -> None:
        self.line: Line | None = line
        self.ids, self.key, self.doubts = ids, key, doubts

    @property
    def nbytes(self) -> int:
        """What it takes to remember it, lines not counted."""
        return _ENTRY + (self.ids.nbytes if self.ids is not None else 0) + (sum(some.nbytes for some in self.doubts) if self.doubts else 0)


class _Scratch(threading.local):
    """Rows that kernels use while they make one: uint32[3, words], a thread's own."""

    def __init__(self, words: int) -> None:
        self.rows = np.zeros((3, words), np.uint32)


class RowStore:
    """The finished rows of all automata of a vocabulary. Past `limit` bytes the oldest rows are forgotten (and made again when asked for);
    past `dense` bytes the oldest lines of those that have ids."""

    def __init__(self, words: int, *, limit: int = 64 << 20, dense: int = 16 << 20) -> None:
        self.limit, self.used, self.scratch = limit, 0, _Scratch(words)
        self._words, self._lines_max = words, max(1, dense // (4 * words))
        self._lock = threading.Lock()  # automata of one vocabulary have locks of their own
        # What was remembered, the oldest first. Three lists, for tuples would be objects more that Python's collector looks through.
        self._owners: deque[dict[int, Row]] = deque()
        self._states: deque[int] = deque()
        self._rows: deque[Row] = deque()
        self._lines: deque[Row] = deque()  # rows that have ids and a line
        self._long: dict[int, Line] = {}  # those without ids, by key
        self._uses: dict[int, int] = {}  # how many remembered rows have them
        self._free: list[Line] = []

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

    def keep(self, rows: dict[int, Row], state: int, line: Line, told: int, doubts: Doubts | None = None) -> Row:
        """Remember a line, which is not written any more, as `rows[state]`. `told`: what `kernels.rows.told` says of it."""
        with self._lock:
            if told < LONG:
                row = Row(line, self.scratch.rows[2, :told].copy(), 0, doubts)
                self._hold(row)
            else:
                row = Row(*self._shared(line, told), doubts)
            self._enter(rows, state, row)
        return row

    def _shared(self, line: Line, key: int) -> tuple[Line, None, int]:
        """The long line that is equal to this one, perhaps itself. Of 1,800 for 20 schemas 170 were different."""
        known = self._long.get(key)
        if known is not None:
            if are_same(known.into, line.into, self._words):
                self.give_back(line)
                return known, None, key
            key = -1 - key
            while key in self._long:
                key -= LONG
        self._long[key], self._uses[key] = line, 0
        self.used += 4 * self._words
        return line, None, key

    def line_of(self, row: Row) -> Line:
        """The line of a row."""
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

    def add(self, rows: dict[int, Row], state: int, row: Row) -> None:
        """Remember a row for one more state."""
        with self._lock:
            self._enter(rows, state, row)

    def _enter(self, rows: dict[int, Row], state: int, row: Row) -> None:
        """Remember a row, and forget old ones where there are too many."""
        rows[state] = row
        self._owners.append(rows)
        self._states.append(state)
        self._rows.append(row)
        self.used += row.nbytes
        if row.key:
            self._uses[row.key] += 1
        while self.used > self.limit and len(self._rows) > 1:
            self._forget()

    def _forget(self) -> None:
        """Forget the oldest row."""
        rows, state, row = self._owners.popleft(), self._states.popleft(), self._rows.popleft()
        if rows.get(state) is row:
            del rows[state]
        self.used -= row.nbytes
        if not row.key:
            return
        self._uses[row.key] -= 1
        if not self._uses[row.key]:
            del self._uses[row.key], self._long[row.key]
            self.used -= 4 * self._words
            if sys.getrefcount(row) == _COUNTS[0]:
                self._drop(row)

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


@lru_cache(maxsize=8)
def store_of(words: int) -> RowStore:
    """Where all automata with rows of so many words keep those that are finished, whichever tables they were made with."""
    return RowStore(words)
