"""Resources: schemas with a URI of their own, and the references that lead from one to another.

A document (the schema itself, one of the caller's registry, or a metaschema) consists of resources: its root, and every sub-schema with
`$id`. They are indexed only when a reference needs it. Nothing is ever fetched.

Not here: the dynamic scope (`scope`), and what keywords mean (`keywords`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, NamedTuple
from urllib.parse import unquote

from structgen.errors import OptionError, SchemaError
from structgen.frontends.jsonschema.dialects import Dialect, draft_at, draft_named, holders, plain, unknown, with_vocabularies
from structgen.frontends.jsonschema.load import Cell, load, pointer
from structgen.frontends.jsonschema.uris import resolve, without_fragment

_INDEX: Final = re.compile(r"0|[1-9][0-9]{0,17}", re.ASCII)
_MISSING: Final = object()
_METASCHEMAS: Final = re.compile(r"https?(?=://json-schema\.org/)")


class Place(NamedTuple):
    """A sub-schema: its tree, where it stands, and the resource that it belongs to."""

    tree: Any
    cell: Cell | str
    resource: Resource


@dataclass(slots=True, eq=False)
class Resource:
    """A schema with its own URI: `tree` is its root, `cell` the place of that root, `uri` the base of its references.

    `anchors`: every name in it; `dynamic`: those that `$dynamicAnchor` made, and "" for a root with `$recursiveAnchor`.
    """

    tree: Any
    cell: Cell | str
    uri: str
    dialect: Dialect
    anchors: dict[str, Place] = field(default_factory=dict)
    dynamic: dict[str, Place] = field(default_factory=dict)


class References:
    """Follows references within a schema, to the caller's registry (a mapping from URIs to schemas), and to metaschemas."""

    def __init__(self, tree: Any, draft: object = None, registry: object = None) -> None:
        self._registry = _checked(registry)
        self._named: dict[str, Resource] = {}  # URI -> resource; complete for the documents that are indexed
        self._inner: dict[tuple[int, Resource], Resource] = {}  # (id of a sub-schema with `$id`, the resource around it)
        self._indexed = self._whole = False
        self._metaschemas: dict[str, Dialect] = {}
        self._draft_given = draft is not None
        self._tracks: bool | None = None
        self.main = Resource(tree, "", "", self._main_dialect(tree, draft))
        self.main.uri = self._base(tree, self.main.dialect, "")
        self._named[self.main.uri] = self.main

    def enter(self, tree: dict[str, Any], cell: Cell | str, outer: Resource) -> Resource:
        """The resource that a sub-schema belongs to: `outer`, or its own where it has `$id`."""
        if tree is outer.tree:
            return outer
        found = self._inner.get((id(tree), outer))
        if found is not None:
            return found
        dialect = self._dialect(tree, outer.dialect)
        name = tree.get(dialect.key)
        if type(name) is not str or name.startswith("#") or ("$ref" in tree and dialect.draft < 2019):
            return outer
        found = self._inner[id(tree), outer] = Resource(tree, cell, self._base(tree, dialect, outer.uri), dialect)
        return found

    def follow(self, ref: str, base: Resource, at: Cell | str) -> Place | None:
        """Where a reference leads; None where that is another document that nobody provided. Raises SchemaError where it is nowhere."""
        start, fragment = without_fragment(ref)
        uri = resolve(base.uri, start)
        resource = base if uri == base.uri else self._resource(uri)
        if resource is None:
            return None
        fragment = unquote(fragment)
        if fragment == "" or fragment.startswith("/"):
            return self._within(resource, fragment, ref, at)
        self.index()
        found = resource.anchors.get(fragment)
        if found is None:
            document = f" in {resource.uri}" if resource.uri else ""
            raise SchemaError(f"the reference {ref} leads nowhere: there is no anchor {fragment}{document}", where=pointer(at))
        return found

    def index(self) -> None:
        """Enters every `$id` and every anchor of the schema itself, once."""
        if not self._indexed:
            self._indexed = True
            self._gather(self.main)

    def tracks(self) -> bool:
        """True where a schema may ask what others have evaluated; a registry may hold anything."""
        if self._tracks is None:
            self._tracks = bool(self._registry) or _mentions(self.main.tree, ("unevaluatedProperties", "unevaluatedItems"))
        return self._tracks

    # ---- dialects ----

    def _main_dialect(self, tree: Any, draft: object) -> Dialect:
        """The draft is the caller's where given, else `$schema`'s, else 2020."""
        uri = tree.get("$schema") if isinstance(tree, dict) else None
        if uri is not None and not isinstance(uri, str):
            raise SchemaError("$schema must be a string", where="/$schema")
        if self._draft_given:
            dialect = plain(draft_named(draft))
            meta = self._declared(uri) if uri is not None and draft_at(uri) is None else None
            if meta is None or meta.draft != dialect.draft:
                return dialect
            return meta
        return self._dialect(tree, plain(2020))

    def _dialect(self, tree: Any, otherwise: Dialect) -> Dialect:
        """The dialect of the root of a resource by its `$schema`; `otherwise` without one, or where nobody knows it and the caller named
        a draft."""
        uri = tree.get("$schema") if isinstance(tree, dict) else None
        if not isinstance(uri, str):
            return otherwise
        return self._declared(uri) or (otherwise if self._draft_given else unknown(uri, otherwise))

    def _declared(self, uri: str) -> Dialect | None:
        """The dialect that a metaschema stands for: of a draft, or one in the registry, whose `$vocabulary` counts."""
        draft = draft_at(uri)
        if draft is not None:
            return plain(draft)
        uri = without_fragment(uri)[0]
        found = self._metaschemas.get(uri)
        if found is None:
            contents = self._contents(uri)
            if not isinstance(contents, dict):
                return None
            found = self._metaschemas[uri] = plain(2020)  # until its own metaschema is known, which may be itself
            own = self._dialect(contents, found)
            found = replace(plain(own.draft), problem=own.problem, hint=own.hint)
            vocabularies = contents.get("$vocabulary")
            if isinstance(vocabularies, dict):
                found = with_vocabularies(found, vocabularies)
            self._metaschemas[uri] = found
        return found

    # ---- documents ----

    def _resource(self, uri: str) -> Resource | None:
        self.index()
        return self._named.get(uri) or self._document(uri) or self._embedded(uri) or self._metaschema(uri)

    def _document(self, uri: str) -> Resource | None:
        """A document of the registry by its address."""
        contents = self._contents(uri)
        return None if contents is _MISSING else self._loaded(uri, contents)

    def _embedded(self, uri: str) -> Resource | None:
        """A resource that has its URI by `$id` somewhere in the registry."""
        if not self._whole:
            self._whole = True
            for address in self._registry:
                try:
                    if without_fragment(address)[0] not in self._named:
                        self._document(address)
                except SchemaError:
                    continue  # a broken document matters only to what refers to it
        return self._named.get(uri)

    def _metaschema(self, uri: str) -> Resource | None:
        """A document of the specification itself."""
        if not _METASCHEMAS.match(uri):
            return None
        from jsonschema_specifications import REGISTRY

        for scheme in ("http", "https"):  # the older drafts have the first, and are often written with the second
            address = _METASCHEMAS.sub(scheme, uri)
            if address in REGISTRY:
                return self._loaded(uri, REGISTRY[address].contents)
        return None

    def _contents(self, uri: str) -> Any:
        for address in (uri, f"{uri}#"):
            try:
                found = self._registry[address]
            except KeyError:  # referencing's NoSuchResource is one
                continue
            return getattr(found, "contents", found)
        return _MISSING

    def _loaded(self, uri: str, contents: Any) -> Resource:
        if not isinstance(contents, dict | bool):
            raise OptionError(f"the registry holds {type(contents).__name__} for {uri}, not a schema", where="registry")
        tree = load(contents, f"{uri}#")
        uri = without_fragment(uri)[0]
        dialect = self._dialect(tree, self.main.dialect)
        found = self._named[uri] = Resource(tree, f"{uri}#", self._base(tree, dialect, uri), dialect)
        self._named.setdefault(found.uri, found)
        self._gather(found)
        return found

    @staticmethod
    def _base(tree: Any, dialect: Dialect, outer: str) -> str:
        name = tree.get(dialect.key) if isinstance(tree, dict) else None
        return resolve(outer, without_fragment(name)[0]) if isinstance(name, str) else outer

    # ---- within a document ----

    def _within(self, resource: Resource, fragment: str, ref: str, at: Cell | str) -> Place:
        """Follows a JSON Pointer (RFC 6901). What stands below a keyword that holds no schemas names no resources on the way."""
        tree, cell = resource.tree, resource.cell
        kind: str | None = "one"
        for raw in fragment.split("/")[1:]:
            token = raw.replace("~1", "/").replace("~0", "~") if "~" in raw else raw
            if isinstance(tree, dict) and token in tree:
                below = tree[token]
            elif isinstance(tree, list) and _INDEX.fullmatch(token) and int(token) < len(tree):
                below = tree[int(token)]
            else:
                document = f" in {resource.uri}" if resource.uri else ""
                raise SchemaError(f"the reference {ref} leads nowhere: there is no {token!r}{document}", where=pointer(at))
            if kind == "one" and isinstance(tree, dict):
                kind = _kind(token, below, resource.dialect)
            elif kind is not None:
                kind = "one" if kind == "some" else None
            tree, cell = below, (cell, token)
            if kind == "one" and isinstance(tree, dict):
                resource = self.enter(tree, cell, resource)
        return Place(tree, cell, resource)

    def _gather(self, start: Resource) -> None:
        """Enters every `$id` and anchor below the root of a document."""
        todo = [Place(start.tree, start.cell, start)]
        while todo:
            tree, cell, outer = todo.pop()
            if not isinstance(tree, dict):
                continue
            resource = self.enter(tree, cell, outer)
            if resource is not outer:
                self._named.setdefault(resource.uri, resource)
            _name(Place(tree, cell, resource))
            below = [Place(sub, place, resource) for sub, place in subschemas(tree, cell, resource.dialect)]
            todo += reversed(below)  # of two schemas with one name, the first in the document has it


