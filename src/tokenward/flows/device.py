"""The device authorization grant from the client's side (RFC 8628): ask, show a code, poll until an answer.

Nothing is sent or waited for here. Whoever sends asks `Polling.wait` how long to wait before each poll, sends
`Polling.body` to the token endpoint, and shows what came of it to `heard` or `timed_out`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from tokenward.base.addresses import is_loopback
from tokenward.base.clock import SYSTEM_CLOCK, Clock
from tokenward.base.secret import Secret
from tokenward.flows.authorization import printable, server_error
from tokenward.flows.errors import FlowError
from tokenward.flows.token import TokenResponse, form, json_answer, text_of

GRANT_TYPE = "urn:ietf:params:oauth:grant-type:device_code"
INTERVAL = 5
"""Seconds between two polls where the server names none (§3.2)."""

SLOWER = 5
"""Seconds by which `slow_down` makes the interval longer, for good (§3.5)."""

LONGEST = 60.0
"""Seconds that lie between two polls at most after connections that timed out."""

_LONGEST_LIFE = 86_400
_MAX_USER_CODE = 64


def request(
    *,
    scope: Iterable[str] = (),
    resource: str = "",
    client_id: str = "",
    acr_values: Iterable[str] = (),
    max_age: int | None = None,
) -> bytes:
    """The body for the device authorization endpoint (§3.1).

    Args:
        scope: what is asked for.
        resource: the API that the token is for (RFC 8707), or "".
        client_id: for a client without a secret.
        acr_values: how well the person should sign in, the best first; no part of RFC 8628, so not every
            server heeds it, and the ID token tells whether one did.
        max_age: how many seconds ago they may have; the same holds.
    """
    return form(
        scope=" ".join(scope),
        resource=resource,
        client_id=client_id,
        acr_values=" ".join(acr_values),
        max_age="" if max_age is None else str(max_age),
    )


@dataclass(frozen=True, slots=True)
class DeviceAuthorization:
    """What the server answered (§3.2): what to show, and what to poll with.

    Attributes:
        device_code: for polls; never shown.
        user_code: what the person types.
        verification_uri: where.
        verification_uri_complete: the same with the code in it, as for a QR code; "" where there is none.
            Show the code all the same (§3.3.1).
        expires_in: seconds until both codes end.
        interval: seconds between two polls.
    """

    device_code: Secret
    user_code: str
    verification_uri: str
    verification_uri_complete: str = ""
    expires_in: int = 0
    interval: int = INTERVAL

    @classmethod
    def parse(cls, status: int, body: bytes) -> "DeviceAuthorization":
        """Read the answer of the device authorization endpoint. What is to be shown is fit for a terminal.

        Raises:
            FlowError: the server refused, or the answer is none that RFC 8628 knows.
        """
        answer = json_answer(status, body)
        if status != 200:
            raise server_error(answer.get("error"), answer.get("error_description"))
        user_code = text_of(answer, "user_code", required=True) or ""
        if printable(user_code) != user_code or len(user_code) > _MAX_USER_CODE:
            raise FlowError("malformed_response", "user_code is nothing that can be shown")
        return cls(
            device_code=Secret(text_of(answer, "device_code", required=True) or ""),
            user_code=user_code,
            verification_uri=_page(text_of(answer, "verification_uri", required=True) or ""),
            verification_uri_complete=_page(uri)
            if (uri := text_of(answer, "verification_uri_complete"))
            else "",
            expires_in=_seconds(answer.get("expires_in"), "expires_in"),
            interval=_seconds(answer.get("interval", INTERVAL), "interval"),
        )


class Polling:
    """The polls of one device code, from the moment at which it is made.

    Args:
        device: what the server answered.
        client_id: only for a client without a secret.
        resource: the API that the token is for, as in the request, or "".
        clock: the monotonic reading counts.
    """

    def __init__(
        self,
        device: DeviceAuthorization,
        *,
        client_id: str = "",
        resource: str = "",
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._device = device
        self._client_id = client_id
        self._resource = resource
        self._clock = clock
        self._interval = float(device.interval)
        self._end = clock.monotonic() + device.expires_in
        self._next = clock.monotonic() + self._interval

    @property
    def wait(self) -> float:
        """Seconds until the next poll may be sent.

        Raises:
            FlowError: `expired_token`, the code ends before.
        """
        now = self._clock.monotonic()
        if max(now, self._next) >= self._end:
            raise FlowError("expired_token", "nobody answered in time")
        return max(0.0, self._next - now)

    @property
    def body(self) -> bytes:
        """The body of a poll (§3.4)."""
        return form(
            grant_type=GRANT_TYPE,
            device_code=self._device.device_code.reveal(),
            resource=self._resource,
            client_id=self._client_id,
        )

    def heard(
        self,
        status: int,
        body: bytes,
        *,
        token_type: str = "Bearer",  # noqa: S107 - a type, not a token
    ) -> TokenResponse | None:
        """What a poll brought: tokens; or None, and it goes on after `wait`.

        Raises:
            FlowError: the person said no (`access_denied`), it took too long (`expired_token`), or anything
                else after which polling makes no sense.
        """
        try:
            return TokenResponse.parse(status, body, token_type=token_type)
        except FlowError as error:
            if error.code == "slow_down":
                self._interval += SLOWER
            elif error.code != "authorization_pending":
                raise
        self._wait_again()
        return None

    def timed_out(self) -> None:
        """A poll had no answer: the interval doubles, up to `LONGEST` (§3.5)."""
        self._interval = max(self._interval, min(self._interval * 2, LONGEST))
        self._wait_again()

    def _wait_again(self) -> None:
        self._next = self._clock.monotonic() + self._interval


def _seconds(value: object, name: str) -> int:
    if type(value) is not int or not 0 < value <= _LONGEST_LIFE:
        raise FlowError("malformed_response", f"{name} is not a number of seconds")
    return value


def _page(uri: str) -> str:
    """An address that can be shown and opened: printable ASCII, https, or http on this machine."""
    try:
        scheme, host = urlsplit(uri).scheme, urlsplit(uri).hostname
    except ValueError:
        scheme, host = "", None
    secure = host is not None and (scheme == "https" or (scheme == "http" and is_loopback(host)))
    if not secure or " " in uri or not (uri.isascii() and uri.isprintable()) or len(uri) > 2000:
        raise FlowError("malformed_response", "the verification address is none that can be opened")
    return uri
