"""Forced tokens: what the grammar leaves no choice about, cut into the tokens that the tokenizer itself would take.

Which bytes must come is plain; how they are cut depends on the text on both sides.

    before    {" | _schema     where punctuation is grouped, this is cut _ | schema, though elsewhere _schema is one token
    behind    "ab | c or d     a longer token may take in the last of the bytes together with what follows

So the last tokens are encoded together with the bytes. If they do not come out again, nothing is forced. And the last token that lies in
the bytes ends at one of few places: before a longer one begins, or with the bytes. Only tokens that all of these cases share are forced.

That is exact for byte pairs merged by rank within pieces that a pattern makes: no cut depends on what is beyond a cut that holds in both
texts. Of patterns it takes for granted that they cut behind words, and look ahead of whitespace only.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import accumulate, takewhile
from typing import TYPE_CHECKING, Final, NamedTuple
from weakref import proxy

from structgen.automata.symbols import FIRST
from structgen.constraint.protocol import whole
from structgen.errors import DeadEnd

if TYPE_CHECKING:
    from structgen.constraint.automaton import TokenAutomaton

_WINDOW: Final = 4  # tokens that are encoded with the bytes behind them, and more, up to a place where any tokenizer cuts
_WINDOW_MAX: Final = 32
_MEMO_MAX: Final = 16 << 20  # bytes, about: each state within a long text has the rest of it
_ENTRY: Final = 300  # of one entry, besides
_END: Final = -1  # that the text may end, among the bytes that may come next
_WORD: Final = b"\x01"  # stands for what is no whitespace, as no token has it together with others


class Must(NamedTuple):
    """The bytes that must come next, the state behind them, the special token that must come there, and the bytes (or `_END`) that may."""

    text: bytes
    after: int
    special: int | None
    following: frozenset[int]


class Forced:
    """What one automaton forces. Who calls has taken the automaton's turn."""

    def __init__(self, automaton: TokenAutomaton) -> None:
        self._automaton: TokenAutomaton = proxy(automaton)  # which holds this: it is to be freed at once, not by the collector
        self._machine, self._vocabulary = automaton.machine, automaton.vocabulary
        self._musts: dict[int, Must] = {}
        self._known: dict[tuple[int, tuple[int, ...]], tuple[int, ...]] = {}
        self._following: dict[frozenset[int], frozenset[int]] = {}  # sets of many musts, of 8 kB each
        self._held = 0

    def must(self, state: int) -> Must:
        """What must come next, in bytes."""
        found = self._musts.get(state)
        if found is None:
            found = self._must(state)
            self._hold(len(found.text))
            self._musts[state] = found
        return found

    def _hold(self, nbytes: int) -> None:
        """Make room for an entry of a memo; full ones begin anew."""
        self._held += _ENTRY + nbytes
        if self._held > _MEMO_MAX:
            for memo in (self._musts, self._known, self._following):
                memo.clear()
            self._held = _ENTRY + nbytes

    def _must(self, state: int) -> Must:
        text, machine = bytearray(), self._machine
        while True:
            twin = machine.twin(state)  # moves of the state itself would be states for good
            plain, accepts = machine.moves(twin), machine.is_final(state)
            specials = machine.special_moves(twin) if len(plain) <= 1 and not accepts else []
            if accepts or len(plain) != 1 or specials:
                break
            byte = plain[0][0]
            count, state = machine.read(bytes([byte]), state)
            if not count:
                break
            text.append(byte)
        is_one = not plain and len(specials) == 1 and specials[0][0] == specials[0][1]
        special = specials[0][0] - FIRST if is_one else None
        may = [byte for byte, _ in plain] + [_END] * (accepts or not plain)
        following = frozenset(may if text else ())
        return Must(bytes(text), state, special, self._following.setdefault(following, following))

    def tokens(self, state: int, behind: Sequence[int]) -> list[int]:
        """What must come next, in tokens, if these came before."""
        must = self.must(state)
        if not must.text and must.special is None:
            return []
        key = state, self._window(behind)
        found = self._known.get(key)
        if found is None:
            found = tuple(self._tokens(*key))
            self._hold(8 * len(found))
            self._known[key] = found
        return list(found)

    def _tokens(self, state: int, behind: tuple[int, ...]) -> list[int]:
        out: list[int] = []
        while True:
            must = self.must(state)
            tokens = self._cut(must, behind)
            out += tokens
            if must.special is None or self._vocabulary.decode(tokens) != must.text:
                return out
            out.append(must.special)
            state, behind = self._automaton.advance(must.after, must.special), ()  # no cut depends on text before a special token

    def _window(self, behind: Sequence[int]) -> tuple[int, ...]:
        """The last tokens: back to a special token, or to where any tokenizer cuts, behind a word."""
        window: list[int] = []
        first = 0
        for token in reversed(behind[-_WINDOW_MAX:]):
            text = self._automaton.text_of(whole(token, "token"))
            if not text or (len(window) >= _WINDOW and _is_word(text[-1]) and not _is_word(first)):
                break
            window.append(int(token))
            first = text[0]
        return tuple(reversed(window))

    def _cut(self, must: Must, behind: tuple[int, ...]) -> list[int]:
        """The bytes in tokens, as far as these are certain and text in this grammar."""
        before, count = self._vocabulary.decode(behind), len(behind)
        found: list[int] | None = None
        for text, mark in self._beginnings(must):
            try:
                ids = self._encode(before + text, mark)
            except DeadEnd:
                continue  # no token ends here
            found = ids if found is None else [one for one, _ in takewhile(lambda pair: pair[0] == pair[1], zip(found, ids, strict=False))]
            if len(found) <= count or tuple(found[:count]) != behind:
                return []
        named = self._machine.symbols.named
        return list(takewhile(lambda token: token not in named, (found or [])[count:]))

    def _encode(self, text: bytes, mark: bytes) -> list[int]:
        """The tokens of a text with `mark` behind it; none where they do not part the two, or do not have it."""
        root = self._vocabulary.texts.trie.root
        if any(root[byte] == root[byte + 1] for byte in mark):
            return []
        ids = self._vocabulary.encode(text + mark)
        ends = [*accumulate(len(self._vocabulary.bytes_of(token)) for token in ids)]
        return ids[: ends.index(len(text)) + 1] if len(text) in ends else []

    def _beginnings(self, must: Must) -> Iterator[tuple[bytes, bytes]]:
        """The beginnings of the bytes that may be whole tokens, and what comes next, as far as their cut depends on it: whitespace leaves
        its last blank to the word behind it."""
        for end in self._ends(must.text, must.following):
            text = must.text[:end]
            is_white = text.decode("utf-8", "replace")[-1:].isspace()
            for mark in _marks(must.text[end : end + 1] or must.following) if is_white else [b""]:
                yield text, mark

    def _ends(self, text: bytes, following: Collection[int]) -> list[int]:
        """Where the last token that lies in a text may end, if one of the bytes `following` comes behind it.

        Within a character the tokenizer cannot be asked. If that is a place, the text is taken to end before the character.
        """
        while text:
            first = max(0, len(text) - self._vocabulary.max_token_bytes)
            ends = [*(at for at in range(first, len(text)) if self._goes_on(text[at:], following)), len(text)]
            inside = [at for at in ends if _is_inside(min(text[at : at + 1] or following))]
            if not inside:
                return ends
            end = inside[0]
            while end and (end == len(text) or _is_inside(text[end])):
                end -= 1
            text, following = text[:end], text[end : end + 1]
        return [0]

    def _goes_on(self, text: bytes, following: Collection[int]) -> bool:
        """Whether a token begins with a text and then one of these bytes."""
        trie = self._vocabulary.texts.trie
        low, high = int(trie.root[text[0]]), int(trie.root[text[0] + 1])
        for byte in text:
            while low < high and trie.byte[low] != byte:
                low = int(trie.end[low])
            if low >= high:
                return False
            low, high = low + 1, int(trie.end[low])
        while low < high and trie.byte[low] not in following:
            low = int(trie.end[low])
        return low < high


def _marks(following: Collection[int]) -> set[bytes]:
    """What may come behind whitespace, one of each kind that tokenizers tell apart: its end or more of it (no mark), a new line, a word."""
    return {b"" if byte in (_END, *b" \t") else b"\n" if byte in b"\r\n" else _WORD for byte in following}


def _is_word(byte: int) -> bool:
    """Whether it is a letter or digit, or of a character beyond ASCII."""
    return byte >= 0x80 or chr(byte).isalnum()


def _is_inside(byte: int) -> bool:
    """Whether it is a byte of a character, but not the first."""
    return 0x80 <= byte < 0xC0
