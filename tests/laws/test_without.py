"""Strings but for some, near bounds and in finite languages: the same as the difference of automata, which a slow twin reads."""

from __future__ import annotations

from itertools import product
from random import Random

from conftest import SCALE
from derive import Twin
from test_walks import examples
from worlds import check_world, pieces, vocabulary, walk

from structgen.automata.machine import ByteAutomaton
from structgen.constraint.automaton import TokenAutomaton
from structgen.frontends.jsonschema.spell import escapes_of, string_leaf
from structgen.frontends.jsonschema.style import JsonStyle
from structgen.frontends.jsonschema.without import _behind, _spellings, without
from structgen.ir.chars import contains, normal, size
from structgen.ir.encoding import JSON
from structgen.ir.expr import NEVER, Alt, Expr, Leaf, Lit, Minus, Seq
from structgen.ir.regular import CharDFA

CHARS = 'ab01é€😀"\n\x01'


def base(rng: Random) -> tuple[CharDFA, int, int | None]:
    """A language with few texts behind some beginnings, and bounds."""
    kind = rng.randrange(5)
    some = CharDFA.of_chars(normal((ord(c), ord(c)) for c in rng.sample(CHARS, rng.randrange(1, 5))))
    if kind == 0:
        return CharDFA.any(), rng.randrange(2), rng.randrange(1, 3)
    if kind == 1:
        return CharDFA.of_chars([(0x60, 0x6F + rng.randrange(3)), (0xC0, 0xFF)]), 0, None
    if kind == 2:
        return some.repeat(rng.randrange(2), rng.randrange(1, 4)), 0, None
    if kind == 3:
        return some.repeat(), rng.randrange(2), rng.randrange(1, 4)
    return some.repeat() + CharDFA.of_strings(["a", "", "b0"]).optional(), 0, rng.choice([None, 3])


def taken_from(rng: Random, dfa: CharDFA, low: int, high: int | None) -> list[str]:
    """Many texts of the language, sometimes all that begin alike; and some that are none of it."""
    bounded = (
        dfa.with_lengths(low, 3 if high is None else min(high, 3))
        & CharDFA.of_chars(normal((ord(c), ord(c)) for c in [*CHARS, *map(chr, range(0x60, 0x72)), *map(chr, range(0xC0, 0x100))])).repeat()
    )
    texts = bounded.strings(400)
    first = rng.choice([text[:1] for text in texts] or [""])
    texts = [text for text in texts if text.startswith(first)] if rng.random() < 0.5 else texts
    found = rng.sample(texts, max(0, len(texts) - rng.choice([0, 0, 1, 2, 5, 20, 300])))[:60]
    return [*found, "".join(rng.choices(CHARS, k=rng.randrange(5)))]


@examples(200)
def test_it_is_the_difference_of_automata(seed: int) -> None:
    rng = Random(seed)
    style = JsonStyle.of("any") if rng.random() < 0.6 else JsonStyle(escapes="minimal")
    dfa, low, high = base(rng)
    some = taken_from(rng, dfa, low, high)
    made = without(string_leaf(dfa, style, low, high), some, style)
    difference = dfa.with_lengths(low, high) - CharDFA.of_strings(some)
    assert made is not None, seed
    if difference.is_empty:
        assert made is NEVER, seed
        return
    colon = Lit(b":")
    twin: Expr = Seq((Leaf(difference, JSON[style.escapes]), Alt((colon, Seq((colon, colon))))))
    expr = Seq((made, Alt((colon, Seq((colon, colon))))))
    material = [*pieces(), b"\\n", b"\\u006", b"\\u00e", b"\\ud83d\\ude0", b"\xc3", b"\xf0\x9f\x98", b'":', b"a" * rng.randrange(1, 4)]
    vocab = vocabulary(rng, material, 60)
    walk(TokenAutomaton(ByteAutomaton(expr), vocab), Twin(twin), rng, 20)
    check_world(expr, vocab, rng, 8, material)
    if isinstance(made, Minus):
        assert made.leaf is string_leaf(dfa, style, low, high)


def test_parts_of_spellings() -> None:
    """What may come of a part of a spelling: every character, spelled in every way, cut everywhere."""
    rng = Random(3)
    codes = [*range(0x100), *rng.sample(range(0x100, 0xD800), int(150 * SCALE)), *rng.sample(range(0xE000, 0x110000), int(150 * SCALE))]
    some = [chr(code) for code in codes]
    for escapes in ("any", "minimal"):
        for char in some:
            for spelling in _spellings(char, escapes):
                for i in range(1, len(spelling)):
                    assert contains(_behind(spelling[:i], escapes), ord(char)), (char, spelling, i)
    assert size(_behind(b"\\u006", "any")) == 16
    assert size(_behind(b"\\ud83d\\ude0", "any")) == 16
    assert size(_behind(b"\xc3", "any")) == 64
    assert size(_behind(b"\\u00", "minimal")) == 27
    for bits in product("01", repeat=2):  # digits of high surrogates lead to pairs as well
        assert contains(_behind(f"\\ud{int(''.join(bits), 2) + 8:x}".encode(), "any"), 0x10000 + (int("".join(bits), 2) << 18))
    assert escapes_of("\n", "minimal") == ["\\n"]
