"""What may follow a state: bytes, special tokens, states behind whole tokens. For Python, not for masks."""

from __future__ import annotations

import numpy as np

from structgen.kernels.linking import jit
from structgen.kernels.tables import *
from structgen.kernels.unfold import step, twin_of
from structgen.kernels.walk import has_byte, is_set


@jit
def live_bytes(h, s, out):
    """Write the bytes that may follow state s with the states they lead to: int32[256, 2]. The number, or a code."""
    M = machine_of(h)
    L = leaves_of(h)
    k = 0
    for b in range(256):
        if not has_byte(M, s, b):
            continue
        r = step(M, L, s, b)
        if r < 0:
            return r
        if r > 0:
            out[k, 0] = b
            out[k, 1] = r
            k += 1
    return k


@jit
def special_runs(h, s, out):
    """Write the special symbols that may follow state s, as runs that lead to one state: int32[n, 3] of the first, the last and the
    state; those that several edges read come more than once. The number, FULL, or a code."""
    M = machine_of(h)
    L = leaves_of(h)
    k = 0
    for i in range(M.off[s], M.off[s + 1]):
        node = np.int64(M.item[2 * i])
        e = np.int64(M.node[5 * node + EDGES]) if node >> 28 == 0 else np.int64(-1)
        while e >= 0:
            low, high = np.int64(M.edge[5 * e + LOW]), np.int64(M.edge[5 * e + HIGH])
            while 256 <= low <= high:
                last = cut(M, s, low, high)
                r = step(M, L, s, low)
                if r < 0:
                    return r
                if k == out.shape[0]:
                    return FULL
                if r > 0:
                    out[k, 0] = low
                    out[k, 1] = last
                    out[k, 2] = r
                    k += 1
                low = last + 1
            e = np.int64(M.edge[5 * e + NEXT])
    return k


@jit
def cut(M, s, low, high):
    """The last of symbols low..high up to which the same edges of state s read all."""
    if low == high:
        return high
    for i in range(M.off[s], M.off[s + 1]):
        node = np.int64(M.item[2 * i])
        e = np.int64(M.node[5 * node + EDGES]) if node >> 28 == 0 else np.int64(-1)
        while e >= 0:
            if low < M.edge[5 * e + LOW] <= high:
                high = np.int64(M.edge[5 * e + LOW]) - 1
            elif M.edge[5 * e + LOW] <= low <= M.edge[5 * e + HIGH] < high:
                high = np.int64(M.edge[5 * e + HIGH])
            e = np.int64(M.edge[5 * e + NEXT])
    return high


@jit
def successors(h, s, seen, found):
    """Write into `found`, int32[..., 2], the distinct twins of the states that the bytes of one token lead to, each with such a token.
    `seen` is zeroed uint8 by state. The number, or a code (both may be reused)."""
    M = machine_of(h)
    L = leaves_of(h)
    T = tokens_of(h)
    _, _, mute, mutes, _, _ = own_of(h)
    k = 0
    M.stack[0] = s
    i = 0
    while i < T.size[SIZE_BYTE] and k >= 0:
        d = T.depth[i]
        here = np.int64(M.stack[d])
        r = 0
        if has_byte(M, here, np.int64(T.byte[i])):
            r = step(M, L, here, np.int64(T.byte[i]))
            if r < 0:
                return r
        if r == 0:
            i = T.end[i]
            continue
        M.stack[d + 1] = r
        j = np.int64(T.first[i])
        while j < T.first[i + 1] and is_set(mute, mutes, T.ids[j]):
            j += 1
        if j < T.first[i + 1]:
            k = collect(M, L, r, np.int64(T.ids[j]), seen, found, k)
        i += 1
    return k


@jit
def collect(M, L, r, t, seen, found, k):
    """Note the twin of state r if it is new. The number noted, FULL, or a NEED_ code."""
    r = twin_of(M, L, r)
    if r < 0:
        return r
    if r >= seen.shape[0] or k >= found.shape[0]:
        return FULL
    if seen[r] == 0:
        seen[r] = 1
        found[k, 0] = r
        found[k, 1] = t
        k += 1
    return k
