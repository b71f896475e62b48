"""Random numbers by counter: what is drawn depends on (seed, prompt, sample, step) and on nothing else.

So results do not change with the batch size, with the order of rows, or with what other rows do. Philox is keyed by (seed, prompt and
sample); its counter holds the step and the purpose, so that a sampler may have several independent streams.
"""

from __future__ import annotations

import secrets
from typing import Final

import numpy as np

WORD: Final = (1 << 64) - 1


def fresh_seed() -> int:
    """A seed from the operating system, for calls that ask for none."""
    return secrets.randbits(63)


def stream(seed: int, prompt: int, sample: int, step: int, purpose: int = 0) -> np.random.Generator:
    """The generator of one step of one sample. `purpose` separates the uses that a sampler has for numbers at the same step."""
    key = np.array([seed & WORD, (prompt << 32 | sample) & WORD], np.uint64)
    counter = np.array([0, step, purpose, 0], np.uint64)
    return np.random.Generator(np.random.Philox(counter=counter, key=key))


def uniform(seed: int, prompt: int, sample: int, step: int) -> float:
    """One number in [0, 1) for the draw of a token."""
    return float(stream(seed, prompt, sample, step).random())
