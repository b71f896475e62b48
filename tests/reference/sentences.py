"""All short texts of an expression, by plain set arithmetic: the slow twin of everything that runs expressions.

`sentences(expr, n, letters)` gives every byte string of at most `n` bytes over some characters. Rules are solved as a least
fixed point over truncated sets, so left recursion, ambiguity and empty rules need no special care (which is what makes this a judge of the
code that removes them).
"""

from __future__ import annotations

from collections.abc import Callable

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
            assert one.encoding == "utf8"
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
