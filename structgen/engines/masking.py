"""Masks applied to logits, in place: numpy arrays, and torch tensors on any device.

On the host a kernel goes through both once; what is allowed is looked at only until something is found there that is not -inf. Elsewhere
the packed rows cross to the device, and torch unpacks them.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from structgen.constraint.protocol import Words
from structgen.errors import OptionError
from structgen.kernels.batch import forbid, on_all_cores

_MINUS_INFINITY: Final = {"float32": 0xFF800000, "float16": 0xFC00, "bfloat16": 0xFF80}  # as unsigned integers


def apply(logits: Any, masks: Words) -> npt.NDArray[np.bool_]:
    """Set the logits [B, V] that `masks`, uint32[B, words], do not allow to -inf. Returns bool[B]: whether a row has others left.

    Columns that the masks do not reach are set, too. Raises OptionError where the shapes do not match, or for an array of something else.
    """
    kind = str(logits.dtype).removeprefix("torch.")
    if logits.ndim != 2 or masks.ndim != 2 or len(logits) != len(masks) or "float" not in kind:
        why = f"logits {kind}{list(logits.shape)} and masks {masks.dtype}{list(masks.shape)}"
        raise OptionError(why, where="logits", hint="pass floats [B, V] and uint32[B, words]")
    cells = _cells(logits, kind)
    if cells is None:
        return _on_device(logits, masks)
    alive = np.zeros(len(cells), np.bool_)
    value = int(_MINUS_INFINITY[kind])
    rows = np.ascontiguousarray(masks, np.uint32)
    on_all_cores(lambda first, end: forbid(cells, rows, value, alive, first, end), len(cells), cells.nbytes)
    return alive


def _cells(logits: Any, kind: str) -> Any:
    """The logits as unsigned integers that share their memory; None where that cannot be."""
    if kind not in _MINUS_INFINITY:
        return None
    unsigned = np.dtype(np.uint32 if kind == "float32" else np.uint16)
    if isinstance(logits, np.ndarray):
        return logits.view(unsigned) if logits.flags.c_contiguous and logits.flags.writeable else None
    import torch

    if logits.device.type != "cpu" or not logits.is_contiguous() or logits.requires_grad:
        return None
    return logits.view(torch.int32 if kind == "float32" else torch.int16).numpy().view(unsigned)


def _on_device(logits: Any, masks: Words) -> npt.NDArray[np.bool_]:
    """The same, by torch."""
    import torch

    if isinstance(logits, np.ndarray):
        return _on_device(torch.from_numpy(logits), masks)
    logits.masked_fill_(~allowed(masks, logits.shape[-1], logits.device), -torch.inf)
    alive: npt.NDArray[np.bool_] = (~torch.isneginf(logits).all(-1)).cpu().numpy()
    return alive


def allowed(rows: Words, width: int, device: Any) -> Any:
    """bool[B, width] of packed uint32[B, words] rows; columns beyond the rows are False."""
    import torch

    words = torch.from_numpy(np.ascontiguousarray(rows).view(np.int32)).to(device)
    bits = ((words[:, :, None] >> torch.arange(32, device=device, dtype=torch.int32)) & 1).flatten(1).bool()
    return torch.nn.functional.pad(bits, (0, max(0, width - bits.shape[1])))[:, :width]
