"""Kernels against plain Python: the hash table, leaf steps, contexts and states, the survey of a vocabulary and merged tries."""

from __future__ import annotations

from random import Random

import numpy as np
from conftest import SCALE
from hypothesis import given, settings
from hypothesis import strategies as st

from structgen.automata.leaves import pool
from structgen.automata.machine import ByteAutomaton
from structgen.constraint.automaton import TokenAutomaton
from structgen.constraint.tables import TokenTables
from structgen.ir.chars import of_text
from structgen.ir.encoding import JSON, UTF8
from structgen.ir.expr import Alt, Leaf, Lit, Repeat, Rule, Seq
from structgen.ir.regular import CharDFA
from structgen.kernels import lookup
from structgen.kernels import tables as t
from structgen.vocab.vocabulary import Vocabulary

LAW = settings(derandomize=True, deadline=None, database=None, max_examples=max(5, int(60 * SCALE)))


def fresh_index(cells: int) -> np.ndarray:
    index = np.full(2 * (cells + 1), -1, np.int64)
    index[0] = cells
    return index


@given(st.dictionaries(st.integers(0, (3 << 60) | (1 << 30)), st.integers(0, 1 << 40), max_size=100))
@LAW
def test_the_hash_table_is_a_dictionary(wanted: dict[int, int]) -> None:
    index = fresh_index(256)
    keys, values = np.array(list(wanted), np.int64), np.array(list(wanted.values()), np.int64)
    half = len(keys) // 2
    for part in (slice(0, half), slice(half, None), slice(0, half)):  # entering twice changes nothing
        lookup.enter(index, np.ascontiguousarray(keys[part]), np.ascontiguousarray(values[part]))
    assert all(lookup.find(index, key) == value for key, value in wanted.items())
    assert all(lookup.find(index, key ^ 1) == wanted.get(key ^ 1, -1) for key in wanted)
    assert int((index[2::2] >= 0).sum()) == len(wanted)


def test_neighbouring_keys_spread() -> None:
    """A full table of small keys stays fast: no key is far from its cell."""
    index = fresh_index(1 << 12)
    keys = np.array(
        [(int(lookup.OF_MERGE) << 60) | ((256 * a + b) << 30) | c for a in range(4) for b in range(256) for c in (0, 1)], np.int64
    )
    lookup.enter(index, keys, np.arange(len(keys)))
    taken = index[2::2] >= 0
    runs = np.diff(np.flatnonzero(np.diff(np.concatenate([[0], taken.view(np.int8), [0]]))))[::2]
    assert runs.max() < 60
    assert [lookup.find(index, int(key)) for key in keys] == list(range(len(keys)))


# ---- the survey of a vocabulary from a leaf node, and merged exits ----

ALPHABET = [b"a", b"b", b'"', "é".encode(), b"\\n", b"\xc3"]


def toy(rng: Random) -> Vocabulary:
    tokens: list[bytes] = [b"".join(rng.choices(ALPHABET, k=rng.randrange(1, 6))) for _ in range(30)]
    return Vocabulary.from_bytes([*tokens, tokens[0], b""], eos=31)


def dfa(rng: Random) -> CharDFA:
    one = CharDFA.of_chars(of_text(rng.choice(["a", "ab", "aé", "é\n"])))
    return rng.choice(
        [one, one.repeat(), one.repeat(1, 3), one + CharDFA.of_string("b").optional(), CharDFA.of_strings(["a", "aé", "b\n"])]
    )


def ends(leaf: Leaf, data: bytes) -> tuple[list[int], bool]:
    """Where the leaf may end inside `data` (numbers of bytes), and whether all of `data` stays inside it: by reading byte after byte."""
    machine = ByteAutomaton(leaf)
    found = [n for n in range(1, len(data) + 1) if machine.accepts(data[:n])]
    return found, machine.read(data)[0] == len(data)


@given(st.integers(0, 10**6))
@LAW
def test_a_survey_finds_the_tokens_that_stay_and_the_exits(seed: int) -> None:
    rng = Random(seed)
    vocab, leaf = toy(rng), Leaf(dfa(rng), rng.choice([UTF8, JSON["any"]]))
    tables = TokenTables(vocab.texts, pool())
    ids, _, _, exits, _ = tables._survey(pool().add(leaf.dfa, leaf.encoding) - t.LEAF)
    stay, rests = set(), set()
    for token, data in enumerate(vocab.tokens):
        if data:
            out, inside = ends(leaf, data)
            if inside:
                stay.add(token)
            rests |= {(data[:n], data[n]) for n in out if n < len(data)}
    assert sorted(ids.tolist()) == sorted(stay)
    paths = path_of(vocab)
    assert sorted((paths[x][:-1], paths[x][-1]) for x in exits.tolist()) == sorted(rests)


