"""Laws of Python types, on random types and texts: every instance comes back from its JSON; every text of a pattern is read."""

from __future__ import annotations

import collections
import datetime as dt
import enum
import ipaddress
import json
import re
import uuid
from dataclasses import dataclass, fields, is_dataclass, make_dataclass
from decimal import Decimal
from typing import Annotated, Any, Literal, NamedTuple

import annotated_types as at
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker

from structgen.frontends.types import leaves, type_schema

LAW = settings(derandomize=True, deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))


class Suit(enum.Enum):
    HEARTS = "h"
    SPADES = 4


class Spot(NamedTuple):
    x: int
    when: dt.date


@dataclass(frozen=True)
class Item:
    name: str
    price: Decimal
    suit: Suit = Suit.HEARTS


OFFSETS = st.builds(dt.timezone, st.integers(-1439, 1439).map(lambda m: dt.timedelta(minutes=m)))
INSTANCES: dict[Any, st.SearchStrategy[Any]] = {
    int: st.integers(),
    float: st.floats(allow_nan=False, allow_infinity=False),
    bool: st.booleans(),
    str: st.text(max_size=8),
    type(None): st.none(),
    Decimal: st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**9), max_value=10**9, places=3),
    dt.date: st.dates(),
    dt.datetime: st.datetimes(timezones=st.none() | OFFSETS),
    dt.time: st.times(timezones=st.none() | OFFSETS),
    dt.timedelta: st.timedeltas(min_value=dt.timedelta(days=-(10**7)), max_value=dt.timedelta(days=10**7)),
    uuid.UUID: st.uuids(),
    ipaddress.IPv4Address: st.ip_addresses(v=4),
    ipaddress.IPv6Address: st.ip_addresses(v=6),
    ipaddress.IPv6Network: st.ip_addresses(v=6).map(ipaddress.ip_network),
    Suit: st.sampled_from(Suit),
    Literal["a", 1, None]: st.sampled_from(["a", 1, None]),
    Annotated[int, at.Ge(0), at.Lt(5)]: st.integers(0, 4),
    Annotated[str, at.Len(1, 3)]: st.text(min_size=1, max_size=3),
    Spot: st.builds(Spot, st.integers(), st.dates()),
    Item: st.builds(Item, st.text(max_size=3), st.decimals(0, 10, places=2), st.sampled_from(Suit)),
}
KEYS = [str, int, dt.date, uuid.UUID, Suit, bool]


@st.composite
def types_with_instances(draw: st.DrawFn, depth: int = 3) -> tuple[Any, st.SearchStrategy[Any]]:
    """A type and a strategy for its instances."""
    kind = draw(st.sampled_from(["leaf", "list", "set", "tuple", "many", "dict", "optional", "class", "deque"])) if depth else "leaf"
    if kind in {"leaf", "set"}:
        tp = draw(st.sampled_from(list(INSTANCES)))
        return (tp, INSTANCES[tp]) if kind == "leaf" else (set[tp], st.sets(INSTANCES[tp], max_size=3))
    inner, values = draw(types_with_instances(depth - 1))
    if kind == "list":
        return list[inner], st.lists(values, max_size=3)
    if kind == "deque":
        return collections.deque[inner], st.lists(values, max_size=3).map(collections.deque)
    if kind == "many":
        return tuple[inner, ...], st.lists(values, max_size=3).map(tuple)
    if kind == "optional":
        return inner | None, values | st.none()
    if kind == "dict":
        key = draw(st.sampled_from(KEYS))
        return dict[key, inner], st.dictionaries(INSTANCES[key], values, max_size=3)
    other, others = draw(types_with_instances(depth - 1))
    if kind == "tuple":
        return tuple[inner, other], st.tuples(values, others)
    cls = make_dataclass("Made", [("first", inner), ("second", other)])
    return cls, st.builds(cls, values, others)


def spell(value: Any) -> Any:
    """An instance as a JSON value, independently of the package."""
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, dict):
        return {key(k): spell(v) for k, v in value.items()}
    if is_dataclass(value):
        return {f.name: spell(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, (list, tuple, set, collections.deque)):
        return [spell(v) for v in value]
    if isinstance(value, dt.timedelta):
        sign, rest = ("-", -value) if value < dt.timedelta(0) else ("", value)
        return f"{sign}P{rest.days}DT{rest.seconds}.{rest.microseconds:06}S"
    if isinstance(value, (dt.date, dt.time)):
        return value.isoformat()
    return value if isinstance(value, (str, int, float, Decimal, bool, type(None))) else str(value)


def key(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    spelled = spell(value)
    return spelled if isinstance(spelled, str) else str(spelled)


def to_text(value: Any) -> str:
    """JSON text in which decimals keep their digits."""
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, list):
        return "[" + ",".join(map(to_text, value)) + "]"
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(k)}:{to_text(v)}" for k, v in value.items()) + "}"
    return json.dumps(value)


def kinds(value: Any) -> Any:
    """The exact types of a value, all the way down."""
    if isinstance(value, dict):
        return type(value), {k: kinds(v) for k, v in value.items()}
    if is_dataclass(value):
        return type(value), [kinds(getattr(value, f.name)) for f in fields(value)]
    if isinstance(value, (list, tuple, collections.deque)):
        return type(value), [kinds(v) for v in value]
    return type(value)


