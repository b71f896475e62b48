"""What all tests share: the slow twins on the path, the folder of real data, and how much work a run may do.

`SCALE` is 1.0 with compiled kernels and 0.1 where they run as plain Python (NUMBA_DISABLE_JIT=1): tests multiply their sizes and
numbers of examples by it.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from structgen.kernels import JIT

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT.parent / "shared" / "data"
SCALE = 1.0 if JIT else 0.1

for folder in ("reference", "laws"):
    sys.path.insert(0, str(ROOT / "tests" / folder))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data; tests that ask for it skip where it is absent."""
    if not DATA.is_dir():
        pytest.skip("the real data of ../shared/data are not here")
    return DATA


@pytest.fixture(scope="session")
def scale() -> float:
    """The share of full work that this run should do."""
    return SCALE
