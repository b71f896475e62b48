"""`structgen examples`: random texts of a grammar, one a line."""

from __future__ import annotations

import json

from structgen.cli.inputs import GrammarOptions
from structgen.cli.screen import plain


def examples(options: GrammarOptions, n: int, *, seed: int | None, max_length: int | None, as_json: bool) -> int:
    """Print `n` texts: as they are, or as JSON strings (one a line, whatever is in them)."""
    for text in options.grammar().examples(n, seed=seed, max_length=max_length):
        plain(json.dumps(text, ensure_ascii=False) if as_json else text)
    return 0
