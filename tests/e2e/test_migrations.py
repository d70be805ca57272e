"""What `docs/how-to/move-to-short-lived-tokens.md` shows: before it works and leaks, after it only works."""

import re
import subprocess
import sys
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import parse_qs

import pytest
import yaml
from typer.testing import CliRunner

from docs.test_pages import _blocks
from e2e.bank import bank
from e2e.devices import enter_code
from e2e.test_client import GitHub
from e2e.test_exchange import CONFIGURATION
from issuer.platform import served_platform
from secret_service import environment, in_session
from serving import serving
from tokenward.app.cli import application
from tokenward.app.demo import CONFIGURATION as DEMO

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "move-to-short-lived-tokens.md"
KEY, KEPT, EXCHANGED, DEPLOY, PASSWORD, DEVICE = _blocks(PAGE, "python")
LEAKING, WORKFLOW = _blocks(PAGE, "yaml")


def placed(text, *, issuer, gateway, secret=""):
    """A block of the page, for servers that run here."""
    for host, url in (("old-login", issuer), ("login", issuer), ("api", gateway)):
        text = text.replace(f"https://{host}.example.com", url)
    return re.sub(r"(tkw_ak_)?…", secret, text)


def found(path):
    """How many credentials a scan finds there."""
    scan = CliRunner().invoke(application, ["scan", str(path)])
    assert scan.exit_code in {0, 1}, scan.output
    return 0 if scan.exit_code == 0 else int(re.search(r"^(\d+) findings? ", scan.output, re.MULTILINE)[1])


@pytest.fixture
def shop(tmp_path):
    directory = tmp_path / "shop"
    directory.mkdir()
    return directory


@pytest.fixture
def home(tmp_path):
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


def test_a_key_in_the_code_moves_to_the_keyring_and_then_stays_at_home(demo, shop, home):
    urls = {"issuer": demo.urls["issuer"], "gateway": demo.urls["gateway"]}
    key = demo.cast.api_key.reveal()
    program = shop / "forecast.py"

    def run(*command):
        done = in_session(home, *command, cwd=shop, env={"NO_PROXY": "127.0.0.1"})
        assert done.returncode == 0, done.stderr
        assert key not in done.stdout + done.stderr
        return done.stdout

    program.write_text(placed(KEY, secret=key, **urls))
    assert run(sys.executable, program) == "200\n"
    assert found(shop) == 1
    run(sys.executable, "-m", "tokenward.app.cli", "fix", "--yes")
    assert program.read_text() == placed(KEPT, **urls)
    for text in (KEPT, EXCHANGED):
        program.write_text(placed(text, **urls))
        assert run(sys.executable, program) == "200\n"
        assert found(shop) == 0


def test_a_token_in_ci_becomes_the_identity_of_the_job(tmp_path, command, backend, monkeypatch):
    with served_platform() as platform:
        own = CONFIGURATION.format(upstream=backend[0], platform=platform.issuer)
        with bank(tmp_path, command, own.replace("moderate", "low")) as (issuer, gateway, _):
            given = command("keys", "add", "CI", "--owner", "ci", "--api", "bank", "--scope", "accounts:read")
            key = re.search(r"api_key (\S+)", given)[1]
            urls = {"issuer": issuer, "gateway": gateway}
            leaking = tmp_path / "before" / "deploy.yml"
            leaking.parent.mkdir()
            leaking.write_text(placed(LEAKING, secret=key, **urls))
            workflow = yaml.safe_load(leaking.read_text())
            (step,) = workflow["jobs"]["deploy"]["steps"]
            assert subprocess.run(["sh", "-ec", step["run"]], env=workflow["env"], check=True)
            assert found(leaking.parent) == 1

            after = tmp_path / "after"
            after.mkdir()
            (after / "deploy.py").write_text(placed(DEPLOY, **urls))
            (after / "deploy.yml").write_text(WORKFLOW)
            workflow = yaml.safe_load(WORKFLOW)
            assert workflow["permissions"] == {"id-token": "write"}
            assert workflow["jobs"]["deploy"]["steps"][-1] == {"run": "python deploy.py"}
            (line,) = [text for text in _blocks(PAGE, "sh") if "deploy-bot" in text]
            command(*re.findall(r'"[^"]*"|\S+', line)[1:3], "Deploy bot", *line.split('"')[2].split())
            GitHub.make = staticmethod(lambda: platform.token(issuer))
            with serving(GitHub) as github:
                env = {
                    "ACTIONS_ID_TOKEN_REQUEST_URL": f"{github}/token?api-version=2.0",
                    "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "of the job",
                    "NO_PROXY": "127.0.0.1",
                }
                done = subprocess.run(
                    [sys.executable, "deploy.py"],
                    cwd=after,
                    env=env,
                    capture_output=True,
                    text=True,
                    check=True,
                )
            assert done.stdout == "200\n"
            assert found(after) == 0


class OldServer(BaseHTTPRequestHandler):
    """An authorization server with the password grant (RFC 6749 §4.3), as there still are."""

    password = ""

    def do_POST(self):
        form = parse_qs(self.rfile.read(int(self.headers["content-length"])).decode())
        good = form["grant_type"] == ["password"] and form["password"] == [self.password]
        body = b'{"access_token": "x", "token_type": "Bearer"}' if good else b"{}"
        self.send_response(200 if good else 400)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def test_a_password_in_a_program_becomes_a_code_that_a_person_enters(demo, http, shop, home):
    urls = {"issuer": demo.urls["issuer"], "gateway": demo.urls["gateway"]}
    program = shop / "report.py"
    env = environment(home) | {"NO_PROXY": "127.0.0.1", "DBUS_SESSION_BUS_ADDRESS": "unix:path=/nonexistent"}
    OldServer.password = "Tr1cky-Horse-Battery-9"  # tokenward:allow reason=of a server made up here
    with serving(OldServer) as old:
        program.write_text(placed(PASSWORD, issuer=old, gateway="", secret=OldServer.password))
        done = subprocess.run([sys.executable, program], env=env, capture_output=True, text=True, check=True)
        assert done.stdout == "200\n"
    assert found(shop) == 1

    program.write_text(placed(DEVICE, **urls))
    assert found(shop) == 0
    (line,) = [text for text in _blocks(PAGE, "sh") if '"Report"' in text]
    words = line.replace("\\\n", " ").replace('"', "").split()
    told = CliRunner().invoke(application, [*words[1:], "--config", str(demo.directory / DEMO)])
    assert told.exit_code == 0, told.output
    with subprocess.Popen(
        [sys.executable, program], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        try:
            codes = (re.search(r" and enter (\S+)$", line) for line in running.stderr)
            enter_code(demo, http, next(filter(None, codes))[1])
            assert running.stdout.read() == "200\n"
            assert running.wait(timeout=30) == 0
        finally:
            running.kill()
    again = subprocess.run([sys.executable, program], env=env, capture_output=True, text=True, check=True)
    assert (again.stdout, again.stderr) == ("200\n", "")
