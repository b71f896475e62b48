"""Special tokens in grammars: `sg.special`, combined with text, as masks see them."""

from __future__ import annotations

import pickle
import re
from itertools import product
from random import Random
from typing import Any

import numpy as np
import pytest

import structgen as sg
from structgen.automata.symbols import token_runs
from structgen.constraint.automaton import TokenAutomaton
from structgen.constraint.protocol import ENDED, unpack
from structgen.errors import OptionError, UnsupportedFeature, VocabularyError
from structgen.vocab.vocabulary import Vocabulary

# ids        0     1     2      3       4       5         6     7     8
TOKENS = [b"a", b"b", b"ab", b"<", b"think", b">", b"</think>", b"", b""]
VOCAB = Vocabulary.from_bytes(TOKENS, eos=8, special={"<think>": 7, "<end>": 8})


def allowed(automaton: TokenAutomaton, *tokens: int) -> list[int]:
    state = automaton.start()
    for token in tokens:
        state = automaton.advance(state, token)
        assert state
    return unpack(automaton.mask(state)).tolist()


def test_alone_and_combined() -> None:
    one = sg.special("<think>")
    assert allowed(sg.compile(one, VOCAB)) == [7]
    assert allowed(sg.compile(one, VOCAB), 7) == [8]
    both = sg.compile(one.optional() + sg.choice(["ab"]) + sg.special(7), VOCAB)
    assert allowed(both) == [0, 2, 7]
    assert allowed(both, 7) == [0, 2]
    assert allowed(both, 2) == [7]
    assert allowed(both, 2, 7) == [8]
    either = sg.compile(one.repeat(2, 3) | sg.choice(["b"]), VOCAB)
    assert [allowed(either, *[7] * n) for n in range(4)] == [[1, 7], [7], [7, 8], [8]]


def test_the_spelling_passes_only_where_it_is_asked_for() -> None:
    assert allowed(sg.compile(sg.special("<think>"), VOCAB)) == [7]
    spelled = sg.compile(sg.special("<think>", spelled=True), VOCAB)
    assert allowed(spelled) == [3, 7]
    assert allowed(spelled, 3, 4, 5) == allowed(spelled, 7) == [8]
    assert sg.special("<think>", spelled=True).accepts("<think>")
    assert not sg.special("<think>").accepts("<think>")


def test_a_token_that_is_named_is_no_text() -> None:
    grammar = sg.regex("(?s:.*)") + sg.special(6) + sg.choice(["b", "</think>"])
    automaton = sg.compile(grammar, VOCAB)
    assert allowed(automaton, 6) == [1, 3]
    assert allowed(automaton, 0, 6, 1) == [8]
    assert 6 in allowed(sg.compile(sg.regex("(?s:.*)"), VOCAB))


def test_what_goes_on_as_itself_or_as_text_does_both() -> None:
    automaton = sg.compile(sg.choice(["ab", "b"]) + sg.special(0) | sg.special(others=True).repeat(2, 2) + sg.choice(["bb"]), VOCAB)
    assert allowed(automaton) == [0, 1, 2, 3, 4, 5, 6, 7]
    assert allowed(automaton, 1) == [0, 1, 2, 3, 4, 5, 6, 7]
    assert allowed(automaton, 1, 0) == [1, 8]
    assert allowed(automaton, 2, 0) == [1, 8]
    assert allowed(automaton, 3, 0) == [1]
    assert automaton.distance(automaton.start()) == 2


def test_budgets_of_tokens() -> None:
    bounded = sg.compile(sg.special(6, others=True).repeat(0, 2) + sg.special(6), VOCAB)
    assert allowed(bounded) == allowed(bounded, 7) == [0, 1, 2, 3, 4, 5, 6, 7]
    assert allowed(bounded, 7, 0) == [6]
    assert allowed(bounded, 0, 6) == [8]


def test_forced_tokens_go_through_special_ones() -> None:
    automaton = sg.compile(sg.choice(["ab"]) + sg.special("<think>") + sg.choice(["abb", "aba"]), VOCAB)
    assert automaton.forced(automaton.start()) == [2, 7, 2]
    assert automaton.distance(automaton.start()) == 4
    either = sg.compile(sg.choice(["a"]) + sg.special(6, 7), VOCAB)
    assert either.forced(either.start()) == [0]
    spelled = sg.compile(sg.choice(["bab"]) + sg.special(2), VOCAB)  # the text is not forced to be the token that is named
    assert spelled.forced(spelled.start()) == [1]
    assert allowed(spelled, 1) == [0]


def test_every_vocabulary_gives_its_own_ids() -> None:
    grammar = sg.special("<think>") + sg.choice(["a"])
    other = Vocabulary.from_bytes([b"", b"a", b""], eos=2, special={"<think>": 0})
    assert allowed(sg.compile(grammar, VOCAB)) == [7]
    assert allowed(sg.compile(grammar, other)) == [0]
    assert allowed(sg.compile(grammar, VOCAB), 7) == [0]
    again = pickle.loads(pickle.dumps(sg.compile(grammar, other)))
    assert allowed(again, 0) == [1]


