"""Shapes: conjunctions of facets for one JSON type, and forms: unions of shapes.

    Num     bounds, divisors, or a finite set of values
    Str     length bounds, patterns and formats that hold or do not hold, or a finite set of values
    Arr     goals of the first items, goal of the rest, count, obligations to contain, uniqueness, constants that it is not
    Obj     layers (one for each schema that speaks of properties), required names, count, goal of the names, obligations, constants that
            it is not
    Form    null or not, the set of booleans, and a tuple of alternative shapes for each other type

`meet_*` intersect two shapes; None says that nothing satisfies both. Goals of parts (items, property values) are only joined here: what
they mean is looked up when somebody asks (`algebra`). All are plain values: equal shapes are equal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fractions import Fraction
from typing import Any, Final, NamedTuple, TypeVar

from structgen.errors import BudgetExceeded
from structgen.frontends.jsonschema.constants import Constant, Rational, is_multiple, plain
from structgen.frontends.jsonschema.node import FALSE, TRUE, Goal, join, join_all
from structgen.frontends.jsonschema.strings import Atom, matches

MAX_SHAPES: Final = 5000
"""The most alternatives of one type in one form."""

MANY: Final = 8
"""From so many layers on, what they say of a property is remembered."""

Tag = tuple[bool, frozenset[Constant]]
"""(negated, a set of constants)."""

Void = Callable[[Goal], bool]
"""Tells (without looking deep) that a goal cannot be satisfied."""


class Num(NamedTuple):
    """Numbers: within bounds, multiples of `divisors`, of none of `others`, not in `but`; or one of `values`.

    `bare`: spelled without fraction and exponent (an integer of draft 4 is a matter of spelling).
    """

    low: Fraction | None = None
    low_open: bool = False
    high: Fraction | None = None
    high_open: bool = False
    divisors: frozenset[Fraction] = frozenset()
    others: frozenset[Fraction] = frozenset()
    but: frozenset[Rational] = frozenset()
    values: tuple[Rational, ...] | None = None
    bare: bool = False


class Str(NamedTuple):
    """Strings: `low` to `high` characters, satisfying each atom of `has` and none of `lacks`, not in `but`; or one of `values`."""

    low: int = 0
    high: int | None = None
    has: tuple[Atom, ...] = ()
    lacks: tuple[Atom, ...] = ()
    but: frozenset[str] = frozenset()
    values: tuple[str, ...] | None = None


class Seen(NamedTuple):
    """What keywords have evaluated: properties with one of the names or matching one of the patterns; the first items, and those that
    satisfy one of the nodes; or everything, which stands alone. Only traced shapes (`evaluated`) have evaluated something."""

    names: frozenset[str] = frozenset()
    patterns: frozenset[str] = frozenset()
    first: int = 0
    nodes: frozenset[int] = frozenset()
    everything: bool = False

    def also(self, other: Seen) -> Seen:
        """What one of the two has evaluated."""
        if self is other or self.everything or other == NOTHING:
            return self
        if other.everything or self == NOTHING:
            return other
        return Seen(self.names | other.names, self.patterns | other.patterns, max(self.first, other.first), self.nodes | other.nodes)


NOTHING: Final = Seen()
EVERYTHING: Final = Seen(everything=True)


class Among:
    """A set of constants of one type, arrays or objects. `written`: they, some perhaps with several orders of their members.

    What else a shape says of them is looked at when somebody asks (`census.settled`).
    """

    __slots__ = ("_values", "written")

    def __init__(self, written: Iterable[Constant]) -> None:
        self.written = tuple(written)
        self._values: dict[Constant, tuple[Constant, ...]] | None = None

    @property
    def values(self) -> dict[Constant, tuple[Constant, ...]]:
        """The plain constants, each with the orders of its members."""
        if self._values is None:
            values: dict[Constant, tuple[Constant, ...]] = {}
            for one in self.written:
                orders, key = (one,), plain(one)
                if values.setdefault(key, orders) is not orders:
                    values[key] = _once(values[key], orders)
            self._values = values
        return self._values

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Among) and self.written == other.written)

    def __hash__(self) -> int:
        return hash((len(self.written), self.written[:1]))


class Contains(NamedTuple):
    """An obligation: from item `start` on, `low` to `high` items satisfy `goal`; the others satisfy its negation `other`."""

    goal: Goal
    other: Goal
    low: int
    high: int | None
    start: int = 0


class Arr(NamedTuple):
    """Arrays: item i satisfies prefix[i], later ones `rest`; `low` to `high` of them; obligations to contain; `unique`: no two items are
    equal (False: some two are); it is none of the constants `apart`, and (where that is not None) one of `among`."""

    prefix: tuple[Goal, ...] = ()
    rest: Goal = TRUE
    low: int = 0
    high: int | None = None
    contains: tuple[Contains, ...] = ()
    unique: bool | None = None
    apart: frozenset[Constant] = frozenset()
    seen: Seen = NOTHING
    among: Among | None = None

    def item(self, i: int) -> Goal:
        """What item i has to satisfy."""
        return self.prefix[i] if i < len(self.prefix) else self.rest


class Layer:
    """What one schema says about properties. Compared by identity.

    `properties`: name -> goal; `patterns`: (pattern, goal) pairs; `rest`: the goal of all other properties. `loose`: its names have no
    place in schema order. `tag`: which constants the values of a goal are among, or (True) not among. `memo`: what this layer and those
    before it say of a name.
    """

    __slots__ = ("_tag", "_tags", "loose", "memo", "patterns", "properties", "rest")

    def __init__(
        self,
        properties: dict[str, Goal],
        patterns: tuple[tuple[str, Goal], ...] = (),
        rest: Goal = TRUE,
        *,
        loose: bool = False,
        tag: Callable[[Goal], Tag | None] | None = None,
    ) -> None:
        self.properties, self.patterns, self.rest, self.loose = properties, patterns, rest, loose
        self._tag = tag
        self._tags: dict[str, Tag] | None = None
        self.memo: dict[tuple[tuple[Layer, ...], str], Goal] = {}

    @property
    def tags(self) -> dict[str, Tag]:
        """The tags of the properties that have one: looked for when layers meet, for most never do."""
        if self._tags is None:
            found = {} if self._tag is None else {name: self._tag(goal) for name, goal in self.properties.items()}
            self._tags = {name: tag for name, tag in found.items() if tag is not None}
        return self._tags

    def goal(self, name: str) -> Goal:
        """What the value of a property has to satisfy."""
        found = self.properties.get(name)
        if not self.patterns:
            return self.rest if found is None else found
        goal = TRUE if found is None else found
        hit = found is not None
        for pattern, one in self.patterns:
            if matches(pattern, name):
                hit, goal = True, join(goal, one)
        return goal if hit else self.rest

    def declares(self, name: str) -> bool:
        """True where `rest` does not speak of the name."""
        return name in self.properties or any(matches(pattern, name) for pattern, _ in self.patterns)


class Some(NamedTuple):
    """An obligation: at least one key is none of the names that `layer` declares, matches `pattern`, or is a string of `names`; and its
    value satisfies `value`."""

    layer: Layer | None = None
    pattern: str | None = None
    names: Goal = TRUE
    value: Goal = TRUE


Need = tuple[tuple[str, ...], tuple[str, ...]]
"""Where all properties of the first names are there, those of the second are, too."""


class Obj(NamedTuple):
    """Objects: each property satisfies its goal in every layer; `required` are there; `low` to `high` of them; keys satisfy `names`;
    `apart` and `among` as with arrays; no `needs` are open that the required properties have."""

    layers: tuple[Layer, ...] = ()
    required: tuple[str, ...] = ()
    low: int = 0
    high: int | None = None
    names: Goal = TRUE
    some: tuple[Some, ...] = ()
    apart: frozenset[Constant] = frozenset()
    seen: Seen = NOTHING
    among: Among | None = None
    needs: tuple[Need, ...] = ()

    @property
    def is_counted(self) -> bool:
        """Whether it may matter which members there are besides the required ones, or how many."""
        return bool(self.low > len(self.required) or self.high is not None or self.some or self.apart)

    def goal(self, name: str) -> Goal:
        """What the value of a property has to satisfy."""
        layers = self.layers
        if len(layers) == 1:
            return layers[0].goal(name)
        if len(layers) < MANY:
            return join_all([layer.goal(name) for layer in layers])
        memo, key = layers[-1].memo, (layers[:-1], name)
        goal = memo.get(key)
        if goal is None:  # shapes grow by one layer at a time
            head = layers[-2].memo.get((layers[:-2], name))
            goal = join_all([layer.goal(name) for layer in layers] if head is None else [head, layers[-1].goal(name)])
            memo[key] = goal
        return goal


class Form(NamedTuple):
    """A union: null or not, booleans (1 false, 2 true), and the alternatives of each other type."""

    null: bool
    boolean: int
    number: tuple[Num, ...]
    string: tuple[Str, ...]
    array: tuple[Arr, ...]
    object: tuple[Obj, ...]


def goals_in(form: Form) -> list[Goal]:
    """The goals of items, properties and names of a form."""
    found: list[Goal] = []
    for array in form.array:
        found += [*array.prefix, array.rest, *(one.goal for one in array.contains)]
        found += [one.other for one in array.contains if one.high is not None]
    for shape in form.object:
        found.append(shape.names)
        found += [goal for one in shape.some for goal in (one.names, one.value)]
        for layer in shape.layers:
            found += [*map(shape.goal, layer.properties), *(goal for _, goal in layer.patterns), layer.rest]
    return found


_T = TypeVar("_T")
_S = TypeVar("_S", Arr, Obj)

ANY_NUM, ANY_STR, ANY_ARR, ANY_OBJ = Num(), Str(), Arr(), Obj()
TOP: Final = Form(True, 3, (ANY_NUM,), (ANY_STR,), (ANY_ARR,), (ANY_OBJ,))
BOTTOM: Final = Form(False, 0, (), (), (), ())
ONE: Final = Fraction(1)


def only(field: str, shapes: tuple[Any, ...]) -> Form:
    """The form with these alternatives of one type and nothing else."""
    return BOTTOM._replace(**{field: shapes})  # type: ignore[arg-type]


def _highest(a: int | None, b: int | None) -> int | None:
    return b if a is None else a if b is None else min(a, b)


def _once(first: tuple[_T, ...], second: tuple[_T, ...]) -> tuple[_T, ...]:
    return first + tuple([one for one in second if one not in first]) if first and second else first or second


def meet_num(a: Num, b: Num) -> Num | None:
    """Both. Values are sifted at once."""
    if a is ANY_NUM or b is ANY_NUM:
        return b if a is ANY_NUM else a
    if a.values is not None or b.values is not None:
        first, second = (a, b) if a.values is not None else (b, a)
        mine = frozenset(second.values or ())
        values = tuple([v for v in first.values or () if (v in mine if second.values is not None else has_number(second, v))])
        return Num(values=values, bare=a.bare or b.bare) if values else None
    low, low_open = max(((a.low, a.low_open), (b.low, b.low_open)), key=lambda x: (x[0] is not None, x[0] or 0, x[1]))
    high, high_open = min(((a.high, a.high_open), (b.high, b.high_open)), key=lambda x: (x[0] is None, x[0] or 0, not x[1]))
    if low is not None and high is not None and (low > high or (low == high and (low_open or high_open))):
        return None
    met = Num(low, low_open, high, high_open, a.divisors | b.divisors, a.others | b.others, a.but | b.but, None, a.bare or b.bare)
    return None if met.divisors & met.others else met


def has_number(shape: Num, value: Rational) -> bool:
    """True where the value is one of the shape's."""
    if shape.values is not None:
        return value in shape.values
    if shape.low is not None and (value < shape.low or (shape.low_open and value == shape.low)):
        return False
    if shape.high is not None and (value > shape.high or (shape.high_open and value == shape.high)):
        return False
    if not all(is_multiple(value, d) for d in shape.divisors) or any(is_multiple(value, d) for d in shape.others):
        return False
    return value not in shape.but


