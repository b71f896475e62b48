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
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from structgen.kernels.rows import expand, list_ids

Words = npt.NDArray[np.uint32]
Ids = npt.NDArray[np.int32]

_ENTRY: Final = 500  # bytes of a remembered row beside its words and ids
_FREE_MAX: Final = 64  # lines that wait for use


class Line(NamedTuple):
    """The memory of a row: uint32[words], and where it lies (to ask numpy takes longer than to copy a row)."""

    words: Words
    address: int

    @classmethod
    def of(cls, words: Words) -> Line:
        """That of an array."""
        return cls(words, words.ctypes.data)


def _counts() -> tuple[int, int]:
    """What getrefcount says of what only a variable holds, and only an attribute: which depends on the version of Python."""
    alone, line = object(), Line(np.zeros(1, np.uint32), 0)
    return sys.getrefcount(alone), sys.getrefcount(line.words)


_COUNTS: Final = _counts() if getattr(sys, "_is_gil_enabled", lambda: True)() else (-1, -1)
"""Without a global lock counts say nothing: no line is used again."""


class Row:
    """A finished row, which nobody changes from now on: `line`, or None while only the ids are kept.

    `doubts`: in the row of a twin, the tokens that only the states themselves can judge, and the keys in them; empty where they were
    judged.
    """

    __slots__ = ("doubts", "ids", "line")

    def __init__(self, line: Line, ids: Ids | None = None, doubts: tuple[Ids, ...] | None = None) -> None:
        line.words.setflags(write=False)
        self.line: Line | None = line
        self.ids, self.doubts = ids, doubts


class RowStore:
    """The finished rows of all automata of a vocabulary. Past `limit` bytes the oldest rows are forgotten (and made again when asked for);
    past `dense` bytes the oldest lines of those that have ids."""

    def __init__(self, words: int, *, limit: int = 64 << 20, dense: int = 16 << 20) -> None:
        self.limit, self.used = limit, 0
        self._words, self._lines_max = words, max(1, dense // (4 * words))
        self._lock = threading.Lock()  # automata of one vocabulary have locks of their own
        # What was remembered, the oldest first. Three lists, for tuples would be objects more that Python's collector looks through.
        self._owners: deque[dict[int, Row]] = deque()
        self._states: deque[int] = deque()
        self._sizes: deque[int] = deque()
        self._lines: deque[Row] = deque()  # rows that have both
        self._free: list[Line] = []
        self._ids = np.empty(max(1, words // 16), np.int32)

    def blank(self) -> Line:
        """A line without tokens, to be filled."""
        try:
            line = self._free.pop()
        except IndexError:
            return Line.of(np.zeros(self._words, np.uint32))
        line.words.fill(0)
        return line

    def copy(self, words: Words) -> Line:
        """A line with these tokens, to be changed."""
        line = self.blank()
        line.words[:] = words
        return line

    def finished(self, line: Line, doubts: tuple[Ids, ...] | None = None) -> Row:
        """The row of a line, which is not written any more."""
        with self._lock:
            count = list_ids(line.words, self._ids)
            row = Row(line, self._ids[:count].copy() if count >= 0 else None, doubts)
            self._keep(row)
        return row

    def line_of(self, row: Row) -> Line:
        """The line of a row."""
        line = row.line
        if line is not None:
            return line
        with self._lock:
            line = row.line
            if line is None:
                line = self.blank()
                expand(row.ids, line.words)
                line.words.setflags(write=False)
                row.line = line
                self._keep(row)
            return line

    def _keep(self, row: Row) -> None:
        """Note a row with a line, and drop lines of the oldest that can do without."""
        if row.ids is None:
            return
        self._lines.append(row)
        while len(self._lines) > self._lines_max:
            old = self._lines.popleft()
            self._drop(old)

    def _drop(self, row: Row) -> None:
        """Take the line of a row, to be written again if nobody holds it."""
        line, row.line = row.line, None
        if line is not None and (sys.getrefcount(line), sys.getrefcount(line.words)) == _COUNTS and len(self._free) < _FREE_MAX:
            line.words.setflags(write=True)
            self._free.append(line)

    def add(self, rows: dict[int, Row], state: int, row: Row) -> None:
        """Remember a row as `rows[state]`, and forget old ones where there are too many."""
        size = _ENTRY + (4 * self._words if row.ids is None else row.ids.nbytes)
        if row.doubts is not None:
            size += sum(some.nbytes for some in row.doubts)
        with self._lock:
            rows[state] = row
            self._owners.append(rows)
            self._states.append(state)
            self._sizes.append(size)
            self.used += size
            while self.used > self.limit and len(self._sizes) > 1:
                gone = self._owners.popleft().pop(self._states.popleft(), None)
                self.used -= self._sizes.popleft()
                if gone is not None and gone.ids is None and sys.getrefcount(gone) == _COUNTS[0]:
                    self._drop(gone)
