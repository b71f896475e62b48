"""The audit: is the reading of a tokenizer right? Its own encode and decode are the judges.

Three questions, each about bytes:

1. every token: does decoding the tokens give the concatenation of their bytes?
2. every probe text: do the tokens of encode(text) have the bytes that decode shows?
3. are those bytes the text? If not, the tokenizer must account for it: a blank put before the text, a declared normaliser, blanks
   that a pre-tokenizer throws away, characters that become the unknown token. What is accounted for becomes a note.

What stays unexplained raises `VocabularyError` with the text, what was expected and what came.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from structgen.errors import VocabularyError
from structgen.vocab.sources import Source

PROBES: Final = (
    "Hello, world!",
    "a",
    " leading and trailing ",
    "two  blanks,   three,    four",
    "line\nline\r\nline\n\n\n\tindent\t\tmore",
    '{"name": "Ann", "age": 31, "tags": ["x", "y"], "ok": true, "none": null, "n": -1.5e+10}',
    '{\n    "a\\"b": [\n        1,\n        {"deep": {}}\n    ]\n}',
    "def f(x: int) -> str:\n    return f'{x!r:>{10}}'  # it's 100%\n",
    "SELECT * FROM t WHERE a >= 1 AND b <> 'x''y';",
    "0123456789 12 123 1234 3.14159 1,000,000 0x1F",
    "it's don't I'll we've you're he'd I'm . , ! ? do not",
    "café naïve Ärger ß œ Ł ñ",
    "cafe\u0301 a\u0308 \u1e9b\u0323",
    "Привет, мир! Ελλάδα שלום مرحبا हिन्दी ไทย",
    "你好，世界。日本語テスト 한국어 \u3000",
    "😀 👩‍👩‍👧‍👦 🇩🇪 ✈️ 𝔘𝔫𝔦 𐍈",
    "\u00a0\u200b\u200d\ufeff\u2028\u00ad",
    "\x00\x01\x02\x07\x08\x0b\x0c\x1b\x7f\x80\x9f",
    "ﬁ ① ½ ℃ Ａ １",
    "#$%&()*+,-./:;<=>?@[\\]^_`{|}~",
    "x" * 70 + "=" * 70 + " " * 70 + "é" * 20,
    "##ing <0x41> Ġ Ċ </w>",
    "▁ is not a blank",
)


def settle(source: Source, *, check: bool = True) -> None:
    """Chooses the recipe (the first that passes), fills in `source.tokens` and `source.notes`.

    Raises `VocabularyError` with the first recipe's failure where none passes. `check=False` takes the first recipe unseen.
    """
    if not source.recipes:
        if check:
            source.notes += _audited(source)
        return
    failure = _tried(source, check)
    if failure is not None and source.added:  # what their texts are cannot be explained: they are only known by their spellings
        for spelling, i in source.special.items():
            if i in source.added:
                source.hide(spelling, i)
        failure = _tried(source, check) and failure
    if failure is not None:
        raise failure


def _tried(source: Source, check: bool) -> VocabularyError | None:
    """Tries the recipes; the failure of the first where none passes."""
    first_failure: VocabularyError | None = None
    for name, spell in source.recipes:
        source.use(name, spell)
        if not check:
            return None
        try:
            source.notes += _audited(source)
        except VocabularyError as failure:
            first_failure = first_failure or failure
            continue
        return None
    return first_failure


def _audited(source: Source) -> list[str]:
    """Notes about what is unusual. Raises `VocabularyError` for what is wrong."""
    strips = strips_leading_space(source)
    if source.decode is not None:
        _check_tokens(source, source.decode, strips)
    notes = missing_bytes(source)
    if source.encode is not None:
        notes += _check_probes(source, source.encode, strips)
    return notes


def strips_leading_space(source: Source) -> bool:
    """Whether the tokenizer's decode drops the blank with which a text begins."""
    if source.decode is None:
        return False
    word = blank = letter = -1
    for i, token in enumerate(source.tokens):
        if token == b" ":
            blank = i
        elif token.isalpha():
            letter = i
        elif token[:1] == b" " and token[1:].isalpha():
            word = i
            break
    ids = [word] if word >= 0 else [blank, letter] if min(blank, letter) >= 0 else []
    return bool(ids) and " " + source.decode(ids) == _text(source, ids)


def _check_tokens(source: Source, decode: Callable[[list[int]], str], strips: bool) -> None:
    """Decodes the vocabulary as one text; on a difference, halves it until the token that is to blame stands alone."""
    ids = [i for i, token in enumerate(source.tokens) if token and (source.kind in _JOINED or _is_utf8(token))]
    if not ids or _agrees(source, decode, ids, strips):
        return
    while len(ids) > 1:
        half = len(ids) // 2
        if not _agrees(source, decode, ids[:half], strips):
            ids = ids[:half]
        elif not _agrees(source, decode, ids[half:], strips):
            ids = ids[half:]
        else:
            break  # only the neighbours together differ
    want, got = _text(source, ids), decode(ids)
    raise VocabularyError(
        f"tokens {ids[:4]} should decode to {want[:60]!r} by the {source.kind} recipe, but the tokenizer says {got[:60]!r}",
        hint="the decoder changes text in a way that bytes of single tokens cannot show; list the bytes with Vocabulary.from_bytes",
    )


