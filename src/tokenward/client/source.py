"""Where an application gets tokens: a good one is there at once, and the next is fetched before it ends."""

# ruff: noqa: PLC0415 - what does the work is imported when a token is asked for

import json
import logging
import os
import threading
from abc import abstractmethod
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import TYPE_CHECKING, Protocol, TypeVar
from weakref import WeakSet

from tokenward.client.authentication import Authentication
from tokenward.client.errors import ServerUnavailable, SignInRequired, TokenError
from tokenward.client.server import Server
from tokenward.client.token import UNSAID, Kept, Token
from tokenward.client.token_source import TokenSource
from tokenward.tokens.flight import Flight

if TYPE_CHECKING:
    from tokenward.base.outbound import OutboundClient
    from tokenward.client.bound_key import BoundKey
    from tokenward.client.flow import Flow
    from tokenward.client.record import Record
    from tokenward.client.token_request import Requester
    from tokenward.flows.metadata import ServerMetadata
    from tokenward.flows.token import TokenResponse

    Grant = Callable[[Requester, ServerMetadata, Record | None], Flow[TokenResponse]]

_T = TypeVar("_T")

WAIT = 60.0
"""Seconds for which anybody waits for a token that somebody else is fetching."""
FIRST_RETRY, LAST_RETRY = 1.0, 30.0
"""Seconds until it is tried again after a failure: doubled each time."""
REJECTED_AGAIN = 5.0
"""Seconds in which only one refusal by an API leads to a new token: what refuses each one would get many."""

_log = logging.getLogger(__name__)


class Keeping(Protocol):
    """Where the tokens of a source are between runs, and for other processes; `Vault` is one such place."""

    def load(self, binding: bytes) -> bytes | None:
        """What is kept for what asks in this way, or None.

        Raises:
            TokenError: the place cannot be used.
        """

    def save(self, binding: bytes, content: bytes) -> None:
        """Keep it, whole or not at all.

        Raises:
            TokenError: it cannot be kept.
        """

    def forget(self, binding: bytes) -> None:
        """Keep nothing any more."""

    def locked(self, binding: bytes) -> AbstractContextManager[None]:
        """Keep others from obtaining a token meanwhile.

        Raises:
            TokenError: one of them does, for too long.
        """


