"""Regular expressions as trees: what a pattern means, free of the notation it was written in.

    Chars(chars)                          one character of a set (`ir.chars.CharSet`); of the empty set: no text
    Cat(parts)                            one after the other; no parts: the empty text
    Or(parts)                             any of them, two or more
    Rep(body, low, high)                  that many times, high None: no bound
    Look(body, ahead, negative, whole)    no text, but a condition on what follows (ahead) or precedes: that it begins (ends) with a text
                                          of `body`, or `whole`: that all of it is a text of `body`. Anchors and \\b are such conditions.

Trees are made by the functions `cat`, `either`, `rep`, which simplify; nothing here changes a language.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from structgen.ir import chars as cs
from structgen.ir.chars import CharSet


class Node:
    """A part of a regular expression. Immutable, compared by structure."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Chars(Node):
    """One character of the set."""

    chars: CharSet


@dataclass(frozen=True, slots=True)
class Cat(Node):
    """One part after the other."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Or(Node):
    """Any of the parts."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Rep(Node):
    """The body, `low` to `high` times."""

    body: Node
    low: int
    high: int | None


@dataclass(frozen=True, slots=True)
class Look(Node):
    """A condition on the text after (`ahead`) or before this place."""

    body: Node
    ahead: bool
    negative: bool = False
    whole: bool = False


EMPTY: Final = Cat(())
NEVER: Final = Chars(())
ANYTHING: Final = Rep(Chars(cs.ANY), 0, None)
TEXT_START: Final = Look(EMPTY, ahead=False, whole=True)
TEXT_END: Final = Look(EMPTY, ahead=True, whole=True)


def cat(parts: Iterable[Node]) -> Node:
    """The parts one after the other."""
    kept: list[Node] = []
    for part in parts:
        if part == NEVER:
            return NEVER
        kept.extend(part.parts if isinstance(part, Cat) else (part,))
    return kept[0] if len(kept) == 1 else Cat(tuple(kept))


def either(parts: Iterable[Node]) -> Node:
    """Any of the parts; single characters are gathered in one set, repeated parts dropped."""
    kept: dict[Node, None] = {}
    sets: list[CharSet] = []
    for part in parts:
        for one in part.parts if isinstance(part, Or) else (part,):
            if isinstance(one, Chars):
                sets.append(one.chars)
            else:
                kept[one] = None
    gathered = Chars(cs.union(*sets)) if len(sets) != 1 else Chars(sets[0])
    if gathered.chars:
        kept = {gathered: None, **kept}
    if not kept:
        return NEVER
    return next(iter(kept)) if len(kept) == 1 else Or(tuple(kept))


def rep(body: Node, low: int, high: int | None) -> Node:
    """The body `low` to `high` times."""
    if high == 0 or body == EMPTY:
        return EMPTY
    if body == NEVER:
        return NEVER if low else EMPTY
    if (low, high) == (1, 1):
        return body
    if isinstance(body, Rep) and body.low <= 1 and body.high is None and low <= 1:  # (X*)*, (X+)?, (X*)+
        return Rep(body.body, min(body.low, low), None)
    return Rep(body, low, high)


def has_looks(node: Node) -> bool:
    """Whether a condition occurs in the tree."""
    if isinstance(node, Look):
        return True
    if isinstance(node, Cat | Or):
        return any(map(has_looks, node.parts))
    return isinstance(node, Rep) and has_looks(node.body)


def nullable(node: Node) -> bool:
    """Whether the empty text matches. Conditions count as empty text that matches."""
    if isinstance(node, Cat):
        return all(map(nullable, node.parts))
    if isinstance(node, Or):
        return any(map(nullable, node.parts))
    return (node.low == 0 or nullable(node.body)) if isinstance(node, Rep) else isinstance(node, Look)


def positions(node: Node) -> int:
    """How many places for a character the tree has when its counts are written out: the size of its automaton before determinising."""
    if isinstance(node, Chars):
        return 1
    if isinstance(node, Cat | Or):
        return sum(map(positions, node.parts))
    if isinstance(node, Rep):
        return positions(node.body) * max(node.low, 1 if node.high is None else node.high)
    assert isinstance(node, Look)
    return positions(node.body) + 1


def without_empty(node: Node) -> Node:
    """The texts of a tree without conditions, but for the empty text."""
    if isinstance(node, Chars) or not nullable(node):
        return node
    if isinstance(node, Or):
        return either(map(without_empty, node.parts))
    if isinstance(node, Rep):
        return rep(without_empty(node.body), 1, node.high)
    assert isinstance(node, Cat)
    tails = [cat((without_empty(part), *node.parts[i + 1 :])) for i, part in enumerate(node.parts)]
    return either(tails)
