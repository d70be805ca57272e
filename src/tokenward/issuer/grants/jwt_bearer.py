"""RFC 7523 §2.1: a platform's token for one of its workloads becomes an access token of a registered client.

There is no secret: the client is registered for the method `workload`, and rules say which workloads it is.
The access token ends with the assertion at the latest (RFC 7521 §4.1), since nobody vouches for what comes
after; and where the platform gives a fresh assertion to each who asks, one counts once.
"""

import hashlib
from collections.abc import Mapping

from tokenward.base.asgi import Scope
from tokenward.base.problems import INVALID_GRANT, MALFORMED, MISSING_PARAMETER, Refusal
from tokenward.issuer.client_auth.authenticate import slow_guessing
from tokenward.issuer.client_auth.method import CONFIDENTIAL, AuthenticatedClient, Form
from tokenward.issuer.client_auth.table import STATED
from tokenward.issuer.context import Issuer
from tokenward.issuer.grants.grant import GrantType
from tokenward.issuer.issue import TokenResponse, client_access_token
from tokenward.issuer.scopes import own_access
from tokenward.issuer.token_type import token_type
from tokenward.issuer.workloads import Vouched
from tokenward.store.locators import with_fresh_locators
from tokenward.store.records import Client

LEEWAY = 60  # seconds beyond its end for which a used assertion is remembered: no clock is so far behind


async def vouched_client(issuer: Issuer, scope: Scope, form: Form) -> AuthenticatedClient:
    """The client `client_id`, if the assertion vouches for it.

    Raises:
        Refusal: INVALID_GRANT, whatever is wrong with the assertion (RFC 7521 §4.1.1); MISSING_PARAMETER;
            MALFORMED, the client authenticates as well; TOO_MANY_REQUESTS; UNAVAILABLE.
    """
    for name in ("assertion", "client_id"):
        if name not in form:
            raise Refusal(MISSING_PARAMETER, name)
    if any(method.read(scope, form) is not None for method in STATED):
        raise Refusal(MALFORMED, "client authentication beside the assertion that stands in its place")
    try:
        vouched = await issuer.workloads.vouched(form["assertion"], form["client_id"])
        client = await _registered(issuer, form["client_id"])
    except Refusal as refusal:
        if refusal.problem is INVALID_GRANT:
            slow_guessing(issuer, scope)
        raise
    return AuthenticatedClient(client, "workload", vouched=vouched)


async def redeem(issuer: Issuer, caller: AuthenticatedClient, parameters: Mapping[str, str]) -> TokenResponse:
    """An access token for the client itself."""
    if caller.vouched is None:
        raise Refusal(INVALID_GRANT, "nobody vouches for the caller")
    access = own_access(issuer.settings, caller.client, parameters)
    until = caller.vouched.claims.expires_at
    if until <= issuer.clock.time():  # the validator lets clocks differ
        raise Refusal(INVALID_GRANT, "the assertion ends now")
    if caller.vouched.once:
        await _use(issuer, caller.vouched)

    async def attempt() -> TokenResponse:
        token, record = client_access_token(issuer, caller, access, until=until)
        await issuer.store.add_access_token(record)
        return TokenResponse(
            token.reveal(),
            token_type(record.cnf),
            record.expires_at,
            record.scope,
            authorization_details=record.authorization_details,
        )

    return await with_fresh_locators(attempt)


async def _registered(issuer: Issuer, client_id: str) -> Client:
    client = await issuer.store.client(client_id)
    if client is None or client.auth_method != "workload":
        raise Refusal(INVALID_GRANT, f"{client_id} is no client that is registered as a workload")
    return client


async def _use(issuer: Issuer, vouched: Vouched) -> None:
    """RFC 7523 §3 (7): what stands in a log, or was intercepted, was used already."""
    claims = vouched.claims
    key = hashlib.sha256(f"workload {claims.issuer} {claims['jti']}".encode()).digest()
    if not await issuer.store.first_use(key, claims.expires_at + LEEWAY, at=issuer.clock.time()):
        raise Refusal(INVALID_GRANT, f"an assertion of {claims.issuer} is replayed")


GRANT = GrantType(
    "urn:ietf:params:oauth:grant-type:jwt-bearer",
    client_types=CONFIDENTIAL,
    required=("assertion", "client_id"),
    optional=("scope", "resource", "authorization_details"),
    redeem=redeem,
    authenticate=vouched_client,
)
