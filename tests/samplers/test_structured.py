"""Functions that a model computes. Annotations are strings in this file, which is what the decorator must cope with."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "reference"))
from toys import finite, tabular

from structgen.errors import IncompleteOutput, OptionError
from structgen.models.function import FunctionModel
from structgen.samplers.model import Model
from structgen.samplers.options import Options
from structgen.samplers.structured import structured
from structgen.vocab import Vocabulary

VOCAB = Vocabulary.from_bytes([bytes([i]) for i in range(128)] + [b""], eos=128)


@dataclass
class Person:
    name: str
    age: int


SEEN: list[Any] = []


def compiler(grammar: Any, vocabulary: Vocabulary) -> Any:
    SEEN.append(grammar)
    texts = ['{"name": "Al", "age": 3}', '{"name": "Bo", "age": 12}']
    return finite(vocabulary, texts, lambda text: grammar(**json.loads(text)) if isinstance(grammar, type) else json.loads(text))


MODEL = Model(FunctionModel(tabular(VOCAB, 1), VOCAB), compile=compiler)


@structured(MODEL, max_tokens=100)
def extract(text: str, style: str = "plain") -> Person:
    """Extract the person ({style}), as {{"name": ...}}: {text}

    Second line.
    """


def test_a_call_returns_an_instance_of_the_type() -> None:
    person = extract("Al is 3")
    assert isinstance(person, Person)
    assert person.name in {"Al", "Bo"}
    result = extract.result("Al is 3")
    assert result.value == person
    assert result.prompt == extract.prompt("Al is 3") == 'Extract the person (plain), as {"name": ...}: Al is 3\n\nSecond line.'
    assert "terse" in extract.prompt(style="terse", text="x")
    assert extract.__name__ == "extract"
    assert extract.automaton is extract.automaton
    assert SEEN.count(Person) == 1


def test_types_local_to_the_caller_and_qualified() -> None:
    @dataclass
    class Local:
        name: str
        age: int

    @structured(MODEL)
    def local(text: str) -> Local:
        """{text}"""

    @structured(MODEL)
    def quoted(text: NotImportedAnywhere) -> list["Local"]:  # noqa: F821, UP037
        """{text!r:>5}"""

    assert isinstance(local("x"), Local)
    assert quoted.returns == list[Local]
    assert quoted.prompt("x") == "  'x'"


def test_what_is_missing_is_named() -> None:
    def bare(text: str) -> Person: ...

    def untyped(text: str):
        """{text}"""

    def nothing(text: str) -> None:
        """{text}"""

    def unknown(text: str) -> Person:
        """{txt}"""

    def broken(text: str) -> Person:
        """{text"""

    def nowhere(text: str) -> Missing:  # noqa: F821
        """{text}"""

    for function, why in [
        (bare, "docstring"), (untyped, "return type"), (nothing, "return type"), (unknown, "txt"), (broken, "format"), (nowhere, "Missing"),
    ]:  # fmt: skip
        with pytest.raises(OptionError, match=why) as caught:
            structured(MODEL)(function)
        assert function.__qualname__ in str(caught.value)
    with pytest.raises(OptionError, match="one value"):
        structured(MODEL, n=2)
    with pytest.raises(OptionError, match="max_token"):
        structured(MODEL, max_token=2)


def test_attributes_and_indices_of_arguments() -> None:
    @structured(MODEL, options=Options(max_tokens=50))
    def about(person: Person, items: list[int]) -> Person:
        """{person.name} has {items[1]}"""

    assert about.prompt(Person("Al", 3), [1, 2]) == "Al has 2"
    with pytest.raises(OptionError, match="filled in"):
        about.prompt(Person("Al", 3), [1])
    with pytest.raises(TypeError):
        about.prompt()


def test_a_cut_text_has_no_value() -> None:
    @structured(MODEL, max_tokens=3)
    def short(text: str) -> Person:
        """{text}"""

    with pytest.raises(IncompleteOutput):
        short("x")
    assert short.result("x").text == '{"n'


def test_grammars_are_remembered_by_content_if_they_can_change() -> None:
    SEEN.clear()
    schema = {"a": 1}
    first = MODEL.automaton(schema)
    assert MODEL.automaton({"a": 1}) is first
    schema["a"] = 2
    assert MODEL.automaton(schema) is not first
    assert len(SEEN) == 2
    assert MODEL.automaton(first) is first
    with pytest.raises(OptionError, match="no compiler"):
        Model(MODEL.model).automaton(schema)
