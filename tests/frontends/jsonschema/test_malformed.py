"""Malformed schemas: each error has its place and a reason. The metaschemas, as jsonschema reads them, judge schemas of every draft."""

from __future__ import annotations

import random
import sys
from pathlib import Path
from typing import Any

import pytest
from jsonschema import FormatChecker
from jsonschema.exceptions import SchemaError as Malformed
from jsonschema.validators import validator_for

from structgen.errors import BudgetExceeded, EmptyLanguage, SchemaError, UnsupportedFeature
from structgen.frontends.jsonschema import json_schema
from structgen.frontends.jsonschema.dialects import DRAFTS

sys.path.insert(0, str(Path(__file__).parent))
from schemas import document

URIS = {
    "draft4": "http://json-schema.org/draft-04/schema#",
    "draft6": "http://json-schema.org/draft-06/schema#",
    "draft7": "http://json-schema.org/draft-07/schema#",
    "draft2019-09": "https://json-schema.org/draft/2019-09/schema",
    "draft2020-12": "https://json-schema.org/draft/2020-12/schema",
}
NO_FORMATS = FormatChecker(formats=())  # Python reads other regular expressions, and URIs as it likes

SCALARS: list[Any] = [None, True, False, 0, 1, 3, -1, 2.0, 1.5, "", "a", "string", "#", "#a", "a b", "1a", "x:y", "_a", "^a", "http://x#a"]
LISTS: list[Any] = [[], ["a"], ["a", "b"], ["a", "a"], ["a", 1], [1, 1], ["string"], ["string", "null"], ["null", "null"], ["any"], [{}]]
LISTS += [[True, {}], [{"type": "null"}], [{}, 3], [None]]
OBJECTS: list[Any] = [{}, {"a": {}}, {"a": True}, {"a": 3}, {"a": []}, {"a": ["b"]}, {"a": ["b", "b"]}, {"a": "b"}, {"type": "null"}]
OBJECTS += [{"type": 3}, {"a": {"type": "null"}}, {"http://x/v": True}, {"http://x/v": 1}, {"exclusiveMinimum": ["minimum"]}]
VALUES = SCALARS + LISTS + OBJECTS

KEYWORDS = [
    "type", "enum", "const", "multipleOf", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minLength", "maxLength",
    "pattern", "format", "items", "prefixItems", "additionalItems", "minItems", "maxItems", "uniqueItems", "contains", "minContains",
    "maxContains", "properties", "patternProperties", "additionalProperties", "required", "minProperties", "maxProperties",
    "propertyNames", "dependencies", "dependentRequired", "dependentSchemas", "unevaluatedItems", "unevaluatedProperties", "allOf",
    "anyOf", "oneOf", "not", "if", "then", "else", "definitions", "$defs", "$id", "id", "$anchor", "$dynamicAnchor", "$recursiveAnchor",
    "$schema", "contentEncoding", "contentMediaType", "contentSchema",
]  # fmt: skip
UNREAD = {"definitions", "$defs", "if", "then", "else", "additionalItems", "contentSchema"}
"""What stands there may have no effect; then it is not read, only looked at, however large it is."""
HOLDERS = {"items", "not", "definitions", "properties", "patternProperties", "dependencies", "allOf", "anyOf", "oneOf"}


def eased(schema: dict[str, Any], draft: str) -> dict[str, Any]:
    """The schema without the faults that we mean to take."""
    found = dict(schema)
    for keyword in UNREAD & schema.keys():
        value = schema[keyword]
        if isinstance(value, dict):
            inner = {name: {} if isinstance(one, dict) else one for name, one in value.items()}
            found[keyword] = inner if keyword in ("definitions", "$defs") else {}
    if draft == "draft4":
        if isinstance(found.get("enum"), list):  # later drafts only discourage a value that stands twice
            found["enum"] = [one for i, one in enumerate(found["enum"]) if one not in found["enum"][:i]]
        for keyword in HOLDERS & found.keys():  # a boolean means what it means in later drafts
            found[keyword] = _objects(found[keyword], named=keyword not in ("items", "not"))
    if draft == "draft2020-12":  # a keyword of 2019-09 that the metaschema remembers, and the specification does not
        found.pop("$recursiveAnchor", None)
    return found


def _objects(value: Any, *, named: bool) -> Any:
    """The schema, the list of schemas or (`named`) the object of schemas, with {} for booleans."""
    if isinstance(value, dict) and named:
        return {name: {} if isinstance(one, bool) else one for name, one in value.items()}
    if isinstance(value, list):
        return [{} if isinstance(one, bool) else one for one in value]
    return {} if isinstance(value, bool) else value


def taken(schema: Any, draft: str | None) -> bool:
    """Whether we read a schema: what has no value, or is refused at a place, is well formed."""
    try:
        json_schema(schema, draft=draft)
    except SchemaError:
        return False
    except (BudgetExceeded, EmptyLanguage, UnsupportedFeature):
        return True
    return True


def accepted(schema: Any, draft: str) -> bool:
    try:
        validator_for({"$schema": URIS[draft]}).check_schema(schema, format_checker=NO_FORMATS)
    except Malformed:
        return False
    return True


