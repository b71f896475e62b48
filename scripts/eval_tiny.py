"""Score the tiny model: decoding without and with a constraint, task by task, on examples that training never saw.

    python scripts/eval_tiny.py --each 50                  # unconstrained only needs torch and transformers
    python scripts/eval_tiny.py --each 50 --constrained    # also through structgen's own generate()
    python scripts/eval_tiny.py --each 50 --constrained --temperature 1 --tasks pet loan

Valid: the answer parses and fits the task's schema (`jsonschema` judges, formats asserted), pattern (`re`) or grammar (`lark`).
Right: `structgen.tiny.tasks.check`. Examples come from seeds `eval-<task>-<i>`; training uses `train-<n>`.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

import jsonschema
import lark
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from structgen.tiny import path
from structgen.tiny.tasks import TASKS, Example, Task, check
from structgen.tiny.unseen import UNSEEN

ALL = {**TASKS, **UNSEEN}
GRAMMARS = Path(__file__).resolve().parent.parent / "grammars"


@dataclass(slots=True)
class Score:
    """Counts for one task and one way of decoding; `valid` is None where no judge for the grammar is there."""

    task: str
    way: str
    total: int
    valid: int | None
    right: int
    seconds: float
    wrong: list[tuple[str, str, str]]


def judge(task: Task) -> Callable[[str], bool] | None:
    """Return the outside judge of a task's language, or None where its grammar file is absent."""
    if task.schema is not None:
        validator = jsonschema.Draft202012Validator(task.schema, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER)

        def fits(text: str) -> bool:
            try:
                return bool(validator.is_valid(json.loads(text)))
            except (ValueError, RecursionError):
                return False

        return fits
    if task.pattern is not None:
        return lambda text: re.fullmatch(str(task.pattern), text) is not None
    file = GRAMMARS / str(task.grammar)
    if not file.exists():
        return None
    parser = lark.Lark(file.read_text(encoding="utf-8"), parser="earley", import_paths=[str(GRAMMARS)])

    def parses(text: str) -> bool:
        try:
            parser.parse(text)
        except lark.exceptions.LarkError:
            return False
        return True

    return parses


def held_out(task: Task, count: int, instruction: str | None) -> list[Example]:
    """Return the examples that every score is made of; a given instruction stands in place of the task's own."""
    made = [task.sample(Random(f"eval-{task.name}-{i}")) for i in range(count)]
    if instruction is None:
        return made
    return [replace(e, prompt=re.sub(r"\ATask: .*", lambda _: f"Task: {instruction}", e.prompt)) for e in made]


def unconstrained(folder: Path, max_tokens: int, temperature: float) -> Callable[[Task, list[Example]], list[str]]:
    """Return a function that answers examples by plain decoding with transformers, in one padded batch."""
    tokenizer = AutoTokenizer.from_pretrained(folder, padding_side="left")
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()

    @torch.no_grad()
    def answer(task: Task, examples: list[Example]) -> list[str]:
        batch = tokenizer([e.prompt for e in examples], return_tensors="pt", padding=True, return_token_type_ids=False)
        torch.manual_seed(1)
        drawn = {"do_sample": True, "temperature": temperature, "top_k": 0} if temperature else {"do_sample": False}
        out = model.generate(**batch, max_new_tokens=max_tokens, **drawn)
        return [tokenizer.decode(row[batch["input_ids"].shape[1] :], skip_special_tokens=True) for row in out]

    return answer


def constrained(folder: Path, max_tokens: int, temperature: float, minimal: bool) -> Callable[[Task, list[Example]], list[str]]:
    """Return a function that answers examples through structgen's public calls."""
    import structgen as sg

    style = sg.JsonStyle(escapes="minimal", exponents=0, integers="bare") if minimal else "default"
    model: Any = sg.load("tiny" if folder == path() else str(folder))

    def answer(task: Task, examples: list[Example]) -> list[str]:
        grammar: Any
        if task.schema is not None:
            grammar = sg.json_schema(task.schema, style=style)
        elif task.pattern is not None:
            grammar = sg.regex(task.pattern)
        else:
            grammar = sg.lark((GRAMMARS / str(task.grammar)).read_text(encoding="utf-8"))
        results = model.generate([e.prompt for e in examples], grammar, max_tokens=max_tokens, temperature=temperature, seed=1)
        return [result.text for result in results]

    return answer


