"""The client registration endpoint (RFC 7591 §3) and that of each registration (RFC 7592 §2): one path."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

from tokenward.base.asgi import Receive, Scope, only_header, read_body
from tokenward.base.forms import parse_form
from tokenward.base.problems import (
    INVALID_CLIENT_METADATA,
    INVALID_REDIRECT_URI,
    INVALID_TOKEN,
    JSON_EXPECTED,
    MALFORMED,
    NOT_FOUND,
    TOLD,
    UNAPPROVED_SOFTWARE_STATEMENT,
    Refusal,
    challenge,
)
from tokenward.base.throttle import peer_of
from tokenward.issuer.client_auth.authenticate import slow_guessing
from tokenward.issuer.client_desk import ClientDesk
from tokenward.issuer.client_metadata import GRANTS
from tokenward.issuer.context import Issuer
from tokenward.issuer.floods import REGISTERING, count
from tokenward.issuer.registering import (
    PATH,
    Registered,
    change_itself,
    own_registration,
    register_itself,
    remove_itself,
)
from tokenward.issuer.response import Response, oauth_error, private_json
from tokenward.issuer.strangers import RegistrationPolicy
from tokenward.tokens import strict_json

BODY_LIMIT = 65_536
_TOLD = frozenset({INVALID_CLIENT_METADATA, INVALID_REDIRECT_URI, UNAPPROVED_SOFTWARE_STATEMENT})


async def register(issuer: Issuer, scope: Scope, receive: Receive) -> Response:
    """POST: a new client.

    Raises:
        Refusal: by the catalogue; nothing was kept.
    """
    policy = _policy(issuer)
    await count(issuer.counters, REGISTERING, peer_of(scope))
    shown, metadata = _shown(scope), await _metadata(scope, receive)
    with _counting_guesses(issuer, scope):
        made = await register_itself(_desk(issuer), policy, metadata, shown)
    return _answer(issuer, made, 201)


async def read(issuer: Issuer, scope: Scope, _receive: Receive) -> Response:
    """GET: what is registered.

    Raises:
        Refusal: by the catalogue.
    """
    _policy(issuer)
    with _counting_guesses(issuer, scope):
        found = await own_registration(_desk(issuer), _client_id(scope), _shown(scope))
    return _answer(issuer, found, 200)


async def change(issuer: Issuer, scope: Scope, receive: Receive) -> Response:
    """PUT: other metadata in the place of all that was registered.

    Raises:
        Refusal: by the catalogue; nothing has changed.
    """
    policy = _policy(issuer)
    client_id, shown, metadata = _client_id(scope), _shown(scope), await _metadata(scope, receive)
    with _counting_guesses(issuer, scope):
        changed = await change_itself(_desk(issuer), policy, client_id, metadata, shown)
    return _answer(issuer, changed, 200)


async def remove(issuer: Issuer, scope: Scope, _receive: Receive) -> Response:
    """DELETE: no client any more.

    Raises:
        Refusal: by the catalogue.
    """
    _policy(issuer)
    with _counting_guesses(issuer, scope):
        await remove_itself(_desk(issuer), _client_id(scope), _shown(scope))
    return private_json(b"")._replace(status=204)


def registration_error(issuer: Issuer, refusal: Refusal) -> Response:
    """RFC 7591 §3.2.2: who wrote the metadata is told which member is wrong; RFC 6750 §3 for tokens."""
    answer = oauth_error(issuer, refusal)
    if refusal.problem is INVALID_TOKEN:
        header = (b"www-authenticate", challenge(refusal.problem, realm="tokenward").encode())
        return answer._replace(headers=(*answer.headers, header))
    if refusal.problem not in _TOLD:
        return answer
    text = f"{refusal.problem.text} {refusal.detail}".replace('"', "'").replace("\\", "/")
    told = "".join(each if re.fullmatch(TOLD, each) else "?" for each in text)
    return answer._replace(
        body=json.dumps({"error": refusal.problem.oauth, "error_description": told}).encode()
    )


def _policy(issuer: Issuer) -> RegistrationPolicy:
    if issuer.settings.registration is None:
        raise Refusal(NOT_FOUND, "nobody registers themselves here")
    return issuer.settings.registration


@contextmanager
def _counting_guesses(issuer: Issuer, scope: Scope) -> Iterator[None]:
    """Slow down an address that shows tokens which are none."""
    try:
        yield
    except Refusal as refusal:
        if refusal.problem is INVALID_TOKEN:
            slow_guessing(issuer, scope)
        raise


def _desk(issuer: Issuer) -> ClientDesk:
    return ClientDesk(issuer.store, issuer.settings, issuer.peppers, issuer.clock)


def _client_id(scope: Scope) -> str:
    parameters = parse_form(scope["query_string"])
    if set(parameters) != {"client_id"}:
        raise Refusal(MALFORMED, "the address of a registration has client_id in its query")
    return parameters["client_id"]


def _shown(scope: Scope) -> str | None:
    """The token of the header (RFC 6750 §2.1); None without the header."""
    header = only_header(scope, b"authorization")
    if header is None:
        return None
    scheme, _, text = header.partition(b" ")
    if scheme.lower() != b"bearer" or not text.isascii():
        raise Refusal(INVALID_TOKEN, "the scheme is not Bearer")
    return text.decode("ascii")


async def _metadata(scope: Scope, receive: Receive) -> dict[str, Any]:
    media_type = only_header(scope, b"content-type") or b""
    if media_type.split(b";")[0].strip().lower() != b"application/json":
        raise Refusal(JSON_EXPECTED)
    try:
        return strict_json.read_object(await read_body(receive, limit=BODY_LIMIT))
    except ValueError:
        raise Refusal(INVALID_CLIENT_METADATA, "the body is no JSON object") from None


def _answer(issuer: Issuer, of: Registered, status: int) -> Response:
    """RFC 7591 §3.2.1, RFC 7592 §3. The secret is there where it is new, and never again."""
    client = of.client
    told: dict[str, Any] = {
        "client_id": client.client_id,
        "client_id_issued_at": int(client.created_at),
        "client_name": client.name,
        "application_type": "native" if client.type == "native" else "web",
        "redirect_uris": list(client.redirect_uris),
        "grant_types": list(GRANTS),
        "response_types": ["code"],
        "scope": " ".join(client.scopes),
        "dpop_bound_access_tokens": client.bound_tokens == "dpop",
        "require_pushed_authorization_requests": client.require_pushed_authorization_requests,
        "registration_client_uri": f"{issuer.settings.url}{PATH}?client_id={quote(client.client_id)}",
        **of.said,
    }
    if client.jwks:
        told["jwks"] = json.loads(client.jwks)
    if client.jwks_uri:
        told["jwks_uri"] = client.jwks_uri
    if of.secret is not None:
        told |= {"client_secret": of.secret[0].reveal(), "client_secret_expires_at": int(of.secret[1])}
    if of.token is not None:
        told["registration_access_token"] = of.token.reveal()
    return private_json(json.dumps(told).encode())._replace(status=status)
