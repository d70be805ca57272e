"""What an authorization server publishes of itself, as a client reads it (RFC 8414, OpenID Discovery)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from tokenward.tokens import strict_json

OPENID = "/.well-known/openid-configuration"
OAUTH = "/.well-known/oauth-authorization-server"

_MAX_URL = 2048


@dataclass(frozen=True, slots=True)
class ServerMetadata:
    """Where a server's endpoints are, and what it can do. An endpoint that it has not is "".

    Attributes:
        issuer: its identifier, exactly.
        authorization_endpoint: where browsers are sent.
        token_endpoint: where tokens come from.
        userinfo_endpoint: where claims can be asked for.
        end_session_endpoint: where browsers are sent to sign out (RP-Initiated Logout §2.1).
        revocation_endpoint: where a token is ended (RFC 7009).
        pushed_authorization_request_endpoint: where requests are pushed ahead of the browser (RFC 9126 §5).
        requires_pushed_requests: whether others are refused.
        device_authorization_endpoint: where a device asks for codes (RFC 8628 §4).
        jwks_uri: its keys.
        names_issuer: whether its answers carry `iss` (RFC 9207 §3).
        auth_methods: how clients may authenticate at the token endpoint.
        id_token_algorithms: what it signs ID tokens with.
        mtls: endpoint → where that one takes certificates (RFC 8705 §5).
    """

    issuer: str
    authorization_endpoint: str = ""
    token_endpoint: str = ""
    userinfo_endpoint: str = ""
    end_session_endpoint: str = ""
    revocation_endpoint: str = ""
    pushed_authorization_request_endpoint: str = ""
    requires_pushed_requests: bool = False
    device_authorization_endpoint: str = ""
    jwks_uri: str = ""
    names_issuer: bool = False
    auth_methods: tuple[str, ...] = ("client_secret_basic",)
    id_token_algorithms: tuple[str, ...] = ()
    mtls: Mapping[str, str] = field(default_factory=dict)

    def endpoint(self, name: str, *, by_certificate: bool = False) -> str:
        """Where that endpoint is, for a client that shows a certificate or for one that has none."""
        url: str = getattr(self, name)
        return self.mtls.get(name, url) if by_certificate else url


_ENDPOINTS = (
    "authorization_endpoint",
    "token_endpoint",
    "userinfo_endpoint",
    "end_session_endpoint",
    "revocation_endpoint",
    "pushed_authorization_request_endpoint",
    "device_authorization_endpoint",
    "jwks_uri",
)


def addresses(issuer: str) -> tuple[str, str]:
    """Where the metadata may be: as RFC 8414 §3.1 has it, and as OpenID Discovery §4.1 does."""
    parts = urlsplit(issuer)
    path = parts.path.rstrip("/")
    return f"{parts.scheme}://{parts.netloc}{OAUTH}{path}", issuer.rstrip("/") + OPENID


def read_metadata(body: bytes, issuer: str, *, required: tuple[str, ...]) -> ServerMetadata:
    """The metadata of exactly this issuer.

    Args:
        body: the JSON.
        issuer: whose it must be.
        required: the endpoints without which it is of no use.

    Raises:
        ValueError: it is another's, or none that can be used; nothing of it is repeated.
    """
    said = strict_json.read_object(body)
    if (written := said.get("issuer")) != issuer:  # RFC 8414 §3.3, Discovery §4.3: against mix-up
        if isinstance(written, str) and written.rstrip("/") == issuer.rstrip("/"):
            how = "with" if written.endswith("/") else "without"
            raise ValueError(f"the issuer writes itself {how} a slash at the end")
        raise ValueError("the metadata is another issuer's")
    endpoints = {name: _endpoint(said, name, issuer, required=name in required) for name in _ENDPOINTS}
    aliases = said.get("mtls_endpoint_aliases", {})
    if not isinstance(aliases, dict):
        raise ValueError("mtls_endpoint_aliases is no object")  # noqa: TRY004 - a bad value from outside
    return ServerMetadata(
        issuer=issuer,
        **endpoints,
        requires_pushed_requests=said.get("require_pushed_authorization_requests") is True,
        names_issuer=said.get("authorization_response_iss_parameter_supported") is True,
        # RFC 8414 §2: the default, if omitted.
        auth_methods=_texts(said, "token_endpoint_auth_methods_supported") or ("client_secret_basic",),
        id_token_algorithms=_texts(said, "id_token_signing_alg_values_supported"),
        mtls={name: _endpoint(aliases, name, issuer) for name in _ENDPOINTS if name in aliases},
    )


def _texts(said: Mapping[str, object], name: str) -> tuple[str, ...]:
    values = said.get(name, [])
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise ValueError(f"{name} is no list of texts")
    return tuple(values)


def _endpoint(said: Mapping[str, object], name: str, issuer: str, *, required: bool = False) -> str:
    url = said.get(name)
    if url is None and not required:
        return ""
    if not isinstance(url, str) or len(url) > _MAX_URL or not url.isascii() or not url.isprintable():
        raise ValueError(f"{name} is missing or no URL")
    if any(character in url for character in ' #\\"<>'):  # RFC 6749 §3.1: no fragment
        raise ValueError(f"{name} has a fragment, or a character that no URL has")
    parts, own = urlsplit(url), urlsplit(issuer)
    # Plain http only to the very host that the operator named with it, which is loopback.
    in_the_clear = parts.scheme == own.scheme == "http" and parts.hostname == own.hostname
    if (parts.scheme != "https" and not in_the_clear) or not parts.hostname or "@" in parts.netloc:
        raise ValueError(f"{name} is not https")
    return url
