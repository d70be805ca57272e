import json
from dataclasses import replace

import httpx

from issuer.house import KEYS, URL, House, lived
from tokenward.issuer.endpoints.metadata import oauth_metadata, openid_metadata
from tokenward.tokens.dpop import ALGORITHMS_OF_PROOFS
from tokenward.tokens.jwk_set import public_keys

METHODS = ["client_secret_basic", "client_secret_post", "private_key_jwt"]
ALGORITHMS = [
    *("ES256", "ES384", "ES512", "EdDSA", "Ed25519"),
    *("PS256", "PS384", "PS512", "RS256", "RS384", "RS512"),
]


@lived
async def test_oauth_metadata_says_exactly_what_is_on(h: House):
    response = await h.http.get("/.well-known/oauth-authorization-server")
    assert response.headers["access-control-allow-origin"] == "*"
    assert response.json() == {
        "issuer": URL,
        "authorization_endpoint": f"{URL}/authorize",
        "token_endpoint": f"{URL}/token",
        "pushed_authorization_request_endpoint": f"{URL}/par",
        "require_pushed_authorization_requests": False,
        "device_authorization_endpoint": f"{URL}/device_authorization",
        "introspection_endpoint": f"{URL}/introspect",
        "revocation_endpoint": f"{URL}/revoke",
        "jwks_uri": f"{URL}/jwks.json",
        "scopes_supported": [
            "accounts:read",
            "address",
            "email",
            "forecast:read",
            "offline_access",
            "openid",
            "phone",
            "profile",
            "shared",
            "transfers:write",
        ],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": [
            "client_credentials",
            "authorization_code",
            "refresh_token",
            "urn:ietf:params:oauth:grant-type:token-exchange",
            "urn:ietf:params:oauth:grant-type:jwt-bearer",
            "urn:ietf:params:oauth:grant-type:device_code",
        ],
        "token_endpoint_auth_methods_supported": [*METHODS, "none"],
        "revocation_endpoint_auth_methods_supported": [*METHODS, "none"],
        "introspection_endpoint_auth_methods_supported": METHODS,
        "token_endpoint_auth_signing_alg_values_supported": ALGORITHMS,
        "revocation_endpoint_auth_signing_alg_values_supported": ALGORITHMS,
        "introspection_endpoint_auth_signing_alg_values_supported": ALGORITHMS,
        "introspection_signing_alg_values_supported": ["RS256", "ES256"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": True,
        "request_parameter_supported": True,
        "request_uri_parameter_supported": False,
        "request_object_signing_alg_values_supported": ALGORITHMS,
        "require_signed_request_object": False,
        "tls_client_certificate_bound_access_tokens": False,
        "dpop_signing_alg_values_supported": list(ALGORITHMS_OF_PROOFS),
        "authorization_details_types_supported": ["account_information", "forecasts", "payment"],
    }


@lived
async def test_what_is_empty_is_left_out(h: House):
    """RFC 8414 §3.2: members with no elements must be omitted."""
    plain = {name: replace(each, details={}) for name, each in h.issuer.settings.resources.items()}
    issuer = replace(h.issuer, settings=replace(h.issuer.settings, resources=plain))
    for document in (oauth_metadata, openid_metadata):
        told = json.loads((await document(issuer, {}, None)).body)
        assert "authorization_details_types_supported" not in told
        assert [] not in told.values()


@lived
async def test_openid_metadata_has_what_discovery_requires(h: House):
    metadata = (await h.http.get("/.well-known/openid-configuration")).json()
    oauth = (await h.http.get("/.well-known/oauth-authorization-server")).json()
    assert {name: metadata[name] for name in oauth} == oauth
    assert metadata["subject_types_supported"] == ["public", "pairwise"]
    assert {"sub", "auth_time", "email", "phone_number"} <= set(metadata["claims_supported"])
    assert metadata["id_token_signing_alg_values_supported"] == ["RS256", "ES256"]
    assert metadata["userinfo_endpoint"] == f"{URL}/userinfo"
    assert metadata["userinfo_signing_alg_values_supported"] == ["RS256", "ES256"]
    assert metadata["claims_parameter_supported"] is True
    assert metadata["end_session_endpoint"] == f"{URL}/end-session"
    assert metadata["backchannel_logout_supported"] is True
    assert metadata["backchannel_logout_session_supported"] is True
    assert "select_account" in metadata["prompt_values_supported"]
    assert metadata["request_uri_parameter_supported"] is False


@lived
async def test_every_endpoint_that_is_named_is_there(h: House):
    metadata = (await h.http.get("/.well-known/openid-configuration")).json()
    for name, address in metadata.items():
        if name.endswith("_endpoint") or name == "jwks_uri":
            assert (await h.http.request("PATCH", address)).status_code == 405


@lived
async def test_the_key_set_holds_the_public_halves(h: House):
    jwks = (await h.http.get("/jwks.json")).json()
    assert [key.kid for key in public_keys(jwks)] == [key.kid for key in KEYS]
    assert all("d" not in each for each in jwks["keys"])


@lived
async def test_head_is_get_without_the_body(h: House):
    get: httpx.Response = await h.http.get("/jwks.json")
    head = await h.http.head("/jwks.json")
    assert head.content == b""
    assert head.headers["content-length"] == str(len(get.content))
