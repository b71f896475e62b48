"""Python types: what the schema allows is judged by jsonschema, and every instance comes back as it was."""

from __future__ import annotations

import collections
import dataclasses
import datetime as dt
import enum
import functools
import ipaddress
import json
import pathlib
import re
import typing
import uuid
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from decimal import Decimal
from typing import (
    Annotated,
    Any,
    ClassVar,
    Generic,
    Literal,
    NamedTuple,
    NewType,
    NotRequired,
    Optional,
    Required,
    Self,
    TypedDict,
    TypeVar,
    Union,
)

import annotated_types as at
import pytest
import typing_extensions as te
from jsonschema import Draft202012Validator, FormatChecker

from structgen.errors import TypeUnsupported, ValueMismatch
from structgen.frontends.types import TypePlan, type_schema

T = TypeVar("T")
K = TypeVar("K")
UTC = dt.UTC

KEYWORDS = {"type", "properties", "required", "additionalProperties", "patternProperties", "items", "prefixItems", "minItems", "maxItems"}
KEYWORDS |= {"enum", "const", "minLength", "maxLength", "pattern", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}
KEYWORDS |= {"multipleOf", "anyOf", "allOf", "$ref", "$defs", "format"}


def keywords_of(schema: Any) -> set[str]:
    """Every keyword of a schema, at any depth."""
    if not isinstance(schema, dict):
        return set()
    found = set(schema)
    for key in ("properties", "patternProperties", "$defs"):
        found |= set().union(*[keywords_of(s) for s in schema.get(key, {}).values()])
    for key in ("anyOf", "allOf", "prefixItems"):
        found |= set().union(*[keywords_of(s) for s in schema.get(key, ())])
    for key in ("items", "additionalProperties"):
        found |= keywords_of(schema.get(key))
    return found


def validator(plan: TypePlan) -> Draft202012Validator:
    Draft202012Validator.check_schema(plan.schema)
    return Draft202012Validator(plan.schema, format_checker=FormatChecker())


def check(tp: Any, value: Any, spelled: Any, *, names: dict[str, Any] | None = None) -> TypePlan:
    """`spelled` is valid, and both its text and itself become exactly `value`."""
    plan = type_schema(tp, names=names)
    assert keywords_of(plan.schema) <= KEYWORDS
    json.dumps(plan.schema)
    validator(plan).validate(spelled)
    for found in (plan.decode(json.dumps(spelled)), plan.decode_value(spelled)):
        assert found == value
        assert type(found) is type(value)
    return plan


def refuses(tp: Any, *values: Any, decode: bool = True) -> None:
    """The schema calls each value invalid, and decoding does not take it either (limits are the schema's business: `decode=False`)."""
    plan = type_schema(tp)
    for value in values:
        assert not validator(plan).is_valid(value), value
        if decode:
            with pytest.raises(ValueMismatch):
                plan.decode(json.dumps(value))


class Color(enum.Enum):
    RED = "red"
    BLUE = 3
    NONE = None


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Mood(enum.StrEnum):
    GOOD = "good"
    BAD = "b|d"


@dataclass
class Point:
    x: int
    y: float = 0.0


@dataclass(frozen=True, slots=True)
class Frozen:
    a: str
    b: tuple[int, ...] = ()


@dataclass
class Tree:
    value: int
    children: list[Tree] = field(default_factory=list)
    parent: Optional["Tree"] = None  # noqa: UP037, UP045
    twin: Self | None = None


@dataclass
class Base(Generic[T]):
    item: T
    many: list[T]


@dataclass
class Derived(Base[list[K]], Generic[K]):
    own: K | None = None


@dataclass
class IntDerived(Derived[int]):
    last: bool = False


class Movie(TypedDict):
    title: str
    year: NotRequired[int]


class Extended(Movie, total=False):
    rating: Required[float]
    tags: te.ReadOnly[list[str]]


class Box(TypedDict, Generic[T]):
    content: T


class IntBox(Box[int]):
    label: str


class Pair(NamedTuple):
    left: int
    right: str = "r"


class Cell(NamedTuple, Generic[T]):
    item: T


Json = te.TypeAliasType("Json", "dict[str, Json] | list[Json] | str | int | float | bool | None")
Vector = te.TypeAliasType("Vector", list[T], type_params=(T,))
UserId = NewType("UserId", int)
Noon = dt.time(12, 30)

