"""Lark grammars, as exact languages.

    load.py        text -> trees of rules and terminals, by the `lark` package; its errors with their places
    terminals.py   trees and literals -> regular languages; prefer.py: what Python's matcher takes of them
    rules.py       trees -> expressions with calls, templates written out
    ignore.py      what %ignore lets stand between terminals
    specials.py    special tokens: <|name|>, <[ids]>
    then           `ir.rewrite`: left recursion, empty calls, useless rules

There is no lexer. A text is in the language if it can be cut into terminals in some way that the rules allow, with ignored text between
them, before and after. That is Lark's Earley parser with `lexer="dynamic_complete"`, which is the judge of this frontend. A LALR parser
with a greedy lexer takes fewer texts. Priorities of terminals and rules, aliases, `?rule`, `!rule` and `_rule` choose and shape parse trees
and change nothing here.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from structgen.errors import EmptyLanguage
from structgen.frontends.lark.ignore import Ignored
from structgen.frontends.lark.load import load
from structgen.frontends.lark.rules import Rules
from structgen.frontends.lark.terminals import Terminals
from structgen.ir.expr import Expr, Special, seq
from structgen.ir.finite import Ref
from structgen.ir.language import Language
from structgen.ir.report import Finding, SupportReport
from structgen.ir.rewrite import rewrite

__all__ = ["lark"]

_WHOLE = "the whole text"


def lark(text: str, *, start: str = "start", import_paths: Sequence[str | Path] = ()) -> Language:
    """The language of a Lark grammar, exact and without a lexer; see the head of the module.

    `start` is the rule that whole texts follow. `%import` reads Lark's own library, and files below `import_paths`, nothing else.
    The report names priorities (they do not matter), rules that no text can use, and terminals whose conditions look at their neighbours
    ("relaxed": a `\\b` at the end of a terminal sees the terminal alone).

    Raises LarkError (with line, column and caret), UnsupportedFeature (`%declare`d terminals, back-references), EmptyLanguage,
    BudgetExceeded (nesting, templates without end, terminals too large).
    """
    definitions = load(text, import_paths)
    report = SupportReport()
    terminals = Terminals.of(definitions, report)
    rules = Rules(definitions, terminals)
    trees = rules.make(start)
    ignored = Ignored([terminals.named(name) for name in definitions.ignored], rules.used.values())
    spaced: dict[str, Expr] = {name: ignored.around(one) for name, one in rules.used.items()}
    whole = {_WHOLE: seq(ignored.after, Ref(start), ignored.last)}
    try:
        found = rewrite({**whole, **trees, **spaced}, _WHOLE, report, definitions.written)
    except EmptyLanguage as error:
        raise EmptyLanguage(
            f"no text can ever be completed from the rule {start!r}", where=definitions.place(start), hint=error.hint
        ) from error
    for name in definitions.prioritised:
        if name in trees or name in spaced:
            report.findings.append(Finding(name, "priority", "exact", "chooses between parses of a text, not between texts"))
    return Language(found, report, source=text, specials=tuple(one for one in rules.used.values() if isinstance(one, Special)))
