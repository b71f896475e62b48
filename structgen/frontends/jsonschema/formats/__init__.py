"""The formats of JSON Schema, and those of the user.

    patterns    what a regular expression says: dates, addresses, names, URIs, pointers
    idn         internationalised names
    regexes     `regex`: a grammar
    content     contentEncoding, contentMediaType
    free        languages that are not regular
    own         the formats that a caller brings

`format_dfa` gives the automaton of a format (built at the first call) and `format_lengths` what it demands of the whole length, which a
`Leaf` counts without states of its own. Where a format is narrower here than in its RFC, `NOTES` says so; no format is wider. Any
other name is an annotation, as the specification has it.

>>> format_dfa("date").matches("2024-02-29"), format_dfa("date").matches("2023-02-29"), format_dfa("colour")
(True, False, None)
"""

from __future__ import annotations

from typing import Final

from structgen.frontends.jsonschema.formats import idn, patterns
from structgen.frontends.jsonschema.formats.free import ContextFree
from structgen.frontends.jsonschema.formats.regexes import NOTE, REGEX
from structgen.ir.regular import CharDFA

GRAMMARS: Final = {"idn-email": idn.EMAIL, "idn-hostname": idn.HOSTNAME, "regex": REGEX}
"""The formats that are grammars."""

SUPPORTED: Final = frozenset(patterns.FORMATS)
"""The formats that have an automaton."""

KNOWN: Final = SUPPORTED | frozenset(GRAMMARS)
"""The formats that the drafts of JSON Schema define (from draft 4 to 2020-12). Any other name is an annotation."""

NOTES: Final = patterns.NOTES | idn.NOTES | {"regex": NOTE}
"""Where a format is narrower here than in its RFC, and why."""

REPORTED: Final = frozenset(("hostname", *GRAMMARS))
"""The formats of `NOTES` whose narrowness stands in the support report: the others leave out next to nothing."""

_LENGTHS: Final = {"hostname": 253, "email": 254}


def format_lengths(name: str) -> tuple[int, int | None]:
    """The least and the greatest number of characters (None: no bound) that a text of the format may have, besides `format_dfa`."""
    return 0, _LENGTHS.get(name)


def format_dfa(name: str, *, wide: bool = False) -> CharDFA | None:
    """The automaton of a format, without the bound that `format_lengths` gives; None for a name that is not in `SUPPORTED`.

    `wide`: one that has at least all texts of the format, also those of `NOTES`. To take a format away, take this one.
    """
    return patterns.dfa(name, wide=wide)


__all__ = ["GRAMMARS", "KNOWN", "NOTES", "REPORTED", "SUPPORTED", "ContextFree", "format_dfa", "format_lengths"]
