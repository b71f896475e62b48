"""`Vocabulary`: the exact bytes of every token of a model, and which tokens end a text.

    size      how wide a mask row is, in tokens (at least every id + 1; `size=` widens it for models with padded logits)
    tokens    list[bytes] of that length; b"" for special and unused ids and for holes: these never match text
    stop_ids  the ids that end a sequence
    special   spelling -> id of special and added tokens: grammars name them so. Added ones that are not special may have text, too
    texts     the bytes of all tokens, those that end a text too, and their trie: shared by vocabularies that differ in the rest

Immutable. Equal vocabularies have equal fingerprints. Not here: how each kind of tokenizer is read (`sources`, `files`, `recipes`),
and how a reading is checked against the tokenizer's own encode and decode (`audit`).
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import copy
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from structgen import collector
from structgen.errors import VocabularyError
from structgen.vocab import audit as auditing
from structgen.vocab import kept, sources
from structgen.vocab.encoder import Encoder
from structgen.vocab.sources import Source
from structgen.vocab.texts import Texts

Stop = int | str | Sequence[int | str] | Any  # or an object with `eos_token_id`, such as a generation config

_CACHE: Final[OrderedDict[tuple[Any, ...], tuple[Any, Vocabulary]]] = OrderedDict()  # the object is kept, so that its id stays its own
_CACHE_SIZE: Final = 8
_LOCK: Final = threading.RLock()


class Vocabulary:
    """The tokens of a model as bytes.

    >>> vocabulary = Vocabulary.from_bytes([b"a", b"b", b"ab", b""], eos=3)
    >>> vocabulary.size, vocabulary.stop_ids, vocabulary.encode("aab"), vocabulary.decode([0, 2])
    (4, (3,), [0, 2], b'aab')
    """

    def __init__(self, source: Source, *, stop: Stop | None = None, size: int | None = None) -> None:
        """Use `from_tokenizer` or `from_bytes`. `source` is taken over, not copied."""
        stop_ids = _stop_ids(source.stop if stop is None else stop, source)
        special, tokens = dict(source.special), source.tokens
        needed = max(len(tokens), max(special.values(), default=-1) + 1, max(stop_ids) + 1)
        if size is not None and size < needed:
            tokens, special, needed = _narrowed(tokens, special, stop_ids, size)
        self.size: int = needed if size is None else size
        self.tokens: list[bytes] = [*tokens, *([b""] * (self.size - len(tokens)))]
        for i in stop_ids:  # what ends a text is never part of it
            if self.tokens[i]:
                special[source.spelling(i)] = i
                self.tokens[i] = b""
        self.stop_ids: tuple[int, ...] = stop_ids
        self.special: dict[str, int] = special
        self.kind: str = source.kind
        self.notes: list[str] = list(source.notes)
        self._source = source

    @classmethod
    def from_tokenizer(
        cls, tokenizer: Any, *, size: int | None = None, stop: Stop | None = None, audit: bool = True
    ) -> Vocabulary:  # fmt: skip
        """The vocabulary of a tokenizer: Hugging Face (fast or Python), `tokenizers.Tokenizer`, `tiktoken.Encoding`, a SentencePiece
        processor, or the path of a folder, tokenizer.json, SentencePiece model, tiktoken ranks or RWKV vocabulary.

        `size`: width of the model's logits, where it differs. `stop`: the ids or spellings that end a sequence (default: the
        tokenizer's end-of-sequence token). Raises `VocabularyError` where the bytes of the tokens cannot be explained (`audit=False`
        skips that check), or where no stop token is known. The same tokenizer asked twice gives the same object.
        """
        key = _cache_key(tokenizer, size, stop, audit)
        with _LOCK:
            if key is not None and key in _CACHE:
                _CACHE.move_to_end(key)
                return _CACHE[key][1]
        with collector.paused():  # a quarter of the time otherwise
            if isinstance(tokenizer, str | PathLike):
                source = kept.source_of(Path(tokenizer), check=audit)
            else:
                source = sources.read(tokenizer)
                auditing.settle(source, check=audit)
            vocabulary = cls(source, stop=stop, size=size)
        with _LOCK:
            if key is not None:
                _CACHE[key] = (tokenizer, vocabulary)
                while len(_CACHE) > _CACHE_SIZE:
                    _CACHE.popitem(last=False)
        return vocabulary

    @classmethod
    def from_bytes(
        cls,
        tokens: Sequence[bytes | None],
        *,
        eos: int | Sequence[int],
        special: Mapping[str, int] | None = None,
        encode: Callable[[str], list[int]] | None = None,
    ) -> Vocabulary:
        """The vocabulary whose token `i` has the bytes `tokens[i]`; None and b"" never match text, nor do `eos` and `special` ids. Where
        one of these is beyond the list, there are as many tokens more, without text.

        `encode` is the canonical tokenisation (text -> ids), longest match where absent. Raises `VocabularyError` for a bad id or type.
        """
        if isinstance(tokens, Mapping):
            hint = "for a table id -> bytes: [table.get(i) for i in range(max(table) + 1)]"
            raise VocabularyError("tokens are a list of bytes in the order of their ids, not a mapping", where="tokens", hint=hint)
        tokens = list(tokens)
        for i, token in enumerate(tokens):
            if token is not None and not isinstance(token, bytes | bytearray | memoryview):
                raise VocabularyError(
                    f"token {i} is {token!r}, of type {type(token).__name__}",
                    where="tokens",
                    hint="tokens are bytes: 'a'.encode() gives b'a'",
                )
        for spelling, i in (special or {}).items():
            _checked_id(i, f"special[{spelling!r}]")
        source = sources.plain(tokens, special or {})
        source.encode = encode
        source.notes = auditing.missing_bytes(source)
        return cls(source, stop=eos)

    @property
    def words(self) -> int:
        """The width of a packed mask row: uint32 words, ceil(size / 32)."""
        return (self.size + 31) // 32

    def __len__(self) -> int:
        return self.size

    def bytes_of(self, token: int) -> bytes:
        """The bytes of a token; b"" where it has no text. Raises `VocabularyError` for an id outside 0..size-1."""
        if 0 <= token < self.size:
            return self.tokens[token]
        raise VocabularyError(f"there is no token {token}", where="token", hint=f"ids run from 0 to {self.size - 1}")

    @cached_property
    def max_token_bytes(self) -> int:
        """The length of the longest token, in bytes."""
        return max(map(len, self.tokens), default=0)

    @cached_property
    def has_token(self) -> npt.NDArray[np.bool_]:
        """By id, whether there is such a token: one with text, a special one or one that ends a text."""
        found = np.fromiter(map(bool, self.tokens), np.bool_, self.size)
        found[[*self.special.values(), *self.stop_ids]] = True
        return found

    @property
    def texts(self) -> Texts:
        """The bytes of all tokens, those that end a text too, and their trie."""
        source = self._source
        if source.texts is None:
            source.texts = Texts(source.tokens)
        return source.texts

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 (hex) over the bytes of each id, stop ids, special tokens and size."""
        digest = hashlib.sha256(b"structgen vocabulary 1\0")
        digest.update(repr((self.size, self.stop_ids, sorted(self.special.items()))).encode("utf-8", "surrogatepass"))
        digest.update(np.fromiter(map(len, self.tokens), "<i4", self.size).tobytes())
        digest.update(b"".join(self.tokens))
        return digest.hexdigest()

    @cached_property
    def strips_leading_space(self) -> bool:
        """Whether the tokenizer's own decode drops the blank with which a whole text begins (SentencePiece, WordPiece).

        `bytes_of` always keeps it: it is there wherever the token follows another.
        """
        return auditing.strips_leading_space(self._source)

    def encode(self, text: str | bytes) -> list[int]:
        """Ids whose bytes are exactly `text`, as the tokenizer itself would cut it in the middle of a text; no special tokens.

        Where the tokenizer gives other bytes (it normalises, or there is no tokenizer): longest match. Raises `DeadEnd` where no tokens
        have these bytes, `VocabularyError` where the tokenizer cannot be asked.
        """
        return self._encoder(text)

    @cached_property
    def _encoder(self) -> Encoder:
        return Encoder(self.tokens, self.special, self._source.encode, self._source.fallback)

    def decode(self, ids: Iterable[int]) -> bytes:
        """The bytes of a sequence of tokens, one after the other."""
        return b"".join(map(self.bytes_of, ids))

    def decode_text(self, ids: Iterable[int]) -> str:
        """The text of a sequence of tokens; bytes that are no UTF-8 become U+FFFD."""
        return self.decode(ids).decode("utf-8", "replace")

    def widened(self, size: int) -> Vocabulary:
        """The same tokens in rows of `size` tokens. Raises `VocabularyError` where tokens with text would be cut off."""
        if size == self.size:
            return self
        return Vocabulary(self._source, stop=self.stop_ids, size=size)

    def with_stop(self, stop: Stop) -> Vocabulary:
        """The same tokens, but these ids or spellings end a sequence. All that was computed for the tokens is shared. Raises
        VocabularyError for tokens that are not there."""
        stop_ids = _stop_ids(stop, self._source)
        if stop_ids == self.stop_ids:
            return self
        if max(stop_ids) >= self.size:
            raise VocabularyError(f"there is no token {max(stop_ids)}", where="stop", hint=f"ids run from 0 to {self.size - 1}")
        texts = self.texts.tokens
        if any(i < len(texts) and texts[i] for i in (*self.stop_ids, *stop_ids)):
            return Vocabulary(self._source, stop=stop_ids, size=self.size)
        other = copy(self)  # 5 us; to list 150,000 tokens anew takes 1 ms
        other.stop_ids = stop_ids
        for name in ("fingerprint", "has_token"):
            other.__dict__.pop(name, None)
        return other

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Vocabulary) and self.fingerprint == other.fingerprint)

    def __hash__(self) -> int:
        return hash(self.fingerprint)

    def __repr__(self) -> str:
        return f"<Vocabulary {self.kind}, size {self.size}, stop {self.stop_ids}, {self.fingerprint[:12]}>"


