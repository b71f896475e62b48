"""`Model`: a causal language model together with the calls that users make.

How a grammar is compiled is injected (`compile`), so that this module knows constraints and nothing of notations.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from threading import Lock
from typing import Any, Final

from structgen.constraint.protocol import Constraint
from structgen.errors import OptionError
from structgen.models.protocol import CausalLM, Logits, Prompt
from structgen.samplers.masked import Masked
from structgen.samplers.options import Options
from structgen.samplers.protocol import Sampler
from structgen.samplers.run import Part, Run
from structgen.vocab.vocabulary import Vocabulary

Compile = Callable[[Any, Vocabulary], Constraint]

REMEMBERED: Final = 32  # compiled grammars kept by a model


class Model:
    """A model that generates under grammars: what `load` returns.

    `model` is the `CausalLM` inside; `compile(grammar, vocabulary)` gives the constraint of a grammar, a schema or a Python type.
    """

    def __init__(self, model: CausalLM, *, compile: Compile | None = None) -> None:  # noqa: A002
        self.model = model
        self._compile = compile
        self._known: OrderedDict[Any, tuple[Any, Constraint]] = OrderedDict()
        self._lock = Lock()

    @property
    def vocabulary(self) -> Vocabulary:
        """The tokens."""
        return self.model.vocabulary

    @property
    def context(self) -> int | None:
        """The longest prefix that the model reads, in tokens; None where there is no bound."""
        return self.model.context

    def logits(self, prefixes: Sequence[Sequence[int]]) -> Logits:
        """float32[B, at least vocabulary.size], the row after each prefix."""
        return self.model.logits(prefixes)

    def encode_prompt(self, prompt: Prompt) -> list[int]:
        """The token ids of a prompt."""
        return self.model.encode_prompt(prompt)

    def generate(
        self, prompt: Any, grammar: Any = None, *, options: Options | None = None, sampler: Sampler[CausalLM] | None = None, **changes: Any
    ) -> Any:
        """Generate under `grammar` (None: free text) and return a `Result`, or a list of them for a list of prompts or n > 1.

        `prompt`: a text, chat messages, token ids, or a list of these. `changes` are fields of `Options`: max_tokens, temperature, top_k,
        top_p, seed, n, batch_size, stop.

        Raises `PromptError`, `OptionError`, `ModelError`, and whatever compiling the grammar raises.
        """
        return self._run(grammar, Options.of(options, **changes), sampler).generate(prompt)

    def stream(
        self,
        prompt: Prompt,
        grammar: Any = None,
        *,
        options: Options | None = None,
        sampler: Sampler[CausalLM] | None = None,
        **changes: Any,
    ) -> Iterator[Part]:
        """Generate one text and yield it as it comes: pieces of text, values as they close, and the `Result` last."""
        return self._run(grammar, Options.of(options, **changes), sampler).stream(prompt)

    def automaton(self, grammar: Any) -> Constraint:
        """The constraint of a grammar over this model's vocabulary; an automaton is returned as it is. The last few are remembered."""
        if isinstance(grammar, Constraint):
            return grammar
        if self._compile is None:
            raise OptionError("this model has no compiler of grammars", where="grammar", hint="pass a compiled automaton")
        key = _key(grammar)
        with self._lock:
            if key in self._known:
                self._known.move_to_end(key)
                return self._known[key][1]
        constraint = self._compile(grammar, self.vocabulary)
        with self._lock:
            self._known[key] = (grammar, constraint)  # the grammar is kept, so that its id stays its own
            while len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        return constraint

    def _run(self, grammar: Any, options: Options, sampler: Sampler[CausalLM] | None) -> Run[CausalLM]:
        constraint = None if grammar is None else self.automaton(grammar)
        decode, scanner = getattr(constraint, "decode", None), getattr(constraint, "scanner", None)
        return Run(self.model, sampler or Masked(), constraint, decode, options, scanner)

    def __repr__(self) -> str:
        return f"<Model {self.model!r}>"


def _key(grammar: Any) -> Any:
    """What a grammar is remembered by: a schema's content, for it may change; anything else by identity."""
    if isinstance(grammar, dict | list):
        try:
            return json.dumps(grammar)
        except (TypeError, ValueError):
            return object()
    return id(grammar)
