"""What is taken of which little or nothing is said."""

from collections.abc import Iterator

from tokenward.auditor.openapi.rule import Hit, OperationRule, Rule, SchemaRule, Subject, data_check
from tokenward.auditor.openapi.schemas import COMBINATIONS, Schema
from tokenward.auditor.openapi.view import Operation
from tokenward.base.severity import Severity

_OF_OBJECTS = ("properties", "additionalProperties", "patternProperties", "maxProperties", "enum")
_UPLOADS = frozenset({"application/octet-stream", "application/zip", "image/*", "video/*", "*/*"})


def _anything(schema: Schema) -> Iterator[Hit]:
    fields = schema.node.fields
    if schema.direction != "request" or schema.part:
        return
    if schema.node.up is not None and schema.node.up.key in {"anyOf", "oneOf"}:  # `union-anything` tells it
        return
    named = not schema.types and fields.keys().isdisjoint({*COMBINATIONS, "enum", "const", "if", "pattern"})
    bare = schema.types == {"object"} and fields.keys().isdisjoint({*COMBINATIONS, *_OF_OBJECTS})
    if named:
        yield Hit(schema.node, f"{schema.label}, may be anything.")
    elif bare:
        yield Hit(schema.node, f"{schema.label}, is an object of which nothing is known.")


def _open_union(schema: Schema) -> Iterator[Hit]:
    if schema.direction != "request":
        return
    for key in ("anyOf", "oneOf"):
        for branch in schema.node.items(key):
            if branch.value in ({}, True):
                yield Hit(branch, f"{schema.label}: a branch of `{key}` lets everything through.")


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


RULES: tuple[Rule, ...] = (
    SchemaRule(
        data_check(
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
        data_check(
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
        data_check(
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
        data_check(
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
        data_check(
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
)
