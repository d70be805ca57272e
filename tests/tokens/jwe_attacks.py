"""Hostile JWEs as data: how each is forged, and the code under which it must be refused.

The cryptography is done by hand, and is good for whatever header it is asked for, so that a JWE is refused
for what the row names and for nothing else.
"""

import json
import os
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.asymmetric import ec, padding, x25519
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.kdf.concatkdf import ConcatKDFHash
from cryptography.hazmat.primitives.keywrap import aes_key_wrap

from tokens.attacks import ABSENT, Kit, b64, compact
from tokenward.tokens.encryption_keys import DecryptionKey
from tokenward.tokens.jwe import encrypt, encrypt_nested


@dataclass
class Vault:
    """The recipient's keys, one of each kind, and ways to make JWEs for them."""

    kit: Kit = field(default_factory=Kit)
    ec: DecryptionKey = field(default_factory=lambda: DecryptionKey.generate("ECDH-ES", kid="ec"))
    wrap: DecryptionKey = field(default_factory=lambda: DecryptionKey.generate("ECDH-ES+A256KW", kid="wrap"))
    x: DecryptionKey = field(
        default_factory=lambda: DecryptionKey("x", "ECDH-ES", x25519.X25519PrivateKey.generate())
    )
    rsa: DecryptionKey = field(default_factory=lambda: DecryptionKey.generate("RSA-OAEP-256", kid="rsa"))
    dir: DecryptionKey = field(default_factory=lambda: DecryptionKey.generate("dir", kid="dir"))
    cbc: DecryptionKey = field(default_factory=lambda: DecryptionKey("cbc", "dir", os.urandom(64)))

    @property
    def keys(self) -> list[DecryptionKey]:
        return [self.ec, self.wrap, self.x, self.rsa, self.dir, self.cbc]

    def header(self, key: DecryptionKey, **changes: Any) -> dict[str, Any]:
        enc = "A256CBC-HS512" if key is self.cbc else "A256GCM"
        members = {"alg": key.algorithm, "enc": enc, "kid": key.kid, "cty": "JWT"} | changes
        return {name: value for name, value in members.items() if value is not ABSENT}

    def sealed(
        self, header: object, content: bytes, cek: bytes, encrypted_key: bytes = b"", *, iv: int = 12
    ) -> str:
        """A JWE in A256GCM whose tag is good for whatever stands in its header."""
        head, nonce = b64(compact(header)), os.urandom(iv)
        sealed = AESGCM(cek).encrypt(nonce, content, head.encode())
        return join(head, encrypted_key, nonce, sealed[:-16], sealed[-16:])

    def direct(self, content: bytes | None = None, **changes: Any) -> str:
        return self.sealed(self.header(self.dir, **changes), content or self.jwt, self.dir.key)  # type: ignore[arg-type]

    def raw(self, header: bytes) -> str:
        return self.sealed(header, self.jwt, self.dir.key)  # type: ignore[arg-type]

    def agreed(self, key: DecryptionKey, epk: object, shared: bytes, **changes: Any) -> str:
        """ECDH-ES with an agreed secret and a public point that need not belong together."""
        header = self.header(key, epk=epk, **changes)
        return self.sealed(header, self.jwt, derived(shared, "A256GCM"))

    def cut(self, *, content: bytes | None = None, pad: bytes | None = None, tag: int = 32) -> str:
        """`dir` with A256CBC-HS512: any padding, and as much of a good tag as is asked for."""
        head, iv = b64(compact(self.header(self.cbc))), os.urandom(16)
        text = content or self.jwt
        last = 16 - len(text) % 16
        encryptor = Cipher(AES(self.cbc.key[32:]), CBC(iv)).encryptor()  # type: ignore[index]
        ciphertext = encryptor.update(text + (bytes([last]) * last if pad is None else pad))
        mac = hmac.HMAC(self.cbc.key[:32], hashes.SHA512())  # type: ignore[index]
        mac.update(head.encode() + iv + ciphertext + (len(head) * 8).to_bytes(8, "big"))
        return join(head, b"", iv, ciphertext, mac.finalize()[:tag])

    @property
    def jwt(self) -> bytes:
        return self.kit.token().encode()

    @property
    def nested(self) -> str:
        return encrypt_nested(self.kit.token(), self.dir.encryption_key())


