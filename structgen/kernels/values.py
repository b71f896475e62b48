"""JSON values as numbers: equal values have equal ones, however they are written.

Two lanes of 31 bits are mixed from what a value says: the characters of strings, the significant digits and the exponent of numbers,
members of objects in any order. Different values share both lanes about once in 2**62 pairs; then one of them is taken for the other.

Not here: texts that are no JSON (the automaton reads only JSON).
"""

from __future__ import annotations

import numpy as np

from structgen.kernels.arena import i64
from structgen.kernels.intern import longer, mix
from structgen.kernels.linking import JIT, Remote, jit
from structgen.kernels.tables import *
from structgen.kernels.texts import BEFORE, BEHIND, unescape

OTHER_LANE = 0x2545F491
LANE = 0x7FFFFFFF
DEEPEST = 200  # containers; deeper ones of a kind count as equal: a stack ends somewhere


@jit
def both(h, g, v):
    """Mix a small number into both lanes."""
    return mix(h, v), mix(g ^ OTHER_LANE, v)


@jit
def behind_blanks(M, at, end):
    """The place of the next letter that is no whitespace, at most `end`."""
    while at < end and (M.letters[at] == 0x20 or M.letters[at] == 0x0A or M.letters[at] == 0x0D or M.letters[at] == 0x09):
        at += 1
    return at


@jit
def string_at(M, at, end):
    """The lanes of the string at a place, and the place behind it."""
    h, g, e = np.int64(1), np.int64(1), np.int64(BEFORE)
    while e != BEHIND and at < end:
        e, count, data = unescape(e, np.int64(M.letters[at]))
        for _ in range(count):
            h, g = both(h, g, data & 255)
            data >>= 8
        at += 1
    return h, g, at


@jit
def number_at(M, at, end):
    """The lanes of the number at a place, and the place behind it."""
    h, g = np.int64(2), np.int64(2)
    zeros, part, point, some = np.int64(0), np.int64(0), False, False
    if M.letters[at] == 0x2D:
        at += 1
        h, g = both(h, g, np.int64(1))
    while at < end and (0x30 <= M.letters[at] <= 0x39 or M.letters[at] == 0x2E):
        d = np.int64(M.letters[at] - 0x30)
        at += 1
        if d < 0:
            point = True
            continue
        part += point
        if d == 0:
            zeros += some
            continue
        for _ in range(zeros):
            h, g = both(h, g, np.int64(0))
        h, g = both(h, g, d)
        zeros, some = np.int64(0), True
    exponent, sign = np.int64(0), np.int64(1)
    if at < end and M.letters[at] | 0x20 == 0x65:
        at += 1
        if M.letters[at] == 0x2D:
            sign = np.int64(-1)
        if M.letters[at] == 0x2D or M.letters[at] == 0x2B:
            at += 1
        while at < end and 0x30 <= M.letters[at] <= 0x39:
            exponent = (10 * exponent + np.int64(M.letters[at] - 0x30)) & ((1 << 58) - 1)
            at += 1
    if not some:  # 0, -0, 0.0e5
        return np.int64(3), np.int64(3), at
    exponent = (sign * exponent - part + zeros) & ((1 << 58) - 1)
    h, g = both(h, g, exponent & LANE)
    h, g = both(h, g, exponent >> 31)
    return h, g, at


@jit
def behind_container(M, at, end):
    """The place behind the array or object at a place."""
    depth = 0
    while at < end:
        b = M.letters[at]
        if b == 0x22:
            _, _, at = string_at(M, at, end)
            continue
        if b == 0x5B or b == 0x7B:
            depth += 1
        elif b == 0x5D or b == 0x7D:
            depth -= 1
        at += 1
        if depth == 0:
            break
    return np.int64(at)


@jit
def value_at(M, at, end, depth):
    """The lanes of the value at a place, `depth` containers deep, and the place behind it."""
    if at >= end:
        return np.int64(0), np.int64(0), end
    b = M.letters[at]
    if b == 0x22:
        return string_at(M, at, end)
    if b == 0x74 or b == 0x6E:
        return np.int64(b), np.int64(b), at + 4
    if b == 0x66:
        return np.int64(b), np.int64(b), at + 5
    if b != 0x7B and b != 0x5B:
        return number_at(M, at, end)
    h, g = np.int64(b) << 8, np.int64(b) << 8
    if depth >= DEEPEST:
        return h, g, behind_container(M, at, end)
    at = behind_blanks(M, at + 1, end)
    while at < end and M.letters[at] != 0x7D and M.letters[at] != 0x5D:
        before = at
        if b == 0x7B:
            k, j, at = string_at(M, at, end)
            at = behind_blanks(M, behind_blanks(M, at, end) + 1, end)
            v, w, at = value_at(M, at, end, depth + 1)
            k, j = both(k, j, np.int64(9))  # a key is not its value's equal
            h, g = (h + mix(k, v)) & LANE, (g + mix(j ^ OTHER_LANE, w)) & LANE
        else:
            v, w, at = value_at(M, at, end, depth + 1)
            h, g = mix(h, v), mix(g ^ OTHER_LANE, w)
        at = behind_blanks(M, at, end)
        if at < end and M.letters[at] == 0x2C:
            at = behind_blanks(M, at + 1, end)
        if at == before:  # no JSON: whatever it is, this comes to an end
            at += 1
    return mix(h, np.int64(b)), mix(g, np.int64(b)), at + 1


@jit
def value_of(M, text, start):
    """A text that stands for the value that a text says from symbol `start` on; or -1: no room."""
    size = np.int64(M.text_size[text] - start)
    at = np.int64(text)
    for i in range(size - 1, -1, -1):
        M.letters[i] = M.text_node[2 * at + TEXT_LAST]
        at = np.int64(M.text_node[2 * at + TEXT_UP])
    h, g, _ = value_at(M, np.int64(0), size, np.int64(0))
    found = longer(M, np.int64(EMPTY), h | 256)  # no byte: not the beginning of a key
    return found if found < 0 else longer(M, found, g)


def _value(handle, text, start, _):
    return np.int64(value_of(machine_of(i64(handle)), text, start))


VALUE_KERNEL = Remote(_value)

if JIT:
    from structgen.kernels.arena import call_at

    @jit
    def value_there(M, text, start):
        """`value_of`, far away: few grammars need it. They have set n[VALUE]."""
        return call_at(M.n[VALUE], M.n[SELF], np.int64(text), np.int64(start), np.int64(0))

else:
    value_there = value_of
