"""Family K, what the arithmetic gives away: secrets that can be guessed, and moduli that can be factored."""

import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from itertools import count
from math import gcd, prod
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa

from tokenward.auditor.attacks.kit import Kit, b64
from tokenward.auditor.attacks.signature import pkcs1_encoded
from tokenward.auditor.attacks.table import KeyTrap, Part, entry, note, trap

Trap = Callable[[Kit], tuple[Mapping[str, Any], str]]
_DIGESTS = {"HS256": hashlib.sha256, "HS384": hashlib.sha384, "HS512": hashlib.sha512}


def _secret(name: str, secret: bytes, alg: str = "HS256") -> Part[KeyTrap]:
    """A secret that a validator of HMACs is configured with, and a token by whoever has guessed it."""

    def make(kit: Kit) -> tuple[Mapping[str, Any], str]:
        head = kit.header(alg=alg, kid="secret")
        token = kit.signed_by(lambda data: hmac.digest(secret, data, _DIGESTS[alg]), head, kit.claims())
        return {"keys": [{"kty": "oct", "alg": alg, "kid": "secret", "k": b64(secret)}]}, token

    part = trap(name, make)
    return lambda *shared: replace(part(*shared), algorithms=(alg,))


def _modulus(factors: Callable[[], tuple[int, ...]]) -> Trap:
    """An RSA key whose factors anybody finds, and a token by whoever has found them."""

    def make(kit: Kit) -> tuple[Mapping[str, Any], str]:
        primes = factors()
        n = prod(primes)
        d = pow(65537, -1, prod(prime - 1 for prime in primes))
        size = (n.bit_length() + 7) // 8

        def sign(data: bytes) -> bytes:
            return pow(int.from_bytes(pkcs1_encoded(data, size), "big"), d, n).to_bytes(size, "big")

        return _rsa_set(n), kit.signed_by(sign, kit.header(alg="RS256", kid="weak"), kit.claims(sub="admin"))

    return make


def _rsa_set(n: int) -> Mapping[str, Any]:
    modulus = b64(n.to_bytes((n.bit_length() + 7) // 8, "big"))
    return {"keys": [{"kty": "RSA", "alg": "RS256", "kid": "weak", "n": modulus, "e": "AQAB"}]}


@cache
def _primes() -> tuple[int, int]:
    numbers = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_numbers()
    return numbers.p, numbers.q


def _with_small_factor() -> tuple[int, ...]:
    return (*_primes(), 3)


@cache
def _close() -> tuple[int, ...]:
    """Two primes that follow each other, as a certain generator made them (CVE-2022-26320)."""
    p = _primes()[0]
    # Fermat's test is enough: what it lets through by chance only spoils the token, not the row.
    return p, next(n for n in count(p + 2, 2) if n % 65537 != 1 and pow(2, n - 1, n) == 1)


_ROCA_PRIMES = [n for n in range(3, 168) if all(n % d for d in range(2, n))]


def _roca(kit: Kit) -> tuple[Mapping[str, Any], str]:
    """A modulus with the broken generator's fingerprint: a power of 65537 modulo many small primes."""
    group = prod(_ROCA_PRIMES)
    small = prod(n for n in range(2, 1000) if all(n % d for d in range(2, n)))
    first = (1 << 2047) // group
    candidates = (pow(65537, 5, group) + group * (first + step) for step in count(1))
    return _rsa_set(next(n for n in candidates if gcd(n, small) == 1)), kit.good


_NOBODY_LOOKS = "No specification makes a reader look. Ours does."
_ENTROPY = (
    "RFC 8725 §3.5 forbids passwords and asks for entropy, which octets do not show; ours refuses what is"
    " long enough and plainly no random value."
)
# RFC 7515 A.1.1; every reader of it knows it.
_OF_THE_RFC = bytes.fromhex(
    "0323354b2b0fa5bc837e0665777ba68f5ab328e6f054c928a90f84b2d2502ebfd3fb5a92d20647ef968ab4c377623d22"
    "3d2e2172052e4f08c0cd9af567d080a3"
)

SECRETS: tuple[KeyTrap, ...] = (
    *entry(
        "K06",
        "Secret that can be guessed",
        "The secret is shorter than the hash.",
        "RFC 7518 §3.2; RFC 8725 §3.5",
        _secret("empty", b""),
        _secret("a word", b"secret"),
        _secret("16 octets", bytes(range(100, 116))),
        _secret("31 octets", bytes(range(50, 237, 6))[:31]),
        _secret("32 octets for HS384", hashlib.sha256(b"x").digest(), "HS384"),
        _secret("32 octets for HS512", hashlib.sha256(b"x").digest(), "HS512"),
        *[
            note(part, _ENTROPY)
            for part in (
                _secret("32 zeros", bytes(32)),
                _secret("32 times the same", b"A" * 32),
                _secret("a word, again and again", b"secret" * 6),
                _secret("a sequence", bytes(range(32))),
                _secret("words", b"correct-horse-battery-staple-correct"),
                _secret("the placeholder of a debugger", b"a-string-secret-at-least-256-bits-long"),
                _secret("the example of RFC 7515", _OF_THE_RFC),
                _secret("a public key", b"-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE"),
            )
        ],
    ),
    *entry(
        "K07",
        "Modulus that can be factored",
        "",
        "RFC 8725 §3.5; CVE-2017-15361; CVE-2022-26320",
        *[
            note(part, _NOBODY_LOOKS)
            for part in (
                trap("a small factor", _modulus(_with_small_factor)),
                trap("close primes", _modulus(_close)),
                trap("made by a broken generator", _roca),
            )
        ],
    ),
)