class ServerSource(TokenSource):
    """Gives access tokens of an authorization server to threads and tasks alike.

    While a token is fresh, `token` takes no lock and does no I/O. In the last part of its life one thread
    fetches the next, and everybody goes on with the old one. Only where there is none that is good does
    anybody wait, and then all for the same request. After a failure it is tried again, after a pause that
    grows.

    Tasks never block their event loop: what blocks (HTTP, a keyring, a command that gives the secret) is done
    on a thread, in the same way for both.

    Attributes:
        server: the authorization server.
        client_id: the client's name there.
        scope: what is asked for.
        resource: the API that the tokens are for (RFC 8707), or "".
        kept_as: the kind of tokens, in a vault; "" for the name of the class.
    """

    kept_as = ""

    def __init__(
        self,
        server: Server,
        *,
        client_id: str,
        authentication: Authentication,
        scope: Iterable[str],
        resource: str,
        dpop: bool,
        vault: "Keeping | None" = None,
    ) -> None:
        if isinstance(authentication, str):
            raise ValueError(  # noqa: TRY004 - the message is what matters, and must not repeat it
                "authentication must say where the secret is kept, as ClientSecret('env:NAME'); a secret "
                "written into code is refused"
            )
        self.server = server
        self.client_id = client_id
        self.scope = tuple(scope.split() if isinstance(scope, str) else scope)
        self.resource = resource
        self._authentication = authentication
        self._dpop = dpop
        self._vault = vault
        self._clock = server.own_clock
        self._lock = threading.Lock()
        self._flight: Flight | None = None
        self._kept: Kept | None = None
        self._key: BoundKey | None = None
        self._failure: TokenError | None = None
        self._failures = 0
        self._not_before = float("-inf")
        self._rejected_at = float("-inf")
        self._rejected: str | None = None
        self._generation = 0
        self._record: Record | None = None
        self._http: OutboundClient | None = None
        _sources.add(self)

    @abstractmethod
    def _grant(
        self, requester: "Requester", server: "ServerMetadata", stored: "Record | None"
    ) -> "Flow[TokenResponse]":
        """Ask for one token, given what was kept with the last one."""

    @property
    def generation(self) -> int:
        """Grows with whom the tokens stand for: somebody who signs in, or nobody any more."""
        return self._generation

    def at_hand(self) -> Token | None:
        """The token while it is fresh; nobody is asked for the next."""
        kept = self._kept
        return kept.token if kept is not None and kept.is_fresh(self._clock) else None

    def token(self) -> Token:
        """A token that is good now.

        Raises:
            TokenError: there is none; ServerUnavailable, SignInRequired: for a reason that says what to do.
        """
        kept = self._kept
        if kept is not None and kept.is_fresh(self._clock):
            return kept.token
        flight, ours = self._board()
        if kept is not None and kept.is_alive(self._clock):
            if ours:
                self._carry_in_thread(flight)
            return kept.token
        if ours:
            self._carry(flight)
        else:
            flight.wait(WAIT)
        return self._outcome()

    async def token_async(self) -> Token:
        """As `token`, without blocking the event loop.

        Raises:
            TokenError: as `token`.
        """
        kept = self._kept
        if kept is not None and kept.is_fresh(self._clock):
            return kept.token
        flight, ours = self._board()
        if ours:
            self._carry_in_thread(flight)
        if kept is not None and kept.is_alive(self._clock):
            return kept.token
        await flight.wait_async(WAIT)
        return self._outcome()

    def reject(self, token: Token) -> bool:
        """Say that an API refused a token before its end; whether asking for another makes sense.

        It does not where that was done a moment ago: then it is not the token that the API minds.
        """
        with self._lock:
            if self._kept is None or self._kept.token is not token:
                return True  # somebody was faster
            now = self._clock.monotonic()
            if now - self._rejected_at < REJECTED_AGAIN:
                return False
            self._rejected_at = now
            self._rejected = token.value.reveal()
            self._kept = None
            self._not_before = float("-inf")
            return True

    def held(self) -> "Record | None":
        """What is kept now, alive or not; nobody is asked for anything.

        Raises:
            TokenError: it cannot be read.
        """
        return self._record or self._stored()

    def end(self) -> None:
        """Forget what is kept, and tell the server to end it (RFC 7009).

        Raises:
            TokenError: the server could not be told; here it is forgotten all the same.
        """
        from tokenward.client.revocation import revocation

        record = self.held()
        self._forget()
        if record is not None:
            self._driven(revocation(record, self.server, self._unbound()))

    def _unbound(self) -> "Requester":
        """Who asks where nothing is bound to a key: anywhere but at the token endpoint."""
        from tokenward.client.token_request import Requester

        return Requester(self.client_id, self._authentication, self.server.clock)

    def _board(self) -> tuple[Flight, bool]:
        """The fetch to wait for, and whether it is ours to carry."""
        with self._lock:
            if self._flight is not None:
                return self._flight, False
            now = self._clock.monotonic()
            fresh = self._kept is not None and self._kept.is_fresh(self._clock)
            if fresh or now < self._not_before:
                landed = Flight(now)
                landed.land()
                return landed, False
            self._flight = Flight(now)
            return self._flight, True

    def _outcome(self) -> Token:
        kept, failure = self._kept, self._failure
        if kept is not None and kept.is_alive(self._clock):
            return kept.token
        if failure is not None:
            raise failure.again()
        raise ServerUnavailable("server_unavailable", f"no token within {WAIT:g} s")

    def _carry(self, flight: Flight) -> None:
        generation = self._generation
        try:
            kept = self._obtained(generation)
        except TokenError as error:
            self._failed(error)
        except BaseException as error:  # a fault of ours, or the program ends: nobody may wait for ever
            self._failed(TokenError("internal_error", type(error).__name__))
            raise
        else:
            with self._lock:
                if self._generation == generation:
                    self._kept, self._failure, self._failures = kept, None, 0
                    self._not_before = float("-inf")
        finally:
            with self._lock:
                if self._flight is flight:
                    self._flight = None
            flight.land()

    def _carry_in_thread(self, flight: Flight) -> None:
        def carry() -> None:
            with suppress(Exception):  # it was noted; there is nobody above whose matter it would be
                self._carry(flight)

        try:
            threading.Thread(target=carry, name="tokenward-token", daemon=True).start()
        except RuntimeError:  # no more threads, or the interpreter is ending
            self._carry(flight)

    def _failed(self, error: TokenError) -> None:
        with self._lock:
            self._failure = error
            pause = min(FIRST_RETRY * 2 ** min(self._failures, 10), LAST_RETRY)
            self._failures += 1
            self._not_before = self._clock.monotonic() + pause
        # That nobody is signed in is nothing wrong, and who asked hears of it.
        level = logging.INFO if isinstance(error, SignInRequired) else logging.WARNING
        _log.log(level, "no token of %s for %s: %s", self.server.issuer, self.client_id, error)

    @property
    def _binding(self) -> bytes:
        """What a kept token is bound to: it is found, and opened, only by who would ask for the same."""
        said = {
            "source": self.kept_as or type(self).__name__,
            "issuer": self.server.issuer,
            "client_id": self.client_id,
            "authentication": self._authentication.method,
            "resource": self.resource,
            "scope": sorted(self.scope),
            "dpop": self._dpop,
        }
        return json.dumps(said, sort_keys=True).encode()

    def _obtained(self, generation: int) -> Kept:
        """A token that another process has obtained, or a new one, for which one process asks.

        Raises:
            TokenError: there is none, or it stands for somebody who is signed in no more.
        """
        if self._vault is None:
            record = self._driven(self._flow(self._record))
            self._must_go_on(generation)
            self._record = record
            return Kept.from_now(record.token, self._clock)
        if (kept := self._adopted(self._stored())) is not None:
            return kept
        with self._vault.locked(self._binding):
            stored = self._stored()  # somebody may have been faster
            if (kept := self._adopted(stored)) is not None:
                return kept
            record = self._driven(self._flow(self._record or stored))
            self._must_go_on(generation)
            self._save(record)
            return Kept.from_now(record.token, self._clock)

    def _must_go_on(self, generation: int) -> None:
        """Who was signed out while a token was on its way is not signed in again by it."""
        if self._generation != generation:
            raise TokenError("ended", "the sign-in was ended, or replaced by another, meanwhile")

    def _save(self, record: "Record") -> None:
        """Keep it; in memory where there is no vault, or its disk is full."""
        self._record = record
        if self._vault is not None:
            try:
                self._vault.save(self._binding, record.written())
            except TokenError as error:
                _log.warning("a token was not kept: %s", error)
            else:
                self._record = None

    def _take(self, record: "Record") -> None:
        """Go on with what was obtained in another way than by `token`."""
        with self._vault.locked(self._binding) if self._vault is not None else nullcontext():
            self._save(record)
        with self._lock:
            self._kept, self._failure, self._failures = Kept.from_now(record.token, self._clock), None, 0
            self._not_before = float("-inf")
            self._generation += 1

    def _forget(self) -> None:
        """Go on with nothing."""
        self._record = None
        with self._lock:
            self._kept = None
            self._generation += 1
        if self._vault is not None:
            self._vault.forget(self._binding)

    def _stored(self) -> "Record | None":
        from tokenward.client.record import read_record

        content = self._vault.load(self._binding) if self._vault is not None else None
        return read_record(content, self._clock, self._key) if content is not None else None

    def _adopted(self, record: "Record | None") -> Kept | None:
        """The stored token, if it is alive and neither the one that is to be replaced nor refused."""
        if record is None or record.token.value.reveal() == self._rejected:
            return None
        held = self._kept
        if held is not None and held.token.value.reveal() == record.token.value.reveal():
            return None
        kept = Kept.from_now(record.token, self._clock)
        if not kept.is_alive(self._clock):
            return None
        self._key = record.token.key
        return kept

    def _driven(self, flow: "Flow[_T]") -> "_T":
        from tokenward.client.flow import drive

        if self._http is None:
            tls = self._authentication.tls
            self._http = self.server.plain_http if tls is None else self.server.http(tls)
        http = self._http
        return drive(
            flow,
            lambda step: http.exchange(step.method, step.url, headers=step.headers, body=step.body),
        )

    def _own_key(self, stored: "Record | None" = None) -> "BoundKey | None":
        from tokenward.client.bound_key import BoundKey

        if not self._dpop:
            return None
        if stored is not None and stored.token.key is not None:
            self._key = stored.token.key
        if self._key is None:
            self._key = BoundKey(self._clock)
        return self._key

    def _flow(self, stored: "Record | None", grant: "Grant | None" = None) -> "Flow[Record]":
        from tokenward.client.record import Record
        from tokenward.client.token_request import Requester, refused
        from tokenward.flows.errors import FlowError

        metadata = yield from self.server.metadata()
        key = self._own_key(stored)
        prover = key.prover(self.server.clock) if key is not None else None
        requester = Requester(self.client_id, self._authentication, self.server.clock, prover)
        asked_at = self._clock.time()
        try:
            response = yield from (grant or self._grant)(requester, metadata, stored)
        except FlowError as error:
            raise refused(error) from None
        token = Token(
            value=response.access_token,
            scope=self.scope if response.scope is None else tuple(response.scope.split()),
            obtained_at=asked_at,
            expires_at=asked_at + (response.expires_in or UNSAID),
            key=key,
        )
        if stored is None:
            return Record(token, response.refresh_token)
        # RFC 6749 §6: where no new refresh token comes, the old one goes on.
        return Record(token, response.refresh_token or stored.refresh_token, stored.subject)

    def _forget_flight(self) -> None:
        """In a forked child: the thread that carried it, and perhaps held the lock, is in the parent."""
        self._lock = threading.Lock()
        self._flight = None


_sources: WeakSet[ServerSource] = WeakSet()


def _after_fork() -> None:
    for source in _sources:
        source._forget_flight()  # noqa: SLF001 - this module's own


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_after_fork)
