"""Number languages against exact arithmetic, on all short texts and on random long ones."""

import itertools
import json
import random
import re
from decimal import Decimal
from fractions import Fraction

import jsonschema
import pytest

from structgen.automata.machine import ByteAutomaton
from structgen.errors import BudgetExceeded, OptionError
from structgen.frontends.jsonschema.numbers import BULK, Condition, exact, number_dfa, number_expr, values_number
from structgen.frontends.jsonschema.style import ANY, COMPACT, DEFAULT, JsonStyle
from structgen.ir.examples import texts
from structgen.ir.expr import NEVER, Leaf
from structgen.ir.regular import CharDFA

NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
ALL = ["".join(t) for n in range(1, 6) for t in itertools.product("-01259.e+", repeat=n)]
SHORT = [text for text in ALL if NUMBER.fullmatch(text)]
OTHER = [text for text in ALL if not NUMBER.fullmatch(text)]


def matcher(expr):
    """Whether a text is in the language of an expression."""
    automaton = ByteAutomaton(expr) if expr is not NEVER else None
    return lambda text: automaton is not None and automaton.accepts(text.encode())


def numbers(style=DEFAULT, **condition):
    """Whether a text is in a language of numbers."""
    return matcher(number_expr(Condition.of(**condition), style))


def plain(style=DEFAULT, **condition):
    """The automaton of the numbers without exponent."""
    return number_dfa(Condition.of(**condition), style)


def meets(text, condition):
    """The judge: whether the value of a number's text meets the arguments of `Condition.of`."""
    value = Fraction(Decimal(text))
    of = {name: Fraction(repr(x)) for name, x in condition.items() if isinstance(x, int | float) and name != "integer"}
    return (
        (not condition.get("integer") or value.denominator == 1)
        and ("minimum" not in of or value >= of["minimum"])
        and ("maximum" not in of or value <= of["maximum"])
        and ("exclusive_minimum" not in of or value > of["exclusive_minimum"])
        and ("exclusive_maximum" not in of or value < of["exclusive_maximum"])
        and all((value / Fraction(repr(m))).denominator == 1 for m in condition.get("multiple_of", ()))
        and all((value / Fraction(repr(m))).denominator != 1 for m in condition.get("not_multiple_of", ()))
    )


def random_condition(rng):
    def bound():
        choices = [0, 1, -1, 5, 10, 100, 0.5, -0.25, 1e3, 25.5, 0.05, 1e-5, rng.randint(-(10**6), 10**6), round(rng.uniform(-100, 100), 3)]
        return rng.choice(choices)

    condition = {"integer": rng.random() < 0.4}
    if rng.random() < 0.4:
        condition[rng.choice(["minimum", "exclusive_minimum"])] = bound()
    if rng.random() < 0.4:
        condition[rng.choice(["maximum", "exclusive_maximum"])] = bound()
    if rng.random() < 0.3:
        steps = [0.01, 0.1, 5, 1e-8, 2.5, 3, 7, 0.3, 12, 100, 1, 20]
        condition["multiple_of"] = tuple(rng.sample(steps, rng.choice([1, 1, 2])))
    if rng.random() < 0.2:
        condition["not_multiple_of"] = (rng.choice([1, 2, 0.5, 10, 0.1, 3]),)
    return condition


def random_text(rng):
    whole = rng.choice(["0", str(rng.randint(1, 9)), str(rng.randint(1, 10 ** rng.randint(1, 12)))])
    part = "" if rng.random() < 0.4 else "." + "".join(rng.choices("0000123456789", k=rng.randint(1, 8)))
    power = "" if rng.random() < 0.5 else rng.choice("eE") + rng.choice(["", "+", "-"]) + rng.choice(["", "0"]) + str(rng.randint(0, 14))
    return rng.choice(["", "-"]) + whole + part + power


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("style", [DEFAULT, ANY, COMPACT], ids=lambda style: style.whitespace)
def test_random_conditions(style, seed):
    rng = random.Random(seed)
    for _ in range(12):
        condition = random_condition(rng)
        matches = numbers(style, **condition)
        for text in [*rng.sample(SHORT, 600), *(random_text(rng) for _ in range(200))]:
            accepted, right = matches(text), meets(text, condition)
            assert right or not accepted, (condition, text)  # never too large
            if right and (style is ANY or "e" not in text.lower()) and (style is not COMPACT or "." not in text):
                assert accepted, (condition, text)
        assert not any(map(matches, rng.sample(OTHER, 200)))


