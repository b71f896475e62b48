"""Batches: masks of many sequences written at once, and masks applied to logits, beside plain copies of the same bytes.

    python bench/batch.py --data SAMPLE.jsonl.xz --tokenizer TOKENIZER.json [--rows 256]

Each sequence has a schema of its own and is somewhere in a valid text. Times are the best of several; all rows are known before (warm).
llguidance, where it is installed, makes each row anew. Logits are masked on the host, and on a GPU where torch has one.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from random import Random
from typing import Any, Final

import numpy as np
from sample import best, cases, compiled, finish, parser, valid_text

import structgen as sg
from structgen.bench.cases import Case
from structgen.bench.figures import Figure
from structgen.constraint.fill import fill
from structgen.engines.masking import apply_masks
from structgen.errors import StructgenError

FILL_MOST: Final = 0.5  # ms
COPIES_MOST: Final = 1.5
TORCH_KINDS: Final = ("float32", "bfloat16", "float16")

Batch = list[tuple[Any, Any, list[int]]]
"""(schema, automaton, tokens so far) of each sequence."""


def sequences(sample: Sequence[Case], vocabulary: sg.Vocabulary, count: int) -> Batch:
    """`count` sequences, of schemas that have a valid instance."""
    rng, found = Random(1), []
    for case in sample:
        text = valid_text(case)
        if len(found) == count or text is None:
            continue
        try:
            automaton = compiled(case.schema, vocabulary)
        except StructgenError:
            continue
        tokens = vocabulary.encode(text)
        found.append((case.schema, automaton, tokens[: rng.randrange(len(tokens))]))
    return found


def fills(batch: Batch, words: int, others: str) -> tuple[list[Figure], np.ndarray[Any, Any]]:
    """Our rows beside a copy of as many, and the rows; `others`: what the same takes elsewhere."""
    constraints, states = [automaton for _, automaton, _ in batch], []
    for _, automaton, tokens in batch:
        state = automaton.start()
        for token in tokens:
            state = automaton.advance(state, token)
        states.append(state)
    out, spare = (np.zeros((len(batch), words), np.uint32) for _ in range(2))
    cold = best(lambda: fill(constraints, states, out), 1)
    rows = [automaton.mask(state) for automaton, state in zip(constraints, states, strict=True)]

    def one_by_one() -> None:
        for k, row in enumerate(rows):
            out[k] = row

    def filled(target: Any) -> None:
        for _ in range(20):
            fill(constraints, states, target)

    def by_two_threads() -> None:
        other = threading.Thread(target=filled, args=(spare,))
        other.start()
        filled(out)
        other.join()

    warm, copied = best(lambda: fill(constraints, states, out)), best(one_by_one)
    alone = on_one_core(lambda: best(lambda: fill(constraints, states, out)))
    twice = best(by_two_threads, 5) / 40
    what = f"fill of {len(batch)} rows of {4 * words:,} bytes, one schema each"
    return [
        Figure("batches", f"{what}, all known", warm, "ms", most=FILL_MOST, beside=f"numpy copies them in {copied:.2f} ms; {others}"),
        Figure("batches", "the same on one core", alone, "ms", most=FILL_MOST),
        Figure("batches", "the same by two threads at once: time of one batch", twice, "ms", most=FILL_MOST),
        Figure("batches", "the first time", cold, "ms"),
    ], out


def on_one_core(call: Callable[[], float]) -> float:
    """What a call gives while this process has one core; NaN where that cannot be had."""
    if not hasattr(os, "sched_setaffinity"):
        return float("nan")
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, [min(cores)])
    try:
        return call()
    finally:
        os.sched_setaffinity(0, cores)


def rivals(batch: Batch, tokenizer: str, vocabulary: sg.Vocabulary) -> str:
    """The same batch by llguidance, on all cores, in words."""
    try:
        import llguidance
        import llguidance.numpy
    except ImportError:
        return "llguidance is not installed"
    shared = llguidance.LLTokenizer(tokenizer, n_vocab=vocabulary.size, eos_token=list(vocabulary.stop_ids))
    matchers = []
    for schema, _, tokens in batch:
        matcher = llguidance.LLMatcher(shared, llguidance.LLMatcher.grammar_from_json_schema(schema), log_level=0)
        if not matcher.is_error() and matcher.validate_tokens(tokens) == len(tokens):
            matcher.consume_tokens(tokens)
            matchers.append((matcher, len(matchers)))
    executor = llguidance.LLExecutor()
    out = llguidance.numpy.allocate_token_bitmask(len(matchers), shared.vocab_size)
    time = best(lambda: llguidance.numpy.fill_next_token_bitmask_par(executor, matchers, out), 5)
    return f"llguidance {time:.2f} ms for {len(matchers)} of them"


def on_host(masks: np.ndarray[Any, Any], size: int) -> list[Figure]:
    """Masks applied to logits in the memory of the host, beside a copy of the logits."""
    plain = np.random.default_rng(1).normal(size=(len(masks), size)).astype(np.float32)
    kinds: list[tuple[str, Any]] = [("numpy float32", plain), ("numpy float16", plain.astype(np.float16))]
    try:
        import torch

        kinds += [(f"torch {kind}", torch.from_numpy(plain).to(getattr(torch, kind))) for kind in TORCH_KINDS]
    except ImportError:
        print("torch is not installed")
    return [applied(name, values, masks, np.copyto if isinstance(values, np.ndarray) else _copied) for name, values in kinds]


def _copied(target: Any, source: Any) -> None:
    target.copy_(source)


def applied(name: str, values: Any, masks: Any, copy: Callable[[Any, Any], None]) -> Figure:
    """Masks applied to logits in parts of a copy of them."""
    spare = values.copy() if isinstance(values, np.ndarray) else values.clone()
    limit, time = best(lambda: copy(spare, values), 5), best(lambda: apply_masks(spare, masks), 5)
    beside = f"{time:.2f} ms, the copy {limit:.2f} ms"
    return Figure("masks on logits", f"{name}: apply / a copy of the logits", time / limit, "x", most=COPIES_MOST, beside=beside)


def on_gpu(masks: np.ndarray[Any, Any], size: int) -> list[Figure]:
    """The same on a GPU, the crossing of the packed rows included; nothing where there is none."""
    try:
        import torch
    except ImportError:
        return []
    if not torch.cuda.is_available():
        print("torch has no GPU")
        return []

    def copy(target: Any, source: Any) -> None:
        target.copy_(source)
        torch.cuda.synchronize()

    plain = torch.randn(len(masks), size, device="cuda")
    return [applied(f"{torch.cuda.get_device_name()} {kind}", plain.to(getattr(torch, kind)), masks, copy) for kind in TORCH_KINDS]


def main() -> None:
    """Measure and print."""
    given = parser(__doc__)
    given.add_argument("--rows", type=int, default=256)
    options = given.parse_args()
    vocabulary = sg.Vocabulary.from_tokenizer(options.tokenizer)
    batch = sequences(cases(options), vocabulary, options.rows)
    figures, masks = fills(batch, vocabulary.words, rivals(batch, options.tokenizer, vocabulary))
    finish([*figures, *on_host(masks, vocabulary.size), *on_gpu(masks, vocabulary.size)], options)


if __name__ == "__main__":
    main()
