"""What language models are to the rest of the library; of a causal one: token prefixes in, logits out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from structgen.errors import PromptError
from structgen.vocab.vocabulary import Vocabulary

Logits = npt.NDArray[np.float32]
Message = Mapping[str, Any]
Prompt = str | Sequence[Message] | Sequence[int]
"""A text, chat messages [{"role": ..., "content": ...}], or token ids."""


@runtime_checkable
class LanguageModel(Protocol):
    """What every model has, whatever it predicts: a run needs no more, a sampler does."""

    @property
    def vocabulary(self) -> Vocabulary:
        """The tokens."""

    @property
    def context(self) -> int | None:
        """The longest prefix, in tokens, that the model can read; None where there is no bound."""

    def encode_prompt(self, prompt: Prompt) -> list[int]:
        """The token ids of a prompt. Raises `PromptError` where it cannot be used."""


@runtime_checkable
class CausalLM(LanguageModel, Protocol):
    """A model of the next token.

    It remembers what it likes behind `logits` (a KV cache), but the answer is a function of each prefix alone: neither the other rows of
    the batch nor earlier calls change it beyond rounding.
    """

    def logits(self, prefixes: Sequence[Sequence[int]]) -> Logits:
        """float32[B, at least vocabulary.size]: unnormalised log-probabilities of the token after each prefix."""


def prompt_kind(prompt: Any) -> str:
    """ "text", "messages" or "ids". Raises `PromptError` for anything else."""
    if isinstance(prompt, str):
        return "text"
    if hasattr(prompt, "tolist"):  # numpy arrays and torch tensors
        prompt = prompt.tolist()
    if isinstance(prompt, Sequence) and not isinstance(prompt, bytes | bytearray):
        if all(isinstance(item, Mapping) for item in prompt) and prompt:
            for k, item in enumerate(prompt):
                if "role" not in item or "content" not in item:
                    raise PromptError(f"message {k} has no role or no content: {item!r}", where=f"prompt, message {k}")
            return "messages"
        if all(isinstance(item, int | np.integer) and not isinstance(item, bool) for item in prompt):
            return "ids"
    raise PromptError(
        f"a {type(prompt).__name__} is not a prompt",
        where="prompt",
        hint='pass a text, messages [{"role": "user", "content": "..."}], or token ids',
    )


def checked_ids(prompt: Any, vocabulary: Vocabulary) -> list[int]:
    """Token ids as a list of int. Raises `PromptError` for one outside the vocabulary."""
    ids = [int(token) for token in (prompt.tolist() if hasattr(prompt, "tolist") else prompt)]
    for k, token in enumerate(ids):
        if not 0 <= token < vocabulary.size:
            raise PromptError(f"there is no token {token}", where=f"prompt, token {k}", hint=f"ids run from 0 to {vocabulary.size - 1}")
    return ids
