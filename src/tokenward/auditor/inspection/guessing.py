"""Guessing the secret of an HMAC: what anybody who has the token can do, offline and unseen.

The list is of our own gathering: what documentation, templates and debuggers print (`tokens.weak_secrets`,
`tokens.key_lint`), words that people make such secrets of, put together the ways they do, and those encoded
as tools ask for. A list from elsewhere is a file, a secret a line.
"""

import base64
import hashlib
import hmac
from collections.abc import Iterable, Iterator
from itertools import chain, islice, product

from tokenward.auditor.inspection.credential import Jwt
from tokenward.tokens.key_lint import PUBLISHED
from tokenward.tokens.weak_secrets import WEAK_SECRETS

HASHES = {"HS256": "sha256", "HS384": "sha384", "HS512": "sha512"}

_LENGTHS = {"HS256": 32, "HS384": 48, "HS512": 64}  # octets

MOST_HASHED = 1_000_000_000
"""Octets that are hashed for the list of ours: all of it for a token of 8 kB, less for larger ones."""

LONGEST = 1_024
"""Octets of a secret that is tried."""

_WHOSE = ("", "my", "your", "our", "the", "super", "top", "very", "jwt", "app", "auth", "api", "test", "dev",
          "prod", "token", "access", "refresh", "session", "server", "django", "flask", "laravel", "rails",
          "spring", "express", "node",
          "default", "change", "a", "some", "hs256", "hmac", "signing")  # fmt: skip
_WHAT = ("secret", "key", "secretkey", "secret key", "jwt secret", "jwt secret key", "jwt key", "password",
         "token", "token secret", "private key", "signing key", "256 bit secret", "signature", "salt", "me",
         "this", "value", "string", "passphrase", "api key", "auth secret", "app secret", "session secret",
         "encryption key", "random string", "long secret", "access secret", "refresh secret")  # fmt: skip
_JOINED = ("", "-", "_", " ", ".")
_ENDINGS = (
    "",
    "1",
    "12",
    "123",
    "1234",
    "12345",
    "123456",
    "!",
    "!!",
    "@123",
    "2024",
    "2025",
    "2026",
    "here",
)
_SHORT_ENDINGS = ("", "1", "123", "!", "2025")


def list_of_ours() -> Iterator[bytes]:
    """Every secret of the list, once, the likeliest first."""
    return iter(dict.fromkeys(chain(WEAK_SECRETS, sorted(PUBLISHED), _transformed(), _composed())))


def guess(jwt: Jwt, more: Iterable[bytes] = ()) -> bytes | None:
    """The secret with which the token was signed, if it is in the list of ours or in another.

    Args:
        jwt: signed by HMAC; of others nothing is guessed.
        more: secrets to try after those of the list of ours.
    """
    digest = HASHES.get(jwt.alg)
    if digest is None or len(jwt.parts) != 3 or not jwt.signature:
        return None
    signed = f"{jwt.parts[0]}.{jwt.parts[1]}".encode("utf-8", "replace")
    wanted, compute = jwt.signature, hmac.digest
    ours = islice(chain(list_of_ours(), _cut_to(_LENGTHS[jwt.alg])), MOST_HASHED // (len(signed) + 64))
    # Both are known to whoever runs this: nothing is learned from how long a comparison takes.
    for secret in chain(ours, more):
        if compute(secret, signed, digest) == wanted:
            return secret
    return None


def _transformed() -> Iterator[bytes]:
    """Each secret of documentation as tools and people change it."""
    for secret in WEAK_SECRETS:
        yield secret + b"\n"  # what `echo` writes into a file
        yield secret.upper()
        yield secret.capitalize()
        yield secret[::-1]
        yield base64.b64encode(secret)
        yield base64.urlsafe_b64encode(secret).rstrip(b"=")
        yield secret.hex().encode()
        for name in ("md5", "sha1", "sha256"):
            hashed = hashlib.new(name, secret, usedforsecurity=False)
            yield hashed.digest()
            yield hashed.hexdigest().encode()
        for ending in _ENDINGS:
            yield secret + ending.encode()
        yield from _decoded(secret)


def _decoded(secret: bytes) -> Iterator[bytes]:
    """What a library makes of a secret that it takes for base64."""
    bare = secret.rstrip(b"=").translate(bytes.maketrans(b"-_", b"+/"))
    try:
        yield base64.b64decode(bare + b"=" * (-len(bare) % 4), validate=True)
    except ValueError:
        return


def _composed() -> Iterator[bytes]:
    """Words put together: "my-jwt-secret-key", "SuperSecret123", "CHANGE_ME"."""
    for whose, what, joined in product(_WHOSE, _WHAT, _JOINED):
        words = [*whose.split(), *what.split()]
        plain = joined.join(words)
        capitals = joined.join(word.capitalize() for word in words)
        camel = plain[:1] + capitals[1:]
        for form in dict.fromkeys((plain, plain.upper(), capitals, camel)):
            for ending in _SHORT_ENDINGS:
                yield (form + ending).encode()


def _cut_to(length: int) -> Iterator[bytes]:
    """Secrets that were made as long as the algorithm wants: repeated, or filled up.

    Not with zeros: HMAC does that itself, so that a secret and the same with zeros behind it are one.
    """
    for secret in WEAK_SECRETS:
        if secret:
            yield (secret * (length // len(secret) + 1))[:length]
            for filling in (b"0", b" ", b"=", b"x", b"a", b"1"):
                if len(secret) < length:
                    yield secret.ljust(length, filling)
    for octet in range(1, 256):
        yield bytes([octet]) * length