def _name(place: Place) -> None:
    """Enters the anchors of one sub-schema."""
    tree, _, resource = place
    dialect = resource.dialect
    if dialect.draft < 2019 and "$ref" in tree and tree is not resource.tree:
        return  # what stands beside `$ref` has no meaning
    plain_name = tree.get(dialect.key)
    if isinstance(plain_name, str):
        fragment = without_fragment(plain_name)[1]
        if fragment and not fragment.startswith("/"):
            resource.anchors.setdefault(unquote(fragment), place)
    if dialect.draft >= 2019 and isinstance(anchor := tree.get("$anchor"), str):
        resource.anchors.setdefault(anchor, place)
    if dialect.draft == 2020 and isinstance(anchor := tree.get("$dynamicAnchor"), str):
        resource.anchors.setdefault(anchor, place)
        resource.dynamic.setdefault(anchor, place)
    if dialect.draft == 2019 and tree.get("$recursiveAnchor") is True and tree is resource.tree:
        resource.dynamic[""] = place


def _kind(keyword: str, value: Any, dialect: Dialect) -> str | None:
    """What a keyword holds: "one" schema, "some", or None."""
    kind = holders(dialect).get(keyword, "")
    if kind is None:
        return "some" if isinstance(value, list) else "one"
    return kind or None


