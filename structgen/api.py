"""The public calls: notations to grammars, grammars to automata, models to results. Here the parts are wired together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from functools import partial
from typing import Any, Literal

from structgen.automata.machine import Budget
from structgen.constraint.automaton import TokenAutomaton
from structgen.constraint.grammar import Grammar
from structgen.constraint.protocol import Constraint, renewed
from structgen.errors import GrammarError, OptionError
from structgen.frontends import choice as _choice
from structgen.frontends import jsonschema as _jsonschema
from structgen.frontends import regex as _regex
from structgen.ir.expr import Alt, Expr, Lit, Special
from structgen.ir.language import Language, of_text
from structgen.vocab.vocabulary import Stop, Vocabulary

Style = str | _jsonschema.JsonStyle
Formats = Literal["assert", "annotation"] | Mapping[str, str | Grammar]


def regex(pattern: str, *, syntax: Literal["python", "ecma"] = "python", search: bool = False, budget: Budget | None = None) -> Grammar:
    """The texts that match `pattern` as a whole, or in which it is found (`search=True`).

    Raises RegexError (with the place), UnsupportedFeature (back-references, atomic groups), EmptyLanguage, BudgetExceeded.
    """
    again = partial(regex, pattern, syntax=syntax, search=search, budget=budget)
    return Grammar(_regex.regex(pattern, syntax=syntax, search=search), budget=budget, again=again)


def choice(options: Iterable[str | bytes], *, budget: Budget | None = None) -> Grammar:
    """One of `options`, of which there may be millions. Raises EmptyLanguage where there is none."""
    if isinstance(options, Iterable) and not isinstance(options, str | bytes | set | frozenset):
        options = tuple(options)
    return Grammar(_choice.choice(options), budget=budget, again=partial(choice, options, budget=budget))


def json_schema(
    schema: dict[str, Any] | bool | str,
    *,
    style: Style = "default",
    order: Literal["schema", "any"] | None = None,
    relax: bool = False,
    draft: str | None = None,
    registry: Any = None,
    formats: Formats = "assert",
    content: Literal["assert", "annotation"] | None = None,
    budget: Budget | None = None,
) -> Grammar:
    """The JSON texts whose value is valid under `schema`, spelled in `style`.

    schema: a dict, a bool, or JSON text.
    style: "default" (bounded whitespace and numbers), "compact", "indent=2", "any" (every legal spelling of the value), or a `JsonStyle`.
    order: of members: "schema" (as declared, then names that only `required` lists, then others) or "any". The default is "schema",
        and "any" in the style "any", where the order is part of the spelling.
    relax: compile what is not supported, or too large, to the nearest superset, and name it in `.report` (what is too large in the depth
        of a schema, as soon as a text gets there); otherwise it is refused.
    draft: overrides `$schema` ("draft4", "draft6", "draft7", "draft2019-09", "draft2020-12"; "7" and "2020-12" are understood too).
    registry: what remote references and custom metaschemas are looked up in: a dict from URIs to schemas, or a `referencing.Registry`.
        The metaschemas of the drafts are known; nothing is ever fetched.
    formats: "assert", "annotation", or a mapping, which asserts and adds formats of your own (or puts them in the place of built-in ones):
        {"sku": "[A-Z]{3}-[0-9]{4}"}, a regular expression of ECMA-262 that the whole string matches, or any Grammar of texts. One that
        is not regular must stand alone in its string.
    content: "assert" or "annotation" for contentEncoding and contentMediaType; the default is the draft's (7 asserts, later ones do not).

    Raises SchemaError, UnsupportedFeature (with every refused place), EmptyLanguage, BudgetExceeded.
    """
    if isinstance(formats, Mapping):
        formats = {name: Grammar(one) if isinstance(one, Language) else one for name, one in formats.items()}
    options: dict[str, Any] = {"style": style, "order": order, "relax": relax, "draft": draft, "formats": formats, "content": content}
    if isinstance(registry, dict):
        registry = deepcopy(registry)  # the caller's may change
    made = _jsonschema.json_schema(schema, registry=registry, **options)
    if registry is not None and not isinstance(registry, dict):
        registry = {uri: getattr(registry[uri], "contents", registry[uri]) for uri in registry}  # a referencing.Registry cannot be pickled
    again = partial(json_schema, made.notation, registry=registry, budget=budget, **options)
    return Grammar(made, budget=budget, again=again)


def special(*tokens: str | int | range, others: bool = False, spelled: bool = False, budget: Budget | None = None) -> Grammar:
    """One of these tokens of the model as itself: `sg.special("<|tool_call|>") + sg.json_schema(...)`. Plain text never passes for it.

    tokens: spellings of special or added tokens, ids, or ranges of ids (`range(100, 201)`).
    others: any token but these instead, and but those that end a text.
    spelled: the spelling, made of ordinary tokens, will do as well; for tokens that are given by their spelling.

    A token that a grammar names so is never text there: with `sg.regex("(?s:.*)") + sg.special("</think>")` it ends the text.
    Texts have no special tokens: `accepts` and `examples` of such a grammar know those without any, and the text of a result leaves them
    out; its tokens have them. Raises OptionError; compiling raises VocabularyError where the vocabulary lacks a token.
    """
    for one in tokens:
        good = one if isinstance(one, str) else isinstance(one, range) and one.step == 1 and 0 <= one.start < one.stop
        if not (good or (isinstance(one, int) and not isinstance(one, bool) and one >= 0)):
            raise OptionError(f"{one!r:.60} is no token", where="tokens", hint='tokens are "<|spelled|>", ids, or range(first, last + 1)')
    if not (tokens or others):
        raise OptionError("no token is given", where="tokens", hint="any token at all is sg.special(others=True)")
    token = Special(*tokens, others=others)
    start: Expr = token
    if spelled:
        spellings = [Lit(one.encode()) for one in tokens if isinstance(one, str)]
        if others or len(spellings) < len(tokens):
            raise OptionError("only tokens that are given by their spelling can be spelled", where="spelled")
        start = Alt((token, *spellings))
    again = partial(special, *tokens, others=others, spelled=spelled, budget=budget)
    return Grammar(Language(start, source=str(token), specials=(token,)), budget=budget, again=again)


def lark(text: str, *, start: str = "start", budget: Budget | None = None) -> Grammar:
    """The language of a Lark grammar, exactly: terminals are regular languages, ignored text may stand between them.

    Rules may name special tokens as `special` does: `<|tool_call|>`, `<[100]>`, `<[100-200,205]>`, `<[^100]>` (any other), `<[*]>`.

    Raises LarkError (with line, column and caret), UnsupportedFeature, EmptyLanguage, BudgetExceeded.
    """
    from structgen.frontends import lark as _lark

    return Grammar(_lark.lark(text, start=start), budget=budget, again=partial(lark, text, start=start, budget=budget))


def python_type(tp: Any, *, style: Style = "default", budget: Budget | None = None) -> Grammar:
    """The JSON texts of the instances of a Python type; results are decoded to instances. For a function: its arguments.

    Raises TypeUnsupported where a type has no JSON form.
    """
    from structgen.frontends.types import type_schema

    plan = type_schema(tp)
    made = _jsonschema.json_schema(plan.schema, style=style)
    made.decode = of_text(plan.decode)
    return Grammar(made, budget=budget, again=partial(python_type, tp, style=style, budget=budget))


def grammar_of(thing: Any) -> Grammar:
    """What `compile` and `generate` take: a Grammar, a schema (dict, bool), or a Python type or function."""
    if isinstance(thing, Grammar):
        return thing
    if isinstance(thing, Language):
        return Grammar(thing)
    if isinstance(thing, dict | bool):
        return json_schema(thing)
    if thing is None:
        hint = 'null alone is sg.json_schema({"type": "null"}), any JSON sg.json_schema({}), any text sg.regex("(?s:.*)")'
        raise GrammarError("None is no grammar", hint=hint)
    if isinstance(thing, str | bytes):
        raise GrammarError(
            f"a plain text is no grammar: {thing[:40]!r}",
            hint="say which notation it is in: sg.regex(p), sg.lark(text), sg.json_schema(text), sg.choice([text])",
        )
    if isinstance(thing, list | tuple | set):
        raise GrammarError(
            f"a {type(thing).__name__} is no grammar",
            hint="one of several texts is sg.choice([...]); one grammar serves all prompts of a call",
        )
    return python_type(thing)


def compile(grammar: Any, vocabulary: Vocabulary | Any, *, stop: Stop | None = None) -> TokenAutomaton:  # noqa: A001
    """The token automaton of a grammar, a schema dict or a Python type over a vocabulary (or a tokenizer).

    stop: the ids or spellings that end a text, where they are others than the vocabulary's; all tables are shared.

    Costs what the first mask needs; the rest unfolds as texts reach it. Raises whatever making the grammar raises.
    """
    if not isinstance(vocabulary, Vocabulary):
        vocabulary = Vocabulary.from_tokenizer(vocabulary, stop=stop)
    automaton = grammar_of(grammar).compile(vocabulary)
    return automaton if stop is None else automaton.with_stop(stop)


def constraint_of(grammar: Any, vocabulary: Vocabulary) -> Constraint:
    """An automaton as it is, anything else compiled: what models and processors are given."""
    return renewed(grammar) if isinstance(grammar, Constraint) else compile(grammar, vocabulary)


def load(spec: Any, **options: Any) -> Any:
    """The model that `spec` names, ready to generate: "tiny", a hub id, a folder, (transformers model, tokenizer), or (function,
    vocabulary).

    See `structgen.models.load.load` for the options. Raises ModelError.
    """
    from structgen.models.load import load as load_model
    from structgen.samplers.model import Model

    return Model(load_model(spec, **options), compile=constraint_of)


def LogitsProcessor(grammar: Any, tokenizer: Any = None, **options: Any) -> Any:  # noqa: N802
    """A transformers logits processor: `hf_model.generate(**inputs, logits_processor=[sg.LogitsProcessor(grammar, tokenizer)])`.

    `grammar`: a grammar, schema, Python type or automaton, or a list with one for each prompt of the batch. Reusable; safe for
    batches, beams and
    assisted decoding. See `structgen.engines.transformers.LogitsProcessor` for the options. Raises ModelError where transformers is
    not installed.
    """
    from structgen.engines import transformers

    return transformers.LogitsProcessor(grammar, tokenizer, compile=constraint_of, **options)


def structured(model: Any, **options: Any) -> Callable[[Callable[..., Any]], Any]:
    """A decorator: the model computes the function from its docstring (the prompt) and its return type (the grammar)."""
    from structgen.samplers.structured import structured as decorate

    return decorate(model, **options)
