"""Whether a text begins with one of an expression without recursion: what `Minus` takes away, seen without an automaton.

Obvious and slow; everything else judges with `automata`.
"""

from __future__ import annotations

from structgen.ir.encoding import BYTES
from structgen.ir.expr import Alt, Expr, Leaf, Lit, Rule, Seq, Strings


def has_beginning(expr: Expr, data: bytes) -> bool:
    """Whether `data` begins with a text of `expr`, which is made of literals, strings, leaves of bytes, sequences, alternatives and rules.

    Raises TypeError for other parts.
    """
    return bool(_ends(expr, data, 0))


def _ends(expr: Expr, data: bytes, at: int) -> set[int]:
    """The places where a text of `expr` that begins at `at` may end."""
    match expr:
        case Lit():
            return _literal(expr, data, at)
        case Strings():
            return {end for item in expr.items for end in _literal(expr.literal(item), data, at)}
        case Alt():
            return {end for part in expr.parts for end in _ends(part, data, at)}
        case Leaf(low=0, high=None) if expr.encoding is BYTES:
            return _leaf(expr, data, at)
        case Rule():
            return _ends(expr.make(), data, at)
        case Seq():
            places = {at}
            for part in expr.parts:
                places = {end for place in places for end in _ends(part, data, place)}
            return places
    raise TypeError(f"{type(expr).__name__} is no finite set of texts")


def _literal(lit: Lit, data: bytes, at: int) -> set[int]:
    other, size = lit.respelling, len(lit.data)
    reached: list[set[int]] = [{at}, *(set() for _ in lit.data)]
    for i, byte in enumerate(lit.data):
        for place in reached[i]:
            here = data[place] if place < len(data) else -1
            if here == byte:
                reached[i + 1].add(place + 1)
            if other is not None and here == other.first and 0 < i < size - 1 and byte in other.bytes:
                reached[i + 1] |= _leaf(other.leaf_of(byte), data, place)
            for low, high, leaf in lit.detours:
                if low == i:
                    reached[high] |= _leaf(leaf, data, place)
    return reached[-1]


def _leaf(leaf: Leaf, data: bytes, at: int) -> set[int]:
    """The ends of the other spellings of one character: byte for byte."""
    found: set[int] = set()
    state = 0
    for place, byte in enumerate(data[at:], at + 1):
        state = leaf.dfa.step(state, byte)
        if state < 0:
            break
        if leaf.dfa.finals[state]:
            found.add(place)
    return found
