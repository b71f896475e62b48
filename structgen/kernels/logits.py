"""Kernels over one row of logits and one packed mask row.

Shapes: `logits` float32[V]; `mask` uint32[W], bit t & 31 of word t >> 5 is token t. V may be larger than 32 * W or than the vocabulary:
columns that the mask does not reach are removed. Sums are float64, and what is removed is summed by itself, never found by subtraction,
so a mass of 1e-30 is exact.

Here too is the choice of a token, so that a step of sampling is one call.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from structgen.kernels.linking import jit

OK, NOT_A_NUMBER, NOTHING_FINITE, NOTHING_ALLOWED = 0, 1, 2, 3


@jit
def measure(logits, mask, sums):
    """Fill `sums` float64[3] with the log of the mass of all, of the allowed and of the removed tokens; return a code.

    NOT_A_NUMBER: a NaN or +inf is among the logits. NOTHING_FINITE: all are -inf. NOTHING_ALLOWED: no allowed token has any mass.
    """
    width = mask.shape[0] * 32
    top = -np.inf
    for t in range(logits.shape[0]):
        x = logits[t]
        if np.isnan(x) or x == np.inf:
            return NOT_A_NUMBER
        top = max(top, x)
    if top == -np.inf:
        return NOTHING_FINITE
    best = -np.inf
    removed = 0.0
    for t in range(logits.shape[0]):
        if t < width and (mask[t >> 5] >> np.uint32(t & 31)) & np.uint32(1):
            best = max(best, logits[t])
        else:
            removed += np.exp(np.float64(logits[t]) - top)
    allowed = 0.0  # scaled by its own maximum: rare allowed tokens keep their digits
    if best > -np.inf:
        for t in range(min(width, logits.shape[0])):
            if (mask[t >> 5] >> np.uint32(t & 31)) & np.uint32(1):
                allowed += np.exp(np.float64(logits[t]) - best)
    sums[1] = best + np.log(allowed) if allowed > 0.0 else -np.inf
    sums[2] = top + np.log(removed) if removed > 0.0 else -np.inf
    high, low = max(sums[1], sums[2]), min(sums[1], sums[2])
    sums[0] = high + np.log1p(np.exp(low - high))
    return OK if allowed > 0.0 else NOTHING_ALLOWED


@jit
def best_token(logits, mask):
    """The allowed token with the highest logit, the lowest id among equals; -1 where no allowed token has any mass."""
    best, found = -np.inf, -1
    for t in range(min(mask.shape[0] * 32, logits.shape[0])):
        if logits[t] > best and (mask[t >> 5] >> np.uint32(t & 31)) & np.uint32(1):
            best, found = logits[t], t
    return found


def draw_token(logits: Any, mask: Any, temperature: float, top_k: int, top_p: float, uniform: float, chance: Any) -> int:
    """An allowed token drawn by `uniform` in [0, 1); -1 where no allowed token has any mass.

    The law: softmax of logits / temperature over the allowed tokens; of these the `top_k` likeliest (0: all); of these the smallest set
    that has at least `top_p` of the mass, with the token that crosses the line. The log of the probability of the drawn token under this
    law goes to chance[0].
    """
    limit = min(mask.shape[0] * 32, logits.shape[0])
    ids, weights = np.empty(limit, np.int64), np.empty(limit, np.float64)
    n = weigh(logits, mask, temperature, ids, weights)
    if n == 0:
        return -1
    ids, weights = ids[:n], weights[:n]
    if top_k > 0 or top_p < 1.0:
        ids, weights = _truncate(ids, weights, top_k, top_p)
    return int(ids[pick(weights, uniform, chance)])


@jit
def weigh(logits, mask, temperature, ids, weights):
    """Write the allowed tokens that have mass to the front of `ids`, their weights (the highest is 1) to `weights`; return their count."""
    n, top = 0, -np.inf
    for t in range(ids.shape[0]):
        if logits[t] > -np.inf and (mask[t >> 5] >> np.uint32(t & 31)) & np.uint32(1):
            ids[n] = t
            weights[n] = np.float64(logits[t]) / temperature
            top = max(top, weights[n])
            n += 1
    for i in range(n):
        weights[i] = np.exp(weights[i] - top)
    return n


@jit
def pick(weights, uniform, chance):
    """The index that `uniform` falls on; the log of its share goes to chance[0]."""
    total = 0.0
    for i in range(weights.shape[0]):
        total += weights[i]
    goal, passed, chosen = uniform * total, 0.0, weights.shape[0] - 1
    for i in range(weights.shape[0]):
        passed += weights[i]
        if passed > goal:
            chosen = i
            break
    while weights[chosen] == 0.0:  # underflow at the end of the row: never draw what has no mass
        chosen -= 1
    chance[0] = np.log(weights[chosen] / total)
    return chosen


def _truncate(ids: Any, weights: Any, top_k: int, top_p: float) -> tuple[Any, Any]:
    """The `top_k` likeliest first, then the `top_p` nucleus, in order of weight; numpy sorts faster than numba compiles a sort."""
    if 0 < top_k < ids.shape[0]:  # drop what is surely below the k-th, so that the sort is short
        line = np.partition(weights, -top_k)[-top_k]
    else:  # tokens this light have at most 1 - p together, so they lie behind the nucleus
        line = (1.0 - top_p) * weights.sum() / ids.shape[0] * 0.999
    kept = np.flatnonzero(weights >= line)
    total = weights.sum()
    order = kept[np.argsort(-weights[kept], kind="stable")]  # equal weights stay in the order of ids
    if 0 < top_k < ids.shape[0]:
        order = order[:top_k]
        total = weights[order].sum()
    if top_p < 1.0:
        order = order[: 1 + int(np.searchsorted(np.cumsum(weights[order]), top_p * total * (1.0 - 1e-12)))]
    return ids[order], weights[order]
