"""What a run has brought so far: in memory and, where a file is named, there too, so that a run that was broken off goes on.

The file has JSON lines: first the setup and when it began, then each process that was started and each outcome as it comes. Who comes
with another setup (other engines, versions, schemas, another machine) is refused.

Not here: running (`masks`), figures (`summary`).
"""

from __future__ import annotations

import json
import threading
from collections import defaultdict
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from structgen.bench.machine import today
from structgen.bench.outcomes import Outcome, Sitting, Start
from structgen.errors import OptionError

_FORMAT: Final = 1


class Record:
    """The outcomes of `engines` (names and versions), by engine, pass (`turn`) and number of the case. Safe to share between threads.

    `setup`: what must be the same for outcomes to stand beside each other. `begun`: when the run began. Raises `OptionError` where the
    file cannot be used or was made with another setup.
    """

    def __init__(self, engines: dict[str, str], setup: dict[str, Any] | None = None, path: Path | None = None) -> None:
        self.engines, self.begun = engines, today()
        self.setup: dict[str, Any] = {"format": _FORMAT, "engines": engines, **(setup or {})}
        self._outcomes: dict[tuple[str, int], dict[int, Outcome]] = defaultdict(dict)
        self._starts: dict[str, list[Start]] = defaultdict(list)
        self._lock = threading.Lock()
        self._path = path
        if path is None:
            return
        try:
            text = path.read_bytes() if path.is_file() else b""
            if not text:
                self._write({"setup": self.setup, "begun": self.begun})
                return
            whole = text[: text.rfind(b"\n") + 1]  # the last line may be cut short
            self._read(whole.decode())
            if whole != text:
                path.write_bytes(whole)
        except (OSError, UnicodeDecodeError) as error:
            raise OptionError(f"{path} cannot be used: {error}", where="--results") from error

    def _read(self, text: str) -> None:
        try:
            read, *entries = map(json.loads, text.splitlines())
            there, self.begun = read["setup"], read["begun"]
            for entry in entries:
                name, turn, at = entry.pop("engine"), entry.pop("turn", 0), entry.pop("at", 0)
                if turn:
                    self._outcomes[name, turn][at] = Outcome(**entry)
                else:
                    self._starts[name].append(Start(**entry))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise OptionError(f"{self._path} is no file of results: {error!r}", where="--results", hint="name another file") from error
        self._check(there)

    def _check(self, there: dict[str, Any]) -> None:
        here = json.loads(json.dumps(self.setup))
        odd = next((key for key in sorted({*there, *here}) if there.get(key) != here.get(key)), None)
        if odd is not None:
            why = f"{self._path} is of another run: {odd} is {_said(there.get(odd))} there, {_said(here.get(odd))} now"
            raise OptionError(why, where="--results", hint="name another file, or delete this one to begin anew")

    def _write(self, entry: dict[str, Any]) -> None:
        if self._path is not None:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(entry) + "\n")

    def started(self, name: str, start: Start) -> None:
        """Enter that a process of an engine was started."""
        with self._lock:
            self._starts[name].append(start)
            self._write({"engine": name, **asdict(start)})

    def add(self, name: str, turn: int, at: int, outcome: Outcome) -> int:
        """Enter an outcome; how many the engine has now."""
        with self._lock:
            self._outcomes[name, turn][at] = outcome
            self._write({"engine": name, "turn": turn, "at": at, **asdict(outcome)})
            return self.done(name)

    def get(self, name: str, turn: int, at: int) -> Outcome | None:
        """The outcome of a case, None where there is none yet."""
        return self._outcomes[name, turn].get(at)

    def done(self, name: str) -> int:
        """How many outcomes an engine has, in all passes."""
        return sum(len(found) for (one, _), found in list(self._outcomes.items()) if one == name)

    def sitting(self, name: str, turn: int = 1) -> Sitting:
        """What an engine did in a pass."""
        found = self._outcomes[name, turn]
        return Sitting(name, self.engines[name], turn, [found[at] for at in sorted(found)], self._starts[name])

    def sittings(self) -> list[Sitting]:
        """All engines, pass by pass."""
        turns = sorted({turn for (_, turn), found in self._outcomes.items() if found})
        return [self.sitting(name, turn) for turn in turns for name in self.engines]


def _said(value: Any) -> str:
    return ", ".join(f"{k} {v}" for k, v in value.items()) if isinstance(value, dict) else str(value)
