"""How spellings become bytes, against the tables of others."""

from __future__ import annotations

import pytest

from structgen.vocab import recipes


def test_the_byte_level_alphabet_is_gpt2s() -> None:
    transformers = pytest.importorskip("transformers.convert_slow_tokenizer")
    assert {char: byte for byte, char in transformers.bytes_to_unicode().items()} == recipes.byte_level_alphabet()


def test_byte_level_pieces() -> None:
    table = {byte: char for char, byte in recipes.byte_level_alphabet().items()}
    every = "".join(table[b] for b in range(256))
    assert recipes.from_byte_level(["Ġname", None, "", every, "Ċ"]) == [b" name", b"", b"", bytes(range(256)), b"\n"]


@pytest.mark.parametrize("stranger", ["a b", "日本", "Ġ▁", "\u0144", "a\u00ad", "\U0010ffff"])
def test_a_byte_level_piece_with_a_stranger_is_its_own_text(stranger: str) -> None:
    decoders = pytest.importorskip("tokenizers.decoders")
    found = recipes.from_byte_level(["Ġa", stranger, "Ġb"])
    assert found == [b" a", stranger.encode(), b" b"]
    assert decoders.ByteLevel().decode([stranger]) == stranger


def test_metaspace_pieces() -> None:
    pieces = ["▁a", "▁", "<0x0A>", "<0xff>", "<0x1>", "<0xZZ>", "é", None, "a▁▁b"]
    assert recipes.from_metaspace(pieces) == [b" a", b" ", b"\n", b"\xff", b"<0x1>", b"<0xZZ>", "é".encode(), b"", b"a  b"]
    assert recipes.from_metaspace(["_a", "▁"], blanks=("_",)) == [b" a", "▁".encode()]


def test_wordpiece_pieces_are_what_the_decoder_shows_after_a_word() -> None:
    decoders = pytest.importorskip("tokenizers.decoders")
    pieces = ["name", "##s", ".", ",", "?", "!", "n't", "'s", "'", "'m", "'ve", "'re", "##.", "do not", "##"]
    for cleanup in (False, True):
        decoder = decoders.WordPiece(cleanup=cleanup)
        shown = [decoder.decode(["x", piece])[1:].encode() for piece in pieces]
        assert recipes.from_wordpiece(pieces, cleanup=cleanup) == shown


def test_other_recipes() -> None:
    assert recipes.from_words(["yes", None]) == [b" yes", b""]
    assert recipes.from_literal(["é", None]) == ["é".encode(), b""]
    assert recipes.from_latin1(["é", "日", None]) == [b"\xe9", "日".encode(), b""]


@pytest.mark.parametrize(
    ("pieces", "first"),
    [
        ([f"<0x{b:02X}>" for b in range(256)] + ["▁a"], "metaspace"),
        (["Ġa", "b", "Ċ"], "byte-level"),
        (["▁a", "b"], "metaspace"),
        (["a", "##b"], "wordpiece"),
        ([chr(b) for b in range(256)], "latin-1"),
        (["a", "b"], "literal"),
    ],
)
def test_the_vocabulary_suggests_a_recipe(pieces: list[str], first: str) -> None:
    assert recipes.likely_recipes(pieces)[0] == first
