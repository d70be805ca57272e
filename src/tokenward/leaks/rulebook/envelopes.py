"""Tokens that are JSON in base64: what must be inside.

The fields are those that the issuer's own code writes or reads. A look-alike may have the prefix and the
length, and still is no object with these fields.
"""

import base64
import binascii
import json
from collections.abc import Callable
from dataclasses import dataclass

from tokenward.base.entropy import BASE62

Draw = Callable[[str, int], str]


@dataclass(frozen=True, slots=True)
class Envelope:
    """One such format.

    Attributes:
        prefix: before the base64.
        fields: of the object, which must all be there, with the values that a made one has; "" stands for
            random text.
        tail: how many random characters of base64 follow after "_"; 0 for none.
    """

    prefix: str
    fields: tuple[tuple[str, object], ...]
    tail: int = 0

    def valid(self, secret: bytes) -> bool:
        """Whether the object is inside, with all fields."""
        body = secret.removeprefix(self.prefix.encode())
        if self.tail:
            body, _, tail = body.rpartition(b"_")
            if len(tail) != self.tail:
                return False
        body = body.rstrip(b"=").translate(bytes.maketrans(b"-_", b"+/"))
        try:
            found = json.loads(base64.b64decode(body + b"=" * (-len(body) % 4), validate=True))
        except (binascii.Error, ValueError, RecursionError):
            return False
        return isinstance(found, dict) and all(name in found for name, _ in self.fields)

    def make(self, draw: Draw, _: str) -> bytes:
        """One with random text in it, without padding."""
        made = {name: draw(BASE62, 40) if value == "" else value for name, value in self.fields}
        body = base64.urlsafe_b64encode(json.dumps(made, separators=(",", ":")).encode()).rstrip(b"=")
        tail = f"_{draw(BASE62, self.tail)}" if self.tail else ""
        return self.prefix.encode() + body + tail.encode()


# Grafana, pkg/components/apikeygen: {"k": key, "n": name, "id": organisation}.
GRAFANA_KEY = Envelope("", (("k", ""), ("n", "deploy"), ("id", 1)))
# The same of Grafana Cloud, as its documentation shows it: organisation, name, key, meta.
GRAFANA_CLOUD = Envelope("glc_", (("o", "652992"), ("n", "deploy"), ("k", ""), ("m", {"r": "eu"})))
# Sentry, src/sentry/utils/security/orgauthtoken_token.py.
SENTRY = Envelope(
    "sntrys_",
    (
        ("iat", 1700000000.5),
        ("url", "https://sentry.io"),
        ("region_url", "https://us.sentry.io"),
        ("org", "acme"),
    ),
    tail=43,
)
# 1Password service account tokens: https://developer.1password.com/docs/service-accounts/security.
ONE_PASSWORD = Envelope(
    "ops_",
    (
        ("signInAddress", "my.1password.com"),
        ("userAuth", {"method": "SRPg-4096", "alg": "PBES2g-HS256", "iterations": 650000}),
        ("email", "acme@1passwordserviceaccounts.com"),
        ("srpX", ""),
        ("muk", {"alg": "A256GCM", "ext": True}),
        ("secretKey", ""),
    ),
)
