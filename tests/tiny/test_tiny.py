"""The tiny model: its tasks against outside judges (jsonschema, re, ast, sqlite3, lark), its folder, and what it can do."""

from __future__ import annotations

import ast
import json
import re
import sqlite3
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

import jsonschema
import pytest

from structgen.tiny import path, words
from structgen.tiny.phrases import TABLES
from structgen.tiny.tasks import TASKS, Example, check, training_examples
from structgen.tiny.unseen import UNSEEN

KEYWORDS = {
    "type",
    "properties",
    "required",
    "additionalProperties",
    "items",
    "prefixItems",
    "minItems",
    "maxItems",
    "enum",
    "const",
    "minLength",
    "maxLength",
    "pattern",
    "minimum",
    "maximum",
    "anyOf",
    "format",
}
GRAMMARS = Path(__file__).resolve().parents[2] / "grammars"
JSON_TASKS = [name for name, task in TASKS.items() if task.kind == "json"]


def examples(name: str, count: int) -> list[Example]:
    return [(TASKS | UNSEEN)[name].sample(Random(f"test-{name}-{i}")) for i in range(count)]


def in_schema_order(schema: dict[str, Any], value: Any) -> bool:
    """True if the members of every object of the value stand in the order of the schema's properties."""
    for branch in schema.get("anyOf", []):
        if jsonschema.Draft202012Validator(branch).is_valid(value):
            return in_schema_order(branch, value)
    if isinstance(value, dict) and "properties" in schema:
        declared = [key for key in schema["properties"] if key in value]
        return declared == list(value) and all(in_schema_order(schema["properties"][key], value[key]) for key in value)
    if isinstance(value, list) and isinstance(schema.get("items"), dict):
        return all(in_schema_order(schema["items"], item) for item in value)
    return True


def keywords(schema: Any) -> set[str]:
    """Collect the keywords that a schema uses, at all depths."""
    if isinstance(schema, bool):
        return set()
    found = set(schema)
    for key, part in schema.items():
        if key == "properties":
            found |= set().union(*map(keywords, part.values()))
        elif key in {"anyOf", "prefixItems"}:
            found |= set().union(*map(keywords, part))
        elif key in {"items", "additionalProperties"}:
            found |= keywords(part)
    return found


@pytest.mark.parametrize("name", [*JSON_TASKS, *UNSEEN])
def test_json_answers_fit_their_schema(name: str) -> None:
    schema = (TASKS | UNSEEN)[name].schema
    assert schema is not None
    assert keywords(schema) <= KEYWORDS
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER)
    for example in examples(name, 150):
        assert json.loads(example.answer) == example.value
        validator.validate(example.value)
        assert in_schema_order(schema, example.value), example.answer
        assert example.prompt.endswith("\nOutput: ")
        assert check(example, example.answer)
        assert check(example, json.dumps(example.value, indent=4))


@pytest.mark.parametrize("name", [n for n, t in TASKS.items() if t.kind == "regex"])
def test_text_answers_match_their_pattern(name: str) -> None:
    for example in examples(name, 300):
        assert re.fullmatch(str(TASKS[name].pattern), example.answer), example
        assert check(example, example.answer)
        assert not check(example, example.answer + "9")


@pytest.mark.parametrize("name", [n for n, t in TASKS.items() if t.kind == "lark"])
def test_lark_answers_parse(name: str) -> None:
    lark = pytest.importorskip("lark")
    file = GRAMMARS / str(TASKS[name].grammar)
    if not file.exists():
        pytest.skip(f"grammars/{file.name} is absent")
    parser = lark.Lark(file.read_text(encoding="utf-8"), parser="earley", import_paths=[str(GRAMMARS)])
    for example in examples(name, 25):
        parser.parse(example.answer)


def test_every_json_string_is_said_in_the_text() -> None:
    """Nothing has to be guessed: names, mail addresses, titles and codes of an answer stand in the input."""
    said = {
        "person": ["name", "email", "city", "job"],
        "order": ["id", "customer"],
        "address": ["street", "city", "postcode"],
        "book": ["title"],
    }
    for name, keys in said.items():
        for example in examples(name, 100):
            for key in keys:
                if key in example.value:
                    assert str(example.value[key]).lower() in example.prompt.lower(), (key, example)


