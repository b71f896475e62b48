"""The pool of leaf automata: bounded, for a server meets new grammars for ever."""

from __future__ import annotations

import gc
import itertools
import weakref
from random import Random

import pytest

from structgen import api
from structgen.automata import leaves
from structgen.automata.leaves import LeafPool
from structgen.constraint.automaton import TokenAutomaton
from structgen.constraint.tables import tables_of
from structgen.ir.encoding import UTF8
from structgen.ir.regular import CharDFA
from structgen.ir.spelling import spelling
from structgen.kernels.tables import LEAF
from structgen.vocab.vocabulary import Vocabulary


def test_a_full_pool_is_left_to_the_automata_that_use_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Old automata go on with their leaves, new ones have the same rows, and the old pool goes with the last that uses it."""
    vocabulary = Vocabulary.from_bytes([*(bytes([b]) for b in range(256)), b"ab", b"a1", b""], eos=258)
    monkeypatch.setattr(leaves, "_POOLS", [LeafPool()])
    monkeypatch.setattr(leaves, "_BYTES_MAX", 1 << 12)

    def made(k: int) -> TokenAutomaton:
        return api.compile(api.regex(f"[a-c]{{1,{k % 7 + 1}}}[0-9]+(x|{'y' * k})"), vocabulary)

    def rows(automaton: TokenAutomaton) -> list[bytes]:
        states = [automaton.start()]
        for token in b"ab1x":
            states.append(automaton.advance(states[-1], token))
        return [automaton.mask(state).tobytes() for state in states]

    first = made(3)
    before, pools = rows(first), {id(first.machine.pool)}
    for k in range(4, 60):
        rows(other := made(k))
        pools.add(id(other.machine.pool))
    assert len(pools) > 2
    assert leaves.pool() is not first.machine.pool
    assert rows(made(3)) == before
    assert rows(first) == before
    assert api.compile(api.regex("a"), vocabulary)._tables is not first._tables
    assert tables_of(vocabulary, first.machine.pool) is first._tables  # old ones stay, and are not made by turns
    gone = weakref.ref(first.machine.pool)
    del first
    gc.collect()
    assert gone() is None


def test_rests_are_equal_where_the_languages_are() -> None:
    pool = LeafPool()
    rng = Random(12)
    words = ["".join(word) for n in range(5) for word in itertools.product("abé😀", repeat=n)]
    said: dict[object, frozenset[str]] = {}
    shared = 0
    for _ in range(60):
        dfa = CharDFA.of_strings(["".join(rng.choices("abé", k=rng.randrange(1, 4))) for _ in range(2)])
        if rng.random() < 0.5:
            dfa = dfa + CharDFA.any()
        base, shift = pool.add(dfa, UTF8) - LEAF, spelling(dfa.alphabet, UTF8).shift
        for state in range(len(dfa.rows)):
            rest, here = pool.rest_of(base + (state << shift)), {"": state}
            for word in words[1:]:
                before = here.get(word[:-1], -1)
                here[word] = -1 if before < 0 else dfa.rows[before][dfa.alphabet.class_of(ord(word[-1]))]
            accepted = frozenset(word for word in words if here[word] >= 0 and dfa.finals[here[word]])
            if rest is not None:
                shared += rest in said
                assert said.setdefault(rest, accepted) == accepted
    assert shared > len(said) > 10
