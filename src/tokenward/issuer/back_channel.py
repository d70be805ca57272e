"""Relying parties are told that a session has ended (OpenID Connect Back-Channel Logout 1.0).

The queue is the store: whatever ends a session has left a notice there. Each try is a logout token of its
own, so that one which arrived while its answer got lost is told again and not refused as a repetition. A
process that dies between telling and noting it lets another one tell twice, which ends nothing more.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Never, Protocol
from urllib.parse import urlencode

from tokenward.base.clock import SYSTEM_CLOCK, Clock
from tokenward.base.entropy import identifier
from tokenward.base.outbound import OutboundClient, OutboundError
from tokenward.base.problems import Refusal
from tokenward.store.logout_port import Logouts
from tokenward.store.logout_records import LogoutNotice
from tokenward.store.port import Clients, StoreUnavailable
from tokenward.store.records import Client
from tokenward.tokens.jws import sign_jwt
from tokenward.tokens.keys import SigningKey
from tokenward.tokens.subjects import subject

LOGOUT_TYPE = "logout+jwt"  # Back-Channel Logout §2.4
EVENT = "http://schemas.openid.net/event/backchannel-logout"
LIFETIME = 120  # seconds; §2.4 recommends two minutes at most

AGAIN = (5.0, 30.0, 120.0, 600.0, 3600.0, 3 * 3600.0)
"""Seconds before a notice that was not taken is tried again."""

_ROUND_SECONDS = 1.0
_AT_ONCE = 20
_LEASE = 60.0  # seconds for one round; more than any try takes
_TAKEN = (200, 204)  # §2.8; 204 is what many frameworks make of an empty answer

_log = logging.getLogger("tokenward.issuer")

Send = Callable[[str, str], Awaitable[int]]
"""Posts a logout token to a URL; the status of the answer, or an `OutboundError`."""


class Noticed(Logouts, Clients, Protocol):
    """What the telling asks of the store."""


class Signers(Protocol):
    """The part of a `KeyRing` that signs."""

    def signer(self, algorithm: str) -> SigningKey:
        """See `KeyRing`."""


class BackChannel:
    """Tells.

    Args:
        store: where notices and clients are.
        issuer_url: who we are.
        pairwise_key: makes pairwise subjects.
        signing_keys: the outside keys.
        send: reaches a URL that a client is registered with, and no inside by it.
        clock: time.
    """

    def __init__(
        self,
        store: Noticed,
        issuer_url: str,
        pairwise_key: bytes,
        signing_keys: Signers,
        send: Send,
        *,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._store = store
        self._issuer_url = issuer_url
        self._pairwise_key = pairwise_key
        self._keys = signing_keys
        self._send = send
        self._clock = clock

    async def tell_due(self) -> int:
        """Tell what is due; how many notices were tried.

        Raises:
            StoreUnavailable: the rest is for the next round.
        """
        now = self._clock.time()
        notices = await self._store.take_logouts(at=now, until=now + _LEASE, limit=_AT_ONCE)
        # Beside each other: a party that does not answer must not hold up the others.
        await asyncio.gather(*(self._settled(notice) for notice in notices))
        return len(notices)

    async def run(self) -> Never:
        """Tell what is due, for ever."""
        while True:
            try:
                tried = await self.tell_due()
            except StoreUnavailable as error:
                _log.warning("telling of logouts was put off: %s", error)
                tried = 0
            if tried < _AT_ONCE:
                await asyncio.sleep(_ROUND_SECONDS)

    async def _settled(self, notice: LogoutNotice) -> None:
        client = await self._store.client(notice.client_id)
        why = await self._told(client, notice) if client is not None else ""
        again_at = None
        if why:
            last = notice.attempts > len(AGAIN)
            if not last:
                again_at = self._clock.time() + AGAIN[notice.attempts - 1]
            _log.log(
                logging.ERROR if last else logging.WARNING,
                "client %s was not told of a logout%s: %s",
                notice.client_id,
                ", and will not be" if last else "",
                why,
            )
        await self._store.settle_logout(notice.notice_id, again_at=again_at)

    async def _told(self, client: Client, notice: LogoutNotice) -> str:
        """Why it was not told; "" if it was, or has no address any more."""
        uri = client.openid.backchannel_logout_uri
        if not uri:
            return ""
        try:
            status = await self._send(uri, self.logout_token(client, notice))
        except OutboundError as error:
            return str(error)
        except Refusal as refusal:  # no key signs now
            return refusal.problem.code
        return "" if status in _TAKEN else f"it answered {status}"

    def logout_token(self, client: Client, notice: LogoutNotice) -> str:
        """A logout token (§2.4), under the names that this client knows person and session by.

        Raises:
            Refusal: UNAVAILABLE, no key signs now.
        """
        now = int(self._clock.time())
        claims = {
            "iss": self._issuer_url,
            "aud": client.client_id,
            "iat": now,
            "exp": now + LIFETIME,
            "jti": identifier(),
            "sub": subject(self._pairwise_key, notice.user_id, client.sector),
            "sid": notice.sid,
            "events": {EVENT: {}},
        }
        return sign_jwt(
            self._keys.signer(client.openid.id_token_signed_response_alg), claims, typ=LOGOUT_TYPE
        )


def sending(outbound: OutboundClient) -> Send:
    """Posts by this client, which decides where one may get (Back-Channel Logout §2.5)."""
    headers = {"Content-Type": "application/x-www-form-urlencoded"}

    async def send(url: str, logout_token: str) -> int:
        body = urlencode({"logout_token": logout_token}).encode()
        return (await outbound.ask_async("POST", url, headers=headers, body=body)).status

    return send
