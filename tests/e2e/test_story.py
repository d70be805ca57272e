"""The main job, told by the program itself and by hand."""

import re
import subprocess
import sys

import httpx
import pytest

from databases import postgres_database
from tokenward.app.demo import running_demo
from tokenward.app.story import Story, Unexpected
from tokenward.app.story_steps import STEPS
from tokenward.base.secret import Secret


def test_demo_once_tells_every_step_and_exits_with_success(tmp_path):
    told = subprocess.run(
        [sys.executable, "-m", "tokenward.app.cli", "demo", "--once", "--directory", str(tmp_path)],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert told.returncode == 0, told.stdout[-3000:] + told.stderr[-3000:]
    assert told.stdout.count("✓") == len(STEPS)
    assert f"all {len(STEPS)} steps had the expected outcome" in told.stdout
    secrets = dict(line.split("=", 1) for line in (tmp_path / "demo.env").read_text().splitlines())
    for secret in secrets.values():
        assert secret not in told.stdout
    assert (tmp_path / "demo.env").stat().st_mode & 0o077 == 0


def test_no_secret_of_the_story_reaches_the_output_the_log_or_the_database(demo, http, monkeypatch):
    made = []
    remember = Secret.__init__

    def remembering(self, value):
        remember(self, value)
        made.append(value)

    monkeypatch.setattr(Secret, "__init__", remembering)
    story = demo.story(http)
    shown = []
    for step in STEPS:
        step(story)
        shown += [text for exchange in story.exchanges for text in (exchange.sent, exchange.received)]
        story.exchanges.clear()
    made += [demo.cast.service_secret.reveal(), demo.cast.password.reveal()]
    places = {"output": "\n".join(shown).encode()}
    places |= {path.name: path.read_bytes() for path in demo.directory.rglob("*.log")}
    places |= {path.name: path.read_bytes() for path in demo.directory.rglob("tokenward.db*")}
    assert {"demo.log", "tokenward.db"} <= places.keys()
    secrets = [secret.encode() for secret in made if len(secret) >= 16]
    assert len(secrets) >= 10
    found = {name for name, content in places.items() if any(secret in content for secret in secrets)}
    assert not found
    assert not re.search(r"(?:form|request|started)(?:=|%3D)[\w-]{20}", "\n".join(shown))


def test_the_story_is_the_same_on_postgresql(tmp_path, monkeypatch):
    with postgres_database() as url:
        monkeypatch.setenv("TOKENWARD_TEST_DATABASE", url)
        with (
            running_demo(tmp_path, free_ports=True, store="env:TOKENWARD_TEST_DATABASE") as demo,
            httpx.Client(trust_env=False) as http,
        ):
            story = demo.story(http)
            for step in STEPS:
                step(story)
        assert not list(tmp_path.rglob("*.db"))


def test_an_address_of_the_issuer_where_nothing_is_answers_with_a_problem(demo, http):
    answer = http.get(f"{demo.urls['issuer']}/nothing")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


@pytest.mark.parametrize("broken", ["read_forecast", "transfer_with_a_bearer_token", "revoke"])
def test_a_step_whose_outcome_is_another_one_is_told(demo, broken):
    """The story can fail: here every answer is an empty 200."""
    step = {step.__name__: step for step in STEPS}[broken]
    transport = httpx.MockTransport(
        lambda _request: httpx.Response(200, json={"received": {"opaque_token_seen": True}})
    )
    with httpx.Client(transport=transport) as http:
        story: Story = demo.story(http)
        with pytest.raises(Unexpected):
            step(story)
