"""Classes of few keys beside classes of many: keys that are there already are no dead end where longer ones go on."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from random import Random

import pytest
from conftest import SCALE

import structgen.api as sg
from structgen.constraint.protocol import unpack
from structgen.frontends.jsonschema import keys
from structgen.ir.expr import Entries, Expr
from structgen.vocab.vocabulary import Vocabulary

sys.path.insert(0, str(Path(__file__).parents[2] / "reference"))
from toys import Toy

TOKENS = [*(bytes([one]) for one in b'{},:"ab01'), b'{"', b'a"', b'":', b'":1,"', b'":0,"a', b"ab", b'b":1', b'"}', b'a":1,"b":']
VOCABULARY = Vocabulary.from_bytes([*TOKENS, b""], eos=len(TOKENS))
SCHEMA = {
    "type": "object",
    "patternProperties": {"^[ab]$": {"const": 1}},
    "propertyNames": {"pattern": "^[ab]*$"},
    "additionalProperties": {"const": 0},
}
MEMBER = re.compile(rb'"([ab]*)":([01])([,}])')


def rest_of(text: bytes) -> bytes | None:
    """What stands behind the complete members of a text: b"}" where it has ended; None where no text begins so."""
    if text[:1] != b"{":
        return None if text else b"-"
    seen: set[bytes] = set()
    text = text[1:]
    while found := MEMBER.match(text):
        key, value, end = found.groups()
        if key in seen or (len(key) == 1) != (value == b"1"):
            return None
        seen.add(key)
        text = text[found.end() :]
        if end == b"}":
            return b"}" if not text else None
    began = re.fullmatch(rb'(?:"([ab]*)("(?::([01])?)?)?)?', text)
    if text == b"}" and not seen:
        return text
    if not began:
        return None
    key, end, value = began.groups()
    if end and (key in seen or (value and (len(key) == 1) != (value == b"1"))):
        return None
    return b"-"


def viable(text: bytes) -> bool:
    """Whether some object begins so: any key can be made longer, so no set of keys leads into a dead end."""
    return rest_of(text) in (b"-", b"}")


def short(text: bytes) -> bool:
    """Whether an object has ended with fewer than two members."""
    return text.endswith(b"}") and text.count(b":") < 2


@pytest.mark.parametrize("bounds", [{}, {"minProperties": 2}])
def test_a_class_of_two_keys_beside_all_longer_ones(bounds: dict[str, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "LISTED", 0)
    toy = Toy(VOCABULARY, viable, lambda text: rest_of(text) == b"}" and text.count(b":") >= bounds.get("minProperties", 0))
    grammar = sg.json_schema({**SCHEMA, **bounds}, style="compact", order="any")
    automaton = grammar.compile(VOCABULARY)
    rng = Random(5)
    for _ in range(max(4, int(40 * SCALE))):
        state, right, text = automaton.start(), toy.start(), b""
        for _ in range(30):
            allowed = unpack(automaton.mask(state)).tolist()
            expected = unpack(toy.mask(right)).tolist()
            if bounds:  # the judge counts at the end only
                expected = [token for token in expected if token == len(TOKENS) or not short(text + TOKENS[token])]
            assert allowed == expected, text
            if not allowed or allowed == [len(TOKENS)]:
                break
            token = rng.choice([one for one in allowed if one < len(TOKENS)])
            state, right, text = automaton.advance(state, token), toy.advance(right, token), text + TOKENS[token]


def test_such_objects_are_lists_of_entries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "LISTED", 0)
    found: list[Expr] = []

    def look(one: object) -> None:
        if isinstance(one, Entries):
            found.append(one)
        for part in getattr(one, "parts", ()):
            look(part)

    rule = sg.json_schema(SCHEMA, style="compact", order="any").language.start
    while hasattr(rule, "make"):
        rule = rule.make()
    look(rule)
    assert len(found) == 1
    assert len(found[0].others) == 2
