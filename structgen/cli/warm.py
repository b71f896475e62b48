"""`structgen warmup`: compile the kernels now."""

from __future__ import annotations

from structgen.cli.screen import KernelBar, plain


def warm_up() -> int:
    """Compile what is not on disk and say where it lies."""
    from structgen.warmup import KERNELS, warm

    with KernelBar() as kernels:
        done = warm(kernels.update)
    what = f"compiled {done.compiled} kernels" if done.compiled else f"all {len(KERNELS)} kernels were ready"
    plain(f"{what} in {done.seconds:.1f} s; they lie in {done.folder}")
    return 0
