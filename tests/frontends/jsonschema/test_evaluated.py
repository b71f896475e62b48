"""unevaluatedProperties and unevaluatedItems: random schemas with nested applicators, judged twice; shapes that must stay small."""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from structgen.bench.suite import read_suite
from structgen.errors import BudgetExceeded, EmptyLanguage, UnsupportedFeature
from structgen.frontends.jsonschema import json_schema
from structgen.ir.expr import NEVER, Expr

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[2] / "reference")]
import ratchet  # noqa: E402
from evaluate import evaluate  # noqa: E402
from recognize import accepts  # noqa: E402

NAMES = ["a", "b", "ab", "c"]
LEAVES: list[Any] = [True, False, {"type": "string"}, {"type": "integer"}, {"const": 1}, {"type": "array"}, {"enum": ["x", 1]}]
PARTS: list[Any] = [1, "x", "y", 2, [1], None]
INT = {"type": "integer"}


def schema(rng: random.Random, depth: int) -> dict[str, Any]:
    """A schema of draft 2020-12 that speaks of objects and arrays; references lead to `#/$defs/A` and `#/$defs/B`."""
    found: dict[str, Any] = {}

    def leaf() -> Any:
        return rng.choice(LEAVES)

    def sub() -> Any:
        return schema(rng, depth - 1)

    def properties() -> dict[str, Any]:
        return {"properties": {name: leaf() for name in rng.sample(NAMES, rng.randrange(1, 3))}}

    parts = [
        properties,
        properties,
        lambda: {"required": rng.sample(NAMES, 1)},
        lambda: {"patternProperties": {rng.choice(["^a", "b$", "^.$"]): leaf()}},
        lambda: {"additionalProperties": leaf()},
        lambda: {"unevaluatedProperties": rng.choice([False, False, leaf()])},
        lambda: {"maxProperties": rng.randrange(4)},
        lambda: {"prefixItems": [leaf() for _ in range(rng.randrange(1, 3))]},
        lambda: {"contains": leaf()},
        lambda: {"contains": leaf(), "minContains": rng.randrange(3)},
        lambda: {"contains": leaf(), "maxContains": rng.randrange(1, 3)},
        lambda: {"items": leaf()},
        lambda: {"unevaluatedItems": rng.choice([False, False, leaf()])},
        lambda: {"minItems": rng.randrange(3)},
    ]
    places = [
        lambda: {"allOf": [sub() for _ in range(rng.randrange(1, 3))]},
        lambda: {"anyOf": [sub() for _ in range(rng.randrange(1, 4))]},
        lambda: {"oneOf": [sub() for _ in range(rng.randrange(1, 4))]},
        lambda: {"not": sub()},
        lambda: {"if": sub()},
        lambda: {"if": sub(), "then": sub()},
        lambda: {"if": sub(), "else": sub()},
        lambda: {"dependentSchemas": {rng.choice(NAMES): sub()}},
        lambda: {"$ref": "#/$defs/" + rng.choice("AB")},
    ]
    for _ in range(rng.choice([1, 2, 2, 3])):
        found.update(rng.choice(parts + 2 * places if depth else parts)())
    return found


def document(rng: random.Random) -> dict[str, Any]:
    """A schema with definitions that mostly asks what was evaluated; one in four is a negation."""
    root = schema(rng, 2)
    if rng.random() < 0.7:
        root[rng.choice(["unevaluatedProperties", "unevaluatedItems"])] = rng.choice([False, False, *LEAVES])
    if rng.random() < 0.25:
        root = {"not": root}
    inner = schema(rng, 1)
    while "$ref" in json.dumps(inner):  # it might lead to itself
        inner = schema(rng, 1)
    return {**root, "$defs": {"A": schema(rng, 0), "B": inner}}


def instance(rng: random.Random) -> Any:
    if rng.random() < 0.5:
        return {name: rng.choice(PARTS) for name in rng.sample([*NAMES, "d"], rng.randrange(5))}
    return [rng.choice(PARTS) for _ in range(rng.randrange(5))]


