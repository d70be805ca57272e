"""DPoP from the client's side (RFC 9449): proofs, and the nonces that servers ask for in them.

Nothing is sent here. Whoever sends asks for a proof before each request, shows each answer to `must_repeat`,
and sends the request once more, with a new proof, where that says so.
"""

from collections.abc import Mapping
from urllib.parse import urlsplit

from tokenward.base.clock import SYSTEM_CLOCK, Clock
from tokenward.base.entropy import identifier
from tokenward.base.origins import origin_of
from tokenward.base.secret import Secret
from tokenward.tokens import strict_json
from tokenward.tokens.binding import token_hash
from tokenward.tokens.jws import sign_proof
from tokenward.tokens.keys import SigningKey, members, thumbprint

_NONCE_NEEDED = "use_dpop_nonce"


class DpopProver:
    """Makes proofs with one key, and remembers the newest nonce of each server.

    Args:
        key: the client's; it never leaves the client. A new one by default.
        clock: time.
    """

    __slots__ = ("_clock", "_key", "_nonces", "thumbprint")

    def __init__(self, key: SigningKey | None = None, *, clock: Clock = SYSTEM_CLOCK) -> None:
        self._key = key or SigningKey.generate("ES256")
        self._nonces: dict[str, str] = {}
        self._clock = clock
        self.thumbprint = thumbprint(members(self._key.private.public_key()))
        """The `jkt` that tokens are bound to; the `dpop_jkt` of an authorization request (§10)."""

    def proof(self, method: str, url: str, access_token: Secret | None = None) -> str:
        """The `DPoP` header of one request (§4.2). It is good once.

        Args:
            method: the request's.
            url: the request's; its query and fragment are left out.
            access_token: the token that goes with it; None at the token endpoint.

        Raises:
            ValueError: the URL is not one of http or https.
        """
        parts = urlsplit(url)
        claims: dict[str, object] = {
            "jti": identifier(),
            "htm": method,
            "htu": origin_of(url) + (parts.path or "/"),
            "iat": int(self._clock.time()),
        }
        if access_token is not None:
            claims["ath"] = token_hash(access_token.reveal())
        if nonce := self._nonces.get(origin_of(url)):
            claims["nonce"] = nonce
        return sign_proof(self._key, claims, typ="dpop+jwt")

    def headers(self, method: str, url: str, access_token: Secret) -> list[tuple[str, str]]:
        """What goes with a request to a protected resource (§7.1)."""
        proof = self.proof(method, url, access_token)
        return [("authorization", f"DPoP {access_token.reveal()}"), ("dpop", proof)]

    def must_repeat(self, url: str, status: int, headers: Mapping[str, str], body: bytes) -> bool:
        """Note the nonce of an answer (§8.2); whether the request was refused only for want of it (§8, §9).

        Args:
            url: where the request went.
            status: of the answer.
            headers: of the answer, names in lower case or in any.
            body: of the answer.
        """
        nonce = headers.get("dpop-nonce")
        if not nonce:
            return False
        self._nonces[origin_of(url)] = nonce
        if status == 401:
            return f'error="{_NONCE_NEEDED}"' in headers.get("www-authenticate", "")
        return status == 400 and _error(body) == _NONCE_NEEDED


def _error(body: bytes) -> object:
    try:
        return strict_json.read_object(body).get("error")
    except ValueError:
        return None
