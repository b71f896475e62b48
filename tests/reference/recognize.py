"""A slow, obvious recogniser of expressions: for each expression and place, the set of places where a text of it may end.

The twin of `structgen.automata`: no states, no determinisation, nothing shared. Strings under the JSON encoding are decoded escape by
escape.
Leaf texts are runs of characters: (character, place before it, place after it).
"""

from __future__ import annotations

import json
import re
import sys

from derive import sayings

from structgen.ir.encoding import BYTES, UTF8
from structgen.ir.expr import Alt, Bind, Entries, Expr, Leaf, Lit, Minus, Net, Repeat, Rule, Seq, Special, Strings

Run = list[tuple[str, int, int]]

_SHORT = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_HEX = re.compile(rb"\\u([0-9A-Fa-f]{4})")


def accepts(start: Expr, text: str | bytes) -> bool:
    """True where the whole text is in the language."""
    data = text.encode() if isinstance(text, str) else text
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(max(limit, 20_000))  # rules for the rest of a list nest as deep as the list is long
    try:
        return len(data) in _Recogniser(data).ends(start, 0)
    finally:
        sys.setrecursionlimit(limit)


class _Recogniser:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.memo: dict[tuple[int, int], frozenset[int]] = {}
        self.bodies: dict[int, Expr] = {}
        self.kept: list[Expr] = []

    def ends(self, expr: Expr, at: int) -> frozenset[int]:
        key = (id(expr), at)
        if key not in self.memo:
            self.kept.append(expr)  # its id must stay its own
            self.memo[key] = frozenset(self.run(expr, at))
        return self.memo[key]

    def run(self, expr: Expr, at: int) -> set[int] | frozenset[int]:
        match expr:
            case Lit():
                return self.literal(expr, at)
            case Leaf():
                return self.leaf(expr, at)
            case Minus():
                taken = self.ends(expr.taken, at)  # whole texts, or beginnings behind which nothing else is left
                return {end for end in self.ends(expr.leaf, at) if not any(cut <= end for cut in taken)}
            case Strings():
                return {end for one in expr.items for end in self.literal(expr.literal(one), at)}
            case Seq():
                places = {at}
                for part in expr.parts:
                    places = {end for place in places for end in self.ends(part, place)}
                return places
            case Bind():
                assert expr.then is not None
                return {end for mid in self.ends(expr.inner, at) for end in self.ends(expr.then(self.data[at:mid]), mid)}
            case Entries():
                return self.entries(expr, at)
            case Alt():
                return {end for part in expr.parts for end in self.ends(part, at)}
            case Repeat():
                return self.repeat(expr, at)
            case Rule():
                if id(expr) not in self.bodies:
                    self.bodies[id(expr)] = expr.make()
                return self.ends(self.bodies[id(expr)], at)
            case Net():
                return self.net(expr, at)
            case Special():  # has no spelling
                return set()
        raise TypeError(type(expr).__name__)

    def literal(self, expr: Lit, at: int) -> set[int]:
        reached: list[set[int]] = [{at}, *(set() for _ in expr.data)]
        for i in range(len(expr.data)):
            for place in reached[i]:
                if self.data[place : place + 1] == expr.data[i : i + 1]:
                    reached[i + 1].add(place + 1)
                for low, high, leaf in expr.ways:
                    if low == i:
                        reached[high] |= self.ends(leaf, place)
        return reached[-1]

    def entries(self, expr: Entries, at: int) -> set[int]:
        required = {i for i, one in enumerate(expr.known) if one.required}
        found: set[int] = set()
        first = (at, frozenset[int](), frozenset[bytes](), 0)
        seen, todo = {first}, [first]
        while todo:
            place, known, keys, size = todo.pop()
            after: list[tuple[int, frozenset[int], frozenset[bytes]]] = []
            for i, one in enumerate(expr.known):
                if i not in known:
                    after += [(end, known | {i}, keys) for key in self.ends(one.key, place) for end in self.ends(one.value, key)]
            for other in expr.others:
                for key in self.ends(other.key, place):
                    text = self.data[place:key]
                    said = sayings(text, expr.alike)
                    if said not in keys:
                        after += [(end, known, keys | {said}) for end in self.ends(other.value, key)]
            for end, known_after, keys_after in after:
                if expr.high is not None and size + 1 > expr.high:
                    continue
                if required <= known_after and size + 1 >= expr.low:
                    found.add(end)
                for begin in self.ends(expr.separator, end):
                    state = (begin, known_after, keys_after, size + 1)
                    if state not in seen:
                        seen.add(state)
                        todo.append(state)
        return found

    def repeat(self, expr: Repeat, at: int) -> set[int]:
        found: set[int] = set()
        places, count, seen = {at}, 0, set()
        while places and (expr.high is None or count <= expr.high):
            if count >= expr.low:
                found |= places
                state = frozenset(places)
                if state in seen:
                    break
                seen.add(state)
            places = {end for place in places for end in self.ends(expr.body, place)}
            count += 1
        return found

    def net(self, expr: Net, at: int) -> set[int]:
        leaving: dict[int, list[tuple[Expr | None, int]]] = {}
        for source, label, target in expr.edges:
            leaving.setdefault(source, []).append((label, target))
        seen, todo = {(0, at)}, [(0, at)]
        while todo:
            node, place = todo.pop()
            for label, target in leaving.get(node, ()):
                for end in (place,) if label is None else self.ends(label, place):
                    if (target, end) not in seen:
                        seen.add((target, end))
                        todo.append((target, end))
        return {place for node, place in seen if node in expr.accepting}

    def leaf(self, expr: Leaf, at: int) -> set[int]:
        if expr.encoding is BYTES:
            return _ends(expr, [(chr(byte), i, i + 1) for i, byte in enumerate(self.data[at:], at)], at)
        if expr.encoding is UTF8:
            return _ends(expr, _characters(self.data, at), at)
        assert expr.encoding.escapes is not None
        if not expr.encoding.is_quoted:
            return _ends(expr, _string(self.data, at, expr.encoding.escapes)[0], at)
        if self.data[at : at + 1] != b'"':
            return set()
        run, close = _string(self.data, at + 1, expr.encoding.escapes)
        return {close + 1} if close is not None and close in _ends(expr, run, at + 1) else set()


