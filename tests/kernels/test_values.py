"""JSON values as numbers: equal values, however written, have the same; others do not."""

from __future__ import annotations

import json
from random import Random

import numpy as np
from conftest import SCALE
from texts import text_from

from structgen.automata.machine import Budget, ByteAutomaton
from structgen.ir.expr import Lit
from structgen.kernels.linking import jit
from structgen.kernels.tables import machine_of
from structgen.kernels.values import value_of


@jit
def number_of(h, data):
    M = machine_of(h)
    text = text_from(M, data)
    return text if text < 0 else value_of(M, text, np.int64(0))


def value(rng: Random, depth: int):
    kind = rng.randrange(8 if depth else 5)
    if kind == 0:
        return rng.choice([None, True, False])
    if kind <= 2:
        return rng.choice([0, 1, -1, 10, 100, 0.5, 0.25, 12.5, -7, 120, 1200, 1.5e-7])
    if kind <= 4:
        return "".join(rng.choices('ab1"\\/é😀\n', k=rng.randrange(3)))
    if kind == 5:
        return [value(rng, depth - 1) for _ in range(rng.randrange(4))]
    return {"".join(rng.choices("abxy", k=rng.randrange(3))): value(rng, depth - 1) for _ in range(rng.randrange(4))}


def written(rng: Random, one) -> str:
    """Some way to write a value."""
    blank = lambda: rng.choice(["", "", " ", "\n\t"])  # noqa: E731
    if isinstance(one, dict):
        members = [f"{written(rng, k)}{blank()}:{blank()}{written(rng, v)}{blank()}" for k, v in rng.sample(list(one.items()), len(one))]
        return "{" + blank() + ("," + blank()).join(members) + "}"
    if isinstance(one, list):
        return "[" + blank() + ("," + blank()).join(written(rng, v) + blank() for v in one) + "]"
    if isinstance(one, str):
        text = json.dumps(one, ensure_ascii=rng.random() < 0.5)
        return text.replace("a", "\\u0061") if "\\" not in text and rng.random() < 0.3 else text
    if isinstance(one, bool) or one is None:
        return json.dumps(one)
    digits, power = f"{one:.9f}", rng.choice([0, 0, 3, -2])
    sign, (whole, part) = "-" if digits[0] == "-" else "", digits.lstrip("-").split(".")
    if one == 0:
        return rng.choice(["0", "-0", "0.00", "0e5", "-0.0E-3"])
    if power > 0:  # the point moves to the right
        whole, part = (whole + part[:power]).lstrip("0") or "0", part[power:]
    elif power < 0:
        whole, part = ("00" + whole)[:-2].lstrip("0") or "0", ("00" + whole)[-2:] + part
    part = part if rng.random() < 0.3 else part.rstrip("0")
    exponent = "" if power == 0 and rng.random() < 0.5 else rng.choice("eE") + f"{-power:{rng.choice(['', '+', '+03'])}}"
    return sign + whole + ("." + part if part else "") + exponent


def test_values_may_be_nested_deeply() -> None:
    machine = ByteAutomaton(Lit(b"a"), budget=Budget(seconds=None))

    def number(text: str) -> int:
        return int(machine.call(number_of, machine.handle, np.frombuffer(text.encode(), np.uint8)))

    for depth in (3, 150, int(100_000 * SCALE)):
        deep = '[{"a]":' * depth + "1" + "}]" * depth
        assert number(deep) == number(deep.replace(":", " : "))
        assert number(f"[{deep},1]") != number(f"[{deep},2]")
        assert (number(deep) == number(deep.replace("1", "2"))) == (2 * depth > 200)


def said(one) -> object:
    if isinstance(one, dict):
        return frozenset((k, said(v)) for k, v in one.items())
    return tuple(map(said, one)) if isinstance(one, list) else (type(one).__name__.replace("int", "float"), one)


def test_values_are_equal_where_their_numbers_are() -> None:
    rng = Random(4)
    machine = ByteAutomaton(Lit(b"a"))
    numbers: dict[object, int] = {}
    for _ in range(int(3000 * SCALE)):
        one = value(rng, 3)
        for _ in range(2):
            text = written(rng, one)
            assert said(json.loads(text)) == said(one), (text, one)
            found = int(machine.call(number_of, machine.handle, np.frombuffer(text.encode(), np.uint8)))
            assert numbers.setdefault(said(one), found) == found, (text, one)
    assert len(set(numbers.values())) == len(numbers)
    for a, b in (('{"x":"y"}', '{"y":"x"}'), ("[[],{}]", "[{},[]]"), ('{"a":{}}', '{"a":[]}'), ("[[1],2]", "[1,[2]]"), ("[]", "[[]]")):
        assert len({machine.call(number_of, machine.handle, np.frombuffer(text.encode(), np.uint8)) for text in (a, b)}) == 2, (a, b)


def test_texts_that_are_no_json_come_to_an_end() -> None:
    rng = Random(6)
    machine = ByteAutomaton(Lit(b"a"))
    for _ in range(300):
        text = "".join(rng.choices('[{"\\:,1e-x \n', k=rng.randrange(1, 9)))
        assert int(machine.call(number_of, machine.handle, np.frombuffer(text.encode(), np.uint8))) >= 0, text
