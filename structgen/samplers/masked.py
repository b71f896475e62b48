"""Masked decoding: at each step take, or draw, a token among those that the constraint allows.

Greedy at temperature 0. Otherwise the law of a step is the model's, divided by the temperature, restricted to the mask and renormalised;
so texts follow the *locally* projected law, which is not the model's law given the grammar. The mass that the masks cut is measured at
every step, exactly.

Rows that finish make room for waiting requests, so the model always sees as full a batch as it may.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from time import perf_counter

import numpy as np
import numpy.typing as npt

from structgen.constraint.fill import fill
from structgen.constraint.protocol import ENDED, Constraint
from structgen.errors import ModelError, OptionError
from structgen.kernels import logits as kernels
from structgen.models.protocol import CausalLM
from structgen.samplers import random
from structgen.samplers.options import Options
from structgen.samplers.protocol import Request, Sample, Step
from structgen.samplers.result import Trace


@dataclass(slots=True)
class _Row:
    """A request under way. `ids`: prompt and generated tokens."""

    number: int
    request: Request
    ids: list[int]
    state: int
    made: int = 0


@dataclass(slots=True)
class Seconds:
    """Where the time of a sampler went: the model's logits, the constraint's masks and moves, the choice of tokens."""

    model: float = 0.0
    constraint: float = 0.0
    choice: float = 0.0


class Masked:
    """Masked greedy decoding (temperature 0) and masked sampling. `seconds` adds up over all calls of one object."""

    def __init__(self) -> None:
        self.seconds = Seconds()

    def sample(self, model: CausalLM, requests: Sequence[Request], options: Options) -> Iterator[Sample]:
        """The samples of all requests, each when it is done."""
        open_: dict[int, list[Step]] = {}
        for step in self.steps(model, requests, options):
            open_.setdefault(step.request, []).append(step)
            if step.finish is not None:
                yield collect(open_.pop(step.request))

    def steps(self, model: CausalLM, requests: Sequence[Request], options: Options) -> Iterator[Step]:
        """The steps of all requests as they are taken, one for each open request in turn.

        Raises `ModelError` where the logits are narrower than the vocabulary, hold NaN or +inf, or are all -inf.
        """
        for request in requests:
            _check(model, request)
        seed = random.fresh_seed() if options.seed is None else options.seed
        waiting = deque(enumerate(requests))
        rows: list[_Row] = []
        while waiting or rows:
            while waiting and len(rows) < options.batch_size:
                number, request = waiting.popleft()
                rows.append(_Row(number, request, list(request.prompt), request.start))
            steps = self._round(model, rows, options, seed)
            rows = [row for row, step in zip(rows, steps, strict=True) if step.finish is None]
            yield from steps

    def _round(self, model: CausalLM, rows: Sequence[_Row], options: Options, seed: int) -> list[Step]:
        """One step of every row; the rows move on."""
        spent = self.seconds
        begun = perf_counter()
        logits = _logits(model, rows)
        read = perf_counter()
        masks = _masks(rows)
        masked = perf_counter()
        chosen = [_choose(row, scores, mask, options, seed) for row, scores, mask in zip(rows, logits, masks, strict=True)]
        drawn = perf_counter()
        steps = [_move(row, step, options, model.context) for row, step in zip(rows, chosen, strict=True)]
        spent.model += read - begun
        spent.constraint += masked - read + perf_counter() - drawn
        spent.choice += drawn - masked
        return steps


def _check(model: CausalLM, request: Request) -> None:
    vocabulary = request.constraint.vocabulary
    if vocabulary.size != model.vocabulary.size or vocabulary.texts != model.vocabulary.texts:  # stop ids are the constraint's own
        raise OptionError(
            "the automaton was compiled for another vocabulary than the model's",
            where="grammar",
            hint="compile it with model.vocabulary, or pass the grammar itself",
        )


def _logits(model: CausalLM, rows: Sequence[_Row]) -> npt.NDArray[np.float32]:
    """float32[B, at least the vocabulary's size]."""
    logits = model.logits([row.ids for row in rows])
    if logits.ndim != 2 or logits.shape[0] != len(rows) or logits.shape[1] < model.vocabulary.size:
        raise ModelError(
            f"the model gave logits of shape {tuple(logits.shape)} for {len(rows)} prefixes and a vocabulary of {model.vocabulary.size}",
            where="logits",
            hint="the shape is (prefixes, at least the size of the vocabulary)",
        )
    return np.ascontiguousarray(logits, np.float32)


def _masks(rows: Sequence[_Row]) -> npt.NDArray[np.uint32]:
    """uint32[B, words]."""
    out = np.empty((len(rows), rows[0].request.constraint.vocabulary.words), np.uint32)
    fill([row.request.constraint for row in rows], [row.state for row in rows], out)
    return out


def _choose(row: _Row, logits: npt.NDArray[np.float32], mask: npt.NDArray[np.uint32], options: Options, seed: int) -> Step:
    """The next token of a row, with its figures."""
    sums = np.empty(3, np.float64)
    code = kernels.measure(logits, mask, sums)
    prompt, sample = row.request.prompt_index, row.request.sample_index
    if code in (kernels.NOT_A_NUMBER, kernels.NOTHING_FINITE):
        what = "hold NaN or +inf" if code == kernels.NOT_A_NUMBER else "are all -inf"
        raise ModelError(f"the logits {what}", where=f"prompt {prompt}, token {row.made}", hint="check the model's weights and dtype")
    removed = float(np.exp(sums[2] - sums[0]))
    if code == kernels.NOTHING_ALLOWED:
        return Step(row.number, -1, 0.0, removed, 0.0, "dead_end")
    chance = np.zeros(1)
    if options.temperature == 0:
        token = int(kernels.best_token(logits, mask))
    else:
        u = random.uniform(seed, prompt, sample, row.made)
        token = kernels.draw_token(logits, mask, options.temperature, options.top_k, options.top_p, u, chance)
    return Step(row.number, token, float(logits[token]) - float(sums[0]), removed, float(chance[0]))


def _move(row: _Row, step: Step, options: Options, context: int | None) -> Step:
    """Move the row behind its token; the step, with `finish` where the row is done."""
    if step.finish is not None:
        return step
    constraint = row.request.constraint
    row.state = constraint.advance(row.state, step.token)
    if row.state == ENDED:  # stop ids that the grammar names need not end the text
        return replace(step, finish="stop", is_stop=True)
    row.ids.append(step.token)
    row.made += 1
    if row.made < options.max_tokens and (context is None or len(row.ids) <= context):
        return step
    return replace(step, finish="stop" if only_stops(constraint, row.state) else "length")


def only_stops(constraint: Constraint, state: int) -> bool:
    """Whether the text is complete and nothing but a stop token may follow."""
    if not constraint.accepts(state):
        return False
    row = constraint.mask(state).copy()
    for token in constraint.vocabulary.stop_ids:
        row[token >> 5] &= np.uint32(0xFFFFFFFF ^ (1 << (token & 31)))
    return not row.any()


def collect(steps: Sequence[Step]) -> Sample:
    """The sample that the steps of one request make."""
    taken = [step for step in steps if step.token >= 0]
    trace = Trace(
        np.array([step.token for step in taken], np.int32),
        np.array([step.logprob for step in taken], np.float64),
        np.array([step.removed for step in steps], np.float64),
        np.array([step.chance for step in taken], np.float64),
    )
    finish = steps[-1].finish
    return Sample(steps[-1].request, [step.token for step in taken if not step.is_stop], trace, finish or "length")
