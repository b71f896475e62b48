"""The masks of a batch, each sequence with a grammar of its own.

    fill(constraints, states, out)          # row k of `out` becomes the mask of states[k]
    fill(constraints, states, out, rows)    # row rows[k] does

Rows that are not known are made first, one by one; then all are copied at once, on all cores and without the GIL.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from structgen.constraint.protocol import Constraint, whole
from structgen.constraint.rows import Line
from structgen.errors import OptionError
from structgen.kernels import JIT
from structgen.kernels.batch import copy_rows, on_all_cores

_FEW: Final = 8  # rows that numpy copies sooner than a kernel: one in 18 us instead of 40
_KINDS: Final = ("torch.uint32", "torch.int32")  # tensors that are written to; others need not have a form that numpy knows

Ints = npt.NDArray[np.int32] | npt.NDArray[np.int64]


def fill(constraints: Sequence[Constraint], states: Sequence[int] | Ints, out: Any, rows: Sequence[int] | None = None) -> None:
    """Write the mask of `states[k]` of `constraints[k]` into row k of `out`, or into row `rows[k]`.

    `out`: uint32 or int32 [rows, words], a numpy array or a torch tensor in the host's memory; without `rows` it has as many rows as there
    are states. Raises OptionError for another one, or where the numbers do not match.
    """
    count = len(states)
    if len(constraints) != count or (rows is not None and len(rows) != count):
        found = f"{count} states, {len(constraints)} constraints" + ("" if rows is None else f" and {len(rows)} rows")
        raise OptionError(found, where="states", hint="one of each for every sequence")
    if not count:
        return
    held = _lines(constraints, states)  # nobody writes them again now
    target = _writable(out, None if rows is not None else count, {line.words.size for line in held})
    places = np.arange(count) if rows is None else np.asarray(rows)
    if places.dtype.kind not in "iu" or not 0 <= places.min() <= places.max() < len(target):
        found = f"rows {places.min()} to {places.max()} of {len(target)}"
        raise OptionError(found, where="rows", hint="numbers of rows of out, which are whole, and count from 0")
    places = places.astype(np.int64, copy=False)
    if not JIT or count <= _FEW:
        for at, line in zip(places, held, strict=True):
            target[at] = line.words
        return
    sources, nbytes = np.array([line.into for line in held], np.int64), 4 * target.shape[1]
    targets = target.ctypes.data + target.strides[0] * places
    on_all_cores(lambda first, end: copy_rows(sources, targets, nbytes, first, end), count, nbytes * count)


def _lines(constraints: Sequence[Any], states: Sequence[int] | Ints) -> list[Line]:
    """The rows of states, from constraints that keep them (`TokenAutomaton`) and from others."""
    if all(hasattr(kind, "line") for kind in set(map(type, constraints))):
        return [
            ((row := one.rows.get(state)) and row.line) or one.line(whole(state, "state"))
            for one, state in zip(constraints, states, strict=True)
        ]
    rows = [np.ascontiguousarray(one.mask(state), np.uint32) for one, state in zip(constraints, states, strict=True)]
    return [Line(row, row.ctypes.data) for row in rows]


def _writable(out: Any, count: int | None, widths: set[int]) -> npt.NDArray[np.uint32]:
    """`out` as numpy sees it."""
    array = out
    if not isinstance(out, np.ndarray) and str(getattr(out, "dtype", "")) in _KINDS and getattr(out.device, "type", "") == "cpu":
        array = out.numpy()
    fits = (
        isinstance(array, np.ndarray)
        and array.dtype in (np.uint32, np.int32)
        and array.ndim == 2
        and (count is None or len(array) == count)
        and {array.shape[1]} == widths
        and (array.strides[1] == array.itemsize or array.shape[1] == 1)
        and array.flags.writeable
    )
    if not fits:
        found = f"{out.dtype}{list(out.shape)}" if hasattr(out, "dtype") and hasattr(out, "shape") else type(out).__name__
        wanted = f"uint32[{'rows' if count is None else count}, {' or '.join(map(str, sorted(widths)))}]"
        raise OptionError(f"out is {found}", where="out", hint=f"pass {wanted}, in the host's memory, rows without gaps")
    seen: npt.NDArray[np.uint32] = array.view(np.uint32)
    return seen
