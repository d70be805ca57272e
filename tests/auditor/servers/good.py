"""A server about which there is nothing to say, and ways to make it worse."""

import json

from tokenward.auditor.servers.asking import Reply
from tokenward.auditor.servers.published import OAUTH, OPENID, RESOURCE, Document, Published
from tokenward.tokens.keys import SigningKey

ISSUER = "https://as.example"
API = "https://api.example"
NOW = 1_800_000_000.0
METHODS = ["private_key_jwt", "client_secret_basic", "none"]
METADATA = {
    "issuer": ISSUER,
    "authorization_endpoint": f"{ISSUER}/authorize",
    "token_endpoint": f"{ISSUER}/token",
    "revocation_endpoint": f"{ISSUER}/revoke",
    "introspection_endpoint": f"{ISSUER}/introspect",
    "pushed_authorization_request_endpoint": f"{ISSUER}/par",
    "jwks_uri": f"{ISSUER}/jwks.json",
    "response_types_supported": ["code"],
    "response_modes_supported": ["query"],
    "grant_types_supported": ["authorization_code", "refresh_token"],
    "code_challenge_methods_supported": ["S256"],
    "token_endpoint_auth_methods_supported": METHODS,
    "token_endpoint_auth_signing_alg_values_supported": ["ES256"],
    "revocation_endpoint_auth_methods_supported": METHODS,
    "revocation_endpoint_auth_signing_alg_values_supported": ["ES256"],
    "introspection_endpoint_auth_methods_supported": ["private_key_jwt"],
    "introspection_endpoint_auth_signing_alg_values_supported": ["ES256"],
    "authorization_response_iss_parameter_supported": True,
    "dpop_signing_alg_values_supported": ["ES256"],
    "scopes_supported": ["openid", "accounts:read"],
    "id_token_signing_alg_values_supported": ["ES256", "RS256"],
    "subject_types_supported": ["public", "pairwise"],
    "acr_values_supported": ["urn:example:two-factors"],
    "request_uri_parameter_supported": False,
    "backchannel_logout_supported": True,
}
JWK = SigningKey.generate("ES256").public_jwk() | {"use": "sig", "alg": "ES256"}
HEADERS = {
    "content-type": "application/json",
    "cache-control": "max-age=300",
    "strict-transport-security": "max-age=31536000",
}
ABOUT_API = {"resource": API, "authorization_servers": [ISSUER], "bearer_methods_supported": ["header"]}


def document(kind, url, data, headers=None):
    sent = HEADERS | (headers or {})
    reply = Reply(
        url, 200, tuple((name, value) for name, value in sent.items() if value), json.dumps(data).encode()
    )
    return Document(kind, reply)


def published(
    *, asked=ISSUER, without=(), openid=None, headers=None, keys=(JWK,), key_headers=None, about=None,
    redirected=(), **members,
):  # fmt: skip
    """The good server, with members of its metadata changed, or left out."""
    data = {name: value for name, value in (METADATA | members).items() if name not in without}
    return Published(
        asked,
        NOW,
        (
            document(OAUTH, f"{ISSUER}/.well-known/{OAUTH}", data, headers),
            document(OPENID, f"{ISSUER}/.well-known/{OPENID}", data | (openid or {}), headers),
        ),
        redirected,
        document("jwks", f"{ISSUER}/jwks.json", {"keys": list(keys)}, key_headers),
        document(
            RESOURCE,
            f"{API}/.well-known/{RESOURCE}",
            ABOUT_API | {"authorization_servers": [asked]} | (about or {}),
        ),
        API,
    )
