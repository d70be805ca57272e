"""Each check has a credential that it finds something in, and one that hardly differs and is clean."""

import base64
import hashlib
import hmac

import pytest

from auditor.inspected import (
    CLAIMS,
    HEADER,
    NOW,
    SIGNATURE,
    b64,
    few_secrets,
    found,
    inspected,
    raw,
    token,
    told,
)
from tokenward.app.recognising import leak_rules
from tokenward.auditor.inspection.checks.table import FAMILIES, LINTS
from tokenward.auditor.inspection.verdict import UNCHECKED
from tokenward.base.recommendations import RECOMMENDATIONS
from tokenward.base.severity import Severity
from tokenward.leaks.rulebook.templates import fill
from tokenward.tokens import opaque
from tokenward.tokens.jws import sign_proof
from tokenward.tokens.keys import SigningKey, members, thumbprint


@pytest.fixture(autouse=True, scope="module")
def _few_secrets():
    with few_secrets():
        yield


GOOD = token()
OPAQUE = opaque.new("at").secret.reveal()
DAMAGED = OPAQUE[:-1] + ("a" if OPAQUE[-1] != "a" else "b")
JWK = {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}
JWE_HEADER = {"alg": "RSA-OAEP-256", "enc": "A256GCM", "cty": "JWT"}
DAY = 86_400


def jwe(**header):
    return ".".join([b64(JWE_HEADER | header), *["AAAA"] * 4])


def hmac_token(secret, alg="HS256"):
    signed = f"{b64(HEADER | {'alg': alg})}.{b64(CLAIMS)}"
    return f"{signed}.{b64(hmac.digest(secret, signed.encode(), alg.replace('HS', 'sha')))}"


def id_token(without=(), **claims):
    return token({"typ": "JWT"}, {"nonce": "n", **claims}, without=("scope", "client_id", "cnf", *without))


KEY = SigningKey.generate()
OTHER_KEY = SigningKey.generate()
BOUND = token(claims={"cnf": {"jkt": thumbprint(members(KEY.private.public_key()))}})
ATH = b64(hashlib.sha256(BOUND.encode()).digest())
PROOF = {"jti": "1", "htm": "GET", "htu": "https://api.example.com/x", "iat": NOW, "ath": ATH}


def proof(key=KEY, without=(), **claims):
    return sign_proof(key, {n: v for n, v in (PROOF | claims).items() if n not in without}, typ="dpop+jwt")


def both(proof_text):
    return f"Authorization: DPoP {BOUND}\nDPoP: {proof_text}"


def hs_proof():
    return token({"typ": "dpop+jwt", "alg": "HS256", "jwk": JWK}, PROOF, signature=bytes(32))


def rsa(octets, alg="RS256"):
    return token({"alg": alg}, signature=b"\1" * octets)


ES512 = b"\1" * 132

