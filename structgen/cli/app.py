"""The commands and their options. What a command does stands in the module of its name, imported when it runs."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from functools import wraps
from inspect import signature
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from structgen import __version__
from structgen.cli.inputs import GrammarOptions, SchemaOptions
from structgen.errors import StructgenError


class _Commands(TyperGroup):
    """Shows errors of the `StructgenError` tree as one paragraph, exit status 2; other exceptions keep their traceback."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except StructgenError as error:
            from structgen.cli.screen import BAD_INPUT, show_error

            show_error(error)
            raise typer.Exit(BAD_INPUT) from error


class Order(StrEnum):
    """How members stand."""

    SCHEMA = "schema"
    ANY = "any"


class Formats(StrEnum):
    """What the keyword `format` means."""

    ASSERT = "assert"
    ANNOTATION = "annotation"


app = typer.Typer(
    cls=_Commands,
    help="Constrained decoding of language models.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
bench = typer.Typer(cls=_Commands, help="Measure structgen beside its peers.", no_args_is_help=True)
app.add_typer(bench, name="bench")


def _schema_options(
    *,
    style: Annotated[str, typer.Option("--style", help="How JSON is spelled: default, compact, indent=N, any.")] = "default",
    order: Annotated[Order | None, typer.Option("--order", help="Of members: as the schema declares them, or any.")] = None,
    draft: Annotated[
        str | None, typer.Option("--draft", help="draft4, draft6, draft7, draft2019-09 or draft2020-12, for $schema's.")
    ] = None,
    formats: Annotated[Formats, typer.Option("--formats", help="Whether formats are checked.")] = Formats.ASSERT,
    relax: Annotated[bool, typer.Option("--relax", help="Allow more where a schema cannot be compiled exactly.")] = False,
    registry: Annotated[
        str | None, typer.Option("--registry", metavar="DIR|FILE", help="Schemas for references: a folder, or JSON from URIs to schemas.")
    ] = None,
) -> SchemaOptions:
    return SchemaOptions(style, None if order is None else order.value, draft, formats.value, relax, registry)


def _grammar_options(
    *,
    schema: Annotated[
        str | None, typer.Option("--schema", metavar="FILE|JSON", help="A JSON Schema: a file, JSON text, or - for standard input.")
    ] = None,
    regex: Annotated[
        str | None, typer.Option("--regex", metavar="PATTERN", help="A regular expression that the whole text matches.")
    ] = None,
    type_: Annotated[
        str | None, typer.Option("--type", metavar="MODULE:NAME", help="A Python type: pydantic model, dataclass, function, ...")
    ] = None,
    lark: Annotated[
        str | None, typer.Option("--lark", metavar="FILE", help="A Lark grammar: a file, or the name of one that comes with structgen.")
    ] = None,
    choice: Annotated[list[str] | None, typer.Option("--choice", metavar="TEXT", help="One of these texts; may be repeated.")] = None,
    options: SchemaOptions,
) -> GrammarOptions:
    return GrammarOptions(schema, regex, type_, lark, choice or (), options)


def _sharing(make: Callable[..., Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Gives a command the parameters of `make` in the place of its own parameter `options`, which is what `make` returns."""
    shared = signature(make, eval_str=True).parameters

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(command)
        def run(**given: Any) -> Any:
            options = make(**{name: given.pop(name) for name in shared})
            return command(options=options, **given)

        own = signature(command, eval_str=True)
        parts = [new for one in own.parameters.values() for new in (shared.values() if one.name == "options" else [one])]
        run.__signature__ = own.replace(parameters=parts)  # type: ignore[attr-defined]
        run.__annotations__ = {one.name: one.annotation for one in parts}
        return run

    return decorate


_grammar_and_schema_options = _sharing(_schema_options)(_grammar_options)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"structgen {__version__}")
        raise typer.Exit


@app.callback()
def _common(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Say the version and exit.")] = False,
) -> None:
    """Constrained decoding of language models."""


@app.command()
def demo(
    *,
    prompts: Annotated[int, typer.Option("--prompts", min=1, help="How many held-out prompts the totals are made of.")] = 60,
    show: Annotated[int, typer.Option("--show", min=0, help="How many answers are shown.")] = 6,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Which prompts.")] = 0,
    temperature: Annotated[float, typer.Option("--temperature", min=0.0, help="0: the likeliest token.")] = 0.0,
) -> None:
    """The small model in the package: unconstrained beside constrained, with totals and times."""
    from structgen.cli import demo as command

    raise typer.Exit(command.demo(prompts, show=show, seed=seed, temperature=temperature))


@app.command()
@_sharing(_grammar_and_schema_options)
def generate(
    *,
    prompt: Annotated[str | None, typer.Option("--prompt", metavar="TEXT|-", help="The prompt; - or nothing reads standard input.")] = None,
    model: Annotated[str, typer.Option("--model", help='"tiny", a folder, or a hub id such as Qwen/Qwen3-0.6B.')] = "tiny",
    options: GrammarOptions,
    max_tokens: Annotated[int, typer.Option("--max-tokens", help="Most tokens of a text.")] = 256,
    temperature: Annotated[float, typer.Option("--temperature", help="0: the likeliest token.")] = 0.0,
    top_k: Annotated[int, typer.Option("--top-k", help="Keep the likeliest so many tokens; 0: all.")] = 0,
    top_p: Annotated[float, typer.Option("--top-p", help="Keep the likeliest tokens with so much mass.")] = 1.0,
    seed: Annotated[int | None, typer.Option("--seed", help="The same seed gives the same texts.")] = None,
    n: Annotated[int, typer.Option("--n", help="How many texts.")] = 1,
    stream: Annotated[bool, typer.Option("--stream", help="Print the text as it comes.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a text (with --stream also one a part).")] = False,
) -> None:
    """Generate text under a grammar (free text where none is given). Exit status 1 where a text is unfinished."""
    from structgen.cli import generate as command

    drawing = {"max_tokens": max_tokens, "temperature": temperature, "top_k": top_k, "top_p": top_p, "seed": seed, "n": n}
    raise typer.Exit(command.generate(model, options, prompt, stream=stream, as_json=as_json, **drawing))


@app.command()
@_sharing(_schema_options)
def check(
    *,
    schema: Annotated[str, typer.Argument(metavar="SCHEMA", help="A JSON Schema: a file, JSON text, or - for standard input.")],
    options: SchemaOptions,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Say what of a schema is compiled exactly. Exit status 1 where something is refused, 2 where the schema is malformed."""
    from structgen.cli import check as command

    raise typer.Exit(command.check(schema, options, as_json=as_json))


@app.command()
@_sharing(_grammar_and_schema_options)
def explain(
    *,
    text: Annotated[str, typer.Argument(metavar="TEXT|-", help="The text, or - for standard input.")],
    options: GrammarOptions,
) -> None:
    """Say what may come next in a text, or where and why it is refused. Exit status 0 where it is complete, else 1."""
    from structgen.cli import explain as command

    raise typer.Exit(command.explain(options, text))


@app.command()
@_sharing(_grammar_and_schema_options)
def examples(
    *,
    options: GrammarOptions,
    n: Annotated[int, typer.Option("--n", min=0, help="How many texts.")] = 10,
    seed: Annotated[int | None, typer.Option("--seed", help="The same seed gives the same texts.")] = None,
    max_length: Annotated[int | None, typer.Option("--max-length", min=0, help="Most characters of a text.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print each text as a JSON string.")] = False,
) -> None:
    """Print random texts of a grammar: test data."""
    from structgen.cli import examples as command

    raise typer.Exit(command.examples(options, n, seed=seed, max_length=max_length, as_json=as_json))


@app.command()
def warmup() -> None:
    """Compile the kernels now, so that nothing has to later (once on a machine, about half a minute)."""
    from structgen.cli import warm as command

    raise typer.Exit(command.warm_up())


@bench.command()
def masks(
    *,
    data: Annotated[str, typer.Option("--data", metavar="FILE", help='JSON lines {"id", "schema", "tests"}, plain, .xz or .gz.')],
    tokenizer: Annotated[str, typer.Option("--tokenizer", metavar="FILE", help="A tokenizer.json.")],
    engines: Annotated[
        str,
        typer.Option("--engines", help="With commas: structgen, llguidance, xgrammar, xgrammar-strict, outlines-core, lm-format-enforcer."),
    ] = "structgen",
    against: Annotated[str | None, typer.Option("--against", help="The engine that others are compared with, for llguidance.")] = None,
    python: Annotated[str | None, typer.Option("--python", metavar="FILE", help="The Python that peers run in, for this one.")] = None,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="Only so many schemas.")] = None,
    timeout: Annotated[float, typer.Option("--timeout", min=0.01, help="Seconds for one schema with its instances.")] = 30.0,
    passes: Annotated[
        int, typer.Option("--passes", min=1, help="From the second on, processes meet schemas that they have seen before.")
    ] = 1,
    keep: Annotated[
        bool, typer.Option("--keep/--recompile", help="Whether later passes use what the first compiled, or compile anew.")
    ] = True,
    jobs: Annotated[int, typer.Option("--jobs", min=1, help="Schemas at a time; more than one share the cores, and times suffer.")] = 1,
    interleave: Annotated[
        bool, typer.Option("--interleave/--one-by-one", help="A schema goes to all engines in turn, or one engine comes after the other.")
    ] = True,
    results: Annotated[
        str | None, typer.Option("--results", metavar="FILE", help="Keep outcomes as they come; the same command goes on from there.")
    ] = None,
    output: Annotated[str | None, typer.Option("--out", metavar="FILE", help="Write everything as JSON.")] = None,
    plots: Annotated[str | None, typer.Option("--plots", metavar="DIR", help="Write distributions: PNG, and index.html.")] = None,
) -> None:
    """Time and check token masks of several engines over schemas with instances, in one sitting."""
    from structgen.bench.masks import Plan
    from structgen.cli import masks as command

    plan = Plan(timeout, passes, keep, jobs, interleave, python)
    files = command.Files(data, tokenizer, results, output, plots)
    raise typer.Exit(command.bench_masks(files, engines, plan, against=against, limit=limit))


@bench.command()
def suite(
    *,
    suite: Annotated[str, typer.Option("--suite", metavar="PATH", help="The official JSON Schema Test Suite: its folder or tar archive.")],
    tokenizer: Annotated[str, typer.Option("--tokenizer", metavar="FILE", help="A tokenizer.json.")],
    engines: Annotated[
        str, typer.Option("--engines", help="With commas: structgen, llguidance, xgrammar, outlines-core, lm-format-enforcer.")
    ] = "structgen",
    python: Annotated[str | None, typer.Option("--python", metavar="FILE", help="The Python that peers run in, for this one.")] = None,
    drafts: Annotated[str, typer.Option("--drafts", help="With commas, or all.")] = "draft2020-12",
    optional: Annotated[bool, typer.Option("--optional/--no-optional", help="Whether the optional files are read.")] = True,
    timeout: Annotated[float, typer.Option("--timeout", min=0.01, help="Seconds for one schema with its instances.")] = 20.0,
    output: Annotated[str | None, typer.Option("--out", metavar="FILE", help="Write what does not pass as JSON.")] = None,
) -> None:
    """Verdicts of several engines on the official JSON Schema Test Suite, as a table in Markdown."""
    from structgen.bench.masks import Plan
    from structgen.cli import suite as command

    plan = Plan(timeout, python=python, interleave=False)
    raise typer.Exit(command.bench_suite(suite, tokenizer, engines, drafts, plan, optional=optional, output=output))


@bench.callback()
def _bench() -> None:
    """Measure structgen beside its peers."""
