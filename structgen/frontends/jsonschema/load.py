"""From what the caller passes to a JSON tree whose references can be followed.

A schema document becomes a tree of dict, list, str, bool, None, int and Decimal (numbers keep their decimal digits). It is a copy, so
that a caller may change the dict later. A `Resource` is a part of a document that has its own URI: the whole document, or a sub-schema
with `$id`.

Not here: what keywords mean (`read`), and anything that would fetch a document: remote references come from the caller's registry.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final
from urllib.parse import unquote, urldefrag, urljoin

from structgen.errors import BudgetExceeded, OptionError, SchemaError

MAX_VALUES: Final = 5_000_000
"""The most values of one schema document."""

DRAFTS: Final = {"draft4": 4, "draft6": 6, "draft7": 7, "draft2019-09": 2019, "draft2020-12": 2020}
"""The names of drafts, and the numbers by which they are compared."""

_SCHEMA_URI: Final = re.compile(r"https?://json-schema\.org/(?:draft-0?([3467])|draft/(2019-09|2020-12))/(?:hyper-)?schema#?$")

ONE: Final = (
    "not",
    "additionalProperties",
    "additionalItems",
    "unevaluatedProperties",
    "unevaluatedItems",
    "propertyNames",
    "contains",
    "if",
    "then",
    "else",
)
MANY: Final = ("allOf", "anyOf", "oneOf", "prefixItems")
NAMED: Final = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas", "dependencies")
"""Where sub-schemas stand: one schema, a list of schemas, schemas by name (`items` is the first or the second)."""

Cell = tuple[Any, str]
"""A place in a document: (the place above it, or the URI that it starts from; the reference token)."""


def pointer(cell: Cell | str) -> str:
    """The JSON Pointer of a place, after the URI of its document where that is not the main one."""
    tokens: list[str] = []
    while not isinstance(cell, str):
        cell, token = cell
        tokens.append(token.replace("~", "~0").replace("/", "~1") if "~" in token or "/" in token else token)
    return "".join([cell, *(f"/{token}" for token in reversed(tokens))])


def _copied(value: Any) -> Any:
    """A deep copy without recursion, for trees that the JSON module cannot walk."""
    top: list[Any] = [value]
    todo: list[tuple[Any, Any]] = [(top, 0)]  # (container, key) of a value that is still the caller's
    count = 0
    while todo:
        holder, key = todo.pop()
        one = holder[key]
        count += 1
        if count > MAX_VALUES:
            raise BudgetExceeded(f"the schema has more than {MAX_VALUES:,} values", hint="Does it contain itself?")
        if isinstance(one, dict):
            holder[key] = fresh = {str(name): part for name, part in one.items()}
            todo.extend((fresh, name) for name in fresh)
        elif isinstance(one, list | tuple):
            holder[key] = parts = list(one)
            todo.extend((parts, i) for i in range(len(parts)))
        elif isinstance(one, float):
            holder[key] = _decimal(repr(one))
        elif one is not None and not isinstance(one, str | int | Decimal):
            raise SchemaError(f"a schema is made of JSON values, not of {type(one).__name__}")
    return top[0]


def _decimal(text: str) -> Decimal:
    number = Decimal(text)
    if not number.is_finite() or abs(number.adjusted()) > 10_000:
        raise SchemaError(f"the number {text} is too large or too small", hint="Exponents go from -10000 to 10000.")
    return number


def _constant(name: str) -> Any:
    raise SchemaError(f"{name} is not JSON")


def _parsed(text: str) -> Any:
    try:
        return _DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise SchemaError(f"the schema is not JSON: {error.msg}", where=f"line {error.lineno}, column {error.colno}") from None
    except RecursionError:
        raise BudgetExceeded(
            "the JSON text of the schema is nested too deeply", hint="Pass it as a dict; the limit is the JSON parser's."
        ) from None
    except ValueError as error:  # an integer with more digits than Python reads
        raise SchemaError(f"the schema holds a number that is too long: {error}") from None


_ENCODER: Final = json.JSONEncoder(allow_nan=False)
_DECODER: Final = json.JSONDecoder(parse_float=_decimal, parse_constant=_constant)


def load(schema: object) -> Any:
    """The tree of a schema given as dict, bool or JSON text. Raises SchemaError for anything that is not JSON."""
    if isinstance(schema, bool):
        return schema
    if isinstance(schema, str):
        text = schema
    elif isinstance(schema, dict):
        try:
            text = _ENCODER.encode(schema)
        except RecursionError:
            return _copied(schema)
        except TypeError:  # perhaps a Decimal
            return _copied(schema)
        except ValueError as error:
            raise SchemaError(f"a schema is made of JSON values: {error}") from None
    else:
        raise SchemaError(f"a schema is a dict, a bool or JSON text, not {type(schema).__name__}")
    tree = _parsed(text)
    if "\\u" in text or isinstance(schema, str):
        try:
            json.dumps(tree, ensure_ascii=False, default=str).encode()
        except UnicodeEncodeError:
            raise SchemaError("the schema holds half of a surrogate pair", hint="No JSON text in UTF-8 can hold one.") from None
        except RecursionError:
            pass
    return tree


def draft_of(tree: Any, draft: str | None) -> int:
    """The number of the draft: the option where given, else `$schema`, else 2020. Draft 3 gives 3."""
    if draft is not None:
        if draft not in DRAFTS:
            raise OptionError(f"there is no draft {draft!r}", where="draft", hint=f"Choose one of {', '.join(DRAFTS)}.")
        return DRAFTS[draft]
    uri = tree.get("$schema") if isinstance(tree, dict) else None
    if uri is None:
        return 2020
    if not isinstance(uri, str):
        raise SchemaError("$schema must be a string", where="/$schema")
    found = _SCHEMA_URI.match(uri)
    return int((found[1] or found[2])[:4]) if found else 2020


@dataclass(slots=True, eq=False)
class Resource:
    """A schema with its own URI: `tree` is its root, `cell` the place of that root, `uri` the base of its references."""

    tree: Any
    cell: Cell | str
    uri: str


class References:
    """Follows references within one document and the caller's registry. Indexes `$id` and `$anchor` only when a reference needs them."""

    def __init__(self, tree: Any, draft: int, registry: Any = None) -> None:
        self.draft, self.registry = draft, registry
        self.key = "id" if draft == 4 else "$id"
        uri = tree.get(self.key) if isinstance(tree, dict) else None
        self.main = Resource(tree, "", urldefrag(uri)[0] if isinstance(uri, str) else "")
        self._named: dict[str, Resource] | None = None  # URI -> resource
        self._anchors: dict[tuple[str, str], tuple[Any, Cell | str, Resource]] = {}

    def enter(self, tree: dict[str, Any], cell: Cell | str, outer: Resource) -> Resource:
        """The resource that a sub-schema belongs to: `outer`, or its own where it has `$id`."""
        name = tree.get(self.key)
        if not isinstance(name, str) or name.startswith("#") or tree is outer.tree or ("$ref" in tree and self.draft < 2019):
            return outer
        return Resource(tree, cell, urljoin(outer.uri, urldefrag(name)[0]))

    def follow(self, ref: str, base: Resource, at: Cell | str) -> tuple[Any, Cell | str, Resource] | None:
        """(tree, place, resource) of a reference; None where it leads to another document that nobody provided."""
        if ref == "#" or ref.startswith("#/"):
            return self._within(base, ref[1:], at)
        uri, fragment = urldefrag(urljoin(base.uri, ref))
        resource = base if uri == base.uri else self._resource(uri)
        if resource is None:
            return None
        if fragment == "" or fragment.startswith("/"):
            return self._within(resource, fragment, at)
        self._index()
        found = self._anchors.get((resource.uri, unquote(fragment)))
        if found is None:
            raise SchemaError(f"the reference {ref} leads nowhere: there is no anchor {fragment}", where=pointer(at))
        return found

    def is_single(self) -> bool:
        """True where one resource is all there is, so that references within the dynamic scope are plain ones."""
        return self.registry is None and len(self._index()) == 1

    def _within(self, resource: Resource, fragment: str, at: Cell | str) -> tuple[Any, Cell | str, Resource]:
        tree, cell = resource.tree, resource.cell
        for raw in fragment.split("/")[1:]:
            token = unquote(raw) if "%" in raw else raw
            token = token.replace("~1", "/").replace("~0", "~") if "~" in token else token
            if isinstance(tree, dict) and token in tree:
                tree = tree[token]
            elif isinstance(tree, list) and token.isdigit() and int(token) < len(tree):
                tree = tree[int(token)]
            else:
                raise SchemaError(f"the reference #{fragment} leads nowhere: there is no {token!r}", where=pointer(at))
            cell = (cell, token)
            if isinstance(tree, dict) and self.key in tree:
                resource = self.enter(tree, cell, resource)
        return tree, cell, resource

    def _resource(self, uri: str) -> Resource | None:
        named = self._index()
        if uri in named:
            return named[uri]
        if self.registry is None:
            return None
        try:
            contents = self.registry[uri].contents
        except KeyError:  # referencing's NoSuchResource is one
            return None
        found = named[uri] = Resource(_copied(contents), f"{uri}#", uri)
        self._gather(found)
        return found

    def _index(self) -> dict[str, Resource]:
        if self._named is None:
            self._named = {self.main.uri: self.main}
            self._gather(self.main)
        return self._named

    def _gather(self, start: Resource) -> None:
        """Enters every `$id` and anchor below the root of a resource."""
        assert self._named is not None
        todo: list[tuple[Any, Cell | str, Resource]] = [(start.tree, start.cell, start)]
        while todo:
            tree, cell, outer = todo.pop()
            if not isinstance(tree, dict):
                continue
            resource = self.enter(tree, cell, outer)
            if resource is not outer:
                self._named.setdefault(resource.uri, resource)
            plain = tree.get(self.key)
            for name in (
                plain[1:] if isinstance(plain, str) and plain[:1] == "#" else None,
                tree.get("$anchor"),
                tree.get("$dynamicAnchor"),
            ):
                if isinstance(name, str):
                    self._anchors.setdefault((resource.uri, name), (tree, cell, resource))
            todo.extend((sub, place, resource) for sub, place in subschemas(tree, cell))


def subschemas(tree: dict[str, Any], cell: Cell | str) -> Iterator[tuple[Any, Cell]]:
    """Every sub-schema that a keyword of any draft holds, with its place."""
    for key in tree.keys() & _HOLDERS:
        value = tree[key]
        here = (cell, key)
        if key in NAMED:
            if isinstance(value, dict):
                yield from ((sub, (here, name)) for name, sub in value.items())
        elif isinstance(value, list):
            yield from ((sub, (here, str(i))) for i, sub in enumerate(value))
        else:
            yield value, here


_HOLDERS: Final = frozenset((*ONE, *MANY, *NAMED, "items"))
