"""Numbers with exponent against exact arithmetic: all short spellings, long ones of given values, and walks that may not get stuck."""

import itertools
import random
import re
from fractions import Fraction

import pytest

import structgen as sg
from structgen.automata.machine import ByteAutomaton
from structgen.frontends.jsonschema.numbers import Condition, number_expr, values_number
from structgen.frontends.jsonschema.numbers_power import power_dfa
from structgen.frontends.jsonschema.scalars import number_expr as shape_expr
from structgen.frontends.jsonschema.shapes import Num, has_number
from structgen.frontends.jsonschema.style import ANY, DEFAULT, JsonStyle
from structgen.ir.examples import texts
from structgen.ir.expr import NEVER

NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
PRINTED = re.compile(r"-?([1-9](\.[0-9]{1,20})?|0(\.0{1,20})?)[eE][+-]?[0-9]{1,3}")
MANTISSAS = [m for n in range(1, 7) for m in map("".join, itertools.product("0125.", repeat=n)) if NUMBER.fullmatch(m)]
STYLES = [
    ANY,
    DEFAULT,
    JsonStyle(digits=1),
    JsonStyle(digits=2, exponents=1),
    JsonStyle(digits=None, exponents=1),
    JsonStyle(digits=3, exponents=None),
    JsonStyle(digits=None, exponents=2),
]


def value_of(text):
    """The number that a text spells."""
    mantissa, _, power = text.lower().partition("e")
    return Fraction(mantissa) * Fraction(10) ** int(power or 0)


def spellings(value, rng, n):
    """Random spellings of a number, most of them with exponent; zeros of any number where they do not matter."""
    sign, value = "-" if value < 0 else "", abs(value)
    scale = 0
    while (value * 10**scale).denominator != 1:
        scale += 1
    digits = str(int(value * 10**scale))
    for _ in range(n):
        more = rng.choice([0, 0, 1, 2, rng.randrange(60)])
        shown = digits + "0" * more if value else "0" * (more + 1)
        power = -scale - more if value else rng.randint(-400, 400)
        part = rng.choice([0, 0, 1, rng.randrange(len(shown) + 1), rng.randrange(len(shown) + 60)])
        shown = shown.zfill(part + 1)
        whole, part_text = (shown[: len(shown) - part].lstrip("0") or "0"), shown[len(shown) - part :]
        power += part
        e = rng.choice("eE") + ("-" if power < 0 else rng.choice(["", "+"])) + rng.choice(["", "0", "000"]) + str(abs(power))
        yield sign + whole + ("." + part_text if part_text else "") + (e if power or rng.random() < 0.5 else "")


def random_condition(rng):
    def bound():
        power = Fraction(10) ** rng.randint(-6, 8)
        return rng.choice([0, 1, 2, 5, 10, 18, 25, 99, 100, 120, 12345, Fraction(1, 2), rng.randrange(1000) * power]) * rng.choice(
            [1, 1, -1]
        )

    low, high = sorted((bound(), bound()))
    condition = {"integer": rng.random() < 0.3}
    if rng.random() < 0.55:
        condition[rng.choice(["minimum", "exclusive_minimum"])] = low
    if rng.random() < 0.55:
        condition[rng.choice(["maximum", "exclusive_maximum"])] = high
    if rng.random() < 0.35:
        condition["multiple_of"] = [
            Fraction(rng.choice(["0.01", "0.1", "5", "1e-8", "2.5", "3", "7", "0.3", "12", "100", "0.125", "64", "1e5"]))
        ]
    if rng.random() < 0.25:
        condition["not_multiple_of"] = [
            Fraction(rng.choice(["1", "2", "0.5", "10", "0.1", "3", "0.04"])) for _ in range(rng.choice([1, 1, 2]))
        ]
    if rng.random() < 0.25:
        condition["but"] = [bound() for _ in range(rng.choice([1, 2, 4]))]
    return Condition.of(**condition)


def automaton_of(expr):
    return None if expr is NEVER else ByteAutomaton(expr)


def accepts(automaton, text):
    return automaton is not None and automaton.accepts(text.encode())


@pytest.mark.parametrize("seed", range(12))
def test_all_short_spellings(seed):
    rng = random.Random(seed)
    for _ in range(2):
        condition = random_condition(rng)
        if condition is None:
            continue
        automaton = automaton_of(number_expr(condition, ANY))
        for mantissa in rng.sample(MANTISSAS, 250):
            for sign, power in itertools.product(("", "-"), ("", "e0", "E1", "e+2", "e3", "e-1", "e-02", "e-3", "e9", "e-9")):
                text = sign + mantissa + power
                assert accepts(automaton, text) is condition.has(value_of(text)), (condition, text)


