"""Hash-consing: equal minus nodes, counted nodes and contexts are one index. `M` is `tables.Machine`; -1 means that there is no room."""

from __future__ import annotations

import numpy as np

from structgen.kernels.arena import jit
from structgen.kernels.tables import *


@jit
def mix(h, v):
    """A 31-bit hash step that overflows nowhere, so that it is the same without a compiler."""
    h = ((h ^ np.int64(v)) * 0x5BD1E995) & 0x7FFFFFFF
    return h ^ (h >> 15)


@jit
def minus_node(M, node, state):
    """The node (node inside a leaf, machine state), or -1: no room."""
    mask = M.size[SIZE_MINUS_HASH] - 1
    p = mix(mix(np.int64(7), np.int64(node)), state) & mask
    while M.minus_hash[p] >= 0:
        k = M.minus_hash[p]
        if M.minus_from[k] == node and M.minus_state[k] == state:
            return np.int64(MINUS + k)
        p = (p + 1) & mask
    k = M.n[MINUSES]
    if k >= M.size[SIZE_MINUS] or 2 * k >= mask:
        return -1
    M.minus_from[k] = node
    M.minus_state[k] = state
    M.minus_hash[p] = k
    M.n[MINUSES] = k + 1
    return MINUS + k


@jit
def counted_node(M, g, bound, done):
    """The node of leaf node g after `done` characters: a counted one, or the plain leaf where no bound can matter any more; -1: no room."""
    if M.high[bound] == NO_BOUND and done >= M.low[bound]:
        return LEAF + g
    mask = M.size[SIZE_COUNT_HASH] - 1
    p = mix(mix(mix(np.int64(3), np.int64(g)), bound), done) & mask
    while M.count_hash[p] >= 0:
        k = M.count_hash[p]
        if M.count_leaf[k] == g and M.count_bound[k] == bound and M.count_done[k] == done:
            return np.int64(COUNTED + k)
        p = (p + 1) & mask
    k = M.n[COUNTS]
    if k >= M.size[SIZE_COUNT] or 2 * k >= mask:
        return -1
    M.count_leaf[k] = g
    M.count_bound[k] = bound
    M.count_done[k] = done
    M.count_hash[p] = k
    M.n[COUNTS] = k + 1
    return COUNTED + k


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
        if M.ctx_pair[2 * i] >= BIND or M.ctx_open[M.ctx_pair[2 * i + 1]]:
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


@jit
def find_mark(M, bind, begin):
    """The mark of a bind whose text begins after `begin` symbols, or -1: no room."""
    mask = M.size[SIZE_MARK_HASH] - 1
    p = mix(mix(np.int64(19), np.int64(bind)), begin) & mask
    while M.mark_hash[p] >= 0:
        k = M.mark_hash[p]
        if M.mark_bind[k] == bind and M.mark_from[k] == begin:
            return np.int64(k)
        p = (p + 1) & mask
    k = M.n[MARKS]
    if k >= M.size[SIZE_MARK] or 2 * k >= mask:
        return -1
    M.mark_bind[k] = bind
    M.mark_from[k] = begin
    M.mark_hash[p] = k
    M.n[MARKS] = k + 1
    return k


@jit
def longer(M, text, b):
    """A text with one more symbol, or -1: no room."""
    mask = M.size[SIZE_TEXT_HASH] - 1
    p = mix(mix(np.int64(23), np.int64(text)), b) & mask
    while M.text_hash[p] >= 0:
        k = M.text_hash[p]
        if M.text_up[k] == text and M.text_byte[k] == b:
            return np.int64(k)
        p = (p + 1) & mask
    k = M.n[TEXTS]
    if k >= M.size[SIZE_TEXT] or 2 * k >= mask:
        return -1
    M.text_up[k] = text
    M.text_byte[k] = b
    M.text_size[k] = M.text_size[text] + 1
    M.text_then[k] = -1
    M.text_hash[p] = k
    M.n[TEXTS] = k + 1
    return k
