"""Keys that have the right size and are worthless all the same: what a look at the key alone can tell.

Not told: moduli that share a prime with somebody else's, and the keys of Debian's broken generator of 2008;
both need lists that are larger than this program.
"""

import re
from functools import cache
from itertools import pairwise
from math import gcd, isqrt, prod

from tokenward.tokens import base64url

# RFC 8725 §3.5 asks for entropy. These pass every length check, and are printed in documentation that people
# copy: RFC 7515 A.1, RFC 7520 §3.5, the placeholders of well-known debuggers and tutorials.
_TEXTS = (
    "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow",
    "hJtXIZ2uSN5kbQfbtTNWbpdmhkV8FJG-Onbc6mxCcYg",
    "a-string-secret-at-least-256-bits-long",
    "a-valid-string-secret-that-is-at-least-384-bits-long",
    "a-valid-string-secret-that-is-at-least-512-bits-long-which-is-very-long",
    "your-256-bit-secret-your-256-bit-secret",
    # tokenward:allow reason=FastAPI's documentation prints it
    "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7",
)
PUBLISHED = frozenset(
    [text.encode() for text in _TEXTS]
    + [base64url.decode(text) for text in _TEXTS[:2]]
    + [bytes.fromhex(_TEXTS[-1])]
)
"""Secrets that anybody can look up, as octets."""

# Beginnings of what is public by nature: PEM, JWK, SSH.
_PUBLIC = re.compile(rb"\s*(?:-----BEGIN |\{\s*\"|ssh-|ecdsa-sha2-)")
# Words side by side, in small letters, capitals or capitalised, perhaps with a few digits after them.
_WORDS = re.compile(rb"(?:[\s_.-]?(?:[A-Z]?[a-z]{2,}+|[A-Z]{2,}+))+[0-9!?.]{0,6}")
_MIN_DISTINCT = 10  # a random secret of 32 octets has 30 different ones, of 64 hexadecimal digits 15 or 16


def weak_secret(secret: bytes) -> str | None:
    """Why a secret of sufficient length is no secret, or None."""
    if secret in PUBLISHED or secret.strip() in PUBLISHED:
        return "the secret is printed in public documentation"
    if _PUBLIC.match(secret) or _is_der_sequence(secret):
        return "the secret looks like a public key or certificate"
    if len(set(secret)) < _MIN_DISTINCT:
        return "the secret has too few different octets to be random"
    if any(secret[step:] == secret[:-step] for step in range(1, len(secret) // 2 + 1)):
        return "the secret repeats itself"
    steps = {(after - before) % 256 for before, after in pairwise(secret)}
    if len(steps) == 1:
        return "the secret is a sequence"
    if _WORDS.fullmatch(secret):
        return "the secret is made of words, not of random octets"
    return None


def _is_der_sequence(octets: bytes) -> bool:
    """Whether it is one as a whole, as a SubjectPublicKeyInfo or a certificate is (X.690 §8.1.3)."""
    if octets[0] != 0x30:
        return False
    if octets[1] < 0x80:
        return len(octets) == 2 + octets[1]
    head = 2 + octets[1] - 0x80
    return len(octets) == head + int.from_bytes(octets[2:head], "big")


def weak_modulus(n: int) -> str | None:
    """Why an RSA modulus of sufficient size can be factored, or None."""
    if gcd(n, _small_primes()) != 1:
        return "the RSA modulus has a small factor"
    if _close_primes(n):
        return "the RSA modulus is the product of close primes"
    if all(n % prime in powers for prime, powers in _roca()):
        return "the RSA key was made by a broken generator (ROCA, CVE-2017-15361)"
    return None


@cache
def _small_primes() -> int:
    return prod(n for n in range(2, 1000) if all(n % d for d in range(2, isqrt(n) + 1)))


def _close_primes(n: int) -> bool:
    """A hundred steps of Fermat's method, which is what it took for CVE-2022-26320."""
    first = isqrt(n - 1) + 1
    near_first, near_n = first % _SIGHT, n % _SIGHT
    for step in range(100):
        # Roots of thousands of bits are slow, and 24 of 25 numbers are no square at sight.
        if ((near_first + step) ** 2 - near_n) % _SIGHT in _squares():
            rest = (first + step) ** 2 - n
            if isqrt(rest) ** 2 == rest:
                return True
    return False


_SIGHT = 16 * 9 * 5 * 7


@cache
def _squares() -> frozenset[int]:
    return frozenset(n * n % _SIGHT for n in range(_SIGHT))


@cache
def _roca() -> tuple[tuple[int, frozenset[int]], ...]:
    """The primes modulo which such a key is a power of 65537, and those powers (Nemec et al., CCS 2017)."""
    rows = []
    for prime in (p for p in range(3, 168) if all(p % d for d in range(2, p))):
        powers, power = {1}, 65537 % prime
        while power not in powers:
            powers.add(power)
            power = power * 65537 % prime
        if len(powers) < prime - 1:
            rows.append((prime, frozenset(powers)))
    return tuple(rows)