ROUND_TRIPS: list[tuple[Any, Any, Any]] = [
    (int, 3, 3),
    (float, 3.0, 3),
    (float, 2.5, 2.5),
    (bool, True, True),
    (None, None, None),
    (str, 'é"\n', 'é"\n'),
    (Any, {"a": [1.5, None]}, {"a": [1.5, None]}),
    (object, [1], [1]),
    (Decimal, Decimal("0.1"), 0.1),
    (dt.date, dt.date(2024, 2, 29), "2024-02-29"),
    (dt.datetime, dt.datetime(2024, 1, 2, 3, 4, 5), "2024-01-02T03:04:05"),
    (dt.datetime, dt.datetime(2024, 1, 2, 3, 4, 5, 6, tzinfo=UTC), "2024-01-02T03:04:05.000006Z"),
    (dt.time, Noon, "12:30:00"),
    (dt.time, dt.time(1, 2, 3, tzinfo=dt.timezone(dt.timedelta(hours=-5))), "01:02:03-05:00"),
    (dt.timedelta, dt.timedelta(days=1, hours=2, microseconds=500000), "P1DT2H0.5S"),
    (dt.timedelta, -dt.timedelta(weeks=3), "-P3W"),
    (uuid.UUID, uuid.UUID(int=7), str(uuid.UUID(int=7))),
    (pathlib.Path, pathlib.Path("a/b"), "a/b"),
    (pathlib.PurePosixPath, pathlib.PurePosixPath("/x"), "/x"),
    (ipaddress.IPv4Address, ipaddress.IPv4Address("1.2.3.4"), "1.2.3.4"),
    (ipaddress.IPv6Address, ipaddress.IPv6Address("::1"), "::1"),
    (ipaddress.IPv4Network, ipaddress.IPv4Network("10.0.0.0/8"), "10.0.0.0/8"),
    (ipaddress.IPv6Interface, ipaddress.IPv6Interface("fe80::1/64"), "fe80::1/64"),
    (Color, Color.BLUE, 3),
    (Color, Color.NONE, None),
    (Level, Level.HIGH, 2),
    (Mood, Mood.BAD, "b|d"),
    (Literal["a", 1, None, False], False, False),
    (Literal[True, 1], 1, 1),
    (Literal[Color.RED, "x"], Color.RED, "red"),
    (int | str, "1", "1"),
    (Optional[int], None, None),  # noqa: UP045
    (Union[str, float], 1.5, 1.5),  # noqa: UP007
    (float | int, 1, 1),
    (bool | int, 1, 1),
    (int | bool, True, True),
    (dt.date | str, dt.date(2024, 1, 1), "2024-01-01"),
    (dt.date | str, "2024-13-01", "2024-13-01"),
    (uuid.UUID | int | list[int], [1], [1]),
    (list[int], [1, 2], [1, 2]),
    (list, [1, "a"], [1, "a"]),
    (typing.List[int], [1], [1]),  # noqa: UP006
    (set[int], {1, 2}, [1, 2]),
    (frozenset[Color], frozenset({Color.RED}), ["red"]),
    (tuple[int, str], (1, "a"), [1, "a"]),
    (tuple[int, ...], (1, 2, 3), [1, 2, 3]),
    (tuple[int, *tuple[str, ...]], (1, "a", "b"), [1, "a", "b"]),
    (tuple[()], (), []),
    (tuple, (1, "a"), [1, "a"]),
    (collections.deque[int], collections.deque([1]), [1]),
    (Sequence[int], [1], [1]),
    (Iterable[Pair], [Pair(1, "x")], [[1, "x"]]),
    (AbstractSet[str], {"a"}, ["a"]),
    (dict, {"a": 1}, {"a": 1}),
    (dict[str, int], {"a": 1}, {"a": 1}),
    (Mapping[str, Point], {"p": Point(1)}, {"p": {"x": 1}}),
    (dict[int, str], {-1: "a", 0: "b"}, {"-1": "a", "0": "b"}),
    (dict[Level, str], {Level.LOW: "a"}, {"1": "a"}),
    (dict[Mood, int], {Mood.BAD: 1, Mood.GOOD: 2}, {"b|d": 1, "good": 2}),
    (dict[Literal["a", True], int], {"a": 1, True: 2}, {"a": 1, "true": 2}),
    (dict[bool, int], {True: 1}, {"true": 1}),
    (dict[dt.date, int], {dt.date(2024, 1, 1): 1}, {"2024-01-01": 1}),
    (dict[uuid.UUID, int], {uuid.UUID(int=1): 1}, {str(uuid.UUID(int=1)): 1}),
    (dict[Annotated[str, at.MinLen(2)], int], {"ab": 1}, {"ab": 1}),
    (collections.OrderedDict[str, int], collections.OrderedDict(b=1, a=2), {"b": 1, "a": 2}),
    (collections.Counter[str], collections.Counter("aab"), {"a": 2, "b": 1}),
    (Point, Point(1, 2.0), {"x": 1, "y": 2}),
    (Point, Point(1), {"x": 1}),
    (Frozen, Frozen("a", (1,)), {"a": "a", "b": [1]}),
    (set[Frozen], {Frozen("a")}, [{"a": "a"}]),
    (Tree, Tree(1, [Tree(2)], Tree(3), Tree(4)), {"value": 1, "children": [{"value": 2}], "parent": {"value": 3}, "twin": {"value": 4}}),
    (list[Tree], [Tree(1)], [{"value": 1}]),
    (Base[int], Base(1, [2]), {"item": 1, "many": [2]}),
    (Base[Base[str]], Base(Base("a", []), []), {"item": {"item": "a", "many": []}, "many": []}),
    (Derived[str], Derived(["a"], [["b"]], "c"), {"item": ["a"], "many": [["b"]], "own": "c"}),
    (IntDerived, IntDerived([1], [], 2, True), {"item": [1], "many": [], "own": 2, "last": True}),
    (Movie, {"title": "x"}, {"title": "x"}),
    (Extended, {"title": "x", "year": 1, "rating": 1.0, "tags": ["a"]}, {"title": "x", "year": 1, "rating": 1, "tags": ["a"]}),
    (Box[dt.date], {"content": dt.date(2024, 1, 1)}, {"content": "2024-01-01"}),
    (IntBox, {"content": 1, "label": "a"}, {"content": 1, "label": "a"}),
    (Pair, Pair(1, "a"), [1, "a"]),
    (Pair, Pair(1), [1]),
    (Cell[dt.date], Cell(dt.date(2024, 1, 1)), ["2024-01-01"]),
    (Json, {"a": [1, 2.5, None, {"b": True}]}, {"a": [1, 2.5, None, {"b": True}]}),
    (Vector[int], [1], [1]),
    (UserId, 5, 5),
    (dict[UserId, int], {5: 1}, {"5": 1}),
    (T, [1], [1]),
]


