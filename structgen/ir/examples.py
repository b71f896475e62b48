"""Random texts of an expression: test data for users, and for the laws that grammars are held to.

A text is drawn from left to right. So many choices are free: any alternative, any way through a network, some repetitions more. After that
every choice takes the cheapest way to the end that is known (`examples_cost`). Rules are unfolded only where a text comes to them, so
infinite families of rules and counts of a million are fine.

Special tokens have no spelling: a text that comes to one is dropped and drawn anew. What leaves say stands in `examples_leaf`.

>>> from structgen.ir.expr import Lit, alt, repeat
>>> sorted(set(texts(repeat(alt([Lit(b"a"), Lit(b"b")]), 1, 1), 2, seed=0)))
['a', 'b']
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from itertools import accumulate
from random import Random
from typing import Any, Final, NamedTuple

from structgen.errors import BudgetExceeded, OptionError
from structgen.ir.examples_cost import Costs
from structgen.ir.examples_leaf import LeafTexts
from structgen.ir.expr import NEVER, Alt, Bind, Entries, Expr, Leaf, Lit, Minus, Net, Repeat, Rule, Seq, Special, Strings
from structgen.ir.expr_match import has_beginning

_FREEDOM: Final = 7.0
"""Up to 2 ** so many choices of a text are free; small numbers are as likely as large ones."""

_PLAIN: Final = 0.1
"""How often a text takes the shortest way from the beginning."""

_TRIES: Final = 60
"""So many texts in a row may be dropped before it is an error; the freedom shrinks with each."""

_ENOUGH: Final = 1000
"""From so many bytes on a text takes the shortest way to its end."""

_LONGEST: Final = 1 << 24
"""The most characters of a text where no limit is set."""

_STEPS: Final = 1 << 20
"""The most steps of one text, so that what draws nothing ends as well."""

_OTHERWISE: Final = 0.03
"""How often a literal or a key has one piece spelled otherwise."""


def texts(expr: Expr, n: int, *, seed: int | None = None, max_length: int | None = None) -> list[str]:
    """`n` random texts of at most `max_length` characters; they differ as far as the language has so many.

    max_length: None for no limit; then texts end as soon as they can from about a thousand characters on.

    Raises OptionError for impossible counts, BudgetExceeded where no text of that length was found, UnsupportedFeature where every text
    has a special token, EmptyLanguage.
    """
    for name, value in (("n", n), ("max_length", max_length)):
        if value is None and name == "max_length":
            continue
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise OptionError(f"{name} is a whole number from 0 up, not {value!r:.50}", where=name)
    random = Random(seed)
    speaker = _Speaker(expr, random)
    found: list[str] = []
    seen: set[str] = set()
    repeated, patience = 0, max(200, 20 * n)
    while len(found) < n:
        text = _one(speaker, random, max_length)
        if text in seen and repeated < patience:
            repeated += 1
            continue
        repeated = 0 if text not in seen else repeated
        seen.add(text)
        found.append(text)
    return found


def _one(speaker: _Speaker, random: Random, max_length: int | None) -> str:
    most = _LONGEST if max_length is None else max_length
    for failed in range(_TRIES):
        # From the fewest choices to many, small numbers as likely as large ones; fewer with each text that was dropped.
        shrunk = 1 - failed / _TRIES
        freedom = 0 if random.random() < _PLAIN or failed > _TRIES // 2 else int(2 ** (random.uniform(2, _FREEDOM) * shrunk))
        try:
            text = speaker.say(freedom, most).decode()
        except (_DropError, UnicodeDecodeError):
            continue
        if len(text) <= most:
            return text
    speaker.costs.settle(speaker.expr)  # says so if every text has a special token
    raise BudgetExceeded(f"no text of at most {most:,} characters was found", where="max_length", hint="raise max_length")


class _DropError(Exception):
    """This text is too long, or came to a special token."""


@dataclass(slots=True)
class _Run:
    """One text being drawn: how many free choices and bytes are left, at how many bytes left freedom ends, how many steps are left."""

    free: int
    room: int
    enough: int
    steps: int = _STEPS


class _At(NamedTuple):
    """A node of a network, from which the text goes on."""

    net: Net
    node: int


class _Again(NamedTuple):
    """A body to be repeated so many times."""

    body: Expr
    times: int


class _Ways(NamedTuple):
    """The edges of a network by their sources, and how likely each is in a free walk (the last weight, of accepting nodes: to stop)."""

    edges: list[list[tuple[Expr | None, int]]]
    weights: list[list[float]]


_Item = Expr | _At | _Again


class _Speaker:
    """Draws texts of one expression."""

    def __init__(self, expr: Expr, random: Random) -> None:
        self.expr, self.random = expr, random
        self.costs, self.leaves = Costs(), LeafTexts(random)
        self._ways: dict[int, tuple[Net, _Ways]] = {}
        self._sums: dict[int, tuple[Alt, list[float]]] = {}

    def say(self, free: int, length: int) -> bytes:
        """One text with so many free choices, and none beyond half the length. A character has up to four bytes. Raises _DropError."""
        room = 4 * length
        return self._drawn(self.expr, _Run(free, room, room - min(length // 2, _ENOUGH)))

    def _drawn(self, expr: Expr, run: _Run) -> bytes:
        out: list[bytes] = []
        todo: list[_Item] = [expr]
        while todo:
            one = todo.pop()
            run.steps -= 1
            piece: bytes | None = _SAY[type(one)](self, one, todo, run)
            if piece:
                out.append(piece)
                run.room -= len(piece)
                if run.room < run.enough:
                    run.free = 0
            if run.room < 0 or run.steps < 0:
                raise _DropError
        return b"".join(out)

    # ---- what has a text of its own ----

    def literal(self, expr: Lit, _: list[_Item], run: _Run) -> bytes:
        data, other = expr.data, expr.respelling
        if expr.is_plain or run.free <= 0 or self.random.random() >= _OTHERWISE:
            return data
        ways = list(expr.detours)
        if other is not None and len(data) > 2:
            i = self.random.randrange(1, len(data) - 1)
            if data[i] in other.bytes:
                ways.append((i, i + 1, other.leaf_of(data[i])))
        if not ways:
            return data
        i, j, leaf = self.random.choice(ways)
        return data[:i] + self.leaf(leaf, [], run) + data[j:]

    def strings(self, expr: Strings, todo: list[_Item], run: _Run) -> bytes:
        item = self.random.choice(expr.items)
        return item if expr.respelling is None or run.free <= 0 else self.literal(expr.literal(item), todo, run)

    def leaf(self, expr: Leaf, _: list[_Item], run: _Run) -> bytes:
        if expr.low > run.room:
            raise _DropError
        text = self.leaves.text(expr, free=run.free > 0)
        if text is None:
            raise _DropError
        return self.leaves.spelled(text, expr, free=run.free > 0)

    def minus(self, expr: Minus, todo: list[_Item], run: _Run) -> bytes:
        for turn in range(_TRIES):  # a few taken texts out of infinitely many: more freedom finds another one
            run.free += turn > 2
            data = self.leaf(expr.leaf, todo, run)
            if not has_beginning(expr.taken, data):
                return data
        raise _DropError

    def bind(self, expr: Bind, todo: list[_Item], run: _Run) -> bytes:
        if expr.then is None:
            todo.append(expr.unknown)
            return self._drawn(expr.inner, run)
        for _ in range(_TRIES):
            before = run.room
            data = self._drawn(expr.inner, run)
            run.room = before  # whoever is given the text counts it
            rest = expr.then(data)
            if rest is not NEVER:
                todo.append(rest)
                return data
        raise _DropError

    def entries(self, expr: Entries, todo: list[_Item], run: _Run) -> None:
        """Entries picked at random, required ones among them; without freedom the fewest and cheapest."""
        free = run.free > 0
        picked: list[tuple[Expr, Expr]] = [(one.key, one.value) for one in expr.known if one.required]
        rest = [(one.key, one.value) for one in expr.known if not one.required]
        most = len(picked) + len(rest) + (expr.low + 9 if expr.others else 0)
        most = most if expr.high is None else min(most, expr.high)
        if free:
            self.random.shuffle(rest)
            share = min(0.6, 12 / max(len(rest), 1))
            picked += [one for one in rest if self.random.random() < share][: max(most - len(picked), 0)]
            while expr.others and len(picked) < most and self.random.random() < 0.4:
                picked.append(self.random.choice(expr.others))
        left = [one for one in rest if one not in picked]
        while len(picked) < expr.low:
            self.costs.settle(expr)
            some = [(self.costs.of(key) + self.costs.of(value), key, value) for key, value in (*left[:1000], *expr.others)]
            _, key, value = min(some, key=lambda one: one[0])
            picked.append((key, value))
            left = [one for one in left if one[0] is not key]
        if free:
            self.random.shuffle(picked)
        run.free -= len(picked)
        keys: set[object] = set()
        parts: list[_Item] = []
        names = {id(one.key) for one in expr.others}
        for key, value in picked:
            parts += [expr.separator, self._new(key, expr.alike, keys, run) if id(key) in names else key, value]
        todo += reversed(parts[1:])

    def _new(self, key: Expr, alike: str, taken: set[object], run: _Run) -> Lit:
        """A text of a key that is none of those taken."""
        for turn in range(_TRIES):  # more freedom finds another one
            before = run.room
            run.free += turn > 2
            data = self._drawn(key, run)
            run.room = before  # whoever is given the text counts it
            said = data if alike == "bytes" else _said(json.loads(data, parse_int=Decimal, parse_float=Decimal))
            if said not in taken:
                taken.add(said)
                return Lit(data)
        raise _DropError

    def special(self, *_: Any) -> bytes:
        raise _DropError

    # ---- what has parts ----

    def sequence(self, expr: Seq, todo: list[_Item], _: _Run) -> None:
        todo += reversed(expr.parts)

    def rule(self, expr: Rule, todo: list[_Item], run: _Run) -> None:
        run.free -= 1
        if run.free <= 0:
            self.costs.settle(expr)
        todo.append(self.costs.body(expr))

    def choice(self, expr: Alt, todo: list[_Item], run: _Run) -> None:
        if not expr.parts:
            raise _DropError
        if run.free > 0:
            known = self._sums.get(id(expr))
            if known is None:  # what leads on is likelier than what ends, so that containers are not mostly empty
                known = self._sums[id(expr)] = (
                    expr,
                    list(accumulate(1.0 if isinstance(p, Lit | Leaf | Strings) else 1.25 for p in expr.parts)),
                )
            todo.append(self.random.choices(expr.parts, cum_weights=known[1])[0])
            return
        self.costs.settle(expr)
        costs = [self.costs.of(part) for part in expr.parts]
        least = min(costs)
        todo.append(self.random.choice([part for part, cost in zip(expr.parts, costs, strict=True) if cost == least]))

    def repeat(self, expr: Repeat, todo: list[_Item], run: _Run) -> None:
        low, high = expr.low, expr.high
        count = low
        if run.free > 0:
            if high is not None and high - low <= 12 and self.random.random() < 0.2:
                count = self.random.randint(low, high)
            while (high is None or count < high) and self.random.random() < 0.6:
                count += 1
            run.free -= count - low
        if count:
            todo.append(_Again(expr.body, count))

    def again(self, item: _Again, todo: list[_Item], _: _Run) -> None:
        if item.times > 1:
            todo.append(_Again(item.body, item.times - 1))
        todo.append(item.body)

    def net(self, expr: Net, todo: list[_Item], _: _Run) -> None:
        todo.append(_At(expr, 0))

    def node(self, at: _At, todo: list[_Item], run: _Run) -> None:
        net, node = at
        known = self._ways.get(id(net))
        if known is None:
            known = self._ways[id(net)] = net, _ways(net)
        edges, weights = known[1].edges[node], known[1].weights[node]
        if run.free > 0:
            run.free -= len(weights) > 1
            if not weights:
                raise _DropError
            picked = self.random.choices(range(len(weights)), weights)[0]
            if picked == len(edges):
                return
            label, target = edges[picked]
        elif node in net.accepting:
            return
        else:
            far = self.costs.far(net, node)
            label, target = min(edges, key=lambda edge: (0.0 if edge[0] is None else self.costs.of(edge[0])) + far[edge[1]])
        todo.append(_At(net, target))
        if label is not None:
            todo.append(label)


_SAY: Final[dict[type, Callable[..., bytes | None]]] = {
    Lit: _Speaker.literal,
    Strings: _Speaker.strings,
    Leaf: _Speaker.leaf,
    Minus: _Speaker.minus,
    Special: _Speaker.special,
    Bind: _Speaker.bind,
    Entries: _Speaker.entries,
    Seq: _Speaker.sequence,
    Rule: _Speaker.rule,
    Alt: _Speaker.choice,
    Repeat: _Speaker.repeat,
    Net: _Speaker.net,
    _At: _Speaker.node,
    _Again: _Speaker.again,
}


def _said(value: Any) -> object:
    """What a JSON value says: equal values are equal."""
    if isinstance(value, dict):
        return frozenset((key, _said(one)) for key, one in value.items())
    return tuple(map(_said, value)) if isinstance(value, list) else (isinstance(value, bool), value)


def _ways(net: Net) -> _Ways:
    """Where something lies ahead, ends and further rounds of a cycle are less likely than it is: objects show most of their members."""
    edges: list[list[tuple[Expr | None, int]]] = [[] for _ in range(net.size)]
    for source, label, target in net.edges:
        edges[source].append((label, target))
    part = _components(edges)
    accepting = frozenset(net.accepting)
    weights: list[list[float]] = []
    for node, leaving in enumerate(edges):
        ends = [target in accepting and not edges[target] for _, target in leaving]
        rounds = [part[target] == part[node] for _, target in leaving]
        ahead = any(not end and not again for end, again in zip(ends, rounds, strict=True))
        row = [0.3 if (end and ahead) or again else 1.0 for end, again in zip(ends, rounds, strict=True)]
        weights.append([*row, 0.3 if ahead else 1.0] if node in accepting else row)
    return _Ways(edges, weights)


def _components(edges: list[list[tuple[Expr | None, int]]]) -> list[int]:
    """For each node the number of its strongly connected component (Kosaraju: finishing order, then backwards)."""
    order: list[int] = []
    seen = bytearray(len(edges))
    for root in range(len(edges)):
        stack = [] if seen[root] else [(root, iter(edges[root]))]
        seen[root] = 1
        while stack:
            node, leaving = stack[-1]
            target = next((t for _, t in leaving if not seen[t]), None)
            if target is None:
                order.append(node)
                stack.pop()
            else:
                seen[target] = 1
                stack.append((target, iter(edges[target])))
    back: list[list[int]] = [[] for _ in edges]
    for node, leaving_all in enumerate(edges):
        for _, target in leaving_all:
            back[target].append(node)
    part = [-1] * len(edges)
    for root in reversed(order):
        todo = [root] if part[root] < 0 else []
        while todo:
            node = todo.pop()
            if part[node] < 0:
                part[node] = root
                todo += back[node]
    return part
