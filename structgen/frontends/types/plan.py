"""`type_schema`: the schema of a type and the way back, in one object."""

from __future__ import annotations

import functools
import json
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from structgen.errors import BudgetExceeded, IncompleteOutput, Place, ValueMismatch
from structgen.frontends.types.codecs import Anything, Codec, Named, Schema, Walk
from structgen.frontends.types.hints import name_of
from structgen.frontends.types.reader import Reader


@dataclass(frozen=True, slots=True)
class TypePlan:
    """What a type is in JSON. `schema`: JSON Schema 2020-12; `name`: the type, for messages."""

    schema: Schema
    name: str
    codec: Codec

    def decode(self, text: str) -> Any:
        """The instance that a complete JSON text stands for.

        Raises:
            IncompleteOutput: the text is not one JSON value, often because it was cut off.
            ValueMismatch: the value is not of the type.
            BudgetExceeded: the value is nested too deeply for Python.
        Errors of the type's own code (`__post_init__`, pydantic's ValidationError) pass through.
        """
        try:
            value = json.loads(text, parse_float=_exact, parse_constant=_refuse_constant)
        except json.JSONDecodeError as error:
            place = Place(text, min(error.pos, len(text)))
            why = f"the text is not one JSON value: {error.msg}"
            raise IncompleteOutput(why, where=place, hint="was it cut off by max_tokens?") from error
        except RecursionError as error:
            raise _too_deep() from error
        except ValueError as error:
            raise ValueMismatch(str(error), where="", hint="numbers have at most 4300 digits, and NaN is not JSON") from error
        return self.decode_value(value)

    def decode_value(self, value: Any) -> Any:
        """The instance for a JSON value (as of `json.loads`; floats may be Decimal). Errors as of `decode`."""
        try:
            return self.codec.decode(value, Walk())
        except RecursionError as error:
            raise _too_deep() from error


def type_schema(tp: Any, *, names: Mapping[str, Any] | None = None) -> TypePlan:
    """The plan for a Python type, a function (its arguments; decoding gives a dict), or a JSON Schema dict (decoded as plain JSON).

    `names`: types that forward references mention and that their modules do not define, such as classes inside a function.

    >>> plan = type_schema(dict[str, int | None])
    >>> plan.schema
    {'type': 'object', 'additionalProperties': {'anyOf': [{'type': 'integer'}, {'type': 'null'}]}}
    >>> plan.decode('{"a": 1e2}')
    {'a': 100}

    Raises:
        TypeUnsupported: a part of the type has no JSON form; `.where` is the path to it, such as `Person.tags[]`.
        BudgetExceeded: the type is nested too deeply for Python.
    """
    if isinstance(tp, Mapping):
        return TypePlan(dict(tp), "JSON Schema", Anything())
    reader, name = Reader(names or {}), "the type"
    try:
        name = name_of(tp)
        codec = reader.function(tp, name) if _is_function(tp) else reader.read(tp, name)
    except RecursionError as error:
        raise BudgetExceeded("the type is nested too deeply", where=name, hint="give inner types names: make them classes") from error
    return TypePlan(_document(codec, reader, name), name, codec)


def _document(codec: Codec, reader: Reader, name: str) -> Schema:
    """The root schema with `$defs`; a root type that nothing else mentions is written in place."""
    schemas = {n: d.known.schema for n, d in reader.definitions.items()}
    schemas |= reader.extra_definitions
    root = codec.schema
    while isinstance(codec, Named) and codec.name in schemas:
        reference = f"#/$defs/{codec.name}"
        if any(_mentions(s, reference) for s in schemas.values()):
            break
        root = schemas.pop(codec.name)
        codec = codec.known
    if not schemas:
        return dict(root)
    return {**root, "$defs": schemas}


def _mentions(schema: Any, reference: str) -> bool:
    stack = [schema]
    while stack:
        one = stack.pop()
        if isinstance(one, dict):
            if one.get("$ref") == reference:
                return True
            stack.extend(one.values())
        elif isinstance(one, list):
            stack.extend(one)
    return False


def _is_function(tp: Any) -> bool:
    kinds = (types.FunctionType, types.MethodType, types.BuiltinFunctionType, functools.partial)
    if hasattr(tp, "__supertype__") or isinstance(tp, type):
        return False
    return isinstance(tp, kinds) or (callable(tp) and hasattr(tp, "__wrapped__"))


def _exact(text: str) -> Decimal | float:
    try:
        return Decimal(text)
    except InvalidOperation:  # an exponent beyond what Decimal holds
        return float(text)


def _refuse_constant(name: str) -> Callable[..., Any]:
    raise ValueError(f"{name} is not a number of JSON")


def _too_deep() -> BudgetExceeded:
    return BudgetExceeded("the value is nested too deeply", where="the text", hint="limit the depth of the type")