def path_of(vocab: Vocabulary) -> list[bytes]:
    """The bytes down to each node of the trie."""
    paths: list[bytes] = []
    stack: list[bytes] = []
    for byte, depth in zip(vocab.texts.trie.byte.tolist(), vocab.texts.trie.depth.tolist(), strict=True):
        stack = [*stack[:depth], (stack[depth - 1] if depth else b"") + bytes([byte])]
        paths.append(stack[-1])
    return paths


@given(st.integers(0, 10**6))
@LAW
def test_rests_of_tokens_behind_a_leaf(seed: int) -> None:
    """Survey, merge and the walk behind exits together: a leaf followed by something, against reading every token byte by byte."""
    rng = Random(seed)
    vocab = toy(rng)
    leaf = Leaf(dfa(rng), rng.choice([UTF8, JSON["any"]]), low=rng.randrange(2), high=rng.choice([None, 2, 40]))
    after = Alt((Lit(b"a"), Lit(b'"b'), Lit("é".encode()), Repeat(Lit(b"ba"), 1, None)))
    automaton = TokenAutomaton(ByteAutomaton(Seq((leaf, after))), vocab)
    judge = ByteAutomaton(Seq((leaf, after)))
    state, text = automaton.start(), b""
    for _ in range(6):
        row = automaton.mask(state)
        allowed = [token for token in range(vocab.size) if row[token >> 5] >> (token & 31) & 1]
        expected = [token for token, data in enumerate(vocab.tokens) if data and judge.read(text + data)[0] == len(text + data)]
        assert [token for token in allowed if token != 31] == expected
        assert (31 in allowed) == judge.accepts(text)
        if not expected:
            break
        token = rng.choice(expected)
        state, text = automaton.advance(state, token), text + vocab.tokens[token]


# ---- hash-consing ----


def test_contexts_and_states_are_canonical() -> None:
    """No two contexts have the same pairs, no two states the same items; pairs and items are sorted and distinct."""
    inner: Rule = Rule(
        lambda: Alt((Lit(b"x"), Seq((Lit(b"["), inner, Lit(b"]"))), Seq((Lit(b"["), inner, Lit(b")"))), Seq((Lit(b"x"), inner))))
    )
    machine = ByteAutomaton(inner)
    rng = Random(2)
    for _ in range(int(300 * SCALE)):
        machine.read("".join(rng.choices("[x])", weights=[4, 3, 2, 1], k=14)).encode())
    arena, n = machine.arena, machine.arena["n"]
    contexts = []
    for c in range(1, int(n[t.CTX])):
        pairs = arena["ctx_pair"][2 * arena["ctx_off"][c] : 2 * arena["ctx_off"][c + 1]].reshape(-1, 2).tolist()
        assert pairs == sorted(pairs)
        contexts.append(tuple(map(tuple, pairs)))
    assert len(set(contexts)) == len(contexts)
    assert all(len(set(pairs)) == len(pairs) for pairs in contexts)
    states = [(tuple(machine.items(s)), machine.is_final(s)) for s in range(2, machine.states)]
    assert len(set(states)) == len(states)
    assert all(len({node for node, _ in items}) == len(items) for items, _ in states)


def test_growing_arenas_keep_states() -> None:
    """Hash tables and arrays are rebuilt many times while a large language is read; every state keeps its number and its meaning."""
    words = Repeat(Alt((Leaf(CharDFA.of_chars(of_text("0123456789")).repeat(1, 70)), Lit(b","), Seq((Lit(b"("), Lit(b")"))))), 0, 2000)
    machine = ByteAutomaton(words)
    sizes = {name: machine.arena[name].size for name in ("off", "item", "hash", "move_key", "ctx_pair")}
    text = b"12,()" * int(380 * SCALE)
    seen = [machine.read(text[:k], None)[1] for k in range(0, len(text), 97)]
    machine.read(text)
    assert [machine.read(text[:k], None)[1] for k in range(0, len(text), 97)] == seen
    assert sum(machine.arena[name].size > size for name, size in sizes.items()) >= (3 if SCALE == 1 else 1)
    fresh = ByteAutomaton(words)
    for k in range(0, len(text), 97):
        assert fresh.is_final(fresh.read(text[:k])[1]) == machine.is_final(seen[k // 97])