@pytest.mark.parametrize(("tp", "value", "spelled"), ROUND_TRIPS, ids=lambda v: str(v)[:40])
def test_an_instance_comes_back_as_it_was(tp: Any, value: Any, spelled: Any) -> None:
    check(tp, value, spelled)


REJECTED: list[tuple[Any, list[Any]]] = [
    (int, [1.5, "1", True, None]),
    (float, ["1", False]),
    (bool, [1, "true"]),
    (None, [0, False]),
    (str, [1, None]),
    (dt.date, ["2023-02-29", "2024-1-1", "20240101", 5]),
    (dt.time, ["25:00:00", "12:00"]),
    (dt.timedelta, ["P", "PT", "P1Y", "P1M", "1D", "P1DT"]),
    (dt.datetime, ["0000-01-01T00:00:00", "2023-02-29T00:00:00", "1900-02-29T00:00:00", "2024-01-01T24:00:00", "2024-01-01 00:00:00"]),
    (ipaddress.IPv4Address, ["1.2.3", "256.1.1.1"]),
    (ipaddress.IPv6Interface, ["::1/129", "1::2::3/4"]),
    (Color, ["RED", 2, False]),
    (Literal[1], [True, "1", 2]),
    (Literal[True], [1]),
    (int | None, ["", 1.5]),
    (list[int], [["a"], {}, [1, None]]),
    (tuple[int, str], [[1], [1, "a", 2], ["a", 1]]),
    (tuple[()], [[1]]),
    (dict[int, str], [{"a": "b"}, {"01": "x"}, {"1": 1}]),
    (dict[Mood, int], [{"b": 1}, {"GOOD": 1}]),
    (dict[Annotated[str, at.Len(2, 3)], int], [{"a": 1}, {"abcd": 1}]),
    (Point, [{}, {"x": "1"}, {"x": 1, "z": 2}, [1, 2], None]),
    (Tree, [{"value": 1, "children": [{}]}]),
    (Extended, [{"title": "x"}, {"title": "x", "rating": 1, "other": 1}]),
    (Pair, [[], [1, "a", 3], {"left": 1}]),
    (IntDerived, [{"item": [1], "many": [1]}, {"item": ["a"], "many": []}]),
    (Json, []),
]


