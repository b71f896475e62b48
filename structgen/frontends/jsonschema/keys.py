"""The keys of an object: declared names, each with its own goal, and classes of other keys.

A class holds all keys that match exactly the same patterns and are no declared names. Keys are unique, so a finite class that is small is a
list of optional names. Obligations are met by a key, or by a key whose value satisfies something more: each member has *options*, pairs of
(what its value satisfies, which obligations that meets).

Whether an object shape has a value at all is decided here, too, because it is a question of keys: which must be there, how many there may
be, which obligations they meet.

Not here: texts (`objects`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from itertools import combinations
from typing import TYPE_CHECKING, Final, NamedTuple

from structgen.errors import BudgetExceeded
from structgen.frontends.jsonschema.constants import Constant
from structgen.frontends.jsonschema.node import FALSE, TRUE, Goal, join
from structgen.frontends.jsonschema.shapes import Obj, Some
from structgen.frontends.jsonschema.strings import Solved, counted, has_string, inner, is_roomy, language, matches, shape_dfa
from structgen.ir.regular import CharDFA
from structgen.ir.remaining import remaining
from structgen.ir.shortest import shortest

if TYPE_CHECKING:
    from structgen.frontends.jsonschema.algebra import Algebra

MAX_PATTERNS: Final = 64
"""The most different patterns of property names in one object. They cut the keys into up to 2**n classes, but there are mostly few."""

MAX_STATES: Final = 5_000
"""The most states of the automata of all classes of keys of an object."""

_HINT: Final = "Give the object fewer patterns; those with the same schema can be one: ^(a|b)."

FEW: Final = 4
"""Up to so many different values that constants have in one place, they are alternatives."""

MAX_WAYS: Final = 20_000
"""The most situations that are looked at to find out whether an object can still differ from some constants."""

LISTED: Final = 16
"""Classes of up to so many keys are lists of names."""

ENDLESS: Final = 1 << 40
"""So many keys are more than any object has."""

Live = Callable[[Goal], bool]
Apart = frozenset[Constant]
NONE: Final[Apart] = frozenset()
Class = tuple[CharDFA, frozenset[object]]
"""(strings, the patterns and goals that they match)."""

Option = tuple[Goal, int]
"""(what the value satisfies, the obligations that are met then, as bits)."""


class Member(NamedTuple):
    """A declared property. `covers`: the obligations that its presence meets, as bits; `more`: those (bit, goal) that it meets where its
    value satisfies the goal, too. `loose`: it has no place in schema order."""

    name: str
    goal: Goal
    required: bool
    covers: int
    more: tuple[tuple[int, Goal], ...] = ()
    loose: bool = False


class Others(NamedTuple):
    """A class of other keys: strings of `dfa` (None: all) with `low` to `high` characters, but for the declared names `taken`; `most`: how
    many there are (None: no bound, or none that matters)."""

    dfa: CharDFA | None
    taken: tuple[str, ...]
    goal: Goal
    covers: int
    most: int | None
    more: tuple[tuple[int, Goal], ...] = ()
    low: int = 0
    high: int | None = None

    @property
    def is_roomy(self) -> bool:
        """Whether behind every prefix of a key there are infinitely many, so that no finite set of keys makes a dead end."""
        return self.high is None and (self.dfa is None or is_roomy(self.dfa))

    def names(self, limit: int) -> list[str]:
        """Up to so many of the keys, all where there are fewer, declared ones among them."""
        return _names(CharDFA.any() if self.dfa is None else self.dfa, self.low, self.high, limit)


EVERY_KEY: Final = Others(None, (), TRUE, 0, None)
"""All keys, with any values."""


class Plan(NamedTuple):
    """An object shape with its keys worked out. `possible` is False where a required name is not allowed as a key."""

    members: list[Member]
    others: list[Others]
    possible: bool


def options(one: Member | Others, live: Live, duties: int) -> list[Option]:
    """The ways for a member to be there that have values, each meeting another set of the obligations `duties`."""
    if not one.more:  # mostly
        return [(one.goal, one.covers & duties)] if one.goal != FALSE and live(one.goal) else []
    more = [(bit, goal) for bit, goal in one.more if duties & bit]
    found: dict[int, Goal] = {}
    for size in range(len(more) + 1):
        for chosen in combinations(more, size):
            goal, covers = one.goal, one.covers & duties
            for bit, extra in chosen:
                goal, covers = join(goal, extra), covers | bit
            if covers not in found and goal != FALSE and live(goal):
                found[covers] = goal
    return [(goal, covers) for covers, goal in found.items()]


def ways(one: Member | Others, live: Live, duties: int, alive: Apart, algebra: Algebra) -> list[tuple[Goal, int, Apart]]:
    """The options, divided by which of the constants `alive` (all of which have the members so far, and no others) stay alive."""
    found: list[tuple[Goal, int, Apart]] = []
    groups = told(one, alive)
    for goal, covers in options(one, live, duties):
        if not groups:
            found.append((goal, covers, NONE))
            continue
        for value, group in groups.items():
            same = join(goal, algebra.among((value,)))
            if live(same):
                found.append((same, covers, group))
        other = join(goal, algebra.apart(groups))
        if live(other):
            found.append((other, covers, NONE))
    return found


def told(one: Member | Others, alive: Apart) -> dict[Constant, Apart]:
    """The constants of `alive` that have a member, by the value that it has there."""
    groups: dict[Constant, list[Constant]] = {}
    if alive and isinstance(one, Member):
        for constant in alive:
            members = members_of(constant)
            if one.name in members:
                groups.setdefault(members[one.name], []).append(constant)
    return {value: frozenset(group) for value, group in groups.items()}


@lru_cache(maxsize=4096)
def members_of(constant: Constant) -> dict[str, Constant]:
    """The members of a constant that is an object."""
    assert isinstance(constant, tuple)
    return dict(constant[1:])


def plan(shape: Obj, algebra: Algebra) -> Plan:
    """The keys of a shape: declared names in order, names without order, classes of others. Remembered: emptiness needs it, too."""
    found = algebra.plans.get(shape)
    if found is None:
        found = algebra.plans[shape] = _plan(shape, algebra)
    return found


def _plan(shape: Obj, algebra: Algebra) -> Plan:
    names: dict[str, None] = {}
    loose: dict[str, None] = {}
    for layer in shape.layers:
        (loose if layer.loose else names).update(dict.fromkeys(layer.properties))
    names.update(dict.fromkeys(name for name in shape.required if name not in loose))
    for constant in shape.apart:
        loose.update(dict.fromkeys(members_of(constant)))
    for some in shape.some:
        loose.update(dict.fromkeys(some.layer.properties if some.layer is not None else ()))
    for triggers, needed in shape.needs:
        loose.update(dict.fromkeys((*triggers, *needed)))
    for name in names if loose else ():
        loose.pop(name, None)
    required = frozenset(shape.required)
    keys = None if shape.names == TRUE else algebra.form(shape.names).string
    members: list[Member] = []
    single = shape.layers[0] if len(shape.layers) == 1 and not shape.layers[0].patterns else None
    for name in (*names, *loose) if loose else names:
        goal = shape.goal(name) if single is None else single.properties.get(name, single.rest)
        if keys is not None and not any(has_string(one, name) for one in keys):
            goal = FALSE
        if goal != FALSE:
            covers, more = _covers(shape.some, lambda one, name=name: meets(one, name, algebra)) if shape.some else (0, ())  # type: ignore[misc]
            members.append(Member(name, goal, name in required, covers, more, name in loose))
        elif name in required:
            return Plan(members, [], False)
    others: list[Others] = []
    for one in _others(shape, (*names, *loose), algebra):
        if one.most is None or one.most > LISTED or one.dfa is None:
            others.append(one)
        else:
            members += [Member(name, one.goal, False, one.covers, one.more, True) for name in one.names(one.most)]
    return Plan(members, others, True)


def are_roomy(classes: Sequence[Others]) -> bool:
    """Whether behind every prefix of a key of some class there are infinitely many of all classes together."""
    if any(one.high is not None for one in classes):
        return False
    if all(one.is_roomy for one in classes):
        return True
    whole = CharDFA.empty()
    try:
        for one in classes:
            whole |= CharDFA.any() if one.dfa is None else one.dfa
    except BudgetExceeded:
        return False
    return is_roomy(whole)


def is_open(shape: Obj, live: Live, algebra: Algebra) -> bool:
    """Whether one more member may always follow, of infinitely many."""
    if shape.high is not None or shape.some or shape.apart:
        return False
    return any(one.most is None and one.is_roomy and options(one, live, 0) for one in plan(shape, algebra).others)


def _covers(some: Sequence[Some], meets: Callable[[Some], bool]) -> tuple[int, tuple[tuple[int, Goal], ...]]:
    if not some:  # mostly
        return 0, ()
    covers = 0
    more: list[tuple[int, Goal]] = []
    for i, one in enumerate(some):
        if meets(one):
            if one.value == TRUE:
                covers |= 1 << i
            else:
                more.append((1 << i, one.value))
    return covers, tuple(more)


def meets(one: Some, name: str, algebra: Algebra) -> bool:
    """Whether a key is of those that an obligation speaks of."""
    if one.layer is not None:
        return not one.layer.declares(name)
    if one.pattern is not None:
        return matches(one.pattern, name)
    return one.names == TRUE or any(has_string(string, name) for string in algebra.form(one.names).string)


def _others(shape: Obj, names: tuple[str, ...], algebra: Algebra) -> list[Others]:
    """The classes of keys that are no declared names."""
    patterns = list(dict.fromkeys(pattern for layer in shape.layers for pattern, _ in layer.patterns))
    patterns += [one.pattern for one in shape.some if one.pattern is not None and one.pattern not in patterns]
    patterns += [p for one in shape.some if one.layer is not None for p, _ in one.layer.patterns if p not in patterns]
    if shape.names == TRUE and not patterns and all(one.names == TRUE for one in shape.some):
        goal = TRUE
        for layer in shape.layers:
            goal = join(goal, layer.rest)
        if goal == FALSE:
            return []
        covers, more = _covers(shape.some, lambda one: _met_by(one, frozenset()))
        return [Others(None, names, goal, covers, None, more)]
    named = {one.names: _names_dfa(one.names, algebra) for one in shape.some if one.names != TRUE}
    whole, low, high = (CharDFA.any(), 0, None) if shape.names == TRUE else _names_of(shape.names, algebra)
    classes: Sequence[Class] = classes_of(tuple(patterns))
    if not whole.is_universal:
        classes = [(one & whole, hits) for one, hits in classes]
    for key, dfa in named.items():
        classes = _cut(classes, key, dfa)
    found: list[Others] = []
    for dfa, hits in classes:
        goal = TRUE
        for layer in shape.layers:
            own = [one for pattern, one in layer.patterns if pattern in hits]
            for one in own or [layer.rest]:
                goal = join(goal, one)
        if goal == FALSE:
            continue
        taken = tuple([name for name in names if dfa.matches(name)])
        free = dfa.is_universal and not low and high is None
        left = counted(dfa if free or not taken else dfa - CharDFA.of_strings(taken), low, high)
        if not left.is_empty:
            covers, more = _covers(shape.some, lambda one, hits=hits: _met_by(one, hits))  # type: ignore[misc]
            found.append(Others(None if free else left.dfa, taken if free else (), goal, covers, _most(left), more, left.low, left.high))
    return found


@lru_cache(maxsize=256)
def classes_of(patterns: tuple[str, ...]) -> tuple[Class, ...]:
    """All strings, cut into those that match the same patterns. Raises BudgetExceeded."""
    if len(patterns) > MAX_PATTERNS:
        raise BudgetExceeded(f"more than {MAX_PATTERNS} patterns of property names in one object", hint=_HINT)
    classes: Sequence[Class] = [(CharDFA.any(), frozenset())]
    for pattern in patterns:
        classes = _cut(classes, pattern, inner(("pattern", pattern)))
    return tuple(classes)


def _cut(classes: Iterable[Class], key: object, dfa: CharDFA) -> list[Class]:
    """The classes divided by an automaton. Raises BudgetExceeded."""
    found: list[Class] = []
    for one, hits in classes:
        both = one & dfa
        if not both.is_empty:
            found.append((both, hits | {key}))
        if both != one:
            found.append((one - dfa, hits))
    if sum(len(one.rows) for one, _ in found) > MAX_STATES:
        raise BudgetExceeded("patterns of property names overlap in too many ways", hint=_HINT)
    return found


def _met_by(one: Some, hits: frozenset[object]) -> bool:
    """Whether the keys of a class that matches `hits` are of those that an obligation speaks of."""
    if one.layer is not None:
        return not any(pattern in hits for pattern, _ in one.layer.patterns)
    if one.pattern is not None:
        return one.pattern in hits
    return one.names == TRUE or one.names in hits


def _most(keys: Solved) -> int | None:
    """How many there are; None for more than any object has."""
    assert keys.dfa is not None
    if keys.high is None:
        return keys.dfa.count()
    found = remaining(keys.dfa, keys.low, keys.high).left(0, 0, ENDLESS)
    return found if found < ENDLESS else None


@lru_cache(maxsize=256)
def _names(dfa: CharDFA, low: int, high: int | None, limit: int) -> list[str]:
    if low == 0 and high is None:
        return dfa.strings(limit)
    return shortest(dfa.with_lengths(low), high).first(limit)


def _names_of(goal: Goal, algebra: Algebra) -> tuple[CharDFA, int, int | None]:
    """The strings of a goal: an automaton, and bounds on their lengths."""
    strings = algebra.form(goal).string
    if len(strings) == 1 and strings[0].values is None:
        return language(strings[0]) or CharDFA.any(), strings[0].low, strings[0].high
    return _names_dfa(goal, algebra), 0, None


def _names_dfa(goal: Goal, algebra: Algebra) -> CharDFA:
    found = CharDFA.empty()
    for one in algebra.form(goal).string:
        found |= shape_dfa(one)
    return found


# ---- is there any ----


def need(shape: Obj, algebra: Algebra) -> Callable[[Live], bool]:
    """Whether some object satisfies the shape, as a test of the goals that have values."""
    if shape.names == TRUE and not shape.some and not shape.apart and shape.low <= len(shape.required):
        goals = [*dict.fromkeys([shape.goal(name) for name in shape.required])]
        return lambda live: all(map(live, goals))
    keys = plan(shape, algebra)
    if not keys.possible:
        return lambda _: False
    rest = Rest(keys.members, keys.others, shape.low, shape.high, algebra)
    return lambda live: rest.can_end((1 << len(shape.some)) - 1, shape.apart, 0, live)


class Rest(NamedTuple):
    """What may still come in an object: members, classes of other keys, and how many of them all."""

    members: Sequence[Member]
    others: Sequence[Others]
    low: int
    high: int | None
    algebra: Algebra

    def can_end(self, duties: int, alive: Apart, size: int, live: Live) -> bool:
        """True where some choice of further members meets the duties, makes `low` to `high` of them, and an object that is none of the
        constants `alive`, which have the `size` members so far."""
        if not alive or self.is_endless(live):
            return self._ends(0, 0, duties, live)
        states = {(0, alive, duties)}
        for k, one in enumerate(self.members):
            after: set[tuple[int, Apart, int]] = set()
            for more, left, open_ in states:
                if not left and self._ends(k, more, open_, live):
                    return True
                if left:
                    if not one.required:
                        after.add((more, left, open_))
                    for _, covers, alive_after in ways(one, live, open_, left, self.algebra):
                        after.add((more + 1, alive_after, open_ & ~covers))
            states = after
            if len(states) > MAX_WAYS:
                raise BudgetExceeded(f"an object has more than {MAX_WAYS:,} ways to differ from the constants that it must not be")
        end = len(self.members)
        for more, left, open_ in states:
            if not left:
                if self._ends(end, more, open_, live):
                    return True
                continue
            enough = self.low <= more and (self.high is None or more <= self.high)
            if enough and not open_ and all(len(members_of(one)) != size + more for one in left):
                return True
            for other in self.others:
                for _, covers, _ in ways(other, live, open_, NONE, self.algebra):
                    if self._ends(end, more + 1, open_ & ~covers, live):
                        return True
        return False

    def is_endless(self, live: Live) -> bool:
        """Whether one more member, which no constant has, may always follow."""
        return self.high is None and any(one.most is None and options(one, live, 0) for one in self.others)

    def _ends(self, k: int, more: int, duties: int, live: Live) -> bool:
        high = None if self.high is None else self.high - more
        if high is not None and high < 0:
            return False
        left, classes = grouped(self.members[k:], live, duties), classed(self.others, live, duties)
        return can_finish(left, classes, duties, self.low - more, high)


Ways = tuple[int, ...]
"""The sets of obligations, as bits, that one further member can meet; none where it has no value."""

Group = tuple[bool, Ways, int]
"""(whether they are required, their ways, how many members there are of this kind)."""

Kind = tuple[Ways, int | None]
"""(the ways of its keys, how many there are)."""


def ways_of(one: Member | Others, live: Live, duties: int) -> Ways:
    """The sets of obligations that a member can meet."""
    return tuple([covers for _, covers in options(one, live, duties)])


def grouped(members: Iterable[Member], live: Live, duties: int) -> list[Group]:
    """Members by kind."""
    kinds = Counter((one.required, ways_of(one, live, duties)) for one in members)
    return [(required, ways, count) for (required, ways), count in kinds.items()]


def classed(classes: Iterable[Others], live: Live, duties: int) -> list[Kind]:
    """Classes by kind."""
    return [(ways_of(one, live, duties), one.most) for one in classes]


def can_finish(members: Iterable[Group], classes: Iterable[Kind], duties: int, low: int, high: int | None) -> bool:
    """True where some choice of further members meets the duties and makes `low` to `high` of them."""
    low = max(low, 0)  # with an upper bound, members are counted beyond the lower one
    there = more = 0
    extra: Counter[Ways] = Counter()  # how many members that are not required have these ways
    fewest = {duties: 0}  # duties left -> the fewest further members that leave them, besides the required ones
    for required, ways, count in members:
        if required:
            there += count
            for _ in range(min(count, len(ways)) if any(ways) else 1):  # the same way once more changes nothing
                fewest = {left & ~covers: 0 for left in fewest for covers in ways}
        elif ways:
            more += count
            extra[ways] += count
    for ways, most in classes:
        if ways:
            more += low if most is None else most
            extra[ways] += len(ways) if most is None else most
    if not fewest or there + more < low or (high is not None and (there > high or low > high)):
        return False
    for ways, count in extra.items():
        for _ in range(min(count, len(ways)) if any(ways) else 0):
            for left, size in list(fewest.items()):
                for covers in ways:
                    after = left & ~covers
                    fewest[after] = min(fewest.get(after, size + 1), size + 1)
    return 0 in fewest and (high is None or there + fewest[0] <= high)
