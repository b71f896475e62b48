"""JSON Schema as a language: every keyword is composed as logic, exactly, or refused with its place and a reason.

    load, read      document -> nodes: values checked (`core`, `keywords`), what is not supported reported
    resources       references within a document, to the registry and to metaschemas; `dialects`: drafts and vocabularies;
                    `scope`: what dynamic references depend on
    algebra         nodes -> forms: unions of facet conjunctions per JSON type (shapes), by intersection, union and negation;
                    `facets`: the keywords of one type each
    evaluated       what keywords have evaluated, for unevaluatedProperties and unevaluatedItems
    overlap, empty  which alternatives exclude each other, which have no value at all (`blame`: where); `cover`: which are among others
    mistakes        keywords that were probably meant otherwise
    emit            forms -> expressions: objects (`objects_list`: those that are one network, `objects_states`), arrays, strings, numbers,
                    sets of constants (`enumerated`), each spelled in a style
    contains        what items may come next and whether an array can end, where some must be there or two must be equal
    census          which values satisfy a goal, where some of them must differ; `listing`: containers made of values of their parts

Everything from the algebra on is lazy: the cost of a schema is the cost of the part that a text visits.

>>> json_schema({"type": "integer", "minimum": 3}).report.verdict
'exact'
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal

from structgen import collector
from structgen.errors import EmptyLanguage, OptionError, UnsupportedFeature
from structgen.frontends.jsonschema.algebra import Algebra
from structgen.frontends.jsonschema.blame import to_blame
from structgen.frontends.jsonschema.crowded import crowded
from structgen.frontends.jsonschema.emit import Emitter
from structgen.frontends.jsonschema.formats.own import Atoms, own_formats
from structgen.frontends.jsonschema.load import load, order_in
from structgen.frontends.jsonschema.node import goal_of
from structgen.frontends.jsonschema.read import read
from structgen.frontends.jsonschema.resources import References
from structgen.frontends.jsonschema.scanner import JsonScanner
from structgen.frontends.jsonschema.site import Order
from structgen.frontends.jsonschema.style import ANY, JsonStyle
from structgen.ir.expr import seq
from structgen.ir.language import Language, of_text
from structgen.ir.report import SupportReport

__all__ = ["Formats", "JsonStyle", "json_schema"]

Formats = Literal["assert", "annotation"] | Mapping[str, Any]
"""How formats are taken: checked, as comments, or checked together with the caller's own."""


def json_schema(
    schema: dict[str, Any] | bool | str,
    *,
    style: str | JsonStyle = "default",
    order: Order | None = None,
    relax: bool = False,
    draft: str | None = None,
    registry: Any = None,
    formats: Formats = "assert",
    content: Literal["assert", "annotation"] | None = None,
) -> Language:
    """The language of the JSON texts whose value is valid, spelled in `style`.

    schema: a dict, a bool, or JSON text. The draft is `draft` ("draft4", "draft6", "draft7", "draft2019-09", "draft2020-12"; "7" and
        "2020-12" are understood too), else `$schema`'s, else 2020-12; documents and sub-schemas with `$id` may have a `$schema` of
        their own.
    order: "schema": declared properties in schema order (left to right through merged schemas), then names that only `required` lists,
        then others. "any": every order. The default is "schema", but "any" in the style "any": there, the order is part of the spelling.
    relax: compile what is not supported, or too large, to the nearest superset, and say so in `.report` (of what is too large in the
        depth of a schema, as soon as a text gets there); otherwise it is refused.
    registry: the documents that remote references may lead to, and custom metaschemas, whose `$vocabulary` counts: a dict from URIs
        to schemas, or a `referencing.Registry`. The metaschemas of the drafts are known; nothing is fetched.
    formats: "assert" checks the formats of the specification, "annotation" takes them as comments (but where a custom metaschema asks
        for assertion). A mapping: checks them and these, which come first: a name to a regular expression (ECMA-262, for the whole
        string) or to a grammar (with `.language` and `.accepts`).
    content: "assert" checks contentEncoding (base64, base32, base16) and contentMediaType (JSON), "annotation" does not. The default is
        the draft's: draft 7 checks, later ones do not.

    Raises SchemaError (malformed), UnsupportedFeature (lists every refused place), EmptyLanguage (no value is valid), BudgetExceeded,
    OptionError.
    """
    if order not in ("schema", "any", None):
        raise OptionError(f"order is 'schema' or 'any', not {order!r}", where="order")
    if not isinstance(relax, bool):
        raise OptionError(f"relax is True or False, not {relax!r}", where="relax")
    own = _own_formats(formats)
    if content not in ("assert", "annotation", None):
        raise OptionError(f"content is 'assert' or 'annotation', not {content!r}", where="content")
    spelling = JsonStyle.of(style)
    order = order or ("any" if spelling == ANY else "schema")
    with collector.paused():  # half of the time of 10,000 levels
        references = References(load(schema), draft, registry)
        reader, root = read(references, relax=relax, formats=own, content=None if content is None else content == "assert")
        report = reader.report
        if own and not report.refused:
            report.findings += crowded(root, reader.nodes, relax=relax)
        if report.findings:
            place = order_in(references.main.tree)
            findings = dict.fromkeys(report.findings)  # a place is read once for every dynamic scope
            report.findings[:] = sorted(findings, key=lambda one: place(one.where))
        if report.refused:
            raise _refusal(report)
        algebra = Algebra(reader.nodes)
        emitter = Emitter(algebra, spelling, order, report if relax else None)
        goal = goal_of(root)
        if not emitter.emptiness.live(goal):
            where, reason = to_blame(root, emitter.emptiness)
            hint = reason or "Its conditions contradict each other, or require themselves without end."
            raise EmptyLanguage("no value satisfies the schema", where=where, hint=hint)
        if relax:
            report.complete = emitter.look(goal)
    start = seq(spelling.lead(), emitter.value(goal), spelling.trail())
    source = schema if isinstance(schema, str) else ""
    return Language(start, report, decode=of_text(json.loads), source=source, notation=references.main.tree, scanner=JsonScanner)


def _own_formats(formats: Formats) -> Atoms | None:
    """The caller's own formats; None where all formats are annotations."""
    if isinstance(formats, Mapping):
        return own_formats(formats)
    if formats not in ("assert", "annotation"):
        hint = 'A mapping has formats of your own: {"sku": "[A-Z]{3}-[0-9]{4}"}.'
        raise OptionError(f"formats is 'assert', 'annotation' or a mapping, not {formats!r}", where="formats", hint=hint)
    return {} if formats == "assert" else None


def _refusal(report: SupportReport) -> UnsupportedFeature:
    refused = report.refused
    relaxing = "relax=True compiles the nearest superset and names what it left out."
    lines = [f"{one.where or 'the root'}: {one.feature}: {one.why}" for one in refused]
    if len(refused) == 1:
        head, hint = "a part of the schema cannot be compiled exactly", f"{refused[0].hint} {relaxing}".lstrip()
    else:
        head, hint = f"{len(refused)} parts of the schema cannot be compiled exactly", relaxing
        lines = [f"{line}\n  hint: {one.hint}" if one.hint else line for line, one in zip(lines, refused, strict=True)]
    why = "\n  ".join([head, *(line.replace("\n", "\n  ") for line in lines)])
    error = UnsupportedFeature(why, where=refused[0].where, hint=hint)
    error.report = report
    return error
