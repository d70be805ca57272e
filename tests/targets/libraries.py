"""Targets on JWT libraries, used as the first page of their documentation says."""

import json
from typing import Any

import jwt as _pyjwt
from authlib.oauth2.rfc9068 import JWTBearerTokenValidator
from jose import jwt as _python_jose
from joserfc import jwt as _joserfc
from joserfc.jwk import KeySet
from joserfc.jwt import JWTClaimsRegistry
from jwcrypto.jwk import JWKSet
from jwcrypto.jwt import JWT

from targets.raw import ALGORITHMS, AUDIENCE, Trust, header_of
from targets.serving import Refused, Target, api


def _key_of(trust: Trust, token: str) -> dict[str, Any]:
    kid = header_of(token).get("kid")
    for key in trust.keys["keys"]:
        if key["kid"] == kid:
            return dict(key)
    raise Refused


def pyjwt(trust: Trust) -> Target:
    def verify(token: str) -> None:
        key = _pyjwt.PyJWK(_key_of(trust, token))
        _pyjwt.decode(token, key, algorithms=ALGORITHMS, audience=AUDIENCE, issuer=trust.url)

    return api(verify)


def python_jose(trust: Trust) -> Target:
    def verify(token: str) -> None:
        key = _key_of(trust, token)
        _python_jose.decode(token, key, algorithms=ALGORITHMS, audience=AUDIENCE, issuer=trust.url)

    return api(verify)


def joserfc(trust: Trust) -> Target:
    def verify(token: str) -> None:
        keys = KeySet.import_key_set(dict(trust.keys))
        decoded = _joserfc.decode(token, keys, algorithms=ALGORITHMS)
        wanted = {"essential": True}
        registry = JWTClaimsRegistry(
            exp=wanted, iss=wanted | {"value": trust.url}, aud=wanted | {"value": AUDIENCE}
        )
        registry.validate(decoded.claims)

    return api(verify)


class _ResourceServer(JWTBearerTokenValidator):
    def __init__(self, trust: Trust) -> None:
        super().__init__(issuer=trust.url, resource_server=AUDIENCE)
        self._keys = KeySet.import_key_set(dict(trust.keys))

    def get_jwks(self) -> KeySet:
        return self._keys


def authlib(trust: Trust) -> Target:
    def verify(token: str) -> None:
        server = _ResourceServer(trust)
        server.validate_token(server.authenticate_token(token), None, None)

    return api(verify)


def jwcrypto(trust: Trust) -> Target:
    def verify(token: str) -> None:
        keys = JWKSet()
        keys.import_keyset(json.dumps(trust.keys))
        JWT(
            jwt=token,
            key=keys,
            algs=ALGORITHMS,
            check_claims={"iss": trust.url, "aud": AUDIENCE, "exp": None},
        )

    return api(verify)
