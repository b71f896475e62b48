"""Options of a generation, checked when they are made."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field, fields, replace
from typing import Any

from structgen.errors import OptionError


@dataclass(frozen=True, slots=True)
class Options:
    """How to draw.

    * `max_tokens`: most tokens per sample, the stop token not counted.
    * `temperature`: 0 takes the likeliest allowed token; above 0 the logits are divided by it.
    * `top_k`, `top_p`: keep the k likeliest, then the smallest set with that much mass; both among the *allowed* tokens, renormalised. 0
      and 1.0: keep all.
    * `seed`: the same seed gives the same samples, whatever the batch size; None takes a fresh one.
    * `n`: samples per prompt. `batch_size`: most sequences that the model sees at once.
    * `stop`: further tokens, ids or spellings, that end a text where the grammar lets it end. They are never part of it.
    """

    max_tokens: int = 256
    temperature: float = 0.0
    top_k: int = 0
    top_p: float = 1.0
    seed: int | None = None
    n: int = 1
    batch_size: int = 32
    stop: tuple[int | str, ...] = field(default=())

    def __post_init__(self) -> None:
        for name, low in (("max_tokens", 1), ("n", 1), ("batch_size", 1), ("top_k", 0)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < low:
                raise OptionError(f"{name} is {value!r}, not a whole number of at least {low}", where=name)
        for name, low_, high in (("temperature", 0.0, math.inf), ("top_p", 0.0, 1.0)):
            value = getattr(self, name)
            good = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and low_ <= value <= high
            if not good:
                raise OptionError(f"{name} is {value!r}, not a number {'in 0..1' if high == 1 else 'of at least 0'}", where=name)
        if self.top_p == 0:
            raise OptionError("top_p is 0, which keeps no token", where="top_p", hint="for the likeliest token use temperature=0")
        if self.seed is not None and (isinstance(self.seed, bool) or not isinstance(self.seed, int) or self.seed < 0):
            raise OptionError(f"seed is {self.seed!r}, not a whole number of at least 0 (or None)", where="seed")
        if not all(
            isinstance(token, str) or (isinstance(token, int) and not isinstance(token, bool) and token >= 0) for token in self.stop
        ):
            raise OptionError(
                f"stop is {self.stop!r}, not a tuple of tokens", where="stop", hint='a token is an id or a spelling, such as "<|im_end|>"'
            )

    @classmethod
    def of(cls, options: Options | None = None, **changes: Any) -> Options:
        """`options` (or the defaults) with some changed. Unknown names raise `OptionError` with the known ones."""
        known = [f.name for f in fields(cls)]
        for name in changes:
            if name not in known:
                raise OptionError(f"there is no option {name!r}", where=name, hint=f"options are {', '.join(known)}")
        if "stop" in changes:
            stop = changes["stop"]
            changes["stop"] = (
                () if stop is None else (stop,) if isinstance(stop, str | bytes) or not isinstance(stop, Iterable) else tuple(stop)
            )
        return replace(options or cls(), **changes)
