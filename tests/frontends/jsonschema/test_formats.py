"""Formats against the official suite, the standard library, and slow checks that take texts apart."""

import datetime
import ipaddress
import json
import random
import re
import tarfile
import uuid
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from structgen.frontends.jsonschema.formats import GRAMMARS, KNOWN, NOTES, SUPPORTED, format_dfa, format_lengths

SUITE = Path(__file__).parents[3].parent / "shared/data/jsonschema_suite/json-schema-test-suite.tar.xz"
DRAFTS = ("draft4", "draft6", "draft7", "draft2019-09", "draft2020-12")


def accepts(name, text):
    low, high = format_lengths(name)
    return format_dfa(name).matches(text) and low <= len(text) and (high is None or len(text) <= high)


@pytest.fixture(scope="module")
def suite():
    """(draft, format) -> list of (text, valid)."""
    if not SUITE.exists():
        pytest.skip(f"the official suite is not at {SUITE}")
    found = {}
    with tarfile.open(SUITE) as archive:
        for member in archive:
            match = re.search(r"tests/([^/]+)/optional/format/([^/]+)\.json$", member.name)
            if match and match[1] in DRAFTS:
                groups = json.load(archive.extractfile(member))
                cases = [(t["data"], t["valid"]) for g in groups for t in g["tests"] if isinstance(t["data"], str)]
                found[match[1], match[2]] = cases
    return found


@pytest.mark.parametrize("name", sorted(SUPPORTED))
def test_official_suite(suite, name):
    files = [cases for (_, other), cases in suite.items() if other == name]
    assert files
    for text, valid in {case for cases in files for case in cases}:
        if name == "hostname" and "xn--" in text.lower():  # NOTES: narrower
            assert not accepts(name, text)
        else:
            assert accepts(name, text) is valid, text


def test_every_format_of_the_drafts_is_known(suite):
    assert {name for _, name in suite} - {"unknown", "ecmascript-regex"} <= KNOWN | {"color"}
    assert not SUPPORTED & GRAMMARS.keys()


@pytest.mark.parametrize("name", ["", "Date", "color", "x-date", *sorted(GRAMMARS)])
def test_no_automaton(name):
    assert format_dfa(name) is None
    assert format_lengths(name) == (0, None)


# ---- judges that share nothing with the patterns ----


def is_date(text):
    try:
        return bool(re.fullmatch(r"\d{4}-\d\d-\d\d", text, re.ASCII)) and bool(datetime.date.fromisoformat(text))
    except ValueError:
        return False


def is_time(text):
    match = re.fullmatch(r"(\d\d):(\d\d):(\d\d)(\.\d+)?([Zz]|([+-])(\d\d):(\d\d))", text, re.ASCII)
    if not match:
        return False
    hour, minute, second = map(int, match.group(1, 2, 3))
    offset_hour, offset_minute = int(match[7] or 0), int(match[8] or 0)
    if hour > 23 or minute > 59 or second > 60 or offset_hour > 23 or offset_minute > 59:
        return False
    utc = hour * 60 + minute - (offset_hour * 60 + offset_minute) * (-1 if match[6] == "-" else 1)
    return second < 60 or (utc % 1440 == 1439 and offset_minute % 30 == 0)


def is_date_time(text):
    return is_date(text[:10]) and text[10:11] in ("T", "t") and is_time(text[11:])


def is_ip(kind):
    def judge(text):
        try:
            return "%" not in text and bool(kind(text))
        except ValueError:
            return False

    return judge


def is_uuid(text):
    try:
        return len(text) == 36 and all(text[i] == "-" for i in (8, 13, 18, 23)) and text.isascii() and str(uuid.UUID(text)) == text.lower()
    except ValueError:
        return False


def is_label(text):
    return 0 < len(text) < 64 and all(c.isascii() and (c.isalnum() or c == "-") for c in text) and text[0] != "-" != text[-1]


