"""What may come next in a text, or where and why it was refused."""

from __future__ import annotations

from dataclasses import dataclass

from structgen.automata.machine import ByteAutomaton
from structgen.constraint.protocol import Constraint
from structgen.errors import DeadEnd, Place

_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Explanation:
    """`verdict`: "complete" (the text is in the language), "incomplete" (it begins a text of the language) or "refused".

    `read`: characters that could be read. `expected`: what may come after them, for people: single characters, ranges, "the end".
    `place`: the place in the text where it was refused, or its end. `repeats`: only what came before forbids the character there: a key, or
    an item of an array of different items, would come twice.
    """

    verdict: str
    read: int
    expected: tuple[str, ...]
    place: Place
    repeats: bool = False

    def __str__(self) -> str:
        may = ", ".join(self.expected) or "nothing"
        if self.verdict == "complete":
            more = [e for e in self.expected if e != "the end"]
            return "complete" + (f"; it may also go on with {', '.join(more)}" if more else "")
        if self.verdict == "incomplete":
            return f"incomplete: next may come {may}\n  at {self.place}"
        why = "\n  it would complete a key or an item that is there already" if self.repeats else ""
        return f"refused at {self.place}{why}\n  expected {may}"


def explain(machine: ByteAutomaton, text: str | bytes) -> Explanation:
    """Read `text` and say how far that went. A byte text is shown with replacement characters."""
    data = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    count, state = machine.read(data)
    shown = data.decode("utf-8", "replace")
    read = len(data[:count].decode("utf-8", "ignore"))
    if count < len(data) and 0x80 <= data[count] < 0xC0:  # refused inside a character: the character is to blame
        lead = count
        while lead and 0x80 <= data[lead] < 0xC0:
            lead -= 1
        if data[lead] >= 0xC0:
            count, state = machine.read(data[:lead])
            read = len(data[:count].decode("utf-8", "ignore"))
    expected = _names(machine, state)
    final = machine.is_final(state)
    if final:
        expected.append("the end")
    verdict = "refused" if count < len(data) else "complete" if final else "incomplete"
    repeats = verdict == "refused" and machine.read(data[count : count + 1], machine.twin(state))[0] == 1
    return Explanation(verdict, read, tuple(expected), Place(shown, read), repeats)


def dead_end(constraint: Constraint, state: int, where: str) -> DeadEnd | None:
    """The error for a state that lives and whose mask is empty; None for any other state."""
    if state <= 0 or constraint.mask(state).any():
        return None
    machine, vocabulary = getattr(constraint, "machine", None), constraint.vocabulary
    may = ", ".join(_names(machine, state)) if isinstance(machine, ByteAutomaton) else "more"
    notes = f" ({'; '.join(vocabulary.notes)})" if vocabulary.notes else ""
    return DeadEnd(
        f"no token of the vocabulary spells what must come next: {may}",
        where=where,
        hint=f"vocabulary.notes says which bytes have no token{notes}; allow a text that it can spell, or take another tokenizer",
    )


def _names(machine: ByteAutomaton, state: int) -> list[str]:
    """What may come next, for people: runs of letters and digits as ranges, then special tokens."""
    symbols = [byte for byte, _ in machine.moves(state)]
    names: list[str] = []
    run: list[int] = []

    def close() -> None:
        if len(run) > 2:
            names.append(f"{chr(run[0])!r} to {chr(run[-1])!r}")
        else:
            names.extend(repr(chr(b)) for b in run)
        run.clear()

    for symbol in symbols:
        if run and not (symbol == run[-1] + 1 and _kind(symbol) == _kind(run[-1])):
            close()
        if symbol < 0x80:
            run.append(symbol)
    close()
    if any(0xC0 <= s < 0x100 for s in symbols):
        names.append("characters beyond ASCII")
    if any(0x80 <= s < 0xC0 for s in symbols):
        names.append("the rest of a character")
    names.extend(machine.symbols.name(low, high) for low, high, _ in machine.special_moves(state))
    return names if len(names) <= _SHOWN else [*names[:_SHOWN], f"{len(names) - _SHOWN} more"]


def _kind(symbol: int) -> str:
    c = chr(symbol)
    return "digit" if c.isdigit() else "upper" if c.isupper() else "lower" if c.islower() else "other"
