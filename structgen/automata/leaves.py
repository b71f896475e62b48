"""The pool of leaf automata, shared by all grammars of a process.

A leaf automaton is a `CharDFA` run through a `Spelling`. Its states are pairs (q, e), numbered base + (q << shift) + e, and never
written out: a step looks up the spelling and then, where a character is complete, the table of the `CharDFA`. Equal languages (by
canonical form and encoding) are one leaf, so that token rows computed for one grammar serve all.

Not here: bounds on the number of characters (counted nodes, `assemble`), token rows (`constraint.tables`).
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from structgen.errors import BudgetExceeded
from structgen.ir.encoding import Encoding
from structgen.ir.expr import Leaf, Respelling
from structgen.ir.regular import CharDFA
from structgen.ir.spelling import Spelling, spelling
from structgen.kernels import leaf_states
from structgen.kernels.arena import Arena, bundle
from structgen.kernels.tables import BLOCK, LEAF, NO_BOUND, TABLE, Leaves

_BLOCK: Final = BLOCK  # leaf node ids are handed out in blocks of that many bits; `block` finds the leaf of a node
_FIELDS: Final = 12
_STARTS_MAX: Final = 1 << 14  # leaf expressions remembered by identity
_PRODUCT_MAX: Final = 64  # states; bounds that need more than that become counts, whose token rows are shared
_BOUNDED_MAX: Final = 8  # the same where there is an upper bound: a text comes to more of the states, and each costs a token table
_REST_MAX: Final = 8  # states of what leaves may share the end of
_BYTES_MAX: Final = 2 << 20  # of the arrays of a pool, some 3,000 ever-new schemas; all in all a leaf holds five times as much


class LeafPool:
    """The leaf automata of many grammars. Thread-safe; append-only."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.tables: OrderedDict[str, Any] = OrderedDict()  # `constraint.tables`, which live as long as the leaves that they speak of
        self._known: dict[object, int] = {}
        self._spellings: dict[int, tuple[int, int, int]] = {}
        self._kept: list[Spelling] = []
        self._rooms: list[tuple[Respelling, int] | None] = [None]  # behind each door; there is no door 0
        self._numbers: dict[int, list[int]] = {}
        self._starts: dict[int, tuple[Leaf, tuple[int, int, int | None]]] = {}
        self._leaves: list[tuple[CharDFA, Encoding, Spelling]] = []
        self._used = dict.fromkeys(("cls", "enc", "table", "live", "acc", "first", "inner"), 0)
        self._work = np.empty(1 << 12, np.int32)
        self._next_block = 0
        self.arena = Arena(
            {
                "block": np.full(1 << 12, -1, np.int32),
                "desc": np.zeros(_FIELDS * 256, np.int64),
                "cls": np.zeros(1 << 14, np.uint8),
                "enc": np.zeros(1 << 16, np.int32),
                "table": np.zeros(1 << 14, np.int32),
                "live": np.zeros(1 << 14, np.uint8),
                "dist": np.zeros(1 << 14, np.int32),
                "far": np.zeros(1 << 14, np.int32),
                "acc": np.zeros(1 << 12, np.uint8),
                "first": np.zeros(1 << 14, np.uint64),
                "inner": np.zeros(1 << 12, np.uint64),
                "door_byte": np.zeros(1 << 9, np.uint8),
                "door_to": np.full(1 << 9, -1, np.int32),
            },
            shared=True,
        )
        assert tuple(self.arena.names) == Leaves._fields[1:]
        self._handle = bundle([self.arena.handle, self.arena.handle])

    @property
    def is_full(self) -> bool:
        """Whether automata made from now on should have another pool."""
        return self.nbytes > _BYTES_MAX or self._next_block > 1 << (27 - _BLOCK)

    @property
    def nbytes(self) -> int:
        """Bytes of the arrays that are in use."""
        return sum(int(self.arena[name].itemsize) * count for name, count in self._used.items())

    def add(self, dfa: CharDFA, encoding: Encoding) -> int:
        """The start node (>= LEAF) of the leaf automaton of `dfa`. The language must not be empty."""
        key = dfa, encoding
        found = self._known.get(key)
        if found is None:
            with self.lock:
                found = self._known.get(key)
                if found is None:
                    found = self._known[key] = self._register(dfa, encoding)
        return found

    def _append(self, name: str, values: npt.NDArray[np.generic]) -> int:
        at = self._room(name, values.size)
        self.arena[name][at : at + values.size] = values.reshape(-1)
        return at

    def _room(self, name: str, size: int) -> int:
        at = self._used[name]
        self.arena.reserve(name, at + size)
        self._used[name] = at + size
        return at

    def _spell(self, spell: Spelling) -> tuple[int, int, int]:
        found = self._spellings.get(id(spell))
        if found is None:
            found = self._append("cls", spell.cls), self._append("enc", spell.enc), self._append("inner", spell.inner)
            self._spellings[id(spell)] = found
            self._kept.append(spell)  # ids stay unique only while the object lives
        return found

    def _register(self, dfa: CharDFA, encoding: Encoding) -> int:
        spell = spelling(dfa.alphabet, encoding)
        states, chars = len(dfa.rows) + 2 * spell.structural, dfa.alphabet.size + spell.structural
        shift = spell.shift
        blocks = ((states << shift) + (1 << _BLOCK) - 1) >> _BLOCK
        if self._next_block + blocks > 1 << (28 - _BLOCK):
            raise BudgetExceeded("the process holds too many leaf automata", hint="use fewer different patterns, or restart the worker")
        base, leaf = self._next_block << _BLOCK, len(self._leaves)
        table, final = _with_marks(dfa) if spell.structural else (dfa.table, dfa.accepting)
        cls, enc, inner = self._spell(spell)
        live = self._room("live", states << shift)
        for name in ("dist", "far"):
            self.arena.reserve(name, self._used["live"])
        fields = [
            base,
            shift,
            cls,
            enc,
            spell.enc.shape[1],
            self._append("table", table),
            chars,
            live,
            self._room("acc", states),
            spell.structural,
            self._room("first", 4 * states),
            inner,
        ]
        self.arena.reserve("desc", _FIELDS * (leaf + 1), fill=0)
        self.arena["desc"][_FIELDS * leaf : _FIELDS * (leaf + 1)] = fields
        size = max(table.size + 3 * states, 2 * len(spell.starts))
        if size > self._work.size:
            self._work = np.empty(2 * size, np.int32)
        leaf_states.describe(self._handle, leaf, final, spell.below, spell.reach, spell.starts, self._work)
        self.arena.reserve("block", self._next_block + blocks, fill=-1)
        self.arena["block"][self._next_block : self._next_block + blocks] = leaf
        self._next_block += blocks
        self._leaves.append((dfa, encoding, spell))
        return LEAF + base

    def start(self, leaf: Leaf) -> tuple[int, int, int | None]:
        """The start node of a leaf expression (-1: it has no text), and what bounds are still to be counted."""
        found = self._starts.get(id(leaf))
        if found is None:
            dfa, low, high = _bounded(leaf.dfa, leaf.low, leaf.high)
            node = -1 if dfa.is_empty else self.add(dfa, leaf.encoding)
            with self.lock:
                found = self._starts[id(leaf)] = leaf, (node, low, high)  # the leaf is kept, so that its id stays its own
                if len(self._starts) > _STARTS_MAX:
                    self._starts.pop(next(iter(self._starts)), None)
        return found[1]

    def rest_of(self, node: int) -> tuple[object, ...] | None:
        """What a leaf node (without LEAF) between two characters can still read, in a form that equal nodes of all leaves share; None where
        that takes more than a few states to say, or inside a character."""
        leaf = int(self.arena["block"][node >> _BLOCK])
        dfa, encoding, spell = self._leaves[leaf]
        state, inside = divmod(node - int(self.arena["desc"][_FIELDS * leaf]), 1 << spell.shift)
        state -= spell.structural  # with marks there is a state before them, and one behind
        if inside or not 0 <= state < len(dfa.rows):
            return None
        rest = dfa.rest(state, _REST_MAX)
        return None if rest is None else (encoding, rest)

    def doors(self, respelling: Respelling) -> list[int]:
        """For each byte, the door to its other spellings (0: there are none)."""
        found = self._numbers.get(id(respelling))
        if found is None:
            with self.lock:
                found = [0] * 256
                for byte in sorted(respelling.bytes):
                    found[byte] = len(self._rooms)
                    self._rooms.append((respelling, byte))
                self.arena.reserve("door_byte", len(self._rooms), fill=0)
                self.arena.reserve("door_to", len(self._rooms), fill=-1)
                self.arena["door_byte"][found[min(respelling.bytes)] : len(self._rooms)] = respelling.first
                self._numbers[id(respelling)] = found
        return found

    def open(self, door: int) -> None:
        """Find out where a door leads."""
        room = self._rooms[door]
        assert room is not None
        with self.lock:
            # A kernel of another machine may hold older arrays than the node behind the door needs: it keeps the older doors too.
            doors = self.arena["door_to"].copy()
            doors[door] = self.behind(*room)
            self.arena["door_to"] = doors

    def behind(self, respelling: Respelling, byte: int) -> int:
        """The leaf node behind the first byte of another spelling of `byte`."""
        start = self.start(respelling.leaf_of(byte))[0]
        leaf = int(self.arena["block"][(start - LEAF) >> _BLOCK])
        spell = self._leaves[leaf][2]
        x = int(spell.enc[0, spell.cls[respelling.first]])
        return start + (x if x >= 0 else int(self.arena["table"][self.arena["desc"][_FIELDS * leaf + TABLE] - 2 - x]) << spell.shift)