# check, what it finds something in, what it must not.
CASES = [
    ("token.unsigned", token({"alg": "none"}, signature=b""), GOOD),
    ("token.unsigned", token({"alg": "NoNe"}), GOOD),
    ("token.unsigned", token({"alg": "none\0"}), GOOD),
    ("token.signature-removed", token(signature=b""), GOOD),
    ("token.signature-removed", token().rpartition(".")[0], GOOD),
    ("token.signature-removed", token(signature=b""), token({"alg": "none"}, signature=b"")),
    ("token.unknown-algorithm", token({"alg": "foo"}), GOOD),
    ("token.unknown-algorithm", token({"alg": 7}), GOOD),
    ("token.unknown-algorithm", token(without=["alg"]), GOOD),
    ("token.unknown-algorithm", jwe(alg="RSA2"), jwe()),
    ("token.unknown-algorithm", token({"alg": "es256"}), token({"alg": "NONE"})),
    ("token.symmetric-algorithm", hmac_token(b"\x07" * 3 + bytes(range(32))), GOOD),
    (
        "token.symmetric-algorithm",
        token({"alg": "HS512"}, signature=bytes(64)),
        token({"alg": "ES512"}, signature=ES512),
    ),
    ("token.weak-secret", hmac_token(b"your-256-bit-secret"), hmac_token(b"\x07" * 3 + bytes(range(32)))),
    ("token.weak-secret", hmac_token(b"secret", "HS512"), hmac_token(bytes(range(64)), "HS512")),
    ("token.weak-secret", hmac_token(b""), hmac_token(bytes(range(99)))),
    ("token.pkcs1-padding", rsa(256), rsa(256, "PS256")),
    ("token.short-rsa-key", rsa(128), rsa(256)),
    ("token.short-rsa-key", rsa(255, "PS512"), rsa(384, "PS512")),
    ("token.signature-length", token(signature=b"\1" * 63), GOOD),
    (
        "token.signature-length",
        token({"alg": "EdDSA"}, signature=b"\1" * 65),
        token({"alg": "EdDSA"}, signature=b"\1" * 114),
    ),
    (
        "token.signature-length",
        token({"alg": "HS256"}, signature=b"\1" * 31),
        token({"alg": "HS256"}, signature=b"\1" * 32),
    ),
    ("token.blank-signature", token(signature=bytes(64)), GOOD),
    (
        "token.blank-signature",
        token(signature=bytes(32) + b"\1" * 32),
        token(signature=bytes(31) + b"\1" * 33),
    ),
    (
        "token.blank-signature",
        token(signature=b"\1" * 32 + bytes(32)),
        token({"alg": "HS512"}, signature=bytes(64)),
    ),
    ("token.key-type", token({"alg": "HS256", "jwk": JWK}), token({"jwk": JWK})),
    ("token.key-type", token({"alg": "RS256", "jwk": JWK}), token({"alg": "RS256", "jwk": {"kty": "RSA"}})),
    ("token.rsa1-5", jwe(alg="RSA1_5"), jwe()),
    ("token.password-encryption", jwe(alg="PBES2-HS256+A128KW", p2c=1000), jwe(p2c=1000)),
    ("token.compressed", jwe(zip="DEF"), jwe()),
    ("token.encrypted-only", jwe(cty="text"), jwe()),
    ("token.encrypted-only", jwe(cty=None), jwe(cty="application/JWT")),
    ("token.encrypted-only", jwe(cty=None), jwe(alg="dir", cty=None)),
    ("token.unreadable", f"{b64(HEADER)}.{b64(b'[1')}.{b64(SIGNATURE)}", GOOD),
    ("token.unreadable", f"{b64(HEADER)}.{b64(b'[1]')}.{b64(SIGNATURE)}", GOOD),
    ("token.unreadable", f"eyJ!.{b64(CLAIMS)}.{b64(SIGNATURE)}".replace("!", "x"), GOOD),
    ("token.noncanonical-base64url", GOOD.replace(".", "=.", 1), GOOD),
    ("token.noncanonical-base64url", token(signature=b"\1" * 64)[:-1] + "R", token(signature=b"\1" * 64)),
    (
        "token.noncanonical-base64url",
        token(signature=b"\xfb" * 64).replace("-", "+"),
        token(signature=b"\xfb" * 64),
    ),
    ("token.duplicate-member", raw(HEADER, b'{"aud":"a","aud":"b"}'), raw(HEADER, b'{"aud":"a","sub":"b"}')),
    ("token.duplicate-member", raw(b'{"alg":"none","alg":"ES256"}', CLAIMS), GOOD),
    ("token.odd-json", raw(HEADER, b'{"id":12345678901234567890}'), raw(HEADER, b'{"id":9007199254740991}')),
    ("token.odd-json", raw(HEADER, b'{"id":NaN}'), raw(HEADER, b'{"id":1}')),
    ("token.odd-json", raw(HEADER, b'{"id":1e999}'), raw(HEADER, b'{"id":1e99}')),
    ("token.odd-json", raw(HEADER, b'{"id":"\xff"}'), raw(HEADER, '{"id":"ÿ"}'.encode())),
    ("token.odd-json", raw(HEADER, b'\xef\xbb\xbf{"id":1}'), raw(HEADER, b'{"id":1}')),
    ("token.size", token(claims={"x": "a b" * 300}), GOOD),
    ("token.type-missing", token(without=["typ"]), GOOD),
    ("token.type-missing", token({"typ": 1}), GOOD),
    ("token.type-generic", token({"typ": "JWT"}), GOOD),
    ("token.type-generic", token({"typ": "application/jwt"}), id_token()),
    ("token.kid-missing", token(without=["kid"]), GOOD),
    (
        "token.kid-missing",
        token(without=["kid"]),
        token({"alg": "HS256"}, signature=bytes(32), without=["kid"]),
    ),
    ("token.key-url", token({"jku": "https://evil.example.com/jwks"}), GOOD),
    ("token.key-url", token({"x5u": "file:///etc/passwd"}), GOOD),
    ("token.embedded-key", token({"jwk": JWK}), GOOD),
    ("token.embedded-key", token({"x5c": ["AAAA"]}), proof()),
    ("token.critical-header", token({"crit": ["x"], "x": 1}), GOOD),
    ("token.critical-header", token({"b64": False}), token({"b64": True})),
    ("token.sha1-thumbprint", token({"x5t": "AAAA"}), token({"x5t": "AAAA", "x5t#S256": "BBBB"})),
    ("token.no-expiry", token(without=["exp"]), GOOD),
    ("token.no-expiry", id_token(without=["exp"]), proof()),
    ("token.long-lived", token(claims={"exp": NOW + 841}), token(claims={"exp": NOW + 840})),
    (
        "token.long-lived",
        token(claims={"exp": NOW + 1000}, without=["iat"]),
        token(claims={"exp": NOW + 800}, without=["iat"]),
    ),
    ("token.long-lived", token(claims={"exp": NOW + DAY}), id_token(exp=NOW + DAY - 60)),
    ("token.long-lived-sign-in", id_token(exp=NOW + DAY), id_token(exp=NOW + DAY - 60)),
    ("token.milliseconds", token(claims={"exp": NOW * 1000}), GOOD),
    ("token.milliseconds", token(claims={"auth_time": NOW * 1000}), token(claims={"auth_time": NOW})),
    ("token.bad-date", token(claims={"exp": "never"}), GOOD),
    ("token.bad-date", token(claims={"nbf": True}), token(claims={"nbf": 1})),
    ("token.bad-date", token(claims={"iat": -1}), token(claims={"iat": 0})),
    ("token.issued-in-future", token(claims={"iat": NOW + 61}), token(claims={"iat": NOW + 60})),
    ("token.dates-out-of-order", token(claims={"exp": NOW - 60}), token(claims={"exp": NOW - 59})),
    ("token.dates-out-of-order", token(claims={"nbf": NOW + 541}), token(claims={"nbf": NOW})),
    ("token.wildcard-audience", token(claims={"aud": "*"}), GOOD),
    (
        "token.wildcard-audience",
        token(claims={"aud": ["https://*.example.com"]}),
        token(claims={"aud": ["a"]}),
    ),
    ("token.many-audiences", token(claims={"aud": ["a", "b"]}), token(claims={"aud": ["a"]})),
    ("token.mixed-kinds", token(claims={"nonce": "n"}), GOOD),
    ("token.mixed-kinds", token(claims={"at_hash": "n"}), id_token(at_hash="n")),
    ("token.broad-scope", token(claims={"scope": "orders:read admin"}), GOOD),
    ("token.broad-scope", token(claims={"scp": ["orders.*"]}), token(claims={"scope": "administer-nothing"})),
    ("token.unbound", token(without=["cnf"]), GOOD),
    ("token.unbound", token(without=["cnf"]), id_token()),
    ("token.insecure-issuer", token(claims={"iss": "http://login.example.com"}), GOOD),
    (
        "token.insecure-issuer",
        token(claims={"iss": "http://login.example.com"}),
        token(claims={"iss": "http://127.0.0.1:8"}),
    ),
    (
        "token.credential-inside",
        token(claims={"password": "hunter2"}),
        token(claims={"password_changed_at": NOW}),
    ),
    ("token.credential-inside", token(claims={"inner": GOOD}), token(claims={"inner": "eyJ"})),
    ("token.credential-inside", token({"jwk": JWK | {"d": "AAAA"}}), token({"jwk": JWK})),
    ("token.credential-inside", token(claims={"x": {"y": [OPAQUE]}}), token(claims={"x": {"y": [DAMAGED]}})),
    ("token.personal-data", token(claims={"email": "a@example.com"}), GOOD),
    (
        "token.personal-data",
        token(claims={"x": ["ann@example.com"]}),
        token(claims={"x": ["ann at example"]}),
    ),
    ("token.personal-data", token(claims={"x": "+49 170 1234567"}), token(claims={"x": "49 170 1234567"})),
    (
        "token.sensitive-data",
        token(claims={"birthdate": "1980-01-01"}),
        token(claims={"email": "a@example.com"}),
    ),
    (
        "token.sensitive-data",
        token(claims={"x": "GB82 WEST 1234 5698 7654 32"}),
        token(claims={"x": "GB83 WEST 1234 5698 7654 32"}),
    ),
    (
        "token.sensitive-data",
        token(claims={"address": {"locality": "Berlin"}}),
        token(claims={"place": {"city": "Berlin"}}),
    ),
    ("token.in-url", f"https://api.example.com/?access_token={GOOD}", GOOD),
    ("token.in-url", "https://ann:hunter2@api.example.com/", "curl -u ann:hunter2 https://api.example.com/"),
    (
        "token.plain-http",
        f"curl -H 'Authorization: Bearer {GOOD}' http://api.example.com",
        f"curl -H 'Authorization: Bearer {GOOD}' https://api.example.com",
    ),
    (
        "token.plain-http",
        f"curl -H 'Authorization: Bearer {GOOD}' api.example.com",
        f"curl -H 'Authorization: Bearer {GOOD}' http://127.0.0.1:8080/x",
    ),
    ("token.basic", "Authorization: Basic YW5uOmh1bnRlcjI=", f"Authorization: Bearer {GOOD}"),
    (
        "token.basic",
        "curl -u ann:hunter2 https://api.example.com",
        f"curl --oauth2-bearer {GOOD} https://api.example.com",
    ),
    ("token.damaged", DAMAGED, OPAQUE),
    ("token.bound-as-bearer", f"Authorization: Bearer {GOOD}", f"Authorization: DPoP {GOOD}"),
    ("token.refused", proof(key=KEY)[:-4] + "AAAA", proof()),
    ("token.proof-incomplete", proof(without=["htu"]), proof()),
    ("token.proof-incomplete", token({"typ": "dpop+jwt"}, PROOF), proof()),
    ("token.proof-symmetric", hs_proof(), proof()),
    (
        "token.proof-symmetric",
        token({"typ": "dpop+jwt", "alg": "none", "jwk": JWK}, PROOF, signature=b""),
        proof(),
    ),
    ("token.proof-other-token", both(proof(without=["ath"])), both(proof())),
    ("token.proof-other-token", both(proof(ath="AAAA")), both(proof())),
    ("token.proof-other-token", both(proof(without=["ath"])), proof(without=["ath"])),
    ("token.proof-other-key", both(proof(key=OTHER_KEY)), both(proof())),
    ("token.proof-stale", proof(iat=NOW - 301), proof(iat=NOW - 300)),
]
CASES += [
    *(
        ("token.missing-claim", token(without=[name]), GOOD)
        for name in ("iss", "aud", "sub", "iat", "jti", "client_id", "scope")
    ),
    ("token.missing-claim", token(claims={"aud": []}), GOOD),
    (
        "token.missing-claim",
        token(without=["client_id"]),
        token(claims={"azp": "shop"}, without=["client_id"]),
    ),
    ("token.missing-claim", id_token(without=["aud"]), id_token()),
    *(
        ("token.kid-injection", token({"kid": kid}), token({"kid": good}))
        for kid, good in (
            ("../../dev/null", "a.b/c"),
            ("/proc/sys/kernel/ostype", "proc"),
            ("/keys/mine", "/9j4AAQSkZJRg+/ab/cd="),
            ("x' UNION SELECT 'k'--", "select-1"),
            ("k1' or '1'='1", "it's"),
            ("https://evil.example.com/key", "evil.example.com"),
            ("k1|whoami", "k1-whoami"),
            ("$(id)", "$1"),
            ("*)(uid=*", "uid=1"),
            ("k\0", "k"),
            (["k"], "k"),
            ("k" * 257, "k" * 256),
        )
    ),
]
CASES += [
    ("token.long-lived-sign-in", id_token(exp=NOW + DAY), id_token(exp=NOW + 2 * DAY, without=["iat"])),
    ("token.key-url", token({"jku": 7}), token({"url": "https://a.example.com"})),
    ("token.wildcard-audience", token(claims={"aud": "https://"}), token(claims={"aud": "https://a"})),
    ("token.wildcard-audience", token(claims={"aud": "Any"}), token(claims={"aud": "anybody"})),
    ("token.insecure-issuer", token(claims={"iss": "http://"}), token(claims={"iss": "login"})),
    (
        "token.bound-as-bearer",
        f"Authorization: Bearer {GOOD}",
        f"Authorization: Bearer {token(claims={'cnf': {'x5t#S256': 'A'}})}",
    ),
    ("token.pkcs1-padding", rsa(256), rsa(256, "RSX")),
    ("token.signature-length", token(signature=b"1"), token(signature=b"")),
    ("token.blank-signature", token(signature=bytes(64)), token(signature=b"")),
    ("token.short-rsa-key", rsa(1), rsa(0)),
    ("token.key-type", token({"alg": "HS256", "jwk": JWK}), token({"alg": "none", "jwk": JWK})),
    ("token.credential-inside", token(claims={"x": [JWK | {"k": "A"}]}), token(claims={"x": {"k": "A"}})),
    ("token.credential-inside", token({"x": {"kty": "oct", "k": "A"}}), token({"epk": JWK})),
    (
        "token.size",
        token(claims={"x": "a b" * 300}),
        token({"typ": "token-introspection+jwt"}, {"x": "a b" * 300}),
    ),
    ("token.broad-scope", token(claims={"permissions": ["admin"]}), token(claims={"roles": ["admin"]})),
    ("token.credential-inside", token(claims={"password": "x"}), token(claims={"password": True})),
    ("token.credential-inside", token(claims={"password": 1}), token(claims={"password": None})),
    ("token.credential-inside", token(claims={"password": "x"}), token(claims={"password": ""})),
    ("token.credential-inside", token(claims={"secret": "x"}), token({"secret": "x"})),
    ("token.credential-inside", token(claims={"x5c": [GOOD]}), token({"x5c": [GOOD]})),
    ("token.credential-inside", token({"other": [GOOD]}), token({"epk": {"x": GOOD}})),
    ("token.personal-data", token(claims={"email": "a"}), token(claims={"email": True})),
    ("token.personal-data", token(claims={"email": "a"}), token(claims={"email": ""})),
    ("token.personal-data", token(claims={"email": "a"}), token(claims={"locale": "de"})),
    ("token.personal-data", token(claims={"kid": "ann@example.com"}), token({"kid": "ann@example.com"})),
    (
        "token.personal-data",
        token(claims={"x": "ann@example.com"}),
        token(claims={"secret": "ann@example.com"}),
    ),
]
IDS = [f"{number}-{case[0]}" for number, case in enumerate(CASES)]


