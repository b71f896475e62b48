"""Forced tokens: the share of tokens that need no model call, for what the schema leaves no choice about, beside llguidance.

    python bench/forced_tokens.py --data SAMPLE.jsonl.xz --tokenizer TOKENIZER.json [--limit 500]

The first valid instance of every schema is walked in the tokens that the tokenizer itself cuts it into. At each place an engine says which
tokens must come (`forced`; llguidance: `compute_ff_tokens`). Those that the text has are saved; a place where it has others is counted as
wrong: had they been put there, the text would not be cut as the tokenizer cuts it. Shares are over the texts that both engines read, in
three styles: any spelling (nothing is forced where whitespace, escapes and the order of members are free), the default one (llguidance: any
whitespace), and compact JSON. llguidance stands beside where it is
installed.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from sample import cases, compiled, finish, parser, valid_text

import structgen as sg
from structgen.bench.figures import Figure
from structgen.errors import StructgenError

COMPACT: Final = {"whitespace_flexible": False, "item_separator": ",", "key_separator": ":"}


class Engine(Protocol):
    """One engine in the middle of a text."""

    def begin(self, schema: str, style: str) -> bool:
        """Go to the start of a text of a schema; False where that is refused."""

    def forced(self) -> list[int]:
        """The tokens that must come."""

    def commit(self, tokens: list[int]) -> bool:
        """Read tokens; False where they are not allowed."""


class Structgen:
    """This project."""

    def __init__(self, vocabulary: sg.Vocabulary) -> None:
        self._vocabulary = vocabulary

    def begin(self, schema: str, style: str) -> bool:
        """Compile."""
        try:
            self._matcher = sg.Matcher(compiled(schema, self._vocabulary, style))
        except StructgenError:
            return False
        return True

    def forced(self) -> list[int]:
        """The tokens that must come."""
        return self._matcher.forced()

    def commit(self, tokens: list[int]) -> bool:
        """Advance."""
        return self._matcher.accept_tokens(tokens)


class LLGuidance:
    """llguidance's matcher."""

    def __init__(self, tokenizer: str, vocabulary: sg.Vocabulary) -> None:
        import llguidance

        self._matcher = llguidance.LLMatcher
        self._tokenizer = llguidance.LLTokenizer(tokenizer, n_vocab=vocabulary.size, eos_token=list(vocabulary.stop_ids))

    def begin(self, schema: str, style: str) -> bool:
        """A matcher."""
        grammar = self._matcher.grammar_from_json_schema(schema, overrides=COMPACT if style == "compact" else None)
        self._now = self._matcher(self._tokenizer, grammar, log_level=0)
        return not self._now.is_error()

    def forced(self) -> list[int]:
        """The tokens to fast-forward over."""
        return list(self._now.compute_ff_tokens())

    def commit(self, tokens: list[int]) -> bool:
        """Consume."""
        return bool(self._now.consume_tokens(tokens))


@dataclass(slots=True)
class Count:
    """Tokens of texts, those of them that were `saved`, and places where an engine forced `wrong` ones."""

    tokens: int = 0
    saved: int = 0
    wrong: int = 0


def counted(engine: Engine, tokens: Sequence[int]) -> Count | None:
    """Walk a text from where the engine is; None where it cannot be read."""
    count, at = Count(len(tokens)), 0
    while at < len(tokens):
        told, rest = engine.forced(), list(tokens[at:])
        alike = next((k for k, (one, other) in enumerate(zip(told, rest, strict=False)) if one != other), min(len(told), len(rest)))
        count.saved += alike
        count.wrong += alike < len(told)
        step = rest[: max(1, alike)]
        if not engine.commit(step):
            return None
        at += len(step)
    return count


def shares(options: argparse.Namespace, engines: dict[str, Engine], vocabulary: sg.Vocabulary, style: str) -> list[Figure]:
    """Our share and our mistakes in a style, those of others beside."""
    totals, texts = {name: Count() for name in engines}, 0
    for case in cases(options):
        text = valid_text(case)
        if text is None:
            continue
        if style == "compact":
            text = json.dumps(json.loads(text), ensure_ascii=False, separators=(",", ":"))
        tokens = vocabulary.encode(text)
        found = {name: counted(engine, tokens) if engine.begin(case.schema, style) else None for name, engine in engines.items()}
        if all(found.values()):
            texts += 1
            for name, one in found.items():
                assert one is not None
                total = totals[name]
                total.tokens, total.saved, total.wrong = total.tokens + one.tokens, total.saved + one.saved, total.wrong + one.wrong
    ours = totals.pop("structgen")
    others = "; ".join(f"{name} {100 * one.saved / max(1, one.tokens):.1f} %, {one.wrong} wrong" for name, one in totals.items())
    what = f"style {style}: tokens of {texts} texts that are forced"
    return [
        Figure("forced tokens", what, 100 * ours.saved / max(1, ours.tokens), "%", beside=others),
        Figure("forced tokens", f"style {style}: places where the tokenizer cuts otherwise", ours.wrong, most=0),
    ]


def main() -> None:
    """Measure and print."""
    options = parser(__doc__).parse_args()
    vocabulary = sg.Vocabulary.from_tokenizer(options.tokenizer)
    engines: dict[str, Any] = {"structgen": Structgen(vocabulary)}
    try:
        engines["llguidance"] = LLGuidance(options.tokenizer, vocabulary)
    except ImportError:
        print("llguidance is not installed")
    finish([figure for style in ("any", "default", "compact") for figure in shares(options, engines, vocabulary, style)], options)


if __name__ == "__main__":
    main()
