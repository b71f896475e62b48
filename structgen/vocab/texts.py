"""`Texts`: the bytes of tokens by id, without regard to which of them end a sequence or how wide the rows of a model are.

Vocabularies that differ in these only share one `Texts`, so the trie, and all token tables made from it, exist once. Texts are equal if
their digests are.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cached_property
from typing import Final

import numpy as np
import numpy.typing as npt

from structgen.vocab import store
from structgen.vocab.trie import Trie, build_trie

_TRIE: Final = (np.uint8, np.int32, np.int32, np.int32, np.int32, np.int32)  # elements of its arrays
_KEPT_FROM: Final = 1 << 14  # tokens; 16,000 take 30 ms to build, 5 to read


class Texts:
    """The bytes of tokens as far as the last one that has any; b"" for tokens without text."""

    def __init__(self, tokens: Sequence[bytes]) -> None:
        count = len(tokens)
        while count and not tokens[count - 1]:
            count -= 1
        self.tokens: list[bytes] = list(tokens[:count])

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Texts) and self.digest == other.digest)

    def __hash__(self) -> int:
        return hash(self.digest)

    @cached_property
    def flat(self) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.uint8]]:
        """The tokens one behind the other: where each begins (and the last one ends), and their bytes."""
        offsets = np.zeros(len(self.tokens) + 1, np.int32)
        np.cumsum(np.fromiter(map(len, self.tokens), np.int32, len(self.tokens)), out=offsets[1:])
        return offsets, np.frombuffer(b"".join(self.tokens), np.uint8)

    @property
    def words(self) -> int:
        """How many uint32 words a packed row of these tokens has."""
        return (len(self.tokens) + 31) // 32

    @cached_property
    def trie(self) -> Trie:
        """The trie of the tokens that have text; a large one is kept on disk."""
        if len(self.tokens) < _KEPT_FROM:
            return build_trie(self.tokens)
        key = f"trie {self.digest}"
        kept = store.get(key, _TRIE)
        if kept is not None:
            return Trie(*kept[1])
        trie = build_trie(self.tokens)
        store.put(key, None, trie)
        return trie

    @cached_property
    def digest(self) -> str:
        """SHA-256 (hex) over the bytes of each id."""
        offsets, data = self.flat
        found = hashlib.sha256(b"structgen texts 1\0")
        found.update(np.diff(offsets).astype("<i4").tobytes())
        found.update(data.data)
        return found.hexdigest()
