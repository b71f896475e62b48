"""`structgen explain`: what may come next in a text, or where and why it is refused."""

from __future__ import annotations

from structgen.cli.inputs import GrammarOptions, standard_input
from structgen.cli.screen import compiling_shown, plain

COMPLETE, NOT_COMPLETE = 0, 1


def explain(options: GrammarOptions, text: str) -> int:
    """Print the explanation; the exit status: 0 where the text is complete."""
    if text == "-":
        text = standard_input("TEXT").removesuffix("\n")
    grammar = options.grammar()
    with compiling_shown():
        found = grammar.explain(text)
    plain(str(found))
    return COMPLETE if found.verdict == "complete" else NOT_COMPLETE