def meet_str(a: Str, b: Str) -> Str | None:
    """Both. Whether patterns and formats leave anything is found out later (`strings.solve`)."""
    if a is ANY_STR or b is ANY_STR:
        return b if a is ANY_STR else a
    low, high = max(a.low, b.low), _highest(a.high, b.high)
    if high is not None and low > high:
        return None
    has, lacks, but = _once(a.has, b.has), _once(a.lacks, b.lacks), a.but | b.but
    if a.values is None and b.values is None:
        return None if any(atom in lacks for atom in has) else Str(low, high, has, lacks, but)
    values = a.values if a.values is not None else b.values or ()
    if a.values is not None and b.values is not None:
        allowed = set(b.values)
        values = tuple([v for v in values if v in allowed])
    values = tuple([v for v in values if len(v) >= low and (high is None or len(v) <= high) and v not in but])
    return Str(0, None, has, lacks, frozenset(), values) if values else None


def meet_arr(a: Arr, b: Arr, void: Void) -> Arr | None:
    """Both; None where an item that must be there has no value."""
    if a is ANY_ARR or b is ANY_ARR:
        return b if a is ANY_ARR else a
    low, high = max(a.low, b.low), _highest(a.high, b.high)
    size = max(len(a.prefix), len(b.prefix))
    first = a.prefix + (a.rest,) * (size - len(a.prefix))
    second = b.prefix + (b.rest,) * (size - len(b.prefix))
    prefix = tuple([join(x, y) for x, y in zip(first, second, strict=True)])
    if (high is not None and low > high) or any(void(goal) for goal in prefix[:low]):
        return None
    if a.unique is not None and b.unique is not None and a.unique is not b.unique:
        return None
    unique = a.unique if b.unique is None else b.unique
    among = _among(a.among, b.among)
    if among is not None and not among.written:
        return None
    seen = a.seen.also(b.seen)
    return Arr(prefix, join(a.rest, b.rest), low, high, _once(a.contains, b.contains), unique, a.apart | b.apart, seen, among)


