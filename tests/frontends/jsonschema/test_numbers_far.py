"""Multiples with many remainders: against products of automata, Fractions, `jsonschema`, and walks that may not get stuck."""

import random
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import jsonschema
import pytest

import structgen as sg
from structgen.automata.machine import ByteAutomaton
from structgen.errors import BudgetExceeded, StructgenError
from structgen.frontends.jsonschema.numbers import Condition, number_dfa
from structgen.frontends.jsonschema.numbers_far import Far
from structgen.frontends.jsonschema.scalars import is_live, number_expr
from structgen.frontends.jsonschema.shapes import Num, has_number
from structgen.frontends.jsonschema.style import ANY, COMPACT, DEFAULT, JsonStyle
from structgen.ir.expr import NEVER

STYLES = [DEFAULT, ANY, COMPACT, JsonStyle(digits=3), JsonStyle(digits=2, exponents=1)]


def plain(style, **condition):
    """The automaton of the numbers without exponent."""
    return number_dfa(Condition.of(**condition), replace(style, exponents=0))


def live_pairs(dfa, modulus, wanted):
    """The judge: all pairs of a state and a remainder, and those that lead to an end, by search."""
    steps = {}
    work = [(0, 0)]
    ends = set()
    for q, r in work:
        if (q, r) in steps:
            continue
        moves = [(dfa.step(q, 48 + d), (10 * r + d) % modulus) for d in range(10)]
        moves += [(dfa.step(q, ord(c)), r) for c in "-."]
        steps[q, r] = [move for move in moves if move[0] >= 0]
        if ((r == 0) is wanted) and dfa.finals[q]:
            ends.add((q, r))
        work += steps[q, r]
    back = {}
    for pair, moves in steps.items():
        for move in moves:
            back.setdefault(move, []).append(pair)
    todo = list(ends)
    for pair in todo:
        for before in back.get(pair, ()):
            if before not in ends:
                ends.add(before)
                todo.append(before)
    return set(steps), ends


def random_bounds(rng):
    condition = {}
    low, high = sorted(rng.choice([0, 1, -1, 5, 100, -40, 0.5, 2.25, -0.125, 12345, 99999, -1000]) for _ in range(2))
    if rng.random() < 0.4:
        condition[rng.choice(["minimum", "exclusive_minimum"])] = low
    if rng.random() < 0.4:
        condition[rng.choice(["maximum", "exclusive_maximum"])] = high
    return condition


@pytest.mark.parametrize("seed", range(12))
def test_exactly_the_pairs_that_lead_to_an_end_are_live(seed):
    rng = random.Random(seed)
    for _ in range(4):
        modulus = rng.choice([3, 7, 13, 49, 37, 101])
        wanted = rng.random() < 0.7
        near = [Fraction(rng.choice([1, 2, 4, 5, 25, 40, 200])) / rng.choice([1, 1, 10, 100, 8])] if wanted or rng.random() < 0.5 else []
        style = rng.choice(STYLES)
        condition = random_bounds(rng)
        dfa = plain(**condition, multiple_of=near, style=style)
        if rng.random() < 0.3:
            dfa -= plain(minimum=near[0] if near else 7, maximum=near[0] if near else 7, style=ANY)
        told = (seed, condition, near, modulus, wanted, style)
        far = Far(dfa, modulus, wanted=wanted)
        pairs, live = live_pairs(dfa, modulus, wanted)
        for q, r in pairs:
            assert far.is_live(q, r) is ((q, r) in live), (told, q, r)
        assert (far.expr() is NEVER) is ((0, 0) not in live)


@pytest.mark.parametrize("seed", range(6))
def test_a_known_way_is_followed_to_an_end(seed):
    rng = random.Random(seed)
    for _ in range(4):
        divisor = Fraction(rng.randrange(1001, 10 ** rng.choice([4, 9, 30]))) / 10 ** rng.choice([0, 0, 3, 9])
        style = rng.choice(STYLES)
        bounds = random_bounds(rng)
        near, modulus = divisor, 1
        for p in (3, 7, 11, 13, 17, 19, 23):
            while near.numerator % p == 0:
                near, modulus = near / p, modulus * p
        modulus *= 10**12 + 39
        dfa = plain(multiple_of=[1], **{k: v for k, v in bounds.items() if "minimum" in k}, style=style)
        far = Far(dfa, modulus)
        q = r = 0
        if not far.is_live(0, 0):
            continue
        while step := far.way(q, r):
            q, r = dfa.step(q, ord(step[0])), r if step[0] == "." else (10 * r + int(step[0])) % modulus
        assert step == "", (seed, divisor, style, bounds)


def shapes(rng):
    divisor = Fraction(rng.choice([1234577, 1001, 2 * 10007, 8 * 99991, 10**9 + 7, 123456789, 3**9])) / 10 ** rng.choice([0, 0, 2, 5, 9])
    low, high = sorted(rng.choice([0, 1, 10**6, -(10**7), 10**12, Fraction(1, 8)]) for _ in range(2))
    shape = Num(
        low=Fraction(low) if rng.random() < 0.4 else None,
        low_open=rng.random() < 0.3,
        high=Fraction(high) if rng.random() < 0.4 else None,
        high_open=rng.random() < 0.3,
        divisors=frozenset([divisor, *([Fraction(1)] if rng.random() < 0.4 else [])]),
        but=frozenset([divisor * 3, Fraction(0)] if rng.random() < 0.3 else []),
    )
    if rng.random() < 0.25:
        shape = shape._replace(divisors=frozenset([Fraction(1)] if rng.random() < 0.5 else []), others=frozenset([divisor]))
    return shape, divisor


