"""What may follow a state: bytes, special tokens, states behind whole tokens; and how texts are spelled. For Python, not for masks."""

from __future__ import annotations

import numpy as np

from structgen.kernels.arena import pointer_to
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
def transitions(h, s, forgets, at, stack, into):
    """Write the state after the text of every token, and after stop tokens, into `into`, zeroed int32[V]; if `forgets`, twins all the way.
    at[0]: the trie node to go on with, and `stack` what was reached so far, for it takes many calls where there are texts to bind. 0 or a
    code."""
    M = machine_of(h)
    L = leaves_of(h)
    T = tokens_of(h)
    after = pointer_to(into)
    stop, stops, mute, mutes = own_of(h)
    stack[0] = s
    i = at[0]
    while i < T.size[SIZE_BYTE]:
        d = T.depth[i]
        r = np.int64(0)
        if has_byte(M, np.int64(stack[d]), np.int64(T.byte[i])):
            r = step(M, L, np.int64(stack[d]), np.int64(T.byte[i]))
            if r > 0 and forgets:
                r = twin_of(M, L, r)
        if r < 0:
            at[0] = i
            return r
        stack[d + 1] = r
        for j in range(T.first[i], T.first[i + 1] if r > 0 else T.first[i]):
            if not is_set(mute, mutes, T.ids[j]):
                after[T.ids[j]] = r
        i = i + 1 if r > 0 else np.int64(T.end[i])
    at[0] = i
    for j in range(stops if M.final[s] else 0):
        if after[stop[j]] == 0:
            after[stop[j]] = ENDED
    return 0


@jit
def fewest(h, data, need):
    """Write the fewest tokens that spell `data`, uint8[n], from each place on into `need`, int32[n + 1]; n + 1 where none do. 0."""
    T = tokens_of(h)
    _, _, mute, mutes = own_of(h)
    n = data.shape[0]
    need[n] = 0
    for at in range(n - 1, -1, -1):
        need[at] = n + 1
        j = np.int64(at)
        i, stop = np.int64(T.root[np.int64(data[at])]), np.int64(T.root[np.int64(data[at]) + 1])
        while i < stop:
            if T.byte[i] != data[j]:
                i = np.int64(T.end[i])
                continue
            j += 1
            for k in range(T.first[i], T.first[i + 1]):
                if not is_set(mute, mutes, T.ids[k]):
                    need[at] = min(need[at], need[j] + 1)
            if j == n:
                break
            stop = np.int64(T.end[i])
            i += 1
    return 0
