"""Tokenizers kept on disk: the same vocabulary as when they are read, whatever happens to the files."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest

import structgen as sg
from structgen import disk
from structgen.errors import VocabularyError
from structgen.tiny import path as tiny_path
from structgen.vocab import files, store, texts
from structgen.vocab.texts import Texts
from structgen.vocab.trie import build_trie
from structgen.vocab.vocabulary import Vocabulary

pytest.importorskip("tokenizers")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    folder.mkdir()
    monkeypatch.setattr(disk, "folder", lambda kind, stamp="": folder)
    return folder


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Path]]:
    """The paths that were read by their tokenizers."""
    seen: list[Path] = []
    own = files.read

    def read(path: Any) -> Any:
        seen.append(Path(path))
        return own(path)

    monkeypatch.setattr(files, "read", read)
    return seen  # type: ignore[return-value]


def tokenizer(folder: Path) -> Path:
    described = {
        "version": "1.0",
        "added_tokens": [
            {"id": 4, "content": "<end>", "special": True} | dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False),
            {"id": 5, "content": "<think>", "special": False} | dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False),
        ],
        "decoder": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True},
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False},
        "model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "Ġ": 2, "ab": 3}, "merges": ["a b"]},
    }
    path = folder / "tokenizer.json"
    path.write_text(json.dumps(described, ensure_ascii=False), "utf-8")
    return path


def test_what_is_found_is_what_was_read(tmp_path: Path, cache: Path, reads: list[Path]) -> None:
    path = tokenizer(tmp_path)
    first = Vocabulary.from_tokenizer(path, stop="<end>")
    second = Vocabulary.from_tokenizer(str(path), stop="<end>")
    assert len(reads) == 1
    assert second == first
    for name in ("tokens", "special", "stop_ids", "kind", "notes", "size"):
        assert getattr(second, name) == getattr(first, name)
    assert Vocabulary.from_tokenizer(tmp_path, stop="ab").stop_ids == (3,)  # by the spelling of a piece
    assert len(reads) == 1
    assert second.encode("ab<think>a ") == first.encode("ab<think>a ") == [3, 5, 0, 2]
    assert second.strips_leading_space == first.strips_leading_space
    assert len(reads) == 2  # to encode, once


def test_other_files_are_read_anew(tmp_path: Path, cache: Path, reads: list[Path]) -> None:
    path = tokenizer(tmp_path)
    old = Vocabulary.from_tokenizer(path, stop="<end>")
    kept = Vocabulary.from_tokenizer(path, stop="<end>")
    (tmp_path / "tokenizer_config.json").write_text('{"eos_token": "<end>"}')
    assert Vocabulary.from_tokenizer(path).stop_ids == (4,)
    path.write_text(path.read_text("utf-8").replace('"Ġ"', '"c"'), "utf-8")
    new = Vocabulary.from_tokenizer(path)
    assert (old.bytes_of(2), new.bytes_of(2)) == (b" ", b"c")
    assert len(reads) == 3
    with pytest.raises(VocabularyError, match="changed"):
        kept.encode("a")
    with pytest.raises(VocabularyError, match="no such file"):
        Vocabulary.from_tokenizer(tmp_path / "nothing.json")


def test_an_audit_that_was_left_out_is_not_taken_for_one(tmp_path: Path, cache: Path, reads: list[Path]) -> None:
    path = tokenizer(tmp_path)
    Vocabulary.from_tokenizer(path, stop="<end>", audit=False)
    Vocabulary.from_tokenizer(path, stop="<end>")
    assert len(reads) == 2


@pytest.mark.parametrize("harm", ["cut", "changed", "empty", "gone", "other code"])
def test_broken_files_are_made_again(tmp_path: Path, cache: Path, reads: list[Path], harm: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tokenizer(tmp_path)
    first = Vocabulary.from_tokenizer(path, stop="<end>")
    for file in cache.iterdir():
        data = file.read_bytes()
        if harm == "gone":
            file.unlink()
        elif harm == "other code":
            monkeypatch.setattr(store, "code_digest", lambda *folders: "other")
        else:
            file.write_bytes({"cut": data[:-9], "changed": data[:40] + b"\0" + data[41:], "empty": b""}[harm])
    assert Vocabulary.from_tokenizer(path, stop="<end>") == first
    assert len(reads) == 2
    assert Vocabulary.from_tokenizer(path, stop="<end>") == first
    assert len(reads) == 2


def test_where_nothing_can_be_written(tmp_path: Path, reads: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk, "folder", lambda kind, stamp="": tmp_path / "nowhere")
    path = tokenizer(tmp_path)
    assert Vocabulary.from_tokenizer(path, stop="<end>") == Vocabulary.from_tokenizer(path, stop="<end>")
    assert len(reads) == 2


def test_tries_of_many_tokens_are_kept(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(texts, "_KEPT_FROM", 1)
    rng = Random(5)
    tokens = [bytes(rng.choices(b"abc\xff", k=rng.randrange(6))) for _ in range(500)] + [b"a"]
    want = build_trie(tokens)
    for _ in range(2):
        found = Texts(tokens).trie
        for name, array in want._asdict().items():
            assert np.array_equal(getattr(found, name), array)
            assert getattr(found, name).dtype == array.dtype
            assert not getattr(found, name).flags.writeable
    assert len(list(cache.iterdir())) == 1


def test_processes_that_start_together(tmp_path: Path) -> None:
    path = tokenizer(tmp_path)
    program = (
        "import sys; from structgen.vocab import Vocabulary, texts; texts._KEPT_FROM = 1\n"
        "for _ in range(5):\n"
        "    found = Vocabulary.from_tokenizer(sys.argv[1], stop='<end>')\n"
        "    print(found.fingerprint, found.texts.trie.byte.size, found.encode('ab <think>'))"
    )
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path), "NUMBA_CACHE_DIR": str(tmp_path)}
    started = [
        subprocess.Popen([sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE, env=environment, text=True) for _ in range(4)
    ]
    said = {line for process in started for line in process.communicate()[0].splitlines()}
    assert [process.returncode for process in started] == [0] * 4
    assert len(said) == 1
    assert not list(tmp_path.rglob("tmp*"))


def test_what_was_found_on_disk_can_be_pickled(tmp_path: Path) -> None:
    """Into another process, which reads the tokenizer when it has to encode."""
    path = str(tiny_path() / "tokenizer.json")
    Vocabulary.from_tokenizer(path)
    vocabulary = Vocabulary.from_tokenizer(path)  # found
    automaton = sg.compile(sg.choice(["yes", "no"]), vocabulary)
    for one in (vocabulary, pickle.loads(pickle.dumps(vocabulary)), pickle.loads(pickle.dumps(automaton)).vocabulary):
        assert one == vocabulary
        assert one.decode(one.encode(b"yes no")) == b"yes no"
