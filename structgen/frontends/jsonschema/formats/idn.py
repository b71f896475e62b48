"""Internationalised host names and addresses: RFC 5890 to 5893 and RFC 6531 as automata over characters.

A label is an intersection of what each rule says, as the RFCs do it; a name is up to `LABELS` labels, all of which obey the rule on writing
directions where one of them is written from right to left. Which characters there are is read from this Python's
`unicodedata`, when first asked for (newer Unicode has more). `NOTES` says where this is narrower than the RFCs; nothing is wider.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Callable, Iterable
from functools import lru_cache
from itertools import groupby
from typing import Final

from structgen.frontends.jsonschema.formats import patterns
from structgen.frontends.jsonschema.formats.free import ContextFree
from structgen.frontends.regex.build import plain_dfa
from structgen.frontends.regex.nodes import Chars, Node, cat, either, rep
from structgen.ir import chars as cs
from structgen.ir.chars import CharSet
from structgen.ir.encoding import JSON_INNER
from structgen.ir.expr import Expr, Leaf, alt, repeat, seq
from structgen.ir.regular import CharDFA

LABELS: Final = 3
"""The most labels of a name that is not all ASCII: three of 63 characters stay below 253."""

SHORT: Final = ((0x10FFFF, 12), (0x10FF, 18))
"""Labels of up to so many characters, none above the code point, fit into 63 characters of Punycode (a test has the proof)."""

NOTES: Final = {
    "idn-hostname": f"names that are not all ASCII have at most {LABELS} labels, of at most 12 characters (18 where all are below U+1100), "
    "none in Punycode; none has characters from right to left beside others above U+200D; some sequences of combining marks are left "
    "out, and non-joiners that stand neither after a virama nor between Arabic letters",
    "idn-email": f"where not all is ASCII, the domain has at most {LABELS} labels as in idn-hostname",
}

# RFC 5892, section 2.6
_VALID: Final = cs.of_text("\u00df\u03c2\u06fd\u06fe\u0f0b\u3007")
_INVALID: Final[CharSet] = ((0x640, 0x640), (0x7FA, 0x7FA), (0x302E, 0x302F), (0x3031, 0x3035), (0x303B, 0x303B))
# default ignorable letters and marks; the ignorable blocks; old Hangul
_IGNORED: Final[CharSet] = cs.normal(
    [
        *((0x34F, 0x34F), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F), (0x3164, 0x3164), (0xFE00, 0xFE0F), (0xFFA0, 0xFFA0)),
        *(
            (0xE0100, 0xE01EF),
            (0x20D0, 0x20FF),
            (0x1D100, 0x1D1FF),
            (0x1D200, 0x1D24F),
            (0x1100, 0x11FF),
            (0xA960, 0xA97C),
            (0xD7B0, 0xD7FB),
        ),
    ]
)
# blocks of ideographs and syllables: letters that no mapping changes, assigned up to some point (a test looks at each)
_STABLE: Final[CharSet] = (
    *((0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xAC00, 0xD7A3), (0x17000, 0x187FF), (0x18800, 0x18AFF), (0x18B00, 0x18CD5)),
    *((0x20000, 0x2A6DF), (0x2A700, 0x2B73F), (0x2B740, 0x2B81D), (0x2B820, 0x2CEA1), (0x2CEB0, 0x2EBE0), (0x2EBF0, 0x2EE5D)),
    *((0x30000, 0x3134A), (0x31350, 0x323AF), (0x323B0, 0x33479)),
)
_REST: Final[CharSet] = cs.subtract(((0x80, 0x1FFFF),), cs.union(_STABLE, ((0xE000, 0xF8FF),)))

_DIGITS_A: Final[CharSet] = ((0x660, 0x669),)
_DIGITS_B: Final[CharSet] = ((0x6F0, 0x6F9),)
_CONTEXT: Final = cs.union(cs.of_text("\u00b7\u0375\u05f3\u05f4\u30fb\u200c\u200d"), _DIGITS_A, _DIGITS_B)
_LOWER: Final[CharSet] = ((0x30, 0x39), (0x61, 0x7A))
_HYPHEN: Final[CharSet] = ((0x2D, 0x2D),)
_LDH: Final[CharSet] = cs.normal([(0x2D, 0x2D), (0x30, 0x39), (0x41, 0x5A), (0x61, 0x7A)])
_DOTS: Final = cs.of_text(".\u3002\uff0e\uff61")


def _codes(chars: CharSet) -> Iterable[int]:
    return (code for low, high in chars for code in range(low, high + 1))


def _those(chars: CharSet, test: Callable[[str], bool]) -> CharSet:
    """The characters of a set that pass a test."""
    return cs.normal([(code, code) for code in _codes(chars) if test(chr(code))])


def _is_stable(char: str) -> bool:
    normal = unicodedata.normalize
    return normal("NFKC", normal("NFKC", char).casefold()) == char


def _assigned(low: int, high: int) -> CharSet:
    """The part of a block of `_STABLE` that this Python knows."""
    count = bisect_left(range(low, high + 1), 1, key=lambda code: unicodedata.category(chr(code)) == "Cn")
    return ((low, low + count - 1),) if count else ()


@lru_cache(maxsize=1)
def _scan() -> dict[str, CharSet]:
    """The characters that RFC 5892 allows anywhere in a label, beyond ASCII, by general category."""
    skip = cs.union(_IGNORED, _INVALID, _VALID, _CONTEXT)
    found: dict[str, list[tuple[int, int]]] = {"Lo": [one for block in _STABLE for one in _assigned(*block)]}
    category = unicodedata.category
    for low, high in cs.subtract(_REST, skip):
        for code in range(low, high + 1):
            name = category(chr(code))
            if name in _LETTERS and _is_stable(chr(code)):
                found.setdefault(name, []).append((code, code))
    for low, high in _VALID:
        found["Lo"].append((low, high))
    return {name: cs.normal(ranges) for name, ranges in found.items()}


_LETTERS: Final = frozenset(("Ll", "Lu", "Lo", "Nd", "Lm", "Mn", "Mc"))


@lru_cache(maxsize=1)
def valid() -> CharSet:
    """The characters that RFC 5892 allows anywhere in a label, beyond ASCII."""
    return cs.union(*_scan().values())


@lru_cache(maxsize=1)
def _all() -> CharSet:
    return cs.union(valid(), _CONTEXT, _LOWER, _HYPHEN)


# where the characters of a script are, besides the blocks of ideographs, and how their names begin
_SCRIPTS: Final[dict[str, tuple[CharSet, tuple[str, ...]]]] = {
    "Greek": (((0x370, 0x3FF), (0x1D26, 0x1DBF), (0x1F00, 0x1FFF), (0xAB65, 0xAB65)), ("GREEK ",)),
    "Hebrew": (((0x590, 0x5FF), (0xFB1E, 0xFB1E)), ("HEBREW ",)),
    "Kana": (((0x3040, 0x30FA), (0x30FD, 0x31FF), (0x1AFF0, 0x1B16F)), ("HIRAGANA ", "KATAKANA ", "HENTAIGANA ")),
    "Han": (
        ((0x3005, 0x3007), (0xFA0E, 0xFA29), (0x16FE3, 0x16FF1)),
        ("IDEOGRAPHIC ITERATION", "IDEOGRAPHIC NUMBER", "CJK ", "OLD CHINESE ", "VIETNAMESE ALTERNATE "),
    ),
}


def script(name: str) -> CharSet:
    """The characters of a script that labels may have."""
    blocks, names = _SCRIPTS[name]
    found = _those(cs.intersect(_all(), blocks), lambda char: unicodedata.name(char, "").startswith(names))
    return cs.union(found, cs.intersect(_all(), ((0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0x20000, 0x3FFFF)))) if name == "Han" else found


def _marks() -> CharSet:
    return cs.union(_scan()["Mn"], _scan()["Mc"])


def _any(chars: CharSet) -> Node:
    return rep(Chars(chars), 0, None)


def _dfa(*parts: Node) -> CharDFA:
    return plain_dfa(cat(parts))


# ---- the rules on single characters and their neighbours (RFC 5891, 4.2.3; RFC 5892, appendix A) ----


def _joining() -> tuple[CharSet, CharSet]:
    """Arabic letters that join what follows, and those that join what precedes: they have presentation forms that do."""
    both: list[tuple[int, int]] = []
    final: list[tuple[int, int]] = []
    for code in (*range(0xFB50, 0xFBFC), *range(0xFE80, 0xFEF5)):
        form, _, plain = unicodedata.decomposition(chr(code)).partition(" ")
        if len(plain) == 4:
            one = (int(plain, 16), int(plain, 16))
            both += [one] if form in ("<initial>", "<medial>") else []
            final += [one] if form in ("<medial>", "<final>") else []
    return cs.intersect(cs.normal(both), _all()), cs.intersect(cs.normal(final), _all())


def _contexts() -> CharDFA:
    """Labels where every joiner, dot and digit stands where it may."""
    every = _all()
    some = _any(every)

    def but(chars: CharSet) -> Node:
        return Chars(cs.subtract(every, chars))

    def after(mark: CharSet, needed: CharSet) -> CharDFA:
        """Something else, or nothing, stands before the mark."""
        return plain_dfa(either([cat([Chars(mark), some]), cat([some, but(needed), Chars(mark), some])]))

    def before(mark: CharSet, needed: CharSet) -> CharDFA:
        return plain_dfa(either([cat([some, Chars(mark)]), cat([some, Chars(mark), but(needed), some])]))

    dot, small_l = cs.of_text("\u00b7"), cs.of_text("l")
    kana = cs.union(script("Kana"), script("Han"))
    others = _any(cs.subtract(every, kana))
    virama = _those(_marks(), lambda char: unicodedata.combining(char) == 9)
    bad = after(dot, small_l) | before(dot, small_l) | before(cs.of_text("\u0375"), script("Greek"))
    bad |= after(cs.of_text("\u05f3\u05f4"), script("Hebrew")) | after(cs.of_text("\u200d"), virama)
    bad |= _dfa(others, Chars(cs.of_text("\u30fb")), others)
    bad |= _dfa(some, Chars(_DIGITS_A), some, Chars(_DIGITS_B), some) | _dfa(some, Chars(_DIGITS_B), some, Chars(_DIGITS_A), some)
    bad |= _bad_non_joiner(virama)
    return _dfa(some) - bad


def _bad_non_joiner(virama: CharSet) -> CharDFA:
    """Labels with a zero width non-joiner neither after a virama nor between letters that join."""
    every = _all()
    some = _any(every)
    marks = _any(_scan()["Mn"])
    here = Chars(cs.of_text("\u200c"))
    first, second = _joining()
    left = _dfa(some) - _dfa(some, Chars(virama))
    unjoined = left - _dfa(some, Chars(first), marks)
    right = _dfa(some) - _dfa(marks, Chars(second), some)
    return unjoined + _dfa(here, some) | left + _dfa(here) + right


def _hyphens() -> CharDFA:
    """Labels that neither begin nor end with a hyphen, have not two at the third and fourth place, and begin with no mark."""
    every = _all()
    any_one, some = Chars(every), _any(every)
    first = cs.subtract(every, cs.union(_HYPHEN, _marks()))
    last = Chars(cs.subtract(every, _HYPHEN))
    reserved = _dfa(any_one, any_one, Chars(_HYPHEN), Chars(_HYPHEN), some)
    return plain_dfa(either([Chars(first), cat([Chars(first), some, last])])) - reserved


_CLASSES: Final = ((1, 8), (9, 9), (10, 36), (37, 106), (107, 117), (118, 121), (122, 129), (130, 254))


@lru_cache(maxsize=1)
def _normal() -> CharDFA:
    """Labels in normal form C (some of them): marks in order, one of each range of classes, and none that might be composed away."""
    every = _all()
    order = [_those(_marks(), lambda char, low=low, high=high: low <= unicodedata.combining(char) <= high) for low, high in _CLASSES]  # type: ignore[misc]
    starters = cs.subtract(every, cs.union(*order))
    first, second = _composing()
    run = cat([rep(Chars(one), 0, 1) for one in order])
    calm = cat([rep(Chars(cs.subtract(one, second)), 0, 1) for one in order])
    free, bound = Chars(cs.subtract(starters, cs.union(first, second))), Chars(cs.intersect(cs.subtract(first, second), starters))
    joined = cs.intersect(starters, second)  # starters that a `first` before them would take in
    followed = cat([free, run, rep(cat([Chars(cs.subtract(joined, first)), run]), 0, None)])
    return _dfa(rep(either([followed, cat([bound, calm])]), 0, None))


def _composing() -> tuple[CharSet, CharSet]:
    """The characters with which a composition begins, and those with which it goes on."""
    first: list[tuple[int, int]] = []
    second: list[tuple[int, int]] = []
    for code in (*range(0xC0, 0x3100), *range(0x11000, 0x12000)):
        parts = unicodedata.decomposition(chr(code)).split()
        if len(parts) == 2 and parts[0][0] != "<" and unicodedata.normalize("NFC", chr(code)) == chr(code):
            a, b = (int(part, 16) for part in parts)
            first.append((a, a))
            second.append((b, b))
    return cs.normal(first), cs.normal(second)


# ---- writing directions (RFC 5893) ----


@lru_cache(maxsize=1)
def _directions() -> dict[str, CharSet]:
    found: dict[str, list[tuple[int, int]]] = {}
    for low, high in _all():
        if cs.contains(_STABLE, low) and cs.contains(_STABLE, high):
            found.setdefault("L", []).append((low, high))
            continue
        for name, run in groupby(range(low, high + 1), key=lambda code: unicodedata.bidirectional(chr(code))):
            codes = list(run)
            found.setdefault(name, []).append((codes[0], codes[-1]))
    return {name: cs.normal(ranges) for name, ranges in found.items()}


def _of(*names: str) -> CharSet:
    return cs.union(*(_directions().get(name, ()) for name in names))


def _plain_labels() -> CharDFA:
    """Labels without any character from right to left."""
    return _dfa(_any(cs.subtract(_all(), _of("R", "AL", "AN"))))


def _bidi_labels() -> CharDFA:
    """Labels that may stand in a name with characters from right to left."""
    neutral = ("EN", "ES", "CS", "ET", "ON", "BN", "NSM")
    marks = _any(_of("NSM"))
    rightward = either([Chars(_of("L")), cat([Chars(_of("L")), _any(_of("L", *neutral)), Chars(_of("L", "EN"))])])
    some = _any(_of("R", "AL", "AN", *neutral))
    start = Chars(_of("R", "AL"))
    leftward = either([start, cat([start, some, Chars(_of("R", "AL", "EN", "AN"))])])
    mixed = _dfa(some, Chars(_of("EN")), some, Chars(_of("AN")), some) | _dfa(some, Chars(_of("AN")), some, Chars(_of("EN")), some)
    return _dfa(rightward, marks) | (_dfa(leftward, marks) - mixed)


# ---- names ----


@lru_cache(maxsize=1)
def _core() -> CharDFA:
    return _contexts() & _hyphens()


@lru_cache(maxsize=4)
def labels(*, bidi: bool, normal: bool = True) -> CharDFA:
    """Labels that are right, of any length: those without characters from right to left, or (`bidi`) those that may stand beside such."""
    found = _core() & (_bidi_labels() if bidi else _plain_labels())
    return found & _normal() if normal else found


@lru_cache(maxsize=2)
def _ascii(*, bidi: bool = False) -> CharDFA:
    """Labels of letters, digits and hyphens, in any case, but none with two hyphens at the third and fourth place."""
    edge, some = Chars(cs.subtract(_LDH, _HYPHEN)), Chars(_LDH)
    plain = plain_dfa(either([edge, cat([edge, rep(some, 0, 61), edge])]))
    first = Chars(((0x41, 0x5A), (0x61, 0x7A))) if bidi else some
    return (plain & _dfa(first, _any(_LDH))) - _dfa(some, some, Chars(_HYPHEN), Chars(_HYPHEN), _any(_LDH))


def _ascii_names() -> CharDFA:
    return _ascii() + (CharDFA.of_chars(_DOTS) + _ascii()).repeat()


def _below(labels: CharDFA, high: int) -> CharDFA:
    """The labels whose characters are at most `high`."""
    return labels if high == 0x10FFFF else labels & _dfa(_any(((0, high),)))


def _names(escapes: str, *, normal: bool = True) -> Expr:
    """Names of up to `LABELS` labels."""

    def leaf(dfa: CharDFA, high: int | None = None) -> Expr:
        return Leaf(dfa, JSON_INNER[escapes], low=0 if high is None else 1, high=high)

    dot = leaf(CharDFA.of_chars(_DOTS))
    ways: list[Expr] = []
    for bidi in (False, True):
        dfa = labels(bidi=bidi, normal=normal)
        most = 0x200D if bidi else 0x10FFFF  # scripts from right to left are low, and may have joiners
        shorts = [leaf(_below(dfa, min(high, most)), length) for high, length in SHORT]
        label = alt([leaf(_ascii(bidi=bidi)), *shorts])
        ways.append(seq(label, repeat(seq(dot, label), 0, LABELS - 1)))
    return alt(ways)


def _hostnames(escapes: str) -> Expr:
    return alt([Leaf(_ascii_names(), JSON_INNER[escapes], high=253), _names(escapes)])


def _addresses(escapes: str) -> Expr:
    email = patterns.dfa("email")
    assert email is not None
    at = Leaf(CharDFA.of_string("@"), JSON_INNER[escapes])
    return alt(
        [
            Leaf(email, JSON_INNER[escapes], high=254),
            seq(Leaf(_local(), JSON_INNER[escapes]), at, _names(escapes, normal=False)),
        ]
    )


@lru_cache(maxsize=1)
def _local() -> CharDFA:
    """Local parts of at most 64 octets (RFC 6531)."""
    high: CharSet = ((0x80, 0x10FFFF),)
    atom = Chars(cs.union(cs.of_text("!#$%&'*+-/=?^_`{|}~"), _LDH, high))
    quoted = Chars(cs.union(((0x20, 0x21), (0x23, 0x5B), (0x5D, 0x7E)), high))
    pair = cat([Chars(cs.of_text("\\")), Chars(((0x20, 0x7E),))])
    word, mark = rep(atom, 1, None), Chars(cs.of_text('"'))
    local = either(
        [cat([word, rep(cat([Chars(cs.of_text(".")), word]), 0, None)]), cat([mark, rep(either([quoted, pair]), 0, None), mark])]
    )
    return _octets(plain_dfa(local), 64)


def _octets(dfa: CharDFA, high: int) -> CharDFA:
    """The texts of at most `high` octets in UTF-8."""
    alphabet, masks = cs.partition((((0, 0x7F),), ((0x80, 0x7FF),), ((0x800, 0xFFFF),), ((0x10000, 0x10FFFF),)))
    sizes = [mask.bit_length() for mask in masks]
    rows = [tuple([used + size if used + size <= high else -1 for size in sizes]) for used in range(high + 1)]
    return dfa & CharDFA.from_table(alphabet, rows, [True] * (high + 1))


# ---- beside other conditions, and given texts ----


@lru_cache(maxsize=1)
def _inner_names() -> CharDFA:
    """Names without characters from right to left, of two labels at most."""
    short = (labels(bidi=False) & _dfa(_any(_all()))).with_lengths(1, SHORT[0][1])
    label = _ascii() | short
    return _ascii_names() | label + (CharDFA.of_chars(_DOTS) + label).optional()


@lru_cache(maxsize=1)
def _outer_names() -> CharDFA:
    label = CharDFA.of_chars(cs.negate(_DOTS)).repeat(1)
    return label + (CharDFA.of_chars(_DOTS) + label).repeat()


@lru_cache(maxsize=1)
def _inner_addresses() -> CharDFA:
    """Addresses with a domain of one or two ASCII labels: at most 192 octets."""
    return _local() + CharDFA.of_string("@") + _ascii() + (CharDFA.of_string(".") + _ascii()).optional()


@lru_cache(maxsize=1)
def _outer_addresses() -> CharDFA:
    return CharDFA.any() + CharDFA.of_string("@") + CharDFA.any()


def is_hostname(text: str, *, normal: bool = True) -> bool | None:
    """Whether a text is an internationalised host name; None where it has characters that this Python does not know."""
    if any(unicodedata.category(char) == "Cn" for char in text):
        return None
    found: list[str] = []
    size = -1
    for label in re.split("[.\u3002\uff0e\uff61]", text):
        both = _unpacked(label)
        if both is None:
            return False
        size += len(both[0]) + 1
        found.append(both[1])
    bidi = any(unicodedata.bidirectional(char) in ("R", "AL", "AN") for label in found for char in label)
    right = (_ascii(bidi=bidi) | labels(bidi=bidi, normal=False)).matches
    return size <= 253 and all(right(label) and (not normal or unicodedata.is_normalized("NFC", label)) for label in found)


def _unpacked(label: str) -> tuple[str, str] | None:
    """A label in ASCII and in characters; None where one of them is wrong at sight."""
    try:
        if not label.isascii():
            packed, plain = "xn--" + label.encode("punycode").decode(), label
        elif label[:4].lower() != "xn--":
            packed = plain = label
        else:
            packed, plain = label.lower(), label[4:].lower().encode().decode("punycode")
            if plain.isascii() or plain.encode("punycode").decode() != packed[4:]:
                return None
    except UnicodeError:
        return None
    return (packed, plain) if len(packed) <= 63 else None


def is_address(text: str) -> bool | None:
    """Whether a text is an internationalised mail address; None where that depends on how its domain is judged."""
    email = patterns.dfa("email")
    assert email is not None
    local, at, domain = text.rpartition("@")
    if not at:
        return False
    if email.matches(text) and len(text) <= 254:
        return True
    return True if len(text.encode()) <= 254 and _local().matches(local) and is_hostname(domain, normal=False) else None


HOSTNAME: Final = ContextFree("the format 'idn-hostname'", _hostnames, is_hostname, inner=_inner_names, outer=_outer_names, longest=253)
EMAIL: Final = ContextFree("the format 'idn-email'", _addresses, is_address, inner=_inner_addresses, outer=_outer_addresses, longest=254)
