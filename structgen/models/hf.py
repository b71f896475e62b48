"""Causal models of transformers behind `CausalLM`, with a key-value cache.

Two ways to the same numbers:
* cached (`slots`): for models that take `position_ids`, keep all keys (no state-space layers), and whose sliding windows, if any, are not
  yet full;
* whole: every prefix is read again, padded on the right. For all others, and for sliding windows beyond their width.

Not here: sampling, masks, files and names (`load`).
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from threading import Lock
from typing import Any, cast

import numpy as np
import torch
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer, DynamicSlidingWindowLayer

from structgen.errors import ModelError, PromptError
from structgen.models.protocol import Logits, Message, Prompt, checked_ids, prompt_kind
from structgen.models.slots import Slots
from structgen.vocab.vocabulary import Vocabulary


class HuggingFaceModel:
    """A transformers causal language model and its tokenizer.

    `tokenizer`: a transformers tokenizer, or a `Vocabulary` (then texts are encoded by it and there is no chat template). `chat`: read a
    plain text as one user message. `template`: further arguments of the chat template, such as {"enable_thinking": False}.
    """

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        *,
        stop: Any = None,
        chat: bool = False,
        template: Mapping[str, Any] | None = None,
    ) -> None:
        config = model.config.get_text_config(decoder=True)
        if getattr(model.config, "is_encoder_decoder", False):
            raise ModelError(
                f"{type(model).__name__} is an encoder-decoder model", where="model", hint="pass a causal (decoder-only) model"
            )
        self.model = model.eval()
        self.tokenizer = None if isinstance(tokenizer, Vocabulary) else tokenizer
        self.chat, self.template = chat, dict(template or {})
        self.context: int | None = _context(config)
        self.vocabulary = _vocabulary(model, tokenizer, stop)
        parameters = inspect.signature(model.forward).parameters
        self._keeps_some = "logits_to_keep" in parameters
        self._window = _window(config) if "position_ids" in parameters else 0
        self._slots: Slots | None = None
        self._lock = Lock()

    def logits(self, prefixes: Sequence[Sequence[int]]) -> Logits:
        """float32[B, V]. Equal prefixes are read once. Raises `ModelError` where the model fails, `PromptError` for an empty prefix."""
        if not prefixes:
            return np.zeros((0, self.vocabulary.size), np.float32)
        distinct: dict[tuple[int, ...], int] = {}
        index = [distinct.setdefault(tuple(prefix), len(distinct)) for prefix in prefixes]
        rows = list(distinct)
        if not all(rows):
            raise PromptError(
                "an empty prefix cannot be read", where="prompt", hint="begin with a token, such as the tokenizer's bos token"
            )
        with self._lock, torch.inference_mode():
            try:
                out = self._cached(rows) if self._fits(rows) else self._whole(rows)
            except (RuntimeError, IndexError) as error:  # out of memory, a bad device, an id outside the embedding
                self._slots = None
                raise ModelError(f"the model failed: {error}", where="logits", hint="a smaller batch_size needs less memory") from error
            except BaseException:
                self._slots = None  # interrupted half way: the cache may hold anything
                raise
            result: Logits = out.float().cpu().numpy()
        return result if len(rows) == len(prefixes) else result[index]

    def encode_prompt(self, prompt: Prompt) -> list[int]:
        """A text by the tokenizer, with its special tokens; messages by the chat template, ready for the answer; ids as they stand.

        An empty prompt becomes the begin-of-sequence token. Raises `PromptError` where there is none, or where there is no chat template.
        """
        kind = prompt_kind(prompt)
        if kind == "ids":
            ids = checked_ids(prompt, self.vocabulary)
        elif kind == "messages":
            ids = self._encode_messages([dict(message) for message in cast(Sequence[Message], prompt)])
        elif self.chat:
            ids = self._encode_messages([{"role": "user", "content": prompt}])
        else:
            ids = self._encode_text(str(prompt))
        if not ids:
            bos = getattr(self.tokenizer, "bos_token_id", None)
            if bos is None:
                raise PromptError(
                    "the prompt is empty and the tokenizer has no begin-of-sequence token", where="prompt", hint="pass some text"
                )
            ids = [int(bos)]
        return ids

    def reset(self) -> None:
        """Forget the cache and give its memory back."""
        with self._lock:
            self._slots = None

    def _encode_text(self, text: str) -> list[int]:
        if self.tokenizer is None:
            return self.vocabulary.encode(text)
        try:
            ids = [int(token) for token in self.tokenizer(text)["input_ids"]]
        except (UnicodeError, ValueError, TypeError) as error:
            raise PromptError(f"the tokenizer cannot read the prompt: {error}", where="prompt") from error
        eos = getattr(self.tokenizer, "eos_token_id", None)
        if len(ids) > 1 and ids[-1] == eos:  # some tokenizers end every text; a prompt goes on
            plain = self.tokenizer(text, add_special_tokens=False)["input_ids"]
            if not plain or plain[-1] != eos:
                ids.pop()
        return ids

    def _encode_messages(self, messages: list[dict[str, Any]]) -> list[int]:
        if self.tokenizer is None or not getattr(self.tokenizer, "chat_template", None):
            raise PromptError("the tokenizer has no chat template", where="prompt", hint="pass the prompt as one text")
        go_on = messages[-1]["role"] == "assistant"  # a begun answer is continued
        try:
            encoded = self.tokenizer.apply_chat_template(
                messages, add_generation_prompt=not go_on, continue_final_message=go_on, tokenize=True, return_dict=True, **self.template
            )
        except Exception as error:  # templates are programs of others and raise what they like
            raise PromptError(f"the chat template refuses the messages: {error}", where="prompt") from error
        return [int(token) for token in encoded["input_ids"]]

    def _fits(self, rows: Sequence[Sequence[int]]) -> bool:
        """Whether the cache may be used: no window has begun to slide."""
        if self._window is None or self._slots is None:
            return self._window is None or max(map(len, rows)) <= self._window
        new = max(len(row) - length for row, (_, length) in zip(rows, self._slots.share(rows), strict=True))
        if self._slots.live.shape[1] + new <= self._window:
            return True
        self._slots = None  # start anew without holes; if that does not fit either, read whole prefixes
        return max(map(len, rows)) <= self._window

    def _cached(self, rows: list[tuple[int, ...]]) -> torch.Tensor:
        """float[B, V] by feeding only what is new."""
        if self._slots is None:
            self._slots = Slots(DynamicCache())
        feed = self._slots.prepare(rows, self.model.device)
        keep, column = self._kept(feed.last)
        out = self.model(
            input_ids=feed.ids,
            attention_mask=feed.attention,
            position_ids=feed.positions,
            past_key_values=self._slots.cache,
            use_cache=True,
            **keep,
        )
        self._slots.commit(rows)
        logits: torch.Tensor = out.logits[torch.arange(len(rows), device=out.logits.device), column]
        return logits

    def _whole(self, rows: list[tuple[int, ...]]) -> torch.Tensor:
        """float[B, V] by reading every prefix from its beginning, padded on the right, where padding cannot reach."""
        length = np.array([len(row) for row in rows])
        ids = np.zeros((len(rows), int(length.max())), np.int64)
        for k, row in enumerate(rows):
            ids[k, : len(row)] = row
        device = self.model.device
        attention = torch.from_numpy((np.arange(ids.shape[1]) < length[:, None]).astype(np.int64)).to(device)
        keep, column = self._kept(torch.from_numpy(length - 1).to(device))
        out = self.model(input_ids=torch.from_numpy(ids).to(device), attention_mask=attention, use_cache=False, **keep)
        logits: torch.Tensor = out.logits[torch.arange(len(rows), device=out.logits.device), column]
        return logits

    def _kept(self, last: torch.Tensor) -> tuple[dict[str, Any], torch.Tensor]:
        """Arguments that spare the logits of columns that nobody reads, and where each row's column is then."""
        if not self._keeps_some:
            return {}, last
        columns, where = torch.unique(last, return_inverse=True)
        return {"logits_to_keep": columns}, where

    def __repr__(self) -> str:
        return f"<HuggingFaceModel {type(self.model).__name__} on {self.model.device}, {self.vocabulary!r}>"


