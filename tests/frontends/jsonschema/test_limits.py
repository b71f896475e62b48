"""Hostile and huge schemas: a result or a typed error, and never a stack overflow."""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import structgen
from structgen.automata.machine import ByteAutomaton
from structgen.errors import BudgetExceeded, SchemaError
from structgen.frontends.jsonschema import json_schema
from structgen.frontends.jsonschema.keys import Class, Group, can_finish
from structgen.frontends.jsonschema.load import load
from structgen.frontends.jsonschema.read import read
from structgen.frontends.jsonschema.resources import References
from structgen.kernels.tables import ITEMS, PAIRS

sys.path.insert(0, str(Path(__file__).parents[2] / "reference"))
from recognize import accepts

DEEP = 10_000


def nested(depth: int, wrap: Callable[[Any], Any]) -> Any:
    schema: Any = {"type": "string"}
    for _ in range(depth):
        schema = wrap(schema)
    return schema


@pytest.mark.parametrize(
    "wrap",
    [
        lambda s: {"type": "object", "properties": {"a": s}},
        lambda s: {"type": "object", "properties": {"a": s}, "required": ["a"]},
        lambda s: {"type": "array", "items": s},
        lambda s: {"type": "array", "prefixItems": [s], "minItems": 1},
        lambda s: {"not": s},
    ],
)
def test_depth_is_no_danger(wrap: Callable[[Any], Any]) -> None:
    assert json_schema(nested(DEEP, wrap)).report.verdict == "exact"


@pytest.mark.parametrize(
    "wrap", [lambda s: {"allOf": [s, {}]}, lambda s: {"anyOf": [s, {"type": "null"}]}, lambda s: {"oneOf": [s, {"type": "null"}]}]
)
def test_depth_in_place_is_bounded(wrap: Callable[[Any], Any]) -> None:
    with pytest.raises(BudgetExceeded):
        json_schema(nested(DEEP, wrap))
    assert json_schema(nested(40, wrap)).report.verdict == "exact"


def test_deep_constants_and_texts() -> None:
    deep: Any = 1
    for _ in range(DEEP):
        deep = [deep]
    json_schema({"const": deep})
    with pytest.raises(BudgetExceeded):
        json_schema({"not": {"const": deep}})
    with pytest.raises(BudgetExceeded):
        json_schema('{"items":' * DEEP + "{}" + "}" * DEEP)


@pytest.mark.parametrize("brackets", [('{"a":', "}"), ("[", "]")])
def test_items_that_must_differ_may_nest_as_deep_as_is_documented(brackets: tuple[str, str]) -> None:
    def item(depth: int, value: int) -> str:
        return brackets[0] * depth + str(value) + brackets[1] * depth

    grammar = structgen.json_schema({"type": "array", "uniqueItems": True})
    assert grammar.accepts(f"[{item(100, 1)},{item(100, 2)}]")
    assert not grammar.accepts(f"[{item(100, 1)},{item(100, 1)}]")
    with pytest.raises(BudgetExceeded, match="the text has an item nested deeper than 100 levels"):
        grammar.accepts(f"[{item(DEEP, 1)}]")
    anything = structgen.json_schema({"const": json.loads(item(150, 1))})
    assert anything.accepts(item(150, 1))
    assert not anything.accepts(item(150, 2))


def test_chains_and_cycles_of_references() -> None:
    chain: dict[str, Any] = {f"a{i}": {"$ref": f"#/$defs/a{i + 1}"} for i in range(DEEP)}
    assert accepts(json_schema({"$defs": {**chain, f"a{DEEP}": {"type": "null"}}, "$ref": "#/$defs/a0"}).start, "null")
    with pytest.raises(SchemaError, match="leads back to itself"):
        json_schema({"$defs": {**chain, f"a{DEEP}": {"$ref": "#/$defs/a0"}}, "$ref": "#/$defs/a0"})
    start = json_schema({"anyOf": [{"$ref": "#"}, {"type": "null"}]}).start
    assert accepts(start, "null")
    assert not accepts(start, "1")
    for paradox in (
        {"type": "string", "not": {"$ref": "#"}},
        {"oneOf": [{"$ref": "#"}, {"type": "string"}]},
        {"if": {"$ref": "#"}, "then": False},
    ):
        with pytest.raises(SchemaError, match="own negation"):
            json_schema(paradox)
    loop: dict[str, Any] = {}
    loop["items"] = loop
    with pytest.raises(SchemaError, match="Circular"):
        json_schema(loop)


