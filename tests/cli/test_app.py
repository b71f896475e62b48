"""Every command through typer's runner: what it prints, its exit status, and what it says about bad input."""

from __future__ import annotations

import json
import platform
import re
import subprocess
import sys
from pathlib import Path
from random import Random
from typing import Any

import pytest
from typer.testing import CliRunner

import structgen as sg
from structgen.cli.app import app
from structgen.tiny import path
from structgen.tiny.tasks import TASKS

PROMPT = "Task: Write the time as hours and minutes.\nInput: ten past nine in the morning\nOutput: "
SCHEMA = '{"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"], "additionalProperties": false}'


def run(*arguments: str, given: str | None = None) -> Any:
    result = CliRunner().invoke(app, list(arguments), input=given, env={"COLUMNS": "120"})
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def refused(*arguments: str, given: str | None = None) -> str:
    """The message of a command that must end with status 2, and not with a traceback."""
    result = run(*arguments, given=given)
    assert result.exit_code == 2, result.output
    assert "Traceback" not in result.output
    return str(result.stderr)


# ---- start-up


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from typer.testing import CliRunner; from structgen.cli.app import app\n"
        "assert CliRunner().invoke(app, ['--help']).exit_code == 0\n"
        "print(sorted({'numpy', 'numba', 'torch', 'transformers', 'lark', 'tokenizers'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"


def test_version_and_help() -> None:
    assert run("--version").stdout.strip() == f"structgen {sg.__version__}"
    shown = run("--help").stdout
    assert all(name in shown for name in ("demo", "generate", "check", "explain", "examples", "bench", "warmup"))
    assert all(name in run("bench", "--help").stdout for name in ("masks", "suite"))