@pytest.mark.parametrize(("tp", "values"), REJECTED, ids=lambda v: str(v)[:40])
def test_wrong_json_is_refused(tp: Any, values: list[Any]) -> None:
    if tp in (
        dict[Annotated[str, at.Len(2, 3)], int],
        dt.date,
        dt.datetime,
        dt.time,
        dict[int, str],
    ):  # Python reads more spellings than the schema allows
        refuses(tp, *values, decode=False)
    else:
        refuses(tp, *values)


LIMITED: list[tuple[Any, list[Any], list[Any]]] = [
    (Annotated[int, at.Ge(0), at.Lt(10)], [0, 9], [-1, 10]),
    (Annotated[int, at.Interval(gt=0, le=10)], [1, 10], [0, 11]),
    (Annotated[float, at.Gt(0), at.Gt(1)], [1.5], [1, 0.5]),
    (Annotated[int, at.MultipleOf(3)], [0, 9], [1]),
    (Annotated[Decimal, at.MultipleOf(Decimal("0.25"))], [0.5], [0.3]),
    (Annotated[int, at.Lt(float("inf"))], [10**30], [1.5]),
    (Annotated[str, at.MinLen(1), at.MaxLen(3)], ["a", "abc"], ["", "abcd"]),
    (Annotated[str, at.Len(2, 2)], ["ab"], ["a"]),
    (Annotated[list[int], at.Len(1, 2)], [[1], [1, 2]], [[], [1, 2, 3]]),
    (Annotated[set[int], at.MinLen(1)], [[1]], [[]]),
    (Annotated[int | None, at.Ge(5)], [None, 5], [4]),
    (Annotated[Annotated[int, at.Ge(0)], at.Le(3)], [0, 3], [-1, 4]),
    (list[Annotated[str, "a description", at.MinLen(1)]], [["a"]], [[""]]),
    (Annotated[str, te.Doc("what it is")], ["a"], [1]),
    (Annotated[UserId, at.Ge(1)], [1], [0]),
]


@pytest.mark.parametrize(("tp", "good", "bad"), LIMITED, ids=lambda v: str(v)[:40])
def test_limits_hold(tp: Any, good: list[Any], bad: list[Any]) -> None:
    plan = type_schema(tp)
    assert keywords_of(plan.schema) <= KEYWORDS
    for value in good:
        validator(plan).validate(value)
        plan.decode_value(value)
    refuses(tp, *bad, decode=False)


def test_limits_by_any_object_with_the_attributes() -> None:
    class Between:
        ge, le = 2, 3

    class Like:
        pattern = re.compile("^a+$")

    assert type_schema(Annotated[int, Between()]).schema == {"type": "integer", "minimum": 2, "maximum": 3}
    assert type_schema(Annotated[str, Like()]).schema == {"type": "string", "pattern": "^a+$"}
    Like.pattern = re.compile("a", re.I)
    with pytest.raises(TypeUnsupported, match="flags"):
        type_schema(Annotated[str, Like()])


def test_sets_that_must_be_large_ask_for_unique_items() -> None:
    assert type_schema(Annotated[set[int], at.MinLen(2)]).schema["uniqueItems"] is True
    assert "uniqueItems" not in type_schema(set[int]).schema


def test_whole_numbers_in_any_spelling_are_ints() -> None:
    plan = type_schema(list[int])
    found = plan.decode("[1.0, 1e2, 1E30, -0.0, 12345678901234567890.0]")
    assert found == [1, 100, 10**30, 0, 12345678901234567890]
    assert all(type(n) is int for n in found)
    with pytest.raises(ValueMismatch, match="4300 digits"):
        plan.decode("[1e999999999]")
    assert plan.decode_value([1.0, 3]) == [1, 3]


def test_decimals_lose_nothing() -> None:
    text = "1234567890.12345678901234567890"
    assert type_schema(Decimal).decode(text) == Decimal(text)
    assert str(type_schema(Decimal).decode("1.10")) == "1.10"
    assert type_schema(float).decode("1e400") == float("inf")
    assert type_schema(float).decode("1e99999999999999999999999") == float("inf")


