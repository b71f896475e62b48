"""`Run`: prompts in, results out, over any sampler.

Not here: how a token is chosen (`masked`), how a grammar becomes a constraint (that is the caller's).
"""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar

import numpy as np

from structgen.constraint.explain import dead_end
from structgen.constraint.matcher import Matcher
from structgen.constraint.protocol import Constraint, Unconstrained, renewed
from structgen.errors import OptionError, PromptError
from structgen.ir.language import Closed, Path, Scanner
from structgen.models.protocol import LanguageModel, Prompt
from structgen.samplers import random
from structgen.samplers.masked import collect
from structgen.samplers.options import Options
from structgen.samplers.protocol import Request, Sample, Sampler, Step, StepSampler
from structgen.samplers.result import Result, mass_removed

Decode = Callable[[Sequence[int]], Any]
M = TypeVar("M", bound=LanguageModel)


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a stream.

    `text`: what came (never half a character), `tokens`: the ids behind it. Where a value closed: its `path` from the root and the
    `value`; a piece of text that closes several values is followed by parts without text, one for each. The last part has the `result`
    and nothing else.
    """

    text: str = ""
    tokens: tuple[int, ...] = ()
    path: Path | None = None
    value: Any = None
    result: Result | None = None


@dataclass(frozen=True)
class Run(Generic[M]):
    """How to generate: a model and a sampler for it, a constraint (None: free text), what turns the tokens of a finished text into a value,
    options, and what reads a text for the values within it while it is streamed."""

    model: M
    sampler: Sampler[M]
    constraint: Constraint | None = None
    decode: Decode | None = None
    options: Options = field(default_factory=Options)
    scanner: Callable[[], Scanner] | None = None

    def generate(self, prompt: Any) -> Any:
        """A `Result`; for a list of prompts a list of them; for n > 1 a list of n in place of each.

        Raises `PromptError` for a prompt that cannot be used, `ModelError` for logits that cannot, `OptionError` for an automaton of
        another vocabulary.
        """
        several = is_batch(prompt)
        prompts = list(prompt) if several else [prompt]
        seeded = self._seeded()
        requests = seeded._requests(prompts)
        results: list[Result | None] = [None] * len(requests)
        for sample in self.sampler.sample(self.model, requests, seeded.options):
            request = requests[sample.request]
            results[sample.request] = seeded._result(request, sample, prompts[request.prompt_index])
        n = self.options.n
        if n == 1:
            return results if several else results[0]
        groups = [results[k : k + n] for k in range(0, len(results), n)]
        return groups if several else groups[0]

    def stream(self, prompt: Any) -> Iterator[Part]:
        """Parts of one text as it is generated. Arguments are checked at once; tokens are drawn as the caller asks for parts."""
        if is_batch(prompt) or self.options.n != 1:
            where = "prompt" if self.options.n == 1 else "n"
            raise OptionError("a stream has one prompt and one sample", where=where, hint="use generate for several")
        if not isinstance(self.sampler, StepSampler):
            raise OptionError(f"{type(self.sampler).__name__} does not decide token by token", where="sampler", hint="use generate")
        seeded = self._seeded()
        request = seeded._requests([prompt])[0]
        return seeded._parts(request, self.sampler.steps(self.model, [request], seeded.options), prompt)

    def _seeded(self) -> Run[M]:
        """The same run with a seed of its own, where none was given."""
        if self.options.seed is not None:
            return self
        return replace(self, options=replace(self.options, seed=random.fresh_seed()))

    def _parts(self, request: Request, steps: Iterator[Step], prompt: Any) -> Iterator[Part]:
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        scanner = None if self.scanner is None else self.scanner()
        is_text = getattr(request.constraint, "text_of", self.model.vocabulary.bytes_of)
        strip = self._strips_space(request)
        seen: list[Step] = []
        waiting: list[int] = []  # tokens whose bytes are not yet a whole character
        for step in steps:
            seen.append(step)
            if step.is_stop or step.token < 0:
                continue
            waiting.append(step.token)
            text = decoder.decode(self.model.vocabulary.bytes_of(step.token))
            closed = scanner.feed(text) if scanner and is_text(step.token) else []
            if strip and text:
                text, strip = text.removeprefix(" "), False
            if text:
                yield from _with_values(text, tuple(waiting), closed)
                waiting = []
        result = self._result(request, collect(seen), prompt)
        rest = decoder.decode(b"", final=True)
        closed = scanner.feed(rest) if scanner else []
        if scanner and result.finished:
            closed += scanner.finish()
        if rest or waiting or closed:
            yield from _with_values(rest, tuple(waiting), closed)
        yield Part(result=result)

    def _requests(self, prompts: Sequence[Prompt]) -> list[Request]:
        """n requests a prompt. Raises `PromptError` for a prompt longer than the model reads."""
        constraint = self._constraint()
        requests: list[Request] = []
        for k, prompt in enumerate(prompts):
            ids = tuple(self.model.encode_prompt(prompt))
            if self.model.context is not None and len(ids) > self.model.context:
                why = f"the prompt has {len(ids)} tokens and the model reads {self.model.context}"
                raise PromptError(why, where=f"prompt {k}", hint="shorten the prompt")
            requests.extend(Request(ids, constraint, k, j) for j in range(self.options.n))
        return requests

    def _constraint(self) -> Constraint:
        """What the texts of one call are made under."""
        stop = self.options.stop
        constraint = Unconstrained(self.model.vocabulary) if self.constraint is None else renewed(self.constraint)
        return constraint.with_stop((*constraint.vocabulary.stop_ids, *stop)) if stop else constraint

    def _result(self, request: Request, sample: Sample, prompt: Any) -> Result:
        trace, text = sample.trace, self.model.vocabulary.decode(sample.tokens).decode("utf-8", "replace")
        logprob = float(trace.logprob.sum())
        if self._strips_space(request):
            text = text.removeprefix(" ")
        return Result(
            text=text,
            tokens=sample.tokens,
            logprob=logprob,
            mass_removed=mass_removed(trace.removed),
            log_weight=logprob - float(trace.chance.sum()) if sample.log_weight is None else sample.log_weight,
            finished=sample.finish == "stop",
            finish_reason=sample.finish,
            prompt=prompt,
            trace=trace,
            info=sample.info,
            seed=self.options.seed or 0,
            decode=self.decode,
            lenient=self.constraint is None,
            stuck=_stuck(request, sample) if sample.finish == "dead_end" else "",
        )

    def _strips_space(self, request: Request) -> bool:
        """Whether the first blank is only the tokenizer's mark of a beginning: in free text that follows no other text.

        A grammar's text is exactly what the grammar saw.
        """
        vocabulary = self.model.vocabulary
        return self.constraint is None and vocabulary.strips_leading_space and not vocabulary.decode(request.prompt)


def _stuck(request: Request, sample: Sample) -> str:
    """Why nothing could follow a sample."""
    matcher = Matcher(request.constraint, request.start)
    matcher.feed(sample.tokens)
    found = dead_end(request.constraint, matcher.state, "")
    return "the model gives no probability to any token that the grammar allows here" if found is None else f"{found.why}; {found.hint}"


def _with_values(text: str, tokens: tuple[int, ...], closed: Sequence[Closed]) -> Iterator[Part]:
    """The text with the first value that it closes, then the other values."""
    yield Part(text, tokens, *((closed[0].path, closed[0].value) if closed else (None, None)))
    for value in closed[1:]:
        yield Part(path=value.path, value=value.value)


def is_batch(prompt: Any) -> bool:
    """Whether `prompt` is a list of prompts: not a text, not messages, not token ids."""
    if isinstance(prompt, str | bytes | Mapping) or not isinstance(prompt, Sequence):
        return getattr(prompt, "ndim", 1) == 2  # an array of token ids, one row a prompt
    return len(prompt) == 0 or any(not isinstance(item, Mapping | int | np.integer) for item in prompt)
