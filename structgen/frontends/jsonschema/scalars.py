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
from structgen.frontends.jsonschema.numbers import number_dfa, number_values_dfa
from structgen.frontends.jsonschema.numbers_far import Far, check_modulus
from structgen.frontends.jsonschema.shapes import ONE, Num, has_number
from structgen.frontends.jsonschema.spell import number_leaf
from structgen.frontends.jsonschema.style import ANY, DEFAULT, JsonStyle
from structgen.ir.expr import NEVER, Expr, alt
from structgen.ir.regular import CharDFA

EASY: Final = 1000
"""Divisors with up to so many remainders (but for their factors 2 and 5) fit an automaton."""

FEW: Final = 100
"""So many multiples within bounds are listed, where their divisor fits no automaton."""

MOST_DIGITS: Final = 1000
"""Styles that count digits count so many."""

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


def parts_of(divisor: Fraction) -> tuple[Fraction, int]:
    """A divisor as a product of a number without other factors than 2 and 5, which may have decimal places, and one coprime to 10."""
    rest = divisor.numerator
    for factor in (2, 5):
        while rest % factor == 0:
            rest //= factor
    return divisor / rest, rest


def check_divisor(divisor: Fraction) -> None:
    """Raises BudgetExceeded for a divisor of too many digits."""
    check_modulus(parts_of(divisor)[1])


def is_live(shape: Num) -> bool:
    """True where some number satisfies the shape."""
    if shape.values is not None:
        return bool(shape.values)
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
    return any(not part.is_empty for part in _parts(shape, DEFAULT))


@lru_cache(maxsize=4096)
def number_expr(shape: Num, style: JsonStyle) -> Expr:
    """All spellings of the numbers of a shape."""
    if shape.bare and style.integers != "bare":
        style = replace(style, integers="bare")
    if shape.values is not None:
        return number_leaf(number_values_dfa(shape.values, style))
    if _is_far(shape):
        return _far(shape, style) if is_live(shape) else NEVER
    return alt([number_leaf(dfa) for dfa in _parts(shape, style) if not dfa.is_empty])


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
        return number_leaf(number_values_dfa([v for v in values if has_number(shape, v)], style))
    if not shape.others:
        near, modulus = parts_of(step or ONE)
        size = len(str(math.floor(step or ONE)))  # multiples that need more digits get more
        if style.digits is not None and style.digits < size <= MOST_DIGITS:
            style = replace(style, digits=size)
        return _widened(shape._replace(divisors=frozenset((near,))), style, modulus, wanted=True)
    (other,) = shape.others
    near, modulus = parts_of(other)
    # No multiple of `other` is what is no multiple of `near`, or has digits that are none of `modulus`.
    plain = [number_leaf(dfa) for dfa in _parts(shape._replace(others=frozenset((near,))), style) if not dfa.is_empty]
    return alt([*plain, _widened(shape._replace(others=frozenset()), style, modulus, wanted=False)])


def _widened(shape: Num, style: JsonStyle, modulus: int, *, wanted: bool) -> Expr:
    """The numbers whose digits are a multiple of `modulus`, or are none, with as many digits as it takes that there are some."""
    while True:
        (spelling,) = _parts(shape, style)
        found = Far(spelling, modulus, wanted=wanted).expr()
        if found is not NEVER or style.digits is None:
            return found
        style = replace(style, digits=style.digits * 2 if style.digits * 2 <= MOST_DIGITS else None)


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
