"""The state protocol: what samplers and engines know of a grammar, and all that they know.

A state is a plain integer; 0 is dead. Forking copies an integer, rolling back keeps an old one, a batch is an array of integers.

    state  = constraint.start()
    state  = constraint.advance(state, token)   # pure; an illegal token leads to 0, and 0 stays 0
    row    = constraint.mask(state)             # read-only uint32[words]: token t is bit t & 31 of word t >> 5
    ok     = constraint.accepts(state)          # may the text end here
    more   = constraint.forced(state, behind=tokens)  # what must come next, cut as the tokenizer would behind these
    n      = constraint.distance(state)         # so many tokens suffice to end the text, stop tokens not counted
    twin   = constraint.twin(state)             # the state with all forgotten that masks do not depend on
    states, number = constraint.classes(state)  # the tokens by where they lead, as far as twins tell
    after  = constraint.transitions(state)      # int32[V]: the state after every token, as advance gives it
    other  = constraint.with_stop(ids)          # the same, but these ids end a text

Three states are the same in every constraint: `DEAD`; `COMPLETE`, a text behind which nothing may follow; and `ENDED`, behind a stop
token. A constraint may have other states behind which nothing may follow, and need not have `COMPLETE`, but `ENDED` is the only end.

Stop ids are in the mask exactly where the text may end, and lead to `ENDED`. The mask of `ENDED` has the stop ids only, which lead there
again: engines go on asking for rows of finished sequences, and a row without any token is no law to draw from.

Not here: how a grammar becomes states (`automaton`), what draws tokens (`samplers`).
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import index
from typing import Any, Final, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from structgen.errors import OptionError
from structgen.kernels import tables as t
from structgen.vocab.vocabulary import Stop, Vocabulary

Words = npt.NDArray[np.uint32]
States = npt.NDArray[np.int32]
Classes = tuple[States, npt.NDArray[np.signedinteger]]

DEAD: Final = t.DEAD
COMPLETE: Final = t.COMPLETE
ENDED: Final = t.ENDED

NO_END: Final = 1 << 30
"""The distance where no tokens end the text."""

_OPEN: Final = 3  # of `Unconstrained`


@runtime_checkable
class Constraint(Protocol):
    """Anything with integer states and exact token masks. Safe to share between sequences and threads: it has no current state."""

    @property
    def vocabulary(self) -> Vocabulary:
        """The tokens that states and masks speak of."""

    def start(self) -> int:
        """The state of the empty text."""

    def advance(self, state: int, token: int) -> int:
        """The state after `token`: 0 where it is illegal, `ENDED` after a stop token where the text may end. Never raises."""

    def mask(self, state: int) -> Words:
        """A read-only uint32[words] row of the tokens that may come next."""

    def accepts(self, state: int) -> bool:
        """Whether the text may end here."""

    def forced(self, state: int, *, behind: Sequence[int] = ()) -> list[int]:
        """The tokens that must come next, cut as the tokenizer itself would cut them behind these (the last tokens so far, or all of them);
        empty where there is a choice."""

    def distance(self, state: int) -> int:
        """So many tokens suffice to end the text: 0 if it may end here, `NO_END` where no tokens end it.

        It need not be the least such number. But from every state some token leads to a state of a smaller distance: whoever has that many
        tokens left, and goes on only to states whose distance is not above what is left then, ends in time. May raise BudgetExceeded.
        """

    def twin(self, state: int) -> int:
        """The state that stands for this one where the texts that were read do not matter; of most constraints, the state itself.

        Texts may have states of their own (keys, of which no two may be equal); their twins are few. From a twin goes on at least what goes
        on from the states that it stands for. It is its own twin.
        """

    def classes(self, state: int) -> Classes:
        """The tokens by where they lead: `states`, the twins behind one token, ascending, and `number`, for every token which of these (its
        index) it leads to, -1 where it is illegal; signed integers [V]. Equal for all states of one twin; read-only.

        What looks ahead needs it (guidance by a hidden Markov model, A*, diffusion): what is summed over tokens can be summed over few
        classes of them. Where texts have states of their own, it may allow tokens that the state itself does not, and lead further than
        they do, never the other way round. So a token that is drawn in the end goes through `mask` and `advance`.
        """

    def transitions(self, state: int) -> States:
        """The state after every token, int32[V], as `advance` gives it; 0 where it is illegal. Where texts have states of their own, it
        makes one for every token: to look ahead, use `classes`."""

    def fill(self, states: Sequence[int], out: Words) -> None:
        """Write the rows of many states into `out`, uint32[len(states), words]."""

    def with_stop(self, stop: Stop) -> Constraint:
        """The same texts, but these ids or spellings of tokens end them, and are never part of them."""


class Unconstrained:
    """The constraint that allows every token anywhere. Its one state that goes on is 3."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        self._stops = frozenset(vocabulary.stop_ids)
        self._rows = np.zeros((_OPEN + 1, vocabulary.words), np.uint32)
        self._rows[_OPEN] = pack(range(vocabulary.size), vocabulary.words)
        self._rows[[COMPLETE, ENDED]] = pack(vocabulary.stop_ids, vocabulary.words)
        self._rows.flags.writeable = False

    def start(self) -> int:
        """The state that goes on."""
        return _OPEN

    def advance(self, state: int, token: int) -> int:
        """The same after every token, but for stop tokens and those outside the vocabulary."""
        if token in self._stops and state != DEAD:
            return ENDED
        return _OPEN if state == _OPEN and 0 <= token < self.vocabulary.size else DEAD

    def mask(self, state: int) -> Words:
        """All tokens, or the stop tokens."""
        row: Words = self._rows[state]
        return row

    def accepts(self, state: int) -> bool:
        """True in every live state."""
        return state != DEAD

    def forced(self, state: int, *, behind: Sequence[int] = ()) -> list[int]:
        """Nothing is ever forced."""
        return []

    def distance(self, state: int) -> int:
        """Zero: the text may always end."""
        return NO_END if state == DEAD else 0

    def twin(self, state: int) -> int:
        """The state itself."""
        return state

    def classes(self, state: int) -> Classes:
        """The stop tokens, and the others."""
        return by_class(self.transitions(state))

    def transitions(self, state: int) -> States:
        """The same after every token, but for stop tokens."""
        after = np.full(self.vocabulary.size, _OPEN if state == _OPEN else DEAD, np.int32)
        if state != DEAD:
            after[list(self._stops)] = ENDED
        return after

    def fill(self, states: Sequence[int], out: Words) -> None:
        """Copy the rows."""
        out[: len(states)] = self._rows[np.asarray(states, np.int64)]

    def with_stop(self, stop: Stop) -> Unconstrained:
        """The same, but these tokens end a text."""
        return Unconstrained(self.vocabulary.with_stop(stop))


