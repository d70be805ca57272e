"""Fetching a URL that somebody else may have chosen, without being turned against the inside (SSRF).

The name is resolved once, every address it has is checked, and the connection goes to a checked address and
not to the name, so that a second answer of the DNS changes nothing (rebinding). TLS and `Host` keep the
name. No proxy variable is read, no redirect followed, no compression accepted (so that `max_bytes` means
the bytes in memory), no connection kept for the next fetch.

There is one implementation, blocking, on a thread of its own for each fetch. That is what makes `timeout` a
limit on the whole transfer for both kinds of caller, even while `getaddrinfo` hangs.
"""

import asyncio
import re
import socket
import ssl
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import Any, Literal
from urllib.parse import quote_plus, urlencode, urlsplit

import httpcore

from tokenward.base.addresses import Network, parse_address, why_refused
from tokenward.base.clock import SYSTEM_CLOCK
from tokenward.base.timed_stream import TimedStream
from tokenward.base.tls_words import tls_failure

Resolver = Callable[[str, int], Sequence[str]]

_DEFAULT_PORTS = {"https": 443, "http": 80}
_MAX_URL = 2048
# RFC 3986 §2 leaves no other character in a URL; `urlsplit` would silently drop some of them.
_URL_CHARACTERS = re.compile(r"[!$%&'()*+,\-./0-9:;=?@A-Z_a-z~\[\]]+")
_LABEL = r"[0-9A-Za-z_](?:[0-9A-Za-z_-]{0,61}[0-9A-Za-z_])?"
# RFC 1123 §2.1, and "_", which container networks put into names.
_HOST_NAME = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*")


class OutboundError(Exception):
    """A fetch that did not give its bytes.

    Attributes:
        code: stable; one of `bad_url`, `address_refused`, `unreachable`, `timeout`, `redirect_refused`,
            `bad_status`, `bad_response`, `too_large`.
        detail: for the log. Names the origin at most: paths and queries can hold credentials.
        status: of the answer, where that was the reason.
    """

    def __init__(self, code: str, detail: str, *, status: int | None = None) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.status = status


@dataclass(frozen=True, slots=True)
class _Target:
    """A URL taken apart once; nothing parses it a second time and reads it differently."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def origin(self) -> str:
        return f"{self.scheme}://{self.authority}"


@dataclass(frozen=True, slots=True)
class _Order:
    """What to do there."""

    method: str = "GET"
    body: bytes | None = None
    headers: tuple[tuple[str, str], ...] = ()
    good: range = range(200, 300)
    reads: bool = True
    accept: str = "*/*"
    redirects: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back.

    Attributes:
        status: of HTTP; one of a redirect from `exchange` alone.
        body: the bytes; b"" where nobody wanted them.
        headers: names in small letters, with values, in the order in which they came.
    """

    status: int
    body: bytes = field(repr=False)
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False, compare=False)


_ONLY_200 = range(200, 201)
_ANY = range(200, 600)
_GET = _Order(good=_ONLY_200)


