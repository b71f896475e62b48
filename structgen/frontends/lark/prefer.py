"""Which texts Python's matcher takes as a whole: lazy quantifiers and the order of alternatives, as a regular language.

Lark asks `re.match` how far a terminal goes. So a terminal is not the set of texts that match, but of those which the matcher, trying
things in its order, consumes to the end: `/".*?"/` ends at the first quotation mark, and `/a|ab/` never takes "ab". (Lark's
`dynamic_complete` lexer also asks about every shorter text, one by one; that is this same language.)

How: the pattern becomes a program for an ordered set of threads (Pike's machine). A thread that completes the pattern cuts off all threads
after it, and a text is taken if a thread is complete at its end. An ordered list of threads is a state of a deterministic automaton.
Look-behinds are automata that run along; look-aheads are guessed and become duties for the rest of the text, which is why a state is a set
of (threads, duties); just one of the guesses comes true.

    instruction   (CHAR, set, next) | (SPLIT, targets in order) | (LOOP, targets in order, exit)
                  | (LOOK, ahead, condition, wanted, next) | (MATCH,)

Patterns are read by the standard library's own parser, since order is what counts here (`frontends/regex` reads the set of texts instead).
"""

from __future__ import annotations

import importlib
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from structgen.errors import BudgetExceeded, Place, RegexError
from structgen.frontends.regex import regex_dfa
from structgen.ir.chars import CharSet, partition
from structgen.ir.regular import CharDFA

PLACES = 3_000
"""Most instructions of a pattern, counts written out."""

STATES = 2_000
"""Most states of the automaton."""

WORK = 400_000
"""Most visits of instructions while it is built."""

_sre: Any = importlib.import_module("re._parser")
_ANYTHING = "(?s:.)*"
_CATEGORIES = {
    "CATEGORY_DIGIT": r"\d",
    "CATEGORY_NOT_DIGIT": r"\D",
    "CATEGORY_SPACE": r"\s",
    "CATEGORY_NOT_SPACE": r"\S",
    "CATEGORY_WORD": r"\w",
    "CATEGORY_NOT_WORD": r"\W",
}
_AT = {
    "AT_BEGINNING": "^",
    "AT_BEGINNING_STRING": r"\A",
    "AT_BOUNDARY": r"\b",
    "AT_NON_BOUNDARY": r"\B",
    "AT_END": "$",
    "AT_END_STRING": r"\Z",
}
_FLAGS = ((re.IGNORECASE, "i"), (re.MULTILINE, "m"), (re.DOTALL, "s"), (re.ASCII, "a"))

_CHAR, _SPLIT, _LOOP, _LOOK, _MATCH = range(5)
_Duties = frozenset[tuple[int, int]]
_Config = tuple[frozenset[tuple[tuple[int, ...], _Duties]], tuple[int, ...]]


class _Unclear(Exception):
    """The order of matching cannot be followed here: the pattern is too large, or a condition looks beyond its own pattern."""


@dataclass(frozen=True, slots=True)
class Preferred:
    """The texts that the matcher takes. `lazy`: a lazy quantifier occurs; `edge`: a condition looks beyond either end of the text."""

    dfa: CharDFA
    lazy: bool
    edge: bool


@lru_cache(maxsize=1024)
def preferred(pattern: str) -> Preferred | None:
    """The texts that `re.match(pattern, text)` consumes to the end; None where the order cannot be followed and is not needed either.

    Raises RegexError, and BudgetExceeded where the order is needed (a lazy quantifier in a pattern too large).
    """
    try:
        tree = _sre.parse(pattern)
    except re.error as error:
        raise RegexError(f"Python cannot read it: {error.msg}", where=Place(pattern, error.pos or 0)) from error
    try:
        return _Machine(_Program(tree)).run()
    except (_Unclear, RecursionError):
        if not _is_lazy(tree):
            return None
        raise BudgetExceeded(
            "the order of matching matters in this regex (it has a lazy quantifier), and it is too large to follow",
            hint='write what may stand inside, for example [^"]* for .*?',
        ) from None


