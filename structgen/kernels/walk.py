"""Walks of the vocabulary trie: which tokens a state allows.

A row is the union of the rows of a state's items. Plain items are walked together through the vocabulary. An item inside a leaf
automaton is looked up: the tokens that stay inside depend on the leaf state alone, and only the rests of tokens that leave it are
walked, from the state that the context returns to. Those rests are merged (equal rests of different tokens are one path), by first
byte, when first needed. Only where the end of a leaf ends a text in doubt (see `tables`), the leaf is walked like a plain item.
"""

from __future__ import annotations

import numpy as np

from structgen.kernels.arena import pointer_to, u32
from structgen.kernels.linking import jit
from structgen.kernels.lookup import OF_COUNTS, OF_LEAF, OF_MERGE, look_up
from structgen.kernels.rows import told
from structgen.kernels.step import find_state
from structgen.kernels.tables import *
from structgen.kernels.unfold import BEGIN, DOOR_OF, made, returned, step, twin_of
from structgen.kernels.work import any_open

DOUBTFUL, NOWHERE, OTHER = 1 << 33, 1 << 34, 1 << 35
"""What `mask` and `advance` return beside numbers of tokens and states."""


@jit
def allow(row, t):
    """Set the bit of token t."""
    row[t >> 5] |= np.uint32(1) << np.uint32(t & 31)


@jit
def is_set(row, words, t):
    """Whether a row of so many words has the bit of token t."""
    return t >> 5 < words and (row[t >> 5] >> np.uint32(t & 31)) & np.uint32(1) != 0


@jit
def or_row(K, at, row):
    """Take in a dense row of the pool."""
    for w in range(K.width[0]):
        row[w] |= K.words[at + w]


@jit
def has_byte(M, s, b):
    """Whether state s may be able to read byte b."""
    return (M.bits[4 * s + (b >> 6)] >> np.uint64(b & 63)) & np.uint64(1) != 0


@jit
def walk(M, L, byte, depth, end, first, ids, i, stop, s, row, doubt):
    """Walk nodes i..stop of a trie from state s (before depth 0) and allow the ids on living nodes; those on nodes in doubt go into
    `doubt`. 0 or a NEED_ code."""
    M.stack[0] = s
    return walk_on(M, L, byte, depth, end, first, ids, i, stop, row, doubt)


@jit
def walk_on(M, L, byte, depth, end, first, ids, i, stop, row, doubt):
    """`walk` below a node: the state in which its children are read stands on the stack."""
    while i < stop:
        d = depth[i]
        here = np.int64(M.stack[d])
        b = np.int64(byte[i])
        r = 0
        if has_byte(M, here, b):
            r = step(M, L, here, b)
            if r < 0:
                return r
        if r == 0:
            i = end[i]
            continue
        if M.text[r] >= EMPTY:  # a text that begins in the token: as unknown as all others here, or each would be bound
            r = twin_of(M, L, r)
            if r < 0:
                return r
        M.stack[d + 1] = r
        if M.text[r] == DOUBT:
            M.n[DOUBTS] = 1
            for j in range(first[i], first[i + 1]):
                allow(doubt, ids[j])
        else:
            for j in range(first[i], first[i + 1]):
                allow(row, ids[j])
        i += 1
    return 0


@jit
def walk_vocabulary(M, L, T, s, row, doubt):
    """Allow the tokens that can be read from state s. 0 or a NEED_ code."""
    for b in range(256):
        if T.root[b] < T.root[b + 1] and has_byte(M, s, b):
            code = walk(M, L, T.byte, T.depth, T.end, T.first, T.ids, np.int64(T.root[b]), np.int64(T.root[b + 1]), s, row, doubt)
            if code < 0:
                return code
    return 0


@jit
def leaf_row(M, L, K, g, ctx, row, doubt):
    """Allow the tokens of an item inside leaf node g."""
    t = np.int64(look_up(K, OF_LEAF, g, np.int64(0)))
    if t < 0:
        M.n[ARG] = g
        return NEED_TABLE
    dense = K.desc[8 * t + ROW]
    if dense >= 0:
        at = dense * K.width[0]
        or_row(K, at, row)
    else:
        at = K.desc[8 * t + IDS]
        for j in range(at, at + K.desc[8 * t + IDS_N]):
            allow(row, K.ids[j])
    return leave(M, L, K, t, ctx, np.int64(0), row, doubt)


