"""Long outputs: mask + commit along texts of 100,000 tokens and nesting of 1,000, all states new: is the cost of a token flat?

    python bench/long_texts.py --data SAMPLE.jsonl.xz --tokenizer TOKENIZER.json [--tokens 100000] [--depth 1000] [--only NAME]

For each text the mean of each tenth of its tokens is printed, and the last tenth divided by the second (the first tenth pays for what all
share); beside it the medians of these two, which no growth of an array and no other process disturbs. `--profile` shows instead where the
time of the last tenth goes. The data file is not read.
"""

from __future__ import annotations

import cProfile
import json
import pstats
from collections.abc import Callable
from random import Random
from typing import Any, Final

import numpy as np
from sample import compiled, finish, parser, walk

import structgen as sg
from structgen.bench.figures import Figure

FLAT: Final = 1.5
"""How much dearer the last tenth may be: twice as much as noise."""

WORDS: Final = ("alpha", "beta", "gamma", "delta", "omega", "red", "green", "blue", "north", "south")
JSON_IN_LARK: Final = r"""
start: value
value: object | array | STRING | NUMBER | "true" | "false" | "null"
object: "{" [pair ("," pair)*] "}"
pair: STRING ":" value
array: "[" [value ("," value)*] "]"
STRING: /"([^"\\\x00-\x1f]|\\(["\\\/bfnrt]|u[0-9a-fA-F]{4}))*"/
NUMBER: /-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?/
%ignore /[ \t\r\n]+/
"""
TREE: Final = {
    "$ref": "#/$defs/tree",
    "$defs": {
        "tree": {
            "type": "object",
            "properties": {"name": {"type": "string"}, "children": {"type": "array", "items": {"$ref": "#/$defs/tree"}}},
            "required": ["name"],
            "additionalProperties": False,
        }
    },
}
LIST: Final = {
    "type": "object",
    "properties": {"value": {"type": "integer"}, "next": {"anyOf": [{"type": "null"}, {"$ref": "#"}]}},
    "required": ["value", "next"],
}
RECORD: Final = {
    "type": "object",
    "properties": {"id": {"type": "integer"}, "name": {"type": "string"}, "tags": {"type": "array", "items": {"enum": ["a", "b", "c"]}}},
    "required": ["id", "name"],
    "additionalProperties": False,
}

Make = Callable[[Random, int], Any]
"""A value of about so many entries."""


def phrase(rng: Random, words: int) -> str:
    """Some words."""
    return " ".join(rng.choice(WORDS) for _ in range(words))


def nested(depth: int, wrap: Callable[[Any, int], Any], inner: Any) -> str:
    """The JSON text of a value wrapped so many times; `json` itself would recurse too deep."""
    left, _, right = json.dumps(wrap("@", 0)).partition('"@"')
    return left * depth + json.dumps(inner) + right * depth


LONG: Final[dict[str, tuple[Any, Make]]] = {  # name -> (schema, a value of so many entries)
    "array of integers": ({"type": "array", "items": {"type": "integer"}}, lambda rng, n: [rng.randrange(10**6) for _ in range(n)]),
    "array of records": (
        {"type": "array", "items": RECORD},
        lambda rng, n: [{"id": k, "name": phrase(rng, 3), "tags": rng.choices("abc", k=2)} for k in range(n)],
    ),
    "one string": ({"type": "string"}, phrase),
    "one string with a pattern": ({"type": "string", "pattern": "^([a-z]+ ?)*$"}, phrase),
    "string of bounded length": ({"type": "string", "maxLength": 10**7}, phrase),
    "object with ever-new keys": (
        {"type": "object", "additionalProperties": {"type": "integer"}},
        lambda rng, n: {f"{rng.choice(WORDS)}{k}": rng.randrange(100) for k in range(n)},
    ),
    "any JSON": (
        {},
        lambda rng, n: [{f"{rng.choice(WORDS)}_{k}": [rng.random(), phrase(rng, 2), {"x": None}]} for k in range(n)],
    ),
    "array of unique strings": (
        {"type": "array", "items": {"type": "string"}, "uniqueItems": True},
        lambda rng, n: [f"{phrase(rng, 1)} {k}" for k in range(n)],
    ),
    "array of counted length": (
        {"type": "array", "items": {"type": "boolean"}, "minItems": 10, "maxItems": 10**6},
        lambda rng, n: [rng.random() < 0.5 for _ in range(n)],
    ),
}
DEEP: Final[dict[str, tuple[Any, Callable[[int], str]]]] = {  # name -> (schema, or a grammar in Lark; a text that is so deep)
    "nested arrays, any JSON": ({}, lambda n: nested(n, lambda v, _: [v], 1)),
    "nested objects, any JSON": ({}, lambda n: nested(n, lambda v, _: {"a": v}, 1)),
    "linked list": (LIST, lambda n: nested(n, lambda v, _: {"value": 1, "next": v}, None)),
    "tree": (TREE, lambda n: nested(n, lambda v, _: {"name": "x", "children": [v]}, {"name": "y"})),
    "nested arrays, Lark": (JSON_IN_LARK, lambda n: nested(n, lambda v, _: [v], 1)),
    "nested objects, Lark": (JSON_IN_LARK, lambda n: nested(n, lambda v, _: {"a": v}, 1)),
}


