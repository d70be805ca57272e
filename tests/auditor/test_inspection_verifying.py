"""With keys that a person names, it says whether a token is genuine, and in words why not."""

import hashlib
import hmac

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from auditor.inspected import CLAIMS, HEADER, NOW, b64, few_secrets, found, inspected, token, told
from tokenward.auditor.inspection.trust import NamedKey, Trust
from tokenward.base.severity import Severity
from tokenward.tokens.encryption_keys import DecryptionKey
from tokenward.tokens.errors import CODES
from tokenward.tokens.jwe import encrypt, encrypt_nested
from tokenward.tokens.jws import sign_jwt, sign_proof
from tokenward.tokens.keys import SigningKey


@pytest.fixture(autouse=True, scope="module")
def _few_secrets():
    with few_secrets():
        yield


KEY = SigningKey.generate()
OTHER = SigningKey.generate()
JWKS = {"keys": [KEY.public_jwk()]}
ISSUER, AUDIENCE = CLAIMS["iss"], CLAIMS["aud"]
FULL = Trust(ISSUER, AUDIENCE, jwks=JWKS, where="the set in jwks.json")
UNBOUND = {name: value for name, value in CLAIMS.items() if name != "cnf"}


def signed(claims=UNBOUND, key=KEY, typ="at+jwt"):
    return sign_jwt(key, claims, typ=typ)


def said(text, trust=FULL):
    """What stands after "Signature" or "Content"."""
    [about, *_] = inspected(text, trust=trust).sections
    return next(entry.value for entry in about.entries if entry.name in {"Signature", "Content"})


def test_a_good_token():
    text = signed()
    assert said(text) == "good: ES256, by the set in jwks.json"
    assert "token.refused" not in found(text, trust=FULL)


def test_what_was_not_held_against_anything_is_said():
    text = signed()
    assert "iss and aud were held against nothing: name --issuer and --audience" in said(
        text, Trust(jwks=JWKS)
    )
    assert "aud was held against nothing: name --audience" in said(text, Trust(ISSUER, jwks=JWKS))


def test_a_bound_token_is_good_and_worth_nothing_without_its_proof():
    assert "bound to a key" in said(signed(CLAIMS))
    assert "token.refused" not in found(signed(CLAIMS), trust=FULL)


@pytest.mark.parametrize(
    ("text", "trust", "code"),
    [
        (signed(key=OTHER), FULL, "unknown_key"),
        (signed()[:-4] + "AAAA", FULL, "bad_signature"),
        (signed(UNBOUND | {"iss": "https://evil.example.com"}), FULL, "wrong_issuer"),
        (signed(UNBOUND | {"aud": "https://other.example.com"}), FULL, "wrong_audience"),
        (signed(UNBOUND | {"iat": NOW - 900, "exp": NOW - 31}), FULL, "expired"),
        (signed(UNBOUND | {"nbf": NOW + 31}), FULL, "not_yet_valid"),
        (signed(UNBOUND | {"exp": NOW + 90_000}), FULL, "lifetime_too_long"),
        (signed({n: v for n, v in UNBOUND.items() if n != "sub"}), FULL, "claim_missing"),
        (signed(UNBOUND | {"exp": "x"}), FULL, "claim_type"),
        (signed(UNBOUND | {"nonce": "n"}, typ="JWT"), FULL, "claim_forbidden"),
        (token({"alg": "none"}, signature=b""), FULL, "algorithm_refused"),
        (token({"alg": "ES256", "kid": KEY.kid, "crit": ["x"]}), FULL, "header_refused"),
    ],
    ids=range(12),
)
def test_it_is_refused_in_words(text, trust, code):
    finding = found(text, trust=trust)["token.refused"]
    words = "whatever the key" if code == "algorithm_refused" else CODES[code].replace("`", "")
    assert words in finding.detail
    assert finding.severity is Severity.HIGH


