"""`Matcher`: a cursor over a constraint, for engines and users that think in sequences rather than in states."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from copy import copy
from typing import Any

from structgen.constraint.explain import dead_end
from structgen.constraint.fill import fill
from structgen.constraint.protocol import DEAD, ENDED, Constraint, Words, renewed, unpack, whole
from structgen.errors import OptionError, TokenRefused
from structgen.vocab.vocabulary import Vocabulary

_SHOWN = 5


class Matcher:
    """Where one sequence stands under a constraint. All it has is its tokens, and the state behind each.

    So a fork is a copy of these, tokens are taken back by dropping the last, and a stop token is a token like others: it can be taken back,
    too. The constraint is shared; one matcher belongs to one sequence and one thread at a time.

    >>> import structgen as sg
    >>> matcher = sg.Matcher(sg.compile(sg.regex("ab+"), sg.Vocabulary.from_bytes([b"a", b"b", b""], eos=2)))
    >>> matcher.accept_tokens([0, 1, 2]), matcher.is_terminated, matcher.rollback(2), matcher.accept(0)
    (True, True, None, False)
    """

    def __init__(self, constraint: Constraint, state: int | None = None) -> None:
        """`state`: where to begin in a text (`TokenAutomaton.start` with a text that is owed); default: at its beginning.

        Raises OptionError for what is no constraint, such as a grammar.
        """
        if not hasattr(constraint, "advance"):  # isinstance takes 0.1 ms
            why = f"a {type(constraint).__name__} is no automaton"
            raise OptionError(why, where="constraint", hint="compile it first: sg.Matcher(sg.compile(grammar, vocabulary))")
        self.constraint = renewed(constraint) if state is None else constraint
        self._states = [self.constraint.start() if state is None else state]
        self._tokens: list[int] = []

    @property
    def state(self) -> int:
        """The state behind the tokens accepted so far."""
        return self._states[-1]

    def __len__(self) -> int:
        """How many tokens were accepted and not taken back, stop tokens among them."""
        return len(self._tokens)

    def accept(self, token: int) -> bool:
        """Move behind `token`; False, and no move, where it is illegal. Behind the end, stop tokens are legal and change nothing."""
        after = self.constraint.advance(self.state, token)
        if after != DEAD:
            self._states.append(after)
            self._tokens.append(token)
        return after != DEAD

    def accept_tokens(self, tokens: Sequence[int]) -> bool:
        """Move behind all of the tokens; False, and no move, where one is illegal."""
        tokens = _ids(tokens)
        behind = self._behind(tokens)
        if len(behind) < len(tokens):
            return False
        self._move(tokens, behind)
        return True

    def validate_tokens(self, tokens: Sequence[int]) -> int:
        """How many of the tokens, from the first on, are legal here. Moves nothing."""
        return len(self._behind(_ids(tokens)))

    def feed(self, tokens: Sequence[int]) -> None:
        """Move behind all of the tokens. Raises TokenRefused, and does not move, where one is illegal."""
        tokens = _ids(tokens)
        behind = self._behind(tokens)
        if len(behind) < len(tokens):
            raise self._refusal([self.state, *behind][-1], len(self) + len(behind), tokens[len(behind)])
        self._move(tokens, behind)

    def rollback(self, count: int = 1) -> None:
        """Take back the last `count` tokens, stop tokens included. Raises OptionError where there are not so many."""
        count = whole(count, "number of tokens")
        if not 0 <= count <= len(self):
            raise OptionError(f"cannot take back {count} of {len(self)} tokens", where="count", hint="len(matcher) says how many there are")
        del self._states[len(self._states) - count :], self._tokens[len(self) - count :]

    def reset(self) -> None:
        """Take back all tokens."""
        self.rollback(len(self))

    def fork(self) -> Matcher:
        """Another matcher at the same place, which moves on its own."""
        other = copy(self)
        other._states, other._tokens = self._states.copy(), self._tokens.copy()
        return other

    def mask(self) -> Words:
        """The tokens that may come next: a read-only uint32[words] row."""
        return self.constraint.mask(self.state)

    def fill_row(self, out: Any, row: int) -> None:
        """Write the mask into row `row` of `out`, uint32 or int32 [rows, words] (see `fill`, which does many rows at once)."""
        fill([self.constraint], [self.state], out, [row])

    def forced(self) -> list[int]:
        """The tokens that must come next (jump forward); empty where there is a choice. They are not accepted yet."""
        return self.constraint.forced(self.state, behind=self._tokens)

    @property
    def is_complete(self) -> bool:
        """Whether the text may end here, or has ended."""
        return self.constraint.accepts(self.state)

    @property
    def is_terminated(self) -> bool:
        """Whether a stop token has ended the text."""
        return self.state == ENDED

    def _move(self, tokens: Sequence[int], behind: Sequence[int]) -> None:
        self._tokens += tokens
        self._states += behind

    def _behind(self, tokens: Sequence[int]) -> list[int]:
        """The states behind the tokens, up to the first that is illegal."""
        found: list[int] = []
        state = self.state
        for token in tokens:
            state = self.constraint.advance(state, token)
            if state == DEAD:
                break
            found.append(state)
        return found

    def _refusal(self, state: int, place: int, token: int) -> TokenRefused:
        vocabulary = self.constraint.vocabulary
        if not 0 <= token < vocabulary.size:
            why, hint = f"there is no token {token}", f"ids run from 0 to {vocabulary.size - 1}"
        else:
            stuck = dead_end(self.constraint, state, "")
            if stuck is not None:
                return TokenRefused(stuck.why, where=f"token {place}", hint=stuck.hint)
            allowed = unpack(self.constraint.mask(state)).tolist()
            shown = ", ".join(_named(vocabulary, one) for one in allowed[:_SHOWN])
            more = f" and {len(allowed) - _SHOWN} more" if len(allowed) > _SHOWN else ""
            why, hint = f"{_named(vocabulary, token)} is illegal here", f"what may come: {shown}{more}"
        return TokenRefused(why, where=f"token {place}", hint=hint)


def _ids(tokens: Iterable[int]) -> list[int]:
    """The tokens as Python's integers, of whatever holds them."""
    if not isinstance(tokens, Iterable):
        raise OptionError(f"{tokens!r:.60} are no tokens", where="tokens", hint="pass a list of ids")
    return [whole(token, "token") for token in tokens]


def _named(vocabulary: Vocabulary, token: int) -> str:
    if token in vocabulary.stop_ids:
        return f"stop token {token}"
    name = next((name for name, number in vocabulary.special.items() if number == token), None)
    return f"token {token} ({vocabulary.bytes_of(token) if name is None else name!r})"
