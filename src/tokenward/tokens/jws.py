"""JWS in compact serialization (RFC 7515 §7.1): signing our own, and verifying with strict header rules.

Verification is in two steps, so that the keys can be fetched in between, by blocking code or not:
`parse` (nothing is trusted yet) and `verify` (one key, chosen by exact `kid`, never another).
"""

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from tokenward.tokens import algorithms as table
from tokenward.tokens import base64url, strict_json
from tokenward.tokens.errors import InvalidToken
from tokenward.tokens.jwk_set import MAX_KID, public_keys, secret_keys
from tokenward.tokens.keys import SigningKey, VerificationKey, members

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


class Header(NamedTuple):
    """The protected header, read under the rules of a table like `HEADER`.

    Attributes:
        alg: what the token says it was signed with.
        kid: the name of the key, or None.
        typ: the kind of token, or None.
        cty: the kind of content, or None.
        jwk: the key that a DPoP proof brings along; None for every other kind.
    """

    alg: str
    kid: str | None
    typ: str | None
    cty: str | None
    jwk: Mapping[str, Any] | None


class UnverifiedToken(NamedTuple):
    """A well-formed JWS. Nobody has verified anything: read nothing from it but the way to its key.

    Attributes:
        header: its header.
        payload: the bytes that were signed, decoded.
        signing_input: the bytes under the signature.
        signature: the signature, decoded.
    """

    header: Header
    payload: bytes
    signing_input: bytes
    signature: bytes


def sign_jwt(key: SigningKey, claims: Mapping[str, Any], *, typ: str) -> str:
    """A signed JWT. The header is `alg`, `kid`, `typ`, in that order.

    Raises:
        ValueError: the claims are not JSON.
    """
    return _signed(key, {"alg": key.algorithm, "kid": key.kid, "typ": typ}, claims)


def sign_proof(key: SigningKey, claims: Mapping[str, Any], *, typ: str) -> str:
    """A signed JWT that brings its own public key instead of naming one (RFC 9449 §4.2).

    Raises:
        ValueError: the claims are not JSON.
    """
    return _signed(key, {"typ": typ, "alg": key.algorithm, "jwk": members(key.private.public_key())}, claims)


def _signed(key: SigningKey, header: Mapping[str, Any], claims: Mapping[str, Any]) -> str:
    signing_input = f"{_encoded(header)}.{_encoded(claims)}"
    return f"{signing_input}.{base64url.encode(key.sign(signing_input.encode()))}"


def verify_jws(jws: str, jwks: dict[str, Any], *, algorithms: list[str]) -> bytes:
    """The payload of a compact JWS that one key of the JWK Set has signed.

    Args:
        jws: the token.
        jwks: a JWK Set of public keys; of secrets, where `algorithms` are symmetric.
        algorithms: the acceptable `alg` values.

    Raises:
        InvalidToken: the token is refused; `code` says why.
        ValueError: the key set or the list of algorithms is bad.
    """
    allowed = table.known(algorithms)
    keys = configured_keys(jwks, allowed)
    return verify(parse(jws, allowed), keys)


def configured_keys(jwks: object, allowed: Sequence[str]) -> tuple[VerificationKey, ...]:
    """The keys of a configured JWK Set: secrets for symmetric algorithms, public keys for the others.

    Raises:
        ValueError: the set is bad.
    """
    load = secret_keys if table.ALGORITHMS[allowed[0]].symmetric else public_keys
    return load(jwks, algorithms=allowed)


def split(jws: object) -> tuple[str, str, str]:
    """The three parts of a compact JWS, none of them empty or decoded.

    Raises:
        InvalidToken: malformed or too_large.
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
    return parts[0], parts[1], parts[2]


def read_header(part: str, allowed: Collection[str], parameters: Mapping[str, bool] = HEADER) -> Header:
    """The first part of a JWS, decoded and held against a table of header parameters.

    Raises:
        InvalidToken: the header is refused.
    """
    try:
        encoded = base64url.decode(part)
    except ValueError:
        raise InvalidToken("bad_base64") from None
    try:
        header = strict_json.read_object(encoded)
    except ValueError:
        raise InvalidToken("bad_json") from None
    _check_header(header, parameters)
    if header["alg"] not in allowed:
        raise InvalidToken("algorithm_refused")
    return Header(header["alg"], header.get("kid"), header.get("typ"), header.get("cty"), header.get("jwk"))


def read_body(header: Header, parts: tuple[str, str, str]) -> UnverifiedToken:
    """The token of a header that was read from `parts`.

    Raises:
        InvalidToken: bad_base64.
    """
    try:
        payload, signature = base64url.decode(parts[1]), base64url.decode(parts[2])
    except ValueError:
        raise InvalidToken("bad_base64") from None
    return UnverifiedToken(header, payload, f"{parts[0]}.{parts[1]}".encode(), signature)


def parse(jws: object, allowed: Collection[str], parameters: Mapping[str, bool] = HEADER) -> UnverifiedToken:
    """Split and decode a compact JWS and apply the header rules.

    Args:
        jws: the token, or whatever came in its place.
        allowed: the acceptable `alg` values.
        parameters: the header parameters that may be there, and whether they must.

    Raises:
        InvalidToken: the token is refused.
    """
    parts = split(jws)
    return read_body(read_header(parts[0], allowed, parameters), parts)


def verify(token: UnverifiedToken, keys: Sequence[VerificationKey]) -> bytes:
    """The payload, now known to be signed by one of `keys`.

    Raises:
        InvalidToken: there is no such key, or the signature is not its.
    """
    if not choose(token.header, keys).verify(token.signing_input, token.signature):
        raise InvalidToken("bad_signature")
    return token.payload


def choose(header: Header, keys: Sequence[VerificationKey]) -> VerificationKey:
    """The one key that a token may be verified with: by exact `kid`; without, only if one is eligible.

    Raises:
        InvalidToken: no_kid, unknown_key or wrong_algorithm_for_key.
    """
    if header.kid is None:
        eligible = [key for key in keys if key.answers_to(header.alg)]
        if len(eligible) != 1:
            raise InvalidToken("no_kid")
        return eligible[0]
    for key in keys:
        if key.kid == header.kid:
            # RFC 8725 §3.1: a key is used with one algorithm.
            if not key.answers_to(header.alg):
                raise InvalidToken("wrong_algorithm_for_key")
            return key
    raise InvalidToken("unknown_key")


def media_type(name: str) -> str:
    """`typ` in the form in which two are compared (RFC 7515 §4.1.9)."""
    lower = name.lower()
    return lower if "/" in lower else f"application/{lower}"


def _check_header(header: Mapping[str, Any], parameters: Mapping[str, bool]) -> None:
    if not parameters.keys() >= header.keys():
        raise InvalidToken("header_refused")
    for name, required in parameters.items():
        if name not in header:
            if required:
                raise InvalidToken("header_type")
            continue
        value = header[name]
        good = (
            isinstance(value, Mapping)
            if name == "jwk"
            else isinstance(value, str) and 0 < len(value) <= MAX_KID
        )
        if not good:
            raise InvalidToken("header_type")


def _encoded(value: Mapping[str, Any]) -> str:
    try:
        text = json.dumps(dict(value), separators=(",", ":"), allow_nan=False)
    except TypeError:
        raise ValueError("the claims are not JSON") from None
    return base64url.encode(text.encode())
