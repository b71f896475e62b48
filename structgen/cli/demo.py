"""`structgen demo`: the small model in the package, unconstrained beside constrained.

Every answer is judged twice: valid (the task's own grammar, in any spelling, accepts the text) and right (it is the answer that the
prompt asks for). Not here: the tasks (`tiny.tasks`), how time is measured (`samplers.masked`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final

from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from structgen.cli.screen import KernelBar, bar, load_model, out

if TYPE_CHECKING:
    from structgen.constraint.grammar import Grammar
    from structgen.samplers.masked import Masked
    from structgen.tiny.tasks import Example, Task

MAX_TOKENS: Final = 200
_BATCH: Final = 16
_FREE, _HELD = "unconstrained", "constrained"


@dataclass(slots=True)
class Answer:
    """One answer: `valid` and `right` as judged."""

    task: str
    example: Example
    text: str
    valid: bool
    right: bool


@dataclass(slots=True)
class Way:
    """One way of decoding: its answers, tokens, and where the time went (the sampler's own clock)."""

    name: str
    sampler: Masked
    answers: list[Answer] = field(default_factory=list)
    tokens: int = 0
    seconds: float = 0.0


def demo(prompts: int, *, show: int, seed: int, temperature: float) -> int:
    """Answer `prompts` held-out prompts both ways, show some answers side by side, then totals and times."""
    from structgen.tiny.tasks import TASKS
    from structgen.warmup import warm

    with KernelBar() as kernels:
        warm(kernels.update)
    model = load_model("tiny")
    ways = run(model, held_out(TASKS, prompts, seed), seed=seed, temperature=temperature)
    screen = out()
    for free, held in _shown(ways, show):
        screen.print(_panel(free, held))
    screen.print(_totals(ways))
    screen.print(_speed(ways[1]))
    return 0


def held_out(tasks: dict[str, Task], count: int, seed: int) -> list[tuple[Task, list[Example]]]:
    """`count` prompts that training never saw, spread over the tasks in turn; tasks without any are left out."""
    names = list(tasks)
    each = [count // len(names) + (k < count % len(names)) for k in range(len(names))]
    return [
        (tasks[name], [tasks[name].sample(Random(f"eval-demo-{seed}-{name}-{i}")) for i in range(number)])
        for name, number in zip(names, each, strict=True)
        if number
    ]


def grammars_of(task: Task) -> tuple[Grammar, Grammar]:
    """The grammar that constrains a task's answers, and the one that judges them (for JSON: any legal spelling and order)."""
    from structgen import api
    from structgen.frontends.library import grammar_text

    if task.schema is not None:
        return api.json_schema(task.schema), api.json_schema(task.schema, style="any", order="any")
    grammar = api.regex(task.pattern) if task.pattern is not None else api.lark(grammar_text(str(task.grammar)))
    return grammar, grammar


def run(model: Any, sets: list[tuple[Task, list[Example]]], *, seed: int, temperature: float) -> list[Way]:
    """Both ways over all prompts, with a progress bar."""
    from structgen.samplers.masked import Masked

    ways = [Way(_FREE, Masked()), Way(_HELD, Masked())]
    total = 2 * sum(len(examples) for _, examples in sets)
    with bar() as progress:
        shown = progress.add_task("answering", total=total, note="")
        for task, examples in sets:
            grammar, judge = grammars_of(task)
            for way in ways:
                progress.update(shown, note=f"{task.name}, {way.name}")
                for k in range(0, len(examples), _BATCH):
                    batch = examples[k : k + _BATCH]
                    with _timed(way):
                        results = model.generate(
                            [example.prompt for example in batch],
                            None if way.name == _FREE else grammar,
                            sampler=way.sampler,
                            max_tokens=MAX_TOKENS,
                            seed=seed,
                            temperature=temperature,
                        )
                    _judge(way, task.name, judge, zip(batch, results, strict=True))
                    progress.advance(shown, len(batch))
    return ways


def _judge(way: Way, task: str, judge: Grammar, answered: Iterable[tuple[Example, Any]]) -> None:
    """Judge the answers of a batch."""
    from structgen.tiny.tasks import check

    for example, result in answered:
        text = result.text.strip()
        way.tokens += len(result.tokens) + result.finished  # the stop token is drawn too
        valid = result.finished and judge.accepts(text)
        way.answers.append(Answer(task, example, text, valid, valid and check(example, text)))


@contextmanager
def _timed(way: Way) -> Iterator[None]:
    begun = perf_counter()
    yield
    way.seconds += perf_counter() - begun


def _shown(ways: list[Way], count: int) -> list[tuple[Answer, Answer]]:
    """Pairs to show: those that differ first, each task once before any twice."""
    pairs = list(zip(ways[0].answers, ways[1].answers, strict=True))
    seen: dict[str, int] = {}
    ranked = []
    for pair in sorted(pairs, key=lambda pair: (pair[0].valid, pair[0].right or not pair[1].right)):
        seen[pair[0].task] = seen.get(pair[0].task, 0) + 1
        ranked.append((seen[pair[0].task], pair))
    broken = [pair for rank, pair in ranked if rank == 1 and not pair[0].right]
    fine = [pair for rank, pair in ranked if rank == 1 and pair[0].right]
    return [*broken, *fine][:count]


def _panel(free: Answer, held: Answer) -> Panel:
    grid = Table.grid(padding=(0, 1))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_column(no_wrap=True)
    grid.add_row("prompt", Text(free.example.prompt.removesuffix("\nOutput: ")), "")
    grid.add_row(_FREE, Text(free.text), _marks(free))
    grid.add_row(_HELD, Text(held.text), _marks(held))
    return Panel(grid, title=Text(free.task, style="bold"), title_align="left", border_style="dim")


def _marks(answer: Answer) -> Text:
    """Whether an answer is valid and right, in words."""
    mark = Text()
    for name, good in (("valid", answer.valid), ("right", answer.right)):
        mark.append(f"✓ {name} " if good else f"✗ {name} ", style="green" if good else "red")
    return mark


def _totals(ways: list[Way]) -> Table:
    table = Table(title=Text(f"{len(ways[0].answers)} held-out prompts", style="bold"), title_justify="left", box=None, header_style="dim")
    for k, name in enumerate(("", "valid", "right", "tokens", "tokens/s")):
        table.add_column(name, justify="right" if k else "left")
    for way in ways:
        valid, right = (sum(getattr(answer, name) for answer in way.answers) for name in ("valid", "right"))
        cells = [share(valid, len(way.answers)), share(right, len(way.answers)), f"{way.tokens:,}", f"{way.tokens / way.seconds:,.0f}"]
        table.add_row(way.name, *cells)
    return table


def _speed(way: Way) -> Text:
    """Where the time of constrained decoding went."""
    spent = way.sampler.seconds
    each = spent.constraint / max(1, way.tokens) * 1e6
    parts = {"the model": spent.model, "masks": spent.constraint, "choosing tokens": spent.choice}
    parts["the rest (compiling grammars, encoding prompts)"] = max(0.0, way.seconds - sum(parts.values()))
    said = ", ".join(f"{name} {100 * seconds / way.seconds:.1f} %" for name, seconds in parts.items())
    return Text(f"time of constrained decoding: {said}. Masks cost {each:.0f} µs a token.", style="dim")


def share(part: int, total: int) -> str:
    """A count with its percentage."""
    return f"{part} ({100 * part / total:.0f} %)" if total else "-"
