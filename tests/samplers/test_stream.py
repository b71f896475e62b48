"""Streams say what generate says, in pieces: text, values as they close, the result last."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "reference"))
from toys import Toy, finite, tabular

from structgen.errors import OptionError, PromptError
from structgen.frontends.jsonschema.scanner import JsonScanner
from structgen.models.function import FunctionModel
from structgen.samplers.masked import Masked
from structgen.samplers.model import Model
from structgen.samplers.run import Part
from structgen.vocab import Vocabulary

VOCAB = Vocabulary.from_bytes([bytes([i]) for i in range(256)] + [b"", b'{"', b'": ', b'"}'], eos=256)
DOCUMENTS = [
    {"name": "Zoë", "tags": ["日本", "😀"], "age": 30, "in": {"x": [1.5, None], "y": {}}},
    {"name": "Al", "tags": [], "age": 7, "in": {"x": [True], "y": {"z": "\u0301"}}},
]
TEXTS = [json.dumps(d, ensure_ascii=False) for d in DOCUMENTS] + [json.dumps(d) for d in DOCUMENTS]
MODEL = Model(FunctionModel(tabular(VOCAB, 4), VOCAB))


def leaves(parts: list[Part]) -> list[tuple[object, object]]:
    return [(part.path, part.value) for part in parts if part.path is not None]


@pytest.mark.parametrize("seed", range(8))
def test_a_stream_is_the_result_in_pieces(seed: int) -> None:
    toy = finite(VOCAB, TEXTS, json.loads, JsonScanner)
    parts = list(MODEL.stream("x", toy, temperature=2.0, seed=seed))
    result = MODEL.generate("x", toy, temperature=2.0, seed=seed)
    last = parts[-1]
    assert last.result is not None
    assert (last.text, last.tokens, last.path) == ("", (), None)
    assert last.result.tokens == result.tokens
    assert all(part.result is None for part in parts[:-1])
    assert "".join(part.text for part in parts) == result.text
    assert [t for part in parts for t in part.tokens] == result.tokens
    assert all("\ufffd" not in part.text for part in parts)
    document = result.value
    assert {p: json.dumps(v) for p, v in leaves(parts)}[()] == json.dumps(document)
    assert (("tags",), document["tags"]) in leaves(parts)
    assert (("in", "x", 0), document["in"]["x"][0]) in leaves(parts)


def test_values_come_when_they_close() -> None:
    toy = finite(VOCAB, TEXTS[:1], json.loads, JsonScanner)
    text = ""
    for part in MODEL.stream("x", toy):
        text += part.text
        if part.path == ("name",):
            assert text == '{"name": "Zoë"'
        if part.path == ("age",):
            assert text.endswith("30,")


def test_a_number_as_the_whole_text_closes_at_the_end() -> None:
    parts = list(MODEL.stream("x", finite(VOCAB, ["123"], json.loads, JsonScanner)))
    assert leaves(parts) == [((), 123)]
    cut = list(MODEL.stream("x", finite(VOCAB, ["123"], json.loads, JsonScanner), max_tokens=2))
    assert leaves(cut) == []
    assert cut[-1].result is not None
    assert not cut[-1].result.finished


def test_without_values_there_is_text_only() -> None:
    assert leaves(list(MODEL.stream("x", finite(VOCAB, TEXTS)))) == []
    assert leaves(list(MODEL.stream("x", finite(VOCAB, ["[1, 2]"], str.upper)))) == []  # it has values, but is no JSON


def test_half_a_character_is_held_back_and_shown_broken_at_the_end() -> None:
    toy = finite(VOCAB, ["a😀"])
    parts = list(MODEL.stream("x", toy, max_tokens=3))
    assert [part.text for part in parts] == ["a", "\ufffd", ""]
    assert [len(part.tokens) for part in parts] == [1, 2, 0]
    assert parts[-1].result is not None
    assert parts[-1].result.text == "a\ufffd"


def test_a_stream_is_lazy_but_checks_at_once() -> None:
    calls: list[int] = []
    model = Model(FunctionModel(lambda rows: (calls.append(1), np.zeros((len(rows), VOCAB.size)))[1], VOCAB))
    stream = model.stream("x", finite(VOCAB, ["abc"]))
    assert calls == []
    next(stream)
    assert calls == [1]
    for arguments, options, kind in [
        ((["x", "y"],), {}, OptionError),
        (("x",), {"n": 2}, OptionError),
        ((3.5,), {}, PromptError),
        (("x",), {"m": 1}, OptionError),
    ]:
        with pytest.raises(kind):
            model.stream(*arguments, finite(VOCAB, ["abc"]), **options)

    class Whole:
        def sample(self, model, requests, options):
            return Masked().sample(model, requests, options)

    with pytest.raises(OptionError, match="token by token"):
        model.stream("x", finite(VOCAB, ["abc"]), sampler=Whole())
    assert model.generate("x", finite(VOCAB, ["abc"]), sampler=Whole()).text == "abc"


def test_a_blank_that_only_marks_the_beginning() -> None:
    """Free text that follows no text loses the tokenizer's blank; a grammar's text never changes."""
    tokenizers = pytest.importorskip("tokenizers")
    from tokenizers import decoders, models, pre_tokenizers

    inner = tokenizers.Tokenizer(models.BPE({c: i for i, c in enumerate(["</s>", "▁", *"abcdefgh"])}, []))
    inner.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first")
    inner.decoder = decoders.Metaspace(prepend_scheme="first")
    inner.add_special_tokens(["</s>"])
    vocab = Vocabulary.from_tokenizer(inner, stop="</s>", audit=False)
    assert vocab.strips_leading_space
    row = np.zeros(vocab.size, np.float32)

    def story(rows: list[list[int]]) -> np.ndarray:
        out = np.tile(row, (len(rows), 1))
        for k, prefix in enumerate(rows):
            out[k, [1, 2, 0][min(len([t for t in prefix if t < 5]), 2)]] = 9  # a blank, "a", stop
        return out

    model = Model(FunctionModel(story, vocab))
    assert model.generate("", max_tokens=5).text == "a"
    assert "".join(part.text for part in model.stream("", max_tokens=5)) == "a"
    assert model.generate([9], max_tokens=5).text == " a"
    toy = Toy(vocab, b" a".startswith, lambda t: t == b" a")
    assert model.generate("", toy).text == " a"
