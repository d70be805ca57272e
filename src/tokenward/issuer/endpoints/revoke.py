"""Token revocation (RFC 7009). A refresh token takes its whole grant along; an access token only itself.

An API key belongs to no client. Whoever holds it may end it, and it is itself the proof of that: so a finder
can end a key that leaked, and so could a thief, who would only do the owner a service. The same goes for
what a workload was issued: it has no credential but its platform's word, which is for the token endpoint.
"""

from collections.abc import Mapping

from tokenward.base.asgi import Receive, Scope
from tokenward.base.problems import MISSING_PARAMETER, NOT_YOUR_TOKEN, Refusal
from tokenward.issuer.client_auth.authenticate import authenticate, forgive, slow_guessing
from tokenward.issuer.client_auth.table import STATED
from tokenward.issuer.context import Issuer
from tokenward.issuer.endpoints.token import endpoint_form
from tokenward.issuer.response import Response, private_json
from tokenward.store.live import known_api_key
from tokenward.store.records import Client
from tokenward.tokens import opaque
from tokenward.tokens.presented import claimed_token_id, is_jwt


async def revoke(issuer: Issuer, scope: Scope, receive: Receive) -> Response:
    """POST: end a token or an API key. What is unknown counts as ended (§2.2); no hint is needed.

    Raises:
        Refusal: INVALID_CLIENT, MISSING_PARAMETER, NOT_YOUR_TOKEN, TOO_MANY_REQUESTS and what reading the
            form raises.
    """
    form = await endpoint_form(scope, receive)
    if await _revoke_api_key(issuer, scope, form):
        return private_json(b"{}")
    client = await _revoker(issuer, scope, form)
    if "token" not in form:
        raise Refusal(MISSING_PARAMETER, "token")
    prefix = issuer.settings.token_prefix
    if (token_id := claimed_token_id(form["token"], prefix=prefix)) is not None:
        await _revoke_access_token(issuer, client, form["token"], token_id)
    elif (parsed := opaque.parse(form["token"], kind="rt", prefix=prefix)) is not None:
        await _revoke_grant(issuer, client, form["token"], parsed.token_id)
    return private_json(b"{}")


async def _revoke_api_key(issuer: Issuer, scope: Scope, form: Mapping[str, str]) -> bool:
    """Whether `token` was an API key, or would have been one of ours. Guessing is slowed down as for secrets.

    What looks like no token at all may be a key that was imported, and such a key may be short: it counts as
    a guess before anybody looks. If it is none, the request goes on, and without client authentication it is
    refused.
    """
    text = form.get("token", "")
    prefix = issuer.settings.token_prefix
    is_ours = text.startswith(f"{prefix}_")
    if not text or (is_ours and not text.startswith(f"{prefix}_ak_")):
        return False
    guessed = not is_ours and not is_jwt(text)  # nobody guesses one, and it may be an access token
    if guessed:
        slow_guessing(issuer, scope)
    state = await known_api_key(issuer.store, issuer.peppers, text, prefix=prefix)
    if state is not None:
        if guessed:
            forgive(issuer, scope)
        await issuer.store.revoke_api_key(state.key.key_id, issuer.clock.time())
        return True
    if is_ours:
        slow_guessing(issuer, scope)
    return is_ours


async def _revoker(issuer: Issuer, scope: Scope, form: Mapping[str, str]) -> Client:
    """Who revokes. A workload names itself as a public client does, and its token is the proof (§2.1, §5)."""
    if "client_id" in form and not any(method.read(scope, form) is not None for method in STATED):
        client = await issuer.store.client(form["client_id"])
        if client is not None and client.auth_method == "workload":
            return client
    return (await authenticate(issuer, scope, form)).client


async def _revoke_access_token(issuer: Issuer, client: Client, text: str, token_id: str) -> None:
    state = await issuer.store.access_token(token_id)
    if state is None or not opaque.matches(issuer.peppers, text, state.token.keyed_hash):
        return
    if state.token.client_id != client.client_id:
        raise Refusal(NOT_YOUR_TOKEN, f"client {client.client_id} would revoke {token_id}")
    await issuer.store.revoke_token(token_id, issuer.clock.time())
    issuer.known_answers.forget(token_id)  # the feed says so to every process, a moment later


async def _revoke_grant(issuer: Issuer, client: Client, text: str, token_id: str) -> None:
    state = await issuer.store.refresh_token(token_id)
    if state is None or not opaque.matches(issuer.peppers, text, state.token.keyed_hash):
        return
    if state.grant.client_id != client.client_id:
        raise Refusal(NOT_YOUR_TOKEN, f"client {client.client_id} would revoke {token_id}")
    await issuer.store.revoke_grant(state.grant.grant_id, issuer.clock.time())
    issuer.known_answers.clear()
