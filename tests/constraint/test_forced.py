"""Forced tokens are those that the tokenizer itself takes: at every place of a text, in its own tokens."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest
from conftest import SCALE

import structgen as sg
from structgen.automata.machine import ByteAutomaton
from structgen.automata.symbols import Symbols
from structgen.bench.cases import read_cases
from structgen.constraint.automaton import TokenAutomaton
from structgen.constraint.protocol import DEAD
from structgen.errors import OptionError, StructgenError, VocabularyError
from structgen.ir.expr import EPSILON, Alt, Expr, Lit, Repeat, Seq, Special
from structgen.vocab.vocabulary import Vocabulary

WORDS = Vocabulary.from_bytes([b"a", b"b", b"ab", b"abc", b"c", b"d", b"cd", b""], eos=7)
SPECIAL = Vocabulary.from_bytes([b"a", b"b", b"ab", b"", b"bb", b"", b"", b""], eos=5, special={"<t>": 3, "<u>": 7})
BYTE_LEVEL = ["qwen3", "o200k_base", "cl100k_base", "mistral_tekken", "gpt2", "falcon_65k"]
OTHERS = ["mistral_v1_32k", "phi3_mini_32k", "stories_512", "rwkv_world_65k"]


def compiled(expr: Expr, vocabulary: Vocabulary) -> TokenAutomaton:
    return TokenAutomaton(ByteAutomaton(expr, symbols=Symbols(vocabulary)), vocabulary)


def check(automaton: TokenAutomaton, tokens: Sequence[int]) -> int:
    """How many tokens are forced on the way through a text; they must be those of the text."""
    state, count = automaton.start(), 0
    for at, token in enumerate(tokens):
        forced = automaton.forced(state, behind=tokens[:at])
        assert forced == list(tokens[at : at + len(forced)]), automaton.vocabulary.decode(tokens[:at])
        count += len(forced)
        state = automaton.advance(state, token)
        assert state != DEAD
    return count


# ---- small vocabularies ------------------------------------------------------------------------------------------------------------------


def test_tokens_that_a_longer_one_could_take_in_are_open() -> None:
    def forced(expr: Expr) -> list[int]:
        automaton = compiled(expr, WORDS)
        return automaton.forced(automaton.start())

    assert forced(Lit(b"abcd")) == [3, 5]
    assert forced(Seq((Lit(b"ab"), Alt((Lit(b"c"), Lit(b"d")))))) == []  # "abc" may take in what "ab" ends with
    assert forced(Seq((Lit(b"ab"), Alt((Lit(b"a"), Lit(b"d")))))) == [2]  # but not here
    assert forced(Seq((Lit(b"dab"), Alt((Lit(b"c"), Lit(b"d")))))) == [5]
    assert forced(Seq((Lit(b"dd"), Alt((Lit(b"d"), EPSILON))))) == [5, 5]
    assert forced(Repeat(Lit(b"a"))) == []
    assert forced(Lit(b"xa")) == []  # no tokens for these bytes
    assert forced(Repeat(Lit(b"d"), 1000, 1000)) == [5] * 1000


def test_special_tokens_are_forced_and_part_texts() -> None:
    def forced(expr: Expr, behind: Sequence[int] = ()) -> tuple[list[int], bytes]:
        automaton = compiled(expr, SPECIAL)
        state = automaton.start()
        for token in behind:
            state = automaton.advance(state, token)
        return automaton.forced(state, behind=behind), automaton.forced_bytes(state)

    assert forced(Seq((Special("<t>"), Lit(b"ab")))) == ([3, 2], b"")
    assert forced(Seq((Lit(b"a"), Special("<t>"), Special("<u>"), Repeat(Lit(b"b"))))) == ([0, 3, 7], b"a")  # no token goes across
    assert forced(Seq((Lit(b"a"), Alt((Special("<t>"), Special("<u>")))))) == ([0], b"a")  # and which of them is open
    assert forced(Seq((Special("<t>"), Alt((Lit(b"a"), Lit(b"b")))))) == ([3], b"")
    assert forced(Lit(b"ab"), [0]) == ([], b"b")  # the tokenizer would have taken "ab"
    assert forced(Seq((Lit(b"a"), Special("<t>"), Lit(b"b"))), [0, 3]) == ([1], b"b")  # the text before a special token does not matter
    assert forced(Seq((Lit(b"a"), Special("<t>"))), [0]) == ([3], b"")


def test_the_text_before_matters() -> None:
    """Where marks stand alone, the tokenizer takes one of them together with the letters behind it; in a group of marks it does not."""
    tokens = [b'{"', b"_", b"_schema", b"schema", b"[", b""]

    def encode(text: str) -> list[int]:
        pieces = re.findall(r"[^a-z]?[a-z]+|[^a-z]+", text)
        return [tokens.index(part.encode()) for piece in pieces for part in re.findall(r'\{"|_schema|schema|.', piece)]

    vocabulary = Vocabulary.from_bytes(tokens, eos=5, encode=encode)
    automaton = sg.compile(sg.choice(['{"_schema', "[_schema"]), vocabulary)
    state = automaton.advance(automaton.start(), 0)
    assert automaton.forced(state) == [2]  # as at the beginning of a text
    assert automaton.forced(state, behind=[0]) == automaton.forced(state, behind=[3, 3, 3, 3, 3, 0]) == [1, 3]
    matcher = sg.Matcher(automaton)
    assert matcher.accept(0)
    assert (matcher.forced(), matcher.fork().forced()) == ([1, 3], [1, 3])
    matcher.rollback()
    assert matcher.accept(4)
    assert matcher.forced() == [1, 3]


def test_tokens_that_the_tokenizer_would_not_have_taken_force_nothing() -> None:
    automaton = sg.compile(sg.choice(["abcd", "dabd"]), WORDS)
    state = automaton.read(automaton.start(), b"ab")
    assert automaton.forced(state, behind=[0, 1]) == automaton.forced(state, behind=[2]) == []  # "abc" takes all of it
    behind = automaton.read(automaton.start(), b"dab")
    assert automaton.forced(behind, behind=[5, 0, 1]) == []
    assert automaton.forced(behind, behind=[5, 2]) == [5]


def test_memos_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "dabcd" * 60
    automaton = sg.compile(sg.choice([text]), WORDS)
    tokens = WORDS.encode(text)
    rest = check(automaton, tokens)
    held = automaton._forced._held
    monkeypatch.setattr("structgen.constraint.forced._MEMO_MAX", 4000)
    again = sg.compile(sg.choice([text]), WORDS)
    assert check(again, tokens) == rest > 1000
    assert again._forced._held <= 4000 < held
    assert sum(len(must.text) for must in again._forced._musts.values()) + 8 * sum(map(len, again._forced._known.values())) <= 4000


def test_what_is_no_token_is_named() -> None:
    automaton = sg.compile(sg.choice(["abcd"]), WORDS)
    with pytest.raises(VocabularyError, match="there is no token 99"):
        automaton.forced(automaton.start(), behind=[99])
    with pytest.raises(OptionError, match="'ab' is no token"):
        automaton.forced(automaton.start(), behind=["ab"])


def test_a_tokenizer_that_cannot_be_asked_is_an_error() -> None:
    def encode(text: str) -> list[int]:
        raise VocabularyError("the tokenizer's file is gone")

    automaton = sg.compile(sg.choice(["ab"]), Vocabulary.from_bytes([b"a", b"b", b""], eos=2, encode=encode))
    with pytest.raises(VocabularyError, match="gone"):
        automaton.forced(automaton.start())


def byte_pairs(rng: Random, alphabet: str) -> tuple[list[bytes], Callable[[str], list[int]]]:
    """The tokens of a random tokenizer, and its encode: texts are cut into groups of letters and of marks, and pairs merged by rank."""
    tokens = [bytes([byte]) for byte in sorted({*alphabet.encode(), rng.choice(b"\x01a")})]
    ranks: dict[tuple[bytes, bytes], int] = {}
    for _ in range(rng.randrange(4, 30)):
        pair = rng.choice(tokens), rng.choice(tokens)
        if pair[0] + pair[1] not in tokens and len(pair[0] + pair[1]) < 7:
            ranks[pair] = len(ranks)
            tokens.append(pair[0] + pair[1])
    groups = re.compile(rng.choice([r"(?s:.+)", r"\W?\w+|\W+", r" ?\w+| ?[^\w\s]+|\s+(?!\S)|\s+", r"[\W_]+|[^\W_]{1,3}"]))

    def encode(text: str) -> list[int]:
        out = []
        for group in groups.findall(text):
            parts = [bytes([byte]) for byte in group.encode()]
            while pairs := [(ranks[pair], at) for at, pair in enumerate(pairwise(parts)) if pair in ranks]:
                at = min(pairs)[1]
                parts[at : at + 2] = [parts[at] + parts[at + 1]]
            out += [tokens.index(part) for part in parts]
        return out

    return [*tokens, b""], encode


@pytest.mark.parametrize("seed", range(int(200 * SCALE) or 1))
def test_random_tokenizers(seed: int) -> None:
    """Whatever text of the language comes: at each place in its tokens, what is forced are its next tokens."""
    rng = Random(seed)
    alphabet = rng.choice(["ab", 'ab{"_', "ab \n", "aé日_", "a1. "])
    tokens, encode = byte_pairs(rng, alphabet)
    vocabulary = Vocabulary.from_bytes(tokens, eos=len(tokens) - 1, encode=encode)
    assert all(vocabulary.decode(encode(text)) == text.encode() for text in (alphabet, alphabet[::-1] * 2))
    shared = ["".join(rng.choices(alphabet, k=rng.randrange(5))) for _ in range(3)]
    texts = ["".join(rng.choice([rng.choice(shared), rng.choice(alphabet)]) for _ in range(rng.randrange(1, 8))) for _ in range(4)]
    texts = [rng.choice(texts) + text for text in texts] + texts[:1]
    automaton = sg.compile(sg.choice(texts), vocabulary)
    for text in texts:
        check(automaton, encode(text))


# ---- real tokenizers ---------------------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def tokenizer(folder: Path, name: str) -> tuple[Vocabulary, Callable[[str], list[int]]]:
    """A vocabulary, and how its tokenizer cuts a whole text; SentencePiece puts a blank before, which its vocabulary takes away."""
    place = folder / "tokenizers" / name
    vocabulary = Vocabulary.from_tokenizer(next(place.glob("rwkv*.txt"), place))
    if name in OTHERS:
        return vocabulary, vocabulary.encode
    backend = pytest.importorskip("tokenizers").Tokenizer.from_file(str(place / "tokenizer.json"))
    return vocabulary, lambda text: backend.encode(text, add_special_tokens=False).ids


@pytest.mark.parametrize("name", [*BYTE_LEVEL, *OTHERS])
def test_texts_of_real_schemas(shared_data: Path, name: str) -> None:
    vocabulary, encode = tokenizer(shared_data, name)
    rng = Random(name)
    forced = {"default": 0, "compact": 0}
    for case in rng.sample(read_cases(shared_data / "maskbench" / "maskbench_dev.jsonl.xz", None), int(12 * SCALE) or 1):
        text = next((text for text, valid in case.tests if valid), None)
        if text is None or len(text) > 3000 or unicodedata.normalize("NFC", text) != text:
            continue
        for style in forced:
            if style == "compact":
                text = json.dumps(json.loads(text), ensure_ascii=False, separators=(",", ":"))
            try:
                automaton = sg.compile(sg.json_schema(case.schema, style=style), vocabulary)
            except StructgenError:
                continue
            tokens = encode(text)
            if automaton.read(automaton.start(), text) != DEAD and vocabulary.decode(tokens) == text.encode():
                forced[style] += check(automaton, tokens)
    assert SCALE < 1 or min(forced.values()) > 20


@pytest.mark.parametrize("name", [*BYTE_LEVEL, *OTHERS])
def test_texts_that_begin_alike(shared_data: Path, name: str) -> None:
    """Texts of many scripts: some, and the beginnings of each with other ends."""
    vocabulary, encode = tokenizer(shared_data, name)
    rng = Random(name)
    parts = [*"aB1 _.,-", "  ", "\n", "\n    ", "12345", '{"', '":"', "'s", "the", " Gen", "____", "camelCase"]
    parts += ["été", "日本語", "한국", "👍🏽", "नमस्ते", "\u00a0", "\u3000 "]
    forced = 0
    for _ in range(int(40 * SCALE) or 1):
        stem = "".join(rng.choices(parts, k=rng.randrange(1, 9)))
        texts = [stem[: rng.randrange(len(stem) + 1)] + "".join(rng.choices(parts, k=rng.randrange(5))) for _ in range(4)]
        texts = [unicodedata.normalize("NFC", text) for text in texts if text]
        automaton = sg.compile(sg.choice(texts or [stem]), vocabulary)
        for text in texts:
            tokens = encode(text)
            if vocabulary.decode(tokens) == text.encode():
                forced += check(automaton, tokens)
    assert SCALE < 1 or forced > 100
