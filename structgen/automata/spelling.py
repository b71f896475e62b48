"""How characters become bytes: small automata that read the spelling of one character and say which class it is in.

A `Spelling` belongs to an alphabet (the classes of one or more `CharDFA`s) and an encoding. Its nodes are places inside a character;
node 0 is between characters. The nodes are hash-consed, so that the thousands of code points of one class share theirs.

    encoding      what stands for a text
    "bytes"       a byte for each code point 0..255
    "utf8"        UTF-8
    "json"        a JSON string with its quotation marks: class 0 is the mark, the others are the alphabet's plus one
    "json-inner"  the inside of a JSON string

Not here: where characters lead (`CharDFA`), how both are run together (`leaves`).
"""

from __future__ import annotations

from bisect import bisect_right
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from structgen.ir.chars import Alphabet

Edges = tuple[tuple[int, int], ...]
"""Pairs (byte, target), sorted. A target >= 0 is a node, below it is -2 - class."""

SHORT: Final = {0x22: '"', 0x5C: "\\", 0x08: "b", 0x0C: "f", 0x0A: "n", 0x0D: "r", 0x09: "t"}
"""Code points with a short JSON escape that some text needs; `/` has one too, which none needs."""


class Spelling(NamedTuple):
    """`cls`: uint8[256] byte classes; `enc`: int32[E, B] next node, -1, or -2 - class; `reach`: bool[E, C] classes below a node;
    `structural`: leading classes that are no characters of the text; `inner`: uint64[E, 4] the bytes that may follow inside."""

    cls: npt.NDArray[np.uint8]
    enc: npt.NDArray[np.int32]
    reach: npt.NDArray[np.bool_]
    structural: int
    inner: npt.NDArray[np.uint64]


class _Builder:
    """Hash-conses nodes: children first, the root last."""

    def __init__(self, alphabet: Alphabet, shift: int) -> None:
        self.alphabet, self.shift = alphabet, shift
        self.ids: dict[Edges, int] = {}
        self.uniform: dict[tuple[str, int, int], int] = {}
        self.starts, self.classes = alphabet.bounds, alphabet.classes

    def leaf(self, code: int) -> int:
        """The target for a complete code point."""
        return -2 - self.alphabet.class_of(code) - self.shift

    def same_class(self, low: int, high: int) -> int | None:
        """The target that all code points of low..high share, if they do."""
        first = self.alphabet.class_of(low)
        bounds = self.starts
        at = bisect_right(bounds, low)
        return -2 - first - self.shift if at >= len(bounds) or bounds[at] > high else None

    def node(self, edges: list[tuple[int, int]]) -> int:
        """The node with these edges; -1 for none."""
        if not edges:
            return -1
        key = tuple(sorted(edges))
        return self.ids.setdefault(key, len(self.ids))

    def tails(self, level: int, base: int, least: int) -> int:
        """UTF-8: the node that reads `level` continuation bytes of the code points base << 6 level ..., not below `least`."""
        low, high = base << (6 * level), ((base + 1) << (6 * level)) - 1
        if low > 0x10FFFF or high < least:
            return -1
        same = self.same_class(low, high) if low >= least and high <= 0x10FFFF else None
        if same is not None:
            key = ("utf8", level, same)
            if key not in self.uniform:
                below = same if level == 1 else self.tails(level - 1, base << 6, least)
                self.uniform[key] = self.node([(0x80 + i, below) for i in range(64)])
            return self.uniform[key]
        if level == 1:
            return self.node([(0x80 + i, self.leaf((base << 6) + i)) for i in range(64)])
        below_all = [(0x80 + i, self.tails(level - 1, (base << 6) + i, least)) for i in range(64)]
        return self.node([(b, x) for b, x in below_all if x != -1])

    def utf8(self, skip: frozenset[int] = frozenset()) -> list[tuple[int, int]]:
        """The edges of a character in UTF-8; `skip`: ASCII characters left out."""
        edges = [(b, self.leaf(b)) for b in range(0x80) if b not in skip]
        edges += [(b, self.tails(1, b & 0x1F, 0x80)) for b in range(0xC2, 0xE0)]
        edges += [(b, self.tails(2, b & 0x0F, 0x800)) for b in range(0xE0, 0xF0)]
        edges += [(b, self.tails(3, b & 0x07, 0x10000)) for b in range(0xF0, 0xF5)]
        return [(b, x) for b, x in edges if x != -1]

    def hex_edges(self, targets: list[int]) -> list[tuple[int, int]]:
        """Edges for hexadecimal digits of either case to sixteen targets (-1: none)."""
        edges = [(b"0123456789abcdef"[i], x) for i, x in enumerate(targets) if x != -1]
        return edges + [(b"ABCDEF"[i - 10], x) for i, x in enumerate(targets) if i >= 10 and x != -1]

    def digits(self, level: int, base: int) -> int:
        """The node that reads `level` more hexadecimal digits of a \\u escape; surrogates only as pairs."""
        low, high = base << (4 * level), ((base + 1) << (4 * level)) - 1
        if level == 0:
            if 0xD800 <= low < 0xDC00:
                return self.low_half(low)
            return -1 if 0xDC00 <= low < 0xE000 else self.leaf(low)
        if low >= 0xDC00 and high < 0xE000:
            return -1
        surrogates = low <= 0xDFFF and high >= 0xD800
        same = None if surrogates else self.same_class(low, high)
        key: tuple[str, int, int] | None = ("hex", level, same) if same is not None else None
        if key is None and low >= 0xD800 and high < 0xDC00:
            same = self.same_class(0x10000 + (low - 0xD800) * 0x400, 0x10000 + (high - 0xD800 + 1) * 0x400 - 1)
            key = ("half", level, same) if same is not None else None
        if key is not None and key in self.uniform:
            return self.uniform[key]
        if key is not None:
            made = self.node(self.hex_edges([self.digits(level - 1, base << 4)] * 16))
            self.uniform[key] = made
            return made
        return self.node(self.hex_edges([self.digits(level - 1, (base << 4) + i) for i in range(16)]))

    def low_half(self, high: int) -> int:
        """The node that reads the second escape of a surrogate pair."""
        base = 0x10000 + (high - 0xD800) * 0x400
        same = self.same_class(base, base + 0x3FF)
        key = ("pair", 0, same) if same is not None else None
        if key is not None and key in self.uniform:
            return self.uniform[key]

        def low_digits(level: int, at: int) -> int:  # `at`: the digits so far, after "d"
            if level == 0:
                return self.leaf(base + at - 0xC00)
            if same is not None:
                return self.node(self.hex_edges([low_digits(level - 1, at << 4)] * 16))
            return self.node(self.hex_edges([low_digits(level - 1, (at << 4) + i) for i in range(16)]))

        second = self.node(self.hex_edges([-1] * 12 + [low_digits(2, 0xC + i) for i in range(4)]))
        made = second
        for byte in (b"dD", b"u", b"\\"):
            made = self.node([(b, made) for b in byte])
        if key is not None:
            self.uniform[key] = made
        return made

    def escape(self, policy: str) -> int:
        """The node after a backslash."""
        edges = [(ord(short), self.leaf(code)) for code, short in SHORT.items()]
        if policy == "any":
            edges += [(ord("/"), self.leaf(ord("/"))), (ord("u"), self.digits(4, 0))]
        else:
            rest = [[self.leaf(16 * high + i) if 16 * high + i not in SHORT else -1 for i in range(16)] for high in (0, 1)]
            made = self.node([(ord("01"[high]), self.node(self._lower(rest[high]))) for high in (0, 1)])
            for _ in range(2):
                made = self.node([(ord("0"), made)])
            edges.append((ord("u"), made))
        return self.node(edges)

    def _lower(self, targets: list[int]) -> list[tuple[int, int]]:
        return [(b, x) for b, x in self.hex_edges(targets) if not chr(b).isupper()]


