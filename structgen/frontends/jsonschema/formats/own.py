"""Formats that a caller brings: names with a regular expression or a grammar each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from structgen.errors import OptionError, RegexError, UnsupportedFeature
from structgen.frontends.jsonschema.formats.free import ContextFree, inside
from structgen.frontends.regex.parse import parse
from structgen.ir.language import Language

_HINT: Final = 'For example formats={"sku": "[A-Z]{3}-[0-9]{4}", "expression": sg.lark(text)}.'

Atoms = dict[str, tuple[str, Any]]
"""Names, and what they ask of a string (`strings.Atom`)."""


def own_formats(formats: Mapping[str, Any]) -> Atoms:
    """What each of the caller's formats asks of a string.

    A str is a regular expression of ECMA-262 for the whole string; anything else a grammar (`.language` and `.accepts`).
    Raises OptionError, UnsupportedFeature; `.where` names the format.
    """
    found: Atoms = {}
    for name, what in formats.items():
        if not isinstance(name, str):
            raise OptionError(f"the names of formats are strings, not {name!r}", where="formats", hint=_HINT)
        where = f"formats[{name!r}]"
        try:
            found[name] = _atom(name, what, where)
        except RegexError as error:
            raise OptionError(f"the format {name!r} is not a regular expression: {error.why}", where=where, hint=error.hint) from None
        except UnsupportedFeature as error:
            raise UnsupportedFeature(f"the format {name!r}: {error.why}", where=where, hint=error.hint) from None
    return found


def _atom(name: str, what: Any, where: str) -> tuple[str, Any]:
    if isinstance(what, str):
        parse(what, "ecma")  # it must stand for itself: `a)(b` does not
        whole = f"^(?:{what})$"
        parse(whole, "ecma")
        return "pattern", whole
    language = getattr(what, "language", None)
    if not isinstance(language, Language):
        raise OptionError(f"the format {name!r} is a {type(what).__name__}, neither a str nor a grammar", where=where, hint=_HINT)
    if language.report.relaxed:
        raise UnsupportedFeature("a grammar with relaxed parts is wider than what it says")
    if language.regular is not None:
        return "language", language.regular
    inside(language.start, "any")  # says early what cannot stand in a string
    return "grammar", ContextFree(f"the format {name!r}", lambda escapes: inside(language.start, escapes), what.accepts)