def is_hostname(text):
    labels = text.split(".")
    return len(text) < 254 and all(map(is_label, labels)) and not any(label.lower().startswith("xn--") for label in labels)


def is_duration(text):
    match = re.fullmatch(r"P([0-9A-Z]*?)(?:T([0-9A-Z]+))?", text)
    if not match:
        return False
    if re.fullmatch(r"[0-9]+W", match[1]) and match[2] is None:
        return True
    for part, units in ((match[1], "YMD"), (match[2] or "", "HMS")):
        if "".join(re.findall(r"[0-9]+[A-Z]", part)) != part:
            return False
        if "".join(re.findall("[A-Z]", part)) not in units:  # no unit is jumped over
            return False
    return bool(match[1] or match[2])


def is_email(text):
    local, _, domain = text.rpartition("@")
    if re.fullmatch(r'"([^"\\]|\\.)*"', local):
        good = all(" " <= c <= "~" for c in local)
    else:
        good = all(atom and all("!" <= c <= "~" and c not in '"(),:;<>@[\\]' for c in atom) for atom in local.split("."))
    if domain.startswith("[") and domain.endswith("]"):
        inner = domain[1:-1]
        host = is_ip(ipaddress.IPv6Address)(inner[5:]) if inner.startswith("IPv6:") else is_ip(ipaddress.IPv4Address)(inner)
    else:
        host = all(map(is_label, domain.split(".")))
    return good and host and 0 < len(local) <= 64 and len(text) <= 254


def is_uri_reference(text):
    def only(part, extra):
        part = re.sub("%[0-9A-Fa-f]{2}", "", part)
        return all(c.isascii() and (c.isalnum() or c in "-._~!$&'()*+,;=" + extra) for c in part)

    scheme, _, _, authority, path, _, query, _, fragment = re.fullmatch(  # RFC 3986, Appendix B
        r"(?:([^:/?#]*)(:))?((?://([^/?#]*))?)([^?#]*)(\?([^#]*))?(#(.*))?", text, re.DOTALL
    ).groups()
    if scheme is not None and not re.fullmatch(r"[A-Za-z][A-Za-z0-9+.\-]*", scheme):
        return False
    if authority is not None:
        user, at, host = authority.rpartition("@")
        host, _, port = (host, "", "") if host.endswith("]") else host.rpartition(":") if ":" in host else (host, "", "")
        if (at and not only(user, ":")) or not re.fullmatch("[0-9]*", port):
            return False
        if host.startswith("[") and host.endswith("]"):
            future = re.fullmatch(r"[vV][0-9A-Fa-f]+\.(.+)", host[1:-1])
            if not (only(future[1], ":") and "%" not in future[1] if future else is_ip(ipaddress.IPv6Address)(host[1:-1])):
                return False
        elif not only(host, ""):
            return False
    return only(path, ":@/") and only(query or "", ":@/?") and only(fragment or "", ":@/?")


def is_uri(text):
    return is_uri_reference(text) and bool(re.match("[A-Za-z][A-Za-z0-9+.-]*:", text))


