"""Packed rows and lists of the tokens in them."""

from __future__ import annotations

import numpy as np

from structgen.kernels.arena import pointer_to, u32
from structgen.kernels.linking import jit

LONG = 1 << 32
"""What is from here on is no number of tokens."""

_BLOCK = 64
_DE_BRUIJN = 0x077CB531  # every five bits of it are others, so they tell where a single bit is
_PLACE = np.zeros(32, np.int64)
for _k in range(32):
    _PLACE[(_DE_BRUIJN << _k & 0xFFFFFFFF) >> 27] = _k


@jit
def listed(words, size, into, room):
    """Write the tokens of a row of so many words, ascending: how many, or -1 where there are more than `room`."""
    count = np.int64(0)
    for at in range(0, size, _BLOCK):
        stop, some = min(at + _BLOCK, size), np.uint32(0)
        for w in range(at, stop):  # mostly nothing: done in vectors, a row without tokens takes 0.7 us instead of 4.5
            some |= words[w]
        if some == 0:
            continue
        for w in range(at, stop):
            bits, token = np.int64(words[w]), 32 * w
            while bits:
                if count == room:
                    return np.int64(-1)
                into[count] = token + _PLACE[((bits & -bits) * _DE_BRUIJN & 0xFFFFFFFF) >> 27]
                count += 1
                bits &= bits - 1
    return count


@jit
def told(words, size, into):
    """What says which row this is: how many tokens it has, which are listed; or where they are more than a sixteenth of the words, LONG and
    more: a number that is mostly another one for another row."""
    count = listed(words, size, into, max(1, size >> 4))
    if count >= 0:
        return count
    h = np.int64(0)
    for w in range(size):
        h += np.int64(words[w]) * ((w * 0x9E37 + 0x79B9) & 0x7FFF)  # 47 bits: nothing overflows below 64k words
    return LONG + ((h ^ (h >> 31)) & (LONG - 1))


@jit
def tell(row, ids):
    """`told` of an array."""
    return told(pointer_to(row), row.shape[0], pointer_to(ids))


@jit
def are_same(a, b, size):
    """Whether two rows of so many words, given by their addresses, are equal."""
    one, other, different = u32(a), u32(b), np.uint32(0)
    for w in range(size):
        different |= one[w] ^ other[w]
    return np.int64(different == 0)


@jit
def expand(ids, into, size):
    """Make the memory at an address a row of so many words with these tokens."""
    words, tokens = u32(into), pointer_to(ids)
    for w in range(size):
        words[w] = 0
    for j in range(ids.shape[0]):
        words[tokens[j] >> 5] |= np.uint32(1) << np.uint32(tokens[j] & 31)
    return 0
