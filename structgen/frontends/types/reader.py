"""From an annotation to a codec: the one place that knows every kind of Python type.

A `Reader` serves one call of `type_schema`. It keeps the definitions met so far, so that a type may contain itself. `where`
is the dotted path from the
root type to the place being read: `Person.tags[]` for the items of a list, `{}` for the values of a dict, `[2]` for a place in a tuple.
"""

from __future__ import annotations

import collections
import dataclasses
import enum
import re
import sys
import types
import typing
from collections import abc
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Annotated, Any, Final, get_args, get_origin

from structgen.errors import TypeUnsupported
from structgen.frontends.types import hints as h
from structgen.frontends.types.codecs import ANYTHING, Array, Choice, Codec, Either, Named, Number, Schema, Table, Text
from structgen.frontends.types.leaves import REFUSED, key_text, leaf
from structgen.frontends.types.limits import FOREIGN, Limit, limits_of, number_schema, size_schema
from structgen.frontends.types.records import function_codec, has_fields

_LISTS: Final[dict[Any, Callable[[list[Any]], Any]]] = {
    list: list,
    set: set,
    frozenset: frozenset,
    collections.deque: collections.deque,
    abc.Sequence: list,
    abc.MutableSequence: list,
    abc.Collection: list,
    abc.Iterable: list,
    abc.Reversible: list,
    abc.Container: list,
    abc.Set: set,
    abc.MutableSet: set,
}
_TABLES: Final[dict[Any, Callable[[list[tuple[Any, Any]]], Any]]] = {
    dict: dict,
    abc.Mapping: dict,
    abc.MutableMapping: dict,
    collections.OrderedDict: collections.OrderedDict,
}
_SCALARS: Final = (str, int, float, bool, type(None))
_HINT: Final = "known are pydantic models, dataclasses, TypedDict, NamedTuple, Enum, Literal, unions, containers, scalars and dates"


