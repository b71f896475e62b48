"""References: the official suite's files about them, random nets of resources, registries, and what leads nowhere."""

from __future__ import annotations

import json
import random
import sys
import tarfile
from functools import lru_cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from structgen.errors import BudgetExceeded, EmptyLanguage, OptionError, SchemaError, UnsupportedFeature
from structgen.frontends.jsonschema import json_schema

sys.path.insert(0, str(Path(__file__).parents[2] / "reference"))
from recognize import accepts

TAR = Path(__file__).parents[4] / "shared/data/jsonschema_suite/json-schema-test-suite.tar.xz"
DRAFTS = ["draft4", "draft6", "draft7", "draft2019-09", "draft2020-12"]
FILES = """
    ref refRemote dynamicRef recursiveRef anchor defs definitions id infinite-loop-detection vocabulary unknownKeyword boolean_schema
    optional/anchor optional/dynamicRef optional/id optional/refOfUnknownKeyword optional/unknownKeyword optional/cross-draft
    optional/no-schema optional/format-assertion
"""
ELSEWHERE = ("uniqueItems", "unevaluatedProperties", "unevaluatedItems")  # keywords that other tests speak of


def compiled(schema: Any, values: list[Any], **options: Any) -> list[bool]:
    """What we say of each value."""
    try:
        start = json_schema(schema, style="any", order="any", **options).start
    except EmptyLanguage:
        return [False] * len(values)
    return [accepts(start, json.dumps(value, ensure_ascii=False)) for value in values]


@lru_cache(maxsize=1)
def suite() -> tuple[dict[str, Any], dict[str, Any]]:
    """(draft/file -> groups, address -> remote document)."""
    if not TAR.exists():
        pytest.skip(f"the official suite is not there: {TAR.name}")
    tests, remotes = {}, {}
    with tarfile.open(TAR) as tar:
        for member in tar.getmembers():
            _, kind, *rest = [*Path(member.name).parts, "", ""]
            name = "/".join(rest).rstrip("/")
            if not name.endswith(".json") or kind not in ("tests", "remotes"):
                continue
            data = tar.extractfile(member)
            assert data is not None
            if kind == "remotes":
                remotes[f"http://localhost:1234/{name}"] = json.load(data)
            elif name.split("/", 1)[1].removesuffix(".json") in FILES.split():
                tests[name] = json.load(data)
    return tests, remotes


@pytest.mark.parametrize("draft", DRAFTS)
def test_official_files(draft: str) -> None:
    tests, remotes = suite()
    wrong, refused = [], []
    for name, groups in tests.items():
        if not name.startswith(f"{draft}/"):
            continue
        for group in groups:
            values = [test["data"] for test in group["tests"]]
            try:
                verdicts = compiled(group["schema"], values, draft=draft, registry=remotes, formats="annotation")
            except UnsupportedFeature as error:
                report = error.report
                refused += [one for one in report.refused if one.feature not in ELSEWHERE] if report else [error]
                continue
            for test, verdict in zip(group["tests"], verdicts, strict=True):
                if verdict != test["valid"]:
                    wrong.append(f"{name}: {group['description']}: {test['description']}")
    assert wrong == []
    assert refused == []


# ---- random nets of resources ----

NAMES = ("a", "b")
TYPES = ("string", "integer", "null", "object")
PAIRS = ("object", *[["object", one] for one in TYPES[:-1]])
IS = {"string": str, "integer": int, "null": type(None), "object": dict}
LEAVES: list[Any] = ["", 1, None, {}]
VALUES = (
    LEAVES + [{key: one} for key in "pq" for one in LEAVES] + [{"p": {"p": one}} for one in LEAVES] + [{"p": {"q": one}} for one in LEAVES]
)
VALUES += [{"q": {"p": None}}, {"p": {"p": {"p": 1}}}, {"q": {"q": {"p": ""}}}, {"p": {"q": None}, "q": ""}]


