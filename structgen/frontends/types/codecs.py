"""Codecs: for each Python type, its JSON Schema and the way from a JSON value to an instance.

A `Codec` has three things: `schema` (a dict of JSON Schema 2020-12), `fit(value, walk)` (does this JSON value belong here:
NO, LOOSE as `1` for a
float, EXACT), and `decode(value, walk)` (the instance, or `ValueMismatch`). JSON values are what `json.loads` returns,
except that numbers with a
point or an exponent are `decimal.Decimal`, so that nothing is lost.

Not here: how an annotation becomes a codec (`reader`), and which standard types have which text (`leaves`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from structgen.errors import TypeUnsupported, ValueMismatch
from structgen.frontends.types.limits import satisfies

Schema = dict[str, Any]

NO: Final = 0
LOOSE: Final = 1
EXACT: Final = 2

HIGHEST_EXPONENT: Final = 4300
"""Digits of the largest whole number that is read from an exponent: Python's own limit for reading integers."""


class Walk:
    """One pass over one JSON value: where it is (for messages), and which fits are known already (so that nested unions stay linear)."""

    __slots__ = ("_fits", "_path")

    def __init__(self) -> None:
        self._path: list[str] = []
        self._fits: dict[tuple[int, int], int] = {}

    def fit(self, codec: Codec, value: Any) -> int:
        """`codec.fit(value)`, remembered."""
        while isinstance(codec, Named):
            codec = codec.known
        key = (id(codec), id(value))
        known = self._fits.get(key)
        if known is None:
            known = self._fits[key] = codec.fit(value, self)
        return known

    def into(self, step: str | int, codec: Codec, value: Any) -> Any:
        """Decode the part of the value that lies at `step`."""
        while isinstance(codec, Named):  # here, to spend fewer frames of Python's stack on each level of the value
            codec = codec.known
        self._path.append(str(step))
        found = codec.decode(value, self)
        self._path.pop()
        return found

    def fail(self, expected: str, value: Any) -> ValueMismatch:
        """The error for a value of the wrong kind."""
        return self.error(f"expected {expected}, found {kind_of(value)}")

    def error(self, why: str) -> ValueMismatch:
        """An error at the present place."""
        return ValueMismatch(why, where="".join("/" + step.replace("~", "~0").replace("/", "~1") for step in self._path))


def kind_of(value: Any) -> str:
    """A JSON value as it is called in a message, with a glimpse of it."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, str):
        return f"the string {value[:40]!r}"
    if isinstance(value, (int, float, Decimal)):
        return f"the number {str(value)[:40]}"
    return "an array" if isinstance(value, list) else "an object" if isinstance(value, dict) else f"a {type(value).__name__}"


def is_number(value: Any) -> bool:
    """Whether a JSON value is a number (true and false are not)."""
    return isinstance(value, (int, float, Decimal)) and not isinstance(value, bool)


def plain(value: Any) -> Any:
    """A JSON value as `json.loads` would have made it: decimals become floats, at any depth."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, list):
        return [plain(v) for v in value]
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    return value


class Codec(ABC):
    """A type as JSON sees it."""

    schema: Schema

    @abstractmethod
    def fit(self, value: Any, walk: Walk) -> int:
        """NO, LOOSE or EXACT."""

    @abstractmethod
    def decode(self, value: Any, walk: Walk) -> Any:
        """The instance.

        Raises:
            ValueMismatch: the value does not belong to the type.
        """


@dataclass(eq=False)
class Anything(Codec):
    """Any JSON value, as it is."""

    schema: Schema = field(default_factory=dict)

    def fit(self, value: Any, walk: Walk) -> int:
        """Everything fits, but a type that says more fits better."""
        return LOOSE

    def decode(self, value: Any, walk: Walk) -> Any:
        """The value."""
        return plain(value)


