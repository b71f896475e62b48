"""How many tokens a text needs to its end.

One way to the end is found byte by byte, always where the estimates of `automata.ahead` say that the end is nearest; the fewest tokens that
spell it are a bound. Then all ways of fewer tokens are looked at, as far as that is cheap: where there are none, the bound is exact.

The bounds of all states on a way are remembered, so that behind the first token of a way the distance is smaller. Where a bound is not
exact, it may so depend on what was asked before.
"""

from __future__ import annotations

from heapq import heappop, heappush
from math import inf
from typing import TYPE_CHECKING, Final
from weakref import proxy

import numpy as np

from structgen.automata.ahead import Ahead
from structgen.automata.symbols import FIRST
from structgen.constraint.protocol import NO_END
from structgen.errors import BudgetExceeded

if TYPE_CHECKING:
    from structgen.constraint.automaton import TokenAutomaton

_STEPS: Final = 1 << 12  # bytes that the search for one way may try, 0.1 ms each ...
_STEPS_MAX: Final = 1 << 14  # ... and where the end is known to be far
_EFFORT: Final = 1 << 17  # of the search for fewer, in units of about 0.1 us: a count, for the answer must not depend on the machine
_EFFORT_EXACT: Final = 1 << 25
_MEMO_MAX: Final = 1 << 17


class Distances:
    """The distances of one automaton. Safe in several threads: the automaton is taken for one step at a time."""

    def __init__(self, automaton: TokenAutomaton) -> None:
        self._automaton: TokenAutomaton = proxy(automaton)  # which holds this: it is to be freed at once, not by the collector
        self._machine = automaton.machine
        self._bytes = {*np.unique(automaton.vocabulary.texts.trie.byte).tolist()}  # that tokens have
        self._ahead = Ahead(self._machine)
        self._known: dict[tuple[int, bool], int] = {}
        self._bounds: dict[int, int] = {}  # of states on the ways that were found
        self._moves: dict[int, list[tuple[float, int]]] = {}  # by twin: symbols, and how far the end is behind them

    def of(self, state: int, exact: bool) -> int:
        """See `TokenAutomaton.distance`."""
        found = self._known.get((state, exact))
        if found is None:
            for memo in (self._known, self._bounds, self._moves):
                if len(memo) >= _MEMO_MAX:
                    memo.clear()
            found = self._known[state, exact] = self._find(state, exact)
        return found

    def _find(self, state: int, exact: bool) -> int:
        if self._automaton.accepts(state):
            return 0
        if state not in self._bounds:
            self._note(*self._way(state))
        bound = self._bounds.get(state, NO_END)
        with self._machine.turn:
            twin = self._machine.twin(state)
            is_far = self._ahead.bytes_to_end(twin) == inf
        effort = _EFFORT_EXACT if exact or (bound == NO_END and not is_far) else _EFFORT
        tokens = self._breadth_first(twin, bound, effort, twins=True)
        if tokens and not self._leads(state, tokens):  # a way for the twin, which knows too little
            tokens = self._breadth_first(state, bound, effort, twins=False) if exact else None
            if tokens:
                self._leads(state, tokens)
        if tokens is None and (exact or bound == NO_END):
            hint = "distance(state) without exact=True gives a bound" if bound < NO_END else "no way was found: the end may be far"
            raise BudgetExceeded("too many states lie before the end of a text", hint=hint)
        return len(tokens) if tokens else self._bounds.get(state, bound)

    def _leads(self, state: int, tokens: list[int]) -> bool:
        """Whether tokens lead to the end of a text. If so, bounds are noted."""
        states = [state]
        for token in tokens:
            states.append(self._automaton.advance(states[-1], token))
        if not self._automaton.accepts(states[-1]):
            return False
        self._note(states, list(range(len(tokens), -1, -1)))
        return True

    def _note(self, states: list[int], bounds: list[int]) -> None:
        for state, bound in zip(states, bounds, strict=True):
            if bound < self._bounds.get(state, NO_END):
                self._bounds[state] = bound

    def _breadth_first(self, start: int, most: int, effort: int, twins: bool) -> list[int] | None:
        """The fewest tokens that lead to the end of a text, if less than `most`; else none; None where that takes more than the effort."""
        came: dict[int, tuple[int, int]] = {start: (0, 0)}
        layer = [start]
        for _ in range(most):
            for here in layer:
                if self._automaton.accepts(here):
                    way: list[int] = []
                    while here != start:
                        here, token = came[here]  # noqa: PLW2901
                        way.append(token)
                    return way[::-1]
            following: list[int] = []
            for here in layer:
                after = self._automaton.transitions(here, twins=twins)
                legal = np.flatnonzero(after)
                effort -= 1000 + after.size // 100 + legal.size
                if effort < 0:
                    return None
                states, first = np.unique(after[legal], return_index=True)
                for there, token in zip(states.tolist(), legal[first].tolist(), strict=True):
                    if there not in came:
                        came[there] = here, token
                        following.append(there)
            layer = following
            if not layer:
                break
        return []

    # ---- one way ----

    def _way(self, start: int) -> tuple[list[int], list[int]]:
        """The states of a way to the end of a text, last first, and the fewest tokens from each of them on; none where no way is found."""
        came: dict[int, tuple[int, int]] = {}
        todo = [(0.0, 0, start, -1)]
        with self._machine.turn:
            far = self._ahead.bytes_to_end(self._machine.twin(start))
        steps = _STEPS if far == inf else min(_STEPS_MAX, max(_STEPS, 2 * int(far)))
        while todo and len(came) < steps:
            _, depth, before, symbol = heappop(todo)
            with self._machine.turn:
                here = before if symbol < 0 else self._after(before, symbol)
                if here in came or not here:
                    continue
                came[here] = before, symbol
                if self._automaton.accepts(here):
                    states, symbols = [here], []
                    while states[-1] != start:
                        before, symbol = came[states[-1]]
                        states.append(before)
                        symbols.append(symbol)
                    return states, self._needs(symbols)
                for far, symbol in self._onward(self._machine.twin(here)):
                    heappush(todo, (far, depth + 1, here, symbol))
        return [], []

    def _after(self, state: int, symbol: int) -> int:
        if symbol < FIRST:
            return self._automaton.read(state, bytes([symbol]))
        return self._automaton.advance(state, symbol - FIRST)

    def _onward(self, twin: int) -> list[tuple[float, int]]:
        """The symbols that may follow a state, one for each state behind them, with how far the end is there."""
        found = self._moves.get(twin)
        if found is None:
            moves = [(symbol, after) for symbol, _, after in self._machine.special_moves(twin)]
            moves += [(byte, after) for byte, after in self._machine.moves(twin) if byte in self._bytes]
            symbols = {after: symbol for symbol, after in reversed(moves)}
            far = [(self._ahead.bytes_to_end(after), symbol) for after, symbol in symbols.items()]
            found = self._moves[twin] = [one for one in far if one[0] < inf]
        return found

    def _needs(self, symbols: list[int]) -> list[int]:
        """The fewest tokens that spell the last k symbols of a way, which are given last first, for each k from 0 on."""
        needs, run = [0], bytearray()
        for k, symbol in enumerate(symbols, 1):
            if symbol >= FIRST:
                needs.append(needs[-1] + 1)
                continue
            run.append(symbol)
            if k == len(symbols) or symbols[k] >= FIRST:
                behind, found = needs[-1], self._automaton.fewest_tokens(bytes(run[::-1]))
                needs += [behind + one if one <= len(run) else NO_END for one in found[-2::-1]]
                run.clear()
        return [min(need, NO_END) for need in needs]