def near(condition, rng):
    """Numbers where it matters: at the bounds, beside them, multiples, any."""
    step = condition.step or Fraction(1)
    marks = [value for value in (condition.low, condition.high, *condition.but, *condition.nots, Fraction(0), step) if value is not None]
    value = rng.choice([*marks, step * rng.randint(-1000, 1000), Fraction(rng.randint(-999, 999)) * Fraction(10) ** rng.randint(-9, 9)])
    return value + rng.choice([0, 0, 0, step, -step, Fraction(1, 10**12), -Fraction(1, 10 ** rng.randrange(20))])


@pytest.mark.parametrize("seed", range(12))
def test_every_spelling_of_a_number_is_there_or_none(seed):
    rng = random.Random(seed)
    for _ in range(8):
        condition = random_condition(rng)
        if condition is None:
            continue
        automaton, printed = automaton_of(number_expr(condition, ANY)), automaton_of(number_expr(condition, DEFAULT))
        for _ in range(15):
            value = near(condition, rng)
            for text in spellings(value, rng, 6):
                assert value_of(text) == value
                assert accepts(automaton, text) is condition.has(value), (condition, text)
                if PRINTED.fullmatch(text):
                    assert accepts(printed, text) is condition.has(value), (condition, text)
                else:
                    assert condition.has(value) or not accepts(printed, text), (condition, text)


def walk(automaton, rng):
    """A random text, left behind an end or where it gets long (None: too long for a judge); there always is a way on."""
    state, text = automaton.start, b""
    soon = rng.randrange(2, 40)
    while True:
        moves, final = automaton.moves(state), automaton.is_final(state)
        assert moves or final, text
        if final and (not moves or len(text) >= soon):
            power = text.lower().partition(b"e")[2].lstrip(b"+-0")
            return text.decode() if len(power) < 5 else None
        if len(text) >= 80:
            return None
        ends = [move for move in moves if move[0] in b"eE"] if len(text) >= soon else []
        byte, state = rng.choice(ends or moves)
        text += bytes([byte])


@pytest.mark.parametrize("style", STYLES, ids=str)
@pytest.mark.parametrize("seed", range(8))
def test_walks_never_get_stuck_and_end_in_values(seed, style):
    rng = random.Random(seed)
    for _ in range(5):
        condition = random_condition(rng)
        expr = number_expr(condition, style)
        if expr is NEVER:
            continue
        automaton = ByteAutomaton(expr)
        for _ in range(12):
            text = walk(automaton, rng)
            assert text is None or condition.has(value_of(text)), (condition, text)


@pytest.mark.parametrize("style", STYLES, ids=str)
def test_bounds_that_exponents_hardly_reach(style):
    rng = random.Random(1)
    for low, high in [
        (10**1200, None),
        (10**1005, 10**1010),
        (0, Fraction(1, 10**1010)),
        (Fraction(1, 10**1010), Fraction(1, 10**1005)),
        (95, 99),
    ]:
        for strict in (False, True):
            name = "exclusive_minimum" if strict else "minimum"
            condition = Condition.of(**{name: low}, maximum=high)
            automaton = ByteAutomaton(number_expr(condition, style))
            for _ in range(6):
                text = walk(automaton, rng)
                assert text is None or condition.has(value_of(text)), text


def test_known_spellings():
    grammar = sg.json_schema({"type": "integer", "minimum": 1, "maximum": 100}, style="any")
    for text in (
        "1",
        "100",
        "1e2",
        "100e0",
        "0.00001e5",
        "1000000000000000000000000e-24",
        "0." + "0" * 500 + "42E+502",
        "1.5e1",
        "1000e-1",
    ):
        assert grammar.accepts(text), text
    for text in ("0", "101", "0e5", "1.55e1", "15e-1", "1e3", "1001e-1", "0." + "0" * 500 + "42E+504", "-1e0"):
        assert not grammar.accepts(text), text
    grammar = sg.json_schema({"type": "number", "minimum": 0.01, "multipleOf": 0.01}, style="any")
    assert grammar.accepts("2560000E-4")
    assert not grammar.accepts("2560000E-8")
    assert grammar.accepts("0.000123e4")
    assert not grammar.accepts("0.000123e3")
    assert grammar.accepts("1000000000000e-9")


