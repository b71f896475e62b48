"""States on demand: each look-up finds what is known, and calls what makes it.

What makes states (`step`, `twin`) is remote (`arena.Remote`), for it would be a large part of every kernel.
"""

from __future__ import annotations

import numpy as np

from structgen.kernels.arena import i64
from structgen.kernels.linking import JIT, Remote, jit
from structgen.kernels.step import close, move, move_slot, open_door, return_to, step_anew, united
from structgen.kernels.tables import *
from structgen.kernels.twin import make_twin
from structgen.kernels.work import add, begin

STEP, MOVE, RETURN, TWIN, UNITE, BEGIN, DOOR_OF = range(7)


@jit
def make(M, L, what, a, b):
    """The state after symbol b of state a (MOVE: whatever the memo says), after context a is returned to, the twin of state a, the state
    that goes on as a or b, the state of node a in context b (BEGIN) or behind the door of that node (DOOR_OF), no text being open; or a
    NEED_ code."""
    if what == STEP:
        return step_anew(M, L, a, b)
    if what == MOVE:
        return move(M, L, a, b)
    if what == RETURN:
        return return_to(M, L, a)
    if what == TWIN:
        return make_twin(M, L, a)
    if what == UNITE:
        return united(M, L, a, b)
    begin(M)
    M.n[TEXT] = NO_TEXT
    code = open_door(M, L, np.int64(M.node[5 * a + DOOR]), a + 1, b) if what == DOOR_OF else add(M, a, b)
    return np.int64(code) if code < 0 else close(M, L)


def _unfold(handle, what, a, b):
    h = i64(handle)
    return np.int64(make(machine_of(h), leaves_of(h), what, a, b))


UNFOLD_KERNEL = Remote(_unfold)

if JIT:
    from structgen.kernels.arena import call_at

    @jit
    def made(M, L, what, a, b):
        """`make`, far away."""
        return call_at(M.n[UNFOLD], M.n[SELF], np.int64(what), np.int64(a), np.int64(b))

else:
    made = make


@jit
def step(M, L, s, b):
    """The state after symbol b, 0 if there is none; or a NEED_ code."""
    p = move_slot(M, s, b)
    if M.move_key[p] >= 0:
        return np.int64(M.move_to[p])
    return made(M, L, STEP, s, b)


@jit
def returned(M, L, ctx):
    """The state after context `ctx` is returned to; binds that are open in it have unknown texts. Or a NEED_ code."""
    s = np.int64(M.ctx_state[ctx])
    return s if s >= 0 else made(M, L, RETURN, ctx, 0)


@jit
def twin_of(M, L, s):
    """The state that a mask of s is made of: s with all texts forgotten; or NEED_ROOM."""
    r = np.int64(M.twin[s])
    return r if r >= 0 else made(M, L, TWIN, s, 0)


@jit
def twin(h, s):
    """The twin of state s: it has the mask of s, but for tokens that `settle` looks at."""
    return twin_of(machine_of(h), leaves_of(h), s)
