"""Ignored text: what %ignore lets stand between terminals, and how far it reaches.

Lark skips as much as an ignored terminal matches: after `f(x # note` the `)` of `f(x # note)` belongs to the comment. Let an ignored text
have *claims*: the characters with which it would only have become longer. What follows must not begin with one. So ignored texts are
sorted by their claims:

* claims with which no terminal of the grammar can begin (blanks, in nearly every grammar) cost nothing: such texts may stand after every
  terminal, in one leaf that is the same everywhere, which keeps states few;
* other texts (a comment that has not reached the end of its line) may stand before the terminals that begin otherwise, and at the end.

Not here: which terminals are ignored (`rules.py`).
"""

from __future__ import annotations

from collections.abc import Iterable

from structgen.errors import BudgetExceeded
from structgen.ir import chars as cs
from structgen.ir.chars import CharSet, partition
from structgen.ir.expr import EPSILON, Expr, Leaf, Lit, Special, alt, repeat, seq
from structgen.ir.regular import CharDFA

STATES = 2_000
"""Most states of the automaton of ignored text."""

_Members = frozenset[tuple[int, int]]


class Ignored:
    """What may stand around terminals. `terminals` are all terminals of the grammar, `ignored` the ignored ones."""

    def __init__(self, ignored: Iterable[Expr], terminals: Iterable[Expr]) -> None:
        self.after: Expr = EPSILON
        """Stands after every terminal, and at the start of the text."""
        self.last: Expr = EPSILON
        """Stands at the end of the text."""
        self.before: list[tuple[CharSet, Expr]] = []
        """(claims, ignored texts with them), to stand before terminals that begin otherwise."""
        dfas = [_dfa(one) for one in ignored]
        if not dfas:
            return
        begins = cs.union(*(first_chars(one) for one in terminals))
        whole = [dfa for dfa in dfas if dfa is not None]
        if len(whole) < len(dfas):  # a leaf too large to look into: blanks may end anywhere
            self.after = repeat(alt(ignored))
            return
        quiet: list[CharDFA] = []
        loud: list[CharDFA] = []
        for claims, dfa in _by_claims(whole).items():
            if cs.intersect(claims, begins):
                self.before.append((claims, Leaf(dfa, "utf8")))
                loud.append(dfa)
            else:
                quiet.append(dfa)
        self.after = _leaf(_union(quiet).optional()) if quiet else EPSILON
        self.last = _leaf(_union(loud).optional()) if loud else EPSILON

    def around(self, terminal: Expr) -> Expr:
        """The terminal with the ignored text that may stand before and after it."""
        choices = [terminal]
        for claims, ignored in self.before:
            rest = _not_beginning_with(terminal, claims)
            if rest is not None:
                choices.append(seq(ignored, rest))
        return seq(alt(choices), self.after)


def first_chars(terminal: Expr) -> CharSet:
    """The characters that a terminal may begin with. Special tokens begin with none."""
    if isinstance(terminal, Special):
        return cs.NONE
    dfa = _dfa(terminal)
    if dfa is None:
        return cs.ANY
    return cs.union(*dfa.alphabet.chars_of([c for c, target in enumerate(dfa.rows[0]) if target >= 0]))


def _dfa(terminal: Expr) -> CharDFA | None:
    if isinstance(terminal, Lit):
        return CharDFA.of_string(terminal.data.decode())
    if isinstance(terminal, Leaf):
        return terminal.dfa.with_lengths(terminal.low, terminal.high) if terminal.high is None or terminal.high < STATES else None
    return None


def _leaf(dfa: CharDFA) -> Expr:
    return EPSILON if dfa.is_epsilon else Leaf(dfa, "utf8")


def _union(dfas: list[CharDFA]) -> CharDFA:
    found = CharDFA.empty()
    for dfa in dfas:
        found |= dfa
    return found


def _not_beginning_with(terminal: Expr, claims: CharSet) -> Expr | None:
    """The texts of a terminal that begin with none of `claims`; None if there are none."""
    if isinstance(terminal, Special):
        return terminal
    allowed = cs.subtract(first_chars(terminal), claims)
    if not allowed:
        return None
    dfa = _dfa(terminal)
    if dfa is None or allowed == first_chars(terminal):
        return terminal
    return Leaf(dfa & (CharDFA.of_chars(allowed) + CharDFA.any()), "utf8")


def _by_claims(ignored: list[CharDFA]) -> dict[CharSet, CharDFA]:
    """The non-empty sequences of ignored texts, each as long as it can be, sorted by what the last one claims. Raises BudgetExceeded.

    A state is the set of (ignored terminal, its state) that the text read so far may be in.
    """
    alphabet, _ = partition(tuple(chars for dfa in ignored for chars in dfa.alphabet.chars_of(range(dfa.alphabet.size))))
    first = dict(zip(reversed(alphabet.classes), reversed(alphabet.bounds), strict=True))
    codes = [first[c] for c in range(alphabet.size)]
    begin: _Members = frozenset((i, 0) for i in range(len(ignored)))
    number: dict[_Members, int] = {frozenset(): 0}  # the empty set stands for the start of the text
    order: list[_Members] = [frozenset()]
    rows: list[tuple[int, ...]] = []
    claims_of: list[CharSet | None] = []
    for members in order:
        ends = [(i, q) for i, q in members if ignored[i].finals[q]]
        claimed = set(range(len(codes))) if ends else set()
        row = []
        for c, code in enumerate(codes):
            if not all((after := ignored[i].step(q, code)) >= 0 and ignored[i].finals[after] for i, q in ends):
                claimed.discard(c)
            fresh = begin if not members or (ends and c not in claimed) else frozenset()
            moved = frozenset((i, after) for i, q in (*members, *fresh) if (after := ignored[i].step(q, code)) >= 0)
            if moved and moved not in number:
                if len(order) >= STATES:
                    raise BudgetExceeded("the ignored terminals need too many states together", hint="ignore fewer or simpler terminals")
                number[moved] = len(order)
                order.append(moved)
            row.append(number[moved] if moved else -1)
        claims_of.append(cs.union(*alphabet.chars_of(sorted(claimed))) if ends else None)
        rows.append(tuple(row))
    kinds = dict.fromkeys(claims for claims in claims_of if claims is not None)
    return {kind: CharDFA.from_table(alphabet, rows, [claims == kind for claims in claims_of]) for kind in kinds}
