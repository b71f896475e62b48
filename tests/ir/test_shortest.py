"""Texts shortest first, against a list of all texts over a small alphabet; and only as many are made as are asked for."""

from __future__ import annotations

import re
from itertools import product
from random import Random

import pytest

from structgen.frontends.regex import regex_dfa
from structgen.ir.regular import CharDFA
from structgen.ir.shortest import Shortest

EVERY = ["".join(text) for size in range(7) for text in product("ab1", repeat=size)]


@pytest.mark.parametrize("seed", range(30))
def test_they_are_all_texts_by_length(seed: int) -> None:
    rng = Random(seed)
    pattern = "".join(rng.choice(["a", "b", "[ab1]", "1?", "(ab)*", "(a|b1)+", "b{2,3}", "(1a|)"]) for _ in range(rng.randrange(1, 5)))
    high = rng.choice([0, 2, 6])
    right = [text for text in EVERY if len(text) <= high and re.fullmatch(pattern, text)]
    found = Shortest(regex_dfa(pattern), high).first(len(EVERY) + 1)
    assert sorted(found) == sorted(right), pattern
    assert [len(text) for text in found] == sorted(map(len, found)), pattern
    assert Shortest(regex_dfa(pattern), high).first(3) == found[:3], pattern


def test_few_of_many() -> None:
    every = Shortest(CharDFA.any())
    assert every.first(4) == ["", "0", "1", "2"]
    assert every.first(2) == ["", "0"]
    assert len(set(every.first(1000))) == 1000
    assert Shortest(CharDFA.empty()).first(2) == []
    assert len(Shortest(regex_dfa(r"[0-9a-f]{8}-[0-9a-f]{200}")).first(20)) == 20
