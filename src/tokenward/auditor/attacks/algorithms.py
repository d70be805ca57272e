"""Family S, the algorithm: tokens that choose for themselves how they are verified."""

import hashlib
import hmac
import json
from collections.abc import Callable, Iterator

from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512, HashAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tokenward.auditor.attacks.kit import ABSENT, Kit, b64, compact, decoded, public_key
from tokenward.auditor.attacks.table import Attack, Part, bare, control, entry, header, note, signed

_NONES = {
    "none": "none",
    "None": "None (capitalised)",
    "NONE": "NONE (capitals)",
    "nOnE": "nOnE (mixed)",
    "none ": "none with a space after",
    " none": "none with a space before",
    "none\0": "none with a NUL",
    "\uff4eone": "none with a full-width letter",
    "no\u00adne": "none with a soft hyphen",
}


def _elevated(kit: Kit, signature: str | None, **changes: object) -> str:
    """Claims for somebody else under a changed header; None leaves the third part away."""
    front = f"{b64(compact(kit.header(**changes)))}.{b64(compact(kit.claims(sub='admin')))}"
    return front if signature is None else f"{front}.{signature}"


def _none(alg: str, signature: Callable[[Kit], str | None], **changes: object) -> Callable[[Kit], str]:
    return lambda kit: _elevated(kit, signature(kit), alg=alg, **changes)


def _nones() -> Iterator[Part[Attack]]:
    for alg, name in _NONES.items():
        yield bare(f"{name}, no signature", "malformed", _none(alg, lambda _: ""))
        yield bare(f"{name}, the old signature", "algorithm_refused", _none(alg, lambda kit: kit.parts[2]))
    yield bare("none, no third part", "malformed", _none("none", lambda _: None))
    yield bare("none, a signature of one octet", "algorithm_refused", _none("none", lambda _: "AA"))
    nameless = _none("none", lambda _: "", typ=ABSENT, kid=ABSENT)
    yield bare("none, typ absent, kid absent", "malformed", nameless)


def _hmac(
    secret: Callable[[Kit], bytes], *, source: str = "ES256", alg: str = "HS256", **changes: object
) -> Callable[[Kit], str]:
    """Signed with HMAC under something that is public, and named as the key for `source`."""
    digest = {"HS256": hashlib.sha256, "HS384": hashlib.sha384, "HS512": hashlib.sha512}[alg]

    def forge(kit: Kit) -> str:
        head = kit.header(**({"alg": alg, "kid": kit.jwk(source).get("kid", ABSENT)} | changes))
        key = secret(kit)
        return kit.signed_by(lambda data: hmac.digest(key, data, digest), head, kit.claims(sub="admin"))

    return forge


def _encoded(source: str, encoding: Encoding, form: PublicFormat) -> Callable[[Kit], bytes]:
    return lambda kit: public_key(kit.jwk(source)).public_bytes(encoding, form)