def _is_lazy(tree: Any) -> bool:
    return "MIN_REPEAT" in repr(tree)


# --- patterns to programs -----------------------------------------------------------------------------------------------------------------


class _Program:
    """The instructions of a pattern, its sets of characters and its conditions."""

    def __init__(self, tree: Any) -> None:
        self.code: list[tuple[Any, ...]] = [(_MATCH,)]
        self.sets: dict[CharSet, int] = {}
        self.ahead: list[CharDFA] = []
        self.behind: list[CharDFA] = []
        self.lazy = _is_lazy(tree)
        self.start = self._sequence(tree, tree.state.flags, 0)

    def _add(self, *instruction: Any) -> int:
        if len(self.code) >= PLACES:
            raise _Unclear
        self.code.append(instruction)
        return len(self.code) - 1

    def _sequence(self, tree: Any, flags: int, after: int) -> int:
        """Adds code that goes on at `after`; where it begins."""
        for op, value in reversed(list(tree)):
            after = self._part(str(op), value, flags, after)
        return after

    def _part(self, op: str, value: Any, flags: int, after: int) -> int:
        if op in ("LITERAL", "NOT_LITERAL", "ANY", "IN"):
            dfa = regex_dfa(_written([(op, value)], flags))
            chars: CharSet = ()
            if not dfa.is_empty:
                wanted = [c for c, target in enumerate(dfa.rows[0]) if target >= 0]
                chars = tuple(sorted(pair for one in dfa.alphabet.chars_of(wanted) for pair in one))
            return self._add(_CHAR, self.sets.setdefault(chars, len(self.sets)), after)
        if op == "BRANCH":
            return self._add(_SPLIT, tuple([self._sequence(branch, flags, after) for branch in value[1]]))
        if op == "SUBPATTERN":
            return self._sequence(value[3], (flags | value[1]) & ~value[2], after)
        if op in ("MAX_REPEAT", "MIN_REPEAT"):
            return self._repeat(value, flags, after, lazy=op == "MIN_REPEAT")
        if op in ("ASSERT", "ASSERT_NOT"):
            return self._look(value[0] > 0, value[1], flags, op == "ASSERT", after)
        if op == "AT":
            return self._anchor(str(value), flags, after)
        if op == "FAILURE":
            return self._add(_SPLIT, ())
        raise _Unclear  # back-references and such: `frontends/regex` refuses them with their place

    def _repeat(self, value: Any, flags: int, after: int, *, lazy: bool) -> int:
        low, high, body = value
        if high == _sre.MAXREPEAT:
            loop = self._add(_LOOP, ())
            inside = self._sequence(body, flags, loop)
            self.code[loop] = (_LOOP, (after, inside) if lazy else (inside, after), after)
            after = loop
        else:
            end = after
            for _ in range(high - low):
                inside = self._sequence(body, flags, after)
                after = self._add(_SPLIT, (end, inside) if lazy else (inside, end))
        for _ in range(low):
            after = self._sequence(body, flags, after)
        return after

    def _look(self, ahead: bool, body: Any, flags: int, wanted: bool, after: int) -> int:
        if any(word in repr(body) for word in ("ASSERT", "AT_BEGINNING", "AT_END")) or _edge_boundary(body, ahead):
            raise _Unclear
        text = _written(body, flags)
        return self._condition(ahead, f"(?:{text}){_ANYTHING}" if ahead else f"{_ANYTHING}(?:{text})", wanted, after)

    def _condition(self, ahead: bool, pattern: str, wanted: bool, after: int) -> int:
        dfa = regex_dfa(pattern)
        known = self.ahead if ahead else self.behind
        if dfa not in known:
            known.append(dfa)
        return self._add(_LOOK, ahead, known.index(dfa), wanted, after)

    def _anchor(self, code: str, flags: int, after: int) -> int:
        many = flags & re.MULTILINE
        if code in ("AT_BOUNDARY", "AT_NON_BOUNDARY"):
            word = r"(?a:\w)" if flags & re.ASCII else r"\w"
            sides = []
            for before in (True, False):
                wanted = before != (code == "AT_BOUNDARY")
                then = self._condition(True, f"{word}{_ANYTHING}", wanted, after)
                sides.append(self._condition(False, f"{_ANYTHING}{word}", before, then))
            return self._add(_SPLIT, tuple(sides))
        pattern = {
            "AT_BEGINNING": f"(?:{_ANYTHING}\\n)?" if many else "",
            "AT_BEGINNING_STRING": "",
            "AT_END": f"(?:\\n{_ANYTHING})?" if many else "\\n?",
            "AT_END_STRING": "",
        }[code]
        return self._condition(code.startswith("AT_END"), pattern, True, after)


