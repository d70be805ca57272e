"""A CI job without a secret, and a backend that acts in its name, over HTTP and through real processes."""

import json

import httpx
import pytest

from e2e.bank import bank, until
from issuer.platform import served_platform
from tokenward.tokens import base64url

CONFIGURATION = """
exchange:
  - {{client: reports, subject_api: bank, target_api: bank, scopes: [accounts:read]}}
workload_identity:
  - platform: github
    issuer: {platform}
    rules: [{{client: deploy-bot, claims: {{repository: octo/app, ref: refs/heads/main}}}}]
apis:
  bank:
    openapi: bank.json
    upstream: {upstream}
    risk: moderate
"""
EXCHANGE = {
    "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
    "subject_token_type": "urn:ietf:params:oauth:token-type:access_token",
}


@pytest.fixture
def platform():
    with served_platform() as served:
        yield served


@pytest.fixture
def urls(tmp_path, command, backend, platform):
    """Issuer and gateway, running, with a platform that they trust."""
    own = CONFIGURATION.format(upstream=backend[0], platform=platform.issuer)
    with bank(tmp_path, command, own) as running:
        yield running


def test_a_job_gets_a_token_a_backend_acts_by_it_and_both_end_together(
    urls, backend, platform, command
):  # fmt: skip
    issuer, gateway, _ = urls
    said = command("clients", "add", "Deploy", "--type", "service", "--id", "deploy-bot",
                   "--auth-method", "workload", "--scope", "accounts:read")  # fmt: skip
    assert "client_secret" not in said
    said = command("clients", "add", "Reports", "--type", "service", "--id", "reports")
    secret = dict(line.split() for line in said.splitlines())["client_secret"]
    with httpx.Client(trust_env=False, timeout=10) as web:

        def asked(assertion):
            form = {
                "grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer",
                "client_id": "deploy-bot",
                "assertion": assertion,
            }
            return web.post(f"{issuer}/token", data=form)

        def called(token):
            headers = {"authorization": f"Bearer {token}"}
            return web.get(f"{gateway}/bank/accounts", headers=headers).status_code

        good = platform.token(issuer)
        assert asked(platform.token(issuer, repository="mallory/app")).json()["error"] == "invalid_grant"
        token = asked(good).json()["access_token"]
        assert asked(good).json()["error"] == "invalid_grant"
        assert platform.asked == ["/.well-known/openid-configuration", "/keys"]
        assert called(token) == 200

        form = EXCHANGE | {"subject_token": token}
        exchanged = web.post(f"{issuer}/token", data=form, auth=("reports", secret)).json()["access_token"]
        assert called(exchanged) == 200
        inside = json.loads(base64url.decode(backend[1][-1].split(".")[1]))
        assert (inside["sub"], inside["client_id"]) == ("deploy-bot", "reports")
        assert inside["act"] == {"sub": "reports"}

        command("tokens", "revoke", "--token-id", token.split("_")[2][:11])
        assert until(lambda: (called(token), called(exchanged)) == (401, 401))
