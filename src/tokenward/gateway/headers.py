"""Which request headers mean something to the gateway, and which never reach a backend.

Backends and the servers before them fold names: CGI and WSGI turn `-` into `_`, some servers whatever is no
letter or digit, some proxies do the reverse. So a name is judged after folding all of that to `-`: what looks
like a dropped name is dropped as well, and what only looks like a meaningful name (`Authorization_`,
`content_length`) is nobody's.
"""

import re
from collections.abc import Sequence
from enum import Enum
from typing import NamedTuple

from tokenward.base.problems import BAD_UPSTREAM, MALFORMED, UPGRADE_REFUSED, Refusal
from tokenward.gateway.trace import Trace

RawHeaders = Sequence[tuple[bytes, bytes]]


class Verdict(Enum):
    """What becomes of a request header, by its name."""

    FORWARD = "forwarded"
    DROP = "dropped"
    AUTHORIZATION = "read as a credential, replaced"
    API_KEY = "read as a credential, dropped"
    PROOF = "read as the proof of a credential, dropped"
    TRACE = "read for the trace that it names, replaced"
    COOKIE = "forwarded without our own cookies"
    CONNECTION = "read for the names it nominates, dropped"
    HOST = "read, replaced"
    UPGRADE = "refused, or ignored where the protocol allows it"
    MALFORMED = "refused"


# Reading a member off its class costs more than all else that is done for a header.
_FORWARD, _DROP, _AUTHORIZATION, _COOKIE = (
    Verdict.FORWARD,
    Verdict.DROP,
    Verdict.AUTHORIZATION,
    Verdict.COOKIE,
)

# Exactly these names. A look-alike of one is dropped.
_MEANINGFUL: dict[str, Verdict] = {
    "authorization": Verdict.AUTHORIZATION,
    "x-api-key": Verdict.API_KEY,
    "dpop": Verdict.PROOF,
    "traceparent": Verdict.TRACE,
    "tracestate": Verdict.TRACE,
    "cookie": Verdict.COOKIE,
    "connection": Verdict.CONNECTION,
    "host": Verdict.HOST,
    "upgrade": Verdict.UPGRADE,
    "content-length": Verdict.FORWARD,
    "content-type": Verdict.FORWARD,
}

# A trailing star stands for any rest. Why each is here: a client must not be able to speak in our name.
DROPPED: tuple[str, ...] = (
    # Hop-by-hop (RFC 9110 §7.6.1), and the expectation, which this hop answers (§10.1.1).
    "keep-alive", "te", "trailer", "transfer-encoding", "http2-settings", "proxy*", "expect",
    # Where the request came from: set here, from the connection.
    "forwarded*", "x-forwarded*", "x-real-ip", "x-client-ip", "x-cluster-client-ip", "true-client-ip",
    "client-ip", "cf-connecting-ip", "fastly-client-ip", "x-azure-clientip", "x-originating-ip",
    "wl-proxy*", "x-envoy-*", "x-host", "x-http-host*", "x-request-id", "x-scheme", "x-url-scheme",
    "front-end-https",
    # Who it is: only the inside JWT says that.
    "x-user*", "x-auth*", "x-remote*", "remote-user*", "x-role*", "x-group*", "x-client-cert*",
    "client-cert*", "x-ssl-client*", "ssl-client*", "x-ssl-cert*", "ssl-cert*", "x-tls-client*",
    "x-arr-clientcert", "x-amzn-mtls-*", "api-key", "apikey", "x-apikey", "x-access-token",
    "x-webauth-*", "x-amzn-oidc-*", "x-goog-authenticated-user*", "x-goog-iap*", "x-ms-client-principal*",
    "x-endpoint-api-userinfo", "x-apigateway-api-userinfo", "x-jwt-assertion", "x-consumer-*",
    "x-credential-*", "x-anonymous-consumer", "impersonate-*",
    # What it asks for: the request line that was decided on is the one that counts.
    "x-original-*", "x-rewrite-*", "x-override-url", "x-http-method*", "x-method-override",
    # Which part of the path is to be routed: gunicorn cuts off what SCRIPT_NAME says (RFC 3875 §4.1.13).
    "script-name", "path-info", "x-script-name", "x-path-info",
    # What a backend's framework or the server before it says to itself: file to send, middleware to skip.
    "x-accel-*", "x-sendfile*", "x-middleware-*",
    # What we say ourselves.
    "tokenward-*", "x-tokenward-*",
)  # fmt: skip

_EXACT = frozenset(name for name in DROPPED if not name.endswith("*"))
_PREFIXES = tuple(name[:-1] for name in DROPPED if name.endswith("*"))
_FRAMING = frozenset({"content-length", "content-type", "host"})  # Connection cannot nominate these away

_TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 §5.6.2
_HOST = re.compile(rb"[A-Za-z0-9._:\[\]-]{0,255}")
# Looked for by taking them out, which is several times as fast as a pattern, and cookies are long.
_BREAKING = b"\r\n\0"
_CONTROL = bytes([*range(0x09), *range(0x0A, 0x20), 0x7F])
_OUR_COOKIES = (b"__host-tokenward", b"tokenward")

