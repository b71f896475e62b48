"""Formats that a regular expression describes, each put together from named pieces, as the RFCs do it.

    date, time, date-time, duration          RFC 3339 with its Appendix A; days by month and leap years
    ipv4, ipv6                               RFC 2673, RFC 4291
    hostname, email                          RFC 1123, RFC 5321
    uuid, uri, uri-reference, iri, …         RFC 4122, RFC 3986, RFC 3987, RFC 6570, RFC 6901

Not here: internationalised names (`idn`), regular expressions themselves (`regexes`).
"""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import Final

from structgen.frontends import regex
from structgen.frontends.regex import regex_dfa
from structgen.ir.regular import CharDFA
from structgen.ir.store import kept

_UCS: Final = "".join(
    [r"\u00a0-\ud7ff\uf900-\ufdcf\ufdf0-\uffef", *(f"\\u{{{p:x}0000}}-\\u{{{p:x}fffd}}" for p in range(1, 14)), r"\u{e1000}-\u{efffd}"]
)
_PRIVATE: Final = r"\ue000-\uf8ff\u{f0000}-\u{ffffd}\u{100000}-\u{10fffd}"


def _leap_seconds() -> str:
    """All times of second 60 with their offsets: 23:59 in UTC. Offsets of whole and half hours, which bounds the automaton."""
    groups: dict[tuple[int, int], list[str]] = {}
    for minutes in range(0, 24 * 60, 30):
        offset = f"{minutes // 60:02}:{minutes % 60:02}"
        for sign in (1, -1):
            local = (23 * 60 + 59 + sign * minutes) % (24 * 60)
            groups.setdefault(divmod(local, 60), []).append(("\\+" if sign > 0 else "-") + offset)
    groups[23, 59].append("[Zz]")
    return "|".join(f"{hour:02}:{minute:02}:60{{FRACTION}}(?:{'|'.join(offsets)})" for (hour, minute), offsets in sorted(groups.items()))


_PIECES: Final[dict[str, str]] = {
    "N": r"[0-9]+",
    "HEX": r"[0-9A-Fa-f]",
    # dates and times
    "YEAR": r"(?:[0-9]{3}[1-9]|[0-9]{2}[1-9]0|[0-9][1-9]00|[1-9]000)",
    "LEAP": r"(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:0[48]|[2468][048]|[13579][26])00)",
    "DAY": r"(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8]))",
    "DATE": r"(?:{YEAR}-{DAY}|{LEAP}-02-29)",
    "FRACTION": r"(?:\.{N})?",
    "MINUTES": r"(?:[01][0-9]|2[0-3]):[0-5][0-9]",
    "TIME": rf"(?:{{MINUTES}}:[0-5][0-9]{{FRACTION}}(?:[Zz]|[+\-]{{MINUTES}})|{_leap_seconds()})",
    "CLOCK": r"(?:{N}H(?:{N}M(?:{N}S)?)?|{N}M(?:{N}S)?|{N}S)",
    "CALENDAR": r"(?:{N}Y(?:{N}M(?:{N}D)?)?|{N}M(?:{N}D)?|{N}D)",
    # addresses
    "OCTET": r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])",
    "IPV4": r"{OCTET}(?:\.{OCTET}){3}",
    "H16": r"{HEX}{1,4}",
    "LS32": r"(?:{H16}:{H16}|{IPV4})",
    "IPV6": "(?:"
    r"(?:{H16}:){6}{LS32}|::(?:{H16}:){5}{LS32}|(?:{H16})?::(?:{H16}:){4}{LS32}|(?:(?:{H16}:){0,1}{H16})?::(?:{H16}:){3}{LS32}"
    r"|(?:(?:{H16}:){0,2}{H16})?::(?:{H16}:){2}{LS32}|(?:(?:{H16}:){0,3}{H16})?::{H16}:{LS32}|(?:(?:{H16}:){0,4}{H16})?::{LS32}"
    r"|(?:(?:{H16}:){0,5}{H16})?::{H16}|(?:(?:{H16}:){0,6}{H16})?::)",
    # names
    "LABEL": r"[0-9A-Za-z](?:[0-9A-Za-z\-]{0,61}[0-9A-Za-z])?",
    "HOST_LABEL": r"(?![Xx][Nn]--){LABEL}",
    "ATOM": r"[0-9A-Za-z!#$%&'*+\-/=?^_`{|}~]+",
    "LOCAL": r"(?:{ATOM}(?:\.{ATOM})*|\"(?:[ !#-\[\]-~]|\\[ -~]){0,62}\")",
    # URIs; those of IRIs have more letters
    "PCT": r"%{HEX}{HEX}",
    "LETTER": r"0-9A-Za-z\-._~",
    "ILETTER": r"0-9A-Za-z\-._~" + _UCS,
    "SUB": r"!$&'()*+,;=",
    "SCHEME": r"[A-Za-z][0-9A-Za-z+\-.]*",
    "ADDRESS": r"\[(?:{IPV6}|[Vv]{HEX}+\.[{LETTER}{SUB}:]+)\]",
    "VARIABLE": r"(?:[0-9A-Za-z_]|{PCT})(?:\.?(?:[0-9A-Za-z_]|{PCT}))*(?::[1-9][0-9]{0,3}|\*)?",
    "POINTER": r"(?:/(?:[^~/]|~[01])*)*",
}
for _i, _extra in (("", ""), ("I", _PRIVATE)):
    _more = {
        f"{_i}PCHAR": rf"(?:[{{{_i}LETTER}}{{SUB}}:@]|{{PCT}})",
        f"{_i}AUTHORITY": rf"(?:(?:[{{{_i}LETTER}}{{SUB}}:]|{{PCT}})*@)?(?:{{ADDRESS}}|(?:[{{{_i}LETTER}}{{SUB}}]|{{PCT}})*)(?::[0-9]*)?",
        f"{_i}PATH": rf"(?:/{{{_i}PCHAR}}*)*",
        f"{_i}HIER": rf"//{{{_i}AUTHORITY}}{{{_i}PATH}}|/(?:{{{_i}PCHAR}}+{{{_i}PATH}})?",
        f"{_i}QUERY": rf"(?:\?(?:{{{_i}PCHAR}}|[/?{_extra}])*)?(?:#(?:{{{_i}PCHAR}}|[/?])*)?",
        f"{_i}URI": rf"{{SCHEME}}:(?:{{{_i}HIER}}|{{{_i}PCHAR}}+{{{_i}PATH}})?{{{_i}QUERY}}",
        f"{_i}RELATIVE": rf"(?:{{{_i}HIER}}|(?:[{{{_i}LETTER}}{{SUB}}@]|{{PCT}})+{{{_i}PATH}})?{{{_i}QUERY}}",
    }
    _PIECES.update(_more)