@dataclass(eq=False)
class Null(Codec):
    """`None`, which is JSON's null."""

    schema: Schema = field(default_factory=lambda: {"type": "null"})

    def fit(self, value: Any, walk: Walk) -> int:
        """Only null."""
        return EXACT if value is None else NO

    def decode(self, value: Any, walk: Walk) -> None:
        """None."""
        if value is not None:
            raise walk.fail("null", value)


@dataclass(eq=False)
class Truth(Codec):
    """`bool`."""

    schema: Schema = field(default_factory=lambda: {"type": "boolean"})

    def fit(self, value: Any, walk: Walk) -> int:
        """Only true and false."""
        return EXACT if isinstance(value, bool) else NO

    def decode(self, value: Any, walk: Walk) -> bool:
        """True or False."""
        if not isinstance(value, bool):
            raise walk.fail("true or false", value)
        return value


@dataclass(eq=False)
class Number(Codec):
    """`int`, `float` or `Decimal`. To JSON Schema `1.0` and `1e2` are integers; they become `int`."""

    kind: type
    schema: Schema

    def fit(self, value: Any, walk: Walk) -> int:
        """A number written as Python would write the type is EXACT."""
        if not is_number(value) or not satisfies(self.schema, value):
            return NO
        if self.kind is int:
            return EXACT if isinstance(value, int) else LOOSE if _is_whole(value) else NO
        return LOOSE if isinstance(value, int) else EXACT

    def decode(self, value: Any, walk: Walk) -> Any:
        """The number, without rounding for `int` and `Decimal`."""
        if not is_number(value) or (self.kind is int and not _is_whole(value)):
            raise walk.fail("a whole number" if self.kind is int else "a number", value)
        if self.kind is not int:
            return Decimal(repr(value)) if self.kind is Decimal and isinstance(value, float) else self.kind(value)
        if isinstance(value, Decimal) and value.adjusted() > HIGHEST_EXPONENT:
            raise walk.error(f"a whole number of more than {HIGHEST_EXPONENT} digits")
        return int(value)


def _is_whole(value: int | float | Decimal) -> bool:
    if isinstance(value, float):
        return value.is_integer()
    return isinstance(value, int) or (value.is_finite() and (value.adjusted() > HIGHEST_EXPONENT or value == value.to_integral_value()))


@dataclass(eq=False)
class Text(Codec):
    """A string: `str` itself (`parse` is None), or a type that is read from one.

    `key`: a regular expression (full match, `^` and `$` included) for the texts, used where the type is the key of a dict;
    None: not usable there.
    """

    name: str
    schema: Schema
    parse: Callable[[str], Any] | None = None
    key: str | None = None

    def fit(self, value: Any, walk: Walk) -> int:
        """A string that keeps the limits and can be read."""
        if not isinstance(value, str) or not satisfies(self.schema, value):
            return NO
        try:
            self.read(value)
        except (ValueError, TypeError, OverflowError):
            return NO
        return EXACT

    def decode(self, value: Any, walk: Walk) -> Any:
        """The string, read."""
        if not isinstance(value, str):
            raise walk.fail(f"a string ({self.name})", value)
        try:
            return self.read(value)
        except (ValueError, TypeError, OverflowError) as error:
            raise walk.error(f"not a {self.name}: {value[:60]!r} ({error})") from error

    def read(self, text: str) -> Any:
        """The instance for one text; raises what the type raises."""
        return text if self.parse is None else self.parse(text)


