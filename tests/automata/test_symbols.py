"""Sets of special tokens: which ids they are in a vocabulary, and what they are called."""

from __future__ import annotations

from random import Random

import pytest

from structgen.automata.machine import ByteAutomaton
from structgen.automata.symbols import Symbols, token_runs
from structgen.errors import VocabularyError
from structgen.ir.expr import Alt, Lit, Seq, Special
from structgen.vocab.vocabulary import Vocabulary

# ids        0     1    2    3     4    5    6     7
TOKENS = [b"a", b"b", b"", b"ab", b"", b"", b"ba", b"c"]
VOCAB = Vocabulary.from_bytes(TOKENS, eos=4, special={"<t>": 5, "<e>": 4})  # 2 is a hole


@pytest.mark.parametrize(
    ("special", "runs", "name"),
    [
        (Special("<t>"), [(5, 5)], "token <t>"),
        (Special(3), [(3, 3)], "token 3"),
        (Special("<t>", 3, 6), [(3, 3), (5, 6)], "token <t> or 3 or 6"),
        (Special(range(3, 6)), [(3, 5)], "token 3 to 5"),
        (Special(range(6, 100)), [(6, 7)], "token 6 to 99"),
        (Special("<t>", others=True), [(0, 1), (3, 3), (6, 7)], "any token but <t>"),
        (Special(others=True), [(0, 1), (3, 3), (5, 7)], "any token"),
    ],
)
def test_ids_and_names(special: Special, runs: list[tuple[int, int]], name: str) -> None:
    assert token_runs(special, VOCAB) == runs
    assert str(special) == name


def test_what_the_vocabulary_lacks() -> None:
    with pytest.raises(VocabularyError, match="no special token '<x>'") as caught:
        token_runs(Special("<x>"), VOCAB)
    assert "'<t>', '<e>'" in (caught.value.hint or "")
    with pytest.raises(VocabularyError, match="no token 8"):
        token_runs(Special(8), VOCAB)
    with pytest.raises(VocabularyError, match="any token but 0 to 7"):
        token_runs(Special(range(8), others=True), VOCAB)


@pytest.mark.parametrize("seed", range(30))
def test_overlapping_sets_are_cut_into_runs(seed: int) -> None:
    rng = Random(seed)
    size = 40
    vocabulary = Vocabulary.from_bytes([b"x"] * size + [b""], eos=size)
    sets = []
    for _ in range(rng.randrange(1, 7)):
        low = rng.randrange(size)
        sets.append(range(low, rng.choice([low + 1, rng.randrange(low, size) + 1])))
    machine = ByteAutomaton(Alt([Seq((Special(one), Lit(b"%d" % i))) for i, one in enumerate(sets)]), symbols=Symbols(vocabulary))
    found: dict[int, int] = {}
    for low, high, after in machine.special_moves(machine.start):
        for token in range(low - 256, high - 255):
            assert found.setdefault(token, after) == after
    assert sorted(found) == sorted({token for one in sets for token in one})
    for token, after in found.items():
        assert [byte - 48 for byte, _ in machine.moves(after)] == [i for i, one in enumerate(sets) if token in one]
