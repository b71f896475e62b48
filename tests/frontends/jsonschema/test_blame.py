"""Which place of a schema without values is to blame."""

from __future__ import annotations

import random
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from structgen.errors import EmptyLanguage
from structgen.frontends.jsonschema import json_schema

sys.path.insert(0, str(Path(__file__).parent))
from schemas import document

BAD = {"type": "integer", "minimum": 5, "maximum": 3}


def obj(**properties: Any) -> dict[str, Any]:
    """An object that needs all its properties."""
    return {"type": "object", "properties": properties, "required": list(properties)}


@pytest.mark.parametrize(
    ("schema", "where"),
    [
        (BAD, ""),
        (False, ""),
        ({"enum": []}, ""),
        ({"type": "number", "multipleOf": 0.5, "minimum": 0.1, "maximum": 0.4}, ""),
        (obj(a=False), "/properties/a"),
        (obj(a={}, b=BAD, c=BAD), "/properties/b"),
        (obj(a=obj(b={"not": {}})), "/properties/a/properties/b"),
        (obj(a={"type": "string", "pattern": "^a$", "minLength": 2}), "/properties/a"),
        ({"$defs": {"n": obj(next={"$ref": "#/$defs/n"})}, "$ref": "#/$defs/n"}, "/$defs/n/properties/next"),
        ({"$defs": {"n": obj(a=BAD)}, **obj(x={"$ref": "#/$defs/n"})}, "/$defs/n/properties/a"),
        ({"allOf": [{"minProperties": 1}, {"properties": {"a": BAD}}, {"type": "object", "required": ["a"]}]}, "/allOf/1/properties/a"),
        ({"anyOf": [obj(a=BAD)]}, "/anyOf/0/properties/a"),
        ({"anyOf": [obj(a=BAD), obj(b=BAD)]}, ""),
        ({"type": "array", "minItems": 2, "prefixItems": [{}, BAD]}, "/prefixItems/1"),
        ({"type": "array", "minItems": 2, "prefixItems": [{}], "items": BAD}, "/items"),
        ({"type": "array", "minItems": 2, "prefixItems": [{}, False]}, ""),
        ({"type": "array", "contains": BAD}, "/contains"),
        ({"type": "array", "items": {"type": "string"}, "contains": {"type": "integer"}}, "/items"),
        ({"type": "object", "propertyNames": {"maxLength": 1}, "required": ["ab"]}, ""),
        ({"type": "object", "minProperties": 3, "properties": {"a": {}, "b": {}}, "additionalProperties": False}, ""),
    ],
)  # fmt: skip
def test_the_place(schema: Any, where: str) -> None:
    with pytest.raises(EmptyLanguage) as caught:
        json_schema(schema)
    assert caught.value.where == where


def test_what_is_blamed_has_no_value_by_itself() -> None:
    """But where two schemas speak of one value, and only together leave none."""
    found = alone = 0
    for seed in range(1200):
        schema = document(random.Random(f"blame-{seed}"))
        schema = {"allOf": [schema], "$defs": schema["$defs"], **obj(a={"$ref": "#/$defs/A"}, b={"$ref": "#/$defs/B"})}
        try:
            json_schema(schema)
        except EmptyLanguage as error:
            found += error.where != ""
            try:
                json_schema({"$ref": f"http://r#{quote(str(error.where))}"}, registry={"http://r": schema})
            except EmptyLanguage:
                alone += error.where != ""
    assert found > 100
    assert alone >= 0.98 * found


@pytest.mark.parametrize(
    ("schema", "hint"),
    [
        ({"title": "x", **BAD}, "Its type, minimum 5 and maximum 3 contradict each other."),
        ({"type": "number", "minimum": 0.5, "exclusiveMaximum": 0.5, "multipleOf": 0.1},
         "Its type, minimum 0.5 and exclusiveMaximum 0.5 contradict each other."),
        ({"enum": []}, "Its enum allows nothing."),
        ({"enum": [1, 2], "type": "string", "minLength": 1}, "Its enum and type contradict each other."),
        ({"type": "string", "minLength": 3, "maxLength": 2}, "Its type, minLength 3 and maxLength 2 contradict each other."),
        ({"type": "array", "minItems": 3, "maxItems": 2, "items": {}}, "Its type, minItems 3 and maxItems 2 contradict each other."),
        (False, "It is false, which allows nothing."),
        ({"$defs": {"n": obj(next={"$ref": "#/$defs/n"})}, "$ref": "#/$defs/n"},
         "Its type, properties and required contradict each other, or require themselves without end."),
    ],
)  # fmt: skip
def test_the_keywords_that_clash(schema: Any, hint: str) -> None:
    with pytest.raises(EmptyLanguage) as caught:
        json_schema(schema)
    assert hint in str(caught.value.hint)
    assert caught.value.hint