def join(head: str, *octets: bytes) -> str:
    return ".".join([head, *map(b64, octets)])


def derived(shared: bytes, algorithm: str) -> bytes:
    """The Concat KDF of RFC 7518 §4.6.2, without party information, 256 bits."""
    other = len(algorithm).to_bytes(4, "big") + algorithm.encode() + bytes(8) + (256).to_bytes(4, "big")
    return ConcatKDFHash(hashes.SHA256(), 32, other).derive(shared)


def point(key: Any) -> dict[str, str]:
    return {
        name: value
        for name, value in DecryptionKey("-", "ECDH-ES", key).public_jwk().items()
        if name in {"kty", "crv", "x", "y"}
    }


EPHEMERAL = ec.generate_private_key(ec.SECP256R1())


def _agreed(**changes: Any) -> Callable[[Vault], str]:
    """A good ECDH-ES token but for what is changed in its header."""

    def forge(vault: Vault) -> str:
        shared = EPHEMERAL.exchange(ec.ECDH(), vault.ec.encryption_key().key)  # type: ignore[arg-type]
        return vault.agreed(vault.ec, **({"epk": point(EPHEMERAL), "shared": shared} | changes))

    return forge


def _header(**changes: Any) -> Callable[[Vault], str]:
    return lambda vault: vault.direct(**changes)


def _part(index: int, change: Callable[[str], str]) -> Callable[[Vault], str]:
    def forge(vault: Vault) -> str:
        parts = vault.nested.split(".")
        parts[index] = change(parts[index])
        return ".".join(parts)

    return forge


def _rsa1_5(vault: Vault) -> str:
    cek = os.urandom(32)
    encrypted_key = vault.rsa.encryption_key().key.encrypt(cek, padding.PKCS1v15())  # type: ignore[union-attr]
    return vault.sealed(vault.header(vault.rsa, alg="RSA1_5"), vault.jwt, cek, encrypted_key)


def _oaep(
    cek: bytes, content_key: bytes, hash_: hashes.HashAlgorithm | None = None
) -> Callable[[Vault], str]:
    def forge(vault: Vault) -> str:
        chosen = hash_ or hashes.SHA256()
        pad = padding.OAEP(padding.MGF1(chosen), chosen, None)
        encrypted_key = vault.rsa.encryption_key().key.encrypt(cek, pad)  # type: ignore[union-attr]
        return vault.sealed(vault.header(vault.rsa), vault.jwt, content_key, encrypted_key)

    return forge


def _wrapped(cek: bytes, content_key: bytes) -> Callable[[Vault], str]:
    def forge(vault: Vault) -> str:
        shared = EPHEMERAL.exchange(ec.ECDH(), vault.wrap.encryption_key().key)  # type: ignore[arg-type]
        encrypted_key = aes_key_wrap(derived(shared, "ECDH-ES+A256KW"), cek)
        header = vault.header(vault.wrap, epk=point(EPHEMERAL))
        return vault.sealed(header, vault.jwt, content_key, encrypted_key)

    return forge


def _agreement_with_key(vault: Vault) -> str:
    head, _, *rest = _agreed()(vault).split(".")
    return ".".join([head, b64(b"x"), *rest])


def _nested_deep(depth: int) -> Callable[[Vault], str]:
    def forge(vault: Vault) -> str:
        token = vault.nested
        for _ in range(depth):
            token = vault.direct(token.encode())
        return token

    return forge


def _plain_jwt(vault: Vault) -> bytes:
    return f"{b64(compact({'alg': 'none', 'typ': 'at+jwt'}))}.{b64(compact(vault.kit.claims()))}.".encode()


def _unsigned(vault: Vault) -> str:
    return vault.direct(_plain_jwt(vault))


def _deflated(vault: Vault) -> str:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return vault.direct(packer.compress(b"A" * 10_000_000) + packer.flush(), zip="DEF")


X25519_SMALL = [bytes(32), b"\x01" + bytes(31), (2**255 - 20).to_bytes(32, "little")]


