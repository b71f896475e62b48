"""What has been evaluated: the traced form of a node, from which `unevaluatedProperties` and `unevaluatedItems` take what is left.

A traced form holds the arrays (or the objects) that satisfy a node, and each alternative says in `seen` which properties (or items) the
keywords that hold there evaluate. Only nodes in place of which the two keywords stand are traced; all others pay nothing.

    allOf, $ref            what all of them evaluate
    anyOf                  every set of branches that hold, with what they evaluate together. That the others fail need not be said: to know
                           of fewer branches leaves more unevaluated, so it allows less, and the set of all that do hold is among them
    oneOf                  one branch, and none of the others
    if, then, else         if and then, or not if and else; an `if` without the two evaluates where it holds
    dependentSchemas       the property is absent, or the schema holds
    not                    nothing

A nested `unevaluatedProperties` (whatever its schema) evaluates all properties for those around it. Beside the keyword, each alternative
gets one more layer, which applies the schema to all names that were not evaluated; with items, those behind the evaluated ones satisfy the
schema or (2020-12) one of the `contains` that hold.

Where the keyword is *denied*, to know of fewer branches would deny too much. There the partition is exact: each set of branches stands with
the negation of all others, and something unevaluated fails the schema.

Not here: what the keywords of one node mean without it (`algebra`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from structgen.errors import BudgetExceeded
from structgen.frontends.jsonschema.cover import uncovered
from structgen.frontends.jsonschema.load import pointer
from structgen.frontends.jsonschema.node import ARR, FALSE, OBJ, TRUE, Goal, Item, Node, goal_of
from structgen.frontends.jsonschema.shapes import (
    ANY_ARR,
    ANY_OBJ,
    BOTTOM,
    EVERYTHING,
    MAX_SHAPES,
    NOTHING,
    Arr,
    Contains,
    Form,
    Layer,
    Obj,
    Seen,
    Some,
    meet,
    meet_arr,
    meet_obj,
    only,
    unite,
)
from structgen.frontends.jsonschema.strings import matches

if TYPE_CHECKING:
    from structgen.frontends.jsonschema.algebra import Algebra

KINDS: Final = {"unprops": "object", "unitems": "array"}
"""The items of a node that ask what the others evaluated."""

PLACES: Final = frozenset(("all", "any", "one", "ref", "if", "shapes", "tried"))
"""The items of a node whose schemas stand in its place and may evaluate something."""

SILENT: Final = frozenset(("marks", "tried"))
"""The items of a node that allow every value, and only tell what has been evaluated."""


_FREE: Final = {"object": only("object", (ANY_OBJ,)), "array": only("array", (ANY_ARR,))}

MAX_WEIGHT: Final = 100_000
"""The most edges that the networks of all sets of branches may have for `contains`."""


class How(NamedTuple):
    """How to trace. `exact`: each set of branches without the others. `alone`: where nothing unevaluated is allowed, the names that one
    place alone evaluates."""

    exact: bool = False
    alone: frozenset[str] = frozenset()


PLAIN, EXACT = How(), How(exact=True)


class Trace:
    """The traced forms of one algebra, for one type: they have alternatives of that type only."""

    def __init__(self, algebra: Algebra, field: Literal["array", "object"]) -> None:
        self.algebra, self.field = algebra, field
        self.kind, self.bit = ("unprops", OBJ) if field == "object" else ("unitems", ARR)
        self.free = _FREE[field]
        self._known: dict[tuple[int, How], Form] = {}
        self._either: dict[tuple[int, frozenset[int]], Node] = {}
        self._layers: dict[tuple[Seen, Goal], Layer] = {}

    def left(self, form: Form, node: Node, child: Node) -> Form:
        """`form`, but of this type the alternatives of a node where all that its other items do not evaluate satisfies the child."""
        kept: list[Form] = []
        closed = self.field == "object" and goal_of(child) == FALSE
        how = How(alone=self._alone(node)) if closed else PLAIN
        for shape in self._shapes(self.items(node, how)):
            one = shape._replace(seen=NOTHING)
            if not shape.seen.everything:
                one = self._closed_object(one, shape.seen, child) if self.field == "object" else self._closed_array(one, shape.seen, child)
            if one is not None:
                kept.append(only(self.field, (one,)))
        shapes = self._shapes(unite(kept)) if kept else ()
        return form._replace(object=uncovered(shapes)) if self.field == "object" else form._replace(array=shapes)

    def _closed_object(self, shape: Obj, seen: Seen, child: Node) -> Obj | None:
        return meet_obj(shape, Obj((self.layer(seen, goal_of(child)),)), self.algebra.overlap.void)

    def _closed_array(self, shape: Arr, seen: Seen, child: Node) -> Arr | None:
        return meet_arr(shape, Arr((TRUE,) * seen.first, goal_of(self._passing(seen, child))), self.algebra.overlap.void)

    def failing(self, node: Node, child: Node) -> Form:
        """All other items of a node hold, and something that they do not evaluate does not satisfy the child."""
        bad = goal_of(child, negated=True)
        if bad == FALSE:
            return BOTTOM
        kept: list[Form] = []
        for shape in self._shapes(self.items(node, EXACT)):
            seen, one = shape.seen, self._form(shape._replace(seen=NOTHING))
            if not seen.everything:
                kept.append(
                    meet(
                        one,
                        self._form(self._open_object(seen, bad) if self.field == "object" else self._open_array(seen, child)),
                        self.algebra.overlap.void,
                    )
                )
        return unite(kept) if kept else BOTTOM

    def _open_object(self, seen: Seen, bad: Goal) -> Obj:
        return Obj(some=(Some(layer=self.layer(seen, FALSE), value=bad),))

    def _open_array(self, seen: Seen, child: Node) -> Arr:
        either = self._passing(seen, child)
        bad = goal_of(either, negated=True)
        if bad == TRUE:
            return Arr(low=seen.first + 1)
        return Arr(contains=(Contains(bad, goal_of(either), 1, None, seen.first),))

    def _passing(self, seen: Seen, child: Node) -> Node:
        """What an item behind the evaluated ones satisfies."""
        nodes = self.algebra.nodes
        marks = tuple([nodes[index] for index in sorted(seen.nodes)])
        several = marks if goal_of(child) == FALSE and marks else (child.canon, *marks)
        if len(several) == 1:
            return several[0]
        key = (child.canon.index, seen.nodes)
        found = self._either.get(key)
        if found is None:  # a node without a place of its own in the document
            found = self._either[key] = Node(len(nodes), child.cell)
            found.items = (("any", None, several),)
            nodes.append(found)
        return found

    def layer(self, seen: Seen, rest: Goal) -> Layer:
        """The layer that speaks of the properties that were not evaluated."""
        found = self._layers.get((seen, rest))
        if found is None:
            names = dict.fromkeys(sorted(seen.names), TRUE)
            found = self._layers[(seen, rest)] = Layer(names, tuple([(one, TRUE) for one in sorted(seen.patterns)]), rest, loose=True)
        return found

    # ---- tracing ----

    def items(self, node: Node, how: How) -> Form:
        """All items of a node hold, but those that ask what was evaluated."""
        seen = NOTHING
        for item in node.items:
            seen = seen.also(self._own(item))
        start = self._form(self._shapes(self.free)[0]._replace(seen=seen)) if seen != NOTHING else self.free
        return self._maximal(self.algebra.conjunction(node, partial(self._logic, how=how), start), how)

    def of(self, node: Node, how: How) -> Form:
        """The traced form of a node."""
        node = node.canon
        key = (node.index, how)
        found = self._known.get(key)
        if found is not None:
            return found
        if any(kind == self.kind for kind, _, _ in node.items):
            shapes = self._shapes(self.algebra.of(node))
            return only(self.field, tuple([one._replace(seen=EVERYTHING) for one in shapes]))
        found, final = self.algebra.fixed(partial(self.items, node, how), node, (self.field, *key))
        if final:
            self._known[key] = found
        return found

    def _own(self, item: Item) -> Seen:
        """What one keyword evaluates, where it holds."""
        kind, payload, children = item
        if kind == "object" == self.field:
            names, patterns, has_rest = payload
            return EVERYTHING if has_rest else Seen(frozenset(names), frozenset(patterns))
        if kind == "array" == self.field:
            size, has_rest = payload
            return EVERYTHING if has_rest else Seen(first=size)
        if kind == "marks" and self.field == "array":
            return Seen(nodes=frozenset((children[0].canon.index,)))
        # a keyword that was relaxed may have evaluated anything
        return EVERYTHING if kind == "open" and payload & self.bit else NOTHING

    def _logic(self, node: Node, item: Item, how: How) -> Form:
        kind, payload, children = item
        if kind == "ref":
            return self.of(children[0], how)
        if kind == "all":
            form = self.free
            for child in children:
                form = meet(form, self.of(child, how), self.algebra.overlap.void)
            return form
        if kind == "any":
            return self._parted(children, BOTTOM) if how.exact else self._any(node, children, (), how)
        if kind == "tried":
            return self._parted(children, self.free) if how.exact else self._any(node, children, self._shapes(self.free), how)
        if kind == "one":
            return self.algebra.overlap.exactly_one(children, [self.of(child, how) for child in children])
        if kind == "if":
            return self._choice(payload, children, how)
        if kind == "shapes" and self.field == "object":
            entries = [(name, self.of(child, how)) for name, child in zip(payload, children, strict=True)]
            return self.algebra.dependent(entries)
        return self.algebra.logic(node, item)

    def _any(self, node: Node, children: Sequence[Node], start: tuple[Any, ...], how: How) -> Form:
        """Some of the branches hold.

        Branches that say what some names `alone` of theirs are (and at most that the only one is there) do not multiply: such a name is
        evaluated only where its branch holds, so where it is there, the branch has to hold, and where it is not, nothing is lost by
        saying what it would be. Nor do branches that say `contains` alone: they hold wherever there is an item that they evaluate. All
        these branches are said at once, and one of them, or a set of the others, holds.
        """
        branches = [self._shapes(self.of(child, how)) for child in children]
        is_easy = partial(self._is_easy, alone=how.alone) if self.field == "object" else _is_easy_array
        easy = [one[0] for one in branches if len(one) == 1 and is_easy(one[0])]
        always, besides = self.free, start
        if len(easy) > 1:
            branches = [one for one in branches if len(one) != 1 or one[0] not in easy]
            for one in easy:
                always = meet(always, self._form(self._eased(one)), self.algebra.overlap.void)
            besides += tuple(easy) if all(one != self._eased(one) for one in easy) else self._shapes(self.free)
        found = dict.fromkeys((*self._sets(node, branches, start), *besides))
        return meet(always, only(self.field, tuple(found)), self.algebra.overlap.void)

    def _sets(self, node: Node, branches: Sequence[tuple[Any, ...]], start: tuple[Any, ...]) -> dict[Any, None]:
        """`start`, and every set of branches that can hold together and that evaluates more than its parts.

        Built branch by branch: a set that contradicts itself is never added to. Where one side has evaluated all that both do, the
        combination allows less than that side and is left out.
        """
        meet_two: Any = meet_obj if self.field == "object" else meet_arr
        found: dict[Any, None] = dict.fromkeys(start)
        weight = 0
        for several in branches:
            fresh: dict[Any, None] = dict.fromkeys(several)
            for branch in several:
                for one in found:
                    both = one.seen.also(branch.seen)
                    if both in (one.seen, branch.seen):
                        continue
                    met = meet_two(one, branch, self.algebra.overlap.void)
                    if met is not None:
                        fresh[met] = None
                        weight += _weight(met)
                if len(found) + len(fresh) > MAX_SHAPES or weight > MAX_WEIGHT:
                    why = "too many sets of branches of anyOf can hold together, each with other evaluated properties or items"
                    raise BudgetExceeded(why, where=pointer(node.cell), hint=_HINT)
            found |= fresh
        return found

    @staticmethod
    def _eased(shape: Any) -> Any:
        """An easy shape without what may be missing where it evaluates nothing."""
        return shape._replace(required=()) if isinstance(shape, Obj) else shape._replace(contains=())

    @staticmethod
    def _is_easy(shape: Obj, alone: frozenset[str]) -> bool:
        """True where the absence of the shape's own names makes it hold, or where the only one it has is required."""
        if any(layer.patterns or layer.rest != TRUE for layer in shape.layers) or shape != Obj(
            shape.layers, shape.required, seen=shape.seen
        ):
            return False
        names = {name for layer in shape.layers for name in layer.properties}
        return names <= shape.seen.names & alone and (not shape.required or (len(names) == 1 and {*shape.required} == names))

    def _alone(self, node: Node) -> frozenset[str]:
        """The names that one place alone evaluates, of all that stand in place of a node; empty where nothing is to be gained by them."""
        count: Counter[str] = Counter()
        visits: Counter[int] = Counter()
        patterns: set[str] = set()
        several = False
        todo = [node]
        while todo:
            one = todo.pop().canon
            visits[one.index] += 1
            if visits[one.index] > 2:  # twice is enough to tell that its names are not alone
                continue
            for item in one.items:
                kind, _, children = item
                own = self._own(item)
                if own.everything or (kind == self.kind and one is not node.canon):
                    return frozenset()
                count.update(own.names)
                patterns |= own.patterns
                several |= kind == "any" and len(children) > 2
                todo += children if kind in PLACES else ()
        if not several:
            return frozenset()
        return frozenset([name for name, n in count.items() if n == 1 and not any(matches(pattern, name) for pattern in patterns)])

    def _parted(self, children: Sequence[Node], none: Form) -> Form:
        """Exactly: each set of branches that evaluate something, without the others. `none`: what may hold where no branch does."""
        overlap = self.algebra.overlap
        forms = [self.of(child, EXACT) for child in children]
        some, rest, silent = BOTTOM, self.free, [none]
        for child, form in zip(children, forms, strict=True):
            if all(shape.seen == NOTHING for shape in self._shapes(form)):
                silent.append(form)
                continue
            some = unite([meet(some, form, overlap.void), overlap.without(some, child), meet(rest, form, overlap.void)])
            rest = overlap.without(rest, child)
        return unite([some, meet(rest, unite(silent), overlap.void)])

    def _choice(self, payload: tuple[bool, bool], children: Sequence[Node], how: How) -> Form:
        test, branches = children[0], list(children[1:])
        yes = self.of(branches.pop(0), how) if payload[0] else self.free
        no = self.of(branches.pop(0), how) if payload[1] else self.free
        void = self.algebra.overlap.void
        return unite([meet(self.of(test, how), yes, void), meet(self.algebra.of(test, True), no, void)])

    def _maximal(self, form: Form, how: How) -> Form:
        """Without alternatives that differ from another one only by having evaluated less."""
        shapes = self._shapes(form)
        if how.exact or len(shapes) < 2:
            return form
        groups: dict[Any, dict[Seen, None]] = {}
        for shape in shapes:
            groups.setdefault(shape._replace(seen=NOTHING), {})[shape.seen] = None
        if len(groups) == len(shapes):
            return form
        kept = [
            shape._replace(seen=one)
            for shape, several in groups.items()
            for one in several
            if not any(other != one and other.also(one) == other for other in several)
        ]
        return only(self.field, tuple(kept))

    def _shapes(self, form: Form) -> tuple[Any, ...]:
        shapes: tuple[Any, ...] = getattr(form, self.field)
        return shapes

    def _form(self, shape: Arr | Obj) -> Form:
        return only(self.field, (shape,))


def _is_easy_array(shape: Arr) -> bool:
    """True where all that is asked of an array is that it contains an item of those that count as evaluated."""
    if shape != Arr(contains=shape.contains, seen=Seen(nodes=shape.seen.nodes)) or len(shape.contains) > 1 or len(shape.seen.nodes) != 1:
        return False
    (node,) = shape.seen.nodes
    return all(one.goal == (2 * node,) and one.low <= 1 and one.high is None and one.start == 0 for one in shape.contains)


def _weight(shape: Arr | Obj) -> int:
    """About how many edges the network of an array has for what it contains (`arrays`)."""
    return 4 ** len(shape.contains) if isinstance(shape, Arr) else 1


_HINT: Final = "Give the branches a required property with different constants, or declare their properties beside the anyOf."