def test_a_good_signature_is_told_apart_from_a_refusal():
    text = signed(UNBOUND | {"iss": "https://evil.example.com"})
    assert said(text).startswith("good (ES256, by the set in jwks.json), but the token is refused: iss")
    assert said(signed(key=OTHER)).startswith("refused: ")


@pytest.mark.parametrize("typ", ["JWT", "logout+jwt", "secevent+jwt", "client-authentication+jwt"])
def test_every_kind_is_judged_by_its_own_rules(typ):
    claims = {
        "JWT": UNBOUND,
        "logout+jwt": {"iss": ISSUER, "aud": AUDIENCE, "sub": "1", "iat": NOW, "exp": NOW + 60, "jti": "1",
                       "events": {"http://schemas.openid.net/event/backchannel-logout": {}}},
        "secevent+jwt": {"iss": ISSUER, "aud": AUDIENCE, "iat": NOW, "exp": NOW + 60, "jti": "1",
                         "events": {}},
        "client-authentication+jwt": {"iss": "shop", "sub": "shop", "aud": AUDIENCE, "iat": NOW,
                                      "exp": NOW + 60,
                                      "jti": "1"},
    }[typ]  # fmt: skip
    trust = Trust(str(claims["iss"]), AUDIENCE, jwks=JWKS, where="x")
    assert said(signed(claims, typ=typ), trust) == "good: ES256, by x"


def test_an_id_token_is_judged_as_one():
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "1", "iat": NOW, "exp": NOW + 60, "nonce": "n"}
    assert said(signed(claims, typ="JWT")) == "good: ES256, by the set in jwks.json"


def hmac_token(secret, alg="HS256"):
    text = f"{b64(HEADER | {'alg': alg})}.{b64(UNBOUND)}"
    return f"{text}.{b64(hmac.digest(secret, text.encode(), alg.replace('HS', 'sha')))}"


def test_a_secret_is_tried_in_each_of_its_readings():
    secret = hashlib.sha256(b"one").digest() + b"\n"
    readings = ((b"x" * 32, ""), (secret, "with the line break at its end"))
    trust = Trust(ISSUER, AUDIENCE, key=NamedKey("the key in s", secrets=readings), where="the key in s")
    assert said(hmac_token(secret), trust) == "good: HS256, by the key in s (with the line break at its end)"
    assert "refused" in said(hmac_token(b"y" * 33), trust)


def test_a_weak_secret_verifies_and_is_said_to_be_weak():
    trust = Trust(ISSUER, AUDIENCE, key=NamedKey("k", secrets=((b"short", ""),)), where="k")
    assert said(hmac_token(b"short"), trust).startswith("good")
    assert "5 octets, too few" in found(hmac_token(b"short"), trust=trust)["token.weak-key"].detail
    long = b"correct horse battery staple correct"
    trust = Trust(ISSUER, AUDIENCE, key=NamedKey("k", secrets=((long, ""),)), where="k")
    assert "words" in found(hmac_token(long), trust=trust)["token.weak-key"].detail
    good = hashlib.sha256(b"two").digest()
    trust = Trust(ISSUER, AUDIENCE, key=NamedKey("k", secrets=((good, ""),)), where="k")
    assert "token.weak-key" not in found(hmac_token(good), trust=trust)


def test_a_public_key_is_no_secret_and_a_secret_no_public_key():
    public = NamedKey("k", public=KEY.private.public_key())
    assert "takes a secret" in said(hmac_token(b"x" * 32), Trust(key=public, where="k"))
    assert "takes a secret" in said(hmac_token(b"x" * 32), FULL)
    assert "holds none" in said(signed(), Trust(key=NamedKey("k", secrets=((b"x", ""),)), where="k"))


def rsa_key(bits, exponent=65537):
    return rsa.generate_private_key(public_exponent=exponent, key_size=bits)


