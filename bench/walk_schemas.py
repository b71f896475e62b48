"""Random texts under our masks, judged by `jsonschema`; and instances, spelled at random, judged by us.

    python bench/walk_schemas.py SAMPLE.jsonl.xz TOKENIZER.json [--texts 50] [--start 0] [--step 1] [--seed 0] [--out FILE.json]

SAMPLE: a line a schema: {"id", "schema", "tests": [{"data", "valid"}]} (MaskBench). For each schema, half of the texts are drawn in the
default style and order, half with style="any"; each has to be valid, with unique keys. Each instance is spelled four times (escapes,
whitespace, forms of numbers, order of keys), and `accepts` has to say what `jsonschema` says of it.

A walk takes random tokens for a while, then those that close something; now and then it writes a word that the schema names, for a
random walk never spells a required key. Walks that do not end in time are counted, and others are drawn in their place; where two of
three do not, random texts of the grammar (`Grammar.examples`) lead the rest of the walks.
"""

from __future__ import annotations

import argparse
import decimal
import json
import lzma
import random
import re
import time
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, NamedTuple

import jsonschema
import numpy as np
from jsonschema.validators import validator_for

from structgen.constraint.automaton import TokenAutomaton
from structgen.constraint.grammar import Grammar
from structgen.frontends.jsonschema import json_schema
from structgen.vocab.vocabulary import Vocabulary

WALKS: Final[tuple[dict[str, str], ...]] = ({}, {"style": "any"})
LOOSE: Final = 25  # tokens before a walk tries to end
MOST: Final = 300  # tokens of a walk

decimal.getcontext().prec = 10_000  # remainders of long numbers
_SHORT: Final = {'"': '\\"', "\\": "\\\\", "/": "\\/", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


Row = np.ndarray[Any, Any]

# ---- the judge ----


class Judge:
    """What `jsonschema` says of a value, by the draft of the schema and with its formats."""

    def __init__(self, schema: Any) -> None:
        exact = json.loads(json.dumps(schema), parse_float=_number)
        kind = validator_for(schema if isinstance(schema, dict) else {}, default=jsonschema.Draft202012Validator)
        self.bare = kind is jsonschema.Draft4Validator  # there, 1.0 is no integer
        if "\\" in json.dumps(schema) or "$" in json.dumps(schema):
            kind = jsonschema.validators.extend(kind, {"pattern": _pattern})
        self.validator = kind(exact, format_checker=kind.FORMAT_CHECKER)

    def faults(self, value: Any) -> list[str]:
        """The keywords that a value violates, with what is said of it."""
        found = [error for error in self.validator.iter_errors(value) if not _is_leap(error)]
        return [f"{error.validator}: {error.message[:200]} at {error.json_path}" for error in found]


def _is_leap(error: Any) -> bool:
    """Leap seconds (RFC 3339, 5.7), which the judge does not know."""
    return error.validator == "format" and error.validator_value in ("time", "date-time") and ":60" in error.instance


def _pattern(_: Any, pattern: str, instance: Any, __: Any) -> Any:
    """ECMA-262 beside Python: there, \\d and \\w are ASCII, and $ is the very end."""
    if isinstance(instance, str) and re.search(_ecma(pattern), instance) is None:
        yield jsonschema.ValidationError(f"{instance!r} does not match {pattern!r}")


def _ecma(pattern: str) -> str:
    found, in_class, at = "", False, 0
    while at < len(pattern):
        one = pattern[at]
        if one == "\\":
            two = pattern[at : at + 2]
            one = {"\\d": "0-9" if in_class else "[0-9]", "\\w": "0-9A-Za-z_" if in_class else "[0-9A-Za-z_]"}.get(two, two)
            at += 1
        elif one in "[]":
            in_class = one == "["
        elif one == "$" and not in_class:
            one = r"\Z"
        at += 1
        found += one
    return found


def _number(text: str) -> Any:
    """An exact number: an int where it is whole."""
    number = Decimal(text)
    if number.is_zero():
        return 0
    if abs(number.adjusted()) > 5000:
        raise OverflowError(text)
    return int(number) if number == number.to_integral_value() else number


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) < len(pairs):
        raise KeyError("a key stands twice")
    return dict(pairs)


