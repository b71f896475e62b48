"""How kernels are compiled: each once, and what Python calls is linked with all that it reaches and optimised as a whole.

numba finishes every function by itself: it is optimised together with all that it calls, becomes machine code and gets a wrapper for
Python, though most kernels are called by kernels only. Here a kernel that another one calls is a *part*: it is typed and lowered to LLVM's
language, and that is all. A *whole*, which Python calls, takes in the parts that it reaches; only wholes are optimised and become machine
code. From an empty cache all kernels took 49 to 63 s of one core in numba's own way, and take 23 to 26 s so.

A whole is entered by a function of the C language (`_enter`): numbers as they are, arrays as Python's objects.

Imported only where something is to be compiled: it imports numba.
"""

from __future__ import annotations

from typing import Any, Final

import numba
import numpy as np
from llvmlite import binding, ir
from numba import types
from numba.core import cgutils, codegen, compiler, event, lowering, registry, typed_passes, untyped_passes
from numba.core.compiler_lock import global_compiler_lock
from numba.core.compiler_machinery import PassManager, register_pass
from numba.core.dispatcher import _FunctionCompiler  # type: ignore[attr-defined]
from numba.core.imputils import lower_getattr_generic
from numba.core.typing.templates import AttributeTemplate, infer_getattr
from numba.extending import intrinsic, models, register_model
from numba.np.arrayobj import populate_array

from structgen.kernels.compiling import CLOCK
from structgen.kernels.linking import OTHER, Native

# ---- parts and wholes ----

_OPTIONS: Final = {"nopython": True, "nogil": True, "boundscheck": False, "error_model": "numpy", "no_cpython_wrapper": True}
_PASSES: Final = (  # of numba's, those that change something: kernels have no closures, generators, literals or array expressions
    untyped_passes.TranslateByteCode,
    untyped_passes.FixupArgs,
    untyped_passes.IRProcessing,
    untyped_passes.ReconstructSSA,
    typed_passes.NopythonTypeInference,
    typed_passes.PreLowerStripPhis,
    typed_passes.IRLegalization,
)


class _Part(codegen.JITCodeLibrary):  # type: ignore[misc]
    """The code of one kernel, for wholes to take in."""

    def add_llvm_module(self, module: Any) -> None:
        """Take in what was lowered."""
        self._final_module.link_in(module)

    def finalize(self) -> None:
        """It is done as it is."""
        self._finalized = True


class _Whole(_Part):
    """The code of a kernel that Python calls, and of all that it reaches."""

    def machine_code(self, name: str) -> bytes:
        """Take in the parts, optimise everything together, and make it an object file, whose one symbol is `name`."""
        reached = dict.fromkeys(self._linking_libraries)
        queue = list(reached)
        for library in queue:  # which grows
            self._final_module.link_in(library._get_module_for_linking(), preserve=True)
            queue += [one for one in dict.fromkeys(library._linking_libraries) if one not in reached]
            reached |= dict.fromkeys(queue)
        for function in self._final_module.functions:
            if not function.is_declaration and function.name != name:
                function.linkage = binding.Linkage.internal  # a part with one caller is moved there, its arguments become registers
        self._optimize_final_module()
        self._final_module.verify()
        return bytes(self._codegen._tm.emit_object(self._final_module))


@register_pass(mutates_CFG=True, analysis_only=False)
class _PartLowering(typed_passes.NativeLowering):  # type: ignore[misc]
    """Lowers a kernel, for other kernels to call."""

    _name = "structgen_part_lowering"

    def run_pass(self, state: Any) -> bool:
        """Lower it without making it callable."""
        state.flags.no_compile = True
        super().run_pass(state)
        name = object()  # what the compiler calls it by; with numba's own lowering the function that Python would call
        state.targetctx.insert_user_function(name, state.cr.fndesc, [state.library])
        state.cr = state.cr._replace(cfunc=name)
        return True


class _Lower(lowering.Lower):  # type: ignore[misc]
    """Lowers a kernel with its entry."""

    def create_cfunc_wrapper(self) -> None:
        """The entry in place of the one that numba would make."""
        _enter(self.context, self.library, self.fndesc)


@register_pass(mutates_CFG=True, analysis_only=False)
class _WholeLowering(typed_passes.NativeLowering):  # type: ignore[misc]
    """Lowers a kernel, for Python to call."""

    _name = "structgen_whole_lowering"
    lowering_class = _Lower

    def run_pass(self, state: Any) -> bool:
        """Lower it; `_Whole.machine_code` does the rest."""
        state.flags.no_compile = True
        return bool(super().run_pass(state))


class _PartCompiler(compiler.CompilerBase):  # type: ignore[misc]
    """How a part is compiled."""

    library, lowering = _Part, _PartLowering

    def define_pipelines(self) -> list[Any]:
        """numba's passes, as far as kernels need them."""
        self.state.library = self.library(self.state.targetctx.codegen(), self.state.func_id.func_qualname)
        passes = PassManager("structgen")
        for one in (*_PASSES, self.lowering, typed_passes.NoPythonBackend):
            passes.add_pass(one, one.__name__)
        passes.finalize()
        return [passes]


