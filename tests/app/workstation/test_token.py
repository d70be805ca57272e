"""`tokenward token`, as scripts call it: real processes, and a server that answers as it is told."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tokenward.app.secret_places import CannotKeep, Places
from tokenward.app.workstation.profiles import ProfileError, default_path
from tokenward.app.workstation.sources import lasting_token
from tokenward.base.clock import ManualClock
from tokenward.client import ClientCredentials, ClientSecret, Server, TokenError, Vault
from workstation_home import TOKENWARD

# What a cached token has no use for, and what takes the time.
HEAVY = {
    "alembic", "argparse", "fastapi", "http.client", "httpcore", "httpx", "jinja2", "keyring",
    "pydantic", "rich", "sqlalchemy", "starlette", "typer", "urllib.request", "uvicorn",
    "webbrowser", "yaml",
}  # fmt: skip
FLOORS = {f"tokenward.{name}" for name in ("issuer", "identity", "gateway", "leaks", "store", "auditor")}

IMPORTED = """
import sys
sys.argv[1:] = ["token"]
from tokenward.app.cli import main
try:
    main()
except SystemExit as end:
    sys.stderr.write(f"{end.code} {' '.join(sys.modules)}")
"""


def test_a_token_goes_to_a_pipe_and_the_next_comes_from_the_vault(home, fake):
    first, second = home.run("token"), home.run("token")
    assert (first.returncode, first.stdout, first.stderr) == (0, "access-1\n", "")
    assert (second.returncode, second.stdout, second.stderr) == (0, "access-1\n", "")
    assert fake.issued == 1


def test_a_kept_token_is_printed_without_a_parser_a_painter_or_the_network(home):
    home.run("token")
    done = subprocess.run(
        [sys.executable, "-c", IMPORTED], env=home.environment, capture_output=True, text=True, check=True
    )
    assert done.stdout == "access-1\n"
    code, *modules = done.stderr.split()
    assert code == "0"
    assert (HEAVY | FLOORS) & set(modules) == set()


def test_it_says_the_same_as_behind_the_parser_of_options(home, fake):
    for options in ([], ["--json"], ["--scope", "a", "--scope", "b c"]):
        # With "=" an option leads through the parser.
        assert home.run("token", *options).stdout == home.run("token", *options, "--profile=reports").stdout
    assert json.loads(home.run("token", "--json").stdout).keys() == {
        "access_token", "token_type", "expires_at", "scope"
    }  # fmt: skip
    assert [form["scope"] for form, _ in fake.forms] == ["forecast:read", "a b c"]
    plain, parsed = home.run("token", "--profile", "x"), home.run("token", "--profile=x")
    assert (plain.returncode, plain.stderr) == (parsed.returncode, parsed.stderr)
    assert plain.returncode == 2
    assert "no profile is called x; there are reports" in plain.stderr


def test_help_and_what_is_mistyped_are_the_parsers(home, fake):
    assert "Print an access token" in home.run("token", "--help").stdout
    for wrong in (["--scoep", "a"], ["--scope"], ["reports"]):
        done = home.run("token", *wrong)
        assert (done.returncode, done.stdout) == (2, ""), wrong
    assert fake.issued == 0


def test_on_a_terminal_it_is_printed_only_when_told(home, fake):
    shown, code = home.on_a_terminal("token")
    assert code == 1
    assert "--show" in shown
    assert "access-" not in shown
    assert fake.issued == 0
    assert home.on_a_terminal("token", "--show") == ("access-1\r\n", 0)


def test_one_that_is_nearly_over_is_replaced_and_kept_where_the_server_is_down(fake, monkeypatch):
    monkeypatch.setenv("REPORTS", "the secret of reports")
    clock = ManualClock(time.time())
    source = ClientCredentials(
        Server(fake.issuer, clock=clock), client_id="a", authentication=ClientSecret("env:REPORTS")
    )

    def printed():
        return lasting_token(source, clock).value.reveal()

    assert printed() == "access-1"
    clock.advance(0.69 * fake.lifetime)
    assert printed() == "access-1"
    clock.advance(0.02 * fake.lifetime)
    fake.scripts = [(503, {})] * 3
    assert printed() == "access-1"
    clock.advance(60)
    assert printed() == "access-2"


def test_what_keeps_it_from_printing_is_said_with_what_to_do(home, fake):
    fake.scripts = [(400, {"error": "invalid_scope"}), (401, {"error": "invalid_client"})]
    refused = home.run("token")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "ask for scopes that the client may have" in refused.stderr
    assert home.run("token").returncode == 1
    missing = home.run("token", env={"REPORTS": ""})
    assert (missing.returncode, missing.stdout) == (2, "")
    assert "the secret of reports" not in refused.stderr + missing.stderr
    home.write(me={"issuer": fake.issuer, "client_id": "tokenward-cli"})
    nobody = home.run("token")
    assert (nobody.returncode, nobody.stdout) == (1, "")
    assert nobody.stderr == "nobody is signed in as me, or no longer: tokenward login --profile me\n"
    home.write(me={"issuer": "http://127.0.0.1:1", "client_id": "a", "client_secret": "env:REPORTS"})
    assert home.run("token").returncode == 2


def test_a_secret_in_the_file_is_refused_with_what_mends_it(home, fake):
    home.write(me={"issuer": fake.issuer, "client_id": "a", "client_secret": "hunter2-the-secret"})
    done = home.run("token")
    assert (done.returncode, done.stdout) == (2, "")
    assert "env:NAME, file:PATH" in done.stderr
    assert "hunter2" not in done.stderr


def test_a_bound_token_comes_with_a_word_about_proofs(home, fake):
    fake.token_type = "DPoP"
    home.write(me={"issuer": fake.issuer, "client_id": "a", "client_secret": "env:REPORTS", "dpop": True})
    done = home.run("token")
    assert (done.returncode, done.stdout) == (0, "access-1\n")
    assert "`tokenward curl` makes" in done.stderr


def test_nobody_reads_is_no_traceback(home):
    with subprocess.Popen(
        [TOKENWARD, "token"], env=home.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as running:
        running.stdout.close()
        said = running.stderr.read().decode()
    assert "Traceback" not in said
    assert running.returncode == 2


@pytest.mark.parametrize(
    "command", [["token"], ["whoami"], ["whoami", "--json"], ["curl", "-s", "URL"]], ids=" ".join
)
@pytest.mark.parametrize("where", ["/dev/full", "closed"])
def test_what_cannot_be_written_is_told_in_a_line_and_is_no_success(home, fake, command, where):
    words = [f"{fake.api}/api" if word == "URL" else word for word in command]
    script = 'exec "$0" "$@" >&-' if where == "closed" else 'exec "$0" "$@" >/dev/full'
    done = subprocess.run(
        ["sh", "-c", script, TOKENWARD, *words], env=home.environment, stderr=subprocess.PIPE, text=True,
        timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.startswith("the output cannot be written: ")
    assert done.stderr.count("\n") == 1


def test_who_has_no_home_directory_is_told_so(monkeypatch):
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)

    def unknown(_uid):
        raise KeyError

    monkeypatch.setattr("pwd.getpwuid", unknown)
    with pytest.raises(ProfileError, match="no home directory: set HOME"):
        default_path()
    with pytest.raises(TokenError, match="no home directory: set HOME"):
        Vault()
    with pytest.raises(CannotKeep, match="no home directory: set HOME"):
        Places(Path()).reference("file", "API_KEY")
