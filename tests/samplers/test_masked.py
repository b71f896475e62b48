"""Masked decoding against laws enumerated by hand: every text's probability under model and sampler, in float64."""

from __future__ import annotations

import itertools
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "reference"))
from toys import Toy, finite, log_softmax, tabular

from structgen.constraint.protocol import Constraint, Unconstrained, unpack
from structgen.errors import IncompleteOutput, ModelError, OptionError, PromptError, VocabularyError
from structgen.kernels import logits as kernels
from structgen.models.function import FunctionModel
from structgen.models.protocol import CausalLM, LanguageModel
from structgen.samplers.masked import Masked
from structgen.samplers.model import Model
from structgen.samplers.options import Options
from structgen.samplers.protocol import Request, Sample, Sampler, StepSampler
from structgen.samplers.result import Trace
from structgen.samplers.run import Run
from structgen.vocab import Vocabulary

TOKENS = [b"a", b"b", b"ab", b"c", b"ca", b"", b"a"]  # two ids with the same bytes, one stop id
VOCAB = Vocabulary.from_bytes(TOKENS, eos=5)
TEXTS = ["a", "ab", "aab", "cab", "bbb", "cc"]


def law(model: FunctionModel, toy: Toy, temperature: float = 1.0) -> dict[tuple[int, ...], tuple[float, float, float]]:
    """token sequence -> (log P under the model, log Q under masked sampling, mass kept), by walking everything."""
    out: dict[tuple[int, ...], tuple[float, float, float]] = {}

    def walk(prefix: tuple[int, ...], state: int, p: float, q: float, kept: float) -> None:
        logits = model.logits([prefix])[0]
        plain, hot = log_softmax(logits), log_softmax(logits, temperature)
        legal = [t for t in range(VOCAB.size) if toy.advance(state, t)]
        z = np.logaddexp.reduce(hot[legal])
        for t in legal:
            share = kept * float(np.exp(plain[legal]).sum())
            if t in VOCAB.stop_ids:
                out[prefix] = (p + plain[t], q + hot[t] - z, share)
            else:
                walk((*prefix, t), toy.advance(state, t), p + plain[t], q + hot[t] - z, share)

    walk((), toy.start(), 0.0, 0.0, 1.0)
    return out


@pytest.mark.parametrize("extra", [0, 9, 40])
def test_figures_of_every_sample_are_the_enumerated_ones(extra: int) -> None:
    model, toy = FunctionModel(tabular(VOCAB, 1, extra), VOCAB), finite(VOCAB, TEXTS)
    truth = law(model, toy, 1.5)
    results = Model(model).generate("", toy, temperature=1.5, seed=5, n=200)
    assert len({tuple(r.tokens) for r in results}) > 5
    for r in results:
        p, q, kept = truth[tuple(r.tokens)]
        assert r.finished
        assert r.finish_reason == "stop"
        assert r.text in TEXTS
        assert r.value == r.text
        assert r.logprob == pytest.approx(p, abs=1e-5)
        assert r.log_weight == pytest.approx(p - q, abs=1e-5)
        assert r.mass_removed == pytest.approx(1 - kept, abs=1e-6)
        assert len(r.trace.tokens) == len(r.trace.removed) == len(r.tokens) + 1


def test_samples_follow_the_law() -> None:
    model, toy = FunctionModel(tabular(VOCAB, 2), VOCAB), finite(VOCAB, TEXTS)
    truth = {tokens: float(np.exp(q)) for tokens, (_, q, _) in law(model, toy).items()}
    assert sum(truth.values()) == pytest.approx(1)
    n = 3000
    counts = Counter(tuple(r.tokens) for r in Model(model).generate("", toy, temperature=1.0, seed=0, n=n, batch_size=500))
    big = {t: q for t, q in truth.items() if q * n >= 5}
    chi2 = sum((counts[t] - n * q) ** 2 / (n * q) for t, q in big.items())
    assert set(counts) <= set(truth)
    assert chi2 < len(big) + 6 * np.sqrt(2 * len(big))


