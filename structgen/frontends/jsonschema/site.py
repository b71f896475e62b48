"""A site: where a container stands, and what its parts may ask of their surroundings.

Not here: what the parts are (`arrays`, `objects`).
"""

from __future__ import annotations

from collections.abc import Callable
from threading import RLock
from typing import Literal, NamedTuple

from structgen.frontends.jsonschema.node import Goal
from structgen.frontends.jsonschema.style import JsonStyle
from structgen.ir.expr import Expr

Order = Literal["schema", "any"]


class Site(NamedTuple):
    """`depth`: how many containers are around; `live`: does a goal have values; `value`: the texts of a goal, inside the container;
    `lock`: held while any of this is asked."""

    style: JsonStyle
    depth: int
    order: Order
    live: Callable[[Goal], bool]
    value: Callable[[Goal], Expr]
    lock: RLock

    def frame(self, left: str, right: str) -> tuple[Expr, Expr, Expr, Expr]:
        """The opening bracket, the comma, the closing bracket, and the container without items, each with its whitespace."""
        opening, closing, empty = self.style.brackets(left, right, self.depth)
        return opening, self.style.item_gap(self.depth), closing, empty
