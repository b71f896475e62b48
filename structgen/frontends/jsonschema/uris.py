"""References to documents, resolved as RFC 3986 section 5.2 says.

`urllib.parse.urljoin` keeps the base only for the schemes that it knows, so `#a` below `urn:uuid:...` would lose it.
"""

from __future__ import annotations

import re
from typing import Final

_PARTS: Final = re.compile(r"(?:([^:/?#]+):)?(?://([^/?#]*))?([^?#]*)(?:\?([^#]*))?", re.DOTALL)  # RFC 3986, appendix B


def without_fragment(uri: str) -> tuple[str, str]:
    """(what stands before the first `#`, what stands behind it)."""
    start, _, fragment = uri.partition("#")
    return start, fragment


def resolve(base: str, reference: str) -> str:
    """The URI that a reference means where `base` holds. Neither has a fragment; a base may itself be relative, or empty.

    >>> resolve("http://a/b/c", "../d"), resolve("urn:uuid:1", "")
    ('http://a/d', 'urn:uuid:1')
    """
    if not reference:
        return base
    scheme, authority, path, query = _split(reference)
    if scheme is None:
        scheme, above, base_path, base_query = _split(base)
        if authority is None:
            authority = above
            if not path:
                path, query = base_path, base_query if query is None else query
            elif not path.startswith("/"):
                path = f"/{path}" if above is not None and not base_path else base_path[: base_path.rfind("/") + 1] + path
    path = _without_dots(path)
    start = ("" if scheme is None else f"{scheme}:") + ("" if authority is None else f"//{authority}")
    return start + path + ("" if query is None else f"?{query}")


def _split(uri: str) -> tuple[str | None, str | None, str, str | None]:
    match = _PARTS.match(uri)
    assert match is not None  # every part may be empty
    return match[1], match[2], match[3], match[4]


def _without_dots(path: str) -> str:
    if "." not in path:
        return path
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            if kept and kept != [""]:
                kept.pop()
        elif segment != ".":
            kept.append(segment)
    if path.endswith(("/.", "/..")):
        kept.append("")
    return "/".join(kept)