def net(draw: random.Random, *, deep: bool) -> tuple[dict[str, Any], dict[str, Any]]:
    """(the main schema, the registry): resources that refer to each other, some of them embedded. `deep`: from anchors, too."""
    count = draw.randrange(3, 7)
    # name -> is it dynamic; what the main resource has is always outermost, so it has few
    anchors = [{name: draw.random() < 0.85 for name in NAMES if draw.random() < (0.7 if own else 0.1)} for own in range(count)]

    def reference(own: int, lowest: int) -> dict[str, Any]:
        """A reference; in place (`lowest` > 0) only to later resources, for the others may lead back."""
        kind = 0 if own == 0 else draw.randrange(4)
        if kind == 0 and lowest < count:
            return {"$ref": f"http://x/r{draw.randrange(lowest, count)}"}
        target = own if kind < 3 else draw.randrange(count)
        if not anchors[target] or (lowest and deep):
            return {"type": draw.choice(TYPES)}
        name = draw.choice(list(anchors[target]))
        dynamic = draw.random() < 0.7 or (anchors[target][name] and not deep)
        return {"$dynamicRef" if dynamic else "$ref": f"{'' if target == own else f'r{target}'}#{name}"}

    def leaf(own: int) -> dict[str, Any]:
        if not deep or draw.random() < 0.5:
            return {"type": draw.choice(TYPES)}
        return {"properties": {"p": reference(own, 0)}, "type": draw.choice(PAIRS)}

    resources: list[dict[str, Any]] = []
    for own in range(count):
        one: dict[str, Any] = {"$id": f"http://x/r{own}", "properties": {"p": reference(own, 0), "q": reference(own, 0)}}
        if own + 1 < count and draw.random() < 0.5:
            one["allOf"] = [reference(own, own + 1)]
        for name, dynamic in anchors[own].items():
            one.setdefault("$defs", {})[name] = {"$dynamicAnchor" if dynamic else "$anchor": name} | leaf(own)
        resources.append(one)
    main, registry = resources[0], {}
    for own in range(1, count):
        if draw.random() < 0.5:
            main.setdefault("$defs", {})[f"r{own}"] = resources[own]
        else:
            registry[f"http://x/r{own}"] = resources[own]
    return main, registry


class Twin:
    """The specification's words as a validator: it carries the dynamic scope, a list of the resources entered."""

    def __init__(self, documents: list[Any]) -> None:
        self.roots: dict[str, Any] = {}
        self.anchors: dict[tuple[str, str], tuple[Any, bool]] = {}
        for document in documents:
            self.index(document, "")

    def index(self, schema: Any, base: str) -> None:
        base = schema.get("$id", base)
        if "$id" in schema:
            self.roots[base] = schema
        for keyword in ("$anchor", "$dynamicAnchor"):
            if keyword in schema:
                self.anchors[base, schema[keyword]] = schema, keyword == "$dynamicAnchor"
        for one in schema.get("$defs", {}).values():
            self.index(one, base)

    def valid(self, schema: Any, value: Any, base: str, scope: tuple[str, ...]) -> bool:
        base = schema.get("$id", base)
        scope = (*scope, base)
        for keyword in {"$ref", "$dynamicRef"} & schema.keys():
            address, _, name = schema[keyword].partition("#")
            uri = f"http://x/{address.removeprefix('http://x/')}" if address else base
            target, dynamic = self.anchors[uri, name] if name else (self.roots[uri], False)
            if keyword == "$dynamicRef" and dynamic:
                uri = next((one for one in scope if self.anchors.get((one, name), (0, False))[1]), uri)
                target = self.anchors[uri, name][0]
            if not self.valid(target, value, uri, scope):
                return False
        types = schema.get("type", TYPES)
        if not isinstance(value, tuple(IS[one] for one in ([types] if isinstance(types, str) else types))):
            return False
        parts = schema.get("properties", {}) if isinstance(value, dict) else {}
        inside = all(self.valid(part, value[key], base, scope) for key, part in parts.items() if key in value)
        return inside and all(self.valid(one, value, base, scope) for one in schema.get("allOf", []))


