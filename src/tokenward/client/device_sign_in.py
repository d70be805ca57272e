"""Tokens for a person who signs in elsewhere, for a program without a browser (RFC 8628)."""

# ruff: noqa: PLC0415 - what does the work is imported when a token is asked for

import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from tokenward.client.errors import ServerUnavailable, TokenError
from tokenward.client.person_source import PersonSource, not_signed_in

if TYPE_CHECKING:
    from tokenward.client.flow import Flow
    from tokenward.client.token_request import Requester
    from tokenward.flows.device import DeviceAuthorization, Polling
    from tokenward.flows.metadata import ServerMetadata
    from tokenward.flows.token import TokenResponse
    from tokenward.tokens.claims import VerifiedClaims


def _show(device: "DeviceAuthorization") -> None:
    sys.stderr.write(f"Open {device.verification_uri} and enter {device.user_code}\n")


class DeviceSignIn(PersonSource):
    """The device authorization grant, and refresh tokens.

    For a television, or a program over ssh. Where it can open a browser on the same machine, `SignIn` is
    safer: a code can be asked for by anybody who talks a person into entering it (§5.4). Everything else is
    said at `PersonSource`.
    """

    def sign_in(
        self,
        *,
        show: Callable[["DeviceAuthorization"], object] = _show,
        acr_values: Iterable[str] = (),
        max_age: int | None = None,
    ) -> "VerifiedClaims | None":
        """Ask for a code, show it, and wait until the person has entered it, or it ends.

        Args:
            show: shows the person `verification_uri` and `user_code`; `verification_uri_complete`, where it
                is not "", is for a QR code beside them (§3.3.1). By default a line on stderr.
            acr_values: how well they should sign in, the best first.
            max_age: how many seconds ago they may have.

        Returns:
            Who signed in, as the ID token says; None where `openid` was not asked for.

        Raises:
            SignInRequired: nobody did in time, or they said no.
            TokenError: the server refuses, or its answer is none.
        """
        from tokenward.flows.device import Polling

        acr_values = tuple(acr_values)
        device = self._driven(self._codes(acr_values, max_age))
        polling = Polling(device, resource=self.resource, clock=self._clock)
        show(device)

        def grant(requester: "Requester", server: "ServerMetadata", _: object) -> "Flow[TokenResponse]":
            return _polled(requester, server, polling)

        return self._signed_in(grant, nonce=None, acr_values=acr_values, max_age=max_age)

    def _codes(self, acr_values: tuple[str, ...], max_age: int | None) -> "Flow[DeviceAuthorization]":
        from tokenward.flows.device import DeviceAuthorization, request
        from tokenward.flows.errors import FlowError

        server = yield from self.server.metadata()
        if not server.device_authorization_endpoint:
            raise TokenError("wrong_metadata", f"{self.server.issuer} takes no devices (RFC 8628)")
        body = request(scope=self.scope, resource=self.resource, acr_values=acr_values, max_age=max_age)
        read, endpoint = DeviceAuthorization.parse, "device_authorization_endpoint"
        try:
            return (yield from self._unbound().post(server, endpoint, lambda: body, read))
        except FlowError as error:
            raise not_signed_in(error) from None


def _polled(requester: "Requester", server: "ServerMetadata", polling: "Polling") -> "Flow[TokenResponse]":
    """Poll until there are tokens (§3.4, §3.5).

    Raises:
        TokenError: the person said no, or the code ended, or the server refuses.
    """
    from tokenward.client.flow import Pause
    from tokenward.flows.errors import FlowError

    def read(status: int, body: bytes) -> "TokenResponse | None":
        return polling.heard(status, body, token_type=requester.token_type)

    try:
        while True:
            yield Pause(polling.wait)
            try:
                # Each poll once: what had no answer makes the interval longer, and no burst.
                response = yield from requester.post(
                    server, "token_endpoint", lambda: polling.body, read, tries=1
                )
            except ServerUnavailable:
                polling.timed_out()
            else:
                if response is not None:
                    return response
    except FlowError as error:
        raise not_signed_in(error) from None
