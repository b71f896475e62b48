"""What annotations say, once names are looked up and type variables filled in.

Not here: what a type looks like in JSON (`reader`). Data: a *scope* is `{type variable: type}`; hints are `{name:
annotation}`, `Annotated` kept.
"""

from __future__ import annotations

import functools
import inspect
import operator
import types
import typing
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, get_args, get_origin

from structgen.errors import TypeUnsupported

Scope = Mapping[Any, Any]
MISSING: Any = object()


def name_of(tp: Any) -> str:
    """A short name for messages: `list[Person]`, not `list[my.module.Person]`."""
    if get_origin(tp) is Annotated:
        return name_of(get_args(tp)[0])
    if get_origin(tp) is not None and get_args(tp) and not isinstance(tp, types.UnionType):
        name = str(tp).replace("typing.", "")
        return name if len(name) <= 80 else name[:79] + "…"
    name = getattr(tp, "__qualname__", None) or getattr(tp, "__name__", None) or str(tp).replace("typing.", "")
    return str(name).rpartition("<locals>.")[2]


def is_typed_dict(tp: Any) -> bool:
    """Whether `tp` is a TypedDict class, of `typing` or of `typing_extensions`."""
    return isinstance(tp, type) and issubclass(tp, dict) and hasattr(tp, "__required_keys__")


def class_hints(cls: type, args: tuple[Any, ...], names: Mapping[str, Any], where: str) -> dict[str, Any]:
    """The annotations of a class and its bases in order of declaration, type variables replaced (`args`: its type arguments)."""
    if is_typed_dict(cls):
        return _typed_dict_hints(cls, args, names, where)
    scopes = _scopes(cls, args)
    found: dict[str, Any] = {}
    for base in reversed(cls.__mro__):
        own = inspect.get_annotations(base)
        if own and base is not object:
            hints = _resolved(base, names, where)
            found.update({name: substitute(hints[name], scopes.get(base, {})) for name in own if name in hints})
    return found


def function_hints(function: Any, names: Mapping[str, Any], where: str) -> dict[str, Any]:
    """The annotations of a function's parameters."""
    while isinstance(function, functools.partial):
        function = function.func
    if not isinstance(function, (types.FunctionType, types.MethodType, types.BuiltinFunctionType)) and not hasattr(function, "__wrapped__"):
        function = type(function).__call__
    return _resolved(function, names, where)


def resolve(reference: Any, space: Mapping[str, Any], names: Mapping[str, Any], where: str) -> Any:
    """The type that a string or forward reference stands for. `space`: where to look; `names`: where to look first."""
    holder = types.SimpleNamespace(__annotations__={"it": reference})
    return _resolved(holder, {**space, **names}, where)["it"]


def substitute(tp: Any, scope: Scope) -> Any:
    """`tp` with its type variables replaced, at any depth."""
    if not scope:
        return tp
    if hashable(tp) and tp in scope:
        return scope[tp]
    args = get_args(tp)
    if not args or get_origin(tp) is typing.Literal:
        return tp
    origin = get_origin(tp)
    if origin is Annotated:
        base = substitute(args[0], scope)
        return tp if base is args[0] else Annotated[(base, *args[1:])]
    new: list[Any] = []
    for arg in args:
        value = substitute(arg, scope)
        new.extend(value) if isinstance(value, tuple) else new.append(value)
    if all(a is b for a, b in zip(args, new, strict=False)) and len(args) == len(new):
        return tp
    if isinstance(tp, types.UnionType) or origin is typing.Union:
        return functools.reduce(operator.or_, new) if isinstance(tp, types.UnionType) else typing.Union[tuple(new)]  # noqa: UP007
    if isinstance(tp, types.GenericAlias):
        return types.GenericAlias(origin, tuple(new))
    return tp.copy_with(tuple(new)) if hasattr(tp, "copy_with") else origin[tuple(new)]


