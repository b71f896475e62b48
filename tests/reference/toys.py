"""A constraint that is obviously right: its states are texts, and every mask is made by trying every token.

`Toy(vocabulary, viable, complete)` knows two questions: may a text of the language begin with these bytes, and is this a whole text.
`finite` makes one from a list of texts. Slow, and a judge of nothing but samplers and engines.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from random import Random
from typing import Any

import numpy as np

from structgen.constraint.protocol import ENDED, Classes, Constraint, States, Words, by_class, pack, unpack
from structgen.vocab.vocabulary import Stop, Vocabulary

State = tuple[bytes, bool]  # the text so far, and whether a stop token came


class Toy:
    """Texts as interned states, from 3 on."""

    def __init__(
        self,
        vocabulary: Vocabulary,
        viable: Callable[[bytes], bool],
        complete: Callable[[bytes], bool],
        decode: Any = None,
        scanner: Any = None,
    ) -> None:
        self.vocabulary, self.viable, self.complete, self.scanner, self._decode = vocabulary, viable, complete, scanner, decode
        self._states: list[State | None] = [None, None, (b"", True)]
        self._ids: dict[State, int] = {}
        self._rows: dict[int, Words] = {}

    def _intern(self, state: State) -> int:
        if state not in self._ids:
            self._ids[state] = len(self._states)
            self._states.append(state)
        return self._ids[state]

    def start(self) -> int:
        return self._intern((b"", False))

    def advance(self, state: int, token: int) -> int:
        if not 0 < state < len(self._states) or not 0 <= token < self.vocabulary.size:
            return 0
        text, over = self._states[state] or (b"", True)
        if token in self.vocabulary.stop_ids:
            return ENDED if over or self.complete(text) else 0
        piece = self.vocabulary.bytes_of(token)
        if over or not piece or not self.viable(text + piece):
            return 0
        return self._intern((text + piece, False))

    def mask(self, state: int) -> Words:
        if state not in self._rows:
            self._rows[state] = pack([t for t in range(self.vocabulary.size) if self.advance(state, t)], self.vocabulary.words)
        return self._rows[state]

    def accepts(self, state: int) -> bool:
        text, over = self._states[state] or (b"", False)
        return state != 0 and (over or self.complete(text))

    def forced(self, state: int, *, behind: Sequence[int] = ()) -> list[int]:
        return []

    def distance(self, state: int) -> int:
        raise NotImplementedError

    def twin(self, state: int) -> int:
        return state

    def classes(self, state: int) -> Classes:
        return by_class(self.transitions(state))

    def transitions(self, state: int) -> States:
        return np.array([self.advance(state, token) for token in range(self.vocabulary.size)], np.int32)

    def fill(self, states: Sequence[int], out: Words) -> None:
        for k, state in enumerate(states):
            out[k] = self.mask(state)

    def with_stop(self, stop: Stop) -> Toy:
        return Toy(self.vocabulary.with_stop(stop), self.viable, self.complete, self._decode, self.scanner)

    def decode(self, tokens: Sequence[int]) -> Any:
        text = self.vocabulary.decode_text(tokens)
        return text if self._decode is None else self._decode(text)

    def text(self, state: int) -> bytes:
        """The text behind a state that no stop token has ended."""
        return (self._states[state] or (b"", False))[0]


def finite(vocabulary: Vocabulary, texts: Iterable[str | bytes], decode: Any = None, scanner: Any = None) -> Toy:
    """The language of exactly these texts."""
    whole = {text.encode() if isinstance(text, str) else text for text in texts}
    return Toy(vocabulary, lambda p: any(t.startswith(p) for t in whole), lambda t: t in whole, decode, scanner)


def tabular(vocabulary: Vocabulary, seed: int = 0, extra: int = 0) -> Callable[[list[list[int]]], np.ndarray[Any, Any]]:
    """A model whose logits are fixed random numbers for each prefix: a pure function of the prefix, float32[B, size + extra]."""

    def row(prefix: list[int]) -> np.ndarray[Any, Any]:
        return np.random.default_rng([seed, len(prefix), *prefix]).normal(0, 2, vocabulary.size + extra).astype(np.float32)

    return lambda prefixes: np.stack([row(prefix) for prefix in prefixes])


def log_softmax(logits: Any, temperature: float = 1.0) -> np.ndarray[Any, Any]:
    """float64, the plain way."""
    x = np.asarray(logits, np.float64) / temperature
    return x - np.logaddexp.reduce(x)


def same_masks(automaton: Constraint, judge: Constraint, rng: Random, said: object, *, walks: int = 4, steps: int = 40) -> None:
    """Random walks under the masks of both, which have to be equal everywhere. `said` is shown where they are not."""
    for _ in range(walks):
        state, right = automaton.start(), judge.start()
        for _ in range(steps):
            allowed = [int(token) for token in unpack(automaton.mask(state))]
            assert allowed == [int(token) for token in unpack(judge.mask(right))], said
            if not set(allowed) - set(automaton.vocabulary.stop_ids):
                break
            token = rng.choice(allowed)
            state, right = automaton.advance(state, token), judge.advance(right, token)
