"""Deterministic automata as plain tables: determinise, product, trim and minimise.

A raw table is `(rows, finals)`: `rows[q][c]` is the next state or -1 (dead), `finals[q]` a bool, state 0 the start. Columns are the
classes of some `Alphabet`, which these functions never look at. Everything is plain Python on purpose: the automata of a JSON Schema have
5 to 50 states, where a JIT compiler or numpy costs more than it saves (a 20 x 20 product with its minimisation takes about 0.4 ms).

Not here: what a language means (`regular.py`) or characters (`chars.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import itemgetter, or_
from typing import Any

from structgen.errors import BudgetExceeded

Row = tuple[int, ...]
Table = tuple[list[Row], list[bool]]

CELLS_PER_STATE = 200
"""A table may hold this many cells for each state of its budget, so that wide alphabets are bounded too."""

WORK_PER_STATE = 40
"""Determinising may look at this many states of the nondeterministic automaton for each state of its budget."""


def exceeded(budget: int) -> BudgetExceeded:
    """The error for an automaton that outgrew its budget."""
    return BudgetExceeded(
        f"an automaton over characters needs more than {budget:,} states",
        hint="shorten counted repeats such as {0,5000}, avoid several look-aheads in one pattern, or raise the budget",
    )


def picker(indices: Sequence[int]) -> Callable[[Sequence[int]], Row]:
    """The function that picks these places of a row, as a tuple."""
    if len(indices) == 1:
        only = indices[0]
        return lambda row: (row[only],)
    return itemgetter(*indices)


def determinise(start: int, rows: Sequence[Sequence[int]], finals: int, budget: int, done: int = 0) -> Table:
    """The subset automaton of a nondeterministic one without free steps.

    Sets of states are bit masks: `start`, `finals`, and `rows[q][c]`, the states that `q` may go to by class c. `done` may name one state
    from which every text is accepted: sets with it are all one, which keeps searches small.
    """
    classes = len(rows[0]) if rows else 1
    limit = _limit(budget, classes)
    index = {0: -1, start: 0}
    order = [start]
    out: list[Row] = []
    work = 0
    if not start:
        return [(-1,) * classes], [False]
    for subset in order:
        work += subset.bit_count()
        if work > WORK_PER_STATE * budget:
            raise exceeded(budget)
        low = subset & -subset
        targets: Any = rows[low.bit_length() - 1]
        rest = subset ^ low
        while rest:
            low = rest & -rest
            targets = map(or_, targets, rows[low.bit_length() - 1])
            rest ^= low
            if rest:
                targets = list(targets)
        row = []
        for target in targets:
            found = index.get(target)
            if found is None:
                kept = done if target & done else target
                if kept not in index:
                    index[kept] = len(order)
                    order.append(kept)
                    if len(order) > limit:
                        raise exceeded(budget)
                found = index[target] = index[kept]
            row.append(found)
        out.append(tuple(row))
    return out, [bool(subset & finals) for subset in order]


def _limit(budget: int, classes: int) -> int:
    """How many states a table of so many columns may have."""
    return min(budget, max(1, budget * CELLS_PER_STATE // max(classes, 1)))


def product(a: Table, b: Table, keep: Callable[[bool, bool], bool], budget: int) -> Table:
    """The pairs of states reached together, over the same columns; final where `keep(final in a, final in b)`.

    `keep(False, False)` must be False. A pair from which `keep` can never hold any more (one side dead) is dead.
    """
    left, right = [*a[0], (-1,) * len(a[0][0])], [*b[0], (-1,) * len(b[0][0])]
    limit = _limit(budget, len(left[0]))
    needs_left, needs_right = not keep(False, True), not keep(True, False)
    index: dict[tuple[int, int], int] = {(-1, -1): -1, (0, 0): 0}
    order = [(0, 0)]
    out: list[Row] = []
    for p, q in order:
        row = []
        for pair in zip(left[p], right[q], strict=True):
            found = index.get(pair)
            if found is None:
                if (needs_left and pair[0] < 0) or (needs_right and pair[1] < 0):
                    found = index[pair] = -1
                else:
                    found = index[pair] = len(order)
                    order.append(pair)
                    if found >= limit:
                        raise exceeded(budget)
            row.append(found)
        out.append(tuple(row))
    left_final, right_final = [*a[1], False], [*b[1], False]
    return out, [keep(left_final[p], right_final[q]) for p, q in order]


def predecessors(rows: Sequence[Row]) -> list[list[int]]:
    """For each state the states with an edge to it."""
    back: list[list[int]] = [[] for _ in rows]
    for q, row in enumerate(rows):
        for target in set(row):
            if target >= 0:
                back[target].append(q)
    return back


def trim(rows: list[Row], finals: list[bool]) -> tuple[Table, list[list[int]]]:
    """Keeps the states that lead to a final one (all are taken to be reachable). State 0 always stays. Also returns the predecessors."""
    back = predecessors(rows)
    live = list(finals)
    work = [q for q, final in enumerate(finals) if final]
    while work:
        for p in back[work.pop()]:
            if not live[p]:
                live[p] = True
                work.append(p)
    if all(live):
        return (rows, finals), back
    if not live[0]:
        return ([(-1,) * len(rows[0])], [False]), [[]]
    kept = [q for q in range(len(rows)) if live[q]]
    new = [-1] * (len(rows) + 1)
    for i, q in enumerate(kept):
        new[q] = i
    out = [tuple([new[t] for t in rows[q]]) for q in kept]
    return (out, [finals[q] for q in kept]), predecessors(out)


def minimise(rows: list[Row], finals: list[bool], back: list[list[int]]) -> tuple[list[int], int]:
    """The block of each state (a list, with the dead block at the end), and the number of blocks; the table must be trimmed.

    Partition refinement by signatures: a block is looked at again only where successors moved, the largest part of a split keeps its
    name, so each edge is looked at O(log n) times (Jacobs and Wißmann, "Fast coalgebraic bisimilarity minimization", 2023).
    """
    n = len(rows)
    signature = [itemgetter(*row) if len(row) > 1 else itemgetter(row[0]) for row in rows]
    block = [0] * n + [-1]
    members: list[set[int]] = []
    for value in (True, False):
        states = {q for q in range(n) if finals[q] is value}
        if states:
            for q in states:
                block[q] = len(members)
            members.append(states)
    dirty: list[set[int]] = [set(m) for m in members]
    work = list(range(len(members)))
    while work:
        b = work.pop()
        todo, dirty[b] = dirty[b], set()
        inside = members[b]
        if len(inside) == 1:
            continue
        groups: dict[Any, list[int]] = {}
        for q in todo:
            groups.setdefault(signature[q](block), []).append(q)
        untouched = len(inside) - len(todo)
        if untouched:  # those all have one signature still
            clean = next(q for q in inside if q not in todo)
            sign = signature[clean](block)
            groups.setdefault(sign, [])
            if len(groups) == 1:
                continue
            largest = max(groups, key=lambda s: len(groups[s]) + (untouched if s == sign else 0))
            if largest != sign:
                groups[sign].extend(inside - todo)
        elif len(groups) == 1:
            continue
        else:
            largest = max(groups, key=lambda s: len(groups[s]))
        moved: list[int] = []
        for sign, part in groups.items():
            if sign != largest:
                for q in part:
                    block[q] = len(members)
                inside.difference_update(part)
                members.append(set(part))
                dirty.append(set())
                moved.extend(part)
        for q in moved:
            for p in back[q]:
                at = block[p]
                if len(members[at]) > 1:
                    if not dirty[at]:
                        work.append(at)
                    dirty[at].add(p)
    return block, len(members)


def quotient(rows: list[Row], finals: list[bool], block: list[int], count: int) -> Table:
    """The table with one state per block, numbered breadth first from state 0 in column order."""
    if count == len(rows):
        block = [*range(count), -1]
    sample = [-1] * count
    for q in range(len(rows)):
        sample[block[q]] = q
    number = [-1] * count
    number[block[0]] = 0
    order = [block[0]]
    out: list[Row] = []
    for b in order:
        row = []
        for target in rows[sample[b]]:
            if target < 0:
                row.append(-1)
                continue
            to = block[target]
            if number[to] < 0:
                number[to] = len(order)
                order.append(to)
            row.append(number[to])
        out.append(tuple(row))
    return out, [finals[sample[b]] for b in order]
