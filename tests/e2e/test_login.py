"""`tokenward login` as a person meets it: Chromium, another device, and what is left after `logout`."""

import json
import re
import shlex
import subprocess
import sys
import textwrap

import httpx
import pytest

from e2e.bank import until
from e2e.conftest import ARGUMENTS, CHROMIUM
from e2e.devices import enter_code
from tokenward.app.demo import PERSON
from workstation_home import TOKENWARD, Home

# What stands in $BROWSER: the address is its argument, and it ends when the application has its answer.
PERSON_AT_A_BROWSER = f"""
    import os, sys
    from playwright.sync_api import sync_playwright
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path={str(CHROMIUM)!r}, args={ARGUMENTS!r})
        page = chromium.new_page()
        page.goto(sys.argv[1])
        page.get_by_label("User name").fill({PERSON!r})
        page.get_by_label("Password").fill(os.environ["PERSONS_PASSWORD"])
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("button", name=os.environ["PERSONS_ANSWER"]).click()
        page.get_by_text("You are signed in, or not").wait_for()
        chromium.close()
"""


@pytest.fixture
def home(tmp_path, demo):
    made = Home(tmp_path)
    browser = tmp_path / "browser.py"
    browser.write_text(textwrap.dedent(PERSON_AT_A_BROWSER))
    made.environment |= {
        "BROWSER": f"{shlex.quote(sys.executable)} {browser} %s",
        "PERSONS_PASSWORD": demo.cast.password.reveal(),
        "PERSONS_ANSWER": "Allow",
    }
    return made


@pytest.fixture
def login(home, demo):
    def login(*options):
        audience = f"{demo.urls['gateway']}/bank"
        return home.run(
            "login", demo.urls["issuer"], "--profile", "me", "--audience", audience,
            "--scope", "accounts:read", "--scope", "profile", *options,
        )  # fmt: skip

    return login


def accounts(demo, token):
    return httpx.get(
        f"{demo.urls['gateway']}/bank/accounts",
        headers={"authorization": f"Bearer {token}"},
        trust_env=False,
    ).status_code


@pytest.mark.skipif(not CHROMIUM.exists(), reason="scripts/test-tools.sh installs Chromium")
def test_a_person_signs_in_with_chromium_uses_the_token_and_signs_out(home, demo, login):
    done = login()
    assert done.returncode == 0, done.stderr
    assert f"signed in as {PERSON}; this is profile me" in done.stderr
    assert "tkw_" not in done.stdout + done.stderr

    shown = home.run("whoami")
    assert shown.returncode == 0
    for text in (PERSON, demo.urls["issuer"], "accounts:read", "sign-in in the browser", "min left)"):
        assert text in shown.stdout
    assert "tkw_" not in shown.stdout
    assert not any("tkw_" in path.read_text(errors="replace") for path in files(home))

    token = home.run("token").stdout.strip()
    assert accounts(demo, token) == 200
    out = home.run("logout")
    assert (out.returncode, out.stderr) == (0, "me is signed out\n")
    assert until(lambda: accounts(demo, token) == 401)
    assert not [path for path in files(home) if path.suffix == ".token"]
    assert home.run("whoami").returncode == 1
    assert home.run("token").returncode == 1
    # The profile is left, and gone when that is asked for.
    assert home.profiles["me"]["audience"] == f"{demo.urls['gateway']}/bank"
    assert home.run("logout", "--remove").returncode == 0
    assert home.profiles == {}


@pytest.mark.skipif(not CHROMIUM.exists(), reason="scripts/test-tools.sh installs Chromium")
def test_who_says_no_is_not_signed_in(home, login):
    home.environment["PERSONS_ANSWER"] = "Deny"
    done = login()
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert not home.file.exists()


def files(home):
    return [path for path in home.path.rglob("*") if path.is_file()]


@pytest.fixture
def by_code(home, demo, http):
    """Signs in over ssh."""

    def by_code():
        options = ("--audience", f"{demo.urls['gateway']}/bank", "--scope", "accounts:read")
        environment = home.environment | {"SSH_CONNECTION": "192.0.2.1 50000 192.0.2.2 22"}
        command = [TOKENWARD, "login", demo.urls["issuer"], *options]
        with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as running:
            said = ""
            while not (code := re.search(r"^  ([A-Z0-9]{4}-[A-Z0-9]{4})$", said, re.MULTILINE)):
                line = running.stderr.readline()
                assert line, said
                said += line
            assert "/device" in said
            http.cookies.clear()  # another browser each time
            enter_code(demo, http, code[1])
            said += running.stderr.read()
        assert running.returncode == 0, said

    return by_code


