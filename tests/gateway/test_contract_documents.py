"""What a document can say, in both dialects, and what is told where it says what nobody can check."""

import asyncio

import pytest

from gateway.shop import ANSWERS, body, compiled, parameter, scalar
from tokenward.gateway.access import AccessRequest, HeldBody
from tokenward.gateway.openapi import ApiRules, operations


def document(schema=None, *, version="3.1.0", parameters=(), schemas=None, **operation):
    if schema is not None:
        operation["requestBody"] = body(schema)
    return {
        "openapi": version,
        "info": {"title": "A", "version": "1"},
        "paths": {"/a/{id}": {"post": {"parameters": list(parameters), **operation, **ANSWERS}}},
        "components": {"schemas": schemas or {}},
    }


def violations(told, data=b"", *, query=b"", headers=(), below="/a/1"):
    (operation,) = compiled(document=told, risk="low")
    if data:
        headers = (*headers, (b"content-type", b"application/json"))
    request = AccessRequest("POST", b"", query, tuple(headers), "", body=HeldBody(data))
    found = list(operation.contract.head(request, below))
    if operation.contract.reads_body(request):
        found += asyncio.run(operation.contract.body(request))
    return [str(each) for each in found]


def problems(told, severity="error"):
    _, found = operations(told, ApiRules(risk="low", contract="enforce"))
    assert all(each.remedy.endswith(".") for each in found)
    return [(each.location, each.text) for each in found if each.severity == severity]


@pytest.mark.parametrize(
    ("schema", "good", "bad"),
    [
        (scalar("string", nullable=True), (b"null", b'"a"'), (b"1",)),
        (scalar("string"), (b'"a"',), (b"null",)),
        ({"nullable": True, "enum": ["a"]}, (b'"a"',), (b"null",)),
        (scalar("integer", minimum=1, exclusiveMinimum=True), (b"2",), (b"1",)),
        (scalar("integer", minimum=1, exclusiveMinimum=False), (b"1",), (b"0",)),
        (scalar("number", maximum=1, exclusiveMaximum=True), (b"0.9",), (b"1",)),
        (scalar("integer", format="int32"), (b"2147483647", b"-2147483648"), (b"2147483648",)),
        (scalar("integer", format="int64"), (b"9223372036854775807",), (b"9223372036854775808",)),
        (scalar("string", format="password"), (b'"anything"',), (b"1",)),
        (scalar("string", format="uuid"), (b'"123e4567-e89b-12d3-a456-426614174000"',), (b'"1"',)),
        (scalar("string", example=7, xml={}, externalDocs={}), (b'"a"',), (b"7",)),
        (
            {"$ref": "#/components/schemas/Text", "maxLength": 1},
            (b'"two"',),  # what stands beside $ref is ignored
            (b"1",),
        ),
        (
            {"type": "object", "properties": {"nullable": scalar("string"), "example": scalar("string")}},
            (b'{"nullable": "a", "example": "b"}',),  # names of properties are no keywords
            (b'{"nullable": 1}', b'{"example": 1}'),
        ),
    ],
    ids=str,
)
def test_openapi_3_0_in_the_words_of_2020_12(schema, good, bad):
    told = document(schema, version="3.0.3", schemas={"Text": scalar("string")})
    assert [violations(told, data) for data in good] == [[]] * len(good)
    assert all(violations(told, data) for data in bad)


