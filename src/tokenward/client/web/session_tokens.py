"""The access tokens of one session: a source like any other, which keeps what it has in the session."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import replace

from tokenward.base.clock import Clock
from tokenward.client.authentication import Authentication
from tokenward.client.errors import SignInRequired
from tokenward.client.person_source import PersonSource
from tokenward.client.server import Server
from tokenward.client.token_exchange import TokenExchange
from tokenward.client.web.sealed import AppKey, Content, opened, row_key
from tokenward.client.web.store import SessionStore
from tokenward.flows.login import RelyingParty


class SessionVault:
    """One session of the store, as the place where a source keeps its tokens."""

    def __init__(
        self,
        store: SessionStore,
        app_key: AppKey,
        session_id: str,
        revoke: Callable[[bytes | None], None],
        clock: Clock,
    ) -> None:
        self._store = store
        self._key = row_key(session_id)
        self._sealer = app_key.of_session(session_id)
        self._revoke = revoke
        self._clock = clock

    def content(self) -> Content | None:
        """What the session holds; None where it has ended."""
        row = self._store.find(self._key, now=self._clock.time())
        return opened(row.content, self._sealer, self._key) if row is not None else None

    def load(self, _binding: bytes) -> bytes | None:
        """The tokens.

        Raises:
            SignInRequired: the session has ended.
        """
        content = self.content()
        if content is None:
            raise SignInRequired("sign_in_required", "the session has ended")
        return content.record

    def save(self, _binding: bytes, record: bytes) -> None:
        """Keep them.

        Raises:
            SignInRequired: the session has ended; so do they, since whoever ended it knew only older ones.
        """
        try:
            self._change(record)
        except SignInRequired:
            self._revoke(record)
            raise

    def forget(self, _binding: bytes) -> None:
        """Keep none; the session goes on without."""
        self._change(None)

    def _change(self, record: bytes | None) -> None:
        content = self.content()
        changed = replace(content, record=record).sealed(self._sealer, self._key) if content else b""
        if not changed or not self._store.keep(self._key, changed):
            raise SignInRequired("sign_in_required", "the session has ended")

    @contextmanager
    def locked(self, _binding: bytes) -> Generator[None]:
        """As `Vault`."""
        with self._store.locked(self._key):
            yield


class SessionTokens(PersonSource):
    """Access tokens in the name of who is signed in; one refresh at a time for each session.

    Args:
        server: the provider.
        party: who asked for the sign-in.
        authentication: how the application proves who it is.
        vault: the session.
    """

    remedy = "send the person to sign in again; the scope `offline_access` makes it last"

    def __init__(
        self, server: Server, party: RelyingParty, authentication: Authentication, vault: SessionVault
    ) -> None:
        self._elsewhere: dict[str, TokenExchange] = {}
        super().__init__(
            server,
            client_id=party.client_id,
            authentication=authentication,
            scope=party.scope,
            resource=party.resource,
            vault=vault,
        )

    def exchanged(self, resource: str) -> TokenExchange:
        """Tokens for another API in the same name, by exchange (RFC 8693): one sign-in, a token for each.

        They are in memory only; each process asks for its own, and all end with the session's.

        Args:
            resource: that API, an absolute URL.
        """
        found = self._elsewhere.get(resource)
        if found is None:
            made = TokenExchange(
                self.server,
                subject=self,
                client_id=self.client_id,
                authentication=self._authentication,
                resource=resource,
            )
            found = self._elsewhere.setdefault(resource, made)
        return found
