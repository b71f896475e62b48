"""Every figure that structgen aims at, by one command: runs the parts, each in processes of its own, and prints one table.

    python bench/reach.py --shared ../shared/data --results out/reach [--python /opt/peers/bin/python] [--only masks,memory] [--quick]

What a part found is kept in the folder of results, so that the same command goes on where it was broken off, and prints the table alone
once all is there; delete a file there, and that part is measured anew. Other code or another machine needs another folder.

`--python`: a Python that has llguidance, for what stands beside it. `--quick` takes 20 schemas and short texts, to see that all parts run:
its figures mean nothing.

Parts: masks (one for each vocabulary), server, batch, startup, vocabularies, kept, new, forced, long. Each can be run by itself: the
commands are printed.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any, Final

from structgen.bench.engines import versions
from structgen.bench.figures import Figure, markdown, read_figures, write_figures
from structgen.bench.machine import described, machine, today
from structgen.bench.tables import shown
from structgen.errors import OptionError

MAIN: Final = "qwen3"
OTHERS: Final = ("o200k_base", "mistral_tekken", "mistral_v1_32k", "gpt2")
SOME: Final = 100  # schemas for the other vocabularies
HERE: Final = Path(__file__).resolve().parent
GOALS: Final = (
    ("mask", "mean", 0.25),
    ("mask", "p50", 0.25),
    ("mask", "p99", 0.25),
    ("mask", "p99.9", 0.5),
    ("first", "p50", 0.5),
    ("first", "p99", 0.5),
)
NAMES: Final = {"mask": "mask + commit", "first": "first mask"}


@dataclass(frozen=True, slots=True)
class Part:
    """A script with its options; `read` makes figures of what it wrote (None: it wrote figures)."""

    name: str
    command: list[str]
    file: str
    read: Callable[[dict[str, Any]], list[Figure]] | None = None


def parts(options: argparse.Namespace) -> Iterator[Part]:
    """All of them."""
    data, few = str(options.shared / "maskbench/maskbench_dev.jsonl.xz"), ["--limit", "20"] if options.quick else []
    tokenizers = {name: str(options.shared / "tokenizers" / name / "tokenizer.json") for name in (MAIN, *OTHERS)}
    common = ["--data", data, "--tokenizer", tokenizers[MAIN]]
    peers = options.python or sys.executable

    def script(name: str, file: str, *more: str, python: str = sys.executable, limited: bool = True) -> Part:
        return Part(name, [python, str(HERE / file), *common, *more, *(few if limited else [])], f"{name}.json")

    for name, tokenizer in tokenizers.items():
        yield _masks(name, data, tokenizer, options, few)
    yield script("server", "server.py")
    yield script("batch", "batch.py", python=peers)
    yield script("startup", "startup.py", *(["--warm"] if options.quick else []), limited=False)
    others = [word for name in OTHERS for word in ("--more", tokenizers[name])]
    yield script("vocabularies", "vocabularies.py", *([] if options.quick else others), limited=False)
    yield script("kept", "memory.py")
    yield script("new", "memory.py", "--new", "1000" if options.quick else "10000")
    yield script("forced", "forced_tokens.py", python=peers)
    yield script("long", "long_texts.py", *(["--tokens", "2000", "--depth", "100"] if options.quick else []), limited=False)


def _masks(name: str, data: str, tokenizer: str, options: argparse.Namespace, few: list[str]) -> Part:
    """`structgen bench masks` over one vocabulary, cold and warm."""
    part = f"masks-{name}"
    some = few or ([] if name == MAIN else ["--limit", str(SOME)])
    python = ["--python", options.python] if options.python else []
    engines = ["--engines", "structgen,llguidance", "--against", "llguidance", "--passes", "2", *python]
    files = ["--results", str(options.results / f"{part}.jsonl")]
    command = [sys.executable, "-m", "structgen", "bench", "masks", "--data", data, "--tokenizer", tokenizer, *engines, *files, *some]
    return Part(part, command, f"{part}.tables.json", lambda document: mask_figures(name, document))


def mask_figures(name: str, document: dict[str, Any]) -> list[Figure]:
    """The ratios to llguidance over what both pass, and our slowest over all: of the JSON of `structgen bench masks`."""
    figures = []
    for both in document["common"]:
        turn = "seen before" if both["turn"] > 1 else "new"
        line = f"masks, {name}, {document['setup']['vocabulary']:,} tokens, schemas {turn}"
        for measure, column, most in GOALS:
            ours, theirs = (both[measure][engine]["values"][column] for engine in ("structgen", "llguidance"))
            ratio = both["ratios"]["structgen"][measure][column]
            what = f"{NAMES[measure]}, {column}: / llguidance, over the {both['schemas']} that both pass"
            figures.append(Figure(line, what, ratio, "x", most=most, beside=f"{shown(ours)}, llguidance {shown(theirs)}"))
        ours = next(one for one in document["engines"] if one["engine"] == "structgen" and one["turn"] == both["turn"])
        taken = f"over all {ours['verdicts']['pass']} of ours"
        figures.append(Figure(line, f"mask + commit, p99.9: {taken}", ours["mask"]["values"]["p99.9"] / 1e3, "ms", most=2.0))
        figures.append(Figure(line, f"mask + commit, slowest: {taken}", ours["mask"]["values"]["max"] / 1e3, "ms", most=20.0))
    return figures


def run(part: Part, folder: Path) -> list[Figure]:
    """The figures of a part, measured unless they are there. Raises CalledProcessError where it fails."""
    file = folder / f"{part.name}.json"
    if not file.is_file():
        output = folder / part.file
        command = [*part.command, "--out" if part.read else "--json", str(output)]
        print(f"{part.name}: {shlex.join(command)}", file=sys.stderr, flush=True)
        begun = perf_counter()
        with (folder / f"{part.name}.txt").open("w", encoding="utf-8") as printed:
            subprocess.run(command, check=True, stdout=printed, env={**os.environ, "PYTHONPATH": str(HERE.parent)})
        print(f"{part.name}: {perf_counter() - begun:.0f} s", file=sys.stderr, flush=True)
        if part.read is not None:
            write_figures(file, part.read(json.loads(output.read_text(encoding="utf-8"))))
    return read_figures(file)


def checked(options: argparse.Namespace) -> dict[str, Any]:
    """What the folder of results is about, written there if it is new. Raises OptionError where it is about something else."""
    options.results.mkdir(parents=True, exist_ok=True)
    file, now = options.results / "setup.json", {"structgen": versions(["structgen"])["structgen"], "quick": options.quick, **machine()}
    if not file.is_file():
        file.write_text(json.dumps({**now, "begun": today()}, indent=1) + "\n", encoding="utf-8")
    there: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    odd = next((f"{name} {there.get(name)!r}, not {value!r}" for name, value in now.items() if there.get(name) != value), None)
    if odd is not None:
        raise OptionError(f"{options.results} has figures of {odd}", where="--results", hint="name another folder")
    return there


def main() -> int:
    """Run what is not there, print the table; exit status 1 where a part fails."""
    given = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    given.add_argument("--shared", type=Path, required=True, metavar="DIR", help="has maskbench/ and tokenizers/")
    given.add_argument("--results", type=Path, required=True, metavar="DIR", help="what parts found; the same command goes on from there")
    given.add_argument("--python", metavar="FILE", help="the Python that llguidance is measured in, for this one")
    given.add_argument("--only", help="parts, with commas; masks stands for all vocabularies")
    given.add_argument("--quick", action="store_true", help="a few schemas: whether all parts run")
    options = given.parse_args()
    setup = checked(options)
    wanted = None if options.only is None else options.only.split(",")
    figures, failed = [], []
    for part in parts(options):
        if wanted is None or part.name in wanted or part.name.partition("-")[0] in wanted:
            try:
                figures += run(part, options.results)
            except subprocess.CalledProcessError as error:
                failed.append(f"{part.name}: exit status {error.returncode}")
    missed = sum(one.met is False for one in figures)
    print(
        f"structgen {setup['structgen']}; {described(setup)}; {setup['begun']}\n{len(figures)} figures, {missed} not met",
        *failed,
        sep="\n",
        end="\n\n",
    )
    print(markdown(figures))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
