"""Patterns against Python's `re`: random patterns, with look-around, anchors and flags, on all short texts; and real ones."""

from __future__ import annotations

import itertools
import re
import warnings

import interegular
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from structgen.errors import BudgetExceeded, EmptyLanguage, OptionError, RegexError, UnsupportedFeature
from structgen.frontends.regex import regex, regex_dfa

TEXTS = ["".join(t) for n in range(5) for t in itertools.product("ab \n", repeat=n)]

atoms = st.sampled_from(["a", "b", ".", "[ab]", "[^a]", r"\w", r"\s", r"\n", "", "ab", "(?:)", r"\W", "[^ ]", "(?i:A)", "(?s:.)"])
zero_width = st.sampled_from(["^", "$", r"\b", r"\B", r"\A", r"\Z", "(?m:^)", "(?m:$)"])
quantifiers = st.sampled_from(["*", "+", "?", "{2}", "{1,2}", "{,2}", "{2,}", "*?", "+?"])


def grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    grouped = inner.map("(?:{})".format)
    return st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(grouped, inner).map("".join),
        st.tuples(inner, inner).map("(?:{0[0]}|{0[1]})".format),
        st.tuples(grouped, quantifiers).map("".join),
        st.tuples(st.sampled_from(["(?={})", "(?!{})"]), inner).map(lambda t: t[0].format(t[1])),
    )


plain = st.recursive(
    atoms,
    lambda inner: st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner.map("(?:{})".format), quantifiers).map("".join),
        st.tuples(inner, inner).map("|".join).map("(?:{})".format),
    ),
    max_leaves=6,
)
behind = st.sampled_from(["a", "b", "ab", r"\b", "[ab]", "^", "a(?=b)", "a(?!b)", r".\b", "(?:a|b)", "(?!a)."])
looks = st.tuples(st.sampled_from(["(?<={})", "(?<!{})"]), behind).map(lambda t: t[0].format(t[1]))
conditional = st.recursive(st.one_of(atoms, zero_width, looks), grown, max_leaves=6)


