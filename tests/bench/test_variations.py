"""Schemas that nobody has seen: names and bounds are others, valid instances stay valid, and a seed says which they are."""

from __future__ import annotations

import json
from random import Random

import jsonschema
import pytest

from structgen.bench.cases import Case
from structgen.bench.variations import varied

SCHEMAS = [
    (
        {
            "type": "object",
            "properties": {
                "name": {"type": "string", "maxLength": 5},
                "properties": {"type": "object", "properties": {"type": {"type": "integer", "minimum": 3}}, "required": ["type"]},
                "kind": {"enum": ["name", {"name": 1}]},
                "again": {"$ref": "#/properties/properties"},
                "list": {"type": "array", "items": {"$ref": "#/$defs/entry"}, "maxItems": 2},
            },
            "required": ["name", "kind"],
            "dependentRequired": {"list": ["again"]},
            "additionalProperties": False,
            "$defs": {"entry": {"properties": {"size": {"exclusiveMaximum": 2.5}}}},
        },
        [
            {"name": "abc", "kind": {"name": 1}},
            {"name": "x", "kind": "name", "properties": {"type": 3}, "list": [{"size": 2}, {}], "again": {"type": 4}},
        ],
        [{"kind": "name"}, {"name": "x", "kind": "name", "list": []}, {"name": "x", "kind": "name", "odd": 1}],
    ),
    (
        {"items": [{"const": {"a": 1}}, {"properties": {"a": True}}], "dependencies": {"a": ["b"], "b": {"required": ["c"]}}},
        [[{"a": 1}]],
        [],
    ),
    (True, [1, {"a": 2}], []),
]


def cases(schema: object, valid: list[object], invalid: list[object]) -> Case:
    tests = [(json.dumps(one), True) for one in valid] + [(json.dumps(one), False) for one in invalid]
    return Case("a---b", json.dumps(schema), tuple(tests), "a")


@pytest.mark.parametrize("example", SCHEMAS, ids=["object", "draft 7", "true"])
def test_verdicts_stay_and_names_do_not(example: tuple[object, list[object], list[object]]) -> None:
    case = cases(*example)
    rng = Random(4)
    for _ in range(5):
        new = varied(case, rng)
        schema = json.loads(new.schema)
        judge = jsonschema.Draft7Validator(schema) if "dependencies" in new.schema else jsonschema.Draft202012Validator(schema)
        assert [judge.is_valid(json.loads(text)) for text, _ in new.tests] == [valid for _, valid in case.tests]
        assert (new.id, new.split) == (case.id, case.split)
        if "properties" in case.schema:
            assert new.schema != case.schema


def test_names_are_new_each_time_and_a_seed_says_which() -> None:
    case = cases(*SCHEMAS[0])
    rng = Random(1)
    some = [varied(case, rng) for _ in range(4)]
    names = [set(json.loads(one.schema)["properties"]) for one in some]
    assert len(set.union(*names)) == 4 * len(names[0])
    assert varied(case, Random(1)) == some[0]