def _edge_boundary(body: Any, ahead: bool) -> bool:
    """Whether a word boundary may stand where the body of a look-ahead begins (of a look-behind: ends), so that it would look beyond."""
    for op, value in body if ahead else reversed(list(body)):
        name = str(op)
        if name == "AT":
            return True
        inner = list(value[1]) if name == "BRANCH" else [value[3]] if name == "SUBPATTERN" else [value[2]] if "REPEAT" in name else []
        if any(_edge_boundary(one, ahead) for one in inner):
            return True
        if _sre.SubPattern(_sre.State(), [(op, value)]).getwidth()[0] > 0:
            return False
    return False


def _written(tree: Any, flags: int) -> str:
    """A parsed pattern as text again, with its flags spelled out."""
    on = "".join(letter for flag, letter in _FLAGS if flags & flag)
    out = []
    for op, value in tree:
        name = str(op)
        if name in ("LITERAL", "NOT_LITERAL"):
            text = re.escape(chr(value)) if name == "LITERAL" else f"[^{_escaped(value)}]"
        elif name == "ANY":
            text = "."
        elif name == "IN":
            text = f"[{''.join(_item(str(kind), what) for kind, what in value)}]"
        elif name == "BRANCH":
            text = "|".join(_written(branch, flags) for branch in value[1])
        elif name == "SUBPATTERN":
            text = _written(value[3], (flags | value[1]) & ~value[2])
        elif name in ("MAX_REPEAT", "MIN_REPEAT"):
            high = "" if value[1] == _sre.MAXREPEAT else value[1]
            text = f"(?:{_written(value[2], flags)}){{{value[0]},{high}}}"
        elif name == "AT":
            text = _AT[str(value)]
        elif name == "FAILURE":
            text = "(?!)"
        else:
            raise _Unclear
        out.append(f"(?{on}:{text})")
    return "".join(out)


def _escaped(code: int) -> str:
    return f"\\U{code:08x}"


def _item(kind: str, what: Any) -> str:
    if kind == "NEGATE":
        return "^"
    if kind == "RANGE":
        return f"{_escaped(what[0])}-{_escaped(what[1])}"
    return _escaped(what) if kind == "LITERAL" else _CATEGORIES[str(what)]


# --- programs to automata -----------------------------------------------------------------------------------------------------------------


