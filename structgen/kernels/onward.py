"""Walks of the vocabulary trie that do not make masks: the states behind all tokens, and the fewest tokens that spell a text."""

from __future__ import annotations

import numpy as np

from structgen.kernels.arena import pointer_to
from structgen.kernels.linking import jit
from structgen.kernels.tables import *
from structgen.kernels.unfold import step, twin_of
from structgen.kernels.walk import has_byte


@jit
def transitions(h, s, forgets, at, stack, into):
    """Write the state after every token that may follow state s into `into`, zeroed int32[V]; if `forgets`, twins all the way. at[0]: the
    trie node to go on with, and `stack` what was reached so far, for it takes many calls where there are texts to bind. 0 or a code."""
    M = machine_of(h)
    L = leaves_of(h)
    T = tokens_of(h)
    after = pointer_to(into)
    special, specials, _, _ = own_of(h)
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
            after[T.ids[j]] = r
        i = i + 1 if r > 0 else np.int64(T.end[i])
    at[0] = i
    for j in range(T.size[SIZE_STOP] if M.final[s] else 0):
        if T.off[T.stop[j]] == T.off[T.stop[j] + 1]:
            after[T.stop[j]] = ENDED
    for j in range(specials):
        if special[j] >= 0:
            r = step(M, L, s, 256 + j)
            if r > 0 and forgets:
                r = twin_of(M, L, r)
            if r < 0:
                return r
            if r > 0:
                after[special[j]] = r
    return 0


@jit
def fewest(h, data, need):
    """Write the fewest tokens that spell `data`, uint8[n], from each place on into `need`, int32[n + 1]; n + 1 where none do."""
    T = tokens_of(h)
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
            if T.first[i] < T.first[i + 1]:
                need[at] = min(need[at], need[j] + 1)
            if j == n:
                break
            stop = np.int64(T.end[i])
            i += 1