def _sifted(layers: tuple[Layer, ...], *required: tuple[str, ...]) -> tuple[Layer, ...] | None:
    """Without layers that only say of one name that it is none of some constants, where its value is one of others. None where a name that
    must be there has no value.

    So implications on the constants of one property (`if` and `then` on a tag) do not grow with each other.
    """
    among: dict[str, frozenset[Constant]] = {}
    for layer in layers:
        for name, (negated, values) in layer.tags.items():
            if not negated:
                among[name] = values & among.get(name, values)
    if not among:
        return layers
    if any(not values and any(name in names for names in required) for name, values in among.items()):
        return None
    kept: list[Layer] = []
    for layer in layers:
        if len(layer.tags) == len(layer.properties) == 1 and not layer.patterns and layer.rest == TRUE:
            ((name, (negated, values)),) = layer.tags.items()
            declared = any(name in one.properties and one.loose <= layer.loose for one in kept)  # it keeps its place among the names
            if declared and negated and name in among and not values & among[name]:
                continue
        kept.append(layer)
    return tuple(kept)


def _among(a: Among | None, b: Among | None) -> Among | None:
    """What is in both sets, in the order of the first one where it has one."""
    if a is None or b is None:
        return b if a is None else a
    both = [orders if orders != (v,) else b.values[v] for v, orders in a.values.items() if v in b.values]
    return Among([one for orders in both for one in orders])


