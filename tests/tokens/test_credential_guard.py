"""What is a credential and what only looks like one; as a table, and by generated examples."""

import contextlib
import json
import time
import uuid
from zlib import crc32

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tokenward.base.entropy import base62
from tokenward.tokens import base64url, opaque
from tokenward.tokens.credential_guard import (
    MAX_DEPTH,
    MAX_VALUES,
    CredentialInClaim,
    check_claims,
    is_card_number,
    why_no_claim_name,
    why_no_claim_value,
)
from tokenward.tokens.jws import sign_jwt
from tokenward.tokens.keys import SigningKey

KEY = SigningKey.generate("ES256")
JWT = sign_jwt(KEY, {"sub": "x"}, typ="JWT")
JWE = ".".join([base64url.encode(b'{"alg":"dir","enc":"A256GCM"}'), "", "AAAA", "AAAA", "AAAA"])
CARD = "4111111111111111"  # everybody's test number


def of(*parts: str) -> str:
    """A text that only looks like somebody's credential, put together so that no scanner finds it here."""
    return "".join(parts)


NAMES = (
    "password", "Password", "PASSWORD", "user_password", "user-password", "userPassword", "dbpassword",
    "password2", "passwd", "pwd", "passphrase", "passwordHash", "password_hash",
    "secret", "secrets", "client_secret", "clientSecret", "CLIENT-SECRET", "client.secret", "clientsecret",
    "api_key", "apiKey", "APIKey", "x-api-key", "apikey", "aws_access_key",
    "private_key", "privateKey", "PRIVATE-KEY", "signing_key",
    "token", "Token", "access_token", "accessToken", "accesstoken", "refresh_token", "id_token", "auth-token",
    "https://example.com/claims/access_token", "cookie", "pin", "card_pin", "otp", "cvv", "CVC2",
    "card_number", "creditCard", "code_verifier",
)  # fmt: skip

HARMLESS_NAMES = (
    "sub", "email", "name", "phone_number", "scope", "token_type", "token_count", "tokens", "token_id",
    "password_changed_at", "secret_santa", "secretary", "shipping", "spinning", "pinned", "opinion",
    "pin_count",
    "key", "keys", "public_key", "key_id", "compass", "boarding_pass", "order_id", "session_id", "sid", "jti",
    "postal_code", "code", "country_code", "card_type", "authorization_details", "credential_type", "nonce",
)  # fmt: skip

VALUES = (
    JWT,
    JWE,
    f"see {JWT}.",
    "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.",  # tokenward:allow reason=unsigned
    opaque.new("at").secret.reveal(),
    opaque.new("ak", prefix="acme").secret.reveal(),
    f"key={opaque.new('cs', prefix='my-corp').secret.reveal()};",
    of("-----BEGIN ", "PRIVATE KEY-----\nMIG"),
    of("-----BEGIN RSA ", "PRIVATE KEY-----"),
    of("-----BEGIN OPENSSH ", "PRIVATE KEY-----"),
    of("-----BEGIN PGP ", "PRIVATE KEY BLOCK-----"),
    json.dumps({"kty": "EC", "crv": "P-256", "d": "A" * 43}),
    CARD,
    "4111 1111 1111 1111",
    "4111-1111-1111-1111",
    f"paid with {CARD}.",
    f"{CARD} 12/27",
    "4111 1111 1111 1111 1/2027",
    "5555555555554444",
    "2223003122003222",
    "3782 822463 10005",
    "378282246310005",
    "6011111111111117",
    "30569309025904",
    "3530111333300000",
    "6200000000000005",
    of("$argon2id$", "v=19$m=65536,t=3,p=4$c29tZXNhbHQ$RdescudvJCsgt3ub"),
    of("$2b$", "12$abcdefghijklmnopqrstuv"),
    "postgresql://app:hunter2@db.example/app",
    "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
    "Authorization: Bearer abcdefghijklmnop0123",
    of("ghp", "_", "a1" * 18),
    of("github_pat", "_", "a1" * 41),
    of("glpat", "-", "a1" * 10),
    of("AKIA", "ABCDEFGHIJKLMNOP"),
    of("AIza", "a" * 35),
    of("ya29", ".", "a" * 30),
    of("GOCSPX", "-", "a" * 28),
    of("xoxb", "-", "1234567890-abc"),
    of("xapp", "-1-", "ABCDEFGHIJ"),
    of("sk_live", "_", "a1" * 12),
    of("whsec", "_", "a1" * 16),
    of("npm", "_", "a" * 36),
    of("pypi", "-AgE", "a" * 60),
    of("SG", ".", "a" * 22, ".", "b" * 43),
    of("sk", "-", "a1" * 24),
    of("sk-ant", "-", "a1" * 24),
    of("hf", "_", "a" * 34),
    of("dop", "_v1_", "a1" * 32),
    of("shpat", "_", "a1" * 16),
    of("dapi", "a1" * 16),
    of("hvs", ".", "a1" * 14),
    of("AGE-SECRET-KEY", "-1", "Q" * 58),
)

