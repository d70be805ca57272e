"""The pushed authorization request endpoint (RFC 9126 §2).

A client sends its request itself, proved as at the token endpoint, and is told at once what is wrong with it.
The browser gets nothing but a handle.
"""

import hashlib
import json

from tokenward.base.asgi import Receive, Scope
from tokenward.base.problems import (
    INVALID_DPOP_PROOF,
    INVALID_REQUEST_OBJECT,
    MALFORMED,
    SIGNED_REQUEST_REQUIRED,
    UNAUTHORIZED_CLIENT,
    Refusal,
)
from tokenward.base.throttle import peer_of
from tokenward.issuer.authorization_parameters import checked_access, checked_redirect
from tokenward.issuer.bindings import pushed_binding
from tokenward.issuer.client_auth.authenticate import authenticate
from tokenward.issuer.client_auth.method import AuthenticatedClient
from tokenward.issuer.client_keys import LEEWAY
from tokenward.issuer.context import Issuer
from tokenward.issuer.endpoints.token import endpoint_form
from tokenward.issuer.floods import PUSHING_CLIENTS, PUSHING_PEERS, count
from tokenward.issuer.grants import authorization_code
from tokenward.issuer.pushed_requests import LIFETIME, keep_request
from tokenward.issuer.request_objects import parameters_of, signed_claims
from tokenward.issuer.response import Response, private_json, with_dpop_nonce
from tokenward.store.records import Client
from tokenward.tokens.binding import Confirmation
from tokenward.tokens.claims import VerifiedClaims

PATH = "/par"

_PROOFS_OF_CLIENTS = frozenset({"client_secret", "client_assertion", "client_assertion_type"})
_BESIDE_AN_OBJECT = _PROOFS_OF_CLIENTS | {"client_id", "request"}


async def push(issuer: Issuer, scope: Scope, receive: Receive) -> Response:
    """POST: a request for a handle.

    Raises:
        Refusal: by the catalogue; nothing was kept.
    """
    form = await endpoint_form(scope, receive)
    caller = await authenticate(issuer, scope, form)
    client = caller.client
    if client.type not in authorization_code.GRANT.client_types:
        raise Refusal(UNAUTHORIZED_CLIENT, f"a {client.type} client asks for an authorization")
    await _slow_pushing(issuer, scope, caller)
    if "request_uri" in form:  # §2.1
        raise Refusal(MALFORMED, "a request_uri is pushed")
    proved = await pushed_binding(issuer, scope, client)
    asked, signed = await _asked(issuer, client, form)
    parameters = _with_key(asked, proved)
    checked_redirect(client, parameters)
    checked_access(issuer.settings, client, parameters)
    if signed is not None:
        await _use(issuer, client, signed)
    request_uri = await keep_request(issuer, client, parameters)
    body = json.dumps({"request_uri": request_uri, "expires_in": LIFETIME}).encode()
    answer = private_json(body)._replace(status=201)
    return answer if proved is None else with_dpop_nonce(issuer, answer)


async def _slow_pushing(issuer: Issuer, scope: Scope, caller: AuthenticatedClient) -> None:
    """Each handle costs a row for half an hour. Who proves nothing counts by address, others by client."""
    if caller.credential == "none":
        await count(issuer.counters, PUSHING_PEERS, peer_of(scope))
    else:
        await count(issuer.counters, PUSHING_CLIENTS, caller.client.client_id)


async def _asked(
    issuer: Issuer, client: Client, form: dict[str, str]
) -> tuple[dict[str, str], VerifiedClaims | None]:
    """What is asked for: the form without how the client proved itself, or what it signed and no more (§3).

    Raises:
        Refusal: MALFORMED, a parameter stands beside a request object; SIGNED_REQUEST_REQUIRED; as
            `signed_claims`.
    """
    if "request" in form:
        if not _BESIDE_AN_OBJECT.issuperset(form):
            raise Refusal(MALFORMED, "a parameter beside a request object")
        claims = await signed_claims(issuer, client, form["request"])
        return parameters_of(claims), claims
    if client.require_signed_request_object:
        raise Refusal(SIGNED_REQUEST_REQUIRED, f"client {client.client_id} has to sign")
    asked = {name: value for name, value in form.items() if name not in _PROOFS_OF_CLIENTS}
    return {**asked, "client_id": client.client_id}, None


async def _use(issuer: Issuer, client: Client, signed: VerifiedClaims) -> None:
    """A request object that has a `jti` is pushed once. A client that tries again signs again."""
    if "jti" not in signed:
        return
    key = hashlib.sha256(f"request object {client.client_id} {signed['jti']}".encode()).digest()
    if not await issuer.store.first_use(key, signed.expires_at + LEEWAY, at=issuer.clock.time()):
        raise Refusal(INVALID_REQUEST_OBJECT, f"client {client.client_id} replays a request object")


def _with_key(parameters: dict[str, str], proved: Confirmation | None) -> dict[str, str]:
    """The parameters with the key that was proved in the place of one that is named (RFC 9449 §10.1)."""
    if proved is None:
        return parameters
    if parameters.get("dpop_jkt", proved.thumbprint) != proved.thumbprint:
        raise Refusal(INVALID_DPOP_PROOF, "dpop_jkt is another key than the one that was proved")
    return {**parameters, "dpop_jkt": proved.thumbprint}
