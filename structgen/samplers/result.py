"""What a generation gives back: the text and its value, and how far the constraint bent the model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from structgen.errors import IncompleteOutput

FinishReason = Literal["stop", "length", "dead_end"]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Trace:
    """One entry a step, the stop token included. All arrays have length T.

    `tokens` int32; `logprob` of the token under the model alone (natural log, temperature 1); `removed`: the share of the model's
    probability that the mask cut at this step, 0..1; `chance`: log of the probability with which the sampler drew the token (0 for greedy
    choices).
    """

    tokens: npt.NDArray[np.int32]
    logprob: Floats
    removed: Floats
    chance: Floats


@dataclass(frozen=True)
class Result:
    """One generated text.

    * `text`: the exact text that the grammar saw, without the stop token. `tokens`: its ids, without the stop token.
    * `value`: what the grammar makes of the text (an instance of the type, parsed JSON); raises `IncompleteOutput` where the text is cut
      short.
    * `finished`: the text is complete. `finish_reason`: "stop" (a stop token was drawn, or nothing else could follow), "length"
      (`max_tokens` or the model's context was used up), "dead_end" (the model gives no probability to anything that may follow, or no token
      spells it: `stuck` says which).
    * `logprob`: of all tokens under the model alone, the stop token included. `mass_removed`: how much of the model the masks cut, 1 -
      prod(1 - removed per step), 0..1.
    * `log_weight`: log of the importance weight of this sample: of (probability under the model / probability under the sampler), or an
      unbiased estimate of that where the sampler gives one. `info`: what else the sampler says about the sample, by names of its own.
    """

    text: str
    tokens: list[int]
    logprob: float
    mass_removed: float
    log_weight: float
    finished: bool
    finish_reason: FinishReason
    prompt: Any
    trace: Trace = field(repr=False)
    info: Mapping[str, Any] = field(default_factory=dict, repr=False)
    seed: int = field(default=0, repr=False)
    decode: Callable[[Sequence[int]], Any] | None = field(default=None, repr=False)
    lenient: bool = field(default=False, repr=False)  # free text: a cut text is still a value
    stuck: str = field(default="", repr=False)  # why a dead end is one

    @cached_property
    def value(self) -> Any:
        """The value of the text. Raises `IncompleteOutput` where the text is not finished."""
        if not self.finished and not self.lenient:
            shown = self.text if len(self.text) <= 80 else "…" + self.text[-79:]
            reason = {"length": "raise max_tokens", "dead_end": self.stuck}.get(self.finish_reason)
            hint = f"{reason}; .text has what was generated" if reason else None
            raise IncompleteOutput(f"the text ends before the grammar does: {shown!r}", where=f"token {len(self.tokens)}", hint=hint)
        return self.text if self.decode is None else self.decode(self.tokens)


def mass_removed(removed: Floats) -> float:
    """1 - prod(1 - removed), without losing small masses."""
    with np.errstate(divide="ignore"):
        return abs(float(np.expm1(np.log1p(-np.minimum(removed, 1.0)).sum())))
