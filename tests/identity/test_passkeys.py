import contextlib
import hashlib
import json
import secrets
import subprocess
import sys

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given
from hypothesis import strategies as st

from identity.authenticator import (
    AAGUID,
    AT,
    BE,
    BS,
    ED,
    EDDSA,
    ES256,
    RS256,
    UP,
    UV,
    Authenticator,
    cbor,
    cose,
    head,
    new_key,
)
from tokenward.base.problems import PASSKEY_REFUSED, Refusal
from tokenward.identity.factors.cbor import item_end
from tokenward.identity.factors.passkeys import (
    RelyingParty,
    amr_of,
    creation_options,
    credential_id_of,
    relying_party,
    request_options,
    verify_assertion,
    verify_creation,
)
from tokenward.identity.factors.responses import MAX_RESPONSE
from tokenward.tokens import base64url

RP = RelyingParty("id.example", "Example", "https://id.example")
CHALLENGE = hashlib.sha256(b"a challenge").digest()
ADA = b"user-id-of-ada"
KEYS = {algorithm: new_key(algorithm) for algorithm in (ES256, EDDSA, RS256)}
ADAS = Authenticator(KEYS[ES256], ADA)
PUBLIC_KEY = cbor(cose(KEYS[ES256]))


def check(response, **changed):
    facts = {
        "challenge": CHALLENGE,
        "public_key": PUBLIC_KEY,
        "sign_count": 0,
        "backup_eligible": True,
        "user_handle": ADA,
    }
    return verify_assertion(RP, response, **(facts | changed))


def refused(verify, response, **changed):
    with pytest.raises(Refusal) as caught:
        verify(response, **changed)
    assert caught.value.problem is PASSKEY_REFUSED
    assert caught.value.detail.startswith("passkey: ")
    return caught.value.detail


def enrol(response):
    return verify_creation(RP, response, challenge=CHALLENGE)


@pytest.mark.parametrize("algorithm", KEYS)
def test_a_passkey_that_was_made_signs_in(algorithm):
    authenticator = Authenticator(KEYS[algorithm], ADA)
    made = enrol(authenticator.create(CHALLENGE, count=3))
    assert made.credential_id == authenticator.id
    assert made.public_key == cbor(cose(KEYS[algorithm]))
    assert (made.sign_count, made.transports) == (3, ("hybrid", "internal"))
    assert made.aaguid.replace("-", "") == AAGUID.hex()
    assert made.backup_eligible
    assert made.backed_up
    response = authenticator.use(CHALLENGE, count=4)
    assert credential_id_of(response) == made.credential_id
    used = check(response, public_key=made.public_key, sign_count=made.sign_count)
    assert (used.credential_id, used.sign_count, used.user_handle) == (made.credential_id, 4, ADA)
    assert used.user_verified
    assert used.backed_up


def test_a_key_that_stays_on_its_device_says_so():
    authenticator = Authenticator(KEYS[ES256], ADA, backup=0)
    made = enrol(authenticator.create(CHALLENGE))
    assert not made.backup_eligible
    assert not made.backed_up
    assert not check(authenticator.use(CHALLENGE), backup_eligible=False).backed_up


def test_a_key_that_can_be_copied_need_not_be():
    authenticator = Authenticator(KEYS[ES256], ADA, backup=BE)
    made = enrol(authenticator.create(CHALLENGE))
    assert (made.backup_eligible, made.backed_up) == (True, False)
    assert not check(authenticator.use(CHALLENGE)).backed_up


def test_an_authenticator_that_signs_its_own_key_is_taken():
    assert enrol(ADAS.create(CHALLENGE, fmt="packed", statement="self"))


def test_extensions_that_nobody_asked_for_are_skipped():
    flags, extension = UP | UV | BE | BS | ED, cbor({"credProtect": 2})
    assert enrol(ADAS.create(CHALLENGE, flags=flags | AT, behind=extension))
    assert check(ADAS.use(CHALLENGE, flags=flags, behind=extension))


