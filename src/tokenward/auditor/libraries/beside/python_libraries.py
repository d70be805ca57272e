"""A harness for Python's JWT libraries: `python python_libraries.py NAME` verifies what is written to it.

It runs in whichever Python has the libraries, which need not have Tokenward. `--list` prints which there are.
A line of JSON comes in (`token`, `jwks`, `issuer`, `audience`, `algorithms`, `leeway`), a line goes out:
`accept`, `reject`, or `error NAME` where it was refused by an exception that the library's documentation does
not give.

Each library is used as its documentation tells for a JWT access token of one known issuer. Where a library
can be told something, it is told; what it cannot be told is a finding. What an application could check by
hand on the decoded token is not the library's check.
"""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any, NamedTuple

REQUIRED = ("exp", "iat", "iss", "aud", "sub")

Verify = Callable[[Any], object]


class Question(NamedTuple):
    """What a library is told before it sees a token.

    Attributes:
        jwks: the keys of the issuer.
        algorithms: those that it may take.
        issuer: whose tokens.
        audience: for whom.
        leeway: by how many seconds clocks may differ.
    """

    jwks: Any
    algorithms: list[str]
    issuer: str
    audience: str
    leeway: int


class Adapter(NamedTuple):
    """How a library is used.

    Attributes:
        use: in a sentence.
        load: gives what makes a verifying function, which raises where it refuses; and the exceptions that
            the library's documentation names for a token that is refused.
    """

    use: str
    load: Callable[[], tuple[Callable[[Question], Verify], tuple[type[Exception], ...]]]


def _tokenward() -> Any:
    from tokenward import InvalidToken, JwtValidator

    def prepare(asked: Question) -> Verify:
        validator = JwtValidator(
            issuer=asked.issuer, audience=asked.audience, keys=asked.jwks, algorithms=asked.algorithms
        )
        return validator.validate

    return prepare, (InvalidToken,)


def _pyjwt() -> Any:
    # Documentation: "Usage Examples", "Retrieve RSA signing keys from a JWKS endpoint" and "Registered Claim
    # Names"; "API Reference", `Options`. `strict_aud` would refuse arrays, which are legal.
    import jwt

    class FixedKeys(jwt.PyJWKClient):
        """The key set without its network."""

        def __init__(self, jwks: Any) -> None:
            super().__init__("https://issuer.example/jwks.json", cache_jwk_set=False)
            self._jwks = dict(jwks)

        def fetch_data(self) -> Any:
            return self._jwks

    options: Any = {"require": list(REQUIRED), "enforce_minimum_key_length": True}

    def prepare(asked: Question) -> Verify:
        client = FixedKeys(asked.jwks)
        client.get_signing_keys()

        def verify(token: Any) -> object:
            return jwt.decode(
                token,
                client.get_signing_key_from_jwt(token),
                algorithms=asked.algorithms,
                issuer=asked.issuer,
                audience=asked.audience,
                leeway=asked.leeway,
                options=options,
            )

        return verify

    return prepare, (jwt.PyJWTError,)


def _is_access_token(typ: Any) -> None:
    if typ not in ("at+jwt", "application/at+jwt"):
        raise ValueError("must be at+jwt")


def _joserfc() -> Any:
    # Documentation: "JSON Web Token", "Decode" and "Validating claims"; "JSON Web Key", "Key Set";
    # "Registry", which takes rules for header parameters, hence one for `typ`.
    from joserfc import jwt
    from joserfc.errors import JoseError
    from joserfc.jwk import KeySet
    from joserfc.jws import JWSRegistry
    from joserfc.jwt import JWTClaimsRegistry
    from joserfc.registry import HeaderParameter

    def prepare(asked: Question) -> Verify:
        keys = KeySet.import_key_set(asked.jwks)
        rules = {"typ": HeaderParameter("Type", _is_access_token, True)}
        registry = JWSRegistry(rules, asked.algorithms)
        requests = JWTClaimsRegistry(
            leeway=asked.leeway,
            iss={"essential": True, "value": asked.issuer},
            aud={"essential": True, "value": asked.audience},
            exp={"essential": True},
            iat={"essential": True},
            sub={"essential": True},
        )

        def verify(token: Any) -> object:
            decoded = jwt.decode(token, keys, registry=registry)
            requests.validate(decoded.claims)
            return decoded.claims

        return verify

    return prepare, (JoseError,)


def _authlib() -> Any:
    # Documentation: "RFC9068: JSON Web Token (JWT) Profile for OAuth 2.0 Access Tokens", the token validator.
    # `authlib.jose` is deprecated in favour of joserfc. Neither algorithms nor leeway can be given.
    from authlib.common.errors import AuthlibBaseError
    from authlib.oauth2.rfc9068 import JWTBearerTokenValidator
    from joserfc.errors import JoseError
    from joserfc.jwk import KeySet

    class ResourceServer(JWTBearerTokenValidator):
        def __init__(self, asked: Question) -> None:
            super().__init__(issuer=asked.issuer, resource_server=asked.audience)
            self._key_set = KeySet.import_key_set(asked.jwks)

        def get_jwks(self) -> Any:
            return self._key_set

    def prepare(asked: Question) -> Verify:
        server = ResourceServer(asked)

        def verify(token: Any) -> object:
            claims = server.authenticate_token(token)
            server.validate_token(claims, None, None)
            return claims

        return verify

    return prepare, (AuthlibBaseError, JoseError)