@pytest.mark.parametrize(
    ("schema", "good", "bad"),
    [
        (scalar(["string", "null"]), (b"null",), (b"1",)),
        (scalar("number", exclusiveMinimum=1), (b"1.1",), (b"1",)),
        ({"$ref": "#/components/schemas/Text", "maxLength": 1}, (b'"a"',), (b'"two"',)),
        (scalar("string", nullable=True), (b'"a"',), (b"null",)),  # 3.1 knows no such word
        ({"prefixItems": [scalar("string")], "items": False}, (b'["a"]',), (b"[1]", b'["a", 1]')),
        ({"const": {"a": [1]}}, (b'{"a": [1.0]}',), (b'{"a": [2]}',)),
        ({"if": scalar("string"), "then": {"minLength": 2}}, (b'"ab"', b"1"), (b'"a"',)),
        (True, (b"1",), ()),
        (
            {"properties": {"a": scalar("string")}, "unevaluatedProperties": False},
            (b'{"a":"b"}',),
            (b'{"b":1}',),
        ),
        ({"$ref": "#/components/schemas/List"}, (b'{"next": {"next": {}}}',), (b'{"next": {"next": 1}}',)),
        ({"$ref": "#/components/schemas/a~1b%20c"}, (b"true",), (b"1",)),
        ({"$ref": "#/components/schemas/Alias"}, (b'"a"',), (b"1",)),
    ],
    ids=str,
)
def test_openapi_3_1_is_json_schema(schema, good, bad):
    schemas = {
        "Text": scalar("string"),
        "Alias": {"$ref": "#/components/schemas/Text"},
        "List": {"type": "object", "properties": {"next": {"$ref": "#/components/schemas/List"}}},
        "a/b c": scalar("boolean"),
    }
    told = document(schema, schemas=schemas)
    assert [violations(told, data) for data in good] == [[]] * len(good)
    assert all(violations(told, data) for data in bad)


def test_what_only_the_server_sets_is_found_behind_references_too():
    schemas = {"Id": scalar("integer", readOnly=True), "Base": {"properties": {"at": {"readOnly": True}}}}
    schema = {
        "allOf": [{"$ref": "#/components/schemas/Base"}],
        "required": ["id", "name"],
        "properties": {"id": {"$ref": "#/components/schemas/Id"}, "name": scalar("string")},
    }
    told = document(schema, schemas=schemas)
    assert violations(told, b'{"name": "a"}') == []
    assert violations(told, b'{"name": "a", "id": 1}') == ["body /id: falseSchema"]
    assert violations(told, b'{"name": "a", "at": 1}') == ["body /at: falseSchema"]


AT = ("paths", "/a/{id}", "post", "requestBody", "content", "application/json", "schema")


@pytest.mark.parametrize(
    ("schema", "location", "text"),
    [
        (scalar("strin"), (*AT, "type"), "`type` has a value"),
        ({"properties": {"a": {"minLength": "1"}}}, (*AT, "properties", "a", "minLength"), "`minLength` has"),
        ({"pattern": "^(?=a)"}, (*AT, "pattern"), "backtracks"),
        ({"pattern": r"(a)\1"}, (*AT, "pattern"), "backtracks"),
        ({"items": {"pattern": "("}}, (*AT, "items", "pattern"), "no regular expression"),
        ({"pattern": "((a{100}){100}){100}"}, (*AT, "pattern"), "no regular expression"),
        ({"patternProperties": {"(?!x)": True}}, (*AT, "patternProperties", "(?!x)"), "backtracks"),
        ({"$ref": "other.yaml#/A"}, (*AT, "$ref"), "leaves the document"),
        ({"$ref": "http://127.0.0.1/a"}, (*AT, "$ref"), "leaves the document"),
        ({"$ref": "#/components/schemas/None"}, (*AT, "$ref"), "points at nothing"),
        ({"$ref": "#anchor"}, (*AT, "$ref"), "leaves the document"),
        ({"$ref": 7}, (*AT, "$ref"), "leaves the document"),
        ({"$dynamicRef": "#a"}, (*AT, "$dynamicRef"), "not followed"),
        ({"$ref": "#/components/schemas/Loop"}, (*AT, "$ref"), "circle"),
        ({"$ref": "#/components/schemas/Broken"}, ("components", "schemas", "Broken", "type"), "`type` has"),
        ("text", AT, "no schema"),
        ({"properties": {"a": 7}}, (*AT, "properties", "a"), "no schema"),
    ],
    ids=str,
)
def test_a_schema_that_cannot_be_checked_is_told_with_its_place(schema, location, text):
    schemas = {"Loop": {"$ref": "#/components/schemas/Loop"}, "Broken": scalar("strin")}
    ((where, told),) = problems(document(schema, schemas=schemas))
    assert where == location
    assert text in told


