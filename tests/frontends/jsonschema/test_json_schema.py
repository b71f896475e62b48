"""What a schema means, judged by hand-made examples: the failures that users of other engines reported, keyword by keyword."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from structgen.automata.machine import ByteAutomaton
from structgen.errors import OptionError, SchemaError, UnsupportedFeature
from structgen.frontends.jsonschema import json_schema
from structgen.ir.expr import Rule

sys.path.insert(0, str(Path(__file__).parents[2] / "reference"))
from recognize import accepts

S, INT = {"type": "string"}, {"type": "integer"}
DRAFT4, DRAFT7 = ({"$schema": f"http://json-schema.org/draft-0{n}/schema#"} for n in (4, 7))


def obj(properties: dict[str, Any], required: list[str] | None = None, **more: Any) -> dict[str, Any]:
    """An object schema; all properties are required unless listed."""
    return {"type": "object", "properties": properties, "required": list(properties) if required is None else required, **more}


TREE = {"$defs": {"n": obj({"c": {"type": "array", "items": {"$ref": "#/$defs/n"}}}, additionalProperties=False)}, "$ref": "#/$defs/n"}

CASES: list[tuple[str, Any, list[str], list[str]]] = [
    ("lengths", {**S, "minLength": 2, "maxLength": 3}, ['"ab"', '"abc"'], ['"a"', '"abcd"']),
    ("an escape is one character", {**S, "maxLength": 2}, [r'"\n\""', r'"a\\"'], [r'"\n\n\n"']),
    ("escapes stay possible under a bound", {**S, "maxLength": 50}, [r'"say \"hi\"\n"'], []),
    ("lengths count code points", {**S, "maxLength": 2}, ['"é日"', r'"\ud83d\ude00b"'], ['"é日é"']),
    ("pattern and length", {**S, "pattern": "^[a-z]+$", "maxLength": 3}, ['"ab"'], ['"abcd"', '"A"']),
    ("pattern searches", {**S, "pattern": "b+"}, ['"abc"', '"b"'], ['"ac"']),
    ("pattern looks ahead", {**S, "pattern": "^(?!x)[a-z]+$"}, ['"ab"'], ['"xb"']),
    ("pattern and format", {**S, "pattern": "^2", "format": "date"}, ['"2024-01-31"'], ['"1999-01-31"', '"2x"']),
    ("pattern that JSON escapes", {**S, "pattern": '^a"b$'}, [r'"a\"b"'], ['"ab"']),
    ("unknown formats are comments", {**S, "format": "color"}, ['"red"'], []),
    ("any legal escape", S, [r'"\u0041"', r'"\ud83d\ude00"'], [r'"\u00"', '"a\nb"']),
    ("integer range", {**INT, "minimum": 3, "maximum": 120}, ["3", "99", "120"], ["2", "121", "1000"]),
    ("exclusive bounds", {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}, ["0.5"], ["0", "1"]),
    ("multiples are decimal", {"type": "number", "multipleOf": 0.01}, ["1.25", "3"], ["1.255"]),
    ("integers by value", INT, ["1.0", "1e2", "-0"], ["01", "+1", "1.5"]),
    ("draft 4 integers by spelling", {**DRAFT4, **INT}, ["1", "-10"], ["1.0", "1e2"]),
    ("const object", {"const": {"a": 1}}, ['{"a":1}', '{"a":1.0}'], ['{"a":2}', "{}", '{"a":1,"b":1}']),
    ("enum and const", {"enum": ["a", "b"], "const": "b"}, ['"b"'], ['"a"', '"c"', "1"]),
    ("enum of all types", {"enum": ["a", 1, None, True, [1, {}]]}, ['"a"', "1", "null", "true", "[1,{}]"], ['"b"', "false", "0", "[1]"]),
    ("0 is not false", {"enum": [0, [False]]}, ["0", "[false]"], ["false", "[0]"]),
    ("enum and other keywords", {"enum": ["a", "bb", 3], "minLength": 2, "type": "string"}, ['"bb"'], ['"a"', "3"]),
    ("type list", {"type": ["string", "null"]}, ['"a"', "null"], ["1"]),
    ("optional properties", obj({"a": INT, "b": INT, "c": INT}, ["b"]), ['{"b":1}', '{"a":1,"b":2}', '{"b":2,"c":3}'], ['{"a":1}', "{}"]),
    ("all optional", obj({"a": INT, "b": INT}, []), ["{}", '{"b":1}', '{"a":1,"b":2}'], ['{"a":"x"}', '{"a":1,}']),
    ("additional by default", obj({"a": INT}), ['{"a":1,"z":true}'], ['{"z":true}']),
    ("additional false", obj({"a": INT}, additionalProperties=False), ['{"a":1}'], ['{"a":1,"b":2}']),
    ("additional schema", {"type": "object", "additionalProperties": INT}, ['{"x":1,"y":2}', "{}"], ['{"x":"a"}']),
    ("a declared key is no additional one", obj({"a": INT, "b": INT}, ["b"]), ['{"a":1,"b":2}'], ['{"b":2,"a":"BAD"}']),
    ("declared keys once", obj({"a": INT}, additionalProperties=False), ['{"a":1}'], ['{"a":1,"a":2}']),
    ("required beyond properties", {"type": "object", "required": ["a"]}, ['{"a":1}', '{"a":1,"b":2}'], ["{}", '{"b":1}']),
    ("after a declared prefix", obj({"forecast": S}, []), ['{"forecast":"x"}', '{"forecasts":1}', '{"fore":1}'], ['{"forecast":1}']),
    ("patternProperties", {"patternProperties": {"^x": INT}, "additionalProperties": False}, ['{"x1":1}', "3"], ['{"y":1}', '{"x1":"a"}']),
    ("overlap", {"patternProperties": {"a": INT, "b": {"minimum": 5}}}, ['{"ab":7,"a":1}', '{"b":"x"}'], ['{"ab":1}', '{"ab":""}']),
    ("patterns and declared keys", {"properties": {"ab": {"maximum": 9}}, "patternProperties": {"b": INT}}, ['{"ab":3}'], ['{"ab":1.5}']),
    ("propertyNames", {"type": "object", "propertyNames": {"pattern": "^[a-z]+$"}}, ['{"ab":1}', "{}"], ['{"A1":1}']),
    ("minProperties 1", {"type": "object", "minProperties": 1}, ['{"a":1}'], ["{}"]),
    ("maxProperties", obj({"a": INT, "b": INT, "c": INT}, [], maxProperties=1), ["{}", '{"b":1}', '{"z":1}'], ['{"a":1,"b":2}']),
    ("maxProperties 0", obj({"a": INT}, [], maxProperties=0), ["{}"], ['{"a":1}', '{"z":1}']),
    ("dependentRequired", {"dependentRequired": {"a": ["b"]}, **obj({"a": INT, "b": INT}, [])}, ['{"b":1}', '{"a":1,"b":2}'], ['{"a":1}']),
    ("dependentSchemas", {"dependentSchemas": {"a": {"required": ["b"]}}}, ['{"b":1}', '{"a":1,"b":2}', "3"], ['{"a":1}']),
    ("item counts", {"type": "array", "items": INT, "minItems": 1, "maxItems": 2}, ["[1]", "[1,2]"], ["[]", "[1,2,3]"]),
    ("prefixItems", {"prefixItems": [S, INT], "items": False, "minItems": 2}, ['["a",1]', "3"], ['[1,"a"]', '["a",1,2]', '["a"]']),
    ("items false", {"type": "array", "items": False}, ["[]"], ["[1]"]),
    ("impossible optional item", {"prefixItems": [INT, False]}, ["[]", "[1]"], ["[1,2]"]),
    ("contains", {"items": {"enum": [1, 2]}, "contains": {"const": 2}}, ["[1,2]", "[2]"], ["[1]", "[]"]),
    ("contains counts", {"contains": INT, "minContains": 2, "maxContains": 3}, ['[1,"a",2]', "[1,2,3]"], ["[1]", "[1,2,3,4]"]),
    ("anyOf", {"anyOf": [S, INT]}, ['"a"', "1"], ["null"]),
    ("anyOf and siblings", obj({"m": S}, [], additionalProperties=False, anyOf=[{"required": ["m"]}]), ['{"m":"a"}'], ["3", "{}"]),
    ("oneOf, disjoint", {"oneOf": [S, INT]}, ['"a"', "1"], ["null"]),
    ("oneOf, overlapping", {"oneOf": [INT, {"type": "number", "minimum": 5}]}, ["1", "5.5"], ["7"]),
    ("oneOf, keys", {"oneOf": [{"required": ["a"]}, {"required": ["b"]}]}, ['{"a":1}', '{"b":1}'], ["{}", '{"a":1,"b":1}', "3"]),
    ("allOf of objects", {"allOf": [obj({"a": INT}), obj({"b": S})]}, ['{"a":1,"b":"x"}'], ['{"a":1}', "3", '{"a":1,"b":2}']),
    ("allOf of bounds", {"allOf": [{**S, "minLength": 2}, {**S, "maxLength": 3}]}, ['"ab"'], ['"a"', '"abcd"']),
    ("allOf and additional", {"allOf": [obj({"a": INT}, []), obj({"b": INT}, [], additionalProperties=False)]}, ['{"b":1}'], ['{"a":1}']),
    ("not const", {**INT, "not": {"const": 3}}, ["2", "33"], ["3", "3.0", "30e-1"]),
    ("not type", {"not": {"type": "null"}}, ["1", '"a"'], ["null"]),
    ("not {}", obj({"a": {"not": {}}}, []), ["{}", '{"b":1}'], ['{"a":1}']),
    ("not items", {"not": {"items": INT}}, ['[1,"a"]'], ["[1]", "[]", "3"]),
    ("if, then, else", {"if": {"minimum": 5}, "then": {"multipleOf": 5}, "else": {"type": "number"}}, ["10", "3"], ["7"]),
    ("$ref", {"$defs": {"p/q": INT}, "properties": {"a": {"$ref": "#/$defs/p~1q"}}}, ['{"a":1}'], ['{"a":"x"}']),
    ("$ref and siblings", {"$defs": {"p": S}, "$ref": "#/$defs/p", "maxLength": 2}, ['"ab"'], ['"abc"', "1"]),
    ("$ref hides its siblings in draft 7",
        {**DRAFT7, "definitions": {"p": S}, "$ref": "#/definitions/p", "maxLength": 2}, ['"abc"'], ["1"]),
    ("recursion", TREE, ['{"c":[]}', '{"c":[{"c":[{"c":[]},{"c":[]}]}]}'], ['{"c":[1]}', "{}"]),
    ("$anchor", {"$defs": {"p": {"$anchor": "P", **INT}}, "properties": {"a": {"$ref": "#P"}}}, ['{"a":1}'], ['{"a":"x"}']),
    ("$id", {"$id": "http://x/a", "$defs": {"p": {"$id": "b", **INT}}, "items": {"$ref": "http://x/b"}}, ["[1]"], ['["a"]']),
    ("property false", obj({"a": INT, "b": False}, ["a"]), ['{"a":1}', '{"a":1,"c":1}'], ['{"a":1,"b":1}']),
    ("everything", {}, ["1", '"a"', "[1]", '{"a":null}', "1e5", "-0.5"], ["x", "01", "'a'", ""]),
    ("draft 4 tuples", {**DRAFT4, "items": [S], "additionalItems": INT}, ['["a",1]'], ["[1]", '["a","b"]']),
    ("draft 4 exclusive", {**DRAFT4, **INT, "minimum": 0, "exclusiveMinimum": True}, ["1"], ["0"]),
    ("whitespace", obj({"a": INT}), ['{\n  "a": 1\n}', '{"a": 1}'], ["{" + " " * 200 + '"a":1}']),
    ("run-away digits", {"type": "number"}, ["1", "1.5e10"], ["9" * 400]),
]  # fmt: skip


@pytest.mark.parametrize(("schema", "good", "bad"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
@pytest.mark.parametrize("order", ["schema", "any"])
def test_texts(schema: Any, good: list[str], bad: list[str], order: Any) -> None:
    start = json_schema(schema, order=order).start
    assert [text for text in good if not accepts(start, text)] == []
    assert [text for text in bad if accepts(start, text)] == []


def test_schema_order_is_declared_then_required_then_others() -> None:
    schema = {"allOf": [{"properties": {"b": INT}}], "properties": {"a": INT}, "required": ["r", "a"]}
    start = json_schema(schema).start
    assert accepts(start, '{"b":1,"a":1,"r":1,"z":1}')
    assert not accepts(start, '{"a":1,"b":1,"r":1}')
    assert not accepts(start, '{"a":1,"z":1,"r":1}')


def test_any_order_keeps_counts_and_required() -> None:
    schema = obj({"a": INT, "b": INT, "c": INT}, ["b"], maxProperties=2)
    start = json_schema(schema, order="any").start
    assert all(accepts(start, text) for text in ('{"b":1}', '{"c":1,"b":2}', '{"z":1,"b":2}', '{"b":1,"a":2}'))
    assert not any(accepts(start, text) for text in ('{"c":1}', '{"c":1,"a":2}', '{"c":1,"b":2,"a":3}', '{"b":1,"b":2}'))


@pytest.mark.parametrize("style", ["any", "default", "compact", "indent=2", "indent=0"])
def test_styles_spell_what_json_dumps_does(style: str) -> None:
    value = {"a": {"b": [1, [2.5], {}], "c": []}, "d": "é\n", "e": None}
    layouts = {"compact": {"separators": (",", ":")}, "indent=2": {"indent": 2}, "indent=0": {"indent": 0}}
    text = json.dumps(value, ensure_ascii=False, **layouts.get(style, {}))
    schemas = ({}, {"const": value}, {"type": "object", "properties": {"a": {"properties": {"b": {"type": "array"}}}}})
    assert all(accepts(json_schema(schema, style=style).start, text) for schema in schemas)


@pytest.mark.parametrize(
    ("schema", "where"),
    [
        ({"properties": {"a": {"type": "strin"}}}, "/properties/a/type"),
        ({"minLength": "3"}, "/minLength"),
        ({"minLength": -1}, "/minLength"),
        ({"minItems": True}, "/minItems"),
        ({"required": ["a", 1]}, "/required"),
        ({"required": True}, "/required"),
        ({"items": {"a/b": 1, "allOf": []}}, "/items/allOf"),
        ({"properties": {"a/b~": 5}}, "/properties/a~1b~0"),
        ({"properties": []}, "/properties"),
        ({"minimum": "1"}, "/minimum"),
        ({"multipleOf": 0}, "/multipleOf"),
        ({"enum": "abc"}, "/enum"),
        ({"pattern": "(a"}, "/pattern"),
        ({"patternProperties": {"(a": {}}}, "/patternProperties/(a"),
        ({"anyOf": {}}, "/anyOf"),
        ({"type": []}, "/type"),
        ({"$ref": "#/$defs/none"}, "/$ref"),
        ({"$ref": "#none"}, "/$ref"),
        ({"$ref": 3}, "/$ref"),
        ({"$schema": "https://json-schema.org/draft/2020-12/schema", "items": [{}]}, "/items"),
        ({"format": 1}, "/format"),
        ({"uniqueItems": "yes"}, "/uniqueItems"),
        ({"exclusiveMinimum": True, "$schema": "http://json-schema.org/draft-07/schema#"}, "/exclusiveMinimum"),
    ],
)
def test_malformed_values_are_errors_with_their_place(schema: Any, where: str) -> None:
    with pytest.raises(SchemaError) as caught:
        json_schema(schema)
    assert caught.value.where == where


@pytest.mark.parametrize(
    "schema", [None, 3, [], "{", '{"a": NaN}', {"const": float("nan")}, {"const": {1, 2}}, "[1, 2]", '{"const": "\\ud800"}']
)
def test_what_is_no_schema(schema: Any) -> None:
    with pytest.raises(SchemaError):
        json_schema(schema)


def test_impossible_options() -> None:
    for options in ({"style": "pretty"}, {"order": "random"}, {"draft": "draft5"}, {"formats": "yes"}):
        with pytest.raises(OptionError):
            json_schema({}, **options)


REFUSED = [
    ({"$ref": "http://example.com/x"}, "/$ref", "$ref"),
    ({"pattern": "(a)\\1"}, "/pattern", "pattern"),
    ({"multipleOf": 10**300 + 1}, "/multipleOf", "multipleOf"),
]  # fmt: skip


KEYS: list[tuple[Any, str, bool]] = [
    ({}, '{"a":1,"b":1,"a":2}', False),
    ({}, '{"a":1,"\\u0061":2}', False),
    ({}, '{"a":{"a":1,"b":{"a":1}},"b":1}', True),
    ({}, '{"a":{"a":1,"b":{"a":1,"a":1}},"b":1}', False),
    ({"properties": {"a": INT}}, '{"\\u0061":"x"}', False),
    ({"properties": {"a": INT}, "additionalProperties": {"type": "string"}}, '{"\\u0061":"x"}', False),
    ({"patternProperties": {"^x": INT}}, '{"x":1,"xx":2,"y":3}', True),
    ({"patternProperties": {"^x": INT}}, '{"x":1,"y":2,"x":3}', False),
    ({"patternProperties": {"^x?$": INT}, "additionalProperties": False}, '{"x":1,"":2}', True),
    ({"patternProperties": {"^x?$": INT}, "additionalProperties": False}, '{"x":1,"x":2}', False),
    ({"patternProperties": {"^[ab]{3}$": INT}, "additionalProperties": False, "minProperties": 3}, '{"aba":1,"abb":2,"aaa":1}', True),
    ({"patternProperties": {"^[ab]{3}$": INT}, "additionalProperties": False, "minProperties": 3}, '{"aba":1,"abb":2}', False),
    ({"patternProperties": {"^(aa|b.*)$": INT}, "additionalProperties": False}, '{"aa":1,"bb":2,"bb":3}', False),
    ({"patternProperties": {"^(aa|b.*)$": INT}, "additionalProperties": False}, '{"aa":1,"bb":2,"b":3}', True),
    ({"not": {"additionalProperties": {"type": "string"}}}, '{"a":"x","b":1,"c":"y"}', True),
    ({"not": {"additionalProperties": {"type": "string"}}}, '{"a":"x","b":"y"}', False),
    ({"maxProperties": 2, "patternProperties": {"b$": INT}}, '{"c":"","d":""}', True),
    ({"maxProperties": 2, "patternProperties": {"b$": INT}}, '{"c":"","d":"","b":1}', False),
    ({"minProperties": 2, "properties": {"a": INT}}, '{"b":1,"c":2}', True),
    ({"minProperties": 2, "properties": {"a": INT}}, '{"c":2}', False),
    ({"maxProperties": 2, "properties": {"a": INT}}, '{"b":1,"a":2,"c":1}', False),
]  # fmt: skip


@pytest.mark.parametrize("order", ["schema", "any"])
@pytest.mark.parametrize("style", ["any", "default"])
@pytest.mark.parametrize(("schema", "text", "valid"), KEYS)
def test_keys_are_unique_however_they_are_spelled(schema: Any, text: str, valid: bool, style: str, order: Any) -> None:
    schema = {"type": "object", **schema}
    start = json_schema(schema, style=style, order=order).start
    assert accepts(start, text) == valid
    assert ByteAutomaton(start).accepts(text.encode()) == valid


def test_a_thousand_keys_are_told_apart() -> None:
    machine = ByteAutomaton(json_schema({"type": "object"}).start)
    members = ",".join(f'"k{i}":{i}' for i in range(1000))
    assert machine.accepts(f"{{{members}}}".encode())
    assert not machine.accepts(f'{{{members},"k537":0}}'.encode())


@pytest.mark.parametrize(("schema", "where", "keyword"), REFUSED)
def test_refusals_name_every_place_and_relaxing_names_them_too(schema: Any, where: str, keyword: str) -> None:
    with pytest.raises(UnsupportedFeature) as caught:
        json_schema({"properties": {"x": schema, "y": {"pattern": "(b)\\1"}}})
    assert f"/properties/x{where}: {keyword}" in str(caught.value)
    assert "/properties/y/pattern: pattern" in str(caught.value)
    report = json_schema(schema, relax=True).report
    assert [(one.where, one.feature, one.verdict) for one in report.findings] == [(where, keyword, "relaxed")]


def test_reason_and_hint_stand_apart() -> None:
    finding = json_schema({"pattern": "(b)\\1"}, relax=True).report.findings[0]
    assert finding.hint
    assert finding.hint not in finding.why
    assert "hint" not in finding.why
    assert finding.why.endswith("^")
    with pytest.raises(SchemaError) as caught:
        json_schema({"pattern": "(b"})
    assert caught.value.hint
    assert caught.value.hint not in caught.value.why


def test_what_is_refused_elsewhere_does_no_harm() -> None:
    assert json_schema({"$defs": {"unused": {"pattern": "(b)\\1"}}}).report.verdict == "exact"
    assert json_schema({"oneOf": [{"type": "object", "patternProperties": {"a": INT}}, {"type": "array"}]}).report.verdict == "exact"
    keyed = [
        {"type": "object", "patternProperties": {p: INT}, "additionalProperties": False, "minProperties": 1} for p in ("^[0-9]", "^[a-z]")
    ]
    assert json_schema({"oneOf": keyed}).report.verdict == "exact"
    assert json_schema({"uniqueItems": True, "maxItems": 1, "unevaluatedItems": True}).report.verdict == "exact"


def test_equal_sub_schemas_are_one_rule() -> None:
    part = {"type": "object", "properties": {"x": {"type": "number", "minimum": 3}}}
    rule = json_schema({"properties": {"a": {**part, "title": "a"}, "b": {**part, "description": "b"}}, "type": "object"}).start
    rules = {id(part) for _, label, _ in rule.make().edges for part in getattr(label, "parts", ()) if isinstance(part, Rule)}
    assert len(rules) == 1


def test_the_schema_may_change_afterwards() -> None:
    schema: dict[str, Any] = obj({"a": INT})
    start = json_schema(schema).start
    schema["properties"]["a"] = S
    assert accepts(start, '{"a":1}')


def test_registry_is_used_and_nothing_is_fetched() -> None:
    referencing = pytest.importorskip("referencing")
    jsonschema = pytest.importorskip("referencing.jsonschema")
    resource = referencing.Resource(contents={"$defs": {"p": INT}, "items": {"$ref": "#/$defs/p"}}, specification=jsonschema.DRAFT202012)
    registry = referencing.Registry().with_resource("http://example.com/x", resource)
    start = json_schema({"$ref": "http://example.com/x"}, registry=registry).start
    assert accepts(start, "[1]")
    assert not accepts(start, '["a"]')


def test_an_obligation_may_be_met_by_the_last_member_that_fits() -> None:
    schema = {"type": "object", "not": {"patternProperties": {"a": {"maximum": 20}}}, "maxProperties": 1}
    start = json_schema(schema).start
    judge = jsonschema.Draft202012Validator(schema)
    for value in ({"a": 70}, {"a": 20}, {"b": 70}, {}, {"xa": 21}, {"a": 70, "b": 1}):
        assert accepts(start, json.dumps(value)) == judge.is_valid(value), value
