"""Objects whose texts go through states: a family of rules, one for each `State` that a text comes to.

They are what no list of `Entries` can say: obligations (some key must ...), constants that the object must not be, keys of which there are
few. There a key that is not declared is a `Bind`: the state behind it knows the key, so that it cannot come again. From 2,000 properties on
their names are a tree of rules, too (`named`).

Not here: objects that are one network (`objects_list`), which keys there are (`keys`).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial, reduce
from itertools import chain
from operator import or_
from typing import NamedTuple

from structgen.frontends.jsonschema.constants import Constant, looked_up
from structgen.frontends.jsonschema.keys import (
    FEW,
    NONE,
    Apart,
    Group,
    Others,
    Rest,
    Ways,
    are_roomy,
    can_finish,
    members_of,
    options,
    told,
    ways,
    ways_of,
)
from structgen.frontends.jsonschema.named import named_expr
from structgen.frontends.jsonschema.node import FALSE, Goal, join
from structgen.frontends.jsonschema.objects_list import MANY, Edge, Lists
from structgen.frontends.jsonschema.shapes import Need
from structgen.frontends.jsonschema.site import Rules, Site
from structgen.frontends.jsonschema.spell import string_leaf, string_literal
from structgen.frontends.jsonschema.without import BUCKET, taken, without
from structgen.ir.expr import NEVER, Bind, Expr, Minus, Net, Rule, alt, seq
from structgen.ir.regular import CharDFA


class State(NamedTuple):
    """Where a text is in an object: members before `at` are settled (schema order), those in `there` (bits) have been read (any order, or
    loose), `size` members so far (as far as it matters), obligations left, constants that the object must not be and still could, other
    keys so far, and how many of each finite class. Where not `sure`, some other keys are unknown."""

    at: int = 0
    there: int = 0
    size: int = 0
    duties: int = 0
    alive: Apart = NONE
    seen: frozenset[str] = frozenset()
    used: tuple[int, ...] = ()
    sure: bool = True


class Family(Lists):
    """The rules of one object shape."""

    def __init__(self, keys: Rest, site: Site, duties: int = 0, apart: Apart = NONE, needs: Sequence[Need] = ()) -> None:
        super().__init__(keys, site)
        self.algebra, self.duties, self.apart = keys.algebra, duties, apart
        self.finite = any(one.most is not None for one in self.classes)
        self.counting = bool(keys.low or keys.high is not None or duties or apart)
        self.counted = max([keys.low, *(len(members_of(one)) + 1 for one in apart)])  # from here on it does not matter how many
        self.endless = bool(apart) and keys.is_endless(site.live)
        self.sure = all(one.is_roomy for one in self.classes)
        self.is_list = are_roomy(self.classes) and not duties and not apart and not (self.ordered and self.counting)
        self.everyone = (1 << len(self.members)) - 1
        self.needs = self._bits_of(needs)
        self.must = sum(1 << i for i, one in enumerate(self.members) if one.required) if self.needs else 0
        self.noted = reduce(or_, chain.from_iterable(self.needs), self.must) & self.everyone
        self.due_after: dict[int, int] = {}
        self.many = len(self.members) > MANY and not self.counting and not self.needs
        self.kept: tuple[State | None, Sequence[str]] = None, ()
        self.places = dict(sorted([(one.name, i) for i, one in enumerate(self.members)])) if self.many else {}
        self.group: list[Rule] = []
        self.texts: dict[tuple[int, Goal], Rule] = {}
        self.taken: list[Rule | None] = [None] * len(self.classes)
        self.known: dict[int, tuple[list[Group], list[Ways]]] = {}
        self.rule = Rules(site.lock)

    def best(self) -> Expr:
        """The object, by states only where it takes them."""
        if self.many or self.needs:
            return self.expr()
        if self.site.order == "schema" and not self.counting:
            return self.chain()
        return self.free() if self.is_list else self.expr()

    def tail(self, at: int, end: int) -> tuple[int, list[Edge]]:
        """As that of `Lists`, by states where it takes them."""
        return super().tail(at, end) if self.is_list else self.keys(State(at=self.ordered, used=self.unused()), at, end, end + 1)

    def expr(self) -> Expr:
        """The object, by states."""
        first = State(duties=self.duties, alive=self.apart, used=self.unused())
        size, edges = (2, []) if self.high == 0 else self.keys(first, 2, 1, 3)
        if edges:
            edges.append((0, self.opening, 2))
        if self.may_end(first):
            edges.append((0, self.empty, 1))
        return Net(size, edges, (1,)) if edges else NEVER

    def unused(self) -> tuple[int, ...]:
        """`State.used` of the empty object."""
        return (0,) * len(self.classes) if self.finite else ()

    # ---- states ----

    def _bits_of(self, needs: Sequence[Need]) -> list[tuple[int, int]]:
        """The needs as sets of members, with one bit more for those that cannot be there. Without needs that never arise."""
        bits = {one.name: 1 << i for i, one in enumerate(self.members)} if needs else {}
        never = 1 << len(self.members)
        names, others = [[reduce(or_, [bits.get(name, never) for name in one[k]], 0) for one in needs] for k in (0, 1)]
        return [one for one in zip(names, others, strict=True) if not one[0] & never]

    def due(self, there: int) -> int:
        """The members that must come where these are there, as bits."""
        if not self.needs:
            return self.required & ~there
        found = self.due_after.get(there)
        if found is None:
            before, wanted = 0, there | self.must
            while wanted != before:
                before = wanted
                for names, others in self.needs:
                    if names & wanted == names:
                        wanted |= others
            found = self.due_after[there] = wanted & ~there
        return found

    def may_end(self, state: State) -> bool:
        """Whether the object may end here."""
        if state.at < self.settled or self.due(state.there) or state.size < self.low or state.duties:
            return False
        return not any(len(members_of(one)) == state.size for one in state.alive)

    def can_finish(self, state: State) -> bool:
        """Whether some text leads from the state to the end."""
        if self.needs:
            possible = -1 << state.at & self.everyone
            return not self.due(state.there) & ~possible
        if not self.counting:
            return True
        high = None if self.high is None else self.high - state.size
        if high is not None and high < 0:
            return False
        left, low = self.everyone & ~state.there & -1 << state.at, self.low - state.size
        if state.alive and not self.endless:
            members = [one for i, one in enumerate(self.members) if left >> i & 1]
            return Rest(members, self.left(state), low, high, self.algebra).can_end(state.duties, state.alive, state.size, self.site.live)
        groups, ways = self.kinds(state.duties)
        counts = [(required, one, (bits & left).bit_count()) for required, one, bits in groups]
        counted = [count for count in counts if count[2]]
        most = [one.most for one in self.classes]
        if self.finite:
            most = [None if one is None else one - used for one, used in zip(most, state.used, strict=True)]
        return can_finish(counted, zip(ways, most, strict=True), state.duties, low, high)

    def kinds(self, duties: int) -> tuple[list[Group], list[Ways]]:
        """Which members (bits instead of a number) are of one kind as to the obligations left; and the ways of the classes."""
        found = self.known.get(duties)
        if found is None:
            kinds: dict[tuple[bool, Ways], int] = {}
            for i, one in enumerate(self.members):
                key = one.required, ways_of(one, self.site.live, duties)
                kinds[key] = kinds.get(key, 0) | 1 << i
            groups = [(required, ways, bits) for (required, ways), bits in kinds.items()]
            found = self.known[duties] = groups, [ways_of(one, self.site.live, duties) for one in self.classes]
        return found

    def left(self, state: State) -> list[Others]:
        """The classes that still have keys."""
        if not self.finite:
            return list(self.classes)
        counted = [
            one if one.most is None else one._replace(most=one.most - used) for one, used in zip(self.classes, state.used, strict=True)
        ]
        return [one for one in counted if one.most is None or one.most > 0]

    def plus(self, state: State, covers: int, alive: Apart) -> State:
        """One more member. It is counted only as far as it matters."""
        if not self.counting:
            return state
        size = state.size + 1 if self.high is not None else min(state.size + 1, self.counted)
        return state._replace(size=size, duties=state.duties & ~covers, alive=alive)

    def names(self, state: State) -> Sequence[str]:
        """The names of the members that may come next, sorted. Those of one state are kept, for they are asked for again."""
        kept = self.kept
        if kept[0] != state:
            at, size = state.at, len(self.members)
            last = next((i for i in range(at, self.ordered) if self.members[i].required), size)
            there = {size - i for i, bit in enumerate(f"{state.there:0{size}b}", 1) if bit == "1"} if state.there else ()
            kept = self.kept = state, [name for name, i in self.places.items() if at <= i <= last and i not in there]
        return kept[1]

    def named(self, state: State, name: str) -> Rule:
        """What follows the name of a member."""
        return self.rule("named", (state, name), partial(self._named, state, name))

    def _named(self, state: State, name: str) -> Expr:
        i = self.places[name]
        ((goal, covers),) = options(self.members[i], self.site.live, 0)
        return seq(self.colon, self.site.value(goal), self.after(self.behind(state, i, covers, NONE)))

    def candidates(self, state: State) -> list[int]:
        """The members that may come next."""
        found: list[int] = []
        due = self.due(state.there)
        for i in range(state.at, self.ordered):
            found.append(i)
            if self.members[i].required or due >> i & 1:
                return found
        left = [i for i in range(self.ordered, len(self.members)) if not state.there >> i & 1]
        # Required members first: whoever looks for a way to the end tries alternatives as they are written.
        return found + sorted(left, key=lambda i: not due >> i & 1)

    def behind(self, state: State, i: int, covers: int, alive: Apart) -> State:
        """The state behind member i."""
        after = self.plus(state, covers, alive)
        there = after.there | (1 << i if i >= self.ordered else 1 << i & self.noted)
        return after._replace(at=min(i + 1, self.ordered), there=there)

    # ---- rules ----

    def after(self, state: State) -> Rule:
        """Behind a member."""
        return self.rule("members", state, partial(self._after, state))

    def _after(self, state: State) -> Expr:
        size: int = 0
        edges: list[Edge] = []
        if self.high is None or state.size < self.high:
            size, edges = self.keys(state, 2, 1, 3)
        if edges:
            edges.append((0, self.comma, 2))
        if self.may_end(state):
            edges.append((0, self.closing, 1))
        return Net(max(size, 2), edges, (1,)) if edges else NEVER

    def keys(self, state: State, at: int, end: int, free: int) -> tuple[int, list[Edge]]:
        """The edges of the members that may come next, from node `at` to `end` (where a call is a tail call, so that contexts do not grow
        with the members), with nodes from `free` on; and the number of nodes then."""
        edges: list[Edge] = []
        if self.many:
            names = partial(self.names, state)
            edges += [(at, named_expr(names, partial(self.named, state), self.site.style), end)] if names() else []
        for i in () if self.many else self.candidates(state):
            groups = told(self.members[i], state.alive)
            if len(groups) > FEW:
                for goal, covers in options(self.members[i], self.site.live, state.duties):
                    value = self.deciding(goal, self.behind(state, i, covers, NONE), groups)
                    edges += [(at, seq(self.key_of(self.members[i]), self.colon), free), (free, value, end)] if value is not NEVER else []
                    free += 1
                continue
            for goal, covers, alive in ways(self.members[i], self.site.live, state.duties, state.alive, self.algebra):
                after = self.behind(state, i, covers, alive)
                if self.can_finish(after):
                    edges += [(at, self.text(i, goal), free), (free, self.after(after), end)]
                    free += 1
        if state.at >= self.settled:
            edges += [(at, self.other(k, state), end) for k in range(len(self.classes)) if self.is_open(k, state)]
        return free, edges

    def deciding(self, goal: Goal, after: State, groups: dict[Constant, Apart]) -> Expr:
        """A value that tells which of the constants the object still could be, and what follows."""
        if not self.can_finish(after):
            return NEVER
        if not self.endless:
            bad = [value for value, alive in groups.items() if not self.can_finish(after._replace(alive=alive))]
            goal = join(goal, self.algebra.apart(bad)) if bad else goal
            if goal == FALSE or not self.site.live(goal):
                return NEVER
        then = partial(self.decided, after, groups) if after.sure else None
        return Bind(self.site.value(goal), then, self.after(after._replace(sure=False)), sure=False)

    def decided(self, after: State, groups: dict[Constant, Apart], text: bytes) -> Expr:
        """What follows such a value."""
        return self.after(after._replace(alive=looked_up(text, groups, NONE)))

    def text(self, i: int, goal: Goal) -> Rule:
        """A member: its key and a value. Written once for all states."""
        found = self.texts.get((i, goal))
        if found is None:
            made = seq(self.key_of(self.members[i]), self.colon, self.site.value(goal))
            found = self.texts[(i, goal)] = Rule(partial(_same, made), "member", self.group)
            self.group.append(found)
        return found

    # ---- other keys ----

    def is_open(self, k: int, state: State) -> bool:
        """Whether a key of class k may come next."""
        most = self.classes[k].most
        return (most is None or most > state.used[k]) and bool(self.follows(k, state))

    def follows(self, k: int, state: State) -> list[tuple[Goal, State]]:
        """What may follow a key of class k, but for the key itself: goals of its value, with the states behind."""
        found = []
        for goal, covers in options(self.classes[k], self.site.live, state.duties):
            after = self.plus(state, covers, NONE)._replace(at=self.ordered)
            if self.finite:
                after = after._replace(used=tuple([n + (i == k) for i, n in enumerate(after.used)]))
            if self.can_finish(after):
                found.append((goal, after))
        return found

    def other(self, k: int, state: State) -> Expr:
        """A key of class k, its value, and what may follow."""
        key = self.rule("key", (k, state.seen), partial(self.new_key, k, state.seen))
        if not state.sure:
            return Bind(key, None, self.value(k, state), sure=False)
        return Bind(key, partial(self.then, k, state), self.value(k, state._replace(sure=False)), sure=self.sure)

    def then(self, k: int, state: State, text: bytes) -> Expr:
        """What follows this key of class k."""
        return self.value(k, state._replace(seen=state.seen | {json.loads(text)}))

    def value(self, k: int, state: State) -> Rule:
        """What follows a key of class k. `state` is that before the key, but for the key itself."""
        return self.rule("value", (k, state), partial(self._value, k, state))

    def _value(self, k: int, state: State) -> Expr:
        return seq(self.colon, alt([seq(self.site.value(goal), self.after(after)) for goal, after in self.follows(k, state)]))

    def new_key(self, k: int, seen: frozenset[str]) -> Expr:
        """The texts of the keys of class k that are not there yet."""
        one, leaf = self.classes[k], self.leaf(k)
        if one.dfa is not None:
            seen = frozenset(name for name in seen if one.dfa.matches(name))
            if not one.is_roomy:
                found = without(leaf, seen, self.site.style)
                return found or string_leaf(one.dfa - CharDFA.of_strings(sorted(seen)), self.site.style, one.low, one.high)
        if self.taken[k] is None and one.taken:
            self.taken[k] = Rule(partial(self.literal, one.taken), "declared keys")
        declared = self.taken[k]
        parts: list[Expr] = [] if declared is None else [declared]
        parts += taken(seen, self.site.style) if len(seen) > BUCKET else [string_literal(name, self.spelled) for name in seen]
        return Minus(leaf, alt(parts)) if parts else leaf


def _same(expr: Expr) -> Expr:
    return expr
