"""What engines are asked and what they did: requests, outcomes, sittings.

Not here: asking (`masks`), files (`record`), percentiles (`summary`).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, Literal

from structgen.bench.cases import Case
from structgen.errors import VocabularyError
from structgen.vocab.vocabulary import Vocabulary

Verdict = Literal["pass", "refused", "accepts invalid", "rejects valid", "timeout", "crash"]
VERDICTS: Final[tuple[Verdict, ...]] = ("pass", "refused", "accepts invalid", "rejects valid", "timeout", "crash")


@dataclass(frozen=True, slots=True)
class Request:
    """A case as workers read it: the line, its id, and the part of the file that it belongs to."""

    id: str
    split: str
    line: str


@dataclass(slots=True)
class Outcome:
    """What an engine did with one case.

    `first_us`: compiling and the first mask; None where that was not reached. `us`: mask + commit of every token. `test`: the instance
    that decided a wrong verdict. `read`: which instances were accepted (None: it crashed there); empty where it was not compiled. A case
    that ran out of time, or whose process crashed, has neither `us` nor `read`. `memory_mb`, `peak_mb`: what its process held behind it,
    and the most that it had ever held.
    """

    id: str
    verdict: Verdict
    why: str = ""
    test: int | None = None
    first_us: float | None = None
    us: list[float] = field(default_factory=list)
    read: list[bool | None] = field(default_factory=list)
    memory_mb: float = 0.0
    peak_mb: float = 0.0
    split: str = ""


@dataclass(frozen=True, slots=True)
class Start:
    """A process that was started: the seconds until it was ready, the memory that it held then, and the most that it had held."""

    seconds: float
    memory_mb: float
    peak_mb: float


@dataclass(slots=True)
class Sitting:
    """All outcomes of one engine in one pass over the cases (the `turn`-th), in their order; `starts` are those of all passes.

    In the first pass processes meet schemas for the first time, in later ones they have met each before.
    """

    engine: str
    version: str
    turn: int = 1
    outcomes: list[Outcome] = field(default_factory=list)
    starts: list[Start] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The engine, and the pass where it is not the first."""
        return self.engine + in_pass(self.turn)

    @property
    def peak_mb(self) -> float:
        """The most that one of its processes held."""
        return max([0.0, *(one.peak_mb for one in self.starts), *(one.peak_mb for one in self.outcomes)])


def in_pass(turn: int) -> str:
    """What stands behind the name of something in a later pass."""
    return "" if turn == 1 else f", pass {turn}"


_WARM_UP: Final = Case(
    "warm-up",
    '{"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "array", "items": {"type": "number"}}}}',
    (('{"a": "x", "b": [1.5]}', True),),
)


@dataclass(frozen=True, slots=True)
class Workload:
    """What engines are asked over one tokenizer file: `warm_up` when a process has started (its times are dropped), then `requests`.

    `size`: how many ids the vocabulary has.
    """

    tokenizer: str
    size: int
    warm_up: Request
    requests: tuple[Request, ...]

    @property
    def digest(self) -> str:
        """The same for the same schemas and instances, cut into the same tokens."""
        digest = sha256(str(self.size).encode())
        for request in self.requests:
            digest.update(f"\n{request.id}\t{request.split}\t{request.line}".encode())
        return digest.hexdigest()[:16]


def workload_of(cases: Sequence[Case], tokenizer: str, options: Sequence[dict[str, Any]] = ()) -> Workload:
    """The cases with their instances cut into tokens, as the tokenizer cuts them in the middle of a text; `options` for each (or none).

    Raises `VocabularyError` for a tokenizer that cannot be read or cannot spell an instance.
    """
    vocabulary = Vocabulary.from_tokenizer(tokenizer)
    given = options or [{}] * len(cases)
    warm_up, *requests = [_request(case, vocabulary, more) for case, more in zip((_WARM_UP, *cases), ({}, *given), strict=True)]
    return Workload(str(Path(tokenizer).resolve()), vocabulary.size, warm_up, tuple(requests))


def _request(case: Case, vocabulary: Vocabulary, options: dict[str, Any]) -> Request:
    try:
        tests = [[vocabulary.encode(text), valid] for text, valid in case.tests]
    except VocabularyError as error:
        raise VocabularyError(f"an instance of case {case.id} cannot be spelled in tokens: {error.why}", where="--tokenizer") from error
    return Request(case.id, case.split, json.dumps({"schema": case.schema, "tests": tests, **({"options": options} if options else {})}))
