"""Where compiled kernels are kept on disk: a file of machine code for each kernel and the kinds of its arguments.

They lie in the user's cache directory (the package may be read-only; `disk`), one folder a stamp: what the code depends on. A kernel is
compiled together with all that it calls, so the text of every file of this package is in the stamp. Files appear whole or not at all, so
processes may share the folder.
"""

from __future__ import annotations

import hashlib
import os
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from structgen import disk

_DIGEST: Final = 16


@cache
def stamp() -> str:
    """What the compiled code depends on."""
    from llvmlite import binding

    processor = binding.get_host_cpu_name(), binding.get_host_cpu_features().flatten(), binding.get_process_triple()
    settings = sorted((name, value) for name, value in os.environ.items() if name.startswith("NUMBA_") and name != "NUMBA_CACHE_DIR")
    versions = version("numba"), version("llvmlite"), version("numpy"), object.__basicsize__
    digest = hashlib.sha256(repr((versions, processor, settings)).encode())
    for file in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


@cache
def folder() -> Path:
    """The folder of this stamp."""
    return disk.folder("kernels", stamp())


def name_of(function: Any, kinds: str) -> str:
    """The name of the file, and of the machine code in it."""
    code = function.__code__
    other = hashlib.sha256(repr((kinds, code.co_code, code.co_consts, code.co_names)).encode()).hexdigest()[:16]
    return f"{function.__module__}.{function.__qualname__}.{other}".replace("<", "_").replace(">", "_")


def get(name: str) -> bytes | None:
    """The machine code that `put` wrote; None where there is none or the file is broken."""
    for found in disk.found("kernels", name, stamp()):
        code = found[_DIGEST:]
        if hashlib.blake2b(code, digest_size=_DIGEST).digest() == found[:_DIGEST]:
            return code
    return None


def put(name: str, code: bytes) -> None:
    """Keep machine code for other processes. What cannot be written is compiled again by the next one."""
    disk.write(folder() / name, hashlib.blake2b(code, digest_size=_DIGEST).digest() + code)


def is_there(name: str) -> bool:
    """Whether `get` would find a file; it may be broken."""
    return disk.is_there("kernels", name, stamp())
