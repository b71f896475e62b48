"""Engines behind one small interface, so that all are measured by the same loop.

An engine is made once from a tokenizer file. `compile(schema)` takes JSON text; `reset(compiled)` goes to the beginning of a text; then
`mask` computes the tokens that may come next, and `commit(token)` looks the token up in that mask and moves on. `ended` says whether the
text may end. Peers are imported only when they are made.

genlm-control is not among them: it judges token by token and has no masks (one by asking for all tokens takes it a minute).

Not here: time limits, processes, percentiles (`worker`, `process`, `summary`).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar, Final, Protocol

import numpy as np

from structgen.errors import StructgenError


class Engine(Protocol):
    """One engine over one vocabulary. `refusals`: the exceptions by which `compile` says that a schema is not supported."""

    refusals: tuple[type[Exception], ...]

    def compile(self, schema: str, **options: Any) -> Any:
        """What a schema (JSON text) comes to, for `reset`. Raises one of `refusals`.

        options: `draft`, `formats`, and `suite`, where the documents of remote references are (`bench.suite`). Peers take none of them.
        """

    def reset(self, compiled: Any) -> None:
        """Go to the beginning of a text."""

    def mask(self) -> None:
        """Compute the tokens that may come next."""

    def commit(self, token: int) -> bool:
        """Move behind a token of the last mask; False where that mask does not have it."""

    def ended(self) -> bool:
        """Whether the text may end here."""


class Structgen:
    """This project, through its public calls: every legal spelling of the values that a schema allows."""

    refusals: tuple[type[Exception], ...] = (StructgenError,)

    def __init__(self, tokenizer: str) -> None:
        from structgen import api
        from structgen.vocab.vocabulary import Vocabulary
        from structgen.warmup import warm

        warm()
        self._api = api
        self._vocabulary = Vocabulary.from_tokenizer(tokenizer)

    def compile(self, schema: str, **options: Any) -> Any:
        """Compile, with every legal spelling allowed."""
        if "suite" in options:
            from structgen.bench.suite import remotes

            options["registry"] = remotes(options.pop("suite"), options["draft"])
        return self._api.compile(self._api.json_schema(schema, style="any", **options), self._vocabulary)

    def reset(self, compiled: Any) -> None:
        """The start state."""
        self._automaton = compiled
        self._state = compiled.start()

    def mask(self) -> None:
        """The packed row."""
        self._row = self._automaton.mask(self._state)

    def commit(self, token: int) -> bool:
        """Look up and advance."""
        if not self._row[token >> 5] >> (token & 31) & 1:
            return False
        self._state = self._automaton.advance(self._state, token)
        return True

    def ended(self) -> bool:
        """An accepting state."""
        return bool(self._automaton.accepts(self._state))


class LLGuidance:
    """llguidance's matcher with its own default settings."""

    refusals: tuple[type[Exception], ...] = (ValueError,)

    def __init__(self, tokenizer: str) -> None:
        import llguidance
        import llguidance.numpy as rows

        from structgen.vocab.vocabulary import Vocabulary

        vocabulary = Vocabulary.from_tokenizer(tokenizer)
        self._matcher, self._rows = llguidance.LLMatcher, rows
        self._tokenizer = llguidance.LLTokenizer(tokenizer, n_vocab=vocabulary.size, eos_token=list(vocabulary.stop_ids))
        self._row = rows.allocate_token_bitmask(1, self._tokenizer.vocab_size)

    def compile(self, schema: str, **_: Any) -> Any:
        """A matcher for the schema; its errors are states of the matcher."""
        fresh = self._matcher(self._tokenizer, self._matcher.grammar_from_json_schema(schema), log_level=0)
        if fresh.is_error():
            raise ValueError(fresh.get_error())
        return fresh

    def reset(self, compiled: Any) -> None:
        """A copy of the fresh matcher, which shares its lexer."""
        self._now = compiled.deep_copy()

    def mask(self) -> None:
        """Fill the packed row."""
        self._rows.fill_next_token_bitmask(self._now, self._row, 0)

    def commit(self, token: int) -> bool:
        """Look up and consume."""
        return bool(self._row[0, token >> 5] >> (token & 31) & 1) and bool(self._now.consume_token(token))

    def ended(self) -> bool:
        """An accepting matcher."""
        return bool(self._now.is_accepting())


class XGrammar:
    """XGrammar's matcher with any whitespace; its cache is off: the loop keeps what it compiled where that is wanted."""

    refusals: tuple[type[Exception], ...] = (Exception,)
    _options: ClassVar[dict[str, Any]] = {"any_whitespace": True, "strict_mode": False}

    def __init__(self, tokenizer: str) -> None:
        import xgrammar

        from structgen.vocab.vocabulary import Vocabulary

        vocabulary = Vocabulary.from_tokenizer(tokenizer)
        self._package, self._stops = xgrammar, vocabulary.stop_ids
        info = xgrammar.TokenizerInfo(vocabulary.tokens, stop_token_ids=list(vocabulary.stop_ids))  # raw bytes; b"" is no text
        self._compiler = xgrammar.GrammarCompiler(info, max_threads=1, cache_enabled=False)
        self._tensor = xgrammar.allocate_token_bitmask(1, info.vocab_size)
        self._row = self._tensor.numpy().view(np.uint32)[0]  # shares the tensor's memory

    def compile(self, schema: str, **_: Any) -> Any:
        """Compile on one thread."""
        return self._compiler.compile_json_schema(schema, **self._options)

    def reset(self, compiled: Any) -> None:
        """A fresh matcher."""
        self._now = self._package.GrammarMatcher(compiled)

    def mask(self) -> None:
        """Fill the packed row."""
        self._now.fill_next_token_bitmask(self._tensor)

    def commit(self, token: int) -> bool:
        """The matcher looks up itself."""
        return bool(self._now.accept_token(token))

    def ended(self) -> bool:
        """A stop token may come."""
        self.mask()
        return any(bool(self._row[stop >> 5] >> (stop & 31) & 1) for stop in self._stops)


