"""The byte automaton: states are integers, unfolded lazily, determinised and hash-consed by the kernels.

`ByteAutomaton(expr)` costs a few arrays; rules get their bodies when a kernel first reaches them. State 0 is dead, state 1 the end
of a text behind which nothing may follow, and state 2 is left to whoever reads stop tokens.

The kernels do the work (`kernels.step`); here is what they cannot do: unfold a rule (a Python function), make room, keep to the
budget, take turns. All public methods are safe in several threads.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple
from weakref import ref

import numpy as np

from structgen import collector
from structgen.automata.assemble import Assembler
from structgen.automata.leaves import pool
from structgen.automata.symbols import Symbols
from structgen.errors import BudgetExceeded, EmptyLanguage, OptionError
from structgen.ir.expr import NEVER, Bind, Expr, Lit, Rule, Seq, following, made
from structgen.kernels import moves, read
from structgen.kernels import tables as t
from structgen.kernels.arena import Arena, Blank, bundle
from structgen.kernels.compiling import CLOCK
from structgen.kernels.linking import JIT
from structgen.kernels.step import make_counted, make_minus, rehash, rehash_moves
from structgen.kernels.unfold import UNFOLD_KERNEL, twin
from structgen.kernels.values import VALUE_KERNEL


@dataclass(frozen=True, slots=True)
class Budget:
    """Limits of one automaton; past them `BudgetExceeded` is raised, never a hang.

    `nodes`: nodes of unfolded rules. `states`: distinct states. `memory`: bytes of all arrays. `seconds`: time of one call (None: no
    limit).

    States and memory are looked at whenever a full array is to be doubled, so that a few hundred states are free, and up to twice the limit
    may be in use; time then and whenever a rule unfolds. Raises OptionError for what is not positive.
    """

    nodes: int = 1 << 26
    states: int = 1 << 23
    memory: int = 1 << 31
    seconds: float | None = 30.0

    def __post_init__(self) -> None:
        for name in ("nodes", "states", "memory", "seconds"):
            value = getattr(self, name)
            if name == "seconds" and value is None:
                continue
            kinds = int | float if name == "seconds" else int
            if isinstance(value, bool) or not isinstance(value, kinds) or not value > 0:
                what = "a number of seconds above 0, or None for no limit" if name == "seconds" else "a whole number from 1 up"
                raise OptionError(f"{name} of a budget is {what}, not {value!r:.50}", where=name)


_BUDGET: Final = Budget()

_INITIAL: Final[dict[str, tuple[type, int, int | None]]] = {  # dtype, length, fill of new cells
    "node": (np.int32, 5 * 256, None),
    "edge": (np.int32, 5 * 256, None),
    "call": (np.int32, 3 * 256, None),
    "rule_start": (np.int32, 64, -1),
    "low": (np.int32, 16, None),
    "high": (np.int32, 16, None),
    "ctx_off": (np.int32, 512, None),
    "ctx_pair": (np.int32, 1024, None),
    "ctx_hash": (np.int32, 1024, -1),
    "ctx_state": (np.int32, 512, None),
    "ctx_open": (np.uint8, 512, None),
    "ctx_twin": (np.int32, 512, None),
    "off": (np.int32, 256, None),
    "item": (np.int32, 1024, None),
    "final": (np.uint8, 256, None),
    "text": (np.int32, 256, None),
    "twin": (np.int32, 256, None),
    "bits": (np.uint64, 1024, None),
    "hash": (np.int32, 512, -1),
    "move_key": (np.int64, 2048, -1),
    "move_to": (np.int32, 2048, None),
    "minus": (np.int32, 2 * 64, None),
    "minus_hash": (np.int32, 256, -1),
    "count": (np.int32, 3 * 64, None),
    "count_hash": (np.int32, 256, -1),
    "text_node": (np.int32, 2 * 64, 0),
    "text_size": (np.int32, 64, None),
    "text_then": (np.int32, 64, None),
    "text_hash": (np.int32, 256, -1),
    "mark": (np.int32, 2 * 32, None),
    "mark_hash": (np.int32, 64, -1),
    "then_mark": (np.int32, 32, None),
    "then_rule": (np.int32, 32, None),
    "then_next": (np.int32, 32, None),
    "bind": (np.int32, 3 * 16, None),
    "scope": (np.int32, 4 * 16, None),
    "frame": (np.int32, 5 * 64, None),
    "frame_hash": (np.int32, 256, -1),
    "set": (np.int32, 17 * 64, 0),
    "set_hash": (np.int32, 256, -1),
    "work_node": (np.int32, 256, None),
    "work_ctx": (np.int32, 256, None),
    "work_ring": (np.int32, 256, None),
    "work_in": (np.uint8, 256, None),
    "work_key": (np.int32, 1024, None),
    "work_stamp": (np.int64, 1024, 0),
    "work_slot": (np.int32, 1024, None),
    "side": (np.int32, 256, None),
    "stack": (np.int32, 256, None),
    "spelling": (np.int64, 256, None),
    "letters": (np.int32, 256, None),
    "n": (np.int64, 26, 0),
}


def _blank() -> Blank:
    """A machine with the three states without items and the bottom context."""
    arrays: dict[str, Any] = {name: np.full(size, fill or 0, dtype) for name, (dtype, size, fill) in _INITIAL.items()}
    assert tuple(arrays) == t.Machine._fields[1:]
    arrays["node"][:5] = -1, 0, 1, -1, -1  # `calls.END`
    arrays["final"][[t.COMPLETE, t.ENDED]] = 1
    arrays["ctx_off"][2] = 1
    arrays["ctx_pair"][0] = -1
    arrays["ctx_state"][1] = t.COMPLETE
    arrays["ctx_twin"][1] = 1
    arrays["twin"][:3] = range(3)
    arrays["text_then"][t.EMPTY] = -1
    arrays["n"][[t.STATES, t.CTX, t.PAIRS, t.TEXTS, t.SETS]] = 3, 2, 1, t.EMPTY + 1, 1
    return Blank(arrays)


_BLANK: Final = _blank()


class _Records(NamedTuple):
    """Records that a hash table finds: where n has their number, their array, its cells a record, and those of arrays beside it."""

    used: int
    name: str
    width: int
    table: str
    beside: Mapping[str, int] = {}


_RECORDS: Final = (  # in the order that `kernels.step.rehash` knows
    _Records(t.STATES, "off", 1, "hash", {"bits": 4, "twin": 1, "text": 1, "final": 1}),
    _Records(t.CTX, "ctx_off", 1, "ctx_hash", {"ctx_twin": 1, "ctx_open": 1, "ctx_state": 1}),
    _Records(t.MINUSES, "minus", 2, "minus_hash"),
    _Records(t.COUNTS, "count", 3, "count_hash"),
    _Records(t.TEXTS, "text_node", 2, "text_hash", {"text_size": 1, "text_then": 1}),
    _Records(t.MARKS, "mark", 2, "mark_hash"),
    _Records(t.FRAMES, "frame", 5, "frame_hash"),
    _Records(t.SETS, "set", 17, "set_hash"),
)
_ALIKE: Final = {"bytes": 0, "strings": t.QUOTED, "values": t.VALUES}
_TEXTS_MIN: Final = 1 << 12  # texts of an automaton that may be worn
_MOVES_MAX: Final = 1 << 22  # cells of the memo of moves; a full one is emptied


def _larger(size: int) -> int:
    """How long an array is next: small ones grow faster, for a growth takes 100 us however small they are."""
    return 4 * size if size < 1 << 14 else 2 * size


class Turn:
    """A lock with a clock: one thread at a time uses an automaton, and one public call has so many seconds (calls inside it have its rest).
    Who needs no help of Python takes `lock` alone.

    Time spent compiling kernels does not count.
    """

    def __init__(self, seconds: float | None) -> None:
        self.lock, self._seconds = threading.RLock(), seconds
        self._depth, self._end = 0, 0.0
        self.number = 0  # of public calls so far

    def __enter__(self) -> None:
        self.lock.acquire()
        self._depth += 1
        if self._depth == 1:
            self.number += 1
            self._end = 0.0  # the clock starts where it is first looked at: most calls never do

    def __exit__(self, *_: object) -> None:
        self._depth -= 1
        self.lock.release()

    @property
    def is_over(self) -> bool:
        """Whether the time is up. It counts from the first time that this is asked in a call."""
        if self._seconds is None:
            return False
        now = time.monotonic() - CLOCK.seconds
        self._end = self._end or now + self._seconds
        return now > self._end


class ByteAutomaton:
    """A language as an automaton over bytes. Raises EmptyLanguage where nothing matches.

    `symbols` say which ids special tokens have; without them only texts can be read.
    """

    def __init__(self, expr: Expr, *, budget: Budget | None = None, source: str = "", symbols: Symbols | None = None) -> None:
        self.budget = budget or _BUDGET
        self.expr, self.source = expr, source
        self.turn = Turn(self.budget.seconds)
        self.symbols = symbols or Symbols()
        self._bounds: dict[tuple[int, int], int] = {}
        self._taken: dict[int, tuple[Expr, int]] = {}
        self._binds: list[Bind | None] = []  # None: keys of entries, which the kernels compare
        self._bind_ids: dict[int, int] = {}
        self._keys: list[Expr] = []  # of lists, to be written
        self._scopes = 0
        self._owing: dict[bytes, int] = {}
        self._emptied = -1  # the call in which the memo of moves was emptied last
        a = self.arena = Arena(_BLANK)
        self.n = a["n"]  # which never grows
        self.n[t.SPECIAL] = self.symbols.vocabulary is not None
        self.pool = pool()
        self.handle = bundle([a.handle, self.pool.arena.handle])
        if JIT:
            self.n[[t.SELF, t.UNFOLD]] = self.handle.ctypes.data, UNFOLD_KERNEL.address
        me: Any = ref(self)  # in a cycle of references it would hold its memory until the collector comes
        self._assembler = Assembler(
            a,
            self.pool,
            counted=lambda *some: me()._counted(*some),
            minus=lambda *some: me()._minus(*some),
            special=self.symbols.runs,
            bind=lambda *some: me()._bind(*some),
            key=lambda *some: me()._key(*some),
            scope=lambda *some: me()._scope(*some),
            max_nodes=self.budget.nodes,
        )
        self.rules = self._assembler.rules
        with self.turn:
            self.start = self._start_state(expr)
        if self.start == 0:
            raise EmptyLanguage(
                "the grammar allows no text at all", where=source or None, hint="some part of it contradicts another, or a rule never ends"
            )

    # ---- what kernels ask for ----

    def _counted(self, node: int, low: int, high: int) -> int:
        key = (low, high)
        if key not in self._bounds:
            number = len(self._bounds)
            self.arena.reserve("low", number + 1)
            self.arena.reserve("high", number + 1)
            self.arena["low"][number], self.arena["high"][number] = low, high
            self._bounds[key] = number
        return int(self.call(make_counted, self.handle, node - t.LEAF, self._bounds[key]))

    def _minus(self, node: int, taken: Expr) -> int:
        found = self._taken.get(id(taken))
        if found is None:
            found = self._taken[id(taken)] = taken, self._start_state(taken)
        return int(self.call(make_minus, self.handle, node, found[1]))

    def _bind(self, bind: Bind) -> int:
        found = self._bind_ids.get(id(bind))
        if found is None:
            flags = (0 if bind.then is None else t.KNOWS) | (0 if bind.sure else t.DOUBTS_IT)
            found = self._bind_ids[id(bind)] = self._new_bind(bind, bind.inner, self._rule_of(bind.unknown), flags)
        return found

    def _key(self, key: Expr, node: int, alike: str) -> int:
        """The bind of a key that is new in its list; `node`: what follows it."""
        if alike == "values":
            self.n[t.VALUE] = VALUE_KERNEL.address
        if not isinstance(key, Rule) and key is not NEVER:
            self._keys.append(key)
        return self._new_bind(None, key, node, t.KNOWS | t.FRESH | _ALIKE[alike])

    def _new_bind(self, bind: Bind | None, inner: Expr, after: int, flags: int) -> int:
        number = len(self._binds)
        self._binds.append(bind)
        self.arena.reserve("bind", 3 * number + 3)
        self.arena["bind"][3 * number : 3 * number + 3] = self._rule_of(inner), after, flags
        self.n[t.BINDS] = number + 1
        return number

    def _scope(self, need: int, low: int, high: int, node: int) -> int:
        number = self._scopes
        self._scopes += 1
        self.arena.reserve("scope", 4 * number + 4)
        self.arena["scope"][4 * number : 4 * number + 4] = need, low, high, node
        return number

    def _rule_of(self, expr: Expr) -> int:
        """The number of a rule with this language; -1 where it has no text."""
        return -1 if expr is NEVER else self._assembler.target(expr if isinstance(expr, Rule) else self._assembler.wrapped(expr))

    def _bound(self, mark: int, text: int) -> None:
        """Ask a bind what follows a text of it."""
        a = self.arena
        bind = self._binds[int(a["mark"][2 * mark + t.MARK_BIND])]
        assert bind is not None
        texts = a["text_node"].reshape(-1, 2)
        data = bytearray()
        for _ in range(int(a["text_size"][text]) - int(a["mark"][2 * mark + t.MARK_FROM])):
            if texts[text, t.TEXT_LAST] < 256:
                data.append(texts[text, t.TEXT_LAST])
            text = int(texts[text, t.TEXT_UP])
        text = int(self.n[t.ARG2])
        rule = self._rule_of(following(bind, bytes(reversed(data))))
        k = int(self.n[t.THENS])
        for name, value in (("then_mark", mark), ("then_rule", rule), ("then_next", int(a["text_then"][text]))):
            a.reserve(name, k + 1)
            a[name][k] = value
        a["text_then"][text] = k
        self.n[t.THENS] = k + 1

    def _start_state(self, expr: Expr) -> int:
        node = self._assembler.body(expr)
        self._write_keys()
        return int(self.call(read.start, self.handle, node))

    def _write_keys(self) -> None:
        """Write the keys of the lists that were just written: whoever gets to a list needs them at once."""
        while self._keys:
            keys, self._keys = self._keys, []  # to write one may call this again
            for key in keys:
                number = self._rule_of(key)
                if self.arena["rule_start"][number] < 0:
                    start = self._assembler.body(key)
                    self.arena["rule_start"][number] = start

    def call(self, kernel: Callable[..., Any], *arguments: Any) -> Any:
        """Call a kernel until it needs no more help. Hold `turn`."""
        code = kernel(*arguments)
        while code < 0:
            self.help(code)
            code = kernel(*arguments)
        return code

    def help(self, code: int) -> None:
        """Do what a NEED_ code asks for."""
        if self.turn.is_over:
            raise BudgetExceeded(f"one call took longer than {self.budget.seconds} s", hint="raise budget.seconds, or simplify the grammar")
        if code == t.NEED_RULE:
            with collector.paused():  # else a tenth of the time of cold masks, and 100 ms at once now and then
                self._unfold(int(self.n[t.ARG]))
        elif code == t.NEED_BIND:
            with collector.paused():
                self._bound(int(self.n[t.ARG]), int(self.n[t.ARG2]))
        elif code == t.NEED_DOOR:
            self.pool.open(int(self.n[t.ARG]))
        elif code == t.NEED_ROOM:
            self._grow()
        else:
            raise AssertionError(f"unknown kernel code {code}")

    def _unfold(self, number: int) -> None:
        """Write the body of a rule, and those of its group."""
        rule = self.rules[number]
        if rule.group:
            numbers = [k for k in map(self._assembler.target, rule.group) if self.arena["rule_start"][k] < 0]
            self.arena["rule_start"][numbers] = self._assembler.bodies([made(self.rules[k]) for k in numbers])
        else:
            start = self._assembler.body(made(rule))
            self.arena["rule_start"][number] = start
        self._write_keys()

    def _grow(self) -> None:
        """Enlarge what is nearly full."""
        a, n, sizes = self.arena, self.n.tolist(), self.arena.sizes()
        w, before = sizes["work_node"], a.nbytes
        if n[t.STATES] > self.budget.states or before > self.budget.memory:
            raise BudgetExceeded(
                f"the automaton grew past its budget ({n[t.STATES]:,} states, {before >> 20} MB)",
                hint="raise budget=, or make the grammar less ambiguous",
            )
        for which, records in enumerate(_RECORDS):
            used, size, table = n[records.used], sizes[records.name] // records.width, sizes[records.table]
            if used + 8 >= size or 2 * used + 16 >= table:
                self._enlarge(which, _larger(max(size, table // 2)))
        for name, cells in (("item", n[t.ITEMS] + w), ("ctx_pair", n[t.PAIRS] + 4 * w)):
            if 2 * cells > sizes[name]:
                a.reserve(name, _larger(sizes[name]))
        if int(a["text_size"][: n[t.TEXTS]].max()) + 8 >= sizes["letters"]:
            a.reserve("letters", 2 * sizes["letters"])
        if n[t.WORK] >= w:
            for name in ("work_stamp", "work_slot", "work_key"):
                a.reserve(name, 8 * w, fill=0)
            for name in ("work_ctx", "work_ring", "work_in", "side", "work_node"):
                a.reserve(name, 2 * w)
        if 2 * n[t.MOVES] + 4 * w >= sizes["move_key"]:
            self._make_room_for_moves(w)
        elif a.nbytes == before:  # one context has more pairs than all of the above foresees, or more lists are around one state
            a.reserve("ctx_pair", 2 * sizes["ctx_pair"])
            a.reserve("letters", 2 * sizes["letters"])

    def _make_room_for_moves(self, work: int) -> None:
        """Enlarge the memo of moves, or empty it where it is large."""
        a, keys, values = self.arena, self.arena["move_key"], self.arena["move_to"]
        emptied = self._emptied == self.turn.number  # for this call: it may need more than there is room for, so not again
        if keys.size < max(_MOVES_MAX, 8 * work) or emptied:
            a["move_to"] = np.empty(_larger(keys.size), np.int32)
            a["move_key"] = np.full(_larger(keys.size), -1, np.int64)
            rehash_moves(self.handle, keys, values)
        else:
            self._emptied = self.turn.number
            keys[:] = -1
            self.n[t.MOVES] = 0

    def _enlarge(self, which: int, size: int) -> None:
        """Make room for so many records, and their hash table anew."""
        a, records = self.arena, _RECORDS[which]
        # The array whose size kernels look at grows last: an interrupt must not leave them too large an idea.
        for name, width in (*records.beside.items(), (records.name, records.width)):
            a.reserve(name, width * size)
        a[records.table] = np.full(2 * size, -1, np.int32)
        rehash(self.handle, which)

    # ---- the automaton ----

    def read(self, data: bytes, state: int | None = None) -> tuple[int, int]:
        """Read bytes: how many could be read, and the last living state."""
        with self.turn:
            array = np.frombuffer(data, np.uint8)
            out = np.zeros(2, np.int64)
            here = self.start if state is None else state
            if here == 0:
                return 0, 0
            while True:
                code = read.run(self.handle, array, here, out)
                here = int(out[1])
                if code >= 0:
                    return int(out[0]), here
                self.help(code)

    def start_owing(self, owed: bytes) -> int:
        """The state from which `owed` is read, and then a text of the language."""
        found = self._owing.get(owed)
        if found is None:
            with self.turn:
                found = self._owing[owed] = self._start_state(Seq((Lit(owed), self.expr)))
        return found

    def accepts(self, data: bytes) -> bool:
        """Whether the whole text is in the language."""
        count, state = self.read(data)
        return count == len(data) and bool(self.arena["final"][state])

    def is_final(self, state: int) -> bool:
        """Whether the text may end in this state."""
        return bool(self.arena["final"][state])

    def twin(self, state: int) -> int:
        """The state to make a mask of: `state`, but all texts that binds have read are forgotten (see `kernels.tables`)."""
        found = int(self.arena["twin"][state])
        return found if found >= 0 else int(self.call(twin, self.handle, state))

    def moves(self, state: int) -> list[tuple[int, int]]:
        """The bytes that may follow, each with the state that it leads to."""
        with self.turn:
            out = np.empty((256, 2), np.int32)
            k = self.call(moves.live_bytes, self.handle, state, out)
            return [(int(b), int(s)) for b, s in out[:k]]

    def special_moves(self, state: int) -> list[tuple[int, int, int]]:
        """The special symbols (see `symbols`) that may follow: runs (first, last) with the state that they lead to, in order."""
        with self.turn:
            room = 64
            while True:
                out = np.empty((room, 3), np.int32)
                code = moves.special_runs(self.handle, state, out)
                if code >= 0:
                    return sorted({(int(low), int(high), int(after)) for low, high, after in out[:code]})
                if code == t.FULL:
                    room *= 4
                else:
                    self.help(code)

    @property
    def is_worn(self) -> bool:
        """Whether what texts have brought is so much that new ones should begin with a new automaton: many keys, which are kept for good,
        or half of the budget."""
        keys = int(self.n[t.TEXTS]) > _TEXTS_MIN
        states, memory, nodes = self.states, self.arena.nbytes, self._assembler.nodes
        full = states > self.budget.states // 2 or memory > self.budget.memory // 2 or nodes > self.budget.nodes // 2
        return full or (keys and (states > self.budget.states // 8 or memory > self.budget.memory // 16))

    def renewed(self) -> ByteAutomaton:
        """A new automaton of the same language."""
        return ByteAutomaton(self.expr, budget=self.budget, source=self.source, symbols=self.symbols)

    @property
    def states(self) -> int:
        """How many distinct states have been met."""
        return int(self.n[t.STATES])

    def items(self, state: int) -> list[tuple[int, int]]:
        """The configuration of a state, for tests and explanations: (node, context) pairs."""
        a = self.arena
        rows = a["item"][2 * a["off"][state] : 2 * a["off"][state + 1]].reshape(-1, 2)
        return [(int(node), int(ctx)) for node, ctx in rows]