class Reader:
    """Reads annotations. `names`: types that forward references may mention, besides what their modules define."""

    def __init__(self, names: Mapping[str, Any]) -> None:
        self.names = names
        self.definitions: dict[str, Named] = {}
        self.extra_definitions: dict[str, Schema] = {}
        self._known: dict[Any, Codec] = {}
        self._owners: list[Any] = []

    def read(self, tp: Any, where: str) -> Codec:
        """The codec of an annotation.

        Raises:
            TypeUnsupported: the type, or a part of it, has no JSON form; `where` leads to the part.
        """
        if isinstance(tp, (str, typing.ForwardRef)):
            return self.read(self._resolve(tp, where), where)
        if _named(tp, "Self"):
            return self._self(where)
        if isinstance(tp, typing.TypeVar):
            return self.read(h.stand_in(tp), where)
        if (parent := getattr(tp, "__supertype__", None)) is not None:
            return self.read(parent, where)
        origin, args = get_origin(tp), get_args(tp)
        if origin is Annotated:
            return self._annotated(tp, where)
        if origin is typing.Literal:
            return self._literal(args, where)
        if origin is typing.Union or isinstance(tp, types.UnionType):
            return Either([self.read(a, where) for a in args])
        for alias in (tp, origin):
            if hasattr(alias, "__type_params__") and hasattr(alias, "__value__"):
                return self._alias(alias, args, tp, where)
        return self._class(tp, origin or tp, args, where)

    def _class(self, tp: Any, origin: Any, args: tuple[Any, ...], where: str) -> Codec:
        if _is_foreign(origin):
            return self._pydantic(tp, where)
        if (found := leaf(tp)) is not None:
            return found
        if isinstance(origin, type) and issubclass(origin, enum.Enum):
            return self.define(tp, origin.__name__, lambda: _enum(origin, where))
        if (make := has_fields(origin)) is not None:
            return self.define(tp, h.name_of(tp), lambda: self._owned(tp, lambda: make(origin, args, self, h.name_of(tp))))
        if origin is tuple:
            return self._tuple(tp, args, where)
        if origin in _LISTS:
            return self._list(origin, args, where)
        if origin in _TABLES:
            keys, values = args or (str, Any)
            return Table(self._keys(keys, where), self.read(values, f"{where}{{}}"), _TABLES[origin])
        if origin is collections.Counter:
            return Table(self._keys(args[0] if args else str, where), self.read(int, f"{where}{{}}"), _counter)
        raise _refusal(tp, origin, where)

    def function(self, function: Callable[..., Any], where: str) -> Codec:
        """The codec of a function's keyword arguments."""
        return function_codec(function, self, where)

    def definition(self, name: str) -> Schema | None:
        """The schema under `$defs` of that name, if there is one and it is complete."""
        named = self.definitions.get(name)
        return self.extra_definitions.get(name) if named is None else named.target.schema if named.target is not None else None

    def is_open(self, name: str) -> bool:
        """Whether a definition of that name is being read just now."""
        return name in self.definitions and self.definitions[name].target is None

    def remember(self, tp: Any, codec: Codec) -> None:
        """Use this codec when the type is met again."""
        self._known[tp] = codec

    def definition_name(self, wanted: str, taken: abc.Collection[str] = ()) -> str:
        """A free name under `$defs`, made of letters, digits, `_`, `-` and `.`."""
        base = re.sub(r"[^A-Za-z0-9_.-]+", "_", wanted).strip("_") or "Type"
        name, number = base, 2
        while name in self.definitions or name in self.extra_definitions or name in taken:
            name, number = f"{base}_{number}", number + 1
        return name

    def define(self, key: Any, name: str, make: Callable[[], Codec]) -> Codec:
        """A named definition, made once; inside it the same type is a reference."""
        if (known := self._known.get(key)) is not None:
            return known
        named = Named(self.definition_name(name))
        self._known[key] = self.definitions[named.name] = named
        target = make()
        end = target
        while isinstance(end, Named) and end is not named and end.target is not None:
            end = end.target
        if end is named:
            raise TypeUnsupported("the type is defined as itself", where=name, hint="say what it is")
        named.target = target
        return named

    def _owned(self, tp: Any, make: Callable[[], Codec]) -> Codec:
        """`make()`, while `Self` means `tp`."""
        self._owners.append(tp)
        try:
            return make()
        finally:
            self._owners.pop()

    def _self(self, where: str) -> Codec:
        if not self._owners:
            raise TypeUnsupported("`Self` means a class, and here is none", where=where, hint="name the class")
        return self.read(self._owners[-1], where)

    def _resolve(self, reference: Any, where: str) -> Any:
        module = getattr(reference, "__forward_module__", None)
        module = sys.modules.get(module) if isinstance(module, str) else module
        return h.resolve(reference, dict(vars(module)) if module is not None else {}, self.names, where)

    def _alias(self, alias: Any, args: tuple[Any, ...], tp: Any, where: str) -> Codec:
        """`type X = ...`: named, because it may mention itself."""
        value = alias.__value__
        module = sys.modules.get(getattr(alias, "__module__", "") or "")
        space = dict(vars(module)) if module is not None else {}
        value = h.resolve(value, {**space, alias.__name__: alias}, self.names, where)
        value = h.substitute(value, h.bind(alias.__type_params__, args))
        return self.define(tp, h.name_of(tp), lambda: self.read(value, h.name_of(tp)))

    def _literal(self, args: tuple[Any, ...], where: str) -> Codec:
        options = []
        for arg in args:
            value = arg.value if isinstance(arg, enum.Enum) else arg
            if not isinstance(value, _SCALARS):
                hint = "literals are strings, numbers, true, false, None and enumeration members with such values"
                raise TypeUnsupported(f"the literal {arg!r} has no JSON form", where=where, hint=hint)
            options.append((value, arg))
        return Choice(options)

    def _list(self, origin: Any, args: tuple[Any, ...], where: str) -> Codec:
        item = args[0] if args else Any
        if origin in {set, frozenset, abc.Set, abc.MutableSet} and _never_hashable(item):
            hint = "use list, or a frozen dataclass, NamedTuple or tuple as the item"
            raise TypeUnsupported(f"a set cannot hold {h.name_of(item)}, which is not hashable", where=f"{where}[]", hint=hint)
        return Array((), 0, self.read(item, f"{where}[]"), _LISTS[origin])

    def _tuple(self, tp: Any, args: tuple[Any, ...], where: str) -> Codec:
        if not args:
            empty = tp is not tuple and tp is not typing.Tuple  # tuple[()]  # noqa: UP006
            return Array((), 0, None if empty else ANYTHING, tuple)
        args = tuple(_flat(args))
        if len(args) >= 2 and args[-1] is Ellipsis:
            first, rest = args[:-2], args[-2]
            rest_codec: Codec | None = self.read(rest, f"{where}[]")
        else:
            first, rest_codec = args, None
        if Ellipsis in first:
            hint = "put the part of any length last, as in tuple[int, *tuple[str, ...]]"
            raise TypeUnsupported("a tuple may have one part of any length, at its end", where=where, hint=hint)
        items = [self.read(a, f"{where}[{i}]") for i, a in enumerate(first)]
        return Array(items, len(items), rest_codec, tuple)

    def _keys(self, tp: Any, where: str) -> Text:
        """How the keys of a dict are written in an object and read from it."""
        place = f"{where} (its keys)"
        codec = self.read(tp, place)
        while isinstance(codec, Named):
            codec = codec.known
        if isinstance(codec, Text) and codec.parse is None:
            return _string_keys(codec, h.name_of(tp), place)
        if isinstance(codec, Text) and codec.key is not None:
            return codec
        if isinstance(codec, Choice):
            return _choice_keys(codec, h.name_of(tp), place)
        base = getattr(tp, "__supertype__", tp)
        found = key_text(base, h.name_of(tp)) if base in (bool, int, Decimal) else None
        if found is not None:
            return found
        hint = "keys are str, int, bool, Decimal, dates, UUID, addresses, Literal or Enum"
        raise TypeUnsupported(f"{h.name_of(tp)} cannot be the key of a JSON object", where=place, hint=hint)

    def _annotated(self, tp: Any, where: str) -> Codec:
        base, *metadata = get_args(tp)
        limits = list(limits_of(tuple(metadata), where))
        if FOREIGN in limits:
            return self._pydantic(tp, where)
        codec = self.read(base, where)
        return limited(codec, limits, where) if limits else codec

    def _pydantic(self, tp: Any, where: str) -> Codec:
        from structgen.frontends.types.foreign import pydantic_codec  # pydantic is loaded only where it is used

        found = self._known.get(tp) if h.hashable(tp) else None
        return found or pydantic_codec(tp, self, where)


