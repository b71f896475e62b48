"""Reading: from the JSON tree of a schema to nodes, in one pass over what the root can reach.

The pass checks every keyword value against its draft (SchemaError with the JSON Pointer), resolves references, and enters into the support
report whatever cannot be compiled. It goes depth first with its own stack, so depth is no danger. Definitions that nothing refers to are not read.

Not here: what the items mean together (`algebra`); which negations are impossible (`support`).
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

from structgen.errors import BudgetExceeded, SchemaError
from structgen.frontends.jsonschema.load import Cell, References, Resource, pointer
from structgen.frontends.jsonschema.node import ALL, ARR, BOOL, NULL, NUM, OBJ, STR, Item, Node
from structgen.frontends.jsonschema.strings import check_pattern, format_kind
from structgen.ir.report import Finding, SupportReport

MAX_NODES: Final = 2_000_000
"""The most sub-schemas of one document."""

_TYPES: Final = {"null": NULL, "boolean": BOOL, "number": NUM, "integer": NUM, "string": STR, "array": ARR, "object": OBJ}

Keyword = Callable[["Reader", Any], None]


class _Const:
    """A value of an array or object constant, read as if it were a schema."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value


class Reader:
    """Reads one document into nodes. `report` collects what is refused, or relaxed where `relax` is set."""

    def __init__(self, references: References, *, declared: bool, relax: bool, formats: bool) -> None:
        self.references, self.draft, self.declared = references, references.draft, declared
        self.relax, self.formats = relax, formats
        self.report = SupportReport()
        self.keywords = _keywords(self.draft)
        self.true, self.false = Node(0, ""), Node(1, "")
        self.false.items = (("never", None, ()),)
        self.true.state = self.false.state = 2
        self.nodes: list[Node] = [self.true, self.false]
        self._known: dict[int, Node] = {}  # id of a tree -> node
        self._canon: dict[tuple[Item, ...], Node] = {(): self.true, self.false.items: self.false}
        self._stack: list[tuple[Node, Any, Resource]] = []
        self._kept: list[_Const] = []  # ids are only good while the objects live
        # the sub-schema being read
        self.tree: dict[str, Any] = {}
        self.cell: Cell | str = ""
        self.resource = references.main
        self.items: list[Item] = []
        self.done: set[str] = set()

    def read(self) -> Node:
        """The node of the root, with everything below it read."""
        main = self.references.main
        root = self.child(main.tree, main.cell, main)
        stack = self._stack
        while stack:
            node, tree, resource = stack[-1]
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
                self._keywords_of(node, tree, resource)
            node.items = tuple(self.items)
            if len(stack) == depth:  # no new children
                stack.pop()
                self._finish(node)
        return root.canon

    def _keywords_of(self, node: Node, tree: dict[str, Any], resource: Resource) -> None:
        self.tree, self.cell, self.items = tree, node.cell, []
        if self.done:
            self.done = set()
        self.resource = self.references.enter(tree, node.cell, resource) if self.references.key in tree else resource
        if self.draft < 2019 and "$ref" in tree:
            _ref(self, tree["$ref"])
            return
        get = self.keywords.get
        for key, value in tree.items():
            keyword = get(key)
            if keyword is not None:
                keyword(self, value)

    def _finish(self, node: Node) -> None:
        node.state = 2
        items = node.items
        if any(children for _, _, children in items):
            node.items = items = tuple((k, p, tuple([c.canon for c in cs])) if cs else (k, p, cs) for k, p, cs in items)
        if len(items) == 1 and items[0][0] == "ref" and items[0][2][0] is not node and items[0][2][0].state == 2:
            node.canon = items[0][2][0].canon
            return
        node.canon = self._canon.setdefault(items, node)

    def child(self, tree: Any, cell: Cell | str, resource: Resource) -> Node:
        """The node of a sub-schema; it is put on the stack where it is not read yet."""
        if tree is True or tree == {}:
            return self.true
        if tree is False:
            return self.false
        if type(tree) is not dict and type(tree) is not _Const:
            raise SchemaError(f"a schema is an object or a boolean, not {_name(tree)}", where=pointer(cell))
        node = self._known.get(id(tree))
        if node is None:
            if len(self.nodes) >= MAX_NODES:
                raise BudgetExceeded(f"the schema has more than {MAX_NODES:,} sub-schemas", where=pointer(cell))
            node = self._known[id(tree)] = Node(len(self.nodes), cell)
            self.nodes.append(node)
        if node.state == 0:
            self._stack.append((node, tree, resource))
        return node

    def sub(self, tree: Any, *tokens: str) -> Node:
        """The node of a sub-schema of the one being read."""
        cell = self.cell
        for token in tokens:
            cell = (cell, token)
        return self.child(tree, cell, self.resource)

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
        verdict = "relaxed" if self.relax else "refused"
        self.report.findings.append(Finding(self.at(keyword), keyword, verdict, why, hint))
        self.add("open", types)

    def constant(self, value: Any, cell: Cell | str) -> Node:
        """The node of one constant."""
        self._kept.append(_Const(value))
        return self.child(self._kept[-1], cell, self.resource)

    def _constant(self, value: Any, cell: Cell | str) -> None:
        if type(value) is list:
            self.add("type", (ARR, False))
            self.add("array", (len(value), True), (*(self.constant(one, cell) for one in value), self.false))
            self.add("minitems", len(value))
        elif type(value) is dict:
            self.add("type", (OBJ, False))
            self.add("object", (tuple(value), (), True), (*(self.constant(one, cell) for one in value.values()), self.false))
            self.add("required", tuple(value))
        else:
            self.values([value], cell)

    def values(self, values: list[Any], cell: Cell | str) -> None:
        """The item of an enumeration."""
        null, booleans = False, 0
        numbers: dict[Fraction, None] = {}
        strings: dict[str, None] = {}
        nodes: list[Node] = []
        for value in values:
            if value is None:
                null = True
            elif type(value) is bool:
                booleans |= 1 + value
            elif type(value) is str:
                strings[value] = None
            elif type(value) is int or type(value) is Decimal:
                numbers[Fraction(value)] = None
            else:
                nodes.append(self.constant(value, cell))
        self.add("enum", (null, booleans, tuple(numbers), tuple(strings)), tuple(nodes))


