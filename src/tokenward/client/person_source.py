"""What is the same however a person signed in: who it is, refreshing, and signing out."""

# ruff: noqa: PLC0415 - what does the work is imported when a token is asked for

import threading
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from tokenward.client.authentication import Authentication, Unproven
from tokenward.client.errors import SignInRequired, TokenError
from tokenward.client.server import Server
from tokenward.client.source import ServerSource
from tokenward.client.token_source import SignsIn

if TYPE_CHECKING:
    from tokenward.client.flow import Flow
    from tokenward.client.record import Record
    from tokenward.client.source import Grant, Keeping
    from tokenward.client.token_request import Requester
    from tokenward.flows.errors import FlowError
    from tokenward.flows.metadata import ServerMetadata
    from tokenward.flows.step_up import StepUp
    from tokenward.flows.token import TokenResponse
    from tokenward.tokens.claims import VerifiedClaims


_ABOUT_TIME = frozenset({"expired", "issued_in_future", "not_yet_valid", "sign_in_too_old"})


class PersonSource(ServerSource):
    """Tokens for a person who signed in once, from the refresh token that came of it.

    It is kept in the vault: a later run needs nobody. Each refresh gives a new one; it is in the vault before
    anybody is shown the token that came with it. A process that dies in between leaves the old one there, and
    the next sends it again: a server that takes it once more for a while, as Tokenward does for 10 s, signs
    nobody out for that.

    Args:
        server: the authorization server.
        client_id: the app's name there.
        scope: what is asked for, a list or a text with spaces: `openid` tells who it is, `offline_access`
            lets them stay signed in.
        resource: the API that the tokens are for (RFC 8707), an absolute URL.
        dpop: whether tokens, the refresh token too, are bound to a key (RFC 9449).
        vault: where they are kept; by default in memory only, until the end of the process.
        authentication: how the app proves who it is; one that is distributed cannot, and does not.
    """

    # One entry in a vault, in whichever way they signed in.
    kept_as = "SignIn"
    # What the application does where nobody is signed in any more.
    remedy = "call sign_in()"

    def __init__(
        self,
        server: Server,
        *,
        client_id: str,
        scope: Iterable[str] = (),
        resource: str = "",
        dpop: bool = False,
        vault: "Keeping | None" = None,
        authentication: Authentication | None = None,
    ) -> None:
        super().__init__(
            server,
            client_id=client_id,
            authentication=authentication or Unproven(),
            scope=scope,
            resource=resource,
            dpop=dpop,
            vault=vault,
        )
        self._stepping_up = threading.Lock()
        self._who_was_here = ""

    def step_up(self, sign_in: SignsIn, wanted: "StepUp", generation: int) -> None:
        """Let the person sign in as an API wants it; of calls that want it together, one does it for all.

        Whoever signs in meanwhile has to be the person who was signed in, where ID tokens tell: what an
        application was about to do for one is not done for another.

        Raises:
            TokenError: nobody signed in, or not so; `other_person`, somebody else did, and who was signed in
                still is.
        """
        with self._stepping_up:
            if self.generation != generation:
                return
            record = self.held()
            self._who_was_here = record.subject if record is not None else ""
            try:
                sign_in(acr_values=wanted.acr_values, max_age=wanted.max_age)
            finally:
                self._who_was_here = ""

    def _signed_in(
        self, grant: "Grant", *, nonce: str | None, acr_values: Iterable[str], max_age: int | None
    ) -> "VerifiedClaims | None":
        """Go on with the tokens of a person.

        Args:
            grant: asks for them.
            nonce: that of the request to which they are the answer, or None.
            acr_values: one of which the sign-in must have.
            max_age: how many seconds ago it may have been.

        Returns:
            Who it is; None where `openid` was not asked for.

        Raises:
            TokenError: there is no token, or the ID token is not that of this sign-in.
        """
        seen: list[TokenResponse] = []

        def noted(
            requester: "Requester", metadata: "ServerMetadata", stored: "Record | None"
        ) -> "Flow[TokenResponse]":
            response = yield from grant(requester, metadata, stored)
            seen.append(response)
            return response

        record = self._driven(self._flow(None, noted))
        person = self._person(seen[0], nonce, acr_values, max_age) if "openid" in self.scope else None
        if person is not None:
            self._must_be_who_was_here(person, record)
            record = replace(record, subject=person.subject)
        self._take(record)
        return person

    def _must_be_who_was_here(self, person: "VerifiedClaims", record: "Record") -> None:
        from tokenward.client.revocation import revocation

        if self._who_was_here in {"", person.subject}:
            return
        with suppress(TokenError):  # what they allowed is not used, and ends by itself if not at once
            self._driven(revocation(record, self.server, self._unbound()))
        raise TokenError(
            "other_person", "somebody else signed in than the person who is signed in, and still is"
        )

    def _person(
        self, response: "TokenResponse", nonce: str | None, acr_values: Iterable[str], max_age: int | None
    ) -> "VerifiedClaims":
        from tokenward.client.openid import ProviderTokens
        from tokenward.tokens.errors import InvalidToken
        from tokenward.tokens.id_token import SignIn

        server = self._driven(self.server.metadata())
        if response.id_token is None or not server.jwks_uri:
            raise TokenError("malformed_response", "no ID token, or no keys for it")
        validator = ProviderTokens(self.server, self.client_id).validators(server).id_tokens
        expected = SignIn(
            nonce=nonce,
            access_token=response.access_token.reveal(),
            code=None,
            max_age=max_age,
            acr_values=tuple(acr_values),
        )
        told, clock = response.id_token.reveal(), self.server.clock
        try:
            try:
                return validator.validate(told, expected)
            except InvalidToken as error:
                # Our clock may be wrong. What came with that `Date` is no more to be trusted than it is.
                if error.code not in _ABOUT_TIME or not clock.adopt():
                    raise
            try:
                return validator.validate(told, expected)
            except InvalidToken:
                clock.give_up()
                raise
        except InvalidToken as error:
            raise TokenError("wrong_id_token", f"{error.code}: {error.reason}") from None

    def sign_out(self) -> None:
        """Forget the person here, and tell the server to end what they allowed (RFC 7009).

        Raises:
            TokenError: the server could not be told; here they are signed out all the same.
        """
        self.end()

    def _grant(
        self, requester: "Requester", server: "ServerMetadata", stored: "Record | None"
    ) -> "Flow[TokenResponse]":
        from tokenward.flows.errors import FlowError
        from tokenward.flows.token import refresh_token

        if stored is None or stored.refresh_token is None:
            raise SignInRequired("sign_in_required", f"nobody is signed in: {self.remedy}")
        form = refresh_token(stored.refresh_token)
        try:
            return (yield from requester.ask(server, lambda: form))
        except FlowError as error:
            if error.code != "invalid_grant":
                raise
            self._forget()
            ended = f"the sign-in has ended: {self.remedy}"
            raise SignInRequired("sign_in_required", ended) from None


def not_signed_in(error: "FlowError") -> TokenError:
    """What ended a sign-in before there were tokens: the person, or a fault."""
    from tokenward.client.token_request import refused

    if error.code in {"access_denied", "expired_token"}:
        return SignInRequired(error.code, error.text)
    return refused(error)
