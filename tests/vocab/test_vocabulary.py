"""`Vocabulary`: what it says of plain lists of bytes, its errors, its identity."""

from __future__ import annotations

import subprocess
import sys
import threading
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from structgen.errors import StructgenError, VocabularyError
from structgen.vocab import Vocabulary


def test_the_example_of_the_readme() -> None:
    found = Vocabulary.from_bytes([b"a", b"b", b""], eos=2)
    assert (found.size, found.words, found.stop_ids, found.special, len(found)) == (3, 1, (2,), {}, 3)
    assert [found.bytes_of(i) for i in range(3)] == [b"a", b"b", b""]
    assert found.encode("abba") == [0, 1, 1, 0]
    assert found.decode([0, 2, 1]) == b"ab"
    assert found.texts.trie.tokens.tolist() == [0, 1]


def test_what_ends_a_text_is_never_part_of_it() -> None:
    found = Vocabulary.from_bytes([b"a", b"</s>", b"<tool>", None, b"."], eos=[1, 4], special={"<tool>": 2})
    assert found.tokens == [b"a", b"", b"", b"", b""]
    assert found.stop_ids == (1, 4)
    assert found.special == {"</s>": 1, "<tool>": 2, ".": 4}


def test_equal_byte_strings_are_several_ids() -> None:
    found = Vocabulary.from_bytes([b"a", b"a", b"", b"b"], eos=2)
    assert found.texts.trie.tokens.tolist() == [0, 1, 3]
    assert found.texts.trie.first.tolist() == [0, 2, 3]
    assert found.encode("a") == [0]


def test_an_end_beyond_the_list_widens_it() -> None:
    found = Vocabulary.from_bytes([b"a"], eos=40, special={"<x>": 64})
    assert (found.size, found.words) == (65, 3)
    assert found.bytes_of(40) == b""


@pytest.mark.parametrize(
    ("tokens", "options", "said"),
    [
        ({0: b"a"}, {"eos": 1}, "not a mapping"),
        (["a"], {"eos": 1}, "token 0 is 'a', of type str"),
        ([b"a", 3], {"eos": 0}, "token 1 is 3, of type int"),
        ([b"a"], {"eos": -1}, "-1 is not a token id"),
        ([b"a"], {"eos": True}, "True is not a token id"),
        ([b"a"], {"eos": 1.0}, "not a token id"),
        ([b"a"], {"eos": 1 << 40}, "not a token id"),
        ([b"a"], {"eos": []}, "no end-of-sequence token"),
        ([b"a"], {"eos": None}, "no end-of-sequence token"),
        ([b"a"], {"eos": "b"}, "no token 'b'"),
        ([b"a"], {"eos": 1, "special": {"<x>": -4}}, "special"),
        ([b"a"], {"eos": 1, "special": {"<x>": "y"}}, "special"),
    ],
)
def test_bad_input(tokens: Any, options: Any, said: str) -> None:
    with pytest.raises(VocabularyError) as caught:
        Vocabulary.from_bytes(tokens, **options)
    assert said in str(caught.value)
    assert caught.value.where
    assert caught.value.hint


@pytest.mark.parametrize("token", [-1, 3, 1 << 40])
def test_a_token_that_does_not_exist(token: int) -> None:
    found = Vocabulary.from_bytes([b"a", b"b", b""], eos=2)
    with pytest.raises(VocabularyError, match="0 to 2"):
        found.bytes_of(token)
    with pytest.raises(ValueError, match="no token"):
        found.decode([0, token])


def test_widths() -> None:
    found = Vocabulary.from_bytes([b"a", b"b", b"", None, None], eos=2)
    wide = found.widened(100)
    assert (wide.size, wide.words, wide.tokens[5:]) == (100, 4, [b""] * 95)
    assert wide.encode("ab") == [0, 1]
    assert wide.texts.trie.tokens.tolist() == found.texts.trie.tokens.tolist()
    assert found.widened(5) is found
    assert found.widened(3).tokens == [b"a", b"b", b""]  # nothing is lost: ids 3 and 4 have no text
    for size in (2, 1, 0, -1):
        with pytest.raises(VocabularyError, match="leaves out") as caught:
            found.widened(size)
        assert caught.value.where == "size"