def test_a_browser_may_leave_out_what_it_need_not_say():
    made = enrol(ADAS.create(CHALLENGE, client={"crossOrigin": None}, response={"transports": None}))
    assert made.transports == ()
    assert check(ADAS.use(CHALLENGE, client={"crossOrigin": None}))


def test_transports_that_nobody_knows_are_forgotten():
    response = {"transports": ["usb", "carrier-pigeon", 7, ["nfc"], "usb"]}
    assert enrol(ADAS.create(CHALLENGE, response=response)).transports == ("usb",)


SHORT = b"x" * 15
OFF_CURVE = {**cose(KEYS[ES256]), -3: b"\x01" * 32}
WEAK, ODD = rsa.generate_private_key(65537, 1024), rsa.generate_private_key(3, 2048)
P384 = ec.generate_private_key(ec.SECP384R1()).public_key().public_numbers()
WRONG_CURVE = {1: 2, 3: ES256, -1: 2, -2: P384.x.to_bytes(48), -3: P384.y.to_bytes(48)}
CURVE_384 = {**WRONG_CURVE, 3: -35}


def rsa_key(key, exponent):
    return {1: 3, 3: RS256, -1: key.public_key().public_numbers().n.to_bytes(key.key_size // 8), -2: exponent}


BAD_FOR_BOTH = {
    "another origin": ({"client": {"origin": "https://evil.example"}}, "client data origin"),
    "a subdomain": ({"client": {"origin": "https://a.id.example"}}, "client data origin"),
    "plain http": ({"client": {"origin": "http://id.example"}}, "client data origin"),
    "an origin with a slash": ({"client": {"origin": "https://id.example/"}}, "client data origin"),
    "another port": ({"client": {"origin": "https://id.example:8443"}}, "client data origin"),
    "an origin that is a list": ({"client": {"origin": ["https://id.example"]}}, "client data origin"),
    "no origin": ({"client": {"origin": None}}, "clientDataJSON was malformed"),
    "another relying party": ({"rp_id": "evil.example"}, "RP ID hash"),
    "another challenge": ({"client": {"challenge": base64url.encode(b"y" * 32)}}, "challenge"),
    "an empty challenge": ({"client": {"challenge": ""}}, "challenge"),
    "another type": ({"client": {"type": "payment.get"}}, "client data type"),
    "a frame of another origin": ({"client": {"crossOrigin": True}}, "frame of another origin"),
    "a frame that calls itself 0": ({"client": {"crossOrigin": 0}}, "frame of another origin"),
    "a frame's top": ({"client": {"topOrigin": "https://evil.example"}}, "frame of another origin"),
    "client data that are a list": ({"client_data": b"[]"}, "client data are not"),
    "client data with a name twice": (
        {"client_data": b'{"type":"webauthn.get","type":"webauthn.create"}'},
        "client data are not",
    ),
    "copied, though it cannot be": ({"flags": UP | UV | AT | BS}, "Single-device"),
    "another type of credential": ({"whole": {"type": "password"}}, "type of credential"),
    "no type": ({"whole": {"type": None}}, "type of credential"),
    "an id that is a number": ({"whole": {"id": 7}}, "id or response"),
    "a raw id that differs": ({"whole": {"rawId": base64url.encode(b"z" * 32)}}, "rawId"),
    "no raw id": ({"whole": {"rawId": None}}, "rawId"),
    "an id with padding": ({"whole": {"id": ADAS.id + "=", "rawId": ADAS.id + "="}}, "not base64url"),
    "an id that is too short": (
        {"whole": dict.fromkeys(("id", "rawId"), base64url.encode(SHORT))},
        "another length",
    ),
    "an id that is too long": (
        {"whole": dict.fromkeys(("id", "rawId"), base64url.encode(b"x" * 1024))},
        "another length",
    ),
    "no response": ({"whole": {"response": None}}, "id or response"),
    "a response that is a text": ({"whole": {"response": "x"}}, "id or response"),
    "no client data": ({"response": {"clientDataJSON": None}}, "missing"),
    "client data in the other base64": ({"response": {"clientDataJSON": "+/8="}}, "not base64url"),
    "too much": ({"whole": {"x": "x" * MAX_RESPONSE}}, "too large"),
}
# What is refused while it is read, whatever it says of the person.
UNREADABLE = [
    "",
    "{",
    "[]",
    "null",
    '"x"',
    "{}",
    '{"type":"public-key","type":"public-key"}',
    "\ud800",
    "9" * 9999,
]

BAD_CREATIONS = {
    "an assertion's client data": ({"client": {"type": "webauthn.get"}}, "client data type"),
    "nobody there": ({"flags": UV | AT | BE | BS}, "User presence"),
    "nobody verified": ({"flags": UP | AT | BE | BS}, "User verification"),
    "no credential": ({"flags": UP | UV | BE | BS}, "attested credential data"),
    "another credential's id": ({"attested_id": b"z" * 32}, "not the authenticator's"),
    "no id": ({"attested_id": b""}, "credential ID"),
    "algorithm none": ({"public_key": cbor({**cose(KEYS[ES256]), 3: 0})}, "missing alg"),
    "HMAC": ({"public_key": cbor({1: 4, 3: 5, -1: b"x" * 32})}, "public key type"),
    "HMAC with the key of a curve": ({"public_key": cbor({**cose(KEYS[ES256]), 3: 5})}, "public key alg"),
    "RS1": ({"public_key": cbor({**cose(KEYS[RS256]), 3: -65535})}, "public key alg"),
    "PS256": ({"public_key": cbor({**cose(KEYS[RS256]), 3: -37})}, "public key alg"),
    "RS256 of a curve": ({"public_key": cbor({**cose(KEYS[ES256]), 3: RS256})}, "not asked for"),
    "ES256 of another curve": ({"public_key": cbor(WRONG_CURVE)}, "not asked for"),
    "ES384": ({"public_key": cbor(CURVE_384)}, "public key alg"),
    "X25519": ({"public_key": cbor({**cose(KEYS[EDDSA]), -1: 4})}, "not asked for"),
    "a point off the curve": ({"public_key": cbor(OFF_CURVE)}, "library raised"),
    "a compressed point": ({"public_key": cbor({**cose(KEYS[ES256]), -3: True})}, "library raised"),
    "a key without a point": ({"public_key": cbor({1: 2, 3: ES256, -1: 1})}, "library raised"),
    "a short RSA key": ({"public_key": cbor(rsa_key(WEAK, b"\x01\x00\x01"))}, "RSA key of another"),
    "a small exponent": ({"public_key": cbor(rsa_key(ODD, b"\x03"))}, "RSA key of another"),
    "a long RSA key": (
        {"public_key": cbor({1: 3, 3: RS256, -1: b"\xff" * 1024, -2: b"\x01\x00\x01"})},
        "RSA key of another",
    ),
    "a key that is a number": ({"public_key": b"\x04"}, "library raised"),
    "a key with a member twice": ({"public_key": b"\xa2\x01\x02\x01\x02"}, "malformed"),
    "no key": ({"public_key": b""}, "ends early"),
    "a key that ends early": ({"public_key": PUBLIC_KEY[:-1]}, "ends early"),
    "bytes behind the key": ({"behind": b"\x00"}, "behind the authenticator data"),
    "an extension without its flag": ({"behind": cbor({"a": 1})}, "behind the authenticator data"),
    "a flag without its extension": ({"flags": UP | UV | AT | BE | BS | ED}, "ends early"),
    "bytes behind the object": (
        {"attestation": lambda parts: cbor(parts) + b"\x00"},
        "behind the attestation",
    ),
    "an object within": ({"attestation": lambda parts: cbor([parts])}, "no authenticator data"),
    "no authenticator data": (
        {"attestation": lambda _: cbor({"fmt": "none", "attStmt": {}})},
        "no authenticator",
    ),
    "short authenticator data": (
        {"attestation": lambda parts: cbor({**parts, "authData": parts["authData"][:36]})},
        "too short",
    ),
    "a tag": ({"attestation": lambda parts: b"\xd8\x23" + cbor(parts)}, "a tag"),
    "no CBOR": ({"attestation": lambda _: b"\xff\xff"}, "a tag"),
    "nothing": ({"attestation": lambda _: b""}, "ends early"),
    "none with a statement": ({"statement": {"x": 1}}, "attestation that was not asked for"),
    "no statement": (
        {"attestation": lambda parts: cbor({k: parts[k] for k in ("fmt", "authData")})},
        "attestation that was not asked for",
    ),
    "a model's certificate": (
        {"fmt": "packed", "statement": {"alg": ES256, "sig": b"x", "x5c": [b"x"]}},
        "attestation that was not asked for",
    ),
    "a TPM": ({"fmt": "tpm", "statement": "self"}, "attestation that was not asked for"),
    "a format that is a list": ({"fmt": ["none"]}, "attestation that was not asked for"),
    "a self-signature that is wrong": (
        {"fmt": "packed", "statement": {"alg": ES256, "sig": b"x"}},
        "attestation statement signature",
    ),
    "no attestation object": ({"response": {"attestationObject": None}}, "missing"),
}

BAD_USES = {
    "a creation's client data": ({"client": {"type": "webauthn.create"}}, "client data type"),
    "nobody there": ({"flags": UV | BE | BS}, "User was not present"),
    "nobody verified": ({"flags": UP | BE | BS}, "User verification"),
    "another key": ({"key": new_key(ES256)}, "verify authentication signature"),
    "another algorithm's key": ({"key": KEYS[EDDSA]}, "verify authentication signature"),
    "no signature": ({"signature": b""}, "verify authentication signature"),
    "another person's handle": ({"response": {"userHandle": base64url.encode(b"bob")}}, "another person's"),
    "an empty handle": ({"response": {"userHandle": ""}}, "user handle is missing"),
    "no handle": ({"response": {"userHandle": None}}, "user handle is missing"),
    "a handle that is a number": ({"response": {"userHandle": 7}}, "missing"),
    "it cannot be copied any more": ({"flags": UP | UV}, "other than when it was made"),
    "bytes behind": ({"behind": b"\x00"}, "behind the authenticator data"),
    "a flag without its extension": ({"flags": UP | UV | BE | BS | ED}, "ends early"),
    "a flag without its credential": ({"flags": UP | UV | BE | BS | AT}, "ends early"),
    "short authenticator data": (
        {"response": {"authenticatorData": base64url.encode(b"x" * 36)}},
        "too short",
    ),
    "no authenticator data": ({"response": {"authenticatorData": None}}, "missing"),
    "no signature at all": ({"response": {"signature": None}}, "missing"),
}


@pytest.mark.parametrize("name", BAD_FOR_BOTH | BAD_CREATIONS)
def test_no_passkey_comes_of_it(name):
    changed, why = (BAD_FOR_BOTH | BAD_CREATIONS)[name]
    detail = refused(enrol, ADAS.create(CHALLENGE, **changed))
    assert why in detail


@pytest.mark.parametrize("name", BAD_FOR_BOTH | BAD_USES)
def test_nobody_signs_in_with_it(name):
    changed, why = (BAD_FOR_BOTH | BAD_USES)[name]
    if name == "copied, though it cannot be":
        detail = refused(check, ADAS.use(CHALLENGE, flags=UP | UV | BS), backup_eligible=False)
    else:
        detail = refused(check, ADAS.use(CHALLENGE, **changed))
    assert why in detail


@pytest.mark.parametrize("text", UNREADABLE, ids=range(len(UNREADABLE)))
@pytest.mark.parametrize("read", [enrol, check, credential_id_of])
def test_what_is_no_response_is_refused(read, text):
    refused(read, text)


def test_an_attestation_is_no_assertion_and_the_other_way_round():
    assert "missing" in refused(check, ADAS.create(CHALLENGE))
    assert "missing" in refused(enrol, ADAS.use(CHALLENGE))


@pytest.mark.parametrize(
    ("stored", "said", "good"),
    [(0, 0, True), (0, 1, True), (7, 8, True), (7, 100, True), (7, 7, False), (7, 6, False), (7, 0, False)],
)
def test_a_count_that_does_not_grow_is_a_copys(stored, said, good):
    response = ADAS.use(CHALLENGE, count=said)
    if good:
        assert check(response, sign_count=stored).sign_count == said
    else:
        detail = refused(check, response, sign_count=stored)
        assert detail == f"passkey: possibly a copy: its count is {said} after {stored}"


def test_only_who_holds_the_key_raises_the_alarm_of_a_copy():
    assert "copy" not in refused(check, ADAS.use(CHALLENGE, count=1, key=new_key(ES256)), sign_count=7)


def test_a_key_that_could_not_be_copied_cannot_now():
    assert "other than when" in refused(check, ADAS.use(CHALLENGE), backup_eligible=False)


def test_only_a_person_who_was_asked_by_name_may_leave_their_handle_out():
    silent = ADAS.use(CHALLENGE, response={"userHandle": None})
    assert check(silent, allow=[ADAS.id]).user_handle is None
    assert "another person's" in refused(check, ADAS.use(CHALLENGE), allow=[ADAS.id], user_handle=b"bob")


def test_only_a_passkey_that_was_asked_for_will_do():
    other = Authenticator(KEYS[ES256], ADA)
    assert check(ADAS.use(CHALLENGE), allow=[other.id, ADAS.id])
    assert "asked for" in refused(check, ADAS.use(CHALLENGE), allow=[other.id])


def test_a_stored_key_that_is_damaged_lets_nobody_in():
    for public_key in (b"", b"\x00", PUBLIC_KEY[:-1]):
        refused(check, ADAS.use(CHALLENGE), public_key=public_key)


def test_what_was_sent_does_not_reach_the_log():
    detail = refused(check, ADAS.use(CHALLENGE, client={"origin": "https://evil.example\nsigned in"}))
    assert "evil" not in detail
    assert "\n" not in detail


@given(st.binary(max_size=200))
def test_whatever_stands_for_an_attestation_is_refused(noise):
    refused(enrol, ADAS.create(CHALLENGE, attestation=lambda _: noise))


@given(st.binary(max_size=120))
def test_whatever_stands_for_a_key_is_refused(noise):
    refused(enrol, ADAS.create(CHALLENGE, public_key=noise))


@given(st.binary(max_size=120))
def test_whatever_stands_for_authenticator_data_is_refused(noise):
    refused(check, ADAS.use(CHALLENGE, response={"authenticatorData": base64url.encode(noise)}))


def test_what_the_browser_is_told_to_make():
    options = creation_options(RP, user_handle=ADA, username="ada", challenge=CHALLENGE, exclude=[ADAS.id])
    assert json.loads(json.dumps(options)) == options
    assert options["rp"] == {"id": "id.example", "name": "Example"}
    assert options["user"] == {"id": base64url.encode(ADA), "name": "ada", "displayName": "ada"}
    assert options["challenge"] == base64url.encode(CHALLENGE)
    assert [each["alg"] for each in options["pubKeyCredParams"]] == [ES256, EDDSA, RS256]
    assert options["excludeCredentials"] == [{"type": "public-key", "id": ADAS.id}]
    assert options["authenticatorSelection"] == {
        "residentKey": "required",
        "requireResidentKey": True,
        "userVerification": "required",
    }
    assert options["attestation"] == "none"
    assert options["timeout"] == 300_000


def test_what_the_browser_is_asked_for():
    options = request_options(RP, challenge=CHALLENGE)
    assert options["rpId"] == "id.example"
    assert options["challenge"] == base64url.encode(CHALLENGE)
    assert options["allowCredentials"] == []
    assert options["userVerification"] == "required"
    allowed = request_options(RP, challenge=CHALLENGE, allow=[ADAS.id])["allowCredentials"]
    assert allowed == [{"type": "public-key", "id": ADAS.id}]


def test_a_challenge_that_could_be_guessed_is_a_fault():
    with pytest.raises(ValueError, match="challenge"):
        request_options(RP, challenge=secrets.token_bytes(15))
    for handle in (b"", b"x" * 65):
        with pytest.raises(ValueError, match="handle"):
            creation_options(RP, user_handle=handle, username="ada", challenge=CHALLENGE)


@pytest.mark.parametrize(
    ("url", "party"),
    [
        ("https://id.example", RP),
        ("https://id.example:8443/", RelyingParty("id.example", "Example", "https://id.example:8443")),
        ("http://localhost:8080", RelyingParty("localhost", "Example", "http://localhost:8080")),
        ("http://127.0.0.1:8080", None),
        ("https://192.0.2.1", None),
        ("https://[2001:db8::1]", None),
        ("http://id.example", None),
    ],
)
def test_where_there_are_passkeys(url, party):
    assert relying_party(url, "Example") == party


@pytest.mark.parametrize(
    ("eligible", "verified", "amr"),
    [
        (True, True, ("swk", "user", "mfa")),
        (True, False, ("swk", "user")),
        (False, True, ("hwk", "user", "mfa")),
        (False, False, ("hwk", "user")),
    ],
)
def test_what_using_one_is_called(eligible, verified, amr):
    assert amr_of(eligible, verified) == amr


def test_the_library_is_loaded_by_who_uses_it_only():
    look = "import sys, tokenward.identity.factors.passkeys; sys.exit('webauthn' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", look], check=False).returncode == 0


