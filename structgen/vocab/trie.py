"""A byte trie, flattened depth first, as plain arrays.

    strings  b"a" (id 5), b"ab" (id 7), b"ac" (ids 2, 9), b"c" (id 1)

    node     0    1    2    3        one row a node, in the order of a depth-first walk, children sorted by byte
    byte     a    b    c    c
    depth    0    1    1    0        0 for a first byte
    end      3    2    3    4        the node after the subtree: a walk that dies at i goes on at end[i]
    tokens   5 | 7 | 2 9 | 1         ids by node: those of node i are tokens[first[i]:first[i + 1]]
    first    0 1 2 4 5               and those of the whole subtree are tokens[first[i]:first[end[i]]]

Not here: how a trie is walked beside an automaton (`kernels`). Empty strings are not in a trie.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Int32s = npt.NDArray[np.int32]


class Trie(NamedTuple):
    """N nodes and M ids. All arrays are C-contiguous and read-only.

    `root[b]` is the first node that has depth 0 and a byte >= b, so that root[b]:root[b + 1] is the subtree of the first byte b.
    """

    byte: npt.NDArray[np.uint8]  # uint8[N]
    depth: Int32s  # int32[N]
    end: Int32s  # int32[N]
    first: Int32s  # int32[N + 1]
    tokens: Int32s  # int32[M]
    root: Int32s  # int32[257]


def build_trie(strings: Sequence[bytes]) -> Trie:
    """The trie in which the id of a string is its index. Empty strings are left out; equal strings share a node, their ids ascend."""
    places = [i for i, string in enumerate(strings) if string]
    places.sort(key=strings.__getitem__)  # stable, so that ids of equal strings ascend
    return _sorted_trie([strings[i] for i in places], np.array(places, np.int64))


def trie_of(strings: Iterable[bytes]) -> Trie:
    """The trie of a set of strings, whose ids are all 0: half the work. Empty strings are left out."""
    ordered = sorted(filter(None, strings))
    return _sorted_trie(ordered, np.zeros(len(ordered), np.int64))


def _sorted_trie(strings: Sequence[bytes], tokens: npt.NDArray[np.int64]) -> Trie:
    """The trie of sorted strings, none of them empty, and their ids."""
    data = np.frombuffer(b"".join(strings), np.uint8)
    length = np.fromiter(map(len, strings), np.int64, len(strings))
    offset = np.cumsum(length) - length
    shared = _shared_prefixes(data, offset, length)

    fresh = length - shared  # nodes that each string adds; none for a repeated string
    total = int(fresh.sum())
    start = np.cumsum(fresh) - fresh
    within = np.arange(total, dtype=np.int64) - np.repeat(start, fresh)
    depth = np.repeat(shared, fresh) + within
    byte = data[np.repeat(offset, fresh) + depth]

    # A string ends at the last node made so far: a sorted string is never a proper prefix of the one before.
    count = np.bincount(start + fresh - 1, minlength=total) if total else np.zeros(0, np.int64)
    first = np.concatenate([np.zeros(1, np.int64), np.cumsum(count)])
    tops = np.flatnonzero(depth == 0)
    bounds = np.append(tops, total)
    root = bounds[np.searchsorted(byte[tops], np.arange(257))]
    return Trie(
        byte=_frozen(byte, np.uint8),
        depth=_frozen(depth, np.int32),
        end=_frozen(_subtree_ends(depth), np.int32),
        first=_frozen(first, np.int32),
        tokens=_frozen(tokens, np.int32),
        root=_frozen(root, np.int32),
    )


def _shared_prefixes(data: npt.NDArray[np.uint8], offset: npt.NDArray[np.int64], length: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """For each of the sorted strings, how many leading bytes it shares with the one before (0 for the first)."""
    shared = np.zeros(len(length), np.int64)
    limit = np.minimum(length[1:], length[:-1])
    alive = np.arange(1, len(length))  # strings that agree with their neighbour so far
    depth = 0
    while alive.size:
        alive = alive[limit[alive - 1] > depth]
        alive = alive[data[offset[alive] + depth] == data[offset[alive - 1] + depth]]
        shared[alive] += 1
        depth += 1
    return shared


def _subtree_ends(depth: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """For each node, the next one that is not deeper, or N: level by level, the next on the level or the end of the parent."""
    total = len(depth)
    end = np.full(total, total, np.int64)
    order = np.argsort(depth, kind="stable")
    levels = np.split(order, np.cumsum(np.bincount(depth))[:-1]) if total else []
    above = np.zeros(0, np.int64)
    for level in levels:
        end[level[:-1]] = level[1:]
        if above.size:
            parent = above[np.searchsorted(above, level) - 1]
            end[level] = np.minimum(end[level], end[parent])
        above = level
    return end


def _frozen(array: npt.ArrayLike, dtype: type[np.generic]) -> npt.NDArray[Any]:
    out = np.array(array, dtype=dtype, order="C")
    out.setflags(write=False)
    return out
