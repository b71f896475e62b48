"""The grammars that come with structgen, by name: the folder `grammars/` of the project, installed inside the package.

Not here: reading them (`frontends/lark`).
"""

from __future__ import annotations

from pathlib import Path

from structgen.errors import OptionError

_PACKAGE = Path(__file__).resolve().parents[1]
_FOLDERS = (_PACKAGE / "grammars", _PACKAGE.parent / "grammars")  # installed, or a checkout


def grammar_names() -> list[str]:
    """The names of all grammars, sorted: "json", "python_expr", ..."""
    return sorted(_files())


def grammar_text(name: str) -> str:
    """The text of the grammar `name`, with or without ".lark". Raises OptionError if there is none of that name."""
    files = _files()
    found = files.get(name.removesuffix(".lark"))
    if found is None:
        raise OptionError(f"there is no grammar named {name!r}", where="name", hint=f"there are: {', '.join(sorted(files))}")
    return found.read_text(encoding="utf-8")


def _files() -> dict[str, Path]:
    for folder in _FOLDERS:
        if folder.is_dir():
            return {file.stem: file for file in folder.glob("*.lark")}
    return {}
