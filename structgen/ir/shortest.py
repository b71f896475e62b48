"""The texts of an automaton one by one, shortest first, as far as somebody asks.

>>> Shortest(CharDFA.of_chars([(97, 98)]).repeat(), high=2).first(9)
['', 'a', 'b', 'aa', 'ab', 'ba', 'bb']
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from heapq import heappop, heappush
from itertools import islice
from threading import Lock

from structgen.ir.chars import CharSet
from structgen.ir.regular import CharDFA


class Shortest:
    """The texts of at most `high` characters (None: no bound). They are remembered."""

    def __init__(self, dfa: CharDFA, high: int | None = None) -> None:
        self._dfa, self._high = dfa, high
        self._known: list[str] = []
        self._more = self._texts()
        self._lock = Lock()

    def first(self, count: int) -> list[str]:
        """The first `count` texts; all where there are fewer."""
        with self._lock:
            self._known += islice(self._more, max(count - len(self._known), 0))
        return self._known[:count]

    def _texts(self) -> Iterator[str]:
        dfa, high, far = self._dfa, self._high, self._dfa.distances()
        chars = dfa.alphabet.chars_of(range(dfa.alphabet.size))
        # Beginnings with the characters of one class that go on there, by the length of the shortest text that comes of them; of those
        # that are alike the longest beginning first.
        todo: list[tuple[int, int, int, str, int, Iterator[str]]] = []
        number = 0
        found = [("", 0)] if far[0] >= 0 else []
        while found or todo:
            if found:
                text, state = found.pop()
                if dfa.finals[state]:
                    yield text
                for k, to in enumerate(dfa.rows[state]):
                    size = len(text) + 1 + far[to]
                    if to >= 0 and far[to] >= 0 and (high is None or size <= high):
                        number += 1
                        heappush(todo, (size, -len(text), number, text, to, _letters(chars[k])))
                continue
            *_, text, to, letters = todo[0]
            letter = next(letters, None)
            if letter is None:
                heappop(todo)
            else:
                found.append((text + letter, to))


def _letters(chars: CharSet) -> Iterator[str]:
    """The characters of a class, readable ones first."""
    ascii_ = sorted((c for low, high in chars for c in range(max(low, 33), min(high, 126) + 1)), key=lambda c: not chr(c).isalnum())
    yield from map(chr, ascii_)
    for low, high in chars:
        yield from (chr(c) for c in range(low, high + 1) if not 33 <= c <= 126)


@lru_cache(maxsize=256)
def shortest(dfa: CharDFA, high: int | None = None) -> Shortest:
    """The same object for equal arguments."""
    return Shortest(dfa, high)
