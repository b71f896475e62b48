"""The byte automaton: sizes, limits, purity, and bounds that meet gaps."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import weakref
from random import Random
from typing import Any

import pytest
from conftest import SCALE
from derive import Twin

from structgen.automata import assemble
from structgen.automata.machine import Budget, ByteAutomaton
from structgen.automata.symbols import Symbols
from structgen.errors import BudgetExceeded, EmptyLanguage, GrammarError
from structgen.ir.chars import of_text
from structgen.ir.encoding import BYTES, JSON, UTF8
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
    Respelling,
    Rule,
    Seq,
    Special,
    Strings,
    alt,
    seq,
)
from structgen.ir.regular import CharDFA
from structgen.kernels import tables as t
from structgen.vocab.vocabulary import Vocabulary

MANY = int(100_000 * SCALE)


def brackets() -> Rule:
    rule: Rule = Rule(lambda: Alt((Lit(b"x"), Seq((Lit(b"["), rule, Lit(b"]"))))), "nested")
    return rule


def test_counts_up_to_a_hundred_thousand_are_exact() -> None:
    for low, high in ((MANY, MANY), (0, MANY), (MANY - 1, None), (1000, MANY)):
        machine = ByteAutomaton(Repeat(Lit(b"ab"), low, high), budget=Budget(seconds=600))
        for count in (0, 1, 255, 256, 257, low - 1, low, low + 1, MANY - 1, MANY, MANY + 1):
            expected = count >= low and (high is None or count <= high)
            assert machine.accepts(b"ab" * max(count, 0)) == (expected or (count < 0 and low == 0)), (low, high, count)
        assert not machine.accepts(b"ab" * low + b"a")


def test_counted_leaves_near_and_far_from_their_bounds() -> None:
    letters = CharDFA.of_chars(of_text("aé")).repeat()
    for low, high in ((MANY - 2, MANY), (0, MANY), (MANY, None), (90, 91)):
        machine = ByteAutomaton(Leaf(letters, low=low, high=high))
        for count in {0, 1, 89, 90, 91, 92, max(low - 1, 0), low, MANY, MANY + 1}:
            text = ("a" * (count - count // 2) + "é" * (count // 2)).encode()
            assert machine.accepts(text) == (low <= count and (high is None or count <= high)), (low, high, count)


def test_length_bounds_with_gaps_leave_no_dead_end() -> None:
    """Characters that share a lead byte may have lengths behind them that the bounds fall between."""
    a = CharDFA.of_chars(of_text("a"))
    tails = CharDFA.of_string("é") | CharDFA.of_string("è") + a.repeat(20, 20) | CharDFA.of_string("b") + a.repeat(0, 20)
    pairs = (CharDFA.of_string("ab").repeat() | CharDFA.of_string("cde").repeat(1, None)) + CharDFA.of_string("x" * 7).optional()
    for dfa in (tails, pairs):
        for low, high in ((4, 5), (12, 12), (16, 17), (21, 30), (50, 53)):
            if dfa.with_lengths(low, high).is_empty:
                continue
            for encoding in (UTF8, JSON["any"]):
                leaf = Leaf(dfa, encoding, low=low, high=high)
                machine, twin = ByteAutomaton(leaf), Twin(leaf)
                layer = {(machine.start, twin.start)}
                for _ in range(26):
                    layer = layer if len(layer) < 200 else set(sorted(layer, key=lambda pair: pair[0])[:200])
                    after = set()
                    for state, config in layer:
                        moves = dict(machine.moves(state))
                        assert sorted(moves) == [b for b in range(256) if twin.step(config, b)]
                        assert machine.is_final(state) == twin.accepts(config)
                        after |= {(to, twin.step(config, b)) for b, to in moves.items()}
                    layer = after


def test_deep_nesting() -> None:
    machine, depth = ByteAutomaton(brackets()), 10_000
    assert machine.accepts(b"[" * depth + b"x" + b"]" * depth)
    assert not machine.accepts(b"[" * depth + b"x" + b"]" * (depth - 1))
    assert not machine.accepts(b"[" * depth + b"x" + b"]" * (depth + 1))


def test_right_recursion_keeps_contexts_few() -> None:
    rule: Rule = Rule(lambda: Seq((Lit(b"a"), Alt((rule, EPSILON)))), "list")
    machine = ByteAutomaton(rule)
    assert machine.accepts(b"a" * 5000)
    assert machine.states < 12
    assert int(machine.arena["n"][t.CTX]) < 12


def test_one_context_may_have_thousands_of_returns() -> None:
    """A rule that is called from thousands of places at once (used to spin for want of room)."""
    shared = Rule(lambda: Seq((Lit(b"x"), Lit(b"y"))))
    for count in (300, int(3000 * SCALE)):
        machine = ByteAutomaton(Alt([Seq((shared, Lit(b"%d;" % i))) for i in range(count)]), budget=Budget(seconds=60))
        assert machine.accepts(b"xy%d;" % (count - 1))
        assert not machine.accepts(b"xy%d;" % count)


def test_unending_work_stops_at_the_budget_of_seconds() -> None:
    left: Rule = Rule(lambda: Alt((Seq((left, Lit(b"a"))), Lit(b"b"))), "left-recursive, which no frontend makes")
    with pytest.raises(BudgetExceeded, match="longer than"):
        ByteAutomaton(left, budget=Budget(seconds=0.2))
    with pytest.raises(BudgetExceeded, match="budget"):
        ByteAutomaton(left, budget=Budget(memory=1 << 20))


@pytest.mark.parametrize("budget", [Budget(nodes=300), Budget(states=500), Budget(memory=1 << 18)])
def test_tiny_budgets_raise_and_leave_the_automaton_whole(budget: Budget) -> None:
    machine = ByteAutomaton(Repeat(Alt((Lit(b"ab"), Leaf(CharDFA.of_chars(of_text("é")).repeat(2, 3)))), 0, 5000), budget=budget)
    for _ in range(2):
        with pytest.raises(BudgetExceeded) as caught:
            machine.accepts(b"ab" * 5000)
        assert caught.value.hint
    assert machine.accepts(b"ab" * 10)
    assert not machine.accepts(b"ab" * 10 + b"a")


@pytest.mark.parametrize("expr", [NEVER, alt((NEVER, seq(Lit(b"a"), NEVER))), Leaf(CharDFA.empty()), Leaf(CharDFA.of_string("abc"), low=4)])
def test_empty_languages_are_refused(expr: Expr) -> None:
    with pytest.raises(EmptyLanguage, match="no text"):
        ByteAutomaton(expr, source="x")


def test_the_empty_text_alone() -> None:
    for expr in (EPSILON, Strings([b""]), Repeat(Lit(b"a"), 0, 0), Lit(b""), Leaf(CharDFA.epsilon())):
        machine = ByteAutomaton(expr)
        assert machine.accepts(b"")
        assert not machine.accepts(b"a")
        assert machine.moves(machine.start) == []


def test_emptied_memo_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("structgen.automata.machine._MOVES_MAX", 1 << 12)
    expr = Repeat(Alt((Strings([b"%d" % i for i in range(0, 3000, 7)]), Lit(b"-"))), 0, 40)
    small, large = ByteAutomaton(expr), ByteAutomaton(expr)
    monkeypatch.setattr("structgen.automata.machine._MOVES_MAX", 1 << 22)
    rng = Random(5)
    texts = [b"".join(b"%d" % rng.randrange(3000) for _ in range(12)) for _ in range(int(400 * SCALE))]
    monkeypatch.setattr("structgen.automata.machine._MOVES_MAX", 1 << 12)
    first = [small.read(text) for text in texts]
    assert small.arena["move_key"].size <= 1 << 13
    assert [small.read(text) for text in texts] == first  # the same integers, though the memo was emptied in between
    monkeypatch.setattr("structgen.automata.machine._MOVES_MAX", 1 << 22)
    assert [(count, large.is_final(state)) for count, state in map(large.read, texts)] == [(c, small.is_final(s)) for c, s in first]


def test_states_are_the_same_whatever_was_read_before() -> None:
    expr = Seq((Repeat(brackets(), 0, 3), Strings([b"[]", b"", b"xx"])))
    machine = ByteAutomaton(expr)
    rng = Random(3)
    texts = ["".join(rng.choices("[]x", k=rng.randrange(9))).encode() for _ in range(300)]
    once = {text: machine.read(text) for text in texts}
    rng.shuffle(texts)
    assert all(machine.read(text) == once[text] for text in texts)
    configurations = [(tuple(machine.items(s)), machine.is_final(s)) for s in range(2, machine.states)]
    assert len(set(configurations)) == len(configurations)  # hash-consed: no two states are alike
    assert all(list(items) == sorted(items) for items, _ in configurations)


@pytest.mark.parametrize("at_once", [0, 1 << 20])
def test_lists_of_strings_one_by_one_and_in_bulk(at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assemble, "_WORDS_MAX", at_once)
    rng = Random(5)
    escaped = Respelling(0x5C, frozenset(b"ab"), lambda byte: Leaf(CharDFA.of_strings([f"\\{byte:02x}", f"\\{byte:03o}"]), BYTES))
    for _ in range(int(40 * SCALE)):
        items = ["".join(rng.choices("abc", k=rng.randrange(5))) for _ in range(rng.randrange(1, 12))]
        for respelling in (None, escaped):
            machine = ByteAutomaton(Seq((Lit(b"-"), Strings([item.encode() for item in items], respelling), Lit(b"."))))
            for _ in range(40):
                text = rng.choice([*items, "".join(rng.choices("abc", k=rng.randrange(5)))])
                spelled = [rng.choice([one, one, f"\\{ord(one):02x}", f"\\{ord(one):03o}"]) for one in text]
                right = all(len(one) == 1 or (respelling is not None and char != "c") for char, one in zip(text, spelled, strict=True))
                assert machine.accepts(f"-{''.join(spelled)}.".encode()) == (right and text in items), (items, spelled)


def test_hundreds_of_thousands_of_strings() -> None:
    count = MANY
    machine = ByteAutomaton(Strings([b"item %d" % i for i in range(count)]))
    assert machine.accepts(b"item 0")
    assert machine.accepts(b"item %d" % (count - 1))
    assert not machine.accepts(b"item %d" % count)
    assert not machine.accepts(b"item ")


@pytest.mark.slow
def test_a_million_strings() -> None:
    machine = ByteAutomaton(Strings([b"%x" % (i * 2_654_435_761 % 2**40) for i in range(1_000_000)]))
    assert all(machine.accepts(b"%x" % (i * 2_654_435_761 % 2**40)) for i in range(0, 1_000_000, 9999))
    assert not machine.accepts(b"%x" % (2**40))


@pytest.mark.slow  # without a compiler
def test_thousands_of_special_tokens() -> None:
    count = 5000
    vocabulary = Vocabulary.from_bytes([b""] * count, eos=0, special={f"<s{i}>": i for i in range(1, count)})
    machine = ByteAutomaton(Alt([Seq((Special(f"<s{i}>"), Lit(b"%d" % i))) for i in range(1, count)]), symbols=Symbols(vocabulary))
    moves = machine.special_moves(machine.start)
    assert [(low, high) for low, high, _ in moves] == [(256 + i, 256 + i) for i in range(1, count)]
    for i in (1, 255, 256, 768, 1024, count - 1):
        read, state = machine.read(b"%d" % i, moves[i - 1][2])
        assert read == len(str(i))
        assert machine.is_final(state)


def test_nets_inside_nets_and_loops_of_free_steps() -> None:
    inner = Net(3, [(0, Lit(b"a"), 1), (1, None, 0), (0, None, 1), (1, Lit(b"b"), 2), (2, None, 2)], [2])
    outer = Net(2, [(0, inner, 1), (1, None, 0), (1, Lit(b"!"), 1)], [1])
    machine, twin = ByteAutomaton(outer), Twin(outer)
    rng = Random(1)
    for _ in range(300):
        text = "".join(rng.choices("ab!", k=rng.randrange(8))).encode()
        assert machine.accepts(text) == twin.accepts(twin.read_all(twin.start, text)), text


UNCOMPILED = """
import structgen.api as sg
from structgen.vocab.vocabulary import Vocabulary
vocabulary = Vocabulary.from_bytes([bytes([i]) for i in range(256)] + [b'"a', b'a"', b'\\\\u00', b''], eos=259)
schema = {'type': 'array', 'items': {'type': 'string', 'minLength': 2, 'maxLength': 70}, 'maxItems': 300}
automaton = sg.compile(schema, vocabulary)
state, found = automaton.start(), []
for byte in b'["aa","\\\\u00e9b"]':
    found.append((state, automaton.mask(state).tolist(), automaton.distance(state), automaton.forced(state)))
    state = automaton.advance(state, byte)
