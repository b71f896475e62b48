"""What is no schema is refused with its place, and what is one is copied."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from structgen.errors import BudgetExceeded, Place, SchemaError, UnsupportedFeature
from structgen.frontends.jsonschema import json_schema
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
        ({"enum": ["a", "\ud800"]}, "/enum/1"),
        ({"multipleOf": Decimal("0.1"), "properties": {"a": {"const": "\udfff"}}}, "/properties/a/const"),
        ({"multipleOf": Decimal("0.1"), "properties": {"\ud83d": {}}}, "/properties"),
        ({"enum": ["\ud83d\ude00"]}, "/enum/0"),
        ({"multipleOf": Decimal("0.1"), "enum": ["\ud83d\ude00"]}, "/enum/0"),
        ('{"enum": ["\\ud83d"]}', "/enum/0"),
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


@pytest.mark.parametrize(
    ("text", "column", "hint"),
    [
        ('{"a": 1,}', 9, "comma"), ('{"enum": [1, ]}', 14, "comma"), ("{'a': 1}", 2, "quotation"), ('{"a": True}', 7, "true"),
        ('{"a": 1 // one', 9, "comments"), ("schema.json", 1, "Paths"), ("~/x/y", 1, "Paths"), ("type: object", 1, "YAML"),
        ("", 1, "empty"), ('{"a" 1}', 6, None),
    ],
)  # fmt: skip
def test_slips_in_json_are_shown_and_explained(text: str, column: int, hint: str | None) -> None:
    with pytest.raises(SchemaError, match="not JSON") as caught:
        load(text)
    where = caught.value.where
    assert isinstance(where, Place)
    assert abs(where.column - column) <= 1  # later versions of Python point at the comma
    assert hint in caught.value.hint if hint else caught.value.hint is None


@pytest.mark.parametrize(("thing", "hint"), [(Path("a.json"), "read_text"), (b"{}", "decode"), (dict, "python_type"), ([], None)])
def test_what_is_no_schema_has_a_hint(thing: object, hint: str | None) -> None:
    with pytest.raises(SchemaError, match="is a dict, a bool or JSON text") as caught:
        load(thing)
    assert hint in caught.value.hint if hint else caught.value.hint is None


def test_refusals_come_in_the_order_of_the_schema_each_with_its_hint() -> None:
    schema = {"$id": "http://h/x/", "properties": {"z": {"pattern": r"(a)\1"}, "a": {"$ref": "other"}, "b": {"items": {"$ref": "more"}}}}
    with pytest.raises(UnsupportedFeature) as caught:
        json_schema(schema)
    places = [one.where for one in caught.value.report.findings]
    assert places == ["/properties/z/pattern", "/properties/a/$ref", "/properties/b/items/$ref"]
    lines = str(caught.value).splitlines()
    assert lines[0] == "3 parts of the schema cannot be compiled exactly (at /properties/z/pattern)"
    assert [line.split(":")[0] for line in lines if line.startswith("    hint")] == ["    hint"] * 3
    assert "other (http://h/x/other) leads to another document" in str(caught.value)
