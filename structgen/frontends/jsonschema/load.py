"""From what the caller passes to a JSON tree.

A schema document becomes a tree of dict, list, str, bool, None, int and Decimal (numbers keep their decimal digits). It is a copy, so
that a caller may change the dict later.

Not here: references (`resources`), and what keywords mean (`read`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from os import PathLike
from typing import Any, Final

from structgen.errors import BudgetExceeded, Place, SchemaError

MAX_VALUES: Final = 5_000_000
"""The most values of one schema document."""

Cell = tuple[Any, str]
"""A place in a document: (the place above it, or the URI that it starts from; the reference token)."""


def pointer(cell: Cell | str) -> str:
    """The JSON Pointer of a place, after the URI of its document where that is not the main one."""
    tokens: list[str] = []
    while not isinstance(cell, str):
        cell, token = cell
        tokens.append(token.replace("~", "~0").replace("/", "~1") if "~" in token or "/" in token else token)
    return "".join([cell, *(f"/{token}" for token in reversed(tokens))])


def order_in(tree: Any) -> Callable[[str], list[int]]:
    """The key that sorts pointers as their places stand in a document; those into other documents come last."""
    numbers: dict[int, dict[str, int]] = {}  # by id of an object: its keys

    def key(where: str) -> list[int]:
        here, found = tree, [0] if where[:1] in ("", "/") else [1]
        for raw in where.split("/")[1:]:
            token = raw.replace("~1", "/").replace("~0", "~")
            if isinstance(here, dict) and token in here:
                keys = numbers.get(id(here)) or numbers.setdefault(id(here), {name: i for i, name in enumerate(here)})
                found.append(keys[token])
                here = here[token]
            elif isinstance(here, list) and token.isdecimal() and int(token) < len(here):
                found.append(int(token))
                here = here[int(token)]
            else:
                break
        return found

    return key


def name_of(value: Any) -> str:
    """What to call a JSON value in a message."""
    names = {dict: "an object", list: "a list", str: "a string", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number")


def located(error: BudgetExceeded, cell: Cell | str) -> BudgetExceeded:
    """The error with its place, where it did not know one."""
    return BudgetExceeded(error.why, where=pointer(cell), hint=error.hint) if error.where is None else error


def _copied(value: Any, root: str) -> Any:
    """A deep copy without recursion, for trees that the JSON module cannot walk, or whose faults it does not place."""
    top: list[Any] = [value]
    todo: list[tuple[Any, Any, Cell | str]] = [(top, 0, root)]  # (container, key, place) of a value that is still the caller's
    count = 0
    while todo:
        holder, key, cell = todo.pop()
        one = holder[key]
        count += 1
        if count > MAX_VALUES:
            raise BudgetExceeded(f"the schema has more than {MAX_VALUES:,} values", hint="Does it contain itself?")
        if isinstance(one, dict):
            for name in one:
                if not isinstance(name, str):
                    why = f"the keys of a JSON object are strings, not {type(name).__name__}: {name!r:.100}"
                    raise SchemaError(why, where=pointer(cell), hint="json.dumps would make a string of it; write the string.")
                _check_characters(name, cell)
            holder[key] = fresh = dict(one)
            todo.extend((fresh, name, (cell, name)) for name in fresh)
        elif isinstance(one, list | tuple):
            holder[key] = parts = list(one)
            todo.extend((parts, i, (cell, str(i))) for i in range(len(parts)))
        elif isinstance(one, float):
            holder[key] = _decimal(repr(one), pointer(cell))
        elif isinstance(one, str):
            _check_characters(one, cell)
        elif one is not None and not isinstance(one, int | Decimal):
            raise SchemaError(f"a schema is made of JSON values, not of {type(one).__name__}", where=pointer(cell))
    return top[0]


def _check_characters(text: str, cell: Cell | str) -> None:
    if not text.isascii() and any("\ud800" <= char <= "\udfff" for char in text):
        raise SchemaError("the schema holds half of a surrogate pair", where=pointer(cell), hint="No JSON text in UTF-8 can hold one.")


def _decimal(text: str, where: str | None = None) -> Decimal:
    number = Decimal(text)
    if not number.is_finite():
        raise SchemaError(f"{text} is not JSON", where=where)
    if abs(number.adjusted()) > 10_000:
        raise SchemaError(f"the number {text} is too large or too small", where=where, hint="Exponents go from -10000 to 10000.")
    return number


def _constant(name: str) -> Any:
    raise SchemaError(f"{name} is not JSON")


_SLIPS: Final = {
    r"'": "JSON has double quotation marks; a Python dict can be passed as it is.",
    r"(?:True|False|None)\b": "JSON spells true, false and null; a Python dict can be passed as it is.",
    r"//|/\*|#": "JSON has no comments.",
}
"""What people write at a place where JSON ends, and what to tell them."""


def _slip(text: str, at: int) -> str | None:
    """A hint to what was probably meant."""
    if not text.strip():
        return "It is empty."
    if "\n" not in text and re.search(r"\.(json|ya?ml)$|^[./~]", text.strip()):
        return "Paths are not read; pass the text, Path(...).read_text()."
    if re.match(r"\s*(---|%YAML|[\w$]+:(\s|$))", text):
        return "This looks like YAML; parse it, and pass the dict."
    comma = at if text.startswith(",", at) else len(text[:at].rstrip()) - 1
    if comma >= 0 and re.compile(r",\s*[\]}]").match(text, comma):
        return "JSON has no comma behind the last item."
    return next((hint for slip, hint in _SLIPS.items() if re.compile(slip).match(text, at)), None)


_MEANT: Final = (
    (PathLike, "Paths are not read; pass path.read_text()."),
    (bytes | bytearray, "Decode it: schema.decode()."),
    (type, "The grammar of a Python type is sg.python_type(...)."),
    (Mapping, "Pass dict(schema)."),
)
"""What is passed for a schema, and what to tell people."""


def _parsed(text: str) -> Any:
    try:
        return _DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise SchemaError(f"the schema is not JSON: {error.msg}", where=Place(text, error.pos), hint=_slip(text, error.pos)) from None
    except RecursionError:
        raise BudgetExceeded(
            "the JSON text of the schema is nested too deeply", hint="Pass it as a dict; the limit is the JSON parser's."
        ) from None
    except ValueError as error:  # an integer with more digits than Python reads
        raise SchemaError(f"the schema holds a number that is too long: {error}") from None


_ENCODER: Final = json.JSONEncoder(allow_nan=False)
_DECODER: Final = json.JSONDecoder(parse_float=_decimal, parse_constant=_constant)


def load(schema: object, root: str = "") -> Any:
    """The tree of a schema given as dict, bool or JSON text. `root`: what pointers start with.

    Raises SchemaError for anything that is not JSON.
    """
    if isinstance(schema, bool):
        return schema
    if isinstance(schema, str):
        text = schema
    elif isinstance(schema, dict):
        try:
            text = _ENCODER.encode(schema)
        except (RecursionError, TypeError):  # deep, or perhaps a Decimal
            return _copied(schema, root)
        except ValueError as error:
            if "Circular" not in str(error):
                _copied(schema, root)  # knows where
            raise SchemaError(f"a schema is made of JSON values: {error}") from None
    else:
        hint = next((hint for kind, hint in _MEANT if isinstance(schema, kind)), None)
        raise SchemaError(f"a schema is a dict, a bool or JSON text, not {type(schema).__name__}", hint=hint)
    tree = _parsed(text)
    if isinstance(schema, dict) and not _is_same(tree, text, schema):
        return _copied(schema, root)
    if "\\u" in text or isinstance(schema, str):
        _check_tree(tree, root)
    return tree


def _is_same(tree: Any, text: str, schema: dict[str, Any]) -> bool:
    """False where the encoder changed what it was given: it turns keys into strings, and tuples into lists."""
    try:
        return bool(tree == schema or json.loads(text) == schema)  # a Decimal seldom equals the float that it was
    except RecursionError:
        return False


def _check_tree(tree: Any, root: str) -> None:
    try:
        json.dumps(tree, ensure_ascii=False, default=str).encode()
    except (UnicodeEncodeError, RecursionError):
        _copied(tree, root)  # knows where
