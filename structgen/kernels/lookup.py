"""The index of token tables: a hash table of (kind, a, b) that is read while it is written."""

from __future__ import annotations

import numpy as np

from structgen.kernels.linking import jit

OF_LEAF, OF_COUNTS, OF_MERGE = np.int64(0), np.int64(1), np.int64(2)
"""What is looked up: the table of a leaf node, a row of a counted table, a merged trie."""


@jit
def key_of(kind, a, b):
    """One int64 for (kind, a, b); a and b are below 1 << 30."""
    return (kind << 60) | (a << 30) | b


@jit
def slot(index, key):
    """Where the hash table holds `key`, or the free cell for it. index[0] is the number of cells; cell i is index[2 i] (key, -1:
    free) and index[2 i + 1]."""
    mask = index[0] - 1
    h = (key ^ (key >> 29)) & 0x7FFFFFFF
    h = (h * 0x5BD1E995) & 0x7FFFFFFF
    p = ((h ^ (h >> 15)) & mask) + 1
    while index[2 * p] >= 0 and index[2 * p] != key:
        p = (p & mask) + 1
    return p


@jit
def look_up(K, kind, a, b):
    """The value of (kind, a, b), or -1."""
    key = key_of(kind, a, b)
    p = slot(K.index, key)
    return K.index[2 * p + 1] if K.index[2 * p] == key else -1


@jit
def find(index, key):
    """The value of a key, or -1."""
    p = slot(index, key)
    return index[2 * p + 1] if index[2 * p] == key else -1


@jit
def enter(index, keys, values):
    """Enter pairs into a hash table with room for them. The value is written first: other threads may be reading."""
    for i in range(keys.shape[0]):
        if keys[i] >= 0:
            p = slot(index, keys[i])
            index[2 * p + 1] = values[i]
            index[2 * p] = keys[i]