@dataclass(eq=False)
class Choice(Codec):
    """One of finitely many scalars: `Literal` and enumerations. `options`: (JSON value, instance)."""

    options: Sequence[tuple[Any, Any]]
    schema: Schema = field(init=False)
    _found: dict[tuple[str, Any], Any] = field(init=False)

    def __post_init__(self) -> None:
        values = [v for v, _ in self.options]
        self.schema = {"const": values[0]} if len(values) == 1 else {"enum": values}
        self._found = {}
        for value, instance in self.options:
            self._found.setdefault(_scalar(value), instance)

    def fit(self, value: Any, walk: Walk) -> int:
        """An option; `1.0` is loosely the option `1`."""
        if isinstance(value, (list, dict)) or _scalar(value) not in self._found:
            return NO
        return LOOSE if isinstance(value, (float, Decimal)) else EXACT

    def decode(self, value: Any, walk: Walk) -> Any:
        """The member or literal."""
        if self.fit(value, walk) == NO:
            shown = ", ".join(repr(v) for v, _ in self.options[:8])
            raise walk.fail(f"one of {shown}{', …' if len(self.options) > 8 else ''}", value)
        return self._found[_scalar(value)]


def _scalar(value: Any) -> tuple[str, Any]:
    """A key under which true is not 1 but 1.0 is, as in JSON Schema."""
    if isinstance(value, bool):
        return "bool", value
    if isinstance(value, float):
        return "number", Decimal(repr(value))
    return ("number" if is_number(value) else "other"), value


@dataclass(eq=False)
class Array(Codec):
    """An array of any number of items of one type after the first few (`first`, of which `required` must be there).

    `build` makes the instance. `rest` is None where nothing may follow `first`.
    """

    first: Sequence[Codec]
    required: int
    rest: Codec | None
    build: Callable[[list[Any]], Any]
    schema: Schema = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.schema:
            return
        self.schema = {"type": "array"}
        if self.first:
            self.schema["prefixItems"] = [c.schema for c in self.first]
        if self.required:
            self.schema["minItems"] = self.required
        if self.rest is None:
            self.schema["maxItems"] = len(self.first)
        elif self.rest.schema or not self.first:
            self.schema["items"] = self.rest.schema or True

    def fit(self, value: Any, walk: Walk) -> int:
        """As well as the worst item."""
        if not isinstance(value, list) or not satisfies(self.schema, value):
            return NO
        worst = EXACT
        for i, item in enumerate(value):
            worst = min(worst, walk.fit(self._codec(i), item))
            if worst == NO:
                break
        return worst

    def decode(self, value: Any, walk: Walk) -> Any:
        """The list, tuple, set, …"""
        if not isinstance(value, list):
            raise walk.fail("an array", value)
        if len(value) < self.required or (self.rest is None and len(value) > len(self.first)):
            wanted = f"{self.required}" if self.required == len(self.first) else f"{self.required} to {len(self.first)}"
            raise walk.error(f"expected {wanted} items, found {len(value)}")
        items = [walk.into(i, self._codec(i), item) for i, item in enumerate(value)]
        try:
            return self.build(items)
        except TypeError as error:
            if "unhashable" in str(error):
                raise walk.error(f"an item of a set must be hashable: {error}") from error
            raise

    def _codec(self, index: int) -> Codec:
        if index < len(self.first):
            return self.first[index]
        return self.rest or ANYTHING


@dataclass(eq=False)
class Table(Codec):
    """An object used as a dict: every key is read by `keys`, every value is of one type. `build` makes the instance from pairs."""

    keys: Text
    values: Codec
    build: Callable[[list[tuple[Any, Any]]], Any] = dict
    schema: Schema = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.schema:
            return
        self.schema = {"type": "object"}
        if self.keys.key is None:
            self.schema["additionalProperties"] = self.values.schema or True
        else:
            self.schema |= {"patternProperties": {self.keys.key: self.values.schema or True}, "additionalProperties": False}

    def fit(self, value: Any, walk: Walk) -> int:
        """As well as the worst value."""
        if not isinstance(value, dict) or not satisfies(self.schema, value):
            return NO
        if any(self.keys.fit(k, walk) == NO for k in value):
            return NO
        worst = EXACT
        for one in value.values():
            worst = min(worst, walk.fit(self.values, one))
            if worst == NO:
                break
        return worst

    def decode(self, value: Any, walk: Walk) -> Any:
        """The dict."""
        if not isinstance(value, dict):
            raise walk.fail("an object", value)
        return self.build([(walk.into(k, self.keys, k), walk.into(k, self.values, v)) for k, v in value.items()])


