"""Reads a pattern into a tree: groups, alternation, quantifiers, anchors, look-around, flags.

One loop with a stack of open groups, so that nesting costs no Python recursion; it is limited all the same (`MAX_NESTING`), as later steps
walk the tree recursively. Flags disappear here: the tree has only sets of characters, and anchors are conditions (`nodes.Look`).

Not here: single characters and classes (`reader.py`), meaning (`build.py`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from structgen.errors import BudgetExceeded, OptionError, Place, RegexError
from structgen.frontends.regex.nodes import TEXT_END, TEXT_START, Chars, Look, Node, cat, either, rep
from structgen.frontends.regex.reader import Flags, Reader, Syntax
from structgen.ir import chars as cs

MAX_NESTING: Final = 50
"""How deep groups may be nested."""

MAX_COUNT: Final = 1_000_000_000
"""The largest count in braces; beyond, a count is a mistake."""

_EMPTY_NON_BOUNDARY: Final = re.search(r"\B", "") is not None  # False before Python 3.14
_BRACES: Final = re.compile(r"\{(?:([0-9]+)(,?)([0-9]*)|(,)([0-9]*))\}")
_NAME: Final = re.compile(r"[^\W\d]\w*")
_INLINE: Final = re.compile(r"\(\?([aiLmsux]*)(?:-([imsx]+))?([:)])")
_NEWLINE: Final = Chars(((10, 10),))


@dataclass(slots=True)
class _Open:
    """A group that is being read: where it began, the flags outside, and what to make of its body."""

    start: int
    flags: Flags
    look: tuple[bool, bool] | None = None  # ahead, negative
    branches: list[Node] = field(default_factory=list)
    items: list[Node] = field(default_factory=list)
    quantifiable: bool = False  # whether the last item may be repeated
    repeated: bool = False  # whether it is already

    def push(self, item: Node, quantifiable: bool = True) -> None:
        self.items.append(item)
        self.quantifiable, self.repeated = quantifiable, False

    def close(self) -> Node:
        self.branches.append(cat(self.items))
        body = either(self.branches)
        if self.look is None:
            return body
        return Look(body, ahead=self.look[0], negative=self.look[1])


def parse(pattern: str, syntax: Syntax = "python") -> Node:
    """The tree of a pattern. Raises RegexError, UnsupportedFeature, BudgetExceeded (nesting), OptionError (unknown syntax)."""
    if syntax not in ("python", "ecma"):
        raise OptionError(f"there is no regex syntax {syntax!r}", where="syntax", hint='use "python" or "ecma"')
    if not isinstance(pattern, str):
        raise RegexError(f"a pattern is a str, not {type(pattern).__name__}")
    return _Parser(Reader(pattern, syntax)).tree()


class _Parser:
    def __init__(self, reader: Reader) -> None:
        self.r = reader
        self.python = reader.syntax == "python"
        self.stack = [_Open(0, reader.flags)]
        self.names: set[str] = set()

    def tree(self) -> Node:
        """Reads the whole pattern."""
        r = self.r
        while r.at < len(r.text):
            self._step(r.peek())
        if len(self.stack) > 1:
            r.fail("this ( is never closed", self.stack[-1].start, "write \\( for a parenthesis")
        return self.stack[0].close()

    def _step(self, char: str) -> None:
        r, top = self.r, self.stack[-1]
        if char == "(":
            self._open()
        elif char == ")":
            self._close()
        elif char == "|":
            r.at += 1
            top.branches.append(cat(top.items))
            top.items, top.quantifiable = [], False
        elif char in "*+?" or (char == "{" and self._counts() is not None):
            self._quantifier()
        elif r.flags.x and (char.isspace() and char in " \t\n\r\f\v"):
            r.at += 1
        elif r.flags.x and char == "#":
            end = r.text.find("\n", r.at)
            r.at = end + 1 if end >= 0 else len(r.text)
        elif char == "\\":
            self._escape()
        elif char in "^$":
            r.at += 1
            top.push(self._line_start() if char == "^" else self._line_end(), quantifiable=False)
        elif char == "[":
            top.push(Chars(r.bracket()))
        else:
            r.at += 1
            top.push(Chars(r.dot() if char == "." else r.cased(cs.of_text(char))))

    # ---- anchors ----

    def _line_start(self) -> Node:
        if not self.r.flags.m:
            return TEXT_START
        breaks = _NEWLINE if self.python else Chars(((10, 10), (13, 13), (0x2028, 0x2029)))
        return either([TEXT_START, Look(breaks, ahead=False)])

    def _line_end(self) -> Node:
        if self.r.flags.m:
            breaks = _NEWLINE if self.python else Chars(((10, 10), (13, 13), (0x2028, 0x2029)))
            return either([TEXT_END, Look(breaks, ahead=True)])
        return Look(rep(_NEWLINE, 0, 1), ahead=True, whole=True) if self.python else TEXT_END

    def _boundary(self, negated: bool) -> Node:
        word = Chars(self.r.word())

        def sides(before: bool, after: bool) -> Node:
            return cat([Look(word, ahead=False, negative=not before), Look(word, ahead=True, negative=not after)])

        if not negated:
            return either([sides(True, False), sides(False, True)])
        inside = either([sides(True, True), sides(False, False)])
        if self.python and not _EMPTY_NON_BOUNDARY:  # this Python's \B never matches in the empty text
            some = Chars(cs.ANY)
            inside = cat([either([Look(some, ahead=False), Look(some, ahead=True)]), inside])
        return inside

    def _escape(self) -> None:
        r, top = self.r, self.stack[-1]
        letter = r.text[r.at + 1 : r.at + 2]
        anchor: Node | None = None
        if letter in ("b", "B"):
            anchor = self._boundary(letter == "B")
        elif self.python and letter in ("A", "Z"):
            anchor = TEXT_START if letter == "A" else TEXT_END
        if anchor is not None:
            r.at += 2
            top.push(anchor, quantifiable=False)
            return
        top.push(Chars(r.as_set(r.escape(inside=False))))

    # ---- quantifiers ----

    def _counts(self) -> tuple[int, int | None, int] | None:
        """The counts in braces here, and where they end; None if the brace is a plain character."""
        found = _BRACES.match(self.r.text, self.r.at)
        if found is None:
            return None
        low, comma, high, lone, bound = found.groups()
        if lone:  # {,n}: Python's; a plain text to ECMA-262, and {,} to either before Python 3.12
            return (0, int(bound), found.end()) if self.python and bound else (0, None, found.end()) if self.python else None
        most = max(low, high, key=len)
        if len(most) > 12 or int(most) > MAX_COUNT:
            raise BudgetExceeded(
                f"the count {most} is too large", where=Place(self.r.text, self.r.at), hint=f"counts go up to {MAX_COUNT:,}"
            )
        return int(low), (int(low) if not comma else int(high) if high else None), found.end()

    def _quantifier(self) -> None:
        r, top, start = self.r, self.stack[-1], self.r.at
        sign = r.peek()
        if sign == "{":
            counts = self._counts()
            assert counts is not None
            low, high, end = counts
        else:
            low, high = {"*": (0, None), "+": (1, None), "?": (0, 1)}[sign]
            end = start + 1
        if high is not None and low > high:
            r.fail(f"the count {r.text[start:end]} is impossible: at least {low}, at most {high}", start)
        if not top.items or not top.quantifiable:
            why = "there are two quantifiers in a row" if top.repeated else "there is nothing to repeat here"
            r.fail(why, start, f"write \\{sign} for the character" if not top.repeated else "put the first one into a group")
        r.at = end
        if r.peek() == "+":
            if not self.python:
                r.fail("there are two quantifiers in a row", r.at, "put the first one into a group")
            r.refuse("a possessive quantifier depends on the order of matching", r.at, "without the + more texts match, in every order")
        r.take("?")  # lazy: another match of the same texts
        top.items[-1] = rep(top.items[-1], low, high)
        top.quantifiable, top.repeated = False, True

    # ---- groups ----

    def _push(self, start: int, look: tuple[bool, bool] | None = None, flags: Flags | None = None) -> None:
        if len(self.stack) > MAX_NESTING:
            raise BudgetExceeded(
                f"groups are nested deeper than {MAX_NESTING}", where=Place(self.r.text, start), hint="flatten the pattern"
            )
        self.stack.append(_Open(start, self.r.flags, look))
        if flags is not None:
            self.r.flags = flags

    def _close(self) -> None:
        r = self.r
        if len(self.stack) == 1:
            r.fail("this ) closes nothing", r.at, "write \\) for a parenthesis")
        r.at += 1
        done = self.stack.pop()
        r.flags = done.flags
        self.stack[-1].push(done.close())

    def _open(self) -> None:
        r, start = self.r, self.r.at
        if not r.rest("(?"):
            r.at += 1
            self._push(start)
            return
        for sign, look in (("(?=", (True, False)), ("(?!", (True, True)), ("(?<=", (False, False)), ("(?<!", (False, True))):
            if r.take(sign):
                self._push(start, look)
                return
        if r.take("(?:"):
            self._push(start)
        elif r.take("(?P<" if self.python else "(?<"):
            self._name(start)
            self._push(start)
        elif self.python and r.take("(?#"):
            end = r.text.find(")", r.at)
            if end < 0:
                r.fail("this comment is never closed", start)
            r.at = end + 1
        elif r.rest("(?>"):
            r.refuse("an atomic group depends on the order of matching", start, "write (?:...): more texts match, in every order")
        elif r.rest("(?P=") or r.rest("(?P>") or r.rest("(?R") or r.rest("(?&"):
            r.refuse("a reference to a group makes the language irregular", start, "write the alternatives out")
        elif r.rest("(?("):
            r.refuse("a conditional group depends on what another group matched", start, "write the alternatives out")
        else:
            self._inline(start)

    def _name(self, start: int) -> None:
        r = self.r
        found = _NAME.match(r.text, r.at)
        if found is None or r.text[found.end() : found.end() + 1] != ">":
            r.fail(
                "the name of this group is not an identifier followed by >",
                start,
                "for example " + ("(?P<year>" if self.python else "(?<year>"),
            )
        if found.group() in self.names:
            r.fail(f"there are two groups named {found.group()!r}", start)
        self.names.add(found.group())
        r.at = found.end() + 1

    def _inline(self, start: int) -> None:
        """`(?i)` at the start of the pattern, or `(?i-s:...)`. ECMA-262 has i, m, s (2025); a leading `(?i)` is let through there too."""
        r = self.r
        found = _INLINE.match(r.text, start)
        allowed = "aimsux" if self.python else "ims"
        if found is None or not set(found[1]) <= set(allowed) or not (found[1] or found[2]):
            hint = "groups begin with ( (?: (?= (?! (?<= (?<! or " + ("(?P<name>" if self.python else "(?<name>")
            r.fail(f"unknown extension {r.text[start : start + 4]!r}", start, hint)
        on, off, end = found[1], found[2] or "", found[3]
        if set(on) & set(off) or {"a", "u"} <= set(on):
            r.fail("these flags contradict each other", start)
        r.at = found.end()
        flags = r.flags.set(on, True).set(off, False)
        if end == ":":
            if self.python and set(on) & set("au") and len(set(on) & set("au")) > 1:
                r.fail("these flags contradict each other", start)
            self._push(start, flags=flags)
        elif len(self.stack) > 1 or self.stack[0].items or self.stack[0].branches or off:
            r.fail("flags for the whole pattern stand at its start", start, f"write {found[0][:-1]}:...) for a part")
        else:
            r.flags = flags
