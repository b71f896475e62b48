"""Random texts of leaves: mostly short and readable, now and then with escapes, other scripts and signs.

A walk through the automaton of the leaf: freely until it has the length that was drawn for it, then the shortest way to an end. Each
class of characters is as likely as the characters of `_POOL` in it; what has none of them is drawn from all of its characters.

Not here: expressions made of leaves (`examples`).
"""

from __future__ import annotations

import json
from functools import lru_cache
from itertools import accumulate
from random import Random
from typing import Final, NamedTuple

from structgen.ir.chars import Alphabet
from structgen.ir.encoding import BYTES, UTF8
from structgen.ir.expr import Leaf
from structgen.ir.regular import CharDFA

_LENGTHS: Final = (0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 16)
"""How many characters a free walk wants beyond the fewest that the leaf allows."""

_FEW: Final = 1000
"""Finite leaves of up to so many texts are drawn from evenly."""

_ESCAPED: Final = 0.01
"""How often a character of a JSON string is written as an escape that it does not need."""

_POOL: Final[dict[str, float]] = {
    **dict.fromkeys("abcdefghijklmnopqrstuvwxyz", 1.0),
    **dict.fromkeys("ABCDEFGHIJKLMNOPQRSTUVWXYZ", 0.2),
    **dict.fromkeys("0123456789", 0.6),
    **dict.fromkeys("!#$%&'()*+,-./:;<=>?@[]^_`{|}~", 0.08),
    **dict.fromkeys("éñüßΩя中の😀", 0.2),
    **dict.fromkeys('"\\\n\t', 0.2),
    " ": 3.0,
    "\r": 0.01,
}

_BLANKS: Final = frozenset(" \t\n\r\x0b\x0c")


class _Class(NamedTuple):
    """A class of characters: those of the pool in it (with running sums of their weights), or else its ranges."""

    chars: str
    sums: tuple[float, ...]
    weight: float
    letters: int
    digits: int
    blank: bool


class _Moves(NamedTuple):
    """What may follow a state: classes and where they lead.

    `is_wordy`: letters or digits may follow, so a text is worth drawing out. `is_number`: digits, and hardly a letter.
    """

    steps: tuple[tuple[int, int], ...]
    weights: tuple[float, ...]
    is_wordy: bool
    is_number: bool


@lru_cache(maxsize=256)
def _classes(alphabet: Alphabet) -> tuple[_Class, ...]:
    found: list[dict[str, float]] = [{} for _ in range(alphabet.size)]
    for char, weight in _POOL.items():
        found[alphabet.class_of(ord(char))][char] = weight
    made = []
    for one in found:
        sums = tuple(accumulate(one.values()))
        letters, digits = sum(c.isascii() and c.isalpha() for c in one), sum(c.isdigit() for c in one)
        made.append(_Class("".join(one), sums, sums[-1] if sums else 0.1, letters, digits, bool(one) and _BLANKS.issuperset(one)))
    return tuple(made)