def test_zero():
    for text in ("0e5", "-0e-999", "0.000e12", "0E0"):
        assert sg.json_schema({"type": "integer", "minimum": -3, "maximum": 0}, style="any").accepts(text)
        assert not sg.json_schema({"type": "integer", "exclusiveMinimum": 0, "maximum": 5}, style="any").accepts(text)
        assert not sg.json_schema({"type": "number", "minimum": -1, "not": {"const": 0}}, style="any").accepts(text)
        assert not sg.json_schema({"type": "number", "not": {"multipleOf": 3}}, style="any").accepts(text)


@pytest.mark.parametrize("seed", range(6))
def test_sets_of_values(seed):
    rng = random.Random(seed)
    for _ in range(6):
        values = [Fraction(rng.randint(-30, 30)) * Fraction(10) ** rng.randint(-5, 5) for _ in range(rng.choice([1, 2, 5, 20]))]
        style = rng.choice([ANY, JsonStyle(digits=3, exponents=None), JsonStyle(digits=None, exponents=None)])
        automaton = ByteAutomaton(values_number(values, style))
        for _ in range(20):
            value = rng.choice([*values, rng.choice(values) * 10, rng.choice(values) + 1, Fraction(0)])
            for text in spellings(value, rng, 4):
                if style.digits is None:
                    assert accepts(automaton, text) is (value in values), (values, text)
                else:
                    assert value in values or not accepts(automaton, text), (values, text)
        for _ in range(10):
            text = walk(automaton, rng)
            assert text is None or value_of(text) in values, (values, text)


@pytest.mark.parametrize("style", [ANY, DEFAULT], ids=["any", "default"])
@pytest.mark.parametrize("seed", range(5))
def test_divisors_with_many_remainders(seed, style):
    rng = random.Random(seed)
    divisor = Fraction(rng.choice([1234577, 1001, 2 * 10007, 10**9 + 7, 123456789, 10**25 + 3])) / 10 ** rng.choice([0, 2, 9])
    low, high = sorted([rng.choice([0, 10**6, -(10**7), 10**12]) for _ in range(2)])
    shape = Num(
        low=Fraction(low) if rng.random() < 0.5 else None,
        high=Fraction(high) if high > low and rng.random() < 0.5 else None,
        but=frozenset([divisor * 30]),
        **({"divisors": frozenset([divisor])} if rng.random() < 0.7 else {"others": frozenset([divisor])}),
    )
    condition = Condition.of(minimum=shape.low, maximum=shape.high, multiple_of=shape.divisors, not_multiple_of=shape.others, but=shape.but)
    automaton = automaton_of(shape_expr(shape, style))
    for _ in range(12):
        value = divisor * rng.randint(-5, 10 ** rng.choice([1, 3, 6])) + rng.choice([0, 0, 1, Fraction(1, 10**9)])
        for text in spellings(value, rng, 4):
            if style is ANY:
                assert accepts(automaton, text) is condition.has(value), (condition, text)
            else:
                assert condition.has(value) or not accepts(automaton, text), (condition, text)
    for _ in range(2 if automaton else 0):
        text = walk(automaton, rng)
        assert text is None or condition.has(value_of(text)), (condition, text)


def test_examples():
    shape = Num(low=Fraction(10**9), high=Fraction(10**18), divisors=frozenset([Fraction(1234577)]))
    for text in texts(shape_expr(shape, ANY), 20, seed=1):
        assert has_number(shape, value_of(text))


@pytest.mark.parametrize("digits", [None, 1, 3])
def test_exponents(digits):
    rng = random.Random(7)
    written = [sign + "0" * zeros + str(n) for sign in ("", "+", "-") for zeros in range(3) for n in [*range(140), 999, 1000, 12345]]
    for _ in range(20):
        a, b, c = sorted(rng.choice([-1000, -99, -10, -3, 0, 1, 5, 9, 10, 37, 100, 120]) for _ in range(3))
        powers = rng.choice([((a, b),), ((None, a),), ((a, None),), ((a, a), (b + 1, b + 1), (c + 2, None)), ((None, None),)])
        dfa = power_dfa(powers, digits)
        for text in written:
            inside = any((low is None or low <= int(text)) and (high is None or int(text) <= high) for low, high in powers)
            assert dfa.matches(rng.choice("eE") + text) is (inside and (digits is None or len(text.lstrip("+-")) <= digits)), (powers, text)