@pytest.mark.parametrize("style", [DEFAULT, ANY], ids=["default", "any"])
@pytest.mark.parametrize(
    "condition",
    [
        {},
        {"integer": True},
        {"minimum": 0},
        {"exclusive_minimum": 0},
        {"maximum": -2},
        {"minimum": 0, "maximum": 25},
        {"integer": True, "minimum": -1, "maximum": 120},
        {"multiple_of": (0.1,)},
        {"not_multiple_of": (1,)},
        {"multiple_of": (2.5,), "exclusive_maximum": 100},
        {"integer": True, "not_multiple_of": (5,)},
        {"minimum": 0, "maximum": 0},
    ],
    ids=str,
)
def test_all_short_texts(condition, style):
    matches = numbers(style, **condition)
    printed = re.compile(r"-?([1-9](\.[0-9]+)?|0(\.0+)?)[eE].*" if style is DEFAULT else r".*")
    for text in SHORT:
        if matches(text) is not meets(text, condition):
            assert not matches(text), text
            assert "e" in text, text
            assert not printed.fullmatch(text), text
    assert not any(map(matches, OTHER))


@pytest.mark.parametrize("seed", range(3))
def test_what_json_dumps_prints_is_there(seed):
    rng = random.Random(seed)
    for _ in range(40):
        value = rng.choice([rng.uniform(-1, 1), rng.uniform(-1e6, 1e6), rng.randint(-(2**63), 2**63)])
        value *= rng.choice([1, 1, 10.0 ** rng.randint(-300, 280)])
        text = json.dumps(value)
        low = value - abs(value) * rng.choice([0, 0.5, 2])
        for style in (DEFAULT, ANY):
            assert numbers(style)(text)
            assert numbers(style, integer=True)(text) is (Fraction(text).denominator == 1)
            assert numbers(style, minimum=low)(text), (low, text)
            assert numbers(style, exclusive_maximum=low)(text) is False, (low, text)


@pytest.mark.parametrize("text", ["1e-05", "1.5e+16", "1e+22", "-2.5E-7", "1.7976931348623157e+308", "5e-324", "123456789012345678"])
def test_printed_forms(text):
    value = Fraction(Decimal(text))
    assert numbers(minimum=min(value, 0), maximum=max(value, 0))(text)
    assert numbers(multiple_of=(Decimal("1e-8"),))(text) is ((value * 10**8).denominator == 1)
    assert numbers(multiple_of=(Decimal("0.01"),))(text) is ((value * 100).denominator == 1)


def test_like_jsonschema_on_integers():
    rng = random.Random(5)
    for _ in range(60):
        low, high = sorted((rng.randint(-5000, 5000), rng.randint(-5000, 5000)))
        schema = {"type": "integer", "minimum": low, "maximum": high}
        if rng.random() < 0.5:
            schema["multipleOf"] = rng.choice([2, 3, 4, 7, 10, 25])
        judge = jsonschema.Draft202012Validator(schema)
        dfa = plain(COMPACT, integer=True, minimum=low, maximum=high, multiple_of=[schema.get("multipleOf", 1)])
        near = [low - 1, low, low + 1, high - 1, high, high + 1, *(rng.randint(-6000, 6000) for _ in range(50))]
        assert [dfa.matches(str(n)) for n in near] == [judge.is_valid(n) for n in near], schema


