"""Unique strings: masks over tokens that end one item and reach far into the next, and long lists over a real vocabulary."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest
from conftest import SCALE

import structgen.api as sg
from structgen.automata.machine import ByteAutomaton
from structgen.constraint.protocol import unpack
from structgen.errors import EmptyLanguage
from structgen.frontends.jsonschema import json_schema
from structgen.vocab.vocabulary import Vocabulary

TEXTS = ['","', '","a', '","a"', '","ab', '","ab"', '",""', '","","', '","b","a', "a", 'a"', 'b","', "\\u0061", "\\u006", '","\\u006', "1]",
         '","\\u0062"', '",null', '",n', 'null,"', '",1', "1,", ",12", '1,"', 'b"]', "é", '","\\', '","a","b', '"a","b"', '["']  # fmt: skip
TOKENS = [*(bytes([byte]) for byte in b'[],"ab1\\u06nul'), b"\xc3", *(text.encode() for text in TEXTS)]
ITEMS: list[Any] = [
    {"type": "string"}, {"type": "string", "maxLength": 1}, {"type": "string", "maxLength": 2}, {"type": "string", "minLength": 2},
    {"type": ["string", "null"], "maxLength": 1}, {"type": "string", "pattern": "^[ab]*$"}, {"type": ["string", "integer"]},
    {"type": "string", "pattern": "^[ab]{1,2}$"}, {"type": "string", "pattern": "^[ab]*$", "maxLength": 2}, {"enum": ["a", "b", None]},
    {"type": "string", "not": {"enum": ["a", "é"]}}, {"type": "string", "maxLength": 0}, {"anyOf": [{"maxLength": 1}, {"pattern": "^ab"}]},
]  # fmt: skip
BOUNDS: list[Any] = [{}, {"minItems": 2}, {"maxItems": 2}, {"minItems": 3, "maxItems": 3}, {"prefixItems": [{"enum": ["a", "b"]}]}]


@pytest.mark.parametrize("item", ITEMS, ids=json.dumps)
def test_masks_are_exact(item: Any) -> None:
    vocabulary = Vocabulary.from_bytes([*TOKENS, b""], eos=len(TOKENS))
    for seed in range(max(2, int(10 * SCALE))):
        rng = Random(seed)
        schema = {"type": "array", "items": item, "uniqueItems": True, **rng.choice(BOUNDS)}
        try:
            automaton = sg.json_schema(schema, style="compact").compile(vocabulary)
        except EmptyLanguage:
            continue
        machine, state, text = ByteAutomaton(json_schema(schema, style="compact").start), automaton.start(), b""
        for _ in range(14):
            allowed = [int(token) for token in unpack(automaton.mask(state)) if token < len(TOKENS)]
            alive = [token for token, data in enumerate(TOKENS) if machine.read(text + data)[0] == len(text + data)]
            assert allowed == alive, (seed, schema, text, [TOKENS[t] for t in {*allowed} ^ {*alive}])
            if not allowed:
                break  # the end of the text
            token = rng.choice(allowed)
            state, text = automaton.advance(state, token), text + TOKENS[token]


@pytest.mark.slow
@pytest.mark.parametrize("item", [{"type": "string"}, {"type": "string", "maxLength": 6}])
def test_many_unique_strings(shared_data: Path, item: Any) -> None:
    """No earlier item comes again, in whatever spelling; another one does."""
    vocabulary = Vocabulary.from_tokenizer(shared_data / "tokenizers" / "gpt2" / "tokenizer.json", audit=False)
    automaton = sg.json_schema({"type": "array", "items": item, "uniqueItems": True}).compile(vocabulary)
    state, count = automaton.start(), max(3, int(60 * SCALE))
    quote = vocabulary.encode('"')[0]

    def read(state: int, text: str) -> int:
        for token in vocabulary.encode(text):
            assert token in unpack(automaton.mask(state)), text
            state = automaton.advance(state, token)
        return state

    for k in range(count):
        state = read(state, f'{", " if k else "["}"abc{k:03d}"')
    for old in ("abc000", f"abc{count - 1:03d}", "\\u0061bc001"):
        inside = read(state, ', "' + old[:-1])
        last = vocabulary.encode(old[-1])[0]
        after = automaton.advance(inside, last)
        assert not after or quote not in unpack(automaton.mask(after)), old
        if "maxLength" in item:
            assert last not in unpack(automaton.mask(inside)), old
    assert automaton.accepts(read(state, ', "abc999"]'))


@pytest.mark.parametrize("name", ["email", "hostname", "uuid", "idn-email", "uri"])
def test_enough_of_a_format_is_known_without_an_automaton_of_what_is_left(name: str) -> None:
    grammar = sg.json_schema({"type": "array", "items": {"type": "string", "format": name}, "uniqueItems": True, "minItems": 3})
    for value in grammar.examples(3, seed=1, values=True):
        assert len(value) == len(set(value)) >= 3
