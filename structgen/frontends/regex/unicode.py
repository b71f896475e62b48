"""Classes of Unicode characters by property: general categories, what Python's `\\w \\d \\s` mean, and letter case.

Everything is read from this Python's own Unicode tables (`unicodedata`, `str` methods), so it agrees with its `re` module. Each set is
computed when first asked for (about 20 ms) and kept.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable
from functools import lru_cache
from itertools import groupby
from typing import Final

from structgen.ir import chars as cs
from structgen.ir.chars import CharSet

# Planes 4 to 13 and the rest of plane 14 hold nothing; planes 15 and 16 are private use (a test checks this against every code point).
_SCANNED: Final = (range(0x40000), range(0xE0000, 0xE1000))
_PRIVATE: Final[CharSet] = ((0xF0000, 0xFFFFD), (0x100000, 0x10FFFD))

ASCII_WORD: Final[CharSet] = ((48, 57), (65, 90), (95, 95), (97, 122))
ASCII_DIGIT: Final[CharSet] = ((48, 57),)
ASCII_SPACE: Final[CharSet] = ((9, 13), (32, 32))
WHITE_SPACE: Final[CharSet] = cs.normal(
    [
        (9, 13),
        (32, 32),
        (0x85, 0x85),
        (0xA0, 0xA0),
        (0x1680, 0x1680),
        (0x2000, 0x200A),
        (0x2028, 0x2029),
        (0x202F, 0x202F),
        (0x205F, 0x205F),
        (0x3000, 0x3000),
    ]
)
ECMA_SPACE: Final[CharSet] = cs.subtract(cs.union(WHITE_SPACE, ((0xFEFF, 0xFEFF),)), ((0x85, 0x85),))
ECMA_LINE_ENDS: Final[CharSet] = ((10, 10), (13, 13), (0x2028, 0x2029))

_GROUPS: Final = {
    "L": "Letter",
    "Lu": "Uppercase_Letter",
    "Ll": "Lowercase_Letter",
    "Lt": "Titlecase_Letter",
    "LC": "Cased_Letter",
    "Lm": "Modifier_Letter",
    "Lo": "Other_Letter",
    "M": "Mark Combining_Mark",
    "Mn": "Nonspacing_Mark",
    "Mc": "Spacing_Mark",
    "Me": "Enclosing_Mark",
    "N": "Number",
    "Nd": "Decimal_Number digit",
    "Nl": "Letter_Number",
    "No": "Other_Number",
    "P": "Punctuation punct",
    "Pc": "Connector_Punctuation",
    "Pd": "Dash_Punctuation",
    "Ps": "Open_Punctuation",
    "Pe": "Close_Punctuation",
    "Pi": "Initial_Punctuation",
    "Pf": "Final_Punctuation",
    "Po": "Other_Punctuation",
    "S": "Symbol",
    "Sm": "Math_Symbol",
    "Sc": "Currency_Symbol",
    "Sk": "Modifier_Symbol",
    "So": "Other_Symbol",
    "Z": "Separator",
    "Zs": "Space_Separator",
    "Zl": "Line_Separator",
    "Zp": "Paragraph_Separator",
    "C": "Other",
    "Cc": "Control cntrl",
    "Cf": "Format",
    "Cs": "Surrogate",
    "Co": "Private_Use",
    "Cn": "Unassigned",
}
CATEGORY_NAMES: Final = {name: short for short, names in _GROUPS.items() for name in (short, *names.split())}
"""Every name of a general category, long or short, to the short one."""


def _matching(test: Callable[[str], bool]) -> CharSet:
    """The characters that pass the test, among those that are assigned and not private."""
    found: list[tuple[int, int]] = []
    for block in _SCANNED:
        for passed, run in groupby(block, key=lambda code: test(chr(code))):
            if passed:
                codes = list(run)
                found.append((codes[0], codes[-1]))
    return cs.normal(found)


@lru_cache(maxsize=1)
def _categories() -> dict[str, CharSet]:
    """The characters of each two-letter general category."""
    found: dict[str, list[tuple[int, int]]] = {}
    for block in _SCANNED:
        for name, run in groupby(block, key=lambda code: unicodedata.category(chr(code))):
            codes = list(run)
            found.setdefault(name, []).append((codes[0], codes[-1]))
    sets = {name: cs.normal(ranges) for name, ranges in found.items()}
    sets["Co"] = cs.union(sets["Co"], _PRIVATE)
    sets["Cn"] = cs.negate(cs.union(*(chars for name, chars in sets.items() if name != "Cn")))
    return sets


@lru_cache(maxsize=64)
def category(short: str) -> CharSet:
    """The characters of a general category by its short name (`L`, `LC`, `Lu`, ...)."""
    sets = _categories()
    wanted = ("Lu", "Ll", "Lt") if short == "LC" else [name for name in sets if name.startswith(short)]
    return cs.union(*(sets[name] for name in wanted))


@lru_cache(maxsize=1)
def word() -> CharSet:
    """What `\\w` matches in a Python pattern."""
    return cs.union(_matching(str.isalnum), ((95, 95),))


@lru_cache(maxsize=1)
def digit() -> CharSet:
    """What `\\d` matches in a Python pattern."""
    return _matching(str.isdecimal)


@lru_cache(maxsize=1)
def space() -> CharSet:
    """What `\\s` matches in a Python pattern."""
    return _matching(str.isspace)


_BINARY: Final[dict[str, Callable[[], CharSet]]] = {
    "Any": lambda: cs.ANY,
    "ASCII": lambda: ((0, 127),),
    "Assigned": lambda: cs.negate(category("Cn")),
    "White_Space": lambda: WHITE_SPACE,
    "space": lambda: WHITE_SPACE,
    "ASCII_Hex_Digit": lambda: ((48, 57), (65, 70), (97, 102)),
    "AHex": lambda: ((48, 57), (65, 70), (97, 102)),
    "Uppercase": lambda: _matching(str.isupper),
    "Upper": lambda: _matching(str.isupper),
    "Lowercase": lambda: _matching(str.islower),
    "Lower": lambda: _matching(str.islower),
    "XID_Start": lambda: cs.subtract(_matching(str.isidentifier), ((95, 95),)),
    "XIDS": lambda: cs.subtract(_matching(str.isidentifier), ((95, 95),)),
    "XID_Continue": lambda: _matching(lambda c: ("a" + c).isidentifier()),
    "XIDC": lambda: _matching(lambda c: ("a" + c).isidentifier()),
}


@lru_cache(maxsize=64)
def property_set(name: str) -> CharSet | None:
    """The characters of a property as written in `\\p{...}`: a category, `gc=Category` or a binary property; None if not known exactly."""
    key, equals, value = name.partition("=")
    if equals:
        if key not in {"gc", "General_Category"} or value not in CATEGORY_NAMES:
            return None
        return category(CATEGORY_NAMES[value])
    if name in CATEGORY_NAMES:
        return category(CATEGORY_NAMES[name])
    return _BINARY[name]() if name in _BINARY else None


@lru_cache(maxsize=2)
def _lowered(ascii_only: bool) -> dict[int, int]:
    """Each character whose lower-case form is another one, with that form (one character each, as `re` sees case)."""
    blocks: Iterable[int] = range(128) if ascii_only else (code for block in _SCANNED for code in block)
    pairs = ((code, ord(chr(code).lower()[0])) for code in blocks)
    return {code: low for code, low in pairs if code != low}


@lru_cache(maxsize=1)
def _extra_cases() -> dict[int, tuple[int, ...]]:
    """Lower-case characters with other lower-case characters of the same upper case (s and long s), as `re` treats them."""
    lowered = _lowered(False)
    by_upper: dict[str, list[int]] = {}
    for block in _SCANNED:
        for code in block:
            if code not in lowered and chr(code).upper() != chr(code):
                by_upper.setdefault(chr(code).upper(), []).append(code)
    return {code: tuple(codes) for codes in by_upper.values() if len(codes) > 1 for code in codes}


@lru_cache(maxsize=512)
def ignore_case(chars: CharSet, *, ascii_only: bool = False) -> CharSet:
    """The characters that match a set when case is ignored, as `re.IGNORECASE` does (by lower-case forms)."""
    if cs.size(chars) == 1 and chars[0][0] < 128 and ascii_only:
        one = chr(chars[0][0])
        return cs.of_text(one.lower() + one.upper())
    lowered = _lowered(ascii_only)
    cased = [code for code in lowered if cs.contains(chars, code)]
    forms = cs.union(chars, cs.normal((lowered[code], lowered[code]) for code in cased))
    if not ascii_only:
        extra = [other for code, others in _extra_cases().items() if cs.contains(forms, code) for other in others]
        forms = cs.union(forms, cs.normal((code, code) for code in extra))
    out = [code for code, low in lowered.items() if cs.contains(forms, low)]
    stay = cs.subtract(forms, cs.normal((code, code) for code in lowered))
    return cs.union(stay, cs.normal((code, code) for code in out))


@lru_cache(maxsize=1)
def _folded() -> list[tuple[int, ...]]:
    """Characters that are one when case is folded."""
    groups: dict[str, list[int]] = {}
    for block in _SCANNED:
        for code in block:
            groups.setdefault(chr(code).casefold(), []).append(code)
    return [tuple(group) for group in groups.values() if len(group) > 1]


@lru_cache(maxsize=512)
def fold_case(chars: CharSet) -> CharSet:
    """The characters that match a set when case is ignored, as ECMA-262 does (by simple case folding: `i` and dotless `\u0131` differ)."""
    found = [code for group in _folded() if any(cs.contains(chars, code) for code in group) for code in group]
    return cs.union(chars, cs.normal((code, code) for code in found))