def long_tokens(make: Make, vocabulary: sg.Vocabulary, count: int) -> list[int]:
    """The first `count` tokens of a text that is at least that long."""
    entries = count // 8
    while True:
        tokens = vocabulary.encode(json.dumps(make(Random(1), entries)))
        if len(tokens) >= count:
            return tokens[:count]
        entries *= 2


def automaton(notation: Any, vocabulary: sg.Vocabulary) -> Any:
    """A new automaton of a schema, or of a grammar in Lark."""
    if isinstance(notation, str):
        return sg.compile(sg.lark(notation), vocabulary)
    return compiled(json.dumps(notation), vocabulary)


def tenths(times: list[float]) -> list[float]:
    """The mean of each tenth."""
    return [float(part.mean()) for part in np.array_split(np.array(times), 10)]


def profile(notation: Any, tokens: list[int], vocabulary: sg.Vocabulary) -> None:
    """Print the functions that most of the last tenth goes to."""
    fresh, at = automaton(notation, vocabulary), len(tokens) * 9 // 10
    state = fresh.start()
    for token in tokens[:at]:
        fresh.mask(state)
        state = fresh.advance(state, token)
    seen = cProfile.Profile()
    seen.enable()
    for token in tokens[at:]:
        fresh.mask(state)
        state = fresh.advance(state, token)
    seen.disable()
    pstats.Stats(seen).sort_stats("tottime").print_stats(12)


def main() -> None:
    """Measure and print."""
    given = parser(__doc__)
    given.add_argument("--tokens", type=int, default=100_000)
    given.add_argument("--depth", type=int, default=1_000)
    given.add_argument("--only", help="the texts whose names have this in them")
    given.add_argument("--profile", action="store_true")
    options = given.parse_args()
    vocabulary = sg.Vocabulary.from_tokenizer(options.tokenizer)
    texts = {
        **{name: (schema, long_tokens(make, vocabulary, options.tokens)) for name, (schema, make) in LONG.items()},
        **{name: (notation, vocabulary.encode(make(options.depth))) for name, (notation, make) in DEEP.items()},
    }
    figures = []
    for name, (notation, tokens) in texts.items():
        if options.only is not None and options.only not in name:
            continue
        if options.profile:
            print(name)
            profile(notation, tokens, vocabulary)
            continue
        walk(automaton(notation, vocabulary), tokens[:200])  # token tables, and memory that the process gets from the system
        runs = [walk(automaton(notation, vocabulary), tokens) for _ in range(1 if name in LONG else 5)]
        means = tenths(np.median(np.array(runs), axis=0).tolist())
        print(f"{name:28}{len(tokens):8,} tokens" + "".join(f"{mean:8.1f}" for mean in means), "us", flush=True)
        worst = max(map(max, runs)) / 1e3
        second, last = (float(np.median(np.array_split(np.array(runs[0]), 10)[k])) for k in (1, 9))
        whole = "" if len(runs[0]) == len(tokens) else f"ends at token {len(runs[0]):,}; "
        figures.append(
            Figure(
                "long outputs",
                name,
                means[-1] / means[1],
                "x",
                most=FLAT,
                beside=f"{whole}medians {second:.1f} and {last:.1f} µs, slowest {worst:.1f} ms",
            )
        )
    if figures:
        finish(figures, options)


if __name__ == "__main__":
    main()
