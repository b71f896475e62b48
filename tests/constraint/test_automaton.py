"""The token automaton where tests of languages do not look: special tokens, long tokens, tokens and states that do not exist, memory."""

from __future__ import annotations

import gc
import weakref
from random import Random

import numpy as np
import pytest
from conftest import SCALE

import structgen.api as sg
from structgen.automata.machine import Budget, ByteAutomaton
from structgen.automata.symbols import Symbols
from structgen.constraint.automaton import TokenAutomaton
from structgen.constraint.grammar import Grammar
from structgen.constraint.protocol import COMPLETE, DEAD, ENDED, NO_END, Constraint, Unconstrained, unpack
from structgen.constraint.rows import RowStore
from structgen.errors import BudgetExceeded, GrammarError, OptionError, VocabularyError
from structgen.ir.chars import of_text
from structgen.ir.encoding import JSON
from structgen.ir.expr import Alt, Expr, Leaf, Lit, Repeat, Rule, Seq, Special, Strings
from structgen.ir.language import Language
from structgen.ir.regular import CharDFA
from structgen.vocab.vocabulary import Vocabulary

# ids        0     1     2      3     4    5       6      7
TOKENS = [b"a", b"b", b"ab", b"<t>", b"", b"end", b"fin", b"<u>"]
VOCAB = Vocabulary.from_bytes(TOKENS, eos=[5, 6], special={"<t>": 3, "<u>": 7})
MATERIAL = [*(bytes([b]) for b in b'ab"1,: {}[]\\u06<t>'), *b'"a|":|a":|"a":1|[1|1,|,1|,{"a":|},{|"b"|ab|{"|":1}|<t>|'.split(b"|")]
SPELLED = Vocabulary.from_bytes(MATERIAL, eos=len(MATERIAL) - 1, special={"<t>": len(MATERIAL) - 2})
KEYS = {"type": "object", "properties": {"ab": {"type": "integer"}}, "required": ["ab"]}
UNIQUE = {"type": "array", "uniqueItems": True, "items": {"type": ["integer", "object", "string"], "required": ["a"]}}
TEXT = Leaf(CharDFA.of_chars(of_text("<t>ab")).repeat())


def compiled(expr: Expr, vocabulary: Vocabulary = VOCAB) -> TokenAutomaton:
    return TokenAutomaton(ByteAutomaton(expr, symbols=Symbols(vocabulary)), vocabulary)


def ids(automaton: TokenAutomaton, state: int) -> list[int]:
    return unpack(automaton.mask(state)).tolist()


def test_it_is_a_constraint() -> None:
    assert isinstance(compiled(Lit(b"a")), Constraint)


def test_only_its_id_crosses_a_special_token() -> None:
    automaton = compiled(Seq((Special("<t>"), Lit(b"a"))))
    assert ids(automaton, automaton.start()) == [3]  # known before anything was unfolded
    after = automaton.advance(automaton.start(), 3)
    assert ids(automaton, after) == [0]
    spelled = compiled(TEXT)
    assert 3 not in ids(spelled, spelled.start())  # the spelling is text that letters make, the id is not
    assert spelled.advance(spelled.start(), 3) == 0
    assert not automaton.machine.accepts(b"<t>a")


def test_special_tokens_found_later_and_by_another_automaton_of_the_machine() -> None:
    late = Rule(lambda: Seq((Special("<u>"), Special("<t>"))))
    machine = ByteAutomaton(Seq((Lit(b"a"), late)), symbols=Symbols(VOCAB))
    first, second = TokenAutomaton(machine, VOCAB), TokenAutomaton(machine, VOCAB)
    state = first.advance(first.start(), 0)
    assert ids(first, state) == [7]
    assert ids(second, state) == [7]
    assert ids(second, second.advance(state, 7)) == [3]


def test_special_tokens_that_the_vocabulary_lacks_are_refused_every_time() -> None:
    late = Rule(lambda: Special("<none>"))
    automaton = compiled(Seq((Lit(b"a"), late)))
    for _ in range(2):
        with pytest.raises(VocabularyError, match="<none>"):
            automaton.mask(automaton.advance(automaton.start(), 0))
    with pytest.raises(VocabularyError, match="no token 8"):
        compiled(Special(8))


