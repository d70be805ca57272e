"""Token introspection (RFC 7662), signed if asked for (RFC 9701), for resource servers without our gateway.

Who may ask: the client that the token was issued to, or a service client that is registered for the token's
audience by the reserved scope `introspect:<audience>`. For everybody else a token is inactive (§4: a caller
must not be able to try out tokens that are not its business).

Only access tokens are ever active here. A resource server that was told so about a refresh token might take
it for an access token.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from tokenward.base.accept import asks_for
from tokenward.base.asgi import Receive, Scope, peer
from tokenward.base.problems import CREDENTIAL_IN_CLAIM, MISSING_PARAMETER, Refusal
from tokenward.issuer.client_auth.authenticate import authenticate_confidential
from tokenward.issuer.context import Issuer
from tokenward.issuer.endpoints.token import endpoint_form
from tokenward.issuer.introspection_jwt import MEDIA_TYPE, introspection_jwt
from tokenward.issuer.presented import presented_access_token
from tokenward.issuer.response import Response, private_json, private_jwt
from tokenward.issuer.settings import INTROSPECT
from tokenward.issuer.token_subject import token_subject
from tokenward.issuer.token_type import token_type
from tokenward.store.facts import person_facts
from tokenward.store.records import AccessToken, Client
from tokenward.tokens.credential_guard import CredentialInClaim
from tokenward.tokens.release import composed, released

INACTIVE: Mapping[str, object] = {"active": False}  # and nothing else (RFC 7662 §2.2, RFC 9701 §5)


async def introspect(issuer: Issuer, scope: Scope, receive: Receive) -> Response:
    """POST: the state of an access token, as JSON or, to who asks for it by `Accept`, as a signed JWT.

    Raises:
        Refusal: INVALID_CLIENT, MISSING_PARAMETER, CREDENTIAL_IN_CLAIM and what reading the form raises;
            UNAVAILABLE, no key signs now.
    """
    form = await endpoint_form(scope, receive)
    caller = await authenticate_confidential(issuer, scope, form)
    if "token" not in form:
        raise Refusal(MISSING_PARAMETER, "token")
    text, as_jwt = form["token"], asks_for(scope, MEDIA_TYPE, rather_than="application/json")
    if not as_jwt and (known := issuer.known_answers.get(text, caller, issuer.clock.time())) is not None:
        token_id, answer_then = known
        issuer.usage.note("access_token", token_id, "introspection", peer(scope))
        return private_json(answer_then)
    generation = issuer.known_answers.generation
    found = await _visible(issuer, caller, text)
    if found is not None:
        issuer.usage.note("access_token", found[0].token_id, "introspection", peer(scope))
    answer = await _active(issuer, *found) if found is not None else INACTIVE
    if as_jwt:
        return private_jwt(introspection_jwt(issuer, caller, answer), MEDIA_TYPE)
    body = json.dumps(answer).encode()
    if found is not None:
        issuer.known_answers.keep(text, caller, found[0], body, generation=generation)
    return private_json(body)


async def _visible(issuer: Issuer, caller: Client, text: str) -> "tuple[AccessToken, _View] | None":
    """The live access token, and what this caller gets to see of it."""
    token = await presented_access_token(issuer, text)
    view = _view(issuer, caller, token) if token is not None else None
    return None if token is None or view is None else (token, view)


@dataclass(frozen=True, slots=True)
class _View:
    """Under which subject, and with which claims beyond the minimum, a caller gets to see a token."""

    sector: str
    claims: tuple[str, ...]


def _view(issuer: Issuer, caller: Client, token: AccessToken) -> _View | None:
    """None for a caller whose business the token is not.

    A client is told the subject that its ID tokens name, and nothing else: the claims are for the API.
    """
    if caller.client_id == token.client_id:
        return _View(caller.sector, ())
    resource = issuer.settings.resources.get(token.audience)
    if resource is None or f"{INTROSPECT}{token.audience}" not in caller.scopes:
        return None
    return _View(resource.sector, resource.introspection)


async def _active(issuer: Issuer, token: AccessToken, view: _View) -> dict[str, object]:
    """RFC 7662 §2.2.

    Raises:
        Refusal: CREDENTIAL_IN_CLAIM.
    """
    minimum: dict[str, object] = {
        "active": True,
        "iss": issuer.settings.url,
        "sub": token_subject(issuer, token, view.sector),
        "aud": token.audience,
        "client_id": token.client_id,
        "scope": " ".join(token.scope),
        "iat": int(token.issued_at),
        "exp": int(token.expires_at),
        "token_type": token_type(token.cnf),
        "jti": token.token_id,
    }
    if token.cnf is not None:
        minimum["cnf"] = token.cnf.claim()
    if token.act is not None:
        minimum["act"] = json.loads(token.act)  # RFC 8693 §4.1
    if token.authorization_details is not None:
        minimum["authorization_details"] = json.loads(token.authorization_details)  # RFC 9396 §9.2
    if not view.claims:
        return minimum
    facts = await person_facts(issuer.store, view.claims, user_id=token.user_id, grant_id=token.grant_id)
    try:
        return composed(minimum, released(view.claims, facts))
    except CredentialInClaim as found:
        raise Refusal(CREDENTIAL_IN_CLAIM, f"token {token.token_id}, {found}") from None