def test_weak_rsa_keys_are_told():
    for private, word in ((rsa_key(1024), "1024 bits"), (rsa_key(2048, 3), "exponent 3")):
        trust = Trust(key=NamedKey("k", public=private.public_key()), where="k")
        assert word in found(token({"alg": "RS256"}), trust=trust)["token.weak-key"].detail
    trust = Trust(key=NamedKey("k", public=rsa_key(2048).public_key()), where="k")
    assert "token.weak-key" not in found(token({"alg": "RS256"}), trust=trust)


@pytest.mark.parametrize(("bits", "exponent"), [(8200, 65537), (2048, (1 << 70) + 1)])
def test_an_oversized_rsa_key_is_not_computed_with(bits, exponent):
    modulus = (1 << bits) - 1
    key = rsa.RSAPublicNumbers(exponent, modulus).public_key()
    text = token({"alg": "RS256"}, signature=bytes(bits // 8))
    assert "larger than any key" in said(text, Trust(key=NamedKey("k", public=key), where="k"))


def test_keys_of_another_type_are_told():
    trust = Trust(key=NamedKey("k", public=KEY.private.public_key()), where="k")
    assert "another type" in said(token({"alg": "RS256"}), trust)
    assert "another type" in said(token({"alg": "ES384"}, signature=bytes(96)), trust)


def test_what_cannot_be_told_is_unseen():
    trust = Trust(trouble="the set cannot be had: x answered 404")
    result = inspected(signed(), trust=trust)
    assert [each.why for each in result.unseen] == ["not checked: the set cannot be had: x answered 404"]
    bad = Trust(jwks={"keys": "x"}, where="the set")
    assert "cannot be used" in inspected(signed(), trust=bad).unseen[0].why
    assert inspected(signed(), trust=FULL).unseen == ()


def test_the_key_of_a_proof_comes_with_it():
    claims = {"jti": "1", "htm": "GET", "htu": "https://a", "iat": NOW}
    proof = sign_proof(KEY, claims, typ="dpop+jwt")
    assert said(proof, None) == "good: ES256, by the key that it brings"
    assert said(proof[:-4] + "AAAA", None).startswith("refused")
    private = token(
        {"typ": "dpop+jwt", "jwk": {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}},
        claims,
        without=["kid"],
    )
    assert said(private, None).startswith("refused")


DECRYPTION = DecryptionKey.generate("ECDH-ES+A256KW")
OPEN = Trust(
    ISSUER, AUDIENCE, key=NamedKey("the key in k.pem", private=DECRYPTION.key), where="the key in k.pem"
)


def test_an_encrypted_token_is_opened_with_its_key_and_its_content_inspected():
    text = encrypt_nested(signed(), DECRYPTION.encryption_key())
    result = inspected(text, trust=OPEN)
    titles = [section.title for section in result.sections]
    assert titles[0].startswith("An encrypted token")
    assert "An OAuth access token in the form of a JWT (RFC 9068)" in titles
    assert "opened with the key in k.pem" in told(result)
    assert "the encrypted token" in told(result)
    assert said(text, None) == "not opened: name the private key or the secret with --key"
    wrong = Trust(key=NamedKey("k", private=DecryptionKey.generate("ECDH-ES").key), where="k")
    assert "not opened" in said(text, wrong)
    assert "token.refused" in found(text, trust=wrong)


def test_what_is_encrypted_and_no_token_is_told_as_well():
    text = encrypt(b"hello", DECRYPTION.encryption_key())
    assert "hello" not in told(inspected(text, trust=OPEN))
    assert "opened" in said(text, OPEN)


def test_a_direct_secret_opens():
    key = DecryptionKey.generate("dir")
    text = encrypt_nested(signed(), key.encryption_key())
    trust = Trust(key=NamedKey("k", secrets=((key.key, ""),)), where="k")
    assert said(text, trust) == "opened with k"


@pytest.mark.parametrize(
    ("header", "why"),
    [
        ({"zip": "DEF"}, "compressed"),
        ({"alg": "RSA1_5"}, "not supported here"),
        ({"alg": "PBES2-HS256+A128KW", "p2c": 10**9}, "not supported"),
    ],
)
def test_what_is_never_opened(header, why):
    text = ".".join([b64({"alg": "ECDH-ES", "enc": "A256GCM"} | header), *["AAAA"] * 4])
    assert why in said(text, OPEN)


def by_key(private, *, alg="ES256", where="k"):
    key = NamedKey(where, public=private.public_key())
    signing = SigningKey("k1", alg, private)
    text = sign_jwt(signing, UNBOUND, typ="at+jwt")
    return said(text, Trust(ISSUER, AUDIENCE, key=key, where=where))


@pytest.mark.parametrize(
    ("alg", "private"), [("ES256", KEY.private), ("RS256", rsa_key(2048)), ("PS256", rsa_key(2048))]
)
def test_a_public_key_verifies(alg, private):
    assert by_key(private, alg=alg) == f"good: {alg}, by k"


@pytest.mark.parametrize("absent", ["iss", "aud"])
def test_a_claim_that_is_missing_is_missing_whoever_asks(absent):
    text = signed({name: value for name, value in UNBOUND.items() if name != absent})
    for trust in (FULL, Trust(jwks=JWKS, where="x")):
        assert CODES["claim_missing"] in said(text, trust)


def test_an_audience_in_an_array_is_one():
    text = signed(UNBOUND | {"aud": [AUDIENCE]})
    assert said(text) == "good: ES256, by the set in jwks.json"
    assert said(text, Trust(ISSUER, jwks=JWKS, where="x")).startswith("good: ES256, by x")
    assert "refused" in said(signed(UNBOUND | {"aud": []}), Trust(ISSUER, jwks=JWKS, where="x"))


def test_a_set_of_secrets_verifies_and_a_mixed_one_does_not():
    secret = hashlib.sha256(b"three").digest()
    entry = {"kty": "oct", "k": b64(secret), "kid": HEADER["kid"], "alg": "HS256"}
    text = hmac_token(secret)
    assert said(text, Trust(ISSUER, AUDIENCE, jwks={"keys": [entry]}, where="s")) == "good: HS256, by s"
    assert "cannot be used" in said(text, Trust(jwks={"keys": [entry, KEY.public_jwk()]}, where="s"))
    assert "takes a secret" in said(text, Trust(jwks={"keys": ["x", 7]}, where="s"))
    assert "takes a secret" in said(text, Trust(jwks={}, where="s"))
    assert "cannot be used" in said(signed(), Trust(jwks={}, where="s"))


def test_a_proof_without_a_key_is_refused():
    text = token(
        {"typ": "dpop+jwt"}, {"jti": "1", "htm": "GET", "htu": "https://a", "iat": NOW}, without=["kid"]
    )
    assert said(text, None).startswith("refused")


def test_what_opens_is_of_the_type_that_the_token_asks_for():
    text = encrypt_nested(signed(), DECRYPTION.encryption_key())
    secret = Trust(key=NamedKey("k", secrets=((bytes(range(32)), ""),)), where="k")
    assert said(text, secret) == "not opened: k is of another type than ECDH-ES+A256KW takes"
    direct = DecryptionKey.generate("dir")
    private = Trust(key=NamedKey("k", private=DECRYPTION.key), where="k")
    assert said(encrypt_nested(signed(), direct.encryption_key()), private) == (
        "not opened: k is of another type than dir takes"
    )
    wrong = Trust(key=NamedKey("k", private=DecryptionKey.generate().key), where="k")
    assert said(text, wrong) == f"not opened: {CODES['decryption_failed']}"


@pytest.mark.parametrize("kid", [None, "", "k" * 256, "k" * 257, 7])
def test_a_token_is_opened_or_refused_whatever_its_kid(kid):
    header = {"alg": "ECDH-ES+A256KW", "enc": "A256GCM", "cty": "JWT", "kid": kid}
    text = ".".join(
        [b64({name: value for name, value in header.items() if value is not None}), *["AAAA"] * 4]
    )
    assert said(text, OPEN).startswith("not opened: ")
