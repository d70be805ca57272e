"""RFC 6749 §4.1.3 with RFC 7636: a code becomes tokens, once.

Client, redirect address, PKCE and key are checked before anything is consumed, so that whoever stole a code
but not its verifier can neither use it nor spoil it. A second use by somebody who passes those checks revokes
the grant and all that it gave (RFC 6749 §4.1.2, RFC 9700 §2.1.1).
"""

import hmac
from collections.abc import Mapping

from tokenward.base.problems import INVALID_GRANT, UNKNOWN_GRANT, Refusal
from tokenward.flows import pkce
from tokenward.issuer.authorization_details import narrowed
from tokenward.issuer.client_auth.method import AuthenticatedClient
from tokenward.issuer.context import Issuer
from tokenward.issuer.grants.grant import GrantType
from tokenward.issuer.id_token import id_token, released_to_client
from tokenward.issuer.issue import (
    TokenResponse,
    granted_access_token,
    granted_refresh_token,
)
from tokenward.issuer.scopes import check_resource
from tokenward.issuer.settings import OFFLINE_ACCESS, OPENID
from tokenward.issuer.token_type import token_type
from tokenward.store.locators import with_fresh_locators
from tokenward.store.records import AuthorizationCode, CodeState, Consumption
from tokenward.tokens import opaque


async def redeem(issuer: Issuer, caller: AuthenticatedClient, parameters: Mapping[str, str]) -> TokenResponse:
    """Tokens for what the person granted."""
    state = await _known_code(issuer, parameters["code"])
    code, grant = state.code, state.grant
    if grant.client_id != caller.client.client_id:
        raise Refusal(INVALID_GRANT, f"code {code.token_id} belongs to another client")
    if parameters["redirect_uri"] != code.redirect_uri:
        raise Refusal(INVALID_GRANT, f"code {code.token_id} was sent to another redirect address")
    _check_verifier(code, parameters["code_verifier"])
    if code.cnf is not None and caller.binding != code.cnf:  # RFC 9449 §10
        raise Refusal(INVALID_GRANT, f"code {code.token_id} is bound to a key that was not proved")
    check_resource(grant, parameters)
    details = narrowed(grant.authorization_details, parameters)
    told = await released_to_client(issuer, caller.client, grant) if OPENID in grant.scope else {}

    async def attempt() -> TokenResponse:
        token, access = granted_access_token(issuer, caller, grant, grant.scope, details)
        successor, refresh = (
            granted_refresh_token(issuer, caller, grant) if OFFLINE_ACCESS in grant.scope else (None, None)
        )
        # What is slow, or can fail, comes before anything is consumed.
        response = TokenResponse(
            access_token=token.reveal(),
            token_type=token_type(access.cnf),
            expires_at=access.expires_at,
            scope=access.scope,
            refresh_token=successor.secret.reveal() if successor else None,
            id_token=id_token(
                issuer, caller.client, grant, told, nonce=code.nonce, access_token=token.reveal()
            )
            if OPENID in grant.scope
            else None,
            authorization_details=access.authorization_details,
        )
        # Whether the code is unused, in time and unrevoked is for this one statement to say.
        outcome = await issuer.store.redeem_code(code.token_id, access, refresh, at=issuer.clock.time())
        if outcome is not Consumption.WON:
            raise Refusal(INVALID_GRANT, f"code {code.token_id}: {outcome.value}")
        return response

    return await with_fresh_locators(attempt)


async def _known_code(issuer: Issuer, text: str) -> CodeState:
    parsed = opaque.parse(text, kind="ac", prefix=issuer.settings.token_prefix)
    state = await issuer.store.code(parsed.token_id) if parsed else None
    if state is None or not opaque.matches(issuer.peppers, text, state.code.keyed_hash):
        raise Refusal(UNKNOWN_GRANT, "the code is malformed or unknown")
    return state


def _check_verifier(code: AuthorizationCode, verifier: str) -> None:
    """RFC 7636 §4.6."""
    if not pkce.is_verifier(verifier):
        raise Refusal(INVALID_GRANT, "code_verifier is malformed")
    if not hmac.compare_digest(pkce.challenge(verifier), code.code_challenge):
        raise Refusal(INVALID_GRANT, f"code {code.token_id}: code_verifier does not match its challenge")


GRANT = GrantType(
    "authorization_code",
    client_types=frozenset({"web", "spa", "native"}),
    required=("code", "redirect_uri", "code_verifier"),
    optional=("resource", "authorization_details"),
    redeem=redeem,
)