@pytest.mark.parametrize(("check", "hostile", "control"), CASES, ids=IDS)
def test_a_check_finds_what_it_looks_for_and_nothing_else(check, hostile, control):
    assert check in found(hostile)
    assert check not in found(control)


def test_a_good_token_has_no_finding():
    assert inspected(GOOD).findings == ()
    assert inspected(both(proof())).findings == ()


def test_every_check_has_a_case():
    keyed = {"token.weak-key"}  # in the tests of verifying
    assert {case[0] for case in CASES} | keyed == {lint.check.id for lint in LINTS}


def test_rows_are_complete_and_unique():
    ids = [lint.check.id for lint in LINTS]
    assert len(set(ids)) == len(ids) == sum(map(len, FAMILIES.values()))
    for lint in LINTS:
        check = lint.check
        assert check.id.startswith("token.")
        assert check.recommendation in RECOMMENDATIONS
        assert check.references or check.id == "token.damaged"
        for text in (check.why, check.attack, check.fix):
            assert text.endswith("."), check.id
            assert "  " not in text, check.id


@pytest.mark.parametrize(
    ("check", "text", "severity"),
    [
        ("token.long-lived", token(claims={"exp": NOW + 900}), Severity.LOW),
        ("token.long-lived", token(claims={"exp": NOW + 3600}), Severity.MEDIUM),
        ("token.long-lived", token(claims={"exp": NOW + DAY}), Severity.HIGH),
        ("token.size", token(claims={"x": "a b" * 300}), Severity.INFO),
        ("token.size", token(claims={"x": "a b" * 1100}), Severity.LOW),
        ("token.size", token(claims={"x": "a b" * 2200}), Severity.MEDIUM),
        ("token.missing-claim", token(without=["aud"]), Severity.MEDIUM),
        ("token.missing-claim", token(without=["jti"]), Severity.LOW),
        ("token.missing-claim", token(without=["scope"]), Severity.INFO),
        ("token.unbound", token(without=["cnf"]), Severity.INFO),
        ("token.unbound", token(claims={"scope": "payments:write"}, without=["cnf"]), Severity.LOW),
        ("token.key-url", token({"jku": "https://a.example.com"}), Severity.MEDIUM),
        ("token.key-url", token({"jku": "http://a.example.com"}), Severity.HIGH),
        ("token.kid-injection", token({"kid": "https://keys.example.com/1"}), Severity.LOW),
        ("token.kid-injection", token({"kid": "../x"}), Severity.HIGH),
        ("token.critical-header", token({"crit": ["x"], "x": 1}), Severity.LOW),
        ("token.critical-header", token({"crit": ["x"]}), Severity.HIGH),
        ("token.critical-header", token({"crit": []}), Severity.HIGH),
        ("token.critical-header", token({"crit": {"x": 1}, "x": 1}), Severity.HIGH),
        ("token.critical-header", token({"crit": [["x"]], "x": 1}), Severity.HIGH),
        ("token.unbound", token(claims={"scope": "user_impersonation"}, without=["cnf"]), Severity.LOW),
        ("token.password-encryption", jwe(alg="PBES2-HS256+A128KW", p2c=True), Severity.HIGH),
        ("token.password-encryption", jwe(alg="PBES2-HS256+A128KW", p2c=0), Severity.HIGH),
        ("token.password-encryption", jwe(alg="PBES2-HS256+A128KW", p2c=1), Severity.MEDIUM),
        ("token.password-encryption", jwe(alg="PBES2-HS256+A128KW", p2c=1_200_000), Severity.LOW),
        ("token.password-encryption", jwe(alg="PBES2-HS256+A128KW", p2c=1_200_001), Severity.HIGH),
        ("token.personal-data", token(claims={"name": "Ann"}), Severity.MEDIUM),
        ("token.personal-data", id_token(name="Ann"), Severity.INFO),
        ("token.sensitive-data", id_token(birthdate="1980-01-01"), Severity.MEDIUM),
        ("token.password-encryption", jwe(alg="PBES2-HS256+A128KW", p2c=10**9), Severity.HIGH),
        ("token.password-encryption", jwe(alg="PBES2-HS256+A128KW", p2c="x"), Severity.HIGH),
        ("token.password-encryption", jwe(alg="PBES2-HS256+A128KW", p2c=309_999), Severity.MEDIUM),
        ("token.password-encryption", jwe(alg="PBES2-HS256+A128KW", p2c=310_000), Severity.LOW),
    ],
)
def test_how_bad_it_is(check, text, severity):
    assert found(text)[check].severity is severity


