"""Twelve real vocabularies, against their own encoders, the files they were made from, and other libraries' readings."""

from __future__ import annotations

import ast
import base64
import random
import unicodedata
from functools import lru_cache
from pathlib import Path

import pytest

from structgen.errors import VocabularyError
from structgen.vocab import Vocabulary

tokenizers = pytest.importorskip("tokenizers")
transformers = pytest.importorskip("transformers")

BYTE_LEVEL = ["qwen3", "o200k_base", "cl100k_base", "mistral_tekken", "gpt2", "falcon_65k"]
SENTENCEPIECE = ["mistral_v1_32k", "mistral_v3_32k", "phi3_mini_32k", "stories_512"]
LOSSLESS = [*BYTE_LEVEL, *SENTENCEPIECE]
ALL = [*LOSSLESS, "t5_small_32k", "rwkv_world_65k"]
SIZES = {
    "qwen3": 151669, "o200k_base": 200019, "cl100k_base": 100277, "mistral_tekken": 131072, "mistral_v1_32k": 32000,
    "mistral_v3_32k": 32768, "gpt2": 50257, "phi3_mini_32k": 32011, "falcon_65k": 65024, "t5_small_32k": 32100,
    "rwkv_world_65k": 65530, "stories_512": 512,
}  # fmt: skip
NFC = {"qwen3"}


@lru_cache(maxsize=16)
def backend(folder: Path, name: str):
    return tokenizers.Tokenizer.from_file(str(folder / name / "tokenizer.json"))


@lru_cache(maxsize=16)
def vocabulary(folder: Path, name: str) -> Vocabulary:
    return Vocabulary.from_tokenizer(folder / name)


