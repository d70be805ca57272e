"""API keys from the command line and the admin API down to the decision, over a real store."""

import asyncio
import hashlib
import json
import re

import httpx
import pytest
from typer.testing import CliRunner

from app.admin_answers import Documented
from tokenward.app.admin import admin_app
from tokenward.app.cli import application
from tokenward.app.config import load
from tokenward.app.foundation import foundation
from tokenward.app.notices import tellers
from tokenward.app.servers import gateway_engine
from tokenward.gateway.access import AccessRequest, Allow, HeldBody

OPENAPI = {
    "openapi": "3.1.0",
    "info": {"title": "Weather", "version": "1"},
    "components": {
        "securitySchemes": {
            "oauth": {
                "type": "oauth2",
                "flows": {"clientCredentials": {"tokenUrl": "/token", "scopes": {"forecast:read": "Read"}}},
            }
        }
    },
    "paths": {
        "/forecast": {
            "get": {
                "security": [{"oauth": ["forecast:read"]}],
                "responses": {"200": {"description": "a forecast"}},
            }
        },
        "/alarms": {
            "post": {
                "security": [{"oauth": ["forecast:read"]}],
                "x-tokenward-risk": "moderate",
                "responses": {"200": {"description": "an alarm"}},
            }
        },
    },
}
APIS = "apis:\n  weather: {openapi: weather.json, upstream: 'http://127.0.0.1:9', risk: low}\n"
AUDIENCE = "http://127.0.0.1:8000/weather"
FOREIGN = "sk_live_51HxYz/secret+key="


@pytest.fixture
def run(tmp_path, monkeypatch):
    """The command line in a directory with the weather API."""
    monkeypatch.chdir(tmp_path)
    runner = CliRunner()

    def invoke(*arguments, code=0, stdin=None):
        result = runner.invoke(application, list(arguments), input=stdin)
        assert result.exit_code == code, result.output
        assert "Traceback" not in result.output
        return result

    invoke("init")
    path = tmp_path / "tokenward.yaml"
    text = path.read_text()
    path.write_text(text[: text.index("# The APIs behind")] + APIS)
    (tmp_path / "weather.json").write_text(json.dumps(OPENAPI))
    invoke("check")
    return invoke


@pytest.fixture
def decide(run, tmp_path):
    """The reason with which a request is allowed or refused, by a gateway over the same store."""

    def asked(key, path="/weather/forecast", method="GET", name=b"x-api-key", headers=(), times=1):
        async def work():
            async with foundation(load(tmp_path / "tokenward.yaml").configuration) as ground:
                engine, follower = await gateway_engine(ground)
                following = asyncio.create_task(follower.run())
                while not follower.confirmed:  # noqa: ASYNC110 - the follower tells nobody when
                    await asyncio.sleep(0.005)
                shown = ((name, key.encode()), *headers)
                request = AccessRequest(method, path.encode(), b"", shown, "127.0.0.1", body=HeldBody())
                for _ in range(times):
                    decision = await engine.decide(request)
                following.cancel()
                assert decision.facts is None or decision.facts.user_id is None, "no key is a person"
                return decision

        decision = asyncio.run(work())
        return "allow" if isinstance(decision, Allow) else decision.problem.code

    return asked


@pytest.fixture
def admin(run, tmp_path):
    def asked(method, path, body=None):
        async def work():
            token = (tmp_path / "data" / "admin.token").read_text().strip()
            async with foundation(load(tmp_path / "tokenward.yaml").configuration) as ground:
                transport = Documented(admin_app(ground))
                headers = {"authorization": f"Bearer {token}"}
                async with httpx.AsyncClient(
                    transport=transport, base_url="http://127.0.0.1", headers=headers
                ) as http:
                    return await http.request(method, path, json=body)

        return asyncio.run(work())

    return asked


ADD = ("keys", "add", "Widget", "--owner", "ann@example.com", "--api", "weather", "--scope", "forecast:read")


def shown(result):
    return tuple(
        re.search(rf"^{name} +(\S+)$", result.stdout, re.MULTILINE)[1] for name in ("key_id", "api_key")
    )


def cells(result):
    return "".join(result.stdout.split("│"))


def test_a_key_is_given_out_used_rotated_and_revoked(run, decide):
    key_id, key = shown(run(*ADD, "--rate", "60", "--days", "30"))
    assert decide(key) == "allow"
    assert decide(f"Bearer {key}", name=b"authorization") == "allow"
    assert decide(key, "/weather/alarms", "POST") == "insufficient_tier"
    listed = run("keys", "list")
    assert key not in listed.stdout
    for text in (key_id, "Widget", "ann@example.com", "weather", "60 a minute", "never"):
        assert text in cells(listed)
    successor_id, successor = shown(run("keys", "rotate", key_id))
    assert decide(key) == "invalid_token"
    assert decide(successor) == "allow"
    run("keys", "revoke", "--key-id", successor_id)
    assert decide(successor) == "invalid_token"
    assert "revoked" in cells(run("keys", "list"))
    run("keys", "revoke", "--key-id", successor_id, code=1)


