"""Terminals: from Lark's trees and literals to expressions of regular languages.

A terminal is the set of texts that Python's `re` takes as a whole when it meets them; `prefer.py` says why that is not always the set of
texts that match. Strings become `Lit`, everything else a `Leaf`, or pieces where one automaton would be too large (`regex_expr`).

Not here: text that is ignored between terminals (`ignore.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lark.exceptions import LarkError as TheirError
from lark.lexer import PatternStr
from lark.load_grammar import PrepareLiterals, TerminalTreeToPattern
from lark.tree import Tree

from structgen.errors import BudgetExceeded, LarkError, Place, RegexError, StructgenError, UnsupportedFeature
from structgen.frontends.lark.load import Definitions, token_place
from structgen.frontends.lark.prefer import Preferred, preferred
from structgen.frontends.regex import regex_dfa, regex_expr
from structgen.frontends.regex.parse import parse
from structgen.ir.expr import NEVER, Expr, Leaf, Lit
from structgen.ir.finite import allows_empty
from structgen.ir.report import Finding, SupportReport

MAX_PATTERN = 1_000_000
"""Most characters of one terminal's regex, references written out."""


@dataclass(slots=True)
class Terminals:
    """Makes and remembers the expressions of terminals. `report` learns where Lark's matcher prefers shorter texts."""

    definitions: Definitions
    report: SupportReport
    _named: dict[str, Expr]
    _patterns: dict[str, Expr]

    @classmethod
    def of(cls, definitions: Definitions, report: SupportReport) -> Terminals:
        """The terminals of a grammar. Raises LarkError for literals that cannot be read, BudgetExceeded for huge ones."""
        found = cls(definitions, report, {}, {})
        for name, tree in definitions.terminals.items():
            if tree is not None:
                found._check(name, tree)
        return found

    def named(self, name: str) -> Expr:
        """The expression of a defined terminal. Raises LarkError, UnsupportedFeature (declared only), BudgetExceeded."""
        if name not in self._named:
            tree = self.definitions.terminals.get(name)
            if tree is None:
                raise UnsupportedFeature(
                    f"the terminal {name} is declared, not defined: only a program can say what it matches",
                    where=self.definitions.place(name),
                    hint="define it, or remove what needs it (indentation cannot be said in a context-free grammar)",
                )
            try:
                PrepareLiterals().transform(tree)
                pattern = TerminalTreeToPattern().transform(tree)
            except (TheirError, ValueError) as error:
                raise LarkError(f"the terminal {name} cannot be read: {error}", where=self.definitions.place(name)) from error
            self._named[name] = self._expression(pattern, name, self.definitions.place(name))
        return self._named[name]

    def literal(self, tree: Any) -> Expr:
        """The expression of a string, regex or range that stands in a rule."""
        token = tree.children[0]
        place = token_place(self.definitions.text, token)
        self._check(str(token), tree)
        try:
            holder = Tree("value", [tree])
            PrepareLiterals().transform(holder)
            pattern = holder.children[0].children[0]
        except (TheirError, ValueError) as error:
            raise LarkError(f"this literal cannot be read: {error}", where=place) from error
        return self._expression(pattern, str(token), place)

    def _expression(self, pattern: Any, name: str, place: Place | None) -> Expr:
        if isinstance(pattern, PatternStr) and not pattern.flags:
            if not pattern.value:
                raise LarkError(
                    f"the terminal {name} matches only the empty text", where=place, hint="leave it out, or use [..] or ? in a rule"
                )
            return Lit(_utf8(pattern.value, name, place))
        regexp = pattern.to_regexp()
        if regexp not in self._patterns:
            self._patterns[regexp] = self._regular(regexp, name, place)
        return self._patterns[regexp]

    def _regular(self, regexp: str, name: str, place: Place | None) -> Expr:
        try:
            found, taken = _expression(regexp)
        except StructgenError as error:
            raise _moved(error, name, place) from error
        if allows_empty(found):
            raise LarkError(
                f"the terminal {name} may match the empty text", where=place, hint="write + for *, and make it optional in the rule instead"
            )
        if taken is not None:
            self.report.findings += _findings(name, regexp, taken)
        return found

    def _check(self, name: str, tree: Any) -> None:
        """Read every literal by itself, so that errors get their place, and measure the whole."""
        sizes: dict[int, int] = {}
        for part in _postorder(tree):
            total = 4
            for child in part.children:
                if isinstance(child, Tree):
                    total += sizes[id(child)]
                else:
                    total += len(str(child))
                    if getattr(child, "type", "") == "REGEXP":
                        self._check_regex(name, child)
            sizes[id(part)] = total
            if total > MAX_PATTERN:
                raise BudgetExceeded(
                    f"the regex of the terminal {name} is longer than {MAX_PATTERN:,} characters when its parts are written out",
                    where=self.definitions.place(name),
                    hint="make some of the terminals rules",
                )

    def _check_regex(self, name: str, token: Any) -> None:
        place = token_place(self.definitions.text, token)
        try:
            pattern = PrepareLiterals().transform(Tree("value", [Tree("literal", [token])])).children[0].children[0]
        except TheirError as error:
            raise LarkError(f"this regex cannot be read: {error}", where=place) from error
        flags = "".join(sorted(pattern.flags - {"u"}))
        prefix = f"(?{flags})" if flags else ""
        try:
            parse(prefix + pattern.value)
        except StructgenError as error:
            raise _moved(error, name, place, str(token), len(prefix)) from error


