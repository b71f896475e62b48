"""All short texts of an expression, by plain set arithmetic: the slow twin of everything that runs expressions.

`sentences(expr, n, letters)` gives every byte string of at most `n` bytes over some characters. Rules are solved as a least
fixed point over truncated sets, so left recursion, ambiguity and empty rules need no special care (which is what makes this a judge of the
code that removes them).
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from structgen.ir.encoding import UTF8
from structgen.ir.expr import Alt, Expr, Leaf, Lit, Net, Repeat, Rule, Seq, Strings


def sentences(
    expr: Expr, n: int, letters: str = "ab", *, call: Callable[[Expr], str | None] = lambda _: None, rules: dict[str, Expr] | None = None
) -> set[bytes]:
    """Every text of at most `n` bytes (literals are taken whole, other terminals only with `letters` in them).

    `call` names the rule of `rules` that an expression stands for (for grammars that refer by name).
    """
    known: dict[object, Expr] = {}
    found: dict[object, set[bytes]] = {}
    terminals: dict[int, set[bytes]] = {}

    def key_of(one: Expr) -> object | None:
        name = call(one)
        if name is not None:
            known.setdefault(name, (rules or {})[name])
            return name
        if isinstance(one, Rule):
            if id(one) not in known:
                known[id(one)] = one
                bodies[id(one)] = one.make()
            return id(one)
        return None

    bodies: dict[object, Expr] = {}

    def joined(left: set[bytes], right: set[bytes]) -> set[bytes]:
        return {a + b for a in left for b in right if len(a) + len(b) <= n}

    def value(one: Expr) -> set[bytes]:
        key = key_of(one)
        if key is not None:
            return found.setdefault(key, set())
        if isinstance(one, Lit):
            assert one.is_plain
            return {one.data} if len(one.data) <= n else set()
        if isinstance(one, Leaf):
            assert one.encoding is UTF8
            if id(one) not in terminals:
                terminals[id(one)] = spelled(one)
            return terminals[id(one)]
        if isinstance(one, Strings):
            return {s for s in one.items if len(s) <= n}
        if isinstance(one, Seq):
            total = {b""}
            for part in one.parts:
                total = joined(total, value(part))
            return total
        if isinstance(one, Alt):
            return set().union(*(value(part) for part in one.parts))
        if isinstance(one, Repeat):
            return repeated(value(one.body), one.low, one.high)
        assert isinstance(one, Net), one
        return through(one)

    def spelled(leaf: Leaf) -> set[bytes]:
        total: set[bytes] = set()
        reached = {(0, "")}
        for count in range(n + 1):
            if count >= leaf.low and (leaf.high is None or count <= leaf.high):
                total |= {text.encode() for state, text in reached if leaf.dfa.finals[state]}
            reached = {(after, text + c) for state, text in reached for c in letters if (after := leaf.dfa.step(state, ord(c))) >= 0}
        return {data for data in total if len(data) <= n}

    def repeated(body: set[bytes], low: int, high: int | None) -> set[bytes]:
        power: set[bytes] = {b""}
        total: set[bytes] = set()
        seen: list[set[bytes]] = []
        count = 0
        while power and (high is None or count <= high):
            if count >= low:
                total |= power
                if power in seen:
                    break
                seen.append(power)
            power = joined(power, body)
            count += 1
        return total

    def through(net: Net) -> set[bytes]:
        at: list[set[bytes]] = [set() for _ in range(net.size)]
        at[0] = {b""}
        changed = True
        while changed:
            changed = False
            for source, label, target in net.edges:
                more = (at[source] if label is None else joined(at[source], value(label))) - at[target]
                if more:
                    at[target] |= more
                    changed = True
        return set().union(*(at[node] for node in net.accepting))

    result = value(expr)
    while True:
        before = {key: set(texts) for key, texts in found.items()}
        for key in list(known):
            found.setdefault(key, set()).update(value(bodies[key] if key in bodies else known[key]))
        result = value(expr)
        if {key: set(texts) for key, texts in found.items()} == before:
            return set(result)


class Speaker:
    """Says random texts of an expression: it wanders freely for a while, then takes the shortest way to an end."""

    def __init__(self, expr: Expr, chars: str) -> None:
        self.expr, self.chars = expr, chars
        self.nets: dict[int, Net] = {}
        self.rules: list[Rule] = []
        self.short: dict[int, float] = {}  # rule -> length of a shortest text
        self.terminals: dict[int, tuple[list[dict[int, list[str]]], list[int]]] = {}
        todo = [expr]
        while todo:
            one = todo.pop()
            if isinstance(one, Rule) and id(one) not in self.nets:
                net = one.make()
                assert isinstance(net, Net)
                self.nets[id(one)] = net
                self.rules.append(one)
                self.short[id(one)] = float("inf")
                todo += [label for _, label, _ in net.edges if label is not None]
            elif isinstance(one, Repeat):
                todo.append(one.body)
            elif isinstance(one, Alt | Seq):
                todo += one.parts
        changed = True
        while changed:
            changed = False
            for key, net in self.nets.items():
                length = self.lengths(net)[0]
                changed |= length < self.short[key]
                self.short[key] = length

    def cost(self, label: Expr | None) -> float:
        if label is None:
            return 0
        if isinstance(label, Rule):
            return self.short[id(label)]
        if isinstance(label, Repeat):
            return self.cost(label.body) * label.low
        if isinstance(label, Lit):
            return len(label.data)
        if isinstance(label, Alt | Seq):
            return (min if isinstance(label, Alt) else sum)([self.cost(part) for part in label.parts])
        assert isinstance(label, Leaf)
        return max(label.dfa.min_length(), label.low)

    def lengths(self, net: Net) -> list[float]:
        """For each node the length of a shortest text to an end."""
        far = [0.0 if node in net.accepting else float("inf") for node in range(net.size)]
        changed = True
        while changed:
            changed = False
            for source, label, target in net.edges:
                if self.cost(label) + far[target] < far[source]:
                    far[source] = self.cost(label) + far[target]
                    changed = True
        return far

    def say(self, rng: Random, steps: int) -> str:
        """One text; about `steps` choices are free."""
        left, out = steps, list[bytes]()
        todo: list[tuple[Expr | None, int]] = [(self.expr, 0)]
        while todo:
            one, node = todo.pop()
            if isinstance(one, Rule):
                net = self.nets[id(one)]
                far = self.lengths(net)
                choices = [(label, target) for source, label, target in net.edges if source == node]
                left -= 1
                if left < 0:
                    choices = [c for c in choices if self.cost(c[0]) + far[c[1]] == far[node]] if node not in net.accepting else []
                if node in net.accepting and (not choices or rng.random() < 0.4):
                    continue
                label, target = rng.choice(choices)
                todo += [(one, target), (label, 0)]
            elif isinstance(one, Lit):
                out.append(one.data)
            elif isinstance(one, Alt):
                parts = one.parts if left > 0 else [min(one.parts, key=self.cost)]
                todo.append((rng.choice(parts), 0))
            elif isinstance(one, Seq):
                todo += [(part, 0) for part in reversed(one.parts)]
            elif isinstance(one, Repeat):
                todo += [(one.body, 0)] * (one.low + (left > 0 and (one.high is None or one.high > one.low)))
            elif isinstance(one, Leaf):
                out.append(self.spell(one, rng, left).encode())
        return b"".join(out).decode()

    def spell(self, leaf: Leaf, rng: Random, left: int) -> str:
        """A text of a terminal, of the given characters as far as they will do."""
        dfa, text, state = leaf.dfa, "", 0
        far = dfa.distances()
        while True:
            enough = len(text) >= leaf.low and dfa.finals[state]
            moves = [(c, after) for c in self.chars if (after := dfa.step(state, ord(c))) >= 0]
            if len(text) > 6 or left < 0:
                moves = [(c, after) for c, after in moves if far[after] < far[state]] if not enough else []
            if enough and (not moves or len(text) == leaf.high or rng.random() < 0.4):
                return text
            if not moves:  # none of our characters leads on: one that does
                moves = [
                    (chr(sets[0][0]), after)
                    for c, after in enumerate(dfa.rows[state])
                    if after >= 0 and (sets := dfa.alphabet.chars_of([c])[0])
                ]
            char, state = rng.choice(moves)
            text += char
