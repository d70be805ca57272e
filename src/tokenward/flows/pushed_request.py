"""An authorization request that goes to the server itself, and not through the browser (RFC 9126)."""

from urllib.parse import urlencode

from tokenward.flows.authorization import AuthorizationRequest, server_error
from tokenward.flows.errors import FlowError
from tokenward.flows.token import json_answer, text_of

_MAX_URI = 2048


def body(request: AuthorizationRequest) -> bytes:
    """The form that is pushed (§2.1); how the client proves who it is comes on top of it."""
    return urlencode(request.parameters).encode()


def read(status: int, answer: bytes) -> str:
    """The `request_uri` by which the server knows the request (§2.2).

    Raises:
        FlowError: the server refused, or the answer is none.
    """
    said = json_answer(status, answer)
    if status not in {200, 201}:
        raise server_error(said.get("error"), said.get("error_description"))
    uri = text_of(said, "request_uri", required=True) or ""
    if not (uri.isascii() and uri.isprintable()) or " " in uri or len(uri) > _MAX_URI:
        raise FlowError("malformed_response", "request_uri is no URI")
    return uri
