"""Family E, tokens that are encrypted: for the validator of encrypted tokens, around the good token."""

import json
import zlib
from collections.abc import Callable, Mapping
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.keywrap import aes_key_wrap

from tokenward.auditor.attacks.kit import ABSENT, b64, compact
from tokenward.auditor.attacks.table import Attack, Part, bare, control, entry, shown_to
from tokenward.auditor.attacks.vault import (
    Forge,
    Vault,
    agreement,
    derived,
    point,
    recipient,
    wrapped_for_rsa,
)
from tokenward.tokens.jwe import encrypt


def _row(name: str, code: str, forge: Forge) -> Part[Attack]:
    return bare(name, code, lambda kit: forge(Vault(kit)))


def _agreed(**changes: object) -> Callable[[Vault], str]:
    """A good ECDH-ES token but for what is changed in its header."""

    def forge(vault: Vault) -> str:
        good = {"epk": point, "shared": agreement(recipient().agreeing)}
        return vault.agreed(vault.ec, **_now(good | changes))

    return forge


def _now(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Values that are functions are called: no key is made before a token is forged."""
    return {name: value() if callable(value) else value for name, value in changes.items()}


def _header(**changes: object) -> Callable[[Vault], str]:
    return lambda vault: vault.direct(**_now(changes))


def _part(index: int, change: Callable[[str], str]) -> Callable[[Vault], str]:
    def forge(vault: Vault) -> str:
        parts = vault.nested.split(".")
        parts[index] = change(parts[index])
        return ".".join(parts)

    return forge


def _rsa1_5(vault: Vault) -> str:
    header = vault.header(vault.rsa, alg="RSA1_5")
    return vault.sealed(header, vault.jwt, bytes(32), wrapped_for_rsa(bytes(32), padding.PKCS1v15()))


def _oaep(
    cek: bytes, content_key: bytes, hash_: hashes.HashAlgorithm | None = None
) -> Callable[[Vault], str]:
    def forge(vault: Vault) -> str:
        chosen = hash_ or hashes.SHA256()
        pad = padding.OAEP(padding.MGF1(chosen), chosen, None)
        return vault.sealed(vault.header(vault.rsa), vault.jwt, content_key, wrapped_for_rsa(cek, pad))

    return forge


def _wrapped(cek: bytes, content_key: bytes) -> Callable[[Vault], str]:
    def forge(vault: Vault) -> str:
        shared = agreement(recipient().wrapping)
        encrypted_key = aes_key_wrap(derived(shared, "ECDH-ES+A256KW"), cek)
        header = vault.header(vault.wrap, epk=point())
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


_X25519_SMALL = [bytes(32), b"\x01" + bytes(31), (2**255 - 20).to_bytes(32, "little")]


def _x25519(octets: bytes) -> Callable[[Vault], str]:
    epk = {"kty": "OKP", "crv": "X25519", "x": b64(octets)}
    return lambda vault: vault.agreed(vault.x, epk, bytes(32))


_NO_TEXT: dict[str, Any] = {
    "null": None,
    "a number": 1,
    "empty": "",
    "an array": [],
    "an object": {},
    "far too long": "x" * 257,
}
_P256 = {"kty": "EC", "crv": "P-256"}
_ZERO = {"x": b64(bytes(32)), "y": b64(bytes(32))}
# On the curve y² = x³ - 3x + 1, which is not P-256 and has points of small order (RFC 8725 §3.4).
_ELSEWHERE = {"x": b64(bytes(32)), "y": b64(bytes(31) + b"\x01")}


ENCRYPTED: tuple[Attack, ...] = shown_to(
    "jwe",
    (
        control("E", "a JWE around the good token", lambda kit: Vault(kit).nested, needs=False),
        control("E", "a JWE in A256CBC-HS512", lambda kit: Vault(kit).cut(), needs=False),
        *entry(
            "E11",
            "Encrypted by anybody",
            "Whoever has a public key can encrypt: without a signature inside, nobody has said anything.",
            "RFC 7519 §11.2; RFC 8725 §3.1; CVE-2022-3102; CVE-2023-51774; CVE-2026-29000",
            _row("a signed JWT that nobody encrypted", "not_encrypted", lambda v: v.kit.good),
            _row(
                "octets that the public key encrypted",
                "not_nested",
                lambda v: encrypt(compact(v.kit.claims()), v.ec.encryption_key()),
            ),
            _row(
                "claims that the public key encrypted, called a JWT",
                "not_nested",
                lambda v: v.direct(compact(v.kit.claims())),
            ),
            _row("alg none inside", "not_nested", _unsigned),
            _row(
                "alg none inside with a signature", "not_nested", lambda v: v.direct(_plain_jwt(v) + b"AAAA")
            ),
        ),
        *entry(
            "E03",
            "Compressed",
            "A few octets that become a great many.",
            "RFC 8725 §3.6; CVE-2024-28102; CVE-2024-33664",
            _row("a bomb: 10 MB in 10 kB", "header_refused", _deflated),
            _row("zip of nothing", "header_refused", _header(zip="")),
        ),
        *entry(
            "E04",
            "Password-based",
            "The token chooses how long the recipient computes.",
            "RFC 7518 §4.8; RFC 8725 §3.5",
            *(
                _row(
                    f"PBES2 with p2c {p2c}",
                    "header_refused",
                    _header(alg="PBES2-HS256+A128KW", p2s="AA", p2c=p2c),
                )
                for p2c in (2**31 - 1, 0, -1, 1.5)
            ),
            _row("PBES2 alone", "algorithm_refused", _header(alg="PBES2-HS256+A128KW")),
        ),
        *entry(
            "E05",
            "RSA encryption",
            "Padding that answers questions about the content key, or an encrypted key that is none.",
            "RFC 8725 §3.2; RFC 7516 §11.5",
            _row("RSA1_5", "algorithm_refused", _rsa1_5),
            _row("RSA-OAEP with SHA-1", "decryption_failed", _oaep(bytes(32), bytes(32), hashes.SHA1())),  # noqa: S303 - what is wrong
            _row(
                "an encrypted key of nothing",
                "decryption_failed",
                lambda v: v.sealed(v.header(v.rsa), v.jwt, bytes(32), bytes(256)),
            ),
            _row(
                "an encrypted key beyond the modulus",
                "decryption_failed",
                lambda v: v.sealed(v.header(v.rsa), v.jwt, bytes(32), b"\xff" * 256),
            ),
            _row(
                "an encrypted key that is too short",
                "decryption_failed",
                lambda v: v.sealed(v.header(v.rsa), v.jwt, bytes(32), b"\x01" * 255),
            ),
        ),
        *entry(
            "E06",
            "Ephemeral key",
            "The point is not on the key's curve, has a small order, or is no point.",
            "RFC 8725 §3.4; RFC 7748 §6.1; RFC 7518 §4.6.1.1",
            _row("epk off the curve", "decryption_failed", _agreed(epk=_P256 | _ELSEWHERE)),
            _row("epk zero", "decryption_failed", _agreed(epk=_P256 | _ZERO, shared=bytes(32))),
            _row(
                "epk at infinity",
                "decryption_failed",
                _agreed(epk=_P256 | {"x": "", "y": ""}, shared=bytes(32)),
            ),
            _row(
                "epk of another curve", "decryption_failed", _agreed(epk=lambda: point() | {"crv": "P-384"})
            ),
            _row(
                "epk of another type",
                "decryption_failed",
                _agreed(epk={"kty": "OKP", "crv": "X25519", "x": b64(b"\x09" + bytes(31))}),
            ),
            *(
                _row(f"X25519 epk of small order {n}", "decryption_failed", _x25519(octets))
                for n, octets in enumerate(_X25519_SMALL)
            ),
            _row(
                "P-256 epk for an X25519 key",
                "decryption_failed",
                lambda v: v.agreed(v.x, point(), bytes(32)),
            ),
            _row(
                "epk with its private half",
                "header_refused",
                _agreed(epk=lambda: point() | {"d": b64(bytes(32))}),
            ),
            _row("epk that names a key", "header_refused", _agreed(epk=lambda: point() | {"kid": "ec"})),
            _row("epk a text", "header_type", _agreed(epk="AAAA")),
            _row("epk missing", "header_type", _agreed(epk=ABSENT)),
            _row(
                "epk not canonical",
                "decryption_failed",
                _agreed(epk=lambda: point() | {"x": point()["x"] + "="}),
            ),
            _row("epk without agreement", "header_refused", _header(epk=point)),
        ),
        *entry(
            "E07",
            "Parts of the wrong length",
            "Tag, initialisation vector or encrypted key are too short, too long, missing or another's.",
            "RFC 7516 §5.2; RFC 7518 §5.3; CVE-2026-34986",
            _row("a tag of 32 bits", "decryption_failed", _part(4, lambda _: b64(bytes(4)))),
            _row("no tag", "decryption_failed", _part(4, lambda _: "")),
            _row("another tag", "decryption_failed", _part(4, lambda _: b64(bytes(16)))),
            _row(
                "an iv of 16 octets",
                "decryption_failed",
                lambda v: v.sealed(v.header(v.dir), v.jwt, recipient().shared, iv=16),
            ),
            _row(
                "an iv of 8 octets",
                "decryption_failed",
                lambda v: v.sealed(v.header(v.dir), v.jwt, recipient().shared, iv=8),
            ),
            _row("no iv", "decryption_failed", _part(2, lambda _: "")),
            _row(
                "dir with a key",
                "decryption_failed",
                lambda v: v.sealed(v.header(v.dir), v.jwt, recipient().shared, bytes(32)),
            ),
            _row("agreement with a key", "decryption_failed", _agreement_with_key),
            _row(
                "wrapping without a key",
                "decryption_failed",
                lambda v: v.sealed(v.header(v.wrap, epk=point()), v.jwt, bytes(32)),
            ),
            _row(
                "a wrapped key of one block",
                "decryption_failed",
                lambda v: v.sealed(v.header(v.wrap, epk=point()), v.jwt, bytes(32), bytes(8)),
            ),
            _row("a changed ciphertext", "decryption_failed", _part(3, lambda text: b64(bytes(9)) + text)),
            _row("no ciphertext", "decryption_failed", _part(3, lambda _: "")),
        ),
        *entry(
            "E08",
            "Content",
            "Padding under a good tag, a content key of another length, or content that is no signed token.",
            "RFC 7516 §5.2; RFC 7518 §5.2.2; RFC 7519 §5.2",
            _row(
                "bad padding under a good tag",
                "decryption_failed",
                lambda v: v.cut(content=b"A" * 16, pad=bytes(16)),
            ),
            _row("a CBC tag of 16 octets", "decryption_failed", lambda v: v.cut(tag=16)),
            _row(
                "half a CBC block",
                "decryption_failed",
                lambda v: ".".join([*v.cut().split(".")[:3], b64(bytes(24)), b64(bytes(32))]),
            ),
            _row("enc swapped for a shorter one", "decryption_failed", _header(enc="A128GCM")),
            _row("a content key of 16 octets for A256GCM", "decryption_failed", _oaep(bytes(16), bytes(16))),
            _row("a content key of 64 octets for A256GCM", "decryption_failed", _oaep(bytes(64), bytes(32))),
            _row(
                "a wrapped key of 16 octets for A256GCM", "decryption_failed", _wrapped(bytes(16), bytes(16))
            ),
            _row("ten deep", "not_nested", _nested_deep(10)),
            _row("two deep", "not_nested", _nested_deep(1)),
            _row("cty missing", "not_nested", _header(cty=ABSENT)),
            _row("cty of something else", "not_nested", _header(cty="json")),
            _row("alg of another key", "wrong_algorithm_for_key", _header(kid="ec")),
        ),
        *entry(
            "E09",
            "JWE header",
            "Parameters that change the rules, choose a key or have the wrong type.",
            "RFC 7516 §4; RFC 8725 §3.10",
            *(
                _row(f"{name} in the header", "header_refused", _header(**{name: value}))
                for name, value in {
                    "crit": ["exp"],
                    "b64": False,
                    "jku": "https://x.example",
                    "jwk": {},
                    "x5u": "https://x.example",
                    "x5c": [],
                    "x5t": "AA",
                    "x5t#S256": "AA",
                    "p2s": "AA",
                    "p2c": 1000,
                    "iv": "AA",
                    "tag": "AA",
                    "iss": "x",
                    "skid": "x",
                }.items()
            ),
            _row("apu without agreement", "header_refused", _header(apu="AA")),
            _row("apu not canonical", "bad_base64", _agreed(apu="AB")),
            _row("apv a number", "header_type", _agreed(apv=1)),
            _row("apv far too long", "header_type", _agreed(apv="A" * 300)),
            *(
                _row(f"{name} {shown}", "header_type", _header(**{name: value}))
                for name in ("alg", "enc", "kid", "typ", "cty")
                for shown, value in _NO_TEXT.items()
            ),
            _row("no alg", "header_type", _header(alg=ABSENT)),
            _row("no enc", "header_type", _header(enc=ABSENT)),
            _row("alg none", "algorithm_refused", _header(alg="none")),
            _row("alg of a signature", "algorithm_refused", _header(alg="ES256")),
            _row("alg in small letters", "algorithm_refused", _header(alg="DIR")),
            _row("A256GCMKW", "algorithm_refused", _header(alg="A256GCMKW")),
            _row("an enc that nobody knows", "encryption_refused", _header(enc="A192GCM")),
            _row("alg as enc", "encryption_refused", _header(enc="dir")),
            _row("another kid", "unknown_key", _header(kid="DIR")),
            _row("kid as a path", "unknown_key", _header(kid="../../dev/null")),
            _row("no kid and two keys", "no_kid", _header(kid=ABSENT)),
            _row(
                "alg twice",
                "bad_json",
                lambda v: v.raw(b'{"alg":"dir","alg":"dir","enc":"A256GCM","kid":"dir","cty":"JWT"}'),
            ),
            _row("an array", "bad_json", lambda v: v.raw(b"[]")),
            _row("UTF-16", "bad_json", lambda v: v.raw(json.dumps(v.header(v.dir)).encode("utf-16"))),
        ),
        *entry(
            "E10",
            "JWE form",
            "Not five base64url parts.",
            "RFC 7516 §7.1; RFC 7515 §2",
            _row("four parts", "not_encrypted", lambda v: v.nested.rpartition(".")[0]),
            _row("six parts", "not_encrypted", lambda v: v.nested + "."),
            _row("a million dots", "too_large", lambda _: "." * 1_000_000),
            _row("dots", "not_encrypted", lambda _: "." * 30_000),
            _row("five parts of nothing", "bad_json", lambda _: "...."),
            _row(
                "JSON serialization",
                "not_encrypted",
                lambda v: json.dumps({"protected": v.nested.split(".")[0], "ciphertext": "AA", "tag": "AA"}),
            ),
            _row("too long", "too_large", lambda v: v.nested + "A" * 40_000),
            _row("a header too long", "too_large", _header(apu="A" * 3000)),
            _row("padding", "bad_base64", _part(4, lambda tag: tag + "==")),
            _row("a line break", "bad_base64", _part(3, lambda text: text[:4] + "\n" + text[4:])),
            _row("another alphabet", "bad_base64", _part(4, lambda tag: "+/" + tag[2:])),
            _row("stray trailing bits", "bad_base64", _part(4, lambda tag: tag[:-1] + "_")),
            _row("a lone surrogate", "bad_base64", _part(4, lambda tag: tag[:-1] + "\ud800")),
            _row("octets", "malformed", lambda v: v.nested.encode()),
            _row("str subclass", "malformed", lambda v: type("Text", (str,), {})(v.nested)),
            _row("nothing", "malformed", lambda _: None),
            _row("an empty text", "not_encrypted", lambda _: ""),
        ),
    ),
)
