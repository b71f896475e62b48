"""Readers of tokenizers on disk. Nothing is fetched from a network and nothing is unpickled.

folder              tokenizer.json with its configs, else a file of another kind below, else transformers' AutoTokenizer (offline)
*.json              `tokenizers.Tokenizer`; stop ids from tokenizer_config.json and generation_config.json beside it
SentencePiece       a binary `tokenizer.model`
ranks               tiktoken: a line is "base64 rank"
RWKV                a line is "id python-literal length"; id 0 ends a text
"""

from __future__ import annotations

import ast
import base64
import json
import re
from collections.abc import Callable
from os import PathLike
from pathlib import Path
from typing import Any, Final

from structgen.errors import VocabularyError
from structgen.vocab import sources
from structgen.vocab.sources import Source

_RWKV_LINE: Final = re.compile(r"(\d+) (b?['\"].*['\"]) (\d+)\Z", re.S)
_RANK_LINE: Final = re.compile(r"([A-Za-z0-9+/]+={0,2}) (\d+)\s*\Z")
_LARGEST_ID: Final = 1 << 24
_ROLES: Final = tuple(f"{role}_token" for role in ("bos", "eos", "unk", "sep", "pad", "cls", "mask"))  # special, whatever their flags
_FOLDER_FILES: Final = ("tokenizer.json", "*.tiktoken", "rwkv_vocab*.txt")


def read(path: str | PathLike[str]) -> Source:
    """The source behind a path. Raises `VocabularyError` where there is no such path or no known format."""
    place = Path(path)
    if place.is_dir():
        return _folder(place)
    if not place.is_file():
        raise VocabularyError(
            "there is no such file or folder",
            where=str(path),
            hint="names of the Hugging Face hub are not looked up here: load the tokenizer with transformers and pass it",
        )
    with place.open("rb") as file:
        head = file.read(4096)
    line = head.split(b"\n", 1)[0].rstrip(b"\r").decode("utf-8", "replace")
    if head.lstrip()[:1] == b"{":
        return _tokenizer_json(place)
    if _RANK_LINE.match(line):
        return _ranks(place)
    if _RWKV_LINE.match(line):
        return _rwkv(place)
    return _sentencepiece(place)


def inputs(path: str | PathLike[str]) -> list[Path] | None:
    """All files that `read` looks at; None where there is none, or transformers decides that."""
    place = Path(path)
    if place.is_dir():
        found = _main_file(place)
        return None if found is None else inputs(found)
    if not place.is_file():
        return None
    beside = [place.parent / name for name in ("tokenizer_config.json", "generation_config.json")]
    return [place, *(file for file in beside if file.is_file())]


def _main_file(folder: Path) -> Path | None:
    return next((found for pattern in _FOLDER_FILES for found in sorted(folder.glob(pattern))), None)


def _folder(folder: Path) -> Source:
    found = _main_file(folder)
    if found is not None:
        return read(found)
    try:
        from transformers import AutoTokenizer
    except ImportError:
        raise VocabularyError(
            "the folder holds no tokenizer.json", where=str(folder), hint="other formats need transformers: pip install structgen[hf]"
        ) from None
    try:
        tokenizer = AutoTokenizer.from_pretrained(str(folder), local_files_only=True)
    except (OSError, ValueError, KeyError, TypeError, ImportError) as error:
        raise VocabularyError(f"transformers cannot load a tokenizer: {error}", where=str(folder)) from error
    return sources.read(tokenizer)


def _tokenizer_json(path: Path) -> Source:
    try:
        from tokenizers import Tokenizer
    except ImportError:
        raise VocabularyError("reading tokenizer.json needs tokenizers", where=str(path), hint="pip install structgen[hf]") from None
    try:
        backend = Tokenizer.from_file(str(path))
    except Exception as error:  # tokenizers raises bare Exception for everything
        raise VocabularyError(f"this is not a tokenizer.json: {error}", where=str(path)) from error
    source = sources.read(backend)
    config = _json_beside(path, "tokenizer_config.json")
    for i, entry in (config.get("added_tokens_decoder") or {}).items():
        source.name(str(entry["content"]), int(i), is_special=entry.get("special", True))
    for role in _ROLES:
        if (named := _named(config, role)) is not None and (i := backend.token_to_id(named)) is not None:
            source.hide(named, i)
    stops = _json_beside(path, "generation_config.json").get("eos_token_id")
    named = _named(config, "eos_token")
    found = [i for i in (stops if isinstance(stops, list) else [stops]) if isinstance(i, int)]
    if named is not None and (i := backend.token_to_id(named)) is not None:
        found = [i, *found]
    source.stop = tuple(dict.fromkeys(found))
    return source