def met_needs(required: tuple[str, ...], needs: tuple[Need, ...]) -> tuple[tuple[str, ...], tuple[Need, ...]]:
    """The required names with all that they need, and the needs that are left."""
    while True:
        there = frozenset(required)
        more = [name for names, others in needs if there.issuperset(names) for name in others if name not in there]
        if not more:
            return required, tuple([one for one in needs if not there.issuperset(one[1])])
        required = tuple(dict.fromkeys([*required, *more]))


def meet_obj(a: Obj, b: Obj, void: Void) -> Obj | None:
    """Both; None where a property that must be there has no value."""
    if a is ANY_OBJ or b is ANY_OBJ:
        return b if a is ANY_OBJ else a
    layers, required = _once(a.layers, b.layers), a.required
    if len(layers) > max(len(a.layers), len(b.layers)):
        sifted = _sifted(layers, a.required, b.required)
        if sifted is None:
            return None
        if sifted == a.layers and b == Obj(b.layers):
            return a
        layers = sifted
    if b.required and b.required != required:
        required = tuple(dict.fromkeys(required + b.required))
    needs = _once(a.needs, b.needs)
    if needs:
        required, needs = met_needs(required, needs)
    low, high = max(a.low, b.low), _highest(a.high, b.high)
    if high is not None and (low > high or len(required) > high):
        return None
    among = _among(a.among, b.among)
    if among is not None and not among.written:
        return None
    names, some, seen = join(a.names, b.names), _once(a.some, b.some), a.seen.also(b.seen)
    met = Obj(layers, required, low, high, names, some, a.apart | b.apart, seen, among, needs)
    if len(layers) > 1 or len(required) > len(a.required):
        for name in required:
            goal = met.goal(name)
            if goal and (goal == FALSE or (len(goal) > 1 and void(goal))):
                return None
    return met


