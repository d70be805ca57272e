"""Each row needs one check: without it, the verdict is another."""

import base64

import pytest

from tokenward.base.severity import Confidence, Severity
from tokenward.leaks.detectors.assignments.judgement import File, judge
from tokenward.leaks.detectors.assignments.languages import Kind
from tokenward.leaks.detectors.assignments.names import judge as judge_name
from tokenward.leaks.detectors.connections import judgement as connections

CODE = File(Kind.CODE)
TEST = File(Kind.CODE, tried=True)
CONFIG = File(Kind.CONFIG, configures=True)
PROSE = File(Kind.PROSE)
LOW, MEDIUM, HIGH = Confidence.LOW, Confidence.MEDIUM, Confidence.HIGH

ASSIGNED = [
    ("password_hint", "x7Gh2kQ9x7", CODE, None),
    ("password", "Changeme!9Xq", CODE, None),
    ("password", "Pässwörd!9Xqz", CODE, None),
    ("token", base64.b64encode(b"correcthorsebattery").decode(), CODE, LOW),
    ("password", "https://Host7.example", CODE, None),
    ("secret", "lcccccccX2kcccccccY2jcccccccssIC", CODE, None),
    ("token", "x7Gh2k", CODE, None),
    ("token", "x7Gh2kQ", CODE, MEDIUM),
    ("some_key", "x7Gh2kQ9wR4tZ1", CODE, None),
    ("some_key", "w.__-___196-.dX_iv1H.__.h-J-M.9_T", CODE, LOW),
    ("token", "mykq9zpool7", CODE, MEDIUM),
    ("token", "apiv2beta3rc9", CODE, None),
    ("token", "kqzwpxmvjhgf", CODE, MEDIUM),
    ("token", "horsebatterystaple", CODE, None),
    ("token", "5646938811db4c450bd16354e58495c2", CODE, MEDIUM),
    ("token", "usr4xdb7cfgq91k", File(Kind.GENERATED), LOW),
    ("some_key", "usr4xdb7cfgq91kz", CODE, MEDIUM),
    ("some_key", "prodkey77xzprodky", CODE, None),
    ("api_token", "0f8fad5b-d9cb-469f-a165-70867728950e", CODE, MEDIUM),
    ("request_token", "0f8fad5b-d9cb-469f-a165-70867728950e", CODE, None),
    ("client_request_token", "9C7F8B6C-85B7-B7E4-38F2A3BEB13C", CODE, None),
    ("api_token", "9C7F8B6C-85B7-B7E4-38F2A3BEB13C", CODE, MEDIUM),
    ("api_token", "x7Gh2kQ9wR4tZ1vBx7Gh2kQ9wR4tZ1vB", CODE, None),
    ("Sec-WebSocket-Key", "s65VsgHigh7v/Jcf4nXHnA==", CODE, None),
    ("some_secret", "sha1=bc6550fc290acf5b42283fa8deaf55cea0f8c206", CODE, None),
    ("password", "/v1/accounts:signInWith7Password9", CODE, None),
    ("some_key", "0f8fad5b-d9cb-469f-a165-70867728950e", CODE, None),
    ("password", "x7G!k", CODE, None),
    ("password", "5646938811db4c450bd16354e58495c2", CODE, LOW),
    ("password", "q1w2e3r9", TEST, MEDIUM),
    ("password", "prod77xz", CODE, MEDIUM),
    ("password", "prod77xz", TEST, LOW),
    ("password", "kqzwpxmvjhgf", TEST, MEDIUM),
    ("password", "Wombat!burrow9", CODE, MEDIUM),
    ("password", "Wombat!burrow9", TEST, LOW),
    ("password", "x7Gh2kQ9wR", CODE, MEDIUM),
    ("password", "x7Gh2kQ9wR", File(Kind.GENERATED), LOW),
    ("client_secret", "x7GDNoq1VYzzzzzzzzzyAK7TwZNtPnkqatq", CODE, None),
    ("self.public_key.key", "x7Gh2kQ9wR4tZ1vBmN8pL3sD", CODE, None),
    ("self.private.key", "x7Gh2kQ9wR4tZ1vBmN8pL3sD", CODE, MEDIUM),
    ("password", "wombatburrow", CODE, LOW),
    ("DB_PASSWORD", "wombatburrow", CODE, LOW),
    ("DB_PASSWORD", "wombatburrow", File(Kind.CONFIG), MEDIUM),
    ("db_password", "wombatburrow", File(Kind.CONFIG), LOW),
    ("DB_PASSWORD", "wombatburrow", File(Kind.CONFIG, tried=True), LOW),
    ("password", "M0st!S3cureP@ssw0rd", CODE, LOW),
    ("secret", "n3wSecur3Pass99x", CODE, LOW),
    ("password", "x7Gh2kQ9wRpass4tZ1vB", CODE, MEDIUM),
    ("DB_PASSWORD", "shop-release-password", CONFIG, LOW),
    ("idrac_password", "idrac_password", CONFIG, None),
    ("proxy_password", "proxyPassword", CONFIG, None),
    ("password", "invalidXq7w", CODE, None),
    ("password", "0x5646938811db4c450bd16354e58495c2", CODE, LOW),
    ("password", "md55646938811db4c450bd16354e58495c2", CODE, LOW),
    ("token", f"9.x7Gh2kQ9wR4tZ1.{base64.b64encode(b'correct-horse-battery').decode()}", CODE, LOW),
    ("token", "8f0c123456789ab77eaa90c1d2fe03b5x7Gh2kQ9wR", CODE, None),
    ("password", "wombatburrow", CONFIG, MEDIUM),
    ("password", "required", CONFIG, LOW),
]


