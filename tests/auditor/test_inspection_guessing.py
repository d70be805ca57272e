"""Secrets of HMACs are guessed from a list of our own, and from a file."""

import base64
import hashlib
import hmac

import pytest

from auditor.inspected import CLAIMS, HEADER, b64, found, inspected, told
from tokenward.auditor.inspection.guessing import guess, list_of_ours
from tokenward.auditor.inspection.recognising import read_jwt
from tokenward.tokens.weak_secrets import WEAK_SECRETS


def signed(secret, alg="HS256", **claims):
    text = f"{b64(HEADER | {'alg': alg})}.{b64(CLAIMS | claims)}"
    return f"{text}.{b64(hmac.digest(secret, text.encode(), alg.replace('HS', 'sha')))}"


@pytest.mark.parametrize(
    "secret",
    [
        b"secret",
        b"",
        b"your-256-bit-secret",
        b"secret\n",
        b"SECRET123",
        b"my-jwt-secret-key",
        b"SuperSecretKey123",
        b"CHANGE_ME",
        b"changeMe!",
        b"Your Secret Key",
        b"djangoSecretKey2025",
        base64.b64encode(b"secret"),
        b"terces",
        base64.b64decode(b"secret=="[:6] + b"=="),
        hashlib.sha256(b"secret").digest(),
        hashlib.md5(b"password").hexdigest().encode(),
        b"secret".hex().encode(),
        (b"secret" * 6)[:32],
        b"secret".ljust(32, b"0"),
        b"\1" * 32,
        b"a" * 32,
        b"a-string-secret-at-least-256-bits-long",
        base64.urlsafe_b64decode(
            b"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow=="
        ),
    ],
    ids=range(23),
)  # fmt: skip
def test_what_people_and_documentation_write_is_guessed(secret):
    assert guess(read_jwt(signed(secret))) == secret


@pytest.mark.parametrize("alg", ["HS256", "HS384", "HS512"])
def test_every_hmac_is_guessed(alg):
    length = int(alg[2:]) // 8
    assert guess(read_jwt(signed(b"secret", alg))) == b"secret"
    assert guess(read_jwt(signed(b"\1" * length, alg))) == b"\1" * length


def test_a_good_secret_is_not_guessed():
    assert guess(read_jwt(signed(bytes(range(7, 40))))) is None


def test_a_file_of_secrets_is_tried_after_ours():
    secret = b"correct horse battery staple"
    assert guess(read_jwt(signed(secret)), iter([b"a", secret])) == secret
    assert "token.weak-secret" in found(signed(secret), words=[secret])
    assert "token.weak-secret" not in found(signed(secret))


def test_a_guessed_secret_is_not_shown():
    result = inspected(signed(b"your-256-bit-secret"))
    assert "your-256-bit-secret" not in told(result)
    assert "19 octets" in told(result)


@pytest.mark.parametrize("alg", ["ES256", "none", "HS1", ""])
def test_of_other_algorithms_nothing_is_guessed(alg):
    text = f"{b64(HEADER | {'alg': alg})}.{b64(CLAIMS)}.{b64(b'1' * 32)}"
    assert guess(read_jwt(text), iter([b"x"])) is None


def test_the_list_is_large_has_nothing_twice_and_begins_with_the_likeliest():
    listed = list(list_of_ours())
    assert 50_000 < len(listed) == len(set(listed)) < 150_000
    assert listed[: len(set(WEAK_SECRETS))] == list(dict.fromkeys(WEAK_SECRETS))


def test_of_a_token_without_measure_fewer_secrets_are_tried():
    [*_, last] = list_of_ours()
    assert guess(read_jwt(signed(last))) == last
    large = read_jwt(signed(last, x="y" * 500_000))
    assert guess(large) is None
    assert guess(large, [last]) == last
    assert guess(read_jwt(signed(b"secret", x="y" * 500_000))) == b"secret"
