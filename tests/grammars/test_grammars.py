"""The grammars of the project: what they say is what Lark reads, and what the languages they describe allow."""

from __future__ import annotations

import ast
import json
import re
import sqlite3
import sys
from collections.abc import Callable
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from random import Random

import lark as theirs
import pytest

from structgen.constraint.grammar import Grammar
from structgen.errors import OptionError
from structgen.frontends.lark import lark
from structgen.frontends.library import grammar_names, grammar_text

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "reference"))
from sentences import Speaker


def is_json(text: str) -> None:
    json.loads(text)


def is_python(text: str) -> None:
    ast.parse(text, mode="eval")


def is_arithmetic(text: str) -> None:
    """Python reads it and computes it, once every variable has a value."""
    plain = re.sub(r"[a-z]", "2", re.sub(r"[0-9.]+", lambda n: f"Fraction({n[0]!r})", text).replace("Fraction", "\0")).replace(
        "\0", "Fraction"
    )
    with suppress(ZeroDivisionError):
        eval(plain, {"Fraction": Fraction, "__builtins__": {}})


def is_sql(text: str) -> None:
    """SQLite finds no syntax error (unknown tables and columns are no matter of syntax)."""
    try:
        sqlite3.connect(":memory:").execute(text)
    except sqlite3.OperationalError as error:
        if "syntax error" in str(error) or "unrecognized" in str(error) or "incomplete" in str(error):
            raise


def is_time(text: str) -> None:
    hour, minute, *second = map(int, text.split(":"))
    assert (hour, minute, *second) < (24, 60, 60)
    assert max(minute, *second, 0) < 60


def is_plan(text: str) -> None:
    for step in text.split("; "):
        verb, what = step.split(" ", 1)
        assert verb in ("goto", "pick", "place", "open", "wait")
        assert what.isdigit() == (verb == "wait")


JUDGES: dict[str, Callable[[str], None]] = {
    "json": is_json,
    "python_expr": is_python,
    "arithmetic": is_arithmetic,
    "sql_select": is_sql,
    "time": is_time,
    "plan": is_plan,
}
CHARS = "abinostfr0179_ \\\"'é.,xe-:;#"


def test_every_grammar_has_a_judge() -> None:
    assert set(grammar_names()) == set(JUDGES)


@pytest.mark.parametrize("name", JUDGES)
def test_random_sentences(name: str) -> None:
    """150 random sentences, each read by Lark's Earley and LALR parsers and by the outside judge."""
    text = grammar_text(name)
    speaker = Speaker(lark(text).start, CHARS)
    earley = theirs.Lark(text, parser="earley", lexer="dynamic_complete", ambiguity="forest")
    lalr = theirs.Lark(text, parser="lalr")
    rng = Random(7)
    said = {speaker.say(rng, rng.choice([3, 10, 30])) for _ in range(150)}
    assert len(said) > 60
    for one in said:
        try:
            earley.parse(one) if len(one) < 60 else None
            lalr.parse(one)
            JUDGES[name](one)
        except Exception as error:
            raise AssertionError(one) from error


WRONG = {
    "json": ["", "{", "01", '{"a":1,}', "[1 2]", '"\n"', "nul", "'a'"],
    "python_expr": [
        "",
        "1 +",
        "if",
        "x if y",
        "notx y",
        "f(a=1, b)",
        "x y",
        "elsex if",
        "1x",
        "[1,,2]",
        "{1: 2, 3}",
        "lambda 1: x",
        "a = b",
    ],
    "arithmetic": ["", "1+", "(1", "01", "1 2", "ab", "1++", "1**2"],
    "sql_select": [
        "",
        "SELECT",
        "SELECT FROM t",
        "SELECT a FROM select",
        "SELECT a FROM t WHERE",
        "SELECT a FROM t LIMIT -1",
        "select a from t",
    ],
    "time": ["24:00", "7:30", "12:60", "12:3", "12:30:60"],
    "plan": ["", "goto", "pick cup;", "wait x", "jump up", "goto Kitchen"],
}
RIGHT = {
    "json": ["null", ' {"a" : [1.5e-3, true, {}], "\\u00e9": ""}\n', "[]"],
    "python_expr": [
        "[w.upper() for w in words if len(w) > 3 and w != 'a']",
        "x if not y else (lambda a, b=2: a ** -b)(1, b=3)[1:, ::2]",
        "{'a': [1, 2.5e-3], 'b': ()}",
        "a not in b is not c < d",
        "-x ** -2 // 3 % (1,)",
        "items[-1]",
        "notx",
    ],
    "arithmetic": ["3+4*2", "(3 - x) / -2.5", "2*(20-a)"],
    "sql_select": [
        "SELECT DISTINCT name, AVG(age) AS mean FROM users AS u JOIN orders ON u.id = orders.user WHERE age >= 30 AND name LIKE 'A%' "
        "GROUP BY name HAVING COUNT(*) > 2 ORDER BY mean DESC, name LIMIT 10",
        "SELECT * FROM t WHERE a NOT IN (1, 'x') OR b IS NOT NULL",
    ],
    "time": ["00:00", "23:59:59"],
    "plan": ["goto kitchen; pick cup; wait 10", "open garden_door"],
}


@pytest.mark.parametrize("name", JUDGES)
def test_right_and_wrong_texts(name: str) -> None:
    text = grammar_text(name)
    parser = theirs.Lark(text, parser="earley", lexer="dynamic_complete", ambiguity="forest")
    grammar = Grammar(lark(text))
    for one in RIGHT[name]:
        assert grammar.accepts(one), one
        parser.parse(one)
        JUDGES[name](one)
    for one in WRONG[name]:
        assert not grammar.accepts(one), one
        with pytest.raises(theirs.exceptions.UnexpectedInput):
            parser.parse(one)


def test_grammars_are_exact_and_found_by_name() -> None:
    for name in grammar_names():
        assert {f.feature for f in lark(grammar_text(name + ".lark")).report.findings} <= {"priority"}
    with pytest.raises(OptionError, match="sql_select") as caught:
        grammar_text("../pyproject")
    assert "there are" in str(caught.value)