def _python_jose() -> Any:
    # Documentation: "JSON Web Token", "Verifying Tokens" and the options of `jwt.decode`. It takes a whole
    # set, but stops at the first key of another type; hence the key is chosen by `kid` here.
    from jose import jwt
    from jose.exceptions import JOSEError

    def prepare(asked: Question) -> Verify:
        options: dict[str, Any] = {f"require_{claim}": True for claim in REQUIRED}
        options["leeway"] = asked.leeway

        def verify(token: Any) -> object:
            kid = jwt.get_unverified_header(token).get("kid")
            named = [key for key in asked.jwks["keys"] if key.get("kid") == kid]
            if not named:
                raise JOSEError("no key of that name")
            return jwt.decode(
                token,
                dict(named[0]),
                algorithms=asked.algorithms,
                issuer=asked.issuer,
                audience=asked.audience,
                options=options,
            )

        return verify

    return prepare, (JOSEError,)


def _jwcrypto() -> Any:
    # Documentation: "JSON Web Token (JWT)", the arguments of `JWT` and its property `leeway`. Beside
    # `check_claims`, `nbf` is checked only where it is demanded.
    from jwcrypto.common import JWException
    from jwcrypto.jwk import JWKSet
    from jwcrypto.jwt import JWT

    def prepare(asked: Question) -> Verify:
        keys = JWKSet.from_json(json.dumps(asked.jwks))
        demanded = {"iss": asked.issuer, "aud": asked.audience, **dict.fromkeys(("exp", "iat", "sub", "nbf"))}

        def verify(token: Any) -> object:
            decoded = JWT(
                algs=asked.algorithms, check_claims=demanded, expected_type="JWS", strict_serialization=True
            )
            decoded.leeway = asked.leeway
            decoded.deserialize(token, keys)
            return decoded.claims

        return verify

    return prepare, (JWException, ValueError)


ADAPTERS = {
    "tokenward": Adapter("`JwtValidator` with issuer, audience, keys and algorithms.", _tokenward),
    "pyjwt": Adapter(
        "`PyJWKClient` for the key, `jwt.decode` with algorithms, issuer, audience, leeway and the options"
        " `require` and `enforce_minimum_key_length`.",
        _pyjwt,
    ),
    "joserfc": Adapter(
        "`KeySet.import_key_set`, `jwt.decode` with a `JWSRegistry` of the algorithms and a rule for `typ`,"
        " `JWTClaimsRegistry` with essential claims, their values and leeway.",
        _joserfc,
    ),
    "authlib": Adapter(
        "`JWTBearerTokenValidator`, its implementation of RFC 9068, which takes issuer and audience. It takes"
        " neither algorithms (joserfc's recommended ones hold: ES256, HS256, RS256) nor leeway.",
        _authlib,
    ),
    "python-jose": Adapter(
        "`jwt.decode` with the key that has the token's `kid`, algorithms, issuer, audience and the"
        " options `require_…` and `leeway`. It has neither PS256 nor EdDSA.",
        _python_jose,
    ),
    "jwcrypto": Adapter(
        "`JWT` with algorithms, `check_claims`, `expected_type`, `strict_serialization` and `leeway`."
        " `nbf` must be demanded to be checked.",
        _jwcrypto,
    ),
}


def installed() -> dict[str, str]:
    """Which of them this Python has, with their versions."""
    found = {}
    for name in ADAPTERS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def serve(name: str) -> None:
    """Answer each line, until there are no more."""
    prepare, refusals = ADAPTERS[name].load()
    # What a library prints must not be taken for an answer.
    answers, sys.stdout = sys.stdout, sys.stderr
    asked_before, verify = None, None
    for line in sys.stdin:
        sent = json.loads(line)
        asked = Question(*(sent[each] for each in Question._fields))
        try:
            # One verifier for as long as the question is the same: what it remembers is part of the test.
            if verify is None or asked != asked_before:
                verify, asked_before = None, asked
                verify = prepare(asked)
            verify(sent["token"])
            answer = "accept"
        except refusals:
            answer = "reject"
        except Exception as error:  # noqa: BLE001 - which one is the finding
            answer = f"error {type(error).__name__}"
        answers.write(f"{answer}\n")
        answers.flush()


def main(words: Sequence[str]) -> None:
    """The command."""
    warnings.simplefilter("ignore")
    if list(words) == ["--list"]:
        sys.stdout.write(json.dumps(installed()))
    else:
        serve(words[0])


if __name__ == "__main__":
    main(sys.argv[1:])