def _ends(leaf: Leaf, run: Run, at: int) -> set[int]:
    """The places after which the characters read so far are in the language."""
    dfa, state = leaf.dfa, 0
    found = {at} if dfa.finals[0] and leaf.low == 0 else set()
    for count, (char, _, after) in enumerate(run, 1):
        state = dfa.step(state, ord(char))
        if state < 0 or (leaf.high is not None and count > leaf.high):
            break
        if dfa.finals[state] and count >= leaf.low:
            found.add(after)
    return found


def _characters(data: bytes, at: int) -> Run:
    run: Run = []
    while at < len(data):
        size = next((n for n in (1, 2, 3, 4) if _is_character(data[at : at + n])), None)
        if size is None:
            break
        run.append((data[at : at + size].decode(), at, at + size))
        at += size
    return run


def _is_character(data: bytes) -> bool:
    try:
        return len(data.decode()) == 1
    except UnicodeDecodeError:
        return False


def _string(data: bytes, at: int, escapes: str) -> tuple[Run, int | None]:
    """The characters of a JSON string up to its closing quotation mark, and the place of that mark."""
    run: Run = []
    while at < len(data):
        one = data[at : at + 1]
        if one == b'"':
            return run, at
        if one == b"\\":
            found = _escape(data, at)
            if found is None:
                return run, None
            char, after = found
            if escapes == "minimal" and data[at:after] != json.dumps(char, ensure_ascii=False)[1:-1].encode():
                return run, None
        else:
            raw = _characters(data[at : at + 4], 0)[:1]
            if not raw or ord(raw[0][0]) < 32:
                return run, None
            char, after = raw[0][0], at + raw[0][2]
        run.append((char, at, after))
        at = after
    return run, None


def _escape(data: bytes, at: int) -> tuple[str, int] | None:
    short = _SHORT.get(data[at + 1 : at + 2].decode("latin-1"))
    if short is not None:
        return short, at + 2
    first = _HEX.match(data, at)
    if first is None:
        return None
    code = int(first[1], 16)
    if 0xD800 <= code < 0xDC00:
        second = _HEX.match(data, at + 6)
        if second is None or not 0xDC00 <= int(second[1], 16) < 0xE000:
            return None
        return chr(0x10000 + (code - 0xD800) * 0x400 + int(second[1], 16) - 0xDC00), at + 12
    return None if 0xDC00 <= code < 0xE000 else (chr(code), at + 6)
