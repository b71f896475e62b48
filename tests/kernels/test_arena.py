"""Arenas: growth, and whose memory it is."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from structgen.kernels.arena import Arena, pages


@pytest.mark.parametrize("shared", [False, True])
def test_arrays_keep_what_they_have_when_they_grow(shared: bool) -> None:
    arena = Arena({"a": np.arange(5, dtype=np.int32), "b": np.zeros(3, np.uint8)}, shared=shared)
    handle, old = arena.handle, arena["a"]
    sizes = []
    for length in (5, 6, 1000, 100_000):
        arena.reserve("a", length, fill=-1)
        assert len(arena["a"]) >= length
        assert arena.sizes() == {"a": len(arena["a"]), "b": 3}
        assert arena["a"][:5].tolist() == [0, 1, 2, 3, 4]
        assert (arena["a"][5:] == -1).all()
        sizes.append(arena.nbytes)
    assert sizes == sorted(sizes)
    assert arena.handle is handle
    arena["a"][0] = 7
    assert old[0] == 0  # what other threads still read


def test_pages_are_zeros_that_may_be_written() -> None:
    made = pages(3000, np.int64)
    assert made.dtype == np.int64
    assert not made.any()
    made[-1] = 5
    assert made[-1] == 5


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no forks")
def test_a_fork_writes_pages_of_its_own() -> None:
    """Workers are forked from processes that have compiled grammars."""
    script = """
import os
from structgen.kernels.arena import pages
made = pages(9, "int32")
child = os.fork()
if not child:
    made[0] = 5
    os._exit(0)
os.waitpid(child, 0)
print(made[0])
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "0\n"
