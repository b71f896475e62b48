"""Reading tokens and bytes: where a state comes to."""

from __future__ import annotations

import numpy as np

from structgen.kernels.linking import jit
from structgen.kernels.tables import *
from structgen.kernels.unfold import BEGIN, UNITE, made, step
from structgen.kernels.walk import NOWHERE, is_literal, is_set, only_way


@jit
def advance(h, s, t):
    """The state after token t, 0 if it is not allowed, NOWHERE where there is no state s, or a NEED_ code."""
    M = machine_of(h)
    L = leaves_of(h)
    T = tokens_of(h)
    if s >= M.n[STATES]:
        return NOWHERE
    stop, stops, mute, mutes = own_of(h)
    itself = np.int64(0)
    if M.n[SPECIAL]:
        itself = step(M, L, s, 256 + t)
        if itself < 0:
            return itself
    if t + 1 < T.size[SIZE_TOKEN_OFF] and T.off[t] < T.off[t + 1] and not is_set(mute, mutes, t):
        text = read_token(M, L, T, s, t)
        if itself == 0 or text < 0:
            return text
        return made(M, L, UNITE, itself, text) if text else itself
    if itself == 0 and M.final[s]:
        for j in range(stops):
            if stop[j] == t:
                return ENDED
    return itself


@jit
def read_token(M, L, T, s, t):
    """The state after the bytes of token t, 0 if there is none, or a NEED_ code."""
    j, stop = np.int64(T.off[t]), np.int64(T.off[t + 1])
    while j < stop:
        at = M.off[s]
        if stop - j > 1 and M.off[s + 1] == at + 1 and is_literal(M, s, np.int64(M.item[2 * at]), np.int64(M.item[2 * at + 1])):
            node, read = follow(M, T, np.int64(M.item[2 * at]), j, stop)
            if read > j:  # without a state for each byte
                s = made(M, L, BEGIN, node, np.int64(M.item[2 * at + 1]))
                if s <= 0:
                    return s
                j = read
                continue
        s = step(M, L, s, np.int64(T.data[j]))
        if s <= 0:
            return s
        j += 1
    return s


@jit
def follow(M, T, node, j, stop):
    """Read bytes j..stop of the tokens along a literal: the node behind them, and the first byte that is no part of it."""
    while j < stop:
        e = only_way(M, node)
        if e == -1 and M.node[5 * node + LIT] == T.data[j]:
            node += 1
        elif e >= 0 and M.edge[5 * e + LOW] == T.data[j]:
            node = np.int64(M.edge[5 * e + TO])
        else:
            break
        j += 1
        if M.node[5 * node + CALLS] >= 0 or M.node[5 * node + FLAG] & 1 or only_way(M, node) == -2:
            break
    return node, j


@jit
def run(h, data, s, out):
    """Read bytes from state s. out[0]: how many were read before the state in out[1] (the last living one, or where help is needed).
    Returns the code."""
    M = machine_of(h)
    L = leaves_of(h)
    out[1] = s
    for j in range(out[0], data.shape[0]):
        r = step(M, L, out[1], np.int64(data[j]))
        if r <= 0:
            return r
        out[0] = j + 1
        out[1] = r
    return 1


@jit
def start(h, node):
    """The state in which `node` is about to begin and nothing is to follow it."""
    M = machine_of(h)
    L = leaves_of(h)
    M.ctx_state[1] = COMPLETE
    return made(M, L, BEGIN, node, 1)
