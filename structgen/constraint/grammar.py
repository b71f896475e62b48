"""`Grammar`: a language as users hold it: judge texts with it, combine it, compile it for a vocabulary."""

from __future__ import annotations

import operator
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

from structgen.automata.machine import Budget, ByteAutomaton
from structgen.automata.symbols import Symbols
from structgen.constraint.automaton import TokenAutomaton
from structgen.constraint.explain import Explanation, explain
from structgen.errors import GrammarError, OptionError, UnsupportedFeature
from structgen.ir.expr import Alt, Expr, Leaf, Repeat, Seq
from structgen.ir.language import Language
from structgen.ir.regular import CharDFA
from structgen.ir.report import SupportReport
from structgen.vocab.vocabulary import Vocabulary

Again = Callable[[], Any]
"""Makes something anew in another process: a picklable function without arguments."""


class Grammar:
    """A language. Immutable and safe to share between threads. Pickled as what it was made from, and made anew.

    `a + b` is one after the other, `a | b` either, `a & b` both at once and `~a` every other text (these two where the languages
    are regular), `.optional()`, `.repeat(low, high)`.

    >>> import structgen as sg
    >>> (sg.regex("[a-z]+") & ~sg.choice(["if", "else"])).accepts("iff")
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
        self._bound: ByteAutomaton | None = None  # to a vocabulary, where the language has special tokens

    @property
    def report(self) -> SupportReport:
        """What is compiled exactly, relaxed or refused."""
        return self.language.report

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
            if self._bound is None or self._bound.is_worn or self._bound.symbols.vocabulary != vocabulary:
                self._bound = self._automaton(Symbols(vocabulary, self.language.specials))
            return self._bound

    def accepts(self, text: str | bytes) -> bool:
        """Whether the complete text belongs to the language. For a schema: whether it is JSON in the style asked for, and its value valid.
        Special tokens are no text: of a grammar that has some, only the texts without any are accepted.

        Lone surrogates in a str belong to none. Raises EmptyLanguage, BudgetExceeded; TypeError for what is no text.
        """
        data = _utf8(_text(text))
        return data is not None and self.automaton.accepts(data)

    def decode(self, text: str) -> Any:
        """The value of a complete text: what its JSON says, an instance of its type, or the text itself."""
        return text if self.language.decode is None else self.language.decode(text)

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
        return TokenAutomaton(machine, vocabulary, self.report, self.language.decode, partial(Grammar.compile, self, vocabulary))

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
        return self._joined(operator.add, other, Seq((self.language.start, _language(other).start)))

    def __or__(self, other: Grammar) -> Grammar:
        return self._joined(operator.or_, other, Alt((self.language.start, _language(other).start)))

    def __and__(self, other: Grammar) -> Grammar:
        return self._regular_only(operator.and_, _regular(self, "&") & _regular(other, "&"), other)

    def __invert__(self) -> Grammar:
        return self._regular_only(operator.invert, ~_regular(self, "~"))

    def optional(self) -> Grammar:
        """This language or the empty text."""
        return self.repeat(0, 1)

    def repeat(self, low: int = 0, high: int | None = None) -> Grammar:
        """This language `low` to `high` times, one after the other (None: any number). Raises OptionError for impossible counts."""
        if low < 0 or (high is not None and high < low):
            raise OptionError(f"cannot repeat {low} to {high} times", where="repeat", hint="0 <= low <= high")
        regular = self.language.regular and _small(partial(CharDFA.repeat, self.language.regular, low, high))
        return self._made(partial(Grammar.repeat, self, low, high), Repeat(self.language.start, low, high), regular)

    def _joined(self, join: Callable[..., Any], other: Grammar, start: Expr) -> Grammar:
        a, b = self.language.regular, _language(other).regular
        regular = None if a is None or b is None else _small(partial(join, a, b))
        return self._made(partial(join, self, other), start, regular, other)

    def _regular_only(self, operation: Callable[..., Any], dfa: CharDFA, *others: Grammar) -> Grammar:
        return self._made(partial(operation, self, *others), Leaf(dfa), dfa, *others)

    def _made(self, again: Again, start: Expr, regular: CharDFA | None, *others: Grammar) -> Grammar:
        findings = [f for g in (self, *others) for f in g.report.findings]
        specials = tuple(dict.fromkeys(special for g in (self, *others) for special in g.language.specials))
        return Grammar(Language(start, SupportReport(findings), regular=regular, specials=specials), budget=self._budget, again=again)

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


def _regular(grammar: object, operator: str) -> CharDFA:
    regular = _language(grammar).regular
    if regular is None:
        raise UnsupportedFeature(
            f"{operator} needs regular languages, and this one is not known to be regular",
            hint="regexes, choices and what is made of them are regular; for other grammars write the condition into the grammar",
        )
    return regular


def _small(make: Callable[[], CharDFA]) -> CharDFA | None:
    """An automaton, or None where it grows too large to be of use."""
    from structgen.errors import BudgetExceeded

    try:
        return make()
    except BudgetExceeded:
        return None
