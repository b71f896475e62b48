"""Sets of characters, and the alphabets that automata over characters share.

A character set is a tuple of pairs `(low, high)` of code points, both included, sorted, disjoint and not adjacent: `((48, 57), (97, 122))`.
Surrogates (U+D800..U+DFFF) are in no set: texts are strings of Unicode scalar values.

An `Alphabet` cuts the code points 0..0x10FFFF into intervals and gives each interval a class 0..size-1; automata have one column per class.
Classes are numbered by their first occurrence and adjacent intervals differ, so equal cuts compare equal.

Not here: what the class escapes of a notation mean (`frontends/regex/unicode.py`).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final, TypeVar

_Label = TypeVar("_Label")

CharSet = tuple[tuple[int, int], ...]

LAST: Final = 0x10FFFF
"""The largest code point."""

ANY: Final[CharSet] = ((0, 0xD7FF), (0xE000, LAST))
"""Every Unicode scalar value."""

NONE: Final[CharSet] = ()
"""No character."""


def normal(ranges: Iterable[tuple[int, int]]) -> CharSet:
    """The character set of these ranges (both ends included, any order, overlaps allowed, cut to 0..0x10FFFF), without surrogates."""
    merged: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        low, high = max(low, 0), min(high, LAST)  # noqa: PLW2901
        if low > high:
            continue
        if merged and low <= merged[-1][1] + 1:
            if high > merged[-1][1]:
                merged[-1] = (merged[-1][0], high)
        else:
            merged.append((low, high))
    if not any(low <= 0xDFFF and high >= 0xD800 for low, high in merged):
        return tuple(merged)
    kept: list[tuple[int, int]] = []
    for low, high in merged:
        if low < 0xD800:
            kept.append((low, min(high, 0xD7FF)))
        if high > 0xDFFF:
            kept.append((max(low, 0xE000), high))
    return tuple(kept)


def of_text(text: str) -> CharSet:
    """The set of the characters of `text`."""
    return normal((ord(c), ord(c)) for c in text)


def union(*sets: CharSet) -> CharSet:
    """The characters in any of the sets."""
    return normal(pair for one in sets for pair in one)


def negate(chars: CharSet) -> CharSet:
    """The scalar values that are not in the set."""
    gaps: list[tuple[int, int]] = []
    at = 0
    for low, high in chars:
        if at < low:
            gaps.append((at, low - 1))
        at = high + 1
    if at <= LAST:
        gaps.append((at, LAST))
    return normal(gaps)


def intersect(a: CharSet, b: CharSet) -> CharSet:
    """The characters in both sets."""
    out: list[tuple[int, int]] = []
    i = j = 0
    while i < len(a) and j < len(b):
        low, high = max(a[i][0], b[j][0]), min(a[i][1], b[j][1])
        if low <= high:
            out.append((low, high))
        if a[i][1] < b[j][1]:
            i += 1
        else:
            j += 1
    return tuple(out)


def subtract(a: CharSet, b: CharSet) -> CharSet:
    """The characters of `a` that are not in `b`."""
    return intersect(a, negate(b))


def contains(chars: CharSet, code: int) -> bool:
    """Whether the code point is in the set."""
    i = bisect_right(chars, (code, LAST + 1)) - 1
    return i >= 0 and chars[i][0] <= code <= chars[i][1]


def size(chars: CharSet) -> int:
    """How many characters the set has."""
    return sum(high - low + 1 for low, high in chars)


class Alphabet:
    """A cut of the code points into classes. Immutable.

    bounds: int[K]   interval k is [bounds[k], bounds[k+1]), the last one ends at 0x110000; bounds[0] == 0
    classes: int[K]  the class of interval k, numbered 0..size-1 by first occurrence
    """

    __slots__ = ("_hash", "bounds", "classes", "size")

    def __init__(self, bounds: tuple[int, ...], classes: tuple[int, ...]) -> None:
        self.bounds, self.classes = bounds, classes
        self.size = max(classes) + 1
        self._hash = hash((bounds, classes))

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        return isinstance(other, Alphabet) and self._hash == other._hash and self.bounds == other.bounds and self.classes == other.classes

    def class_of(self, code: int) -> int:
        """The class of a code point."""
        return self.classes[bisect_right(self.bounds, code) - 1]

    def chars_of(self, wanted: Sequence[int]) -> list[CharSet]:
        """For each class in `wanted`, its characters (without surrogates)."""
        found: dict[int, list[tuple[int, int]]] = {c: [] for c in wanted}
        ends = (*self.bounds[1:], LAST + 1)
        for low, end, cls in zip(self.bounds, ends, self.classes, strict=True):
            if cls in found:
                found[cls].append((low, end - 1))
        return [normal(found[c]) for c in wanted]

    def __repr__(self) -> str:
        return f"Alphabet({self.size} classes, {len(self.bounds)} intervals)"


ONE_CLASS: Final = Alphabet((0,), (0,))
"""The alphabet that tells no characters apart."""


def cut(bounds: Iterable[int], labels: Iterable[_Label]) -> tuple[Alphabet, list[_Label]]:
    """The alphabet of labelled intervals: equal labels are one class. Returns it with the label of each class."""
    number: dict[_Label, int] = {}
    kept_bounds: list[int] = []
    kept: list[int] = []
    last = -1
    for bound, label in zip(bounds, labels, strict=True):
        cls = number.setdefault(label, len(number))
        if cls != last:
            kept_bounds.append(bound)
            kept.append(cls)
            last = cls
    return Alphabet(tuple(kept_bounds), tuple(kept)), list(number)


@lru_cache(maxsize=512)
def partition(sets: tuple[CharSet, ...]) -> tuple[Alphabet, tuple[int, ...]]:
    """The coarsest alphabet that tells the sets apart, and for each class a bit mask: bit i is set where the class lies in `sets[i]`."""
    events: dict[int, int] = {0: 0}
    for i, chars in enumerate(sets):
        bit = 1 << i
        for low, high in chars:
            events[low] = events.get(low, 0) ^ bit
            events[high + 1] = events.get(high + 1, 0) ^ bit
    events.pop(LAST + 1, None)
    bounds = sorted(events)
    masks: list[int] = []
    active = 0
    for bound in bounds:
        active ^= events[bound]
        masks.append(active)
    alphabet, labels = cut(bounds, masks)
    return alphabet, tuple(labels)


@lru_cache(maxsize=512)
def align(a: Alphabet, b: Alphabet) -> tuple[Alphabet, tuple[int, ...], tuple[int, ...]]:
    """The coarsest common refinement, and for each of its classes the class in `a` and the class in `b`."""
    if a == b:
        same = tuple(range(a.size))
        return a, same, same
    bounds: list[int] = []
    pairs: list[tuple[int, int]] = []
    i = j = 0
    at = 0
    while True:
        bounds.append(at)
        pairs.append((a.classes[i], b.classes[j]))
        next_a = a.bounds[i + 1] if i + 1 < len(a.bounds) else LAST + 1
        next_b = b.bounds[j + 1] if j + 1 < len(b.bounds) else LAST + 1
        at = min(next_a, next_b)
        if at > LAST:
            break
        i += next_a == at
        j += next_b == at
    alphabet, labels = cut(bounds, pairs)
    return alphabet, tuple(p[0] for p in labels), tuple(p[1] for p in labels)


@lru_cache(maxsize=512)
def coarsen(alphabet: Alphabet, groups: tuple[int, ...]) -> tuple[Alphabet, tuple[int, ...]]:
    """The alphabet in which classes with equal `groups[class]` are one, and for each new class one old class."""
    merged, labels = cut(alphabet.bounds, [groups[c] for c in alphabet.classes])
    return merged, tuple(groups.index(label) for label in labels)
