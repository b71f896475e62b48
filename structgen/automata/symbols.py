"""Symbols: what the edges of a byte automaton read. 0..255 are bytes, from 256 on stands what special tokens are read as.

With a vocabulary the symbol 256 + t is the token t, however the grammar names it, so sets of tokens may overlap. Without one (texts have
no special tokens) each `Special` has a symbol of its own, which nothing is ever read as, but which explanations can name.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from structgen.errors import VocabularyError
from structgen.ir.expr import Special
from structgen.kernels.tables import SYMBOL_BITS
from structgen.vocab.vocabulary import Vocabulary

FIRST: Final = 256
_IDS_MAX: Final = (1 << SYMBOL_BITS) - FIRST


class Symbols:
    """The special symbols of one machine.

    `named`: the ids that `specials` (all those of the grammar) name; they are no text there. Raises VocabularyError where the vocabulary
    lacks one.
    """

    def __init__(self, vocabulary: Vocabulary | None = None, specials: Sequence[Special] = ()) -> None:
        if vocabulary is not None and vocabulary.size > _IDS_MAX:
            raise VocabularyError(f"a vocabulary of {vocabulary.size:,} tokens", hint=f"up to {_IDS_MAX:,} are supported")
        self.vocabulary = vocabulary
        self._numbers: dict[str, int] = {}
        runs = [] if vocabulary is None else [(one, token_runs(one, vocabulary)) for one in specials]
        self.named = frozenset(i for one, found in runs if not one.others for low, high in found for i in range(low, high + 1))
        self.key = tuple((str(one), *found) for one, found in runs)  # machines of a grammar with equal ones are equal

    def runs(self, special: Special) -> list[tuple[int, int]]:
        """The symbols of a special token, as ascending runs (first, last). Raises VocabularyError where the vocabulary lacks one."""
        if self.vocabulary is None:
            symbol = FIRST + self._numbers.setdefault(str(special), len(self._numbers))
            return [(symbol, symbol)]
        return [(FIRST + low, FIRST + high) for low, high in token_runs(special, self.vocabulary)]

    def name(self, low: int, high: int) -> str:
        """What a run of symbols is called in messages."""
        if self.vocabulary is None:
            return list(self._numbers)[low - FIRST]
        if low < high:
            return f"tokens {low - FIRST} to {high - FIRST}"
        spelled = next((name for name, i in self.vocabulary.special.items() if i == low - FIRST), low - FIRST)
        return f"token {spelled}"

    @property
    def is_unbound(self) -> bool:
        """Whether special tokens were met that no vocabulary has given an id."""
        return self.vocabulary is None and bool(self._numbers)


def token_runs(special: Special, vocabulary: Vocabulary) -> list[tuple[int, int]]:
    """The ids of a `Special` in a vocabulary, as ascending runs (first, last).

    "Any token but" some means those that have text or are special, without the stop ids: these end the text. Raises VocabularyError
    where the vocabulary lacks a token, or where no token is left.
    """
    chosen = np.zeros(vocabulary.size, np.bool_)
    for one in special.tokens:
        if isinstance(one, str):
            chosen[_named(one, vocabulary)] = True
            continue
        if one.start >= vocabulary.size:
            raise VocabularyError(f"the vocabulary has no token {one.start}", hint=f"ids run from 0 to {vocabulary.size - 1}")
        chosen[one.start : one.stop] = True
    if special.others:
        chosen = vocabulary.has_token & ~chosen
        chosen[list(vocabulary.stop_ids)] = False
    edges = np.flatnonzero(np.diff(chosen, prepend=False, append=False))
    if not edges.size:
        raise VocabularyError(f"the vocabulary has no token that is {special}")
    return [(int(low), int(high) - 1) for low, high in edges.reshape(-1, 2)]


def _named(name: str, vocabulary: Vocabulary) -> int:
    found = vocabulary.special.get(name)
    if found is None:
        some = ", ".join(map(repr, list(vocabulary.special)[:8])) or "none"
        raise VocabularyError(
            f"the vocabulary has no special token {name!r}",
            hint=f"it has {some}; an ordinary token is named by its id, vocabulary.encode gives it",
        )
    return found
