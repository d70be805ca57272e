"""What validating a token costs: ours, the bare primitive, and the libraries of `make libraries`.

Run by `run.py` in their virtual environment; prints the measurements as JSON. Everything takes
turns in one process: a slice of about 2 ms each, then the next, in an order that moves on from round to
round. Of each the best slice counts: what else a machine does can only add. The cycle collector is on, as in
a server. 64 tokens in turn, so that nobody meets the same one twice in a row.
"""

import argparse
import base64
import hmac
import itertools
import json
import math
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any

import jose.jwk
import jose.jwt
import joserfc.jwk
import joserfc.jwt
import jwcrypto.jwk
import jwcrypto.jwt
import jwt as pyjwt
from authlib.jose import JsonWebKey, JsonWebToken
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tokenward import JwtValidator
from tokenward.tokens import base64url
from tokenward.tokens.algorithms import ALGORITHMS
from tokenward.tokens.keys import SigningKey
from tokenward.tokens.verified_cache import CachedValidator

ISSUER = "https://login.example.com"
AUDIENCE = "https://api.example.com"
LENGTH = 600  # characters of a token
TOKENS = 64
SLICE = 0.002  # seconds
NAMES = {"RS256": "RS256", "ES256": "ES256", "EdDSA": "Ed25519", "HS256": "HS256"}
PEERS = ("PyJWT", "joserfc", "Authlib", "jwcrypto", "python-jose")

Check = Callable[[Any], object]


@dataclass(frozen=True, slots=True)
class Contestant:
    """One way to verify, and what it is given in turn."""

    name: str
    check: Check
    inputs: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Measured:
    """One algorithm: microseconds of each contestant for a token of that many characters."""

    algorithm: str
    length: int
    costs: dict[str, float]


def main() -> int:
    parser = argparse.ArgumentParser(prog="benchmarks/validation.py", description=__doc__)
    parser.add_argument("--rounds", type=int, default=300)
    rounds = parser.parse_args().rounds
    measured = [measure(algorithm, rounds) for algorithm in NAMES]
    versions = {name: version(name) for name in (*PEERS, "cryptography")}
    json.dump({"rows": [asdict(row) for row in measured], "versions": versions, "rounds": rounds}, sys.stdout)
    return 0


def measure(algorithm: str, rounds: int) -> Measured:
    key, jwk = _key(algorithm)
    tokens = _tokens(algorithm, key)
    ours = JwtValidator(issuer=ISSUER, audience=AUDIENCE, keys={"keys": [jwk]}, algorithms=[algorithm])
    contestants = [
        Contestant("primitive", *_primitive(algorithm, key, tokens)),
        Contestant("Tokenward", ours.validate, tokens),
        Contestant("cached", CachedValidator(ours).validate, tokens),
        *(Contestant(name, check, tokens) for name, check in _peers(algorithm, key, jwk)),
    ]
    loops = {each.name: _loops(each) for each in contestants}
    best = {each.name: math.inf for each in contestants}
    for at in range(rounds):
        turn = at % len(contestants)
        for each in contestants[turn:] + contestants[:turn]:
            best[each.name] = min(best[each.name], _slice(each, loops[each.name]))
    return Measured(NAMES[algorithm], len(tokens[0]), {name: cost * 1e6 for name, cost in best.items()})


def _loops(contestant: Contestant) -> int:
    for one in contestant.inputs:  # warm, and every library accepts every token
        contestant.check(one)
    return max(1, round(SLICE / min(_slice(contestant, 10) for _ in range(20))))


def _slice(contestant: Contestant, loops: int) -> float:
    """Seconds of processor time that one call takes, over `loops` of them."""
    check = contestant.check
    inputs = list(itertools.islice(itertools.cycle(contestant.inputs), loops))
    started = time.thread_time()
    for one in inputs:
        check(one)
    return (time.thread_time() - started) / loops


def _key(algorithm: str) -> tuple[Any, dict[str, str]]:
    """The key that signs, and the JWK that verifies."""
    if algorithm == "HS256":
        secret = ALGORITHMS[algorithm].generate()
        return secret, {"kty": "oct", "k": base64url.encode(secret), "kid": "key-1", "alg": algorithm}
    if algorithm == "RS256":  # what issuers have; our own are longer
        private: Any = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    else:
        private = ALGORITHMS[algorithm].generate()
    return private, SigningKey("key-1", algorithm, private).public_jwk()


