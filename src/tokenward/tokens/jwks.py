"""Where verification keys come from: a fixed JWK Set, or one behind a URL that is kept fresh.

The source does no I/O of its own: it calls a function that fetches (`OutboundClient.get` by default).
"""

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from tokenward.base.clock import SYSTEM_CLOCK, Clock
from tokenward.tokens import strict_json
from tokenward.tokens.algorithms import ASYMMETRIC
from tokenward.tokens.jwk_set import NoUsableKey, public_keys
from tokenward.tokens.keys import VerificationKey

RETRY_AFTER = 10.0  # seconds between fetches that an unknown `kid` or a failure asks for
RETRY_FIRST = 1.0  # the same while there are no keys at all and everything waits for them
MAX_AGE = 86_400.0  # seconds after which the last good set is no longer believed
MAX_BYTES = 262_144

_log = logging.getLogger(__name__)


class KeysUnavailable(Exception):  # noqa: N818 - a state of the world that the caller handles
    """Which keys are good cannot be known right now."""


class KeySource(Protocol):
    """Gives the keys among which a token's key is looked up."""

    def find(self, kid: str | None) -> Sequence[VerificationKey]:
        """The current keys; may fetch, blocking, where `kid` is unknown.

        Raises:
            KeysUnavailable: they cannot be had.
        """
        ...

    async def find_async(self, kid: str | None) -> Sequence[VerificationKey]:
        """The same without blocking."""
        ...


@dataclass(frozen=True, slots=True)
class FixedKeys:
    """A `KeySource` whose keys are what they are."""

    keys: tuple[VerificationKey, ...]

    def find(self, kid: str | None) -> Sequence[VerificationKey]:  # noqa: ARG002 - the protocol's
        """The keys."""
        return self.keys

    async def find_async(self, kid: str | None) -> Sequence[VerificationKey]:  # noqa: ARG002 - the protocol's
        """The keys."""
        return self.keys


@dataclass(frozen=True, slots=True)
class _State:
    """What is known now; replaced as a whole, so that threads see one state or the next."""

    keys: tuple[VerificationKey, ...] = ()
    fetched_at: float = float("-inf")
    tried_at: float = float("-inf")
    failed: bool = False

    def has(self, kid: str | None) -> bool:
        return bool(self.keys) and (kid is None or any(key.kid == kid for key in self.keys))


class JwksSource:
    """The JWK Set at a URL: cached, refetched when old or when a `kid` is unknown, kept when fetching fails.

    A key that its owner withdrew is believed for up to `ttl` seconds more; the last one, too, since a set
    without usable keys is an answer and no failure: nothing is good until there is a key again.

    At most one fetch runs at a time (for the threads together, and for each event loop), and an unknown `kid`
    causes at most one every ten seconds, so that tokens with invented names cannot turn this program against
    the issuer.
    """

    def __init__(
        self,
        url: str,
        *,
        fetch: Callable[[str], bytes] | None = None,
        fetch_async: Callable[[str], Awaitable[bytes]] | None = None,
        algorithms: Collection[str] = ASYMMETRIC,
        ttl: float = 300,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        """Nothing is fetched yet.

        Args:
            url: where the set is; configured, never taken from a token.
            fetch: gives the bytes at a URL, blocking; raises whatever it likes. Without one, `https` URLs
                at public addresses are fetched.
            fetch_async: the same without blocking; without one, `fetch` runs in a thread.
            algorithms: what keys may be used for; decides about keys that do not say it.
            ttl: seconds after which the set is fetched again.
            clock: only its monotonic reading is used.
        """
        self._url = url
        self._fetch = fetch or _outbound()
        self._fetch_async = fetch_async or partial(_in_thread, self._fetch)
        self._algorithms = algorithms
        self._ttl = ttl
        self._clock = clock
        self._state = _State()
        self._lock = threading.Lock()
        self._task: asyncio.Task[None] | None = None

    def find(self, kid: str | None) -> Sequence[VerificationKey]:
        """The current keys, fetched first where that is due.

        Raises:
            KeysUnavailable: there are none, or the unknown `kid` may be in a set that cannot be had.
        """
        # Whoever finds its key in an old set goes on with it while another thread fetches.
        if self._due(kid) and self._lock.acquire(blocking=not self._state.has(kid)):
            try:
                if self._due(kid):  # the one before us may have done it
                    self._refresh()
            finally:
                self._lock.release()
        return self._answer(kid)

    async def find_async(self, kid: str | None) -> Sequence[VerificationKey]:
        """As `find`, without blocking.

        Raises:
            KeysUnavailable: as `find`.
        """
        if self._due(kid):
            task = self._task
            if task is None or task.done() or task.get_loop() is not asyncio.get_running_loop():
                self._task = task = asyncio.create_task(self._refresh_async())
                await asyncio.shield(task)  # one caller's cancellation is not the others'
            elif not self._state.has(kid):
                await asyncio.shield(task)
        return self._answer(kid)

    def _due(self, kid: str | None) -> bool:
        state, now = self._state, self._clock.monotonic()
        if state.has(kid) and now - state.fetched_at < self._ttl:
            return False
        return now - state.tried_at >= (RETRY_AFTER if state.keys else RETRY_FIRST)

    def _answer(self, kid: str | None) -> tuple[VerificationKey, ...]:
        state = self._state
        if not state.keys or self._clock.monotonic() - state.fetched_at > MAX_AGE:
            raise KeysUnavailable
        if state.failed and not state.has(kid):
            raise KeysUnavailable
        return state.keys

    def _refresh(self) -> None:
        try:
            self._accept(self._fetch(self._url))
        except Exception as error:  # noqa: BLE001 - however fetching fails, the last good set is kept
            self._keep(error)

    async def _refresh_async(self) -> None:
        try:
            self._accept(await self._fetch_async(self._url))
        except Exception as error:  # noqa: BLE001 - the same
            self._keep(error)

    def _accept(self, body: bytes) -> None:
        if len(body) > MAX_BYTES:
            raise ValueError("the JWK Set is too large")
        try:
            keys = public_keys(strict_json.read_object(body), algorithms=self._algorithms)
        except NoUsableKey:
            keys = ()
            _log.warning("the JWK Set at %s holds no usable key", self._url)
        now = self._clock.monotonic()
        self._state = _State(keys, fetched_at=now, tried_at=now)

    def _keep(self, error: Exception) -> None:
        old = self._state
        self._state = _State(old.keys, old.fetched_at, self._clock.monotonic(), failed=True)
        _log.warning("the JWK Set at %s was not refreshed: %s", self._url, type(error).__name__)


async def _in_thread(fetch: Callable[[str], bytes], url: str) -> bytes:
    return await asyncio.to_thread(fetch, url)


def _outbound() -> Callable[[str], bytes]:
    # An HTTP client is loaded by programs that fetch, not by every `import tokenward`.
    from tokenward.base.outbound import OutboundClient  # noqa: PLC0415

    return OutboundClient(max_bytes=MAX_BYTES).get
