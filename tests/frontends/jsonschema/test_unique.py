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
from structgen.errors import EmptyLanguage
from structgen.frontends.jsonschema import json_schema
from structgen.frontends.jsonschema.census import has_representatives
from structgen.vocab.vocabulary import Vocabulary

VALUES: list[Any] = [None, True, False, 0, 1, 2, 1.5, "a", "b", "", [], [1], [1, 2], {}, {"a": 1}, {"a": 2}, {"a": 1, "b": 1}, [[1]]]
SMALL: list[Any] = [1, 2, "a", {"a": 1}, {"a": 1, "b": 1}, [1], True]
CLOSED = {"type": "object", "properties": {"a": {"enum": [1, 2]}}, "additionalProperties": False}
TWO = {"type": "object", "properties": {"a": {"const": 1}, "b": {"const": 1}}, "additionalProperties": False, "required": ["a"]}
PARTS: list[Any] = [
    True, {"type": "integer"}, {"type": "integer", "minimum": 0, "maximum": 2}, {"enum": [1, 2]}, {"enum": [1]}, {"type": "string"},
    {"enum": ["a", "b", 1]}, {"type": "boolean"}, {"type": "null"}, {"type": "object"}, CLOSED, TWO, {"const": {"a": 1}},
    {"type": "array", "items": {"enum": [1, 2]}, "maxItems": 2}, {"type": ["object", "array", "boolean"]}, {"not": {"const": {"a": 1}}},
    {"not": {"enum": [[1], {"a": 1}, 1]}}, {"type": "array", "uniqueItems": True}, {"not": {"type": "array", "uniqueItems": True}},
]  # fmt: skip


def schema(rng: Random) -> dict[str, Any]:
    """An array schema, mostly of unique items."""
    found: dict[str, Any] = {"type": "array"}
    if rng.random() < 0.8:
        found["uniqueItems"] = True
    elif rng.random() < 0.5:
        found["not"] = {"type": "array", "uniqueItems": True}
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


def instances(rng: Random) -> Iterator[list[Any]]:
    for size in (0, 1):
        yield from map(list, product(VALUES, repeat=size))
    yield from (rng.choices(VALUES, k=rng.randrange(5)) for _ in range(40))
    yield from (rng.choices(SMALL, k=rng.choice([2, 2, 3])) for _ in range(40))


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
    handy = set(b'{}[]",:ab012truefalsn')
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


def test_different_values_are_taken_from_lists_without_recursion() -> None:
    lists = [[i, i + 1] for i in range(3_000)] + [[0]]
    assert has_representatives(lists)
    assert not has_representatives([*lists, [3_000]])
    rng = Random(5)
    for _ in range(2_000):
        lists = [rng.sample(range(6), rng.randrange(5)) for _ in range(rng.randrange(6))]
        assert has_representatives(lists) == any(len(set(one)) == len(one) for one in product(*lists))
