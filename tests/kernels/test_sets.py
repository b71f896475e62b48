"""Hash-consed sets and frames against Python's sets; plain texts of JSON strings against `json`."""

from __future__ import annotations

import json
from random import Random

import numpy as np
from conftest import SCALE
from texts import text_from

from structgen.automata.machine import ByteAutomaton
from structgen.ir.expr import Lit
from structgen.kernels import sets
from structgen.kernels import tables as t
from structgen.kernels.linking import jit
from structgen.kernels.tables import machine_of
from structgen.kernels.texts import plain


@jit
def inserted(h, s, e):
    return sets.insert(machine_of(h), s, e)


@jit
def contains(h, s, e):
    return sets.has(machine_of(h), s, e)


@jit
def plain_of(h, data, quoted):
    M = machine_of(h)
    text = text_from(M, data)
    return text if text < 0 else plain(M, text, np.int64(0), quoted)[0]


def text_of(machine: ByteAutomaton, text: int) -> bytes:
    records = machine.arena["text_node"].reshape(-1, 2)
    found = bytearray()
    while text > t.EMPTY:
        found.append(records[text, t.TEXT_LAST])
        text = int(records[text, t.TEXT_UP])
    return bytes(reversed(found))


def test_sets_are_what_was_put_in_and_equal_ones_are_one() -> None:
    rng = Random(1)
    machine = ByteAutomaton(Lit(b"a"))
    made: dict[frozenset[int], int] = {frozenset(): 0}
    for _ in range(int(120 * SCALE)):
        spread = rng.choice([20, 300, 5000, 1 << 20, 1 << 27])
        members = [rng.randrange(spread) for _ in range(rng.randrange(1, 40))]
        s = 0
        for i, e in enumerate(members):
            s = machine.call(inserted, machine.handle, s, e)
            assert made.setdefault(frozenset(members[: i + 1]), s) == s, (members, i)
        for e in [*members, *(rng.randrange(spread) for _ in range(20)), spread, 1 << 27]:
            assert bool(contains(machine.handle, s, e)) == (e in members), (members, e)
    assert len(set(made.values())) == len(made)


def test_plain_texts_are_what_json_reads() -> None:
    rng = Random(2)
    machine = ByteAutomaton(Lit(b"a"))
    for _ in range(int(400 * SCALE)):
        said = "".join(rng.choice('ab"\\/\n\t\b\f\ré€😀\x7f\x01') for _ in range(rng.randrange(8)))
        spelled = json.dumps(said, ensure_ascii=rng.random() < 0.5)
        if rng.random() < 0.3:  # digits in the other case; spellings of single characters that `dumps` does not use
            spelled = spelled.replace("\\u00e9", "\\u00E9").replace("\\ud83d", "\\uD83D")
        if "\\" not in spelled and rng.random() < 0.5:
            spelled = spelled.replace("b", "\\u0062").replace("/", "\\/")
        assert json.loads(spelled) == said
        found = machine.call(plain_of, machine.handle, np.frombuffer(spelled.encode(), np.uint8), True)
        assert text_of(machine, int(found)).decode() == said, spelled
        raw = machine.call(plain_of, machine.handle, np.frombuffer(spelled.encode(), np.uint8), False)
        assert text_of(machine, int(raw)) == spelled.encode()
