"""Kernels as wholes and as parts: called from Python and by each other, recursive, remote, and from several cold processes at once."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from structgen.kernels import JIT, cache
from structgen.kernels.linking import Remote, jit

needs_jit = pytest.mark.skipif(not JIT, reason="there is no compiler in this run (NUMBA_DISABLE_JIT=1)")


@jit
def halved(n, log):
    """n by two until it is odd; counts the steps."""
    while n % 2 == 0:
        log[0] += 1
        n //= 2
    return n


@jit
def collatz(n, log):
    log[0] += 1
    return 1 if n == 1 else collatz(halved(3 * n + 1, log) if n % 2 else halved(n, log), log)


def _difference(a, b, c, d):
    log = np.zeros(1, np.int64)
    return collatz(a, log) + 10 * b - 100 * c + d


def test_a_kernel_is_called_by_python_and_by_kernels() -> None:
    log = np.zeros(1, np.int64)
    assert (collatz(27, log), int(log[0])) == (1, 112)
    assert (halved(96, log), int(log[0])) == (3, 117)
    assert (collatz(1, log), int(log[0])) == (1, 118)


@needs_jit
def test_numbers_in_calls_need_no_kernels_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    from structgen.kernels import native

    monkeypatch.setattr(cache, "get", lambda _: None)  # where it is on disk no parts are made

    @jit
    def several(n, log):
        return halved(8, log) + halved(12, log) + halved(n, log)

    assert several(20, np.zeros(1, np.int64)) == 1 + 3 + 5
    assert len(native.part(halved.py_func).overloads) == 1


@needs_jit
def test_a_remote_kernel_has_an_address() -> None:
    import ctypes

    remote = Remote(_difference)
    address = remote.address
    assert address == remote.address > 0
    call = ctypes.CFUNCTYPE(ctypes.c_int64, *4 * [ctypes.c_int64])(address)
    assert call(27, 2, 3, 4) == 1 + 20 - 300 + 4


COLD = """
import numpy as np
from structgen.kernels.compiling import CLOCK
from structgen.kernels.survey import pack
row = np.zeros(2, np.uint32)
pack(np.array([1, 33], np.int32), row)
print(row.tolist(), CLOCK.kernels)
"""


@needs_jit
def test_cold_processes_may_share_a_folder(tmp_path: Path) -> None:
    """Both compile at once; whoever comes later compiles nothing."""
    run = [sys.executable, "-c", COLD]
    env = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    both = [subprocess.Popen(run, env=env, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert [process.communicate()[0].split("]")[0] for process in both] == ["[2, 2", "[2, 2"]
    assert subprocess.run(run, env=env, capture_output=True, text=True, check=True).stdout == "[2, 2] 0\n"


@needs_jit
def test_a_home_that_cannot_be_written_leaves_a_temporary_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    env = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "file"), "TMPDIR": str(tmp_path)}
    for compiled in ("[2, 2] ", "[2, 2] 0"):
        found = subprocess.run([sys.executable, "-c", COLD], env=env, capture_output=True, text=True, check=True).stdout
        assert found.startswith(compiled)


@needs_jit
@pytest.mark.skipif(hasattr(os, "getuid") and os.getuid() == 0, reason="root may write anywhere")
def test_kernels_in_a_folder_that_cannot_be_written_are_used(tmp_path: Path) -> None:
    env = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "home"), "TMPDIR": str(tmp_path)}
    run = [sys.executable, "-c", COLD]
    assert subprocess.run(run, env=env, capture_output=True, text=True, check=True).stdout.startswith("[2, 2] ")
    folders = [path for path in (tmp_path / "home").rglob("*") if path.is_dir()]
    for path in folders:
        path.chmod(0o500)
    try:
        assert subprocess.run(run, env=env, capture_output=True, text=True, check=True).stdout == "[2, 2] 0\n"
    finally:
        for path in folders:
            path.chmod(0o700)


@needs_jit
def test_broken_machine_code_is_compiled_anew(tmp_path: Path) -> None:
    env = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    run = [sys.executable, "-c", COLD]
    subprocess.run(run, env=env, capture_output=True, check=True)
    (file,) = [path for path in tmp_path.rglob("*") if path.is_file() and "pack" in path.name]
    file.write_bytes(file.read_bytes()[:-7])
    assert subprocess.run(run, env=env, capture_output=True, text=True, check=True).stdout.split()[-1] != "0"
    assert subprocess.run(run, env=env, capture_output=True, text=True, check=True).stdout == "[2, 2] 0\n"


@needs_jit
def test_arrays_are_checked() -> None:
    log = np.zeros(4, np.int64)
    assert halved(8, log) == 1
    with pytest.raises(TypeError, match="C order"):
        halved(8, log[::2])
    with pytest.raises(TypeError, match="str"):
        halved("8", log)
    assert halved(np.int64(8), log) == 1
