"""Objects: one network where that can say it (`objects_list`), else a family of rules (`objects_states`).

Not here: which keys there are (`keys`), what a value is (`emit`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from structgen.frontends.jsonschema.keys import EVERY_KEY, Rest, are_roomy, options, plan
from structgen.frontends.jsonschema.objects_list import MANY, Lists
from structgen.frontends.jsonschema.objects_states import Family
from structgen.frontends.jsonschema.shapes import Obj
from structgen.frontends.jsonschema.site import Site
from structgen.ir.expr import Expr

if TYPE_CHECKING:
    from structgen.frontends.jsonschema.algebra import Algebra


def object_expr(shape: Obj, site: Site, algebra: Algebra) -> Expr:
    """The texts of a shape that has values."""
    keys = plan(shape, algebra)
    live = site.live
    members = [one for one in keys.members if one.required or (options(one, live, 0) if one.more else live(one.goal))]
    classes = [one for one in keys.others if options(one, live, 0)]
    low, high = shape.low, shape.high
    if low and low <= len([one for one in members if one.required]):
        low = 0
    if high is not None and not classes and high >= len(members):
        high = None
    rest = Rest(members, classes, low, high, algebra)
    if shape.some or shape.apart or shape.needs or len(members) > MANY or not are_roomy(classes):
        return Family(rest, site, (1 << len(shape.some)) - 1, shape.apart, shape.needs).best()
    if site.order == "any":
        return Lists(rest, site).free()
    return Family(rest, site).best() if low or high is not None else Lists(rest, site).chain()


def any_object(site: Site, algebra: Algebra) -> Expr:
    """All objects."""
    return Lists(Rest([], [EVERY_KEY], 0, None, algebra), site).free()