def read_words(text: str) -> int:
    """Read an English number below 10,000: an independent inverse of `number_words`."""
    total = part = 0
    for word in re.split(r"[ -]", text):
        if word == "thousand":
            total, part = part * 1000, 0
        elif word == "hundred":
            part *= 100
        elif word in words.UNITS:
            part += words.UNITS.index(word)
        elif word in words.TENS:
            part += 10 * words.TENS.index(word)
        else:
            assert word == "and", word
    return total + part


def test_number_words_are_read_back() -> None:
    assert all(read_words(words.number_words(n)) == n for n in range(10_000))
    assert words.number_words(1042) == "one thousand and forty-two"
    assert [words.ordinal_words(n) for n in (1, 20, 21, 30, 31)] == ["first", "twentieth", "twenty-first", "thirtieth", "thirty-first"]
    assert [words.ordinal_digits(n) for n in (1, 2, 3, 4, 11, 12, 13, 21, 22, 23)] == [
        "1st",
        "2nd",
        "3rd",
        "4th",
        "11th",
        "12th",
        "13th",
        "21st",
        "22nd",
        "23rd",
    ]


def read_clock(text: str) -> str:
    """Read a spoken time: an independent inverse of `clock_text`."""
    if text == "noon":
        return "12:00"
    if found := re.fullmatch(r"(\d+)(?::(\d+))? (am|pm)", text):
        return f"{int(found[1]) % 12 + 12 * (found[3] == 'pm'):02d}:{int(found[2] or 0):02d}"
    spoken, _, half = text.partition(" in the ")
    if not half and text.endswith(" at night"):
        spoken, half = text.removesuffix(" at night"), "night"
    if not half:
        hour, *minute = text.split(" ")
        return f"{read_words(hour):02d}:{read_words(minute[0]):02d}"
    if " past " in spoken or " to " in spoken:
        amount, sign, at = re.split(r" (past|to) ", spoken)
        minutes = {"half": 30, "quarter": 15, "a quarter": 15}.get(amount) or read_words(amount)
    else:
        minutes, sign, at = 0, "past", spoken.removesuffix(" o'clock")
    total = (read_words(at) % 12 * 60 + (minutes if sign == "past" else -minutes)) % 720 + 720 * (half != "morning")
    return f"{total // 60:02d}:{total % 60:02d}"


def test_times_are_said_right() -> None:
    for hour in range(1, 23):
        for minute in range(0, 60, 5):
            for seed in range(8):
                text = words.clock_text(Random(seed), hour, minute)
                assert read_clock(text) == f"{hour:02d}:{minute:02d}", text


def test_expressions_are_what_the_words_say() -> None:
    spoken = {"plus": "+", "minus": "-", "times": "*", "multiplied by": "*", "divided by": "/", "open bracket": "(", "close bracket": ")"}
    seen = 0
    for example in examples("arithmetic", 300):
        text = example.prompt.splitlines()[1].removeprefix("Input: ")
        ast.parse(example.answer, mode="eval")
        if " of " in text:
            continue
        parts = re.split(f" ?({'|'.join(spoken)}) ?", text)
        expression = "".join(spoken.get(p) or (p if p.isdigit() else str(read_words(p))) for p in parts if p)
        assert expression == example.answer
        seen += 1
    assert seen > 100


def test_python_answers_are_expressions() -> None:
    for example in examples("python", 300):
        ast.parse(example.answer, mode="eval")


def test_sql_answers_run() -> None:
    base = sqlite3.connect(":memory:")
    for table, (texts, numbers) in TABLES.items():
        base.execute(f"CREATE TABLE {table} ({', '.join([f'{c} TEXT' for c in texts] + [f'{c} INTEGER' for c in numbers])})")
    for example in examples("sql", 300):
        base.execute(example.answer).fetchall()


def test_check_is_strict_about_values_and_lenient_about_spelling() -> None:
    example = Example("", '{"a": 1, "b": [true, 2.5]}', {"a": 1, "b": [True, 2.5]})
    assert check(example, '{ "b" : [true, 2.50], "a": 1.0 }')
    for wrong in (
        '{"a": 1}',
        '{"a": 1, "b": [1, 2.5]}',
        '{"a": true, "b": [true, 2.5]}',
        '{"a": 1, "b": [true, 2.5], "c": 0}',
        '{"a": 1',
        "",
        "[" * 9999,
    ):
        assert not check(example, wrong)
    query = Example("", "SELECT a FROM b", "SELECT a FROM b", "lark")
    assert check(query, "SELECT  a FROM b ")
    assert not check(query, "SELECT b FROM a")


