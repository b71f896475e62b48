"""Engines against jsonschema, on small schemas and (where the data is there) on real ones. Peers only where they are installed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from structgen.bench.cases import read_cases, spelled
from structgen.bench.engines import ENGINE_NAMES, Engine, make_engine, versions
from structgen.tiny import path
from structgen.vocab.vocabulary import Vocabulary

TOKENIZER = str(path() / "tokenizer.json")
MASKBENCH = Path(__file__).resolve().parents[3] / "shared" / "data" / "maskbench" / "maskbench_dev.jsonl.xz"
SCHEMAS = [
    {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"], "additionalProperties": False},
    {"type": "array", "items": {"enum": ["x", "yy"]}, "minItems": 1, "maxItems": 2},
    {"anyOf": [{"type": "null"}, {"type": "string", "maxLength": 3}]},
]
VALUES = [{"a": 1}, {"a": "x"}, {}, {"a": 1, "b": 2}, ["x"], ["x", "yy"], [], ["x"] * 3, ["z"], None, "abc", "abcd", True, 3]


@pytest.fixture(scope="module", params=ENGINE_NAMES)
def engine(request: pytest.FixtureRequest) -> Engine:
    if versions([request.param])[request.param] is None:
        pytest.skip(f"{request.param} is not installed")
    return make_engine(request.param, TOKENIZER)


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    return Vocabulary.from_tokenizer(TOKENIZER)


def reads(engine: Engine, compiled: Any, tokens: list[int]) -> bool:
    engine.reset(compiled)
    for token in tokens:
        engine.mask()
        if not engine.commit(token):
            return False
    return engine.ended()


@pytest.mark.parametrize("schema", SCHEMAS, ids=["object", "array", "union"])
def test_verdicts_are_those_of_jsonschema(engine: Engine, vocabulary: Vocabulary, schema: dict[str, object]) -> None:
    compiled = engine.compile(json.dumps(schema))
    judge = jsonschema.Draft202012Validator(schema)
    for value in VALUES:
        text = spelled(value)
        assert reads(engine, compiled, vocabulary.encode(text)) == judge.is_valid(value), text
        if text[0] in '{["':
            assert not reads(engine, compiled, vocabulary.encode(text[:-1])), text[:-1]


def test_what_is_refused_is_said_by_a_refusal(engine: Engine) -> None:
    with pytest.raises(engine.refusals):
        engine.compile('{"type": "no such type"}')


def test_an_engine_goes_on_after_a_refusal(engine: Engine, vocabulary: Vocabulary) -> None:
    with pytest.raises(engine.refusals):
        engine.compile("{")
    compiled = engine.compile('{"type": "boolean"}')
    assert reads(engine, compiled, vocabulary.encode("true"))


def test_real_schemas(vocabulary: Vocabulary) -> None:
    if not MASKBENCH.is_file():
        pytest.skip("the folder ../shared/data is not here")
    engine = make_engine("structgen", TOKENIZER)
    for case in read_cases(MASKBENCH, 8):
        compiled = engine.compile(case.schema)
        assert [reads(engine, compiled, vocabulary.encode(text)) for text, _ in case.tests] == [valid for _, valid in case.tests], case.id


def test_what_was_compiled_stays_usable(engine: Engine, vocabulary: Vocabulary) -> None:
    first = engine.compile('{"type": "boolean"}')
    second = engine.compile('{"type": "null"}')
    for compiled, text in ((first, "true"), (second, "null"), (first, "false")):
        assert reads(engine, compiled, vocabulary.encode(text))
        assert not reads(engine, compiled, vocabulary.encode("[]"))


def test_versions() -> None:
    assert versions(["structgen"])["structgen"]
    assert list(versions(ENGINE_NAMES)) == list(ENGINE_NAMES)


def test_our_version_changes_with_the_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("__init__.py", "api.py", "bench/plots.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    monkeypatch.setattr("structgen.__file__", str(tmp_path / "__init__.py"))
    before = versions(["structgen"])
    (tmp_path / "bench/plots.py").write_text("1")  # measures, and is not measured
    assert versions(["structgen"]) == before
    (tmp_path / "api.py").write_text("1")
    assert versions(["structgen"]) != before
