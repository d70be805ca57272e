"""Hostile tokens as data: how each is forged, and the code under which it must be refused."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from tokenward.tokens.keys import SigningKey

NOW = 1_800_000_000
ISSUER = "https://inside.example"
AUDIENCE = "https://bank.example"


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def compact(value: object) -> bytes:
    return value if isinstance(value, bytes) else json.dumps(value, separators=(",", ":")).encode()


@dataclass
class Kit:
    """The issuer's keys, a stranger's, and a good token's header and claims."""

    key: SigningKey = field(default_factory=lambda: SigningKey.generate("ES256"))
    rsa: SigningKey = field(default_factory=lambda: SigningKey.generate("RS256"))
    stranger: SigningKey = field(default_factory=lambda: SigningKey.generate("ES256"))

    @property
    def jwks(self) -> dict[str, Any]:
        return {"keys": [self.key.public_jwk(), self.rsa.public_jwk()]}

    def header(self, **changes: Any) -> dict[str, Any]:
        return _changed({"alg": "ES256", "kid": self.key.kid, "typ": "at+jwt"}, changes)

    def claims(self, **changes: Any) -> dict[str, Any]:
        good = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": "user-1",
            "client_id": "app-1",
            "scope": "accounts:read",
            "iat": NOW,
            "nbf": NOW,
            "exp": NOW + 60,
            "jti": "j-1",
        }
        return _changed(good, changes)

    def token(self, header: object = None, claims: object = None, *, key: SigningKey | None = None) -> str:
        """A token whose signature is good for whatever stands in it."""
        head = compact(self.header() if header is None else header)
        body = compact(self.claims() if claims is None else claims)
        signing_input = f"{b64(head)}.{b64(body)}"
        return f"{signing_input}.{b64((key or self.key).sign(signing_input.encode()))}"

    def signed_by(self, sign: Callable[[bytes], bytes], header: object = None) -> str:
        signing_input = f"{b64(compact(header or self.header()))}.{b64(compact(self.claims()))}"
        return f"{signing_input}.{b64(sign(signing_input.encode()))}"


ABSENT = object()


def _changed(good: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in (good | changes).items() if value is not ABSENT}


def _hmac_with(secret: bytes, kit: Kit, kid: str) -> str:
    header = kit.header(alg="HS256", kid=kid)
    return kit.signed_by(lambda data: hmac.digest(secret, data, hashlib.sha256), header)


def _pem(key: SigningKey) -> bytes:
    return key.private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def _der_signature(kit: Kit) -> str:
    private = kit.key.private
    assert isinstance(private, ec.EllipticCurvePrivateKey)
    return kit.signed_by(lambda data: private.sign(data, ec.ECDSA(SHA256())))


