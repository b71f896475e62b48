"""What large and hostile schemas cost: seconds of the processor to the first mask, the 20 masks behind it, memory.

    python bench/compile_cost.py TOKENIZER.json [--only PART] [--limit 60]

Each case runs in a process of its own, forked behind the reading of the vocabulary and a warm-up. Printed for each: seconds of
`json_schema` (with the copy of the schema), of compile + first mask together, the slowest of 20 masks along a valid text (the first
tokens of it), the peak of resident memory above that of the parent (MB), the verdict (ok; budget: refused within a second; over: more than
a second or 500 MB; wrong) and the error where there is one.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import time
from collections import Counter
from collections.abc import Callable
from typing import Any, Final

from structgen.constraint.grammar import Grammar
from structgen.errors import StructgenError
from structgen.frontends.jsonschema import json_schema
from structgen.vocab.vocabulary import Vocabulary

LATEST: Final = 1.0
"""Seconds that a case has."""

Case = tuple[Callable[[], Any], Any, dict[str, Any]]
"""(what makes the schema, a valid value or the text of one, options of `json_schema`)."""


def nested(depth: int, wrap: Callable[[Any, int], Any], inner: Any) -> Any:
    """A schema wrapped so many times."""
    for i in range(depth):
        inner = wrap(inner, i)
    return inner


def obj(properties: dict[str, Any], *required: str, **more: Any) -> dict[str, Any]:
    """A schema of objects."""
    return {"type": "object", "properties": properties, "required": list(required), **more}


def tagged(k: int, inner: Any) -> dict[str, Any]:
    """A branch that a constant tells apart."""
    return obj({"kind": {"const": f"k{k}"}, "value": inner}, "kind")


def chain(size: int, link: Callable[[str], Any]) -> dict[str, Any]:
    """References that lead on and on."""
    return {"$defs": {**{f"d{i}": link(f"#/$defs/d{i + 1}") for i in range(size)}, f"d{size}": {"type": "integer"}}, "$ref": "#/$defs/d0"}


def levels(depth: int, level: Callable[[Any], Any]) -> dict[str, Any]:
    """Definitions, each of which refers to the next one as often as it likes."""
    return {
        "$defs": {**{f"d{i}": level({"$ref": f"#/$defs/d{i + 1}"}) for i in range(depth)}, f"d{depth}": {"type": "integer"}},
        "$ref": "#/$defs/d0",
    }


WORDS: Final = [f"value number {i} of many" for i in range(2000)]
ANY: Final = {"order": "any"}
STYLE: Final = {"style": "any"}
DEEP_TAGS: Final = nested(16, lambda v, _: {"kind": "k0", "value": v}, 1)

CASES: Final[dict[str, Case]] = {
    "small object": (lambda: obj({"a": {"type": "string"}, "b": {"type": "integer"}}, "a"), {"a": "x", "b": 1}, {}),
    "oneOf x 16, tagged": (
        lambda: nested(16, lambda s, _: {"oneOf": [tagged(0, s), tagged(1, {"type": "string"})]}, {"type": "integer"}),
        DEEP_TAGS,
        {},
    ),
    "oneOf x 16, types": (lambda: nested(16, lambda s, _: {"oneOf": [{"type": "null"}, {"type": "array", "items": s}]}, {}), [[[]]], {}),
    "oneOf x 16, in place, types": (
        lambda: nested(16, lambda s, i: {"oneOf": [{"type": "null"} if i % 2 else {"type": "boolean"}, s]}, {"type": "integer"}),
        5,
        {},
    ),
    "oneOf x 16, in place, overlapping objects": (
        lambda: nested(16, lambda s, i: {"oneOf": [obj({f"a{i}": {"type": "string"}}, f"a{i}"), s]}, obj({"z": {}}, "z")),
        {"z": 1},
        {},
    ),
    "oneOf x 16, nested, overlapping": (
        lambda: levels(16, lambda s: {"oneOf": [obj({"a": s}, "a"), obj({"b": s}, "b")]}),
        nested(16, lambda v, _: {"a": v}, 1),
        {},
    ),
    "oneOf x 16, nested, both branches alike": (
        lambda: levels(16, lambda s: {"oneOf": [obj({"a": s}, "a"), obj({"a": {"type": "string"}, "b": s}, "b")]}),
        nested(16, lambda v, _: {"a": v}, 1),
        {},
    ),
    "oneOf x 500, tagged": (lambda: {"oneOf": [tagged(k, {"type": "integer"}) for k in range(500)]}, {"kind": "k77", "value": 1}, {}),
    "oneOf x 500, tagged, any order": (
        lambda: {"oneOf": [tagged(k, {"type": "integer"}) for k in range(500)]},
        {"value": 1, "kind": "k77"},
        STYLE,
    ),
    "oneOf x 500, tagged by type": (
        lambda: {"oneOf": [{"type": "integer", "minimum": 10 * k, "maximum": 10 * k + 5} for k in range(500)]},
        12,
        {},
    ),
    "oneOf x 500, overlapping objects": (
        lambda: {"oneOf": [{"properties": {f"k{i}": {"type": "string"}}} for i in range(500)]},
        {"k1": 1},
        {},
    ),
    "oneOf x 500, required alone": (lambda: {"oneOf": [{"required": [f"k{i}"]} for i in range(500)]}, {"k1": 1}, {}),
    "oneOf x 500, closed objects": (
        lambda: {"oneOf": [obj({f"k{i}": {}, "x": {}}, f"k{i}", additionalProperties=False) for i in range(500)]},
        {"k1": 1, "x": 2},
        {},
    ),
    "oneOf x 500, patterns": (lambda: {"oneOf": [{"type": "string", "pattern": f"^k{i}-"} for i in range(500)]}, "k7-x", {}),
    "anyOf x 500, overlapping objects": (
        lambda: {"anyOf": [obj({f"k{i}": {"type": "string"}}, f"k{i}") for i in range(500)]},
        {"k7": "x"},
        {},
    ),
    "anyOf x 500, objects, any order": (
        lambda: {"anyOf": [obj({f"k{i}": {"type": "string"}}, f"k{i}") for i in range(500)]},
        {"k7": "x"},
        STYLE,
    ),
    "anyOf x 2,000 constants": (lambda: {"anyOf": [{"const": word} for word in WORDS]}, WORDS[77], {}),
    "anyOf x 2,000 constants, not": (lambda: {"type": "string", "not": {"enum": WORDS}}, "value", {}),
    "anyOf x 2,000 const objects": (
        lambda: {"anyOf": [{"const": {"id": i, "name": word}} for i, word in enumerate(WORDS)]},
        {"id": 77, "name": WORDS[77]},
        {},
    ),
    "anyOf x 2,000 const objects, any order": (
        lambda: {"anyOf": [{"const": {"id": i, "name": word}} for i, word in enumerate(WORDS)]},
        {"name": WORDS[77], "id": 77},
        STYLE,
    ),
    "enum of 2,000 objects": (
        lambda: {"enum": [{"id": i, "name": word} for i, word in enumerate(WORDS)]},
        {"id": 77, "name": WORDS[77]},
        {},
    ),
    "enum of 2,000 arrays": (lambda: {"enum": [[i, word] for i, word in enumerate(WORDS)]}, [77, WORDS[77]], {}),
    "not enum of 2,000 objects": (
        lambda: {"type": "object", "not": {"enum": [{"id": i, "name": w} for i, w in enumerate(WORDS)]}},
        {"id": 1},
        {},
    ),
    "not enum of 2,000 objects, closed": (
        lambda: obj(
            {"id": {"type": "integer"}, "name": {"type": "string"}},
            additionalProperties=False,
            **{"not": {"enum": [{"id": i, "name": w} for i, w in enumerate(WORDS)]}},
        ),
        {"id": 1, "name": "x"},
        {},
    ),
    "not enum of 2,000 arrays": (
        lambda: {"type": "array", "not": {"enum": [[i, w] for i, w in enumerate(WORDS)]}},
        [1, "x"],
        {},
    ),
    "1,000 optional": (lambda: obj({f"k{i}": {"type": "integer"} for i in range(1000)}), {"k5": 1, "k7": 2, "k999": 3}, {}),
    "1,000 optional, any order": (lambda: obj({f"k{i}": {"type": "integer"} for i in range(1000)}), {"k7": 1, "k5": 2, "k999": 3}, ANY),
    "1,000 optional, any order, closed, counts": (
        lambda: obj({f"k{i}": {"type": "integer"} for i in range(1000)}, additionalProperties=False, minProperties=3, maxProperties=9),
        {"k7": 1, "k5": 2, "k999": 3},
        ANY,
    ),
    "1,000 optional, counts": (
        lambda: obj({f"k{i}": {"type": "integer"} for i in range(1000)}, minProperties=3, maxProperties=900),
        {"k5": 1, "k7": 2, "k999": 3},
        {},
    ),
    "1,000 optional, closed, counts": (
        lambda: obj({f"k{i}": {"type": "integer"} for i in range(1000)}, additionalProperties=False, minProperties=3, maxProperties=900),
        {"k5": 1, "k7": 2, "k999": 3},
        {},
    ),
    "1,000 required, any order": (
        lambda: obj({f"k{i}": {"type": "integer"} for i in range(1000)}, *[f"k{i}" for i in range(1000)]),
        '{"k7":1,"k5":2',
        ANY,
    ),
    "maxLength 10^6": (lambda: {"type": "string", "maxLength": 10**6, "minLength": 5}, "some text", {}),
    "minLength 10^6": (lambda: {"type": "string", "minLength": 10**6}, '"some text', {}),
    "maxLength 10^6, pattern": (lambda: {"type": "string", "maxLength": 10**6, "pattern": "^[a-z ]+$"}, "some text", {}),
    "maxLength 10^6, not": (lambda: {"not": {"type": "string", "maxLength": 10**6}}, 1, {}),
    "maxItems 10^5": (lambda: {"type": "array", "maxItems": 10**5, "items": {"type": "integer"}}, [1, 2, 3], {}),
    "maxItems 10^5, contains": (lambda: {"type": "array", "maxItems": 10**5, "contains": {"const": 1}}, [2, 1, 3], {}),
    "maxItems 10^5, unique": (
        lambda: {"type": "array", "maxItems": 10**5, "items": {"type": "integer"}, "uniqueItems": True},
        [1, 2, 3],
        {},
    ),
    "maxItems 10^5, unique, contains": (
        lambda: {"type": "array", "maxItems": 10**5, "items": {"type": "integer"}, "uniqueItems": True, "contains": {"minimum": 3}},
        [1, 2, 3],
        {},
    ),
    "minItems 10^4": (lambda: {"type": "array", "minItems": 10**4, "items": {"type": "integer"}}, "[1,2,3", {}),
    "minItems 10^4, unique": (
        lambda: {"type": "array", "minItems": 10**4, "items": {"type": "integer"}, "uniqueItems": True},
        "[1,2,3",
        {},
    ),
    "minItems 20, unique, e-mail addresses": (
        lambda: {"type": "array", "minItems": 20, "items": {"type": "string", "format": "email"}, "uniqueItems": True},
        '["a@b.c","b@b.c"',
        {},
    ),
    "minItems 10^4, contains": (lambda: {"type": "array", "minItems": 10**4, "contains": {"const": 1}, "minContains": 5000}, "[1,2,3", {}),
    "5 MB of definitions": (
        lambda: {
            "$defs": {f"d{i}": obj({f"p{j}": {"type": "string", "description": "x" * 40} for j in range(10)}) for i in range(7000)},
            **obj({"a": {"$ref": "#/$defs/d77"}}),
        },
        {"a": {"p1": "x"}},
        {},
    ),
    "5 MB of used definitions": (
        lambda: {
            "$defs": {f"d{i}": obj({f"p{j}": {"type": "string", "description": "x" * 40} for j in range(10)}) for i in range(7000)},
            **obj({f"a{i}": {"$ref": f"#/$defs/d{i}"} for i in range(7000)}),
        },
        {"a77": {"p1": "x"}},
        {},
    ),
    "5 MB of enum": (lambda: {"enum": [f"{word} {i}" for word in WORDS for i in range(75)]}, WORDS[77] + " 7", {}),
    "5 MB of enum, of objects": (
        lambda: {"enum": [{"id": i, "name": f"{word} {i}"} for word in WORDS for i in range(40)]},
        {"id": 7, "name": WORDS[77] + " 7"},
        {},
    ),
    "5 MB of enum, numbers": (lambda: {"enum": [7 * i for i in range(500_000)]}, 77, {}),
    "5 MB of not enum": (lambda: {"type": "string", "not": {"enum": [f"{w} {i}" for w in WORDS for i in range(75)]}}, "x", {}),
    "5 MB of not enum, numbers": (lambda: {"type": "integer", "not": {"enum": [7 * i for i in range(500_000)]}}, 78, {}),
    "nesting 10,000, properties": (lambda: nested(10_000, lambda s, _: obj({"a": s}, "a"), {"type": "integer"}), '{"a":' * 20, {}),
    "nesting 10,000, items": (lambda: nested(10_000, lambda s, _: {"type": "array", "items": s}, {"type": "integer"}), [[[[]]]], {}),
    "nesting 10,000, needed items": (lambda: nested(10_000, lambda s, _: {"type": "array", "items": s, "minItems": 1}, {}), "[" * 20, {}),
    "nesting 10,000, not": (lambda: nested(10_000, lambda s, _: {"not": s}, {"type": "integer"}), 12, {}),
    "10^5 properties": (lambda: obj({f"k{i}": {"type": "integer"} for i in range(10**5)}), {"k7": 1, "k999": 3}, {}),
    "10^5 properties, any order": (lambda: obj({f"k{i}": {"type": "integer"} for i in range(10**5)}), {"k999": 1, "k7": 3}, ANY),
    "10^5 required properties": (
        lambda: obj({f"k{i}": {"type": "integer"} for i in range(10**5)}, *[f"k{i}" for i in range(10**5)]),
        '{"k0":1,"k1":3',
        {},
    ),
    "patternProperties x 12": (
        lambda: {"type": "object", "patternProperties": {f"^{c}": {"type": "integer"} for c in "abcdefghijkl"}},
        {"a": 1, "z": "x"},
        {},
    ),
    "patternProperties x 12, overlapping": (
        lambda: {"type": "object", "patternProperties": {c: {"minimum": i} for i, c in enumerate("abcdefghijkl")}},
        {"ab": 1, "z": "x"},
        {},
    ),
    "patternProperties x 64": (
        lambda: {"type": "object", "patternProperties": {f"^x-{i}-": {"minimum": i} for i in range(64)}},
        {"x-7-": 9, "z": "x"},
        {},
    ),
    "patternProperties x 65": (
        lambda: {"type": "object", "patternProperties": {f"^x-{i}-": {"minimum": i} for i in range(65)}},
        {"ab": 1},
        {},
    ),
    "allOf x 200": (lambda: {"allOf": [obj({f"k{i}": {"type": "integer"}}) for i in range(200)]}, {"k1": 1, "k2": 2}, {}),
    "allOf x 200, any order": (
        lambda: {"allOf": [obj({f"k{i}": {"type": "integer"}}, f"k{i}") for i in range(200)]},
        '{"k1":1,"k2":2',
        STYLE,
    ),
    "allOf x 200, if then": (
        lambda: {
            "type": "object",
            "allOf": [{"if": {"properties": {"k": {"const": i}}, "required": ["k"]}, "then": {"required": [f"k{i}"]}} for i in range(200)],
        },
        {"k": 1, "k1": 2},
        {},
    ),
    "allOf x 200, if then, strings": (
        lambda: {
            "type": "object",
            "allOf": [
                {"if": {"properties": {"k": {"const": f"t{i}"}}, "required": ["k"]}, "then": {"required": [f"k{i}"]}} for i in range(200)
            ],
        },
        {"k": "t1", "k1": 2},
        {},
    ),
    "allOf x 200, if then without required": (
        lambda: {"type": "object", "allOf": [{"if": {"required": [f"a{i}"]}, "then": {"required": [f"b{i}"]}} for i in range(200)]},
        {"a1": 1, "b1": 2},
        {},
    ),
    "dependentRequired x 30": (
        lambda: {"type": "object", "dependentRequired": {f"a{i}": [f"b{i}"] for i in range(30)}},
        {"a1": 1, "b1": 2},
        {},
    ),
    "propertyNames, host names": (lambda: {"type": "object", "propertyNames": {"format": "hostname"}}, {"a.b": 1, "c": 2}, {}),
    "$ref chain of 10,000": (lambda: chain(10_000, lambda to: {"$ref": to}), 12, {}),
    "$ref chain of 10,000 through allOf": (lambda: chain(10_000, lambda to: {"allOf": [{"$ref": to}]}), 12, {}),
    "$ref chain of 10,000 through properties": (lambda: chain(10_000, lambda to: obj({"a": {"$ref": to}}, "a")), '{"a":' * 20, {}),
    "recursive allOf": (
        lambda: {
            "$defs": {"t": {"allOf": [obj({"next": {"$ref": "#/$defs/t"}}), obj({"value": {"type": "integer"}}, "value")]}},
            "$ref": "#/$defs/t",
        },
        {"next": {"value": 1}, "value": 2},
        {},
    ),
    "recursive allOf, growing": (
        lambda: {
            "$defs": {
                "t": {"allOf": [obj({"next": {"allOf": [{"$ref": "#/$defs/t"}, {"$ref": "#/$defs/u"}]}}), {"minProperties": 1}]},
                "u": {"maxProperties": 9},
            },
            "$ref": "#/$defs/t",
        },
        {"next": {"value": 1}, "value": 2},
        {},
    ),
    "uniqueItems of objects": (
        lambda: {
            "type": "array",
            "uniqueItems": True,
            "items": obj({"id": {"type": "integer"}, "name": {"type": "string"}}, "id", additionalProperties=False),
        },
        [{"id": 1, "name": "x"}, {"id": 2}],
        {},
    ),
    "unevaluatedProperties, anyOf x 12": (
        lambda: {
            "type": "object",
            "anyOf": [{"properties": {f"k{i}": {"type": "string"}}} for i in range(12)],
            "unevaluatedProperties": False,
        },
        {"k1": "x"},
        {},
    ),
}


def measured(case: Case, vocabulary: Vocabulary, sender: Any) -> None:
    """One case, in a child."""
    make, value, options = case
    schema, row = make(), dict[str, Any]()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begun = time.process_time()
    try:
        language = json_schema(schema, **options)
        row["read"] = time.process_time() - begun
        automaton = Grammar(language).compile(vocabulary)
        state = automaton.start()
        automaton.mask(state)
        row["first"] = time.process_time() - begun
        text = value if isinstance(value, str) and value[:1] in '{["' else json.dumps(value, separators=(",", ":"))
        row["masks"], row["sum"] = 0.0, 0.0
        for token in vocabulary.encode(text)[:20]:
            at = time.process_time()
            state = automaton.advance(state, token)
            automaton.mask(state)
            took = time.process_time() - at
            row["masks"], row["sum"] = max(row["masks"], took), row["sum"] + took
            if not state:
                row["error"] = f"the text is refused: {text[:60]}"
                break
    except StructgenError as error:
        row["refused"] = time.process_time() - begun
        row["error"] = f"{type(error).__name__} after {row['refused']:.2f} s: {error.why}; where {error.where}, hint {error.hint}"
    except Exception as error:
        row["error"] = repr(error)[:200]
    row["memory"] = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    sender.send(row)


def run(case: Case, vocabulary: Vocabulary, limit: float) -> dict[str, Any]:
    """The figures of one case."""
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    child = context.Process(target=measured, args=(case, vocabulary, sender))
    child.start()
    sender.close()
    row: dict[str, Any] = {"error": f"nothing within {limit:.0f} s"}
    try:
        if receiver.poll(limit):
            row = receiver.recv()
    except EOFError:
        row = {"error": "the process died"}
    child.kill()
    child.join()
    return row


def verdict(row: dict[str, Any]) -> str:
    """Whether the first mask came within a second and 500 MB, or a refusal did."""
    if row.get("memory", 0) > 500 or row.get("first", row.get("refused", LATEST + 1)) > LATEST:
        return "over"
    return "budget" if "refused" in row else "wrong" if "error" in row else "ok"


def main() -> None:
    """Prints the table as it comes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tokenizer")
    parser.add_argument("--only", default="", help="cases whose names contain this")
    parser.add_argument("--limit", type=float, default=60)
    options = parser.parse_args()
    vocabulary = Vocabulary.from_tokenizer(options.tokenizer)
    warm = Grammar(json_schema({"properties": {"a": {"type": "array", "items": {"type": "number"}}}})).compile(vocabulary)
    state = warm.start()
    for token in vocabulary.encode('{"a":[1.5,"b"],"c":"d"}'):
        warm.mask(state)
        state = warm.advance(state, token)
    verdicts = Counter[str]()
    print("| case | read s | first mask s | slowest of 20 ms | memory MB | | |\n|---|---:|---:|---:|---:|---|---|")
    for name, case in CASES.items():
        if options.only in name:
            row = run(case, vocabulary, options.limit)
            figures = [f"{row[key]:.{digits}f}" if key in row else "" for key, digits in (("read", 2), ("first", 2))]
            figures.append(f"{row['masks'] * 1000:.0f}" if "masks" in row else "")
            figures.append(f"{row['memory']:.0f}" if "memory" in row else "")
            print(f"| {name} | {' | '.join(figures)} | {verdict(row)} | {row.get('error', '')} |", flush=True)
            verdicts[verdict(row)] += 1
    print(", ".join(f"{count} {name}" for name, count in verdicts.most_common()))


if __name__ == "__main__":
    main()
