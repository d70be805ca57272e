"""Tokens for a person who signs in with the system's browser (RFC 8252), and stays so across runs."""

# ruff: noqa: PLC0415 - what does the work is imported when a token is asked for

import webbrowser
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from tokenward.client.authentication import Authentication, Unproven
from tokenward.client.errors import ServerUnavailable, SignInRequired, TokenError
from tokenward.client.server import Server
from tokenward.client.source import TokenSource

if TYPE_CHECKING:
    from tokenward.base.secret import Secret
    from tokenward.client.flow import Flow
    from tokenward.client.record import Record
    from tokenward.client.token_request import Requester
    from tokenward.client.vault import Vault
    from tokenward.flows.authorization import AuthorizationRequest
    from tokenward.flows.metadata import ServerMetadata
    from tokenward.flows.token import TokenResponse
    from tokenward.tokens.claims import VerifiedClaims

SIGN_IN_SECONDS = 300.0
"""How long a person may take."""


class SignIn(TokenSource):
    """The authorization code grant with PKCE, and refresh tokens.

    After `sign_in`, tokens come from the refresh token, which is kept in the vault: a later run needs nobody.
    Each refresh gives a new one; it is in the vault before anybody is shown the token that came with it. A
    process that dies in between leaves the old one there, and the next sends it again: a server that takes it
    once more for a while, as Tokenward does for 10 s, signs nobody out for that.

    Args:
        server: the authorization server.
        client_id: the app's name there. Its redirect URI is `http://127.0.0.1/callback`, on any port.
        scope: what is asked for, a list or a text with spaces: `openid` tells who it is, `offline_access`
            lets them stay signed in.
        resource: the API that the tokens are for (RFC 8707), an absolute URL.
        dpop: whether tokens, the refresh token too, are bound to a key (RFC 9449).
        vault: where they are kept; by default in memory only, until the end of the process.
        authentication: how the app proves who it is; one that is distributed cannot, and does not.
    """

    def __init__(
        self,
        server: Server,
        *,
        client_id: str,
        scope: Iterable[str] = (),
        resource: str = "",
        dpop: bool = False,
        vault: "Vault | None" = None,
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

    def sign_in(
        self,
        *,
        open_browser: Callable[[str], object] = webbrowser.open,
        timeout: float = SIGN_IN_SECONDS,
        acr_values: Iterable[str] = (),
        max_age: int | None = None,
    ) -> "VerifiedClaims | None":
        """Let a person sign in, and wait for it.

        Args:
            open_browser: shows them a URL; False from it says that there is no browser.
            timeout: seconds that they may take.
            acr_values: how well they should sign in, the best first.
            max_age: how many seconds ago they may have.

        Returns:
            Who signed in, as the ID token says; None where `openid` was not asked for.

        Raises:
            SignInRequired: nobody did in time, or they said no.
            TokenError: the server refuses, or its answer is not the answer to this.
        """
        from tokenward.client.loopback import listening
        from tokenward.flows.authorization import AuthorizationRequest, read_callback
        from tokenward.flows.errors import FlowError

        server = self._driven(self.server.metadata())
        if not server.authorization_endpoint:
            raise TokenError("wrong_metadata", f"{self.server.issuer} has no authorization endpoint")
        key = self._own_key()
        with listening() as loopback:
            request = AuthorizationRequest.begin(
                server.authorization_endpoint,
                client_id=self.client_id,
                redirect_uri=loopback.redirect_uri,
                scope=self.scope,
                resource=self.resource,
                dpop_jkt=key.prover(self.server.clock).thumbprint if key is not None else "",
                acr_values=acr_values,
                max_age=max_age,
            )
            loopback.expect(request.state)
            if open_browser(request.url) is False:
                raise SignInRequired("no_browser", "there is no browser here to sign in with")
            try:
                answer = loopback.wait(timeout)
            except TimeoutError:
                raise SignInRequired("timeout", f"nobody signed in within {timeout:g} s") from None
        try:
            code = read_callback(answer, request, self.server.issuer, names_issuer=server.names_issuer)
        except FlowError as error:
            kind = SignInRequired if error.code == "access_denied" else TokenError
            raise kind(error.code, error.text) from None
        return self._signed_in(server, request, code)

    def _signed_in(
        self, server: "ServerMetadata", request: "AuthorizationRequest", code: "Secret"
    ) -> "VerifiedClaims | None":
        from tokenward.flows.token import authorization_code

        form = authorization_code(code, request, public=True)
        seen: list[TokenResponse] = []

        def grant(requester: "Requester", metadata: "ServerMetadata", _: object) -> "Flow[TokenResponse]":
            # Once: a code that is shown a second time ends what it gave (RFC 6749 §4.1.2).
            response = yield from requester.ask(metadata, lambda: form, tries=1)
            seen.append(response)
            return response

        record = self._driven(self._flow(None, grant))
        person = self._person(server, request, seen[0]) if "openid" in self.scope else None
        self._take(record)
        return person

    def _person(
        self, server: "ServerMetadata", request: "AuthorizationRequest", response: "TokenResponse"
    ) -> "VerifiedClaims":
        from tokenward.tokens.algorithms import ASYMMETRIC
        from tokenward.tokens.errors import InvalidToken
        from tokenward.tokens.id_token import IdTokenValidator
        from tokenward.tokens.id_token import SignIn as Expected
        from tokenward.tokens.jwks import JwksSource

        if response.id_token is None or not server.jwks_uri:
            raise TokenError("malformed_response", "no ID token, or no keys for it")
        known = [name for name in server.id_token_algorithms if name in ASYMMETRIC]
        validator = IdTokenValidator(
            issuer=self.server.issuer,
            client_id=self.client_id,
            keys=JwksSource(server.jwks_uri, fetch=self.server.plain_http.get),
            algorithms=known or ["RS256"],
            clock=self.server.clock,
        )
        expected = Expected(
            nonce=request.nonce,
            access_token=response.access_token.reveal(),
            code=None,
            max_age=request.max_age,
            acr_values=request.acr_values,
        )
        try:
            return validator.validate(response.id_token.reveal(), expected)
        except InvalidToken as error:
            raise TokenError("wrong_id_token", error.code) from None

    def sign_out(self) -> None:
        """Forget the person here, and tell the server to end what they allowed (RFC 7009).

        Raises:
            TokenError: the server could not be told; here they are signed out all the same.
        """
        record = self._record_now()
        self._forget()
        if record is not None and record.refresh_token is not None:
            self._driven(self._revocation(record.refresh_token))

    def _revocation(self, token: "Secret") -> "Flow[None]":
        from tokenward.base.outbound import OutboundError
        from tokenward.client.flow import Send
        from tokenward.flows.token import FORM, with_parameters

        server = yield from self.server.metadata()
        if not server.revocation_endpoint:
            return
        proof = self._authentication.prove(self.client_id, server, self.server.clock)
        body = with_parameters(b"", {"token": token.reveal(), **proof.parameters})
        headers = {"Content-Type": FORM, **proof.headers}
        try:
            answer = yield Send("POST", server.revocation_endpoint, headers, body)
        except OutboundError as error:
            raise ServerUnavailable("server_unavailable", str(error)) from None
        if answer.status != 200:
            raise TokenError("not_revoked", f"{server.issuer} answered {answer.status}")

    def _grant(
        self, requester: "Requester", server: "ServerMetadata", stored: "Record | None"
    ) -> "Flow[TokenResponse]":
        from tokenward.flows.errors import FlowError
        from tokenward.flows.token import refresh_token

        if stored is None or stored.refresh_token is None:
            raise SignInRequired("sign_in_required", "nobody is signed in: call sign_in()")
        form = refresh_token(stored.refresh_token)
        try:
            return (yield from requester.ask(server, lambda: form))
        except FlowError as error:
            if error.code != "invalid_grant":
                raise
            self._forget()
            raise SignInRequired("sign_in_required", "the sign-in has ended: call sign_in() again") from None
