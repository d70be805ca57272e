"""JWS in compact serialization (RFC 7515 §7.1): signing our own, and verifying with strict header rules.

Verification is in two steps, so that the keys can be fetched in between, by blocking code or not:
`parse` (nothing is trusted yet) and `verify` (one key, chosen by exact `kid`, never another).
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tokenward.tokens import algorithms as table
from tokenward.tokens import base64url, strict_json
from tokenward.tokens.errors import InvalidToken
from tokenward.tokens.keys import MAX_KID, SigningKey, VerificationKey, public_keys

MAX_TOKEN = 16_384  # characters; servers refuse longer header fields anyway
MAX_HEADER = 2_048

# Every header parameter that may be present, and whether it must be. What is not here is refused: `crit` and
# `b64` change the rules, `jwk`, `jku`, `x5u` and `x5c` let the token bring its own key, `zip` hides a bomb.
HEADER: dict[str, bool] = {
    "alg": True,  # RFC 7515 §4.1.1
    "kid": False,  # §4.1.4
    "typ": False,  # §4.1.9
    "cty": False,  # §4.1.10
    "x5t": False,  # §4.1.7: names a certificate and brings none; never read here
    "x5t#S256": False,  # §4.1.8, the same
}


@dataclass(frozen=True, slots=True)
class UnverifiedToken:
    """A well-formed JWS. Nobody has verified anything: read nothing from it but the way to its key.

    Attributes:
        algorithm: `alg`, which is on the allow-list.
        kid: `kid`, or None.
        typ: `typ`, or None.
        cty: `cty`, or None.
        payload: the bytes that were signed, decoded.
        signing_input: the bytes under the signature.
        signature: the signature, decoded.
    """

    algorithm: str
    kid: str | None
    typ: str | None
    cty: str | None
    payload: bytes
    signing_input: bytes
    signature: bytes


def sign_jwt(key: SigningKey, claims: Mapping[str, Any], *, typ: str) -> str:
    """A signed JWT. The header is `alg`, `kid`, `typ`, in that order.

    Raises:
        ValueError: the claims are not JSON.
    """
    header = {"alg": key.algorithm, "kid": key.kid, "typ": typ}
    signing_input = f"{_encoded(header)}.{_encoded(claims)}"
    return f"{signing_input}.{base64url.encode(key.sign(signing_input.encode()))}"


def verify_jws(jws: str, jwks: dict[str, Any], *, algorithms: list[str]) -> bytes:
    """The payload of a compact JWS that one key of the JWK Set has signed.

    Args:
        jws: the token.
        jwks: a JWK Set of public keys.
        algorithms: the acceptable `alg` values.

    Raises:
        InvalidToken: the token is refused; `code` says why.
        ValueError: the key set or the list of algorithms is bad.
    """
    allowed = table.known(algorithms)
    keys = public_keys(jwks, algorithms=allowed)
    return verify(parse(jws, allowed), keys)


def parse(jws: object, allowed: Collection[str]) -> UnverifiedToken:
    """Split and decode a compact JWS and apply the header rules.

    Raises:
        InvalidToken: the token is refused.
    """
    # A subclass of str could answer differently each time it is asked.
    if type(jws) is not str:
        raise InvalidToken("malformed")
    if len(jws) > MAX_TOKEN:
        raise InvalidToken("too_large")
    parts = jws.split(".", 3)
    if len(parts) != 3 or not all(parts):
        raise InvalidToken("malformed")
    if len(parts[0]) > MAX_HEADER:
        raise InvalidToken("too_large")
    try:
        header_bytes, payload, signature = map(base64url.decode, parts)
    except ValueError:
        raise InvalidToken("bad_base64") from None
    try:
        header = strict_json.read_object(header_bytes)
    except ValueError:
        raise InvalidToken("bad_json") from None
    _check_header(header)
    if header["alg"] not in allowed:
        raise InvalidToken("algorithm_refused")
    return UnverifiedToken(
        algorithm=header["alg"],
        kid=header.get("kid"),
        typ=header.get("typ"),
        cty=header.get("cty"),
        payload=payload,
        signing_input=jws[: len(parts[0]) + 1 + len(parts[1])].encode(),
        signature=signature,
    )


def verify(token: UnverifiedToken, keys: Sequence[VerificationKey]) -> bytes:
    """The payload, now known to be signed by one of `keys`.

    Raises:
        InvalidToken: there is no such key, or the signature is not its.
    """
    if not choose(token, keys).verify(token.signing_input, token.signature):
        raise InvalidToken("bad_signature")
    return token.payload


def choose(token: UnverifiedToken, keys: Sequence[VerificationKey]) -> VerificationKey:
    """The one key that this token may be verified with: by exact `kid`; without, only if one is eligible.

    Raises:
        InvalidToken: no_kid, unknown_key or wrong_algorithm_for_key.
    """
    if token.kid is None:
        eligible = [key for key in keys if key.algorithm == token.algorithm]
        if len(eligible) != 1:
            raise InvalidToken("no_kid")
        return eligible[0]
    for key in keys:
        if key.kid == token.kid:
            # RFC 8725 §3.1: a key is used with one algorithm.
            if key.algorithm != token.algorithm:
                raise InvalidToken("wrong_algorithm_for_key")
            return key
    raise InvalidToken("unknown_key")


def _check_header(header: dict[str, Any]) -> None:
    if not HEADER.keys() >= header.keys():
        raise InvalidToken("header_refused")
    for name, required in HEADER.items():
        if name not in header:
            if required:
                raise InvalidToken("header_type")
            continue
        value = header[name]
        if not (isinstance(value, str) and 0 < len(value) <= MAX_KID):
            raise InvalidToken("header_type")


def _encoded(value: Mapping[str, Any]) -> str:
    try:
        text = json.dumps(dict(value), separators=(",", ":"), allow_nan=False)
    except TypeError:
        raise ValueError("the claims are not JSON") from None
    return base64url.encode(text.encode())
