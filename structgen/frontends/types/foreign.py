"""pydantic: schemas as pydantic writes them, made exact, and decoding by pydantic itself.

This module imports pydantic, and is imported only when a type of pydantic is met. What is changed in pydantic's schemas:
objects are closed unless
they allow extra keys; annotations (title, description, default, …) go; tagged unions become `anyOf`; texts of dates, times,
bytes and URLs get patterns
that pydantic accepts; `Decimal` is a number; keys of dicts get patterns; conditions that pydantic leaves out of its schema
(bounds of dates,
`PastDate`, `max_digits` alone) are refused. What validators in Python demand cannot be seen: their ValidationError reaches the caller.

Keywords and formats that have no exact form in our subset stay as they are, so that the compiler names them.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import pydantic
from pydantic.json_schema import GenerateJsonSchema

from structgen.errors import TypeUnsupported
from structgen.frontends.types.codecs import EXACT, NO, Codec, Schema, Walk
from structgen.frontends.types.hints import hashable, name_of
from structgen.frontends.types.leaves import CLOCK, DATE, DECIMAL, DURATION, FORMAT_PATTERNS, INTEGER, ZONE, whole

if TYPE_CHECKING:
    from structgen.frontends.types.reader import Reader

_REFERENCE: Final = "#/$defs/"
_ANNOTATIONS: Final = frozenset(
    {"title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly", "$comment", "discriminator"}
)
_LABEL: Final = "[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*"
_PATH: Final = "(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})*"
_HOST: Final = rf"(?:{_LABEL}\.)*[A-Za-z][A-Za-z0-9]*(?:-[A-Za-z0-9]+)*"
_URL_REST: Final = rf"://{_HOST}(?::[0-9]{{1,4}})?(?:/{_PATH})?(?:\?{_PATH})?(?:#{_PATH})?"


def _base64(more: str) -> str:
    """Whole groups of four, the last perhaps padded, with no stray bits."""
    letter = f"[A-Za-z0-9{more}]"
    return f"(?:{letter}{{4}})*(?:{letter}[AQgw]==|{letter}{{2}}[AEIMQUYcgkosw048]=)?"


_FORMATS: Final[dict[str, Schema]] = {
    "password": {},
    "path": {},
    "base64": {"pattern": whole(_base64("+/"))},
    "base64url": {"pattern": whole(_base64("_-"))},
    "hex": {"pattern": "^(?:[0-9a-fA-F]{2})*$"},
    "date-time": {"pattern": whole(f"{DATE}T{CLOCK}{ZONE}?")},
    "time": {"pattern": whole(f"{CLOCK}{ZONE}?")},
    "duration": {"pattern": whole(DURATION)},
    "ipvanyaddress": {"anyOf": [{"format": "ipv4"}, {"format": "ipv6"}]},
    **{name: {"pattern": whole(FORMAT_PATTERNS[name])} for name in ("ipv4interface", "ipv6interface")},
    "ipvanyinterface": {"anyOf": [{"pattern": whole(FORMAT_PATTERNS[name])} for name in ("ipv4interface", "ipv6interface")]},
    # networks are left for the compiler to refuse: pydantic wants the host bits cleared, which no short pattern says
    **{f"uuid{n}": {"format": "uuid", "pattern": f"^.{{14}}{n}.{{4}}[89abAB]"} for n in (1, 3, 4, 5, 6, 7, 8)},
}
_KEY_PATTERNS: Final = {
    "integer": INTEGER,
    "boolean": "(?:true|false)",
    "number": DECIMAL,
    **{name: FORMAT_PATTERNS[name] for name in ("date", "uuid", "ipv4", "ipv6")},
}


class _Foreign(Codec):
    """A type that pydantic validates."""

    def __init__(self, adapter: pydantic.TypeAdapter[Any], schema: Schema) -> None:
        self.adapter, self.schema = adapter, schema

    def fit(self, value: Any, walk: Walk) -> int:
        """Whether pydantic accepts the value."""
        try:
            self.decode(value, walk)
        except pydantic.ValidationError:
            return NO
        return EXACT

    def decode(self, value: Any, walk: Walk) -> Any:
        """What pydantic makes of the value; raises pydantic's ValidationError.

        JSON mode comes first, because strict types and custom ones read JSON otherwise than Python values; then with `1.0`
        as `1`, which strict
        integers want; then Python mode, which keeps all digits of a Decimal and has no limit of depth at 200.
        """
        text = json.dumps(_numbers(value, whole_floats=False))
        attempts: list[Callable[[], Any]] = [
            lambda: self.adapter.validate_json(text),
            lambda: self.adapter.validate_json(json.dumps(_numbers(value, whole_floats=True))),
            lambda: self.adapter.validate_python(_numbers(value, whole_floats=False, exact=True)),
        ]
        if _has_long_number(value):
            attempts = [attempts[2], *attempts[:2]]
        first: pydantic.ValidationError | None = None
        for attempt in attempts:
            try:
                return attempt()
            except pydantic.ValidationError as error:
                first = first or error
        assert first is not None
        raise first


def _numbers(value: Any, *, whole_floats: bool, exact: bool = False) -> Any:
    """A JSON value for pydantic. `whole_floats`: `1.0` as the int 1; `exact`: numbers that no float holds stay decimals."""
    if isinstance(value, list):
        return [_numbers(v, whole_floats=whole_floats, exact=exact) for v in value]
    if isinstance(value, dict):
        return {k: _numbers(v, whole_floats=whole_floats, exact=exact) for k, v in value.items()}
    if not isinstance(value, (float, Decimal)):
        return value
    number = float(value)
    large = abs(number) >= 2**53
    if (whole_floats or large) and abs(number) < 1e300 and value == int(value):
        return int(value)
    return value if exact and _is_long(value) else number


def _is_long(value: Any) -> bool:
    return isinstance(value, Decimal) and Decimal(repr(float(value))) != value


def _has_long_number(value: Any) -> bool:
    if isinstance(value, list):
        return any(map(_has_long_number, value))
    if isinstance(value, dict):
        return any(map(_has_long_number, value.values()))
    return _is_long(value)


class _Generator(GenerateJsonSchema):
    """pydantic's schema generator, where it says less than pydantic checks. Refusals carry the class and field they come from."""

    ignored_warning_kinds: Any = frozenset({"skipped-choice", "non-serializable-default"})

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._place: list[str] = []
        self._field_names: dict[int, str] = {}

    def _refuse(self, why: str, hint: str) -> TypeUnsupported:
        return TypeUnsupported(why, where=".".join(self._place), hint=hint)

    def model_schema(self, schema: Any) -> Schema:
        outer, self._place = self._place, [schema["cls"].__name__]
        try:
            return super().model_schema(schema)
        finally:
            self._place = outer

    def model_fields_schema(self, schema: Any) -> Schema:
        self._field_names.update({id(field): name for name, field in schema["fields"].items()})
        return super().model_fields_schema(schema)

    def model_field_schema(self, schema: Any) -> Schema:
        self._place.append(self._field_names.get(id(schema), "?"))
        try:
            return super().model_field_schema(schema)
        finally:
            self._place.pop()

    def is_subclass_schema(self, schema: Any) -> Schema:
        raise self._refuse("a class is not a value of JSON", "use a Literal of names")

    def handle_invalid_for_json_schema(self, schema: Any, error_info: str) -> Schema:
        raise self._refuse(f"pydantic has no JSON Schema for it: {error_info}", "use a type that JSON can spell")

    def _check_moment(self, schema: Any) -> None:
        if named := [n for n in ("gt", "ge", "lt", "le", "now_op") if schema.get(n) is not None]:
            raise self._refuse(f"the bound {named[0]} on a date or time cannot be put in a schema", "check it after decoding")

    def date_schema(self, schema: Any) -> Schema:
        self._check_moment(schema)
        return super().date_schema(schema)

    def time_schema(self, schema: Any) -> Schema:
        self._check_moment(schema)
        return {"type": "string", "pattern": whole(f"{CLOCK}{_zone(schema)}")}

    def datetime_schema(self, schema: Any) -> Schema:
        self._check_moment(schema)
        return {"type": "string", "pattern": whole(f"{DATE}T{CLOCK}{_zone(schema)}")}

    def timedelta_schema(self, schema: Any) -> Schema:
        self._check_moment(schema)
        return {"type": "string", "format": "duration"}

    def decimal_schema(self, schema: Any) -> Schema:
        found: Schema = {"type": "number"}
        self.update_with_validations(found, schema, self.ValidationsMapping.numeric)
        found = {
            k: int(v) if isinstance(v, Decimal) and v == int(v) else float(v) if isinstance(v, Decimal) else v for k, v in found.items()
        }
        digits, places = schema.get("max_digits"), schema.get("decimal_places")
        if places is not None:
            step = {"multipleOf": float(Decimal(1).scaleb(-places)) if places else 1}
            found = {**found, **step} if "multipleOf" not in found else {**found, "allOf": [step]}
        if digits is not None:
            if places is None:
                raise self._refuse("max_digits needs decimal_places to be put in a schema", "give decimal_places too, or use le and ge")
            top = 10 ** max(digits - places, 0)
            found.setdefault("allOf", []).append({"exclusiveMinimum": -top, "exclusiveMaximum": top})
        return found

    def bytes_schema(self, schema: Any) -> Schema:
        if schema.get("min_length") is not None or schema.get("max_length") is not None:
            raise self._refuse("a length of bytes is not a length of characters", "use str, or leave the length out")
        form = {"base64": "base64url", "hex": "hex"}.get(self._config.val_json_bytes)
        return {"type": "string", **({"format": form} if form else {})}

    def json_schema(self, schema: Any) -> Schema:
        raise self._refuse("Json holds a JSON text inside a string", "use the inner type itself")

    def url_schema(self, schema: Any) -> Schema:
        schemes = schema.get("allowed_schemes")
        start = f"(?:{'|'.join(s.replace('+', '[+]') for s in schemes)})" if schemes else "[a-z][a-z0-9]*"
        limit = {"maxLength": schema["max_length"]} if schema.get("max_length") else {}
        return {"type": "string", "pattern": whole(start + _URL_REST), **limit}

    def tagged_union_schema(self, schema: Any) -> Schema:
        found = super().tagged_union_schema(schema)
        return {"anyOf" if key == "oneOf" else key: value for key, value in found.items()}

    def dict_schema(self, schema: Any) -> Schema:
        found = super().dict_schema(schema)
        keys = self.generate_inner(schema["keys_schema"]) if "keys_schema" in schema else {}
        if keys.get("type") in {"integer", "boolean", "number"} or (keys.get("type") == "string" and "$ref" not in keys):
            rest = {k: v for k, v in keys.items() if k not in _ANNOTATIONS}
            if rest != {"type": "string"} and "patternProperties" not in found:
                found["propertyNames"] = rest
            elif set(rest) - {"type", "pattern"}:
                raise self._refuse("keys with both a pattern and a length", "say the length in the pattern: `^[a-z]{1,9}$`")
            elif "patternProperties" in found:  # only keys of that pattern are valid, which pydantic's schema does not say
                found["additionalProperties"] = False
        return found


