"""The incremental scanner against json.loads: whatever the cuts, each value is reported once, at the character that closes it."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from structgen.frontends.jsonschema.scanner import JsonScanner
from structgen.ir.language import Closed

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=15,
)


def every(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[tuple[Any, ...], Any]]:
    """All sub-values, inner ones first, in the order of the text."""
    items = enumerate(value) if isinstance(value, list) else value.items() if isinstance(value, dict) else ()
    return [found for key, inner in items for found in every(inner, (*path, key))] + [(path, value)]


def scan(text: str, cuts: list[int]) -> list[Closed]:
    scanner, out, last = JsonScanner(), [], 0
    for cut in [*sorted(cuts), len(text)]:
        out += scanner.feed(text[last:cut])
        last = max(last, cut)
    return out + scanner.finish()


@given(VALUES, st.lists(st.integers(0, 60), max_size=8), st.sampled_from([None, 0, 2]), st.booleans())
@settings(max_examples=150, derandomize=True, deadline=None)
def test_reports_every_value_once(value: Any, cuts: list[int], indent: int | None, ascii_: bool) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_)
    assert repr([(c.path, c.value) for c in scan(text, cuts)]) == repr(every(json.loads(text)))


def test_reports_at_once() -> None:
    scanner = JsonScanner()
    assert scanner.feed('{"a": [1') == []
    assert scanner.feed(",") == [Closed(("a", 0), 1)]
    assert scanner.feed(' "x\\"') == []
    assert scanner.feed('"') == [Closed(("a", 1), 'x"')]
    assert scanner.feed("]") == [Closed(("a",), [1, 'x"'])]
    assert scanner.feed("} ") == [Closed((), {"a": [1, 'x"']})]
    assert scanner.finish() == []


def test_is_silent_about_what_is_no_json() -> None:
    for text in (
        "hello, world",
        "]",
        "{]",
        '{"a" 1}',
        "{1: 2}",
        "nul",
        '"open',
        "1 2",
        "[1}",
        '{"a": 1',
        "\ud800",
        "9" * 5000,
        '{"a"}',
        "--1",
    ):
        scanner = JsonScanner()
        found = scanner.feed(text) + scanner.finish()
        assert all(isinstance(c, Closed) for c in found)


def test_deep_nesting_is_no_problem() -> None:
    depth = 2000
    found = scan("[" * depth + "]" * depth, [])
    assert len(found) == depth
    assert found[0].path == (0,) * (depth - 1)
