"""From bytes back to tokens: the tokenisation that a tokenizer itself would choose, checked to give exactly the bytes.

The tokenizer's own encode comes first. It may put a blank before the text, recognise the spelling of a special token, or normalise;
then its answer does not have the bytes that were asked for, and the ways round are tried in turn. What none of them covers
goes to longest match over the vocabulary, and if that runs into a dead end to the cover with the fewest tokens.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Final

from structgen.errors import DeadEnd, VocabularyError

_STRAY: Final = re.compile("([\udc80-\udcff]+)")  # bytes that are no UTF-8, as "surrogateescape" shows them
_SENTINELS: Final = ("\x02", "\n", "\x01", "|")  # texts that tokenizers rarely merge with what follows


class Encoder:
    """Encodes text to ids whose bytes are that text. `tokens`: bytes by id, b"" for ids without text."""

    def __init__(
        self,
        tokens: Sequence[bytes],
        special: dict[str, int],
        own: Callable[[str], list[int]] | None,
        fallback: frozenset[int] = frozenset(),
    ) -> None:
        self._tokens, self._special, self._own, self._fallback = tokens, special, own, fallback

    def __call__(self, text: str | bytes) -> list[int]:
        """Ids of a text. Raises `DeadEnd` where no sequence of tokens has these bytes."""
        if isinstance(text, bytes):
            text = text.decode("utf-8", "surrogateescape")
        elif not text.isascii() and any(0xD800 <= ord(c) <= 0xDFFF for c in text):
            raise VocabularyError(f"the text {text[:40]!r} holds a lone surrogate, which has no UTF-8 form", hint="pass bytes instead")
        if not text:
            return []
        if self._own is None:
            return self.cover(text.encode("utf-8", "surrogateescape"))
        out: list[int] = []
        for n, part in enumerate(_STRAY.split(text)):
            if n % 2:
                out += self.cover(part.encode("utf-8", "surrogateescape"))
            elif part:
                out += self._text(part)
        return out

    def _text(self, text: str) -> list[int]:
        data = text.encode()
        ids = self._exact(text, data)
        if ids is not None:
            return ids
        parts = [part for part in self._special_cuts(text) if part]
        if len(parts) > 1:
            return [i for part in parts for i in self._text(part)]
        return self.cover(data)

    def _exact(self, text: str, data: bytes) -> list[int] | None:
        """The tokenizer's own ids if their bytes are `data`, with a blank that it puts before the text taken away again."""
        ids = self._ask(text)
        found = self._bytes(ids)
        if found == data:
            return ids
        if found == b" " + data and ids and self._token(ids[0]) == b" ":
            return ids[1:]
        for sentinel, lead in self._leads:
            ids = self._ask(sentinel + text)
            if ids[: len(lead)] == lead and self._bytes(ids[len(lead) :]) == data:
                return ids[len(lead) :]
        return None

    @cached_property
    def _leads(self) -> list[tuple[str, list[int]]]:
        """Texts to put before another so that it is encoded as in the middle of a text, with their own ids."""
        if self._probe("a") == b"a":
            return []  # no blank is put before a text: nothing to work around
        return [(text, self._ask(text)) for text in _SENTINELS if (self._probe(text) or b"").strip(b" ") == text.encode()]

    def _probe(self, text: str) -> bytes | None:
        """The bytes of the tokenizer's ids for a text of ours; None where it cannot encode it, which is no fault of the caller's."""
        try:
            return self._bytes(self._ask(text))
        except Exception:
            return None

    def _special_cuts(self, text: str) -> list[str]:
        """The text cut inside each spelling of a special token, so that no part shows one."""
        if self._spelled is None:
            return [text]
        cuts = [match.start() + 1 for match in self._spelled.finditer(text) if len(match.group(1)) > 1]
        return [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]

    @cached_property
    def _spelled(self) -> re.Pattern[str] | None:
        spellings = sorted((s for s in self._special if s), key=len, reverse=True)
        return re.compile("(?=(" + "|".join(map(re.escape, spellings)) + "))") if spellings else None

    def _ask(self, text: str) -> list[int]:
        return [int(i) for i in self._own(text)] if self._own is not None else []

    def _token(self, i: int) -> bytes:
        return self._tokens[i] if 0 <= i < len(self._tokens) else b""

    def _bytes(self, ids: Sequence[int]) -> bytes:
        return b"".join(map(self._token, ids))

    @cached_property
    def _ids(self) -> dict[bytes, int]:
        """The preferred id of each byte string: ordinary tokens before byte fallback, low ids before high ones."""
        table: dict[bytes, int] = {}
        for i, token in enumerate(self._tokens):
            if token and (token not in table or table[token] in self._fallback):
                table[token] = i
        return table

    @cached_property
    def _lengths(self) -> dict[int, list[int]]:
        """For each first byte the lengths of tokens, longest first."""
        table: dict[int, set[int]] = {}
        for token in self._ids:
            table.setdefault(token[0], set()).add(len(token))
        return {byte: sorted(lengths, reverse=True) for byte, lengths in table.items()}

    def _matches(self, data: bytes, at: int) -> list[int]:
        """Ids of the tokens that `data` shows at a place, longest first."""
        found = (self._ids.get(data[at : at + n]) for n in self._lengths.get(data[at], ()) if at + n <= len(data))
        return [i for i in found if i is not None]

    def cover(self, data: bytes) -> list[int]:
        """Ids by longest match; where that runs into a dead end, the cover with the fewest tokens."""
        out, at = [], 0
        while at < len(data):
            found = self._matches(data, at)
            if not found:
                return self._fewest(data)
            out.append(found[0])
            at += len(self._tokens[found[0]])
        return out

    def _fewest(self, data: bytes) -> list[int]:
        far = len(data) + 1
        need = [far] * len(data) + [0]  # tokens needed from each place on
        step = [-1] * len(data)
        for at in range(len(data) - 1, -1, -1):
            for i in self._matches(data, at):
                cost = need[at + len(self._tokens[i])] + 1
                if cost < need[at]:
                    need[at], step[at] = cost, i
        if need[0] >= far:
            raise DeadEnd(
                f"the vocabulary has no tokens for {data[:60]!r}",
                hint="a byte of it (or a piece that only occurs inside longer tokens) is missing; see vocabulary.notes",
            )
        out, at = [], 0
        while at < len(data):
            out.append(step[at])
            at += len(self._tokens[step[at]])
        return out
