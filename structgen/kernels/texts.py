"""Texts of binds: what they say, however they are spelled.

Two JSON strings are equal where their characters are, so keys are compared by their *plain* texts: UTF-8, without quotation marks and
escapes. `unescape` reads a string byte by byte.
"""

from __future__ import annotations

import numpy as np

from structgen.kernels.intern import longer
from structgen.kernels.linking import jit
from structgen.kernels.tables import *

BEFORE, INSIDE, ESCAPE, BEHIND, HEX, PAIR, PAIR_U = range(7)
"""Where a spelling is: before its quotation mark, between characters, after a backslash, behind the last quotation mark, among the four
digits behind a `u` (bits 4..7: how many; 8..23: their value; from 24 on: the first half of a surrogate pair), before the second half."""


@jit
def digit_of(b):
    """The value of a hexadecimal digit."""
    return b - 48 if b < 58 else (b | 32) - 87


@jit
def utf8(c):
    """A code point in UTF-8: the number of bytes, and the bytes, first one lowest."""
    if c < 0x80:
        return np.int64(1), np.int64(c)
    if c < 0x800:
        return np.int64(2), np.int64((0xC0 | c >> 6) | (0x80 | c & 63) << 8)
    if c < 0x10000:
        return np.int64(3), np.int64((0xE0 | c >> 12) | (0x80 | c >> 6 & 63) << 8 | (0x80 | c & 63) << 16)
    return np.int64(4), np.int64((0xF0 | c >> 18) | (0x80 | c >> 12 & 63) << 8 | (0x80 | c >> 6 & 63) << 16 | (0x80 | c & 63) << 24)


@jit
def unescape(e, b):
    """Read one byte of a JSON string: (state, number of plain bytes, plain bytes with the first one lowest)."""
    none = np.int64(0)
    phase = e & 15
    if phase == INSIDE:
        if b == 0x22:
            return np.int64(BEHIND), none, none
        if b == 0x5C:
            return np.int64(ESCAPE), none, none
        return np.int64(INSIDE), np.int64(1), np.int64(b)
    if phase == BEFORE:
        return np.int64(INSIDE), none, none
    if phase == ESCAPE:
        if b == 0x75:
            return np.int64(HEX), none, none
        c = b
        if b == 0x62:
            c = 8
        elif b == 0x66:
            c = 12
        elif b == 0x6E:
            c = 10
        elif b == 0x72:
            c = 13
        elif b == 0x74:
            c = 9
        return np.int64(INSIDE), np.int64(1), np.int64(c)
    if phase == HEX:
        count, value, high = (e >> 4 & 15) + 1, (e >> 8 & 0xFFF) << 4 | digit_of(b), e >> 24
        if count < 4:
            return np.int64(HEX | count << 4 | value << 8 | high << 24), none, none
        if high == 0 and 0xD800 <= value < 0xDC00:
            return np.int64(PAIR | value << 24), none, none
        size, data = utf8(value if high == 0 else 0x10000 + ((high - 0xD800) << 10) + (value - 0xDC00))
        return np.int64(INSIDE), size, data
    if phase == PAIR:
        return np.int64(PAIR_U | (e >> 24) << 24), none, none
    if phase == PAIR_U:
        return np.int64(HEX | (e >> 24) << 24), none, none
    return np.int64(BEHIND), none, none


@jit
def plain(M, text, start, quoted):
    """What the text says from symbol `start` on: (a text, where its spelling is); the text is -1 where there is no room."""
    size = M.text_size[text] - start
    at = np.int64(text)
    for i in range(size - 1, -1, -1):
        M.letters[i] = M.text_node[2 * at + TEXT_LAST]
        at = np.int64(M.text_node[2 * at + TEXT_UP])
    found, e = np.int64(EMPTY), np.int64(BEFORE)
    for i in range(size):
        count, data = np.int64(1), np.int64(M.letters[i])
        if quoted:
            e, count, data = unescape(e, data)
        for _ in range(count):
            found = longer(M, found, data if not quoted else data & 255)
            if found < 0:
                return found, e
            data >>= 8
    return found, e
