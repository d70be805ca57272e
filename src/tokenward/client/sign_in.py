"""Tokens for a person who signs in with the system's browser (RFC 8252), and stays so across runs."""

# ruff: noqa: PLC0415 - what does the work is imported when a token is asked for

import webbrowser
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from tokenward.client.errors import SignInRequired, TokenError
from tokenward.client.person_source import PersonSource, not_signed_in

if TYPE_CHECKING:
    from tokenward.client.flow import Flow
    from tokenward.client.token_request import Requester
    from tokenward.flows.metadata import ServerMetadata
    from tokenward.flows.token import TokenResponse
    from tokenward.tokens.claims import VerifiedClaims

SIGN_IN_SECONDS = 300.0
"""How long a person may take."""


class SignIn(PersonSource):
    """The authorization code grant with PKCE, and refresh tokens.

    The client's redirect URI is `http://127.0.0.1/callback`, on any port. Everything else is said at
    `PersonSource`.
    """

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
        from tokenward.client.asking import browser_url
        from tokenward.client.loopback import listening
        from tokenward.flows.authorization import AuthorizationRequest, read_callback
        from tokenward.flows.errors import FlowError
        from tokenward.flows.token import authorization_code

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
            url = self._driven(browser_url(self._unbound(), server, request))
            if open_browser(url) is False:
                raise SignInRequired("no_browser", "there is no browser here to sign in with")
            try:
                answer = loopback.wait(timeout)
            except TimeoutError:
                raise SignInRequired("timeout", f"nobody signed in within {timeout:g} s") from None
        try:
            code = read_callback(answer, request, self.server.issuer, names_issuer=server.names_issuer)
        except FlowError as error:
            raise not_signed_in(error) from None
        form = authorization_code(code, request, public=True)

        def grant(requester: "Requester", metadata: "ServerMetadata", _: object) -> "Flow[TokenResponse]":
            # Once: a code that is shown a second time ends what it gave (RFC 6749 §4.1.2).
            return requester.ask(metadata, lambda: form, tries=1)

        return self._signed_in(
            grant, nonce=request.nonce, acr_values=request.acr_values, max_age=request.max_age
        )
