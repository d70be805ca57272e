"""`tokenward scan --check`: nobody is asked unless named, and about production only if somebody says so.

A server on this machine stands in for the providers: it is put in the place of what carries questions, and
sees the host that a question was for.
"""

import json
import logging
import sys
from hashlib import sha256
from http.server import BaseHTTPRequestHandler
from urllib.parse import urlsplit

import pytest
from typer.testing import CliRunner

from serving import serving
from tokenward.app import consent, inquiries, live_checks
from tokenward.app.cli import application
from tokenward.app.live_checks import checked, name_of, providers
from tokenward.app.scanning import searcher
from tokenward.base.clock import ManualClock
from tokenward.base.outbound import OutboundClient
from tokenward.leaks.collecting import Collector
from tokenward.leaks.detectors import published_examples
from tokenward.leaks.rulebook.loading import load
from tokenward.leaks.rulebook.templates import fill
from tokenward.leaks.scan import scan
from tokenward.leaks.sources.tree import Tree
from tokenward.leaks.validity import asking

GITHUB = fill("{checksum:crc-of-body ghp_}", "live").decode()
TELEGRAM = fill("{digits:10}:AA{base62:33}", "live").decode()
STRIPE = fill("sk_live_{base62:24}", "live").decode()
STRIPE_TEST = fill("sk_test_{base62:24}", "live").decode()
SID, TWILIO = fill("AC{hex:32}", "live").decode(), fill("{hex:32}", "live").decode()


