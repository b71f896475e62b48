"""Engines against jsonschema, on small schemas and (where the data is there) on real ones. Peers only where they are installed."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

import jsonschema
import pytest

from structgen.bench.cases import read_cases, spelled
from structgen.bench.engines import Engine, checked_engines, engine_names, engine_version, make_engine
from structgen.errors import OptionError
from structgen.tiny import path
from structgen.vocab.vocabulary import Vocabulary

TOKENIZER = str(path() / "tokenizer.json")
MASKBENCH = Path(__file__).resolve().parents[3] / "shared" / "data" / "maskbench" / "maskbench_dev.jsonl.xz"
PACKAGES = {
    "structgen": "structgen",
    "llguidance": "llguidance",
    "xgrammar": "xgrammar",
    "xgrammar-strict": "xgrammar",
    "outlines-core": "outlines_core",
    "lm-format-enforcer": "lmformatenforcer",
}
SCHEMAS = [
    {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"], "additionalProperties": False},
    {"type": "array", "items": {"enum": ["x", "yy"]}, "minItems": 1, "maxItems": 2},
    {"anyOf": [{"type": "null"}, {"type": "string", "maxLength": 3}]},
]
VALUES = [{"a": 1}, {"a": "x"}, {}, {"a": 1, "b": 2}, ["x"], ["x", "yy"], [], ["x"] * 3, ["z"], None, "abc", "abcd", True, 3]


@pytest.fixture(scope="module", params=engine_names())
def engine(request: pytest.FixtureRequest) -> Engine:
    if find_spec(PACKAGES[request.param]) is None:
        pytest.skip(f"{request.param} is not installed")
    return make_engine(request.param, TOKENIZER)


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    return Vocabulary.from_tokenizer(TOKENIZER)


def reads(engine: Engine, tokens: list[int]) -> bool:
    engine.reset()
    for token in tokens:
        engine.mask()
        if not engine.commit(token):
            return False
    return engine.ended()


@pytest.mark.parametrize("schema", SCHEMAS, ids=["object", "array", "union"])
def test_verdicts_are_those_of_jsonschema(engine: Engine, vocabulary: Vocabulary, schema: dict[str, object]) -> None:
    engine.compile(json.dumps(schema))
    judge = jsonschema.Draft202012Validator(schema)
    for value in VALUES:
        text = spelled(value)
        assert reads(engine, vocabulary.encode(text)) == judge.is_valid(value), text
        if text[0] in '{["':
            assert not reads(engine, vocabulary.encode(text[:-1])), text[:-1]


def test_what_is_refused_is_said_by_a_refusal(engine: Engine) -> None:
    with pytest.raises(engine.refusals):
        engine.compile('{"type": "no such type"}')


def test_an_engine_goes_on_after_a_refusal(engine: Engine, vocabulary: Vocabulary) -> None:
    with pytest.raises(engine.refusals):
        engine.compile("{")
    engine.compile('{"type": "boolean"}')
    assert reads(engine, vocabulary.encode("true"))


def test_real_schemas(vocabulary: Vocabulary) -> None:
    if not MASKBENCH.is_file():
        pytest.skip("the folder ../shared/data is not here")
    engine = make_engine("structgen", TOKENIZER)
    for case in read_cases(MASKBENCH, 8):
        engine.compile(case.schema)
        assert [reads(engine, vocabulary.encode(text)) for text, _ in case.tests] == [valid for _, valid in case.tests], case.id


def test_names_are_checked() -> None:
    assert checked_engines([" structgen", "structgen", ""]) == ["structgen"]
    for names in ([], ["structgen", "nonsense"]):
        with pytest.raises(OptionError):
            checked_engines(names)
    assert engine_version("structgen")


def test_an_engine_that_is_not_installed_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("structgen.bench.engines.find_spec", lambda _: None)
    with pytest.raises(OptionError, match=r"structgen\[bench\]"):
        checked_engines(["llguidance"])
