"""A JWK Set behind a URL that is kept fresh.

The source does no I/O of its own: it calls a function that fetches (`OutboundClient.get` by default).
"""

import asyncio
import inspect
import logging
import math
import os
import threading
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import Enum, auto
from weakref import WeakSet

from tokenward.base.clock import SYSTEM_CLOCK, Clock
from tokenward.tokens import strict_json
from tokenward.tokens.algorithms import ASYMMETRIC
from tokenward.tokens.flight import Flight
from tokenward.tokens.jwk_set import NoUsableKey, public_keys
from tokenward.tokens.key_source import KeysUnavailable, agreed
from tokenward.tokens.keys import VerificationKey

RETRY_AFTER = 10.0  # seconds between fetches that an unknown `kid` or a failure asks for
RETRY_FIRST = 1.0  # the same while there are no keys at all and everything waits for them
MAX_AGE = 86_400.0  # seconds after which the last good set is no longer believed
AHEAD = 0.8  # of `ttl`: when the next set is fetched, while everybody goes on with the last one
WAIT = 10.0  # seconds for which anybody waits for a fetch that somebody else began
MAX_BYTES = 262_144

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _State:
    """What is known now; replaced as a whole, so that threads see one state or the next."""

    keys: tuple[VerificationKey, ...] = ()
    generation: int = 0
    fetched_at: float = float("-inf")
    tried_at: float = float("-inf")
    failed: bool = False
    unusable: str = ""

    def has(self, kid: str | None) -> bool:
        return bool(self.keys) and (kid is None or any(key.kid == kid for key in self.keys))


class _Unusable(ValueError):  # noqa: N818 - the message is the state
    """What came is no JWK Set for verifying; the text says why, and nothing of what is in it."""


class _Urgency(Enum):
    NONE = auto()
    SOON = auto()  # fetched ahead of need: nobody waits
    NOW = auto()  # nothing can be said without it


