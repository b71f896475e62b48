"""How characters are spelled: spelling automata against Python's own json and UTF-8, leaf tables against plain searches."""

from __future__ import annotations

import json
from collections import deque
from functools import partial
from random import Random

import numpy as np
import pytest
from conftest import SCALE

from structgen.automata.leaves import pool
from structgen.automata.machine import ByteAutomaton
from structgen.ir.chars import ANY, of_text, partition
from structgen.ir.encoding import BYTES, JSON, JSON_INNER, UTF8, Encoding
from structgen.ir.expr import Leaf
from structgen.ir.regular import CharDFA
from structgen.ir.spelling import spelling

EDGES = [0, 1, 8, 9, 10, 12, 13, 0x1F, 0x20, 0x22, 0x2F, 0x5C, 0x7E, 0x7F, 0x80, 0x7FF, 0x800, 0xFFF, 0x1000, 0xD7FF, 0xE000, 0xFFFD]
EDGES += [0xFFFE, 0xFFFF, 0x10000, 0x103FF, 0x10400, 0x3FFFF, 0x40000, 0xFFFFF, 0x100000, 0x10FFFF]
ALPHABET, _ = partition((ANY, of_text('abcé€😀\n"/'), ((0x10000, 0x103FF),), ((0xD000, 0xD7FF),)))


def samples(count: int) -> list[int]:
    rng = Random(7)
    found = [*EDGES, *(rng.randrange(0x110000) for _ in range(count)), *(rng.randrange(0x800) for _ in range(count))]
    return [code for code in found if not 0xD800 <= code < 0xE000]


def read(encoding: Encoding, data: bytes) -> int | None:
    """The class of the one character that `data` spells, None where it spells none."""
    automaton = spelling(ALPHABET, encoding)
    at = 0
    for i, byte in enumerate(data):
        at = int(automaton.enc[at, automaton.cls[byte]])
        if at == -1:
            return None
        if at < -1:
            return -2 - at if i == len(data) - 1 else None
    return None


def spellings(code: int) -> list[bytes]:
    """Every way that JSON has for a character, in the cases that matter."""
    char = chr(code)
    escaped = json.dumps(char)[1:-1] if code != 0x7F else "\\u007f"
    units = char.encode("utf-16-be").hex()
    long = "".join(f"\\u{units[i : i + 4]}" for i in range(0, len(units), 4))
    mixed = "".join(c.upper() if i % 2 else c for i, c in enumerate(long[2:]))
    found = [escaped, long, "\\u" + mixed.replace("\\U", "\\u")]
    if code >= 0x20 and char not in '"\\':
        found.append(char)
    return [text.encode() for text in found] + ([b"\\/"] if char == "/" else [])


@pytest.mark.parametrize("encoding", [UTF8, BYTES])
def test_where_characters_are_single_bytes(encoding: Encoding) -> None:
    """Byte by byte against the classes of the alphabet; surrogates, and for UTF-8 all beyond ASCII, lead nowhere."""
    rng = Random(3)
    for _ in range(40):
        chars = "".join(chr(rng.randrange(0x80 if encoding is UTF8 else 0x100)) for _ in range(rng.randrange(1, 9)))
        alphabet, _ = partition((of_text(chars), of_text(chars[::2])))
        automaton = spelling(alphabet, encoding)
        for code in range(0x100):
            x = int(automaton.enc[0, automaton.cls[code]])
            cls = alphabet.class_of(code)
            assert x == (-1 if cls == alphabet.class_of(0xD800) else -2 - cls)


def test_utf8_is_pythons() -> None:
    for code in samples(int(2000 * SCALE)):
        data = chr(code).encode()
        assert read(UTF8, data) == ALPHABET.class_of(code)
        assert all(read(UTF8, data[:k]) is None for k in range(len(data)))


def test_bytes_that_are_no_utf8_spell_nothing() -> None:
    rng = Random(3)
    made = [
        bytes(rng.choice([rng.randrange(256), rng.randrange(0x80, 0xC0)]) for _ in range(rng.randrange(1, 5)))
        for _ in range(int(4000 * SCALE))
    ]
    made += [
        b"\xc0\x80",
        b"\xc1\xbf",
        b"\xe0\x80\x80",
        b"\xed\xa0\x80",
        b"\xed\xbf\xbf",
        b"\xf0\x80\x80\x80",
        b"\xf4\x90\x80\x80",
        b"\xf5\x80\x80\x80",
    ]
    for data in made:
        try:
            text = data.decode()
        except UnicodeDecodeError:
            text = ""
        assert read(UTF8, data) == (ALPHABET.class_of(ord(text)) if len(text) == 1 else None), data


