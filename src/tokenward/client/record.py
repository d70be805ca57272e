"""A token as it is kept in a vault: written and read back, or not trusted."""

import base64
import binascii
import json
from dataclasses import dataclass, field

from tokenward.base.clock import Clock
from tokenward.base.secret import Secret
from tokenward.client.bound_key import BoundKey
from tokenward.client.token import Token
from tokenward.tokens import strict_json
from tokenward.tokens.keys import SigningKey

AHEAD = 60.0
"""Seconds in the future at which a token may have been obtained, as the calendar has it now."""


@dataclass(frozen=True, slots=True)
class Record:
    """What is kept.

    Attributes:
        token: the access token, with the key that it is bound to.
        refresh_token: gets the next one, or None.
        subject: who signed in, as the ID token said; "" where none did.
    """

    token: Token
    refresh_token: Secret | None = field(default=None, repr=False)
    subject: str = ""

    def written(self) -> bytes:
        """As bytes, to be sealed."""
        token = self.token
        key = token.key.key if token.key is not None else None
        content = {
            "access_token": token.value.reveal(),
            "scope": list(token.scope),
            "obtained_at": token.obtained_at,
            "expires_at": token.expires_at,
            "key": base64.b64encode(key.to_pkcs8()).decode() if key is not None else None,
            "kid": key.kid if key is not None else None,
            "refresh_token": self.refresh_token.reveal() if self.refresh_token is not None else None,
            "subject": self.subject,
        }
        return json.dumps(content).encode()


def read_record(content: bytes, clock: Clock, key: BoundKey | None) -> Record | None:
    """What `written` wrote; None where it is of another version, or dated in the future.

    Args:
        content: the bytes, which nobody changed.
        clock: what time it is.
        key: the key that is in use: kept if it is the same, with the nonces that it knows.
    """
    try:
        said = strict_json.read_object(content)
        if said["key"] is None:
            key = None
        elif key is None or key.key.kid != said["kid"]:
            held = SigningKey.from_pkcs8(said["kid"], "ES256", base64.b64decode(said["key"]))
            key = BoundKey(clock, held)
        token = Token(
            value=Secret(said["access_token"]),
            scope=tuple(said["scope"]),
            obtained_at=float(said["obtained_at"]),
            expires_at=float(said["expires_at"]),
            key=key,
        )
        refresh = Secret(said["refresh_token"]) if said["refresh_token"] is not None else None
        subject = said.get("subject", "")  # earlier versions kept none, and nobody is signed out for that
    except (KeyError, TypeError, ValueError, binascii.Error):
        return None
    return Record(token, refresh, subject) if token.obtained_at <= clock.time() + AHEAD else None
