"""What the measuring scripts share: their options, the texts they walk, and how they report.

Not a script.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

import structgen as sg
from structgen.bench.cases import Case, read_cases
from structgen.bench.figures import Figure, markdown, write_figures


def parser(doc: str) -> argparse.ArgumentParser:
    """The options that all scripts have; `doc`: the docstring of the script."""
    made = argparse.ArgumentParser(description=doc.splitlines()[0])
    made.add_argument("--data", required=True, metavar="FILE", help="schemas with instances, in the layout of MaskBench")
    made.add_argument("--tokenizer", required=True, metavar="FILE", help="a tokenizer.json")
    made.add_argument("--limit", type=int, help="only so many schemas")
    made.add_argument("--json", type=Path, metavar="FILE", help="write the figures")
    return made


def cases(options: argparse.Namespace) -> list[Case]:
    """The schemas."""
    return read_cases(options.data, options.limit)


def valid_text(case: Case) -> str | None:
    """The first valid instance of a case; None where there is none."""
    return next((text for text, valid in case.tests if valid), None)


def compiled(schema: str, vocabulary: sg.Vocabulary, style: str = "any") -> Any:
    """The automaton of a schema."""
    return sg.compile(sg.json_schema(schema, style=style), vocabulary)


def walk(automaton: Any, tokens: Sequence[int]) -> list[float]:
    """Microseconds of mask + commit for each token, up to one that is not allowed (which the last time is of)."""
    times, state = [], automaton.start()
    for token in tokens:
        begun = perf_counter()
        row = automaton.mask(state)
        legal = row[token >> 5] >> (token & 31) & 1
        if legal:
            state = automaton.advance(state, token)
        times.append((perf_counter() - begun) * 1e6)
        if not legal:
            break
    return times


def best(call: Callable[[], Any], repeat: int = 15) -> float:
    """Milliseconds of the fastest of several calls."""
    times = []
    for _ in range(repeat):
        begun = perf_counter()
        call()
        times.append(perf_counter() - begun)
    return 1e3 * min(times)


def finish(figures: Sequence[Figure], options: argparse.Namespace) -> None:
    """Print the figures, and write them where that is asked for."""
    print(markdown(figures))
    if options.json is not None:
        write_figures(options.json, figures)
