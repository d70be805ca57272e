"""What an engine in front has to be told, in no engine's words, made from a configuration.

What it says nothing of, the engine hands on to the gateway's own listener, which decides and forwards as if
there were no engine: an API whose upstreams differ in more than their address, a path that is not spelt in
the canonical way, whatever lives as long as its credential (WebSockets, streams of events), and what the
gateway answers itself. So every request has the same answer with an engine and without one.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from tokenward.app.config import Configuration
from tokenward.app.server_settings import GatewayServer
from tokenward.base.references import parse
from tokenward.gateway.bounds import Bounds
from tokenward.gateway.contract.operation import MAX_BODY
from tokenward.gateway.doors.limits import DEFAULT_LIMITS, Limits, within
from tokenward.gateway.policy import Api, Operation, is_parameter
from tokenward.gateway.upstreams import HealthCheck

DECISION_SECONDS = 2.0
"""Seconds that a decision may take; after that there is none, and nothing passes."""

SHOWN_BODY = MAX_BODY
"""Bytes of a body that a decision is shown. Longer ones go to the gateway, which lets them stream."""

WELL_KNOWN = "/.well-known/"

# RFC 3986 §6.2.2: a character that needs no encoding is not encoded, and hexadecimal digits are upper case.
_UNRESERVED_ENCODED = r"2[DdEe]|3[0-9]|[46][1-9A-Fa-f]|[57][0-9Aa]|5[Ff]|7[Ee]"
NOT_CANONICAL = rf"[^?]*%(?:{_UNRESERVED_ENCODED}|[a-f][0-9A-Fa-f]|[0-9A-F][a-f])[^?]*"
"""A pattern (RE2 and PCRE) of whole paths, without the query, that are canonical only after a second look.