FORMATS: Final[dict[str, str]] = {
    "date": "{DATE}",
    "time": "{TIME}",
    "date-time": "{DATE}[Tt]{TIME}",
    "duration": "P(?:{CALENDAR}(?:T{CLOCK})?|T{CLOCK}|{N}W)",
    "email": r"{LOCAL}@(?:{LABEL}(?:\.{LABEL})*|\[(?:{IPV4}|IPv6:{IPV6})\])",
    "hostname": r"{HOST_LABEL}(?:\.{HOST_LABEL})*",
    "ipv4": "{IPV4}",
    "ipv6": "{IPV6}",
    "uuid": "{HEX}{8}-{HEX}{4}-{HEX}{4}-{HEX}{4}-{HEX}{12}",
    "uri": "{URI}",
    "uri-reference": "(?:{URI}|{RELATIVE})",
    "iri": "{IURI}",
    "iri-reference": "(?:{IURI}|{IRELATIVE})",
    "uri-template": r"(?:[!#$&'()*+,\-./:;=?@\[\]_~0-9A-Za-z"
    + _UCS
    + _PRIVATE
    + r"]|{PCT}|\{[+#./;?&=,!@|]?{VARIABLE}(?:,{VARIABLE})*\})*",
    "json-pointer": "{POINTER}",
    "relative-json-pointer": "(?:0|[1-9][0-9]*)(?:#|{POINTER})",
}

NOTES: Final = {
    "date": "the year 0000 is left out, which no calendar library reads",
    "date-time": "the year 0000 is left out, and second 60 stands only beside offsets of whole and half hours",
    "time": "second 60 stands only beside offsets of whole and half hours",
    "hostname": "labels that begin with xn-- are left out: whether their Punycode is valid is no regular question",
}
"""Where a format is narrower here than in its RFC, and why."""


_WIDE: Final = {
    "LEAP": r"(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)",
    "YEAR": r"[0-9]{4}",
    "TIME": r"(?:{MINUTES}:(?:[0-5][0-9]|60){FRACTION}(?:[Zz]|[+\-]{MINUTES}))",
    "HOST_LABEL": "{LABEL}",
}
"""The pieces that `NOTES` speaks of, with everything that is left out."""


@lru_cache(maxsize=64)
def dfa(name: str, *, wide: bool = False) -> CharDFA | None:
    """The automaton of a format, as of `formats.format_dfa`; None where it is not in `FORMATS`."""
    pattern = FORMATS.get(name)
    if pattern is None:
        return None
    if wide and name not in NOTES:
        return dfa(name)
    if name == "email":
        return _email(pattern)
    return _pattern_dfa(pattern, _PIECES | _WIDE if wide else _PIECES)


@kept(str(Path(__file__).parent), str(Path(regex.__file__).parent))
def _email(pattern: str) -> CharDFA:
    """With a local part of at most 64 characters; the bound is cheaper on its automaton than in the pattern."""
    local, domain = pattern.split("@", 1)
    return _pattern_dfa(local).with_lengths(1, 64) + CharDFA.of_string("@") + _pattern_dfa(domain)


def _pattern_dfa(pattern: str, pieces: dict[str, str] = _PIECES) -> CharDFA:
    """The automaton of a pattern with names of pieces in braces."""
    name = re.compile(r"\{([A-Z_]+[0-9]*)\}")
    while name.search(pattern):
        pattern = name.sub(lambda match: pieces[match[1]], pattern)
    return regex_dfa(pattern, syntax="ecma")
