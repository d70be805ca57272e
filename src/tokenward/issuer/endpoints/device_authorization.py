"""The device authorization endpoint (RFC 8628 §3.1): a device asks, and gets a code to show to a person."""

import json
from collections.abc import Mapping

from tokenward.base.asgi import Receive, Scope
from tokenward.base.problems import (
    INVALID_AUTHORIZATION_DETAILS,
    UNAUTHORIZED_CLIENT,
    Refusal,
)
from tokenward.base.throttle import peer_of
from tokenward.issuer.authorization_parameters import max_age_is_seconds
from tokenward.issuer.client_auth.authenticate import authenticate
from tokenward.issuer.client_auth.method import AuthenticatedClient
from tokenward.issuer.context import Issuer
from tokenward.issuer.endpoints.device import PATH
from tokenward.issuer.endpoints.token import endpoint_form
from tokenward.issuer.floods import DEVICES, count
from tokenward.issuer.issue import new_token
from tokenward.issuer.response import Response, private_json
from tokenward.issuer.scopes import Access, requested_access
from tokenward.store.device_records import DeviceCode
from tokenward.store.locators import with_fresh_locators
from tokenward.tokens import user_code
from tokenward.tokens.acr import requested_level

INTERVAL = 5
"""Seconds between two polls, at first (RFC 8628 §3.2)."""


async def device_authorization(issuer: Issuer, scope: Scope, receive: Receive) -> Response:
    """POST: the codes by which a person is asked, and the device finds out what they said.

    Raises:
        Refusal: by the catalogue; nothing was kept.
    """
    form = await endpoint_form(scope, receive)
    caller = await authenticate(issuer, scope, form)
    if caller.client.type != "device":
        raise Refusal(UNAUTHORIZED_CLIENT, f"a {caller.client.type} client asks as a device")
    max_age_is_seconds(form)
    access = requested_access(issuer.settings, caller.client, form)
    if access.details:  # nothing keeps them until a person has answered
        raise Refusal(INVALID_AUTHORIZATION_DETAILS, "a device asks for scopes")
    if caller.credential == "none":
        await count(issuer.counters, DEVICES, peer_of(scope))
    return await with_fresh_locators(lambda: _codes(issuer, caller, access, form))


async def _codes(
    issuer: Issuer, caller: AuthenticatedClient, access: Access, form: Mapping[str, str]
) -> Response:
    token, keyed_hash = new_token(issuer, "dc")
    code, now, lifetime = user_code.new(), issuer.clock.time(), issuer.settings.device_code_lifetime
    await issuer.store.add_device_code(
        DeviceCode(
            token_id=token.token_id,
            keyed_hash=keyed_hash,
            user_code_hash=user_code.keyed_hash(issuer.peppers[0], code),
            client_id=caller.client.client_id,
            scope=access.scope,
            audience=access.audience,
            address=caller.peer,
            created_at=now,
            expires_at=now + lifetime,
            interval=INTERVAL,
            # No parameters of RFC 8628: what OpenID Connect Core §3.1.2.1 says of them holds here as well.
            level=requested_level(form.get("acr_values", "")),
            max_age=int(form["max_age"]) if "max_age" in form else None,
        )
    )
    page = issuer.settings.url + PATH
    answer = {
        "device_code": token.secret.reveal(),
        "user_code": user_code.shown(code),
        "verification_uri": page,
        "verification_uri_complete": f"{page}?user_code={user_code.shown(code)}",
        "expires_in": lifetime,
        "interval": INTERVAL,
    }
    return private_json(json.dumps(answer).encode())
