"""Unique items, items that are not unique, and values that are none of some constants: against `jsonschema`, and without dead ends.

Arrays of scalars, of finite and of endless sets of containers, together with prefix items, counts and `contains`: everything that decides
which value may still come.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import product
from random import Random
from typing import Any

import pytest
from conftest import SCALE
from jsonschema import Draft202012Validator

import structgen.api as sg
from structgen.automata.machine import ByteAutomaton
from structgen.constraint.protocol import unpack
from structgen.errors import BudgetExceeded, EmptyLanguage
from structgen.frontends.jsonschema import census, json_schema
from structgen.vocab.vocabulary import Vocabulary

FAR: list[Any] = ["zebra", 1_000_000, [9, 9]]  # they are not among the first values of anything
VALUES: list[Any] = [None, True, False, 0, 1, 2, 1.5, "a", "b", "", [], [1], [1, 2], {}, {"a": 1}, {"a": 2}, {"a": 1, "b": 1}, [[1]], *FAR,
                     {"a": "zebra"}, {"b": "zebra"}, {"x": 1_000_000}, {"x": 1_000_000, "y": 1}]  # fmt: skip
SMALL: list[Any] = [1, 2, "a", {"a": 1}, {"a": 1, "b": 1}, [1], True, *FAR, {"a": "zebra"}, {"b": "zebra"}]
CLOSED = {"type": "object", "properties": {"a": {"enum": [1, 2]}}, "additionalProperties": False}
TWO = {"type": "object", "properties": {"a": {"const": 1}, "b": {"const": 1}}, "additionalProperties": False, "required": ["a"]}
PARTS: list[Any] = [
    True, {"type": "integer"}, {"type": "integer", "minimum": 0, "maximum": 2}, {"enum": [1, 2]}, {"enum": [1]}, {"type": "string"},
    {"enum": ["a", "b", 1]}, {"type": "boolean"}, {"type": "null"}, {"type": "object"}, CLOSED, TWO, {"const": {"a": 1}},
    {"type": "array", "items": {"enum": [1, 2]}, "maxItems": 2}, {"type": ["object", "array", "boolean"]}, {"not": {"const": {"a": 1}}},
    {"not": {"enum": [[1], {"a": 1}, 1]}}, {"type": "array", "uniqueItems": True}, {"not": {"type": "array", "uniqueItems": True}},
    *({"const": value} for value in FAR), {"minimum": 5000}, {"minLength": 5}, {"pattern": "ra$"}, {"type": "array"},
]  # fmt: skip
ZEBRA = {"not": {"const": "zebra"}}
OBLIGED: list[Any] = [{"type": "object", **one} for one in (
    {"not": {"additionalProperties": ZEBRA}},
    {"not": {"patternProperties": {"^[ab]": ZEBRA}}},
    {"not": {"unevaluatedProperties": ZEBRA}, "maxProperties": 1},
    {"not": {"propertyNames": {"pattern": "^[^b]"}}},
    {"additionalProperties": {"enum": ["zebra", 1]}, "not": {"additionalProperties": {"type": "integer"}}, "maxProperties": 2},
    {"patternProperties": {"^x": {"type": "integer"}}, "additionalProperties": False, "not": {"patternProperties": {"^x": {"maximum": 9}}}},
    {"required": ["a"], "not": {"additionalProperties": ZEBRA}},
)]  # fmt: skip


def schema(rng: Random) -> dict[str, Any]:
    """An array schema, mostly of unique items."""
    found: dict[str, Any] = {"type": "array"}
    kind = rng.random()
    if kind < 0.6:
        found["uniqueItems"] = True
    elif kind < 0.9:
        found["not"] = {"type": "array", "uniqueItems": True}
        if rng.random() < 0.5:
            return found | tight(rng)
    if rng.random() < 0.15:
        found["items"] = rng.choice(OBLIGED)
        found[rng.choice(["minItems", "maxItems"])] = rng.randrange(2, 4)
        return found if rng.random() < 0.5 else found | {"contains": rng.choice([*PARTS, *OBLIGED])}
    if rng.random() < 0.6:
        found["prefixItems"] = rng.choices(PARTS, k=rng.randrange(1, 4))
    if rng.random() < 0.7:
        found["items"] = rng.choice(PARTS) if rng.random() < 0.8 else False
    if rng.random() < 0.5:
        found["minItems"] = rng.randrange(4)
    if rng.random() < 0.3:
        found["maxItems"] = rng.randrange(1, 5)
    if rng.random() < 0.3:
        found["contains"] = rng.choice(PARTS)
    if rng.random() < 0.2:
        found[rng.choice(["minContains", "maxContains"])] = rng.randrange(1, 3)
    if rng.random() < 0.2:
        found = {"allOf": [found, {"not": {"enum": [[1, 2], [1], ["a"], [{"a": 1}], [2, 1]]}}]}
    return found


def tight(rng: Random) -> dict[str, Any]:
    """What leaves few ways to repeat an item."""
    found: dict[str, Any] = {"maxItems": rng.randrange(2, 4)}
    if rng.random() < 0.5:
        found["prefixItems"] = rng.choices(PARTS, k=2)
        found["items"] = rng.random() < 0.5
    else:
        found["items"] = rng.choice(PARTS)
    if rng.random() < 0.7:
        found["contains"] = rng.choice(PARTS)
        found["minContains"] = rng.randrange(1, 3)
    if rng.random() < 0.4:
        found["allOf"] = [{"contains": rng.choice(PARTS)}]
        found["maxContains"] = rng.randrange(2, 4)
    return found


def instances(rng: Random) -> Iterator[list[Any]]:
    for size in (0, 1):
        yield from map(list, product(VALUES, repeat=size))
    yield from (rng.choices(VALUES, k=rng.randrange(5)) for _ in range(40))
    yield from (rng.choices(SMALL, k=rng.choice([2, 2, 3])) for _ in range(40))
    yield from ([value, value] for value in VALUES)
    yield from (rng.sample([value, value, rng.choice(VALUES)], 3) for value in rng.sample(VALUES, 8))


@pytest.mark.parametrize("block", range(4))
def test_arrays_are_judged_as_jsonschema_does(block: int) -> None:
    size = max(5, int(25 * SCALE))
    for seed in range(1000 * block, 1000 * block + size):
        rng = Random(seed)
        one = schema(rng)
        judge = Draft202012Validator(one)
        try:
            machine = ByteAutomaton(json_schema(one, style="any", order="any").start)
        except EmptyLanguage:
            assert not any(map(judge.is_valid, instances(rng))), (seed, one)
            continue
        for value in instances(rng):
            assert machine.accepts(json.dumps(value).encode()) == judge.is_valid(value), (seed, one, value)


@pytest.mark.parametrize("block", range(2))
def test_walks_find_no_dead_end_and_only_valid_arrays(block: int) -> None:
    handy = set(b'{}[]",:ab012truefalsnxzr')
    finished = 0
    for seed in range(5000 + 1000 * block, 5000 + 1000 * block + max(5, int(25 * SCALE))):
        rng = Random(seed)
        one = schema(rng)
        try:
            machine = ByteAutomaton(json_schema(one, order=rng.choice(["schema", "any"])).start)
        except EmptyLanguage:
            continue
        for _ in range(3):
            state, text = machine.start, bytearray()
            for _ in range(60):
                moves = machine.moves(state)
                assert moves or machine.is_final(state), (seed, one, text)
                some = [move for move in moves if move[0] in handy]
                if machine.is_final(state) and (not some or rng.random() < 0.3):
                    finished += 1
                    assert Draft202012Validator(one).is_valid(json.loads(text)), (seed, one, text)
                    break
                if not some:
                    break
                byte, state = rng.choice(some)
                text.append(byte)
    assert finished > 10 * SCALE


SINGLE = [bytes([byte]) for byte in b'[],"ab12{}:']
TWICE = ['","', '"a","a"', '"a","b"', '["a"', '"a"]', ",1", "1,1", "1,2", '{"a":1', '{"a":1,"a":1', '{"a":1,"b":2', '"a":1,"', '1,"a":2',
         '":1,"a', '":1,"a":', '"b":1}', '"a":{"a":1,"a"']  # fmt: skip
TOKENS = [*SINGLE, *(text.encode() for text in TWICE)]


@pytest.mark.parametrize("part", [{"uniqueItems": True}, {"type": "object"}, {"items": {"type": "integer"}, "uniqueItems": True}, {}])
def test_tokens_that_end_two_bound_texts_are_masked_exactly(part: Any) -> None:
    vocabulary = Vocabulary.from_bytes([*TOKENS, b""], eos=len(TOKENS))
    for seed in range(10):
        rng = Random(seed)
        automaton = sg.json_schema(part, style="compact").compile(vocabulary)
        machine, state, text = ByteAutomaton(json_schema(part, style="compact").start), automaton.start(), b""
        for _ in range(12):
            allowed = [int(token) for token in unpack(automaton.mask(state)) if token < len(TOKENS)]
            alive = [token for token, data in enumerate(TOKENS) if machine.read(text + data)[0] == len(text + data)]
            assert allowed == alive, (seed, text)
            if not allowed:
                break  # the end of the text
            token = rng.choice(allowed)
            state, text = automaton.advance(state, token), text + TOKENS[token]


WHOLE = ['["a","b"]', '["a","b","c"]', '"a",', '"a","', '["a","a"]', '{"a":1,"b":2}', '{"a":1,"a":2}']
SHORT: list[Any] = [
    {"type": "array", "uniqueItems": True, "items": {"enum": ["a", "b", "c"]}, "maxItems": 3},
    {"type": "array", "not": {"uniqueItems": True}, "items": {"enum": ["a", "b"]}, "maxItems": 2},
    {"type": "array", "not": {"uniqueItems": True}, "items": {"type": "string"}, "maxItems": 2},
    {"type": "array", "not": {"uniqueItems": True}, "prefixItems": [{"enum": ["a", "b"]}, {"enum": ["a", "b"]}], "items": False},
    {"type": "object", "minProperties": 2},
]


@pytest.mark.parametrize("part", SHORT)
def test_tokens_that_hold_a_whole_value_are_masked_exactly(part: Any) -> None:
    tokens = [*SINGLE, b"c", *(text.encode() for text in WHOLE)]
    automaton = sg.json_schema(part, style="compact").compile(Vocabulary.from_bytes([*tokens, b""], eos=len(tokens)))
    for seed in range(10):
        rng, state = Random(seed), automaton.start()
        for _ in range(10):
            allowed = {int(token) for token in unpack(automaton.mask(state)) if token < len(tokens)}
            assert allowed == {token for token in range(len(tokens)) if automaton.advance(state, token)}, seed
            if not allowed:
                break
            state = automaton.advance(state, rng.choice(sorted(allowed)))


def test_that_there_are_enough_values_is_found_out_without_recursion() -> None:
    item = {"type": "object", "properties": {f"p{i}": {"type": "boolean"} for i in range(1_200)}, "additionalProperties": False}
    grammar = sg.json_schema({"type": "array", "items": item, "uniqueItems": True, "minItems": 2})
    assert not grammar.accepts("[{}]")


def repeated(**more: Any) -> dict[str, Any]:
    """Arrays with two equal items."""
    return {"type": "array", "not": {"uniqueItems": True}, **more}


def objects(**more: Any) -> dict[str, Any]:
    """Unique objects."""
    return {"type": "array", "uniqueItems": True, "items": {"type": "object", **more}}


Z: dict[str, Any] = {"not": {"const": "z"}}
TEXT_OR_NUMBER = {"type": ["string", "number"]}


@pytest.mark.parametrize(
    ("one", "value"),
    [
        (repeated(prefixItems=[{"const": "zebra"}, {"type": "string"}], maxItems=2), ["zebra", "zebra"]),
        (repeated(prefixItems=[{"const": 10**6}, {"type": "integer"}], maxItems=2), [10**6, 10**6]),
        (repeated(prefixItems=[{"const": [9, 9]}, {"type": "array"}], items=False), [[9, 9], [9, 9]]),
        (repeated(prefixItems=[{"minimum": 5000}, {"type": "integer"}], items=False), [5000, 5000]),
        (repeated(prefixItems=[{"minLength": 5}, {"pattern": "q$"}], items=False), ["aaaaq", "aaaaq"]),
        (repeated(items={"type": "string"}, contains={"pattern": "^zz"}, maxItems=2), ["zz", "zz"]),
        (repeated(items={"type": "object"}, contains={"required": ["name"]}, maxItems=2), [{"name": 1}, {"name": 1}]),
        (repeated(contains={"const": 77777}, maxItems=2), [77777, 77777]),
        (repeated(allOf=[{"contains": {"const": "x"}}, {"contains": {"const": "y"}}], maxItems=3), ["x", "y", "x"]),
        (repeated(minItems=400, contains={"const": "x"}, maxContains=1), ["x", *["y"] * 399]),
        (objects(**{"not": {"additionalProperties": Z}}, minItems=2), [{"a": "z"}, {"b": "z"}]),
        (objects(additionalProperties=TEXT_OR_NUMBER, **{"not": {"additionalProperties": {"type": "number"}}}, maxProperties=2),
         [{"a": "z"}, {"b": "z", "c": 1}]),
        (objects(patternProperties={"^x": {"type": "integer"}}, additionalProperties=False,
                 **{"not": {"patternProperties": {"^x": {"maximum": 1000}}}}), [{"x": 1001}, {"x": 1002}]),
        (objects(**{"not": {"unevaluatedProperties": Z}}), [{"a": "z"}, {"b": "z"}]),
        (objects(**{"not": {"propertyNames": {"maxLength": 5}}}), [{"abcdef": 1}, {"abcdef": 2}]),
        ({**objects(**{"not": {"additionalProperties": {"not": TEXT_OR_NUMBER}}}), "contains": {"required": ["id"]}}, [{"id": "z"}]),
        ({"uniqueItems": True, "minItems": 2, "items": {"exclusiveMinimum": 1e-80, "exclusiveMaximum": 2e-80}}, [1.1e-80, 1.2e-80]),
        ({"uniqueItems": True, "minItems": 50, "contains": {"minimum": 50}, "minContains": 3, "maxContains": 4,
          "items": {"type": "integer", "minimum": 0, "maximum": 60}}, [*range(47), 50, 51, 52]),
        ({"uniqueItems": True, "minItems": 10**5, "items": {"type": "integer", "maximum": 0}}, [0]),
        ({"minContains": 10**6, "contains": {"type": "string"}}, ["a"]),
        ({"uniqueItems": True, "minItems": 2, "items": {"multipleOf": 2, "not": {"multipleOf": 1}}}, ["a", "b"]),
    ],
)  # fmt: skip
def test_that_there_are_values_is_not_judged_by_the_first_ones(one: Any, value: Any) -> None:
    for schema in (one, {"properties": {"p": one}}):
        whole = value if schema is one else {"p": value}
        assert sg.json_schema(schema).accepts(json.dumps(whole)) == Draft202012Validator(schema).is_valid(whole)


@pytest.mark.parametrize("one", [
    repeated(items={"type": "boolean"}, contains={"const": True}, maxItems=2),
    repeated(items={"enum": ["a", "b"]}, contains={"const": "b"}, maxItems=2),
    repeated(items={"type": "object", "properties": {"a": {"type": "boolean"}}, "additionalProperties": False},
             contains={"maxProperties": 0}, maxItems=2),
])  # fmt: skip
def test_an_item_is_one_that_can_still_be_repeated(one: Any) -> None:
    machine = ByteAutomaton(json_schema(one, style="compact").start)
    todo = [(machine.start, b"")]
    while todo:
        state, text = todo.pop()
        moves = machine.moves(state)
        assert moves or machine.is_final(state), text
        assert not machine.is_final(state) or Draft202012Validator(one).is_valid(json.loads(text)), text
        todo += [(to, text + bytes([byte])) for byte, to in moves]


def test_what_takes_too_long_is_found_out_once(monkeypatch: pytest.MonkeyPatch) -> None:
    items = {"type": "array", "items": {"enum": [1, 2]}, "maxItems": 9, "contains": {"const": 1}}
    machine = ByteAutomaton(json_schema({"properties": {"p": {"uniqueItems": True, "minItems": 9, "items": items}}}).start)
    for steps in (10, census.MAX_STEPS):
        monkeypatch.setattr(census, "MAX_STEPS", steps)
        with pytest.raises(BudgetExceeded, match="too long"):
            machine.accepts(b'{"p":[1]}')