def test_special_tokens_that_nobody_gave_ids_are_refused() -> None:
    late = Grammar(Language(Seq((Lit(b"a"), Rule(lambda: Special("<t>"))))))
    automaton = late.compile(VOCAB)
    for _ in range(2):
        with pytest.raises(GrammarError, match="announce"):
            automaton.mask(automaton.advance(automaton.start(), 0))


def test_a_stop_token_may_be_part_of_the_text_when_named() -> None:
    vocab = Vocabulary.from_bytes([b"a", b"<end>"], eos=1, special={"<end>": 1})
    automaton = compiled(Seq((Lit(b"a"), Special("<end>"), Lit(b"a"))), vocab)
    state = automaton.advance(automaton.start(), 0)
    assert ids(automaton, state) == [1]
    assert not automaton.accepts(state)
    state = automaton.advance(automaton.advance(state, 1), 0)
    assert automaton.accepts(state)
    assert ids(automaton, state) == [1]


def test_after_the_end_only_stop_ids() -> None:
    automaton = compiled(Lit(b"ab"))
    state = automaton.advance(automaton.start(), 2)
    assert state == COMPLETE
    assert automaton.accepts(state)
    assert ids(automaton, state) == [5, 6]
    for stop in (5, 6):
        done = automaton.advance(state, stop)
        assert done == ENDED
        assert automaton.accepts(done)
        assert ids(automaton, done) == [5, 6]
        assert automaton.advance(done, stop) == done
        assert [automaton.advance(done, t) for t in range(5)] == [0] * 5
        assert automaton.distance(done) == 0
        assert automaton.forced(done) == []


def test_a_stop_token_closes_a_text_that_could_go_on() -> None:
    automaton = compiled(Repeat(Lit(b"a"), 1, None))
    state = automaton.advance(automaton.start(), 0)
    assert ids(automaton, state) == [0, 5, 6]
    assert automaton.advance(state, 5) == automaton.advance(state, 6) == ENDED
    assert automaton.advance(automaton.start(), 5) == 0


@pytest.mark.parametrize("constraint", [compiled(Lit(b"ab")), compiled(TEXT), Unconstrained(VOCAB)])
def test_three_states_are_the_same_in_every_constraint(constraint: Constraint) -> None:
    assert constraint.start() not in (DEAD, ENDED)
    for state, allowed in ((DEAD, []), (COMPLETE, [5, 6]), (ENDED, [5, 6])):
        assert unpack(constraint.mask(state)).tolist() == allowed
        assert constraint.accepts(state) == bool(allowed)
        assert constraint.transitions(state).tolist() == [constraint.advance(state, t) for t in range(8)]
        assert [constraint.advance(state, t) for t in range(8)] == [ENDED if t in allowed else DEAD for t in range(8)]
        states, number = constraint.classes(state)
        assert (states.tolist(), np.flatnonzero(number >= 0).tolist()) == ([ENDED] if allowed else [], allowed)
        assert constraint.forced(state) == []
    assert constraint.distance(DEAD) == NO_END
    assert constraint.distance(COMPLETE) == constraint.distance(ENDED) == 0


@pytest.mark.parametrize("token", [-1, -8, 8, 9, 10**6, -(10**6), 2**40, 1, 3, 4, 5, 7])
def test_illegal_tokens_lead_to_the_dead_state(token: int) -> None:
    automaton = compiled(Lit(b"ab"))
    assert automaton.advance(automaton.start(), token) == 0
    automaton.advance(automaton.start(), 0)
    assert automaton.advance(automaton.start(), token) == 0
    assert automaton.advance(0, token) == 0


