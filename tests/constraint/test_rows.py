import numpy as np
import pytest

from structgen.constraint.rows import Row, RowStore
from structgen.kernels.rows import LONG, expand

WORDS = 64


def kept(store: RowStore, *tokens: int, rows: dict[int, Row] | None = None, state: int = 0) -> Row:
    """A row with these tokens."""
    line = store.blank()
    expand(np.array(tokens, np.uint32), line.into, WORDS)
    return store.keep({} if rows is None else rows, state, line, store.told(line))


def ids(words: np.ndarray) -> list[int]:
    return np.flatnonzero(np.unpackbits(words.view(np.uint8), bitorder="little")).tolist()


def test_few_tokens_are_kept_as_ids_and_many_as_words() -> None:
    store = RowStore(WORDS)
    few, many = kept(store, 0, 31, 32, 1023), kept(store, *range(5))
    assert few.ids is not None
    assert few.ids.tolist() == [0, 31, 32, 1023]
    assert many.ids is None
    assert ids(store.line_of(many).words) == [0, 1, 2, 3, 4]
    with pytest.raises(ValueError, match="read-only"):
        store.line_of(few).words[0] = 1


@pytest.mark.parametrize("seed", range(5))
def test_lines_are_dropped_and_written_anew_but_never_those_that_somebody_holds(seed: int) -> None:
    print("seed", seed)
    rng, store = np.random.default_rng(seed), RowStore(WORDS, dense=3 * 4 * WORDS)
    texts = [sorted(rng.choice(32 * WORDS, rng.integers(1, 5), replace=False).tolist()) for _ in range(300)]
    rows: list[Row] = []
    held: list[tuple[np.ndarray, list[int]]] = []
    memory = set()
    for tokens in texts:
        rows.append(kept(store, *tokens))
        k = int(rng.integers(len(rows)))
        words = store.line_of(rows[k]).words
        assert ids(words) == texts[k]
        memory.add(words.ctypes.data)
        if rng.random() < 0.05:
            held.append((words[:] if rng.random() < 0.5 else words, texts[k]))  # a view keeps it, too
        assert sum(row.line is not None for row in rows) <= 3
    assert all(ids(words) == tokens for words, tokens in held)
    assert all(ids(store.line_of(row).words) == tokens for row, tokens in zip(rows, texts, strict=True))
    assert len(memory) <= len(held) + 5  # used again


def test_a_line_that_a_batch_holds_is_not_written_again() -> None:
    store = RowStore(WORDS, dense=4 * WORDS)
    row = kept(store, 7)
    held = store.line_of(row)
    for token in range(5):
        kept(store, token)
    assert row.line is None
    assert ids(held.words) == [7]


def test_rows_past_the_limit_are_forgotten_the_oldest_first() -> None:
    store = RowStore(WORDS, limit=1300)
    a: dict[int, Row] = {}
    b: dict[int, Row] = {}
    for rows, state in ((a, 1), (b, 1), (a, 2)):  # each counts 500 bytes and more
        kept(store, state, rows=rows, state=state)
    assert (list(a), list(b), store.used) == ([2], [1], 1008)
    store.limit = 10
    kept(store, *range(5), rows=b, state=7)  # too much alone is kept alone
    assert (list(a), list(b), store.used) == ([], [7], 500 + 4 * WORDS)


def test_equal_long_rows_share_a_line_and_others_with_the_same_key_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    store, rows = RowStore(WORDS), dict[int, Row]()
    for state, tokens in enumerate([range(9), range(9), range(1, 10), range(9)]):
        kept(store, *tokens, rows=rows, state=state)
    assert rows[0].line is rows[1].line is rows[3].line
    assert [ids(store.line_of(rows[k]).words) for k in (0, 2)] == [[*range(9)], [*range(1, 10)]]
    assert store.used == 4 * 500 + 2 * 4 * WORDS
    monkeypatch.setattr(RowStore, "told", lambda *_: LONG + 7)
    for state, tokens in enumerate([range(20), range(30), range(40), range(20)], 4):
        kept(store, *tokens, rows=rows, state=state)
    assert [len(ids(store.line_of(rows[k]).words)) for k in range(4, 8)] == [20, 30, 40, 20]
    assert rows[4].line is rows[7].line
    monkeypatch.undo()
    store.limit = 1
    kept(store, 1, rows=rows, state=9)
    assert (list(rows), store.used) == ([9], 504)
    assert not store._long
    assert not store._uses
