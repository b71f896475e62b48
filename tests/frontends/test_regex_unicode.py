"""Classes of characters against Python itself, over every code point."""

from __future__ import annotations

import re
import sys
import unicodedata

import pytest

from structgen.frontends.regex import regex_dfa
from structgen.frontends.regex import unicode as uni
from structgen.frontends.regex.nodes import Chars
from structgen.frontends.regex.parse import parse
from structgen.ir import chars as cs

SCALARS = [chr(code) for code in range(sys.maxunicode + 1) if not 0xD800 <= code <= 0xDFFF]


def listed(chars: cs.CharSet) -> str:
    return "".join(chr(code) for low, high in chars for code in range(low, high + 1))


@pytest.mark.parametrize("pattern", [r"\w", r"\d", r"\s", r"\W", r"[^\s\d]", r"(?a)\w", r"(?a)\S", ".", r"[^\W\d_]"])
def test_shorthands_are_those_of_re(pattern: str) -> None:
    node = parse(pattern)
    assert isinstance(node, Chars)
    assert listed(node.chars) == "".join(re.findall(pattern, "".join(SCALARS)))


@pytest.mark.parametrize(
    "pattern",
    [
        "k",
        "S",
        "[a-z]",
        "[^a-z]",
        "ß",
        "ı",
        "i",
        "İ",
        "µ",
        "[α-ω]",
        "[^k]",
        "ﬅ",
        "[А-я]",
        r"[\wſ]",
        r"[\W_]",
        "ǆ",
        "[\U00010400-\U00010410]",
        "ͅ",
        "-",
        "[!-~]",
    ],
)
@pytest.mark.parametrize("flags", ["i", "ia"])
def test_case_is_ignored_as_re_does(pattern: str, flags: str) -> None:
    if flags == "ia" and "\U00010400" in pattern:
        pytest.skip("beyond U+FFFF, re folds the case of ranges even under the a flag, against its documentation")
    pattern = f"(?{flags}){pattern}"
    node = parse(pattern)
    assert isinstance(node, Chars)
    assert listed(node.chars) == "".join(re.findall(pattern, "".join(SCALARS)))


def test_categories_are_those_of_unicodedata() -> None:
    by_category: dict[str, list[str]] = {}
    for char in SCALARS:
        by_category.setdefault(unicodedata.category(char), []).append(char)
    for name, chars in by_category.items():
        assert listed(uni.category(name)) == "".join(chars), name
    assert uni.category("L") == cs.union(*(uni.category(name) for name in by_category if name[0] == "L"))
    assert uni.category("Cs") == cs.NONE
    assert set(by_category) | {"Cs"} == {name for name in uni.CATEGORY_NAMES.values() if len(name) == 2 and name != "LC"}


@pytest.mark.parametrize(
    ("name", "test"),
    [
        ("Uppercase", str.isupper),
        ("Lowercase", str.islower),
        ("White_Space", lambda c: c.isspace() and c not in "\x1c\x1d\x1e\x1f"),
        ("ASCII", str.isascii),
    ],
)
def test_binary_properties(name: str, test: object) -> None:
    found = uni.property_set(name)
    assert found is not None
    assert listed(found) == "".join(filter(test, SCALARS))  # type: ignore[arg-type]


def test_names_of_properties() -> None:
    for name, same in (
        ("Letter", "L"),
        ("gc=Lu", "Lu"),
        ("General_Category=Decimal_Number", "Nd"),
        ("LC", "Cased_Letter"),
        ("XIDS", "XID_Start"),
    ):
        assert uni.property_set(name) == uni.property_set(same)
    for name in ("lu", "Foo", "gc=Foo", "=L", "", "sc=Foo"):
        assert uni.property_set(name) is None


def test_properties_in_patterns() -> None:
    dfa = regex_dfa(r"^[\p{Lu}\d][\P{L}x]\p{Any}$", syntax="ecma", search=True)
    assert dfa.matches("É-é")
    assert dfa.matches("7xx")
    assert not dfa.matches("éxx")
    assert not dfa.matches("Éax")
    assert regex_dfa(r"\p{^Lu}") == regex_dfa(r"\P{Lu}")


def test_case_is_folded_as_ecma_does() -> None:
    """One character at a time, and only where Unicode says so for every language: full folding groups the same single characters."""
    for text, also in [("I", "i"), ("i", "I"), ("K", "k\u212a"), ("s", "S\u017f"), ("\u00df", "\u1e9e"), ("\u03a3", "\u03c3\u03c2"),
                       ("\u0130", ""), ("\u0131", ""), ("\u01c5", "\u01c4\u01c6"), ("\u1f88", "\u1f80"), ("\uab70", "\u13a0")]:  # fmt: skip
        found = uni.fold_case(cs.of_text(text))
        assert found == cs.of_text(text + also), text
        assert {chr(c).casefold() for low, high in found for c in range(low, high + 1)} == {text.casefold()}
    dfa = regex_dfa("^(?i:I)$", syntax="ecma")
    assert [dfa.matches(one) for one in "iI\u0131\u0130"] == [True, True, False, False]
