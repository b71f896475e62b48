"""Tries of many strings, written into the arrays of a machine in bulk.

Not here: strings that are few enough to be written one by one (`assemble`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from structgen.automata.letters import FREE, FRESH
from structgen.kernels.tables import CALLS, EDGES, HIGH, LOW, NEXT, PUSH, TO
from structgen.vocab.trie import Trie

if TYPE_CHECKING:
    from collections.abc import Mapping

    from structgen.automata.assemble import Assembler

Nodes = npt.NDArray[np.int32]


def write_trie(to: Assembler, trie: Trie, a: int, b: int, *, empty: bool, escape: int, behind: Mapping[int, int]) -> None:
    """Write a trie between nodes a and b: its node i becomes node base + i, and edge at + i leads there. `empty`: the empty string is one
    of its strings. `behind`: for some bytes, the node behind the byte `escape` that stands for the beginning of their other spellings."""
    n = len(trie.byte)
    ends = np.flatnonzero(trie.first[1:] > trie.first[:-1])
    to.claim(to.nodes + n, to.edges + 2 * n, to.calls + len(ends) + 1)
    base, at, call = to.nodes, to.edges, to.calls
    index = np.arange(n)
    every, edge, calls = (to.arena[name].reshape(-1, width) for name, width in (("node", 5), ("edge", 5), ("call", 3)))
    nodes, edges = every[base : base + n], edge[at : at + n]
    nodes[:] = FRESH
    nodes[:, EDGES] = np.where(trie.end > index + 1, at + index + 1, -1)
    nodes[ends, CALLS] = call + np.arange(len(ends))
    edges[:, LOW] = edges[:, HIGH] = trie.byte
    edges[:, TO] = base + index
    edges[:, PUSH] = -1
    has_next = (trie.end < n) & (trie.depth[np.minimum(trie.end, n - 1)] == trie.depth)
    edges[:, NEXT] = np.where(has_next, at + trie.end, -1)
    if n:  # the edges of the root continue the list of node a
        tops = np.flatnonzero(trie.depth == 0)
        edges[tops[-1], NEXT] = every[a, EDGES]
        every[a, EDGES] = at
    calls[call : call + len(ends)] = FREE, b, -1
    if behind:
        others = np.full(256, -1, np.int32)
        others[list(behind)] = list(behind.values())
        at += _respell(to, trie, others[trie.byte], first=escape, at=at, a=a)
    to.nodes, to.edges, to.calls = base + n, at + n, call + len(ends)
    if empty:
        calls[to.calls] = FREE, b, every[a, CALLS]
        every[a, CALLS] = to.calls
        to.calls += 1


def _respell(to: Assembler, trie: Trie, behind: Nodes, *, first: int, at: int, a: int) -> int:
    """Beside each edge of a trie, one for the byte `first` to the node `behind` it (-1: none), behind the `at` + n edges there are.

    How many edges these are.
    """
    every, edge = (to.arena[name].reshape(-1, 5) for name in ("node", "edge"))
    n, base = len(trie.byte), to.nodes
    child = np.flatnonzero(behind >= 0)
    parent = np.where(trie.depth[child] == 0, a, 0)
    for depth in range(1, int(trie.depth.max(initial=0)) + 1):
        above = np.flatnonzero(trie.depth == depth - 1)
        here = np.flatnonzero(trie.depth[child] == depth)
        parent[here] = base + above[np.searchsorted(above, child[here]) - 1]
    order = np.argsort(parent, kind="stable")
    child, parent = child[order], parent[order]
    new = edge[at + n : at + n + len(child)]
    new[:, LOW] = new[:, HIGH] = first
    new[:, TO] = behind[child]
    new[:, PUSH] = base + child
    last = np.append(parent[1:] != parent[:-1], True) if len(parent) else np.zeros(0, np.bool_)
    new[:, NEXT] = np.where(last, every[parent, EDGES], at + n + np.arange(1, len(child) + 1))
    heads = np.append(True, last[:-1]) if len(parent) else last
    every[parent[heads], EDGES] = at + n + np.flatnonzero(heads)
    return len(child)
