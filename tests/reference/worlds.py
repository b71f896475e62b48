"""Small worlds for the laws: random expressions, toy vocabularies that suit them, and the walk that holds an automaton against its twin."""

from __future__ import annotations

import json
from contextlib import suppress
from itertools import takewhile
from random import Random
from typing import Any

from derive import Config, TooWide, Twin
from recognize import accepts as recognised

from structgen.automata.machine import ByteAutomaton
from structgen.automata.symbols import Symbols
from structgen.constraint.automaton import TokenAutomaton
from structgen.constraint.protocol import unpack
from structgen.errors import BudgetExceeded, EmptyLanguage, RegexError
from structgen.frontends.jsonschema.spell import string_leaf, string_literal
from structgen.frontends.jsonschema.style import JsonStyle
from structgen.frontends.jsonschema.without import without
from structgen.frontends.regex import regex
from structgen.ir.chars import ANY, normal
from structgen.ir.encoding import BYTES, JSON, UTF8, Encoding
from structgen.ir.expr import (
    EPSILON,
    NEVER,
    Alt,
    Bind,
    Entries,
    Expr,
    Known,
    Leaf,
    Lit,
    Minus,
    Net,
    Other,
    Repeat,
    Rule,
    Seq,
    Special,
    Strings,
)
from structgen.ir.regular import CharDFA
from structgen.vocab.vocabulary import Vocabulary

LETTERS = "abcé€😀"
SPECIAL = "<t>"


def vocabulary(rng: Random, pieces: list[bytes], most: int = 40) -> Vocabulary:
    """12 to `most` tokens: single bytes of the pieces, longer cuts of random joins (through characters too), duplicates, empty ones, two
    stop ids and two special tokens, in random order. Sometimes a single byte is missing."""
    singles = sorted({bytes([b]) for piece in pieces for b in piece})
    rng.shuffle(singles)
    tokens: list[bytes | None] = list(singles[: most - 9])
    if rng.random() < 0.2:
        tokens.pop()
    for _ in range(rng.randrange(6, 3 + max(7, most - len(tokens) - 4))):
        joined = b"".join(rng.choice(pieces) for _ in range(rng.randrange(1, 5)))
        low = rng.randrange(len(joined)) if joined else 0
        tokens.append(joined[low : low + rng.randrange(1, 9)])
    tokens += [rng.choice(singles), b"", None, b"stop", b"stop too", b"<t>", b"<u>"]
    rng.shuffle(tokens)
    eos = [tokens.index(b"stop"), tokens.index(b"stop too")]
    special = {"<t>": tokens.index(b"<t>"), "<u>": tokens.index(b"<u>")}
    return Vocabulary.from_bytes(tokens, eos=eos, special=special)


# ---- expressions ----


def charset(rng: Random) -> tuple[tuple[int, int], ...]:
    if rng.random() < 0.15:
        return ANY
    return normal((ord(c), ord(c)) for c in rng.sample(LETTERS, rng.randrange(1, 4)))


def dfa(rng: Random, depth: int = 2) -> CharDFA:
    """A random automaton over characters, not empty."""
    kind = rng.randrange(8) if depth else 0
    if kind <= 1:
        return CharDFA.of_chars(charset(rng))
    if kind == 2:
        return CharDFA.of_strings(["".join(rng.choices(LETTERS, k=rng.randrange(4))) for _ in range(rng.randrange(1, 4))])
    a = dfa(rng, depth - 1)
    if kind == 3:
        low = rng.randrange(3)
        return a.repeat(low, rng.choice([None, low + rng.randrange(3)]))
    if kind == 4:
        return a.optional()
    b = dfa(rng, depth - 1)
    made = a + b if kind == 5 else a | b if kind == 6 else a - b
    return a if made.is_empty else made


def leaf(rng: Random) -> Leaf:
    """A random leaf with random bounds, not empty."""
    one = dfa(rng)
    kind, escapes = rng.choice([UTF8, UTF8, JSON, JSON, BYTES]), rng.choice(["any", "minimal"])
    encoding = kind if isinstance(kind, Encoding) else kind[escapes]
    shortest, longest = one.min_length() or 0, one.max_length()
    if encoding is BYTES:
        return Leaf(CharDFA.of_strings(["a", "ab"]) | CharDFA.of_chars([(0xE0, 0xFF)]), BYTES)
    kind = rng.randrange(4)
    if kind == 0 or (longest is not None and kind < 3):
        return Leaf(one, encoding)
    lengths = [n for n in range(12) if not one.with_lengths(n, n).is_empty]
    if not lengths:
        return Leaf(one, encoding)
    at = rng.choice(lengths)
    low = rng.choice([0, at, max(0, at - 1)])
    high = rng.choice([None, at, at + 1, at + rng.choice([20, 90, 5000])])
    if low <= shortest and high is None and rng.random() < 0.5:
        high = at + 70
    return Leaf(one, encoding, low=low, high=high)


