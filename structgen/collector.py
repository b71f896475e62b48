"""Pauses of Python's cyclic garbage collector.

It runs after so many new containers, whatever they are for, and now and then walks through everything that the process has: 100 ms where
torch is loaded. Work that makes many containers at once, all of which stay, pauses it.
"""

from __future__ import annotations

import gc


class paused:  # noqa: N801  # used like a function; one written with contextlib takes 2 us more, as much as a small rule's expression
    """Nothing is collected inside the `with` block, unless another thread comes out of one. Blocks may stand in one another."""

    __slots__ = ("_collects",)

    def __enter__(self) -> None:
        self._collects = gc.isenabled()
        gc.disable()

    def __exit__(self, *_: object) -> None:
        if self._collects:
            gc.enable()
