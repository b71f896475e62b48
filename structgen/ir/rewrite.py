"""Rewriting a finite grammar until it is fit to run, without changing its language.

    check      every call leads to a rule
    trim       no rule, node or edge that cannot be part of a finished text
    nonempty   no call matches the empty text: a call that might becomes a free step beside a call of the rule's non-empty texts
    tidy       networks without free steps, deterministic over labels, minimal (where that is cheap)
    inline     small rules and rules called once are written out where they are called; neighbouring literals join
    unleft     no rule reaches itself before a byte is read: left recursion becomes loops

`unleft` is the left-corner transform on networks. For a component of rules that begin with each other, the network of a member X (the
*goal*) holds a copy of every member's nodes. It starts wherever some member starts with something outside the component; where a member Y
is complete, free steps lead behind every left call of Y in the component; and X is complete where its own copy is. Other calls stay calls.
So `e: e "+" t | t` becomes a loop over `"+" t` behind a `t`, and cycles of unit rules become cycles of free steps, which vanish.

The result is a `Rule` whose networks are made when they are first reached: a goal is only written out if something calls it.
Data shapes are those of `ir.finite`. Not here: what a notation means (`frontends`), how networks run (`automata`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial

from structgen.errors import BudgetExceeded, EmptyLanguage, GrammarError
from structgen.ir.expr import EPSILON, Expr, Lit, Net, Repeat, Rule, optional
from structgen.ir.finite import (
    Body,
    Edge,
    Label,
    Ref,
    Rules,
    allows_empty,
    callee,
    calls,
    components,
    cycles,
    first_calls,
    free_closure,
    label_key,
    networks,
    never_matches,
    nullable,
    productive,
    reachable,
    references,
    without_empty,
)
from structgen.ir.report import Finding, SupportReport

MAX_GOAL = 200_000
"""Most nodes in the network of one left-recursive rule."""

INLINE_EDGES = 2
"""Rules of at most so many edges are written out at every call."""

INLINE_ONCE = 200
"""A rule that is called once is written out there while the caller stays below so many edges."""


def rewrite(rules: Mapping[str, Expr], start: str, report: SupportReport | None = None, written: Iterable[str] | None = None) -> Expr:
    """The language of the rule `start`, free of left recursion and dead ends, unfolding rule by rule.

    `rules` map names to expressions in which `Ref(name)` is a call. Rules that can never be part of a text are named in `report` (of
    those in `written`, where given: the ones that somebody wrote).
    Raises GrammarError (a call of an unknown rule), EmptyLanguage (no text at all), BudgetExceeded (networks too large).
    """
    check(rules, start)
    nets = networks(rules)
    nets = trim(nets, start, report, rules if written is None else written)
    empty = start in nullable(nets)
    nets = nonempty(nets)
    if start not in productive(nets):
        return EPSILON
    nets = inline(tidied(trim(nets, start)), start)
    found = _Unfolding(nets).rule(start)
    return optional(found) if empty else found


# --- the passes ---------------------------------------------------------------------------------------------------------------------------


def check(rules: Mapping[str, Expr], start: str) -> None:
    """Raise GrammarError unless `start` and every called rule exist."""
    if start not in rules:
        raise GrammarError(f"there is no rule named {start!r}", where=start, hint=f"the rules are: {_names(rules)}")
    for name, tree in rules.items():
        for called in references(tree):
            if called not in rules:
                raise GrammarError(
                    f"the rule {name!r} calls {called!r}, which is not defined", where=name, hint="define it, or correct the name"
                )


def trim(rules: Rules, start: str, report: SupportReport | None = None, written: Iterable[str] = ()) -> Rules:
    """The part of the rules that finished texts of `start` can pass through.

    Raises EmptyLanguage if there is none. `report` learns which of the `written` rules fell away, and why.
    """
    good = productive(rules)
    if start not in good:
        raise EmptyLanguage(
            f"no text can ever be completed from the rule {start!r}",
            where=start,
            hint=f"these rules always need another of themselves: {_names(name for name in reachable(rules, start) if name not in good)}",
        )
    kept = {name: _trimmed(body, good) for name, body in rules.items() if name in good}
    used = reachable(kept, start)
    if report is not None:
        for name in written:
            if name not in good:
                report.findings.append(Finding(name, "rule", "exact", "no text can ever be completed from it, so it is left out"))
            elif name not in used:
                report.findings.append(Finding(name, "rule", "exact", f"never reached from {start!r}"))
    return {name: kept[name] for name in used}


def _trimmed(body: Body, good: set[str]) -> Body:
    """`body` without edges that cannot match and nodes that lie on no path from the start to an end."""
    edges = [
        e for e in body.edges if not never_matches(e[1]) and ((called := callee(e[1])) is None or called in good or allows_empty(e[1]))
    ]
    onward: dict[int, list[int]] = {}
    backward: dict[int, list[int]] = {}
    for source, _, target in edges:
        onward.setdefault(source, []).append(target)
        backward.setdefault(target, []).append(source)
    alive = _spread(onward, {0}) & _spread(backward, body.accepting)
    return _renumbered([e for e in edges if e[0] in alive and e[2] in alive], body.accepting & alive)


def _spread(graph: Mapping[int, list[int]], nodes: set[int]) -> set[int]:
    found, todo = set(nodes), list(nodes)
    while todo:
        for other in graph.get(todo.pop(), ()):
            if other not in found:
                found.add(other)
                todo.append(other)
    return found


def _renumbered(edges: list[Edge], accepting: set[int]) -> Body:
    """The network with its nodes numbered without gaps, 0 first."""
    number = {0: 0}
    for source, _, target in edges:
        number.setdefault(source, len(number))
        number.setdefault(target, len(number))
    return Body(len(number), [(number[s], label, number[t]) for s, label, t in edges], {number[a] for a in accepting if a in number})


def nonempty(rules: Rules) -> Rules:
    """Rules that match the non-empty texts of the old ones; calls and terminals in them never match the empty text.

    A rule that matched only the empty text ends up without an accepting path: `trim` afterwards.
    """
    empty = nullable(rules)
    return {name: _nonempty(body, empty) for name, body in rules.items()}


def _nonempty(body: Body, empty: set[str]) -> Body:
    edges: list[Edge] = []
    size = body.size
    for source, label, target in body.edges:
        called = callee(label)
        if allows_empty(label) or called in empty:
            edges.append((source, None, target))
        rest = None if label is None else without_empty(label)
        if isinstance(rest, Repeat) and called is not None:  # one call first, so that a count never hides a left call
            low = 1 if called in empty else rest.low
            edges += [(source, rest.body, size), (size, None, target)] if low == 1 else [(source, rest.body, size)]
            high = None if rest.high is None else rest.high - 1
            if high != 0:
                edges.append((size, Repeat(rest.body, max(low - 1, 1), high), target))
            size += 1
        elif rest is not None:
            edges.append((source, rest, target))
    found = Body(size, edges, body.accepting)
    out = found.leaving()
    first = free_closure(out, [0])
    if not body.accepting.intersection(first):
        return found
    again = [(0, label, target + 1) for node in first for label, target in out[node] if label is not None]
    return Body(size + 1, again + [(s + 1, label, t + 1) for s, label, t in edges], {a + 1 for a in body.accepting})


def unleft(rules: Rules) -> Rules:
    """The rules without left recursion (all goals written out; `rewrite` makes them one by one instead)."""
    groups = cycles({name: first_calls(body) for name, body in rules.items()})
    return {name: goal(rules, groups[name], name) if name in groups else body for name, body in rules.items()}


def goal(rules: Rules, members: list[str], name: str) -> Body:
    """The network of `name`, whose left calls among `members` (its left-recursive component) have become free steps.

    Raises BudgetExceeded past MAX_GOAL nodes.
    """
    if sum(rules[member].size for member in members) > MAX_GOAL:
        raise BudgetExceeded(
            f"{len(members):,} rules begin with each other, too many to rewrite",
            where=name,
            hint="write long left recursion as repeats: item*",
        )
    base: dict[str, int] = {}
    size = 1
    for member in members:
        base[member] = size
        size += rules[member].size
    edges: list[Edge] = []
    behind: dict[str, list[int]] = {member: [] for member in members}  # nodes behind the left calls of each member
    for member in members:
        out, at = rules[member].leaving(), base[member]
        for node in free_closure(out, [0]):
            for label, target in out[node]:
                if isinstance(label, Ref) and label.name in base:
                    behind[label.name].append(at + target)
                elif label is not None:
                    edges.append((0, label, at + target))
        edges += [(at + source, label, at + target) for source, label, target in rules[member].edges]
    for member in members:
        hub = size  # one node between the ends of a member and what follows it, so that edges add instead of multiplying
        size += 1
        edges += [(base[member] + end, None, hub) for end in rules[member].accepting]
        edges += [(hub, None, after) for after in behind[member]]
    return _trimmed(Body(size, edges, {base[name] + end for end in rules[name].accepting}), set(rules))


def inline(rules: Rules, start: str) -> Rules:
    """The rules with small ones, and ones called once, written out where they are called."""
    graph = {name: calls(body) for name, body in rules.items()}
    looping = cycles(graph)
    sites: dict[str, int] = {}
    for body in rules.values():
        for _, label, _ in body.edges:
            if (called := callee(label)) is not None:  # a counted call is never written out: it counts as two sites
                sites[called] = sites.get(called, 0) + (1 if isinstance(label, Ref) else 2)
    made: Rules = {}
    for group in components(graph):  # callees first, so what is written out is final
        for name in group:
            body = rules[name]
            room = INLINE_ONCE - len(body.edges)
            chosen: dict[str, Body] = {}
            for called in graph[name]:
                other = made.get(called)
                if other is None or called in looping:
                    continue
                if len(other.edges) <= INLINE_EDGES or (sites[called] == 1 and len(other.edges) <= room):
                    chosen[called] = other
                    room -= len(other.edges)
            made[name] = join_literals(tidy(_spliced(body, chosen)) if chosen else body)
    return {name: made[name] for name in reachable(made, start)}


def _spliced(body: Body, chosen: Mapping[str, Body]) -> Body:
    size, edges = body.size, list[Edge]()
    for source, label, target in body.edges:
        other = chosen.get(label.name) if isinstance(label, Ref) else None
        if other is None:
            edges.append((source, label, target))
            continue
        edges.append((source, None, size))
        edges += [(size + s, one, size + t) for s, one, t in other.edges]
        edges += [(size + a, None, target) for a in other.accepting]
        size += other.size
    return Body(size, edges, body.accepting)


def join_literals(body: Body) -> Body:
    """The network with literals joined where nothing else begins or ends between them."""
    into: list[list[Label]] = [[] for _ in range(body.size)]
    for _, label, target in body.edges:
        into[target].append(label)
    out = body.leaving()

    def inner(node: int) -> bool:
        plain = len(into[node]) == len(out[node]) == 1 and _plain(into[node][0]) and _plain(out[node][0][0])
        return plain and node != 0 and node not in body.accepting

    edges: list[Edge] = []
    for source, label, target in body.edges:
        if not isinstance(label, Lit) or not label.is_plain:
            edges.append((source, label, target))
        elif not inner(source):
            data, end = [label.data], target
            while inner(end):
                after, end = out[end][0]
                data.append(after.data if isinstance(after, Lit) else b"")
            edges.append((source, Lit(b"".join(data)) if len(data) > 1 else label, end))
    return _renumbered(edges, body.accepting)


def _plain(label: Label) -> bool:
    return isinstance(label, Lit) and label.is_plain


# --- tidying one network ------------------------------------------------------------------------------------------------------------------


def tidied(rules: Rules) -> Rules:
    """Every network tidied."""
    return {name: tidy(body) for name, body in rules.items()}


def tidy(body: Body) -> Body:
    """The same texts with fewer steps: no free steps, at most one edge per node and label, equivalent nodes merged.

    Each of the three is left out where it would cost more than a few visits of every edge, so the result may still have free steps.
    """
    found = _determined(body)
    if found is None:
        return body
    return _merged(found) if found.size <= 1000 else found


def _determined(body: Body) -> Body | None:
    """The subset construction over labels; None if it would grow too much."""
    out = body.leaving()
    room = 40 * (len(body.edges) + body.size) + 1000
    start = frozenset(free_closure(out, [0]))
    number, todo = {start: 0}, [start]
    edges: list[Edge] = []
    keys: dict[object, Expr] = {}
    key_of: dict[int, object] = {}
    for nodes in todo:
        room -= len(nodes)
        after: dict[object, dict[int, None]] = {}
        for node in sorted(nodes):
            for label, target in out[node]:
                if label is not None:
                    if id(label) not in key_of:
                        key_of[id(label)] = label_key(label)
                        keys.setdefault(key_of[id(label)], label)
                    after.setdefault(key_of[id(label)], {})[target] = None
                    room -= 1
        for key, targets in after.items():
            closed = frozenset(free_closure(out, targets))
            room -= len(closed)
            if closed not in number:
                number[closed] = len(number)
                todo.append(closed)
            edges.append((number[nodes], keys[key], number[closed]))
        if room < 0:
            return None
    return Body(len(number), edges, {i for nodes, i in number.items() if not body.accepting.isdisjoint(nodes)})


def _merged(body: Body) -> Body:
    """The minimal network of a deterministic one (refinement by rounds)."""
    out: list[list[tuple[object, int]]] = [[] for _ in range(body.size)]
    for source, label, target in body.edges:
        assert label is not None
        out[source].append((label_key(label), target))
    group = [int(node in body.accepting) for node in range(body.size)]
    count = len(set(group))
    while True:
        seen: dict[object, int] = {}
        group = [
            seen.setdefault((group[node], frozenset((key, group[target]) for key, target in out[node])), len(seen))
            for node in range(body.size)
        ]
        if len(seen) == count:
            break
        count = len(seen)
    edges = {(group[s], label_key(label), group[t]): (group[s], label, group[t]) for s, label, t in body.edges if label is not None}
    return Body(count, list(edges.values()), {group[a] for a in body.accepting})


# --- networks to expressions --------------------------------------------------------------------------------------------------------------


class _Unfolding:
    """Rules made ready one by one, when the automaton first reaches them."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.groups = cycles({name: first_calls(body) for name, body in rules.items()})
        self.made: dict[str, Rule] = {}

    def rule(self, name: str) -> Rule:
        found = self.made.get(name)
        if found is None:
            found = self.made[name] = Rule(partial(self.net, name), name)
        return found

    def net(self, name: str) -> Net:
        body = self.rules[name]
        if name in self.groups:
            body = join_literals(tidy(goal(self.rules, self.groups[name], name)))
        return Net(body.size, [(s, self.expression(label), t) for s, label, t in body.edges], sorted(body.accepting))

    def expression(self, label: Label) -> Expr | None:
        if isinstance(label, Ref):
            return self.rule(label.name)
        if isinstance(label, Repeat) and isinstance(label.body, Ref):
            return Repeat(self.rule(label.body.name), label.low, label.high)
        return label


