"""Finite choices: a few words or a million.

Up to `SMALL` texts become one automaton over characters, which other grammars can intersect or subtract; more of them become one sorted
list of byte strings (`ir.expr.Strings`), which the byte automaton builds in bulk.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from structgen.errors import BudgetExceeded, EmptyLanguage, GrammarError
from structgen.ir.expr import Leaf, Lit, Strings
from structgen.ir.language import Language
from structgen.ir.regular import CharDFA

SMALL: Final = 2_000
"""The most options of a choice that is run as one automaton over characters."""


def choice(options: Iterable[str | bytes]) -> Language:
    """The language of exactly these texts; bytes stand for themselves. Order and duplicates do not matter.

    A million options take about a second. Raises EmptyLanguage for no options, GrammarError for what is neither str nor bytes.
    """
    if isinstance(options, str | bytes) or not isinstance(options, Iterable):
        raise GrammarError(f"a choice takes a list of strings, not one {type(options).__name__}", hint='for one text: choice(["text"])')
    listed = list(options)
    if not listed:
        raise EmptyLanguage("a choice without options allows no text", hint="pass at least one string")
    items = list(dict.fromkeys(sorted(_encoded(listed))))  # sorting a set instead takes twice as long, for its order in memory
    source = f"choice of {len(items):,}"
    if len(items) == 1 and b"" not in items:
        return Language(Lit(items[0]), regular=_automaton(items), source=source)
    regular = _automaton(items) if len(items) <= SMALL else None
    return Language(Strings(items) if regular is None else Leaf(regular), regular=regular, source=source)


def _encoded(options: list[str | bytes]) -> list[bytes]:
    """The options as UTF-8. A plain loop costs twice the time, so the slow way is kept for what goes wrong."""
    try:
        return [option.encode() if isinstance(option, str) else bytes(memoryview(option)) for option in options]
    except (TypeError, UnicodeEncodeError):
        for i, option in enumerate(options):
            if not isinstance(option, str | bytes | bytearray | memoryview):
                hint = f"write {str(option)!r} if its text is meant"
                raise GrammarError(f"option {i} is a {type(option).__name__}, not a str", where=f"options[{i}]", hint=hint) from None
            if isinstance(option, str) and any(0xD800 <= ord(char) <= 0xDFFF for char in option):
                raise GrammarError(f"option {i} contains a surrogate, which is no character", where=f"options[{i}]") from None
        raise


def _automaton(items: list[bytes]) -> CharDFA | None:
    """The automaton over characters; None if an option is not UTF-8 or there are too many characters."""
    try:
        return CharDFA.of_strings(item.decode() for item in items)
    except (UnicodeDecodeError, BudgetExceeded):
        return None
