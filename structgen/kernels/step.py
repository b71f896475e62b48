"""Steps of the byte automaton: gather what a byte leads to, close it under calls and returns, intern the result.

Every function works on `M` (Machine) and `L` (Leaves). Where something is missing (room, a rule's body) the step is given up with a
NEED_ code before anything wrong is remembered; after Python has helped, the same call is made again and finds most of its way in
the memo.
"""

from __future__ import annotations

import numpy as np

from structgen.kernels.calls import add_call, give_back
from structgen.kernels.intern import counted_node, longer, minus_node, mix, push, record_hash
from structgen.kernels.leaf import leaf_bits, leaf_dist, leaf_far, leaf_flags, leaf_step
from structgen.kernels.linking import jit
from structgen.kernels.tables import *
from structgen.kernels.work import add, any_open, begin, sort_items


@jit
def one_bit(b):
    """Bit b & 63 of a word."""
    return np.uint64(1) << np.uint64(b & 63)


@jit
def node_accepts(M, L, node):
    """Whether the rule that a node belongs to may end here."""
    if node >> 28 == 0:
        return M.node[5 * node + FLAG] & 1 == 1
    if node >> 28 == 2:
        if M.final[M.minus[2 * (node & INDEX) + MINUS_STATE]]:
            return False
        node = np.int64(M.minus[2 * (node & INDEX) + MINUS_FROM])
    k = node & INDEX
    if node >> 28 == 1:
        return leaf_flags(L, k) & 1 == 1
    bound = M.count[3 * k + COUNT_BOUND]
    return leaf_flags(L, np.int64(M.count[3 * k + COUNT_LEAF])) & 1 == 1 and M.low[bound] <= M.count[3 * k + COUNT_DONE] <= M.high[bound]


@jit
def node_moves(M, L, node):
    """Whether some byte may be read at a node."""
    if node >> 28 == 0:
        return M.node[5 * node + LIT] >= 0 or M.node[5 * node + EDGES] >= 0
    if node >> 28 == 2:
        node = np.int64(M.minus[2 * (node & INDEX) + MINUS_FROM])
    k = node & INDEX
    if node >> 28 == 1:
        return leaf_flags(L, k) & 2 == 2
    flags = leaf_flags(L, np.int64(M.count[3 * k + COUNT_LEAF]))
    if M.count[3 * k + COUNT_DONE] >= M.high[M.count[3 * k + COUNT_BOUND]]:
        return flags & 4 == 4
    return flags & 2 == 2


@jit
def close(M, L):
    """Close the work list under calls, free steps and returns, and intern it: a state, 0 where nothing is left, or a NEED_ code."""
    final = 0
    while M.n[HEAD] != M.n[TAIL]:
        i = np.int64(M.work_ring[M.n[HEAD] % M.size[SIZE_WORK]])
        M.n[HEAD] += 1
        M.work_in[i] = 0
        node = np.int64(M.work_node[i])
        ctx = np.int64(M.work_ctx[i])
        if node < LEAF:
            e = M.node[5 * node + CALLS]
            while e >= 0:
                code = add_call(M, np.int64(M.call[3 * e + CALL_TO]), np.int64(M.call[3 * e + CALL_RET]), ctx)
                if code < 0:
                    return code
                e = M.call[3 * e + CALL_NEXT]
        if node_accepts(M, L, node):
            code = give_back(M, ctx)
            if code < 0:
                return code
            final |= code
    return intern_state(M, L, np.int64(final))


@jit
def intern_state(M, L, final):
    """Intern the items of the work list that can read a byte, with the flag `final`."""
    k = 0
    for i in range(M.n[WORK]):
        node = np.int64(M.work_node[i])
        if node_moves(M, L, node):
            ctx = M.work_ctx[i]
            M.work_node[k] = node
            M.work_ctx[k] = ctx
            k += 1
    M.n[WORK] = k
    if M.n[TEXT] != NO_TEXT and M.n[TEXT] != DOUBT and not any_open(M):
        M.n[TEXT] = NO_TEXT
    if k == 0 and M.n[TEXT] == NO_TEXT:
        return final  # state 0 is dead, state 1 the end of the text
    sort_items(M.work_node, M.work_ctx, np.int64(k))
    return find_state(M, L, np.int64(k), np.int64(final))


