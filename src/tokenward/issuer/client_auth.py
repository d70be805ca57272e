"""Client authentication (RFC 6749 §2.3): which client speaks, and how it proved that.

A table of methods; a request uses exactly one. What is unknown, wrong, expired or of the wrong client type is
the same `invalid_client` for everybody outside; the log says which.
"""

import base64
import binascii
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import ceil

from tokenward.base.asgi import Scope, only_header
from tokenward.base.forms import form_decoded
from tokenward.base.problems import INVALID_CLIENT, MALFORMED, TOO_MANY_REQUESTS, Refusal
from tokenward.base.throttle import peer_network
from tokenward.issuer.context import Issuer
from tokenward.store.records import Client, ClientType, Credential
from tokenward.tokens import opaque

CONFIDENTIAL: frozenset[ClientType] = frozenset({"web", "service"})
"""Client types that can keep a secret, and must authenticate with it (RFC 6749 §2.1)."""


@dataclass(frozen=True, slots=True)
class AuthenticatedClient:
    """A client, and how it proved who it is: "none" for a public client, which proved nothing."""

    client: Client
    credential: Credential


@dataclass(frozen=True, slots=True)
class Presented:
    """What one method found in the request."""

    client_id: str
    secret: str | None = field(repr=False)


Reader = Callable[[Scope, Mapping[str, str]], Presented | None]


def _client_secret_basic(scope: Scope, form: Mapping[str, str]) -> Presented | None:
    """RFC 6749 §2.3.1, with both halves form-urlencoded before they are joined."""
    header = only_header(scope, b"authorization")
    if header is None:
        return None
    scheme, _, encoded = header.partition(b" ")
    if scheme.lower() != b"basic":
        raise Refusal(INVALID_CLIENT, "the Authorization scheme is not Basic")
    try:
        pair = base64.b64decode(encoded, validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        raise Refusal(INVALID_CLIENT, "the Basic credentials are not base64 of ASCII") from None
    name, colon, secret = pair.partition(":")
    try:
        client_id, secret = form_decoded(name), form_decoded(secret)
    except Refusal:
        raise Refusal(INVALID_CLIENT, "the Basic credentials are not form-urlencoded") from None
    if not (client_id and colon and secret):
        raise Refusal(INVALID_CLIENT, "the Basic credentials lack a half")
    if form.get("client_id", client_id) != client_id:
        raise Refusal(MALFORMED, "client_id differs between Authorization and body")
    return Presented(client_id, secret)


def _client_secret_post(_scope: Scope, form: Mapping[str, str]) -> Presented | None:
    if "client_secret" not in form:
        return None
    if "client_id" not in form:
        raise Refusal(INVALID_CLIENT, "a client_secret without client_id")
    return Presented(form["client_id"], form["client_secret"])


def _none(scope: Scope, form: Mapping[str, str]) -> Presented | None:
    """A public client only says who it is (RFC 6749 §3.2.1)."""
    if "client_id" not in form or "client_secret" in form or only_header(scope, b"authorization") is not None:
        return None
    return Presented(form["client_id"], None)


CLIENT_AUTHENTICATION: dict[str, Reader] = {
    "client_secret_basic": _client_secret_basic,
    "client_secret_post": _client_secret_post,
    "none": _none,
}


async def authenticate(issuer: Issuer, scope: Scope, form: Mapping[str, str]) -> AuthenticatedClient:
    """The client that sent this request.

    Raises:
        Refusal: INVALID_CLIENT; MALFORMED, more than one method was used (RFC 6749 §2.3);
            TOO_MANY_REQUESTS, the secret is wrong and so were too many before it from this peer.
    """
    found = [each for read in CLIENT_AUTHENTICATION.values() if (each := read(scope, form)) is not None]
    if not found:
        raise Refusal(INVALID_CLIENT, "no client authentication")
    if len(found) > 1:
        raise Refusal(MALFORMED, "more than one method of client authentication")
    presented = found[0]
    if presented.secret is None:
        return await _public(issuer, presented.client_id)
    return await _confidential(issuer, _peer(scope), presented.client_id, presented.secret)


async def authenticate_confidential(issuer: Issuer, scope: Scope, form: Mapping[str, str]) -> Client:
    """The same, for endpoints that serve only clients with a secret.

    Raises:
        Refusal: as `authenticate`.
    """
    caller = await authenticate(issuer, scope, form)
    if caller.credential == "none":
        raise Refusal(INVALID_CLIENT, "a public client at an endpoint for confidential ones")
    return caller.client


async def _public(issuer: Issuer, client_id: str) -> AuthenticatedClient:
    client = await issuer.store.client(client_id)
    if client is None:
        raise Refusal(INVALID_CLIENT, "unknown client_id")
    if client.type in CONFIDENTIAL:
        raise Refusal(INVALID_CLIENT, f"client {client.client_id} must present its secret")
    return AuthenticatedClient(client, "none")


async def _confidential(issuer: Issuer, peer: str, client_id: str, secret: str) -> AuthenticatedClient:
    try:
        client = await _client_of_secret(issuer, client_id, secret)
    except Refusal:
        # Only a wrong secret is told to wait; a right one never is, whoever else has been guessing. So nobody
        # can lock a client out, and 256 bits need no other protection from guessing than their number.
        if wait := issuer.wrong_secrets.take(peer_network(peer)):
            raise Refusal(TOO_MANY_REQUESTS, "too many wrong secrets", retry_after=ceil(wait)) from None
        raise
    return AuthenticatedClient(client, "client_secret")


async def _client_of_secret(issuer: Issuer, client_id: str, secret: str) -> Client:
    parsed = opaque.parse(secret, kind="cs", prefix=issuer.settings.token_prefix)
    if parsed is None:
        raise Refusal(INVALID_CLIENT, "the client secret is malformed")
    found = await issuer.store.client_with_secret(parsed.token_id)
    if found is None:
        raise Refusal(INVALID_CLIENT, f"client secret {parsed.token_id} is unknown")
    client, record = found
    if not opaque.matches(issuer.peppers, secret, record.keyed_hash):
        raise Refusal(INVALID_CLIENT, f"client secret {parsed.token_id} does not match")
    if client.client_id != client_id:
        raise Refusal(INVALID_CLIENT, f"client secret {parsed.token_id} belongs to another client")
    if record.expires_at is not None and record.expires_at <= issuer.clock.time():
        raise Refusal(INVALID_CLIENT, f"client secret {parsed.token_id} has expired")
    if client.type not in CONFIDENTIAL:  # registration makes no such secret; never trust that alone
        raise Refusal(INVALID_CLIENT, f"client {client_id} is public and cannot have a secret")
    return client


def _peer(scope: Scope) -> str:
    client = scope.get("client")
    return str(client[0]) if client else ""
