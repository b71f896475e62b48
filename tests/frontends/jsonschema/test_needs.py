"""Properties that need others (dependentRequired, if required then required): masks against all objects that a validator takes."""

from __future__ import annotations

import json
import sys
from itertools import chain, combinations, permutations
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

NAMES = ["a", "b", "ab", "c"]
TOKENS = [*(bytes([one]) for one in b'{},:"abc1'), b'{"', b'":1', b',"', b'1,"a', b'"}', b"1}", b'b":1,"c"']
VOCABULARY = Vocabulary.from_bytes([*TOKENS, b""], eos=len(TOKENS))


def schema_of(rng: Random) -> dict[str, Any]:
    """Needs of several names, and what may contradict them."""

    def some(least: int = 0) -> list[str]:
        return rng.sample(NAMES, rng.randrange(least, 3))

    rules: list[dict[str, Any]] = [{"if": {"required": some(1)}, "then": {"required": some(1)}} for _ in range(rng.randrange(3))]
    if rng.random() < 0.3:
        rules.append({"not": {"required": some(1)}})
    if rng.random() < 0.2:
        rules.append({"anyOf": [{"required": some(1)}, {"maxProperties": 2}]})
    schema: dict[str, Any] = {
        "type": "object",
        "dependentRequired": {name: some() for name in some()},
        "properties": {name: rng.choice([True, True, True, False]) for name in some()},
        "required": some() if rng.random() < 0.4 else [],
        "propertyNames": {"enum": NAMES},
        "additionalProperties": {"const": 1},
    }
    schema["properties"] = {name: one and {"const": 1} for name, one in schema["properties"].items()}
    if rng.random() < 0.3:
        schema |= rng.choice([{"minProperties": 2}, {"maxProperties": 2}, {"minProperties": 1, "maxProperties": 3}])
    return schema | ({"allOf": rules} if rules else {})


def texts_of(schema: dict[str, Any], order: str) -> list[str]:
    """All valid objects: declared properties in their order, where it counts, and then others."""
    judge = Draft202012Validator(schema)
    first = list(schema["properties"]) if order == "schema" else []
    first += [name for name in schema["required"] if name not in first] if order == "schema" else []
    found = []
    for names in chain.from_iterable(permutations(NAMES, size) for size in range(len(NAMES) + 1)):
        there = [name for name in first if name in names]
        if list(names[: len(there)]) == there and judge.is_valid(dict.fromkeys(names, 1)):
            found.append(json.dumps(dict.fromkeys(names, 1), separators=(",", ":")))
    return found


@pytest.mark.parametrize("block", range(2))
def test_masks(block: int) -> None:
    empty = 0
    for seed in range(1000 * block, 1000 * block + max(20, int(80 * SCALE))):
        rng = Random(seed)
        schema = schema_of(rng)
        texts = texts_of(schema, "any")
        try:
            automaton = sg.json_schema(schema, style="compact", order="any").compile(VOCABULARY)
        except EmptyLanguage:
            assert not texts, (seed, schema)
            empty += 1
            continue
        judge = finite(VOCABULARY, texts)
        same_masks(automaton, judge, rng, (seed, schema))
    assert empty < 30


def test_schema_order() -> None:
    """Every valid object has one order at least, declared properties come in theirs, and no text is a dead end."""
    for seed in range(max(20, int(80 * SCALE))):
        rng = Random(seed)
        schema = schema_of(rng)
        texts, every = texts_of(schema, "schema"), texts_of(schema, "any")
        if rng.random() < 0.5:
            del schema["propertyNames"]
        if not texts:
            continue
        machine = ByteAutomaton(json_schema(schema, style="compact").start)
        accepted = [text for text in every if machine.accepts(text.encode())]
        assert {frozenset(json.loads(text)) for text in accepted} == {frozenset(json.loads(text)) for text in every}, (seed, schema)
        placed = list(schema["properties"])
        for text in accepted:
            names = [name for name in json.loads(text) if name in placed]
            assert names == sorted(names, key=placed.index), (seed, schema, text)
        for _ in range(5):
            state, text = machine.start, b""
            for _ in range(200):
                moves = machine.moves(state)
                assert moves or machine.is_final(state), (seed, schema, text)
                if not moves:
                    break
                byte, state = rng.choice(moves)
                text += bytes([byte])


def test_many_needs() -> None:
    rules: list[dict[str, Any]] = [
        {"dependentRequired": {f"a{i}": [f"b{i}"] for i in range(100)}},
        {"allOf": [{"if": {"required": [f"a{i}"]}, "then": {"required": [f"b{i}"]}} for i in range(100)]},
    ]
    rng = Random(0)
    for schema in rules:
        judge = Draft202012Validator(schema)
        machine = ByteAutomaton(json_schema({"type": "object", **schema}, order="any").start)
        for names in combinations(["a1", "b1", "a2", "b2", "a99", "z"], 3):
            value = dict.fromkeys(rng.sample(names, 3), 1)
            assert machine.accepts(json.dumps(value).encode()) == judge.is_valid(value), value