def judge(pattern: str, texts: list[str]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            oracle = re.compile(pattern)
        except re.error:  # look-behinds of no fixed width: more than `re` can do, so nothing to compare with
            reject()
    whole, found = regex_dfa(pattern), regex_dfa(pattern, search=True)
    for text in texts:
        assert whole.matches(text) == bool(oracle.fullmatch(text)), (pattern, text)
        assert found.matches(text) == bool(oracle.search(text)), (pattern, text, "search")


@settings(max_examples=60, derandomize=True, deadline=None)
@given(plain)
def test_plain_patterns_match_as_re_does(pattern: str) -> None:
    judge(pattern, TEXTS)


@settings(max_examples=200, derandomize=True, deadline=None)
@given(conditional)
def test_conditions_match_as_re_does(pattern: str) -> None:
    judge(pattern, TEXTS)


@settings(max_examples=40, derandomize=True, deadline=None)
@given(
    st.recursive(
        st.sampled_from(["a", "b", ".", "[ab]", "[^a]"]),
        lambda inner: st.one_of(
            st.tuples(inner, inner).map("".join),
            st.tuples(inner.map("({})".format), st.sampled_from(["*", "+", "?", "{2}"])).map("".join),
            st.tuples(inner, inner).map("({0[0]}|{0[1]})".format),
        ),
        max_leaves=6,
    )
)
def test_the_size_agrees_with_interegular(pattern: str) -> None:
    theirs = interegular.parse_pattern(pattern).to_fsm().reduce()
    dfa = regex_dfa(pattern)
    live = sum(theirs.islive(state) for state in theirs.states)
    assert live == (0 if dfa.is_empty else len(dfa.rows))  # both are minimal
    for text in dfa.strings(20):
        assert theirs.accepts(text)


NASTY = [
    r"(?=.*a)(?=.*b).{2,4}",
    r"(a(?!b)|b)*",
    r"(?:(?=ab)a|b)*b?",
    r"a$\n?",
    r"(?:a$\n?)+",
    r"(?m)^a$",
    r"(?<=\ba)b",
    r"(?=a\b)a.",
    r"(?:(?<=a(?=b))b|a| )*",
    r"(?!(?<=a)b|^ ).(?:(?<!b(?! ))a| )*",
    r"(?:^|a)b(?:$| )",
    r"^(?!.*ab).*$",
    r"\B",
    r"(?s).\B.",
    r"((?=a)|b)*",
    r"(^a|b)+",
    r"(a|$)*",
    r"(?=a*$)+.",
    r"(?!(?!(?!a)))b?a",
    r"(?=(?=(?<!a)b)b)b|a(?!(?=b)(?!bb))b*",
    r"(?x) a b # comment" "\n b",
    r"(?i)A[B-C]",
    r"(?im:^B)|(?-i:A)",
    r"(?a:\w)\W",
    r"^a|b$|^$",
    r"(?:\ba\b ?)+",
    r"(?<![ab])a(?![ab])",
    r"(?:(?<=^)a|(?<=^a)b|(?<=ab)a)+",
    r"[]a]|[^]b]",
    r"[a-]|[\]b]",
    r"(?P<x>a)(?#note)b",
    r"a{,1}b{1,}",
    r"a{b|a{,b|{x",
    r"\x61\u0062|\N{SPACE}|\141|\07",
]


@pytest.mark.parametrize("pattern", NASTY)
def test_nasty_patterns(pattern: str) -> None:
    judge(pattern, [*TEXTS, "{2}", "a{b", "a{,b", "]", "-", "é ", "aé", "ab\nb", "bbb "])


REAL = [
    (r"^[a-zA-Z0-9._%+-]+@[a-zA-Z0-9.-]+\.[a-zA-Z]{2,}$", ["a@b.co", "a@b", "@b.co", "a.b+c@d-e.fg.hij"]),
    (r"^(?=.*[A-Z])(?=.*[a-z])(?=.*\d)(?=.*[^\w\s]).{8,16}$", ["Passw0rd!", "password", "Aa1!Aa1!", "Aa1!Aa1", "Aa1!" * 5]),
    (r"^(?!000|666)[0-8]\d{2}-(?!00)\d{2}-(?!0000)\d{4}$", ["123-45-6789", "000-45-6789", "123-00-6789", "666-12-1234", "899-01-0001"]),
    (r"^((25[0-5]|2[0-4]\d|1?\d?\d)(\.(?!$)|$)){4}$", ["1.2.3.4", "256.1.1.1", "1.2.3", "255.255.255.255", "1.2.3.4."]),
    (r"^(?:(?:31(\/|-|\.)(?:0?[13578]|1[02])))$", ["31/1", "31-12", "31.11"]),
    (r"^#?([a-f0-9]{6}|[a-f0-9]{3})$", ["#fff", "abc123", "#abcd"]),
    (r"\bfoo\b|^bar", ["a foo b", "food", "bar", " bar", "foo"]),
    (r"^[^\\\/:*?\"<>|\r\n]+$", ["ok.txt", "a/b", "a\\b", "x y"]),
    (r"^\S(.*\S)?$", ["a", " a", "a b", "a "]),
    (r"^v?\d+\.\d+\.\d+(?:-[\w.-]+)?(?:\+[\w.]+)?$", ["1.2.3", "v1.2.3-rc.1+b", "1.2"]),
]


@pytest.mark.parametrize(("pattern", "texts"), REAL)
@pytest.mark.parametrize("syntax", ["python", "ecma"])
def test_real_patterns(pattern: str, texts: list[str], syntax: str) -> None:
    dfa = regex_dfa(pattern, syntax=syntax, search=True)
    for text in texts:
        assert dfa.matches(text) == bool(re.search(pattern, text))
    for text in dfa.strings(30):
        assert re.search(pattern, text)
    if syntax == "python":
        assert dfa.matches(texts[0] + "\n") == bool(re.search(pattern, texts[0] + "\n"))


ECMA = [
    (r"^a$", ["a"], ["a\n", "ba"]),
    (r"^.$", ["a", "\x85", "😀"], ["\n", "\r", "\u2028", "\u2029"]),
    (r"^\s$", ["\ufeff", "\u2003", "\t", "\u2028"], ["\x85", "\x1c", "a"]),
    (r"^\w\d$", ["a1", "_9"], ["é1", "a٣"]),
    (r"^[]$", [], ["", "]"]),
    (r"^[^]$", ["\n", "x"], ["", "xx"]),
    (r"^[\w-.]$", ["a", "-", "."], ["+"]),
    (r"^[+--]$", ["+", ",", "-"], ["."]),
    (r"^\/\-\@\_\!$", ["/-@_!"], []),
    (r"^\u{1F600}\uD83D\uDE00\x41\cJ\0$", ["😀😀A\n\0"], []),
    (r"^[\uD83D\uDE00-\uD83D\uDE02]$", ["😀", "😁"], ["😃"]),
    (r"^a{,2}$", ["a{,2}"], ["a", "aa"]),
    (r"^{a}]x{$", ["{a}]x{"], []),
    (r"^(?<year>\d{4})$", ["2024"], ["24"]),
    (r"^\p{Lu}\P{L}\p{Script_Extensions=Greek}?$", [], []),
    (r"^\p{Lu}\P{L}\p{Letter}\p{gc=Nd}$", ["É1ß٣"], ["é1ß٣", "Éaß٣"]),
    (r"^[\b]$", ["\b"], ["b"]),
    (r"(?=a)?b", ["b", "ab"], ["a"]),
    (r"^(?i:straSSe)$", ["STRASSE", "strasse", "ſtrasse"], ["straße"]),
    (r"\ba\b", ["a", "é a", "éa"], ["ba"]),
    ("^\\*$", ["*"], [""]),
    ("", ["", "anything"], []),
    ("|a", ["", "b"], []),
]


@pytest.mark.parametrize(("pattern", "good", "bad"), ECMA)
def test_ecma(pattern: str, good: list[str], bad: list[str]) -> None:
    if "Script" in pattern:
        with pytest.raises(UnsupportedFeature, match="Script"):
            regex_dfa(pattern, syntax="ecma", search=True)
        return
    dfa = regex_dfa(pattern, syntax="ecma", search=True)
    assert [t for t in good if not dfa.matches(t)] == []
    assert [t for t in bad if dfa.matches(t)] == []


WRONG = [
    ("python", "a(b", 1, "never closed"),
    ("python", "ab)", 2, "closes nothing"),
    ("python", "[ab", 0, "never closed"),
    ("python", "*a", 0, "nothing to repeat"),
    ("python", "a**", 2, "two quantifiers"),
    ("python", "^*", 1, "nothing to repeat"),
    ("python", "a|+", 2, "nothing to repeat"),
    ("python", "x{3,1}", 1, "impossible"),
    ("python", "a[z-a]", 2, "backwards"),
    ("python", r"[\d-z]", 1, "no range"),
    ("python", "ab\\", 2, "escapes nothing"),
    ("python", r"\q", 0, "no escape"),
    ("python", r"\x1", 0, "hexadecimal"),
    ("python", r"\N{NO SUCH}", 0, "no character named"),
    ("python", r"a(?i)b", 1, "start"),
    ("python", r"(?P<1a>b)", 0, "identifier"),
    ("python", r"(?P<a>b)(?P<a>b)", 8, "two groups"),
    ("python", r"(?z)", 0, "unknown extension"),
    ("python", r"(?<n>a)", 0, "unknown extension"),
    ("ecma", r"a\Z", 1, "no escape"),
    ("ecma", r"\01", 0, "octal"),
    ("ecma", r"\u{110000}", 0, "beyond"),
    ("ecma", r"\c1", 0, "letter"),
    ("ecma", r"a++", 2, "two quantifiers"),
    ("ecma", r"(?P<n>a)", 0, "unknown extension"),
]


@pytest.mark.parametrize(("syntax", "pattern", "offset", "why"), WRONG)
def test_mistakes_are_located(syntax: str, pattern: str, offset: int, why: str) -> None:
    with pytest.raises(RegexError, match=why) as caught:
        regex_dfa(pattern, syntax=syntax)  # type: ignore[arg-type]
    assert caught.value.where is not None
    assert caught.value.where.offset == offset  # type: ignore[union-attr]
    assert "^" in str(caught.value)


@pytest.mark.parametrize("pattern", [r"(a)\1", r"(?P<x>a)(?P=x)", "a++", "(?>a)", "(a)?(?(1)b|c)", r"\p{Klingon}"])
def test_what_is_not_regular_is_refused(pattern: str) -> None:
    with pytest.raises(UnsupportedFeature) as caught:
        regex_dfa(pattern)
    assert caught.value.hint


def test_limits() -> None:
    with pytest.raises(BudgetExceeded, match="nested"):
        regex_dfa("(" * 10_000 + "a" + ")" * 10_000)
    assert regex_dfa("(" * 45 + "a" + ")*" * 45).matches("aaa")
    deep = "(?:x(?!q)b?|z" * 45 + ")+y" * 45
    assert regex_dfa(deep).matches("z" * 45 + "y" * 45)
    assert regex_dfa("(?:" * 45 + r"\ba)*" + ")*" * 44).matches("a")
    with pytest.raises(BudgetExceeded):
        regex_dfa(".*a.{20}")
    with pytest.raises(BudgetExceeded):
        regex_dfa("(?:a(?=.*b.{20}))*")
    with pytest.raises(BudgetExceeded):
        regex_dfa("a{9999999999999}")
    with pytest.raises(OptionError, match="syntax"):
        regex_dfa("a", syntax="perl")  # type: ignore[arg-type]
    with pytest.raises(EmptyLanguage):
        regex("a(?!)")
    with pytest.raises(RegexError):
        regex_dfa(b"a")  # type: ignore[arg-type]


def test_the_value_is_remembered() -> None:
    assert regex_dfa("[a-f]+") is regex_dfa("[a-f]+")
    assert regex("[a-f]+").regular == regex_dfa("[a-f]+")
    assert regex("[a-f]+").source == "[a-f]+"
