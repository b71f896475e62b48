"""pydantic types: what pydantic dumps, the schema allows and decoding returns; what the schema allows, pydantic accepts."""

from __future__ import annotations

import datetime as dt
import enum
import json
import subprocess
import sys
import uuid
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, Generic, Literal, NamedTuple, Optional, TypeVar

import pytest
import typing_extensions as te
from jsonschema import Draft202012Validator, FormatChecker

from structgen.errors import TypeUnsupported, ValueMismatch
from structgen.frontends.types import TypePlan, type_schema

pydantic = pytest.importorskip("pydantic", reason="pydantic is not installed")
from pydantic import BaseModel, ConfigDict, Field, RootModel, StringConstraints  # noqa: E402

T = TypeVar("T")
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


class Kind(enum.Enum):
    A = "a"
    B = 2


class Level(enum.IntEnum):
    HIGH = 2


class Row(NamedTuple):
    n: int
    s: str = "s"


class Extra(te.TypedDict, total=False):
    note: str


@dataclass
class Plain:
    a: int
    b: list[str] | None = None


class Address(BaseModel):
    street: str = Field(description="with number", examples=["1 Main St"], min_length=1)
    zip_code: str = Field(alias="zip", pattern=r"^[0-9]{5}$")


class Cat(BaseModel):
    kind: Literal["cat"] = "cat"
    lives: int = Field(9, ge=0, le=9)


class Dog(BaseModel):
    kind: Literal["dog"]
    friends: list[Pet] = []


Pet = Annotated[Cat | Dog, Field(discriminator="kind")]


class Everything(BaseModel):
    model_config = ConfigDict(title="A title", json_schema_extra={"examples": [1], "x-note": 1})
    i: int
    f: float = Field(gt=0)
    b: bool
    home: Address
    pet: Pet
    keyed: dict[Literal["a", "b"], int] = {}
    by_id: dict[int, str] = {}
    by_kind: dict[Kind, int] = {}
    by_level: dict[Level, int] = {}
    by_uuid: dict[uuid.UUID, int] = {}
    by_date: dict[dt.date, int] = {}
    by_moment: dict[dt.datetime, int] = {}
    by_truth: dict[bool, int] = {}
    by_word: dict[Annotated[str, StringConstraints(pattern="^[a-z]+$")], int] = {}
    by_short: dict[Annotated[str, StringConstraints(max_length=2)], int] = {}
    free: dict[str, Any] = {}
    tags: set[str] = set()
    raw: bytes = b""
    row: Row = Row(1)
    extra: Extra = Extra()
    plain: Plain | None = None
    day: dt.date = dt.date(2024, 1, 1)
    when: dt.datetime = dt.datetime(2024, 1, 1)
    clock: dt.time = dt.time(1)
    span: dt.timedelta = dt.timedelta(hours=1)
    id: uuid.UUID = uuid.UUID(int=5)
    version4: pydantic.UUID4 = uuid.UUID("c9bf9e57-1685-4c89-bafb-ff5af830be8a")
    price: Annotated[Decimal, Field(decimal_places=2, max_digits=6)] = Decimal("1.25")
    link: pydantic.HttpUrl | None = None
    secret: pydantic.SecretStr | None = None
    code: pydantic.Base64Bytes | None = None
    ip: pydantic.IPvAnyAddress | None = None
    net: pydantic.IPvAnyInterface | None = None
    strict: pydantic.StrictInt = 1


class Node(BaseModel):
    value: int
    next: Optional[Node] = None  # noqa: UP045


class Pack(BaseModel, Generic[T]):
    items: list[T]


class Strict(BaseModel):
    model_config = ConfigDict(strict=True)
    n: int
    day: dt.date


def validator(plan: TypePlan) -> Draft202012Validator:
    Draft202012Validator.check_schema(plan.schema)
    return Draft202012Validator(plan.schema, format_checker=FormatChecker())


def check(tp: Any, value: Any, spelled: Any) -> TypePlan:
    plan = type_schema(tp)
    assert keywords_of(plan.schema) <= KEYWORDS, keywords_of(plan.schema) - KEYWORDS
    validator(plan).validate(spelled)
    for found in (plan.decode(json.dumps(spelled)), plan.decode_value(spelled)):
        assert found == value
        assert type(found) is type(value)
    return plan


def valid(tp: Any, value: Any) -> bool:
    return validator(type_schema(tp)).is_valid(value)


