"""The process in which one engine runs: requests come in as JSON lines, answers go out as JSON lines.

    {"schema": JSON text, "tests": [[[token, ...], valid], ...]}           a request; "options" for `Engine.compile` may come with it
    {"at": "ready"}                                                        the engine is made
    {"at": "failed", "why": ...}                                           it cannot be made
    {"at": "first", "us": ...}                                             compiled, and the first mask computed
    {"at": "done", "verdict", "why", "test", "us": [...], "read": [...],   all instances read; `us` is mask + commit, one a token;
     "memory_mb", "peak_mb"}                                               `read`: true, false, null (it crashed), one an instance

Whoever asks may kill this process at any time: that is the time limit, which native code cannot ignore. Text that native code writes to
standard output goes to standard error, so that it is never taken for an answer.

Run by `process`, with the arguments ENGINE TOKENIZER and perhaps "keep": what was compiled for a request is kept for the same one.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

from structgen.bench.engines import Engine, make_engine

Tell = Callable[[dict[str, Any]], None]


def main() -> None:
    """Make the engine, then answer requests until the input ends."""
    _end_with_parent()
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as answers:
        os.dup2(2, 1)

        def tell(answer: dict[str, Any]) -> None:
            answers.write(json.dumps(answer) + "\n")
            answers.flush()

        try:
            engine = make_engine(sys.argv[1], sys.argv[2])
            gc.collect()
            gc.freeze()  # as servers do: else Python's collector looks through all that torch and transformers hold, 80 ms at once
        except Exception as error:
            tell({"at": "failed", "why": f"{type(error).__name__}: {error}"})
            return
        kept: dict[str, Any] | None = {} if "keep" in sys.argv[3:] else None
        tell({"at": "ready"})
        for line in sys.stdin:
            tell({"at": "done", **measure(engine, json.loads(line), tell, kept), **memory()})


def _end_with_parent() -> None:
    """Have the system kill this process when who asks has died: native code would not notice that the input has ended."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def measure(engine: Engine, request: dict[str, Any], tell: Tell, kept: dict[str, Any] | None = None) -> dict[str, Any]:
    """Compile a schema and read its instances: verdict, reason, the instance that decided it, and the microseconds of every token.

    What is in `kept` (by schema) is not compiled again.
    """
    schema, options = request["schema"], request.get("options", {})
    compiled = None if kept is None else kept.get(schema)
    try:
        begun = perf_counter()
        if compiled is None:
            compiled = engine.compile(schema, **options)
        engine.reset(compiled)
        engine.mask()
        first = (perf_counter() - begun) * 1e6
    except engine.refusals as error:
        return {"verdict": "refused", "why": str(error)[:500], "test": None, "us": [], "read": []}
    except Exception as error:
        return {"verdict": "crash", "why": repr(error)[:500], "test": None, "us": [], "read": []}
    if kept is not None:
        kept[schema] = compiled
    tell({"at": "first", "us": first})
    verdict, which, why, spent, accepted = "pass", None, "", list[float](), list[bool | None]()
    for number, (tokens, valid) in enumerate(request["tests"]):
        try:
            read = _read(engine, compiled, tokens, spent)
        except Exception as error:
            verdict, why = "crash", repr(error)[:500]
            accepted.append(None)
            continue
        accepted.append(read)
        if read and not valid and verdict != "crash":
            verdict, which = "accepts invalid", number
        elif valid and not read and verdict == "pass":
            verdict, which = "rejects valid", number
    return {"verdict": verdict, "why": why, "test": which, "us": [round(one, 3) for one in spent], "read": accepted}


def _read(engine: Engine, compiled: Any, tokens: list[int], spent: list[float]) -> bool:
    """Whether the engine reads the whole text and lets it end there."""
    engine.reset(compiled)
    for token in tokens:
        begun = perf_counter()
        engine.mask()
        legal = engine.commit(token)
        spent.append((perf_counter() - begun) * 1e6)
        if not legal:
            return False
    return engine.ended()


def memory() -> dict[str, float]:
    """What this process holds now, and the most that it has held, in MB; 0 where the system does not say."""
    found, status = {"memory_mb": 0.0, "peak_mb": 0.0}, Path("/proc/self/status")
    if status.is_file():  # ru_maxrss would count the process that started this one
        for line in status.read_text().splitlines():
            name = {"VmRSS": "memory_mb", "VmHWM": "peak_mb"}.get(line.partition(":")[0])
            if name is not None:
                found[name] = int(line.split()[1]) / 1024
    return found