def test_a_missing_algorithm_is_told_apart_from_one_that_is_no_text():
    assert found(token(without=["alg"]))["token.unknown-algorithm"].detail == "The header has no alg."
    assert found(token({"alg": 7}))["token.unknown-algorithm"].detail == "alg is no text."


@pytest.mark.parametrize("typ", ["at+jwt", "dpop+jwt", "JWT"])
def test_of_claims_that_cannot_be_read_nothing_else_is_said(typ):
    claims_unread = raw(HEADER | {"typ": typ, "jwk": JWK}, b"[")
    assert found(claims_unread).keys() - {"token.type-generic", "token.embedded-key", "token.refused"} == {
        "token.unreadable"
    }


def test_of_a_header_that_cannot_be_read_nothing_else_is_said():
    assert found(raw(b'{"a', CLAIMS)).keys() == {"token.unreadable"}


@pytest.mark.parametrize(
    ("check", "text", "detail"),
    [
        ("token.unreadable", raw(b'{"a', CLAIMS), "The header: its brackets do not match, so it is no JSON."),
        ("token.unreadable", raw(HEADER, b"[1]"), "The claims: no object."),
        ("token.unreadable", raw(HEADER, b"{,}"), "The claims: it is no JSON."),
        ("token.key-url", token({"jku": "https://a.example.com/x"}), "jku leads to a.example.com."),
        (
            "token.key-url",
            token({"jku": "ftp://a.example.com"}),
            "jku leads to a.example.com, and not by https.",
        ),
        ("token.key-url", token({"jku": "https:x"}), "jku is no https URL."),
        (
            "token.weak-secret",
            hmac_token(b"secret"),
            "The secret of 6 octets is on a list of known ones; it was found by trying.",
        ),
        ("token.weak-secret", hmac_token(b""), "The secret is empty, or all zeros; it was found by trying."),
        ("token.missing-claim", token(without=["aud", "jti"]), "It has no aud, jti."),
        ("token.damaged", DAMAGED, "It is mistyped or made up."),
    ],
    ids=range(10),
)
def test_what_is_peculiar_to_a_finding_is_told(check, text, detail):
    assert found(text)[check].detail == detail


