"""What a worker says of an engine, with engines that are sets of texts, and as a process."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from structgen.bench.process import command
from structgen.bench.worker import measure
from structgen.tiny import path


class Texts:
    """An engine over characters (token = code point) whose schema is a JSON list of texts; other schemas misbehave as they say."""

    refusals: tuple[type[Exception], ...] = (TypeError,)

    compiled = 0

    def compile(self, schema: str) -> list[str]:
        self.compiled += 1
        found = json.loads(schema)
        if found == "break":
            raise ZeroDivisionError("broken")
        if not isinstance(found, list):
            raise TypeError("not a list")
        return found

    def reset(self, compiled: list[str]) -> None:
        self.texts, self.text, self.fragile = compiled, "", "break later" in compiled

    def mask(self) -> None:
        self.allowed = {text[len(self.text)] for text in self.texts if text.startswith(self.text) and text != self.text}

    def commit(self, token: int) -> bool:
        if self.fragile:
            raise ZeroDivisionError("broken later")
        if chr(token) not in self.allowed:
            return False
        self.text += chr(token)
        return True

    def ended(self) -> bool:
        return self.text in self.texts


def ask(schema: object, *tests: tuple[str, bool]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    said: list[dict[str, Any]] = []
    request = {"schema": json.dumps(schema), "tests": [[list(map(ord, text)), valid] for text, valid in tests]}
    return measure(Texts(), request, said.append), said


@pytest.mark.parametrize(
    ("tests", "verdict", "which", "tokens"),
    [
        ([("ab", True), ("b", False), ("a", False)], "pass", None, 2 + 1 + 1),
        ([("ab", True), ("ax", True)], "rejects valid", 1, 2 + 2),
        ([("a", True)], "rejects valid", 0, 1),  # read, but it may not end there
        ([("ab", False)], "accepts invalid", 0, 2),
        ([("x", True), ("ab", False), ("x", True)], "accepts invalid", 1, 1 + 2 + 1),  # the worse verdict stands
        ([], "pass", None, 0),
    ],
)
def test_verdicts(tests: list[tuple[str, bool]], verdict: str, which: int | None, tokens: int) -> None:
    answer, said = ask(["ab", "abc"], *tests)
    assert (answer["verdict"], answer["test"], len(answer["us"])) == (verdict, which, tokens)
    assert [one["at"] for one in said] == ["first"]
    assert said[0]["us"] > 0
    assert all(time >= 0 for time in answer["us"])


def test_refusals_and_crashes() -> None:
    answer, said = ask({"no": "list"})
    assert (answer["verdict"], answer["why"], said) == ("refused", "not a list", [])
    answer, said = ask("break")
    assert (answer["verdict"], said) == ("crash", [])
    assert "broken" in answer["why"]
    answer, said = ask(["break later"], ("b", True))
    assert (answer["verdict"], len(said)) == ("crash", 1)


def test_what_is_kept_is_not_compiled_again() -> None:
    engine, said = Texts(), list[dict[str, Any]]()
    kept: dict[str, Any] = {}
    requests = [{"schema": json.dumps(texts), "tests": [[[97], True]]} for texts in (["a"], ["a", "b"], ["a"])]
    assert [measure(engine, request, said.append, kept)["verdict"] for request in requests] == ["pass"] * 3
    assert (engine.compiled, len(said), list(kept.values())) == (2, 3, [["a"], ["a", "b"]])
    measure(engine, requests[0], said.append)
    assert engine.compiled == 3
    assert measure(engine, {"schema": "{}", "tests": []}, said.append, kept)["verdict"] == "refused"
    assert len(kept) == 2


def test_the_process_answers_in_lines() -> None:
    tokenizer = str(path() / "tokenizer.json")
    requests = [{"schema": "true", "tests": []}, {"schema": '{"type": 3}', "tests": []}]
    done = subprocess.run(
        command(None, "worker", "structgen", tokenizer),
        input="".join(json.dumps(request) + "\n" for request in requests),
        capture_output=True,
        text=True,
        check=True,
    )
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [answer["at"] for answer in answers] == ["ready", "first", "done", "done"]
    assert [answer["verdict"] for answer in answers if answer["at"] == "done"] == ["pass", "refused"]


def test_a_process_that_cannot_start_says_why(tmp_path: Any) -> None:
    done = subprocess.run(
        command(None, "worker", "structgen", str(tmp_path / "absent.json")),
        input="",
        capture_output=True,
        text=True,
        check=True,
    )
    answer = json.loads(done.stdout)
    assert answer["at"] == "failed"
    assert "no such file" in answer["why"]


def test_memory_grows_with_what_is_held() -> None:
    """In a process of its own: the peak of this one may lie far above what it holds now."""
    script = (
        "from structgen.bench.worker import memory\n"
        "before = memory(); held = bytearray(b'x') * (200 << 20); now = memory(); del held; after = memory()\n"
        "print(before['peak_mb'], now['memory_mb'] - before['memory_mb'], now['memory_mb'] - after['memory_mb'], after['peak_mb'])"
    )
    before, grown, shrunk, peak = map(
        float, subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    )
    if not before:
        pytest.skip("this system does not say how much memory a process holds")
    assert grown > 100
    assert shrunk > 100
    assert peak > before + 100
