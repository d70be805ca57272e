"""Tokens of an issuer that is not ours, and a user with a password, through real processes and real HTTP."""

import json

import httpx
import pytest
from argon2 import PasswordHasher

from e2e.bank import bank
from gateway.stranger import served_stranger
from tokenward.tokens import base64url

CONFIGURATION = """
apis:
  bank:
    openapi: bank.json
    upstream: {upstream}
    audience: https://bank.example
    risk: low
    trust:
      - jwt: {{issuer: "{issuer}"}}
      - introspection:
          issuer: {issuer}
          url: {issuer}/introspect
          client_id: gateway
          client_secret: file:introspection.secret
          prefix: their-
      - basic:
          users: file:users.txt
          until: 2999-12-31
          reason: the old reports have nothing else
          scopes: [accounts:read]
"""
BANK = "https://bank.example"


@pytest.fixture
def stranger():
    with served_stranger() as served:
        yield served


@pytest.fixture
def gateway(tmp_path, command, backend, stranger):
    for name, text in (
        ("introspection.secret", "our secret at the stranger's"),
        ("users.txt", f"reports:{PasswordHasher(time_cost=1, memory_cost=64).hash('correct horse')}\n"),
    ):
        (tmp_path / name).touch(mode=0o600)
        (tmp_path / name).write_text(text)
    own = CONFIGURATION.format(upstream=backend[0], issuer=stranger.issuer)
    with bank(tmp_path, command, own) as (_, url, _):
        yield url


def test_tokens_of_another_issuer_and_a_password_open_what_the_configuration_says(
    gateway, stranger, backend, command
):  # fmt: skip
    with httpx.Client(trust_env=False, timeout=20) as web:

        def called(credential, scheme="Bearer"):
            headers = {"authorization": f"{scheme} {credential}"} if credential else {}
            return web.get(f"{gateway}/bank/accounts", headers=headers)

        def inside():
            return json.loads(base64url.decode(backend[1][-1].split(".")[1]))

        assert called(stranger.jwt(BANK)).status_code == 200
        assert inside()["sub"] == f"{stranger.issuer}|alice"
        assert called(stranger.jwt("https://other.example")).status_code == 401
        assert called(stranger.opaque(BANK, sub="bob")).status_code == 200
        assert inside()["sub"] == f"{stranger.issuer}|bob"
        assert called("their-nothing").status_code == 401
        asked = len(stranger.forms)
        assert called("somebody-elses-token").status_code == 401
        assert len(stranger.forms) == asked, "it was never shown to the wrong server"
        assert web.get(f"{gateway}/bank/accounts", auth=("reports", "correct horse")).status_code == 200
        assert inside()["client_id"] == "urn:tokenward:basic:reports"
        assert web.get(f"{gateway}/bank/accounts", auth=("reports", "wrong")).status_code == 401
        assert called(None).headers["www-authenticate"].endswith('Basic realm="bank", charset="UTF-8"')
    assert "bank" in command("check")