@jit
def find_state(M, L, k, final):
    """Intern the first k items of the work list, already sorted, with the text n[TEXT]."""
    text = M.n[TEXT]
    h = mix(mix(np.int64(13), np.int64(final)), text)
    for i in range(k):
        h = mix(mix(h, np.int64(M.work_node[i])), np.int64(M.work_ctx[i]))
    mask = M.size[SIZE_HASH] - 1
    p = h & mask
    while M.hash[p] >= 0:
        s = M.hash[p]
        at = M.off[s]
        if M.off[s + 1] - at == k and M.final[s] == final and M.text[s] == text:
            same = True
            for i in range(k):
                if M.item[2 * (at + i)] != M.work_node[i] or M.item[2 * (at + i) + 1] != M.work_ctx[i]:
                    same = False
                    break
            if same:
                return np.int64(s)
        p = (p + 1) & mask
    s = M.n[STATES]
    at = M.n[ITEMS]
    if s + 2 >= M.size[SIZE_OFF] or 2 * s >= mask or 2 * (at + k) > M.size[SIZE_ITEM]:
        return NEED_ROOM
    for i in range(k):
        M.item[2 * (at + i)] = M.work_node[i]
        M.item[2 * (at + i) + 1] = M.work_ctx[i]
    M.off[s + 1] = at + k
    M.final[s] = final
    M.text[s] = text
    M.twin[s] = -1
    for w in range(4):
        M.bits[4 * s + w] = 0
    for i in range(k):
        mark_bytes(M, L, s, np.int64(M.work_node[i]))
    M.hash[p] = s
    M.n[STATES] = s + 1
    M.n[ITEMS] = at + k
    return s


@jit
def mark_bytes(M, L, s, node):
    """Add to the byte set of state s what may follow at `node`."""
    kind = node >> 28
    if kind == 0:
        if M.node[5 * node + LIT] >= 0:
            M.bits[4 * s + (M.node[5 * node + LIT] >> 6)] |= one_bit(M.node[5 * node + LIT])
        if M.node[5 * node + DOOR] > 0:
            first = np.int64(L.door_byte[M.node[5 * node + DOOR]])
            M.bits[4 * s + (first >> 6)] |= one_bit(first)
        e = M.node[5 * node + EDGES]
        while e >= 0:
            b = np.int64(M.edge[5 * e + LOW])
            while b <= M.edge[5 * e + HIGH] and b < 256:
                M.bits[4 * s + (b >> 6)] |= one_bit(b)
                b += 1
            e = M.edge[5 * e + NEXT]
        return
    if kind == 2:
        node = np.int64(M.minus[2 * (node & INDEX) + MINUS_FROM])
    g = node & INDEX
    if node >> 28 == 3:
        g = np.int64(M.count[3 * g + COUNT_LEAF])
    for w in range(4):
        M.bits[4 * s + w] |= leaf_bits(L, g, w)


# ---- one byte
# ------------------------------------------------------------------------------------------------------------------------------


@jit
def move_slot(M, s, b):
    """Where the memo holds (s, b), or the free cell for it."""
    key = (np.int64(s) << SYMBOL_BITS) | b
    mask = M.size[SIZE_MOVES] - 1
    p = mix(mix(np.int64(17), np.int64(s)), b) & mask
    while M.move_key[p] >= 0 and M.move_key[p] != key:
        p = (p + 1) & mask
    return p


@jit
def gather(M, L, s, b):
    """Put what symbol b leads to from state s on a fresh work list. 0 or NEED_ROOM."""
    begin(M)
    for i in range(M.off[s], M.off[s + 1]):
        node = np.int64(M.item[2 * i])
        ctx = np.int64(M.item[2 * i + 1])
        code = 0
        kind = node >> 28
        if kind == 0:
            if M.node[5 * node + LIT] == b:
                code = add(M, node + 1, ctx)
            elif M.node[5 * node + DOOR] > 0 and L.door_byte[M.node[5 * node + DOOR]] == b:
                code = open_door(M, L, np.int64(M.node[5 * node + DOOR]), node + 1, ctx)
            e = M.node[5 * node + EDGES]
            while e >= 0 and code == 0:
                if M.edge[5 * e + LOW] <= b <= M.edge[5 * e + HIGH]:
                    inner = ctx
                    if M.edge[5 * e + PUSH] >= 0:
                        inner = push(M, np.int64(M.edge[5 * e + PUSH]), ctx)
                    code = NEED_ROOM if inner < 0 else add(M, np.int64(M.edge[5 * e + TO]), inner)
                e = M.edge[5 * e + NEXT]
        elif b < 256:
            code = gather_leaf(M, L, node, ctx, b, np.int64(M.side[i - M.off[s]]) if kind == 2 else 0)
        if code < 0:
            return code
    return 0


