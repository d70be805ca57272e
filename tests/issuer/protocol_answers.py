"""Holds what the OAuth endpoints answer, and every form that they took, against the published document."""

import json
from functools import cache
from urllib.parse import parse_qsl

import httpx
import jsonschema_rs

from tokenward.app.protocol_document import document

DOCUMENT = document()


@cache
def _validator(schema):
    return jsonschema_rs.validator_for({**json.loads(schema), "components": DOCUMENT["components"]})


def why_not(schema, value):
    """What is wrong with a value, or None."""
    error = next(_validator(json.dumps(schema)).iter_errors(value), None)
    return None if error is None else f"{error.instance_path}: {error.message}"


def check(request, response):
    """Fail unless the document says that this may be answered to that."""
    operations = DOCUMENT["paths"].get(request.url.path)
    method = "get" if request.method == "HEAD" else request.method.lower()
    if operations is None or method == "options":
        return
    where = f"{request.method} {request.url.path}: {response.status_code}"
    if method not in operations:
        documented = {name.upper() for name in operations} | ({"HEAD"} if "get" in operations else set())
        assert (response.status_code, set(response.headers["allow"].split(", "))) == (405, documented), where
        return
    operation = operations[method]
    told = operation["responses"].get(str(response.status_code))
    assert told is not None, f"{where} is not documented"
    for name, header in told.get("headers", {}).items():
        assert name in response.headers or not header.get("required"), f"{where} has no {name}"
        if name in response.headers:
            value = response.headers[name]
            number = header["schema"]["type"] == "integer"
            assert why_not(header["schema"], int(value) if number else value) is None, where
    # A 303 has taken nothing yet: what is wrong with a form that is sent on to GET is told there.
    if response.is_success and request.content and "requestBody" in operation:
        (schema,) = (each["schema"] for each in operation["requestBody"]["content"].values())
        pairs = parse_qsl(request.content.decode())
        assert why_not(schema, dict(pairs)) is None, f"{where}: it was taken, and is not documented"
    if "content" not in told:
        assert response.content == b"", where
        return
    media_type = response.headers["content-type"].partition(";")[0]
    assert media_type in told["content"], f"{where} of {media_type}"
    if media_type == "application/json" and request.method != "HEAD":
        wrong = why_not(told["content"][media_type]["schema"], json.loads(response.content))
        assert wrong is None, f"{where}: {wrong}"


class Documented(httpx.ASGITransport):
    """Answers as the application does, if the document says that it may."""

    async def handle_async_request(self, request):
        response = await super().handle_async_request(request)
        await response.aread()
        check(request, response)
        return response
