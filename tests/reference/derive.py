"""The slow twin of the byte automaton: partial derivatives of expressions, one symbol at a time.

A configuration is a set of stacks; a stack is a tuple of frames, the next to be read first. A frame is an expression, or a place inside a
leaf: (leaf, state of its automaton over characters, characters read, bytes of the character being read). No node numbers, no contexts,
nothing merged; spellings of characters are found by ordering code points, not by automata. Only stacks that some text completes are
kept, provided that rules are not empty (the duty of whoever makes them).

    twin = Twin(expr)
    configuration = twin.step(twin.start, 0x61)      # empty where no text goes on so
    twin.accepts(configuration)
"""

from __future__ import annotations

import json
import re
from bisect import bisect_left
from functools import cache
from typing import Any, NamedTuple

from structgen.ir.expr import EPSILON, Alt, Bind, Entries, Expr, Leaf, Lit, Minus, Net, Other, Repeat, Rule, Seq, Special, Strings
from structgen.vocab.vocabulary import Vocabulary


class TooWide(Exception):
    """More stacks than a slow twin can hold: an ambiguous language after some bytes."""


class Inside(NamedTuple):
    """A place inside a leaf; `state` -1 is before the opening quotation mark."""

    leaf: Leaf
    state: int
    count: int
    pending: bytes


class Cut(NamedTuple):
    """A place inside a minus: the leaf's place and the configuration of what is taken (None: nothing taken begins so)."""

    inside: Inside
    minus: Minus
    taken: Any


class Bound(NamedTuple):
    """What waits behind the text of a bind, and the text so far."""

    bind: Bind
    text: bytes


class Listing(NamedTuple):
    """A list of entries, of which these known ones are there, these other keys, and so many in all; `inside`: an entry has to come."""

    entries: Entries
    known: frozenset[int]
    seen: frozenset[bytes]
    size: int
    inside: bool

    def missing(self) -> int:
        return sum(one.required and i not in self.known for i, one in enumerate(self.entries.known))


class Keyed(NamedTuple):
    """What waits behind the key of an entry, and the key so far."""

    listing: Listing
    other: Other
    text: bytes


class At(NamedTuple):
    """A node of a net."""

    net: Net
    node: int


class Rest(NamedTuple):
    """The bytes of a literal from a place on."""

    lit: Lit
    at: int


class Times(NamedTuple):
    """A repetition with so many rounds done."""

    body: Repeat
    done: int


class Tail(NamedTuple):
    """One of these byte strings, from a place on: items low..high of the sorted list share their first `at` bytes."""

    items: tuple[bytes, ...]
    low: int
    high: int
    at: int


WIDEST = 250
"""The most stacks of a closed configuration."""

Stack = tuple[Any, ...]
Config = frozenset[Stack]