def literal(rng: Random) -> Lit:
    text = "".join(rng.choices(LETTERS, k=rng.randrange(4)))
    if rng.random() < 0.3:
        return string_literal(text + rng.choice(['"', "/", "\n", "a", ""]), JsonStyle.of(rng.choice(["any", "compact"])))
    return Lit(text.encode())


def minus(rng: Random) -> Minus:
    """JSON strings without some (infinitely many are left behind every prefix)."""
    style = JsonStyle.of("any")
    texts = ["".join(rng.choices("ab€", k=rng.randrange(4))) for _ in range(rng.randrange(1, 5))]
    chars = CharDFA.any() if rng.random() < 0.5 else CharDFA.of_chars(normal((ord(c), ord(c)) for c in "abcé€"))
    return Minus(
        Leaf(chars.repeat() if chars != CharDFA.any() else chars, JSON["any"]), Alt(tuple(string_literal(t, style) for t in texts))
    )


def bounded_minus(rng: Random) -> Expr:
    """Strings of few characters without some, down to the last ones."""
    style = JsonStyle(escapes=rng.choice(["any", "minimal"]))
    dfa = rng.choice([CharDFA.any(), CharDFA.of_chars(normal((ord(c), ord(c)) for c in rng.sample(LETTERS, 2))).repeat()])
    low = rng.randrange(3)
    leaf = string_leaf(dfa, style, low, low + rng.randrange(1, 3))
    found = without(leaf, ["".join(rng.choices("abé", k=rng.randrange(4))) for _ in range(rng.randrange(1, 7))], style)
    assert found is not None
    return leaf if found is NEVER else found


def distinct(rng: Random) -> Rule:
    """A list of words of which no two are equal; the words are leaves or grammars."""
    word = CharDFA.of_chars(normal((ord(c), ord(c)) for c in rng.sample("abé", 2))).repeat(rng.randrange(2), rng.choice([None, 3]))
    encoding, separator = rng.choice([UTF8, JSON["any"]]), Lit(b",")
    around = rng.choice([b"", b"", b"", b"[a"])  # the text of a bind may hold more than the word
    rules: dict[object, Rule] = {}

    def words(seen: frozenset[str], sure: bool) -> Rule:
        key = seen, sure
        if key not in rules:
            rules[key] = Rule(lambda: body(seen, sure), "words")
        return rules[key]

    def body(seen: frozenset[str], sure: bool) -> Expr:
        left = word - CharDFA.of_strings(sorted(seen)) if seen else word

        def then(text: bytes) -> Expr:
            data = text[len(around) :].decode()
            return rest(seen | {json.loads(data) if encoding.is_quoted else data}, True)

        # behind the first word, what follows directly is the same for every word
        return Bind(Seq((Lit(around), Leaf(left, encoding))), then if sure else None, rest(seen, False), sure=sure and not seen)

    def rest(seen: frozenset[str], sure: bool) -> Expr:
        key = "rest", seen, sure
        if key not in rules:
            more = len(seen) < 3 and not (word - CharDFA.of_strings(sorted(seen))).is_empty
            rules[key] = Rule(lambda: Alt((EPSILON, Seq((separator, words(seen, sure))))) if more else EPSILON, "rest")
        return rules[key]

    return words(frozenset(), True)


