"""The dynamic scope: which resources were entered on the way to a sub-schema, as far as that can matter.

`$dynamicRef` and `$recursiveRef` lead to the outermost resource on that way that has the anchor. So a sub-schema is read once for each
*frame*: its resource, and for every name that is looked up so the outermost resource that has it. Names are tracked only when reading has
met a reference that needs them: without such references there is one frame for a resource.
"""

from __future__ import annotations

from typing import Any, Final

from structgen.errors import BudgetExceeded
from structgen.frontends.jsonschema.load import pointer
from structgen.frontends.jsonschema.node import Node
from structgen.frontends.jsonschema.resources import Place, Resource

MAX_SCOPES: Final = 20_000
"""The most combinations of a resource with what dynamic references mean in it."""


class Untracked(Exception):
    """A reference looks up a name that is not tracked; reading has to start again."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class Frame:
    """A resource in a dynamic scope. `known`: id of a sub-schema -> its node here."""

    __slots__ = ("known", "resource", "scope")

    def __init__(self, resource: Resource, scope: tuple[Resource | None, ...]) -> None:
        self.resource, self.scope = resource, scope
        self.known: dict[int, Node] = {}


class Scopes:
    """All frames of one reading. `names`: the dynamic anchors that are tracked ("" is `$recursiveAnchor`)."""

    def __init__(self, main: Resource, names: tuple[str, ...]) -> None:
        self.main, self.names = main, names
        self._frames: dict[tuple[Any, ...], Frame] = {}
        self.root = self._frame(main, (None,) * len(names))

    def enter(self, outer: Frame, resource: Resource) -> Frame:
        """The frame of what is reached from `outer` in `resource`."""
        return outer if resource is outer.resource else self._frame(resource, outer.scope)

    def _frame(self, resource: Resource, scope: tuple[Resource | None, ...]) -> Frame:
        if scope:
            own = resource.dynamic
            scope = tuple(one or (resource if name in own else None) for one, name in zip(scope, self.names, strict=True))
        found = self._frames.get((resource, scope))
        if found is None:
            if scope and len(self._frames) >= MAX_SCOPES:
                raise BudgetExceeded(f"dynamic references have more than {MAX_SCOPES:,} scopes", where=pointer(resource.cell))
            found = self._frames[resource, scope] = Frame(resource, scope)
        return found

    def outermost(self, name: str, place: Place, frame: Frame) -> Place:
        """Where a dynamic reference leads whose name was found at `place` at first. Raises Untracked."""
        first = place.resource.dynamic.get(name)
        if first is None or first.tree is not place.tree:
            return place  # made by `$anchor`, or no anchor at all: a reference like others
        if name in self.main.dynamic:
            return self.main.dynamic[name]  # nothing is further out
        if name not in self.names:
            raise Untracked(name)
        holder = frame.scope[self.names.index(name)]
        return place if holder is None else holder.dynamic[name]