JUDGES = {
    "date": (is_date, ["2024-02-29", "1999-12-31", "0400-02-29", "0001-01-01"]),
    "time": (is_time, ["23:59:60Z", "08:30:06.25+05:30", "15:59:60-08:00", "00:00:00z"]),
    "date-time": (is_date_time, ["2024-02-29T23:59:60Z", "1985-04-12t23:20:50.52-00:30", "2000-11-30T00:29:60-23:30"]),
    "duration": (is_duration, ["P1Y2M3DT4H5M6S", "P3W", "PT1M", "P12M4D"]),
    "ipv4": (is_ip(ipaddress.IPv4Address), ["192.168.0.1", "255.255.255.255", "0.0.0.0"]),
    "ipv6": (
        is_ip(ipaddress.IPv6Address),
        ["::1", "1:2:3:4:5:6:7:8", "fe80::1:2", "::ffff:1.2.3.4", "1:2:3:4:5:6:7::", "1:2:3:4:5:6:9.8.7.6"],
    ),
    "uuid": (is_uuid, ["2eb8aa08-AA98-11ea-b4aa-73b441d16380"]),
    "hostname": (is_hostname, ["a-b.example.com", "x", "xa--b.c", "l" * 63 + ".n", ".".join(["l" * 61] * 4) + ".abcde"]),
    "email": (is_email, ["a.b+c@example.com", '"a b"@x.y', "q@[1.2.3.4]", "w@[IPv6:::1]", "l" * 64 + "@d.e", '"' + "q" * 62 + '"@d']),
    "uri": (is_uri, ["http://u:p@example.com:80/a/b?c=d#e", "urn:a:b", "x://[::1]/%20", "x://[v1.a]", "a:", "a:/", "a:b//c", "a://:"]),
    "uri-reference": (is_uri_reference, ["//h/p", "a/b:c", "?q", "#f", "./a:b", "x:y", "/", "//[1::]:8"]),
}


def mutations(seeds, rng, count):
    """Texts near the seeds: characters dropped, doubled, swapped, replaced by others that occur or are special."""
    alphabet = "".join(seeds) + "0129afgzAFTZ:.-+/?#[]@%! \n\u0661\u00e9"
    for _ in range(count):
        text = list(rng.choice(seeds))
        for _ in range(rng.choice([0, 1, 1, 2, 3])):
            at = rng.randrange(len(text) + 1)
            text[at : at + rng.choice([0, 1, 1])] = rng.choice(
                [rng.choice(alphabet), rng.choice(alphabet), "", "".join(text[at : at + 1]) * 2]
            )
        yield "".join(text)


@pytest.mark.parametrize("name", JUDGES)
def test_near_misses(name):
    judge, seeds = JUDGES[name]
    rng = random.Random(name)
    assert all(accepts(name, text) for text in seeds)
    verdicts = set()
    for text in mutations(seeds, rng, 3000):
        verdict = judge(text)
        verdicts.add(verdict)
        assert accepts(name, text) is verdict, text
    assert verdicts == {True, False}


@pytest.mark.parametrize("name", ["date", "date-time", "ipv4", "ipv6", "uuid", "email"])
def test_like_the_checker_of_jsonschema(name):
    """What an automaton accepts, `jsonschema` accepts too (it knows no leap seconds)."""
    checker = Draft202012Validator.FORMAT_CHECKER
    assert name in checker.checkers
    for text in mutations(JUDGES[name][1], random.Random(1), 1500):
        if accepts(name, text) and ":60" not in text:
            assert checker.conforms(text, name), text


def test_dates_of_all_years():
    dfa = format_dfa("date")
    for year in range(1, 10000):
        leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
        assert dfa.matches(f"{year:04}-02-29") is leap
    for month in range(14):
        for day in range(33):
            assert dfa.matches(f"2023-{month:02}-{day:02}") is is_date(f"2023-{month:02}-{day:02}")


@pytest.mark.parametrize("name", sorted(SUPPORTED))
def test_automata_are_small(name):
    assert len(format_dfa(name).rows) < 600
    assert format_dfa(name) is format_dfa(name)


@pytest.mark.parametrize("name", sorted(SUPPORTED))
def test_wide_automata_have_all_texts(name):
    wide = format_dfa(name, wide=True)
    assert format_dfa(name) <= wide
    assert (format_dfa(name) == wide) is (name not in NOTES)


def test_wide_automata_have_what_is_left_out():
    left_out = {"date": "0000-02-29", "date-time": "0000-01-01T00:00:00Z", "time": "00:00:60+00:01", "hostname": "xn--9n2bp8q.a"}
    assert set(left_out) == set(NOTES) - GRAMMARS.keys()
    for name, text in left_out.items():
        assert not accepts(name, text)
        assert format_dfa(name, wide=True).matches(text)
