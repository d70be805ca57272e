"""How much, and in what form, is taken and answered."""

from collections.abc import Iterator

from tokenward.auditor.openapi.patterns import anchored, bounded, explodes
from tokenward.auditor.openapi.rule import Hit, Rule, SchemaRule, data_check
from tokenward.auditor.openapi.schemas import COMBINATIONS, Schema
from tokenward.auditor.openapi.words import FREE_TEXT
from tokenward.base.severity import Severity

# Formats that say how long a text may be.
_SHORT_FORMATS = frozenset({
    "date", "date-time", "datetime", "time", "duration", "uuid", "guid", "ipv4", "ipv6", "int32",
    "int64", "decimal", "ulid", "year", "iso-8601",
})  # fmt: skip
_SIZED_ELSEWHERE = _SHORT_FORMATS | {"binary", "byte", "base64", "base64url"}
_NUMBERS = frozenset({"integer", "number"})
_SIZED_FORMATS = frozenset(
    {"int32", "int64", "int16", "int8", "uint8", "uint16", "uint32", "float", "double"}
)


def _is_text(schema: Schema) -> bool:
    chosen = "enum" in schema.said or "const" in schema.said
    return schema.direction == "request" and "string" in schema.types and not chosen


def _text_unbounded(schema: Schema) -> Iterator[Hit]:
    said = schema.said
    if not _is_text(schema) or "maxLength" in said:
        return
    format_, pattern = said.get("format"), said.get("pattern")
    short = isinstance(format_, str) and format_ in _SIZED_ELSEWHERE
    if not short and not (isinstance(pattern, str) and bounded(pattern)):
        yield Hit(schema.node, f"{schema.label}, has no `maxLength`.")


def _text_free(schema: Schema) -> Iterator[Hit]:
    said = schema.said
    if not _is_text(schema) or schema.name in FREE_TEXT:
        return
    if "pattern" not in said and "format" not in said and not any(key in said for key in COMBINATIONS):
        yield Hit(schema.node, f"{schema.label}, may be any text.")


def _unanchored(schema: Schema) -> Iterator[Hit]:
    pattern = schema.node.fields.get("pattern")
    if schema.direction == "request" and isinstance(pattern, str) and not anchored(pattern):
        yield Hit(schema.node, f"{schema.label}: {pattern[:100]}")


def _explosive(schema: Schema) -> Iterator[Hit]:
    pattern = schema.node.fields.get("pattern")
    if schema.direction == "request" and isinstance(pattern, str) and explodes(pattern):
        yield Hit(schema.node, f"{schema.label}: {pattern[:100]}")


def _number_unbounded(schema: Schema) -> Iterator[Hit]:
    said = schema.said
    if schema.direction != "request" or not schema.types & _NUMBERS or "enum" in said:
        return
    least = any(key in said for key in ("minimum", "exclusiveMinimum", "const"))
    most = any(key in said for key in ("maximum", "exclusiveMaximum", "const"))
    if not (least and most):
        missing = " and ".join(f"`{key}`" for key, has in (("minimum", least), ("maximum", most)) if not has)
        format_ = said.get("format")
        sized = isinstance(format_, str) and format_ in _SIZED_FORMATS
        yield Hit(schema.node, f"{schema.label}, has no {missing}.", Severity.INFO if sized else None)


def _integer_unsized(schema: Schema) -> Iterator[Hit]:
    said = schema.said
    if schema.direction == "request" and "integer" in schema.types:
        limited = "enum" in said or "const" in said or ("minimum" in said and "maximum" in said)
        if "format" not in said and not limited:
            yield Hit(schema.node, f"{schema.label}, has neither `format` nor both bounds.")


def _list_unbounded(schema: Schema) -> Iterator[Hit]:
    said = schema.said
    if "array" not in schema.types or "maxItems" in said or "enum" in said:
        return
    if "prefixItems" in said and said.get("items") is False:
        return
    if schema.direction == "request":
        yield Hit(schema.node, f"{schema.label}, has no `maxItems`.")


def _answer_unbounded(schema: Schema) -> Iterator[Hit]:
    if schema.direction != "response" or schema.name or schema.operation.kind != "path":
        return
    if "array" in schema.types and "maxItems" not in schema.said:
        yield Hit(schema.node, f"The answer of {schema.operation.label} is a list without end.")


def _map_unbounded(schema: Schema) -> Iterator[Hit]:
    said = schema.said
    if schema.direction != "request" or "maxProperties" in said or said.get("properties"):
        return
    if type(said.get("additionalProperties")) is dict:
        yield Hit(schema.node, f"{schema.label}, has no `maxProperties`.")


RULES: tuple[Rule, ...] = (
    SchemaRule(
        data_check(
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
        data_check(
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
        data_check(
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
        data_check(
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
        data_check(
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
        data_check(
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
        data_check(
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
        data_check(
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
        data_check(
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
)
