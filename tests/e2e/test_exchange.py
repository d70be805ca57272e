"""A CI job without a secret, and a backend that acts in its name, over HTTP and through real processes."""

import json
import signal
import subprocess
import sys

import httpx
import pytest

from app.test_cli import OPENAPI
from e2e.test_claims import backend, client, command, until  # noqa: F401 - fixtures
from e2e.test_processes import _free_ports
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
def urls(tmp_path, command, backend, platform):  # noqa: F811 - fixtures
    """Issuer and gateway, running, with a platform that they trust."""
    command("init")
    (tmp_path / "bank.json").write_text(json.dumps(OPENAPI))
    path = tmp_path / "tokenward.yaml"
    own = CONFIGURATION.format(upstream=backend[0], platform=platform.issuer)
    text = path.read_text().partition("\napis:")[0] + own
    for old, new in zip(("8080", "8000", "8081"), ports := _free_ports(3), strict=True):
        text = text.replace(f"127.0.0.1:{old}", f"127.0.0.1:{new}")
    path.write_text(text)
    with subprocess.Popen(
        [sys.executable, "-m", "tokenward.app.cli", "up"],
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    ) as process:  # fmt: skip
        try:
            assert any(line.startswith("admin") for line in process.stdout)
            yield [f"http://127.0.0.1:{port}" for port in ports]
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=30)


def test_a_job_gets_a_token_a_backend_acts_by_it_and_both_end_together(
    urls, backend, platform, command  # noqa: F811 - fixtures
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
