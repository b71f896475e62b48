"""Languages of texts that are not regular, as formats may have them: an expression, a judge, and regular languages on either side.

The expression spells a text inside a JSON string: every character raw, or escaped as the style allows. A grammar of the user becomes one by
`inside`: the same expression, its characters spelled that way.

Not here: which formats there are (`patterns`, `regexes`, `content`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from structgen.errors import UnsupportedFeature
from structgen.ir.encoding import JSON_INNER, UTF8
from structgen.ir.expr import EPSILON, Alt, Expr, Leaf, Lit, Net, Repeat, Rule, Seq, Strings, alt, repeat, seq
from structgen.ir.regular import CharDFA

EAGER: Final = 2000
"""So many parts of a user's grammar are looked at before it is used; the others when a text reaches them."""


class ContextFree:
    """A language of texts that no automaton has. Compared by identity.

    `make(escapes)`: its texts inside a JSON string; `accepts`: whether a text is one (None: nobody can say); `inner`: a regular part of it,
    `outer`: a regular language around it, for use beside other conditions on the same string (None: there is none); `longest`: the most
    characters that a text has.
    """

    __slots__ = ("_made", "_make", "accepts", "inner", "longest", "name", "outer")

    def __init__(
        self,
        name: str,
        make: Callable[[str], Expr],
        accepts: Callable[[str], bool | None],
        *,
        inner: Callable[[], CharDFA] | None = None,
        outer: Callable[[], CharDFA] | None = None,
        longest: int | None = None,
    ) -> None:
        self.name, self._make, self.accepts, self.inner, self.outer, self.longest = name, make, accepts, inner, outer, longest
        self._made: dict[str, Expr] = {}

    def string(self, escapes: str) -> Expr:
        """The texts as JSON strings, with their quotation marks; the same object for the same `escapes` (as of `Leaf`)."""
        found = self._made.get(escapes)
        if found is None:
            found = self._made.setdefault(escapes, seq(Lit(b'"'), self._make(escapes), Lit(b'"')))
        return found

    def __repr__(self) -> str:
        return f"ContextFree({self.name})"


def inside(start: Expr, escapes: str) -> Expr:
    """The expression with its texts spelled inside a JSON string. Raises UnsupportedFeature where it does not speak of characters.

    Rules are converted when they are reached; the first `EAGER` parts at once, so that an error shows early.
    """
    made = _Inside(escapes)
    found = made.of(start)
    todo, seen = [start], {id(start)}
    while todo and len(seen) < EAGER:
        part = todo.pop()
        below = made.bodies(part) if isinstance(part, Rule) else _parts(part)
        for one in below:
            if id(one) not in seen:
                seen.add(id(one))
                made.of(one)
                todo.append(one)
    return found


def _parts(expr: Expr) -> list[Expr]:
    if isinstance(expr, Seq | Alt):
        return list(expr.parts)
    if isinstance(expr, Repeat):
        return [expr.body]
    return [label for _, label, _ in expr.edges if label is not None] if isinstance(expr, Net) else []


class _Inside:
    """One conversion: each expression once, rules lazily."""

    def __init__(self, escapes: str) -> None:
        self.escapes = escapes
        self._done: dict[int, tuple[Expr, Expr]] = {}  # with the original, whose id must stay its own
        self._body: dict[int, Expr] = {}

    def of(self, expr: Expr) -> Expr:
        found = self._done.get(id(expr))
        if found is None:
            found = self._done[id(expr)] = (expr, self._convert(expr))
        return found[1]

    def bodies(self, rule: Rule) -> list[Expr]:
        """The body of a rule, made once."""
        if id(rule) not in self._body:
            self._body[id(rule)] = rule.make()
        return [self._body[id(rule)]]

    def _convert(self, expr: Expr) -> Expr:
        match expr:
            case Rule():
                return Rule(lambda: self.of(self.bodies(expr)[0]), expr.name)
            case Seq():
                return seq(*map(self.of, expr.parts))
            case Alt():
                return alt(map(self.of, expr.parts))
            case Repeat():
                return repeat(self.of(expr.body), expr.low, expr.high)
            case Net():
                edges = [(a, None if label is None else self.of(label), b) for a, label, b in expr.edges]
                return Net(expr.size, edges, expr.accepting)
            case Lit() if expr.is_plain:
                return self._strings([expr.data])
            case Strings() if expr.respelling is None:
                return self._strings(list(expr.items))
            case Leaf() if expr.encoding is UTF8:
                return Leaf(expr.dfa, JSON_INNER[self.escapes], low=expr.low, high=expr.high)
        raise UnsupportedFeature(
            "a grammar of JSON, of bytes or of special tokens cannot stand inside a JSON string",
            hint="Use a grammar of texts: sg.regex, sg.lark, sg.choice.",
        )

    def _strings(self, items: list[bytes]) -> Expr:
        try:
            dfa = CharDFA.of_strings([item.decode() for item in items])
        except UnicodeDecodeError:
            raise UnsupportedFeature(
                "a grammar whose literals are not whole characters in UTF-8 cannot stand inside a JSON string",
                hint="Write the alternatives so that they do not part within a character.",
            ) from None
        return EPSILON if dfa.is_epsilon else Leaf(dfa, JSON_INNER[self.escapes])
