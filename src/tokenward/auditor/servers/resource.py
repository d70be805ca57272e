"""What a protected resource says of itself and of its authorization servers (RFC 9728)."""

from tokenward.auditor.findings import Check, Place
from tokenward.auditor.servers.published import Published
from tokenward.auditor.servers.rules import Found, Rule, listed
from tokenward.base.severity import Severity


def _mismatch(seen: Published) -> Found:
    if seen.resource is not None and seen.resource.data.get("resource") != seen.resource_url:
        said = seen.resource.data.get("resource")
        yield (
            Place(seen.resource.url, "/resource"),
            f"It says {said!r}, and was asked for as {seen.resource_url!r}.",
        )


def _another_server(seen: Published) -> Found:
    if seen.resource is None:
        return
    servers = seen.resource.data.get("authorization_servers")
    if isinstance(servers, list) and seen.issuer not in servers:
        yield (
            Place(seen.resource.url, "/authorization_servers"),
            f"It names {listed([str(each) for each in servers])}.",
        )


def _token_in_address(seen: Published) -> Found:
    methods = seen.resource.data.get("bearer_methods_supported") if seen.resource is not None else None
    if seen.resource is not None and isinstance(methods, list) and "query" in methods:
        yield Place(seen.resource.url, "/bearer_methods_supported"), ""


RESOURCE: tuple[Rule, ...] = (
    Rule(
        Check(
            "server.resource-mismatch",
            "The metadata is of another resource",
            Severity.HIGH,
            why="What ties the document to the API is that `resource` is the address from which it was"
            " reached.",
            attack="A client is made to ask for a token for another API, and to hand it to this one.",
            fix="Publish exactly the address that clients use.",
            references=("RFC 9728 §3.3", "RFC 9728 §7.3"),
            recommendation="trust-no-one",
        ),
        _mismatch,
    ),
    Rule(
        Check(
            "server.resource-elsewhere",
            "The resource does not name this issuer",
            Severity.MEDIUM,
            why="Clients learn from the resource whom to ask for tokens.",
            attack="Whoever can write that list sends people to a sign-in page of his own.",
            fix="Name the issuer, character for character, among `authorization_servers`.",
            references=("RFC 9728 §2", "RFC 9728 §7.6"),
            recommendation="trust-no-one",
        ),
        _another_server,
    ),
    Rule(
        Check(
            "server.resource-query",
            "The resource takes tokens in the address",
            Severity.MEDIUM,
            why="Addresses are kept in logs, histories and `Referer` headers.",
            attack="Whoever reads a log of the API has tokens that are good.",
            fix="Take the `Authorization` header only.",
            references=("RFC 6750 §5.3", "RFC 9700 §4.3.2", "RFC 9728 §2"),
            recommendation="like-passwords",
        ),
        _token_in_address,
    ),
)
