"""The token automaton: a byte automaton seen through a vocabulary.

States are those of the byte automaton. Everything computed is remembered: a warm `advance` or `mask` is one dictionary look-up.

Not here: how rows are made (`kernels.walk`, `tables`), what draws tokens (`samplers`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from structgen.automata.leaves import POOL
from structgen.automata.machine import ByteAutomaton
from structgen.constraint.tables import ROW_ENTRY, tables_of
from structgen.errors import BudgetExceeded, OptionError, VocabularyError
from structgen.ir.report import SupportReport
from structgen.kernels import tables as t
from structgen.kernels import walk
from structgen.kernels.arena import Arena, bundle
from structgen.vocab.vocabulary import Vocabulary

Words = npt.NDArray[np.uint32]

_MOVES_MAX: Final = 1 << 18  # remembered (state, token) pairs; about 30 MB of dictionary
_DISTANCE_MAX: Final = 100_000  # states that one distance may look at


class TokenAutomaton:
    """A grammar over the tokens of a vocabulary. Implements `Constraint`; safe to share between sequences and threads.

    `report` is the support report of the grammar. State 0 is dead; state 1 is the end of a text behind which nothing may follow.
    """

    def __init__(self, machine: ByteAutomaton, vocabulary: Vocabulary, report: SupportReport | None = None) -> None:
        self.vocabulary = vocabulary
        self.report = report or SupportReport()
        self.decode: Callable[[str], Any] | None = None  # text -> value, where the grammar says how
        self.machine = machine
        self._size, self._words = vocabulary.size, vocabulary.words
        self._tables = tables_of(vocabulary)
        self._moves: dict[int, int] = {}
        self._rows: dict[int, Words] = {}
        self._distances: dict[int, int] = {}
        self._forced: dict[int, list[int]] = {}
        self._own = Arena(self._tables.own)
        with machine.turn:  # trie walks keep one state a byte of the token
            machine.arena.reserve("stack", self._tables.deepest + 2)
        self._handle = bundle(
            [machine.arena.handle, POOL.arena.handle, self._tables.tokens.handle, self._tables.rows.handle, self._own.handle]
        )

    def _specials(self) -> None:
        """Look up special tokens that the grammar has named since the last call."""
        names = self.machine.special_names
        if len(names) != self._own["special"].size:
            missing = [name for name in names if name not in self.vocabulary.special]
            if missing:
                raise VocabularyError(
                    f"the vocabulary has no special token {missing[0]!r}", hint="it has " + ", ".join(list(self.vocabulary.special)[:8])
                )
            self._own["special"] = np.array([self.vocabulary.special[name] for name in names], np.int32)

    def _help(self, code: int) -> None:
        n = self.machine.arena["n"]
        if not self._tables.help(code, int(n[t.ARG]), int(n[t.ARG2])):
            self.machine.help(code)
            self._specials()

    def start(self) -> int:
        """The state of the empty text."""
        return self.machine.start

    def advance(self, state: int, token: int) -> int:
        """The state after `token`; 0 where it is illegal, also for ids that do not exist. Pure: the same arguments give the same
        integer."""
        key = state * self._size + token
        found = self._moves.get(key)
        if found is not None and 0 <= token < self._size:
            return found
        return self._advance(int(state), int(token))  # a numpy integer would have the kernel compiled for its type

    def _advance(self, state: int, token: int) -> int:
        if not 0 <= token < self._size or not 0 < state < self.machine.states:
            return 0
        with self.machine.turn:
            self._specials()
            code = walk.advance(self._handle, state, token)
            while code < 0:
                self._help(code)
                code = walk.advance(self._handle, state, token)
            if len(self._moves) >= _MOVES_MAX:
                self._moves.clear()
            self._moves[state * self._size + token] = code
            return int(code)

    def mask(self, state: int) -> Words:
        """The tokens that may come next, stop ids included where the text may end: a read-only packed row, uint32[words]."""
        row = self._rows.get(state)
        return row if row is not None else self._mask(int(state))

    def _mask(self, state: int) -> Words:
        row = np.zeros(self._words, np.uint32)
        exists = 0 <= state < self.machine.states
        if exists and state:
            with self.machine.turn:
                self._specials()
                code = walk.mask(self._handle, state, row)
                while code < 0:
                    self._help(code)
                    code = walk.mask(self._handle, state, row)
        row.flags.writeable = False
        if exists:  # a state that does not exist yet may come to be
            self._rows[state] = row
            self._tables.memo.add(self._rows, state, row.nbytes + ROW_ENTRY)
        return row

    def accepts(self, state: int) -> bool:
        """Whether the text may end in this state; False for the dead state and for states that do not exist."""
        return 0 < state < self.machine.states and bool(self.machine.arena["final"][state])

    def fill(self, states: Sequence[int] | npt.NDArray[np.int32], out: Words) -> None:
        """Write the rows of many states into `out`, uint32[len(states), words]. Raises OptionError for another array."""
        if getattr(out, "dtype", None) != np.uint32 or out.shape != (len(states), self._words):
            found = f"{out.dtype}{list(out.shape)}" if isinstance(out, np.ndarray) else type(out).__name__
            raise OptionError(f"out is {found}", where="out", hint=f"pass uint32[{len(states)}, {self._words}]")
        for k, state in enumerate(states):
            out[k] = self.mask(int(state))

    def forced(self, state: int) -> list[int]:
        """The tokens that must come next, as the vocabulary itself would cut the text; empty where there is a choice.

        Bytes at the end that a longer token could still take in are left out (ALGORITHMS 18.1, K13).
        """
        found = self._forced.get(state)
        if found is None:
            with self.machine.turn:
                found = self._forced[state] = self._force(state)
        return list(found)

    def _force(self, state: int) -> list[int]:
        text = bytearray()
        here = state
        while here and not self.accepts(here):
            moves = self.machine.moves(here)
            if len(moves) != 1 or moves[0][0] >= 256:
                break
            text.append(moves[0][0])
            here = moves[0][1]
        if not text:
            return []
        keep = len(text) if here == 1 else self._safe_cut(bytes(text))
        try:
            ids = self.vocabulary.encode(bytes(text))
        except VocabularyError:
            return []
        out: list[int] = []
        for token in ids:
            keep -= len(self.vocabulary.bytes_of(token))
            if keep < 0:
                break
            out.append(token)
        return out

    def _safe_cut(self, text: bytes) -> int:
        """How many bytes no token can take together with what follows the text."""
        trie = self._tables.trie
        for at in range(max(0, len(text) - self.vocabulary.max_token_bytes), len(text)):
            low, high, node = int(trie.root[text[at]]), int(trie.root[text[at] + 1]), -1
            for byte in text[at:]:
                while low < high and trie.byte[low] != byte:
                    low = int(trie.end[low])
                if low >= high:
                    node = -1
                    break
                node, high = low, int(trie.end[low])
                low += 1
            if node >= 0 and trie.end[node] > node + 1:
                return at
        return len(text)

    def distance(self, state: int) -> int:
        """The fewest tokens to an accepting state (0 if the text may end here). Raises BudgetExceeded where too many states lie between.

        For the dead state, the size of the vocabulary plus one: no text is that far.
        """
        if not 0 < state < self.machine.states:
            return self._size + 1
        found = self._distances.get(state)
        if found is None:
            with self.machine.turn:
                found = self._distances[state] = self._search(state)
        return found

    def _search(self, state: int) -> int:
        layer, seen, steps = [state], {state}, 0
        while layer:
            after: list[int] = []
            for here in layer:
                if self.accepts(here):
                    return steps
                after.extend(s for s in self.successors(here) if s not in seen)
                seen.update(after)
            if len(seen) > _DISTANCE_MAX:
                raise BudgetExceeded(
                    f"no end of a text within {steps} tokens and {len(seen):,} states", hint="the grammar is too wide for an exact distance"
                )
            layer = list(dict.fromkeys(after))
            steps += 1
        return self._size + 1

    def successors(self, state: int) -> list[int]:
        """The distinct states that one token leads to."""
        with self.machine.turn:
            self._specials()
            room = 1 << 12
            while True:
                seen = np.zeros(self.machine.states + (1 << 12) + room, np.uint8)
                found = np.empty(room, np.int32)
                code = walk.successors(self._handle, state, seen, found)
                if code >= 0:
                    return [int(s) for s in found[:code]]
                if code == walk.FULL:
                    room *= 4
                else:
                    self._help(code)
