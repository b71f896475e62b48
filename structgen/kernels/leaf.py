"""One step inside a leaf automaton, and what is known of its states. `L` is `tables.Leaves`, `g` a node of the pool, `b` a byte."""

from __future__ import annotations

import numpy as np

from structgen.kernels.linking import jit
from structgen.kernels.tables import *


@jit
def leaf_step(L, g, b):
    """The next leaf node times two, plus one where a character of the text is complete; -1 if there is none."""
    d = L.block[g >> BLOCK] * 12
    base = L.desc[d + BASE]
    shift = L.desc[d + SHIFT]
    local = g - base
    q = local >> shift
    e = local & ((1 << shift) - 1)
    x = L.enc[L.desc[d + ENC] + e * L.desc[d + CLASSES] + L.cls[L.desc[d + CLS] + b]]
    if x == -1:
        return -1
    if x >= 0:
        local = (q << shift) + x
        return (base + local) * 2 if L.live[L.desc[d + LIVE] + local] else -1
    q = L.table[L.desc[d + TABLE] + q * L.desc[d + CHARS] - 2 - x]
    if q < 0:
        return -1
    return (base + (q << shift)) * 2 + (1 if -2 - x >= L.desc[d + STRUCT] else 0)


@jit
def leaf_flags(L, g):
    """1 accepting | 2 goes on | 4 goes on by a structural character; 2 inside the spelling of a character."""
    d = L.block[g >> BLOCK] * 12
    local = g - L.desc[d + BASE]
    shift = L.desc[d + SHIFT]
    if local & ((1 << shift) - 1):
        return 2
    return np.int64(L.acc[L.desc[d + ACC] + (local >> shift)])


@jit
def leaf_dist(L, g):
    """The fewest characters from leaf node g to an end."""
    d = L.block[g >> BLOCK] * 12
    return L.dist[L.desc[d + LIVE] + g - L.desc[d + BASE]]


@jit
def leaf_far(L, g):
    """The most characters from leaf node g to an end, or NO_BOUND."""
    d = L.block[g >> BLOCK] * 12
    return L.far[L.desc[d + LIVE] + g - L.desc[d + BASE]]


@jit
def leaf_bits(L, g, k):
    """Word k of the 256 bits of bytes that may follow."""
    d = L.block[g >> BLOCK] * 12
    local = g - L.desc[d + BASE]
    shift = L.desc[d + SHIFT]
    e = local & ((1 << shift) - 1)
    if e:
        return L.inner[L.desc[d + INNER] + 4 * e + k]
    return L.first[L.desc[d + FIRST] + 4 * (local >> shift) + k]
