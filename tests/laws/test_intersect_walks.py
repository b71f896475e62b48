"""Laws of `ir.intersect`: an expression under a condition has the texts of both, and no beginning of a text that has no end.

Judges: the slow recogniser of expressions, automata over characters, derivatives; and distances, which find an end or none."""

from __future__ import annotations

from contextlib import suppress
from random import Random

from recognize import accepts as recognised
from test_walks import examples
from worlds import dfa, entries, expression, mutated, pattern, pieces

from structgen.automata.machine import ByteAutomaton
from structgen.automata.symbols import Symbols
from structgen.constraint.automaton import TokenAutomaton
from structgen.constraint.protocol import unpack
from structgen.errors import BudgetExceeded, EmptyLanguage, OptionError, UnsupportedFeature
from structgen.frontends.regex import regex_dfa
from structgen.ir.examples import texts
from structgen.ir.expr import NEVER, Expr, Lit, Seq
from structgen.ir.intersect import intersect
from structgen.ir.regular import CharDFA
from structgen.vocab.vocabulary import Vocabulary

BYTES = Vocabulary.from_bytes([*(bytes([b]) for b in range(256)), b"stop", b"<t>", b"<u>"], eos=[256], special={"<t>": 257, "<u>": 258})


def condition(rng: Random) -> CharDFA:
    kind = rng.randrange(4)
    if kind == 0:
        return dfa(rng)
    if kind == 1:
        return ~dfa(rng)
    found = regex_dfa(pattern(rng, 2), search=kind == 2)
    return ~found if rng.random() < 0.5 else found


def forbidden(rng: Random) -> CharDFA:
    """Texts without some words."""
    words = ["".join(rng.choices('ab"1:é,', k=rng.randrange(1, 4))) for _ in range(rng.randrange(1, 3))]
    return ~(CharDFA.any() + CharDFA.of_strings(words) + CharDFA.any())


def some_texts(expr: Expr, seed: int) -> list[bytes]:
    with suppress(BudgetExceeded, UnsupportedFeature, EmptyLanguage, OptionError):
        return [text.encode() for text in texts(expr, 12, seed=seed, max_length=60)]
    return []


def in_both(expr: Expr, wanted: CharDFA, data: bytes) -> bool:
    return wanted.matches(data.decode()) and recognised(expr, data)


def is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def may_end(automaton: TokenAutomaton, tokens: list[int], most: int = 100) -> bool:
    """Whether an end is found behind these tokens; also where too much would have to be looked at."""
    start = automaton.start()
    for token in tokens:
        start = automaton.advance(start, token)
    found = [start]
    for state in found:  # grows
        if automaton.accepts(state) or len(found) > most:
            return True
        after = {automaton.advance(state, int(token)) for token in unpack(automaton.mask(state))}
        found += after.difference(found)
    return False


def check(expr: Expr, wanted: CharDFA, seed: int) -> str:
    rng = Random(seed)
    try:
        made = intersect(expr, wanted)
    except (UnsupportedFeature, BudgetExceeded) as error:
        return type(error).__name__
    candidates = some_texts(expr, seed)
    if made is NEVER:
        assert not any(in_both(expr, wanted, data) for data in candidates)
        return "empty"
    machine = ByteAutomaton(made, symbols=Symbols(BYTES))
    found = some_texts(made, seed)
    for data in found:
        assert in_both(expr, wanted, data), data
    for data in filter(is_text, [*candidates, *(mutated(rng, one, pieces()) for one in [*candidates, *found])]):
        assert machine.accepts(data) == in_both(expr, wanted, data), data
    automaton, whole = TokenAutomaton(machine, BYTES), TokenAutomaton(ByteAutomaton(expr, symbols=Symbols(BYTES)), BYTES)
    for _ in range(3):
        state, tokens = automaton.start(), list[int]()
        for _ in range(15):
            onward = [int(t) for t in unpack(automaton.mask(state)) if t not in BYTES.stop_ids]
            assert may_end(automaton, tokens) or not may_end(whole, tokens), tokens
            if not onward:
                break
            tokens.append(rng.choice(onward))
            state = automaton.advance(state, tokens[-1])
    return "checked"


@examples(100)
def test_expressions_under_conditions(seed: int) -> None:
    rng = Random(seed)
    check(expression(rng), condition(rng), seed)


@examples(60)
def test_lists_under_conditions(seed: int) -> None:
    rng = Random(seed)
    check(Seq((entries(rng, 2, ()), Lit(b"!"))), forbidden(rng) if rng.random() < 0.8 else condition(rng), seed)
