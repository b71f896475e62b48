"""The audit refuses what it cannot explain, names the token or the text, and explains what it can."""

from __future__ import annotations

from typing import Any

import pytest

from structgen.errors import VocabularyError
from structgen.vocab import Vocabulary

tokenizers = pytest.importorskip("tokenizers")
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers  # noqa: E402

ALPHABET = sorted(pre_tokenizers.ByteLevel.alphabet())


def byte_level(**parts: Any) -> Any:
    own = Tokenizer(models.BPE({char: i for i, char in enumerate(ALPHABET)}, []))
    own.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    own.decoder = decoders.ByteLevel()
    for name, part in parts.items():
        setattr(own, name, part)
    return own


def test_nothing_to_say_about_a_plain_one() -> None:
    assert Vocabulary.from_tokenizer(byte_level(), stop=256).notes == []


def test_a_decoder_that_changes_text_is_refused_by_its_token() -> None:
    changed = byte_level(decoder=decoders.Sequence([decoders.ByteLevel(), decoders.Replace("Q", "qu")]))
    with pytest.raises(VocabularyError) as caught:
        Vocabulary.from_tokenizer(changed, stop=256)
    assert f"tokens [{ALPHABET.index('Q')}]" in caught.value.why
    assert "'Q'" in caught.value.why
    assert "'qu'" in caught.value.why
    assert "from_bytes" in caught.value.hint


def test_an_end_of_word_suffix_is_refused() -> None:
    own = Tokenizer(models.BPE({"a": 0, "a</w>": 1, "b": 2, "b</w>": 3, "</s>": 4}, [], end_of_word_suffix="</w>"))
    own.decoder = decoders.BPEDecoder()
    with pytest.raises(VocabularyError, match="decode"):
        Vocabulary.from_tokenizer(own, stop=4)


def test_an_encoder_that_loses_text_is_refused_by_its_text() -> None:
    lossy = byte_level(pre_tokenizer=pre_tokenizers.Sequence([pre_tokenizers.Split("a", "removed"), byte_level().pre_tokenizer]))
    with pytest.raises(VocabularyError, match="nothing explains") as caught:
        Vocabulary.from_tokenizer(lossy, stop=256)
    assert "'a'" in caught.value.why or "leading" in caught.value.why


def test_the_check_can_be_switched_off() -> None:
    changed = byte_level(decoder=decoders.Sequence([decoders.ByteLevel(), decoders.Replace("Q", "qu")]))
    assert Vocabulary.from_tokenizer(changed, stop=256, audit=False).tokens[ALPHABET.index("Q")] == b"Q"


@pytest.mark.parametrize("normalizer", [normalizers.Lowercase(), normalizers.NFKC(), normalizers.Strip()])
def test_a_declared_normaliser_is_a_note(normalizer: Any) -> None:
    found = Vocabulary.from_tokenizer(byte_level(normalizer=normalizer), stop=256)
    assert len(found.notes) == 1
    assert "normalised" in found.notes[0]
    assert found.decode(found.encode("ÀB ﬁ ")) == "ÀB ﬁ ".encode()


def test_added_tokens_of_blanks_are_text() -> None:
    own = byte_level()
    own.add_tokens(["  ", "\n\n"])  # as Gemma and others have for runs of blanks
    found = Vocabulary.from_tokenizer(own, stop=300)
    assert found.notes == []
    assert found.encode("a  b\n\n\n") == own.encode("a  b\n\n\n").ids
    assert found.decode(found.encode("a  b\n\n\n")) == b"a  b\n\n\n"


def test_a_special_token_that_stands_for_ordinary_text_is_a_note() -> None:
    own = byte_level()
    own.add_special_tokens(["  "])
    found = Vocabulary.from_tokenizer(own, stop=300)
    assert len(found.notes) == 1
    assert "added token" in found.notes[0]
    assert found.decode(found.encode("a  b")) == b"a  b"


def test_added_tokens_that_take_in_blanks_are_a_note() -> None:
    own = byte_level()
    own.add_tokens([AddedToken("two", rstrip=True)])
    found = Vocabulary.from_tokenizer(own, stop=300)
    assert [note.split(",")[0] for note in found.notes] == ["an added token takes in the blanks beside it"]
    for text in ("two three", "two", "a two  two"):
        assert found.decode(found.encode(text)) == text.encode()


def test_added_tokens_that_nothing_explains_have_no_text() -> None:
    own = byte_level()
    own.add_tokens(["é", "ok"])  # decoded as the byte that é stands for in GPT-2's table
    found = Vocabulary.from_tokenizer(own, stop=300)
    e, ok = own.token_to_id("é"), own.token_to_id("ok")
    assert found.special == {"é": e, "ok": ok}
    assert (found.bytes_of(e), found.bytes_of(ok)) == (b"", b"ok")
    assert found.decode(found.encode("é ok")) == "é ok".encode()
    assert e not in found.encode("é ok")


def test_a_blank_before_the_text_needs_no_note() -> None:
    own = byte_level(pre_tokenizer=pre_tokenizers.ByteLevel(add_prefix_space=True))
    found = Vocabulary.from_tokenizer(own, stop=256)
    assert found.notes == []
    assert not found.strips_leading_space
    assert found.decode(own.encode("ab").ids) == b" ab"
    assert found.decode(found.encode("ab")) == b"ab"


def test_a_false_declaration_gives_way_to_the_evidence() -> None:
    """As transformers 5 does to some SentencePiece models: the decoder says one thing, the vocabulary another."""

    class Python:  # declares nothing at all
        pieces = ["</s>", *(f"<0x{b:02X}>" for b in range(256)), "▁a", "b"]  # noqa: RUF012
        added_tokens_decoder = {0: "</s>"}  # noqa: RUF012
        eos_token_id = 0

        def get_vocab(self) -> dict[str, int]:
            return {piece: i for i, piece in enumerate(self.pieces)}

        def encode(self, text: str, **_: Any) -> list[int]:
            return [1 + b for b in text.encode()]

        def decode(self, ids: list[int], **_: Any) -> str:
            return b"".join(b" a" if i == 257 else b"b" if i == 258 else bytes([i - 1]) for i in ids).decode("utf-8", "replace")

    found = Vocabulary.from_tokenizer(Python())
    assert found.kind == "metaspace"
    assert found.tokens[257:] == [b" a", b"b"]


def test_missing_bytes_are_listed() -> None:
    every = [bytes([b]) for b in range(256)]
    assert Vocabulary.from_bytes(every, eos=256).notes == []
    notes = Vocabulary.from_bytes([token for token in every if token not in b"{x"] + [b"xy"], eos=300).notes
    assert notes == [
        "1 byte value (among them '{') occurs in no token: a text with one of them cannot be made",
        "1 byte value (among them 'x') occurs only inside longer tokens: not every text with one of them can be made",
    ]