class _WholeCompiler(_PartCompiler):
    """How a whole is compiled."""

    library, lowering = _Whole, _WholeLowering


class _PartDispatcher(registry.CPUDispatcher):  # type: ignore[misc]
    """A kernel as kernels see it."""

    def get_call_template(self, arguments: Any, keywords: Any) -> Any:
        """How it is called. A number that stands in a call is any number: else each would have a kernel of its own."""
        return super().get_call_template([types.unliteral(one) for one in arguments], keywords)

    def add_overload(self, result: Any) -> None:
        """Keep what was made, without the place where Python would look for it."""
        self.overloads[tuple(result.signature.args)] = result


_PARTS: Final[dict[Any, _PartDispatcher]] = {}


def part(function: Any) -> _PartDispatcher:
    """A kernel as kernels see it."""
    found = _PARTS.get(function)
    if found is None:
        options = {**_OPTIONS, "no_cfunc_wrapper": True}
        found = _PARTS[function] = _PartDispatcher(function, targetoptions=options, pipeline_class=_PartCompiler)
    return found


def part_of(function: Any) -> Any:
    """What a kernel means that names another one."""
    return types.Dispatcher(part(function))


class _Named:
    """What compilers tell listeners of."""

    def __init__(self, function: Any) -> None:
        self.py_func = function


def compiled(function: Any, kinds: str, name: str) -> bytes:
    """The machine code of a kernel for arguments of these kinds (`linking`), an object file whose one symbol is `name`."""
    arguments = tuple(map(_type_of, kinds.split(",")))
    begun = part(function)._compiling_counter  # shows that a kernel calls itself
    with global_compiler_lock, begun, event.trigger_event("numba:compile", data={"dispatcher": _Named(function)}):
        _ENTRY.append(name)
        try:
            made: Any = _FunctionCompiler(function, registry.cpu_target, _OPTIONS, {}, _WholeCompiler).compile(arguments, None)
        finally:
            _ENTRY.pop()
        return made.library.machine_code(name)  # type: ignore[no-any-return]


_ENTRY: Final[list[str]] = []  # the name of the entry that is being made; wholes are compiled one at a time


def _type_of(kind: str) -> Any:
    if kind in ("int", "float"):
        return types.int64 if kind == "int" else types.float64
    element, dimensions = kind.split(":")
    return types.Array(numba.np.numpy_support.from_dtype(np.dtype(element)), int(dimensions), "C")


class _Listener(event.Listener):  # type: ignore[misc]
    def on_start(self, event: Any) -> None:
        CLOCK.begin(event.data["dispatcher"].py_func.__name__)

    def on_end(self, event: Any) -> None:
        CLOCK.end(event.data["dispatcher"].py_func.__name__)


event.register("numba:compile", _Listener())

# ---- the entry ----

_HEAD: Final = object.__basicsize__  # of any Python object; behind it the public fields of PyArrayObject and PyArray_Descr
_DATA, _NDIM, _SHAPE, _DESCR, _FLAGS = 0, 8, 16, 40, 48
_TYPE_NUM: Final = 12
_C_ORDER: Final = 1  # NPY_ARRAY_C_CONTIGUOUS


def _enter(context: Any, library: Any, described: Any) -> None:
    """Write the function that is called from outside: (int64 or double, ...) -> int64. It returns OTHER, and does nothing, where an array
    is not of the type that the kernel was compiled for."""
    module, word = context.create_module("entry"), ir.IntType(64)
    kernel = ir.Function(module, context.call_conv.get_function_type(described.restype, described.argtypes), described.llvm_func_name)
    kinds = [ir.DoubleType() if isinstance(kind, types.Float) else word for kind in described.argtypes]
    entry = ir.Function(module, ir.FunctionType(word, kinds), _ENTRY[-1])
    builder = ir.IRBuilder(entry.append_basic_block("entry"))
    values = [
        _array(context, builder, kind, given) if isinstance(kind, types.Array) else given
        for kind, given in zip(described.argtypes, entry.args, strict=True)
    ]
    _, found = context.call_conv.call_function(builder, kernel, described.restype, described.argtypes, values)
    builder.ret(word(0) if described.restype == types.none else context.cast(builder, found, described.restype, types.int64))
    library.add_ir_module(module)


