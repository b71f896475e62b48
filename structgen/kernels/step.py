"""Steps of the byte automaton: gather what a byte leads to, close it under calls and returns, intern the result.

Every function works on `M` (Machine) and `L` (Leaves). Where something is missing (room, a rule's body) the step is given up with a
NEED_ code before anything wrong is remembered; after Python has helped, the same call is made again and finds most of its way in
the memo.
"""

from __future__ import annotations

import numpy as np

from structgen.kernels.arena import jit
from structgen.kernels.intern import counted_node, find_mark, longer, minus_node, mix, push, unite
from structgen.kernels.leaf import leaf_bits, leaf_dist, leaf_far, leaf_flags, leaf_step
from structgen.kernels.tables import *


@jit
def one_bit(b):
    """Bit b & 63 of a word."""
    return np.uint64(1) << np.uint64(b & 63)


# ---- closure
# -------------------------------------------------------------------------------------------------------------------------------


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
def add_call(M, to, ret, ctx):
    """Follow one call edge (or free step) from an item with context `ctx`."""
    if to == -1:
        return add(M, ret, ctx)
    if ret >= 0:
        ctx = push(M, ret, ctx)
        if ctx < 0:
            return NEED_ROOM
    if to >= BIND:
        ctx = open_bind(M, to & INDEX, ctx)
        if ctx < 0:
            return NEED_ROOM
        to = np.int64(M.bind[4 * (to & INDEX) + BIND_INNER])
    start = to
    if to < LEAF:
        start = np.int64(M.rule_start[to])
        if start < 0:
            M.n[ARG] = to
            return NEED_RULE
    return add(M, start, ctx)


@jit
def open_bind(M, bind, ctx):
    """The context in which the text of a bind is read, or -1: no room."""
    if M.n[TEXT] == NO_TEXT:
        M.n[TEXT] = EMPTY if M.bind[4 * bind + BIND_FLAGS] & KNOWS else UNKNOWN
    mark = find_mark(M, bind, np.int64(M.text_size[M.n[TEXT]]))
    return mark if mark < 0 else push(M, BIND + mark, ctx)


@jit
def close_bind(M, mark, ctx):
    """Go on behind the text of a bind, which is complete. 0 or a NEED_ code."""
    bind = np.int64(M.mark_bind[mark])
    flags = M.bind[4 * bind + BIND_FLAGS]
    text = M.n[TEXT]
    if text >= EMPTY and flags & KNOWS:
        e = np.int64(M.text_then[text])
        while e >= 0 and M.then_mark[e] != mark:
            e = np.int64(M.then_next[e])
        if e >= 0:
            rule = np.int64(M.then_rule[e])
            return 0 if rule < 0 else add_call(M, rule, np.int64(-1), np.int64(ctx))
        if not M.n[LAZY]:
            M.n[ARG] = mark
            M.n[ARG2] = text
            return NEED_BIND
        M.n[TEXT] = UNKNOWN
    if flags & DOUBTS_IT:
        M.n[TEXT] = DOUBT
    rule = np.int64(M.bind[4 * bind + BIND_UNKNOWN])
    return 0 if rule < 0 else add_call(M, rule, np.int64(-1), np.int64(ctx))


@jit
def give_back(M, ctx):
    """Return to everything that a context names. 1 where the text may end there, 0 where not, or a NEED_ code."""
    final = 0
    for j in range(M.ctx_off[ctx], M.ctx_off[ctx + 1]):
        ret = np.int64(M.ctx_pair[2 * j])
        outer = np.int64(M.ctx_pair[2 * j + 1])
        code = 0
        if ret < 0:
            final = 1
        elif ret >= BIND:
            code = close_bind(M, ret & INDEX, outer)
        else:
            code = add(M, ret, outer)
        if code < 0:
            return code
    return final


@jit
def any_open(M):
    """Whether a bind is open in some item of the work list."""
    for i in range(M.n[WORK]):
        if M.ctx_open[M.work_ctx[i]]:
            return True
    return False