The engine passes on what the client wrote, and the gateway what the decision read. Where these differ, an API
that compares undecoded paths would see another operation than the one that was decided on.
"""

_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Place:
    """Where something of ours listens: at a Unix socket, or at an address.

    Attributes:
        socket: the Unix socket; None where it is an address.
        host: without brackets.
        port: its port.
        tls: whether TLS is spoken there.
    """

    socket: Path | None = None
    host: str = ""
    port: int = 0
    tls: bool = False


@dataclass(frozen=True, slots=True)
class Tls:
    """What the engine shows in TLS.

    Attributes:
        certificate: a PEM file, its chain included.
        key: a PEM file.
        asks: whether clients may show a certificate. Any is let through the handshake, which proves no more
            than that the client has its key: whose it is, the decision judges.
    """

    certificate: Path
    key: Path
    asks: bool = False


@dataclass(frozen=True, slots=True)
class Proxies:
    """Proxies in front of the engine, which are believed what they say of their clients.

    Attributes:
        networks: their addresses or networks; empty where the engine is reached directly.
        certificate_header: in which they tell the client's certificate; None where they do not.
    """

    networks: tuple[str, ...] = ()
    certificate_header: str | None = None


@dataclass(frozen=True, slots=True)
class Upstream:
    """One address of an API.

    Attributes:
        host: a name or an address, without brackets.
        port: its port.
        authority: as the Host header names it.
    """

    host: str
    port: int
    authority: str


@dataclass(frozen=True, slots=True)
class OperationPlan:
    """An operation that is bound otherwise than its API.

    Attributes:
        method: upper case.
        pattern: (RE2 and PCRE) of its whole paths, without the query.
        limits: how large and slow its calls may be.
    """

    method: str
    pattern: str
    limits: Limits


@dataclass(frozen=True, slots=True)
class ApiPlan:
    """One API that the engine forwards to.

    Attributes:
        name: letters, digits, `.`, `_` and `-`.
        mount: the canonical path under which it is shown, without a trailing slash; "" is the root.
        base: the path below which its upstreams have it, likewise.
        upstreams: any of which may get any request; at least one.
        tls: whether they speak TLS; their certificates are verified by the system's CAs.
        health: how each is asked whether it works, `health.path` below `base`; None asks nobody.
        shows_bodies: whether decisions are asked for with the body (`/decide/whole`), up to `SHOWN_BODY`.
        limits: how large and slow its calls may be.
        operations: those for which `limits` do not hold, and those that would be taken for one of them. The
            first whose method and pattern fit is meant.
    """

    name: str
    mount: str
    base: str
    upstreams: tuple[Upstream, ...]
    tls: bool
    health: HealthCheck | None
    shows_bodies: bool
    limits: Limits
    operations: tuple[OperationPlan, ...] = ()


@dataclass(frozen=True, slots=True)
class EnginePlan:
    """All that an engine is told.

    Attributes:
        listen: the public address.
        tls: what is spoken there; None for plain HTTP, on loopback or behind proxies.
        proxies: those in front of it.
        decisions: where each request is decided on.
        gateway: the gateway's own listener.
        apis: what the engine forwards to itself; everything else is for `gateway`.
        own_paths: paths with a trailing slash, below which all is for `gateway` whatever the APIs are.
        keeps: seconds for which a decision that allows it may be kept; 0 forbids it.
        drain: seconds that running requests may take to finish.
        certificate_header: in which the gateway's own listener is told the client's certificate.
    """

    listen: Place
    tls: Tls | None
    proxies: Proxies
    decisions: Place
    gateway: Place
    apis: tuple[ApiPlan, ...]
    own_paths: tuple[str, ...]
    keeps: int
    drain: int
    certificate_header: str = "x-tokenward-certificate"


def plan(configuration: Configuration, *, listen: Place, decisions: Place, gateway: Place) -> EnginePlan:
    """What an engine in front of this gateway is told.

    Args:
        configuration: of the gateway.
        listen: where the engine listens.
        decisions: where the gateway is asked.
        gateway: where its own listener is.
    """
    settings = configuration.settings
    server = settings.gateway
    apis = (api_plan(api, _limits(configuration, api)) for api in configuration.policy.apis)
    return EnginePlan(
        listen=listen,
        tls=_tls(server, configuration.base_dir),
        proxies=Proxies(
            server.proxies,
            server.client_certificates.header if server.client_certificates is not None else None,
        ),
        decisions=decisions,
        gateway=gateway,
        apis=ordered(apis),
        own_paths=(WELL_KNOWN, *sorted({f"{app.path}/" for app in settings.browser_apps.values()})),
        keeps=server.decisions.cache or 0,
        drain=server.drain,
    )


def ordered(apis: Iterable[ApiPlan | None]) -> tuple[ApiPlan, ...]:
    """Those that there are, the longest mount first, so that the root is looked at last."""
    return tuple(sorted((it for it in apis if it is not None), key=lambda it: (-len(it.mount), it.mount)))


def _tls(server: GatewayServer, base_dir: Path) -> Tls | None:
    if server.tls is None:
        return None
    wanted = server.client_certificates
    return Tls(
        base_dir / server.tls.certificate,
        base_dir / parse(server.tls.key).place,
        asks=wanted is not None and wanted.header is None,
    )


def _limits(configuration: Configuration, api: Api) -> Limits:
    own = configuration.settings.apis[api.name].bounds
    bounds = {name: value for name, value in own if value is not None} if own is not None else {}
    return within(DEFAULT_LIMITS, Bounds(**bounds))


def api_plan(api: Api, limits: Limits = DEFAULT_LIMITS) -> ApiPlan | None:
    """One API for an engine; None where its upstreams differ in more than their address.

    Args:
        api: the policy's.
        limits: for calls of operations that say nothing else.
    """
    places = [urlsplit(address) for address in api.pool.addresses]
    if len({(it.scheme, it.path) for it in places}) > 1:
        return None
    first = places[0]
    return ApiPlan(
        name=api.name,
        mount=api.mount,
        base=first.path,
        upstreams=tuple(
            Upstream(it.hostname or "", it.port or _DEFAULT_PORTS[it.scheme], it.netloc) for it in places
        ),
        tls=first.scheme == "https",
        health=api.pool.health,
        shows_bodies=any(operation.contract is not None for operation in api.operations),
        limits=limits,
        operations=_operations(api, limits),
    )


def _operations(api: Api, limits: Limits) -> tuple[OperationPlan, ...]:
    # As `Policy.match` does: of templates that fit, the one whose first difference is a literal.
    listed = sorted(api.operations, key=lambda it: [*map(is_parameter, it.template.split("/"))])
    bound = {id(it): within(limits, it.bounds) for it in listed}
    return tuple(
        OperationPlan(it.method, _pattern(api.mount + it.template), bound[id(it)])
        for place, it in enumerate(listed)
        if bound[id(it)] != limits
        or any(bound[id(other)] != limits and _meet(it, other) for other in listed[place + 1 :])
    )


def _meet(one: Operation, other: Operation) -> bool:
    """Whether there are requests that fit both."""
    segments, others = one.template.split("/"), other.template.split("/")
    return (
        one.method == other.method
        and len(segments) == len(others)
        and all(
            first == second or is_parameter(first) or is_parameter(second)
            for first, second in zip(segments, others, strict=True)
        )
    )


def _pattern(template: str) -> str:
    """Of the paths that fit a template, however the parameters are spelt."""
    return "/".join(
        "[^/?]+" if is_parameter(segment) else re.escape(segment) for segment in template.split("/")
    )
