"""How kernels are compiled: each once, and what Python calls is linked with all that it reaches and optimised as a whole.

numba finishes every function by itself: it is optimised together with all that it calls, becomes machine code and gets a wrapper for
Python, though most kernels are called by kernels only. Here a kernel that another one calls is a *part*: it is typed and lowered to LLVM's
language, and that is all. A *whole*, which Python calls, takes in the parts that it reaches; only wholes are optimised, become machine
code and are kept on disk. From an empty cache all kernels took 49 to 63 s of one core in numba's own way, and take 23 to 26 s so.

Not here: what lies on disk (`cache`), the arrays of kernels (`arena`).
"""

from __future__ import annotations

from typing import Any, Final

import numba
from llvmlite import binding
from numba import types
from numba.core import codegen, compiler, config, event, registry, typed_passes, untyped_passes
from numba.core.ccallback import CFunc
from numba.core.compiler_machinery import PassManager, register_pass

from structgen.kernels.cache import KernelCache

JIT: Final[bool] = not config.DISABLE_JIT

_OPTIONS: Final = {"nopython": True, "nogil": True, "boundscheck": False, "error_model": "numpy"}
_PASSES: Final = (  # of numba's, those that change something: kernels have no closures, generators, literals or array expressions
    untyped_passes.TranslateByteCode,
    untyped_passes.FixupArgs,
    untyped_passes.IRProcessing,
    untyped_passes.ReconstructSSA,
    typed_passes.NopythonTypeInference,
    typed_passes.PreLowerStripPhis,
    typed_passes.IRLegalization,
)


def jit(function: Any) -> Any:
    """Compile a kernel: nopython, GIL released, no bounds checks, kept on disk (see `cache`)."""
    return Kernel(function) if JIT else numba.njit(function)


class _Part(codegen.JITCodeLibrary):  # type: ignore[misc]
    """The code of one kernel, for wholes to take in."""

    def add_llvm_module(self, module: Any) -> None:
        """Take in what was lowered."""
        self._final_module.link_in(module)

    def finalize(self) -> None:
        """It is done as it is."""
        self._finalized = True


class _Whole(codegen.JITCodeLibrary):  # type: ignore[misc]
    """The code of a kernel that Python calls, and of all that it reaches."""

    def add_llvm_module(self, module: Any) -> None:
        """Take in what was lowered."""
        self._final_module.link_in(module)

    def finalize(self) -> None:
        """Take in the parts, and optimise everything together."""
        reached = dict.fromkeys(self._linking_libraries)
        queue, names = list(reached), list[str]()
        for library in queue:
            module = library._get_module_for_linking()
            if isinstance(library, _Part):  # others have linked what they call
                names += [function.name for function in module.functions if not function.is_declaration]
                queue += [one for one in dict.fromkeys(library._linking_libraries) if one not in reached]
                reached |= dict.fromkeys(queue)
            self._final_module.link_in(module, preserve=True)
        for name in names:  # nobody else calls them: a part with one caller is moved there, its arguments become registers
            self._final_module.get_function(name).linkage = binding.Linkage.internal
        self._optimize_final_module()
        self._finalize_final_module()


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


class _Compiler(compiler.CompilerBase):  # type: ignore[misc]
    """How a whole is compiled."""

    library, lowering = _Whole, typed_passes.NativeLowering

    def define_pipelines(self) -> list[Any]:
        """numba's passes, as far as kernels need them."""
        self.state.library = self.library(self.state.targetctx.codegen(), self.state.func_id.func_qualname)
        self.state.library.enable_object_caching()
        passes = PassManager("structgen")
        for one in (*_PASSES, self.lowering, typed_passes.NoPythonBackend):
            passes.add_pass(one, one.__name__)
        passes.finalize()
        return [passes]


class _PartCompiler(_Compiler):
    """How a part is compiled."""

    library, lowering = _Part, _PartLowering


class _PartDispatcher(registry.CPUDispatcher):  # type: ignore[misc]
    """A kernel as kernels see it."""

    def get_call_template(self, arguments: Any, keywords: Any) -> Any:
        """How it is called. A number that stands in a call is any number: else each would have a kernel of its own."""
        return super().get_call_template([types.unliteral(one) for one in arguments], keywords)

    def add_overload(self, result: Any) -> None:
        """Keep what was made, without the place where Python would look for it."""
        self.overloads[tuple(result.signature.args)] = result


class Kernel(registry.CPUDispatcher):  # type: ignore[misc]
    """A function that Python calls as a whole, and kernels as a part."""

    def __init__(self, function: Any) -> None:
        super().__init__(function, targetoptions={**_OPTIONS, "no_cfunc_wrapper": True}, pipeline_class=_Compiler)
        self._cache = KernelCache(function)
        options = {**_OPTIONS, "no_cfunc_wrapper": True, "no_cpython_wrapper": True}
        self.part = _PartDispatcher(function, targetoptions=options, pipeline_class=_PartCompiler)
        self.part._compiling_counter = self._compiling_counter  # shows that a kernel calls itself

    @property
    def _numba_type_(self) -> Any:
        """What a kernel that names this one means."""
        return types.Dispatcher(self.part)


class _Callback(CFunc):
    """A kernel that is called by its address."""

    @property
    def py_func(self: Any) -> Any:
        """The function, as dispatchers call it."""
        return self._pyfunc

    def _compile_uncached(self) -> Any:
        with event.trigger_event("numba:compile", data={"dispatcher": self}):  # numba tells only of dispatchers
            return super()._compile_uncached()  # type: ignore[misc]


class Remote:
    """A kernel (int64, int64, int64, int64) -> int64 that others call by its address (`arena.call_at`), so that it is no part of them.

    For what many wholes share and is seldom run (the steps of automata are half of all the code), or what few grammars need.
    """

    def __init__(self, function: Any) -> None:
        self.function = function
        self._compiled: Any = None

    @property
    def address(self) -> int:
        """Where it is; compiled, or loaded from disk, when first asked for."""
        if not JIT:
            return 0
        if self._compiled is None:
            signature = 4 * (types.int64,), types.int64
            compiled: Any = _Callback(self.function, signature, {}, {**_OPTIONS, "no_cpython_wrapper": True}, pipeline_class=_Compiler)
            compiled._cache = KernelCache(self.function)
            compiled.compile()
            self._compiled = compiled
        return int(self._compiled.address)
