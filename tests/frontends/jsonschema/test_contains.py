"""Arrays that must contain something: whether they can end, against a search of all states, and bounds that are too large to list them."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from conftest import SCALE

from structgen.automata.machine import ByteAutomaton
from structgen.constraint.grammar import Grammar
from structgen.errors import BudgetExceeded
from structgen.frontends.jsonschema import contains, json_schema
from structgen.frontends.jsonschema.algebra import Algebra
from structgen.frontends.jsonschema.contains import Ends, State, Steps
from structgen.frontends.jsonschema.load import load
from structgen.frontends.jsonschema.node import Goal, goal_of
from structgen.frontends.jsonschema.read import read
from structgen.frontends.jsonschema.resources import References
from structgen.frontends.jsonschema.shapes import Arr


def shape(schema: Any) -> tuple[Arr, Algebra]:
    reader, root = read(References(load(schema), None, None), relax=False, formats={}, content=None)
    algebra = Algebra(reader.nodes)
    return algebra.form(goal_of(root)).array[0], algebra


def searched(steps: Steps, live: Any, state: State, deep: int) -> bool:
    """Whether an end can be reached, by trying everything."""
    found = {state}
    for _ in range(deep):
        if any(steps.may_end(one) for one in found):
            return True
        found = {to for one in found for goal, to in steps.steps(one) if live(goal)}
    return False


@pytest.mark.parametrize("block", range(2))
def test_states_that_can_end_are_found(block: int) -> None:
    for seed in range(1000 * block, 1000 * block + max(10, int(60 * SCALE))):
        rng = Random(seed)
        parts: list[Any] = [
            {"contains": {"type": kind}} for kind in rng.sample(["null", "string", "boolean", "array"], rng.randrange(1, 4))
        ]
        for part in parts:
            part["minContains"] = rng.randrange(3)
            if rng.random() < 0.5:
                part["maxContains"] = part["minContains"] + rng.randrange(2)
        schema: dict[str, Any] = {"type": "array", "allOf": [part for part in parts if part["minContains"] or "maxContains" in part]}
        schema["prefixItems"] = [{"type": ["null", "string"]}, True][: rng.randrange(3)]
        schema["minItems"] = rng.randrange(6)
        if rng.random() < 0.6:
            schema["maxItems"] = schema["minItems"] + rng.randrange(3)
        if rng.random() < 0.3:
            schema["not"] = {"enum": [[None, "a"], [None], []]}
        if not schema["allOf"]:
            continue
        if not schema["prefixItems"]:
            del schema["prefixItems"]
        one, algebra = shape(schema)
        steps = Steps(one, algebra)
        dead: dict[Goal, bool] = {}

        def live(goal: Goal, dead: dict[Goal, bool] = dead, rng: Random = rng) -> bool:
            return dead.setdefault(goal, rng.random() < 0.7)

        every = {steps.start}
        for _ in range(8):
            every |= {to for state in every for _, to in steps.steps(state)}
        asked = set(steps.goals(steps.start))
        assert all(goal in asked for state in every for goal, _ in steps.steps(state)), (seed, schema)
        ends = Ends(steps, live)
        for state in sorted(every, key=lambda state: (state.at, state.hits)):
            assert ends.can_end(state) == searched(steps, live, state, 25), (seed, schema, state)


def test_large_bounds_cost_what_a_text_visits() -> None:
    grammar = Grammar(json_schema({"type": "array", "maxItems": 10**5, "contains": {"const": 1}}, style="compact"))
    assert [grammar.accepts(text) for text in ("[2,3,1,4]", "[2,3]", "[]", "[1]")] == [True, False, False, True]
    assert len(grammar.automaton.rules) < 40
    many = {"type": "array", "minItems": 10**4, "contains": {"const": 1}, "minContains": 5000}
    assert json_schema(many).report.verdict == "exact"
    machine = ByteAutomaton(
        json_schema({**many, "minContains": 3, "minItems": 9, "maxItems": 10**6, "items": {"enum": [1, 2]}}, style="compact").start
    )
    assert machine.accepts(b"[1,2,1,2,2,2,2,2,1]")
    assert not machine.accepts(b"[1,2,1,2,2,2,2,2,2]")
    assert all(
        text.count("1") >= 5
        for text in Grammar(json_schema({"contains": {"const": 1}, "minContains": 5, "items": {"enum": [1, 2]}, "type": "array"})).examples(
            5, seed=1
        )
    )


def test_an_array_that_takes_too_long_does_so_once(monkeypatch: pytest.MonkeyPatch) -> None:
    several = [{"contains": {"type": kind}, "minContains": 9} for kind in ("string", "integer")]
    machine = ByteAutomaton(json_schema({"properties": {"a": {"allOf": several}}}).start)
    for states in (10, contains.MAX_STATES):
        monkeypatch.setattr(contains, "MAX_STATES", states)
        with pytest.raises(BudgetExceeded, match="more than 10 states"):
            machine.accepts(b'{"a": 1}')


def test_too_many_states_are_refused_with_their_place() -> None:
    several = [{"contains": {"minimum": i}, "minContains": 100, "maxContains": 200} for i in range(4)]
    with pytest.raises(BudgetExceeded) as caught:
        json_schema({"type": "object", "properties": {"a": {"type": "array", "allOf": several}}, "required": ["a"]})
    assert caught.value.where == "/properties/a"
    assert caught.value.hint