def parsed(text: str, *, bare: bool = False) -> Any:
    """The value of a text with exact numbers. Raises KeyError for a repeated key, OverflowError for numbers too large to judge."""
    return json.loads(text, object_pairs_hook=_unique, parse_float=Decimal if bare else _number)


# ---- walks ----


class Tokens:
    """What a walk needs to know of a vocabulary."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        texts = [vocabulary.bytes_of(token) for token in range(vocabulary.size)]
        self.stop = np.array(vocabulary.stop_ids)
        self.plain = np.array([token for token, text in enumerate(texts) if 0 < len(text) <= 8 and all(32 <= byte < 127 for byte in text)])
        closing = re.compile(rb'[\s"\]}]*["\]}][\s"\]}]*')
        self.closing = np.array([token for token, text in enumerate(texts) if len(text) < 4 and closing.fullmatch(text)])


def words_of(schema: Any) -> tuple[list[str], list[str]]:
    """The names and constants that a schema has, and those among them that are required or constants."""
    found: dict[str, None] = {}
    needed: dict[str, None] = {}
    todo = [schema]
    while todo:
        one = todo.pop()
        if isinstance(one, dict):
            for name, part in one.items():
                found[name] = None
                todo.append(part)
                if name in ("required", "enum", "const"):
                    needed.update((word, None) for word in (part if isinstance(part, list) else [part]) if isinstance(word, str))
        elif isinstance(one, list):
            todo.extend(one)
        elif isinstance(one, str) and len(one) < 60:
            found[one] = None
    return list(found), list(needed)


def _within(row: Row, some: Row) -> Row:
    """Those of some tokens that a mask allows."""
    return some[(row[some >> 5] >> (some & 31).astype(np.uint32)) & np.uint32(1) > 0]


class Walker:
    """Random walks under the masks of one automaton."""

    def __init__(self, automaton: TokenAutomaton, tokens: Tokens, schema: Any, rng: random.Random) -> None:
        self.automaton, self.tokens, self.rng = automaton, tokens, rng
        every, needed = words_of(schema)
        self.words, self.needed = self.spelled(every), self.spelled(needed)
        self.masks = 0

    def spelled(self, words: list[str]) -> list[list[int]]:
        """The tokens of words, with the quotation mark behind them."""
        return [self.tokens.vocabulary.encode((json.dumps(word)[1:-1] + '"').encode()) for word in words]

    def text(self) -> str | None:
        """A complete text; None where the walk did not end in time. Raises AssertionError for a dead end."""
        state, text, loose = self.automaton.start(), b"", self.rng.randrange(LOOSE)
        for step in range(MOST):
            self.masks += 1
            row = self.automaton.mask(state)
            may_end = len(_within(row, self.tokens.stop)) > 0
            assert may_end is self.automaton.accepts(state), text
            if may_end and (state == 1 or step > loose or self.rng.random() < 0.3):
                return text.decode()
            words = self.needed if step > loose else self.words
            chosen = self.word(state, text, words) or [self.token(row, text, closing=step > loose)]
            for token in chosen:
                state = self.automaton.advance(state, token)
                text += self.tokens.vocabulary.bytes_of(token)
            assert state, f"a token of the mask is refused: {text!r}"
        return None

    def follows(self, text: str) -> bool:
        """Whether a text of the grammar can be written under the masks, cut into tokens as the vocabulary does."""
        state = self.automaton.start()
        for token in self.tokens.vocabulary.encode(text.encode()):
            self.masks += 1
            if not len(_within(self.automaton.mask(state), np.array([token]))):
                return False
            state = self.automaton.advance(state, token)
        return self.automaton.accepts(state)

    def token(self, row: Row, text: bytes, *, closing: bool) -> int:
        """A random token of a row."""
        tokens = self.tokens
        kinds = [tokens.closing] if closing else []
        if self.rng.random() < 0.9:
            kinds += [tokens.plain[self.rng.randrange(len(tokens.plain)) :][:200], tokens.plain]
        for some in kinds:
            found = _within(row, some)
            if len(found):
                return int(self.rng.choice(found))
        found = np.flatnonzero(np.unpackbits(row.view(np.uint8), bitorder="little", count=tokens.vocabulary.size))
        found = found[~np.isin(found, tokens.stop)]
        assert len(found), f"dead end behind {text!r}"
        return int(self.rng.choice(found))

    def word(self, state: int, text: bytes, words: list[list[int]]) -> list[int] | None:
        """The tokens of a word that may come next, behind a quotation mark that opens."""
        if not re.search(rb'(^|[{\[,:])\s*"$', text[-40:]) or self.rng.random() < 0.05:
            return None
        for word in self.rng.sample(words, min(len(words), 200)):
            here = state
            for token in word:
                here = self.automaton.advance(here, token)
                if not here:
                    break
            if here:
                return word
        return None


# ---- spellings ----


def spell(value: Any, rng: random.Random, *, bare: bool = False) -> str:
    """A random legal spelling of a JSON value. `bare`: integers stay digits only."""
    if isinstance(value, str):
        return _string(value, rng)
    if isinstance(value, list):
        return _blank(rng) + "[" + (",".join(spell(one, rng, bare=bare) for one in value) or _blank(rng)) + "]" + _blank(rng)
    if isinstance(value, dict):
        names = list(value)
        rng.shuffle(names)
        inner = ",".join(f"{_blank(rng)}{_string(name, rng)}{_blank(rng)}:{spell(value[name], rng, bare=bare)}" for name in names)
        return _blank(rng) + "{" + (inner or _blank(rng)) + "}" + _blank(rng)
    if value is None or isinstance(value, bool):
        return _blank(rng) + json.dumps(value) + _blank(rng)
    return _blank(rng) + _digits(value, rng, bare=bare) + _blank(rng)


def _blank(rng: random.Random) -> str:
    return "".join(rng.choice(" \t\r\n") for _ in range(rng.choice([0, 0, 0, 1, 2])))


def _string(text: str, rng: random.Random) -> str:
    often = rng.choice([0, 0.1, 1])
    found = []
    for char in text:
        if char in _SHORT and (char != "/" or rng.random() < 0.5) and rng.random() < 0.7:
            found.append(_SHORT[char])
        elif char in '"\\' or ord(char) < 32 or rng.random() < often:
            data = char.encode("utf-16-be")
            code = "".join(f"\\u{data[i]:02x}{data[i + 1]:02x}" for i in range(0, len(data), 2))
            found.append(code if rng.random() < 0.5 else code.upper().replace("\\U", "\\u"))
        else:
            found.append(char)
    return '"' + "".join(found) + '"'


def _digits(value: int | float, rng: random.Random, *, bare: bool) -> str:
    """A number: plain with zeros behind, or one digit, a fraction without zeros behind, and an exponent."""
    if isinstance(value, int) and (bare or rng.random() < 0.4):
        return str(value)
    sign, found, exponent = Decimal(repr(value)).as_tuple()
    assert isinstance(exponent, int)
    digits = "".join(map(str, found)).lstrip("0")
    minus = "-" if sign else ""
    if not digits or rng.random() < 0.5:
        text = format(Decimal(repr(value)), "f")
        zeros = "0" * rng.choice([0, 0, 1, 3])
        text = text + zeros if "." in text else text + "." + zeros if zeros else text
        return text + ".0" if bare and "." not in text else text
    exponent += len(digits) - 1
    part = digits[1:].rstrip("0") or ("0" if bare else "")
    mark = rng.choice(["e", "E"]) + (rng.choice(["", "+"]) if exponent >= 0 else "-") + rng.choice(["", "", "0"]) + str(abs(exponent))
    return minus + digits[0] + ("." + part if part else "") + mark


# ---- one schema ----


class Found(NamedTuple):
    """What came of one schema."""

    counts: Counter[str]
    wrong: list[str]
    masks: int
    seconds: float


def judged(row: dict[str, Any], tokens: Tokens, *, texts: int, seed: int) -> Found:
    """Walks and spellings of one schema."""
    rng, counts, wrong = random.Random(f"{seed} {row['id']}"), Counter[str](), list[str]()
    schema, begun, masks = row["schema"], time.perf_counter(), 0
    judge = Judge(schema)
    try:
        for options in WALKS:
            grammar = Grammar(json_schema(schema, **options))  # type: ignore[arg-type]
            walker = Walker(grammar.compile(tokens.vocabulary), tokens, schema, rng)
            wrong += _walks(walker, grammar, judge, -(-texts // len(WALKS)), counts)
            masks += walker.masks
        wrong += _spellings(row, judge, rng, counts)
    except Exception as error:
        counts[type(error).__name__] += 1
        wrong.append(f"{type(error).__name__}: {error!s:.300}")
    return Found(counts, wrong, masks, time.perf_counter() - begun)


def _walks(walker: Walker, grammar: Grammar, judge: Judge, texts: int, counts: Counter[str]) -> list[str]:
    wrong: list[str] = []
    done = tries = 0
    led: Iterator[str] = iter(())
    while done < texts:
        if tries == 3 * texts:  # random tokens hardly ever come to an end here
            led = iter(grammar.examples(texts - done, seed=walker.rng.randrange(1 << 30)))
        tries += 1
        text = walker.text() if tries <= 3 * texts else next(led, None)
        if text is None and tries > 3 * texts:
            break
        if text is None:
            counts["unfinished"] += 1
            continue
        done += 1
        if tries > 3 * texts:
            counts["led texts"] += 1
            if not walker.follows(text):
                wrong.append(f"a mask refuses {text}")
        try:
            faults = judge.faults(parsed(text, bare=judge.bare))
        except (OverflowError, decimal.InvalidOperation):
            counts["not judged"] += 1
            continue
        except KeyError as error:
            wrong.append(f"{error}: {text}")
            continue
        counts["texts"] += 1
        if faults:
            counts["invalid texts"] += 1
            wrong.append(f"invalid text {text}: {faults}")
    counts["short of texts"] += max(0, texts - done)
    return wrong


def _spellings(row: dict[str, Any], judge: Judge, rng: random.Random, counts: Counter[str]) -> list[str]:
    grammar, wrong = Grammar(json_schema(row["schema"], style="any")), list[str]()
    for test in row["tests"]:
        exact = parsed(json.dumps(test["data"]), bare=judge.bare)
        valid = not judge.faults(exact)
        counts["label differs"] += valid is not test["valid"]
        for _ in range(4):
            text = spell(test["data"], rng, bare=judge.bare)
            counts["spellings"] += 1
            if grammar.accepts(text) is not valid:
                counts["wrong verdicts"] += 1
                wrong.append(f"valid is {valid}: {text[:2000]}: {judge.faults(exact)[:3]}")
    return wrong


def rows_of(sample: str) -> list[dict[str, Any]]:
    """The schemas of a sample."""
    with lzma.open(sample, "rt") if sample.endswith(".xz") else Path(sample).open() as lines:
        return [json.loads(line) for line in lines]


def main() -> None:
    """Prints a table, and each text or verdict that is wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sample")
    parser.add_argument("tokenizer")
    parser.add_argument("--texts", type=int, default=50)
    parser.add_argument("--start", type=int, default=0)
    parser.add_argument("--step", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out")
    options = parser.parse_args()
    tokens = Tokens(Vocabulary.from_tokenizer(options.tokenizer))
    total, slow, results, masks = Counter[str](), list[tuple[float, str]](), {}, 0
    for row in rows_of(options.sample)[options.start :: options.step]:
        found = judged(row, tokens, texts=options.texts, seed=options.seed)
        total += found.counts
        total["schemas"] += 1
        total["schemas with something wrong"] += bool(found.wrong)
        masks += found.masks
        slow.append((found.seconds, row["id"]))
        results[row["id"]] = {"counts": found.counts, "wrong": found.wrong, "seconds": found.seconds}
        for line in found.wrong[:3]:
            print(f"{row['id']}: {line}"[:1500], flush=True)
        if options.out:
            Path(options.out).write_text(json.dumps(results, indent=1))
    print(f"\n| seed {options.seed} | |\n|---|---:|")
    for name, count in [*total.items(), ("masks", masks)]:
        print(f"| {name} | {count:,} |")
    print("slowest:", ", ".join(f"{name} {seconds:.1f} s" for seconds, name in sorted(slow)[-5:][::-1]))


if __name__ == "__main__":
    main()