def _context(config: Any) -> int | None:
    """The longest prefix in tokens, where the configuration names one."""
    for name in ("max_position_embeddings", "n_positions", "max_seq_len"):
        value = getattr(config, name, None)
        if isinstance(value, int) and value > 0:
            return value
    return None


def _window(config: Any) -> int | None:
    """How many slots the cached way may use: None without bound, 0 not at all, else the narrowest sliding window."""
    layers = DynamicCache(config=config).layers
    if any(type(layer) not in (DynamicLayer, DynamicSlidingWindowLayer) for layer in layers):
        return 0
    if not any(isinstance(layer, DynamicSlidingWindowLayer) for layer in layers):
        return None
    widths = [getattr(config, name, None) for name in ("sliding_window", "attention_chunk_size")]
    return min((width for width in widths if width), default=0)


def _vocabulary(model: Any, tokenizer: Any, stop: Any) -> Vocabulary:
    """The tokenizer's tokens in rows as wide as the model's logits, with every stop token that model and tokenizer name."""
    embedding = model.get_output_embeddings()
    width = int(embedding.weight.shape[0]) if embedding is not None else int(model.config.get_text_config(decoder=True).vocab_size)
    if isinstance(tokenizer, Vocabulary):
        return tokenizer.widened(width)
    if stop is None:
        stop = stop_ids(getattr(model, "generation_config", None), tokenizer, width)
    return Vocabulary.from_tokenizer(tokenizer, size=width, stop=stop or None)


def stop_ids(generation: Any, tokenizer: Any, width: int) -> list[int]:
    """The union of what the generation configuration (an id or a list) and the tokenizer call end of sequence."""
    found: list[int] = []
    for source in (generation, tokenizer):
        named = getattr(source, "eos_token_id", None)
        for token in named if isinstance(named, list | tuple) else [named]:
            if isinstance(token, int) and 0 <= token < width and token not in found:
                found.append(token)
    return found
