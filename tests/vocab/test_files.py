"""Tokenizers on disk: every format by its content, and clear words for what is none."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from structgen.errors import VocabularyError
from structgen.vocab import Vocabulary

RWKV = "1 'a' 1\n2 ' b' 2\n3 b'\\xe6\\x97' 2\n4 \"it's\" 4\n5 '\\n' 1\n7 'é' 2\n"


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, "utf-8")
    return path


def byte_level_json() -> dict:
    tokenizers = pytest.importorskip("tokenizers")
    alphabet = sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet())
    own = tokenizers.Tokenizer(tokenizers.models.BPE({char: i for i, char in enumerate(alphabet)}, []))
    own.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    own.decoder = tokenizers.decoders.ByteLevel()
    own.add_special_tokens(["<end>", "<turn>"])
    return json.loads(own.to_str())


def test_rwkv(tmp_path: Path) -> None:
    found = Vocabulary.from_tokenizer(written(tmp_path, "vocab.txt", RWKV))
    assert found.tokens == [b"", b"a", b" b", b"\xe6\x97", b"it's", b"\n", b"", "é".encode()]
    assert (found.kind, found.stop_ids) == ("rwkv", (0,))
    assert Vocabulary.from_tokenizer(str(tmp_path / "vocab.txt"), stop=5).stop_ids == (5,)
    (tmp_path / "vocab.txt").rename(tmp_path / "rwkv_vocab_x.txt")
    assert Vocabulary.from_tokenizer(tmp_path) == found


def test_ranks(tmp_path: Path) -> None:
    tokens = [b"a", b"\xff", b" the", b"\n\n"]
    text = "".join(f"{base64.b64encode(token).decode()} {i + 2}\n" for i, token in enumerate(tokens))
    path = written(tmp_path, "x.tiktoken", text)
    found = Vocabulary.from_tokenizer(path, stop=9, size=12)
    assert found.tokens == [b"", b"", *tokens, *([b""] * 6)]
    assert "longest match" in found.notes[0]
    with pytest.raises(VocabularyError, match="end-of-sequence"):
        Vocabulary.from_tokenizer(path)


def test_tokenizer_json_with_its_configs(tmp_path: Path) -> None:
    path = written(tmp_path, "tokenizer.json", json.dumps(byte_level_json()))
    with pytest.raises(VocabularyError, match="end-of-sequence"):
        Vocabulary.from_tokenizer(tmp_path)
    written(
        tmp_path,
        "tokenizer_config.json",
        json.dumps({"eos_token": {"content": "<turn>"}, "added_tokens_decoder": {"300": {"content": "<x>"}}}),
    )
    found = Vocabulary.from_tokenizer(tmp_path)
    assert found.stop_ids == (257,)
    assert found.special == {"<end>": 256, "<turn>": 257, "<x>": 300}
    assert found.size == 301
    written(tmp_path, "generation_config.json", json.dumps({"eos_token_id": [256, 257]}))
    assert Vocabulary.from_tokenizer(path).stop_ids == (257, 256)
    assert Vocabulary.from_tokenizer(path, stop="<end>").stop_ids == (256,)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("tokenizer.json", "{", "not a tokenizer.json"),
        ("tokenizer.json", '{"model": {"type": "Other"}}', "not a tokenizer.json"),
        ("vocab.txt", "1 'a' 1\n2 'b' 7\n", "line 2 cannot be read: 'b' has 1 bytes, not 7"),
        ("vocab.txt", "1 'a' 1\n2 __import__('os') 1\n", "line 2"),
        ("vocab.txt", "1 'a' 1\n1 'b' 1\n", "line 2: id 1 is given twice"),
        ("vocab.txt", "1 'a' 1\n99999999999 'b' 1\n", "far too large"),
        ("x.tiktoken", "YQ== 0\nY 1\n", "line 2"),
        ("x.tiktoken", "YQ== 0\nnonsense\n", "a line is 'base64 rank'"),
        ("other.bin", "\x00\x01\x02", "no known format"),
        ("empty", "", "no known format"),
    ],
)
def test_what_cannot_be_read(tmp_path: Path, name: str, text: str, said: str) -> None:
    pytest.importorskip("tokenizers")
    pytest.importorskip("sentencepiece")
    path = written(tmp_path, name, text)
    with pytest.raises(VocabularyError) as caught:
        Vocabulary.from_tokenizer(path)
    assert said in str(caught.value)
    assert caught.value.where == str(path)


def test_a_broken_config_is_not_passed_over(tmp_path: Path) -> None:
    written(tmp_path, "tokenizer.json", json.dumps(byte_level_json()))
    written(tmp_path, "tokenizer_config.json", "{nonsense")
    with pytest.raises(VocabularyError, match=r"tokenizer_config\.json cannot be read"):
        Vocabulary.from_tokenizer(tmp_path)


def test_no_such_place(tmp_path: Path) -> None:
    with pytest.raises(VocabularyError, match="no such file") as caught:
        Vocabulary.from_tokenizer("Qwen/Qwen3-0.6B")
    assert "transformers" in caught.value.hint
    with pytest.raises(VocabularyError, match=r"no tokenizer|cannot load"):
        Vocabulary.from_tokenizer(tmp_path)
