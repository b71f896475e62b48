"""Readers: a tokenizer of somebody else's making -> `Source`, which says what is known of its tokens.

A tokenizer is recognised by what it can do (duck typing), never by the name of its class:

    backend_tokenizer            transformers, Rust-backed        (`PreTrainedTokenizerFast` and its children)
    get_vocab + added_tokens_decoder + decode                      transformers, written in Python
    get_vocab + id_to_token      tokenizers.Tokenizer
    decode_single_token_bytes    tiktoken.Encoding
    id_to_piece + is_control     sentencepiece.SentencePieceProcessor
    id_to_piece + is_special     mistral_common, also inside its MistralTokenizer and transformers' MistralCommonBackend

Not here: whether a reading is right (`audit`), files (`files`), the public class (`vocabulary`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from structgen.errors import VocabularyError
from structgen.vocab import recipes
from structgen.vocab.recipes import Pieces
from structgen.vocab.texts import Texts

Recipe = tuple[str, Callable[[Pieces], list[bytes]]]
WORDS_ONLY: Final = frozenset({"WhitespaceSplit", "Whitespace", "BertPreTokenizer"})  # pre-tokenizers that throw blanks away


@dataclass(slots=True)
class Source:
    """What is known of a tokenizer. Either `pieces` with the `recipes` to try in turn, or the bytes themselves in `tokens`."""

    pieces: list[str | None] = field(default_factory=list)  # by id; None: no such id, or special
    recipes: list[Recipe] = field(default_factory=list)
    tokens: list[bytes] = field(default_factory=list)  # by id; b"": special, unused, or a hole
    kind: str = "bytes"  # the recipe in use
    special: dict[str, int] = field(default_factory=dict)  # spelling -> id, for special and added tokens
    added: dict[int, str] = field(default_factory=dict)  # id -> text, for added tokens that are not special
    greedy: frozenset[int] = frozenset()  # added tokens that take in the blanks beside them when text is encoded
    stop: tuple[int, ...] = ()
    encode: Callable[[str], list[int]] | None = None  # without special tokens at the ends
    decode: Callable[[list[int]], str] | None = None
    normalize: Callable[[str], str] | None = None  # the declared normaliser, if one can be called
    unknown: frozenset[int] = frozenset()  # ids that stand for "not in the vocabulary"
    fallback: frozenset[int] = frozenset()  # byte-fallback ids: second choice where an ordinary token has the same bytes
    drops_blanks: bool = False  # declared: blanks of the text are not kept as they were
    opaque: bool = False  # the normaliser cannot be seen
    notes: list[str] = field(default_factory=list)
    texts: Texts | None = None  # of `tokens`, once somebody has asked and nothing changes any more

    def hide(self, spelling: str, i: int) -> None:
        """Makes an id special: it is known by its spelling and has no text."""
        self.special[spelling] = i
        self.added.pop(i, None)
        if i < len(self.pieces):
            self.pieces[i] = None
        if i < len(self.tokens):
            self.tokens[i] = b""

    def name(self, spelling: str, i: int, *, is_special: bool) -> None:
        """Makes an id an added token. It has text unless it is special, or was."""
        if is_special or (spelling in self.special and i not in self.added) or i >= len(self.pieces):
            self.hide(spelling, i)
        else:
            self.special[spelling], self.added[i] = i, spelling

    def use(self, name: str, spell: Callable[[Pieces], list[bytes]]) -> None:
        """Takes a recipe: fills in `kind`, `tokens` and `fallback`. Added tokens that it spells otherwise than text does have no text."""
        self.kind, self.tokens = name, spell(self.pieces)
        for i, text in self.added.items():
            if self.tokens[i] not in (text.encode(), b" " + text.encode()):
                self.tokens[i] = b""
        bytewise = enumerate(self.pieces) if name == "metaspace" else ()
        self.fallback = frozenset(i for i, piece in bytewise if recipes.is_byte_piece(piece))

    def spelling(self, i: int) -> str:
        """How a token with text is written."""
        piece = self.pieces[i] if i < len(self.pieces) else None
        return piece if piece is not None else self.tokens[i].decode("utf-8", "backslashreplace")

    def find(self, spelling: str) -> int:
        """The id of a special token or, failing that, of the ordinary token with this spelling."""
        if spelling in self.special:
            return self.special[spelling]
        if spelling in self.pieces:
            return self.pieces.index(spelling)
        if (data := spelling.encode("utf-8", "surrogatepass")) in self.tokens:
            return self.tokens.index(data)
        hint = f"what ends a text is one token; special tokens: {self.shown_specials()}"
        raise VocabularyError(f"there is no token {spelling!r}", where="stop", hint=hint)

    def shown_specials(self) -> str:
        """Some spellings of special tokens for a message, those that look like an end first."""
        ends = ("end", "</s>", "eos", "eot")
        names = sorted(self.special, key=lambda name: (not any(mark in name.lower() for mark in ends), self.special[name]))
        return ", ".join(map(repr, names[:8])) + (", …" if len(names) > 8 else "") if names else "(there are none)"


def read(tokenizer: Any) -> Source:
    """The source behind a tokenizer object. Raises `VocabularyError` where nothing is recognised."""
    if hasattr(tokenizer, "backend_tokenizer"):
        return _from_transformers_fast(tokenizer)
    mistral = _mistral_inside(tokenizer)
    if mistral is not None:
        return _from_mistral(mistral)
    inner = _tiktoken_inside(tokenizer)
    if inner is not None:
        return _from_tiktoken(inner, outer=None if inner is tokenizer else tokenizer)
    if hasattr(tokenizer, "get_vocab") and hasattr(tokenizer, "id_to_token"):
        return _from_tokenizers(tokenizer)
    if hasattr(tokenizer, "id_to_piece") and hasattr(tokenizer, "is_control"):
        return _from_sentencepiece(tokenizer)
    if hasattr(tokenizer, "get_vocab") and hasattr(tokenizer, "decode"):
        return _from_transformers_python(tokenizer)
    raise VocabularyError(
        f"a {type(tokenizer).__module__}.{type(tokenizer).__qualname__} is not a tokenizer that structgen knows",
        hint="pass a Hugging Face tokenizer, a tokenizers.Tokenizer, a tiktoken.Encoding, a SentencePieceProcessor or a path; "
        "for anything else list the bytes of each token: Vocabulary.from_bytes(tokens, eos=...)",
    )


def _from_tokenizers(backend: Any) -> Source:
    """A `tokenizers.Tokenizer`: declared recipe first, then those that its vocabulary suggests."""
    pieces = _pieces(backend)
    tokens = {int(i): token for i, token in backend.get_added_tokens_decoder().items()}
    special = {token.content: i for i, token in tokens.items()}
    unknown = _unknown_piece(backend.model)
    if unknown is not None and unknown not in special and (i := backend.token_to_id(unknown)) is not None:
        special[unknown] = i
    names = set(_type_names(_state(backend.pre_tokenizer)))
    source = Source(
        pieces=pieces,
        special=special,
        added={i: token.content for i, token in tokens.items() if not token.special and token.content != unknown},
        greedy=frozenset(i for i, token in tokens.items() if token.lstrip or token.rstrip),
        encode=partial(_rust_encode, backend),
        decode=partial(backend.decode, skip_special_tokens=False),
        normalize=backend.normalizer.normalize_str if backend.normalizer is not None else None,
        unknown=frozenset({special[unknown]} if unknown in special else ()),
        drops_blanks=bool(names & WORDS_ONLY),
    )
    source.recipes = _declared(backend, names)
    return _finished(source)


def _from_transformers_fast(tokenizer: Any) -> Source:
    source = _from_tokenizers(tokenizer.backend_tokenizer)
    # the wrapper switches truncation and padding off; verbose=False: no warning about texts longer than the model's window
    source.encode = partial(tokenizer.encode, add_special_tokens=False, verbose=False)
    return _with_transformers_specials(source, tokenizer)


def _from_transformers_python(tokenizer: Any) -> Source:
    """A tokenizer written in Python: its normaliser cannot be seen, so its vocabulary has to speak for itself."""
    source = Source(
        pieces=_by_id(tokenizer.get_vocab()),
        encode=partial(tokenizer.encode, add_special_tokens=False, verbose=False),
        decode=partial(tokenizer.decode, skip_special_tokens=False, clean_up_tokenization_spaces=False),
        opaque=True,
    )
    return _finished(_with_transformers_specials(source, tokenizer))


def _with_transformers_specials(source: Source, tokenizer: Any) -> Source:
    """Adds what the transformers wrapper knows: added tokens, named special tokens, the end of sequence."""
    for i, token in getattr(tokenizer, "added_tokens_decoder", {}).items():
        source.name(str(getattr(token, "content", token)), int(i), is_special=getattr(token, "special", True))
    spellings = getattr(tokenizer, "all_special_tokens", ())
    for spelling, i in zip(spellings, getattr(tokenizer, "all_special_ids", ()), strict=False):
        source.hide(str(spelling), int(i))
    if (unknown := getattr(tokenizer, "unk_token_id", None)) is not None:
        source.unknown |= {int(unknown)}
    if (eos := getattr(tokenizer, "eos_token_id", None)) is not None:
        source.stop = tuple(eos) if isinstance(eos, list | tuple) else (int(eos),)
    return source


def _from_tiktoken(encoding: Any, outer: Any = None) -> Source:
    """A `tiktoken.Encoding`, bare or inside a transformers tokenizer (`outer`) that adds special tokens of its own."""
    special = {name: int(encoding.encode_single_token(name)) for name in encoding.special_tokens_set}
    hidden = set(special.values())
    tokens = []
    for i in range(encoding.n_vocab):
        try:
            tokens.append(b"" if i in hidden else encoding.decode_single_token_bytes(i))
        except KeyError:  # a hole in the id space
            tokens.append(b"")
    source = Source(tokens=tokens, kind="tiktoken", special=special, encode=encoding.encode_ordinary, decode=encoding.decode)
    if "<|endoftext|>" in special:
        source.stop = (special["<|endoftext|>"],)
    return source if outer is None else _with_transformers_specials(source, outer)


def _from_mistral(inner: Any) -> Source:
    """A tokenizer of mistral_common: Tekken gives bytes itself, the older ones are SentencePiece."""
    processor = getattr(inner, "_model", None)
    if hasattr(processor, "serialized_model_proto"):  # it also tells user-defined pieces, which the outer calls do not
        return _from_sentencepiece(processor)
    ids = range(inner.n_words)
    special = {str(inner.id_to_piece(i)): i for i in ids if inner.is_special(i) or i == inner.unk_id}
    source = Source(
        special=special,
        stop=(int(inner.eos_id),),
        encode=partial(inner.encode, bos=False, eos=False),
        decode=inner.decode,
        unknown=frozenset({int(inner.unk_id)}),
    )
    if hasattr(inner, "id_to_byte_piece"):
        source.tokens, source.kind = [inner.id_to_byte_piece(i) for i in ids], "tiktoken"
        for spelling, i in special.items():
            source.hide(spelling, i)
        return source
    source.pieces = [inner.id_to_piece(i) for i in ids]
    source.recipes = [("metaspace", recipes.from_metaspace)]
    return _finished(source)


def _from_sentencepiece(processor: Any) -> Source:
    """A `SentencePieceProcessor`. Control, unknown and unused pieces have no text."""
    special: dict[str, int] = {}
    pieces: list[str | None] = []
    unknown: list[int] = []
    for i in range(processor.get_piece_size()):
        piece = processor.id_to_piece(i)
        if processor.is_unknown(i):
            unknown.append(i)
        if processor.is_control(i) or processor.is_unknown(i):
            special[piece] = i
        pieces.append(None if piece in special or processor.is_unused(i) else piece)
    for i in _user_defined(processor):  # text to SentencePiece itself, but what models have there ([INST]) is not meant to be
        special[processor.id_to_piece(i)], pieces[i] = i, None
    eos = processor.eos_id()
    return _finished(
        Source(
            pieces=pieces,
            recipes=[("metaspace", recipes.from_metaspace)],
            special=special,
            stop=(eos,) if eos >= 0 else (),
            encode=processor.encode_as_ids,
            decode=processor.decode_ids,
            normalize=getattr(processor, "normalize", None),
            unknown=frozenset(unknown),
        )
    )


def _user_defined(processor: Any) -> list[int]:
    """Ids of user-defined pieces (type 4 in the model's protocol buffer): what Hugging Face calls added tokens."""
    found, index = [], 0
    for number, value in _fields(processor.serialized_model_proto()):
        if number == 1:
            if any(n == 3 and kind == 4 for n, kind in _fields(value)):
                found.append(index)
            index += 1
    return found


def _fields(data: Any) -> Iterable[tuple[int, Any]]:
    """(field number, value) pairs of a protocol buffer message; values are integers or slices of bytes."""
    view, at = memoryview(data), 0

    def varint() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = view[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(view):
        key = varint()
        wire = key & 7
        if wire == 0:
            yield key >> 3, varint()
            continue
        size = varint() if wire == 2 else 8 if wire == 1 else 4
        yield key >> 3, view[at : at + size]
        at += size


def _finished(source: Source) -> Source:
    """Removes the text of special pieces, and appends the recipes that the vocabulary suggests behind the declared one."""
    for spelling, i in source.special.items():
        if i not in source.added:
            source.hide(spelling, i)
    named = {name for name, _ in source.recipes}
    if not source.recipes or source.opaque:
        likely = recipes.likely_recipes(source.pieces)
        source.recipes += [(name, recipes.RECIPES[name]) for name in likely if name not in named]
    return source


def _declared(backend: Any, pre_tokenizers: set[str]) -> list[Recipe]:
    """The recipe that the decoder of a `tokenizers.Tokenizer` declares; nothing where it declares nothing we know."""
    state = _state(backend.decoder)
    names = set(_type_names(state))
    if "ByteLevel" in names or (state is None and "ByteLevel" in pre_tokenizers):
        return [("byte-level", recipes.from_byte_level)]
    if "ByteFallback" in names or "Metaspace" in names:
        return [("metaspace", partial(recipes.from_metaspace, blanks=_blanks(state)))]
    if "WordPiece" in names and isinstance(state, dict):
        prefix, cleanup = str(state.get("prefix", "##")), bool(state.get("cleanup", True))
        name = "wordpiece, cleaned up" if cleanup else "wordpiece"
        return [(name, partial(recipes.from_wordpiece, prefix=prefix, cleanup=cleanup))]
    if state is None and "Metaspace" not in pre_tokenizers:
        return [("words", recipes.from_words), ("literal", recipes.from_literal)]
    return []


def _blanks(decoder: Any) -> tuple[str, ...]:
    """The spellings of a blank in a SentencePiece decoder: `▁`, unless it declares others."""
    steps = decoder.get("decoders", [decoder]) if isinstance(decoder, Mapping) else []
    declared = [step["replacement"] for step in steps if step.get("type") == "Metaspace"]
    declared += [step["pattern"].get("String", "▁") for step in steps if step.get("type") == "Replace" and step.get("content") == " "]
    return tuple(declared) or ("▁",)


def _unknown_piece(model: Any) -> str | None:
    unknown = getattr(model, "unk_token", None)
    if unknown is None and type(model).__name__ == "Unigram":
        state = json.loads(model.__getstate__())
        if state.get("unk_id") is not None:
            unknown = state["vocab"][state["unk_id"]][0]
    return unknown


def _state(component: Any) -> Any:
    """The JSON description of a decoder, normaliser or pre-tokenizer of `tokenizers`; None where there is none."""
    return None if component is None else json.loads(component.__getstate__())


def _type_names(state: Any) -> Iterable[str]:
    """Every "type" in a component's description, sequences included."""
    if isinstance(state, Mapping):
        if isinstance(state.get("type"), str):
            yield state["type"]
        for value in state.values():
            yield from _type_names(value)
    elif isinstance(state, list):
        for value in state:
            yield from _type_names(value)


def _rust_encode(backend: Any, text: str) -> list[int]:
    """Ids of a text. Padding and truncation that the owner has switched on are undone, without touching the owner's object."""
    encoding = backend.encode(text, add_special_tokens=False)
    parts = [encoding, *encoding.overflowing]
    return [i for part in parts for i, real in zip(part.ids, part.attention_mask, strict=True) if real]


def _tiktoken_inside(tokenizer: Any) -> Any:
    """The tiktoken encoding that a tokenizer is, or wraps (the remote code of Qwen-1 and others); None where there is none."""
    for candidate in (tokenizer, *(getattr(tokenizer, name, None) for name in ("tokenizer", "model", "encoding"))):
        if hasattr(candidate, "decode_single_token_bytes") and hasattr(candidate, "encode_ordinary"):
            return candidate
    return None


def _mistral_inside(tokenizer: Any) -> Any:
    """The mistral_common tokenizer that a tokenizer is or wraps (its own wrapper, or that of transformers); None if there is none."""
    middle = getattr(tokenizer, "tokenizer", None)
    for outer in (tokenizer, getattr(tokenizer, "instruct_tokenizer", None), getattr(middle, "instruct_tokenizer", None)):
        for candidate in (outer, getattr(outer, "tokenizer", None)):
            if hasattr(candidate, "n_words") and hasattr(candidate, "is_special") and hasattr(candidate, "id_to_piece"):
                return candidate
    return None


def _pieces(backend: Any) -> list[str | None]:
    """The pieces of a `tokenizers.Tokenizer` by id. To ask for one after the other takes half as long as for its whole dictionary."""
    size, most = backend.get_vocab_size(with_added_tokens=True), 0
    pieces: list[str | None] = []
    left = size
    while left and most < 2 * size + 1000:  # ids may have holes
        most += left
        pieces += map(backend.id_to_token, range(len(pieces), most))
        left = size - sum(piece is not None for piece in pieces)
    return _by_id(backend.get_vocab(with_added_tokens=True)) if left else pieces


def _by_id(vocab: Mapping[str, int]) -> list[str | None]:
    pieces: list[str | None] = [None] * (max(vocab.values(), default=-1) + 1)
    for piece, i in vocab.items():
        pieces[i] = piece
    return pieces


def plain(tokens: Sequence[bytes | None], special: Mapping[str, int]) -> Source:
    """A source of plain bytes; None and special ids have no text."""
    source = Source(tokens=[bytes(token) if token else b"" for token in tokens])
    for spelling, i in special.items():
        source.hide(spelling, int(i))
    return source
