"""A transformers `LogitsProcessor`: `hf_model.generate(**inputs, logits_processor=[LogitsProcessor(grammar, tokenizer)])`.

The state of a row is a function of the tokens that were generated in it, and of nothing else. So beams may be permuted, finished rows
padded, drafts tried and taken back, and one processor object used for many calls of generate(), one after the other or interleaved.

transformers never says where a prompt ends; `_Run` finds out from the sequence of calls. This file is imported only when a processor is
made.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from threading import Lock
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from structgen.constraint.explain import dead_end
from structgen.constraint.fill import fill
from structgen.constraint.protocol import DEAD, ENDED, Constraint, Words, renewed
from structgen.engines.masking import apply_masks
from structgen.errors import ModelError, OptionError
from structgen.vocab.vocabulary import Vocabulary

try:
    import torch
    from transformers import LogitsProcessor as Base
except ImportError as problem:
    raise ModelError(
        f"LogitsProcessor needs torch and transformers: {problem}", where="model", hint='pip install "structgen[hf]"'
    ) from problem

Ids = npt.NDArray[np.int64]
Compile = Callable[[Any, Vocabulary], Constraint]

RUNS: Final = 4  # calls of generate() that may be interleaved (a draft model with its own tokens is one)


class LogitsProcessor(Base):  # type: ignore[misc]
    """Masks scores so that only texts of the grammar can be generated. Reusable; safe for batches, beams and assisted decoding.

    `grammar`: a grammar, an automaton, or a list of them, one for each prompt of the batch. `tokenizer`: the model's tokenizer or a
    `Vocabulary`; not needed with automata. `stop`: ids or spellings that end a text, where the stop ids of the tokenizer, or of an
    automaton, are not what stops the model. `prompt_length`: tokens before the generated part (default: found out from the calls).
    `width`: the width of the scores to be masked; scores of other widths (a draft model with another vocabulary) are then left alone.
    Without it, scores too narrow for the vocabulary raise `ModelError`.

    * A finished row keeps its stop tokens only. A row that no text of the grammar begins like (a draft that will be thrown away) keeps
      its scores.
    * A prompt that is an earlier prompt, its answer, and one more token that the grammar allows there (an answer cut short by
      max_new_tokens is such a prompt) goes on with that answer. `reset` and `prompt_length` leave nothing to guess.
    """

    supports_continuous_batching = False

    def __init__(
        self,
        grammar: Any,
        tokenizer: Any = None,
        *,
        compile: Compile | None = None,  # noqa: A002
        stop: Any = None,
        prompt_length: int | None = None,
        width: int | None = None,
    ) -> None:
        grammars = list(grammar) if isinstance(grammar, list | tuple) else [grammar]
        if not grammars:
            raise OptionError("there is no grammar", where="grammar", hint="pass one, or one for each prompt of the batch")
        self.constraints = _constraints(grammars, tokenizer, compile, stop)
        self.vocabulary = self.constraints[0].vocabulary
        self.prompt_length, self.width = prompt_length, width
        self._needed = _needed_width(self.vocabulary)
        self._stops = np.array(self.vocabulary.stop_ids, np.int64)
        self._runs: list[_Run] = []
        self._lock = Lock()

    def __reduce__(self) -> tuple[Any, tuple[()]]:
        return partial(LogitsProcessor, self.constraints, prompt_length=self.prompt_length, width=self.width), ()

    def reset(self) -> None:
        """Forget every prompt: the next call begins a new generation."""
        with self._lock:
            self._runs = []

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """Scores float[B, V] with -inf where the grammar forbids a token, after `input_ids` int64[B, L].

        Raises `ModelError` where nothing allowed has a score above -inf, `DeadEnd` where no token spells what must come next, and
        `OptionError` where the batch does not fit the list of grammars.
        """
        width = scores.shape[-1]
        if self.width is not None and width != self.width:
            return scores
        if width < self._needed:
            raise ModelError(
                f"the scores are {width} tokens wide and the vocabulary needs {self._needed}",
                where="scores",
                hint="is this the model's tokenizer? For a draft model with another vocabulary pass width=, the main model's width",
            )
        ids: Ids = input_ids.detach().cpu().numpy().astype(np.int64, copy=False)
        repeat, odd = divmod(len(ids), len(self.constraints))
        if odd or not repeat:
            raise OptionError(
                f"{len(ids)} rows cannot be shared among {len(self.constraints)} grammars", where="grammar", hint="pass one for each prompt"
            )
        with self._lock:
            run = self._run_of(ids, scores)
            states = [run.state(k // repeat, row[run.prompt_length :]) for k, row in enumerate(ids)]
            run.settle(ids, scores)
        return self._masked(scores, states, repeat, run.constraints)

    def _run_of(self, ids: Ids, scores: torch.Tensor) -> _Run:
        """The run that this call belongs to, moved to the front."""
        if self.prompt_length is not None:
            if ids.shape[1] < self.prompt_length:
                why = f"prompt_length is {self.prompt_length} and the rows have {ids.shape[1]} tokens"
                raise OptionError(why, where="prompt_length", hint="it counts padding too, as generate() sees it")
            run = self._runs[0] if self._runs else _Run(ids[:, : self.prompt_length], self._stops, self.constraints)
        else:
            found = (run for run in self._runs if run.continues(ids, scores))
            run = next(found, None) or _Run(ids, self._stops, self.constraints)
        self._runs = [run, *(other for other in self._runs if other is not run)][:RUNS]
        return run

    def _masked(self, scores: torch.Tensor, states: Sequence[int], repeat: int, constraints: Sequence[Constraint]) -> torch.Tensor:
        rows: Words = np.empty((len(states), self.vocabulary.words), np.uint32)
        fill([constraints[k // repeat] for k in range(len(states))], states, rows)
        out = scores.clone(memory_format=torch.contiguous_format)
        left = apply_masks(out, rows)
        for k, state in enumerate(states):
            if left[k]:
                continue
            if state not in (DEAD, ENDED):
                raise dead_end(constraints[k // repeat], state, f"row {k}") or ModelError(
                    f"row {k}: everything that the grammar allows has a score of -inf",
                    where="scores",
                    hint="another logits processor, or the model itself, forbids what the grammar needs",
                )
            out[k] = scores[k]
        return out


class _Run:
    """One call of generate(): its prompts, and the rows that it saw last.

    A call of L tokens a row belongs to the run if its rows begin with the run's prompts and
    * L is the prompts' length (also: the same prompts again), or
    * its scores share memory with the last call's: positions of one draft, verified together. This shows that the run is drafting, or
    * L is one more than before, each row extends one of the last call by a token that could be drawn there, and not all are finished, or
    * the run is drafting, L is at most one more than before, and the row, which the grammar allows, extends one that was seen, or
    * the last call was a probe (all scores equal: prompt lookup asks what may follow) of the same rows.
    """

    def __init__(self, ids: Ids, stops: npt.NDArray[np.int64], constraints: Sequence[Constraint]) -> None:
        self.constraints = [renewed(constraint) for constraint in constraints]  # each for as many rows; states are theirs
        self.prompt_length = ids.shape[1]
        self._prompts = {row.tobytes() for row in ids}
        self._stops = stops
        self._stop_set = frozenset(stops.tolist())
        self._length, self._count = ids.shape
        self._rows: set[int] = set()  # hashes of the rows of the last call
        self._seen: set[int] = set()  # and of all calls
        self._states: dict[tuple[int, bytes], int] = {}  # (grammar, generated part) of the last call -> state
        self._next: dict[tuple[int, bytes], int] = {}
        self._scores: torch.Tensor | None = None  # kept, so that its memory is not handed out again
        self._drafting = False
        self._probing = False  # drafts come from prompt lookup, not from a model
        self._verifying = False  # the last call shared its memory with the one before

    def continues(self, ids: Ids, scores: torch.Tensor) -> bool:
        """Whether the call belongs to this run."""
        length, start = ids.shape[1], self.prompt_length
        if self._scores is None or self._scores.shape[-1] != scores.shape[-1] or length < start:
            return False
        if any(row[:start].tobytes() not in self._prompts for row in ids):
            return False
        if length == start:
            self._drafting, self._probing, self._seen = False, False, set()
            return True
        if self._shares_memory(scores):
            self._drafting = True
            return True
        rows = {_hash(row) for row in ids}
        parents = {_hash(row[:-1]) for row in ids}
        if length == self._length + 1 and len(ids) == self._count and parents <= self._rows:
            return self._drawn(ids[:, start:])
        if self._drafting and len(ids) == 1 and length <= self._length + 1:
            if rows <= self._seen and not self._was_probe() and (self._verifying or self._probing):
                return False  # what follows a verified draft is new: had the draft had it, it would have gone on
            return parents <= self._seen and self.state(0, ids[0, start:]) not in (DEAD, ENDED)
        return length == self._length and rows <= self._rows and self._was_probe()

    def _shares_memory(self, scores: torch.Tensor) -> bool:
        """Whether these scores and the last call's are positions of one tensor."""
        return self._scores is not None and scores.untyped_storage().data_ptr() == self._scores.untyped_storage().data_ptr()

    def _was_probe(self) -> bool:
        """Whether the scores of the last call were all equal: no model's."""
        probe = self._scores is not None and bool((self._scores == self._scores.flatten()[0]).all())
        self._probing = self._probing or probe
        return probe

    def _drawn(self, generated: Ids) -> bool:
        """Whether the last token of each row could be drawn under the mask of its place, and not all rows are finished."""
        repeat = len(generated) // len(self.constraints)
        states = [self.state(k // repeat, row) for k, row in enumerate(generated)]
        parents = [self.state(k // repeat, row[:-1]) for k, row in enumerate(generated)]
        possible = all(state != DEAD or parent == DEAD for state, parent in zip(states, parents, strict=True))
        return possible and any(state != ENDED for state in states)

    def settle(self, ids: Ids, scores: torch.Tensor) -> None:
        """Remember this call."""
        self._verifying = self._shares_memory(scores)
        self._length, self._count, self._scores = ids.shape[1], len(ids), scores
        self._rows = {_hash(row) for row in ids}
        self._seen |= self._rows
        self._states, self._next = self._next, {}

    def state(self, group: int, generated: Ids) -> int:
        """The state behind the generated tokens of a row: `ENDED` behind a stop token, 0 where no text of the grammar begins so."""
        constraint, key = self.constraints[group], (group, generated.tobytes())
        state = self._states.get(key)
        if state is None:
            parent = self._states.get((group, generated[:-1].tobytes())) if len(generated) else None
            if parent is None:
                state, rest = constraint.start(), generated
            else:
                state, rest = parent, generated[-1:]
            for token in rest.tolist():
                if state == ENDED:
                    break
                state = _after(constraint, state, token, token in self._stop_set)
        self._next[key] = state
        return state


def _after(constraint: Constraint, state: int, token: int, stops: bool) -> int:
    """The state after a token. A stop token ends the text, but for one that the grammar names and that stands where no text may end."""
    if stops and (state == DEAD or constraint.accepts(state)):
        return ENDED
    after = constraint.advance(state, token)
    return ENDED if stops and after == DEAD else after


def _hash(row: Ids) -> int:
    """64 bits for a row of tokens."""
    return hash(row.tobytes())


def _constraints(grammars: list[Any], tokenizer: Any, compile_: Compile | None, stop: Any) -> list[Constraint]:
    """Automata as they are, the rest compiled; equal objects once."""
    vocabulary = tokenizer if isinstance(tokenizer, Vocabulary) else None
    done: dict[int, Constraint] = {}
    for grammar in grammars:
        if isinstance(grammar, Constraint):
            done[id(grammar)] = grammar
        elif id(grammar) not in done:
            if compile_ is None:
                raise OptionError(
                    f"a {type(grammar).__name__} is no automaton", where="grammar", hint="compile it, or use structgen.LogitsProcessor"
                )
            if tokenizer is None:
                raise OptionError("a grammar alone has no tokens", where="tokenizer", hint="pass the model's tokenizer")
            vocabulary = vocabulary or Vocabulary.from_tokenizer(tokenizer, stop=stop)
            done[id(grammar)] = compile_(grammar, vocabulary)
    if stop is not None:
        done = {key: constraint.with_stop(stop) for key, constraint in done.items()}
    constraints = [done[id(grammar)] for grammar in grammars]
    if any(c.vocabulary != constraints[0].vocabulary for c in constraints):
        raise OptionError("the automata were compiled for different vocabularies", where="grammar", hint="use one vocabulary for all rows")
    return constraints


def _needed_width(vocabulary: Vocabulary) -> int:
    """The highest id with text, or that ends a text, and one: what is beyond may be cut off."""
    top = max((i for i in range(vocabulary.size - 1, -1, -1) if vocabulary.tokens[i]), default=0)
    return max(top, *vocabulary.stop_ids) + 1
