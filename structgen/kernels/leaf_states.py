"""What the pool says of the states of a new leaf automaton, found once, when it is registered."""

from __future__ import annotations

import numpy as np

from structgen.kernels.linking import jit
from structgen.kernels.tables import *


@jit
def describe(h, leaf, final, below, reach, starts, work):
    """Write what the arrays of the pool say of the states of leaf number `leaf`, whose fields, table and spelling they have.

    final: bool[Q]; below, reach, starts: its `Spelling`; work: int32[Q (C + 3)], and not shorter than 2 `starts`.
    """
    L = leaves_of(h)
    d = 12 * leaf
    shift, chars, marks, live = L.desc[d + SHIFT], L.desc[d + CHARS], L.desc[d + STRUCT], L.desc[d + LIVE]
    measure(L.table, L.dist, L.far, L.desc[d + TABLE], chars, live, shift, marks, final, work)
    groups = starts.shape[0]
    for q in range(final.shape[0]):
        row, at, acc = L.desc[d + TABLE] + q * chars, live + (q << shift), 0
        for c in range(chars):
            if L.table[row + c] >= 0:
                acc |= 2 if c >= marks else 6
        L.acc[L.desc[d + ACC] + q] = acc | final[q]
        for r in range(groups):  # inside a spelling one character more is still to come, one of the classes below
            least, most = NO_BOUND, -1
            for j in range(starts[r], starts[r + 1] if r + 1 < groups else reach.shape[0]):
                to = L.table[row + reach[j]]
                if to >= 0:
                    least = min(least, L.dist[live + (to << shift)] + 1)
                    most = max(most, L.far[live + (to << shift)])
            work[2 * r] = least
            work[2 * r + 1] = min(most + 1, NO_BOUND)
        L.live[at] = 1
        for e in range(below.shape[0]):
            L.dist[at + e + 1] = work[2 * below[e]]
            L.far[at + e + 1] = work[2 * below[e] + 1]
            L.live[at + e + 1] = work[2 * below[e]] < NO_BOUND
        for k in range(4):  # a byte may follow where the spelling has an edge that stays alive
            word = np.uint64(0)
            for b in range(64):
                x = L.enc[L.desc[d + ENC] + L.cls[L.desc[d + CLS] + 64 * k + b]]
                if (x >= 0 and L.live[at + x]) or (x < -1 and L.table[row - 2 - x] >= 0):
                    word |= np.uint64(1) << np.uint64(b)
            L.first[L.desc[d + FIRST] + 4 * q + k] = word


@jit
def measure(table, dist, far, at, chars, live, shift, marks, final, work):
    """The fewest and the most characters from each state to an end (NO_BOUND: any number), at the beginning of its nodes. Every state leads
    to an end; marks are no characters."""
    states = final.shape[0]
    into, out, queue = states * chars, states * chars + states, states * chars + 2 * states
    top = 0
    for q in range(states):
        work[into + q] = -1
        work[out + q] = 0
        dist[live + (q << shift)] = 0 if final[q] else NO_BOUND
        far[live + (q << shift)] = 0
        if final[q]:
            work[queue + top] = q
            top += 1
    for e in range(states * chars):  # edges to a state are chained
        to = table[at + e]
        if to >= 0:
            work[e] = work[into + to]
            work[into + to] = e
            work[out + e // chars] += 1
    for longest in (0, 1):
        i = 0
        while i < top:
            t = work[queue + i]
            e = work[into + t]
            while e >= 0:
                q = e // chars
                here, there = live + (q << shift), live + (t << shift)
                if longest:  # all edges of t lead to states that are done
                    far[here] = max(far[here], far[there] + 1)
                    work[out + q] -= 1
                fresh = work[out + q] == 0 if longest else dist[here] == NO_BOUND
                if fresh:
                    work[queue + top] = q
                    top += 1
                if fresh and not longest:
                    dist[here] = dist[there] + 1
                e = work[e]
            i += 1
        top = 0
        for q in range(states):  # states without edges are the first of which the longest way is known
            if work[out + q] == 0:
                work[queue + top] = q
                top += 1
    for q in range(states):
        here = live + (q << shift)
        counted = 0 if final[q] or marks == 0 else 2 if q == 0 else 1  # of all ways, by the marks
        dist[here] -= counted
        far[here] = NO_BOUND if work[out + q] > 0 else far[here] - counted
