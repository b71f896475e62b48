"""Keywords of the core: what a schema is called, where others stand in it, and references to them.

Names are entered by `resources`; here they are checked. Definitions that nothing refers to are not read, so each is only looked at.

Not here: keywords that constrain values (`keywords`).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from structgen.frontends.jsonschema.load import name_of
from structgen.frontends.jsonschema.resources import Place
from structgen.frontends.jsonschema.uris import resolve, without_fragment

if TYPE_CHECKING:
    from structgen.frontends.jsonschema.read import Reader

Keyword = Callable[["Reader", Any], None]
"""Checks the value of a keyword and adds items to the sub-schema that the reader is at."""

_ANCHORS: Final = {2019: re.compile(r"[A-Za-z][-A-Za-z0-9.:_]*"), 2020: re.compile(r"[A-Za-z_][-A-Za-z0-9._]*")}


def core_of(draft: int) -> dict[str, Keyword]:
    """The keywords of the core of a draft."""
    table: dict[str, Keyword] = {"$ref": read_ref, "$schema": _text("$schema"), "definitions": _definitions("definitions")}
    table["id" if draft <= 4 else "$id"] = _identifier
    if draft >= 2019:
        table |= {"$defs": _definitions("$defs"), "$anchor": _anchor("$anchor"), "$vocabulary": _vocabulary}
    if draft == 2019:
        table |= {"$recursiveRef": _recursive_ref, "$recursiveAnchor": _recursive_anchor}
    if draft == 2020:
        table |= {"$dynamicRef": _dynamic_ref, "$dynamicAnchor": _anchor("$dynamicAnchor")}
    return table


def text_of(reader: Reader, keyword: str, value: Any) -> str:
    """A string. Raises SchemaError for anything else."""
    if type(value) is not str:
        raise reader.bad(keyword, f"must be a string, not {name_of(value)}")
    return value


def _text(keyword: str) -> Keyword:
    def read(reader: Reader, value: Any) -> None:
        text_of(reader, keyword, value)

    return read


def _identifier(reader: Reader, value: Any) -> None:
    keyword = reader.dialect.key
    fragment = without_fragment(text_of(reader, keyword, value))[1]
    if fragment and reader.draft >= 2019:
        raise reader.bad(keyword, f"must have no fragment, and {value} has one", "A name within a document is an $anchor.")


def _anchor(keyword: str) -> Keyword:
    def read(reader: Reader, value: Any) -> None:
        allowed = _ANCHORS[reader.draft]
        if not allowed.fullmatch(text_of(reader, keyword, value)):
            hint = f"Names match {allowed.pattern}; $ref has the #, the name has none."
            raise reader.bad(keyword, f"must be a plain name, not {value!r}", hint)

    return read


def _recursive_anchor(reader: Reader, value: Any) -> None:
    if type(value) is not bool:
        raise reader.bad("$recursiveAnchor", f"must be a boolean, not {name_of(value)}")


def _vocabulary(reader: Reader, value: Any) -> None:
    if type(value) is not dict or not all(type(one) is bool for one in value.values()):
        raise reader.bad("$vocabulary", "must be an object that says true or false for each URI")


def _definitions(keyword: str) -> Keyword:
    def read(reader: Reader, value: Any) -> None:
        if type(value) is not dict:
            raise reader.bad(keyword, f"must be an object, not {name_of(value)}")
        for name, one in value.items():
            reader.glance(one, keyword, name)

    return read


def read_ref(reader: Reader, value: Any, keyword: str = "$ref") -> None:
    """A reference: the node that it leads to."""
    place = _target(reader, value, keyword)
    if place is not None:
        reader.add("ref", None, (reader.at_place(place),))


def _target(reader: Reader, value: Any, keyword: str) -> Place | None:
    """Where a reference leads without regard to the dynamic scope; None where it is refused."""
    place = reader.references.follow(text_of(reader, keyword, value), reader.frame.resource, (reader.cell, keyword))
    if place is None:
        hint = "Nothing is fetched; pass registry= (a dict from URIs to schemas, or a referencing.Registry) with the document."
        uri = resolve(reader.frame.resource.uri, without_fragment(value)[0])
        shown = f"{value} ({uri})" if uri != without_fragment(value)[0] else value
        reader.refuse(keyword, f"the reference {shown} leads to another document", hint=hint)
    elif type(place.tree) is not dict and type(place.tree) is not bool:
        raise reader.bad(keyword, f"{value} leads to {name_of(place.tree)}, and a schema is an object or a boolean")
    return place


def _dynamic_ref(reader: Reader, value: Any) -> None:
    place = _target(reader, value, "$dynamicRef")
    if place is not None:
        name = unquote(without_fragment(value)[1])
        reader.add("ref", None, (reader.at_place(reader.scopes.outermost(name, place, reader.frame)),))


def _recursive_ref(reader: Reader, value: Any) -> None:
    if value != "#":
        raise reader.bad("$recursiveRef", 'must be "#"')
    reader.references.index()
    place = _target(reader, value, "$recursiveRef")
    if place is not None:
        reader.add("ref", None, (reader.at_place(reader.scopes.outermost("", place, reader.frame)),))