@jit
def open_door(M, L, door, ret, ctx):
    """Go through a door, to return to node `ret` of the literal."""
    to = np.int64(L.door_to[door])
    if to < 0:
        M.n[ARG] = door
        return NEED_DOOR
    ctx = push(M, ret, ctx)
    return NEED_ROOM if ctx < 0 else add(M, to, ctx)


@jit
def gather_leaf(M, L, node, ctx, b, other):
    """One item inside a leaf; `other` is where the machine state of a minus node went. 0 or NEED_ROOM."""
    k = node & INDEX
    if node >> 28 == 2:
        if M.final[other] and other > 0:
            # Exactly a text that is taken: the leaf is prefix-free, so nothing goes on from here. Or the beginning of taken texts only.
            return 0
        node = np.int64(M.minus[2 * k + MINUS_FROM])
    to = inner_step(M, L, node, b)
    if to > 0 and other > 0:
        to = np.int64(minus_node(M, to, other))
    return add(M, to, ctx) if to > 0 else to


@jit
def inner_step(M, L, node, b):
    """The node after byte b inside a leaf, counted or not; 0 where there is none, or NEED_ROOM."""
    k = node & INDEX
    if node >> 28 == 1:
        r = leaf_step(L, k, b)
        return np.int64(0) if r < 0 else np.int64(LEAF + (r >> 1))
    r = leaf_step(L, np.int64(M.count[3 * k + COUNT_LEAF]), b)
    if r < 0:
        return np.int64(0)
    bound = np.int64(M.count[3 * k + COUNT_BOUND])
    done = M.count[3 * k + COUNT_DONE] + (r & 1)
    if done + leaf_dist(L, r >> 1) > M.high[bound] or done + leaf_far(L, r >> 1) < M.low[bound]:
        return np.int64(0)
    return np.int64(counted_node(M, r >> 1, bound, done))


@jit
def plain_step(M, L, s, b):
    """`unfold.step` for states without minus nodes (the machine states of minus nodes are such)."""
    p = move_slot(M, s, b)
    if M.move_key[p] >= 0:
        return np.int64(M.move_to[p])
    if 2 * M.n[MOVES] >= M.size[SIZE_MOVES]:
        return NEED_ROOM
    code = gather(M, L, s, b)
    if code < 0:
        return code
    M.n[TEXT] = NO_TEXT
    r = close(M, L)
    if r >= 0:
        M.move_key[p] = (np.int64(s) << SYMBOL_BITS) | b
        M.move_to[p] = r
        M.n[MOVES] += 1
    return r


@jit
def move(M, L, s, b):
    """The state after symbol b, without a memo."""
    for i in range(M.off[s], M.off[s + 1]):
        node = np.int64(M.item[2 * i])
        if node >> 28 == 2:
            other = plain_step(M, L, np.int64(M.minus[2 * (node & INDEX) + MINUS_STATE]), b)
            if other < 0:
                return other
            M.side[i - M.off[s]] = other
    code = gather(M, L, s, b)
    if code < 0:
        return code
    text = np.int64(M.text[s])
    if text != NO_TEXT and text != DOUBT:
        if not any_open(M):
            text = np.int64(NO_TEXT)
        elif text >= EMPTY:
            text = longer(M, text, b)
            if text < 0:
                return NEED_ROOM
    M.n[TEXT] = text
    return close(M, L)


@jit
def step_anew(M, L, s, b):
    """The state after symbol b, 0 if there is none, which the memo does not have; or a NEED_ code."""
    if 2 * M.n[MOVES] + 2 * (M.off[s + 1] - M.off[s]) >= M.size[SIZE_MOVES]:
        return NEED_ROOM
    r = move(M, L, s, b)
    if r >= 0:
        p = move_slot(M, s, b)
        M.move_key[p] = (np.int64(s) << SYMBOL_BITS) | b
        M.move_to[p] = r
        M.n[MOVES] += 1
    return r


