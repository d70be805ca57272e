"""Tokens are made here: the repository holds none."""

import base64
import hmac
import json
from datetime import UTC, datetime

import pytest
import re2

from tokenward.base.clock import ManualClock
from tokenward.base.severity import Confidence, Severity
from tokenward.leaks.detectors import jwt
from tokenward.leaks.recording import SILENCE, Notes
from tokenward.leaks.rulebook.templates import fill
from tokenward.leaks.text import Text

NOW = datetime(2026, 6, 1, tzinfo=UTC).timestamp()
HEADER = {"alg": "HS256", "typ": "JWT"}
CLAIMS = {"iss": "https://issuer.example", "aud": ["a", "b"], "exp": int(NOW) + 600}
GOOD_KEY = fill("{hex:32}", "a")


def part(value):
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=")


def token(header=HEADER, claims=CLAIMS, key=GOOD_KEY, digest="sha256"):
    signed = part(header) + b"." + part(claims)
    return signed + b"." + base64.urlsafe_b64encode(hmac.digest(key, signed, digest)).rstrip(b"=")


def find(data, recorder=SILENCE, path="config.py"):
    return list(jwt.find(Text(data, path), 0, recorder, ManualClock(NOW)))


def test_says_what_the_token_says():
    whole = token()
    data = b'TOKEN = "' + whole + b'"\n'
    [found] = find(data)
    assert data[found.start : found.end] == whole == found.secret
    assert (found.rule, found.confidence, found.severity) == (
        "json-web-token",
        Confidence.HIGH,
        Severity.HIGH,
    )
    assert dict(found.facts) == {
        "algorithm": "HS256",
        "type": "JWT",
        "issuer": "https://issuer.example",
        "audience": "a, b",
        "expiry": "2026-06-01T00:10:00+00:00",
    }


def test_an_expired_token_is_little_and_says_so():
    [found] = find(token(claims=CLAIMS | {"exp": int(NOW) - 1}))
    assert found.severity is Severity.LOW
    assert found.facts["state"] == "expired"


@pytest.mark.parametrize("key", [b"secret", b"your-256-bit-secret", b"changeme"])
@pytest.mark.parametrize(
    ("algorithm", "digest"), [("HS256", "sha256"), ("HS384", "sha384"), ("HS512", "sha512")]
)
def test_a_token_that_anybody_could_have_signed_is_critical_even_when_expired(key, algorithm, digest):
    [found] = find(token({"alg": algorithm}, CLAIMS | {"exp": 1}, key, digest))
    assert found.severity is Severity.CRITICAL
    assert found.facts["weakness"] == "signed with a well-known secret"
    assert key.decode() not in " ".join(found.facts.values()).replace("well-known secret", "")


def test_in_an_address_means_as_a_parameter():
    [found] = find(b"see https://api.example/?access_token:" + token())
    assert "where" not in found.facts


@pytest.mark.parametrize(
    ("algorithm", "size", "confidence"),
    [
        ("RS256", 256, Confidence.HIGH),
        ("PS512", 64, Confidence.LOW),
        ("ES256", 64, Confidence.HIGH),
        ("ES256", 63, Confidence.LOW),
        ("EdDSA", 64, Confidence.MEDIUM),
        ("XY999", 16, Confidence.LOW),
    ],
)
def test_how_sure_it_is_follows_from_the_signatures_size(algorithm, size, confidence):
    signature = base64.urlsafe_b64encode(bytes(range(256))[:size]).rstrip(b"=")
    [found] = find(part({"alg": algorithm}) + b"." + part(CLAIMS) + b"." + signature)
    assert found.confidence is confidence


def test_a_signature_under_a_token_that_says_it_has_none_is_a_placeholder():
    assert find(part({"alg": "none"}) + b"." + part(CLAIMS) + b"." + b"A" * 43) == []


def test_in_a_test_it_is_not_as_bad():
    [found] = find(token(), path="tests/test_login.py")
    assert (found.confidence, found.severity) == (Confidence.HIGH, Severity.MEDIUM)


def test_an_unsigned_token_is_told_as_such():
    [found] = find(part({"alg": "none"}) + b"." + part(CLAIMS) + b".")
    assert found.severity is Severity.LOW
    assert found.facts["weakness"] == "not signed"


@pytest.mark.parametrize(
    "claims",
    [
        {"sub": "1234567890", "name": "John Doe", "iat": 1516239022},
        {"iss": "supabase", "role": "anon", "ref": "abcdefghijkl"},
    ],
    ids=["the example of jwt.io", "an anonymous key of Supabase"],
)
def test_what_everybody_may_have_is_no_finding(claims):
    notes = Notes()
    assert find(token(claims=claims), notes) == []
    assert [note.verdict for note in notes.kept] == ["dropped"]


def test_the_service_role_of_supabase_is_critical():
    [found] = find(token(claims={"iss": "supabase", "role": "service_role"}))
    assert (found.rule, found.severity) == ("supabase-service-role-key", Severity.CRITICAL)


def test_an_encrypted_token_is_worth_a_remark():
    whole = b".".join([part({"alg": "dir", "enc": "A256GCM"}), b"", b"A" * 16, b"b" * 40, b"c" * 22])
    [found] = find(whole)
    assert (found.rule, found.secret) == ("json-web-encryption", whole)
    assert dict(found.facts) == {"algorithm": "dir", "encryption": "A256GCM"}


def test_in_an_address_it_says_so():
    [found] = find(b"GET https://api.example/v1?lang=en&access_token=" + token() + b"&x=1")
    assert found.facts["where"] == "in a URL"


def test_a_file_name_or_a_sentence_does_not_become_part_of_it():
    whole = token()
    assert [found.secret for found in find(whole + b".json and " + whole + b".")] == [whole, whole]


@pytest.mark.parametrize(
    "data",
    [
        token()[:-30],  # cut off: the rest of the signature is short
        part({"typ": "JWT"}) + b"." + part(CLAIMS) + b".c2ln",
        part(HEADER) + b"." + part(CLAIMS)[:-4] + b"." + b"A" * 43,
        b"x" + token(),
    ],
    ids=["signature cut off", "no algorithm", "claims cut off", "inside a longer word"],
)
def test_what_only_looks_like_one_is_not_shown(data):
    assert [found for found in find(data) if found.confidence > Confidence.LOW] == []


def test_facts_are_one_printable_line_of_bounded_length():
    [found] = find(token(claims={"iss": "a\x1b[2J\n" + "x" * 500}))
    assert found.facts["issuer"].isprintable()
    assert len(found.facts["issuer"]) == 201


def test_the_trigger_wakes_it_for_all_forms():
    [trigger] = map(re2.compile, jwt.JWT.triggers)
    assert trigger.search(token())
    assert trigger.search(part({"alg": "none"}) + b"." + part(CLAIMS) + b".")
    assert trigger.search(part({"alg": "dir", "enc": "A256GCM"}) + b"..AAAA.BBBB.CCCC")