def _stray_bits(text: str) -> str:
    """The same bytes in another spelling: the unused low bits of the last character are set."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    assert len(text) % 4, "no unused bits"
    return text[:-1] + alphabet[alphabet.index(text[-1]) | 1]


def _part(token: str, index: int, change: Callable[[str], str]) -> str:
    parts = token.split(".")
    parts[index] = change(parts[index])
    return ".".join(parts)


def _twice(kit: Kit, name: str, value: object) -> str:
    """The claims with a second `name` at the end, which is the one that most parsers believe."""
    return kit.token(claims=compact(kit.claims())[:-1] + f',"{name}":{json.dumps(value)}}}'.encode())


def _number(kit: Kit, digits: bytes) -> str:
    return kit.token(claims=compact(kit.claims(exp=0)).replace(b'"exp":0', b'"exp":' + digits))


def _wide_s(signature: bytes) -> bytes:
    return signature[:32] + b"\x00" + signature[32:]


def _widened(signature: bytes) -> bytes:
    return b"\x00" + signature[:32] + b"\x00" + signature[32:]


P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


@dataclass(frozen=True)
class Attack:
    name: str
    code: str
    forge: Callable[[Kit], object]


def _header(name: str, code: str, **changes: Any) -> Attack:
    return Attack(name, code, lambda kit: kit.token(kit.header(**changes)))


def _claim(name: str, code: str, **changes: Any) -> Attack:
    return Attack(name, code, lambda kit: kit.token(claims=kit.claims(**changes)))


FORM = [
    Attack("empty", "malformed", lambda k: ""),
    Attack("None", "malformed", lambda k: None),
    Attack("bytes", "malformed", lambda k: k.token().encode()),
    Attack("str subclass", "malformed", lambda k: type("Text", (str,), {})(k.token())),
    Attack("two parts", "malformed", lambda k: k.token().rpartition(".")[0]),
    Attack("four parts", "malformed", lambda k: k.token() + ".AAAA"),
    Attack("five parts (JWE)", "malformed", lambda k: "e30.AA.AA.AA.AA"),
    Attack("empty signature", "malformed", lambda k: k.token().rpartition(".")[0] + "."),
    Attack("detached payload", "malformed", lambda k: _part(k.token(), 1, lambda _: "")),
    Attack("JSON serialization", "malformed", lambda k: json.dumps({"payload": "e30", "signatures": []})),
    Attack("very long", "too_large", lambda k: k.token(claims=k.claims(sub="x" * 20_000))),
    Attack("very long header", "too_large", lambda k: k.token(k.header(kid="x" * 3_000))),
    Attack("padding", "bad_base64", lambda k: k.token() + "=="),
    Attack("line end", "bad_base64", lambda k: k.token() + "\n"),
    Attack(
        "space inside", "bad_base64", lambda k: _part(k.token(), 1, lambda text: text[:4] + " " + text[4:])
    ),
    Attack("standard alphabet", "bad_base64", lambda k: _part(k.token(), 2, lambda text: "+/" + text[2:])),
    Attack("stray bits in the signature", "bad_base64", lambda k: _part(k.token(), 2, _stray_bits)),
    Attack("one character too many", "bad_base64", lambda k: _part(k.token(), 2, lambda text: text + "AAA")),
    Attack("not ASCII", "bad_base64", lambda k: _part(k.token(), 1, lambda text: text + "é")),
    Attack("lone surrogate", "bad_base64", lambda k: _part(k.token(), 1, lambda text: text + "\ud800")),
]

HEADERS = [
    _header("alg none", "algorithm_refused", alg="none"),
    _header("alg None in capitals", "algorithm_refused", alg="NONE"),
    Attack(
        "alg none without signature",
        "malformed",
        lambda k: k.token(k.header(alg="none")).rpartition(".")[0] + ".",
    ),
    _header("alg missing", "header_type", alg=ABSENT),
    _header("alg null", "header_type", alg=None),
    _header("alg a list", "header_type", alg=["ES256"]),
    _header("alg an object", "header_type", alg={"ES256": 1}),
    _header("alg in small letters", "algorithm_refused", alg="es256"),
    _header("alg not on the list", "algorithm_refused", alg="PS256"),
    Attack("HS256 with the public PEM", "algorithm_refused", lambda k: _hmac_with(_pem(k.rsa), k, k.rsa.kid)),
    Attack(
        "HS256 with the EC public PEM", "algorithm_refused", lambda k: _hmac_with(_pem(k.key), k, k.key.kid)
    ),
    Attack(
        "HS256 with the JWK",
        "algorithm_refused",
        lambda k: _hmac_with(compact(k.key.public_jwk()), k, k.key.kid),
    ),
    Attack("HS256 with the empty secret", "algorithm_refused", lambda k: _hmac_with(b"", k, k.key.kid)),
    _header("crit", "header_refused", crit=["exp"]),
    _header("crit empty", "header_refused", crit=[]),
    _header("b64 false", "header_refused", b64=False),
    _header("zip", "header_refused", zip="DEF"),
    _header("jku", "header_refused", jku="https://evil.example/jwks"),
    _header("x5u", "header_refused", x5u="https://evil.example/cert"),
    _header("x5c", "header_refused", x5c=["AAAA"]),
    _header("unknown parameter", "header_refused", epk={}),
    _header("nested JWT", "header_refused", cty="JWT"),
    Attack(
        "own key in the header",
        "header_refused",
        lambda k: k.token(k.header(jwk=k.stranger.public_jwk(), kid=k.stranger.kid), key=k.stranger),
    ),
    Attack(
        "own key, without kid",
        "header_refused",
        lambda k: k.token(k.header(jwk=k.stranger.public_jwk(), kid=ABSENT), key=k.stranger),
    ),
    _header("typ missing", "typ_mismatch", typ=ABSENT),
    _header("typ JWT", "typ_mismatch", typ="JWT"),
    _header("typ of an ID token's neighbour", "typ_mismatch", typ="logout+jwt"),
    _header("typ of a DPoP proof", "typ_mismatch", typ="dpop+jwt"),
    _header("typ of another media type", "typ_mismatch", typ="text/at+jwt"),
    _header("typ a number", "header_type", typ=1),
    _header("typ empty", "header_type", typ=""),
    _header("kid a number", "header_type", kid=1),
    _header("kid null", "header_type", kid=None),
    _header("kid empty", "header_type", kid=""),
    _header("kid a path", "unknown_key", kid="../../../../dev/null"),
    _header("kid an SQL injection", "unknown_key", kid="x' UNION SELECT 'AAAA"),
    _header("kid unknown", "unknown_key", kid="another"),
    Attack(
        "kid of a stranger", "unknown_key", lambda k: k.token(k.header(kid=k.stranger.kid), key=k.stranger)
    ),
    Attack("kid with a space", "unknown_key", lambda k: k.token(k.header(kid=k.key.kid + " "))),
    Attack("kid in the other case", "unknown_key", lambda k: k.token(k.header(kid=k.key.kid.swapcase()))),
    Attack(
        "kid of a key for another algorithm",
        "wrong_algorithm_for_key",
        lambda k: k.token(k.header(kid=k.rsa.kid)),
    ),
    Attack("header a list", "bad_json", lambda k: k.token([])),
    Attack("header not JSON", "bad_json", lambda k: k.token(b"alg=ES256")),
    Attack(
        "header with a byte order mark", "bad_json", lambda k: k.token(b"\xef\xbb\xbf" + compact(k.header()))
    ),
    Attack("header in UTF-16", "bad_json", lambda k: k.token(json.dumps(k.header()).encode("utf-16"))),
    Attack(
        "header with alg twice", "bad_json", lambda k: k.token(compact(k.header())[:-1] + b',"alg":"none"}')
    ),
    Attack("header followed by more", "bad_json", lambda k: k.token(compact(k.header()) + b"{}")),
]

SIGNATURES = [
    Attack("stranger's signature", "bad_signature", lambda k: k.token(key=k.stranger)),
    Attack(
        "signature of zeros (CVE-2022-21449)", "bad_signature", lambda k: k.signed_by(lambda _: bytes(64))
    ),
    Attack(
        "r and s are the order",
        "bad_signature",
        lambda k: k.signed_by(lambda _: P256_ORDER.to_bytes(32, "big") * 2),
    ),
    Attack("DER signature", "bad_signature", _der_signature),
    Attack("one octet", "bad_signature", lambda k: k.signed_by(lambda _: b"\x00")),
    Attack(
        "leading zero octets", "bad_signature", lambda k: k.signed_by(lambda data: _widened(k.key.sign(data)))
    ),
    Attack(
        "a leading zero octet in s",
        "bad_signature",
        lambda k: k.signed_by(lambda data: _wide_s(k.key.sign(data))),
    ),
    Attack("trailing octet", "bad_signature", lambda k: k.signed_by(lambda data: k.key.sign(data) + b"\x00")),
    Attack(
        "other claims, same signature",
        "bad_signature",
        lambda k: _part(k.token(), 1, lambda _: b64(compact(k.claims(sub="admin")))),
    ),
    Attack(
        "other header, same signature",
        "bad_signature",
        lambda k: _part(k.token(), 0, lambda _: b64(json.dumps(k.header()).encode())),
    ),
    Attack(
        "claims behind a bad signature are not read",
        "bad_signature",
        lambda k: k.token(claims=k.claims(exp=1), key=k.stranger),
    ),
]

CLAIMS = [
    Attack("claims a list", "bad_json", lambda k: k.token(claims=["iss"])),
    Attack("claims a text", "bad_json", lambda k: k.token(claims="claims")),
    Attack("claims not UTF-8", "bad_json", lambda k: k.token(claims=b'{"iss":"\xff"}')),
    Attack("iss twice", "bad_json", lambda k: _twice(k, "iss", ISSUER)),
    Attack("exp twice", "bad_json", lambda k: _twice(k, "exp", NOW + 30)),
    Attack("exp NaN", "bad_json", lambda k: k.token(claims=compact(k.claims(exp=float("nan"))))),
    Attack("exp Infinity", "bad_json", lambda k: k.token(claims=compact(k.claims(exp=float("inf"))))),
    Attack("exp overflows", "bad_json", lambda k: _number(k, b"1e999")),
    Attack("exp of many digits", "bad_json", lambda k: _number(k, b"9" * 5000)),
    Attack("lone surrogate escaped", "bad_json", lambda k: k.token(claims=k.claims(sub="\ud800"))),
    Attack(
        "deep nesting", "bad_json", lambda k: k.token(claims=b'{"a":' + b"[" * 5_000 + b"]" * 5_000 + b"}")
    ),
    Attack("deep nesting, unclosed", "bad_json", lambda k: k.token(claims=b'{"a":' * 1_500)),
    *[
        _claim(f"{name} missing", "claim_missing", **{name: ABSENT})
        for name in ("iss", "aud", "exp", "iat", "sub")
    ],
    *[
        _claim(f"{name} {value!r}", "claim_type", **{name: value})
        for name in ("iss", "sub", "jti", "client_id")
        for value in (None, 1, True, "", [ISSUER], {"a": 1})
    ],
    *[
        _claim(f"{name} {value!r}", "claim_type", **{name: value})
        for name in ("exp", "iat", "nbf")
        for value in (None, True, False, str(NOW), [NOW], {}, -1)
    ],
    *[
        _claim(f"aud {value!r}", "claim_type", aud=value)
        for value in (None, 1, True, "", [], [AUDIENCE, 1], [AUDIENCE, ""], {AUDIENCE: 1}, [[AUDIENCE]])
    ],
    *[
        _claim(f"scope {value!r}", "claim_type", scope=value)
        for value in (None, 1, ["accounts:read"], " a", "a  b", 'a"b', "a\nb", "é")
    ],
    _claim("another issuer", "wrong_issuer", iss="https://evil.example"),
    _claim("issuer with a slash more", "wrong_issuer", iss=ISSUER + "/"),
    _claim("issuer in capitals", "wrong_issuer", iss=ISSUER.upper()),
    _claim("another audience", "wrong_audience", aud="https://weather.example"),
    _claim("audience among others', not ours", "wrong_audience", aud=["a", "b"]),
    _claim("audience that only begins alike", "wrong_audience", aud=AUDIENCE + ".evil.example"),
    _claim("audience that only contains ours", "wrong_audience", aud=f"x {AUDIENCE}"),
    _claim("expired", "expired", iat=NOW - 100, nbf=NOW - 100, exp=NOW - 30),
    _claim("expired for a fraction", "expired", iat=NOW - 100, nbf=NOW - 100, exp=NOW - 30.5),
    _claim("not valid yet", "not_yet_valid", nbf=NOW + 31),
    _claim("issued in the future", "issued_in_future", iat=NOW + 31, exp=NOW + 60),
    _claim("lives too long", "lifetime_too_long", exp=NOW + 3601),
    _claim("lives for ever", "lifetime_too_long", exp=9_999_999_999_999),
    _claim("lives long behind an old iat", "lifetime_too_long", iat=NOW - 3599, nbf=ABSENT, exp=NOW + 2),
    _claim("dies before it is born", "lifetime_too_long", iat=NOW + 10, exp=NOW + 10),
    _claim("bound to a key", "binding_required", cnf={"jkt": "x"}),
    _claim("bound to nothing", "binding_required", cnf=None),
]

ATTACKS = FORM + HEADERS + SIGNATURES + CLAIMS
