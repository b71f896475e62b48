"""The token automaton: a byte automaton seen through a vocabulary.

States are those of the byte automaton. Everything computed is remembered: a warm `advance` or `mask` is one dictionary look-up.

Not here: how rows are made (`kernels.walk`, `tables`), what draws tokens (`samplers`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import groupby
from typing import Any, Final, TypeVar

import numpy as np
import numpy.typing as npt

from structgen.automata.machine import ByteAutomaton
from structgen.automata.symbols import FIRST, Symbols
from structgen.constraint.distance import Distances
from structgen.constraint.fill import Ints, fill
from structgen.constraint.forced import Forced
from structgen.constraint.protocol import DEAD, ENDED, NO_END, Classes, Words, by_class, whole
from structgen.constraint.rows import Line, Row, store_of
from structgen.constraint.tables import tables_of
from structgen.errors import GrammarError, OptionError
from structgen.ir.language import Language, Output
from structgen.kernels import moves, read, settle, survey, walk
from structgen.kernels import tables as t
from structgen.kernels.arena import Arena, Blank, bundle
from structgen.vocab.vocabulary import Stop, Vocabulary

_OWN: Final = Blank({"stop": np.zeros(0, np.int32), "mute": np.zeros(0, np.uint32)})

T = TypeVar("T")
Tokens = npt.NDArray[np.int32]

_MEMO_MAX: Final = 1 << 18  # remembered (state, token) pairs, and states; about 30 MB of dictionary
_CLASSES_MAX: Final = 32 << 20  # bytes of remembered classes, an automaton
_STOPS_MAX: Final = 8  # sets of other stop ids that are remembered
_STATES_MAX: Final = 1 << 31  # kernels look whether there is such a state, but take 64 bits


class TokenAutomaton:
    """A grammar over the tokens of a vocabulary. Implements `Constraint`; safe to share between sequences and threads.

    Pickled as grammar and vocabulary, and compiled anew: states are numbered anew, too.

    `report` is the support report of the grammar; `scanner` reads its texts for the values within them (see `Language`).
    """

    def __init__(
        self,
        machine: ByteAutomaton,
        vocabulary: Vocabulary,
        language: Language | None = None,
        again: Callable[[], TokenAutomaton] | None = None,
    ) -> None:
        """Use `sg.compile`. `language`: what the machine was made of; `again` makes the automaton anew, where it is unpickled."""
        self.vocabulary = vocabulary
        self._language, self._again = language or Language(machine.expr), again
        self.report, self.scanner = self._language.report, self._language.scanner
        self.machine = machine
        self._size, self._words = vocabulary.size, vocabulary.words
        self._tables = tables_of(vocabulary, machine.pool)
        self._store = store_of(vocabulary.words)
        self._lock = machine.turn.lock
        self._moves: dict[int, int] = {}
        self.rows = self._store.rows()  # those that are finished, by state
        self._doubtful = self._store.rows()  # those of twins that leave tokens to the states themselves, by twin
        self._judged: set[int] = set()  # states whose finished row is not that of a twin with doubts
        self._repeats: Tokens = np.empty(1 << 10, np.int32)  # scratch
        self._heir: TokenAutomaton | None = None  # for new texts, once this one is worn
        self._stopping: dict[tuple[int, ...], TokenAutomaton] = {}  # the same with other stop ids
        self._forced = Forced(self)
        self._classes: dict[int, Classes] = {}  # by twin
        self._classes_bytes = 0
        self._own = self._begun()
        self._special = bool(machine.n[t.SPECIAL]) or machine.symbols.is_unbound  # rows are not what kernels say alone
        with machine.turn:  # trie walks keep one state a byte of the token
            for name in ("stack", "spelling"):
                machine.arena.reserve(name, self._tables.deepest + 2)
        self._handle = bundle(
            [machine.arena.handle, machine.pool.arena.handle, self._tables.tokens.handle, self._tables.rows.handle, self._own.handle]
        )
        self._distances: Distances | None = None

    def _begun(self) -> Arena:
        """What kernels need to know of this automaton alone, see `kernels.tables.own_of`."""
        own, texts = Arena(_OWN), self._tables.texts
        own["stop"] = np.array(self.vocabulary.stop_ids, np.int32)
        muted = [*(i for i in self.vocabulary.stop_ids if i < len(texts) and texts[i]), *self.machine.symbols.named]
        if muted:
            own["mute"] = np.zeros(self._words, np.uint32)
            survey.pack(np.array(muted, np.int32), own["mute"])
        return own

    def renewed(self) -> TokenAutomaton:
        """This automaton; or, once texts have brought it near to its budget, a new one of the same grammar. States belong to the automaton
        that they come from.

        What a text brings (its keys, where no two may be equal) is remembered for good, so that states stay plain integers. Whoever serves
        many texts begins each with `automaton = automaton.renewed()`; models and logits processors do.
        """
        if not self.machine.is_worn:
            return self
        with self.machine.turn:
            if self._heir is None or self._heir.machine.is_worn:
                self._heir = TokenAutomaton(self.machine.renewed(), self.vocabulary, self._language, self._again)
            return self._heir

    def with_stop(self, stop: Stop) -> TokenAutomaton:
        """The same grammar, but these ids or spellings end a text, and are never part of it. States, and all that was computed for tokens,
        are shared (but for the states of a grammar with "any token but these", which those that end a text are not). The last few are
        remembered."""
        vocabulary = self.vocabulary.with_stop(stop)
        if vocabulary is self.vocabulary:
            return self
        with self.machine.turn:
            found = self._stopping.pop(vocabulary.stop_ids, None) or self._stopped(vocabulary)
            self._stopping[vocabulary.stop_ids] = found  # the latest last
            if len(self._stopping) > _STOPS_MAX:
                del self._stopping[next(iter(self._stopping))]
            return found

    def _stopped(self, vocabulary: Vocabulary) -> TokenAutomaton:
        machine, specials = self.machine, self._language.specials
        symbols = Symbols(vocabulary, specials) if specials else machine.symbols
        if symbols.key != machine.symbols.key:
            machine = ByteAutomaton(machine.expr, budget=machine.budget, source=machine.source, symbols=symbols)
        again = None if self._again is None else partial(_stopped_again, self._again, vocabulary.stop_ids)
        return TokenAutomaton(machine, vocabulary, self._language, again)

    def __copy__(self) -> TokenAutomaton:
        return self

    def __deepcopy__(self, _: object) -> TokenAutomaton:
        return self

    def __reduce__(self) -> tuple[Callable[[], TokenAutomaton], tuple[()]]:
        if self._again is None:
            raise OptionError("an automaton made by hand cannot be pickled", where="automaton", hint="pickle what sg.compile gives")
        return self._again, ()

    def _help(self, code: int) -> None:
        n = self.machine.n
        if not self._tables.help(code, int(n[t.ARG]), int(n[t.ARG2])):
            self.machine.help(code)
            self._special |= self.machine.symbols.is_unbound

    def _call(self, kernel: Callable[..., Any], *arguments: Any) -> int:
        """Call a kernel until it needs no more help."""
        code = kernel(self._handle, *arguments)
        return code if code >= 0 or code == t.FULL else self._helped(code, kernel, *arguments)

    def _helped(self, code: int, kernel: Callable[..., Any], *arguments: Any) -> int:
        """The same for one that needs help at once."""
        with self.machine.turn:
            while code < 0 and code != t.FULL:
                self._help(code)
                code = kernel(self._handle, *arguments)
        return code

    def start(self, owed: bytes | str = b"") -> int:
        """The state of the empty text; or that from which `owed` and then a text of the grammar is generated.

        The tokens of a prompt end where the prompt does, and its last one may be a poor beginning of what follows (token healing). Take it
        back, and begin with its bytes owed: tokens that spell them again, and also go on into the text, are legal then.
        """
        owed = _bytes_of(owed, "owed")
        return self.machine.start_owing(owed) if owed else self.machine.start

    def read(self, state: int, data: bytes | str) -> int:
        """The state after bytes, however they would be cut into tokens; 0 where they are illegal."""
        data = _bytes_of(data, "data")
        state = self._existing(state)
        if not state:
            return DEAD
        count, after = self.machine.read(data, state)
        return after if count == len(data) else DEAD

    def text_of(self, token: int) -> bytes:
        """The bytes of a token; none of one that the grammar reads as itself: one without text, or that the grammar names."""
        return b"" if token in self.machine.symbols.named else self.vocabulary.bytes_of(token)

    def decode(self, tokens: Sequence[int]) -> Any:
        """The value of a complete text, given its tokens (no stop token): what the grammar makes of it, or the text."""
        decode = self._language.decode
        if decode is None:
            return self.vocabulary.decode_text(tokens)
        texts = [self.text_of(token) or token for token in tokens]
        runs = groupby(texts, key=lambda piece: isinstance(piece, bytes))
        pieces = [piece for is_text, run in runs for piece in ([b"".join(run)] if is_text else run)]  # type: ignore[arg-type]
        return decode(Output(tuple(pieces), self.vocabulary))

    def advance(self, state: int, token: int) -> int:
        """The state after `token`; 0 where it is illegal, also for ids that do not exist. Pure: the same arguments give the same
        integer."""
        if type(state) is not int or type(token) is not int:  # numpy's integers overflow
            state, token = whole(state, "state"), whole(token, "token")
        key = state * self._size + token
        found = self._moves.get(key)
        if found is not None and 0 <= token < self._size:
            return found
        return self._advance(state, token)

    def _advance(self, state: int, token: int) -> int:
        if not 0 <= token < self._size or not 0 < state < _STATES_MAX:
            return 0
        with self._lock:
            code = read.advance(self._handle, state, token)
            if code < 0:
                code = self._helped(code, read.advance, state, token)
            return 0 if code == walk.NOWHERE else _remember(self._moves, state * self._size + token, int(code))

    def mask(self, state: int) -> Words:
        """The tokens that may come next, stop ids included where the text may end: a read-only packed row, uint32[words]."""
        try:
            found = self.rows.get(state)
        except TypeError:  # what cannot be a key is no state
            found = None
        return ((found and found.line) or self.line(whole(state, "state"))).words

    def line(self, state: int) -> Line:
        """The row of a state, where `rows` does not have it or its line was dropped."""
        return self._store.line_of(self.rows.get(state) or self._row(state))

    def _row(self, state: int) -> Row:
        store = self._store
        if not 0 < state < _STATES_MAX:
            return self._nothing()
        with self._lock:
            line, scratch = store.blank(), store.scratch.rows
            code = walk.mask(self._handle, state, line.into, scratch)
            if code < 0:
                code = self._helped(code, walk.mask, state, line.into, scratch)
            if code < walk.DOUBTFUL and not self._special:
                return store.keep(self.rows, state, line, code)
            if code < walk.NOWHERE:
                return self._exact(state, self._finished(state, line, code))
            store.give_back(line)
            if code == walk.NOWHERE:
                return self._nothing()
            twin = int(code) - walk.OTHER
            found = self._doubtful.get(twin) or (None if twin in self._judged else self.rows.get(twin))
            if found is None:
                line = store.blank()
                found = self._finished(twin, line, self._call(walk.mask, twin, line.into, scratch))
            return self._exact(state, found)

    def _nothing(self) -> Row:
        """The row of a state that does not exist. It may come to be: it is not remembered."""
        return Row(Line.of(np.zeros(self._words, np.uint32)))

    def _finished(self, twin: int, line: Line, code: int) -> Row:
        """The row of a twin, as its kernel left it: with special tokens, and what is in doubt there."""
        if self.machine.symbols.is_unbound:
            raise GrammarError("special tokens that the language did not announce", hint="name them in Language.specials")
        store, doubts = self._store, None
        if code == walk.DOUBTFUL:
            tokens = _tokens(store.scratch.rows[1])
            doubts = tokens, np.empty(len(tokens), np.int32)
            self._call(settle.keys_of, *doubts)
        specials = self._special_moves(twin)
        if specials:
            row = line.words.copy()
            for low, high, _ in specials:
                survey.pack(np.arange(low - FIRST, high - FIRST + 1, dtype=np.int32), row)
            line = Line.of(row)
        if specials or doubts:
            code = store.told(line)
        return store.keep(self.rows if doubts is None else self._doubtful, twin, line, code, doubts)

    def _exact(self, state: int, twins: Row) -> Row:
        """The row of a state, given that of its twin."""
        store = self._store
        row = self._settled(state, twins)
        if row is not None:
            line = Line.of(row)
            if twins.doubts is not None:
                self._judged.add(state)
            return store.keep(self.rows, state, line, store.told(line))
        if state not in self.rows:
            store.add(self.rows, state, twins)
        return twins

    def _special_moves(self, state: int) -> list[tuple[int, int, int]]:
        return self.machine.special_moves(state) if self.machine.n[t.SPECIAL] else []

    def _settled(self, state: int, twins: Row) -> Words | None:
        """The tokens of a state, given the row of its twin; None where they are the same."""
        row = self._store.line_of(twins).words
        text, count, divided = int(self.machine.arena["text"][state]), 0, False
        if text >= t.EMPTY:
            while (count := self._call(settle.repeats, state, row, self._repeats)) == t.FULL:
                self._repeats = np.empty(4 * self._repeats.size, np.int32)
            divided, count = bool(count & settle.DIVIDED), count & ~settle.DIVIDED
        if twins.doubts is None and not count:
            return None
        row, left = row.copy(), []
        if count:
            settle.forbid(self._repeats, count, row)
            if divided:
                left.append(self._repeats[:count].copy())
        if twins.doubts is not None:
            tokens, keys = twins.doubts
            if text <= t.EMPTY:  # no key has begun: all in the token
                unclear = np.empty(tokens.size, np.int32)
                tokens = unclear[: self._call(settle.clear, state, tokens, keys, row, unclear)]
            left.append(tokens.copy())
        for some in left:
            self._settle(state, row, some)
        return row

    def _settle(self, state: int, row: Words, tokens: Tokens) -> None:
        """Allow those of the tokens that the state itself allows."""
        if not tokens.size:
            return
        at = np.zeros(2, np.int64)
        self._call(settle.settle, state, tokens, row, at)
        for token in map(int, tokens[: at[1]]):
            if self.advance(state, token):
                row[token >> 5] |= np.uint32(1 << (token & 31))

    def accepts(self, state: int) -> bool:
        """Whether the text may end in this state; False for the dead state and for states that do not exist."""
        return bool(self.machine.arena["final"][self._existing(state)])

    def _existing(self, state: int) -> int:
        """The state as Python's integer, 0 where there is none."""
        if type(state) is not int:
            state = whole(state, "state")
        return state if 0 < state < self.machine.states else DEAD

    def fill(self, states: Sequence[int] | Ints, out: Any) -> None:
        """Write the rows of many states into `out`, uint32[len(states), words]. Raises OptionError for another array."""
        fill([self] * len(states), states, out)

    def forced(self, state: int, *, behind: Sequence[int] = ()) -> list[int]:
        """The tokens that must come next, special ones too, text as the tokenizer itself would cut it; empty where there is a choice.

        `behind`: the last tokens so far, or all of them, for the cut depends on the text before; without them it is as if the text began
        here. Where they are not as the tokenizer cuts them, or where it may cut in several ways, nothing is forced (see
        `constraint.forced`). A vocabulary without a tokenizer cuts by longest match. Raises VocabularyError for what is no token, and where
        the tokenizer cannot be asked.
        """
        state = self._existing(state)
        if not state:
            return []
        with self.machine.turn:
            return self._forced.tokens(int(state), behind)

    def forced_bytes(self, state: int) -> bytes:
        """The bytes that must come next, however they are cut into tokens: up to a choice, a special token, or where the text may end."""
        state = self._existing(state)
        if not state:
            return b""
        with self.machine.turn:
            return self._forced.must(int(state)).text

    def distance(self, state: int, *, exact: bool = False) -> int:
        """So many tokens suffice to end a text (0 if it may end here, stop tokens not counted): the fewest, where few states lie between,
        else a bound that need not be the least. Some token always leads to a state of a smaller distance.

        `exact`: the fewest in any case, which may take seconds. `NO_END` for the dead state, and where no tokens spell an end. Raises
        BudgetExceeded where nothing of this is known.
        """
        state = self._existing(state)
        if not state:
            return NO_END
        with self.machine.turn:
            if self._distances is None:  # made when it is needed: it looks through the vocabulary
                self._distances = Distances(self)
        return self._distances.of(int(state), exact)

    def twin(self, state: int) -> int:
        """The state with the texts forgotten that were read: masks and `classes` are made for it. See `Constraint`."""
        state = self._existing(state)
        if not state:
            return DEAD
        with self.machine.turn:
            return self.machine.twin(int(state))

    def classes(self, state: int) -> Classes:
        """The tokens by where they lead, see `Constraint`. Remembered, up to some megabytes."""
        twin = self.twin(state)
        found = self._classes.get(twin)
        if found is None:
            with self.machine.turn:
                found = by_class(self.transitions(twin, twins=True))
                for part in found:
                    part.setflags(write=False)
                self._classes_bytes += sum(part.nbytes for part in found)
                if self._classes_bytes > _CLASSES_MAX:
                    self._classes.clear()
                    self._classes_bytes = 0
                self._classes[twin] = found
        return found

    def transitions(self, state: int, *, twins: bool = False) -> Tokens:
        """The state after every token, int32[V]: what `advance` gives for each of them, by one walk through the vocabulary. With `twins`,
        as far as can be said without the texts that were read (see `kernels.tables`).

        It takes some milliseconds where most tokens are legal, and is not remembered. Inside a key or an item that must differ from others,
        each token leads to a state of its own, and states are kept for good: one call inside a free key, over 150,000 tokens, makes 325,000
        (57 MB). What looks ahead asks for `classes`.
        """
        after = np.zeros(self._size, np.int32)
        state = self._existing(state)
        if state:
            with self.machine.turn:
                at, stack = np.zeros(1, np.int64), np.empty(self._tables.deepest + 2, np.int32)
                self._call(moves.transitions, int(state), int(twins), at, stack, after)
                for low, high, there in self._special_moves(int(state)):
                    some = after[low - FIRST : high - FIRST + 1]
                    both = np.flatnonzero((some != 0) & (some != ENDED))  # these go on as text, too
                    some[(some == 0) | (some == ENDED)] = self.machine.twin(there) if twins else there
                    for token in both.tolist():
                        there = self.advance(state, low - FIRST + token)  # noqa: PLW2901
                        some[token] = self.machine.twin(there) if twins else there
        return after

    def fewest_tokens(self, text: bytes) -> list[int]:
        """For each place in a text and its end, how few tokens spell the rest; more than it has bytes where none do."""
        need = np.zeros(len(text) + 1, np.int32)
        self._call(moves.fewest, np.frombuffer(text, np.uint8), need)
        return need.tolist()


def _stopped_again(again: Callable[[], TokenAutomaton], stop: tuple[int, ...]) -> TokenAutomaton:
    return again().with_stop(stop)


def _remember(memo: dict[int, T], key: int, value: T) -> T:
    """Note a value; a full memo begins anew."""
    if len(memo) >= _MEMO_MAX:
        memo.clear()
    memo[key] = value
    return value


def _tokens(row: Words) -> Tokens:
    """The tokens of a row that has few."""
    words = np.flatnonzero(row)  # 10 us for 152k tokens; unpacking all bits takes 460 us
    bits = np.flatnonzero(np.unpackbits(row[words].view(np.uint8), bitorder="little"))
    found: Tokens = (32 * words[bits >> 5] + (bits & 31)).astype(np.int32)
    return found


def _bytes_of(text: bytes | str, where: str) -> bytes:
    if isinstance(text, str):
        return text.encode("utf-8", "surrogatepass")
    if not isinstance(text, bytes | bytearray | memoryview):
        raise OptionError(f"{text!r:.60} is no text", where=where, hint="pass bytes or str")
    return bytes(text)