def test_the_module_is_the_command() -> None:
    done = subprocess.run([sys.executable, "-m", "structgen", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("structgen ")


def test_an_unknown_command_or_option_is_a_usage_error() -> None:
    assert run("nonsense").exit_code == 2
    assert run("check", "--nonsense", "{}").exit_code == 2


def test_a_bug_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    import structgen.cli.warm

    def broken() -> int:
        raise ZeroDivisionError

    monkeypatch.setattr(structgen.cli.warm, "warm_up", broken)
    with pytest.raises(ZeroDivisionError):
        run("warmup")


# ---- check


def test_check_exact() -> None:
    result = run("check", SCHEMA)
    assert result.exit_code == 0
    assert result.stdout.startswith("exact")


def test_check_reads_files_and_standard_input(tmp_path: Path) -> None:
    file = tmp_path / "schema.json"
    file.write_text("\ufeff" + SCHEMA, encoding="utf-8")  # a byte order mark, as some editors write
    assert run("check", str(file)).exit_code == 0
    assert run("check", "-", given=SCHEMA).exit_code == 0


# a back-reference: no automaton has a state for each text that a group may have matched, so it is refused for good
REFUSED = json.dumps({"properties": {"a: b": {"type": "string", "pattern": "(a)\\1"}}})


def test_check_refused_names_the_place() -> None:
    result = run("check", REFUSED)
    assert result.exit_code == 1
    assert result.stdout.startswith("refused")
    assert "/properties/a: b/pattern" in result.stdout
    assert "--relax compiles" in result.stdout


def test_check_json_lists_the_findings() -> None:
    result = run("check", "--json", REFUSED)
    assert result.exit_code == 1
    said = json.loads(result.stdout)
    assert said["verdict"] == "refused"
    assert all(finding["verdict"] == "refused" and finding["why"] for finding in said["findings"])
    assert json.loads(run("check", "--json", SCHEMA).stdout) == {"verdict": "exact", "findings": [], "complete": True, "hint": ""}


def test_check_lists_keywords_that_were_meant_otherwise() -> None:
    schema = {"propertes": {}, "properties": {"a": {"nullable": True, "x-foo": 1, "label": 2, "minlength": 3}, "propertes": {}}, "Title": 1}
    result = run("check", "--json", json.dumps(schema))
    said = json.loads(result.stdout)
    assert (result.exit_code, said["verdict"]) == (0, "exact")
    assert [one["where"] for one in said["findings"]] == ["/propertes", "/properties/a/nullable", "/properties/a/minlength"]
    assert [one["verdict"] for one in said["findings"]] == ["ignored"] * 3
    assert "Is minLength meant?" in run("check", json.dumps(schema)).stdout
    old = {"$schema": "http://json-schema.org/draft-07/schema#", "prefixItems": [{}], "dependentRequired": {}, "$defs": {"a": {"itmes": 1}}}
    assert "items with a list" in run("check", json.dumps(old)).stdout
    assert "draft2019-09, draft2020-12" in run("check", json.dumps(old)).stdout


def test_check_looks_for_what_is_too_large_in_the_depth() -> None:
    branches = [{"anyOf": [{"properties": {f"x{i}{j}": {"type": "null"}}, "required": [f"y{i}{j}"]} for j in range(10)]} for i in range(5)]
    schema = json.dumps({"properties": {"a": {"properties": {"b": {"allOf": branches}}}}})
    result = run("check", schema)
    assert result.exit_code == 1
    assert "refused  /properties/a/properties/b" in result.stdout
    assert "5,000 alternatives" in result.stdout
    assert run("check", "--relax", schema).exit_code == 0
    wide = json.dumps({"properties": {f"p{i}": {"maxProperties": i + 1} for i in range(2_100)}})
    assert json.loads(run("check", "--json", wide).stdout)["complete"] is False
    assert "Only the first 2,000 parts" in run("check", wide).stdout


def test_check_empty_language() -> None:
    result = run("check", '{"type": "integer", "minimum": 3, "maximum": 2}')
    assert result.exit_code == 1
    assert result.stdout.startswith("empty")


def test_check_options() -> None:
    assert run("check", "--formats", "annotation", '{"type": "string", "format": "date"}').exit_code == 0
    assert run("check", "--draft", "draft7", SCHEMA).exit_code == 0
    assert run("check", "--style", "indent=4", SCHEMA).exit_code == 0
    assert "draft" in refused("check", "--draft", "draft99", SCHEMA)
    assert "style" in refused("check", "--style", "pretty", SCHEMA)
    assert run("check", "--formats", "maybe", SCHEMA).exit_code == 2


def test_check_relaxed() -> None:
    result = run("check", "--relax", REFUSED)
    assert result.exit_code == 0
    assert result.stdout.startswith("relaxed")
    assert "/properties/a: b/pattern" in result.stdout


def test_registry_of_a_folder_and_of_a_file(tmp_path: Path) -> None:
    folder = tmp_path / "schemas"
    (folder / "sub").mkdir(parents=True)
    (folder / "sub" / "a.json").write_text('{"$ref": "b.json", "minimum": 0.1}')
    (folder / "sub" / "b.json").write_text('{"type": "number"}')
    (folder / "named.json").write_text('{"$id": "http://x/named", "type": "null"}')
    (folder / "notes.txt").write_text("no schema")
    file = tmp_path / "registry.json"
    file.write_text('{"http://x/named": {"type": "null"}, "sub/a.json": true}')
    for where in (folder, file):
        given = ("--registry", str(where), "--schema", '{"items": {"anyOf": [{"$ref": "sub/a.json"}, {"$ref": "http://x/named"}]}}')
        assert run("explain", *given, "[0.1, null]").exit_code == 0
        assert run("explain", *given, '["a"]').exit_code == (1 if where == folder else 0)
        assert run("examples", *given, "--n", "2").exit_code == 0
    assert run("check", '{"$ref": "http://x/named"}').exit_code == 1
    assert run("check", "--registry", str(folder), '{"$ref": "http://x/named"}').exit_code == 0


def test_a_registry_that_is_none(tmp_path: Path) -> None:
    file = tmp_path / "one.json"
    for text, words in (('{"type": "null"}', "'type'"), ("[1]", "one.json"), ('{"a": ', "not JSON"), ('{"a": {"$ref": 3}}', "a string")):
        file.write_text(text)
        assert words in refused("check", "--registry", str(file), '{"$ref": "a"}')
    assert "--registry" in refused("check", "--registry", str(tmp_path / "absent"), "{}")


@pytest.mark.parametrize("command", [["explain", "x"], ["examples"], ["generate", "--prompt", "x"]])
def test_options_of_schemas(command: list[str]) -> None:
    shown = run(command[0], "--help").stdout
    assert all(name in shown for name in ("--schema", "--lark", "--style", "--order", "--draft", "--formats", "--relax", "--registry"))
    assert "it goes with --schema" in refused(*command, "--regex", "x", "--relax")
    assert "--style says nothing about --choice" in refused(*command, "--choice", "x", "--style", "compact")


def test_explain_in_any_order_and_draft() -> None:
    schema = '{"properties": {"a": {}, "b": {}}, "required": ["a", "b"], "type": "object", "items": [{}]}'
    assert "prefixItems" in refused("explain", "--schema", schema, "{}")
    assert run("explain", "--schema", schema, "--draft", "7", '{"b": 1, "a": 1}').exit_code == 1
    assert run("explain", "--schema", schema, "--draft", "7", "--order", "any", '{"b": 1, "a": 1}').exit_code == 0
    assert run("explain", "--schema", '{"format": "date"}', "--formats", "annotation", '"x"').exit_code == 0
    assert run("explain", "--schema", REFUSED, "--relax", '{"a: b": "x"}').exit_code == 0


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ('{"type": ', "not JSON"),
        ('{"type": "strin"}', "/type"),
        ('{"$ref": "#/nowhere"}', "nowhere"),
        ("[1]", "schema"),
        ("no_such_file.json", "no_such_file.json"),
        (".", "cannot be read"),
    ],
)
def test_check_malformed(given: str, words: str) -> None:
    assert words in refused("check", given)


