"""What processes leave to later ones: folders in the user's cache directory, and files by content key.

All of it can be deleted at any time. The folders are written by this user alone; files appear whole or not at all, so processes may share
them.

Not here: compiled kernels (`kernels.cache`), automata as bytes (`ir.store`).
"""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from hashlib import blake2b
from pathlib import Path
from sys import version_info
from typing import Final

_DIGEST: Final = 16
_BLOCK: Final = 4096  # what a small file takes


@cache
def folder(kind: str, stamp: str = "") -> Path:
    """A folder for one kind of data: below NUMBA_CACHE_DIR, else the user's cache directory, else a temporary one."""
    for place in _places(kind):
        path = place / stamp
        try:
            path.mkdir(parents=True, exist_ok=True, mode=0o700)
            if not all(map(_is_ours, (place, path))):
                continue
            with tempfile.TemporaryFile(dir=path):
                return path
        except OSError:
            continue
    return Path(tempfile.mkdtemp(prefix=f"structgen-{kind}-"))


def found(kind: str, name: str, stamp: str = "") -> Iterator[bytes]:
    """What files of this name say, wherever they were left: also in folders that cannot be written, those of an image, which its builder
    filled."""
    for path in _trusted(kind, stamp):
        with suppress(OSError):
            yield (path / name).read_bytes()


def write(path: Path, data: bytes) -> bool:
    """Write a file, whole or not at all. False where that cannot be done: then it is as it was."""
    name = ""
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
            name = file.name
            file.write(data)
        os.replace(name, path)
    except OSError:
        with suppress(OSError):
            os.unlink(name)
        return False
    return True


def is_there(kind: str, name: str, stamp: str = "") -> bool:
    """Whether `found` finds a file."""
    return any((path / name).is_file() for path in _trusted(kind, stamp))


def _trusted(kind: str, stamp: str) -> list[Path]:
    """The folders of one kind that are there, and that nobody else can have written."""
    trusted = []
    for place in _places(kind):
        try:
            if all(_is_ours(one, os.getuid() if hasattr(os, "getuid") else 0, 0) for one in (place, place / stamp)):
                trusted.append(place / stamp)
        except OSError:
            continue
    return trusted


def _places(kind: str) -> list[Path]:
    home = os.environ.get("NUMBA_CACHE_DIR") or os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return [
        Path(home).expanduser() / "structgen" / kind,
        Path(tempfile.gettempdir()) / f"structgen-{kind}-{os.getuid() if hasattr(os, 'getuid') else 0}",
    ]


def _is_ours(path: Path, *owners: int) -> bool:
    """Whether only these users (none given: this one) can have written there: what is found is believed."""
    if not hasattr(os, "getuid"):
        return True
    found = path.lstat()
    return stat.S_ISDIR(found.st_mode) and found.st_uid in (owners or (os.getuid(),)) and not found.st_mode & 0o022


@cache
def code_digest(*folders: str) -> str:
    """A digest of the text of all code in some folders: part of the key of what that code makes."""
    digest = blake2b(f"{version_info}".encode(), digest_size=_DIGEST)
    for path in folders:
        for file in sorted(Path(path).glob("*.py")):
            digest.update(file.read_bytes())
    return digest.hexdigest()


class Store:
    """Data by key, of one kind. Past `limit` bytes the oldest files go. What cannot be read or written is as good as not there."""

    def __init__(self, kind: str, limit: int) -> None:
        self.kind, self.limit = kind, limit

    def path(self, key: str) -> Path:
        """The file of a key."""
        return folder(self.kind) / blake2b(key.encode("utf-8", "surrogatepass"), digest_size=20).hexdigest()

    def get(self, key: str) -> bytes | None:
        """The data that `put` wrote, None where there is none or the file is broken."""
        try:
            found = self.path(key).read_bytes()
        except OSError:
            return None
        data = found[_DIGEST:]
        return data if blake2b(data, digest_size=_DIGEST).digest() == found[:_DIGEST] else None

    def put(self, key: str, data: bytes) -> None:
        """Keep the data for other processes."""
        if len(data) > self.limit:
            return
        path = self.path(key)
        if not write(path, blake2b(data, digest_size=_DIGEST).digest() + data):
            return
        # Not each time: to look at 2,400 files takes 12 ms. Whoever writes a sixteenth of the limit looks once, on average.
        if int(path.name[:8], 16) * self.limit < 16 * (len(data) + _BLOCK) << 32:
            with suppress(OSError):
                self._trim()

    def _trim(self) -> None:
        with os.scandir(folder(self.kind)) as entries:
            files = sorted([(entry.stat().st_mtime, entry.stat().st_size, entry.path) for entry in entries], reverse=True)
        used = 0
        for _, size, path in files:
            used += size
            if used > self.limit:
                os.unlink(path)
