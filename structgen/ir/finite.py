"""Finite grammars: named rules that refer to each other by name, as small networks.

A frontend with finitely many rules (Lark, GBNF, EBNF) writes each rule as an `Expr` in which `Ref(name)` is a call. `networks` turns these
trees into `Body` networks; `ir.rewrite` makes the networks fit to run (no useless rules, no empty calls, no left recursion).

Data shapes:
    rules    dict[name, Body]
    Body     nodes 0..size-1, node 0 the start; edges (source, label, target); accepting nodes
    label    None (a free step) | Ref(name) | Repeat(Ref or terminal, low, high) with large counts | any other Expr: a terminal

Terminals are opaque here, except that empty texts are split off them. Everything is iterative: 10,000 nested groups are no deeper than one.

Not here: what a notation means (`frontends`), the passes (`ir.rewrite`).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from structgen.errors import BudgetExceeded
from structgen.ir.expr import Alt, Expr, Leaf, Lit, Net, Repeat, Seq, Strings
from structgen.ir.regular import CharDFA

MAX_NODES = 1_000_000
"""Most nodes that all networks of a grammar may have together."""

UNROLL = 128
"""A counted repeat is written out while it stays below this many labels; beyond, the automaton counts."""


class Ref(Expr):
    """A call of the rule `name`. Only inside finite grammars: `ir.rewrite` replaces it."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"Ref({self.name})"


Label = Expr | None
Edge = tuple[int, Label, int]


@dataclass(slots=True)
class Body:
    """The network of one rule; see the head of the module. Treated as immutable once built."""

    size: int
    edges: list[Edge]
    accepting: set[int] = field(default_factory=set)

    def leaving(self) -> list[list[tuple[Label, int]]]:
        """For each node, its edges as (label, target)."""
        out: list[list[tuple[Label, int]]] = [[] for _ in range(self.size)]
        for source, label, target in self.edges:
            out[source].append((label, target))
        return out


Rules = dict[str, Body]


def callee(label: Label) -> str | None:
    """The rule that a label calls, None for terminals and free steps."""
    if isinstance(label, Ref):
        return label.name
    if isinstance(label, Repeat) and isinstance(label.body, Ref):
        return label.body.name
    return None


def label_key(label: Expr) -> Hashable:
    """A key that is equal for labels known to be the same language, so that networks can share their targets."""
    if isinstance(label, Ref):
        return ("ref", label.name)
    if isinstance(label, Lit) and label.is_plain:
        return ("lit", label.data)
    if isinstance(label, Leaf):
        return ("leaf", label.dfa.key, label.encoding, label.low, label.high)
    if isinstance(label, Repeat):
        return ("repeat", label_key(label.body), label.low, label.high)
    return ("object", id(label))


# --- terminals and the empty text ---------------------------------------------------------------------------------------------------------


def allows_empty(label: Label) -> bool:
    """True if a label may match the empty text by itself (calls are not looked into).

    `Rule`, `Minus` and `Special` terminals are taken as non-empty: a finite grammar may only contain such ones.
    """
    if label is None:
        return True
    if isinstance(label, Lit):
        return not label.data and label.is_plain
    if isinstance(label, Leaf):
        return not label.encoding.is_quoted and label.low == 0 and label.dfa.finals[0]
    if isinstance(label, Strings):
        return b"" in label.items
    return isinstance(label, Repeat) and (label.low == 0 or allows_empty(label.body))


def never_matches(label: Label) -> bool:
    """True if a terminal has an empty language."""
    if isinstance(label, Leaf):
        return label.dfa.is_empty or (label.high is not None and label.high < label.low)
    if isinstance(label, Strings):
        return not label.items
    return isinstance(label, Repeat) and label.low > 0 and never_matches(label.body)


def without_empty(label: Expr) -> Expr | None:
    """The non-empty texts of a terminal, None if there are none."""
    if not allows_empty(label):
        return label
    if isinstance(label, Leaf):
        if label.high is not None or label.low:  # counts keep their shared table
            return Leaf(label.dfa, label.encoding, low=1, high=label.high) if label.high != 0 else None
        rest = label.dfa - CharDFA.epsilon()
        return None if rest.is_empty else Leaf(rest, label.encoding)
    if isinstance(label, Strings):
        items = [item for item in label.items if item]
        return Strings(items) if items else None
    if isinstance(label, Repeat):
        body = without_empty(label.body)
        low = label.low if body is label.body else 0  # copies of a body that may be empty may be left out
        return None if body is None else Repeat(body, max(low, 1), label.high)
    return None


