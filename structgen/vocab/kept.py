"""What reading a tokenizer's files gave, kept on disk for later processes, by the bytes of those files.

The tokenizer itself is then read only when something is asked of it that is not kept: to encode a text, above all.

Not here: how it is kept (`store`).
"""

from __future__ import annotations

from contextlib import suppress
from functools import cached_property, partial
from hashlib import blake2b
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

import numpy as np

from structgen.errors import VocabularyError
from structgen.vocab import audit, files
from structgen.vocab.sources import Source
from structgen.vocab.store import Array, get, put

_FIELDS: Final = ("kind", "special", "stop", "notes", "pieces")  # as JSON has them
_SETS: Final = ("unknown", "fallback", "greedy")


def source_of(path: Path, *, check: bool) -> Source:
    """The audited source behind a path, read or found. Raises what reading and auditing raise."""
    path = path.absolute()  # the working directory may change
    inputs = files.inputs(path)
    if inputs is None:
        return _read(path, check)
    digest = _digest(inputs)
    key = f"source {check} {digest} {_readers()}"
    kept = get(key, (np.int32, np.uint8))
    if kept is not None:
        return _unpacked(*kept, _Later(path, digest))
    found = _read(path, check)
    put(key, *_packed(found))
    return found


def _read(path: Path, check: bool) -> Source:
    found = files.read(path)
    audit.settle(found, check=check)
    return found


def _readers() -> str:
    """The versions of the packages that read files."""
    found = []
    for name in ("tokenizers", "sentencepiece"):
        with suppress(PackageNotFoundError):
            found.append(f"{name} {version(name)}")
    return " ".join(found)


def _digest(inputs: list[Path]) -> str:
    digest = blake2b(digest_size=20)
    for file in inputs:
        data = file.read_bytes()
        digest.update(f"{file.name} {len(data)} ".encode("utf-8", "surrogatepass"))
        digest.update(data)
    return digest.hexdigest()


class _Later:
    """The tokenizer behind a source that was found on disk, read when it is asked for the first time."""

    def __init__(self, path: Path, digest: str) -> None:
        self._path, self._digest = path, digest

    @cached_property
    def _source(self) -> Source:
        try:
            inputs = files.inputs(self._path)
            same = inputs is not None and _digest(inputs) == self._digest
        except OSError:
            inputs, same = None, False
        if not same:
            why = "cannot be read any more" if inputs is None else "has changed since its tokens were read"
            raise VocabularyError(f"the tokenizer {why}", where=str(self._path), hint="its files are needed to encode texts")
        return files.read(self._path)

    def __reduce__(self) -> tuple[Any, ...]:
        return _Later, (self._path, self._digest)

    def call(self, name: str, argument: Any) -> Any:
        """What a method of the tokenizer returns."""
        return getattr(self._source, name)(argument)


def _packed(source: Source) -> tuple[dict[str, Any], list[Array]]:
    """A header and arrays that say all about a source but what it can be asked."""
    header: dict[str, Any] = {name: getattr(source, name) for name in _FIELDS}
    header |= {name: sorted(getattr(source, name)) for name in _SETS}
    header |= {"added": list(source.added.items()), "calls": [name for name in ("encode", "decode") if getattr(source, name) is not None]}
    lengths = np.fromiter(map(len, source.tokens), np.int32, len(source.tokens))
    return header, [lengths, np.frombuffer(b"".join(source.tokens), np.uint8)]


def _unpacked(header: dict[str, Any], arrays: list[Array], later: _Later) -> Source:
    """The source that `_packed` took apart."""
    lengths, text = arrays
    ends, whole = np.cumsum(lengths).tolist(), text.tobytes()
    tokens = [whole[start:end] for start, end in zip([0, *ends], ends, strict=False)]
    source = Source(tokens=tokens, added=dict(header["added"]), **{name: header[name] for name in _FIELDS})
    source.stop = tuple(source.stop)
    for name in _SETS:
        setattr(source, name, frozenset(header[name]))
    for name in header["calls"]:
        setattr(source, name, partial(later.call, name))
    return source
