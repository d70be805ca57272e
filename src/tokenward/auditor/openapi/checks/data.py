"""What is taken and what is given away."""

from collections.abc import Iterator

from tokenward.auditor.findings import Check
from tokenward.auditor.openapi.patterns import anchored, bounded, explodes
from tokenward.auditor.openapi.rule import Hit, OperationRule, Rule, SchemaRule, Subject
from tokenward.auditor.openapi.schemas import Schema
from tokenward.auditor.openapi.view import Operation
from tokenward.auditor.openapi.words import (
    ADDRESSES,
    CARD_SECRETS,
    FREE_TEXT,
    INTERNALS,
    PERSONAL_NUMBERS,
    STORED_SECRETS,
)
from tokenward.base.severity import Severity

# Formats that say how long a text may be.
_SHORT_FORMATS = frozenset({
    "date", "date-time", "datetime", "time", "duration", "uuid", "guid", "ipv4", "ipv6", "int32",
    "int64", "decimal", "ulid", "year", "iso-8601",
})  # fmt: skip
_BINARY = frozenset({"binary", "byte", "base64", "base64url"})
_COMBINED = ("allOf", "anyOf", "oneOf", "$ref", "not")
_OF_OBJECTS = ("properties", "additionalProperties", "patternProperties", "maxProperties", "enum")
_MASKED = ("masked", "redacted", "truncated", "obfuscated", "last four", "last 4")
_NUMBERS = frozenset({"integer", "number"})
_SIZED_FORMATS = frozenset(
    {"int32", "int64", "int16", "int8", "uint8", "uint16", "uint32", "float", "double"}
)
_UPLOADS = frozenset({"application/octet-stream", "application/zip", "image/*", "video/*", "*/*"})


def _name(schema: Schema) -> str:
    label = schema.operation.label
    where = f"first in {label}" if schema.parameter is None else f"of {label}"
    return f"{schema.name!r}, {where}" if schema.name else f"The body, {where}"


def _is_text(schema: Schema) -> bool:
    fields = schema.node.fields
    chosen = "enum" in fields or "const" in fields
    return schema.direction == "request" and "string" in schema.types and not chosen


def _text_unbounded(schema: Schema) -> Iterator[Hit]:
    fields = schema.node.fields
    if not _is_text(schema) or "maxLength" in fields or schema.part:
        return
    format_, pattern = schema.node.text("format"), fields.get("pattern")
    if format_ in _SHORT_FORMATS or format_ in _BINARY or (isinstance(pattern, str) and bounded(pattern)):
        return
    yield Hit(schema.node, f"{_name(schema)}, has no `maxLength`.")


def _text_free(schema: Schema) -> Iterator[Hit]:
    fields = schema.node.fields
    if not _is_text(schema) or schema.part or schema.name in FREE_TEXT:
        return
    if "pattern" not in fields and "format" not in fields and not any(key in fields for key in _COMBINED):
        yield Hit(schema.node, f"{_name(schema)}, may be any text.")


def _unanchored(schema: Schema) -> Iterator[Hit]:
    pattern = schema.node.fields.get("pattern")
    if schema.direction == "request" and isinstance(pattern, str) and not anchored(pattern):
        yield Hit(schema.node, f"{_name(schema)}: {pattern[:100]}")


def _explosive(schema: Schema) -> Iterator[Hit]:
    pattern = schema.node.fields.get("pattern")
    if schema.direction == "request" and isinstance(pattern, str) and explodes(pattern):
        yield Hit(schema.node, f"{_name(schema)}: {pattern[:100]}")


def _number_unbounded(schema: Schema) -> Iterator[Hit]:
    fields = schema.node.fields
    if schema.direction != "request" or schema.part or not schema.types & _NUMBERS or "enum" in fields:
        return
    least = any(key in fields for key in ("minimum", "exclusiveMinimum", "const"))
    most = any(key in fields for key in ("maximum", "exclusiveMaximum", "const"))
    if not (least and most):
        missing = " and ".join(f"`{key}`" for key, has in (("minimum", least), ("maximum", most)) if not has)
        sized = schema.node.text("format") in _SIZED_FORMATS
        yield Hit(schema.node, f"{_name(schema)}, has no {missing}.", Severity.INFO if sized else None)


