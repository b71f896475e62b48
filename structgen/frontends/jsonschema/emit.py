"""From goals to expressions: one rule for each different form, made when the byte automaton reaches it.

Strings without automata, literals and free numbers stand directly in the network of their object; everything else is a `Rule`. Rules for
"any JSON value" are shared by all schemas of the process that have the same style.

Not here: the networks of objects and arrays themselves (`objects`, `arrays`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from threading import RLock
from typing import Any, Final

from structgen.errors import BudgetExceeded
from structgen.frontends.jsonschema.algebra import Algebra
from structgen.frontends.jsonschema.arrays import array_expr
from structgen.frontends.jsonschema.constants import Constant
from structgen.frontends.jsonschema.crowded import LOOKED
from structgen.frontends.jsonschema.empty import TOO_MUCH, Emptiness, TooMuch
from structgen.frontends.jsonschema.enumerated import constants_expr
from structgen.frontends.jsonschema.load import located, pointer
from structgen.frontends.jsonschema.node import ALL, ARR, BOOL, NULL, NUM, OBJ, STR, TRUE, Goal
from structgen.frontends.jsonschema.objects import any_object as all_objects
from structgen.frontends.jsonschema.objects import object_expr
from structgen.frontends.jsonschema.scalars import number_expr
from structgen.frontends.jsonschema.shapes import ANY_ARR, ANY_NUM, ANY_OBJ, ANY_STR, ONE, Arr, Form, Num, Obj, Str, goals_in, is_constant
from structgen.frontends.jsonschema.site import Order, Site
from structgen.frontends.jsonschema.spell import any_string, string_leaf, values_expr
from structgen.frontends.jsonschema.strings import solve
from structgen.frontends.jsonschema.style import JsonStyle
from structgen.frontends.jsonschema.without import without
from structgen.frontends.regex import regex_expr
from structgen.ir.encoding import JSON
from structgen.ir.expr import NEVER, Expr, Leaf, Lit, Rule, alt, repeat, seq
from structgen.ir.regular import CharDFA
from structgen.ir.report import Finding, SupportReport

_NULL, _FALSE, _TRUE = Lit(b"null"), Lit(b"false"), Lit(b"true")
_INTEGER: Final = frozenset((ONE,))
_FREE: Final = (ANY_NUM, Num(divisors=_INTEGER), Num(divisors=_INTEGER, bare=True))
_CONTAINERS: Final = frozenset(("object", "required", "array"))

_LOCK: Final = RLock()  # for what all schemas share

FEW: Final = 8
"""Up to so many string constants stand directly in a network."""


class Emitter:
    """Makes the expressions of one document in one style.

    `relaxed`: what is too large is made wider, down to any value, and noted in this report, as far as `look` gets and where a text gets to
    it; without a report, BudgetExceeded is raised there.
    """

    def __init__(self, algebra: Algebra, style: JsonStyle, order: Order = "schema", relaxed: SupportReport | None = None) -> None:
        self.algebra, self.style, self.order, self.relaxed = algebra, style, order, relaxed
        self.emptiness = Emptiness(algebra, relax=relaxed is not None)
        self._values: dict[tuple[Goal, int], Expr] = {}
        self._rules: dict[tuple[Form, int], Rule] = {}
        self._sites: dict[int, Site] = {}
        self._lock = RLock()  # rules are unfolded by whichever thread comes first

    def value(self, goal: Goal, level: int = 0) -> Expr:
        """The texts of the values that satisfy a goal, which must have some. `level`: see `JsonStyle.level`."""
        found = self._values.get((goal, level))
        if found is None:
            found = self._values[goal, level] = self._value(goal, level)
        return found

    def _value(self, goal: Goal, level: int) -> Expr:
        if goal == TRUE:
            return any_value(self.style, level)
        if len(goal) == 1 and not goal[0] & 1:
            found = self._at_sight(goal, level)
            if found is not None:
                return found
        dark = self.emptiness.dark.get(goal)
        try:
            if dark is not None:
                raise dark
            form = self.algebra.form(goal)
        except TOO_MUCH as error:
            self._widen(goal, error)
            return any_value(self.style, level)
        return _direct(form, self.style) or self._rule(goal, form, level)

    def _at_sight(self, goal: Goal, level: int) -> Expr | None:
        """The expression of a node that says its type alone, lists a few strings, or is a rule for sure, whose form can wait."""
        mask, integer, bare, several, listed = ALL, False, False, False, None
        for kind, payload, _ in self.algebra.nodes[goal[0] >> 1].canon.items:
            if kind == "type":
                mask, integer, bare = payload
            elif kind in _CONTAINERS:
                several = True
            elif kind == "enum" and listed is None:  # there may be a const, too
                listed = payload
            else:
                return None
        if listed is not None:
            few = mask & STR and not several and 0 < len(listed[3]) <= FEW and not (listed[0] or listed[1] or listed[2] or listed[4])
            return values_expr(listed[3], self.style) if few else None
        if not several and mask in (ARR, OBJ):
            return any_array(self.style, level) if mask == ARR else any_object(self.style, level)
        if mask & (ARR | OBJ):
            return Rule(partial(self._body, goal, None, level), "value")
        return None if several else _typed(mask, integer, bare, self.style)

    def look(self, start: Goal) -> bool:
        """Makes what lies below a goal, the first `LOOKED` goals of it, so that the report knows what is relaxed there; whether that is
        all."""
        seen, todo = {start}, [start]
        while todo and len(seen) < LOOKED:
            goal = todo.pop()
            if not self.emptiness.live(goal):
                continue
            found = self.value(goal)
            if goal != TRUE and goal not in self.emptiness.dark and isinstance(found, Rule):
                found.make()
                new = dict.fromkeys(one for one in goals_in(self.algebra.form(goal)) if one not in seen)
                seen.update(new)
                todo += reversed(new)
        return not todo

    def _widen(self, goal: Goal, error: TooMuch) -> None:
        """Notes that something of a goal is wider than was asked for. Raises the error with its place where nobody relaxes."""
        cell = self.algebra.nodes[goal[0] >> 1].cell
        if self.relaxed is None:
            raise (located(error, cell) if isinstance(error, BudgetExceeded) else error) from None
        where = error.where if isinstance(error.where, str) else pointer(cell)
        finding = Finding(where, "schema", "relaxed", error.why, error.hint or "")
        if finding not in self.relaxed.findings:
            self.relaxed.findings.append(finding)

    def _rule(self, goal: Goal, form: Form, level: int) -> Rule:
        found = self._rules.get((form, level))
        if found is None:
            found = self._rules[(form, level)] = Rule(partial(self._body, goal, form, level), "value")
        return found

    def _body(self, goal: Goal, form: Form | None, level: int) -> Expr:
        """Every type by itself: where one is too much, that type alone is widened. `form`: where it was made already."""
        form = form or self.algebra.form(goal)
        parts = _words(form)
        site = self._site(level)
        makers: tuple[tuple[Sequence[Any], Callable[[Any, Site], Expr], Any], ...] = (
            (form.number, self._number, ANY_NUM),
            (form.string, self._string, ANY_STR),
            (form.array, self._array, ANY_ARR),
            (form.object, self._object, ANY_OBJ),
        )
        alone = len(parts) + sum([len(shapes) for shapes, _, _ in makers]) == 1  # then it has values, for the goal has
        with self._lock:
            for shapes, make, whole in makers:
                if not shapes:
                    continue
                try:
                    parts += [make(one, site) for one in shapes if alone or self._is_live(one)]
                except TOO_MUCH as error:
                    self._widen(goal, error)
                    parts.append(make(whole, site))
        return alt(parts)

    def _site(self, level: int) -> Site:
        found = self._sites.get(level)
        if found is None:
            inside = partial(self.value, level=self.style.level(level + 1))
            found = self._sites[level] = Site(self.style, level, self.order, self.emptiness.live, inside, self._lock)
        return found

    def _is_live(self, shape: Num | Str | Arr | Obj) -> bool:
        return not isinstance(shape, Arr | Obj) or self.emptiness.shape_live(shape)

    def _number(self, shape: Num, site: Site) -> Expr:
        return number_expr(shape, site.style)

    def _string(self, shape: Str, site: Site) -> Expr:
        return string_expr(shape, site.style)

    def _array(self, shape: Arr, site: Site) -> Expr:
        if shape == ANY_ARR:
            return any_array(site.style, site.depth)
        if shape.among is None:
            return array_expr(shape, site, self.algebra)
        written = self._written(shape)
        if not shape.prefix and shape.rest == TRUE and not shape.contains:
            return constants_expr(written, site)
        return alt([array_expr(self.algebra.lone_array(shape, one), site, self.algebra) for one in written])

    def _object(self, shape: Obj, site: Site) -> Expr:
        if shape == ANY_OBJ:
            return any_object(site.style, site.depth)
        if shape.among is None:
            return object_expr(shape, site, self.algebra)
        written = self._written(shape)
        if not shape.layers and not shape.some:
            return constants_expr(written, site)
        return alt([object_expr(self.algebra.lone_object(shape, one), site, self.algebra) for one in written])

    def _written(self, shape: Arr | Obj) -> Sequence[Constant]:
        """The constants of a shape. They are a trie, or each by itself where the shape has a say in how their parts are spelled."""
        assert shape.among is not None
        if is_constant(shape):
            return shape.among.written
        return [one for value in self.algebra.census.settled(shape) for one in shape.among.values[value]]


@lru_cache(maxsize=1024)
def _typed(mask: int, integer: bool, bare: bool, style: JsonStyle) -> Expr:
    """Every value of some types, none of them of containers. All schemas have the same ones."""
    number = Num(divisors=_INTEGER, bare=bare) if integer else ANY_NUM
    form = Form(bool(mask & NULL), 3 if mask & BOOL else 0, (number,) if mask & NUM else (), (ANY_STR,) if mask & STR else (), (), ())
    return _direct(form, style) or NEVER


def _direct(form: Form, style: JsonStyle) -> Expr | None:
    """The expression of a form that needs no work; None for the others."""
    if form.array or form.object or len(form.number) > 1 or len(form.string) > 1:
        return None
    parts = _words(form)
    if form.string:
        one = form.string[0]
        if one.values is not None:
            if len(one.values) > FEW or one.has or one.lacks:
                return None
            parts.append(values_expr(one.values, style))
        elif one.has or one.lacks or one.but:
            return None
        else:
            parts.append(_lengths(one, style))
    if form.number:
        if form.number[0] not in _FREE:
            return None
        parts.append(number_expr(form.number[0], style))
    return parts[0] if len(parts) == 1 else alt(parts)


def _words(form: Form) -> list[Expr]:
    parts: list[Expr] = [_NULL] if form.null else []
    if form.boolean & 2:
        parts.append(_TRUE)
    if form.boolean & 1:
        parts.append(_FALSE)
    return parts


def _lengths(shape: Str, style: JsonStyle) -> Expr:
    if shape.low == 0 and shape.high is None:
        return any_string(style)
    return string_leaf(CharDFA.any(), style, shape.low, shape.high)


def string_expr(shape: Str, style: JsonStyle) -> Expr:
    """The texts of a string shape; NEVER where it has none. Raises BudgetExceeded."""
    if shape == ANY_STR:
        return any_string(style)
    if shape.but and shape.values is None:
        base = string_expr(shape._replace(but=frozenset()), style)
        found = without(base, shape.but, style) if isinstance(base, Leaf) else None
        if found is not None:
            return found
    solved = solve(shape)
    if solved.values is not None:
        return values_expr(solved.values, style)
    if solved.grammar is not None:
        return solved.grammar.string(style.escapes)
    if solved.pattern is not None:
        return regex_expr(solved.pattern, syntax="ecma", search=True, encoding=JSON[style.escapes])
    if solved.is_empty:
        return alt([])
    return string_leaf(CharDFA.any() if solved.dfa is None else solved.dfa, style, solved.low, solved.high)


@lru_cache(maxsize=1024)
def any_value(style: JsonStyle, level: int) -> Expr:
    """Every JSON value: the same object for the same style and level."""
    return Rule(partial(_any_value, style, level), "any value")


@lru_cache(maxsize=1024)
def any_array(style: JsonStyle, level: int) -> Expr:
    """Every JSON array."""
    return Rule(partial(_any_array, style, level), "any array")


@lru_cache(maxsize=1024)
def any_object(style: JsonStyle, level: int) -> Expr:
    """Every JSON object whose keys are unique."""
    return Rule(partial(_any_object, style, level), "any object")


@lru_cache(maxsize=1024)  # all schemas have the same ones
def _any_value(style: JsonStyle, level: int) -> Expr:
    scalars = [any_string(style), number_expr(ANY_NUM, style), _TRUE, _FALSE, _NULL]
    return alt([*scalars, _any_array(style, level), _any_object(style, level)])  # not as rules: all three would be made at once


@lru_cache(maxsize=1024)
def _any_array(style: JsonStyle, level: int) -> Expr:
    one = any_value(style, style.level(level + 1))
    opening, closing, empty = style.brackets("[", "]", level)
    return alt([empty, seq(opening, one, repeat(seq(style.item_gap(level), one)), closing)])


@lru_cache(maxsize=1024)
def _any_object(style: JsonStyle, level: int) -> Expr:
    site = Site(style, level, "any", lambda _: True, lambda _: any_value(style, style.level(level + 1)), _LOCK)
    return all_objects(site, Algebra([]))
