"""structgen: constrained decoding of language models.

Grammars (JSON Schema, regexes, choices, context-free grammars, Python types) become token automata with exact masks; models generate
under them.

>>> import structgen as sg
>>> vocab = sg.Vocabulary.from_bytes([b"a", b"b", b"ab", b""], eos=3)
>>> automaton = sg.compile(sg.regex("(ab)+"), vocab)
>>> automaton.accepts(automaton.advance(automaton.start(), 2))
True
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from structgen.api import LogitsProcessor, choice, compile, json_schema, lark, load, python_type, regex, special, structured  # noqa: A004
    from structgen.automata.machine import Budget
    from structgen.constraint.automaton import TokenAutomaton
    from structgen.constraint.fill import fill
    from structgen.constraint.grammar import Grammar
    from structgen.constraint.matcher import Matcher
    from structgen.engines.masking import apply_masks
    from structgen.frontends.jsonschema.style import JsonStyle
    from structgen.ir.report import SupportReport
    from structgen.samplers.options import Options
    from structgen.samplers.result import Result
    from structgen.vocab.vocabulary import Vocabulary

__version__ = "0.1.0"

# Public names and where they live. They are imported when first used: `import structgen` takes milliseconds, numba and torch do not.
_WHERE = {
    "Budget": "structgen.automata.machine",
    "Grammar": "structgen.constraint.grammar",
    "JsonStyle": "structgen.frontends.jsonschema.style",
    "LogitsProcessor": "structgen.api",
    "Matcher": "structgen.constraint.matcher",
    "Options": "structgen.samplers.options",
    "Result": "structgen.samplers.result",
    "SupportReport": "structgen.ir.report",
    "TokenAutomaton": "structgen.constraint.automaton",
    "Vocabulary": "structgen.vocab.vocabulary",
    "apply_masks": "structgen.engines.masking",
    "choice": "structgen.api",
    "compile": "structgen.api",
    "errors": "structgen.errors",
    "fill": "structgen.constraint.fill",
    "json_schema": "structgen.api",
    "lark": "structgen.api",
    "load": "structgen.api",
    "python_type": "structgen.api",
    "regex": "structgen.api",
    "special": "structgen.api",
    "structured": "structgen.api",
}

__all__ = [
    "Budget",
    "Grammar",
    "JsonStyle",
    "LogitsProcessor",
    "Matcher",
    "Options",
    "Result",
    "SupportReport",
    "TokenAutomaton",
    "Vocabulary",
    "apply_masks",
    "choice",
    "compile",
    "errors",
    "fill",
    "json_schema",
    "lark",
    "load",
    "python_type",
    "regex",
    "special",
    "structured",
]


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module 'structgen' has no attribute {name!r}")
    module = import_module(_WHERE[name])
    value = module if name == "errors" else getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