def test_long_numbers():
    limit = plain()
    assert limit.matches("9" * 20 + "." + "9" * 20)
    assert not limit.matches("9" * 21)
    assert not limit.matches("0." + "1" * 21)
    assert limit.matches("1e999")
    assert not limit.matches("1e1000")
    free = plain(ANY)
    assert free.matches("9" * 400 + "." + "9" * 400 + "E-" + "0" * 400)
    assert len(free.rows) < 12


@pytest.mark.parametrize(
    "condition",
    [
        {"minimum": 10**20},
        {"minimum": 1e300},
        {"exclusive_minimum": 0, "maximum": Decimal("1e-40")},
        {"minimum": 1, "multiple_of": (10**30,)},
        {"exclusive_minimum": 10**20 - 1, "integer": True},
        {"multiple_of": (Decimal("1e-30"),), "not_multiple_of": (Decimal("1e-29"),)},
    ],
    ids=str,
)
@pytest.mark.parametrize("style", [DEFAULT, COMPACT], ids=["default", "compact"])
def test_bounds_beyond_the_limit_stay_satisfiable(condition, style):
    dfa = plain(style, **condition)
    assert not dfa.is_empty
    shown = {k: v for k, v in condition.items() if isinstance(v, int | float)}  # the judge reads no Decimals
    assert all(meets(text, shown) for text in dfa.strings(5))
    if style is COMPACT:
        assert not dfa.matches("9" * 2000)


@pytest.mark.parametrize(
    "condition",
    [
        {"minimum": 2, "maximum": 1},
        {"minimum": 1, "exclusive_maximum": 1},
        {"integer": True, "exclusive_minimum": 0, "exclusive_maximum": 1},
        {"minimum": 1, "maximum": 9, "multiple_of": (10,)},
        {"integer": True, "not_multiple_of": (1,)},
        {"multiple_of": (4,), "not_multiple_of": (2,)},
        {"integer": True, "minimum": 0.1, "maximum": 0.9},
    ],
    ids=str,
)
def test_empty(condition):
    for style in (DEFAULT, COMPACT, ANY):
        assert plain(style, **condition).is_empty
        assert number_expr(Condition.of(**condition), style) is NEVER


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"integer": True, "minimum": 1}, {"integer": True, "exclusive_minimum": 0}),
        ({"multiple_of": (2, 3)}, {"multiple_of": (6,)}),
        ({"minimum": 0.5}, {"minimum": Decimal("0.5")}),
        ({"integer": True, "multiple_of": (0.5,)}, {"integer": True}),
        ({"multiple_of": (Fraction(1, 3),)}, {"integer": True}),
        ({"minimum": 1, "but": (0, 2.0)}, {"minimum": 1, "but": (2,)}),
    ],
    ids=str,
)
def test_equal_conditions_are_one_object(one, other):
    for style in (DEFAULT, ANY):
        found = number_expr(Condition.of(**one), style).parts
        assert len(found) > 1
        assert number_expr(Condition.of(**other), style).parts == found
    assert plain(**one) == plain(JsonStyle.of("indent=2"), **other)


def test_no_condition_is_one_automaton():
    for condition in ({}, {"minimum": 0}, {"exclusive_maximum": 0}):
        for style in (DEFAULT, ANY, COMPACT):
            assert isinstance(number_expr(Condition.of(**condition), style), Leaf)


def test_bare_integers():
    dfa = plain(COMPACT, integer=True)
    assert dfa == CharDFA.of_strings(["-", ""]) + (
        CharDFA.of_string("0") | CharDFA.of_chars([(49, 57)]) + CharDFA.of_chars([(48, 57)]).repeat(0, 19)
    )
    assert not numbers(COMPACT, multiple_of=(5,))("5.0")
    assert numbers(COMPACT, multiple_of=(0.5,))("5.0")


