"""Formats that are grammars, and content: the official suite, the package `idna`, Python's own decoders, and slow checks."""

from __future__ import annotations

import base64
import json
import random
import re
import sys
import tarfile
import unicodedata
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import idna
import pytest
from idna import idnadata

from structgen.constraint.grammar import Grammar
from structgen.errors import OptionError, UnsupportedFeature
from structgen.frontends.jsonschema import json_schema
from structgen.frontends.jsonschema.formats import GRAMMARS, content, idn, regexes
from structgen.frontends.jsonschema.formats.ecma import is_regex
from structgen.ir import chars as cs
from structgen.vocab.vocabulary import Vocabulary

sys.path.insert(0, str(Path(__file__).parents[2] / "reference"))
from recognize import accepts as recognised

SUITE = Path(__file__).parents[4] / "shared/data/jsonschema_suite/json-schema-test-suite.tar.xz"

NARROW = {  # valid, and left out: see NOTES
    "regex": {"(?<n>a)\\k<n>"},
    "idn-hostname": {"xn--ihqwcrb4cv8a8dqg056pqjye", *(f"{'παράδειγμα' * 5}πα{dot}com" for dot in ".。．｡")},
    "idn-email": set(),
}


@lru_cache(maxsize=64)
def machine(name: str) -> Any:
    return Grammar(json_schema({"type": "string", "format": name}, style="any"))


def accepts(name: str, text: str) -> bool:
    return machine(name).accepts(json.dumps(text))


def suite(name: str) -> set[tuple[str, bool]]:
    if not SUITE.exists():
        pytest.skip(f"the official suite is not at {SUITE}")
    found = set()
    files = {name, "ecmascript-regex"} if name == "regex" else {name}
    with tarfile.open(SUITE) as archive:
        for member in archive:
            match = re.search(r"tests/(draft[^/]+)/optional/format/([^/]+)\.json$", member.name)
            if match and match[1] != "draft3" and match[2] in files:
                groups = json.load(archive.extractfile(member))
                found |= {(t["data"], t["valid"]) for g in groups for t in g["tests"] if isinstance(t["data"], str)}
    return found


@pytest.mark.parametrize("name", sorted(GRAMMARS))
def test_official_suite(name: str) -> None:
    cases = suite(name)
    assert {text for text, valid in cases if accepts(name, text) is not valid} == NARROW[name]
    for text, valid in cases:
        assert GRAMMARS[name].accepts(text) in (valid, None), text  # constants are judged exactly


@pytest.mark.parametrize("name", sorted(GRAMMARS))
def test_a_length_that_no_text_exceeds_changes_nothing(name: str) -> None:
    longest = GRAMMARS[name].longest
    if longest is not None:
        start = json_schema({"type": "string", "format": name, "maxLength": longest}, style="any").start
        assert all(recognised(start, json.dumps(text)) is accepts(name, text) for text, _ in suite(name))


# ---- internationalised names ----


def test_valid_characters_are_those_of_idna() -> None:
    theirs = {c for low in idnadata.codepoint_classes["PVALID"] for c in range(low >> 32, low & 0xFFFFFFFF)}
    ours = {c for low, high in idn.valid() for c in range(low, high + 1)}
    assert ours <= theirs
    known = {c for c in theirs if c >= 0x80 and unicodedata.category(chr(c)) != "Cn"}
    assert known - ours == set()


@pytest.mark.parametrize("name", ["Greek", "Hebrew", "Han", "Kana"])
def test_scripts_are_those_of_idna(name: str) -> None:
    names = ["Hiragana", "Katakana"] if name == "Kana" else [name]
    theirs = {c for one in names for low in idnadata.scripts[one] for c in range(low >> 32, low & 0xFFFFFFFF)}
    assert {c for low, high in idn.script(name) for c in range(low, high + 1)} == {c for c in theirs if cs.contains(idn._all(), c)}


def test_stable_blocks_are_stable() -> None:
    for low, high in idn._STABLE:
        for code in range(low, high + 1):
            char = chr(code)
            assert unicodedata.category(char) == "Cn" or (unicodedata.category(char) == "Lo" and idn._is_stable(char)), hex(code)
            assert unicodedata.bidirectional(char) in {"L", ""}
            assert not unicodedata.combining(char)


