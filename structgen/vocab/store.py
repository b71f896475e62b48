"""Headers and arrays on disk, for later processes: what takes long to make of a tokenizer.

A file is found by what it was made from and by the text of the code that made it, so it is never out of date.

    the sizes of what follows (int64), a header as JSON, then arrays

Not here: where the files lie, and that they are whole (`disk`).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from structgen.disk import Store, code_digest

Array = npt.NDArray[Any]

STORE: Final = Store("vocabularies", 128 << 20)
"""A tokenizer of 150,000 tokens takes 10 MB."""


def get(key: str, dtypes: Sequence[Any]) -> tuple[Any, list[Array]] | None:
    """What `put` was given; the arrays are read-only. None where it is not there."""
    data = STORE.get(_full(key))
    if data is None:
        return None
    count = 1 + len(dtypes)
    ends = (8 * count + np.cumsum(np.frombuffer(data, "<i8", count))).tolist()
    parts = [data[start:end] for start, end in pairwise(ends)]
    return json.loads(data[8 * count : ends[0]]), [np.frombuffer(part, dtype) for part, dtype in zip(parts, dtypes, strict=True)]


def put(key: str, header: Any, arrays: Sequence[Array]) -> None:
    """Keep a header and arrays."""
    parts = [json.dumps(header).encode(), *(array.tobytes() for array in arrays)]
    STORE.put(_full(key), b"".join([np.array([len(part) for part in parts], "<i8").tobytes(), *parts]))


def _full(key: str) -> str:
    return f"{code_digest(str(Path(__file__).parent))} {key}"
