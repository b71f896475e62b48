"""Warm-up: compile every kernel now, or load it from disk, so that no later call has to.

Kernels are compiled at their first call, 26 s of one core in all, and kept on disk (`kernels.cache`). Here toy
grammars over a toy vocabulary are driven through the public calls until every kernel that Python calls has met the one signature that
the library uses. Once they are on disk this takes well under a second.

Not here: what a kernel does (`kernels`), progress bars (`cli`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from time import perf_counter
from typing import Any, Final

import numpy as np

from structgen import api
from structgen.engines.masking import apply
from structgen.kernels import JIT, cache, logits
from structgen.kernels.compiling import CLOCK
from structgen.vocab.vocabulary import Vocabulary

__all__ = ["Progress", "Warmed", "entry_points", "kernel_count", "warm", "watch"]

Progress = Callable[[str, int, int], None]
"""Called with the name of a kernel when it begins and when it is done, how many are done, and how many the package has."""

_MODULES: Final = (
    "arena",
    "tables",
    "leaf",
    "intern",
    "sets",
    "texts",
    "values",
    "work",
    "calls",
    "step",
    "twin",
    "unfold",
    "walk",
    "onward",
    "settle",
    "survey",
    "logits",
    "batch",
    "rows",
)
_LOCK: Final = threading.RLock()

_TEXTS: Final = 700  # enough different texts that every hash table of an automaton grows once
_SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "minLength": 1, "maxLength": 300},
        "tags": {"type": "array", "items": {"enum": ["a", "b"]}, "maxItems": 3, "uniqueItems": True},
        "pairs": {"type": "array", "items": {"type": "object"}, "uniqueItems": True},
    },
    "required": ["name"],
    "additionalProperties": {"type": "integer"},
}
_DOCUMENT: Final = '{"name": "x\\u00e9y", "tags": ["a", "b"], "pairs": [{}, {"x": 1}], "other": -12, "others": 3}'


@dataclass(frozen=True, slots=True)
class Warmed:
    """What a warm-up did: `compiled` kernels that were not on disk, `seconds` it took, and the `folder` that holds them."""

    compiled: int
    seconds: float
    folder: Path


def warm(progress: Progress | None = None) -> Warmed:
    """Compile every kernel, or load it from disk. `progress` is called as kernels are compiled, never where all are on disk.

    Safe in several threads, which take turns. With NUMBA_DISABLE_JIT=1 there is nothing to compile, and nothing is done.
    """
    begun, before = perf_counter(), CLOCK.kernels
    if not JIT:
        return Warmed(0, 0.0, cache.folder())
    with watch(progress):
        _drive()
    return Warmed(CLOCK.kernels - before, perf_counter() - begun, cache.folder())


@contextmanager
def watch(progress: Progress | None) -> Iterator[None]:
    """Call `progress` for the kernels that are compiled inside the `with` block. One block at a time; others wait."""
    with _LOCK:
        old = CLOCK.on_kernel
        if progress is not None and JIT:
            CLOCK.on_kernel = _reporter(progress)
        try:
            yield
        finally:
            CLOCK.on_kernel = old


def kernel_count() -> int:
    """How many kernels the package has."""
    return len(_dispatchers())


def entry_points() -> dict[str, tuple[Any, ...]]:
    """For each kernel by name, the signatures that this process has compiled or loaded."""
    return {name: tuple(kernel.signatures) for name, kernel in _dispatchers().items()}


def _dispatchers() -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in _MODULES:
        module = import_module(f"structgen.kernels.{name}")
        for kernel in vars(module).values():
            if hasattr(kernel, "signatures") and kernel.py_func.__module__ == module.__name__:
                found[f"{name}.{kernel.py_func.__name__}"] = kernel
    return found


def _reporter(progress: Progress) -> Callable[[str, bool], None]:
    """Turn the clock's events into counts. numba also compiles helpers of its own: these are not counted or named."""
    known = {kernel.py_func.__name__ for kernel in _dispatchers().values()}
    total, done = kernel_count(), set[str]()

    def report(name: str, finished: bool) -> None:
        if name in known:
            if finished:
                done.add(name)
            progress(name, len(done), total)

    return report


def _drive() -> None:
    """Meet every signature: steps, masks, tables, rows of counts, denied keys, growth, distances."""
    logits.warmup()
    for kind in (np.float32, np.float16):
        apply(np.zeros((1, 4), kind), np.ones((1, 1), np.uint32))
    words = [b"\\u", b"00", b"e9", b'": ', b'", "', b"xy", b'"a"', b'": "', b"\xc3\xa9", b'"o":', b', "o']
    vocabulary = Vocabulary.from_bytes([*(bytes([b]) for b in range(256)), *words, b""], eos=256 + len(words))
    grammar = api.json_schema(_SCHEMA)
    automaton = api.compile(grammar, vocabulary)
    state = automaton.start()
    for token in vocabulary.encode(_DOCUMENT):
        automaton.mask(state)
        automaton.forced(state)
        state = automaton.advance(state, token)
    automaton.mask(state)
    automaton.distance(automaton.start())
    automaton.transitions(automaton.start())
    automaton.fill([state], np.zeros((1, vocabulary.words), np.uint32))
    grammar.explain(_DOCUMENT)
    _grow()


def _grow() -> None:
    """Meet enough states that every kind of hash table is rebuilt."""
    texts = [f"{k * 2654435761 % (1 << 32):08x}" for k in range(_TEXTS)]
    grammar = api.choice(texts)
    for text in texts:
        grammar.accepts(text)
