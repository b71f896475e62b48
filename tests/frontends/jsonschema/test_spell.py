"""Spellings of values against `json.loads`: what is accepted reads back as the value, and however it is spelled, it is accepted."""

import itertools
import json
import random
import re
from decimal import Decimal
from fractions import Fraction

import pytest

from structgen.errors import GrammarError, OptionError, UnsupportedFeature
from structgen.frontends.jsonschema.numbers_power import number_leaf
from structgen.frontends.jsonschema.spell import any_string, string_leaf, string_literal, value_literal, values_expr
from structgen.frontends.jsonschema.style import ANY, COMPACT, DEFAULT, JsonStyle
from structgen.ir.encoding import BYTES
from structgen.ir.expr import NEVER, Alt, Leaf, Lit, Net, Rule, Seq, Strings
from structgen.ir.regular import CharDFA


def ends(expr, data, at):
    """The slow, obvious recogniser: the places where a text of the expression that begins at `at` may end."""
    if isinstance(expr, Lit):
        places = {0: {at}}  # place in the literal -> places in the data
        for i in range(len(expr.data)):
            for j in places.get(i, ()):
                if data[j : j + 1] == expr.data[i : i + 1]:
                    places.setdefault(i + 1, set()).add(j + 1)
                for begin, end, leaf in expr.ways:
                    if begin == i:
                        places.setdefault(end, set()).update(ends(leaf, data, j))
        return places.get(len(expr.data), set())
    if isinstance(expr, Leaf):
        if expr.encoding.is_quoted:
            return {j for j in range(at + 2, len(data) + 1) if data[j - 1 : j] == b'"' and in_string_leaf(expr, data[at:j])}
        text = data[at:].decode("latin-1" if expr.encoding is BYTES else "utf-8")
        found = {at} if expr.dfa.finals[0] else set()
        state = 0
        for n, char in enumerate(text):
            state = expr.dfa.step(state, ord(char))
            if state < 0:
                break
            if expr.dfa.finals[state]:
                found.add(at + (n + 1 if expr.encoding is BYTES else len(text[: n + 1].encode())))
        return found
    if isinstance(expr, Seq):
        now = {at}
        for part in expr.parts:
            now = {k for j in now for k in ends(part, data, j)}
        return now
    if isinstance(expr, Alt):
        return set().union(*(ends(part, data, at) for part in expr.parts))
    if isinstance(expr, Strings):
        return {end for item in expr.items for end in ends(expr.literal(item), data, at)}
    if isinstance(expr, Net):
        work = [(0, at)]
        for node, j in work:
            found = [(b, k) for a, part, b in expr.edges if a == node for k in ([j] if part is None else ends(part, data, j))]
            work += [place for place in found if place not in work]
        return {j for node, j in work if node in expr.accepting}
    assert isinstance(expr, Rule)
    return ends(expr.make(), data, at)


def in_string_leaf(leaf, data):
    try:
        text = json.loads(data)
    except ValueError:
        return False
    good = isinstance(text, str) and leaf.dfa.matches(text) and leaf.low <= len(text) <= (leaf.high or len(text))
    return good and (leaf.encoding.escapes == "any" or data == json.dumps(text, ensure_ascii=False).encode())


def accepts(expr, text):
    data = text.encode()
    return len(data) in ends(expr, data, 0)


def read(text):
    """The value of a JSON text with objects as lists of pairs and exact numbers; None where it is no JSON, or no text in UTF-8."""
    try:
        value = json.loads(text, object_pairs_hook=lambda pairs: ("object", *pairs), parse_float=Fraction, parse_constant=float)
        json.dumps(value, default=str, ensure_ascii=False).encode()
    except ValueError:
        return None
    return same(value)


def same(value):
    """Equal for equal JSON values, different for others (1 is 1.0, but not true)."""
    if isinstance(value, tuple):
        return ("object", *[(key, same(member)) for key, member in value[1:]])
    if isinstance(value, dict):
        return ("object", *[(key, same(member)) for key, member in value.items()])
    if isinstance(value, list):
        return ("array", *map(same, value))
    if isinstance(value, float):
        value = Decimal(repr(value))
    return (type(value).__name__ if isinstance(value, bool | str | None) else "number", value)


CHARS = 'ab/"\\\n\t\x00\x1f\x7fé€\u2028𝄞😀AF09{}[]:, '


def spell_char(rng, char):
    plain = json.dumps(char, ensure_ascii=False)[1:-1]
    escaped = "".join(f"\\u{int.from_bytes(char.encode('utf-16-be')[i : i + 2]):04x}" for i in range(0, len(char.encode("utf-16-be")), 2))
    escaped = "".join(rng.choice([c, c.upper()]) if c != "u" else c for c in escaped)
    return rng.choice([plain, escaped, "\\/" if char == "/" else plain])


