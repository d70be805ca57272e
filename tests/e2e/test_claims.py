"""A person's claims over real HTTP, through real processes: released by name, to one recipient each."""

import http.server
import json
import signal
import subprocess
import sys
import threading
import time

import httpx
import pytest
from typer.testing import CliRunner

from app.test_cli import OPENAPI
from e2e.test_processes import _free_ports
from tokenward import JwtValidator
from tokenward.app.cli import application
from tokenward.app.story import Story, sign_in_and_consent
from tokenward.base.secret import Secret
from tokenward.tokens.binding import VerifiedProof, token_hash
from tokenward.tokens.release import MINIMUM

PASSWORD = "correct horse battery"
REDIRECT = "http://127.0.0.1/cb"
BANK = """apis:
  bank:
    openapi: bank.json
    upstream: {upstream}
    risk: moderate
    claims:
      inside: [email, auth_time]
      introspection: [teams]
      subject: pairwise
"""


@pytest.fixture
def backend():
    """An API that remembers the last credential that it was shown."""
    seen: list[str] = []

    class Backend(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            seen.append(self.headers["authorization"].removeprefix("Bearer "))
            self.send_response(200)
            self.send_header("content-length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_arguments):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Backend)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", seen
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def command(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def run(*arguments, stdin=None):
        result = CliRunner().invoke(application, list(arguments), input=stdin)
        assert result.exit_code == 0, result.output
        return result.stdout

    return run


@pytest.fixture
def urls(tmp_path, command, backend):
    """Issuer and gateway, running with a release policy."""
    command("init")
    (tmp_path / "bank.json").write_text(json.dumps(OPENAPI))
    path = tmp_path / "tokenward.yaml"
    text = path.read_text().partition("\napis:")[0] + "\n" + BANK.format(upstream=backend[0])
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


@pytest.fixture
def client(command):
    """Registers an application, native unless said otherwise; gives its id and secret."""

    def register(*options, kind="native"):
        addresses = ("--redirect-uri", REDIRECT) if kind == "native" else ()
        said = command("clients", "add", "App", "--type", kind, *addresses, *options)
        words = dict(line.split() for line in said.splitlines())
        return words["client_id"], words.get("client_secret", "")

    return register


SCOPES = [
    word for scope in ("openid", "offline_access", "accounts:read", "transfers:write")
    for word in ("--scope", scope)
]  # fmt: skip


def until(condition):
    end = time.monotonic() + 10
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return False


def test_each_recipient_is_told_its_own_and_a_jwt_outside_can_be_revoked(urls, backend, command, client):
    issuer, gateway, _admin = urls
    command(
        "users", "add", "alice", "--claim", "email=alice@example.com", "--claim", 'teams:=["red"]',
        "--claim", "phone_number=+49 30 123456", stdin=f"{PASSWORD}\n",
    )  # fmt: skip
    app, _ = client(
        *SCOPES, "--id-token-claim", "teams", "--subject-type", "pairwise", "--sector", "app.example",
        "--access-token-format", "jwt",
    )  # fmt: skip
    server = client("--scope", f"introspect:{gateway}/bank", kind="service")
    with httpx.Client(trust_env=False, timeout=10) as web:

        def story():
            return Story(
                issuer=issuer,
                gateway=gateway,
                service=("", Secret("")),
                app=(app, REDIRECT),
                person=("alice", Secret(PASSWORD)),
                api_key=Secret(""),
                inside_jwt=lambda: Secret(""),
                http=web,
            )

        def inside():
            answer = signed_in.bound_call("GET", f"{gateway}/bank/accounts", tokens.access_token)
            assert answer.status_code == 200, answer.text
            return validator.validate(backend[1][-1])

        def introspected(auth):
            form = {"token": tokens.access_token.reveal()}
            return web.post(f"{issuer}/introspect", data=form, auth=auth).json()

        signed_in = story()
        sign_in_and_consent(signed_in)
        tokens = signed_in.person_tokens
        published = {
            url: web.get(url).json()
            for url in (f"{issuer}/jwks.json", f"{gateway}/.well-known/tokenward/jwks.json")
        }
        outer_keys, inner_keys = published.values()
        text = tokens.access_token.reveal()
        proof = VerifiedProof(signed_in.prover.thumbprint, token_hash(text), "j-1", time.time())
        outer = JwtValidator(
            issuer=issuer, audience=f"{gateway}/bank", keys=outer_keys, algorithms=["ES256"]
        ).validate(text, proof=proof)
        validator = JwtValidator(
            issuer=f"{gateway}/.well-known/tokenward",
            audience=f"{gateway}/bank",
            keys=inner_keys,
            algorithms=["ES256"],
        )
        told = inside()
        assert set(outer) == {*MINIMUM["outside"], "cnf"}
        assert set(told) - set(MINIMUM["inside"]) == {"email", "auth_time"}
        assert told["email"] == "alice@example.com"
        answer = introspected(server)
        assert set(answer) - set(MINIMUM["introspection"]) == {"teams", "cnf"}
        assert answer["sub"] == told["sub"] != outer["sub"]

        command("users", "set", "alice", "--claim", "email=new@example.com")
        assert until(lambda: inside()["email"] == "new@example.com")

        copied = Secret(backend[1][-1])
        assert signed_in.call("GET", f"{gateway}/bank/accounts", bearer=copied).status_code == 401
        command("tokens", "revoke", "--user", "alice")

        def refused():
            answer = signed_in.bound_call("GET", f"{gateway}/bank/accounts", tokens.access_token)
            return answer.status_code == 401

        assert until(refused)
        assert introspected(server) == {"active": False}
