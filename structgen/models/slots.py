"""A key-value cache whose rows are remembered by their tokens, so that a caller only ever speaks of whole prefixes.

    slots     0 1 2 3 4 5 6            one slot a column of the cache; `live` says which of them belong to the row
    row 0     a b c . . d .            tokens of the row, in the order of its live slots: a b c d
    row 1     a b x y z . e

A call brings prefixes. Each takes the cached row with which it shares the longest beginning (beams and copies take the same row), what
the row has beyond that is made dead, and the rest of the prefix is fed. New tokens are padded on the right, so no query is ever without a
key. Holes do no harm: positions are given explicitly, and the attention mask hides dead slots. When less than half of the slots are live,
rows are packed together again.

Needs a model that takes `position_ids` and attends to all earlier tokens; `hf` decides that. Not here: the forward pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch


@dataclass(frozen=True, slots=True)
class Feed:
    """The inputs of one forward pass over B rows, k new slots behind L old ones.

    `ids`, `positions` int64[B, k]; `attention` int64[B, L + k]; `last` int64[B]: the column of each row's last new token.
    """

    ids: torch.Tensor
    positions: torch.Tensor
    attention: torch.Tensor
    last: torch.Tensor


class Slots:
    """The rows of one transformers cache. `layers` of the cache have `keys` and `values` of shape [B, heads, L, width]."""

    def __init__(self, cache: Any) -> None:
        self.cache = cache
        self.rows: list[list[int]] = []
        self.live: npt.NDArray[np.bool_] = np.zeros((0, 0), np.bool_)

    def share(self, prefixes: Sequence[Sequence[int]]) -> list[tuple[int, int]]:
        """For each prefix the cached row that begins like it for longest, and for how many tokens (never the whole prefix)."""
        by_tokens = {tuple(row): k for k, row in enumerate(self.rows)}
        found = []
        for prefix in prefixes:
            parent = by_tokens.get(tuple(prefix[:-1]))  # the common case: one token was added to a row
            if parent is not None:
                found.append((parent, len(prefix) - 1))
                continue
            lengths = [_common(row, prefix) for row in self.rows] or [0]
            best = int(np.argmax(lengths))
            found.append((best, min(lengths[best], len(prefix) - 1)))
        return found

    def prepare(self, prefixes: Sequence[Sequence[int]], device: Any) -> Feed:
        """Select, cut and pack the cached rows for these (distinct, non-empty) prefixes, and say what must be fed. Call `commit` after
        the pass."""
        shared = self.share(prefixes)
        if self.rows:
            self._select([parent for parent, _ in shared], [length for _, length in shared])
        else:
            self.live = np.zeros((len(prefixes), 0), np.bool_)
        fresh = [list(prefix[length:]) for prefix, (_, length) in zip(prefixes, shared, strict=True)]
        count = np.array([len(tokens) for tokens in fresh])
        width = int(count.max())
        ids = np.zeros((len(prefixes), width), np.int64)
        positions = np.zeros_like(ids)
        new = np.arange(width) < count[:, None]
        for k, (tokens, (_, length)) in enumerate(zip(fresh, shared, strict=True)):
            ids[k, : len(tokens)] = tokens
            positions[k, : len(tokens)] = np.arange(length, length + len(tokens))
        self.live = np.concatenate([self.live, new], axis=1)
        self.rows = []  # until the pass has succeeded, nothing is known of the cache
        tensors = [torch.from_numpy(a).to(device) for a in (ids, positions, self.live.astype(np.int64), count - 1)]
        return Feed(*tensors)

    def commit(self, prefixes: Sequence[Sequence[int]]) -> None:
        """The pass went well: the cache holds these prefixes now."""
        self.rows = [list(prefix) for prefix in prefixes]

    def _select(self, parents: list[int], lengths: list[int]) -> None:
        """Rows become copies of `parents`, of which only the first `lengths` tokens stay."""
        if parents != list(range(len(self.live))):
            index = torch.tensor(parents)
            for layer in self.cache.layers:
                layer.keys = layer.keys.index_select(0, index.to(layer.keys.device))
                layer.values = layer.values.index_select(0, index.to(layer.values.device))
            self.live = self.live[parents]
        self.live = self.live & (np.cumsum(self.live, axis=1) <= np.array(lengths)[:, None])
        longest = max(lengths)
        if longest * 2 < self.live.shape[1] or not longest:
            self._pack(longest)

    def _pack(self, width: int) -> None:
        """Move the live slots of every row to the front, in order, and drop all columns from `width` on."""
        order = np.argsort(~self.live, axis=1, kind="stable")[:, :width]
        self.live = np.take_along_axis(self.live, order, axis=1)
        index = torch.from_numpy(order)
        for layer in self.cache.layers:
            for name in ("keys", "values"):
                old = getattr(layer, name)
                where = index.to(old.device)[:, None, :, None].expand(-1, old.shape[1], -1, old.shape[3])
                setattr(layer, name, torch.gather(old, 2, where))


def _common(a: Sequence[int], b: Sequence[int]) -> int:
    """The length of the common beginning."""
    n = min(len(a), len(b))
    if list(a[:n]) == list(b[:n]):
        return n
    return next(k for k in range(n) if a[k] != b[k])
