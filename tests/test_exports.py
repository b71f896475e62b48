"""The public names: few, sorted, documented, and all there."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import pytest

import structgen


def test_the_list_is_sorted_short_and_the_lazy_table() -> None:
    assert structgen.__all__ == sorted(structgen.__all__)
    assert structgen.__all__ == sorted(structgen._WHERE)
    assert len(structgen.__all__) <= 30
    assert sorted([*structgen.__all__, "__version__"]) == dir(structgen)


@pytest.mark.parametrize("name", structgen.__all__)
def test_every_name_is_there_and_documented(name: str) -> None:
    value = getattr(structgen, name)
    assert inspect.getdoc(value)
    assert vars(structgen)[name] is value  # looked up once
    module = structgen._WHERE[name]
    assert name == "errors" or value.__module__ == module or inspect.getmodule(value) is not None


def test_type_checkers_see_the_same_names() -> None:
    tree = ast.parse(Path(structgen.__file__).read_text())
    block = next(node for node in tree.body if isinstance(node, ast.If))
    seen = {alias.asname or alias.name: node.module for node in ast.walk(block) if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert {**seen, "errors": "structgen.errors"} == structgen._WHERE


def test_unknown_names_are_attribute_errors() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        structgen.nothing  # noqa: B018
