"""RFC 8628 §3.4: a device asks again and again whether a person has answered, and gets its tokens once.

Whose the code is and which key was proved come first, so that whoever saw a device code can neither
use it nor slow its device down. How often it asks is counted in the store, where all processes see it.
"""

from collections.abc import Mapping

from tokenward.base.problems import (
    AUTHORIZATION_PENDING,
    DEVICE_DENIED,
    INVALID_GRANT,
    SLOW_DOWN,
    UNANSWERED_DEVICE,
    UNKNOWN_GRANT,
    Problem,
    Refusal,
)
from tokenward.issuer.client_auth.method import AuthenticatedClient
from tokenward.issuer.context import Issuer
from tokenward.issuer.granted import first_tokens
from tokenward.issuer.grants.grant import GrantType
from tokenward.issuer.issue import TokenResponse
from tokenward.issuer.scopes import share
from tokenward.store.device_records import DeviceCodeState, Poll
from tokenward.store.records import AccessToken, Consumption, RefreshToken
from tokenward.tokens import opaque

# A poll that finds the code answered just after it was looked at is told to come again, as one before is.
_ANSWERS: Mapping[Poll, Problem] = {
    Poll.PENDING: AUTHORIZATION_PENDING,
    Poll.TOO_SOON: SLOW_DOWN,
    Poll.OVER: AUTHORIZATION_PENDING,
}


async def redeem(issuer: Issuer, caller: AuthenticatedClient, parameters: Mapping[str, str]) -> TokenResponse:
    """Tokens for what the person granted, once they did."""
    state = await _known_code(issuer, parameters["device_code"])
    code, grant, now = state.code, state.grant, issuer.clock.time()
    if code.client_id != caller.client.client_id:
        raise Refusal(INVALID_GRANT, f"device code {code.token_id} belongs to another client")
    if state.polled and caller.binding != state.cnf:
        raise Refusal(INVALID_GRANT, f"device code {code.token_id} is bound to the key of its first poll")
    # One that was used is told from that, so that its replay is recognised while its grant is there.
    if code.expires_at <= now and not (state.consumed and grant):
        raise Refusal(UNANSWERED_DEVICE, f"device code {code.token_id}")
    if state.denied:
        raise Refusal(DEVICE_DENIED, f"device code {code.token_id}")
    if grant is None:
        raise Refusal(_ANSWERS[await issuer.store.poll_device(code.token_id, caller.binding, now)])
    its = share(issuer.settings, grant, parameters)

    async def consume(access: AccessToken, refresh: RefreshToken | None) -> Consumption:
        return await issuer.store.redeem_device_code(
            code.token_id, access, refresh, cnf=caller.binding, at=issuer.clock.time()
        )

    return await first_tokens(
        issuer,
        caller,
        grant,
        consume,
        share=its,
        nonce=None,
        named=f"device code {code.token_id}",
    )


async def _known_code(issuer: Issuer, text: str) -> DeviceCodeState:
    parsed = opaque.parse(text, kind="dc", prefix=issuer.settings.token_prefix)
    state = await issuer.store.device_code(parsed.token_id) if parsed else None
    if state is None or not opaque.matches(issuer.peppers, text, state.code.keyed_hash):
        raise Refusal(UNKNOWN_GRANT, "the device code is malformed or unknown")
    return state


GRANT = GrantType(
    "urn:ietf:params:oauth:grant-type:device_code",
    client_types=frozenset({"device"}),
    required=("device_code",),
    optional=("resource",),
    redeem=redeem,
)
