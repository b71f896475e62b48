"""Random texts of real schemas under the masks of a vocabulary, and random spellings of their instances, judged by `jsonschema`.

`bench/walk_schemas.py` does the same for all schemas of the sample and a large vocabulary.
"""

from __future__ import annotations

import json
import random
import sys
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from structgen.vocab.vocabulary import Vocabulary

ROOT = Path(__file__).parents[3]
sys.path[:0] = [str(ROOT / "bench"), str(Path(__file__).parent)]
import walk_schemas  # noqa: E402
from test_maskbench import rows  # noqa: E402

SMALL = ROOT.parent / "shared/data/tokenizers/stories_512"
SEED = 11
EVERY = 25


def test_texts_under_the_masks_are_valid_and_valid_instances_accepted_however_spelled() -> None:
    if not SMALL.exists():
        pytest.skip(f"the vocabulary is not there: {SMALL.name}")
    tokens = walk_schemas.Tokens(Vocabulary.from_tokenizer(str(next(SMALL.glob("tokenizer*")))))
    counts: Counter[str] = Counter()
    for row in rows()[SEED % EVERY :: EVERY]:
        found = walk_schemas.judged(row, tokens, texts=10, seed=SEED)
        assert not found.wrong, (SEED, row["id"], found.wrong[:2])
        counts += found.counts
    assert counts["texts"] > 150, counts
    assert counts["spellings"] > 150, counts


@pytest.mark.parametrize("bare", [False, True])
def test_spellings_mean_the_value(bare: bool) -> None:
    for seed in range(300):
        rng = random.Random(seed)
        value: Any = {
            'a"/\n': [rng.randrange(-(10**6), 10**6), rng.random() * 10 ** rng.randrange(-9, 9), 0, 0.0, -0.5],
            "é\U0001f600": [None, True, {}, []],
        }
        text = walk_schemas.spell(value, rng, bare=bare)
        assert json.loads(text) == value, (seed, text)
        if bare:
            assert json.dumps(json.loads(text, parse_int=lambda _: "int")).count('"int"') == 2, (seed, text)
        assert walk_schemas.parsed(text) == json.loads(json.dumps(value), parse_float=Decimal), (seed, text)


def test_the_judge_sees_repeated_keys_and_patterns_as_ecma_does() -> None:
    with pytest.raises(KeyError):
        walk_schemas.parsed('{"a": 1, "\\u0061": 2}')
    judge = walk_schemas.Judge({"pattern": r"^\d+$"})
    assert [bool(judge.faults(text)) for text in ("12", "12\n", "١")] == [False, True, True]
