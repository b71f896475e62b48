"""Small tokenizers of every family, trained or built here, against their own encode and decode."""

from __future__ import annotations

import json
import random
from types import SimpleNamespace
from typing import Any

import pytest

from structgen.errors import VocabularyError
from structgen.vocab import Vocabulary

tokenizers = pytest.importorskip("tokenizers")
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers  # noqa: E402

TRAINING = [
    "the quick brown fox jumps over the lazy dog",
    'a {"key": "value", "list": [1, 2, 3]} document, with "quotes" and commas',
    "def name(argument):\n    return argument + 1\n",
    "naïve café über straße 日本語",
] * 4


def byte_level() -> Any:
    own = Tokenizer(models.BPE())
    own.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    own.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    own.train_from_iterator(TRAINING, trainers.BpeTrainer(vocab_size=400, initial_alphabet=alphabet, special_tokens=["<end>"]))
    return own


def byte_fallback() -> Any:
    pieces = ["<unk>", "</s>", *(f"<0x{b:02X}>" for b in range(256))]
    own = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    own.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    own.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    own.train_from_iterator(TRAINING, trainers.BpeTrainer(vocab_size=500, special_tokens=pieces, show_progress=False))
    # As SentencePiece has it: only <unk> and </s> are special, byte pieces are ordinary parts of the model.
    described = json.loads(own.to_str())
    described["added_tokens"] = [token for token in described["added_tokens"] if token["id"] < 2]
    return Tokenizer.from_str(json.dumps(described))


def unigram() -> Any:
    own = Tokenizer(models.Unigram())
    own.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace(tokenizers.Regex(" {2,}"), " ")])
    own.pre_tokenizer = pre_tokenizers.Metaspace()
    own.decoder = decoders.Metaspace()
    own.train_from_iterator(TRAINING, trainers.UnigramTrainer(vocab_size=120, special_tokens=["<unk>", "</s>"], unk_token="<unk>"))
    return own


def wordpiece(*, cleanup: bool = False) -> Any:
    own = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    own.normalizer = normalizers.BertNormalizer(lowercase=True)
    own.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    own.decoder = decoders.WordPiece(cleanup=cleanup)
    own.train_from_iterator(TRAINING, trainers.WordPieceTrainer(vocab_size=200, special_tokens=["[UNK]", "[SEP]"]))
    return own


def test_byte_level_is_lossless(corpus: list[str]) -> None:
    own = byte_level()
    found = Vocabulary.from_tokenizer(own, stop="<end>")
    assert (found.kind, found.notes, found.strips_leading_space) == ("byte-level", [], False)
    for text in corpus:
        ids = own.encode(text).ids
        assert found.decode(ids) == text.encode()
        assert found.encode(text) == ids


def test_byte_fallback_is_lossless(corpus: list[str]) -> None:
    own = byte_fallback()
    found = Vocabulary.from_tokenizer(own, stop="</s>")
    assert found.kind == "metaspace"
    assert found.strips_leading_space
    assert found.tokens[2:258] == [bytes([b]) for b in range(256)]
    for text in corpus:
        if "▁" not in text:
            assert found.decode(own.encode(text).ids) == b" " + text.encode()
            assert found.decode(found.encode(text)) == text.encode()


def test_unigram_is_lossy_and_says_so() -> None:
    own = unigram()
    found = Vocabulary.from_tokenizer(own, stop="</s>")
    assert found.kind == "metaspace"
    assert found.strips_leading_space
    assert found.decode(own.encode("the quick fox").ids) == b" the quick fox"
    assert any("normalised" in note for note in found.notes)
    assert any("unknown token" in note for note in found.notes)
    assert "<unk>" in found.special


def test_single_characters_are_enough_to_see_that_a_blank_is_dropped() -> None:
    own = Tokenizer(models.Unigram([("<unk>", 0.0), ("▁", -1.0), ("a", -1.0), ("b", -2.0)], unk_id=0))
    own.pre_tokenizer = pre_tokenizers.Metaspace()
    own.decoder = decoders.Metaspace()
    assert own.decode([1, 2]) == "a"
    assert Vocabulary.from_tokenizer(own, stop=4).strips_leading_space


def test_an_unknown_token_that_nobody_listed_is_special_all_the_same() -> None:
    own = Tokenizer(models.Unigram([("<unk>", 0.0), ("a", -1.0), ("▁", -1.0), ("b", -2.0)], unk_id=0))
    own.pre_tokenizer = pre_tokenizers.Metaspace()
    own.decoder = decoders.Metaspace()
    found = Vocabulary.from_tokenizer(own, stop=4)
    assert found.special == {"<unk>": 0}
    assert found.tokens == [b"", b"a", b" ", b"b", b""]


