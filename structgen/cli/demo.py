"""`structgen demo`: the small model in the package, unconstrained beside constrained.

Two sets of held-out prompts: as in training, and under an instruction that training never had. Every answer is judged twice: valid (the
task's own grammar, in any spelling, accepts the text) and right (it is the answer that the prompt asks for). Both ways see the same
batches. Not here: the tasks (`tiny.tasks`), how time is measured (`samplers.masked`).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from random import Random
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final

from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from structgen.cli.screen import KernelBar, bar, busy, load_model, out

if TYPE_CHECKING:
    from structgen.constraint.grammar import Grammar
    from structgen.constraint.protocol import Constraint
    from structgen.samplers.masked import Seconds
    from structgen.samplers.options import Options
    from structgen.tiny.tasks import Example

MAX_TOKENS: Final = 160
_BATCH: Final = 16
_FREE, _HELD = "unconstrained", "constrained"
_NEW_INSTRUCTION: Final = "Read it."
_TRAINED, _NEW = "instructions of training", f'under a new one, "{_NEW_INSTRUCTION}"'


@dataclass(frozen=True, slots=True)
class Question:
    """One prompt: its set, its task and example, the constraint of its answers, and the grammar that judges them."""

    group: str
    task: str
    example: Example
    constraint: Constraint
    judge: Grammar


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer as it was judged."""

    question: Question
    text: str
    valid: bool
    right: bool


@dataclass(slots=True)
class Way:
    """One way of decoding: its answers in the order of the questions, its tokens, and where the time went (the sampler's own clock)."""

    name: str
    answers: list[Answer]
    tokens: int
    seconds: float
    spent: Seconds


def demo(prompts: int, *, show: int, seed: int, temperature: float) -> int:
    """Answer `prompts` held-out prompts both ways, show some answers side by side, then totals and times."""
    from structgen.samplers.options import Options
    from structgen.warmup import warm

    options = Options(max_tokens=MAX_TOKENS, temperature=temperature, seed=seed, batch_size=_BATCH)
    with KernelBar() as kernels:
        warm(kernels.update)
    model = load_model("tiny")
    with busy("compiling grammars"):
        questions = questions_of(model, prompts, seed)
        run(model, questions[:2], _HELD, replace(options, max_tokens=2), lambda: None)  # torch's first calls are slow
    with bar() as progress:
        task = progress.add_task("answering", total=2 * len(questions), note="")

        def answered() -> None:
            progress.advance(task)

        ways = [run(model, questions, name, options, answered) for name in (_FREE, _HELD)]
    screen = out()
    for free, held in shown(ways, show):
        screen.print(_panel(free, held))
    screen.print(_totals(ways))
    screen.print(_times(ways))
    return 0


