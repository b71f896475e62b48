"""What people see: consoles, errors as one paragraph, a progress bar for kernels.

Answers go to standard output, everything else (progress, notes, errors) to standard error, so that output can be piped.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from types import TracebackType
from typing import Any, Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

from structgen.errors import StructgenError

BAD_INPUT = 2
"""Exit status of a command whose input cannot be used."""


def out() -> Console:
    """Standard output."""
    return Console(highlight=False)


def err() -> Console:
    """Standard error."""
    return Console(stderr=True, highlight=False)


def plain(text: str) -> None:
    """Write a line to standard output exactly as it is: no markup, no wrapping."""
    Console(highlight=False, markup=False, emoji=False, soft_wrap=True).out(text, highlight=False)


def note(text: str) -> None:
    """Write a line about the work to standard error."""
    err().print(Text(text, style="dim"), soft_wrap=True)


_SPOKEN: Final = {
    "relax=True": "--relax",
    "by draft=": "by --draft",
    "pass registry= (a dict from URIs to schemas, or a referencing.Registry) with the document": "--registry DIR has the document",
    "in registry=": "by --registry",
}
"""What hints say to users of Python, and on a command line."""


def spoken(text: str) -> str:
    """A message as it is said on a command line."""
    for said, option in _SPOKEN.items():
        text = text.replace(said, option)
    return text


def show_error(error: StructgenError) -> None:
    """Write an error as one paragraph to standard error."""
    message = Text("error: ", style="bold red")
    message.append(spoken(str(error)) or type(error).__name__, style="default")
    err().print(message, soft_wrap=True)


def bar() -> Progress:
    """A progress bar on standard error, which is gone when the work is done."""
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[note]}", markup=False),
        console=err(),
        transient=True,
    )


class KernelBar:
    """A progress bar that appears with the first kernel that has to be compiled. `update` is a `warmup.Progress`."""

    def __init__(self) -> None:
        self._progress: Progress | None = None
        self._task = TaskID(0)

    def __enter__(self) -> KernelBar:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._progress is not None:
            self._progress.stop()

    def update(self, name: str, done: int, total: int) -> None:
        """Show that `name` is being compiled, `done` of `total` kernels are ready."""
        if self._progress is None:
            note("compiling kernels, once on this machine (about half a minute)")
            self._progress = bar()
            self._task = self._progress.add_task("compiling", total=total, note="")
            self._progress.start()
        self._progress.update(self._task, completed=done, total=total, note=name)


@contextmanager
def compiling_shown() -> Iterator[None]:
    """Show the kernels that are compiled inside the `with` block."""
    from structgen.warmup import watch

    with KernelBar() as kernels, watch(kernels.update):
        yield


@contextmanager
def busy(what: str) -> Iterator[None]:
    """Show on a terminal that something is going on."""
    with err().status(Text(what), spinner="dots"):
        yield


def quiet_transformers() -> None:
    """Keep the notices and bars of transformers off the screen; its errors are raised all the same."""
    try:
        from transformers.utils import logging
    except ImportError:  # loading a model says what is missing
        return
    logging.set_verbosity_error()
    logging.disable_progress_bar()


def load_model(name: str) -> Any:
    """The model of that name, with a sign that it is being loaded. Raises `ModelError`."""
    from structgen import api

    with busy(f"loading {name}"):
        quiet_transformers()
        model = api.load(name)
        if name == "tiny":  # on a busy machine more threads only wait for each other: measured 30 tokens/s with two, 800 with one
            import_module("torch").set_num_threads(1)
        return model