def test_what_a_key_is_restricted_to_holds_at_the_gateway(run, decide):
    origin = ((b"origin", b"https://app.example"),)
    for restriction, headers, reason in (
        (("--address", "127.0.0.0/8"), (), "allow"),
        (("--address", "192.0.2.0/24"), (), "key_elsewhere"),
        (("--origin", "https://app.example"), origin, "allow"),
        (("--origin", "https://app.example"), (), "key_elsewhere"),
    ):
        _, key = shown(run(*ADD, *restriction))
        assert decide(key, headers=headers) == reason
    _, key = shown(run(*ADD, "--rate", "2"))
    assert [decide(key, times=2), decide(key, times=3)] == ["allow", "key_rate"]
    _, key = shown(run(*ADD[:-2]))
    assert decide(key) == "insufficient_scope"


@pytest.mark.parametrize("command", [("keys", "revoke"), ("tokens", "revoke")])
def test_a_key_that_leaked_is_revoked_by_itself(run, decide, command, tmp_path):
    _, key = shown(run(*ADD))
    run(*command, key, code=2)  # never as an argument
    (tmp_path / "leaked.txt").write_text(key + "\n")
    run(*command, "@leaked.txt")
    assert decide(key) == "invalid_token"


def test_what_nobody_was_given_is_not_revoked(run):
    key_id, key = shown(run(*ADD))
    run("keys", "revoke", "-", code=1, stdin=key[:-1] + "\n")
    run("keys", "revoke", "-", code=1, stdin="sk_live_unknown\n")
    assert "not UTF-8" in run("keys", "revoke", "-", code=2, stdin=b"sk_\xff\n").stderr
    run("keys", "revoke", code=2)
    run("keys", "revoke", "-", "--key-id", key_id, code=2, stdin=key)


def test_keys_of_others_are_imported_used_and_rotated_into_ours(run, decide, tmp_path):
    digest = hashlib.sha256(FOREIGN.encode()).hexdigest()
    (tmp_path / "old.csv").write_text(f"name,owner,sha256,last_four\nOld,ops,{digest},key=\n")
    arguments = ("keys", "import", "--sha256", "old.csv", "--api", "weather", "--scope", "forecast:read")
    key_id = run(*arguments).stdout.split()[0]
    assert decide(FOREIGN) == "allow"
    assert decide(f"Bearer {FOREIGN}", name=b"authorization") == "invalid_token"
    assert decide(FOREIGN, "/weather/alarms", "POST") == "insufficient_tier"
    assert "imported" in cells(run("keys", "list"))
    assert "line 2" in run(*arguments, code=1).stderr
    _, key = shown(run("keys", "rotate", key_id, "--overlap", "1m"))
    assert decide(FOREIGN) == decide(key) == "allow"
    run("keys", "revoke", "-", stdin=FOREIGN + "\n")
    assert decide(FOREIGN) == "invalid_token"


def test_mistakes_are_named(run, tmp_path):
    assert "no API is named bank; there are: weather" in run(*ADD[:-3], "bank", code=1).stderr
    assert "has no scope 'x'" in run(*ADD[:-1], "x", code=1).stderr
    assert "no key lives longer" in run(*ADD, "--days", "366", code=1).stderr
    assert "cannot read" in run("keys", "import", "--sha256", "none.csv", "--api", "weather", code=2).stderr


def test_the_policy_of_lifetimes_is_configuration(run, tmp_path):
    path = tmp_path / "tokenward.yaml"
    text = path.read_text()
    path.write_text(text + "api_keys: {lifetime: 30d, longest: 20d}\n")
    assert "lifetime be at most longest" in run("check", code=1).output
    path.write_text(text + "api_keys: {lifetime: 10d, longest: 20d}\n")
    assert "no key lives longer" in run(*ADD, "--days", "21", code=1).stderr
    run(*ADD)
    assert "in 9 days" in cells(run("keys", "list"))


def test_a_key_is_too_weak_for_moderate_however_short_its_life(admin, decide):
    terms = {"audience": AUDIENCE, "scopes": ["forecast:read"], "lifetime": 300}
    made = admin("POST", "/api-keys", {**terms, "name": "Widget", "owner": "ann@example.com"}).json()
    assert decide(made["api_key"]) == "allow"
    assert decide(made["api_key"], "/weather/alarms", "POST") == "insufficient_tier"


