"""Numbers of JSON as languages of digits: ranges, multiples, and all the spellings of a value.

`number_expr` is the language of all texts of JSON numbers whose value meets a condition, exact for texts of any length, as far as the style
allows. It has two parts:

    number_dfa       texts without exponent, and those with one where every exponent is allowed (no condition, or one on the sign): an
                     automaton, so that token tables are shared
    power_expr       the other texts with exponent: rules for what a text gets to (`numbers_exponent`). In the style "any" all of them;
                     where the style limits digits those with one digit before the point, as printers write them

Not here: how digits are read (`numbers_plain`, `numbers_exponent`), keywords (`algebra`).

>>> condition = Condition.of(integer=True, minimum=0, maximum=100)
>>> [text for text in ("-0", "100", "100.0", "1e2", "101", "1.5", "1.5e1") if number_dfa(condition, JsonStyle.of("any")).matches(text)]
['-0', '100', '100.0']
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Final, NamedTuple

from structgen.errors import BudgetExceeded, OptionError
from structgen.frontends.jsonschema.constants import Rational, is_multiple
from structgen.frontends.jsonschema.numbers_exponent import Limits, Mantissas
from structgen.frontends.jsonschema.numbers_plain import Bound, Modulus, Plain, rest_of, scale_of
from structgen.frontends.jsonschema.numbers_power import char_leaf, number_leaf
from structgen.frontends.jsonschema.numbers_table import Branch, table
from structgen.frontends.jsonschema.numbers_window import Listed, Ranged, common
from structgen.frontends.jsonschema.style import ANY, DEFAULT, JsonStyle
from structgen.ir.expr import EPSILON, NEVER, Expr, Strings, alt, seq
from structgen.ir.regular import BUDGET, CharDFA

Number = int | float | Decimal | Fraction
"""An exact number: floats stand for the decimal that `repr` shows."""

_ZERO: Final = frozenset((Fraction(0),))

MAX_POWER: Final = 2000
"""Numbers of schemas are read up to 10**2000 and down to 10**-2000."""

MANY_VALUES: Final = 20_000
"""Multiples in a range are listed one by one if there are no more than this, and only where remainders need too many states. No more than
this are denied one by one, which takes a second or two."""

BULK: Final = 1000
"""Sets of more numbers than this are tries: 500,000 take 0.5 s, where an automaton takes 2.3 s, and room for good."""

KEPT: Final = 64
"""So many sets of numbers keep their spellings."""

SHORT: Final = 10**16
"""Whole numbers below this are written without an exponent."""


@dataclass(frozen=True, slots=True)
class Condition:
    """What a number has to meet, canonical: a range, a unit of which it is a multiple, units of which it is none, what it is not."""

    low: Fraction | None = None
    low_strict: bool = False
    high: Fraction | None = None
    high_strict: bool = False
    step: Fraction | None = None
    nots: tuple[Fraction, ...] = ()
    but: frozenset[Fraction] = frozenset()

    @staticmethod
    def of(
        *,
        integer: bool = False,
        minimum: Number | None = None,
        maximum: Number | None = None,
        exclusive_minimum: Number | None = None,
        exclusive_maximum: Number | None = None,
        multiple_of: Iterable[Number] = (),
        not_multiple_of: Iterable[Number] = (),
        but: Iterable[Number] = (),
    ) -> Condition | None:
        """Numbers in the range, multiples of all of `multiple_of` and of none of `not_multiple_of`, not in `but`. None if there are none.

        `integer` is JSON Schema's: 1.0 and 1e2 are integers. (A number that is no integer: `not_multiple_of=[1]`.)
        Raises OptionError for impossible arguments.
        """
        low, low_strict = _tightest(minimum, exclusive_minimum, "minimum", 1)
        high, high_strict = _tightest(maximum, exclusive_maximum, "maximum", -1)
        step: Fraction | None = Fraction(1) if integer else None
        for value in multiple_of:
            one = _positive(value, "multipleOf")
            step = one if step is None else common((step, one))
        nots = tuple(sorted({_positive(value, "not multipleOf") for value in not_multiple_of}))
        if step is not None:
            low, low_strict = _rounded(low, low_strict, step)
            high, high_strict = _rounded(high, high_strict, step, sign=-1)
            if any(step % one == 0 for one in nots):
                return None
        if low is not None and high is not None and (low > high or (low == high and (low_strict or high_strict))):
            return None
        range_ = Condition(low, low_strict, high, high_strict, step, nots)
        others = [value for value in map(_short, but) if range_.has(value)]
        if len(others) > MANY_VALUES:
            hint = "Deny a range, or multiples of a number."
            raise BudgetExceeded(f"more than {MANY_VALUES:,} numbers are denied one by one", hint=hint)
        return replace(range_, but=frozenset(map(Fraction, others)))

    def has(self, value: Rational) -> bool:
        """Whether a number meets it."""
        if self.low is not None and (value < self.low or (self.low_strict and value == self.low)):
            return False
        if self.high is not None and (value > self.high or (self.high_strict and value == self.high)):
            return False
        if self.step is not None and not is_multiple(value, self.step):
            return False
        return value not in self.but and not any(is_multiple(value, one) for one in self.nots)


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


def number_expr(condition: Condition | None, style: JsonStyle) -> Expr:
    """All texts of numbers that meet a condition, as far as the style allows; NEVER where there are none.

    The style's limit on digits gives way where it would exclude a bound, or leave nothing. Errors as in `number_dfa`.
    """
    dfa = number_dfa(condition, style)
    return alt([*([] if dfa.is_empty else [number_leaf(dfa)]), power_expr(condition, style)])


def number_dfa(condition: Condition | None, style: JsonStyle = DEFAULT, *, budget: int = BUDGET) -> CharDFA:
    """The texts without exponent, and those with one where every exponent is allowed.

    Raises BudgetExceeded where more than `budget` states are needed.
    """
    if condition is None:
        return CharDFA.empty()
    others = condition.but - _ZERO
    if not others:
        return _number_dfa(condition, _relevant(style), budget)
    whole = _number_dfa(replace(condition, but=condition.but & _ZERO), replace(_relevant(style), exponents=0), budget)
    return whole - _spellings(others)


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
    return found * rest_of(found.denominator)  # decimals that are multiples of 1/3 are whole


@lru_cache(maxsize=256)
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
        return _values_dfa(frozenset([v for v in values if condition.has(v)]), replace(style, exponents=0))
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
    halves = _halves(condition)
    if not halves:
        return CharDFA.empty()
    moduli = tuple([Modulus(one, False) for one in condition.nots])
    if condition.step is not None:
        moduli = (Modulus(condition.step, True), *moduli)
    bare = _is_bare(condition, style)
    made: dict[Half, Branch] = {}
    for half in halves.values():
        if half not in made:
            made[half] = Branch(Plain(half.floor, half.high, moduli), style.exponents != 0 and not bare and half.is_free(condition), bare)
    return CharDFA.from_table(
        *table({sign: made[half] for sign, half in halves.items()}, _limits(condition, halves, digits), style.exponents, budget)
    )


class Half(NamedTuple):
    """The numbers of one sign: bounds of their magnitudes, whether 0 is among them, excluded magnitudes."""

    low: Bound | None
    high: Bound | None
    zero: bool
    but: frozenset[Fraction]

    @property
    def floor(self) -> Bound | None:
        """The lower bound, which may be zero."""
        return self.low or (None if self.zero else Bound((), (), True))

    def is_free(self, condition: Condition) -> bool:
        """Whether every exponent may follow every mantissa: all that matters is whether it is zero."""
        if condition.but - _ZERO:
            return False
        return self.is_zero or not (self.low or self.high or condition.step is not None or condition.nots)

    @property
    def is_zero(self) -> bool:
        """Whether no other number is among them."""
        return self.high is not None and not self.high.digits


def _halves(condition: Condition) -> dict[int, Half]:
    """The signs that numbers may have."""
    found = {}
    for sign in (1, -1):
        low, low_strict, high, high_strict = condition.low, condition.low_strict, condition.high, condition.high_strict
        if sign < 0:
            low, low_strict, high, high_strict = None if high is None else -high, high_strict, None if low is None else -low, low_strict
        if high is not None and (high < 0 or (high == 0 and high_strict)):
            continue
        floor = Bound.of(low, low_strict) if low is not None and low > 0 else None
        but = frozenset([abs(value) for value in condition.but if value * sign > 0])
        zero = floor is None and not (low == 0 and low_strict) and not condition.nots and 0 not in condition.but
        if high == 0 and not zero:
            continue
        found[sign] = Half(floor, None if high is None else Bound.of(high, high_strict), zero, but)
    return found


def _is_bare(condition: Condition, style: JsonStyle) -> bool:
    return style.integers == "bare" and condition.step is not None and Modulus(condition.step, True).scale == 0


def _limits(condition: Condition, halves: dict[int, Half], digits: int | None) -> tuple[int | None, int | None]:
    """The most digits before and after the point."""
    if digits is None:
        return None, None
    bounds = [b for half in halves.values() for b in (half.low, half.high) if b is not None]
    units = [*condition.nots, *([] if condition.step is None else [condition.step])]
    return max([digits, *(len(b.whole) for b in bounds)]), max(
        [digits, *(len(b.part) for b in bounds), *(Modulus(one, True).scale for one in units)]
    )


# ---- exponents ----


def power_expr(condition: Condition | None, style: JsonStyle) -> Expr:
    """The texts with exponent that `number_dfa` leaves out; NEVER if there are none. The same object for equal arguments."""
    return NEVER if condition is None else _power_expr(condition, _relevant(style))


@lru_cache(maxsize=256)
def _power_expr(condition: Condition, style: JsonStyle) -> Expr:
    if style.exponents == 0 or _is_bare(condition, style):
        return NEVER
    halves = _halves(condition)
    limits = Limits(_limits(condition, halves, style.digits)[1], style.exponents)
    made: dict[Half, Expr] = {}
    for half in halves.values():
        if half not in made and not half.is_free(condition):
            if half.is_zero:
                found: Mantissas = Listed((), limits, zero=True)
            else:
                found = Ranged(half.low, half.high, limits, step=condition.step, nots=condition.nots, but=half.but, zero=half.zero)
            made[half] = found.expr()
    return _signed({sign: made[half] for sign, half in halves.items() if half in made})


def _signed(by_sign: dict[int, Expr]) -> Expr:
    """Magnitudes with their signs."""
    parts = []
    for sign, expr in by_sign.items():
        if expr is not NEVER:
            parts.append(expr if sign > 0 else seq(char_leaf("-"), expr))
    return alt(parts)


# ---- single values ----


def values_number(values: Iterable[Number], style: JsonStyle = DEFAULT) -> Expr:
    """All spellings of these numbers; NEVER for none.

    In a style with exponents of any length: all of `number_expr`'s. Else plain digits with zeros behind (`2`, `2.0`, `2.00`; `-0` is 0),
    and with an exponent where `json.dumps` would write one. In a style of bare integers one spelling: `2`, `0.5`.
    """
    return _values_number(frozenset(map(_short, values)), _relevant(style))


def _short(value: Number) -> Rational:
    return value if type(value) is int and -SHORT < value < SHORT else exact(value)


@lru_cache(maxsize=256)
def _values_number(values: frozenset[Rational], style: JsonStyle) -> Expr:
    if not values:
        return NEVER
    found = [_values_trie(values, style) if len(values) > BULK else number_leaf(_values_dfa(values, style))]
    if style.exponents is None and style.integers != "bare":
        exacts = list(map(Fraction, values))
        part = None if style.digits is None else max([style.digits, *(scale_of(value.denominator) or 0 for value in exacts)])
        zero = 0 in values
        magnitudes = {sign: [abs(value) for value in exacts if value * sign > 0] for sign in (1, -1)}
        found.append(
            _signed({sign: Listed(some, Limits(part, None), zero=zero).expr() for sign, some in magnitudes.items() if some or zero})
        )
    return alt(found)


def _values_trie(values: Collection[Rational], style: JsonStyle) -> Expr:
    """Their spellings but for those with exponents of any length, in bulk."""
    plain, powers = _spelled(values, style)
    bare = style.integers == "bare"
    parts = [seq(_trie(texts), EPSILON if bare else number_leaf(_zeros(places, style.digits))) for places, texts in plain.items()]
    parts += [seq(_trie(texts), number_leaf(_exponent(power, style.exponents or 0))) for power, texts in powers.items()]
    return alt(parts)


def _trie(texts: list[str]) -> Expr:
    return Strings([text.encode() for text in texts])


@lru_cache(maxsize=256)
def _values_dfa(values: frozenset[Rational], style: JsonStyle) -> CharDFA:
    """The same as one automaton."""
    plain, powers = _spelled(values, style)
    found = CharDFA.empty()
    for places, texts in sorted(plain.items()):
        some = CharDFA.of_strings(texts)
        found |= some if style.integers == "bare" else some + _zeros(places, style.digits)
    for power, texts in powers.items():
        found |= CharDFA.of_strings(texts) + _exponent(power, style.exponents or 0)
    return found


def _spelled(values: Collection[Rational], style: JsonStyle) -> tuple[dict[int, list[str]], dict[int, list[str]]]:
    """Texts without exponent by their decimal places, and mantissas by their exponent, where `json.dumps` would write one."""
    whole = [str(value) for value in values if type(value) is int and -SHORT < value < SHORT]  # as most values are, by the million
    plain: dict[int, list[str]] = {}
    powers: dict[int, list[str]] = {}
    for value in values if len(whole) < len(values) else ():
        if type(value) is int and -SHORT < value < SHORT:
            continue
        sign, digits, part = plain_text(Fraction(value))
        plain.setdefault(len(part), []).append(f"{sign}{digits}.{part}" if part else sign + digits)
        power = len(digits) - 1 if digits != "0" else -1 - (len(part) - len(part.lstrip("0")))
        if style.exponents and value and not -4 <= power < 16:
            digits = (digits.lstrip("0") + part).strip("0")
            powers.setdefault(power, []).append(f"{sign}{digits[0]}.{digits[1:]}" if digits[1:] else sign + digits)
    if 0 in values:
        whole.append("-0")
    if whole:
        plain[0] = plain.get(0, []) + whole
    return plain, powers


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


_SPELLINGS: Final[dict[frozenset[Fraction], CharDFA]] = {}


def _spellings(values: frozenset[Fraction]) -> CharDFA:
    """Every spelling of some numbers without exponent. Sets grow one by one (unique items), so that of a set with one less is looked for
    first."""
    found = _SPELLINGS.get(values)
    if found is None:
        for one in values if 1 < len(values) <= BULK else ():
            less = _SPELLINGS.get(values - {one})
            if less is not None:
                found = less | _values_dfa(frozenset((one,)), ANY)
                break
        else:
            found = _values_dfa(values, ANY)
        if len(_SPELLINGS) >= KEPT:
            _SPELLINGS.clear()
        _SPELLINGS[values] = found
    return found
