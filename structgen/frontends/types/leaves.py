"""Standard types that are written as one JSON scalar: which schema, and how the scalar is read.

Where a format of JSON Schema says exactly what Python reads, the format is used (date, uuid, ipv4, ipv6). Elsewhere a
pattern does: `date-time` and
`time` demand a time zone and allow leap seconds, and `duration` allows months, none of which fits `datetime`, `time` and `timedelta`.
`Decimal` is a JSON number, read from its digits without rounding.

Data: `leaf(tp)` makes a fresh codec for a type, or None where the type is no leaf.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import pathlib
import re
import uuid
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

from structgen.frontends.types.codecs import Anything, Codec, Null, Number, Text, Truth

YEAR: Final = "(?:000[1-9]|00[1-9][0-9]|0[1-9][0-9]{2}|[1-9][0-9]{3})"
_FOURTH: Final = "(?:0[48]|[2468][048]|[13579][26])"
_LEAP_YEAR: Final = f"(?:[0-9]{{2}}{_FOURTH}|{_FOURTH}00)"
DATE: Final = (
    f"(?:{YEAR}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8]))"
    f"|{_LEAP_YEAR}-02-29)"
)
"""Days of the Gregorian calendar, years 0001 to 9999."""
CLOCK: Final = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,6})?"
ZONE: Final = "(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
_SECONDS: Final = r"[0-9]{1,9}(?:\.[0-9]{1,6})?S"
_TIME_PART: Final = f"T(?:[0-9]{{1,5}}H(?:[0-9]{{1,7}}M)?(?:{_SECONDS})?|[0-9]{{1,7}}M(?:{_SECONDS})?|{_SECONDS})"
DURATION: Final = f"-?P(?:[0-9]{{1,8}}D(?:{_TIME_PART})?|{_TIME_PART}|[0-9]{{1,7}}W)"
"""Weeks, or days and a time: what a timedelta can hold, without months and years,
whose length varies; the time stays below the 2^32 seconds that pydantic reads."""
UUID: Final = "[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"
INTEGER: Final = "0|-?[1-9][0-9]*"
DECIMAL: Final = r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,3})?"
_OCTET: Final = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
IPV4: Final = rf"(?:{_OCTET}\.){{3}}{_OCTET}"


def _ipv6() -> str:
    """Eight groups, or fewer with one `::` for at least one group of zeros, or the last two groups as an IPv4 address."""
    group = "[0-9a-fA-F]{1,4}"
    tail = f"(?:{group}:{group}|{IPV4})"
    forms = [f"(?:{group}:){{6}}{tail}"]
    for before in range(7):  # groups that may stand before `::`
        left = f"(?:(?:{group}:){{0,{before - 1}}}{group})?" if before > 1 else f"(?:{group})?" if before else ""
        after = 5 - before  # groups between `::` and the last two
        if after >= 0:
            forms.append(f"{left}::{f'(?:{group}:){{{after}}}' if after else ''}{tail}")
    forms.append(f"(?:(?:{group}:){{0,5}}{group})?::{group}")
    forms.append(f"(?:(?:{group}:){{0,6}}{group})?::")
    return f"(?:{'|'.join(forms)})"


IPV6: Final = _ipv6()
_BITS4: Final = "(?:3[0-2]|[12]?[0-9])"
_BITS6: Final = "(?:12[0-8]|1[01][0-9]|[1-9]?[0-9])"


FORMAT_PATTERNS: Final = {
    "date": DATE,
    "uuid": UUID,
    "ipv4": IPV4,
    "ipv6": IPV6,
    "ipv4network": f"{IPV4}/{_BITS4}",
    "ipv6network": f"{IPV6}/{_BITS6}",
    "ipv4interface": f"{IPV4}/{_BITS4}",
    "ipv6interface": f"{IPV6}/{_BITS6}",
}
"""What a format means, for keys of objects (which have no formats) and formats that JSON Schema lacks."""


def whole(pattern: str) -> str:
    """The pattern, for the whole text."""
    return f"^(?:{pattern})$"


def _string(name: str, parse: Callable[[str], Any], *, form: str | None = None, pattern: str | None = None) -> Callable[[], Text]:
    """A maker of string codecs. With both, `form` (a format) is the schema and `pattern` serves for keys."""

    def make() -> Text:
        schema: dict[str, Any] = {"type": "string"}
        if form is not None:
            schema["format"] = form
        elif pattern is not None:
            schema["pattern"] = whole(pattern)
        return Text(name, schema, parse, None if pattern is None else whole(pattern))

    return make


def read_duration(text: str) -> dt.timedelta:
    """A timedelta from its ISO 8601 text (weeks, or days, hours, minutes and seconds)."""
    if not re.fullmatch(DURATION, text):
        raise ValueError("not of the form P1DT2H3M4.5S")
    units = {"W": "weeks", "D": "days", "H": "hours", "M": "minutes"}
    parts: dict[str, Any] = {}
    for number, unit in re.findall(r"([0-9.]+)([WDHMS])", text):
        if unit == "S":
            seconds, _, fraction = number.partition(".")
            parts |= {"seconds": int(seconds), "microseconds": int((fraction + "000000")[:6])}
        else:
            parts[units[unit]] = int(number)
    span = dt.timedelta(**parts)
    return -span if text.startswith("-") else span


def _address(cls: Callable[..., Any]) -> Callable[[str], Any]:
    """A network need not have its host bits cleared."""
    return lambda text: cls(text, strict=False)


_NUMBERS: Final = {int: "integer", float: "number", Decimal: "number"}

_STRINGS: Final[dict[Any, Callable[[], Text]]] = {
    dt.date: _string("date", dt.date.fromisoformat, form="date", pattern=DATE),
    dt.datetime: _string("datetime", dt.datetime.fromisoformat, pattern=f"{DATE}T{CLOCK}{ZONE}?"),
    dt.time: _string("time", dt.time.fromisoformat, pattern=f"{CLOCK}{ZONE}?"),
    dt.timedelta: _string("timedelta", read_duration, pattern=DURATION),
    uuid.UUID: _string("UUID", uuid.UUID, form="uuid", pattern=UUID),
    ipaddress.IPv4Address: _string("IPv4Address", ipaddress.IPv4Address, form="ipv4", pattern=IPV4),
    ipaddress.IPv6Address: _string("IPv6Address", ipaddress.IPv6Address, form="ipv6", pattern=IPV6),
    ipaddress.IPv4Interface: _string("IPv4Interface", ipaddress.IPv4Interface, pattern=f"{IPV4}/{_BITS4}"),
    ipaddress.IPv6Interface: _string("IPv6Interface", ipaddress.IPv6Interface, pattern=f"{IPV6}/{_BITS6}"),
    ipaddress.IPv4Network: _string("IPv4Network", _address(ipaddress.IPv4Network), pattern=f"{IPV4}/{_BITS4}"),
    ipaddress.IPv6Network: _string("IPv6Network", _address(ipaddress.IPv6Network), pattern=f"{IPV6}/{_BITS6}"),
}

REFUSED: Final[dict[Any, str]] = {
    bytes: "JSON has no bytes: use str, or a str that holds base64 with a pattern",
    bytearray: "JSON has no bytes: use str, or a str that holds base64 with a pattern",
    memoryview: "JSON has no bytes: use str, or a str that holds base64 with a pattern",
    complex: "use a NamedTuple of two floats",
    re.Pattern: "use str and compile it after decoding",
    range: "use a tuple of ints",
    slice: "use a tuple of ints",
    type: "use a Literal of names",
    Ellipsis: "`...` stands only inside tuple[X, ...]",
}
"""Types with no JSON form, and what to use instead."""


def leaf(tp: Any) -> Codec | None:
    """The codec of a scalar type, or None."""
    if tp is None or tp is type(None):
        return Null()
    if tp is Any or tp is object:
        return Anything()
    if tp is bool:
        return Truth()
    if tp is str:
        return Text("str", {"type": "string"})
    if tp in _NUMBERS:
        return Number(tp, {"type": _NUMBERS[tp]})
    if tp in _STRINGS:
        return _STRINGS[tp]()
    if isinstance(tp, type) and issubclass(tp, pathlib.PurePath):
        return Text(tp.__name__, {"type": "string"}, tp)
    return None


def key_text(tp: Any, name: str) -> Text | None:
    """How a number or truth value is written as the key of an object, or None for other types."""
    if tp is bool:
        return Text(name, {"type": "string"}, {"true": True, "false": False}.__getitem__, "^(?:true|false)$")
    if tp is int:
        return Text(name, {"type": "string"}, int, whole(INTEGER))
    if tp is Decimal:
        return Text(name, {"type": "string"}, Decimal, whole(DECIMAL))
    return None
