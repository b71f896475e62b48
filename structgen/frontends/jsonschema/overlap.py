"""Which alternatives can hold together: the cheap test that prunes, and `oneOf`, which rests on it.

Two object shapes that require the same property with different constants cannot both hold; so `oneOf` over tagged unions is plain `anyOf`.
Where branches do overlap, each is taken without the others, by their negations. The test may err on one side only: when in doubt, shapes
overlap.

Not here: exact emptiness (`empty`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from structgen.errors import BudgetExceeded
from structgen.frontends.jsonschema import keys, scalars, strings
from structgen.frontends.jsonschema.node import FALSE, TRUE, Goal, Node
from structgen.frontends.jsonschema.shapes import (
    ANY_ARR,
    ANY_NUM,
    ANY_OBJ,
    ANY_STR,
    BOTTOM,
    Among,
    Arr,
    Form,
    Num,
    Obj,
    Str,
    is_constant,
    meet,
    meet_arr,
    meet_num,
    meet_obj,
    meet_str,
    only,
    unite,
)

if TYPE_CHECKING:
    from structgen.frontends.jsonschema.algebra import Algebra

DEPTH: Final = 8
"""How many levels of properties the test looks down."""

MANY: Final = 12
"""From so many branches on, objects are sorted by a tag before they are compared."""

MAX_PAIRS: Final = 100_000
"""The most pairs of alternatives that one `oneOf` may have to compare; each counts from both sides."""

PATTERN_PAIR: Final = 4
"""What a pair of strings with patterns or formats counts as: their automata have to be intersected."""


WHOLE: Final = {"number": ANY_NUM, "string": ANY_STR, "array": ANY_ARR, "object": ANY_OBJ}
"""The shape that allows every value of a type."""


class Unknown(Exception):
    """A form was asked for while it is being made."""


class Overlap:
    """The tests, for one algebra."""

    def __init__(self, algebra: Algebra) -> None:
        self.algebra = algebra
        self._void: dict[Goal, bool] = {TRUE: False, FALSE: True}
        self._overlaps: dict[tuple[Any, Any], bool] = {}

    def void(self, goal: Goal) -> bool:
        """True where a look at the form of the goal tells that nothing satisfies it."""
        known = self._void.get(goal)
        if known is not None:
            return known
        algebra = self.algebra
        if algebra.probing >= DEPTH:
            return False
        algebra.probing += 1
        try:
            form = algebra.form(goal)
        except (Unknown, BudgetExceeded):
            return False
        finally:
            algebra.probing -= 1
        found = self._void[goal] = is_void(form)
        return found

    def together(self, a: Any, b: Any) -> bool:
        """True where two shapes of one type may have a value in common."""
        key = (a, b)
        found = self._overlaps.get(key)
        if found is None:
            found = self._overlaps[key] = self._together(a, b)
        return found

    def _together(self, a: Any, b: Any) -> bool:
        if type(a) is Obj:
            both = meet_obj(a, b, self.void)
            return both is not None and self._has_constant(both) and self._has_room(both)
        if type(a) is Arr:
            arrays = meet_arr(a, b, self.void)
            return arrays is not None and self._has_constant(arrays)
        if type(a) is Num:
            number = meet_num(a, b)
            return number is not None and scalars.is_live(number)
        string = meet_str(a, b)
        return string is not None and strings.is_live(string, loose=True)

    def _has_constant(self, shape: Arr | Obj) -> bool:
        """False where certainly none of the constants that it must be one of satisfies a shape."""
        if shape.among is None or self.algebra.probing >= DEPTH:
            return True
        self.algebra.probing += 1
        try:
            return self.algebra.census.has_constant(shape)
        except (Unknown, BudgetExceeded):
            return True
        finally:
            self.algebra.probing -= 1

    def _has_room(self, shape: Obj) -> bool:
        """False where an object certainly lacks allowed keys for the properties that it must have."""
        if shape.low <= len(shape.required) or all(layer.rest != FALSE for layer in shape.layers):
            return True
        names = keys.plan(shape, self.algebra)
        return keys.Rest(names.members, names.others, shape.low, shape.high, self.algebra).can_end(0, keys.NONE, 0, self._perhaps)

    def _perhaps(self, goal: Goal) -> bool:
        return not self.void(goal)

    # ---- oneOf ----

    def exactly_one(self, nodes: Sequence[Node], forms: Sequence[Form] | None = None) -> Form:
        """Exactly one of the nodes holds. `forms`: theirs, where other than the plain ones (traced)."""
        loops = self.algebra.loops
        forms = [self.algebra.of(node) for node in nodes] if forms is None else forms
        if self.algebra.loops != loops:
            for node in nodes:
                self.algebra.of(node, True)  # a branch that leads back here would deny itself: this says so
        boolean = sum(bit for bit in (1, 2) if sum(bool(form.boolean & bit) for form in forms) == 1)
        parts = [BOTTOM._replace(null=sum(form.null for form in forms) == 1, boolean=boolean)]
        for field in ("number", "string", "array", "object"):
            shapes: list[tuple[Any, ...]] = [getattr(form, field) for form in forms]
            holders = [i for i, one in enumerate(shapes) if one]
            if len(holders) == 1:
                parts.append(only(field, shapes[holders[0]]))
            elif holders:
                parts += self._sole(field, nodes, shapes)
        return unite(parts)

    def _sole(self, field: str, nodes: Sequence[Node], shapes: list[tuple[Any, ...]]) -> list[Form]:
        """The shapes of one type, each without the branches that it overlaps."""
        if sum(WHOLE[field] in one for one in shapes) > 1:
            return []  # whatever the value, two branches hold
        finite = _counted(field, shapes)
        if finite is not None:
            return [finite]
        parts: list[Form] = []
        for _, rivals, shape in self.rivals(shapes):
            form = only(field, (shape,))
            for other in rivals:
                form = self.without(form, nodes[other])
            parts.append(form)
        return parts

    def without(self, form: Form, node: Node) -> Form:
        """The values of a form that do not satisfy a node. Alternatives that exclude the node are not touched, so they do not multiply."""
        if len(node.items) == 1 and node.items[0][0] == "any":
            for child in node.items[0][2]:
                form = self.without(form, child.canon)
            return form
        loops = self.algebra.loops
        holds = self.algebra.of(node)
        fails: Form | None = None
        if self.algebra.loops != loops:  # the node leads back here: its negation tells whether that makes sense
            return meet(form, self.algebra.of(node, True), self.void)
        parts = [BOTTOM._replace(null=form.null and not holds.null, boolean=form.boolean & ~holds.boolean)]
        for field in ("number", "string", "array", "object"):
            bad = getattr(holds, field)
            for shape in getattr(form, field):
                one = only(field, (shape,))
                if any(self.together(shape, other) for other in bad):
                    fails = self.algebra.of(node, True) if fails is None else fails
                    one = meet(one, fails, self.void)
                parts.append(one)
        return unite(parts)

    def rivals(self, shapes: list[tuple[Any, ...]]) -> list[tuple[int, list[int], Any]]:
        """For each shape: its branch, the other branches that it may overlap, the shape."""
        flat = [(i, shape) for i, one in enumerate(shapes) for shape in one]
        near = self._neighbours(flat)
        rivals: list[dict[int, None]] = [{} for _ in flat]
        close = [near(at) for at in range(len(flat))]
        weight = PATTERN_PAIR if any(type(shape) is Str and (shape.has or shape.lacks) for _, shape in flat) else 1
        if weight * sum(map(len, close)) > MAX_PAIRS:
            raise BudgetExceeded(
                f"oneOf with {len(shapes)} branches: too many pairs of them might overlap",
                hint="Give its branches a required property with a different constant in each, or use anyOf.",
            )
        for at, (i, shape) in enumerate(flat):
            for k in close[at]:
                j, other = flat[k]
                if k > at and j != i and (j not in rivals[at] or i not in rivals[k]) and self.together(shape, other):
                    rivals[at][j] = rivals[k][i] = None
        return [(i, sorted(rivals[at]), shape) for at, (i, shape) in enumerate(flat)]

    def _neighbours(self, flat: list[tuple[int, Any]]) -> Callable[[int], Sequence[int]]:
        """Which shapes each shape has to be compared with: those with the same tag, or without one."""
        everyone = range(len(flat))
        if len(flat) < MANY or type(flat[0][1]) is not Obj:
            return lambda _: everyone
        tags = [self._tags(shape) for _, shape in flat]
        names = Counter(name for one in tags for name in one)
        if not names:
            return lambda _: everyone
        name = names.most_common(1)[0][0]
        untagged = [k for k in everyone if name not in tags[k]]
        same: dict[str, list[int]] = {}
        for k in everyone:
            for value in tags[k].get(name, ()):
                same.setdefault(value, []).append(k)

        def near(k: int) -> Sequence[int]:
            values = tags[k].get(name)
            if values is None:
                return everyone
            return [*untagged, *dict.fromkeys(m for value in values for m in same[value])]

        return near

    def _tags(self, shape: Obj) -> dict[str, tuple[str, ...]]:
        """The required properties that must be one of a few strings."""
        tags: dict[str, tuple[str, ...]] = {}
        for name in shape.required:
            goal = shape.goal(name)
            if goal == TRUE or self.void(goal) or self._void.get(goal) is None:
                continue
            form = self.algebra.form(goal)
            values = form.string[0].values if len(form.string) == 1 else None
            if values is not None and form == BOTTOM._replace(string=form.string):
                tags[name] = values
        return tags

    def not_one(self, nodes: Sequence[Node]) -> Form:
        """None of the nodes holds, or at least two."""
        if len(nodes) ** 2 > 10_000:
            raise BudgetExceeded(f"the negation of a oneOf with {len(nodes)} branches is too large", hint="Negate its branches one by one.")
        none = self.algebra.all_of(nodes, negated=True)
        forms = [self.algebra.of(node) for node in nodes]
        pairs = [meet(a, b, self.void) for i, a in enumerate(forms) for b in forms[:i]]
        return unite([none, *pairs])


def is_void(form: Form) -> bool:
    """True where a form certainly has no value."""
    if form.null or form.boolean or form.array or form.object:
        return False
    return not any(scalars.is_live(one) for one in form.number) and not any(strings.is_live(one, loose=True) for one in form.string)


def _counted(field: str, shapes: list[tuple[Any, ...]]) -> Form | None:
    """Where all branches are finite sets: the values that one branch alone has."""
    if field in ("array", "object"):
        return _counted_constants(field, shapes)
    count: Counter[Any] = Counter()
    for one in shapes:
        mine: set[Any] = set()
        for shape in one:
            if shape.values is None or (shape.bare if field == "number" else shape.has or shape.lacks):
                return None
            mine.update(shape.values)
        count.update(mine)
    values = tuple([v for one in shapes for shape in one for v in shape.values if count[v] == 1])
    kept: tuple[Any, ...] = ()
    if values:
        kept = (Num(values=values),) if field == "number" else (Str(values=values),)
    return only(field, kept)


def _counted_constants(field: str, shapes: list[tuple[Any, ...]]) -> Form | None:
    if not all(is_constant(shape) for one in shapes for shape in one):
        return None
    sets = [Among([order for shape in one for order in shape.among.written]) for one in shapes]
    count = Counter(value for one in sets for value in one.values)
    left = [order for one in sets for value, orders in one.values.items() if count[value] == 1 for order in orders]
    return only(field, ((Arr if field == "array" else Obj)(among=Among(left)),) if left else ())