@pytest.mark.parametrize("seed", range(120))
def test_random_nets(seed: int) -> None:
    schema, registry = net(random.Random(seed), deep=True)
    twin = Twin([schema, *registry.values()])
    expected = [twin.valid(schema, value, "", ()) for value in VALUES]
    assert compiled(schema, VALUES, registry=registry) == expected, f"seed {seed}: {json.dumps([schema, registry])}"


def judged(schema: Any, registry: dict[str, Any]) -> list[bool]:
    known = Registry().with_resources([(uri, Resource(one, DRAFT202012)) for uri, one in registry.items()])
    validator = jsonschema.Draft202012Validator(schema, registry=known)
    return [validator.is_valid(value) for value in VALUES]


@pytest.mark.parametrize("seed", range(60))
def test_random_shallow_nets(seed: int) -> None:
    """Without `$ref` to dynamic anchors and references from anchors: jsonschema 4.26 resolves the first dynamically, the second wrongly."""
    schema, registry = net(random.Random(seed), deep=False)
    expected = judged(schema, registry)
    assert compiled(schema, VALUES, registry=registry) == expected, f"seed {seed}: {json.dumps([schema, registry])}"


def renamed(tree: Any, *, rooted: bool) -> Any:
    """A schema of 2019 in the words of 2020; `rooted`: its resource has `$recursiveAnchor`."""
    if isinstance(tree, list):
        return [renamed(one, rooted=rooted) for one in tree]
    if not isinstance(tree, dict):
        return tree
    rooted = "$recursiveAnchor" in tree if "$id" in tree else rooted
    words = {key: renamed(value, rooted=rooted) for key, value in tree.items() if not key.startswith("$recursive")}
    if "$recursiveAnchor" in tree:
        words["$dynamicAnchor"] = "root"
    if "$recursiveRef" in tree:
        words |= {"$dynamicRef": "#root"} if rooted else {"$ref": "#"}
    return words


@pytest.mark.parametrize("seed", range(60))
def test_random_recursive_nets(seed: int) -> None:
    draw = random.Random(seed)
    count = draw.randrange(2, 6)

    def reference(lowest: int) -> dict[str, Any]:
        if lowest < count and draw.random() < 0.4:
            return {"$ref": f"http://x/r{draw.randrange(lowest, count)}"}
        return {"$recursiveRef": "#"} if lowest == 0 else {}

    resources = []
    for own in range(count):
        one: dict[str, Any] = {"$id": f"http://x/r{own}", "properties": {"p": reference(0), "q": reference(0)}}
        one |= {"type": draw.choice(PAIRS)} if draw.random() < 0.8 else {}
        one |= {"$recursiveAnchor": True} if draw.random() < (0.8 if own else 0.3) else {}
        one |= {"anyOf": [reference(own + 1), reference(own + 1)]} if draw.random() < 0.5 else {}
        resources.append(one)
    schema = resources[0] | {"$defs": {f"r{own}": one for own, one in enumerate(resources) if own}}
    expected = judged(renamed(schema, rooted=False), {})
    assert compiled(schema, VALUES, draft="2019-09") == expected, f"seed {seed}: {json.dumps(schema)}"


# ---- metaschemas ----


@pytest.mark.parametrize("keyword", ["$ref", "$dynamicRef"])
def test_the_vocabularies_of_2020_refer_to_the_whole_metaschema(keyword: str) -> None:
    """`properties` of the applicator vocabulary holds schemas of whatever metaschema was entered first."""
    name = "https://json-schema.org/draft/2020-12/meta/applicator"
    alone = json_schema({keyword: name}, style="any", formats="annotation").start
    assert accepts(alone, '{"properties": {"a": {"not": {}}}}')
    assert accepts(alone, '{"properties": {"a": {"title": 1}}}')
    assert not accepts(alone, '{"properties": {"a": {"not": 1}}}')
    both = {"$dynamicAnchor": "meta", "$id": "http://x", "allOf": [{"$ref": name}], "properties": {"title": {"type": "string"}}}
    extended = json_schema(both, style="any", order="any", formats="annotation").start
    assert accepts(extended, '{"properties": {"a": {"title": ""}}}')
    assert not accepts(extended, '{"properties": {"a": {"title": 1}}}')