def test_check_shows_the_line_of_a_file_that_is_no_json(tmp_path: Path) -> None:
    file = tmp_path / "schema.json"
    file.write_text('{\n "required": ["a",\n ],\n}')
    said = refused("check", str(file))
    assert f"{file}, line 3, column 2:" in said
    assert "no comma behind the last item" in said
    result = run("check", "--json", str(file))
    assert result.exit_code == 2
    assert json.loads(result.stdout)["verdict"] == "malformed"
    assert json.loads(result.stdout)["findings"][0]["hint"].startswith("JSON has no comma")


def test_hints_speak_of_options_here() -> None:
    said = refused("explain", "--schema", '{"$schema": "http://x/y", "$ref": "z"}', "1")
    for option in ("by --draft", "by --registry", "--registry DIR", "--relax"):
        assert option in said
    assert "relax=True" not in said


def test_check_a_file_that_is_no_text(tmp_path: Path) -> None:
    file = tmp_path / "schema.json"
    file.write_bytes(b"\xff\xfe\x00")
    assert "UTF-8" in refused("check", str(file))


# ---- explain


def test_explain_complete_incomplete_refused() -> None:
    done, begun, wrong = (run("explain", "--regex", r"\d\d:\d\d", text) for text in ("09:10", "09", "09-10"))
    assert (done.exit_code, begun.exit_code, wrong.exit_code) == (0, 1, 1)
    assert done.stdout.startswith("complete")
    assert begun.stdout.startswith("incomplete")
    assert wrong.stdout.startswith("refused")
    lines = wrong.stdout.splitlines()
    text = next(k for k, line in enumerate(lines) if "09-10" in line)
    assert lines[text + 1].index("^") == lines[text].index("-")


