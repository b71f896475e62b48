"""`Grammar`: a language as users hold it: judge texts with it, combine it, compile it for a vocabulary."""

from __future__ import annotations

import operator
import threading
from collections.abc import Callable
from functools import cached_property, partial
from typing import Any, Final

from structgen.automata.machine import Budget, ByteAutomaton
from structgen.automata.symbols import FIRST, Symbols
from structgen.constraint.automaton import TokenAutomaton
from structgen.constraint.explain import Explanation, explain
from structgen.constraint.key import content_key
from structgen.errors import BudgetExceeded, EmptyLanguage, GrammarError, OptionError, UnsupportedFeature
from structgen.ir.expr import Alt, Expr, Leaf, Repeat, Seq, Special
from structgen.ir.intersect import intersect
from structgen.ir.language import Decode, Language, Output, Scanner
from structgen.ir.regular import CharDFA
from structgen.ir.report import SupportReport
from structgen.vocab.vocabulary import Vocabulary

_BOUND_MAX: Final = 4  # vocabularies for which a grammar with special tokens keeps its byte automaton

Again = Callable[[], Any]
"""Makes something anew in another process: a picklable function without arguments."""

Reading = tuple[Decode | None, Callable[[], Scanner] | None]
"""How texts become values: `decode` and `scanner` of a `Language`."""

_TEXT: Final[Reading] = (None, None)  # the text is the value


