"""Reads single characters of a pattern: escapes, bracketed classes, and what the flags make of them.

A `Reader` walks over the pattern. It knows the two notations, `"python"` (the `re` module, texts of `str`) and `"ecma"` (ECMA-262 with the
u flag, lenient as browsers are about lone brackets and braces), and raises RegexError or UnsupportedFeature at the place in question.

Not here: groups, quantifiers and alternation (`parse.py`).
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, replace
from typing import Final, Literal, NoReturn

from structgen.errors import Place, RegexError, UnsupportedFeature
from structgen.frontends.regex import unicode as uni
from structgen.ir import chars as cs
from structgen.ir.chars import CharSet

Syntax = Literal["python", "ecma"]

_CONTROL: Final = {"t": 9, "n": 10, "v": 11, "f": 12, "r": 13}
_HEX: Final = frozenset("0123456789abcdefABCDEF")
_OCTAL: Final = frozenset("01234567")


@dataclass(frozen=True, slots=True)
class Flags:
    """The switches of a pattern, as the letters of Python's inline flags."""

    i: bool = False
    m: bool = False
    s: bool = False
    x: bool = False
    a: bool = False

    def set(self, letters: str, value: bool) -> Flags:
        """These flags with the letters switched; `u` undoes `a`."""
        changes = {letter: value for letter in letters if letter in "imsxa"}
        if "u" in letters:
            changes["a"] = False
        return replace(self, **changes)


