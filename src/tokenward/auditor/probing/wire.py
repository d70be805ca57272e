"""One HTTP exchange as a prober needs it: any header field, no redirect, a bounded answer, and how long."""

import ssl
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Self
from urllib.parse import urlsplit

import httpcore
import httpx

from tokenward.auditor.probing.callers import Caller, Certificate, context_of
from tokenward.auditor.probing.holder import Holder
from tokenward.base.clock import Clock
from tokenward.base.timed_stream import TimedStream
from tokenward.base.tls_words import tls_failure

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
        holder: of the key that tokens are bound to; None where they are borne.
        late: further fields that are good once, and made when it is sent: proofs (RFC 9449).
        caller: who sends it.
    """

    method: str
    url: str
    fields: Fields = field(default=(), repr=False)
    body: bytes = field(default=b"", repr=False)
    holder: Holder | None = field(default=None, repr=False)
    late: Callable[[], Fields] | None = field(default=None, repr=False)
    caller: Caller = Caller.ITSELF

    def plus(self, *fields: tuple[str, bytes]) -> Self:
        """With more header fields."""
        return replace(self, fields=(*self.fields, *fields))

    def instead(self, *fields: tuple[str, bytes]) -> Self:
        """With these header fields in the place of those of the same names."""
        names = {name.lower() for name, _ in fields}
        return replace(self, fields=(*(it for it in self.fields if it[0].lower() not in names), *fields))

    def bearing(self, token: object) -> Self:
        """With a token, and a proof by the holder of its key where there is one.

        Raises:
            Uncarriable: a header field cannot hold it.
        """
        octets = carried(token)
        return self.plus(("Authorization", self.scheme + b" " + octets)).proving(octets)

    @property
    def scheme(self) -> bytes:
        """What stands before a token (RFC 6750 §2.1, RFC 9449 §7.1)."""
        return b"Bearer" if self.holder is None else b"DPoP"

    def proving(self, token: bytes, *, proofs: int = 1, **changes: Any) -> Self:  # noqa: ANN401 - claims
        """With proofs for the token, good but for these changes; as it is where nobody holds a key."""
        holder = self.holder
        if holder is None:
            return self

        def late() -> Fields:
            return tuple(
                ("DPoP", holder.proof(self.method, self.url, token, **changes)) for _ in range(proofs)
            )

        return replace(self, late=late)


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
        certificate: of the caller; None for none.

    Raises:
        CannotProbe: a file holds no certificates.
    """

    def __init__(
        self, clock: Clock, *, timeout: float, authorities: str = "", certificate: Certificate | None = None
    ) -> None:
        self._clock = clock
        self._timeout = timeout
        self._authorities = authorities
        self._certificate = certificate
        self._network = _TimedNetwork(clock, timeout)
        self._answered = False
        self._clients = {Caller.ITSELF: self._client(Caller.ITSELF)}

    def _client(self, caller: Caller) -> httpx.Client:
        try:
            context = context_of(caller, self._certificate, authorities=self._authorities)
        except (OSError, ssl.SSLError) as error:
            what = self._authorities or (self._certificate and self._certificate.chain.name)
            why = tls_failure(error) or getattr(error, "strerror", "") or "they are none"
            raise CannotProbe(f"{what} cannot be read as certificates: {why}") from None
        # No proxy, no netrc: the environment has no say in what is sent where.
        return httpx.Client(
            transport=_TimedTransport(context, self._network),
            headers={"Accept-Encoding": "identity"},
            timeout=self._timeout,
            trust_env=False,
            follow_redirects=False,
        )

    def close(self) -> None:
        """Close the connections."""
        for client in self._clients.values():
            client.close()

    def send(self, shot: Shot) -> Answer:
        """The answer to one request.

        Raises:
            NoAnswer: there is none, or no whole one.
            CannotProbe: there is no TLS with it, nor was there before.
        """
        # Names as they are, and no cookie of an earlier answer: each shot stands for itself.
        late = shot.late() if shot.late is not None else ()
        fields = [(name.encode("ascii"), value) for name, value in (*shot.fields, *late)]
        if shot.caller not in self._clients:
            self._clients[shot.caller] = self._client(shot.caller)
        client = self._clients[shot.caller]
        began = self._network.begin()
        client.cookies.clear()
        try:
            with client.stream(shot.method, shot.url, headers=fields, content=shot.body or None) as response:
                body = b""
                for piece in response.iter_raw():
                    body += piece
                    if len(body) >= MOST_BYTES:
                        break
                body = _decoded(body, response.headers.get("content-encoding", ""))
                got = response.headers.raw
                status = response.status_code
        except (httpx.ConnectError, httpx.ReadError, httpx.WriteError) as error:
            if why := tls_failure(error):
                raise self._without_tls(shot, why) from None
            if isinstance(error, httpx.ConnectError):
                raise NoAnswer("it cannot be reached") from None
            raise NoAnswer(f"the connection broke ({type(error).__name__})") from None
        except httpx.TimeoutException:
            raise NoAnswer("it did not answer in time") from None
        except (httpx.TransportError, zlib.error) as error:
            raise NoAnswer(f"the connection broke ({type(error).__name__})") from None
        except httpx.InvalidURL as error:
            raise CannotProbe(f"that is no URL: {error}") from None
        self._answered = True
        names = tuple((name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in got)
        return Answer(status, names, body[:MOST_BYTES], self._clock.monotonic() - began)

    def _without_tls(self, shot: Shot, why: str) -> Exception:
        """What a shot without TLS is: the end, unless the target was talked to before."""
        if self._answered:
            return NoAnswer(why)
        hint = ""
        if "not trusted here" in why:
            hint = ". --ca names a file of certificates to trust"
        elif "wants a client's" in why and self._certificate is None:
            hint = ". --client-certificate names one"
        return CannotProbe(f"{_origin(shot.url)}: {why}{hint}")


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


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