# --- trees to networks --------------------------------------------------------------------------------------------------------------------


def networks(rules: Mapping[str, Expr]) -> Rules:
    """The network of each rule. Large counted repeats of compound bodies get rules of their own, named `rule#n`.

    Raises BudgetExceeded past MAX_NODES.
    """
    made: Rules = {}
    todo = list(rules.items())
    left = MAX_NODES
    for name, tree in todo:  # grows while we go: the bodies of large repeats
        writer = _Writer(name, left)
        made[name] = writer.write(tree)
        todo += writer.extra
        left -= writer.size
    return made


class _Writer:
    """Thompson's construction for one rule, without recursion."""

    def __init__(self, name: str, budget: int) -> None:
        self.name, self.budget = name, budget
        self.size, self.edges = 2, list[Edge]()
        self.extra: list[tuple[str, Expr]] = []
        self.todo: list[tuple[Expr, int, int]] = []

    def write(self, tree: Expr) -> Body:
        self.todo.append((tree, 0, 1))
        while self.todo:
            self.part(*self.todo.pop())
        return Body(self.size, self.edges, {1})

    def node(self) -> int:
        if self.size >= self.budget:
            raise BudgetExceeded(
                f"the networks of the grammar need more than {MAX_NODES:,} nodes",
                where=self.name,
                hint="smaller repeats or fewer alternatives; a large choice of words is better made with `choice`",
            )
        self.size += 1
        return self.size - 1

    def part(self, tree: Expr, source: int, target: int) -> None:
        """Write edges so that the paths from `source` to `target` spell `tree`. No edge enters `source` or leaves `target`."""
        if isinstance(tree, Seq):
            for i, one in enumerate(tree.parts):
                after = target if i + 1 == len(tree.parts) else self.node()
                self.todo.append((one, source, after))
                source = after
            if not tree.parts:
                self.edges.append((source, None, target))
        elif isinstance(tree, Alt):
            self.todo += [(one, source, target) for one in tree.parts]
        elif isinstance(tree, Repeat):
            self.repeat(tree, source, target)
        elif isinstance(tree, Net):
            at = [self.node() for _ in range(tree.size)]
            for a, part, b in tree.edges:
                if part is None:
                    self.edges.append((at[a], None, at[b]))
                else:
                    self.todo.append((part, at[a], at[b]))
            self.edges.append((source, None, at[0]))
            self.edges += [(at[a], None, target) for a in tree.accepting]
        elif isinstance(tree, Lit) and allows_empty(tree):
            self.edges.append((source, None, target))
        else:
            self.edges.append((source, tree, target))

    def repeat(self, tree: Repeat, source: int, target: int) -> None:
        low, high = tree.low, tree.high
        copies = max(low, 1) if high is None else high
        if copies > 1 and weight(tree.body, UNROLL) * copies > UNROLL:
            self.count(tree, source, target)
            return
        for i in range(copies):
            if i >= low:
                self.edges.append((source, None, target))
            first, last = (self.node(), self.node()) if high is None and i + 1 == copies else (source, self.node())
            if first != source:
                self.edges += [(source, None, first), (last, None, first)]
            self.todo.append((tree.body, first, last))
            source = last
        self.edges.append((source, None, target))

    def count(self, tree: Repeat, source: int, target: int) -> None:
        body: Expr = tree.body
        if isinstance(body, Seq | Alt | Net | Repeat):
            name = f"{self.name}#{len(self.extra) + 1}"
            self.extra.append((name, body))
            body = Ref(name)
        self.edges.append((source, Repeat(body, tree.low, tree.high), target))


def references(tree: Expr) -> dict[str, None]:
    """The names of the rules that a tree calls, in order."""
    found: dict[str, None] = {}
    todo = [tree]
    while todo:
        one = todo.pop()
        if isinstance(one, Ref):
            found[one.name] = None
        elif isinstance(one, Seq | Alt):
            todo += reversed(one.parts)
        elif isinstance(one, Repeat):
            todo.append(one.body)
        elif isinstance(one, Net):
            todo += [part for _, part, _ in one.edges if part is not None]
    return found


