"""Styles against `json.dumps`: the layout around the items of a container."""

import json
import re

import pytest

from structgen.errors import OptionError
from structgen.frontends.jsonschema.style import ANY, ANY_BLANK, BOUNDED_BLANK, COMPACT, DEFAULT, JsonStyle
from structgen.ir.expr import Leaf, Lit, Seq


def pattern(expr):
    """The expression as a regular expression over text."""
    if isinstance(expr, Lit):
        return re.escape(expr.data.decode())
    if expr is ANY_BLANK:
        return r"[ \t\n\r]*"
    if expr is BOUNDED_BLANK:
        return r"(?: |\r?\n[ \t]{0,20})?"
    assert isinstance(expr, Seq), expr
    return "".join(map(pattern, expr.parts))


def layout(style, value, depth=0):
    """A regular expression for the texts of a value (strings and numbers as `json.dumps` writes them)."""
    if not isinstance(value, dict | list):
        return re.escape(json.dumps(value))
    left, right = ("{", "}") if isinstance(value, dict) else ("[", "]")
    if not value:
        return re.escape(left) + pattern(style.empty_gap()) + re.escape(right)
    if isinstance(value, dict):
        items = [re.escape(json.dumps(k)) + pattern(style.colon()) + layout(style, v, depth + 1) for k, v in value.items()]
    else:
        items = [layout(style, v, depth + 1) for v in value]
    inside = pattern(style.item_gap(depth)).join(items)
    return re.escape(left) + pattern(style.open_gap(depth)) + inside + pattern(style.close_gap(depth)) + re.escape(right)


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
        assert re.fullmatch(layout(JsonStyle.of(style), value), text), (style, text)


@pytest.mark.parametrize("value", VALUES)
def test_exact_layouts_refuse_other_ones(value):
    for name, options in DUMPS.items():
        for other in ("compact", "indent=1", "indent=2"):
            text = json.dumps(value, **options)
            same = text == json.dumps(value, **DUMPS[other])
            assert bool(re.fullmatch(layout(JsonStyle.of(other), value), text)) is same, (name, other)


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
