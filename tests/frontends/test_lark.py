"""Lark grammars against Lark: its Earley parser with the complete dynamic lexer is the judge of every short text."""

from __future__ import annotations

import itertools
import re
import sys
import textwrap
from pathlib import Path

import lark as theirs
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from structgen.errors import BudgetExceeded, EmptyLanguage, LarkError, Place, StructgenError, UnsupportedFeature
from structgen.frontends.lark import lark
from structgen.frontends.lark.prefer import preferred
from structgen.ir.expr import Alt, Expr, Net, Repeat, Rule

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "reference"))
from sentences import sentences

DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "grammars"


def judge(grammar: str, start: str = "start") -> theirs.Lark:
    return theirs.Lark(grammar, parser="earley", lexer="dynamic_complete", ambiguity="forest", start=start)


def takes(parser: theirs.Lark, text: str) -> bool:
    try:
        parser.parse(text)
    except theirs.exceptions.UnexpectedInput:
        return False
    except RuntimeError as error:  # Lark asks for a report where several parses of the whole text exist
        return "multiple start symbol" in str(error)
    return True


def words(letters: str, n: int) -> list[str]:
    return ["".join(w) for k in range(n + 1) for w in itertools.product(letters, repeat=k)]


def compare(grammar: str, letters: str, n: int) -> int:
    """Both sides agree on every text of at most `n` of the letters; how many there are."""
    grammar = textwrap.dedent(grammar)
    ours = sentences(lark(grammar).start, n, letters)
    parser = judge(grammar)
    for text in words(letters, n):
        assert (text.encode() in ours) == takes(parser, text), repr(text)
    return len(ours)


GRAMMARS = {
    "arithmetic": ('start: sum\nsum: sum "+" term | term\nterm: /1+/ | "(" sum ")"\n', "1+()", 5),
    "ignored blanks": ('start: sum\nsum: sum "+" term | term\nterm: "1"+\n%ignore " "\n', "1+ ", 5),
    "ignored comments": ('start: ("a" | "b" "\\n")+\n%ignore /#[^\\n]*/\n%ignore " "\n', "ab# \n", 5),
    "ignored and significant blanks": ('start: ("a" | " b")+\n%ignore " "\n', "ab ", 5),
    "two ignored": ('start: "a"*\n%ignore "b"+\n%ignore "bc"\n', "abc", 5),
    "ignored block comments": ('start: "a"+\n%ignore /\\/\\*(.|\\n)*?\\*\\//\n', "a/*", 7),
    "ambiguous": ('start: start start | "a" | "ab" | "b"\n', "ab", 5),
    "hidden left recursion": ('start: maybe start "a" | "b"\nmaybe: "a"?\n', "ab", 6),
    "empty": ('start: a*\na: "a" | \n', "ab", 4),
    "ebnf": ('start: ("a" | "b" "a")~2 ["a"] c~0..2\nc: "b"+ | "a"~3\n', "ab", 7),
    "lazy": ('start: S ("b" S)*\nS: /"a*?b*?"/ | /".*?"/\n', '"ab', 6),
    "lazy with a look-behind": ('start: S "a"*\nS: /".*?(?<!\\\\)(\\\\\\\\)*?"/\n', '"a\\', 6),
    "order of alternatives": ('start: X "c"?\nX: /a|ab/\n', "abc", 4),
    "case": ('start: "ab"i X\nX: /c/i | "Y"i\n', "aABbCy", 3),
    "flags": ("start: X+\nX: /a.b/s | /a b c?/x\n", "ab\n", 5),
    "range": ('start: D+ "x"\nD: "a".."c"\n', "abcdx", 4),
    "templates": ('start: list{"a", "b"} | pair{list{X, "a"}}\nlist{x, sep}: x (sep x)*\npair{x}: x "c" x\nX: "b"\n', "abc", 5),
    "modifiers": ('start: x y?\n?x: "a" | y -> other\n!y.3: "b" x\n_z: "c"\nT.2: "d"\n', "abcd", 4),
    "terminals of terminals": ('start: C\nA: "a"|"b"\nB: A A?\nC.2: "c" B~2..3 | B "c"\n', "abc", 7),
    "extended": ('start: x\nx: "a"\n%extend x: "b" x\n', "ab", 4),
    "imported": (
        "%import common.DIGIT\n%import common.DIGIT -> D\n%import common (INT, SIGNED_INT)\nstart: SIGNED_INT D | INT\n",
        "1-+",
        4,
    ),
    "overridden": ('%import common (INT, DIGIT)\n%override DIGIT: "a"\nstart: INT\n', "1a", 3),
    "escaped strings": ("%import common.ESCAPED_STRING\nstart: ESCAPED_STRING+\n", '"a\\', 5),
    "comments": ("%import common (C_COMMENT, CPP_COMMENT)\nstart: (C_COMMENT | CPP_COMMENT)+\n", "/*\n", 6),
    "useless": ('start: "a" | never\nnever: "b" never\nalone: "c"\n', "abc", 3),
    "unit cycles": ('start: x | "a"\nx: y | start "b"\ny: start\n', "ab", 5),
    "keywords": ('start: "if" NAME | NAME "=" NAME\nNAME: /(?!(?:if|fi)\\b)[if]+/\n', "if=", 6),
}