# --- what must hold between passes (tests call these) -------------------------------------------------------------------------------------


def faults(rules: Rules, start: str, *, empty_calls: bool = True, left_recursion: bool = True) -> list[str]:
    """What breaks the invariants of the passes: dead ends always, empty calls and left recursion where they are not allowed any more."""
    found = [f"{name}: calls the unknown rule {called}" for name, body in rules.items() for called in calls(body) if called not in rules]
    if found:
        return found
    good, used = productive(rules), reachable(rules, start)
    found += [f"{name}: never completed" for name in rules if name not in good]
    found += [f"{name}: never reached" for name in rules if name not in used]
    found += [f"{name}: has dead ends" for name, body in rules.items() if _trimmed(body, good).size != body.size]
    if not empty_calls:
        found += [f"{name}: matches the empty text" for name in nullable(rules)]
        found += [
            f"{name}: an empty step {e[1]}" for name, body in rules.items() for e in body.edges if e[1] is not None and allows_empty(e[1])
        ]
    if not left_recursion:
        found += [f"{name}: begins with itself" for name in cycles({name: first_calls(body) for name, body in rules.items()})]
    return found


def _names(names: Iterable[str], most: int = 8) -> str:
    shown = list(names)
    return ", ".join(shown[:most]) + (f" and {len(shown) - most} more" if len(shown) > most else "")
