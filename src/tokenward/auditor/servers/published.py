"""What a server publishes of itself: its metadata in every form, its keys, and the word of a resource."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from tokenward.auditor.findings import Place, Unseen
from tokenward.auditor.servers.asking import Asker, Reply
from tokenward.base.outbound import OutboundError

OAUTH, OPENID = "oauth-authorization-server", "openid-configuration"
RESOURCE = "oauth-protected-resource"


class NothingPublished(Exception):  # noqa: N818 - says what it is
    """No metadata was found anywhere: there is nothing to audit. The text tells what was answered where."""


@dataclass(frozen=True)
class Document:
    """One document.

    Attributes:
        kind: `OAUTH`, `OPENID`, "jwks" or `RESOURCE`.
        reply: as it came.
    """

    kind: str
    reply: Reply

    @property
    def url(self) -> str:
        """Where it is."""
        return self.reply.url

    @property
    def data(self) -> Mapping[str, Any]:
        """What it says."""
        return self.reply.data


@dataclass(frozen=True)
class Published:
    """All of it.

    Attributes:
        issuer: as the user named it.
        at: when it was read, in seconds since 1970.
        documents: metadata, one at least.
        redirected: answers of places where metadata should be, and which lead elsewhere.
        keys: the JWK Set; None where there is none, or it could not be had.
        resource: the metadata of a protected resource (RFC 9728), if one was named.
        resource_url: the resource as the user named it; "" for none.
        unseen: what could not be had.
    """

    issuer: str
    at: float
    documents: tuple[Document, ...]
    redirected: tuple[Reply, ...] = ()
    keys: Document | None = None
    resource: Document | None = None
    resource_url: str = ""
    unseen: tuple[Unseen, ...] = ()

    @cached_property
    def metadata(self) -> Mapping[str, Any]:
        """The members of all documents; where they contradict each other, the first document wins."""
        merged: dict[str, Any] = {}
        for document in reversed(self.documents):
            merged |= document.data
        return merged

    @property
    def openid(self) -> bool:
        """Whether it says that it is an OpenID provider."""
        return any(document.kind == OPENID for document in self.documents)

    def place(self, member: str = "") -> Place:
        """Where a member stands; where nobody has it, the first document."""
        for document in self.documents:
            if member in document.data:
                return Place(document.url, f"/{member}")
        return Place(self.documents[0].url)

    def names(self, member: str) -> tuple[str, ...]:
        """The texts of a member that is an array; none where it is something else."""
        value = self.metadata.get(member)
        return tuple(each for each in value if isinstance(each, str)) if isinstance(value, list) else ()

    def url(self, member: str) -> str:
        """The text of a member, or ""."""
        value = self.metadata.get(member)
        return value if isinstance(value, str) else ""

    def endpoints(self) -> Iterator[tuple[str, str]]:
        """Every address that it publishes for programs or browsers, with the member that holds it."""
        for member, value in self.metadata.items():
            if isinstance(value, str) and (member.endswith("_endpoint") or member in _ADDRESSES):
                yield member, value
        aliases = self.metadata.get("mtls_endpoint_aliases")  # RFC 8705 §5
        for member, value in aliases.items() if isinstance(aliases, Mapping) else ():
            if isinstance(value, str):
                yield f"mtls_endpoint_aliases/{member}", value


MOST_KEYS = 100
"""Of a set that are looked at: each is compared with every other, and a hostile set must not keep us busy."""

_ADDRESSES = frozenset({"jwks_uri", "check_session_iframe"})


def read(asker: Asker, issuer: str, *, resource: str, at: float) -> Published:
    """Fetch everything that the issuer, and a resource if one is named, publish.

    Raises:
        NothingPublished: there is no metadata.
    """
    documents: list[Document] = []
    redirected, told = [], []
    unseen: list[Unseen] = []
    for kind, url in places(issuer):
        try:
            reply = asker.get(url)
        except OutboundError as error:
            told.append(f"{url}: {error.detail}")
            continue
        if reply.is_redirect:
            redirected.append(reply)
        if (
            reply.status == 200
            and reply.data
            and (kind, reply.data) not in ((d.kind, d.data) for d in documents)
        ):
            documents.append(Document(kind, reply))
        told.append(
            f"{url}: {reply.status}{'' if reply.status != 200 or reply.data else ', and no JSON object'}"
        )
    if not documents:
        raise NothingPublished("\n".join(told))
    published = Published(issuer, at, tuple(documents))
    keys = _document(asker, "jwks", published.url("jwks_uri"), unseen)
    listed = None if keys is None else keys.data.get("keys")
    if keys is not None and isinstance(listed, list) and len(listed) > MOST_KEYS:
        unseen.append(
            Unseen(keys.url, f"{len(listed):,} keys, of which the first {MOST_KEYS} were looked at")
        )
    about = _document(asker, RESOURCE, _inserted(resource, RESOURCE), unseen) if resource else None
    return Published(issuer, at, tuple(documents), tuple(redirected), keys, about, resource, tuple(unseen))


def _document(asker: Asker, kind: str, url: str, unseen: list[Unseen]) -> Document | None:
    if not url:
        return None
    try:
        reply = asker.get(url)
    except OutboundError as error:
        unseen.append(Unseen(url, error.detail))
        return None
    if reply.status != 200 or not reply.data:
        unseen.append(Unseen(url, f"answered {reply.status}, or no JSON object"))
        return None
    return Document(kind, reply)


def places(issuer: str) -> list[tuple[str, str]]:
    """Where metadata may be: RFC 8414 §3 inserts before the path, OpenID Connect Discovery §4 appends."""
    found = [(OAUTH, _inserted(issuer, OAUTH)), (OPENID, f"{issuer.rstrip('/')}/.well-known/{OPENID}")]
    if urlsplit(issuer).path.strip("/"):
        found.append((OPENID, _inserted(issuer, OPENID)))  # RFC 8414 §5
    return found


def _inserted(url: str, name: str) -> str:
    parts = urlsplit(url)
    query = f"?{parts.query}" if parts.query else ""
    return f"{parts.scheme}://{parts.netloc}/.well-known/{name}{parts.path.rstrip('/')}{query}"