@pytest.mark.parametrize("cleanup", [False, True])
def test_wordpiece_tokens_are_what_decoding_shows(cleanup: bool) -> None:
    own = wordpiece(cleanup=cleanup)
    found = Vocabulary.from_tokenizer(own, stop="[SEP]")
    assert found.kind == ("wordpiece, cleaned up" if cleanup else "wordpiece")
    assert found.strips_leading_space
    plain = [i for i, token in enumerate(found.tokens) if token]
    rng = random.Random(3)
    for _ in range(300):
        ids = rng.choices(plain, k=rng.randrange(1, 9))
        if own.id_to_token(ids[0]).startswith("##"):
            continue  # the decoder shows "##" where such a piece begins a text
        assert own.decode(ids) == found.decode_text(ids).removeprefix(" ")
    comma = own.token_to_id(",")
    assert found.bytes_of(comma) == (b"," if cleanup else b" ,")
    assert any("blanks are not kept" in note for note in found.notes)


def test_words_joined_by_blanks() -> None:
    own = Tokenizer(models.WordLevel({"<unk>": 0, "yes": 1, "no": 2, "</s>": 3}, unk_token="<unk>"))
    own.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    own.add_special_tokens(["</s>"])
    found = Vocabulary.from_tokenizer(own, stop="</s>")
    assert found.kind == "words"
    assert found.tokens == [b"", b" yes", b" no", b""]


def test_added_tokens_are_text_unless_they_are_flagged_special() -> None:
    own = byte_level()
    own.add_tokens([AddedToken("fox", single_word=True), AddedToken("<tool>", rstrip=True), AddedToken("<call>", special=True)])
    found = Vocabulary.from_tokenizer(own, stop="<end>")
    assert {"fox", "<tool>", "<call>", "<end>"} == set(found.special)
    fox, tool = found.special["fox"], found.special["<tool>"]
    assert (found.bytes_of(fox), found.bytes_of(tool), found.bytes_of(found.special["<call>"])) == (b"fox", b"<tool>", b"")
    for text, exact in (("the fox runs", True), ("<tool>fox", True), ("<tool>  fox<end>", False), ("<<tool>>", True), ("foxfox", True)):
        ids = found.encode(text)
        assert found.decode(ids) == text.encode()
        assert not set(ids) & {found.special["<call>"], found.special["<end>"]}
        assert (ids == own.encode(text).ids) == exact  # the tokenizer loses the blanks behind <tool>


def test_text_beside_the_spelling_of_a_special_token_stays_canonical() -> None:
    own = byte_level()
    found = Vocabulary.from_tokenizer(own, stop="<end>")
    want = [i for part in ("the <", "end> quick fox") for i in own.encode(part).ids]
    assert found.encode("the <end> quick fox") == want


def test_padding_and_truncation_of_the_owner_do_not_matter() -> None:
    own = byte_level()
    text = "the lazy dog jumps over the quick brown fox"
    want = own.encode(text).ids
    own.enable_truncation(4)
    own.enable_padding(length=64)
    found = Vocabulary.from_tokenizer(own, stop="<end>")
    assert found.encode(text) == want
    assert own.truncation["max_length"] == 4


def test_a_tokenizer_that_was_changed_is_read_again() -> None:
    own = byte_level()
    before = Vocabulary.from_tokenizer(own, stop="<end>")
    assert Vocabulary.from_tokenizer(own, stop="<end>") is before
    own.add_special_tokens(["<more>"])
    after = Vocabulary.from_tokenizer(own, stop="<end>")
    assert after.size == before.size + 1
    assert "<more>" in after.special


def test_transformers_fast_and_its_generation_config() -> None:
    transformers = pytest.importorskip("transformers")
    wrapped = transformers.PreTrainedTokenizerFast(tokenizer_object=byte_level())
    with pytest.raises(VocabularyError, match="end-of-sequence") as caught:
        Vocabulary.from_tokenizer(wrapped)
    assert "<end>" in caught.value.hint
    wrapped.eos_token = "<end>"
    assert Vocabulary.from_tokenizer(wrapped).stop_ids == (0,)
    several = transformers.GenerationConfig(eos_token_id=[0, 5])
    found = Vocabulary.from_tokenizer(wrapped, stop=several)
    assert found.stop_ids == (0, 5)
    assert found.bytes_of(5) == b""
    assert Vocabulary.from_tokenizer(wrapped, stop=several) is found


