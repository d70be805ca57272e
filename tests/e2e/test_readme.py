"""The README, the tutorial and the native app's page are followed to the letter, on free ports."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import pytest
from rich.text import Text

from tokenward.app.demo import APP, PERSON
from tokenward.app.story import follow, submit

ROOT = Path(__file__).parents[2]
FENCE = re.compile(r"^( *)```(\w+)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
ENVIRONMENT = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}


def _blocks(text: str) -> list[tuple[str, str]]:
    return [
        (language, re.sub(f"^{indent}", "", body, flags=re.MULTILINE))
        for indent, language, body in FENCE.findall(text)
    ]


def _shell(commands: list[str], cwd: Path) -> list[str]:
    """What each group of commands printed, all of them run in one shell that stops at the first failure."""
    mark = "--- next ---"
    script = f"\necho; echo '{mark}'\n".join(commands)
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=cwd, env=ENVIRONMENT, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return [part.strip() for part in done.stdout.split(mark)]


def test_the_five_commands_of_the_readme_give_the_output_that_it_shows(demo):
    chapter = (ROOT / "README.md").read_text().partition("## Five commands")[2].partition("\n## ")[0]
    chapter = chapter.replace("data/demo/demo.env", str(demo.directory / "demo.env"))
    for name, port in (("issuer", "8080"), ("gateway", "8000")):
        chapter = chapter.replace(f"http://127.0.0.1:{port}", demo.urls[name])
    blocks = _blocks(chapter)
    commands = [body for language, body in blocks if language == "sh"]
    told = [json.loads(body) for language, body in blocks if language == "json"]
    assert len(commands) == 5
    silent, *shown = _shell(commands, demo.directory)
    assert silent == ""
    without_balance = [re.sub(r'"balance": ?"[0-9.]+"', '"balance":"…"', text) for text in shown]
    expected = [re.sub(r'"balance": ?"[0-9.]+"', '"balance":"…"', json.dumps(each)) for each in told]
    assert [json.loads(text) for text in without_balance] == [json.loads(text) for text in expected]


def test_what_make_run_prints_is_what_the_readme_shows():
    from tokenward.app.cli.run import _POSTER  # noqa: PLC0415 - for this test alone

    listing = re.search(
        r"^  issuer .*^  bank .*?$", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL
    )
    urls = {"issuer": 8080, "gateway": 8000, "admin": 8081, "weather": 9001, "bank": 9002}
    poster = _POSTER.format(
        directory="data/demo", service="demo-service",
        **{name: f"http://127.0.0.1:{port}" for name, port in urls.items()},
    )  # fmt: skip
    assert listing is not None
    assert listing[0] in poster


def test_the_five_commands_that_the_demo_prints_tell_the_same_story(demo):
    from tokenward.app.cli.run import _poster  # noqa: PLC0415 - for this test alone

    printed = Text.from_markup(_poster(demo)).plain.partition("new at every start)\n")[2]
    assert re.findall(r"^\d(?= )", printed, re.MULTILINE) == list("12345")
    (told,) = _shell([re.sub(r"^\d ", "", printed, flags=re.MULTILINE)], demo.directory)
    accounts, tier, revoked, refused = map(
        told.find, ('"accounts"', "problem:insufficient_tier", "{}", "HTTP/1.1 401")
    )
    assert -1 < accounts < tier < revoked < refused


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [sock.getsockname()[1] for sock in sockets]
    for sock in sockets:
        sock.close()
    return ports


@contextlib.contextmanager
def _running(command: str, cwd: Path, url: str):
    """A server of the tutorial's second or third terminal, until it answers at all."""
    with (cwd / "terminal.log").open("ab") as log:
        process = subprocess.Popen(
            ["bash", "-c", f"exec {command}"], cwd=cwd, env=ENVIRONMENT, stdout=log, stderr=log
        )
        try:
            deadline = time.monotonic() + 30
            while time.monotonic() < deadline and process.poll() is None:
                with contextlib.suppress(httpx.HTTPError):
                    httpx.get(url, trust_env=False, timeout=1)
                    break
                time.sleep(0.05)
            yield
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(20)


def test_the_tutorial_can_be_followed(tmp_path):
    text = (ROOT / "docs" / "tutorial.md").read_text()
    ports = dict(zip(("8080", "8000", "8081", "9000"), map(str, _free_ports(4)), strict=True))
    moved = re.sub(r"(127\.0\.0\.1:|--port )(\d+)", lambda match: match[1] + ports[match[2]], text)
    blocks = _blocks(moved)
    program = next(body for language, body in blocks if language == "python")
    (tmp_path / "notes.py").write_text(program)
    commands = [body for language, body in blocks if language == "sh"][1:]  # the first one goes there
    api, up = [body.strip() for language, body in blocks if language == "console"]
    output = {language: [body for kind, body in blocks if kind == language] for language in ("json", "text")}
    _shell(commands[:1], tmp_path)
    with _running(api, tmp_path, f"http://127.0.0.1:{ports['9000']}/health"):
        refused, proposal = _shell(commands[1:3], tmp_path)
        assert json.loads(refused) == json.loads(output["json"][0])
        assert "wrote tokenward.yaml" in proposal
        assert (
            "no problems" in _shell([_on_ports(tmp_path / "tokenward.yaml", ports), commands[3]], tmp_path)[1]
        )
        health = f"http://127.0.0.1:{ports['8081']}/health"
        with _running(up, tmp_path, health):
            *_, calls, decision, revoked = _shell(commands[4:], tmp_path)
    assert calls.replace("\n", "") == output["json"][1].replace("\n", "")
    steps = [line for line in output["text"][-1].splitlines() if "authenticate" not in line]
    assert [line for line in decision.splitlines() if "authenticate" not in line] == steps
    assert json.loads(revoked) == json.loads(output["json"][2])


def _on_ports(configuration: Path, ports: dict[str, str]) -> str:
    edits = " ".join(f"-e s/127.0.0.1:{old}/127.0.0.1:{new}/g" for old, new in ports.items() if old != "9000")
    return f"sed -i {edits} {configuration.name}"


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_the_native_apps_program_signs_a_person_in(demo, monkeypatch):
    page = (ROOT / "docs" / "how-to" / "sign-in-from-a-native-app.md").read_text()
    program = next(body for language, body in _blocks(page) if language == "python")
    program = program.replace("http://127.0.0.1:8080", demo.urls["issuer"]).replace("notes-desk", APP)
    program = program.replace('"notes:read"', '"accounts:read"')

    def in_the_browser(url: str) -> None:
        with httpx.Client(trust_env=False, timeout=10) as http:
            story = demo.story(http)
            sign_in = follow(story, story.call("GET", url))
            entered = {"username": PERSON, "password": demo.cast.password.reveal()}
            consent = follow(story, submit(story, sign_in, **entered))
            http.get(submit(story, consent, decision="allow").headers["location"])

    browsers: list[threading.Thread] = []

    def open_browser(url: str) -> None:
        browsers.append(threading.Thread(target=in_the_browser, args=(url,)))
        browsers[0].start()

    monkeypatch.setattr("webbrowser.open", open_browser)
    names: dict[str, object] = {"__name__": "app"}
    exec(compile(program, "native-app", "exec"), names)
    browsers[0].join(10)
    assert names["tokens"].scope == "openid offline_access accounts:read"
    assert names["tokens"].refresh_token is not None