class Twin:
    """A language by derivatives. `start` is the configuration of the empty text."""

    def __init__(self, expr: Expr) -> None:
        self.bodies: dict[int, tuple[Rule, Expr]] = {}
        self.sorted: dict[int, tuple[Strings, tuple[bytes, ...]]] = {}
        self.twins: dict[int, tuple[Minus, Twin]] = {}
        self.memo: dict[tuple[Config, int | str], Config] = {}
        self.start: Config = frozenset({(expr,)})

    def step(self, config: Config, symbol: int | str) -> Config:
        """What is left after a byte, or after the special token of that name."""
        key = (config, symbol)
        if key not in self.memo:
            found: set[Stack] = set()
            for stack in self.closure(config):
                if stack:
                    found |= self.read(stack[0], tuple(longer(frame, symbol) for frame in stack[1:]), symbol)
            # A key that is there already is the end of a stack.
            self.memo[key] = frozenset(s for s in found if not any(isinstance(frame, Keyed) for frame in s) or self.goes_on(s))
        return self.memo[key]

    def goes_on(self, stack: Stack) -> bool:
        """Whether something can be read, or nothing is left to read."""
        for one in self.closure(frozenset({stack})):
            if not one or isinstance(one[0], Tail | Special) or (isinstance(one[0], Rest) and one[0].at < len(one[0].lit.data)):
                return True
            if isinstance(one[0], Inside | Cut) and any(self.read(one[0], one[1:], byte) for byte in range(256)):
                return True
        return False

    def read_all(self, config: Config, data: bytes) -> Config:
        """What is left after some bytes."""
        for byte in data:
            if not config:
                break
            config = self.step(config, byte)
        return config

    def accepts(self, config: Config) -> bool:
        """Whether the text may end here."""
        return () in self.closure(config)

    def allowed(self, config: Config, vocabulary: Vocabulary) -> list[int]:
        """The tokens of a mask, by trying each."""
        found = []
        names = {i: name for name, i in vocabulary.special.items()}
        for token in range(vocabulary.size):
            data = vocabulary.bytes_of(token)
            by_text = bool(data) and bool(self.read_all(config, data))
            by_name = token in names and bool(self.step(config, names[token]))
            by_end = token in vocabulary.stop_ids and self.accepts(config)
            if by_text or by_name or by_end:
                found.append(token)
        return found

    # ---- stacks whose first frame reads a symbol, or that are empty ----

    def closure(self, config: Config) -> set[Stack]:
        seen: set[Stack] = set()
        todo = list(config)
        while todo:
            stack = todo.pop()
            if stack in seen:
                continue
            seen.add(stack)
            if len(seen) > WIDEST:
                raise TooWide
            if stack:
                todo.extend(self.unfold(stack[0], stack[1:]))
        return seen

    def unfold(self, frame: Any, rest: Stack) -> list[Stack]:
        """Stacks that mean the same without reading, one step further. (Nothing for frames that must read.)"""
        match frame:
            case Seq():
                return [(*frame.parts, *rest)]
            case Alt():
                return [(part, *rest) for part in frame.parts]
            case Rule():
                if id(frame) not in self.bodies:
                    self.bodies[id(frame)] = frame, frame.make()
                return [(self.bodies[id(frame)][1], *rest)]
            case Bind():
                return [(frame.inner, Bound(frame, b""), *rest)]
            case Bound(bind, text):
                assert bind.then is not None
                return [(bind.then(text), *rest)]
            case Entries():
                return [(Listing(frame, frozenset(), frozenset(), 0, True), *rest)]
            case Listing():
                return self.entry(frame, rest) if frame.inside else self.between(frame, rest)
            case Keyed(listing, other, text):
                said = sayings(text, listing.entries.alike)
                after = listing._replace(seen=listing.seen | {said}, size=listing.size + 1, inside=False)
                return [] if said in listing.seen else [(other.value, after, *rest)]
            case Repeat():
                return [(Times(frame, 0), *rest)]
            case Times(body, done):
                ended = [rest] if done >= body.low else []
                if body.high is not None and done >= body.high:
                    return ended
                after = Times(body, min(done + 1, body.low) if body.high is None else done + 1)
                return [*ended, (body.body, after, *rest)]
            case Net():
                return [(At(frame, 0), *rest)]
            case At(net, node):
                ended = [rest] if node in net.accepting else []
                return ended + [(label or EPSILON, At(net, to), *rest) for source, label, to in net.edges if source == node]
            case Lit():
                return [(Rest(frame, 0), *rest)]
            case Rest(lit, at):
                if at == len(lit.data):
                    return [rest]
                return [(leaf, Rest(lit, high), *rest) for low, high, leaf in lit.ways if low == at]
            case Strings():
                if getattr(frame, "respelling", None) is not None:
                    return [(frame.literal(item), *rest) for item in frame.items]
                if id(frame) not in self.sorted:
                    self.sorted[id(frame)] = frame, tuple(sorted(set(frame.items)))
                items = self.sorted[id(frame)][1]
                return [(Tail(items, 0, len(items), 0), *rest)]
            case Tail(items, low, high, at):
                return [rest] if low < high and len(items[low]) == at else []
            case Leaf():
                inside = Inside(frame, -1 if frame.encoding == "json" else 0, 0, b"")
                return [(inside, *rest)] if completable(inside) else []
            case Inside():
                return [rest] if frame.leaf.encoding != "json" and may_end(frame) else []
            case Minus():
                if frame.leaf.encoding != "json" and may_end(Inside(frame.leaf, 0, 0, b"")):
                    raise ValueError("a minus of a leaf that matches the empty text is not prefix-free")
                first = Inside(frame.leaf, -1 if frame.leaf.encoding == "json" else 0, 0, b"")
                return [(Cut(first, frame, self.twin(frame).start), *rest)]
            case Cut(inside, minus, taken):
                ends = inside.leaf.encoding != "json" and may_end(inside) and not self.twin(minus).accepts(taken)
                return [rest] if ends else []
        return []

    def entry(self, listing: Listing, rest: Stack) -> list[Stack]:
        """The next entry of a list."""
        entries, missing = listing.entries, listing.missing()
        found: list[Stack] = []
        for i, one in enumerate(entries.known):
            fits = entries.high is None or listing.size + 1 + missing - one.required <= entries.high
            if i not in listing.known and fits:
                after = listing._replace(known=listing.known | {i}, size=listing.size + 1, inside=False)
                found.append((one.key, one.value, after, *rest))
        if entries.high is None or listing.size + 1 + missing <= entries.high:
            found += [(other.key, Keyed(listing, other, b""), *rest) for other in entries.others]
        return found

    def between(self, listing: Listing, rest: Stack) -> list[Stack]:
        """Behind an entry: a separator and another one, or the end."""
        ended = [rest] if not listing.missing() and listing.size >= listing.entries.low else []
        more = listing._replace(inside=True)
        return [*ended, (listing.entries.separator, more, *rest)] if self.entry(more, ()) else ended

    def twin(self, minus: Minus) -> Twin:
        if id(minus) not in self.twins:
            self.twins[id(minus)] = minus, Twin(minus.taken)
        return self.twins[id(minus)][1]

    # ---- reading ----

    def read(self, frame: Any, rest: Stack, symbol: int | str) -> set[Stack]:
        if isinstance(frame, Special):
            return {rest} if symbol in frame.tokens else set()
        if isinstance(symbol, str):
            return set()
        match frame:
            case Rest(lit, at):
                return {(Rest(lit, at + 1), *rest)} if at < len(lit.data) and lit.data[at] == symbol else set()
            case Tail(items, low, high, at):
                prefix = items[low][:at] if low < high else b""
                first = bisect_left(items, prefix + bytes([symbol]), low, high)
                last = bisect_left(items, prefix + bytes([symbol + 1]), low, high) if symbol < 255 else high
                return {(Tail(items, first, last, at + 1), *rest)} if first < last else set()
            case Inside():
                return {stack + rest for stack in read_leaf(frame, symbol)}
            case Cut(inside, minus, taken):
                twin = self.twin(minus)
                after = twin.step(taken, symbol)
                found: set[Stack] = set()
                for stack in read_leaf(inside, symbol):
                    if not twin.accepts(after):  # a text that is taken, or a beginning that has no others
                        found.add((Cut(stack[0], minus, after), *rest) if stack else rest)
                return found
        return set()