def test_fingerprints_tell_vocabularies_apart() -> None:
    made = [
        Vocabulary.from_bytes([b"a", b"b"], eos=2),
        Vocabulary.from_bytes([b"b", b"a"], eos=2),
        Vocabulary.from_bytes([b"ab", b""], eos=2),
        Vocabulary.from_bytes([b"", b"ab"], eos=2),
        Vocabulary.from_bytes([b"a", b"b"], eos=3),
        Vocabulary.from_bytes([b"a", b"b"], eos=[2, 3]),
        Vocabulary.from_bytes([b"a", b"b"], eos=2).widened(4),
        Vocabulary.from_bytes([b"a", b"b"], eos=2, special={"<x>": 2}),
    ]
    assert len({v.fingerprint for v in made}) == len(made)
    again = Vocabulary.from_bytes([b"a", b"b"], eos=2)
    assert again == made[0]
    assert hash(again) == hash(made[0])
    assert again != made[1]
    assert again != "something else"
    assert len(again.fingerprint) == 64
    assert again.fingerprint == "b15412b0c6ca3d969bc5396b8d4a9be243d8860c599bae565aa368995c5b3b0f"


@settings(derandomize=True, max_examples=150, deadline=None)
@given(st.lists(st.binary(min_size=1, max_size=4), max_size=12), st.lists(st.integers(0, 11), max_size=8))
def test_decode_then_encode_gives_the_same_bytes(tokens: list[bytes], picks: list[int]) -> None:
    found = Vocabulary.from_bytes([*tokens, b""], eos=len(tokens))
    data = found.decode(i for i in picks if i < len(tokens))
    assert found.decode(found.encode(data)) == data


def test_ids_may_be_numpy_integers() -> None:
    found = Vocabulary.from_bytes([b"a", b"b"], eos=np.int64(2))
    assert found.stop_ids == (2,)
    assert found.decode(np.array([0, 1, 2], np.int32)) == b"ab"
    assert found.decode_text([0, 1]) == "ab"


def test_text_that_is_no_utf8_is_shown_as_such() -> None:
    found = Vocabulary.from_bytes([b"\xc3", b"\xa9", b"a"], eos=3)
    assert found.decode_text([0, 1, 2]) == "éa"
    assert found.decode_text([0, 2]) == "\ufffda"
    assert found.encode("é") == [0, 1]
    assert found.encode(b"\xa9a\xc3") == [1, 2, 0]


def test_the_callers_lists_are_not_kept() -> None:
    tokens, special = [b"a", b"b"], {"<x>": 2}
    found = Vocabulary.from_bytes(tokens, eos=2, special=special)
    before = found.fingerprint
    tokens[0] = b"z"
    special["<y>"] = 1
    assert found.tokens == [b"a", b"b", b""]
    assert found.special == {"<x>": 2}
    assert Vocabulary.from_bytes([b"a", b"b"], eos=2, special={"<x>": 2}).fingerprint == before


def test_threads_see_one_trie() -> None:
    found = Vocabulary.from_bytes([bytes([a, b]) for a in range(64) for b in range(64)], eos=5000)
    seen: list[int] = []
    threads = [threading.Thread(target=lambda: seen.append(found.texts.trie.byte.size)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [64 + 64 * 64] * 8


def test_every_error_is_ours() -> None:
    assert issubclass(VocabularyError, StructgenError)
    assert "size 3" in repr(Vocabulary.from_bytes([b"a", b"b", b""], eos=2))


def test_nothing_heavy_is_imported() -> None:
    code = (
        "import sys, structgen.vocab; print([m for m in ('torch', 'transformers', 'tokenizers', 'tiktoken', 'numba') if m in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown.strip() == "[]"


def test_other_stop_ids() -> None:
    found = Vocabulary.from_bytes([b"a", b"b", b"", b""], eos=2, special={"<x>": 3})
    assert found.with_stop(2) is found
    other = found.with_stop("<x>")
    assert (other.stop_ids, other.tokens, other.size) == ((3,), found.tokens, 4)
    assert other != found
    assert other.texts is found.texts
    assert found.has_token.tolist() == [True, True, True, True]
    assert other.has_token.tolist() == [True, True, False, True]
    text = found.with_stop([1, 2])
    assert (text.stop_ids, text.tokens, text.size) == ((1, 2), [b"a", b"", b"", b""], 4)
    assert text.special == {"<x>": 3, "b": 1}
    assert text.with_stop(2) == found
    assert found.special == {"<x>": 3}
    assert text.texts.trie.tokens.tolist() == [0, 1]
    with pytest.raises(VocabularyError, match="no token 'c'"):
        found.with_stop("c")
    with pytest.raises(VocabularyError, match="no token 10000000"):  # rows of its width would be of no use
        found.with_stop(10_000_000)
