"""Grammars under regular conditions: all short texts of both, and what is refused. Random expressions: `tests/laws`."""

from __future__ import annotations

import re
from itertools import product
from random import Random
from typing import Any

import pytest
from conftest import SCALE
from sentences import sentences
from test_walks import rules
from worlds import pattern

import structgen.api as sg
from structgen.automata.machine import ByteAutomaton
from structgen.constraint.grammar import Grammar
from structgen.errors import BudgetExceeded, EmptyLanguage, UnsupportedFeature
from structgen.frontends.library import grammar_text
from structgen.frontends.regex import regex_dfa
from structgen.ir.encoding import JSON
from structgen.ir.expr import EPSILON, NEVER, Alt, Bind, Entries, Expr, Leaf, Lit, Other, Repeat, Rule, Seq, Special, Strings
from structgen.ir.finite import Ref
from structgen.ir.intersect import intersect
from structgen.ir.language import Language
from structgen.ir.regular import CharDFA
from structgen.ir.rewrite import rewrite


def texts(letters: str, most: int) -> list[str]:
    return ["".join(one) for n in range(most + 1) for one in product(letters, repeat=n)]


def accepted(expr: Expr, candidates: list[str]) -> set[str]:
    if expr is NEVER:
        return set()
    machine = ByteAutomaton(expr)
    return {text for text in candidates if machine.accepts(text.encode())}


@pytest.mark.parametrize("seed", range(int(60 * SCALE) + 3))
def test_all_texts_of_finite_grammars(seed: int) -> None:
    rng = Random(seed)
    trees = rules(rng)
    source = re.sub(r"[^ -~]|\\[dw]|c", "b", pattern(rng, 3))
    condition = regex_dfa(source)
    try:
        expr = rewrite(trees, "S")
    except EmptyLanguage:
        return
    call = lambda one: one.name if isinstance(one, Ref) else None  # noqa: E731
    named = sentences(Ref("S"), 8, call=call, rules=trees)
    wanted = {text.decode() for text in named if re.fullmatch(source, text.decode())}
    assert accepted(intersect(expr, condition), texts("ab", 8)) == wanted, source


CONDITIONS = [r"(?!.*ab).*", r".{3}", r"[^b]*", r".*\(a.*", r"(?!.*\+b\+).*", r"(..)*", r"(?=.*a)(?=.*b).*", r"b", ""]


@pytest.mark.parametrize("source", CONDITIONS)
def test_all_texts_of_a_recursive_grammar(source: str) -> None:
    grammar = sg.lark('start: expr\nexpr: expr "+" term | term\nterm: "a" | "b" | "(" expr ")"')
    both, twin = grammar & sg.regex(source), sg.regex(source) & grammar
    candidates = texts("ab+()", 5 if SCALE == 1 else 3)
    wanted = {text for text in candidates if grammar.accepts(text) and re.fullmatch(source, text)}
    assert accepted(both.language.start, candidates) == accepted(twin.language.start, candidates) == wanted


@pytest.mark.parametrize(("low", "high"), [(0, 3), (2, 5), (3, None), (4, 4)])
@pytest.mark.parametrize("pieces", [("a", "ab", "ba"), ("a", "ab", "")])
def test_counted_repetitions(low: int, high: int | None, pieces: tuple[str, ...]) -> None:
    expr = Seq((Repeat(Alt([Lit(piece.encode()) for piece in pieces]), low, high), Lit(b"!")))
    condition = regex_dfa("(?!.*aa)([^b]*b){0,2}[^b]*!")

    def counts(text: str) -> set[int]:
        """How many pieces, none of them empty, make the text."""
        if not text:
            return {0}
        return {1 + n for piece in pieces if piece and text.startswith(piece) for n in counts(text[len(piece) :])}

    def allowed(text: str) -> bool:
        least = 0 if "" in pieces else low
        return any(least <= n and (high is None or n <= high) for n in counts(text)) and condition.matches(text + "!")

    candidates = texts("ab", 7)
    found = accepted(intersect(expr, condition), [text + "!" for text in candidates])
    assert found == {text + "!" for text in candidates if allowed(text)}


def test_counts_far_beyond_what_is_written_out() -> None:
    machine = ByteAutomaton(intersect(Repeat(Lit(b"a"), 1000, 100_000), regex_dfa("(aa)*")))
    assert [n for n in range(996, 1006) if machine.accepts(b"a" * n)] == [1000, 1002, 1004]


def test_a_count_that_the_condition_does_not_look_into_stays_a_count() -> None:
    expr = Repeat(Lit(b"a;"), 5, 10_000_000)
    made = intersect(expr, ~regex_dfa("aa", search=True))
    assert isinstance(made, Repeat)
    assert (made.low, made.high) == (5, 10_000_000)


def test_leaves_that_the_condition_does_not_cut_stay_what_they_are() -> None:
    leaf = Leaf(CharDFA.of_chars([(97, 122)]).repeat(), JSON["any"], high=70)
    words = Strings([b"one", b"two"])
    made = intersect(Alt((leaf, words)), ~regex_dfa("TODO", search=True))
    assert isinstance(made, Rule)
    net: Any = made.make()
    assert {id(label) for _, label, _ in net.edges} == {id(leaf), id(words)}