def differing(schema: dict[str, Any], draft: str) -> str | None:
    """What to say where the judge is of another opinion than we are."""
    ours, theirs = taken(schema, draft), accepted(schema, draft)
    if ours == theirs or (ours and accepted(eased(schema, draft), draft)):
        return None
    return f"{draft}: {schema}: {'we take it' if ours else 'we do not'}"


@pytest.mark.parametrize("draft", DRAFTS)
def test_every_keyword_with_every_value(draft: str) -> None:
    found = [differing({keyword: value}, draft) for keyword in KEYWORDS for value in VALUES]
    assert [one for one in found if one] == []


@pytest.mark.parametrize("draft", DRAFTS)
def test_keywords_beside_each_other(draft: str) -> None:
    """Values are mostly those that the metaschema takes, so that keywords come to speak with each other."""
    rng = random.Random(f"beside-{draft}")
    good = {keyword: [value for value in VALUES if accepted({keyword: value}, draft)] for keyword in KEYWORDS}
    for _ in range(2000):
        names = rng.sample(KEYWORDS, rng.randrange(2, 6))
        bad = rng.choice([None, None, *names])
        schema = {name: rng.choice(VALUES if name == bad or not good[name] else good[name]) for name in names}
        assert differing(schema, draft) is None


def read_parts(schema: Any) -> list[dict[str, Any]]:
    """The schema and those below it that certainly are read."""
    if not isinstance(schema, dict):
        return []
    found = [schema]
    for keyword, value in schema.items():
        if keyword in UNREAD or keyword in ("enum", "const"):
            continue
        inner = [value, *(value.values() if isinstance(value, dict) else value if isinstance(value, list) else [])]
        holders = ("properties", "patternProperties", "dependentSchemas")
        found += [part for one in (inner[1:] if keyword in holders or isinstance(value, list) else inner[:1]) for part in read_parts(one)]
    return found


@pytest.mark.parametrize("seed", range(300))
def test_a_fault_somewhere_in_a_schema(seed: int) -> None:
    rng = random.Random(f"fault-{seed}")
    schema = document(rng)
    part = rng.choice(read_parts(schema))
    part[rng.choice([*KEYWORDS, *part])] = rng.choice(VALUES)
    ours, theirs = taken(schema, "draft2020-12"), accepted(schema, "draft2020-12")
    assert ours == theirs or (ours and accepted(eased(part, "draft2020-12"), "draft2020-12")), (part, schema)


@pytest.mark.parametrize(
    ("schema", "draft", "where", "words"),
    [
        ({"$id": 3}, None, "/$id", "a string"),
        ({"$id": "http://x/y#a"}, None, "/$id", "$anchor"),
        ({"properties": {"p": {"$ref": ["#"]}}}, None, "/properties/p/$ref", "a string"),
        ({"$schema": None}, "draft7", "/$schema", "a string"),
        ({"$anchor": "#a"}, None, "/$anchor", "plain name"),
        ({"$dynamicAnchor": "1"}, None, "/$dynamicAnchor", "plain name"),
        ({"if": 3}, None, "/if", "a schema"),
        ({"then": "x"}, "draft7", "/then", "a schema"),
        ({"$defs": []}, None, "/$defs", "an object"),
        ({"$defs": {"a/b": 3}}, None, "/$defs/a~1b", "a schema"),
        ({"definitions": {"a": None}}, "draft4", "/definitions/a", "a schema"),
        ({"items": [{}]}, None, "/items", "prefixItems"),
        ({"items": {"items": []}}, "draft7", "/items/items", "at least one"),
        ({"additionalItems": 3}, "draft7", "/additionalItems", "a schema"),
        ({"minimum": 3, "exclusiveMinimum": True}, None, "/exclusiveMinimum", "draft4"),
        ({"maximum": 3, "exclusiveMaximum": 3}, "draft4", "/exclusiveMaximum", "a boolean in draft 4"),
        ({"exclusiveMaximum": True}, "draft4", "/exclusiveMaximum", "needs maximum"),
        ({"required": ["a", "b", "b"]}, None, "/required", "'b' twice"),
        ({"required": True}, None, "/required", "the object lists"),
        ({"required": []}, "draft4", "/required", "later draft"),
        ({"type": ["null", "null"]}, None, "/type", "'null' twice"),
        ({"enum": []}, "draft4", "/enum", "at least one"),
        ({"minItems": -1}, None, "/minItems", "whole number"),
        ({"maxLength": 1.5}, None, "/maxLength", "whole number"),
        ({"minContains": "1"}, None, "/minContains", "whole number"),
        ({"contentMediaType": None}, None, "/contentMediaType", "a string"),
        ({"$vocabulary": {"http://x": 1}}, None, "/$vocabulary", "true or false"),
    ],
)  # fmt: skip
def test_the_place_and_the_reason(schema: dict[str, Any], draft: str | None, where: str, words: str) -> None:
    with pytest.raises(SchemaError) as caught:
        json_schema(schema, draft=draft)
    assert caught.value.where == where
    assert words in str(caught.value)


def test_what_is_not_read_is_not_judged() -> None:
    """Definitions that nothing refers to, and branches without a condition."""
    assert json_schema({"$defs": {"a": {"type": 3}}, "then": {"type": 3}}).report.verdict == "exact"
    assert json_schema({"$ref": "#/a", "a": {}, "type": 3}, draft="draft7").report.verdict == "exact"