def test_every_escape_is_what_json_reads() -> None:
    for code in samples(int(1500 * SCALE)):
        for data in spellings(code):
            assert json.loads(b'"' + data + b'"') == chr(code)
            assert read(JSON_INNER["any"], data) == ALPHABET.class_of(code), data
            assert read(JSON["any"], data) == ALPHABET.class_of(code) + 1, data


def test_random_escapes_are_taken_exactly_where_json_takes_them() -> None:
    rng = Random(11)
    for _ in range(int(4000 * SCALE)):
        body = "".join(rng.choices("0123456789abcdefABCDEFdD8g", k=4))
        data = rng.choice(["\\u", "\\U", "\\"]) + body + rng.choice(["", "", "\\udc00", "\\uDBFF", "\\n", "\\udfZf"])
        try:
            text = json.loads(f'"{data}"')
            wanted = ALPHABET.class_of(ord(text)) if len(text) == 1 and not 0xD800 <= ord(text) < 0xE000 else None
        except json.JSONDecodeError:
            wanted = None
        assert read(JSON_INNER["any"], data.encode()) == wanted, data


def test_minimal_escapes_are_those_of_json_dumps() -> None:
    for code in samples(int(500 * SCALE)):
        shortest = json.dumps(chr(code), ensure_ascii=False)[1:-1].encode()
        assert read(JSON_INNER["minimal"], shortest) == ALPHABET.class_of(code)
        assert all(read(JSON_INNER["minimal"], data) is None for data in spellings(code) if data != shortest), code


@pytest.mark.parametrize(
    "data", [b"\\ud800", b"\\udbff\\ud800", b"\\udc00", b"\\ud83d\\n", b"\\ud83dx", b"\xed\xa0\x80", b"\n", b"\x00", b"\\x41", b"\\'"]
)
def test_lone_surrogates_and_control_characters_are_refused(data: bytes) -> None:
    for escapes in ("any", "minimal"):
        machine = ByteAutomaton(Leaf(CharDFA.any(), JSON[escapes]))
        assert not machine.accepts(b'"' + data + b'"')
        assert machine.accepts(b'""')


def test_reach_is_what_lies_below_a_node() -> None:
    for encoding in (UTF8, JSON["any"], JSON["minimal"]):
        automaton = spelling(ALPHABET, encoding)

        def below(node: int, enc: object = automaton.enc) -> frozenset[int]:
            targets = {int(x) for x in enc[node]} - {-1}  # type: ignore[index]
            return frozenset(-2 - x for x in targets if x < 0).union(*(partial(below, x)() for x in targets if x > 0))

        groups = [set(group.tolist()) for group in np.split(automaton.reach, automaton.starts[1:])]
        for node in range(1, len(automaton.enc)):
            assert groups[automaton.below[node - 1]] == below(node)


@pytest.mark.parametrize("encoding", [UTF8, JSON["any"], JSON_INNER["any"], BYTES])
def test_lengths_of_leaves_are_those_of_a_search(encoding: Encoding) -> None:
    """dist and far of every node of some leaves, by search over bytes."""
    dfa = CharDFA.of_strings(["a", "é", "èab", "\n", "bbbb"]) | CharDFA.of_chars(of_text("c")) + CharDFA.of_chars(of_text("xÿ")).repeat()
    machine = ByteAutomaton(Leaf(dfa, encoding))
    start = pool().add(dfa, encoding)
    assert pool().add(dfa | dfa, encoding) == start  # equal languages are one leaf
    for data in dfa.strings(8):
        raw = data.encode("latin-1" if encoding is BYTES else "utf-8", "ignore").replace(b"\n", b"\\n" if encoding.escapes else b"\n")
        if encoding.is_quoted:
            raw = b'"' + raw + b'"'
        if encoding is not BYTES or data.isascii():
            assert machine.accepts(raw), data
    todo, seen = deque([machine.start]), {machine.start}
    while todo:  # no dead ends: from every state some byte goes on, or the text may end
        state = todo.popleft()
        moves = machine.moves(state)
        assert moves or machine.is_final(state)
        for _, to in moves:
            if to not in seen:
                seen.add(to)
                todo.append(to)
