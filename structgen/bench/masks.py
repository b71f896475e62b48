"""Run engines over a file of schemas: each engine in a process of its own, killed and started anew where it runs out of time.

Not here: what an engine is (`engines`), what its process does (`worker`), percentiles and tables (`summary`).
"""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any, Final, Literal

from structgen.bench.cases import Case
from structgen.bench.engines import engine_version
from structgen.errors import ModelError, VocabularyError
from structgen.vocab.vocabulary import Vocabulary

Verdict = Literal["pass", "refused", "accepts invalid", "rejects valid", "timeout", "crash"]
VERDICTS: Final[tuple[Verdict, ...]] = ("pass", "refused", "accepts invalid", "rejects valid", "timeout", "crash")

START_LIMIT: Final = 300.0
"""Seconds that an engine may take to read its tokenizer and to warm up."""


@dataclass(frozen=True, slots=True)
class Request:
    """A case as workers read it: the line, and its id."""

    id: str
    line: str


@dataclass(slots=True)
class Outcome:
    """What an engine did with one case.

    `first_us`: compiling and the first mask; None where that was not reached. `us`: mask + commit of every token. `test`: the instance
    that decided a wrong verdict. `read`: which instances were accepted (None: it crashed there); empty where it was not compiled. A case
    that ran out of time, or whose process crashed, has neither `us` nor `read`.
    """

    id: str
    verdict: Verdict
    why: str = ""
    test: int | None = None
    first_us: float | None = None
    us: list[float] = field(default_factory=list)
    read: list[bool | None] = field(default_factory=list)


@dataclass(slots=True)
class Sitting:
    """All outcomes of one engine, in the order of the cases. `start_seconds`: until it was ready; `memory_mb`: at most, `idle_mb`: when
    it was ready."""

    engine: str
    version: str
    outcomes: list[Outcome] = field(default_factory=list)
    start_seconds: float = 0.0
    idle_mb: float = 0.0
    memory_mb: float = 0.0
    restarts: int = 0


_WARM_UP: Final = Case(
    "warm-up",
    '{"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "array", "items": {"type": "number"}}}}',
    (('{"a": "x", "b": [1.5]}', True),),
)


@dataclass(frozen=True, slots=True)
class Workload:
    """What engines are asked over one tokenizer file: `warm_up` when a process has started (its times are dropped), then `requests`."""

    tokenizer: str
    warm_up: Request
    requests: tuple[Request, ...]


def workload_of(cases: Sequence[Case], tokenizer: str, options: Sequence[dict[str, Any]] = ()) -> Workload:
    """The cases with their instances cut into tokens, as the tokenizer cuts them in the middle of a text; `options` for each (or none).

    Raises `VocabularyError` for a tokenizer that cannot be read or cannot spell an instance.
    """
    vocabulary = Vocabulary.from_tokenizer(tokenizer)
    given = options or [{}] * len(cases)
    warm_up, *requests = [_request(case, vocabulary, more) for case, more in zip((_WARM_UP, *cases), ({}, *given), strict=True)]
    return Workload(str(Path(tokenizer).resolve()), warm_up, tuple(requests))


def _request(case: Case, vocabulary: Vocabulary, options: dict[str, Any]) -> Request:
    try:
        tests = [[vocabulary.encode(text), valid] for text, valid in case.tests]
    except VocabularyError as error:
        raise VocabularyError(f"an instance of case {case.id} cannot be spelled in tokens: {error.why}", where="--tokenizer") from error
    return Request(case.id, json.dumps({"schema": case.schema, "tests": tests, **({"options": options} if options else {})}))


def run_engines(
    names: Sequence[str],
    work: Workload,
    *,
    timeout: float = 30.0,
    jobs: int = 1,
    progress: Callable[[str, int, Outcome | None], None] | None = None,
) -> list[Sitting]:
    """Every engine over every request, `jobs` engines at a time (more than one share the cores, and their times suffer).

    `timeout`: seconds for one schema with all its instances. `progress` is called with the engine, how many requests it has done, and
    the last outcome; from several threads where `jobs` > 1. Raises `ModelError` where an engine cannot be started.
    """

    enough = threading.Event()

    def one(name: str) -> Sitting:
        return run_engine(name, work, timeout=timeout, progress=progress, enough=enough)

    with ThreadPoolExecutor(max_workers=max(1, jobs)) as pool:
        futures = [pool.submit(one, name) for name in names]
        try:
            wait(futures, return_when=FIRST_EXCEPTION)
        finally:  # an error, or the user, ends the sitting: engines stop behind the schema they are at
            if not all(future.done() and future.exception() is None for future in futures):
                enough.set()
    return [future.result() for future in futures]


def run_engine(
    name: str,
    work: Workload,
    *,
    timeout: float = 30.0,
    progress: Callable[[str, int, Outcome | None], None] | None = None,
    enough: threading.Event | None = None,
) -> Sitting:
    """One engine over the workload, until `enough` is set. See `run_engines`."""
    sitting = Sitting(name, engine_version(name))
    tell = progress or (lambda *_: None)
    worker: Worker | None = None
    try:
        for request in work.requests:
            if enough is not None and enough.is_set():
                break
            if worker is None:
                tell(name, len(sitting.outcomes), None)
                worker = Worker(name, work)
                if sitting.outcomes:
                    sitting.restarts += 1
                else:
                    sitting.start_seconds, sitting.idle_mb = worker.start_seconds, worker.memory_mb
            outcome = worker.ask(request, timeout)
            sitting.memory_mb = max(sitting.memory_mb, worker.memory_mb)
            sitting.outcomes.append(outcome)
            if not worker.alive:
                worker = None
            tell(name, len(sitting.outcomes), outcome)
    finally:
        if worker is not None:
            worker.stop()
    return sitting


def command(engine: str, tokenizer: str) -> list[str]:
    """How a worker process is started."""
    return [sys.executable, "-m", "structgen.bench.worker", engine, tokenizer]


class Worker:
    """A running and warm worker process. Raises `ModelError` where the engine cannot be made."""

    def __init__(self, engine: str, work: Workload) -> None:
        begun = monotonic()
        self.alive = True
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `stop`
        self._process = subprocess.Popen(
            command(engine, work.tokenizer),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
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
        self.memory_mb = 0.0
        warm = self.ask(work.warm_up, START_LIMIT)
        if not self.alive:
            raise ModelError(f"the engine {engine!r} cannot be started: {warm.why}", where="--engines")
        self.start_seconds = monotonic() - begun

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
        first: float | None = None
        try:
            self._send(request.line)
            while (answer := self._answers.get(timeout=max(0.0, deadline - monotonic()))) is not None:
                if answer["at"] == "first":
                    first = answer["us"]
                    continue
                self.memory_mb = max(self.memory_mb, answer["memory"])
                return Outcome(request.id, answer["verdict"], answer["why"], answer["test"], first, answer["us"], answer.get("read", []))
        except queue.Empty:
            self.stop()
            return Outcome(request.id, "timeout", f"more than {timeout:g} s", first_us=first)
        except OSError:  # the pipe is closed: it has ended
            pass
        code, words = self.stop(patience=5.0)
        return Outcome(request.id, "crash", f"the process ended with status {code}. {words}".strip(), first_us=first)

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
