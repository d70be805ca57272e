"""What `tokenward audit server` does, whoever calls it: from an issuer to a report."""

from collections.abc import Sequence
from ipaddress import ip_network

from tokenward.app.reports.audits import audit_report
from tokenward.app.reports.model import Report
from tokenward.auditor.servers.asking import Asker
from tokenward.auditor.servers.audit import Permission, audit_server
from tokenward.auditor.servers.published import NothingPublished
from tokenward.auditor.servers.rules import host_of, is_loopback, parts_of
from tokenward.auditor.servers.visit import Client
from tokenward.base.addresses import LOOPBACK, Network
from tokenward.base.clock import SYSTEM_CLOCK
from tokenward.base.outbound import OutboundClient, system_resolver

PAUSE = 0.25
"""Seconds from one request to the next, where the server is another machine."""

TIMEOUT = 10.0


class CannotAudit(Exception):  # noqa: N818 - says what it is
    """There is no server to audit; the message is for people."""


def audit(issuer: str, *, resource: str, permission: Permission | None) -> Report:
    """Audit the issuer.

    Args:
        issuer: its identifier.
        resource: a protected resource (RFC 9728), or "".
        permission: to test what it does; None for reading what it publishes.

    Raises:
        CannotAudit: an address is none, or no metadata was found.
    """
    for url in filter(None, (issuer, resource)):
        _check(url)
    http = OutboundClient(allow=_networks(issuer, resource), timeout=TIMEOUT, https_only=False)
    asker = Asker(http, pause=0.0 if is_loopback(issuer) else PAUSE)
    try:
        now = SYSTEM_CLOCK.time()
        result = audit_server(asker, issuer, resource=resource, at=now, permission=permission)
    except NothingPublished as nothing:
        raise CannotAudit(f"no metadata was found:\n{nothing}") from None
    return audit_report("audit", "Audit of an authorization server", result, at=SYSTEM_CLOCK.time())


def permitted(
    issuer: str, *, may_test: bool, client_id: str, redirect_uri: str, scope: str | None, hosts: Sequence[str]
) -> Permission:
    """That the issuer may be tested.

    Args:
        issuer: its identifier.
        may_test: the user says so. What listens on this machine may be tested anyway.
        client_id: of a client of theirs there, or "".
        redirect_uri: an address that is registered for it, or "".
        scope: what it may ask for; None for `openid`.
        hosts: of endpoints, beside the issuer's.

    Raises:
        CannotAudit: they do not say that they may, or name half a client.
    """
    if not may_test and not is_loopback(issuer):
        raise CannotAudit(
            f"--active sends {issuer} requests that an attacker would send: if it is yours, or its owner"
            " agreed, add --i-may-test-this"
        )
    if bool(client_id) != bool(redirect_uri):
        raise CannotAudit("--client-id and --redirect-uri go together")
    client = Client(client_id, redirect_uri, "openid" if scope is None else scope) if client_id else None
    return Permission(client, frozenset(host.lower() for host in hosts))


def _check(url: str) -> None:
    parts = parts_of(url)
    if parts.scheme not in {"https", "http"} or not parts.hostname:
        raise CannotAudit(f"{url!r} is no address: write it as https://issuer.example")


def _networks(*urls: str) -> tuple[Network, ...]:
    """What may be reached beside public addresses: where the user's own words lead, and nothing else.

    The metadata names further addresses, and whoever wrote it must not lead us to the inside.
    """
    allowed: list[Network] = []
    for url in filter(None, urls):
        if is_loopback(url):
            allowed += LOOPBACK
        else:
            allowed += _addresses(host_of(url))
    return tuple(dict.fromkeys(allowed))


def _addresses(host: str) -> list[Network]:
    try:
        return [ip_network(address) for address in system_resolver(host, 443)]
    except (OSError, ValueError):
        return []  # which the first request tells better