def limited(codec: Codec, limits: list[Limit], where: str) -> Codec:
    """The codec with limits: on a union they hold for each member but null."""
    while isinstance(codec, Named):
        codec = codec.known
    if isinstance(codec, Number):
        return dataclasses.replace(codec, schema=number_schema(codec.schema, limits, where))
    if isinstance(codec, Text) and codec.parse is None:
        return dataclasses.replace(codec, schema=size_schema(codec.schema, limits, "Length", where))
    if isinstance(codec, Array):
        return dataclasses.replace(codec, schema=_array_limits(codec, limits, where))
    if isinstance(codec, Table):
        return dataclasses.replace(codec, schema=size_schema(codec.schema, limits, "Properties", where))
    if isinstance(codec, Either):
        return Either([one if one.schema == {"type": "null"} else limited(one, limits, where) for one in codec.options])
    names = ", ".join(name for name, _ in limits)
    raise TypeUnsupported(f"the limits {names} do not apply here", where=where, hint="limits are for numbers, strings, arrays and dicts")


def _array_limits(codec: Array, limits: list[Limit], where: str) -> Schema:
    schema = size_schema(codec.schema, limits, "Items", where)
    if codec.build in (set, frozenset) and schema.get("minItems", 0) >= 2:
        schema["uniqueItems"] = True  # equal items melt into one, so the count would not hold
    return schema


def _string_keys(codec: Text, name: str, where: str) -> Text:
    pattern, low, high = (codec.schema.get(k) for k in ("pattern", "minLength", "maxLength"))
    if "allOf" in codec.schema or (pattern is not None and (low, high) != (None, None)):
        raise TypeUnsupported("keys with both a pattern and a length", where=where, hint="say the length in the pattern: `^[a-z]{1,9}$`")
    if pattern is None and (low, high) != (None, None):
        pattern = rf"^[\s\S]{{{low or 0},{'' if high is None else high}}}$"
    return dataclasses.replace(codec, name=name, key=pattern)