def test_weights_estimate_the_mass_of_the_language() -> None:
    model, toy = FunctionModel(tabular(VOCAB, 3), VOCAB), finite(VOCAB, TEXTS)
    exact = sum(np.exp(p) for p, _, _ in law(model, toy).values())
    weights = np.exp([r.log_weight for r in Model(model).generate("", toy, temperature=0.8, seed=1, n=3000, batch_size=500)])
    assert abs(weights.mean() - exact) < 5 * weights.std() / np.sqrt(len(weights))


def test_a_request_may_begin_within_a_text() -> None:
    toy = finite(VOCAB, TEXTS)
    state = toy.advance(toy.start(), 3)  # behind "c"
    requests = [Request((3,), toy, 0, k, state) for k in range(40)]
    samples = list(Masked().sample(FunctionModel(tabular(VOCAB, 2), VOCAB), requests, Options(temperature=2.0, seed=1)))
    assert {b"c" + VOCAB.decode(sample.tokens) for sample in samples} == {b"cab", b"cc"}
    assert {sample.finish for sample in samples} == {"stop"}


def test_greedy_takes_the_likeliest_allowed_token() -> None:
    model, toy = FunctionModel(tabular(VOCAB, 4), VOCAB), finite(VOCAB, TEXTS)
    prefix: list[int] = []
    state = toy.start()
    while True:
        logits = model.logits([prefix])[0]
        token = max((t for t in range(VOCAB.size) if toy.advance(state, t)), key=lambda t: logits[t])
        if token == 5:
            break
        prefix.append(token)
        state = toy.advance(state, token)
    result = Model(model).generate("", toy)
    assert result.tokens == prefix
    assert result.trace.chance.tolist() == [0.0] * (len(prefix) + 1)


def test_batches_orders_and_neighbours_do_not_change_samples() -> None:
    calls: list[int] = []
    table = tabular(VOCAB, 5)
    model = Model(FunctionModel(lambda rows: (calls.append(len(rows)), table(rows))[1], VOCAB))
    toy = finite(VOCAB, TEXTS)
    prompts = [[0, 1], [3], [], [2, 2, 2], [4]]
    whole = model.generate(prompts, toy, temperature=1.3, seed=9, n=3)
    assert max(calls) == 15
    single = model.generate(prompts, toy, temperature=1.3, seed=9, n=3, batch_size=1)
    fewer = model.generate(prompts[:2], toy, temperature=1.3, seed=9, n=1)
    flat = [[r.tokens for r in group] for group in whole]
    assert flat == [[r.tokens for r in group] for group in single]
    assert [r.tokens for r in fewer] == [group[0] for group in flat[:2]]
    assert flat != [[r.tokens for r in group] for group in model.generate(prompts, toy, temperature=1.3, seed=10, n=3)]
    assert len({tuple(t) for group in flat for t in group}) > 3


def test_no_seed_draws_anew_and_says_which_seed_it_took() -> None:
    model, toy = Model(FunctionModel(tabular(VOCAB, 6), VOCAB)), finite(VOCAB, TEXTS)
    a, b = (model.generate("", toy, temperature=1.0, n=20) for _ in range(2))
    assert [r.tokens for r in a] != [r.tokens for r in b]
    assert [r.tokens for r in model.generate("", toy, temperature=1.0, n=20, seed=a[0].seed)] == [r.tokens for r in a]


