"""Calls and returns: what an item leads to without reading anything. Rules, binds and their texts, lists of entries."""

from __future__ import annotations

import numpy as np

from structgen.kernels.intern import find_mark, push, unite
from structgen.kernels.linking import jit
from structgen.kernels.sets import REFUSED, after_deed, after_key, frame
from structgen.kernels.tables import *
from structgen.kernels.texts import plain
from structgen.kernels.values import value_there
from structgen.kernels.work import add

END = 0  # a node of every machine, where a rule ends


@jit
def add_call(M, to, ret, ctx):
    """Follow one call edge (or free step) from an item with context `ctx`."""
    if to == -1:
        return add(M, ret, ctx)
    if to >= DEED:
        return do(M, (to & INDEX) >> DEED_KIND, to & ((1 << DEED_KIND) - 1), ret, ctx)
    if ret >= 0:
        ctx = push(M, ret, ctx)
        if ctx < 0:
            return NEED_ROOM
    if to >= BIND:
        ctx = open_bind(M, to & INDEX, ctx)
        if ctx < 0:
            return NEED_ROOM
        to = np.int64(M.bind[3 * (to & INDEX) + BIND_INNER])
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
        M.n[TEXT] = EMPTY if M.bind[3 * bind + BIND_FLAGS] & KNOWS else UNKNOWN
    mark = find_mark(M, bind, np.int64(M.text_size[M.n[TEXT]]))
    return mark if mark < 0 else push(M, BIND + mark, ctx)


@jit
def close_bind(M, mark, ctx):
    """Go on behind the text of a bind, which is complete. 0 or a NEED_ code."""
    bind = np.int64(M.mark[2 * mark + MARK_BIND])
    flags = M.bind[3 * bind + BIND_FLAGS]
    text = M.n[TEXT]
    if flags & FRESH:
        return close_key(M, mark, ctx)
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
    rule = np.int64(M.bind[3 * bind + BIND_NEXT])
    return 0 if rule < 0 else add_call(M, rule, np.int64(-1), np.int64(ctx))


@jit
def close_key(M, mark, ctx):
    """Go on behind a key, which is complete, in those lists that do not have it. 0 or a NEED_ code."""
    bind, text = np.int64(M.mark[2 * mark + MARK_BIND]), M.n[TEXT]
    key = np.int64(-1)
    if text >= EMPTY and M.bind[3 * bind + BIND_FLAGS] & VALUES:
        key = value_there(M, text, np.int64(M.mark[2 * mark + MARK_FROM]))
        if key < 0:
            return NEED_ROOM
    elif text >= EMPTY:
        key, _ = plain(M, text, np.int64(M.mark[2 * mark + MARK_FROM]), M.bind[3 * bind + BIND_FLAGS] & QUOTED != 0)
        if key < 0:
            return NEED_ROOM
    found = np.int64(0)
    for j in range(M.ctx_off[ctx], M.ctx_off[ctx + 1]):
        f = after_key(M, np.int64(M.ctx_pair[2 * j]) & INDEX, key)
        if f != REFUSED:
            found = with_frame(M, found, f, np.int64(M.ctx_pair[2 * j + 1]))
        if found < 0:
            return NEED_ROOM
    return add(M, np.int64(M.bind[3 * bind + BIND_NEXT]), found) if found > 0 else 0


@jit
def with_frame(M, found, f, outer):
    """The context `found` (0: none) and one with frame f (-1: no room) on top of `outer`; or -1: no room."""
    one = f if f < 0 else push(M, FRAME + f, outer)
    return one if one < 0 or found == 0 else unite(M, found, one)


@jit
def do(M, kind, argument, ret, ctx):
    """Follow a call edge that does something to the frames on top of a context. 0 or a NEED_ code."""
    if kind == OPEN:
        if ret >= 0:
            ctx = push(M, ret, ctx)
        f = frame(M, argument, np.int64(0), np.int64(0), np.int64(0), np.int64(0))
        if ctx < 0 or f < 0:
            return NEED_ROOM
        ctx = push(M, FRAME + f, ctx)
        return NEED_ROOM if ctx < 0 else add(M, np.int64(M.scope[4 * argument + SCOPE_START]), ctx)
    found = np.int64(0)
    same = True
    for j in range(M.ctx_off[ctx], M.ctx_off[ctx + 1]):
        f = np.int64(M.ctx_pair[2 * j]) & INDEX
        outer = np.int64(M.ctx_pair[2 * j + 1])
        new = after_deed(M, f, kind, argument)
        same &= new == f
        if new == REFUSED:
            continue
        if kind == DONE:
            if add(M, np.int64(END), outer) < 0:
                return NEED_ROOM
            continue
        found = with_frame(M, found, new, outer) if kind == TAKE or M.ctx_off[ctx + 1] - M.ctx_off[ctx] > 1 else np.int64(ctx)
        if found < 0:
            return NEED_ROOM
    if found == 0:
        return 0
    return add(M, ret, np.int64(ctx) if same else found)


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
        elif ret >= BIND:  # a mark
            code = close_bind(M, ret & INDEX, outer)
        else:
            code = add(M, ret, outer)
        if code < 0:
            return code
    return final