found.append(automaton.accepts(state))
"""


def test_kernels_as_plain_python_answer_alike_and_never_overflow() -> None:
    command = [sys.executable, "-W", "error::RuntimeWarning", "-c", UNCOMPILED + "print(found)"]
    done = subprocess.run(command, env={**os.environ, "NUMBA_DISABLE_JIT": "1"}, capture_output=True, text=True, check=True)
    here: dict[str, Any] = {}
    exec(UNCOMPILED, here)
    assert done.stdout.strip() == repr(here["found"])
    assert here["found"][-1] is True


def test_an_automaton_is_freed_at_once_not_when_the_collector_comes() -> None:
    rule: Rule = Rule(lambda: Seq((Lit(b"["), Repeat(rule, 0, None), Minus(Leaf(CharDFA.of_string("ab")), Lit(b"ab")), Lit(b"]"))))
    machine = ByteAutomaton(Alt((rule, Lit(b"x"))))
    assert machine.accepts(b"x")
    gone = weakref.ref(machine)
    gc.disable()
    try:
        del machine
        assert gone() is None
    finally:
        gc.enable()


def test_errors_in_the_code_of_a_grammar_name_the_rule() -> None:
    broken = Rule(lambda: {}["x"], "member")
    for start in (Seq((Lit(b"a"), broken)), Seq((Lit(b"a"), Rule(lambda: Lit(b"b"), "one", group=[broken])))):
        with pytest.raises(GrammarError, match="member") as caught:
            ByteAutomaton(start).accepts(b"ab")
        assert caught.value.where == "member"
        assert isinstance(caught.value.__cause__, KeyError)
    bind = Bind(Lit(b"a"), lambda text: Lit(text.decode()[5]), Lit(b"b"), sure=True)
    with pytest.raises(GrammarError, match="what follows the text b'a'"):
        ByteAutomaton(bind).accepts(b"ab")


def test_our_own_errors_in_rules_stay_what_they_are() -> None:
    def make() -> Expr:
        raise BudgetExceeded("too large")

    with pytest.raises(BudgetExceeded, match="too large") as caught:
        ByteAutomaton(Seq((Lit(b"a"), Rule(make)))).accepts(b"ab")
    assert caught.value.why == "too large"


def test_hundreds_of_lists_whose_keys_are_not_declared() -> None:
    word = Leaf(CharDFA.of_chars([(97, 122)]).repeat(1, None) + CharDFA.of_string(":"))
    lists = []
    for i in range(600):
        key = Lit(b"k%c:" % (97 + i % 26))
        entries = Entries([Known(key, Lit(b"1"))], [Other(Minus(word, key), Lit(b"2"))], Lit(b","), alike="bytes")
        lists.append(Seq((Lit(b"%d" % i), entries)))
    machine = ByteAutomaton(Alt(lists))  # each key has taken texts; written one inside the other they were too deep
    for text, legal in ((b"599kb:1,ka:2", True), (b"599kb:2", False), (b"0ka:1,x:2,y:2", True), (b"0ka:2", False), (b"0x:2,x:2", False)):
        assert machine.accepts(text) is legal, text
