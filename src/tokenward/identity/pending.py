"""A sign-in that is on its way: what was proved so far, sealed in a cookie of the browser.

There is no session before all of it is done, and nothing on the server that a crash could leave half-open.
The cookie is no credential: it shows the first factor of one sign-in for some minutes, in one browser.
"""

import json
from collections.abc import Sequence
from dataclasses import astuple, dataclass

from tokenward.base.asgi import Scope
from tokenward.base.clock import SYSTEM_CLOCK, Clock
from tokenward.base.cookies import Cookie
from tokenward.identity.sessions import FromUpstream
from tokenward.store.people_records import Proof
from tokenward.tokens import base64url
from tokenward.tokens.sealing import SealBroken, Sealer

LIFETIME = 10 * 60
"""Seconds from the first proof to the last."""

_CONTEXT = b"identity/pending"


@dataclass(frozen=True, slots=True)
class Pending:
    """Who is signing in, and what they proved.

    Attributes:
        user_id: the person.
        version: of how they sign in (`User.version`) when they proved it: it must not have changed since.
        proofs: oldest first.
        session_id: the session that will be replaced, where they had one; else "".
        upstream: the sign-in at an identity provider that is among it, or None.
    """

    user_id: str
    version: int
    proofs: tuple[Proof, ...]
    session_id: str = ""
    upstream: FromUpstream | None = None


class PendingSignIns:
    """Keeps what was proved between two steps."""

    def __init__(self, cookie: Cookie, sealer: Sealer, *, clock: Clock = SYSTEM_CLOCK) -> None:
        self._cookie = cookie
        self._sealer = sealer
        self._clock = clock

    def read(self, scope: Scope) -> Pending | None:
        """What the request's browser has proved so far, or None."""
        text = self._cookie.read(scope)
        if not text:
            return None
        try:
            content = json.loads(self._sealer.open(base64url.decode(text), context=_CONTEXT))
        except (SealBroken, ValueError):
            return None
        if content["end"] <= self._clock.time():
            return None
        proofs = tuple(Proof(tuple(amr), at) for amr, at in content["proofs"])
        upstream = FromUpstream(*content["upstream"]) if content["upstream"] else None
        return Pending(content["user"], content["version"], proofs, content["session"], upstream)

    def keep(self, pending: Pending) -> tuple[bytes, bytes]:
        """The response header that keeps it."""
        content = {
            "user": pending.user_id,
            "version": pending.version,
            "proofs": [[proof.amr, proof.at] for proof in pending.proofs],
            "session": pending.session_id,
            "upstream": astuple(pending.upstream) if pending.upstream else None,
            "end": _end(pending.proofs, self._clock.time()),
        }
        sealed = self._sealer.seal(json.dumps(content).encode(), context=_CONTEXT)
        return self._cookie.set(base64url.encode(sealed))

    def drop(self) -> tuple[bytes, bytes]:
        """The response header that forgets it."""
        return self._cookie.clear()


def _end(proofs: Sequence[Proof], now: float) -> float:
    # From the first proof of this sign-in; those of a session may be older, and do not shorten it.
    fresh = [proof.at for proof in proofs if proof.at > now - LIFETIME]
    return min(fresh, default=now) + LIFETIME