def _choice_keys(codec: Choice, name: str, where: str) -> Text:
    spelled: dict[str, Any] = {}
    for value, instance in codec.options:
        if isinstance(value, float) or value is None:
            raise TypeUnsupported(f"{value!r} cannot be the key of an object", where=where, hint="use string or whole-number values")
        text = value if isinstance(value, str) else str(value).lower()
        if text in spelled:
            raise TypeUnsupported(f"two keys are both written {text!r}", where=where, hint="give them different values")
        spelled[text] = instance
    escaped = "|".join(re.sub(r"[\^$\\.*+?()\[\]{}|/]", r"\\\g<0>", text) for text in spelled)
    return Text(name, {"type": "string"}, lambda text: _member(spelled, text), f"^(?:{escaped})$")


def _member(spelled: dict[str, Any], text: str) -> Any:
    if text not in spelled:
        raise ValueError("unknown key")
    return spelled[text]


def _counter(pairs: list[tuple[Any, Any]]) -> collections.Counter[Any]:
    return collections.Counter(dict(pairs))


def _enum(cls: type[enum.Enum], where: str) -> Codec:
    members = list(cls)
    if issubclass(cls, enum.Flag):
        raise TypeUnsupported("a Flag is a set of members, not one value", where=where, hint="use a list of Enum members")
    if not members:
        raise TypeUnsupported(f"{cls.__name__} has no members", where=where, hint="give the enumeration members")
    for member in members:
        if not isinstance(member.value, _SCALARS) or member.value != member.value or member.value in (float("inf"), float("-inf")):
            hint = "give members string, number, boolean or None values"
            raise TypeUnsupported(f"the value {member.value!r} of {member} has no JSON form", where=where, hint=hint)
    return Choice([(_bare(member.value), member) for member in members])


def _bare(value: Any) -> Any:
    """A value of a mixed-in type (StrEnum, IntEnum) as the plain scalar."""
    if value is None or isinstance(value, bool):
        return value
    return next(kind(value) for kind in (str, int, float) if isinstance(value, kind))


def _flat(args: tuple[Any, ...]) -> typing.Iterator[Any]:
    """Tuple arguments with unpacked tuples put in their place."""
    for arg in args:
        inner = get_args(arg)[0] if _named(get_origin(arg), "Unpack") else arg
        if inner is not arg or getattr(arg, "__unpacked__", False):
            yield from _flat(get_args(inner))
        else:
            yield arg


def _named(tp: Any, name: str) -> bool:
    """Whether `tp` is the special form or class of that name, of `typing` or `typing_extensions`."""
    return (getattr(tp, "_name", None) or getattr(tp, "__name__", "")) == name and getattr(tp, "__module__", "") in {
        "typing",
        "typing_extensions",
    }


def _is_foreign(cls: Any) -> bool:
    """Whether pydantic knows this class better than we do."""
    return isinstance(cls, type) and any(
        hasattr(cls, name) for name in ("__get_pydantic_core_schema__", "__pydantic_core_schema__", "__pydantic_validator__")
    )


def _never_hashable(tp: Any) -> bool:
    origin = get_origin(tp) or tp
    return isinstance(origin, type) and getattr(origin, "__hash__", None) is None


def _refusal(tp: Any, origin: Any, where: str) -> TypeUnsupported:
    name = h.name_of(tp)
    if tp in (typing.Never, typing.NoReturn):
        return TypeUnsupported("no value has this type", where=where, hint="leave the part out")
    for known, hint in REFUSED.items():
        if origin is known:
            return TypeUnsupported(f"{name} has no JSON form", where=where, hint=hint)
    if origin is collections.defaultdict:
        return TypeUnsupported("a defaultdict needs a factory that the type does not name", where=where, hint="use dict")
    if origin is abc.Callable or isinstance(origin, types.FunctionType):
        return TypeUnsupported("a function is not a value of JSON", where=where, hint="use a Literal of names")
    if not isinstance(origin, type):
        return TypeUnsupported(f"{tp!r} is not a type", where=where, hint=_HINT)
    return TypeUnsupported(f"{name} has no JSON form that structgen knows", where=where, hint=_HINT)
