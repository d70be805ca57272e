"""What `tokenward audit server` does, whoever calls it: from an issuer to a report."""

from ipaddress import ip_network
from urllib.parse import urlsplit

from tokenward.app.reports.audits import audit_report
from tokenward.app.reports.model import Report
from tokenward.auditor.servers.asking import Asker
from tokenward.auditor.servers.audit import audit_server
from tokenward.auditor.servers.published import NothingPublished
from tokenward.auditor.servers.rules import is_loopback
from tokenward.base.addresses import LOOPBACK, Network
from tokenward.base.clock import SYSTEM_CLOCK
from tokenward.base.outbound import OutboundClient, system_resolver

PAUSE = 0.25
"""Seconds from one request to the next, where the server is another machine."""

TIMEOUT = 10.0


class CannotAudit(Exception):  # noqa: N818 - says what it is
    """There is no server to audit; the message is for people."""


def audit(issuer: str, *, resource: str) -> Report:
    """Audit the issuer.

    Args:
        issuer: its identifier.
        resource: a protected resource (RFC 9728), or "".

    Raises:
        CannotAudit: an address is none, or no metadata was found.
    """
    for url in filter(None, (issuer, resource)):
        _check(url)
    http = OutboundClient(allow=_networks(issuer, resource), timeout=TIMEOUT, https_only=False)
    asker = Asker(http, pause=0.0 if is_loopback(issuer) else PAUSE)
    try:
        result = audit_server(asker, issuer, resource=resource, at=SYSTEM_CLOCK.time())
    except NothingPublished as nothing:
        raise CannotAudit(f"no metadata was found:\n{nothing}") from None
    return audit_report("audit", "Audit of an authorization server", result, at=SYSTEM_CLOCK.time())


def _check(url: str) -> None:
    parts = urlsplit(url)
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
            allowed += _addresses(urlsplit(url).hostname or "")
    return tuple(dict.fromkeys(allowed))


def _addresses(host: str) -> list[Network]:
    try:
        return [ip_network(address) for address in system_resolver(host, 443)]
    except (OSError, ValueError):
        return []  # which the first request tells better
