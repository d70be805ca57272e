"""Keys of the right size that are worthless: each reason has keys that show it, and good keys have none."""

import secrets
from itertools import count
from math import isqrt

import pytest
from cryptography.hazmat.primitives import serialization
from hypothesis import given
from hypothesis import strategies as st

from tokenward.tokens import base64url
from tokenward.tokens.jwk_set import public_keys, secret_keys
from tokenward.tokens.key_lint import _close_primes, weak_modulus, weak_secret
from tokenward.tokens.keys import SigningKey

KEY = SigningKey.generate("ES256")
PUBLIC = KEY.private.public_key()
PEM = PUBLIC.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
DER = PUBLIC.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
SSH = PUBLIC.public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
RSA_DER = (
    SigningKey.generate("RS256")
    .private.public_key()
    .public_bytes(serialization.Encoding.DER, serialization.PublicFormat.PKCS1)
)

WEAK_SECRETS = {
    # RFC 7515 A.1, as text and as octets
    "of RFC 7515": (
        b"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow",
        "printed",
    ),
    "of RFC 7515, decoded": (
        base64url.decode(
            "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"
        ),
        "printed",
    ),
    "of RFC 7520, decoded": (base64url.decode("hJtXIZ2uSN5kbQfbtTNWbpdmhkV8FJG-Onbc6mxCcYg"), "printed"),
    "of a debugger": (b"a-string-secret-at-least-256-bits-long", "printed"),
    "of a tutorial": (b"09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7", "printed"),
    "of a tutorial, decoded": (
        bytes.fromhex("09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7"),
        "printed",
    ),
    "printed, with a line feed": (b"a-string-secret-at-least-256-bits-long\n", "printed"),
    "PEM": (PEM, "public key"),
    "PEM after a line feed": (b"\n" + PEM, "public key"),
    "DER": (DER, "public key"),
    "DER of an RSA key": (RSA_DER, "public key"),
    "SSH": (SSH, "public key"),
    "JWK": (b'{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJX","e":"AQAB"}', "public key"),
    "zeros": (bytes(64), "too few"),
    "two letters": (b"ab" * 32, "too few"),
    "digits": (b"112233445566778899" * 4, "too few"),
    "a repeated word": (b"pAssw0rd-12!" * 4, "repeats"),
    "a repeated word, cut off": ((b"pAssw0rd-12!" * 4)[:40], "repeats"),
    "counting up": (bytes(range(32)), "sequence"),
    "counting down": (bytes(range(200, 136, -1)), "sequence"),
    "the alphabet twice over": (bytes(range(65, 91)) + bytes(range(91, 123)), "sequence"),
    "words": (b"correct horse battery staple again", "words"),
    "words with hyphens": (b"this-is-my-very-secret-signing-key", "words"),
    "words in capitals": (b"CHANGE_ME_BEFORE_GOING_TO_PRODUCTION", "words"),
    "words run together": (b"SuperSecretSigningKeyForThisService123!", "words"),
}


@pytest.mark.parametrize(("secret", "reason"), WEAK_SECRETS.values(), ids=WEAK_SECRETS)
def test_a_weak_secret_is_told_and_does_not_load(secret: bytes, reason: str):
    assert reason in (weak_secret(secret) or "")
    with pytest.raises(ValueError, match=reason) as caught:
        secret_keys({"keys": [{"kty": "oct", "k": base64url.encode(secret)}]}, algorithms=["HS256"])
    assert secret.decode("latin-1") not in str(caught.value)


@given(st.binary(min_size=32, max_size=32))
def test_a_random_secret_is_good_in_every_spelling(seed: bytes):
    octets = secrets.token_bytes(32) if len(set(seed)) < 20 else seed
    for spelling in (octets, octets.hex().encode(), base64url.encode(octets).encode()):
        if weak_secret(spelling) not in (None, "the secret is a sequence", "the secret repeats itself"):
            pytest.fail(f"{weak_secret(spelling)}")


def test_secrets_that_begin_like_der_are_not_taken_for_it():
    tail = bytes.fromhex("8f14e45fceea167a5a36dedd4bea2543c9f0f895fb98ab9159f51fd0297e236d")
    for head in (b"\x30\x59", b"\x30\x2a", b"\x30\x81\x90", b"\x30\x82\x01\x22", b"\x30\xff"):
        assert weak_secret(head + tail) is None


def prime_after(start: int) -> int:
    return next(n for n in count(start | 1, 2) if pow(2, n - 1, n) == 1)


P = prime_after(2**1023 + 0x5DEECE66D0B << 700)
SMALL = 991


def roca_prime(seed: int) -> int:
    """As the broken generator made them: k·M + (65537^a mod M), M the product of the first 126 primes."""
    primes = [n for n in range(2, 702) if all(n % d for d in range(2, int(n**0.5) + 1))]
    product = 1
    for prime in primes[:126]:
        product *= prime
    start = (3 * 2**1022) // product
    residue = pow(65537, seed, product)
    return next(n for k in count(start + seed) if pow(2, (n := k * product + residue) - 1, n) == 1)


WEAK_MODULI = {
    "a small factor": (lambda: SMALL * prime_after(2**2047), "small factor"),
    "a square": (lambda: P * P, "close primes"),
    "two primes side by side": (lambda: P * prime_after(P + 2), "close primes"),
    "ROCA": (lambda: roca_prime(11) * roca_prime(1_234_567), "broken generator"),
}


@pytest.mark.parametrize(("make", "reason"), WEAK_MODULI.values(), ids=WEAK_MODULI)
def test_a_modulus_that_can_be_factored_is_told_and_does_not_load(make, reason: str):
    modulus = make()
    assert reason in (weak_modulus(modulus) or "")
    n = base64url.encode(modulus.to_bytes((modulus.bit_length() + 7) // 8, "big"))
    with pytest.raises(ValueError, match=reason):
        public_keys({"keys": [{"kty": "RSA", "alg": "RS256", "n": n, "e": "AQAB"}]})


def test_a_good_modulus_is_good():
    for name in ("RS256", "PS512"):
        private = SigningKey.generate(name).private
        assert weak_modulus(private.public_key().public_numbers().n) is None  # type: ignore[union-attr]
    assert weak_modulus(P * prime_after(P + 2**900)) is None


@given(st.integers(2, 2**40), st.integers(0, 2**22))
def test_close_primes_are_those_that_a_hundred_steps_find(half: int, distance: int):
    n = (2 * half + 1) * (2 * (half + distance) + 1)
    first = isqrt(n - 1) + 1
    found = any(isqrt(a * a - n) ** 2 == a * a - n for a in range(first, first + 100))
    assert _close_primes(n) == found
