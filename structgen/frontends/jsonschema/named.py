"""One of many names, and what follows each: a tree of rules over their beginnings, made where a text gets to.

A network has a few nodes for each name: 10^5 properties took 5 s before the first mask. Here that is one sort, and a mask makes the rules
of the beginnings that it meets.

Not here: which names may come, and what follows (`objects_states`).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from structgen.frontends.jsonschema.spell import string_part
from structgen.frontends.jsonschema.style import JsonStyle
from structgen.ir.expr import Expr, Lit, Rule, alt, seq

FEW: Final = 8
"""Up to so many names are alternatives."""

_QUOTE: Final = Lit(b'"')
_LAST: Final = chr(0x10FFFF)


def named_expr(names: Callable[[], Sequence[str]], then: Callable[[str], Expr], style: JsonStyle) -> Expr:
    """One of `names()`, which are sorted, in quotation marks, and what follows it. Nothing is held but the two functions."""
    return seq(_QUOTE, _Names(names, then, style).below(0, len(names()), 0))


class _Names:
    def __init__(self, names: Callable[[], Sequence[str]], then: Callable[[str], Expr], style: JsonStyle) -> None:
        self.names, self.then, self.style = names, then, style

    def below(self, start: int, end: int, size: int) -> Expr:
        """Names `start` to `end`, which have their first `size` characters in common, behind these characters."""
        names = self.names()
        if end - start <= FEW:
            return alt([seq(self.part(name[size:]), _QUOTE, self.then(name)) for name in names[start:end]])
        first, last = names[start], names[end - 1]
        common = first[: next(i for i in range(size, len(last)) if first[i : i + 1] != last[i])]
        parts: list[Expr] = []
        if first == common:
            parts.append(seq(_QUOTE, self.then(common)))
            start += 1
        while start < end:
            head = names[start][: len(common) + 1]
            after = bisect_right(names, head + _LAST, start, end)
            parts.append(seq(self.part(head[len(common) :]), Rule(partial(self.below, start, after, len(head)), "names")))
            start = after
        return seq(self.part(common[size:]), alt(parts))

    def part(self, text: str) -> Expr:
        return string_part(text, self.style) if text else seq()