@jit
def return_to(M, L, ctx):
    """The state after context `ctx` is returned to; binds that are open in it have unknown texts."""
    begin(M)
    M.n[TEXT] = UNKNOWN if M.ctx_open[ctx] else NO_TEXT
    final = give_back(M, ctx)
    if final < 0:
        return final
    s = close(M, L)
    if s >= 0 and final and M.final[s] == 0:
        s = with_final(M, L, s)
    if s >= 0:
        M.ctx_state[ctx] = s
    return s


@jit
def united(M, L, a, b):
    """The state that goes on as either of two; `a` where their texts differ."""
    if M.text[a] != M.text[b]:
        return np.int64(a)
    begin(M)
    for s in (a, b):
        for i in range(M.off[s], M.off[s + 1]):
            code = add(M, np.int64(M.item[2 * i]), np.int64(M.item[2 * i + 1]))
            if code < 0:
                return np.int64(code)
    M.n[TEXT] = M.text[a]
    return intern_state(M, L, np.int64(M.final[a] | M.final[b]))


@jit
def with_final(M, L, s):
    """State s, but the text may end."""
    if s == 0:
        return 1
    M.n[TEXT] = M.text[s]
    k = M.off[s + 1] - M.off[s]
    for i in range(k):
        M.work_node[i] = M.item[2 * (M.off[s] + i)]
        M.work_ctx[i] = M.item[2 * (M.off[s] + i) + 1]
    return find_state(M, L, np.int64(k), np.int64(1))


# ---- entries for Python
# ---------------------------------------------------------------------------------------------------------------------


@jit
def make_counted(h, g, bound):
    """The node of leaf node g with bounds number `bound` and no character counted yet."""
    r = counted_node(machine_of(h), g, bound, 0)
    return NEED_ROOM if r < 0 else r


@jit
def make_minus(h, node, s):
    """The minus node of a node inside a leaf and machine state s."""
    r = minus_node(machine_of(h), node, s)
    return NEED_ROOM if r < 0 else r


@jit
def rehash(h, which):
    """Fill the emptied hash table `which` (numbers as in `machine._RECORDS`) again."""
    M = machine_of(h)
    if which == 0:
        for s in range(2, M.n[STATES]):
            x = mix(mix(np.int64(13), np.int64(M.final[s])), np.int64(M.text[s]))
            for i in range(2 * M.off[s], 2 * M.off[s + 1]):
                x = mix(x, np.int64(M.item[i]))
            put(M.hash, M.size[SIZE_HASH], x, s)
    elif which == 1:
        for c in range(2, M.n[CTX]):
            x = 11
            for i in range(2 * M.ctx_off[c], 2 * M.ctx_off[c + 1]):
                x = mix(x, np.int64(M.ctx_pair[i]))
            put(M.ctx_hash, M.size[SIZE_CTX_HASH], x, c)
    elif which == 2:
        refill(M.minus, 2, M.minus_hash, M.size[SIZE_MINUS_HASH], 0, M.n[MINUSES])
    elif which == 3:
        refill(M.count, 3, M.count_hash, M.size[SIZE_COUNT_HASH], 0, M.n[COUNTS])
    elif which == 4:
        refill(M.text_node, 2, M.text_hash, M.size[SIZE_TEXT_HASH], EMPTY + 1, M.n[TEXTS])
    elif which == 5:
        refill(M.mark, 2, M.mark_hash, M.size[SIZE_MARK_HASH], 0, M.n[MARKS])
    elif which == 6:
        refill(M.frame, 5, M.frame_hash, M.size[SIZE_FRAME_HASH], 0, M.n[FRAMES])
    else:
        refill(M.set, 17, M.set_hash, M.size[SIZE_SET_HASH], 1, M.n[SETS])


@jit
def refill(records, width, table, size, first, end):
    """Enter records first..end into an emptied hash table."""
    for k in range(first, end):
        put(table, size, record_hash(records, k, width), k)


@jit
def put(table, size, h, value):
    """Enter a value under a hash; there is room."""
    mask = size - 1
    p = h & mask
    while table[p] >= 0:
        p = (p + 1) & mask
    table[p] = value


@jit
def rehash_moves(h, keys, values):
    """Enter the memo of an older, smaller table."""
    M = machine_of(h)
    for i in range(keys.shape[0]):
        if keys[i] >= 0:
            p = move_slot(M, keys[i] >> SYMBOL_BITS, keys[i] & ((1 << SYMBOL_BITS) - 1))
            M.move_key[p] = keys[i]
            M.move_to[p] = values[i]
