"""Sentences of the grammars in `grammars/`, drawn from real models, each judged by Lark itself and by the language's own parser."""

import ast
import sqlite3

import lark
import pytest

import structgen as sg
from structgen.frontends.library import grammar_text

PROMPTS = {
    "python_expr": "Task: write the Python expression\nInput: the sum of a and b times two\nOutput: ",
    "arithmetic": "Task: write the arithmetic expression\nInput: three plus four times two\nOutput: ",
    "sql_select": "Task: write the SQL query\nInput: names of users older than 30\nOutput: ",
}


def judge(name, text):
    """Raises where the language's own parser refuses the text."""
    if name == "python_expr":
        ast.parse(text.strip(), mode="eval")
    elif name == "sql_select":
        with pytest.raises(sqlite3.OperationalError, match=r"no such (table|column|function)|ambiguous|number of arguments") as caught:
            sqlite3.connect(":memory:").execute(text)
        assert "syntax" not in str(caught.value)


def last_sentence(automaton, tokens):
    """The text up to the last place where it may end (a sample may meet its limit in the middle); None if there is none."""
    state, end = automaton.start(), None
    for k, token in enumerate(tokens, 1):
        state = automaton.advance(state, token)
        assert state
        end = k if automaton.accepts(state) else end
    return None if end is None else automaton.vocabulary.decode(tokens[:end]).decode()


@pytest.fixture(scope="module", params=["tiny", "stories260K"])
def model(request):
    if request.param == "tiny":
        return sg.load("tiny")
    return sg.load(request.getfixturevalue("shared_data") / "models" / "stories260K")


@pytest.mark.parametrize("name", PROMPTS)
def test_every_sentence_is_parsed_by_lark(name, model):
    grammar = sg.lark(grammar_text(name))
    automaton = sg.compile(grammar, model.vocabulary)
    parser = lark.Lark(grammar_text(name), parser="earley", lexer="dynamic_complete")
    results = [model.generate(PROMPTS[name], automaton, max_tokens=60, temperature=0.0)]
    for temperature in (1.0, 2.0):  # the tiny model is sure of itself at 1
        results += model.generate(PROMPTS[name], automaton, max_tokens=60, temperature=temperature, n=6, seed=5)
    texts = {last_sentence(automaton, result.tokens) for result in results} - {None}
    for text in texts:
        assert grammar.accepts(text)
        parser.parse(text)
        judge(name, text)
    assert len(texts) >= 3, [result.text for result in results]
    for result in results:
        assert grammar.explain(result.text).verdict != "refused"
