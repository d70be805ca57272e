"""Asking a server politely: one request after another, nothing followed, whatever comes back is kept."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from tokenward.base.clock import SYSTEM_CLOCK, Clock
from tokenward.base.outbound import OutboundClient

ORIGIN = "https://stranger.example"
"""Sent as `Origin`, to learn what scripts of anybody may read."""


@dataclass(frozen=True)
class Reply:
    """What came back.

    Attributes:
        url: where it was asked.
        status: of HTTP.
        headers: names in small letters, in the order in which they came.
        body: the bytes.
    """

    url: str
    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = field(default=b"", repr=False)

    def header(self, name: str) -> str:
        """All values of a header, with commas between (RFC 9110 §5.3); "" where it is not there."""
        return ", ".join(value for each, value in self.headers if each == name)

    def each(self, name: str) -> tuple[str, ...]:
        """The values of a header that has no list, such as `set-cookie`."""
        return tuple(value for each, value in self.headers if each == name)

    @cached_property
    def text(self) -> str:
        """The body, whatever it is."""
        return self.body.decode("utf-8", "replace")

    @cached_property
    def data(self) -> Mapping[str, Any]:
        """The object in the body; an empty one if there is none."""
        try:
            value = json.loads(self.body)
        except (ValueError, RecursionError):
            return {}
        return value if isinstance(value, dict) else {}

    @property
    def error(self) -> str:
        """The `error` of an OAuth error response (RFC 6749 §5.2), or ""."""
        value = self.data.get("error")
        return value if isinstance(value, str) else ""

    @property
    def is_redirect(self) -> bool:
        """Whether it sends the browser elsewhere."""
        return 300 <= self.status < 400 and bool(self.header("location"))


class Asker:
    """Asks, with a pause before each request but the first.

    Args:
        http: what reaches the server, within its limits.
        pause: seconds from one request to the next.
        sleep: waits so many seconds.

    Attributes:
        requests: how many there were.
    """

    def __init__(
        self,
        http: OutboundClient,
        *,
        pause: float,
        clock: Clock = SYSTEM_CLOCK,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._http = http
        self._pause = pause
        self._clock = clock
        self._sleep = sleep
        self._last = -pause
        self.requests = 0

    def get(self, url: str, headers: Mapping[str, str] | None = None) -> Reply:
        """GET.

        Raises:
            OutboundError: there was no answer.
        """
        return self._ask("GET", url, headers or {}, None)

    def post(self, url: str, form: Mapping[str, str], headers: Mapping[str, str] | None = None) -> Reply:
        """POST a form.

        Raises:
            OutboundError: there was no answer.
        """
        sent = {"Content-Type": "application/x-www-form-urlencoded", **(headers or {})}
        return self._ask("POST", url, sent, urlencode(form).encode())

    def post_json(self, url: str, value: object) -> Reply:
        """POST JSON.

        Raises:
            OutboundError: there was no answer.
        """
        return self._ask("POST", url, {"Content-Type": "application/json"}, json.dumps(value).encode())

    def delete(self, url: str, token: str) -> Reply:
        """DELETE what was made, with its own token (RFC 7592 §2.3).

        Raises:
            OutboundError: there was no answer.
        """
        return self._ask("DELETE", url, {"Authorization": f"Bearer {token}"}, None)

    def _ask(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Reply:
        since = self._clock.monotonic() - self._last
        if self.requests and since < self._pause:
            self._sleep(self._pause - since)
        self.requests += 1
        try:
            answer = self._http.exchange(method, url, headers={"Origin": ORIGIN, **headers}, body=body)
        finally:
            self._last = self._clock.monotonic()
        return Reply(url, answer.status, answer.headers, answer.body)
