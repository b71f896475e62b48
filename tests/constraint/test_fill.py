"""Batches over many automata: each row is the mask of its state, whatever array they are written to."""

from __future__ import annotations

import os
from random import Random
from typing import Any

import numpy as np
import pytest

import structgen as sg
from structgen.constraint.fill import fill
from structgen.constraint.protocol import Unconstrained
from structgen.errors import OptionError
from structgen.kernels import batch

VOCAB = sg.Vocabulary.from_bytes([*(bytes([b]) for b in range(256)), b""], eos=256)


def sequences(rng: Random, count: int) -> tuple[list[Any], list[int]]:
    """Automata of different grammars, and a state of each."""
    constraints, states = [], []
    for k in range(count):
        one: Any = Unconstrained(VOCAB) if k % 5 == 4 else sg.compile(sg.regex(rf"[a-{chr(98 + k % 20)}]+x{{{k}}}"), VOCAB)
        state = one.start()
        for _ in range(rng.randrange(4)):
            state = one.advance(state, ord(rng.choice("abx")))
        constraints.append(one)
        states.append(state)
    return constraints, states


@pytest.mark.parametrize("make", [np.zeros, "int32", "torch"], ids=str)
def test_rows_of_many_automata(make: Any) -> None:
    constraints, states = sequences(Random(1), 11)
    expected = np.stack([one.mask(state) for one, state in zip(constraints, states, strict=True)])
    if make == "torch":
        torch = pytest.importorskip("torch")
        out = torch.full((11, VOCAB.words), 7, dtype=torch.int32)
    else:
        out = np.full((11, VOCAB.words), 7, np.int32 if make == "int32" else np.uint32)
    fill(constraints, states, out)
    assert np.array_equal(np.asarray(out).view(np.uint32), expected)
    wide = np.zeros((40, VOCAB.words + 3), np.uint32)
    rows = Random(2).sample(range(40), 11)
    fill(constraints, states, wide[:, 2:-1], rows)
    assert np.array_equal(wide[rows, 2:-1], expected)
    wide[rows] = 0
    assert not wide.any()


def test_large_batches_are_shared_among_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "_PART", 64)
    monkeypatch.setattr(batch, "_cores", lambda: 3)
    constraints, states = sequences(Random(3), 9)
    out = np.zeros((90, VOCAB.words), np.uint32)
    fill(10 * constraints, 10 * states, out)
    for k in range(90):
        assert np.array_equal(out[k], constraints[k % 9].mask(states[k % 9]))
    child = os.fork() if hasattr(os, "fork") else 0
    if child == 0 and hasattr(os, "fork"):  # a forked process has none of its parent's threads
        again = np.zeros_like(out)
        fill(10 * constraints, 10 * states, again)
        os._exit(0 if np.array_equal(again, out) else 1)
    assert child == 0 or os.waitpid(child, 0)[1] == 0


def test_empty_batches() -> None:
    fill([], [], np.zeros((0, VOCAB.words), np.uint32))
    fill([], [], np.zeros((3, VOCAB.words), np.uint32), [])


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ((1, 2, np.zeros((2, 9), np.uint32)), "2 states"),
        ((1, 1, np.zeros((1, 8), np.uint32)), r"uint32\[1, 8\]"),
        ((1, 1, np.zeros((2, 9), np.uint32)), r"uint32\[2, 9\]"),
        ((1, 1, np.zeros((1, 9), np.int64)), "int64"),
        ((1, 1, np.zeros((1, 18), np.uint32)[:, ::2]), "out is"),
        ((1, 1, [[0] * 9]), "list"),
        ((1, 1, np.zeros((3, 9), np.uint32), [3]), "rows"),
        ((1, 1, np.zeros((3, 9), np.uint32), [-1]), "rows"),
        ((1, 1, np.zeros((3, 9), np.uint32), [1.0]), "rows 1.0 to 1.0"),
        ((1, 1, np.zeros((3, 9), np.uint32), [1, 2]), "2 rows"),
    ],
)
def test_what_does_not_fit_is_refused(arguments: Any, why: str) -> None:
    one = sg.compile(sg.regex("ab"), VOCAB)
    constraints, states, *rest = arguments
    with pytest.raises(OptionError, match=why):
        fill([one] * constraints, [one.start()] * states, *rest)


def test_what_is_no_state_is_refused() -> None:
    one = sg.compile(sg.regex("ab"), VOCAB)
    with pytest.raises(OptionError, match=r"1\.5 is no state"):
        fill([one], [1.5], np.zeros((1, 9), np.uint32))  # type: ignore[list-item]


@pytest.mark.parametrize("kind", ["bfloat16", "float32", "int64"])
def test_tensors_of_another_kind_are_named(kind: str) -> None:
    torch = pytest.importorskip("torch")
    one = sg.compile(sg.regex("ab"), VOCAB)
    out = torch.zeros((1, VOCAB.words), dtype=getattr(torch, kind), requires_grad=kind == "float32")
    with pytest.raises(OptionError, match=rf"torch\.{kind}\[1, 9\]"):
        fill([one], [one.start()], out)
