"""CharDFA against brute force: every operation is checked on all short texts over a small alphabet, and on canonical form."""

from __future__ import annotations

import itertools
import re
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from structgen.errors import BudgetExceeded, EmptyLanguage, GrammarError, OptionError
from structgen.ir import chars as cs
from structgen.ir.regular import CharDFA

TEXTS = ["".join(t) for n in range(6) for t in itertools.product("abc", repeat=n)]
SETTINGS = settings(max_examples=60, derandomize=True, deadline=None)

words = st.text("abc", max_size=3)
finite = st.lists(words, max_size=5).map(CharDFA.of_strings)
classes = st.sampled_from(["a", "ab", "bc", "abc"]).map(lambda t: CharDFA.of_chars(cs.of_text(t)))
languages = st.recursive(
    finite | classes,
    lambda inner: st.one_of(
        st.builds(lambda a, b: a + b, inner, inner),
        st.builds(lambda a, b: a | b, inner, inner),
        st.builds(lambda a, b: a - b, inner, inner),
        st.builds(lambda a: a.repeat(), inner),
        st.builds(lambda a: ~a, inner),
    ),
    max_leaves=5,
)


def texts(dfa: CharDFA) -> set[str]:
    return {t for t in TEXTS if dfa.matches(t)}


@SETTINGS
@given(languages, languages)
def test_boolean_operations_are_those_of_sets(a: CharDFA, b: CharDFA) -> None:
    x, y = texts(a), texts(b)
    assert texts(a & b) == x & y
    assert texts(a | b) == x | y
    assert texts(a - b) == x - y
    assert texts(~a) == set(TEXTS) - x
    assert a.isdisjoint(b) == (a & b).is_empty
    assert (a <= b) == ((a | b) == b)


@SETTINGS
@given(languages, languages)
def test_equal_languages_are_equal_objects(a: CharDFA, b: CharDFA) -> None:
    left, right = ~(a & b), ~a | ~b
    assert left == right
    assert hash(left) == hash(right)
    assert left.key == right.key
    assert np.array_equal(left.table, right.table)
    assert np.array_equal(left.bounds, right.bounds)
    assert ~~a == a
    assert (a == b) == (a.key == b.key) == ((a - b).is_empty and (b - a).is_empty)


@SETTINGS
@given(languages, languages)
def test_concatenation(a: CharDFA, b: CharDFA) -> None:
    expected = {t for t in TEXTS if any(a.matches(t[:i]) and b.matches(t[i:]) for i in range(len(t) + 1))}
    assert texts(a + b) == expected


@SETTINGS
@given(st.lists(st.text("abcü", max_size=3), max_size=4))
def test_sets_in_turn_are_a_concatenation(sets: list[str]) -> None:
    expected = CharDFA.epsilon()
    for chars in sets:
        expected += CharDFA.of_chars(cs.of_text(chars))
    assert CharDFA.of_sets([cs.of_text(chars) for chars in sets]) == expected


def times(dfa: CharDFA, text: str, low: int, high: int | None) -> bool:
    """Whether the text is so many texts of the language, by trying all cuts."""
    most = len(text) + low if high is None else high
    reached = {0: {0}}
    for n in range(1, most + 1):
        reached[n] = {j for i in reached[n - 1] for j in range(i, len(text) + 1) if dfa.matches(text[i:j])}
    return any(len(text) in reached[n] for n in range(low, most + 1))


@settings(max_examples=40, derandomize=True, deadline=None)
@given(languages, st.sampled_from([(0, None), (0, 0), (0, 1), (1, None), (2, 2), (2, 3), (3, None), (0, 4), (1, 3)]))
def test_repetition(a: CharDFA, counts: tuple[int, int | None]) -> None:
    low, high = counts
    short = [t for t in TEXTS if len(t) <= 4]
    assert {t for t in short if a.repeat(low, high).matches(t)} == {t for t in short if times(a, t, low, high)}


