"""Warm-up: compile every kernel now, or load it from disk, so that no later call has to.

Kernels are compiled at their first call, 25 s of one core in all, and kept on disk (`kernels.cache`). Here they are compiled without being
called, for the kinds of arguments that the library passes, in several processes at once. Where all are on disk this takes a moment.

Not here: what a kernel does (`kernels`), progress bars (`cli`).
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from time import perf_counter
from typing import Final

from structgen.kernels import JIT, cache
from structgen.kernels.compiling import CLOCK
from structgen.kernels.linking import Kernel, Remote, loaded

__all__ = ["KERNELS", "Progress", "Warmed", "entry_points", "kernels", "warm", "watch"]

Progress = Callable[[str, int, int], None]
"""Called with the name of a kernel when it begins or is done, how many are done, and how many are to be compiled."""

KERNELS: Final[dict[str, tuple[str, ...]]] = {
    "unfold.UNFOLD_KERNEL": ("int,int,int,int",),
    "walk.mask": ("i8:1,int,int,u4:2",),
    "values.VALUE_KERNEL": ("int,int,int,int",),
    "settle.keys_of": ("i8:1,i4:1,i4:1",),
    "settle.repeats": ("i8:1,int,u4:1,i4:1",),
    "survey.merge": ("i8:1,int,int,int,int,i4:1,i8:1,i8:1",),
    "survey.survey": ("i8:1,int,i8:1,i8:1,i8:1,i4:1,i4:1,i4:1,i4:1,i4:1,i8:1",),
    "survey.measure": ("i8:1,i4:1,i4:1",),
    "settle.clear": ("i8:1,int,i4:1,i4:1,u4:1,i4:1",),
    "moves.transitions": ("i8:1,int,int,i8:1,i4:1,i4:1",),
    "moves.fewest": ("i8:1,u1:1,i4:1",),
    "settle.settle": ("i8:1,int,i4:1,u4:1,i8:1",),
    "read.advance": ("i8:1,int,int",),
    "read.run": ("i8:1,u1:1,int,i8:1",),
    "moves.live_bytes": ("i8:1,int,i4:2",),
    "moves.special_runs": ("i8:1,int,i4:2",),
    "read.start": ("i8:1,int",),
    "lookup.find": ("i8:1,int",),
    "lookup.enter": ("i8:1,i8:1,i8:1",),
    "unfold.twin": ("i8:1,int",),
    "step.make_counted": ("i8:1,int,int",),
    "step.make_minus": ("i8:1,int,int",),
    "step.rehash": ("i8:1,int",),
    "step.rehash_moves": ("i8:1,i8:1,i4:1",),
    "settle.forbid": ("i4:1,int,u4:1",),
    "leaf_states.describe": ("i8:1,int,b1:1,i8:1,i8:1,i8:1,i4:1",),
    "survey.keep": ("i8:1,i4:1,i4:1,i4:1,int,int,int,int",),
    "survey.pack_up_to": ("i4:1,i4:1,int,u4:1",),
    "survey.pack": ("i4:1,u4:1",),
    "logits.measure": ("f4:1,u4:1,f8:1",),
    "logits.best_token": ("f4:1,u4:1",),
    "logits.weigh": ("f4:1,u4:1,float,i8:1,f8:1",),
    "logits.pick": ("f8:1,float,f8:1",),
    "batch.copy_rows": ("i8:1,i8:1,int,int,int",),
    "batch.forbid": ("u4:2,u4:2,int,b1:1,int,int", "u2:2,u4:2,int,b1:1,int,int"),
    "rows.tell": ("u4:1,u4:1",),
    "rows.are_same": ("int,int,int",),
    "rows.expand": ("u4:1,int,int",),
}
"""Each kernel that Python calls, and the kinds of its arguments (`kernels.linking`); those that take longest first."""

_SECONDS: Final = {"unfold.UNFOLD_KERNEL": 9.0, "walk.mask": 5.0, "values.VALUE_KERNEL": 1.5}  # others: about one
_PROCESSES_MAX: Final = 4  # each compiles the parts that its kernels need for itself
_LOCK: Final = threading.RLock()


@dataclass(frozen=True, slots=True)
class Warmed:
    """What a warm-up did: `compiled` kernels that were not on disk, `seconds` it took, and the `folder` that holds them."""

    compiled: int
    seconds: float
    folder: Path


def warm(progress: Progress | None = None) -> Warmed:
    """Compile every kernel that is not on disk, on all cores, and load them all. `progress` is called as kernels are done.

    Safe in several threads and processes. With NUMBA_DISABLE_JIT=1 there is nothing to compile, and nothing is done.
    """
    begun = perf_counter()
    if not JIT:
        return Warmed(0, 0.0, cache.folder())
    with _LOCK:
        missing = [name for name in KERNELS if not all(map(cache.is_there, _files(name)))]
        if missing:
            _compile(missing, progress)
        for name, kernel in kernels().items():  # what other processes could not compile is compiled here
            for kinds in KERNELS[name]:
                kernel.prepared(kinds)
    return Warmed(len(missing), perf_counter() - begun, cache.folder())


def kernels() -> dict[str, Kernel | Remote]:
    """The kernels that Python calls, by name."""
    found = {}
    for name in KERNELS:
        module, kernel = name.split(".")
        found[name] = getattr(import_module(f"structgen.kernels.{module}"), kernel)
    return found


def entry_points() -> dict[str, tuple[str, ...]]:
    """For each kernel that has machine code in this process, the kinds of arguments it has it for."""
    found: dict[str, tuple[str, ...]] = {}
    for path in sorted((Path(__file__).parent / "kernels").glob("*.py")):
        for name, kernel in vars(import_module(f"structgen.kernels.{path.stem}")).items():
            if isinstance(kernel, Kernel | Remote) and kernel.signatures and kernel.py_func.__module__.endswith(f".{path.stem}"):
                found[f"{path.stem}.{name}"] = tuple(kernel.signatures)
    return found


def _files(name: str) -> list[str]:
    function = kernels()[name].py_func
    return [cache.name_of(function, kinds) for kinds in KERNELS[name]]


def _compile(names: Sequence[str], progress: Progress | None) -> None:
    """Compile kernels: some here, the others in processes of their own."""
    done = 0
    lock = threading.Lock()

    def tell(name: str) -> None:
        nonlocal done
        with lock:
            done += 1
            if progress is not None:
                progress(name, done, len(names))

    shares = _shares(names, min(_PROCESSES_MAX, os.cpu_count() or 1))
    others = [threading.Thread(target=_elsewhere, args=(share, tell)) for share in shares[1:]]
    heard = CLOCK.on_kernel
    if progress is not None:
        CLOCK.on_kernel = None  # which would write between the lines of the progress
        progress(names[0], 0, len(names))
    try:
        for other in others:
            other.start()
        for name in shares[0]:
            _compile_one(name)
            tell(name)
        for other in others:
            other.join()
    finally:
        CLOCK.on_kernel = heard


def _shares(names: Sequence[str], count: int) -> list[list[str]]:
    """The names in shares of about equal work."""
    shares: list[list[str]] = [[] for _ in range(count)]
    work = [0.0] * count
    for name in names:
        least = work.index(min(work))
        shares[least].append(name)
        work[least] += _SECONDS.get(name, 1.0)
    return [share for share in shares if share]


def _elsewhere(names: Sequence[str], tell: Callable[[str], None]) -> None:
    """Compile in another process, which says what it has done."""
    run = [sys.executable, "-m", "structgen.warmup", *names]
    try:
        with subprocess.Popen(run, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
            assert process.stdout is not None
            for line in process.stdout:
                tell(line.strip())
    except OSError:
        return


def _compile_one(name: str) -> None:
    function = kernels()[name].py_func
    for kinds in KERNELS[name]:
        if not cache.is_there(cache.name_of(function, kinds)):
            loaded(function, kinds)


@contextmanager
def watch(progress: Progress | None) -> Iterator[None]:
    """Call `progress` for the kernels that are compiled inside the `with` block because they are called. One block at a time; others
    wait."""
    with _LOCK:
        old, done = CLOCK.on_kernel, 0
        whole = {kernel.py_func.__name__ for kernel in kernels().values()}

        def report(name: str, finished: bool) -> None:
            nonlocal done
            if name in whole and progress is not None:
                done = min(done + finished, len(KERNELS))
                progress(name, done, len(KERNELS))

        if progress is not None and JIT:
            CLOCK.on_kernel = report
        try:
            yield
        finally:
            CLOCK.on_kernel = old


if __name__ == "__main__":
    for _name in sys.argv[1:]:
        _compile_one(_name)
        print(_name, flush=True)  # noqa: T201