@jit
def leave(M, L, K, t, ctx, variant, row, doubt):
    """Allow the tokens that leave the leaf of table t and go on where the context returns to."""
    if K.exit_bits[4 * t] | K.exit_bits[4 * t + 1] | K.exit_bits[4 * t + 2] | K.exit_bits[4 * t + 3] == 0:
        return 0
    s = returned(M, L, ctx)
    if s < 0:
        return s
    for w in range(4):
        both = M.bits[4 * s + w] & K.exit_bits[4 * t + w]
        if both == 0:
            continue
        for k in range(64):
            if (both >> np.uint64(k)) & np.uint64(1) == 0:
                continue
            b = 64 * w + k
            r = step(M, L, s, b)
            if r < 0:
                return r
            if r == 0:
                continue
            m = look_up(K, OF_MERGE, np.int64(t * 256 + b), np.int64(variant))
            if m < 0:
                M.n[ARG] = t * 256 + b
                M.n[ARG2] = variant
                return NEED_MERGE
            at, stop = np.int64(K.merged[2 * m]), np.int64(K.merged[2 * m + 1])
            code = walk(M, L, K.byte, K.depth, K.end, K.first, K.tokens, at, stop, s, row, doubt)
            if code < 0:
                return code
    return 0


@jit
def strike_on(M, L, T, i, stop, row):
    """`strike` among trie nodes i..stop, whose states stand on the stack."""
    while i < stop:
        d = T.depth[i]
        here, b = np.int64(M.stack[d]), np.int64(T.byte[i])
        r = step(M, L, here, b) if has_byte(M, here, b) else np.int64(0)
        if r < 0:
            return r
        if r == 0:
            i = np.int64(T.end[i])
        elif M.final[r]:
            forbid_below(T, i, row)
            i = np.int64(T.end[i])
        else:
            M.stack[d + 1] = r
            i += 1
    return np.int64(0)


@jit
def forbid_below(T, i, row):
    """Forbid the tokens of trie node i and below."""
    for j in range(T.first[i], T.first[T.end[i]]):
        t = T.ids[j]
        row[t >> 5] &= ~(np.uint32(1) << np.uint32(t & 31))


@jit
def only_way(M, node):
    """The byte edge of a plain node that has one with one byte; -1 where it reads by LIT, -2 where it has other edges."""
    e = np.int64(M.node[5 * node + EDGES])
    if M.node[5 * node + LIT] >= 0:
        return np.int64(-1) if e < 0 else np.int64(-2)
    one = e >= 0 and M.edge[5 * e + NEXT] < 0 and M.edge[5 * e + PUSH] < 0 and M.edge[5 * e + LOW] == M.edge[5 * e + HIGH] < 256
    return e if one else np.int64(-2)


@jit
def child_of(T, i, stop, b):
    """The trie node with byte b among siblings i..stop (0: those of the root), or -1."""
    if i == 0:
        return np.int64(T.root[b]) if T.root[b] < T.root[b + 1] else np.int64(-1)
    while i < stop and T.byte[i] < b:
        i = np.int64(T.end[i])
    return np.int64(i) if i < stop and T.byte[i] == b else np.int64(-1)


@jit
def literal_row(M, L, T, node, ctx, taken, row, doubt):
    """Allow the tokens of a plain item that `only_way` follows, of which no text depends; or (`taken`) forbid those that hold a text of it.

    A literal is read along the trie without a state for each of its bytes (of the new states of cold masks these were two thirds);
    states are made where it ends, and where another spelling begins. 0 or a NEED_ code.
    """
    i, stop = np.int64(0), np.int64(0)
    while True:
        e = only_way(M, node)
        if e == -1:
            b, to = np.int64(M.node[5 * node + LIT]), node + 1
        else:
            b, to = np.int64(M.edge[5 * e + LOW]), np.int64(M.edge[5 * e + TO])
        door = np.int64(M.node[5 * node + DOOR])
        if door > 0:
            other = child_of(T, i, stop, np.int64(L.door_byte[door]))
            if other >= 0:
                code = read_on(M, L, T, other, DOOR_OF, node, ctx, taken, row, doubt)
                if code < 0:
                    return code
        i = child_of(T, i, stop, b)
        if i < 0:
            return np.int64(0)
        if M.node[5 * to + CALLS] >= 0 or M.node[5 * to + FLAG] & 1 or only_way(M, to) == -2:
            return read_on(M, L, T, i, BEGIN, to, ctx, taken, row, doubt)
        if not taken:
            for j in range(T.first[i], T.first[i + 1]):
                allow(row, T.ids[j])
        i, stop, node = i + 1, np.int64(T.end[i]), to


