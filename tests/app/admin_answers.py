"""A client of the admin API whose every answer is held against the published document."""

import json
import re

import httpx
import jsonschema_rs

from tokenward.app.admin import OPERATIONS
from tokenward.app.admin_document import document

DOCUMENT = document(OPERATIONS)
_FITS = {path: re.compile(re.sub(r"\{[a-z_]+\}", "[^/]+", path)) for path in DOCUMENT["paths"]}


def resolved(node):
    """What a reference to `#/components/KIND/NAME` stands for, or the node itself."""
    if "$ref" not in node:
        return node
    _, _, kind, name = node["$ref"].split("/")
    return DOCUMENT["components"][kind][name]


def why_not(schema, value):
    """What is wrong with a value, or None."""
    whole = {**schema, "components": DOCUMENT["components"]}
    error = next(jsonschema_rs.validator_for(whole).iter_errors(value), None)
    return None if error is None else f"{error.instance_path}: {error.message}"


def check(request, response):
    """Fail unless the document says that this may be answered."""
    path = request.url.path
    # A path of words only goes before one with a name in it.
    fitting = sorted((it for it in _FITS if _FITS[it].fullmatch(path)), key=lambda it: "{" in it)
    if not fitting or response.status_code == 421:
        assert response.status_code in (404, 421), f"{request.method} {path} is served and not documented"
        return
    operations = DOCUMENT["paths"][fitting[0]]
    if response.status_code == 405:
        documented = {name.upper() for name in operations} | ({"HEAD"} if "get" in operations else set())
        assert set(response.headers["allow"].split(", ")) == documented
        return
    method = "get" if request.method == "HEAD" else request.method.lower()
    told = operations[method]["responses"].get(str(response.status_code))
    where = f"{request.method} {fitting[0]}: {response.status_code}"
    assert told is not None, f"{where} is not documented"
    told = resolved(told)
    for name, header in told.get("headers", {}).items():
        schema = resolved(header)["schema"]
        value = response.headers[name]
        assert why_not(schema, int(value) if schema["type"] == "integer" else value) is None, where
    content = told.get("content", {})
    if not content:
        assert response.content == b"", where
        return
    media_type = response.headers["content-type"]
    assert media_type in content, f"{where} of {media_type}"
    if "json" in media_type and request.method != "HEAD":
        assert why_not(content[media_type]["schema"], json.loads(response.content)) is None, (
            f"{where}: {why_not(content[media_type]['schema'], json.loads(response.content))}"
        )


class Documented(httpx.ASGITransport):
    """Answers as the application does, if the document says that it may."""

    async def handle_async_request(self, request):
        response = await super().handle_async_request(request)
        await response.aread()
        check(request, response)
        return response
