"""Is a given text a regular expression of ECMA-262 with the flag `u`? The syntax of ES2025 with its early errors, read from left to right.

The parser of this library (`frontends.regex`) is more lenient, as patterns in schemas are often written for other dialects.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from structgen.errors import GrammarError, StructgenError
from structgen.frontends.regex.parse import parse

_POINT: Final = r"0*(?:[0-9A-Fa-f]{1,5}|10[0-9A-Fa-f]{4})"
_PLAIN_ESCAPE: Final = (
    rf"\\(?:(?P<control>[fnrtv]|c[A-Za-z]|0(?![0-9]))|x(?P<x>[0-9A-Fa-f]{{2}})|u(?P<u>[0-9A-Fa-f]{{4}})|u\{{(?P<point>{_POINT})\}}"
)
_ESCAPE: Final = re.compile(rf"{_PLAIN_ESCAPE}|(?P<set>[dDsSwW]|[pP]\{{[A-Za-z0-9_=]+\}})|(?P<self>[\^$\\.*+?()\[\]{{}}|/]))")
_CLASS_ESCAPE: Final = re.compile(rf"{_PLAIN_ESCAPE}|(?P<set>[dDsSwW]|[pP]\{{[A-Za-z0-9_=]+\}})|(?P<self>[\^$\\.*+?()\[\]{{}}|/b\-]))")
_COUNT: Final = re.compile(r"\{([0-9]+)(?:(,)([0-9]*))?\}")
_GROUP: Final = re.compile(r"\((?:(\?<?[=!])|\?<([^<>]*)>|\?(?:([ims]*)(?:-([ims]*))?)?:|(?!\?))")
_REFERENCE: Final = re.compile(r"\\(?:k<([^<>]*)>|([1-9][0-9]*))")
_CONTROL: Final = {"f": 12, "n": 10, "r": 13, "t": 9, "v": 11, "0": 0}


class _Bad(GrammarError):
    """The text is no regular expression."""


@lru_cache(maxsize=256)
def is_regex(text: str) -> bool | None:
    """Whether a text is a regular expression; None where that depends on a property that is not known here."""
    try:
        return _Reader(text).read()
    except _Bad:
        return False


class _Reader:
    """One pass over the text."""

    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0
        self.known = True
        self.groups = 0
        self.names: list[tuple[str, tuple[tuple[int, int], ...]]] = []  # with the open groups, and the alternative of each
        self.wanted: list[str | int] = []
        self.path: list[tuple[int, int]] = [(0, 0)]

    def read(self) -> bool | None:
        text, opened = self.text, []
        free = False  # whether a quantifier may stand here
        while self.at < len(text):
            char = text[self.at]
            if char in "*+?{":
                if not free:
                    raise _Bad("nothing to repeat")
                self._quantifier()
                free = False
            elif char == "(":
                opened.append(self._group())
                self.path.append((self.at, 0))
                free = False
            elif char == ")":
                if not opened:
                    raise _Bad("unbalanced")
                free = opened.pop()
                self.path.pop()
                self.at += 1
            elif char == "|":
                self.path[-1] = (self.path[-1][0], self.at)
                free = False
                self.at += 1
            else:
                free = self._term(char)
        if opened:
            raise _Bad("unbalanced")
        self._references()
        return True if self.known else None

    def _term(self, char: str) -> bool:
        if char in "^$":
            self.at += 1
            return False
        if char == "[":
            self._class()
        elif char == "\\":
            if self.text[self.at + 1 : self.at + 2] in ("b", "B"):
                self.at += 2
                return False
            reference = _REFERENCE.match(self.text, self.at)
            if reference is not None:
                self.wanted.append(int(reference[2]) if reference[2] else reference[1])
                self.at = reference.end()
            else:
                self._escape(_ESCAPE)
        elif char in "]}":
            raise _Bad("unbalanced")
        else:
            self.at += 1
        return True

    def _quantifier(self) -> None:
        if self.text[self.at] == "{":
            count = _COUNT.match(self.text, self.at)
            if count is None or (count[3] and int(count[1]) > int(count[3])):
                raise _Bad("counts")
            self.at = count.end()
        else:
            self.at += 1
        self.at += self.text[self.at : self.at + 1] == "?"

    def _group(self) -> bool:
        """True where the group may be repeated."""
        found = _GROUP.match(self.text, self.at)
        if found is None:
            raise _Bad("group")
        look, name, on, off = found.groups()
        if name is not None:
            if "\\" in name:
                self.known = False
            elif not (name[:1] in ("$", "_") or name[:1].isidentifier()) or not ("a" + name.replace("$", "")).isidentifier():
                raise _Bad("name")
            self.names.append((name, tuple(self.path)))
        flags = (on or "") + (off or "")
        if len(set(flags)) < len(flags) or (off == "" and not on):
            raise _Bad("flags")
        self.groups += look is None and (name is not None or found[0] == "(")
        self.at = found.end()
        return look is None

    def _escape(self, kind: re.Pattern[str]) -> int | None:
        """The code point that an escape stands for; None for a set."""
        found = kind.match(self.text, self.at)
        if found is None:
            raise _Bad("escape")
        self.at = found.end()
        if found["set"]:
            self._property(found["set"])
            return None
        if found["self"]:
            return 8 if found["self"] == "b" else ord(found["self"])
        if found["control"]:
            return _CONTROL.get(found["control"], ord(found["control"][-1]) % 32)
        code = int(found["x"] or found["u"] or found["point"], 16)
        if found["u"] and 0xD800 <= code < 0xDC00:
            low = re.compile(r"\\u([Dd][C-Fc-f][0-9A-Fa-f]{2})").match(self.text, self.at)
            if low is not None:
                self.at = low.end()
                return 0x10000 + (code - 0xD800) * 0x400 + int(low[1], 16) - 0xDC00
        return code

    def _property(self, text: str) -> None:
        if text[0] in "pP":
            try:
                parse("\\" + text, "ecma")
            except StructgenError:
                self.known = False  # misspelt, or not known to this Python

    def _class(self) -> None:
        text = self.text
        self.at += 1 + (text[self.at + 1 : self.at + 2] == "^")
        while text[self.at : self.at + 1] != "]":
            low = self._class_atom()
            if text[self.at : self.at + 1] == "-" and text[self.at + 1 : self.at + 2] not in ("]", ""):
                self.at += 1
                high = self._class_atom()
                if low is None or high is None or low > high:
                    raise _Bad("range")
        self.at += 1

    def _class_atom(self) -> int | None:
        char = self.text[self.at : self.at + 1]
        if not char:
            raise _Bad("unbalanced")
        if char == "\\":
            return self._escape(_CLASS_ESCAPE)
        self.at += 1
        return ord(char)

    def _references(self) -> None:
        names = [name for name, _ in self.names]
        for i, (name, path) in enumerate(self.names):
            for other, place in self.names[:i]:
                if name == other and not _exclusive(path, place):
                    raise _Bad("names")
        if any((one > self.groups) if isinstance(one, int) else one not in names for one in self.wanted):
            raise _Bad("reference")


def _exclusive(first: tuple[tuple[int, int], ...], second: tuple[tuple[int, int], ...]) -> bool:
    """True for places in different alternatives of one group."""
    for (group, way), (other, way_there) in zip(first, second, strict=False):
        if group != other or way != way_there:
            return group == other
    return False