def is_name(text: str, *, bidi: bool | None = None) -> bool:
    """The judge: RFC 5891 by `idna`, RFC 5893 for the whole name."""
    labels = re.split("[.。．｡]", text)
    try:
        bidi = any(unicodedata.bidirectional(c) in ("R", "AL", "AN") for c in text)
        for label in labels:
            if not label.isascii():
                idna.check_label(label)
            idna.alabel(label)
            if bidi:
                idna.check_bidi(label.lower(), check_ltr=True)
        return len(".".join(idna.alabel(label).decode() for label in labels)) <= 253
    except (idna.IDNAError, UnicodeError, IndexError):
        return False


POOLS = [
    "abzl0-9·",
    "αβςϊ͵ή",
    "אבו׳״ִ0",
    "بيءا٠۰‌ًّ",
    "कषऩ्‍‌ि",
    "ぁァー丈・〇々゙",
    "가힣각",
    "eé́̂n̈ßcö",
    "กุ้่า",
    "ক্োো৷",
    "𐌰𐌱𑄓𑄧𑄡𑄴",
]


@pytest.mark.parametrize("seed", range(4))
def test_names_like_idna(seed: int) -> None:
    rng = random.Random(seed)
    checked = set()
    for _ in range(300):
        pool = rng.choice(POOLS) + (rng.choice(POOLS) if rng.random() < 0.3 else "")
        labels = ["".join(rng.choice(pool) for _ in range(rng.choice([1, 2, 3, 4, 6, 13, 19]))) for _ in range(rng.choice([1, 1, 1, 2]))]
        text = rng.choice(".。").join(labels)
        verdict = is_name(text)
        checked.add(verdict)
        if accepts("idn-hostname", text):
            assert verdict, (seed, ascii(text))
        elif verdict:  # only what NOTES names is left out
            bidi = any(unicodedata.bidirectional(c) in ("R", "AL", "AN") for c in text)
            left_out = max(map(len, labels)) > 12 or (bidi and max(text) > "\u200d")
            assert left_out or any(unicodedata.category(c) in ("Mn", "Mc") for c in text) or "\u200c" in text, (
                seed,
                ascii(text),
            )
        assert idn.is_hostname(text) in (verdict, None), (seed, ascii(text))
    assert checked == {True, False}


def test_punycode_never_gets_too_long() -> None:
    """The proof of `SHORT`: the longest Punycode of labels of so many characters, by dynamic programming over its bias.

    The sum of the gaps between sorted code points is bounded; a price for each unit of gap (any price gives a bound) makes it a path
    problem.
    Shorter labels have shorter paths.
    """
    for high, length in idn.SHORT:
        span = high - 0x80
        for ascii_count in range(length):
            longest = min(_longest(length - ascii_count, ascii_count, span, price / span) for price in (3, 4))
            assert 4 + ascii_count + (ascii_count > 0) + longest <= 63, (high, length, ascii_count)


def _adapt(delta: int, count: int, first: bool) -> int:
    delta = delta // 700 if first else delta // 2
    delta += delta // count
    k = 0
    while delta > 455:
        delta, k = delta // 35, k + 36
    return k + 36 * delta // (delta + 38)


def _digits(delta: int, bias: int) -> int:
    count, k = 1, 36
    while True:
        t = 1 if k <= bias else 26 if k >= bias + 26 else k - bias
        if delta < t:
            return count
        delta, count, k = (delta - t) // (36 - t), count + 1, k + 36


@lru_cache(maxsize=100_000)
def _changes(kind: str, number: int, first: bool, high: int) -> tuple[int, ...]:
    """Where a monotone function of the delta changes, from 0 to high."""

    def value(delta: int) -> int:
        return _digits(delta, number) if kind == "digits" else _adapt(delta, number, first)

    found, now = [0], value(0)
    while value(high) != now:
        low, top = found[-1], high
        while top - low > 1:
            middle = (low + top) // 2
            low, top = (middle, top) if value(middle) == now else (low, middle)
        found.append(top)
        now = value(top)
    return tuple(found)


