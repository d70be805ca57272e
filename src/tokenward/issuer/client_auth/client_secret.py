"""A secret, in the Authorization header or in the body (RFC 6749 §2.3.1)."""

import base64
import binascii
from dataclasses import dataclass, field

from tokenward.base.asgi import Scope, only_header, peer
from tokenward.base.forms import form_decoded
from tokenward.base.problems import INVALID_CLIENT, MALFORMED, Refusal
from tokenward.issuer.client_auth.method import Form, Stated
from tokenward.issuer.context import Issuer
from tokenward.store.records import Client
from tokenward.tokens import opaque


@dataclass(frozen=True, slots=True)
class SecretEvidence:
    """A client_id and a secret, and the address from which they came."""

    client_id: str
    secret: str = field(repr=False)
    peer: str

    async def client(self, issuer: Issuer) -> Client:
        """The client whose secret this is, while it lasts."""
        parsed = opaque.parse(self.secret, kind="cs", prefix=issuer.settings.token_prefix)
        if parsed is None:
            raise Refusal(INVALID_CLIENT, "the client secret is malformed")
        found = await issuer.store.client_with_secret(parsed.token_id)
        if found is None:
            raise Refusal(INVALID_CLIENT, f"client secret {parsed.token_id} is unknown")
        client, record = found
        if not opaque.matches(issuer.peppers, self.secret, record.keyed_hash):
            raise Refusal(INVALID_CLIENT, f"client secret {parsed.token_id} does not match")
        if client.client_id != self.client_id:
            raise Refusal(INVALID_CLIENT, f"client secret {parsed.token_id} belongs to another client")
        if record.expires_at is not None and record.expires_at <= issuer.clock.time():
            raise Refusal(INVALID_CLIENT, f"client secret {parsed.token_id} has expired")
        issuer.usage.note("client_secret", parsed.token_id, "issuer", self.peer)
        return client


def _basic(scope: Scope, form: Form) -> SecretEvidence | None:
    """Both halves are form-urlencoded before they are joined."""
    header = only_header(scope, b"authorization")
    if header is None:
        return None
    scheme, _, encoded = header.partition(b" ")
    if scheme.lower() != b"basic":
        raise Refusal(INVALID_CLIENT, "the Authorization scheme is not Basic")
    try:
        pair = base64.b64decode(encoded, validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        raise Refusal(INVALID_CLIENT, "the Basic credentials are not base64 of ASCII") from None
    name, _, secret = pair.partition(":")
    try:
        client_id, secret = form_decoded(name), form_decoded(secret)
    except Refusal:
        raise Refusal(INVALID_CLIENT, "the Basic credentials are not form-urlencoded") from None
    if form.get("client_id", client_id) != client_id:
        raise Refusal(MALFORMED, "client_id differs between Authorization and body")
    return SecretEvidence(client_id, secret, peer(scope))


def _post(scope: Scope, form: Form) -> SecretEvidence | None:
    if "client_secret" not in form:
        return None
    if "client_id" not in form:
        raise Refusal(INVALID_CLIENT, "a client_secret without client_id")
    return SecretEvidence(form["client_id"], form["client_secret"], peer(scope))


BASIC = Stated("client_secret_basic", "client_secret", credential="client_secret", read=_basic)
POST = Stated("client_secret_post", "client_secret", credential="client_secret", read=_post)