@pytest.mark.parametrize("seed", range(int(30 * SCALE) or 1))
def test_classes_go_on_wherever_the_states_do(seed: int) -> None:
    rng = Random(seed)
    for grammar in (sg.json_schema(KEYS), sg.json_schema(UNIQUE), sg.regex("(a|b[ab]{2,5})*") + sg.special("<t>").optional()):
        automaton = grammar.compile(SPELLED)
        has_texts = grammar.language.regular is None and not grammar.language.specials
        state = automaton.start()
        for _ in range(30):
            states, number = automaton.classes(state)
            assert states.tolist() == sorted({*states.tolist()} - {0})
            assert all(automaton.twin(one) == one for one in (automaton.twin(state), *states.tolist()))
            assert automaton.classes(automaton.twin(state))[1] is number
            legal = ids(automaton, state)
            for token in legal:
                real, there = automaton.twin(automaton.advance(state, token)), int(states[number[token]])
                assert number[token] >= 0
                assert real == there or (has_texts and {*ids(automaton, real)} <= {*ids(automaton, there)})
            assert has_texts or np.flatnonzero(number >= 0).tolist() == legal
            if not legal:
                break  # this vocabulary cannot go on
            state = automaton.advance(state, rng.choice(legal))


def test_classes_inside_a_key_make_few_states(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = Random(0)
    words = {bytes(rng.choices(b"abcdefgh", k=rng.randint(2, 5))) for _ in range(2000)}
    vocabulary = Vocabulary.from_bytes([*(bytes([i]) for i in range(256)), *sorted(words), b""], eos=256 + len(words))
    automaton = sg.json_schema({"type": "object"}, style="compact").compile(vocabulary)
    state = automaton.start()
    for byte in b'{"a':
        state = automaton.advance(state, byte)
    before = automaton.machine.states
    first = automaton.classes(state)
    assert automaton.machine.states < before + 50
    for byte in b"bcd":
        state = automaton.advance(state, byte)
        assert automaton.classes(state)[1] is first[1]
    monkeypatch.setattr("structgen.constraint.automaton._CLASSES_MAX", 2 * first[1].nbytes)
    for byte in b'":[1,23':
        state = automaton.advance(state, byte)
        automaton.classes(state)
        assert len(automaton._classes) <= 2


@pytest.mark.parametrize("seed", range(int(30 * SCALE) or 1))
def test_transitions_are_what_advance_gives(seed: int) -> None:
    """Also where texts are bound: keys and items that must differ, and what depends on a text."""
    rng = Random(seed)
    grammars = [
        sg.json_schema(KEYS, style=rng.choice(["any", "compact"])),
        sg.json_schema(UNIQUE, style="compact"),
        sg.regex("(a|b[ab]{2,5})*<t>?"),
    ]
    expr = Repeat(Alt((Seq((Special("<t>"), Lit(b"a"))), Lit(b"ab"))), 1, None)
    for grammar in (*grammars, None):
        automaton, other = (compiled(expr, SPELLED) if grammar is None else grammar.compile(SPELLED) for _ in range(2))
        state, one = automaton.start(), other.start()
        for _ in range(30):
            after = automaton.transitions(state)
            assert (after.dtype, after.shape) == (np.int32, (SPELLED.size,))
            assert after.tolist() == [automaton.advance(state, token) for token in range(SPELLED.size)]
            assert np.flatnonzero(after).tolist() == ids(automaton, state) == ids(other, one)
            if not after.any():
                break  # this vocabulary cannot go on
            token = int(rng.choice(np.flatnonzero(after)))
            state, one = int(after[token]), other.advance(one, token)
    assert not automaton.transitions(0).any()
    assert not automaton.transitions(automaton.machine.states).any()


def test_neighbouring_keys_of_the_memo_are_not_confused() -> None:
    automaton = compiled(Repeat(Lit(b"ab")))
    for state in range(automaton.machine.states + 2):
        for token in range(-9, 18):
            legal = 0 <= token < 8 and 0 < state < automaton.machine.states
            assert automaton.advance(state, token) == automaton.advance(state, token)
            if not legal:
                assert automaton.advance(state, token) == 0


def test_the_dead_state_and_states_that_do_not_exist() -> None:
    automaton = compiled(Lit(b"abab"))
    assert ids(automaton, 0) == []
    assert not automaton.accepts(0)
    assert automaton.forced(0) == []
    assert automaton.distance(0) == NO_END
    unborn = automaton.machine.states
    assert ids(automaton, unborn) == []
    assert automaton.advance(unborn, 0) == 0
    born = automaton.advance(automaton.start(), 0)
    assert born == unborn
    assert ids(automaton, born) == [1]  # what was said before it existed is not remembered


def test_rows_are_read_only_and_as_wide_as_the_vocabulary() -> None:
    wide = Vocabulary.from_bytes([*TOKENS, *[b""] * 90], eos=5).widened(200)
    automaton = compiled(Lit(b"a"), wide)
    row = automaton.mask(automaton.start())
    assert row.dtype == np.uint32
    assert row.shape == (7,)
    assert not row.flags.writeable


def test_fill_is_the_masks_one_by_one() -> None:
    automaton = compiled(Repeat(Alt((Lit(b"ab"), Lit(b"b"))), 0, 9))
    states = [automaton.start(), 0, 1, automaton.advance(automaton.start(), 0), automaton.start()]
    out = np.full((len(states), VOCAB.words), 0xFFFFFFFF, np.uint32)
    automaton.fill(np.array(states, np.int32), out)
    assert (out == np.stack([automaton.mask(s) for s in states])).all()


@pytest.mark.parametrize("length", [200, 254, 255, 256, 257, 600, 9000])
def test_tokens_of_any_length(length: int) -> None:
    """Trie walks keep a state a byte; longer tokens than that once wrote past its end."""
    vocab = Vocabulary.from_bytes([b"x" * length, b"x" * (length - 1) + b"y", b"x", b"y", b'"' + b"x" * length + b'"', b""], eos=5)
    plain = Seq((Repeat(Lit(b"x")), Lit(b"y")))
    automaton = compiled(plain, vocab)
    assert ids(automaton, automaton.start()) == [0, 1, 2, 3]
    assert automaton.distance(automaton.start()) == 1
    leaf = compiled(Leaf(CharDFA.of_chars(of_text("xy")).repeat()), vocab)
    assert ids(leaf, leaf.start()) == [0, 1, 2, 3, 5]
    for high in (length - 1, length, length + 1):
        counted = compiled(Leaf(CharDFA.of_chars(of_text("xy")).repeat(), JSON["any"], high=high), vocab)
        assert ids(counted, counted.start()) == ([4] if high >= length else [])
        exits = compiled(Seq((Leaf(CharDFA.of_chars(of_text("x")).repeat(), low=length - 2, high=high), Lit(b"y"))), vocab)
        assert ids(exits, exits.start()) == [t for t, n in ((0, length), (1, length - 1), (2, 1)) if n <= high]


def test_reading_bytes() -> None:
    automaton = compiled(Alt((Lit(b"abba"), Seq((Lit(b"ab"), Special("<t>"))))))
    start = automaton.start()
    assert automaton.read(start, b"ab") == automaton.advance(start, 2) == automaton.read(automaton.read(start, b"a"), b"b")
    assert automaton.read(start, b"abba") == COMPLETE
    for state, data in ((start, b"b"), (start, b"abbab"), (start, b"ab<t>"), (DEAD, b""), (COMPLETE, b"a"), (ENDED, b"a"), (10**6, b"")):
        assert automaton.read(state, data) == DEAD
    assert automaton.read(ENDED, b"") == ENDED


@pytest.mark.parametrize("seed", range(int(20 * SCALE) or 1))
def test_a_text_that_is_owed(seed: int) -> None:
    """It is as if the grammar began with that text; states behind it are those of the grammar itself."""
    rng = Random(seed)
    schema = {"type": "object", "properties": {"ab": {"enum": ["a", "ba"]}}, "required": ["ab"]}
    grammar = rng.choice([sg.regex("a*b?(ab){1,2}"), sg.json_schema(schema, style="compact"), sg.choice(["", "a", "bb"])])
    owed = rng.choice([b"a", b"ab", b'{"a', b"\xff", b"b" * 300, b'"'])
    vocabulary = Vocabulary.from_bytes([*(bytes([b]) for b in b'ab{}":\xff'), owed + b"a", owed + b'{"', owed, b"bb", b'"ab', b""], eos=13)
    automaton, right = grammar.compile(vocabulary), compiled(Seq((Lit(owed), grammar.language.start)), vocabulary)
    state, other = automaton.start(owed), right.start()
    assert automaton.start(owed) == state
    assert automaton.start(b"") == automaton.start()
    assert automaton.read(state, owed) == automaton.start()
    for _ in range(20):
        assert ids(automaton, state) == ids(right, other)
        token = rng.choice(ids(automaton, state))
        state, other = automaton.advance(state, token), right.advance(other, token)


def test_memos_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("constraint.automaton", "constraint.distance", "automata.ahead"):
        monkeypatch.setattr(f"structgen.{module}._MEMO_MAX", 5)
    automaton = compiled(Repeat(Lit(b"ab"), 0, 40))
    for _ in range(2):
        state = automaton.start()
        for step in range(80):
            assert automaton.distance(state) == step % 2
            assert automaton.forced(state) == ([1] if step % 2 else [])
            state = automaton.advance(state, step % 2)
        assert state == COMPLETE
    assert max(map(len, (automaton._moves, automaton._distances._known))) <= 5


def test_dropped_rows_are_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    automaton = compiled(Repeat(Alt((Lit(b"ab"), Lit(b"b"), Leaf(CharDFA.of_string("a").repeat(2, 3)))), 0, 60))
    store = RowStore(VOCAB.words, limit=3 * 500, dense=1)
    for name, value in (("_store", store), ("rows", store.rows()), ("_doubtful", store.rows())):
        monkeypatch.setattr(automaton, name, value)
    states = [automaton.start()]
    for step in range(50):
        states.append(automaton.advance(states[-1], step % 2) or automaton.advance(states[-1], 2) or states[0])
    once = [automaton.mask(s).copy() for s in states]
    assert len(automaton.rows) <= 4
    assert all((automaton.mask(s) == row).all() for s, row in zip(states, once, strict=True))
    assert len(automaton.rows) <= 4


def test_a_mask_past_the_budget_raises_and_earlier_ones_stay() -> None:
    wide = Alt([Seq((Lit(b"b"), Strings([b"%d" % i for i in range(4000)]))), Lit(b"a")])
    automaton = TokenAutomaton(
        ByteAutomaton(wide, budget=Budget(nodes=20_000, states=100)),
        Vocabulary.from_bytes([*[b"%d" % i for i in range(4000)], b"a", b"b", b""], eos=4002),
    )
    assert ids(automaton, automaton.start()) == [4000, 4001]
    state = automaton.advance(automaton.start(), 4001)
    with pytest.raises(BudgetExceeded):
        automaton.mask(state)
    assert ids(automaton, automaton.start()) == [4000, 4001]
    assert automaton.accepts(automaton.advance(automaton.start(), 4000))


def test_a_grammar_whose_texts_meet_ever_new_rules_outlives_its_budget() -> None:
    def numbered(n: int) -> Rule:
        return Rule(lambda: Alt((Lit(b"x"), *(Seq((Lit(b"%d" % d), numbered(10 * n + d))) for d in range(10)))))

    vocabulary = Vocabulary.from_bytes([*(bytes([b]) for b in range(256)), b"</s>"], eos=256)
    automaton = TokenAutomaton(ByteAutomaton(numbered(0), budget=Budget(states=400)), vocabulary)
    rng = Random(3)
    for _ in range(60):
        automaton = automaton.renewed()
        state = automaton.start()
        for byte in rng.choices(b"0123456789", k=20):
            state = automaton.advance(state, byte)
        assert state


def test_many_texts_with_new_keys_do_not_wear_out_a_grammar() -> None:
    grammar = sg.json_schema({"type": "object"}, style="compact", budget=Budget(states=160_000))
    vocabulary = Vocabulary.from_bytes([*(bytes([b]) for b in range(256)), b"</s>"], eos=256)
    first = automaton = grammar.compile(vocabulary)
    for number in range(int(9000 * SCALE)):
        automaton = automaton.renewed()
        state = automaton.start()
        for byte in f'{{"k{number}":1,"l{number}":2}}'.encode():
            state = automaton.advance(state, byte)
        assert automaton.accepts(state)
        assert automaton.machine.states < 30_000
    assert SCALE < 1 or automaton is not first
    assert automaton.renewed() is automaton or automaton.machine.is_worn
    assert first.accepts(first.advance(first.advance(first.start(), ord("{")), ord("}")))  # the old one goes on


def test_a_mask_that_needs_more_moves_than_are_kept_is_made_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Emptying the memo in the midst of one mask would have it start for ever."""
    words = [b"%04d" % i for i in range(3000)]
    vocabulary = Vocabulary.from_bytes([*words, b""], eos=len(words))
    digits = Alt((Lit(b"x"), Strings([bytes(reversed(word)) for word in words])))
    monkeypatch.setattr("structgen.automata.machine._MOVES_MAX", 1 << 10)
    automaton = TokenAutomaton(ByteAutomaton(digits, budget=Budget(seconds=20)), vocabulary)
    mirrored = {word[::-1] for word in words}
    assert ids(automaton, automaton.start()) == [i for i, word in enumerate(words) if word in mirrored]


def test_an_automaton_is_freed_at_once_not_when_the_collector_comes() -> None:
    automaton = compiled(Repeat(Alt((Lit(b"ab"), Lit(b"b"))), 1, 9))
    automaton.mask(automaton.start())
    automaton.forced(automaton.start())
    assert automaton.distance(automaton.start()) == 1
    machine, gone = weakref.ref(automaton.machine), weakref.ref(automaton)
    gc.disable()
    try:
        del automaton
        assert (gone(), machine()) == (None, None)
    finally:
        gc.enable()


UNIQUE = {"type": "array", "items": {"enum": ["a", "b", "ab"]}, "uniqueItems": True}


def test_states_and_tokens_may_be_integers_of_numpy() -> None:
    """Whatever their width: products of them would wrap."""
    wide = Vocabulary.from_bytes([*(bytes([b]) for b in range(256)), b"ab", b""], eos=257).widened(1 << 20)
    words = [f"{k * 2654435761 % (1 << 32):08x}" for k in range(2500)]
    automaton = sg.compile(sg.choice(words), wide)
    for word in words:
        automaton.read(automaton.start(), word)
    assert automaton.machine.states > 4100  # times the width more than 32 bits
    last = automaton.machine.states - 1
    for here in (last, last - 1, last // 2):
        for token in (48, 97, 256, 257):
            assert automaton.advance(np.int32(here), np.int32(token)) == automaton.advance(here, token)
    assert automaton.advance(np.uint8(3), np.int8(48)) == automaton.advance(3, 48)
    assert (automaton.mask(np.int32(last)) == automaton.mask(last)).all()
    for wrong in (None, "1", 1.5, [1]):
        with pytest.raises(OptionError, match="no token"):
            automaton.advance(3, wrong)  # type: ignore[arg-type]


def test_states_that_do_not_exist_force_nothing() -> None:
    automaton = compiled(Lit(b"ab"))
    for state in (-1, 0, automaton.machine.states, 10**7):
        assert (automaton.forced(state), automaton.forced_bytes(state), automaton.distance(state)) == ([], b"", NO_END)


def test_owed_texts_and_texts_to_read_may_be_str() -> None:
    automaton = compiled(Lit(b"ab"))
    assert automaton.start("a") == automaton.start(bytearray(b"a")) == automaton.start(b"a")
    assert automaton.read(automaton.start(), "a") == automaton.read(automaton.start(), b"a") > 0
    for wrong in (1, None, ["a"]):
        with pytest.raises(OptionError, match="no text"):
            automaton.start(wrong)  # type: ignore[arg-type]


def test_masks_of_twins_leave_those_of_states_right() -> None:
    vocabulary = Vocabulary.from_bytes([*(bytes([b]) for b in range(256)), b'"a"', b'"a","b"', b',"a"', b'["a",', b""], eos=260)
    spoiled, clean = (sg.compile(sg.json_schema(UNIQUE, style="compact"), vocabulary) for _ in range(2))
    texts = [[*b'["a"'], [*b'["a",'], [*b'["a","b"'], [*b'["ab",'], [259], [259, 258]]
    for text in texts:
        state = spoiled.start()
        for token in text:
            for twin in {*spoiled.transitions(state, twins=True).tolist()} - {0}:
                spoiled.mask(twin)
            state = spoiled.advance(state, token)
    for text in texts:
        here, there = spoiled.start(), clean.start()
        for token in text:
            here, there = spoiled.advance(here, token), clean.advance(there, token)
            assert (spoiled.mask(here) == clean.mask(there)).all(), (text, token)