class JwksSource:
    """The JWK Set at a URL: cached, refetched before it is old and when a `kid` is unknown, kept on failure.

    The next set is fetched in the background when four fifths of `ttl` are over, so that under traffic nobody
    waits for it; after a pause that outlasts `ttl`, the first callers wait. A key that its owner withdrew is
    believed for up to `ttl` seconds more; the last one, too, since a set without usable keys is an answer and
    no failure: nothing is good until there is a key again. While fetching fails, the last good set is
    believed, for a day at most.

    At most one fetch runs at a time, for threads, tasks and event loops together, and an unknown `kid` causes
    at most one every `retry_after` seconds, so that tokens with invented names cannot turn this program
    against the issuer.
    """

    def __init__(
        self,
        url: str,
        *,
        fetch: Callable[[str], bytes] | None = None,
        fetch_async: Callable[[str], Awaitable[bytes]] | None = None,
        ttl: float = 300,
        retry_after: float = RETRY_AFTER,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        """Nothing is fetched yet.

        Args:
            url: where the set is; configured, never taken from a token.
            fetch: gives the bytes at a URL, blocking; must end by itself, and raises whatever it likes.
                Without one, `https` URLs at public addresses are fetched.
            fetch_async: the same without blocking; without one, `fetch` runs in a thread.
            ttl: seconds after which the set is old; `retry_after` at least.
            retry_after: seconds between fetches that an unknown `kid` or a failure asks for; 1 at least.
            clock: only its monotonic reading is used.

        Raises:
            ValueError: a setting is bad.
        """
        if inspect.iscoroutinefunction(fetch):
            raise ValueError("fetch must give bytes; a function that is awaited is fetch_async")
        if not RETRY_FIRST <= retry_after < math.inf:
            raise ValueError(f"retry_after must be {RETRY_FIRST:g} seconds or more")
        if not retry_after <= ttl < math.inf:
            raise ValueError(f"ttl must be {retry_after:g} seconds or more")
        self._url = url
        self._fetch = fetch or _fetch_public
        self._fetch_async = fetch_async
        self._algorithms: tuple[str, ...] = ()
        self._ttl = ttl
        self._ahead = ttl * AHEAD
        self._retry_after = retry_after
        self._clock = clock
        self._state = _State()
        self._lock = threading.Lock()
        self._flight: Flight | None = None
        _sources.add(self)

    @property
    def generation(self) -> int | None:
        """Moves whenever the content of the set changes; None while `find` has something to fetch."""
        state, now = self._state, self._clock.monotonic()
        age = now - state.fetched_at
        if age < self._ahead:  # asked for each token that is remembered
            return state.generation
        waits = self._may_try(state, now) or not self._is_believed(state, age)
        return None if waits else state.generation

    @property
    def unusable(self) -> str:
        """Why what the URL answered last is no JWK Set with a usable key; "" if it is one, or gave no answer.

        Where it is not "", that no keys can be had is the fault of whoever answers there, and not the line's.
        """
        return "" if self._flight is not None else self._state.unusable

    def settle(self, algorithms: Collection[str]) -> None:
        """Say what the keys are used for: that decides about keys that do not say it themselves.

        Each validator does this with its `algorithms`. Two that allow different ones cannot share a source,
        since one of them might use a key with this algorithm and one with that (RFC 8725 §3.1).

        Raises:
            ValueError: it is settled otherwise.
        """
        with self._lock:
            before, self._algorithms = self._algorithms, agreed(self._algorithms, algorithms)
            if not before:
                self._state = _State(generation=self._state.generation + 1)

    def find(self, kid: str | None) -> Sequence[VerificationKey]:
        """The current keys, fetched first where there is no way around it.

        Raises:
            KeysUnavailable: there are none, or the unknown `kid` may be in a set that cannot be had.
        """
        urgency = self._urgency(kid)
        if urgency is not _Urgency.NONE:
            flight, ours = self._board(None)
            if urgency is _Urgency.SOON:
                if ours:
                    self._carry_in_thread(flight)
            elif ours or not flight.wait(WAIT):
                self._carry(flight if ours else Flight(self._clock.monotonic()))
        return self._answer(kid)

    async def find_async(self, kid: str | None) -> Sequence[VerificationKey]:
        """As `find`, without blocking.

        Raises:
            KeysUnavailable: as `find`.
        """
        urgency = self._urgency(kid)
        if urgency is not _Urgency.NONE:
            flight, ours = self._board(asyncio.get_running_loop() if self._fetch_async else None)
            if ours and self._fetch_async is not None:
                self._carry_in_task(flight, self._fetch_async)
            elif ours:
                self._carry_in_thread(flight)
            if urgency is _Urgency.NOW:
                await flight.wait_async(WAIT)
        return self._answer(kid)

    def _urgency(self, kid: str | None) -> _Urgency:
        state, now = self._state, self._clock.monotonic()
        age, known = now - state.fetched_at, state.has(kid)
        if known and age < self._ahead:
            return _Urgency.NONE
        if self._flight is None and not self._may_try(state, now):
            return _Urgency.NONE
        return _Urgency.SOON if known and self._is_believed(state, age) else _Urgency.NOW

    def _may_try(self, state: _State, now: float) -> bool:
        return now - state.tried_at >= (self._retry_after if state.keys else RETRY_FIRST)

    def _is_believed(self, state: _State, age: float) -> bool:
        return age < (MAX_AGE if state.failed else self._ttl)

    def _answer(self, kid: str | None) -> tuple[VerificationKey, ...]:
        state = self._state
        if not state.keys or self._clock.monotonic() - state.fetched_at > MAX_AGE:
            raise KeysUnavailable
        if not state.has(kid) and (state.failed or self._flight is not None):
            raise KeysUnavailable
        return state.keys

    def _board(self, loop: asyncio.AbstractEventLoop | None) -> tuple[Flight, bool]:
        """The fetch to wait for, and whether it is ours to carry."""
        with self._lock:
            now = self._clock.monotonic()
            if self._flight is not None and not self._flight.is_lost:
                return self._flight, False
            if not self._may_try(self._state, now):  # one ended while we came here
                return _landed(now), False
            self._state = replace(self._state, tried_at=now)
            self._flight = Flight(now, loop)
            return self._flight, True

    def _carry(self, flight: Flight) -> None:
        try:
            self._accept(self._fetch(self._url), flight)
        except Exception as error:  # noqa: BLE001 - however fetching fails, the last good set is kept
            self._keep(error, flight)
        except BaseException as error:  # the program ends, or a framework cancels: its matter, not ours
            self._keep(error, flight)
            raise
        finally:
            self._land(flight)

    def _carry_in_thread(self, flight: Flight) -> None:
        def carry() -> None:
            with suppress(BaseException):  # there is nobody above whose matter it would be
                self._carry(flight)

        try:
            # One that is thrown away, because one that is kept does not survive a fork; a daemon, because
            # nobody's exit waits for keys.
            threading.Thread(target=carry, name="tokenward-jwks", daemon=True).start()
        except RuntimeError as error:  # no more threads, or the interpreter is ending
            self._keep(error, flight)
            self._land(flight)

    def _carry_in_task(self, flight: Flight, fetch: Callable[[str], Awaitable[bytes]]) -> None:
        async def carry() -> None:
            try:
                async with asyncio.timeout(WAIT):
                    self._accept(await fetch(self._url), flight)
            except asyncio.CancelledError as error:
                task = asyncio.current_task()
                if task is None or task.cancelling():
                    raise
                self._keep(error, flight)  # nobody cancelled us: the fetch says so of itself
            except Exception as error:  # noqa: BLE001 - as in `_carry`
                self._keep(error, flight)

        def ended(task: asyncio.Task[None]) -> None:
            if task.cancelled():
                self._abandon()
            elif (error := task.exception()) is not None:
                self._keep(error, flight)
            self._land(flight)

        flight.task = asyncio.create_task(carry())
        # Not in the task itself: cancelled before its first step, it does nothing at all.
        flight.task.add_done_callback(ended)

    def _accept(self, body: object, flight: Flight) -> None:
        if not isinstance(body, bytes):
            raise TypeError("a fetch must give bytes")
        unusable = ""
        try:
            keys = _keys(body, self._algorithms or ASYMMETRIC)
        except NoUsableKey as error:
            keys, unusable = (), str(error)
            _log.warning("the JWK Set at %s holds no usable key", self._url)
        with self._lock:
            old = self._state
            if old.fetched_at > flight.started:  # overtaken by a later one
                return
            generation = old.generation + (keys != old.keys)
            tried_at = max(old.tried_at, flight.started)
            self._state = _State(keys, generation, flight.started, tried_at, unusable=unusable)

    def _keep(self, error: BaseException, flight: Flight) -> None:
        why = str(error) if isinstance(error, _Unusable) else ""
        with self._lock:
            if self._state.fetched_at <= flight.started:
                self._state = replace(self._state, failed=True, unusable=why)
        _log.warning("the JWK Set at %s was not refreshed: %s", self._url, why or type(error).__name__)

    def _abandon(self) -> None:
        """Who carried the fetch has ended, and not the fetch. That says nothing about the issuer."""
        with self._lock:
            self._state = replace(self._state, tried_at=float("-inf"), failed=False)

    def _land(self, flight: Flight) -> None:
        with self._lock:
            if self._flight is flight:
                self._flight = None
        flight.land()

    def _forget_flight(self) -> None:
        """In a forked child: the thread that carried it, and perhaps held the lock, is in the parent."""
        self._lock = threading.Lock()
        if self._flight is not None:
            self._flight = None
            self._abandon()


def _keys(body: bytes, algorithms: Collection[str]) -> tuple[VerificationKey, ...]:
    if len(body) > MAX_BYTES:
        raise _Unusable("it is too large")
    try:
        jwks = strict_json.read_object(body)
    except ValueError:
        raise _Unusable("it is no JSON object") from None
    try:
        return public_keys(jwks, algorithms=algorithms)
    except NoUsableKey:
        raise
    except ValueError as error:
        raise _Unusable(str(error)) from None


_sources: WeakSet[JwksSource] = WeakSet()


def _after_fork() -> None:
    for source in _sources:
        source._forget_flight()  # noqa: SLF001 - this module's own


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_after_fork)


def _landed(now: float) -> Flight:
    flight = Flight(now)
    flight.land()
    return flight


def _fetch_public(url: str) -> bytes:
    # An HTTP client is loaded by programs that fetch, not by every `import tokenward`.
    from tokenward.base.outbound import OutboundClient  # noqa: PLC0415

    return OutboundClient(max_bytes=MAX_BYTES).get(url)
