"""Telling a server that tokens are wanted no more (RFC 7009)."""

from tokenward.client.errors import TokenError
from tokenward.client.flow import Flow
from tokenward.client.record import Record
from tokenward.client.server import Server
from tokenward.client.token_request import TRIES, Requester
from tokenward.flows.errors import FlowError
from tokenward.flows.token import form


def revocation(record: Record, server: Server, requester: Requester, *, tries: int = TRIES) -> Flow[None]:
    """End what was kept: by its refresh token, which takes all along (§2.1), or else the access token.

    A server without a revocation endpoint is told nothing.

    Raises:
        TokenError: it refuses.
        ServerUnavailable: it does not answer.
    """
    metadata = yield from server.metadata()
    if not metadata.revocation_endpoint:
        return

    def read(status: int, _body: bytes) -> None:
        if status != 200:
            raise FlowError("not_revoked", f"{server.issuer} answered {status}")

    body = form(token=(record.refresh_token or record.token.value).reveal())
    try:
        yield from requester.post(metadata, "revocation_endpoint", lambda: body, read, tries=tries)
    except FlowError as error:
        raise TokenError(error.code, error.text) from None
