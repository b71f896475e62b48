"""What tokens cost, in work rather than time: Python calls, kernel calls, rules and tables made; printed as JSON.

Three texts of one schema are read cold (by the first automaton of a process), by another automaton of the same schema, and once more by
that ("warm"). Then by a third one, without counting, for the CPU seconds in kernels: to be compared with a process whose kernels run as
Python.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from time import process_time
from types import FrameType
from typing import Any

import structgen as sg
from structgen import api
from structgen.automata.machine import ByteAutomaton
from structgen.constraint.tables import TokenTables
from structgen.kernels import read, walk
from structgen.tiny import path
from structgen.vocab.vocabulary import Vocabulary
from structgen.warmup import warm

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 40},
        "age": {"type": "integer", "minimum": 0, "maximum": 150},
        "mail": {"type": "string", "pattern": "^[a-z]+@[a-z]+\\.org$"},
        "tags": {"type": "array", "items": {"enum": ["red", "green", "blue"]}, "uniqueItems": True},
        "next": {"$ref": "#"},
    },
    "required": ["name"],
    "additionalProperties": {"anyOf": [{"type": "number"}, {"type": "boolean"}]},
}
TEXTS = [
    '{"name": "Ada", "age": 36, "mail": "ada@example.org"}',
    '{"name": "x\\n\\u00e9", "tags": ["red", "blue"], "more": 1.5e3, "other": true}',
    '{"next": {"name": "", "next": {"name": "y"}}, "name": "z"}',
]


class Work:
    """Counts Python calls, calls of some functions by name, and the CPU seconds in kernels."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.seconds = 0.0
        for owner, name, counter in (
            (walk, "mask", "mask kernels"),
            (read, "advance", "step kernels"),
            (ByteAutomaton, "help", "rules and room"),
            (TokenTables, "_table", "token tables"),
        ):
            setattr(owner, name, self._counted(getattr(owner, name), counter))

    def _counted(self, function: Any, counter: str) -> Any:
        def call(*arguments: Any) -> Any:
            self.counts[counter] += 1
            begun = process_time()
            try:
                return function(*arguments)
            finally:
                self.seconds += process_time() - begun if counter.endswith("kernels") else 0.0

        return call

    def _profile(self, frame: FrameType, event: str, _: Any) -> None:
        if event == "call" and frame.f_code.co_filename != __file__:
            self.counts["python calls"] += 1

    def of(self, automaton: Any, tokens: list[list[int]], *, profiled: bool = True) -> dict[str, float]:
        """The work of the masks and steps along some texts."""
        self.counts.clear()
        self.seconds = 0.0
        sys.setprofile(self._profile if profiled else None)
        for text in tokens:
            state = automaton.start()
            for token in text:
                row = automaton.mask(state)
                assert row[token >> 5] >> (token & 31) & 1
                state = automaton.advance(state, token)
            assert automaton.accepts(state)
        sys.setprofile(None)
        return dict(self.counts) if profiled else {"seconds": self.seconds}


def main() -> None:
    """Print the work by reading."""
    warm()
    vocabulary = Vocabulary.from_tokenizer(str(path() / "tokenizer.json"))
    tokens, work = [vocabulary.encode(text) for text in TEXTS], Work()
    first, second, third = (api.compile(sg.json_schema(SCHEMA, style="any", order="any"), vocabulary) for _ in range(3))
    found: dict[str, Any] = {"tokens": sum(map(len, tokens)), "texts": len(TEXTS)}
    for name, automaton in (("cold", first), ("again", second), ("warm", second)):
        found[name] = work.of(automaton, tokens)
    found["kernels"] = work.of(third, tokens, profiled=False)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
