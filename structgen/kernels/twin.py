"""Twins: states with all texts forgotten (see `tables`). Masks are made for them."""

from __future__ import annotations

import numpy as np

from structgen.kernels.intern import find_mark, push, unite
from structgen.kernels.linking import jit
from structgen.kernels.sets import forgetful
from structgen.kernels.step import find_state
from structgen.kernels.tables import *
from structgen.kernels.work import add, any_open, begin, sort_items


@jit
def twin_pair(M, node, outer):
    """The twin of a context with one pair, given that of its outer context is known; or -1: no room."""
    around = np.int64(M.ctx_twin[outer])
    kind = node >> 28
    if kind == 6:
        f = forgetful(M, node & INDEX, SOME)
        return f if f < 0 else push(M, FRAME + f, around)
    if kind != 4:
        return push(M, node, around)
    bind = np.int64(M.mark[2 * (node & INDEX) + MARK_BIND])
    if M.bind[3 * bind + BIND_FLAGS] & FRESH and M.bind[3 * bind + BIND_FLAGS] & QUOTED:
        around = spared(M, outer)
    mark = find_mark(M, bind, np.int64(0))
    return np.int64(-1) if mark < 0 or around < 0 else push(M, BIND + mark, around)


@jit
def spared(M, ctx):
    """The twin of the context of a key that is being read; or -1: no room."""
    found = np.int64(0)
    for j in range(M.ctx_off[ctx], M.ctx_off[ctx + 1]):
        f = forgetful(M, np.int64(M.ctx_pair[2 * j]) & INDEX, SPARED)
        one = f if f < 0 else push(M, FRAME + f, np.int64(M.ctx_twin[M.ctx_pair[2 * j + 1]]))
        found = one if one < 0 or found == 0 else unite(M, found, one)
        if found < 0:
            return found
    return found


@jit
def twin_context(M, top):
    """The twin of a context, or -1: no room. Those of the contexts around it come first."""
    while M.ctx_twin[top] < 0:
        c = top
        deeper = True
        while deeper:
            deeper = False
            for j in range(M.ctx_off[c], M.ctx_off[c + 1]):
                if M.ctx_twin[M.ctx_pair[2 * j + 1]] < 0:
                    c = np.int64(M.ctx_pair[2 * j + 1])
                    deeper = True
                    break
        found = np.int64(0)
        for j in range(M.ctx_off[c], M.ctx_off[c + 1]):
            one = twin_pair(M, np.int64(M.ctx_pair[2 * j]), np.int64(M.ctx_pair[2 * j + 1]))
            if one < 0:
                return np.int64(-1)
            found = one if found == 0 else unite(M, found, one)
            if found < 0:
                return np.int64(-1)
        M.ctx_twin[c] = found
        M.ctx_twin[found] = found
    return np.int64(M.ctx_twin[top])


@jit
def make_twin(M, L, s):
    """The state that a mask of s is made of: s with all texts forgotten; or NEED_ROOM."""
    if M.text[s] == DOUBT:
        M.twin[s] = s
        return np.int64(s)
    begin(M)
    for i in range(M.off[s], M.off[s + 1]):
        ctx = twin_context(M, np.int64(M.item[2 * i + 1]))
        if ctx < 0 or add(M, np.int64(M.item[2 * i]), ctx) < 0:
            return NEED_ROOM
    k = np.int64(M.n[WORK])
    M.n[TEXT] = UNKNOWN if any_open(M) else NO_TEXT
    sort_items(M.work_node, M.work_ctx, k)
    r = np.int64(s) if k == 0 else find_state(M, L, k, np.int64(M.final[s]))
    if r >= 0:
        M.twin[s] = r
        M.twin[r] = r
    return r