class _Machine:
    """Runs all texts through a program at once."""

    def __init__(self, program: _Program) -> None:
        self.program = program
        self.duties = [dfa for one in program.ahead for dfa in (one, ~one)]  # 2k: condition k holds, 2k+1: it does not
        sets = list(program.sets)
        for dfa in (*program.behind, *self.duties):
            sets += dfa.alphabet.chars_of(range(dfa.alphabet.size))
        self.alphabet, self.masks = partition((*sets, ((0, 0xD7FF), (0xE000, 0x10FFFF))))
        first = dict(zip(reversed(self.alphabet.classes), reversed(self.alphabet.bounds), strict=True))
        self.samples = [first[c] for c in range(self.alphabet.size)]
        self.edge = False
        self.work = 0

    def run(self) -> Preferred:
        """The texts that are taken."""
        begin: _Config = (frozenset([((self.program.start,), frozenset())]), (0,) * len(self.program.behind))
        number, order = {begin: 0}, [begin]
        rows: list[tuple[int, ...]] = []
        finals: list[bool] = []
        for config in order:
            lists, monitors = config
            closed = [one for threads, duties in sorted(lists, key=repr) for one in self._close(threads, duties, monitors, begin is config)]
            finals.append(any(self.program.code[threads[-1]][0] == _MATCH and self._met(duties) for threads, duties in closed))
            row = []
            for cls, code in enumerate(self.samples):
                moved = frozenset(one for threads, duties in closed if (one := self._move(threads, duties, cls, code))[0])
                after = (moved, tuple([dfa.step(s, code) for dfa, s in zip(self.program.behind, monitors, strict=True)]))
                if moved and after not in number:
                    number[after] = len(order)
                    order.append(after)
                row.append(number[after] if moved else -1)
            if len(order) > STATES:
                raise _Unclear
            rows.append(tuple(row))
        return Preferred(CharDFA.from_table(self.alphabet, rows, finals), self.program.lazy, self.edge)

    def _met(self, duties: _Duties) -> bool:
        return all(self.duties[d].finals[state] for d, state in duties)

    def _close(
        self, threads: tuple[int, ...], duties: _Duties, monitors: tuple[int, ...], begins: bool
    ) -> list[tuple[tuple[int, ...], _Duties]]:
        """The threads before a character, in order, up to the first complete one; once for each way the look-aheads may turn out."""
        found = []
        guesses: list[dict[int, bool]] = [{}]
        while guesses:
            guess = guesses.pop()
            closed = self._follow(threads, guess, monitors, begins)
            if isinstance(closed, int):
                guesses += [{**guess, closed: True}, {**guess, closed: False}]
                continue
            more = [2 * k + (not truth) for k, truth in guess.items()]
            if closed and not any(self.duties[d].is_empty for d in more):
                self.edge |= bool(more) and self.program.code[closed[-1]][0] == _MATCH
                found.append((tuple(closed), duties | {(d, 0) for d in more}))
        return found

    def _follow(self, threads: tuple[int, ...], guess: dict[int, bool], monitors: tuple[int, ...], begins: bool) -> list[int] | int:
        """As `_close` for one guess; or the number of a look-ahead that is not guessed yet."""
        code = self.program.code
        seen: set[int] = set()
        out: list[int] = []
        todo = list(reversed(threads))
        while todo:
            at = todo.pop()
            one = code[at]
            if at in seen:
                if one[0] == _LOOP:  # round once more without a character: the matcher leaves the loop then
                    todo.append(one[2])
                continue
            seen.add(at)
            self.work += 1
            if one[0] in (_SPLIT, _LOOP):
                todo += reversed(one[1])
            elif one[0] == _LOOK:
                _, ahead, k, wanted, after = one
                if ahead and k not in guess:
                    return int(k)
                self.edge |= begins and not ahead
                truth = guess[k] if ahead else monitors[k] >= 0 and self.program.behind[k].finals[monitors[k]]
                if truth == wanted:
                    todo.append(after)
            else:
                out.append(at)
                if one[0] == _MATCH:
                    break
        if self.work > WORK:
            raise _Unclear
        return out

    def _move(self, threads: tuple[int, ...], duties: _Duties, cls: int, code: int) -> tuple[tuple[int, ...], _Duties]:
        mask = self.masks[cls]
        moved = {one[2]: None for at in threads if (one := self.program.code[at])[0] == _CHAR and mask >> one[1] & 1}
        kept = []
        for d, state in duties if moved else ():
            after = self.duties[d].step(state, code)
            if after < 0:
                return (), frozenset()
            if not self.duties[d].accepts_all_from(after):
                kept.append((d, after))
        return tuple(moved), frozenset(kept)
