"""Reading: from the JSON tree of a schema to nodes, in one pass over what the root can reach.

The pass checks every keyword value against its draft (SchemaError with the JSON Pointer), resolves references, and enters into the support
report whatever cannot be compiled. It goes depth first with its own stack, so depth is no danger. Definitions that nothing refers to are
not read.

Not here: what keywords may hold (`keywords`); what the items mean together (`algebra`).
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

from structgen.errors import BudgetExceeded, SchemaError
from structgen.frontends.jsonschema.constants import Constant, Rational, constant
from structgen.frontends.jsonschema.core import read_ref
from structgen.frontends.jsonschema.dialects import Dialect
from structgen.frontends.jsonschema.formats.own import Atoms
from structgen.frontends.jsonschema.keywords import besides_type, keywords_of, type_items
from structgen.frontends.jsonschema.load import Cell, name_of, pointer
from structgen.frontends.jsonschema.node import ALL, ARR, OBJ, Item, Node
from structgen.frontends.jsonschema.resources import Place, References, Resource
from structgen.frontends.jsonschema.scope import Frame, Scopes, Untracked
from structgen.ir.report import Finding, SupportReport, Verdict

_DEMANDING: Final = frozenset(("ref", "all"))  # the items whose schemas hold wherever theirs does

_TYPE: Final = frozenset(("type",))

MAX_NODES: Final = 2_000_000
"""The most sub-schemas of one document."""


class _Const:
    """A value of an array or object constant, read as if it were a schema."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value


def read(references: References, *, relax: bool, formats: Atoms | None, content: bool | None) -> tuple[Reader, Node]:
    """The reader with all its nodes, and the node of the root. Starts again for every name that dynamic references look up.

    `formats`: the caller's own ones, or None where formats are annotations; `content`: whether contentEncoding and the like are checked
    (None: as the draft has it).
    """
    names: tuple[str, ...] = ()
    while True:
        reader = Reader(references, Scopes(references.main, names), relax=relax, formats=formats, content=content)
        try:
            return reader, reader.read()
        except Untracked as reference:
            names += (reference.name,)