# Kinds whose decode puts bytes together before it reads UTF-8, as Python's "replace" does. SentencePiece shows one U+FFFD for each stray
# byte instead, so there only tokens that are UTF-8 by themselves are compared (the probes cover the rest).
_JOINED: Final = frozenset({"byte-level", "tiktoken"})


def _agrees(source: Source, decode: Callable[[list[int]], str], ids: list[int], strips: bool) -> bool:
    want, got = _text(source, ids), decode(ids)
    return want == got or (strips and want[:1] == " " and want[1:] == got)


def _text(source: Source, ids: Iterable[int]) -> str:
    return _bytes(source, ids).decode("utf-8", "replace")


def _bytes(source: Source, ids: Iterable[int]) -> bytes:
    tokens = source.tokens
    return b"".join([tokens[i] for i in ids if 0 <= i < len(tokens)])


def _is_utf8(token: bytes) -> bool:
    try:
        token.decode()
    except UnicodeDecodeError:
        return False
    return True


def _check_probes(source: Source, encode: Callable[[str], list[int]], strips: bool) -> list[str]:
    """Encodes the probe texts; notes for each kind of loss with the first text that shows it."""
    losses: dict[str, str] = {}
    hidden = {i for i in source.special.values() if i >= len(source.tokens) or not source.tokens[i]} - source.unknown
    for text in PROBES:
        ids = [int(i) for i in encode(text)]
        if hidden.intersection(ids):
            losses.setdefault("an added token, which never matches text here, stands for ordinary text", text)
            continue
        found = _bytes(source, ids)
        if found in (text.encode(), b" " + text.encode()):
            continue
        _check_decodes(source, text, ids, strips)
        losses.setdefault(_explained(source, text, ids, found), text)
    return [f"{loss}, for example {text[:40]!r}" for loss, text in losses.items()]


def _check_decodes(source: Source, text: str, ids: Sequence[int], strips: bool) -> None:
    """Where bytes are not the text, decode must at least show the same bytes."""
    if source.decode is None or source.unknown.intersection(ids):
        return
    if not _agrees(source, source.decode, list(ids), strips):
        raise VocabularyError(
            f"the tokens of {text!r} have the bytes {_bytes(source, ids)[:80]!r}, but decode to {source.decode(list(ids))[:80]!r}",
            hint="list the bytes of each token with Vocabulary.from_bytes",
        )


def _explained(source: Source, text: str, ids: Sequence[int], found: bytes) -> str:
    """The reason why the tokens of a text have other bytes. Raises `VocabularyError` where there is none."""
    if source.unknown.intersection(ids):
        return "characters outside the vocabulary become the unknown token"
    shown = found.decode("utf-8", "replace")
    if source.kind == "metaspace" and "▁" in text and shown.lstrip(" ") == text.replace("▁", " ").lstrip(" "):
        return "the character ▁ is read as a blank"
    normal = text
    if source.normalize is not None:
        normal = source.normalize(text).replace("▁", " ")
        if shown in (normal, " " + normal):
            return "text is normalised before it is cut into tokens"
    lone = _lone_bytes(source)
    if source.kind in _JOINED and found == bytes(b for b in normal.encode() if b in lone):
        return "bytes without a token of their own are dropped"
    if source.greedy.intersection(ids) and _without_blanks(shown) == _without_blanks(text):
        return "an added token takes in the blanks beside it"
    if source.drops_blanks and _without_blanks(shown) == _without_blanks(normal):
        return "blanks are not kept as they are in the text"
    if source.opaque and (source.decode is not None):
        return "the tokenizer changes text before it cuts it into tokens"
    raise VocabularyError(
        f"the tokens of {text!r} have the bytes {found[:80]!r} by the {source.kind} recipe, and nothing explains the difference",
        hint="list the bytes of each token with Vocabulary.from_bytes",
    )


def _without_blanks(text: str) -> str:
    return "".join(text.split())


def _lone_bytes(source: Source) -> set[int]:
    return {token[0] for token in source.tokens if len(token) == 1}


def missing_bytes(source: Source) -> list[str]:
    """Notes about byte values that no token has, or that only occur inside longer tokens."""
    utf8 = set(range(256)) - {0xC0, 0xC1} - set(range(0xF5, 256))
    absent = utf8 - set(b"".join(source.tokens))
    inside = utf8 - absent - _lone_bytes(source)
    notes = []
    if absent:
        notes.append(f"{_listed(absent)} in no token: a text with one of them cannot be made")
    if inside:
        notes.append(f"{_listed(inside)} only inside longer tokens: not every text with one of them can be made")
    return notes


def _listed(values: set[int]) -> str:
    shown = "".join(chr(b) for b in sorted(values) if 0x20 <= b < 0x7F)
    some = f" (among them {shown[:40]!r}{'…' if len(shown) > 40 else ''})" if shown else ""
    return f"1 byte value{some} occurs" if len(values) == 1 else f"{len(values)} byte values{some} occur"