def test_other_stop_ids_need_no_other_byte_automaton() -> None:
    grammar = sg.special("<think>") + sg.choice(["a"])
    first, second = sg.compile(grammar, VOCAB), sg.compile(grammar, VOCAB, stop=[5])
    assert first.machine is second.machine is sg.compile(grammar, VOCAB).machine
    assert (allowed(first, 7, 0), allowed(second, 7, 0)) == ([8], [5])
    others = sg.special("<think>", others=True) + sg.choice(["a"])  # what stops is none of the others
    first, second = sg.compile(others, VOCAB), sg.compile(others, VOCAB, stop=[5])
    assert first.machine is not second.machine
    assert (5 in allowed(first), 5 in allowed(second)) == (True, False)


def test_what_the_vocabulary_lacks_is_said_when_compiling() -> None:
    with pytest.raises(VocabularyError, match="<none>"):
        sg.compile(sg.choice(["a"]) + sg.special("<none>"), VOCAB)
    with pytest.raises(VocabularyError, match="no token 9"):
        sg.compile(sg.special(9) | sg.choice(["a"]), VOCAB)


@pytest.mark.parametrize("tokens", [(), (-1,), (True,), (1.5,), (range(3, 3),), (range(0, 9, 2),)])
def test_what_is_no_token(tokens: tuple[object, ...]) -> None:
    with pytest.raises(OptionError, match="token"):
        sg.special(*tokens)  # type: ignore[arg-type]


def test_only_spellings_can_be_spelled() -> None:
    with pytest.raises(OptionError, match="spelled"):
        sg.special(7, spelled=True)


def test_texts_have_no_special_tokens() -> None:
    grammar = sg.special("<think>").optional() + sg.choice(["ab"])
    assert grammar.accepts("ab")
    assert not grammar.accepts("<think>ab")
    assert (sg.special("<think>") | sg.choice(["ab"])).examples(2, seed=1) == ["ab", "ab"]
    assert grammar.explain("").expected == ("'a'", "token <think>")
    assert sg.special(range(1, 3), others=True).explain("").expected == ("any token but 1 to 2",)
    with pytest.raises(UnsupportedFeature, match="special token"):
        sg.special("<think>").examples(1)
    with pytest.raises(UnsupportedFeature, match="regular"):
        _ = ~sg.special("<think>")


# ---- random grammars, judged by `re` over all ways to read the tokens ----

WORLD = Vocabulary.from_bytes([b"a", b"b", b"ab", b"ba", b"", b"a", b""], eos=[6, 3], special={"<t>": 4})


def drawn(rng: Random, depth: int) -> tuple[sg.Grammar, str]:
    """A grammar, and its regex, in which the character 256 + t is the token t."""
    kind = rng.randrange(7 if depth else 3)
    if kind == 0:
        text = rng.choice(["a", "b", "ab", "bba"])
        return sg.choice([text]), text
    if kind <= 2:
        others = rng.random() < 0.4
        tokens = rng.choice([["<t>"], [rng.randrange(6)], [range(1, 3)], [0, "<t>"], [range(4, 6), 2]])
        ids = {t for one in tokens for t in ([4] if one == "<t>" else [one] if isinstance(one, int) else one)}
        if others:
            ids = {0, 1, 2, 4, 5} - ids  # 3 and 6 end texts
        return sg.special(*tokens, others=others), "[" + "".join(chr(256 + t) for t in ids) + "]"
    (a, left), (b, right) = drawn(rng, depth - 1), drawn(rng, depth - 1)
    if kind <= 4:
        return a + b, f"(?:{left})(?:{right})"
    if kind == 5:
        return a | b, f"(?:{left}|{right})"
    return a.repeat(1, 2), f"(?:{left}){{1,2}}"


@pytest.mark.parametrize("seed", range(40))
def test_tokens_are_read_in_every_way_there_is(seed: int) -> None:
    grammar, pattern = drawn(Random(seed), 3)
    automaton, judge = sg.compile(grammar, WORLD), re.compile(pattern)
    named = {t for one in grammar.language.specials if not one.others for low, high in token_runs(one, WORLD) for t in range(low, high + 1)}
    for count in range(4):
        for tokens in product(range(6), repeat=count):
            state = automaton.start()
            for token in tokens:
                after = automaton.advance(state, token)
                assert bool(after) == (token in unpack(automaton.mask(state)))
                state = after
            ways = [[chr(256 + t), *([WORLD.tokens[t].decode()] if WORLD.tokens[t] and t not in named else [])] for t in tokens]
            wanted = any(judge.fullmatch("".join(way)) for way in product(*ways))
            assert automaton.accepts(state) == wanted or 3 in tokens, (pattern, tokens)  # 3 also ends texts


