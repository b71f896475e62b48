"""Arenas: named growable arrays that kernels reach through one small handle."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numba
import numpy as np
from numba.core import config, types
from numba.extending import intrinsic

JIT: bool = not config.DISABLE_JIT


def jit(function: Any) -> Any:
    """Compile a kernel: nopython, GIL released, no bounds checks, cached on disk."""
    return numba.njit(function, nogil=True, cache=True, boundscheck=False, error_model="numpy")


class Handle(np.ndarray[Any, Any]):
    """int64[2 * n]: address and length of each array of an arena; `arrays` serves the run without a compiler."""

    arrays: list[Any]


class Arena:
    """Named one-dimensional arrays that can grow; `handle` stays the same object for good.

    Arrays that were replaced stay alive (`_old`) for kernels of other threads that still read them; sizes double, so these are less than the arrays in use.
    """

    def __init__(self, arrays: Mapping[str, np.ndarray[Any, Any]]) -> None:
        self.names = {name: k for k, name in enumerate(arrays)}
        self.arrays: list[Any] = [np.ascontiguousarray(a) for a in arrays.values()]
        self._old: list[Any] = []
        self.handle: Handle = np.zeros(2 * len(self.arrays), np.int64).view(Handle)
        self.handle.arrays = self.arrays
        for k in range(len(self.arrays)):
            self._point(k)

    def _point(self, k: int) -> None:
        array = self.arrays[k]
        self.handle[2 * k] = array.ctypes.data
        self.handle[2 * k + 1] = array.shape[0]

    def __getitem__(self, name: str) -> Any:
        return self.arrays[self.names[name]]

    def __setitem__(self, name: str, array: np.ndarray[Any, Any]) -> None:
        k = self.names[name]
        self._old.append(self.arrays[k])
        self.arrays[k] = array
        self._point(k)

    def reserve(self, name: str, length: int, fill: int | None = None) -> None:
        """Make the array at least `length` long (doubling), new cells filled with `fill` (None: undefined)."""
        old = self[name]
        if old.shape[0] >= length:
            return
        new = np.empty(max(length, 2 * old.shape[0]), old.dtype)
        new[: old.shape[0]] = old
        if fill is not None:
            new[old.shape[0] :] = fill
        self[name] = new

    @property
    def nbytes(self) -> int:
        """Bytes held by the arrays in use."""
        return sum(a.nbytes for a in self.arrays if not isinstance(a, Handle))


if JIT:

    @intrinsic
    def _pointer(typing_context: Any, address: Any) -> Any:
        """An address as a void pointer."""

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return builder.inttoptr(arguments[0], context.get_value_type(types.voidptr))

        return types.voidptr(types.int64), generate

    @jit
    def view_u8(handle, k):
        return numba.carray(_pointer(handle[2 * k]), handle[2 * k + 1], np.uint8)

    @jit
    def view_i16(handle, k):
        return numba.carray(_pointer(handle[2 * k]), handle[2 * k + 1], np.int16)

    @jit
    def view_u16(handle, k):
        return numba.carray(_pointer(handle[2 * k]), handle[2 * k + 1], np.uint16)

    @jit
    def view_i32(handle, k):
        return numba.carray(_pointer(handle[2 * k]), handle[2 * k + 1], np.int32)

    @jit
    def view_u32(handle, k):
        return numba.carray(_pointer(handle[2 * k]), handle[2 * k + 1], np.uint32)

    @jit
    def view_i64(handle, k):
        return numba.carray(_pointer(handle[2 * k]), handle[2 * k + 1], np.int64)

    @jit
    def view_u64(handle, k):
        return numba.carray(_pointer(handle[2 * k]), handle[2 * k + 1], np.uint64)

else:

    def _carried(handle: Any, k: int) -> Any:
        return handle.arrays[k]

    view_u8 = view_i16 = view_u16 = view_i32 = view_u32 = view_i64 = view_u64 = _carried