@pytest.mark.parametrize("name", GRAMMARS)
def test_every_short_text(name: str) -> None:
    grammar, letters, n = GRAMMARS[name]
    assert compare(grammar, letters, n) >= 1


# --- random grammars ----------------------------------------------------------------------------------------------------------------------

items = st.recursive(
    st.sampled_from(['"a"', '"b"', '"ab"', "A", "B", "start", "s", "t", "/b?a/", "/a+?b?/"]),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from("?*+")).map(lambda t: f"({t[0]}){t[1]}"),
        st.lists(inner, min_size=2, max_size=3).map(" ".join),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: f"({' | '.join(parts)})"),
        inner.map(lambda one: f"[{one}]"),
    ),
    max_leaves=5,
)
terminals = st.sampled_from(['"a"', '"b" "a"?', "/a|ab/", "/ab|a/", "/[ab]+?b/", "/(?!ab)[ab]{2}/", '("a" | "ba")+', "/b*a/"])
ignores = st.sampled_from(["", '%ignore " "\n', "%ignore / b|  /\n", '%ignore " "+\n%ignore "b "\n'])
texts = st.builds(
    lambda s, t, u, a, b, i: f"start: {s}\ns: {t}\nt: {u}\nA: {a}\nB: {b}\n{i}", items, items, items, terminals, terminals, ignores
)


@settings(max_examples=40, derandomize=True, deadline=None)
@given(texts)
def test_random_grammars(grammar: str) -> None:
    try:
        parser = judge(grammar)
    except (
        theirs.exceptions.GrammarError
    ) as error:  # "Rules defined twice": alternatives that coincide, which mean nothing for the language
        if "defined twice" not in str(error):
            raise
        assume(False)
    try:
        ours = sentences(lark(grammar).start, 4, "ab ")
    except EmptyLanguage:
        ours = set()
    for text in words("ab ", 4):
        assert (text.encode() in ours) == takes(parser, text), repr(text)


PATTERNS = st.recursive(
    st.sampled_from(["a", "b", ".", "[ab]", "(?=a)", "(?!ab)", "(?<=b)", "(?<!a)", "\\b", "^", "$", "(?i:A)", ""]),
    lambda inner: st.one_of(
        st.lists(inner, min_size=2, max_size=3).map("".join),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: f"(?:{'|'.join(parts)})"),
        st.tuples(inner, st.sampled_from(["?", "*", "+", "??", "*?", "+?", "{1,2}", "{0,2}?"])).map(lambda t: f"(?:{t[0]}){t[1]}"),
    ),
    max_leaves=6,
)


@settings(max_examples=150, derandomize=True, deadline=None)
@given(PATTERNS)
def test_the_matcher_takes_these_texts(pattern: str) -> None:
    found = preferred(pattern)
    assert found is not None
    for text in words("ab-\n", 4):
        match = re.match(pattern, text)
        assert found.dfa.matches(text) == (match is not None and match.end() == len(text)), repr(text)


# --- reports and errors -------------------------------------------------------------------------------------------------------------------


def test_the_report_says_what_has_no_effect() -> None:
    report = lark('start: X "c"? | never\nnever.2: "b" never\nalone: "c"\nX.5: /a|ab/\n').report
    assert report.verdict == "exact"
    said = {(f.where, f.feature) for f in report.findings}
    assert said == {("never", "rule"), ("alone", "rule"), ("X", "priority"), ("X", "terminal"), ("never", "priority")}
    assert any("'ab'" in f.why for f in report.findings)


def test_a_condition_at_the_edge_of_a_terminal_is_relaxed() -> None:
    report = lark('start: IF NAME\nIF: /if\\b/\nNAME: /[a-z]+/\n%ignore " "').report
    assert [(f.where, f.verdict) for f in report.findings] == [("IF", "relaxed")]


BAD: list[tuple[str, type[StructgenError], str, tuple[int, int] | None]] = [
    ('start: "a" (\n', LarkError, "", (1, 13)),
    ('start: "a" )\n', LarkError, "cannot stand here", (1, 12)),
    ("start: x\n", LarkError, "not defined", (1, 8)),
    ("start: // X\n  | X\n", LarkError, "not defined", (2, 5)),
    ("start: X\nX: Y\n", LarkError, "not defined", (2, 4)),
    ('start: "a"\nstart: "b"\n', LarkError, "more than once", (1, 1)),
    ("start: /a(/\n", LarkError, "parenthesis|closed", (1, 10)),
    ("start: X\nX: /[b-a]/\n", LarkError, "backwards", (2, 6)),
    ("start: /(a)\\1/\n", UnsupportedFeature, "", (1, 12)),
    ("start: /a # b/x\n", LarkError, "Python cannot read", (1, 8)),
    ("start: /a*/\n", LarkError, "empty text", (1, 8)),
    ('start: ""\n', LarkError, "mpty", (1, 8)),
    ("start: X\nX: /a?/ Y?\nY: /b/\n", LarkError, "empty text", (1, 8)),
    ('start: X "a"\n%declare X\n', UnsupportedFeature, "declared", (1, 8)),
    ("start: x{start}\nx{y, z}: y z\n", LarkError, "rguments", None),
    ('start: x{"a"}\nx{y}: x{x{y}} y | y\n', BudgetExceeded, "templates", (1, 8)),
    ('start: "a"~3..2\n', LarkError, "count", (1, 11)),
    ('begin: "a"\n', LarkError, "no rule named 'start'", None),
    ("", LarkError, "no rule named 'start'", None),
    ('start: X\nX: "a" X\n', LarkError, "ecursion", (1, 8)),
    ("%import nowhere.X\nstart: X\n", LarkError, "nowhere.lark", None),
    ("%import .load.X\nstart: X\n", LarkError, "load.lark", None),
    ("%import common.NOTHING\nstart: NOTHING\n", LarkError, "NOTHING", None),
    ('start: "a" start\n', EmptyLanguage, "never|no text|completed", (1, 1)),
    ("start: /a(?!.*)./\n", EmptyLanguage, "", (1, 1)),
]


