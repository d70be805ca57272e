"""A leak that is reported at the issuer is refused at the gateway within a second, over real processes."""

import asyncio
import hashlib
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from typer.testing import CliRunner

from e2e.cut_answers import status_of
from tokenward.app.cli import application
from tokenward.app.demo import SERVICE
from tokenward.app.foundation import foundation
from tokenward.base.secret import Secret
from tokenward.issuer.clients import register
from tokenward.store.usage import FLUSH_SECONDS

PATIENCE = 10  # seconds: promised within one; a loaded machine is given more


def with_ground(demo, work):
    async def run():
        async with foundation(demo.configuration) as ground:
            return await work(ground)

    return asyncio.run(run())


def registered(demo, client_id, *scopes):
    async def work(ground):
        _, secret = await register(
            ground.client_desk, name=client_id, client_type="service", client_id=client_id, scopes=scopes
        )
        return client_id, Secret(secret.reveal()).reveal()

    return with_ground(demo, work)


def token_of(demo, http, basic, **form):
    form = {"grant_type": "client_credentials", **form}
    answer = http.post(f"{demo.urls['issuer']}/token", data=form, auth=basic)
    assert answer.status_code == 200, answer.text
    return Secret(answer.json()["access_token"]).reveal()


def accounts(demo, http, token):
    return status_of(http, f"{demo.urls['gateway']}/bank/accounts", token)


def report_and_wait(demo, http, token, body, headers=None):
    """Send a report; return the answer, and tell how long the gateway still took the token, which it knew.

    The report travels on a thread of its own: the answer waits for its step, the end of the token does not.
    """
    assert accounts(demo, http, token) == 200
    with ThreadPoolExecutor(1) as threads, httpx.Client(trust_env=False, timeout=10) as other:
        began = time.monotonic()
        answer = threads.submit(other.post, f"{demo.urls['issuer']}/leaks", json=body, headers=headers)
        while accounts(demo, http, token) == 200:
            if time.monotonic() > began + PATIENCE:
                pytest.fail("a reported token goes on being accepted")
            time.sleep(0.005)
        print(f"refused {time.monotonic() - began:.3f} s after the report was sent")  # noqa: T201 - for who measures
        return answer.result()


def report_of(text):
    fingerprint = f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
    found = {"source": "git", "path": ".env", "line": 3}
    return {"token_id": text.split("_")[2][:11], "fingerprint": fingerprint, "found": found}


def test_what_a_scanner_reports_by_fingerprint_is_refused_within_a_second(demo, http):
    scanner = registered(demo, "scanner", "leaks:report", "leaks:read")
    resource = f"{demo.urls['issuer']}/leaks"
    headers = {"authorization": f"Bearer {token_of(demo, http, scanner, resource=resource)}"}
    basic = registered(demo, "leaky", "accounts:read")
    token = token_of(demo, http, basic)
    answer = report_and_wait(demo, http, token, {"reports": [report_of(token)]}, headers)
    assert (answer.status_code, answer.json()["reports"][0]["status"]) == (202, "revoked")
    asked = http.post(f"{demo.urls['issuer']}/introspect", data={"token": token}, auth=basic)
    assert asked.json() == {"active": False}

    # The client's secret leaks: all that it was issued is dead, and it gets nothing more.
    token = token_of(demo, http, basic)
    answer = report_and_wait(demo, http, token, {"reports": [report_of(basic[1])]}, headers)
    assert answer.json()["reports"][0]["status"] == "revoked"
    form = {"grant_type": "client_credentials"}
    assert http.post(f"{demo.urls['issuer']}/token", data=form, auth=basic).status_code == 401
    service = (SERVICE, demo.cast.service_secret.reveal())
    assert accounts(demo, http, token_of(demo, http, service, scope="accounts:read")) == 200


def test_whoever_holds_a_token_ends_it(demo, http):
    token = token_of(demo, http, registered(demo, "holder", "accounts:read"))
    answer = report_and_wait(demo, http, token, {"secrets": [token]})
    assert (answer.status_code, answer.json()) == (202, {"status": "accepted"})
    admin = (demo.directory / "data" / "admin.token").read_text().strip()
    assert http.post(f"{demo.urls['issuer']}/leaks", json={"secrets": [admin]}).status_code == 202
    metrics = http.get(f"{demo.urls['admin']}/metrics").text
    assert 'tokenward_leak_reports_total{kind="access_token",outcome="revoked"}' in metrics
    assert 'tokenward_leak_reports_total{kind="admin_token",outcome="alert"}' in metrics


def test_from_a_scan_to_a_dead_token_by_two_commands(demo, http, tmp_path, monkeypatch):
    name, secret = registered(demo, "ci-scanner", "leaks:report", "leaks:read")
    monkeypatch.setenv("SCANNER_SECRET", secret)
    token = token_of(demo, http, registered(demo, "careless", "accounts:read"))
    assert accounts(demo, http, token) == 200
    (tmp_path / "settings.py").write_text(f'API_TOKEN = "{token}"\n')
    monkeypatch.chdir(tmp_path)

    def run(*arguments, code):
        result = CliRunner().invoke(application, list(arguments))
        assert result.exit_code == code, result.output
        return result.stdout

    run("scan", "--format", "json", "--output", "found.json", "settings.py", code=1)
    assert token not in (tmp_path / "found.json").read_text()
    said = ("--to", demo.urls["issuer"], "--client-id", name, "--client-secret", "env:SCANNER_SECRET")
    told = run("leaks", "report", "@found.json", *said, code=0)
    assert told.split()[:2] == [token.split("_")[2][:11], "revoked"]
    began = time.monotonic()
    while accounts(demo, http, token) == 200:
        assert time.monotonic() < began + PATIENCE

    def shown():
        return run(
            "leaks", "show", told.split()[2], "--config", str(demo.directory / "tokenward.yaml"), code=0
        )

    assert "settings.py:1" in shown()
    while not any("127.0.0.1" in line and "gateway" in line for line in shown().splitlines()):
        assert time.monotonic() < began + PATIENCE + FLUSH_SECONDS
        time.sleep(0.2)
