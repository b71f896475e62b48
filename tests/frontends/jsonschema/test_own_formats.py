"""Formats that a caller brings: regular expressions and grammars, alone and beside other conditions."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

import structgen as sg
from structgen.errors import EmptyLanguage, OptionError, UnsupportedFeature

LISTS = 'start: "[" (item ("," item)*)? "]"\nitem: /[a-z]+/ | start\n'


def accepts(schema: Any, value: Any, formats: Any, **options: Any) -> bool:
    try:
        return sg.json_schema(schema, formats=formats, style="any", **options).accepts(json.dumps(value))
    except EmptyLanguage:
        return False


def test_a_regular_expression_is_for_the_whole_string() -> None:
    formats = {"sku": "[A-Z]{3}-[0-9]{4}|none"}
    schema = {"properties": {"id": {"type": "string", "format": "sku"}}}
    for text in ("ABC-1234", "none", "xABC-1234", "ABC-1234x", "none\n", "", "ABC-123"):
        assert accepts(schema, {"id": text}, formats) is (re.fullmatch(formats["sku"], text) is not None), text
    assert accepts(schema, {"id": 'x"'}, "assert")  # nobody knows the format
    assert accepts({"format": "sku"}, 3, formats)


def test_built_in_formats_stay_and_can_be_replaced() -> None:
    assert not accepts({"format": "date"}, "x", {"sku": "a"})
    assert accepts({"format": "date"}, "x", {"date": "x"})
    assert not accepts({"format": "date"}, "2024-01-01", {"date": sg.regex("x")})


@pytest.mark.parametrize("what", ["[a-c]{2,4}", sg.regex("[a-c]{2,4}"), sg.regex("[a-c]{2,4}").language])
def test_regular_formats_beside_other_conditions(what: Any) -> None:
    formats = {"abc": what}
    for text in ("", "a", "ab", "abc", "abca", "abcab", "abd", "bb"):
        own = re.fullmatch("[a-c]{2,4}", text) is not None
        assert accepts({"type": "string", "format": "abc", "pattern": "b", "maxLength": 3}, text, formats) is (
            own and "b" in text and len(text) <= 3
        )
        assert accepts({"not": {"format": "abc"}}, text, formats) is not own
        assert accepts({"oneOf": [{"format": "abc"}, {"pattern": "^a"}]}, text, formats) is (own != text.startswith("a"))
        assert accepts({"enum": ["ab", "abd", text], "format": "abc"}, text, formats) is own
        assert accepts({"type": "object", "propertyNames": {"format": "abc"}}, {text: 1}, formats) is own


def test_the_same_name_means_different_things_in_different_calls() -> None:
    assert accepts({"format": "x", "minLength": 1}, "a", {"x": "a"})
    assert not accepts({"format": "x", "minLength": 1}, "a", {"x": "b"})
    assert accepts({"format": "x", "minLength": 1}, "a", "assert")


def test_a_grammar_stands_in_a_string_with_its_characters_escaped() -> None:
    quoted = sg.lark('start: "\\"" (/[a-zé\\n]/ | start)* "\\""\n')
    assert quoted.language.regular is None
    grammar = sg.json_schema({"properties": {"q": {"type": "string", "format": "quoted"}}}, formats={"quoted": quoted}, style="any")
    for text in ('""', '"a"', '"a""b""', '"é\n"', '"', 'a"b"', '"A"'):
        for ascii_only in (True, False):
            assert grammar.accepts(json.dumps({"q": text}, ensure_ascii=ascii_only)) is quoted.accepts(text), text
    assert grammar.accepts('{"q": "\\u0022\\u0061\\""}')
    assert not grammar.accepts('{"q": "\\"')


def test_a_grammar_alone_and_in_constants() -> None:
    formats = {"lists": sg.lark(LISTS)}
    schema = {"type": "array", "items": {"type": "string", "format": "lists"}}
    for text in ("[]", "[a,[b,[]]]", "[a", "[A]", "[a,]"):
        assert accepts(schema, [text], formats) is formats["lists"].accepts(text), text
    assert accepts({"format": "lists", "enum": ["[a]", "[a"]}, "[a]", formats)
    assert not accepts({"format": "lists", "enum": ["[a]", "[a"]}, "[a", formats)
    assert accepts({"not": {"format": "lists"}, "enum": ["[a]", "[a"]}, "[a", formats)
    assert accepts({"contains": {"format": "lists"}, "type": "array"}, ["x", "[a]"], formats)
    assert not accepts({"contains": {"format": "lists", "type": "string"}, "type": "array"}, ["x", "[a"], formats)
    assert accepts({"anyOf": [{"format": "lists"}, {"type": "null"}]}, None, formats)


@pytest.mark.parametrize(
    ("schema", "where"),
    [
        ({"properties": {"a": {"format": "lists", "maxLength": 5}}}, "/properties/a/format"),
        ({"properties": {"a": {"format": "lists", "pattern": "a"}}}, "/properties/a/format"),
        ({"items": {"allOf": [{"format": "lists"}, {"format": "date"}]}}, "/items/allOf/0/format"),
        ({"not": {"format": "lists"}}, "/not/format"),
        ({"oneOf": [{"format": "lists"}, {"minLength": 1}]}, "/oneOf/0/format"),
        (
            {"properties": {"a": {"contains": {"format": "lists"}, "maxContains": 2}}},
            "/properties/a/contains/format",
        ),
    ],
)
def test_a_grammar_beside_other_conditions_is_refused(schema: Any, where: str) -> None:
    with pytest.raises(UnsupportedFeature) as caught:
        sg.json_schema(schema, formats={"lists": sg.lark(LISTS)})
    assert where in str(caught.value)
    assert "'lists'" in str(caught.value)
    relaxed = sg.json_schema(schema, formats={"lists": sg.lark(LISTS)}, relax=True)
    assert (where, "relaxed") in [(one.where, one.verdict) for one in relaxed.report.findings]


@pytest.mark.parametrize(
    ("formats", "error", "why"),
    [
        ({"x": "("}, OptionError, "'x' is not a regular expression"),
        ({"x": "a)(b"}, OptionError, "'x' is not a regular expression"),
        ({"x": "(a)\\1"}, UnsupportedFeature, "'x'"),
        ({"x": 3}, OptionError, "'x' is a int"),
        ({3: "a"}, OptionError, "names of formats"),
        ({"x": sg.json_schema({"type": "array"})}, UnsupportedFeature, "'x'"),
        ("check", OptionError, "formats is"),
    ],
)
def test_errors_name_the_format(formats: Any, error: type[Exception], why: str) -> None:
    with pytest.raises(error, match=re.escape(why)) as caught:
        sg.json_schema({}, formats=formats)
    assert "formats" in str(caught.value.where)  # type: ignore[attr-defined]
    assert caught.value.hint or error is UnsupportedFeature  # type: ignore[attr-defined]
