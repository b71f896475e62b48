"""Rewriting keeps the language and breaks left recursion: random grammars against plain set arithmetic."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from structgen.errors import BudgetExceeded, EmptyLanguage, GrammarError
from structgen.ir.expr import EPSILON, NEVER, Alt, Expr, Leaf, Lit, Net, Repeat, Rule, Seq, alt, optional, repeat, seq
from structgen.ir.finite import Ref, Rules, callee, components, networks
from structgen.ir.regular import CharDFA
from structgen.ir.report import SupportReport
from structgen.ir.rewrite import faults, inline, nonempty, productive, rewrite, tidied, trim, unleft

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "reference"))
from sentences import sentences

N = 6
A, B = Lit(b"a"), Lit(b"b")


def written(rules: dict[str, Expr], start: str) -> set[bytes]:
    """The texts of a grammar as its author wrote it."""
    return sentences(Ref(start), N, call=lambda e: e.name if isinstance(e, Ref) else None, rules=rules)


def of_nets(rules: Rules, start: str) -> set[bytes]:
    bodies = {name: Net(body.size, body.edges, sorted(body.accepting)) for name, body in rules.items()}
    return written(bodies, start)


def rewritten(rules: dict[str, Expr], start: str) -> set[bytes]:
    """The texts after rewriting; also checks what the automaton relies on."""
    try:
        expr = rewrite(rules, start)
    except EmptyLanguage:
        return set()
    no_left_recursion(expr)
    return sentences(expr, N)


def no_left_recursion(expr: Expr) -> None:
    """Fails if a rule can reach itself before a byte, or matches nothing, or matches the empty text (found by unfolding everything)."""
    nets: dict[int, Net] = {}
    todo = [one for one in (expr.parts if isinstance(expr, Alt) else (expr,)) if isinstance(one, Rule)]
    names: dict[int, Rule] = {}
    while todo:
        rule = todo.pop()
        if id(rule) in nets:
            continue
        net = rule.make()
        assert isinstance(net, Net)
        nets[id(rule)], names[id(rule)] = net, rule
        for _, label, _ in net.edges:
            called = label.body if isinstance(label, Repeat) else label
            if isinstance(called, Rule):
                todo.append(called)
    first: dict[str, list[str]] = {}
    for key, net in nets.items():
        seen, todo_nodes = {0}, [0]
        while todo_nodes:
            node = todo_nodes.pop()
            for source, label, target in net.edges:
                if source == node and label is None and target not in seen:
                    seen.add(target)
                    todo_nodes.append(target)
        assert seen.isdisjoint(net.accepting)
        called_first = [label.body if isinstance(label, Repeat) else label for source, label, _ in net.edges if source in seen]
        first[str(key)] = [str(id(one)) for one in called_first if isinstance(one, Rule)]
    for part in components(first):
        assert len(part) == 1
        assert part[0] not in first[part[0]]


# --- random grammars ----------------------------------------------------------------------------------------------------------------------

NAMES = ["s", "t", "u", "v"]
plain = st.lists(st.sampled_from([A, B, A, *(Ref(name) for name in NAMES)]), max_size=3).map(lambda parts: seq(*parts))
bnf = st.fixed_dictionaries({name: st.lists(plain, min_size=1, max_size=3).map(lambda parts: Alt(tuple(parts))) for name in NAMES})

leaves = st.sampled_from(
    [A, B, Lit(b"ab"), EPSILON, NEVER, Leaf(CharDFA.of_strings(["a", "ba", ""])), Leaf(CharDFA.of_strings(["b", "bb"])), *map(Ref, NAMES)]
)
trees = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda parts: Seq(tuple(parts))),
        st.lists(inner, max_size=3).map(lambda parts: Alt(tuple(parts))),
        st.tuples(inner, st.integers(0, 2), st.one_of(st.none(), st.integers(0, 3))).map(
            lambda t: Repeat(t[0], t[1], None if t[2] is None else t[1] + t[2])
        ),
    ),
    max_leaves=6,
)
ebnf = st.fixed_dictionaries(dict.fromkeys(NAMES, trees))


@settings(max_examples=300, derandomize=True, deadline=None)
@given(bnf)
def test_random_bnf(rules: dict[str, Expr]) -> None:
    assert rewritten(rules, "s") == written(rules, "s")


@settings(max_examples=150, derandomize=True, deadline=None)
@given(ebnf)
def test_random_ebnf(rules: dict[str, Expr]) -> None:
    assert rewritten(rules, "s") == written(rules, "s")


@settings(max_examples=100, derandomize=True, deadline=None)
@given(ebnf)
def test_every_pass_keeps_the_language_and_its_promise(rules: dict[str, Expr]) -> None:
    texts = written(rules, "s")
    nets = networks(rules)
    assert of_nets(nets, "s") == texts
    if "s" not in productive(nets):
        assert not texts
        return
    nets = trim(nets, "s")
    assert of_nets(nets, "s") == texts
    assert faults(nets, "s") == []
    nets = nonempty(nets)
    assert of_nets(nets, "s") == texts - {b""}
    if "s" not in productive(nets):
        return
    nets = trim(nets, "s")
    assert faults(nets, "s", empty_calls=False) == []
    for one in (tidied, lambda r: inline(r, "s")):
        nets = one(nets)
        assert of_nets(nets, "s") == texts - {b""}
        assert faults(nets, "s", empty_calls=False) == []
    nets = trim(unleft(nets), "s")
    assert of_nets(nets, "s") == texts - {b""}
    assert faults(nets, "s", empty_calls=False, left_recursion=False) == []


# --- shapes with names --------------------------------------------------------------------------------------------------------------------

S, T, U = Ref("s"), Ref("t"), Ref("u")
SHAPES: dict[str, dict[str, Expr]] = {
    "direct": {"s": alt([seq(S, A), B])},
    "indirect": {"s": alt([seq(T, A), B]), "t": alt([seq(S, B), A])},
    "hidden by an empty rule": {"s": alt([seq(T, S, A), B]), "t": optional(B)},
    "hidden by an option": {"s": alt([seq(repeat(A, 0, None), S, B), A])},
    "unit cycle": {"s": alt([T, A]), "t": alt([U, B]), "u": alt([S, Lit(b"ab")])},
    "left and right": {"s": alt([seq(S, A, S), B])},
    "ambiguous": {"s": alt([seq(S, S), A, EPSILON])},
    "left in the middle": {"s": alt([seq(S, T), A]), "t": alt([seq(T, S), B])},
    "only empty": {"s": seq(T, T), "t": optional(EPSILON)},
    "three deep": {"s": alt([seq(T, A), A]), "t": alt([seq(U, B), seq(T, A)]), "u": alt([seq(S, T), seq(U, U), B])},
    "loops back to the start": {"s": Repeat(seq(S, A), 0, None), "t": A},
    "nested repeats": {"s": Repeat(Repeat(alt([A, T]), 0, 2), 1, 3), "t": Repeat(S, 0, None)},
    "big count": {"s": seq(Repeat(seq(T, optional(B)), 2, 400), B), "t": alt([seq(T, A), A, EPSILON])},
    "big count of nothing": {"s": Repeat(alt([EPSILON, seq(S, A)]), 300, 400)},
    "big open count": {"s": alt([Repeat(alt([seq(A, optional(T)), EPSILON]), 200, None), B]), "t": seq(S, B)},
}


@pytest.mark.parametrize("name", SHAPES)
def test_shapes(name: str) -> None:
    rules = SHAPES[name]
    assert rewritten(rules, "s") == written(rules, "s")


def test_a_left_recursive_list_becomes_one_small_loop() -> None:
    expr = rewrite({"s": alt([seq(S, Lit(b","), A), A])}, "s")
    assert isinstance(expr, Rule)
    net = expr.make()
    assert isinstance(net, Net)
    assert (net.size, len(net.edges)) == (2, 2)
    assert not any(callee(label) or isinstance(label, Rule) for _, label, _ in net.edges)


def test_empty_language_names_the_rules() -> None:
    with pytest.raises(EmptyLanguage) as caught:
        rewrite({"s": seq(A, T), "t": seq(B, T)}, "s")
    assert "t" in str(caught.value.hint)


def test_useless_rules_are_reported() -> None:
    report = SupportReport()
    rewrite({"s": alt([A, T]), "t": seq(B, T), "u": B}, "s", report)
    assert [(f.where, f.verdict) for f in report.findings] == [("t", "exact"), ("u", "exact")]
    assert report.verdict == "exact"


def test_unknown_rules() -> None:
    with pytest.raises(GrammarError, match="'t'"):
        rewrite({"s": T}, "s")
    with pytest.raises(GrammarError, match="no rule named"):
        rewrite({"s": A}, "t")


# --- size ---------------------------------------------------------------------------------------------------------------------------------


def test_ten_thousand_rules_in_a_chain() -> None:
    rules: dict[str, Expr] = {f"r{i}": seq(Ref(f"r{i + 1}"), A) for i in range(10_000)}
    rules["r10000"] = B
    expr = rewrite(rules, "r0")
    assert isinstance(expr, Rule)
    expr.make()


def test_ten_thousand_rules_in_a_left_cycle() -> None:
    rules: dict[str, Expr] = {f"r{i}": alt([seq(Ref(f"r{(i + 1) % 10_000}"), A), B]) for i in range(10_000)}
    try:
        expr = rewrite(rules, "r0")
        assert isinstance(expr, Rule)
        expr.make()
    except BudgetExceeded:
        pass


def test_ten_thousand_nested_groups() -> None:
    tree: Expr = A
    for _ in range(10_000):
        tree = Alt((Seq((Lit(b"("), tree, Lit(b")"))), B))
    assert rewritten({"s": tree}, "s") == {b"b", b"(b)", b"((b))"}
    for _ in range(10_000):
        tree = Repeat(tree, 0, 1)
    rewrite({"s": tree}, "s")


def test_budget() -> None:
    with pytest.raises(BudgetExceeded):
        rewrite({"s": Alt(tuple(Seq((A, B, A, B)) for _ in range(400_000)))}, "s")
