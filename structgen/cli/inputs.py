"""Grammars, schemas and prompts as they are named on a command line.

Everything wrong raises a `StructgenError` whose `where` is the option. Not here: options and commands (`app`).
"""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from structgen.errors import OptionError, Place, PromptError, StructgenError

if TYPE_CHECKING:
    from structgen.constraint.grammar import Grammar

NAMES = "--schema, --regex, --type, --lark or --choice"


@dataclass(frozen=True, slots=True)
class SchemaOptions:
    """The options of `json_schema`; `registry` names a folder or a file."""

    style: str = "default"
    order: str | None = None
    draft: str | None = None
    formats: str = "assert"
    relax: bool = False
    registry: str | None = None

    def grammar(self, text: str) -> Grammar:
        """The grammar of a schema. Raises what making it raises, and `OptionError`."""
        from structgen import api

        given: dict[str, Any] = asdict(self) | {"registry": None if self.registry is None else registry_at(self.registry)}
        return api.json_schema(text, **given)


@dataclass(frozen=True, slots=True)
class GrammarOptions:
    """The options that name a grammar; None and () where they were not given."""

    schema: str | None = None
    regex: str | None = None
    type: str | None = None
    lark: str | None = None
    choice: Sequence[str] = ()
    of_schema: SchemaOptions = SchemaOptions()

    @property
    def given(self) -> list[str]:
        """The names of those that were given."""
        return [name for name in ("schema", "regex", "type", "lark", "choice") if getattr(self, name) not in (None, (), [])]

    def grammar(self) -> Grammar:
        """The one grammar that is named. Raises `OptionError` for none or several, and what making it raises."""
        from structgen import api

        given = self.given
        if not given:
            raise OptionError("no grammar is given", where="grammar", hint=f"pass one of {NAMES}")
        if len(given) > 1:
            names = " and ".join(f"--{name}" for name in given)
            raise OptionError(f"{names} are two grammars", where="grammar", hint=f"pass one of {NAMES}; --choice may be repeated")
        if self.schema is not None:
            with in_file(self.schema):
                return self.of_schema.grammar(schema_text(self.schema))
        self._check_lone(given[0])
        if self.regex is not None:
            return api.regex(self.regex)
        if self.type is not None:
            return api.python_type(python_object(self.type), style=self.of_schema.style)
        if self.lark is not None:
            with in_file(self.lark):
                return api.lark(lark_text(self.lark))
        return api.choice(self.choice)

    def _check_lone(self, kind: str) -> None:
        """Options of schemas mean nothing beside other grammars (but the style, beside a type)."""
        default = SchemaOptions()
        for one in fields(SchemaOptions):
            said = getattr(self.of_schema, one.name) != getattr(default, one.name)
            if said and not (kind == "type" and one.name == "style"):
                raise OptionError(f"--{one.name} says nothing about --{kind}", where=f"--{one.name}", hint="it goes with --schema")


@contextmanager
def in_file(name: str) -> Iterator[None]:
    """Enters the name of the file into errors that have a place in its text."""
    try:
        yield
    except StructgenError as error:
        if isinstance(error.where, Place) and name != "-" and Path(name).is_file():
            raise type(error)(error.why, where=replace(error.where, file=name), hint=error.hint) from None
        raise


def registry_at(given: str) -> dict[str, Any]:
    """The schemas that references lead to: the .json files of a folder by their paths in it, or a JSON object from URIs to schemas.

    Raises `OptionError`.
    """
    where = Path(given)
    if where.is_dir():
        found = {file.relative_to(where).as_posix(): _json_at(str(file)) for file in sorted(where.rglob("*.json"))}
    else:
        found = _json_at(given)
    odd = next((name for name, one in found.items() if not isinstance(one, dict | bool)), None) if isinstance(found, dict) else given
    if odd is not None:
        hint = "a folder of schemas, or a file with a JSON object from URIs to schemas"
        raise OptionError(f"there is no schema at {odd!r}", where="--registry", hint=hint)
    return found


def _json_at(name: str) -> Any:
    try:
        return json.loads(file_text(name, "--registry", "a folder of schemas, or a JSON object from URIs to schemas"), parse_float=Decimal)
    except json.JSONDecodeError as error:
        why = f"{name!r} is not JSON: {error.msg} at line {error.lineno}, column {error.colno}"
        raise OptionError(why, where="--registry") from None


def schema_text(given: str) -> str:
    """The JSON text of a schema: `given` itself where it looks like JSON, else the file of that name, "-" standard input."""
    if given.lstrip()[:1] in ("{", "[", '"') or given.strip() in ("true", "false", "null"):
        return given
    return file_text(given, "--schema", "a file, JSON text, or - for standard input")


def lark_text(given: str) -> str:
    """A Lark grammar: the file of that name, "-" standard input, or one of the grammars that come with structgen."""
    from structgen.frontends.library import grammar_names, grammar_text

    if given != "-" and not Path(given).exists() and given.removesuffix(".lark") in grammar_names():
        return grammar_text(given)
    return file_text(given, "--lark", f"a file, - for standard input, or one of {', '.join(grammar_names())}")


def file_text(name: str, option: str, hint: str) -> str:
    """The text of a file, or of standard input for "-". Raises `OptionError` where it cannot be read."""
    if name == "-":
        return standard_input(option)
    try:
        return Path(name).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise OptionError(f"{name!r} is no UTF-8 text: byte {error.start} cannot be read", where=option, hint=hint) from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise OptionError(f"{name!r} cannot be read: {reason}", where=option, hint=hint) from error


def standard_input(option: str) -> str:
    """All of standard input. Raises `OptionError` where it is no text."""
    try:
        return sys.stdin.read()
    except UnicodeDecodeError as error:
        raise OptionError("standard input is no text", where=option, hint="UTF-8 is expected") from error


def python_object(name: str) -> Any:
    """What `module:Name` names; modules of the current folder are found too. Raises `OptionError` where there is no such thing.

    Whatever the module itself raises is passed on.
    """
    module_name, colon, attribute = name.partition(":")
    hint = "module:Name, for example mypackage.models:Person"
    if not colon or not attribute or not all(part.isidentifier() for part in module_name.split(".")):
        raise OptionError(f"{name!r} names no type", where="--type", hint=hint)
    if "" not in sys.path and str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    try:
        found: Any = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not (module_name + ".").startswith(error.name + "."):
            raise  # the module exists and misses another
        raise OptionError(f"there is no module {error.name!r}", where="--type", hint=hint) from error
    for part in attribute.split("."):
        if not hasattr(found, part):
            raise OptionError(f"{module_name} has no {part!r}", where="--type", hint=hint)
        found = getattr(found, part)
    return found


def prompt_text(given: str | None) -> str:
    """The prompt: as given, or standard input for "-" and where nothing is given and input is piped. One last line break is dropped.

    Raises `PromptError` where there is none.
    """
    if given is not None and given != "-":
        return given
    if given is None and sys.stdin.isatty():
        raise PromptError("no prompt is given", where="--prompt", hint="pass --prompt TEXT, or pipe the prompt in")
    text = standard_input("--prompt").removesuffix("\n").removesuffix("\r")
    if not text:
        raise PromptError("the prompt is empty", where="--prompt", hint="pass --prompt TEXT, or pipe the prompt in")
    return text