@jit
def read_on(M, L, T, i, how, node, ctx, taken, row, doubt):
    """Allow the tokens of trie node i and below, where node i leads to an item (`unfold.make`: BEGIN or DOOR_OF); or (`taken`) forbid those
    that hold a text of it. 0 or a NEED_ code."""
    r = made(M, L, how, node, ctx)
    if r <= 0:
        return r
    M.stack[T.depth[i] + 1] = r
    if taken:
        if M.final[r]:
            forbid_below(T, i, row)
            return np.int64(0)
        return strike_on(M, L, T, i + 1, np.int64(T.end[i]), row)
    into = row
    if M.text[r] == DOUBT:
        M.n[DOUBTS] = 1
        into = doubt
    for j in range(T.first[i], T.first[i + 1]):
        allow(into, T.ids[j])
    return walk_on(M, L, T.byte, T.depth, T.end, T.first, T.ids, i + 1, np.int64(T.end[i]), row, doubt)


@jit
def is_literal(M, s, node, ctx):
    """Whether `literal_row` can read an item of state s."""
    return node >> 28 == 0 and M.text[s] != DOUBT and M.ctx_open[ctx] == 0 and only_way(M, node) != -2


@jit
def strike(M, L, T, s, row):
    """Forbid the tokens on whose way the machine state s reaches a text that is taken, or the beginning of taken texts only."""
    plain = True
    for i in range(M.off[s], M.off[s + 1]):
        plain &= is_literal(M, s, np.int64(M.item[2 * i]), np.int64(M.item[2 * i + 1]))
    if plain:
        for i in range(M.off[s], M.off[s + 1]):
            code = literal_row(M, L, T, np.int64(M.item[2 * i]), np.int64(M.item[2 * i + 1]), True, row, row)
            if code < 0:
                return code
        return np.int64(0)
    M.stack[0] = s
    for w in range(4):
        bits = M.bits[4 * s + w]
        for k in range(64):
            if (bits >> np.uint64(k)) & np.uint64(1):
                b = 64 * w + k
                code = strike_on(M, L, T, np.int64(T.root[b]), np.int64(T.root[b + 1]), row)
                if code < 0:
                    return code
    return np.int64(0)


@jit
def minus_row(M, L, T, K, k, ctx, spare, row, doubt):
    """Allow the tokens of minus node k: those of its leaf, less those that spell a taken text."""
    for w in range(K.width[0]):
        spare[w] = 0
    node = np.int64(M.minus[2 * k + MINUS_FROM])
    if node >> 28 == 1:
        code = leaf_row(M, L, K, node & INDEX, ctx, spare, doubt)
    else:
        code = counted_row(M, L, K, node & INDEX, ctx, spare, doubt)
    if code < 0:
        return code
    code = strike(M, L, T, np.int64(M.minus[2 * k + MINUS_STATE]), spare)
    if code < 0:
        return code
    for w in range(K.width[0]):
        row[w] |= spare[w]
    return 0


@jit
def counted_row(M, L, K, k, ctx, row, doubt):
    """Allow the tokens of counted node k. Far from its bounds the rows are those of the leaf node."""
    g = np.int64(M.count[3 * k + COUNT_LEAF])
    bound = np.int64(M.count[3 * k + COUNT_BOUND])
    high = np.int64(M.high[bound])
    rest = high if high == NO_BOUND else high - M.count[3 * k + COUNT_DONE]
    need = max(np.int64(0), np.int64(M.low[bound]) - M.count[3 * k + COUNT_DONE])
    t = np.int64(look_up(K, OF_LEAF, g, np.int64(0)))
    if t < 0:
        M.n[ARG] = g
        return NEED_TABLE
    most = K.desc[8 * t + NEED_MOST]
    if most < 0:
        M.n[ARG] = g
        return NEED_COUNTS
    dense = look_up(K, OF_COUNTS, t, np.int64(min(rest, most)))
    if dense < 0:
        M.n[ARG] = t
        M.n[ARG2] = min(rest, most)
        return NEED_ROW
    at = dense * K.width[0]
    or_row(K, at, row)
    at = K.desc[8 * t + NEAR]
    for j in range(at, at + K.desc[8 * t + NEAR_N]):
        if K.near_low[j] <= rest and K.near_high[j] >= need:
            allow(row, K.near_id[j])
    most = K.desc[8 * t + EXIT_MOST]
    if need > most:
        return 0
    variant = 0 if rest >= most and need == 0 else 1 + min(rest, most) * RADIX + need
    return leave(M, L, K, t, ctx, np.int64(variant), row, doubt)


