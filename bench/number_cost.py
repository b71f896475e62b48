"""What numbers cost before their first digit: milliseconds of `json_schema`, its automaton and the state behind one digit.

    python bench/number_cost.py

The best of nine schemas that are alike but for their bounds, so that nothing of theirs is cached but what numbers share. A boolean shows
what is not about numbers. `compile_cost.py` has the large schemas.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

from structgen.automata.machine import ByteAutomaton
from structgen.frontends.jsonschema import json_schema


def integers(**more: Any) -> dict[str, Any]:
    """A schema of integers."""
    return {"type": "integer", **more}


def numbers(**more: Any) -> dict[str, Any]:
    """A schema of numbers."""
    return {"type": "number", **more}


CASES: Final[dict[str, Callable[[int], dict[str, Any]]]] = {
    "boolean": lambda k: {"type": "boolean", "title": str(k)},
    "integer >= k": lambda k: integers(minimum=k),
    "integer 0..100": lambda k: integers(minimum=0, maximum=100 + k),
    "port": lambda k: integers(minimum=1, maximum=65535 - k),
    "int32": lambda k: integers(minimum=-(2**31) + k, maximum=2**31 - 1),
    "int64": lambda k: integers(minimum=-(2**63) + k, maximum=2**63 - 1),
    "number >= k": lambda k: numbers(minimum=k),
    "number 0..1": lambda k: numbers(minimum=0, maximum=1 + k),
    "latitude": lambda k: numbers(minimum=-90 - k, maximum=90 + k),
    "multiples of 0.01": lambda k: numbers(multipleOf=0.01, minimum=k),
    "multiples of 5, 0..1000": lambda k: integers(multipleOf=5, minimum=0, maximum=1000 + 5 * k),
    "multiples of 7": lambda k: integers(multipleOf=7, minimum=7 * k),
    "no integer": lambda k: numbers(minimum=k, **{"not": {"type": "integer"}}),
    "const": lambda k: {"const": 12 + k},
    "enum of 5": lambda k: {"enum": [1, 2, 3, 10, 200 + k]},
}


def seconds(schema: dict[str, Any], style: str) -> float:
    """How long it takes to the state behind one digit."""
    begin = time.perf_counter()
    automaton = ByteAutomaton(json_schema(schema, style=style).start)
    automaton.read(b"1")
    return time.perf_counter() - begin


def main() -> None:
    """Print a line for each case."""
    print(f"{'':24s}{'default':>9s}{'any':>9s}")
    for name, make in CASES.items():
        best = [min(seconds(make(k), style) for k in range(1, 10)) for style in ("default", "any")]
        print(f"{name:24s}" + "".join(f"{1000 * one:9.2f}" for one in best), flush=True)


if __name__ == "__main__":
    main()
