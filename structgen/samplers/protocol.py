"""What a sampler is: (model, requests, options) -> samples.

`Masked` is the first; rejection samplers, particles and searches take the same arguments, read the same few calls of a constraint, and
yield the same samples. A sampler that decides token by token also has `steps`, which is what streaming listens to. Which model a sampler
needs is its own affair (`Sampler[CausalLM]`, that of a masked or diffusion model): requests and results are the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar, runtime_checkable

from structgen.constraint.protocol import Constraint
from structgen.models.protocol import LanguageModel
from structgen.samplers.options import Options
from structgen.samplers.result import FinishReason, Trace

M_contra = TypeVar("M_contra", bound=LanguageModel, contravariant=True)


@dataclass(frozen=True, slots=True)
class Request:
    """One text to make: the prompt's ids, the constraint, and the two numbers that key its random stream.

    `state`: where in the constraint's texts generation begins, if not at their beginning: behind a text that the prompt has already, or
    where a text is owed (`TokenAutomaton.start`).
    """

    prompt: tuple[int, ...]
    constraint: Constraint
    prompt_index: int = 0
    sample_index: int = 0
    state: int | None = None

    @property
    def start(self) -> int:
        """The state to begin in."""
        return self.constraint.start() if self.state is None else self.state


@dataclass(frozen=True, slots=True)
class Step:
    """One token of one request. `finish` is set on the last step of a request; a dead end has token -1 and no numbers of its own."""

    request: int
    token: int
    logprob: float
    removed: float
    chance: float
    finish: FinishReason | None = None
    is_stop: bool = False


@dataclass(frozen=True, slots=True)
class Sample:
    """A finished request: `tokens` without the stop token, and the trace with it.

    `log_weight`: log of the importance weight, which may itself be an estimate (rejection sampling, particles); None where it is what the
    trace says: the chances of the steps are exact, and each was drawn once. `info`: what else the sampler has to say about this sample
    (an estimate of the evidence, how many tries it took), by names of its own.
    """

    request: int
    tokens: list[int]
    trace: Trace
    finish: FinishReason
    log_weight: float | None = None
    info: Mapping[str, Any] = field(default_factory=dict)


class Sampler(Protocol[M_contra]):
    """Draws texts. Yields each sample when it is done, in any order."""

    def sample(self, model: M_contra, requests: Sequence[Request], options: Options) -> Iterator[Sample]:
        """The samples of all requests."""


@runtime_checkable
class StepSampler(Protocol[M_contra]):
    """A sampler that decides token by token, for good."""

    def steps(self, model: M_contra, requests: Sequence[Request], options: Options) -> Iterator[Step]:
        """The steps of all requests, as they are taken."""
