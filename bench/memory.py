"""Memory: 500 schemas compiled, used and kept; and ever-new schemas, each dropped behind its use.

    python bench/memory.py --data SAMPLE.jsonl.xz --tokenizer TOKENIZER.json [--new 10000 [--seed 1]]

Resident memory of this process, which has neither torch nor transformers: Python, numpy, the kernels, the tokens. Kept: every
valid instance of every schema is walked. With `--new`: real schemas with other names and bounds (`structgen.bench.variations`), one valid
instance each, up to 200 tokens. Beside the total stands what is known to grow with the leaves that a process has met. `--trace` prints
instead which lines of Python hold what the last quarter of the new schemas added.
"""

from __future__ import annotations

import gc
import itertools
import sys
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from random import Random
from typing import Any, Final

from sample import cases, compiled, finish, parser, valid_text, walk

import structgen as sg
from structgen.automata.leaves import pool
from structgen.bench.cases import Case
from structgen.bench.figures import Figure
from structgen.bench.variations import varied
from structgen.bench.worker import memory
from structgen.constraint.rows import store_of
from structgen.constraint.tables import tables_of
from structgen.errors import StructgenError
from structgen.warmup import warm

KEPT_MOST: Final = 600.0  # MB
GROWTH_MOST: Final = 2.0  # MB for each thousand of new schemas: a day of one a second is under 200 MB
STEP: Final = 500
TOKENS: Final = 200  # of a new schema's instance


def held() -> float:
    """MB that this process holds, garbage apart."""
    gc.collect()
    return memory()["memory_mb"]


def pools(vocabulary: sg.Vocabulary) -> dict[str, float]:
    """What all automata share: MB, and how many leaves."""
    tables = tables_of(vocabulary, pool())
    return {
        "leaves": len(pool()._leaves),
        "leaf pool": pool().nbytes / 2**20,
        "token tables": tables.nbytes / 2**20,
        "finished rows": store_of(vocabulary.words).used / 2**20,
    }


def described(vocabulary: sg.Vocabulary) -> str:
    """`pools` in words."""
    return ", ".join(f"{name} {value:,.0f}" + ("" if name == "leaves" else " MB") for name, value in pools(vocabulary).items())


def kept(sample: list[Case], vocabulary: sg.Vocabulary) -> list[Figure]:
    """Compile all, walk all valid instances, keep everything."""
    begun, automata, tokens = held(), [], 0
    for number, case in enumerate(sample, 1):
        try:
            automata.append(compiled(case.schema, vocabulary))
        except StructgenError:
            continue
        for text, valid in case.tests:
            if valid:
                tokens += len(walk(automata[-1], vocabulary.encode(text)))
        if number % 100 == 0:
            print(f"{number:6} kept {held():8.0f} MB; {described(vocabulary)}", flush=True)
    arrays = Counter[str]()
    for one in automata:
        arrays.update({name: one.machine.arena[name].nbytes for name in one.machine.arena.names})
    largest = ", ".join(f"{name} {size >> 20} MB" for name, size in arrays.most_common(12))
    print(f"arrays of the automata: {arrays.total() >> 20} MB ({largest}); {sum(len(one._moves) for one in automata):,} moves in Python")
    beside = f"{begun:.0f} MB before; {described(vocabulary)}"
    what = f"{len(automata)} schemas kept, {tokens:,} tokens read"
    return [Figure("memory", what, held(), "MB", most=KEPT_MOST, beside=beside)]


def ever_new(sample: list[Case], vocabulary: sg.Vocabulary, options: Any) -> list[Figure]:
    """Compile, walk and drop."""
    seen, failed, ended = [(0, held())], 0, 0
    before: Any = None
    for number, case in enumerate(itertools.islice(variations(sample, options.seed), options.new), 1):
        text = valid_text(case)
        try:
            automaton = compiled(case.schema, vocabulary)
            tokens = vocabulary.encode(text or "")[:TOKENS]
            ended += len(walk(automaton, tokens)) == len(tokens)
        except StructgenError:
            failed += 1
        if number % STEP == 0:
            seen.append((number, held()))
            print(f"{number:6} new  {seen[-1][1]:8.0f} MB; {described(vocabulary)}", flush=True)
        if options.trace and number == options.new // 2:
            tracemalloc.start()
        if options.trace and number == options.new * 3 // 4:  # by then what is bounded holds only what was traced
            gc.collect()
            before = tracemalloc.take_snapshot()
    if before is not None:
        gc.collect()
        for one in tracemalloc.take_snapshot().compare_to(before, "lineno")[:25]:
            print(one)
    half = len(seen) // 2 + 1  # pools of leaves are left behind now and then: highest beside highest
    first, second = [max(mb for _, mb in part) for part in (seen[:half], seen[half:])]
    growth = 1000 * (second - first) / max(1, seen[-1][0] - seen[half - 1][0])
    beside = f"at most {first:.0f} MB in the first half, {second:.0f} in the second, {seen[-1][1]:.0f} in the end; {described(vocabulary)}"
    what = f"growth over 1,000 new schemas, second half of {options.new:,} ({failed} refused, {ended} instances read)"
    return [Figure("memory", what, growth, "MB", most=GROWTH_MOST, beside=beside)]


def variations(sample: list[Case], seed: int) -> Iterator[Case]:
    """Endlessly many cases, no two alike."""
    rng = Random(seed)
    for case in itertools.cycle(sample):
        yield varied(case, rng)


def main() -> None:
    """Measure and print."""
    given = parser(__doc__)
    given.add_argument("--new", type=int, help="measure so many new schemas, not those that are kept")
    given.add_argument("--seed", type=int, default=1)
    given.add_argument("--trace", action="store_true")
    options = given.parse_args()
    heavy = [name for name in ("torch", "transformers") if name in sys.modules]
    sample = cases(options)
    print(f"Python and our imports: {held():.0f} MB" + (f" with {heavy}" if heavy else ""))
    vocabulary = sg.Vocabulary.from_tokenizer(options.tokenizer)
    print(f"the vocabulary read: {held():.0f} MB")
    warm()
    finish(ever_new(sample, vocabulary, options) if options.new else kept(sample, vocabulary), options)


if __name__ == "__main__":
    main()