@pytest.mark.parametrize(("grammar", "kind", "why", "place"), BAD)
def test_errors_have_a_place_and_a_reason(grammar: str, kind: type[StructgenError], why: str, place: tuple[int, int] | None) -> None:
    with pytest.raises(kind) as caught:
        lark(grammar)
    assert re.search(why, caught.value.why)
    if place is not None:
        where = caught.value.where
        assert isinstance(where, Place)
        assert (where.line, where.column) == place


def test_other_types_are_refused() -> None:
    with pytest.raises(LarkError):
        lark(b'start: "a"')  # type: ignore[arg-type]


def test_imports_from_given_folders_only(tmp_path: Path) -> None:
    (tmp_path / "words.lark").write_text('%import .letters.A\nWORD: A "b"\n')
    (tmp_path / "letters.lark").write_text('A: "a"\n')
    grammar = "%import .words.WORD\nstart: WORD\n"
    assert sentences(lark(grammar, import_paths=[tmp_path]).start, 4) == {b"ab"}
    with pytest.raises(LarkError, match=r"words\.lark"):
        lark(grammar)


# --- size ---------------------------------------------------------------------------------------------------------------------------------


def unfold(expr: Expr) -> int:
    """Makes every rule; how many there are."""
    todo, seen = [expr], set[int]()
    while todo:
        one = todo.pop()
        if isinstance(one, Alt):
            todo += one.parts
        elif isinstance(one, Repeat):
            todo.append(one.body)
        elif isinstance(one, Rule) and id(one) not in seen:
            seen.add(id(one))
            net = one.make()
            assert isinstance(net, Net)
            todo += [label for _, label, _ in net.edges if label is not None]
    return len(seen)


def test_large_grammars() -> None:
    """A count in a grammar, or a long chain of rules, is no count of rules to unfold."""
    assert unfold(lark("start: r0\n" + "".join(f'r{i}: r{i + 1} "a"\n' for i in range(3000)) + 'r3000: "b"\n').start) == 1
    assert unfold(lark('start: ("a" | "b" start)~1..100000\n').start) <= 3
    assert unfold(lark("start: /[a-z]{1,100000}/\n").start) == 1
    assert unfold(lark("start: /(a.*?){500}b/\n").start) == 1


def test_grammars_past_the_limits() -> None:
    with pytest.raises(BudgetExceeded, match="nested too deeply"):
        lark("start: " + "(" * 5000 + '"a"' + ")" * 5000 + "\n")
    with pytest.raises(BudgetExceeded, match="more than 20,000 parts"):
        lark("start: X0\n" + "".join(f"X{i}: X{i + 1} X{i + 1}\n" for i in range(60)) + 'X60: "a"\n')


NOT_OURS = {  # grammars that need an indenter, or have no rules, or are no Lark to Lark either
    "lark/examples/advanced/python2.lark": UnsupportedFeature,
    "lark/lark/grammars/python.lark": UnsupportedFeature,
    "syncode/python.lark": UnsupportedFeature,
    "lark/lark/grammars/common.lark": LarkError,
    "lark/lark/grammars/unicode.lark": LarkError,
    "outlines/common.lark": LarkError,
    "llguidance/rfc.lark": LarkError,
}


@pytest.mark.skipif(not DATA.is_dir(), reason="the grammars of ../shared/data are not here")
def test_real_grammars() -> None:
    """Every real grammar that Lark can load is read, but for those that need a program for their indentation."""
    seen: dict[str, int] = {}
    failed: dict[str, type[StructgenError]] = {}
    for file in sorted(DATA.rglob("*.lark")):
        name, text = str(file.relative_to(DATA)), file.read_text()
        rules = re.findall(r"^[?!]*([a-z]\w*) *:", text, re.MULTILINE)
        start = next((s for s in ("start", "file_input") if s in rules), "start")
        try:
            seen[name] = unfold(lark(text, start=start, import_paths=[file.parent]).start)
        except StructgenError as error:
            failed[name] = type(error)
    assert failed == NOT_OURS
    assert len(seen) >= 33
