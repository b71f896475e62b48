"""What the pool says of the states of a new leaf automaton, and what may follow one of them, in a form that all leaves share."""

from __future__ import annotations

import numpy as np

from structgen.kernels.linking import jit
from structgen.kernels.tables import *


@jit
def describe(h, leaf, table, final, below, reach, starts, work):
    """Write what the arrays of the pool say of the states of leaf number `leaf`, whose fields and spelling they have.

    table: int32[Q, C], final: bool[Q], those of its `CharDFA`; below, reach, starts: its `Spelling`; work: int32[Q C + 3 Q], and not
    shorter than 2 `starts`.
    """
    L = leaves_of(h)
    d = 12 * leaf
    chars, at, marks = L.desc[d + CHARS], L.desc[d + TABLE], L.desc[d + STRUCT]
    states = table.shape[0] + 2 * marks
    enclose(L, at, chars, table, final, marks)
    measure(L, d, table, final, marks, work)
    for q in range(states):
        look_inside(L, d, q, below, reach, starts, work)
        goes_on = False
        for c in range(chars):
            goes_on = goes_on or L.table[at + q * chars + c] >= 0
        ends = q == states - 1 if marks else final[q]
        leaves = marks > 0 and L.table[at + q * chars] >= 0
        L.acc[L.desc[d + ACC] + q] = (1 if ends else 0) | (2 if goes_on else 0) | (4 if leaves else 0)
    for q in range(states):
        may_follow(L, d, q)


@jit
def enclose(L, at, chars, table, final, marks):
    """Write the table. Where there are marks: class 0 is the quotation mark, state 0 before the first one, the last state after the
    second."""
    states = table.shape[0]
    for i in range((states + 2 * marks) * chars):
        L.table[at + i] = -1
    for q in range(states):
        row = at + (q + marks) * chars
        for c in range(table.shape[1]):
            if table[q, c] >= 0:
                L.table[row + c + marks] = table[q, c] + marks
        if marks and final[q]:
            L.table[row] = states + 1
    if marks:
        L.table[at] = 1


@jit
def measure(L, d, table, final, marks, work):
    """The fewest and the most characters from each state to an end (NO_BOUND: any number); marks add none. Every state leads to an end."""
    states, classes = table.shape
    shift, live = L.desc[d + SHIFT], L.desc[d + LIVE]
    into, out, queue = states * classes, states * classes + states, states * classes + 2 * states  # edges to a state are chained
    top = 0
    for q in range(states):
        work[into + q] = -1
        work[out + q] = 0
        g = live + ((q + marks) << shift)
        L.dist[g], L.far[g] = NO_BOUND, 0
    for q in range(states):
        for c in range(classes):
            if table[q, c] >= 0:
                work[q * classes + c] = work[into + table[q, c]]
                work[into + table[q, c]] = q * classes + c
                work[out + q] += 1
        if final[q]:
            L.dist[live + ((q + marks) << shift)] = 0
            work[queue + top] = q
            top += 1
    i = 0
    while i < top:
        t = work[queue + i]
        e = work[into + t]
        while e >= 0:
            g = live + ((e // classes + marks) << shift)
            if L.dist[g] == NO_BOUND:
                L.dist[g] = L.dist[live + ((t + marks) << shift)] + 1
                work[queue + top] = e // classes
                top += 1
            e = work[e]
        i += 1
    i = top = 0
    for q in range(states):
        if work[out + q] == 0:
            work[queue + top] = q
            top += 1
    while i < top:  # states from which all ways end: their edges lead to states that are done
        t = work[queue + i]
        e = work[into + t]
        while e >= 0:
            q = e // classes
            g = live + ((q + marks) << shift)
            L.far[g] = max(L.far[g], L.far[live + ((t + marks) << shift)] + 1)
            work[out + q] -= 1
            if work[out + q] == 0:
                work[queue + top] = q
                top += 1
            e = work[e]
        i += 1
    for q in range(states):
        if work[out + q] > 0:
            L.far[live + ((q + marks) << shift)] = NO_BOUND
    if marks:
        after = live + ((states + 1) << shift)
        L.dist[live], L.far[live] = L.dist[live + (1 << shift)], L.far[live + (1 << shift)]
        L.dist[after] = L.far[after] = 0


@jit
def look_inside(L, d, q, below, reach, starts, work):
    """The lengths inside the spelling of a character: one more is still to come, of the classes below that place."""
    shift, live = L.desc[d + SHIFT], L.desc[d + LIVE]
    row, at = L.desc[d + TABLE] + q * L.desc[d + CHARS], live + (q << shift)
    for r in range(starts.shape[0]):
        least, most = NO_BOUND, -1
        for j in range(starts[r], starts[r + 1] if r + 1 < starts.shape[0] else reach.shape[0]):
            to = L.table[row + reach[j]]
            if to >= 0:
                least = min(least, L.dist[live + (to << shift)] + 1)
                most = max(most, L.far[live + (to << shift)])
        work[2 * r] = least
        work[2 * r + 1] = min(most + 1, NO_BOUND)
    L.live[at] = 1
    for e in range(1, 1 << shift):
        known = e <= below.shape[0]
        L.dist[at + e] = work[2 * below[e - 1]] if known else NO_BOUND
        L.far[at + e] = work[2 * below[e - 1] + 1] if known else 0
        L.live[at + e] = 1 if L.dist[at + e] < NO_BOUND else 0


@jit
def may_follow(L, d, q):
    """The bytes that may follow state q: where the spelling has an edge that stays alive."""
    enc, cls, first = L.desc[d + ENC], L.desc[d + CLS], L.desc[d + FIRST] + 4 * q
    row, at = L.desc[d + TABLE] + q * L.desc[d + CHARS], L.desc[d + LIVE] + (q << L.desc[d + SHIFT])
    for k in range(4):
        word = np.uint64(0)
        for b in range(64):
            x = L.enc[enc + L.cls[cls + 64 * k + b]]
            if (x >= 0 and L.live[at + x]) or (x < -1 and L.table[row - 2 - x] >= 0):
                word |= np.uint64(1) << np.uint64(b)
        L.first[first + k] = word


@jit
def rest(table, final, bounds, classes, state, most, out):
    """What follows a state, in numbers that are the same for equal languages: for each state on the way whether it is final, how often
    the target changes along the code points, where it does, and to which state (by first occurrence). Returns how many numbers, -1 where
    that takes more than `most` states. out: int32[most (3 + 2 K)]."""
    last = most * (2 + 2 * bounds.shape[0])  # the states on the way are kept behind
    out[last] = state
    count, n, i = 1, 0, 0
    while i < count:
        q = out[last + i]
        out[n] = 1 if final[q] else 0
        size, n = n + 1, n + 2
        before = -2
        for k in range(bounds.shape[0]):
            to = table[q, classes[k]]
            if to == before:
                continue
            before = to
            number = -1
            if to >= 0:
                number = 0
                while number < count and out[last + number] != to:
                    number += 1
                if number == count:
                    if count == most:
                        return -1
                    out[last + count] = to
                    count += 1
            out[n] = bounds[k]
            out[n + 1] = number
            n += 2
        out[size] = (n - size - 1) // 2
        i += 1
    return n
