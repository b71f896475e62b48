"""Expressions: what a language is, before anything runs.

A language is an `Expr`. Most are small trees (`Lit`, `Seq`, `Alt`, `Repeat`, `Leaf`); recursion and laziness come from `Rule`, whose
body is made by a Python function when the byte automaton first reaches it. Expressions know nothing of tokens, states or automata.

Not here: how text of a notation is read (`frontends`), how expressions run (`automata`).

Two duties of whoever builds expressions:
* every `Rule` that is offered has a non-empty language (this is what keeps masks free of dead ends); use `NEVER` for what is empty, it
  vanishes from `Alt` and poisons `Seq` when the helpers `seq`, `alt`, `repeat` are used;
* no rule is left-recursive (it may not reach itself without consuming a byte). Finite grammars get this from `ir.rewrite`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from structgen.errors import GrammarError, StructgenError
from structgen.ir.encoding import UTF8, Encoding

if TYPE_CHECKING:
    from structgen.ir.regular import CharDFA


class Expr:
    """A language over bytes. Immutable; compared by identity."""

    __slots__ = ()


class Respelling:
    """Another way to spell single bytes of literals: every such text begins with the byte `first`. Shared by many literals, compared
    by identity.

    `leaf_of(byte)` is the language of the texts that may stand for a byte of `bytes`; it is asked only when a text gets there.
    """

    __slots__ = ("bytes", "first", "leaf_of")

    def __init__(self, first: int, bytes: frozenset[int], leaf_of: Callable[[int], Leaf]) -> None:  # noqa: A002
        self.first, self.bytes, self.leaf_of = first, bytes, leaf_of


class Lit(Expr):
    """One byte string, whose pieces may also be spelled otherwise.

    `detours`: triples (i, j, leaf): instead of `data[i:j]` a text of `leaf` may stand, a short list of bytes. `respelling` does the same,
    cheaply, for each single byte it has, but for the first and the last of `data`. JSON keys use both for escapes (`"n\\u0061me"`).
    """

    __slots__ = ("data", "detours", "respelling")

    def __init__(self, data: bytes, detours: Sequence[tuple[int, int, Leaf]] = (), respelling: Respelling | None = None) -> None:
        self.data, self.detours, self.respelling = data, tuple(detours), respelling

    @property
    def is_plain(self) -> bool:
        """Whether there is one spelling only."""
        return not self.detours and self.respelling is None

    @property
    def ways(self) -> list[tuple[int, int, Leaf]]:
        """All detours, those of the respelling written out."""
        other = self.respelling
        if other is None:
            return list(self.detours)
        inner = enumerate(self.data[1:-1], 1)
        return [*self.detours, *((i, i + 1, other.leaf_of(byte)) for i, byte in inner if byte in other.bytes)]

    def __repr__(self) -> str:
        return f"Lit({self.data!r})"


class Leaf(Expr):
    """A regular language, run as one deterministic automaton whose token rows are shared by every grammar of a vocabulary.

    `dfa` speaks of characters (code points); `encoding` says how a text becomes bytes. `low`, `high` bound the number of characters further
    (`high` None: no bound), without a state for each count.
    """

    __slots__ = ("dfa", "encoding", "high", "low")

    def __init__(self, dfa: CharDFA, encoding: Encoding = UTF8, *, low: int = 0, high: int | None = None) -> None:
        self.dfa, self.encoding, self.low, self.high = dfa, encoding, low, high

    def __repr__(self) -> str:
        return f"Leaf({self.encoding}, {len(self.dfa.accepting)} states, {self.low}..{'' if self.high is None else self.high})"


class Minus(Expr):
    """The texts of `leaf` that are not texts of `taken`.

    `leaf` must be prefix-free (no text of it continues another: JSON strings are) and `taken` a finite set of whole texts of it
    (none begins another). Where a beginning of texts has no others than these, `taken` must have that beginning, too: nothing can follow
    it, and masks end before it. The rows of `leaf` stay shared, so this costs nothing per set, where a difference of automata would cost a
    trie walk a state.
    """

    __slots__ = ("leaf", "taken")

    def __init__(self, leaf: Leaf, taken: Expr) -> None:
        self.leaf, self.taken = leaf, taken


class Bind(Expr):
    """A text of `inner`, and behind it what depends on that text: every w + v with w of `inner` and v of `then(w)`.

    `then(w)` is asked when a text is complete; it has a text for every w, and is the same object for texts that mean the same.
    `unknown` contains all that any `then(w)` contains: masks go on with it, for tokens that reach beyond the text. Where that may be too
    much, `sure` is False, and such tokens are tried one by one; this is rarely needed for what follows directly, but for the next bind
    that the first text matters to. There, in expressions that only `unknown` leads to, `then` is None.

    Unique items, for example: inner = an item, then(w) = further items none of which is w, unknown = further items that are in doubt.
    """

    __slots__ = ("inner", "sure", "then", "unknown")

    def __init__(self, inner: Expr, then: Callable[[bytes], Expr] | None, unknown: Expr, *, sure: bool) -> None:
        self.inner, self.then, self.unknown, self.sure = inner, then, unknown, sure


class Known(NamedTuple):
    """An entry that is there at most once."""

    key: Expr
    value: Expr
    required: bool = False


class Other(NamedTuple):
    """Entries whose keys are texts of a language, no two of them alike."""

    key: Expr
    value: Expr


class Entries(Expr):
    """A list of `low` to `high` (None: any number) entries in any order, with `separator` between two of them; `low` is at least 1.

    `known` entries are there at most once, or exactly once where they are required; that is a permutation phrase (Cameron 1993, "Extending
    context-free grammars with permutation phrases"). Of `others` there may be any number, but their keys differ. `alike` says which keys do
    not: the same "bytes", JSON strings of the same characters ("strings"), JSON texts of equal "values". Members of an object, for example,
    or unique items (which are keys with empty values).

    What leads to no dead end: all required entries fit below `high`; known ones are enough for `low` where there are no others; no key of
    the others is a known one, and behind each beginning of one there are infinitely many.
    """

    __slots__ = ("alike", "high", "known", "low", "others", "separator")

    def __init__(
        self,
        known: Sequence[Known],
        others: Sequence[Other],
        separator: Expr,
        low: int = 1,
        high: int | None = None,
        *,
        alike: Literal["bytes", "strings", "values"] = "strings",
    ) -> None:
        self.known, self.others, self.separator = tuple(known), tuple(others), separator
        self.low, self.high, self.alike = max(low, 1), high, alike


class Strings(Expr):
    """A finite, large set of byte strings (up to millions), built in bulk. `respelling`: other spellings of every byte that it has."""

    __slots__ = ("items", "respelling")

    def __init__(self, items: Sequence[bytes], respelling: Respelling | None = None) -> None:
        self.items, self.respelling = items, respelling

    def literal(self, item: bytes) -> Lit:
        """One of the items with all its spellings."""
        other = self.respelling
        return Lit(item, [] if other is None else [(i, i + 1, other.leaf_of(byte)) for i, byte in enumerate(item) if byte in other.bytes])


class Special(Expr):
    """One token out of a set, as itself: only its id matches, never its spelling.

    `tokens`: spellings of special tokens, ids, or ranges of ids; with `others`, any token but these (and but those that end a text).
    """

    __slots__ = ("others", "tokens")

    def __init__(self, *tokens: str | int | range, others: bool = False) -> None:
        self.tokens = tuple(range(one, one + 1) if isinstance(one, int) else one for one in tokens)
        self.others = others

    def __str__(self) -> str:
        names = [one if isinstance(one, str) else str(one.start) if len(one) == 1 else f"{one.start} to {one[-1]}" for one in self.tokens]
        if self.others:
            return f"any token but {', '.join(names)}" if names else "any token"
        return f"token {' or '.join(names)}"


class Seq(Expr):
    """One after the other."""

    __slots__ = ("parts",)

    def __init__(self, parts: Sequence[Expr]) -> None:
        self.parts = tuple(parts)


class Alt(Expr):
    """Any one of them."""

    __slots__ = ("parts",)

    def __init__(self, parts: Sequence[Expr]) -> None:
        self.parts = tuple(parts)


class Repeat(Expr):
    """`body`, at least `low` and at most `high` times (None: no bound). Large counts unfold lazily."""

    __slots__ = ("body", "high", "low")

    def __init__(self, body: Expr, low: int = 0, high: int | None = None) -> None:
        self.body, self.low, self.high = body, low, high


class Rule(Expr):
    """A named language whose body is made on first reach by `make()`.

    The same Rule object is the same rule: memoise the makers of infinite families (`Members(schema, i)`). `group`: rules (this one among
    them) that will mostly be reached together; making their bodies together is cheaper.
    """

    __slots__ = ("__weakref__", "group", "make", "name")

    def __init__(self, make: Callable[[], Expr], name: str = "", group: Sequence[Rule] = ()) -> None:
        self.make, self.name, self.group = make, name, group

    def __repr__(self) -> str:
        return f"Rule({self.name})"


class Net(Expr):
    """A small recursive transition network, for bodies that are graphs rather than trees (objects with optional members).

    Nodes are 0..`size`-1; node 0 is the start, `accepting` the ends. `edges` are triples (source, Expr or None, target); None is a
    free step.
    """

    __slots__ = ("accepting", "edges", "size")

    def __init__(self, size: int, edges: Sequence[tuple[int, Expr | None, int]], accepting: Sequence[int]) -> None:
        self.size, self.edges, self.accepting = size, edges, tuple(accepting)


EPSILON: Final = Seq(())
"""The language of the empty text."""

NEVER: Final = Alt(())
"""The language of no text."""


def made(rule: Rule) -> Expr:
    """The body of a rule. What its maker raises, besides our errors, becomes a GrammarError that names the rule."""
    try:
        return rule.make()
    except (StructgenError, RecursionError, MemoryError):
        raise
    except Exception as error:
        raise _failed(f"the rule {rule.name!r}", rule.name, error) from error


def following(bind: Bind, text: bytes) -> Expr:
    """What follows a text of a bind; errors as in `made`."""
    assert bind.then is not None
    try:
        return bind.then(text)
    except (StructgenError, RecursionError, MemoryError):
        raise
    except Exception as error:
        raise _failed(f"what follows the text {text[:40]!r}", None, error) from error


def _failed(what: str, where: str | None, error: Exception) -> GrammarError:
    return GrammarError(f"{what} cannot be made: {error!r:.200}", where=where, hint="the error in the grammar's own code stands above")


def seq(*parts: Expr) -> Expr:
    """The concatenation; NEVER if any part is."""
    kept: list[Expr] = []
    for part in parts:
        last = kept[-1] if kept else None
        if isinstance(part, Seq):
            kept.extend(part.parts)
        elif isinstance(part, Lit) and isinstance(last, Lit) and part.is_plain and last.is_plain:
            kept[-1] = Lit(last.data + part.data)
        elif part is NEVER:
            return NEVER
        else:
            kept.append(part)
    if not kept:
        return EPSILON
    return kept[0] if len(kept) == 1 else Seq(kept)


def alt(parts: Iterable[Expr]) -> Expr:
    """The union, without empty languages and repeated objects; NEVER if nothing is left."""
    kept: dict[Expr, None] = {}
    for part in parts:
        if isinstance(part, Alt):
            kept.update(dict.fromkeys(part.parts))
        else:
            kept[part] = None
    if not kept:
        return NEVER
    return next(iter(kept)) if len(kept) == 1 else Alt(tuple(kept))


def repeat(body: Expr, low: int = 0, high: int | None = None) -> Expr:
    """`body` repeated; NEVER repeated zero times is the empty text."""
    if body is NEVER:
        return EPSILON if low == 0 else NEVER
    if high == 0 or body is EPSILON:
        return EPSILON
    return body if (low, high) == (1, 1) else Repeat(body, low, high)


def optional(body: Expr) -> Expr:
    """`body` or the empty text."""
    return EPSILON if body is NEVER else Alt((body, EPSILON))
