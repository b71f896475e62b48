"""The official JSON Schema Test Suite, required files of every draft: whatever is accepted for compilation is judged rightly.

Property order is free here (`order="any"`), because the suite has no opinion about it; formats are annotations, as in its required files.
What is refused is pinned by file, so that a refusal that comes or goes is seen.
"""

from __future__ import annotations

import json
import sys
import tarfile
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from structgen.errors import EmptyLanguage, UnsupportedFeature
from structgen.frontends.jsonschema import json_schema

sys.path.insert(0, str(Path(__file__).parents[2] / "reference"))
from recognize import accepts

TAR = Path(__file__).parents[4] / "shared/data/jsonschema_suite/json-schema-test-suite.tar.xz"
DRAFTS = ["draft4", "draft6", "draft7", "draft2019-09", "draft2020-12"]

REFUSED = {  # groups refused by file, the same in every draft that has the file, where not told apart
    "defs.json": 1,
    "definitions.json": 1,
    "dependencies.json": 1,
    "dependentSchemas.json": 1,
    "dynamicRef.json": 5,
    "multipleOf.json": 1,
    "refRemote.json": {"draft4": 8, "draft2019-09": 15, "draft2020-12": 15, "": 11},
    "ref.json": 1,
    "uniqueItems.json": 3,
}
WRONG = {"vocabulary.json": 1}  # an unknown vocabulary, which only a metaschema of the suite switches off


@lru_cache(maxsize=1)
def suite() -> dict[str, dict[str, list[dict[str, Any]]]]:
    """draft -> file -> groups."""
    if not TAR.exists():
        pytest.skip(f"the official suite is not there: {TAR.name}")
    found: dict[str, dict[str, list[dict[str, Any]]]] = {}
    with tarfile.open(TAR) as tar:
        for member in tar.getmembers():
            parts = Path(member.name).parts
            if len(parts) == 4 and parts[1] == "tests" and parts[3].endswith(".json"):
                data = tar.extractfile(member)
                assert data is not None
                found.setdefault(parts[2], {})[parts[3]] = json.load(data)
    return found


def expected(table: dict[str, Any], file: str, draft: str) -> int:
    one = table.get(file, 0)
    return one if isinstance(one, int) else one.get(draft, one.get("", 0))


@pytest.mark.parametrize("draft", DRAFTS)
def test_verdicts(draft: str) -> None:
    problems: list[str] = []
    refusals: dict[str, int] = {}
    for file, groups in suite()[draft].items():
        wrong: list[str] = []
        for group in groups:
            try:
                start = json_schema(group["schema"], style="any", order="any", draft=draft, formats="annotation").start
            except EmptyLanguage:
                start = None
            except UnsupportedFeature:
                refusals[file] = refusals.get(file, 0) + 1
                continue
            for test in group["tests"]:
                text = json.dumps(test["data"], ensure_ascii=False)
                if (start is not None and accepts(start, text)) != test["valid"]:
                    wrong.append(f"{file}: {group['description']}: {test['description']}")
        if len(wrong) > WRONG.get(file, 0):
            problems += wrong
    assert problems == []
    assert refusals == {file: n for file in suite()[draft] if (n := expected(REFUSED, file, draft))}
