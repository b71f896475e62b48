"""Drafts by name, and what `$schema` and `$vocabulary` change."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from structgen.errors import OptionError, SchemaError, UnsupportedFeature
from structgen.frontends.jsonschema import json_schema
from structgen.frontends.jsonschema.dialects import draft_named, holders, plain

sys.path.insert(0, str(Path(__file__).parents[2] / "reference"))
from recognize import accepts

NEW = "https://json-schema.org/draft/2020-12/"
OLD = "https://json-schema.org/draft/2019-09/"


@pytest.mark.parametrize(
    ("spelling", "number"),
    [
        ("draft2020-12", 2020), ("2020-12", 2020), ("draft-2020-12", 2020), ("2020", 2020), ("Draft 2019-09", 2019), ("2019-09", 2019),
        ("draft-07", 7), ("draft7", 7), ("7", 7), (7, 7), ("draft6", 6), ("draft-04", 4), ("draft4", 4), ("draft3", 3),
        ("http://json-schema.org/draft-07/schema#", 7), (f"{NEW}schema", 2020),
    ],
)  # fmt: skip
def test_spellings(spelling: object, number: int) -> None:
    assert draft_named(spelling) == number


@pytest.mark.parametrize("spelling", ["draft5", "", "draft", "latest", "2021", "70", 5, True, None, 7.0])
def test_unknown_drafts(spelling: object) -> None:
    with pytest.raises(OptionError, match=r"draft4, draft6, draft7, draft2019-09, draft2020-12"):
        draft_named(spelling)


def test_keywords_that_hold_schemas() -> None:
    assert "$defs" not in holders(plain(7))
    assert "contains" not in holders(plain(4))
    assert holders(plain(2020))["prefixItems"] == "some"


@pytest.mark.parametrize("draft", [None, "draft2020-12", "draft7"])
def test_draft_3_is_refused(draft: str | None) -> None:
    schema = {"$schema": "http://json-schema.org/draft-03/schema#"}
    if draft is None:
        with pytest.raises(UnsupportedFeature, match="draft 3") as caught:
            json_schema(schema)
        assert caught.value.where == "/$schema"
        assert [one.where for one in caught.value.report.refused] == ["/$schema"]
    else:
        assert json_schema(schema, draft=draft).report.verdict == "exact"


def holds(schema: Any, value: Any, **options: Any) -> bool:
    return accepts(json_schema(schema, style="any", **options).start, json.dumps(value))


def meta(vocabularies: dict[str, bool], base: str = NEW) -> dict[str, Any]:
    return {"http://m": {"$schema": f"{base}schema", "$vocabulary": {f"{base}vocab/{name}": need for name, need in vocabularies.items()}}}


def test_left_out_vocabularies_are_annotations() -> None:
    schema = {"$schema": "http://m", "properties": {"a": {"minimum": 3}, "b": False}, "contains": {"properties": {"b": False}}}
    schema["minContains"] = 2
    registry = meta({"core": True, "applicator": True})
    assert holds(schema, {"a": 1}, registry=registry)
    assert not holds(schema, {"b": 1}, registry=registry)
    assert holds(schema, [1], registry=registry)  # minContains belongs to the validation vocabulary
    assert not holds(schema, [{"b": 1}], registry=registry)
    assert not holds(schema, {"a": 1}, registry=registry, draft="draft7")  # another draft than the metaschema's
    assert not holds(schema, {"a": 1}, draft="draft2020-12")  # nobody knows the metaschema, and nobody needs to
    registry = meta({"core": True, "validation": True})
    assert holds(schema, {"b": 1}, registry=registry)


def test_references_are_core() -> None:
    schema = {"$schema": "http://m", "$ref": "#/$defs/a", "$defs": {"a": {"type": "string", "properties": {"x": False}}}}
    registry = meta({"core": True, "validation": True})
    assert holds(schema, "", registry=registry)
    assert not holds(schema, {}, registry=registry)


@pytest.mark.parametrize(
    ("base", "vocabularies", "asserted", "by_option"),
    [
        (NEW, {"format-assertion": True}, True, True),
        (NEW, {"format-assertion": False}, True, True),
        (NEW, {"format-annotation": True}, False, True),
        (NEW, {}, False, False),
        (OLD, {"format": True}, True, True),
        (OLD, {"format": False}, False, True),
        (OLD, {}, False, False),
    ],
)
def test_format_vocabularies(base: str, vocabularies: dict[str, bool], asserted: bool, by_option: bool) -> None:
    schema, registry = {"$schema": "http://m", "format": "ipv4"}, meta({"core": True} | vocabularies, base)
    assert holds(schema, "x", registry=registry, formats="annotation") is not asserted
    assert holds(schema, "x", registry=registry) is not by_option
    assert holds(schema, "1.2.3.4", registry=registry)


def test_an_unknown_vocabulary() -> None:
    registry = {"http://m": {"$schema": f"{NEW}schema", "$vocabulary": {f"{NEW}vocab/core": True, "http://v": True}}}
    schema = {"$schema": "http://m", "not": {"x": 1}}
    with pytest.raises(UnsupportedFeature, match=r"/\$schema.*http://v"):
        json_schema(schema, registry=registry)
    relaxed = json_schema(schema, registry=registry, relax=True)
    assert [(one.where, one.verdict) for one in relaxed.report.findings] == [("/$schema", "relaxed")]
    assert accepts(relaxed.start, "1")  # under `not` too, what is not known forbids nothing
    registry["http://m"]["$vocabulary"]["http://v"] = False
    assert json_schema({"$schema": "http://m"}, registry=registry).report.verdict == "exact"


@pytest.mark.parametrize(
    ("schema", "where"),
    [
        ({"$schema": "http://m", "type": "null"}, "/$schema"),
        ({"properties": {"p": {"$id": "http://x/y", "$schema": "http://m", "type": "null"}}}, "/properties/p/$schema"),
        ({"$schema": "http://json-schema.org/draft-05/schema#", "type": "null"}, "/$schema"),
    ],
)
def test_an_unknown_metaschema(schema: dict[str, Any], where: str) -> None:
    with pytest.raises(UnsupportedFeature, match="is not known") as caught:
        json_schema(schema)
    assert caught.value.where == where
    assert "draft4, draft6, draft7, draft2019-09, draft2020-12" in str(caught.value.hint)
    assert [(one.where, one.verdict) for one in json_schema(schema, relax=True).report.findings] == [(where, "relaxed")]
    assert json_schema(schema, draft="draft7").report.verdict == "exact"
    assert json_schema(schema, registry={"http://m": {}, "http://json-schema.org/draft-05/schema": {}}).report.verdict == "exact"


def test_metaschemas_have_metaschemas() -> None:
    registry = {
        "http://n": {"$schema": "http://m"},
        "http://m": {"$schema": "http://json-schema.org/draft-07/schema#"},
        "http://self": {"$schema": "http://self"},
    }
    schema = {"$ref": "#/definitions/a", "type": "string", "definitions": {"a": True}}
    assert holds({"$schema": "http://n"} | schema, 1, registry=registry)  # draft 7: `type` beside `$ref` has no meaning
    assert not holds({"$schema": "http://self"} | schema, 1, registry=registry)


def test_parts_with_a_draft_of_their_own() -> None:
    inner: dict[str, Any] = {"$id": "http://x/y", "$schema": "http://json-schema.org/draft-07/schema#"}
    inner |= {"allOf": [{"$ref": "#/definitions/a", "type": "string"}], "definitions": {"a": {"items": [{"type": "null"}]}}}
    outer = {"$schema": f"{NEW}schema", "properties": {"p": inner, "q": {"prefixItems": [{"type": "null"}]}}}
    assert holds(outer, {"p": [None]})
    assert holds(outer, {"p": 1})
    assert not holds(outer, {"p": [1]})
    assert not holds(outer, {"q": [1]})


def test_a_schema_keyword_without_id_names_no_draft() -> None:
    inner = {"$schema": "http://json-schema.org/draft-07/schema#", "prefixItems": [{"type": "null"}]}
    assert not holds({"properties": {"p": inner}}, {"p": [1]})


def test_schema_must_be_a_string() -> None:
    with pytest.raises(SchemaError) as caught:
        json_schema({"$schema": 7})
    assert caught.value.where == "/$schema"
