"""Batches: masks of many sequences written at once, and masks applied to logits, beside plain copies of the same bytes.

    python bench/batch.py SAMPLE.jsonl.xz TOKENIZER.json [--rows 256]

SAMPLE: a line a schema: {"schema", "tests": [{"data", "valid"}]} (MaskBench). Each sequence has a schema of its own and is somewhere in a
valid text. Times are the best of several; all rows are known before (warm). Engines that are installed stand beside: llguidance and
xgrammar make each row anew.
"""

from __future__ import annotations

import argparse
import json
import lzma
from collections.abc import Callable
from random import Random
from time import perf_counter
from typing import Any

import numpy as np

import structgen as sg
from structgen.constraint.fill import fill
from structgen.engines.masking import apply
from structgen.errors import StructgenError


def best(call: Callable[[], Any], repeat: int = 15) -> float:
    """Milliseconds of the fastest of several calls."""
    times = []
    for _ in range(repeat):
        begun = perf_counter()
        call()
        times.append(perf_counter() - begun)
    return 1e3 * min(times)


def sequences(sample: str, vocabulary: sg.Vocabulary, count: int) -> list[tuple[Any, Any, list[int]]]:
    """(schema, automaton, tokens so far) of `count` schemas that have a valid instance."""
    rng, found = Random(1), []
    with lzma.open(sample, "rt") as lines:
        for line in lines:
            case = json.loads(line)
            data = next((test["data"] for test in case["tests"] if test["valid"]), None)
            if len(found) == count or data is None:
                continue
            try:
                automaton = sg.compile(sg.json_schema(case["schema"], style="any"), vocabulary)
            except StructgenError:
                continue
            tokens = vocabulary.encode(json.dumps(data))
            found.append((case["schema"], automaton, tokens[: rng.randrange(len(tokens))]))
    return found


def report(what: str, time: float, limit: float) -> None:
    """One line: a time, and how it stands to the limit."""
    print(f"{what:58} {time:9.3f} ms {time / limit:8.2f} x")


def fills(batch: list[tuple[Any, Any, list[int]]], words: int) -> np.ndarray[Any, Any]:
    """Our rows beside a copy of as many; the rows."""
    constraints, states = [automaton for _, automaton, _ in batch], []
    for _, automaton, tokens in batch:
        state = automaton.start()
        for token in tokens:
            state = automaton.advance(state, token)
        states.append(state)
    out = np.zeros((len(batch), words), np.uint32)
    cold = best(lambda: fill(constraints, states, out), 1)
    rows = [automaton.mask(state) for automaton, state in zip(constraints, states, strict=True)]

    def one_by_one() -> None:
        for k, row in enumerate(rows):
            out[k] = row

    limit = best(one_by_one)
    print(f"{len(batch)} rows of {4 * words} bytes, one schema each")
    report("numpy copies the rows one by one", limit, limit)
    block = out.copy()
    report("numpy copies one block of that size", best(lambda: np.copyto(out, block)), limit)
    report("structgen fill, warm", best(lambda: fill(constraints, states, out)), limit)
    report("structgen fill, the first time", cold, limit)
    return out


def rivals(batch: list[tuple[Any, Any, list[int]]], tokenizer: str, size: int, limit: float) -> None:
    """The same batch by engines that are installed."""
    try:
        import llguidance
        import llguidance.numpy
    except ImportError:
        print("llguidance is not installed")
        return
    shared = llguidance.LLTokenizer(open(tokenizer, encoding="utf-8").read(), n_vocab=size)  # noqa: SIM115
    matchers = []
    for schema, _, tokens in batch:
        matcher = llguidance.LLMatcher(shared, llguidance.LLMatcher.grammar_from_json_schema(schema))
        if not matcher.is_error() and matcher.validate_tokens(tokens) == len(tokens):
            matcher.consume_tokens(tokens)
            matchers.append((matcher, len(matchers)))
    executor = llguidance.LLExecutor()
    out = llguidance.numpy.allocate_token_bitmask(len(matchers), size)
    time = best(lambda: llguidance.numpy.fill_next_token_bitmask_par(executor, matchers, out), 5)
    report(f"llguidance, {len(matchers)} of these rows", time * len(batch) / max(1, len(matchers)), limit)


def logits(masks: np.ndarray[Any, Any], size: int) -> None:
    """Masks applied to logits beside a copy of the logits."""
    try:
        import torch
    except ImportError:
        torch = None  # type: ignore[assignment]
    rng = np.random.default_rng(1)
    plain = rng.normal(size=(len(masks), size)).astype(np.float32)
    kinds = [("numpy float32", plain), ("numpy float16", plain.astype(np.float16))]
    if torch is not None:
        kinds += [(f"torch {kind}".replace("torch.", ""), torch.from_numpy(plain).to(kind)) for kind in (torch.float32, torch.bfloat16)]
    for name, values in kinds:
        spare = values.copy() if isinstance(values, np.ndarray) else values.clone()
        copy = np.copyto if isinstance(values, np.ndarray) else (lambda a, b: a.copy_(b))
        limit = best(lambda: copy(spare, values), 5)  # noqa: B023 - called at once
        report(f"{name}: a copy of the logits", limit, limit)
        report(f"{name}: structgen apply", best(lambda: apply(spare, masks), 5), limit)  # noqa: B023


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sample")
    parser.add_argument("tokenizer")
    parser.add_argument("--rows", type=int, default=256)
    options = parser.parse_args()
    vocabulary = sg.Vocabulary.from_tokenizer(options.tokenizer)
    batch = sequences(options.sample, vocabulary, options.rows)
    masks = fills(batch, vocabulary.words)
    rivals(batch, options.tokenizer, vocabulary.size, best(masks.copy))
    logits(masks, vocabulary.size)


if __name__ == "__main__":
    main()
