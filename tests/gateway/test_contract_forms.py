"""Forms under a contract: read in one way or refused, each field by its declared type."""

import asyncio
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.shop import ANSWERS, compiled, scalar
from gateway.test_contract_documents import problems
from tokenward.gateway.access import AccessRequest, HeldBody
from tokenward.gateway.contract.multipart import MAX_FIELDS
from tokenward.gateway.contract.operation import MAX_BODY

FORM, MULTIPART = "application/x-www-form-urlencoded", "multipart/form-data"
SCHEMA = {
    "type": "object",
    "required": ["name"],
    "additionalProperties": False,
    "properties": {
        "name": scalar("string", maxLength=10),
        "count": scalar("integer", minimum=1, maximum=9),
        "gift": scalar("boolean"),
        "code": {"type": ["integer", "string"], "maxLength": 3, "maximum": 5},
        "tags": {"type": "array", "maxItems": 2, "items": scalar("integer")},
        "ids": {"type": "array", "items": scalar("integer")},
        "place": {"type": "object", "required": ["town"], "properties": {"town": scalar("string")}},
        "id": scalar("integer", readOnly=True),
    },
}


def document(schema, kind, **media):
    content = {kind: {"schema": schema, **media}}
    operation = {"requestBody": {"required": True, "content": content}, **ANSWERS}
    return {
        "openapi": "3.1.0",
        "info": {"title": "A", "version": "1"},
        "paths": {"/a": {"post": operation}},
    }


def held(data, content_type=FORM, *, schema=SCHEMA, body=None, **media):
    told = document(schema, content_type.partition(";")[0], **media)
    (operation,) = compiled(document=told, risk="low")
    headers = ((b"content-type", content_type.encode()),)
    request = AccessRequest("POST", b"", b"", headers, "", body=body or HeldBody(data))
    return [str(each) for each in asyncio.run(operation.contract.body(request))]


FORMS = (
    (b"name=tea", None),
    (b"name=t%65a+%C3%A9&count=9&gift=true", None),
    (b"&name=tea&&count=1&", None),
    (b"count=1", "body: required"),
    (b"name=tea&name=milk", "form /name: repeated"),
    (b"name=tea&n%61me=milk", "form /name: repeated"),
    (b"name=tea&count=1&count=2", "form /count: repeated"),
    (b"name=tea&count=0", "body /count: minimum"),
    (b"name=tea&count=01", "body /count: type"),
    (b"name=tea&count=%2B1", "body /count: type"),
    (b"name=tea&count=1.0", "body /count: type"),
    (b"name=tea&count=", "body /count: type"),
    (b"name=tea&gift=True", "body /gift: type"),
    (b"name=tea&gift=1", "body /gift: type"),
    (b"name=" + b"x" * 11, "body /name: maxLength"),
    (b"name=7", None),
    (b"name=tea&code=5", None),
    (b"name=tea&code=6", None),
    (b"name=tea&code=6666", "body /code: maxLength"),
    (b"name=tea&tags=1&tags=2", None),
    (b"name=tea&tags=1", None),
    (b"name=tea&tags=1&tags=2&tags=3", "body /tags: maxItems"),
    (b"name=tea&tags=1,2", "body /tags/0: type"),
    (b"name=tea&tags[]=1", "body: additionalProperties"),
    (b"name=tea&isAdmin=true", "body: additionalProperties"),
    (b"name=tea&isAdmin=true&isAdmin=false", "form: repeated"),
    (b"name=tea&id=1", "body /id: falseSchema"),
    (b"name=tea&place=%7B%22town%22%3A%22Bern%22%7D", None),
    (b"name=tea&place=%7B%22town%22%3A1%7D", "body /place/town: type"),
    (b"name=tea&place=%7B%7D&place=%7B%7D", "form /place: repeated"),
    (b"name=tea&place=%7B%22a%22%3A1%2C%22a%22%3A2%7D", "json /place: syntax"),
    (b"name=tea&place=" + b"%5B" * 33 + b"%5D" * 33, "size /place: levels"),
    (b"name=tea&place=%7B%22a%22%3A" + b"[" * 31 + b"]" * 31 + b"%7D", "size: levels"),
    (b"name=tea;count=1", "form: ambiguous"),
    (b"name=%ff", "form /name: encoding"),
    (b"name=%zz", "form /name: encoding"),
    (b"%zz=1", "form: encoding"),
    (b"name=tea" + b"&x=1" * MAX_FIELDS, "size: fields"),
    (b"name=" + b"x" * MAX_BODY, "size: bytes"),
    (b"", "body: required"),
)


@pytest.mark.parametrize(("data", "rule"), FORMS, ids=lambda it: str(it)[:40])
def test_each_field_of_a_form_is_read_by_its_type_or_not_at_all(data, rule):
    assert held(data) == ([rule] if rule else [])


def test_a_list_may_be_one_text_where_the_document_says_so():
    encoding = {"ids": {"style": "form", "explode": False}}
    assert held(b"name=tea&ids=1,2", encoding=encoding) == []
    assert held(b"name=tea&ids=1%2C2", encoding=encoding) == ["body /ids/0: type"]
    assert held(b"name=tea&ids=1&ids=2", encoding=encoding) == ["form /ids: repeated"]


def part(value, disposition='form-data; name="name"', *more):
    lines = [f"Content-Disposition: {disposition}", *more] if disposition is not None else list(more)
    return b"--B\r\n" + "\r\n".join([*lines, "", ""]).encode() + value + b"\r\n"


