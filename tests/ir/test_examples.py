"""Random texts: each is in the language (the automaton and an outside judge say so), differs from the others, and comes without delay."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import lark as theirs
import pytest

import structgen as sg
from structgen.bench.cases import read_cases
from structgen.constraint.grammar import Grammar
from structgen.errors import BudgetExceeded, EmptyLanguage, OptionError, UnsupportedFeature
from structgen.frontends.library import grammar_names, grammar_text
from structgen.ir.encoding import BYTES, JSON
from structgen.ir.examples import texts
from structgen.ir.expr import NEVER, Alt, Expr, Leaf, Lit, Minus, Net, Repeat, Rule, Seq, Special, Strings, alt, repeat, seq
from structgen.ir.expr_match import has_beginning
from structgen.ir.language import Language
from structgen.ir.regular import CharDFA

MASKBENCH = Path(__file__).resolve().parents[3] / "shared" / "data" / "maskbench" / "maskbench_dev.jsonl.xz"
TREE: dict[str, Any] = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "minLength": 2},
        "size": {"type": "number", "exclusiveMinimum": 0, "multipleOf": 0.5},
        "kind": {"enum": ["a", "b", None, 3]},
        "children": {"type": "array", "items": {"$ref": "#"}, "maxItems": 3},
    },
    "required": ["name"],
    "additionalProperties": {"type": "boolean"},
}
SCHEMAS: dict[str, Any] = {
    "anything": True,
    "tree": TREE,
    "must nest": {"type": "array", "minItems": 2, "items": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}},
    "prefix": {
        "prefixItems": [{"type": "integer"}, {"const": {"a": [1, "x"]}}],
        "items": {"type": "string"},
        "minItems": 2,
        "type": "array",
    },
    "logic": {"type": "integer", "not": {"multipleOf": 3}, "minimum": 10},
    "pattern": {"type": "string", "pattern": "^(aa|bbb)+$", "minLength": 7, "maxLength": 30},
    "keys": {"type": "object", "patternProperties": {"^x-": {"type": "integer"}}, "additionalProperties": False, "minProperties": 1},
    "contains": {"type": "array", "contains": {"const": 7}, "minContains": 2, "items": {"type": "integer"}},
    "format": {"type": "string", "format": "date"},
}


def exact(digits: str) -> int | float:
    """Whole numbers as such, however they are written: floats would round them."""
    value = Decimal(digits)
    return int(value) if value == value.to_integral_value() else float(value)


@pytest.mark.parametrize("style", ["default", "compact", "indent=2", "any"])
@pytest.mark.parametrize("name", SCHEMAS)
def test_of_schemas_are_valid(name: str, style: str) -> None:
    grammar = sg.json_schema(SCHEMAS[name], style=style)
    judge = jsonschema.Draft202012Validator(SCHEMAS[name], format_checker=jsonschema.FormatChecker())
    found = grammar.examples(25, seed=len(name))
    assert len(set(found)) == 25
    for text in found:
        assert grammar.accepts(text), text
        judge.validate(json.loads(text, parse_float=exact))


def test_in_any_order() -> None:
    grammar = sg.json_schema(TREE, order="any")
    found = grammar.examples(40, seed=2)
    assert all(map(grammar.accepts, found))
    assert {next(iter(json.loads(text))) for text in found} >= {"name", "size"}


@pytest.mark.parametrize("pattern", [r"[a-z]+@[a-z]+\.(com|org)", r"\d{3}-\d{4}", r"(?=.*\d)\w{4,8}", ".*", r"(?:ab|c)*", "x?", r"[α-ω]+"])
def test_of_patterns_match(pattern: str) -> None:
    grammar = sg.regex(pattern)
    for text in grammar.examples(20, seed=3):
        assert re.fullmatch(pattern, text), text
        assert grammar.accepts(text)


@pytest.mark.parametrize("name", grammar_names())
def test_of_grammars_parse(name: str) -> None:
    text = grammar_text(name)
    grammar = sg.lark(text)
    judge = theirs.Lark(text, parser="earley", lexer="dynamic_complete")
    for sentence in grammar.examples(12, seed=4, max_length=60):
        assert grammar.accepts(sentence), sentence
        judge.parse(sentence)


def test_of_types_are_decoded() -> None:
    found = sg.python_type(dict[str, int]).examples(10, seed=5, values=True)
    assert all(isinstance(one, dict) and all(type(v) is int for v in one.values()) for one in found)


def test_a_finite_language_is_exhausted_and_then_repeats() -> None:
    assert sorted(sg.choice(["a", "b", "cc"]).examples(3, seed=0)) == ["a", "b", "cc"]
    assert sorted(set(sg.choice(["a", "b", "cc"]).examples(7, seed=0))) == ["a", "b", "cc"]
    assert len(sg.json_schema({"enum": list(range(300))}, style="compact").examples(300, seed=0)) == 300


def test_seeds() -> None:
    grammar = sg.json_schema(TREE)
    assert grammar.examples(5, seed=7) == grammar.examples(5, seed=7) != grammar.examples(5, seed=8)


def test_sizes_and_characters_vary() -> None:
    found = sg.json_schema({"type": "string"}).examples(300, seed=0)
    sizes = {len(json.loads(text)) for text in found}
    assert sizes >= {0, 1, 5, 10}
    joined = "".join(found)
    assert "\\u" in joined
    assert "\\n" in joined
    assert any(ord(c) > 0xFFFF for c in joined)
    assert sum(c.isascii() and c.isalnum() for c in joined) > len(joined) / 2
    numbers = [abs(v) for v in sg.json_schema({"type": "integer"}).examples(100, seed=0, values=True)]
    assert min(numbers) < 10 < 10_000 < max(numbers)


def test_sentences_are_no_longer_than_asked() -> None:
    for text in sg.json_schema(True).examples(50, seed=1, max_length=30):
        assert len(text) <= 30
    with pytest.raises(BudgetExceeded, match="at most 30 characters"):
        sg.json_schema({"type": "string", "minLength": 10**9}).examples(1, max_length=30)
    assert len(sg.json_schema({"type": "string", "minLength": 5000}).examples(1)[0]) > 5000


def test_huge_and_infinite_families_are_only_touched() -> None:
    @cache
    def value(depth: int) -> Rule:
        return Rule(lambda: alt([seq(Lit(b"("), value(depth + 1), value(depth + 2), Lit(b")")), Lit(b"%d" % depth)]), f"value {depth}")

    assert len(texts(value(0), 50, seed=0)) == 50
    assert all(len(text) % 2 == 0 for text in sg.regex("ab").repeat(0, 10**6).examples(5, seed=1))
    assert len(sg.json_schema({"type": "array", "maxItems": 10**6, "items": {"const": 1}}).examples(5, seed=1)) == 5
    wide = {"properties": {f"k{i}": {"type": "integer"} for i in range(200)}, "required": ["k7", "k150"], "type": "object"}
    assert all({"k7", "k150"} <= set(v) for v in sg.json_schema(wide, order="any").examples(4, seed=1, values=True))


def test_keys_come_once() -> None:
    """Also those that a schema does not declare: what follows a key depends on it."""
    schemas: list[dict[str, Any]] = [
        {"type": "object", "minProperties": 3},
        {"type": "object", "patternProperties": {"^[ab]{1,2}$": True}, "additionalProperties": False, "minProperties": 4},
        {"type": "object", "properties": {"a": {}, "b": {}}, "required": ["a", "b", "c"], "propertyNames": {"pattern": "^[a-d]{1,2}$"}},
    ]
    for schema in schemas:
        for order in ("schema", "any"):
            grammar = sg.json_schema(schema, order=order)  # type: ignore[arg-type]
            for text in grammar.examples(20, seed=9):
                assert grammar.accepts(text), text
                json.loads(text, object_pairs_hook=distinct)


def distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


def test_special_tokens_are_avoided_or_refused() -> None:
    assert texts(alt([Special("<tool>"), Lit(b"x")]), 3, seed=0) == ["x"] * 3
    call = Rule(lambda: seq(Lit(b"a"), Special("<tool>")), "call")
    with pytest.raises(UnsupportedFeature, match="special token"):
        texts(call, 1, seed=0)


def test_nothing_to_say() -> None:
    with pytest.raises(EmptyLanguage):
        texts(Rule(lambda: NEVER), 1)
    with pytest.raises(OptionError):
        sg.regex("a").examples(-1)
    with pytest.raises(BudgetExceeded):
        sg.choice([b"\xff"]).examples(1)
    assert sg.regex("a").examples(0) == []


WORD = Leaf(CharDFA.of_chars([(97, 99)]).repeat(1, None))
NETS: list[Callable[[], Expr]] = [
    lambda: Net(3, [(0, WORD, 1), (1, None, 0), (1, Lit(b"!"), 2)], (2,)),
    lambda: Net(2, [(0, Lit(b"a"), 0), (0, Lit(b"b"), 1), (1, Lit(b"c"), 1)], (0, 1)),
    lambda: Seq((Strings([b"x", b"yy"]), repeat(WORD, 2, 5), Repeat(Alt((Lit(b"-"), Seq(()))), 3, 3))),
    lambda: Minus(Leaf(CharDFA.any(), JSON["any"]), alt([Lit(b'"a"'), Strings([b'""', b'"b"'])])),
    lambda: Leaf(CharDFA.of_strings(["ab", "c"]).repeat(), low=3, high=3),
]


@pytest.mark.parametrize("number", range(len(NETS)))
def test_of_expressions(number: int) -> None:
    expr = NETS[number]()
    grammar = Grammar(Language(expr))
    found = texts(expr, 30, seed=number)
    assert all(map(grammar.accepts, found))


def test_finite_sets_are_recognised() -> None:
    lit = Lit(b'"ab"', [(1, 2, Leaf(CharDFA.of_strings(["\\u0061"]), BYTES))])
    taken = alt([lit, Rule(lambda: Strings([b'"c"']))])
    assert has_beginning(taken, b'"ab"')
    assert has_beginning(taken, b'"\\u0061b"')
    assert has_beginning(taken, b'"c"')
    assert not has_beginning(taken, b'"a"')
    assert not has_beginning(taken, b'"ab')
    with pytest.raises(TypeError):
        has_beginning(WORD, b"a")


@pytest.mark.slow
def test_of_real_schemas_are_valid() -> None:
    """For every schema of the sample that is compiled, the judge (the right draft, formats checked) calls all texts valid."""
    if not MASKBENCH.is_file():
        pytest.skip("the folder ../shared/data is not here")
    count = 0
    for case in read_cases(MASKBENCH):
        try:
            grammar = sg.json_schema(case.schema)
            found = grammar.examples(3, seed=count)
        except (EmptyLanguage, UnsupportedFeature):
            continue
        schema = json.loads(case.schema)
        draft = jsonschema.validators.validator_for(schema, default=jsonschema.Draft202012Validator)
        judge = draft(schema, format_checker=draft.FORMAT_CHECKER)
        for text in found:
            assert grammar.accepts(text), (case.id, text)
            assert judge.is_valid(json.loads(text, parse_float=exact)), (case.id, text)
        count += 1
    assert count > 480
