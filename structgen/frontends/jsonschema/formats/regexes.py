"""The format `regex`: regular expressions of ECMA-262 with the flag `u`, as a grammar, because groups nest.

    disjunction   RUN (class QUANTIFIED_RUN | group QUANTIFIED_RUN | look-around RUN)*
    RUN           one regular language: assertions, characters and escapes with their quantifiers, and `|`
    disjunction with a name   the same, with one named group somewhere

Early errors are respected where an automaton can: `{2,1}`, `[b-a]`, unknown escapes and properties. What it cannot is left out (`NOTE`).

Not here: whether a given text is one (`ecma`).
"""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from typing import Final

from structgen.frontends.jsonschema.formats.ecma import is_regex
from structgen.frontends.jsonschema.formats.free import ContextFree
from structgen.frontends.regex import regex_dfa
from structgen.ir.encoding import JSON_INNER
from structgen.ir.expr import Expr, Leaf, Rule, alt, repeat, seq
from structgen.ir.regular import CharDFA

NOTE: Final = (
    "back-references, \\0, more than one named group and names beyond ASCII, counts {n,m} from 10 on with n above 99 or with equal first "
    "digits, class ranges with an escape at one end, with close ends beyond ASCII or with \\x or \\u of equal first digits, and "
    "properties beyond general categories and common scripts are left out; beside other conditions on the same string, groups do not nest"
)

DEPTH: Final = 1
"""How deep groups nest where an automaton is asked for."""

_HEX: Final = "[0-9A-Fa-f]"
_SYNTAX: Final = r"\^$\\.*+?()\[\]{}|"

_ENDS: Final = (
    *(0x80, 0xC0, 0xD6, 0xD7, 0xD8, 0xF6, 0xF7, 0xF8, 0xFF, 0x100, 0x17F, 0x180, 0x24F, 0x250, 0x391, 0x3A9, 0x3AA, 0x3B1, 0x3C9, 0x3CA),
    *(0x400, 0x410, 0x42F, 0x430, 0x44F, 0x450, 0x5D0, 0x5EA, 0x600, 0x6FF, 0x700, 0x1000, 0x2000, 0x3040, 0x3096, 0x30A0, 0x30FA, 0x30FF),
    *(0x3400, 0x4E00, 0x9FA5, 0x9FFF, 0xAC00, 0xD7A3, 0xE000, 0x10000, 0x10FFFF),
)
"""Where blocks of characters begin that are told apart as ends of a class range: ends that are in use, and scripts."""


def _escaped(code: int) -> str:
    return f"\\u{{{code:x}}}"


_PROPERTY: Final = (
    r"[pP]\{(?:(?:gc=)?(?:L[ulmto]?|LC|M[nce]?|N[dlo]?|P[cdseifo]?|S[mcko]?|Z[slp]?|C[cfosn]?|Letter|Mark|Number|Punctuation|Symbol)"
    r"|(?:sc|Script|scx)=(?:Arabic|Cyrillic|Devanagari|Greek|Han|Hangul|Hebrew|Hiragana|Katakana|Latin|Thai)"
    r"|ASCII|Alphabetic|Any|Emoji|ID_Continue|ID_Start|Lowercase|Uppercase|White_Space)\}"
)


def _counts() -> str:
    """`{n}`, `{n,}` and `{n,m}` with n <= m."""
    pairs = [r"[0-9],[1-9][0-9]+", r"[1-9][0-9],[1-9][0-9]{2,}"]
    for a in range(10):
        pairs.append(f"{a},[{a}-9]")
        if 0 < a < 9:
            pairs.append(f"{a}[0-9],[{a + 1}-9][0-9]")
    return rf"\{{(?:[0-9]+,?|{'|'.join(pairs)})\}}"


