"""The cursor of one sequence, against plain lists of states; and what it says of tokens that it refuses."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest

import structgen as sg
from structgen.automata.machine import ByteAutomaton
from structgen.automata.symbols import Symbols
from structgen.constraint.automaton import TokenAutomaton
from structgen.constraint.matcher import Matcher
from structgen.constraint.protocol import ENDED, Constraint, Unconstrained, unpack
from structgen.errors import OptionError, TokenRefused
from structgen.ir.expr import Alt, Lit, Seq, Special

# ids        0     1     2      3      4    5
TOKENS = [b"a", b"b", b"ab", b"<t>", b"", b"end"]
VOCAB = sg.Vocabulary.from_bytes(TOKENS, eos=[4, 5], special={"<t>": 3})


def compiled(pattern: str) -> sg.TokenAutomaton:
    return sg.compile(sg.regex(pattern), VOCAB)


@pytest.mark.parametrize("constraint", [compiled("(ab)*"), compiled("a(ab|b){2,5}b"), compiled("a*b"), Unconstrained(VOCAB)])
def test_it_goes_where_advance_goes(constraint: Constraint) -> None:
    rng = Random(7)
    matcher, states = Matcher(constraint), [constraint.start()]
    taken: list[int] = []
    others: list[tuple[Matcher, list[int]]] = []
    for _ in range(600):
        tokens = [rng.randrange(-1, 7) for _ in range(rng.randrange(4))]
        behind = states.copy()
        for token in tokens:
            behind.append(constraint.advance(behind[-1], token))
        legal = behind.index(0) - len(states) if 0 in behind else len(tokens)
        assert matcher.validate_tokens(tokens) == legal
        way = rng.randrange(5)
        if way == 0:
            assert matcher.accept_tokens(tokens) == (legal == len(tokens))
        elif way == 1 and legal < len(tokens):
            with pytest.raises(TokenRefused, match=f"token {len(states) - 1 + legal}\\b"):
                matcher.feed(tokens)
        elif way == 1:
            matcher.feed(tokens)
        elif way == 2:
            assert [matcher.accept(token) for token in tokens[: legal + 1]] == [k < legal for k in range(len(tokens[: legal + 1]))]
        if way <= 1 and legal == len(tokens):
            states, taken = behind, taken + tokens
        elif way == 2:
            states, taken = behind[: len(states) + legal], taken + tokens[:legal]
        elif way == 3:
            count = rng.randrange(len(states))
            matcher.rollback(count)
            states, taken = states[: len(states) - count], taken[: len(taken) - count]
        else:
            others.append((matcher, states.copy()))
            matcher = matcher.fork()
        assert (matcher.state, len(matcher)) == (states[-1], len(states) - 1)
        assert matcher.is_terminated == (states[-1] == ENDED)
        assert matcher.is_complete == constraint.accepts(states[-1])
        assert matcher.forced() == constraint.forced(states[-1], behind=taken)
        assert (matcher.mask() == constraint.mask(states[-1])).all()
    assert any(states[-1] == ENDED for _, states in others)
    assert all((one.state, len(one)) == (states[-1], len(states) - 1) for one, states in others)


def test_an_end_can_be_taken_back() -> None:
    matcher = Matcher(compiled("ab?"))
    assert matcher.accept_tokens([0, 5])
    assert matcher.is_terminated
    assert matcher.accept(4)  # engines go on counting stop tokens
    assert not matcher.accept(1)
    matcher.rollback(2)
    assert not matcher.is_terminated
    assert matcher.accept(1)
    matcher.reset()
    assert (len(matcher), matcher.state) == (0, matcher.constraint.start())


def test_it_may_begin_within_a_text() -> None:
    automaton = compiled("aab")
    matcher = Matcher(automaton, automaton.advance(automaton.start(), 0))
    assert matcher.accept_tokens([2, 4])
    matcher.reset()
    assert unpack(matcher.mask()).tolist() == [0, 2]


def test_rows_of_batches() -> None:
    out = np.zeros((3, VOCAB.words), np.int32)
    Matcher(compiled("a|b")).fill_row(out, 1)
    assert out.tolist() == [[0], [0b11], [0]]


def test_it_moves_over_automata_only() -> None:
    with pytest.raises(OptionError, match="a Grammar is no automaton") as caught:
        Matcher(sg.regex("a"))  # type: ignore[arg-type]
    assert "sg.compile" in (caught.value.hint or "")


def test_it_says_what_the_vocabulary_cannot_spell() -> None:
    matcher = Matcher(compiled("x|a"))
    matcher.feed([0])
    stuck = Matcher(compiled("xa"))
    assert not stuck.mask().any()
    with pytest.raises(TokenRefused, match="no token of the vocabulary spells what must come next: 'x'"):
        stuck.feed([0])


def test_what_it_says_of_refused_tokens() -> None:
    language = Seq((Lit(b"a"), Alt((Lit(b"a"), Lit(b"b"), Special("<t>")))))
    matcher = Matcher(TokenAutomaton(ByteAutomaton(language, symbols=Symbols(VOCAB)), VOCAB))
    matcher.feed([0])
    with pytest.raises(TokenRefused) as caught:
        matcher.feed([1, 1])
    assert caught.value.where == "token 2"
    assert caught.value.why == "token 1 (b'b') is illegal here"
    assert caught.value.hint == "what may come: stop token 4, stop token 5"
    with pytest.raises(TokenRefused, match="stop token 5 is illegal") as caught:
        matcher.feed([5])
    assert caught.value.hint == "what may come: token 0 (b'a'), token 1 (b'b'), token 3 ('<t>')"
    with pytest.raises(TokenRefused, match="no token 99"):
        matcher.feed([99])
    for count in (2, -1):
        with pytest.raises(OptionError, match="take back"):
            matcher.rollback(count)
    assert len(matcher) == 1


def test_tokens_may_come_in_an_array_and_nothing_else_is_one() -> None:
    matcher = Matcher(compiled("(ab)*"))
    assert matcher.accept(0)
    assert matcher.accept_tokens(np.array([1, 2, 0]))
    matcher.feed(np.array([1]))
    assert (matcher._tokens, len(matcher)) == ([0, 1, 2, 0, 1], 5)
    assert all(type(token) is int for token in matcher._tokens)
    matcher.rollback(3)
    assert (matcher._tokens, matcher.validate_tokens(np.array([2, 1]))) == ([0, 1], 1)
    for call in (matcher.accept_tokens, matcher.feed, matcher.validate_tokens):
        for tokens in (None, 5, ["a"], [1.5]):
            with pytest.raises(OptionError):
                call(tokens)  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="number"):
        matcher.rollback(None)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["accepts", "distance", "forced", "forced_bytes", "classes", "transitions", "twin", "mask"])
@pytest.mark.parametrize("state", [None, "a", [1], 1.5])
def test_what_is_no_state_is_refused(name: str, state: object) -> None:
    with pytest.raises(OptionError, match="is no state"):
        getattr(compiled("(ab)*"), name)(state)
