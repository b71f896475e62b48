"""The cached model against one plain forward pass a prefix, over architectures, orders, batches and roll-backs."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from structgen.errors import ModelError, PromptError  # noqa: E402
from structgen.models.hf import HuggingFaceModel, stop_ids  # noqa: E402
from structgen.models.protocol import CausalLM  # noqa: E402
from structgen.samplers.model import Model  # noqa: E402
from structgen.vocab import Vocabulary  # noqa: E402

torch.set_num_threads(1)  # tiny tensors
STORIES = Path(__file__).resolve().parents[3] / "shared" / "data" / "models" / "stories260K"
V = 40
VOCAB = Vocabulary.from_bytes([bytes([97 + i % 26]) * (1 + i // 26) for i in range(V - 1)] + [b""], eos=V - 1)
SMALL = {"vocab_size": V, "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
SMALL["max_position_embeddings"] = 64
OPT = {k: v for k, v in SMALL.items() if k != "intermediate_size"}
GEMMA = {"num_key_value_heads": 1, "head_dim": 8, "sliding_window": 6, "sliding_window_pattern": 2}
CONFIGS: dict[str, tuple[str, dict[str, Any]]] = {
    "llama": ("LlamaConfig", {**SMALL, "num_key_value_heads": 1}),
    "qwen3": ("Qwen3Config", {**SMALL, "num_key_value_heads": 2, "head_dim": 8}),
    "mistral with a window": ("MistralConfig", {**SMALL, "num_key_value_heads": 2, "sliding_window": 7}),
    "gemma3 with windows on some layers": ("Gemma3TextConfig", {**SMALL, **GEMMA}),
    "gpt2": ("GPT2Config", {"vocab_size": V, "n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 64}),
    "opt": ("OPTConfig", {**OPT, "ffn_dim": 32, "word_embed_proj_dim": 16}),
    "bloom, without position ids": ("BloomConfig", {"vocab_size": V, "hidden_size": 16, "n_layer": 2, "n_head": 2}),
    "mamba, without keys": ("MambaConfig", {"vocab_size": V, "hidden_size": 16, "state_size": 4, "num_hidden_layers": 2}),
}


def random_model(name: str, **changes: Any) -> Any:
    kind, fields = CONFIGS[name]
    torch.manual_seed(0)
    config = getattr(transformers, kind)(**{**fields, **changes}, eos_token_id=V - 1, bos_token_id=0, pad_token_id=V - 1)
    model = transformers.AutoModelForCausalLM.from_config(config).eval()
    with torch.no_grad():
        for weight in model.parameters():
            weight.mul_(3)  # far from uniform, so that a wrong position shows
    return model


def plain(model: Any, prefix: list[int]) -> np.ndarray[Any, Any]:
    """The logits behind a prefix by one forward pass over it alone."""
    with torch.inference_mode():
        return model(input_ids=torch.tensor([prefix]), use_cache=False).logits[0, -1].float().numpy()


@pytest.mark.parametrize("name", CONFIGS)
def test_every_row_is_what_it_would_be_alone(name: str) -> None:
    model = random_model(name)
    cached = HuggingFaceModel(model, VOCAB)
    rng = random.Random(3)
    live = [[rng.randrange(V) for _ in range(rng.randrange(1, 6))] for _ in range(3)]
    for _ in range(16):
        rows = []
        for _ in range(rng.randrange(1, 5)):  # fork, drop, roll back, extend by several tokens, begin anew
            row = list(rng.choice(live))
            kind = rng.random()
            if kind < 0.2:
                row = row[: rng.randrange(1, len(row) + 1)]
            if kind < 0.1:
                row = [rng.randrange(V) for _ in range(3)]
            row += [rng.randrange(V) for _ in range(rng.choice([0, 1, 1, 1, 1, 3]))]
            rows.append(row[:40])
        live = rows
        expected = np.stack([plain(model, row) for row in rows])
        np.testing.assert_allclose(cached.logits(rows), expected, atol=2e-3, rtol=2e-3)


def test_only_new_tokens_are_fed() -> None:
    model = random_model("llama")
    fed: list[tuple[int, ...]] = []
    model.register_forward_pre_hook(lambda module, args, kwargs: fed.append(tuple(kwargs["input_ids"].shape)), with_kwargs=True)
    cached = HuggingFaceModel(model, VOCAB)
    cached.logits([[1, 2, 3]] * 8)  # equal prompts are read once
    cached.logits([[1, 2, 3, k] for k in range(8)])
    cached.logits([[1, 2, 3, 7, 5], [1, 2, 3, 0, 5]])
    cached.logits([[1, 2, 3, 7]])
    assert fed == [(1, 3), (8, 1), (2, 1), (1, 1)]


def test_windows_use_the_cache_until_they_slide() -> None:
    model = random_model("mistral with a window")
    fed: list[int] = []
    model.register_forward_pre_hook(lambda module, args, kwargs: fed.append(kwargs["input_ids"].shape[1]), with_kwargs=True)
    cached = HuggingFaceModel(model, VOCAB)
    for n in range(3, 10):
        cached.logits([list(range(n))])
    assert fed == [3, 1, 1, 1, 1, 8, 9]


def test_a_long_dialogue_of_holes_is_packed() -> None:
    cached = HuggingFaceModel(random_model("llama"), VOCAB)
    for k in range(60):  # each call leaves a hole of one token
        cached.logits([[1, 2, 3, k % V], [1, 2, 3, (k + 1) % V, 5]])
    assert cached._slots is not None
    assert cached._slots.live.shape[1] < 20


def test_half_precision_gives_float32() -> None:
    assert HuggingFaceModel(random_model("llama").to(torch.bfloat16), VOCAB).logits([[1, 2]]).dtype == np.float32


def test_an_empty_prefix_and_a_failing_model_are_named_and_leave_no_wreck() -> None:
    model = random_model("gpt2")
    cached = HuggingFaceModel(model, VOCAB)
    with pytest.raises(PromptError, match="empty"):
        cached.logits([[1], []])
    cached.logits([[1, 2]])
    with pytest.raises(ModelError, match="failed"):
        cached.logits([[1, 2, *[3] * 100]])  # beyond the table of positions
    np.testing.assert_allclose(cached.logits([[1, 2, 3]])[0], plain(model, [1, 2, 3]), atol=2e-3)


def test_encoder_decoders_are_refused() -> None:
    config = transformers.T5Config(vocab_size=V, d_model=8, d_ff=8, num_layers=1, num_heads=2, d_kv=4)
    with pytest.raises(ModelError, match="encoder-decoder"):
        HuggingFaceModel(transformers.T5ForConditionalGeneration(config), VOCAB)


def tokenizer(**fields: Any) -> Any:
    """A byte-level tokenizer of 26 letters, a blank and specials, ids 0..."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors

    letters = ["<s>", "</s>", "<turn>", "Ġ", *"abcdefghijklmnopqrstuvwxyz:"]
    inner = Tokenizer(models.BPE({c: i for i, c in enumerate(letters)}, []))
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    if fields.pop("ends", False):
        inner.post_processor = processors.TemplateProcessing(single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 1)])
    fields = {"bos_token": "<s>", "eos_token": "</s>", "extra_special_tokens": ["<turn>"], **fields}
    return transformers.PreTrainedTokenizerFast(tokenizer_object=inner, **fields)


