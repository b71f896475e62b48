"""Compiled kernels: arrays and scalars in, arrays and status codes out.

This package imports numpy, llvmlite (numba only to compile) and, of ours, `disk`. Kernels never raise; they return codes, and the Python at
the seam grows an arena, unfolds a rule, or raises an error that has a place.

`jit` is the one decorator (`linking`). Kernels run without the GIL; their machine code is kept on disk (`cache`).

Arrays cross the seam as a *handle*: one int64 array of addresses, kept up to date by `Arena`. Such a call takes 0.7 us, however many
arrays there are. With NUMBA_DISABLE_JIT=1 the handle carries the arrays themselves and the same kernels run as Python.
"""

from __future__ import annotations

from structgen.kernels.arena import Arena
from structgen.kernels.linking import JIT, jit

__all__ = ["JIT", "Arena", "jit"]
