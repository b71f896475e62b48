"""JSON values as hashable constants, equal where JSON Schema calls the values equal.

    null       None                     string   str
    boolean    ("boolean", value)       array    ("array", item, ...)
    number     Fraction                 object   ("object", (key, value), ...), sorted by key

>>> constant(1.0) == constant(1), constant(True) == constant(1), constant({"b": 1, "a": []}) == constant({"a": [], "b": 1})
(True, False, True)
"""

from __future__ import annotations

import json
from collections.abc import Hashable
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

from structgen.errors import BudgetExceeded

Constant = Hashable

ARRAY: Final = "array"
LARGEST: Final = 2000
OBJECT: Final = "object"
BOOLEAN: Final = "boolean"


DEEPEST: Final = 200
"""How deep constants may nest: they are compared and hashed by recursion."""


def constant(value: Any, depth: int = 0) -> Constant:
    """The constant of a JSON value as Python has it (numbers: int, float, Decimal or Fraction). Raises BudgetExceeded beyond DEEPEST."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return (BOOLEAN, value)
    if isinstance(value, int | Decimal | Fraction):
        return Fraction(value)
    if isinstance(value, float):
        return Fraction(Decimal(repr(value)))
    if depth >= DEEPEST:
        raise BudgetExceeded(f"a constant nests deeper than {DEEPEST} levels")
    if isinstance(value, dict):
        return (OBJECT, *[(key, constant(value[key], depth + 1)) for key in sorted(value)])
    return (ARRAY, *[constant(one, depth + 1) for one in value])


def read(text: bytes) -> Constant:
    """The constant of a JSON text. Raises BudgetExceeded for numbers beyond 10**2000, and beyond DEEPEST."""
    try:
        return constant(json.loads(text, parse_float=_number, parse_int=_number))
    except RecursionError:
        raise BudgetExceeded(f"a value among items that must differ nests deeper than {DEEPEST} levels") from None


def _number(text: str) -> Decimal:
    found = Decimal(text)
    if not found.is_finite() or abs(found.adjusted()) > LARGEST or len(text) > LARGEST:
        raise BudgetExceeded(
            "a number among items that must differ has more than 2000 digits", hint="Bound it, or take another style than 'any'."
        )
    return found
