"""Alternatives that another one covers: every object of theirs, in the order of keys that they give it, is one of the other's too.

Sets of branches (`evaluated`) often differ only in that one allows a few more optional properties. The test looks at the goals of each
name and of the rest as sets of literals, and not at what they mean; when in doubt, it says no.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from structgen.frontends.jsonschema.node import FALSE, Goal, join
from structgen.frontends.jsonschema.shapes import Layer, Obj

WIDEST: Final = 64
"""Alternatives are compared with so many, the widest."""


class View(NamedTuple):
    """An object shape, as far as the comparison looks: the allowed declared names in order (but those that are `loose`), the goal
    of the rest, layers with patterns."""

    shape: Obj
    names: dict[str, Goal]
    declared: frozenset[str]
    loose: frozenset[str]
    rest: Goal
    patterns: frozenset[Layer]
    other: Obj


def uncovered(shapes: Sequence[Obj]) -> tuple[Obj, ...]:
    """Without those that another one covers."""
    if len(shapes) < 2:
        return tuple(shapes)
    views = [_view(shape) for shape in shapes]
    kept: list[View] = []
    for view in sorted(views, key=lambda one: (-len(one.names), len(one.shape.required))):
        if not any(_covers(one, view) for one in kept[:WIDEST]):
            kept.append(view)
    left = {id(one.shape) for one in kept}
    return tuple([shape for shape in shapes if id(shape) in left])


def _view(shape: Obj) -> View:
    placed = [name for layer in shape.layers if not layer.loose for name in layer.properties]
    free = {name for layer in shape.layers if layer.loose for name in layer.properties}.difference(placed)
    declared = dict.fromkeys([*placed, *free, *shape.required])
    names = {name: goal for name in declared if (goal := shape.goal(name)) != FALSE}
    rest: Goal = ()
    for layer in shape.layers:
        if not layer.patterns:
            rest = join(rest, layer.rest)
    patterns = frozenset(layer for layer in shape.layers if layer.patterns)
    return View(shape, names, frozenset(declared), frozenset(free), rest, patterns, shape._replace(layers=(), required=(), some=()))


def _covers(wide: View, narrow: View) -> bool:
    if not narrow.names.keys() <= wide.names.keys() or not set(wide.shape.required) <= set(narrow.shape.required):
        return False
    if wide.other != narrow.other or not set(wide.shape.some) <= set(narrow.shape.some):
        return False
    if narrow.rest != FALSE and (
        narrow.declared != wide.declared or not wide.patterns <= narrow.patterns or not _weaker(wide.rest, narrow.rest)
    ):
        return False
    if not all(_weaker(wide.names[name], goal) for name, goal in narrow.names.items()):
        return False
    if not narrow.loose & narrow.names.keys() <= wide.loose:
        return False
    ordered = [name for name in narrow.names if name not in wide.loose]
    return [name for name in wide.names if name in narrow.names and name not in wide.loose] == ordered


def _weaker(wide: Goal, narrow: Goal) -> bool:
    return narrow == FALSE or (wide != FALSE and set(wide) <= set(narrow))
