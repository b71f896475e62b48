"""Resolution of references against the examples of RFC 3986 and against the standard library, where that knows the scheme."""

from __future__ import annotations

import random
from urllib.parse import urljoin

import pytest

from structgen.frontends.jsonschema.uris import resolve, without_fragment

BASE = "http://a/b/c/d;p?q"
EXAMPLES = {  # RFC 3986, sections 5.4.1 and 5.4.2
    "g:h": "g:h", "g": "http://a/b/c/g", "./g": "http://a/b/c/g", "g/": "http://a/b/c/g/", "/g": "http://a/g", "//g": "http://g",
    "?y": "http://a/b/c/d;p?y", "g?y": "http://a/b/c/g?y", ";x": "http://a/b/c/;x", "g;x": "http://a/b/c/g;x", "": BASE,
    ".": "http://a/b/c/", "./": "http://a/b/c/", "..": "http://a/b/", "../": "http://a/b/", "../g": "http://a/b/g", "../..": "http://a/",
    "../../": "http://a/", "../../g": "http://a/g", "../../../g": "http://a/g", "../../../../g": "http://a/g", "/./g": "http://a/g",
    "/../g": "http://a/g", "g.": "http://a/b/c/g.", ".g": "http://a/b/c/.g", "g..": "http://a/b/c/g..", "..g": "http://a/b/c/..g",
    "./../g": "http://a/b/g", "./g/.": "http://a/b/c/g/", "g/./h": "http://a/b/c/g/h", "g/../h": "http://a/b/c/h", "http:g": "http:g",
}  # fmt: skip


@pytest.mark.parametrize(("reference", "meant"), EXAMPLES.items())
def test_examples_of_the_rfc(reference: str, meant: str) -> None:
    assert resolve(BASE, reference) == meant


@pytest.mark.parametrize(
    ("base", "reference", "meant"),
    [
        ("urn:uuid:1", "", "urn:uuid:1"),
        ("urn:uuid:1", "?x", "urn:uuid:1?x"),
        ("tag:a,2020:b/c", "d", "tag:a,2020:b/d"),
        ("", "a.json", "a.json"),
        ("a/b.json", "c.json", "a/c.json"),
        ("a/b.json", "../c.json", "c.json"),
        ("http://a", "b", "http://a/b"),
        ("/base", "other", "/other"),
        ("file:///x/y", "z", "file:///x/z"),
    ],
)
def test_bases_that_are_not_http(base: str, reference: str, meant: str) -> None:
    assert resolve(base, reference) == meant


def test_agrees_with_the_standard_library_on_http() -> None:
    draw = random.Random(3)
    for _ in range(2000):
        base = "http://a/" + "".join(draw.choices("bc/.", k=draw.randrange(6)))
        reference = "".join(draw.choices("bc//..?", k=draw.randrange(6)))
        if "//" in base[8:] or "//" in reference or "?" in reference or "/.b" in base:
            continue
        assert resolve(base, reference) == urljoin(base, reference), (base, reference)


def test_fragments() -> None:
    assert without_fragment("a#b#c") == ("a", "b#c")
    assert without_fragment("#") == ("", "")
