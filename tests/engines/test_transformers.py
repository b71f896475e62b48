"""The logits processor inside transformers' own generate(), over every way of decoding that calls it oddly."""

from __future__ import annotations

import random
import re
import sys
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "reference"))
from toys import Toy, finite  # noqa: E402

from structgen.engines.transformers import LogitsProcessor  # noqa: E402
from structgen.errors import ModelError, OptionError  # noqa: E402
from structgen.models.hf import HuggingFaceModel  # noqa: E402
from structgen.samplers.model import Model  # noqa: E402
from structgen.vocab import Vocabulary  # noqa: E402

torch.set_num_threads(1)  # tiny tensors
STORIES = Path(__file__).resolve().parents[3] / "shared" / "data" / "models" / "stories260K"
V, EOS, PAD = 300, 1, 0
TOKENS = [b"", b"", *(bytes([c]) for c in range(32, 127)), *(bytes([c, c + 1]) for c in range(97, 122))]
VOCAB = Vocabulary.from_bytes(TOKENS, eos=EOS).widened(V)
PATTERN = re.compile(rb"(ab|cd){2,6}x|q+z?")


def viable(text: bytes) -> bool:
    """Whether a text of PATTERN may begin so, by trying ends."""
    ends = [a + b + c for a in (b"", b"b", b"d", b"ab", b"abab") for b in (b"", b"ab", b"abab") for c in (b"", b"x")]
    return not text or any(PATTERN.fullmatch(text + end) for end in ends)


TOY = Toy(VOCAB, viable, lambda t: PATTERN.fullmatch(t) is not None)


def llama(width: int = V, seed: int = 0) -> Any:
    torch.manual_seed(seed)
    config = transformers.LlamaConfig(
        vocab_size=width, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
        max_position_embeddings=512, bos_token_id=2, eos_token_id=EOS, pad_token_id=PAD,
    )  # fmt: skip
    model = transformers.LlamaForCausalLM(config).eval()
    with torch.no_grad():
        for weight in model.parameters():
            weight.mul_(3)
    return model


MODEL = llama()


def run(model: Any, prompts: Any, processor: Any, **options: Any) -> list[bytes]:
    """The generated texts; every one must be whole, or a beginning of one that was cut at the limit."""
    ids = torch.tensor(prompts)
    options = {"max_new_tokens": 24, "do_sample": False, "attention_mask": (ids != PAD).long(), **options}
    out = model.generate(ids, logits_processor=[processor], **options)
    texts = []
    for row in out[:, ids.shape[1] :].tolist():
        end = row.index(EOS) if EOS in row else len(row)
        text = VOCAB.decode(row[:end])
        assert PATTERN.fullmatch(text) if EOS in row else viable(text), text
        texts.append(text)
    return texts


def test_greedy_equals_our_own_loop() -> None:
    ours = Model(HuggingFaceModel(MODEL, VOCAB))
    processor = LogitsProcessor(TOY)
    for prompt in ([5, 6, 7], [9], list(range(10, 40))):
        assert run(MODEL, [prompt], processor) == [ours.generate(prompt, TOY, max_tokens=24).text.encode()]


@pytest.mark.parametrize(
    "options", [{}, {"num_beams": 4}, {"num_beams": 4, "num_return_sequences": 4}, {"num_beams": 3, "length_penalty": -2.0}]
)
def test_batches_with_left_padding_and_beams(options: dict[str, Any]) -> None:
    prompts = [[PAD, PAD, 5, 6], [7, 8, 9, 10], [PAD, PAD, PAD, 11]]
    processor = LogitsProcessor(TOY)
    assert run(MODEL, prompts, processor, **options) == run(MODEL, prompts, processor, **options)  # the same object again
    assert len(run(MODEL, prompts[:1], processor, **options)) == options.get("num_return_sequences", 1)


def test_sampling_ends_rows_at_different_times() -> None:
    processor = LogitsProcessor(TOY)
    prompts = [[5, 6]] * 12
    torch.manual_seed(3)
    texts = run(MODEL, prompts, processor, do_sample=True, temperature=3.0, top_k=0)
    assert len(set(texts)) > 3
    torch.manual_seed(3)
    assert run(MODEL, prompts, LogitsProcessor(TOY), do_sample=True, temperature=3.0, top_k=0) == texts
    assert run(MODEL, prompts, processor, do_sample=True, top_p=0.3, top_k=5)