@jit
def node_accepts(M, L, node):
    """Whether the rule that a node belongs to may end here."""
    if node >> 28 == 0:
        return M.node[5 * node + FLAG] & 1 == 1
    if node >> 28 == 2:
        if M.final[M.minus_state[node & INDEX]]:
            return False
        node = np.int64(M.minus_from[node & INDEX])
    k = node & INDEX
    if node >> 28 == 1:
        return leaf_flags(L, k) & 1 == 1
    bound = M.count_bound[k]
    return leaf_flags(L, np.int64(M.count_leaf[k])) & 1 == 1 and M.low[bound] <= M.count_done[k] <= M.high[bound]


@jit
def node_moves(M, L, node):
    """Whether some byte may be read at a node."""
    if node >> 28 == 0:
        return M.node[5 * node + LIT] >= 0 or M.node[5 * node + EDGES] >= 0
    if node >> 28 == 2:
        node = np.int64(M.minus_from[node & INDEX])
    k = node & INDEX
    if node >> 28 == 1:
        return leaf_flags(L, k) & 2 == 2
    flags = leaf_flags(L, np.int64(M.count_leaf[k]))
    if M.count_done[k] >= M.high[M.count_bound[k]]:
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
        node = np.int64(M.minus_from[node & INDEX])
    g = node & INDEX
    if node >> 28 == 3:
        g = np.int64(M.count_leaf[g])
    for w in range(4):
        M.bits[4 * s + w] |= leaf_bits(L, g, w)


# ---- one byte
# ------------------------------------------------------------------------------------------------------------------------------


@jit
def move_slot(M, s, b):
    """Where the memo holds (s, b), or the free cell for it."""
    key = (np.int64(s) << 10) | b
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
        node = np.int64(M.minus_from[k])
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
    r = leaf_step(L, np.int64(M.count_leaf[k]), b)
    if r < 0:
        return np.int64(0)
    bound = np.int64(M.count_bound[k])
    done = M.count_done[k] + (r & 1)
    if done + leaf_dist(L, r >> 1) > M.high[bound] or done + leaf_far(L, r >> 1) < M.low[bound]:
        return np.int64(0)
    return np.int64(counted_node(M, r >> 1, bound, done))


@jit
def plain_step(M, L, s, b):
    """`step` for states without minus nodes (the machine states of minus nodes are such)."""
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
        M.move_key[p] = (np.int64(s) << 10) | b
        M.move_to[p] = r
        M.n[MOVES] += 1
    return r


@jit
def move(M, L, s, b):
    """`step` without its memo."""
    for i in range(M.off[s], M.off[s + 1]):
        node = np.int64(M.item[2 * i])
        if node >> 28 == 2:
            other = plain_step(M, L, np.int64(M.minus_state[node & INDEX]), b)
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
def step(M, L, s, b):
    """The state after symbol b, 0 if there is none; or a NEED_ code."""
    p = move_slot(M, s, b)
    if M.move_key[p] >= 0:
        return np.int64(M.move_to[p])
    if 2 * M.n[MOVES] + 2 * (M.off[s + 1] - M.off[s]) >= M.size[SIZE_MOVES]:
        return NEED_ROOM
    r = move(M, L, s, b)
    if r >= 0:
        p = move_slot(M, s, b)  # the steps of minus nodes may have taken the cell
        M.move_key[p] = (np.int64(s) << 10) | b
        M.move_to[p] = r
        M.n[MOVES] += 1
    return r


@jit
def returned(M, L, ctx):
    """The state after context `ctx` is returned to; binds that are open in it have unknown texts."""
    s = np.int64(M.ctx_state[ctx])
    if s >= 0:
        return s
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


# ---- twins ----


