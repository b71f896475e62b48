"""A small benchmark that no noise touches: how much is done for a token, and how far ahead of Python the compiled kernels are.

Bounds are what was counted on 22 November 2026 and a quarter more. Where one breaks, tokens have become dearer: find out why.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from structgen.kernels import JIT

pytestmark = pytest.mark.skipif(not JIT, reason="counted with compiled kernels")

SCRIPT = str(Path(__file__).with_name("work.py"))


def counted(**environment: str) -> Any:
    """In a fresh process: what others left in the pools would make cold work look small."""
    done = subprocess.run([sys.executable, SCRIPT], capture_output=True, text=True, check=True, env={**os.environ, **environment})
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def work() -> Any:
    return counted()


def test_a_warm_token_is_two_look_ups(work: Any) -> None:
    """`mask` and `advance`, and seven calls a text: no kernel, no rule, no table."""
    assert set(work["warm"]) == {"python calls"}
    assert work["warm"]["python calls"] <= 2 * work["tokens"] + 7 * work["texts"]


def test_a_new_automaton_of_a_known_schema(work: Any) -> None:
    """Its states are new, the tables of its leaves are not."""
    again = work["again"]
    assert "token tables" not in again
    assert again["mask kernels"] <= 1.25 * 136  # 44 of them only say which twin it is
    assert again["step kernels"] <= 1.25 * 102
    assert again["rules and room"] <= 1.25 * 20
    assert again["python calls"] <= 1.25 * 3_880


def test_the_first_automaton_of_a_process(work: Any) -> None:
    cold = work["cold"]
    assert cold["mask kernels"] <= 1.25 * 221
    assert cold["token tables"] <= 1.25 * 38
    assert cold["python calls"] <= 1.25 * 13_483


def test_compiled_kernels_are_far_ahead_of_their_twins(work: Any) -> None:
    """The same calls on the same input take 119 times as much CPU where the kernels run as Python."""
    twins = counted(NUMBA_DISABLE_JIT="1")
    assert twins["kernels"]["seconds"] > 30 * work["kernels"]["seconds"]
