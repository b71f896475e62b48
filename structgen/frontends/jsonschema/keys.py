"""The keys of an object: declared names, each with its own goal, and classes of other keys.

A class holds all keys that match exactly the same patterns and are no declared names. Whether an object shape has a value at all is
decided here,
too, because it is a question of keys: which must be there, how many there may be, which obligations they meet.

Not here: texts (`objects`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from structgen.errors import BudgetExceeded
from structgen.frontends.jsonschema.node import FALSE, TRUE, Goal, join
from structgen.frontends.jsonschema.shapes import Obj
from structgen.frontends.jsonschema.strings import atom_dfa, has_string, matches, shape_dfa
from structgen.ir.regular import CharDFA

if TYPE_CHECKING:
    from structgen.frontends.jsonschema.algebra import Algebra

MAX_PATTERNS: Final = 12
"""The most different patterns of property names in one object: they cut the keys into up to 2**n classes."""


class Member(NamedTuple):
    """A declared property. `covers`: the obligations that its presence meets, as bits."""

    name: str
    goal: Goal
    required: bool
    covers: int


class Others(NamedTuple):
    """A class of other keys: `dfa` without the declared names `taken` (None: all strings); `most`: how many there are (None: no bound)."""

    dfa: CharDFA | None
    taken: tuple[str, ...]
    goal: Goal
    covers: int
    most: int | None


class Plan(NamedTuple):
    """An object shape with its keys worked out. `possible` is False where a required name is not allowed as a key."""

    members: list[Member]
    others: list[Others]
    possible: bool


def plan(shape: Obj, algebra: Algebra) -> Plan:
    """The keys of a shape: declared names in order, classes of others."""
    names: dict[str, None] = {}
    for layer in shape.layers:
        names.update(dict.fromkeys(layer.properties))
    names.update(dict.fromkeys(shape.required))
    required = frozenset(shape.required)
    keys = None if shape.names == TRUE else algebra.form(shape.names).string
    members: list[Member] = []
    single = shape.layers[0] if len(shape.layers) == 1 and not shape.layers[0].patterns else None
    for name in names:
        goal = shape.goal(name) if single is None else single.properties.get(name, single.rest)
        if keys is not None and not any(has_string(one, name) for one in keys):
            goal = FALSE
        if goal != FALSE:
            members.append(Member(name, goal, name in required, _covers(shape, name, algebra) if shape.some else 0))
        elif name in required:
            return Plan(members, [], False)
    return Plan(members, _others(shape, tuple(names), algebra), True)


def _covers(shape: Obj, name: str, algebra: Algebra) -> int:
    covers = 0
    for bit, one in enumerate(shape.some):
        if one.layer is not None:
            met = not one.layer.declares(name)
        elif one.pattern is not None:
            met = matches(one.pattern, name)
        else:
            met = any(has_string(string, name) for string in algebra.form(one.names).string)
        covers |= met << bit
    return covers


def _others(shape: Obj, names: tuple[str, ...], algebra: Algebra) -> list[Others]:
    """The classes of keys that are no declared names."""
    patterns = list(dict.fromkeys(pattern for layer in shape.layers for pattern, _ in layer.patterns))
    patterns += [one.pattern for one in shape.some if one.pattern is not None and one.pattern not in patterns]
    patterns += [p for one in shape.some if one.layer is not None for p, _ in one.layer.patterns if p not in patterns]
    if shape.names == TRUE and not patterns and all(one.names == TRUE for one in shape.some):
        goal = TRUE
        for layer in shape.layers:
            goal = join(goal, layer.rest)
        return [] if goal == FALSE else [Others(None, names, goal, _covers_class(shape, frozenset(), {}), None)]
    if len(patterns) > MAX_PATTERNS:
        raise BudgetExceeded(f"more than {MAX_PATTERNS} patterns of property names in one object")
    named = {one.names: _names_dfa(one.names, algebra) for one in shape.some if one.names != TRUE}
    whole = CharDFA.any() if shape.names == TRUE else _names_dfa(shape.names, algebra)
    classes: list[tuple[CharDFA, frozenset[object]]] = [(whole, frozenset())]
    cuts: list[tuple[object, CharDFA]] = [(pattern, atom_dfa(("pattern", pattern))) for pattern in patterns]
    for key, dfa in (*cuts, *named.items()):
        halves = [(one & dfa, hits | {key}) for one, hits in classes] + [(one - dfa, hits) for one, hits in classes]
        classes = [(one, hits) for one, hits in halves if not one.is_empty]
    found: list[Others] = []
    for dfa, hits in classes:
        goal = TRUE
        for layer in shape.layers:
            own = [one for pattern, one in layer.patterns if pattern in hits]
            for one in own or [layer.rest]:
                goal = join(goal, one)
        taken = tuple([name for name in names if dfa.matches(name)])
        left = dfa if dfa.is_universal or not taken else dfa - CharDFA.of_strings(taken)
        if goal != FALSE and not left.is_empty:
            free = dfa.is_universal
            found.append(Others(None if free else left, taken if free else (), goal, _covers_class(shape, hits, named), left.count()))
    return found


def _covers_class(shape: Obj, hits: frozenset[object], named: dict[Goal, CharDFA]) -> int:
    covers = 0
    for bit, one in enumerate(shape.some):
        if one.layer is not None:
            met = not any(pattern in hits for pattern, _ in one.layer.patterns)
        else:
            met = (one.pattern if one.pattern is not None else one.names) in hits
        covers |= met << bit
    return covers


def _names_dfa(goal: Goal, algebra: Algebra) -> CharDFA:
    found = CharDFA.empty()
    for one in algebra.form(goal).string:
        found |= shape_dfa(one)
    return found


# ---- is there any ----


def need(shape: Obj, algebra: Algebra) -> tuple[Callable[[Callable[[Goal], bool]], bool], Sequence[Goal]]:
    """Whether some object satisfies the shape, as a test of the goals that it names."""
    if shape.names == TRUE and not shape.some and shape.low <= len(shape.required):
        goals = list(dict.fromkeys(shape.goal(name) for name in shape.required))
        return (lambda live: all(live(goal) for goal in goals)), goals
    keys = plan(shape, algebra)
    goals = list(dict.fromkeys([*(one.goal for one in keys.members), *(one.goal for one in keys.others)]))
    return (lambda live: keys.possible and _feasible(shape, keys, live)), goals if keys.possible else []


def _feasible(shape: Obj, keys: Plan, live: Callable[[Goal], bool]) -> bool:
    if not all(live(one.goal) for one in keys.members if one.required):
        return False
    members = [one for one in keys.members if one.required or live(one.goal)]
    return can_finish(members, [one for one in keys.others if live(one.goal)], (1 << len(shape.some)) - 1, shape.low, shape.high)


def can_finish(members: Sequence[Member], classes: Sequence[Others], duties: int, low: int, high: int | None) -> bool:
    """True where some choice of further members, all of which have values, meets the duties and makes `low` to `high` of them."""
    there = sum(one.required for one in members)
    most = None if any(one.most is None for one in classes) else sum(one.most or 0 for one in classes)
    if (most is not None and len(members) + most < low) or (high is not None and there > high):
        return False
    for one in members:
        if one.required:
            duties &= ~one.covers
    fewest = {duties: 0}  # duties left -> the fewest further members that leave them
    for cover in dict.fromkeys([*(one.covers for one in members if not one.required), *(one.covers for one in classes)]):
        for left, count in list(fewest.items()):
            after = left & ~cover
            fewest[after] = min(fewest.get(after, count + 1), count + 1)
    return 0 in fewest and (high is None or there + fewest[0] <= high)
