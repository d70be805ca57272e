"""Holds the key that tokens are bound to by DPoP (RFC 9449), and makes proofs: good ones, and others."""

import hashlib
from typing import Any
from urllib.parse import urlsplit

from tokenward.auditor.attacks.kit import ABSENT, b64, changed, compact, signed
from tokenward.base.clock import Clock
from tokenward.base.entropy import random_base62
from tokenward.tokens.keys import SigningKey, members, thumbprint


class Holder:
    """One key, and the nonce that the target asked for last.

    Args:
        clock: tells when proofs are made.
        key: the one that tokens are bound to; a new one by default.

    Attributes:
        thumbprint: of the key, as in `cnf.jkt`.
    """

    def __init__(self, clock: Clock, key: SigningKey | None = None) -> None:
        self._clock = clock
        self._key = key or SigningKey.generate("ES256")
        self._other = SigningKey.generate(self._key.algorithm)
        self._nonce: object = ABSENT
        self.thumbprint = thumbprint(members(self._key.private.public_key()))

    def hear(self, nonce: str) -> None:
        """Take up the nonce of an answer (§8.2); "" is none."""
        if nonce:
            self._nonce = nonce

    def proof(
        self,
        method: str,
        url: str,
        token: bytes,
        *,
        stranger: bool = False,
        typ: str = "dpop+jwt",
        **claims: object,
    ) -> bytes:
        """A good proof for a request (§4.2), but for these claims; by another key if `stranger`."""
        key = self._other if stranger else self._key
        parts = urlsplit(url)
        good: dict[str, Any] = {
            "jti": random_base62(20),
            "htm": method,
            "htu": f"{parts.scheme}://{parts.netloc}{parts.path or '/'}",
            "iat": int(self._clock.time()),
            "ath": b64(hashlib.sha256(token).digest()),
            "nonce": self._nonce,
        }
        head = {"typ": typ, "alg": key.algorithm, "jwk": members(key.private.public_key())}
        return signed(compact(head), compact(changed(good, claims)), key.sign).encode()