def _zone(schema: Any) -> str:
    constraint = schema.get("tz_constraint")
    return f"{ZONE}?" if constraint is None else ZONE if constraint == "aware" else "" if constraint == "naive" else _offset(constraint)


def _offset(seconds: int) -> str:
    minutes = abs(seconds) // 60
    text = f"[{'+' if seconds >= 0 else '-'}]{minutes // 60:02}:{minutes % 60:02}"
    return f"(?:Z|{text})" if seconds == 0 else text


def pydantic_codec(tp: Any, reader: Reader, where: str) -> Codec:
    """The codec of a type that pydantic knows; its definitions join the reader's."""
    try:
        if not getattr(tp, "__pydantic_complete__", True) and hasattr(tp, "model_rebuild"):
            tp.model_rebuild(_types_namespace=dict(reader.names))
        adapter: pydantic.TypeAdapter[Any] = pydantic.TypeAdapter(tp)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about defaults, which are not used
            document = adapter.json_schema(mode="validation", schema_generator=_Generator)
    except pydantic.errors.PydanticUndefinedAnnotation as error:
        hint = "define the type at the top of its module, or pass `names={...}` with the types that the annotation mentions"
        raise TypeUnsupported(f"an annotation mentions {error.name!r}, which is not known here", where=where, hint=hint) from error
    except TypeUnsupported as error:
        if error.where:
            raise
        raise TypeUnsupported(error.why, where=where, hint=error.hint) from error
    except (pydantic.errors.PydanticUserError, ImportError) as error:
        why = f"pydantic cannot describe it: {str(error).splitlines()[0]}"
        raise TypeUnsupported(why, where=where, hint="see the pydantic documentation for this type") from error
    definitions = document.pop("$defs", {})
    cleaner = _Cleaner(definitions)
    cleaned = {name: cleaner.clean(one) for name, one in definitions.items()}
    root = cleaner.clean(document)
    renamed = _free_names(cleaned, reader)
    for name, one in cleaned.items():
        if reader.definition(renamed[name]) is None:
            reader.extra_definitions[renamed[name]] = _rename(one, renamed)
    codec = _Foreign(adapter, _rename(root, renamed))
    if isinstance(tp, type) and "$ref" not in root:
        return reader.define(tp, name_of(tp), lambda: codec)
    if hashable(tp):
        reader.remember(tp, codec)
    return codec


