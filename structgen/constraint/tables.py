"""Token tables: what a vocabulary has to say about leaf automata, shared by all its grammars.

For a leaf state: the tokens that stay inside the leaf (a dense row, or a short list), and the exits: the trie nodes where a token
goes on after the leaf may have ended. Made once per vocabulary and leaf state, when a mask first needs them. The layout is
`kernels.tables.Rows`.

Not here: states and grammars (`automaton`).
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Any, Final
from weakref import proxy

import numpy as np
import numpy.typing as npt

from structgen.automata.leaves import LeafPool
from structgen.errors import VocabularyError
from structgen.kernels import lookup, survey
from structgen.kernels import tables as t
from structgen.kernels.arena import Arena, bundle, pages
from structgen.vocab.texts import Texts
from structgen.vocab.vocabulary import Vocabulary

_SPARSE_MAX: Final = 512  # tokens of a sparse row; longer ones are kept dense
_TABLE: Final = 8
_KEPT: Final = 8  # vocabularies whose tables are kept
_STEPS: Final = 1 << 14  # of leaves, remembered while tables are made; a table of 8 MB for each leaf took 6 ms to touch
_ROWS: Final = 1 << 10  # there is room for so many dense rows before all have to be moved; 100 schemas need 200
_BYTES_MAX: Final = 256 << 20  # of the tables of one vocabulary

Ints = npt.NDArray[np.int32]


class TokenTables:
    """The tables of the tokens of a vocabulary, whichever of them end a text, for the leaves of a pool. Thread-safe: kernels read while one
    thread appends.

    Readers take the pointers of the arrays at the start of a kernel, `index` first. An array that grows is replaced (the old one
    stays valid), and then the index is replaced too, last; so nobody finds an entry whose data its arrays do not have.
    """

    def __init__(self, texts: Texts, pool: LeafPool) -> None:
        self.lock, self.pool = threading.RLock(), proxy(pool)  # which holds these tables: automata keep it
        self.words = texts.words
        trie = texts.trie
        self.nodes, self.ids = len(trie.byte), len(trie.tokens)
        self.trie, self.texts = trie, texts.tokens
        self.deepest = int(trie.depth.max(initial=0))
        if self.deepest >= t.RADIX - 1:
            raise VocabularyError(
                f"a token has {self.deepest + 1:,} bytes", where="tokens", hint=f"up to {t.RADIX - 1:,} bytes are supported"
            )
        arrays: tuple[npt.NDArray[Any], ...] = (trie.byte, trie.depth, trie.end, trie.first, trie.tokens, trie.root, *texts.flat)
        tokens = dict(zip(t.Tokens._fields[1:], arrays, strict=True))
        self.tokens = Arena({name: array[:0] for name, array in tokens.items()})
        for name, array in tokens.items():  # as they are: copies of a large vocabulary took 20 ms
            self.tokens[name] = array
        self.rows = Arena(
            {
                "index": _empty_index(1 << 12),
                "desc": np.zeros(_TABLE * 64, np.int64),
                "words": np.zeros(0, np.uint32),
                "ids": np.zeros(1 << 12, np.int32),
                "exits": np.zeros(1 << 12, np.int32),
                "exit_count": np.zeros(1 << 12, np.int32),
                "exit_off": np.zeros(257 * 64, np.int32),
                "exit_bits": np.zeros(4 * 64, np.uint64),
                "near_low": np.zeros(1 << 10, np.int32),
                "near_high": np.zeros(1 << 10, np.int32),
                "near_id": np.zeros(1 << 10, np.int32),
                "merged": np.zeros(2 * 64, np.int32),
                "byte": np.zeros(1 << 12, np.uint8),
                "depth": np.zeros(1 << 12, np.int32),
                "end": np.zeros(1 << 12, np.int32),
                "first": np.zeros(1 << 12, np.int32),
                "tokens": np.zeros(1 << 12, np.int32),
                "width": np.array([self.words], np.int64),
            },
            shared=True,
        )
        self.rows["words"] = pages(max(1, self.words * _ROWS), np.uint32)
        self.handle = bundle([self.tokens.handle, pool.arena.handle, self.tokens.handle, self.rows.handle, self.tokens.handle])
        self._used, self._sizes = dict.fromkeys(self.rows.names, 0), self.rows.sizes()
        self._entries = 0
        self._scratch: list[Any] | None = None
        self._surveyed, self._found = -1, np.zeros(2, np.int64)  # of which leaf node the last survey was, and how much it found
        self._work, self._out, self._count = np.empty(1 << 12, np.int32), np.zeros(2, np.int64), np.empty(256, np.int64)
        self._pair = np.zeros(1, np.int64), np.zeros(1, np.int64)
        self._alike: dict[tuple[object, ...] | None, int] = {}  # tables by what their leaf nodes can still read
        self._far: dict[int, tuple[Ints, Ints]] = {}  # by table: ids that can go on for ever, and the characters they need

    # ---- appending ----

    def _room(self, name: str, size: int, at: int | None = None) -> int:
        """Make room behind what is in use, or from a place that another array has, and say where. Who fills it counts it in `_used`."""
        at = self._used[name] if at is None else at
        if at + size > self._sizes[name]:
            self.rows.reserve(name, at + size)
            self._sizes, self._grown = self.rows.sizes(), True
        return at

    _grown = False

    def _enter(self, kind: Any, a: int, b: int, value: int) -> None:
        """Publish an entry, after its data."""
        cells = int(self.rows["index"][0])
        self._entries += 1
        if self._grown or 2 * self._entries > cells:
            self._enter_again(2 * cells if 2 * self._entries > cells else cells)
        key, found = self._pair
        key[0], found[0] = (int(kind) << 60) | (a << 30) | b, value
        lookup.enter(self.rows["index"], key, found)

    def _enter_again(self, cells: int) -> None:
        """Replace the index, so that who has the old one keeps to the arrays that belong to it."""
        index, fresh = self.rows["index"], _empty_index(cells)
        lookup.enter(fresh, np.ascontiguousarray(index[2::2]), np.ascontiguousarray(index[3::2]))
        self.rows["index"] = fresh
        self._grown = False

    # ---- making what kernels ask for ----

    def help(self, code: int, a: int, b: int) -> bool:
        """Make what a kernel asked for; False if the code is not about tables."""
        if code not in (t.NEED_TABLE, t.NEED_COUNTS, t.NEED_ROW, t.NEED_MERGE):
            return False
        with self.lock:
            if code == t.NEED_TABLE:
                self._table(a)
            elif code == t.NEED_COUNTS:
                self._counts(a)
            elif code == t.NEED_ROW:
                self._counted_row(a, b)
            else:
                self._merge(a, b)
        return True

    def _find(self, kind: Any, a: int, b: int) -> int:
        return int(lookup.find(self.rows["index"], (int(kind) << 60) | (a << 30) | b))

    def _survey(self, g: int) -> tuple[Ints, ...]:
        """What `survey.survey` finds, in scratch: ids, after, chars; exits, counts."""
        if self._scratch is None:  # fresh pages for each walk would cost as much as a small walk
            depths = [np.empty(self.deepest + 2, np.int64) for _ in range(2)]
            sizes = *[self.ids + 1] * 3, *[self.nodes] * 2
            self._scratch = [np.zeros(_STEPS, np.int64), *depths, *(np.empty(size, np.int32) for size in sizes)]
        if self._surveyed != g:
            self._surveyed = -1  # whatever interrupts this
            survey.survey(self.handle, g, *self._scratch, self._found)
            self._surveyed = g
        n, m = self._found.tolist()
        return *[one[:n] for one in self._scratch[3:6]], *[one[:m] for one in self._scratch[6:]]

    def _table(self, g: int) -> None:
        if self._find(lookup.OF_LEAF, g, 0) >= 0:
            return
        rest = self.pool.rest_of(g)  # 10 us; the survey of a wide leaf takes 2 ms, and half of them end alike
        table = self._alike.get(rest)
        if table is None:
            ids, _, _, exits, counts = self._survey(g)
            table = self._keep(ids, exits, counts)
            if rest is not None:
                self._alike[rest] = table
        self._enter(lookup.OF_LEAF, g, 0, table)

    def _keep(self, ids: Ints, exits: Ints, counts: Ints) -> int:
        """Write a table."""
        used, table, name, size = self._used, self._used["desc"] // _TABLE, "ids", len(ids)
        if size > _SPARSE_MAX:
            name, size = "words", self.words
        at, start = self._room(name, size), self._room("exits", len(exits))
        self._room("exit_count", len(exits), start)
        self._room("exit_off", 257, 257 * table)
        self._room("exit_bits", 4, 4 * table)
        self._room("desc", _TABLE)
        survey.keep(self.handle, ids, exits, counts, table, at // self.words if name == "words" else -1, at, start)
        used[name] += size
        used["exits"] += len(exits)
        used["desc"] += _TABLE  # last: whatever interrupts this, the fields of a table stay together
        return table

    def _counts(self, g: int) -> None:
        table = self._find(lookup.OF_LEAF, g, 0)
        if self.rows["desc"][_TABLE * table + t.NEED_MOST] >= 0:
            return
        ids, high, low, *_ = self._survey(g)  # mostly that of its table, a moment ago
        self._surveyed = -1
        survey.measure(self.handle, high, low)
        near, far = np.flatnonzero(high < t.NO_BOUND), np.flatnonzero(high >= t.NO_BOUND)
        at = self._room("near_id", len(near))
        for name, values in (("near_low", low), ("near_high", high), ("near_id", ids)):
            self._room(name, len(near), at)
            self.rows[name][at : at + len(near)] = values[near]
        self._used["near_id"] += len(near)
        self._far[table] = ids[far], low[far]
        most = int(low[far].max(initial=0))
        desc = self.rows["desc"][_TABLE * table : _TABLE * (table + 1)]
        desc[t.NEAR], desc[t.NEAR_N] = at, len(near)
        if self._grown:  # readers must not see the table's new fields with old arrays
            self._enter_again(int(self.rows["index"][0]))
        desc[t.NEED_MOST] = most

    def _counted_row(self, table: int, rest: int) -> None:
        if self._find(lookup.OF_COUNTS, table, rest) < 0:
            at = self._room("words", self.words)
            survey.pack_up_to(*self._far[table], rest, self.rows["words"][at : at + self.words])
            self._used["words"] += self.words
            self._enter(lookup.OF_COUNTS, table, rest, at // self.words)

    def _merge(self, key: int, variant: int) -> None:
        if self._find(lookup.OF_MERGE, key, variant) >= 0:
            return
        start, at, out = self._used["byte"], self._used["tokens"], self._out
        while not survey.merge(self.handle, key, variant, start, at, self._work, self._count, out):
            for name in ("byte", "depth", "end", "first"):
                self._room(name, int(out[0]) + 1, start)
            self._room("tokens", int(out[1]))
            if len(self._work) < 4 * (int(out[0]) + 1):
                self._work = np.empty(8 * int(out[0]) + 4, np.int32)
        n, m = out[:2].tolist()
        merged = self._room("merged", 2)
        self.rows["merged"][merged : merged + 2] = start, start + n
        self._used["tokens"] += m
        self._used["byte"] += n + 1 if n else 0
        self._used["merged"] += 2
        self._enter(lookup.OF_MERGE, key, variant, merged // 2)

    @property
    def nbytes(self) -> int:
        """Bytes held by the tables (the trie of the vocabulary not counted)."""
        used = sum(int(self.rows[name].itemsize) * count for name, count in self._used.items())
        return used + int(self.rows["index"].nbytes) + sum(ids.nbytes + need.nbytes for ids, need in list(self._far.values()))


def _empty_index(cells: int) -> npt.NDArray[np.int64]:
    """A hash table with that many cells (a power of two); cell 0 holds the number."""
    index = np.full(2 * (cells + 1), -1, np.int64)
    index[0] = cells
    return index


_LOCK: Final = threading.Lock()


def tables_of(vocabulary: Vocabulary, pool: LeafPool) -> TokenTables:
    """The tables of a vocabulary for the leaves of a pool, which keeps them: all with the same tokens share them. Past their bound,
    automata made from then on share new ones."""
    texts = vocabulary.texts
    with _LOCK:
        tables: OrderedDict[str, TokenTables] = pool.tables
        found = tables.get(texts.digest)
        if found is None or found.nbytes > _BYTES_MAX:
            found = tables[texts.digest] = TokenTables(texts, pool)
            while len(tables) > _KEPT:
                tables.popitem(last=False)
        else:
            tables.move_to_end(texts.digest)
        return found
