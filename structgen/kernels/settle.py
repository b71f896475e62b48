"""The mask of a state whose twin knows too little: tokens that depend on texts that the twin has forgotten.

Two kinds. Inside a key, those that complete it as one that is there already: they are struck out (`repeats`). And tokens in doubt,
which hold a whole key or more: a doubtful token with one key in it, which no list around has, is fine (`keys_of`); others are read byte by
byte from the state itself (`settle`).
"""

from __future__ import annotations

import numpy as np

from structgen.kernels.arena import pointer_to
from structgen.kernels.intern import longer, longer_by
from structgen.kernels.leaf import leaf_flags, leaf_step
from structgen.kernels.linking import jit
from structgen.kernels.sets import has
from structgen.kernels.tables import *
from structgen.kernels.texts import BEFORE, BEHIND, plain, unescape
from structgen.kernels.unfold import MOVE, made, step
from structgen.kernels.walk import allow
from structgen.kernels.work import add, begin

DIVIDED = 1 << 40  # `repeats`: the tokens that were found may be something else than repeated keys
MANY = -1  # `keys_of`: a token with no key or several


@jit
def contexts_of(M, s):
    """Put all contexts of state s on the work list, as nodes. 0 or NEED_ROOM."""
    begin(M)
    for i in range(M.off[s], M.off[s + 1]):
        if add(M, np.int64(M.item[2 * i + 1]), np.int64(1)) < 0:
            return NEED_ROOM
    i = 0
    while i < M.n[WORK]:
        c = np.int64(M.work_node[i])
        for j in range(M.ctx_off[c], M.ctx_off[c + 1]):
            if M.ctx_pair[2 * j + 1] > 1 and add(M, np.int64(M.ctx_pair[2 * j + 1]), np.int64(1)) < 0:
                return NEED_ROOM
        i += 1
    return 0


@jit
def sets_around(M, s):
    """Write the distinct sets of keys that the lists around state s have into `letters`. How many, or NEED_ROOM."""
    code = contexts_of(M, s)
    if code < 0:
        return np.int64(code)
    k = np.int64(0)
    for i in range(M.n[WORK]):
        c = M.work_node[i]
        for j in range(M.ctx_off[c], M.ctx_off[c + 1]):
            node = M.ctx_pair[2 * j]
            if node >> 28 != 6:
                continue
            seen = M.frame[5 * (node & INDEX) + FRAME_SEEN]
            new = seen > 0
            for m in range(k):
                new &= M.letters[m] != seen
            if new:
                if k >= M.size[SIZE_LETTERS]:
                    return NEED_ROOM
                M.letters[k] = seen
                k += 1
    return k


@jit
def clear(h, s, tokens, keys, row, at):
    """Allow those of the tokens in doubt whose one key is in no list around state s; the others are moved to the front. Their number, or
    a code."""
    M = machine_of(h)
    allowed = pointer_to(row)
    sets = sets_around(M, s)
    if sets < 0:
        return sets
    left = 0
    for i in range(tokens.shape[0]):
        new = keys[i] >= 0
        for m in range(sets):
            if new and has(M, np.int64(M.letters[m]), np.int64(keys[i])):
                new = False
        if new:
            allow(allowed, tokens[i])
        else:
            at[left] = tokens[i]
            left += 1
    return left


@jit
def settle(h, s, tokens, row, at):
    """Allow those of the tokens that state s itself allows, from number at[0] on. What a bind says of unknown texts stands in for what it
    would say of this one, which is not asked; a token that comes into doubt even so is moved to the front: there are at[1] of those."""
    M = machine_of(h)
    L = leaves_of(h)
    T = tokens_of(h)
    allowed = pointer_to(row)
    for i in range(at[0], tokens.shape[0]):
        t = tokens[i]
        r = np.int64(s)
        for j in range(T.off[t], T.off[t + 1]):
            after = step(M, L, r, np.int64(T.data[j]))
            if after == NEED_BIND:
                M.n[LAZY] = 1
                after = made(M, L, MOVE, r, np.int64(T.data[j]))
                M.n[LAZY] = 0
            if after < 0:
                return after
            r = after
            if r == 0 or M.text[r] == DOUBT:
                break
        if r > 0 and M.text[r] == DOUBT:
            tokens[at[1]] = t
            at[1] += 1
        elif r > 0:
            allow(allowed, t)
        at[0] = i + 1
    return 0


