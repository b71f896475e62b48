"""What token tables are made from: the vocabulary seen from inside one leaf state, and the merging of what lies behind its exits."""

from __future__ import annotations

import numpy as np

from structgen.kernels.leaf import leaf_dist, leaf_far, leaf_flags, leaf_step
from structgen.kernels.linking import jit
from structgen.kernels.tables import *


@jit
def survey(h, g, steps, nodes, done, ids, exits, counts, low, high, out):
    """Walk the vocabulary inside leaf node g.

    Tokens that stay inside go to `ids`; trie nodes that come right after an end of the leaf go to `exits`, with the characters before them
    to `counts`. Where there is room in `low` and `high`: the characters that each of `ids` needs at least and may reach at most (a walk of
    each token by itself took 10 ms, with the trie it is 2). out[0], out[1]: how many of each. `steps`: a memo of `leaf_step` for the first
    nodes of the leaf, 256 cells each, 0 where it was not asked yet (a walk over 333k trie nodes takes a third of the time so). `nodes`,
    `done`: scratch by depth.
    """
    L = leaves_of(h)
    T = tokens_of(h)
    base = L.desc[L.block[g >> BLOCK] * 12 + BASE]
    nodes[0] = g - base
    done[0] = 0
    n_ids = 0
    n_exits = 0
    measured = low.shape[0] > 0
    last, size = T.size[SIZE_IDS] - 1, steps.shape[0]
    i = 0
    while i < T.size[SIZE_BYTE]:
        d = T.depth[i]
        at = 256 * nodes[d] + T.byte[i]
        r = np.int64(steps[at] if at < size else 0) - 2
        if r == -2:
            r = leaf_step(L, nodes[d] + base, np.int64(T.byte[i]))
            if r >= 0:
                r = 4 * ((r >> 1) - base) + 2 * (r & 1) + (leaf_flags(L, r >> 1) & 1)
            if at < size:
                steps[at] = r + 2
        if r < 0:
            i = T.end[i]
            continue
        nodes[d + 1] = r >> 2
        done[d + 1] = done[d] + (r >> 1 & 1)
        first, stop = T.first[i], T.first[i + 1]
        if measured and stop > first:
            here = base + (r >> 2)
            for j in range(first, stop):
                low[n_ids + j - first] = done[d + 1] + leaf_dist(L, here)
                high[n_ids + j - first] = min(done[d + 1] + leaf_far(L, here), NO_BOUND)
        ids[n_ids] = T.ids[min(first, last)]  # mostly one token or none: a loop would be mispredicted (4.1 ms against 1.8)
        n_ids += stop > first
        for j in range(first + 1, stop):
            ids[n_ids] = T.ids[j]
            n_ids += 1
        if r & 1:
            c = i + 1
            while c < T.end[i]:
                exits[n_exits] = c
                counts[n_exits] = done[d + 1]
                n_exits += 1
                c = T.end[c]
        i += 1
    out[0] = n_ids
    out[1] = n_exits


@jit
def pack(ids, row):
    """Set the bits of some tokens in a zeroed row."""
    for i in range(ids.shape[0]):
        row[ids[i] >> 5] |= np.uint32(1) << np.uint32(ids[i] & 31)


@jit
def merge(h, roots, byte, depth, end, first, tokens, group, frames, count, out):
    """Merge the subtrees of `roots` (trie nodes with one byte) into one trie, depths from 0; `first` holds offsets into `tokens`.

    `group` (every node of the subtrees), `frames` (int32[n, 3]) and `count` (int64[256]) are scratch. out[0], out[1]: nodes and
    tokens written.
    """
    T = tokens_of(h)
    n = 0
    m = 0
    used = roots.shape[0]
    for i in range(used):
        group[i] = roots[i]
    frames[0, 0] = 0
    frames[0, 1] = used
    frames[0, 2] = 0
    top = 1
    while top > 0:
        top -= 1
        a, z, d = frames[top, 0], frames[top, 1], frames[top, 2]
        byte[n] = T.byte[group[a]]
        depth[n] = d
        first[n] = m
        n += 1
        for b in range(256):
            count[b] = 0
        for i in range(a, z):
            x = group[i]
            for j in range(T.first[x], T.first[x + 1]):
                tokens[m] = T.ids[j]
                m += 1
            c = x + 1
            while c < T.end[x]:
                count[T.byte[c]] += 1
                c = T.end[c]
        at = used
        for b in range(255, -1, -1):  # the lowest byte on top of the stack, so that nodes come out in order
            if count[b]:
                frames[top, 0] = at
                frames[top, 1] = at + count[b]
                frames[top, 2] = d + 1
                top += 1
                size = count[b]
                count[b] = at
                at += size
        if at == used:
            continue
        for i in range(a, z):
            x = group[i]
            c = x + 1
            while c < T.end[x]:
                group[count[T.byte[c]]] = c
                count[T.byte[c]] += 1
                c = T.end[c]
        used = at
    first[n] = m
    close_subtrees(depth, end, n)
    out[0] = n
    out[1] = m


@jit
def close_subtrees(depth, end, n):
    """end[i]: the next node that is not deeper, or n. Open nodes are chained through `end`, the deepest first."""
    top = -1
    for i in range(n):
        while top >= 0 and depth[top] >= depth[i]:
            below = end[top]
            end[top] = i
            top = below
        end[i] = top
        top = i
    while top >= 0:
        below = end[top]
        end[top] = n
        top = below
