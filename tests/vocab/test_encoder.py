"""From text to tokens without a tokenizer, against brute force, and round the habits of tokenizers."""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from structgen.errors import VocabularyError
from structgen.vocab import Vocabulary


def fewest(tokens: list[bytes], data: bytes) -> int | None:
    """The smallest number of tokens that spell `data`, by trying everything."""

    @cache
    def need(at: int) -> int | None:
        if at == len(data):
            return 0
        rest = [need(at + len(token)) for token in set(tokens) if token and data.startswith(token, at)]
        found = [n + 1 for n in rest if n is not None]
        return min(found) if found else None

    return need(0)


@settings(derandomize=True, max_examples=300, deadline=None)
@given(st.lists(st.text("abc", min_size=1, max_size=3).map(str.encode), max_size=6), st.text("abc", max_size=9).map(str.encode))
def test_covers_what_can_be_covered(tokens: list[bytes], data: bytes) -> None:
    found = Vocabulary.from_bytes(tokens, eos=50)
    if fewest(tokens, data) is None:
        with pytest.raises(VocabularyError, match="no tokens for"):
            found.encode(data)
    else:
        assert found.decode(found.encode(data)) == data


def test_longest_match_comes_first_and_gives_way_in_a_dead_end() -> None:
    found = Vocabulary.from_bytes([b"a", b"ab", b"abc", b"bcd", b"d"], eos=5)
    assert found.encode("abcd") == [2, 4]
    assert found.encode("abca") == [2, 0]
    found = Vocabulary.from_bytes([b"a", b"ab", b"bc"], eos=5)
    assert found.encode("abc") == [0, 2]


def test_special_spellings_are_cut_even_where_they_nest() -> None:
    special = {"<<a>": 300, "<a>": 301, "a": 302}

    def own(text: str) -> list[int]:  # recognises special tokens, the longest first
        out, at = [], 0
        while at < len(text):
            for spelling, i in special.items():
                if len(spelling) > 1 and text.startswith(spelling, at):
                    out.append(i)
                    at += len(spelling)
                    break
            else:
                out += list(text[at].encode())
                at += 1
        return out

    found = Vocabulary.from_bytes([bytes([b]) for b in range(256)], eos=256, special=special, encode=own)
    for text in ("<<a><a>", "x<<<a>>", "<a>" * 5, "é<a>日", "a"):
        assert found.encode(text) == list(text.encode())


def test_a_tokenizers_blank_is_taken_away() -> None:
    tokens = [b" ", b" a", b"a", b"b", b"\n", b"ab"]

    def own(text: str) -> list[int]:  # puts a blank before the text, merges " a" and "ab"
        out, rest = [], b" " + text.encode()
        while rest:
            i = max((i for i, token in enumerate(tokens) if rest.startswith(token)), key=lambda i: len(tokens[i]))
            out.append(i)
            rest = rest[len(tokens[i]) :]
        return out

    found = Vocabulary.from_bytes(tokens, eos=6, encode=own)
    assert own("a") == [1]
    assert found.encode("a") == [2]  # by way of a line break before it
    assert found.encode("b") == [3]
    assert found.encode("ab") == [5]
    assert found.encode(" a") == [1]


def test_a_lone_blank_is_taken_away_where_nothing_can_stand_before() -> None:
    tokens = [b" ", b"a", b"ab", b"bc", b"c"]

    def own(text: str) -> list[int]:
        return {"abc": [0, 1, 3], "a": [0, 1]}[text]

    assert Vocabulary.from_bytes(tokens, eos=5, encode=own).encode("abc") == [1, 3]
    assert Vocabulary.from_bytes(tokens, eos=5).encode("abc") == [2, 4]


def test_nothing_and_what_cannot_be_text() -> None:
    found = Vocabulary.from_bytes([b"a"], eos=1, encode=lambda text: [0] * len(text))
    assert found.encode("") == []
    assert found.encode(b"") == []
    with pytest.raises(VocabularyError, match="lone surrogate"):
        found.encode("a\ud800")
    with pytest.raises(VocabularyError, match="no tokens for"):
        found.encode("b")
