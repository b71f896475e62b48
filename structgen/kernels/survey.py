"""What token tables are made from: the vocabulary seen from inside one leaf state, and the merging of what lies behind its exits."""

from __future__ import annotations

import numpy as np

from structgen.kernels.leaf import leaf_bits, leaf_dist, leaf_far, leaf_flags, leaf_step
from structgen.kernels.linking import jit
from structgen.kernels.tables import *

_SIZE_BYTE, _SIZE_TOKENS = map(Rows._fields.index, ("byte", "tokens"))


@jit
def survey(h, g, memo, nodes, done, ids, after, chars, exits, counts, out):
    """Walk the vocabulary inside leaf node g.

    Tokens that stay inside go to `ids`, the leaf nodes behind them to `after`, and their characters to `chars`; trie nodes that come right
    after an end of the leaf go to `exits`, with the characters before them to `counts`. out[0], out[1]: how many ids and exits.

    memo: int64[a power of two from 1 << 12 on], of `leaf_step`, for all leaves; a step costs twice as much without. nodes, done: scratch by
    depth.
    """
    L = leaves_of(h)
    T = tokens_of(h)
    nodes[0] = g
    done[0] = 0
    out[0] = out[1] = 0
    for k in range(4):
        bits = leaf_bits(L, g, k)
        for b in range(64 * k, 64 * k + 64 if bits else 0):
            if (bits >> np.uint64(b & 63)) & np.uint64(1):  # to look at the first bytes of all tokens takes 50 us: they lie far apart
                survey_from(L, T, T.root[b], T.root[b + 1], memo, nodes, done, ids, after, chars, exits, counts, out)


@jit
def survey_from(L, T, i, end, memo, nodes, done, ids, after, chars, exits, counts, out):
    """A survey of the trie nodes i..end, which begin below the root."""
    n_ids, n_exits = out[0], out[1]
    last = T.size[SIZE_IDS] - 1
    while i < end:
        d = T.depth[i]
        r = remembered_step(L, memo, nodes[d], np.int64(T.byte[i]))
        if r < 0:
            i = T.end[i]
            continue
        nodes[d + 1] = r >> 2
        done[d + 1] = done[d] + (r >> 1 & 1)
        first, stop = T.first[i], T.first[i + 1]
        ids[n_ids] = T.ids[min(first, last)]  # mostly one token or none: a loop would be mispredicted (4.1 ms against 1.8)
        after[n_ids], chars[n_ids] = r >> 2, done[d + 1]
        n_ids += stop > first
        for j in range(first + 1, stop):
            ids[n_ids] = T.ids[j]
            after[n_ids], chars[n_ids] = r >> 2, done[d + 1]
            n_ids += 1
        if r & 1:
            c = i + 1
            while c < T.end[i]:
                exits[n_exits] = c
                counts[n_exits] = done[d + 1]
                n_exits += 1
                c = T.end[c]
        i += 1
    out[0], out[1] = n_ids, n_exits


@jit
def remembered_step(L, memo, g, b):
    """The leaf node after g times four, plus two where a character is complete, plus one where the leaf may end; -1 if there is none.

    A cell of the memo has the upper bits of (node, byte), to which the lower ones are the way, and two more than the result.
    """
    key = g << 8 | b
    tag = key >> 12
    cell = (key ^ tag) & (memo.shape[0] - 1)
    found = memo[cell]
    if found >> 32 == tag and found & 0xFFFFFFFF:
        return (found & 0xFFFFFFFF) - 2
    r = leaf_step(L, g, b)
    if r >= 0:
        r = 2 * r + (leaf_flags(L, r >> 1) & 1)
    memo[cell] = tag << 32 | (r + 2)
    return r


@jit
def keep(h, ids, exits, counts, table, row, at, start):
    """Write what `survey` found into the rows, as number `table`: the ids into dense row `row`, or from `at` on where that is -1; the
    exits, by byte, from `start` on."""
    T = tokens_of(h)
    K = rows_of(h)
    if row >= 0:
        words = row * K.width[0]
        for w in range(K.width[0]):
            K.words[words + w] = 0
        for j in range(ids.shape[0]):
            K.words[words + (ids[j] >> 5)] |= np.uint32(1) << np.uint32(ids[j] & 31)
    else:
        for j in range(ids.shape[0]):
            K.ids[at + j] = ids[j]
    for w in range(4):
        K.exit_bits[4 * table + w] = 0
    off = 257 * table
    for b in range(257):
        K.exit_off[off + b] = 0
    most = 0
    for j in range(exits.shape[0]):
        b = np.int64(T.byte[exits[j]])
        K.exit_off[off + b + 1] += 1
        K.exit_bits[4 * table + (b >> 6)] |= np.uint64(1) << np.uint64(b & 63)
        most = max(most, np.int64(counts[j]))
    K.exit_off[off] = start
    for b in range(256):
        K.exit_off[off + b + 1] += K.exit_off[off + b]
    for j in range(exits.shape[0]):  # the offsets move on as places are taken
        b = np.int64(T.byte[exits[j]])
        K.exits[K.exit_off[off + b]] = exits[j]
        K.exit_count[K.exit_off[off + b]] = counts[j]
        K.exit_off[off + b] += 1
    for b in range(255, 0, -1):
        K.exit_off[off + b] = K.exit_off[off + b - 1]
    K.exit_off[off] = start
    d = 8 * table
    K.desc[d + ROW], K.desc[d + IDS], K.desc[d + IDS_N] = row, at, ids.shape[0]
    K.desc[d + EXITS], K.desc[d + EXIT_MOST] = start, most
    K.desc[d + NEAR], K.desc[d + NEAR_N], K.desc[d + NEED_MOST] = 0, 0, -1


