"""A JWT that the client signed with a key of its own (RFC 7523 §2.2, OpenID Connect Core §9).

Nothing that the issuer keeps could be used to speak for the client, and nothing that is sent can be used
twice or elsewhere: the audience is this issuer and no other (draft-ietf-oauth-rfc7523bis), the `jti` counts
once, in all processes.
"""

import hashlib
from dataclasses import dataclass, field

from tokenward.base.asgi import Scope
from tokenward.base.problems import INVALID_CLIENT, UNAVAILABLE, Refusal
from tokenward.issuer.client_auth.method import Form, Stated
from tokenward.issuer.client_keys import LEEWAY
from tokenward.issuer.context import Issuer
from tokenward.store.records import Client
from tokenward.tokens.claims import VerifiedClaims
from tokenward.tokens.errors import InvalidToken
from tokenward.tokens.presented import claimed_issuer

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@dataclass(frozen=True, slots=True)
class AssertionEvidence:
    """An assertion, and the `client_id` beside it if there is one."""

    assertion: str = field(repr=False)
    client_id: str | None

    async def client(self, issuer: Issuer) -> Client:
        """The client that signed it for this issuer, now, and for the first time."""
        try:
            claimed = claimed_issuer(self.assertion)
        except InvalidToken as error:
            raise Refusal(INVALID_CLIENT, f"the client assertion was refused: {error.code}") from None
        client = await issuer.client(claimed) if claimed is not None else None
        if client is None:
            raise Refusal(INVALID_CLIENT, "the assertion is of an unknown client")
        if self.client_id not in (None, client.client_id):  # RFC 7521 §4.2
            raise Refusal(
                INVALID_CLIENT, f"client_id is not client {client.client_id}'s, whose assertion it is"
            )
        try:
            claims = await issuer.client_keys.validator(client).validate_async(self.assertion)
        except InvalidToken as error:
            raise _refusal(issuer, client, error) from None
        except ValueError as error:
            raise Refusal(INVALID_CLIENT, f"no assertion of this client can be good: {error}") from None
        await _use(issuer, client, claims)
        return client


def _refusal(issuer: Issuer, client: Client, error: InvalidToken) -> Refusal:
    if error.code != "keys_unavailable":
        return Refusal(
            INVALID_CLIENT, f"the assertion of client {client.client_id} was refused: {error.code}"
        )
    # What answers at its jwks_uri is the client's own: there is nothing here to wait for.
    if why := issuer.client_keys.why_unusable(client):
        return Refusal(INVALID_CLIENT, f"the jwks_uri of client {client.client_id} gives no good keys: {why}")
    return Refusal(UNAVAILABLE, "a client's keys cannot be had", retry_after=1)


async def _use(issuer: Issuer, client: Client, claims: VerifiedClaims) -> None:
    """RFC 7523 §3 (7): once. A client that tries again signs again."""
    key = hashlib.sha256(f"client assertion {client.client_id} {claims['jti']}".encode()).digest()
    if not await issuer.store.first_use(key, claims.expires_at + LEEWAY, at=issuer.clock.time()):
        raise Refusal(INVALID_CLIENT, f"client {client.client_id} replays an assertion")


def _read(_scope: Scope, form: Form) -> AssertionEvidence | None:
    if "client_assertion" not in form:
        return None
    if form.get("client_assertion_type") != ASSERTION_TYPE:
        raise Refusal(INVALID_CLIENT, "a client assertion of another type")
    return AssertionEvidence(form["client_assertion"], form.get("client_id"))


PRIVATE_KEY_JWT = Stated("private_key_jwt", "private_key_jwt", credential="private_key_jwt", read=_read)
