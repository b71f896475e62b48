"""Vocabulary tables: reading a tokenizer, its trie, and the first tables of leaves.

    python bench/vocabularies.py --data SAMPLE.jsonl.xz --tokenizer ONE.json [--more OTHER.json ...]

Every tokenizer is read in a fresh process, the least of three. `tables`: the trie over the bytes of all tokens and the arrays for masks;
`first leaves`: what the first schema adds (strings, numbers, punctuation). Nothing of this is kept on disk. The data file is not read.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

from sample import finish, parser

from structgen.bench.figures import Figure

READ: Final = """
import json, sys
from time import perf_counter
import tokenizers
import structgen as sg
from structgen.automata.leaves import pool
from structgen.constraint.tables import tables_of
from structgen.warmup import warm
warm()
begun = perf_counter()
vocabulary = sg.Vocabulary.from_tokenizer(%r)
read = perf_counter()
tables = tables_of(vocabulary, pool())
made = perf_counter()
automaton = sg.compile(sg.json_schema({"properties": {"a": {"type": "string"}, "b": {"type": "number"}}}), vocabulary)
state = automaton.start()
for token in vocabulary.encode('{"a": "x", "b": 1'):
    automaton.mask(state)
    state = automaton.advance(state, token)
automaton.mask(state)
done = perf_counter()
found = {"size": vocabulary.size, "read": read - begun, "tables": made - read, "leaves": done - made, "all": done - begun}
json.dump({**found, "mb": (tables.tokens.nbytes + tables.nbytes) / 2**20}, sys.stdout)
"""


def measured(tokenizer: str, runs: int = 3) -> dict[str, Any]:
    """The run that took least."""
    program = [sys.executable, "-c", READ % tokenizer]
    found = [json.loads(subprocess.run(program, check=True, capture_output=True, text=True).stdout) for _ in range(runs)]
    return dict(min(found, key=lambda one: one["all"]))


def figures_of(tokenizer: str) -> list[Figure]:
    """What one tokenizer costs; the aim is for 128k tokens, and grows with their number."""
    one = measured(tokenizer)
    parts = f"reading and checking the tokenizer {one['read']:.2f} s, first leaves {one['leaves']:.2f} s; {one['mb']:.0f} MB"
    what = f"{Path(tokenizer).resolve().parent.name}, {one['size']:,} tokens: trie and tables"
    return [Figure("vocabulary tables", what, one["tables"], "s", most=max(1.0, one["size"] / 131_072), beside=parts)]


def main() -> None:
    """Measure and print."""
    given = parser(__doc__)
    given.add_argument("--more", action="append", default=[], metavar="FILE", help="another tokenizer.json; may be repeated")
    options: argparse.Namespace = given.parse_args()
    finish([figure for tokenizer in (options.tokenizer, *options.more) for figure in figures_of(tokenizer)], options)


if __name__ == "__main__":
    main()