def older(tree: Any) -> Any:
    """The same in draft 2019-09."""
    if isinstance(tree, list):
        return [older(one) for one in tree]
    if not isinstance(tree, dict):
        return tree
    found = {key: older(one) for key, one in tree.items()}
    if "prefixItems" in found:
        if "items" in found:
            found["additionalItems"] = found.pop("items")
        found["items"] = found.pop("prefixItems")
    return found


def start_of(schema: Any, **options: Any) -> Expr | None:
    """NEVER for an empty language, None where the schema is refused."""
    try:
        return json_schema(schema, style="any", **options).start
    except EmptyLanguage:
        return NEVER
    except (UnsupportedFeature, BudgetExceeded):
        return None


@pytest.mark.parametrize("draft", ["draft2019-09", "draft2020-12"])
@pytest.mark.parametrize("block", range(3))
def test_random_schemas(draft: str, block: int) -> None:
    compiled = valid = 0
    year = int(draft[5:9])
    for seed in range(35 * block, 35 * (block + 1)):
        rng = random.Random(f"evaluated {seed}")
        schema = document(rng)
        if year == 2019:
            schema = older(schema)
        free, fixed = start_of(schema, draft=draft, order="any"), start_of(schema, draft=draft, order="schema")
        if free is None or fixed is None:
            continue
        compiled += 1
        for _ in range(8):
            one = instance(rng)
            holds = evaluate(schema, one, schema, year) is not None
            valid += holds
            if year == 2020:  # for 2019-09 the package counts items that `contains` matched
                assert Draft202012Validator(schema).is_valid(one) == holds, (seed, schema, one)
            backwards = dict(reversed(one.items())) if isinstance(one, dict) else one
            for text in (json.dumps(one), json.dumps(backwards)):
                assert accepts(free, text) == holds, (seed, schema, text)
                assert holds or not accepts(fixed, text), (seed, schema, text)
    assert compiled > 30
    assert valid > 100


LETTERS = "abcdefgh"


def branch(rng: random.Random, fresh: list[str]) -> dict[str, Any]:
    """A branch that mostly speaks of names of its own."""
    mine = [fresh.pop() if fresh and rng.random() < 0.7 else rng.choice(LETTERS) for _ in range(rng.choice([1, 1, 1, 2]))]
    found: dict[str, Any] = {"properties": {name: rng.choice([True, INT, INT, {"type": "string"}, {"const": 1}]) for name in mine}}
    if rng.random() < 0.5:
        found["required"] = [rng.choice(mine) if rng.random() < 0.85 else rng.choice(LETTERS)]
    if rng.random() < 0.08:
        found["patternProperties"] = {"^" + rng.choice(LETTERS): True}
    if rng.random() < 0.05:
        found["not"] = {"properties": {rng.choice(LETTERS): INT}, "required": [rng.choice(LETTERS)]}
    return found


def branches(rng: random.Random, depth: int, fresh: list[str]) -> dict[str, Any]:
    """Applicators over such branches."""
    found: dict[str, Any] = branch(rng, fresh) if rng.random() < 0.2 else {}

    def sub() -> dict[str, Any]:
        return branches(rng, depth - 1, fresh) if depth and rng.random() < 0.35 else branch(rng, fresh)

    makers = [
        lambda: {"anyOf": [sub() for _ in range(rng.randrange(3, 5))]},
        lambda: {"anyOf": [sub() for _ in range(rng.randrange(3, 5))]},
        lambda: {"oneOf": [sub() for _ in range(rng.randrange(2, 4))]},
        lambda: {"allOf": [sub(), sub()]},
        lambda: {"if": sub()},
        lambda: {"if": sub(), "then": sub()},
        lambda: {"dependentSchemas": {rng.choice(LETTERS): sub()}},
    ]
    for make in rng.sample(makers, rng.randrange(1, 3)):
        found.update(make())
    return found