class Grammar:
    """A language. Immutable and safe to share between threads. Pickled as what it was made from, and made anew.

    `a + b` is one after the other, `a | b` either, `a & b` both at once (one of them regular), `~a` every other text (of a regular one),
    `a - b` the first but not the second (which is regular), `.optional()`, `.repeat(low, high)`. Regular are patterns, choices, and what
    is made of regular ones. A condition speaks of the text as it stands: of JSON with its quotation marks and escapes.

    What turns texts into values goes along where texts keep their meaning: those of `a & b` and `a - b` mean what they mean in `a` (or in
    `b`, where `a` has no values), those of `a | b` what they mean in the first that has them, and the empty text of `.optional()` is None.
    Special tokens alone before or behind what has values leave these as they are: `sg.special("<tool_call>") + sg.json_schema(...)` has
    the values of the schema. What else is put together by `+` and `.repeat` is text. Streams report the values within texts likewise;
    those of `a | b` where both do.

    >>> import structgen as sg
    >>> (sg.lark('start: "(" start* ")" | /[a-z]+/') - sg.regex("xx", search=True)).accepts("((x)(y))")
    True
    """

    def __init__(self, language: Language, *, budget: Budget | None = None, again: Again | None = None) -> None:
        """Use `sg.json_schema` and the like. `again` makes the grammar anew, where it is unpickled."""
        if budget is not None and not isinstance(budget, Budget):
            raise OptionError(
                f"budget is a Budget, not {budget!r:.100}", where="budget", hint="sg.Budget(seconds=5) limits the time of a call."
            )
        self.language = language
        self._budget, self._again = budget, again
        self._lock = threading.Lock()
        self._machine: ByteAutomaton | None = None
        self._bound: dict[object, ByteAutomaton] = {}  # by what special tokens are read as, where the language has some

    @property
    def report(self) -> SupportReport:
        """What is compiled exactly, relaxed or refused."""
        return self.language.report

    @cached_property
    def key(self) -> str | None:
        """A name for what the grammar was made from, the same in every process: for caches. None where that is no data (a Python type).

        It covers the notation, the options (but `budget`) and the version of their meaning; equal keys are equal languages.
        """
        return None if self._again is None else content_key(self._again, lambda one: one.key if isinstance(one, Grammar) else None)

    @property
    def automaton(self) -> ByteAutomaton:
        """The byte automaton: made on first use, and anew once texts have made it large. Raises EmptyLanguage where no text matches."""
        with self._lock:
            if self._machine is None or self._machine.is_worn:
                self._machine = self._automaton()
            return self._machine

    def _automaton(self, symbols: Symbols | None = None) -> ByteAutomaton:
        return ByteAutomaton(self.language.start, budget=self._budget, source=self.language.source, symbols=symbols)

    def _automaton_over(self, vocabulary: Vocabulary) -> ByteAutomaton:
        """The byte automaton that reads the special tokens of a vocabulary, too."""
        if not self.language.specials:
            return self.automaton
        with self._lock:
            symbols = Symbols(vocabulary, self.language.specials)
            found = self._bound.get(symbols.key)
            if found is None or found.is_worn:
                found = self._bound[symbols.key] = self._automaton(symbols)
                while len(self._bound) > _BOUND_MAX:
                    del self._bound[next(iter(self._bound))]
            return found

    def accepts(self, text: str | bytes) -> bool:
        """Whether the complete text belongs to the language. For a schema: whether it is JSON in the style asked for, and its value valid.
        Special tokens are no text: of a grammar that has some, only the texts without any are accepted.

        Lone surrogates in a str belong to none. Raises EmptyLanguage, BudgetExceeded; TypeError for what is no text.
        """
        data = _utf8(_text(text))
        return data is not None and self.automaton.accepts(data)

    def decode(self, text: str) -> Any:
        """The value of a complete text: what its JSON says, an instance of its type, or the text itself."""
        return (
            text if self.language.decode is None else self.language.decode(Output((text.encode("utf-8", "surrogatepass"),) if text else ()))
        )

    def _value(self, output: Output) -> Any:
        return output.text if self.language.decode is None else self.language.decode(output)

    def _reads(self, output: Output) -> bool:
        """Whether an output is one of this grammar."""
        try:
            machine = self.automaton if output.vocabulary is None else self._automaton_over(output.vocabulary)
        except EmptyLanguage:
            return False
        state = machine.start
        for piece in output.pieces:
            if isinstance(piece, bytes):
                count, state = machine.read(piece, state)
                state = state if count == len(piece) else 0
            else:
                state = next((after for low, high, after in machine.special_moves(state) if low <= FIRST + piece <= high), 0)
            if not state:
                return False
        return machine.is_final(state)

    def examples(self, n: int = 10, *, seed: int | None = None, max_length: int | None = None, values: bool = False) -> list[Any]:
        """`n` random texts of the language, of at most `max_length` characters each; with `values`, what they decode to.

        Without `max_length`, texts end as soon as they can from about a thousand characters on. The texts differ as far as the language
        has so many. The same seed gives the same texts (for the same version of structgen). Small and large texts are about as
        frequent; characters are mostly readable, now and then escaped or of other scripts.

        >>> import structgen as sg
        >>> [type(v) for v in sg.json_schema({"type": "integer", "minimum": 3}).examples(2, values=True)]
        [<class 'int'>, <class 'int'>]

        Raises BudgetExceeded where no text is short enough, UnsupportedFeature where every text has a special token, EmptyLanguage,
        OptionError.
        """
        from structgen.ir.examples import texts

        found = texts(self.language.start, n, seed=seed, max_length=max_length)
        return [self.decode(text) for text in found] if values else found

    def explain(self, text: str | bytes) -> Explanation:
        """How far a text can be read, what may come next there, and a caret below the place."""
        return explain(self.automaton, _text(text))

    def compile(self, vocabulary: Vocabulary) -> TokenAutomaton:
        """The token automaton over a vocabulary. Raises EmptyLanguage, BudgetExceeded; VocabularyError where the vocabulary lacks a special
        token of the grammar."""
        machine = self._automaton_over(vocabulary)
        return TokenAutomaton(machine, vocabulary, self.language, partial(Grammar.compile, self, vocabulary))

    def __copy__(self) -> Grammar:
        return self

    def __deepcopy__(self, _: object) -> Grammar:
        return self

    def __reduce__(self) -> tuple[Again, tuple[()]]:
        if self._again is None:
            raise GrammarError(
                "a grammar made from a Language alone cannot be pickled: its rules are Python functions",
                hint="make it where it is needed, or by sg.json_schema, sg.regex, sg.lark, sg.choice, sg.python_type",
            )
        return self._again, ()

    def __add__(self, other: Grammar) -> Grammar:
        a, b = self.language, _language(other)
        reading = _TEXT
        if a.decode and not b.decode and _is_tokens(b.start):
            reading = _beside(self, other, first=False), a.scanner
        elif b.decode and not a.decode and _is_tokens(a.start):
            reading = _beside(other, self, first=True), b.scanner
        return self._joined(operator.add, other, Seq((a.start, b.start)), reading)

    def __or__(self, other: Grammar) -> Grammar:
        a, b = self.language, _language(other)
        reading = _first_of(self, other) if a.decode or b.decode else None, a.scanner if a.scanner is b.scanner else None
        return self._joined(operator.or_, other, Alt((a.start, b.start)), reading)

    def __and__(self, other: Grammar) -> Grammar:
        return self._both(operator.and_, other, _language(other).regular, "&")

    def __sub__(self, other: Grammar) -> Grammar:
        return self._both(operator.sub, other, ~_regular(_language(other), "-"), "-")

    def __invert__(self) -> Grammar:
        regular = ~_regular(self.language, "~")
        return self._made(partial(operator.invert, self), Leaf(regular), regular, _TEXT)

    def optional(self) -> Grammar:
        """This language or the empty text, whose value is None where texts of this language have values."""
        return self.repeat(0, 1)

    def repeat(self, low: int = 0, high: int | None = None) -> Grammar:
        """This language `low` to `high` times, one after the other (None: any number). Raises OptionError for impossible counts."""
        if low < 0 or (high is not None and high < low):
            raise OptionError(f"cannot repeat {low} to {high} times", where="repeat", hint="0 <= low <= high")
        regular = self.language.regular and _small(partial(CharDFA.repeat, self.language.regular, low, high))
        decode = self.language.decode
        reading = (partial(_or_none, decode), self.language.scanner) if high == 1 and decode else _TEXT
        return self._made(partial(Grammar.repeat, self, low, high), Repeat(self.language.start, low, high), regular, reading)

    def _joined(self, join: Callable[..., Any], other: Grammar, start: Expr, reading: Reading) -> Grammar:
        a, b = self.language.regular, other.language.regular
        regular = None if a is None or b is None else _small(partial(join, a, b))
        return self._made(partial(join, self, other), start, regular, reading, other)

    def _both(self, operation: Callable[..., Any], other: Grammar, condition: CharDFA | None, sign: str) -> Grammar:
        """The texts of this grammar that a condition takes (None: those that the other grammar takes, this one being the condition)."""
        read = self.language if self.language.decode or sign == "-" else other.language
        mine, reading, again = self.language.regular, (read.decode, read.scanner), partial(operation, self, other)
        if mine is not None and condition is not None:
            return self._made(again, Leaf(mine & condition), mine & condition, reading, other)
        if condition is None:
            start, condition = other.language.start, _regular(self.language, sign)
        else:
            start = self.language.start
        return self._made(again, intersect(start, condition), None, reading, other)

    def _made(self, again: Again, start: Expr, regular: CharDFA | None, reading: Reading, *others: Grammar) -> Grammar:
        findings = [f for g in (self, *others) for f in g.report.findings]
        specials = tuple(dict.fromkeys(special for g in (self, *others) for special in g.language.specials))
        decode, scanner = reading
        made = Language(start, SupportReport(findings), decode, regular, specials=specials, scanner=scanner)
        return Grammar(made, budget=self._budget, again=again)

    def __repr__(self) -> str:
        source = self.language.source
        return f"<Grammar {source if len(source) < 60 else source[:57] + '...'}>" if source else "<Grammar>"


