"""The flat trie against a trie of dictionaries."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from structgen.vocab.trie import Trie, build_trie, trie_of

Node = dict  # byte -> (Node, ids ending there)


def nested(pairs: list[tuple[bytes, int]]) -> Node:
    root: Node = {}
    for string, i in pairs:
        node, ids = root, None
        for byte in string:
            node, ids = node.setdefault(byte, ({}, []))
        if ids is not None:
            ids.append(i)
    return root


def flattened(root: Node) -> dict[str, list[int]]:
    out: dict[str, list[int]] = {"byte": [], "depth": [], "end": [], "first": [0], "tokens": [], "root": []}

    def walk(node: Node, depth: int) -> None:
        for byte in sorted(node):
            child, ids = node[byte]
            row = len(out["byte"])
            out["byte"].append(byte)
            out["depth"].append(depth)
            out["end"].append(-1)
            out["tokens"] += sorted(ids)
            out["first"].append(len(out["tokens"]))
            walk(child, depth + 1)
            out["end"][row] = len(out["byte"])

    walk(root, 0)
    tops = [(b, i) for i, (b, d) in enumerate(zip(out["byte"], out["depth"], strict=True)) if d == 0]
    out["root"] = [min([i for b, i in tops if b >= low], default=len(out["byte"])) for low in range(257)]
    return out


def listed(trie: Trie) -> dict[str, list[int]]:
    return {name: array.tolist() for name, array in trie._asdict().items()}


strings = st.lists(st.one_of(st.binary(max_size=5), st.text("ab", max_size=6).map(str.encode)), max_size=40)


@settings(derandomize=True, max_examples=200, deadline=None)
@given(strings)
def test_is_the_flattened_nested_trie(tokens: list[bytes]) -> None:
    pairs = [(token, i) for i, token in enumerate(tokens)]
    assert listed(build_trie(tokens)) == flattened(nested(pairs))


@settings(derandomize=True, max_examples=100, deadline=None)
@given(strings)
def test_of_a_set(tokens: list[bytes]) -> None:
    assert listed(trie_of(tokens)) == flattened(nested([(token, 0) for token in tokens]))


@settings(derandomize=True, max_examples=100, deadline=None)
@given(strings)
def test_a_subtree_holds_the_tokens_with_its_prefix(tokens: list[bytes]) -> None:
    trie = build_trie(tokens)
    path = b""
    for i, (byte, depth) in enumerate(zip(trie.byte.tolist(), trie.depth.tolist(), strict=True)):
        path = path[:depth] + bytes([byte])
        here = trie.tokens[trie.first[i] : trie.first[i + 1]].tolist()
        below = trie.tokens[trie.first[i] : trie.first[trie.end[i]]].tolist()
        assert here == [k for k, token in enumerate(tokens) if token == path]
        assert sorted(below) == [k for k, token in enumerate(tokens) if token.startswith(path)]


@pytest.mark.parametrize("tokens", [[], [b""], [b"", b""]])
def test_nothing(tokens: list[bytes]) -> None:
    trie = build_trie(tokens)
    assert [len(array) for array in trie] == [0, 0, 0, 1, 0, 257]
    assert not trie.root.any()


def test_a_very_long_token() -> None:
    trie = build_trie([b"x" * 100_000, b"x", b"y"])
    assert trie.end[0] == 100_000
    assert trie.depth[99_999] == 99_999
    assert trie.tokens.tolist() == [1, 0, 2]


def test_arrays_are_plain() -> None:
    trie = build_trie([b"ab", b"a", b"c"])
    assert {name: array.dtype.name for name, array in trie._asdict().items()} == {
        "byte": "uint8", "depth": "int32", "end": "int32", "first": "int32", "tokens": "int32", "root": "int32",
    }  # fmt: skip
    for array in trie:
        assert array.flags.c_contiguous
        with pytest.raises(ValueError, match="read-only"):
            array[:] = 0
    assert isinstance(trie.byte, np.ndarray)
