"""The laws of DESIGN section 9 over random languages and toy vocabularies.

Judges: derivatives of expressions (`derive`), the slow recogniser
(`recognize`), set arithmetic (`sentences`), and for notations `re`, `jsonschema` and `lark`."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from itertools import product
from random import Random
from typing import Any

import jsonschema
import lark
import pytest
from conftest import SCALE
from derive import Twin
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from recognize import accepts as recognised
from sentences import sentences
from worlds import (
    LETTERS,
    check_world,
    distinct,
    echo,
    entries,
    expression,
    leaf,
    minus,
    mutated,
    pattern,
    pieces,
    regex_expression,
    retokenised,
    vocabulary,
    walk,
)

import structgen.api as sg
from structgen.automata.machine import ByteAutomaton
from structgen.constraint.automaton import TokenAutomaton
from structgen.constraint.grammar import Grammar
from structgen.constraint.protocol import NO_END, unpack
from structgen.errors import EmptyLanguage
from structgen.ir.expr import EPSILON, Alt, Expr, Lit, Repeat, Rule, Seq, optional
from structgen.ir.finite import Ref
from structgen.ir.rewrite import rewrite
from structgen.vocab.vocabulary import Vocabulary


def examples(count: int) -> Callable[..., Any]:
    """A law over random seeds."""
    limit = settings(
        derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck), max_examples=max(5, int(count * SCALE))
    )
    return lambda function: limit(given(st.integers(0, 10**9))(function))


def finish(automaton: TokenAutomaton, state: int, most: int = 400) -> bytes | None:
    """A way from `state` to the end of a text, in as many tokens as its distance says; None where no tokens lead there."""
    text = b""
    for _ in range(most):
        if automaton.accepts(state):
            return text
        far = automaton.distance(state)
        if far == NO_END:
            return None
        token = next(t for t in unpack(automaton.mask(state)) if automaton.distance(automaton.advance(state, int(t))) < far)
        text, state = text + automaton.vocabulary.bytes_of(int(token)), automaton.advance(state, int(token))
    return None


def whole_texts(automaton: TokenAutomaton, rng: Random, count: int, steps: int) -> list[bytes]:
    """Random walks under the mask, each brought to an end."""
    found = []
    for _ in range(count):
        state, text = automaton.start(), b""
        for _ in range(rng.randrange(steps)):
            onward = [int(t) for t in unpack(automaton.mask(state)) if automaton.vocabulary.bytes_of(int(t))]
            if not onward:
                break
            token = rng.choice(onward)
            state, text = automaton.advance(state, token), text + automaton.vocabulary.bytes_of(token)
        rest = finish(automaton, state)
        if rest is not None:
            found.append(text + rest)
    return found


def wander(automaton: TokenAutomaton, rng: Random, count: int, most: int = 12) -> list[bytes]:
    """Random walks that come to an end by chance (ambiguous grammars have too many states for distances)."""
    found = []
    for _ in range(count):
        state, text = automaton.start(), b""
        for _ in range(most):
            onward = [int(t) for t in unpack(automaton.mask(state)) if automaton.vocabulary.bytes_of(int(t))]
            if automaton.accepts(state) and (not onward or rng.random() < 0.4):
                found.append(text)
                break
            if not onward:
                break
            token = rng.choice(onward)
            state, text = automaton.advance(state, token), text + automaton.vocabulary.bytes_of(token)
    return found


def check_tokenisations(automaton: TokenAutomaton, rng: Random, text: bytes) -> None:
    """However a text of the language is cut into tokens, it is accepted."""
    for _ in range(3):
        tokens = retokenised(rng, automaton.vocabulary, text)
        state = automaton.start()
        for token in tokens or []:
            state = automaton.advance(state, token)
        assert tokens is None or automaton.accepts(state), (text, tokens)


# ---- expressions -------------------------------------------------------------------------------------------------------------------------


@examples(250)
def test_expressions_of_every_kind(seed: int) -> None:
    rng = Random(seed)
    check_world(expression(rng), vocabulary(rng, pieces()), rng, 12, pieces())


@examples(150)
def test_what_follows_a_text_may_depend_on_it(seed: int) -> None:
    rng = Random(seed)
    one = distinct(rng) if seed % 2 else Seq((echo(rng, 1), Repeat(distinct(rng), 0, 2)))
    twice = [f"{quote}{word}{quote},".encode() * 2 for quote in ("", '"') for word in "abé"]
    check_world(one, vocabulary(rng, [b",", b'"', b"a", b"b", "é".encode(), *twice], 60), rng, 10, pieces())


@examples(200)
def test_entries_come_once(seed: int) -> None:
    rng = Random(seed)
    inner = entries(rng, 2, ())
    nested = entries(rng, 2, (Rule(lambda: inner, "inner"),))
    one = rng.choice([inner, Seq((Lit(b"("), nested, Lit(b")"))), Alt((inner, entries(rng, 1, ())))])
    parts = [b'"a"', b'"b"', b'"ab":', b'"', b":", b"1", b",", b"a", b"b", b"\\u006", b"\\u00", b"=", b",", b"A", b"[1", b"]", b".0", b"[]"]
    check_world(one, vocabulary(rng, parts if seed % 2 else pieces(), 60), rng, 14, pieces())


@examples(100)
def test_forced_tokens_and_distances(seed: int) -> None:
    rng = Random(seed)
    check_world(expression(rng, 2), vocabulary(rng, pieces(), 26), rng, 6, pieces(), deep=True)


@examples(120)
def test_leaves_with_bounds_on_their_length(seed: int) -> None:
    rng = Random(seed)
    around = rng.choice([(), (Lit(b"("),)]), rng.choice([(), (Lit(b")"),), (leaf(rng),)])
    check_world(Seq((*around[0], leaf(rng), *around[1])), vocabulary(rng, pieces()), rng, 20, pieces())


@examples(60)
def test_strings_but_for_some(seed: int) -> None:
    rng = Random(seed)
    check_world(Seq((minus(rng), Alt((Lit(b":"), minus(rng))))), vocabulary(rng, [*pieces(), b":"]), rng, 20, pieces())


# ---- regular expressions -----------------------------------------------------------------------------------------------------------------


@examples(120)
def test_regexes(seed: int) -> None:
    rng = Random(seed)
    source = pattern(rng)
    expr = regex_expression(source)
    if expr is None:
        return
    judge = re.compile(source)
    material = [c.encode() for c in LETTERS + "x1"]
    automaton = TokenAutomaton(ByteAutomaton(expr), vocabulary(rng, material))
    walk(automaton, Twin(expr), rng, 6)
    for data in whole_texts(automaton, rng, 3, 8):
        assert judge.fullmatch(data.decode()), (source, data)
        check_tokenisations(automaton, rng, data)
        other = mutated(rng, data, material).decode("utf-8", "replace")
        assert automaton.machine.accepts(other.encode()) == bool(judge.fullmatch(other)), (source, other)
    for _ in range(8):
        text = "".join(rng.choices(LETTERS, k=rng.randrange(6)))
        assert automaton.machine.accepts(text.encode()) == bool(judge.fullmatch(text)), (source, text)


# ---- choices -----------------------------------------------------------------------------------------------------------------------------


@examples(50)
def test_choices(seed: int) -> None:
    rng = Random(seed)
    options = ["".join(rng.choices(LETTERS, k=rng.randrange(5))) for _ in range(rng.randrange(1, 30))]
    grammar = sg.choice(options)
    material = [c.encode() for c in LETTERS]
    automaton = grammar.compile(vocabulary(rng, material))
    walk(automaton, Twin(grammar.language.start), rng, 8)
    for data in whole_texts(automaton, rng, 4, 6):
        assert data.decode() in options
        other = mutated(rng, data, material)
        assert automaton.machine.accepts(other) == (other in {option.encode() for option in options})
    assert all(automaton.machine.accepts(option.encode()) for option in options)
    for _ in range(20):
        text = "".join(rng.choices(LETTERS, k=rng.randrange(5)))
        assert automaton.machine.accepts(text.encode()) == (text in options)


# ---- JSON Schema -------------------------------------------------------------------------------------------------------------------------

NAMES = ["a", "b", "é", 'q"']


def schema(rng: Random, depth: int = 2) -> dict[str, Any]:
    """A random schema of keywords that compose exactly."""
    kind = rng.randrange(8) if depth else rng.randrange(4)
    if kind == 0:
        return {"type": "string", "minLength": rng.randrange(3), "maxLength": rng.choice([2, 3, 70])}
    if kind == 1:
        return {"type": "integer", "minimum": rng.randrange(-20, 5), "maximum": rng.randrange(5, 120)}
    if kind == 2:
        return {"enum": rng.sample([None, True, 1, 12, "a", "ab", "é", [], {"a": 1}], rng.randrange(1, 5))}
    if kind == 3:
        return {"type": "string", "pattern": rng.choice(["^a", "b$", "^[ab]*$", "é", "^(a|bb)+$"]), "maxLength": rng.choice([2, 6])}
    if kind == 4:
        low = rng.randrange(3)
        return {"type": "array", "items": schema(rng, depth - 1), "minItems": low, "maxItems": low + rng.randrange(3)}
    if kind == 5:
        return {"anyOf": [schema(rng, depth - 1) for _ in range(2)]}
    names = rng.sample(NAMES, rng.randrange(1, 4))
    made: dict[str, Any] = {"type": "object", "properties": {name: schema(rng, depth - 1) for name in names}}
    made["required"] = rng.sample(names, rng.randrange(len(names) + 1))
    made["additionalProperties"] = rng.choice([False, False, {"type": "null"}])
    if kind == 7:
        made["prefixItems"] = [schema(rng, 0)]
        made["type"] = ["object", "array"]
        made["items"] = False
    return made


def instance(rng: Random, of: dict[str, Any]) -> Any:
    """A value that looks like what the schema wants: valid often enough, and often nearly."""
    if rng.random() < 0.08:
        return rng.choice([None, 1, "a", [], {}, -3, True])
    if "enum" in of:
        return rng.choice([*of["enum"], "b", 2])
    if "anyOf" in of:
        return instance(rng, rng.choice(of["anyOf"]))
    kind = of["type"] if isinstance(of["type"], str) else rng.choice(of["type"])
    if kind == "string":
        return "".join(rng.choices("abé", k=rng.randrange(4)))
    if kind == "integer":
        return rng.randrange(-25, 130)
    if kind == "array" and "prefixItems" in of:
        return [instance(rng, of["prefixItems"][0]) for _ in range(rng.randrange(2))]
    if kind == "array":
        return [instance(rng, of["items"]) for _ in range(rng.randrange(5))]
    made = {name: instance(rng, sub) for name, sub in of["properties"].items() if rng.random() < 0.8}
    return made | ({"c": None} if rng.random() < 0.2 else {})


JSON_PIECES = [bytes([b]) for b in b'{}[],:"\\abu0129-e. \n'] + [
    b"null",
    b"true",
    b'"a"',
    b'": ',
    b', "',
    b'\\"',
    b"\\u00e9",
    b"12",
    "é".encode(),
    b'{"a"',
    b'"}]',
]


@examples(60)
def test_json_schemas(seed: int) -> None:
    rng = Random(seed)
    wanted = schema(rng)
    judge = jsonschema.Draft202012Validator(wanted)
    style = rng.choice(["default", "compact", "indent=1", "any"])
    try:
        grammar = sg.json_schema(wanted, style=style)
        automaton = grammar.compile(vocabulary(rng, JSON_PIECES, 48))
    except EmptyLanguage:
        assert not any(judge.is_valid(instance(rng, wanted)) for _ in range(40))
        return
    walk(automaton, Twin(grammar.language.start), rng, 8)
    for data in whole_texts(automaton, rng, 3, 20):
        judge.validate(json.loads(data))
        assert recognised(grammar.language.start, data)
        check_tokenisations(automaton, rng, data)
        other = mutated(rng, data, JSON_PIECES)
        assert automaton.machine.accepts(other) == recognised(grammar.language.start, other), (wanted, other)
    separators = (",", ":") if style == "compact" else None
    for _ in range(12):
        value = instance(rng, wanted)
        text = json.dumps(value, ensure_ascii=False, separators=separators, indent=1 if style == "indent=1" else None)
        assert grammar.accepts(text) == judge.is_valid(value), (wanted, style, text)


# ---- context-free grammars ---------------------------------------------------------------------------------------------------------------


def rules(rng: Random) -> dict[str, Expr]:
    """A random grammar over a and b: left-recursive, ambiguous, nullable as it happens."""
    names = ["S", "A", "B", "C"][: rng.randrange(1, 5)]

    def part() -> Expr:
        kind = rng.randrange(9)
        if kind <= 3:
            return Lit(rng.choice([b"a", b"b", b"ab", b"(", b")"][:3]))
        if kind <= 6:
            return Ref(rng.choice(names))
        if kind == 7:
            return optional(Ref(rng.choice(names)))
        return Repeat(rng.choice([Ref(rng.choice(names)), Lit(b"a")]), rng.randrange(2), rng.choice([None, 2]))

    made: dict[str, Expr] = {}
    for name in names:
        made[name] = Alt(
            [Seq([part() for _ in range(rng.randrange(1, 4))]) for _ in range(rng.randrange(1, 4))] + [rng.choice([Lit(b"b"), EPSILON])]
        )
    return made


@examples(100)
def test_context_free_grammars(seed: int) -> None:
    rng = Random(seed)
    written = rules(rng)
    most = 5
    texts = sentences(Ref("S"), most, call=lambda e: e.name if isinstance(e, Ref) else None, rules=written)
    try:
        expr = rewrite(written, "S")
    except EmptyLanguage:
        assert not texts
        return
    machine = ByteAutomaton(expr)
    automaton = TokenAutomaton(machine, vocabulary(rng, [b"a", b"b"], 24))
    walk(automaton, Twin(expr), rng, 6)
    for length in range(most + 1):
        for letters in product(b"ab", repeat=length):
            text = bytes(letters)
            count, state = machine.read(text)
            assert (count == length and machine.is_final(state)) == (text in texts), text
            if any(other.startswith(text) for other in texts):
                assert count == length
    for data in wander(automaton, rng, 6):
        assert data in texts or len(data) > most
        assert recognised(expr, data)


GRAMMARS = {
    "left-recursive sums": ('start: start "+" t | t\nt: t "*" f | f\nf: "(" start ")" | /[ab]/', "ab+*()"),
    "ambiguous": ('start: start start | "a" | "ab" | "b"', "ab"),
    "nullable": ('start: x y x y "b"\nx: y? "a"?\ny: x*\n', "ab"),
    "nested": ('start: "[" [start ("," start)*] "]" | NAME\nNAME: /[ab]+/\n%ignore " "', "ab[], "),
    "even": ('start: "a" start "a" | "b" start "b" | ', "ab"),
    "words": ('start: (WORD ",")* WORD\nWORD: /a+b?/ | "ba"', "ab,"),
}


@pytest.mark.parametrize("name", GRAMMARS)
def test_lark_grammars(name: str) -> None:
    text, letters = GRAMMARS[name]
    rng = Random(name)
    judge = lark.Lark(text, parser="earley", lexer="dynamic_complete")

    def valid(data: str) -> bool:
        try:
            judge.parse(data)
        except lark.exceptions.UnexpectedInput:
            return False
        return True

    grammar = sg.lark(text)
    material = [c.encode() for c in letters]
    for _ in range(max(1, int(4 * SCALE))):
        automaton = grammar.compile(vocabulary(rng, material, 30))
        walk(automaton, Twin(grammar.language.start), rng, 12)
        for data in wander(automaton, rng, 8):
            if len(data) < 24:
                assert valid(data.decode()), data
            check_tokenisations(automaton, rng, data)
    for _ in range(max(20, int(150 * SCALE))):
        data = "".join(rng.choices(letters, k=rng.randrange(7)))
        assert grammar.accepts(data) == valid(data), data


def test_deep_documents() -> None:
    """Ten thousand levels of nesting, token by token."""
    grammar = sg.lark('start: "[" start "]" | "x"')
    vocab = Vocabulary.from_bytes([b"[", b"]", b"x", b"[[", b"]]", b"x]", b""], eos=6)
    automaton = grammar.compile(vocab)
    depth = int(10_000 * SCALE)
    state = automaton.start()
    for _ in range(depth // 2):
        state = automaton.advance(state, 3)
    assert unpack(automaton.mask(state)).tolist() == [0, 2, 3, 5]
    state = automaton.advance(state, 2)
    assert unpack(automaton.mask(state)).tolist() == [1, 4]
    assert automaton.forced(state) == [4] * (depth // 2)
    for token in automaton.forced(state):
        state = automaton.advance(state, token)
    assert automaton.accepts(state)
    assert unpack(automaton.mask(state)).tolist() == [6]


def test_grammars_are_immutable_values() -> None:
    """One grammar, two vocabularies, compiled twice: the same language each time."""
    grammar: Grammar = sg.regex("(ab|é)*c")
    rng = Random(1)
    material = [c.encode() for c in LETTERS]
    for _ in range(3):
        automaton = grammar.compile(vocabulary(rng, material))
        walk(automaton, Twin(grammar.language.start), rng, 10)