@pytest.mark.parametrize("sample", [False, True])
def test_prompt_lookup(sample: bool) -> None:
    toy_ids = VOCAB.encode("ababcdabababcdxqqqzqq abab")
    processor = LogitsProcessor(TOY)
    for prompt in ([toy_ids, toy_ids[:9], [5], toy_ids[3:]]) * 2:
        torch.manual_seed(0)
        drafted = run(MODEL, [prompt], processor, prompt_lookup_num_tokens=4, do_sample=sample)
        if not sample:
            assert drafted == run(MODEL, [prompt], LogitsProcessor(TOY))


@pytest.mark.parametrize("sample", [False, True])
def test_a_draft_model(sample: bool) -> None:
    processor = LogitsProcessor(TOY)
    for draft in (llama(seed=5), MODEL):
        for prompt in ([5, 6, 7], [8], [5, 6, 7, 9]):
            torch.manual_seed(1)
            drafted = run(MODEL, [prompt], processor, assistant_model=draft, do_sample=sample)
            if not sample:
                assert drafted == run(MODEL, [prompt], LogitsProcessor(TOY))


def test_one_object_many_calls() -> None:
    """Prompts that begin like each other, other batch sizes, other ways: always what a fresh object gives."""
    processor = LogitsProcessor(TOY)
    base = VOCAB.encode("say it")
    first = answer(base, LogitsProcessor(TOY))
    calls: list[tuple[list[list[int]], dict[str, Any]]] = [
        ([base], {}),
        ([base], {}),
        ([[*base, 30]], {}),  # one token longer: looks like a run that goes on
        ([[*base, first[0]]], {}),  # and with a token that the grammar allows at the start
        ([base, base[::-1]], {"num_beams": 2}),
        ([base], {}),
        ([[*base, *first]], {}),  # the whole first answer became part of the prompt
        ([base], {}),
        ([[*base, *first, EOS]], {}),
        ([base], {}),
        ([[*base, *first, 40]], {}),  # and one token that the grammar does not allow there
        ([base], {}),
        ([[*base, *first, 40, 41]], {}),
        ([base], {"prompt_lookup_num_tokens": 3}),
        ([[*base, *first]], {}),
        ([[*base, 30]], {"prompt_lookup_num_tokens": 3}),
        ([base], {"assistant_model": MODEL}),
        ([[*base, 30]], {"assistant_model": MODEL}),
        ([base[:-1]], {}),
        ([base] * 5, {}),
    ]
    for k, (prompts, options) in enumerate(calls):
        assert run(MODEL, prompts, processor, **options) == run(MODEL, prompts, LogitsProcessor(TOY), **options), (k, options)
    processor.reset()
    assert run(MODEL, [base], processor)


def test_one_object_many_random_calls() -> None:
    rng = random.Random(5)
    processor = LogitsProcessor(TOY)
    pool = [VOCAB.encode("say it"), VOCAB.encode("ab ab ab"), VOCAB.encode("cdcd q q")]
    ways = [
        {},
        {},
        {"num_beams": 3},
        {"prompt_lookup_num_tokens": 3},
        {"prompt_lookup_num_tokens": 2, "do_sample": True},
        {"assistant_model": llama(seed=5)},
    ]
    for k in range(36):
        prompt = list(rng.choice(pool))
        if rng.random() < 0.6:  # prompts that grow as dialogues do, by answers and by other tokens
            prompt += [rng.randrange(2, len(TOKENS)) for _ in range(rng.choice([0, 1, 1, 2, 5]))]
        options = rng.choice(ways)
        rows = 1 if "assistant_model" in options or "prompt_lookup_num_tokens" in options else rng.choice([1, 1, 3])
        torch.manual_seed(k)
        texts = run(MODEL, [prompt] * rows, processor, **options)
        torch.manual_seed(k)
        assert texts == run(MODEL, [prompt] * rows, LogitsProcessor(TOY), **options), (k, options)
        pool.append([*prompt, *answer(prompt, LogitsProcessor(TOY))][-200:])
        pool = pool[-6:]


