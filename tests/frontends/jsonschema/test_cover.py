"""Alternatives that another one covers, by hand-made examples, and by all small objects."""

from __future__ import annotations

import random
from itertools import combinations, product

from structgen.frontends.jsonschema.cover import uncovered
from structgen.frontends.jsonschema.node import FALSE, TRUE, Goal
from structgen.frontends.jsonschema.shapes import Layer, Obj

A, B = (4,), (6,)  # goals of two nodes, of which nothing is known


def closed(names: dict[str, Goal], required: tuple[str, ...] = ()) -> Obj:
    return Obj((Layer(names, (), FALSE),), required)


def test_fewer_optional_names_are_covered() -> None:
    wide, narrow = closed({"a": A, "b": TRUE}), closed({"a": (4, 6)})
    assert uncovered([narrow, wide]) == (wide,)
    assert uncovered([wide, closed({"c": A})]) != (wide,)


def test_required_names_count() -> None:
    must, may = closed({"a": A, "b": A}, ("a",)), closed({"a": A})
    assert uncovered([must, may]) == (must, may)
    assert uncovered([must, closed({"a": A}, ("a",))]) == (must,)


def test_another_order_is_not_covered_but_where_one_is_free() -> None:
    first, second = closed({"a": A, "b": A, "c": A}), closed({"b": A, "a": A})
    assert uncovered([first, second]) == (first, second)
    free = Obj((Layer({"a": A, "b": A}, (), FALSE, loose=True),))
    assert uncovered([free, second]) == (free,)
    assert uncovered([first, free]) == (first, free)


def test_patterns_are_left_alone() -> None:
    one = Obj((Layer({"a": TRUE}, (("^x", TRUE),), FALSE),))
    other = Obj((Layer({"a": TRUE}, (("^y", TRUE),), FALSE),))
    assert uncovered([one, other]) == (one, other)


def allows(shape: Obj, members: tuple[tuple[str, str], ...], truth: dict[int, set[str]]) -> bool:
    """Whether an object satisfies a shape, where `truth` says which values satisfy which literal."""

    def holds(goal: Goal, value: str) -> bool:
        return all(literal != 1 and value in truth[literal] for literal in goal)

    return set(shape.required) <= {name for name, _ in members} and all(holds(shape.goal(name), value) for name, value in members)


def test_the_union_stays() -> None:
    dropped = 0
    truth = {4: {"u"}, 6: {"u", "v"}, 8: {"v"}}
    objects = [
        tuple(zip(names, values, strict=True)) for n in range(4) for names in combinations("abcd", n) for values in product("uvw", repeat=n)
    ]
    for seed in range(300):
        rng = random.Random(f"cover {seed}")
        goals = [TRUE, FALSE, (4,), (6,), (4, 6), (8,)]
        shapes = []
        for _ in range(rng.randrange(2, 6)):
            layers = tuple(
                Layer(
                    {name: rng.choice(goals) for name in "abc" if rng.random() < 0.5},
                    (("^[cd]", rng.choice(goals)),) if rng.random() < 0.2 else (),
                    rng.choice([FALSE, TRUE, (4,)]),
                )
                for _ in range(rng.randrange(1, 3))
            )
            shapes.append(Obj(layers, tuple(rng.sample("abc", rng.choice([0, 0, 1])))))
        kept = uncovered(shapes)
        dropped += len(shapes) - len(kept)
        for one in objects:
            assert any(allows(shape, one, truth) for shape in shapes) == any(allows(shape, one, truth) for shape in kept), (seed, one)
    assert dropped > 50