class World:
    """The providers, the directory that is scanned, and the command."""

    def __init__(self, directory, origin):
        self.directory = directory
        self.origin = origin
        self.asked = []
        self.answers = {}

    def write(self, name, text):
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def scan(self, *options, form="json"):
        arguments = ["scan", str(self.directory), "--format", form, *options]
        result = CliRunner().invoke(application, arguments)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    def findings(self, *options):
        result = self.scan(*options)
        assert result.exit_code == 1, result.output
        return {each["rule"]["id"]: each.get("validity") for each in json.loads(result.stdout)["findings"]}


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """Rules are proved once for all of these tests."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def world(tmp_path, monkeypatch, cache):
    class Provider(BaseHTTPRequestHandler):
        def do_GET(self):
            length = int(self.headers.get("content-length", 0))
            host = self.headers["x-meant-for"]
            w.asked.append((host, self.command, self.path, dict(self.headers), self.rfile.read(length)))
            status, body = w.answers.get(host, (200, {}))
            answer = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        do_POST = do_GET  # noqa: N815 - the name that the server looks for

    class Standin(OutboundClient):
        """Carries a question that is meant for a provider to the server of this test."""

        def __init__(self, **settings):
            super().__init__(allow=("127.0.0.1",), https_only=False, **settings)

        async def ask_async(self, method, url, *, headers, **more):
            parts = urlsplit(url)
            assert parts.scheme == "https"
            here = w.origin + url.removeprefix(f"https://{parts.netloc}")
            return await super().ask_async(
                method, here, headers={**headers, "x-meant-for": parts.netloc}, **more
            )

    directory = tmp_path / "app"
    directory.mkdir()
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    monkeypatch.setattr(live_checks, "OutboundClient", Standin)
    monkeypatch.setattr(asking, "PAUSE", 0)
    with serving(Provider) as origin:
        w = World(directory, origin)
        yield w


def hosts(w):
    return sorted(host for host, *_ in w.asked)


def test_without_the_option_nobody_is_asked(world):
    world.write("a.py", f"T = '{GITHUB}'\nS = '{STRIPE_TEST}'\n")
    assert world.findings() == {"github-personal-access-token": None, "stripe-test-key": None}
    assert world.asked == []


def test_without_the_option_nothing_is_even_made_ready_for_it(world, monkeypatch):
    def made_ready(*_about, **_more):
        raise AssertionError("nobody wanted it")

    monkeypatch.setattr(inquiries, "inquiry", made_ready)
    world.write("a.py", f"T = '{GITHUB}'\n")
    assert world.findings() == {"github-personal-access-token": None}


def test_only_the_provider_that_was_named_is_asked(world):
    world.write("a.py", f"T = '{GITHUB}'\nS = '{STRIPE_TEST}'\n")
    found = world.findings("--check", "github")
    assert found["github-personal-access-token"]["state"] == "valid"
    assert found["stripe-test-key"] is None
    ((host, method, path, headers, body),) = world.asked
    assert (host, method, path, body) == ("api.github.com", "GET", "/user", b"")
    assert headers["Authorization"] == f"Bearer {GITHUB}"
    assert headers["Accept"] == "application/vnd.github+json"


@pytest.mark.parametrize(
    ("answer", "state"), [((200, {}), "valid"), ((401, {}), "refused"), ((503, {}), "unknown")]
)
def test_what_was_answered_stands_in_every_form_and_changes_no_exit_code(world, answer, state):
    world.write("a.py", f"T = '{GITHUB}'\n")
    world.answers["api.github.com"] = answer
    found = world.findings("--check", "GitHub")["github-personal-access-token"]
    assert (found["state"], found["asked"]) == (state, "api.github.com")
    assert found["why"] == f"it answered {answer[0]}"
    sarif = json.loads(world.scan("--check", "github", form="sarif").stdout)
    (result,) = sarif["runs"][0]["results"]
    assert {**result["properties"]["validity"], "at": ""} == {**found, "at": ""}
    for form in ("terminal", "html", "markdown"):
        shown = world.scan("--check", "github", form=form)
        assert (shown.exit_code, f"it answered {answer[0]}" in " ".join(shown.stdout.split())) == (1, True)


def test_a_secret_in_many_places_is_asked_about_once(world):
    for number in range(9):
        world.write(f"a{number}.py", f"T = '{GITHUB}'\n")
    world.findings("--check", "github", "--check", "github")
    assert len(world.asked) == 1


def test_a_question_may_have_a_body_and_a_second_part(world):
    world.write("a.py", f"client = Client('{SID}', '{TWILIO}')\n")
    world.findings("--check", "twilio", "--check-production")
    ((host, _, path, headers, _),) = world.asked
    assert (host, path) == ("api.twilio.com", f"/2010-04-01/Accounts/{SID}.json")
    assert headers["Authorization"].startswith("Basic ")


def test_a_read_only_post_says_how_long_it_is(world):
    world.write("a.py", fill("K = 'lin_api_{base62:40}'\n", "live").decode())
    world.answers["api.linear.app"] = (200, {"data": {"viewer": {"id": "1"}}})
    assert world.findings("--check", "linear")["linear-api-key"]["state"] == "valid"
    ((_, method, _, headers, body),) = world.asked
    assert (method, headers["Content-Type"]) == ("POST", "application/json")
    assert json.loads(body) == {"query": "{ viewer { id } }"}


# Production


@pytest.mark.parametrize("name", ["a.py", "deploy/production/a.py"])
def test_production_is_not_touched_where_nobody_can_be_asked(world, name):
    world.write(name, f"S = '{STRIPE if name == 'a.py' else STRIPE_TEST}'\n")
    result = world.scan("--check", "stripe")
    (found,) = json.loads(result.stdout)["findings"]
    assert found["validity"]["state"] == "unknown"
    assert found["validity"]["why"] == "not asked, it touches production"
    assert "--check-production permits it" in result.stderr
    assert (world.asked, result.exit_code) == ([], 1)


def test_what_is_no_production_is_asked_about_all_the_same(world):
    world.write("a.py", f"S = '{STRIPE}'\nT = '{STRIPE_TEST}'\n")
    found = world.findings("--check", "stripe")
    assert (found["stripe-secret-key"]["state"], found["stripe-test-key"]["state"]) == ("unknown", "valid")
    ((_, _, _, headers, _),) = world.asked
    assert headers["Authorization"] == f"Bearer {STRIPE_TEST}"


def test_whoever_says_so_beforehand_is_not_asked(world):
    world.write("a.py", f"S = '{STRIPE}'\n")
    assert world.findings("--check", "stripe", "--check-production")["stripe-secret-key"]["state"] == "valid"
    assert hosts(world) == ["api.stripe.com"]


def test_the_flag_alone_asks_nobody(world):
    world.write("a.py", f"S = '{STRIPE}'\n")
    assert world.findings("--check-production") == {"stripe-secret-key": None}
    assert world.asked == []


class Terminal:
    def __init__(self, stream, is_one=True):
        self._stream, self._is_one = stream, is_one

    def isatty(self):
        return self._is_one

    def __getattr__(self, name):
        return getattr(self._stream, name)


@pytest.mark.parametrize(
    ("stdin", "stderr", "answer", "asked"),
    [
        (True, True, True, ["api.stripe.com"]),
        (True, True, False, []),
        (False, True, True, []),
        (True, False, True, []),
    ],
)
def test_at_a_terminal_its_user_is_asked(world, monkeypatch, stdin, stderr, answer, asked):
    questions = []

    def confirm(text, *, default, err):
        questions.append((text, default, err))
        return answer

    class System:
        """`sys` of the module that asks, whatever the runner puts there."""

        def __getattr__(self, name):
            terminals = {"stdin": stdin, "stderr": stderr}
            return Terminal(getattr(sys, name), terminals[name])

    monkeypatch.setattr(consent, "sys", System())
    monkeypatch.setattr(consent.typer, "confirm", confirm)
    world.write("a.py", f"S = '{STRIPE}'\n")
    result = world.scan("--check", "stripe")
    assert hosts(world) == asked
    if stdin and stderr:
        assert questions == [("Ask api.stripe.com whether 1 credential of production is live?", False, True)]
        assert "Stripe live secret key: sk_live_… (32 characters)" in result.stderr
        assert "a.py:1:6" in result.stderr
    else:
        assert questions == []
    assert STRIPE not in result.stdout + result.stderr


# What is left out


def test_what_is_accepted_is_nobodys_business(world):
    world.write("a.py", f"T = '{GITHUB}'  # tokenward:allow reason=revoked\n")
    assert world.scan("--check", "github").exit_code == 0
    assert world.asked == []


def test_what_a_provider_has_published_is_not_asked_about(world, monkeypatch):
    world.write("a.py", f"T = '{GITHUB}'\n")
    beginning = sha256(GITHUB.encode()).hexdigest()[:16]
    monkeypatch.setitem(published_examples._PUBLISHED, beginning, "GitHub's documentation")
    found = world.findings("--check", "github", "--confidence", "low")
    assert found == {"github-personal-access-token": None}
    assert world.asked == []


ACME = """
provider = "Acme"
rotate = "https://acme.example/keys"