def test_examples_are_seeded_and_various() -> None:
    one, two, other = (list(islice(training_examples(seed), 400)) for seed in (1, 1, 2))
    assert one == two
    assert one != other
    assert len({e.prompt for e in one}) > 395
    assert any("\n" in e.answer and e.kind == "json" for e in one)
    held_out = {TASKS[name].sample(Random(f"eval-{name}-0")).prompt for name in JSON_TASKS}
    assert not held_out & {e.prompt for e in one}


def test_training_never_meets_the_unseen_tasks() -> None:
    assert not UNSEEN.keys() & TASKS.keys()
    schemas = {frozenset(task.schema["properties"]) for task in UNSEEN.values() if task.schema}
    assert not schemas & {frozenset(e.value) for e in islice(training_examples(9), 3000) if e.kind == "json"}


# --- the folder -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def folder() -> Path:
    if not (path() / "model.safetensors").exists():
        pytest.skip("the weights have not been trained here: run scripts/train_tiny.py")
    return path()


@pytest.fixture(scope="module")
def tokenizer(folder: Path) -> Any:
    return pytest.importorskip("transformers").AutoTokenizer.from_pretrained(folder)


@pytest.fixture(scope="module")
def model(folder: Path) -> Any:
    torch = pytest.importorskip("torch")
    return pytest.importorskip("transformers").AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()


def test_the_folder_is_small_and_whole(folder: Path) -> None:
    names = {"model.safetensors", "config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", "MODEL_CARD.md"}
    assert names <= {file.name for file in folder.iterdir()}
    assert sum(file.stat().st_size for file in folder.iterdir() if file.is_file()) <= 10_000_000
    header = (folder / "model.safetensors").read_bytes()
    tensors = json.loads(header[8 : 8 + int.from_bytes(header[:8], "little")])
    assert {t["dtype"] for name, t in tensors.items() if name != "__metadata__"} <= {"F16", "BF16"}


def test_the_model_has_the_promised_size(model: Any) -> None:
    assert 1_000_000 <= sum(p.numel() for p in model.parameters()) <= 5_000_000
    assert 2000 <= model.config.vocab_size <= 8000


def test_the_tokenizer_gives_every_text_back(tokenizer: Any, model: Any) -> None:
    assert len(tokenizer) == model.config.vocab_size
    texts = [e.prompt + e.answer for e in islice(training_examples(3), 200)] + ["naïve 東京 🙂\t\r\n  x", "<|eos", " a  b "]
    for text in texts:
        ids = tokenizer(text)["input_ids"]
        assert ids[0] == tokenizer.bos_token_id
        assert tokenizer.decode(ids[1:]) == text


def test_names_split_alike_with_and_without_a_blank(tokenizer: Any) -> None:
    rng = Random(5)
    for name in (words.last_name(rng) for _ in range(200)):
        bare, after = tokenizer.tokenize(name), tokenizer.tokenize(" " + name)
        assert "".join(after) == "Ġ" + "".join(bare)
        assert after in (["Ġ", *bare], ["Ġ" + bare[0], *bare[1:]])


def test_the_chat_template_gives_the_training_form(tokenizer: Any) -> None:
    def shown(*messages: tuple[str, str]) -> str:
        return str(
            tokenizer.apply_chat_template([{"role": r, "content": c} for r, c in messages], tokenize=False, add_generation_prompt=True)
        )

    assert shown(("system", "Write the time as HH:MM."), ("user", "noon")) == "<|bos|>Task: Write the time as HH:MM.\nInput: noon\nOutput: "
    assert shown(("user", "Write the time: noon")) == "<|bos|>Task: Do what the input says.\nInput: Write the time: noon\nOutput: "
    prompt = examples("time", 1)[0].prompt
    assert shown(("user", prompt)) == "<|bos|>" + prompt


def test_the_model_is_often_right(model: Any, tokenizer: Any) -> None:
    """A floor far below the scores of the model card; a broken tokenizer, template or weight file falls through it."""
    torch = pytest.importorskip("torch")
    right = []
    for name in ("person", "address", "product", "time", "number", "plan"):
        for example in examples(name, 4):
            ids = torch.tensor([tokenizer(example.prompt)["input_ids"]])
            out = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=100, do_sample=False)
            right.append(check(example, tokenizer.decode(out[0, ids.shape[1] :], skip_special_tokens=True)))
    assert sum(right) >= len(right) // 2, f"{sum(right)} of {len(right)}"