@pytest.mark.parametrize(("top_k", "top_p"), [(0, 0.6), (3, 1.0), (4, 0.7), (1, 1.0), (0, 0.001), (1000, 0.999), (0, 1.0)])
def test_draws_after_truncation_follow_an_obvious_twin(top_k: int, top_p: float) -> None:
    rng = np.random.default_rng(11)
    for trial in range(25):
        v = int(rng.integers(1, 70))
        logits = rng.normal(0, 3, v).astype(np.float32).round(int(rng.integers(0, 3)))  # rounded: ties
        mask = rng.integers(0, 1 << 32, (v + 31) // 32, dtype=np.uint32)
        ids = [t for t in unpack(mask).tolist() if t < v]
        if not ids:
            assert kernels.draw_token(logits, mask, 1.0, top_k, top_p, 0.5, np.zeros(1)) == -1
            continue
        temperature = float(rng.uniform(0.3, 2))
        order = sorted(ids, key=lambda t: (-logits[t], t))
        order = order[:top_k] if top_k else order
        p = np.exp(log_softmax(logits[order], temperature))
        kept = next(k for k in range(1, len(order) + 1) if p[:k].sum() >= top_p - 1e-12 or k == len(order)) if top_p < 1 else len(order)
        p = p[:kept] / p[:kept].sum()
        seen: dict[int, float] = {}
        chance = np.zeros(1)
        grid = 300
        hits = Counter(kernels.draw_token(logits, mask, temperature, top_k, top_p, (i + 0.5) / grid, chance) for i in range(grid))
        for i in range(0, grid, 7):
            t = kernels.draw_token(logits, mask, temperature, top_k, top_p, (i + 0.5) / grid, chance)
            seen[t] = float(np.exp(chance[0]))
        assert set(hits) <= set(order[:kept]), trial
        for t, share in zip(order[:kept], p, strict=True):
            assert hits[t] / grid == pytest.approx(share, abs=1.5 / grid)
            assert t not in seen or seen[t] == pytest.approx(share, rel=1e-9)


def test_measure_is_exact_for_tiny_masses() -> None:
    logits = np.array([0.0, -80.0, -85.0, 3.0], np.float32)
    sums = np.zeros(3)
    assert kernels.measure(logits, np.array([0b1001], np.uint32), sums) == kernels.OK
    assert sums[2] == pytest.approx(np.logaddexp(-80.0, -85.0), rel=1e-12)
    assert kernels.measure(logits, np.array([0b0110], np.uint32), sums) == kernels.OK
    assert sums[1] == pytest.approx(np.logaddexp(-80.0, -85.0), rel=1e-12)
    assert sums[0] == pytest.approx(np.logaddexp.reduce(logits.astype(np.float64)), rel=1e-12)


def test_max_tokens_cuts_and_says_so() -> None:
    toy = Toy(VOCAB, lambda t: set(t) <= set(b"ab"), lambda t: len(t) >= 4, decode=str.upper)
    logits = np.zeros(VOCAB.size, np.float32)
    logits[0] = 5
    model = Model(FunctionModel(lambda rows: np.tile(logits, (len(rows), 1)), VOCAB))
    cut = model.generate("", toy, max_tokens=3)
    assert (cut.text, cut.finished, cut.finish_reason, len(cut.trace.tokens)) == ("aaa", False, "length", 3)
    with pytest.raises(IncompleteOutput, match="max_tokens"):
        _ = cut.value
    long = model.generate("", toy, max_tokens=6)  # a text of the language, but the model had not ended it
    assert (long.text, long.finished) == ("aaaaaa", False)


def test_a_text_that_nothing_can_follow_is_finished_at_the_limit() -> None:
    model = Model(FunctionModel(tabular(VOCAB, 7), VOCAB))
    toy = finite(VOCAB, ["cc"], decode=str.upper)
    result = model.generate("", toy, max_tokens=2)
    assert (result.text, result.finished, result.finish_reason, result.value) == ("cc", True, "stop", "CC")


def test_a_dead_end_is_named() -> None:
    vocab = Vocabulary.from_bytes([b"a", b""], eos=1)
    toy = finite(vocab, ["ab", "ac"])  # "b" has no token
    result = Model(FunctionModel(tabular(vocab, 8), vocab)).generate("", toy)
    assert (result.text, result.finished, result.finish_reason) == ("a", False, "dead_end")
    assert result.mass_removed == 1.0
    zeros = np.array([[0.0, -np.inf]], np.float32)  # the model itself rules out the stop token
    result = Model(FunctionModel(lambda rows: np.tile(zeros, (len(rows), 1)), vocab)).generate("", finite(vocab, ["aa"]))
    assert (result.text, result.finish_reason) == ("aa", "dead_end")


@pytest.mark.parametrize(("bad", "what"), [(np.nan, "NaN"), (np.inf, "NaN"), (-np.inf, "-inf")])
def test_bad_logits_are_refused(bad: float, what: str) -> None:
    row = np.full(VOCAB.size, bad if bad < 0 else 0.0, np.float32)
    row[1] = bad
    with pytest.raises(ModelError, match=what):
        Model(FunctionModel(lambda rows: np.tile(row, (len(rows), 1)), VOCAB)).generate("", finite(VOCAB, TEXTS))


@pytest.mark.parametrize("shape", [(1, 3), (2, 7), (7,), (1, 7, 1)])
def test_bad_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ModelError, match="shape"):
        Model(FunctionModel(lambda rows: np.zeros(shape), VOCAB)).generate("", finite(VOCAB, TEXTS))