def test_many_personal_claims_are_told_in_one_line():
    names = (
        "name",
        "given_name",
        "family_name",
        "middle_name",
        "nickname",
        "email",
        "phone_number",
        "gender",
    )
    eight = found(token(claims=dict.fromkeys(names, "x")))["token.personal-data"].detail
    nine = found(token(claims=dict.fromkeys((*names, "upn"), "x")))["token.personal-data"].detail
    assert "more" not in eight
    assert "and 1 more" in nine


def test_a_proof_is_held_against_tokens_and_nothing_else():
    for beside in (f"Cookie: session={OPAQUE}", f"DPoP: {proof()}"):
        alone = found(f"DPoP: {proof(without=['ath'])}\n{beside}")
        assert "token.proof-other-token" not in alone
    ath = b64(hashlib.sha256(OPAQUE.encode()).digest())
    assert found(f"Authorization: DPoP {OPAQUE}\nDPoP: {proof(ath=ath)}").keys() == set()
    odd = token(claims={"cnf": {"jkt": 7}})
    assert "token.proof-other-key" not in found(f"Authorization: DPoP {odd}\nDPoP: {proof()}")


def test_a_bad_signature_is_pointed_at():
    assert found(proof()[:-4] + "AAAA")["token.refused"].place.pointer == "/signature"