def bind(parameters: tuple[Any, ...], args: tuple[Any, ...]) -> dict[Any, Any]:
    """Type variables to type arguments; without arguments a variable becomes its default, its bound, or Any."""
    if not args:
        return {p: stand_in(p) for p in parameters}
    return dict(zip(parameters, args, strict=False))


def stand_in(variable: Any) -> Any:
    """What a type variable that nobody has set stands for."""
    if getattr(variable, "has_default", lambda: False)():
        return variable.__default__
    if getattr(variable, "__constraints__", ()):
        return typing.Union[variable.__constraints__]  # noqa: UP007
    return getattr(variable, "__bound__", None) or Any


def unwrap(tp: Any) -> tuple[Any, set[str]]:
    """A field's type without `Required`, `NotRequired`, `ReadOnly`, `Final` and `ClassVar`, and the names of those removed."""
    marks: set[str] = set()
    while True:
        origin = get_origin(tp)
        name = getattr(origin, "_name", None) or getattr(origin, "__name__", "")
        if name in {"Required", "NotRequired", "ReadOnly", "Final", "ClassVar"} and origin is not None:
            marks.add(name)
            tp = get_args(tp)[0]
        elif origin is Annotated:
            inner, more = unwrap(get_args(tp)[0])
            return (Annotated[(inner, *get_args(tp)[1:])] if more else tp), marks | more
        else:
            return tp, marks


def _resolved(holder: Any, names: Mapping[str, Any], where: str) -> dict[str, Any]:
    """`typing.get_type_hints`, which looks names up in the module first; then in `names`, the class body and the class's own name."""
    try:
        try:
            return typing.get_type_hints(holder, localns=dict(names) if names else None, include_extras=True)
        except NameError:
            inside = {**vars(holder), holder.__name__: holder, **names} if isinstance(holder, type) else {}
            if not inside:
                raise
            return typing.get_type_hints(holder, localns=inside, include_extras=True)
    except NameError as error:
        hint = "define the type at the top of its module, or pass `names={...}` with the types that the annotation mentions"
        raise TypeUnsupported(f"an annotation mentions {error.name!r}, which is not known here", where=where, hint=hint) from error
    except (SyntaxError, TypeError, AttributeError) as error:
        raise TypeUnsupported(f"an annotation cannot be read: {error}", where=where, hint="annotate with a type") from error


def _scopes(cls: type, args: tuple[Any, ...]) -> dict[type, dict[Any, Any]]:
    """For each class of the MRO, what its type variables stand for when `cls` has type arguments `args`."""
    scopes = {cls: bind(getattr(cls, "__parameters__", ()), args)}
    for base, base_args in _bases(cls):
        inner = tuple(substitute(a, scopes[cls]) for a in base_args)
        for key, scope in _scopes(base, inner).items():
            scopes.setdefault(key, scope)
    return scopes


def _bases(cls: type) -> Iterator[tuple[type, tuple[Any, ...]]]:
    for base in getattr(cls, "__orig_bases__", cls.__bases__) if "__orig_bases__" in cls.__dict__ else cls.__bases__:
        origin = get_origin(base) or base
        if isinstance(origin, type) and origin not in {object, typing.Generic, typing.Protocol}:
            yield origin, get_args(base)


def _typed_dict_hints(cls: type, args: tuple[Any, ...], names: Mapping[str, Any], where: str) -> dict[str, Any]:
    """As `class_hints`; a TypedDict forgets its bases, so what is its own is what no base says in the same way."""
    found: dict[str, Any] = {}
    said: dict[str, Any] = {}
    scope = bind(getattr(cls, "__parameters__", ()), args)
    for base, base_args in _bases(cls):
        if is_typed_dict(base):
            found.update(_typed_dict_hints(base, tuple(substitute(a, scope) for a in base_args), names, where))
            said.update(base.__annotations__)
    hints = _resolved(cls, names, where)
    for name, raw in cls.__annotations__.items():
        if said.get(name, MISSING) is not raw:
            found[name] = substitute(hints[name], scope)
    return found


def hashable(value: Any) -> bool:
    """Whether a value can be a key."""
    try:
        hash(value)
    except TypeError:
        return False
    return True