def _with_marks(dfa: CharDFA) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.bool_]]:
    """The automaton between quotation marks: class 0 is the mark, state 0 before the first one, the last state after the second."""
    states, chars = dfa.table.shape
    table = np.full((states + 2, chars + 1), -1, np.int32)
    table[1:-1, 1:] = np.where(dfa.table >= 0, dfa.table + 1, -1)
    table[0, 0] = 1
    table[1:-1, 0] = np.where(dfa.accepting, states + 1, -1)
    final = np.zeros(states + 2, np.bool_)
    final[-1] = True
    return table, final


def _lengths(dfa: CharDFA) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """For each state, the fewest and the most characters to an end (NO_BOUND: any number)."""
    return np.array(dfa.distances(), np.int32), np.array([NO_BOUND if n is None else n for n in dfa.farthest()], np.int32)


def _bounded(dfa: CharDFA, low: int, high: int | None) -> tuple[CharDFA, int, int | None]:
    """The language with bounds on its length: none where they say nothing, none where they fit into the automaton."""
    if low >= NO_BOUND:
        raise BudgetExceeded(f"a text of at least {low:,} characters is asked for", hint="no model writes that much")
    if high is not None and high >= NO_BOUND:
        high = None
    if low == 0 and high is None:
        return dfa, 0, None
    longest = dfa.max_length()
    if low <= (dfa.min_length() or 0):
        low = 0
    if high is not None and longest is not None and high >= longest:
        high = None
    if low == 0 and high is None:
        return dfa, 0, None
    if len(dfa.finals) * max(low, high or 0) <= (_PRODUCT_MAX if high is None else _BOUNDED_MAX):
        return dfa.with_lengths(low, high), 0, None
    # A counted node knows the fewest and the most characters to come. With one bound that decides; with both it must be any number between.
    if low and high is not None and not _gapless(dfa):
        return dfa.with_lengths(low, None), 0, high
    return dfa, low, high