def weight(tree: Expr, most: int) -> int:
    """How many labels a tree has when its repeats are written out, counted no further than a little past `most`."""
    total, todo = 0, [(tree, 1)]
    while todo and total <= most:
        one, times = todo.pop()
        if isinstance(one, Seq | Alt):
            todo += [(part, times) for part in one.parts]
            total += not one.parts
        elif isinstance(one, Net):
            todo += [(part, times) for _, part, _ in one.edges if part is not None]
        elif isinstance(one, Repeat):
            todo.append((one.body, times * max(one.high or one.low, 1)))
        else:
            total += times
    return total


# --- questions about rules ----------------------------------------------------------------------------------------------------------------


def finishing(rules: Rules, opens: Callable[[Label], bool]) -> set[str]:
    """The rules that reach an accepting node across labels that `opens` lets through and calls of rules of this very set.

    The least such set, in linear time. With "terminals that allow the empty text" it holds the nullable rules, with "terminals that match
    at all" the productive ones.
    """
    done: set[str] = set()
    waiting: dict[str, list[tuple[str, int]]] = {}
    seen: dict[str, set[int]] = {name: {0} for name in rules}
    out = {name: body.leaving() for name, body in rules.items()}
    todo = [(name, 0) for name in rules]
    while todo:
        name, node = todo.pop()
        if name in done:
            continue
        if node in rules[name].accepting:
            done.add(name)
            for caller, after in waiting.pop(name, ()):
                if after not in seen[caller]:
                    seen[caller].add(after)
                    todo.append((caller, after))
            continue
        for label, target in out[name][node]:
            called = callee(label)
            if target in seen[name]:
                continue
            if called is not None and called not in done and not opens(label):
                waiting.setdefault(called, []).append((name, target))
            elif called is not None or opens(label):
                seen[name].add(target)
                todo.append((name, target))
    return done


def nullable(rules: Rules) -> set[str]:
    """The rules that match the empty text."""
    return finishing(rules, allows_empty)


def productive(rules: Rules) -> set[str]:
    """The rules that match some text."""
    return finishing(rules, lambda label: allows_empty(label) or (callee(label) is None and not never_matches(label)))


def calls(body: Body) -> dict[str, None]:
    """The names of the rules that a body calls, in order of their edges."""
    return {name: None for _, label, _ in body.edges if (name := callee(label)) is not None}


def reachable(rules: Rules, start: str) -> dict[str, None]:
    """The rules that can be called from `start`, itself included, in order of discovery."""
    found = {start: None}
    todo = [start]
    while todo:
        for name in calls(rules[todo.pop()]):
            if name not in found:
                found[name] = None
                todo.append(name)
    return found


def free_closure(out: Sequence[Sequence[tuple[Label, int]]], nodes: Iterable[int]) -> list[int]:
    """`nodes` and whatever free steps reach from them; `out` is `Body.leaving()`."""
    found = dict.fromkeys(nodes)
    todo = list(found)
    while todo:
        for label, target in out[todo.pop()]:
            if label is None and target not in found:
                found[target] = None
                todo.append(target)
    return list(found)


def first_calls(body: Body) -> dict[str, None]:
    """The rules that a body may call before anything else (through free steps only; calls are taken as non-empty)."""
    out = body.leaving()
    return {name: None for node in free_closure(out, [0]) for label, _ in out[node] if (name := callee(label)) is not None}


def components(graph: Mapping[str, Iterable[str]]) -> list[list[str]]:
    """The strongly connected components of a graph, callees before callers (Tarjan, without recursion)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    on_path: set[str] = set()
    path: list[str] = []
    found: list[list[str]] = []
    for root in graph:
        if root in index:
            continue
        work = [(root, iter(graph[root]))]
        index[root] = low[root] = len(index)
        path.append(root)
        on_path.add(root)
        while work:
            name, rest = work[-1]
            for other in rest:
                if other not in index:
                    index[other] = low[other] = len(index)
                    path.append(other)
                    on_path.add(other)
                    work.append((other, iter(graph[other])))
                    break
                if other in on_path:
                    low[name] = min(low[name], index[other])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[name])
                if low[name] == index[name]:
                    part = [path.pop()]
                    while part[-1] != name:
                        part.append(path.pop())
                    on_path.difference_update(part)
                    found.append(part)
    return found


def cycles(graph: Mapping[str, Iterable[str]]) -> dict[str, list[str]]:
    """For each name on a cycle of the graph, the component that it belongs to."""
    found: dict[str, list[str]] = {}
    for part in components(graph):
        if len(part) > 1 or part[0] in graph[part[0]]:
            found.update(dict.fromkeys(part, part))
    return found