def meet(a: Form, b: Form, void: Void) -> Form:
    """The intersection of two forms: every pair of alternatives."""
    if a is TOP or b is TOP:
        return b if a is TOP else a
    number = [num for x in a.number for y in b.number if (num := meet_num(x, y)) is not None]
    string = [txt for x in a.string for y in b.string if (txt := meet_str(x, y)) is not None]
    pairs = max(len(a.array) * len(b.array), len(a.object) * len(b.object))
    if pairs > 20 * MAX_SHAPES:
        raise BudgetExceeded(f"{pairs:,} combinations of alternatives stand beside each other", hint=_HINT)
    array = [arr for x in a.array for y in b.array if (arr := meet_arr(x, y, void)) is not None]
    objects = [obj for x in a.object for y in b.object if (obj := meet_obj(x, y, void)) is not None]
    return Form(a.null and b.null, a.boolean & b.boolean, _numbers(number), _strings(string), alternatives(array), alternatives(objects))


_HINT: Final = "Combinations of anyOf, oneOf, not and if multiply; give the branches a required property with different constants."


def unite(forms: Iterable[Form]) -> Form:
    """The union of forms."""
    forms = list(forms)
    if len(forms) == 1:
        return forms[0]
    boolean = 0
    for form in forms:
        boolean |= form.boolean
    return Form(
        any(form.null for form in forms),
        boolean,
        _numbers([one for form in forms for one in form.number]),
        _strings([one for form in forms for one in form.string]),
        alternatives([one for form in forms for one in form.array]),
        alternatives([one for form in forms for one in form.object]),
    )


_WHOLE: Final = (ANY_ARR, ANY_OBJ)


def is_constant(shape: Arr | Obj) -> bool:
    """True where a shape is a set of constants and asks nothing more of them."""
    return shape.among is not None and shape == type(shape)(among=shape.among)


def alternatives(shapes: list[_S]) -> tuple[_S, ...]:
    """Without repetitions; plain sets of constants become one; one that allows everything stands alone, but among traced ones."""
    if len(shapes) < 2:
        return tuple(shapes)
    sets = [one for one in shapes if is_constant(one)]
    if len(sets) > 1:
        every = dict.fromkeys(order for one in sets if one.among is not None for order in one.among.written)
        shapes = [one for one in shapes if not is_constant(one)]
        shapes.append(sets[0]._replace(among=Among(every)))
    kept = tuple(dict.fromkeys(shapes))
    for one in kept:
        if one in _WHOLE and all(other.seen == NOTHING for other in kept):
            return (one,)
    if len(kept) > MAX_SHAPES:
        raise BudgetExceeded(f"more than {MAX_SHAPES:,} alternatives of one type", hint=_HINT)
    return kept


def _numbers(shapes: list[Num]) -> tuple[Num, ...]:
    """Without repetitions; finite sets become one."""
    if len(shapes) < 2:
        return tuple(shapes)
    values = dict.fromkeys(v for one in shapes if one.values is not None and not one.bare for v in one.values)
    wide = dict.fromkeys(one for one in shapes if one.values is None or one.bare)
    if ANY_NUM in wide:
        return (ANY_NUM,)
    left = tuple([v for v in values if not any(not one.bare and has_number(one, v) for one in wide)])
    return (*wide, Num(values=left)) if left else tuple(wide)


def _strings(shapes: list[Str]) -> tuple[Str, ...]:
    """Without repetitions; finite sets without further conditions become one."""
    if len(shapes) < 2:
        return tuple(shapes)
    if ANY_STR in shapes:
        return (ANY_STR,)
    values = dict.fromkeys(v for one in shapes if one.values is not None and not one.has and not one.lacks for v in one.values)
    wide = dict.fromkeys(one for one in shapes if one.values is None or one.has or one.lacks)
    return (*wide, Str(values=tuple(values))) if values else tuple(wide)