def test_random_branches_with_names_of_their_own() -> None:
    valid = 0
    for seed in range(35):
        rng = random.Random(f"alone {seed}")
        fresh = list(LETTERS)
        rng.shuffle(fresh)
        schema = {**branches(rng, 1, fresh), "unevaluatedProperties": False}
        free, fixed = start_of(schema, order="any"), start_of(schema, order="schema")
        assert free is not None
        assert fixed is not None
        for _ in range(16):
            names = rng.sample(LETTERS, rng.choice([0, 1, 1, 2, 2, 3, 4]))
            one = {name: rng.choice([1, 1, 1, "x", 2]) for name in names}
            holds = evaluate(schema, one, schema, 2020) is not None
            assert Draft202012Validator(schema).is_valid(one) == holds, (seed, schema, one)
            valid += holds
            assert accepts(free, json.dumps(one)) == holds, (seed, schema, one)
            assert holds or not accepts(fixed, json.dumps(one)), (seed, schema, one)
    assert valid > 60


@pytest.mark.parametrize("draft", ["draft2019-09", "draft2020-12"])
def test_the_slow_twin_agrees_with_the_official_suite(draft: str) -> None:
    if not ratchet.SUITE.exists():
        pytest.skip(f"the official suite is not there: {ratchet.SUITE.name}")
    for group in read_suite(ratchet.SUITE, draft, optional=False):
        if not group.file.startswith("unevaluated") or any(word in json.dumps(group.schema) for word in ("$dynamicRef", "$recursiveRef")):
            continue
        for name, value, valid in group.tests:
            found = evaluate(group.schema, value, group.schema, int(draft[5:9]))
            assert (found is not None) == valid, (group.name, name)


def test_a_schema_and_its_negation_part_all_values() -> None:
    checked = 0
    for seed in range(90):
        rng = random.Random(f"parted {seed}")
        root = schema(rng, 2)
        if "$ref" in json.dumps(root):
            continue
        root[rng.choice(["unevaluatedProperties", "unevaluatedItems"])] = rng.choice([False, INT])
        there, denied = start_of(root), start_of({"not": root})
        if there is None or denied is None:
            continue
        checked += 1
        for _ in range(8):
            text = json.dumps(instance(rng))
            assert accepts(there, text) != accepts(denied, text), (seed, root, text)
    assert checked > 50


def tagged(keyword: str, n: int) -> dict[str, Any]:
    branches = [{"properties": {"kind": {"const": f"k{i}"}, f"p{i}": INT}, "required": ["kind"]} for i in range(n)]
    return {keyword: branches, "unevaluatedProperties": False}


def judged(schema: Any, good: list[Any], bad: list[Any]) -> None:
    start, judge = json_schema(schema, style="any").start, Draft202012Validator(schema)
    for values, holds in ((good, True), (bad, False)):
        for one in values:
            assert judge.is_valid(one) == holds, one
            assert accepts(start, json.dumps(one)) == holds, one


@pytest.mark.parametrize("keyword", ["anyOf", "oneOf"])
def test_branches_that_exclude_each_other_do_not_multiply(keyword: str) -> None:
    judged(tagged(keyword, 100), [{"kind": "k7", "p7": 1}, {"kind": "k99"}], [{"kind": "k7", "p8": 1}, {"p7": 1}, {"kind": "k7", "p7": ""}])


@pytest.mark.parametrize("required", [True, False])
def test_branches_with_names_of_their_own_do_not_multiply(required: bool) -> None:
    one = {"anyOf": [{"properties": {f"p{i}": INT}, **({"required": [f"p{i}"]} if required else {})} for i in range(30)]}
    one = {**one, "type": "object", "unevaluatedProperties": False}
    good: list[Any] = [{f"p{i}": i for i in range(30)}, {"p7": 1}]
    bad: list[Any] = [{"p7": 1, "q": 1}, {"p7": ""}, {"p7": 1, "p8": ""}]
    (bad if required else good).append({})
    judged(one, good, bad)


