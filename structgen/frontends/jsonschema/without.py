"""Strings but for some: those of a leaf that are none of a finite set, however they are spelled.

A difference of automata would be a new leaf for every set, with token rows of its own; `Minus` keeps the rows of the leaf. What it takes
away are the texts, and where only taken texts are left behind the beginning of one (near an upper bound of the length, or in finite
languages), that beginning: `"ab` where strings have at most two characters and "ab" is taken. A beginning may end inside the spelling of a
character: behind `"\\u006` only 16 characters may come.

Not here: counting what is left (`ir.remaining`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache
from typing import Final

from structgen.errors import BudgetExceeded
from structgen.frontends.jsonschema.spell import escapes_of, string_opening, values_expr
from structgen.frontends.jsonschema.style import JsonStyle
from structgen.ir import chars
from structgen.ir.chars import ANY, CharSet
from structgen.ir.encoding import BYTES
from structgen.ir.expr import NEVER, Expr, Leaf, Minus, Rule, alt, seq
from structgen.ir.regular import CharDFA
from structgen.ir.remaining import Remaining, remaining

BUCKET: Final = 16
"""Taken texts are kept in sets of about so many, or in so many sets: one more text makes one set anew."""

Beginning = tuple[str, tuple[bytes, ...]]
"""Characters of a string, and how it goes on: any of these, the beginnings of the spelling of a character. No more where that is ()."""


def without(leaf: Leaf, texts: Iterable[str], style: JsonStyle) -> Expr | None:
    """The strings of a JSON leaf that are none of `texts`; NEVER where none is left, None where that takes too long to find out."""
    ends = remaining(leaf.dfa, leaf.low, leaf.high)
    texts = [text for text in dict.fromkeys(texts) if ends.has(text)]
    if not texts:
        return leaf
    try:
        over = ends.used_up(texts)
        parts = _parts(ends, over, leaf.encoding.escapes or "any")
    except BudgetExceeded:
        return None
    if "" in over:
        return NEVER
    whole = [text for text in texts if not over or not any(text[:i] in over for i in range(len(text) + 1))]
    return Minus(leaf, alt([*taken(whole, style), *_gathered([*((text, ()) for text in over), *parts], style)]))


def taken(texts: Iterable[str], style: JsonStyle) -> list[Expr]:
    """Any of these strings however they are spelled, in parts that are shared with other sets."""
    return _gathered(texts, style)


def _gathered(some: Iterable[str | Beginning], style: JsonStyle) -> list[Expr]:
    some = list(some)
    if not some:
        return []
    style = replace(style, constants="any")  # another spelling of a string is that string
    count = min(1 << (len(some) // BUCKET).bit_length(), BUCKET) if len(some) > BUCKET else 1
    sets: dict[int, list[str | Beginning]] = {}
    for one in some:
        sets.setdefault(hash(one) % count, []).append(one)
    return [_bucket(frozenset(ones), style) for ones in sets.values()]


@lru_cache(maxsize=512)
def _bucket(some: frozenset[str | Beginning], style: JsonStyle) -> Rule:
    texts, parts = [one for one in some if isinstance(one, str)], [one for one in some if not isinstance(one, str)]
    return Rule(lambda: alt([values_expr(texts, style), *(_spelled(one, style) for one in parts)]), "taken")


def _spelled(one: Beginning, style: JsonStyle) -> Expr:
    text, tails = one
    opening = string_opening(text, style)
    return seq(opening, Leaf(CharDFA.of_strings([tail.decode("latin-1") for tail in tails]), BYTES)) if tails else opening


# ---- beginnings that end inside the spelling of a character ----


def _parts(ends: Remaining, over: set[str], escapes: str) -> list[Beginning]:
    """Where the last characters of used up beginnings are all that some part of a spelling may become."""
    last: dict[str, list[str]] = {}
    for text in over:
        if text:
            last.setdefault(text[:-1], []).append(text[-1])
    found = [(text, _cut(frozenset(some), ends.onward(text), escapes)) for text, some in last.items()]
    return [one for one in found if one[1]]


@lru_cache(maxsize=1024)
def _cut(some: frozenset[str], onward: CharSet, escapes: str) -> tuple[bytes, ...]:
    """The shortest bytes, less than a character, with which only characters of `some` out of `onward` can be spelled."""
    counts: dict[bytes, int] = {}
    for char in some:
        for part in {spelling[:i] for spelling in _spellings(char, escapes) for i in range(1, len(spelling))}:
            counts[part] = counts.get(part, 0) + 1
    over = {part for part, count in counts.items() if count == chars.size(chars.intersect(_behind(part, escapes), onward))}
    return tuple(sorted(part for part in over if not any(part[:i] in over for i in range(1, len(part)))))


def _spellings(char: str, escapes: str) -> list[bytes]:
    raw = [] if char < " " or char in '"\\' else [char.encode()]
    return raw + [text.encode() for text in escapes_of(char, escapes)]


@lru_cache(maxsize=1024)
def _behind(part: bytes, escapes: str) -> CharSet:
    """The characters that have a spelling which begins with `part`, a part of one."""
    if part[:1] != b"\\":
        size = 2 if part[0] < 0xE0 else 3 if part[0] < 0xF0 else 4
        low = part[0] & (0x7F >> size)
        for byte in part[1:]:
            low = low << 6 | byte & 0x3F
        bits = 6 * (size - len(part))
        return _valid(low << bits, ((low + 1) << bits) - 1, (0, 0, 0x80, 0x800, 0x10000)[size])
    if escapes == "minimal":
        some = [*map(chr, range(0x20)), '"', "\\"]
        return chars.of_text("".join(one for one in some if escapes_of(one, escapes)[0].encode().startswith(part)))
    if len(part) <= 1:
        return ANY
    first, second = part[2:6].decode(), part[8:12].decode()
    low, high = int(first.ljust(4, "0"), 16), int(first.ljust(4, "f"), 16)
    if len(first) < 4:
        pairs = _valid(_pair(max(low, 0xD800), 0xDC00), _pair(min(high, 0xDBFF), 0xDFFF)) if low < 0xDC00 and high >= 0xD800 else ()
        return chars.union(_valid(low, high), pairs)
    return _valid(_pair(low, max(int(second.ljust(4, "0"), 16), 0xDC00)), _pair(low, min(int(second.ljust(4, "f"), 16), 0xDFFF)))


def _valid(low: int, high: int, least: int = 0) -> CharSet:
    return chars.intersect(((max(low, least), high),), ANY)


def _pair(high: int, low: int) -> int:
    return 0x10000 + (high - 0xD800) * 0x400 + low - 0xDC00
