"""What hostile JWEs are made with: a recipient's keys, and the cryptography by hand.

It is good for whatever header it is asked for, so that a JWE is refused for what its row names and for
nothing else.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, x25519
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.kdf.concatkdf import ConcatKDFHash

from tokenward.auditor.attacks.kit import Kit, b64, changed, compact
from tokenward.base.entropy import random_bytes
from tokenward.tokens.encryption_keys import DecryptionKey
from tokenward.tokens.jwe import encrypt_nested


@dataclass(frozen=True, slots=True)
class Recipient:
    """Whoever the JWEs are for: a key of each kind."""

    agreeing: ec.EllipticCurvePrivateKey
    wrapping: ec.EllipticCurvePrivateKey
    montgomery: x25519.X25519PrivateKey
    unwrapping: rsa.RSAPrivateKey
    shared: bytes
    shared_cbc: bytes
    ephemeral: ec.EllipticCurvePrivateKey


@cache
def recipient() -> Recipient:
    """The one of this process."""
    return Recipient(
        agreeing=ec.generate_private_key(ec.SECP256R1()),
        wrapping=ec.generate_private_key(ec.SECP256R1()),
        montgomery=x25519.X25519PrivateKey.generate(),
        unwrapping=rsa.generate_private_key(public_exponent=65537, key_size=2048),
        shared=random_bytes(32),
        shared_cbc=random_bytes(64),
        ephemeral=ec.generate_private_key(ec.SECP256R1()),
    )


@dataclass(frozen=True, slots=True)
class Vault:
    """The recipient's keys beside a kit, and ways to make JWEs for them."""

    kit: Kit

    @property
    def ec(self) -> DecryptionKey:
        """ECDH-ES on P-256."""
        return DecryptionKey("ec", "ECDH-ES", recipient().agreeing)

    @property
    def wrap(self) -> DecryptionKey:
        """ECDH-ES+A256KW on P-256."""
        return DecryptionKey("wrap", "ECDH-ES+A256KW", recipient().wrapping)

    @property
    def x(self) -> DecryptionKey:
        """ECDH-ES on X25519."""
        return DecryptionKey("x", "ECDH-ES", recipient().montgomery)

    @property
    def rsa(self) -> DecryptionKey:
        """RSA-OAEP-256."""
        return DecryptionKey("rsa", "RSA-OAEP-256", recipient().unwrapping)

    @property
    def dir(self) -> DecryptionKey:
        """A shared key for A256GCM."""
        return DecryptionKey("dir", "dir", recipient().shared)

    @property
    def cbc(self) -> DecryptionKey:
        """A shared key for A256CBC-HS512."""
        return DecryptionKey("cbc", "dir", recipient().shared_cbc)

    @property
    def keys(self) -> list[DecryptionKey]:
        """All of them."""
        return [self.ec, self.wrap, self.x, self.rsa, self.dir, self.cbc]

    @property
    def jwt(self) -> bytes:
        """The good token, which is what is inside."""
        return self.kit.good.encode()

    @property
    def nested(self) -> str:
        """A good JWE around it."""
        return encrypt_nested(self.kit.good, self.dir.encryption_key())

    def header(self, key: DecryptionKey, **changes: object) -> dict[str, Any]:
        """A good header with changes; `ABSENT` takes a parameter away."""
        enc = "A256CBC-HS512" if key.kid == "cbc" else "A256GCM"
        return changed({"alg": key.algorithm, "enc": enc, "kid": key.kid, "cty": "JWT"}, changes)

    def sealed(
        self, header: object, content: bytes, cek: bytes, encrypted_key: bytes = b"", *, iv: int = 12
    ) -> str:
        """A JWE in A256GCM whose tag is good for whatever stands in its header; `iv` in octets."""
        head, nonce = b64(compact(header)), random_bytes(iv)
        sealed = AESGCM(cek).encrypt(nonce, content, head.encode())
        return join(head, encrypted_key, nonce, sealed[:-16], sealed[-16:])

    def direct(self, content: bytes | None = None, **changes: object) -> str:
        """`dir` around the good token, or around `content`, with changes to the header."""
        return self.sealed(self.header(self.dir, **changes), content or self.jwt, recipient().shared)

    def raw(self, header: bytes) -> str:
        """`dir` under a header of any octets."""
        return self.sealed(header, self.jwt, recipient().shared)

    def agreed(self, key: DecryptionKey, epk: object, shared: bytes, **changes: object) -> str:
        """ECDH-ES with an agreed secret and a public point that need not belong together."""
        header = self.header(key, epk=epk, **changes)
        return self.sealed(header, self.jwt, derived(shared, "A256GCM"))

    def cut(self, *, content: bytes | None = None, pad: bytes | None = None, tag: int = 32) -> str:
        """`dir` with A256CBC-HS512: any padding, and as much of a good tag as is asked for, in octets."""
        head, iv, key = b64(compact(self.header(self.cbc))), random_bytes(16), recipient().shared_cbc
        text = content or self.jwt
        last = 16 - len(text) % 16
        encryptor = Cipher(AES(key[32:]), CBC(iv)).encryptor()
        ciphertext = encryptor.update(text + (bytes([last]) * last if pad is None else pad))
        mac = hmac.HMAC(key[:32], hashes.SHA512())
        mac.update(head.encode() + iv + ciphertext + (len(head) * 8).to_bytes(8, "big"))
        return join(head, b"", iv, ciphertext, mac.finalize()[:tag])


def join(head: str, *octets: bytes) -> str:
    """The five parts: the encoded header, and octets."""
    return ".".join([head, *map(b64, octets)])


def derived(shared: bytes, algorithm: str) -> bytes:
    """The Concat KDF of RFC 7518 §4.6.2, without party information, 256 bits."""
    other = len(algorithm).to_bytes(4, "big") + algorithm.encode() + bytes(8) + (256).to_bytes(4, "big")
    return bytes(ConcatKDFHash(hashes.SHA256(), 32, other).derive(shared))


def point() -> dict[str, str]:
    """The ephemeral public point, as it stands in a header."""
    jwk = DecryptionKey("-", "ECDH-ES", recipient().ephemeral).public_jwk()
    return {name: value for name, value in jwk.items() if name in {"kty", "crv", "x", "y"}}


def agreement(private: ec.EllipticCurvePrivateKey) -> bytes:
    """What the ephemeral key and the recipient's agree on."""
    return recipient().ephemeral.exchange(ec.ECDH(), private.public_key())


def wrapped_for_rsa(cek: bytes, pad: padding.AsymmetricPadding) -> bytes:
    """A content key for the recipient's RSA key."""
    return recipient().unwrapping.public_key().encrypt(cek, pad)


Forge = Callable[[Vault], object]
