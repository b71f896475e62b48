"""What is no schema is refused with its place, and what is one is copied."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from structgen.errors import BudgetExceeded, SchemaError
from structgen.frontends.jsonschema.load import load, pointer


@pytest.mark.parametrize(
    ("schema", "where"),
    [
        ({1: {}}, ""),
        ({"properties": {True: {}}}, "/properties"),
        ({"enum": [{"a": {None: 0}}]}, "/enum/0/a"),
        ({"enum": [{(1, 2): 0}]}, "/enum/0"),
        ({"minimum": float("nan")}, "/minimum"),
        ({"enum": [float("inf")]}, "/enum/0"),
        ({"a/b": {"~": {1, 2}}}, "/a~1b/~0"),
        ({"x": b""}, "/x"),
    ],
)
def test_values_that_are_not_json(schema: Any, where: str) -> None:
    with pytest.raises(SchemaError) as caught:
        load(schema)
    assert caught.value.where == where


def test_pointers_start_with_the_document() -> None:
    with pytest.raises(SchemaError, match=r"http://a#/x"):
        load({"x": {1: 2}}, "http://a#")
    assert pointer((("http://a#", "b/c"), "0")) == "http://a#/b~1c/0"


def test_copies() -> None:
    schema = {"enum": [(1, 0.5), Decimal("1e3"), 10**400], "x": {"y": None}}
    tree = load(schema)
    schema["x"]["y"] = 1
    assert tree == {"enum": [[1, Decimal("0.5")], Decimal("1e3"), 10**400], "x": {"y": None}}


def test_a_schema_that_contains_itself() -> None:
    schema: dict[str, Any] = {}
    schema["not"] = schema
    with pytest.raises((SchemaError, BudgetExceeded)):
        load(schema)


def test_deep_schemas() -> None:
    schema: dict[str, Any] = {}
    for _ in range(200_000):
        schema = {"not": schema}
    tree = load(schema)
    assert tree is not schema
    while tree:
        tree, schema = tree["not"], schema["not"]  # taken apart one by one: Python frees deep trees by recursion