def _stop_ids(stop: Stop, source: Source) -> tuple[int, ...]:
    """Stop ids as given: an id, a spelling, several of them, or something with `eos_token_id`."""
    if hasattr(stop, "eos_token_id"):
        stop = stop.eos_token_id
    if stop is None:
        stop = ()
    items = [stop] if isinstance(stop, str) or not isinstance(stop, Iterable) else list(stop)
    if "" in items:
        raise VocabularyError("an empty spelling ends nothing", where="stop", hint="pass an id or the spelling of a token")
    found = (source.find(item) if isinstance(item, str) else _checked_id(item, "stop") for item in items)
    out = tuple(dict.fromkeys(found))
    if not out:
        hint = f"pass stop=, an id or the spelling of a token; special tokens: {source.shown_specials()}"
        raise VocabularyError("the tokenizer names no end-of-sequence token", where="stop", hint=hint)
    return out


def _checked_id(value: Any, where: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or not 0 <= value < 1 << 31:
        raise VocabularyError(f"{value!r} is not a token id", where=where, hint="ids are integers from 0 on")
    return int(value)


def _narrowed(
    tokens: list[bytes], special: dict[str, int], stop_ids: tuple[int, ...], size: int
) -> tuple[list[bytes], dict[str, int], int]:
    """A vocabulary cut to the width of a model's logits: only ids without text, which the model can never choose, may go."""
    lost = [i for i in range(size, len(tokens)) if tokens[i]]
    if lost or max(stop_ids) >= size or size < 1:
        what = f"token {lost[0]} ({tokens[lost[0]]!r})" if lost else f"the stop token {max(stop_ids)}"
        raise VocabularyError(f"size={size} leaves out {what}", where="size", hint="size is the width of the model's logits, in tokens")
    return tokens[:size], {spelling: i for spelling, i in special.items() if i < size}, size


def _cache_key(tokenizer: Any, size: int | None, stop: Any, audit: bool) -> tuple[Any, ...] | None:
    """What a vocabulary depends on, as far as it can change on the same object; None where that cannot be said."""
    if isinstance(tokenizer, str | PathLike):
        return None  # a file may change
    if hasattr(stop, "eos_token_id"):
        stop = stop.eos_token_id
    stop = tuple(stop) if isinstance(stop, list) else stop
    count = len(tokenizer) if hasattr(tokenizer, "__len__") else tokenizer.get_vocab_size() if hasattr(tokenizer, "get_vocab_size") else 0
    named = tuple(getattr(tokenizer, "all_special_ids", ()))
    key = (id(tokenizer), count, getattr(tokenizer, "eos_token_id", None), named, size, stop, audit)
    try:
        hash(key)
    except TypeError:
        return None
    return key
