"""Types with named parts: dataclasses, TypedDict, NamedTuple and the parameters of a function.

Not here: what each part's annotation means (`reader`, which calls these). Each function returns a codec; JSON names are the Python names.
"""

from __future__ import annotations

import dataclasses
import inspect
import typing
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from structgen.errors import TypeUnsupported
from structgen.frontends.types.codecs import Array, Codec, Member, Record
from structgen.frontends.types.hints import MISSING, class_hints, function_hints, is_typed_dict, name_of, unwrap

if TYPE_CHECKING:
    from structgen.frontends.types.reader import Reader


def dataclass_codec(cls: type, args: tuple[Any, ...], reader: Reader, where: str) -> Codec:
    """An object with a member for each field of `__init__`; fields with a default may be left out."""
    fields = dataclasses.fields(cls)
    hidden = set(cls.__dataclass_fields__) - {f.name for f in fields}  # type: ignore[attr-defined]
    for name in sorted(hidden):
        kind = getattr(cls.__dataclass_fields__[name], "_field_type", None)  # type: ignore[attr-defined]
        if "INITVAR" in repr(kind):
            hint = "make it a field, or build the object from a plain dataclass"
            raise TypeUnsupported(
                "InitVar fields are given and not kept, so they have no place in JSON", where=f"{where}.{name}", hint=hint
            )
    hints = class_hints(cls, args, reader.names, where)
    members = []
    for field in fields:
        if field.init:
            required = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
            tp, _ = unwrap(hints[field.name])
            members.append(Member(field.name, reader.read(tp, f"{where}.{field.name}"), required))
    return Record(cls.__name__, members, lambda values: cls(**values))


def typed_dict_codec(cls: type, args: tuple[Any, ...], reader: Reader, where: str) -> Record:
    """An object with the keys of a TypedDict, and no others unless it says `extra_items`."""
    required_keys = typing.cast(Any, cls).__required_keys__
    members = []
    for name, hint in class_hints(cls, args, reader.names, where).items():
        tp, marks = unwrap(hint)
        required = "Required" in marks or (name in required_keys and "NotRequired" not in marks)
        members.append(Member(name, reader.read(tp, f"{where}.{name}"), required))
    extra = getattr(cls, "__extra_items__", typing.Never)
    extra = typing.Never if extra is None or "NoExtraItems" in repr(extra) else unwrap(extra)[0]
    rest = None if extra in (typing.Never, typing.NoReturn) else reader.read(extra, f"{where}{{}}")
    return Record(cls.__name__, members, dict, rest)


def named_tuple_codec(cls: Any, args: tuple[Any, ...], reader: Reader, where: str) -> Codec:
    """An array with one item for each field, in order; trailing fields with defaults may be left out."""
    hints = class_hints(cls, args, reader.names, where)
    items = [reader.read(hints.get(name, Any), f"{where}.{name}") for name in cls._fields]
    required = len(cls._fields) - len(cls._field_defaults)
    return Array(items, required, None, lambda values: cls(*values))


def function_codec(function: Callable[..., Any], reader: Reader, where: str) -> Codec:
    """An object with a member for each parameter; decoding gives a dict of keyword arguments. `**rest: T` allows further members."""
    try:
        parameters = inspect.signature(function).parameters
    except (ValueError, TypeError) as error:
        raise TypeUnsupported(f"the signature cannot be read: {error}", where=where, hint="wrap it in a Python function") from error
    hints = function_hints(function, reader.names, where)
    members: list[Member] = []
    extra: Codec | None = None
    for name, parameter in parameters.items():
        place = f"{where}({name})"
        _check_parameter(parameter, hints, place)
        if parameter.kind is inspect.Parameter.VAR_KEYWORD:
            more, extra = _keywords(hints[name], reader, place)
            members += more
        else:
            tp, _ = unwrap(hints[name])
            members.append(Member(name, reader.read(tp, place), parameter.default is inspect.Parameter.empty))
    return Record(f"the arguments of {name_of(function)}", members, dict, extra)


def _check_parameter(parameter: inspect.Parameter, hints: Mapping[str, Any], place: str) -> None:
    if parameter.kind is inspect.Parameter.VAR_POSITIONAL:
        raise TypeUnsupported("*args have no names in JSON", where=place, hint="take a list parameter instead")
    if parameter.kind is inspect.Parameter.POSITIONAL_ONLY:
        raise TypeUnsupported("a positional-only parameter cannot be passed by name", where=place, hint="move it behind the `/`")
    if parameter.name not in hints:
        raise TypeUnsupported("the parameter has no annotation", where=place, hint="annotate it; `Any` allows every JSON value")


def _keywords(hint: Any, reader: Reader, place: str) -> tuple[list[Member], Codec | None]:
    """`**rest: T` gives (no members, T); `**rest: Unpack[SomeTypedDict]` gives its members."""
    origin = typing.get_origin(hint)
    if "Unpack" not in (getattr(origin, "__name__", None) or str(origin)):
        return [], reader.read(hint, place)
    (inner,) = typing.get_args(hint)
    found = typed_dict_codec(typing.get_origin(inner) or inner, typing.get_args(inner), reader, place)
    return list(found.members), found.extra


def has_fields(tp: Any) -> Callable[[Any, tuple[Any, ...], Reader, str], Codec] | None:
    """The function that reads this class, or None when it is none of those above."""
    if is_typed_dict(tp):
        return typed_dict_codec
    if not isinstance(tp, type):
        return None
    if dataclasses.is_dataclass(tp):
        return dataclass_codec
    if issubclass(tp, tuple) and getattr(tp, "_fields", MISSING) is not MISSING:
        return named_tuple_codec
    return None
