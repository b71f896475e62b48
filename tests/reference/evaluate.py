"""Validity and what has been evaluated, straight from the specification: each applicator that holds gives its names or indexes.

For drafts 2019-09 and 2020-12, with the keywords that apply schemas; all others are left to the `jsonschema` package. References lead to
`#` or below (`#/$defs/A`).
"""

from __future__ import annotations

import re
from typing import Any

from jsonschema import Draft202012Validator

Found = set[Any] | None
"""The evaluated names and indexes; None where the value is not valid."""

PLACES = {"allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependentSchemas", "$ref", "$defs"}
PARTS = {"properties", "patternProperties", "additionalProperties", "prefixItems", "items", "additionalItems", "contains"}
OTHERS = {"minContains", "maxContains", "unevaluatedProperties", "unevaluatedItems"}


def evaluate(schema: Any, value: Any, root: Any, draft: int) -> Found:
    """What a schema evaluates of a value."""
    if isinstance(schema, bool):
        return set() if schema else None
    plain = {key: one for key, one in schema.items() if key not in PLACES | PARTS | OTHERS}
    if not Draft202012Validator(plain).is_valid(value):
        return None

    def of(one: Any, part: Any = value) -> Found:
        return evaluate(one, part, root, draft)

    seen: set[Any] = set()
    for found in in_place(schema, value, root, of):
        if found is None:
            return None
        seen |= found
    parts = (
        of_object(schema, value, of)
        if isinstance(value, dict)
        else of_array(schema, value, of, draft)
        if isinstance(value, list)
        else set()
    )
    if parts is None:
        return None
    seen |= parts
    keyword = "unevaluatedProperties" if isinstance(value, dict) else "unevaluatedItems" if isinstance(value, list) else None
    if keyword in schema:
        items = value.items() if isinstance(value, dict) else enumerate(value)
        if any(key not in seen and of(schema[keyword], one) is None for key, one in items):
            return None
        seen = set(value) if isinstance(value, dict) else set(range(len(value)))
    return seen


def in_place(schema: Any, value: Any, root: Any, of: Any) -> list[Found]:
    """What each keyword that applies schemas to the value itself evaluates."""
    found: list[Found] = []
    if "$ref" in schema:
        target = root
        for token in schema["$ref"].split("/")[1:]:
            target = target[token]
        found.append(of(target))
    found += [of(one) for one in schema.get("allOf", [])]
    for keyword in ("anyOf", "oneOf"):
        if keyword in schema:
            holds = [one for one in map(of, schema[keyword]) if one is not None]
            right = len(holds) == 1 if keyword == "oneOf" else bool(holds)
            found.append(set().union(*holds) if right else None)
    if "not" in schema and of(schema["not"]) is not None:
        found.append(None)
    if "if" in schema:
        test = of(schema["if"])
        found.append(test or set())
        branch = "else" if test is None else "then"
        if branch in schema:
            found.append(of(schema[branch]))
    if isinstance(value, dict):
        found += [of(one) for name, one in schema.get("dependentSchemas", {}).items() if name in value]
    return found


def of_object(schema: Any, value: dict[str, Any], of: Any) -> Found:
    """What the keywords of properties evaluate."""
    seen: set[Any] = set()
    for name, one in value.items():
        rules = [schema["properties"][name]] if name in schema.get("properties", {}) else []
        rules += [rule for pattern, rule in schema.get("patternProperties", {}).items() if re.search(pattern, name)]
        if not rules and "additionalProperties" in schema:
            rules = [schema["additionalProperties"]]
        if any(of(rule, one) is None for rule in rules):
            return None
        if rules:
            seen.add(name)
    return seen


def of_array(schema: Any, value: list[Any], of: Any, draft: int) -> Found:
    """What the keywords of items evaluate."""
    first, rest = schema.get("prefixItems", []), schema.get("items")
    if draft == 2019 and isinstance(rest, list):
        first, rest = rest, schema.get("additionalItems")
    seen: set[Any] = set()
    for i, one in enumerate(value):
        rule = first[i] if i < len(first) else rest
        if rule is not None:
            if of(rule, one) is None:
                return None
            seen.add(i)
    if "contains" in schema:
        hits = {i for i, one in enumerate(value) if of(schema["contains"], one) is not None}
        if not schema.get("minContains", 1) <= len(hits) <= schema.get("maxContains", len(hits)):
            return None
        seen |= hits if draft == 2020 else set()
    return seen