HOME = {"street": "1 Main St", "zip": "12345"}
FULL = {"i": 1, "f": 0.5, "b": True, "home": HOME, "pet": {"kind": "dog", "friends": [{"kind": "cat", "lives": 3}]}}
MORE = {
    "keyed": {"a": 1},
    "by_id": {"-3": "x"},
    "by_kind": {"a": 1},
    "by_level": {"2": 1},
    "by_uuid": {str(uuid.UUID(int=9)): 1},
    "by_date": {"2024-02-29": 1},
    "by_moment": {"2024-02-29T00:00:00Z": 1},
    "by_truth": {"true": 1},
    "by_word": {"abc": 1},
    "by_short": {"ab": 1},
    "free": {"x": [1.5, None]},
    "tags": ["a", "b"],
    "raw": "abc",
    "row": [1, "x"],
    "extra": {"note": "n"},
    "plain": {"a": 1, "b": ["c"]},
    "day": "2024-02-29",
    "when": "2024-02-29T10:00:00.5+02:00",
    "clock": "10:00:00",
    "span": "P1DT2H",
    "price": 12.25,
    "link": "https://example.org/a?b=c%20d#e",
    "secret": "s",
    "code": "YWJj",
    "ip": "::1",
    "net": "10.0.0.0/8",
    "strict": 3.0,
}


def test_a_model_with_everything() -> None:
    check(Everything, Everything.model_validate(FULL | MORE | {"strict": 3}), FULL | MORE)
    assert type_schema(Everything).decode(json.dumps(FULL)).pet.friends[0] == Cat(lives=3)


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        ("i", "1"),
        ("f", 0),
        ("home", {"street": "a", "zip_code": "12345"}),
        ("home", {**HOME, "zip": "1"}),
        ("pet", {"kind": "cow"}),
        ("pet", {"kind": "cat", "lives": 10}),
        ("keyed", {"c": 1}),
        ("by_id", {"x": "y"}),
        ("by_kind", {"b": 1}),
        ("by_kind", {"2": 1}),
        ("by_level", {"HIGH": 1}),
        ("by_uuid", {"x": 1}),
        ("by_date", {"2023-02-29": 1}),
        ("by_truth", {"yes": 1}),
        ("by_word", {"ABC": 1}),
        ("by_short", {"abc": 1}),
        ("row", [1, "a", 2]),
        ("extra", {"other": 1}),
        ("plain", {"b": []}),
        ("when", "2024-13-01T00:00:00Z"),
        ("version4", str(uuid.UUID(int=5))),
        ("price", 1.255),
        ("price", 10000),
        ("link", "ftp://example.org"),
        ("link", "http://"),
        ("code", "YWJ"),
        ("ip", "1.2.3"),
        ("unknown", 1),
    ],
)
def test_what_pydantic_would_refuse_or_drop_the_schema_refuses(name: str, bad: Any) -> None:
    assert valid(Everything, FULL)
    assert not valid(Everything, FULL | {name: bad})


def test_dumps_are_valid_and_come_back() -> None:
    plan = type_schema(Everything)
    model = Everything.model_validate(FULL)
    dumped = json.loads(model.model_dump_json(by_alias=True, exclude={"price"}))  # pydantic dumps a Decimal as a string
    validator(plan).validate(dumped)
    assert plan.decode(json.dumps(dumped)) == model


def test_recursion_generics_and_roots() -> None:
    plan = check(Node, Node(value=1, next=Node(value=2)), {"value": 1, "next": {"value": 2}})
    assert plan.schema["$ref"] == "#/$defs/Node"
    check(list[Node], [Node(value=1)], [{"value": 1}])
    check(Pack[int], Pack[int](items=[1]), {"items": [1]})
    assert not valid(Pack[int], {"items": ["a"]})
    check(RootModel[list[int]], RootModel[list[int]]([1]), [1])


def test_models_inside_other_types_share_definitions() -> None:
    @dataclass
    class Mix:
        a: Address
        node: Node
        many: dict[str, Everything]
        either: int | Address | None = None

    mix = Mix(Address.model_validate(HOME), Node(value=1), {}, Address.model_validate(HOME))
    plan = check(Mix, mix, {"a": HOME, "node": {"value": 1}, "many": {}, "either": HOME})
    assert sorted(plan.schema["$defs"]) == sorted(["Address", "Node", "Everything", "Cat", "Dog", "Kind", "Level", "Row", "Extra", "Plain"])


def test_two_models_of_one_name_stay_apart() -> None:
    def make(tp: Any) -> Any:
        inner = pydantic.create_model("Inner", x=(tp, ...))
        return pydantic.create_model("Outer", inner=(inner, ...))

    plan = type_schema(tuple[make(int), make(str)])  # type: ignore[misc]
    assert validator(plan).is_valid([{"inner": {"x": 1}}, {"inner": {"x": "a"}}])
    assert not validator(plan).is_valid([{"inner": {"x": "a"}}, {"inner": {"x": 1}}])


def test_extra_keys_only_where_the_model_keeps_them() -> None:
    class Open(BaseModel):
        model_config = ConfigDict(extra="allow")
        a: int

    class Typed(BaseModel):
        model_config = ConfigDict(extra="allow")
        __pydantic_extra__: dict[str, int]
        a: int

    assert valid(Open, {"a": 1, "b": "c"})
    assert valid(Typed, {"a": 1, "b": 2})
    assert not valid(Typed, {"a": 1, "b": "c"})
    assert not valid(Cat, {"kind": "cat", "b": 1})
    assert type_schema(Open).decode('{"a": 1, "b": "c"}').b == "c"  # type: ignore[attr-defined]