@SETTINGS
@given(languages, st.integers(0, 3), st.none() | st.integers(0, 3))
def test_lengths_and_reversal(a: CharDFA, low: int, more: int | None) -> None:
    high = None if more is None else low + more
    assert texts(a.with_lengths(low, high)) == {t for t in texts(a) if low <= len(t) and (high is None or len(t) <= high)}
    assert texts(a.reversed()) == {t[::-1] for t in texts(a)}
    assert a.reversed().reversed() == a
    assert texts(a.optional()) == texts(a) | {""}


@SETTINGS
@given(languages)
def test_questions(a: CharDFA) -> None:
    found = texts(a)
    lengths = {len(t) for t in found}
    inside = a & CharDFA.of_chars([(97, 99)]).repeat()
    if found:
        assert inside.min_length() == min(lengths)
        assert len(inside.shortest()) == min(lengths)
        assert a.matches(inside.shortest())
    longest = inside.max_length()
    if longest is not None and longest <= 5:
        assert longest == max(lengths, default=0)
        assert inside.count() == len(found)
        assert inside.strings(10_000) == sorted(found, key=lambda t: (len(t), t))
    assert a.is_finite == (a.max_length() is not None) == (a.count() is not None)
    assert a.is_universal == (~a).is_empty
    free = not any(u != t and u.startswith(t) for t in found for u in found)
    if a.is_finite or not a.is_prefix_free:
        assert a.is_prefix_free <= free
    if a.is_prefix_free:
        assert free
    listed = a.strings(20)
    assert len(listed) == len(set(listed)) == min(20, len(listed))
    assert all(map(a.matches, listed))
    assert [len(t) for t in listed] == sorted(len(t) for t in listed)
    for state in range(len(a.rows)):
        assert a.accepts_all_from(state) == a.residual(state).is_universal


@SETTINGS
@given(languages)
def test_the_arrays_hold_what_they_promise(a: CharDFA) -> None:
    bounds, cls, table, accepting = a.bounds, a.classes, a.table, a.accepting
    assert bounds.dtype == cls.dtype == table.dtype == np.int32
    assert accepting.dtype == np.bool_
    assert bounds[0] == 0
    assert (np.diff(bounds) > 0).all()
    assert (np.diff(cls) != 0).all()
    assert set(cls) == set(range(table.shape[1]))
    assert list(dict.fromkeys(cls.tolist())) == list(range(table.shape[1]))  # numbered by first occurrence
    assert len({tuple(column) for column in table.T}) == table.shape[1]  # classes are as coarse as can be
    assert not table.flags.writeable
    surrogate = cls[np.searchsorted(bounds, 0xDABC, side="right") - 1]
    assert (table[:, surrogate] == -1).all()
    assert table.max() < len(table) == len(accepting)
    if not a.is_empty:
        assert all(far >= 0 for far in a.distances())
        assert len({a.residual(q).key for q in range(len(table))}) == len(table)  # minimal


def test_constants() -> None:
    assert CharDFA.empty().is_empty
    assert CharDFA.empty().table.shape == (1, 1)
    assert CharDFA.epsilon().is_epsilon
    assert CharDFA.of_strings([]) == CharDFA.empty()
    assert CharDFA.of_string("") == CharDFA.epsilon()
    assert CharDFA.any().is_universal
    assert ~CharDFA.empty() == CharDFA.any()
    assert CharDFA.empty().repeat() == CharDFA.epsilon()
    assert CharDFA.of_chars([]) == CharDFA.empty()
    with pytest.raises(EmptyLanguage):
        CharDFA.empty().shortest()


