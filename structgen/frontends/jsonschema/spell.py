"""Expressions for JSON values: every spelling of a string, of a constant, of an enumeration.

    string   Lit, raw as `json.dumps(text, ensure_ascii=False)` writes it, with a detour per character for its other escapes
    number   Leaf of its digits (equality is by value: 1, 1.0 and, where the style has exponents, 1e0 are one number)
    array    brackets, items, and the whitespace of the style; objects likewise, members in the given order or in any

Escape leaves are one object per character for the whole process, so that keys by the thousand share them.

Not here: schemas that are not constant (`objects`, `arrays`), the digits of numbers (`numbers`).

>>> literal = string_literal("n/a", JsonStyle.of("any"))
>>> literal.data, literal.detours[1][:2], sorted(literal.detours[1][2].dfa.strings(9))
(b'"n/a"', (2, 3), ['\\\\/', '\\\\u002F', '\\\\u002f'])
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from json.encoder import encode_basestring
from typing import Any, Final, Literal

from structgen.errors import GrammarError, UnsupportedFeature
from structgen.frontends.jsonschema.numbers import values_number
from structgen.frontends.jsonschema.style import JsonStyle
from structgen.ir.chars import of_text
from structgen.ir.encoding import BYTES, JSON
from structgen.ir.expr import Expr, Leaf, Lit, Respelling, Rule, Strings, alt, seq
from structgen.ir.regular import CharDFA

Order = Literal["schema", "any"]

MANY: Final = 64
"""Up to so many strings are literals, more a trie. There each byte has an edge for its escapes in JSON strings: the first mask of an object
with 24 names took 0.4 ms more."""

INLINE: Final = 8
"""Containers nested deeper than this in a constant are rules of their own, made when they are reached."""

WORDS: Final = {None: Lit(b"null"), True: Lit(b"true"), False: Lit(b"false")}


# ---- strings ----


def _escapes(char: str) -> list[str]:
    """All spellings of a character that begin with a backslash, hex digits in any case."""
    units = char.encode("utf-16-be").hex()
    spellings = [""]
    for i in range(0, len(units), 4):
        spellings = [s + "\\u" for s in spellings]
        for digit in units[i : i + 4]:
            spellings = [s + d for s in spellings for d in sorted({digit, digit.upper()})]
    short = {'"': '\\"', "\\": "\\\\", "/": "\\/", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(char)
    return [*spellings, short] if short else spellings


def escapes_of(char: str, escapes: str) -> list[str]:
    """The spellings of a character with a backslash that a leaf with these `escapes` reads."""
    if escapes == "any":
        return _escapes(char)
    data = json.dumps(char, ensure_ascii=False)[1:-1]
    return [data] if data[0] == "\\" else []


@lru_cache(maxsize=1 << 14)  # all characters that a language is written with; literals share their leaves
def _detour(char: str) -> tuple[bytes, Leaf | None]:
    """How the character stands in a literal, and the leaf of its other spellings (None: there are none)."""
    data = json.dumps(char, ensure_ascii=False)[1:-1]
    units = char.encode("utf-16-be").hex()
    text = "".join([f"\\u{units[i : i + 4]}" for i in range(0, len(units), 4)])
    others = CharDFA.of_sets([of_text(one if one == "u" else one + one.upper()) for one in text])
    if char == "/":
        others |= CharDFA.of_string("\\/")
    elif data[:2] == "\\u":
        others -= CharDFA.of_string(data)
    return data.encode(), None if others.is_empty else Leaf(others, BYTES)


def _leaf_of(byte: int) -> Leaf:
    leaf = _detour(chr(byte))[1]
    assert leaf is not None
    return leaf


_ASCII: Final = frozenset(byte for byte in range(0x20, 0x80) if byte not in b'"\\')

ESCAPES: Final = Respelling(0x5C, _ASCII, _leaf_of)
"""The escapes of the characters that stand for themselves in a JSON string, in one byte."""


def string_literal(text: str, style: JsonStyle) -> Lit:
    """All spellings of one string, with its quotation marks: raw, and as far as the style allows each character also escaped.

    Raises UnsupportedFeature for a lone surrogate, which is no character.
    """
    return _literal(text, style.escapes if style.escapes == "minimal" else style.constants)


def string_opening(text: str, style: JsonStyle) -> Lit:
    """All spellings of the beginning of a string: its first quotation mark and these characters. Errors as in `string_literal`."""
    whole = string_literal(text, style)
    data, other = whole.data[:-1], whole.respelling
    detours = list(whole.detours)
    if other is not None and text and data[-1] in other.bytes:  # a respelling leaves out the last byte
        detours.append((len(data) - 1, len(data), other.leaf_of(data[-1])))
    return Lit(data, detours, other)


def string_part(text: str, style: JsonStyle) -> Lit:
    """All spellings of some characters within a string. Errors as in `string_literal`."""
    whole = string_literal(text, style)
    data, other = whole.data[1:-1], whole.respelling
    detours = [(i - 1, j - 1, leaf) for i, j, leaf in whole.detours]
    if other is not None:  # it leaves out the first and the last byte
        detours += [(i, i + 1, other.leaf_of(data[i])) for i in sorted({0, len(data) - 1}) if data[i] in other.bytes]
    return Lit(data, detours, other)


@lru_cache(maxsize=1 << 14)  # real schemas share their keys
def _literal(text: str, escapes: str) -> Lit:
    data = json_bytes(text)
    if escapes == "minimal":
        return Lit(data)
    shared = ESCAPES if escapes == "any" else None
    if len(data) == len(text) + 2 and (
        shared or "\x7f" not in text
    ):  # the common case: ASCII without quotation marks and control characters
        return Lit(data, (), shared)
    if b"\\" in data:  # the `n` of `\n` is no character of the text
        shared = None
    detours: list[tuple[int, int, Leaf]] = []
    at = 1
    for char in text:
        one, leaf = _detour(char)
        if leaf is not None and not (len(one) == 1 and (shared or (escapes == "plain" and char != "\x7f"))):
            detours.append((at, at + len(one), leaf))
        at += len(one)
    return Lit(data, detours, shared)


def json_bytes(text: str) -> bytes:
    """The shortest spelling of a string, as `json.dumps(text, ensure_ascii=False)` writes it.

    Raises UnsupportedFeature for lone surrogates.
    """
    try:
        return encode_basestring(text).encode()  # what json.dumps calls, by the million
    except UnicodeEncodeError as error:
        raise UnsupportedFeature(
            f"the string {text[:40]!r} has a lone surrogate at character {error.start - 1}, which no text in UTF-8 can hold",
            hint="write astral characters as a pair of surrogates, high one first",
        ) from None


@lru_cache(maxsize=512)
def _string_leaf(dfa: CharDFA, escapes: str, low: int, high: int | None) -> Leaf:
    return Leaf(dfa, JSON[escapes], low=low, high=high)


def string_leaf(dfa: CharDFA, style: JsonStyle, low: int = 0, high: int | None = None) -> Leaf:
    """JSON strings whose value is in `dfa` and has `low` to `high` characters. The same object for equal arguments."""
    return _string_leaf(dfa, style.escapes, low, high)


def any_string(style: JsonStyle) -> Leaf:
    """All JSON strings."""
    return _any_string(style.escapes)


@lru_cache(maxsize=8)
def _any_string(escapes: str) -> Leaf:
    return _string_leaf(CharDFA.any(), escapes, 0, None)


# ---- numbers ----


def _numbers(values: Iterable[int | float | Decimal | Fraction], style: JsonStyle) -> Expr:
    found = values_number(values, style)
    texts = found.dfa.strings(2) if style.integers == "bare" and isinstance(found, Leaf) else []
    return Lit(texts[0].encode()) if len(texts) == 1 else found


# ---- values ----


def value_literal(value: Any, style: JsonStyle, depth: int = 0, *, order: Order = "schema") -> Expr:
    """All spellings of one JSON value. `depth`: how many containers are around it (it matters to the indent style only).

    Objects have their members in the given order, or with `order="any"` in any. Numbers are equal by value, 0 is not false.
    Raises GrammarError for what is no JSON value, UnsupportedFeature for lone surrogates, BudgetExceeded for numbers beyond 10**2000.
    """
    return _value(value, style, depth, order, INLINE)


def _value(value: Any, style: JsonStyle, depth: int, order: Order, inline: int) -> Expr:
    if isinstance(value, str):
        return string_literal(value, style)
    if value is None or isinstance(value, bool):
        return WORDS[value]
    if isinstance(value, int | float | Decimal | Fraction):
        return _numbers((value,), style)
    if not isinstance(value, dict | list | tuple):
        raise GrammarError(f"{value!r} is no JSON value", hint="JSON has null, booleans, numbers, strings, arrays and objects")
    if not inline:
        return Rule(lambda: _container(value, style, depth, order, INLINE), "constant")
    return _container(value, style, depth, order, inline)


def _container(value: Any, style: JsonStyle, depth: int, order: Order, inline: int) -> Expr:
    opening, closing, empty = style.brackets("{", "}", depth) if isinstance(value, dict) else style.brackets("[", "]", depth)
    if not value:
        return empty
    items = []
    for item in value.items() if isinstance(value, dict) else value:
        if not isinstance(value, dict):
            items.append(_value(item, style, depth + 1, order, inline - 1))
            continue
        key, member = item
        if not isinstance(key, str):
            raise GrammarError(f"{key!r} is no key of a JSON object", hint="keys are strings")
        items.append(seq(string_literal(key, style), style.colon(), _value(member, style, depth + 1, order, inline - 1)))
    comma = style.item_gap(depth)
    if isinstance(value, dict) and order == "any" and len(items) > 1:
        inside = _shuffled(items, comma)
    else:
        inside = seq(items[0], *[part for item in items[1:] for part in (comma, item)])
    return seq(opening, inside, closing)


def _shuffled(items: list[Expr], comma: Expr) -> Expr:
    """The items in any order: one rule for each set of items still to come, made when it is reached."""
    rules: dict[int, Rule] = {}

    def rest(missing: int) -> Expr:
        if missing not in rules:
            rules[missing] = Rule(maker(missing), f"members {missing:b}")
        return rules[missing]

    def maker(missing: int) -> Callable[[], Expr]:
        return lambda: alt(
            seq(item, comma, rest(missing & ~(1 << i))) if missing != 1 << i else item for i, item in enumerate(items) if missing >> i & 1
        )

    return rest((1 << len(items)) - 1)


def values_expr(values: Iterable[Any], style: JsonStyle, depth: int = 0, *, order: Order = "schema") -> Expr:
    """All spellings of any of these JSON values (an `enum`); NEVER for none. Errors as in `value_literal`."""
    strings: dict[str, None] = {}
    numbers: list[int | float | Decimal | Fraction] = []
    others: list[Expr] = []
    for value in values:
        if isinstance(value, str):
            strings[value] = None
        elif isinstance(value, int | float | Decimal | Fraction) and not isinstance(value, bool):
            numbers.append(value)
        else:
            others.append(value_literal(value, style, depth, order=order))
    parts = [strings_expr(list(strings), style), *others] if strings else others
    if numbers:
        parts.append(_numbers(numbers, style))
    return alt(parts)


def strings_expr(texts: Sequence[str], style: JsonStyle) -> Expr:
    """Any of these strings, which differ: a few as literals, many in bulk."""
    if len(texts) <= MANY:
        return alt([string_literal(text, style) for text in texts])
    data = [json_bytes(text) for text in texts]
    if style.escapes == "minimal":
        return Strings(data)
    simple = [one.isascii() and b"\\" not in one and b"\x7f" not in one for one in data]  # the others have detours of their own
    plain = [one for one, is_simple in zip(data, simple, strict=True) if is_simple]
    rest = [text for text, is_simple in zip(texts, simple, strict=True) if not is_simple]
    bulk = [Strings(plain, ESCAPES if style.constants == "any" else None)] if plain else []
    return alt([*bulk, *(string_literal(text, style) for text in rest)])
