"""Arrays: prefix items, the rest, counts, obligations to contain, constants that it must not be, and unique items.

A plain array is a chain with a repeated tail. Otherwise there are rules for the states that a text comes to: items so far, matches of each
obligation, constants that the array still could be (`contains`). With unique items the state has the values so far, too: the text of an
item is bound (`ir.expr.Bind`), and the next item is none of them. The negation of uniqueness ends with an item that equals an earlier one.

Not here: what may come next without regard to uniqueness (`contains`); what an item is (`emit`); which values there are (`census`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Literal, NamedTuple

from structgen.errors import BudgetExceeded
from structgen.frontends.jsonschema import constants
from structgen.frontends.jsonschema.constants import ARRAY, Constant
from structgen.frontends.jsonschema.contains import MAX_STATES, SETTLED, TWINS, Ends, Live, State, Steps
from structgen.frontends.jsonschema.keys import FEW, NONE, Apart, is_open
from structgen.frontends.jsonschema.node import FALSE, TRUE, Goal, join
from structgen.frontends.jsonschema.shapes import Arr, Form
from structgen.frontends.jsonschema.site import Rules, Site
from structgen.frontends.jsonschema.strings import is_roomy, solve
from structgen.ir.encoding import BYTES, JSON_INNER
from structgen.ir.expr import EPSILON, NEVER, Bind, Entries, Expr, Leaf, Lit, Net, Other, Rule, alt, repeat, seq
from structgen.ir.regular import CharDFA

if TYPE_CHECKING:
    from structgen.frontends.jsonschema.algebra import Algebra

_OPEN, _CLOSE = "[", "]"


def need(shape: Arr, algebra: Algebra) -> Callable[[Live], bool]:
    """Whether some array satisfies the shape, as a test of the goals that have values."""
    if shape.unique and (shape.low > 1 or shape.contains or shape.apart):
        found = algebra.census.has_array(shape)
        return lambda _: found
    if shape.contains or shape.apart or shape.unique is False:
        steps = Steps(shape, algebra)
        return lambda live: Ends(steps, live).can_end(steps.start, TWINS if shape.unique is False else SETTLED)
    goals = list(dict.fromkeys(shape.prefix[: shape.low]))
    if shape.low > len(shape.prefix):
        goals.append(shape.rest)
    return lambda live: all(live(goal) for goal in goals)


def array_expr(shape: Arr, site: Site, algebra: Algebra) -> Expr:
    """The texts of a shape that has values."""
    if shape.unique and shape.high is not None and shape.high <= 1:
        shape = shape._replace(unique=None)
    alike = _alike(shape, site, algebra)
    if alike is not None:
        opening, comma, closing, empty = site.frame(_OPEN, _CLOSE)
        items = Entries([], [Other(site.value(shape.rest), EPSILON)], comma, shape.low, shape.high, alike=alike)
        some = seq(opening, items, closing)
        return some if shape.low else alt([empty, some])
    if shape.contains or shape.apart or shape.unique is not None:
        return _Family(shape, site, algebra).expr()
    live, value = site.live, site.value
    prefix, high = shape.prefix, shape.high
    for i, goal in enumerate(prefix):
        if not live(goal):
            prefix, high = prefix[:i], i if high is None else min(high, i)
            break
    if high is not None:
        prefix = prefix[:high]
    size = len(prefix)
    more = (high is None or high > size) and live(shape.rest)
    opening, comma, closing, empty = site.frame(_OPEN, _CLOSE)
    low = shape.low
    rest = value(shape.rest) if more else None
    if not prefix:
        if rest is None:
            return empty
        tail = repeat(seq(comma, rest), max(low - 1, 0), None if high is None else high - 1)
        some = seq(opening, rest, tail, closing)
        return some if low else alt([empty, some])
    end = size + 1
    edges: list[tuple[int, Expr | None, int]] = [(0, seq(opening, value(prefix[0])), 1)]
    edges += [(i, seq(comma, value(prefix[i])), i + 1) for i in range(1, size)]
    edges += [(i, closing, end) for i in range(max(low, 1), size)]
    if rest is not None:
        tail = repeat(seq(comma, rest), max(low - size, 0), None if high is None else high - size)
        edges.append((size, seq(tail, closing), end))
    else:
        edges.append((size, closing, end))
    if not low:
        edges.append((0, empty, end))
    return Net(end + 1, edges, (end,))


def _alike(shape: Arr, site: Site, algebra: Algebra) -> Literal["strings", "values"] | None:
    """How unique items are compared in a list of `Entries`; None where there may be too few of them for one."""
    if not shape.unique or shape.prefix or shape.contains or shape.apart:
        return None
    form = algebra.form(shape.rest)
    if _is_free_text(form):
        return "strings"
    others = form.null or form.boolean or form.number or form.array or form.string
    return "values" if not others and form.object and all(is_open(one, site.live, algebra) for one in form.object) else None


def _is_free_text(form: Form) -> bool:
    """Whether the values are strings, infinitely many behind each beginning of one."""
    if form.null or form.boolean or form.number or form.array or form.object or not form.string:
        return False
    for shape in form.string:
        if shape.values is not None or shape.high is not None:
            return False
        solved = solve(shape._replace(but=frozenset()))
        if solved.grammar is not None or solved.pattern is not None or (solved.dfa is not None and not is_roomy(solved.dfa)):
            return False
    return True


def _doubt(form: Form, escapes: str, *, free: bool) -> Expr:
    """Beginnings of a value with which it begins to matter that some values are not known: bound, and nothing behind them, so that tokens
    that get there are in doubt. `free`: single values are all that may be missing."""
    kinds = (form.null, form.boolean & 2, form.boolean & 1, form.number, form.array, form.object)
    first = "".join([some for some, kind in zip(("n", "t", "f", "-0123456789", "[", "{"), kinds, strict=True) if kind])
    parts: list[Expr] = []
    for shape in form.string:
        if not free or shape.values is not None:
            first += '"'
        elif shape.high is None:
            solved = solve(shape._replace(but=frozenset()))
            if solved.grammar is not None or solved.pattern is not None or (solved.dfa is not None and not is_roomy(solved.dfa)):
                first += '"'
        elif shape.has or shape.lacks or not shape.high > 1 or len(shape.but) > MAX_STATES:
            first += '"'
        else:  # behind each shorter beginning there are a million texts
            size = shape.high - 1
            parts.append(seq(Lit(b'"'), Leaf(CharDFA.any(), JSON_INNER[escapes], low=size, high=size)))
    if first:
        parts.append(Leaf(CharDFA.of_chars([(ord(one), ord(one)) for one in first]), BYTES))
    return Bind(alt(parts), None, NEVER, sure=False) if parts else NEVER


class Seen(NamedTuple):
    """A state and the values so far. `again`: two of them were equal, or need not be. Where not `sure`, some values are unknown."""

    state: State
    values: frozenset[Constant] = frozenset()
    again: bool = False
    sure: bool = True


class _Family:
    """The rules of an array with obligations, or whose items are to be unique, or not."""

    def __init__(self, shape: Arr, site: Site, algebra: Algebra) -> None:
        self.shape, self.site, self.algebra = shape, site, algebra
        self.steps = Steps(shape, algebra)
        self.ends = Ends(self.steps, site.live)
        self.opening, self.comma, self.closing, self.empty = site.frame(_OPEN, _CLOSE)
        self.rule = Rules(site.lock)

    def expr(self) -> Expr:
        first = Seen(self.steps.start, again=self.shape.unique is None)
        some = seq(self.opening, self.item(first))
        return alt([self.empty, some]) if self.may_end(first) else some

    def may_end(self, seen: Seen) -> bool:
        return self.steps.may_end(seen.state) and (seen.again or bool(self.shape.unique))

    def ways(self, seen: Seen) -> list[tuple[Goal, Seen]]:
        """(what the next item satisfies, the state behind it but for its value)."""
        if not self.shape.unique:
            every = dict.fromkeys(way for item, state in self.steps.steps(seen.state) for way in self.with_twins(seen, item, state))
            return [(goal, after) for goal, after in every if goal != FALSE and self.site.live(goal)]
        found: dict[tuple[Goal, Seen], None] = {}
        sure: dict[tuple[Goal, Seen], None] = {}  # these need not be asked for values
        for item, state in self.steps.steps(seen.state):
            after = seen._replace(state=state)
            if not self.may_end(after):
                found[self.safe(item, after), after] = None
            elif not seen.values:
                found[item, after] = None
            else:
                (sure if self.has_plenty([item], after) else found)[join(item, self.algebra.apart(seen.values)), after] = None
        return [*sure, *((goal, after) for goal, after in found if goal != FALSE and self.site.live(goal))]

    def with_twins(self, seen: Seen, item: Goal, state: State) -> Iterator[tuple[Goal, Seen]]:
        """The same for one choice of the next item, where two must be equal, or need not differ."""
        if not self.ends.can_end(state):
            return
        after, done = seen._replace(state=state), Seen(state, again=True)
        if seen.again:
            yield item, done
            return
        # Where values are unknown, it may be equal to one of those.
        old = TRUE if not seen.sure else self.algebra.among(seen.values) if seen.values else FALSE
        if self.ends.can_end(state, TWINS) or (old != FALSE and self.ends.can_end(state, (1, old))):
            yield item, after
        else:
            yield from ((join(item, goal), after) for goal in self.ends.to_come(state))
        yield join(item, old), done

    def can_end(self, seen: Seen) -> bool:
        """Whether some different items lead from here to the end of the array."""
        return self.may_end(seen) or self.algebra.census.has_array(self.left(seen), seen.values)

    def goes_on_alike(self, after: Seen) -> bool:
        """Whether the bracket or comma behind an item is the same for all its values: then only what the next item may be is in doubt."""
        shape = self.shape
        if not shape.unique or shape.contains or shape.apart:
            return False
        if not self.may_end(after) or (shape.high is not None and after.state.at >= shape.high):
            return True  # the item was chosen so that another one can follow; or none can
        return self.has_plenty([shape.item(after.state.at)], after)

    def has_plenty(self, goals: Sequence[Goal], after: Seen) -> bool:
        """Whether each goal has more values than can be taken by the time it is asked for."""
        try:
            return all(self.algebra.census.has_many(goal, self.enough(after)) for goal in goals)
        except BudgetExceeded:
            return False

    def enough(self, after: Seen) -> int:
        return max(64, 2 + len(after.values) + self.steps.least)

    def safe(self, item: Goal, after: Seen) -> Goal:
        """The values of an item that leave enough others for the items that must still come."""
        census, algebra, enough = self.algebra.census, self.algebra, self.enough(after)
        few = [goal for goal in self.steps.goals(after.state) if not census.has_many(goal, enough)]
        scarce = {value: None for goal in few for value in census.values(goal, enough)}  # of all others there are enough
        new = join(item, algebra.apart(after.values)) if after.values else item
        if not scarce:
            return new if self.ends.can_end(after.state) else FALSE
        alike: dict[tuple[bool, ...], list[Constant]] = {}  # it does not matter which of these is taken
        for one in scarce:
            if one not in after.values and census.has(item, one):
                alike.setdefault(tuple([census.has(goal, one) for goal in few]), []).append(one)
        good = [one for group in alike.values() if self.can_end(self.plus(after, group[0])) for one in group]
        count = 1 + len(scarce) + len(after.values)
        free = [one for one in census.values(item, count) if one not in scarce and one not in after.values]
        if not free or not self.can_end(self.plus(after, free[0])):
            return algebra.among(good)
        return join(new, algebra.apart([one for one in scarce if one not in good]))

    def plus(self, seen: Seen, value: Constant) -> Seen:
        return seen if seen.again else seen._replace(values=seen.values | {value})

    def left(self, seen: Seen) -> Arr:
        """What the items to come have to be, as an array of their own."""
        shape, at = self.shape, seen.state.at
        contains = tuple(
            [
                one._replace(low=max(one.low - n, 0), high=None if one.high is None else one.high - n, start=max(one.start - at, 0))
                for one, n in zip(shape.contains, seen.state.hits, strict=True)
            ]
        )
        high = None if shape.high is None else shape.high - at
        apart = frozenset((ARRAY, *one[at + 1 :]) for one in seen.state.alive if isinstance(one, tuple))
        return Arr(shape.prefix[at:], shape.rest, max(shape.low - at, 0), high, contains, True, apart)

    def item(self, seen: Seen) -> Expr:
        """The next item, and what follows."""
        groups = self.steps.groups(seen.state)
        if len(groups) > FEW and self.shape.unique is None:
            return alt([self.deciding(goal, after, groups) for goal, after in self.steps.choices(seen.state, TRUE, NONE)])
        found: list[Expr] = []
        for goal, after in self.ways(seen):
            item = self.site.value(goal)
            if after.again and (seen.again or seen.sure):  # which values there were does not matter any more
                found.append(seq(item, self.after(after)))
            elif after.again:
                found.append(Bind(item, None, self.after(after), sure=False))
                found.append(_doubt(self.algebra.form(goal), self.site.style.escapes, free=False))
            else:
                then = partial(self.then, after) if seen.sure else None
                sure = seen.sure and self.goes_on_alike(after)
                found.append(Bind(item, then, self.after(after._replace(sure=False)), sure=sure))
                if not seen.sure:
                    free = self.may_end(after) or self.has_plenty(self.steps.goals(after.state), after)
                    found.append(_doubt(self.algebra.form(goal), self.site.style.escapes, free=free))
        return alt(found)

    def deciding(self, goal: Goal, state: State, groups: dict[Constant, Apart]) -> Expr:
        """An item that tells which of the constants the array still could be, and what follows."""
        if not self.ends.can_end(state):
            return NEVER
        bad = [value for value, alive in groups.items() if not self.ends.can_end(state._replace(alive=alive))]
        goal = join(goal, self.algebra.apart(bad)) if bad else goal
        if goal == FALSE or not self.site.live(goal):
            return NEVER
        after = Seen(state, again=True)
        return Bind(self.site.value(goal), partial(self.decided, after, groups), self.after(after), sure=False)

    def decided(self, after: Seen, groups: dict[Constant, Apart], text: bytes) -> Expr:
        return self.after(after._replace(state=after.state._replace(alive=constants.looked_up(text, groups, NONE))))

    def then(self, after: Seen, text: bytes) -> Expr:
        return self.after(self.plus(after, constants.read(text)))

    def after(self, seen: Seen) -> Rule:
        """Behind an item."""
        return self.rule("items", seen, partial(self._after, seen))

    def _after(self, seen: Seen) -> Expr:
        more = seq(self.comma, self.item(seen)) if self.shape.high is None or seen.state.at < self.shape.high else NEVER
        return alt([self.closing, more]) if self.may_end(seen) else more