@pytest.mark.skipif(not STORIES.exists(), reason=f"no {STORIES.name} in ../shared/data/models")
@pytest.mark.parametrize(("draft_width", "width"), [(40, 512), (600, None), (600, 512)])
def test_a_draft_model_with_another_vocabulary(draft_width: int, width: int | None) -> None:
    tokenizer = transformers.AutoTokenizer.from_pretrained(STORIES)
    model = transformers.AutoModelForCausalLM.from_pretrained(STORIES)
    vocab = Vocabulary.from_tokenizer(tokenizer, size=512, stop=[1, 2])
    toy = finite(vocab, [" Lily and Tom and Max", " Lily", " Spot the dog"])
    inputs = tokenizer("Once upon a time there was a girl named", return_tensors="pt")
    inputs.pop("token_type_ids", None)
    own: Any = {"tokenizer": tokenizer, "assistant_tokenizer": letters(), "assistant_model": llama(draft_width)}
    texts = []
    for options in (own, {}):
        out = model.generate(**inputs, logits_processor=[LogitsProcessor(toy, width=width)], max_new_tokens=16, do_sample=False, **options)
        texts.append(vocab.decode([t for t in out[0, inputs["input_ids"].shape[1] :].tolist() if t > 2]))
    assert texts == [b" Lily and Tom and Max"] * 2