def score(task: Task, way: str, answer: Callable[[Task, list[Example]], list[str]], examples: list[Example]) -> Score:
    """Answer and judge the held-out examples of one task."""
    fits, count = judge(task), len(examples)
    start = time.perf_counter()
    texts = [text for i in range(0, count, 25) for text in answer(task, examples[i : i + 25])]
    seconds = time.perf_counter() - start
    right = [check(e, text) for e, text in zip(examples, texts, strict=True)]
    wrong = [(e.prompt, e.answer, text) for e, text, ok in zip(examples, texts, right, strict=True) if not ok]
    return Score(task.name, way, count, sum(map(fits, texts)) if fits else None, sum(right), seconds, wrong)


def table(scores: list[Score]) -> str:
    """Return the scores as a Markdown table, one row a task, with two columns for each way of decoding."""
    ways = list(dict.fromkeys(s.way for s in scores))
    lines = ["| task | kind | " + " | ".join(f"{w}: valid | right" for w in ways) + " |", "|---|---|" + "---:|---:|" * len(ways)]
    for name in dict.fromkeys(s.task for s in scores):
        cells = [f"{share(s.valid, s.total)} | {share(s.right, s.total)}" for s in scores if s.task == name]
        lines.append(f"| {name} | {ALL[name].kind} | " + " | ".join(cells) + " |")
    cells = []
    for way in ways:
        mine = [s for s in scores if s.way == way]
        judged = [s for s in mine if s.valid is not None]
        valid = share(sum(s.valid or 0 for s in judged), sum(s.total for s in judged))
        cells.append(f"{valid} | {share(sum(s.right for s in mine), sum(s.total for s in mine))}")
    lines.append("| **all** | | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def share(part: int | None, total: int) -> str:
    """Return a percentage, or a dash where nothing was judged."""
    return "-" if part is None or not total else f"{100 * part / total:.0f} %"


def main() -> None:
    """Read the options, score, and write the table to standard output."""
    parser = argparse.ArgumentParser(description="Score structgen's tiny model.")
    parser.add_argument("--folder", type=Path, default=path(), help="the model's folder")
    parser.add_argument("--each", type=int, default=50, help="examples of each task")
    parser.add_argument("--tasks", nargs="*", default=list(ALL), choices=list(ALL), metavar="TASK")
    parser.add_argument("--constrained", action="store_true", help="also decode through structgen")
    parser.add_argument("--max-tokens", type=int, default=200)
    parser.add_argument("--temperature", type=float, default=0.0, help="0: the likeliest token")
    parser.add_argument("--minimal", action="store_true", help="JSON without needless escapes, exponents or `.0`")
    parser.add_argument("--instruction", help="an instruction in place of the task's own, for example one that training never saw")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--wrong", type=int, default=0, help="show so many wrong answers of each task")
    parser.add_argument("--out", type=Path, help="write the scores as JSON too")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    ways = {"unconstrained": unconstrained(args.folder, args.max_tokens, args.temperature)}
    if args.constrained:
        ways["constrained"] = constrained(args.folder, args.max_tokens, args.temperature, args.minimal)
    examples = {name: held_out(ALL[name], args.each, args.instruction) for name in args.tasks}
    scores = [score(ALL[name], way, answer, examples[name]) for name in args.tasks for way, answer in ways.items()]
    for one in scores:
        for prompt, wanted, text in one.wrong[: args.wrong]:
            sys.stdout.write(f"--- {one.task}, {one.way}\n{prompt}\nwanted {wanted}\ngot    {text}\n")
    sys.stdout.write(table(scores) + "\n")
    if args.out:
        args.out.write_text(json.dumps([asdict(s) for s in scores], ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
