"""RFC 6749 §6 with rotation (RFC 9700 §4.14.2): each refresh token is used once, and reuse ends the family.

One exception, because networks lose responses: for some seconds the same client may present the same token
with the same parameters again and gets the same response, as long as its successor is unused. The response
waits sealed under a key that only the presented token gives; the database alone cannot open it.

A client by FAPI 2.0 keeps its token instead (Security Profile §5.3.2.1 no. 9): it proves who it is and its
tokens are bound, so that rotation would protect nothing, and a lost response could end its access.
"""

import json
from collections.abc import Mapping

from tokenward.base.problems import INVALID_GRANT, UNKNOWN_GRANT, Refusal
from tokenward.issuer.client_auth.method import AuthenticatedClient
from tokenward.issuer.context import Issuer
from tokenward.issuer.grants.grant import GrantType
from tokenward.issuer.issue import (
    TokenResponse,
    granted_access_token,
    granted_refresh_token,
)
from tokenward.issuer.scopes import Share, share
from tokenward.issuer.token_type import token_type
from tokenward.store.locators import with_fresh_locators
from tokenward.store.records import Consumption, RefreshState
from tokenward.tokens import opaque
from tokenward.tokens.sealing import SealBroken, Sealer, derive_key


async def redeem(issuer: Issuer, caller: AuthenticatedClient, parameters: Mapping[str, str]) -> TokenResponse:
    """A new access token and the next refresh token."""
    presented = parameters["refresh_token"]
    state = await _known_token(issuer, presented)
    token, grant = state.token, state.grant
    issuer.usage.note("refresh_token", token.token_id, "issuer", caller.peer)
    if grant.client_id != caller.client.client_id:
        raise Refusal(INVALID_GRANT, f"refresh token {token.token_id} belongs to another client")
    # Before anything else is looked at: without its key, a stolen token neither gives nor spoils anything.
    if token.cnf is not None and caller.binding != token.cnf:  # RFC 9449 §5
        raise Refusal(INVALID_GRANT, f"refresh token {token.token_id} is bound to a key that was not proved")
    context = _context(caller, parameters)
    if state.consumed:
        return await _lost_response(issuer, state, presented, context)
    its = share(issuer.settings, grant, parameters)
    if caller.client.profile == "fapi2":
        return await _kept(issuer, caller, state, its)

    async def attempt() -> TokenResponse:
        access_token, access = granted_access_token(issuer, caller, grant, its)
        successor, refresh = granted_refresh_token(issuer, caller, grant)
        response = TokenResponse(
            access_token=access_token.reveal(),
            token_type=token_type(access.cnf),
            expires_at=access.expires_at,
            scope=access.scope,
            refresh_token=successor.secret.reveal(),
            authorization_details=access.authorization_details,
        )
        sealed = _sealer(issuer.peppers[0], presented).seal(response.to_bytes(), context=context)
        # Whether the token is unused, in time and unrevoked is for this one statement to say.
        outcome = await issuer.store.rotate_refresh_token(
            token.token_id, access, refresh, sealed_response=sealed, at=issuer.clock.time()
        )
        if outcome is Consumption.ALREADY_CONSUMED:  # lost a race since the look above
            return await _lost_response(issuer, state, presented, context)
        if outcome is not Consumption.WON:
            raise Refusal(INVALID_GRANT, f"refresh token {token.token_id}: {outcome.value}")
        return response

    return await with_fresh_locators(attempt)


async def _kept(
    issuer: Issuer, caller: AuthenticatedClient, state: RefreshState, its: Share
) -> TokenResponse:
    """A new access token by a refresh token that stays what it is."""
    token_id = state.token.token_id

    async def attempt() -> TokenResponse:
        access_token, access = granted_access_token(issuer, caller, state.grant, its)
        now = issuer.clock.time()
        idle_until = now + issuer.settings.refresh_idle
        outcome = await issuer.store.use_refresh_token(token_id, access, expires_at=idle_until, at=now)
        if outcome is not Consumption.WON:
            raise Refusal(INVALID_GRANT, f"refresh token {token_id}: {outcome.value}")
        return TokenResponse(
            access_token=access_token.reveal(),
            token_type=token_type(access.cnf),
            expires_at=access.expires_at,
            scope=access.scope,
            authorization_details=access.authorization_details,
        )

    return await with_fresh_locators(attempt)


async def _known_token(issuer: Issuer, text: str) -> RefreshState:
    parsed = opaque.parse(text, kind="rt", prefix=issuer.settings.token_prefix)
    state = await issuer.store.refresh_token(parsed.token_id) if parsed else None
    if state is None or not opaque.matches(issuer.peppers, text, state.token.keyed_hash):
        raise Refusal(UNKNOWN_GRANT, "the refresh token is malformed or unknown")
    return state


async def _lost_response(
    issuer: Issuer, state: RefreshState, presented: str, context: bytes
) -> TokenResponse:
    """The response that a consumed refresh token already led to; where that cannot be had, this is reuse."""
    consumed_after = issuer.clock.time() - issuer.settings.lost_response_window
    sealed = await issuer.store.lost_response(state.token.token_id, consumed_after=consumed_after)
    if sealed is None:
        raise await _revoked_for_reuse(issuer, state)
    for pepper in issuer.peppers:
        try:
            return TokenResponse.from_bytes(_sealer(pepper, presented).open(sealed, context=context))
        except SealBroken:
            continue
    raise await _revoked_for_reuse(issuer, state)


async def _revoked_for_reuse(issuer: Issuer, state: RefreshState) -> Refusal:
    await issuer.store.revoke_grant(state.grant.grant_id, issuer.clock.time())
    return Refusal(
        INVALID_GRANT,
        f"refresh token {state.token.token_id} was reused: grant {state.grant.grant_id} is revoked",
    )


def _sealer(pepper: bytes, presented: str) -> Sealer:
    return Sealer(derive_key(presented.encode(), salt=pepper, info=b"tokenward/lost-refresh-response"))


def _context(caller: AuthenticatedClient, parameters: Mapping[str, str]) -> bytes:
    """What a repetition must have in common with the original."""
    same = (
        caller.client.client_id,
        caller.credential,
        str(caller.binding),
        parameters.get("scope"),
        parameters.get("resource"),
        parameters.get("authorization_details"),
    )
    return json.dumps(same).encode()


GRANT = GrantType(
    "refresh_token",
    client_types=frozenset({"web", "spa", "native", "device", "agent"}),
    required=("refresh_token",),
    optional=("scope", "resource", "authorization_details"),
    redeem=redeem,
)