@jit
def repeats(h, s, row, found):
    """Write the tokens of a row that complete a key which state s is in, where its list has that key, into `found`. Their number, FULL, or
    a NEED_ code; plus DIVIDED where the state may be in something else as well, so that they are to be settled."""
    M = machine_of(h)
    T = tokens_of(h)
    allowed = pointer_to(row)
    k = np.int64(0)
    alone = M.off[s + 1] - M.off[s] == 1
    for i in range(M.off[s], M.off[s + 1]):
        ctx = M.item[2 * i + 1]
        alone &= M.ctx_off[ctx + 1] - M.ctx_off[ctx] == 1
        for j in range(M.ctx_off[ctx], M.ctx_off[ctx + 1]):
            node = M.ctx_pair[2 * j]
            if node >> 28 != 4:
                continue
            mark = node & INDEX
            flags = M.bind[3 * M.mark[2 * mark + MARK_BIND] + BIND_FLAGS]
            if flags & FRESH == 0 or flags & QUOTED == 0:
                continue
            prefix, e = plain(M, np.int64(M.text[s]), np.int64(M.mark[2 * mark + MARK_FROM]), True)
            if prefix < 0:
                return NEED_ROOM
            lists = M.ctx_pair[2 * j + 1]
            alone &= M.ctx_off[lists + 1] - M.ctx_off[lists] == 1
            for m in range(M.ctx_off[lists], M.ctx_off[lists + 1]):
                seen = np.int64(M.frame[5 * (M.ctx_pair[2 * m] & INDEX) + FRAME_SEEN])
                if seen > 0:
                    k = repeats_of(M, T, seen, prefix, e, allowed, found, k)
                    if k < 0:
                        return k
    return k if alone else k + DIVIDED


@jit
def repeats_of(M, T, seen, prefix, e, row, found, k):
    """The same for the keys in the set `seen` that go on from `prefix`; e: where the spelling is; k: how many were found so far."""
    M.stack[0] = prefix
    M.spelling[0] = e
    i = np.int64(0)
    while i < T.size[SIZE_BYTE]:
        d = T.depth[i]
        text = np.int64(M.stack[d])
        after, count, data = unescape(np.int64(M.spelling[d]), np.int64(T.byte[i]))
        if M.spelling[d] == BEFORE and T.byte[i] != 0x22:
            text = np.int64(-1)
        for _ in range(count):
            if text >= 0:
                text = longer_by(M, text, data & 255)
            data >>= 8
        if text < 0:
            i = np.int64(T.end[i])
        elif after != BEHIND:
            M.stack[d + 1] = text
            M.spelling[d + 1] = after
            i += 1
        else:
            if has(M, seen, text):
                for j in range(T.first[i], T.first[T.end[i]]):
                    t = T.ids[j]
                    if row[t >> 5] >> np.uint32(t & 31) & np.uint32(1) == 0:
                        continue
                    if k >= found.shape[0]:
                        return np.int64(FULL)
                    found[k] = t
                    k += 1
            i = np.int64(T.end[i])
    return k


@jit
def forbid(tokens, count, row):
    """Clear the bits of the first `count` tokens."""
    for i in range(count):
        row[tokens[i] >> 5] &= ~(np.uint32(1) << np.uint32(tokens[i] & 31))


@jit
def keys_of(h, tokens, keys):
    """For each token the text of the one key in it, or MANY. 0 or NEED_ROOM.

    A key in a token is where some leaf of keys can be read as a whole: there may be more of those than keys."""
    M = machine_of(h)
    L = leaves_of(h)
    T = tokens_of(h)
    leaves = np.int64(0)
    for b in range(M.n[BINDS]):
        flags = M.bind[3 * b + BIND_FLAGS]
        start = np.int64(-1) if flags & FRESH == 0 else np.int64(M.rule_start[M.bind[3 * b + BIND_INNER]])
        if flags & (FRESH | DOUBTS_IT) == 0 or (flags & FRESH and start < 0):  # says nothing in doubt, or was never reached
            continue
        if start >> 28 == 2:
            start = np.int64(M.minus[2 * (start & INDEX) + MINUS_FROM])
        if start >> 28 != 1 or flags & QUOTED == 0:  # something in doubt that is no such key
            leaves = np.int64(0)
            break
        new = True
        for m in range(leaves):
            new &= M.letters[m] != start & INDEX
        if new:
            if leaves >= M.size[SIZE_LETTERS]:
                return NEED_ROOM
            M.letters[leaves] = start & INDEX
            leaves += 1
    for i in range(tokens.shape[0]):
        key, count = np.int64(MANY), 0
        low, high = np.int64(T.off[tokens[i]]), np.int64(T.off[tokens[i] + 1])
        for m in range(leaves):
            for first in range(low, high):
                g, end = np.int64(M.letters[m]), first
                while end < high and leaf_flags(L, g) & 1 == 0:
                    r = leaf_step(L, g, np.int64(T.data[end]))
                    if r < 0:
                        break
                    g = r >> 1
                    end += 1
                if end > first and leaf_flags(L, g) & 1:
                    one = plain_bytes(M, T, np.int64(first), np.int64(end))
                    if one < 0:
                        return NEED_ROOM
                    count += 1 if m == 0 or one != key else 0  # one key may be read in several leaves
                    key = one
        keys[i] = key if count == 1 else MANY
    return 0


@jit
def plain_bytes(M, T, first, end):
    """The text that bytes first..end of the tokens say as a JSON string, or -1: no room."""
    found, e = np.int64(EMPTY), np.int64(0)
    for j in range(first, end):
        e, count, data = unescape(e, np.int64(T.data[j]))
        for _ in range(count):
            found = longer(M, found, data & 255)
            if found < 0:
                return found
            data >>= 8
    return found
