"""How many texts are left behind a prefix, and which prefixes have none left once some texts are taken away.

Counting stops as soon as there is more than was asked for, so it stays near the ends of texts.

Not here: how characters are spelled (`frontends.jsonschema.without`).

>>> ends = Remaining(CharDFA.of_chars([(97, 98)]).repeat(), high=2)  # up to two letters a or b
>>> ends.left(0, 0, 99), ends.left(0, 1, 99), ends.left(0, 2, 99)
(7, 3, 1)
>>> sorted(ends.used_up(["a", "aa", "ab", "ba", "b"]))
['a', 'ba']
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from structgen.errors import BudgetExceeded
from structgen.ir import chars
from structgen.ir.chars import CharSet

if TYPE_CHECKING:
    from structgen.ir.regular import CharDFA

MOST: Final = 1 << 40
"""Counts are cut off here."""

MAX_WORK: Final = 1 << 20
"""So many table entries may be looked at for one automaton."""


PATHS: Final = 1 << 14
"""The most texts whose states are remembered."""


class Remaining:
    """The texts of an automaton with `low` to `high` characters (None: no bound)."""

    def __init__(self, dfa: CharDFA, low: int = 0, high: int | None = None) -> None:
        self.dfa, self.low, self.high = dfa, low, high
        self._chars = dfa.alphabet.chars_of(range(dfa.alphabet.size))
        sizes = [chars.size(one) for one in self._chars]
        self._edges = [[(to, sizes[k]) for k, to in enumerate(row) if to >= 0 and sizes[k]] for row in dfa.rows]
        self._rows = [[int(final) for final in dfa.finals]]  # by number of characters: texts of just so many, by state
        self._same = False  # whether all further rows are like the last one
        self._endless = endless([[to for to, _ in edges] for edges in self._edges])
        self._roomy = high is None and all(self._endless)
        self._paths: dict[str, list[int]] = {}

    def _exactly(self, state: int, count: int) -> int:
        """How many texts of `count` characters lead from a state to an end."""
        rows, edges = self._rows, self._edges
        while len(rows) <= count and not self._same:
            if len(rows) * len(edges) * max(self.dfa.alphabet.size, 4) > MAX_WORK:
                raise BudgetExceeded("what is left of a language takes too long to count")
            last = rows[-1]
            row = [min(MOST, sum([last[to] * size for to, size in some])) for some in edges]
            self._same = row == last
            rows.append(row)
        return rows[min(count, len(rows) - 1)][state]

    def left(self, state: int, done: int, enough: int) -> int:
        """How many texts lead on from a state after `done` characters; `enough` where there are so many or more. Raises BudgetExceeded."""
        if self.high is None and self._endless[state]:
            return enough
        first = max(self.low - done, 0)
        last = len(self._edges) + first if self.high is None else self.high - done
        found = 0
        for count in range(first, last + 1):
            found += self._exactly(state, count)
            if found >= enough:
                return enough
        return found

    def has(self, text: str) -> bool:
        """Whether the text is one of them."""
        if len(text) < self.low or (self.high is not None and len(text) > self.high):
            return False
        if self.dfa.is_universal:
            return True
        path = self._path(text)
        return len(path) > len(text) and self.dfa.finals[path[-1]]

    def onward(self, prefix: str) -> CharSet:
        """The characters that may follow a prefix of a text."""
        state = self._path(prefix)[-1]
        row = self.dfa.rows[state]
        return chars.union(*[self._chars[k] for k, to in enumerate(row) if to >= 0 and self.left(to, len(prefix) + 1, 1)])

    def used_up(self, texts: Iterable[str]) -> set[str]:
        """The shortest prefixes (whole texts among them) behind which all texts are in `texts`, which are all texts of this language.

        Raises BudgetExceeded.
        """
        texts = list(dict.fromkeys(texts))
        enough = len(texts) + 1
        if self._roomy:
            return set()
        taken: dict[str, int] = {}
        for text in texts:
            states = self._path(text)
            at = len(text)
            while at >= 0 and self.left(states[at], at, enough) < enough:  # it can only grow towards the beginning
                taken[text[:at]] = taken.get(text[:at], 0) + 1
                at -= 1
        over = {prefix for prefix, count in taken.items() if self.left(self._path(prefix)[-1], len(prefix), enough) == count}
        return {prefix for prefix in over if not prefix or prefix[:-1] not in over}

    def _path(self, text: str) -> list[int]:
        """The states that a text goes through, as far as it can be read. Remembered: the same texts are asked for again with others."""
        found = self._paths.get(text)
        if found is None:
            if len(self._paths) >= PATHS:
                self._paths.clear()
            found = self._paths[text] = [0]
            for char in text:
                state = self.dfa.step(found[-1], ord(char))
                if state < 0:
                    break
                found.append(state)
        return found


@lru_cache(maxsize=256)
def remaining(dfa: CharDFA, low: int = 0, high: int | None = None) -> Remaining:
    """The same object for equal arguments, for it remembers counts."""
    return Remaining(dfa, low, high)


def endless(edges: list[list[int]]) -> list[bool]:
    """For each state whether a cycle can be reached."""
    ends: list[set[int]] = [set() for _ in edges]
    for state, some in enumerate(edges):
        for to in some:
            ends[to].add(state)
    left = [len(set(some)) for some in edges]
    todo = [state for state, count in enumerate(left) if not count]
    for state in todo:
        for before in ends[state]:
            left[before] -= 1
            if not left[before]:
                todo.append(before)
    return [count > 0 for count in left]