def test_what_is_random_by_nature_is_no_credential_whatever_it_looks_like():
    secret = fill("{checksum:crc-of-body ghp_}", "random").decode()
    rules = leak_rules()
    for name in ("jti", "nonce", "sid"):
        assert "token.credential-inside" not in found(token(claims={name: secret}), recogniser=rules)
    assert "token.credential-inside" in found(token(claims={"id": secret}), recogniser=rules)
    assert "use … here" not in told(inspected(token(claims={"id": f"use {secret} here"}), recogniser=rules))
    assert "use ghp_… (40 characters) here" in told(
        inspected(token(claims={"id": f"use {secret} here"}), recogniser=rules)
    )


SHAPES = [
    ("IT60 X054 2811 1010 0000 0123 456", "IBAN", "IT61 X054 2811 1010 0000 0123 456"),
    ("4111 1111 1111 1111", "card", "4111 1111 1111 1112"),
    ("078-05-1120", "United States", "000-05-1120"),
    ("AB 12 34 56 C", "United Kingdom", "AB 12 34 56 E"),
    ("12345678Z", "Spain", "12345678A"),
    ("X1234567L", "Spain", "X1234567M"),
    ("RSSMRA85T10A562S", "Italy", "RSSMRA85T10A562T"),
    ("2 55 08 14 168 025 38", "France", "2 55 08 14 168 025 39"),
]  # fmt: skip


