"""Each library as its documentation tells to use it for a JWT access token of one known issuer.

All get the same: a set of public keys, the algorithms, the issuer, the audience, 30 seconds of leeway, and
the claims that must be there. Where a library can be told, it is told; what it cannot be told is a finding.
What an application could check by hand on the decoded token is not the library's check.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jwt as pyjwt
from authlib.common.errors import AuthlibBaseError
from authlib.oauth2.rfc9068 import JWTBearerTokenValidator
from jose import jwt as python_jose
from jose.exceptions import JOSEError
from joserfc import jwt as joserfc
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry
from joserfc.jwt import JWTClaimsRegistry
from joserfc.registry import HeaderParameter
from jwcrypto.common import JWException
from jwcrypto.jwk import JWKSet
from jwcrypto.jwt import JWT

from tokenward import InvalidToken, JwtValidator
from tokenward.auditor.attacks.claims import LEEWAY

ISSUER = "https://issuer.example"
AUDIENCE = "https://api.example"
REQUIRED = ("exp", "iat", "iss", "aud", "sub")

Verify = Callable[[Any], object]


@dataclass(frozen=True, slots=True)
class Library:
    """One library.

    Attributes:
        name: the name of its distribution.
        use: how it is used here, in a sentence.
        load: makes a function that verifies a token, from a JWK Set and the algorithms; it raises where it
            refuses.
        refusals: the exceptions that its documentation names for a token that is refused.
    """

    name: str
    use: str
    load: Callable[[Mapping[str, Any], Sequence[str]], Verify]
    refusals: tuple[type[Exception], ...]


class _FixedKeys(pyjwt.PyJWKClient):
    """The key set without its network."""

    def __init__(self, jwks: Mapping[str, Any]) -> None:
        super().__init__("https://issuer.example/jwks.json", cache_jwk_set=False)
        self._jwks = dict(jwks)

    def fetch_data(self) -> Any:
        return self._jwks


def _pyjwt(jwks: Mapping[str, Any], algorithms: Sequence[str]) -> Verify:
    # Documentation: "Usage Examples", "Retrieve RSA signing keys from a JWKS endpoint" and "Registered Claim
    # Names"; "API Reference", `Options`. `strict_aud` would refuse arrays, which are legal.
    client = _FixedKeys(jwks)
    client.get_signing_keys()
    options = {"require": list(REQUIRED), "enforce_minimum_key_length": True}

    def verify(token: Any) -> object:
        return pyjwt.decode(
            token,
            client.get_signing_key_from_jwt(token),
            algorithms=list(algorithms),
            issuer=ISSUER,
            audience=AUDIENCE,
            leeway=LEEWAY,
            options=options,
        )

    return verify


def _is_access_token(typ: Any) -> None:
    if typ not in ("at+jwt", "application/at+jwt"):
        raise ValueError("must be at+jwt")


def _joserfc(jwks: Mapping[str, Any], algorithms: Sequence[str]) -> Verify:
    # Documentation: "JSON Web Token", "Decode" and "Validating claims"; "JSON Web Key", "Key Set";
    # "Registry", which takes rules for header parameters, hence one for `typ`.
    keys = KeySet.import_key_set(jwks)
    registry = JWSRegistry({"typ": HeaderParameter("Type", _is_access_token, True)}, list(algorithms))
    requests = JWTClaimsRegistry(
        leeway=LEEWAY,
        iss={"essential": True, "value": ISSUER},
        aud={"essential": True, "value": AUDIENCE},
        exp={"essential": True},
        iat={"essential": True},
        sub={"essential": True},
    )

    def verify(token: Any) -> object:
        decoded = joserfc.decode(token, keys, registry=registry)
        requests.validate(decoded.claims)
        return decoded.claims

    return verify


class _ResourceServer(JWTBearerTokenValidator):
    def __init__(self, keys: KeySet) -> None:
        super().__init__(issuer=ISSUER, resource_server=AUDIENCE)
        self._key_set = keys

    def get_jwks(self) -> KeySet:
        return self._key_set


def _authlib(jwks: Mapping[str, Any], _algorithms: Sequence[str]) -> Verify:
    # Documentation: "RFC9068: JSON Web Token (JWT) Profile for OAuth 2.0 Access Tokens", the token validator.
    # `authlib.jose` is deprecated in favour of joserfc. Neither algorithms nor leeway can be given.
    server = _ResourceServer(KeySet.import_key_set(jwks))

    def verify(token: Any) -> object:
        claims = server.authenticate_token(token)
        server.validate_token(claims, None, None)
        return claims

    return verify


def _python_jose(jwks: Mapping[str, Any], algorithms: Sequence[str]) -> Verify:
    # Documentation: "JSON Web Token", "Verifying Tokens" and the options of `jwt.decode`. It takes a whole
    # set, but stops at the first key of another type; hence the key is chosen by `kid` here.
    options: dict[str, Any] = {f"require_{claim}": True for claim in REQUIRED} | {"leeway": LEEWAY}

    def verify(token: Any) -> object:
        kid = python_jose.get_unverified_header(token).get("kid")
        named = [key for key in jwks["keys"] if key.get("kid") == kid]
        if not named:
            raise JOSEError("no key of that name")
        return python_jose.decode(
            token,
            dict(named[0]),
            algorithms=list(algorithms),
            issuer=ISSUER,
            audience=AUDIENCE,
            options=options,
        )

    return verify


def _jwcrypto(jwks: Mapping[str, Any], algorithms: Sequence[str]) -> Verify:
    # Documentation: "JSON Web Token (JWT)", the arguments of `JWT` and its property `leeway`. Beside
    # `check_claims`, `nbf` is checked only where it is demanded.
    keys = JWKSet.from_json(json.dumps(dict(jwks)))
    demanded = {"iss": ISSUER, "aud": AUDIENCE} | dict.fromkeys(("exp", "iat", "sub", "nbf"))

    def verify(token: Any) -> object:
        decoded = JWT(
            algs=list(algorithms), check_claims=demanded, expected_type="JWS", strict_serialization=True
        )
        decoded.leeway = LEEWAY
        decoded.deserialize(token, keys)
        return decoded.claims

    return verify


def _tokenward(jwks: Mapping[str, Any], algorithms: Sequence[str]) -> Verify:
    validator = JwtValidator(issuer=ISSUER, audience=AUDIENCE, keys=jwks, algorithms=algorithms)
    return validator.validate


LIBRARIES = (
    Library(
        "tokenward", "`JwtValidator` with issuer, audience, keys and algorithms.", _tokenward, (InvalidToken,)
    ),
    Library(
        "pyjwt",
        "`PyJWKClient` for the key, `jwt.decode` with algorithms, issuer, audience, leeway and the options"
        " `require` and `enforce_minimum_key_length`.",
        _pyjwt,
        (pyjwt.PyJWTError,),
    ),
    Library(
        "joserfc",
        "`KeySet.import_key_set`, `jwt.decode` with a `JWSRegistry` of the algorithms and a rule for `typ`,"
        " `JWTClaimsRegistry` with essential claims, their values and leeway.",
        _joserfc,
        (JoseError,),
    ),
    Library(
        "authlib",
        "`JWTBearerTokenValidator`, its implementation of RFC 9068, which takes issuer and audience. It takes"
        " neither algorithms (joserfc's recommended ones hold: ES256, HS256, RS256) nor leeway.",
        _authlib,
        (AuthlibBaseError, JoseError),
    ),
    Library(
        "python-jose",
        "`jwt.decode` with the key that has the token's `kid`, algorithms, issuer, audience and the"
        " options `require_…` and `leeway`. It has neither PS256 nor EdDSA.",
        _python_jose,
        (JOSEError,),
    ),
    Library(
        "jwcrypto",
        "`JWT` with algorithms, `check_claims`, `expected_type`, `strict_serialization` and `leeway`."
        " `nbf` must be demanded to be checked.",
        _jwcrypto,
        (JWException, ValueError),
    ),
)
