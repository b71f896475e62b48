"""Which goals have values: what is told at sight against what the search over forms finds."""

from __future__ import annotations

import random
import sys
from pathlib import Path
from typing import Any

import pytest

from structgen.errors import BudgetExceeded, SchemaError, UnsupportedFeature
from structgen.frontends.jsonschema.algebra import Algebra
from structgen.frontends.jsonschema.empty import DEPTH, Emptiness
from structgen.frontends.jsonschema.load import load
from structgen.frontends.jsonschema.node import Goal
from structgen.frontends.jsonschema.read import read
from structgen.frontends.jsonschema.resources import References

sys.path.insert(0, str(Path(__file__).parent))
from schemas import document


class Searching(Emptiness):
    """The judge: it looks at forms only."""

    def _surely(self, goal: Goal, depth: int) -> bool:
        return False


def algebra_of(schema: Any) -> Algebra:
    reader, _ = read(References(load(schema)), relax=True, formats={}, content=False)
    return Algebra(reader.nodes)


def lives(emptiness: Emptiness, goal: Goal) -> bool | None:
    try:
        return emptiness.live(goal)
    except (BudgetExceeded, UnsupportedFeature):
        return None


@pytest.mark.parametrize("block", range(3))
def test_random_goals(block: int) -> None:
    told = 0
    for seed in range(200 * block, 200 * (block + 1)):
        schema = document(random.Random(seed))
        try:
            algebra = algebra_of(schema)
        except SchemaError:
            continue
        quick, judge = Emptiness(algebra), Searching(algebra_of(schema))
        for literal in range(0, 2 * len(algebra.nodes), 2):
            told += quick._surely((literal,), DEPTH)
            found = lives(quick, (literal,))
            assert found == lives(judge, (literal,)), (seed, literal)
    assert told > 200


@pytest.mark.parametrize("depth", [1, DEPTH, DEPTH + 1, 3 * DEPTH])
@pytest.mark.parametrize("end", [True, False])
def test_required_in_required(depth: int, end: bool) -> None:
    schema: Any = {"type": "string"} if end else False
    for _ in range(depth):
        schema = {"type": "object", "properties": {"a": schema}, "required": ["a"]}
    assert Emptiness(algebra_of(schema)).live((4,)) is end


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": "object", "required": ["a"], "additionalProperties": False}, False),
        ({"type": "object", "required": ["a"], "additionalProperties": {"type": "null"}}, True),
        ({"type": "object", "required": ["a"], "properties": {"a": {}}, "patternProperties": {"a": False}}, False),
        ({"type": ["object", "null"], "required": ["a"], "properties": {"a": False}}, True),
        ({"type": "object", "enum": ["a"]}, False),
        ({"type": ["object", "string"], "enum": ["a", {}], "required": ["a"]}, True),
        ({"enum": []}, False),
        ({"type": "object", "required": ["a"], "properties": {"a": {"$ref": "#"}}}, False),
    ],
)
def test_keywords_together(schema: Any, expected: bool) -> None:
    assert Emptiness(algebra_of(schema)).live((4,)) is expected