def _integer_unsized(schema: Schema) -> Iterator[Hit]:
    fields = schema.node.fields
    if schema.direction == "request" and not schema.part and "integer" in schema.types:
        limited = "enum" in fields or "const" in fields or ("minimum" in fields and "maximum" in fields)
        if "format" not in fields and not limited:
            yield Hit(schema.node, f"{_name(schema)}, has neither `format` nor both bounds.")


def _list_unbounded(schema: Schema) -> Iterator[Hit]:
    fields = schema.node.fields
    if "array" not in schema.types or schema.part or "maxItems" in fields or "enum" in fields:
        return
    if "prefixItems" in fields and fields.get("items") is False:
        return
    if schema.direction == "request":
        yield Hit(schema.node, f"{_name(schema)}, has no `maxItems`.")


def _answer_unbounded(schema: Schema) -> Iterator[Hit]:
    if schema.direction != "response" or schema.name or schema.part or schema.operation.kind != "path":
        return
    if "array" in schema.types and "maxItems" not in schema.node.fields:
        yield Hit(schema.node, f"The answer of {schema.operation.label} is a list without end.")


def _map_unbounded(schema: Schema) -> Iterator[Hit]:
    fields = schema.node.fields
    extra = fields.get("additionalProperties")
    if schema.direction != "request" or "maxProperties" in fields or fields.get("properties"):
        return
    if type(extra) is dict:
        yield Hit(schema.node, f"{_name(schema)}, has no `maxProperties`.")


def _anything(schema: Schema) -> Iterator[Hit]:
    fields = schema.node.fields
    if schema.direction != "request" or schema.part:
        return
    if schema.node.up is not None and schema.node.up.key in {"anyOf", "oneOf"}:  # `union-anything` tells it
        return
    named = not schema.types and fields.keys().isdisjoint({*_COMBINED, "enum", "const", "if", "pattern"})
    bare = schema.types == {"object"} and fields.keys().isdisjoint({*_COMBINED, *_OF_OBJECTS})
    if named:
        yield Hit(schema.node, f"{_name(schema)}, may be anything.")
    elif bare:
        yield Hit(schema.node, f"{_name(schema)}, is an object of which nothing is known.")


def _open_union(schema: Schema) -> Iterator[Hit]:
    if schema.direction != "request":
        return
    for key in ("anyOf", "oneOf"):
        for branch in schema.node.items(key):
            if branch.value in ({}, True):
                yield Hit(branch, f"{_name(schema)}: a branch of `{key}` lets everything through.")


def _untyped(operation: Operation, subject: Subject) -> Iterator[Hit]:  # noqa: ARG001 - the form of a rule
    if operation.body_node is not None and operation.kind == "path":
        if not operation.body:
            yield Hit(operation.body_node, f"The body of {operation.label} has no content.")
        for media in operation.body:
            if media.schema is None and not _is_upload(media.media_type):
                yield Hit(media.node, f"{media.media_type or 'A body'} of {operation.label} has no schema.")
                break
    for each in operation.parameters:
        if each.schema is None:
            told = f"The {each.where} parameter {each.name!r} of {operation.label} has no schema."
            yield Hit(each.node, told)


def _any_type(operation: Operation, subject: Subject) -> Iterator[Hit]:  # noqa: ARG001 - the form of a rule
    if operation.kind == "path":
        for media in operation.body:
            if media.media_type == "*/*":
                yield Hit(media.node, f"{operation.label} takes `*/*`.")


def _upload(operation: Operation, subject: Subject) -> Iterator[Hit]:
    if operation.kind != "path":
        return
    for media in operation.body:
        schema = subject.library.maybe(media.schema)
        if _is_upload(media.media_type):
            if schema is None or not _says_size(schema.fields):
                yield Hit(schema or media.node, f"{operation.label} takes {media.media_type}.")
                return
        elif media.media_type == "multipart/form-data" and schema is not None:
            for field in schema.members("properties"):
                found = subject.library.resolve(field)
                if _is_file(found.fields) and not _says_size(found.fields):
                    yield Hit(found, f"The part {str(field.key)!r} of {operation.label}.")
    for each in operation.parameters:
        if each.where == "formData" and each.node.fields.get("type") == "file":
            yield Hit(each.node, f"The part {each.name!r} of {operation.label}.")


