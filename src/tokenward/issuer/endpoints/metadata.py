"""What this issuer can do (RFC 8414 §2, OpenID Connect Discovery §3): exactly what is on."""

import json
from collections.abc import Callable
from itertools import chain
from typing import Any, get_args

from tokenward.base.asgi import Receive, Scope
from tokenward.issuer.authorization_parameters import PROMPTS
from tokenward.issuer.client_auth.registration import is_offered
from tokenward.issuer.client_auth.table import METHODS
from tokenward.issuer.client_keys import ASSERTION_ALGORITHMS
from tokenward.issuer.context import Issuer
from tokenward.issuer.endpoints.end_session import PATH as END_SESSION_PATH
from tokenward.issuer.endpoints.pushed_authorization import PATH as PUSH_PATH
from tokenward.issuer.endpoints.userinfo import PATH as USERINFO_PATH
from tokenward.issuer.grants.table import GRANTS
from tokenward.issuer.registering import PATH as REGISTRATION_PATH
from tokenward.issuer.response import Response, public_json
from tokenward.issuer.settings import PROTOCOL_SCOPES
from tokenward.store.records import IntrospectionAlg, OpenIdAlg
from tokenward.tokens.acr import ACR
from tokenward.tokens.dpop import ALGORITHMS_OF_PROOFS
from tokenward.tokens.release import MINIMUM, SCOPE_CLAIMS


async def oauth_metadata(issuer: Issuer, _scope: Scope, _receive: Receive) -> Response:
    """GET: RFC 8414 §3."""
    return _written(issuer, "oauth", _oauth)


async def openid_metadata(issuer: Issuer, _scope: Scope, _receive: Receive) -> Response:
    """GET: OpenID Connect Discovery §4."""
    return _written(issuer, "openid", _openid)


def _written(issuer: Issuer, name: str, document: Callable[[Issuer], dict[str, Any]]) -> Response:
    body = issuer.metadata.get(name)
    if body is None:
        body = issuer.metadata[name] = json.dumps(document(issuer)).encode()
    return public_json(body)


def _oauth(issuer: Issuer) -> dict[str, Any]:
    url = issuer.settings.url
    resources = issuer.settings.resources.values()
    methods = [name for name, registered in METHODS.items() if is_offered(issuer.settings, registered)]
    algorithms = list(ASSERTION_ALGORITHMS)
    return {
        "issuer": url,
        "authorization_endpoint": f"{url}/authorize",
        "token_endpoint": f"{url}/token",
        "pushed_authorization_request_endpoint": url + PUSH_PATH,  # RFC 9126 §5
        "require_pushed_authorization_requests": issuer.settings.require_pushed_requests,
        "device_authorization_endpoint": f"{url}/device_authorization",  # RFC 8628 §4
        "introspection_endpoint": f"{url}/introspect",
        "revocation_endpoint": f"{url}/revoke",
        "jwks_uri": f"{url}/jwks.json",
        "scopes_supported": sorted(
            {*PROTOCOL_SCOPES, *(scope for each in resources for scope in each.scopes)}
        ),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": list(GRANTS),
        "token_endpoint_auth_methods_supported": methods,
        "token_endpoint_auth_signing_alg_values_supported": algorithms,
        "revocation_endpoint_auth_methods_supported": methods,
        "revocation_endpoint_auth_signing_alg_values_supported": algorithms,
        "introspection_endpoint_auth_methods_supported": [each for each in methods if each != "none"],
        "introspection_endpoint_auth_signing_alg_values_supported": algorithms,
        "introspection_signing_alg_values_supported": list(get_args(IntrospectionAlg)),  # RFC 9701 §7
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": True,  # RFC 9207 §3
        "request_parameter_supported": True,  # RFC 9101 §10.5
        "request_uri_parameter_supported": False,  # none is fetched; true if it were left out
        "request_object_signing_alg_values_supported": algorithms,
        "require_signed_request_object": False,  # of clients that are registered so
        "tls_client_certificate_bound_access_tokens": issuer.settings.takes_certificates,  # RFC 8705 §3.3
        "dpop_signing_alg_values_supported": list(ALGORITHMS_OF_PROOFS),  # RFC 9449 §5.1
        **({"registration_endpoint": url + REGISTRATION_PATH} if issuer.settings.registration else {}),
        **({"client_id_metadata_document_supported": True} if issuer.documents is not None else {}),
        **_detail_types(issuer),
    }


def _detail_types(issuer: Issuer) -> dict[str, list[str]]:
    """RFC 9396 §10; where there are none it is left out, as RFC 8414 §3.2 has it of what is empty."""
    types = sorted(issuer.settings.detail_types)
    return {"authorization_details_types_supported": types} if types else {}


def _openid(issuer: Issuer) -> dict[str, Any]:
    url, algorithms = issuer.settings.url, list(get_args(OpenIdAlg))
    return {
        **_oauth(issuer),
        "userinfo_endpoint": f"{url}{USERINFO_PATH}",
        "end_session_endpoint": f"{url}{END_SESSION_PATH}",  # RP-Initiated Logout §2.1
        "backchannel_logout_supported": True,  # Back-Channel Logout §2.1
        "backchannel_logout_session_supported": True,
        "subject_types_supported": ["public", "pairwise"],  # OpenID Connect Core §8
        "id_token_signing_alg_values_supported": algorithms,
        "userinfo_signing_alg_values_supported": algorithms,
        "claim_types_supported": ["normal"],
        "claims_supported": sorted({*MINIMUM["id_token"], *chain(*SCOPE_CLAIMS.values())}),
        "acr_values_supported": list(ACR.values()),
        "prompt_values_supported": sorted(PROMPTS),
        "claims_parameter_supported": True,
    }