class Reader:
    """Reads a schema into nodes. `report` collects what is refused, or relaxed where `relax` is set."""

    def __init__(self, references: References, scopes: Scopes, *, relax: bool, formats: Atoms | None, content: bool | None) -> None:
        self.references, self.scopes = references, scopes
        self.relax, self._formats, self._content = relax, formats, content
        self.report = SupportReport()
        self.true, self.false = Node(0, ""), Node(1, "")
        self.false.items = (("never", None, ()),)
        self.true.state = self.false.state = 2
        self.nodes: list[Node] = [self.true, self.false]
        self._canon: dict[tuple[Item, ...], Node] = {(): self.true, self.false.items: self.false}
        self._stack: list[tuple[Node, Any, Frame]] = []
        self._kept: list[_Const] = []  # ids are only good while the objects live
        self._back: list[Node] = []  # nodes with a reference to one that was not finished then
        self._unclear: set[Resource] = set()  # whose dialect is not understood
        self._types: dict[Dialect, dict[str, Node]] = {}  # the nodes that say one type
        # the sub-schema being read
        self.tree: dict[str, Any] = {}
        self.cell: Cell | str = ""
        self.frame = scopes.root
        self.items: list[Item] = []
        self.done: set[str] = set()
        self._speak(references.main.dialect)

    def _speak(self, dialect: Dialect) -> None:
        """Takes the dialect of the sub-schema to be read."""
        self.dialect, self.draft = dialect, dialect.draft
        self.formats = {} if self._formats is None and dialect.asserts else self._formats
        self.content = dialect.draft == 7 if self._content is None else self._content
        self.keywords = keywords_of(dialect.draft)
        plain = not (dialect.problem or dialect.left_out)
        self._besides = besides_type(dialect.draft) if plain else _TYPE
        self._typed = self._types.setdefault(dialect, {})

    def read(self) -> Node:
        """The node of the root, with everything below it read. Raises Untracked."""
        main = self.references.main
        root = self.child(main.tree, main.cell, self.scopes.root)
        stack = self._stack
        while stack:
            node, tree, frame = stack[-1]
            if node.state:
                stack.pop()
                if node.state == 1:
                    self._finish(node)
                continue
            node.state = 1
            depth = len(stack)
            if type(tree) is _Const:
                self.items = []
                self._constant(tree.value, node.cell)
            else:
                self._keywords_of(node, tree, frame)
            node.items = tuple(self.items)
            if len(stack) == depth:  # no new children
                stack.pop()
                self._finish(node)
        if self._back:
            self._check_loops()
        return root.canon

    def _check_loops(self) -> None:
        """Raises SchemaError where sub-schemas demand each other without end: a validator would never come back from them."""
        done: set[Node] = set()
        for start in self._back:
            path: dict[Node, Iterator[Node]] = {}
            node: Node | None = start.canon
            while node is not None:
                if node in path:
                    why = "the reference leads back to itself without end: nothing stands between but $ref and allOf"
                    raise SchemaError(why, where=pointer(node.cell), hint="Recursion goes through properties or items.")
                if node not in done:
                    path[node] = _demanded(node)
                node = None
                while path and node is None:
                    last = next(reversed(path))
                    node = next(path[last], None)
                    if node is None:
                        del path[last]
                        done.add(last)

    def _keywords_of(self, node: Node, tree: dict[str, Any], frame: Frame) -> None:
        self.cell, self.items = node.cell, []
        if self.done:
            self.done = set()
        if "$id" in tree or "id" in tree or "$schema" in tree:
            frame = self.scopes.enter(frame, self.references.enter(tree, node.cell, frame.resource))
        self.frame, dialect = frame, frame.resource.dialect
        if dialect is not self.dialect:
            self._speak(dialect)
        if dialect.problem:
            self._unknown(dialect)
            if dialect.draft == 3:
                return
        if dialect.left_out:
            tree = {key: value for key, value in tree.items() if key not in dialect.left_out}
        self.tree = tree
        if self.draft < 2019 and "$ref" in tree:
            read_ref(self, tree["$ref"])
            return
        get = self.keywords.get
        for key, value in tree.items():
            keyword = get(key)
            if keyword is not None:
                keyword(self, value)

    def _unknown(self, dialect: Dialect) -> None:
        """A dialect that is not understood: anything may be asked of a value."""
        resource = self.frame.resource
        if resource not in self._unclear:
            self._unclear.add(resource)
            self.cell, cell = resource.cell, self.cell
            self.refuse("$schema", dialect.problem, hint=dialect.hint)
            self.cell = cell
        else:
            self.add("open", ALL)

    def _finish(self, node: Node) -> None:
        node.state = 2
        items, back = node.items, False
        for i, (kind, payload, children) in enumerate(items):
            if children:
                canon = tuple([child.canon for child in children])
                if canon != children:
                    items = (*items[:i], (kind, payload, canon), *items[i + 1 :])
                if kind in _DEMANDING:
                    back |= any(child.state != 2 or child is node for child in canon)
        node.items = items
        if back:
            self._back.append(node)
        if len(items) == 1 and items[0][0] == "ref" and items[0][2][0] is not node and items[0][2][0].state == 2:
            node.canon = items[0][2][0].canon
            return
        node.canon = self._canon.setdefault(items, node)

    def child(self, tree: Any, cell: Cell | str, frame: Frame) -> Node:
        """The node of a sub-schema; it is put on the stack where it is not read yet."""
        if tree is True or tree == {}:
            return self.true
        if tree is False:
            return self.false
        if type(tree) is not dict and type(tree) is not _Const:
            raise _no_schema(tree, cell)
        node = frame.known.get(id(tree))
        if node is None:
            if len(self.nodes) >= MAX_NODES:
                raise BudgetExceeded(f"the schema has more than {MAX_NODES:,} sub-schemas", where=pointer(cell))
            node = frame.known[id(tree)] = Node(len(self.nodes), cell)
            self.nodes.append(node)
        if node.state == 0:
            self._stack.append((node, tree, frame))
        return node

    def sub(self, tree: Any, *tokens: str) -> Node:
        """The node of a sub-schema of the one being read. Those that say a type and nothing else are one: most schemas consist of such."""
        kind: Any = tree.get("type") if type(tree) is dict else None
        cell = self.cell
        for token in tokens:
            cell = (cell, token)
        if type(kind) is not str or not self._besides.isdisjoint(tree):
            return self.child(tree, cell, self.frame)
        node = self._typed.get(kind)
        if node is None:
            items = type_items(self.draft).get(kind)
            node = self._typed[kind] = self.child(tree, cell, self.frame) if items is None else self._of_type(items, cell)
        return node

    def _of_type(self, items: tuple[Item, ...], cell: Cell | str) -> Node:
        """A node that says one type, made without a look at its keywords."""
        node = Node(len(self.nodes), cell)
        self.nodes.append(node)
        node.items, node.state = items, 2
        node.canon = self._canon.setdefault(items, node)
        return node

    def glance(self, tree: Any, *tokens: str) -> None:
        """Checks that something is a schema at all, where nothing reads it. Raises SchemaError."""
        if type(tree) is not dict and type(tree) is not bool:
            raise _no_schema(tree, self._below(tokens))

    def _below(self, tokens: tuple[str, ...]) -> Cell | str:
        cell = self.cell
        for token in tokens:
            cell = (cell, token)
        return cell

    def at_place(self, place: Place) -> Node:
        """The node that a reference of the sub-schema being read leads to."""
        return self.child(place.tree, place.cell, self.scopes.enter(self.frame, place.resource))

    def add(self, kind: str, payload: Any = None, children: tuple[Node, ...] = ()) -> None:
        """One more item."""
        self.items.append((kind, payload, children))

    def at(self, keyword: str) -> str:
        """The pointer of a keyword of the sub-schema being read."""
        return pointer((self.cell, keyword))

    def bad(self, keyword: str, why: str, hint: str | None = None) -> SchemaError:
        """The error for a malformed value."""
        return SchemaError(f"{keyword} {why}", where=self.at(keyword), hint=hint)

    def refuse(self, keyword: str, why: str, types: int = ALL, hint: str = "") -> None:
        """Enters a keyword that cannot be compiled; it constrains nothing where the caller asked for relaxing."""
        verdict: Verdict = "relaxed" if self.relax else "refused"
        self.report.findings.append(Finding(self.at(keyword), keyword, verdict, why, hint))
        self.add("open", types)

    def constant(self, value: Any, cell: Cell | str) -> Node:
        """The node of one constant."""
        self._kept.append(_Const(value))
        return self.child(self._kept[-1], cell, self.frame)

    def _constant(self, value: Any, cell: Cell | str) -> None:
        if type(value) is list:
            self.add("type", (ARR, False, False))
            self.add("array", (len(value), True), (*(self.constant(one, cell) for one in value), self.false))
            self.add("minitems", len(value))
        elif type(value) is dict:
            self.add("type", (OBJ, False, False))
            self.add("object", (tuple(value), (), True), (*(self.constant(one, cell) for one in value.values()), self.false))
            self.add("required", tuple(value))
        else:
            self.values([value], cell)

    def values(self, values: list[Any], cell: Cell | str) -> None:
        """The item of an enumeration."""
        null, booleans = False, 0
        numbers: dict[Rational, None] = {}
        strings: dict[str, None] = {}
        containers: list[Constant] = []
        deep: list[Any] = []
        for value in values:
            if value is None:
                null = True
            elif type(value) is bool:
                booleans |= 1 + value
            elif type(value) is str:
                strings[value] = None
            elif type(value) is int or type(value) is Decimal:
                numbers[value if type(value) is int else Fraction(value)] = None
            else:
                try:
                    containers.append(constant(value, ordered=True))
                except BudgetExceeded:
                    deep.append(value)
        nodes = tuple([self.constant(one, cell) for one in deep])
        self.add("enum", (null, booleans, tuple(numbers), tuple(strings), tuple(containers)), nodes)


def _no_schema(tree: Any, cell: Cell | str) -> SchemaError:
    return SchemaError(f"a schema is an object or a boolean, not {name_of(tree)}", where=pointer(cell))


def _demanded(node: Node) -> Iterator[Node]:
    """The nodes that hold wherever a node holds, for the same value."""
    return (child.canon for kind, _, children in node.items if kind in _DEMANDING for child in children)