@jit
def in_doubt(M, ctx):
    """Whether a leaf in this context ends a text in doubt: the rows of leaves do not tell the tokens that end them exactly."""
    return M.ctx_open[ctx] != 0 and M.ctx_state[ctx] >= 0 and M.text[M.ctx_state[ctx]] == DOUBT


@jit
def mask(h, s, into, scratch):
    """Make the memory at `into` the row of the tokens that state s allows. `h`: handles of machine, leaves, tokens, rows, and what is the
    automaton's own; `scratch`: uint32[3, words].

    Returns what `rows.told` says of the row, its tokens being listed in scratch[2]; DOUBTFUL where those of row scratch[1] have to be tried
    one by one; OTHER + twin where the twin of s is another state, whose row is to be made; NOWHERE where there is no such state; or a
    NEED_ code.
    """
    M = machine_of(h)
    L = leaves_of(h)
    if s >= M.n[STATES]:
        return NOWHERE
    r = twin_of(M, L, s)
    if r != s:
        return r if r < 0 else OTHER + r
    row, spare, doubt, ids, words = u32(into), pointer_to(scratch[0]), pointer_to(scratch[1]), pointer_to(scratch[2]), scratch.shape[1]
    for w in range(words):
        row[w] = 0
    M.n[DOUBTS] = 0
    if M.n[BINDS]:
        for w in range(words):
            doubt[w] = 0
    code = fill_row(M, L, h, s, row, spare, doubt)
    if code < 0:
        return np.int64(code)
    if M.n[DOUBTS]:
        return DOUBTFUL
    return told(row, words, ids)


@jit
def fill_row(M, L, h, s, row, spare, doubt):
    """Allow the tokens of state s, which is its own twin. 0 or a NEED_ code."""
    T = tokens_of(h)
    K = rows_of(h)
    stop, stops, mute, mutes = own_of(h)
    at = M.off[s]
    plain = 0
    for i in range(at, M.off[s + 1]):
        node = np.int64(M.item[2 * i])
        ctx = np.int64(M.item[2 * i + 1])
        kind = node >> 28
        code = 0
        if kind and M.ctx_open[ctx]:
            code = returned(M, L, ctx)
            if code < 0:
                return code
        if is_literal(M, s, node, ctx):
            code = literal_row(M, L, T, node, ctx, False, row, doubt)
        elif kind == 0 or in_doubt(M, ctx):
            plain += 1
        elif kind == 1:
            code = leaf_row(M, L, K, node - LEAF, ctx, row, doubt)
        elif kind == 2:
            code = minus_row(M, L, T, K, node & INDEX, ctx, spare, row, doubt)
        else:
            code = counted_row(M, L, K, node & INDEX, ctx, row, doubt)
        if code < 0:
            return code
    r = s if plain else np.int64(0)
    if 0 < plain < M.off[s + 1] - at:
        plain = 0
        for i in range(at, M.off[s + 1]):
            node, ctx = np.int64(M.item[2 * i]), np.int64(M.item[2 * i + 1])
            if (node >> 28 == 0 and not is_literal(M, s, node, ctx)) or in_doubt(M, ctx):
                M.work_node[plain] = M.item[2 * i]
                M.work_ctx[plain] = M.item[2 * i + 1]
                plain += 1
        M.n[WORK] = plain
        M.n[TEXT] = M.text[s] if any_open(M) else NO_TEXT
        r = find_state(M, L, np.int64(plain), np.int64(0))
        if r < 0:
            return r
    if r:
        code = walk_vocabulary(M, L, T, r, row, doubt)
        if code < 0:
            return code
    for w in range(min(mutes, K.width[0])):
        row[w] &= ~mute[w]
        doubt[w] &= ~mute[w]
    if M.final[s]:
        for j in range(stops):
            allow(row, stop[j])
    return 0
