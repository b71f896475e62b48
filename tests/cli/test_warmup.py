"""The warm-up leaves nothing to compile: a real run afterwards loads and compiles no kernel."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from structgen.kernels import JIT
from structgen.kernels.compiling import CLOCK
from structgen.warmup import KERNELS, entry_points, kernels, warm, watch

needs_jit = pytest.mark.skipif(not JIT, reason="there is no compiler in this run (NUMBA_DISABLE_JIT=1)")

# In a process of its own: what is compiled or loaded after `warm` is what `warm` forgot.
REAL_RUN = """
import datetime, json
from structgen.warmup import entry_points, warm
warm()
before = entry_points()
import numpy as np
import structgen as sg
from structgen.frontends.library import grammar_names, grammar_text
from structgen.kernels.compiling import CLOCK
from structgen.tiny import path
from structgen.tiny.tasks import TASKS
compiled = CLOCK.kernels
vocabulary = sg.Vocabulary.from_tokenizer(str(path() / "tokenizer.json"))
rng = np.random.default_rng(1)
grammars = [sg.json_schema(task.schema, style=style) for task in TASKS.values() if task.schema for style in ("default", "any")]
grammars += [sg.lark(grammar_text(name)) for name in grammar_names()]
grammars += [sg.python_type(dict[str, datetime.date]), sg.regex("(a|b{3,200})*c?"), sg.choice(["x", "xy"]).repeat(2, 5)]
for grammar in grammars:
    automaton = sg.compile(grammar, vocabulary)
    rows = np.zeros((2, vocabulary.words), np.uint32)
    state, text = automaton.start(), []
    for _ in range(60):
        row = automaton.mask(state)
        allowed = np.flatnonzero(np.unpackbits(row.view(np.uint8), bitorder="little"))
        token = int(rng.choice(allowed))
        automaton.fill([state, state], rows)
        automaton.forced(state)
        if token in vocabulary.stop_ids:
            break
        state = automaton.advance(state, token)
        text.append(token)
    grammar.explain(vocabulary.decode(text))
sg.compile(sg.regex("[ab]{3}"), vocabulary).distance(3)
model = sg.load((lambda prefixes: np.tile(np.linspace(1, 0, vocabulary.size), (len(prefixes), 1)), vocabulary))
for drawing in ({}, {"temperature": 1.0, "top_k": 5, "top_p": 0.9, "seed": 1}, {"n": 3, "temperature": 0.5}):
    model.generate("Task: ", {"type": "array", "items": {"enum": [1, 2]}}, max_tokens=9, **drawing)
after = entry_points()
print(json.dumps({"compiled": CLOCK.kernels - compiled, "new": [name for name in after if after[name] != before[name]]}))
"""


@needs_jit
def test_a_real_run_compiles_nothing_more() -> None:
    done = subprocess.run([sys.executable, "-c", REAL_RUN], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == '{"compiled": 0, "new": []}'


@needs_jit
def test_warm_twice_compiles_once() -> None:
    warm()
    calls: list[tuple[str, int, int]] = []
    again = warm(lambda *call: calls.append(call))
    assert (again.compiled, calls) == (0, [])
    assert again.folder.is_dir()


@needs_jit
def test_watch_reports_what_is_compiled() -> None:
    calls: list[tuple[str, int, int]] = []
    heard = CLOCK.on_kernel
    with watch(lambda *call: calls.append(call)):
        CLOCK.on_kernel("mask", False)  # type: ignore[misc]
        CLOCK.on_kernel("impl", True)  # type: ignore[misc] - numba's own helpers are not counted
        CLOCK.on_kernel("mask", True)  # type: ignore[misc]
    assert calls == [("mask", 0, len(KERNELS)), ("mask", 1, len(KERNELS))]
    assert CLOCK.on_kernel is heard


@needs_jit
def test_kernels_are_found_by_name() -> None:
    warm()
    found = entry_points()
    assert {name: kinds for name, kinds in found.items() if name in KERNELS} == KERNELS
    assert all(kernel.__doc__ for kernel in kernels().values())


@needs_jit
def test_a_cold_warm_up_compiles_each_kernel_once_whoever_does_it(tmp_path: Path) -> None:
    code = """
from structgen import warmup
from structgen.kernels import cache
calls = []
warmup.KERNELS = {name: warmup.KERNELS[name] for name in ("survey.pack", "rows.expand", "logits.pick", "lookup.find")}
done = warmup.warm(lambda *call: calls.append(call))
print(done.compiled, max(call[1:] for call in calls), sorted({call[0] for call in calls}), len(list(done.folder.iterdir())))
"""
    run = [sys.executable, "-c", code]
    env = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    names = ["logits.pick", "lookup.find", "rows.expand", "survey.pack"]
    assert subprocess.run(run, env=env, capture_output=True, text=True, check=True).stdout == f"4 (4, 4) {names} 4\n"


@pytest.mark.skipif(JIT, reason="for runs without a compiler")
def test_without_a_compiler_nothing_happens() -> None:
    assert warm().compiled == 0
