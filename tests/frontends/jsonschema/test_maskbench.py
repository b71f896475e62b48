"""Real schemas (MaskBench): which are compiled, and that their valid and invalid instances are told apart."""

from __future__ import annotations

import json
import lzma
import sys
from collections import Counter
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from structgen.errors import UnsupportedFeature
from structgen.frontends.jsonschema import json_schema

sys.path.insert(0, str(Path(__file__).parents[2] / "reference"))
from recognize import accepts

DATA = Path(__file__).parents[4] / "shared/data/maskbench/maskbench_dev.jsonl.xz"


@lru_cache(maxsize=1)
def rows() -> list[dict[str, Any]]:
    """{id, schema, tests: [{data, valid}]}."""
    if not DATA.exists():
        pytest.skip(f"the MaskBench sample is not there: {DATA.name}")
    with lzma.open(DATA, "rt") as lines:
        return [json.loads(line) for line in lines]


def test_nearly_all_are_compiled_and_the_others_refused_with_a_reason() -> None:
    refused: Counter[str] = Counter()
    for row in rows():
        try:
            json_schema(row["schema"], style="any")
        except UnsupportedFeature as error:
            refused[str(error.where).rpartition("/")[2] or row["id"]] += 1
        assert json_schema(row["schema"], relax=True).report.refused == []
    assert sum(refused.values()) <= 12, refused


def test_instances_are_told_apart() -> None:
    judged = 0
    for row in rows()[::3]:
        tests = [(json.dumps(test["data"], ensure_ascii=False), test["valid"]) for test in row["tests"]]
        tests = [one for one in tests if len(one[0]) < 400]
        if not tests:
            continue
        try:
            start = json_schema(row["schema"], style="any", order="any").start
        except UnsupportedFeature:
            continue
        for text, valid in tests:
            judged += 1
            assert accepts(start, text) == valid, (row["id"], text)
    assert judged > 200