HARMLESS_VALUES = (
    "",
    "Ada Lovelace",
    "ada@example.com",
    "https://ada.example/me?tab=1@home",
    "https://user@host.example/",
    "+49 30 1234567890",
    "+4111111111111111",
    "4111111111111112",  # not Luhn
    "1234567812345670",  # Luhn, but nobody's range
    "400638133393",  # EAN
    "4006381333931",
    "20261124213912345",
    "1732480000000000",  # microseconds
    "490154203237518",  # IMEI
    "DE89370400440532013000",
    "DE89 3704 0044 0532 0130 00",
    "ES91 2100 0418 4502 0005 1332",
    f"a{CARD}",
    f"{CARD}ff",
    f"0.{CARD}",
    f"{CARD} 42",
    f"{CARD} 123/4",
    "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
    "d41d8cd98f00b204e9800998ecf8427e",
    "11111111-1111-4111-8111-111111111111",
    "tkw_at_" + "0" * 60,  # the checksum is wrong
    "eyJ is how it begins",
    "eyJhbGciOiJFUzI1NiJ9",
    "it costs $5$ or $6$",
    "basic understanding of non-discrimination",
    "bearer of the ring",
    "sk-some-slug-in-slovak-with-many-words-2024",
    "Europe/Berlin",
    "-----BEGIN PUBLIC KEY-----",
    json.dumps({"kty": "EC", "crv": "P-256", "x": "A" * 43}),
    "pwd", "eu-central-1", "urn:example:team:7",
)  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_credential_is_known_by_its_name(name):
    with pytest.raises(CredentialInClaim) as caught:
        check_claims({"profile": {name: "hunter2"}})
    assert caught.value.claim == f"profile.{name}"
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("name", HARMLESS_NAMES)
def test_a_name_that_only_resembles_one_passes(name):
    assert why_no_claim_name(name) == ""


@pytest.mark.parametrize("value", VALUES, ids=range(len(VALUES)))
def test_a_credential_is_known_by_its_value(value):
    for claims in ({"note": value}, {"a": {"b": [1, {"c": value}]}}):
        with pytest.raises(CredentialInClaim) as caught:
            check_claims(claims)
        assert value not in str(caught.value)


@pytest.mark.parametrize("value", HARMLESS_VALUES)
def test_a_value_that_only_resembles_one_passes(value):
    check_claims({"note": value, "notes": [{"text": value}]})


def test_a_name_of_many_words_is_read_once():
    """One of 200,000 words took minutes to read again for every ending."""
    began = time.perf_counter()
    assert why_no_claim_name("a_" * 200_000 + "pin")
    assert not why_no_claim_name("a_" * 200_000 + "spin")
    assert time.perf_counter() - began < 5


def test_a_place_is_told_by_its_keys():
    with pytest.raises(CredentialInClaim) as caught:
        check_claims({"a": [{"b": "x"}, {"c": CARD}]})
    assert (caught.value.claim, caught.value.why) == (
        "a[1].c",
        "its value looks like a payment card's number",
    )


def test_numbers_are_read_like_texts():
    for number in (int(CARD), float(CARD)):
        with pytest.raises(CredentialInClaim):
            check_claims({"n": number})
    check_claims({"n": 1_800_000_000, "f": 1.5, "big": 10**40})
    for unusual in (10**5000, -(10**5000), float("inf"), float("nan")):
        check_claims({"n": unusual})


@pytest.mark.parametrize("value", VALUES, ids=range(len(VALUES)))
def test_a_credential_hides_in_no_name_and_is_not_told_from_there(value):
    for member in (True, None, {"password": "x"}, [{"pin": 1}]):
        with pytest.raises(CredentialInClaim, match="its name is a credential itself") as caught:
            check_claims({"seen": {value: member}})
        assert caught.value.claim == "seen.…"


