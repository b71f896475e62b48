"""Texts of binds, made for tests of what kernels read in them."""

from __future__ import annotations

import numpy as np

from structgen.kernels import tables as t
from structgen.kernels.intern import longer
from structgen.kernels.linking import jit


@jit
def text_from(M, data):
    """The text with these bytes, or -1: no room."""
    text = np.int64(t.EMPTY)
    for j in range(data.shape[0]):
        if text >= 0:
            text = longer(M, text, np.int64(data[j]))
    return text
