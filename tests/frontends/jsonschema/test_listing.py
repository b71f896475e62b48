"""Lists of values: all of them where there are few, against a search of a small world by `jsonschema`."""

from __future__ import annotations

from itertools import product
from random import Random
from typing import Any

import pytest
from conftest import SCALE
from jsonschema import Draft202012Validator

from structgen.frontends.jsonschema.algebra import Algebra
from structgen.frontends.jsonschema.constants import constant
from structgen.frontends.jsonschema.listing import has_representatives
from structgen.frontends.jsonschema.load import load
from structgen.frontends.jsonschema.node import goal_of
from structgen.frontends.jsonschema.read import read
from structgen.frontends.jsonschema.resources import References

WORDS: list[Any] = ["a", "zebra", 7, True]
LISTS = [list(items) for size in range(4) for items in product(WORDS, repeat=size)]
NAMES = ("a", "b", "xy")
OBJECTS = [{name: value for name, value in zip(NAMES, values, strict=True) if value} for values in product([None, *WORDS], repeat=3)]
NOT: list[Any] = [{"const": "zebra"}, {"type": "string"}, {"type": "integer"}, {"enum": ["a", 7]}, {"type": "boolean"}, True]


def a_list(rng: Random) -> dict[str, Any]:
    """Some of LISTS."""
    found: dict[str, Any] = {"type": "array", "items": {"enum": WORDS}, "minItems": rng.randrange(3), "maxItems": 3}
    if rng.random() < 0.4:
        found["prefixItems"] = [{"allOf": [rng.choice(NOT), {"enum": WORDS}]}]
    if rng.random() < 0.6:
        found["contains"] = rng.choice(NOT)
        found[rng.choice(["minContains", "maxContains"])] = rng.randrange(1, 3)
    if rng.random() < 0.4:
        found["allOf"] = [{"contains": rng.choice(NOT)}]
    more: dict[str, Any] = rng.choice([{}, {"uniqueItems": True}, {"not": {"uniqueItems": True}}, {"not": {"enum": [["a"], [7, "a"]]}}])
    return found | more


def an_object(rng: Random) -> dict[str, Any]:
    """Some of OBJECTS."""
    found: dict[str, Any] = {"type": "object", "properties": {name: {"enum": WORDS} for name in NAMES}, "additionalProperties": False}
    if rng.random() < 0.3:
        found["required"] = ["b"]
    if rng.random() < 0.4:
        found["dependentRequired"] = {rng.choice(NAMES): [rng.choice(NAMES)], rng.choice(NAMES): [rng.choice(NAMES)]}
    if rng.random() < 0.7:
        found[rng.choice(["minProperties", "maxProperties"])] = rng.randrange(1, 3)
    obligations: list[Any] = [{"properties": {"a": rng.choice(NOT)}}, {"patternProperties": {"^[ab]": rng.choice(NOT)}},
                              {"additionalProperties": rng.choice(NOT)}, {"propertyNames": {"maxLength": 1}},
                              {"enum": [{}, {"a": 7}, {"a": "a", "b": "a"}]}]  # fmt: skip
    return found | {"allOf": [{}, *({"not": one} for one in rng.sample(obligations, rng.randrange(3)))]}


@pytest.mark.parametrize(("make", "world"), [(a_list, LISTS), (an_object, OBJECTS)])
def test_all_values_are_listed_once(make: Any, world: list[Any]) -> None:
    for seed in range(max(20, int(100 * SCALE))):
        schema = make(Random(seed))
        reader, root = read(References(load(schema), None, None), relax=False, formats={}, content=None)
        found = Algebra(reader.nodes).census.values(goal_of(root), 600)
        assert len(set(found)) == len(found)
        judge = Draft202012Validator(schema)
        assert set(found) == {constant(value) for value in world if judge.is_valid(value)}, (seed, schema)


def test_different_values_are_taken_from_lists_without_recursion() -> None:
    lists = [[i, i + 1] for i in range(3_000)] + [[0]]
    assert has_representatives(lists)
    assert not has_representatives([*lists, [3_000]])
    rng = Random(5)
    for _ in range(2_000):
        lists = [rng.sample(range(6), rng.randrange(5)) for _ in range(rng.randrange(6))]
        assert has_representatives(lists) == any(len(set(one)) == len(one) for one in product(*lists))