def test_true_false_and_null_are_no_credentials():
    check_claims({"has_password": True, "secret": None, "pin": False})
    with pytest.raises(CredentialInClaim):
        check_claims({"pin": 1234})


@pytest.mark.parametrize("member", ["d", "k", "p", "dq"])
def test_a_private_jwk_is_a_credential_and_a_public_one_is_none(member):
    public = KEY.public_jwk()
    check_claims({"cnf": {"jwk": public}})
    with pytest.raises(CredentialInClaim, match="JWK"):
        check_claims({"cnf": {"jwk": {**public, member: "x"}}})


@pytest.mark.parametrize("value", [JWT, CARD, VALUES[4]], ids=["JWT", "card", "ours"])
def test_value_patterns_leave_sub_and_jti_alone(value):
    check_claims({"sub": value, "jti": value, "act": {"sub": value, "act": {"sub": value}}})
    for claims in ({"subject": value}, {"profile": {"sub": value}}, {"jti": [value]}, {"sub": {"x": value}}):
        with pytest.raises(CredentialInClaim):
            check_claims(claims)


def test_what_cannot_be_checked_is_refused():
    deep: object = "x"
    for _ in range(MAX_DEPTH):
        deep = {"a": deep}
    check_claims({"a": deep["a"]["a"]})
    endless: list[object] = []
    endless.append(endless)
    for claims, why in (
        ({"a": deep}, "too deep"),
        ({"a": endless}, "too deep"),
        ({"a": list(range(MAX_VALUES))}, "more values"),
        ({"a": b"x"}, "no JSON"),
        ({"a": {1: "x"}}, "no JSON"),
    ):
        with pytest.raises(CredentialInClaim, match=why):
            check_claims(claims)


@given(st.from_regex(r"[0-9A-Za-z_-]{1,20}", fullmatch=True), st.sampled_from(sorted(opaque.KINDS)))
def test_our_tokens_are_found_whatever_their_prefix(prefix, kind):
    text = opaque.new(kind, prefix=prefix).secret.reveal()
    assert why_no_claim_value(f"<{text}>")


@given(st.integers(0, 2**32 - 1))
def test_a_token_with_another_checksum_passes(number):
    text = "tkw_at_" + "a" * 54
    assume(number != crc32(text.encode()))
    assert why_no_claim_value(text + base62(number, 6)) == ""


@given(st.uuids(), st.binary(min_size=16, max_size=64))
def test_uuids_and_hashes_pass(number: uuid.UUID, digest: bytes):
    check_claims(
        {"a": str(number), "b": digest.hex(), "c": f"sha256:{digest.hex()}", "d": str(number).upper()}
    )


@given(st.from_regex(r"\+[1-9][0-9]{7,14}", fullmatch=True))
def test_telephone_numbers_pass(number):
    check_claims({"phone_number": number, "text": f"call {number}, or not"})


@given(st.text("0123456789", min_size=1, max_size=24))
def test_digits_are_a_card_if_and_only_if_luhn_and_range_say_so(digits):
    """Luhn as everybody knows it, from the right, against ours."""
    numbers = [int(each) for each in reversed(digits)]
    total = sum(each if at % 2 == 0 else sum(divmod(2 * each, 10)) for at, each in enumerate(numbers))
    if total % 10:
        assert not is_card_number(digits)
    assert bool(why_no_claim_value(digits)) == is_card_number(digits)


@given(st.text("0123456789", min_size=14, max_size=14), st.sampled_from(["4", "51", "6011"]))
def test_of_ten_check_digits_one_makes_a_card(middle, beginning):
    body = (beginning + middle)[:15]
    cards = [body + last for last in "0123456789" if is_card_number(body + last)]
    assert len(cards) == 1
    check_claims({"order": body + next(each for each in "0123456789" if body + each not in cards)})


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(st.text(max_size=8), json_values, max_size=4), st.sampled_from(VALUES))
def test_wherever_a_credential_hides_it_is_found(claims, secret):
    for hidden in ({**claims, "note": secret}, {**claims, "note": [claims, secret]}):
        with pytest.raises(CredentialInClaim):
            check_claims(hidden)


@given(st.dictionaries(st.text(), json_values))
def test_any_json_is_answered(claims):
    with contextlib.suppress(CredentialInClaim):
        check_claims(claims)