@LAW
@given(data=st.data())
def test_every_instance_is_valid_and_comes_back(data: st.DataObject) -> None:
    tp, values = data.draw(types_with_instances())
    plan = type_schema(tp)
    Draft202012Validator.check_schema(plan.schema)
    judge = Draft202012Validator(plan.schema, format_checker=FormatChecker())
    for _ in range(3):
        value = data.draw(values)
        spelled = spell(value)
        text = to_text(spelled)
        judge.validate(json.loads(text))
        found = plan.decode(text)
        assert found == value
        assert kinds(found) == kinds(value)


SCALARS = st.none() | st.booleans() | st.integers() | st.floats(-9, 9) | st.text(max_size=3)
OBJECT_KEYS = st.sampled_from(["first", "second", "x"])
VALUES = st.recursive(SCALARS, lambda s: st.lists(s, max_size=3) | st.dictionaries(OBJECT_KEYS, s, max_size=3), max_leaves=5)


@LAW
@given(data=st.data(), value=VALUES)
def test_what_the_schema_allows_is_decoded_and_nothing_else_fits(data: st.DataObject, value: Any) -> None:
    tp, _ = data.draw(types_with_instances(depth=2))
    assume("set" not in str(tp))  # items of a set may be unhashable only by value
    plan = type_schema(tp)
    if Draft202012Validator(plan.schema, format_checker=FormatChecker()).is_valid(value):
        plan.decode(json.dumps(value))


PATTERNS = [
    (dt.date, leaves.DATE),
    (dt.datetime, f"{leaves.DATE}T{leaves.CLOCK}{leaves.ZONE}?"),
    (dt.time, f"{leaves.CLOCK}{leaves.ZONE}?"),
    (dt.timedelta, leaves.DURATION),
    (uuid.UUID, leaves.UUID),
    (ipaddress.IPv4Address, leaves.IPV4),
    (ipaddress.IPv6Address, leaves.IPV6),
    (ipaddress.IPv4Network, leaves.FORMAT_PATTERNS["ipv4network"]),
    (ipaddress.IPv6Interface, leaves.FORMAT_PATTERNS["ipv6interface"]),
]


@pytest.mark.parametrize(("tp", "pattern"), PATTERNS, ids=lambda v: str(v)[:30])
@LAW
@given(data=st.data())
def test_python_reads_every_text_of_a_pattern(tp: Any, pattern: str, data: st.DataObject) -> None:
    text = data.draw(st.from_regex(pattern, fullmatch=True, alphabet=st.characters(max_codepoint=127)))
    found = type_schema(tp).decode(json.dumps(text))
    assert isinstance(found, tp)
    assert type_schema(dict[tp, int]).decode(json.dumps({text: 1})) == {found: 1}


def test_the_calendar_of_the_pattern_is_pythons() -> None:
    for year in [1, 4, 99, 100, 400, 1000, 1899, 1900, 1996, 2000, 2023, 2024, 2100, 9999]:
        for month in range(14):
            for day in range(33):
                text = f"{year:04}-{month:02}-{day:02}"
                try:
                    dt.date.fromisoformat(text)
                    real = True
                except ValueError:
                    real = False
                assert bool(re.fullmatch(leaves.DATE, text)) == real, text
    assert not re.fullmatch(leaves.DATE, "0000-01-01")
    assert not re.fullmatch(leaves.DATE, "0000-02-29")


@LAW
@given(st.text(alphabet="0123:abf.", max_size=20) | st.ip_addresses(v=6).map(str) | st.ip_addresses(v=6).map(lambda a: a.exploded))
def test_the_pattern_of_ipv6_is_pythons(text: str) -> None:
    try:
        ipaddress.IPv6Address(text)
        real = True
    except ValueError:
        real = False
    assert bool(re.fullmatch(leaves.IPV6, text)) == real


def test_the_pattern_of_ipv6_on_every_shape() -> None:
    for before in range(10):
        for after in range(10):
            for tail in ("", "1.2.3.4"):
                left, right = ":".join(["a"] * before), ":".join(["b"] * after + ([tail] if tail else []))
                for text in (f"{left}::{right}", f"{left}:{right}", left, right):
                    try:
                        ipaddress.IPv6Address(text)
                        real = True
                    except ValueError:
                        real = False
                    assert bool(re.fullmatch(leaves.IPV6, text)) == real, text


FOREIGN = ["AwareDatetime", "NaiveDatetime", "HttpUrl", "AnyUrl", "Base64Bytes", "Base64UrlBytes", "IPvAnyInterface"]


@pytest.mark.parametrize("name", [*FOREIGN, dt.datetime, dt.timedelta, dt.time], ids=str)
def test_pydantic_reads_every_text_of_its_patterns(name: Any) -> None:
    pydantic = pytest.importorskip("pydantic", reason="pydantic is not installed")
    model = pydantic.create_model("Model", field=(getattr(pydantic, name) if isinstance(name, str) else name, ...))
    plan = type_schema(model)
    schema = plan.schema["properties"]["field"]
    patterns = [one["pattern"] for one in schema.get("anyOf", [schema])]

    @settings(LAW, max_examples=20)
    @given(st.one_of([st.from_regex(p[1:-1], fullmatch=True, alphabet=st.characters(max_codepoint=127)) for p in patterns]))
    def read(text: str) -> None:
        plan.decode(json.dumps({"field": text}))

    read()