def _is_upload(media_type: str) -> bool:
    return media_type in _UPLOADS or media_type.startswith(("image/", "video/", "audio/"))


def _is_file(fields: dict[str, object]) -> bool:
    return fields.get("format") == "binary" or "contentMediaType" in fields


def _says_size(fields: dict[str, object]) -> bool:
    return "maxLength" in fields


def _tells(schema: Schema) -> bool:
    """It is a property that holds a text or a number, not one that says whether there is one."""
    if schema.direction == "request" or not schema.is_property:
        return False
    described = schema.node.text("description").lower()
    masked = any(word in described for word in _MASKED)
    return not masked and not (schema.types & {"boolean", "object", "array"})


def _secret_answered(schema: Schema) -> Iterator[Hit]:
    if schema.name in STORED_SECRETS and _tells(schema) and schema.operation.kind == "path":
        once = schema.operation.method == "POST"
        told = f"{schema.name!r}, first in {schema.operation.label}."
        yield Hit(schema.node, told, Severity.MEDIUM if once else None)


def _personal_answered(schema: Schema) -> Iterator[Hit]:
    if schema.name in PERSONAL_NUMBERS and _tells(schema) and schema.operation.kind == "path":
        worse = Severity.HIGH if schema.name in CARD_SECRETS else None
        yield Hit(schema.node, f"{schema.name!r}, first in {schema.operation.label}.", worse)


def _personal_in_url(operation: Operation, subject: Subject) -> Iterator[Hit]:  # noqa: ARG001 - the form of a rule
    for each in operation.parameters:
        if each.where in {"path", "query"} and each.name in PERSONAL_NUMBERS:
            yield Hit(each.node, f"The {each.where} parameter {each.name!r} of {operation.label}.")


def _internals(schema: Schema) -> Iterator[Hit]:
    if schema.direction == "error" and schema.is_property and schema.name in INTERNALS:
        yield Hit(schema.node, f"{schema.name!r} in a refusal of {schema.operation.label}.")


def _address(schema: Schema) -> Iterator[Hit]:
    fields = schema.node.fields
    if schema.direction != "request" or schema.operation.kind != "path" or schema.part:
        return
    if "string" not in schema.types or "enum" in fields or "const" in fields or not schema.name:
        return
    # A property of the array's items carries its name too: tell it once, where the text is.
    if schema.name in ADDRESSES or schema.node.text("format") in {"uri", "url", "iri"}:
        pattern = fields.get("pattern")
        if not (isinstance(pattern, str) and pattern.startswith(("^https://", "^https:\\/\\/"))):
            yield Hit(schema.node, f"{_name(schema)}.")


def _check(
    name: str,
    title: str,
    severity: Severity,
    *,
    why: str,
    attack: str,
    fix: str,
    references: tuple[str, ...],
    recommendation: str = "validate-thoroughly",
) -> Check:
    return Check(f"openapi.{name}", title, severity, why, attack, fix, references, recommendation)