def test_contains_alone_does_not_multiply() -> None:
    one = {"anyOf": [{"contains": {"const": i}} for i in range(30)], "unevaluatedItems": {"type": "null"}}
    judged(one, [[1, 2], [None, 29]], [[], [None], [1, 30]])


def test_conditions_by_a_tag_do_not_multiply() -> None:
    conditions = [
        {"if": {"properties": {"kind": {"const": f"k{i}"}}, "required": ["kind"]}, "then": {"properties": {f"p{i}": INT}}}
        for i in range(20)
    ]
    one = {"properties": {"kind": {"type": "string"}}, "allOf": conditions, "unevaluatedProperties": False}
    judged(one, [{"kind": "k3", "p3": 1}, {"kind": "other"}, {}], [{"kind": "k3", "p4": 1}, {"kind": "other", "p1": 1}])


def test_what_users_write() -> None:
    base = {"$defs": {"base": {"type": "object", "properties": {"id": INT}, "required": ["id"]}}}
    extended = {**base, "$ref": "#/$defs/base", "properties": {"name": {"type": "string"}}, "unevaluatedProperties": False}
    judged(extended, [{"id": 1}, {"id": 1, "name": ""}], [{"name": ""}, {"id": 1, "x": 1}])
    merged = {**base, "allOf": [{"$ref": "#/$defs/base"}, {"properties": {"name": {}}}], "unevaluatedProperties": {"type": "boolean"}}
    judged(merged, [{"id": 1, "name": 1, "x": True}], [{"id": 1, "x": 1}])
    pair = {"prefixItems": [INT], "anyOf": [{"prefixItems": [True, {"type": "string"}]}, {"contains": {"type": "null"}}]}
    judged({**pair, "unevaluatedItems": False}, [[1, ""], [1, None], [1, "", None], [1, None, None]], [[1, 2], [1, "", 2], ["", None]])
    tree = {"properties": {"next": {"$ref": "#"}}, "patternProperties": {"^x-": True}, "unevaluatedProperties": False}
    judged(tree, [{}, {"next": {"next": {"x-a": 1}}}], [{"next": {"a": 1}}, {"a": 1}])


def test_branches_that_lead_back_hold_by_the_others_alone() -> None:
    start = json_schema({"anyOf": [{"$ref": "#"}, {"properties": {"a": {}}}], "unevaluatedProperties": False}, style="any").start
    assert accepts(start, '{"a":1}')
    assert not accepts(start, '{"b":1}')


def test_what_is_relaxed_may_have_evaluated_anything() -> None:
    one = {"$ref": "http://example.com/unknown", "properties": {"a": INT}, "unevaluatedProperties": False}
    start = json_schema(one, style="any", relax=True).start
    assert accepts(start, '{"a":1,"b":2}')
    assert not accepts(start, '{"a":""}')


def test_deep_nesting() -> None:
    one: dict[str, Any] = {"properties": {"z": {}}}
    for i in range(50):
        one = {"allOf": [one], "properties": {f"p{i}": {}}, "unevaluatedProperties": INT}
    start = json_schema(one, style="any").start  # the judge takes twice as long for every level
    assert accepts(start, '{"z":"","p1":1,"q":3}')
    assert not accepts(start, '{"y":"x"}')
    assert not accepts(start, '{"p1":""}')


def test_too_many_sets_of_branches_are_a_budget_error() -> None:
    branches = [{"properties": {f"p{i}": INT, f"q{i}": INT}, "required": [f"p{i}", f"q{i}"]} for i in range(20)]
    with pytest.raises(BudgetExceeded) as caught:
        json_schema({"type": "object", "anyOf": branches, "unevaluatedProperties": False})
    assert "anyOf" in caught.value.why
