"""The work list of one closure: items (node, context), each node once.

The closure of a state is made on it (`step.close`); other kernels use it as a set.
"""

from __future__ import annotations

import numpy as np

from structgen.kernels.intern import mix, unite
from structgen.kernels.linking import jit
from structgen.kernels.tables import *


@jit
def begin(M):
    """Empty the work list."""
    M.n[STAMP] += 1
    M.n[WORK] = 0
    M.n[HEAD] = 0
    M.n[TAIL] = 0


@jit
def enqueue(M, i):
    """Have item i of the work list looked at (again)."""
    M.work_ring[M.n[TAIL] % M.size[SIZE_WORK]] = i
    M.work_in[i] = 1
    M.n[TAIL] += 1


@jit
def add(M, node, ctx):
    """Put an item on the work list; one with the same node takes in the context. 0, or NEED_ROOM."""
    mask = M.size[SIZE_WORK_KEY] - 1
    p = mix(np.int64(5), np.int64(node)) & mask
    stamp = M.n[STAMP]
    while M.work_stamp[p] == stamp:
        if M.work_key[p] == node:
            i = np.int64(M.work_slot[p])
            old = np.int64(M.work_ctx[i])
            if old == ctx:
                return 0
            new = unite(M, old, np.int64(ctx))
            if new < 0:
                return NEED_ROOM
            if new != old:
                M.work_ctx[i] = new
                if not M.work_in[i]:
                    enqueue(M, i)
            return 0
        p = (p + 1) & mask
    i = M.n[WORK]
    if i >= M.size[SIZE_WORK]:
        return NEED_ROOM
    M.work_key[p] = node
    M.work_stamp[p] = stamp
    M.work_slot[p] = i
    M.work_node[i] = node
    M.work_ctx[i] = ctx
    M.n[WORK] = i + 1
    enqueue(M, i)
    return 0


@jit
def any_open(M):
    """Whether a bind is open in some item of the work list."""
    for i in range(M.n[WORK]):
        if M.ctx_open[M.work_ctx[i]]:
            return True
    return False


@jit
def sort_items(nodes, ctxs, k):
    """Shell sort by node; nodes are distinct."""
    gap = 1
    while 3 * gap + 1 < k:
        gap = 3 * gap + 1
    while gap > 0:
        for i in range(gap, k):
            a, c = nodes[i], ctxs[i]
            j = i - gap
            while j >= 0 and nodes[j] > a:
                nodes[j + gap] = nodes[j]
                ctxs[j + gap] = ctxs[j]
                j -= gap
            nodes[j + gap] = a
            ctxs[j + gap] = c
        gap //= 3
