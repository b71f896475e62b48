"""`Grammar.key`: the same for what was made alike, in every process; different for what was not."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from decimal import Decimal
from typing import Any

import structgen as sg

MADE: list[Any] = [
    lambda: sg.regex("a"),
    lambda: sg.regex("a", search=True),
    lambda: sg.regex("a", syntax="ecma"),
    lambda: sg.choice(["a"]),
    lambda: sg.choice([b"a"]),
    lambda: sg.choice(["a", "b"]),
    lambda: sg.choice(["ab"]),
    lambda: sg.lark('start: "a"'),
    lambda: sg.lark('start: "a"\nb: "a"', start="b"),
    lambda: sg.json_schema({"const": 1}),
    lambda: sg.json_schema({"const": "1"}),
    lambda: sg.json_schema({"const": True}),
    lambda: sg.json_schema({"const": [1, 2]}),
    lambda: sg.json_schema({"const": [[1], 2]}),
    lambda: sg.json_schema({"const": 1}, style="any"),
    lambda: sg.json_schema({"const": 1}, style=sg.JsonStyle(escapes="minimal")),
    lambda: sg.json_schema({"properties": {"a": True, "b": True}}),
    lambda: sg.json_schema({"properties": {"b": True, "a": True}}),
    lambda: sg.json_schema({"$ref": "x"}, registry={"x": {"const": 1}}),
    lambda: sg.json_schema({"$ref": "x"}, registry={"x": {"const": 2}}),
    lambda: sg.json_schema({"format": "sku"}, formats={"sku": "[A-Z]+"}),
    lambda: sg.json_schema({"format": "sku"}, formats={"sku": sg.regex("[A-Z]+")}),
    lambda: sg.special(range(100, 201)),
    lambda: sg.special(range(100, 202)),
    lambda: sg.regex("a") + sg.regex("b"),
    lambda: sg.regex("b") + sg.regex("a"),
    lambda: sg.regex("a") | sg.regex("b"),
    lambda: sg.regex("a") & sg.regex("b"),
    lambda: sg.regex("a") - sg.regex("b"),
    lambda: ~sg.regex("a"),
    lambda: sg.regex("a").optional(),
    lambda: sg.regex("a").repeat(0, 2),
]


def test_keys_tell_apart_what_is_different() -> None:
    keys = [make().key for make in MADE]
    assert keys == [make().key for make in MADE]
    assert len(set(keys)) == len(keys)
    assert all(key is not None and len(key) == 64 for key in keys)


def test_what_does_not_matter() -> None:
    assert sg.regex("a", budget=sg.Budget(seconds=5)).key == sg.regex("a").key
    assert sg.json_schema('{"const": 1.50}').key == sg.json_schema({"const": Decimal("1.50")}).key


def test_what_is_no_data_has_no_key() -> None:
    for grammar in (sg.python_type(int), sg.python_type(int) | sg.regex("a"), sg.Grammar(sg.regex("a").language)):
        assert grammar.key is None


def test_other_processes_have_the_same_keys() -> None:
    code = "import structgen as sg; print((sg.json_schema({'enum': [1, 'é']}, style='any') - sg.choice(['1'])).key)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    assert found == (sg.json_schema({"enum": [1, "é"]}, style="any") - sg.choice(["1"])).key


def test_sets_have_no_order() -> None:
    code = "import structgen as sg; print(sg.choice({'if', 'else', 'while', 'for'}).key)"
    run = [sys.executable, "-c", code]
    found = {
        subprocess.run(run, env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True).stdout for seed in "123"
    }
    assert len(found) == 1


def test_deep_notations() -> None:
    schema: dict[str, Any] = {}
    for _ in range(3000):
        schema = {"not": {"not": schema}} if len(schema) > 1 else {"items": schema}
    assert sg.json_schema(schema).key is not None


def test_a_registry_that_changes_later_changes_no_grammar() -> None:
    registry: dict[str, Any] = {"urn:x": {"type": "integer"}}
    grammar = sg.json_schema({"$ref": "urn:x"}, registry=registry)
    registry["urn:x"] = {"type": "string"}
    assert grammar.key != sg.json_schema({"$ref": "urn:x"}, registry=registry).key
    assert grammar.accepts("1")
    assert pickle.loads(pickle.dumps(grammar)).accepts("1")
