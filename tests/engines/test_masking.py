"""Masks applied to logits: numpy and torch, every width and kind of number, against a loop."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from structgen.engines import masking
from structgen.engines.masking import apply_masks, forbidden
from structgen.errors import OptionError
from structgen.kernels import batch

torch = pytest.importorskip("torch")

KINDS = [np.float32, np.float16, np.float64, torch.float32, torch.float16, torch.bfloat16, torch.float64]


def example(rng: np.random.Generator, rows: int, width: int, words: int) -> tuple[Any, Any]:
    """Logits, some of them -inf, and masks with full, empty and mixed words."""
    logits = rng.normal(size=(rows, width)).astype(np.float32)
    logits[rng.random((rows, width)) < 0.2] = -np.inf
    masks = rng.integers(0, 1 << 32, (rows, words)).astype(np.uint32)
    masks[rng.random((rows, words)) < 0.4] = 0
    masks[rng.random((rows, words)) < 0.2] = 0xFFFFFFFF
    masks[0] = 0
    return logits, masks


@pytest.mark.parametrize("kind", KINDS, ids=str)
@pytest.mark.parametrize(("width", "words"), [(1, 1), (31, 1), (33, 1), (64, 2), (70, 2), (70, 3), (1000, 32)])
def test_what_is_not_allowed_is_removed(kind: Any, width: int, words: int) -> None:
    rng = np.random.default_rng(width)
    logits, masks = example(rng, 6, width, words)
    given = torch.from_numpy(logits.copy()).to(kind) if isinstance(kind, torch.dtype) else logits.astype(kind)
    expected = np.array([[bool(t < 32 * words and mask[t >> 5] >> (t & 31) & 1) for t in range(width)] for mask in masks])
    before = given.clone() if isinstance(kind, torch.dtype) else torch.from_numpy(given.copy())
    alive = apply_masks(given, masks)
    after = given if isinstance(kind, torch.dtype) else torch.from_numpy(given)
    assert torch.equal(after, torch.where(torch.from_numpy(expected), before, -torch.inf))
    assert alive.tolist() == torch.isfinite(after).any(-1).tolist()
    reached = min(width, 32 * words)
    assert torch.equal(~forbidden(masks, torch.device("cpu"))[:, :reached], torch.from_numpy(expected)[:, :reached])


@pytest.mark.parametrize("kind", [torch.float32, torch.float16, torch.bfloat16], ids=str)
@pytest.mark.parametrize(("width", "words"), [(1, 1), (33, 1), (70, 3), (1000, 32)])
def test_the_way_of_devices_gives_the_same(kind: Any, width: int, words: int, monkeypatch: pytest.MonkeyPatch) -> None:
    logits, masks = example(np.random.default_rng(width), 6, width, words)
    logits[1, :] = np.nan
    here, there = (torch.from_numpy(logits.copy()).to(kind) for _ in range(2))
    alive = apply_masks(here, masks)
    monkeypatch.setattr(masking, "_cells", lambda *_: None)  # as for memory that the host cannot reach
    assert np.array_equal(apply_masks(there, masks), alive)
    assert torch.equal(here.isnan(), there.isnan())
    assert torch.equal(here.nan_to_num(nan=0.0), there.nan_to_num(nan=0.0))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16], ids=str)
def test_on_a_gpu_as_on_the_host(kind: Any) -> None:
    logits, masks = example(np.random.default_rng(3), 37, 5000, 157)
    here = torch.from_numpy(logits).to(kind)
    there = here.cuda()
    assert np.array_equal(apply_masks(here, masks), apply_masks(there, masks))
    assert torch.equal(here, there.cpu())


def test_views_are_masked_in_place() -> None:
    logits, masks = example(np.random.default_rng(1), 6, 64, 2)
    wide = torch.zeros(12, 64)
    wide[::2] = torch.from_numpy(logits)
    apply_masks(wide[::2], masks)
    apply_masks(logits, masks)
    assert torch.equal(wide[::2], torch.from_numpy(logits))
    assert not wide[1::2].any()


def test_many_rows_are_shared_among_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "_PART", 1 << 10)
    monkeypatch.setattr(batch, "_cores", lambda: 3)
    logits, masks = example(np.random.default_rng(2), 37, 500, 16)
    one_by_one = logits.copy()
    for k in range(len(logits)):
        apply_masks(one_by_one[k : k + 1], masks[k : k + 1])
    alive = apply_masks(logits, masks)
    assert np.array_equal(logits, one_by_one)
    assert alive.tolist() == np.isfinite(one_by_one).any(-1).tolist()


@pytest.mark.parametrize("logits", [np.zeros((2, 4), np.int32), np.zeros(4, np.float32), np.zeros((3, 4), np.float32)])
def test_other_shapes_are_refused(logits: Any) -> None:
    with pytest.raises(OptionError, match="logits"):
        apply_masks(logits, np.zeros((2, 1), np.uint32))


def test_memory_that_cannot_be_changed_row_by_row_is_refused() -> None:
    masks = np.ones((3, 1), np.uint32)
    fixed = np.zeros((3, 20), np.float32)
    fixed.setflags(write=False)
    spread = np.lib.stride_tricks.as_strided(np.zeros(20, np.float32), (3, 20), (0, 4))
    for logits in (fixed, spread, torch.zeros(20).expand(3, 20), torch.zeros(3, 20, requires_grad=True)):
        with pytest.raises(OptionError, match=r"read-only|share|gradients"):
            apply_masks(logits, masks)
    with pytest.raises(OptionError, match="masks are NoneType"):
        apply_masks(np.zeros((3, 20), np.float32), None)  # type: ignore[arg-type]
