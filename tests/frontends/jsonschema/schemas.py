"""Random schemas and random values over a small vocabulary, so that they often have to do with each other."""

from __future__ import annotations

import random
from typing import Any

NAMES = ["a", "b", "ab", "c"]
TEXTS = ["", "a", "ab", "abc", "b", "é", "\t", '"']  # no line break: Python's `$` matches before one, ECMA's does not
NUMBERS = [0, 1, 2, 3, -1, 1.5, 10, 4, 6, 0.5, 1e2]
PATTERNS = ["a", "^a", "b$", "^[ab]*$", "^.{2}$", "^(?!a)"]


def value(rng: random.Random, depth: int = 2) -> Any:
    """A JSON value."""
    kind = rng.randrange(8 if depth else 5)
    if kind == 0:
        return rng.choice([None, True, False])
    if kind <= 2:
        return rng.choice(NUMBERS)
    if kind <= 4:
        return rng.choice(TEXTS)
    if kind == 5:
        return [value(rng, depth - 1) for _ in range(rng.randrange(4))]
    return {name: value(rng, depth - 1) for name in rng.sample(NAMES, rng.randrange(4))}


def schema(rng: random.Random, depth: int = 3) -> Any:
    """A schema of draft 2020-12; references lead to `#`, `#/$defs/A` and `#/$defs/B` (see `document`)."""
    if depth == 0 or rng.random() < 0.1:
        return rng.choice([True, {}, {"type": "string"}, {"type": "integer"}, {"const": value(rng, 1)}, False])
    found: dict[str, Any] = {}
    for _ in range(rng.choice([1, 1, 2, 2, 3])):
        keyword, one = keyword_of(rng, depth)
        found[keyword] = one
    if rng.random() < 0.3:
        found["type"] = rng.choice(["object", "array", "string", "number", "integer", ["object", "array"], ["string", "null"]])
    return found


def document(rng: random.Random) -> dict[str, Any]:
    """A schema with definitions, often recursive."""
    root = schema(rng)
    return {**(root if isinstance(root, dict) else {}), "$defs": {"A": schema(rng, 2), "B": schema(rng, 2)}}


def keyword_of(rng: random.Random, depth: int) -> tuple[str, Any]:
    """A keyword and its value."""

    def sub() -> Any:
        return schema(rng, depth - 1)

    def inner() -> Any:  # only here references stand, for a judge that follows them must not go round in circles
        return {"$ref": rng.choice(["#", "#/$defs/A", "#/$defs/B"])} if rng.random() < 0.3 else sub()

    makers = [
        lambda: ("type", rng.choice(["null", "boolean", "number", "integer", "string", "array", "object", ["integer", "string"]])),
        lambda: ("enum", [value(rng) for _ in range(rng.randrange(1, 4))]),
        lambda: ("const", value(rng)),
        lambda: (rng.choice(["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"]), rng.choice(NUMBERS)),
        lambda: ("multipleOf", rng.choice([1, 2, 3, 0.5, 1.5])),
        lambda: (rng.choice(["minLength", "maxLength"]), rng.randrange(4)),
        lambda: ("pattern", rng.choice(PATTERNS)),
        lambda: ("items", inner()),
        lambda: ("prefixItems", [inner() for _ in range(rng.randrange(1, 3))]),
        lambda: (rng.choice(["minItems", "maxItems"]), rng.randrange(4)),
        lambda: ("contains", inner()),
        lambda: ("uniqueItems", rng.random() < 0.8),
        lambda: (rng.choice(["minContains", "maxContains"]), rng.randrange(3)),
        lambda: ("properties", {name: inner() for name in rng.sample(NAMES, rng.randrange(1, 4))}),
        lambda: ("patternProperties", {rng.choice(PATTERNS): inner()}),
        lambda: ("additionalProperties", inner()),
        lambda: ("unevaluatedProperties", rng.choice([False, inner()])),
        lambda: ("unevaluatedItems", rng.choice([False, inner()])),
        lambda: ("required", rng.sample(NAMES, rng.randrange(1, 3))),
        lambda: (rng.choice(["minProperties", "maxProperties"]), rng.randrange(3)),
        lambda: ("propertyNames", sub()),
        lambda: ("dependentRequired", {rng.choice(NAMES): rng.sample(NAMES, 1)}),
        lambda: ("dependentSchemas", {rng.choice(NAMES): sub()}),
        lambda: ("allOf", [sub() for _ in range(rng.randrange(1, 3))]),
        lambda: ("anyOf", [sub() for _ in range(rng.randrange(1, 4))]),
        lambda: ("oneOf", [sub() for _ in range(rng.randrange(1, 4))]),
        lambda: ("not", sub()),
        lambda: ("if", sub()),
        lambda: (rng.choice(["then", "else"]), sub()),
    ]
    return rng.choice(makers)()
