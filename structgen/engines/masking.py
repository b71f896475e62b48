"""Masks applied to logits, in place: numpy arrays, and torch tensors on any device.

On the host a kernel goes through both once; what is allowed is looked at only until something is found there that is not -inf. Elsewhere
the packed rows cross to the device, an eighth of a byte a token, and torch unpacks them there: a byte of a row is looked up in a table of
eight truth values each, which are one 64-bit number to torch. So a row costs a byte a token beside the logits, not the four to eight of
shifting every bit into an integer of its own.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from structgen.constraint.protocol import Words
from structgen.errors import OptionError
from structgen.kernels.batch import forbid, on_all_cores

_MINUS_INFINITY: Final = {"float32": 0xFF800000, "float16": 0xFC00, "bfloat16": 0xFF80}  # as unsigned integers


def apply_masks(logits: Any, masks: Words) -> npt.NDArray[np.bool_]:
    """Set the logits [B, V] that `masks`, uint32[B, words], do not allow to -inf. Returns bool[B]: whether a row has others left.

    Columns that the masks do not reach are set, too. Raises OptionError where the shapes do not match, or for an array of something else.
    """
    kind = str(getattr(logits, "dtype", type(logits).__name__)).removeprefix("torch.")
    if "float" not in kind or not hasattr(logits, "ndim"):
        raise OptionError(f"logits are {kind}", where="logits", hint="pass a numpy array or a torch tensor of floats [B, V]")
    if not hasattr(masks, "ndim"):
        raise OptionError(f"masks are {type(masks).__name__}", where="masks", hint="pass uint32[B, words], as sg.fill writes them")
    if logits.ndim != 2 or masks.ndim != 2 or len(logits) != len(masks) or logits.shape[1] <= 32 * (masks.shape[1] - 1):
        why = f"logits {kind}{list(logits.shape)} and masks {masks.dtype}{list(masks.shape)}"
        raise OptionError(why, where="logits", hint="pass floats [B, V] and uint32[B, words], of no more words than V tokens need")
    _check_memory(logits)
    cells = _cells(logits, kind)
    if cells is None:
        return _on_device(logits, masks)
    alive = np.zeros(len(cells), np.bool_)
    value = int(_MINUS_INFINITY[kind])
    rows = np.ascontiguousarray(masks, np.uint32)
    on_all_cores(lambda first, end: forbid(cells, rows, value, alive, first, end), len(cells), cells.nbytes)
    return alive


def _check_memory(logits: Any) -> None:
    """Raises OptionError where logits cannot be changed in place."""
    if isinstance(logits, np.ndarray):
        if not logits.flags.writeable:
            raise OptionError("logits are read-only", where="logits", hint="pass a copy")
        shared = any(stride == 0 and size > 1 for stride, size in zip(logits.strides, logits.shape, strict=True))
    else:
        if logits.requires_grad and logits.is_leaf:
            raise OptionError("logits require gradients", where="logits", hint="pass logits.detach(), or call this under torch.no_grad()")
        shared = any(logits.stride(k) == 0 and logits.shape[k] > 1 for k in range(2))
    if shared:
        raise OptionError("rows of logits share their memory", where="logits", hint="pass a copy: each row has a mask of its own")


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
    taken = forbidden(masks, logits.device)[:, : logits.shape[-1]]
    logits[:, : taken.shape[1]].masked_fill_(taken, -torch.inf)
    logits[:, taken.shape[1] :].fill_(-torch.inf)
    alive: npt.NDArray[np.bool_] = (logits.amax(-1) != -torch.inf).cpu().numpy()
    return alive


def forbidden(rows: Words, device: Any) -> Any:
    """bool[B, 32 * words] of packed uint32[B, words] rows: whether a token is not allowed."""
    import torch

    packed = torch.from_numpy(np.ascontiguousarray(rows).view(np.uint8))
    if device.type == "cuda":
        packed = packed.pin_memory()  # else the host would wait until the rows have crossed
    return _eights(device)[packed.to(device, non_blocking=True).int()].view(torch.bool)


@lru_cache(maxsize=16)
def _eights(device: Any) -> Any:
    """int64[256]: for each byte whether its bits are not set, the lowest first, as truth values of a byte each."""
    import torch

    bits = np.unpackbits(~np.arange(256, dtype=np.uint8), bitorder="little")
    return torch.from_numpy(bits.view(np.int64)).to(device)
