"""Clients that are named by a URL and described by the document there.

Nobody registers such a client. Whoever can publish at that URL is the client, so all that it is known by is
its host, and a person is told so. Sections are those of draft-ietf-oauth-client-id-metadata-document-02.
"""

import re
from urllib.parse import urlsplit

from tokenward.base.clock import SYSTEM_CLOCK, Clock
from tokenward.base.problems import CLIENT_DOCUMENT_REFUSED, Refusal
from tokenward.issuer.client_metadata import Metadata, described
from tokenward.issuer.document_cache import DocumentCache, FetchDocument
from tokenward.issuer.settings import IssuerSettings
from tokenward.issuer.strangers import DocumentPolicy, host_is_named, origin
from tokenward.store.records import Client
from tokenward.tokens.credential_guard import why_no_claim_value

MAX_URL = 512

# §3: https, a host, a path; no fragment, no user. The draft advises against a query: here there is none. What
# is written is what is compared and fetched, so there is one way to write it: no port that is meant anyway,
# no letter in upper case in the host, and nothing percent-encoded.
_URL = re.compile(r"https://(?P<host>[a-z0-9.-]{1,253})(?::(?P<port>[1-9][0-9]{0,4}))?(?:/[A-Za-z0-9._~-]*)+")
_DOTS = re.compile(r"/\.{1,2}(?:/|$)")


class DocumentClients:
    """`ports.ClientDocuments`.

    Args:
        settings: the issuer's.
        policy: whose documents count.
        fetch: see `document_cache`; it must reach no inside.
        clock: time.
    """

    def __init__(
        self,
        settings: IssuerSettings,
        policy: DocumentPolicy,
        fetch: FetchDocument,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._settings = settings
        self._policy = policy
        self._cache = DocumentCache(fetch, clock)
        self._clock = clock

    async def client(self, url: str) -> Client:
        """The client of that URL.

        Raises:
            Refusal: CLIENT_DOCUMENT_REFUSED; TOO_MANY_REQUESTS.
        """
        self._check_url(url)
        content = await self._cache.content(url)
        try:
            return self._client(url, content)
        except Refusal as refusal:
            self._cache.forget(url)
            raise Refusal(CLIENT_DOCUMENT_REFUSED, f"{url}: {refusal.detail}") from None

    def _check_url(self, url: str) -> None:
        parts = _URL.fullmatch(url)
        if parts is None or len(url) > MAX_URL or _DOTS.search(url) or why_no_claim_value(url):
            raise Refusal(CLIENT_DOCUMENT_REFUSED, "the client_id is no URL that can name a client")
        if parts["port"] == "443" or int(parts["port"] or 0) > 65_535:
            raise Refusal(CLIENT_DOCUMENT_REFUSED, "the port in the client_id is impossible, or meant anyway")
        if origin(url) == origin(self._settings.url):
            raise Refusal(CLIENT_DOCUMENT_REFUSED, "the client_id is at this issuer")
        if not host_is_named(parts["host"], self._policy.hosts):
            raise Refusal(CLIENT_DOCUMENT_REFUSED, f"no document of {parts['host']} counts here")

    def _client(self, url: str, content: Metadata) -> Client:
        if content.get("client_id") != url:  # §4
            raise Refusal(CLIENT_DOCUMENT_REFUSED, "the document is another client's")
        if "client_secret" in content or "client_secret_expires_at" in content:  # §4
            raise Refusal(CLIENT_DOCUMENT_REFUSED, "a secret is in the document")
        host = urlsplit(url).hostname or ""
        client = described(
            self._settings,
            self._policy.terms,
            {"token_endpoint_auth_method": "none", **content},
            client_id=url,
            at=self._clock.time(),
            name_without=host,
            own_host=host,
        ).client
        if client.auth_method == "client_secret":  # §4: nobody could have given it one
            raise Refusal(CLIENT_DOCUMENT_REFUSED, "it has no secret to prove itself by")
        if client.jwks_uri and origin(client.jwks_uri) != origin(url):
            raise Refusal(CLIENT_DOCUMENT_REFUSED, "its keys are elsewhere")
        for uri in client.redirect_uris:
            if not self._may_get_answers(uri, url):
                raise Refusal(CLIENT_DOCUMENT_REFUSED, "an answer would go elsewhere")
        return client

    def _may_get_answers(self, uri: str, url: str) -> bool:
        """By http there is loopback alone (`redirects`). A private-use scheme is of no host."""
        parts = urlsplit(uri)
        if parts.scheme == "https":
            named = host_is_named(parts.hostname or "", self._policy.terms.redirect_hosts)
            return named or origin(uri) == origin(url)
        return parts.scheme == "http"
