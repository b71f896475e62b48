"""Choices hold exactly their options, small or large, and say what is wrong with bad ones."""

from __future__ import annotations

import pytest

from structgen.errors import EmptyLanguage, GrammarError
from structgen.frontends.choice import SMALL, choice
from structgen.ir.expr import Leaf, Lit, Strings


def test_a_few_options_are_an_automaton() -> None:
    language = choice(["yes", "no", "no", b"maybe", "naïve", ""])
    assert isinstance(language.start, Leaf)
    assert language.regular is not None
    assert set(language.regular.strings(10)) == {"yes", "no", "maybe", "naïve", ""}
    assert choice({"a": 1, "b": 2}).regular == choice(iter("ba")).regular


def test_one_option() -> None:
    language = choice(["é"])
    assert isinstance(language.start, Lit)
    assert language.start.data == "é".encode()
    assert choice([""]).regular is not None
    assert choice([""]).regular.is_epsilon  # type: ignore[union-attr]


def test_bytes_that_are_no_text_stay_bytes() -> None:
    language = choice([b"\xff\x00", "a", b"a"])
    assert isinstance(language.start, Strings)
    assert list(language.start.items) == [b"a", b"\xff\x00"]
    assert language.regular is None


def test_many_options_are_sorted_bytes() -> None:
    options = [f"ключ {i * 7919 % 1_000_003}" for i in range(200_000)]
    language = choice(options + options[:5])
    assert isinstance(language.start, Strings)
    assert list(language.start.items) == sorted({option.encode() for option in options})
    assert isinstance(choice(str(i) for i in range(SMALL)).start, Leaf)
    assert isinstance(choice(str(i) for i in range(SMALL + 1)).start, Strings)


def test_many_different_characters() -> None:
    chinese = [chr(code) * (1 + code % 3) for code in range(0x4E00, 0x4E00 + SMALL)]
    language = choice(chinese)
    assert isinstance(language.start, Leaf | Strings)
    if language.regular is not None:
        assert language.regular.count() == SMALL


def test_bad_options() -> None:
    with pytest.raises(EmptyLanguage) as empty:
        choice([])
    assert empty.value.hint
    with pytest.raises(GrammarError, match="one str"):
        choice("abc")
    with pytest.raises(GrammarError, match="list of strings"):
        choice(7)  # type: ignore[arg-type]
    with pytest.raises(GrammarError, match="option 1 is a int") as caught:
        choice(["a", 7])  # type: ignore[list-item]
    assert caught.value.where == "options[1]"
    with pytest.raises(GrammarError, match="surrogate"):
        choice(["a", "\ud800"])