RULES: tuple[Rule, ...] = (
    SchemaRule(
        _check(
            "string-unbounded",
            "Texts of any length",
            Severity.LOW,
            why="Whatever is sent is read, stored and logged in full.",
            attack="A few requests with megabytes in one field fill memory, disk or the bill of a "
            "service behind.",
            fix="Write `maxLength`, or `enum`, or a `format` or `pattern` that says how long it is.",
            references=("OWASP API4:2023", "CWE-770"),
        ),
        "data",
        _text_unbounded,
    ),
    SchemaRule(
        _check(
            "string-unrestricted",
            "Texts of any form",
            Severity.INFO,
            why="Nothing tells a gateway what the field may hold, so that the code behind is the only check.",
            attack="Quotes, markup and control characters get as far as the code that puts texts together.",
            fix="Write `format`, `pattern` or `enum`. Free text has none: there the length is enough.",
            references=("OWASP API8:2023", "CWE-20"),
        ),
        "data",
        _text_free,
    ),
    SchemaRule(
        _check(
            "pattern-unanchored",
            "A pattern that looks at a part only",
            Severity.LOW,
            why="JSON Schema searches for the pattern; without `^` and `$` anything may stand before "
            "and after it.",
            attack="`[0-9]+` lets `1; DROP TABLE` pass.",
            fix="Begin each alternative with `^` and end it with `$`.",
            references=("JSON Schema Core §6.4", "OWASP API8:2023", "CWE-777"),
        ),
        "data",
        _unanchored,
    ),
    SchemaRule(
        _check(
            "pattern-explosive",
            "A pattern that can take for ever",
            Severity.MEDIUM,
            why="A repetition inside of a repetition makes engines that backtrack try every way to "
            "divide the text.",
            attack="Thirty characters that nearly match keep one processor busy for minutes.",
            fix="Write it without the inner repetition, and bound the text with `maxLength`.",
            references=("OWASP API4:2023", "CWE-1333"),
        ),
        "data",
        _explosive,
    ),
    SchemaRule(
        _check(
            "number-unbounded",
            "Numbers without bounds",
            Severity.LOW,
            why="What a number multiplies, such as a page's size, is unlimited, and negative where "
            "nobody thought of it.",
            attack="`?limit=1000000000` reads the whole table; `-1` pays money back.",
            fix="Write `minimum` and `maximum`.",
            references=("OWASP API4:2023", "CWE-1284"),
        ),
        "data",
        _number_unbounded,
    ),
    SchemaRule(
        _check(
            "integer-unsized",
            "Integers of any size",
            Severity.INFO,
            why="JSON has no size of integers: each language between here and the database cuts it "
            "off elsewhere.",
            attack="A number beyond 2^53 is another one behind the check than before it.",
            fix="Write `format: int32` or `int64`, or both bounds.",
            references=("OWASP API4:2023", "RFC 8259 §6", "CWE-190"),
        ),
        "data",
        _integer_unsized,
    ),
    SchemaRule(
        _check(
            "array-unbounded",
            "Lists of any length",
            Severity.LOW,
            why="Each item costs work, and one request may bring a million of them.",
            attack="One request does the work of a million, under every limit that counts requests.",
            fix="Write `maxItems`.",
            references=("OWASP API4:2023", "CWE-770"),
        ),
        "data",
        _list_unbounded,
    ),
    SchemaRule(
        _check(
            "answer-unbounded",
            "Answers of any length",
            Severity.INFO,
            why="A list without `maxItems` as an answer means that nothing is read page by page.",
            attack="A cheap request makes the server gather everything there is, again and again.",
            fix="Answer in pages, and write `maxItems`.",
            references=("OWASP API4:2023",),
        ),
        "data",
        _answer_unbounded,
    ),
    SchemaRule(
        _check(
            "map-unbounded",
            "Objects with any number of keys",
            Severity.LOW,
            why="Keys that callers choose are stored, indexed and compared like everything else.",
            attack="One request with a million keys does the work of a million.",
            fix="Write `maxProperties`, and `propertyNames` with a `maxLength` in 3.1.",
            references=("OWASP API4:2023", "OWASP API3:2023", "CWE-770"),
        ),
        "data",
        _map_unbounded,
    ),
    SchemaRule(
        _check(
            "schema-anything",
            "Something of which nothing is said",
            Severity.LOW,
            why="No tool can check it, and whatever is sent reaches the code as it is.",
            attack="Fields, types and depths that nobody expected end in the database or in a crash.",
            fix="Say `type` and what belongs to it.",
            references=("OWASP API3:2023", "OWASP API8:2023", "CWE-20"),
        ),
        "data",
        _anything,
    ),
    SchemaRule(
        _check(
            "union-anything",
            "A union that lets everything through",
            Severity.MEDIUM,
            why="One empty branch makes all others worthless: whatever is sent fits.",
            attack="What the other branches forbid is sent, and is valid.",
            fix="Remove the empty branch, or say what it means.",
            references=("OWASP API8:2023", "JSON Schema Core §10.2.1", "CWE-20"),
        ),
        "data",
        _open_union,
    ),
    OperationRule(
        _check(
            "input-untyped",
            "Input without a schema",
            Severity.MEDIUM,
            why="No tool can check it, and whatever is sent reaches the code as it is.",
            attack="Fields, types and depths that nobody expected end in the database or in a crash.",
            fix="Write a schema for each body and parameter.",
            references=("OWASP API8:2023", "CWE-20"),
        ),
        "data",
        _untyped,
    ),
    OperationRule(
        _check(
            "media-type-any",
            "Bodies of any media type",
            Severity.LOW,
            why="Frameworks choose a parser by what the caller says, also one that nobody meant to offer.",
            attack="XML with external entities, or a form from a foreign page, goes where JSON was meant.",
            fix="Name the media types, and answer 415 to others.",
            references=("OWASP API8:2023", "RFC 9110 §15.5.16"),
        ),
        "data",
        _any_type,
    ),
    OperationRule(
        _check(
            "upload-unbounded",
            "Uploads without a limit",
            Severity.MEDIUM,
            why="Nothing tells how large a file may be, so that each machine on the way decides for itself.",
            attack="A few uploads of gigabytes fill memory or disk.",
            fix="Write `maxLength` (bytes, where the schema is binary), name the media types, and "
            "answer 413.",
            references=("OWASP API4:2023", "CWE-434", "CWE-770"),
        ),
        "data",
        _upload,
    ),
    SchemaRule(
        _check(
            "secret-in-answer",
            "Secrets are answered",
            Severity.HIGH,
            why="A password or key in an answer lies in caches, logs and browsers; and it is kept in "
            "a readable form.",
            attack="Whoever may read one record, or one log, has what opens the account.",
            fix="Mark it `writeOnly: true`, and show a secret once, when it is made.",
            references=("OWASP API3:2023", "CWE-200", "CWE-522"),
            recommendation="like-passwords",
        ),
        "data",
        _secret_answered,
    ),
    SchemaRule(
        _check(
            "personal-data-in-answer",
            "Numbers that identify or pay are answered",
            Severity.MEDIUM,
            why="What is answered is also stored by clients; each caller that may see a record sees "
            "this too.",
            attack="One broken check of who owns a record gives away identities and means of payment.",
            fix="Answer it masked, or only by an operation with a scope of its own.",
            references=("OWASP API3:2023", "CWE-359"),
            recommendation="access-by-risk",
        ),
        "data",
        _personal_answered,
    ),
    OperationRule(
        _check(
            "personal-data-in-url",
            "Numbers that identify or pay, in the URL",
            Severity.MEDIUM,
            why="URLs stay in logs of servers and proxies, in histories of browsers and in `Referer` "
            "headers.",
            attack="Whoever can read a log of any machine on the way collects identities.",
            fix="Take it from the body of a POST, or name the record by a random id.",
            references=("OWASP API3:2023", "RFC 9110 §17.9", "CWE-598"),
            recommendation="like-passwords",
        ),
        "data",
        _personal_in_url,
    ),
    SchemaRule(
        _check(
            "error-internals",
            "Refusals tell of the machine room",
            Severity.MEDIUM,
            why="Traces, queries and names of classes tell versions, paths and structures.",
            attack="Each error that is provoked is a map for the next attempt.",
            fix="Answer `application/problem+json` with an id, and write the rest into the log.",
            references=("OWASP API8:2023", "RFC 9457 §5", "CWE-209"),
            recommendation="trust-no-one",
        ),
        "data",
        _internals,
    ),
    SchemaRule(
        _check(
            "ssrf-parameter",
            "Callers name an address",
            Severity.LOW,
            why="If the server fetches it, whoever calls decides where from: also from inside; if it "
            "redirects, where to.",
            attack="`http://169.254.169.254/` gives the cloud's credentials; a link to a sign-in "
            "page leads elsewhere.",
            fix="Take an id in place of an address; else a list of hosts, `pattern: ^https://`, and "
            "no private addresses.",
            references=("OWASP API7:2023", "CWE-918", "CWE-601"),
            recommendation="as-code",
        ),
        "data",
        _address,
    ),
)
