"""Conditions on the constants of one property: judged as `jsonschema` does, and they do not multiply."""

from __future__ import annotations

import json
from itertools import product
from random import Random
from typing import Any

import pytest
from conftest import SCALE
from jsonschema import Draft202012Validator

from structgen.automata.machine import ByteAutomaton
from structgen.errors import EmptyLanguage
from structgen.frontends.jsonschema import json_schema
from structgen.frontends.jsonschema.algebra import Algebra
from structgen.frontends.jsonschema.load import load
from structgen.frontends.jsonschema.node import goal_of
from structgen.frontends.jsonschema.read import read
from structgen.frontends.jsonschema.resources import References

TAGS: list[Any] = ["a", "b", 1, 1.0, True, None, 2]


def condition(rng: Random) -> dict[str, Any]:
    """Something about a tag, and perhaps about others."""
    tag: Any = {"const": rng.choice(TAGS)} if rng.random() < 0.6 else {"enum": rng.sample(TAGS, 2)}
    if rng.random() < 0.2:
        tag["type"] = rng.choice(["string", "integer", "boolean"])
    found: dict[str, Any] = {"properties": {"k": tag if rng.random() < 0.8 else {"not": tag}}}
    if rng.random() < 0.2:
        found["properties"]["x"] = {"const": rng.choice([1, 2])}
    if rng.random() < 0.7:
        found["required"] = ["k"]
    return found


def part(rng: Random) -> dict[str, Any]:
    """An implication, mostly."""
    then: Any = rng.choice([{"required": ["x"]}, {"properties": {"x": {"const": 1}}}, {"maxProperties": 1}, condition(rng)])
    kind = rng.random()
    if kind < 0.6:
        return {"if": condition(rng), "then": then, **({"else": {"properties": {"x": {"type": "integer"}}}} if rng.random() < 0.3 else {})}
    return rng.choice([{"not": condition(rng)}, {"anyOf": [condition(rng), then]}, {"oneOf": [condition(rng), then]}, condition(rng)])


VALUES = [
    dict(zip(keys, values, strict=True))
    for keys in ((), ("k",), ("x",), ("k", "x"), ("x", "k"))
    for values in product(["a", "b", "c", 1, 2, 3, True, None], repeat=len(keys))
]


@pytest.mark.parametrize("block", range(2))
def test_they_are_judged_as_jsonschema_does(block: int) -> None:
    for seed in range(1000 * block, 1000 * block + max(5, int(30 * SCALE))):
        rng = Random(seed)
        schema = {"type": "object", "allOf": [part(rng) for _ in range(rng.randrange(1, 5))]}
        judge = Draft202012Validator(schema)
        try:
            machine = ByteAutomaton(json_schema(schema, order="any").start)
        except EmptyLanguage:
            assert not any(map(judge.is_valid, VALUES)), (seed, schema)
            continue
        for value in VALUES:
            assert machine.accepts(json.dumps(value).encode()) == judge.is_valid(value), (seed, schema, value)


def test_implications_on_one_tag_do_not_grow_with_each_other() -> None:
    rules = [{"if": {"properties": {"k": {"const": f"k{i}"}}, "required": ["k"]}, "then": {"required": [f"x{i}"]}} for i in range(60)]
    reader, root = read(References(load({"type": "object", "allOf": rules}), None, None), relax=False, formats={}, content=None)
    shapes = Algebra(reader.nodes).form(goal_of(root)).object
    assert len(shapes) == 61
    assert sorted(len(shape.layers) for shape in shapes)[-2] <= 2  # the last one is that of all other tags


def test_the_order_of_declared_properties_stays() -> None:
    tagged = {"if": {"properties": {"k": {"const": "a"}}, "required": ["k"]}, "then": {"properties": {"x": {"type": "integer"}}}}
    machine = ByteAutomaton(json_schema({"type": "object", "properties": {"x": {}, "k": {}}, "allOf": [tagged]}).start)
    assert [machine.accepts(text) for text in (b'{"x": 1, "k": "a"}', b'{"k": "a", "x": 1}')] == [True, False]
    machine = ByteAutomaton(json_schema({"type": "object", "allOf": [{"properties": {"k": {"not": {"const": "b"}}}}, tagged]}).start)
    assert [machine.accepts(text) for text in (b'{"k": "a", "x": 1}', b'{"x": 1, "k": "a"}')] == [True, False]
