"""Estimates of how far the end is, against shortest texts found breadth first; and on grammars where little may be unfolded."""

from __future__ import annotations

from typing import Any

import pytest

import structgen.api as sg
from structgen.automata.ahead import Ahead
from structgen.automata.machine import ByteAutomaton
from structgen.ir.encoding import JSON
from structgen.ir.expr import EPSILON, Alt, Entries, Expr, Known, Leaf, Lit, Minus, Repeat, Rule, Seq
from structgen.ir.regular import CharDFA


def estimate(machine: ByteAutomaton, text: bytes = b"") -> float:
    with machine.turn:
        count, state = machine.read(text)
        assert count == len(text)
        return Ahead(machine).bytes_to_end(state)


def shortest(machine: ByteAutomaton, text: bytes, most: int = 30) -> int:
    """The fewest bytes to the end, by looking at all states."""
    layer = {machine.read(text)[1]}
    seen = set(layer)
    for count in range(most):
        if any(map(machine.is_final, layer)):
            return count
        layer = {after for state in layer for _, after in machine.moves(machine.twin(state))} - seen
        seen |= layer
    raise AssertionError("too far")


NESTED: Rule = Rule(lambda: Alt((Lit(b"long enough"), Seq((Lit(b"("), NESTED, Lit(b")"))), Lit(b"x"))))
LISTED = Entries([Known(Lit(b"%c:" % c), Lit(b"1"), c in b"bd") for c in b"abcd"], [], Lit(b","), 3)


@pytest.mark.parametrize(
    ("expr", "text"),
    [
        (Lit(b"abc"), b""),
        (Lit(b"abc"), b"abc"),
        (Seq((Alt((Lit(b"aaaa"), Lit(b"bb"))), Repeat(Lit(b"cd"), 3, 9))), b""),
        (Repeat(Alt((Lit(b"ab"), Lit(b"c"))), 300, None), b"abc" * 149),
        (NESTED, b"(("),
        (NESTED, b"((lon"),
        (Seq((NESTED, Alt((EPSILON, Lit(b"y"))))), b""),
        (LISTED, b""),
        (LISTED, b"a:1,"),
        (LISTED, b"d:1,b:1"),
        (LISTED, b"d:1,c:"),
        (Seq((Lit(b"["), LISTED, Lit(b"]"), LISTED)), b"[c"),
    ],
)
def test_they_are_the_shortest_ways(expr: Expr, text: bytes) -> None:
    machine = ByteAutomaton(expr)
    found, right = estimate(machine, text), shortest(machine, text)
    assert found == right


@pytest.mark.parametrize(
    ("schema", "text", "low", "high"),
    [
        ({"type": "string"}, b'"ab', 1, 1),
        ({"type": "string", "minLength": 50}, b'"ab', 48, 50),
        ({"type": "array", "minItems": 4, "items": {"type": "string", "minLength": 3}}, b"[", 20, 26),
        ({"type": "object", "required": ["abc", "de"]}, b'{"x":1,', 12, 16),
        ({"type": "object", "required": ["abc", "de"]}, b'{"de":1', 8, 12),
        ({"type": "array", "uniqueItems": True, "minItems": 4, "items": {"type": "integer"}}, b"[1", 5, 9),
    ],
)
def test_json(schema: Any, text: bytes, low: int, high: int) -> None:
    assert low <= estimate(sg.json_schema(schema, style="any").automaton, text) <= high


def test_leaves() -> None:
    word = Leaf(CharDFA.any(), JSON["any"])
    assert estimate(ByteAutomaton(Seq((Minus(word, Lit(b'"ab"')), Lit(b":")))), b'"a') == 2
    assert estimate(ByteAutomaton(Leaf(CharDFA.any(), low=70, high=90)), b"abc") == 67


def test_only_what_is_near_is_unfolded() -> None:
    made: list[int] = []

    def numbered(n: int) -> Rule:
        def body() -> Expr:
            made.append(n)
            return Alt((Lit(b"xyz"), *(Seq((Lit(b"%d" % d), numbered(10 * n + d))) for d in range(10))))

        return Rule(body)

    assert estimate(ByteAutomaton(numbered(0))) == 3
    assert len(made) < 2000


def test_it_gives_up_where_the_end_is_far() -> None:
    assert estimate(ByteAutomaton(Repeat(Lit(b"a"), 5000, None))) == 5000
    assert estimate(ByteAutomaton(Repeat(Lit(b"a"), 10**6, None))) == float("inf")