def entries(rng: Random, depth: int, rules: tuple[Rule, ...]) -> Expr:
    """A list of entries with distinct keys: JSON strings, plain words up to an equals sign, or JSON arrays."""
    if rng.random() < 0.2:
        one = Alt((Lit(b"1"), Lit(b"1.0"), Leaf(CharDFA.of_chars([(97, 98)]).repeat(), JSON["any"]), Lit(b"[]")))
        end = Leaf(CharDFA.of_chars([(32, 32)]).repeat(0, 2) + CharDFA.of_string("]")) if rng.random() < 0.5 else Lit(b"]")
        item = Seq((Lit(b"["), one, Repeat(Seq((Lit(b","), one))), end))
        low = rng.randrange(1, 3)
        return Entries([], [Other(item, EPSILON)], Lit(b","), low, rng.choice([None, low + 1]), alike="values")
    quoted = rng.random() < 0.7
    style = JsonStyle.of(rng.choice(["any", "compact"]))
    names = rng.sample(["a", "b", "ab", "é", ""] if quoted else ["A", "AB", "B"], rng.randrange(4) if quoted else rng.randrange(3))

    def value() -> Expr:
        inner = rng.choice([EPSILON, Lit(b"1"), expression(rng, min(depth - 1, 1), rules)])
        return Seq((Lit(b":" if quoted else b"="), inner))

    def key(name: str) -> Expr:
        return string_literal(name, style) if quoted else Lit(name.encode())

    known = [Known(key(name), value(), rng.random() < 0.4) for name in names]
    others: list[Other] = []
    if rng.random() < 0.7 or not known:
        letters = CharDFA.of_chars(normal((ord(c), ord(c)) for c in rng.choice(["ab", "abé", "a"]))).repeat(not quoted)
        if not quoted and rng.random() < 0.5:
            letters = letters + CharDFA.of_string(rng.choice([";", "c="]))  # ends where nothing else may follow in the leaf
        free: Expr = Leaf(letters, JSON[style.escapes] if quoted else UTF8)
        if quoted and names:
            free = Minus(free, Alt(tuple(string_literal(name, JsonStyle.of("any")) for name in names)))
        others.append(Other(free, value()))
        if quoted and rng.random() < 0.2:
            others.append(Other(Leaf(CharDFA.of_chars([(99, 99)]).repeat(1), JSON["any"]), value()))
    low = rng.choice([1, 1, 2]) if others else rng.randrange(1, len(known) + 1)
    high = rng.choice([None, None, max(low, sum(one.required for one in known)) + rng.randrange(2)])
    return Entries(known, others, Lit(rng.choice([b",", b"a"])), low, high, alike="strings" if quoted else "bytes")


def echo(rng: Random, depth: int) -> Expr:
    """A text, a mark, and the text once more: closing tags."""
    inner = expression(rng, min(depth, 1))
    kept: dict[bytes, Expr] = {}
    mark = Lit(rng.choice([b"a", b"(", b"]"]))
    anything = Repeat(Alt((Special(SPECIAL), Leaf(CharDFA.of_chars([(0, 255)]), BYTES))))

    def then(text: bytes) -> Expr:
        return kept.setdefault(text, Seq((mark, Lit(text))))

    return Bind(inner, then, Seq((mark, anything)), sure=False)


def expression(rng: Random, depth: int = 3, rules: tuple[Rule, ...] = ()) -> Expr:
    """A random expression: not empty, not left-recursive."""
    kind = rng.randrange(17) if depth else rng.randrange(4)
    if kind == 16:
        return entries(rng, depth, rules)
    if kind == 14:
        return distinct(rng)
    if kind == 15:
        return echo(rng, depth)
    if kind <= 1:
        return leaf(rng)
    if kind == 2:
        return literal(rng)
    if kind == 3:
        return Strings(
            [b"".join(rng.choice([b"a", b"b", "é".encode()]) for _ in range(rng.randrange(5))) for _ in range(rng.randrange(1, 12))]
        )
    if kind == 4:
        return minus(rng) if rng.random() < 0.5 else bounded_minus(rng)
    if kind == 5:
        return Special(SPECIAL)
    if kind <= 7:
        return Seq([expression(rng, depth - 1, rules) for _ in range(rng.randrange(4))])
    if kind <= 9:
        return Alt([expression(rng, depth - 1, rules) for _ in range(rng.choice([1, 2, 3, 3, 9]))])
    if kind == 10:
        low = rng.choice([0, 0, 1, 2, 3])
        return Repeat(expression(rng, depth - 1, rules), low, rng.choice([None, low, low + 1, low + 4]))
    if kind == 11:
        return net(rng, depth, rules)
    if kind == 12 and rules:
        return Seq((Lit(rng.choice([b"(", b"a"])), rng.choice(rules), rng.choice([Lit(b")"), EPSILON, Lit(b"b")])))
    return recursive(rng, depth, rules)


def recursive(rng: Random, depth: int, rules: tuple[Rule, ...]) -> Rule:
    """A rule whose body may call it again, behind a byte."""
    seed = rng.randrange(1 << 30)

    def body() -> Expr:
        inner = Random(seed)
        base = expression(inner, 0)
        return Alt((base, Seq((Lit(inner.choice([b"(", b"a", b"["])), expression(inner, depth - 1, (*rules, rule))))))

    rule = Rule(body, f"r{seed % 1000}")
    return rule


