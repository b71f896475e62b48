"""Arenas: named growable arrays that kernels reach through one small handle.

Kernels see an arena as a named tuple of bare pointers (one field an array, and `size`, their lengths). Named tuples of arrays would do,
but numba carries seven values for each array through every call: with them the kernels took twice as long to compile (67 s against
35 s on the same busy two-core machine, numba 0.68). With NUMBA_DISABLE_JIT=1 the same kernels run as Python on the arrays themselves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.imputils import lower_getattr_generic
from numba.core.typing.templates import AttributeTemplate, infer_getattr
from numba.extending import intrinsic, models, register_model

from structgen.kernels.linking import JIT

I32: TypeAlias = Any  # arrays of these elements
I64: TypeAlias = Any
U8: TypeAlias = Any
U64: TypeAlias = Any
_ELEMENTS = {"I32": "int32", "I64": "int64", "U8": "uint8", "U64": "uint64"}


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

    In a `shared` arena, arrays that were replaced stay alive for kernels of other threads that still read them; lengths double, so
    these are less than the arrays in use.
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

    def reserve(self, name: str, length: int, fill: int | None = None) -> None:
        """Make the array at least `length` long (doubling), new cells filled with `fill` (None: undefined)."""
        k = self.names[name]
        if self.size[k] >= length:
            return
        old = self._array(k)
        new = np.empty(max(length, 2 * old.shape[0]), old.dtype)
        new[: old.shape[0]] = old
        if fill is not None:
            new[old.shape[0] :] = fill
        self[name] = new

    @property
    def nbytes(self) -> int:
        """Bytes held by the arrays in use."""
        grown = sum(int(a.nbytes) for a in self._arrays if a is not None and a.base is not self._block)
        return int(self._block.nbytes) + grown


def bundle(handles: Sequence[Any]) -> Any:
    """One handle for several arenas, for kernels that need them all. Keep the arenas alive."""
    return np.array([h.ctypes.data for h in handles], np.int64) if JIT else PlainHandle(handles)


if JIT:

    def _pointer(dtype: Any) -> Any:
        """An intrinsic that reads an address as a pointer to `dtype`."""

        @intrinsic
        def pointer(typing_context: Any, address: Any) -> Any:
            def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
                return builder.inttoptr(arguments[0], context.get_value_type(types.CPointer(dtype)))

            return types.CPointer(dtype)(types.int64), generate

        return pointer

    u8, i16, u16, i32 = _pointer(types.uint8), _pointer(types.int16), _pointer(types.uint16), _pointer(types.int32)
    u32, i64, u64 = _pointer(types.uint32), _pointer(types.int64), _pointer(types.uint64)

    @intrinsic
    def call_at(typing_context: Any, address: Any, a: Any, b: Any, c: Any, d: Any) -> Any:
        """Call the remote kernel at an address."""

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            word = context.get_value_type(types.int64)
            function = builder.inttoptr(arguments[0], ir.FunctionType(word, [word] * 4).as_pointer())
            return builder.call(function, arguments[1:])

        return types.int64(*[types.int64] * 5), generate

    class Handle(types.Type):  # type: ignore[misc]
        """A table as kernels see it: a pointer to the addresses of its arrays. (Not local to a function: caches find it by name.)"""

        def __init__(self, table: str) -> None:
            self.table = table
            super().__init__(name=f"structgen.{table}")

    _FIELDS: dict[str, dict[str, tuple[int, Any]]] = {}  # by table: the place and the elements of each array

    @register_model(Handle)
    class HandleModel(models.PrimitiveModel):  # type: ignore[misc]
        """How it is held."""

        def __init__(self, manager: Any, kind: Any) -> None:
            super().__init__(manager, kind, ir.IntType(64).as_pointer())

    @infer_getattr
    class HandleAttributes(AttributeTemplate):  # type: ignore[misc]
        """The types of its attributes."""

        key = Handle

        def generic_resolve(self, handle: Any, name: str) -> Any:
            """The type of one."""
            found = _FIELDS[handle.table].get(name)
            return None if found is None else types.CPointer(found[1])

    @lower_getattr_generic(Handle)
    def load_array(context: Any, builder: Any, handle: Any, value: Any, name: str) -> Any:
        """Load the address of an array: always the same, so the compiler need not load it twice."""
        place, elements = _FIELDS[handle.table][name]
        address = builder.load(builder.gep(value, [ir.Constant(ir.IntType(64), place)]))
        address.set_metadata("invariant.load", builder.module.add_metadata([]))
        return builder.inttoptr(address, context.get_value_type(types.CPointer(elements)))

    def table_reader(table: type[Any]) -> Any:
        """A kernel that makes a table, as kernels see it, of the address of its handle.

        `table`: a named tuple class whose annotations name the element types (I32, ...). An attribute is a pointer, loaded from the
        handle.
        """
        kinds = {name: _ELEMENTS[str(getattr(kind, "__forward_arg__", kind))] for name, kind in table.__annotations__.items()}
        _FIELDS[table.__name__] = {name: (place, getattr(types, kind)) for place, (name, kind) in enumerate(kinds.items())}
        handle = Handle(table.__name__)

        @intrinsic
        def table_at(typing_context: Any, address: Any) -> Any:
            def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
                return builder.inttoptr(arguments[0], context.get_value_type(handle))

            return handle(types.int64), generate

        return table_at

    @intrinsic
    def pointer_to(typing_context: Any, array: Any) -> Any:
        """An array as a pointer to its first element."""

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return context.make_array(array)(context, builder, arguments[0]).data

        return types.CPointer(array.dtype)(array), generate

    @intrinsic
    def copy_bytes(typing_context: Any, target: Any, source: Any, count: Any) -> Any:
        """Copy bytes from an address to an address."""

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            byte = ir.IntType(8).as_pointer()
            cgutils.raw_memcpy(builder, *(builder.inttoptr(one, byte) for one in arguments[:2]), arguments[2], 1)
            return context.get_dummy_value()

        return types.none(*[types.int64] * 3), generate

else:

    def _carried(array: Any) -> Any:
        return array

    u8 = i16 = u16 = i32 = u32 = i64 = u64 = pointer_to = _carried
    copy_bytes = None  # rows are copied by numpy

    def table_reader(table: type[Any]) -> Any:
        """A function that makes a table of its handle."""
        return lambda handle: table(*map(_carried, handle))
