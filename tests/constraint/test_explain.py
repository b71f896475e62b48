"""Explanations: verdict, place and what may come next, against plain expectations."""

from __future__ import annotations

from typing import Any

import pytest

import structgen.api as sg
from structgen.constraint.explain import explain


@pytest.mark.parametrize(
    ("pattern", "text", "verdict", "read", "expected"),
    [
        ("abc", "abc", "complete", 3, ("the end",)),
        ("abc", "ab", "incomplete", 2, ("'c'",)),
        ("abc", "", "incomplete", 0, ("'a'",)),
        ("abc", "axc", "refused", 1, ("'b'",)),
        ("abc", "abcd", "refused", 3, ("the end",)),
        ("[a-f]+", "b!", "refused", 1, ("'a' to 'f'", "the end")),
        ("[a-z0-9_]", "", "incomplete", 0, ("'0' to '9'", "'_'", "'a' to 'z'")),
        ("è", "é", "refused", 0, ("characters beyond ASCII",)),  # they share a first byte: the character is to blame, not its rest
        ("aè", "aé", "refused", 1, ("characters beyond ASCII",)),
        ("😀x", "😀y", "refused", 1, ("'x'",)),
        ("[😀😂]", "😁", "refused", 0, ("characters beyond ASCII",)),
    ],
)
def test_verdicts(pattern: str, text: str, verdict: str, read: int, expected: tuple[str, ...]) -> None:
    found = sg.regex(pattern).explain(text)
    assert (found.verdict, found.read, found.expected) == (verdict, read, expected)
    assert found.place.offset == read


def test_bytes_and_surrogates_are_shown_and_never_raise() -> None:
    grammar = sg.regex("aé")
    assert grammar.explain("aé".encode()[:-1]).verdict == "incomplete"
    assert grammar.explain("aé".encode()[:-1]).expected == ("the rest of a character",)
    assert grammar.explain(b"\xff").verdict == "refused"
    assert grammar.explain("\ud800").verdict == "refused"
    assert grammar.explain(b"a\xa9").read == 1


def test_the_message_has_a_caret_below_the_place() -> None:
    message = str(sg.regex("a\nbc").explain("a\nbx"))
    assert "line 2, column 2" in message
    lines = message.splitlines()
    assert lines[1:3] == ["    bx", "     ^"]
    assert "expected 'c'" in message


def test_special_tokens_and_long_lists() -> None:
    grammar = sg.choice(["a"]) + (sg.special("<t>") | sg.choice(["b"]))
    assert explain(grammar.automaton, "a").expected == ("'b'", "token <t>")
    many = sg.regex("[!%')+.:=@_`{}~]").explain("")
    assert len(many.expected) == 13
    assert many.expected[-1].endswith(" more")


def test_what_is_there_already_is_named() -> None:
    cases: list[tuple[Any, str, str]] = [
        ({"type": "object"}, '{"a": 1, "a"', '{"a": 1, "b": 2,,'),
        ({"uniqueItems": True, "items": {"type": "string"}}, '["a", "a"', '["a", "b"}'),
    ]
    for schema, twice, other in cases:
        grammar = sg.json_schema(schema)
        assert grammar.explain(twice).repeats
        assert "that is there already" in str(grammar.explain(twice))
        assert grammar.explain(other).verdict == "refused"
        assert not grammar.explain(other).repeats
