"""From a tree to an expression: one automaton where that is small, else pieces whose counts unfold while running.

A pattern such as `(ab|c){2,100000}x` would need 200,000 states. It becomes `Repeat(Leaf, 2, 100000)` and a `Leaf` instead; a run of single
characters, `[a-z]{1,255}`, becomes one `Leaf` with bounds on its length, whose token rows do not depend on the count. Such runs are taken
out even where an automaton would fit, provided that the character after a run tells where it ends: sharing rows is what makes masks cheap.

Not here: conditions (`whole.py`), which need the automaton of the whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Final

from structgen.errors import BudgetExceeded
from structgen.frontends.regex.nodes import Cat, Chars, Node, Or, Rep, cat, either, has_looks, nullable, positions, without_empty
from structgen.frontends.regex.whole import language, settle
from structgen.ir import chars as cs
from structgen.ir.chars import CharSet
from structgen.ir.encoding import Encoding
from structgen.ir.expr import EPSILON, NEVER, Expr, Leaf, Lit, alt, repeat, seq
from structgen.ir.regular import BUDGET, CharDFA

PIECE_STATES: Final = 4_000
"""The most states of one piece."""

PIECE_PLACES: Final = 2_000
"""The most places (characters of the pattern, counts written out) of one piece."""

PIECES: Final = 5_000
"""The most pieces of one pattern."""

RUN: Final = 32
"""From this count on, a run of characters is worth a leaf that counts."""


def expression(node: Node, encoding: Encoding) -> Expr:
    """The expression of a tree, with leaves of this encoding. Raises BudgetExceeded."""
    node = settle(settle(node, end=False), end=True)
    if isinstance(node, Rep) and isinstance(node.body, Chars) and max(node.low, node.high or 0) >= RUN:
        return _run(node.body.chars, node.low, node.high, encoding)
    if has_looks(node):
        return _leaf(language(node, BUDGET), encoding)
    if not _has_clear_run(node, cs.NONE):
        dfa = _try_dfa(node)
        if dfa is not None:
            return _leaf(dfa, encoding)
    if not encoding.is_quoted:
        return _Pieces(encoding).piece(node)
    return seq(Lit(b'"'), _Pieces(encoding.inner).piece(node), Lit(b'"'))


def small_dfa(node: Node) -> CharDFA | None:
    """The automaton of the whole tree if it is small (or has conditions, which cannot do without), else None."""
    node = settle(settle(node, end=False), end=True)
    return language(node, BUDGET) if has_looks(node) else _try_dfa(node)


def _leaf(dfa: CharDFA, encoding: Encoding) -> Expr:
    if dfa.is_empty:
        return NEVER
    if dfa.is_epsilon and not encoding.is_quoted:
        return EPSILON
    return Leaf(dfa, encoding)


def _run(chars: CharSet, low: int, high: int | None, encoding: Encoding) -> Expr:
    return Leaf(CharDFA.of_chars(chars).repeat(), encoding, low=low, high=high)


def first_chars(node: Node) -> CharSet:
    """The characters that a text of a tree without conditions may begin with."""
    if isinstance(node, Chars):
        return node.chars
    if isinstance(node, Or):
        return cs.union(*map(first_chars, node.parts))
    if isinstance(node, Rep):
        return first_chars(node.body)
    assert isinstance(node, Cat)
    found: list[CharSet] = []
    for part in node.parts:
        found.append(first_chars(part))
        if not nullable(part):
            break
    return cs.union(*found)


def _long_run(node: Node) -> bool:
    return isinstance(node, Rep) and isinstance(node.body, Chars) and node.high is not None and node.high >= RUN


def _has_clear_run(node: Node, after: CharSet) -> bool:
    """Whether the tree has a long run of characters whose end is clear from the next character; `after` is what may follow the tree."""
    if has_looks(node):
        return False
    if isinstance(node, Rep):
        if isinstance(node.body, Chars):
            return _long_run(node) and (node.low == node.high or not cs.intersect(node.body.chars, after))
        again = cs.union(after, first_chars(node.body)) if node.high != 1 else after
        return _has_clear_run(node.body, again)
    if isinstance(node, Or):
        return any(_has_clear_run(part, after) for part in node.parts)
    if isinstance(node, Cat):
        for i, part in enumerate(node.parts):
            if not _contains_run(part):
                continue
            tail = cat(node.parts[i + 1 :])
            follow = cs.union(first_chars(tail), after) if nullable(tail) else first_chars(tail)
            if _has_clear_run(part, follow):
                return True
    return False


def _try_dfa(node: Node) -> CharDFA | None:
    if positions(node) > PIECE_PLACES:
        return None
    try:
        return language(node, PIECE_STATES)
    except BudgetExceeded:
        return None


def _contains_run(node: Node) -> bool:
    if isinstance(node, Cat | Or):
        return any(map(_contains_run, node.parts))
    return _long_run(node) or (isinstance(node, Rep) and _contains_run(node.body))


class _Pieces:
    """Cuts a tree into pieces, as large as they are small enough."""

    def __init__(self, encoding: Encoding) -> None:
        self.encoding = encoding
        self.count = 0

    def piece(self, node: Node) -> Expr:
        """The expression of a part."""
        self.count += 1
        if self.count > PIECES:
            raise BudgetExceeded(f"a pattern falls into more than {PIECES:,} pieces", hint="use smaller counts, or nest them less deeply")
        if not _contains_run(node):
            dfa = _try_dfa(node)
            if dfa is not None:
                return _leaf(dfa, self.encoding)
        if isinstance(node, Cat):
            return self._sequence(node.parts)
        if isinstance(node, Or):
            return self._choice(node.parts)
        assert isinstance(node, Rep), "single characters are always small"
        if isinstance(node.body, Chars):
            return _run(node.body.chars, node.low, node.high, self.encoding)
        if nullable(node.body):  # so that no round of a loop is empty
            node = Rep(without_empty(node.body), 0, node.high)
        return repeat(self.piece(node.body), node.low, node.high)

    def _choice(self, parts: Sequence[Node]) -> Expr:
        plain = tuple(part for part in parts if not _contains_run(part))
        return alt([*self._share(plain), *(self.piece(part) for part in parts if _contains_run(part))])

    def _share(self, parts: tuple[Node, ...]) -> list[Expr]:
        """Alternatives as one piece if that is small, else as two halves."""
        if len(parts) < 2:
            return [self.piece(part) for part in parts]
        dfa = _try_dfa(either(parts))
        half = len(parts) // 2
        return [_leaf(dfa, self.encoding)] if dfa is not None else self._share(parts[:half]) + self._share(parts[half:])

    def _sequence(self, parts: Sequence[Node]) -> Expr:
        return seq(*(piece for runs, group in groupby(parts, _contains_run) for piece in self._stretch(tuple(group), runs)))

    def _stretch(self, parts: tuple[Node, ...], runs: bool) -> list[Expr]:
        """Neighbours as one piece if that is small, else as two halves."""
        dfa = None if runs or len(parts) == 1 else _try_dfa(cat(parts))
        if dfa is not None:
            return [_leaf(dfa, self.encoding)]
        if len(parts) == 1:
            return [self.piece(parts[0])]
        half = len(parts) // 2
        return self._stretch(parts[:half], runs) + self._stretch(parts[half:], runs)
