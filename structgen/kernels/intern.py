"""Hash-consing: equal minus nodes, counted nodes, marks, texts and contexts are one index. `M` is `tables.Machine`; -1 (NEED_ROOM) means
that there is no room.
"""

from __future__ import annotations

import numpy as np

from structgen.kernels.linking import jit
from structgen.kernels.tables import *


@jit
def mix(h, v):
    """A 31-bit hash step that overflows nowhere, so that it is the same without a compiler."""
    h = ((h ^ np.int64(v)) * 0x5BD1E995) & 0x7FFFFFFF
    return h ^ (h >> 15)


@jit
def record_hash(records, k, width):
    """The hash of record k."""
    h = np.int64(7)
    for i in range(width * k, width * (k + 1)):
        h = mix(h, np.int64(records[i]))
    return h


@jit
def cons(M, records, width, table, size, cells, counter):
    """The number of the record that was written behind the n[counter] there are: that of an equal one, or a new one; -1: no room.

    `records` has size[size] cells, `table` (numbers by hash) size[cells]. There is always room to write one record more.
    """
    k = M.n[counter]
    mask = M.size[cells] - 1
    p = record_hash(records, k, width) & mask
    while table[p] >= 0:
        other = np.int64(table[p])
        same = True
        for i in range(width):
            if records[width * other + i] != records[width * k + i]:
                same = False
                break
        if same:
            return other
        p = (p + 1) & mask
    if 2 * k >= mask or width * (k + 2) > M.size[size]:
        return np.int64(-1)
    table[p] = k
    M.n[counter] = k + 1
    return np.int64(k)


@jit
def pair(M, records, table, size, cells, counter, a, b):
    """`cons` of a record of two fields."""
    k = M.n[counter]
    records[2 * k] = a
    records[2 * k + 1] = b
    return cons(M, records, 2, table, size, cells, counter)


@jit
def minus_node(M, node, state):
    """The node (node inside a leaf, machine state), or -1: no room."""
    r = pair(M, M.minus, M.minus_hash, SIZE_MINUS, SIZE_MINUS_HASH, MINUSES, node, state)
    return r if r < 0 else MINUS + r


@jit
def counted_node(M, g, bound, done):
    """The node of leaf node g after `done` characters: a counted one, or the plain leaf where no bound can matter any more; -1: no room."""
    if M.high[bound] == NO_BOUND and done >= M.low[bound]:
        return np.int64(LEAF + g)
    k = M.n[COUNTS]
    M.count[3 * k + COUNT_LEAF] = g
    M.count[3 * k + COUNT_BOUND] = bound
    M.count[3 * k + COUNT_DONE] = done
    r = cons(M, M.count, 3, M.count_hash, SIZE_COUNT, SIZE_COUNT_HASH, COUNTS)
    return r if r < 0 else COUNTED + r


@jit
def find_mark(M, bind, begin):
    """The mark of a bind whose text begins after `begin` symbols, or -1: no room."""
    return pair(M, M.mark, M.mark_hash, SIZE_MARK, SIZE_MARK_HASH, MARKS, bind, begin)


@jit
def longer(M, text, b):
    """A text with one more symbol, or -1: no room."""
    if M.text_size[text] + 1 >= M.size[SIZE_LETTERS]:
        return np.int64(-1)
    k = M.n[TEXTS]
    r = pair(M, M.text_node, M.text_hash, SIZE_TEXT, SIZE_TEXT_HASH, TEXTS, text, b)
    if r == k:
        M.text_size[k] = M.text_size[text] + 1
        M.text_then[k] = -1
    return r


@jit
def longer_by(M, text, b):
    """The text with one more symbol if it is known, or -1."""
    mask = M.size[SIZE_TEXT_HASH] - 1
    p = mix(mix(np.int64(7), text), b) & mask
    while M.text_hash[p] >= 0:
        k = np.int64(M.text_hash[p])
        if M.text_node[2 * k + TEXT_UP] == text and M.text_node[2 * k + TEXT_LAST] == b:
            return k
        p = (p + 1) & mask
    return np.int64(-1)


@jit
def find_context(M, start, size):
    """Intern the context whose `size` pairs were written behind the last one (at pair `start`); -1: no room in the tables."""
    h = 11
    for i in range(2 * start, 2 * (start + size)):
        h = mix(h, np.int64(M.ctx_pair[i]))
    mask = M.size[SIZE_CTX_HASH] - 1
    p = h & mask
    while M.ctx_hash[p] >= 0:
        c = M.ctx_hash[p]
        at = M.ctx_off[c]
        if M.ctx_off[c + 1] - at == size:
            same = True
            for i in range(2 * size):
                if M.ctx_pair[2 * at + i] != M.ctx_pair[2 * start + i]:
                    same = False
                    break
            if same:
                return np.int64(c)
        p = (p + 1) & mask
    c = M.n[CTX]
    if c + 2 >= M.size[SIZE_CTX_OFF] or 2 * c >= mask:
        return -1
    M.ctx_hash[p] = c
    M.ctx_off[c + 1] = start + size
    M.ctx_state[c] = -1
    M.ctx_open[c] = 0
    M.ctx_twin[c] = -1
    for i in range(start, start + size):
        if M.ctx_pair[2 * i] >> 28 == 4 or M.ctx_open[M.ctx_pair[2 * i + 1]]:
            M.ctx_open[c] = 1
    M.n[CTX] = c + 1
    M.n[PAIRS] = start + size
    return c


@jit
def push(M, ret, ctx):
    """The context {(ret, ctx)}."""
    start = M.n[PAIRS]
    if 2 * start + 2 > M.size[SIZE_CTX_PAIR]:
        return -1
    M.ctx_pair[2 * start] = ret
    M.ctx_pair[2 * start + 1] = ctx
    return find_context(M, np.int64(start), np.int64(1))


@jit
def unite(M, c1, c2):
    """The union of two contexts, both sorted."""
    start = M.n[PAIRS]
    i, i1 = M.ctx_off[c1], M.ctx_off[c1 + 1]
    j, j1 = M.ctx_off[c2], M.ctx_off[c2 + 1]
    if 2 * (start + i1 - i + j1 - j) > M.size[SIZE_CTX_PAIR]:
        return -1
    size = 0
    while i < i1 or j < j1:
        if j >= j1:
            left, same = True, False
        elif i >= i1:
            left, same = False, False
        else:
            a, b = M.ctx_pair[2 * i], M.ctx_pair[2 * j]
            x, y = M.ctx_pair[2 * i + 1], M.ctx_pair[2 * j + 1]
            same = a == b and x == y
            left = a < b or (a == b and x <= y)
        at = 2 * (start + size)
        if left:
            M.ctx_pair[at] = M.ctx_pair[2 * i]
            M.ctx_pair[at + 1] = M.ctx_pair[2 * i + 1]
            i += 1
            if same:
                j += 1
        else:
            M.ctx_pair[at] = M.ctx_pair[2 * j]
            M.ctx_pair[at + 1] = M.ctx_pair[2 * j + 1]
            j += 1
        size += 1
    return find_context(M, np.int64(start), np.int64(size))