ITEMS = st.recursive(
    st.integers(-(2**64), 2**64 - 1) | st.binary(max_size=300) | st.text(max_size=100) | st.booleans(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=8,
)


@given(ITEMS, st.binary(max_size=3), st.binary(max_size=3))
def test_an_item_ends_where_it_ends(item, before, behind):
    written = cbor(item)
    assert item_end(before + written + behind, len(before), depth=20) == len(before + written)
    for cut in {0, 1, len(written) - 1} - {len(written)}:
        with pytest.raises(ValueError, match="early"):
            item_end(written[:cut], depth=20)


@given(st.binary(max_size=60))
def test_noise_is_an_item_or_an_error(noise):
    with contextlib.suppress(ValueError):
        assert 0 < item_end(noise) <= len(noise)


def test_four_levels_are_an_authenticators_and_five_are_not():
    assert item_end(cbor([[[[1]]]]))
    with pytest.raises(ValueError, match="deep"):
        item_end(cbor([[[[[1]]]]]))


@pytest.mark.parametrize(
    "item",
    [b"\xc0\x00", b"\xd8\x23\x61a", b"\xf9\x00\x00", b"\x5f\xff", b"\x9f\xff", b"\xbf\xff", b"\xf7", b"\x1c"],
)
def test_what_authenticators_do_not_write_is_no_cbor(item):
    with pytest.raises(ValueError, match="tag"):
        item_end(item)


@pytest.mark.parametrize("major", [4, 5])
def test_a_list_that_claims_to_be_endless_costs_nothing(major):
    with pytest.raises(ValueError, match="early"):
        item_end(head(major, 2**63))