def _ranges() -> str:
    """Class ranges in order: plain ASCII exactly, other plain characters by blocks, escapes by their first digit."""
    plain = [code for code in range(0x80) if chr(code) not in "\\]-"]
    parts = [
        f"{_escaped(code)}-[{''.join(_escaped(c) for c in plain if c >= code)}{_escaped(0x80)}-{_escaped(0x10FFFF)}]" for code in plain
    ]
    for low, high in pairwise(_ENDS):
        if high - low == 1:
            parts.append(f"{_escaped(low)}-[{_escaped(low)}-{_escaped(0x10FFFF)}]")
        else:
            parts.append(f"[{_escaped(low)}-{_escaped(high - 1)}]-[{_escaped(high)}-{_escaped(0x10FFFF)}]")
    digits = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "[Aa]", "[Bb]", "[Cc]", "[Dd]", "[Ee]", "[Ff]"]
    for i, digit in enumerate(digits[:-1]):
        above = "|".join(digits[i + 1 :])
        first = rf"{digit}{_HEX}{{3}}" if i != 13 else rf"{digit}[0-9ABab]{_HEX}{{2}}"  # the second half of a pair begins no range
        parts += [rf"\\u{first}-\\u(?:{above}){_HEX}{{3}}", rf"\\x{digit}{_HEX}-\\x(?:{above}){_HEX}"]
    return f"(?:{'|'.join(parts)})"


@lru_cache(maxsize=1)
def _pieces() -> tuple[CharDFA, CharDFA, CharDFA]:
    """A run; a run behind something that may be repeated; a class of characters. Apart, they are a tenth of their size together."""
    point = rf"0*(?:{_HEX}{{1,5}}|10{_HEX}{{4}})"
    common = rf"[dDsSwW]|{_PROPERTY}|[fnrtv]|c[A-Za-z]|x{_HEX}{{2}}|u{_HEX}{{4}}|u\{{{point}\}}|[{_SYNTAX}/]"
    one = rf"(?:[^\\\]\-]|\\(?:{common}|[b\-]))"
    quantifier = rf"(?:[*+?]|{_counts()})\??"
    atom = rf"(?:[^{_SYNTAX}]|\.|\\(?:{common}))"
    run = regex_dfa(rf"(?:[\^$|]|\\[bB]|{atom}(?:{quantifier})?)*", syntax="ecma")
    group = regex_dfa(rf"\[\^?-?(?:{_ranges()}|{one})*-?\]", syntax="ecma")
    return run, regex_dfa(quantifier, syntax="ecma").optional() + run, group


_OPEN: Final = r"\((?:\?:)?"
_LOOK: Final = r"\(\?<?[=!]"
_NAMED: Final = r"\(\?<[A-Za-z$_][A-Za-z0-9$_]*>"


def _grammar(escapes: str) -> Expr:
    def leaf(dfa: CharDFA) -> Expr:
        return Leaf(dfa, JSON_INNER[escapes])

    def token(pattern: str) -> Expr:
        return leaf(regex_dfa(pattern, syntax="ecma"))

    run, after, group = map(leaf, _pieces())
    close = token(r"\)")
    opening, look, named = token(_OPEN), token(_LOOK), token(_NAMED)
    body, once = Rule(lambda: seq(run, rest), "regex"), Rule(lambda: seq(run, rest, special, rest), "regex with a name")
    part = alt([seq(group, after), seq(opening, body, close, after), seq(look, body, close, run)])
    rest = repeat(part)
    special = alt([seq(named, body, close, after), seq(opening, once, close, after), seq(look, once, close, run)])
    return alt([body, once])


@lru_cache(maxsize=1)
def _inner() -> CharDFA:
    """The regular expressions whose groups nest `DEPTH` deep."""
    run, after, group = _pieces()
    body = run + (group + after).repeat()
    opening, look, close = (regex_dfa(pattern, syntax="ecma") for pattern in (_OPEN, _LOOK, r"\)"))
    for _ in range(DEPTH):
        body = run + ((group + after) | (opening + body + close + after) | (look + body + close + run)).repeat()
    return body


@lru_cache(maxsize=1)
def _outer() -> CharDFA:
    """More than all regular expressions: brackets of classes and braces are closed, and escapes have something to escape."""
    escape = r"\\(?:[pPu]\{[^{}]*\}|[^])"
    return regex_dfa(rf"(?:[^\\\[\]{{}}]|{escape}|\[(?:[^\\\]]|{escape})*\]|\{{[0-9]+(?:,[0-9]*)?\}})*", syntax="ecma")


REGEX: Final = ContextFree("the format 'regex'", _grammar, is_regex, inner=_inner, outer=_outer)