def _name(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "a string", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number")


def _names(reader: Reader, keyword: str, value: Any) -> tuple[str, ...]:
    if type(value) is not list or not all(type(name) is str for name in value):
        hint = (
            'In JSON Schema since draft 4, the object lists its required properties: "required": ["a"].' if keyword == "required" else None
        )
        raise reader.bad(
            keyword, f"must be a list of strings, not {_name(value)}" if type(value) is not list else "must list strings only", hint
        )
    return tuple(dict.fromkeys(value))


def _count(reader: Reader, keyword: str, value: Any) -> int:
    if type(value) is Decimal and value == value.to_integral_value():
        value = int(value)
    if type(value) is not int or value < 0:
        raise reader.bad(keyword, f"must be a whole number from 0 up, not {value if type(value) in (int, Decimal) else _name(value)}")
    return value


def _counter(keyword: str, kind: str) -> Keyword:
    def read(reader: Reader, value: Any) -> None:
        reader.add(kind, _count(reader, keyword, value))

    return read


def _number(reader: Reader, keyword: str, value: Any) -> Fraction:
    if type(value) is not int and type(value) is not Decimal:
        raise reader.bad(keyword, f"must be a number, not {_name(value)}")
    return Fraction(value)


def _type(reader: Reader, value: Any) -> None:
    names = value if type(value) is list else [value]
    if not names:
        raise reader.bad("type", "must name at least one type")
    mask, integer = 0, False
    for name in names:
        bit = _TYPES.get(name) if type(name) is str else None
        if bit is None:
            shown = repr(name) if type(name) is str else _name(name)
            raise reader.bad("type", f"must be one of {', '.join(_TYPES)}, not {shown}")
        mask |= bit
        integer |= name == "integer"
    reader.add("type", (mask, integer and "number" not in names))


def _enum(reader: Reader, value: Any) -> None:
    if type(value) is not list:
        raise reader.bad("enum", f"must be a list, not {_name(value)}")
    reader.values(value, (reader.cell, "enum"))


def _const(reader: Reader, value: Any) -> None:
    reader.values([value], (reader.cell, "const"))


def _bound(keyword: str, flag: str, kind: str) -> Keyword:
    def read(reader: Reader, value: Any) -> None:
        limit = _number(reader, keyword, value)
        exclusive = reader.tree.get(flag, False) is True and (reader.draft == 4 or not reader.declared)
        reader.add(kind, (limit, exclusive))

    return read


def _exclusive(keyword: str, partner: str, kind: str) -> Keyword:
    def read(reader: Reader, value: Any) -> None:
        if type(value) is bool and (reader.draft == 4 or not reader.declared):
            if partner not in reader.tree and reader.draft == 4:
                raise reader.bad(keyword, f"needs {partner} beside it in draft 4")
            return
        if reader.draft == 4:
            raise reader.bad(keyword, "is a boolean in draft 4")
        reader.add(kind, (_number(reader, keyword, value), True))

    return read


def _multiple(reader: Reader, value: Any) -> None:
    divisor = _number(reader, "multipleOf", value)
    if divisor <= 0:
        raise reader.bad("multipleOf", "must be greater than 0")
    reader.add("multiple", divisor)


def _pattern_ok(reader: Reader, keyword: str, value: Any, types: int) -> bool:
    if type(value) is not str:
        raise reader.bad(keyword, f"must be a string, not {_name(value)}")
    problem = check_pattern(value)
    if problem is None:
        return True
    invalid, why = problem
    if invalid:
        raise reader.bad(keyword, f"is not a regular expression: {why}")
    reader.refuse(keyword, why, types)
    return False


def _pattern(reader: Reader, value: Any) -> None:
    if _pattern_ok(reader, "pattern", value, STR):
        reader.add("pattern", value)


def _format(reader: Reader, value: Any) -> None:
    if type(value) is not str:
        raise reader.bad("format", f"must be a string, not {_name(value)}")
    if not reader.formats:
        return
    kind = format_kind(value)
    if kind == "exact":
        reader.add("format", value)
    elif kind == "refused":
        reader.refuse("format", f"the format {value!r} is not supported yet", STR, "formats='annotation' takes formats as comments.")


def _array(reader: Reader, _: Any) -> None:
    if "array" in reader.done:
        return
    reader.done.add("array")
    tree = reader.tree
    prefix: list[Node] = []
    rest: Node | None = None
    items = tree.get("items")
    if reader.draft == 2020 and "prefixItems" in tree:
        prefix = _schemas(reader, "prefixItems", tree["prefixItems"])
    if type(items) is list:
        if reader.draft == 2020 and (reader.declared or prefix):
            raise reader.bad("items", "must be one schema in draft 2020-12, not a list", "Positions are listed by prefixItems there.")
        prefix = [reader.sub(one, "items", str(i)) for i, one in enumerate(items)]
        if "additionalItems" in tree:
            rest = reader.sub(tree["additionalItems"], "additionalItems")
    elif "items" in tree:
        rest = reader.sub(items, "items")
    if prefix or rest is not None:
        reader.add("array", (len(prefix), rest is not None), (*prefix, *(() if rest is None else (rest,))))


def _contains(reader: Reader, value: Any) -> None:
    low, high = 1, None
    if reader.draft >= 2019:
        low = _count(reader, "minContains", reader.tree.get("minContains", 1))
        if "maxContains" in reader.tree:
            high = _count(reader, "maxContains", reader.tree["maxContains"])
    node = reader.sub(value, "contains")
    if low or high is not None:
        reader.add("contains", (low, high), (node,))


def _unique(reader: Reader, value: Any) -> None:
    if type(value) is not bool:
        raise reader.bad("uniqueItems", f"must be a boolean, not {_name(value)}")
    most = reader.tree.get("maxItems")
    if value and not (type(most) is int and most <= 1):
        reader.refuse("uniqueItems", "unequal items are not supported yet", ARR)


def _object(reader: Reader, _: Any) -> None:
    if "object" in reader.done:
        return
    reader.done.add("object")
    tree = reader.tree
    properties, patterns = tree.get("properties", {}), tree.get("patternProperties", {})
    for keyword, value in (("properties", properties), ("patternProperties", patterns)):
        if type(value) is not dict:
            raise reader.bad(keyword, f"must be an object, not {_name(value)}")
    nodes = [reader.sub(one, "properties", name) for name, one in properties.items()]
    kept: list[str] = []
    for pattern, one in patterns.items():
        cell, reader.cell = reader.cell, (reader.cell, "patternProperties")
        try:
            usable = _pattern_ok(reader, pattern, pattern, OBJ)
        finally:
            reader.cell = cell
        if usable:
            kept.append(pattern)
            nodes.append(reader.sub(one, "patternProperties", pattern))
    # with an unusable pattern it is unknown, too, which keys are additional; `refuse` has said so
    has_rest = "additionalProperties" in tree and len(kept) == len(patterns)
    if has_rest:
        nodes.append(reader.sub(tree["additionalProperties"], "additionalProperties"))
    if nodes:
        reader.add("object", (tuple(properties), tuple(kept), has_rest), tuple(nodes))


def _required(reader: Reader, value: Any) -> None:
    names = _names(reader, "required", value)
    if names:
        reader.add("required", names)


def _property_names(reader: Reader, value: Any) -> None:
    reader.add("names", None, (reader.sub(value, "propertyNames"),))


def _dependent_required(reader: Reader, value: Any) -> None:
    _dependent(reader, "dependentRequired", value)


def _dependent_schemas(reader: Reader, value: Any) -> None:
    _dependent(reader, "dependentSchemas", value)


def _dependencies(reader: Reader, value: Any) -> None:
    _dependent(reader, "dependencies", value)


def _dependent(reader: Reader, keyword: str, value: Any) -> None:
    if type(value) is not dict:
        raise reader.bad(keyword, f"must be an object, not {_name(value)}")
    needs: list[tuple[str, tuple[str, ...]]] = []
    shapes: list[tuple[str, Node]] = []
    for name, one in value.items():
        if keyword == "dependentRequired" or (keyword == "dependencies" and type(one) is list):
            needs.append((name, _names(reader, keyword, one)))
        else:
            shapes.append((name, reader.sub(one, keyword, name)))
    if needs:
        reader.add("needs", tuple(needs))
    if shapes:
        reader.add("shapes", tuple(name for name, _ in shapes), tuple(node for _, node in shapes))


def _schemas(reader: Reader, keyword: str, value: Any) -> list[Node]:
    if type(value) is not list or not value:
        raise reader.bad(keyword, "must be a list of at least one schema")
    return [reader.sub(one, keyword, str(i)) for i, one in enumerate(value)]


def _many(keyword: str, kind: str) -> Keyword:
    def read(reader: Reader, value: Any) -> None:
        reader.add(kind, None, tuple(_schemas(reader, keyword, value)))

    return read


def _not(reader: Reader, value: Any) -> None:
    reader.add("not", None, (reader.sub(value, "not"),))


def _if(reader: Reader, value: Any) -> None:
    branches = [name for name in ("then", "else") if name in reader.tree]
    if branches:
        nodes = (reader.sub(value, "if"), *(reader.sub(reader.tree[name], name) for name in branches))
        reader.add("if", ("then" in branches, "else" in branches), nodes)


def _ref(reader: Reader, value: Any, keyword: str = "$ref") -> None:
    if type(value) is not str:
        raise reader.bad(keyword, f"must be a string, not {_name(value)}")
    found = reader.references.follow(value, reader.resource, (reader.cell, keyword))
    if found is None:
        hint = "Nothing is fetched; pass registry= (a referencing.Registry) that holds the document."
        reader.refuse(keyword, f"the reference {value} leads to another document", hint=hint)
    else:
        reader.add("ref", None, (reader.child(*found),))


def _dynamic(keyword: str) -> Keyword:
    def read(reader: Reader, value: Any) -> None:
        if type(value) is str and value.startswith("#") and reader.references.is_single():
            _ref(reader, value, keyword)  # one resource: the dynamic scope holds nothing else
        else:
            reader.refuse(keyword, "references that depend on the dynamic scope are not supported yet")

    return read


def _unevaluated(keyword: str, types: int) -> Keyword:
    def read(reader: Reader, value: Any) -> None:
        if value is not True and value != {}:
            reader.refuse(keyword, "what other keywords evaluate is not tracked yet", types)

    return read


def _checked_map(keyword: str) -> Keyword:
    def read(reader: Reader, value: Any) -> None:
        if type(value) is not dict:
            raise reader.bad(keyword, f"must be an object, not {_name(value)}")

    return read


def _keywords(draft: int) -> dict[str, Keyword]:
    """Every keyword of a draft that constrains something."""
    table: dict[str, Keyword] = {
        "$ref": _ref,
        "type": _type,
        "enum": _enum,
        "minimum": _bound("minimum", "exclusiveMinimum", "min"),
        "maximum": _bound("maximum", "exclusiveMaximum", "max"),
        "exclusiveMinimum": _exclusive("exclusiveMinimum", "minimum", "min"),
        "exclusiveMaximum": _exclusive("exclusiveMaximum", "maximum", "max"),
        "multipleOf": _multiple,
        "minLength": _counter("minLength", "minlen"),
        "maxLength": _counter("maxLength", "maxlen"),
        "pattern": _pattern,
        "format": _format,
        "items": _array,
        "minItems": _counter("minItems", "minitems"),
        "maxItems": _counter("maxItems", "maxitems"),
        "uniqueItems": _unique,
        "properties": _object,
        "patternProperties": _object,
        "additionalProperties": _object,
        "required": _required,
        "minProperties": _counter("minProperties", "minprops"),
        "maxProperties": _counter("maxProperties", "maxprops"),
        "dependencies": _dependencies,
        "allOf": _many("allOf", "all"),
        "anyOf": _many("anyOf", "any"),
        "oneOf": _many("oneOf", "one"),
        "not": _not,
        "definitions": _checked_map("definitions"),
    }
    if draft >= 6:
        table |= {"const": _const, "contains": _contains, "propertyNames": _property_names}
    if draft >= 7:
        table["if"] = _if
    if draft >= 2019:
        table |= {
            "$defs": _checked_map("$defs"),
            "dependentRequired": _dependent_required,
            "dependentSchemas": _dependent_schemas,
            "unevaluatedProperties": _unevaluated("unevaluatedProperties", OBJ),
            "unevaluatedItems": _unevaluated("unevaluatedItems", ARR),
        }
    if draft == 2019:
        table["$recursiveRef"] = _dynamic("$recursiveRef")
    if draft == 2020:
        table |= {"prefixItems": _array, "$dynamicRef": _dynamic("$dynamicRef")}
    return table
