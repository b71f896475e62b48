"""Limits from `Annotated[...]`: read by their attributes, so that neither `annotated_types` nor pydantic need be installed.

A *limit* is a pair (name, value) with a name of `KNOWN`: `("ge", 0)`, `("max_length", 5)`. Not here: which codec takes which
limit (`reader`).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, Final

from structgen.errors import TypeUnsupported

NUMBER_KEYWORDS: Final = {
    "gt": "exclusiveMinimum",
    "ge": "minimum",
    "lt": "exclusiveMaximum",
    "le": "maximum",
    "multiple_of": "multipleOf",
}
SIZE_NAMES: Final = frozenset({"min_length", "max_length"})
KNOWN: Final = frozenset(NUMBER_KEYWORDS) | SIZE_NAMES | {"pattern"}
FOREIGN: Final = ("pydantic", "unknown")
"""What `limits_of` yields for metadata that only pydantic can honour."""

Limit = tuple[str, Any]


def limits_of(metadata: tuple[Any, ...], where: str) -> Iterator[Limit]:
    """The limits in the metadata of an `Annotated` type; descriptions and other objects are skipped.

    Raises:
        TypeUnsupported: a predicate, or a time zone constraint, which no schema can say.
    """
    for one in metadata:
        if isinstance(one, (str, bytes, type)) or one is None:
            continue
        home = type(one).__module__.split(".")[0]
        inner = getattr(one, "metadata", None)
        if home == "pydantic" and isinstance(inner, (list, tuple)):  # pydantic.Field(...)
            yield from (FOREIGN,) if _changes_meaning(one) else limits_of(tuple(inner), where)
        elif home == "pydantic" and set(_attributes(one)) - KNOWN:
            yield FOREIGN
        elif type(one).__name__ in {"Predicate", "Timezone", "Not"} and home == "annotated_types":
            why = f"{one!r} is a condition that a schema cannot say"
            raise TypeUnsupported(why, where=where, hint="check it after decoding, or use limits such as Ge, MaxLen or a pattern")
        else:
            found = [(name, value) for name, value in _attributes(one).items() if name in KNOWN]
            if not found and home == "pydantic":
                found = [FOREIGN] if _is_active(one) else []
            yield from found


def _attributes(one: Any) -> dict[str, Any]:
    """The attributes of a metadata object that are set."""
    names = [n for c in type(one).__mro__ for n in getattr(c, "__slots__", ())] + list(getattr(one, "__dict__", {})) + sorted(KNOWN)
    pairs = ((n, getattr(one, n, None)) for n in dict.fromkeys(names) if not n.startswith("_"))
    return {n: v for n, v in pairs if v is not None and v is not False and not (n == "min_length" and v == 0)}


def _changes_meaning(info: Any) -> bool:
    """Whether a `pydantic.Field` does more than describe and limit: coercion and strictness are pydantic's own business."""
    return any(_is_active(m) and set(_attributes(m)) - KNOWN for m in info.metadata)


def _is_active(one: Any) -> bool:
    return hasattr(one, "__get_pydantic_core_schema__") or bool(_attributes(one))


def number_limit(value: Any, where: str) -> int | float:
    """A bound as a JSON number."""
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
        why = f"a bound of type {type(value).__name__} cannot be put in a schema"
        raise TypeUnsupported(why, where=where, hint="bounds are int, float or Decimal; check others after decoding")
    if isinstance(value, Decimal):
        near = float(value)
        if value == value.to_integral_value():
            return int(value)
        if Decimal(repr(near)) != value:
            raise TypeUnsupported(f"the bound {value} has more digits than a JSON number keeps", where=where, hint="use fewer digits")
        return near
    if not math.isfinite(value):
        raise TypeUnsupported(f"the bound {value} is not a number of JSON", where=where, hint="leave the bound out")
    return value