def net(rng: Random, depth: int, rules: tuple[Rule, ...]) -> Net:
    """A chain of nodes with free and labelled edges in between, some of them back."""
    size = rng.randrange(2, 5)
    edges: list[tuple[int, Expr | None, int]] = [(i, expression(rng, depth - 1, rules), i + 1) for i in range(size - 1)]
    for _ in range(rng.randrange(4)):
        a, b = rng.randrange(size), rng.randrange(size)
        edges.append((a, None if rng.random() < 0.3 else expression(rng, 0), b))
    return Net(size, edges, sorted({size - 1, rng.randrange(size)}))


def pieces() -> list[bytes]:
    """What random expressions speak of."""
    texts = [
        *LETTERS,
        '"',
        "\\",
        "\\u",
        "00",
        "61",
        "0",
        "6",
        "1",
        "(",
        "[",
        ")",
        "n",
        "/",
        "20ac",
        "d8",
        ",",
        "]",
        "=",
        ":",
        "A",
        "B",
        '"a":',
        '"b":1,"',
    ]
    return [t.encode() for t in texts] + [b"\xe0", b"\xff"]


def pattern(rng: Random, depth: int = 3) -> str:
    """A random regular expression in the syntax that `re` and ours share."""
    kind = rng.randrange(9) if depth else 0
    if kind <= 1:
        return rng.choice([*LETTERS, ".", "[ab]", "[^a]", r"\w", r"\d", "[é-😀]", "ab"])
    a = pattern(rng, depth - 1)
    if kind <= 3:
        return a + pattern(rng, depth - 1)
    if kind == 4:
        return f"(?:{a}|{pattern(rng, depth - 1)})"
    if kind == 5:
        return f"(?:{a}){rng.choice('*+?')}"
    if kind == 6:
        low = rng.randrange(4)
        return f"(?:{a}){{{low},{rng.choice([low, low + 2, ''])}}}"
    if kind == 7:
        return f"(?{rng.choice('=!')}{a}){pattern(rng, depth - 1)}"
    return f"(?:{a})?"


def regex_expression(source: str) -> Expr | None:
    """The expression of a pattern, None where it is refused or matches nothing."""
    try:
        return regex(source).start
    except (EmptyLanguage, RegexError):
        return None


# ---- the walk ----


def walk(automaton: TokenAutomaton, twin: Twin, rng: Random, steps: int, deep: bool = False) -> list[bytes]:
    """A random walk under the masks, every state held against the twin. Returns the finished texts without special tokens in them."""
    vocab = automaton.vocabulary
    finished: list[bytes] = []
    state, config, text = automaton.start(), twin.start, b""
    for _ in range(steps):
        allowed = unpack(automaton.mask(state)).tolist()
        try:
            expected = twin.allowed(config, vocab)
        except TooWide:
            return finished
        assert allowed == expected, (text, [vocab.bytes_of(t) for t in {*allowed} ^ {*expected}])
        after = [automaton.advance(state, t) for t in range(vocab.size)]
        assert [t for t in range(vocab.size) if after[t]] == allowed, text
        assert after == [automaton.advance(state, t) for t in range(vocab.size)]
        assert automaton.accepts(state) == twin.accepts(config), text
        assert automaton.accepts(state) == all(t in allowed for t in vocab.stop_ids)
        assert all(automaton.accepts(after[t]) for t in vocab.stop_ids if after[t])
        if deep:
            with suppress(TooWide):
                check_forced(automaton, twin, state, config)
                check_distance(automaton, twin, state, config)
        if automaton.accepts(state) and b"\0special" not in text:
            finished.append(text)
        names = {i: name for name, i in vocab.special.items()}
        onward = [t for t in allowed if t not in vocab.stop_ids]
        if not onward or rng.random() < 0.1:
            state, config, text = automaton.start(), twin.start, b""
            continue
        token = rng.choice(onward)
        state = after[token]
        if vocab.bytes_of(token):
            config, text = twin.read_all(config, vocab.bytes_of(token)), text + vocab.bytes_of(token)
        else:
            config, text = twin.step(config, names[token]), text + b"\0special"
    return finished


def next_symbols(twin: Twin, config: Config) -> list[int | str]:
    return [s for s in [*range(256), SPECIAL, "<u>"] if twin.step(config, s)]