def _tokens(algorithm: str, key: Any) -> tuple[str, ...]:
    now = int(time.time())
    header = {"alg": algorithm, "kid": "key-1", "typ": "at+jwt"}
    encoded_header = _encoded(header)
    signature_length = len(base64url.encode(ALGORITHMS[algorithm].sign(key, b"")))

    def claims(number: int, scope: str) -> dict[str, object]:
        user = f"user-{number:02}"
        times = {"iat": now, "exp": now + 3600}
        return {"iss": ISSUER, "aud": AUDIENCE, "sub": user, **times, "scope": scope}

    room = LENGTH - signature_length - len(encoded_header) - 2
    empty = len(json.dumps(claims(0, ""), separators=(",", ":")))
    scope = ("accounts:read payments:write " * 40)[: room * 3 // 4 - empty].strip()
    tokens = []
    for number in range(TOKENS):
        signing_input = f"{encoded_header}.{_encoded(claims(number, scope))}"
        signature = ALGORITHMS[algorithm].sign(key, signing_input.encode())
        tokens.append(f"{signing_input}.{base64url.encode(signature)}")
    return tuple(tokens)


def _encoded(value: dict[str, Any]) -> str:
    return base64url.encode(json.dumps(value, separators=(",", ":")).encode())


def _primitive(algorithm: str, key: Any, tokens: tuple[str, ...]) -> tuple[Check, tuple[Any, ...]]:
    """The signature alone, over octets that are ready: in DER for ECDSA; HMAC as fast as there is."""
    ready = []
    for token in tokens:
        signing_input, _, signature = token.rpartition(".")
        ready.append((signing_input.encode(), base64.urlsafe_b64decode(signature + "==")))
    if algorithm == "HS256":
        return lambda one: hmac.compare_digest(hmac.digest(key, one[0], "sha256"), one[1]), tuple(ready)
    verify, digest = key.public_key().verify, SHA256()
    if algorithm == "RS256":
        pad = padding.PKCS1v15()
        return lambda one: verify(one[1], one[0], pad, digest), tuple(ready)
    if algorithm == "ES256":
        hashed = ec.ECDSA(digest)
        der = [
            (data, encode_dss_signature(int.from_bytes(raw[:32]), int.from_bytes(raw[32:])))
            for data, raw in ready
        ]
        return lambda one: verify(one[1], one[0], hashed), tuple(der)
    return lambda one: verify(one[1], one[0]), tuple(ready)


def _peers(algorithm: str, key: Any, jwk: dict[str, str]) -> Iterator[tuple[str, Check]]:
    """Each in its documented use, with its key object made ahead, and told to require iss, aud and exp."""
    yield "PyJWT", _pyjwt(algorithm, key)
    yield "joserfc", _joserfc(algorithm, jwk)
    yield "Authlib", _authlib(algorithm, jwk)
    yield "jwcrypto", _jwcrypto(algorithm, jwk)
    if algorithm != "EdDSA":  # it has none
        yield "python-jose", _python_jose(algorithm, key)


def _pyjwt(algorithm: str, key: Any) -> Check:
    public = key if isinstance(key, bytes) else key.public_key()
    required = {"require": ["iss", "aud", "exp"]}
    return lambda token: pyjwt.decode(
        token, public, algorithms=[algorithm], issuer=ISSUER, audience=AUDIENCE, options=required
    )


def _joserfc(algorithm: str, jwk: dict[str, str]) -> Check:
    key = joserfc.jwk.import_key(jwk)
    claims = joserfc.jwt.JWTClaimsRegistry(
        iss={"essential": True, "value": ISSUER},
        aud={"essential": True, "value": AUDIENCE},
        exp={"essential": True},
    )

    def check(token: str) -> None:
        claims.validate(joserfc.jwt.decode(token, key, algorithms=[algorithm]).claims)

    return check


def _authlib(algorithm: str, jwk: dict[str, str]) -> Check:
    key = JsonWebKey.import_key(jwk)
    decoder = JsonWebToken([algorithm])
    options = {
        "iss": {"essential": True, "value": ISSUER},
        "aud": {"essential": True, "value": AUDIENCE},
        "exp": {"essential": True},
    }
    return lambda token: decoder.decode(token, key, claims_options=options).validate()


def _jwcrypto(algorithm: str, jwk: dict[str, str]) -> Check:
    key = jwcrypto.jwk.JWK(**jwk)
    claims = {"iss": ISSUER, "aud": AUDIENCE, "exp": None}
    return lambda token: jwcrypto.jwt.JWT(jwt=token, key=key, algs=[algorithm], check_claims=claims).claims


def _python_jose(algorithm: str, key: Any) -> Check:
    material = (
        key
        if isinstance(key, bytes)
        else key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )
    made = jose.jwk.construct(material, algorithm)
    required = {"require_iss": True, "require_aud": True, "require_exp": True}
    return lambda token: jose.jwt.decode(
        token, made, algorithms=[algorithm], issuer=ISSUER, audience=AUDIENCE, options=required
    )


if __name__ == "__main__":
    sys.exit(main())
