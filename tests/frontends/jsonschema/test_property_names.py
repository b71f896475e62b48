"""propertyNames with bounds on the length: keys are counted like other strings."""

from __future__ import annotations

import json
import sys
from itertools import permutations, product
from pathlib import Path
from random import Random
from typing import Any

import pytest
from conftest import SCALE

import structgen.api as sg
from structgen.automata.machine import ByteAutomaton
from structgen.errors import EmptyLanguage
from structgen.frontends.jsonschema import json_schema, keys, strings
from structgen.vocab.vocabulary import Vocabulary

sys.path.insert(0, str(Path(__file__).parents[2] / "reference"))
from toys import finite, same_masks

TOKENS = [*(bytes([one]) for one in b'{},:"ab01.'), b'{"', b'a"', b'":', b'":1,"', b"ab", b"bb", b'b":1', b'"}']
VOCABULARY = Vocabulary.from_bytes([*TOKENS, b""], eos=len(TOKENS))


@pytest.mark.parametrize("bounds", [{"maxLength": 2}, {"minLength": 1, "maxLength": 2}, {"minLength": 2, "maxLength": 2}])
@pytest.mark.parametrize("pattern", ["^[ab]*$", "^a*b?$", "^(ab|b)*$"])
def test_masks_where_counted_keys_run_out(bounds: dict[str, int], pattern: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strings, "PRODUCT", 0)
    monkeypatch.setattr(keys, "LISTED", 0)
    schema = {"propertyNames": {"pattern": pattern, **bounds}, "additionalProperties": {"const": 1}, "type": "object"}
    words = ["".join(chars) for size in range(3) for chars in product("ab", repeat=size)]
    accepts = sg.json_schema({"type": "string", **schema["propertyNames"]}).accepts
    names = [word for word in words if accepts(json.dumps(word))]
    texts = [
        json.dumps(dict.fromkeys(some, 1), separators=(",", ":")) for size in range(len(names) + 1) for some in permutations(names, size)
    ]
    judge = finite(VOCABULARY, texts)
    automaton = sg.json_schema(schema, style="compact").compile(VOCABULARY)
    rng = Random(0)
    same_masks(automaton, judge, rng, schema, walks=max(4, int(12 * SCALE)), steps=60)


LONG: list[dict[str, Any]] = [
    {"format": "hostname"},
    {"format": "hostname", "minLength": 3},
    {"format": "hostname", "maxLength": 100, "minLength": 4},
    {"format": "email"},
    {"format": "email", "minLength": 8, "maxLength": 60},
    {"maxLength": 100_000},
    {"pattern": "a", "maxLength": 50_000},
    {"pattern": "^x-", "minLength": 4, "maxLength": 30_000},
]


@pytest.mark.parametrize("names", LONG)
def test_keys_are_the_strings_of_the_schema(names: dict[str, Any]) -> None:
    is_name = ByteAutomaton(json_schema({"type": "string", **names}).start)
    machine = ByteAutomaton(json_schema({"type": "object", "propertyNames": names}).start)
    words = [
        "a",
        "b.c",
        "a@b.c",
        "abc@d.example",
        "x-a",
        "x-ab",
        "-a",
        "a" * 63 + ".b",
        "a" * 64,
        "ab." * 84 + "c",
        "ab." * 84 + "cd",
        "a." * 100,
    ]
    words += ["x-" + "a" * 29_998, "x-" + "a" * 29_999, "ä" * 100_001]
    for word in words:
        text = json.dumps(word)
        assert machine.accepts(f"{{{text}: 1}}".encode()) == is_name.accepts(text.encode()), word
        assert not machine.accepts(f"{{{text}: 1, {text}: 1}}".encode())
        assert machine.accepts(f'{{"abc@d.example": 1, {text}: 2}}'.encode()) == (
            machine.accepts(b'{"abc@d.example": 1}') and is_name.accepts(text.encode()) and word != "abc@d.example"
        )


def test_an_object_needs_as_many_keys_as_there_are() -> None:
    schema = {"type": "object", "propertyNames": {"pattern": "^(ab)*$", "maxLength": 20_000}, "minProperties": 10_001}
    assert json_schema(schema).report.verdict == "exact"
    with pytest.raises(EmptyLanguage):
        json_schema(schema | {"minProperties": 10_002})