def questions_of(model: Any, count: int, seed: int) -> list[Question]:
    """`count` prompts that training never saw: half as in training, over all tasks, half JSON tasks under a new instruction."""
    from structgen.tiny.tasks import TASKS

    json_tasks = [task for task in TASKS.values() if task.kind == "json"]
    questions = []
    for group, tasks, number in ((_TRAINED, list(TASKS.values()), count - count // 2), (_NEW, json_tasks, count // 2)):
        for k in range(number):
            task = tasks[k % len(tasks)]
            example = task.sample(Random(f"eval-demo-{seed}-{task.name}-{group}-{k}"))
            if group == _NEW:
                example = replace(example, prompt=re.sub(r"\ATask: .*", f"Task: {_NEW_INSTRUCTION}", example.prompt))
            grammar, judge = grammars_of(task.name)
            questions.append(Question(group, task.name, example, model.automaton(grammar), judge))
    return questions


@lru_cache(maxsize=64)
def grammars_of(name: str) -> tuple[Grammar, Grammar]:
    """The grammar that constrains a task's answers, and the one that judges them (for JSON: any legal spelling, members in any order)."""
    from structgen import api
    from structgen.frontends.library import grammar_text
    from structgen.tiny.tasks import TASKS

    task = TASKS[name]
    if task.schema is not None:
        return api.json_schema(task.schema), api.json_schema(task.schema, style="any")
    grammar = api.regex(task.pattern) if task.pattern is not None else api.lark(grammar_text(str(task.grammar)))
    return grammar, grammar


def run(model: Any, questions: list[Question], name: str, options: Options, answered: Callable[[], None]) -> Way:
    """Answer all questions one way. `answered` is called after each."""
    from structgen.constraint.protocol import Unconstrained
    from structgen.samplers.masked import Masked
    from structgen.samplers.protocol import Request

    free, sampler = Unconstrained(model.vocabulary), Masked()
    requests = [
        Request(tuple(model.encode_prompt(question.example.prompt)), free if name == _FREE else question.constraint, number)
        for number, question in enumerate(questions)
    ]
    answers: dict[int, Answer] = {}
    tokens, judging, begun = 0, 0.0, perf_counter()
    for sample in sampler.sample(model.model, requests, options):
        done = perf_counter()
        tokens += len(sample.trace.tokens)
        text = model.vocabulary.decode_text(sample.tokens)
        answers[sample.request] = judged(questions[sample.request], text, finished=sample.finish == "stop")
        answered()
        judging += perf_counter() - done
    return Way(name, [answers[k] for k in range(len(questions))], tokens, perf_counter() - begun - judging, sampler.seconds)


def judged(question: Question, text: str, *, finished: bool) -> Answer:
    """An answer with its verdicts; blanks around it do not count, and an answer that was cut short is not valid."""
    from structgen.tiny.tasks import check

    valid = finished and question.judge.accepts(text.strip())
    return Answer(question, text.strip(), valid, valid and check(question.example, text.strip()))


def shown(ways: list[Way], count: int) -> list[tuple[Answer, Answer]]:
    """Pairs to show: each task once, from both sets in turn; in each set those that the grammar changed come first."""
    pairs = sorted(zip(ways[0].answers, ways[1].answers, strict=True), key=lambda pair: pair[0].text == pair[1].text)
    sets: dict[str, list[tuple[Answer, Answer]]] = {_NEW: [], _TRAINED: []}
    for group, chosen in sets.items():
        seen = {pair[0].question.task for other in sets.values() for pair in other}
        for pair in pairs:
            question = pair[0].question
            if question.group == group and question.task not in seen:
                seen.add(question.task)
                chosen.append(pair)
        del chosen[(count + (group == _NEW)) // 2 :]
    return sets[_TRAINED] + sets[_NEW]


def _panel(free: Answer, held: Answer) -> Panel:
    grid = Table.grid(padding=(0, 1))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_column(no_wrap=True)
    grid.add_row("prompt", Text(free.question.example.prompt.removesuffix("\nOutput: ")), "")
    grid.add_row(_FREE, Text(free.text), _marks(free))
    grid.add_row(_HELD, Text(held.text), _marks(held))
    return Panel(grid, title=Text(free.question.task, style="bold"), title_align="left", border_style="dim")


def _marks(answer: Answer) -> Text:
    """Whether an answer is valid and right, in words."""
    mark = Text()
    for name, good in (("valid", answer.valid), ("right", answer.right)):
        mark.append(f"✓ {name} " if good else f"✗ {name} ", style="green" if good else "red")
    return mark


def _totals(ways: list[Way]) -> Table:
    """Valid and right answers of both ways, by set."""
    title = Text(f"{len(ways[0].answers)} held-out prompts", style="bold")
    table = Table(title=title, title_justify="left", box=None, header_style="dim", pad_edge=False)
    table.add_column("")
    for way in ways:
        table.add_column(f"{way.name}:\nvalid", justify="right")
        table.add_column("\nright", justify="right")
    for group in (_TRAINED, _NEW):
        cells = []
        for way in ways:
            mine = [answer for answer in way.answers if answer.question.group == group]
            cells += [share(sum(answer.valid for answer in mine), len(mine)), share(sum(answer.right for answer in mine), len(mine))]
        table.add_row(group, *cells)
    return table


def _times(ways: list[Way]) -> Table:
    """Tokens a second, and where the time went."""
    table = Table(title=Text("time", style="bold"), title_justify="left", box=None, header_style="dim", pad_edge=False)
    for k, name in enumerate(("", "tokens", "tokens/s", "the model", "masks", "choosing", "masks, a token")):
        table.add_column(name, justify="right" if k else "left")
    for way in ways:
        spent = (way.spent.model, way.spent.constraint, way.spent.choice)
        shares = [f"{100 * seconds / way.seconds:.1f} %" for seconds in spent]
        each = f"{way.spent.constraint / max(1, way.tokens) * 1e6:.0f} µs"
        table.add_row(way.name, f"{way.tokens:,}", f"{way.tokens / way.seconds:,.0f}", *shares, each)
    return table


def share(part: int, total: int) -> str:
    """A count with its percentage."""
    return f"{part} ({100 * part / total:.0f} %)" if total else "-"
