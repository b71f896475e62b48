"""Server use: what new schemas cost in a process that has met none, and in one that has met others.

    python bench/server.py --data SAMPLE.jsonl.xz --tokenizer TOKENIZER.json [--limit 500]

Every second schema of the file is measured twice: in a process that begins with them, and in one that has met the other half, which shares
leaves with them (strings, numbers, punctuation), but no schema. Both are forked from one that is warm: kernels loaded, the vocabulary read
and used for one small schema. Beside the median over all stands that of the first 25, for the process that begins with them learns.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Sequence
from time import perf_counter
from typing import Any

import numpy as np
from sample import cases, compiled, finish, parser, walk

import structgen as sg
from structgen.bench.cases import Case
from structgen.bench.figures import Figure
from structgen.errors import StructgenError
from structgen.warmup import warm


def met(case: Case, vocabulary: sg.Vocabulary) -> tuple[float, list[float]]:
    """Microseconds to the first mask of a schema, and of each token of its valid instances; none where it is refused."""
    texts = [vocabulary.encode(text) for text, valid in case.tests if valid]
    begun = perf_counter()
    try:
        automaton = compiled(case.schema, vocabulary)
    except StructgenError:
        return float("nan"), []
    automaton.mask(automaton.start())
    first = (perf_counter() - begun) * 1e6
    return first, [time for tokens in texts for time in walk(automaton, tokens)]


def sitting(before: Sequence[Case], some: Sequence[Case], vocabulary: sg.Vocabulary) -> dict[str, float]:
    """Microseconds over `some`, behind `before`: of first masks, of masks."""
    for case in before:
        met(case, vocabulary)
    found = [met(case, vocabulary) for case in some]
    firsts, times = np.array([first for first, _ in found]), np.concatenate([times for _, times in found])
    return {
        "first mask, median of the first 25": float(np.nanmedian(firsts[:25])),
        "first mask, median": float(np.nanmedian(firsts)),
        "first mask, p99": float(np.nanpercentile(firsts, 99)),
        "mask + commit, mean": float(times.mean()),
        "mask + commit, median": float(np.median(times)),
        "mask + commit, p99": float(np.percentile(times, 99)),
        "mask + commit, p99.9": float(np.percentile(times, 99.9)),
    }


def in_child(*arguments: Any) -> dict[str, float]:
    """`sitting` in a process of its own."""
    here, there = multiprocessing.Pipe(duplex=False)
    child = multiprocessing.get_context("fork").Process(target=lambda: there.send(sitting(*arguments)))
    child.start()
    there.close()  # or the end of a child that fails would not be seen
    found: dict[str, float] = here.recv()
    child.join()
    return found


def main() -> None:
    """Measure and print."""
    options = parser(__doc__).parse_args()
    sample = cases(options)
    new, old = sample[::2], sample[1::2]
    vocabulary = sg.Vocabulary.from_tokenizer(options.tokenizer)
    warm()
    walk(compiled('{"properties": {"a": {"type": "string"}}}', vocabulary), vocabulary.encode('{"a": "x"}'))
    alone, after = in_child([], new, vocabulary), in_child(old, new, vocabulary)
    print(f"{len(new)} new schemas in a process that has met no other, and in one that has met {len(old)} others")
    finish([Figure("server use", name, after[name], "µs", beside=f"{one:,.1f} µs behind no other") for name, one in alone.items()], options)


if __name__ == "__main__":
    main()