def _x25519(octets: bytes) -> Callable[[Vault], str]:
    epk = {"kty": "OKP", "crv": "X25519", "x": b64(octets)}
    return lambda vault: vault.agreed(vault.x, epk, bytes(32))


@dataclass(frozen=True)
class Attack:
    """One row: the catalogue's line, a name, how to forge it, and the code that must refuse it."""

    line: str
    name: str
    code: str
    forge: Callable[[Vault], object]


_P256 = {"kty": "EC", "crv": "P-256"}
_ZERO = {"x": b64(bytes(32)), "y": b64(bytes(32))}
# On the curve y² = x³ - 3x + 1, which is not P-256 and has points of small order (RFC 8725 §3.4).
_ELSEWHERE = {"x": b64(bytes(32)), "y": b64(bytes(31) + b"\x01")}

ATTACKS: tuple[Attack, ...] = (
    Attack("E01", "a signed JWT that nobody encrypted", "not_encrypted", lambda v: v.kit.token()),
    Attack("E01", "octets that the public key encrypted", "not_nested",
           lambda v: encrypt(compact(v.kit.claims()), v.ec.encryption_key())),
    Attack("E01", "claims that the public key encrypted, called a JWT", "not_nested",
           lambda v: v.direct(compact(v.kit.claims()))),
    Attack("E02", "alg none inside", "not_nested", _unsigned),
    Attack("E02", "alg none inside with a signature", "not_nested",
           lambda v: v.direct(_plain_jwt(v) + b"AAAA")),
    Attack("E03", "a bomb: 10 MB in 10 kB", "header_refused", _deflated),
    Attack("E03", "zip of nothing", "header_refused", _header(zip="")),
    *(Attack("E04", f"PBES2 with p2c {p2c}", "header_refused",
             _header(alg="PBES2-HS256+A128KW", p2s="AA", p2c=p2c))
      for p2c in (2**31 - 1, 0, -1, 1.5)),
    Attack("E04", "PBES2 alone", "algorithm_refused", _header(alg="PBES2-HS256+A128KW")),
    Attack("E05", "RSA1_5", "algorithm_refused", _rsa1_5),
    Attack("E05", "RSA-OAEP with SHA-1", "decryption_failed", _oaep(bytes(32), bytes(32), hashes.SHA1())),
    Attack("E05", "an encrypted key of nothing", "decryption_failed",
           lambda v: v.sealed(v.header(v.rsa), v.jwt, bytes(32), bytes(384))),
    Attack("E05", "an encrypted key beyond the modulus", "decryption_failed",
           lambda v: v.sealed(v.header(v.rsa), v.jwt, bytes(32), b"\xff" * 384)),
    Attack("E05", "an encrypted key that is too short", "decryption_failed",
           lambda v: v.sealed(v.header(v.rsa), v.jwt, bytes(32), b"\x01" * 383)),
    Attack("E06", "epk off the curve", "decryption_failed", _agreed(epk=_P256 | _ELSEWHERE)),
    Attack("E06", "epk zero", "decryption_failed", _agreed(epk=_P256 | _ZERO, shared=bytes(32))),
    Attack("E06", "epk at infinity", "decryption_failed",
           _agreed(epk=_P256 | {"x": "", "y": ""}, shared=bytes(32))),
    Attack("E06", "epk of another curve", "decryption_failed",
           _agreed(epk=point(EPHEMERAL) | {"crv": "P-384"})),
    Attack("E06", "epk of another type", "decryption_failed",
           _agreed(epk={"kty": "OKP", "crv": "X25519", "x": b64(b"\x09" + bytes(31))})),
    *(Attack("E06", f"X25519 epk of small order {n}", "decryption_failed", _x25519(octets))
      for n, octets in enumerate(X25519_SMALL)),
    Attack("E06", "P-256 epk for an X25519 key", "decryption_failed",
           lambda v: v.agreed(v.x, point(EPHEMERAL), bytes(32))),
    Attack("E06", "epk with its private half", "header_refused",
           _agreed(epk=point(EPHEMERAL) | {"d": b64(bytes(32))})),
    Attack("E06", "epk that names a key", "header_refused", _agreed(epk=point(EPHEMERAL) | {"kid": "ec"})),
    Attack("E06", "epk a text", "header_type", _agreed(epk="AAAA")),
    Attack("E06", "epk missing", "header_type", _agreed(epk=ABSENT)),
    Attack("E06", "epk not canonical", "decryption_failed",
           _agreed(epk=point(EPHEMERAL) | {"x": point(EPHEMERAL)["x"] + "="})),
    Attack("E06", "epk without agreement", "header_refused", _header(epk=point(EPHEMERAL))),
    Attack("E07", "a tag of 32 bits", "decryption_failed", _part(4, lambda tag: b64(bytes(4)))),
    Attack("E07", "no tag", "decryption_failed", _part(4, lambda _: "")),
    Attack("E07", "another tag", "decryption_failed", _part(4, lambda _: b64(bytes(16)))),
    Attack("E07", "an iv of 16 octets", "decryption_failed",
           lambda v: v.sealed(v.header(v.dir), v.jwt, v.dir.key, iv=16)),
    Attack("E07", "an iv of 8 octets", "decryption_failed",
           lambda v: v.sealed(v.header(v.dir), v.jwt, v.dir.key, iv=8)),
    Attack("E07", "no iv", "decryption_failed", _part(2, lambda _: "")),
    Attack("E07", "dir with a key", "decryption_failed",
           lambda v: v.sealed(v.header(v.dir), v.jwt, v.dir.key, bytes(32))),
    Attack("E07", "agreement with a key", "decryption_failed", _agreement_with_key),
    Attack("E07", "wrapping without a key", "decryption_failed",
           lambda v: v.sealed(v.header(v.wrap, epk=point(EPHEMERAL)), v.jwt, bytes(32))),
    Attack("E07", "a wrapped key of one block", "decryption_failed",
           lambda v: v.sealed(v.header(v.wrap, epk=point(EPHEMERAL)), v.jwt, bytes(32), bytes(8))),
    Attack("E07", "a changed ciphertext", "decryption_failed", _part(3, lambda text: b64(bytes(9)) + text)),
    Attack("E07", "no ciphertext", "decryption_failed", _part(3, lambda _: "")),
    Attack("E08", "bad padding under a good tag", "decryption_failed",
           lambda v: v.cut(content=b"A" * 16, pad=bytes(16))),
    Attack("E08", "a CBC tag of 16 octets", "decryption_failed", lambda v: v.cut(tag=16)),
    Attack("E08", "half a CBC block", "decryption_failed",
           lambda v: ".".join([*v.cut().split(".")[:3], b64(bytes(24)), b64(bytes(32))])),
    Attack("E08", "enc swapped for a shorter one", "decryption_failed",
           _header(enc="A128GCM")),
    Attack("E08", "a content key of 16 octets for A256GCM", "decryption_failed", _oaep(bytes(16), bytes(16))),
    Attack("E08", "a content key of 64 octets for A256GCM", "decryption_failed", _oaep(bytes(64), bytes(32))),
    Attack("E08", "a wrapped key of 16 octets for A256GCM", "decryption_failed",
           _wrapped(bytes(16), bytes(16))),
    Attack("E08", "ten deep", "not_nested", _nested_deep(10)),
    Attack("E08", "two deep", "not_nested", _nested_deep(1)),
    Attack("E08", "cty missing", "not_nested", _header(cty=ABSENT)),
    Attack("E08", "cty of something else", "not_nested", _header(cty="json")),
    Attack("E08", "alg of another key", "wrong_algorithm_for_key", _header(kid="ec")),
    # What the rules for signatures refuse, in a header of five parts.
    *(Attack("header", f"{name} in the header", "header_refused", _header(**{name: value}))
      for name, value in {
          "crit": ["exp"], "b64": False, "jku": "https://x.example", "jwk": {}, "x5u": "https://x.example",
          "x5c": [], "x5t": "AA", "x5t#S256": "AA", "p2s": "AA", "p2c": 1000, "iv": "AA", "tag": "AA",
          "iss": "x", "skid": "x",
      }.items()),
    Attack("header", "apu without agreement", "header_refused", _header(apu="AA")),
    Attack("header", "apu not canonical", "bad_base64", _agreed(apu="AB")),
    Attack("header", "apv a number", "header_type", _agreed(apv=1)),
    Attack("header", "apv far too long", "header_type", _agreed(apv="A" * 300)),
    *(Attack("header", f"{name} {value!r}", "header_type", _header(**{name: value}))
      for name in ("alg", "enc", "kid", "typ", "cty") for value in (None, 1, "", [], {}, "x" * 257)),
    Attack("header", "no alg", "header_type", _header(alg=ABSENT)),
    Attack("header", "no enc", "header_type", _header(enc=ABSENT)),
    Attack("header", "alg none", "algorithm_refused", _header(alg="none")),
    Attack("header", "alg of a signature", "algorithm_refused", _header(alg="ES256")),
    Attack("header", "alg in small letters", "algorithm_refused", _header(alg="DIR")),
    Attack("header", "A256GCMKW", "algorithm_refused", _header(alg="A256GCMKW")),
    Attack("header", "an enc that nobody knows", "encryption_refused", _header(enc="A192GCM")),
    Attack("header", "alg as enc", "encryption_refused", _header(enc="dir")),
    Attack("header", "another kid", "unknown_key", _header(kid="DIR")),
    Attack("header", "kid as a path", "unknown_key", _header(kid="../../dev/null")),
    Attack("header", "no kid and two keys", "no_kid", _header(kid=ABSENT)),
    Attack("header", "alg twice", "bad_json",
           lambda v: v.raw(b'{"alg":"dir","alg":"dir","enc":"A256GCM","kid":"dir","cty":"JWT"}')),
    Attack("header", "an array", "bad_json", lambda v: v.raw(b"[]")),
    Attack("header", "UTF-16", "bad_json",
           lambda v: v.raw(json.dumps(v.header(v.dir)).encode("utf-16"))),
    Attack("form", "four parts", "not_encrypted", lambda v: v.nested.rpartition(".")[0]),
    Attack("form", "six parts", "not_encrypted", lambda v: v.nested + "."),
    Attack("form", "a million dots", "too_large", lambda _: "." * 1_000_000),
    Attack("form", "dots", "not_encrypted", lambda _: "." * 30_000),
    Attack("form", "five parts of nothing", "bad_json", lambda _: "...."),
    Attack("form", "JSON serialization", "not_encrypted",
           lambda v: json.dumps({"protected": v.nested.split(".")[0], "ciphertext": "AA", "tag": "AA"})),
    Attack("form", "too long", "too_large", lambda v: v.nested + "A" * 40_000),
    Attack("form", "a header too long", "too_large", _header(apu="A" * 3000)),
    Attack("form", "padding", "bad_base64", _part(4, lambda tag: tag + "==")),
    Attack("form", "a line break", "bad_base64", _part(3, lambda text: text[:4] + "\n" + text[4:])),
    Attack("form", "another alphabet", "bad_base64", _part(4, lambda tag: "+/" + tag[2:])),
    Attack("form", "stray trailing bits", "bad_base64", _part(4, lambda tag: tag[:-1] + "_")),
    Attack("form", "a lone surrogate", "bad_base64", _part(4, lambda tag: tag[:-1] + "\ud800")),
    Attack("form", "octets", "malformed", lambda v: v.nested.encode()),
    Attack("form", "str subclass", "malformed", lambda v: type("Text", (str,), {})(v.nested)),
    Attack("form", "nothing", "malformed", lambda _: None),
    Attack("form", "an empty text", "not_encrypted", lambda _: ""),
)  # fmt: skip

# Well-formed in every way; only the cryptography can refuse these.
CRYPTOGRAPHIC = {
    "RSA-OAEP with SHA-1",
    "an encrypted key of nothing",
    "an encrypted key beyond the modulus",
    "another tag",
    "a changed ciphertext",
    "no ciphertext",
    "bad padding under a good tag",
    "half a CBC block",
    "a content key of 16 octets for A256GCM",
    "a content key of 64 octets for A256GCM",
}