def _free_names(cleaned: dict[str, Schema], reader: Reader) -> dict[str, str]:
    """New names for the definitions, their own where that name is free or already says the same."""
    same = {n: reader.definition(n) in (None, one) for n, one in cleaned.items()}
    if all(same.values()) and not any(reader.is_open(n) for n in cleaned):
        return {n: n for n in cleaned}
    taken: set[str] = set()
    renamed = {}
    for name in cleaned:
        renamed[name] = reader.definition_name(name, taken)
        taken.add(renamed[name])
    return renamed


def _rename(schema: Any, names: dict[str, str]) -> Any:
    if isinstance(schema, list):
        return [_rename(one, names) for one in schema]
    if not isinstance(schema, dict):
        return schema
    reference = schema.get("$ref")
    new = {k: v if k in {"const", "enum"} else _rename(v, names) for k, v in schema.items()}
    if isinstance(reference, str) and reference.startswith(_REFERENCE):
        new["$ref"] = _REFERENCE + names[reference.removeprefix(_REFERENCE)]
    return new


class _Cleaner:
    """Rewrites pydantic's schemas with the keywords that we compile exactly."""

    _MAPS: Final = frozenset({"properties", "patternProperties", "dependentSchemas"})
    _LISTS: Final = frozenset({"anyOf", "allOf", "oneOf", "prefixItems"})
    _ONES: Final = frozenset({"items", "additionalProperties", "not", "contains", "propertyNames", "if", "then", "else"})

    def __init__(self, definitions: dict[str, Schema]) -> None:
        self.definitions = definitions

    def clean(self, schema: Any) -> Any:
        """One schema, and all in it."""
        if not isinstance(schema, dict):
            return schema
        new: Schema = {}
        for key, value in schema.items():
            if key in _ANNOTATIONS or key.startswith("x-"):
                continue
            if key in self._MAPS:
                new[key] = {name: self.clean(one) for name, one in value.items()}
            elif key in self._LISTS:
                new[key] = [self.clean(one) for one in value]
            else:
                new[key] = self.clean(value) if key in self._ONES else value
        self._formats(new)
        self._objects(new)
        if new.get("uniqueItems") and new.get("minItems", 0) < 2:
            del new["uniqueItems"]  # equal items melt into one, which only a least number could notice
        return new

    def _formats(self, schema: Schema) -> None:
        more = _FORMATS.get(schema.get("format", ""))
        if more is not None:
            del schema["format"]
            if set(more) & set(schema):
                schema.setdefault("allOf", []).append(more)
            else:
                schema.update(more)

    def _objects(self, schema: Schema) -> None:
        names = schema.get("propertyNames")
        if names is not None and (pattern := self._key_pattern(names)) is not None:
            del schema["propertyNames"]
            schema["patternProperties"] = {whole(pattern): schema.pop("additionalProperties", True)}
            schema["additionalProperties"] = False
        if "properties" in schema and "patternProperties" not in schema:
            schema.setdefault("additionalProperties", False)

    def _key_pattern(self, names: Schema) -> str | None:
        while "$ref" in names:
            names = self.definitions[names["$ref"].removeprefix(_REFERENCE)]
        values = [names["const"]] if "const" in names else names.get("enum")
        if values is not None:
            texts = [v for v in values if isinstance(v, str)]  # beside strings, pydantic finds no number by its text
            kinds = {type(v) for v in values}
            if not texts and kinds in ({int}, {bool}):
                texts = [json.dumps(v) for v in values]
            return "|".join(_escape(t) for t in texts) if texts else None
        more = set(names) - {"type", "format"}
        if more and more <= {"minLength", "maxLength"} and "format" not in names:
            return rf"[\s\S]{{{names.get('minLength', 0)},{names.get('maxLength', '')}}}"
        if more:
            return None
        return _KEY_PATTERNS.get(names.get("format") or names.get("type", ""))


def _escape(text: str) -> str:
    return "".join("\\" + c if c in "^$\\.*+?()[]{}|/" else c for c in text)