def letters() -> Any:
    """A tokenizer of letters: another vocabulary."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    inner = Tokenizer(
        models.BPE({c: i for i, c in enumerate(["<s>", "</s>", "Ġ", *"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"[24:]])}, [])
    )
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    return transformers.PreTrainedTokenizerFast(tokenizer_object=inner, bos_token="<s>", eos_token="</s>")


def test_the_length_of_the_prompt_may_be_given() -> None:
    processor = LogitsProcessor(TOY, prompt_length=3)
    assert run(MODEL, [[5, 6, 7]], processor) == run(MODEL, [[5, 6, 7]], LogitsProcessor(TOY))
    ab = VOCAB.encode("ab")[0]
    went_on = VOCAB.decode(answer([5, 6, 7, ab], processor))
    assert PATTERN.fullmatch(b"ab" + went_on)
    with pytest.raises(OptionError, match="prompt_length"):
        run(MODEL, [[5]], processor)


def answer(prompt: list[int], processor: Any) -> list[int]:
    """The generated tokens, not judged."""
    ids = torch.tensor([prompt])
    out = MODEL.generate(ids, attention_mask=torch.ones_like(ids), logits_processor=[processor], max_new_tokens=24, do_sample=False)
    return [t for t in out[0, len(prompt) :].tolist() if t > EOS]


def test_rows_may_have_grammars_of_their_own() -> None:
    toys = [finite(VOCAB, ["yes", "no"]), finite(VOCAB, ["hello world", "help"]), finite(VOCAB, ["x" * 9])]
    prompts = torch.tensor([[5, 6], [7, 8], [9, 10]])
    for beams in (1, 3):
        out = MODEL.generate(
            prompts, attention_mask=torch.ones_like(prompts), logits_processor=[LogitsProcessor(toys)], max_new_tokens=16, num_beams=beams
        )
        texts = [VOCAB.decode([t for t in row if t > EOS]) for row in out[:, 2:].tolist()]
        assert texts[0] in {b"yes", b"no"}
        assert texts[1] in {b"hello world", b"help"}
        assert texts[2] == b"x" * 9
    with pytest.raises(OptionError, match="cannot be shared"):
        LogitsProcessor(toys)(prompts[:2], torch.zeros(2, V))


def test_logits_wider_than_the_vocabulary() -> None:
    wide = llama(333)
    assert run(wide, [[5, 6]], LogitsProcessor(TOY))


def test_a_narrower_model_is_refused_or_left_alone_on_request() -> None:
    scores = torch.randn(1, 50)
    with pytest.raises(ModelError, match="50 tokens wide"):
        LogitsProcessor(TOY)(torch.tensor([[5]]), scores)
    processor = LogitsProcessor(TOY, width=V)
    assert processor(torch.tensor([[5]]), scores) is scores
    assert not torch.isfinite(processor(torch.tensor([[5]]), torch.randn(1, V))).all()


def test_rows_finished_dead_and_alive() -> None:
    processor = LogitsProcessor(TOY, prompt_length=1)
    a, x, q = (VOCAB.encode(c)[0] for c in "axq")
    scores = torch.randn(5, V)
    rows = torch.tensor([[9, q, EOS, PAD], [9, x, x, x], [9, q, q, q], [9, q, q, EOS], [9, PAD, EOS, a]])
    out = processor(rows, scores)
    allowed_ids = [torch.isfinite(row).nonzero().flatten().tolist() for row in out]
    assert allowed_ids[0] == allowed_ids[3] == allowed_ids[4] == [EOS]
    assert torch.equal(out[1], scores[1])  # no text begins so: a draft that will be thrown away
    assert allowed_ids[2] == [EOS, *sorted(VOCAB.encode(c)[0] for c in "qz")]
    kept = torch.isfinite(out[2])
    assert torch.equal(out[2][kept], scores[2][kept])
    assert torch.isfinite(scores).all()  # the argument is left as it was
    scores[0, EOS] = scores[2] = -torch.inf
    with pytest.raises(ModelError, match="row 2"):
        processor(rows, scores)
    assert torch.equal(processor(rows[:2], scores[:2])[0], scores[0])  # a finished row is never all -inf


def test_several_stop_tokens() -> None:
    vocab = Vocabulary.from_bytes([*TOKENS], eos=[EOS, PAD]).widened(V)
    out = LogitsProcessor(finite(vocab, [""]))(torch.tensor([[5]]), torch.zeros(1, V))
    assert torch.isfinite(out).nonzero()[:, 1].tolist() == [PAD, EOS]


def test_grammars_are_compiled_once_for_the_tokenizer_given() -> None:
    seen: list[Any] = []
    processor = LogitsProcessor(["g", "g"], VOCAB, compile=lambda grammar, vocabulary: (seen.append(grammar), TOY)[1])
    assert seen == ["g"]
    assert processor.constraints == [TOY, TOY]
    for arguments, why in [(("g", VOCAB), "no automaton"), (([],), "no grammar")]:
        with pytest.raises(OptionError, match=why):
            LogitsProcessor(*arguments)
    with pytest.raises(OptionError, match="alone has no tokens"):
        LogitsProcessor("g", compile=lambda grammar, vocabulary: TOY)
    with pytest.raises(OptionError, match="different vocabularies"):
        LogitsProcessor([TOY, finite(Vocabulary.from_bytes([b"a", b""], eos=1), ["a"])])


@pytest.mark.skipif(not STORIES.exists(), reason=f"no {STORIES.name} in ../shared/data/models")
def test_on_a_real_model() -> None:
    tokenizer = transformers.AutoTokenizer.from_pretrained(STORIES)
    model = transformers.AutoModelForCausalLM.from_pretrained(STORIES)
    vocab = Vocabulary.from_tokenizer(tokenizer, size=512, stop=[1, 2])
    names = [" Lily", " Tom", " Max", " Spot the dog"]
    processor = LogitsProcessor(finite(vocab, names))
    tokenizer.pad_token, tokenizer.padding_side = "<unk>", "left"
    inputs = tokenizer(["Once upon a time there was a girl named", "The dog is called"], return_tensors="pt", padding=True)
    inputs.pop("token_type_ids", None)
    for options in ({}, {"num_beams": 4}, {"do_sample": True}):
        out = model.generate(**inputs, logits_processor=[processor], max_new_tokens=16, **options)
        for row in out[:, inputs["input_ids"].shape[1] :].tolist():
            text = vocab.decode([t for t in row if t not in (1, 2)]).decode()
            assert text in names, text
    greedy = model.generate(**inputs, logits_processor=[processor], max_new_tokens=16)
    assert "Lily" in tokenizer.decode(greedy[0])