@dataclass(frozen=True, slots=True)
class Member:
    """One named member of a record."""

    name: str
    codec: Codec
    required: bool


@dataclass(eq=False)
class Record(Codec):
    """An object with named members, and `extra` for all others (None: no others). `build` makes the instance from the values by name."""

    name: str
    members: Sequence[Member]
    build: Callable[[dict[str, Any]], Any]
    extra: Codec | None = None
    schema: Schema = field(default_factory=dict)
    _codecs: Mapping[str, Codec] = field(init=False)

    def __post_init__(self) -> None:
        self.schema = {"type": "object", "properties": {m.name: m.codec.schema or True for m in self.members}}
        if required := [m.name for m in self.members if m.required]:
            self.schema["required"] = required
        self.schema["additionalProperties"] = False if self.extra is None else self.extra.schema or True
        self._codecs = {m.name: m.codec for m in self.members}

    def fit(self, value: Any, walk: Walk) -> int:
        """As well as the worst member."""
        if not isinstance(value, dict) or any(m.required and m.name not in value for m in self.members):
            return NO
        worst = EXACT
        for key, one in value.items():
            codec = self._codecs.get(key, self.extra)
            worst = min(worst, walk.fit(codec, one) if codec is not None else NO)
            if worst == NO:
                break
        return worst

    def decode(self, value: Any, walk: Walk) -> Any:
        """The instance. What the class itself raises (`__post_init__`) passes through."""
        if not isinstance(value, dict):
            raise walk.fail(f"an object ({self.name})", value)
        if missing := [m.name for m in self.members if m.required and m.name not in value]:
            raise walk.error(f"{self.name} lacks {missing[0]!r}")
        found: dict[str, Any] = {}
        for key, one in value.items():
            codec = self._codecs.get(key, self.extra)
            if codec is None:
                raise walk.error(f"{self.name} has no member {key!r}")
            found[key] = walk.into(key, codec, one)
        return self.build(found)


@dataclass(eq=False)
class Either(Codec):
    """A union. The best fit is taken, and of equal fits the first."""

    options: Sequence[Codec]
    schema: Schema = field(init=False)

    def __post_init__(self) -> None:
        schemas: list[Schema] = []
        for option in self.options:
            if option.schema not in schemas:
                schemas.append(option.schema)
        self.schema = {} if {} in schemas else schemas[0] if len(schemas) == 1 else {"anyOf": schemas}

    def fit(self, value: Any, walk: Walk) -> int:
        """The best of the members."""
        best = NO
        for option in self.options:
            best = max(best, walk.fit(option, value))
        return best

    def decode(self, value: Any, walk: Walk) -> Any:
        """The instance of the member that fits best."""
        best, score = None, NO
        for option in self.options:
            fit = walk.fit(option, value)
            if fit > score:
                best, score = option, fit
        if best is None:
            raise walk.fail("a value of one of the types of the union", value)
        return best.decode(value, walk)


@dataclass(eq=False)
class Named(Codec):
    """A type under `$defs`, which may contain itself. `target` is set when its definition has been read."""

    name: str
    target: Codec | None = None

    @property
    def schema(self) -> Schema:  # type: ignore[override]
        """A reference."""
        return {"$ref": f"#/$defs/{self.name}"}

    @property
    def known(self) -> Codec:
        """The definition."""
        if self.target is None:
            why = "the type is limited, or the key of a dict, inside its own definition"
            raise TypeUnsupported(why, where=self.name, hint="put the limits on the definition itself")
        return self.target

    def fit(self, value: Any, walk: Walk) -> int:
        """As the definition."""
        return walk.fit(self.known, value)

    def decode(self, value: Any, walk: Walk) -> Any:
        """As the definition."""
        return self.known.decode(value, walk)


ANYTHING: Final = Anything()
