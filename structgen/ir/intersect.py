"""The texts of an expression that a regular language has, too: `intersect(expr, condition)`.

Bar-Hillel's construction on rules that unfold lazily. A part of the expression and two states p, q of the condition are a rule: the texts
of the part that lead the condition from p to q. Which of these rules have texts is found beforehand, as the least fixed point over all
parts that a text can come to, from their first states only: so no rule that is offered is empty, and masks have no dead ends. The rules
themselves are made when a text gets there.

What cannot be said with such rules is a list of `Entries`, which are in any order and told apart, and a `Bind`. A list may stand where the
condition comes back to the same state behind all separators, and is in the same state behind all values (a quotation mark or a comma ends
what may become a forbidden word); both may stand where the condition is met already. Otherwise `UnsupportedFeature` is raised.

Where the condition is met, rules stay what they are, and nothing more is unfolded. (So they are taken to be of UTF-8, as rules are that
frontends make.)

Not here: terminals (`ir.intersect_leaf`).

>>> from structgen.ir.expr import Lit, seq
>>> nested = Rule(lambda: Alt((EPSILON, seq(Lit(b"("), nested, Lit(b")")))))
>>> few = intersect(nested, CharDFA.any().with_lengths(1, 5))  # "()" and "(())"
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Final, NamedTuple, TypeGuard

from structgen.errors import BudgetExceeded, UnsupportedFeature
from structgen.ir.expr import (
    EPSILON,
    NEVER,
    Alt,
    Bind,
    Entries,
    Expr,
    Known,
    Leaf,
    Lit,
    Net,
    Other,
    Repeat,
    Rule,
    Seq,
    alt,
    made,
    repeat,
    seq,
)
from structgen.ir.finite import Body, Label
from structgen.ir.intersect_leaf import TERMINALS, Condition
from structgen.ir.regular import CharDFA
from structgen.ir.remaining import endless
from structgen.ir.rewrite import join_literals, tidy

MAX_PAIRS: Final = 100_000
"""The most pairs of a place in the expression and a state of the condition (some seconds)."""

_HINT: Final = "write the condition into the grammar, or check finished texts"

_Key = tuple[int, int]
"""A part of the expression, by its id, and the state of the condition before it."""

_Pair = tuple[int, int]
"""A node of a network, and a state."""


class _Network(NamedTuple):
    """What a part consists of: terminals, free steps (None), and further parts. `leaving`: the edges by their sources."""

    leaving: list[list[tuple[Label, int]]]
    accepting: set[int]


def intersect(expr: Expr, condition: CharDFA) -> Expr:
    """The texts of `expr` that are in `condition`; NEVER where there are none. Special tokens have no text: it does not see them.

    Raises UnsupportedFeature for lists and binds that the condition looks into, BudgetExceeded for what is too large, which includes
    everything that unfolds without end.
    """
    return _Pairs(Condition(condition)).whole(expr)


class _Fitting(NamedTuple):
    """What is left of a list: the states behind the key and the value of each entry, the most entries, the state behind the list."""

    ends: dict[Known | Other, tuple[int, int]]
    high: int | None
    behind: int


class _Pairs:
    """The parts of one expression under a condition, and where they lead."""

    def __init__(self, condition: Condition) -> None:
        self.condition = condition
        self.parts: dict[int, Expr] = {}  # by id; kept, so that ids stay their own
        self.networks: dict[int, _Network] = {}
        self.ends: dict[_Key, dict[int, None]] = {}  # the states behind a part
        self.waiting: dict[_Key, dict[tuple[_Key, int], None]] = {}  # who goes on from there, and at which node
        self.seen: dict[_Key, dict[_Pair, None]] = {}  # how far a part's network has been gone through
        self.todo: list[tuple[_Key, int, int]] = []
        self.size = 0
        self.made: dict[object, Rule] = {}

    def whole(self, expr: Expr) -> Expr:
        """The texts of `expr` that the condition takes."""
        key = self.key(expr, 0)
        self.begin(key)
        while self.todo:
            asked, node, state = self.todo.pop()
            part = self.parts[asked[0]]
            if self.stays(part, asked[1]):
                self.found(asked, asked[1])
            elif isinstance(part, Bind | Entries) or _is_counted(part):
                self.look(part, asked)
            else:
                self.go(asked, node, state)
        for (number, state), ends in self.ends.items():
            if ends and isinstance(part := self.parts[number], Entries) and not self.stays(part, state):
                self.entries(part, state)  # raises what it has to
        return alt(self.part(expr, 0, end) for end in self.ends[key] if self.condition.is_end(end))

    def stays(self, part: Expr, state: int) -> bool:
        """Whether a part is taken as it is, and not unfolded: the condition is met."""
        return isinstance(part, Rule | Bind | Entries) and self.condition.is_met(state)

    # ---- where parts lead ----

    def key(self, expr: Expr, state: int) -> _Key:
        self.parts[id(expr)] = expr
        return id(expr), state

    def begin(self, key: _Key) -> None:
        if key not in self.ends:
            self.ends[key], self.waiting[key], self.seen[key] = {}, {}, {}
            self.reach(key, 0, key[1])

    def reach(self, key: _Key, node: int, state: int) -> None:
        if (node, state) in self.seen[key]:
            return
        self.seen[key][node, state] = None
        self.todo.append((key, node, state))
        self.spend(1)

    def spend(self, pairs: int) -> None:
        self.size += pairs
        if self.size > MAX_PAIRS:
            raise BudgetExceeded(
                f"a grammar and a condition have more than {MAX_PAIRS:,} places together",
                hint="a smaller condition, a smaller grammar, or one that does not unfold without end; or check finished texts",
            )

    def found(self, key: _Key, state: int) -> None:
        """One more state behind a part."""
        if state in self.ends[key]:
            return
        self.ends[key][state] = None
        for asker, node in self.waiting[key]:
            self.answer(asker, node, state)

    def answer(self, key: _Key, node: int, state: int) -> None:
        if node < 0:
            self.todo.append((key, node, state))
        else:
            self.reach(key, node, state)

    def ask(self, expr: Expr, state: int, asker: _Key, node: int = -1) -> list[int]:
        """Where a part leads, as far as that is known; `asker` goes on at `node` (-1: looks again) with each state found later."""
        key = self.key(expr, state)
        self.begin(key)
        self.waiting[key][asker, node] = None
        return list(self.ends[key])

    def leads(self, label: Label, state: int) -> list[int]:
        """Where a part leads that has been asked for, a terminal, or a free step."""
        if label is None:
            return [state]
        return list(self.condition.ways(label, state) if isinstance(label, TERMINALS) else self.ends[id(label), state])

    def go(self, key: _Key, node: int, state: int) -> None:
        """Go on through the network of a part."""
        network = self.network(key[0])
        if node in network.accepting:
            self.found(key, state)
        for label, target in network.leaving[node]:
            if isinstance(label, Lit):
                self.spend(len(label.data) // 8)  # the indents of a family without end grow
            elif label is not None and not isinstance(label, TERMINALS):
                self.ask(label, state, key, target)
            for to in self.leads(label, state):
                self.reach(key, target, to)

    def look(self, part: Expr, key: _Key) -> None:
        """Go on with a part that has no network."""
        state = key[1]
        if isinstance(part, Repeat):
            body = part.body
            for to in _powers(part.low, part.high, state, lambda at: self.ask(body, at, key)):
                self.found(key, to)
        elif isinstance(part, Entries):
            fitting = self.fitting(part, state, lambda one, at: self.only_end(one, at, key))
            if fitting is not None:
                self.found(key, fitting.behind)
        else:
            raise UnsupportedFeature("the condition looks into a part whose texts depend on what stands before them", hint=_HINT)

    def network(self, number: int) -> _Network:
        found = self.networks.get(number)
        if found is None:
            part = self.parts[number]
            found = self.networks[number] = _network(made(part) if isinstance(part, Rule) else part)
        return found

    # ---- lists ----

    def only_end(self, expr: Expr, state: int, asker: _Key) -> int | None:
        """The state behind a part of a list, None where there is none. Raises UnsupportedFeature where there are several."""
        ends = self.ask(expr, state, asker)
        if len(ends) > 1:
            raise _tells_apart()
        return ends[0] if ends else None

    def fitting(self, expr: Entries, state: int, end_of: Callable[[Expr, int], int | None]) -> _Fitting | None:
        """What a condition that comes back to `state` behind each separator lets stand of a list; None where that is no list.

        Raises UnsupportedFeature where it does not come back.
        """
        ends: dict[Known | Other, tuple[int, int]] = {}
        entries: list[Known | Other] = [*expr.known, *expr.others]
        for one in entries:
            key = end_of(one.key, state)
            value = None if key is None else end_of(one.value, key)
            if key is not None and value is not None:
                ends[one] = key, value
        behind = {value for _, value in ends.values()}
        again = [end_of(expr.separator, value) for value in behind]
        if len(behind) > 1 or again not in ([], [None], [state]):
            raise _tells_apart()
        if not ends or any(one.required and one not in ends for one in expr.known):
            return None
        high = expr.high if again == [state] else 1
        most = None if any(one in ends for one in expr.others) else len(ends)
        least = max(expr.low, sum(one.required for one in expr.known))
        return None if any(bound is not None and bound < least for bound in (high, most)) else _Fitting(ends, high, behind.pop())

    def entries(self, expr: Entries, state: int) -> Entries:
        """A list under a condition that comes back to `state` behind each separator."""

        def end_of(one: Expr, at: int) -> int | None:
            return next(iter(self.leads(one, at)), None)

        fitting = self.fitting(expr, state, end_of)
        assert fitting is not None
        ends, high, behind = fitting
        kept = {one: (self.part(one.key, state, key), self.part(one.value, key, value)) for one, (key, value) in ends.items()}
        for one in expr.others:
            if one in ends:
                self.check_roomy(one.key, state, ends[one][0])
        return Entries(
            [Known(*kept[one], one.required) for one in expr.known if one in kept],
            [Other(*kept[one]) for one in expr.others if one in kept],
            self.part(expr.separator, behind, state) if end_of(expr.separator, behind) == state else expr.separator,
            expr.low,
            high,
            alike=expr.alike,
        )

    def check_roomy(self, key: Expr, state: int, end: int) -> None:
        """Raise UnsupportedFeature unless endlessly many keys are left behind every beginning of one."""
        network = self.network(self.key(key, state)[0])
        for label, target in network.leaving[0]:
            one = self.condition.ways(label, state).get(end) if isinstance(label, TERMINALS) and target in network.accepting else NEVER
            if one is None or one is label:
                continue
            if not isinstance(one, Leaf) or one.high is not None or not _is_roomy(one.dfa):
                raise UnsupportedFeature("the condition leaves too few of the keys that must differ", hint=_HINT)

    # ---- what the parts become ----

    def part(self, expr: Expr, start: int, end: int) -> Expr:
        """The texts of a part that lead from one state to another; there are some."""
        if isinstance(expr, TERMINALS):
            return self.condition.ways(expr, start)[end]
        if self.stays(expr, start):
            return expr
        if _is_counted(expr):
            return self.counted(expr.body, expr.low, expr.high, start, end)
        if isinstance(expr, Entries):
            return self.rule((id(expr), start, end), "entries", partial(self.entries, expr, start))
        return self.rule((id(expr), start, end), expr.name if isinstance(expr, Rule) else "part", partial(self.net, expr, start, end))

    def rule(self, key: object, name: str, make: Callable[[], Expr]) -> Rule:
        return self.made.setdefault(key, Rule(make, name))

    def net(self, expr: Expr, start: int, end: int) -> Net:
        network = self.network(id(expr))
        edges = [
            ((node, state), label, (target, to))
            for node, state in self.seen[id(expr), start]
            for label, target in network.leaving[node]
            for to in self.leads(label, state)
        ]
        return self.drawn((0, start), edges, {(node, end) for node in network.accepting})

    def drawn(self, start: _Pair, edges: list[tuple[_Pair, Label, _Pair]], ends: set[_Pair]) -> Net:
        """The network of the edges from which an end can be reached; labels become parts between the states of their pairs."""
        before: dict[_Pair, list[_Pair]] = {}
        for source, _, target in edges:
            before.setdefault(target, []).append(source)
        alive, todo = set(ends), list(ends)
        while todo:
            fresh = [one for one in before.get(todo.pop(), ()) if one not in alive]
            alive.update(fresh)
            todo += fresh
        number = {start: 0}
        for source, _, target in edges:
            if source in alive and target in alive:
                number.setdefault(source, len(number))
                number.setdefault(target, len(number))
        kept = [
            (number[source], None if label is None else self.part(label, source[1], target[1]), number[target])
            for source, label, target in edges
            if source in alive and target in alive
        ]
        body = join_literals(tidy(Body(len(number), kept, {number[end] for end in ends if end in number})))
        return Net(body.size, body.edges, sorted(body.accepting))

    def counted(self, body: Expr, low: int, high: int | None, start: int, end: int) -> Expr:
        """So many texts of `body`, from one state to another."""
        after = self.leads(body, start) if high != 0 else []
        if not after:
            return EPSILON
        if after == [start]:
            return repeat(self.part(body, start, start), low, high)
        make = partial(self.looping, body, start, end) if (low, high) == (0, None) else partial(self.first_of, body, low, high, start, end)
        return self.rule((id(body), low, high, start, end), "repeated", make)

    def first_of(self, body: Expr, low: int, high: int | None, start: int, end: int) -> Expr:
        """One text of `body`, and those that are left."""
        low_left, high_left = max(low - 1, 0), None if high is None else high - 1
        ways = [
            seq(self.part(body, start, to), self.counted(body, low_left, high_left, to, end))
            for to in self.leads(body, start)
            if end in _powers(low_left, high_left, to, partial(self.leads, body))
        ]
        return alt([*ways, EPSILON] if low == 0 and start == end else ways)

    def looping(self, body: Expr, start: int, end: int) -> Expr:
        """Any number of texts of `body`."""
        states = _powers(0, None, start, partial(self.leads, body))
        edges: list[tuple[_Pair, Label, _Pair]] = [((0, state), body, (0, to)) for state in states for to in self.leads(body, state)]
        return self.drawn((0, start), edges, {(0, end)})


def _tells_apart() -> UnsupportedFeature:
    return UnsupportedFeature(
        "the condition tells apart what came before in a list whose entries are in any order, or must differ", hint=_HINT
    )


def _is_counted(expr: Expr) -> TypeGuard[Repeat]:
    """Whether a repetition is more than a loop or an option."""
    return isinstance(expr, Repeat) and not (expr.low <= 1 and expr.high in (1, None))


def _network(expr: Expr) -> _Network:
    """Thompson's construction, with counted repetitions as parts."""
    leaving: list[list[tuple[Label, int]]] = [[], []]
    todo: list[tuple[Expr, int, int]] = [(expr, 0, 1)]

    def node() -> int:
        leaving.append([])
        return len(leaving) - 1

    while todo:
        one, a, b = todo.pop()
        if isinstance(one, Seq):
            for part in one.parts:
                after = node()
                todo.append((part, a, after))
                a = after
            leaving[a].append((None, b))
        elif isinstance(one, Alt):
            todo += [(part, a, b) for part in one.parts]
        elif isinstance(one, Net):
            first = [node() for _ in range(one.size)]
            leaving[a].append((None, first[0]))
            for source, label, target in one.edges:
                if label is None:
                    leaving[first[source]].append((None, first[target]))
                else:
                    todo.append((label, first[source], first[target]))
            for end in one.accepting:
                leaving[first[end]].append((None, b))
        elif isinstance(one, Repeat) and not _is_counted(one):
            begin, end = node(), node()
            leaving[a].append((None, begin))
            todo.append((one.body, begin, end))
            leaving[end].append((None, b))
            if one.low == 0:
                leaving[a].append((None, b))
            if one.high is None:
                leaving[end].append((None, begin))
        else:
            leaving[a].append((one, b))
    return _Network(leaving, {1})


def _powers(low: int, high: int | None, start: int, after: Callable[[int], Iterable[int]]) -> set[int]:
    """Where `low` to `high` (None: any number of) steps lead. The sets of states that a number of steps leads to come again in time."""
    sets, number = [frozenset((start,))], {frozenset((start,)): 0}
    while high is None or len(sets) <= high:
        some = frozenset(to for state in sets[-1] for to in after(state))
        if some in number:
            begin, period = number[some], len(sets) - number[some]
            first = max(low, len(sets))
            last = first + period if high is None else min(high + 1, first + period)
            again = [sets[begin + (count - begin) % period] for count in range(first, last)]
            return set().union(*sets[low:], *again)
        number[some] = len(sets)
        sets.append(some)
    return set().union(*sets[low:])


def _is_roomy(dfa: CharDFA) -> bool:
    """Whether infinitely many texts follow wherever any do."""
    rows = [[to for to in row if to >= 0] for row in dfa.rows]
    return all(some or not row for some, row in zip(endless(rows), rows, strict=True))
