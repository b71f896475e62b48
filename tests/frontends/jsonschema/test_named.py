"""Objects of many properties, whose names are a tree of rules: the masks are those of the network that few properties make."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from random import Random
from typing import Any

import pytest
from conftest import SCALE
from jsonschema import Draft202012Validator

import structgen.api as sg
from structgen.automata.machine import ByteAutomaton
from structgen.errors import EmptyLanguage
from structgen.frontends.jsonschema import json_schema, objects
from structgen.vocab.vocabulary import Vocabulary

sys.path.insert(0, str(Path(__file__).parents[2] / "reference"))
from toys import same_masks

NAMES = ["", "a", "aa", "ab", "abc", "abd", "b", 'b"', "b\\", "é", "éa", "ê", "\t", "🦉", "🦊", *(f"k{i}" for i in range(25))]
TOKENS = [
    *(bytes([one]) for one in sorted({*b'{},:"abckde0123456789.\\ut', *"éê🦉🦊".encode()})),
    b'{"', b'":', b'":1', b',"', b'1,"a', b'"}', b'a":', b'ab":0,"', b"k1", b"k2", b'k12":', b"\\u00", b"\\t", b'\\"',
]  # fmt: skip
TOKENS = list(dict.fromkeys(TOKENS))
VOCABULARY = Vocabulary.from_bytes([*TOKENS, b""], eos=len(TOKENS))


def schema_of(rng: Random) -> dict[str, Any]:
    """Properties, some of them required, one of them without a value; and perhaps others."""
    names = rng.sample(NAMES, rng.randrange(12, len(NAMES)))
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {name: rng.choice([{"enum": [0, 1]}, {"const": "a"}, {"type": "integer", "maximum": 5}]) for name in names},
        "required": rng.sample(names, rng.choice([0, 0, 2, 5])),
    }
    if len(schema["required"]) < 5:
        schema["properties"][rng.choice([name for name in names if name not in schema["required"]])] = False
    more: dict[str, Any] = rng.choice(
        [
            {"additionalProperties": False},
            {"additionalProperties": {"const": 1}},
            {"additionalProperties": False, "patternProperties": {"^a": {"const": 1}}},
            {"additionalProperties": False, "patternProperties": {"^[ab]{1,2}$": {"const": 1}}},
            {"propertyNames": {"pattern": "^[a-z]"}, "required": []},
            {"anyOf": [{"required": [names[0]]}, {"required": [names[-1]]}]},
        ]
    )
    return schema | more


@pytest.mark.parametrize("order", ["schema", "any"])
def test_masks_are_those_of_the_network(order: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for seed in range(max(5, int(15 * SCALE))):
        rng = Random(seed)
        schema = schema_of(rng)
        try:
            judge = sg.json_schema(schema, style="compact", order=order).compile(VOCABULARY)
        except EmptyLanguage:
            continue
        with monkeypatch.context() as patch:
            patch.setattr(objects, "MANY", 3)
            automaton = sg.json_schema(schema, style="compact", order=order).compile(VOCABULARY)
            same_masks(automaton, judge, rng, (seed, schema))


@pytest.mark.parametrize("order", ["schema", "any"])
def test_three_thousand_properties(order: Any) -> None:
    rng = Random(0)
    schema = {"properties": {f"{i % 7}é{i}": {"const": i} for i in range(3000)}, "required": ["3é1200"], "additionalProperties": False}
    judge = Draft202012Validator({"type": "object", **schema})
    machine = ByteAutomaton(json_schema(schema, order=order).start)
    for _ in range(30):
        some = sorted(rng.sample(range(3000), 8) + [1200] * rng.randrange(2))
        value = {f"{i % 7}é{i}": i + (rng.random() < 0.02) for i in some}
        if order == "any":
            value = dict(rng.sample(list(value.items()), len(value)))
        for text in (json.dumps(value), json.dumps(value, ensure_ascii=False)):
            assert machine.accepts(text.encode()) == judge.is_valid(value), text
        assert not machine.accepts(f'{{"3é1200": 1200, {json.dumps(value)[1:]}'.encode()) or "3é1200" not in value
