"""Number shapes: are there any, and how are they spelled.

Not here: the digits (`numbers`), strings (`strings`).
"""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache
from typing import Final

from structgen.errors import BudgetExceeded
from structgen.frontends.jsonschema import numbers
from structgen.frontends.jsonschema.numbers import Condition, number_dfa, power_expr, values_number
from structgen.frontends.jsonschema.numbers_far import Far, check_modulus
from structgen.frontends.jsonschema.numbers_plain import rest_of
from structgen.frontends.jsonschema.numbers_power import number_leaf
from structgen.frontends.jsonschema.numbers_window import common
from structgen.frontends.jsonschema.shapes import ONE, Num, has_number
from structgen.frontends.jsonschema.style import JsonStyle
from structgen.ir.expr import NEVER, Expr, alt

_INTEGER: Final = frozenset((ONE,))

EASY: Final = 1000
"""Divisors with up to so many remainders (but for their factors 2 and 5) fit an automaton."""

FEW: Final = 100
"""So many multiples within bounds are listed, where their divisor fits no automaton."""

MOST_DIGITS: Final = 1000
"""Styles that count digits count so many."""

TRIES: Final = 1000
"""So many multiples are tried before the automaton is asked."""


def step_of(shape: Num) -> Fraction | None:
    """The least common multiple of the divisors."""
    return common(shape.divisors) if shape.divisors else None


def parts_of(divisor: Fraction) -> tuple[Fraction, int]:
    """A divisor as a product of a number without other factors than 2 and 5, which may have decimal places, and one coprime to 10."""
    rest = rest_of(divisor.numerator)
    return divisor / rest, rest


def check_divisor(divisor: Fraction) -> None:
    """Raises BudgetExceeded for a divisor of too many digits."""
    check_modulus(parts_of(divisor)[1])


def is_live(shape: Num) -> bool:
    """True where some number satisfies the shape."""
    if shape.values is not None:
        return bool(shape.values)
    if (shape.low is None or shape.high is None) and not shape.others and shape.divisors <= _INTEGER:
        return True  # the common case: infinitely many, of which finitely many are left out
    step = step_of(shape)
    if _is_far(shape):
        _check_far(shape, step)
    if step is None:
        return shape.low is None or shape.low != shape.high or has_number(shape, shape.low)
    if not shape.others and (shape.low is None or shape.high is None):
        return True  # and only finitely many are left out
    if any((step / one).denominator == 1 for one in shape.others):
        return False
    if shape.low is None and shape.high is not None:
        first, way = math.floor(shape.high / step), -1
    else:
        first, way = math.ceil(shape.low / step) if shape.low is not None else 0, 1
    for k in range(TRIES + len(shape.but)):
        value = (first + way * k) * step
        if has_number(shape, value):
            return True
        if way == 1 and shape.high is not None and value > shape.high:
            return False
    return not number_dfa(_condition(shape)).is_empty


@lru_cache(maxsize=256)
def number_expr(shape: Num, style: JsonStyle) -> Expr:
    """All spellings of the numbers of a shape."""
    if shape.bare and style.integers != "bare":
        style = replace(style, integers="bare")
    if shape.values is not None:
        return values_number(shape.values, style)
    if _is_far(shape):
        return _far(shape, style) if is_live(shape) else NEVER
    return numbers.number_expr(_condition(shape), style)


# ---- divisors with many remainders ----


def _is_far(shape: Num) -> bool:
    """Whether some divisor has more remainders than belong into an automaton."""
    return any(parts_of(one)[1] > EASY for one in shape.divisors | shape.others) or (
        len(shape.divisors) > 1 and parts_of(step_of(shape) or ONE)[1] > EASY
    )


def _few(shape: Num, step: Fraction | None) -> bool:
    """Whether the multiples within the bounds are few enough to list."""
    return step is not None and shape.low is not None and shape.high is not None and shape.high - shape.low <= FEW * step


def _check_far(shape: Num, step: Fraction | None) -> None:
    """Raises BudgetExceeded for a shape with many remainders that `_far` cannot spell."""
    if step is not None:
        check_modulus(parts_of(step)[1])
    for one in shape.others:
        check_modulus(parts_of(one)[1])
    many = step is not None and parts_of(step)[1] > EASY
    if shape.others and (many or len(shape.others) > 1) and not _few(shape, step):
        raise BudgetExceeded(
            f"multiples that are no multiples of {', '.join(str(one) for one in sorted(shape.others))}, "
            f"where a divisor has more than {EASY:,} remainders",
            hint="such divisors stand alone, in multipleOf or in one negated multipleOf, or with bounds that leave a few numbers",
        )


def _far(shape: Num, style: JsonStyle) -> Expr:
    """The spellings of a shape that has numbers, where some divisor has many remainders."""
    step = step_of(shape)
    if step is not None and shape.low is not None and shape.high is not None and _few(shape, step):
        first, last = math.ceil(shape.low / step), math.floor(shape.high / step)
        values = [k * step for k in range(first, last + 1)]
        return values_number([v for v in values if has_number(shape, v)], style)
    if not shape.others:
        near, modulus = parts_of(step or ONE)
        size = len(str(math.floor(step or ONE)))  # multiples that need more digits get more
        if style.digits is not None and style.digits < size <= MOST_DIGITS:
            style = replace(style, digits=size)
        wide = _widened(shape._replace(divisors=frozenset((near,))), style, modulus, wanted=True)
        return alt([wide, power_expr(_condition(shape), style)])
    (other,) = shape.others
    near, modulus = parts_of(other)
    # No multiple of `other` is what is no multiple of `near`, or has digits that are none of `modulus`.
    plain = number_dfa(_condition(shape._replace(others=frozenset((near,)))), style)
    wide = _widened(shape._replace(others=frozenset()), style, modulus, wanted=False)
    return alt([*([] if plain.is_empty else [number_leaf(plain)]), wide, power_expr(_condition(shape), style)])


def _widened(shape: Num, style: JsonStyle, modulus: int, *, wanted: bool) -> Expr:
    """The numbers without exponent whose digits are a multiple of `modulus`, or are none, with as many digits as it takes."""
    style = replace(style, exponents=0)
    while True:
        spelling = number_dfa(_condition(shape), style)
        found = Far(spelling, modulus, wanted=wanted).expr()
        if found is not NEVER or style.digits is None:
            return found
        style = replace(style, digits=style.digits * 2 if style.digits * 2 <= MOST_DIGITS else None)


def _condition(shape: Num) -> Condition | None:
    """What the numbers of a shape have to meet."""
    low, high = shape.low, shape.high
    return Condition.of(
        integer=ONE in shape.divisors,
        minimum=None if shape.low_open else low,
        exclusive_minimum=low if shape.low_open else None,
        maximum=None if shape.high_open else high,
        exclusive_maximum=high if shape.high_open else None,
        multiple_of=sorted(shape.divisors - {ONE}),
        not_multiple_of=sorted(shape.others),
        but=shape.but,
    )
