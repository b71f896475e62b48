"""The public calls with arguments that cannot be meant."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
from referencing import Registry

import structgen as sg
from structgen.constraint.automaton import TokenAutomaton
from structgen.errors import GrammarError, OptionError


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


def test_nothing_is_no_grammar() -> None:
    with pytest.raises(GrammarError, match="None is no grammar") as caught:
        sg.compile(None, sg.Vocabulary.from_bytes([b"a", b""], eos=1))
    assert '{"type": "null"}' in (caught.value.hint or "")


@pytest.mark.parametrize("name", ["nodes", "states", "memory", "seconds"])
def test_budgets_are_positive(name: str) -> None:
    for value in (0, -1, True, "5", float("nan"), *([] if name == "seconds" else [None, 2.5])):
        with pytest.raises(OptionError) as caught:
            sg.Budget(**{name: value})
        assert caught.value.where == name
    assert sg.Budget(states=10, seconds=None).seconds is None
    assert sg.regex("a+", budget=sg.Budget(states=1, seconds=2)).accepts("aa")  # what one array holds is free


@pytest.mark.parametrize("value", ["3", 2.5, -1, True, [3]])
def test_examples_are_counted_in_whole_numbers(value: Any) -> None:
    for option in ("n", "max_length"):
        with pytest.raises(OptionError, match="whole number") as caught:
            sg.regex("a").examples(**{option: value})
        assert caught.value.where == option


@pytest.mark.parametrize("text", [0.5, None, 3, [97], {"a": 1}, bytearray(b"3")])
def test_only_texts_are_judged(text: Any) -> None:
    grammar = sg.json_schema({"type": "number"})
    assert grammar.accepts("3")
    assert grammar.accepts(b"3")
    for judge in (grammar.accepts, grammar.explain):
        with pytest.raises(TypeError, match="str or bytes"):
            judge(text)


SCHEMA = {"type": "object", "properties": {"a": {"$ref": "other"}}, "required": ["a"], "additionalProperties": False}
DRAFT = "https://json-schema.org/draft/2020-12/schema"
GRAMMARS: list[tuple[Any, str, str]] = [
    (lambda: sg.regex("a+b", search=True), "xaab", "a"),
    (lambda: sg.choice(iter(["yes", "no"])), "no", "maybe"),
    (lambda: sg.lark('start: "(" start? ")"'), "(())", "(()"),
    (lambda: sg.python_type(dict[str, list[int]]), '{"a": [1]}', '{"a": 1}'),
    (lambda: sg.json_schema(SCHEMA, style="compact", registry={"other": {"type": "integer"}}), '{"a":1}', '{"a": 1}'),
    (lambda: sg.json_schema({"$ref": "urn:x"}, registry=Registry().with_contents([("urn:x", {"$schema": DRAFT, "const": 1})])), "1", "2"),
    (lambda: sg.json_schema('{"format": "sku"}', formats={"sku": sg.regex("[A-Z]+")}), '"A"', '"a"'),
    (lambda: sg.regex("a") + sg.choice(["b"]) | ~sg.regex("x+") & sg.regex("[xy]+"), "xy", "xx"),
    (lambda: sg.json_schema(True).repeat(2, 3), "1 2"[::2] + "{}", "1"),
    (lambda: (sg.json_schema(True) - sg.regex("b", search=True)).optional() | sg.choice(["b"]), '{"a": 1}', '{"b": 1}'),
]


@pytest.mark.parametrize(("make", "good", "bad"), GRAMMARS)
def test_grammars_can_be_pickled_and_copied(make: Any, good: str, bad: str) -> None:
    grammar = make()
    twin = pickle.loads(pickle.dumps(grammar))
    assert copy.deepcopy(grammar) is grammar
    for one in (grammar, twin):
        assert one.accepts(good)
        assert not one.accepts(bad)
        assert one.decode(good) == grammar.decode(good)
    assert twin.language.report.findings == grammar.language.report.findings


def test_automata_and_processors_can_be_pickled_and_copied() -> None:
    vocab = sg.Vocabulary.from_bytes([b"a", b"b", b"ab", b""], eos=3)
    automaton = sg.compile(sg.regex("(ab)+", budget=sg.Budget(seconds=7)), vocab)
    processor = sg.LogitsProcessor([automaton, sg.regex("b")], vocab, prompt_length=2)
    assert copy.deepcopy(automaton) is automaton
    for twin in (pickle.loads(pickle.dumps(automaton)), pickle.loads(pickle.dumps(processor)).constraints[0]):
        assert twin.machine.budget == sg.Budget(seconds=7)
        assert twin.mask(twin.start()).tolist() == automaton.mask(automaton.start()).tolist()
    assert pickle.loads(pickle.dumps(processor)).prompt_length == 2
    assert copy.deepcopy(processor).constraints == processor.constraints


def test_a_pickled_schema_is_the_one_that_was_compiled() -> None:
    schema: dict[str, Any] = {"enum": [1]}
    grammar = sg.json_schema(schema)
    schema["enum"][0] = 2
    assert pickle.loads(pickle.dumps(grammar)).accepts("1")


def test_what_cannot_be_pickled_says_so() -> None:
    bare = sg.Grammar(sg.regex("a").language)
    for one in (bare, bare | sg.regex("b")):
        with pytest.raises(GrammarError, match="cannot be pickled"):
            pickle.dumps(one)
    by_hand = TokenAutomaton(bare.automaton, sg.Vocabulary.from_bytes([b"a", b""], eos=1))
    with pytest.raises(OptionError, match="cannot be pickled"):
        pickle.dumps(by_hand)


def test_values_of_what_is_put_together() -> None:
    number, word, pair = sg.json_schema({"type": "integer"}), sg.regex("[a-z]+"), sg.python_type(tuple[int, int])
    assert (number | word).decode("12") == 12
    assert (word | number).decode("ab") == "ab"
    assert (number | word | pair).decode("[1, 2]") == (1, 2)
    assert (sg.json_schema({"type": "array"}) | pair).decode("[1, 2]") == [1, 2]
    assert (number & sg.regex("..")).decode("12") == (sg.regex("..") & number).decode("12") == 12
    assert (number - sg.regex("1.")).decode("22") == 22
    assert number.optional().decode("") is None
    assert number.optional().decode("12") == number.repeat(1, 1).decode("12") == 12
    assert word.optional().decode("") == ""
    for text in (number + word, number.repeat(1, 3), ~word):
        assert text.decode("12") == "12"
    assert (sg.regex("a") & sg.regex("b") | number).decode("3") == 3  # one of them has no text at all


def test_only_values_are_looked_for_while_texts_are_streamed() -> None:
    number, word, text = sg.json_schema({"type": "integer"}), sg.regex("[a-z]+"), sg.python_type(str)
    digits = sg.regex("[0-9]+")
    for grammar in (number, text, number | text, number & digits, digits & number, number - digits, number.optional()):
        assert grammar.language.scanner is not None
        scanner = grammar.language.scanner()
        assert [one.value for one in scanner.feed("12") + scanner.finish()] == [12]
    for grammar in (word, number | word, number + number, number.repeat(0, 2), ~digits):
        assert grammar.language.scanner is None
    vocab = sg.Vocabulary.from_bytes([*(bytes([i]) for i in range(256)), b""], eos=256)
    assert sg.compile(number, vocab).scanner is number.language.scanner