def test_free_text_and_several_stop_ids() -> None:
    vocab = Vocabulary.from_bytes([b"a", b"b", b"", b""], eos=[2, 3])
    free = Unconstrained(vocab)
    assert isinstance(free, Constraint)
    assert free.advance(free.advance(free.start(), 3), 0) == 0
    assert free.advance(0, 3) == 0
    results = Model(FunctionModel(tabular(vocab, 9), vocab)).generate("", temperature=1.0, seed=0, n=40, max_tokens=3)
    assert {int(r.trace.tokens[-1]) for r in results if r.finished} == {2, 3}
    for r in results:
        assert r.mass_removed == 0.0
        assert r.value == r.text
        assert "\0" not in r.text
        assert set(r.tokens) <= {0, 1}


def test_extra_stop_ids_end_only_where_the_grammar_may() -> None:
    toy = Toy(VOCAB, lambda t: set(t) <= set(b"abc"), lambda t: len(t) >= 2)
    row = np.array([0, 1, 0, 5, 0, 0, 0], np.float32)  # "c" is likeliest
    model = Model(FunctionModel(lambda rows: np.tile(row, (len(rows), 1)), VOCAB))
    result = model.generate("", toy, stop=3)  # and ends the text where it may end, although it also has bytes
    assert (result.finished, result.text, result.trace.tokens.tolist()) == (True, "bb", [1, 1, 3])
    free = model.generate("", stop=3)
    assert (free.finished, free.text, free.trace.tokens.tolist()) == (True, "", [3])
    assert model.generate("", toy, stop="c").trace.tokens.tolist() == [1, 1, 3]
    with pytest.raises(VocabularyError, match="no token 'abc'"):
        model.generate("", toy, stop=["abc"])
    with pytest.raises(VocabularyError, match="no token 7"):
        model.generate("", toy, stop=[3, 7])


def test_the_context_of_the_model_bounds_the_text() -> None:
    model = Model(FunctionModel(tabular(VOCAB, 10), VOCAB, context=4))
    toy = Toy(VOCAB, lambda t: True, lambda t: False)
    assert len(model.generate([0, 1], toy).tokens) == 3  # the prefix of four tokens still gives a fifth
    with pytest.raises(PromptError, match="reads 4"):
        model.generate([0] * 5, toy)


