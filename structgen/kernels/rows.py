"""Packed rows and lists of the tokens in them."""

from __future__ import annotations

import numpy as np

from structgen.kernels.arena import pointer_to
from structgen.kernels.linking import jit


@jit
def list_ids(row, ids):
    """Write the tokens of a row, ascending, into `ids`: how many, or -1 where there are more than it holds."""
    words, into, count, room = pointer_to(row), pointer_to(ids), 0, ids.shape[0]
    for w in range(row.shape[0]):
        word = np.int64(words[w])
        if word == 0:
            continue
        for byte in range(4):
            bits = word >> (8 * byte) & 255
            token = 32 * w + 8 * byte
            while bits:
                if bits & 1:
                    if count == room:
                        return -1
                    into[count] = token
                    count += 1
                bits >>= 1
                token += 1
    return count


@jit
def expand(ids, row):
    """Set the bits of tokens in a row."""
    words, tokens = pointer_to(row), pointer_to(ids)
    for j in range(ids.shape[0]):
        words[tokens[j] >> 5] |= np.uint32(1) << np.uint32(tokens[j] & 31)