def pack(ids: Sequence[int] | range, words: int) -> Words:
    """The packed uint32[words] row that has exactly `ids`."""
    bits = np.zeros(words * 32, np.uint8)
    bits[np.asarray(ids, np.int64)] = 1
    row: Words = np.packbits(bits, bitorder="little").view("<u4").astype(np.uint32)
    return row


def unpack(row: Words) -> npt.NDArray[np.int64]:
    """The ids of a packed row, ascending."""
    return np.flatnonzero(np.unpackbits(row.astype("<u4").view(np.uint8), bitorder="little"))


def by_class(after: States) -> Classes:
    """What `classes` gives, of the states behind all tokens."""
    number = np.full(int(after.max(initial=0)) + 1, -1, np.int32)
    number[after] = 0
    number[DEAD] = -1
    states = np.flatnonzero(number == 0).astype(np.int32)
    number[states] = np.arange(states.size)
    return states, number.astype(np.min_scalar_type(-states.size - 1))[after]


def whole(value: Any, what: str) -> int:
    """A state or token as a Python integer. Raises OptionError for what is no whole number."""
    try:
        return index(value)
    except TypeError:
        raise OptionError(f"{value!r:.60} is no {what}", where=what, hint="states and tokens are whole numbers") from None


def renewed(constraint: Constraint) -> Constraint:
    """What to begin a new text with: the constraint, or where texts have made it large, a new one of the same grammar
    (`TokenAutomaton.renewed`). States belong to the one that they come from."""
    make = getattr(constraint, "renewed", None)
    return constraint if make is None else make()