def test_mutual_recursion_in_place_is_the_least_fixpoint() -> None:
    schema = {"$defs": {"a": {"anyOf": [{"$ref": "#/$defs/b"}, {"const": 1}]}, "b": {"anyOf": [{"$ref": "#/$defs/a"}, {"const": 2}]}}}
    for name in "ab":
        start = json_schema({**schema, "$ref": f"#/$defs/{name}"}).start
        assert [text for text in "123" if accepts(start, text)] == ["1", "2"]


def _holding(name: str, level: int) -> dict[str, Any]:
    return {"properties": {name: {"$ref": f"#/$defs/{level}"}}, "required": [name]}


CASES: dict[str, tuple[Any, list[str], list[str]]] = {
    "20,000 properties": ({"type": "object", "properties": {f"k{i}": {"type": "integer"} for i in range(20_000)}}, ["{}"], ["[]"]),
    "500 tagged branches": (
        {"oneOf": [{"properties": {"k": {"const": f"v{i}"}, "x": {"type": "integer"}}, "required": ["k"]} for i in range(500)]},
        ['{"k":"v7","x":1}'],
        ['{"k":"z"}', '{"k":"v7","x":"a"}'],
    ),
    "60 branches, exactly one key": (
        {"oneOf": [{"type": "object", "properties": {f"k{i}": {"type": "string"}}, "required": [f"k{i}"]} for i in range(60)]},
        ['{"k1":"a"}'],
        ['{"k1":"a","k2":"b"}', "{}"],
    ),
    "30 rules on one tag": (
        {
            "type": "object",
            "properties": {"kind": {"enum": [f"v{i}" for i in range(30)]}},
            "required": ["kind"],
            "allOf": [{"if": {"properties": {"kind": {"const": f"v{i}"}}}, "then": {"required": [f"x{i}"]}} for i in range(30)],
        },
        ['{"kind":"v3","x3":1}'],
        ['{"kind":"v3"}', '{"kind":"v3","x4":1}'],
    ),
    "2,000 constants": ({"anyOf": [{"const": f"v{i}"} for i in range(2000)]}, ['"v1999"'], ['"v2000"']),
    "16 levels of overlapping oneOf": (
        {
            "$ref": "#/$defs/0",
            "$defs": {
                **{str(i): {"oneOf": [_holding(k, i + 1) for k in "ab"]} for i in range(16)},
                "16": {"type": "string"},
            },
        },
        ['{"a":' * 16 + '"x"' + "}" * 16],
        ['{"a":' * 16 + "1" + "}" * 16, '{"a":' * 15 + '"x"' + "}" * 15],
    ),
    "long strings": ({"type": "string", "maxLength": 1_000_000, "minLength": 1}, ['"a"'], ['""']),
    "long arrays": ({"type": "array", "items": {"type": "integer"}, "minItems": 2, "maxItems": 100_000}, ["[1,2]"], ["[1]"]),
    "60 patterns of keys": (
        {"type": "object", "patternProperties": {f"^{i}[a-z]|^x{i}$": {"const": i} for i in range(60)}},
        ['{"7a":7,"x17":17,"z":"x"}', '{"x60":"x","7":"x"}'],
        ['{"7a":17}', '{"x7":17}'],
    ),
    "1,000 properties, counted": (
        {"type": "object", "properties": {f"k{i}": {"type": "integer"} for i in range(1000)}, "minProperties": 2, "maxProperties": 3},
        ['{"k5":1,"k999":2}', '{"k5":1,"k6":1,"z":2}'],
        ['{"k5":1}', '{"k5":1,"k6":1,"k7":1,"k8":1}'],
    ),
    "100 rules on one number": (
        {"allOf": [{"if": {"properties": {"k": {"const": i}}, "required": ["k"]}, "then": {"required": [f"x{i}"]}} for i in range(100)]},
        ['{"k":3,"x3":1}', '{"k":-1}', "{}"],
        ['{"k":3}', '{"k":3,"x4":1}'],
    ),
    "4 MB": (
        {"properties": {f"k{i}": {"properties": {f"p{j}": {"type": "string", "title": "x" * 60} for j in range(8)}} for i in range(4000)}},
        ['{"k1":{"p1":"a"}}'],
        ['{"k1":{"p1":1}}'],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_size(name: str) -> None:
    schema, good, bad = CASES[name]
    start = json_schema(schema, style="compact").start
    assert [text for text in good if not accepts(start, text)] == []
    assert [text for text in bad if accepts(start, text)] == []


TOO_MUCH: dict[str, Any] = {
    "overlapping branches": {"oneOf": [{"properties": {f"k{i}": {"type": "string"}}} for i in range(500)]},
    "overlapping patterns": {"oneOf": [{"type": "string", "pattern": f"k{i}-"} for i in range(500)]},
    "overlapping patterns of keys": {"patternProperties": {c: {"minimum": i} for i, c in enumerate("abcdefghijkl")}},
    "many patterns of keys": {"patternProperties": {f"^{i}": {"minimum": i} for i in range(100, 170)}},
    "many denied numbers": {"type": "number", "not": {"enum": list(range(0, 70_000, 3))}},
    "independent rules": {
        "allOf": [
            {"if": {"properties": {f"a{i}": {"const": 1}}, "required": [f"a{i}"]}, "then": {"required": [f"b{i}"]}} for i in range(30)
        ]
    },
}  # fmt: skip


@pytest.mark.parametrize("name", TOO_MUCH)
def test_too_much_is_a_typed_error_with_place_and_hint(name: str) -> None:
    with pytest.raises(BudgetExceeded) as caught:
        accepts(json_schema({"type": "array", "items": TOO_MUCH[name]}).start, '[{"a":1}]')
    assert caught.value.where == "/items"
    assert caught.value.hint


def test_patterns_of_keys_are_counted_before_a_text_gets_there() -> None:
    for name in ("overlapping patterns of keys", "many patterns of keys"):
        with pytest.raises(BudgetExceeded) as caught:
            json_schema({"properties": {"a": {"properties": {"b/c": TOO_MUCH[name]}}}})
        assert caught.value.where == "/properties/a/properties/b~1c"


@pytest.mark.parametrize("name", TOO_MUCH)
def test_too_much_is_relaxed_where_it_stands(name: str) -> None:
    """Only the array's items are wider then, and the report says so before a text gets there."""
    schema = {"type": "array", "items": TOO_MUCH[name], "maxItems": 2}
    language = json_schema(schema, relax=True)
    assert [(one.where, one.verdict) for one in language.report.findings] == [("/items", "relaxed")]
    assert language.report.findings[0].why
    for text in ('[{"a":1}]', '[{"a0":1,"b0":"x"},{"zz":{}}]', '["k1-"]'):
        value = json.loads(text)
        assert accepts(language.start, text) or not jsonschema.Draft202012Validator(schema).is_valid(value)
    assert not accepts(language.start, '[{"a":1},{"a":1},{"a":1}]')
    assert not accepts(language.start, "{}")


def test_what_is_required_and_too_much_leaves_the_rest_exact() -> None:
    schema = {"type": "object", "properties": {"x": TOO_MUCH["many patterns of keys"], "y": {"minimum": 3}}, "required": ["x", "y"]}
    schema["properties"]["x"] = schema["properties"]["x"] | {"type": "object", "required": ["a"], "minProperties": 2}
    language = json_schema(schema, relax=True, style="compact", order="any")
    assert [one.where for one in language.report.relaxed] == ["/properties/x"]
    assert accepts(language.start, '{"x":{"a":5,"b":5},"y":3}')
    assert not accepts(language.start, '{"x":{"a":5,"b":5},"y":2}')
    assert not accepts(language.start, '{"y":3}')


def _possible(members: list[Group], classes: list[Class], duties: int, low: int, high: int | None) -> bool:
    """By trying every choice: each member of each kind in each way, or absent."""
    found = {(0, duties)}
    for required, ways, count in members:
        for _ in range(count):
            found = {(n + 1, d & ~w) for n, d in found for w in ways} | (set() if required else found)
    for ways, most in classes:
        for _ in range(8 if most is None else most):
            found |= {(n + 1, d & ~w) for n, d in found for w in ways}
    return any(low <= n and (high is None or n <= high) and not d for n, d in found)


def test_counts_by_kinds_agree_with_trying_every_choice() -> None:
    yes = 0
    for seed in range(2000):
        rng = random.Random(seed)
        duties = rng.randrange(8)

        def ways(rng: random.Random = rng, duties: int = duties) -> tuple[int, ...]:
            return tuple({rng.randrange(8) & duties for _ in range(rng.randrange(3))})

        members = [(rng.random() < 0.3, ways(), rng.randrange(1, 3)) for _ in range(rng.randrange(4))]
        classes = [(ways(), rng.choice([None, 0, 1, 2])) for _ in range(rng.randrange(3))]
        low, high = rng.randrange(5), rng.choice([None, rng.randrange(6)])
        expected = _possible(members, classes, duties, low, high)
        assert can_finish(members, classes, duties, low, high) == expected, (seed, members, classes, duties, low, high)
        yes += expected
    assert 300 < yes < 1700


def test_schemas_that_only_say_a_type_are_one_node_wherever_they_stand() -> None:
    parts = {f"k{i}": {"type": "integer" if i % 2 else "string", "description": f"the number {i}"} for i in range(1000)}
    special = {"a": {"type": "string", "maxLength": 1}, "b": {"type": "integer", "$id": "urn:b"}, "c": {"$ref": "#/properties/k1"}}
    reader, _ = read(
        References(load({"type": "object", "properties": {**parts, **special}}), None, None), relax=False, formats={}, content=None
    )
    assert len(reader.nodes) < 12
    machine = ByteAutomaton(json_schema({"type": "object", "properties": {**parts, **special}}).start)
    assert machine.accepts(b'{"k1": 1, "k2": "x", "a": "y", "b": 1, "c": 1}')
    for wrong in (b'{"k1": "x"}', b'{"k2": 1}', b'{"a": "xy"}', b'{"b": "x"}', b'{"c": "x"}'):
        assert not machine.accepts(wrong)
    with pytest.raises(SchemaError, match="must be one of") as caught:
        json_schema({"properties": {"a": {"type": "string"}, "b": {"type": "strin"}, "c": {"type": "strin"}}})
    assert caught.value.where == "/properties/b/type"


def test_texts_that_are_left_out_do_not_make_states_wide() -> None:
    machine = ByteAutomaton(json_schema({"type": "object", "properties": {f"k{i}": {"type": "integer"} for i in range(2000)}}).start)
    assert machine.accepts(b'{"k7": 1, "other": 2}')
    assert not machine.accepts(b'{"k7": 1, "k\\u0037": 2}')
    assert machine.arena["n"][PAIRS] < 2000
    machine = ByteAutomaton(json_schema({"type": "string", "not": {"enum": [f"text {i}" for i in range(2000)]}}).start)
    assert [machine.accepts(text) for text in (b'"text 7"', b'"t\\u0065xt 77"', b'"text 2000"')] == [False, False, True]
    assert machine.arena["n"][ITEMS] < 2000
