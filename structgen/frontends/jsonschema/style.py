"""How JSON is spelled: whitespace, length of numbers, escapes. One small value, `JsonStyle`, decides all of it.

A value has many legal JSON texts. A style says which of them count, so that a model can neither run away (blanks or digits without end)
nor be blocked from a spelling that its users expect. Four are named:

    "default"    between tokens nothing, one space, or a line break and up to 20 blanks; numbers of up to 20 digits on either side of the
                 point and exponents of up to 3 digits; every escape in strings, but in keys and constants only of characters beyond
                 printable ASCII. Whatever `json.dumps` writes, with any of its options up to that depth, is in it.
    "compact"    no whitespace, no exponents, whole numbers without a point, only the escapes that JSON demands
    "indent=N"   exactly the layout of `json.dumps(value, indent=N)`; numbers and escapes as in "default"
    "any"        every legal spelling: whitespace without bound (also around the document), numbers of any length, every escape

Not here: what the spellings of a number or a string are (`numbers`, `spell`).

>>> JsonStyle.of("indent=4").indent, JsonStyle.of("compact").exponents, JsonStyle.of("any").digits
(4, 0, None)
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

from structgen.errors import OptionError
from structgen.ir.expr import EPSILON, Expr, Leaf, Lit
from structgen.ir.regular import CharDFA

MAX_BLANKS: Final = 20
"""How many spaces or tabs may follow a line break in the default style."""

MAX_INDENT: Final = 16

_ALLOWED: Final = 'a style is "default", "compact", "any", "indent=N" (N from 0 to 16), or a JsonStyle'


@dataclass(frozen=True, slots=True)
class JsonStyle:
    """Which spellings of a JSON value are allowed. Hashable; raises OptionError for impossible fields.

    whitespace: between tokens: "compact" none; "default" bounded; "any" all that JSON allows; "indent" the layout of `json.dumps`
    indent: blanks per level, for whitespace "indent"
    digits: the most digits before, and the most after the decimal point (None: no bound). A schema whose own bounds, constants or
        multiples need more gets more
    exponents: the most digits of an exponent; 0: no exponents; None: no bound. Where digits are bounded, numbers with bounds or multiples
        have exponents behind one digit before the point only, as printers write them
    escapes: "any" (every legal escape of every character) or "minimal" (only where JSON demands one, in the shortest form)
    constants: how the strings that a schema names (keys, `enum`, `const`) are escaped, under escapes "any": "any", or "plain": printable
        ASCII stands for itself, so that a model that would rather write another key cannot drift into `"\\u006e\\u0061me"`
    integers: "any" (`2`, `2.0` and, with exponents, `2e0` are all the integer 2) or "bare" (digits only)
    """

    whitespace: Literal["compact", "default", "any", "indent"] = "default"
    indent: int = 2
    digits: int | None = 20
    exponents: int | None = 3
    escapes: Literal["any", "minimal"] = "any"
    constants: Literal["any", "plain"] = "plain"
    integers: Literal["any", "bare"] = "any"

    def __post_init__(self) -> None:
        _one_of("whitespace", self.whitespace, ("compact", "default", "any", "indent"))
        _one_of("escapes", self.escapes, ("any", "minimal"))
        _one_of("constants", self.constants, ("any", "plain"))
        _one_of("integers", self.integers, ("any", "bare"))
        _count("indent", self.indent, 0, MAX_INDENT)
        if self.digits is not None:
            _count("digits", self.digits, 1, 1000)
        if self.exponents is not None:
            _count("exponents", self.exponents, 0, 9)

    @staticmethod
    def of(value: object) -> JsonStyle:
        """The style that `value` names: "default", "compact", "any", "indent", "indent=N", or a JsonStyle itself.

        Raises OptionError for anything else, listing what is allowed.
        """
        if isinstance(value, JsonStyle):
            return value
        if isinstance(value, str):
            found = _NAMED.get(value)
            if found is not None:
                return found
            name, _, number = value.partition("=")
            if name == "indent" and number.isascii() and number.isdigit() and int(number) <= MAX_INDENT:
                return JsonStyle("indent", int(number))
        raise OptionError(f"{value!r} is no JSON style", where="style", hint=_ALLOWED)

    def level(self, depth: int) -> int:
        """`depth` where the layout depends on it, else 0: the depth to use in the names of shared rules."""
        return depth if self.whitespace == "indent" else 0

    def item_gap(self, depth: int) -> Expr:
        """The comma between two items of a container at `depth`, with the whitespace before and after it."""
        return _comma(self, self.level(depth))

    def brackets(self, left: str, right: str, depth: int) -> tuple[Expr, Expr, Expr]:
        """The opening bracket of a container with items, its closing bracket, and the container without items, each with its whitespace."""
        return _brackets(self, left, right, self.level(depth))

    def colon(self) -> Expr:
        """The colon after a key, with the whitespace before and after it."""
        return _colon(self)

    def lead(self) -> Expr:
        """The whitespace before the document."""
        return ANY_BLANK if self.whitespace == "any" else EPSILON

    def trail(self) -> Expr:
        """The whitespace after the document."""
        return self.lead()


def _one_of(name: str, value: object, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise OptionError(f"{value!r} is no value of JsonStyle.{name}", where=name, hint=f"allowed are {', '.join(allowed)}")


def _count(name: str, value: object, low: int, high: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise OptionError(f"{value!r} is no value of JsonStyle.{name}", where=name, hint=f"a whole number from {low} to {high}")


def _bounded_blank() -> CharDFA:
    blanks = CharDFA.of_chars([(32, 32), (9, 9)]).repeat(0, MAX_BLANKS)
    return (CharDFA.of_strings(["\n", "\r\n"]) + blanks) | CharDFA.of_strings(["", " "])


ANY_BLANK: Final = Leaf(CharDFA.of_chars([(32, 32), (9, 10), (13, 13)]).repeat(0, None))
"""All whitespace that JSON allows."""

BOUNDED_BLANK: Final = Leaf(_bounded_blank())
"""Nothing, one space, or a line break and up to 20 blanks."""


_BLANKS: Final = {"any": ANY_BLANK.dfa, "default": BOUNDED_BLANK.dfa, "compact": CharDFA.epsilon()}


def _marks(*parts: str | CharDFA) -> Expr:
    """Punctuation with its whitespace. One leaf, so that all grammars share its states and token rows."""
    if all(isinstance(part, str) or part.is_epsilon for part in parts):
        return Lit("".join(part for part in parts if isinstance(part, str)).encode())
    dfa = CharDFA.epsilon()
    for part in parts:
        dfa = dfa + (CharDFA.of_string(part) if isinstance(part, str) else part)
    return Leaf(dfa)


@lru_cache(maxsize=1024)
def _brackets(style: JsonStyle, left: str, right: str, depth: int) -> tuple[Expr, Expr, Expr]:
    """The same objects at each call, so that rules and leaves are shared."""
    if style.whitespace == "indent":
        inner, outer = ("\n" + " " * (style.indent * d) for d in (depth + 1, depth))
        return _marks(left, inner), _marks(outer, right), _marks(left, right)
    blank = _BLANKS[style.whitespace]
    return _marks(left, blank), _marks(blank, right), _marks(left, blank, right)


@lru_cache(maxsize=1024)
def _comma(style: JsonStyle, depth: int) -> Expr:
    if style.whitespace == "indent":
        return _marks(",\n" + " " * (style.indent * (depth + 1)))
    blank = _BLANKS[style.whitespace]
    return _marks(blank, ",", blank)


@lru_cache(maxsize=64)
def _colon(style: JsonStyle) -> Expr:
    if style.whitespace == "indent":
        return _marks(": ")
    blank = _BLANKS[style.whitespace]
    return _marks(blank, ":", blank)


DEFAULT: Final = JsonStyle()
COMPACT: Final = JsonStyle("compact", exponents=0, escapes="minimal", integers="bare")
ANY: Final = JsonStyle("any", digits=None, exponents=None, constants="any")

_NAMED: Final = {"default": DEFAULT, "compact": COMPACT, "any": ANY, "indent": JsonStyle("indent")}
