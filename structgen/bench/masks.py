"""Run engines over a file of schemas: which engine is asked what, in which order.

By default one schema goes to every engine before the next one comes, so that all meet the same noise of the machine. A second pass
(`Plan.passes`) asks for the same schemas again, of processes that have met each before.

Not here: what an engine is (`engines`), its process (`process`, `worker`), what is kept of a run (`record`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace

from structgen.bench.outcomes import Outcome, Request, Workload
from structgen.bench.process import Worker
from structgen.bench.record import Record

Progress = Callable[[str, int, Outcome | None], None]
"""Called with an engine, how many requests it has done in all passes, and the last outcome (None: a process is being started)."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How engines are asked. `timeout`: seconds for one schema with all its instances. `keep`: whether processes keep what they compiled
    for later passes, as servers do. `jobs`: schemas at a time, each in processes of its own; they share the cores, and times suffer.
    `interleave`: a schema goes to all engines before the next one. `python`: what peers run in (None: this one)."""

    timeout: float = 30.0
    passes: int = 1
    keep: bool = True
    jobs: int = 1
    interleave: bool = True
    python: str | None = None


def run_engines(work: Workload, record: Record, plan: Plan | None = None, progress: Progress | None = None) -> None:
    """Ask every engine of the record every request that it has not answered yet, and enter the outcomes.

    `progress` is called from several threads where `plan.jobs` > 1. Raises `ModelError` where an engine cannot be started.
    """
    plan = plan or Plan()
    names = list(record.engines)
    numbered = list(enumerate(work.requests))
    enough = threading.Event()

    def lane(first: int) -> None:
        for group in [names] if plan.interleave else [[name] for name in names]:
            _Lane(work, record, plan, progress or (lambda *_: None)).run(group, numbered[first :: plan.jobs], enough)

    with ThreadPoolExecutor(max_workers=plan.jobs) as pool:
        futures = [pool.submit(lane, first) for first in range(plan.jobs)]
        try:
            wait(futures, return_when=FIRST_EXCEPTION)
        finally:  # an error, or the user, ends the run: engines stop behind the schema they are at
            if not all(future.done() and future.exception() is None for future in futures):
                enough.set()
    for future in futures:
        future.result()


class _Lane:
    """Some of the requests, and a process of each engine for them."""

    def __init__(self, work: Workload, record: Record, plan: Plan, progress: Progress) -> None:
        self._work, self._record, self._plan, self._tell = work, record, plan, progress
        self._workers: dict[str, Worker] = {}

    def run(self, names: Sequence[str], requests: Sequence[tuple[int, Request]], enough: threading.Event) -> None:
        """Ask pass by pass, until `enough` is set."""
        record = self._record
        try:
            for turn in range(1, self._plan.passes + 1):
                for at, request in requests:
                    for name in names:
                        if enough.is_set():
                            return
                        if record.get(name, turn, at) is None:
                            outcome = self._outcome(name, request, turn, record.get(name, turn - 1, at))
                            self._tell(name, record.add(name, turn, at, outcome), outcome)
        finally:
            for worker in self._workers.values():
                if worker.alive:
                    worker.stop()

    def _outcome(self, name: str, request: Request, turn: int, before: Outcome | None) -> Outcome:
        if before is not None and before.verdict == "timeout":  # it would again, and take as long
            return replace(before)
        worker = self._worker(name)
        if turn > 1 and request.line not in worker.asked:  # a process that was started since
            first = worker.ask(request, self._plan.timeout)
            if not worker.alive:
                return first
        return worker.ask(request, self._plan.timeout)

    def _worker(self, name: str) -> Worker:
        worker = self._workers.get(name)
        if worker is None or not worker.alive:
            self._tell(name, self._record.done(name), None)
            keep = self._plan.keep and self._plan.passes > 1
            worker = self._workers[name] = Worker(name, self._work, python=self._plan.python, keep=keep)
            self._record.started(name, worker.start)
        return worker