def test_an_automaton_of_another_vocabulary_is_refused() -> None:
    other = Vocabulary.from_bytes([*TOKENS[:-1], b"z"], eos=5)
    with pytest.raises(OptionError, match="another vocabulary"):
        Model(FunctionModel(tabular(VOCAB), VOCAB)).generate("", finite(other, TEXTS))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_tokens", 0), ("max_tokens", 2.5), ("n", 0), ("n", True), ("batch_size", 0), ("tempreature", 1), ("top_k", -1),
        ("temperature", -1), ("temperature", float("nan")), ("temperature", "hot"), ("top_p", 0), ("top_p", 1.1), ("seed", -1),
        ("seed", 1.5), ("stop", (-1,)), ("stop", 1.5), ("stop", True), ("stop", b"a"),
    ],
)  # fmt: skip
def test_impossible_options_name_themselves(name: str, value: object) -> None:
    with pytest.raises(OptionError, match=name):
        Options.of(**{name: value})


def test_prompts_and_results_have_the_same_shape() -> None:
    model, toy = Model(FunctionModel(tabular(VOCAB), VOCAB)), finite(VOCAB, TEXTS)
    one = model.generate("ab", toy)
    assert one.prompt == "ab"
    assert model.generate([], toy) == []
    for batch in (["ab", "a"], [[0, 1], [0]], np.array([[0, 1], [0, 0]])):
        assert len(model.generate(batch, toy)) == 2
    assert [len(group) for group in model.generate(["ab", "a"], toy, n=3)] == [3, 3]
    assert len(model.generate(np.array([0, 1]), toy, n=2)) == 2
    for bad in (5, None, b"ab", {"role": "user"}, [0.5], [[0], "a", 3.5], [{"role": "user"}], [99], [True]):
        with pytest.raises(PromptError):
            model.generate(bad, toy)


def test_samplers_may_weigh_their_samples_and_say_more() -> None:
    class Rejecting:
        """Draws freely until a text is one of the language: the mean weight of all tries is the evidence."""

        def sample(self, model, requests, options):
            for number, request in enumerate(requests):
                for tries in itertools.count(1):
                    free = Request(request.prompt, Unconstrained(VOCAB), request.prompt_index, tries)
                    [found] = Masked().sample(model, [free], options)
                    if VOCAB.decode(found.tokens).decode() in TEXTS and found.finish == "stop":
                        break
                yield replace(found, request=number, log_weight=-float(np.log(tries)), info={"tries": tries})

    toy, model = finite(VOCAB, TEXTS), Model(FunctionModel(tabular(VOCAB, 1), VOCAB))
    results = model.generate("", toy, temperature=1.0, seed=3, n=2, max_tokens=4, sampler=Rejecting())
    for r in results:
        assert r.value in TEXTS
        assert r.log_weight == -np.log(r.info["tries"]) != r.logprob - r.trace.chance.sum()
    assert model.generate("", toy).info == {}


def test_a_sampler_chooses_its_kind_of_model() -> None:
    class Oracle:
        """No model of next tokens: it knows the text."""

        vocabulary, context = VOCAB, None

        def encode_prompt(self, prompt: Any) -> list[int]:
            return VOCAB.encode(prompt)

        def text(self) -> list[int]:
            return [3, 3]

    class Asking:
        def sample(self, model: Oracle, requests: Sequence[Request], options: Options) -> Iterator[Sample]:
            none = np.zeros(0)
            for number, _ in enumerate(requests):
                yield Sample(number, model.text(), Trace(np.zeros(0, np.int32), none, none, none), "stop")

    assert isinstance(Oracle(), LanguageModel)
    assert not isinstance(Oracle(), CausalLM)
    assert [r.value for r in Run(Oracle(), Asking(), finite(VOCAB, TEXTS)).generate(["a", "ab"])] == ["cc", "cc"]


def test_masked_is_a_sampler() -> None:
    sampler: Sampler[CausalLM] = Masked()
    assert isinstance(sampler, StepSampler)


def test_streams_of_numbers_are_distinct() -> None:
    from structgen.samplers import random

    keys = list(itertools.product([0, 1, 2**63], [0, 1, 2**31], [0, 1], [0, 1, 2, 3]))
    assert len({random.uniform(*key) for key in keys}) == len(keys)
    assert random.stream(1, 0, 0, 0, 1).random() != random.stream(1, 0, 0, 0, 0).random()
