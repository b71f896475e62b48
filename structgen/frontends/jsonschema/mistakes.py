"""Keywords that a draft does not know and that somebody probably meant: misspelled, of another draft, or OpenAPI's.

They constrain nothing, which is what the specification says of unknown keywords; so they are no part of a verdict.
"""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any, Final

from structgen.frontends.jsonschema.dialects import DRAFTS
from structgen.frontends.jsonschema.keywords import keywords_of
from structgen.frontends.jsonschema.load import pointer
from structgen.frontends.jsonschema.resources import Place, References, subschemas
from structgen.ir.report import Finding

_SILENT: Final = frozenset(
    ("title", "description", "default", "examples", "example", "deprecated", "readOnly", "writeOnly", "$comment", "$defs", "$id", "id")
)
"""Comments, and what may stand in any draft without harm."""

_CLOSE: Final = 0.8
"""How alike a misspelled keyword is, as `difflib` counts: 0.95 for "propertes", 0.8 for "itmes"."""

_INSTEAD: Final = {
    "dependencies": "Write dependentRequired or dependentSchemas.",
    "additionalItems": "Write prefixItems, and items for the rest.",
    "prefixItems": "Write items with a list, and additionalItems for the rest.",
    "$recursiveRef": "Write $dynamicRef.",
}


def mistakes(references: References) -> list[Finding]:
    """The keywords of the document that were probably meant otherwise, as findings "ignored"."""
    return list(_found(references))


def _found(references: References) -> Iterator[Finding]:
    main = references.main
    todo = [Place(main.tree, main.cell, main)]
    while todo:
        tree, cell, outer = todo.pop()
        if not isinstance(tree, dict):
            continue
        resource = references.enter(tree, cell, outer)
        draft = resource.dialect.draft
        for key, value in tree.items():
            if key not in keywords_of(draft) and key not in _SILENT:
                reason = _reason(key, value, draft)
                if reason is not None:
                    yield Finding(pointer((cell, key)), key, "ignored", *reason)
        todo += reversed([Place(sub, place, resource) for sub, place in subschemas(tree, cell, resource.dialect)])


def _reason(key: str, value: Any, draft: int) -> tuple[str, str] | None:
    """Why the keyword was probably meant otherwise, and a hint; None for comments."""
    if key == "nullable":
        return ("it is OpenAPI's, and no keyword of JSON Schema", 'Write "type": ["...", "null"].') if value is True else None
    others = [name for name, number in DRAFTS.items() if key in keywords_of(number)]
    if others:
        return f"it is a keyword of {', '.join(others)}, not of this draft", _INSTEAD.get(key, "Name the draft by $schema, or by draft=.")
    known = {one.lower(): one for one in keywords_of(draft) if not one.startswith("$")}
    close = get_close_matches(key.lower(), known, 1, _CLOSE) if key[:2].lower() != "x-" else []
    return ("it is no keyword", f"Is {known[close[0]]} meant?") if close else None
