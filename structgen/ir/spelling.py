"""How characters become bytes: small automata that read the spelling of one character and say which class it is in.

A `Spelling` belongs to an alphabet (the classes of one or more `CharDFA`s) and an encoding. Its nodes are places inside a character;
node 0 is between characters. The nodes are hash-consed, so that the thousands of code points of one class share theirs.

In a JSON string class 0 is the quotation mark, the others are the alphabet's plus one.

Most alphabets differ in ASCII alone. So the nodes that spell no ASCII character are made once for all alphabets with the same cut beyond
it (`_Frame`), and a spelling adds the root and a dozen nodes of `\\u00..` to them (0.3 ms, where all nodes took 2.7).

Not here: where characters lead (`CharDFA`), how both are run together (`leaves`).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import chain, pairwise
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from structgen.ir.chars import Alphabet
from structgen.ir.encoding import BYTES, Encoding

Edges = tuple[tuple[int, int], ...]
"""Pairs (byte, target), sorted. A target > 0 is a node, below -1 it is -2 - class; -1 is none."""

SHORT: Final = {0x22: '"', 0x5C: "\\", 0x08: "b", 0x0C: "f", 0x0A: "n", 0x0D: "r", 0x09: "t"}
"""Code points with a short JSON escape that some text needs; `/` has one too, which none needs."""

_NONE: Final = np.empty(0, np.int64)
_RAW: Final = [byte for byte in range(0x20, 0x80) if byte not in (0x22, 0x5C)]  # of ASCII, what stands for itself in a JSON string


class Spelling(NamedTuple):
    """The class of surrogates leads nowhere.

    cls: uint8[256]         byte classes
    enc: int32[E, B]        the next node, -1, or -2 - class
    below: int64[E - 1]     for the nodes but the root, the group of classes below them
    reach: int64[...]       the classes by group ...
    starts: int64[R]        ... and where each group begins
    structural: int         how many leading classes are no characters of the text
    inner: uint64[E, 4]     the bytes that may follow inside
    """

    cls: npt.NDArray[np.uint8]
    enc: npt.NDArray[np.int32]
    below: npt.NDArray[np.int64]
    reach: npt.NDArray[np.int64]
    starts: npt.NDArray[np.int64]
    structural: int
    inner: npt.NDArray[np.uint64]

    @property
    def shift(self) -> int:
        """How many bits the number of a node takes."""
        return (len(self.enc) - 1).bit_length()


class _Nodes:
    """Hash-conses nodes, children first. They are numbered from 1: node 0 is the root."""

    def __init__(self, ids: dict[Edges, int]) -> None:
        self.ids = ids

    def node(self, edges: Iterable[tuple[int, int]]) -> int:
        """The node with these edges; -1 where none leads anywhere."""
        key = tuple(sorted([edge for edge in edges if edge[1] != -1]))
        return self.ids.setdefault(key, len(self.ids) + 1) if key else -1

    def hex(self, targets: Sequence[int], letters: bytes = b"abcdefABCDEF") -> int:
        """The node that reads a hexadecimal digit, sixteen targets."""
        edges = [(0x30 + i, targets[i]) for i in range(10)]
        return self.node([*edges, *((b, targets[10 + i % 6]) for i, b in enumerate(letters))])


class _Frame(_Nodes):
    """The nodes of characters beyond ASCII, their classes numbered by first occurrence. `intervals`: where they begin and lead.

    `high`: the edges of the root for bytes from 0x80 on; `escapes`: for the escapes \\u0..., \\u00.. and \\u000., the targets of the next
    digit where what follows is beyond ASCII; `columns`, `table`: the nodes as rows over classes of bytes; `below`: bit sets of classes.
    """

    def __init__(self, intervals: tuple[tuple[int, int], ...], escaped: bool) -> None:
        super().__init__({})
        self.bounds, self.targets = [low for low, _ in intervals], [target for _, target in intervals]
        self.uniform: dict[tuple[str, int, int], int] = {}
        edges = [(b, self.tails(1, b & 0x1F, 0x80)) for b in range(0xC2, 0xE0)]
        edges += [(b, self.tails(2, b & 0x0F, 0x800)) for b in range(0xE0, 0xF0)]
        edges += [(b, self.tails(3, b & 0x07, 0x10000)) for b in range(0xF0, 0xF5)]
        self.high = [edge for edge in edges if edge[1] != -1]
        self.escapes = [[self.digits(level, i) for i in range(first, 16)] for level, first in ((3, 1), (2, 1), (1, 8))] if escaped else []
        rows = [_row(edges) for edges in self.ids]
        number: dict[tuple[int, ...], int] = {}
        self.columns = [number.setdefault(column, len(number)) for column in zip(*rows, strict=True)] if rows else [0] * 256
        self.table = np.array(list(number), np.int32).T if rows else np.zeros((0, 1), np.int32)
        self.below = _below(self.ids, [0])

    def leaf(self, code: int) -> int:
        """The target for a complete code point."""
        return self.targets[bisect_right(self.bounds, code) - 1]

    def same_class(self, low: int, high: int) -> int | None:
        """The target that all code points of low..high share, if they do."""
        at = bisect_right(self.bounds, low)
        return self.targets[at - 1] if at >= len(self.bounds) or self.bounds[at] > high else None

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
        return self.node([(0x80 + i, self.tails(level - 1, (base << 6) + i, least)) for i in range(64)])

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
        if key is None:
            return self.hex([self.digits(level - 1, (base << 4) + i) for i in range(16)])
        if key not in self.uniform:
            self.uniform[key] = self.hex([self.digits(level - 1, base << 4)] * 16)
        return self.uniform[key]

    def low_half(self, high: int) -> int:
        """The node that reads the second escape of a surrogate pair."""
        base = 0x10000 + (high - 0xD800) * 0x400
        same = self.same_class(base, base + 0x3FF)
        key = ("pair", 0, same) if same is not None else None
        if key is not None and key in self.uniform:
            return self.uniform[key]

        def low_digits(level: int, at: int) -> int:  # `at`: the digits so far, after "d"
            low = base + (at << 4 * level) - 0xC00
            same = self.same_class(low, low + (1 << 4 * level) - 1)
            if same is None:
                return self.hex([low_digits(level - 1, (at << 4) + i) for i in range(16)])
            for _ in range(level):
                same = self.hex([same] * 16)
            return same

        made = self.hex([-1] * 12 + [low_digits(2, 0xC + i) for i in range(4)])
        for byte in (b"dD", b"u", b"\\"):
            made = self.node([(b, made) for b in byte])
        if key is not None:
            self.uniform[key] = made
        return made


@lru_cache(maxsize=64)
def _frame(intervals: tuple[tuple[int, int], ...], escaped: bool) -> _Frame:
    return _Frame(intervals, escaped)


def _row(edges: Iterable[tuple[int, int]]) -> list[int]:
    row = [-1] * 256
    for byte, target in edges:
        row[byte] = target
    return row


def _below(nodes: Iterable[Edges], below: list[int]) -> list[int]:
    """Appends, for each node, the bit set of the classes below it."""
    for edges in nodes:
        found = 0
        for target in {target for _, target in edges}:
            found |= below[target] if target >= 0 else 1 << (-2 - target)
        below.append(found)
    return below


def _escape(nodes: _Nodes, ascii_: list[int], frame: _Frame, policy: str) -> int:
    """The node after a backslash. `ascii_`: the targets of the ASCII characters."""
    edges = [(ord(short), ascii_[code]) for code, short in SHORT.items()]
    if policy == "any":
        first, second, third = frame.escapes
        low = [nodes.hex(ascii_[16 * i : 16 * i + 16]) for i in range(8)]
        made = nodes.hex([nodes.hex([nodes.hex([*low, *third]), *second]), *first])
        return nodes.node([*edges, (ord("/"), ascii_[ord("/")]), (ord("u"), made)])
    rest = [[-1 if code in SHORT else ascii_[code] for code in range(i, i + 16)] for i in (0, 16)]
    made = nodes.node([(ord("01"[i]), nodes.hex(rest[i], b"abcdef")) for i in (0, 1)])
    for _ in range(2):
        made = nodes.node([(ord("0"), made)])
    return nodes.node([*edges, (ord("u"), made)])


@lru_cache(maxsize=256)
def spelling(alphabet: Alphabet, encoding: Encoding) -> Spelling:
    """The spelling automaton of an alphabet. Cached: many languages cut the characters alike."""
    structural, escapes = int(encoding.is_quoted), encoding.escapes
    dead = alphabet.class_of(0xD800)
    if encoding is BYTES or (escapes is None and alphabet.bounds[-1] <= 0x80 and alphabet.classes[-1] == dead):
        return _bytewise(alphabet, dead)
    symbols: dict[int, int] = {}  # class -> its number within the frame, or behind those

    def targets(start: int, end: int) -> Iterator[tuple[int, int]]:
        """Where intervals begin between two code points, and where their characters lead."""
        at = bisect_right(alphabet.bounds, start) - 1
        for low, c in zip(alphabet.bounds[at:], alphabet.classes[at:], strict=True):
            if low >= end:
                break
            yield max(low, start), -1 if c == dead else -2 - symbols.setdefault(c + structural, len(symbols))

    frame = _frame(tuple(targets(0x80, 0x110000)), escapes == "any")
    ascii_: list[int] = []
    for (start, target), (end, _) in pairwise([*targets(0, 0x80), (0x80, -1)]):
        ascii_ += [target] * (end - start)
    nodes = _Nodes(dict(frame.ids))
    if escapes is not None:
        root = [(b, ascii_[b]) for b in _RAW] + [(0x5C, _escape(nodes, ascii_, frame, escapes))] + frame.high
        if structural:
            root.append((0x22, -2 - symbols.setdefault(0, len(symbols))))
    else:
        root = [*enumerate(ascii_), *frame.high]
    return _spelling(frame, root, list(nodes.ids)[len(frame.ids) :], list(symbols), structural)


def _bytewise(alphabet: Alphabet, dead: int) -> Spelling:
    """The spelling where each character is one byte, and the classes of bytes are those of characters."""
    begins = [bound for bound in alphabet.bounds if bound < 0x100]
    cls = np.repeat(np.array(alphabet.classes[: len(begins)], np.uint8), np.diff([*begins, 0x100]))
    enc = np.arange(-2, -3 - max(alphabet.classes[: len(begins)]), -1, dtype=np.int32)
    if dead < len(enc):
        enc[dead] = -1
    return Spelling(cls, enc.reshape(1, -1), _NONE, _NONE, _NONE, 0, np.zeros((1, 4), np.uint64))


def _spelling(frame: _Frame, root: list[tuple[int, int]], own: list[Edges], symbols: list[int], structural: int) -> Spelling:
    """The arrays of a root, the nodes of a frame and some more. `symbols`: the classes by their numbers in the edges."""
    columns = list(zip(frame.columns, _row(root), *map(_row, own), strict=True))
    number = {column: i for i, column in enumerate(dict.fromkeys(columns))}
    cls = np.array([*map(number.__getitem__, columns)], np.uint8)
    rows = np.array(list(number), np.int32).T
    enc = np.concatenate([rows[1:2], np.take(frame.table, rows[0], axis=1), rows[2:]])
    enc = np.where(enc < -1, np.array([-2 - c for c in symbols] or [-1], np.int32)[np.maximum(-2 - enc, 0)], enc)
    groups: dict[int, int] = {}
    below = [groups.setdefault(mask, len(groups)) for mask in _below(own, frame.below.copy())[1:]]
    reach = [[c for i, c in enumerate(symbols) if mask >> i & 1] for mask in groups]
    starts = np.cumsum([0, *map(len, reach[:-1])])
    inner = np.packbits(np.take(enc, cls, axis=1) != -1, axis=1, bitorder="little").view(np.uint64)
    return Spelling(cls, enc, np.array(below, np.int64), np.array([*chain(*reach)], np.int64), starts, structural, inner)
