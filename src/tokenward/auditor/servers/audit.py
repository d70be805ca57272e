"""From an issuer to what is wrong with it: the tables, one after another."""

from tokenward.auditor.findings import Finding, Result
from tokenward.auditor.servers.asking import Asker
from tokenward.auditor.servers.clients import CLIENTS
from tokenward.auditor.servers.documents import DOCUMENTS
from tokenward.auditor.servers.endpoints import ENDPOINTS
from tokenward.auditor.servers.grants import GRANTS
from tokenward.auditor.servers.keys import KEYS
from tokenward.auditor.servers.published import Published, read
from tokenward.auditor.servers.resource import RESOURCE
from tokenward.auditor.servers.rules import Rule
from tokenward.auditor.servers.tokens import TOKENS

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


def audit_server(asker: Asker, issuer: str, *, resource: str, at: float) -> Result:
    """Audit what a server publishes, by requests that every client makes.

    Args:
        asker: reaches the server.
        issuer: its identifier.
        resource: a protected resource of it (RFC 9728), or "".
        at: now, in seconds since 1970.

    Raises:
        NothingPublished: there is no metadata.
    """
    seen = read(asker, issuer, resource=resource, at=at)
    return Result(
        subject=issuer,
        findings=judged(seen),
        unseen=seen.unseen,
        numbers={"requests": asker.requests},
        pace=f"{asker.requests} requests",
    )
