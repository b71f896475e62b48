"""`structgen generate`: text of a model under a grammar."""

from __future__ import annotations

import json
import sys
from typing import Any

from structgen.cli.inputs import GrammarOptions, prompt_text
from structgen.cli.screen import KernelBar, busy, load_model, note, plain

FINISHED, UNFINISHED = 0, 1


def generate(name: str, options: GrammarOptions, prompt: str | None, *, stream: bool, as_json: bool, **drawing: Any) -> int:
    """Generate and print; the exit status: 0 where every text is complete. `drawing`: fields of `samplers.Options`."""
    from structgen.samplers.options import Options
    from structgen.warmup import warm

    checked = Options.of(**drawing)
    text = prompt_text(prompt)
    grammar = options.grammar() if options.given else None
    with KernelBar() as kernels:
        warm(kernels.update)
    model = load_model(name)
    if stream:
        return _stream(model.stream(text, grammar, options=checked), as_json=as_json)
    with busy("generating"):
        made = model.generate(text, grammar, options=checked)
    results = made if isinstance(made, list) else [made]
    for result in results:
        plain(json.dumps(row(result), ensure_ascii=False) if as_json else result.text)
    return _status(results)


def _stream(parts: Any, *, as_json: bool) -> int:
    """Print parts as they come: pieces of text, or one JSON object a line."""
    results = []
    for part in parts:
        if part.result is not None:
            results.append(part.result)
            if as_json:
                plain(json.dumps(row(part.result), ensure_ascii=False))
        elif as_json:
            closed = {} if part.path is None else {"path": list(part.path), "value": part.value}
            plain(json.dumps({"part": part.text, **closed}, ensure_ascii=False))
        elif part.text:
            sys.stdout.write(part.text)
            sys.stdout.flush()
    if not as_json:
        plain("")
    return _status(results)


def row(result: Any) -> dict[str, Any]:
    """A result as JSON values."""
    return {
        "text": result.text,
        "finished": result.finished,
        "finish_reason": result.finish_reason,
        "tokens": result.tokens,
        "logprob": result.logprob,
        "mass_removed": result.mass_removed,
        "seed": result.seed,
    }


def _status(results: list[Any]) -> int:
    unfinished = [result for result in results if not result.finished]
    for result in unfinished:
        why = "raise --max-tokens" if result.finish_reason == "length" else "the model gives nothing that is allowed any probability"
        note(f"unfinished after {len(result.tokens)} tokens: {why}")
    return UNFINISHED if unfinished else FINISHED
