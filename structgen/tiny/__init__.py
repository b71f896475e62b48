"""The small model that ships with the package: its folder, and (in `tasks`) the little tasks that it was trained on.

What it is not: a general language model. It knows the tasks of `tasks.py`, and it is here so that demos, tests and
measurements have a real tokenizer, real logits and real mistakes without a download. See MODEL_CARD.md in this folder.
"""

from __future__ import annotations

from pathlib import Path

__all__ = ["path"]


def path() -> Path:
    """Return the folder with config, weights and tokenizer, as `AutoModelForCausalLM.from_pretrained` wants it."""
    return Path(__file__).resolve().parent
