"""Where compiled kernels are kept on disk.

numba notes for each function the file it stands in; a kernel whose *callee* changed in another file would be taken from the cache
as it was. So all kernels are kept under one stamp: the text of every file of this package. They lie in the user's cache directory
(the package may be read-only; `disk`), one folder a stamp; numba writes index and code by atomic replacement, so processes may share the
folder.
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import Any

import numba
from numba.core import caching

from structgen import disk


@cache
def stamp() -> str:
    """What the compiled code depends on (numba adds the processor itself)."""
    digest = hashlib.sha256(numba.__version__.encode())
    for file in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def folder() -> Path:
    """The folder of this stamp."""
    return disk.folder("kernels", stamp())


class _Locator(caching._CacheLocator):  # type: ignore[misc]
    """Keeps functions of this package under the common stamp."""

    def __init__(self, function: Any) -> None:
        self._line = function.__code__.co_firstlineno

    def get_cache_path(self) -> str:
        return str(folder())

    def get_source_stamp(self) -> str:
        return stamp()

    def get_disambiguator(self) -> str:
        return str(self._line)

    @classmethod
    def from_function(cls, function: Any, file: str) -> _Locator:
        return cls(function)


class _Files(caching.CompileResultCacheImpl):  # type: ignore[misc]
    _locator_classes = (_Locator,)


class KernelCache(caching.FunctionCache):  # type: ignore[misc]
    """numba's function cache with another place and stamp."""

    _impl_class = _Files
