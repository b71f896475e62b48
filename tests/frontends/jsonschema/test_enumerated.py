"""Sets of constant arrays and objects: the language is the set of their texts, the masks are exact, and the work does not multiply."""

from __future__ import annotations

import json
import sys
from itertools import permutations, product
from pathlib import Path
from random import Random
from typing import Any

import pytest
from conftest import SCALE
from jsonschema import Draft202012Validator

import structgen.api as sg
from structgen.automata.machine import ByteAutomaton
from structgen.errors import EmptyLanguage
from structgen.frontends.jsonschema import json_schema
from structgen.vocab.vocabulary import Vocabulary

sys.path.insert(0, str(Path(__file__).parents[2] / "reference"))
from toys import finite, same_masks

SCALARS: list[Any] = [None, True, False, 0, 1, 11, 1.5, "", "a", "ab", "1"]
TOKENS = [*(bytes([one]) for one in b'[]{},:"ab0151.nulltrefs'), b'"a"', b'":', b'","b":', b"1,", b"],[", b'{"a":1', b'1},"b":{"a":']
TOKENS = list(dict.fromkeys(TOKENS))
VOCABULARY = Vocabulary.from_bytes([*TOKENS, b""], eos=len(TOKENS))


def value(rng: Random, depth: int = 2) -> Any:
    """A small value; members in any order."""
    kind = rng.random() if depth else 0.0
    if kind < 0.4:
        return rng.choice(SCALARS)
    if kind < 0.6:
        return [value(rng, depth - 1) for _ in range(rng.randrange(4))]
    return {key: value(rng, depth - 1) for key in rng.sample(["a", "b", "ab"], rng.randrange(4))}


def several(rng: Random) -> list[Any]:
    """Values that have much in common."""
    first = [value(rng) for _ in range(rng.choice([1, 3, 8]))]
    return [
        [*one, two] if isinstance(one, list) else {**one, "b": two} if isinstance(one, dict) else one
        for one in first
        for two in (1, 11, [], {"a": 1})
    ]


def orders(one: Any) -> list[str]:
    """The value with its members in every order."""
    if isinstance(one, list):
        texts = [""]
        for item in one:
            texts = [f"{text},{more}" if text else more for text in texts for more in orders(item)]
        return [f"[{text}]" for text in texts]
    if not isinstance(one, dict):
        return [json.dumps(one)]
    found: list[str] = []
    for keys in permutations(one):
        texts = [""]
        for key in keys:
            texts = [f'{text},"{key}":{more}' if text else f'"{key}":{more}' for text in texts for more in orders(one[key])]
        found += [f"{{{text}}}" for text in texts]
    return found


@pytest.mark.parametrize("order", ["schema", "any"])
def test_masks_are_those_of_the_finite_set_of_texts(order: Any) -> None:
    for seed in range(max(5, int(30 * SCALE))):
        rng = Random(seed)
        values = several(rng)
        texts = (
            [json.dumps(one, separators=(",", ":")) for one in values] if order == "schema" else [t for one in values for t in orders(one)]
        )
        judge = finite(VOCABULARY, texts)
        schema = {"enum": values} if rng.random() < 0.5 else {"anyOf": [{"const": one} for one in values]}
        automaton = sg.json_schema(schema, style="compact", order=order).compile(VOCABULARY)
        same_masks(automaton, judge, rng, (seed, values), steps=30)