def test_a_python_tokenizer_speaks_through_its_vocabulary() -> None:
    transformers = pytest.importorskip("transformers")
    if not hasattr(transformers, "ByT5Tokenizer"):
        pytest.skip("this transformers has no ByT5Tokenizer")
    own = transformers.ByT5Tokenizer()
    found = Vocabulary.from_tokenizer(own)
    assert found.kind == "latin-1"
    assert found.tokens[3:259] == [bytes([b]) for b in range(256)]
    assert not any(found.tokens[:3] + found.tokens[259:])
    assert found.encode("é{") == own.encode("é{", add_special_tokens=False)


# -- tiktoken ------------------------------------------------------------------------------------------------------------------------


def encoding() -> Any:
    tiktoken = pytest.importorskip("tiktoken")
    ranks = {bytes([b]): b for b in range(256)}
    ranks |= {b"th": 256, b"the": 257, b" the": 258, "é".encode(): 259, b"  ": 260}
    return tiktoken.Encoding(
        "test", pat_str=r"\s*\w+|\s+|[^\s\w]+", mergeable_ranks=ranks, special_tokens={"<|endoftext|>": 270, "<|fim|>": 262}
    )


def test_tiktoken_with_holes(corpus: list[str]) -> None:
    own = encoding()
    found = Vocabulary.from_tokenizer(own)
    assert (found.size, found.stop_ids) == (271, (270,))
    assert found.special == {"<|endoftext|>": 270, "<|fim|>": 262}
    assert [i for i in range(271) if not found.tokens[i]] == list(range(261, 271))
    for text in [*corpus, "a <|fim|> b"]:
        assert found.encode(text) == own.encode_ordinary(text)
        assert found.decode(found.encode(text)) == text.encode()


def test_tiktoken_inside_another_tokenizer() -> None:
    class Outer:  # as the remote code of Qwen-1 and its likes
        def __init__(self) -> None:
            self.tokenizer = encoding()
            self.added_tokens_decoder = {271: "<|im_end|>"}
            self.eos_token_id = 271

        def get_vocab(self) -> dict[bytes, int]:
            raise AssertionError("bytes are asked for, spellings are not")

    found = Vocabulary.from_tokenizer(Outer())
    assert found.stop_ids == (271,)
    assert found.special["<|im_end|>"] == 271
    assert found.bytes_of(258) == b" the"


class Mistral:  # the calls of mistral_common's tokenizers that are used; the real ones were compared by hand (1.13.1: equal)
    n_words, unk_id, eos_id = 262, 0, 2
    names = ("<unk>", "<s>", "</s>", "[INST]")

    def id_to_piece(self, i: int) -> str:
        return self.names[i] if i < 4 else f"<0x{i - 4:02X}>" if i < 260 else "▁a" if i == 260 else "b"

    def is_special(self, i: int) -> bool:
        return 0 < i < 4

    def encode(self, text: str, bos: bool, eos: bool) -> list[int]:
        return [1] * bos + [4 + b for b in text.encode()] + [2] * eos

    def decode(self, ids: list[int]) -> str:
        return b"".join(bytes([i - 4]) if i < 260 else b" a" if i == 260 else b"b" for i in ids if i > 3).decode("utf-8", "replace")


class Tekken(Mistral):
    def id_to_byte_piece(self, i: int) -> bytes:
        return b"" if i < 4 else bytes([i - 4]) if i < 260 else b" a" if i == 260 else b"b"


@pytest.mark.parametrize("kind", [Mistral, Tekken])
@pytest.mark.parametrize("depth", [0, 1, 2])
def test_mistral_common_bare_and_wrapped(kind: type, depth: int) -> None:
    own: Any = kind()
    if depth > 0:  # its MistralTokenizer
        own = SimpleNamespace(instruct_tokenizer=SimpleNamespace(tokenizer=own))
    if depth > 1:  # the backend of transformers
        own = SimpleNamespace(tokenizer=own)
    found = Vocabulary.from_tokenizer(own)
    assert found.tokens == [b"", b"", b"", b"", *(bytes([b]) for b in range(256)), b" a", b"b"]
    assert found.special == {"<unk>": 0, "<s>": 1, "</s>": 2, "[INST]": 3}
    assert found.stop_ids == (2,)
    assert found.encode("é") == [4 + b for b in "é".encode()]


def test_what_is_no_tokenizer() -> None:
    with pytest.raises(VocabularyError, match="not a tokenizer") as caught:
        Vocabulary.from_tokenizer(object())
    assert "from_bytes" in caught.value.hint