def spell(rng, value, blank):
    """A random legal spelling of a value."""
    if isinstance(value, str):
        return '"' + "".join(spell_char(rng, c) for c in value) + '"'
    if isinstance(value, list):
        return "[" + blank() + (blank() + "," + blank()).join(spell(rng, v, blank) for v in value) + blank() + "]"
    if isinstance(value, dict):
        items = [spell(rng, k, blank) + blank() + ":" + blank() + spell(rng, v, blank) for k, v in value.items()]
        return "{" + blank() + (blank() + "," + blank()).join(items) + blank() + "}"
    text = json.dumps(value)
    if value is not None and not isinstance(value, bool):
        if "." not in text and "e" not in text:
            text += rng.choice(["", ".0", ".000"])
        text += rng.choice(["", "e0", "E+00", "e-0"]) if "e" not in text else ""
    return text


def random_value(rng, depth=2):
    kind = rng.randrange(8 if depth else 6)
    if kind < 2:
        return "".join(rng.choices(CHARS, k=rng.randrange(5)))
    if kind < 6:
        return rng.choice([None, True, False, 0, 1, -12, 2.5, 1.0, 100, -0.125])
    items = [random_value(rng, depth - 1) for _ in range(rng.randrange(4))]
    return items if kind == 6 else {f"{rng.choice(CHARS)}{i}": item for i, item in enumerate(items)}


def mutate(rng, text):
    at = rng.randrange(len(text))
    return text[:at] + rng.choice(["", text[at], *' ,0"\\uan1-']) + text[at + rng.choice([0, 1]) :]


@pytest.mark.parametrize("seed", range(4))
def test_any_style_is_all_spellings_and_nothing_else(seed):
    rng = random.Random(seed)
    for _ in range(60):
        value = random_value(rng)
        expr = value_literal(value, ANY)
        for _ in range(6):
            text = spell(rng, value, lambda: "".join(rng.choices(" \t\n\r", k=rng.choice([0, 0, 1, 2]))))
            assert accepts(expr, text), (value, text)
            for _ in range(4):
                wrong = mutate(rng, text)
                assert accepts(expr, wrong) is (wrong == wrong.strip() and read(wrong) == same(value)), (value, wrong)


@pytest.mark.parametrize("seed", range(3))
def test_other_styles_accept_json_dumps(seed):
    rng = random.Random(seed)
    for _ in range(60):
        value = random_value(rng)
        dumps = {
            "compact": json.dumps(value, separators=(",", ":"), ensure_ascii=False).replace("1.0", "1"),
            "default": json.dumps(value, ensure_ascii=rng.random() < 0.5, indent=rng.choice([None, 2, 4])),
            "indent=3": json.dumps(value, indent=3),
        }
        for name, text in dumps.items():
            expr = value_literal(value, JsonStyle.of(name))
            assert accepts(expr, text), (name, value, text)
            wrong = mutate(rng, text)
            assert not accepts(expr, wrong) or read(wrong) == same(value), (name, value, wrong)


def plain(spelled):
    """Whether printable ASCII that can stand for itself does."""
    escapes = [json.loads(f'"{found.group()}"') for found in re.finditer(r"\\(u[0-9a-fA-F]{4}|.)", spelled)]
    return not any(" " <= char <= "~" and char not in '"\\' for char in escapes)


@pytest.mark.parametrize("text", ["", "name", "n/a", 'say "hi"\n', "\x00\x1f", "é€", "😀", "x" * 70, "日本"])
def test_string_literals(text):
    rng = random.Random(0)
    for style in (ANY, DEFAULT, COMPACT):
        literal = string_literal(text, style)
        assert literal.data == json.dumps(text, ensure_ascii=False).encode()
        assert accepts(literal, json.dumps(text)) is (style is not COMPACT or text.isascii())
        for _ in range(10):
            spelled = spell(rng, text, str)
            assert accepts(literal, spelled) is (style is ANY or (style is DEFAULT and plain(spelled)) or spelled.encode() == literal.data)
    assert string_literal(text, COMPACT).is_plain


def test_every_spelling_of_single_characters():
    """All texts of up to 6 bytes over a small alphabet after a backslash, judged by json.loads."""
    texts = ["\\" + "".join(t) for n in (1, 5) for t in itertools.product("u02fFnN/4a" if n == 1 else "u02fF", repeat=n)]
    for char in ("\n", "/", "\u20ff", "\u202f", "\x02", '"', "\\"):
        literal = string_literal(char, ANY)
        for text in texts:
            try:
                right = json.loads(f'"{text}"') == char
            except ValueError:
                right = False
            assert accepts(literal, f'"{text}"') is right, (char, text)


