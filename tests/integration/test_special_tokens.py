"""Special tokens through real models: they pass the mask, are counted, and are left out of the text; stop ids of one request."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import structgen as sg
from structgen.constraint import tables
from structgen.constraint.protocol import ENDED
from structgen.errors import OptionError
from structgen.vocab.vocabulary import Vocabulary

pytest.importorskip("transformers")
torch = pytest.importorskip("torch")

CALL = sg.special("<|tool|>") + sg.choice(["add(1, 2)", "add(2, 1)"]) + sg.special("<|end|>")


@pytest.fixture(scope="module")
def tiny() -> Any:
    return sg.load("tiny")


def test_generation_lets_them_through_and_counts_them(tiny: Any) -> None:
    special = tiny.vocabulary.special
    result = tiny.generate("Add 1 and 2.", CALL, seed=1)
    assert result.finished
    assert (result.tokens[0], result.tokens[-1]) == (special["<|tool|>"], special["<|end|>"])
    assert result.text in ("add(1, 2)", "add(2, 1)")
    assert result.value == result.text
    assert len(result.trace.tokens) in (len(result.tokens), len(result.tokens) + 1)
    cut = tiny.generate("Add 1 and 2.", CALL, seed=1, max_tokens=1)
    assert (cut.tokens, cut.text, cut.finished) == ([special["<|tool|>"]], "", False)


def test_streams_carry_their_ids(tiny: Any) -> None:
    parts = list(tiny.stream("Add 1 and 2.", CALL, seed=1))
    assert [token for part in parts for token in part.tokens] == parts[-1].result.tokens
    assert "".join(part.text for part in parts) == parts[-1].result.text


@pytest.mark.parametrize("settings", [{"do_sample": True}, {"num_beams": 2}, {"do_sample": False}])
def test_the_logits_processor_of_transformers(tiny: Any, settings: dict[str, Any]) -> None:
    model, tokenizer = tiny.model.model, tiny.model.tokenizer
    ids = torch.tensor([tokenizer.encode("Add 1 and 2.")])
    torch.manual_seed(0)
    made = model.generate(
        ids, max_new_tokens=40, logits_processor=[sg.LogitsProcessor(CALL, tiny.vocabulary)], pad_token_id=2, eos_token_id=1, **settings
    )[0, ids.shape[1] :]
    tokens = [token for token in made.tolist() if token not in (1, 2)]
    special = tiny.vocabulary.special
    assert (tokens[0], tokens[-1]) == (special["<|tool|>"], special["<|end|>"])
    assert tiny.vocabulary.decode(tokens).decode() in ("add(1, 2)", "add(2, 1)")


def test_stop_ids_of_one_request_make_no_new_tables(tiny: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    first = sg.compile(sg.regex("[a-z ]+"), tiny.vocabulary)
    first.mask(first.start())
    monkeypatch.setattr(tables, "TokenTables", None)  # to make some would be an error
    end, letter = tiny.vocabulary.special["<|end|>"], tiny.vocabulary.encode("e")[0]
    again = sg.compile(sg.regex("[a-z ]+"), tiny.vocabulary, stop=["<|end|>", letter])
    assert again.vocabulary.stop_ids == (end, letter)
    state = again.advance(again.start(), tiny.vocabulary.encode("a")[0])
    rows = [np.unpackbits(one.view(np.uint8), bitorder="little") for one in (again.mask(again.start()), again.mask(state))]
    assert [bool(row[token]) for row in rows for token in (end, letter)] == [False, False, True, True]
    assert again.advance(again.start(), letter) == 0
    assert again.advance(state, letter) == again.advance(state, end) == ENDED
    result = tiny.generate("Say something.", again, seed=3, max_tokens=30, temperature=1.5)
    assert "e" not in result.text or letter not in result.tokens
    wider = sg.compile(sg.regex("[a-z ]+"), tiny.vocabulary.widened(tiny.vocabulary.size + 100))
    assert wider.mask(wider.start()).size == wider.vocabulary.words > tiny.vocabulary.words


def test_automata_of_other_tokens_are_refused(tiny: Any) -> None:
    other = Vocabulary.from_bytes([b"a"] * tiny.vocabulary.size, eos=0)
    with pytest.raises(OptionError, match="another vocabulary"):
        tiny.generate("x", sg.compile(sg.choice(["a"]), other))