def named(name, value):
    return part(value, f'form-data; name="{name}"')


END = b"--B--\r\n"
TEA = part(b"tea")
MULTIPARTS = (
    (TEA + END, None),
    (TEA + b"--B--", None),
    (TEA + named("count", b"9") + named("tags", b"1") + named("tags", b"2") + END, None),
    (part(b"tea", 'form-data; name="name"', "Content-Type: text/plain; charset=utf-8") + END, None),
    (named("count", b"9") + END, "body: required"),
    (TEA + TEA + END, "form /name: repeated"),
    (TEA + named("count", b"10") + END, "body /count: maximum"),
    (TEA + named("isAdmin", b"true") + END, "body: additionalProperties"),
    (TEA + named("place", b'{"town": "Bern"}') + END, None),
    (TEA + named("place", b"{}") + END, "body /place: required"),
    (part(b"\xff") + END, "form /name: encoding"),
    (part(b"x" * 11) + END, "body /name: maxLength"),
    (part(b"tea", 'form-data; name="name"; filename="a"') + END, "form: file"),
    (part(b"tea", "form-data; name=\"name\"; filename*=UTF-8''a") + END, "form: file"),
    (part(b"tea", "form-data; name=name") + END, "form: header"),
    (part(b"tea", 'form-data; name="na\\me"') + END, "form: header"),
    (part(b"tea", 'form-data; name="name"; name="count"') + END, "form: header"),
    (part(b"tea", "form-data; name*=UTF-8''name") + END, "form: header"),
    (part(b"tea", 'attachment; name="name"') + END, "form: header"),
    (part(b"tea", None, "Content-Type: text/plain") + END, "form: header"),
    (
        part(b"tea", 'form-data; name="name"', 'Content-Disposition: form-data; name="x"') + END,
        "form: header",
    ),
    (part(b"dGVh", 'form-data; name="name"', "Content-Transfer-Encoding: base64") + END, "form: header"),
    (part(b"tea", 'form-data; name="name"', *(f"X-{n}: 1" for n in range(9))) + END, "form: syntax"),
    (part(b"tea", 'form-data; name="name"', "X-A: " + "x" * 2000) + END, "form: syntax"),
    (TEA, "form: boundary"),
    (TEA + b"--B", "form: boundary"),
    (b"preamble\r\n" + TEA + END, "form: syntax"),
    (b"\r\n" + TEA + END, "form: boundary"),
    (TEA + END + b"epilogue", "form: boundary"),
    (TEA + END + named("count", b"9") + END, "form: boundary"),
    (part(b"a\n--B\ncontent") + END, "form: boundary"),
    (part(b"a\r\n--Bogus") + END, "form: boundary"),
    (TEA.replace(b"\r\n", b"\n") + END, "form: syntax"),
    (b"--B--\r\n", "form: boundary"),
    (named("x", b"1") * MAX_FIELDS + TEA + END, "size: fields"),
)


@pytest.mark.parametrize(("data", "rule"), MULTIPARTS, ids=lambda it: str(it)[:60])
def test_each_field_in_many_parts_is_read_by_its_type_or_not_at_all(data, rule, caplog):
    for name in [name for name in logging.root.manager.loggerDict if "multipart" in name]:
        logging.getLogger(name).disabled = False  # as whoever configures logging leaves it
    caplog.set_level(logging.DEBUG)
    assert held(data, f"{MULTIPART}; boundary=B") == ([rule] if rule else [])
    assert not [it for it in caplog.records if "multipart" in it.name], "what was sent is nobody's to log"


@pytest.mark.parametrize(
    "parameter", ["", "boundary=", "boundary=" + "B" * 71, 'boundary="B "', 'boundary="B\\""']
)
def test_a_boundary_is_one_that_every_program_reads_alike(parameter):
    assert held(TEA + END, f"{MULTIPART}; {parameter}")[0] in {"form: boundary", "media_type: malformed"}


FILES = (
    scalar("string", format="binary"),
    scalar("string", contentMediaType="image/png"),
    {"type": "array", "items": scalar("string", format="binary")},
    {},
)


class Unread:
    expected = True

    async def read(self, _limit):
        raise AssertionError("it streams")


@pytest.mark.parametrize("file", FILES, ids=str)
def test_a_form_with_files_streams(file):
    schema = {"type": "object", "properties": {"name": scalar("string"), "picture": file}}
    assert held(b"", f"{MULTIPART}; boundary=B", schema=schema, body=Unread()) == []
    assert held(b"", f"{MULTIPART}; boundary=B", schema={"type": "object"}, body=Unread()) == []


def test_a_field_that_may_be_a_list_or_a_text_has_to_be_decided_on():
    either = {"type": "object", "properties": {"a": {"type": ["string", "array"]}}}
    ((where, text),) = problems(document(either, FORM))
    assert where[-1] == "a"
    assert "list or object" in text


def test_a_form_of_another_charset_is_refused():
    assert held(b"name=tea", f"{FORM}; charset=utf-16") == ["media_type: charset"]
    assert held(b"name=tea", f"{FORM}; charset=UTF-8") == []


_PIECES = st.sampled_from([TEA, END, b"--B", b"\r\n", b":", b"x"])


@given(data=st.binary(max_size=200) | st.lists(_PIECES).map(b"".join))
def test_whatever_is_sent_is_told_by_documented_names(data):
    for content_type in (FORM, f"{MULTIPART}; boundary=B"):
        for told in held(data, content_type):
            assert told.split(":")[0].split(" ")[0] in {"body", "form", "size", "json"}
