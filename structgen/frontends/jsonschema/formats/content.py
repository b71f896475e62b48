"""What `contentEncoding` and `contentMediaType` ask of a string: RFC 4648 as automata, JSON texts as a grammar.

    base64, base64url, base32, base32hex, base16      with padding, and with zeros in the bits that are left over
    application/json (and +json)                      RFC 8259

Encodings that change nothing (7bit, 8bit, binary) and names that are not listed here ask for nothing.

Not here: JSON within an encoding (refused by the reader).
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import Any, Final

from structgen.errors import BudgetExceeded
from structgen.frontends.jsonschema.formats.free import ContextFree
from structgen.frontends.regex import regex_dfa
from structgen.ir.encoding import JSON_INNER
from structgen.ir.expr import Expr, Leaf, Rule, alt, repeat, seq
from structgen.ir.regular import CharDFA

# the alphabet, and the shapes of the last group: how many characters, which may end them, how much padding
_BASE32: Final = ((1, 2, 6), (3, 4, 4), (4, 1, 3), (6, 3, 1))
_UPPER, _DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789"


def _encoded(alphabet: str, group: int, tails: tuple[tuple[int, int, int], ...]) -> str:
    """Whole groups, then a last one: (characters before its last one, bits of the last one that must be zero, padding)."""
    one = f"[{re.escape(alphabet)}]"
    lasts = [f"{one}{{{n}}}[{re.escape(alphabet[:: 1 << bits])}]={{{pad}}}" for n, bits, pad in tails]
    return f"(?:{one}{{{group}}})*(?:{'|'.join(lasts)})?"


_SIX: Final = _UPPER + _UPPER.lower() + _DIGITS
_ENCODINGS: Final = {
    "base64": _encoded(_SIX + "+/", 4, ((1, 4, 2), (2, 2, 1))),
    "base64url": _encoded(_SIX + "-_", 4, ((1, 4, 2), (2, 2, 1))),
    "base32": _encoded(_UPPER + "234567", 8, _BASE32),
    "base32hex": _encoded(_DIGITS + _UPPER[:22], 8, _BASE32),
    "base16": "(?:[0-9A-Fa-f]{2})*",
}


def encoding_dfa(name: str) -> CharDFA | None:
    """The texts of an encoding (its name in any case); None where it asks for nothing."""
    pattern = _ENCODINGS.get(name.lower())
    return None if pattern is None else regex_dfa(pattern, syntax="ecma")


_SPACE: Final = r"[ \t\n\r]*"
_STRING: Final = r'"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9A-Fa-f]{4}))*"'
_SCALAR: Final = rf"(?:{_STRING}|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+\-]?[0-9]+)?|true|false|null)"
DEPTH: Final = 2
"""How deep arrays and objects nest where an automaton is asked for."""


def _grammar(escapes: str) -> Expr:
    def token(pattern: str) -> Expr:
        return Leaf(regex_dfa(pattern, syntax="ecma"), JSON_INNER[escapes])

    def container() -> Expr:
        comma = token(rf"{_SPACE},{_SPACE}")
        member = seq(token(rf"{_STRING}{_SPACE}:{_SPACE}"), value)
        arrays = seq(token(rf"\[{_SPACE}"), alt([token(r"\]"), seq(value, repeat(seq(comma, value)), token(rf"{_SPACE}\]"))]))
        objects = seq(token(rf"\{{{_SPACE}"), alt([token(r"\}"), seq(member, repeat(seq(comma, member)), token(rf"{_SPACE}\}}"))]))
        return alt([token(_SCALAR), arrays, objects])

    value = Rule(container, "JSON text")
    return seq(token(_SPACE), value, token(_SPACE))


@lru_cache(maxsize=1)
def _inner() -> CharDFA:
    value = _SCALAR
    for _ in range(DEPTH):
        items = rf"{value}(?:{_SPACE},{_SPACE}{value})*{_SPACE}"
        member = rf"{_STRING}{_SPACE}:{_SPACE}{value}"
        members = rf"{member}(?:{_SPACE},{_SPACE}{member})*{_SPACE}"
        value = rf"(?:{_SCALAR}|\[{_SPACE}(?:{items})?\]|\{{{_SPACE}(?:{members})?\}})"
    return regex_dfa(rf"{_SPACE}{value}{_SPACE}", syntax="ecma")


@lru_cache(maxsize=1)
def _outer() -> CharDFA:
    """One value and more: brackets, commas and colons anywhere."""
    return regex_dfa(rf"(?:[ \t\n\r\[\]{{}},:]|{_SCALAR})+", syntax="ecma")


def _no_constant(name: str) -> Any:
    raise ValueError(name)


@lru_cache(maxsize=256)
def is_json(text: str) -> bool:
    """Whether a text is JSON. Raises BudgetExceeded where it nests too deeply to be read."""
    try:
        json.loads(text, parse_constant=_no_constant, parse_int=str, parse_float=str)
    except ValueError:
        return False
    except RecursionError:
        raise BudgetExceeded("a JSON text in a constant is nested too deeply to be judged") from None
    return True


JSON: Final = ContextFree("JSON text in a string", _grammar, is_json, inner=_inner, outer=_outer)


def media_type(name: str) -> ContextFree | None:
    """The texts of a media type; None where it asks for nothing."""
    plain = name.partition(";")[0].strip().lower()
    return JSON if plain == "application/json" or plain.endswith("+json") else None
