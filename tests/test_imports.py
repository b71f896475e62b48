"""Imports run one way: errors, disk, collector, kernels, ir and vocab, frontends and automata, constraint, models, engines, api, ..."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "structgen"
FILES = sorted(PACKAGE.rglob("*.py"))

# What each part may import of ours; a part may always import itself. Parts not named here (`tiny`, `warmup`, `cli`) stand on top.
MAY = {
    "errors": set(),
    "disk": set(),
    "collector": set(),
    "kernels": {"disk"},
    "ir": {"errors", "disk"},
    "vocab": {"errors", "disk", "collector", "kernels"},
    "frontends": {"errors", "collector", "ir"},
    "automata": {"errors", "collector", "kernels", "ir", "vocab"},
}
MAY["constraint"] = MAY["automata"] | {"automata"}
MAY["models"] = MAY["samplers"] = MAY["constraint"] | {"constraint", "models"}
MAY["engines"] = MAY["samplers"] | {"samplers"}

# Packages that only some parts may use.
ONLY = {
    "torch": ("models", "engines", "tiny", "bench"),
    "transformers": ("models", "engines", "vocab", "tiny", "cli", "bench"),
    "lark": ("frontends/lark",),
    "jsonschema": ("bench",),
    "jsonschema_specifications": ("frontends/jsonschema",),
    "referencing": ("bench",),
    "matplotlib": ("bench/plots",),
    "plotly": ("bench/plots",),
    "numba": ("kernels",),
    "pickle": (),
    "interegular": (),
}


def imported(file: Path) -> set[str]:
    """Every module that a file imports, in functions too; not what only type checkers see."""
    found: set[str] = set()

    def visit(node: ast.AST) -> None:
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            return
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative import"
            found.add(node.module or "")
            found.update(f"{node.module}.{alias.name}" for alias in node.names if node.module == "structgen")
        for child in ast.iter_child_nodes(node):
            visit(child)

    visit(ast.parse(file.read_text()))
    return found


def part_of(file: Path) -> str:
    return file.relative_to(PACKAGE).parts[0].removesuffix(".py")


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(PACKAGE)))
def test_imports_run_one_way(file: Path) -> None:
    part, names = part_of(file), imported(file)
    if part in MAY:
        used = {name.split(".")[1] for name in names if name.startswith("structgen.")}
        assert used <= MAY[part] | {part}, f"{part} may not import {sorted(used - MAY[part] - {part})}"
    if part == "kernels":
        outside = {name.split(".")[0] for name in names} - set(sys.stdlib_module_names)
        assert outside <= {"numpy", "numba", "llvmlite", "structgen"}  # llvmlite: what numba writes its code with
    where = file.relative_to(PACKAGE).as_posix()
    for package, allowed in ONLY.items():
        if package in {name.split(".")[0] for name in names}:
            assert where.startswith(allowed), f"{package} does not belong here"


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("structgen", {"numpy", "numba", "torch", "transformers", "lark"}),
        ("structgen.api", {"torch", "transformers", "lark", "jsonschema", "jsonschema_specifications", "referencing"}),
        ("structgen.errors", {"numpy", "structgen.ir"}),
    ],
)
def test_heavy_packages_wait_until_they_are_needed(module: str, heavy: set[str]) -> None:
    code = f"import sys, {module}; print(*sys.modules)"
    loaded = set(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split())
    assert not loaded & heavy