def test_the_admin_api_manages_keys(admin, decide):
    terms = {"audience": AUDIENCE, "scopes": ["forecast:read"]}
    order = {**terms, "name": "Widget", "owner": "ann@example.com", "rate": 60}
    made = admin("POST", "/api-keys", order)
    assert made.status_code == 201
    key_id, key = made.json()["key_id"], made.json()["api_key"]
    assert decide(key) == "allow"
    assert admin("GET", f"/api-keys/{key_id}").json() == {
        name: value for name, value in made.json().items() if name != "api_key"
    }
    rotated = admin("POST", f"/api-keys/{key_id}/rotation", {"overlap": 60})
    assert rotated.status_code == 201
    assert rotated.json()["rotated_from"] == key_id
    assert admin("POST", f"/api-keys/{key_id}/rotation", {}).status_code == 409
    assert decide(rotated.json()["api_key"]) == "allow"
    assert admin("POST", f"/api-keys/{key_id}/revocation").status_code == 204
    assert admin("POST", f"/api-keys/{key_id}/revocation").status_code == 404
    assert decide(key) == "invalid_token"
    successor = rotated.json()["key_id"]
    assert admin("POST", "/revocations", {"what": "api_key", "subject": successor}).status_code == 204
    rows = [{"name": "Old", "owner": "ops", "sha256": hashlib.sha256(FOREIGN.encode()).hexdigest()}]
    taken = admin("POST", "/api-keys/imports", {**terms, "keys": rows})
    assert taken.status_code == 201
    assert decide(FOREIGN) == "allow"
    listed = admin("GET", "/api-keys").json()["api_keys"]
    assert [(each["imported"], each["revoked"]) for each in listed] == [
        (False, True), (False, True), (True, False),
    ]  # fmt: skip
    assert key not in json.dumps(listed)
    assert admin("GET", "/api-keys/nobody").status_code == 404
    assert "keys.0.sha256" in admin(
        "POST", "/api-keys/imports", {**terms, "keys": [{**rows[0], "sha256": "x"}]}
    ).json()["detail"]  # fmt: skip
    assert admin("POST", "/api-keys", {**order, "rate": 0}).status_code == 422
    assert admin("POST", "/api-keys", {**order, "audience": "https://x.example"}).status_code == 422


@pytest.mark.parametrize(
    ("notices", "told"),
    [
        ("{days: []}", "no days before an end"),
        ("{days: [3, 3]}", "no days before an end"),
        ("{days: [0]}", "no days before an end"),
        ("{webhook: 'https://hook.example/secret'}", "a secret, or what looks like one"),
        ("{webhook_networks: [0.0.0.0/0]}", "would be everybody"),
        ("{mail: {host: smtp.example.com, sender: t@example.com}}", "at the top of the file, as `mail`"),
    ],
)
def test_notices_that_cannot_be_meant_are_refused(run, tmp_path, notices, told):
    path = tmp_path / "tokenward.yaml"
    path.write_text(path.read_text() + f"api_keys: {{notices: {notices}}}\n")
    assert told in run("check", code=1).output


@pytest.mark.parametrize(
    ("mail", "told"),
    [
        ("{host: 'a b', sender: t@example.com}", "no host"),
        ("{host: smtp.example.com, sender: T <t@example.com>}", "no e-mail address"),
        ("{host: smtp.example.com, sender: t@example.com, username: t}", "username without a password"),
    ],
)
def test_mail_that_cannot_be_sent_is_refused(run, tmp_path, mail, told):
    path = tmp_path / "tokenward.yaml"
    path.write_text(path.read_text() + f"mail: {mail}\n")
    assert told in run("check", code=1).output


def test_the_password_of_the_mail_server_is_looked_for(run, tmp_path):
    path = tmp_path / "tokenward.yaml"
    mail = "{host: smtp.example.com, sender: t@example.com, username: t, password: file:data/none}"
    path.write_text(path.read_text() + f"mail: {mail}\n")
    assert "there is no file data/none" in run("check").output


def test_notices_go_the_configured_ways(run, tmp_path):
    path = tmp_path / "tokenward.yaml"
    assert tellers(load(path).configuration) == []
    (tmp_path / "data" / "hook").write_text("https://hook.example/x\n")
    (tmp_path / "data" / "password").write_text("correct horse\n")
    for name in ("hook", "password"):
        (tmp_path / "data" / name).chmod(0o600)
    mail = "{host: smtp.example.com, sender: t@example.com, username: t, password: file:data/password}"
    path.write_text(path.read_text() + f"mail: {mail}\napi_keys: {{notices: {{webhook: file:data/hook}}}}\n")
    hook, post = tellers(load(path).configuration)
    assert hook.url.reveal() == "https://hook.example/x"
    assert (post.server.host, post.server.port, post.server.username) == ("smtp.example.com", 587, "t")
    assert post.server.password.reveal() == "correct horse"
    assert post.server.tls is not None
    path.write_text(path.read_text().replace("smtp.example.com", "localhost"))
    assert tellers(load(path).configuration)[1].server.tls is None
