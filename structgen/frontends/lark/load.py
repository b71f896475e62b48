"""From the text of a Lark grammar to trees of rules and terminals, by Lark's own loader; its errors become ours, with their places.

    Definitions.rules      dict[name, (parameters, tree)]      rules; with parameters they are templates
    Definitions.terminals  dict[name, tree | None]             terminals, references resolved; None: only declared
    Definitions.ignored    [name]                              terminals of %ignore

Trees are Lark's: `expansions` (alternatives), `expansion` (sequence), `expr` (item, operator, counts), `maybe`, `alias`, `value`, `literal`,
`range`, `template_usage`. Imports, %override and %extend are done by the loader. Files are only read below `import_paths`.

Not here: what trees mean (`rules.py`, `terminals.py`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lark.exceptions import LarkError as TheirError
from lark.exceptions import UnexpectedInput
from lark.load_grammar import GrammarBuilder, stdlib_loader

from structgen.errors import BudgetExceeded, LarkError, Place

_SKIPPED = re.compile(r'"(?:\\"|\\\\|[^"\n])*?"i?|/(?!/)(?:\\/|\\\\|[^/])*?/[imslux]*|//[^\n]*|#[^\n]*')
_USED = re.compile(r"used but not defined", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Definitions:
    """What a grammar defines; see the head of the module."""

    text: str
    rules: dict[str, tuple[tuple[str, ...], Any]]
    terminals: dict[str, Any]
    ignored: list[str]
    prioritised: list[str]

    def place(self, name: str) -> Place | None:
        """Where a name first stands in the text, None if it does not (it was imported, or made up by Lark)."""
        return place_of(self.text, name)


def load(text: str, import_paths: Sequence[str | Path]) -> Definitions:
    """The definitions of a grammar. Raises LarkError, BudgetExceeded (nested too deeply)."""
    if not isinstance(text, str):
        raise LarkError(f"a Lark grammar is a str, not {type(text).__name__}")
    builder = GrammarBuilder(False, [_finder([Path(folder) for folder in import_paths])])
    try:
        builder.load_grammar(text, "<string>")
        grammar = builder.build()
    except (TheirError, AssertionError, OSError, KeyError) as error:
        raise _translated(text, error) from error
    except RecursionError as error:
        raise BudgetExceeded("the grammar is nested too deeply", hint="give the inner groups rules of their own") from error
    rules = {str(name): (tuple(params), tree) for name, params, tree, _ in grammar.rule_defs}
    prioritised = [str(name) for name, _, _, options in grammar.rule_defs if options and options.priority]
    prioritised += [str(name) for name, (_, priority) in grammar.term_defs if priority]
    terminals = {str(name): tree for name, (tree, _) in grammar.term_defs}
    return Definitions(text, rules, terminals, [str(name) for name in grammar.ignore], prioritised)


def _finder(folders: Sequence[Path]) -> Callable[[Any, str], tuple[Any, str]]:
    """Finds imported files in `folders`, beside files already imported from there, and in Lark's own library; nowhere else."""
    opened: set[str] = set()

    def find(base: Any, path: str) -> tuple[Any, str]:
        if isinstance(base, tuple):  # an import inside Lark's library
            found: tuple[Any, str] = stdlib_loader(base, path)
            return found
        beside = [Path(base)] if isinstance(base, str) and base in opened else []
        for folder in (*beside, *folders):
            file = folder / path
            if file.is_file():
                opened.add(str(file.parent))
                return str(file), file.read_text(encoding="utf-8")
        try:
            found = stdlib_loader(None, path)
        except OSError:
            hint = "Lark's library has common, python, lark, unicode; give import_paths=[folder] for files of your own"
            raise LarkError(f"there is no grammar file {path} to import from", hint=hint) from None
        return found

    return find


def place_of(text: str, name: str) -> Place | None:
    """The first place of a name in a grammar, outside strings, regexes and comments."""
    for found in re.finditer(rf"{_SKIPPED.pattern}|(?<![A-Za-z0-9_])({re.escape(name)})(?![A-Za-z0-9_])", text):
        if found.group(1):
            return Place(text, found.start(1))
    return None


def token_place(text: str, token: Any) -> Place | None:
    """Where a token stands in this grammar (None if it was imported)."""
    at = getattr(token, "start_pos", None)
    return Place(text, at) if at is not None and text.startswith(str(token), at) else None


def _translated(text: str, error: BaseException) -> LarkError:
    """Lark's error as ours, with the place it speaks of."""
    if isinstance(error, LarkError):
        return error
    unexpected = error if isinstance(error, UnexpectedInput) else error.__context__
    if isinstance(unexpected, UnexpectedInput):
        at = min(max(unexpected.pos_in_stream or 0, 0), len(text))
        if getattr(getattr(unexpected, "token", None), "type", "") == "$END":
            at = len(text)
        why = str(error) if not isinstance(error, UnexpectedInput) else "this cannot stand here"
        why = re.split(r",? at line", why.splitlines()[0])[0].rstrip(": ") or "this cannot stand here"
        return LarkError(
            why[0].lower() + why[1:], where=Place(text, at), hint="definitions look like  name: item | item  and end with the line"
        )
    why = (str(error).splitlines() or [""])[0] or type(error).__name__
    names = re.findall(r"'([A-Za-z_]\w*)'", why) or re.findall(r"\b(_*[A-Z][A-Z0-9_]+|[a-z_]\w*) (?:in|defined)|: (\w+)$", why)
    flat = [name for found in names for name in ([found] if isinstance(found, str) else found) if name]
    places = [place for name in flat if (place := place_of(text, name)) is not None]
    hint = None
    if _USED.search(why):
        hint = "define it, import it (%import common.NAME), or correct the name"
    return LarkError(why[0].lower() + why[1:], where=places[0] if places else None, hint=hint)
