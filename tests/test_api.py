"""The public calls with arguments that cannot be meant."""

from __future__ import annotations

from typing import Any

import pytest

import structgen as sg
from structgen.errors import OptionError


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("style", "pretty"), ("style", 3), ("order", "foo"), ("order", ["schema"]), ("relax", "yes"), ("relax", 1), ("draft", "x"),
        ("draft", 7.5), ("registry", 3), ("registry", {3: {}}), ("formats", 3), ("formats", "yes"), ("formats", {3: "a"}),
        ("content", "no"), ("content", True), ("budget", 3), ("budget", {"seconds": 3}),
    ],
)  # fmt: skip
def test_options_of_schemas(option: str, value: Any) -> None:
    with pytest.raises(OptionError) as caught:
        sg.json_schema({"type": "null"}, **{option: value})
    assert caught.value.where == option


def test_every_notation_checks_its_budget() -> None:
    for make in (lambda **o: sg.regex("a", **o), lambda **o: sg.choice(["a"], **o), lambda **o: sg.python_type(int, **o)):
        with pytest.raises(OptionError, match="Budget"):
            make(budget=1.5)


@pytest.mark.parametrize("name", ["nodes", "states", "memory", "seconds"])
def test_budgets_are_positive(name: str) -> None:
    for value in (0, -1, True, "5", float("nan"), *([] if name == "seconds" else [None, 2.5])):
        with pytest.raises(OptionError) as caught:
            sg.Budget(**{name: value})
        assert caught.value.where == name
    assert sg.Budget(states=10, seconds=None).seconds is None
    assert sg.regex("a+", budget=sg.Budget(states=1, seconds=2)).accepts("aa")  # what one array holds is free


@pytest.mark.parametrize("text", [0.5, None, 3, [97], {"a": 1}, bytearray(b"3")])
def test_only_texts_are_judged(text: Any) -> None:
    grammar = sg.json_schema({"type": "number"})
    assert grammar.accepts("3")
    assert grammar.accepts(b"3")
    for judge in (grammar.accepts, grammar.explain):
        with pytest.raises(TypeError, match="str or bytes"):
            judge(text)