def sayings(text: bytes, alike: str) -> bytes:
    """What two keys have in common that are alike."""
    if alike == "bytes":
        return text
    return json.dumps(json.loads(text, parse_int=float), sort_keys=True).encode()


def longer(frame: Any, symbol: int | str) -> Any:
    """A frame that waits, when a symbol is read before it."""
    return frame._replace(text=frame.text + bytes([symbol])) if isinstance(frame, Bound | Keyed) and isinstance(symbol, int) else frame


def read_leaf(frame: Inside, byte: int) -> list[Stack]:
    """The places after a byte, the stack () where the leaf is over."""
    leaf, state, count, pending = frame
    if state == -1:
        return [(Inside(leaf, 0, 0, b""),)] if byte == 0x22 else []
    if leaf.encoding == "json" and not pending and byte == 0x22:
        return [()] if may_end(frame) else []
    pending += bytes([byte])
    found: list[Stack] = []
    kind = "json" if leaf.encoding.startswith("json") else leaf.encoding
    for whole, low, high in characters(pending, kind, leaf.escapes):
        for start, end, after in _intervals(leaf.dfa, state):
            if low <= end and start <= high:
                there = Inside(leaf, after, count + 1, b"")
                if completable(there):
                    found.append((there,) if whole else (Inside(leaf, state, count, pending),))
    return list(dict.fromkeys(found))


def may_end(frame: Inside) -> bool:
    """Whether the characters read are a text of the leaf."""
    leaf, state, count, pending = frame
    return not pending and state >= 0 and leaf.dfa.finals[state] and leaf.low <= count and (leaf.high is None or count <= leaf.high)


