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
from structgen.frontends.jsonschema.style import ANY, DEFAULT, JsonStyle
from structgen.ir.expr import Expr, alt
from structgen.ir.regular import CharDFA

EASY: Final = 1000
"""Divisors with up to so many remainders certainly fit an automaton."""

KEPT: Final = 2000
"""So many sets of numbers keep their spellings."""

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
    if not shape.others and (shape.low is None or shape.high is None):
        return True  # and only finitely many are left out
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
    """The numbers within bounds, without any spelling of those that are left out."""
    low, high = shape.low, shape.high
    whole = number_dfa(
        integer=ONE in shape.divisors,
        minimum=None if shape.low_open else low,
        exclusive_minimum=low if shape.low_open else None,
        maximum=None if shape.high_open else high,
        exclusive_maximum=high if shape.high_open else None,
        multiple_of=sorted(shape.divisors - {ONE}),
        not_multiple_of=sorted(shape.others),
        style=style,
    )
    inside = frozenset(v for v in shape.but if has_number(shape._replace(but=frozenset()), v))
    return [whole - _spellings(inside) if inside else whole]


_SPELLINGS: Final[dict[frozenset[Fraction], CharDFA]] = {}


def _spellings(values: frozenset[Fraction]) -> CharDFA:
    """Every spelling of some numbers. Sets grow one by one (unique items), so that of a set with one less is looked for first."""
    found = _SPELLINGS.get(values)
    if found is None:
        for one in values if len(values) > 1 else ():
            less = _SPELLINGS.get(values - {one})
            if less is not None:
                found = less | number_values_dfa([one], ANY)
                break
        else:
            found = number_values_dfa(sorted(values), ANY)
        if len(_SPELLINGS) >= KEPT:
            _SPELLINGS.clear()
        _SPELLINGS[values] = found
    return found
