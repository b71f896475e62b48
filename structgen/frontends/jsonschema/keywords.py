"""Keywords: what each of them may hold, and the items that it becomes.

One function for each keyword (or group of keywords that only mean something together). It checks the value against the draft and adds
items to the sub-schema that the reader is at. Keywords that are not in the table of a draft are annotations there.

Not here: names and references (`core`), the walk over sub-schemas (`read`).
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from structgen.errors import BudgetExceeded
from structgen.frontends.jsonschema import formats
from structgen.frontends.jsonschema.core import Keyword, core_of, text_of
from structgen.frontends.jsonschema.formats.content import encoding_dfa, media_type
from structgen.frontends.jsonschema.keys import classes_of
from structgen.frontends.jsonschema.load import located, name_of
from structgen.frontends.jsonschema.node import ARR, BOOL, NULL, NUM, OBJ, STR, Item, Node
from structgen.frontends.jsonschema.scalars import check_divisor
from structgen.frontends.jsonschema.strings import check_pattern
from structgen.ir.report import Finding

if TYPE_CHECKING:
    from structgen.frontends.jsonschema.read import Reader

_STRINGS: Final = frozenset((str,))

FEW: Final = 6
"""Up to so many patterns of property names are few enough, or it is found out where a text gets to them."""

_TYPES: Final = {"null": NULL, "boolean": BOOL, "number": NUM, "integer": NUM, "string": STR, "array": ARR, "object": OBJ}

_ITEMS: Final[list[dict[str, tuple[Item, ...]]]] = [
    {name: (("type", (mask, name == "integer", bare), ()),) for name, mask in _TYPES.items()} for bare in (False, True)
]


def _names(reader: Reader, keyword: str, value: Any) -> tuple[str, ...]:
    if type(value) is not list:
        hint = 'Since draft 4, the object lists its required properties: "required": ["a"].' if keyword == "required" else None
        raise reader.bad(keyword, f"must be a list of strings, not {name_of(value)}", hint)
    if not _STRINGS.issuperset(map(type, value)):
        raise reader.bad(keyword, "must list strings only")
    _once(reader, keyword, value)
    if not value and reader.draft == 4:
        raise reader.bad(keyword, "must name at least one property in draft 4", "Leave it out, or name a later draft.")
    return tuple(value)


def _once(reader: Reader, keyword: str, names: list[str]) -> None:
    if len(set(names)) < len(names):
        twice = next(name for i, name in enumerate(names) if name in names[:i])
        raise reader.bad(keyword, f"lists {twice!r} twice")


def _count(reader: Reader, keyword: str, value: Any) -> int:
    if type(value) is Decimal and value == value.to_integral_value() and reader.draft > 4:
        value = int(value)
    if type(value) is not int or value < 0:
        raise reader.bad(keyword, f"must be a whole number from 0 up, not {value if type(value) in (int, Decimal) else name_of(value)}")
    return value


def _counter(keyword: str, kind: str) -> Keyword:
    def read(reader: Reader, value: Any) -> None:
        reader.add(kind, _count(reader, keyword, value))

    return read


def _number(reader: Reader, keyword: str, value: Any) -> Fraction:
    if type(value) is not int and type(value) is not Decimal:
        raise reader.bad(keyword, f"must be a number, not {name_of(value)}")
    return Fraction(value)


def _type(reader: Reader, value: Any) -> None:
    if type(value) is str and value in _TYPES:  # as most are
        reader.items += type_items(reader.draft)[value]
        return
    names = value if type(value) is list else [value]
    if not names:
        raise reader.bad("type", "must name at least one type")
    mask, integer = 0, False
    for name in names:
        bit = _TYPES.get(name) if type(name) is str else None
        if bit is None:
            shown = repr(name) if type(name) is str else name_of(name)
            raise reader.bad("type", f"must be one of {', '.join(_TYPES)}, not {shown}")
        mask |= bit
        integer |= name == "integer"
    _once(reader, "type", names)
    reader.add("type", (mask, integer and "number" not in names, reader.draft == 4))


def _enum(reader: Reader, value: Any) -> None:
    if type(value) is not list:
        raise reader.bad("enum", f"must be a list, not {name_of(value)}")
    if not value and reader.draft == 4:
        raise reader.bad("enum", "must list at least one value in draft 4", 'The schema without any value is {"not": {}}.')
    reader.values(value, (reader.cell, "enum"))


def _const(reader: Reader, value: Any) -> None:
    reader.values([value], (reader.cell, "const"))


def _bound(keyword: str, flag: str, kind: str) -> Keyword:
    def read(reader: Reader, value: Any) -> None:
        limit = _number(reader, keyword, value)
        reader.add(kind, (limit, reader.draft == 4 and reader.tree.get(flag) is True))

    return read


def _exclusive(keyword: str, partner: str, kind: str) -> Keyword:
    def read(reader: Reader, value: Any) -> None:
        if reader.draft == 4:
            if type(value) is not bool:
                hint = f'It makes {partner} exclusive there: {{"{partner}": 3, "{keyword}": true}}. Later drafts take a number.'
                raise reader.bad(keyword, f"must be a boolean in draft 4, not {name_of(value)}", hint)
            if partner not in reader.tree:
                raise reader.bad(keyword, f"needs {partner} beside it in draft 4")
            return
        if type(value) is bool:
            hint = f'It is the bound itself since draft 6: {{"{keyword}": 3}}. draft="draft4" reads the boolean.'
            raise reader.bad(keyword, "must be a number, not a boolean", hint)
        reader.add(kind, (_number(reader, keyword, value), True))

    return read


def _multiple(reader: Reader, value: Any) -> None:
    divisor = _number(reader, "multipleOf", value)
    if divisor <= 0:
        raise reader.bad("multipleOf", "must be greater than 0")
    try:
        check_divisor(divisor)
    except BudgetExceeded as error:
        reader.refuse("multipleOf", error.why, NUM, error.hint or "")
    else:
        reader.add("multiple", divisor)


def _pattern_ok(reader: Reader, keyword: str, value: Any, types: int) -> bool:
    problem = check_pattern(text_of(reader, keyword, value))
    if problem is None:
        return True
    if problem.malformed:
        raise reader.bad(keyword, f"is not a regular expression: {problem.why}", problem.hint or None)
    reader.refuse(keyword, problem.why, types, problem.hint)
    return False


def _pattern(reader: Reader, value: Any) -> None:
    if _pattern_ok(reader, "pattern", value, STR):
        reader.add("pattern", value)


def _format(reader: Reader, value: Any) -> None:
    value = text_of(reader, "format", value)
    own = reader.formats
    if own is None:
        return
    if value in own:
        reader.add("text", own[value])
        return
    if value in formats.REPORTED:
        reader.report.findings.append(Finding(reader.at("format"), "format", "narrower", f"{value}: {formats.NOTES[value]}"))
    if value in formats.GRAMMARS:
        reader.add("text", ("grammar", formats.GRAMMARS[value]))
    elif value in formats.SUPPORTED:
        reader.add("format", value)


def _content(reader: Reader, _: Any) -> None:
    if "content" in reader.done:
        return
    reader.done.add("content")
    tree = reader.tree
    encoding, media = [text_of(reader, key, tree[key]) if key in tree else None for key in ("contentEncoding", "contentMediaType")]
    if not reader.content:
        return
    encoded = None if encoding is None else encoding_dfa(encoding)
    text = None if media is None else media_type(media)
    plain = encoding is None or encoding.lower() in ("7bit", "8bit", "binary")
    if encoded is not None and text is not None:
        hint = "content='annotation' takes contentEncoding and contentMediaType as comments."
        reader.refuse("contentMediaType", f"{media} in {encoding} is not supported", STR, hint)
    elif encoded is not None:
        reader.add("text", ("language", encoded))
    elif text is not None and plain:
        reader.add("text", ("grammar", text))


def _array(reader: Reader, _: Any) -> None:
    if "array" in reader.done:
        return
    reader.done.add("array")
    tree = reader.tree
    prefix: list[Node] = []
    rest: Node | None = None
    items = tree.get("items")
    if reader.draft == 2020 and "prefixItems" in tree:
        prefix = _schemas(reader, "prefixItems", tree["prefixItems"])
    if type(items) is list:
        if reader.draft == 2020:
            hint = 'It lists positions in prefixItems; draft="draft2019-09" reads the list.'
            raise reader.bad("items", "must be one schema in draft 2020-12, not a list", hint)
        if not items:
            raise reader.bad("items", "must list at least one schema")
        prefix = [reader.sub(one, "items", str(i)) for i, one in enumerate(items)]
        if "additionalItems" in tree:
            rest = reader.sub(tree["additionalItems"], "additionalItems")
    elif "items" in tree:
        rest = reader.sub(items, "items")
    if prefix or rest is not None:
        reader.add("array", (len(prefix), rest is not None), (*prefix, *(() if rest is None else (rest,))))


def _additional_items(reader: Reader, value: Any) -> None:
    if type(reader.tree.get("items")) is not list:
        reader.glance(value, "additionalItems")


def _contains(reader: Reader, value: Any) -> None:
    low, high = 1, None
    if reader.draft >= 2019:
        low = _count(reader, "minContains", reader.tree.get("minContains", 1))
        if "maxContains" in reader.tree:
            high = _count(reader, "maxContains", reader.tree["maxContains"])
    node = reader.sub(value, "contains")
    if low or high is not None:
        reader.add("contains", (low, high), (node,))
    if reader.draft == 2020 and reader.references.tracks():
        reader.add("marks", None, (node,))


def _limit_of_contains(keyword: str) -> Keyword:
    def read(reader: Reader, value: Any) -> None:
        if "contains" not in reader.tree:
            _count(reader, keyword, value)

    return read


def _unique(reader: Reader, value: Any) -> None:
    if type(value) is not bool:
        raise reader.bad("uniqueItems", f"must be a boolean, not {name_of(value)}")
    if value:
        reader.add("unique")


def _object(reader: Reader, _: Any) -> None:
    if "object" in reader.done:
        return
    reader.done.add("object")
    tree = reader.tree
    properties, patterns = tree.get("properties", {}), tree.get("patternProperties", {})
    for keyword, value in (("properties", properties), ("patternProperties", patterns)):
        if type(value) is not dict:
            raise reader.bad(keyword, f"must be an object, not {name_of(value)}")
    nodes = [reader.sub(one, "properties", name) for name, one in properties.items()]
    kept: list[str] = []
    for pattern, one in patterns.items():
        cell, reader.cell = reader.cell, (reader.cell, "patternProperties")
        try:
            usable = _pattern_ok(reader, pattern, pattern, OBJ)
        finally:
            reader.cell = cell
        if usable:
            kept.append(pattern)
            nodes.append(reader.sub(one, "patternProperties", pattern))
    if len(kept) > FEW and not reader.relax:
        try:
            classes_of(tuple(kept))
        except BudgetExceeded as error:  # better now than when a text gets there
            raise located(error, reader.cell) from None
    # with an unusable pattern it is unknown, too, which keys are additional; `refuse` has said so
    has_rest = "additionalProperties" in tree and len(kept) == len(patterns)
    if has_rest:
        nodes.append(reader.sub(tree["additionalProperties"], "additionalProperties"))
    if nodes:
        reader.add("object", (tuple(properties), tuple(kept), has_rest), tuple(nodes))


def _required(reader: Reader, value: Any) -> None:
    names = _names(reader, "required", value)
    if names:
        reader.add("required", names)


def _property_names(reader: Reader, value: Any) -> None:
    reader.add("names", None, (reader.sub(value, "propertyNames"),))


def _dependent_required(reader: Reader, value: Any) -> None:
    _dependent(reader, "dependentRequired", value)


def _dependent_schemas(reader: Reader, value: Any) -> None:
    _dependent(reader, "dependentSchemas", value)


def _dependencies(reader: Reader, value: Any) -> None:
    _dependent(reader, "dependencies", value)


def _dependent(reader: Reader, keyword: str, value: Any) -> None:
    if type(value) is not dict:
        raise reader.bad(keyword, f"must be an object, not {name_of(value)}")
    needs: list[tuple[str, tuple[str, ...]]] = []
    shapes: list[tuple[str, Node]] = []
    for name, one in value.items():
        if keyword == "dependentRequired" or (keyword == "dependencies" and type(one) is list):
            needs.append((name, _names(reader, keyword, one)))
        else:
            shapes.append((name, reader.sub(one, keyword, name)))
    if needs:
        reader.add("needs", tuple(needs))
    if shapes:
        reader.add("shapes", tuple(name for name, _ in shapes), tuple(node for _, node in shapes))


def _schemas(reader: Reader, keyword: str, value: Any) -> list[Node]:
    if type(value) is not list or not value:
        raise reader.bad(keyword, "must be a list of at least one schema")
    return [reader.sub(one, keyword, str(i)) for i, one in enumerate(value)]


def _many(keyword: str, kind: str) -> Keyword:
    def read(reader: Reader, value: Any) -> None:
        reader.add(kind, None, tuple(_schemas(reader, keyword, value)))

    return read


def _not(reader: Reader, value: Any) -> None:
    reader.add("not", None, (reader.sub(value, "not"),))


def _if(reader: Reader, value: Any) -> None:
    branches = [name for name in ("then", "else") if name in reader.tree]
    if branches:
        nodes = (reader.sub(value, "if"), *(reader.sub(reader.tree[name], name) for name in branches))
        reader.add("if", ("then" in branches, "else" in branches), nodes)
    elif reader.draft >= 2019 and reader.references.tracks():
        reader.add("tried", None, (reader.sub(value, "if"),))
    else:
        reader.glance(value, "if")


def _branch(keyword: str) -> Keyword:
    def read(reader: Reader, value: Any) -> None:
        if "if" not in reader.tree:
            reader.glance(value, keyword)

    return read


def _unused(keyword: str) -> Keyword:
    def read(reader: Reader, value: Any) -> None:
        reader.glance(value, keyword)

    return read


def _unevaluated(keyword: str, kind: str) -> Keyword:
    def read(reader: Reader, value: Any) -> None:
        reader.add(kind, None, (reader.sub(value, keyword),))

    return read


@lru_cache(maxsize=8)
def keywords_of(draft: int) -> dict[str, Keyword]:
    """Every keyword of a draft that constrains something, or names schemas."""
    table: dict[str, Keyword] = core_of(draft) | {
        "type": _type,
        "enum": _enum,
        "minimum": _bound("minimum", "exclusiveMinimum", "min"),
        "maximum": _bound("maximum", "exclusiveMaximum", "max"),
        "exclusiveMinimum": _exclusive("exclusiveMinimum", "minimum", "min"),
        "exclusiveMaximum": _exclusive("exclusiveMaximum", "maximum", "max"),
        "multipleOf": _multiple,
        "minLength": _counter("minLength", "minlen"),
        "maxLength": _counter("maxLength", "maxlen"),
        "pattern": _pattern,
        "format": _format,
        "items": _array,
        "minItems": _counter("minItems", "minitems"),
        "maxItems": _counter("maxItems", "maxitems"),
        "uniqueItems": _unique,
        "properties": _object,
        "patternProperties": _object,
        "additionalProperties": _object,
        "required": _required,
        "minProperties": _counter("minProperties", "minprops"),
        "maxProperties": _counter("maxProperties", "maxprops"),
        "dependencies": _dependencies,
        "allOf": _many("allOf", "all"),
        "anyOf": _many("anyOf", "any"),
        "oneOf": _many("oneOf", "one"),
        "not": _not,
    }
    if draft >= 6:
        table |= {"const": _const, "contains": _contains, "propertyNames": _property_names}
    if draft >= 7:
        table |= {"if": _if, "then": _branch("then"), "else": _branch("else"), "contentEncoding": _content, "contentMediaType": _content}
    if draft >= 2019:
        table |= {
            "dependentRequired": _dependent_required,
            "dependentSchemas": _dependent_schemas,
            "unevaluatedProperties": _unevaluated("unevaluatedProperties", "unprops"),
            "unevaluatedItems": _unevaluated("unevaluatedItems", "unitems"),
            "minContains": _limit_of_contains("minContains"),
            "maxContains": _limit_of_contains("maxContains"),
            "contentSchema": _unused("contentSchema"),
        }
    if draft <= 2019:
        table["additionalItems"] = _additional_items
    else:
        table["prefixItems"] = _array
    return table


def type_items(draft: int) -> dict[str, tuple[Item, ...]]:
    """The items of a schema that says one type."""
    return _ITEMS[draft == 4]


@lru_cache(maxsize=8)
def besides_type(draft: int) -> frozenset[str]:
    """What a schema must not have if all that it says is its type."""
    return frozenset(keywords_of(draft).keys() - {"type"} | {"$id", "id", "$schema"})
