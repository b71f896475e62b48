"""Regular expressions, in the notations of Python's `re` and of ECMA-262, exactly: look-around, anchors, word boundaries, huge counts.

    parse.py, reader.py   pattern -> tree (nodes.py): groups and quantifiers; escapes and classes; unicode.py has the properties
    whole.py              tree -> automaton of whole texts; build.py without conditions, looks.py with them
    pieces.py             tree -> expression, in pieces where one automaton would be too large

What a pattern means is a set of texts; the order in which a matcher would try things is not part of it. So lazy quantifiers are like greedy
ones; what depends on that order (possessive quantifiers, atomic groups) or on earlier matches (back-references) raises UnsupportedFeature.

>>> regex_dfa(r"(?=.*\\d)[a-c1]{2,3}").strings(4)
['11', '1a', '1b', '1c']
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from structgen.errors import BudgetExceeded, EmptyLanguage, Place
from structgen.frontends.regex.nodes import Node
from structgen.frontends.regex.parse import parse
from structgen.frontends.regex.pieces import expression, small_dfa
from structgen.frontends.regex.reader import Syntax
from structgen.frontends.regex.whole import language, searching
from structgen.ir.encoding import UTF8, Encoding
from structgen.ir.expr import NEVER, Expr
from structgen.ir.language import Language
from structgen.ir.regular import BUDGET, CharDFA
from structgen.ir.store import kept

__all__ = ["Syntax", "regex", "regex_dfa", "regex_expr"]


def _tree(pattern: str, syntax: Syntax, search: bool) -> Node:
    tree = parse(pattern, syntax)
    return searching(tree) if search else tree


@contextmanager
def _recursion(pattern: str) -> Iterator[None]:
    """Nesting is limited while reading, but the caller may be deep in the stack already."""
    try:
        yield
    except RecursionError:
        raise BudgetExceeded(
            "a pattern is nested too deeply to be read here", where=Place(pattern, 0), hint="flatten the pattern"
        ) from None


@lru_cache(maxsize=256)
@kept(str(Path(__file__).parent))
def regex_dfa(pattern: str, *, syntax: Syntax = "python", search: bool = False, budget: int = BUDGET) -> CharDFA:
    """The automaton of the texts that match as a whole, or in which the pattern is found (`search`). Remembered,
    and on disk where it took long.

    Raises RegexError, UnsupportedFeature, or BudgetExceeded beyond `budget` states.
    """
    with _recursion(pattern):
        return language(_tree(pattern, syntax, search), budget)


@lru_cache(maxsize=256)
def regex_expr(pattern: str, *, syntax: Syntax = "python", search: bool = False, encoding: Encoding = UTF8) -> Expr:
    """The expression of the same texts, for patterns of any size; NEVER if there are none. Remembered.

    `encoding` is that of `ir.expr.Leaf`.
    Raises RegexError, UnsupportedFeature, or BudgetExceeded where conditions (look-around) need too many states.
    """
    with _recursion(pattern):
        return expression(_tree(pattern, syntax, search), encoding)


def regex(pattern: str, *, syntax: Syntax = "python", search: bool = False) -> Language:
    """The language of a pattern: texts that match as a whole, or in which it is found (`search=True`).

    `regular` is set where the automaton is small. Raises RegexError, UnsupportedFeature, BudgetExceeded, EmptyLanguage.
    """
    start = regex_expr(pattern, syntax=syntax, search=search)
    if start is NEVER:
        raise EmptyLanguage("no text matches this pattern", where=Place(pattern, 0), hint="look for conditions that contradict each other")
    return Language(start, regular=small_dfa(_tree(pattern, syntax, search)), source=pattern)
