"""Userinfo (OpenID Connect Core §5.3): what a client is told of a person after they signed in.

Only a token for the issuer itself gets an answer. A token for an API is shown to that API, and whoever keeps
one there must not learn by it what was released to the application and not to the API (RFC 9700 §2.3). A
client that asked for scopes of an API and for `openid` gets a token for here beside the other one: by
`resource` with the issuer's URL, when it redeems the code or refreshes (RFC 8707 §2.2).
"""

import json
from collections.abc import Mapping

from tokenward.base.asgi import JSON, NO_STORE, Receive, Scope, header_values, peer
from tokenward.base.forms import read_form
from tokenward.base.problems import (
    CREDENTIAL_IN_CLAIM,
    CREDENTIAL_IN_URL,
    INSUFFICIENT_SCOPE,
    INVALID_TOKEN,
    Refusal,
)
from tokenward.issuer.claims_request import claims_of_grant
from tokenward.issuer.context import Issuer
from tokenward.issuer.response import Response, private_jwt
from tokenward.issuer.settings import OPENID
from tokenward.issuer.shown_token import shown_token, token_error
from tokenward.store.facts import person_facts
from tokenward.store.records import AccessToken, Client, Grant
from tokenward.tokens.credential_guard import CredentialInClaim
from tokenward.tokens.jws import sign_jwt
from tokenward.tokens.release import composed, released, within_scope
from tokenward.tokens.subjects import subject

PATH = "/userinfo"
USERINFO_TYPE = "userinfo+jwt"
"""No specification names one; without a type of its own it could pass for an ID token."""
MEDIA_TYPE = "application/jwt"  # OpenID Connect Core §5.3.2


async def userinfo(issuer: Issuer, scope: Scope, receive: Receive) -> Response:
    """GET and POST: claims about the person of the token, as JSON or as the client is registered, signed.

    Raises:
        Refusal: CREDENTIAL_IN_URL, INSUFFICIENT_SCOPE, CREDENTIAL_IN_CLAIM, and what `shown_token` and
            reading the form raise; UNAVAILABLE, no key signs now.
    """
    if scope["query_string"]:
        raise Refusal(CREDENTIAL_IN_URL, "the endpoint takes no query")
    has_form = scope["method"] == "POST" and header_values(scope, b"content-type")
    form = await read_form(scope, receive) if has_form else {}
    token = await shown_token(issuer, scope, form, path=PATH)
    client, grant = await _of_person(issuer, token)
    issuer.usage.note("access_token", token.token_id, "issuer", peer(scope))
    told = await _told(issuer, client, grant, token)
    if not client.openid.userinfo_signed_response_alg:
        return Response(200, json.dumps(told).encode(), (JSON, NO_STORE))
    signer = issuer.signing_keys.signer(client.openid.userinfo_signed_response_alg)
    claims = {**told, "iss": issuer.settings.url, "aud": client.client_id}
    return private_jwt(sign_jwt(signer, claims, typ=USERINFO_TYPE), MEDIA_TYPE)


async def _of_person(issuer: Issuer, token: AccessToken) -> tuple[Client, Grant]:
    """The client and the grant behind a token that is for here."""
    if token.audience != issuer.settings.url:
        raise Refusal(INVALID_TOKEN, f"token {token.token_id} is for an API")
    client = await issuer.client(token.client_id)
    grant = await issuer.store.grant(token.grant_id) if token.grant_id is not None else None
    if client is None or grant is None or token.user_id is None or token.act is not None:
        raise Refusal(INVALID_TOKEN, f"token {token.token_id} is no person's own")
    if OPENID not in token.scope:
        raise Refusal(INSUFFICIENT_SCOPE, f"token {token.token_id} lacks {OPENID}")
    return client, grant


async def _told(issuer: Issuer, client: Client, grant: Grant, token: AccessToken) -> Mapping[str, object]:
    asked = claims_of_grant(grant.claims, "userinfo")
    names = within_scope(client.openid.userinfo_claims, token.scope, asked)
    facts = await person_facts(issuer.store, names, user_id=grant.user_id, grant_id=grant.grant_id)
    minimum = {"sub": subject(issuer.pairwise_key, grant.user_id, client.sector)}
    try:
        return composed(minimum, released(names, facts))
    except CredentialInClaim as found:
        raise Refusal(CREDENTIAL_IN_CLAIM, f"grant {grant.grant_id}, {found}") from None


def userinfo_error(issuer: Issuer, refusal: Refusal) -> Response:
    """OpenID Connect Core §5.3.3."""
    return token_error(issuer, refusal, scope=OPENID)
