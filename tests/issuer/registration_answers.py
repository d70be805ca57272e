"""Holds requests for registration that were taken, and every answer, against the published document."""

import json

import jsonschema_rs

from tokenward.app.registration_document import document

DOCUMENT = document()


def _why_not(schema, value):
    whole = {**schema, "components": DOCUMENT["components"]}
    error = next(jsonschema_rs.validator_for(whole).iter_errors(value), None)
    return None if error is None else f"{error.instance_path}: {error.message}"


def checked(response):
    """The response, if the document says that this may be answered to that."""
    request = response.request
    operation = DOCUMENT["paths"][request.url.path][request.method.lower()]
    told = operation["responses"].get(str(response.status_code))
    assert told is not None, f"{request.method}: {response.status_code} is not documented"
    if "requestBody" in operation and response.is_success:
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        assert _why_not(schema, json.loads(request.content)) is None, "it was taken, and is not documented"
    if "content" in told:
        assert response.headers["content-type"] == "application/json"
        assert _why_not(told["content"]["application/json"]["schema"], response.json()) is None
    else:
        assert response.content == b""
    if response.status_code == 401:
        assert response.headers["www-authenticate"].startswith("Bearer")
    return response