def test_explain_every_notation(tmp_path: Path) -> None:
    assert run("explain", "--schema", SCHEMA, '{"a": 1}').exit_code == 0
    assert run("explain", "--schema", SCHEMA, '{"b": 1}').exit_code == 1
    assert run("explain", "--choice", "yes", "--choice", "no", "no").exit_code == 0
    assert run("explain", "--type", "fractions:Fraction.as_integer_ratio", "[]").exit_code in (1, 2)
    assert run("explain", "--type", "datetime:date", '"2024-02-29"').exit_code == 0
    file = tmp_path / "g.lark"
    file.write_text('start: "a" start "b" | "c"')
    assert run("explain", "--lark", str(file), "aacbb").exit_code == 0
    assert run("explain", "--lark", str(file), "aacb").exit_code == 1
    assert run("explain", "--lark", "arithmetic", "1").exit_code == 0
    assert run("explain", "--regex", "a+", "-", given="aaa\n").exit_code == 0
    assert run("explain", "--schema", '{"type": "array"}', "--style", "compact", "[1, 2]").exit_code == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--regex", "("], "never closed"),
        ([], "no grammar"),
        (["--regex", "a", "--choice", "b"], "--regex and --choice"),
        (["--schema", '{"type": 3}'], "/type"),
        (["--lark", "no_such_file"], "no_such_file"),
        (["--type", "nowhere"], "module:Name"),
        (["--type", "no_such_module_at_all:A"], "no_such_module_at_all"),
        (["--type", "datetime:nothing"], "nothing"),
        (["--type", "threading:Lock"], "error"),
        (["--style", "pretty", "--schema", "{}"], "style"),
    ],
)
def test_explain_bad_input(arguments: list[str], words: str) -> None:
    assert words in refused("explain", *arguments, "text")


def test_a_lark_grammar_that_is_wrong_has_its_place(tmp_path: Path) -> None:
    file = tmp_path / "g.lark"
    file.write_text('start: "a" ( "b"\n')
    assert "^" in refused("explain", "--lark", str(file), "a")


def test_types_of_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_types_here.py").write_text("from typing import Literal\nColour = Literal['red', 'blue']\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [p for p in sys.path if p])
    assert run("explain", "--type", "my_types_here:Colour", '"red"').exit_code == 0


def test_what_a_module_raises_is_passed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_broken_types.py").write_text("import a_module_that_is_not_there\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    with pytest.raises(ModuleNotFoundError, match="a_module_that_is_not_there"):
        run("explain", "--type", "my_broken_types:A", "x")


# ---- generate


def test_generate_text() -> None:
    result = run("generate", "--regex", r"\d\d:\d\d", "--prompt", PROMPT)
    assert result.exit_code == 0
    assert re.fullmatch(r"\d\d:\d\d\n", result.stdout)


def test_generate_json_and_several() -> None:
    arguments = ("generate", "--schema", SCHEMA, "--prompt", PROMPT, "--json", "--n", "3", "--temperature", "1", "--seed", "5")
    first, second = run(*arguments), run(*arguments)
    rows = [json.loads(line) for line in first.stdout.splitlines()]
    assert first.stdout == second.stdout
    assert len(rows) == 3
    for row in rows:
        assert row["finished"] is True
        assert list(json.loads(row["text"])) == ["a"]
        assert 0 <= row["mass_removed"] <= 1
        assert row["logprob"] <= 0


def test_generate_unfinished_is_status_1() -> None:
    result = run("generate", "--regex", "a{50}", "--prompt", PROMPT, "--max-tokens", "2")
    assert result.exit_code == 1
    assert set(result.stdout.strip()) == {"a"}
    assert "unfinished after 2 tokens" in result.stderr


def test_generate_streams_the_same_text() -> None:
    arguments = ("generate", "--schema", SCHEMA, "--prompt", PROMPT)
    whole, parts = run(*arguments), run(*arguments, "--stream")
    assert whole.stdout == parts.stdout
    lines = [json.loads(line) for line in run(*arguments, "--stream", "--json").stdout.splitlines()]
    assert "".join(line.get("part", "") for line in lines) + "\n" == whole.stdout
    assert lines[-1]["text"] + "\n" == whole.stdout
    assert [line["value"] for line in lines if line.get("path") == ["a"]] == [json.loads(whole.stdout)["a"]]


