"""Real tokenizers for the tests of this folder; where `../shared/data` is absent, what needs it skips and says so."""

from __future__ import annotations

import inspect
import json
import lzma
import random
from functools import lru_cache
from pathlib import Path

import pytest

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"


@lru_cache(maxsize=1)
def texts() -> list[str]:
    """Prose, code, JSON documents and random Unicode."""
    found = [
        "Hello, world!",
        "  spaces   and\ttabs \r\n\n\n",
        "don't I'll we've it's",
        "日本語 한국어 ไทย עברית العربية",
        "😀👩‍👩‍👧‍👦🇩🇪✈️",
        "0123456789" * 3,
        "e\u0301 a\u0308 \u212b",
        '{"a\\u00e9": "\\"\\\\", "b": [1.5e-7, null]}',
        inspect.getsource(json.decoder),
    ]
    sample = DATA / "maskbench" / "maskbench_dev.jsonl.xz"
    if sample.exists():
        with lzma.open(sample, "rt") as lines:
            for _, line in zip(range(40), lines, strict=False):
                case = json.loads(line)
                found += [json.dumps(test["data"], indent=len(found) % 3 or None, ensure_ascii=False) for test in case["tests"][:2]]
    rng = random.Random(7)
    ranges = [(0x20, 0x7F), (0xA0, 0x250), (0x370, 0x530), (0x3040, 0x30FF), (0x4E00, 0x9FFF), (0x1F300, 0x1F6FF), (0x10000, 0x10FFF)]
    for _ in range(60):
        low, high = rng.choice(ranges)
        found.append("".join(chr(rng.randrange(low, high)) if rng.random() < 0.8 else rng.choice(" \n,.:{}\"'") for _ in range(30)))
    return found


@pytest.fixture(scope="session")
def corpus() -> list[str]:
    return texts()


@pytest.fixture(scope="session")
def tokenizers_folder() -> Path:
    folder = DATA / "tokenizers"
    if not folder.is_dir():
        pytest.skip("the real tokenizers of ../shared/data are not here")
    return folder
