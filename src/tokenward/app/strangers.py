"""What clients that nobody registers here need of the world outside."""

from urllib.parse import urlsplit

from tokenward.app.foundation import Foundation
from tokenward.app.settings import Settings
from tokenward.base.addresses import LOOPBACK, is_loopback
from tokenward.base.outbound import Answer, OutboundClient
from tokenward.issuer.client_documents import DocumentClients
from tokenward.issuer.document_cache import DOCUMENT_BYTES, FetchDocument
from tokenward.issuer.strangers import DocumentPolicy


def fetch_outside(settings: Settings, max_bytes: int) -> OutboundClient:
    """Gets what a stranger points to: from public addresses, and for an issuer on loopback from there.

    `clients.inside_networks` are for clients that an operator registered.
    """
    loopback = is_loopback(urlsplit(settings.issuer.url).hostname or "")
    return OutboundClient(allow=LOOPBACK if loopback else (), max_bytes=max_bytes)


def document_clients(ground: Foundation) -> DocumentClients | None:
    """The clients that describe themselves in documents; None where these do not count."""
    said = ground.configuration.settings.clients.documents
    if said is None:
        return None
    fetch = documents_by(fetch_outside(ground.configuration.settings, DOCUMENT_BYTES))
    policy = DocumentPolicy(said.hosts, said.terms)
    return DocumentClients(ground.issuer_settings, policy, fetch, ground.clock)


def documents_by(outside: OutboundClient) -> FetchDocument:
    """Gets documents through that guard."""

    async def fetch(url: str) -> Answer:
        return await outside.ask_async("GET", url, headers={"Accept": "application/json"}, reads=True)

    return fetch
