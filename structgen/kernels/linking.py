"""Kernels as Python sees them: machine code, loaded from disk, or compiled and then kept there.

    @jit
    def kernel(handle, state, row): ...

is compiled when it is first called, for the types of these arguments (arrays in C order, whole numbers, floats), and its machine code kept
(`cache`). A later process loads that code without numba: a warm process is ready in half the time and holds 60 MB less, and
Python's collector has 100,000 objects less to look through.

With NUMBA_DISABLE_JIT=1 kernels are the Python functions themselves.

Not here: how they are compiled (`native`), what lies on disk (`cache`), the arrays of kernels (`arena`).
"""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Callable
from functools import cache as once
from typing import Any, Final

import numpy as np

from structgen.kernels import cache

JIT: Final[bool] = os.environ.get("NUMBA_DISABLE_JIT", "0").strip() in ("", "0")

OTHER: Final = -(1 << 63)
"""What machine code returns for arrays of other types than it was compiled for."""

_LOCK: Final = threading.RLock()


def jit(function: Any) -> Any:
    """Compile a kernel: no Python objects inside, GIL released, no bounds checks, kept on disk."""
    return Kernel(function) if JIT else function


class Kernel:
    """A function that Python calls as machine code, and other kernels as a part of theirs."""

    def __init__(self, function: Any) -> None:
        self.py_func = function
        self.__name__, self.__doc__, self.__module__ = function.__name__, function.__doc__, function.__module__
        self._natives: dict[str, Callable[..., int]] = {}
        self._first: Callable[..., int] = _unknown

    def __call__(self, *arguments: Any) -> Any:
        """What the machine code returns (a whole number). TypeError for arrays of another kind or order; that an array is one, and may be
        written, is for the caller to know."""
        try:
            found = self._first(*arguments)
        except ctypes.ArgumentError:
            found = OTHER
        return self._call(arguments) if found == OTHER else found

    def _call(self, arguments: tuple[Any, ...]) -> int:
        """Find the machine code for these arguments."""
        kinds = ",".join(map(_kind, arguments))
        found = self.prepared(kinds)(*[int(one) if isinstance(one, np.integer | np.bool_) else one for one in arguments])
        if found == OTHER:
            raise TypeError(f"{self.__name__} takes arrays in C order and the machine's byte order, not {kinds}")
        return found

    def prepared(self, kinds: str) -> Callable[..., int]:
        """The machine code for arguments of these kinds: found, loaded, or compiled."""
        native = self._natives.get(kinds)
        if native is None:
            with _LOCK:
                native = self._natives[kinds] = _function(loaded(self.py_func, kinds), kinds)
            if len(self._natives) == 1:
                self._first = native
        return native

    @property
    def signatures(self) -> list[str]:
        """The kinds of arguments for which this process has machine code."""
        return list(self._natives)

    @property
    def _numba_type_(self) -> Any:
        """What a kernel that names this one means."""
        from structgen.kernels import native

        return native.part_of(self.py_func)


class Remote:
    """A kernel (int64, int64, int64, int64) -> int64 that others call by its address (`arena.call_at`), so that it is no part of them.

    For what many wholes share and is seldom run (the steps of automata are half of all the code), or what few grammars need.
    """

    def __init__(self, function: Any) -> None:
        self.py_func = function
        self._address = 0

    @property
    def signatures(self) -> list[str]:
        """As those of `Kernel`."""
        return ["int,int,int,int"] if self._address else []

    @property
    def address(self) -> int:
        """Where it is; compiled, or loaded from disk, when first asked for."""
        return self.prepared("int,int,int,int") if JIT else 0

    def prepared(self, kinds: str) -> int:
        """As that of `Kernel`: its address."""
        if not self._address:
            with _LOCK:
                self._address = self._address or loaded(self.py_func, kinds)
        return self._address


class Native:
    """What only compiled kernels know (an intrinsic function), by its name in `native` and what it is made of. It is made when a kernel
    that names it is compiled."""

    def __init__(self, name: str, *of: Any) -> None:
        self.name, self.of = name, of

    @property
    def _numba_type_(self) -> Any:
        """What a kernel that names it means."""
        from structgen.kernels import native

        return native.intrinsic_of(self)


def loaded(function: Any, kinds: str) -> int:
    """The address of the machine code of a kernel for arguments of these kinds."""
    name = cache.name_of(function, kinds)
    code = cache.get(name)
    if code is None:
        from structgen.kernels import native

        code = native.compiled(function, kinds, name)
        cache.put(name, code)
    return _load(code, name)


def _unknown(*_: Any) -> int:
    return OTHER


def _kind(argument: Any) -> str:
    """How the machine code takes an argument: the type and the dimensions of an array, or `int` or `float`."""
    if isinstance(argument, np.ndarray):
        return f"{argument.dtype.str[1:]}:{argument.ndim}"
    if isinstance(argument, int | np.integer | np.bool_):
        return "int"
    if isinstance(argument, float):
        return "float"
    raise TypeError(f"a kernel takes arrays and numbers, not {type(argument).__name__}")


_CTYPES: Final[dict[str, Any]] = {"int": ctypes.c_int64, "float": ctypes.c_double}


def _function(address: int, kinds: str) -> Callable[..., int]:
    """Machine code as a function. Arrays are taken as the objects that they are: the code reads where they lie."""
    return ctypes.CFUNCTYPE(ctypes.c_int64, *[_CTYPES.get(kind, ctypes.py_object) for kind in kinds.split(",")])(address)


@once
def _engine() -> Any:
    """What places machine code in memory. It lives as long as the process."""
    from llvmlite import binding

    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    machine = binding.Target.from_default_triple().create_target_machine(codemodel="jitdefault", jit=True)
    return binding.create_mcjit_compiler(binding.parse_assembly(""), machine)


def _load(code: bytes, name: str) -> int:
    from llvmlite import binding

    engine = _engine()
    engine.add_object_file(binding.ObjectFileRef.from_data(code))
    engine.finalize_object()
    return int(engine.get_function_address(name))