_MEMO_SIZE = 4096
_MEMO_NAME = 64  # longer names are judged afresh, so that the memo stays small
_memo: dict[bytes, Verdict] = {}


def verdict(name: bytes) -> Verdict:
    """What becomes of the header of this name."""
    known = _memo.get(name)
    if known is not None:
        return known
    judged = _judge(name)
    if len(name) <= _MEMO_NAME:
        if len(_memo) >= _MEMO_SIZE:
            _memo.clear()
        _memo[name] = judged
    return judged


def _judge(name: bytes) -> Verdict:
    if not _TOKEN.fullmatch(name):
        return Verdict.MALFORMED
    text = name.decode("ascii").lower()
    if text in _MEANINGFUL:
        return _MEANINGFUL[text]
    folded = fold(text)
    if folded in _MEANINGFUL or folded in _EXACT or folded.startswith(_PREFIXES):
        return Verdict.DROP
    return Verdict.FORWARD


def fold(name: str) -> str:
    """The name as a careless server might read it."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


class Screened(NamedTuple):
    """The request headers that can carry a credential, or name a trace, collected while all were checked.

    Attributes:
        authorization: the value of every Authorization header.
        api_keys: the value of every X-API-Key header.
        proofs: the value of every DPoP header.
        trace: every traceparent and tracestate header.
    """

    authorization: tuple[bytes, ...] = ()
    api_keys: tuple[bytes, ...] = ()
    proofs: tuple[bytes, ...] = ()
    trace: tuple[tuple[bytes, bytes], ...] = ()

    def __repr__(self) -> str:
        return f"Screened({len(self.authorization)} Authorization, {len(self.api_keys)} X-API-Key)"


def screen(headers: RawHeaders, *, websocket: bool = False) -> Screened:
    """Check every name and value.

    Args:
        headers: as they came, names in lower case.
        websocket: whether the operation is one, so that it may be asked for.

    Raises:
        Refusal: MALFORMED, a name is no token, a value holds CR, LF or NUL or is not UTF-8, Host is repeated
            or is no host; UPGRADE_REFUSED.
    """
    authorization: tuple[bytes, ...] = ()
    api_keys: tuple[bytes, ...] = ()
    proofs: tuple[bytes, ...] = ()
    trace: tuple[tuple[bytes, bytes], ...] = ()
    hosts = 0
    for name, value in headers:
        judged = _memo.get(name) or verdict(name)
        if judged is _FORWARD or judged is _DROP:
            continue
        if judged is _AUTHORIZATION:
            authorization += (value,)
        elif judged is Verdict.API_KEY:
            api_keys += (value,)
        elif judged is Verdict.PROOF:
            proofs += (value,)
        elif judged is Verdict.TRACE:
            trace += ((name, value),)
        elif judged is Verdict.HOST:
            hosts = _one_host(hosts, value)
        elif judged is Verdict.UPGRADE and not websocket and value.strip().lower() != b"h2c":
            # RFC 9110 §7.8: an upgrade may be ignored. Clients that offer h2c expect that, others do not.
            raise Refusal(UPGRADE_REFUSED, "an Upgrade header")
        elif judged is Verdict.MALFORMED:
            raise Refusal(MALFORMED, "a header name is no token")
    _check_values([value for _, value in headers])
    return Screened(authorization, api_keys, proofs, trace)


def _one_host(before: int, value: bytes) -> int:
    if before or not _HOST.fullmatch(value):  # RFC 9112 §3.2
        raise Refusal(MALFORMED, "Host is repeated or malformed")
    return 1


def _check_values(values: list[bytes]) -> None:
    together = b"".join(values)
    if together.translate(None, _BREAKING) != together:
        raise Refusal(MALFORMED, "a header value holds CR, LF or NUL")  # RFC 9110 §5.5
    if not together.isascii():
        for value in values:
            try:
                value.decode("utf-8")
            except UnicodeDecodeError:
                raise Refusal(MALFORMED, "a header value is not UTF-8") from None


def inward(
    headers: RawHeaders, *, inside_jwt: str | None, trace: Trace, own_credentials: bool = False
) -> list[tuple[bytes, bytes]]:
    """The headers for an application in this process: what may pass, its Host, and the inside JWT.

    It sees the connection itself, so nothing needs to be said of that in headers.

    Args:
        headers: screened.
        inside_jwt: replaces whatever Authorization there was; None for an anonymous call.
        trace: names the exchange in logs on both sides.
        own_credentials: the client's own pass, as for an API that is only reported on.
    """
    sent = [header for header in headers if header[0] == b"host"]
    sent += passing(headers, own_credentials=own_credentials)
    return sent + ours(inside_jwt=inside_jwt, trace=trace)


def outgoing(
    headers: RawHeaders,
    *,
    inside_jwt: str | None,
    peer: str,
    scheme: str,
    host: str,
    trace: Trace,
    own_credentials: bool = False,
) -> list[tuple[str, str]]:
    """The headers for the backend: what may pass, then what we set ourselves.

    Args:
        headers: screened.
        inside_jwt: replaces whatever Authorization there was; None for an anonymous call.
        peer: the address of the connection's other end.
        scheme: `http` or `https`, as the client used it.
        host: the client's Host.
        trace: names the exchange in logs on both sides.
        own_credentials: as in `inward`.
    """
    passes = passing(headers, own_credentials=own_credentials)
    sent = [(name.decode("ascii"), value.decode("utf-8")) for name, value in passes]
    if inside_jwt is not None:
        sent.append(("authorization", f"Bearer {inside_jwt}"))
    if peer:
        sent.append(("x-forwarded-for", peer))
    sent.append(("x-forwarded-proto", scheme))
    if host:
        sent.append(("x-forwarded-host", host))
    return sent + _naming(trace)


def ours(*, inside_jwt: str | None, trace: Trace) -> list[tuple[bytes, bytes]]:
    """What a backend hears that only a decision knows; arguments as of `inward`."""
    said = [(b"authorization", b"Bearer " + inside_jwt.encode("ascii"))] if inside_jwt is not None else []
    return said + [(name.encode("ascii"), text.encode("ascii")) for name, text in _naming(trace)]


def _naming(trace: Trace) -> list[tuple[str, str]]:
    named = [("x-request-id", trace.request_id), ("traceparent", trace.parent)]
    return [*named, ("tracestate", trace.state)] if trace.state else named


_CREDENTIALS = frozenset({Verdict.AUTHORIZATION, Verdict.API_KEY, Verdict.PROOF})


def passing(headers: RawHeaders, *, own_credentials: bool) -> list[tuple[bytes, bytes]]:
    """Of the client's headers, those that may pass; the same objects, unless a cookie of ours is taken out.

    Whatever `Connection` nominates is removed here, from the client's headers only: it cannot reach ours.
    """
    nominated = _nominated([value for name, value in headers if name == b"connection"])
    passes: list[tuple[bytes, bytes]] = []
    for header in headers:
        name, value = header
        judged = _memo.get(name) or verdict(name)
        if judged is _FORWARD:
            if not nominated or fold(name.decode("ascii")) not in nominated:
                passes.append(header)
        elif own_credentials and judged in _CREDENTIALS:
            passes.append(header)
        elif judged is _COOKIE and "cookie" not in nominated and (rest := _without_our_cookies(value)):
            passes.append((name, rest))
    return passes


def _nominated(connection: Sequence[bytes]) -> frozenset[str]:
    if not connection:
        return frozenset()
    names = {fold(name) for value in connection for name in value.decode("utf-8").split(",")}
    return frozenset(names - _FRAMING - {""})


def _without_our_cookies(value: bytes) -> bytes:
    pairs = [pair.strip() for pair in value.split(b";")]
    return b"; ".join(pair for pair in pairs if pair and not _is_our_cookie(pair))


def _is_our_cookie(pair: bytes) -> bool:
    # A nameless cookie (`=tokenward…`) is sent as if its value began with a name.
    return pair.lstrip(b"= \t").lower().startswith(_OUR_COOKIES)


# What an upstream may not say to our client. The server in front sets its own Date and Server.
_RESPONSE_DROPPED = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
        b"server",
        b"date",
        b"dpop-nonce",
        # What runs behind is nobody's business.
        b"x-powered-by",
        b"x-aspnet-version",
        b"x-aspnetmvc-version",
        b"x-generator",
        b"x-runtime",
    }
)


_NONE: frozenset[bytes] = frozenset()


def _nominated_behind(connection: Sequence[bytes]) -> frozenset[bytes]:
    names = {name.strip().lower() for value in connection for name in value.split(b",")}
    return frozenset(names - {b"content-length", b"content-type", b"set-cookie"})


def incoming(headers: RawHeaders, *, bodiless: bool) -> list[tuple[bytes, bytes]]:
    """The backend's response headers without what belongs to that connection alone.

    Args:
        headers: as received, any case.
        bodiless: the status is 204 or 304, so that a length would describe a body that is not sent.

    A cookie of ours is not the backend's to set: the issuer may live on the same host, and cookies know no
    ports (RFC 6265 §8.5), so whoever plants one signs a browser in as somebody else.

    Raises:
        Refusal: BAD_UPSTREAM, a value holds a control character, or the body has a coding that nobody undid.
    """
    together = b"".join([value for _, value in headers])
    if together.translate(None, _CONTROL) != together:
        raise Refusal(BAD_UPSTREAM, "a response header holds a control character")
    lowered = [(key.lower(), value) for key, value in headers]
    connection = [value for name, value in lowered if name == b"connection"]
    nominated = _nominated_behind(connection) if connection else _NONE
    passed = []
    for header in lowered:
        name, value = header
        if name == b"transfer-encoding" and value.strip().lower() != b"chunked":
            raise Refusal(BAD_UPSTREAM, "a transfer coding other than chunked")
        if name == b"set-cookie" and _is_our_cookie(value):
            continue
        if name in _RESPONSE_DROPPED or name.startswith(b"proxy-") or name in nominated:
            continue
        if bodiless and name == b"content-length":
            continue
        passed.append(header)
    return passed
