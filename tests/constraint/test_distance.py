"""Distances: exact where they say so, and bounds that shrink token by token."""

from __future__ import annotations

from random import Random
from typing import Any

import numpy as np
import pytest
from conftest import SCALE
from worlds import entries, expression, pieces, vocabulary

import structgen.api as sg
from structgen.automata.machine import ByteAutomaton
from structgen.automata.symbols import Symbols
from structgen.constraint.automaton import TokenAutomaton
from structgen.constraint.protocol import NO_END
from structgen.errors import BudgetExceeded
from structgen.ir.expr import Alt, Expr, Lit, Repeat, Rule, Seq, Special
from structgen.vocab.vocabulary import Vocabulary

# ids        0     1     2      3      4    5
TOKENS = [b"a", b"b", b"ab", b"<t>", b"", b"abab"]
VOCAB = Vocabulary.from_bytes(TOKENS, eos=4, special={"<t>": 3})


def compiled(expr: Expr, vocabulary: Vocabulary = VOCAB) -> TokenAutomaton:
    return TokenAutomaton(ByteAutomaton(expr, symbols=Symbols(vocabulary)), vocabulary)


def onward(automaton: TokenAutomaton, state: int) -> list[int]:
    """The states behind one token, but for stop tokens."""
    after = automaton.transitions(state)
    after[list(automaton.vocabulary.stop_ids)] = 0
    found: list[int] = np.unique(after[after > 0]).tolist()
    return found


def distance(automaton: TokenAutomaton, state: int) -> int:
    """The distance, also where there is none."""
    try:
        return automaton.distance(state)
    except BudgetExceeded:
        return NO_END


def to_the_end(automaton: TokenAutomaton, state: int, rng: Random) -> int:
    """Follow any states of smaller distances; how many tokens that takes."""
    count = 0
    while far := distance(automaton, state):
        choices = onward(automaton, state)
        rng.shuffle(choices)
        state = next(after for after in choices if distance(automaton, after) < far)
        count += 1
    assert automaton.accepts(state)
    return count


def test_tokens_are_counted_not_bytes() -> None:
    for count in (1, 2, 3, 7, 40):
        automaton = compiled(Repeat(Lit(b"ab"), count, None))
        assert automaton.distance(automaton.start()) == (count + 1) // 2
        assert automaton.distance(automaton.advance(automaton.start(), 0)) == 1 + count // 2
    special = compiled(Seq((Lit(b"abab"), Special("<t>"), Special("<t>"), Lit(b"aab"))))
    assert special.distance(special.start()) == 5


@pytest.mark.parametrize("seed", range(int(40 * SCALE) or 1))
def test_they_shrink_token_by_token(seed: int) -> None:
    rng = Random(seed)
    automaton = compiled(entries(rng, 2, ()) if seed % 2 else expression(rng, 3), vocabulary(rng, pieces(), 40))
    state = automaton.start()
    for _ in range(5):
        try:
            far = automaton.distance(state)
            assert automaton.distance(state, exact=True) <= far
        except BudgetExceeded:  # bytes are missing in the vocabulary, and the states before them are endless
            return
        after = onward(automaton, state)
        if not after:
            assert far in (0, NO_END)
            return
        if far < NO_END:
            assert to_the_end(automaton, state, rng) <= far
        state = rng.choice(after)


REQUIRED = [f"key{i}" for i in range(6)]
ITEM = {"type": "object", "required": ["a"]}
WIDE: list[tuple[Any, bytes]] = [
    ({"type": "object", "properties": {key: {"type": "string"} for key in REQUIRED}, "required": REQUIRED}, b'{"x": 1, "key3": "ab'),
    ({"type": "object", "required": REQUIRED}, b'{"key": {"a": [1, '),
    ({"type": "array", "uniqueItems": True, "minItems": 9, "items": {"type": "string"}}, b'["", "a", "'),
    ({"type": "array", "uniqueItems": True, "minItems": 4, "items": ITEM}, b'[{"a": 1}, {"a"'),
    ({"type": "object", "minProperties": 6, "propertyNames": {"minLength": 3}}, b'{"abc": 1, "'),
]


@pytest.mark.slow  # without a compiler minutes
@pytest.mark.parametrize(("schema", "text"), WIDE)
def test_wide_grammars_have_bounds(schema: Any, text: bytes) -> None:
    vocab = Vocabulary.from_bytes([*(bytes([b]) for b in range(256)), b'"key', b'": "', b'", "', b'"}', b""], eos=260)
    automaton = sg.json_schema(schema, style="any").compile(vocab)
    assert automaton.distance(automaton.start()) < 70
    state = automaton.read(automaton.start(), text)
    assert to_the_end(automaton, state, Random(5)) <= automaton.distance(state) < 70


def test_no_end() -> None:
    for lost in (Alt((Lit(b"xa"), Lit(b"ay"))), Seq((Repeat(Alt((Lit(b"a"), Seq((Lit(b"b"), Special("<t>")))))), Lit(b"x")))):
        automaton = compiled(lost)  # no token has these bytes
        assert automaton.distance(automaton.start()) == automaton.distance(automaton.start(), exact=True) == NO_END
    nested: Rule = Rule(lambda: Seq((Alt((Lit(b"a"), Lit(b"b"))), Alt((Lit(b"x"), nested)), Alt((Lit(b"a"), Lit(b"b"))))))
    endless = compiled(nested)  # every text has an x
    with pytest.raises(BudgetExceeded, match="too many states"):
        endless.distance(endless.start())


def test_a_way_round_bytes_that_have_no_token() -> None:
    automaton = compiled(Alt((Lit(b"x"), Lit(b"abab" * 6), Seq((Lit(b"ab" * 9), Lit(b"x"))))))
    assert automaton.distance(automaton.start()) == 6


def test_deeply_nested_objects() -> None:
    """As deep as the states allow, without Python's stack."""
    schema: dict[str, Any] = {"const": 1}
    for _ in range(200):
        schema = {"type": "object", "properties": {"a": schema}, "required": ["a"], "additionalProperties": False}
    vocabulary = Vocabulary.from_bytes([*(bytes([b]) for b in range(256)), b'{"a":', b""], eos=257)
    automaton = sg.compile(sg.json_schema(schema, style="compact"), vocabulary)
    state = automaton.start()
    for _ in range(150):
        state = automaton.advance(state, 256)
    assert automaton.distance(state) == 50 + 1 + 200
