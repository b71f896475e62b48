"""Any function is a model: `function(list of token lists) -> array (B, V)`. Tests use it, and so does whoever has a model that we do not
know."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from structgen.errors import ModelError, PromptError
from structgen.models.protocol import Logits, Prompt, checked_ids, prompt_kind
from structgen.vocab.vocabulary import Vocabulary


class FunctionModel:
    """A model made of a function and a vocabulary. `context` bounds the length of prefixes, in tokens (None: no bound)."""

    def __init__(self, function: Callable[[list[list[int]]], Any], vocabulary: Vocabulary, *, context: int | None = None) -> None:
        self.function, self.vocabulary, self.context = function, vocabulary, context

    def logits(self, prefixes: Sequence[Sequence[int]]) -> Logits:
        """float32[B, V], as the function gives them. Raises `ModelError` for another shape or type."""
        given = self.function([list(prefix) for prefix in prefixes])
        try:
            rows = np.asarray(given, np.float32)
        except (TypeError, ValueError) as error:
            raise ModelError(f"the function gave no array of numbers: {error}", where="logits") from error
        if rows.ndim != 2 or rows.shape[0] != len(prefixes) or rows.shape[1] < self.vocabulary.size:
            raise ModelError(
                f"the function gave an array of shape {rows.shape} for {len(prefixes)} prefixes and a vocabulary of {self.vocabulary.size}",
                where="logits",
                hint="one row for each prefix, one column for each token",
            )
        return rows

    def encode_prompt(self, prompt: Prompt) -> list[int]:
        """Ids as they stand; a text by the vocabulary's own tokenisation. Messages raise `PromptError`: there is no chat template."""
        kind = prompt_kind(prompt)
        if kind == "messages":
            raise PromptError("a model made of a function has no chat template", where="prompt", hint="pass a text or token ids")
        return self.vocabulary.encode(str(prompt)) if kind == "text" else checked_ids(prompt, self.vocabulary)
