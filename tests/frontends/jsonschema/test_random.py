"""Random schemas and values, judged by the `jsonschema` package in both directions; and random walks through the real automaton."""

from __future__ import annotations

import json
import random
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from structgen.constraint.grammar import Grammar
from structgen.errors import EmptyLanguage, UnsupportedFeature
from structgen.frontends.jsonschema import algebra, json_schema, keys, shapes
from structgen.ir.expr import NEVER, Expr
from structgen.vocab.vocabulary import Vocabulary

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[2] / "reference")]
from recognize import accepts  # noqa: E402
from schemas import document, value  # noqa: E402

BYTES = Vocabulary.from_bytes([*(bytes([i]) for i in range(256)), b""], eos=256)
HANDY = frozenset(b'{}[]",:abc0123.-truefalsn ')


def start_of(schema: Any, **options: Any) -> Expr | None:
    """The start expression, NEVER for an empty language, None where the schema is refused."""
    try:
        return json_schema(schema, **options).start
    except EmptyLanguage:
        return NEVER
    except UnsupportedFeature:
        return None


@pytest.mark.parametrize("block", range(4))
def test_valid_is_accepted_and_nothing_else(block: int) -> None:
    compiled = 0
    for seed in range(1000 + 60 * block, 1000 + 60 * (block + 1)):
        rng = random.Random(seed)
        schema = document(rng)
        free = start_of(schema, style="any", order="any")
        if free is None:
            continue
        compiled += 1
        fixed, judge = start_of(schema, style="any"), Draft202012Validator(schema)
        assert fixed is not None
        for _ in range(10):
            one = value(rng)
            text, valid = json.dumps(one, ensure_ascii=False), judge.is_valid(one)
            assert accepts(free, text) == valid, (seed, schema, text)
            assert not accepts(fixed, text) or valid, (seed, schema, text)
    assert compiled > 40


def test_a_schema_and_its_negation_part_all_values() -> None:
    for seed in range(2000, 2080):
        rng = random.Random(seed)
        schema = document(rng)
        there = start_of(schema, style="any", order="any")
        denied = start_of({"not": {"$ref": "#/$defs/root"}, "$defs": {"root": schema, **schema["$defs"]}}, style="any", order="any")
        if there is None or denied is None or '#"' in json.dumps(schema):
            continue
        for _ in range(6):
            text = json.dumps(value(rng))
            assert accepts(there, text) != accepts(denied, text), (seed, schema, text)


def test_relaxed_is_a_superset() -> None:
    relaxed = 0
    for seed in range(3000, 3060):
        rng = random.Random(seed)
        schema = document(rng)
        back = {"pattern": r"^(a|b).*\1$"}
        schema |= rng.choice([{"properties": {"a": back}}, {"not": back}, {"items": {"anyOf": [schema.get("items", True), back]}}])
        if start_of(schema) is not None:
            continue
        relaxed += 1
        start, judge = start_of(schema, style="any", order="any", relax=True), Draft202012Validator(schema)
        assert start is not None
        for _ in range(10):
            one = value(rng)
            assert accepts(start, json.dumps(one)) or not judge.is_valid(one), (seed, schema, one)
    assert relaxed > 5


def test_what_is_too_large_is_relaxed_to_a_superset(monkeypatch: pytest.MonkeyPatch) -> None:
    """With limits so low that most schemas are past them. Texts that are begun can be ended there, too."""
    monkeypatch.setattr(keys, "MAX_PATTERNS", 0)
    monkeypatch.setattr(shapes, "MAX_SHAPES", 1)
    monkeypatch.setattr(algebra, "MAX_DEPTH", 3)
    relaxed = finished = 0
    for seed in range(5000, 5250):
        rng = random.Random(seed)
        schema = document(rng)
        try:
            language = json_schema(schema, style="any", relax=True)
        except EmptyLanguage:
            continue
        relaxed += bool(language.report.relaxed)
        judge = Draft202012Validator(schema)
        for _ in range(10):
            one = value(rng)
            assert accepts(language.start, json.dumps(one)) or not judge.is_valid(one), (seed, schema, one)
        for _ in range(2):
            text = walk(Grammar(language).compile(BYTES), rng)
            finished += text is not None and accepts(language.start, text)
    assert relaxed > 30
    assert finished > 50


@pytest.mark.parametrize("style", ["any", "default", "compact", "indent=2"])
def test_random_walks_never_end_dead_and_always_valid(style: str) -> None:
    finished = 0
    for seed in range(4000, 4030):
        rng = random.Random(seed)
        schema = document(rng)
        try:
            language = json_schema(schema, style=style, order=rng.choice(["schema", "any"]))
        except (EmptyLanguage, UnsupportedFeature):
            continue
        automaton, judge = Grammar(language).compile(BYTES), Draft202012Validator(schema)
        for _ in range(3):
            text = walk(automaton, rng)
            if text is None or re.search(r"\d{12}|\d[eE]", text):
                continue  # not finished in time, or a number that floating point, which the judge uses, does not hold
            finished += 1
            assert judge.is_valid(json.loads(text)), (seed, schema, text)
            assert accepts(language.start, text), (seed, schema, text)
    assert finished > 20


def walk(automaton: Any, rng: random.Random) -> str | None:
    """A random text under the mask; None if it does not end within 60 bytes."""
    state, text = automaton.start(), bytearray()
    for _ in range(60):
        row = automaton.mask(state)
        allowed = [token for token in range(257) if row[token >> 5] >> (token & 31) & 1]
        assert allowed, f"dead end after {bytes(text)!r}"
        if 256 in allowed and (len(allowed) == 1 or rng.random() < 0.5):
            return text.decode()
        some = [token for token in allowed if token in HANDY]
        token = rng.choice(some if some and rng.random() < 0.9 else [token for token in allowed if token < 256])
        text.append(token)
        state = automaton.advance(state, token)
    return None
