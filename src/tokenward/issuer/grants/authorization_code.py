"""RFC 6749 §4.1.3 with RFC 7636: a code becomes tokens, once.

Client, redirect address, PKCE and key are checked before anything is consumed, so that whoever stole a code
but not its verifier can neither use it nor spoil it. A second use by somebody who passes those checks revokes
the grant and all that it gave (RFC 6749 §4.1.2, RFC 9700 §2.1.1).
"""

import hmac
from collections.abc import Mapping

from tokenward.base.problems import INVALID_GRANT, UNKNOWN_GRANT, Refusal
from tokenward.flows import pkce
from tokenward.issuer.client_auth.method import AuthenticatedClient
from tokenward.issuer.context import Issuer
from tokenward.issuer.granted import first_tokens
from tokenward.issuer.grants.grant import GrantType
from tokenward.issuer.issue import TokenResponse
from tokenward.issuer.scopes import share
from tokenward.store.records import AccessToken, AuthorizationCode, CodeState, Consumption, RefreshToken
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
    its = share(issuer.settings, grant, parameters)

    async def consume(access: AccessToken, refresh: RefreshToken | None) -> Consumption:
        return await issuer.store.redeem_code(code.token_id, access, refresh, at=issuer.clock.time())

    return await first_tokens(
        issuer, caller, grant, consume, share=its, nonce=code.nonce, named=f"code {code.token_id}"
    )


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
    client_types=frozenset({"web", "spa", "native", "agent"}),
    required=("code", "redirect_uri", "code_verifier"),
    optional=("resource", "authorization_details"),
    redeem=redeem,
)
