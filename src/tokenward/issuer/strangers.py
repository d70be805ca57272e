"""Clients that nobody here registered: which may come, and what they may ask for at most.

Such a client says itself what it is called, where it is and where answers go. Nothing of that was checked by
anybody, so a person is always asked, and sees what it is known by (`client_names`). Nobody is sent to it but
by their own yes: docs/decisions/0020-nobody-is-sent-to-strangers.md.
"""

from dataclasses import dataclass
from urllib.parse import urlsplit

from tokenward.issuer.redirects import stays_here
from tokenward.store.records import Client, ClientType

DOCUMENT = "https://"
"""How the `client_id` of a client begins that describes itself in a document. No registered one has a colon
or a slash in it, so neither can be taken for the other."""

ANY_HOST = "*"


@dataclass(frozen=True, slots=True)
class StrangerTerms:
    """What they may be, and ask for.

    Attributes:
        types: of clients.
        scopes: all that they may ask for.
        redirect_hosts: patterns of the hosts to which answers may go by https; loopback needs none.
    """

    types: frozenset[ClientType] = frozenset({"native", "spa"})
    scopes: tuple[str, ...] = ()
    redirect_hosts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DocumentPolicy:
    """Whose client ID metadata documents count (draft-ietf-oauth-client-id-metadata-document).

    Attributes:
        hosts: patterns of the hosts that they may be at.
        terms: what such a client may be. Answers may go to its own origin besides.
    """

    hosts: tuple[str, ...]
    terms: StrangerTerms = StrangerTerms()


@dataclass(frozen=True, slots=True)
class RegistrationPolicy:
    """Who may register itself (RFC 7591).

    Attributes:
        open: anybody; else who has an initial access token.
        most: how many such clients there may be.
        unused: seconds after which one goes that nobody has allowed anything.
        terms: what such a client may be.
    """

    open: bool = False
    most: int = 1_000
    unused: int = 30 * 86_400
    terms: StrangerTerms = StrangerTerms()


def is_document_id(client_id: str) -> bool:
    """Whether that names a document, and no client that is registered."""
    return client_id.startswith(DOCUMENT)


def is_stranger(client: Client) -> bool:
    """Whether nobody here registered it."""
    return client.self_registered or is_document_id(client.client_id)


def leads_to_a_stranger(client: Client, redirect_uri: str) -> bool:
    """Whether a page has to come before a browser goes there with an error (RFC 9700 §4.11.2).

    Nobody elsewhere can have a page on the person's own machine, and a program that listens there has to hear
    what went wrong.
    """
    return is_stranger(client) and not stays_here(redirect_uri)


def host_is_named(host: str, patterns: tuple[str, ...]) -> bool:
    """Whether a pattern names the host: itself, `*.` with a domain that it is below, or `*` for any."""
    return any(
        pattern in (ANY_HOST, host) or (pattern.startswith("*.") and host.endswith(pattern[1:]))
        for pattern in patterns
    )


def origin(url: str) -> tuple[str, str, int | None]:
    """Scheme, host and port, the one that is meant where none is written."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or {"https": 443, "http": 80}.get(parts.scheme)
