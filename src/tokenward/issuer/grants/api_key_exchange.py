"""Whoever holds an API key gets a short token for it, so that the key itself seldom travels (RFC 8693).

The key is the credential, and no client is asked for. The token is for the key's own API, allows no more,
stays of the key's tier, ends with it, and may be used where and as often as the key may.
"""

from collections.abc import Mapping
from dataclasses import replace
from ipaddress import ip_network

from tokenward.base.addresses import is_within
from tokenward.base.asgi import Scope, only_header, peer
from tokenward.base.problems import INVALID_SCOPE, INVALID_TARGET, MALFORMED, UNACCEPTABLE_TOKEN, Refusal
from tokenward.base.secret import Secret
from tokenward.issuer.authorization_details import narrowed
from tokenward.issuer.client_auth.authenticate import forgive, slow_guessing
from tokenward.issuer.client_auth.method import AuthenticatedClient, Form
from tokenward.issuer.client_auth.table import STATED
from tokenward.issuer.context import Issuer
from tokenward.issuer.issue import client_access_token
from tokenward.issuer.scopes import Access, parse_scope
from tokenward.store.live import live_api_key
from tokenward.store.records import API_KEY_CLIENT, AccessToken, ApiKey, Client

API_KEY_TYPE = "urn:tokenward:token-type:api_key"


async def key_holder(issuer: Issuer, scope: Scope, form: Form) -> AuthenticatedClient:
    """The key as the client that it stands for.

    Raises:
        Refusal: UNACCEPTABLE_TOKEN, the key is unknown, over, or not good from here; MALFORMED, a client is
            named as well; TOO_MANY_REQUESTS.
    """
    if "client_id" in form or any(method.read(scope, form) is not None for method in STATED):
        raise Refusal(MALFORMED, "an API key is exchanged by who holds it, and by no client")
    text = form.get("subject_token", "")
    prefix = issuer.settings.token_prefix
    is_ours = text.startswith(f"{prefix}_")
    if not is_ours:  # one that was imported may be short: the right guess waits, too
        slow_guessing(issuer, scope)
    key = await live_api_key(issuer.store, issuer.peppers, text, at=issuer.clock.time(), prefix=prefix)
    if key is not None:  # refused from there or not, somebody has it
        issuer.usage.note("api_key", key.key_id, "issuer", peer(scope))
    if key is None or not _is_good_from(scope, key):
        if is_ours:
            slow_guessing(issuer, scope)
        told = f"API key {key.key_id} is not good from there" if key else "no live API key"
        raise Refusal(UNACCEPTABLE_TOKEN, told)
    if not is_ours:
        forgive(issuer, scope)
    client = Client(
        client_id=API_KEY_CLIENT + key.key_id,
        name=key.name,
        type="service",
        redirect_uris=(),
        scopes=key.scopes,
        created_at=key.created_at,
    )
    return AuthenticatedClient(client, "api_key", api_key=key)


def key_access_token(
    issuer: Issuer, caller: AuthenticatedClient, key: ApiKey, parameters: Mapping[str, str]
) -> tuple[Secret, AccessToken]:
    """The token for a key: its text, and the record for the store.

    Raises:
        Refusal: INVALID_TARGET, INVALID_SCOPE; UNACCEPTABLE_TOKEN, there is an actor token;
            INVALID_AUTHORIZATION_DETAILS, of which no key has any.
    """
    if any(parameters.get(name, key.audience) != key.audience for name in ("resource", "audience")):
        raise Refusal(INVALID_TARGET, f"API key {key.key_id} is for another API")
    if "actor_token" in parameters or "actor_token_type" in parameters:
        raise Refusal(UNACCEPTABLE_TOKEN, "nobody acts for an API key")
    scope = parse_scope(parameters["scope"]) if "scope" in parameters else key.scopes
    if not set(scope) <= set(key.scopes):
        raise Refusal(INVALID_SCOPE, f"more than API key {key.key_id} allows")
    narrowed(None, parameters)
    access = Access(key.audience, scope)
    text, record = client_access_token(issuer, caller, access, until=key.expires_at)
    return text, replace(record, ancestors=(caller.client.client_id,))


def _is_good_from(scope: Scope, key: ApiKey) -> bool:
    if key.addresses and not is_within(peer(scope), map(ip_network, key.addresses)):
        return False
    return not key.origins or (only_header(scope, b"origin") or b"").decode("latin-1") in key.origins
