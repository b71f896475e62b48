"""Styles against `json.dumps`: the layout around the items of a container."""

import json

import pytest

import structgen
from structgen.errors import OptionError
from structgen.frontends.jsonschema.style import ANY, ANY_BLANK, BOUNDED_BLANK, COMPACT, DEFAULT, JsonStyle
from structgen.ir.expr import Leaf, Lit
from structgen.ir.regular import CharDFA


def dfa(expr):
    """The expression as an automaton over text."""
    if isinstance(expr, Lit):
        return CharDFA.of_string(expr.data.decode())
    assert isinstance(expr, Leaf), expr
    return expr.dfa


def layout(style, value, depth=0):
    """The texts of a value (strings and numbers as `json.dumps` writes them)."""
    if not isinstance(value, dict | list):
        return CharDFA.of_string(json.dumps(value))
    opening, closing, empty = style.brackets(*"{}" if isinstance(value, dict) else "[]", depth)
    if not value:
        return dfa(empty)
    found = dfa(opening)
    for i, item in enumerate(value.items() if isinstance(value, dict) else value):
        found = found + dfa(style.item_gap(depth)) if i else found
        if isinstance(value, dict):
            found = found + CharDFA.of_string(json.dumps(item[0])) + dfa(style.colon())
        found = found + layout(style, item[1] if isinstance(value, dict) else item, depth + 1)
    return found + dfa(closing)


VALUES = [[], {}, [1], [1, [2, []], {}], {"a": {"b": [1, {"c": None}]}, "d": "x"}]
DUMPS = {
    "compact": {"separators": (",", ":")},
    "plain": {},
    **{f"indent={n}": {"indent": n} for n in range(5)},
}


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("name", DUMPS)
def test_layout_is_that_of_json_dumps(value, name):
    text = json.dumps(value, **DUMPS[name])
    for style in ("any", "default", name) if name != "plain" else ("any", "default"):
        assert layout(JsonStyle.of(style), value).matches(text), (style, text)


@pytest.mark.parametrize("value", VALUES)
def test_exact_layouts_refuse_other_ones(value):
    for name, options in DUMPS.items():
        for other in ("compact", "indent=1", "indent=2"):
            text = json.dumps(value, **options)
            same = text == json.dumps(value, **DUMPS[other])
            assert layout(JsonStyle.of(other), value).matches(text) is same, (name, other)


@pytest.mark.parametrize("text", ["", " ", "\n", "\n" + " " * 20, "\r\n\t\t", "\n \t "])
def test_bounded_blank_allows(text):
    assert BOUNDED_BLANK.dfa.matches(text)
    assert ANY_BLANK.dfa.matches(text)


@pytest.mark.parametrize("text", ["  ", "\t", "\n\n", " \n", "\n" + " " * 21, "\r", "x"])
def test_bounded_blank_refuses(text):
    assert not BOUNDED_BLANK.dfa.matches(text)
    assert ANY_BLANK.dfa.matches(text) is (text.strip(" \t\n\r") == "")


def test_gaps_are_shared_objects():
    two = JsonStyle.of("indent=2")
    assert two.item_gap(3) is JsonStyle("indent", 2).item_gap(3)
    assert two.item_gap(3).data == b",\n" + b" " * 8
    assert DEFAULT.item_gap(0) is DEFAULT.item_gap(7)
    assert DEFAULT.colon() is JsonStyle().colon()
    assert (two.level(5), DEFAULT.level(5)) == (5, 0)


def test_only_any_allows_blanks_around_the_document():
    assert isinstance(ANY.lead(), Leaf)
    assert all(style.lead() is style.trail() and style.lead().parts == () for style in (DEFAULT, COMPACT))


@pytest.mark.parametrize("value", ["", "Default", "indent=", "indent=-1", "indent=17", "indent=２", "compact=1", 2, None, True])
def test_of_refuses(value):
    with pytest.raises(OptionError) as caught:
        JsonStyle.of(value)
    assert "indent=N" in caught.value.hint
    assert caught.value.where == "style"


@pytest.mark.parametrize(
    "fields",
    [{"whitespace": "some"}, {"indent": -1}, {"digits": 0}, {"digits": True}, {"exponents": -1}, {"escapes": "no"}, {"integers": "all"}],
)
def test_impossible_fields_are_refused(fields):
    with pytest.raises(OptionError) as caught:
        JsonStyle(**fields)
    assert caught.value.where in fields


def test_of_reads_names_and_styles():
    assert JsonStyle.of("default") == JsonStyle.of(JsonStyle()) == DEFAULT
    assert JsonStyle.of("compact") == COMPACT
    assert JsonStyle.of("any") == ANY
    assert JsonStyle.of("indent") == JsonStyle.of("indent=2") == JsonStyle("indent")
    assert len({JsonStyle.of("indent=2"), JsonStyle.of("indent=4"), DEFAULT}) == 3


def test_escapes_hold_in_patterns_of_any_size():
    for pattern in ("^[ab]{1,30}c", "^[ab]{1,30000}c.{40}$"):
        compact, free = (structgen.json_schema({"type": "string", "pattern": pattern}, style=style) for style in ("compact", "default"))
        for text in ('"abc' + "x" * 40 + '"', '"abc' + "x" * 39 + '\\""'):
            assert compact.accepts(text)
        for text in ('"a\\u0062c' + "x" * 40 + '"', '"abc' + "x" * 39 + '\\u0078"'):
            assert free.accepts(text)
            assert not compact.accepts(text)
