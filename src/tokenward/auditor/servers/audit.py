"""From an issuer to what is wrong with it: the tables, one after another."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from tokenward.auditor.findings import Finding, Result, Unseen
from tokenward.auditor.servers.asking import Asker
from tokenward.auditor.servers.authorization import AUTHORIZATION
from tokenward.auditor.servers.clients import CLIENTS
from tokenward.auditor.servers.documents import DOCUMENTS
from tokenward.auditor.servers.endpoints import ENDPOINTS
from tokenward.auditor.servers.endpoints_asked import ENDPOINTS_ASKED
from tokenward.auditor.servers.grants import GRANTS
from tokenward.auditor.servers.keys import KEYS
from tokenward.auditor.servers.published import Published, read
from tokenward.auditor.servers.redirects import REDIRECTS
from tokenward.auditor.servers.resource import RESOURCE
from tokenward.auditor.servers.rules import Rule, host_of
from tokenward.auditor.servers.sign_in_page import SIGN_IN_PAGE
from tokenward.auditor.servers.tokens import TOKENS
from tokenward.auditor.servers.visit import Act, CannotTell, Client, Visit
from tokenward.base.outbound import OutboundError
from tokenward.base.redaction import redact_userinfo

PUBLISHED: dict[str, tuple[Rule, ...]] = {
    "documents": DOCUMENTS,
    "endpoints": ENDPOINTS,
    "grants and answers": GRANTS,
    "clients and requests": CLIENTS,
    "tokens": TOKENS,
    "keys": KEYS,
    "a resource": RESOURCE,
}


def judged(seen: Published) -> tuple[Finding, ...]:
    """What is wrong with what is published."""
    return tuple(
        Finding.of(rule.check, place, detail)
        for rules in PUBLISHED.values()
        for rule in rules
        for place, detail in rule.look(seen)
    )


ACTS: dict[str, tuple[Act, ...]] = {
    "requests for authorization": AUTHORIZATION,
    "addresses that answers go to": REDIRECTS,
    "the sign-in page": SIGN_IN_PAGE,
    "endpoints that programs call": ENDPOINTS_ASKED,
}


@dataclass(frozen=True, slots=True)
class Permission:
    """That a server may be tested, and how.

    Attributes:
        client: a client of it; None for none, which leaves out what needs one.
        hosts: of endpoints, beside the issuer's own.
    """

    client: Client | None = None
    hosts: frozenset[str] = frozenset()


def audit_server(
    asker: Asker, issuer: str, *, resource: str, at: float, permission: Permission | None = None
) -> Result:
    """Audit what a server publishes, by requests that every client makes; and what it does, if it may.

    Whoever ends it early (KeyboardInterrupt) gets what was found until then.

    Args:
        asker: reaches the server.
        issuer: its identifier.
        resource: a protected resource of it (RFC 9728), or "".
        at: now, in seconds since 1970.
        permission: to test it; None for reading only.

    Raises:
        NothingPublished: there is no metadata.
    """
    seen = read(asker, issuer, resource=resource, at=at)
    findings, unseen = list(judged(seen)), list(seen.unseen)
    complete = True
    if permission is not None:
        hosts = permission.hosts | {host_of(issuer)}
        visit = Visit(asker, seen, permission.client, hosts)
        try:
            findings.extend(tried(visit))
        except KeyboardInterrupt:
            complete = False
        unseen += visit.unseen.values()
    return Result(
        subject=redact_userinfo(issuer),
        findings=tuple(map(_masked, findings)),
        unseen=tuple(
            replace(it, what=redact_userinfo(it.what), why=redact_userinfo(it.why)) for it in unseen
        ),
        numbers={"requests": asker.requests},
        pace=f"{asker.requests} requests",
        notes=() if permission is not None else (READ_ONLY,),
        complete=complete,
    )


def _masked(finding: Finding) -> Finding:
    """Without the passwords in addresses: a report goes to more people than the server's metadata."""
    place = replace(finding.place, source=redact_userinfo(finding.place.source))
    return replace(finding, detail=redact_userinfo(finding.detail), place=place)


READ_ONLY = "Only what it publishes was read. What it does is tried with --active, if you may test it."


def tried(visit: Visit) -> Iterator[Finding]:
    """What is wrong with what it does. What cannot be told is in `visit.unseen` afterwards."""
    for act in (act for acts in ACTS.values() for act in acts):
        try:
            for place, detail in act.look(visit):
                finding = Finding.of(act.check, place, detail)
                yield replace(finding, confidence=visit.sure()) if act.deduced else finding
        except CannotTell as why:
            visit.unseen[act.check.id] = Unseen(act.check.title, str(why), skipped=visit.client is None)
        except OutboundError as error:
            visit.unseen[act.check.id] = Unseen(act.check.title, error.detail)
