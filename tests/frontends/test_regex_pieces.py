"""Expressions of large patterns mean what the pattern means, and come at once.

The oracle: on texts of up to 60 characters a count beyond 60 is no bound, and such patterns are small automata, judged in `test_regex.py`
by `re` (which itself would backtrack for hours here). A slow, plain reader of expressions (`ends`) says what an expression matches.
"""

from __future__ import annotations

import random
import re

import pytest

from structgen.errors import BudgetExceeded
from structgen.frontends.regex import regex, regex_dfa, regex_expr
from structgen.ir.encoding import JSON, JSON_INNER, UTF8
from structgen.ir.expr import NEVER, Alt, Expr, Leaf, Lit, Repeat, Seq


def ends(expr: Expr, text: str, starts: frozenset[int]) -> frozenset[int]:
    """Where a text of the expression may end that begins at one of `starts`: the meaning of expressions, slow and plain."""
    if isinstance(expr, Lit):
        data = expr.data.decode()
        return frozenset(i + len(data) for i in starts if text.startswith(data, i))
    if isinstance(expr, Seq):
        for part in expr.parts:
            starts = ends(part, text, starts)
        return starts
    if isinstance(expr, Alt):
        return frozenset().union(*(ends(part, text, starts) for part in expr.parts))
    if isinstance(expr, Repeat):
        found = starts if expr.low == 0 else frozenset()
        count = 0
        while starts and (expr.high is None or count < expr.high) and count <= expr.low + len(text):
            starts, count = ends(expr.body, text, starts), count + 1
            found |= starts if count >= expr.low else frozenset()
        return found
    assert isinstance(expr, Leaf)
    quote = '"' if expr.encoding.is_quoted else ""
    out = set()
    for i in starts:
        if not text.startswith(quote, i):
            continue
        begin, state = i + len(quote), 0
        for j in range(begin, len(text) + 1):
            long_enough = j - begin >= expr.low and (expr.high is None or j - begin <= expr.high)
            if expr.dfa.finals[state] and long_enough and text.startswith(quote, j):
                out.add(j + len(quote))
            if j < len(text):
                state = expr.dfa.step(state, ord(text[j]))
                if state < 0:
                    break
    return frozenset(out)


def matches(expr: Expr, text: str) -> bool:
    return len(text) in ends(expr, text, frozenset([0]))


def leaves(expr: Expr) -> list[Leaf]:
    if isinstance(expr, Leaf):
        return [expr]
    inner = expr.parts if isinstance(expr, Seq | Alt) else (expr.body,) if isinstance(expr, Repeat) else ()
    return [leaf for part in inner for leaf in leaves(part)]


LARGE = [
    "(ab|c){2,100000}x",
    "a(?:[a-c]{0,63}x){0,100000}b",
    "(a?b?){3,90000}",
    "x{40}|a{3,5000}|foo|ba+r",
    ".*a.{40}",
    "(.*a.{40}|b){0,3}",
    "a{0,1000}b{0,1000}a{0,1000}",
    "(a{0,3000}){0,3000}",
    "((a|b){0,300}(b|c){0,300}){2}",
    "[ab]{3}.{0,100000}[bc]{0,100000}",
    "a[ab]{0,255}c?",
    "(?:a|b{0,900}|(?:ab){0,2000}){2,3000}c",
    "(?:(?:a?){50}b?){2,2000}",
    "^a{33,}$|^b",
]


@pytest.mark.parametrize("pattern", LARGE)
@pytest.mark.parametrize("encoding", [UTF8, JSON["any"]])
def test_large_patterns_keep_their_meaning(pattern: str, encoding: str) -> None:
    expr = regex_expr(pattern, encoding=encoding)
    assert max(len(leaf.dfa.rows) for leaf in leaves(expr)) <= 4_000
    assert {leaf.encoding for leaf in leaves(expr)} <= ({UTF8} if encoding is UTF8 else {JSON["any"], JSON_INNER["any"]})
    hopeless = ".*" in pattern  # 2^40 states; a matcher manages
    judge = re.compile(pattern).fullmatch if hopeless else regex_dfa(re.sub(r",(\d{2,})\}", ",}", pattern)).matches
    chance = random.Random(pattern)
    texts = ["", "x" * 40, "a" * 33, "a" * 3, "ab" * 20 + "x", "a" + "b" * 40, "foo", "baar", "abcabx", "aaabaac", "c"]
    texts += ["".join(chance.choices("abcx", k=chance.randrange(1, 9))) for _ in range(60)]
    texts += ["".join(chance.choices("ab", k=chance.randrange(35, 60))) for _ in range(4)]
    for text in texts:
        assert matches(expr, text if encoding is UTF8 else f'"{text}"') == bool(judge(text)), text


def test_runs_of_characters_count_without_states() -> None:
    for pattern in ("[a-z]{1,255}", "(?:[a-z]){1,255}", "^[a-z]{1,255}$"):
        expr = regex_expr(pattern, syntax="ecma", encoding=JSON["any"])
        assert isinstance(expr, Leaf)
        assert (len(expr.dfa.rows), expr.low, expr.high, expr.encoding) == (1, 1, 255, JSON["any"])
    assert all(len(leaf.dfa.rows) <= 2 for leaf in leaves(regex_expr("[A-Z][a-z]{0,255}-[0-9]{0,90}")))
    assert isinstance(regex_expr("[a-z]{1,8}"), Leaf)


def test_small_patterns_are_one_leaf() -> None:
    for pattern in ("abc|d+", r"(?=a)\w+", "[^\n]{0,500}foo", ""):
        assert len(leaves(regex_expr(pattern, encoding=JSON["any"]))) == 1
    assert regex_expr("a(?!)") is NEVER
    assert regex_expr("[a-z]+") is regex_expr("[a-z]+")


def test_regular_is_set_where_it_is_small() -> None:
    small = regex("[a-z]{1,255}").regular
    assert small is not None
    assert small.max_length() == 255
    assert regex("(ab|c){2,100000}x").regular is None
    assert regex(r"\bab\b", search=True).regular is not None


def test_long_and_deep_patterns() -> None:
    words = [f"word{i * 7919 % 9973}" for i in range(3_000)]
    for pattern, text in (
        ("|".join(words), words[-1]),
        ("abcdefghij" * 500 + "x{0,255}", "abcdefghij" * 500 + "xx"),
        ("(?:x{2,40}b?|z" * 45 + ")+y" * 45, "z" * 45 + "y" * 45),
        ("(?:a{3}" * 45 + ")?" * 45, "a" * 12),
    ):
        assert matches(regex_expr(pattern), text)
    with pytest.raises(BudgetExceeded):
        regex_expr("(?:a?" * 45 + "x{0,3000}" + ")*" * 45)
    with pytest.raises(BudgetExceeded):
        regex_expr("(?:(?=x)a{3}" * 45 + "){3}" * 45)


def test_limits() -> None:
    with pytest.raises(BudgetExceeded):
        regex_expr("(?:a(?=.*b.{20}))*")
    with pytest.raises(BudgetExceeded):
        regex_expr(r"(?:\b.{1,5000})+")
