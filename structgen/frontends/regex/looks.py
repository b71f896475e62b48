"""Conditions anywhere in a pattern, exactly: look-ahead, look-behind, anchors and word boundaries, also inside loops and inside each other.

A *thread* is a place in the pattern together with its *obligations*: automata that the rest of the text must satisfy (an automaton and
its state). Passing a look-ahead adds an obligation; every character moves all of them; a thread whose obligation dies is dropped, and at
the end all obligations must accept. A negative look-ahead obliges to the complement. So a pattern is a nondeterministic automaton over
threads, and subsets of threads are the states of the deterministic one.

Look-behinds are *monitors*: the automaton of their body runs beside the pattern from the start of the text, begun anew at every place.
Where a monitor is at its end, the look-behind holds, under the obligations that its threads picked up on the way (a look-ahead inside a
look-behind). The truth of a condition at a place is therefore an OR of ANDs of obligations, and so is its negation.

What a look-ahead obliges to may depend on what came before it (a word boundary inside a look-ahead): its automaton is built for the state
of the monitors inside it, once for each such state.

    thread          (place, obligations), obligations a frozenset of (automaton, state)
    configuration   tuple of sets of threads: one for each monitor, inner ones first, then the pattern's own
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product as cartesian

from structgen.frontends.regex.build import plain_dfa
from structgen.frontends.regex.nodes import ANYTHING, Cat, Chars, Look, Node, Or, Rep, cat, has_looks, positions
from structgen.ir import chars as cs
from structgen.ir import regular_tables as tables
from structgen.ir.chars import CharSet, partition
from structgen.ir.regular import CharDFA

_Duties = frozenset[tuple[int, int]]
_Thread = tuple[int, _Duties]
_Threads = frozenset[_Thread]
_Truth = list[_Duties]  # an OR of ANDs; [] is false, [frozenset()] true

_NO_DUTIES: _Duties = frozenset()
_MOST_ALTERNATIVES = 200

MOVES_PER_STATE = 10
"""So many steps of threads may be taken for each state of the budget (about 5 microseconds each)."""


@dataclass(slots=True)
class _Program:
    """One pattern or the body of one condition, as an automaton: where it starts and ends, and the monitors inside it."""

    node: Node
    start: int
    end: int
    monitors: tuple[int, ...]
    ahead: bool = False
    whole: bool = False


class _Places:
    """The places of all programs: steps over characters, and free steps that may ask a condition `(program, negative)`."""

    def __init__(self) -> None:
        self.steps: list[list[tuple[int, int]]] = []  # place -> (set of characters, place)
        self.free: list[list[tuple[tuple[int, bool] | None, int]]] = []
        self.sets: dict[CharSet, int] = {}
        self.programs: list[_Program] = []
        self.known: dict[Look, int] = {}

    def _place(self) -> int:
        self.steps.append([])
        self.free.append([])
        return len(self.steps) - 1

    def program(self, node: Node, **kind: bool) -> int:
        """Adds a program. Those of the conditions inside are added before it."""
        inside: set[int] = set()
        start = self._place()
        end = self._walk(node, start, inside)
        self.programs.append(_Program(node, start, end, tuple(sorted(inside)), **kind))
        return len(self.programs) - 1

    def _condition(self, look: Look) -> int:
        key = Look(look.body, look.ahead, False, look.whole)
        if key not in self.known:
            body = cat([look.body, ANYTHING]) if look.ahead and not look.whole else look.body
            self.known[key] = self.program(body, ahead=look.ahead, whole=look.whole)
        return self.known[key]

    def _walk(self, node: Node, at: int, inside: set[int]) -> int:
        """Adds the places of a tree after `at`; the place where it ends. `inside` gathers monitors."""
        if isinstance(node, Chars):
            end = self._place()
            self.steps[at].append((self.sets.setdefault(node.chars, len(self.sets)), end))
            return end
        if isinstance(node, Cat):
            for part in node.parts:
                at = self._walk(part, at, inside)
            return at
        if isinstance(node, Or):
            end = self._place()
            for part in node.parts:
                start = self._place()
                self.free[at].append((None, start))
                self.free[self._walk(part, start, inside)].append((None, end))
            return end
        if isinstance(node, Look):
            number = self._condition(node)
            inside.update(self.programs[number].monitors)
            if not node.ahead:
                inside.add(number)
            end = self._place()
            self.free[at].append(((number, node.negative), end))
            return end
        assert isinstance(node, Rep)
        return self._loop(node, at, inside)

    def _loop(self, node: Rep, at: int, inside: set[int]) -> int:
        for _ in range(node.low - (node.high is None and node.low > 0)):
            at = self._walk(node.body, at, inside)
        if node.high is None:  # the body is written once, or nested loops would double it again and again
            start, end = self._place(), self._place()
            self.free[at].append((None, start))
            last = self._walk(node.body, start, inside)
            self.free[last] += [(None, start), (None, end)]
            if node.low == 0:
                self.free[at].append((None, end))
            return end
        end = self._place()
        self.free[at].append((None, end))
        for _ in range(node.high - node.low):
            start = self._place()
            self.free[at].append((None, start))
            at = self._walk(node.body, start, inside)
            self.free[at].append((None, end))
        return end


class _Machine:
    """Runs programs over configurations."""

    def __init__(self, places: _Places, budget: int) -> None:
        self.places, self.budget = places, budget
        self.alphabet, self.masks = partition((*places.sets, cs.ANY))
        first = dict(zip(reversed(self.alphabet.classes), reversed(self.alphabet.bounds), strict=True))
        self.samples = [first[c] for c in range(self.alphabet.size)]
        self.live = [c for c, mask in enumerate(self.masks) if mask]
        self.duties: dict[CharDFA, int] = {}
        self.dfas: list[CharDFA] = []
        self.moves: list[list[tables.Row]] = []  # automaton -> state -> row over the classes here
        self.built: dict[tuple[int, tuple[_Threads, ...]], CharDFA] = {}
        self.inverse: dict[tuple[int, int], _Truth] = {}
        self.work = 0

    # ---- obligations ----

    def _truth_of(self, dfa: CharDFA) -> _Truth:
        """That the rest of the text is in this language."""
        if dfa.is_empty:
            return []
        if dfa.is_universal:
            return [_NO_DUTIES]
        if dfa not in self.duties:
            self.duties[dfa] = len(self.dfas)
            self.dfas.append(dfa)
            pick = tables.picker([dfa.alphabet.class_of(code) for code in self.samples])
            self.moves.append([pick(row) for row in dfa.rows])
        return [frozenset([(self.duties[dfa], 0)])]

    def _not_duty(self, duty: tuple[int, int]) -> _Truth:
        if duty not in self.inverse:
            dfa, state = self.dfas[duty[0]], duty[1]
            self.inverse[duty] = self._truth_of(dfa.residual(state).complement(budget=self.budget))
        return self.inverse[duty]

    def _not(self, truth: _Truth) -> _Truth:
        if any(not duties for duties in truth):
            return []
        choices = [[other for duty in duties for other in self._not_duty(duty)] for duties in truth]
        count = 1
        for choice in choices:
            count *= len(choice)
        if count > _MOST_ALTERNATIVES:
            raise tables.exceeded(self.budget)
        return _least([frozenset().union(*chosen) for chosen in cartesian(*choices)])

    # ---- configurations ----

    def _begin(self, monitors: Sequence[int]) -> tuple[_Threads, ...]:
        """The monitors at the start of the text: only those of whole prefixes have threads by themselves."""
        programs = self.places.programs
        return tuple(frozenset([(programs[m].start, _NO_DUTIES)] if programs[m].whole else []) for m in monitors)

    def _close(self, monitors: Sequence[int], config: tuple[_Threads, ...]) -> list[list[_Thread]]:
        """All places that each program's threads reach by free steps; for monitors first, as conditions ask them."""
        programs = self.places.programs
        state = dict(zip(monitors, config, strict=False))
        known: dict[tuple[int, bool], _Truth] = {}

        def holds(number: int, negative: bool) -> _Truth:
            found = known.get((number, negative))
            if found is None:
                program = programs[number]
                if program.ahead:
                    dfa = self._built(number, tuple(state[m] for m in program.monitors))
                    found = self._truth_of(dfa.complement(budget=self.budget) if negative else dfa)
                else:  # a monitor's own truth is there before anyone asks
                    found = self._not(known[number, False])
                known[number, negative] = found
            return found

        closed: list[list[_Thread]] = []
        for i, threads in enumerate(config):
            begin: Iterable[_Thread] = threads
            if i < len(monitors) and not programs[monitors[i]].whole:
                begin = (*threads, (programs[monitors[i]].start, _NO_DUTIES))
            seen = set(begin)
            stack = list(seen)
            while stack:
                place, duties = stack.pop()
                for asked, target in self.places.free[place]:
                    for more in (_NO_DUTIES,) if asked is None else holds(*asked):
                        thread = (target, duties | more)
                        if thread not in seen:
                            seen.add(thread)
                            stack.append(thread)
            if i < len(monitors):
                end = programs[monitors[i]].end
                known[monitors[i], False] = _least([duties for place, duties in seen if place == end])
            self.work += len(seen) * len(self.live)
            closed.append(list(seen))
        if self.work > MOVES_PER_STATE * self.budget:
            raise tables.exceeded(self.budget)
        return closed

    def _move(self, threads: list[_Thread], cls: int) -> _Threads:
        """The threads after a character of the class, without those that ask more than another at the same place."""
        mask = self.masks[cls]
        moved: dict[int, list[_Duties]] = {}
        for place, duties in threads:
            targets = [target for chars, target in self.places.steps[place] if mask >> chars & 1]
            if not targets:
                continue
            kept: list[tuple[int, int]] = []
            for dfa, state in duties:
                after = self.moves[dfa][state][cls]
                if after < 0:
                    break
                if not self.dfas[dfa].accepts_all_from(after):
                    kept.append((dfa, after))
            else:
                for target in targets:
                    moved.setdefault(target, []).append(frozenset(kept))
        return frozenset((place, duties) for place, found in moved.items() for duties in _least(found))

    def _built(self, number: int, state: tuple[_Threads, ...]) -> CharDFA:
        """The rests of text that satisfy a program which starts where its monitors are in this state."""
        key = (number, state)
        if key not in self.built:
            program = self.places.programs[number]
            self.built[key] = self._build(program, state) if has_looks(program.node) else plain_dfa(program.node, self.budget)
        return self.built[key]

    def _build(self, program: _Program, state: tuple[_Threads, ...]) -> CharDFA:
        begin = (*state, frozenset([(program.start, _NO_DUTIES)]))
        index = {begin: 0}
        order = [begin]
        rows: list[tables.Row] = []
        finals: list[bool] = []
        for config in order:
            closed = self._close(program.monitors, config)
            finals.append(any(place == program.end and self._met(duties) for place, duties in closed[-1]))
            row = [-1] * self.alphabet.size
            for cls in self.live:
                own = self._move(closed[-1], cls)
                if not own:
                    continue
                after = (*(self._move(threads, cls) for threads in closed[:-1]), own)
                if after not in index:
                    if len(order) >= self.budget:
                        raise tables.exceeded(self.budget)
                    index[after] = len(order)
                    order.append(after)
                row[cls] = index[after]
            rows.append(tuple(row))
        return CharDFA.from_table(self.alphabet, rows, finals)

    def _met(self, duties: _Duties) -> bool:
        return all(self.dfas[dfa].finals[state] for dfa, state in duties)

    def run(self, number: int) -> CharDFA:
        """The texts of a program."""
        return self._built(number, self._begin(self.places.programs[number].monitors))


def _least(alternatives: Iterable[_Duties]) -> _Truth:
    """The alternatives that ask no more than another one."""
    kept: _Truth = []
    for duties in sorted(set(alternatives), key=len):
        if not any(less <= duties for less in kept):
            kept.append(duties)
    return kept


def dfa_with_looks(node: Node, budget: int) -> CharDFA:
    """The automaton of a tree with conditions, for the whole text. Raises BudgetExceeded."""
    if positions(node) > budget:
        raise tables.exceeded(budget)
    places = _Places()
    number = places.program(node)
    return _Machine(places, budget).run(number)
