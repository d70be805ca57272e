"""What is sealed: a sign-in that is under way, in the browser; what a session holds, in its store.

The key of a session's content is made of the application's key and of the session's id, which only the
browser's cookie holds. So a copy of the store, even with the application's key, gives away no token.
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tokenward.base.entropy import random_bytes
from tokenward.base.references import parse, resolve
from tokenward.base.secret import Secret
from tokenward.tokens.sealing import SealBroken, Sealer, derive_key

SHORTEST = 32
"""Characters of a key that somebody else made."""

_LOGIN = b"tokenward web sign-in under way"
_SESSION = b"tokenward web session"


class AppKey:
    """The application's key, or one of this process.

    Args:
        key: 32 bytes or more that nobody else knows; None for new ones.
    """

    def __init__(self, key: bytes | None = None) -> None:
        self._key = key if key is not None else random_bytes(32)
        self.logins = Sealer(derive_key(self._key, info=_LOGIN))

    @classmethod
    def kept(cls, reference: str) -> "AppKey":
        """The one that is kept at a place such as `env:SESSION_KEY`; "" for a new one that nobody else knows.

        Raises:
            ValueError: it is no reference, cannot be had, or is too short.
        """
        if not reference:
            return cls()
        parse(reference)
        key = resolve(reference, base_dir=Path.cwd()).reveal().encode()
        if len(key) < SHORTEST:
            raise ValueError(f"the key must have {SHORTEST} characters that nobody can guess")
        return cls(key)

    def of_session(self, session_id: str) -> Sealer:
        """What seals the content of one session."""
        return Sealer(derive_key(self._key + session_id.encode(), info=_SESSION))


@dataclass(frozen=True, slots=True)
class Content:
    """What a session holds.

    Attributes:
        claims: what the provider said; JSON values.
        id_token: the ID token, for signing out there.
        record: the tokens, as `client.record` writes them; None where there are none any more.
        signed_in_at: seconds since the epoch.
        ends_at: after which it is over however much it is used.
    """

    claims: Mapping[str, Any] = field(repr=False)
    id_token: Secret
    record: bytes | None = field(repr=False)
    signed_in_at: float
    ends_at: float

    def sealed(self, sealer: Sealer, key: bytes) -> bytes:
        """For the store's row `key`."""
        said = {
            "claims": self.claims,
            "id_token": self.id_token.reveal(),
            "record": base64.b64encode(self.record).decode() if self.record is not None else None,
            "signed_in_at": self.signed_in_at,
            "ends_at": self.ends_at,
        }
        return sealer.seal(json.dumps(said).encode(), context=key)


def opened(sealed: bytes, sealer: Sealer, key: bytes) -> Content | None:
    """What `sealed` wrote; None where it was changed, or sealed under another key."""
    try:
        said = json.loads(sealer.open(sealed, context=key))
        record = base64.b64decode(said["record"]) if said["record"] is not None else None
        return Content(
            said["claims"], Secret(said["id_token"]), record, said["signed_in_at"], said["ends_at"]
        )
    except (SealBroken, KeyError, ValueError, binascii.Error):
        return None


def row_key(session_id: str) -> bytes:
    """Under which a session is found: the store never holds what a cookie must show."""
    return hashlib.sha256(b"tokenward web session/" + session_id.encode()).digest()