def test_detours_are_shared():
    a, b = string_literal("banana", ANY), string_literal("an/a", ANY)
    assert a.respelling is b.respelling is not None
    assert a.ways[1][2] is a.ways[3][2] is b.ways[0][2]
    assert a.ways[0][2].encoding is BYTES
    assert string_literal("é" * 2, ANY).detours[0][:2] == (1, 3)
    assert string_leaf(CharDFA.any(), ANY) is any_string(DEFAULT) is not any_string(COMPACT)
    assert string_leaf(CharDFA.of_string("a"), ANY, 0, 3) is string_leaf(CharDFA.of_strings(["a"]), ANY, 0, 3)
    assert number_leaf(CharDFA.of_string("1")) is number_leaf(CharDFA.of_strings(["1"]))


def test_values_of_different_types_stay_apart():
    assert not accepts(value_literal(0, ANY), "false")
    assert not accepts(value_literal(True, ANY), "1")
    assert not accepts(value_literal("1", ANY), "1")
    assert accepts(value_literal(1, DEFAULT), "1.0")
    assert accepts(value_literal(1.0, DEFAULT), "1")
    assert accepts(value_literal([1], DEFAULT), "[1.00]")
    assert value_literal(2.0, COMPACT).data == b"2"


@pytest.mark.parametrize("style", [DEFAULT, COMPACT, ANY], ids=lambda style: style.whitespace)
@pytest.mark.parametrize("count", [3, 200])
def test_enumerations(style, count):
    words = [f'w"{i}' for i in range(count)]
    values = [*words, 1, 1.0, 2.5, None, False, [1], {"a": "é"}, words[0]]
    expr = values_expr(values, style)
    for value in values:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        assert accepts(expr, text) is (style is not COMPACT or text != "1.0"), text
    for text in ("true", "2", '"w"', '"w\\"9999"', "[2]", '{"a":"e"}', "", "[]", "nul", "null "):
        assert not accepts(expr, text), text
    assert accepts(expr, '"\\u0077\\"1"') is (style is ANY)
    assert accepts(expr, '"w\\u00221"') is (style is not COMPACT)
    assert values_expr([], style) is NEVER


def test_members_in_any_order():
    value = {"a": 1, "b": [2], "c": {"x": None, "y": "z"}}
    free, fixed = (value_literal(value, COMPACT, order=order) for order in ("any", "schema"))
    for order in itertools.permutations(value):
        text = json.dumps({key: value[key] for key in order}, separators=(",", ":"))
        assert accepts(free, text)
        assert accepts(fixed, text) is (list(order) == list(value))
    assert accepts(free, '{"c":{"y":"z","x":null},"a":1,"b":[2]}')
    for wrong in ('{"a":1,"b":[2]}', '{"a":1,"a":1,"b":[2]}', '{"a":1,"b":[2],"c":{"x":null,"y":"z"},}', "{}"):
        assert not accepts(free, wrong)
    assert isinstance(value_literal({str(i): i for i in range(60)}, DEFAULT, order="any"), Seq)  # 60! orders, none of them made yet


def test_deep_constants():
    value = []
    for _ in range(3000):
        value = [value]
    assert isinstance(value_literal(value, JsonStyle.of("indent=1")), Seq)  # no RecursionError
    assert accepts(value_literal([[[[[[[[[[[[1]]]]]]]]]]]], COMPACT), "[" * 12 + "1" + "]" * 12)
    assert accepts(value_literal([[[[[[[[[[[[1]]]]]]]]]]]], JsonStyle.of("indent=1")), json.dumps([[[[[[[[[[[[1]]]]]]]]]]]], indent=1))


@pytest.mark.parametrize("text", ["\ud800", "a\udc00b", "\udc00\ud800", "x" * 80 + "\ud800"])
def test_lone_surrogates_are_refused(text):
    for style in (ANY, COMPACT):
        with pytest.raises(UnsupportedFeature, match="lone surrogate"):
            string_literal(text, style)


def test_what_is_no_json_value():
    with pytest.raises(GrammarError, match="no JSON value"):
        value_literal({1, 2}, DEFAULT)
    with pytest.raises(GrammarError, match="no key"):
        value_literal({1: 2}, DEFAULT)
    with pytest.raises(OptionError, match="not a finite number"):
        value_literal([float("nan")], DEFAULT)