def mutated(tree: Any, draw: random.Random) -> Any:
    """A copy with one value, somewhere, replaced."""
    if isinstance(tree, dict | list) and tree and draw.random() < 0.85:
        copy = tree.copy()
        key = draw.choice(list(tree) if isinstance(tree, dict) else range(len(tree)))
        copy[key] = mutated(copy[key], draw)
        return copy
    return draw.choice([1, -1, 0.5, "x", None, True, [], {}, [1], {"x": 1}, ["x"], [{}]])


METASCHEMAS = {
    "draft4": jsonschema.Draft4Validator,
    "draft6": jsonschema.Draft6Validator,
    "draft7": jsonschema.Draft7Validator,
    "draft2019-09": jsonschema.Draft201909Validator,
    "draft2020-12": jsonschema.Draft202012Validator,
}


@pytest.mark.parametrize("draft", DRAFTS)
def test_schemas_under_their_metaschema(draft: str) -> None:
    validator = METASCHEMAS[draft]
    judge = validator(validator.META_SCHEMA)
    uri = validator.META_SCHEMA["$schema"]
    start = json_schema({"$ref": uri}, draft=draft, style="any", order="any", formats="annotation", relax=True).start
    draw = random.Random(5)
    schemas = [group["schema"] for name, groups in suite()[0].items() if name.startswith(f"{draft}/") for group in groups]
    seen = {True: 0, False: 0}
    for schema in schemas[:30]:
        for value in (schema, mutated(schema, draw), mutated(schema, draw)):
            errors = {error.validator for error in judge.iter_errors(value)}
            if "uniqueItems" in errors:
                continue  # told elsewhere
            seen[not errors] += 1
            assert accepts(start, json.dumps(value)) is not bool(errors), (value, errors)
    assert min(seen.values()) > 10


def test_metaschemas_by_the_other_scheme() -> None:
    schema = {"$ref": "https://json-schema.org/draft-07/schema#/definitions/nonNegativeInteger"}
    assert json_schema(schema).report.verdict == "exact"


# ---- registries ----

DOCUMENT = {"$id": "http://x/other", "properties": {"c": {"$id": "inner", "$defs": {"d": {"type": "null"}}, "$ref": "#/$defs/d"}}}


@pytest.mark.parametrize("address", ["http://x/y", "http://x/y#"])
@pytest.mark.parametrize("kind", [dict, Registry])
@pytest.mark.parametrize("ref", ["http://x/y#/properties/c", "http://x/other#/properties/c", "http://x/inner", "inner#/$defs/d"])
def test_registries(address: str, kind: type, ref: str) -> None:
    registry = {address: DOCUMENT} if kind is dict else Registry().with_resource(address, Resource(DOCUMENT, DRAFT202012))
    start = json_schema({"$id": "http://x/main", "$ref": ref}, registry=registry).start
    assert accepts(start, "null")
    assert not accepts(start, "1")


def test_a_broken_document_matters_only_where_it_is_used() -> None:
    registry = {"http://x/broken": {"enum": [float("nan")]}, "http://x/y": DOCUMENT}
    assert json_schema({"$ref": "http://x/inner"}, registry=registry).report.verdict == "exact"
    with pytest.raises(SchemaError, match=r"http://x/broken#/enum/0"):
        json_schema({"$ref": "http://x/broken"}, registry=registry)


