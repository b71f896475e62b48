"""Python types in, typed values out.

`type_schema(tp)` gives a `TypePlan`: the JSON Schema of a type, and the way from a generated text back to an instance of it.

What the schema uses: type, properties, required, additionalProperties, patternProperties, items, prefixItems, minItems,
maxItems, enum, const,
minLength, maxLength, pattern, the bounds of numbers, multipleOf, anyOf, allOf, $ref, $defs, and formats. Two more where
nothing else is exact:
`uniqueItems` for a set that must have two items or more, and `minProperties`/`maxProperties` for a dict whose size is limited.

How types are written in JSON:
* dataclass, TypedDict, a function's arguments: a closed object; parts with a default may be left out. NamedTuple: an array.
* Enum: its value. Decimal: a number. datetime and time: ISO 8601, with or without a zone. timedelta: `P1DT2H`. set: an array.
* pydantic: as pydantic says, closed unless `extra="allow"`, and decoded by pydantic, so that validators run.
* A value that fits several members of a union becomes the one it fits best, and of equals the first: `1` is the int of `float | int`.
"""

from structgen.frontends.types.plan import TypePlan, type_schema

__all__ = ["TypePlan", "type_schema"]