class StrictXGrammar(XGrammar):
    """XGrammar as it is by default: `strict_mode`, which closes objects and arrays that the schema leaves open."""

    _options: ClassVar[dict[str, Any]] = {}


class OutlinesCore:
    """outlines-core: the schema becomes a regular expression, and that an index over the whole vocabulary."""

    refusals: tuple[type[Exception], ...] = (Exception,)

    def __init__(self, tokenizer: str) -> None:
        import outlines_core
        from outlines_core.json_schema import build_regex_from_schema

        from structgen.vocab.vocabulary import Vocabulary

        vocabulary = Vocabulary.from_tokenizer(tokenizer)
        ids: dict[bytes, list[int]] = {}
        for token, data in enumerate(vocabulary.tokens):
            if data:
                ids.setdefault(data, []).append(token)
        self._package, self._regex, self._stop = outlines_core, build_regex_from_schema, vocabulary.stop_ids[0]
        self._vocabulary = outlines_core.Vocabulary(self._stop, ids)

    def compile(self, schema: str, **_: Any) -> Any:
        """The index of the regular expression."""
        return self._package.Index(self._regex(schema), self._vocabulary)

    def reset(self, compiled: Any) -> None:
        """A fresh guide."""
        self._now = self._package.Guide(compiled)

    def mask(self) -> None:
        """The list of allowed tokens."""
        self._allowed = self._now.get_tokens()

    def commit(self, token: int) -> bool:
        """Look up and advance."""
        if token not in self._allowed:
            return False
        self._now.advance(token)
        return True

    def ended(self) -> bool:
        """The stop token may come."""
        return bool(self._now.is_finished()) or self._stop in self._now.get_tokens()


class LMFormatEnforcer:
    """lm-format-enforcer: a parser over characters, and the tokens that it can read."""

    refusals: tuple[type[Exception], ...] = (Exception,)

    def __init__(self, tokenizer: str) -> None:
        import lmformatenforcer

        from structgen.vocab.vocabulary import Vocabulary

        vocabulary = Vocabulary.from_tokenizer(tokenizer)
        words = [(i, data.decode("utf-8", "replace"), data[:1] == b" ") for i, data in enumerate(vocabulary.tokens) if data]

        def decoded(tokens: list[int]) -> str:
            return vocabulary.decode(tokens).decode("utf-8", "replace").rstrip("\ufffd")

        self._package, self._stop = lmformatenforcer, vocabulary.stop_ids[0]
        self._data = lmformatenforcer.TokenEnforcerTokenizerData(words, decoded, self._stop, False, vocabulary.size)

    def compile(self, schema: str, **_: Any) -> Any:
        """A parser for the schema."""
        return self._package.TokenEnforcer(self._data, self._package.JsonSchemaParser(json.loads(schema)))

    def reset(self, compiled: Any) -> None:
        """No tokens."""
        self._enforcer = compiled
        self._tokens: list[int] = []

    def mask(self) -> None:
        """The list of allowed tokens."""
        self._allowed = self._enforcer.get_allowed_tokens(self._tokens).allowed_tokens

    def commit(self, token: int) -> bool:
        """Look up and append."""
        if token not in self._allowed:
            return False
        self._tokens = [*self._tokens, token]
        return True

    def ended(self) -> bool:
        """The stop token may come."""
        self.mask()
        return self._stop in self._allowed


_ENGINES: Final[dict[str, tuple[str, Callable[[str], Engine]]]] = {  # name -> (package, class)
    "structgen": ("structgen", Structgen),
    "llguidance": ("llguidance", LLGuidance),
    "xgrammar": ("xgrammar", XGrammar),
    "xgrammar-strict": ("xgrammar", StrictXGrammar),
    "outlines-core": ("outlines_core", OutlinesCore),
    "lm-format-enforcer": ("lmformatenforcer", LMFormatEnforcer),
}


ENGINE_NAMES: Final = tuple(_ENGINES)


def main() -> None:
    """Print the versions of the engines that are named on the command line, as JSON."""
    sys.stdout.write(json.dumps(versions(sys.argv[1:])))


def versions(names: Sequence[str]) -> dict[str, str | None]:
    """The versions of engines as this Python has them; None for one that is not installed."""
    return {name: None if find_spec(_ENGINES[name][0]) is None else _version(name) for name in names}


def _version(name: str) -> str:
    """ "" where a package says none. Ours goes with a digest of the source: between releases the number stays."""
    if name == "structgen":
        import structgen

        digest, root = sha256(), Path(structgen.__file__).parent
        for file in sorted(root.rglob("*.py")):
            if file.relative_to(root).parts[0] not in ("bench", "cli"):
                digest.update(file.read_bytes())
        return f"{structgen.__version__} ({digest.hexdigest()[:8]})"
    try:
        return version(name.removesuffix("-strict"))
    except PackageNotFoundError:
        return ""


def make_engine(name: str, tokenizer: str) -> Engine:
    """The engine of that name over a tokenizer file."""
    return _ENGINES[name][1](tokenizer)