def spellings(value, rng):
    """Some spellings without exponent, and with one digit before the point and an exponent."""
    text = format(Decimal(value.numerator) / Decimal(value.denominator), "f")
    yield text
    if "." not in text:
        yield text + ".0"
        yield text + ".000"
    digits = text.replace("-", "").replace(".", "").strip("0")
    if value and len(digits) < 16:
        power = len(text.replace("-", "").partition(".")[0].lstrip("0")) - 1 if abs(value) >= 1 else None
        if power is not None:
            yield ("-" if value < 0 else "") + digits[0] + ("." + digits[1:] if digits[1:] else "") + rng.choice("eE") + str(power)


@pytest.mark.parametrize("style", [DEFAULT, ANY], ids=["default", "any"])
@pytest.mark.parametrize("seed", range(10))
def test_texts_against_fractions(seed, style):
    rng = random.Random(seed)
    for _ in range(3):
        shape, divisor = shapes(rng)
        expr = number_expr(shape, style)
        assert (expr is NEVER) is not is_live(shape), (seed, shape)
        if expr is NEVER:
            continue
        automaton = ByteAutomaton(expr)
        for _ in range(25):
            value = divisor * rng.randint(-5, 10 ** rng.choice([1, 3, 6])) + rng.choice([0, 0, 1, Fraction(1, 10**9)])
            for text in spellings(value, rng):
                assert Fraction(Decimal(text)) == value
                assert automaton.accepts(text.encode()) is has_number(shape, value), (seed, shape, text)


@pytest.mark.parametrize("style", STYLES[:4], ids=str)
@pytest.mark.parametrize("seed", range(8))
def test_walks_never_get_stuck_and_end_in_values(seed, style):
    rng = random.Random(seed)
    shape, _ = shapes(rng)
    expr = number_expr(shape, style)
    if expr is NEVER:
        return
    automaton = ByteAutomaton(expr)
    for _ in range(8):
        state, text = automaton.start, b""
        while True:
            moves = automaton.moves(state)
            final = automaton.is_final(state)
            assert moves or final, (seed, shape, text)
            if final and (not moves or rng.random() < 0.5):
                break
            if len(text) > 60:
                break
            byte, state = rng.choice(moves)
            text += bytes([byte])
        power = text.lower().partition(b"e")[2].lstrip(b"+-0")
        if automaton.is_final(state) and len(power) < 4:  # the judge writes out all digits
            assert has_number(shape, Fraction(Decimal(text.decode()))), (seed, shape, text)


def test_like_jsonschema_on_integers():
    rng = random.Random(3)
    for divisor in (1001, 1234577, 64 * 10007, 10**9 + 7):
        for schema in ({"type": "integer", "multipleOf": divisor}, {"type": "integer", "not": {"multipleOf": divisor}}):
            judge, grammar = jsonschema.Draft202012Validator(schema), sg.json_schema(schema)
            for _ in range(30):
                value = rng.randint(-(10**6), 10**6) * rng.choice([1, divisor]) + rng.choice([0, 0, 1])
                assert grammar.accepts(str(value)) is judge.is_valid(value), (schema, value)


def test_the_case_of_the_official_suite():
    grammar = sg.json_schema({"type": "integer", "multipleOf": 0.123456789})
    assert not grammar.accepts("1e308")
    assert not grammar.accepts("1")
    assert grammar.accepts("123456789")
    assert grammar.accepts("1.23456789e8")
    assert grammar.accepts("1.23456789e308")
    assert sg.json_schema({"type": "integer", "multipleOf": 0.123456789}, style="any").accepts("123456789e300")


def test_examples_and_bounds():
    grammar = sg.json_schema({"type": "integer", "multipleOf": 1234577, "minimum": 10**9, "maximum": 10**18})
    for text in grammar.examples(20, seed=1):
        value = Fraction(Decimal(text))
        assert value % 1234577 == 0
        assert 10**9 <= value <= 10**18
    with pytest.raises(StructgenError):
        sg.json_schema({"type": "integer", "multipleOf": 1234577, "minimum": 1, "maximum": 1234576})
    assert sg.json_schema({"type": "integer", "multipleOf": 10**25 + 3, "minimum": 1}).accepts(str(10**25 + 3))
    assert sg.json_schema({"allOf": [{"multipleOf": 1009}, {"multipleOf": 1013}], "type": "integer"}).accepts(str(1009 * 1013))


def test_what_is_refused():
    with pytest.raises(BudgetExceeded, match="digits"):
        is_live(Num(divisors=frozenset([Fraction(10**300 + 1)])))
    with pytest.raises(BudgetExceeded, match="no multiples"):
        is_live(Num(divisors=frozenset([Fraction(1234577)]), others=frozenset([Fraction(3)])))
    near = Num(Fraction(0), False, Fraction(10**8), False, frozenset([Fraction(1234577)]), frozenset([Fraction(3)]))
    assert is_live(near)