def number_schema(schema: Mapping[str, Any], limits: list[Limit], where: str) -> dict[str, Any]:
    """A number's schema with further limits; the tighter of two bounds holds."""
    new = dict(schema)
    for name, value in limits:
        keyword = NUMBER_KEYWORDS.get(name)
        if keyword is None:
            raise TypeUnsupported(f"a number has no {name}", where=where, hint="numbers take gt, ge, lt, le and multiple_of")
        if isinstance(value, float) and math.isinf(value) and (value > 0) == (name in {"lt", "le"}):
            continue  # no bound at all
        bound = number_limit(value, where)
        if keyword not in new:
            new[keyword] = bound
        elif keyword == "multipleOf":
            new.setdefault("allOf", []).append({"multipleOf": bound})
        else:
            new[keyword] = max(new[keyword], bound) if name in {"gt", "ge"} else min(new[keyword], bound)
    return new


def size_schema(schema: Mapping[str, Any], limits: list[Limit], unit: str, where: str) -> dict[str, Any]:
    """A schema with limits on its length. `unit`: "Length" for strings, "Items" for arrays, "Properties" for objects."""
    new = dict(schema)
    for name, value in limits:
        if name == "pattern" and unit == "Length":
            new = _with_pattern(new, value, where)
        elif name not in SIZE_NAMES:
            takes = "min_length, max_length and pattern" if unit == "Length" else "min_length and max_length"
            raise TypeUnsupported(f"{name} does not apply here", where=where, hint=f"this type takes {takes}")
        elif isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise TypeUnsupported(f"{name} is {value!r}", where=where, hint="a length is a whole number, 0 or more")
        elif name == "min_length":
            new[f"min{unit}"] = max(value, new.get(f"min{unit}", 0))
        else:
            new[f"max{unit}"] = min(value, new.get(f"max{unit}", value))
    return new


def _with_pattern(schema: dict[str, Any], pattern: Any, where: str) -> dict[str, Any]:
    flags = getattr(pattern, "flags", 0) & ~re.UNICODE
    text = getattr(pattern, "pattern", pattern)
    if not isinstance(text, str) or flags:
        why = f"the pattern {text!r} has flags or is not text"
        raise TypeUnsupported(why, where=where, hint="write the pattern as a string without flags (for any case: `[aA]`)")
    if "pattern" in schema:
        schema["allOf"] = [*schema.get("allOf", []), {"pattern": text}]
    else:
        schema["pattern"] = text
    return schema


def satisfies(schema: Mapping[str, Any], value: Any) -> bool:
    """Whether a JSON value keeps the limits that stand directly in `schema`. Used to tell the members of a union apart.

    Only limits are looked at, and only at this level; a pattern that Python's `re` cannot read counts as kept.
    """
    if not all(satisfies(part, value) for part in schema.get("allOf", ())):
        return False
    if isinstance(value, str):
        return _in_size(schema, value, "Length") and _matches(schema.get("pattern"), value)
    if isinstance(value, list):
        return _in_size(schema, value, "Items")
    if isinstance(value, dict):
        return _in_size(schema, value, "Properties")
    return _in_range(schema, value)


def _in_size(schema: Mapping[str, Any], value: Any, unit: str) -> bool:
    return bool(schema.get(f"min{unit}", 0) <= len(value) <= schema.get(f"max{unit}", len(value)))


def _in_range(schema: Mapping[str, Any], value: int | float | Decimal) -> bool:
    number = _exact(value)
    if not number.is_finite():
        return True
    low, above = schema.get("minimum"), schema.get("exclusiveMinimum")
    high, below = schema.get("maximum"), schema.get("exclusiveMaximum")
    step = schema.get("multipleOf")
    inside = (low is None or number >= _exact(low)) and (high is None or number <= _exact(high))
    inside = inside and (above is None or number > _exact(above)) and (below is None or number < _exact(below))
    return bool(inside and (step is None or _is_multiple(number, _exact(step))))


def _exact(value: int | float | Decimal) -> Decimal:
    return Decimal(repr(value)) if isinstance(value, float) else Decimal(value)


def _is_multiple(number: Decimal, step: Decimal) -> bool:
    if abs(number.adjusted()) > 400:
        return False  # too long to divide; a union member with `multiple_of` is not meant for such numbers
    top, bottom = number.as_integer_ratio(), step.as_integer_ratio()
    return (top[0] * bottom[1]) % (top[1] * bottom[0]) == 0


def _matches(pattern: str | None, value: str) -> bool:
    try:
        return pattern is None or re.search(pattern, value) is not None
    except re.error:
        return True