def _expression(regexp: str) -> tuple[Expr, Preferred | None]:
    """The texts of a regex that Lark's matcher takes, and what is to be said about them if these are not simply the texts that match."""
    taken = preferred(regexp)
    if taken is None:
        return regex_expr(regexp), None
    try:
        same = taken.dfa == regex_dfa(regexp)
    except BudgetExceeded:
        same = False
    if taken.dfa.is_empty:
        return NEVER, taken
    return regex_expr(regexp) if same else Leaf(taken.dfa), None if same and not taken.edge else taken


def _findings(name: str, regexp: str, taken: Preferred) -> Iterator[Finding]:
    if taken.dfa.is_empty:
        yield Finding(name, "terminal", "exact", "no text matches it")
    elif taken.edge:
        why = "a condition at the edge of the terminal (such as \\b) would look at the text around it; here it sees the terminal alone"
        yield Finding(name, "terminal", "relaxed", why, "put the condition inside, or write what must follow into the rules")
    elif not taken.lazy:
        lost = (regex_dfa(regexp) - taken.dfa).shortest()
        why = f"the matcher takes the first alternative that fits, so that it never takes {lost!r}; nor is it allowed here"
        yield Finding(name, "terminal", "exact", why, "put longer alternatives first")


def _postorder(tree: Any) -> Iterator[Any]:
    """Every subtree once, children first. The trees of terminals share parts."""
    seen: set[int] = set()
    todo = [(tree, False)]
    while todo:
        one, ready = todo.pop()
        if ready:
            yield one
        elif id(one) not in seen:
            seen.add(id(one))
            todo.append((one, True))
            todo += [(child, False) for child in one.children if isinstance(child, Tree)]


def _moved(error: StructgenError, name: str, place: Place | None, token: str = "", prefix: int = 0) -> StructgenError:
    """An error of the regex frontend, with its place in the grammar."""
    if place is not None and isinstance(error.where, Place) and error.where.text[prefix:] == token[1 : 1 + len(error.where.text) - prefix]:
        place = Place(place.text, min(place.offset + 1 + max(error.where.offset - prefix, 0), len(place.text)))
    kind = LarkError if isinstance(error, RegexError) else type(error)
    return kind(f"in the terminal {name}: {error.why}", where=place, hint=error.hint)


def _utf8(text: str, name: str, place: Place | None) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise LarkError(f"the terminal {name} holds half a surrogate pair, which no text can", where=place) from error
