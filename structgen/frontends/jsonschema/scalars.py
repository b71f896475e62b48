"""Number shapes: are there any, and how are they spelled.

Not here: the digits (`numbers`), strings (`strings`).
"""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache
from typing import Final

from structgen.frontends.jsonschema.numbers import number_dfa, number_values_dfa
from structgen.frontends.jsonschema.shapes import ONE, Num, has_number
from structgen.frontends.jsonschema.spell import number_leaf
from structgen.frontends.jsonschema.style import DEFAULT, JsonStyle
from structgen.ir.expr import Expr, alt
from structgen.ir.regular import CharDFA

EASY: Final = 1000
"""Divisors with up to so many remainders certainly fit an automaton."""

TRIES: Final = 1000
"""So many multiples are tried before the automaton is asked."""


def step_of(shape: Num) -> Fraction | None:
    """The least common multiple of the divisors."""
    step: Fraction | None = None
    for one in shape.divisors:
        step = one if step is None else Fraction(math.lcm(step.numerator, one.numerator), math.gcd(step.denominator, one.denominator))
    return step


def check_divisor(divisor: Fraction) -> None:
    """Raises BudgetExceeded for a divisor with too many remainders."""
    scaled = divisor.numerator * (10**40 // divisor.denominator if 10**40 % divisor.denominator == 0 else 1)
    for factor in (2, 5):
        while scaled % factor == 0:
            scaled //= factor
    if scaled > EASY:
        number_dfa(multiple_of=(divisor,), style=JsonStyle.of("any"))


def is_live(shape: Num) -> bool:
    """True where some number satisfies the shape."""
    if shape.values is not None:
        return bool(shape.values)
    step = step_of(shape)
    if step is None:
        return shape.low is None or shape.low != shape.high or has_number(shape, shape.low)
    if not shape.others and not shape.but and (shape.low is None or shape.high is None):
        return True
    if any((step / one).denominator == 1 for one in shape.others):
        return False
    if shape.low is None and shape.high is not None:
        first, way = math.floor(shape.high / step), -1
    else:
        first, way = math.ceil(shape.low / step) if shape.low is not None else 0, 1
    for k in range(TRIES):
        value = (first + way * k) * step
        if has_number(shape, value):
            return True
        if way == 1 and shape.high is not None and value > shape.high:
            return False
    return any(not part.is_empty for part in _parts(shape, DEFAULT))


@lru_cache(maxsize=4096)
def number_expr(shape: Num, style: JsonStyle) -> Expr:
    """All spellings of the numbers of a shape."""
    if shape.bare and style.integers != "bare":
        style = replace(style, integers="bare")
    if shape.values is not None:
        return number_leaf(number_values_dfa(shape.values, style))
    return alt([number_leaf(dfa) for dfa in _parts(shape, style) if not dfa.is_empty])


def _parts(shape: Num, style: JsonStyle) -> list[CharDFA]:
    """One automaton for each range between the numbers that are left out (a range is exact, a difference of spellings might not be)."""
    inside = sorted(v for v in shape.but if has_number(shape._replace(but=frozenset()), v))
    lows = [(shape.low, shape.low_open), *((v, True) for v in inside)]
    highs = [*((v, True) for v in inside), (shape.high, shape.high_open)]
    parts = []
    for (low, low_open), (high, high_open) in zip(lows, highs, strict=True):
        if low is not None and high is not None and (low > high or (low == high and (low_open or high_open))):
            continue
        parts.append(
            number_dfa(
                integer=ONE in shape.divisors,
                minimum=None if low_open else low,
                exclusive_minimum=low if low_open else None,
                maximum=None if high_open else high,
                exclusive_maximum=high if high_open else None,
                multiple_of=sorted(shape.divisors - {ONE}),
                not_multiple_of=sorted(shape.others),
                style=style,
            )
        )
    return parts