def _gapless(dfa: CharDFA) -> bool:
    """Whether for each state the lengths of the texts from it to an end are an interval."""
    table, now = dfa.table, dfa.accepting.copy()
    began, ended = now.copy(), np.zeros_like(now)
    seen: set[bytes] = set()
    for _ in range(4 * len(now) + 16):
        key = now.tobytes()
        if key in seen:
            return _touching(dfa)
        seen.add(key)
        now = np.any((table >= 0) & now[np.maximum(table, 0)], axis=1)
        ended |= began & ~now
        began |= now
        if (ended & now).any():
            return False
    return False


def _touching(dfa: CharDFA) -> bool:
    """Whether for each state the lengths behind any two of its characters leave no gap: inside a spelling, only some of them are open."""
    low, high = _lengths(dfa)
    can, to = dfa.table >= 0, np.maximum(dfa.table, 0)
    latest, earliest = np.where(can, low[to], -1).max(axis=1), np.where(can, high[to], NO_BOUND).min(axis=1)
    return bool((latest <= earliest + 1).all())


_POOLS: Final = [LeafPool()]
_LOCK: Final = threading.Lock()


def pool() -> LeafPool:
    """The pool for automata that are made now: the same for all, until it is full. A full one goes with the last automaton that uses it, so
    that servers which meet new schemas for ever do not hold the leaves of all."""
    if _POOLS[0].is_full:
        with _LOCK:
            if _POOLS[0].is_full:
                _POOLS[0] = LeafPool()
    return _POOLS[0]