class LeafTexts:
    """Draws texts of leaves, with what it found out about their automata."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self._known: dict[CharDFA, _Walker] = {}

    def text(self, leaf: Leaf, *, free: bool) -> str | None:
        """A text as characters; None where it went astray between bounds that leave gaps. `free`: else it is kept short."""
        walker = self._known.get(leaf.dfa)
        if walker is None:
            walker = self._known[leaf.dfa] = _Walker(leaf.dfa, self.random)
        return walker.draw(leaf.low, leaf.high, free)

    def spelled(self, text: str, leaf: Leaf, *, free: bool) -> bytes:
        """The bytes of a text in the encoding of its leaf."""
        if leaf.encoding is BYTES:
            return text.encode("latin-1")
        if leaf.encoding is UTF8:
            return text.encode()
        if leaf.encoding.escapes == "any" and free and text:
            inner = "".join(self._escape(c) if self.random.random() < _ESCAPED else _plain(c) for c in text)
        else:
            inner = _plain(text)
        return (f'"{inner}"' if leaf.encoding.is_quoted else inner).encode()

    def _escape(self, char: str) -> str:
        """Any legal escape of a character: two code units make a pair."""
        units = char.encode("utf-16-be")
        digits = units.hex() if self.random.random() < 0.5 else units.hex().upper()
        return "".join(f"\\u{digits[i : i + 4]}" for i in range(0, len(digits), 4))


def _plain(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)[1:-1]


class _Walker:
    """Random walks through one automaton."""

    def __init__(self, dfa: CharDFA, random: Random) -> None:
        self.dfa, self.random = dfa, random
        self.far = dfa.distances()
        self.classes = _classes(dfa.alphabet)
        self.moves: dict[int, _Moves] = {}
        count = dfa.count()
        self.texts = dfa.strings(_FEW) if count is not None and count <= _FEW else None

    def draw(self, low: int, high: int | None, free: bool) -> str | None:
        if self.dfa.is_empty:
            return None
        if self.texts is not None:
            texts = (
                self.texts if not low and high is None else [t for t in self.texts if low <= len(t) and (high is None or len(t) <= high)]
            )
            return self.random.choice(texts) if texts else None
        for _ in range(20):
            text = self.walk(low, high, low + self.random.choice(_LENGTHS) if free else low)
            if text is not None:
                return text
        bounded = self.dfa.with_lengths(low, high)
        return None if bounded.is_empty else _Walker(bounded, self.random).draw(0, None, free)

    def walk(self, low: int, high: int | None, want: int) -> str | None:
        """One walk of about `want` characters; None where no move keeps to the bounds."""
        random, finals, far = self.random, self.dfa.finals, self.far
        state, text = 0, list[str]()
        while True:
            count = len(text)
            moves = self.moves.get(state) or self._moves(state)
            may_end = finals[state] and count >= low
            if may_end and (count >= want or (not moves.is_wordy and random.random() < 0.97)):
                return "".join(text)
            steps, weights = moves.steps, moves.weights
            left = None if high is None else high - count - 1
            if left is not None or (count >= want and not may_end):
                home = count >= max(want, low)
                kept = [
                    (step, weight)
                    for step, weight in zip(steps, weights, strict=True)
                    if (left is None or far[step[1]] <= left) and (not home or far[step[1]] < far[state])
                ]
                if kept:
                    steps, weights = zip(*kept, strict=True)
                else:
                    steps = ()
            if not steps:
                return "".join(text) if may_end else None
            cls, after = random.choices(steps, weights)[0]
            exponent = moves.is_number or (not text and set(self.classes[cls].chars) <= {"e", "E"})
            if exponent and self.classes[cls].letters:  # two digits of it are large enough
                want = min(want, count + 3)
            state = after
            text.append(self._char(cls))

    def _moves(self, state: int) -> _Moves:
        classes, row = self.classes, self.dfa.rows[state]
        steps = tuple((cls, after) for cls, after in enumerate(row) if after >= 0)
        letters = sum(classes[cls].letters for cls, _ in steps)
        digits = sum(classes[cls].digits for cls, _ in steps)
        weights = []
        for cls, _ in steps:
            one = classes[cls]
            if one.blank and not letters:  # blanks around punctuation are possible, not wanted
                weights.append(0.001)
            elif letters < 5 and one.letters:  # the e of a number
                weights.append(0.02)
            elif letters < 5 and one.chars in (".", "-", "+", "+-"):
                weights.append(0.5)
            else:
                weights.append(one.weight)
        found = self.moves[state] = _Moves(steps, tuple(weights), letters + digits > 0, digits > 0 and letters < 5)
        return found

    def _char(self, cls: int) -> str:
        one = self.classes[cls]
        if one.chars:
            return self.random.choices(one.chars, cum_weights=one.sums)[0]
        ranges = self.dfa.alphabet.chars_of([cls])[0]
        char = ""
        for _ in range(5):
            low, high = self.random.choice(ranges)
            char = chr(self.random.randint(low, high))
            if char.isprintable():
                break
        return char
