"""One HTTP exchange as a prober needs it: any header field, no redirect, a bounded answer, and how long."""

import ssl
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Self
from urllib.parse import urlsplit

import httpcore
import httpx

from tokenward.base.clock import Clock
from tokenward.base.timed_stream import TimedStream

MOST_BYTES = 64 * 1024
"""Of an answer; what comes after is not read."""

MOST_TOKEN = 12 * 1024
"""Bytes of a token. Servers take some 16 KB of header fields in all, and refuse more unseen."""

Fields = tuple[tuple[str, bytes], ...]


class CannotProbe(Exception):  # noqa: N818 - says what it is
    """Nothing can be found out; the message is for people."""


class NoAnswer(Exception):  # noqa: N818 - says what it is
    """The connection or the answer broke; the message says how."""


class Uncarriable(ValueError):  # noqa: N818 - no fault: HTTP has no way to send it
    """A header field cannot hold the credential."""


@dataclass(frozen=True, slots=True)
class Shot:
    """A request.

    Attributes:
        method: such as "GET".
        url: absolute.
        fields: header fields in their order; a name may come twice.
        body: b"" for none.
    """

    method: str
    url: str
    fields: Fields = field(default=(), repr=False)
    body: bytes = field(default=b"", repr=False)

    def plus(self, *fields: tuple[str, bytes]) -> Self:
        """With more header fields."""
        return replace(self, fields=(*self.fields, *fields))

    def bearing(self, token: object) -> Self:
        """With a bearer token.

        Raises:
            Uncarriable: a header field cannot hold it.
        """
        return self.plus(("Authorization", b"Bearer " + carried(token)))


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back.

    Attributes:
        status: of HTTP.
        fields: header fields, names in small letters.
        body: its first `MOST_BYTES`.
        seconds: until the last of them.
    """

    status: int
    fields: tuple[tuple[str, str], ...]
    body: bytes = field(repr=False)
    seconds: float = 0.0

    def values(self, name: str) -> list[str]:
        """Of every field of that name (in small letters)."""
        return [value for each, value in self.fields if each == name]

    def value(self, name: str) -> str:
        """Of all fields of that name, joined with commas; "" where there is none."""
        return ", ".join(self.values(name))

    @property
    def text(self) -> str:
        """The body as text, whatever it is."""
        return self.body.decode("utf-8", "replace")


def carried(token: object) -> bytes:
    """The octets of a token in a header field.

    Raises:
        Uncarriable: it is no text, holds what ends or spoils a field (RFC 9110 §5.5), or is too long.
    """
    if not isinstance(token, str):
        raise Uncarriable("it is no text")
    octets = token.encode("utf-8", "surrogatepass")
    if len(octets) > MOST_TOKEN:
        raise Uncarriable("it is longer than servers take header fields")
    if not octets or octets.strip(b" \t") != octets:
        raise Uncarriable("white space around a header field is not part of it")
    if set(octets) & set(b"\r\n\0"):
        raise Uncarriable("a header field holds no CR, LF or NUL")
    return octets


class Wire:
    """Sends shots, one after the other.

    Args:
        clock: measures answers.
        timeout: seconds for each, from the connection to the last byte that is read.
        authorities: a file of certificates to trust instead of the system's; "" for those.

    Raises:
        CannotProbe: the file holds no certificates.
    """

    def __init__(self, clock: Clock, *, timeout: float, authorities: str = "") -> None:
        self._clock = clock
        try:
            context = ssl.create_default_context(cafile=authorities or None)
        except (OSError, ssl.SSLError) as error:
            raise CannotProbe(f"{authorities} cannot be read as certificates: {error}") from None
        # No proxy, no netrc: the environment has no say in what is sent where.
        self._network = _TimedNetwork(clock, timeout)
        self._client = httpx.Client(
            transport=_TimedTransport(context, self._network),
            headers={"Accept-Encoding": "identity"},
            timeout=timeout,
            trust_env=False,
            follow_redirects=False,
        )

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def send(self, shot: Shot) -> Answer:
        """The answer to one request.

        Raises:
            NoAnswer: there is none, or no whole one.
            CannotProbe: the certificate is not trusted.
        """
        # Names as they are, and no cookie of an earlier answer: each shot stands for itself.
        fields = [(name.encode("ascii"), value) for name, value in shot.fields]
        began = self._network.begin()
        self._client.cookies.clear()
        try:
            with self._client.stream(
                shot.method, shot.url, headers=fields, content=shot.body or None
            ) as response:
                body = b""
                for piece in response.iter_raw():
                    body += piece
                    if len(body) >= MOST_BYTES:
                        break
                body = _decoded(body, response.headers.get("content-encoding", ""))
                got = response.headers.raw
                status = response.status_code
        except httpx.ConnectError as error:
            if isinstance(_cause(error), ssl.SSLError):
                raise CannotProbe(
                    f"{_origin(shot.url)}: TLS failed: {_cause(error)}. --ca names a file of certificates"
                ) from None
            raise NoAnswer("it cannot be reached") from None
        except httpx.TimeoutException:
            raise NoAnswer("it did not answer in time") from None
        except (httpx.TransportError, zlib.error) as error:
            raise NoAnswer(f"the connection broke ({type(error).__name__})") from None
        except httpx.InvalidURL as error:
            raise CannotProbe(f"that is no URL: {error}") from None
        names = tuple((name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in got)
        return Answer(status, names, body[:MOST_BYTES], self._clock.monotonic() - began)


def _decoded(body: bytes, coding: str) -> bytes:
    """Of a target that compresses although nobody asked it to; no more of it than is read of any other."""
    if coding.strip().lower() not in {"gzip", "x-gzip"}:
        return body
    return zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(body, MOST_BYTES)


class _TimedTransport(httpx.HTTPTransport):
    """httpx has no setting for the network under its pool."""

    def __init__(self, context: ssl.SSLContext, network: httpcore.NetworkBackend) -> None:
        super().__init__(verify=context, trust_env=False)
        self._pool = httpcore.ConnectionPool(ssl_context=context, network_backend=network)


class _TimedNetwork(httpcore.NetworkBackend):
    """Connections for one shot after the other, each of which has its time and no more.

    A timeout of httpx is for each read: a target that sends a byte a second would have a probe for good.
    """

    def __init__(self, clock: Clock, seconds: float) -> None:
        self._clock = clock
        self._seconds = seconds
        self._sockets = httpcore.SyncBackend()
        self._deadline = 0.0

    def begin(self) -> float:
        """The time starts; it is returned."""
        now = self._clock.monotonic()
        self._deadline = now + self._seconds
        return now

    def _left(self) -> float:
        seconds = self._deadline - self._clock.monotonic()
        if seconds <= 0:
            raise httpcore.ReadTimeout("the time for one answer is up")
        return seconds

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002 - the time for the whole answer rules
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        stream = self._sockets.connect_tcp(host, port, self._left(), local_address, socket_options)
        return TimedStream(stream, self._left)


def _cause(error: BaseException) -> BaseException:
    while error.__cause__ is not None or error.__context__ is not None:
        error = error.__cause__ or error.__context__  # type: ignore[assignment]  # one of them is not None
    return error


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
