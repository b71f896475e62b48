"""load: every kind of thing that is a model, and every way to be none."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from structgen.errors import ModelError, PromptError
from structgen.models.function import FunctionModel
from structgen.models.load import load
from structgen.models.protocol import CausalLM
from structgen.vocab import Vocabulary

VOCAB = Vocabulary.from_bytes([b"a", b"b", b""], eos=2)


def zeros(rows: list[list[int]]) -> np.ndarray:
    return np.zeros((len(rows), 3))


def test_functions_and_models() -> None:
    model = load((zeros, VOCAB))
    assert isinstance(model, CausalLM)
    assert load(model) is model
    assert load(zeros, tokenizer=VOCAB).logits([[0], [1, 1]]).shape == (2, 3)
    assert model.encode_prompt("ab") == [0, 1]
    assert FunctionModel(lambda rows: [[0, 1, 2]] * len(rows), VOCAB).logits([[0]]).tolist() == [[0, 1, 2]]
    with pytest.raises(PromptError, match="chat template"):
        model.encode_prompt([{"role": "user", "content": "a"}])
    with pytest.raises(ModelError, match="no array"):
        load((lambda rows: "nonsense", VOCAB)).logits([[0]])


def test_what_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("")
    nowhere = [str(tmp_path / "nowhere"), tmp_path / "nowhere", str(tmp_path / "file"), "./nowhere", "a/b/c", "~/nowhere", "owner/", ""]
    cases = [(bad, "no model folder") for bad in nowhere]
    cases += [(tmp_path / "empty", "config.json"), (5, "not a model"), (None, "not a model"), (zeros, "no tokens")]
    cases += [((zeros,), "make no model"), ((1, 2, 3), "make no model")]
    for bad, why in cases:
        with pytest.raises(ModelError, match=why):
            load(bad)


def test_a_name_without_an_owner_fails_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("transformers")
    monkeypatch.setattr("structgen.models.load._read", lambda *_: pytest.fail("the hub was asked"))
    for name in ("no-such-model", "what is this?"):
        with pytest.raises(ModelError, match="no model folder") as caught:
            load(name)
        assert "owner" in str(caught.value.hint)


def test_a_name_that_is_not_there_offline_gives_one_clear_paragraph() -> None:
    pytest.importorskip("transformers")
    with pytest.raises(ModelError, match="nobody/nothing") as caught:
        load("nobody/nothing", local_files_only=True)
    assert "network" in str(caught.value.hint)


def test_a_broken_folder(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    (tmp_path / "config.json").write_text('{"model_type": "llama"}')
    with pytest.raises(ModelError, match="cannot be loaded"):
        load(tmp_path)


def test_a_saved_model_comes_back(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("transformers")
    from test_hf import random_model, tokenizer

    model, tok = random_model("llama"), tokenizer()
    model.save_pretrained(tmp_path)
    tok.save_pretrained(tmp_path)
    given = load((model, tok))
    read = load(str(tmp_path))
    np.testing.assert_allclose(read.logits([[1, 2, 3]]), given.logits([[1, 2, 3]]), atol=1e-5)
    assert read.vocabulary == given.vocabulary
    assert load(model, tokenizer=str(tmp_path)).vocabulary == given.vocabulary
    assert load((model, Vocabulary.from_tokenizer(tok, stop=[1]))).vocabulary.size == 40
    half = load(tmp_path, dtype="bfloat16", device="cpu")
    assert half.logits([[1, 2, 3]]).dtype == np.float32
    missing = {"tokenizer": "nobody/nothing", "local_files_only": True}
    for changes, why in [({"dtype": "float7"}, "float7"), ({"device": "warp:3"}, "warp"), (missing, "tokenizer")]:
        with pytest.raises((ModelError, RuntimeError), match=why):
            load(tmp_path, **changes)
    with pytest.raises(ModelError, match="alone has no tokens"):
        load(model)


def test_without_torch_the_extra_is_named_and_functions_still_work() -> None:
    code = """
import sys
for name in ("torch", "transformers"):
    sys.modules[name] = None
from structgen.models.load import load
from structgen.errors import ModelError
from structgen.vocab import Vocabulary
from structgen.samplers.model import Model
import numpy as np
v = Vocabulary.from_bytes([b"a", b""], eos=1)
assert Model(load((lambda rows: np.zeros((len(rows), 2)), v))).generate("a", max_tokens=2).text == "aa"
try:
    load("owner/name")
except ModelError as error:
    assert "structgen[hf]" in error.hint, error
else:
    raise SystemExit("no error")
try:
    import structgen.engines.transformers
except ModelError as error:
    assert "structgen[hf]" in error.hint, error
else:
    raise SystemExit("no error")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
