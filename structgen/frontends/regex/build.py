"""From a tree without conditions to an automaton: Glushkov's construction, then subsets.

A place for a character (a leaf of the tree with its counts written out) is one bit. Sets of places are Python integers, so the follow
relation of a pattern of n places is n integers of n bits, and a step of the subset construction is a few `or`s.

Not here: conditions such as look-ahead (`looks.py`), and which pieces of a pattern get an automaton at all (`__init__.py`).
"""

from __future__ import annotations

from structgen.frontends.regex.nodes import ANYTHING, Cat, Chars, Node, Or, Rep, positions
from structgen.ir import regular_tables as tables
from structgen.ir.chars import CharSet, partition
from structgen.ir.regular import BUDGET, CharDFA

# nullable, the places a text may begin with, the places it may end with
_Ends = tuple[bool, int, int]


class _Places:
    """The places of a tree: which set of characters each has, and which places may follow it."""

    def __init__(self) -> None:
        self.follow: list[int] = []
        self.sets: dict[CharSet, int] = {}  # characters -> the places with them

    def walk(self, node: Node) -> _Ends:
        """Adds the places of a tree."""
        if isinstance(node, Chars):
            bit = 1 << len(self.follow)
            self.follow.append(0)
            self.sets[node.chars] = self.sets.get(node.chars, 0) | bit
            return False, bit, bit
        if isinstance(node, Cat):
            ends: _Ends = (True, 0, 0)
            for part in reversed(node.parts):  # so the last part has the first places
                ends = self._then(self.walk(part), ends)
            return ends
        if isinstance(node, Or):
            null, first, last = False, 0, 0
            for part in node.parts:
                n, f, e = self.walk(part)
                null, first, last = null or n, first | f, last | e
            return null, first, last
        assert isinstance(node, Rep), "conditions are handled by looks.py"
        return self._repeat(node)

    def _repeat(self, node: Rep) -> _Ends:
        ends: _Ends = (True, 0, 0)
        if node.high is None:
            null, first, last = self.walk(node.body)
            self._link(last, first)
            ends = (null or node.low == 0, first, last)
        else:
            for _ in range(node.high - node.low):  # X(X(X)?)?, from the inside out
                _, first, last = self._then(self.walk(node.body), ends)
                ends = (True, first, last)
        for _ in range(node.low - (node.high is None and node.low > 0)):
            ends = self._then(self.walk(node.body), ends)
        return ends

    def _link(self, sources: int, targets: int) -> None:
        while sources:
            low = sources & -sources
            self.follow[low.bit_length() - 1] |= targets
            sources ^= low

    def _then(self, a: _Ends, b: _Ends) -> _Ends:
        self._link(a[2], b[1])
        return a[0] and b[0], a[1] | (b[1] if a[0] else 0), b[2] | (a[2] if b[0] else 0)


def plain_dfa(node: Node, budget: int = BUDGET) -> CharDFA:
    """The automaton of a tree without conditions. Raises BudgetExceeded."""
    if positions(node) > budget:  # n places take n * n bits
        raise tables.exceeded(budget)
    places = _Places()
    null, first, last = places.walk(node)
    alphabet, masks = partition(tuple(places.sets))
    members = list(places.sets.values())
    columns = []
    for mask in masks:
        column = 0
        for i, member in enumerate(members):
            if mask >> i & 1:
                column |= member
        columns.append(column)
    start = 1 << len(places.follow)
    rows = [[follow & column for column in columns] for follow in (*places.follow, first)]
    finals = last | (start if null else 0)
    found = isinstance(node, Cat) and node.parts[-1:] == (ANYTHING,)  # a search: whoever is in its last loop has matched
    return CharDFA.from_table(alphabet, *tables.determinise(start, rows, finals, budget, done=1 if found else 0))
