"""Between finite lists of texts and automata: the table of a word list, and the texts of a table, shortest first.

Tables are as in `regular_tables`: `rows[q][c]` the next state or -1, `finals[q]`, start 0, columns by an `Alphabet`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from structgen.errors import GrammarError
from structgen.ir.chars import Alphabet, CharSet, partition
from structgen.ir.regular_tables import CELLS_PER_STATE, Row, exceeded


class _Words:
    """The minimal automaton of words that come in sorted order (Daciuk et al. 2000), so that the trie never exists in whole."""

    def __init__(self, budget: int) -> None:
        self.budget = budget
        self.states: dict[tuple[bool, tuple[tuple[str, int], ...]], int] = {}
        self.path: list[tuple[bool, list[tuple[str, int]]]] = [(False, [])]  # of the last word: for each depth, final and finished edges
        self.last = ""

    def close(self, depth: int) -> None:
        """Finishes the states of the last word below this depth."""
        path = self.path
        while len(path) > depth + 1:
            final, edges = path.pop()
            number = self.states.setdefault((final, tuple(edges)), len(self.states))
            if number >= self.budget:
                raise exceeded(self.budget)
            path[-1][1].append((self.last[len(path) - 1], number))

    def add(self, word: str) -> None:
        """Adds a word greater than all before."""
        common = 0
        for one, other in zip(self.last, word, strict=False):
            if one != other:
                break
            common += 1
        self.close(common)
        self.path.extend((False, []) for _ in word[common:])
        self.path[-1] = (True, self.path[-1][1])
        self.last = word


def table_of(texts: Iterable[str], budget: int) -> tuple[Alphabet, list[Row], list[bool]]:
    """The alphabet, rows and finals of a finite language with at least one text. Raises GrammarError for surrogates, BudgetExceeded."""
    words = sorted(set(texts))
    letters = sorted(set().union(*words))
    for char in letters:
        if 0xD800 <= ord(char) <= 0xDFFF:
            raise GrammarError(f"a text contains the surrogate U+{ord(char):04X}", hint="texts are strings of Unicode scalar values")
    builder = _Words(budget)
    for word in words:
        builder.add(word)
    builder.close(0)
    alphabet, masks = partition(tuple(((ord(char), ord(char)),) for char in letters))
    column = {letters[mask.bit_length() - 1]: c for c, mask in enumerate(masks) if mask}
    final, edges = builder.path[0]
    states = [(final, tuple(edges)), *reversed(builder.states)]  # the start is finished last, and must be state 0
    if len(states) * alphabet.size > budget * CELLS_PER_STATE:
        raise exceeded(budget)
    rows: list[Row] = []
    top = len(states) - 1
    for _, targets in states:
        row = [-1] * alphabet.size
        for char, number in targets:
            row[column[char]] = top - number
        rows.append(tuple(row))
    return alphabet, rows, [final for final, _ in states]


def texts_of(alphabet: Alphabet, rows: Sequence[Row], finals: Sequence[bool], longest: int | None, limit: int) -> list[str]:
    """Up to `limit` texts, shortest first, of a trimmed table whose longest text is `longest` (None: endless).

    A finite language is listed with every character, an endless one with one character standing for each class.
    """
    chars = alphabet.chars_of(range(alphabet.size))
    letters = [_letters(one, 1 if longest is None else limit) for one in chars]
    ends = [list(finals)]  # ends[n][q]: some text of exactly n characters leads from q to an end, so no path is begun in vain
    out: list[str] = []
    length = 0
    while len(out) < limit and (longest is None or length <= longest):
        if length:
            last = ends[-1]
            ends.append([any(t >= 0 and last[t] for t in row) for row in rows])
        if ends[length][0]:
            out.extend(islice(_of_length(length, ends, rows, letters), limit - len(out)))
        length += 1
    return out


def _of_length(length: int, ends: list[list[bool]], rows: Sequence[Row], letters: list[list[str]]) -> Iterator[str]:
    """The texts of exactly this length, in alphabetical order."""
    stack: list[tuple[int, str]] = [(0, "")]
    while stack:
        q, text = stack.pop()
        left = length - len(text)
        if left == 0:
            yield text
            continue
        nexts = [(char, t) for c, t in enumerate(rows[q]) if t >= 0 and ends[left - 1][t] for char in letters[c]]
        nexts.sort(reverse=True)
        stack.extend((t, text + char) for char, t in nexts)


def _letters(chars: CharSet, limit: int) -> list[str]:
    """The first `limit` characters of a class; if one is wanted, a printable ASCII character where there is any, at best alphanumeric."""
    if limit == 1:
        best = [c for low, high in chars for c in range(max(low, 32), min(high, 126) + 1)]
        if best:
            return [chr(min(best, key=lambda c: (not chr(c).isalnum(), c)))]
    out: list[str] = []
    for low, high in chars:
        out.extend(map(chr, range(low, min(high, low + limit - len(out) - 1) + 1)))
        if len(out) >= limit:
            break
    return out
