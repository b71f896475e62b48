"""How long compilation has taken so far, and who wants to know: budgets leave it out, progress bars show it."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable


class Clock:
    """`seconds`: time spent compiling in this process. `on_kernel(name, done)` is called when a kernel begins and when it is done."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.kernels = 0
        self.on_kernel: Callable[[str, bool], None] | None = self.tell
        self._depth = 0
        self._since = 0.0

    def tell(self, name: str, done: bool) -> None:
        """Say on a terminal what takes so long: the first use on a machine, without a progress bar of the caller's."""
        if sys.stderr is None or not sys.stderr.isatty():
            return
        if self._depth == 0 and done:
            sys.stderr.write("\r\x1b[K")
        else:
            sys.stderr.write(f"\r\x1b[Kstructgen compiles its kernels, once on this machine: {self.kernels + 1} ({name})")
        sys.stderr.flush()

    def begin(self, name: str) -> None:
        """A kernel begins; kernels compile the kernels that they call."""
        if self._depth == 0:
            self._since = time.monotonic()
        self._depth += 1
        if self.on_kernel:
            self.on_kernel(name, False)

    def end(self, name: str) -> None:
        """A kernel is done."""
        self._depth -= 1
        self.kernels += 1
        if self._depth == 0:
            self.seconds += time.monotonic() - self._since
        if self.on_kernel:
            self.on_kernel(name, True)


CLOCK = Clock()
