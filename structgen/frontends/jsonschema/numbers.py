"""Numbers of JSON as languages of digits: ranges, multiples, and all the spellings of a value.

`number_dfa` is the automaton of all texts of JSON numbers whose value meets the conditions. It is exact for texts without exponent, of any
length that the style allows. Texts with exponent are never wrong either, and all there as far as a finite automaton can tell:

    no condition, or only a sign             every mantissa, every exponent
    multiples (integers)                     every mantissa of up to 16 digits after the point that does not end in zeros behind the point
    bounds                                   every mantissa with one digit before the point ("0.5e1", "5e0", not "50e-1")

In the style "any" mantissas may also have up to 6 digits before the point, 5 zeros after it and 6 zeros at the end (3, 2 and 3 under
bounds and multiples together). What `json.dumps` prints is always there, but for one case: multiples with n > 2 kinds of remainders (7 has
seven, 100 three, 0.01 one) allow 32 / n digits after the point of a mantissa.

Not here: how the machines read digits (`numbers_plain`, `numbers_exponent`), keywords (`normal`).

>>> dfa = number_dfa(integer=True, minimum=0, maximum=100, style=JsonStyle.of("any"))
>>> [text for text in ("-0", "100", "100.0", "1e2", "1.5e1", "101", "1.5", "10e-1") if dfa.matches(text)]
['-0', '100', '100.0', '1e2', '1.5e1', '10e-1']
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Final

from structgen.errors import BudgetExceeded, OptionError
from structgen.frontends.jsonschema.numbers_exponent import MEDIUM, SCIENTIFIC, WIDE, Scientific
from structgen.frontends.jsonschema.numbers_plain import Bound, Modulus, Plain
from structgen.frontends.jsonschema.numbers_table import Branch, table
from structgen.frontends.jsonschema.style import DEFAULT, JsonStyle
from structgen.ir.regular import BUDGET, CharDFA

Number = int | float | Decimal | Fraction
"""An exact number: floats stand for the decimal that `repr` shows."""

MAX_POWER: Final = 2000
"""Numbers of schemas are read up to 10**2000 and down to 10**-2000."""

MANY_VALUES: Final = 20_000
"""Multiples in a range are listed one by one if there are no more than this, and only where remainders need too many states."""

SHORT: Final = 10**16
"""Whole numbers below this are written without an exponent."""

MANY_RESIDUES: Final = 32
"""Before an exponent each digit of the fraction needs all the residues of a unit again; this bounds their product."""


@dataclass(frozen=True, slots=True)
class Condition:
    """What a number has to meet, in one canonical form: a range, the unit it is a multiple of, units it is no multiple of."""

    low: Fraction | None
    low_strict: bool
    high: Fraction | None
    high_strict: bool
    step: Fraction | None
    nots: tuple[Fraction, ...]

    @property
    def is_free(self) -> bool:
        """Whether every number meets it."""
        return self.low is None and self.high is None and self.step is None and not self.nots


def exact(value: Number | str, where: str = "number") -> Fraction:
    """The exact value: of a float, the decimal that `repr` shows; of a str, the JSON number that it spells.

    Raises OptionError for what is no finite number, BudgetExceeded beyond 10**2000.
    """
    if type(value) is int and -SHORT < value < SHORT:
        return Fraction(value)
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal | Fraction | str):
        raise OptionError(f"{value!r} is not a number", where=where)
    if isinstance(value, float | str):
        try:
            value = Decimal(repr(value) if isinstance(value, float) else value)
        except ArithmeticError:
            raise OptionError(f"{value!r} is not a number", where=where) from None
    if isinstance(value, Decimal):
        if not value.is_finite():
            raise OptionError(f"{value} is not a finite number", where=where, hint="JSON has no infinity and no NaN")
        large = bool(value) and (abs(value.adjusted()) > MAX_POWER or len(value.as_tuple().digits) > MAX_POWER)
    else:
        large = isinstance(value, int) and abs(value).bit_length() > MAX_POWER * 10 // 3
    if large:
        raise BudgetExceeded(f"a number beyond 10**±{MAX_POWER} (at {where})", hint="bounds and constants of a schema must be smaller")
    return Fraction(value)


def number_dfa(
    *,
    integer: bool = False,
    minimum: Number | None = None,
    maximum: Number | None = None,
    exclusive_minimum: Number | None = None,
    exclusive_maximum: Number | None = None,
    multiple_of: Iterable[Number] = (),
    not_multiple_of: Iterable[Number] = (),
    style: JsonStyle = DEFAULT,
    budget: int = BUDGET,
) -> CharDFA:
    """All texts of numbers that are in the range, multiples of all of `multiple_of` and of none of `not_multiple_of`, in this style.

    `integer` is JSON Schema's: 1.0 and 1e2 are integers. (A number that is no integer: `not_multiple_of=[1]`.) The style's limit on digits
    gives way where it would exclude a bound, or leave nothing. The empty language is the answer where no number meets all conditions.
    Equal calls give the same object.

    Raises OptionError for impossible arguments, BudgetExceeded where more than `budget` states are needed.
    """
    low, low_strict = _tightest(minimum, exclusive_minimum, "minimum", 1)
    high, high_strict = _tightest(maximum, exclusive_maximum, "maximum", -1)
    step: Fraction | None = Fraction(1) if integer else None
    for value in multiple_of:
        one = _positive(value, "multipleOf")
        step = one if step is None else Fraction(math.lcm(step.numerator, one.numerator), math.gcd(step.denominator, one.denominator))
    nots = tuple(sorted({_positive(value, "not multipleOf") for value in not_multiple_of}))
    if step is not None:
        low, low_strict = _rounded(low, low_strict, step)
        high, high_strict = _rounded(high, high_strict, step, sign=-1)
    if low is not None and high is not None and (low > high or (low == high and (low_strict or high_strict))):
        return CharDFA.empty()
    return _number_dfa(Condition(low, low_strict, high, high_strict, step, nots), _relevant(style), budget)


def _relevant(style: JsonStyle) -> JsonStyle:
    """The style without what does not matter to numbers, so that styles share automata."""
    return replace(style, whitespace="default", indent=2, escapes="any")


def _tightest(closed: Number | None, opened: Number | None, name: str, sign: int) -> tuple[Fraction | None, bool]:
    """The tighter of an inclusive and an exclusive bound, and whether it is exclusive. `sign`: 1 for lower bounds, -1 for upper ones."""
    a = None if closed is None else exact(closed, name)
    b = None if opened is None else exact(opened, f"exclusive {name}")
    if b is not None and (a is None or b * sign >= a * sign):
        return b, True
    return a, False


def _rounded(bound: Fraction | None, strict: bool, step: Fraction, sign: int = 1) -> tuple[Fraction | None, bool]:
    """The same lower (sign 1) or upper (-1) bound for multiples of `step`, in one form: a multiple, included, or more than zero."""
    if bound is None:
        return None, False
    steps = sign * bound / step
    least = math.floor(steps) + 1 if strict else math.ceil(steps)
    return (Fraction(0), True) if least == 1 else (sign * least * step, False)


def _positive(value: Number, name: str) -> Fraction:
    found = exact(value, name)
    if found <= 0:
        raise OptionError(f"{value} is not greater than 0", where=name, hint="multiples of zero or of a negative number mean nothing")
    return found


@lru_cache(maxsize=4096)
def _number_dfa(condition: Condition, style: JsonStyle, budget: int) -> CharDFA:
    digits = style.digits
    try:
        found = _limited(condition, style, digits, budget)
        if digits is None or not found.is_empty or _limited(condition, style, None, budget).is_empty:
            return found
        while found.is_empty:  # a satisfiable condition stays satisfiable
            digits *= 2
            found = _limited(condition, style, digits, budget)
    except BudgetExceeded:
        return _large(condition, style, budget)
    return found


def _large(condition: Condition, style: JsonStyle, budget: int) -> CharDFA:
    """What needs too many states otherwise: a few multiples by listing them, else with any number of digits, which need not be counted."""
    low, high, step = condition.low, condition.high, condition.step
    if step is not None and low is not None and high is not None and high - low <= MANY_VALUES * step:
        first = math.ceil(low / step) + (condition.low_strict and low % step == 0)
        last = math.floor(high / step) - (condition.high_strict and high % step == 0)
        values = [n * step for n in range(first, last + 1)]
        return number_values_dfa([v for v in values if all(v % unit for unit in condition.nots)], style)
    try:
        return _limited(condition, style, None, budget)
    except BudgetExceeded:
        what = f"multiples of {step}" if step is not None and step != 1 else "a range of numbers"
        raise BudgetExceeded(
            f"{what}: the automaton over digits needs more than {budget:,} states",
            hint="multipleOf needs a state for each remainder (powers of ten are free): choose a smaller one, or list the values",
        ) from None


def _limited(condition: Condition, style: JsonStyle, digits: int | None, budget: int) -> CharDFA:
    """The automaton with so many digits before and after the point (more where bounds and multiples have more)."""
    moduli = tuple([Modulus(one, False) for one in condition.nots])
    if condition.step is not None:
        moduli = (Modulus(condition.step, True), *moduli)
    branches: dict[int, Branch] = {}
    symmetric = condition.low is None if condition.high is None else condition.low == -condition.high
    for sign in (1, -1):
        shared = sign < 0 and symmetric and condition.low_strict == condition.high_strict
        branch = branches.get(1) if shared else _branch(condition, style, moduli, sign)
        if branch is not None:
            branches[sign] = branch
    if not branches:
        return CharDFA.empty()
    limits: tuple[int | None, int | None] = (None, None)
    if digits is not None:
        bounds = [b for branch in branches.values() for b in (branch.plain.low, branch.plain.high) if b is not None]
        limits = (
            max([digits, *(len(b.whole) for b in bounds)]),
            max([digits, *(len(b.part) for b in bounds), *(m.scale for m in moduli)]),
        )
    return CharDFA.from_table(*table(branches, limits, style.exponents, budget))


def _branch(condition: Condition, style: JsonStyle, moduli: tuple[Modulus, ...], sign: int) -> Branch | None:
    """The machines for the magnitudes of positive (sign 1) or negative numbers; None if there are none, not even zero."""
    low, low_strict, high, high_strict = condition.low, condition.low_strict, condition.high, condition.high_strict
    if sign < 0:
        low, low_strict, high, high_strict = None if high is None else -high, high_strict, None if low is None else -low, low_strict
    if high is not None and (high < 0 or (high == 0 and high_strict)):
        return None
    zero = low is None or low < 0 or (low == 0 and not low_strict)
    floor = None if zero or low is None else Bound.of(low, low_strict)
    ceiling = None if high is None else Bound.of(high, high_strict)
    bare = style.integers == "bare" and any(m.wanted and m.scale == 0 for m in moduli)
    scientific = None
    if style.exponents != 0 and not bare:
        bounded = bool(floor and floor.digits) or ceiling is not None
        caps = SCIENTIFIC if style.digits is not None else MEDIUM if bounded and moduli else WIDE
        if any(m.unit > MANY_RESIDUES and math.gcd(m.unit, 10 ** m.unit.bit_length()) < m.unit for m in moduli):
            caps = replace(caps, part=0, loose=0)
        nonzero = high is None or high > 0
        scientific = Scientific(
            floor if floor and floor.digits else None, ceiling if nonzero else None, moduli, caps=caps, zero=zero, nonzero=nonzero
        )
    return Branch(Plain(floor, ceiling, moduli), scientific, bare)


# ---- single values ----


def number_value_dfa(value: Number, style: JsonStyle = DEFAULT) -> CharDFA:
    """All spellings of one number in this style (see `number_values_dfa`)."""
    return number_values_dfa((value,), style)


def number_values_dfa(values: Iterable[Number], style: JsonStyle = DEFAULT) -> CharDFA:
    """All spellings of these numbers. The empty language for none.

    In a style with exponents of any length: all of `number_dfa`'s. Else plain digits with zeros behind (`2`, `2.0`, `2.00`; `-0` is 0), and
    with an exponent where `json.dumps` would write one. In a style of bare integers one spelling: `2`, `0.5`.
    """
    return _values_dfa(frozenset(exact(value) for value in values), _relevant(style))


@lru_cache(maxsize=4096)
def _values_dfa(values: frozenset[Fraction], style: JsonStyle) -> CharDFA:
    if style.exponents is None:
        found = CharDFA.empty()
        for value in sorted(values):
            found |= number_dfa(minimum=value, maximum=value, style=style)
        return found
    texts: dict[int, list[str]] = {}
    powers: list[tuple[str, int]] = []
    for value in values:
        if value.denominator == 1 and abs(value.numerator) < SHORT:  # as most values are, by the million
            texts.setdefault(0, []).append(str(value.numerator))
            if not value:
                texts[0].append("-0")
            continue
        sign, whole, part = plain_text(value)
        texts.setdefault(len(part), []).append(f"{sign}{whole}.{part}" if part else sign + whole)
        if not value:
            texts[0].append("-0")
        digits = whole.lstrip("0") + part
        power = len(whole) - 1 if whole != "0" else -1 - (len(part) - len(part.lstrip("0")))
        if style.exponents and value and not -4 <= power < 16:
            digits = digits.strip("0")
            powers.append((f"{sign}{digits[0]}.{digits[1:]}" if digits[1:] else sign + digits, power))
    found = CharDFA.empty()
    for length, group in sorted(texts.items()):
        some = CharDFA.of_strings(group)
        found |= some if style.integers == "bare" else some + _zeros(length, style.digits)
    for mantissa, power in powers:
        found |= CharDFA.of_string(mantissa) + _exponent(power, style.exponents)
    return found


def plain_text(value: Fraction) -> tuple[str, str, str]:
    """Sign ("" or "-"), whole part and fraction (without zeros behind) of a decimal number. Raises OptionError for other numbers."""
    bound = Bound.of(abs(value), False)
    return "-" if value < 0 else "", "".join(map(str, bound.whole)) or "0", "".join(map(str, bound.part))


@lru_cache(maxsize=64)
def _zeros(part: int, digits: int | None) -> CharDFA:
    """What may follow a number with `part` digits in its fraction without changing it."""
    zero = CharDFA.of_string("0")
    if part:
        return zero.repeat(0, None if digits is None else max(digits - part, 0))
    return (CharDFA.of_string(".") + zero.repeat(1, digits)).optional()


@lru_cache(maxsize=256)
def _exponent(power: int, digits: int) -> CharDFA:
    """The exponent `power`, with zeros in front up to so many digits."""
    sign = CharDFA.of_string("-") if power < 0 else CharDFA.of_string("+").optional()
    text = str(abs(power))
    zeros = CharDFA.of_string("0").repeat(0, max(digits - len(text), 0))
    return CharDFA.of_strings(["e", "E"]) + sign + zeros + CharDFA.of_string(text)