@pytest.mark.parametrize(("name", "value", "file", "confidence"), ASSIGNED)
def test_what_is_assigned_to_a_name(name, value, file, confidence):
    verdict = judge(judge_name(name.encode()), value.encode(), file)
    assert verdict.confidence is confidence
    assert verdict.why
    assert value not in verdict.why


def test_a_token_that_is_half_random_is_low_and_guessable():
    verdict = judge(judge_name(b"token"), b"web1cfg2", CODE)
    assert (verdict.confidence, verdict.guessable) == (LOW, True)


@pytest.mark.parametrize(
    ("name", "value", "file", "confidence"),
    [
        ("password", "Wombat!burrow9", CODE, None),
        ("password", "x7Gh2kQ9wR", CODE, MEDIUM),
        ("some_key", "5646938811db4c450bd16354e58495c2", CODE, MEDIUM),
        ("some_key", "5646938811db4c450bd16354e58495c2", PROSE, None),
    ],
)
def test_what_only_stands_beside_a_name(name, value, file, confidence):
    assert judge(judge_name(name.encode()), value.encode(), file, loose=True).confidence is confidence


CONNECTED = [
    ("shop", "x7Gh2kQ9wR", "db.example.com:5432", LOW, Severity.LOW),
    ("shop", "postgres", "db.shop.internal", LOW, Severity.MEDIUM),
    ("shop", "shop", "db.shop.internal", LOW, Severity.MEDIUM),
    ("shop", "password", "db.shop.internal", None, None),
    ("postgres", "postgres", "localhost", LOW, Severity.LOW),
    ("postgres", "postgres", "127.0.0.1", LOW, Severity.LOW),
    ("postgres", "postgres", "db", LOW, Severity.LOW),
    ("postgres", "postgres", "db.example.com", None, None),
    ("shop", "password", "localhost", None, None),
    ("user", "secret", "localhost", None, None),
    ("shop", "xxxxxxxx", "db.shop.internal", None, None),
    ("shop", "getPassword()", "db.shop.internal", None, None),
    ("shop", "DB_PASSWORD_SHOP", "db.shop.internal", None, None),
    ("shop", "$DATABASE9", "db.shop.internal", None, None),
    ("shop", "x7Gh2kQ9wR", "db.example.com", LOW, Severity.LOW),
    ("shop", "x7Gh2kQ9wR", "db.shop.internal", HIGH, None),
    ("shop", "x7Gh2kQ9wR", "10.1.2.3:5432", HIGH, None),
    ("shop", "x7Gh2kQ9wR", "localhost:5432", HIGH, Severity.MEDIUM),
    ("shop", "x7Gh2kQ9wR", "host.docker.internal", HIGH, Severity.MEDIUM),
    ("shop", "SECRETKEY", "db.shop.internal", LOW, None),
    ("shop", "wombatburrow", "db", LOW, Severity.LOW),
    ("shop", "wombatburrow", "db.shop.internal", MEDIUM, None),
    ("shop", "20471993", "db.shop.internal", MEDIUM, None),
]


@pytest.mark.parametrize(("user", "password", "host", "confidence", "severity"), CONNECTED)
def test_what_stands_in_a_connection_string(user, password, host, confidence, severity):
    verdict = connections.judge(user.encode(), password.encode(), host)
    assert (verdict.confidence, verdict.severity) == (confidence, severity)
    assert verdict.why
