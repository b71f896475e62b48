"""`@structured(model)`: a function whose docstring is the prompt and whose return type is the grammar.

@structured(model, max_tokens=200)
def extract(text: str) -> Person:
    \"\"\"Extract the person described in: {text}\"\"\"

extract("Alice is 30")            # a Person
extract.result("Alice is 30")     # the whole Result
extract.prompt("Alice is 30")     # the text that the model reads
extract.automaton                 # the compiled type
"""

from __future__ import annotations

import functools
import inspect
import string
import sys
import typing
from collections.abc import Callable, Mapping
from typing import Any, Generic, ParamSpec, TypeVar

from structgen.constraint.protocol import Constraint
from structgen.errors import OptionError
from structgen.models.protocol import CausalLM
from structgen.samplers.model import Model
from structgen.samplers.options import Options
from structgen.samplers.protocol import Sampler
from structgen.samplers.result import Result

P = ParamSpec("P")
R = TypeVar("R")


class Structured(Generic[P, R]):
    """A function that the model computes. `returns` is its return type, `template` its docstring."""

    def __init__(
        self, function: Callable[P, R], model: Model, options: Options, names: Mapping[str, Any], sampler: Sampler[CausalLM] | None = None
    ) -> None:
        self.model, self.options, self.sampler = model, options, sampler
        self.signature = inspect.signature(function)
        self.template = _template(function, self.signature)
        self.returns: Any = _return_type(function, names)
        functools.update_wrapper(self, function)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """The typed value. Raises `IncompleteOutput` where the text is cut short."""
        value: R = self.result(*args, **kwargs).value
        return value

    def result(self, *args: P.args, **kwargs: P.kwargs) -> Result:
        """The whole result, for one sample."""
        result = self.model.generate(self.prompt(*args, **kwargs), self.returns, options=self.options, sampler=self.sampler)
        assert isinstance(result, Result)
        return result

    def prompt(self, *args: P.args, **kwargs: P.kwargs) -> str:
        """The docstring with the arguments in their places."""
        bound = self.signature.bind(*args, **kwargs)
        bound.apply_defaults()
        try:
            return self.template.format(**bound.arguments)
        except (LookupError, AttributeError, ValueError) as error:
            raise OptionError(f"the docstring cannot be filled in: {error}", where=self._name) from error

    @property
    def automaton(self) -> Constraint:
        """The compiled return type."""
        return self.model.automaton(self.returns)

    @property
    def _name(self) -> str:
        return str(getattr(self, "__qualname__", "the function"))


def structured(
    model: Model, *, options: Options | None = None, sampler: Sampler[CausalLM] | None = None, **changes: Any
) -> Callable[[Callable[P, R]], Structured[P, R]]:
    """A decorator that lets `model` compute a function from its docstring and return type. `changes` are fields of `Options`.

    Raises `OptionError` where the docstring or the return type is missing, or the docstring names something that is no parameter.
    """
    chosen = Options.of(options, **changes)
    if chosen.n != 1:
        raise OptionError("a structured function returns one value", where="n", hint="use model.generate for several samples")

    def decorate(function: Callable[P, R]) -> Structured[P, R]:
        names = sys._getframe(1).f_locals  # classes that are local to the caller may stand in the return annotation
        return Structured(function, model, chosen, names, sampler)

    return decorate


def _template(function: Callable[..., Any], signature: inspect.Signature) -> str:
    """The docstring, checked against the parameters."""
    name = function.__qualname__
    doc = inspect.getdoc(function)
    if not doc or not doc.strip():
        raise OptionError(
            "a structured function has no docstring", where=name, hint='write the prompt there: """Extract the person in: {text}"""'
        )
    try:
        fields = [field for _, field, _, _ in string.Formatter().parse(doc) if field is not None]
    except ValueError as error:
        raise OptionError(
            f"the docstring is no format string: {error}", where=name, hint="write {{ and }} for braces that are text"
        ) from error
    for field in fields:
        root = field.replace("[", ".").split(".")[0]
        if root not in signature.parameters:
            known = ", ".join(signature.parameters) or "none"
            raise OptionError(
                f"the docstring names {{{field}}}, which is no parameter",
                where=name,
                hint=f"parameters: {known}; write {{{{ and }}}} for braces that are text",
            )
    return doc


def _return_type(function: Callable[..., Any], names: Mapping[str, Any]) -> Any:
    """The return annotation, evaluated if it is a string."""
    name = function.__qualname__
    annotation = function.__annotations__.get("return")
    if annotation is None or annotation == "None":
        raise OptionError("a structured function has no return type", where=name, hint="write def f(text: str) -> Person")

    def only_return() -> None: ...

    only_return.__annotations__ = {"return": annotation}
    closure = inspect.getclosurevars(function).nonlocals
    try:
        hints = typing.get_type_hints(only_return, {**function.__globals__}, {**names, **closure}, include_extras=True)
    except (NameError, AttributeError, SyntaxError, TypeError) as error:
        raise OptionError(f"the return type {annotation!r} cannot be read: {error}", where=name) from error
    return hints["return"]
