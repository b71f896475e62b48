"""Bugs that a review found, each with the case that showed it."""

import contextlib
import os
from itertools import product

import numpy as np
import pytest

import structgen as sg
from structgen.automata.leaves import pool
from structgen.constraint import tables
from structgen.constraint.protocol import unpack
from structgen.constraint.tables import tables_of
from structgen.errors import BudgetExceeded, GrammarError, OptionError, VocabularyError
from structgen.frontends.jsonschema.spell import ESCAPES
from structgen.ir.encoding import JSON
from structgen.ir.expr import Leaf
from structgen.ir.regular import CharDFA
from structgen.kernels import survey

BYTES = [bytes([b]) for b in range(256)]


def allowed(automaton, state):
    row = automaton.mask(state)
    return {t for t in range(automaton.vocabulary.size) if row[t >> 5] >> (t & 31) & 1}


def agrees(automaton, state):
    size = automaton.vocabulary.size
    stops = {t for t in automaton.vocabulary.stop_ids if automaton.accepts(state)}
    return allowed(automaton, state) == {t for t in range(size) if automaton.advance(state, t)} | stops


def test_an_opened_door_is_published_with_an_array_of_its_own():
    """A kernel of another thread may hold leaf arrays that are too short for the node behind the door."""
    doors = pool().doors(ESCAPES)
    before = pool().arena["door_to"]
    pool().open(doors[ord("q")])
    assert pool().arena["door_to"] is not before
    assert pool().arena["door_to"][doors[ord("q")]] >= 0


@pytest.mark.parametrize("name", ["exits", "desc", "ids", "exit_off"])
def test_an_interrupt_while_a_table_is_made_leaves_the_others_right(monkeypatch, name):
    vocabulary = sg.Vocabulary.from_bytes([*BYTES, b"ab", b'a"', b'",', b"--" + name.encode(), b""], eos=260)
    made = tables_of(vocabulary, pool())
    room = type(made)._room
    fuse = [name]

    def interrupted(self, array, size, at=None):
        if fuse and array == fuse[0]:
            fuse.pop()
            raise KeyboardInterrupt
        return room(self, array, size, at)

    automaton = sg.compile(sg.json_schema({"type": "array", "items": {"type": "string"}}), vocabulary)
    state = automaton.start()
    monkeypatch.setattr(tables.TokenTables, "_room", interrupted)
    for token in b'["ab", "c"]':
        with contextlib.suppress(KeyboardInterrupt):
            automaton.mask(state)
        assert agrees(automaton, state)
        state = automaton.advance(state, token)
    assert not fuse


def test_tokens_of_thousands_of_characters_under_counts():
    tokens = [b"a", b"b", b"c", b"x", *(b"b" + b"a" * k + b"c" for k in (0, 1, 8190, 8191, 8192, 8193, 8250, 8300)), b""]
    vocabulary = sg.Vocabulary.from_bytes(tokens, eos=len(tokens) - 1)
    automaton = sg.compile(sg.regex("[ab]{8193,8300}[xc]"), vocabulary)
    assert agrees(automaton, automaton.start())
    assert allowed(automaton, automaton.start()) == {0, 1, 8, 9, 10}


def test_a_token_beyond_all_measure_is_refused():
    with pytest.raises(VocabularyError, match="40,000 bytes"):
        sg.compile(sg.regex("a*"), sg.Vocabulary.from_bytes([b"a", b"a" * 40_000, b""], eos=2))


def test_bounds_beyond_32_bits():
    assert sg.json_schema({"type": "string", "maxLength": 3_000_000_000}).accepts('"a"')
    assert sg.json_schema({"type": "array", "maxItems": 3_000_000_000}).accepts("[1]")
    with pytest.raises(BudgetExceeded, match="3,000,000,000"):
        pool().start(Leaf(CharDFA.any(), JSON["any"], low=3_000_000_000))


@pytest.mark.parametrize("out", [np.zeros((1, 1), np.int64), np.zeros((2, 1), np.uint32), np.zeros((1, 2), np.uint32), [0]])
def test_fill_refuses_another_array(out):
    automaton = sg.compile(sg.regex("a"), sg.Vocabulary.from_bytes([b"a", b""], eos=1))
    with pytest.raises(OptionError, match="out is"):
        automaton.fill([automaton.start()], out)


def test_a_list_is_no_grammar():
    with pytest.raises(GrammarError, match="list") as caught:
        sg.compile(["yes", "no"], sg.Vocabulary.from_bytes([b"a", b""], eos=1))
    assert "sg.choice" in caught.value.hint


def test_the_clock_runs_once_for_the_calls_inside_a_call():
    grammar = sg.regex("a{60000}b", budget=sg.Budget(seconds=0.05))
    automaton = sg.compile(grammar, sg.Vocabulary.from_bytes([b"a", b"b", b""], eos=2))
    with pytest.raises(BudgetExceeded, match=r"0\.05 s"):
        automaton.forced(automaton.start())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes do not fork here")
def test_a_fork_has_rows_of_its_own():
    made = tables.TokenTables(sg.Vocabulary.from_bytes([b"a", b""], eos=1).texts, pool())
    child = os.fork()
    if child == 0:
        made.rows["words"][:] = 1
        os._exit(0)
    os.waitpid(child, 0)
    assert not made.rows["words"].any()


def test_an_interrupted_survey_of_a_leaf_is_not_taken_for_one_of_another(monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = [*(bytes([byte]) for byte in range(256)), *("".join(some).encode() for some in product('ab1"', repeat=3)), b""]
    vocabulary = sg.Vocabulary.from_bytes(tokens, eos=len(tokens) - 1)

    def inside(schema: dict[str, object]) -> tuple[sg.TokenAutomaton, int]:
        automaton = sg.compile(sg.json_schema(schema), vocabulary)
        return automaton, automaton.read(automaton.start(), b'"')

    automaton, state = inside({"type": "string"})
    automaton.mask(state)
    with monkeypatch.context() as patch:
        real = survey.survey

        def interrupted(*arguments: object) -> None:
            real(*arguments)
            raise KeyboardInterrupt  # where Ctrl-C lands that was pressed while the kernel ran

        patch.setattr(survey, "survey", interrupted)
        automaton, state = inside({"type": "string", "pattern": "^[ab]*1$"})
        with pytest.raises(KeyboardInterrupt):
            automaton.mask(state)
    automaton, state = inside({"type": "string", "minLength": 2, "maxLength": 100})
    assert unpack(automaton.mask(state)).tolist() == [t for t in range(len(tokens)) if automaton.advance(state, t)]
