"""Schemas as a Boolean algebra: the form of a literal and of a goal, each worked out when somebody asks, and remembered.

    form(goal)       the intersection of the forms of its literals
    positive(node)   the intersection over the items of a node
    negative(node)   the union of the negations of its items: not (minLength 3) is maxLength 2, not (properties {a: S}) is: a is there and
    is not S

Sub-schemas of items and properties stay goals, so recursion through them costs nothing here. Recursion in place (`allOf`, `$ref` to
itself without an item or property in between) is a fixpoint: the least one, where the reference to itself is taken as false (under `not`
as true).

Not here: emptiness as a fixpoint over required parts (`empty`); the keywords of one type each (`facets`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from structgen.errors import BudgetExceeded, SchemaError
from structgen.frontends.jsonschema import facets
from structgen.frontends.jsonschema.census import Census
from structgen.frontends.jsonschema.constants import ARRAY, BOOLEAN, WRITTEN, Constant, Rational, plain
from structgen.frontends.jsonschema.evaluated import KINDS, SILENT, Trace
from structgen.frontends.jsonschema.load import located, pointer
from structgen.frontends.jsonschema.node import ALL, ARR, BOOL, FALSE, NULL, NUM, OBJ, STR, TRUE, Goal, Item, Node, goal_of, join
from structgen.frontends.jsonschema.overlap import Overlap, Unknown
from structgen.frontends.jsonschema.shapes import (
    ANY_ARR,
    ANY_NUM,
    ANY_OBJ,
    ANY_STR,
    BOTTOM,
    ONE,
    TOP,
    Among,
    Arr,
    Form,
    Layer,
    Num,
    Obj,
    Some,
    Str,
    Tag,
    alternatives,
    meet,
    meet_obj,
    only,
    unite,
)

if TYPE_CHECKING:
    from structgen.frontends.jsonschema.keys import Plan

MAX_DEPTH: Final = 60
"""How deep `allOf`, `anyOf`, `oneOf`, `not`, `if` and `$ref` may nest without an item or property in between."""


def by_type(mask: int) -> Form:
    """Every value of the types in the mask."""
    if mask == ALL:
        return TOP
    return Form(
        bool(mask & NULL),
        3 if mask & BOOL else 0,
        (ANY_NUM,) if mask & NUM else (),
        (ANY_STR,) if mask & STR else (),
        (ANY_ARR,) if mask & ARR else (),
        (ANY_OBJ,) if mask & OBJ else (),
    )


Enumeration = tuple[bool, int, tuple[Rational, ...], tuple[str, ...], tuple[Constant, ...]]
"""Whether null, which booleans (1 false, 2 true), numbers, strings, and constants of arrays and objects."""


def _required(node: Node) -> tuple[str, ...]:
    """The names of a node that requires some and asks for nothing else."""
    kind, payload, _ = node.items[0] if len(node.items) == 1 else ("", (), ())
    return payload if kind == "required" else ()


def _sorted(values: Iterable[Constant]) -> Enumeration:
    """Constants by type."""
    values = list(values)
    numbers = tuple([one for one in values if isinstance(one, Rational)])
    strings = tuple([one for one in values if isinstance(one, str)])
    boolean = sum(1 + bool(one[1]) for one in values if isinstance(one, tuple) and one[0] == BOOLEAN)
    containers = tuple([one for one in values if isinstance(one, tuple) and one[0] != BOOLEAN])
    return None in values, boolean, numbers, strings, containers


_OBJECT: Final = frozenset(("object", "required", "minprops", "maxprops", "names"))


class Algebra:
    """Forms of the nodes of one document."""

    def __init__(self, nodes: list[Node]) -> None:
        self.nodes = nodes
        self._literals: dict[int, Form] = {}
        self._goals: dict[Goal, Form] = {TRUE: TOP, FALSE: BOTTOM}
        self._open: dict[object, bool] = {}  # node index -> sign, while its form is being made; or of a traced form
        self.loops = 0  # how often a form looked at a node being made: such forms are not remembered
        self._layers: dict[tuple[int, object], Layer] = {}
        self.plans: dict[Obj, Plan] = {}  # of `keys.plan`
        self._among: dict[frozenset[Constant], int] = {}
        self.probing = 0  # more than 0: somebody would like to know, but not from forms that are not finished
        self.overlap = Overlap(self)
        self.census = Census(self)
        self.traces = {"object": Trace(self, "object"), "array": Trace(self, "array")}

    def form(self, goal: Goal) -> Form:
        """What satisfies a goal."""
        found = self._goals.get(goal)
        if found is None:
            loops = self.loops
            if len(goal) == 1:
                found = self.literal(goal[0])
            else:
                known = self._goals.get(goal[:-1])  # goals grow by one literal at a time, which is often the last
                found = TOP if known is None else known
                for literal in goal if known is None else goal[-1:]:
                    found = meet(found, self.literal(literal), self.overlap.void)
            for shape in found.object:
                if shape.needs and shape.is_counted:
                    found = found._replace(object=alternatives([one for shape in found.object for one in self._spread(shape)]))
                    break
            if loops == self.loops or not self._open:
                self._goals[goal] = found
        return found

    def _spread(self, shape: Obj) -> list[Obj]:
        """The shape as alternatives without needs, where its members are counted."""
        if not (shape.needs and shape.is_counted):
            return [shape]
        found = [shape._replace(needs=())]
        for names, others in shape.needs:
            either = [*(Obj(layers=(self.absent(name),)) for name in names), Obj(required=(*names, *others))]
            found = list(alternatives([met for a in found for b in either if (met := meet_obj(a, b, self.overlap.void)) is not None]))
        return found

    def literal(self, literal: int) -> Form:
        """What satisfies a node, or does not satisfy it."""
        found = self._literals.get(literal)
        if found is None:
            negated, node = bool(literal & 1), self.nodes[literal >> 1].canon
            make = partial(self._negative if negated else self._positive, node)
            found, final = self.fixed(make, node, node.index, negated=negated)
            if final:
                self._literals[literal] = found
        return found

    def fixed(self, make: Callable[[], Form], node: Node, key: object, *, negated: bool = False) -> tuple[Form, bool]:
        """(the form that `make` makes, may it be remembered). Asked for while it is being made (`key` tells), it is the least one."""
        if key in self._open:
            if self.probing:
                raise Unknown
            if self._open[key] != negated:
                raise SchemaError("the schema is defined as its own negation", where=pointer(node.cell))
            self.loops += 1
            return TOP if negated else BOTTOM, False
        if len(self._open) >= MAX_DEPTH:
            why = f"more than {MAX_DEPTH} levels of allOf, anyOf, oneOf, not, if or $ref without a property or item in between"
            raise BudgetExceeded(why, where=pointer(node.cell), hint="Write schemas that stand in one another's place into one.")
        loops = self.loops
        self._open[key] = negated
        try:
            found = make()
        except BudgetExceeded as error:
            raise located(error, node.cell) from None
        finally:
            del self._open[key]
        return found, loops == self.loops or not self._open

    def of(self, node: Node, negated: bool = False) -> Form:
        """The form of a node or of its negation."""
        return self.form(goal_of(node, negated=negated))

    # ---- constants ----

    def among(self, values: Iterable[Constant]) -> Goal:
        """To be one of some constants."""
        return (2 * self._constants(frozenset(values)),)

    def apart(self, values: Iterable[Constant]) -> Goal:
        """To be none of some constants."""
        return (2 * self._constants(frozenset(values)) + 1,)

    def _constants(self, values: frozenset[Constant]) -> int:
        found = self._among.get(values)
        if found is None:
            node = Node(len(self.nodes), "")
            node.items, node.state = (("among", values, ()),), 2
            self.nodes.append(node)
            found = self._among[values] = node.index
        return found

    def lone_array(self, shape: Arr, one: Constant) -> Arr:
        """What a shape says of one of its constants, item by item."""
        assert isinstance(one, tuple)
        goals = tuple([join(shape.item(i), self.among((item,))) for i, item in enumerate(one[1:])])
        size = len(goals)
        return Arr(goals, FALSE, size, size, shape.contains)

    def lone_object(self, shape: Obj, one: Constant) -> Obj:
        """What a shape says of one of its constants, member by member: those that it declares first."""
        assert isinstance(one, tuple)
        members = {key: self.among((value,)) for key, value in one[1:]}
        layer = Layer(members, (), FALSE, loose=one[0] != WRITTEN)
        return Obj((*shape.layers, layer), tuple(members), some=shape.some)

    # ---- a node holds ----

    def _positive(self, node: Node) -> Form:
        form = self.conjunction(node, self.logic, TOP)
        for kind, _, children in node.items:
            if kind in KINDS and goal_of(children[0]) != TRUE:
                form = self.traces[KINDS[kind]].left(form, node, children[0])
        return form

    def conjunction(self, node: Node, logic: Callable[[Node, Item], Form], form: Form) -> Form:
        """`form`, and all items of a node but those of KINDS. `logic`: what an item means that speaks of several types."""
        own = facets.Facets(self)
        parts: list[Form | None] = []  # None: the place of the facets, where properties stand among allOf and the like
        denied: list[Node] = []
        for item in node.items:
            kind, _, children = item
            if own.take(node, item):
                if kind == "object" and parts and None not in parts:
                    parts.append(None)
                continue
            if kind == "never":
                return BOTTOM
            if kind == "not":
                denied.append(children[0])
            elif kind != "open" and kind not in KINDS:
                parts.append(logic(node, item))
        found = own.form()
        if form is TOP and not parts and not denied:
            return found
        form = form if None in parts else meet(form, found, self.overlap.void)
        for part in parts:
            form = meet(form, found if part is None else part, self.overlap.void)
        for child in denied:
            form = self.overlap.without(form, child)
        return form

    def logic(self, node: Node, item: Item) -> Form:
        """What an item means that speaks of several types."""
        kind, payload, children = item
        if kind == "ref":
            return self.of(children[0])
        if kind == "all":
            return self.all_of(children)
        if kind == "any":
            return unite([self.of(child) for child in children])
        if kind == "one":
            return self.overlap.exactly_one(children)
        if kind == "if":
            names, others = _required(children[0]), _required(children[1])
            if names and others and payload == (True, False):
                return TOP._replace(object=(Obj(needs=((names, others),)),))
            return self._choice(payload, children, negated=False)
        if kind == "enum":
            return self._enum(payload, children)
        if kind == "among":
            return self._enum(_sorted(payload), ())
        if kind in SILENT:
            return TOP
        return self.dependent([(name, self.of(child)) for name, child in zip(payload, children, strict=True)])

    def all_of(self, children: Sequence[Node], *, negated: bool = False) -> Form:
        """All of the nodes hold, or none of them."""
        form = TOP
        for child in children:
            form = meet(form, self.of(child, negated), self.overlap.void)
        return form

    def _choice(self, payload: tuple[bool, bool], children: Sequence[Node], *, negated: bool) -> Form:
        """if, then, else; or their negation."""
        test, branches = children[0], list(children[1:])
        yes = self.of(branches.pop(0), negated) if payload[0] else BOTTOM if negated else TOP
        no = self.of(branches.pop(0), negated) if payload[1] else BOTTOM if negated else TOP
        void = self.overlap.void
        return unite([meet(self.of(test), yes, void), meet(self.of(test, True), no, void)])

    def _enum(self, payload: Enumeration, children: Sequence[Node]) -> Form:
        null, booleans, numbers, strings, containers = payload
        form = Form(null, booleans, (Num(values=numbers),) if numbers else (), (Str(values=strings),) if strings else (), (), ())
        arrays = [one for one in containers if isinstance(one, tuple) and one[0] == ARRAY]
        objects = [one for one in containers if isinstance(one, tuple) and one[0] != ARRAY]
        if arrays:
            form = form._replace(array=(Arr(among=Among(arrays)),))
        if objects:
            form = form._replace(object=(Obj(among=Among(objects)),))
        return unite([form, *(self.of(child) for child in children)]) if children else form

    def layer(self, node: Node, payload: tuple[tuple[str, ...], tuple[str, ...], bool], children: Sequence[Node]) -> Layer:
        """What a node says about properties."""
        found = self._layers.get((node.index, "whole"))
        if found is None:
            names, patterns, has_rest = payload
            goals = [goal_of(child) for child in children]
            properties = dict(zip(names, goals, strict=False))
            rules = tuple(zip(patterns, goals[len(names) :], strict=False)) if patterns else ()
            found = self._layers[(node.index, "whole")] = Layer(properties, rules, goals[-1] if has_rest else TRUE, tag=self._tag)
        return found

    def _tag(self, goal: Goal) -> Tag | None:
        """Which constants the values of a goal are among, or not among; None where it does not speak of constants."""
        if len(goal) != 1:
            return None
        for kind, payload, children in self.nodes[goal[0] >> 1].canon.items:
            if kind == "enum" and not children and not payload[4]:
                null, booleans, numbers, strings, _ = payload
                words = [None] if null else []
                return bool(goal[0] & 1), frozenset([*words, *((BOOLEAN, bit > 1) for bit in (1, 2) if booleans & bit), *numbers, *strings])
        return None

    def lone(self, node: Node, name: str, goal: Goal) -> Layer:
        """A layer that speaks of one property only."""
        key = (node.index, (name, goal))
        found = self._layers.get(key)
        if found is None:
            found = self._layers[key] = Layer({name: goal}, tag=self._tag)
        return found

    def absent(self, name: str) -> Layer:
        """A layer that forbids a property."""
        return self.lone(self.nodes[0], name, FALSE)

    def dependent(self, entries: Sequence[tuple[str, Form]]) -> Form:
        """For each entry: the property is absent, or the form holds (for objects; other types are free)."""
        result: Form = TOP
        for name, form in entries:
            there = tuple([met for one in form.object if (met := meet_obj(Obj(required=(name,)), one, self.overlap.void)) is not None])
            either = TOP._replace(object=(Obj(layers=(self.absent(name),)), *there))
            result = meet(result, either, self.overlap.void)
        return result

    # ---- a node does not hold ----

    def _negative(self, node: Node) -> Form:
        form = unite([self._denied(node, item) for item in node.items])
        kinds = [kind for kind, _, _ in node.items]
        return self._eased(form) if "required" in kinds and "object" in kinds else form

    def _eased(self, form: Form) -> Form:
        """ "The property is absent" and "it is there and not S" become one alternative: "if it is there, it is not S"."""
        absent = {one.layers[0] for one in form.object if len(one.layers) == 1 and one == Obj(layers=one.layers)}
        kept: dict[Obj, None] = {}
        eased: set[Layer] = set()
        for one in form.object:
            if len(one.required) == 1 and len(one.layers) == 1 and one == Obj(one.layers, one.required):
                gone = self.absent(one.required[0])
                if gone in absent:
                    eased.add(gone)
                    one = Obj(one.layers)  # noqa: PLW2901
            kept[one] = None
        return form._replace(object=tuple([one for one in kept if one.layers[:1] == () or one.layers[0] not in eased]))

    def _denied(self, node: Node, item: Item) -> Form:
        kind, payload, children = item
        if kind == "type":
            rest = by_type(ALL & ~payload[0])
            return unite([rest, only("number", (Num(others=frozenset((ONE,))),))]) if payload[1] and payload[0] & NUM else rest
        own = facets.denied(item)
        if own is not None:
            return own
        if kind in _OBJECT:
            return self._not_object(node, kind, payload, children)
        if kind == "open":
            return by_type(payload)
        if kind in KINDS:
            return self.traces[KINDS[kind]].failing(node, children[0])
        if kind in SILENT:
            return BOTTOM
        if kind == "enum":
            return self._not_enum(payload, children)
        if kind == "among":
            return self._not_enum(_sorted(payload), ())
        if kind in ("ref", "not"):
            return self.of(children[0], kind == "ref")
        if kind == "all":
            return unite([self.of(child, True) for child in children])
        if kind == "any":
            return self.all_of(children, negated=True)
        if kind == "one":
            return self.overlap.not_one(children)
        if kind == "if":
            return self._choice(payload, children, negated=True)
        return self._not_dependent(kind, payload, children)

    def _not_enum(self, payload: Enumeration, children: Sequence[Node]) -> Form:
        null, booleans, numbers, strings, containers = payload
        if children:
            raise BudgetExceeded("the negation of a constant that nests too deep", hint="Deny it by a schema of its outer levels.")
        arrays = frozenset(plain(one) for one in containers if isinstance(one, tuple) and one[0] == ARRAY)
        objects = frozenset(map(plain, containers)) - arrays
        return Form(
            not null,
            3 & ~booleans,
            (Num(but=frozenset(numbers)),),
            (Str(but=frozenset(strings)),),
            (Arr(apart=arrays),),
            (Obj(apart=objects),),
        )

    def _not_object(self, node: Node, kind: str, payload: Any, children: Sequence[Node]) -> Form:
        if kind == "required":
            return only("object", tuple([Obj(layers=(self.absent(name),)) for name in payload]))
        if kind == "minprops":
            return only("object", (Obj(high=payload - 1),)) if payload else BOTTOM
        if kind == "maxprops":
            return only("object", (Obj(low=payload + 1),))
        if kind == "names":
            bad = goal_of(children[0], negated=True)
            return BOTTOM if bad == FALSE else only("object", (Obj(some=(Some(names=bad),)),))
        names, patterns, has_rest = payload
        shapes: list[Obj] = []
        for name, child in zip(names, children, strict=False):
            bad = goal_of(child, negated=True)
            if bad != FALSE:
                shapes.append(Obj(layers=(self.lone(node, name, bad),), required=(name,)))
        for pattern, child in zip(patterns, children[len(names) :], strict=False):
            bad = goal_of(child, negated=True)
            if bad != FALSE:
                shapes.append(Obj(some=(Some(pattern=pattern, value=bad),)))
        if has_rest:
            bad = goal_of(children[-1], negated=True)
            if bad != FALSE:
                shapes.append(Obj(some=(Some(layer=self.layer(node, payload, children), value=bad),)))
        return only("object", tuple(shapes))

    def _not_dependent(self, kind: str, payload: Any, children: Sequence[Node]) -> Form:
        shapes: list[Obj] = []
        if kind == "needs":
            for name, others in payload:
                shapes += [Obj(layers=(self.absent(other),), required=(name,)) for other in others if other != name]
        else:
            for name, child in zip(payload, children, strict=True):
                bad = self.of(child, True).object
                shapes += [met for one in bad if (met := meet_obj(Obj(required=(name,)), one, self.overlap.void)) is not None]
        return only("object", tuple(shapes))