def _array(context: Any, builder: Any, kind: Any, given: Any) -> Any:
    """A numpy array as kernels have it, from Python's object."""
    word, half = ir.IntType(64), ir.IntType(32)

    def field(base: Any, at: int, of: Any) -> Any:
        return builder.load(builder.inttoptr(builder.add(base, word(at)), of.as_pointer()))

    descr = field(given, _HEAD + _DESCR, word)
    right = builder.and_(
        builder.icmp_signed("==", field(descr, _HEAD + _TYPE_NUM, half), half(numba.np.numpy_support.as_dtype(kind.dtype).num)),
        builder.icmp_signed("==", field(given, _HEAD + _NDIM, half), half(kind.ndim)),
    )
    ordered = builder.and_(field(given, _HEAD + _FLAGS, half), half(_C_ORDER))
    with builder.if_then(builder.not_(builder.and_(right, builder.icmp_signed("!=", ordered, half(0)))), likely=False):
        builder.ret(word(OTHER))
    array, places = context.make_array(kind)(context, builder), field(given, _HEAD + _SHAPE, word)
    shape = [field(places, 8 * k, word) for k in range(kind.ndim)]
    size = context.get_abi_sizeof(context.get_data_type(kind.dtype))
    strides = [word(size)]
    for extent in shape[:0:-1]:
        strides.insert(0, builder.mul(strides[0], extent))
    data = builder.inttoptr(field(given, _HEAD + _DATA, word), context.get_data_type(kind.dtype).as_pointer())
    populate_array(array, data=data, shape=shape, strides=strides, itemsize=word(size), meminfo=None)
    return array._getvalue()


# ---- intrinsics ----


def intrinsic_of(named: Native) -> Any:
    """What a kernel means that names something of `Native`."""
    key = named.name, named.of
    if key not in _INTRINSICS:
        made = _MAKERS[named.name](*named.of)
        context = registry.cpu_target.typing_context
        context.refresh()
        registry.cpu_target.target_context.refresh()
        _INTRINSICS[key] = context.resolve_value_type(made)
    return _INTRINSICS[key]


_INTRINSICS: Final[dict[Any, Any]] = {}


def _pointer(element: str) -> Any:
    """An intrinsic that reads an address as a pointer."""
    dtype = getattr(types, element)

    @intrinsic
    def pointer(typing_context: Any, address: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return builder.inttoptr(arguments[0], context.get_value_type(types.CPointer(dtype)))

        return types.CPointer(dtype)(types.int64), generate

    return pointer


@intrinsic
def _call_at(typing_context: Any, address: Any, a: Any, b: Any, c: Any, d: Any) -> Any:
    """Call the remote kernel at an address."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        word = context.get_value_type(types.int64)
        function = builder.inttoptr(arguments[0], ir.FunctionType(word, [word] * 4).as_pointer())
        return builder.call(function, arguments[1:])

    return types.int64(*[types.int64] * 5), generate


@intrinsic
def _pointer_to(typing_context: Any, array: Any) -> Any:
    """An array as a pointer to its first element."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return context.make_array(array)(context, builder, arguments[0]).data

    return types.CPointer(array.dtype)(array), generate


@intrinsic
def _copy_bytes(typing_context: Any, target: Any, source: Any, count: Any) -> Any:
    """Copy bytes from an address to an address."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        byte = ir.IntType(8).as_pointer()
        cgutils.raw_memcpy(builder, *(builder.inttoptr(one, byte) for one in arguments[:2]), arguments[2], 1)
        return context.get_dummy_value()

    return types.none(*[types.int64] * 3), generate


class _Handle(types.Type):  # type: ignore[misc]
    """A table as kernels see it: a pointer to the addresses of its arrays."""

    def __init__(self, table: str) -> None:
        self.table = table
        super().__init__(name=f"structgen.{table}")


_FIELDS: Final[dict[str, dict[str, tuple[int, Any]]]] = {}  # by table: the place and the elements of each array


@register_model(_Handle)
class _HandleModel(models.PrimitiveModel):  # type: ignore[misc]
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, ir.IntType(64).as_pointer())


@infer_getattr
class _HandleAttributes(AttributeTemplate):  # type: ignore[misc]
    key = _Handle

    def generic_resolve(self, handle: Any, name: str) -> Any:
        """The type of an attribute."""
        found = _FIELDS[handle.table].get(name)
        return None if found is None else types.CPointer(found[1])


@lower_getattr_generic(_Handle)
def _load_array(context: Any, builder: Any, handle: Any, value: Any, name: str) -> Any:
    """Load the address of an array: always the same, so the compiler need not load it twice."""
    place, elements = _FIELDS[handle.table][name]
    address = builder.load(builder.gep(value, [ir.Constant(ir.IntType(64), place)]))
    address.set_metadata("invariant.load", builder.module.add_metadata([]))
    return builder.inttoptr(address, context.get_value_type(types.CPointer(elements)))


def _table(name: str, elements: tuple[tuple[str, str], ...]) -> Any:
    """An intrinsic that reads an address as a table with these fields."""
    _FIELDS[name] = {field: (place, getattr(types, kind)) for place, (field, kind) in enumerate(elements)}
    handle = _Handle(name)

    @intrinsic
    def table_at(typing_context: Any, address: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return builder.inttoptr(arguments[0], context.get_value_type(handle))

        return handle(types.int64), generate

    return table_at


_MAKERS: Final[dict[str, Any]] = {
    "pointer": _pointer,
    "table": _table,
    "call_at": lambda: _call_at,
    "pointer_to": lambda: _pointer_to,
    "copy_bytes": lambda: _copy_bytes,
}