def test_generate_reads_the_prompt_from_standard_input() -> None:
    given = run("generate", "--regex", r"\d\d:\d\d", "--prompt", PROMPT)
    for arguments in (("--prompt", "-"), ()):
        piped = run("generate", "--regex", r"\d\d:\d\d", *arguments, given=PROMPT + "\n")
        assert (piped.exit_code, piped.stdout) == (0, given.stdout)


def test_generate_free_text() -> None:
    result = run("generate", "--prompt", PROMPT, "--max-tokens", "30")
    assert result.exit_code == 0
    assert result.stdout.strip()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--model", "./no/such/folder"], "no model folder"),
        (["--model", ""], "model"),
        (["--temperature", "-1"], "temperature"),
        (["--max-tokens", "0"], "max_tokens"),
        (["--top-p", "2"], "top_p"),
        (["--n", "0"], "n is 0"),
        (["--seed", "-3"], "seed"),
        (["--n", "2", "--stream"], "one sample"),
        (["--choice", "b"], "two grammars"),
    ],
)
def test_generate_bad_input(arguments: list[str], words: str) -> None:
    assert words in refused("generate", "--prompt", PROMPT, "--regex", "a", *arguments)


def test_generate_without_a_prompt() -> None:
    assert "prompt" in refused("generate", "--regex", "a", given="")


def test_a_folder_without_a_model(tmp_path: Path) -> None:
    assert "config.json" in refused("generate", "--prompt", "x", "--regex", "a", "--model", str(tmp_path))


# ---- demo


def test_demo_shows_both_ways_and_totals() -> None:
    result = run("demo", "--prompts", "8", "--show", "2")
    assert result.exit_code == 0
    assert "8 held-out prompts" in result.stdout
    assert result.stdout.count("constrained  ") >= 2
    line = next(line for line in result.stdout.splitlines() if line.startswith("instructions of training"))
    counts = [int(k) for k in re.findall(r"(\d+) \(", line)]
    assert len(counts) == 4
    assert counts[2] == 4  # constrained answers are always valid
    assert "tokens/s" in result.stdout


def test_demo_judges_by_the_value() -> None:
    from structgen.cli.demo import grammars_of

    for name, task in TASKS.items():
        example = task.sample(Random(f"test-cli-{name}"))
        constraint, judge = grammars_of(name)
        assert constraint.accepts(example.answer), name
        assert judge.accepts(example.answer), name
        if task.kind == "json":
            turned = json.dumps(dict(reversed(example.value.items())), indent=7)
            assert judge.accepts(turned), name


# ---- bench masks


def maskbench(folder: Path) -> str:
    file = folder / "cases.jsonl"
    cases = [
        {"id": "one", "schema": json.loads(SCHEMA), "tests": [{"data": {"a": 1}, "valid": True}, {"data": {"a": "x"}, "valid": False}]},
        {"id": "two", "schema": {"type": "boolean"}, "tests": [{"data": False, "valid": True}]},
    ]
    file.write_text("".join(json.dumps(case) + "\n" for case in cases))
    return str(file)


def test_bench_masks(tmp_path: Path) -> None:
    output, results = tmp_path / "out.json", tmp_path / "results.jsonl"
    where = ("--data", maskbench(tmp_path), "--tokenizer", str(path() / "tokenizer.json"), "--out", str(output), "--results", str(results))
    result = run("bench", "masks", *where, "--passes", "2")
    assert result.exit_code == 0
    assert "2 schemas" in result.stdout
    assert "structgen, pass 2" in result.stdout
    assert f"Python {platform.python_version()}" in result.stdout
    document = json.loads(output.read_text())
    assert [(one["turn"], one["verdicts"]["pass"]) for one in document["engines"]] == [(1, 2), (2, 2)]
    assert [row["id"] for row in document["outcomes"][0]["outcomes"]] == ["one", "two"]
    assert document["setup"]["machine"]["python"] == platform.python_version()
    before = results.read_bytes()
    again = run("bench", "masks", *where, "--passes", "2", "--plots", str(tmp_path / "plots"))
    assert again.stdout == result.stdout  # nothing is measured again
    assert results.read_bytes() == before
    assert {file.name for file in (tmp_path / "plots").iterdir()} == {"masks.png", "first.png", "index.html"}
    assert "passes is 2 there, 1 now" in refused("bench", "masks", *where)


