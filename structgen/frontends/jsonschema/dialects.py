"""Dialects: the draft that a schema is written in, and the vocabularies that its metaschema names.

Not here: finding the metaschema (`resources`), and what keywords mean (`keywords`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Final, Literal

from structgen.errors import OptionError

DRAFTS: Final = {"draft4": 4, "draft6": 6, "draft7": 7, "draft2019-09": 2019, "draft2020-12": 2020}
"""The names of drafts, and the numbers by which they are compared."""

_SPELLINGS: Final = {"3": 3, "4": 4, "6": 6, "7": 7, "2019": 2019, "201909": 2019, "2020": 2020, "202012": 2020}

_SCHEMA_URI: Final = re.compile(r"https?://json-schema\.org/(?:draft-0?([3467])|draft/(2019-09|2020-12))/(?:hyper-)?schema#?$")

Kind = Literal["one", "some"]
"""What a keyword holds: a schema, or a list or an object of schemas."""

_HOLDERS: Final[tuple[tuple[int, Kind, str], ...]] = (  # since which draft
    (4, "one", "not additionalProperties additionalItems"),
    (6, "one", "propertyNames contains"),
    (7, "one", "if then else"),
    (2019, "one", "unevaluatedProperties unevaluatedItems contentSchema"),
    (4, "some", "allOf anyOf oneOf properties patternProperties definitions dependencies"),
    (2019, "some", "$defs dependentSchemas"),
    (2020, "some", "prefixItems"),
)

_LOGIC: Final = (
    "prefixItems items additionalItems contains additionalProperties properties patternProperties dependentSchemas dependencies "
    "propertyNames if then else allOf anyOf oneOf not"
)
_UNEVALUATED: Final = "unevaluatedItems unevaluatedProperties"
_VALIDATION: Final = (
    "type const enum multipleOf maximum exclusiveMaximum minimum exclusiveMinimum maxLength minLength pattern maxItems minItems "
    "uniqueItems maxContains minContains maxProperties minProperties required dependentRequired"
)
_CONTENT: Final = "contentEncoding contentMediaType contentSchema"
_VOCABULARIES: Final = {
    2019: {
        "core": "",
        "applicator": f"{_LOGIC} {_UNEVALUATED}",
        "validation": _VALIDATION,
        "meta-data": "",
        "format": "format",
        "content": _CONTENT,
    },
    2020: {
        "core": "",
        "applicator": _LOGIC,
        "unevaluated": _UNEVALUATED,
        "validation": _VALIDATION,
        "meta-data": "",
        "format-annotation": "format",
        "format-assertion": "format",
        "content": _CONTENT,
    },
}
"""Vocabulary -> the keywords that constrain something or hold schemas. Those of the core are in every dialect."""

_VOCABULARY_URI: Final = {2019: "https://json-schema.org/draft/2019-09/vocab/", 2020: "https://json-schema.org/draft/2020-12/vocab/"}


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a schema is to be read.

    `left_out`: keywords of the draft whose vocabulary the metaschema leaves out. `asserts`: the metaschema wants formats checked, whatever
    the caller's option. `problem`: why schemas in this dialect cannot be read exactly, with a `hint`.
    """

    draft: int
    left_out: frozenset[str] = frozenset()
    asserts: bool = False
    problem: str = ""
    hint: str = ""

    @property
    def key(self) -> str:
        """The keyword that names a schema."""
        return "id" if self.draft <= 4 else "$id"


def draft_named(name: object) -> int:
    """The number of a draft by one of its usual names ("draft2020-12", "2020-12", "draft-07", "7"). Raises OptionError."""
    found = DRAFTS.get(name) if isinstance(name, str) else None
    if found is None and isinstance(name, str | int) and not isinstance(name, bool):
        text = str(name).strip()
        found = draft_at(text) or _SPELLINGS.get(re.sub(r"^draft|[-_ .]", "", text.lower()).lstrip("0"))
    if found is None:
        raise OptionError(f"there is no draft {name!r}", where="draft", hint=f"Choose one of {', '.join(DRAFTS)}.")
    return found


def draft_at(uri: str) -> int | None:
    """The number of the draft that a metaschema's URI stands for."""
    found = _SCHEMA_URI.match(uri)
    return int((found[1] or found[2])[:4]) if found else None


def plain(draft: int) -> Dialect:
    """The dialect of a draft's own metaschema."""
    return Dialect(draft, problem="draft 3 is not supported", hint="Draft 4 is the oldest.") if draft == 3 else Dialect(draft)


def unknown(uri: str, otherwise: Dialect) -> Dialect:
    """The dialect of a metaschema that nobody knows: read like `otherwise`, and not exactly."""
    hint = f"Known are {', '.join(DRAFTS)}: name one by draft=, or pass the metaschema in registry=."
    return replace(otherwise, problem=f"the metaschema {uri} is not known", hint=hint)


def with_vocabularies(dialect: Dialect, vocabularies: Mapping[str, Any]) -> Dialect:
    """The dialect of a metaschema with this `$vocabulary`: {URI of a vocabulary: is it required}."""
    known = _VOCABULARIES.get(dialect.draft)
    if known is None:
        return dialect
    prefix = _VOCABULARY_URI[dialect.draft]
    names = {uri: uri.removeprefix(prefix) for uri in vocabularies if uri.startswith(prefix) and uri.removeprefix(prefix) in known}
    strange = [uri for uri, required in vocabularies.items() if required is True and uri not in names]
    kept = {keyword for name in names.values() for keyword in known[name].split()}
    left_out = frozenset(keyword for keywords in known.values() for keyword in keywords.split()) - kept
    asserts = f"{prefix}format-assertion" in names or vocabularies.get(f"{prefix}format") is True
    problem = f"the metaschema requires the vocabulary {strange[0]}, whose meaning is not known" if strange else ""
    return replace(dialect, left_out=left_out, asserts=asserts, problem=problem or dialect.problem)


@lru_cache(maxsize=64)
def holders(dialect: Dialect) -> Mapping[str, Kind | None]:
    """The keywords whose values are schemas. `items` holds None: one schema, or a list of them."""
    found: dict[str, Kind | None] = {"items": None}
    for since, kind, keywords in _HOLDERS:
        if dialect.draft >= since:
            found |= dict.fromkeys(keywords.split(), kind)
    if dialect.draft == 2020:
        del found["additionalItems"]
    return {keyword: kind for keyword, kind in found.items() if keyword not in dialect.left_out}