@cache
def completable(frame: Inside) -> bool:
    """Whether some text of the leaf begins so, seen between characters: by reading on until the count is too high or states repeat."""
    leaf, state, count, _ = frame
    now, seen = frozenset({max(state, 0)}), set()
    while now and (leaf.high is None or count <= leaf.high):
        if count >= leaf.low:
            if any(leaf.dfa.finals[q] for q in now):
                return True
            if now in seen:
                return False
            seen.add(now)
        elif leaf.high is None or leaf.low - count > 4096:
            count = max(count, leaf.low - 4096)  # far from a bound only periods matter, and toys have short ones
        now = frozenset(after for q in now for _, _, after in _intervals(leaf.dfa, q))
        count += 1
    return False


@cache
def _intervals(dfa: Any, state: int) -> list[tuple[int, int, int]]:
    """(low, high, next state) over code points; surrogates left out."""
    bounds = [int(b) for b in dfa.bounds]
    found = []
    for k, low in enumerate(bounds):
        high = bounds[k + 1] - 1 if k + 1 < len(bounds) else 0x10FFFF
        after = dfa.step(state, low)
        if after >= 0:
            found.append((low, high, after))
    return found


# ---- spellings of characters ----

_SHORT = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_HEX = "[0-9A-Fa-f]"
_MINIMAL = {json.dumps(chr(c), ensure_ascii=False)[1:-1].encode(): c for c in [*range(0x20), 0x22, 0x5C]}


@cache
def characters(pending: bytes, encoding: str, escapes: str) -> tuple[tuple[bool, int, int], ...]:
    """The characters whose spelling begins with `pending`: triples (whether it is complete, first, last code point)."""
    if encoding == "bytes":
        return ((True, pending[0], pending[0]),) if len(pending) == 1 else ()
    if encoding == "utf8" or pending[:1] != b"\\":
        found = _utf8(pending)
        if encoding == "json":
            found = [(w, max(a, 0x20), b) for w, a, b in found if b >= 0x20]
            found = [(w, a, b) for w, a, b in found if not (a == b and a in (0x22, 0x5C))]
        return tuple(found)
    if escapes == "minimal":
        return tuple((data == pending, c, c) for data, c in _MINIMAL.items() if data.startswith(pending))
    text = pending.decode("latin-1")
    if len(text) == 1:
        return ((False, 0, 0xD7FF), (False, 0xE000, 0x10FFFF))
    if text[1] in _SHORT:
        return ((True, ord(_SHORT[text[1]]), ord(_SHORT[text[1]])),) if len(text) == 2 else ()
    if not re.fullmatch(r"\\u(" + _HEX + r"{0,4}|" + _HEX + r"{4}\\(u" + _HEX + "{0,4})?)", text):
        return ()
    first, second = text[2:6], text[8:12]
    low, high = int(first.ljust(4, "0"), 16), int(first.ljust(4, "f"), 16)
    found = []
    if len(text) <= 6:
        done = len(first) == 4
        if low < 0xD800:
            found.append((done, low, min(high, 0xD7FF)))
        if high > 0xDFFF:
            found.append((done, max(low, 0xE000), high))
        if low < 0xDC00 and high >= 0xD800:  # high halves of pairs
            found.append((False, _pair(max(low, 0xD800), 0xDC00), _pair(min(high, 0xDBFF), 0xDFFF)))
    elif len(first) == 4 and 0xD800 <= low < 0xDC00:
        a, b = int(second.ljust(4, "0"), 16), int(second.ljust(4, "f"), 16)
        a, b = max(a, 0xDC00), min(b, 0xDFFF)
        if a <= b:
            found.append((len(second) == 4, _pair(low, a), _pair(low, b)))
    return tuple(found)


def _pair(high: int, low: int) -> int:
    return 0x10000 + (high - 0xD800) * 0x400 + low - 0xDC00


def _utf8(pending: bytes) -> list[tuple[bool, int, int]]:
    """UTF-8 keeps the order of code points, so those that begin with some bytes are an interval."""
    low, high = _first_from(pending), _first_from(pending + b"\xff" * 4) - 1
    if low > high:
        return []
    whole = chr(low).encode("utf-8", "surrogatepass") == pending
    parts = [(low, min(high, 0xD7FF)), (max(low, 0xE000), high)] if low <= 0xDFFF and high >= 0xD800 else [(low, high)]
    return [(whole, a, b) for a, b in parts if a <= b]


def _first_from(data: bytes) -> int:
    """The first code point whose UTF-8 is at or behind `data` in the order of bytes."""
    return bisect_left(range(0x110000), data, key=lambda c: chr(c).encode("utf-8", "surrogatepass"))