def test_an_unknown_dialect_is_told():
    told = {**document(scalar("string")), "jsonSchemaDialect": "http://json-schema.org/draft-04/schema#"}
    assert problems(told) == [(("jsonSchemaDialect",), "this dialect of JSON Schema is not known here")]


OBJECT = {"type": "object", "properties": {"a": scalar("integer"), "b": scalar("string")}}


@pytest.mark.parametrize(
    ("told", "text"),
    [
        (parameter("a", "query", OBJECT, style="spaceDelimited"), "style spaceDelimited"),
        (parameter("a", "query", {"type": "array"}, style="pipeDelimited"), "style pipeDelimited"),
        (parameter("a", "query", scalar("string"), style="deepObject"), "deepObject is not read here for"),
        (parameter("id", "path", scalar("string"), style="matrix", required=True), "style matrix"),
        (parameter("id", "path", scalar("string"), style="label", required=True), "style label"),
        (parameter("a", "cookie", {"type": "array"}), "no cookie"),
        (parameter("a", "query", {"type": ["array", "string"]}), "a list or object, or something else"),
        (parameter("a", "query", {"type": "array", "items": {"type": "array"}}), "nests"),
        (
            parameter("a", "query", {"type": "object", "properties": {"x": OBJECT}}, style="deepObject"),
            "nests",
        ),
        ({"name": "a", "in": "query"}, "no schema"),
        ({"name": "a", "in": "query", "content": {"text/plain": {}}}, "only JSON"),
        ({"name": "a", "in": "body", "schema": {}}, "no parameter"),
        ({"$ref": "#/components/parameters/None"}, "points at nothing"),
        (7, "no parameter"),
    ],
    ids=str,
)
def test_a_parameter_that_cannot_be_checked_is_told(told, text):
    ((where, found),) = problems(document(parameters=[told]))
    assert where[:4] == ("paths", "/a/{id}", "post", "parameters")
    assert text in found


@pytest.mark.parametrize(
    ("told", "good", "bad"),
    [
        (
            parameter("a", "query", OBJECT, explode=False),
            ("a=a,1,b,x",),
            ("a=a,x", "a=a,1,b", "a=a,1,a,2", "b=x"),
        ),
        (parameter("a", "query", OBJECT), ("a=1&b=x", "b=x"), ("a=x", "c=1", "a=1&a=2")),
        (parameter("a", "query", OBJECT, style="deepObject"), ("a[a]=1",), ("a[a]=x", "a=1", "a[c]=1")),
        (parameter("a", "query", OBJECT, required=True), ("a=1",), ("",)),
        (parameter("a", "query", scalar(["integer", "string"], maxLength=2)), ("a=1234", "a=ab"), ("a=abc",)),
        (
            parameter(
                "a", "query", {"anyOf": [{"type": "array", "items": scalar("integer")}, {"type": "null"}]}
            ),
            ("a=1&a=2",),
            ("a=x",),
        ),
        (parameter("a", "query", {"enum": [1, 2]}), ("a=1",), ("a=3", "a=one")),
        (parameter("a", "query", {"enum": ["1", "2"]}), ("a=1",), ("a=3",)),
        (parameter("a", "query", {}), ("a=anything", "a="), ("a=1&a=2",)),
        (parameter("a", "query", scalar("boolean"), allowEmptyValue=True), ("a", "a=", "a=true"), ("a=1",)),
        (parameter("a b", "query", scalar("string")), ("a+b=1", "a%20b=1"), ("a%2Bb=1",)),
        (
            parameter("a", "query", scalar("number")),
            ("a=1.5", "a=-0", "a=1e3"),
            ("a=.5", "a=1e999", "a=NaN", "a=1_0"),
        ),
    ],
    ids=str,
)
def test_styles_of_the_query(told, good, bad):
    told = document(parameters=[told])
    assert [violations(told, query=query.encode()) for query in good] == [[]] * len(good)
    assert all(violations(told, query=query.encode()) for query in bad)


