"""Python types without a JSON form, and texts that do not fit one: each error has its place, a reason and a hint."""

from __future__ import annotations

import collections
import datetime as dt
import enum
import json
import re
import typing
from collections.abc import Callable
from dataclasses import InitVar, dataclass
from typing import Annotated, Any, Literal, Self

import annotated_types as at
import pytest
import typing_extensions as te

from structgen.errors import BudgetExceeded, IncompleteOutput, TypeUnsupported, ValueMismatch
from structgen.frontends.types import type_schema


@dataclass
class Point:
    x: int
    y: int = 0


class Bits(enum.Flag):
    A = 1


class Odd(enum.Enum):
    A = (1, 2)


class Infinite(enum.Enum):
    A = float("inf")


class Empty(enum.Enum):
    pass


@dataclass
class Person:
    name: str
    tags: list[bytes]


@dataclass
class WithInit:
    a: InitVar[int]
    b: int = 0


def star(*numbers: int) -> None: ...
def positional(a: int, /) -> None: ...
def bare(a) -> None: ...  # type: ignore[no-untyped-def]


Loop = te.TypeAliasType("Loop", "Loop")

REFUSED: list[tuple[Any, str, str]] = [
    (Person, "Person.tags[]", "bytes"),
    (WithInit, "WithInit.a", "InitVar"),
    (dict[str, complex], "dict[str, complex]{}", "complex"),
    (tuple[int, re.Pattern], "tuple[int, re.Pattern][1]", "Pattern"),
    (Bits, "Bits", "Flag"),
    (Odd, "Odd", "no JSON form"),
    (Infinite, "Infinite", "inf"),
    (Empty, "Empty", "no members"),
    (Literal[b"x"], "", "literal"),
    (dict[float, int], "its keys", "key"),
    (dict[str | int, int], "its keys", "key"),
    (dict[tuple[int, int], int], "its keys", "key"),
    (dict[Literal["1", 1], int], "its keys", "both written"),
    (set[list[int]], "[]", "hashable"),
    (set[Point], "[]", "hashable"),
    (collections.defaultdict[str, int], "", "factory"),
    (Callable[[int], int], "", "function"),
    (type[int], "", "no JSON form"),
    (typing.Never, "", "no value"),
    (star, "star(numbers)", "args"),
    (positional, "positional(a)", "positional"),
    (bare, "bare(a)", "annotation"),
    (Annotated[str, at.Ge(1)], "", "ge"),
    (Annotated[int, at.MinLen(1)], "", "min_length"),
    (Annotated[Point, at.Ge(1)], "", "do not apply"),
    (Annotated[dt.date, at.Ge(dt.date(2020, 1, 1))], "", "do not apply"),
    (Annotated[int, at.Ge("a")], "", "bound"),
    (Annotated[int, at.Ge(float("nan"))], "", "bound"),
    (Annotated[int, at.Predicate(bool)], "", "condition"),
    (Annotated[str, at.MinLen(-1)], "", "min_length"),
    (Self, "", "Self"),
    (tuple[*tuple[int, ...], str], "", "any length"),
    (Loop, "Loop", "itself"),
    ("list[Nowhere]", "", "Nowhere"),
    ("list[", "", "read"),
    (5, "", "not a type"),
    (json, "", "not a type"),
    (type("Custom", (), {}), "Custom", "no JSON form"),
]


@pytest.mark.parametrize(("tp", "where", "why"), REFUSED, ids=[f"{place}-{why}"[:40] for _, place, why in REFUSED])
def test_what_has_no_json_form_is_refused_with_place_and_hint(tp: Any, where: str, why: str) -> None:
    with pytest.raises(TypeUnsupported, match=re.escape(why)) as caught:
        type_schema(tp)
    assert where in str(caught.value.where)
    assert caught.value.hint


def test_a_mismatch_points_into_the_value() -> None:
    with pytest.raises(ValueMismatch) as caught:
        type_schema(dict[str, list[Point]]).decode('{"a/b": [{"x": 1}, {"x": "1"}]}')
    assert caught.value.where == "/a~1b/1/x"
    assert "whole number" in caught.value.why


def test_texts_that_are_not_json() -> None:
    plan = type_schema(list[int])
    with pytest.raises(IncompleteOutput, match="line 1, column 4"):
        plan.decode("[1,")
    with pytest.raises(ValueMismatch, match="NaN"):
        type_schema(float).decode("NaN")
    with pytest.raises(ValueMismatch, match="digits"):
        plan.decode("[" + "1" * 5000 + "]")


def test_depth_is_an_error_of_ours() -> None:
    with pytest.raises(BudgetExceeded):
        type_schema(Any).decode("[" * 100_000 + "]" * 100_000)
    deep: Any = int
    for _ in range(3000):
        deep = list[deep]
    with pytest.raises(BudgetExceeded):
        type_schema(deep)


def test_errors_of_the_class_itself_pass_through() -> None:
    @dataclass
    class Even:
        n: int

        def __post_init__(self) -> None:
            if self.n % 2:
                raise ArithmeticError("odd")

    with pytest.raises(ArithmeticError):
        type_schema(Even).decode('{"n": 1}')