@pytest.mark.parametrize("registry", [[], "http://x", 3, {1: {}}, {"http://x/y": 3}, {"http://x/y": "{}"}, {"http://x/y": None}])
def test_other_registries(registry: Any) -> None:
    with pytest.raises(OptionError) as caught:
        json_schema({"$ref": "http://x/y"}, registry=registry)
    assert caught.value.where == "registry"


def test_nothing_is_fetched() -> None:
    def retrieve(uri: str) -> Any:
        raise AssertionError(uri)

    with pytest.raises(UnsupportedFeature, match="another document"):
        json_schema({"$ref": "http://x/y"}, registry=Registry(retrieve=retrieve))
    relaxed = json_schema({"$ref": "http://x/y", "type": "null"}, relax=True)
    assert [one.where for one in relaxed.report.relaxed] == ["/$ref"]


def test_a_place_is_reported_once_for_all_scopes() -> None:
    part = {"$id": "http://x/part", "$defs": {"a": {"$dynamicAnchor": "a", "$ref": "http://nowhere"}}, "$dynamicRef": "#a"}
    other = [{"$id": f"http://x/{i}", "$defs": {"a": {"$dynamicAnchor": "a", "properties": {"p": {"$ref": "part"}}}}} for i in range(3)]
    schema = {"$id": "http://x/main", "anyOf": [one | {"$ref": "part"} for one in other] + [part]}
    with pytest.raises(UnsupportedFeature) as caught:
        json_schema(schema)
    assert caught.value.report is not None
    assert [one.where for one in caught.value.report.refused] == ["/anyOf/3/$defs/a/$ref"]


# ---- pointers, anchors and names ----


NULL = {"type": "null"}
PLACES = {
    "$id": "http://x/main",
    "$defs": {"a/b": NULL, "c%d": NULL, "": {"type": "null", "$defs": {"": NULL}}, "n": {"$anchor": "na", "type": "null"}},
    "definitions": {"f": {"$id": "#f", "id": "#f", "type": "null"}},
    "unknown": [[1, NULL]],
    "default": {"e": NULL},
    "if": {"const": {"e": NULL}},
}


@pytest.mark.parametrize(
    ("ref", "draft"),
    [
        ("#/$defs/a~1b", None), ("#/$defs/a%7E1b", None), ("#/%24defs/a~1b", None), ("#/$defs/c%25d", None), ("#/$defs/", None),
        ("#/$defs//$defs/", None), ("#/unknown/0/1", None), ("#/default/e", None), ("#/if/const/e", None), ("#na", None), ("#n%61", None),
        ("http://x/main#na", None), ("main#na", None), ("/main#/$defs/n", None), ("#/definitions/f", "draft7"), ("#f", "draft7"),
    ],
)  # fmt: skip
def test_ways_to_a_schema(ref: str, draft: str | None) -> None:
    assert compiled(PLACES | {"items": {"$ref": ref}}, [[None], [1]], draft=draft) == [True, False]


def test_ids_of_draft_4() -> None:
    schema = {"id": "http://x/", "items": {"$ref": "a#f"}, "definitions": {"d": {"id": "a", "not": {"id": "#f", "type": "null"}}}}
    assert compiled(schema, [[None], [1]], draft="draft4") == [True, False]


@pytest.mark.parametrize("base", ["urn:uuid:deadbeef", "tag:a,2020:b", "http://x/y", "file:///x", "y.json", ""])
def test_bases(base: str) -> None:
    schema = {"$id": base, "items": {"$ref": "#n"}, "not": {"$ref": f"{base}#n"}, "$defs": {"n": {"$anchor": "n", "type": "null"}}}
    assert compiled(schema, [[None], [1], None], draft="2020-12") == [True, False, False]


