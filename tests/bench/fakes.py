"""Workers that do as the schema of a case says, in the place of engines."""

from __future__ import annotations

import json
import sys

from structgen.bench.cases import Case
from structgen.bench.outcomes import Workload, workload_of
from structgen.tiny import path

TOKENIZER = str(path() / "tokenizer.json")

# It ignores polite signals, as native code does.
_FAKE = """
import json, os, signal, sys, time
for name in ("SIGTERM", "SIGINT", "SIGALRM"):
    signal.signal(getattr(signal, name), signal.SIG_IGN)
def tell(**answer):
    print(json.dumps(answer), flush=True)
if sys.argv[1] == "silent":
    print("no licence", file=sys.stderr); sys.exit(3)
if sys.argv[1] == "failing":
    tell(at="failed", why="it is Tuesday"); sys.exit(0)
tell(at="ready")
for number, line in enumerate(sys.stdin):
    schema = json.loads(line)["schema"]
    if schema == '"hang"':
        time.sleep(3600)
    if schema == '"hang later"':
        tell(at="first", us=7.0); time.sleep(3600)
    if schema == '"slow"':
        time.sleep(0.05)
    if schema == '"abort"':
        print("assertion failed", file=sys.stderr, flush=True); os.abort()
    tell(at="first", us=5.0)
    tell(at="done", verdict="pass", why=" ".join(sys.argv[3:]), test=None, us=[1.0, 2.0], memory_mb=number, peak_mb=10.0 + number)
"""


def fake_command(python: str | None, module: str, *arguments: str) -> list[str]:
    """In the place of `process.command`."""
    assert python is None or arguments[0] != "structgen"
    assert module == "worker"
    return [sys.executable, "-c", _FAKE, *arguments]


def fake_work(*schemas: str) -> Workload:
    """A case for each schema."""
    return workload_of([Case(f"{k}", json.dumps(schema), (), "odd" if k % 2 else "even") for k, schema in enumerate(schemas)], TOKENIZER)
