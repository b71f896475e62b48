"""The nodes of literals, as they stand in the arrays of machines.

Not here: the edges that lead to them and on (`assemble`).
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Final
from weakref import WeakKeyDictionary, ref

if TYPE_CHECKING:
    from structgen.automata.leaves import LeafPool
    from structgen.ir.expr import Respelling

FREE: Final = -1
"""What free steps call."""

FRESH: Final = array("i", (-1, 0, 0, -1, -1))
"""A node without edges (`kernels.tables`)."""

_KEPT: Final = 1 << 12  # literals whose nodes are kept


class Letters:
    """How literals are written by the machines of one pool of leaves."""

    def __init__(self, pool: LeafPool) -> None:
        self._pool = ref(pool)
        self._letters: dict[Respelling | None, list[bytes]] = {}  # for each byte, the node that reads it
        self._known: dict[tuple[bytes, Respelling | None], array[int]] = {}

    def nodes(self, data: bytes, respelling: Respelling | None) -> array[int]:
        """Nodes that read these bytes, and a fresh one behind them. Kept, for schemas share their keys (12 bytes: 0.4 us, not 3)."""
        found = self._known.get((data, respelling))
        if found is None:
            letters = self._letters.get(respelling) or self._made(respelling)
            if len(self._known) >= _KEPT:
                self._known.clear()
            found = self._known[data, respelling] = array("i", b"".join(map(letters.__getitem__, data))) + FRESH
        return found

    def _made(self, respelling: Respelling | None) -> list[bytes]:
        pool = self._pool()
        assert pool is not None
        doors = [0] * 256 if respelling is None else pool.doors(respelling)
        made = self._letters[respelling] = [array("i", (byte, door, 0, -1, -1)).tobytes() for byte, door in enumerate(doors)]
        return made


_LETTERS: Final[WeakKeyDictionary[LeafPool, Letters]] = WeakKeyDictionary()


def letters_of(pool: LeafPool) -> Letters:
    """Those of the machines of a pool."""
    return _LETTERS.get(pool) or _LETTERS.setdefault(pool, Letters(pool))