def subschemas(tree: dict[str, Any], cell: Cell | str, dialect: Dialect) -> Iterator[tuple[Any, Cell]]:
    """Every sub-schema that a keyword of the dialect holds, with its place."""
    known = holders(dialect)
    for key, value in tree.items():
        if key not in known:
            continue
        here = (cell, key)
        if _kind(key, value, dialect) == "one":
            yield value, here
        elif isinstance(value, dict):
            yield from ((sub, (here, name)) for name, sub in value.items())
        elif isinstance(value, list):
            yield from ((sub, (here, str(i))) for i, sub in enumerate(value))


def _mentions(tree: Any, keys: tuple[str, ...]) -> bool:
    """True where one of the keys stands anywhere in a tree."""
    todo = [tree]
    while todo:
        one = todo.pop()
        if isinstance(one, dict):
            if any(key in one for key in keys):
                return True
            todo += one.values()
        elif isinstance(one, list):
            todo += one
    return False


def _checked(registry: object) -> Mapping[str, Any]:
    """The registry as a mapping; a `referencing.Registry` is one. Raises OptionError."""
    if registry is None:
        return {}
    if not isinstance(registry, Mapping):
        raise OptionError(
            f"registry is a dict from URIs to schemas or a referencing.Registry, not {type(registry).__name__}", where="registry"
        )
    if isinstance(registry, dict):
        for uri in registry:
            if not isinstance(uri, str):
                raise OptionError(f"the keys of registry are URIs, not {type(uri).__name__}", where="registry")
    return registry