def _longest(count: int, basic: int, span: int, price: float) -> int:
    """A bound on the digits of `count` characters beyond ASCII among `basic` ASCII ones."""

    @cache
    def best(i: int, bias: int) -> float:
        if i == count:
            return 0.0
        there, first = basic + i, i == 0
        high = span * (there + 1) + there
        found = -1e9
        for delta in {*_changes("digits", bias, False, high), *_changes("bias", there + 1, first, high)}:
            gap = 0 if first else max(0, -(-(delta - there) // (there + 1)))
            found = max(found, _digits(delta, bias) - price * gap + best(i + 1, _adapt(delta, there + 1, first)))
        return found

    return int(best(0, 72) + price * span + 1e-6)


def test_addresses() -> None:
    for text in ("a@b", "ä@b.c", "a@ä.de", "\U0001d54f@実例.テスト", '"ä b"@c', "é" * 32 + "@a", "a" * 64 + "@" + "b" * 63):
        assert accepts("idn-email", text), text
        assert idn.is_address(text), text
    for text in ("ä", "@ä", "ä@", "é" * 33 + "@a", "a" * 65 + "@b", "ä@-b", "a b@ä.de", "ä@b..c", "ä\u0020@b", "ä@a\u00b7b"):
        assert not accepts("idn-email", text), text
        assert not idn.is_address(text), text


# ---- regular expressions ----

GOOD = (  # noqa: SIM905
    r"a|b  (?:a)  (?=a)b (?!a) (?<=a) (?<!a) a{2} a{2,} a{2,3} a{2,3}? a*? \/ [\-] ^$ \b\B [\d-] (|) (?:) a{0} a{10,20} a{7,10} [] [^] \cA "
    r"\x41 \u0041 \u{1F600} [\b] [a-z] [a-] [-a] \p{L} \P{Lu} [\p{L}\d] [\x00-\x1f] [\u0400-\u1234] [а-я] \$ \^ \{ a-z (?<x>a) ((?<x>a)b)"
).split()
LEFT_OUT = (  # noqa: SIM905
    r"(?<n>a)\k<n>  \k<n>(?<n>a) (a)\1 \1(a) \0 (?i:a) (?-i:a) [\u{61}-\u{7a}] (?<a>x)|(?<a>y) a{100,200} [\t-\r] [--/]"
).split()  # fmt: skip
BAD = (  # noqa: SIM905
    r"\a (?P<n>x) (?#c) (?i)a ( ) [ [a-\d] [\d-z] [z-a] a** a{2}{3} a{2,1} a{20,10} { } ] {2} a{ \ \8 \1 (?<n>a)\k<m> (?<n>a)(?<n>b) "
    r"\k \c \x4 \u004 \u{110000} \pL (?=a)* (?<=a)+ ^* $+ \b? + ? * (?<1>a) (?a) a{,3} \- \_ \e \z \Z \A [\a] [b-a] [\x62-\x61] "
    r"[\u0062-\u0061] (?<=a)* \00 \01 [\B] [\c1] (?) (?<>a) a|* (* (?:(?<n>a))(?:(?<n>b)) [\u{110000}] (?ii:a) (?-:a) "
    r"[\ud83d\ude00-\ud83d] x{99,10} [я-а]"
).split()


def test_regular_expressions() -> None:
    for text in GOOD:
        assert is_regex(text), text
        assert accepts("regex", text), text
    for text in LEFT_OUT:
        assert is_regex(text), text
        assert not accepts("regex", text), text
    for text in BAD:
        assert is_regex(text) is False, text
        assert not accepts("regex", text), text


@pytest.mark.parametrize("seed", range(4))
def test_near_misses_of_regular_expressions(seed: int) -> None:
    rng = random.Random(seed)
    grammar, inner, outer = machine("regex"), regexes._inner(), regexes._outer()
    alphabet = "()[]{}|*+?^$\\-,.az059dbpLxu<=!:я"
    for _ in range(1500):
        text = "".join(rng.choice(GOOD) for _ in range(rng.randrange(1, 3)))
        for _ in range(rng.choice([0, 1, 1, 2, 3])):
            at = rng.randrange(len(text) + 1)
            text = text[:at] + rng.choice(["", rng.choice(alphabet)]) + text[at + rng.randrange(2) :]
        verdict, ours = is_regex(text), grammar.accepts(json.dumps(text))
        assert not ours or verdict is not False, (seed, text)
        assert not inner.matches(text) or ours, (seed, text)
        assert outer.matches(text) or verdict is False, (seed, text)


# ---- content ----


def test_encodings_like_the_standard_library() -> None:
    rng = random.Random(1)
    encoders = {
        "base64": base64.b64encode,
        "base64url": base64.urlsafe_b64encode,
        "base32": base64.b32encode,
        "base32hex": base64.b32hexencode,
        "base16": base64.b16encode,
    }
    for name, encode in encoders.items():
        dfa = content.encoding_dfa(name)
        assert dfa is not None
        for size in range(40):
            text = encode(rng.randbytes(size)).decode()
            assert dfa.matches(text)
            if size:
                assert not dfa.matches(text[:-1])
                assert not dfa.matches("%" + text[1:])
    assert content.encoding_dfa("7bit") is None


def test_json_in_a_string_like_the_standard_library() -> None:
    rng = random.Random(2)
    grammar = Grammar(json_schema({"type": "string", "contentMediaType": "application/json"}, style="any", draft="draft7"))
    seeds = ['{"a": [1, -2.5e3, null]}', "[[], {}, true]", '"x\\u00e9\\n"', " 0 ", '{"a":{"b":{"c":[[[1]]]}}}', "1.0", "[1,2]"]
    verdicts = set()
    for _ in range(1500):
        text = rng.choice(seeds)
        for _ in range(rng.choice([0, 1, 1, 2])):
            at = rng.randrange(len(text) + 1)
            text = text[:at] + rng.choice(["", rng.choice('{}[],:"0-1.e \\ntrue')]) + text[at + rng.randrange(2) :]
        try:
            json.loads(text)
            verdict = True
        except ValueError:
            verdict = False
        verdicts.add(verdict)
        assert grammar.accepts(json.dumps(text)) is verdict is content.is_json(text), text
        assert verdict or not content._inner().matches(text)
        assert not verdict or content._outer().matches(text)
    assert verdicts == {True, False}


def test_who_checks_content() -> None:
    schema = {"type": "string", "contentEncoding": "base64"}
    for options, checked in [
        ({"draft": "draft7"}, True),
        ({"draft": "draft7", "content": "annotation"}, False),
        ({"draft": "draft7", "formats": "annotation"}, True),
        ({}, False),
        ({"content": "assert"}, True),
        ({"draft": "draft6", "content": "assert"}, False),
    ]:
        assert recognised(json_schema(schema, **options).start, '"%"') is not checked, options
    both = schema | {"contentMediaType": "application/json"}
    with pytest.raises(UnsupportedFeature, match="contentMediaType"):
        json_schema(both, draft="draft7")
    assert json_schema(both, draft="draft7", content="annotation").report.verdict == "exact"
    with pytest.raises(OptionError):
        json_schema(True, content="yes")  # type: ignore[arg-type]


# ---- under the mask ----

WALKS: dict[str, tuple[dict[str, Any], str, Any]] = {
    "regex": ({"format": "regex"}, '"\\\\ab(){}[]+?|^19,-', is_regex),
    "idn-hostname": ({"format": "idn-hostname"}, '"ab-.', lambda text: idn.is_hostname(text) is not False),
    "idn-email": ({"format": "idn-email"}, '"ab-.@', lambda text: idn.is_address(text) is not False),
    "json": ({"contentMediaType": "application/json"}, '"\\\\[]{}:,1 tn', content.is_json),
    "base64": ({"contentEncoding": "base64"}, '"AQg=', lambda text: base64.b64decode(text, validate=True) is not None),
    "short regex": ({"format": "regex", "maxLength": 6, "pattern": "a"}, '"ab()[]+', lambda text: is_regex(text) and "a" in text),
}


@pytest.mark.parametrize("name", WALKS)
def test_walks_under_the_mask_never_end_dead_and_are_right(name: str) -> None:
    schema, handy, judge = WALKS[name]
    vocabulary = Vocabulary.from_bytes([*(bytes([i]) for i in range(256)), b""], eos=256)
    automaton = Grammar(json_schema({"type": "string", **schema}, content="assert", style="any")).compile(vocabulary)
    finished = 0
    for seed in range(60):
        rng = random.Random(seed)
        state, text = automaton.start(), bytearray()
        for step in range(60):
            row = automaton.mask(state)
            allowed = [token for token in range(257) if row[token >> 5] >> (token & 31) & 1]
            assert allowed, (seed, bytes(text))
            if 256 in allowed:
                value = json.loads(text.decode())
                assert judge(value), (seed, value)
                finished += 1
                break
            some = [token for token in allowed if token in handy.encode()]
            ends = [token for token in allowed if token in b'")]}'] if step > 20 else []
            token = rng.choice(ends or (some if some and rng.random() < 0.9 else allowed))
            text.append(token)
            state = automaton.advance(state, token)
    assert finished > 10, finished


def test_sets_are_sets() -> None:
    assert cs.intersect(idn.valid(), idn._IGNORED) == ()
