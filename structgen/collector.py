"""Pauses of Python's cyclic garbage collector.

It runs after so many new containers, whatever they are for, and now and then walks through everything that the process has: 100 ms where
torch is loaded. Work that makes many containers at once, all of which stay, pauses it.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def paused() -> Iterator[None]:
    """Nothing is collected inside the `with` block, unless another thread comes out of one. Blocks may stand in one another."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()
