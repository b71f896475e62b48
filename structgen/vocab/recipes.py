"""How the spelling of a piece gives its bytes: one recipe for each family of tokenizers.

    byte-level   "Ġname"  -> b" name"    GPT-2's table of 256 printable characters, one for each byte
    metaspace    "▁name"  -> b" name"    SentencePiece; with byte fallback "<0x0A>" -> b"\\n"
    wordpiece    "name"   -> b" name"    BERT: words are joined by blanks, "##s" -> b"s" goes on with the word
    words        "name"   -> b" name"    a tokenizer that joins its pieces by blanks
    literal      "name"   -> b"name"     a piece is its own text
    latin-1      "Ã"      -> b"\\xc3"     a character is a byte (ByT5)

A recipe is a hypothesis about a tokenizer: `audit` holds it against the tokenizer's own encode and decode.

Data: pieces are `list[str | None]` by id (None: no such id, or no text), bytes are `list[bytes]` of the same length (b"": no text).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

Pieces = Sequence[str | None]

_BYTE_PIECE: Final = re.compile(r"<0x([0-9A-Fa-f]{2})>\Z")


def byte_level_alphabet() -> dict[str, int]:
    """GPT-2's table: each of the 256 printable characters and the byte it stands for."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    table = {chr(b): b for b in printable}
    others = [b for b in range(256) if chr(b) not in table]
    table.update({chr(256 + n): b for n, b in enumerate(others)})
    return table


def is_byte_piece(piece: str | None) -> bool:
    """Whether a piece is a byte-fallback spelling such as `<0x0A>`."""
    return piece is not None and len(piece) == 6 and _BYTE_PIECE.match(piece) is not None


def from_byte_level(pieces: Pieces) -> list[bytes]:
    """Bytes of byte-level pieces. A piece with a character outside the table stands for its own UTF-8, as decoders treat it."""
    texts = [piece or "" for piece in pieces]
    codes = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), np.uint32)
    table = np.full(325, 256, np.uint16)  # the largest character of the table is U+0143; 256 marks strangers
    for char, byte in byte_level_alphabet().items():
        table[ord(char)] = byte
    values = table[np.minimum(codes, 324)]
    data = values.astype(np.uint8).tobytes()
    ends = np.cumsum(np.fromiter(map(len, texts), np.int64, len(texts)))
    strange = set(np.searchsorted(ends, np.flatnonzero(values == 256), side="right").tolist())
    out, start = [], 0
    for end in ends.tolist():
        out.append(data[start:end])
        start = end
    for i in strange:
        out[i] = _utf8(texts[i])
    return out


def from_metaspace(pieces: Pieces, blanks: Sequence[str] = ("▁",)) -> list[bytes]:
    """Bytes of SentencePiece pieces: `▁` (or what stands for it) is a blank, `<0xNN>` a byte."""
    out = []
    for piece in pieces:
        if not piece:
            out.append(b"")
        elif is_byte_piece(piece):
            out.append(bytes.fromhex(piece[3:5]))
        else:
            for blank in blanks:
                piece = piece.replace(blank, " ")  # noqa: PLW2901
            out.append(_utf8(piece))
    return out


def from_literal(pieces: Pieces) -> list[bytes]:
    """Bytes of pieces that are their own text."""
    return [_utf8(p) if p else b"" for p in pieces]


def from_latin1(pieces: Pieces) -> list[bytes]:
    """Bytes of pieces whose characters are bytes; others stand for their own text."""
    return [(p.encode("latin-1") if max(p) <= "\xff" else _utf8(p)) if p else b"" for p in pieces]


def from_words(pieces: Pieces) -> list[bytes]:
    """Bytes of pieces that a decoder joins by blanks. The blank belongs to the piece after it."""
    return [b" " + _utf8(p) if p else b"" for p in pieces]


def from_wordpiece(pieces: Pieces, prefix: str = "##", cleanup: bool = False) -> list[bytes]:
    """Bytes of WordPiece pieces. `cleanup` drops blanks before punctuation, as the decoder of that name does."""
    out = []
    for piece in pieces:
        if not piece:
            out.append(b"")
            continue
        text = piece.removeprefix(prefix) if piece.startswith(prefix) else " " + piece
        out.append(_utf8(_tidied(text) if cleanup else text))
    return out


RECIPES: Final[dict[str, Callable[[Pieces], list[bytes]]]] = {
    "byte-level": from_byte_level,
    "metaspace": from_metaspace,
    "wordpiece": from_wordpiece,
    "wordpiece, cleaned up": lambda pieces: from_wordpiece(pieces, cleanup=True),
    "words": from_words,
    "literal": from_literal,
    "latin-1": from_latin1,
}


def likely_recipes(pieces: Pieces) -> list[str]:
    """Recipes in the order of what the vocabulary itself says, for tokenizers that declare nothing (or declare it wrongly)."""
    known = {piece for piece in pieces if piece}
    alphabet = byte_level_alphabet()
    found = []
    if sum(f"<0x{b:02X}>" in known for b in range(256)) >= 128:
        found.append("metaspace")
    if any("Ġ" in p or "Ċ" in p for p in known) and all(set(p) <= alphabet.keys() for p in list(known)[:2000] if "<" not in p):
        found.append("byte-level")
    if any("▁" in p for p in known) and "metaspace" not in found:
        found.append("metaspace")
    if any(p.startswith("##") for p in known):
        found += ["wordpiece", "wordpiece, cleaned up"]
    if sum(chr(b) in known for b in range(128, 256)) == 128:
        found.append("latin-1")
    return [*found, "literal", "words"]


def _tidied(text: str) -> str:
    """What the WordPiece decoder of `tokenizers` makes of one piece when its cleanup is on."""
    for raw, tidy in (
        (" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" ' ", "'"), (" n't", "n't"),
        (" 'm", "'m"), (" do not", " don't"), (" 's", "'s"), (" 've", "'ve"), (" 're", "'re"),
    ):  # fmt: skip
        text = text.replace(raw, tidy)
    return text


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