@lru_cache(maxsize=1024)
def spelling(alphabet: Alphabet, encoding: str, escapes: str) -> Spelling:
    """The spelling automaton of an alphabet. Cached: many languages cut the characters alike."""
    structural = 1 if encoding == "json" else 0
    build = _Builder(alphabet, structural)
    if encoding == "bytes":
        edges = [(b, build.leaf(b)) for b in range(256)]
    elif encoding == "utf8":
        edges = build.utf8()
    else:
        edges = build.utf8(skip=frozenset((*range(0x20), 0x22, 0x5C)))
        edges.append((0x5C, build.escape(escapes)))
        if structural:
            edges.append((0x22, -2))
    inner_nodes = list(build.ids)  # children first; the root comes to the front
    nodes: list[Edges] = [tuple(sorted(edges)), *inner_nodes]
    rows: list[list[int]] = []
    below: list[int] = [0] * len(nodes)  # bit sets of classes
    for i in [*range(1, len(nodes)), 0]:
        row = [-1] * 256
        for byte, target in nodes[i]:
            if target >= 0:
                row[byte] = target + 1
                below[i] |= below[target + 1]
            else:
                row[byte] = target
                below[i] |= 1 << (-2 - target)
        rows.append(row)
    columns = list(zip(rows[-1], *rows[:-1], strict=True))
    number: dict[tuple[int, ...], int] = {}
    cls = np.array([number.setdefault(column, len(number)) for column in columns], np.uint8)
    enc = np.ascontiguousarray(np.array(list(number), np.int32).T)
    classes = alphabet.size + structural
    reach = np.array([[mask >> c & 1 for c in range(classes)] for mask in below], np.bool_)
    inner = np.packbits(np.ascontiguousarray(enc[:, cls] != -1), axis=1, bitorder="little").view(np.uint64)
    return Spelling(cls, enc, reach, structural, inner)
