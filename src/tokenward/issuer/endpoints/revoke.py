"""Token revocation (RFC 7009). A refresh token takes its whole grant along; an access token only itself."""

from tokenward.base.asgi import Receive, Scope
from tokenward.base.problems import MISSING_PARAMETER, NOT_YOUR_TOKEN, Refusal
from tokenward.issuer.client_auth.authenticate import authenticate
from tokenward.issuer.context import Issuer
from tokenward.issuer.endpoints.token import endpoint_form
from tokenward.issuer.response import Response, private_json
from tokenward.store.records import Client
from tokenward.tokens import opaque
from tokenward.tokens.presented import claimed_token_id


async def revoke(issuer: Issuer, scope: Scope, receive: Receive) -> Response:
    """POST: end a token. What is unknown counts as ended (§2.2); `token_type_hint` is not needed.

    Raises:
        Refusal: INVALID_CLIENT, MISSING_PARAMETER, NOT_YOUR_TOKEN and what reading the form raises.
    """
    form = await endpoint_form(scope, receive)
    caller = await authenticate(issuer, scope, form)
    if "token" not in form:
        raise Refusal(MISSING_PARAMETER, "token")
    prefix = issuer.settings.token_prefix
    if (token_id := claimed_token_id(form["token"], prefix=prefix)) is not None:
        await _revoke_access_token(issuer, caller.client, form["token"], token_id)
    elif (parsed := opaque.parse(form["token"], kind="rt", prefix=prefix)) is not None:
        await _revoke_grant(issuer, caller.client, form["token"], parsed.token_id)
    return private_json(b"{}")


async def _revoke_access_token(issuer: Issuer, client: Client, text: str, token_id: str) -> None:
    state = await issuer.store.access_token(token_id)
    if state is None or not opaque.matches(issuer.peppers, text, state.token.keyed_hash):
        return
    if state.token.client_id != client.client_id:
        raise Refusal(NOT_YOUR_TOKEN, f"client {client.client_id} would revoke {token_id}")
    await issuer.store.revoke_token(token_id, issuer.clock.time())


async def _revoke_grant(issuer: Issuer, client: Client, text: str, token_id: str) -> None:
    state = await issuer.store.refresh_token(token_id)
    if state is None or not opaque.matches(issuer.peppers, text, state.token.keyed_hash):
        return
    if state.grant.client_id != client.client_id:
        raise Refusal(NOT_YOUR_TOKEN, f"client {client.client_id} would revoke {token_id}")
    await issuer.store.revoke_grant(state.grant.grant_id, issuer.clock.time())
