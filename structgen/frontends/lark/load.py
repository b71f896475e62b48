"""From the text of a Lark grammar to trees of rules and terminals, by Lark's own loader; its errors become ours, with their places.

    Definitions.rules      dict[name, (parameters, tree)]      rules; with parameters they are templates
    Definitions.terminals  dict[name, tree | None]             terminals, references resolved; None: only declared
    Definitions.ignored    [name]                              terminals of %ignore
    Definitions.specials   dict[name, Special]                 terminals that stand for special tokens (`specials.py`)

Trees are Lark's: `expansions` (alternatives), `expansion` (sequence), `expr` (item, operator, counts), `maybe`, `alias`, `value`,
`literal`, `range`, `template_usage`. Imports, %override and %extend are done by the loader. Files are only read below `import_paths`.

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
from lark.grammar import Terminal
from lark.load_grammar import GrammarBuilder, _parse_grammar, stdlib_loader

from structgen.errors import BudgetExceeded, LarkError, Place
from structgen.frontends.lark.specials import SKIPPED, WRITTEN, without_specials
from structgen.ir.expr import Special

_USED = re.compile(r"used but not defined", re.IGNORECASE)


MAX_TERMINAL = 20_000
"""Most parts of a terminal, the terminals in it written out."""


@dataclass(frozen=True, slots=True)
class Definitions:
    """What a grammar defines; see the head of the module."""

    text: str
    rules: dict[str, tuple[tuple[str, ...], Any]]
    terminals: dict[str, Any]
    ignored: list[str]
    specials: dict[str, Special]
    prioritised: list[str]

    @property
    def written(self) -> list[str]:
        """The rules that stand in the text itself, in order."""
        words = set(re.findall(r"[a-z_0-9]+", self.text))
        return [name for name, (parameters, _) in self.rules.items() if not parameters and name in words]

    def place(self, name: str) -> Place | None:
        """Where a name first stands in the text, None if it does not (it was imported, or made up by Lark)."""
        return place_of(self.text, name)


def load(text: str, import_paths: Sequence[str | Path]) -> Definitions:
    """The definitions of a grammar. Raises LarkError, BudgetExceeded (nested too deeply)."""
    if not isinstance(text, str):
        raise LarkError(f"a Lark grammar is a str, not {type(text).__name__}")
    builder = GrammarBuilder(False, [_finder([Path(folder) for folder in import_paths])])
    plain, specials = without_specials(text)
    try:
        _check_terminals(text, _parse_grammar(plain, "<string>"), specials)
        builder.load_grammar(plain, "<string>")
        if specials:
            builder.load_grammar("%declare " + " ".join(specials), "<special tokens>")
        grammar = builder.build()
    except (TheirError, AssertionError, OSError, KeyError) as error:
        raise _translated(text, error) from error
    except RecursionError as error:
        raise BudgetExceeded("the grammar is nested too deeply", hint="give the inner groups rules of their own") from error
    for name in set(map(str, grammar.ignore)) & specials.keys():
        raise LarkError("a special token cannot be ignored", where=Place(text, plain.index(name)), hint="write it into the rules")
    rules = {str(name): (tuple(params), tree) for name, params, tree, _ in grammar.rule_defs}
    prioritised = [str(name) for name, _, _, options in grammar.rule_defs if options and options.priority]
    prioritised += [str(name) for name, (_, priority) in grammar.term_defs if priority]
    terminals = {str(name): tree for name, (tree, _) in grammar.term_defs}
    return Definitions(text, rules, terminals, [str(name) for name in grammar.ignore], specials, prioritised)


def _check_terminals(text: str, tree: Any, specials: dict[str, Special]) -> None:
    """Raises LarkError if a terminal has a special token, BudgetExceeded if it is huge once the terminals in it are written out: Lark's
    loader visits every part of that."""
    parts: dict[str, list[str]] = {}
    own: dict[str, int] = {}
    for statement in tree.children:
        term = statement.children[0] if statement.data in ("override", "extend") else statement
        if term.data == "term":
            name = str(term.children[0])
            if name in specials:
                written = text[term.children[0].start_pos :][: len(name)]
                raise LarkError(f"{written} cannot be defined", where=Place(text, term.children[0].start_pos), hint="it is a special token")
            nodes = list(term.children[-1].iter_subtrees())
            parts.setdefault(name, []).extend(str(leaf.name) for one in nodes for leaf in one.children if isinstance(leaf, Terminal))
            own[name] = own.get(name, 0) + len(nodes)
            if not specials.keys().isdisjoint(parts[name]):
                raise LarkError(
                    f"the terminal {name} has a special token",
                    where=place_of(text, name),
                    hint="special tokens stand in rules: make it one",
                )
    total: dict[str, int] = {}
    todo = [(name, False) for name in parts]
    while todo:
        name, ready = todo.pop()
        if ready:
            total[name] = own[name] + sum(total[one] for one in parts[name])
            if total[name] > MAX_TERMINAL:
                raise BudgetExceeded(
                    f"the terminal {name} has more than {MAX_TERMINAL:,} parts when the terminals in it are written out",
                    where=place_of(text, name),
                    hint="make some of the terminals rules",
                )
        elif name not in total:
            total[name] = 0  # what refers to itself is refused by Lark
            todo.append((name, True))
            todo += [(one, False) for one in parts[name] if one in parts]
            parts[name] = [one for one in parts[name] if one in parts]


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
    for found in re.finditer(rf"{SKIPPED}|{WRITTEN}|(?<![A-Za-z0-9_])({re.escape(name)})(?![A-Za-z0-9_])", text):
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
        token = text[at : at + len(str(getattr(unexpected, "token", "")))].strip()  # Lark has seen names of special tokens
        why = f"{token} cannot stand here" if token else "this cannot stand here"
        if not isinstance(error, UnexpectedInput):
            why = re.split(r",? at line", str(error).splitlines()[0])[0].rstrip(": ") or why
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