@pytest.mark.parametrize(
    ("schema", "where", "why"),
    [
        ({"$ref": "#nowhere"}, "/$ref", "no anchor nowhere"),
        ({"$ref": "#/$defs/a"}, "/$ref", "no '\\$defs'"),
        ({"$ref": "#/allOf/01", "allOf": [{}, {}]}, "/$ref", "no '01'"),
        ({"$ref": "#/allOf/٠", "allOf": [{}, {}]}, "/$ref", "leads nowhere"),
        ({"$ref": f"#/allOf/{'1' * 5000}", "allOf": [{}, {}]}, "/$ref", "leads nowhere"),
        ({"properties": {"a": {"$ref": "#/required"}}, "required": ["a"]}, "/properties/a/$ref", "leads to a list"),
        ({"$ref": 3}, "/$ref", "must be a string"),
        ({"$ref": "#"}, "", "leads back to itself"),
        (
            {"not": {"$ref": "#/$defs/a"}, "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"allOf": [{"$ref": "#/$defs/a"}]}}},
            "/$defs/b",
            "itself",
        ),
        ({"$defs": {"a": {"$id": "http://x/b"}}, "$ref": "http://x/b#c"}, "/$ref", "no anchor c"),
        ({"x": {"$id": "http://x/b", "$anchor": "c"}, "$ref": "#c"}, "/$ref", "no anchor c"),
    ],
)
def test_references_that_lead_nowhere(schema: Any, where: str, why: str) -> None:
    with pytest.raises(SchemaError, match=why) as caught:
        json_schema(schema)
    assert str(caught.value.where).startswith(where)


def test_recursion_through_values_is_no_loop() -> None:
    schema = {"properties": {"a": {"$ref": "#"}}, "anyOf": [{"items": {"$ref": "#"}}, {"type": "null"}]}
    assert accepts(json_schema(schema, style="any").start, '{"a": [[null]]}')


def test_many_resources_with_one_name_cost_no_squares() -> None:
    """Without a reference that looks it up, a dynamic anchor is only a name."""
    parts = {
        f"r{i}": {"$id": f"http://x/{i}", "$dynamicAnchor": "meta", "properties": {"n": {"$ref": f"{(i + 1) % 300}"}}} for i in range(300)
    }
    schema = {"$id": "http://x/main", "$defs": parts, "properties": {"a": {"$ref": "0"}}}
    assert json_schema(schema).report.verdict == "exact"


def test_scopes_are_bounded() -> None:
    """Eight names, each of which three resources may hold: 6,561 scopes for every resource."""
    parts: dict[str, Any] = {"end": {"$id": "end8", "$defs": {f"n{i}": {"$dynamicAnchor": f"n{i}"} for i in range(8)}}}
    parts["end"]["allOf"] = [{"$dynamicRef": f"#n{i}"} for i in range(8)]
    for i in range(8):
        for j in range(3):
            part = {"$id": f"r{i}{j}", "$defs": {"a": {"$dynamicAnchor": f"n{i}", "type": "null"}}}
            parts[f"{i}{j}"] = part | {"properties": {str(k): {"$ref": f"r{i + 1}{k}" if i < 7 else "end8"} for k in range(3)}}
    schema = {"$id": "http://x/main", "$defs": parts, "properties": {str(j): {"$ref": f"r0{j}"} for j in range(3)}}
    with pytest.raises(BudgetExceeded, match="scopes"):
        json_schema(schema)


def test_draft_3_is_refused_where_a_reference_leads_there() -> None:
    schema = {"properties": {"a": {"$ref": "http://json-schema.org/draft-03/schema#"}}}
    with pytest.raises(UnsupportedFeature, match="draft 3"):
        json_schema(schema)
    relaxed = json_schema(schema, relax=True)
    assert [one.why for one in relaxed.report.relaxed] == ["draft 3 is not supported"]
    assert accepts(relaxed.start, '{"a": 1}')


@pytest.mark.parametrize("fragment", ["/$defs/x", "x"])
def test_a_reference_into_a_document_that_lacks_it_names_the_document(fragment: str) -> None:
    with pytest.raises(SchemaError, match=r"leads nowhere.* in http://h/b"):
        json_schema({"$id": "http://h/a", "$ref": f"b#{fragment}"}, registry={"http://h/b": {"type": "null"}})
