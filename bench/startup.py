"""Start-up: imports, a warm process up to its first mask, the first compilation of the kernels, and folders that are shared or read-only.

    python bench/startup.py --data SAMPLE.jsonl.xz --tokenizer TOKENIZER.json

Every figure is of a fresh process, the least of several where it takes under a second. "Empty" is a new folder for the cache. The data file
is not read.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import Any, Final

from sample import finish, parser

from structgen.bench.figures import Figure

HEAVY: Final = ("numba", "torch", "transformers")

IMPORT: Final = """
import json, sys
from time import perf_counter
begun = perf_counter()
import structgen
json.dump({"seconds": perf_counter() - begun, "loaded": [name for name in %r if name in sys.modules]}, sys.stdout)
"""
FIRST_MASK: Final = """
import json, sys
from hashlib import sha256
from time import perf_counter
begun = perf_counter()
import structgen as sg
vocabulary = sg.Vocabulary.from_tokenizer(%r)
vocabulary.encode("{}")
read = perf_counter()
automaton = sg.compile(sg.json_schema({"type": "object", "properties": {"a": {"type": "string"}}}), vocabulary)
row = automaton.mask(automaton.start())
done = perf_counter()
state = automaton.advance(automaton.start(), vocabulary.encode('{"')[0])
digest = sha256(row.tobytes() + automaton.mask(state).tobytes()).hexdigest()
json.dump({"seconds": done - begun, "tokenizer": read - begun, "digest": digest}, sys.stdout)
"""
WARM_UP: Final = """
import json, sys
from structgen.warmup import warm
done = warm()
json.dump({"seconds": done.seconds, "compiled": done.compiled}, sys.stdout)
"""


def started(program: str, **environment: str) -> subprocess.Popen[str]:
    """A process that runs a program."""
    return subprocess.Popen([sys.executable, "-c", program], env={**os.environ, **environment}, stdout=subprocess.PIPE, text=True)


def told(process: subprocess.Popen[str]) -> dict[str, Any]:
    """What it says in the end; raises RuntimeError where it fails."""
    said, _ = process.communicate()
    if process.returncode:
        raise RuntimeError(f"a process ended with status {process.returncode}")
    return dict(json.loads(said))


def runs(program: str, count: int, **environment: str) -> list[dict[str, Any]]:
    """One process after the other; the first is dropped: the system may have to read its files."""
    return [told(started(program, **environment)) for _ in range(count + 1)][1:]


def least(found: Sequence[dict[str, Any]], name: str = "seconds") -> float:
    """The least of their figures."""
    return float(min(one[name] for one in found))


def warm_figures(program: str) -> tuple[list[Figure], str]:
    """Imports and a warm process; the digest of the right mask."""
    imports = runs(IMPORT % (HEAVY,), 3)
    told(started(WARM_UP))
    firsts = runs(program, 3)
    rest = min(one["seconds"] - one["tokenizer"] for one in firsts)
    tokens = f"of these reading the tokenizer, and imports for that: {least(firsts, 'tokenizer'):.2f} s"
    return [
        Figure("start-up", "import structgen", least(imports), "s", most=0.15),
        Figure("start-up", f"of {', '.join(HEAVY)} loaded by that", len(imports[0]["loaded"]), most=0),
        Figure("start-up", "warm process to the first mask", least(firsts), "s", most=1.0, beside=tokens),
        Figure("start-up", "the same behind the reading of the tokenizer", rest, "s", most=1.0),
    ], str(firsts[0]["digest"])


def cold_figures(program: str, digest: str, folder: Path) -> list[Figure]:
    """Empty, shared and read-only folders."""
    warm_up = told(started(WARM_UP, NUMBA_CACHE_DIR=str(folder / "warmup")))
    begun = perf_counter()
    alone = told(started(program, NUMBA_CACHE_DIR=str(folder / "alone")))
    shared = [started(program, NUMBA_CACHE_DIR=str(folder / "shared")) for _ in range(3)]
    together = [told(one) for one in shared]
    later = told(started(program, NUMBA_CACHE_DIR=str(folder / "shared")))
    wrong = sum(one["digest"] != digest for one in (alone, *together, later))
    print(f"cold starts took {perf_counter() - begun:.0f} s in all")
    return [
        Figure("start-up", f"warm-up with an empty folder, {warm_up['compiled']} kernels", warm_up["seconds"], "s", most=20.0),
        Figure("start-up", "first mask with an empty folder", alone["seconds"], "s", most=20.0),
        Figure("start-up", "three at once with one empty folder, the last", max(one["seconds"] for one in together), "s"),
        Figure("start-up", "a process behind these", later["seconds"], "s"),
        Figure("start-up", "wrong masks of these", wrong, most=0),
        *read_only_figures(program, digest, folder),
    ]


def read_only_figures(program: str, digest: str, folder: Path) -> list[Figure]:
    """A cache folder that cannot be made (a file stands in its way, which stops root, too), with a temporary one that has the kernels."""
    (folder / "file").touch()
    temporary = folder / "temporary"
    owner = os.getuid() if hasattr(os, "getuid") else 0
    temporary.mkdir()
    shutil.copytree(folder / "warmup" / "structgen" / "kernels", temporary / f"structgen-kernels-{owner}")
    found = told(started(program, NUMBA_CACHE_DIR=str(folder / "file"), TMPDIR=str(temporary)))
    return [
        Figure("start-up", "a cache folder that cannot be written, kernels in the temporary one", found["seconds"], "s"),
        Figure("start-up", "wrong masks of that", found["digest"] != digest, most=0),
    ]


def main() -> None:
    """Measure and print."""
    given = parser(__doc__)
    given.add_argument("--warm", action="store_true", help="only what takes seconds: nothing is compiled anew")
    options: argparse.Namespace = given.parse_args()
    program = FIRST_MASK % options.tokenizer
    figures, digest = warm_figures(program)
    if not options.warm:
        with tempfile.TemporaryDirectory() as folder:
            figures += cold_figures(program, digest, Path(folder))
    finish(figures, options)


if __name__ == "__main__":
    main()
