"""Special tokens in Lark grammars: how they are written, where they may stand, and which ids pass."""

from __future__ import annotations

import pytest

import structgen as sg
from structgen.constraint.protocol import unpack
from structgen.errors import LarkError, Place, UnsupportedFeature, VocabularyError
from structgen.frontends.lark.specials import without_specials
from structgen.vocab.vocabulary import Vocabulary

# ids        0     1     2     3     4     5         6    7    8
TOKENS = [b"a", b"b", b" ", b"#", b"\n", b"</a>", b"", b"", b""]
VOCAB = Vocabulary.from_bytes(TOKENS, eos=8, special={"<a>": 6, "<|b|>": 7, "<|end|>": 8})


def passes(grammar: str, *tokens: int) -> bool:
    automaton = sg.compile(sg.lark(grammar), VOCAB)
    state = automaton.start()
    for token in tokens:
        assert bool(automaton.advance(state, token)) == (token in unpack(automaton.mask(state)))
        state = automaton.advance(state, token)
    return automaton.accepts(state)


@pytest.mark.parametrize(
    ("written", "ids"),
    [
        ("<a>", {6}),
        ("<|b|>", {7}),
        ("<[3]>", {3}),
        ("<[2-4]>", {2, 3, 4}),
        ("<[0,2-3,7]>", {0, 2, 3, 7}),
        ("<[^0,2-5]>", {1, 6, 7}),
        ("<[*]>", {0, 1, 2, 3, 4, 5, 6, 7}),
    ],
)
def test_the_ids_that_are_written(written: str, ids: set[int]) -> None:
    assert {t for t in range(9) if passes(f"start: {written}", t)} == ids
    assert {t for t in range(9) if passes(f'start: "b" {written}~2 | {written} "a"', 1, t, t)} == ids


def test_among_rules_and_terminals() -> None:
    grammar = """
    start: think? WORD tail{<|b|>}   // <x>
    think: <a> /[ab]+/ <[5]>         # "<y>" </z>
    tail{end}: end | "<" end
    WORD: "<a>"? /a+/
    """
    assert passes(grammar, 6, 0, 1, 5, 0, 7)
    assert passes(grammar, 0, 7)
    assert not passes(grammar, 6, 0, 1, 0, 7)
    assert not passes(grammar, 6, 0, 7)


def test_ignored_text_around_them() -> None:
    grammar = 'start: <a> "b" <|b|>\nCOMMENT: /#[^\\n]*/\n%ignore COMMENT\n%ignore /[ \\n]+/'
    assert passes(grammar, 6, 1, 7)
    assert passes(grammar, 2, 3, 1, 6, 2, 3, 0, 4, 1, 3, 0, 7, 2)
    assert not passes(grammar, 6, 3, 1, 7)  # the comment takes the b


def test_left_recursion_and_what_is_in_it() -> None:
    grammar = 'start: start <a> | start "a" | <|b|>'
    assert passes(grammar, 7, 6, 0, 0, 6)
    assert not passes(grammar, 6, 0)


def test_places_stay_what_they_were() -> None:
    text = "start: <a> SAA <|long_name|> \"<a>\" /<a>/ // <a>\nSAA: 'a'"
    plain, specials = without_specials(text)
    assert len(plain) == len(text)
    assert plain.replace("AAA", "<a>", 1).replace(next(n for n in specials if len(n) > 3), "<|long_name|>") == text
    assert [str(one) for one in specials.values()] == ["token <a>", "token <|long_name|>"]
    assert without_specials('start: "<a>"') == ('start: "<a>"', {})


@pytest.mark.parametrize(
    ("text", "at", "message"),
    [
        ("start: <a> )", 11, "\\) cannot stand here"),
        ("start: <a> x <b>", 11, "x"),
        ('start: A\nA: "a" <a>', 7, "the terminal A has a special token"),
        ('start: "a"\n%ignore <a>', 19, "cannot be ignored"),
        ("start: <[x]>", 7, "no token ids"),
        ('start: "a" <[4-2]>', 11, "ends before it begins"),
        ("start: <a> <b> : <c>", 15, "colon"),
        ('start: <a>\n<a>: "x"', 11, "<a> cannot be defined"),
    ],
)
def test_errors(text: str, at: int, message: str) -> None:
    with pytest.raises(LarkError, match=message) as caught:
        sg.lark(text)
    assert caught.value.where == Place(text, at)


def test_what_the_vocabulary_lacks_is_said_when_compiling() -> None:
    grammar = sg.lark('start: "a" rest\nrest: <none>')
    with pytest.raises(VocabularyError, match="<none>"):
        sg.compile(grammar, VOCAB)
    with pytest.raises(UnsupportedFeature, match="special token"):
        grammar.examples(1)
