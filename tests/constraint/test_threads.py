"""Eight threads on one automaton, and on several automata of one vocabulary, give what one thread gives; arrays grow meanwhile."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import Any

import numpy as np
import pytest
from conftest import SCALE

import structgen.api as sg
from structgen.constraint.automaton import TokenAutomaton
from structgen.constraint.grammar import Grammar
from structgen.vocab.vocabulary import Vocabulary

THREADS = 8
PIECES = [b'{"', b'":', b'"a', b'a"', b'",', b'\\"', b"\\u00", b"12", b"],", b"[[", b"null", "é".encode(), b'"}', b"aaaa"]
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "a": {"type": "array", "items": {"type": "string", "minLength": 1, "maxLength": 90}},
        "b": {"type": "object", "additionalProperties": {"type": "integer"}},
        "aa": {"$ref": "#"},
    },
    "required": ["a"],
}


def vocabulary(salt: int) -> Vocabulary:
    """A vocabulary of its own, so that no table is there before; its tokens behave like those of the others."""
    return Vocabulary.from_bytes([*(bytes([i]) for i in range(256)), *PIECES, b"<%04d>" % salt, b""], eos=256 + len(PIECES) + 1)


def journey(automaton: TokenAutomaton, seed: int, steps: int) -> list[tuple[int, bytes]]:
    """A random walk under the masks: the token taken and the row, by step. States may be numbered otherwise elsewhere."""
    rng, state, found = Random(seed), automaton.start(), []
    for _ in range(steps):
        row = automaton.mask(state)
        allowed = np.flatnonzero(np.unpackbits(row.view(np.uint8), bitorder="little"))
        token = int(allowed[rng.randrange(len(allowed))])
        found.append((token, row.tobytes()))
        state = automaton.advance(state, token)
        assert state
        if token in automaton.vocabulary.stop_ids:
            state = automaton.start()
    return found


def grammars() -> list[Grammar]:
    return [
        sg.json_schema(SCHEMA),
        sg.json_schema(SCHEMA, style="any"),
        sg.regex(r'(\{"a":\[("[^"\\]{1,60}",?)*\]\}|[a-z]{2,99})*'),
        sg.lark('start: "[" start* "]" | "a"+'),
    ]


@pytest.mark.parametrize("shared", [True, False])
def test_eight_threads_give_the_rows_of_one(shared: bool) -> None:
    steps = int(400 * SCALE)
    alone = [[journey(g.compile(vocabulary(0)), 10 * k + j, steps) for j in range(2)] for k, g in enumerate(grammars())]
    for attempt in range(3):
        vocab = vocabulary(1 + attempt + 10 * shared)
        made = grammars()
        one = [g.compile(vocab) for g in made]

        def work(n: int, one: list[TokenAutomaton] = one, vocab: Vocabulary = vocab) -> bool:
            k, j = n % 4, n // 4
            automaton = one[k] if shared else grammars()[k].compile(vocab)
            return journey(automaton, 10 * k + j, steps) == alone[k][j]

        with ThreadPoolExecutor(THREADS) as pool:
            assert all(pool.map(work, range(THREADS)))


def test_all_threads_in_one_automaton_agree_on_states() -> None:
    automaton = sg.json_schema(SCHEMA).compile(vocabulary(99))

    def states(seed: int) -> dict[tuple[int, int], int]:
        rng, state, found = Random(seed % 3), automaton.start(), {}
        for _ in range(int(300 * SCALE)):
            row = automaton.mask(state)
            allowed = np.flatnonzero(np.unpackbits(row.view(np.uint8), bitorder="little"))
            token = int(allowed[rng.randrange(len(allowed))])
            found[state, token] = after = automaton.advance(state, token)
            state = after if token not in automaton.vocabulary.stop_ids else automaton.start()
        return found

    with ThreadPoolExecutor(THREADS) as pool:
        results = list(pool.map(states, range(THREADS)))
    for found in results:
        assert all(automaton.advance(*key) == value for key, value in found.items())