def _pem(source: str) -> Callable[[Kit], bytes]:
    return _encoded(source, Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def _with(make: Callable[[Kit], bytes], change: Callable[[bytes], bytes]) -> Callable[[Kit], bytes]:
    return lambda kit: change(make(kit))


def _required(jwk: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in sorted(jwk.items()) if name in {"crv", "e", "kty", "n", "x", "y"}}


def _public_forms(source: str) -> dict[str, Callable[[Kit], bytes]]:
    """Every form in which a public key is likely to stand in a verifier's configuration."""
    pem = _pem(source)
    forms: dict[str, Callable[[Kit], bytes]] = {
        "PEM": pem,
        "PEM without its last line feed": _with(pem, bytes.strip),
        "PEM with CR LF": _with(pem, lambda text: text.replace(b"\n", b"\r\n")),
        "PEM after a line feed": _with(pem, lambda text: b"\n" + text),
        "PEM after spaces": _with(pem, lambda text: b"  " + text),
        "PEM in one line": _with(pem, lambda text: text.replace(b"\n", b"\\n")),
        "DER": _encoded(source, Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        "DER in base64": lambda kit: b"".join(pem(kit).splitlines()[1:-1]),
        "JWK as published": lambda kit: compact(kit.jwk(source)),
        "JWK with spaces": lambda kit: json.dumps(kit.jwk(source)).encode(),
        "JWK of its required members": lambda kit: compact(_required(kit.jwk(source))),
        "JWK Set": lambda kit: compact(dict(kit.jwks)),
        "SSH line": _encoded(source, Encoding.OpenSSH, PublicFormat.OpenSSH),
        "kid": lambda kit: kit.jwk(source)["kid"].encode(),
    }
    if source == "RS256":
        return forms | {
            "PKCS #1 PEM": _encoded(source, Encoding.PEM, PublicFormat.PKCS1),
            "PKCS #1 DER": _encoded(source, Encoding.DER, PublicFormat.PKCS1),
            "n": lambda kit: decoded(kit.jwk(source)["n"]),
            "n as text": lambda kit: kit.jwk(source)["n"].encode(),
        }
    octets: dict[str, Callable[[Kit], bytes]] = {
        "x": lambda kit: decoded(kit.jwk(source)["x"]),
        "x as text": lambda kit: kit.jwk(source)["x"].encode(),
    }
    if source == "ES256":
        octets |= {
            "x and y": lambda kit: decoded(kit.jwk(source)["x"]) + decoded(kit.jwk(source)["y"]),
            "uncompressed point": _encoded(source, Encoding.X962, PublicFormat.UncompressedPoint),
            "compressed point": _encoded(source, Encoding.X962, PublicFormat.CompressedPoint),
        }
    return forms | octets


def _confusions() -> Iterator[Part[Attack]]:
    for source, kind in (("RS256", "RSA"), ("ES256", "EC"), ("EdDSA", "Ed25519")):
        for form, secret in _public_forms(source).items():
            yield bare(f"{kind} key as {form}", "algorithm_refused", _hmac(secret, source=source))
    for alg in ("HS384", "HS512"):
        yield bare(
            f"RSA key as PEM, {alg}", "algorithm_refused", _hmac(_pem("RS256"), source="RS256", alg=alg)
        )
    yield bare(
        "RSA key as PEM, without kid", "algorithm_refused", _hmac(_pem("RS256"), source="RS256", kid=ABSENT)
    )


def _constant(secret: bytes, **changes: object) -> Callable[[Kit], str]:
    return _hmac(lambda _: secret, **changes)  # type: ignore[arg-type]  # header parameters


def _rsa(source: str, alg: str, digest: HashAlgorithm, *, pss: bool) -> Callable[[Kit], str]:
    """The issuer's RSA key used with another algorithm than its own."""
    pad = padding.PSS(padding.MGF1(digest), digest.digest_size) if pss else padding.PKCS1v15()

    def forge(kit: Kit) -> str:
        key = kit.key_for(source)
        assert isinstance(key.private, rsa.RSAPrivateKey)  # noqa: S101 - the row's source is one
        sign = key.private.sign
        return kit.signed_by(lambda data: sign(data, pad, digest), kit.header(alg=alg, kid=key.kid))

    return forge


def _ecdsa(alg: str, digest: HashAlgorithm) -> Callable[[Kit], str]:
    """The issuer's P-256 key with another hash, or under another name."""

    def forge(kit: Kit) -> str:
        key = kit.key_for("ES256")
        assert isinstance(key.private, ec.EllipticCurvePrivateKey)  # noqa: S101 - the row's source is one
        sign = key.private.sign
        head = kit.header(alg=alg, kid=key.kid)
        return kit.signed_by(lambda data: raw(sign(data, ec.ECDSA(digest))), head)

    return forge


def raw(der: bytes, size: int = 32) -> bytes:
    """R ‖ s from a DER signature."""
    r, s = decode_dss_signature(der)
    return r.to_bytes(size, "big") + s.to_bytes(size, "big")


def _swapped(alg: str, source: str) -> Callable[[Kit], str]:
    """Signed properly with the issuer's key for `source`, and called `alg`."""

    def forge(kit: Kit) -> str:
        key = kit.key_for(source)
        return kit.token(kit.header(alg=alg, kid=key.kid), key=key)

    return forge


ALGORITHM: tuple[Attack, ...] = (
    control("S", "the good token, ES256", lambda kit: kit.good, needs=False),
    *[control("S", f"a good token, {alg}", _swapped(alg, alg)) for alg in ("EdDSA", "PS256", "RS256")],
    *entry(
        "S01",
        "Unsigned",
        "The token says of itself that nobody needs to have signed it.",
        "RFC 8725 §2.1; CVE-2015-2951; CVE-2022-23540",
        *_nones(),
    ),
    *entry(
        "S02",
        "Unknown algorithm",
        "`alg` names nothing that the verifier allows, or is no name; the signature is good ES256.",
        "RFC 7515 §4.1.1; RFC 8725 §3.1; CVE-2026-23993",
        header("absent", "header_type", alg=ABSENT),
        header("null", "header_type", alg=None),
        header("empty", "header_type", alg=""),
        header("number", "header_type", alg=256),
        header("true", "header_type", alg=True),
        header("array", "header_type", alg=["ES256"]),
        header("object", "header_type", alg={"ES256": 1}),
        header("unregistered name", "algorithm_refused", alg="foo"),
        header("small letters", "algorithm_refused", alg="es256"),
        header("space after", "algorithm_refused", alg="ES256 "),
        header("NUL after", "algorithm_refused", alg="ES256\0"),
        header("two names", "algorithm_refused", alg="ES256,none"),
        header("full-width letters", "algorithm_refused", alg="\uff25\uff33256"),
        header("long s, whose capital is S", "algorithm_refused", alg="E\u017f256"),
        header("zero-width space", "algorithm_refused", alg="ES\u200b256"),
        header("prototype member", "algorithm_refused", alg="__proto__"),
        header("key management: dir", "algorithm_refused", alg="dir"),
        header("key management: RSA1_5", "algorithm_refused", alg="RSA1_5"),
    ),
    *entry(
        "S03",
        "Public key as HMAC secret",
        "The signature is an HMAC under the issuer's public key, which everybody has.",
        "RFC 8725 §2.1; CVE-2015-9235; CVE-2016-10555; CVE-2022-29217; CVE-2024-33663; CVE-2026-48526",
        *_confusions(),
    ),
    *entry(
        "S04",
        "HMAC under nothing",
        "The signature is an HMAC under an empty or guessable secret, such as a default.",
        "RFC 8725 §3.5; CVE-2019-20933",
        bare("empty secret", "algorithm_refused", _constant(b"")),
        bare("empty secret, unknown kid", "algorithm_refused", _constant(b"", kid="nobody")),
        bare("empty secret, no kid", "algorithm_refused", _constant(b"", kid=ABSENT)),
        bare("one zero octet", "algorithm_refused", _constant(b"\0")),
        bare("32 zero octets", "algorithm_refused", _constant(bytes(32))),
        bare("the text None", "algorithm_refused", _constant(b"None")),
        bare("the text null", "algorithm_refused", _constant(b"null")),
        bare("the text undefined", "algorithm_refused", _constant(b"undefined")),
        bare("the word secret", "algorithm_refused", _constant(b"secret")),
        bare("a line feed", "algorithm_refused", _constant(b"\n")),
        bare("empty secret, HS512", "algorithm_refused", _constant(b"", alg="HS512")),
    ),
    *entry(
        "S11",
        "One key, another algorithm",
        "The issuer's key is used with an algorithm that the issuer did not give it.",
        "RFC 8725 §3.1; RFC 7517 §4.4",
        signed(
            "PS256 with the RS256 key", "wrong_algorithm_for_key", _rsa("RS256", "PS256", SHA256(), pss=True)
        ),
        signed(
            "RS256 with the PS256 key", "wrong_algorithm_for_key", _rsa("PS256", "RS256", SHA256(), pss=False)
        ),
        signed("RS384 with the RS256 key", "algorithm_refused", _rsa("RS256", "RS384", SHA384(), pss=False)),
        signed("RS512 with the RS256 key", "algorithm_refused", _rsa("RS256", "RS512", SHA512(), pss=False)),
        signed("PS384 with the PS256 key", "algorithm_refused", _rsa("PS256", "PS384", SHA384(), pss=True)),
        signed("PS512 with the PS256 key", "algorithm_refused", _rsa("PS256", "PS512", SHA512(), pss=True)),
        signed("ES384 with the P-256 key", "algorithm_refused", _ecdsa("ES384", SHA384())),
        signed("ES512 with the P-256 key", "algorithm_refused", _ecdsa("ES512", SHA512())),
        signed("ES256K with the P-256 key", "algorithm_refused", _ecdsa("ES256K", SHA256())),
        signed("ES256 with SHA-512", "bad_signature", _ecdsa("ES256", SHA512())),
        signed("EdDSA with the P-256 key", "wrong_algorithm_for_key", _swapped("EdDSA", "ES256")),
        signed("ES256 with the Ed25519 key", "wrong_algorithm_for_key", _swapped("ES256", "EdDSA")),
        signed("ES256 with an RSA key", "wrong_algorithm_for_key", _swapped("ES256", "RS256")),
        signed("RS256 with the P-256 key", "wrong_algorithm_for_key", _swapped("RS256", "ES256")),
        signed("Ed448 with the Ed25519 key", "algorithm_refused", _swapped("Ed448", "EdDSA")),
        note(
            signed("Ed25519 with the EdDSA key", "algorithm_refused", _swapped("Ed25519", "EdDSA")),
            "Two names of one algorithm (RFC 9864 §2.2); refused where only one of them is allowed.",
        ),
    ),
)