def test_bench_masks_bad_input(tmp_path: Path) -> None:
    data, tokenizer = maskbench(tmp_path), str(path() / "tokenizer.json")
    bad = tmp_path / "bad.jsonl"
    bad.write_text('{"schema": {}, "tests": []}\n{"tests": []}\n')
    empty = tmp_path / "empty.jsonl"
    empty.write_text("")

    def said(data: str, tokenizer: str, *more: str) -> str:
        return refused("bench", "masks", "--data", data, "--tokenizer", tokenizer, *more)

    assert "no engine 'nonsense'" in said(data, tokenizer, "--engines", "structgen,nonsense")
    assert "no engine is named" in said(data, tokenizer, "--engines", " ,")
    assert "no file" in said(str(tmp_path / "absent.jsonl"), tokenizer)
    assert "line 2" in said(str(bad), tokenizer)
    assert "no cases" in said(str(empty), tokenizer)
    assert "no such file" in said(data, str(tmp_path / "absent.json"))
    assert "no folder" in said(data, tokenizer, "--out", str(tmp_path / "absent" / "out.json"))
    assert "no folder" in said(data, tokenizer, "--results", str(tmp_path / "absent" / "out.json"))
    assert "not among the engines" in said(data, tokenizer, "--against", "llguidance")
    assert "is no file of results" in said(data, tokenizer, "--results", data)
    assert run("bench", "masks", "--data", data).exit_code == 2
    assert run("bench", "masks", "--data", data, "--tokenizer", tokenizer, "--limit", "0").exit_code == 2


# ---- warmup


def test_warmup_says_where_the_kernels_lie() -> None:
    result = run("warmup")
    assert result.exit_code == 0
    assert "they lie in" in result.stdout


# ---- examples, bench suite


def test_examples() -> None:
    lines = run("examples", "--regex", "[ab]{3}", "--n", "4", "--seed", "1").stdout.splitlines()
    assert len(set(lines)) == 4
    assert all(len(line) == 3 and set(line) <= set("ab") for line in lines)
    lines = run("examples", "--schema", '{"const": "x"}', "--n", "2", "--json").stdout.splitlines()
    assert [json.loads(line) for line in lines] == ['"x"', '"x"']
    assert "where" not in refused("examples", "--regex", "(", "--n", "1")
    assert run("examples").exit_code == 2


def test_bench_suite(tmp_path: Path) -> None:
    folder, output = tmp_path / "suite/tests/draft7", tmp_path / "out.json"
    folder.mkdir(parents=True)
    tests = [{"description": "one", "data": 1, "valid": True}, {"description": "wrong label", "data": 1, "valid": False}]
    (folder / "type.json").write_text(json.dumps([{"description": "numbers", "schema": {"type": "integer"}, "tests": tests}]))
    where = ("--suite", str(tmp_path / "suite"), "--tokenizer", str(path() / "tokenizer.json"))
    result = run("bench", "suite", *where, "--drafts", "draft7", "--out", str(output))
    assert result.exit_code == 0
    assert [cell.strip() for cell in result.stdout.splitlines()[-1].split("|")][2:-1] == list("21000001")
    assert [one["mark"] for one in json.loads(output.read_text())] == ["false positive"]
    assert "draft9" in refused("bench", "suite", *where, "--drafts", "draft9")


def test_check_says_what_is_narrower() -> None:
    result = run("check", '{"type": "string", "format": "hostname"}')
    assert result.exit_code == 0
    assert "narrower" in result.output
