"""Where the keys of an issuer that is not ours come from: a file, a URL, or its own metadata."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from tokenward.base.addresses import LOOPBACK, is_loopback
from tokenward.base.clock import SYSTEM_CLOCK, Clock
from tokenward.base.outbound import OutboundClient
from tokenward.flows.metadata import OPENID
from tokenward.tokens import strict_json
from tokenward.tokens.jwks import MAX_BYTES, JwksSource


class KeysSaid(Protocol):
    """What the configuration says of them; at most one of the two."""

    @property
    def jwks(self) -> str | None:
        """A file with the JWK Set."""

    @property
    def jwks_uri(self) -> str | None:
        """Where the JWK Set is."""


def issuer_keys(
    said: KeysSaid, issuer: str, networks: tuple[str, ...], base_dir: Path, clock: Clock = SYSTEM_CLOCK
) -> JwksSource | dict[str, Any]:
    """The keys of `issuer`. A file is read, nothing is fetched yet.

    Raises:
        ValueError: the file cannot be read, or is no JSON object.
    """
    if said.jwks is not None:
        try:
            return strict_json.read_object((base_dir / said.jwks).read_bytes())
        except OSError as error:
            raise ValueError(f"{said.jwks} cannot be read: {error.strerror}") from None
    url = said.jwks_uri or issuer.rstrip("/") + OPENID  # OpenID Connect Discovery §4.1
    get = outbound(url, networks, max_bytes=MAX_BYTES).get
    return JwksSource(url, fetch=get if said.jwks_uri else discovered(issuer, get), clock=clock)


def outbound(url: str, networks: tuple[str, ...], *, max_bytes: int) -> OutboundClient:
    """Fetches from a URL that the operator configured; from inside networks only where they are named.

    A URL on loopback says that loopback is meant, and may be plain http.
    """
    loopback = is_loopback(urlsplit(url).hostname or "")
    allowed = (*networks, *(LOOPBACK if loopback else ()))
    return OutboundClient(allow=allowed, https_only=not loopback, max_bytes=max_bytes)


def discovered(issuer: str, get: Callable[[str], bytes]) -> Callable[[str], bytes]:
    """Fetches the keys that an issuer's metadata names (OpenID Connect Discovery §4)."""

    def fetch(url: str) -> bytes:
        metadata = strict_json.read_object(get(url))
        if metadata["issuer"] != issuer:  # §4.3: exactly
            raise ValueError("the metadata is another issuer's")
        return get(metadata["jwks_uri"])

    return fetch
