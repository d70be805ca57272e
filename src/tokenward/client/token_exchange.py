"""A token for another one (RFC 8693): for another API, for less, or for a key that then stays at home."""

# ruff: noqa: PLC0415 - what does the work is imported when a token is asked for

from collections.abc import Iterable
from typing import TYPE_CHECKING

from tokenward.client.authentication import Authentication, Unproven
from tokenward.client.server import Server
from tokenward.client.source import ServerSource
from tokenward.client.token import Token
from tokenward.client.token_source import SignsIn, TokenSource

if TYPE_CHECKING:
    from tokenward.client.flow import Flow
    from tokenward.client.token_request import Requester
    from tokenward.flows.metadata import ServerMetadata
    from tokenward.flows.step_up import StepUp
    from tokenward.flows.token import TokenResponse

# RFC 8693 §2.2.2: "either the subject_token or actor_token are invalid for any reason".
_OF_THE_SUBJECT = frozenset({"invalid_request", "invalid_grant"})


class TokenExchange(ServerSource):
    """The token exchange grant.

    What comes of it is kept in memory only, and no longer than whom it stands for. A subject's token that
    the server takes no more, since it was revoked, is renewed at its source, once.

    Args:
        server: the authorization server.
        subject: where the tokens come from that are exchanged: another source, or an `ApiKey`.
        client_id: who exchanges; "" for whoever holds an API key.
        authentication: how it proves that.
        scope: what is asked for, a list or a text with spaces; by default all that the server allows.
        resource: the API that the tokens are for (RFC 8707), an absolute URL.
        audience: the same by a name that the server knows (§2.1). Without either, it is the subject's.
        actor: tokens of who acts for the subject, where that is said (§2.1), or None.
        dpop: whether tokens are bound to a key (RFC 9449).
    """

    def __init__(
        self,
        server: Server,
        *,
        subject: TokenSource,
        client_id: str = "",
        authentication: Authentication | None = None,
        scope: Iterable[str] = (),
        resource: str = "",
        audience: str = "",
        actor: TokenSource | None = None,
        dpop: bool = False,
    ) -> None:
        super().__init__(
            server,
            client_id=client_id,
            authentication=authentication or Unproven(),
            scope=scope,
            resource=resource or ("" if audience else subject.resource),
            dpop=dpop,
        )
        self._subject = subject
        self._actor = actor
        self._audience = audience
        self._obtained_for = (-1, -1)

    def at_hand(self) -> Token | None:
        """As `TokenSource`; none where the subject has changed."""
        return super().at_hand() if self._obtained_for == self._parties else None

    def token(self) -> Token:
        """A token for whom the subject stands for now.

        Raises:
            TokenError: there is none, of the subject or for it.
        """
        token = super().token()
        while self._is_of_another():
            token = super().token()
        return token

    async def token_async(self) -> Token:
        """As `token`, without blocking the event loop.

        Raises:
            TokenError: as `token`.
        """
        token = await super().token_async()
        while self._is_of_another():
            token = await super().token_async()
        return token

    @property
    def generation(self) -> int:
        """Grows with whom the tokens stand for, and act for them."""
        return self._generation + sum(self._parties)

    def step_up(self, sign_in: SignsIn, wanted: "StepUp", generation: int) -> None:
        """Let the person sign in for whom the subject stands.

        Raises:
            TokenError: nobody signed in, or not as it is wanted.
        """
        of_subject = self._subject.generation
        if self.generation == generation:
            self._subject.step_up(sign_in, wanted, of_subject)

    @property
    def _parties(self) -> tuple[int, int]:
        return self._subject.generation, self._actor.generation if self._actor is not None else 0

    def _is_of_another(self) -> bool:
        """Whether somebody else has signed in since; then nobody is shown that token."""
        if self._obtained_for == self._parties:
            return False
        with self._lock:
            self._kept = self._record = None
        return True

    def _grant(
        self, requester: "Requester", server: "ServerMetadata", _stored: object
    ) -> "Flow[TokenResponse]":
        from tokenward.flows.errors import FlowError

        self._obtained_for = self._parties
        subject = self._subject.token()
        try:
            return (yield from self._exchanged(requester, server, subject))
        except FlowError as error:
            if error.code not in _OF_THE_SUBJECT or not self._subject.reject(subject):
                raise
            again = self._subject.token()
            if again.value.reveal() == subject.value.reveal():
                raise
        return (yield from self._exchanged(requester, server, again))

    def _exchanged(
        self, requester: "Requester", server: "ServerMetadata", subject: Token
    ) -> "Flow[TokenResponse]":
        from tokenward.flows.token import token_exchange

        actor = self._actor
        form = token_exchange(
            (subject.value, self._subject.exchanged_as),
            actor=(actor.token().value, actor.exchanged_as) if actor is not None else None,
            scope=self.scope,
            resource="" if self._audience else self.resource,
            audience=self._audience,
        )
        return requester.ask(server, lambda: form)