CALLS = Vocabulary.from_bytes(
    [*(bytes([i]) for i in range(256)), b"", b"", b"<call>", b""], eos=259, special={"<a>": 256, "<b>": 257, "<end>": 259}
)


def value(grammar: sg.Grammar, *pieces: int | str) -> Any:
    """What the automaton makes of special tokens and text, which the grammar has to allow."""
    tokens = [token for piece in pieces for token in ([piece] if isinstance(piece, int) else piece.encode())]
    automaton = sg.compile(grammar, CALLS)
    assert 259 in allowed(automaton, *tokens)
    return automaton.decode(tokens)


def test_special_tokens_beside_values_leave_them_as_they_are() -> None:
    number, pair, word = sg.json_schema({"type": "integer"}), sg.python_type(tuple[int, int]), sg.regex("[a-z]+")
    a, b, call = sg.special("<a>"), sg.special("<b>"), sg.special(258)  # the last one is text where no grammar names it
    for grammar, pieces, expected in [
        (a + number, (256, "12"), 12),
        (call + number + b, (258, "12", 257), 12),
        (b.repeat(0, 2) + (a | b) + pair + b.optional(), (257, 257, 256, "[1, 2]"), (1, 2)),
        ((a + number) | (b + pair), (257, "[1, 2]"), (1, 2)),
        ((a + sg.json_schema(True)) | (b + pair), (256, "[1, 2]"), [1, 2]),
        ((a + sg.json_schema(True)) | (b + pair), (257, "[1, 2]"), (1, 2)),
        (a.optional() + ((a + sg.json_schema(True)) | (b + pair)) + b, (256, 257, "[1, 2]", 257), (1, 2)),
        (a.optional() + ((a + sg.json_schema(True)) | (b + pair)) + b, (256, "[1, 2]", 257), [1, 2]),
        ((a + number).optional(), (256, "12"), 12),
        ((a + number).optional(), (), None),
        ((call + number) | word, ("call",), "call"),
        (a + word + b, (256, "ab", 257), "ab"),
        (call + word, (258, "ab"), "<call>ab"),
        (a + number + sg.choice([";"]), (256, "12;"), "12;"),
        (sg.special("<a>", spelled=True) + number, (256, "12"), "12"),
    ]:  # fmt: skip
        assert value(grammar, *pieces) == expected, pieces
    assert (a + number).decode("12") == 12
    assert ((a + number) | word).decode("ab") == "ab"


def test_generations_and_streams_have_the_values_of_tool_calls() -> None:
    grammar = sg.special(258) + sg.json_schema({"type": "array", "items": {"const": 3}, "minItems": 2, "maxItems": 2}) + sg.special("<b>")
    model = sg.load((lambda rows: np.zeros((len(rows), CALLS.size)), CALLS))
    result = model.generate("x", grammar)
    assert (result.value, result.tokens[0], result.tokens[-1]) == ([3, 3], 258, 257)
    parts = list(model.stream("x", grammar))
    assert [(part.path, part.value) for part in parts if part.path is not None] == [((0,), 3), ((1,), 3), ((), [3, 3])]
    assert parts[-1].result.value == [3, 3]


def test_other_stop_ids_share_what_they_can() -> None:
    automaton = sg.compile(sg.regex("[ab]+"), VOCAB)
    other = automaton.with_stop(["<end>", 1])
    assert other is automaton.with_stop([8, 1])
    assert automaton.with_stop(8) is automaton
    assert other.machine is automaton.machine
    assert (allowed(other), allowed(other, 0)) == ([0, 2], [0, 1, 2, 8])
    assert (allowed(automaton), allowed(automaton, 0)) == ([0, 1, 2], [0, 1, 2, 8])
    assert other.advance(other.advance(other.start(), 2), 1) == ENDED
    again = pickle.loads(pickle.dumps(other))
    assert (again.vocabulary.stop_ids, allowed(again, 0)) == ((8, 1), [0, 1, 2, 8])
    for stop in range(9):  # many requests, each with its own
        automaton.with_stop(stop)
    assert automaton.with_stop([8, 1]) is not other


def test_other_stop_ids_are_not_among_any_token_but_these() -> None:
    grammar = sg.special("<think>", others=True).repeat(2, 2)
    for automaton in (sg.compile(grammar, VOCAB).with_stop(3), sg.compile(grammar, VOCAB, stop=3), sg.compile(grammar, VOCAB.with_stop(3))):
        assert allowed(automaton) == [0, 1, 2, 4, 5, 6, 8]
        assert allowed(automaton, 8, 0) == [3]
    named = sg.compile(sg.special(7) + sg.choice(["a"]), VOCAB)
    assert allowed(named.with_stop(7)) == [7]
    assert allowed(named.with_stop(7), 7, 0) == [7]
    assert named.with_stop(7).machine is named.machine