def check_forced(automaton: TokenAutomaton, twin: Twin, state: int, config: Config) -> None:
    """Forced tokens are in every mask on their way, and their bytes are the only continuation; so are forced bytes, and no more are."""
    vocab = automaton.vocabulary
    tokens = automaton.forced(state)
    names = {i: name for name, i in vocab.special.items()}
    symbols: list[int | str] = []
    whole = automaton.forced_bytes(state)
    for token in tokens:
        assert token in unpack(automaton.mask(state))
        state = automaton.advance(state, token)
        symbols += vocab.bytes_of(token) or [names[token]]
    assert whole[: len(symbols)] == bytes(takewhile(lambda symbol: isinstance(symbol, int), symbols))
    for text in (symbols, whole):
        here = config
        for symbol in text:
            assert not twin.accepts(here)
            assert next_symbols(twin, here) == [symbol]
            here = twin.step(here, symbol)
        assert bool(here)
    assert twin.accepts(here) or [*map(type, next_symbols(twin, here))] != [int]


def check_distance(automaton: TokenAutomaton, twin: Twin, state: int, config: Config, most: int = 3) -> None:
    """No text ends in fewer tokens than the exact `distance`, and one ends in so many (looked for up to `most` tokens)."""
    vocab = automaton.vocabulary
    try:
        claimed = automaton.distance(state, exact=True)
        assert automaton.distance(state) >= claimed
    except BudgetExceeded:  # tokens are missing to reach an end, and the states before it are endless
        return
    layer, seen = {config}, {config}
    names: list[Any] = [data for data in dict.fromkeys(vocab.tokens) if data]
    for count in range(min(claimed, most) + 1):
        ends = any(twin.accepts(one) for one in layer)
        assert ends == (count == claimed), (count, claimed)
        if ends or len(layer) > 60:
            return
        layer = {after for one in layer for data in names if (after := twin.read_all(one, data))} | {
            after for one in layer for name in vocab.special if (after := twin.step(one, name))
        }
        layer -= seen
        seen |= layer


def retokenised(rng: Random, vocab: Vocabulary, data: bytes) -> list[int] | None:
    """The text cut into tokens at random; None where chance found no way."""
    tokens: list[int] = []
    at = 0
    while at < len(data):
        fitting = [t for t in range(vocab.size) if vocab.bytes_of(t) and data.startswith(vocab.bytes_of(t), at)]
        if not fitting:
            return None
        tokens.append(rng.choice(fitting))
        at += len(vocab.bytes_of(tokens[-1]))
    return tokens


def mutated(rng: Random, data: bytes, alphabet: list[bytes]) -> bytes:
    """The text with one piece deleted, doubled, put in or replaced."""
    at = rng.randrange(len(data) + 1)
    return data[: at - rng.randrange(2) if at else 0] + rng.choice([b"", *alphabet]) + data[at:]


def check_world(expr: Expr, vocab: Vocabulary, rng: Random, steps: int, material: list[bytes], deep: bool = False) -> None:
    """All laws that need no outside judge, for one expression and one vocabulary."""
    machine = ByteAutomaton(expr, symbols=Symbols(vocab))
    automaton, twin = TokenAutomaton(machine, vocab), Twin(expr)
    finished = walk(automaton, twin, rng, steps, deep)
    fresh = ByteAutomaton(expr, symbols=Symbols(vocab))  # reads in another order than the walk unfolded
    second = TokenAutomaton(fresh, vocab)
    for text in dict.fromkeys(finished[-6:]):
        assert fresh.accepts(text)
        assert recognised(expr, text) if not has_special(expr) else True
        tokens = retokenised(rng, vocab, text)
        if tokens is not None:
            state = second.start()
            for token in tokens:
                assert token in unpack(second.mask(state))
                state = second.advance(state, token)
            assert second.accepts(state)
        other = mutated(rng, text, material)
        with suppress(TooWide):
            assert machine.accepts(other) == twin.accepts(twin.read_all(twin.start, other)), other
        if not has_special(expr):
            assert machine.accepts(other) == recognised(expr, other), other


def has_special(expr: Expr) -> bool:
    """Whether a special token occurs (bodies of rules are not looked into: they are random, and the twin knows them)."""
    match expr:
        case Special() | Rule():
            return True
        case Seq() | Alt():
            return any(map(has_special, expr.parts))
        case Repeat():
            return has_special(expr.body)
        case Net():
            return any(has_special(label) for _, label, _ in expr.edges if label is not None)
    return False
