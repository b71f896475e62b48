"""A key of what a grammar was made from, the same in every process, for caches that many share.

Notation and options are written down with their types, piece by piece, and hashed. Grammars inside count by their own keys. The order of
members counts (it is part of what a schema says), and equal languages may well have different keys; different ones never have the same.

Not here: what is compiled and kept on disk (`ir.store`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, is_dataclass
from decimal import Decimal
from functools import partial
from hashlib import sha256
from typing import Any, Final

FORMAT: Final = 1
"""Raised whenever the same notation comes to mean other texts."""

_UNSAID: Final = frozenset({"budget"})  # options that do not matter for what is a text

_ATOMS: Final = (str, bytes, bool, int, float, Decimal, type(None))


def content_key(again: Callable[[], Any], key_of: Callable[[Any], str | None]) -> str | None:
    """The key of what a picklable function makes: itself and its arguments. None where one of them is no data.

    `key_of` gives the keys of grammars (None for other things, and for grammars without one).
    """
    digest = sha256(f"structgen {FORMAT}".encode())
    todo: list[Any] = [again]
    while todo:  # schemas may nest deeply
        one = todo.pop()
        key = None
        if isinstance(one, partial):
            given = {name: value for name, value in one.keywords.items() if name not in _UNSAID}
            parts, said = [*one.args, given], f"{one.func.__module__}.{one.func.__qualname__}"
        elif isinstance(one, dict):
            parts, said = [part for pair in one.items() for part in pair], ""
        elif isinstance(one, list | tuple):
            parts, said = [*one], ""
        elif isinstance(one, set | frozenset):  # their order is another one in each process
            parts, said = sorted(one, key=repr), ""
        elif isinstance(one, range):
            parts, said = [], str(one)
        elif type(one) in _ATOMS:
            parts, said = [], one.hex() if isinstance(one, bytes) else str(one)
        elif is_dataclass(one) and not isinstance(one, type):
            parts, said = [getattr(one, field.name) for field in fields(one)], type(one).__qualname__
        elif (key := key_of(one)) is not None:
            parts, said = [], key
        else:
            return None
        kind = "grammar" if key is not None else type(one).__name__
        written = said.encode("utf-8", "surrogatepass")
        digest.update(f"{kind} {len(parts)} {len(written)} ".encode() + written)
        todo += reversed(parts)
    return digest.hexdigest()
