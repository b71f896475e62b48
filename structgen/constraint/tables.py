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
from structgen.constraint.rows import RowStore
from structgen.errors import VocabularyError
from structgen.kernels import survey, walk
from structgen.kernels import tables as t
from structgen.kernels.arena import Arena, bundle
from structgen.vocab.texts import Texts
from structgen.vocab.vocabulary import Vocabulary

_SPARSE_MAX: Final = 512  # tokens of a sparse row; longer ones are kept dense
_TABLE: Final = 8
_KEPT: Final = 8  # vocabularies whose tables are kept
_STEPS_MAX: Final = 1 << 13  # nodes of a leaf whose steps are remembered while tables are made
_BYTES_MAX: Final = 256 << 20  # of the tables of one vocabulary

Ints = npt.NDArray[np.int32]
_NONE: Final = np.empty(0, np.int32)


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
        data = b"".join(texts.tokens)
        lengths = np.fromiter(map(len, texts.tokens), np.int64, len(texts.tokens))
        offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)]).astype(np.int32)
        self.nodes, self.ids = len(trie.byte), len(trie.tokens)
        self.trie, self.texts = trie, texts.tokens
        self.deepest = int(trie.depth.max(initial=0))
        if self.deepest >= t.RADIX - 1:
            raise VocabularyError(
                f"a token has {self.deepest + 1:,} bytes", where="tokens", hint=f"up to {t.RADIX - 1:,} bytes are supported"
            )
        self.tokens = Arena(
            {
                "byte": trie.byte,
                "depth": trie.depth,
                "end": trie.end,
                "first": trie.first,
                "ids": trie.tokens,
                "root": trie.root,
                "off": offsets,
                "data": np.frombuffer(data or b"\0", np.uint8),
            }
        )
        self.rows = Arena(
            {
                "index": _empty_index(1 << 12),
                "desc": np.zeros(_TABLE * 64, np.int64),
                "words": np.zeros(self.words * 16, np.uint32),
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
        self.handle = bundle([self.tokens.handle, pool.arena.handle, self.tokens.handle, self.rows.handle, self.tokens.handle])
        self._used = dict.fromkeys(self.rows.names, 0)
        self._entries = 0
        self._scratch: list[Any] | None = None
        self._memo: tuple[int, Ints] = -1, np.empty(0, np.int32)
        self._alike: dict[tuple[object, ...] | None, int] = {}  # tables by what their leaf nodes can still read
        self._far: dict[int, tuple[Ints, Ints]] = {}  # by table: ids that can go on for ever and the characters they need, by need
        self._stores: dict[int, RowStore] = {}  # by words of a row

    # ---- appending ----

    def _append(self, name: str, values: npt.NDArray[np.generic]) -> int:
        at = self._used[name]
        self._write(name, at, values)
        self._used[name] = at + values.size
        return at

    def _write(self, name: str, at: int, values: npt.NDArray[np.generic]) -> None:
        """Write behind what is in use, in an array that has its place from another one."""
        before = self.rows[name]
        self._grown |= before.size < at + values.size
        self.rows.reserve(name, at + values.size)
        self.rows[name][at : at + values.size] = values

    _grown = False

    def _enter(self, kind: Any, a: int, b: int, value: int) -> None:
        """Publish an entry, after its data."""
        index = self.rows["index"]
        cells = int(index[0])
        self._entries += 1
        if self._grown or 2 * self._entries > cells:
            fresh = _empty_index(2 * cells if 2 * self._entries > cells else cells)
            walk.enter(fresh, np.ascontiguousarray(index[2::2]), np.ascontiguousarray(index[3::2]))
            self.rows["index"] = index = fresh
            self._grown = False
        walk.enter(index, np.array([(int(kind) << 60) | (a << 30) | b], np.int64), np.array([value], np.int64))

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
        return int(walk.find(self.rows["index"], (int(kind) << 60) | (a << 30) | b))

    def _survey(self, g: int, low: Ints = _NONE, high: Ints = _NONE) -> tuple[Ints, Ints, Ints]:
        """The tokens that stay inside a leaf node, the trie nodes behind its ends, and the characters before them. Scratch: copy them.
        Into `low` and `high`, if they are as long as the vocabulary, come the fewest and the most characters up to an end."""
        if self._scratch is None:  # fresh pages for each walk would cost as much as a small walk
            sizes = self.ids + 1, self.nodes, self.nodes
            self._scratch = [np.empty(size, np.int32) for size in sizes] + [np.empty(self.deepest + 2, np.int64) for _ in range(2)]
        ids, exits, counts, nodes, done = self._scratch
        out = np.zeros(2, np.int64)
        survey.survey(self.handle, g, self._steps(g), nodes, done, ids, exits, counts, low, high, out)
        n, m = out
        return ids[:n], exits[:m], counts[:m]

    def _steps(self, g: int) -> Ints:
        """The memo of steps of a leaf; of one leaf only, for that is mostly asked of in a row."""
        leaf, nodes = self.pool.leaf_of(g)
        if self._memo[0] != leaf:
            self._memo = leaf, np.zeros(256 * min(nodes, _STEPS_MAX), np.int32)  # pages that are not touched cost nothing
        return self._memo[1]

    def _dense(self, ids: Ints) -> int:
        row = np.zeros(self.words, np.uint32)
        survey.pack(ids, row)
        return self._append("words", row) // self.words

    def _table(self, g: int) -> None:
        if self._find(walk.OF_LEAF, g, 0) >= 0:
            return
        rest = self.pool.rest_of(g)  # 20 us; the survey of a wide leaf takes 2 ms, and half of them end alike
        same = self._alike.get(rest)
        if same is not None:
            self._enter(walk.OF_LEAF, g, 0, same)
            return
        ids, exits, counts = self._survey(g)
        bytes_ = self.trie.byte[exits]
        order = np.argsort(bytes_, kind="stable")
        row, at = (-1, self._append("ids", ids)) if len(ids) <= _SPARSE_MAX else (self._dense(ids), 0)
        start = self._used["exits"]
        self._write("exit_count", start, counts[order])
        self._append("exits", exits[order])
        offsets = start + np.searchsorted(bytes_[order], np.arange(257))
        table = self._used["desc"] // _TABLE  # `desc` is written last: whatever interrupts this, the fields of a table stay together
        self._write("exit_off", 257 * table, offsets.astype(np.int32))
        present = np.zeros(256, np.uint8)
        present[bytes_] = 1
        self._write("exit_bits", 4 * table, np.packbits(present, bitorder="little").view(np.uint64))
        most = int(counts.max(initial=0))
        self._append("desc", np.array([row, at, len(ids), start, most, 0, 0, -1], np.int64))
        self._enter(walk.OF_LEAF, g, 0, table)
        if rest is not None:
            self._alike[rest] = table

    def _counts(self, g: int) -> None:
        table = self._find(walk.OF_LEAF, g, 0)
        if self.rows["desc"][_TABLE * table + t.NEED_MOST] >= 0:
            return
        low, high = np.empty(self.ids, np.int32), np.empty(self.ids, np.int32)
        ids = self._survey(g, low, high)[0].copy()
        low, high = low[: len(ids)], high[: len(ids)]
        near = high < t.NO_BOUND
        at = self._used["near_low"]
        self._write("near_high", at, high[near])
        self._write("near_id", at, ids[near])
        self._append("near_low", low[near])
        far, need = ids[~near], low[~near]
        order = np.argsort(need.astype(np.min_scalar_type(need.max(initial=0))), kind="stable")  # small numbers are sorted by radix
        self._far[table] = far[order], need[order]
        desc = self.rows["desc"][_TABLE * table : _TABLE * (table + 1)]
        desc[t.NEAR], desc[t.NEAR_N] = at, int(near.sum())
        if self._grown:  # readers must not see the table's new fields with old arrays
            self._enter_again()
        desc[t.NEED_MOST] = int(need.max(initial=0))

    def _enter_again(self) -> None:
        index = self.rows["index"]
        fresh = _empty_index(int(index[0]))
        walk.enter(fresh, np.ascontiguousarray(index[2::2]), np.ascontiguousarray(index[3::2]))
        self.rows["index"] = fresh
        self._grown = False

    def _counted_row(self, table: int, rest: int) -> None:
        if self._find(walk.OF_COUNTS, table, rest) < 0:
            ids, need = self._far[table]
            self._enter(walk.OF_COUNTS, table, rest, self._dense(ids[: np.searchsorted(need, rest, side="right")]))

    def _merge(self, key: int, variant: int) -> None:
        if self._find(walk.OF_MERGE, key, variant) >= 0:
            return
        table, byte = divmod(key, 256)
        low, high = self.rows["exit_off"][257 * table + byte : 257 * table + byte + 2]
        roots = self.rows["exits"][low:high]
        if variant:
            rest, need = divmod(variant - 1, t.RADIX)
            counts = self.rows["exit_count"][low:high]
            roots = roots[(counts <= rest) & (counts >= need)]
        start = end = self._used["byte"]
        if len(roots):
            trie = self.trie
            nodes = int((trie.end[roots] - roots).sum())
            tokens = int((trie.first[trie.end[roots]] - trie.first[roots]).sum())
            byte_, depth = np.empty(nodes + 1, np.uint8), np.empty(nodes + 1, np.int32)
            ends, first = np.empty(nodes + 1, np.int32), np.empty(nodes + 1, np.int32)
            ids = np.empty(tokens, np.int32)
            out = np.zeros(2, np.int64)
            survey.merge(
                self.handle,
                np.ascontiguousarray(roots),
                byte_,
                depth,
                ends,
                first,
                ids,
                np.empty(nodes + 1, np.int32),
                np.empty((nodes + 1, 3), np.int32),
                np.empty(256, np.int64),
                out,
            )
            n = int(out[0])
            byte_[n] = depth[n] = ends[n] = 0
            at = self._append("tokens", ids[: int(out[1])])
            self._write("depth", start, depth[: n + 1])
            self._write("end", start, ends[: n + 1] + start)
            self._write("first", start, first[: n + 1] + at)
            self._append("byte", byte_[: n + 1])
            end = start + n
        merged = self._append("merged", np.array([start, end], np.int32)) // 2
        self._enter(walk.OF_MERGE, key, variant, merged)

    def store(self, words: int) -> RowStore:
        """Where automata with rows of so many words keep those that are finished."""
        with self.lock:
            return self._stores.setdefault(words, RowStore(words))

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
