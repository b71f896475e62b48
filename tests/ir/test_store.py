"""Automata on disk are those that were made, and are made again where a file is broken."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from test_regular import languages

from structgen import disk
from structgen.frontends.jsonschema.formats import SUPPORTED, format_dfa
from structgen.frontends.regex import regex_dfa
from structgen.ir import store
from structgen.ir.regular import CharDFA
from structgen.ir.store import kept, packed, unpacked


@settings(max_examples=60, derandomize=True, deadline=None)
@given(languages)
def test_bytes_and_back(dfa: CharDFA) -> None:
    again = unpacked(packed(dfa))
    assert again == dfa
    assert (again.key, again.rows, again.finals) == (dfa.key, dfa.rows, dfa.finals)


@pytest.mark.parametrize("name", sorted(SUPPORTED))
def test_kept_formats_are_those_that_are_made(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk, "folder", lambda kind, stamp="": tmp_path)
    monkeypatch.setattr(store, "SLOW", -1.0)

    def fresh() -> CharDFA:
        regex_dfa.cache_clear()
        made = format_dfa.__globals__["patterns"].dfa.__wrapped__(name)
        assert isinstance(made, CharDFA)
        return made

    made = fresh()
    files = list(tmp_path.iterdir())
    assert files
    assert fresh() == made
    for file in files:
        file.write_bytes(file.read_bytes()[:-4])
    assert fresh() == made
    assert sorted(tmp_path.iterdir()) == sorted(files)


def test_only_what_is_asked_for_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk, "folder", lambda kind, stamp="": tmp_path)
    monkeypatch.setattr(store, "SLOW", -1.0)
    calls: list[object] = []

    @kept(str(tmp_path / "code"))
    def make(text: str, *, high: int = 1) -> CharDFA:
        calls.append((text, high))
        return CharDFA.of_string(text).repeat(1, high)

    wanted = [make("a"), make("b"), make("a", high=2), make("'a'")]
    assert [make("a"), make("b"), make("a", high=2), make("'a'")] == wanted
    assert len(calls) == len(set(wanted)) == 4
    monkeypatch.setattr(store, "SLOW", 100.0)
    make("c")
    make("c")
    assert len(calls) == 6