def _named(config: dict[str, Any], role: str) -> str | None:
    named = config.get(role)
    named = named.get("content") if isinstance(named, dict) else named
    return named if isinstance(named, str) else None


def _json_beside(path: Path, name: str) -> dict[str, Any]:
    try:
        found = json.loads((path.parent / name).read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise VocabularyError(f"{name} cannot be read: {error}", where=str(path.parent)) from error
    return found if isinstance(found, dict) else {}


def _sentencepiece(path: Path) -> Source:
    try:
        from sentencepiece import SentencePieceProcessor
    except ImportError:
        raise VocabularyError(
            "this is no tokenizer.json, ranks or RWKV file; a SentencePiece model needs sentencepiece",
            where=str(path),
            hint="pip install sentencepiece",
        ) from None
    try:
        processor = SentencePieceProcessor(model_file=str(path))
    except (RuntimeError, OSError, ValueError) as error:
        raise VocabularyError(
            "the file is in no known format",
            where=str(path),
            hint="known are tokenizer.json, SentencePiece models, tiktoken ranks (base64 rank) and RWKV (id literal length)",
        ) from error
    return sources.read(processor)


def _ranks(path: Path) -> Source:
    """tiktoken ranks say nothing of special tokens or of how text is cut before merging, so longest match stands in for encode."""
    source = sources.plain(_table(path, _rank_line), {})
    source.kind = "tiktoken ranks"
    source.notes = ["ranks alone do not say how text is cut into tokens: encode takes the longest match"]
    return source


def _rwkv(path: Path) -> Source:
    tokens = _table(path, _rwkv_line)
    source = sources.plain(tokens, {})
    source.kind = "rwkv"
    if not tokens[0]:
        source.stop = (0,)  # RWKV World: 0 ends a text
    return source


def _table(path: Path, read_line: Callable[[str], tuple[int, bytes]]) -> list[bytes]:
    """The bytes by id that the lines of a file say; b"" for holes."""
    table: dict[int, bytes] = {}
    for number, line in enumerate(path.read_text("utf-8", "replace").split("\n"), 1):
        if not line.strip():
            continue
        try:
            i, token = read_line(line.rstrip("\r"))
        except (ValueError, SyntaxError) as error:
            raise VocabularyError(f"line {number} cannot be read: {error}", where=str(path)) from None
        if i > _LARGEST_ID or i in table:
            why = "is given twice" if i in table else "is far too large"
            raise VocabularyError(f"line {number}: id {i} {why}", where=str(path))
        table[i] = token
    return [table.get(i, b"") for i in range(max(table) + 1)]


def _rank_line(line: str) -> tuple[int, bytes]:
    match = _RANK_LINE.match(line)
    if match is None:
        raise ValueError("a line is 'base64 rank'")
    return int(match[2]), base64.b64decode(match[1], validate=True)


def _rwkv_line(line: str) -> tuple[int, bytes]:
    match = _RWKV_LINE.match(line)
    if match is None:
        raise ValueError("a line is 'id literal length'")
    token = _literal(match[2])
    if len(token) != int(match[3]):
        raise ValueError(f"{match[2]} has {len(token)} bytes, not {match[3]}")
    return int(match[1]), token


def _literal(text: str) -> bytes:
    """The bytes of a Python string or bytes literal."""
    if "\\" not in text and text[0] == text[-1] and text[0] in "'\"":
        return text[1:-1].encode()  # nearly all of 65,000 lines: 20 times faster than a parse
    value = ast.literal_eval(text)
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, bytes):
        return value
    raise ValueError(f"{text} is no string")
