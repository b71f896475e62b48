"""Arenas: named growable arrays that kernels reach through one small handle.

Kernels see an arena as a named tuple of bare pointers (one field an array, and `size`, their lengths). Named tuples of arrays would do,
but numba carries seven values for each array through every call: with them the kernels took twice as long to compile (67 s against
35 s on the same busy two-core machine, numba 0.68). With NUMBA_DISABLE_JIT=1 the same kernels run as Python on the arrays themselves.
"""

from __future__ import annotations

import mmap
import sys
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from structgen.kernels.linking import JIT, Native

I32: TypeAlias = Any  # arrays of these elements
I64: TypeAlias = Any
U8: TypeAlias = Any
U64: TypeAlias = Any
_ELEMENTS = {"I32": "int32", "I64": "int64", "U8": "uint8", "U64": "uint64"}
_WIDE = 8 << 20
_PRIVATE: dict[str, int] = {} if sys.platform == "win32" else {"flags": mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS}


class PlainHandle(list[Any]):
    """The handle of a run without a compiler: it holds the arrays (or the handles) themselves."""


class Blank:
    """How arenas of one kind begin: their arrays side by side in one block, which is copied. Making 45 arrays one by one costs 120
    us, this 20 us."""

    def __init__(self, arrays: Mapping[str, np.ndarray[Any, Any]]) -> None:
        self.names = {name: k for k, name in enumerate(arrays, 1)}
        lengths = [len(self.names) + 1, *(len(a) for a in arrays.values())]
        values = [np.array(lengths, np.int64), *arrays.values()]
        self.places: list[tuple[int, int, Any]] = []  # offset, end, dtype
        end = 0
        for array in values:
            self.places.append((end, end + array.nbytes, array.dtype))
            end += -(-array.nbytes // 64) * 64
        self.block = np.zeros(end, np.uint8)
        for (at, stop, _), array in zip(self.places, values, strict=True):
            self.block[at:stop] = np.ascontiguousarray(array).view(np.uint8)
        self.offsets = np.array([at for at, _, _ in self.places], np.int64)


class Arena:
    """Named one-dimensional arrays that can grow. `handle` stays the same object for good: int64[1 + n], the addresses of `size`
    (their lengths) and of each array.

    In a `shared` arena, arrays that were replaced stay alive for kernels of other threads that still read them. So that these are
    few, it grows sixteenfold (from 8 MB on fourfold), in pages that cost nothing until they are written.
    """

    def __init__(self, blank: Blank | Mapping[str, np.ndarray[Any, Any]], *, shared: bool = False) -> None:
        if not isinstance(blank, Blank):
            blank = Blank(blank)
        self.names = blank.names
        self._places = blank.places
        self._block = blank.block.copy()
        self._arrays: list[Any] = [None] * len(blank.places)  # views of the block, made when asked for, until they grow
        self._old: list[Any] | None = [] if shared else None
        self._held: tuple[Any, ...] = ()
        self.nbytes = int(self._block.nbytes)  # of the arrays in use
        self.size = self._array(0)
        self.handle: Any = blank.offsets + self._block.ctypes.data if JIT else PlainHandle(map(self._array, range(len(blank.places))))

    def _array(self, k: int) -> Any:
        found = self._arrays[k]
        if found is None:
            at, end, dtype = self._places[k]
            found = self._arrays[k] = self._block[at:end].view(dtype)
        return found

    def __getitem__(self, name: str) -> Any:
        return self._array(self.names[name])

    def __setitem__(self, name: str, array: np.ndarray[Any, Any]) -> None:
        k = self.names[name]
        old = self._array(k)
        self._held = old, array  # whatever interrupts this, what the handle points to stays alive
        if self._old is not None:
            self._old.append(old)
        self.handle[k] = array.ctypes.data if JIT else array
        self._arrays[k] = array
        self.size[k] = array.shape[0]
        self.nbytes += array.nbytes - (old.nbytes if old.base is not self._block else 0)

    def sizes(self) -> dict[str, int]:
        """The length of every array."""
        return dict(zip(self.names, self.size.tolist()[1:], strict=True))

    def reserve(self, name: str, length: int, fill: int | None = None) -> None:
        """Make the array at least `length` long (doubling), new cells filled with `fill` (None: undefined)."""
        k = self.names[name]
        if self.size[k] >= length:
            return
        old = self._array(k)
        if self._old is not None:
            new = pages(max(length, (16 if old.nbytes < _WIDE else 4) * old.shape[0]), old.dtype)
        else:
            size = max(length, 2 * old.shape[0])
            new = np.zeros(size, old.dtype) if fill == 0 else np.empty(size, old.dtype)
        new[: old.shape[0]] = old
        if fill:
            new[old.shape[0] :] = fill
        self[name] = new


def pages(size: int, dtype: Any) -> Any:
    """An array of zeros in pages of its own, which go back to the system with it. They take no memory until they are written, and then
    little by little: of numpy's large arrays a row now and then took 2 MB, and 7 ms. Forks write copies."""
    return np.frombuffer(mmap.mmap(-1, size * np.dtype(dtype).itemsize, **_PRIVATE), dtype)


def bundle(handles: Sequence[Any]) -> Any:
    """One handle for several arenas, for kernels that need them all. Keep the arenas alive."""
    return np.array([h.ctypes.data for h in handles], np.int64) if JIT else PlainHandle(handles)


def _carried(array: Any) -> Any:
    return array


_NAMES = "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"
u8, i16, u16, i32, u32, i64, u64 = [Native("pointer", name) if JIT else _carried for name in _NAMES]
"""To a kernel, an address (without a compiler: an array) as a pointer to such elements."""

pointer_to: Any = Native("pointer_to") if JIT else _carried
"""To a kernel, an array as a pointer to its first element."""

copy_bytes: Any = Native("copy_bytes") if JIT else None  # rows are copied by numpy
"""To a kernel: copy so many bytes to an address from an address."""

call_at: Any = Native("call_at") if JIT else None
"""To a kernel: call the remote kernel at an address with four numbers."""


def table_reader(table: type[Any]) -> Any:
    """A kernel that makes a table, as kernels see it, of the address of its handle.

    `table`: a named tuple class whose annotations name the element types (I32, ...). An attribute is a pointer, loaded from the handle.
    """
    if not JIT:
        return lambda handle: table(*map(_carried, handle))
    kinds = {name: _ELEMENTS[str(getattr(kind, "__forward_arg__", kind))] for name, kind in table.__annotations__.items()}
    return Native("table", table.__name__, tuple(kinds.items()))
