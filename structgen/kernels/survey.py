"""What token tables are made from: the vocabulary seen from inside one leaf state, and the merging of what lies behind its exits."""

from __future__ import annotations

import numpy as np

from structgen.kernels.arena import jit
from structgen.kernels.leaf import leaf_dist, leaf_far, leaf_flags, leaf_step
from structgen.kernels.tables import *


@jit
def survey(h, g, nodes, done, ids, low, high, exits, counts, out):
    """Walk the vocabulary inside leaf node g.

    Tokens that stay inside go to `ids`, with the characters they need at least (`low`) and may reach at most (`high`); trie nodes that
    come right after an end of the leaf go to `exits`, with the characters before them. out[0], out[1]: how many of each.
    `nodes`, `done`: scratch by depth.
    """
    L = leaves_of(h)
    T = tokens_of(h)
    nodes[0] = g
    done[0] = 0
    n_ids = 0
    n_exits = 0
    i = 0
    while i < T.size[SIZE_BYTE]:
        d = T.depth[i]
        r = leaf_step(L, nodes[d], np.int64(T.byte[i]))
        if r < 0:
            i = T.end[i]
            continue
        nodes[d + 1] = r >> 1
        done[d + 1] = done[d] + (r & 1)
        if T.first[i] < T.first[i + 1]:
            near = done[d + 1] + leaf_dist(L, r >> 1)
            far = min(done[d + 1] + leaf_far(L, r >> 1), NO_BOUND)
            for j in range(T.first[i], T.first[i + 1]):
                ids[n_ids] = T.ids[j]
                low[n_ids] = near
                high[n_ids] = far
                n_ids += 1
        if leaf_flags(L, r >> 1) & 1:
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
