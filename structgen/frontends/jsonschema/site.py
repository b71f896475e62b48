"""A site: where a container stands, and what its parts may ask of their surroundings.

Not here: what the parts are (`arrays`, `objects`).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from threading import RLock
from typing import Literal, NamedTuple
from weakref import WeakValueDictionary

from structgen.frontends.jsonschema.node import Goal
from structgen.frontends.jsonschema.style import JsonStyle
from structgen.ir.expr import Expr, Rule

Order = Literal["schema", "any"]


class Rules:
    """The rules of a family, one for each key. They are forgotten with the last who refers to them."""

    def __init__(self, lock: RLock) -> None:
        self._lock = lock
        self._rules: WeakValueDictionary[object, Rule] = WeakValueDictionary()

    def __call__(self, name: str, key: object, make: Callable[[], Expr]) -> Rule:
        """The rule for a key, whose body `make` makes. It is called under the lock, by whichever thread comes first."""
        found = self._rules.get((name, key))
        if found is None:
            found = self._rules[(name, key)] = Rule(partial(self._made, make), name)
        return found

    def _made(self, make: Callable[[], Expr]) -> Expr:
        with self._lock:
            return make()


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
