"""What is kept of grammars that are gone is bounded: a server meets new ones for ever."""

from __future__ import annotations

import gc
import importlib
import json
import pkgutil
import tracemalloc
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
from conftest import SCALE

import structgen
from structgen import api
from structgen.automata import leaves
from structgen.automata.leaves import LeafPool
from structgen.constraint.automaton import TokenAutomaton
from structgen.vocab.vocabulary import Vocabulary

VOCABULARY = Vocabulary.from_bytes([*(bytes([b]) for b in range(256)), b'":', b'", "', b""], eos=258)


@pytest.fixture(autouse=True)
def own_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leaves, "_POOLS", [LeafPool()])


def used(schema: object, value: object) -> TokenAutomaton:
    """The automaton of a schema behind an instance of it."""
    automaton = api.compile(api.json_schema(schema), VOCABULARY)
    automaton.mask(automaton.start())
    assert automaton.accepts(automaton.read(automaton.start(), json.dumps(value)))
    return automaton


def caches() -> Iterator[tuple[str, Any]]:
    """All functions of ours that remember what they gave."""
    for module in pkgutil.walk_packages(structgen.__path__, "structgen."):
        if module.name.startswith(("structgen.ir", "structgen.frontends", "structgen.automata", "structgen.constraint")):
            for name, found in vars(importlib.import_module(module.name)).items():
                if hasattr(found, "cache_parameters") and found.__module__ == module.name:
                    yield f"{module.name}.{name}", found


def test_caches_are_bounded() -> None:
    """To what gives the hits that they are for: 256 entries of number ranges hold 6 MB."""
    sizes = {name: found.cache_parameters()["maxsize"] for name, found in caches()}
    assert len(sizes) > 50
    assert all(size is not None for size in sizes.values()), sizes
    many = {"keys.members_of", "spell._detour", "spell._literal", "strings.matches"}  # of small ones
    assert {name.split(".", 3)[-1] for name, size in sizes.items() if size > 1024} <= many


def new(rng: Random, count: int) -> Iterator[tuple[object, object]]:
    """Schemas with names, bounds, patterns and constants that no other has, each with an instance."""
    for _ in range(count):
        name, low, text = f"n{rng.random()}", rng.randrange(10**6), f"x{rng.randrange(10**6)}"
        kinds = [
            ({"type": "number", "minimum": low, "exclusiveMaximum": low + 7.25}, low + 1),
            ({"type": "string", "minLength": 2, "maxLength": low + 10}, "text"),
            ({"type": "string", "pattern": f"^{text}[a-f]+$"}, text + "af"),
            ({"enum": [text, low + 0.5, {name: text}]}, {name: text}),
        ]
        properties = {f"{name}{k}": schema for k, (schema, _) in enumerate(kinds)}
        yield {"properties": properties, "additionalProperties": False}, {f"{name}{k}": value for k, (_, value) in enumerate(kinds)}


def test_what_caches_and_pools_do_not_hold_is_gone() -> None:
    """Nothing else may know the schemas that were."""

    def held() -> int:
        for _, cache in caches():
            cache.cache_clear()
        leaves._POOLS[:] = [LeafPool()]
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    rng, count = Random(5), max(2, int(20 * SCALE))
    for schema, value in new(rng, 2):
        used(schema, value)
    held()
    tracemalloc.start()
    try:
        before = held()
        for schema, value in new(rng, count):
            used(schema, value)
        assert held() - before < 2000 * count  # what Python keeps for use again; the rules of a range of numbers alone have 24 KB
    finally:
        tracemalloc.stop()


def test_finished_rows_are_bounded_for_all_pools_together() -> None:
    """They do not depend on leaves."""
    first = used(True, 1)
    leaves._POOLS[:] = [LeafPool()]
    second = used(True, 1)
    assert first.machine.pool is not second.machine.pool
    assert first._store is second._store
