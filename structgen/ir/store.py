"""Automata that took long to make are kept on disk for later processes.

A file is found by what its automaton was made from: the function, its arguments, the text of all code that may have a say in it, and the
version of Unicode. So it is never out of date, and nothing has to be thrown away by hand.

Not here: where the files lie (`disk`).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from time import perf_counter
from typing import Final, ParamSpec

import numpy as np

from structgen.disk import Store, code_digest
from structgen.ir.chars import Alphabet
from structgen.ir.regular import CharDFA

_Args = ParamSpec("_Args")

STORE: Final = Store("automata", 1 << 24)

SLOW: Final = 0.002
"""What takes more seconds to make is kept. Reading 500 states takes 0.3 ms."""


def kept(*code: str) -> Callable[[Callable[_Args, CharDFA]], Callable[_Args, CharDFA]]:
    """Keeps what a function makes, besides `code` (folders with Python files) and this one determined by its arguments alone, whose `repr`
    tells them apart."""

    def decorated(make: Callable[_Args, CharDFA]) -> Callable[_Args, CharDFA]:
        @wraps(make)
        def found_or_made(*args: _Args.args, **kwargs: _Args.kwargs) -> CharDFA:
            key = f"{_stamp(code)} {make.__module__}.{make.__qualname__} {args!r} {sorted(kwargs.items())!r}"
            data = STORE.get(key)
            if data is not None:
                return unpacked(data)
            begun = perf_counter()
            made = make(*args, **kwargs)
            if perf_counter() - begun > SLOW:
                STORE.put(key, packed(made))
            return made

        return found_or_made

    return decorated


def _stamp(code: tuple[str, ...]) -> str:
    return f"{unicodedata.unidata_version} {code_digest(str(Path(__file__).parent), *code)}"


def packed(dfa: CharDFA) -> bytes:
    """An automaton as bytes: the numbers of intervals, classes and states, and its arrays, all int32."""
    sizes = (len(dfa.alphabet.bounds), dfa.alphabet.size, len(dfa.rows))
    arrays = (dfa.bounds, dfa.classes, dfa.accepting, dfa.table.reshape(-1))
    return np.concatenate([np.array(sizes), *arrays], dtype="<i4", casting="unsafe").tobytes()


def unpacked(data: bytes) -> CharDFA:
    """The automaton that `packed` wrote."""
    numbers = np.frombuffer(data, "<i4").tolist()
    intervals, classes, states = numbers[:3]
    at, finals, rows = 3 + intervals, 3 + 2 * intervals, 3 + 2 * intervals + states
    alphabet = Alphabet(tuple(numbers[3:at]), tuple(numbers[at:finals]))
    return CharDFA(alphabet, zip(*[iter(numbers[rows:])] * classes, strict=True), map(bool, numbers[finals:rows]))