def test_over_ssh_it_is_a_code_for_another_device(home, demo, by_code):
    by_code()
    assert home.run("whoami", "--json").returncode == 0
    assert accounts(demo, home.run("token").stdout.strip()) == 200
    assert home.run("logout").returncode == 0


def test_who_signs_in_again_leaves_no_tokens_of_before_alive(home, demo, by_code):
    by_code()
    first = home.run("token").stdout.strip()
    assert accounts(demo, first) == 200
    by_code()
    assert until(lambda: accounts(demo, first) == 401)
    assert accounts(demo, home.run("token").stdout.strip()) == 200


def test_a_program_logs_in_with_a_reference_and_a_literal_is_refused(home, demo):
    secret = demo.cast.service_secret.reveal()
    home.environment["DEMO_SECRET"] = secret
    options = ("login", demo.urls["issuer"], "--profile", "job", "--client-id", "demo-service")
    done = home.run(*options, "--client-secret", "env:DEMO_SECRET", "--scope", "accounts:read")
    assert (done.returncode, done.stderr) == (0, "signed in as demo-service; this is profile job\n")
    assert accounts(demo, home.run("token").stdout.strip()) == 200
    assert not any(secret in path.read_text(errors="replace") for path in files(home))
    literal = home.run(*options, "--client-secret", secret)
    assert literal.returncode == 2
    assert "env:NAME, file:PATH" in literal.stderr
    assert "shell's history" in literal.stderr
    assert secret not in literal.stderr
    wrong = home.run(*options, "--client-secret", "env:NOT_THERE")
    assert wrong.returncode == 2
    assert "NOT_THERE is not set" in wrong.stderr
    home.environment["DEMO_SECRET"] = "another"
    assert home.run(*options, "--client-secret", "env:DEMO_SECRET").returncode == 1
    home.environment["DEMO_SECRET"] = secret


def test_a_run_of_a_program_has_a_token_of_its_own_that_ends_with_it(home, demo, tmp_path):
    home.environment["DEMO_SECRET"] = demo.cast.service_secret.reveal()
    options = ("--client-id", "demo-service", "--client-secret", "env:DEMO_SECRET")
    home.run("login", demo.urls["issuer"], "--profile", "job", "--scope", "accounts:read", *options)
    kept = home.run("token").stdout.strip()
    done = home.run(
        "run", "sh", "-c", f'echo "$ACCESS_TOKEN" > {tmp_path}/own; sleep 0.1; echo "$ACCESS_TOKEN"'
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "[secret]\n", "")
    own = (tmp_path / "own").read_text().strip()
    (tmp_path / "own").unlink()
    assert own.startswith("tkw_at_")
    assert own != kept
    assert until(lambda: accounts(demo, own) == 401)
    assert accounts(demo, kept) == 200


def test_curl_calls_the_gateway_with_a_bound_token(home, demo):
    home.environment["DEMO_SECRET"] = demo.cast.service_secret.reveal()
    url = f"{demo.urls['gateway']}/bank"
    options = ("--client-id", "demo-service", "--client-secret", "env:DEMO_SECRET", "--dpop")
    home.run("login", demo.urls["issuer"], "--audience", url, "--scope", "accounts:read", *options)
    done = home.run("curl", "-s", f"{url}/accounts")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["accounts"]
    # A copy of it is worth nothing.
    assert accounts(demo, home.run("token").stdout.strip()) == 401


def test_what_cannot_be_revoked_is_forgotten_all_the_same(home, demo):
    home.environment["DEMO_SECRET"] = demo.cast.service_secret.reveal()
    options = ("--client-id", "demo-service", "--client-secret", "env:DEMO_SECRET")
    home.run("login", demo.urls["issuer"], "--profile", "job", "--scope", "accounts:read", *options)
    del home.environment["DEMO_SECRET"]
    done = home.run("logout", "--all")
    assert done.returncode == 2
    assert "its tokens are forgotten here; the issuer was not told" in done.stderr
    assert not [path for path in files(home) if path.suffix == ".token"]
