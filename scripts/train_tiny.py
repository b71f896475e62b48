"""Make the tiny model: the text, the BPE vocabulary, the training, the folder `structgen/tiny`.

    python scripts/train_tiny.py --work /tmp/tiny --minutes 60

Stops after that many minutes of training time (counted over all runs), with a learning rate that falls to zero at the end;
`--work` keeps tokenizer, checkpoint and log, so that the same command goes on where it was killed. `--extend` starts a new
cycle of `--minutes` from the last checkpoint. Text is made on the fly from `structgen.tiny.tasks`, so no example is seen twice.

Data shapes: a row is 256 tokens of whole examples, each example its own block of attention with positions from 0. The loss is
taken over all answer tokens and one in ten prompt tokens.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from random import Random

import torch
from safetensors.torch import load_file, save_file
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from structgen.tiny.tasks import TASKS as ALL_TASKS
from structgen.tiny.tasks import Example, check, training_examples

ROW, ROWS = 256, 12
BOS, EOS, PAD = "<|bos|>", "<|eos|>", "<|pad|>"
SPECIALS = [BOS, EOS, PAD, "<|system|>", "<|user|>", "<|assistant|>", "<|end|>", "<|tool|>"]
VOCABULARY, PIECES = 2816, 2000
WORDS = r" ?\p{L}+| ?\p{N}| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
CHAT = (
    "{{ bos_token }}{% set ns = namespace(task='Do what the input says.') %}"
    "{% for m in messages %}{% if m['role'] == 'system' %}{% set ns.task = m['content'] %}"
    "{% elif m['role'] == 'user' %}{% if m['content'].startswith('Task: ') %}{{ m['content'] }}"
    "{% else %}{{ 'Task: ' + ns.task + '\\nInput: ' + m['content'] }}{% endif %}"
    "{% if '\\nOutput:' not in m['content'] %}{{ '\\nOutput: ' }}{% endif %}"
    "{% else %}{{ m['content'] + eos_token + '\\n' }}{% endif %}{% endfor %}"
)


def train_tokenizer(examples: int = 40_000) -> Tokenizer:
    """Learn a byte-level BPE whose words split alike with and without a blank before them.

    Pieces are learnt on words without their blank; then the blank is joined, last of all merges, to the pieces that most often
    follow one. So a name is copied from a sentence into a JSON string piece by piece, which a small model learns far sooner.
    """
    texts = [e.prompt + e.answer for e in islice(training_examples(7), examples)]
    base = Tokenizer(models.BPE())
    base.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(r" (?=\p{L})|" + WORDS.replace(r" ?\p{L}", r"\p{L}")), "isolated"),
            pre_tokenizers.ByteLevel(False, use_regex=False),
        ]
    )
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    words = Counter(word for text in texts for word, _ in base.pre_tokenizer.pre_tokenize_str(text))
    rng = Random(1)
    plain = Tokenizer(models.BPE())  # its words are cut already; invented names are thinned, or they would fill the vocabulary
    plain.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    kept = (" ".join([word] * n) for word, n in words.items() if n >= 10 or rng.random() < 0.15)
    trainer = trainers.BpeTrainer(vocab_size=PIECES, special_tokens=SPECIALS, initial_alphabet=alphabet, show_progress=False)
    plain.train_from_iterator(kept, trainer)
    base.model = plain.model
    state = json.loads(base.to_str())["model"]
    vocab: dict[str, int] = state["vocab"]
    merges: list[tuple[str, str]] = [tuple(pair) for pair in state["merges"]]
    after: Counter[str] = Counter()
    for encoding in base.encode_batch(texts[:10_000]):
        row = [*encoding.tokens, ""]
        after.update(b for a, b, c in zip(row, row[1:], row[2:], strict=False) if a == "Ġ" and not (c[:1].isascii() and c[:1].isalpha()))
    for piece, _ in after.most_common():
        if len(vocab) >= VOCABULARY:
            break
        if "Ġ" + piece not in vocab and piece.isascii() and piece.isalpha():
            vocab["Ġ" + piece] = len(vocab)
            merges.append(("Ġ", piece))
    while len(vocab) < VOCABULARY:  # a round number of rows: spare specials
        vocab[f"<|spare_{len(vocab)}|>"] = len(vocab)
    tokenizer = Tokenizer(models.BPE(vocab=vocab, merges=merges))
    tokenizer.add_special_tokens([token for token in vocab if token.startswith("<|") and token.endswith("|>")])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(WORDS), "isolated"), pre_tokenizers.ByteLevel(False, use_regex=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.TemplateProcessing(single=f"{BOS} $A", pair=f"{BOS} $A $B", special_tokens=[(BOS, vocab[BOS])])
    return tokenizer


def encode(tokenizer: Tokenizer, example: Example, rng: Random) -> tuple[list[int], int]:
    """Return the token ids of an example and how many belong to the prompt; now and then the last blank of the prompt is left out."""
    prompt = example.prompt.rstrip(" ") if rng.random() < 0.15 else example.prompt
    head = tokenizer.encode(prompt).ids
    return [*head, *tokenizer.encode(example.answer, add_special_tokens=False).ids, tokenizer.token_to_id(EOS)], len(head)


def batches(tokenizer: Tokenizer, seed: int) -> Iterator[tuple[torch.Tensor, ...]]:
    """Yield (ids, positions, block number, loss weight here), each [ROWS, ROW]; whole examples packed best-fit from a pool."""
    rng, source = Random(seed), training_examples(seed)
    pool: list[tuple[list[int], int]] = []
    while True:
        out = torch.zeros(4, ROWS, ROW, dtype=torch.long)
        out[0] = tokenizer.token_to_id(PAD)
        for row in range(ROWS):
            at, block = 0, 1
            while True:
                while len(pool) < 60:
                    pool += [one for one in [encode(tokenizer, next(source), rng)] if len(one[0]) <= ROW]
                fit = max(
                    (i for i, one in enumerate(pool) if len(one[0]) <= ROW - at), key=lambda i: (at > 0) * len(pool[i][0]), default=-1
                )
                if fit < 0:
                    break
                ids, head = pool.pop(fit)
                end = at + len(ids)
                out[0, row, at:end] = torch.tensor(ids)
                out[1, row, at:end] = torch.arange(len(ids))
                out[2, row, at:end] = block
                out[3, row, at + head - 1 : end - 1] = 1
                for i in range(at, at + head - 1):
                    out[3, row, i] = rng.random() < 0.1
                at, block = end, block + 1
        yield tuple(out)


def new_model() -> LlamaForCausalLM:
    """Return an untrained model."""
    config = LlamaConfig(
        vocab_size=VOCABULARY, hidden_size=192, num_hidden_layers=4, intermediate_size=512, num_attention_heads=6, num_key_value_heads=6,
        max_position_embeddings=512, tie_word_embeddings=True, rms_norm_eps=1e-5, bos_token_id=0, eos_token_id=1, pad_token_id=2,
    )  # fmt: skip
    torch.manual_seed(1)
    return LlamaForCausalLM(config)


def loss_of(model: LlamaForCausalLM, batch: tuple[torch.Tensor, ...]) -> torch.Tensor:
    """Return the mean cross-entropy over the chosen positions of a batch, in nats a token."""
    ids, positions, blocks, chosen = batch
    causal = torch.ones(ROW, ROW, dtype=torch.bool).tril()
    seen = (blocks[:, :, None] == blocks[:, None, :]) & causal
    mask = torch.zeros(seen.shape).masked_fill_(~seen, -torch.inf)[:, None]
    hidden = model.model(ids, attention_mask=mask, position_ids=positions, use_cache=False).last_hidden_state[:, :-1]
    here = chosen[:, :-1].bool()
    return torch.nn.functional.cross_entropy(model.lm_head(hidden[here]), ids[:, 1:][here])


class Muon:
    """Momentum whose matrix updates are made orthogonal (Newton-Schulz, float32), with AdamW for the rest: fewer tokens for a loss."""

    def __init__(self, model: LlamaForCausalLM) -> None:
        named = list(model.named_parameters())
        self.rest = torch.optim.AdamW([p for n, p in named if p.ndim < 2 or "embed" in n], betas=(0.9, 0.98), weight_decay=0.0)
        matrices = [p for n, p in named if p.ndim == 2 and "embed" not in n]
        shapes = dict.fromkeys(p.shape for p in matrices)
        self.groups = [[p for p in matrices if p.shape == shape] for shape in shapes]
        self.momentum = [torch.zeros(len(g), *g[0].shape) for g in self.groups]

    @torch.no_grad()
    def step(self, rate: float) -> None:
        """Apply the gradients at a learning rate, and clear them."""
        torch.nn.utils.clip_grad_norm_(self.rest.param_groups[0]["params"], 1.0)
        self.rest.param_groups[0]["lr"] = rate
        self.rest.step()
        for group, momentum in zip(self.groups, self.momentum, strict=True):
            grad = torch.stack([p.grad for p in group])
            momentum.mul_(0.95).add_(grad, alpha=0.05)
            update = grad.mul_(0.05).add_(momentum, alpha=0.95)
            turned = update.shape[1] > update.shape[2]
            x = update.mT if turned else update
            x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
            for _ in range(5):
                a = x @ x.mT
                x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
            x = x.mT if turned else x
            for p, delta in zip(group, x, strict=True):
                p.mul_(1 - 0.05 * rate).add_(delta, alpha=-rate * 0.2 * math.sqrt(max(p.shape)))
                p.grad = None
        self.rest.zero_grad(set_to_none=True)

    def tensors(self) -> dict[str, torch.Tensor]:
        """Return all state as named tensors (shared memory)."""
        out = {f"muon.{i}": m for i, m in enumerate(self.momentum)}
        for i, p in enumerate(self.rest.param_groups[0]["params"]):
            out |= {f"adam.{i}.{key}": value for key, value in self.rest.state.get(p, {}).items()}
        return out

    def restore(self, tensors: dict[str, torch.Tensor]) -> None:
        """Take the state back from what `tensors` gave."""
        for i, m in enumerate(self.momentum):
            m.copy_(tensors[f"muon.{i}"])
        for i, p in enumerate(self.rest.param_groups[0]["params"]):
            self.rest.state[p] = {k: tensors[f"adam.{i}.{k}"] for k in ("step", "exp_avg", "exp_avg_sq") if f"adam.{i}.{k}" in tensors}


def rate_at(progress: float, peak: float) -> float:
    """Return the learning rate: 1 % warm-up, flat, then linear to zero over the last 45 %."""
    return peak * min(progress / 0.01 + 0.01, 1.0, (1.0 - progress) / 0.45)


def save_checkpoint(work: Path, model: LlamaForCausalLM, optimizer: Muon, state: dict[str, float]) -> None:
    """Write model, optimizer and counters to the work folder (replaced as a whole)."""
    tensors = {f"model.{k}": v for k, v in model.named_parameters()} | optimizer.tensors()
    text = {key: str(value) for key, value in state.items()}
    save_file({k: v.detach().clone().contiguous() for k, v in tensors.items()}, work / "new.safetensors", metadata=text)
    (work / "state.json").write_text(json.dumps(state))
    (work / "new.safetensors").replace(work / "checkpoint.safetensors")


def load_checkpoint(work: Path, model: LlamaForCausalLM, optimizer: Muon) -> dict[str, float]:
    """Fill model and optimizer from the work folder; return the counters, all zero where there is none."""
    if not (work / "checkpoint.safetensors").exists():
        return {"seconds": 0.0, "cycle": 0.0, "tokens": 0, "steps": 0, "runs": 0}
    tensors = load_file(work / "checkpoint.safetensors")
    for name, p in model.named_parameters():
        p.data.copy_(tensors[f"model.{name}"])
    optimizer.restore(tensors)
    return dict(json.loads((work / "state.json").read_text()))


@torch.no_grad()
def quick_score(model: LlamaForCausalLM, tokenizer: Tokenizer, each: int = 3) -> float:
    """Return the share of right greedy answers over a few examples of every task (validation seeds, not the ones of the report)."""
    model.eval()
    right = total = 0
    for name, task in ALL_TASKS.items():
        for i in range(each):
            example = task.sample(Random(f"valid-{name}-{i}"))
            ids = torch.tensor([tokenizer.encode(example.prompt).ids])
            out = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=160, do_sample=False)[0, ids.shape[1] :].tolist()
            right += check(example, tokenizer.decode(out, skip_special_tokens=True))
            total += 1
    model.train()
    return right / total


def write_folder(out: Path, model: LlamaForCausalLM, tokenizer: Tokenizer) -> None:
    """Write weights (half precision), configs and tokenizer as `from_pretrained` reads them."""
    half = LlamaForCausalLM(model.config)
    half.load_state_dict(model.state_dict())
    half.generation_config.update(bos_token_id=0, eos_token_id=1, pad_token_id=2, max_new_tokens=200, do_sample=False)
    half.half().save_pretrained(out)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token=BOS, eos_token=EOS, pad_token=PAD, model_max_length=512, clean_up_tokenization_spaces=False
    )
    fast.chat_template = CHAT
    fast.save_pretrained(out)
    inline = out / "chat_template.jinja"
    if inline.exists():  # newer transformers put it beside; one file fewer, and older ones read it too
        config = json.loads((out / "tokenizer_config.json").read_text())
        (out / "tokenizer_config.json").write_text(json.dumps({**config, "chat_template": CHAT}, indent=2) + "\n")
        inline.unlink()


def train(args: argparse.Namespace) -> None:
    """Train for the given time, with a checkpoint and a line of the log every two minutes."""
    work: Path = args.work
    work.mkdir(parents=True, exist_ok=True)
    if not (work / "tokenizer.json").exists():
        train_tokenizer().save(str(work / "tokenizer.json"))
    tokenizer = Tokenizer.from_file(str(work / "tokenizer.json"))
    model, limit = new_model().train(), args.minutes * 60.0
    optimizer = Muon(model)
    state = load_checkpoint(work, model, optimizer)
    state["runs"] += 1
    if args.extend:
        state["cycle"] = 0.0
    losses: list[float] = []
    last = saved = time.time()
    for batch in batches(tokenizer, int(1000 + state["runs"])):
        loss = loss_of(model, batch)
        loss.backward()
        optimizer.step(rate_at(min(state["cycle"] / limit, 1.0), args.rate))
        losses.append(loss.item())
        now = time.time()
        state["seconds"] += now - last
        state["cycle"] += now - last
        last = now
        state["steps"] += 1
        state["tokens"] += int((batch[2] > 0).sum())
        if now - saved > 120 or state["cycle"] >= limit:
            save_checkpoint(work, model, optimizer, state)
            done, speed, mean = state["tokens"] / 1e6, state["tokens"] / state["seconds"], sum(losses) / len(losses)
            line = f"{time.strftime('%H:%M:%S')} step {state['steps']} {done:.2f}M tokens {speed:.0f}/s loss {mean:.4f}"
            if state["steps"] % 4 == 0 or state["cycle"] >= limit:
                line += f" right {quick_score(model, tokenizer, 1):.2f}"
            with (work / "log.txt").open("a") as log:
                log.write(line + "\n")
            losses, saved, last = [], time.time(), time.time()
        if state["cycle"] >= limit:
            break
    write_folder(args.out, model, tokenizer)


def main() -> None:
    """Read the options and train."""
    parser = argparse.ArgumentParser(description="Train the tiny model of structgen.")
    parser.add_argument("--work", type=Path, required=True, help="folder for tokenizer, checkpoint and log (outside the repository)")
    parser.add_argument(
        "--out", type=Path, default=Path(__file__).resolve().parent.parent / "structgen" / "tiny", help="folder for the finished model"
    )
    parser.add_argument("--minutes", type=float, default=60.0, help="training time in all runs of this cycle")
    parser.add_argument("--rate", type=float, default=3e-3, help="peak learning rate")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--extend", action="store_true", help="start a new cycle from the checkpoint")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    train(args)


if __name__ == "__main__":
    main()