@pytest.mark.parametrize(("value", "what", "wrong"), SHAPES)
def test_numbers_that_prove_themselves_are_sensitive(value, what, wrong):
    sensitive = {"token.sensitive-data", "token.credential-inside"}  # a card's number is both
    assert sensitive & found(token(claims={"x": value})).keys()
    assert what in told(inspected(token(claims={"x": value}))) or what == "card"
    assert not sensitive & found(token(claims={"x": wrong})).keys()


def test_credentials_of_others_are_known_by_the_rules_of_the_leak_scanner():
    secret = fill("{checksum:crc-of-body ghp_}", "inspected").decode()
    inside = token(claims={"note": f"use {secret} here"})
    rules = leak_rules()
    result = inspected(inside, recogniser=rules)
    assert "token.credential-inside" in {each.check.id for each in result.findings}
    assert secret not in told(result)
    encoded = token(claims={"note": base64.b64encode(f"token={secret}".encode()).decode()})
    assert "token.credential-inside" in found(encoded, recogniser=rules)
    assert base64.b64encode(secret.encode()).decode()[8:30] not in told(inspected(encoded, recogniser=rules))
    assert inspected(GOOD, recogniser=rules).findings == ()


def test_without_a_key_nothing_is_said_to_be_genuine():
    [about, *_] = inspected(GOOD).sections
    assert UNCHECKED.words in {entry.value for entry in about.entries}