def test_sizes():
    """States stay few: what is built for every schema must be cheap."""
    sizes = {len(plain(**c).rows) for c in ({}, {"integer": True}, {"minimum": 0}, {"minimum": 0, "maximum": 100})}
    assert max(sizes) < 80
    assert len(plain(COMPACT, multiple_of=(10**12,)).rows) < 120
    assert len(plain(integer=True, minimum=-(2**63), maximum=2**63 - 1).rows) < 100


def test_large_units():
    assert plain(multiple_of=(1009,)).matches(str(1009 * 123456789))
    condition = {"integer": True, "multiple_of": (100_003,), "minimum": 10**6, "exclusive_maximum": 100_003 * 500}
    dfa = plain(**condition)
    assert dfa.matches(str(100_003 * 499))
    assert not dfa.matches(str(100_003 * 500))
    assert not dfa.matches(str(100_003))
    assert numbers(**condition)("4.9901497e7")
    with pytest.raises(BudgetExceeded, match="multiples of 1000003"):
        plain(multiple_of=(1_000_003,))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "one", "", True, None, [1], Decimal("Infinity")])
def test_what_is_no_number(value):
    with pytest.raises(OptionError):
        exact(value)


def test_bad_arguments():
    with pytest.raises(OptionError, match="not greater than 0"):
        Condition.of(multiple_of=(0,))
    with pytest.raises(OptionError, match="no finite decimal"):
        plain(minimum=Fraction(1, 3))
    for huge in (Decimal("1e999999999"), Decimal("1e-999999999"), 10**5000):
        with pytest.raises(BudgetExceeded):
            Condition.of(maximum=huge)


# ---- single values ----


@pytest.mark.parametrize("value", [0, 1, -1, 10, 100, 0.5, -2.25, 1000000, 12.0])
def test_values_in_any_style(value):
    matches = matcher(values_number([value], ANY))
    for text in SHORT:
        assert matches(text) is (Decimal(text) == Decimal(repr(value))), text


@pytest.mark.parametrize("value", [0, 1, -1, 10, 100, 0.5, -2.25, 12.0, 1e-7, 1.5e22, 10**18, 1e300, -5e-324])
def test_values_in_other_styles(value):
    number = Fraction(repr(value))
    assert matcher(values_number([value]))(json.dumps(value))
    for style in (DEFAULT, COMPACT):
        expr = values_number([value], style)
        matches = matcher(expr)
        assert all(Fraction(text) == number for text in texts(expr, 20, seed=1))
        for text in SHORT:
            if style is DEFAULT and "e" not in text:
                assert matches(text) is (Fraction(text) == number), text
    assert values_number([value], COMPACT).dfa.is_finite


def test_spelled_sets_of_values():
    values = [3, 3.0, 1.25, -7, 0, 10**17, 1e-9]
    union = CharDFA.empty()
    for value in values:
        union |= values_number([value]).dfa
    assert values_number(values).dfa == union
    assert values_number([]) is NEVER
    assert values_number([2, 0.5], COMPACT).dfa == CharDFA.of_strings(["2", "0.5"])


@pytest.mark.parametrize("style", [DEFAULT, COMPACT, ANY])
def test_many_values(style):
    values = [*range(0, 7 * BULK, 7), -7, 0.25, -2.5, 1e-7, 1e17, 2**70]
    matches = matcher(values_number(values, style))
    few = matcher(values_number([*range(0, 6300, 7), *values[BULK:]], style))  # an automaton
    for text in ["0", "-0", "7", "63", "8", "-7", "-14", "0.25", "-2.5", "2.5", "1e-07", "1e+17", "1180591620717411303424", *SHORT]:
        for spelled in (text, text + ".0", text + ".000000000000000000000"):
            assert matches(spelled) is few(spelled), spelled
    assert all(matches(json.dumps(value)) for value in values if style is not COMPACT or "e" not in json.dumps(value))
    assert not matches(str(7 * BULK))