def test_lists_in_path_and_headers():
    told = document(
        parameters=[
            parameter("id", "path", {"type": "array", "items": scalar("integer")}, required=True),
            parameter("X-Pairs", "header", OBJECT, explode=True),
            parameter("X-List", "header", {"type": "array", "items": scalar("string"), "maxItems": 2}),
        ]
    )
    assert violations(told, below="/a/1,2", headers=((b"x-pairs", b"a=1,b=x"), (b"x-list", b"a,b"))) == []
    assert violations(told, below="/a/1,b", headers=((b"x-pairs", b"a=x"), (b"x-list", b"a,b,c"))) == [
        "path id: type",
        "header x-pairs: type",
        "header x-list: maxItems",
    ]


def test_a_parameter_of_the_operation_replaces_one_of_the_path():
    told = document(parameters=[parameter("a", "query", scalar("integer"))])
    told["paths"]["/a/{id}"]["parameters"] = [
        parameter("a", "query", scalar("boolean")),
        parameter("b", "query", scalar("boolean"), required=True),
    ]
    assert violations(told, query=b"a=1&b=true") == []
    assert violations(told, query=b"a=true") == ["query a: type", "query b: required"]


def test_headers_that_openapi_leaves_out_are_no_parameters_and_others_never_arrive():
    told = document(
        parameters=[
            parameter("Authorization", "header", scalar("integer"), required=True),
            parameter("Content-Type", "header", scalar("integer")),
            parameter("X-User-Id", "header", scalar("integer")),
        ]
    )
    ((where, text),) = problems(told, "warning")
    assert (where[-1], text) == (2, "the header X-User-Id never reaches the API")
    assert problems(told) == []


@pytest.mark.parametrize(
    ("changes", "severity", "text"),
    [
        ({"deprecated": True}, "warning", "no answer tells since when"),
        ({"deprecated": True, "x-tokenward-deprecated": "soon"}, "error", "no date"),
        ({"deprecated": True, "x-tokenward-deprecated": 2026}, "error", "no date"),
        ({"deprecated": True, "x-tokenward-deprecated": "2026-01-01T00:00:00"}, "error", "no date"),
        ({"x-tokenward-deprecated": "2026-01-01"}, "error", "is not deprecated"),
        (
            {"deprecated": True, "x-tokenward-deprecated": "2026-02-01", "x-tokenward-sunset": "2026-01-01"},
            "error",
            "ends before",
        ),
        (
            {"x-tokenward-sunset": "2026-01-01", "x-tokenward-deprecation-link": "javascript:x"},
            "error",
            "no URL",
        ),
        (
            {"x-tokenward-sunset": "2026-01-01", "x-tokenward-deprecation-link": "https://a>\r\nx: y"},
            "error",
            "no URL",
        ),
    ],
    ids=str,
)
def test_dates_of_the_end_that_cannot_be_meant_are_told(changes, severity, text):
    told = problems(document(**changes), severity)
    assert [text in found for _, found in told] == [True]


def test_a_document_that_doubles_itself_with_every_reference_is_told_in_time():
    doubling = {
        f"D{level}": {"allOf": [{"$ref": f"#/components/schemas/D{level + 1}"}] * 2} for level in range(40)
    }
    told = document({"$ref": "#/components/schemas/D0"}, schemas={**doubling, "D40": scalar("object")})
    assert [text for _, text in problems(told)] == ["its schema is too large to check bodies by"]


def test_operations_share_the_validators_of_what_they_refer_to():
    told = document()
    told["components"]["schemas"]["A"] = {"properties": {"a": scalar("string", pattern="^a+$")}}
    told["components"]["requestBodies"] = {"A": body({"$ref": "#/components/schemas/A"})}
    told["paths"] = {
        f"/a{number}": {"post": {"requestBody": {"$ref": "#/components/requestBodies/A"}, **ANSWERS}}
        for number in range(3)
    }
    made = compiled(document=told, risk="low")
    assert len({id(each.contract.rule.content["application", "json"].validator) for each in made}) == 1