TEMPLATE = (
    "{% for m in messages %}<turn>{{ m.role }}:{{ m.content }}{% endfor %}"
    "{% if add_generation_prompt %}<turn>assistant:{% endif %}{{ extra }}"
)


def test_prompts() -> None:
    tok = tokenizer()
    model = HuggingFaceModel(random_model("llama"), tok)
    assert isinstance(model, CausalLM)
    assert model.vocabulary.size == V  # the model's width, not the tokenizer's
    assert model.vocabulary.decode(model.encode_prompt("abc de")) == b"abc de"
    assert model.encode_prompt("") == [0]
    assert model.encode_prompt([3, 4]) == [3, 4]
    assert model.encode_prompt(torch.tensor([3, 4])) == [3, 4]
    with pytest.raises(PromptError, match="chat template"):
        model.encode_prompt([{"role": "user", "content": "hi"}])
    with pytest.raises(PromptError, match="no token"):
        model.encode_prompt([V])
    with pytest.raises(PromptError, match="empty"):
        HuggingFaceModel(random_model("llama"), tokenizer(bos_token=None)).encode_prompt("")


def test_an_end_token_that_the_tokenizer_adds_is_taken_off() -> None:
    model = HuggingFaceModel(random_model("llama"), tokenizer(ends=True))
    assert model.encode_prompt("ab") == [0, 4, 5]
    assert model.encode_prompt("ab</s>") == [0, 4, 5, 1] or model.encode_prompt("ab</s>")[-1] == 1


def test_chat_templates() -> None:
    tok = tokenizer()
    tok.chat_template = TEMPLATE
    plain_, chat = (
        HuggingFaceModel(random_model("llama"), tok),
        HuggingFaceModel(random_model("llama"), tok, chat=True, template={"extra": "z"}),
    )
    messages = [{"role": "user", "content": "hi"}]
    expected = tok("<turn>user:hi<turn>assistant:", add_special_tokens=False)["input_ids"]
    assert plain_.encode_prompt(messages) == expected
    assert chat.encode_prompt("hi") == [*expected, 29]
    begun = [*messages, {"role": "assistant", "content": "so"}]
    assert plain_.encode_prompt(begun) == tok("<turn>user:hi<turn>assistant:so", add_special_tokens=False)["input_ids"]
    tok.chat_template = "{{ raise_exception('only one turn') }}"
    with pytest.raises(PromptError, match="only one turn"):
        plain_.encode_prompt(messages)


def test_stop_ids_are_the_union_of_model_and_tokenizer() -> None:
    tok = tokenizer()
    model = random_model("llama")
    model.generation_config.eos_token_id = [2, 7, V + 5]
    loaded = HuggingFaceModel(model, tok)
    assert set(loaded.vocabulary.stop_ids) == {1, 2, 7}
    assert HuggingFaceModel(model, tok, stop="<turn>").vocabulary.stop_ids == (2,)
    assert stop_ids(None, None, 5) == []


@pytest.mark.skipif(not STORIES.exists(), reason=f"no {STORIES.name} in ../shared/data/models")
def test_a_real_model_tells_its_story() -> None:
    from structgen.models.load import load

    model = Model(load(STORIES))
    story = model.generate("", max_tokens=40)
    assert story.text.startswith("Once upon a time, there was a little girl named Lily. She loved to play outside in the park.")
    one = model.generate("Tom and Lily had a dog named", max_tokens=12)
    assert one.text.startswith(" Max. They liked to play")
    prompts = ["Tom and Lily had a dog named", "Once", "The big red ball was lost and then"]
    together = model.generate(prompts, max_tokens=12)
    assert together[0].tokens == one.tokens
    inner: Any = model.model
    ids = torch.tensor([inner.encode_prompt(prompts[2])])
    theirs = inner.model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=12, do_sample=False)[0, ids.shape[1] :].tolist()
    assert together[2].tokens == theirs
