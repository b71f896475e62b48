"""Processes of engines: time limits that nothing can ignore, crashes, engines that do not start or are not there."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from fakes import TOKENIZER, fake_command, fake_work

from structgen.bench import process
from structgen.bench.process import Worker, checked_engines, command
from structgen.errors import ModelError, OptionError


@pytest.fixture
def _fakes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "command", fake_command)


@pytest.mark.usefixtures("_fakes")
def test_a_time_limit_that_nothing_can_ignore() -> None:
    work = fake_work("ok", "hang later", "hang")
    for request, first in zip(work.requests[1:], (7.0, None), strict=True):
        worker = Worker("a", work)
        assert worker.ask(work.requests[0], 20).verdict == "pass"
        outcome = worker.ask(request, 0.3)
        assert (outcome.verdict, outcome.first_us, worker.alive) == ("timeout", first, False)
        assert worker.asked == {work.warm_up.line, work.requests[0].line, request.line}


@pytest.mark.usefixtures("_fakes")
def test_a_crash_is_told_with_the_last_words() -> None:
    work = fake_work("abort")
    worker = Worker("a", work)
    outcome = worker.ask(work.requests[0], 20)
    assert (outcome.verdict, worker.alive) == ("crash", False)
    assert "assertion failed" in outcome.why


@pytest.mark.usefixtures("_fakes")
@pytest.mark.parametrize(("engine", "words"), [("silent", "no licence"), ("failing", "it is Tuesday")])
def test_an_engine_that_does_not_start(engine: str, words: str) -> None:
    with pytest.raises(ModelError, match=words):
        Worker(engine, fake_work())


@pytest.mark.usefixtures("_fakes")
def test_ctrl_c_does_not_reach_it() -> None:
    worker = Worker("a", fake_work())
    assert os.getpgid(worker._process.pid) != os.getpgid(0)
    worker.stop()


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not end a process with its parent")
def test_a_process_ends_with_who_asks() -> None:
    """Also where it cannot notice that its input has ended: a third process holds the other end of the pipe."""
    script = (
        "import os, subprocess, sys; reads, writes = os.pipe(); os.set_inheritable(writes, True)\n"
        "worker = subprocess.Popen(sys.argv[1:], stdin=reads, stdout=subprocess.PIPE)\n"
        "held = subprocess.Popen(['sleep', '60'], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, close_fds=False)\n"
        "worker.stdout.readline(); print(worker.pid, held.pid, flush=True); os._exit(0)"
    )
    asked = subprocess.run(
        [sys.executable, "-c", script, *command(None, "worker", "structgen", TOKENIZER)], stdout=subprocess.PIPE, text=True, check=True
    )
    pid, held = map(int, asked.stdout.split())
    try:
        for _ in range(600):
            status = Path(f"/proc/{pid}/stat")
            if not status.exists() or ") Z" in status.read_text():
                return
            time.sleep(0.05)
        pytest.fail("it lives on")
    finally:
        os.kill(held, 9)


def test_names_are_checked() -> None:
    assert list(checked_engines([" structgen", "structgen", ""])) == ["structgen"]
    for names in ([], ["structgen", "nonsense"]):
        with pytest.raises(OptionError) as caught:
            checked_engines(names)
        assert caught.value.where == "--engines"


def test_an_engine_that_is_not_installed_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("structgen.bench.engines.find_spec", lambda _: None)
    with pytest.raises(OptionError, match=r"structgen\[bench\]"):
        checked_engines(["llguidance"])


def test_peers_of_another_python(tmp_path: Path) -> None:
    assert checked_engines(["structgen"], sys.executable) == checked_engines(["structgen"])
    here = tmp_path / "python"
    here.write_text('#!/bin/sh\necho \'{"structgen": "0", "llguidance": "7", "xgrammar-strict": null}\'\n')
    here.chmod(0o755)
    assert checked_engines(["structgen", "llguidance"], str(here)) == {**checked_engines(["structgen"]), "llguidance": "7"}
    with pytest.raises(OptionError, match="pip install xgrammar"):
        checked_engines(["xgrammar-strict"], str(here))
    here.write_text("#!/bin/sh\necho 'No module named numpy' >&2; exit 1\n")
    for python, words in ((str(here), "No module named numpy"), (str(tmp_path / "absent"), "cannot run"), ("/bin/true", "cannot run")):
        with pytest.raises(OptionError, match=words) as caught:
            checked_engines(["llguidance"], python)
        assert caught.value.where == "--python"
