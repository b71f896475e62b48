"""How long compilation has taken so far, and who wants to know: budgets leave it out, progress bars show it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from numba.core import event


class Clock(event.Listener):  # type: ignore[misc]
    """`seconds`: time spent compiling in this process. `on_kernel(name, done)` is called when a kernel begins and when it is done."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.kernels = 0
        self.on_kernel: Callable[[str, bool], None] | None = None
        self._depth = 0
        self._since = 0.0

    def on_start(self, event: Any) -> None:
        """A kernel begins; kernels compile the kernels that they call."""
        if self._depth == 0:
            self._since = time.monotonic()
        self._depth += 1
        if self.on_kernel:
            self.on_kernel(event.data["dispatcher"].py_func.__name__, False)

    def on_end(self, event: Any) -> None:
        """A kernel is done."""
        self._depth -= 1
        self.kernels += 1
        if self._depth == 0:
            self.seconds += time.monotonic() - self._since
        if self.on_kernel:
            self.on_kernel(event.data["dispatcher"].py_func.__name__, True)


CLOCK = Clock()
event.register("numba:compile", CLOCK)
