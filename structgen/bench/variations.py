"""Schemas that nobody has seen: real ones whose names and bounds are other ones, with their instances changed alike.

Names of properties get a suffix wherever they are declared, required or depended on, and as keys of instances and constants; bounds
become wider, so that valid instances stay valid, but for the few where a name is also matched by a pattern or compared otherwise.

Not here: where schemas come from (`cases`).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random
from typing import Any, Final

from structgen.bench.cases import Case, spelled

_SCHEMAS_BY_NAME: Final = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas", "dependencies")
_SCHEMA_LISTS: Final = ("allOf", "anyOf", "oneOf", "prefixItems", "items")
_NAMED: Final = ("properties", "dependentSchemas", "dependentRequired", "dependencies")
_VALUES: Final = ("const", "enum", "default", "examples")
_MOST: Final = ("maxLength", "maxItems", "maxProperties", "maximum", "exclusiveMaximum")
_LEAST: Final = ("minimum", "exclusiveMinimum")


def varied(case: Case, rng: Random) -> Case:
    """A case like this one that shares no name of a property with it; `rng` decides on names and bounds."""
    schema = json.loads(case.schema)
    names = {name: f"{name}_{rng.randrange(1 << 32):x}" for name in _declared(schema)}
    changed = _schema(schema, names, lambda: rng.randrange(1, 1000))
    tests = tuple((spelled(_value(json.loads(text), names)), valid) for text, valid in case.tests)
    return Case(case.id, json.dumps(changed), tests, case.split)


def _declared(schema: Any) -> list[str]:
    """The names of all properties, in the order of the text; parts of the schema that are data count too, and do no harm."""
    found: dict[str, None] = {}
    todo = [schema]
    while todo:
        one = todo.pop()
        if isinstance(one, dict):
            if isinstance(one.get("properties"), dict):
                found.update(dict.fromkeys(one["properties"]))
            todo.extend(one.values())
        elif isinstance(one, list):
            todo.extend(one)
    return list(found)


def _schema(schema: Any, names: dict[str, str], step: Callable[[], int]) -> Any:
    if not isinstance(schema, dict):
        return schema
    return {keyword: _keyword(keyword, value, names, step) for keyword, value in schema.items()}


def _keyword(keyword: str, value: Any, names: dict[str, str], step: Callable[[], int]) -> Any:
    if keyword in _VALUES:
        return _value(value, names)
    if keyword == "$ref" and isinstance(value, str):
        return "/".join(names.get(part, part) if before == "properties" else part for before, part in _pairs(value.split("/")))
    if keyword == "required" and isinstance(value, list):
        return [names.get(name, name) if isinstance(name, str) else name for name in value]
    if isinstance(value, dict) and keyword in {*_NAMED, *_SCHEMAS_BY_NAME}:
        renamed = names if keyword in _NAMED else {}
        return {renamed.get(name, name): _part(one, names, step) for name, one in value.items()}
    if keyword in _SCHEMA_LISTS and isinstance(value, list):
        return [_schema(one, names, step) for one in value]
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value + step() if keyword in _MOST else value - step() if keyword in _LEAST else value
    return _schema(value, names, step) if isinstance(value, dict) else value


def _part(value: Any, names: dict[str, str], step: Callable[[], int]) -> Any:
    """A schema, or the list of names that a property depends on."""
    return [names.get(name, name) for name in value] if isinstance(value, list) else _schema(value, names, step)


def _value(value: Any, names: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {names.get(name, name): _value(one, names) for name, one in value.items()}
    return [_value(one, names) for one in value] if isinstance(value, list) else value


def _pairs(parts: list[str]) -> list[tuple[str, str]]:
    return list(zip(["", *parts], parts, strict=False))
