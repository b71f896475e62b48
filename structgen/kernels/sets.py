"""Sets of small integers, and the frames that hold them.

A set is a hash-consed trie, so that equal sets are one index and one more element costs a path: record 0 is the empty set; others are
[height, c0 .. c15], where c_j of height 0 are 16 bits for the elements from 16 j on, and of height h > 0 a set of a sixteenth of the range
(0: empty). A set is as high as its greatest element asks for.

A frame (`tables.FRAME_SCOPE`) says what has been read of a list of entries.
"""

from __future__ import annotations

import numpy as np

from structgen.kernels.intern import cons
from structgen.kernels.linking import jit
from structgen.kernels.tables import *

REFUSED = -100  # no entry can come, or not this one


# ---- sets ----


@jit
def has(M, s, e):
    """Whether set s has element e."""
    if s == 0:
        return False
    h = np.int64(M.set[17 * s])
    if e >> (8 + 4 * h):
        return False
    while h > 0:
        s = np.int64(M.set[17 * s + 1 + ((e >> (4 + 4 * h)) & 15)])
        if s == 0:
            return False
        h -= 1
    return (M.set[17 * s + 1 + (e >> 4 & 15)] >> (e & 15)) & 1 == 1


@jit
def below(M, s, e, height):
    """The set of this height on the way to e in a set that is high enough, 0 where there is none."""
    if s == 0:
        return np.int64(0)
    h = np.int64(M.set[17 * s])
    while h > height and s > 0:
        s = np.int64(M.set[17 * s + 1 + ((e >> (4 + 4 * h)) & 15)])
        h -= 1
    return np.int64(s)


@jit
def changed(M, s, height, slot, value):
    """Set s (0: an empty one of this height) with one field changed, or -1: no room."""
    k = M.n[SETS]
    for i in range(17):
        M.set[17 * k + i] = M.set[17 * s + i]
    M.set[17 * k] = height
    M.set[17 * k + 1 + slot] = value
    return cons(M, M.set, 17, M.set_hash, SIZE_SET, SIZE_SET_HASH, SETS)


@jit
def insert(M, s, e):
    """Set s with element e, or -1: no room."""
    top = np.int64(0) if s == 0 else np.int64(M.set[17 * s])
    while e >> (8 + 4 * top):
        top += 1
        if s:
            s = changed(M, np.int64(0), top, np.int64(0), s)
            if s < 0:
                return s
    old = below(M, s, e, np.int64(0))
    bits = (0 if old == 0 else np.int64(M.set[17 * old + 1 + (e >> 4 & 15)])) | (1 << (e & 15))
    new = changed(M, old, np.int64(0), e >> 4 & 15, bits)
    for h in range(1, top + 1):
        if new < 0:
            return new
        new = changed(M, below(M, s, e, np.int64(h)), np.int64(h), (e >> (4 + 4 * h)) & 15, new)
    return new


# ---- frames ----


@jit
def frame(M, scope, known, seen, size, need):
    """The frame with these fields, or -1: no room."""
    k = M.n[FRAMES]
    M.frame[5 * k + FRAME_SCOPE] = scope
    M.frame[5 * k + FRAME_KNOWN] = known
    M.frame[5 * k + FRAME_SEEN] = seen
    M.frame[5 * k + FRAME_SIZE] = size
    M.frame[5 * k + FRAME_NEED] = need
    return cons(M, M.frame, 5, M.frame_hash, SIZE_FRAME, SIZE_FRAME_HASH, FRAMES)


@jit
def counts_on(M, scope, size):
    """The size of a list with one more entry, as far as it matters."""
    if M.scope[4 * scope + SCOPE_HIGH] == NO_BOUND:
        return min(size + 1, np.int64(M.scope[4 * scope + SCOPE_LOW]))
    return size + 1


@jit
def has_room(M, f, need):
    """Whether an entry fits into a list; `need`: 1 for a required one."""
    scope = M.frame[5 * f + FRAME_SCOPE]
    high = M.scope[4 * scope + SCOPE_HIGH]
    left = M.scope[4 * scope + SCOPE_NEED] - M.frame[5 * f + FRAME_NEED] - need
    return high == NO_BOUND or M.frame[5 * f + FRAME_SIZE] + 1 + left <= high


@jit
def after_deed(M, f, kind, e):
    """The frame after a deed (ONCE to DONE), REFUSED, or -1: no room in the tables."""
    scope = np.int64(M.frame[5 * f + FRAME_SCOPE])
    known = np.int64(M.frame[5 * f + FRAME_KNOWN])
    size, need = np.int64(M.frame[5 * f + FRAME_SIZE]), np.int64(M.frame[5 * f + FRAME_NEED])
    required = np.int64(M.scope[4 * scope + SCOPE_NEED])
    mine = 1 if e < required else 0
    if kind == ONCE:
        return np.int64(f) if has_room(M, f, mine) and not has(M, known, e) else np.int64(REFUSED)
    if kind == ROOM:
        return np.int64(f) if has_room(M, f, 0) else np.int64(REFUSED)
    if kind == MORE:
        return np.int64(f) if size < M.scope[4 * scope + SCOPE_HIGH] else np.int64(REFUSED)
    if kind == DONE:
        return np.int64(f) if need == required and size >= M.scope[4 * scope + SCOPE_LOW] else np.int64(REFUSED)
    known = insert(M, known, e)
    if known < 0:
        return known
    return frame(M, scope, known, np.int64(M.frame[5 * f + FRAME_SEEN]), counts_on(M, scope, size), need + mine)


@jit
def after_key(M, f, key):
    """The frame after a key (its text, -1: unknown), REFUSED where it has the key, or -1: no room in the tables. Where it is in doubt
    whether the key is new, n[TEXT] becomes DOUBT."""
    scope, seen = np.int64(M.frame[5 * f + FRAME_SCOPE]), np.int64(M.frame[5 * f + FRAME_SEEN])
    if seen >= 0 and key >= 0:
        if has(M, seen, key):
            return np.int64(REFUSED)
        seen = insert(M, seen, key)
        if seen < 0:
            return seen
    else:
        if seen != 0 and seen != SPARED:
            M.n[TEXT] = DOUBT
        seen = np.int64(SOME)
    size = counts_on(M, scope, np.int64(M.frame[5 * f + FRAME_SIZE]))
    return frame(M, scope, np.int64(M.frame[5 * f + FRAME_KNOWN]), seen, size, np.int64(M.frame[5 * f + FRAME_NEED]))


@jit
def forgetful(M, f, instead):
    """The frame with SOME or SPARED in place of keys that it knows, or -1: no room."""
    if M.frame[5 * f + FRAME_SEEN] <= 0:
        return np.int64(f)
    scope, known = np.int64(M.frame[5 * f + FRAME_SCOPE]), np.int64(M.frame[5 * f + FRAME_KNOWN])
    return frame(M, scope, known, np.int64(instead), np.int64(M.frame[5 * f + FRAME_SIZE]), np.int64(M.frame[5 * f + FRAME_NEED]))