@jit
def twin_node(M, node):
    """The twin of a place: a node, or a mark; -1: no room."""
    if node >= BIND:
        bind = np.int64(M.mark_bind[node & INDEX])
        mark = find_mark(M, np.int64(M.bind[4 * bind + BIND_TWIN]), np.int64(0))
        return mark if mark < 0 else BIND + mark
    if 0 <= node < LEAF and M.node_twin[node] >= 0:
        return np.int64(M.node_twin[node])
    return node


@jit
def twin_context(M, top):
    """The twin of a context, or -1: no room. Those of the contexts around it come first."""
    while M.ctx_twin[top] < 0:
        c = top
        deeper = True
        while deeper:
            deeper = False
            for j in range(M.ctx_off[c], M.ctx_off[c + 1]):
                if M.ctx_twin[M.ctx_pair[2 * j + 1]] < 0:
                    c = np.int64(M.ctx_pair[2 * j + 1])
                    deeper = True
                    break
        found = np.int64(0)
        for j in range(M.ctx_off[c], M.ctx_off[c + 1]):
            node = twin_node(M, np.int64(M.ctx_pair[2 * j]))
            one = node if node < 0 and M.ctx_pair[2 * j] >= 0 else push(M, node, np.int64(M.ctx_twin[M.ctx_pair[2 * j + 1]]))
            if one < 0:
                return np.int64(-1)
            found = one if found == 0 else unite(M, found, one)
            if found < 0:
                return np.int64(-1)
        M.ctx_twin[c] = found
        M.ctx_twin[found] = found
    return np.int64(M.ctx_twin[top])


@jit
def twin_of(M, L, s):
    """The state that a mask of s is made of: s with all texts forgotten; or NEED_ROOM."""
    if M.twin[s] >= 0:
        return np.int64(M.twin[s])
    if M.text[s] == DOUBT:
        M.twin[s] = s
        return np.int64(s)
    begin(M)
    for i in range(M.off[s], M.off[s + 1]):
        node = twin_node(M, np.int64(M.item[2 * i]))
        ctx = twin_context(M, np.int64(M.item[2 * i + 1]))
        if node < 0 or ctx < 0 or add(M, node, ctx) < 0:
            return NEED_ROOM
    k = np.int64(M.n[WORK])
    M.n[TEXT] = UNKNOWN if any_open(M) else NO_TEXT
    sort_items(M.work_node, M.work_ctx, k)
    r = np.int64(s) if k == 0 else find_state(M, L, k, np.int64(M.final[s]))
    if r >= 0:
        M.twin[s] = r
        M.twin[r] = r
    return r


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
def twin(h, s):
    """The twin of state s: it has the mask of s, but for tokens in doubt."""
    return twin_of(machine_of(h), leaves_of(h), s)


@jit
def rehash(h, which):
    """Fill the emptied hash table `which` (0 states, 1 contexts, 2 minus nodes, 3 counted nodes, 4 texts, 5 marks) again."""
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
        for k in range(M.n[MINUSES]):
            put(M.minus_hash, M.size[SIZE_MINUS_HASH], mix(mix(np.int64(7), np.int64(M.minus_from[k])), M.minus_state[k]), k)
    elif which == 4:
        for k in range(EMPTY + 1, M.n[TEXTS]):
            put(M.text_hash, M.size[SIZE_TEXT_HASH], mix(mix(np.int64(23), np.int64(M.text_up[k])), M.text_byte[k]), k)
    elif which == 5:
        for k in range(M.n[MARKS]):
            put(M.mark_hash, M.size[SIZE_MARK_HASH], mix(mix(np.int64(19), np.int64(M.mark_bind[k])), M.mark_from[k]), k)
    else:
        for k in range(M.n[COUNTS]):
            put(
                M.count_hash,
                M.size[SIZE_COUNT_HASH],
                mix(mix(mix(np.int64(3), np.int64(M.count_leaf[k])), M.count_bound[k]), M.count_done[k]),
                k,
            )


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
            p = move_slot(M, keys[i] >> 10, keys[i] & 1023)
            M.move_key[p] = keys[i]
            M.move_to[p] = values[i]