@jit
def measure(h, after, chars):
    """Of the tokens of a survey, the characters that they need at least and may reach at most (NO_BOUND: any number), in place of `chars`
    and `after`."""
    L = leaves_of(h)
    for j in range(after.shape[0]):
        g = np.int64(after[j])
        after[j] = min(chars[j] + leaf_far(L, g), NO_BOUND)
        chars[j] += leaf_dist(L, g)


@jit
def pack(ids, row):
    """Set the bits of some tokens in a zeroed row."""
    for i in range(ids.shape[0]):
        row[ids[i] >> 5] |= np.uint32(1) << np.uint32(ids[i] & 31)


@jit
def pack_up_to(ids, need, most, row):
    """The same for the tokens that need no more than `most` characters, in any row."""
    for w in range(row.shape[0]):
        row[w] = 0
    for i in range(ids.shape[0]):
        row[ids[i] >> 5] |= np.uint32(need[i] <= most) << np.uint32(ids[i] & 31)


@jit
def merge(h, key, variant, start, at, work, count, out):
    """Merge what lies behind the exits of a table at a byte (key: table * 256 + byte) into one trie of the rows, from node `start` and
    token `at` on. variant: 0, or which of the exits by their counts (`walk.counted_row`).

    out[0], out[1]: nodes and tokens written. Where the rows or `work` (int32[4 for each of the nodes and one more]) have no room, 0 is
    returned, and they are those to be written. count: int64[256], scratch.
    """
    T = tokens_of(h)
    K = rows_of(h)
    rest, need = (variant - 1) // RADIX, (variant - 1) % RADIX
    most = work.shape[0] // 4
    group = 3 * most  # before that: frames of the walk, three numbers each
    used = nodes = tokens = 0
    exits = 257 * (key >> 8) + (key & 255)
    for j in range(K.exit_off[exits], K.exit_off[exits + 1]):
        if variant == 0 or need <= K.exit_count[j] <= rest:
            x = K.exits[j]
            if used < most:
                work[group + used] = x
            used += 1
            nodes += T.end[x] - x
            tokens += T.first[T.end[x]] - T.first[x]
    out[0], out[1] = nodes, tokens
    if nodes >= most or nodes >= K.size[_SIZE_BYTE] - start or tokens > K.size[_SIZE_TOKENS] - at:
        return 0
    if used:
        merge_into(T, K, used, start, at, work, count, out)
        close_subtrees(K.depth, K.end, start, start + out[0])
    return 1


@jit
def merge_into(T, K, used, start, at, work, count, out):
    """Merge the subtrees of the trie nodes that are listed last in `work`, all of one byte. Depths from 0."""
    group = 3 * (work.shape[0] // 4)
    n = start
    m = at
    work[0], work[1], work[2] = group, group + used, 0
    used += group
    top = 1
    while top > 0:
        top -= 1
        a, z, d = work[3 * top], work[3 * top + 1], work[3 * top + 2]
        K.byte[n] = T.byte[work[a]]
        K.depth[n] = d
        K.first[n] = m
        n += 1
        for b in range(256):
            count[b] = 0
        for i in range(a, z):
            x = work[i]
            for j in range(T.first[x], T.first[x + 1]):
                K.tokens[m] = T.ids[j]
                m += 1
            c = x + 1
            while c < T.end[x]:
                count[T.byte[c]] += 1
                c = T.end[c]
        begun = used
        for b in range(255, -1, -1):  # the lowest byte on top of the stack, so that nodes come out in order
            if count[b]:
                work[3 * top], work[3 * top + 1], work[3 * top + 2] = used, used + count[b], d + 1
                top += 1
                size = count[b]
                count[b] = used
                used += size
        if used == begun:
            continue
        for i in range(a, z):
            x = work[i]
            c = x + 1
            while c < T.end[x]:
                work[count[T.byte[c]]] = c
                count[T.byte[c]] += 1
                c = T.end[c]
    K.byte[n] = K.depth[n] = K.end[n] = 0
    K.first[n] = m
    out[0], out[1] = n - start, m - at


@jit
def close_subtrees(depth, end, start, stop):
    """end[i] for the nodes start..stop of a trie: the next one that is not deeper, or `stop`. Open nodes are chained through `end`, the
    deepest first."""
    top = -1
    for i in range(start, stop):
        while top >= 0 and depth[top] >= depth[i]:
            below = end[top]
            end[top] = i
            top = below
        end[i] = top
        top = i
    while top >= 0:
        below = end[top]
        end[top] = stop
        top = below