def test_a_union_takes_the_best_fit() -> None:
    @dataclass
    class Cat:
        kind: Literal["cat"]
        lives: int = 9

    @dataclass
    class Dog:
        kind: Literal["dog"]
        lives: int = 1

    @dataclass
    class Any2:
        kind: str
        lives: float = 0

    plan = type_schema(list[Any2 | Cat | Dog], names={"Cat": Cat, "Dog": Dog, "Any2": Any2})
    found = plan.decode('[{"kind": "dog", "lives": 2}, {"kind": "cow", "lives": 2.5}]')
    assert [type(f) for f in found] == [Dog, Any2]  # 2 is exactly an int, and only loosely a float
    assert type_schema(Annotated[int, at.Lt(10)] | Color).decode("3") == 3


def test_nested_unions_stay_linear() -> None:
    value: Any = 1
    for _ in range(100):
        value = {"a": [value]}
    assert type_schema(Json).decode(json.dumps(value)) == value


def test_hidden_fields_and_class_variables_are_left_out() -> None:
    @dataclass
    class Account:
        name: str
        limit: ClassVar[int] = 3
        total: int = field(init=False, default=7)
        _: dataclasses.KW_ONLY
        note: str | None = None

    assert check(Account, Account("a", note="b"), {"name": "a", "note": "b"}).schema["required"] == ["name"]


def test_names_for_classes_inside_functions() -> None:
    @dataclass
    class Outer:
        inner: Inner

    @dataclass
    class Inner:
        again: Outer | None = None

    with pytest.raises(TypeUnsupported, match="'Inner'") as caught:
        type_schema(Outer)
    assert caught.value.where == "Outer"
    check(Outer, Outer(Inner(Outer(Inner()))), {"inner": {"again": {"inner": {}}}}, names={"Outer": Outer, "Inner": Inner})
    check("list[Inner]", [Inner()], [{}], names={"Outer": Outer, "Inner": Inner})


def test_a_functions_signature() -> None:
    def book(guests: int, day: dt.date, *, name: str = "x", **rest: float) -> None: ...

    class Desk:
        def ask(self, question: str, mood: Mood = Mood.GOOD) -> str:
            return question + mood

    plan = check(book, {"guests": 2, "day": dt.date(2024, 1, 1), "tip": 1.0}, {"guests": 2, "day": "2024-01-01", "tip": 1})
    assert plan.schema["required"] == ["guests", "day"]
    assert Desk().ask(**type_schema(Desk().ask).decode('{"question": "q"}')) == "qgood"
    check(functools.partial(book, 3), {"day": dt.date(2024, 1, 1)}, {"day": "2024-01-01"})
    check(functools.cache(book), {"guests": 2, "day": dt.date(2024, 1, 1)}, {"guests": 2, "day": "2024-01-01"})

    def typed(**rest: te.Unpack[Movie]) -> None: ...

    check(typed, {"title": "a"}, {"title": "a"})
    refuses(typed, {"year": 1}, {"title": "a", "b": 1})
    check(lambda: None, {}, {})


def test_shared_and_recursive_definitions() -> None:
    @dataclass
    class Line:
        a: Point
        b: Point

    plan = type_schema(Line)
    assert plan.schema["properties"]["a"] == plan.schema["properties"]["b"] == {"$ref": "#/$defs/Point"}
    assert list(plan.schema["$defs"]) == ["Point"]
    assert type_schema(Tree).schema["$ref"] == "#/$defs/Tree"

    def make(name: str) -> Any:
        return dataclasses.make_dataclass("Same", [(name, int)])

    two = type_schema(tuple[make("a"), make("b")])  # type: ignore[misc]
    assert set(two.schema["$defs"]) == {"Same", "Same_2"}


def test_extra_items_of_a_typed_dict() -> None:
    class Open(te.TypedDict, extra_items=int):
        name: str

    check(Open, {"name": "a", "b": 2}, {"name": "a", "b": 2})
    refuses(Open, {"name": "a", "b": "c"})


def test_a_schema_is_itself() -> None:
    plan = type_schema({"type": "number"})
    assert plan.schema == {"type": "number"}
    assert plan.decode("[1, 2.5]") == [1, 2.5]
    assert type(plan.decode("2.5")) is float