def _text(text: object) -> str | bytes:
    if not isinstance(text, str | bytes):
        raise TypeError(f"a text is str or bytes, not {type(text).__name__}: of a JSON value, json.dumps makes one")
    return text


def _utf8(text: str | bytes) -> bytes | None:
    if isinstance(text, bytes):
        return text
    try:
        return text.encode()
    except UnicodeEncodeError:
        return None


def _language(grammar: object) -> Language:
    if not isinstance(grammar, Grammar):
        raise GrammarError(
            f"a {type(grammar).__name__} cannot be combined with a grammar",
            hint="make a grammar of it: sg.choice([text]), sg.regex(pattern)",
        )
    return grammar.language


def _regular(language: Language, sign: str) -> CharDFA:
    if language.regular is None:
        one = "one of the two" if sign == "&" else "what is taken away" if sign == "-" else "what is turned around"
        raise UnsupportedFeature(
            f"{sign} needs a regular language, and {one} is not known to be regular",
            hint="regexes, choices and what is made of them are regular; for other grammars write the condition into the grammar",
        )
    return language.regular


def _first_of(*grammars: Grammar) -> Decode:
    """Decodes an output as the first grammar does that it is one of."""

    def decode(output: Output) -> Any:
        found = next((one for one in grammars if one._reads(output)), None)
        return output.text if found is None else found._value(output)

    return decode


def _beside(valued: Grammar, tokens: Grammar, *, first: bool) -> Decode:
    """Decodes as `valued` does what `tokens`, special tokens alone, stand before (`first`) or behind."""

    def decode(output: Output) -> Any:
        pieces, vocabulary = output.pieces, output.vocabulary
        if not valued.language.specials or vocabulary is None:  # then all special tokens are the others
            return valued._value(Output(tuple(piece for piece in pieces if isinstance(piece, bytes)), vocabulary))
        for cut in range(len(pieces) + 1):
            before, behind = Output(pieces[:cut], vocabulary), Output(pieces[cut:], vocabulary)
            beside, rest = (before, behind) if first else (behind, before)
            if tokens._reads(beside) and valued._reads(rest):
                return valued._value(rest)
        return output.text

    return decode


def _is_tokens(expr: Expr) -> bool:
    """Whether an expression has special tokens alone, and no text."""
    if isinstance(expr, Seq | Alt):
        return all(map(_is_tokens, expr.parts))
    return _is_tokens(expr.body) if isinstance(expr, Repeat) else isinstance(expr, Special)


def _or_none(decode: Decode, output: Output) -> Any:
    return decode(output) if output.pieces else None


def _small(make: Callable[[], CharDFA]) -> CharDFA | None:
    """An automaton, or None where it grows too large to be of use."""
    try:
        return make()
    except BudgetExceeded:
        return None