class OutboundClient:
    """Fetches within limits. It keeps nothing between fetches and can be shared by threads.

    Args:
        allow: networks (`"10.1.0.0/16"`, `"127.0.0.1"`) that may be reached although they are not public.
            Only for addresses that the operator configured; for a URL out of a token, a client's
            registration or a document, leave it empty.
        timeout: seconds for the whole fetch, name resolution included.
        max_bytes: the largest body taken.
        https_only: refuse `http:` URLs.
        tls: trust settings, where the default (the system's authorities and certifi's) is not enough.
        resolver: `(host, port) -> addresses`; raises OSError where there are none.

    Raises:
        ValueError: `allow` holds something that is no network.
    """

    def __init__(
        self,
        *,
        allow: Sequence[str | Network] = (),
        timeout: float = 5.0,
        max_bytes: int = 1_000_000,
        https_only: bool = True,
        tls: ssl.SSLContext | None = None,
        resolver: Resolver | None = None,
    ) -> None:
        self._allow = tuple(ip_network(network) for network in allow)
        self._timeout = timeout
        self._max_bytes = max_bytes
        self._schemes = ("https",) if https_only else ("https", "http")
        self._tls = tls or httpcore.default_ssl_context()
        self._resolver = resolver or system_resolver

    def get(self, url: str) -> bytes:
        """The body of a 200 answer to GET `url`.

        Raises:
            OutboundError: it was refused or failed; `code` says why.
        """
        try:
            return self._start(url, _GET).result(self._timeout).body
        except TimeoutError:
            raise self._too_slow() from None

    def exchange(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> Answer:
        """Whatever is answered to one request, a refusal or a redirect included, which is not followed.

        Args:
            method: of HTTP.
            url: where it goes.
            headers: further ones, with the media type of a body. `Accept` takes the place of any type.
            body: the bytes; None for none.

        Raises:
            OutboundError: there was no answer; `code` says why.
        """
        sent, accept = _accepting(headers or {})
        if body is not None:
            sent = (*sent, ("Content-Length", str(len(body))))
        order = _Order(method, body, sent, _ANY, accept=accept, redirects=True)
        try:
            return self._start(url, order).result(self._timeout)
        except TimeoutError:
            raise self._too_slow() from None

    async def get_async(self, url: str) -> bytes:
        """The same as `get`, for asyncio; the event loop is never blocked.

        Raises:
            OutboundError: it was refused or failed; `code` says why.
        """
        return (await self._in_time(url, _GET)).body

    async def ask_async(
        self,
        method: Literal["GET", "POST"],
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes | None = None,
        reads: bool = False,
    ) -> Answer:
        """What is answered to one request, a refusal included.

        Args:
            method: of HTTP.
            url: where it goes.
            headers: further ones, with the media type of a body. `Accept` takes the place of any type.
            body: of a POST.
            reads: whether the answer's body is wanted; else it is not even read.

        Raises:
            OutboundError: there was no answer, or it was a redirect; `code` says why.
        """
        sent, accept = _accepting(headers)
        if method == "POST":  # RFC 9110 §8.6: said even of no body
            sent = (*sent, ("Content-Length", str(len(body or b""))))
        return await self._in_time(url, _Order(method, body, sent, _ANY, reads, accept))

    async def post_json_async(
        self, url: str, body: bytes, *, headers: Mapping[str, str] | None = None, reads: bool = False
    ) -> bytes:
        """Post JSON; any answer of 2xx will do.

        Args:
            url: where it goes.
            body: the JSON.
            headers: further ones.
            reads: whether the answer's body is wanted; else it is dropped, and b"" comes back.

        Raises:
            OutboundError: it was refused or failed; `code` says why.
        """
        sent = (*_content("application/json", body), *(headers or {}).items())
        return (await self._in_time(url, _Order("POST", body, sent, reads=reads))).body

    async def post_form_async(
        self, url: str, form: Mapping[str, str], *, accept: str = "*/*", authorization: str | None = None
    ) -> bytes:
        """The body of a 200 answer to a form (`application/x-www-form-urlencoded`) in UTF-8.

        Args:
            url: where it goes.
            form: names and values. Whatever a value is, it stays one: it is percent-encoded here.
            accept: which media type the answer should have.
            authorization: the value of the header of that name.

        Raises:
            OutboundError: it was refused or failed; `code` says why.
        """
        body = urlencode(form, quote_via=quote_plus, safe="").encode()
        headers = _content("application/x-www-form-urlencoded", body)
        if authorization is not None:
            headers = (*headers, ("Authorization", authorization))
        return (await self._in_time(url, _Order("POST", body, headers, _ONLY_200, accept=accept))).body

    async def _in_time(self, url: str, order: _Order) -> Answer:
        try:
            async with asyncio.timeout(self._timeout):
                return await asyncio.wrap_future(self._start(url, order))
        except TimeoutError:
            raise self._too_slow() from None

    def _start(self, url: str, order: _Order) -> Future[Answer]:
        target = _parse(url, self._schemes)
        # An executor for each fetch, because one that is kept does not survive a fork of the process.
        executor = ThreadPoolExecutor(1, thread_name_prefix="tokenward-outbound")
        try:
            return executor.submit(self._fetch, target, order)
        finally:
            executor.shutdown(wait=False)

    def _too_slow(self) -> OutboundError:
        return OutboundError("timeout", f"not finished within {self._timeout:g} s")

    def _fetch(self, target: _Target, order: _Order) -> Answer:
        network = _CheckedNetwork(self._resolver, self._allow, SYSTEM_CLOCK.monotonic() + self._timeout)
        request = httpcore.Request(
            order.method,
            httpcore.URL(scheme=target.scheme, host=target.host, port=target.port, target=target.path),
            headers=[
                ("Host", target.authority),
                ("User-Agent", "tokenward"),
                ("Accept", order.accept),
                ("Accept-Encoding", "identity"),
                ("Connection", "close"),
                *order.headers,
            ],
            content=order.body,
        )
        try:
            with httpcore.ConnectionPool(ssl_context=self._tls, network_backend=network) as pool:
                response = pool.handle_request(request)
                try:
                    return self._take(response, target, order)
                finally:
                    response.close()
        except httpcore.TimeoutException:
            raise self._too_slow() from None
        except httpcore.NetworkError as error:
            raise OutboundError("unreachable", f"{target.origin}: {tls_failure(error) or error}") from None
        except httpcore.ProtocolError:
            raise OutboundError("bad_response", f"{target.origin} does not speak HTTP/1.1") from None

    def _take(self, response: httpcore.Response, target: _Target, order: _Order) -> Answer:
        if 300 <= response.status < 400 and not order.redirects:
            raise OutboundError("redirect_refused", f"{target.origin} answered {response.status}")
        if response.status not in order.good:
            detail = f"{target.origin} answered {response.status}"
            raise OutboundError("bad_status", detail, status=response.status)
        if not order.reads:
            return Answer(response.status, b"")
        for name, value in response.headers:
            if name.lower() == b"content-encoding" and value.lower() != b"identity":
                raise OutboundError("bad_response", f"{target.origin} compressed although asked not to")
        body = bytearray()
        for chunk in response.iter_stream():
            body += chunk
            if len(body) > self._max_bytes:
                raise OutboundError("too_large", f"{target.origin} sent more than {self._max_bytes} bytes")
        headers = tuple(
            (name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in response.headers
        )
        return Answer(response.status, bytes(body), headers)


def system_resolver(host: str, port: int) -> list[str]:
    """Every address the operating system knows for `host`, in its order of preference.

    Raises:
        OSError: there is none.
    """
    return [str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def _accepting(headers: Mapping[str, str]) -> tuple[tuple[tuple[str, str], ...], str]:
    """The headers without `Accept`, and what that says."""
    sent = tuple((name, value) for name, value in headers.items() if name.lower() != "accept")
    return sent, next((value for name, value in headers.items() if name.lower() == "accept"), "*/*")


def _content(media_type: str, body: bytes) -> tuple[tuple[str, str], ...]:
    return ("Content-Type", media_type), ("Content-Length", str(len(body)))


def _parse(url: str, schemes: Sequence[str]) -> _Target:
    # No message repeats the URL: a password may be why it is refused.
    if len(url) > _MAX_URL or not _URL_CHARACTERS.fullmatch(url):
        raise OutboundError("bad_url", f"over {_MAX_URL} characters, a fragment or a character no URL has")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise OutboundError("bad_url", "host or port is malformed") from None
    if parts.scheme not in schemes:
        raise OutboundError("bad_url", f"the scheme must be {' or '.join(schemes)}")
    if "@" in parts.netloc:
        raise OutboundError("bad_url", "user name or password in the URL")
    if port == 0 or not (_HOST_NAME.fullmatch(host) or _is_ipv6(host)):
        raise OutboundError("bad_url", "host or port is malformed")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return _Target(parts.scheme, host, port or _DEFAULT_PORTS[parts.scheme], path)


def _is_ipv6(host: str) -> bool:
    try:
        parse_address(host)
    except ValueError:
        return False
    return "%" not in host  # RFC 6874 zones are local names


class _CheckedNetwork(httpcore.NetworkBackend):
    """Connects to nothing that it has not checked, and to exactly what it has."""

    def __init__(self, resolver: Resolver, allow: Sequence[Network], deadline: float) -> None:
        self._resolver = resolver
        self._allow = allow
        self._deadline = deadline
        self._sockets = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002 - the deadline of the whole fetch rules
        local_address: str | None = None,  # noqa: ARG002 - part of httpcore's interface
        socket_options: Iterable[Any] | None = None,  # noqa: ARG002 - the same
    ) -> httpcore.NetworkStream:
        try:
            addresses = [parse_address(text) for text in dict.fromkeys(self._resolver(host, port))]
        except (OSError, ValueError) as error:
            raise OutboundError("unreachable", f"{host} does not resolve: {error}") from None
        for address in addresses:
            # One bad address spoils the name: an honest one has no reason to mix inside and outside.
            if why := why_refused(address, self._allow):
                raise OutboundError("address_refused", f"{host} has the address {address}: {why}")
        failure: Exception = httpcore.ConnectError(f"{host} has no address")
        for index, address in enumerate(addresses):
            # An equal share of what is left, so that one silent address leaves time for the next.
            share = _left(self._deadline) / (len(addresses) - index)
            try:
                stream = self._sockets.connect_tcp(str(address), port, share)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
            else:
                return TimedStream(stream, lambda: _left(self._deadline))
        raise failure


def _left(deadline: float) -> float:
    """Seconds until `deadline`.

    Raises:
        httpcore.ReadTimeout: it has passed.
    """
    seconds = deadline - SYSTEM_CLOCK.monotonic()
    if seconds <= 0:
        raise httpcore.ReadTimeout("the deadline has passed")
    return seconds
