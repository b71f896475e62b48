"""The processes that engines run in: started, asked, and killed where they run out of time, which native code cannot ignore.

Not here: what such a process does (`worker`), in which order engines are asked (`masks`).
"""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import Any, Final

from structgen.bench.engines import ENGINE_NAMES, versions
from structgen.bench.outcomes import Outcome, Request, Start, Workload
from structgen.errors import ModelError, OptionError

START_LIMIT: Final = 300.0
"""Seconds that an engine may take to read its tokenizer and to warm up."""

_ROOT: Final = str(Path(__file__).resolve().parents[2])


def command(python: str | None, module: str, *arguments: str) -> list[str]:
    """How one of our modules is run by another Python (None: by this one); there, the packages that it has itself come first."""
    begin = f"import sys; sys.path.append({_ROOT!r}); from structgen.bench import {module}; {module}.main()"
    return [python or sys.executable, "-c", begin, *arguments]


def checked_engines(names: Sequence[str], python: str | None = None) -> dict[str, str]:
    """The versions of the named engines, each once; those of peers as `python` has them (None: this one).

    Raises `OptionError` for an engine that is unknown or not installed, and for a Python that cannot be run.
    """
    chosen = list(dict.fromkeys(name.strip() for name in names if name.strip()))
    known = ", ".join(ENGINE_NAMES)
    if not chosen:
        raise OptionError("no engine is named", where="--engines", hint=f"a list with commas; there are {known}")
    for name in chosen:
        if name not in ENGINE_NAMES:
            raise OptionError(f"there is no engine {name!r}", where="--engines", hint=f"there are {known}")
    found = versions(chosen)
    if python is not None:
        found = {**_versions_there(chosen, python), **({"structgen": found["structgen"]} if "structgen" in chosen else {})}
    checked = {name: version for name in chosen if (version := found.get(name)) is not None}
    for name in chosen:
        if name not in checked:
            hint = 'pip install "structgen[bench]"' if python is None else f"{python} -m pip install {name.removesuffix('-strict')}"
            raise OptionError(f"the engine {name!r} is not installed", where="--engines", hint=hint)
    return checked


def _versions_there(names: Sequence[str], python: str) -> dict[str, str | None]:
    hint = "a Python with the peers and with what structgen depends on: numpy, numba, ..."
    try:
        done = subprocess.run(command(python, "engines", *names), capture_output=True, text=True, check=True, timeout=START_LIMIT)
        return dict(json.loads(done.stdout))
    except subprocess.CalledProcessError as error:
        words = (error.stderr.strip().splitlines() or [""])[-1]
        raise OptionError(f"{python} cannot run engines: {words}", where="--python", hint=hint) from error
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        raise OptionError(f"{python} cannot run engines: {error}", where="--python", hint=hint) from error


class Worker:
    """A running and warm worker process. Raises `ModelError` where the engine cannot be made.

    `keep`: whether it keeps what it compiled. `start`: how it started; `asked`: the lines it has been asked.
    """

    def __init__(self, engine: str, work: Workload, *, python: str | None = None, keep: bool = False) -> None:
        begun = monotonic()
        self.alive = True
        self.asked: set[str] = set()
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `stop`
        where = None if engine == "structgen" else python
        self._process = subprocess.Popen(
            command(where, "worker", engine, work.tokenizer, *(["keep"] if keep else [])),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            process_group=0,  # Ctrl-C is for who asks: it would look like a crash
        )
        self._answers: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._reader = threading.Thread(target=self._listen, daemon=True)
        self._reader.start()
        try:
            answer = self._answers.get(timeout=START_LIMIT) or {"at": "ended"}
        except queue.Empty:
            answer = {"at": "failed", "why": f"it was not ready after {START_LIMIT:.0f} s"}
        if answer["at"] != "ready":
            _, words = self.stop(patience=5.0)
            raise ModelError(f"the engine {engine!r} cannot be started: {answer.get('why', words)}", where="--engines")
        warm = self.ask(work.warm_up, START_LIMIT)
        if not self.alive:
            raise ModelError(f"the engine {engine!r} cannot be started: {warm.why}", where="--engines")
        self.start = Start(monotonic() - begun, warm.memory_mb, warm.peak_mb)

    def _listen(self) -> None:
        """Put answers into the queue, and None where the process has ended."""
        assert self._process.stdout is not None
        try:
            for line in self._process.stdout:
                self._answers.put(json.loads(line))
        except ValueError:  # cut short by a kill
            pass
        self._answers.put(None)

    def ask(self, request: Request, timeout: float) -> Outcome:
        """Send one request and wait for its outcome. Past the limit, or after a crash, the process is gone (`alive` is False)."""
        deadline = monotonic() + timeout
        outcome = Outcome(request.id, "timeout", f"more than {timeout:g} s", split=request.split)
        self.asked.add(request.line)
        try:
            self._send(request.line)
            while (answer := self._answers.get(timeout=max(0.0, deadline - monotonic()))) is not None:
                if answer.pop("at") == "done":
                    return Outcome(request.id, first_us=outcome.first_us, split=request.split, **answer)
                outcome.first_us = answer["us"]
        except queue.Empty:
            self.stop()
            return outcome
        except OSError:  # the pipe is closed: it has ended
            pass
        code, words = self.stop(patience=5.0)
        outcome.verdict, outcome.why = "crash", f"the process ended with status {code}. {words}".strip()
        return outcome

    def _send(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line.encode() + b"\n")
        self._process.stdin.flush()

    def stop(self, patience: float = 0.0) -> tuple[int, str]:
        """End the process, after `patience` seconds at most; its exit status, and the last that it wrote to standard error."""
        self.alive = False
        try:
            self._process.wait(patience)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join()
        for pipe in (self._process.stdin, self._process.stdout):
            with suppress(OSError):  # what could not be sent
                if pipe is not None:
                    pipe.close()
        self._stderr.seek(0)
        words = self._stderr.read()[-500:].decode("utf-8", "replace").strip()
        self._stderr.close()
        return self._process.returncode, words
