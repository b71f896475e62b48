"""JSON values as hashable constants, equal where JSON Schema calls the values equal.

    null       None                     string   str
    boolean    ("boolean", value)       array    ("array", item, ...)
    number     int or Fraction          object   ("object", (key, value), ...), sorted by key

A constant may also tell in which order the members of its objects are written: ("written", (key, value), ...) is an object whose
members come in this order. `plain` forgets that; an object of a plain constant has any order.

>>> constant(1.0) == constant(1), constant(True) == constant(1), constant({"b": 1, "a": []}) == constant({"a": [], "b": 1})
(True, False, True)
"""

from __future__ import annotations

import json
import re
from collections.abc import Hashable, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final, TypeVar

from structgen.errors import BudgetExceeded

_T = TypeVar("_T")

Constant = Hashable


class TooDeep(BudgetExceeded):
    """A value nests deeper than any constant."""


Rational = int | Fraction
"""An exact number. Whole ones of schemas stay `int`, which is hashed five times as fast: there may be a million of them."""


def is_multiple(value: Rational, unit: Fraction) -> bool:
    """Whether a number is a multiple of another one."""
    return value % unit.numerator == 0 if unit.denominator == 1 else (value / unit).denominator == 1


ARRAY: Final = "array"
LARGEST: Final = 2000
OBJECT: Final = "object"
WRITTEN: Final = "written"
BOOLEAN: Final = "boolean"

_STRING: Final = re.compile(rb'"(?:[^"\\]|\\.)*"')

DEEPEST: Final = 100
"""How deep constants may nest: they are compared, hashed and spelled by recursion, up to five calls a level."""


def constant(value: Any, depth: int = 0, *, ordered: bool = False) -> Constant:
    """The constant of a JSON value as Python has it (numbers: int, float, Decimal or Fraction). Raises BudgetExceeded beyond DEEPEST.

    `ordered`: the members of objects in the order that they have there.
    """
    if not isinstance(value, dict | list):
        if value is None or isinstance(value, str):
            return value
        if isinstance(value, bool):
            return (BOOLEAN, value)
        return value if isinstance(value, int) else Fraction(Decimal(repr(value)) if isinstance(value, float) else value)
    if depth >= DEEPEST:
        raise TooDeep(f"a constant nests deeper than {DEEPEST} levels", hint="Describe its outer levels by a schema.")
    if not isinstance(value, dict):
        return (ARRAY, *[constant(one, depth + 1, ordered=ordered) for one in value])
    if ordered:
        return (WRITTEN, *[(key, constant(one, depth + 1, ordered=True)) for key, one in value.items()])
    return (OBJECT, *[(key, constant(value[key], depth + 1)) for key in sorted(value)])


def plain(one: Constant) -> Constant:
    """The constant without the order of members."""
    if not isinstance(one, tuple) or one[0] == BOOLEAN:
        return one
    if one[0] == ARRAY:
        return (ARRAY, *[plain(item) if isinstance(item, tuple) else item for item in one[1:]])
    return (OBJECT, *sorted([(key, plain(item) if isinstance(item, tuple) else item) for key, item in one[1:]], key=_name))


def _name(member: tuple[str, Constant]) -> str:
    return member[0]


def read(text: bytes) -> Constant:
    """The constant of a value that stands in a text. Raises BudgetExceeded for numbers beyond 10**2000, and beyond DEEPEST."""
    depth = deepest = 0
    for byte in _STRING.sub(b"", text):
        depth += (byte in b"[{") - (byte in b"]}")
        deepest = max(depth, deepest)
    if deepest > DEEPEST:
        raise TooDeep(
            f"the text has an item nested deeper than {DEEPEST} levels among items that must differ",
            hint='Bound how deep the items nest. Those of "type": "object" that may have further members are compared at any depth.',
        )
    return constant(json.loads(text, parse_float=_number, parse_int=_number))


def looked_up(text: bytes, groups: Mapping[Constant, _T], other: _T) -> _T:
    """What belongs to the constant of a JSON text; `other` where it is none of them. Raises BudgetExceeded for numbers beyond 10**2000."""
    try:
        return groups.get(read(text), other)
    except TooDeep:
        return other


def _number(text: str) -> Decimal:
    found = Decimal(text)
    if not found.is_finite() or abs(found.adjusted()) > LARGEST or len(text) > LARGEST:
        raise BudgetExceeded(
            "a number among items that must differ has more than 2000 digits", hint="Bound it, or take another style than 'any'."
        )
    return found