@pytest.mark.parametrize("name", ALL)
def test_the_size_is_every_id(tokenizers_folder: Path, name: str) -> None:
    found = vocabulary(tokenizers_folder, name)
    assert found.size == len(found) == len(found.tokens) == SIZES[name]
    assert found.words == -(-SIZES[name] // 32)
    assert found.texts.trie.tokens.size == sum(map(bool, found.tokens))
    assert sorted(found.texts.trie.tokens.tolist()) == [i for i, token in enumerate(found.tokens) if token]
    assert found.max_token_bytes == found.texts.trie.depth.max() + 1


@pytest.mark.parametrize("name", LOSSLESS)
def test_the_tokens_of_a_text_have_its_bytes(tokenizers_folder: Path, name: str, corpus: list[str]) -> None:
    own, found = backend(tokenizers_folder, name), vocabulary(tokenizers_folder, name)
    prefix = " " if name in SENTENCEPIECE else ""
    known = set(b"".join(found.tokens))
    for text in corpus:
        if name == "falcon_65k" and not set(text.encode()) <= known:
            continue  # it has no token for some bytes, and drops them
        ids = own.encode(text, add_special_tokens=False).ids
        want = unicodedata.normalize("NFC", text) if name in NFC else text
        assert found.decode(ids).decode() == prefix + want


@pytest.mark.parametrize("name", LOSSLESS)
def test_random_tokens_decode_as_the_tokenizer_says(tokenizers_folder: Path, name: str) -> None:
    own, found = backend(tokenizers_folder, name), vocabulary(tokenizers_folder, name)
    plain = [i for i, token in enumerate(found.tokens) if token and token.decode("utf-8", "replace").isascii()]
    rng = random.Random(11)
    for _ in range(200):
        ids = rng.choices(plain, k=rng.randrange(1, 12))
        shown = own.decode(ids, skip_special_tokens=False)
        text = found.decode_text(ids)
        assert shown == (text.removeprefix(" ") if found.strips_leading_space else text)


@pytest.mark.parametrize("name", ALL)
def test_encode_gives_exactly_the_bytes(tokenizers_folder: Path, name: str, corpus: list[str]) -> None:
    found = vocabulary(tokenizers_folder, name)
    lone = {token[0] for token in found.tokens if len(token) == 1}
    for text in corpus:
        for part in (text[:200], " " + text[:50]):
            if set(part.encode()) <= lone:
                assert found.decode(found.encode(part)) == part.encode()


@pytest.mark.parametrize("name", LOSSLESS)
def test_encode_is_canonical_in_the_middle_of_a_text(tokenizers_folder: Path, name: str) -> None:
    own, found = backend(tokenizers_folder, name), vocabulary(tokenizers_folder, name)
    lead = own.encode("x\n", add_special_tokens=False).ids
    for text in ["name", "age: 31", '{"name": "Ann"}', "日本語", "  two blanks", "über", "don't"]:
        ids = own.encode("x\n" + text, add_special_tokens=False).ids
        if ids[: len(lead)] == lead:
            assert found.encode(text) == ids[len(lead) :], text


@pytest.mark.parametrize("name", ALL)
def test_special_tokens_never_match_text_and_added_ones_match_theirs(tokenizers_folder: Path, name: str) -> None:
    found = vocabulary(tokenizers_folder, name)
    added = {} if name == "rwkv_world_65k" else backend(tokenizers_folder, name).get_added_tokens_decoder()
    textual = {i for i, token in added.items() if not token.special}
    assert all(found.bytes_of(i) == added[i].content.encode() for i in textual)
    assert all(found.encode(added[i].content) == [i] for i in textual)
    hidden = set(found.special.values()) - textual | set(found.stop_ids)
    assert not hidden & set(found.texts.trie.tokens.tolist())
    assert all(found.bytes_of(i) == b"" for i in hidden)
    if name == "rwkv_world_65k":
        return
    assert {token.content: i for i, token in added.items()} == found.special
    for spelling in list(found.special)[:5]:
        if name == "t5_small_32k":
            continue  # no token shows "<"
        ids = found.encode(f"a {spelling}b")
        assert not hidden & set(ids)
        assert found.decode(ids) == f"a {spelling}b".encode()


def test_fingerprints_are_distinct(tokenizers_folder: Path) -> None:
    found = {name: vocabulary(tokenizers_folder, name) for name in ALL}
    assert len({v.fingerprint for v in found.values()}) == len(ALL)
    assert len(set(found.values())) == len(ALL)


@pytest.mark.parametrize("name", ["qwen3", "gpt2", "mistral_v3_32k", "phi3_mini_32k", "stories_512"])
def test_a_transformers_wrapper_gives_the_same(tokenizers_folder: Path, name: str) -> None:
    wrapped = transformers.PreTrainedTokenizerFast(tokenizer_file=str(tokenizers_folder / name / "tokenizer.json"))
    found = vocabulary(tokenizers_folder, name)
    with pytest.raises(VocabularyError, match="end-of-sequence"):
        Vocabulary.from_tokenizer(wrapped)
    wrapped.eos_token = next(s for s, i in found.special.items() if i == found.stop_ids[0])
    again = Vocabulary.from_tokenizer(wrapped)
    assert again == found
    assert Vocabulary.from_tokenizer(wrapped) is again
    assert again.encode('{"name": "x') == found.encode('{"name": "x')


# -- oracles that are not the tokenizer itself ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "ranks"), [("qwen3", "qwen.tiktoken"), ("gpt2", "gpt2.tiktoken")])
def test_byte_level_against_the_original_ranks(tokenizers_folder: Path, name: str, ranks: str) -> None:
    found = vocabulary(tokenizers_folder, name)
    lines = (tokenizers_folder / name / ranks).read_bytes().split(b"\n")
    pairs = [line.split() for line in lines if line]
    assert len(pairs) > 50_000
    for token, rank in pairs:
        assert found.bytes_of(int(rank)) == base64.b64decode(token)
    from_ranks = Vocabulary.from_tokenizer(tokenizers_folder / name / ranks, stop=found.stop_ids)
    assert from_ranks.tokens[: len(pairs)] == found.tokens[: len(pairs)]


@pytest.mark.parametrize("name", ["mistral_v1_32k", "mistral_v3_32k"])
def test_sentencepiece_model_and_its_conversion_agree(tokenizers_folder: Path, name: str, corpus: list[str]) -> None:
    sentencepiece = pytest.importorskip("sentencepiece")
    processor = sentencepiece.SentencePieceProcessor(model_file=str(tokenizers_folder / name / "tokenizer.model"))
    found, converted = Vocabulary.from_tokenizer(processor), vocabulary(tokenizers_folder, name)
    assert found == converted
    assert found.strips_leading_space
    for text in corpus[:60]:
        assert b" " + text.encode() == found.decode(processor.encode(text))
        assert found.encode(text[:80]) == converted.encode(text[:80])
    assert found == Vocabulary.from_tokenizer(str(tokenizers_folder / name / "tokenizer.model"))


def test_rwkv_against_its_file(tokenizers_folder: Path, corpus: list[str]) -> None:
    found = vocabulary(tokenizers_folder, "rwkv_world_65k")
    table: dict[int, bytes] = {}
    path = tokenizers_folder / "rwkv_world_65k" / "rwkv_vocab_v20230424.txt"
    for line in path.read_text("utf-8").splitlines(keepends=False)[::50]:
        i, rest = line.split(" ", 1)
        value = ast.literal_eval(rest.rsplit(" ", 1)[0])
        table[int(i)] = value.encode() if isinstance(value, str) else value
    assert {i: found.bytes_of(i) for i in table} == table
    assert found.stop_ids == (0,)
    assert sum(map(bool, found.tokens)) == 65529
    known = set(found.tokens) - {b""}
    for text in corpus[:30]:  # greedy longest match, spelled out
        data, at = text.encode(), 0
        for i in found.encode(text):
            longest = max(n for n in range(1, min(found.max_token_bytes, len(data) - at) + 1) if data[at : at + n] in known)
            assert found.bytes_of(i) == data[at : at + longest]
            at += longest
        assert at == len(data)


def test_t5_is_explained_not_refused(tokenizers_folder: Path) -> None:
    found = vocabulary(tokenizers_folder, "t5_small_32k")
    notes = " ".join(found.notes)
    assert found.strips_leading_space
    assert "blanks are not kept" in notes
    assert "unknown token" in notes
    assert "'{'" in notes or "{" in notes
    assert found.encode("a small house") is not None
    assert found.decode(found.encode(" a small house")) == b" a small house"
    with pytest.raises(VocabularyError, match="no tokens for"):
        found.encode("{")


# -- one test for each trap that these vocabularies hold -----------------------------------------------------------------------------


def test_holes_in_the_id_space(tokenizers_folder: Path) -> None:
    found = vocabulary(tokenizers_folder, "o200k_base")
    for i in (199998, *range(200000, 200018)):
        assert found.bytes_of(i) == b""
        assert i not in found.special.values()
    assert found.special == {"<|endoftext|>": 199999, "<|endofprompt|>": 200018}


def test_specials_before_the_vocabulary(tokenizers_folder: Path) -> None:
    found = vocabulary(tokenizers_folder, "mistral_tekken")
    assert not any(found.tokens[:1000])
    assert all(found.tokens[1000:])
    assert found.special["[INST]"] == 3


def test_logits_wider_than_the_tokenizer(tokenizers_folder: Path) -> None:
    narrow = vocabulary(tokenizers_folder, "qwen3")
    wide = narrow.widened(151936)
    assert wide.size == len(wide.tokens) == 151936
    assert wide.words == 4748
    assert wide.bytes_of(151935) == b""
    assert wide.tokens[:151669] == narrow.tokens
    assert wide != narrow
    assert wide.encode('{"a') == narrow.encode('{"a')
    with pytest.raises(VocabularyError, match="leaves out"):
        narrow.widened(151_000)


def test_byte_tokens_beside_ordinary_tokens(tokenizers_folder: Path) -> None:
    found = vocabulary(tokenizers_folder, "mistral_v1_32k")
    same = [i for i, token in enumerate(found.tokens) if token == b"a"]
    assert len(same) == 2
    fallback, ordinary = same
    assert fallback == 3 + ord("a")
    assert found.encode("\x02a")[-1] == ordinary
    node = next(i for i in range(found.texts.trie.root[ord("a")], found.texts.trie.root[ord("a") + 1]))
    assert found.texts.trie.tokens[found.texts.trie.first[node] : found.texts.trie.first[node + 1]].tolist() == same


def test_byte_tokens_are_the_second_choice(tokenizers_folder: Path) -> None:
    found = vocabulary(tokenizers_folder, "mistral_v1_32k")
    ids = found.encode("▁zq7~")  # its own encoder takes the first character for a blank, so this is longest match
    assert found.decode(ids) == "▁zq7~".encode()
    assert [i for i in ids if 3 <= i < 259] == [3 + b for b in "▁".encode()]


def test_text_is_cut_inside_the_spelling_of_a_special_token(tokenizers_folder: Path) -> None:
    own, found = backend(tokenizers_folder, "gpt2"), vocabulary(tokenizers_folder, "gpt2")
    assert found.encode("the <|endoftext|> is") == own.encode("the <").ids + own.encode("|endoftext|> is").ids


def test_pieces_of_characters(tokenizers_folder: Path) -> None:
    found = vocabulary(tokenizers_folder, "qwen3")
    halves = [token for token in found.tokens if token and token.decode("utf-8", "replace").count("\ufffd")]
    assert len(halves) > 1000
    data = "日本".encode()
    assert found.decode(found.encode(data[:2])) == data[:2]
    assert found.decode(found.encode(b'"\xff\xe6')) == b'"\xff\xe6'


def test_an_added_token_that_is_not_flagged_special(tokenizers_folder: Path) -> None:
    found = vocabulary(tokenizers_folder, "qwen3")
    assert found.special["<think>"] == 151667
    assert found.bytes_of(151667) == b"<think>"
    own = backend(tokenizers_folder, "qwen3")
    for text in ("<think>hm</think>", "a <tool_call>\n{}</tool_call> b", "<think", "<<think>>"):
        assert found.encode(text) == own.encode(text, add_special_tokens=False).ids
        assert found.decode(found.encode(text)) == text.encode()
    assert max(found.encode("<|im_start|>")) < 151643


def test_an_added_token_with_rstrip(tokenizers_folder: Path) -> None:
    found = vocabulary(tokenizers_folder, "phi3_mini_32k")
    assert found.decode(found.encode("<|assistant|>  \n x")) == b"<|assistant|>  \n x"
    assert found.special["</s>"] == 2  # rstrip, and not flagged special
    own = backend(tokenizers_folder, "phi3_mini_32k")
    assert found.encode("</s>") == own.encode("</s>").ids == [2]
    for text in ("a</s>  b", "a</s>b"):  # of which the tokenizer would lose the blanks, or put one before the b
        assert own.encode(text).ids[1] == 2
        assert 2 not in found.encode(text)
        assert found.decode(found.encode(text)) == text.encode()


def test_merges_are_ignored_where_the_tokenizer_says_so(tokenizers_folder: Path) -> None:
    own, found = backend(tokenizers_folder, "cl100k_base"), vocabulary(tokenizers_folder, "cl100k_base")
    for text in (" assistant", "ication", "Strings"):
        assert found.encode(text) == own.encode(text).ids


def test_normalisation_does_not_change_what_was_asked_for(tokenizers_folder: Path) -> None:
    found = vocabulary(tokenizers_folder, "qwen3")
    assert found.decode(found.encode("e\u0301")) == "e\u0301".encode()
    assert any("normalised" in note for note in found.notes)


def test_missing_bytes_are_noted(tokenizers_folder: Path) -> None:
    found = vocabulary(tokenizers_folder, "falcon_65k")
    assert "15 byte values occur in no token" in found.notes[0]
    with pytest.raises(VocabularyError, match="no tokens for"):
        found.encode("\x0b")
