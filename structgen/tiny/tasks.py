"""The tiny model's tasks: endless seeded examples, each with a prompt, the right answer, and what the answer must look like.

    >>> from random import Random
    >>> example = TASKS["time"].sample(Random(3))
    >>> check(example, example.answer)
    True

Data: `TASKS` maps a name to a `Task`; its `schema` (kind json), `pattern` (kind regex) or `grammar` (kind lark, a file name in
`grammars/`) describes the language of all its answers. `Task.sample` gives the plain form used for demos and scores;
`training_example` adds the variety that the model was trained on. Nothing here imports torch or the rest of structgen.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any, Literal

from structgen.tiny.phrases import GRAMMARS, PATTERNS, PHRASES
from structgen.tiny.records import RECORDS, SCHEMAS

__all__ = ["TASKS", "Example", "Task", "check", "prompt_for", "training_example", "training_examples"]

Kind = Literal["json", "regex", "lark"]
_RENAMED = {
    "name": ("full_name", "who", "person"), "age": ("years", "age_in_years"), "city": ("town", "place"), "job": ("profession", "work"),
    "email": ("mail",), "title": ("name", "what"), "date": ("day", "on"), "start": ("time", "begins"), "place": ("city", "where"),
    "author": ("writer", "by"), "customer": ("buyer", "client"), "postcode": ("zip", "zip_code"), "in_stock": ("available",),
    "value": ("reading",), "guests": ("people", "attendees"), "from": ("origin", "start"), "to": ("destination", "target"),
    "seats": ("tickets",), "pages": ("length",), "status": ("state",), "colours": ("colors",), "number": ("house_number",),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Example:
    """One prompt (ends with `Output: `), its right answer as text, and the answer's value (JSON value, or the text itself)."""

    prompt: str
    answer: str
    value: Any
    kind: Kind = "json"


@dataclass(frozen=True, slots=True)
class Task:
    """A family of examples with one language of answers; exactly one of `schema`, `pattern`, `grammar` is given."""

    name: str
    kind: Kind
    make: Callable[[Random], tuple[str, Any]] = field(repr=False)
    instructions: tuple[str, ...] = field(repr=False)
    schema: dict[str, Any] | None = field(default=None, repr=False)
    pattern: str | None = None
    grammar: str | None = None

    def sample(self, rng: Random) -> Example:
        """Return a fresh example in the plain form: one of the task's instructions, JSON as `json.dumps` writes it."""
        text, value = self.make(rng)
        return Example(prompt_for(rng.choice(self.instructions), text), _spelled(value), value, self.kind)


def prompt_for(instruction: str, text: str) -> str:
    """Return the prompt form that the model was trained on."""
    return f"Task: {instruction}\nInput: {text}\nOutput: "


def check(example: Example, text: str) -> bool:
    """Tell whether a model's answer is right: the same JSON value, or the same text up to blanks."""
    if example.kind != "json":
        return (
            text.split() == example.answer.split() if example.kind == "regex" else "".join(text.split()) == "".join(example.answer.split())
        )
    try:
        return _same(json.loads(text), example.value)
    except (ValueError, RecursionError):
        return False


def _same(a: Any, b: Any) -> bool:
    """Compare JSON values, with true and 1 kept apart and 2 and 2.0 equal."""
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(_same(a[key], b[key]) for key in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(_same, a, b))
    return bool(a == b)


def _spelled(value: Any, style: str = "plain") -> str:
    """Write a JSON value in a style (plain, compact, indent); text stays as it is."""
    if isinstance(value, str):
        return value
    separators = (",", ":") if style == "compact" else None
    return json.dumps(value, ensure_ascii=False, separators=separators, indent=2 if style == "indent" else None)


def _tasks() -> dict[str, Task]:
    made: dict[str, Task] = {}
    for name, (instructions, record) in RECORDS.items():
        made[name] = Task(name, "json", record, instructions, schema=SCHEMAS[name])
    for name, (instructions, phrase) in PHRASES.items():
        kind: Kind = "regex" if name in PATTERNS else "lark"
        made[name] = Task(name, kind, phrase, instructions, pattern=PATTERNS.get(name), grammar=GRAMMARS.get(name))
    return made


TASKS: dict[str, Task] = _tasks()
_WEIGHTS = [3 if task.kind == "json" else 3 if name in {"sql", "python", "arithmetic"} else 2 for name, task in TASKS.items()]


def _some_fields(rng: Random, value: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Choose some members in any order, rename a few, and return the instruction that asks for them."""
    keys = rng.sample(list(value), rng.randint(1, len(value)))
    shown: dict[str, Any] = {}
    for key in keys:
        name = rng.choice(_RENAMED[key]) if key in _RENAMED and rng.random() < 0.25 else key
        shown[key if name in value or name in shown else name] = value[key]
    asked = ", ".join(shown)
    return rng.choice([f"Write JSON with {asked}.", f"Extract {asked} as JSON.", f"Give a JSON object with the keys {asked}."]), shown


def training_example(rng: Random) -> Example:
    """Return an example as the model sees it in training: other JSON styles, chosen fields, looser prompts."""
    task = rng.choices(list(TASKS.values()), _WEIGHTS)[0]
    text, value = task.make(rng)
    instruction, style = rng.choice(task.instructions), "plain"
    if task.kind == "json":
        if rng.random() < 0.25:
            instruction, value = _some_fields(rng, value)
        if rng.random() < 0.12:
            style = rng.choice(["compact", "indent"])
            instruction += {"compact": " Use compact JSON.", "indent": " Indent by 2."}[style]
    answer, way = _spelled(value, style), rng.random()
    if way < 0.85:
        prompt = prompt_for(instruction, text)
    elif way < 0.95:
        prompt = prompt_for("Do what the input says.", f"{instruction[:-1]}: {text}")
    else:
        prompt = f"{instruction[:-1]}: {text}\nOutput: "
    return Example(prompt, answer, value, task.kind)


def training_examples(seed: int) -> Iterator[Example]:
    """Yield training examples without end; the same seed gives the same ones. Scores use seeds of the form `eval-...`."""
    rng = Random(f"train-{seed}")
    while True:
        yield training_example(rng)
