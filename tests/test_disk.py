"""Files kept between processes: whole or not there, bounded, safe for several processes at once."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from structgen import disk
from structgen.disk import Store

_FOLDER = disk.folder


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk, "folder", lambda kind, stamp="": tmp_path)


def test_what_was_put_is_found() -> None:
    store = Store("things", 1000)
    assert store.get("a") is None
    store.put("a", b"one")
    store.put("b", b"")
    assert (store.get("a"), store.get("b"), store.get("c")) == (b"one", b"", None)
    store.put("a", b"two")
    assert Store("things", 1000).get("a") == b"two"


@pytest.mark.parametrize("broken", [b"", b"\0" * 8, b"\0" * 40])
def test_broken_files_are_not_there(broken: bytes) -> None:
    store = Store("things", 1000)
    store.put("a", b"one" * 10)
    whole = store.path("a").read_bytes()
    for data in (broken, whole[:-1], whole + b"\0", whole[:20] + b"\0" + whole[21:]):
        store.path("a").write_bytes(data)
        assert store.get("a") is None
    store.put("a", b"one")
    assert store.get("a") == b"one"


def test_the_oldest_files_go(tmp_path: Path) -> None:
    store = Store("things", 500)
    for i in range(9):
        store.put(str(i), bytes(84))  # 100 with its digest
        os.utime(store.path(str(i)), (i, i))
    store.put("large", bytes(501))
    assert [i for i in range(9) if store.get(str(i)) is not None] == [4, 5, 6, 7, 8]
    assert store.get("large") is None
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) <= 500


def test_many_writers_and_readers() -> None:
    def work(i: int) -> bool:
        store = Store("things", 4000)
        store.put(str(i % 5), str(i % 5).encode() * 500)
        return store.get(str(i % 7)) in (None, str(i % 7).encode() * 500)

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(300)))


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk, "folder", lambda kind, stamp="": tmp_path / "none")
    store = Store("things", 1000)
    store.put("a", b"one")
    assert store.get("a") is None


def test_files_of_a_folder_that_cannot_be_written_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "home"))
    monkeypatch.setattr(disk, "folder", _FOLDER)
    _FOLDER.cache_clear()
    place = disk.folder("things", "one")
    (place / "a").write_bytes(b"left by an image's builder")

    def refused(**_: object) -> None:
        raise PermissionError

    _FOLDER.cache_clear()
    monkeypatch.setattr(disk.tempfile, "TemporaryFile", refused)
    assert disk.folder("things", "one") != place
    _FOLDER.cache_clear()
    assert [*disk.found("things", "a", "one")] == [b"left by an image's builder"]
    assert disk.is_there("things", "a", "one")
    assert [*disk.found("things", "b", "one")] == []
    place.chmod(0o777)  # anybody may have written it
    assert [*disk.found("things", "a", "one")] == []


def test_a_file_that_cannot_be_written_whole_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise OSError

    monkeypatch.setattr(os, "replace", refused)
    assert not disk.write(tmp_path / "a", b"data")
    assert list(tmp_path.iterdir()) == []
