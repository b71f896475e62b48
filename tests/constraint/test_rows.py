import numpy as np
import pytest

from structgen.constraint.rows import Row, Rows, RowStore
from structgen.kernels.rows import LONG, expand

WORDS = 64


def kept(store: RowStore, *tokens: int, rows: Rows | None = None, state: int = 0) -> Row:
    """A row with these tokens."""
    line = store.blank()
    expand(np.array(tokens, np.uint32), line.into, WORDS)
    return store.keep(store.rows() if rows is None else rows, state, line, store.told(line))


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
        assert len({id(row) for row in rows if row.line is not None}) <= 3
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
    store = RowStore(WORDS, limit=1050, dense=1)
    a, b = store.rows(), store.rows()
    for rows, state in ((a, 1), (b, 1), (a, 2)):  # 200 for each state; 304 for the row of the first two, which is one, and for the third
        kept(store, state, rows=rows, state=state)
    assert (list(a), list(b), store.used) == ([2], [1], 1008)
    store.limit = 10
    kept(store, *range(5), rows=b, state=7)  # too much alone is kept alone
    assert (list(a), list(b), store.used) == ([], [7], 500 + 4 * WORDS + 304)  # the last line is not dropped, nor its row


def test_equal_rows_are_one_and_others_with_the_same_key_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    store = RowStore(WORDS, dense=1)
    rows = store.rows()
    for state, tokens in enumerate([range(9), range(9), range(1, 10), range(9), [7], [7]]):
        kept(store, *tokens, rows=rows, state=state)
    assert rows[0] is rows[1] is rows[3]
    assert rows[4] is rows[5]
    assert [ids(store.line_of(rows[k]).words) for k in (0, 2, 4)] == [[*range(9)], [*range(1, 10)], [7]]
    assert store.used == 6 * 200 + 3 * 300 + 2 * 4 * WORDS + 4
    monkeypatch.setattr(RowStore, "told", lambda *_: LONG + 7)
    for state, tokens in enumerate([range(20), range(30), range(40), range(20)], 6):
        kept(store, *tokens, rows=rows, state=state)
    assert [len(ids(store.line_of(rows[k]).words)) for k in range(6, 10)] == [20, 30, 40, 20]
    assert rows[6] is rows[9]
    monkeypatch.undo()
    store.limit = 1
    kept(store, 1, rows=rows, state=10)
    assert (list(rows), store.used) == ([10], 504)
    assert len(store._known) == 1


def test_rows_go_with_their_automaton() -> None:
    store = RowStore(WORDS, dense=1)
    kept_ones = store.rows()
    kept(store, 1, rows=kept_ones, state=1)
    for _ in range(200):
        rows = store.rows()
        for state in range(3):
            kept(store, state, rows=rows, state=state)
    del rows
    kept(store, 1, rows=kept_ones, state=2)
    assert store.used == 2 * 200 + 304
    assert len(store._order) < 100
    assert len(store._known) == 1


def test_rows_with_many_doubts_are_forgotten_like_others() -> None:
    store = RowStore(WORDS, limit=1_000_000)
    rows = store.rows()
    for state in range(300):
        line = store.blank()
        expand(np.array([state], np.uint32), line.into, WORDS)
        row = store.keep(rows, state, line, store.told(line), (np.zeros(1000, np.int32),))
        assert ids(store.line_of(row).words) == [state]
    assert 150 < len(rows) < 230
    assert store.used < 1_000_000
