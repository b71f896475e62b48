"""`load`: from a name, a folder, a pair or a function to a `CausalLM`.

torch and transformers are imported only on the ways that need them.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from structgen.errors import ModelError
from structgen.models.function import FunctionModel
from structgen.models.protocol import CausalLM
from structgen.vocab.vocabulary import Vocabulary


def load(
    spec: Any,
    *,
    tokenizer: Any = None,
    device: Any = None,
    dtype: Any = None,
    stop: Any = None,
    chat: bool = False,
    template: Mapping[str, Any] | None = None,
    revision: str | None = None,
    local_files_only: bool = False,
    trust_remote_code: bool = False,
) -> CausalLM:
    """The model that `spec` names.

    * "tiny": the small model in the package;
    * a folder, or a hub id such as "Qwen/Qwen3-0.6B";
    * (transformers model, tokenizer), or the model alone with `tokenizer=`;
    * (function, vocabulary): `function(list of token lists) -> array (B, V)`;
    * an object that is a `CausalLM` already.

    `tokenizer`: another folder, id or tokenizer object. `device`: "cpu", "cuda", ... (default: a GPU if there is one for names, where it
    is for objects). `dtype`: "float32", "bfloat16", ... (default: as stored; float32 on CPU). `stop`: ids or spellings that end a text
    (default: what model and tokenizer name). `chat`: read a plain text as one user message. `template`: arguments of the chat template.

    Raises `ModelError` where there is no such model, or where torch and transformers are not installed.
    """
    if isinstance(spec, tuple | list):
        if len(spec) != 2:
            raise ModelError(f"{len(spec)} things make no model", where="model", hint="pass (model, tokenizer) or (function, vocabulary)")
        spec, tokenizer = spec
    if isinstance(spec, str | os.PathLike):
        _transformers()
        options = {"revision": revision, "local_files_only": local_files_only, "trust_remote_code": trust_remote_code}
        model, own = _read(_source(spec), tokenizer, device, dtype, options)
        return _hugging_face(model, own, stop, chat, template)
    if isinstance(spec, CausalLM):
        return spec
    if hasattr(spec, "config") and hasattr(spec, "forward"):
        if tokenizer is None:
            raise ModelError("a transformers model alone has no tokens", where="tokenizer", hint="pass (model, tokenizer)")
        _transformers()
        if device is not None or dtype is not None:
            spec = spec.to(device=device, dtype=_dtype(dtype))
        return _hugging_face(
            spec, _tokenizer(tokenizer, {}) if isinstance(tokenizer, str | os.PathLike) else tokenizer, stop, chat, template
        )
    if callable(spec):
        if tokenizer is None:
            raise ModelError("a function alone has no tokens", where="vocabulary", hint="pass (function, vocabulary)")
        vocabulary = tokenizer if isinstance(tokenizer, Vocabulary) else Vocabulary.from_tokenizer(tokenizer, stop=stop)
        return FunctionModel(spec, vocabulary)
    raise ModelError(
        f"a {type(spec).__name__} is not a model",
        where="model",
        hint='pass "tiny", a folder, a hub id, (model, tokenizer) or (function, vocabulary)',
    )


def _transformers() -> Any:
    """The transformers package, or a `ModelError` that says how to get it."""
    try:
        import_module("torch")
        return import_module("transformers")
    except ImportError as error:
        raise ModelError(f"this model needs torch and transformers: {error}", where="model", hint='pip install "structgen[hf]"') from error


def _source(spec: str | os.PathLike[str]) -> str:
    """A folder that exists, or a hub id. Raises `ModelError` for a path that leads nowhere."""
    text = os.fspath(spec)
    if text == "tiny":
        text = str(import_module("structgen.tiny").path())
    path = Path(text).expanduser()
    if path.is_dir() and text.strip():
        if not (path / "config.json").is_file():
            raise ModelError(
                f"the folder {text} holds no model: there is no config.json", where="model", hint="pass the folder of save_pretrained"
            )
        return str(path)
    looks_like_path = (
        not isinstance(spec, str) or path.is_absolute() or text.startswith((".", "~")) or text.endswith("/") or text.count("/") > 1
    )
    if looks_like_path or path.exists() or not text.strip():
        raise ModelError(
            f"there is no model folder {text!r}", where="model", hint='pass an existing folder, a hub id ("owner/name"), or "tiny"'
        )
    if "/" not in text and not _is_cached(text):  # asking the hub for a mistyped folder takes a minute of retries without a network
        hint = 'pass "tiny", an existing folder, or a hub id with its owner: "openai-community/gpt2" for "gpt2"'
        raise ModelError(f"there is no model folder {text!r}, and no hub id is so short", where="model", hint=hint)
    return text


def _is_cached(name: str) -> bool:
    """Whether an old hub id without an owner was downloaded before."""
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        return isinstance(try_to_load_from_cache(name, "config.json"), str)
    except HFValidationError:
        return False


def _read(source: str, tokenizer: Any, device: Any, dtype: Any, options: dict[str, Any]) -> tuple[Any, Any]:
    """Model and tokenizer from a folder or from the hub."""
    transformers, torch = _transformers(), import_module("torch")
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    if dtype is None:
        dtype = "float32" if str(device).startswith("cpu") else "auto"  # half precision is slow on most CPUs
    own = _tokenizer(source if tokenizer is None else tokenizer, options)
    try:
        model = transformers.AutoModelForCausalLM.from_pretrained(source, dtype=_dtype(dtype), **options)
    except (OSError, ValueError, KeyError, ImportError, RuntimeError) as error:
        raise _failure("model", source, error) from error
    try:
        return model.to(device), own
    except (RuntimeError, AssertionError) as error:
        raise ModelError(f"the model cannot be moved to {device!r}: {error}", where="device") from error


def _tokenizer(tokenizer: Any, options: dict[str, Any]) -> Any:
    """A tokenizer object; names and folders are loaded."""
    if not isinstance(tokenizer, str | os.PathLike):
        return tokenizer
    source = str(tokenizer)
    try:
        return _transformers().AutoTokenizer.from_pretrained(source, **options)
    except (OSError, ValueError, KeyError, ImportError, TypeError) as error:
        raise _failure("tokenizer", source, error) from error


def _failure(what: str, source: str, error: Exception) -> ModelError:
    """What could not be loaded, in one line, with what may help."""
    first = str(error).strip().split("\n")[0]
    hint = (
        "the folder may be incomplete; it needs config.json, weights, tokenizer.json"
        if Path(source).is_dir()
        else 'is the name right, is the network there, do you have access? Without network: load("tiny") or a local folder'
    )
    return ModelError(f"the {what} {source!r} cannot be loaded: {first}", where=what, hint=hint)


def _dtype(dtype: Any) -> Any:
    """A torch dtype by name; objects, None and "auto" as they are."""
    if not isinstance(dtype, str) or dtype == "auto":
        return dtype
    torch = import_module("torch")
    found = getattr(torch, dtype, None)
    if not isinstance(found, torch.dtype):
        raise ModelError(f"there is no dtype {dtype!r}", where="dtype", hint='"float32", "float16", "bfloat16" or "auto"')
    return found


def _hugging_face(model: Any, tokenizer: Any, stop: Any, chat: bool, template: Mapping[str, Any] | None) -> CausalLM:
    from structgen.models.hf import HuggingFaceModel

    loaded: CausalLM = HuggingFaceModel(model, tokenizer, stop=stop, chat=chat, template=template)
    return loaded
