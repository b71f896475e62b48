"""Many rows at once, on all cores: rows of masks are copied, logits that a mask does not allow are removed.

Both are bound by memory. The threads are ours: numba's own either do not start in a forked process or do not let several threads of a
server in.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise
from typing import Any, Final

import numpy as np

from structgen.kernels.arena import copy_bytes, pointer_to
from structgen.kernels.linking import jit

_CORES_MAX: Final = 8  # more do not make memory faster
_PART: Final = 4 << 20  # bytes that are worth a thread: with half of it 256 rows took 0.46 ms on two cores, 0.30 on one


@jit
def copy_rows(sources, targets, nbytes, first, end):
    """Copy rows number first..end from addresses to addresses."""
    for k in range(first, end):
        copy_bytes(targets[k], sources[k], nbytes)


@jit
def forbid(cells, masks, minus_infinity, alive, first, end):
    """Remove what masks do not allow from rows first..end of logits, and say in `alive` which rows have something left.

    `cells`: logits as unsigned integers, [B, V]; `masks`: uint32[B, W]. Columns that the mask does not reach are removed.
    """
    size, words = cells.shape[1], masks.shape[1]
    for k in range(first, end):
        row, mask, some = pointer_to(cells[k]), pointer_to(masks[k]), False
        for w in range((size + 31) >> 5):
            word, at, span = mask[w] if w < words else np.uint32(0), 32 * w, min(32, size - 32 * w)
            if word == 0:
                for j in range(span):
                    row[at + j] = minus_infinity
                continue
            if word != 0xFFFFFFFF:
                for j in range(span):  # no branch, and no constant number of steps: so it is done in vectors, ten times as fast
                    keep = -np.int64(word >> np.uint32(j) & np.uint32(1))
                    row[at + j] = (row[at + j] & keep) | (minus_infinity & ~keep)
            if not some:
                for j in range(span):
                    some |= row[at + j] != minus_infinity
        alive[k] = some


def on_all_cores(call: Callable[[int, int], Any], count: int, nbytes: int) -> None:
    """Call `call(first, end)` for parts of range(count), at once where the bytes that they move are worth it."""
    parts = min(_cores(), count, nbytes // _PART)
    if parts < 2:
        call(0, count)
        return
    bounds = [count * k // parts for k in range(parts + 1)]
    others = [_threads().submit(call, first, end) for first, end in pairwise(bounds[1:])]
    try:
        call(0, bounds[1])
    finally:
        for other in others:
            other.result()


def _cores() -> int:
    return min(_CORES_MAX, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_CORES_MAX, thread_name_prefix="structgen")


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_threads.cache_clear)  # a child has none of the threads
