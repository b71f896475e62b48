"""Conditions on one string together: patterns, formats, lengths, constants and their negations, against Python."""

from __future__ import annotations

import json
import random
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from structgen.errors import EmptyLanguage
from structgen.frontends.jsonschema import json_schema
from structgen.frontends.jsonschema.formats import NOTES
from structgen.frontends.jsonschema.formats.ecma import is_regex

sys.path.insert(0, str(Path(__file__).parents[2] / "reference"))
from recognize import accepts as recognised


def accepts(schema: Any, text: str, **options: Any) -> bool:
    try:
        start = json_schema(schema, style="any", **options).start
    except EmptyLanguage:
        return False
    return recognised(start, json.dumps(text))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("hostname", "xn--9n2bp8q.a"),
        ("date", "0000-01-01"),
        ("date-time", "0000-01-01T00:00:00Z"),
        ("time", "00:00:60+00:01"),
        ("idn-hostname", "παράδειγμαπαράδειγμαπαράδειγμαπαράδειγμα"),
        ("idn-hostname", "xn--ihqwcrb4cv8a8dqg056pqjye"),
        ("idn-email", "a@xn--ihqwcrb4cv8a8dqg056pqjye"),
        ("regex", "(?<n>a)\\k<n>"),
        ("regex", "(((((a)))))"),
    ],
)
def test_what_an_automaton_leaves_out_is_not_its_negation(name: str, text: str) -> None:
    assert name in NOTES
    assert not accepts({"not": {"format": name}}, text)
    assert not accepts({"oneOf": [{"format": name}, {"minLength": 1}]}, text)
    assert not accepts({"if": {"format": name}, "then": False}, text)
    assert not accepts({"anyOf": [{"not": {"format": name}}, {"type": "number"}]}, text)
    assert not accepts({"oneOf": [{"format": name}, {"enum": [text, "-"]}]}, text)
    obj = {"type": "object", "required": ["a"], "properties": {"a": {"format": name, "type": "string"}}}
    same = {"type": "object", "required": ["a"], "properties": {"a": {"enum": [text, "-", 1]}}}
    one = {"oneOf": [obj, same]}
    try:
        start = json_schema(one, style="any").start
    except EmptyLanguage:
        return
    assert not recognised(start, json.dumps({"a": text}))


def test_the_report_says_what_is_left_out() -> None:
    report = json_schema({"properties": {"a": {"format": "regex"}, "b": {"format": "date"}}}).report
    assert [(one.where, one.verdict) for one in report.findings] == [("/properties/a/format", "narrower")]
    assert report.verdict == "narrower"
    assert "back-references" in str(report)
    assert json_schema({"format": "regex"}, formats={"regex": "a"}).report.verdict == "exact"
    assert json_schema({"format": "regex"}, formats="annotation").report.verdict == "exact"


PATTERNS = ["^[a-z0-9.:-]+$", "a", "^.{3,20}$", r"\d{2}", "^(?!2)", r"\.|-", "[^0-9]$", "(?<=1)2", r"^\S*$", "-01"]
FORMATS = ["date", "ipv4", "ipv6", "uuid", "email", "time", "duration", "json-pointer", "regex"]
SEEDS = [
    *("2024-02-29", "2023-12-01", "1.2.3.4", "255.255.255.255", "::1", "fe80::1", "2001:db8::8a2e:370:7334", "a@b.c", "x.y@example.com"),
    *(
        "123e4567-e89b-12d3-a456-426614174000",
        "12:30:00Z",
        "P1D",
        "PT12H",
        "/a/b",
        "/a~1b",
        "abc",
        "a-b",
        "a.b",
        "12",
        "",
        "a+b?c",
        "(a|b)*",
        "(a",
    ),
]


def condition(rng: random.Random, depth: int) -> dict[str, Any]:
    made: dict[str, Any] = {"type": "string"}
    for _ in range(rng.choice([1, 2, 2, 3])):
        match rng.randrange(7 if depth else 4):
            case 0:
                made["pattern"] = rng.choice(PATTERNS)
            case 1:
                made["format"] = rng.choice(FORMATS)
            case 2:
                made["minLength"] = rng.randrange(12)
            case 3:
                made["maxLength"] = rng.randrange(2, 40)
            case 4:
                made["not"] = condition(rng, depth - 1)
            case 5:
                made["allOf"] = [condition(rng, depth - 1) for _ in range(2)]
            case 6:
                made["enum"] = rng.sample(SEEDS, 5)
    return made


def judge(schema: dict[str, Any], text: str) -> bool | None:
    """Whether the text is valid; None where a format is narrower here than it is and that could matter."""
    parts: list[bool | None] = []
    if "pattern" in schema:
        parts.append(re.search(schema["pattern"], text) is not None)
    if "format" in schema:
        valid = Draft202012Validator.FORMAT_CHECKER.conforms(text, schema["format"])
        if schema["format"] == "regex":
            valid = bool(is_regex(text))
            parts.append(None if valid else False)
        else:
            parts.append(valid)
    parts.append(schema.get("minLength", 0) <= len(text) <= schema.get("maxLength", 1000))
    if "enum" in schema:
        parts.append(text in schema["enum"])
    if "not" in schema:
        verdict = judge(schema["not"], text)
        parts.append(None if verdict is None else not verdict)
    parts += [judge(one, text) for one in schema.get("allOf", [])]
    return False if False in parts else None if None in parts else True


def texts(rng: random.Random) -> list[str]:
    found = list(SEEDS)
    for _ in range(30):
        text = list(rng.choice(SEEDS))
        at = rng.randrange(len(text) + 1)
        text[at : at + rng.randrange(2)] = rng.choice(["", "1", "-", "a", "0", ".", ":", "Z", "+"])
        found.append("".join(text))
    return found


@pytest.mark.parametrize("seed", range(60))
def test_conditions_together(seed: int) -> None:
    rng = random.Random(seed)
    schema = condition(rng, 2)
    for text in texts(rng):
        verdict = judge(schema, text)
        if verdict is not None:
            assert accepts(schema, text) is verdict, (seed, schema, text)


def test_a_pattern_that_is_longer_than_allowed_has_no_text() -> None:
    for size in (10, 100):
        schema = {"type": "string", "pattern": f"^a{{{size}}}b*$", "maxLength": size - 1}
        with pytest.raises(EmptyLanguage):
            json_schema(schema)
        assert not accepts({"anyOf": [schema, {"type": "null"}]}, "a" * size)
        assert accepts({**schema, "maxLength": size}, "a" * size)