class Reader:
    """A place in a pattern, and the characters that are read there."""

    def __init__(self, text: str, syntax: Syntax) -> None:
        self.text, self.syntax, self.at, self.flags = text, syntax, 0, Flags()

    # ---- walking ----

    def rest(self, prefix: str) -> bool:
        """Whether the pattern goes on with `prefix`."""
        return self.text.startswith(prefix, self.at)

    def take(self, prefix: str) -> bool:
        """Steps over `prefix` if the pattern goes on with it."""
        if self.rest(prefix):
            self.at += len(prefix)
            return True
        return False

    def peek(self) -> str:
        """The next character, or "" at the end."""
        return self.text[self.at : self.at + 1]

    def run(self, allowed: frozenset[str], most: int) -> str:
        """Takes up to `most` characters out of `allowed`."""
        end = self.at
        while end < len(self.text) and end - self.at < most and self.text[end] in allowed:
            end += 1
        taken, self.at = self.text[self.at : end], end
        return taken

    def fail(self, why: str, at: int, hint: str | None = None) -> NoReturn:
        """Raises RegexError at an offset."""
        raise RegexError(why, where=Place(self.text, min(at, len(self.text))), hint=hint)

    def refuse(self, why: str, at: int, hint: str | None = None) -> NoReturn:
        """Raises UnsupportedFeature at an offset."""
        raise UnsupportedFeature(why, where=Place(self.text, at), hint=hint)

    # ---- characters under the flags ----

    def cased(self, chars: CharSet) -> CharSet:
        """The set, or all that matches it when case is ignored."""
        if not self.flags.i:
            return chars
        return uni.fold_case(chars) if self.syntax == "ecma" else uni.ignore_case(chars, ascii_only=self.flags.a)

    def as_set(self, item: int | CharSet) -> CharSet:
        """What a single character or a shorthand such as `\\d` matches; shorthands have no case."""
        return self.cased(cs.normal([(item, item)])) if isinstance(item, int) else item

    def dot(self) -> CharSet:
        """What `.` matches."""
        if self.flags.s:
            return cs.ANY
        return cs.negate(uni.ECMA_LINE_ENDS if self.syntax == "ecma" else ((10, 10),))

    def word(self) -> CharSet:
        """What `\\w` matches, which is also what makes a word boundary."""
        return uni.ASCII_WORD if self.syntax == "ecma" or self.flags.a else uni.word()

    def _shorthand(self, letter: str) -> CharSet:
        ascii_only = self.syntax == "ecma" or self.flags.a
        kind = letter.lower()
        if kind == "w":
            chars = self.word()
        elif kind == "d":
            chars = uni.ASCII_DIGIT if ascii_only else uni.digit()
        elif self.syntax == "ecma":
            chars = uni.ECMA_SPACE
        else:
            chars = uni.ASCII_SPACE if ascii_only else uni.space()
        return cs.negate(chars) if letter.isupper() else chars

    # ---- escapes ----

    def escape(self, inside: bool) -> int | CharSet:
        """Reads an escape (the backslash is next): a code point, or a set of characters for `\\d` and its like.

        `inside` a class `\\b` is the backspace. Anchors and back-references outside are the caller's.
        """
        start = self.at
        self.at += 1
        letter = self.peek()
        if not letter:
            self.fail("a backslash at the end escapes nothing", start, "write \\\\ for a backslash")
        self.at += 1
        if letter in "dDwWsS":
            return self._shorthand(letter)
        if letter in "pP":
            return self._property(start, negated=letter == "P")
        if letter in _CONTROL:
            return _CONTROL[letter]
        if letter == "x":
            return self._hex(start, 2)
        if letter == "u":
            return self._utf16(start) if self.syntax == "ecma" else self._hex(start, 4)
        if inside and letter == "b":
            return 8
        return self._python_escape(start, letter, inside) if self.syntax == "python" else self._ecma_escape(start, letter, inside)

    def _hex(self, start: int, digits: int) -> int:
        taken = self.run(_HEX, digits)
        if len(taken) < digits:
            self.fail(f"\\{self.text[start + 1]} needs {digits} hexadecimal digits", start)
        code = int(taken, 16)
        if code > cs.LAST:
            self.fail(f"U+{code:X} is beyond the last code point, U+10FFFF", start)
        return code

    def _utf16(self, start: int) -> int:
        """`\\uHHHH`, a surrogate pair of them, or `\\u{H...}`."""
        if self.take("{"):
            taken = self.run(_HEX, 12)
            if not taken or not self.take("}"):
                self.fail("\\u{ needs hexadecimal digits and }", start)
            code = int(taken, 16)
            if code > cs.LAST:
                self.fail(f"U+{code:X} is beyond the last code point, U+10FFFF", start)
            return code
        code = self._hex(start, 4)
        if 0xD800 <= code <= 0xDBFF and self.rest("\\u"):
            here = self.at
            self.at += 2
            low = self.run(_HEX, 4)
            if len(low) == 4 and 0xDC00 <= int(low, 16) <= 0xDFFF:
                return 0x10000 + ((code - 0xD800) << 10) + int(low, 16) - 0xDC00
            self.at = here
        return code

    def _property(self, start: int, *, negated: bool) -> CharSet:
        end = self.text.find("}", self.at)
        if not self.rest("{") or end < 0:
            self.fail(f"\\{self.text[start + 1]} needs a property in braces", start, "for example \\p{L} or \\p{Lu}")
        name = self.text[self.at + 1 : end]
        self.at = end + 1
        inverse = name.startswith("^") and self.syntax == "python"
        chars = uni.property_set(name.removeprefix("^") if inverse else name)
        if chars is None:
            hint = "general categories (L, Lu, Decimal_Number, gc=Sc, ...) and a few binary properties are known; or list the ranges"
            self.refuse(f"the Unicode property {name!r} is not known exactly", start, hint)
        chars = self.cased(chars)
        return cs.negate(chars) if negated != inverse else chars

    def _python_escape(self, start: int, letter: str, inside: bool) -> int:
        if letter == "a":
            return 7
        if letter == "U":
            return self._hex(start, 8)
        if letter == "N":
            end = self.text.find("}", self.at)
            if not self.rest("{") or end < 0:
                self.fail("\\N needs a character name in braces", start)
            try:
                code = ord(unicodedata.lookup(self.text[self.at + 1 : end]))
            except (KeyError, TypeError):
                self.fail(f"there is no character named {self.text[self.at + 1 : end]!r}", start)
            self.at = end + 1
            return code
        if letter in "0123456789":
            return self._octal(start, letter, inside)
        if letter.isascii() and letter.isalpha():
            self.fail(f"\\{letter} is no escape of Python's re", start, _ESCAPE_HINTS.get(letter))
        return ord(letter)

    def _octal(self, start: int, letter: str, inside: bool) -> int:
        self.at -= 1
        digits = self.run(_OCTAL, 3)
        if not (letter == "0" or inside or len(digits) == 3):
            self._back_reference(start)
        if not digits:
            self.fail(f"\\{letter} is no escape inside a class", start)
        if int(digits, 8) > 0o377:
            self.fail(f"the octal escape \\{digits} is beyond \\377", start)
        return int(digits, 8)

    def _ecma_escape(self, start: int, letter: str, inside: bool) -> int:
        if letter == "c":
            control = self.peek()
            if not (control.isascii() and control.isalpha()):
                self.fail("\\c needs a letter", start, "for example \\cJ; write \\\\c for a backslash and c")
            self.at += 1
            return ord(control) % 32
        if letter == "0":
            if self.peek() and self.peek() in "0123456789":
                self.fail("octal escapes are not part of ECMA-262 with the u flag", start, "write \\xHH")
            return 0
        if letter in "123456789":
            if inside:
                self.fail(f"\\{letter} is no escape inside a class", start, "write \\xHH")
            self._back_reference(start)
        if letter == "k" and self.rest("<"):
            self._back_reference(start)
        if letter.isascii() and letter.isalpha():
            self.fail(f"\\{letter} is no escape of ECMA-262", start, _ESCAPE_HINTS.get(letter))
        return ord(letter)

    def _back_reference(self, start: int) -> NoReturn:
        self.refuse(
            "a back-reference makes the language irregular",
            start,
            "write the alternatives out, or use a grammar that binds what was matched",
        )

    # ---- classes ----

    def bracket(self) -> CharSet:
        """Reads a bracketed class (the `[` is next)."""
        start = self.at
        self.at += 1
        negated = self.take("^")
        python = self.syntax == "python"
        parts: list[CharSet] = []
        first = True
        while True:
            if not self.peek():
                self.fail("this [ is never closed", start, "write \\[ for a bracket")
            if self.peek() == "]" and not (first and python):
                self.at += 1
                break
            first = False
            parts.extend(self._class_item())
        chars = cs.union(*parts)
        return cs.negate(chars) if negated else chars

    def _class_atom(self) -> int | CharSet:
        if self.peek() == "\\":
            return self.escape(inside=True)
        code = ord(self.peek())
        self.at += 1
        return code

    def _class_item(self) -> list[CharSet]:
        """One character, one escape, or a range of a class."""
        start = self.at
        low = self._class_atom()
        if not self.rest("-") or self.text[self.at + 1 : self.at + 2] in ("]", ""):
            return [self.as_set(low)]
        self.at += 1
        high = self._class_atom()
        if isinstance(low, int) and isinstance(high, int):
            if low > high:
                self.fail(
                    f"the range {self.text[start : self.at]!r} runs backwards", start, "put the smaller character first, or write \\-"
                )
            return [self.cased(cs.normal([(low, high)]))]
        if self.syntax == "python":
            self.fail(f"{self.text[start : self.at]!r} is no range: an end is a class", start, "write \\- for a hyphen")
        return [self.as_set(low), ((45, 45),), self.as_set(high)]  # as browsers read [\w-.]


_ESCAPE_HINTS: Final = {
    "A": "write ^ for the start of the text",
    "Z": "write $ for the end of the text",
    "z": "write $ for the end of the text",
    "h": "write [ \\t] for blanks",
    "R": "write (?:\\r\\n|\\n|\\r) for a line end",
    "e": "write \\x1B for the escape character",
    "a": "write \\x07 for the bell",
    "Q": "escape each character by itself",
    "G": "anchors of repeated searches mean nothing here",
    "K": "match resets mean nothing here",
}