def beside(rng: Random, values: list[Any]) -> dict[str, Any]:
    """A schema with an enumeration and something else."""
    some, others = {"enum": values}, {"enum": [*rng.sample(values, len(values) // 2), value(rng)]}
    part: Any = rng.choice([{"type": "integer"}, {"enum": [1, [], "a"]}, {"const": {"a": 1}}, {"type": ["object", "string"]}])
    return rng.choice(
        [
            {**some, "properties": {"b": part}},
            {**some, "items": part},
            {**some, "minProperties": 2, "maxItems": 2},
            {**some, "required": ["a"], "uniqueItems": True},
            {**some, "contains": part},
            {**some, "additionalProperties": part},
            {**some, "propertyNames": {"maxLength": 1}},
            {**some, "not": others},
            {"allOf": [some, others]},
            {"oneOf": [some, others, {"required": ["a"]}]},
            {"oneOf": [{"const": one} for one in values]},
            {"not": {"not": some}},
            {"properties": {"b": some}, "type": "object", "unevaluatedProperties": False},
            {"type": "array", "items": some, "uniqueItems": True, "minItems": 2},
            {"type": "array", "contains": some, "items": {"anyOf": [others, part]}},
            {"if": some, "then": {"required": ["b"]}, "else": {"maxProperties": 1}},
        ]
    )


@pytest.mark.parametrize("block", range(3))
def test_beside_other_keywords_they_are_judged_as_jsonschema_does(block: int) -> None:
    for seed in range(1000 * block, 1000 * block + max(5, int(40 * SCALE))):
        rng = Random(seed)
        values = several(rng)
        schema = beside(rng, values)
        judge = Draft202012Validator(schema)
        near = [*values, *(value(rng) for _ in range(20))]
        near += [[one] for one in values] + [{"b": one} for one in values] + [rng.sample(near, 2) for _ in range(20)]
        try:
            machine = ByteAutomaton(json_schema(schema, order="any").start)
        except EmptyLanguage:
            assert not any(map(judge.is_valid, near)), (seed, schema)
            continue
        for one in near:
            assert machine.accepts(json.dumps(one).encode()) == judge.is_valid(one), (seed, schema, one)


def test_the_order_of_members_is_that_of_the_constant_behind_declared_ones() -> None:
    def accepted(schema: dict[str, Any], *texts: str) -> list[bool]:
        machine = ByteAutomaton(json_schema(schema).start)
        return [machine.accepts(text.encode()) for text in texts]

    texts = '{"b": 1, "a": {"d": 1, "c": 2}}', '{"a": {"d": 1, "c": 2}, "b": 1}', '{"a": {"c": 2, "d": 1}, "b": 1}'
    constant = json.loads(texts[0])
    assert accepted({"const": constant}, *texts) == [True, False, False]
    assert accepted({"enum": [constant, json.loads(texts[2])]}, *texts) == [True, False, True]
    assert accepted({"const": constant, "properties": {"a": {}}}, *texts) == [False, True, False]
    assert accepted({"const": constant, "properties": {"a": {"properties": {"c": {}}}}}, *texts) == [False, False, True]


@pytest.mark.parametrize("wrap", [lambda values: {"enum": values}, lambda values: {"anyOf": [{"const": one} for one in values]}])
def test_thousands_of_constants_are_a_trie(wrap: Any) -> None:
    machine = ByteAutomaton(json_schema(wrap([{"id": i, "tags": [f"x{i}", i % 7], "last": i % 2} for i in range(2000)])).start)
    assert machine.accepts(b'{"id": 77, "tags": ["x77", 0], "last": 1}')
    assert not machine.accepts(b'{"id": 77, "tags": ["x77", 1], "last": 1}')
    assert not machine.accepts(b'{"id": 77, "tags": ["x78", 1], "last": 0}')
    assert len(machine.rules) < 40


def denied(rng: Random) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A schema of finitely many objects, many of which it denies, and all that are left."""
    values = [0, 1, 5, 10, "a", "ab", None][: rng.choice([5, 7])]
    keys = ["a", "b", "ab"][: rng.choice([2, 2, 3])]
    required = rng.sample(keys, rng.randrange(3))
    every: list[dict[str, Any]] = [{}]
    for key in keys:
        every = [one | more for one in every for more in ([] if key in required else [{}]) + [{key: v} for v in values]]
    gone = rng.choice(values)  # most that have this one
    out = [one for one in every if rng.random() < (0.97 if one.get("a") == gone else 0.3)]
    schema = {
        "type": "object",
        "properties": {key: {"enum": values} for key in keys},
        "required": required,
        "additionalProperties": False,
        "not": {"enum": out},
    }
    return schema, [one for one in every if one not in out]


@pytest.mark.parametrize("order", ["schema", "any"])
def test_masks_where_many_objects_are_denied(order: Any) -> None:
    for seed in range(max(4, int(12 * SCALE))):
        rng = Random(seed)
        schema, left = denied(rng)
        spelled = orders if order == "any" else lambda one: [json.dumps(one, separators=(",", ":"))]
        judge = finite(VOCABULARY, [text for one in left for text in spelled(one)])
        automaton = sg.json_schema(schema, style="compact", order=order).compile(VOCABULARY)
        same_masks(automaton, judge, rng, (seed, schema), walks=6, steps=30)


def test_thousands_of_denied_objects_are_one_rule_a_member() -> None:
    machine = ByteAutomaton(json_schema({"not": {"enum": [{"id": i, "tags": [f"x{i}", i % 7]} for i in range(2000)]}}).start)
    assert not machine.accepts(b'{"id": 77, "tags": ["x77", 0]}')
    assert not machine.accepts(b'{"tags": ["x77", 0], "id": 77.0}')
    assert machine.accepts(b'{"id": 77, "tags": ["x77", 1]}')
    assert machine.accepts(b'{"tags": ["x77", 0], "id": 78}')
    assert machine.accepts(b'{"id": 77, "tags": ["x77", 0], "more": 1}')
    assert machine.accepts(b'{"id": ' + 1000 * b"[" + 1000 * b"]" + b', "tags": ["x77", 0]}')
    assert len(machine.rules) < 60


def denied_arrays(rng: Random) -> tuple[dict[str, Any], list[list[Any]]]:
    """A schema of finitely many arrays, many of which it denies, and all that are left."""
    values = [0, 1, 5, 10, "a", None][: rng.choice([5, 6])]
    low, high = rng.choice([(0, 2), (1, 2), (2, 2), (0, 3)])
    every: list[list[Any]] = [list(one) for size in range(low, high + 1) for one in product(values, repeat=size)]
    schema: dict[str, Any] = {"type": "array", "items": {"enum": values}, "minItems": low, "maxItems": high}
    if rng.random() < 0.4:
        schema |= {"contains": {"type": "integer"}, "minContains": 1}
        every = [one for one in every if any(type(item) is int for item in one)]
    gone = rng.choice(values)
    out = [one for one in every if rng.random() < (0.97 if one[:1] == [gone] else 0.3)]
    return schema | {"not": {"enum": [*out, [[]]]}}, [one for one in every if one not in out]


def test_masks_where_many_arrays_are_denied() -> None:
    for seed in range(max(4, int(12 * SCALE))):
        rng = Random(seed)
        schema, left = denied_arrays(rng)
        judge = finite(VOCABULARY, [json.dumps(one, separators=(",", ":")) for one in left])
        automaton = sg.json_schema(schema, style="compact").compile(VOCABULARY)
        same_masks(automaton, judge, rng, (seed, schema), walks=6, steps=30)
