"""What is asked of the provider: where to send people, what a code gives, who a logout token is about."""

import logging
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import urlsplit

from tokenward.base.outbound import OutboundClient, OutboundError
from tokenward.base.secret import Secret
from tokenward.client.asking import browser_url
from tokenward.client.authentication import Authentication
from tokenward.client.errors import ServerUnavailable, TokenError
from tokenward.client.flow import Flow, Send, drive
from tokenward.client.openid import ProviderTokens
from tokenward.client.record import Record, read_record
from tokenward.client.revocation import revocation
from tokenward.client.server import Server
from tokenward.client.token import UNSAID, Token
from tokenward.client.token_request import Requester
from tokenward.flows.errors import FlowError
from tokenward.flows.login import PendingLogin, RelyingParty, read_userinfo
from tokenward.flows.logout import sign_out_url
from tokenward.flows.metadata import ServerMetadata
from tokenward.flows.token import TokenResponse
from tokenward.tokens.claims import plain
from tokenward.tokens.errors import InvalidToken
from tokenward.tokens.logout_token import LogoutNotice

_T = TypeVar("_T")

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """What a sign-in gave, all of it checked.

    Attributes:
        claims: who it is, JSON values.
        id_token: the token that says so.
        record: the tokens that came with it.
    """

    claims: dict[str, Any] = field(repr=False)
    id_token: Secret
    record: Record = field(repr=False)


class Provider:
    """Asks it, blocking.

    Args:
        server: the provider.
        party: who asks.
        authentication: how that is proved.
        userinfo: whether its userinfo endpoint is asked for claims.
    """

    def __init__(
        self, server: Server, party: RelyingParty, authentication: Authentication, *, userinfo: bool
    ) -> None:
        self.party = party
        self._server = server
        self._authentication = authentication
        self._userinfo = userinfo
        self._tokens = ProviderTokens(server, party.client_id)
        self._kept_http: OutboundClient | None = None

    def metadata(self) -> ServerMetadata:
        """What it says of itself.

        Raises:
            TokenError: it is of no use; ServerUnavailable, it cannot be had.
        """
        return self._driven(self._server.metadata(openid=True))

    def browser_url(self, login: PendingLogin) -> str:
        """Where a browser is sent to sign in.

        Raises:
            TokenError: the request could not be pushed (RFC 9126); ServerUnavailable.
        """
        return self._driven(browser_url(self._requester(), self.metadata(), login.request))

    def redeem(self, login: PendingLogin, code: Secret) -> SignedIn:
        """Who signed in, by the code that answered `login`.

        Raises:
            FlowError: the provider refuses, or what it gives is not the answer to this sign-in.
            TokenError: the application's secret cannot be had; ServerUnavailable.
        """
        asked_at = self._server.own_clock.time()
        metadata = self.metadata()
        requester = self._requester()
        form = login.form(code)
        # Once: a code that is shown a second time ends what it gave (RFC 6749 §4.1.2).
        response = self._driven(requester.ask(metadata, lambda: form, tries=1))
        token, expected = login.expected(response)
        try:
            claims = self._tokens.validators(metadata).id_tokens.validate(token, expected)
        except ValueError as error:
            raise TokenError("wrong_metadata", str(error)) from None
        except InvalidToken as error:
            if error.code == "keys_unavailable":
                raise ServerUnavailable("server_unavailable", error.reason) from None
            raise FlowError("wrong_id_token", f"{error.code}: {error.reason}") from None
        more = self._more(metadata, response, claims.subject) if self._userinfo else {}
        said = {**more, **{name: plain(value) for name, value in claims.items()}}
        return SignedIn(said, Secret(token), self._record(response, asked_at))

    def sign_out_url(self, id_token: Secret | None, back: str) -> str:
        """Where a browser is sent to sign out there; "" if nowhere. A sign-out never fails for that.

        Args:
            id_token: the session's, for the address; None where a script gets to see that.
            back: where the provider sends people afterwards.
        """
        try:
            metadata = self.metadata()
        except TokenError as error:
            _log.warning("signed out here and not at %s: %s", self.party.issuer, error)
            return ""
        hint = id_token.reveal() if id_token is not None else ""
        return sign_out_url(metadata, client_id=self.party.client_id, back=back, id_token=hint)

    def revoke(self, record: bytes | None) -> None:
        """End the tokens of a session, if the provider takes that and hears it."""
        kept = read_record(record, self._server.own_clock, None) if record is not None else None
        if kept is None:
            return
        try:
            # Once: a person waits for their sign-out.
            self._driven(revocation(kept, self._server, self._requester(), tries=1))
        except TokenError as error:
            _log.warning("tokens of %s were not revoked: %s", self.party.issuer, error)

    def logged_out(self, token: str) -> LogoutNotice:
        """Whom a logout token means.

        Raises:
            InvalidToken: it is none of this provider's, for us, or the keys cannot be had.
            TokenError: what the provider says of itself cannot be had.
        """
        metadata = self.metadata()
        try:
            validators = self._tokens.validators(metadata)
        except ValueError as error:
            raise TokenError("wrong_metadata", str(error)) from None
        return validators.logout_tokens.validate(token)

    def _more(self, metadata: ServerMetadata, response: TokenResponse, subject: str) -> dict[str, object]:
        if not metadata.userinfo_endpoint:
            return {}
        return read_userinfo(self._driven(_fetched(metadata.userinfo_endpoint, response)), subject)

    def _record(self, response: TokenResponse, asked_at: float) -> Record:
        said = response.scope
        token = Token(
            value=response.access_token,
            scope=self.party.scope if said is None else tuple(said.split()),
            obtained_at=asked_at,
            expires_at=asked_at + (response.expires_in or UNSAID),
        )
        return Record(token, response.refresh_token)

    def _requester(self) -> Requester:
        return Requester(self.party.client_id, self._authentication, self._server.clock)

    def _driven(self, flow: Flow[_T]) -> _T:
        if self._kept_http is None:
            tls = self._authentication.tls
            self._kept_http = self._server.plain_http if tls is None else self._server.http(tls)
        http = self._kept_http
        return drive(
            flow, lambda step: http.exchange(step.method, step.url, headers=step.headers, body=step.body)
        )


def _fetched(url: str, response: TokenResponse) -> Flow[bytes]:
    headers = {"Accept": "application/json", "Authorization": f"Bearer {response.access_token.reveal()}"}
    try:
        answer = yield Send("GET", url, headers)
    except OutboundError as error:
        raise ServerUnavailable("server_unavailable", str(error)) from None
    if answer.status != 200:
        raise FlowError("no_userinfo", f"{urlsplit(url).netloc} answered {answer.status}")
    return bytes(answer.body)