def test_surrogates_are_no_characters() -> None:
    assert CharDFA.of_chars([(0, sys.maxunicode)]) == CharDFA.any().with_lengths(1, 1)
    assert CharDFA.of_chars([(0xD800, 0xDFFF)]).is_empty
    assert not CharDFA.any().matches("a\ud800")
    assert not (~CharDFA.of_string("x")).matches("\udfff")
    assert CharDFA.any().with_lengths(1, 1).count() == 0x110000 - 0x800
    with pytest.raises(GrammarError, match="surrogate U\\+D800"):
        CharDFA.of_strings(["ok", "\ud800"])


def test_characters_beyond_the_basic_plane() -> None:
    dfa = CharDFA.of_strings(["😀", "é", "é😀", "日本"])
    assert all(map(dfa.matches, ["😀", "é", "é😀", "日本"]))
    assert not dfa.matches("😀😀")
    assert dfa.count() == 4
    assert dfa.strings(2) == ["é", "😀"]


def test_a_large_word_list() -> None:
    words = [f"{i * 7919 % 100_003:x}-{i % 17}" for i in range(3_000)]
    dfa = CharDFA.of_strings(words)
    assert dfa.count() == len(set(words))
    assert set(dfa.strings(10_000)) == set(words)
    assert dfa == CharDFA.of_strings(reversed(words))


def test_budgets() -> None:
    a, one = CharDFA.of_string("a"), CharDFA.of_chars(cs.ANY)
    chinese = CharDFA.of_strings(map(chr, range(0x4E00, 0x9000)))
    for make in (
        lambda: CharDFA.any().with_lengths(0, 30_000),
        lambda: CharDFA.of_chars([(97, 98)]).repeat(0, 10**9),
        lambda: CharDFA.of_string("ab" * 300).repeat(0, 1_000),
        lambda: (CharDFA.any() + a) + one.repeat(18, 18),
        (one.repeat(18, 18) + a + CharDFA.any()).reversed,
        lambda: CharDFA.of_strings([f"{i * 7919 % 100_003:x}" for i in range(100)], budget=20),
        lambda: chinese.repeat(0, 400).intersection(CharDFA.any().with_lengths(0, 300), budget=100),
    ):
        with pytest.raises(BudgetExceeded) as caught:
            make()
        assert caught.value.hint


def test_impossible_counts() -> None:
    with pytest.raises(OptionError):
        CharDFA.any().repeat(3, 2)
    with pytest.raises(OptionError):
        CharDFA.any().with_lengths(-1)


@settings(max_examples=80, derandomize=True, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 300), st.integers(0, 300)), max_size=6),
    st.lists(st.tuples(st.integers(0, 300), st.integers(0, 300)), max_size=6),
)
def test_character_sets_are_sets(a: list[tuple[int, int]], b: list[tuple[int, int]]) -> None:
    def listed(ranges: object) -> set[int]:
        return {code for low, high in ranges for code in range(low, high + 1)}  # type: ignore[attr-defined]

    x, y = cs.normal(a), cs.normal(b)
    assert listed(x) == listed(a)
    assert all(p[1] + 1 < q[0] for p, q in itertools.pairwise(x))
    assert listed(cs.union(x, y)) == listed(x) | listed(y)
    assert listed(cs.intersect(x, y)) == listed(x) & listed(y)
    assert listed(cs.subtract(x, y)) == listed(x) - listed(y)
    assert cs.negate(cs.negate(x)) == x
    assert cs.size(x) == len(listed(x))
    assert all(cs.contains(x, code) == (code in listed(x)) for code in range(0, 301, 7))


def test_the_null_pattern_of_the_oracle_agrees() -> None:
    """One end-to-end comparison with `re`, so that this file does not rest on its own brute force alone."""
    a, b, c = (CharDFA.of_string(t) for t in "abc")
    dfa = ((a | b).repeat(1, None) + c.optional()).repeat(0, 2) & ~(CharDFA.any() + b + a)
    pattern = re.compile(r"(?!(?s:.*)ba\Z)(?:[ab]+c?){0,2}")
    assert texts(dfa) == {t for t in TEXTS if pattern.fullmatch(t)}