def test_strict_models_take_json() -> None:
    check(Strict, Strict(n=100, day=dt.date(2024, 1, 1)), {"n": 1e2, "day": "2024-01-01"})


def test_long_decimals_keep_their_digits() -> None:
    class Price(BaseModel):
        amount: Decimal
        rate: float = 0

    found = type_schema(Price).decode('{"amount": 1.2345678901234567890123, "rate": 0.1}')
    assert found == Price(amount=Decimal("1.2345678901234567890123"), rate=0.1)
    assert type_schema(Price).decode('{"amount": 1, "rate": 1e30}').rate == 1e30


def test_validators_of_the_model_speak() -> None:
    class Even(BaseModel):
        n: int

        @pydantic.field_validator("n")
        @classmethod
        def even(cls, n: int) -> int:
            if n % 2:
                raise ValueError("odd")
            return n

    assert type_schema(Even).decode('{"n": 2}').n == 2
    with pytest.raises(pydantic.ValidationError, match="odd"):
        type_schema(Even).decode('{"n": 3}')
    assert type_schema(Even | int).decode("3") == 3
    with pytest.raises(ValueMismatch):
        type_schema(Even | int).decode('{"n": 3}')


def test_metadata_of_pydantic_on_plain_types() -> None:
    assert type_schema(Annotated[int, Field(ge=1, description="d")]).schema == {"type": "integer", "minimum": 1}
    assert type_schema(Annotated[str, StringConstraints(min_length=1, pattern="a")]).schema == {
        "type": "string",
        "minLength": 1,
        "pattern": "a",
    }
    assert type_schema(Annotated[str, Field(pattern="a", max_length=3)]).schema == {"type": "string", "maxLength": 3, "pattern": "a"}
    assert type_schema(Annotated[str, StringConstraints(to_upper=True)]).decode('"a"') == "A"
    assert type_schema(Annotated[int, pydantic.AfterValidator(lambda n: n + 1)]).decode("1") == 2
    assert type_schema(pydantic.PositiveInt).schema == {"type": "integer", "exclusiveMinimum": 0}
    assert type_schema(pydantic.conlist(int, min_length=1)).schema == {"type": "array", "items": {"type": "integer"}, "minItems": 1}
    check(pydantic.NaiveDatetime, dt.datetime(2024, 1, 1), "2024-01-01T00:00:00")
    assert not valid(pydantic.NaiveDatetime, "2024-01-01T00:00:00Z")
    assert not valid(pydantic.AwareDatetime, "2024-01-01T00:00:00")


def test_pydantic_dataclasses() -> None:
    @pydantic.dataclasses.dataclass
    class Limited:
        n: Annotated[int, Field(ge=1)]
        home: Address | None = None

    check(Limited, Limited(1, Address.model_validate(HOME)), {"n": 1, "home": HOME})
    assert not valid(Limited, {"n": 0})


def test_aliases_that_only_validation_knows() -> None:
    class ByName(BaseModel):
        model_config = ConfigDict(validate_by_alias=False, validate_by_name=True)
        n: int = Field(alias="N")

    class Split(BaseModel):
        n: int = Field(validation_alias="in", serialization_alias="out")

    check(ByName, ByName(n=1), {"n": 1})
    check(Split, Split.model_validate({"in": 1}), {"in": 1})


def test_names_complete_a_model() -> None:
    class Late(BaseModel):
        later: Later

    class Later(BaseModel):
        n: int

    with pytest.raises(TypeUnsupported, match="Later"):
        type_schema(Late)
    assert type_schema(Late, names={"Later": Later}).decode('{"later": {"n": 1}}').later == Later(n=1)


@pytest.mark.parametrize(
    ("tp", "why"),
    [
        (pydantic.PastDate, "now_op"),
        (Annotated[dt.date, Field(ge=dt.date(2020, 1, 1))], "ge"),
        (pydantic.Json[int], "Json"),
        (type[int], "class"),
        (Annotated[Decimal, Field(max_digits=3)], "max_digits"),
        (Annotated[bytes, Field(max_length=3)], "bytes"),
    ],
)
def test_conditions_that_a_schema_cannot_say_are_refused_with_their_field(tp: Any, why: str) -> None:
    class Holder(BaseModel):
        fine: int
        field: tp

    class Outer(BaseModel):
        holder: Holder

    with pytest.raises(TypeUnsupported, match=why) as caught:
        type_schema(list[Outer])
    assert caught.value.where == "Holder.field"
    assert caught.value.hint


def test_pydantic_is_loaded_only_for_its_own_types() -> None:
    program = "import sys; from structgen.frontends.types import type_schema; type_schema(int); assert 'pydantic' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