def test_characters_may_be_cut_between_parts() -> None:
    data = "aé€".encode()
    expr = Seq([Alt((Lit(bytes([byte])), Lit(b"b"))) for byte in data])
    for source, wanted in (("aé€", {"aé€"}), (".*b.*", {"bbbbbb", "abbbbb", "bé€"[:0] + "bébbb"}), ("[^b]+", {"aé€"})):
        assert wanted <= accepted(intersect(expr, regex_dfa(source)), ["aé€", "bbbbbb", "abbbbb", "bébbb", "abb€"])
    assert accepted(intersect(expr, regex_dfa("[^€]*")), ["aé€", "abb€", "aébbb"]) == {"aébbb"}


def test_special_tokens_have_no_text() -> None:
    made = intersect(Seq((Lit(b"a"), Special("<t>"), Lit(b"b"))), regex_dfa("ab"))
    assert made is not NEVER
    assert intersect(Seq((Lit(b"a"), Special("<t>"), Lit(b"b"))), regex_dfa("a")) is NEVER


@pytest.mark.parametrize("name", ["json", "python_expr", "sql_select"])
def test_forbidden_words_in_grammars_that_come_with_structgen(name: str) -> None:
    grammar, words = sg.lark(grammar_text(name)), re.compile("[a1]|or")
    without = grammar - sg.regex(words.pattern, search=True)
    for text in without.examples(20, seed=1):
        assert grammar.accepts(text)
        assert not words.search(text)
    for text in grammar.examples(60, seed=1, max_length=30):
        assert without.accepts(text) == (not words.search(text))


SCHEMAS: list[tuple[Any, str]] = [
    ({"type": "object", "properties": {"a": {"type": "string"}, "ab": {"type": "integer"}}, "additionalProperties": False}, "default"),
    ({"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}, "default"),
    ({"type": "object", "properties": {"a": {"$ref": "#"}, "b": {"type": "string", "maxLength": 3}}}, "any"),
    ({"type": "array", "items": {"type": "string"}, "uniqueItems": True}, "any"),
    ({"type": "object", "additionalProperties": {"type": "string"}}, "any"),
    ({"anyOf": [{"type": "string", "minLength": 2}, {"enum": ["ab", "b", {"a": "ab"}]}]}, "compact"),
]


@pytest.mark.parametrize("number", range(len(SCHEMAS)))
def test_forbidden_words_in_schemas(number: int) -> None:
    schema, style = SCHEMAS[number]
    grammar, words = sg.json_schema(schema, style=style), re.compile("ab|1|u00|b,")
    if number in (3, 4):  # where all values end alike, words may begin with a quotation mark
        words = re.compile('ab|1|u00|"b')
    without = grammar & ~sg.regex(words.pattern, search=True)
    candidates = grammar.examples(80, seed=1, max_length=40)
    assert {bool(words.search(text)) for text in candidates} == {False, True}
    for text in candidates:
        assert without.accepts(text) == (not words.search(text)), text
    for text in without.examples(20, seed=2):
        assert grammar.accepts(text)
        assert not words.search(text)
        assert without.decode(text) == grammar.decode(text)


def test_conditions_that_are_met_let_everything_stand() -> None:
    grammar = sg.json_schema({"properties": {"a": {"uniqueItems": True, "items": {"type": "integer"}}}}) & sg.regex('{"a".*(?s:.*)')
    assert grammar.accepts('{"a": [1, 2], "c": {"c": 1}}')
    assert not grammar.accepts('{"a": [1, 1], "c": {"c": 1}}')
    assert not grammar.accepts('{"b": 1}')


def test_what_is_refused() -> None:
    json = sg.json_schema(True)
    for make in (lambda: ~json, lambda: json & json, lambda: sg.regex("a") - json):
        with pytest.raises(UnsupportedFeature, match="needs a regular language"):
            make()
    with pytest.raises(UnsupportedFeature, match="must differ") as caught:
        json & sg.regex('"a"', search=True)
    assert caught.value.hint is not None
    with pytest.raises(UnsupportedFeature, match="depend on what stands before"):
        intersect(Bind(Lit(b"a"), lambda _: Lit(b"b"), Lit(b"b"), sure=True), regex_dfa("ab"))
    with pytest.raises(BudgetExceeded, match="under the condition") as too_much:
        sg.json_schema({"type": "string", "maxLength": 5000}) - sg.regex("TODO", search=True)
    assert "written out" in str(too_much.value.hint)
    few = Entries([], [Other(Leaf(CharDFA.of_chars([(97, 98)]).repeat(), JSON["minimal"]), EPSILON)], Lit(b","))
    with pytest.raises(UnsupportedFeature, match="too few"):
        intersect(few, ~regex_dfa("aa|b[ab]", search=True))


def test_grammars_without_end_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("structgen.ir.intersect.MAX_PAIRS", 10_000)

    def family(n: int) -> Rule:
        return Rule(lambda: Alt((EPSILON, Seq((Lit(b"a"), family(n + 1))))))

    for expr in (family(0), sg.json_schema(True, style="indent=1").language.start):
        with pytest.raises(BudgetExceeded, match="places together"):
            intersect(expr, ~regex_dfa("b", search=True))


def test_no_text_of_both() -> None:
    grammar = Grammar(Language(Rule(lambda: Lit(b"a")))) & sg.regex("b")
    with pytest.raises(EmptyLanguage):
        grammar.accepts("a")


def test_families_without_end_may_stand_where_the_condition_is_met() -> None:
    grammar = sg.json_schema({"enum": [1, "é"]}, style="any") - sg.choice(["1", '"é"'])
    assert grammar.accepts("1.0")
    assert grammar.accepts('"\\u00e9"')
    assert not grammar.accepts("1")
