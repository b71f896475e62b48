"""The command line, `structgen`.

    app       the commands and their options
    inputs    grammars, prompts and schemas as they are named on a command line
    screen    consoles, progress bars, errors as paragraphs
    demo, generate, check, explain, masks, warm   one command each

Heavy packages are imported inside commands, so that `--help` is quick.
"""

from __future__ import annotations


def main() -> None:
    """Run the command line and exit."""
    from structgen.cli.app import app

    app()