[check.me]
method = "GET"
url = "https://api.acme.example/me"
headers = { X-Key = "{secret}" }
valid = [200]
docs = "https://acme.example/docs"

[[rule]]
id = "acme-key"
what = "Acme key"
pattern = '\\bacme_[0-9a-z]{20}\\b'
severity = "high"
confidence = "medium"
check = "me"
examples = ["key: acme_{lowerdigits:20}"]
counterexamples = ["key: acme_{lowerdigits:19}"]
"""


def test_rules_of_a_user_may_ask_and_nothing_below_the_confidence_that_counts(world, tmp_path):
    rules = tmp_path / "acme.toml"
    rules.write_text(ACME)
    world.write("a.py", fill("K = 'acme_{lowerdigits:20}'\n", "live").decode())
    options = ("--rules", str(rules), "--check", "acme")
    assert world.scan(*options, "--confidence", "high").exit_code == 0
    assert world.asked == []
    assert world.findings(*options)["acme-key"]["state"] == "valid"
    assert hosts(world) == ["api.acme.example"]


@pytest.mark.parametrize("option", ["--pre-receive", "--pre-push=origin"])
def test_a_hook_that_takes_what_others_push_asks_nobody(world, option):
    result = CliRunner().invoke(application, ["scan", option, "--check", "github"], input="")
    assert (result.exit_code, "hook" in result.stderr) == (2, True)
    assert world.asked == []


def test_a_baseline_is_written_without_asking_anybody(world, tmp_path):
    world.write("a.py", f"T = '{GITHUB}'\n")
    baseline = ("--update-baseline", "--baseline", str(tmp_path / "b.json"), "--reason", "x")
    result = world.scan("--check", "github", *baseline)
    assert (result.exit_code, "--update-baseline" in result.stderr) == (2, True)
    assert world.asked == []
    assert not (tmp_path / "b.json").exists()


@pytest.mark.parametrize("name", ["all", "*", "", "acme", "pypi"])
def test_an_unknown_name_ends_it_before_anything_is_scanned(world, name):
    world.write("a.py", f"T = '{GITHUB}'\n")
    result = world.scan("--check", "github", "--check", name)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "github" in result.stderr
    assert world.asked == []


def test_names_are_those_of_the_rules_in_small_letters(world):
    assert name_of("Hugging Face") == "hugging-face"
    assert providers(load(), ["Hugging Face", "GITHUB"]) == {"Hugging Face", "GitHub"}


def test_an_interruption_leaves_the_rest_unknown(world, monkeypatch):
    world.write("a.py", f"T = '{GITHUB}'\n")

    async def interrupted(*_about, **_more):
        raise KeyboardInterrupt

    monkeypatch.setattr(live_checks, "ask", interrupted)
    found = world.findings("--check", "github")["github-personal-access-token"]
    assert (found["state"], found["why"]) == ("unknown", "not asked, interrupted")


# What must not come out


@pytest.mark.parametrize("status", [200, 401, 429, 500, 302])
def test_a_secret_in_an_address_is_in_no_output_and_no_log(world, caplog, status):
    caplog.set_level(logging.DEBUG)
    world.write("bot.py", f"TOKEN = '{TELEGRAM}'\n")
    world.answers["api.telegram.org"] = (status, {"ok": True})
    for form in ("json", "terminal", "html", "sarif", "markdown"):
        result = world.scan("--check", "telegram", form=form)
        assert result.exit_code == 1
        assert TELEGRAM not in result.output + result.stderr + caplog.text
        assert TELEGRAM.partition(":")[2] not in result.output + result.stderr + caplog.text
    assert {path for _, _, path, _, _ in world.asked} == {f"/bot{TELEGRAM}/getMe"}


def test_what_cannot_be_reached_is_told_without_the_address(world, caplog):
    caplog.set_level(logging.DEBUG)
    world.write("bot.py", f"TOKEN = '{TELEGRAM}'\n")
    world.origin = "http://127.0.0.1:9"
    result = world.scan("--check", "telegram")
    (found,) = json.loads(result.stdout)["findings"]
    assert found["validity"]["why"] == "it cannot be reached"
    assert TELEGRAM.partition(":")[2] not in result.output + result.stderr + caplog.text


def test_a_real_client_refuses_what_is_not_public(world):
    """Whatever a name leads to: the client that is used when no test stands in its way is the safe one."""
    inside = OutboundClient(timeout=live_checks.SECONDS, resolver=lambda *_: ["127.0.0.1"])
    world.write("a.py", f"T = '{GITHUB}'\n")
    collector, result = _scanned(world)
    (found,) = checked(
        result, collector, {"GitHub"}, lambda *_: False, transport=inside, clock=ManualClock()
    ).findings
    assert found.validity.why == "its name leads to an address that is not public"
    assert world.asked == []


def _scanned(world):
    search = searcher()
    collector = Collector(search.rules, b"k" * 32)
    result = scan(Tree([world.directory]), search, collector, workers=1, progress=lambda _: None)
    return collector, result
