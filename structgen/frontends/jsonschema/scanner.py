"""An incremental JSON scanner: text in pieces, values out as they close.

    scanner.feed('{"name": "Al')       -> []
    scanner.feed('ice", "tags": ["a')  -> [Closed(("name",), "Alice")]
    scanner.feed('"]}')                -> [Closed(("tags", 0), "a"), Closed(("tags",), ["a"]), Closed((), {...})]

It trusts the grammar for well-formedness: on a text that is not JSON it stops reporting and never raises. Not here: validation, types.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from structgen.ir.language import Closed, Path


@dataclass(slots=True)
class _Open:
    """A container that is still open. `key` is the next member's name in an object, where known."""

    value: dict[str, Any] | list[Any]
    key: str | None = None


@dataclass(slots=True)
class JsonScanner:
    """Reads one JSON text in time linear in its length (and in the depth of what it reports)."""

    _stack: list[_Open] = field(default_factory=list)
    _atom: list[str] = field(default_factory=list)  # the characters of an open string, number or word
    _in_string: bool = False
    _escaped: bool = False
    _over: bool = False  # the root has closed, or the text is no JSON

    def feed(self, text: str) -> list[Closed]:
        """The values that close within `text`, inner ones first."""
        closed: list[Closed] = []
        for char in text:
            if self._over:
                break
            if self._in_string:
                self._string(char, closed)
            else:
                self._outside(char, closed)
        return closed

    def finish(self) -> list[Closed]:
        """What the end of the text closes: a number or word that is the whole text."""
        closed: list[Closed] = []
        if not self._over and not self._in_string:
            self._flush(closed)
        return closed

    def _string(self, char: str, closed: list[Closed]) -> None:
        self._atom.append(char)
        if self._escaped:
            self._escaped = False
        elif char == "\\":
            self._escaped = True
        elif char == '"':
            self._in_string = False
            top = self._stack[-1] if self._stack else None
            if top is not None and isinstance(top.value, dict) and top.key is None:
                value = self._take()
                top.key = value if isinstance(value, str) else None
            else:
                self._flush(closed)

    def _outside(self, char: str, closed: list[Closed]) -> None:
        if char == '"':
            self._flush(closed)
            self._atom.append(char)
            self._in_string = True
        elif char in "{[":
            self._stack.append(_Open({} if char == "{" else []))
        elif char in "}]":
            self._flush(closed)
            if self._over or not self._stack or isinstance(self._stack[-1].value, dict) != (char == "}"):
                self._over = True
                return
            self._close(self._stack.pop().value, closed)
        elif char in ",: \t\n\r":
            self._flush(closed)
        else:
            self._atom.append(char)

    def _flush(self, closed: list[Closed]) -> None:
        if self._atom:
            value = self._take()
            if not self._over:
                self._close(value, closed)

    def _take(self) -> Any:
        """The value of the atom that just ended."""
        text = "".join(self._atom)
        self._atom.clear()
        try:
            return json.loads(text)
        except ValueError:  # not JSON, or a number with more digits than Python converts
            self._over = True
            return None

    def _close(self, value: Any, closed: list[Closed]) -> None:
        """Hang `value` into the container around it, and report it."""
        if self._stack:
            top = self._stack[-1]
            if isinstance(top.value, list):
                top.value.append(value)
            elif top.key is None:
                self._over = True
                return
            else:
                top.value[top.key] = value
        closed.append(Closed(self._path(), value))
        if not self._stack:
            self._over = True
        elif isinstance(self._stack[-1].value, dict):
            self._stack[-1].key = None

    def _path(self) -> Path:
        return tuple(
            o.key if isinstance(o.value, dict) and o.key is not None else len(o.value) - (o is self._stack[-1]) for o in self._stack
        )
