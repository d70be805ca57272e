"""Where to send a browser with an authorization request: pushed ahead of it where the server takes that."""

from tokenward.client.errors import TokenError
from tokenward.client.flow import Flow
from tokenward.client.token_request import Requester, refused
from tokenward.flows import pushed_request
from tokenward.flows.authorization import AuthorizationRequest
from tokenward.flows.errors import FlowError
from tokenward.flows.metadata import ServerMetadata

_ENDPOINT = "pushed_authorization_request_endpoint"


def browser_url(requester: Requester, server: ServerMetadata, request: AuthorizationRequest) -> Flow[str]:
    """The URL for the browser.

    With a pushed request (RFC 9126) nobody on the way through the browser reads or changes what is asked. A
    server that offers it is always asked so: whoever could make it fail could otherwise have the rest.

    Args:
        requester: who asks, as at the token endpoint (§2).
        server: of whom.
        request: what is asked.

    Raises:
        TokenError: the server refuses, or wants requests pushed and does not say where.
        ServerUnavailable: it does not answer.
    """
    if not server.endpoint(_ENDPOINT):
        if server.requires_pushed_requests:
            raise TokenError(
                "wrong_metadata", f"{server.issuer} wants requests pushed and does not say where"
            )
        return request.url
    form = pushed_request.body(request)
    try:
        uri = yield from requester.post(server, _ENDPOINT, lambda: form, pushed_request.read)
    except FlowError as error:
        raise refused(error) from None
    return request.pushed_url(uri)
