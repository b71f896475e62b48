"""The tables that kernels share, as named tuples of arrays (to a kernel: pointers), and how a handle becomes one.

Node ids (int32) name a place in a grammar. The top four bits say which kind:

    0  plain    an index into the machine's node arrays: byte edges, call edges, a free step, an accept flag
    1  leaf     a state of a leaf automaton of the process-wide pool; its token rows are shared by every grammar of a vocabulary
    2  minus    (node of kind 1 or 3, machine state): inside the leaf, minus what the machine state would accept
    3  counted  (leaf state, bounds, count): inside the leaf, with the characters counted
    4  bind     as the target of a call: a bind; as a place to return to: a mark, (bind, where its text begins)
    5  deed     as the target of a call: something done to the frame on top of the context (OPEN to DONE)
    6  frame    in a context: what has been read of a list of entries, (scope, known entries, other keys, counts)

A context is a hash-consed set of (return node, context); context 1 is the bottom, {(-1, 0)}. A configuration is a sorted list of
(node, context), a flag `final` and the text that its open binds have read (NO_TEXT where none is open); its index is the state. Three
states have no items: DEAD, COMPLETE and ENDED.

What follows a bind depends on its text, so inside one every text is a state of its own, and what follows differs too. Masks do not look at
that: the *twin* of a state has UNKNOWN for its text and for the keys that its frames have met; there a bind goes on with what it says of
unknown texts. Where that may be too much, the state is in DOUBT, and its tokens are read byte by byte from the state itself.

Not here: what the kernels do with them.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from structgen.kernels.arena import I32, I64, U8, U64, i32, i64, table_reader, u8, u32, u64
from structgen.kernels.linking import jit

DEAD, COMPLETE, ENDED = range(3)  # states: no text goes on so; complete, and nothing may follow; a stop token was read

LEAF = 1 << 28
MINUS = 2 << 28
COUNTED = 3 << 28
BIND = 4 << 28
DEED = 5 << 28
FRAME = 6 << 28
INDEX = (1 << 28) - 1

NO_BOUND = 1 << 30
SYMBOL_BITS = 25  # bytes, and the ids of special tokens from 256 on
BLOCK = 6  # bits of a leaf node id below its block
RADIX = 1 << 15  # of the variants of merged exits: (characters left, characters needed), both below it

# What a kernel returns when it cannot go on: Python does what is asked and calls again. Results are >= 0.
NEED_ROOM = -1  # an arena is full
NEED_RULE = -2  # rule n[ARG] has no body yet
NEED_TABLE = -3  # leaf node n[ARG] has no token table
NEED_COUNTS = -4  # leaf node n[ARG] has no counted token table
NEED_ROW = -5  # counted leaf node n[ARG] has no row for n[ARG2] characters
NEED_DOOR = -7  # door n[ARG] leads nowhere yet
NEED_BIND = -8  # mark n[ARG] does not know yet what follows text n[ARG2]
NEED_MERGE = -6  # exits n[ARG] (table, byte) have no merged trie for n[ARG2] (the variant by count)
FULL = -100  # an array of the caller is too small

# Counters of a machine, n[...].
CTX, PAIRS, STATES, ITEMS, MOVES, MINUSES, COUNTS = 0, 1, 2, 3, 4, 5, 6
TEXTS, STAMP, WORK, HEAD, TAIL, ARG, ARG2 = 7, 8, 9, 10, 11, 12, 13
TEXT, MARKS, THENS, DOUBTS, LAZY = 14, 15, 16, 17, 18  # the text of the closure being made; ...; whether the last mask met states in
# doubt; whether binds go on with what they say of unknown texts rather than ask
FRAMES, SETS, BINDS = 19, 20, 21
SELF, UNFOLD, VALUE = 22, 23, 24  # addresses: of the bundle of machine and leaves, of the remote kernels `unfold` and `value_of`
SPECIAL = 25  # whether token t is also read as the symbol 256 + t

NO_TEXT, UNKNOWN, DOUBT, EMPTY = range(4)  # texts with a meaning; EMPTY is the root of all others


class Machine(NamedTuple):
    """A byte automaton. Lists are chained by `*next`, -1 ends one.

    With a compiler, kernels have one address instead, and load those of the arrays where they use them: 53 pointers carried through every
    call made most of what there was to compile. That is safe because nobody replaces an array of a machine while a kernel runs on it.
    """

    size: I64  # [...]  lengths of the arrays, `SIZE_...`
    node: I32  # [5 N]  records of plain nodes, fields LIT to CALLS
    edge: I32  # [5 E]  records of byte edges, fields LOW to NEXT
    call: I32  # [3 C]  records of call edges, fields CALL_TO to CALL_NEXT
    rule_start: I32  # [R]   start node, -1 while there is no body
    low: I32  # [B]   bounds of counted leaves
    high: I32  # [B]
    ctx_off: I32  # [X + 1]
    ctx_pair: I32  # [2 P]
    ctx_hash: I32  # [...]
    ctx_state: I32  # [X]   the state after this context is returned to, -1 unknown
    ctx_open: U8  # [X]   1 where a bind is open in it
    ctx_twin: I32  # [X]   the context with all texts forgotten, -1 unknown
    off: I32  # [S + 1]
    item: I32  # [2 I]
    final: U8  # [S]
    text: I32  # [S]
    twin: I32  # [S]   the state with all texts forgotten, -1 unknown
    bits: U64  # [4 S]  bytes that may be possible (never fewer than are)
    hash: I32  # [...]
    move_key: I64  # [...]  memo of (state, symbol) -> state
    move_to: I32  # [...]
    minus: I32  # [2 M]  records MINUS_FROM, MINUS_STATE
    minus_hash: I32  # [...]
    count: I32  # [3 K]  records COUNT_LEAF to COUNT_DONE
    count_hash: I32  # [...]
    text_node: I32  # [2 T]  texts as a tree: records TEXT_UP, TEXT_LAST
    text_size: I32  # [T]   how many symbols a text has
    text_then: I32  # [T]   the first entry of `then_*` about this text, or -1
    text_hash: I32  # [...]
    mark: I32  # [2 K]  records MARK_BIND, MARK_FROM
    mark_hash: I32  # [...]
    then_mark: I32  # [...]  what follows a mark's text: the mark ...
    then_rule: I32  # [...]  ... the rule, -1: nothing may ...
    then_next: I32  # [...]  ... and the next entry of the text
    bind: I32  # [3 B]   records of binds, fields BIND_INNER to BIND_FLAGS
    scope: I32  # [4 ...]  records of lists of entries, fields SCOPE_NEED to SCOPE_START
    frame: I32  # [5 F]  records FRAME_SCOPE to FRAME_NEED
    frame_hash: I32  # [...]
    set: I32  # [17 ...]  sets of small integers as tries (`sets`)
    set_hash: I32  # [...]
    work_node: I32  # [W]   scratch of one closure
    work_ctx: I32  # [W]
    work_ring: I32  # [W]
    work_in: U8  # [W]
    work_key: I32  # [4 W]
    work_stamp: I64  # [4 W]
    work_slot: I32  # [4 W]
    side: I32  # [W]   scratch: steps of the machine states of minus nodes
    stack: I32  # [...]  scratch of trie walks: state by depth
    spelling: I64  # [...]  scratch of trie walks: state of a spelling by depth
    letters: I32  # [...]  scratch: the symbols of a text
    n: I64  # [26]


LIT, DOOR, FLAG, EDGES, CALLS = range(5)
"""A plain node: the one byte that leads to node + 1, or -1; the door (`Leaves.door_*`) to other spellings of that byte, or 0; 1
where its rule may end; its first byte edge and its first call edge, or -1."""

LOW, HIGH, TO, PUSH, NEXT = range(5)
"""A byte edge: symbols LOW..HIGH (0..255 bytes, 256 + id special tokens) lead to node TO; PUSH: the node to return to when the rule of
TO ends, or -1."""

MINUS_FROM, MINUS_STATE = range(2)
"""A minus node: a node inside a leaf, counted or not, and a state of the machine."""

COUNT_LEAF, COUNT_BOUND, COUNT_DONE = range(3)
"""A counted node: a leaf node, the number of its bounds, the characters so far."""

TEXT_UP, TEXT_LAST = range(2)
"""A text: the one without its last symbol, and that symbol."""

MARK_BIND, MARK_FROM = range(2)
"""A mark: a bind, and how many symbols the text had when it was opened."""

BIND_INNER, BIND_NEXT, BIND_FLAGS = range(3)
"""A bind: the rule of its text; the rule that follows an unknown text, or -1 (of a FRESH one: the node that follows any); flags."""

KNOWS = 1  # what follows depends on the text
DOUBTS_IT = 2  # what follows an unknown text may be too much
FRESH = 4  # the text is a key of the frame below, and none that the frame has
QUOTED = 8  # the texts are JSON strings: equal are those of the same characters
VALUES = 16  # the texts are JSON: equal are those of equal values

SCOPE_NEED, SCOPE_LOW, SCOPE_HIGH, SCOPE_START = range(4)
"""A list of entries: the known ones below SCOPE_NEED are required; how many entries; the node where one begins."""

FRAME_SCOPE, FRAME_KNOWN, FRAME_SEEN, FRAME_SIZE, FRAME_NEED = range(5)
"""A frame: its scope; the set of known entries so far; the set of the other keys' texts (or SOME, SPARED); how many entries, as far as that
matters; how many of the required ones."""

SOME = -1  # unknown keys: whether another one is new is in doubt
SPARED = -2  # unknown keys, but the one being read is new: what the state itself knows of it is looked at apart (`settle.repeats`)

OPEN, ONCE, TAKE, ROOM, MORE, DONE = range(6)
DEED_KIND = 25
"""A deed is DEED + (kind << DEED_KIND) + argument: OPEN a list (a scope); go on ONCE (a known entry) where it is not there yet and there is
room; TAKE it; go on where there is ROOM for another key; go on where there may be MORE; where the list may end, it is DONE."""

CALL_TO, CALL_RET, CALL_NEXT = range(3)
"""A call edge. CALL_TO: -1 for a free step, a rule, a bind, a deed, or (>= LEAF) a start node. CALL_RET: the node to return to, -1 for a
tail call; the target of a free step."""


class Leaves(NamedTuple):
    """The pool of leaf automata of the process. A leaf state is (q, e): q of the automaton over characters, e inside the spelling of
    one character."""

    size: Any  # int64[...]  lengths of the arrays, `SIZE_...`
    block: Any  # int32[...]   leaf by node index >> BLOCK
    desc: Any  # int64[12 * leaf + field]
    cls: Any  # uint8[...]   byte -> byte class, 256 a spelling
    enc: Any  # int32[...]   spelling: (e, byte class) -> e', -1, or -2 - character class
    table: Any  # int32[...]   (q, character class) -> q' or -1
    live: Any  # uint8[...]   (q, e) -> 1 where some text goes on
    dist: Any  # int32[...]   (q, e) -> fewest characters still to come
    far: Any  # int32[...]   (q, e) -> most characters still to come
    acc: Any  # uint8[...]   q -> 1 accepting | 2 goes on | 4 goes on by a structural character
    first: Any  # uint64[...]  q -> 4 words: bytes that can follow at e = 0
    inner: Any  # uint64[...]  e -> 4 words: bytes that may follow inside a spelling
    door_byte: Any  # uint8[...]  doors: the first byte of another spelling ...
    door_to: Any  # int32[...]  ... and the leaf node behind it, -1 while unknown


BASE, SHIFT, CLS, ENC, CLASSES, TABLE, CHARS, LIVE, ACC, STRUCT, FIRST, INNER = range(12)


class Tokens(NamedTuple):
    """The tokens with text as a byte trie (`vocab.trie`), and flat."""

    size: Any  # int64[...]  lengths of the arrays, `SIZE_...`
    byte: Any  # uint8[N]
    depth: Any  # int32[N]
    end: Any  # int32[N]
    first: Any  # int32[N + 1]
    ids: Any  # int32[M]
    root: Any  # int32[257]
    off: Any  # int32[V + 1]
    data: Any  # uint8[...]


class Rows(NamedTuple):
    """Token tables of leaf states, one set per vocabulary. Fields of a table: `ROW` to `FAR_COUNT` below."""

    size: Any  # int64[...]  lengths of the arrays, `SIZE_...`
    index: Any  # int64[...]  hash table (`walk.slot`) of leaf nodes, rows of counted leaves and merged exits
    desc: Any  # int64[8 * table + field]
    words: Any  # uint32[...]  dense rows
    ids: Any  # int32[...]  sparse rows
    exits: Any  # int32[...]  first trie node after an exit
    exit_count: Any  # int32[...]  characters until that exit
    exit_off: Any  # int32[...]  257 a table: exits by byte
    exit_bits: Any  # uint64[...]  4 a table
    near_low: Any  # int32[...]  counted tables: characters needed ...
    near_high: Any  # int32[...]  ... and most characters reached, of tokens that cannot go on for ever
    near_id: Any  # int32[...]
    merged: Any  # int32[...]  2 a merged trie: start, end
    byte: Any  # uint8[...]  merged tries
    depth: Any  # int32[...]
    end: Any  # int32[...]
    first: Any  # int32[...]
    tokens: Any  # int32[...]
    width: Any  # int64[1]  words of a row


ROW, IDS, IDS_N, EXITS, EXIT_MOST, NEAR, NEAR_N, NEED_MOST = range(8)
"""A table: dense row or -1, sparse ids and their number, first exit, most characters before an exit, near tokens and their number,
most characters needed."""


_AT = Machine._fields.index
SIZE_CTX_OFF, SIZE_CTX_PAIR, SIZE_CTX_HASH = _AT("ctx_off"), _AT("ctx_pair"), _AT("ctx_hash")
SIZE_OFF, SIZE_ITEM, SIZE_HASH, SIZE_MOVES = _AT("off"), _AT("item"), _AT("hash"), _AT("move_key")
SIZE_MINUS, SIZE_MINUS_HASH = _AT("minus"), _AT("minus_hash")
SIZE_COUNT, SIZE_COUNT_HASH = _AT("count"), _AT("count_hash")
SIZE_TEXT, SIZE_TEXT_HASH = _AT("text_node"), _AT("text_hash")
SIZE_MARK, SIZE_MARK_HASH = _AT("mark"), _AT("mark_hash")
SIZE_FRAME, SIZE_FRAME_HASH = _AT("frame"), _AT("frame_hash")
SIZE_SET, SIZE_SET_HASH, SIZE_LETTERS = _AT("set"), _AT("set_hash"), _AT("letters")
SIZE_WORK, SIZE_WORK_KEY = _AT("work_node"), _AT("work_key")
SIZE_BYTE, SIZE_IDS, SIZE_TOKEN_OFF = map(Tokens._fields.index, ("byte", "ids", "off"))


machine_at = table_reader(Machine)


@jit
def machine_of(handle):
    """The first table of a bundle of handles."""
    return machine_at(handle[0])


@jit
def leaves_of(handle):
    """The second table."""
    h = i64(handle[1])
    return Leaves(
        i64(h[0]),
        i32(h[1]),
        i64(h[2]),
        u8(h[3]),
        i32(h[4]),
        i32(h[5]),
        u8(h[6]),
        i32(h[7]),
        i32(h[8]),
        u8(h[9]),
        u64(h[10]),
        u64(h[11]),
        u8(h[12]),
        i32(h[13]),
    )


@jit
def tokens_of(handle):
    """The third table."""
    h = i64(handle[2])
    return Tokens(
        i64(h[0]),
        u8(h[1]),
        i32(h[2]),
        i32(h[3]),
        i32(h[4]),
        i32(h[5]),
        i32(h[6]),
        i32(h[7]),
        u8(h[8]),
    )


@jit
def rows_of(handle):
    """The fourth table. Others may replace its arrays while a kernel runs: the index is taken first, so that it leads to nothing newer."""
    h = i64(handle[3])
    return Rows(
        i64(h[0]),
        i64(h[1]),
        i64(h[2]),
        u32(h[3]),
        i32(h[4]),
        i32(h[5]),
        i32(h[6]),
        i32(h[7]),
        u64(h[8]),
        i32(h[9]),
        i32(h[10]),
        i32(h[11]),
        i32(h[12]),
        u8(h[13]),
        i32(h[14]),
        i32(h[15]),
        i32(h[16]),
        i32(h[17]),
        i64(h[18]),
    )


@jit
def own_of(handle):
    """What belongs to one token automaton: the stop ids and how many; the row of tokens that are not read as text, and its words (0: there
    are none)."""
    h = i64(handle[4])
    return i32(h[1]), i64(h[0])[1], u32(h[2]), i64(h[0])[2]
